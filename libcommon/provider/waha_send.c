/* waha_send.c - WAHA: one request per kind of message that can be sent (contracts/waha.md
 * section 5), and the reference that some of them carry. Pure.
 *
 * Stickers have no route in the contract. Buttons have one that "may not be delivered", and
 * lists exist on two engines and in direct chats only: elsewhere a menu leaves as the numbered
 * text that is its content.
 */
#include "provider/waha.h"

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/hash.h"
#include "http/json.h"
#include "model/message_payload.h"

/* 65,536 characters, all escaped to six bytes, and room for the rest. */
#define BODY_MAX  (1024 * 1024)
#define VCARD_MAX (64 * 1024)

struct send {
	const struct provider_server *server;
	const struct provider_send *m;
	const struct message_payload *p; /* never NULL */
	struct provider_chat chat;
	struct arena *a;
	struct json_w w;
	size_t file_at; /* where the stored file's base64 text goes; 0: nowhere */
};

/* ---- parts of bodies ---- */

static void
put(struct send *s, const char *name, struct slice text)
{
	if (text.p != NULL)
		json_w_str(&s->w, name, text);
}

/* "<digits>@c.us" each, or "all"; read on text, image, file and video. */
static void
put_mentions(struct send *s)
{
	if (s->p->mention_count == 0)
		return;
	json_w_open(&s->w, "mentions", '[');
	for (unsigned i = 0; i < s->p->mention_count; i++)
		json_w_str(&s->w, NULL, s->p->mentions[i]);
	json_w_close(&s->w, ']');
}

static bool
is_stored(const struct send *s)
{
	return !uuid_is_nil(s->p->file.media_id);
}

static void
put_file(struct send *s)
{
	const struct message_file *f = &s->p->file;

	json_w_open(&s->w, "file", '{');
	json_w_str(&s->w, "mimetype", f->mime_type);
	put(s, "filename", f->name);
	if (is_stored(s)) {
		json_w_str(&s->w, "data", S(""));
		s->file_at = s->w.b->n - 1; /* between the quotes */
	} else {
		json_w_str(&s->w, "url", s->m->media_url);
	}
	json_w_close(&s->w, '}');
}

static bool
contains(struct slice s, struct slice part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (slice_eq_nocase(slice_sub(s, i, part.n), part))
			return true;
	return false;
}

/* ---- kinds ---- */

static void
body_text(struct send *s)
{
	json_w_str(&s->w, "text", s->m->content);
	if (s->p->has_link_preview)
		json_w_bool(&s->w, "linkPreview", s->p->link_preview);
	put_mentions(s);
}

static void
body_file(struct send *s)
{
	put(s, "caption", s->m->content);
	put_file(s);
	put_mentions(s);
}

static void
body_video(struct send *s)
{
	body_file(s);
	/* What WhatsApp plays as it is; the rest the server converts. */
	json_w_bool(&s->w, "convert", !slice_eq_nocase(s->p->file.mime_type, S("video/mp4")));
}

/* The contract's only route for sound; it has no caption. */
static void
body_voice(struct send *s)
{
	put_file(s);
	json_w_bool(&s->w, "convert", !contains(s->p->file.mime_type, S("opus")));
}

/* There is one text: the place's name, and its address behind it. */
static void
body_location(struct send *s)
{
	const struct message_place *p = &s->p->place;
	struct slice title = p->name.n > 0 ? p->name : p->address;

	if (p->name.n > 0 && p->address.n > 0)
		title = slice_of(
			arena_printf(s->a, "%.*s, %.*s", S_FMT(p->name), S_FMT(p->address)));
	json_w_double(&s->w, "latitude", p->latitude);
	json_w_double(&s->w, "longitude", p->longitude);
	json_w_str(&s->w, "title", title.n > 0 ? title : S(""));
}

/* One line of a vCard; the value's own commas, semicolons and line ends are quoted. */
static void
vcard_add(struct buf *b, const char *name, struct slice value)
{
	if (value.p == NULL)
		return;
	buf_add_cstr(b, name);
	buf_add_char(b, ':');
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '\\' || c == ',' || c == ';')
			buf_add_char(b, '\\');
		if (c == '\n')
			buf_add_cstr(b, "\\n");
		else if ((unsigned char)c >= ' ')
			buf_add_char(b, c);
	}
	buf_add_char(b, '\n');
}

