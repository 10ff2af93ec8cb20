/* uazapi_session.c - UAZAPI's instances, our sessions: made, steered, asked about
 * (contracts/uazapi.md sections 4, 7, 16.5). Pure.
 *
 * A session is an instance's name, its key the instance's token. There is one way down: a
 * disconnect, which drops the pairing too, so that STOP and LOGOUT are the same call.
 */
#include "provider/uazapi.h"

#include "base/arena.h"
#include "base/buf.h"
#include "http/json.h"

#define PHONE_DIGITS_MAX 15
#define LIST_MAX         (16 * 1024 * 1024) /* thousands of instances */
/* Of a health probe: it is the first bytes of the list that prove the key. The first object, a QR
 * code in it, fits. */
#define PROBE_MAX (64 * 1024)

/* ---- requests ---- */

/* method on path, with the body that was ended in *out, or none. */
static enum gh_code
request_on(const struct provider_server *server, const char *method, const char *path,
	   struct arena *a, struct provider_request *out, struct gh_err *err)
{
	struct buf url;

	out->method = method;
	out->is_idempotent = true;
	translate_url_start(&url, a, server, path);
	return translate_url_end(&url, out, err);
}

static void
add_number(struct json_w *w, const char *name, int64_t n)
{
	json_w_str(w, name, slice_of(arena_printf(w->b->a, "%lld", (long long)n)));
}

/* The names that an administrator sees there lead back to our rows. Older builds know the call as
 * /instance/init. */
enum gh_code
uazapi_build_session_create(const struct provider_server *server, const struct provider_call *call,
			    struct arena *a, struct provider_request *out, struct gh_err *err)
{
	struct provider_request *older;
	struct buf body;
	struct json_w w;
	enum gh_code rc;

	translate_body_start(&body, a, &w);
	json_w_str(&w, "name", call->session);
	json_w_str(&w, "systemName", S("growhub"));
	add_number(&w, "adminField01", call->spec->company_id);
	add_number(&w, "adminField02", call->spec->instance_id);
	rc = translate_body_end(&body, &w, out, err);
	if (rc != GH_OK)
		return rc;
	older = arena_alloc(a, sizeof(*older));
	*older = *out;
	rc = request_on(server, "POST", "/instance/init", a, older, err);
	if (rc == GH_OK)
		rc = request_on(server, "POST", "/instance/create", a, out, err);
	out->or_else = older;
	/* A second one would be made. */
	out->is_idempotent = older->is_idempotent = false;
	return rc;
}

enum gh_code
uazapi_build_session_list(const struct provider_server *server, const struct provider_call *call,
			  struct arena *a, struct provider_request *out, struct gh_err *err)
{
	out->answer_max = call->op == PROVIDER_OP_SERVER_VERSION ? PROBE_MAX : LIST_MAX;
	return request_on(server, "GET", "/instance/all", a, out, err);
}

/* State, code, profile: one call tells all. The code changes about every 20 s and only the first
 * one is pushed, so it is asked for here (section 4.2). */
enum gh_code
uazapi_build_session_get(const struct provider_server *server, const struct provider_call *call,
			 struct arena *a, struct provider_request *out, struct gh_err *err)
{
	if (call->op == PROVIDER_OP_QR && !call->want_image)
		return gh_fail(err, GH_EPERM,
			       "uazapi has no call for this: its QR code is a picture (uazapi.md "
			       "section 4.2)");
	return request_on(server, "GET", "/instance/status", a, out, err);
}

/* Exactly what becomes facts of our API (growhub-api.md section 7). */
static const char *const webhook_events[] = {
	"connection", "messages", "messages_update", "call", "groups", "presence",
};

/* The simple mode: one webhook, made or replaced, whatever a lost answer left behind. Nothing is
 * excluded: the echo of our own sends supplies the id when their answer was lost (section 7). */
enum gh_code
uazapi_build_session_update(const struct provider_server *server, const struct provider_call *call,
			    struct arena *a, struct provider_request *out, struct gh_err *err)
{
	struct buf body;
	struct json_w w;
	enum gh_code rc;

