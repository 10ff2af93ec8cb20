/* message_actions.c - what an instance does about a message that exists: react, mark as read,
 * forward, edit, delete, fetch its file; and the typing sign of a chat.
 */
#include "direct.h"
#include "gateway.h"
#include "typing.h"
#include "uazapi_message.h"

#include "base/arena.h"
#include "base/clock.h"
#include "crypto/encode.h"
#include "model/dialect.h"
#include "model/dialect_content.h"
#include "model/message_payload.h"
#include "model/message_ref.h"

#define ID_MAX       256
#define EMOJI_MAX    32
#define TEXT_MAX     65536
#define SEEN_MAX     100
#define SEEN_WIDTH   4
#define NUMBER_FLAGS (JSON_RULE_LINE | JSON_RULE_NUMBER_OK)

static const struct gw_schema done_schema = {
	.name = "MessageAction",
	.fields = GW_FIELDS(
		GW_FIELD("id", UUID, .flags = GW_F_NULL,
			 .text = "Ours; null: only the provider knows the message"),
		GW_FIELD("message_id", UUID, .flags = GW_F_NULL),
		GW_FIELD("messageid", STRING, .flags = GW_F_NULL, .text = "The provider's"),
		GW_FIELD("external_id", STRING, .flags = GW_F_NULL)),
};

static const char *
id_refusal(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return "must be a message id";
	return NULL;
}

/* The provider's id of what came of the action, or of the message itself. */
static struct slice
external_of(const struct direct *d)
{
	struct slice external = d->step[0].result.external_id;

	return external.n > 0 ? external : d->message[0].ref.bare;
}

/* The text of an act that makes a message of its own: what a client of UAZAPI gets of it. */
static void
write_made(struct direct *d, struct json_w *w, enum msg_kind kind)
{
	const struct provider_message_ref *ref = &d->message[0].ref;
	const struct message_payload none = {.is_voice = false};
	struct slice text = d->step[0].act.text;
	struct arena *a = d->req->a;
	struct uazapi_message m = {
		.owner = dialect_owner(d->instance.phone_number, a),
		.id = external_of(d),
		.chat = ref->chat,
		.is_from_me = true,
		.type = dialect_message_type((int)kind),
		.status = uazapi_message_status(MSG_SENT),
		.at_us = clock_wall_us(),
		.text = text,
		.content = dialect_content((int)kind, text, SLICE_NONE, &none, a),
		.reaction = kind == MSG_REACTION ? ref->bare : SLICE_NONE,
		.edited = kind == MSG_TEXT ? ref->bare : SLICE_NONE,
	};

	m.sender = slice_of(arena_printf(a, "%.*s@c.us", S_FMT(m.owner)));
	uazapi_message_members(w, &m, a);
}

static const struct gw_field deleted_fields[] = {
	GW_FIELD("id", STRING, .text = "owner:messageid"),
	GW_FIELD("timestamp", INT, .text = "Milliseconds"),
	{.name = NULL},
};

static void
write_uazapi(struct direct *d, struct json_w *w)
{
	switch (d->step[0].act.action) {
	case ACTION_REACT:
		write_made(d, w, MSG_REACTION);
		break;
	case ACTION_EDIT:
		write_made(d, w, MSG_TEXT);
		break;
	case ACTION_DELETE:
		json_w_str(w, "id",
			   dialect_full_id(dialect_owner(d->instance.phone_number, d->req->a),
					   d->message[0].ref.bare, d->req->a));
		json_w_i64(w, "timestamp", clock_wall_us() / CLOCK_MS);
		break;
	default: /* UAZAPI has no such call */
		break;
	}
}

/* The message that was acted on. */
static void
reply_message(struct direct *d, const char *text)
{
	const struct direct_message *m = &d->message[0];
	struct slice external = external_of(d);
	struct json_w *w = gw_begin(d->req, text);

	json_w_open(w, GW_DATA, '{');
	json_w_uuid(w, "id", m->id);
	json_w_uuid(w, "message_id", m->id);
	json_w_str(w, "messageid", external);
	json_w_str(w, "external_id", external);
	json_w_close(w, '}');
	write_uazapi(d, w);
	gw_send(d->req, 200);
}

/* ---- react ---- */

