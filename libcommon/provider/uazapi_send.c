/* uazapi_send.c - UAZAPI: one request per kind of message that can be sent (contracts/uazapi.md
 * section 5), the look-up of a message that may have left (section 6), and what both answers say
 * (sections 5.1, 11). Pure.
 *
 * Every send carries our reference as track_id, so every kind can be looked up. Not sent, on
 * purpose: "delay" (senderd shows the typing itself, and the server may hold its answer for as
 * long, section 14) and "readchat", "readmessages" (reading is a call of its own here).
 */
#include "provider/uazapi.h"

#include "base/arena.h"
#include "base/buf.h"
#include "http/json.h"
#include "model/message_payload.h"
#include "provider/uazapi_event.h"
#include "provider/vcard.h"

/* 65,536 characters, all escaped to six bytes, and room for the rest. */
#define BODY_MAX (1024 * 1024)
/* Of one look-up: a reference names one message, or its resends. */
#define FIND_LIMIT 10

struct send {
	const struct provider_send *m;
	const struct message_payload *p; /* never NULL */
	struct provider_chat chat;
	struct message_contact contact; /* CONTACT: with name and phone */
	struct arena *a;
	struct json_w w;
	size_t file_at; /* where the stored file's base64 text goes; 0: nowhere */
};

/* ---- chats ---- */

struct slice
uazapi_number(const struct provider_chat *chat)
{
	return chat->kind == PROVIDER_CHAT_PERSON ? chat->user : chat->key;
}

/* ---- parts of bodies ---- */

/* The server replaces "{{name}}", "{{lead_...}}" and others by what it knows of the contact
 * (section 5, "Limits to know"): with a word joiner (U+2060), which nobody sees, between two
 * braces they are none of its placeholders any more, and what was written arrives. */
static void
text_add(struct buf *b, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (i > 0 && s.p[i] == '{' && s.p[i - 1] == '{')
			buf_add_cstr(b, "\xE2\x81\xA0");
		buf_add_char(b, s.p[i]);
	}
}

struct slice
uazapi_text(struct slice text, struct arena *a)
{
	struct buf b;

	if (text.p == NULL)
		return SLICE_NONE;
	buf_init(&b, a, text.n * 4 + 1);
	text_add(&b, text);
	return buf_slice(&b);
}

/* What a person reads. */
static void
put_text(struct send *s, const char *name, struct slice text)
{
	if (text.n > 0)
		json_w_str(&s->w, name, uazapi_text(text, s->a));
}

/* What a program reads. */
static void
put(struct send *s, const char *name, struct slice value)
{
	if (value.n > 0)
		json_w_str(&s->w, name, value);
}

/* "5511900000002,5511900000003", or "all". */
static void
put_mentions(struct send *s)
{
	struct provider_chat chat;
	struct buf b;

	if (s->p->mention_count == 0)
		return;
	buf_init(&b, s->a, BODY_MAX);
	for (unsigned i = 0; i < s->p->mention_count; i++) {
		struct slice who = s->p->mentions[i];

		if (b.n > 0)
			buf_add_char(&b, ',');
		buf_add(&b, provider_chat_parse(who, s->a, &chat) == GH_OK ? uazapi_number(&chat)
									   : who);
	}
	json_w_str(&s->w, "mentions", buf_slice(&b));
}

/* ---- kinds ---- */

static void
body_text(struct send *s)
{
	json_w_str(&s->w, "text", uazapi_text(s->m->content, s->a));
	if (s->p->has_link_preview)
		json_w_bool(&s->w, "linkPreview", s->p->link_preview);
}

static struct slice
media_type(const struct send *s)
{
	switch (s->m->kind) {
	case MSG_IMAGE:
		return S("image");
	case MSG_VIDEO:
		return S("video");
	case MSG_AUDIO:
		return s->p->is_voice ? S("ptt") : S("audio");
	case MSG_STICKER:
		return S("sticker");
	default:
		return S("document");
	}
}

static void
body_media(struct send *s)
{
	const struct message_file *f = &s->p->file;
	bool is_stored = !uuid_is_nil(f->media_id);

	json_w_str(&s->w, "type", media_type(s));
	json_w_str(&s->w, "file", is_stored ? S("") : s->m->media_url);
	if (is_stored)
		s->file_at = s->w.b->n - 1; /* between the quotes */
	put_text(s, "text", s->m->content);
	put(s, "docName", f->name);
	put(s, "mimetype", f->mime_type);
}

