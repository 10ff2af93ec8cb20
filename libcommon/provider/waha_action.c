/* waha_action.c - direct actions on WAHA: one table from action to call (contracts/waha.md
 * sections 5, 6, 8, 18; numbers in parentheses are those). What the engines answer is read in
 * translate_group.c where it is about groups.
 */
#include "provider/waha.h"

#include "base/arena.h"
#include "base/buf.h"
#include "http/json.h"
#include "http/url.h"
#include "provider/translate_action.h"
#include "provider/waha_event.h"

/* ---- ids ---- */

struct provider_message_ref
waha_split_id(struct slice text)
{
	struct waha_id id = waha_id_split(text);

	return (struct provider_message_ref){
		.full = id.has_from_me ? id.full : SLICE_NONE,
		.bare = id.bare,
		.chat = id.chat,
		.participant = id.participant,
		.is_from_me = id.is_from_me,
	};
}

struct slice
waha_full_id(const struct provider_message_ref *m, struct arena *a)
{
	const char *direction = m->is_from_me ? "true" : "false";

	if (m->full.n > 0)
		return m->full;
	if (m->participant.n > 0)
		return slice_of(arena_printf(a, "%s_%.*s_%.*s_%.*s", direction, S_FMT(m->chat),
					     S_FMT(m->bare), S_FMT(m->participant)));
	return slice_of(arena_printf(a, "%s_%.*s_%.*s", direction, S_FMT(m->chat), S_FMT(m->bare)));
}

/* The chat as the id itself says it: WAHA looks the message up there. */
static struct slice
chat_of(const struct provider_message_ref *m)
{
	return m->full.n > 0 ? waha_id_split(m->full).chat : m->chat;
}

/* ---- bodies: members of the open object; session stands there where the path has none ---- */

typedef void body_fn(struct json_w *w, const struct provider_act *act, struct arena *a);

static void
body_react(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	json_w_str(w, "messageId", waha_full_id(&act->message[0], a));
	json_w_str(w, "reaction", act->text);
}

static void
body_seen(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	json_w_str(w, "chatId", act->chat);
	json_w_open(w, "messageIds", '[');
	for (unsigned i = 0; i < act->message_count; i++)
		json_w_str(w, NULL, waha_full_id(&act->message[i], a));
	json_w_close(w, ']');
	if (act->message_count > 0 && act->message[0].participant.n > 0)
		json_w_str(w, "participant", act->message[0].participant);
}

static void
body_presence(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_str(w, "chatId", act->chat);
	json_w_str(w, "presence", slice_eq(act->text, S("composing")) ? S("typing") : act->text);
}

static void
body_forward(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	json_w_str(w, "chatId", act->chat);
	json_w_str(w, "messageId", waha_full_id(&act->message[0], a));
}

static void
body_text(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_str(w, "text", act->text);
}

/* (18.1) Both names: an absent one risks a sample name of the server's. */
static void
body_names(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_str(w, "firstName", act->name);
	json_w_str(w, "lastName", S(""));
}

static void
body_contact(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_str(w, "contactId", act->chat);
}

