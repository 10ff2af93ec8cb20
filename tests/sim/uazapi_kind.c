/* uazapi_kind.c - what each send route takes, what the server makes of it, and what is remembered
 * (5, 12). Which fields are needed and their types the routes say; this looks inside.
 */
#include "uazapi.h"

#include "base/arena.h"
#include "http/server.h"
#include "http/url.h"

#define DETAIL_MAX  (1024 * 1024)
#define CONTENT_MAX (SIM_BODY_MAX * 2)

/* One send on its way through the checks. */
struct kind_send {
	const struct uz_call *c;
	const struct json *body;
	struct arena *a;
	struct json_w *detail, *content;
	struct uz_sent *out;
	unsigned *status;
};

static struct slice
text_of(const struct kind_send *s, const char *name)
{
	struct slice t = json_str(json_get(s->body, name));

	return t.n > 0 ? t : S("");
}

/* ---- placeholders (5.1) ---- */

/* "name" of "{{name}} x"; the length of the whole placeholder, 0 when there is none. */
static size_t
placeholder_at(struct slice text, struct slice *word)
{
	size_t n = 2;

	if (!slice_starts(text, S("{{")))
		return 0;
	while (n < text.n && ((text.p[n] >= 'a' && text.p[n] <= 'z') || text.p[n] == '_' ||
			      (text.p[n] >= '0' && text.p[n] <= '9')))
		n++;
	*word = slice_sub(text, 2, n - 2);
	return n > 2 && slice_starts(slice_from(text, n), S("}}")) ? n + 2 : 0;
}

struct slice
uz_fill_in(struct slice text, struct slice name, struct arena *a)
{
	struct slice word, rest, first = slice_cut(name, ' ', &rest);
	struct buf b;

	buf_init(&b, a, SIM_BODY_MAX * 2);
	for (size_t i = 0; i < text.n;) {
		size_t n = placeholder_at(slice_from(text, i), &word);

		if (n == 0)
			buf_add_char(&b, text.p[i]);
		else if (slice_eq(word, S("name")))
			buf_add(&b, name);
		else if (slice_eq(word, S("first_name")))
			buf_add(&b, first);
		i += n > 0 ? n : 1;
	}
	return b.n > 0 ? buf_slice(&b) : S("");
}

/* ---- texts ---- */

static const char *
look_text(const struct kind_send *s)
{
	if (s->out->text.n == 0)
		return "Missing number or text";
	json_w_str(s->content, "text", s->out->text);
	json_w_open(s->content, "contextInfo", '{');
	json_w_close(s->content, '}');
	if (!json_is_null(json_get(s->body, "linkPreview")))
		json_w_bool(s->detail, "link_preview",
			    json_bool(json_get(s->body, "linkPreview"), true));
	return NULL;
}

/* ---- files ---- */

static const struct media_type {
	const char *type, *message_type, *media_type;
	const char *mime; /* prefix of a mimetype that is taken */
} media_types[] = {
	{"image", "ImageMessage", "image", "image/"},
	{"video", "VideoMessage", "video", "video/mp4"},
	{"document", "DocumentMessage", "document", ""},
	{"audio", "AudioMessage", "audio", "audio/"},
	{"myaudio", "AudioMessage", "ptt", "audio/"},
	{"ptt", "AudioMessage", "ptt", "audio/"},
	{"ptv", "VideoMessage", "ptv", "video/mp4"},
	{"sticker", "StickerMessage", "sticker", "image/"},
};

/* A URL, or base64 with or without "data:TYPE;base64,". Its bytes are not fetched. */
static const char *
file_note(const struct kind_send *s, struct slice file, struct slice *mime)
{
	int64_t max = s->c->u->opt.media_max_bytes;
	struct slice bytes, rest;
	struct url parsed;

	if (slice_starts(file, S("http://")) || slice_starts(file, S("https://"))) {
		json_w_str(s->detail, "url", file);
		return url_parse(file, &parsed, NULL) == GH_OK
			       ? NULL
			       : "Invalid media type or file format";
	}
	if (slice_starts(file, S("data:"))) {
		struct slice type = slice_cut(slice_from(file, 5), ',', &rest), tail;

		if (mime->n == 0)
			*mime = slice_cut(type, ';', &tail);
		file = rest;
	}
	if (!file_data_note(file, s->a, s->detail, &bytes))
		return "Invalid media type or file format";
	if (max > 0 && bytes.n > (size_t)max) {
		*s->status = 413;
		return "File size exceeds limit";
	}
	return NULL;
}