static void
body_location(struct send *s)
{
	json_w_double(&s->w, "latitude", s->p->place.latitude);
	json_w_double(&s->w, "longitude", s->p->place.longitude);
	put_text(s, "name", s->p->place.name);
	put_text(s, "address", s->p->place.address);
}

static struct slice
phones_of(struct send *s, struct slice phones)
{
	struct buf b;

	buf_init(&b, s->a, phones.n + 1);
	while (phones.p != NULL) {
		struct slice digits = translate_digits(slice_cut(phones, ',', &phones), s->a);

		if (b.n > 0 && digits.n > 0)
			buf_add_char(&b, ',');
		buf_add(&b, digits);
	}
	return buf_slice(&b);
}

static void
body_contact(struct send *s)
{
	const struct message_contact *c = &s->contact;

	put_text(s, "fullName", c->name);
	put(s, "phoneNumber", phones_of(s, c->phone));
	put_text(s, "organization", c->organization);
	put(s, "email", c->email);
	put(s, "url", c->url);
}

/* "label|id" of a button, "title|id|description" of a list, a line feed in place of '|': only what
 * is read is broken, ids, codes and addresses come back or are followed as they are. A poll has
 * plain words. */
static struct slice
choice_broken(struct send *s, struct slice choice)
{
	enum message_menu_type type = s->p->menu.type;
	bool is_read = true;
	struct buf b;
	size_t from = 0;

	if (type == MESSAGE_MENU_POLL)
		return uazapi_text(choice, s->a);
	buf_init(&b, s->a, choice.n * 4 + 1);
	for (size_t i = 0; i <= choice.n; i++) {
		if (i < choice.n && choice.p[i] != '|' && choice.p[i] != '\n')
			continue;
		if (is_read)
			text_add(&b, slice_sub(choice, from, i - from));
		else
			buf_add(&b, slice_sub(choice, from, i - from));
		if (i < choice.n)
			buf_add_char(&b, choice.p[i]);
		/* The id follows the label; what follows the id is read in a list alone. */
		is_read = !is_read && type == MESSAGE_MENU_LIST;
		from = i + 1;
	}
	return buf_slice(&b);
}

static void
body_menu(struct send *s)
{
	const struct message_menu *m = &s->p->menu;

	json_w_str(&s->w, "type", message_menu_word(m->type));
	json_w_str(&s->w, "text", uazapi_text(m->text, s->a));
	json_w_open(&s->w, "choices", '[');
	for (unsigned i = 0; i < m->choice_count; i++)
		json_w_str(&s->w, NULL, choice_broken(s, m->choices[i]));
	json_w_close(&s->w, ']');
	put_text(s, "footerText", m->footer);
	if (m->type == MESSAGE_MENU_LIST)
		put_text(s, "listButton", m->button);
	if (m->type == MESSAGE_MENU_BUTTON)
		put(s, "imageButton", m->image);
	/* Any number is at most all of them. */
	if (m->type == MESSAGE_MENU_POLL)
		json_w_i64(&s->w, "selectableCount",
			   m->selectable_count > 0 ? m->selectable_count : m->choice_count);
}

/* ---- routes ---- */

static bool
is_menu(const struct send *s)
{
	if (s->p->menu.type == MESSAGE_MENU_POLL)
		return translate_is_poll(s->m, s->p);
	return s->p->menu.type != MESSAGE_MENU_NONE && !s->m->is_plain;
}

/* The first row that fits sends the message; a kind without one is refused as unsupported. */
static const struct send_route {
	enum msg_kind kind;
	bool (*fits)(const struct send *s); /* NULL: always */
	const char *path;
	void (*body)(struct send *s);
} send_routes[] = {
	{MSG_TEXT, is_menu, "/send/menu", body_menu},
	{MSG_TEXT, NULL, "/send/text", body_text},
	{MSG_IMAGE, NULL, "/send/media", body_media},
	{MSG_VIDEO, NULL, "/send/media", body_media},
	{MSG_AUDIO, NULL, "/send/media", body_media},
	{MSG_DOCUMENT, NULL, "/send/media", body_media},
	{MSG_STICKER, NULL, "/send/media", body_media},
	{MSG_LOCATION, NULL, "/send/location", body_location},
	{MSG_CONTACT, NULL, "/send/contact", body_contact},
};

