/* waha_kind.c - what each send route takes, and what is remembered of it (5, 14).
 *
 * The table says which field is required and of which type; a check of its own looks inside
 * what is more than a text.
 */
#include "waha.h"

#include "base/arena.h"
#include "http/json.h"
#include "http/url.h"

#define DETAIL_MAX (1024 * 1024)

#define FIELDS_MAX 8

/* One send on its way through the checks. */
struct kind_send {
	const struct waha *w;
	const struct json *body;
	struct slice chat;
	struct arena *a;
	struct json_w *detail;
};

struct waha_kind {
	const char *name;
	const char *text_field; /* what the ledger keeps as the text */
	bool takes_id;          /* preset id is read (5: only on these) */
	bool is_validated;      /* (14) a bad field is a 400, not a throw */
	struct field field[FIELDS_MAX];
	/* NULL when what is inside is fine; notes it in detail. */
	const char *(*look)(const struct kind_send *s);
};

/* ---- fields ---- */

static const char *
check_fields(const struct kind_send *s, const struct waha_kind *kind)
{
	const struct field *wrong = fields_first_wrong(kind->field, FIELDS_MAX, s->body);

	return wrong == NULL ? NULL
			     : arena_printf(s->a, "%s is missing or of a wrong type", wrong->name);
}

/* (3.2) What the server says of an id it cannot split. */
static const char *
check_reply(const struct kind_send *s)
{
	struct slice rest, id = json_str(json_get(s->body, "reply_to"));
	struct slice first = slice_cut(id, '_', &rest);
	size_t parts = 1;

	if (id.p == NULL)
		return NULL;
	while (rest.p != NULL) {
		(void)slice_cut(rest, '_', &rest);
		parts++;
	}
	if ((!slice_eq(first, S("true")) && !slice_eq(first, S("false"))) || parts < 3 || parts > 4)
		return "Message id must be in format true_chatId_messageId";
	return NULL;
}

/* Persons, or "all" in groups. */
static const char *
check_mentions(const struct kind_send *s)
{
	const struct json *list = json_get(s->body, "mentions");

	for (const struct json *v = json_first(list); v != NULL; v = json_next(v)) {
		struct slice id = json_str(v);

		if (!slice_ends(id, S("@c.us")) && !slice_ends(id, S("@lid")) &&
		    !(slice_eq(id, S("all")) && slice_ends(s->chat, S("@g.us"))))
			return "mentions: not somebody who can be mentioned here";
	}
	if (json_count(list) > 0)
		json_w_i64(s->detail, "mentions", (int64_t)json_count(list));
	return NULL;
}

/* ---- files ---- */

/* One of url and data; the server would fetch a url, which is only looked at here. */
static const char *
look_file(const struct kind_send *s)
{
	const struct json *file = json_get(s->body, "file");
	struct slice type = json_str(json_get(file, "mimetype"));
	struct slice url = json_str(json_get(file, "url"));
	struct slice data = json_str(json_get(file, "data"));
	struct slice bytes;
	struct url parsed;

	if (type.n == 0 || slice_index(type, '/') < 1)
		return "file.mimetype is missing or no type";
	if ((url.p == NULL) == (data.p == NULL))
		return "file needs either url or data";
	json_w_str(s->detail, "mime", type);
	json_w_str(s->detail, "file_name", json_str(json_get(file, "filename")));
	if (data.p != NULL)
		return file_data_note(data, s->a, s->detail, &bytes) ? NULL
								     : "file.data is not base64";
	json_w_str(s->detail, "url", url);
	return url_parse(url, &parsed, NULL) == GH_OK ? NULL : "file.url is no URL";
}

static const char *
check_converted(const struct kind_send *s, const char *ready, const char *wrong)
{
	struct slice type = json_str(json_path(s->body, "file.mimetype"));
	bool is_converted = json_bool(json_get(s->body, "convert"), false);

	json_w_bool(s->detail, "convert", is_converted);
	return is_converted || slice_eq(type, slice_of(ready)) ? NULL : wrong;
}

