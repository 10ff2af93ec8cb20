#include "send_parts.h"

#include "endpoint_check.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/json.h"
#include "http/query.h"
#include "http/url.h"
#include "model/media_type.h"
#include "provider/provider.h"

#define DAY_US            (INT64_C(86400) * CLOCK_SEC)
#define SCHEDULE_MAX_US   (60 * DAY_US) /* partitions exist for that long ahead */
#define EXPIRE_DEFAULT_US DAY_US
#define EXPIRE_MAX_US     (90 * DAY_US)
#define PHONE_DIGITS_MIN  5
#define PHONE_DIGITS_MAX  15
#define VCARD_MAX         (32 * 1024)

void
send_complain(const struct send_reading *r, const char *path, const char *text)
{
	json_errors_add(r->e, slice_of(path), text);
}

/* ---- chat and times ---- */

void
send_read_chat(const struct send_reading *r, const char *path, struct slice to)
{
	struct provider_chat chat;

	if (to.p == NULL)
		return;
	if (provider_chat_parse(to, r->a, &chat) != GH_OK ||
	    chat.kind == PROVIDER_CHAT_NEWSLETTER || chat.kind == PROVIDER_CHAT_BROADCAST) {
		send_complain(r, path,
			      "must be a number of 7 to 15 digits with country code, or end in "
			      "@c.us, @g.us or @lid");
		return;
	}
	r->row->chat_key = chat.key;
	r->row->lane_key = chat.lane_key;
	r->row->to = to;
}

/* A due time that has passed means now. */
void
send_read_times(const struct send_reading *r, int64_t scheduled_at_us, int64_t expires_at_us)
{
	int64_t now_us = clock_wall_us();
	int64_t due_us = now_us;

	if (scheduled_at_us > now_us + SCHEDULE_MAX_US)
		send_complain(r, "scheduled_at", "must be at most 60 days ahead");
	else if (scheduled_at_us > now_us)
		due_us = r->row->scheduled_at_us = scheduled_at_us;
	r->row->expires_at_us = due_us + EXPIRE_DEFAULT_US;
	if (expires_at_us == 0)
		return;
	r->row->expires_at_us = expires_at_us;
	if (expires_at_us <= due_us)
		send_complain(r, "expires_at", "must be later than now and than scheduled_at");
	else if (expires_at_us > now_us + EXPIRE_MAX_US)
		send_complain(r, "expires_at", "must be at most 90 days ahead");
}

/* ---- place and contact ---- */

static const struct json_rule place_table[] = {SEND_PLACE_RULES(struct message_place, )};
const struct json_rules send_place_rules = {place_table, GH_COUNT(place_table)};

void
send_read_place(struct send_reading *r, const char *prefix, const struct json *v)
{
	if (v == NULL)
		return; /* the table above has complained */
	r->payload.has_place = true;
	(void)json_check(v, place_table, GH_COUNT(place_table), prefix, &r->payload.place, NULL,
			 r->e);
}

static bool
is_phone(struct slice s)
{
	size_t digits = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] >= '0' && s.p[i] <= '9')
			digits++;
		else if (strchr("+-(). ", s.p[i]) == NULL)
			return false;
	}
	return digits >= PHONE_DIGITS_MIN && digits <= PHONE_DIGITS_MAX;
}

const char *
send_phone_refusal(struct slice s)
{
	unsigned count = 0;

	for (struct slice rest = s; rest.p != NULL;)
		if (!is_phone(slice_cut(rest, ',', &rest)) || ++count > MESSAGE_PHONES_MAX)
			return "must be 1 to 10 phone numbers, separated by commas";
	return NULL;
}

const char *
send_email_refusal(struct slice s)
{
	struct slice host;
	struct slice user = slice_cut(s, '@', &host);

	return s.n == 0 || (user.n > 0 && host.n > 0) ? NULL : "must be an e-mail address";
}

static const struct json_rule contact_table[] = {SEND_CONTACT_RULES(struct message_contact, )};
const struct json_rules send_contact_rules = {contact_table, GH_COUNT(contact_table)};

static const char *
path_in(const struct send_reading *r, const char *prefix, const char *name)
{
	return prefix[0] == '\0' ? name : arena_printf(r->a, "%s.%s", prefix, name);
}

static struct slice
none_if_empty(struct slice s)
{
	return s.n > 0 ? s : SLICE_NONE;
}

void
send_take_contact(struct send_reading *r, const char *prefix, const struct message_contact *c)
{
	r->payload.has_contact = true;
	r->payload.contact = *c;
	r->payload.contact.organization = none_if_empty(c->organization);
	r->payload.contact.email = none_if_empty(c->email);
	if (c->name.n == 0)
		send_complain(r, path_in(r, prefix, "name"), "is required");
	if (c->phone.p == NULL)
		send_complain(r, path_in(r, prefix, "phone"), "is required");
}