static const struct send_route *
send_route_find(const struct send *s)
{
	for (size_t i = 0; i < GH_COUNT(send_routes); i++)
		if (send_routes[i].kind == s->m->kind &&
		    (send_routes[i].fits == NULL || send_routes[i].fits(s)))
			return &send_routes[i];
	return NULL;
}

const char *
uazapi_send_gap(enum msg_kind kind)
{
	for (size_t i = 0; i < GH_COUNT(send_routes); i++)
		if (send_routes[i].kind == kind)
			return NULL;
	return kind == MSG_REACTION ? "section 6: a reaction is a call of its own" : "section 5";
}

/* What the message lacks, or NULL. A vCard is taken apart: the call knows names and phones. */
static const char *
send_lacks(struct send *s)
{
	const char *lack = translate_send_lacks(s->m, s->p);

	if (lack != NULL || s->m->kind != MSG_CONTACT)
		return lack;
	s->contact = s->p->contact;
	if (s->contact.vcard.p != NULL)
		vcard_read(s->contact.vcard, s->a, &s->contact);
	if (s->contact.name.n == 0)
		return "a name";
	return phones_of(s, s->contact.phone).n > 0 ? NULL : "a phone";
}

static void
send_write(struct send *s, const struct send_route *route)
{
	const struct provider_message_ref *reply_to = s->m->reply_to;
	struct slice source = s->p->track_source;

	json_w_open(&s->w, NULL, '{');
	json_w_str(&s->w, "number", uazapi_number(&s->chat));
	route->body(s);
	put_mentions(s);
	if (reply_to != NULL)
		put(s, "replyid",
		    reply_to->bare.n > 0 ? reply_to->bare : uazapi_split_id(reply_to->full).bare);
	json_w_str(&s->w, "track_source", source.n > 0 ? source : S("growhub"));
	put(s, "track_id", s->m->send_ref);
	/* Queueing is ours: an answer must say what became of it. */
	json_w_bool(&s->w, "async", false);
	json_w_close(&s->w, '}');
}

enum gh_code
uazapi_build_send(const struct provider_server *server, const struct provider_call *call,
		  struct arena *a, struct provider_request *out, struct gh_err *err)
{
	static const struct message_payload nothing;
	const struct provider_send *m = call->send;
	struct send s = {.m = m, .p = m->payload != NULL ? m->payload : &nothing, .a = a};
	const struct send_route *route;
	const char *lack;
	struct buf body, url;

	if (provider_chat_parse(m->chat, a, &s.chat) != GH_OK)
		return gh_fail(err, GH_EINVAL, "uazapi: not a chat id");
	if (s.chat.kind == PROVIDER_CHAT_BROADCAST)
		return gh_fail(err, GH_EPERM,
			       "uazapi cannot send to %.*s (its contract, section 3)",
			       S_FMT(s.chat.key));
	route = send_route_find(&s);
	if (route == NULL)
		return gh_fail(err, GH_EPERM, "uazapi cannot send a %s (its contract, %s)",
			       msg_kind_name(m->kind), uazapi_send_gap(m->kind));
	lack = send_lacks(&s);
	if (lack != NULL)
		return gh_fail(err, GH_EINVAL, "uazapi: %s without %s", msg_kind_name(m->kind),
			       lack);
	buf_init(&body, a, BODY_MAX);
	json_w_init(&s.w, &body);
	send_write(&s, route);
	if (body.over)
		return gh_fail(err, GH_EINVAL, "uazapi: message is too long");
	out->method = "POST";
	out->body = buf_slice(&body);
	out->carries_ref = m->send_ref.n > 0;
	out->is_form = route->fits != NULL;
	if (s.file_at > 0)
		translate_body_split(out, s.file_at);
	translate_url_start(&url, a, server, route->path);
	return translate_url_end(&url, out, err);
}