static const char *
look_voice(const struct kind_send *s)
{
	const char *wrong = look_file(s);

	return wrong != NULL ? wrong
			     : check_converted(s, "audio/ogg; codecs=opus",
					       "voice must be OGG with OPUS, or converted");
}

static const char *
look_video(const struct kind_send *s)
{
	const char *wrong = look_file(s);

	return wrong != NULL ? wrong
			     : check_converted(s, "video/mp4", "video must be MP4, or converted");
}

/* ---- others ---- */

static const char *
look_location(const struct kind_send *s)
{
	double latitude = json_double(json_get(s->body, "latitude"), 0);
	double longitude = json_double(json_get(s->body, "longitude"), 0);

	json_w_double(s->detail, "latitude", latitude);
	json_w_double(s->detail, "longitude", longitude);
	return latitude < -90 || latitude > 90 || longitude < -180 || longitude > 180
		       ? "no place on earth"
		       : NULL;
}

static const char *
look_contacts(const struct kind_send *s)
{
	const struct json *list = json_get(s->body, "contacts");

	if (json_count(list) == 0)
		return "contacts is empty";
	json_w_open(s->detail, "contacts", '[');
	for (const struct json *c = json_first(list); c != NULL; c = json_next(c)) {
		struct slice vcard = json_str(json_get(c, "vcard"));
		struct buf b;

		if (vcard.p != NULL ? !slice_starts(vcard, S("BEGIN:VCARD\n")) ||
					      !slice_ends(vcard, S("\nEND:VCARD"))
				    : json_str(json_get(c, "fullName")).n == 0 ||
					      json_str(json_get(c, "phoneNumber")).n == 0)
			return "contacts: neither a vcard nor fullName and phoneNumber";
		buf_init(&b, s->a, DETAIL_MAX);
		json_write(&b, c);
		json_w_raw(s->detail, NULL, buf_slice(&b));
	}
	json_w_close(s->detail, ']');
	return NULL;
}

static void
note_raw(const struct kind_send *s, const char *name)
{
	struct buf b;

	buf_init(&b, s->a, DETAIL_MAX);
	json_write(&b, json_get(s->body, name));
	json_w_raw(s->detail, name, buf_slice(&b));
}

static const char *
look_poll(const struct kind_send *s)
{
	const struct json *options = json_path(s->body, "poll.options");

	if (json_str(json_path(s->body, "poll.name")).n == 0)
		return "poll.name is missing";
	if (json_type(options) != JSON_ARRAY || json_count(options) < 2)
		return "poll.options: at least two";
	for (const struct json *o = json_first(options); o != NULL; o = json_next(o))
		if (json_str(o).n == 0)
			return "poll.options: each is a text";
	if (!field_fits(json_path(s->body, "poll.multipleAnswers"), FIELD_BOOL))
		return "poll.multipleAnswers is missing";
	note_raw(s, "poll");
	return NULL;
}

static const char *
look_rows(const struct json *rows)
{
	if (json_count(rows) == 0)
		return "message.sections: a section without rows";
	for (const struct json *r = json_first(rows); r != NULL; r = json_next(r))
		if (json_str(json_get(r, "title")).n == 0 || json_str(json_get(r, "rowId")).n == 0)
			return "message.sections: a row needs title and rowId";
	return NULL;
}

static const char *
look_list(const struct kind_send *s)
{
	const struct json *sections = json_path(s->body, "message.sections");
	const char *wrong = json_count(sections) == 0 ? "message.sections is empty" : NULL;

	if (json_str(json_path(s->body, "message.title")).n == 0 ||
	    json_str(json_path(s->body, "message.button")).n == 0)
		return "message needs title and button";
	if (!slice_ends(s->chat, S("@c.us")) && !slice_ends(s->chat, S("@lid")))
		return "chatId: lists go to direct chats only";
	for (const struct json *v = json_first(sections); v != NULL && wrong == NULL;
	     v = json_next(v))
		wrong = json_str(json_get(v, "title")).p == NULL
				? "message.sections: a section needs a title"
				: look_rows(json_get(v, "rows"));
	note_raw(s, "message");
	return wrong;
}

/* ---- the table: section 5; session and chatId are required on all ---- */