struct react_body {
	struct slice number, id, text, chat;
};
#define AT(member) .offset = offsetof(struct react_body, member)

static const struct json_rule react_rules[] = {
	{"number", JSON_RULE_STRING, JSON_RULE_REQUIRED | NUMBER_FLAGS, .min = 1, .max = 64,
	 AT(number)},
	{"id", JSON_RULE_STRING, JSON_RULE_REQUIRED, .min = 1, .max = ID_MAX, .pattern = id_refusal,
	 AT(id)},
	{"text", JSON_RULE_STRING, JSON_RULE_REQUIRED | JSON_RULE_LINE, .max = EMOJI_MAX, AT(text),
	 .text = "One emoji; empty takes the reaction back"},
};
#undef AT

static void
react_done(struct direct *d)
{
	reply_message(d, "Reaction sent");
}

static void
react_found(struct direct *d)
{
	const struct react_body *body = d->user;
	const struct provider_message_ref *ref = &d->message[0].ref;
	const struct provider_act act = {.action = ACTION_REACT,
					 .chat = ref->chat.n > 0 ? ref->chat : body->chat,
					 .message = ref,
					 .message_count = 1,
					 .text = body->text};

	direct_act(d, &act, react_done);
}

static void
message_react(struct gw_req *req)
{
	struct react_body *body = arena_alloc(req->a, sizeof(*body));

	(void)json_check(req->body, react_rules, GH_COUNT(react_rules), "", body, NULL,
			 gw_errors(req));
	body->chat = direct_chat(req, "number", body->number);
	if (!gw_refuse_fields(req))
		direct_find_one(direct_new(req, body), body->id, react_found);
}

/* ---- mark as read ---- */

struct seen_body {
	struct json_strings ids;
	struct direct_step *step;
	unsigned step_count;
	unsigned *step_of; /* by message; SEEN_MAX: none */
};

static const struct json_rule seen_rules[] = {
	{"id", JSON_RULE_STRINGS, JSON_RULE_REQUIRED, .min = 1, .max = SEEN_MAX,
	 .pattern = id_refusal, .offset = offsetof(struct seen_body, ids)},
};

static const struct gw_schema seen_schema = {
	.name = "MarkedRead",
	.fields = GW_FIELDS(GW_FIELD("results", ANY, .flags = GW_F_MANY,
				     .text = "message_id, status success or error, error")),
};

/* What the provider says of one message of a call, NULL: nothing. */
static const struct json *
seen_row(const struct json *rows, struct slice bare)
{
	for (const struct json *row = json_first(rows); row != NULL; row = json_next(row))
		if (slice_eq(json_str(json_get(row, "message_id")), bare))
			return row;
	return NULL;
}

static void
seen_write(struct direct *d, unsigned i, struct json_w *w)
{
	const struct seen_body *body = d->user;
	const struct direct_message *m = &d->message[i];
	const struct provider_result *r =
		body->step_of[i] < SEEN_MAX ? &body->step[body->step_of[i]].result : NULL;
	bool is_done = r != NULL && r->outcome == PROVIDER_OK;
	struct slice why = r == NULL ? S("No such message") : slice_of(r->text);
	const struct json *rows = NULL, *row;

	if (is_done && json_parse(r->data, d->req->a, &rows, NULL, NULL) == GH_OK) {
		row = seen_row(rows, m->ref.bare);
		is_done = json_bool(json_get(row, "is_done"), true);
		why = json_str(json_get(row, "error"));
	}
	json_w_open(w, NULL, '{');
	json_w_str(w, "message_id", m->text);
	json_w_str(w, "status", is_done ? S("success") : S("error"));
	if (!is_done)
		json_w_str(w, "error", why);
	json_w_close(w, '}');
}

static void
write_seen(struct direct *d, struct json_w *w)
{
	json_w_open(w, "results", '[');
	for (unsigned i = 0; i < d->message_count; i++)
		seen_write(d, i, w);
	json_w_close(w, ']');
}

static void
seen_done(struct direct *d)
{
	struct json_w *w = gw_begin(d->req, "Messages marked as read");

	json_w_open(w, GW_DATA, '{');
	write_seen(d, w);
	json_w_close(w, '}');
	write_seen(d, w);
	gw_send(d->req, 200);
}