bool
uazapi_send_ref(enum msg_kind kind, struct uuid message, char dst[PROVIDER_SEND_REF_SIZE])
{
	dst[0] = '\0';
	if (uazapi_send_gap(kind) != NULL)
		return false;
	(void)uuid_text(message, dst);
	return true;
}

enum gh_code
uazapi_build_message_get(const struct provider_server *server, const struct provider_call *call,
			 struct arena *a, struct provider_request *out, struct gh_err *err)
{
	struct buf body, url;
	struct json_w w;
	enum gh_code rc;

	if (call->external_id.n == 0 && call->send_ref.n == 0)
		return gh_fail(err, GH_EINVAL, "uazapi: look-up needs a message id or a reference");
	translate_body_start(&body, a, &w);
	if (call->external_id.n > 0)
		json_w_str(&w, "id", call->external_id);
	else
		json_w_str(&w, "track_id", call->send_ref);
	json_w_i64(&w, "limit", FIND_LIMIT);
	rc = translate_body_end(&body, &w, out, err);
	if (rc != GH_OK)
		return rc;
	out->method = "POST";
	out->is_idempotent = true;
	translate_url_start(&url, a, server, "/message/find");
	return translate_url_end(&url, out, err);
}

/* ---- answers ---- */

struct slice
uazapi_message_id(const struct json *message)
{
	struct slice bare = json_str(json_get(message, "messageid"));

	return bare.n > 0 ? bare : uazapi_bare_id(json_str(json_get(message, "id")));
}

bool
uazapi_status(struct slice word, enum msg_status *status)
{
	static const struct {
		const char *word;
		enum msg_status status;
	} words[] = {
		/* No receipt says "sent": what the server has given to WhatsApp is. */
		{"pending", MSG_SENT},        {"sent", MSG_SENT},       {"serverack", MSG_SENT},
		{"delivered", MSG_DELIVERED}, {"read", MSG_READ},       {"played", MSG_PLAYED},
		{"failed", MSG_FAILED},       {"canceled", MSG_FAILED},
	};

	for (size_t i = 0; i < GH_COUNT(words); i++)
		if (slice_eq_nocase(word, slice_of(words[i].word))) {
			*status = words[i].status;
			return true;
		}
	return false;
}

void
uazapi_read_send(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	enum msg_status status;

	if (json_type(doc) != JSON_OBJECT) {
		/* A proxy's page, or a body cut short: nothing proves that it was sent. */
		translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
		return;
	}
	out->external_id = uazapi_message_id(doc);
	if (uazapi_status(json_str(json_get(doc, "status")), &status) && status == MSG_FAILED) {
		translate_set(out, PROVIDER_REJECTED, "provider_refused");
	} else if (out->external_id.n == 0) {
		/* An error under a good status, maybe: the look-up by its track_id tells. */
		out->external_id = SLICE_NONE;
		translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
	}
}

/* A build that does not know a filter answers with whatever was sent last: taken for ours, it would
 * end a message that never left. */
static bool
is_another(const struct json *message, struct slice ref)
{
	const struct json *track_id = json_get(message, "track_id");

	return ref.n > 0 && track_id != NULL && !slice_eq(json_str(track_id), ref);
}

/* Resends have one reference: the one that came furthest speaks for it, and one that failed only
 * when all did. */
static bool
is_further(const struct provider_result *best, bool has_status, enum msg_status status)
{
	if (!best->is_found || (best->has_status && best->status == MSG_FAILED))
		return true;
	if (!has_status || status == MSG_FAILED)
		return false;
	return !best->has_status || status > best->status;
}

void
uazapi_read_message(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	const struct json *messages = json_get(doc, "messages");

	if (json_type(messages) != JSON_ARRAY) {
		translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
		return;
	}
	for (const struct json *m = json_first(messages); m != NULL; m = json_next(m)) {
		enum msg_status status = MSG_SENT;
		struct slice id = uazapi_message_id(m);
		bool has_status = uazapi_status(json_str(json_get(m, "status")), &status);

		if (id.n == 0 || !json_bool(json_get(m, "fromMe"), true) ||
		    is_another(m, out->asked_ref) || !is_further(out, has_status, status))
			continue;
		out->is_found = true;
		out->external_id = id;
		out->has_status = has_status;
		out->status = status;
	}
	if (!out->is_found)
		out->code = "not_found";
}