#define REPLY                                                                                      \
	{                                                                                          \
		"reply_to", FIELD_STRING, false                                                    \
	}
#define FILE_CAPTION_MENTIONS                                                                      \
	{"file", FIELD_OBJECT, true}, {"caption", FIELD_STRING, false},                            \
	{                                                                                          \
		"mentions", FIELD_ARRAY, false                                                     \
	}

static const struct waha_kind kinds[] = {
	[WAHA_SEND_TEXT] = {"text",
			    "text",
			    true,
			    false,
			    {{"text", FIELD_STRING, true},
			     {"linkPreview", FIELD_BOOL, false},
			     {"linkPreviewHighQuality", FIELD_BOOL, false},
			     {"id", FIELD_STRING, false},
			     {"mentions", FIELD_ARRAY, false},
			     REPLY},
			    NULL},
	[WAHA_SEND_IMAGE] =
		{"image", "caption", false, false, {FILE_CAPTION_MENTIONS, REPLY}, look_file},
	[WAHA_SEND_FILE] =
		{"file", "caption", false, false, {FILE_CAPTION_MENTIONS, REPLY}, look_file},
	[WAHA_SEND_VOICE] = {"voice",
			     "caption",
			     false,
			     false,
			     {{"file", FIELD_OBJECT, true}, {"convert", FIELD_BOOL, false}, REPLY},
			     look_voice},
	[WAHA_SEND_VIDEO] = {"video",
			     "caption",
			     false,
			     false,
			     {FILE_CAPTION_MENTIONS,
			      {"asNote", FIELD_BOOL, false},
			      {"convert", FIELD_BOOL, false},
			      REPLY},
			     look_video},
	[WAHA_SEND_LOCATION] = {"location",
				"title",
				true,
				false,
				{{"latitude", FIELD_NUMBER, true},
				 {"longitude", FIELD_NUMBER, true},
				 {"title", FIELD_STRING, true},
				 {"id", FIELD_STRING, false},
				 REPLY},
				look_location},
	[WAHA_SEND_CONTACT] = {"contact",
			       "title",
			       true,
			       false,
			       {{"contacts", FIELD_ARRAY, true},
				{"id", FIELD_STRING, false},
				REPLY},
			       look_contacts},
	[WAHA_SEND_POLL] = {"poll",
			    "title",
			    true,
			    false,
			    {{"poll", FIELD_OBJECT, true}, {"id", FIELD_STRING, false}, REPLY},
			    look_poll},
	[WAHA_SEND_LIST] =
		{"list", "title", false, true, {{"message", FIELD_OBJECT, true}, REPLY}, look_list},
};

const char *
waha_kind_check(const struct waha *w, enum waha_send_kind number, const struct json *body,
		struct slice chat, struct arena *a, struct waha_sent *out)
{
	const struct waha_kind *kind = &kinds[number];
	struct json_w detail;
	struct buf b;
	const struct kind_send s = {w, body, chat, a, &detail};
	const char *wrong = check_fields(&s, kind);

	*out = (struct waha_sent){
		.kind = slice_of(kind->name),
		.text = json_str(json_get(body, kind->text_field)),
		.is_validated = kind->is_validated,
	};
	/* (13) Preset ids: NOWEB and GOWS; the others drop the field silently. */
	if (kind->takes_id && w->engine != ENGINE_WEBJS)
		out->preset = json_str(json_get(body, "id"));
	buf_init(&b, a, DETAIL_MAX);
	json_w_init(&detail, &b);
	json_w_open(&detail, NULL, '{');
	if (wrong == NULL)
		wrong = check_reply(&s);
	if (wrong == NULL)
		wrong = check_mentions(&s);
	if (wrong == NULL && kind->look != NULL)
		wrong = kind->look(&s);
	if (!json_is_null(json_get(body, "reply_to")))
		json_w_str(&detail, "reply_to", json_str(json_get(body, "reply_to")));
	if (!json_is_null(json_get(body, "linkPreview")))
		json_w_bool(&detail, "link_preview",
			    json_bool(json_get(body, "linkPreview"), true));
	json_w_close(&detail, '}');
	if (b.n > 2)
		out->detail = buf_slice(&b);
	return wrong;
}
