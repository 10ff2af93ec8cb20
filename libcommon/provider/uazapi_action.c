/* uazapi_action.c - direct actions on UAZAPI: messages, contacts, numbers (contracts/uazapi.md
 * sections 6 and 16; numbers in parentheses are those). Groups and communities are in
 * uazapi_group.c.
 *
 * Answers are read leniently: only some of them were ever captured (16.6). What is no success is
 * judged by uazapi.c, which for PROVIDER_OP_ACTION has 403 as "not_allowed", 404 as "not_found"
 * and 405 as "unsupported", all of them REJECTED: this build lacks the call (12).
 */
#include "provider/uazapi_action.h"

#include "base/arena.h"
#include "base/buf.h"
#include "http/json.h"

#define TYPING_MS_MAX 300000
#define FILES         "/files/"

/* ---- ids ---- */

/* (3) "<owner digits>:<messageid>"; the owner is our account, whoever wrote the message. */
struct provider_message_ref
uazapi_split_id(struct slice text)
{
	struct slice bare;
	struct slice owner = slice_cut(text, ':', &bare);
	uint64_t digits;

	if (bare.n == 0 || parse_u64(owner, 1, UINT64_MAX, &digits) != GH_OK)
		return (struct provider_message_ref){.bare = text};
	return (struct provider_message_ref){.full = text, .bare = bare};
}

struct slice
uazapi_number_of(struct slice id, struct arena *a)
{
	struct provider_chat chat;

	return provider_chat_parse(id, a, &chat) == GH_OK ? uazapi_number(&chat) : id;
}

bool
uazapi_list(const struct json *doc, const char *member, const struct json **out)
{
	*out = json_type(doc) == JSON_OBJECT ? json_get(doc, member) : doc;
	/* Go writes an array that was never filled as null. */
	return *out != NULL && (json_type(*out) == JSON_ARRAY || json_is_null(*out));
}

/* ---- bodies ---- */

void
uazapi_numbers_write(struct json_w *w, const char *name, const struct provider_act *act,
		     struct arena *a)
{
	json_w_open(w, name, '[');
	for (unsigned i = 0; i < act->people_count; i++)
		json_w_str(w, NULL, uazapi_number_of(act->people[i], a));
	json_w_close(w, ']');
}

void
uazapi_body_number(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	json_w_str(w, "number", uazapi_number_of(act->chat, a));
}

/* The bare form: every call takes it (3), and results[].message_id tells it back. */
static void
body_id(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_str(w, "id", act->message[0].bare);
}

static void
body_react(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	uazapi_body_number(w, act, a);
	body_id(w, act, a);
	json_w_str(w, "text", act->text);
}

static void
body_seen(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_open(w, "id", '[');
	for (unsigned i = 0; i < act->message_count; i++)
		json_w_str(w, NULL, act->message[i].bare);
	json_w_close(w, ']');
}

/* (6) A sign is to stay until the next message or until it is taken back: as long as may be. */
static void
body_presence(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	uazapi_body_number(w, act, a);
	json_w_str(w, "presence", act->text);
	if (!slice_eq(act->text, S("paused")))
		json_w_i64(w, "delay", TYPING_MS_MAX);
}

static void
body_edit(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	body_id(w, act, a);
	json_w_str(w, "text", uazapi_text(act->text, a));
}

static void
body_download(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	body_id(w, act, a);
	json_w_bool(w, "return_base64", false);
	json_w_bool(w, "return_link", true);
	/* (13.10) It makes an MP3 of every voice note that nobody asked it to. */
	json_w_bool(w, "generate_mp3", act->action == ACTION_MESSAGE_MP3);
}

static void
body_page(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_i64(w, "limit", act->limit);
	json_w_i64(w, "offset", act->offset);
}

static void
body_phone(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	json_w_str(w, "phone", uazapi_number_of(act->chat, a));
	if (act->action == ACTION_CONTACT_ADD)
		json_w_str(w, "name", act->name);
}

static void
body_block(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	uazapi_body_number(w, act, a);
	json_w_bool(w, "block", act->action == ACTION_CONTACT_BLOCK);
}

static void
body_details(struct json_w *w, const struct provider_act *act, struct arena *a)
{
	uazapi_body_number(w, act, a);
	json_w_bool(w, "preview", false);
}