static struct slice
vcard_of(struct send *s, const struct message_contact *c)
{
	struct buf b;

	buf_init(&b, s->a, VCARD_MAX);
	buf_add_cstr(&b, "BEGIN:VCARD\nVERSION:3.0\n");
	vcard_add(&b, "FN", c->name);
	vcard_add(&b, "ORG", c->organization);
	for (struct slice rest = c->phone; rest.p != NULL;) {
		struct slice digits = translate_digits(slice_cut(rest, ',', &rest), s->a);

		buf_add_printf(&b, "TEL;type=CELL;waid=%.*s:+%.*s\n", S_FMT(digits), S_FMT(digits));
	}
	vcard_add(&b, "EMAIL", c->email);
	vcard_add(&b, "URL", c->url);
	buf_add_cstr(&b, "END:VCARD");
	if (b.over)
		s->w.b->over = true;
	return buf_slice(&b);
}

static void
body_contact(struct send *s)
{
	const struct message_contact *c = &s->p->contact;
	struct slice digits = translate_digits(c->phone, s->a);

	json_w_open(&s->w, "contacts", '[');
	json_w_open(&s->w, NULL, '{');
	if (c->vcard.p != NULL) {
		json_w_str(&s->w, "vcard", c->vcard);
	} else if (c->email.p != NULL || c->url.p != NULL || slice_index(c->phone, ',') >= 0) {
		/* The plain form knows neither, and one phone. */
		json_w_str(&s->w, "vcard", vcard_of(s, c));
	} else {
		json_w_str(&s->w, "fullName", c->name);
		put(s, "organization", c->organization);
		json_w_str(&s->w, "phoneNumber",
			   slice_of(arena_printf(s->a, "+%.*s", S_FMT(digits))));
		json_w_str(&s->w, "whatsappId", digits);
	}
	json_w_close(&s->w, '}');
	json_w_close(&s->w, ']');
}

static void
body_poll(struct send *s)
{
	const struct message_menu *m = &s->p->menu;

	json_w_open(&s->w, "poll", '{');
	json_w_str(&s->w, "name", m->text);
	json_w_open(&s->w, "options", '[');
	for (unsigned i = 0; i < m->choice_count; i++)
		json_w_str(&s->w, NULL, m->choices[i]);
	json_w_close(&s->w, ']');
	json_w_bool(&s->w, "multipleAnswers", m->selectable_count != 1);
	json_w_close(&s->w, '}');
}

/* "[Section]": its name; SLICE_NONE for any other choice. */
static struct slice
section_name(struct slice choice)
{
	if (choice.n < 2 || choice.p[0] != '[' || choice.p[choice.n - 1] != ']')
		return SLICE_NONE;
	return slice_sub(choice, 1, choice.n - 2);
}

/* "title|id|description", id and description optional. */
static void
list_row(struct send *s, struct slice choice)
{
	struct slice rest, description;
	struct slice title = slice_cut(choice, '|', &rest);
	struct slice id = slice_cut(rest, '|', &description);

	json_w_open(&s->w, NULL, '{');
	json_w_str(&s->w, "title", title);
	json_w_str(&s->w, "rowId", id.n > 0 ? id : title);
	json_w_str(&s->w, "description", description);
	json_w_close(&s->w, '}');
}

/* The rows from choice `first` up to the next section; returns its number. */
static unsigned
list_section(struct send *s, struct slice title, unsigned first)
{
	const struct message_menu *m = &s->p->menu;
	unsigned i;

	json_w_open(&s->w, NULL, '{');
	json_w_str(&s->w, "title", title);
	json_w_open(&s->w, "rows", '[');
	for (i = first; i < m->choice_count && section_name(m->choices[i]).p == NULL; i++)
		list_row(s, m->choices[i]);
	json_w_close(&s->w, ']');
	json_w_close(&s->w, '}');
	return i;
}

static void
body_list(struct send *s)
{
	const struct message_menu *m = &s->p->menu;
	struct slice title = S("");

	json_w_open(&s->w, "message", '{');
	json_w_str(&s->w, "title", m->text);
	put(s, "footer", m->footer);
	json_w_str(&s->w, "button", m->button.n > 0 ? m->button : S("Menu"));
	json_w_open(&s->w, "sections", '[');
	for (unsigned i = 0; i < m->choice_count;) {
		struct slice name = section_name(m->choices[i]);

		if (name.p == NULL) {
			i = list_section(s, title, i);
		} else { /* a section without rows leaves nothing behind */
			title = name;
			i++;
		}
	}
	json_w_close(&s->w, ']');
	json_w_close(&s->w, '}');
}

/* ---- routes ---- */

static bool
is_poll(const struct send *s)
{
	return translate_is_poll(s->m, s->p);
}

static bool
is_list(const struct send *s)
{
	bool is_direct = s->chat.kind == PROVIDER_CHAT_PERSON || s->chat.kind == PROVIDER_CHAT_LID;

	return s->p->menu.type == MESSAGE_MENU_LIST && is_direct && !s->m->is_plain &&
	       waha_engine_has_lists(waha_engine_of(s->server->engine));
}