/* Messages of one chat and author go in one call: find theirs, or begin it. */
static unsigned
seen_step(struct direct *d, struct seen_body *body, const struct provider_message_ref *ref)
{
	struct provider_message_ref *refs;
	struct provider_act *act;
	unsigned i;

	for (i = 0; i < body->step_count; i++)
		if (slice_eq(body->step[i].act.chat, ref->chat) &&
		    slice_eq(body->step[i].act.message[0].participant, ref->participant))
			break;
	act = &body->step[i].act;
	refs = arena_alloc_array(d->req->a, act->message_count + 1, sizeof(*refs));
	for (unsigned m = 0; m < act->message_count; m++)
		refs[m] = act->message[m];
	refs[act->message_count++] = *ref;
	act->action = ACTION_MARK_READ;
	act->chat = ref->chat;
	act->message = refs;
	if (i == body->step_count)
		body->step_count++;
	return i;
}

static void
seen_found(struct direct *d)
{
	struct seen_body *body = d->user;

	body->step = arena_alloc_array(d->req->a, d->message_count, sizeof(*body->step));
	body->step_of = arena_alloc_array(d->req->a, d->message_count, sizeof(*body->step_of));
	for (unsigned i = 0; i < d->message_count; i++)
		body->step_of[i] = d->message[i].is_found && d->message[i].ref.bare.n > 0
					   ? seen_step(d, body, &d->message[i].ref)
					   : SEEN_MAX;
	if (body->step_count == 0)
		gw_error(d->req, GW_E_NOT_FOUND, "None of the messages is known");
	else
		direct_call(d, body->step, body->step_count, SEEN_WIDTH, 1, seen_done);
}

static void
message_markread(struct gw_req *req)
{
	struct seen_body *body = arena_alloc(req->a, sizeof(*body));

	if (gw_check(req, seen_rules, GH_COUNT(seen_rules), body, NULL))
		direct_find(direct_new(req, body), body->ids.v, body->ids.count, seen_found);
}

/* ---- the typing sign ---- */

enum { PRESENCE_COMPOSING, PRESENCE_RECORDING, PRESENCE_PAUSED };

static const struct json_word presence_words[] = {
	{"composing", PRESENCE_COMPOSING},
	{"recording", PRESENCE_RECORDING},
	{"paused", PRESENCE_PAUSED},
	{NULL, 0},
};

struct presence_body {
	struct slice number;
	int presence;
	int64_t delay_ms;
};
#define AT(member) .offset = offsetof(struct presence_body, member)

static const struct json_rule presence_rules[] = {
	{"number", JSON_RULE_STRING, JSON_RULE_REQUIRED | NUMBER_FLAGS, .min = 1, .max = 64,
	 AT(number)},
	{"presence", JSON_RULE_WORD, JSON_RULE_REQUIRED, .words = presence_words, AT(presence)},
	{"delay", JSON_RULE_INT, .min = 0, .max = 300000, AT(delay_ms),
	 .text = "Milliseconds until the sign is stopped; 0: it stays until the next message, or "
		 "paused"},
};
#undef AT

static const struct gw_schema response_schema = {
	.name = "Response",
	.fields = GW_FIELDS(GW_FIELD("response", STRING)),
};

static void
presence_done(struct direct *d)
{
	const struct presence_body *body = d->user;
	struct json_w *w = gw_begin(d->req, "Chat presence sent");

	typing_shown(d->req->gw, &d->instance, d->step[0].act.chat,
		     body->presence == PRESENCE_PAUSED ? 0 : body->delay_ms * CLOCK_MS);
	json_w_open(w, GW_DATA, '{');
	json_w_str(w, "response", S("Chat presence sent successfully"));
	json_w_close(w, '}');
	json_w_str(w, "response", S("Chat presence sent successfully"));
	gw_send(d->req, 200);
}

static void
message_presence(struct gw_req *req)
{
	struct presence_body *body = arena_alloc(req->a, sizeof(*body));
	struct provider_act act = {.action = ACTION_CHAT_PRESENCE};

	(void)json_check(req->body, presence_rules, GH_COUNT(presence_rules), "", body, NULL,
			 gw_errors(req));
	act.chat = direct_chat(req, "number", body->number);
	act.text = slice_of(presence_words[body->presence].text);
	if (gw_refuse_fields(req))
		return;
	if (body->delay_ms > 0 && !typing_has_room(req->gw))
		gw_error_retry(req, GW_E_OVERLOADED, "Too many typing signs are to be stopped", 5);
	else
		direct_act(direct_new(req, body), &act, presence_done);
}