static void
body_check(struct json_w *w, const struct provider_act *act, struct arena *a GH_UNUSED)
{
	json_w_open(w, "numbers", '[');
	json_w_str(w, NULL, act->text);
	json_w_close(w, ']');
}

/* ---- answers ---- */

/* 200 does not mean done where its words say otherwise. */
void
uazapi_read_done(const struct json *doc, const struct provider_answer *answer GH_UNUSED,
		 struct arena *a GH_UNUSED, struct provider_result *out)
{
	static const char *const words[] = {"error", "message", "response"};

	if (!json_bool(json_get(doc, "success"), true) || json_str(json_get(doc, "error")).n > 0)
		translate_refuse(out, PROVIDER_REJECTED, "not_allowed",
				 translate_first_str(doc, words, GH_COUNT(words)));
}

/* (5.1, 6) An answer like that of a send. */
static void
read_sent(const struct json *doc, const struct provider_answer *answer, struct arena *a,
	  struct provider_result *out)
{
	static const char *const ids[] = {"messageid", "id"};

	uazapi_read_done(doc, answer, a, out);
	if (out->outcome == PROVIDER_OK)
		out->external_id =
			uazapi_split_id(translate_first_str(doc, ids, GH_COUNT(ids))).bare;
}

static void
seen_write(const struct json *v, struct json_w *w, struct arena *a GH_UNUSED)
{
	static const char *const ids[] = {"message_id", "messageid", "id"};
	static const char *const words[] = {"error", "message", "status"};
	bool is_done = slice_eq_nocase(json_str(json_get(v, "status")), S("success"));
	struct slice id = translate_first_str(v, ids, GH_COUNT(ids));

	json_w_open(w, NULL, '{');
	json_w_str(w, "message_id", uazapi_split_id(id).bare);
	json_w_str(w, "error",
		   is_done ? SLICE_NONE : translate_first_str(v, words, GH_COUNT(words)));
	json_w_bool(w, "is_done", is_done);
	json_w_close(w, '}');
}

/* One row a message, of those that it names. */
static void
read_seen(const struct json *doc, const struct provider_answer *answer, struct arena *a,
	  struct provider_result *out)
{
	uazapi_read_done(doc, answer, a, out);
	if (out->outcome == PROVIDER_OK)
		translate_data_rows(json_get(doc, "results"), seen_write, a, out);
}

static void
read_message_file(const struct json *doc, const struct provider_answer *answer GH_UNUSED,
		  struct arena *a, struct provider_result *out)
{
	static const char *const urls[] = {"fileURL", "fileUrl", "FileURL"};
	static const char *const types[] = {"mimetype", "MimeType", "mimeType"};
	static const char *const names[] = {"fileName", "filename"};

	translate_data_file(translate_first_str(doc, urls, GH_COUNT(urls)),
			    translate_first_str(doc, types, GH_COUNT(types)),
			    translate_first_str(doc, names, GH_COUNT(names)), a, out);
}

static void
read_bytes(const struct json *doc GH_UNUSED, const struct provider_answer *answer,
	   struct arena *a GH_UNUSED, struct provider_result *out)
{
	translate_data_bytes(answer, out);
}

/* (16.1) Of either list, or a chat object. */
static void
contact_write(const struct json *v, struct json_w *w, struct arena *a)
{
	static const char *const jids[] = {"jid", "JID", "wa_chatid", "wa_chatlid"};
	static const char *const names[] = {"wa_contactName", "contactName", "contact_name"};
	static const char *const firsts[] = {"contact_FirstName", "contact_firstName",
					     "contact_first_name"};
	static const char *const own_names[] = {"wa_name", "pushName"};
	static const char *const any_names[] = {"name", "wa_name"};
	const struct json *blocked = json_get(v, "wa_isBlocked");
	struct translate_contact c = {
		.jid = translate_first_str(v, jids, GH_COUNT(jids)),
		.wa_name = translate_first_str(v, own_names, GH_COUNT(own_names)),
		.contact_name = translate_first_str(v, names, GH_COUNT(names)),
		.first_name = translate_first_str(v, firsts, GH_COUNT(firsts)),
		/* "+55 11 90000-0002" */
		.phone = translate_digits(json_str(json_get(v, "phone")), a),
		.blocked = blocked != NULL ? blocked : json_get(v, "isBlocked"),
		.business = json_get(v, "isBusiness"),
	};

	c.name = c.contact_name.n > 0 ? c.contact_name
				      : translate_first_str(v, any_names, GH_COUNT(any_names));
	translate_contact_write(&c, w, a);
}