	translate_body_start(&body, a, &w);
	json_w_str(&w, "url", call->spec->webhook_url);
	json_w_bool(&w, "enabled", true);
	json_w_open(&w, "events", '[');
	for (size_t i = 0; i < GH_COUNT(webhook_events); i++)
		json_w_str(&w, NULL, slice_of(webhook_events[i]));
	json_w_close(&w, ']');
	json_w_open(&w, "excludeMessages", '[');
	json_w_close(&w, ']');
	json_w_bool(&w, "addUrlEvents", false);
	json_w_bool(&w, "addUrlTypesMessages", false);
	rc = translate_body_end(&body, &w, out, err);
	return rc != GH_OK ? rc : request_on(server, "POST", "/webhook", a, out, err);
}

/* SESSION_START: {} begins a pairing by QR code, or connects what is paired. PAIR_CODE: {"phone"};
 * there is a code only when the session was disconnected (section 4.2). */
enum gh_code
uazapi_build_session_connect(const struct provider_server *server, const struct provider_call *call,
			     struct arena *a, struct provider_request *out, struct gh_err *err)
{
	bool is_code = call->op == PROVIDER_OP_PAIR_CODE;
	struct buf body;
	struct json_w w;
	enum gh_code rc;

	if (is_code && (call->phone.n == 0 || call->phone.n > PHONE_DIGITS_MAX))
		return gh_fail(err, GH_EINVAL, "uazapi: a pairing code needs a phone number");
	translate_body_start(&body, a, &w);
	if (is_code)
		json_w_str(&w, "phone", call->phone);
	rc = translate_body_end(&body, &w, out, err);
	return rc != GH_OK ? rc : request_on(server, "POST", "/instance/connect", a, out, err);
}

static enum gh_code
post_nothing(const struct provider_server *server, const char *path, struct arena *a,
	     struct provider_request *out, struct gh_err *err)
{
	out->body = S("{}");
	return request_on(server, "POST", path, a, out, err);
}

enum gh_code
uazapi_build_session_disconnect(const struct provider_server *server,
				const struct provider_call *call GH_UNUSED, struct arena *a,
				struct provider_request *out, struct gh_err *err)
{
	return post_nothing(server, "/instance/disconnect", a, out, err);
}

enum gh_code
uazapi_build_session_reset(const struct provider_server *server,
			   const struct provider_call *call GH_UNUSED, struct arena *a,
			   struct provider_request *out, struct gh_err *err)
{
	return post_nothing(server, "/instance/reset", a, out, err);
}

enum gh_code
uazapi_build_session_delete(const struct provider_server *server,
			    const struct provider_call *call GH_UNUSED, struct arena *a,
			    struct provider_request *out, struct gh_err *err)
{
	return request_on(server, "DELETE", "/instance", a, out, err);
}

/* The account's own, or a sign in one chat. */
enum gh_code
uazapi_build_presence(const struct provider_server *server, const struct provider_call *call,
		      struct arena *a, struct provider_request *out, struct gh_err *err)
{
	static const struct {
		struct slice word;
		bool is_of_chat;
	} words[] = {
		[PROVIDER_PRESENCE_AVAILABLE] = {{"available", 9}, false},
		[PROVIDER_PRESENCE_UNAVAILABLE] = {{"unavailable", 11}, false},
		[PROVIDER_PRESENCE_COMPOSING] = {{"composing", 9}, true},
		[PROVIDER_PRESENCE_RECORDING] = {{"recording", 9}, true},
		[PROVIDER_PRESENCE_PAUSED] = {{"paused", 6}, true},
	};
	bool is_of_chat = words[call->presence].is_of_chat;
	struct provider_chat chat;
	struct buf body;
	struct json_w w;
	enum gh_code rc;

	if (is_of_chat && call->chat.p == NULL)
		return gh_fail(err, GH_EPERM,
			       "uazapi has no call for this: %.*s outside a chat (uazapi.md "
			       "section 16.5)",
			       S_FMT(words[call->presence].word));
	if (is_of_chat && provider_chat_parse(call->chat, a, &chat) != GH_OK)
		return gh_fail(err, GH_EINVAL, "uazapi: not a chat id");
	translate_body_start(&body, a, &w);
	if (is_of_chat)
		json_w_str(&w, "number", uazapi_number(&chat));
	json_w_str(&w, "presence", words[call->presence].word);
	rc = translate_body_end(&body, &w, out, err);
	if (rc != GH_OK)
		return rc;
	return request_on(server, "POST", is_of_chat ? "/message/presence" : "/instance/presence",
			  a, out, err);
}