static void
body_people(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_open(w, "participants", '[');
	for (unsigned i = 0; i < act->people_count; i++) {
		json_w_open(w, NULL, '{');
		json_w_str(w, "id", act->people[i]);
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
}

static void
body_group(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	json_w_str(w, "name", act->name);
	body_people(w, act, a);
}

static void
body_code(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_str(w, "code", act->text);
}

static void
body_subject(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_str(w, "subject", act->name);
}

static void
body_topic(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_str(w, "description", act->text);
}

static void
body_file(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_open(w, "file", '{');
	json_w_str(w, "mimetype", act->file_type);
	if (act->file_url.n > 0)
		json_w_str(w, "url", act->file_url);
	else
		json_w_str(w, "data", act->file_data);
	json_w_close(w, '}');
}

/* ---- answers; doc is NULL where the body is no JSON (18: plain text, nothing) ---- */

typedef void read_fn(const struct json *doc, const struct provider_answer *answer, struct arena *a,
		     struct provider_result *out);

/* (18.3) 200 with "false" means that WhatsApp did not allow it. */
static void
read_done(const struct json *doc, const struct provider_answer *answer GH_UNUSED,
	  struct arena *a GH_UNUSED, struct provider_result *out)
{
	if ((json_type(doc) == JSON_BOOL && !json_bool(doc, true)) ||
	    !json_bool(json_get(doc, "success"), true))
		translate_refuse(out, PROVIDER_REJECTED, "not_allowed", S("not allowed"));
}

static void
read_sent(const struct json *doc, const struct provider_answer *answer, struct arena *a,
	  struct provider_result *out)
{
	struct waha_id id;

	read_done(doc, answer, a, out);
	if (out->outcome == PROVIDER_OK && waha_id_read(doc, &id))
		out->external_id = id.bare;
}

/* (8) null: nothing there, or not downloaded by configuration; url null: the download failed. */
static void
read_message_file(const struct json *doc, const struct provider_answer *answer GH_UNUSED,
		  struct arena *a, struct provider_result *out)
{
	const struct json *media = json_get(doc, "media");

	if (json_type(doc) != JSON_OBJECT) {
		translate_refuse(out, PROVIDER_REJECTED, "not_found",
				 S("the provider has no such message"));
		return;
	}
	if (json_is_null(media)) {
		translate_refuse(out, PROVIDER_REJECTED, "not_found",
				 S("the message has no media"));
		return;
	}
	translate_data_file(json_str(json_get(media, "url")), json_str(json_get(media, "mimetype")),
			    json_str(json_get(media, "filename")), a, out);
}

static void
read_bytes(const struct json *doc GH_UNUSED, const struct provider_answer *answer,
	   struct arena *a GH_UNUSED, struct provider_result *out)
{
	translate_data_bytes(answer, out);
}

/* (18.1) Everything but id is optional, and differs by engine. */
static void
contact_write(const struct json *v, struct json_w *w, struct arena *a)
{
	struct slice id = json_str(json_get(v, "id"));
	struct translate_contact c = {
		.name = json_str(json_get(v, "name")),
		.contact_name = json_str(json_get(v, "name")),
		.wa_name = json_str(json_get(v, "pushname")),
		.first_name = json_str(json_get(v, "shortName")),
		.blocked = json_get(v, "isBlocked"),
		.business = json_get(v, "isBusiness"),
	};

	c.jid = id.p != NULL ? id : json_str(json_path(v, "id._serialized"));
	translate_contact_write(&c, w, a);
}

static void
read_contacts(const struct json *doc, const struct provider_answer *answer GH_UNUSED,
	      struct arena *a, struct provider_result *out)
{
	if (json_type(doc) == JSON_ARRAY)
		translate_data_rows(doc, contact_write, a, out);
	else
		translate_unreadable(out);
}

static void
read_contact(const struct json *doc, const struct provider_answer *answer GH_UNUSED,
	     struct arena *a, struct provider_result *out)
{
	if (json_type(doc) == JSON_OBJECT) /* NOWEB, unknown: nothing */
		translate_data_row(doc, contact_write, a, out);
}

static void
read_about(const struct json *doc, const struct provider_answer *answer GH_UNUSED, struct arena *a,
	   struct provider_result *out)
{
	translate_data_str(json_str(json_get(doc, "about")), a, out);
}

static void
read_picture(const struct json *doc, const struct provider_answer *answer GH_UNUSED,
	     struct arena *a, struct provider_result *out)
{
	struct slice url = json_str(json_get(doc, "profilePictureURL"));

	translate_data_str(url.p != NULL ? url : json_str(json_get(doc, "url")), a, out);
}

/* (18.1) GOWS may still tell an id of a number that does not exist. */
static void
read_number(const struct json *doc, const struct provider_answer *answer GH_UNUSED, struct arena *a,
	    struct provider_result *out)
{
	const struct json *exists = json_get(doc, "numberExists");

	if (json_type(exists) != JSON_BOOL) {
		translate_unreadable(out);
		return;
	}
	out->is_found = json_bool(exists, false);
	if (out->is_found)
		out->chat = translate_chat_key(json_str(json_get(doc, "chatId")), a);
}

static void
read_group(const struct json *doc, const struct provider_answer *answer, struct arena *a,
	   struct provider_result *out)
{
	/* (18.4) WEBJS answers a refusal with its words. */
	if (json_type(doc) != JSON_OBJECT) {
		if (doc == NULL && answer->body.n > 0)
			translate_refuse(out, PROVIDER_REJECTED, "not_allowed", answer->body);
		else if (json_type(doc) == JSON_STRING)
			translate_refuse(out, PROVIDER_REJECTED, "not_allowed", json_str(doc));
		else
			translate_refuse(out, PROVIDER_REJECTED, "not_found", S("no such group"));
		return;
	}
	translate_data_row(doc, translate_group_write, a, out);
}

static void
read_members(const struct json *doc, const struct provider_answer *answer, struct arena *a,
	     struct provider_result *out)
{
	if (doc == NULL && answer->body.n > 0) {
		translate_refuse(out, PROVIDER_REJECTED, "not_allowed", answer->body);
		return;
	}
	read_done(doc, answer, a, out);
	if (out->outcome == PROVIDER_OK)
		translate_data_row(doc, translate_members_write, a, out);
}

static void
read_join(const struct json *doc, const struct provider_answer *answer GH_UNUSED, struct arena *a,
	  struct provider_result *out)
{
	struct slice id = json_str(json_get(doc, "id"));

	if (id.n > 0)
		out->chat = translate_chat_key(id, a);
}

/* (18.3) The bare code, or the whole link; plain text. */
static void
read_link(const struct json *doc, const struct provider_answer *answer, struct arena *a,
	  struct provider_result *out)
{
	translate_data_link(
		json_type(doc) == JSON_STRING ? json_str(doc) : slice_trim(answer->body), a, out);
}

/* ---- the table ---- */

#define MESSAGE_PATH "/api/{session}/chats/{message_chat}/messages/{message}"
#define GROUP_PATH   "/api/{session}/groups/{chat}"

/* path: {session} {chat} {message} {message_chat} {text} are percent-encoded, {limit} {offset}
 * numbers, {file} the end of a media URL. method NULL: waha_action_gap says where. */
static const struct action_row {
	const char *method, *path;
	body_fn *body;
	read_fn *read;
} rows[PROVIDER_ACTION_COUNT] = {
	[ACTION_REACT] = {"PUT", "/api/reaction", body_react, read_done},
	[ACTION_MARK_READ] = {"POST", "/api/sendSeen", body_seen, read_done},
	[ACTION_CHAT_PRESENCE] = {"POST", "/api/{session}/presence", body_presence, read_done},
	[ACTION_FORWARD] = {"POST", "/api/forwardMessage", body_forward, read_sent},
	[ACTION_DELETE] = {"DELETE", MESSAGE_PATH, NULL, read_done},
	[ACTION_EDIT] = {"PUT", MESSAGE_PATH, body_text, read_sent},
	[ACTION_MESSAGE_FILE] = {"GET", MESSAGE_PATH "?downloadMedia=true", NULL,
				 read_message_file},
	[ACTION_FILE] = {"GET", "/api/files/{file}", NULL, read_bytes},
	[ACTION_CONTACTS] = {"GET",
			     "/api/contacts/all?session={session}&limit={limit}&offset={offset}"
			     "&sortBy=id&sortOrder=asc",
			     NULL, read_contacts},
	[ACTION_CONTACT] = {"GET", "/api/contacts?contactId={chat}&session={session}", NULL,
			    read_contact},
	[ACTION_CONTACT_ADD] = {"PUT", "/api/{session}/contacts/{chat}", body_names, read_done},
	[ACTION_CONTACT_BLOCK] = {"POST", "/api/contacts/block", body_contact, read_done},
	[ACTION_CONTACT_UNBLOCK] = {"POST", "/api/contacts/unblock", body_contact, read_done},
	[ACTION_CONTACT_ABOUT] = {"GET", "/api/contacts/about?contactId={chat}&session={session}",
				  NULL, read_about},
	[ACTION_CONTACT_PICTURE] = {"GET",
				    "/api/contacts/profile-picture?contactId={chat}"
				    "&session={session}",
				    NULL, read_picture},
	[ACTION_NUMBER_CHECK] = {"GET", "/api/contacts/check-exists?phone={text}&session={session}",
				 NULL, read_number},
	[ACTION_GROUP_CREATE] = {"POST", "/api/{session}/groups", body_group, read_group},
	[ACTION_GROUP] = {"GET", GROUP_PATH, NULL, read_group},
	[ACTION_GROUP_MEMBERS] = {"GET", GROUP_PATH "/participants/v2", NULL, read_members},
	[ACTION_GROUP_INVITE] = {"GET", "/api/{session}/groups/join-info?code={text}", NULL,
				 read_group},
	[ACTION_GROUP_JOIN] = {"POST", "/api/{session}/groups/join", body_code, read_join},
	[ACTION_GROUP_SUBJECT] = {"PUT", GROUP_PATH "/subject", body_subject, read_done},
	[ACTION_GROUP_TOPIC] = {"PUT", GROUP_PATH "/description", body_topic, read_done},
	[ACTION_GROUP_PICTURE] = {"PUT", GROUP_PATH "/picture", body_file, read_done},
	[ACTION_GROUP_PICTURE_REMOVE] = {"DELETE", GROUP_PATH "/picture", NULL, read_done},
	[ACTION_GROUP_PICTURE_GET] = {"GET", GROUP_PATH "/picture", NULL, read_picture},
	[ACTION_GROUP_ADD] = {"POST", GROUP_PATH "/participants/add", body_people, read_members},
	[ACTION_GROUP_REMOVE] = {"POST", GROUP_PATH "/participants/remove", body_people,
				 read_members},
	[ACTION_GROUP_PROMOTE] = {"POST", GROUP_PATH "/admin/promote", body_people, read_members},
	[ACTION_GROUP_DEMOTE] = {"POST", GROUP_PATH "/admin/demote", body_people, read_members},
	[ACTION_GROUP_LEAVE] = {"POST", GROUP_PATH "/leave", NULL, read_done},
	[ACTION_GROUP_LINK] = {"GET", GROUP_PATH "/invite-code", NULL, read_link},
};

/* ---- the request ---- */

/* (8) WAHA's idea of its own address may be localhost. */
static struct slice
file_path(struct slice url)
{
	return translate_file_path(url, S("/api/files/"));
}

static void
token_add(struct buf *url, struct slice token, const struct provider_call *call, struct arena *a)
{
	const struct provider_act *act = call->act;

	if (slice_eq(token, S("session")))
		url_add_encoded(url, call->session);
	else if (slice_eq(token, S("chat")))
		url_add_encoded(url, act->chat);
	else if (slice_eq(token, S("message")))
		url_add_encoded(url, waha_full_id(&act->message[0], a));
	else if (slice_eq(token, S("message_chat")))
		url_add_encoded(url, chat_of(&act->message[0]));
	else if (slice_eq(token, S("text")))
		url_add_encoded(url, act->text);
	else if (slice_eq(token, S("limit")))
		buf_add_u64(url, act->limit);
	else if (slice_eq(token, S("offset")))
		buf_add_u64(url, act->offset);
	else if (slice_eq(token, S("file")))
		buf_add(url, file_path(act->text));
	else
		gh_panic("waha: path token {%.*s}", S_FMT(token));
}

static void
url_expand(struct buf *url, const char *path, const struct provider_call *call, struct arena *a)
{
	struct slice rest = slice_of(path);

	while (rest.p != NULL) {
		struct slice token;

		buf_add(url, slice_cut(rest, '{', &rest));
		if (rest.p == NULL)
			break;
		token = slice_cut(rest, '}', &rest);
		token_add(url, token, call, a);
	}
}

static struct slice
body_build(const struct action_row *row, const struct provider_call *call, struct arena *a)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, a, TRANSLATE_ACTION_BODY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	/* The newer calls have the session in the path, the older ones in the body. */
	if (strstr(row->path, "{session}") == NULL)
		json_w_str(&w, "session", call->session);
	row->body(&w, call->act, a);
	json_w_close(&w, '}');
	return b.over ? SLICE_NONE : buf_slice(&b);
}

