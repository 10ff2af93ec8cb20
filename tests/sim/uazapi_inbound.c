/* uazapi_inbound.c - what people do to an account, told by webhook (10): POST /_sim/inbound.
 *
 * {"provider":"uazapi","session","from","text"}   a text, as messages
 * {"session","raw"}                               a body as given, behind the root keys
 * {"session","from","kind", ...}                  any other kind; "content" is taken as given:
 *   image, video, gif, audio, ptt, document, sticker, location, contact, poll
 *                  text (caption, question), mime, options[]
 *   reaction       target, text (emoji)
 *   edited         target, text
 *   poll_vote      target, options[]
 *   list_reply, button_reply   target, row (id), text (title)
 *   revoked, file_downloaded   target
 *   receipt        state, ids[]; chat
 *   call, presence presence; chat
 *   group_join, group_update, group_participants   chat (the group), text (subject), type
 * target and ids are bare or with the owner; chat is a group it is done in.
 */
#include "uazapi.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/clock.h"
#include "http/server.h"

#define BODY_MAX (SIM_BODY_MAX * 2)

/* What was asked for, and who does it where. */
struct deed {
	struct uz_instance *inst;
	const struct json *body;
	struct arena *a;
	struct slice id, chat, person, text;
};

static struct slice
deed_str(const struct deed *d, const char *name)
{
	return json_str(json_get(d->body, name));
}

static struct uz_message
message_of(const struct deed *d)
{
	struct uz_message m = {
		.id = d->id,
		.chat = d->chat,
		.person = d->person,
		.text = d->text,
		.type = S("text"),
		.message_type = S("Conversation"),
		.sender_name = S("Rui"),
		.from_me = json_bool(json_get(d->body, "from_me"), false),
		.at_ms = clock_wall_us() / CLOCK_MS,
	};

	memcpy(m.instance, d->inst->id, sizeof(m.instance));
	return m;
}

unsigned
uz_presence_post(const struct uz_instance *i, struct slice chat, bool is_from_me, struct slice word)
{
	bool is_recording = slice_eq(word, S("recording"));
	struct arena *a = arena_new(0);
	struct slice lid = uz_lid_of(chat, a);
	struct json_w w;
	struct buf b;
	unsigned posted;

	buf_init(&b, a, BODY_MAX);
	json_w_init(&w, &b);
	uz_body_open(i, UZ_EV_PRESENCE, &w);
	json_w_str(&w, "type", S("presence"));
	json_w_open(&w, "event", '{');
	json_w_str(&w, "Chat", chat);
	json_w_str(&w, "chatid", chat);
	json_w_str(&w, "chatlid", lid.n > 0 ? lid : S(""));
	json_w_str(&w, "Sender", chat);
	json_w_str(&w, "sender_pn", chat);
	json_w_str(&w, "sender_lid", lid.n > 0 ? lid : S(""));
	json_w_bool(&w, "IsFromMe", is_from_me);
	json_w_bool(&w, "IsGroup", uz_is_group(chat));
	json_w_str(&w, "State", is_recording ? S("composing") : word);
	json_w_str(&w, "Media", is_recording ? S("audio") : S(""));
	json_w_close(&w, '}');
	posted = uz_body_post(i, UZ_EV_PRESENCE, NULL, &w);
	arena_free(a);
	return posted;
}

/* Known from now on: replies to it are no new conversation. */
static unsigned
message_in(const struct deed *d, struct uz_message *m)
{
	struct uz_chat *c = uz_chat_of(d->inst, m->chat);

	c->last_ms = m->at_ms;
	c->unread += !m->from_me;
	(void)uz_store_add(d->inst->u->store, m);
	return uz_message_post(d->inst, m);
}

/* (10.2) The string content of a Conversation; an object for everything else. */
static unsigned
post_text(const struct deed *d)
{
	struct uz_message m = message_of(d);
	struct json_w w;
	struct buf b;

	buf_init(&b, d->a, BODY_MAX);
	json_w_init(&w, &b);
	json_w_str(&w, NULL, d->text);
	m.content = buf_slice(&b);
	return message_in(d, &m);
}

/* ---- kinds that are messages ---- */

/* Bare. */
static struct slice
deed_target(const struct deed *d)
{
	struct slice id = deed_str(d, "target"), bare;

	(void)slice_cut(id, ':', &bare);
	return bare.p != NULL ? bare : id;
}