/* ---- privacy ---- */

/* The provider's word for each of ours; NULL: the setting has no such value there. */
static const struct privacy_key {
	const char *name;
	const char *words[PROVIDER_PRIVACY_WORDS];
} privacy_keys[PROVIDER_PRIVACY_COUNT] = {
#define WHO_MAY                                                                                    \
	{                                                                                          \
		[PROVIDER_PRIVACY_ALL] = "all", [PROVIDER_PRIVACY_CONTACTS] = "contacts",          \
		[PROVIDER_PRIVACY_BLACKLIST] = "contact_blacklist",                                \
		[PROVIDER_PRIVACY_NONE] = "none",                                                  \
	}
	[PROVIDER_PRIVACY_READRECEIPTS] =
		{"readreceipts",
		 {[PROVIDER_PRIVACY_ALL] = "all", [PROVIDER_PRIVACY_NONE] = "none"}},
	[PROVIDER_PRIVACY_GROUPS] = {"groupadd", WHO_MAY},
	[PROVIDER_PRIVACY_CALLS] =
		{"calladd",
		 {[PROVIDER_PRIVACY_ALL] = "all", [PROVIDER_PRIVACY_CONTACTS] = "known"}},
	[PROVIDER_PRIVACY_LAST] = {"last", WHO_MAY},
	[PROVIDER_PRIVACY_ABOUT] = {"status", WHO_MAY},
	[PROVIDER_PRIVACY_PICTURE] = {"profile", WHO_MAY},
#undef WHO_MAY
};

enum gh_code
uazapi_build_privacy_get(const struct provider_server *server,
			 const struct provider_call *call GH_UNUSED, struct arena *a,
			 struct provider_request *out, struct gh_err *err)
{
	return request_on(server, "GET", "/instance/privacy", a, out, err);
}

enum gh_code
uazapi_build_privacy_set(const struct provider_server *server, const struct provider_call *call,
			 struct arena *a, struct provider_request *out, struct gh_err *err)
{
	struct buf body;
	struct json_w w;
	enum gh_code rc;

	translate_body_start(&body, a, &w);
	for (size_t i = 0; i < PROVIDER_PRIVACY_COUNT; i++) {
		const struct privacy_key *key = &privacy_keys[i];
		enum provider_privacy_word word = call->privacy[i];

		if (word == PROVIDER_PRIVACY_UNKNOWN)
			continue;
		if (key->words[word] == NULL)
			return gh_fail(err, GH_EINVAL,
				       "uazapi: %s has no such value (uazapi.md section 16.5)",
				       key->name);
		json_w_str(&w, key->name, slice_of(key->words[word]));
	}
	rc = translate_body_end(&body, &w, out, err);
	return rc != GH_OK ? rc : request_on(server, "POST", "/instance/privacy", a, out, err);
}

void
uazapi_read_privacy(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	if (json_type(doc) != JSON_OBJECT) {
		translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
		return;
	}
	for (size_t i = 0; i < PROVIDER_PRIVACY_COUNT; i++) {
		struct slice word = json_str(json_get(doc, privacy_keys[i].name));

		for (size_t k = 0; k < PROVIDER_PRIVACY_WORDS; k++)
			if (word.n > 0 && slice_eq(word, slice_of(privacy_keys[i].words[k])))
				out->privacy[i] = (enum provider_privacy_word)k;
	}
}

/* ---- states ---- */

enum provider_session
uazapi_session_state(struct slice word)
{
	static const struct {
		const char *word;
		enum provider_session state;
	} words[] = {
		{"connected", PROVIDER_SESSION_CONNECTED},
		{"connecting", PROVIDER_SESSION_CONNECTING},
		{"disconnected", PROVIDER_SESSION_DISCONNECTED},
	};

	for (size_t i = 0; i < GH_COUNT(words); i++)
		if (slice_eq_nocase(word, slice_of(words[i].word)))
			return words[i].state;
	return PROVIDER_SESSION_UNKNOWN;
}