/* A page, or the bare array of all. */
static void
read_contacts(const struct json *doc, const struct provider_answer *answer GH_UNUSED,
	      struct arena *a, struct provider_result *out)
{
	const struct json *list;

	if (uazapi_list(doc, "contacts", &list))
		translate_data_rows(list, contact_write, a, out);
	else
		translate_unreadable(out);
}

static void
read_contact(const struct json *doc, const struct provider_answer *answer GH_UNUSED,
	     struct arena *a, struct provider_result *out)
{
	if (json_type(doc) == JSON_OBJECT)
		translate_data_row(doc, contact_write, a, out);
	else
		translate_unreadable(out);
}

void
uazapi_read_picture(const struct json *doc, const struct provider_answer *answer GH_UNUSED,
		    struct arena *a, struct provider_result *out)
{
	static const char *const names[] = {"image", "imagePreview"};

	translate_data_str(translate_first_str(doc, names, GH_COUNT(names)), a, out);
}

/* (6) The form that exists is jid, not what was asked for: the Brazilian ninth digit. */
static void
read_number(const struct json *doc, const struct provider_answer *answer GH_UNUSED, struct arena *a,
	    struct provider_result *out)
{
	static const char *const jids[] = {"jid", "lid"};
	const struct json *row = json_type(doc) == JSON_ARRAY ? json_first(doc) : doc;
	const struct json *exists = json_get(row, "isInWhatsapp");

	if (json_type(exists) != JSON_BOOL) {
		translate_unreadable(out);
		return;
	}
	out->is_found = json_bool(exists, false);
	if (!out->is_found)
		return;
	out->chat = translate_chat_key(translate_first_str(row, jids, GH_COUNT(jids)), a);
	translate_data_str(json_str(json_get(row, "verifiedName")), a, out);
}

/* ---- the table ---- */

static const struct uazapi_action_row rows[PROVIDER_ACTION_COUNT] = {
	[ACTION_REACT] = {"POST", "/message/react", body_react, uazapi_read_done},
	[ACTION_MARK_READ] = {"POST", "/message/markread", body_seen, read_seen},
	[ACTION_CHAT_PRESENCE] = {"POST", "/message/presence", body_presence, uazapi_read_done},
	[ACTION_DELETE] = {"POST", "/message/delete", body_id, uazapi_read_done},
	[ACTION_EDIT] = {"POST", "/message/edit", body_edit, read_sent},
	[ACTION_MESSAGE_FILE] = {"POST", "/message/download", body_download, read_message_file},
	[ACTION_MESSAGE_MP3] = {"POST", "/message/download", body_download, read_message_file},
	[ACTION_FILE] = {"GET", FILES, NULL, read_bytes, TRANSLATE_FILE_MAX},
	[ACTION_CONTACTS] = {"POST", "/contacts/list", body_page, read_contacts, UAZAPI_LIST_MAX},
	[ACTION_CONTACTS_ALL] = {"GET", "/contacts", NULL, read_contacts, UAZAPI_LIST_MAX},
	[ACTION_CONTACT] = {"POST", "/chat/details", body_details, read_contact},
	[ACTION_CONTACT_ADD] = {"POST", "/contact/add", body_phone, uazapi_read_done},
	[ACTION_CONTACT_REMOVE] = {"POST", "/contact/remove", body_phone, uazapi_read_done},
	[ACTION_CONTACT_BLOCK] = {"POST", "/chat/block", body_block, uazapi_read_done},
	[ACTION_CONTACT_UNBLOCK] = {"POST", "/chat/block", body_block, uazapi_read_done},
	[ACTION_CONTACT_PICTURE] = {"POST", "/chat/details", body_details, uazapi_read_picture},
	[ACTION_NUMBER_CHECK] = {"POST", "/chat/check", body_check, read_number},
};