/* Options with a separator between them. */
static struct slice
deed_options(const struct deed *d, const char *sep)
{
	struct buf b;

	buf_init(&b, d->a, BODY_MAX);
	for (const struct json *o = json_first(json_get(d->body, "options")); o != NULL;
	     o = json_next(o)) {
		if (b.n > 0)
			buf_add_cstr(&b, sep);
		buf_add(&b, json_str(o));
	}
	return buf_slice(&b);
}

static const struct spoken {
	const char *word, *message_type, *type, *media_type, *mime;
} spoken[] = {
	{"image", "ImageMessage", "media", "image", "image/jpeg"},
	{"video", "VideoMessage", "media", "video", "video/mp4"},
	{"gif", "VideoMessage", "media", "gif", "video/mp4"},
	{"audio", "AudioMessage", "media", "audio", "audio/mpeg"},
	{"ptt", "AudioMessage", "media", "ptt", "audio/ogg; codecs=opus"},
	{"document", "DocumentMessage", "media", "document", "application/pdf"},
	{"sticker", "StickerMessage", "media", "sticker", "image/webp"},
	{"location", "LocationMessage", "media", "location", NULL},
	{"contact", "ContactMessage", "media", "vcard", NULL},
	{"poll", "PollCreationMessageV3", "poll", "", NULL},
	{"reaction", "ReactionMessage", "reaction", "", NULL},
	{"edited", "ExtendedTextMessage", "text", "", NULL},
	{"poll_vote", "PollUpdateMessage", "poll", "", NULL},
	{"list_reply", "ListResponseMessage", "media", "list_response", NULL},
	{"button_reply", "ButtonsResponseMessage", "media", "", NULL},
};

/* What stands in fields of its own instead of the content (10.2). */
static void
spoken_fields(const struct deed *d, const char *word, struct uz_message *m)
{
	if (strcmp(word, "reaction") == 0) {
		m->reaction = deed_target(d);
	} else if (strcmp(word, "edited") == 0) {
		m->edited = deed_target(d);
	} else if (strcmp(word, "poll") == 0) {
		m->convert = deed_options(d, "|");
	} else if (strcmp(word, "poll_vote") == 0) {
		m->quoted = deed_target(d);
		m->vote = deed_options(d, ", ");
	} else if (strcmp(word, "list_reply") == 0 || strcmp(word, "button_reply") == 0) {
		m->quoted = deed_target(d);
		m->button_id = deed_str(d, "row");
		m->vote = d->text;
		if (strcmp(word, "button_reply") == 0)
			m->text = SLICE_NONE;
	}
}

static struct slice
spoken_content(const struct deed *d, const struct spoken *kind, const struct uz_message *m)
{
	const struct json *given = json_get(d->body, "content");
	struct slice mime = deed_str(d, "mime");
	struct json_w w;
	struct buf b;

	buf_init(&b, d->a, BODY_MAX);
	if (json_type(given) == JSON_OBJECT) {
		json_write(&b, given);
		return buf_slice(&b);
	}
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	if (kind->mime != NULL) {
		json_w_str(&w, "URL", S("https://mmg.whatsapp.net/v/t62.enc"));
		json_w_str(&w, "mimetype", mime.n > 0 ? mime : slice_of(kind->mime));
		json_w_i64(&w, "fileLength", 1000);
		json_w_str(&w, "caption", d->text);
	}
	if (strcmp(kind->word, "gif") == 0)
		json_w_bool(&w, "gifPlayback", true);
	if (strcmp(kind->word, "ptt") == 0)
		json_w_bool(&w, "PTT", true);
	if (m->reaction.n > 0) {
		json_w_open(&w, "key", '{');
		json_w_str(&w, "ID", m->reaction);
		json_w_close(&w, '}');
	}
	json_w_close(&w, '}');
	return buf_slice(&b);
}

static unsigned
post_spoken(const struct deed *d, const struct spoken *kind)
{
	struct uz_message m = message_of(d);

	m.message_type = slice_of(kind->message_type);
	m.type = slice_of(kind->type);
	m.media_type = slice_of(kind->media_type);
	spoken_fields(d, kind->word, &m);
	m.content = spoken_content(d, kind, &m);
	return message_in(d, &m);
}