enum provider_session
uazapi_instance_state(const struct json *instance)
{
	enum provider_session state = uazapi_session_state(json_str(json_get(instance, "status")));
	bool has_code = json_str(json_get(instance, "qrcode")).n > 0 ||
			json_str(json_get(instance, "paircode")).n > 0;

	return state == PROVIDER_SESSION_CONNECTING && has_code ? PROVIDER_SESSION_QR : state;
}

/* Any other reason can heal by connecting again. */
bool
uazapi_instance_is_unpaired(const struct json *instance)
{
	struct slice why = json_str(json_get(instance, "lastDisconnectReason"));
	const struct json *owner = json_get(instance, "owner");

	/* The last account's number stays while there is none (section 4.1): without any there
	 * never was one. Events do not name it here. */
	return (json_type(owner) == JSON_STRING && json_str(owner).n == 0) ||
	       slice_starts(why, S("401")) || translate_has_words(why, S("logged out"));
}

/* What an answer with {"instance","status"} says: usable is connected and logged in, both. */
static enum provider_session
told_state(const struct json *doc)
{
	enum provider_session state = uazapi_instance_state(json_get(doc, "instance"));
	const struct json *status = json_get(doc, "status");

	if (json_type(status) != JSON_OBJECT)
		return state;
	if (json_bool(json_get(status, "resetting"), false))
		return PROVIDER_SESSION_CONNECTING;
	if (json_bool(json_get(status, "connected"), false) &&
	    json_bool(json_get(status, "loggedIn"), false))
		return PROVIDER_SESSION_CONNECTED;
	return state == PROVIDER_SESSION_CONNECTED ? PROVIDER_SESSION_CONNECTING : state;
}

/* Text in captures, {"user","agent","device","server"} in the published file. */
static struct slice
jid_read(const struct json *jid, struct arena *a)
{
	struct slice user = json_str(json_get(jid, "user"));
	struct slice host = json_str(json_get(jid, "server"));
	int64_t device = json_i64(json_get(jid, "device"), 0);

	if (json_type(jid) == JSON_STRING)
		return json_str(jid).n > 0 ? json_str(jid) : SLICE_NONE;
	if (user.n == 0)
		return SLICE_NONE;
	if (host.n == 0)
		host = S("s.whatsapp.net");
	if (device == 0)
		return slice_of(arena_printf(a, "%.*s@%.*s", S_FMT(user), S_FMT(host)));
	return slice_of(
		arena_printf(a, "%.*s:%lld@%.*s", S_FMT(user), (long long)device, S_FMT(host)));
}

/* SLICE_NONE for an empty text: this server writes "" for "none". */
static struct slice
text_at(const struct json *v, const char *name)
{
	struct slice s = json_str(json_get(v, name));

	return s.n > 0 ? s : SLICE_NONE;
}

/* ---- answers ---- */

void
uazapi_read_session(const struct json *doc, struct arena *a, struct provider_result *out)
{
	const struct json *instance = json_get(doc, "instance");
	struct provider_chat own;

	if (json_type(instance) != JSON_OBJECT) {
		translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
		return;
	}
	out->session_word = json_str(json_get(instance, "status"));
	out->session = told_state(doc);
	out->pair_code = text_at(instance, "paircode");
	out->is_unpaired = out->session == PROVIDER_SESSION_DISCONNECTED &&
			   uazapi_instance_is_unpaired(instance);
	/* The owner may be that of before. */
	if (out->session != PROVIDER_SESSION_CONNECTED)
		return;
	out->own_name = text_at(instance, "profileName");
	out->own_jid = jid_read(json_path(doc, "status.jid"), a);
	out->own_number = text_at(instance, "owner");
	if (out->own_number.p == NULL && out->own_jid.p != NULL &&
	    provider_chat_parse(out->own_jid, a, &own) == GH_OK && own.kind == PROVIDER_CHAT_PERSON)
		out->own_number = own.user;
}