static const char *
look_media(const struct kind_send *s)
{
	struct slice word = text_of(s, "type"), mime = text_of(s, "mimetype");
	const struct media_type *type = NULL;
	const char *wrong;

	for (size_t i = 0; i < GH_COUNT(media_types); i++)
		if (slice_eq(word, slice_of(media_types[i].type)))
			type = &media_types[i];
	if (type == NULL)
		return "Invalid media type or file format";
	wrong = file_note(s, text_of(s, "file"), &mime);
	if (wrong != NULL)
		return wrong;
	if (mime.n > 0 && !slice_starts(mime, slice_of(type->mime))) {
		*s->status = 415;
		return "Unsupported media format";
	}
	s->out->kind = type->type;
	s->out->message_type = type->message_type;
	s->out->media_type = type->media_type;
	json_w_str(s->detail, "mime", mime);
	json_w_str(s->content, "URL", S("https://mmg.whatsapp.net/v/t62.enc"));
	json_w_str(s->content, "mimetype", mime);
	json_w_str(s->content, "caption", s->out->text);
	json_w_i64(s->content, "fileLength", 1000);
	if (text_of(s, "docName").n > 0) {
		json_w_str(s->detail, "file_name", text_of(s, "docName"));
		json_w_str(s->content, "fileName", text_of(s, "docName"));
	}
	if (slice_eq(word, S("ptt")) || slice_eq(word, S("myaudio")))
		json_w_bool(s->content, "PTT", true);
	return NULL;
}

/* ---- people and places ---- */

static const char *
look_contact(const struct kind_send *s)
{
	static const char *const notes[] = {"phoneNumber", "organization", "email", "url"};
	struct slice name = text_of(s, "fullName"), rest = text_of(s, "phoneNumber");
	struct buf card;

	if (name.n == 0 || rest.n == 0)
		return "Missing required fields: fullName and phoneNumber";
	for (size_t i = 0; i < GH_COUNT(notes); i++)
		if (text_of(s, notes[i]).n > 0)
			json_w_str(s->detail, notes[i], text_of(s, notes[i]));
	buf_init(&card, s->a, DETAIL_MAX);
	buf_add_printf(&card, "BEGIN:VCARD\nVERSION:3.0\nFN:%.*s\n", S_FMT(name));
	while (rest.p != NULL) {
		struct slice phone = slice_trim(slice_cut(rest, ',', &rest));

		if (uz_jid_of(phone, s->a).p == NULL)
			return "Could not parse phone";
		buf_add_printf(&card, "TEL:%.*s\n", S_FMT(phone));
	}
	buf_add_cstr(&card, "END:VCARD");
	s->out->text = name;
	json_w_str(s->content, "displayName", name);
	json_w_str(s->content, "vcard", buf_slice(&card));
	return NULL;
}

static const char *
look_location(const struct kind_send *s)
{
	double latitude = json_double(json_get(s->body, "latitude"), 0);
	double longitude = json_double(json_get(s->body, "longitude"), 0);

	if (latitude < -90 || latitude > 90 || longitude < -180 || longitude > 180)
		return "Invalid coordinates or missing number";
	json_w_double(s->detail, "latitude", latitude);
	json_w_double(s->detail, "longitude", longitude);
	if (text_of(s, "address").n > 0)
		json_w_str(s->detail, "address", text_of(s, "address"));
	s->out->text = text_of(s, "name");
	json_w_double(s->content, "degreesLatitude", latitude);
	json_w_double(s->content, "degreesLongitude", longitude);
	json_w_str(s->content, "name", text_of(s, "name"));
	json_w_str(s->content, "address", text_of(s, "address"));
	return NULL;
}

/* ---- menus: the grammar of choices (5) ---- */

enum choice_mark { CHOICE_PLAIN, CHOICE_SECTION, CHOICE_IMAGE };

static enum choice_mark
choice_mark(struct slice choice)
{
	if (slice_starts(choice, S("[")) && slice_ends(choice, S("]")))
		return CHOICE_SECTION;
	if (slice_starts(choice, S("{")) && slice_ends(choice, S("}")))
		return CHOICE_IMAGE;
	return CHOICE_PLAIN;
}

/* The kind of button a choice makes: by what follows the bar or the line feed. */
static const char *
button_kind(struct slice choice)
{
	struct slice rest;

	(void)slice_cut(choice, slice_index(choice, '|') >= 0 ? '|' : '\n', &rest);
	if (slice_starts(rest, S("copy:")))
		return "copy";
	if (slice_starts(rest, S("call:")))
		return "call";
	if (slice_starts(rest, S("url:")) || slice_starts(rest, S("https://")) ||
	    slice_starts(rest, S("http://")))
		return "url";
	return "reply";
}

static const char *
choices_note(const struct kind_send *s, bool is_poll, struct buf *joined)
{
	const struct json *list = json_get(s->body, "choices");
	size_t plain = 0;

	json_w_open(s->detail, "choices", '[');
	for (const struct json *v = json_first(list); v != NULL; v = json_next(v)) {
		struct slice choice = json_str(v);

		if (choice.n == 0)
			return "invalid payload";
		if (is_poll || choice_mark(choice) == CHOICE_PLAIN)
			plain++;
		if (joined->n > 0)
			buf_add_char(joined, '|');
		buf_add(joined, choice);
		json_w_str(s->detail, NULL, choice);
	}
	json_w_close(s->detail, ']');
	return plain == 0 ? "Missing required fields: choices" : NULL;
}