void
send_read_contact(struct send_reading *r, const char *prefix, const struct json *v)
{
	struct message_contact c = {.name = SLICE_NONE};

	if (v == NULL)
		return;
	(void)json_check(v, contact_table, GH_COUNT(contact_table), prefix, &c, NULL, r->e);
	send_take_contact(r, prefix, &c);
}

void
send_read_vcard(struct send_reading *r, const char *path, struct slice vcard)
{
	r->payload.has_contact = true;
	r->payload.contact.vcard = vcard;
	if (vcard.n > VCARD_MAX)
		send_complain(r, path, "longer than 32768 bytes");
	else if (!slice_starts(vcard, S("BEGIN:VCARD")))
		send_complain(r, path, "must be a vCard");
}

/* ---- mentions ---- */

static const char *
mention_refusal(struct send_reading *r, struct slice *list, struct slice text)
{
	struct provider_chat chat;

	if (r->payload.mention_count == MESSAGE_MENTIONS_MAX)
		return "more than 256 numbers";
	if (provider_chat_parse(slice_trim(text), r->a, &chat) != GH_OK ||
	    (chat.kind != PROVIDER_CHAT_PERSON && chat.kind != PROVIDER_CHAT_LID))
		return "must be \"all\", or numbers with country code";
	list[r->payload.mention_count++] = chat.key;
	return NULL;
}

void
send_read_mentions(struct send_reading *r, const char *path, const struct json *v)
{
	struct slice *list, rest = json_str(v);
	const char *why = NULL;

	if (json_is_null(v) || (json_type(v) == JSON_STRING && rest.n == 0))
		return;
	list = arena_alloc_array(r->a, MESSAGE_MENTIONS_MAX, sizeof(*list));
	r->payload.mentions = list;
	if (json_count(v) == 1 && slice_eq(json_str(json_first(v)), S("all")))
		rest = S("all");
	if (slice_eq_nocase(rest, S("all"))) {
		list[0] = S("all");
		r->payload.mention_count = 1;
		if (r->row->chat_key.p != NULL && !slice_ends(r->row->chat_key, S("@g.us")))
			send_complain(r, path, "\"all\" is for groups");
		return;
	}
	if (json_type(v) != JSON_STRING && json_type(v) != JSON_ARRAY)
		why = "must be text or an array";
	while (rest.p != NULL && why == NULL)
		why = mention_refusal(r, list, slice_cut(rest, ',', &rest));
	if (json_type(v) == JSON_ARRAY)
		for (v = json_first(v); v != NULL && why == NULL; v = json_next(v))
			why = mention_refusal(r, list, json_str(v));
	if (why != NULL)
		send_complain(r, path, why);
}

/* ---- files and texts ---- */

/* The last segment of the path, decoded; SLICE_NONE when that is none. */
static struct slice
url_file_name(struct slice target, struct arena *a)
{
	struct slice query, path = slice_cut(target, '?', &query), name;
	size_t at = path.n;

	while (at > 0 && path.p[at - 1] != '/')
		at--;
	if (percent_decode(slice_from(path, at), false, a, &name) != GH_OK || name.n == 0 ||
	    utf8_count(name) > SEND_NAME_MAX || slice_index(name, '/') >= 0)
		return SLICE_NONE;
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
			return SLICE_NONE;
	return name;
}

void
send_read_url(struct send_reading *r, const char *path, struct slice url, struct slice name)
{
	const char *why, *mime_type;
	struct url u;

	if (url.p == NULL)
		return;
	why = endpoint_url_refusal(url, r->policy);
	if (why != NULL) {
		send_complain(r, path, why);
		return;
	}
	if (url_parse(url, &u, NULL) == GH_OK && name.p == NULL)
		name = url_file_name(u.target, r->a);
	mime_type = media_type_of_name(name);
	if (mime_type == NULL || !media_type_fits(slice_of(mime_type), r->row->kind))
		mime_type = media_type_default(r->row->kind);
	r->row->media_url = url;
	r->payload.file.mime_type = slice_of(mime_type);
	r->payload.file.name = name;
}

void
send_read_content(const struct send_reading *r, const char *path, struct slice content)
{
	if (r->row->kind == MSG_TEXT && content.p == NULL)
		send_complain(r, path, "is required");
	else if (r->row->kind != MSG_TEXT && utf8_count(content) > SEND_CAPTION_MAX)
		send_complain(r, path, "longer than 1024 characters");
	r->row->content = content;
}

void
send_read_end(struct send_reading *r)
{
	r->row->payload = message_payload_write(&r->payload, r->a);
}