/* ---- kinds that are none ---- */

static unsigned
post_revoked(const struct deed *d)
{
	struct slice id = deed_target(d);

	return uz_receipt_post(d->inst, "DeletedMessage", "Deleted", d->chat, &id, 1);
}

static unsigned
post_downloaded(const struct deed *d)
{
	struct slice id = deed_target(d);

	return uz_receipt_post(d->inst, "FileDownloadedMessage", "FileDownloaded", d->chat, &id, 1);
}

static unsigned
post_receipt(const struct deed *d)
{
	const struct json *ids = json_get(d->body, "ids");
	struct slice *list = arena_alloc_array(d->a, json_count(ids) + 1, sizeof(*list));
	size_t n = 0;

	for (const struct json *v = json_first(ids); v != NULL; v = json_next(v)) {
		struct slice bare;

		(void)slice_cut(json_str(v), ':', &bare);
		list[n++] = bare.p != NULL ? bare : json_str(v);
	}
	return uz_receipt_post(d->inst, "ReadReceipt", arena_cstr(d->a, deed_str(d, "state")),
			       d->chat, list, n);
}

static unsigned
post_presence(const struct deed *d)
{
	return uz_presence_post(d->inst, d->chat, false, deed_str(d, "presence"));
}

/* (10.4) Only this abridged body was ever found. */
static unsigned
post_call(const struct deed *d)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, d->a, BODY_MAX);
	json_w_init(&w, &b);
	uz_body_open(d->inst, UZ_EV_CALL, &w);
	json_w_open(&w, "message", '{');
	json_w_str(&w, "id", d->id);
	json_w_str(&w, "from", d->person);
	json_w_close(&w, '}');
	json_w_open(&w, "chat", '{');
	uz_chat_write_brief(d->inst, d->chat, &w);
	json_w_close(&w, '}');
	return uz_body_post(d->inst, UZ_EV_CALL, NULL, &w);
}

/* (10.4) Join, Leave, Promote, Demote name people in phone form and by LID beside it. */
static void
group_change_write(const struct deed *d, struct json_w *w)
{
	static const char *const words[] = {"Join", "Leave", "Promote", "Demote"};
	struct slice type = deed_str(d, "type");

	for (size_t i = 0; i < GH_COUNT(words); i++) {
		bool is_it = slice_eq_nocase(type, slice_of(words[i]));

		if (!is_it) {
			json_w_null(w, words[i]);
			continue;
		}
		json_w_open(w, words[i], '[');
		json_w_str(w, NULL, d->person);
		json_w_close(w, ']');
		json_w_open(w, arena_printf(d->a, "%sLid", words[i]), '[');
		json_w_str(w, NULL, uz_lid_of(d->person, d->a));
		json_w_close(w, ']');
	}
}

static unsigned
post_group(const struct deed *d)
{
	bool is_entry = slice_eq(deed_str(d, "kind"), S("group_join"));
	char at[CLOCK_RFC3339_SIZE];
	struct json_w w;
	struct buf b;

	buf_init(&b, d->a, BODY_MAX);
	json_w_init(&w, &b);
	uz_body_open(d->inst, UZ_EV_GROUPS, &w);
	json_w_str(&w, "type", is_entry ? S("JoinedGroup") : S("Group"));
	json_w_open(&w, "event", '{');
	json_w_str(&w, "JID", d->chat);
	json_w_str(&w, "Sender", d->person);
	json_w_str(&w, "SenderPN", d->person);
	json_w_str(&w, "sender_pn", d->person);
	json_w_str(&w, "sender_lid", uz_lid_of(d->person, d->a));
	json_w_str(&w, "Timestamp", slice_of(clock_rfc3339(clock_wall_us(), at)));
	if (is_entry) {
		json_w_str(&w, "Type", S(""));
		json_w_str(&w, "OwnerJID", uz_lid_of(d->person, d->a));
		json_w_str(&w, "OwnerPN", d->person);
		json_w_str(&w, "Name", d->text.n > 0 ? d->text : S(""));
		json_w_str(&w, "Topic", S(""));
	} else if (d->text.n > 0) {
		json_w_open(&w, "Name", '{');
		json_w_str(&w, "Name", d->text);
		json_w_close(&w, '}');
	} else {
		json_w_null(&w, "Name");
	}
	group_change_write(d, &w);
	json_w_close(&w, '}');
	return uz_body_post(d->inst, UZ_EV_GROUPS, NULL, &w);
}

