/* provider.c - the table of providers and what all translators share: chat ids,
 * words, bounded text. Pure; see provider.h for the promises.
 */
#include "provider/provider.h"

#include "base/arena.h"

static const struct provider *const provider_table[] = {
	&provider_waha,
	&provider_uazapi,
};

const char *
provider_session_name(enum provider_session session)
{
	static const char *const names[] = {
		[PROVIDER_SESSION_UNKNOWN] = "unknown",
		[PROVIDER_SESSION_CONNECTED] = "connected",
		[PROVIDER_SESSION_CONNECTING] = "connecting",
		[PROVIDER_SESSION_QR] = "qr",
		[PROVIDER_SESSION_DISCONNECTED] = "disconnected",
		[PROVIDER_SESSION_FAILED] = "failed",
	};

	return (size_t)session < GH_COUNT(names) ? names[session] : "unknown";
}

const char *
provider_outcome_name(enum provider_outcome outcome)
{
	static const char *const names[] = {
		[PROVIDER_OK] = "ok",
		[PROVIDER_RETRY] = "retry",
		[PROVIDER_REJECTED] = "rejected",
		[PROVIDER_UNKNOWN] = "unknown",
		[PROVIDER_PARK_INSTANCE] = "park_instance",
		[PROVIDER_PARK_PROVIDER] = "park_provider",
	};

	return (size_t)outcome < GH_COUNT(names) ? names[outcome] : "unknown";
}

const char *
provider_fact_name(enum provider_fact_kind kind)
{
	static const char *const names[] = {
		[PROVIDER_FACT_OTHER] = "other",       [PROVIDER_FACT_MESSAGE] = "message",
		[PROVIDER_FACT_STATUS] = "status",     [PROVIDER_FACT_SESSION] = "session",
		[PROVIDER_FACT_REACTION] = "reaction", [PROVIDER_FACT_EDITED] = "edited",
		[PROVIDER_FACT_REVOKED] = "revoked",   [PROVIDER_FACT_GROUP] = "group",
		[PROVIDER_FACT_PRESENCE] = "presence", [PROVIDER_FACT_CALL] = "call",
		[PROVIDER_FACT_POLL] = "poll",
	};

	return (size_t)kind < GH_COUNT(names) ? names[kind] : "other";
}

/* ---- chats ---- */

#define PHONE_DIGITS_MIN 7
#define PHONE_DIGITS_MAX 15
#define ID_DIGITS_MAX    40 /* lids, channels and groups are longer than phones */