/* ---- forward ---- */

struct forward_body {
	struct slice number, id, chat;
};
#define AT(member) .offset = offsetof(struct forward_body, member)

static const struct json_rule forward_rules[] = {
	{"number", JSON_RULE_STRING, JSON_RULE_REQUIRED | NUMBER_FLAGS, .min = 1, .max = 64,
	 AT(number)},
	{"messageId", JSON_RULE_STRING, JSON_RULE_REQUIRED, .min = 1, .max = ID_MAX,
	 .pattern = id_refusal, AT(id)},
};
#undef AT

static void
forward_done(struct direct *d)
{
	reply_message(d, "Message forwarded");
}

static void
forward_found(struct direct *d)
{
	const struct forward_body *body = d->user;
	const struct provider_act act = {.action = ACTION_FORWARD,
					 .chat = body->chat,
					 .message = &d->message[0].ref,
					 .message_count = 1};

	direct_act(d, &act, forward_done);
}

static void
message_forward(struct gw_req *req)
{
	struct forward_body *body = arena_alloc(req->a, sizeof(*body));

	(void)json_check(req->body, forward_rules, GH_COUNT(forward_rules), "", body, NULL,
			 gw_errors(req));
	body->chat = direct_chat(req, "number", body->number);
	if (!gw_refuse_fields(req))
		direct_find_one(direct_new(req, body), body->id, forward_found);
}

/* ---- delete, edit ---- */

struct change_body {
	struct slice id, text;
};
#define AT(member) .offset = offsetof(struct change_body, member)

static const struct json_rule delete_rules[] = {
	{"id", JSON_RULE_STRING, JSON_RULE_REQUIRED, .min = 1, .max = ID_MAX, .pattern = id_refusal,
	 AT(id)},
};
static const struct json_rule edit_rules[] = {
	{"id", JSON_RULE_STRING, JSON_RULE_REQUIRED, .min = 1, .max = ID_MAX, .pattern = id_refusal,
	 AT(id)},
	{"text", JSON_RULE_STRING, JSON_RULE_REQUIRED, .min = 1, .max = TEXT_MAX, AT(text)},
};
#undef AT

static void
change_stored(struct gw_req *req, const struct db_unit *u GH_UNUSED)
{
	struct direct *d = req->user;

	reply_message(d,
		      d->step[0].act.action == ACTION_EDIT ? "Message edited" : "Message deleted");
}

/* WhatsApp has the change; what of it our row lacks, the provider's event will bring. */
static bool
change_unstored(struct gw_req *req, const struct db_error *err GH_UNUSED)
{
	change_stored(req, NULL);
	return true;
}

static void
change_done(struct direct *d)
{
	const struct change_body *body = d->user;
	struct db_unit *u;

	if (uuid_is_nil(d->message[0].id)) {
		change_stored(d->req, NULL);
		return;
	}
	u = db_unit_new();
	message_changed_add(u, d->message[0].id, body->text);
	gw_submit(d->req, d->req->gw->write, u, change_stored, change_unstored);
}

static void
change_found(struct direct *d)
{
	const struct change_body *body = d->user;
	const struct provider_message_ref *ref = &d->message[0].ref;
	const struct provider_act act = {.action =
						 body->text.p != NULL ? ACTION_EDIT : ACTION_DELETE,
					 .message = ref,
					 .message_count = 1,
					 .text = body->text};

	/* WhatsApp lets nobody change the words of another. Whose they are is not known of a
	 * message that only the provider knows, where its id does not tell. */
	if (act.action == ACTION_EDIT && ref->chat.n > 0 && !ref->is_from_me)
		gw_error(d->req, GW_E_CONFLICT, "Only own messages can be edited");
	else
		direct_act(d, &act, change_done);
}

static void
change(struct gw_req *req, const struct json_rule *rules, unsigned count)
{
	struct change_body *body = arena_alloc(req->a, sizeof(*body));

	if (gw_check(req, rules, count, body, NULL))
		direct_find_one(direct_new(req, body), body->id, change_found);
}

