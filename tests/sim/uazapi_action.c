/* uazapi_action.c - what is done about messages, and looking them up (6). */
#include "uazapi.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/server.h"

#define FIND_LIMIT      100
#define HISTORY_MAX     200    /* (10.4) */
#define PRESENCE_MS_MAX 300000 /* (6) */
#define TEXT_MAX        (SIM_BODY_MAX * 2)

/* ---- find ---- */

static bool
is_match(const struct uz_instance *i, const struct uz_message *m, struct slice chat,
	 struct slice source)
{
	return strcmp(m->instance, i->id) == 0 && (chat.n == 0 || slice_eq(chat, m->chat)) &&
	       (source.n == 0 || slice_eq(source, m->track_source));
}

static void
act_find(struct uz_call *c)
{
	struct slice id = json_str(json_get(c->body, "id"));
	struct slice track = json_str(json_get(c->body, "track_id"));
	struct slice chat = uz_jid_of(json_str(json_get(c->body, "chatid")), c->req->a);
	struct slice source = json_str(json_get(c->body, "track_source"));
	int64_t limit = json_i64(json_get(c->body, "limit"), FIND_LIMIT);
	int64_t offset = json_i64(json_get(c->body, "offset"), 0), matched = 0, told = 0;
	struct uz_message *m;
	uint64_t at = 0;
	struct json_w *w = uz_answer(c, '{');

	m = id.n > 0      ? uz_store_find(c->u->store, c->inst, id)
	    : track.n > 0 ? uz_store_track(c->u->store, c->inst, track)
			  : uz_store_nth(c->u->store, at);
	json_w_open(w, "messages", '[');
	while (m != NULL && matched <= offset + limit) {
		if (is_match(c->inst, m, chat, source) && matched++ >= offset && told < limit) {
			json_w_open(w, NULL, '{');
			uz_message_write(c->inst, m, UZ_FORM_FOUND, w);
			json_w_close(w, '}');
			told++;
		}
		m = id.n > 0 ? NULL : track.n > 0 ? m->older : uz_store_nth(c->u->store, ++at);
	}
	json_w_close(w, ']');
	json_w_i64(w, "returnedMessages", told);
	json_w_i64(w, "limit", limit);
	json_w_i64(w, "offset", offset);
	json_w_i64(w, "nextOffset", offset + told);
	json_w_bool(w, "hasMore", matched > offset + limit);
	uz_answer_end(c, '}');
}

/* ---- messages (6) ---- */

/* The message of an id in either form; answers 404 itself. */
static struct uz_message *
message_of(struct uz_call *c, bool is_ours)
{
	struct uz_message *m =
		uz_store_find(c->u->store, c->inst, json_str(json_get(c->body, "id")));

	if (m != NULL && (m->from_me || !is_ours) && m->status != UZ_MSG_DELETED)
		return m;
	uz_refuse(c, 404, "Message not found");
	return NULL;
}

static struct uz_message
message_new(const struct uz_call *c, struct slice chat, struct slice text)
{
	struct uz_message m = {
		.id = people_message_id(c->req->a),
		.chat = chat,
		.text = text,
		.type = S("text"),
		.at_ms = clock_wall_us() / CLOCK_MS,
		.from_me = true,
		.by_api = true,
		.status = UZ_MSG_PENDING,
	};

	memcpy(m.instance, c->inst->id, sizeof(m.instance));
	return m;
}

static void
message_answer(struct uz_call *c, struct uz_message *m)
{
	(void)uz_store_add(c->u->store, m);
	(void)uz_message_post(c->inst, m);
	uz_message_write(c->inst, m, UZ_FORM_ANSWER, uz_answer(c, '{'));
	uz_answer_end(c, '}');
}