/* The first row that fits sends the message; a kind without one is refused as unsupported. */
static const struct send_route {
	enum msg_kind kind;
	bool (*fits)(const struct send *s); /* NULL: always */
	const char *path;
	void (*body)(struct send *s);
	bool takes_id; /* a preset id is read on this route (section 5) */
} send_routes[] = {
	{MSG_TEXT, is_poll, "/api/sendPoll", body_poll, true},
	{MSG_TEXT, is_list, "/api/sendList", body_list, false},
	{MSG_TEXT, NULL, "/api/sendText", body_text, true},
	{MSG_IMAGE, NULL, "/api/sendImage", body_file, false},
	{MSG_VIDEO, NULL, "/api/sendVideo", body_video, false},
	{MSG_AUDIO, NULL, "/api/sendVoice", body_voice, false},
	{MSG_DOCUMENT, NULL, "/api/sendFile", body_file, false},
	{MSG_LOCATION, NULL, "/api/sendLocation", body_location, true},
	{MSG_CONTACT, NULL, "/api/sendContactVcard", body_contact, true},
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

static void
send_write(struct send *s, const struct provider_call *call, const struct send_route *route,
	   struct provider_request *out)
{
	enum waha_engine engine = waha_engine_of(s->server->engine);
	bool has_ref = route->takes_id && s->m->send_ref.n > 0;

	out->carries_ref = has_ref && waha_engine_takes_id(engine);
	out->is_form = route->fits != NULL;
	json_w_open(&s->w, NULL, '{');
	json_w_str(&s->w, "session", call->session);
	json_w_str(&s->w, "chatId", s->chat.key);
	route->body(s);
	if (s->m->reply_to != NULL)
		json_w_str(&s->w, "reply_to", waha_full_id(s->m->reply_to, s->a));
	/* An engine that is not known gets one too: it is dropped silently where it is not read,
	 * and then nothing may rely on it. */
	if (out->carries_ref || (has_ref && engine == WAHA_UNKNOWN))
		json_w_str(&s->w, "id", s->m->send_ref);
	json_w_close(&s->w, '}');
}

enum gh_code
waha_build_send(const struct provider_server *server, const struct provider_call *call,
		struct arena *a, struct provider_request *out, struct gh_err *err)
{
	static const struct message_payload nothing;
	const struct provider_send *m = call->send;
	struct send s = {.server = server, .m = m, .a = a};
	const struct send_route *route;
	const char *lack;
	struct buf body, url;

	s.p = m->payload != NULL ? m->payload : &nothing;
	if (provider_chat_parse(m->chat, a, &s.chat) != GH_OK)
		return gh_fail(err, GH_EINVAL, "waha: not a chat id");
	route = send_route_find(&s);
	if (route == NULL)
		return gh_fail(err, GH_EPERM, "waha cannot send a %s (its contract, %s)",
			       msg_kind_name(m->kind), waha_send_gap(m->kind));
	lack = translate_send_lacks(m, s.p);
	if (lack != NULL)
		return gh_fail(err, GH_EINVAL, "waha: %s without %s", msg_kind_name(m->kind), lack);
	buf_init(&body, a, BODY_MAX);
	json_w_init(&s.w, &body);
	send_write(&s, call, route, out);
	translate_url_start(&url, a, server, route->path);
	if (body.over || url.over)
		return gh_fail(err, GH_EINVAL, "waha: message is too long");
	out->method = "POST";
	out->url = buf_slice(&url);
	out->body = buf_slice(&body);
	if (s.file_at > 0)
		translate_body_split(out, s.file_at);
	return GH_OK;
}

/* ---- reference ---- */

/* "3EB0" as engine-made ids begin, then 18 hex digits: 22 of the allowed 16 to 32. */
#define SEND_REF_PREFIX "3EB0"
#define SEND_REF_BYTES  9

bool
waha_send_ref(enum msg_kind kind, struct uuid message, char dst[PROVIDER_SEND_REF_SIZE])
{
	static const char hex[] = "0123456789ABCDEF";
	uint8_t hash[HASH_SHA256_SIZE];
	size_t n = sizeof(SEND_REF_PREFIX) - 1;
	bool is_carried = false;

	dst[0] = '\0';
	for (size_t i = 0; i < GH_COUNT(send_routes); i++)
		if (send_routes[i].kind == kind && send_routes[i].takes_id)
			is_carried = true;
	if (!is_carried)
		return false;
	hash_sha256(slice_make(message.b, sizeof(message.b)), hash);
	memcpy(dst, SEND_REF_PREFIX, n);
	for (size_t i = 0; i < SEND_REF_BYTES; i++) {
		dst[n++] = hex[hash[i] >> 4];
		dst[n++] = hex[hash[i] & 15];
	}
	dst[n] = '\0';
	return true;
}