static const struct deed_kind {
	const char *word, *needs;
	unsigned (*post)(const struct deed *d);
} kinds[] = {
	{"revoked", "target", post_revoked},  {"file_downloaded", "target", post_downloaded},
	{"receipt", "state", post_receipt},   {"presence", "presence", post_presence},
	{"call", "from", post_call},          {"group_join", "chat", post_group},
	{"group_update", "chat", post_group}, {"group_participants", "type", post_group},
};

/* False: no such kind, or it lacks something. */
static bool
post_kind(const struct deed *d, unsigned *posted)
{
	struct slice word = deed_str(d, "kind");

	for (size_t i = 0; i < GH_COUNT(spoken); i++)
		if (slice_eq(word, slice_of(spoken[i].word))) {
			*posted = post_spoken(d, &spoken[i]);
			return true;
		}
	for (size_t i = 0; i < GH_COUNT(kinds); i++)
		if (slice_eq(word, slice_of(kinds[i].word)) && deed_str(d, kinds[i].needs).n > 0) {
			*posted = kinds[i].post(d);
			return true;
		}
	if (word.n > 0 || d->text.p == NULL)
		return false;
	*posted = post_text(d);
	return true;
}

/* ---- as given ---- */

static bool
event_of(struct slice word, enum uz_event *event)
{
	for (int e = 0; e < UZ_EVENT_COUNT; e++)
		if (slice_eq(word, slice_of(uz_event_name((enum uz_event)e)))) {
			*event = (enum uz_event)e;
			return true;
		}
	return false;
}

/* Root keys it has itself win over ours. */
static bool
post_raw(const struct deed *d, const struct json *raw, unsigned *posted)
{
	static const char *const roots[] = {"BaseUrl", "instanceName", "owner", "token"};
	enum uz_event event;
	struct json_w w;
	struct buf b, part;

	if (!event_of(json_str(json_get(raw, "EventType")), &event))
		return false;
	buf_init(&b, d->a, BODY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	for (const struct json *v = json_first(raw); v != NULL; v = json_next(v)) {
		buf_init(&part, d->a, BODY_MAX);
		json_write(&part, v);
		json_w_raw(&w, arena_cstr(d->a, json_name(v)), buf_slice(&part));
	}
	for (size_t i = 0; i < GH_COUNT(roots); i++)
		if (json_get(raw, roots[i]) == NULL)
			json_w_str(&w, roots[i],
				   i == 0   ? S(UZ_BASE_URL)
				   : i == 1 ? slice_of(d->inst->name)
				   : i == 2 ? slice_of(d->inst->owner)
					    : slice_of(d->inst->token));
	*posted = uz_body_post(d->inst, event, NULL, &w);
	return true;
}

static bool
deed_read(struct deed *d)
{
	struct slice chat = deed_str(d, "chat"); /* a group it is done in */

	d->id = deed_str(d, "id");
	if (d->id.n == 0)
		d->id = people_message_id(d->a);
	d->person = uz_jid_of(deed_str(d, "from"), d->a);
	d->chat = chat.n > 0 ? uz_jid_of(chat, d->a) : d->person;
	d->text = deed_str(d, "text");
	return d->chat.p != NULL && d->person.p != NULL;
}

void
uazapi_inbound(struct uazapi *u, struct http_req *req, const struct json *body)
{
	struct deed d = {.inst = uz_instance_find(u, json_str(json_get(body, "session"))),
			 .body = body,
			 .a = req->a};
	int64_t at_us = clock_wall_us();
	const struct json *raw = json_get(body, "raw");
	unsigned posted = 0;

	if (d.inst == NULL) {
		sim_reply_error(req, 404, "session: unknown");
		return;
	}
	if (json_type(raw) == JSON_OBJECT ? !post_raw(&d, raw, &posted)
					  : !deed_read(&d) || !post_kind(&d, &posted)) {
		sim_reply_error(req, 422, "give raw (an object), from and text, or from and kind");
		return;
	}
	sim_reply(req, 200,
		  slice_of(arena_printf(req->a,
					"{\"id\":\"%.*s\",\"posted\":%u,\"at_us\":%" PRId64 "}",
					S_FMT(d.id), posted, at_us)));
}