enum gh_code
waha_build_action(const struct provider_server *server, const struct provider_call *call,
		  struct arena *a, struct provider_request *out, struct gh_err *err)
{
	const struct action_row *row = &rows[call->act->action];
	const char *gap = waha_action_gap(call->act->action, server->engine);
	struct buf url;

	if (gap != NULL)
		return gh_fail(err, GH_EPERM, "it has no such call (its contract, %s)", gap);
	if (call->act->action == ACTION_FILE) {
		if (file_path(call->act->text).n == 0)
			return gh_fail(err, GH_EINVAL, "the media is not on the provider's server");
		out->answer_max = TRANSLATE_FILE_MAX;
	}
	translate_url_start(&url, a, server, "");
	url_expand(&url, row->path, call, a);
	out->method = row->method;
	out->url = buf_slice(&url);
	if (row->body != NULL) {
		out->body = body_build(row, call, a);
		if (out->body.p == NULL)
			return gh_fail(err, GH_EINVAL, "waha: request is too long");
	}
	return url.over ? gh_fail(err, GH_EINVAL, "waha: URL is too long") : GH_OK;
}

void
waha_read_action(enum provider_action action, const struct provider_answer *answer, struct arena *a,
		 struct provider_result *out)
{
	const struct json *doc = NULL;

	if (action != ACTION_FILE && json_parse(answer->body, a, &doc, NULL, NULL) != GH_OK)
		doc = NULL;
	if (answer->is_cut && action != ACTION_FILE)
		translate_refuse(out, PROVIDER_UNKNOWN, "answer_unreadable",
				 S("the answer is too large"));
	else if (rows[action].read != NULL) /* a call that WAHA lacks has no answer */
		rows[action].read(doc, answer, a, out);
}