/* Where the contract says that there is no such call. */
static const char *const gaps[PROVIDER_ACTION_COUNT] = {
	[ACTION_FORWARD] = "section 5: it only marks what is sent anew",
	[ACTION_CONTACT_ABOUT] = "section 16.1",
	[ACTION_GROUP_MEMBERS] = "section 16.3: its group object has them",
	[ACTION_COMMUNITY_LEAVE] = "section 16.4: that a group's call does it is not proved",
};

const char *
uazapi_action_gap(enum provider_action action, struct slice engine GH_UNUSED)
{
	return gaps[action];
}

static const struct uazapi_action_row *
row_of(enum provider_action action)
{
	return rows[action].method != NULL ? &rows[action] : uazapi_group_row(action);
}

/* ---- the request ---- */

/* The scheme and host of a URL. */
static struct slice
origin_of(struct slice url)
{
	long scheme = slice_index(url, ':');
	long path;

	if (scheme < 0)
		return url;
	path = slice_index(slice_from(url, (size_t)scheme + 3), '/');
	return path < 0 ? url : slice_sub(url, 0, (size_t)(scheme + 3 + path));
}

/* (6) A link is followed on the server's own host, where its files are at the root (1); one of any
 * other host is looked for at the address that is registered. */
static enum gh_code
file_url_start(struct buf *url, struct arena *a, const struct provider_server *server,
	       struct slice link, struct gh_err *err)
{
	struct provider_server own = *server;
	struct slice query, origin = origin_of(server->base_url);
	struct slice path = translate_file_path(slice_cut(link, '?', &query), S(FILES));

	if (path.n == 0 || slice_index(query, '#') >= 0)
		return gh_fail(err, GH_EINVAL, "the media is not on the provider's server");
	if (slice_starts(link, origin) && slice_starts(slice_from(link, origin.n), S(FILES)))
		own.base_url = origin;
	translate_url_start(url, a, &own, FILES);
	buf_add(url, path);
	if (query.n > 0) {
		buf_add_char(url, '?');
		buf_add(url, query);
	}
	return GH_OK;
}

/* (16.1) Refused by the call; a hidden id has no number to add. */
static bool
needs_phone(const struct provider_act *act)
{
	return (act->action == ACTION_CONTACT_ADD || act->action == ACTION_CONTACT_REMOVE) &&
	       !slice_ends(act->chat, S("@c.us"));
}

enum gh_code
uazapi_build_action(const struct provider_server *server, const struct provider_call *call,
		    struct arena *a, struct provider_request *out, struct gh_err *err)
{
	const struct provider_act *act = call->act;
	const struct uazapi_action_row *row;
	enum gh_code rc;
	struct json_w w;
	struct buf url, body;

	if (gaps[act->action] != NULL)
		return gh_fail(err, GH_EPERM, "it has no such call (its contract, %s)",
			       gaps[act->action]);
	if (needs_phone(act))
		return gh_fail(err, GH_EINVAL, "the contact must be a phone number");
	row = row_of(act->action);
	if (act->action != ACTION_FILE)
		translate_url_start(&url, a, server, row->path);
	else if (file_url_start(&url, a, server, act->text, err) != GH_OK)
		return GH_EINVAL;
	out->method = row->method;
	out->answer_max = row->answer_max;
	rc = translate_url_end(&url, out, err);
	if (rc != GH_OK || row->body == NULL)
		return rc;
	buf_init(&body, a, TRANSLATE_ACTION_BODY_MAX);
	json_w_init(&w, &body);
	json_w_open(&w, NULL, '{');
	row->body(&w, act, a);
	return translate_body_end(&body, &w, out, err);
}

void
uazapi_read_action(enum provider_action action, const struct provider_answer *answer,
		   struct arena *a, struct provider_result *out)
{
	const struct uazapi_action_row *row = row_of(action);
	const struct json *doc = NULL;

	if (row->read == NULL)
		return; /* a gap has no answer */
	if (action != ACTION_FILE) {
		if (answer->is_cut) {
			translate_refuse(out, PROVIDER_UNKNOWN, "answer_unreadable",
					 S("the answer is too large"));
			return;
		}
		if (json_parse(answer->body, a, &doc, NULL, NULL) != GH_OK)
			doc = NULL;
	}
	row->read(doc, answer, a, out);
}