static void
message_delete(struct gw_req *req)
{
	change(req, delete_rules, GH_COUNT(delete_rules));
}

static void
message_edit(struct gw_req *req)
{
	change(req, edit_rules, GH_COUNT(edit_rules));
}

/* ---- download ---- */

struct download_body {
	struct slice id;
	bool return_base64, return_link, generate_mp3;
	struct slice url, type, name;
};
#define AT(member) .offset = offsetof(struct download_body, member)

static const struct json_rule download_rules[] = {
	{"id", JSON_RULE_STRING, JSON_RULE_REQUIRED, .min = 1, .max = ID_MAX, .pattern = id_refusal,
	 AT(id)},
	{"return_base64", JSON_RULE_BOOL, AT(return_base64),
	 .text = "base64Data instead of fileURL; files have 11 MiB at most"},
	{"return_link", JSON_RULE_BOOL, AT(return_link),
	 .text = "fileURL, a data URL: the provider's own links need its key. The default"},
	{"generate_mp3", JSON_RULE_BOOL, AT(generate_mp3)},
};
#undef AT

static const struct gw_schema download_schema = {
	.name = "DownloadedFile",
	.fields = GW_FIELDS(GW_FIELD("mimetype", STRING),
			    GW_FIELD("filename", STRING, .flags = GW_F_NULL), GW_FIELD("size", INT),
			    GW_FIELD("base64Data", STRING, .flags = GW_F_OPTIONAL),
			    GW_FIELD("fileURL", STRING, .flags = GW_F_OPTIONAL)),
};

static void
write_file(struct json_w *w, const struct download_body *body, const char *text, struct arena *a)
{
	if (body->return_base64)
		json_w_str(w, "base64Data", slice_of(text));
	else
		json_w_str(
			w, "fileURL",
			slice_of(arena_printf(a, "data:%.*s;base64,%s", S_FMT(body->type), text)));
}

static void
download_done(struct direct *d)
{
	const struct download_body *body = d->user;
	struct slice bytes = d->step[0].result.data;
	const char *text =
		encode_base64(bytes, arena_alloc(d->req->a, ENCODE_BASE64_SIZE(bytes.n)));
	struct json_w *w = gw_begin(d->req, "File downloaded");

	json_w_open(w, GW_DATA, '{');
	json_w_str(w, "mimetype", body->type);
	json_w_str(w, "filename", body->name);
	json_w_i64(w, "size", (int64_t)bytes.n);
	write_file(w, body, text, d->req->a);
	json_w_close(w, '}');
	/* The whole file once more: only for whoever looks for it there. */
	if (http_req_header(d->req->http, S("token")).p != NULL) {
		json_w_str(w, "mimetype", body->type);
		write_file(w, body, text, d->req->a);
	}
	gw_send(d->req, 200);
}

/* The provider has the file now: fetch it from there. */
static void
download_located(struct direct *d)
{
	struct download_body *body = d->user;
	struct provider_act act = {.action = ACTION_FILE};
	const struct json *file = NULL;

	if (json_parse(d->step[0].result.data, d->req->a, &file, NULL, NULL) != GH_OK) {
		gw_error(d->req, GW_E_INTERNAL, NULL);
		return;
	}
	act.text = json_str(json_get(file, "url"));
	body->type = json_str(json_get(file, "mimetype"));
	if (body->type.n == 0)
		body->type = S("application/octet-stream");
	body->name = json_str(json_get(file, "filename"));
	direct_act(d, &act, download_done);
}

static void
download_found(struct direct *d)
{
	const struct download_body *body = d->user;
	const struct provider_act act = {.action = body->generate_mp3 ? ACTION_MESSAGE_MP3
								      : ACTION_MESSAGE_FILE,
					 .message = &d->message[0].ref,
					 .message_count = 1};

	direct_act(d, &act, download_located);
}

static void
message_download(struct gw_req *req)
{
	struct download_body *body = arena_alloc(req->a, sizeof(*body));

	if (gw_check(req, download_rules, GH_COUNT(download_rules), body, NULL))
		direct_find_one(direct_new(req, body), body->id, download_found);
}

/* ---- the module ---- */