static bool
is_digits(struct slice s, size_t min, size_t max)
{
	if (s.n < min || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* "<digits>" or the old "<creator>-<epoch>". */
static bool
is_group_user(struct slice user)
{
	struct slice rest;
	struct slice first = slice_cut(user, '-', &rest);

	if (rest.p == NULL)
		return is_digits(user, 1, ID_DIGITS_MAX);
	return is_digits(first, 1, ID_DIGITS_MAX) && is_digits(rest, 1, ID_DIGITS_MAX);
}

static void
chat_set_person(struct slice digits, struct arena *a, struct provider_chat *out)
{
	out->kind = PROVIDER_CHAT_PERSON;
	out->user = arena_dup(a, digits);
	out->key = slice_of(arena_printf(a, "%.*s@c.us", S_FMT(digits)));
	out->lane_key = out->key;
	/* 55 + two digits of area + 9 + eight digits: half of the older accounts answer
	 * only to the spelling without the 9 (waha.md section 3.1). */
	if (digits.n == 13 && slice_starts(digits, S("55")) && digits.p[4] == '9')
		out->lane_key = slice_of(arena_printf(a, "%.4s%.8s@c.us", digits.p, digits.p + 5));
}

enum gh_code
provider_chat_parse(struct slice id, struct arena *a, struct provider_chat *out)
{
	struct slice host;
	struct slice user = slice_cut(id, '@', &host);
	struct slice device;

	if (host.p == NULL) {
		if (user.n > 0 && user.p[0] == '+')
			user = slice_from(user, 1);
		host = S("c.us");
	}
	if (slice_eq(host, S("c.us")) || slice_eq(host, S("s.whatsapp.net"))) {
		user = slice_cut(user, ':', &device);
		if (!is_digits(user, PHONE_DIGITS_MIN, PHONE_DIGITS_MAX))
			return GH_EINVAL;
		chat_set_person(user, a, out);
		return GH_OK;
	}
	if (slice_eq(host, S("lid"))) {
		user = slice_cut(user, ':', &device);
		out->kind = PROVIDER_CHAT_LID;
	} else if (slice_eq(host, S("g.us"))) {
		out->kind = PROVIDER_CHAT_GROUP;
	} else if (slice_eq(host, S("newsletter"))) {
		out->kind = PROVIDER_CHAT_NEWSLETTER;
	} else if (slice_eq(host, S("broadcast"))) {
		out->kind = PROVIDER_CHAT_BROADCAST;
	} else {
		return GH_EINVAL;
	}
	if (!(out->kind == PROVIDER_CHAT_GROUP ? is_group_user(user)
					       : is_digits(user, 1, ID_DIGITS_MAX)) &&
	    !(out->kind == PROVIDER_CHAT_BROADCAST && slice_eq(user, S("status"))))
		return GH_EINVAL;
	out->user = arena_dup(a, user);
	out->key = slice_of(arena_printf(a, "%.*s@%.*s", S_FMT(user), S_FMT(host)));
	out->lane_key = out->key;
	return GH_OK;
}

/* ---- text ---- */

void
provider_text_set(char dst[PROVIDER_TEXT_MAX + 1], struct slice words)
{
	size_t n = words.n < PROVIDER_TEXT_MAX ? words.n : PROVIDER_TEXT_MAX;

	/* Never cut inside a character: step back over continuation bytes. */
	if (n < words.n)
		while (n > 0 && ((unsigned char)words.p[n] & 0xC0) == 0x80)
			n--;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)words.p[i];

		dst[i] = c < 0x20 || c == 0x7F ? ' ' : (char)c;
	}
	dst[n] = '\0';
	if (utf8_valid(slice_make(dst, n)))
		return;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)dst[i] >= 0x80)
			dst[i] = '?';
}

/* ---- the table ---- */

const struct provider *
provider_find(struct slice name)
{
	for (size_t i = 0; i < GH_COUNT(provider_table); i++)
		if (slice_eq(name, slice_of(provider_table[i]->name)))
			return provider_table[i];
	return NULL;
}

enum gh_code
provider_build(const struct provider *p, const struct provider_server *server,
	       const struct provider_call *call, struct arena *a, struct provider_request *out,
	       struct gh_err *err)
{
	return p->build(server, call, a, out, err);
}

void
provider_interpret(const struct provider *p, enum provider_op op,
		   const struct provider_answer *answer, struct arena *a,
		   struct provider_result *out)
{
	p->interpret(op, answer, a, out);
}

void
provider_read_action(const struct provider *p, enum provider_action action,
		     const struct provider_answer *answer, struct arena *a,
		     struct provider_result *out)
{
	p->interpret(PROVIDER_OP_ACTION, answer, a, out);
	if (out->outcome == PROVIDER_OK)
		p->read_action(action, answer, a, out);
	if (out->external_id.n > PROVIDER_ID_MAX)
		out->external_id = SLICE_NONE;
}

enum gh_code
provider_parse_event(const struct provider *p, struct slice body, struct arena *a,
		     struct provider_event *out, struct gh_err *err)
{
	return p->parse_event(body, a, out, err);
}

enum gh_code
provider_verify(const struct provider *p, struct slice key, struct slice signature,
		struct slice body)
{
	return p->verify(key, signature, body);
}

bool
provider_send_ref(const struct provider *p, enum msg_kind kind, struct uuid message,
		  char dst[PROVIDER_SEND_REF_SIZE])
{
	return p->send_ref(kind, message, dst);
}

const char *
provider_send_gap(const struct provider *p, enum msg_kind kind)
{
	return p->send_gap(kind);
}

struct slice
provider_words(struct slice type, struct slice engine, struct arena *a)
{
	if (engine.n == 0)
		return type;
	return slice_of(arena_printf(a, "%.*s, engine %.*s", S_FMT(type), S_FMT(engine)));
}