static const char *
look_poll(const struct kind_send *s, const char *wrong)
{
	size_t options = json_count(json_get(s->body, "choices"));
	int64_t selectable = json_i64(json_get(s->body, "selectableCount"), 1);

	s->out->kind = "poll";
	s->out->message_type = "PollCreationMessageV3";
	s->out->media_type = "";
	json_w_i64(s->detail, "selectable", selectable);
	if (wrong == NULL && (options < 2 || selectable < 0 || selectable > (int64_t)options))
		return "invalid payload";
	return wrong;
}

static const char *
look_menu(const struct kind_send *s)
{
	static const char *const words[] = {"button", "list", "poll", "carousel"};
	struct slice word = text_of(s, "type");
	const char *wrong, *kind = NULL;
	struct buf joined;

	for (size_t i = 0; i < GH_COUNT(words); i++)
		if (slice_eq(word, slice_of(words[i])))
			kind = words[i];
	if (kind == NULL)
		return "invalid payload";
	if (s->out->text.n == 0)
		return "Missing number or text";
	buf_init(&joined, s->a, DETAIL_MAX);
	wrong = choices_note(s, slice_eq(word, S("poll")), &joined);
	s->out->convert = buf_slice(&joined);
	if (text_of(s, "footerText").n > 0)
		json_w_str(s->detail, "footer", text_of(s, "footerText"));
	json_w_str(s->content, "text", s->out->text);
	if (slice_eq(word, S("poll")))
		return look_poll(s, wrong);
	s->out->kind = kind;
	s->out->message_type = slice_eq(word, S("list")) ? "ListMessage" : "InteractiveMessage";
	s->out->media_type = "";
	if (slice_eq(word, S("list"))) {
		if (text_of(s, "listButton").n == 0)
			return "Missing required fields: listButton";
		json_w_str(s->detail, "button", text_of(s, "listButton"));
	} else {
		json_w_open(s->detail, "buttons", '[');
		for (const struct json *v = json_first(json_get(s->body, "choices")); v != NULL;
		     v = json_next(v))
			if (choice_mark(json_str(v)) == CHOICE_PLAIN)
				json_w_str(s->detail, NULL, slice_of(button_kind(json_str(v))));
		json_w_close(s->detail, ']');
	}
	return wrong;
}

/* ---- all kinds ---- */

static const struct {
	const char *kind, *message_type, *media_type;
	const char *(*look)(const struct kind_send *s);
} kinds[] = {
	[UZ_SEND_TEXT] = {"text", "ExtendedTextMessage", "", look_text},
	[UZ_SEND_MEDIA] = {NULL, NULL, NULL, look_media},
	[UZ_SEND_CONTACT] = {"contact", "ContactMessage", "vcard", look_contact},
	[UZ_SEND_LOCATION] = {"location", "LocationMessage", "location", look_location},
	[UZ_SEND_MENU] = {NULL, NULL, NULL, look_menu},
};

/* Numbers separated by comma, or all (5). */
static const char *
check_mentions(const struct kind_send *s)
{
	struct slice rest = json_str(json_get(s->body, "mentions"));
	int64_t n = 0;

	if (rest.n == 0)
		return NULL;
	if (!slice_eq(rest, S("all")))
		for (; rest.p != NULL; n++)
			if (uz_jid_of(slice_cut(rest, ',', &rest), s->a).p == NULL)
				return "Could not parse phone";
	json_w_i64(s->detail, "mentions", n);
	return NULL;
}

const char *
uz_kind_check(const struct uz_call *c, enum uz_kind kind, struct uz_sent *out, unsigned *status)
{
	struct json_w detail, content;
	struct buf db, cb;
	const struct kind_send s = {c, c->body, c->req->a, &detail, &content, out, status};
	struct slice reply = json_str(json_get(c->body, "replyid"));
	struct slice chat = uz_jid_of(json_str(json_get(c->body, "number")), s.a);
	const char *wrong;

	*status = 400;
	*out = (struct uz_sent){.kind = kinds[kind].kind,
				.message_type = kinds[kind].message_type,
				.media_type = kinds[kind].media_type};
	out->text = uz_fill_in(json_str(json_get(c->body, "text")), uz_name_of(c->inst, chat), s.a);
	buf_init(&db, s.a, DETAIL_MAX);
	buf_init(&cb, s.a, CONTENT_MAX);
	json_w_init(&detail, &db);
	json_w_init(&content, &cb);
	json_w_open(&detail, NULL, '{');
	json_w_open(&content, NULL, '{');
	wrong = kinds[kind].look(&s);
	if (wrong == NULL)
		wrong = check_mentions(&s);
	if (reply.n > 0)
		json_w_str(&detail, "reply_to", reply);
	json_w_close(&detail, '}');
	json_w_close(&content, '}');
	if (db.n > 2)
		out->detail = buf_slice(&db);
	out->content = buf_slice(&cb);
	return wrong;
}