static void
act_react(struct uz_call *c)
{
	struct slice id = json_str(json_get(c->body, "id")), bare;
	struct slice chat = uz_jid_of(json_str(json_get(c->body, "number")), c->req->a);
	struct uz_message m = message_new(c, chat, json_str(json_get(c->body, "text")));
	struct json_w w;
	struct buf b;

	if (chat.p == NULL || id.n == 0) {
		uz_refuse(c, 400,
			  chat.p == NULL ? "Could not parse phone" : "Missing Id in Payload");
		return;
	}
	(void)slice_cut(id, ':', &bare);
	m.type = S("reaction");
	m.message_type = S("ReactionMessage");
	m.reaction = bare.p != NULL ? bare : id;
	buf_init(&b, c->req->a, TEXT_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_open(&w, "key", '{');
	json_w_str(&w, "ID", m.reaction);
	json_w_bool(&w, "fromMe", uz_store_find(c->u->store, c->inst, m.reaction) != NULL);
	json_w_str(&w, "remoteJID", chat);
	json_w_close(&w, '}');
	json_w_str(&w, "text", m.text);
	json_w_i64(&w, "senderTimestampMS", m.at_ms);
	json_w_str(&w, "groupingKey", m.text);
	json_w_close(&w, '}');
	m.content = buf_slice(&b);
	message_answer(c, &m);
}

/* A new message that names the one it stands for. */
static void
act_edit(struct uz_call *c)
{
	struct uz_message *old = message_of(c, true), m;
	struct json_w w;
	struct buf b;

	if (old == NULL)
		return;
	m = message_new(c, old->chat,
			uz_fill_in(json_str(json_get(c->body, "text")),
				   uz_name_of(c->inst, old->chat), c->req->a));
	m.message_type = S("ExtendedTextMessage");
	m.edited = old->id;
	buf_init(&b, c->req->a, TEXT_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, "text", m.text);
	json_w_close(&w, '}');
	m.content = buf_slice(&b);
	message_answer(c, &m);
}

static void
act_delete(struct uz_call *c)
{
	struct uz_message *m = message_of(c, false);

	if (m == NULL)
		return;
	m->status = UZ_MSG_DELETED;
	(void)uz_receipt_post(c->inst, "DeletedMessage", "Deleted", m->chat, &m->id, 1);
	json_w_str(uz_answer(c, '{'), "id", m->id);
	json_w_i64(&c->w, "timestamp", clock_wall_us() / CLOCK_MS);
	uz_answer_end(c, '}');
}

/* The receipt that follows names messages of others (10.3). */
static void
act_markread(struct uz_call *c)
{
	struct json_w *w = uz_answer(c, '{');

	json_w_open(w, "results", '[');
	for (const struct json *v = json_first(json_get(c->body, "id")); v != NULL;
	     v = json_next(v)) {
		const struct uz_message *m = uz_store_find(c->u->store, c->inst, json_str(v));

		json_w_open(w, NULL, '{');
		json_w_str(w, "message_id", json_str(v));
		json_w_str(w, "status", m != NULL ? S("success") : S("error"));
		if (m == NULL)
			json_w_str(w, "error", S("Message not found"));
		else
			(void)uz_receipt_post(c->inst, "ReadReceipt", "Read", m->chat, &m->id, 1);
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
	uz_answer_end(c, '}');
}

static void
act_presence(struct uz_call *c)
{
	static const char *const words[] = {"composing", "recording", "paused"};
	struct slice word = json_str(json_get(c->body, "presence"));
	struct slice chat = uz_jid_of(json_str(json_get(c->body, "number")), c->req->a);
	int64_t delay_ms = json_i64(json_get(c->body, "delay"), 0);

	for (size_t i = 0; i < GH_COUNT(words); i++) {
		if (!slice_eq(word, slice_of(words[i])))
			continue;
		if (chat.p == NULL || delay_ms < 0 || delay_ms > PRESENCE_MS_MAX) {
			uz_refuse(c, 400, "Could not parse phone");
			return;
		}
		(void)uz_presence_post(c->inst, chat, true, word);
		uz_answer_text(c, "response", "Chat presence sent successfully");
		return;
	}
	uz_refuse(c, 400, "invalid payload");
}

/* ---- files (6) ---- */

/* What a message carries; ids of others that begin 3AF11E came with a picture, as at WAHA's. */
static struct slice
mime_of(struct uz_call *c, struct slice id, const struct uz_message *m)
{
	const struct json *content;
	struct slice mime;

	if (slice_starts(id, S("3AF11E")))
		return S("image/jpeg");
	if (m == NULL || json_parse(m->content, c->req->a, &content, NULL, NULL) != GH_OK)
		return SLICE_NONE;
	mime = json_str(json_get(content, "mimetype"));
	if (mime.p == NULL)
		return SLICE_NONE;
	return slice_starts(mime, S("audio/")) && json_bool(json_get(c->body, "generate_mp3"), true)
		       ? S("audio/mpeg")
		       : mime;
}

static void
act_download(struct uz_call *c)
{
	struct slice id = json_str(json_get(c->body, "id")), bare;
	const struct uz_message *m = uz_store_find(c->u->store, c->inst, id);
	struct slice mime;
	struct json_w *w;

	(void)slice_cut(id, ':', &bare);
	id = bare.p != NULL ? bare : id;
	mime = mime_of(c, id, m);
	if (mime.p == NULL || slice_starts(id, S("3AF11EDEAD"))) {
		uz_refuse(c, 404, "Message not found");
		return;
	}
	w = uz_answer(c, '{');
	if (json_bool(json_get(c->body, "return_link"), true))
		json_w_str(w, "fileURL",
			   slice_of(arena_printf(c->req->a, "http://%.*s/files/%.*s?type=%.*s",
						 S_FMT(http_req_header(c->req, S("Host"))),
						 S_FMT(id), S_FMT(mime))));
	json_w_str(w, "mimetype", mime);
	if (json_bool(json_get(c->body, "return_base64"), false))
		json_w_str(w, "base64Data", S(SIM_PNG));
	if (json_bool(json_get(c->body, "transcribe"), false))
		json_w_str(w, "transcription", S("what was said"));
	uz_answer_end(c, '}');
}

/* ---- history (10.4) ---- */

static unsigned
history_post(struct uz_call *c, struct slice chat, int64_t limit)
{
	const struct uz_message *m;
	struct json_w w;
	struct buf b;

	buf_init(&b, c->req->a, SIM_BODY_MAX);
	json_w_init(&w, &b);
	uz_body_open(c->inst, UZ_EV_HISTORY, &w);
	json_w_str(&w, "event", S("messages"));
	json_w_open(&w, "messages", '[');
	for (uint64_t at = 0; limit > 0 && (m = uz_store_nth(c->u->store, at)) != NULL; at++) {
		if (!is_match(c->inst, m, chat, SLICE_NONE))
			continue;
		json_w_open(&w, NULL, '{');
		uz_message_write(c->inst, m, UZ_FORM_HISTORY, &w);
		json_w_close(&w, '}');
		limit--;
	}
	json_w_close(&w, ']');
	return uz_body_post(c->inst, UZ_EV_HISTORY, NULL, &w);
}

static void
act_history(struct uz_call *c)
{
	struct slice chat = uz_jid_of(json_str(json_get(c->body, "number")), c->req->a);
	int64_t count = json_i64(json_get(c->body, "count"), HISTORY_MAX);

	if (chat.p == NULL) {
		uz_refuse(c, 400, "Could not parse phone");
		return;
	}
	(void)history_post(c, chat, count < HISTORY_MAX ? count : HISTORY_MAX);
	uz_answer_text(c, "response", "History sync requested");
}

static void
act_call_reject(struct uz_call *c)
{
	uz_answer_text(c, "response", "Call rejected");
}

#define BODY .takes_body = true, .needs_session = true

const struct route sim_uazapi_action_routes[] = {
	UZ_ROUTE(POST, "/message/find", "message.find", NULL, act_find, .takes_body = true,
		 .field = {UZ_OPT("id", FIELD_STRING), UZ_OPT("chatid", FIELD_STRING),
			   UZ_OPT("track_source", FIELD_STRING), UZ_OPT("track_id", FIELD_STRING),
			   UZ_OPT("limit", FIELD_NUMBER), UZ_OPT("offset", FIELD_NUMBER)}),
	UZ_ROUTE(POST, "/message/react", "message.react", "Missing Id in Payload", act_react, BODY,
		 .field = {UZ_TEXT("number"), UZ_TEXT("id"), UZ_TEXT("text")}),
	UZ_ROUTE(POST, "/message/markread", "message.markread", "Missing Id in Payload",
		 act_markread, BODY, .field = {{"id", FIELD_ARRAY, true}}),
	UZ_ROUTE(POST, "/message/presence", "message.presence", NULL, act_presence, BODY,
		 .field = {UZ_TEXT("number"), UZ_TEXT("presence"), UZ_OPT("delay", FIELD_NUMBER)}),
	UZ_ROUTE(POST, "/message/edit", "message.edit", "Missing Id in Payload", act_edit, BODY,
		 .field = {UZ_TEXT("id"), UZ_TEXT("text")}),
	UZ_ROUTE(POST, "/message/delete", "message.delete", "Missing Id in Payload", act_delete,
		 BODY, .field = {UZ_TEXT("id")}),
	UZ_ROUTE(POST, "/message/download", "message.download", "Missing Id in Payload",
		 act_download, BODY,
		 .field = {UZ_TEXT("id"), UZ_OPT("return_base64", FIELD_BOOL),
			   UZ_OPT("return_link", FIELD_BOOL), UZ_OPT("generate_mp3", FIELD_BOOL),
			   UZ_OPT("transcribe", FIELD_BOOL)}),
	UZ_ROUTE(POST, "/message/history-sync", "message.history", NULL, act_history, BODY,
		 .is_new = true,
		 .field = {UZ_TEXT("number"), UZ_OPT("mode", FIELD_STRING),
			   UZ_OPT("count", FIELD_NUMBER), UZ_OPT("messageid", FIELD_STRING)}),
	UZ_ROUTE(POST, "/call/reject", "call.reject", NULL, act_call_reject, BODY,
		 .field = {UZ_OPT("number", FIELD_STRING), UZ_OPT("id", FIELD_STRING)}),
};
const unsigned sim_uazapi_action_route_count = GH_COUNT(sim_uazapi_action_routes);