/* Beside data: UAZAPI's members. */
static const struct gw_field seen_fields[] = {
	GW_FIELD("results", ANY, .flags = GW_F_MANY),
	{.name = NULL},
};
static const struct gw_field response_fields[] = {GW_FIELD("response", STRING), {.name = NULL}};
static const struct gw_field file_fields[] = {
	GW_FIELD("mimetype", STRING, .flags = GW_F_OPTIONAL,
		 .text = "This and the file: with the header token only"),
	GW_FIELD("base64Data", STRING, .flags = GW_F_OPTIONAL),
	GW_FIELD("fileURL", STRING, .flags = GW_F_OPTIONAL),
	{.name = NULL},
};

#define DOC(id, line, rules, schema, ...)                                                          \
	GW_DOC(id, "Message actions", line, .body = JSON_RULES(rules), .reply = &(schema),         \
	       .errors = DIRECT_ERRORS | __VA_ARGS__)
/* Of a message that must be known, and be at the provider. */
#define ONE_ERRORS (GW_ERR(NOT_FOUND) | GW_ERR(CONFLICT))

static const struct gw_route message_actions_routes[] = {
	{HTTP_POST, "/message/react", GW_INSTANCE, GW_JSON, 0, message_react,
	 DOC("reactToMessage", "React to a message", react_rules, done_schema, ONE_ERRORS,
	     .beside = uazapi_message_fields,
	     .example = "{\"number\":\"5511900000002\",\"id\":\"3EB0AAAABBBBCCCC0001\","
			"\"text\":\"\\ud83d\\udc4d\"}")},
	{HTTP_POST, "/message/markread", GW_INSTANCE, GW_JSON, 0, message_markread,
	 DOC("markMessagesRead", "Mark messages as read", seen_rules, seen_schema,
	     GW_ERR(NOT_FOUND), .beside = seen_fields,
	     .example = "{\"id\":[\"3A0000000000000000AA\"]}")},
	{HTTP_POST, "/message/presence", GW_INSTANCE, GW_JSON, 0, message_presence,
	 DOC("sendChatPresence", "Show that something is being typed or recorded", presence_rules,
	     response_schema, GW_ERR(NOT_FOUND), .beside = response_fields,
	     .example = "{\"number\":\"5511900000002\",\"presence\":\"composing\"}")},
	{HTTP_POST, "/message/download", GW_INSTANCE, GW_JSON, 0, message_download,
	 DOC("downloadMessageFile", "Fetch the file of a message", download_rules, download_schema,
	     ONE_ERRORS, .beside = file_fields,
	     .example = "{\"id\":\"3A0000000000000000AA\",\"return_base64\":true}")},
	{HTTP_POST, "/message/forward", GW_INSTANCE, GW_JSON | GW_KEYED_CALL, 0, message_forward,
	 DOC("forwardMessage", "Forward a message to a chat", forward_rules, done_schema,
	     ONE_ERRORS,
	     .example = "{\"number\":\"5511900000002\",\"messageId\":\"3A0000000000000000AA\"}")},
	{HTTP_POST, "/message/delete", GW_INSTANCE, GW_JSON, 0, message_delete,
	 DOC("deleteMessage", "Delete a message for everyone", delete_rules, done_schema,
	     ONE_ERRORS, .beside = deleted_fields, .example = "{\"id\":\"3EB0AAAABBBBCCCC0001\"}")},
	{HTTP_POST, "/message/edit", GW_INSTANCE, GW_JSON, 0, message_edit,
	 DOC("editMessage", "Change the text of an own message", edit_rules, done_schema,
	     ONE_ERRORS, .beside = uazapi_message_fields,
	     .example = "{\"id\":\"3EB0AAAABBBBCCCC0001\",\"text\":\"New text\"}")},
};

static const struct db_stmt_table *const message_actions_tables[] = {
	&instance_stmt_table,
	&message_ref_stmt_table,
	NULL,
};

static enum gh_code
message_actions_start(struct gateway *gw, struct gh_err *err GH_UNUSED)
{
	typing_start(gw);
	return GH_OK;
}

const struct gw_module message_actions_module = {
	.routes = message_actions_routes,
	.route_count = GH_COUNT(message_actions_routes),
	.write_tables = message_actions_tables,
	.read_tables = message_actions_tables,
	.start = message_actions_start,
	.drain = typing_drain,
	.stop = typing_stop,
};