void
uazapi_read_session_create(const struct json *doc, struct arena *a GH_UNUSED,
			   struct provider_result *out)
{
	const struct json *instance = json_get(doc, "instance");

	out->session_key = text_at(doc, "token");
	if (out->session_key.p == NULL)
		out->session_key = text_at(instance, "token");
	/* Something was made perhaps, but nothing can be done with it: it is to be found. */
	if (out->session_key.p == NULL) {
		translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
		return;
	}
	out->session = uazapi_instance_state(instance);
	out->session_word = json_str(json_get(instance, "status"));
}

void
uazapi_read_session_down(const struct json *doc GH_UNUSED, struct arena *a GH_UNUSED,
			 struct provider_result *out)
{
	out->session = PROVIDER_SESSION_DISCONNECTED;
}

/* Also when it was under way already, or has to wait a moment. */
void
uazapi_read_session_reset(const struct json *doc GH_UNUSED, struct arena *a GH_UNUSED,
			  struct provider_result *out)
{
	out->session = PROVIDER_SESSION_CONNECTING;
}

/* There is no code in this state of the session. */
static void
no_code(struct provider_result *out)
{
	static const char *const codes[] = {
		[PROVIDER_SESSION_UNKNOWN] = "session_not_working",
		[PROVIDER_SESSION_CONNECTING] = "session_connecting",
		[PROVIDER_SESSION_QR] = "session_unpaired",
		[PROVIDER_SESSION_DISCONNECTED] = "session_stopped",
		[PROVIDER_SESSION_FAILED] = "session_failed",
	};

	if (out->session == PROVIDER_SESSION_CONNECTED)
		translate_set(out, PROVIDER_REJECTED, "already_connected");
	else
		translate_set(out, PROVIDER_PARK_INSTANCE, codes[out->session]);
}

void
uazapi_read_qr(const struct json *doc, struct arena *a, struct provider_result *out)
{
	struct slice code = json_str(json_path(doc, "instance.qrcode"));
	struct slice data;
	struct slice head = slice_cut(code, ',', &data);

	uazapi_read_session(doc, a, out);
	if (out->outcome != PROVIDER_OK)
		return;
	/* "data:image/png;base64,...", in this state alone: a code may be left from the last. */
	if (out->session != PROVIDER_SESSION_QR || data.n == 0 || !slice_starts(head, S("data:"))) {
		no_code(out);
		return;
	}
	out->qr = data;
	out->qr_type = slice_cut(slice_from(head, 5), ';', &data);
}

void
uazapi_read_pair_code(const struct json *doc, struct arena *a, struct provider_result *out)
{
	uazapi_read_session(doc, a, out);
	if (out->outcome == PROVIDER_OK && out->pair_code.p == NULL)
		no_code(out);
}

/* Of ourselves there is no call: the state tells (section 16.5). */
void
uazapi_read_profile(const struct json *doc, struct arena *a, struct provider_result *out)
{
	uazapi_read_session(doc, a, out);
	out->own_name = text_at(json_get(doc, "instance"), "profileName");
	out->picture_url = text_at(json_get(doc, "instance"), "profilePicUrl");
}

void
uazapi_read_server(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	/* Some other server answers here: the address is wrong. */
	if (json_type(doc) != JSON_ARRAY)
		translate_set(out, PROVIDER_PARK_PROVIDER, "provider_path");
}

static const char *const list_secrets[] = {"token", "openai_apikey", "qrcode", "paircode",
					   "proxy_url"};

void
uazapi_read_session_list(const struct json *doc, struct arena *a, struct provider_result *out)
{
	static const struct translate_listing how = {.state = uazapi_instance_state,
						     .secrets = list_secrets,
						     .secret_count = GH_COUNT(list_secrets)};

	translate_read_sessions(doc, &how, a, out);
}

/* Keys are for who looks for one session, not for who looks at all. */
void
uazapi_read_session_find(const struct json *doc, struct arena *a, struct provider_result *out)
{
	static const struct translate_listing how = {.state = uazapi_instance_state,
						     .key = "token",
						     .secrets = list_secrets,
						     .secret_count = GH_COUNT(list_secrets)};

	translate_read_sessions(doc, &how, a, out);
}
