#include "model/message_payload.h"

#include "base/arena.h"
#include "http/json.h"

/* Far over what an accepted request can hold: its body is bounded, escapes grow sixfold. */
#define PAYLOAD_MAX (64 * 1024 * 1024)

static const char *const menu_words[] = {
	[MESSAGE_MENU_BUTTON] = "button",
	[MESSAGE_MENU_LIST] = "list",
	[MESSAGE_MENU_POLL] = "poll",
	[MESSAGE_MENU_CAROUSEL] = "carousel",
};

struct slice
message_menu_word(enum message_menu_type type)
{
	return slice_of(menu_words[type]);
}

/* ---- writing ---- */

static void
put(struct json_w *w, const char *name, struct slice s)
{
	if (s.p != NULL)
		json_w_str(w, name, s);
}

static void
put_list(struct json_w *w, const char *name, const struct slice *v, unsigned count)
{
	json_w_open(w, name, '[');
	for (unsigned i = 0; i < count; i++)
		json_w_str(w, NULL, v[i]);
	json_w_close(w, ']');
}

static void
put_place(struct json_w *w, const struct message_place *p)
{
	json_w_open(w, "place", '{');
	json_w_double(w, "latitude", p->latitude);
	json_w_double(w, "longitude", p->longitude);
	put(w, "name", p->name);
	put(w, "address", p->address);
	json_w_close(w, '}');
}

static void
put_contact(struct json_w *w, const struct message_contact *c)
{
	json_w_open(w, "contact", '{');
	put(w, "vcard", c->vcard);
	put(w, "name", c->name);
	put(w, "phone", c->phone);
	put(w, "organization", c->organization);
	put(w, "email", c->email);
	put(w, "url", c->url);
	json_w_close(w, '}');
}

static void
put_file(struct json_w *w, const struct message_file *f)
{
	json_w_open(w, "file", '{');
	json_w_str(w, "mime_type", f->mime_type);
	put(w, "name", f->name);
	if (!uuid_is_nil(f->media_id))
		json_w_uuid(w, "media_id", f->media_id);
	json_w_close(w, '}');
}

static void
put_menu(struct json_w *w, const struct message_menu *m)
{
	json_w_open(w, "menu", '{');
	json_w_str(w, "type", message_menu_word(m->type));
	put(w, "text", m->text);
	put_list(w, "choices", m->choices, m->choice_count);
	put(w, "footer", m->footer);
	put(w, "button", m->button);
	put(w, "image", m->image);
	if (m->selectable_count > 0)
		json_w_i64(w, "selectable_count", m->selectable_count);
	json_w_close(w, '}');
}

struct slice
message_payload_write(const struct message_payload *p, struct arena *a)
{
	struct buf b;
	struct json_w w;

	buf_init(&b, a, PAYLOAD_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	if (p->has_place)
		put_place(&w, &p->place);
	if (p->has_contact)
		put_contact(&w, &p->contact);
	if (p->file.mime_type.p != NULL)
		put_file(&w, &p->file);
	if (p->is_voice)
		json_w_bool(&w, "voice", true);
	if (p->mention_count > 0)
		put_list(&w, "mentions", p->mentions, p->mention_count);
	if (p->has_link_preview)
		json_w_bool(&w, "link_preview", p->link_preview);
	if (p->delay_ms > 0)
		json_w_i64(&w, "delay_ms", p->delay_ms);
	if (p->menu.type != MESSAGE_MENU_NONE)
		put_menu(&w, &p->menu);
	put(&w, "track_source", p->track_source);
	json_w_close(&w, '}');
	return b.n > 2 ? buf_slice(&b) : SLICE_NONE;
}

/* ---- reading ---- */

static struct slice
take(const struct json *v, const char *name, struct arena *a)
{
	return arena_dup(a, json_str(json_get(v, name)));
}

static unsigned
take_list(const struct json *v, unsigned max, struct arena *a, const struct slice **out)
{
	struct slice *list = arena_alloc_array(a, max, sizeof(*list));
	unsigned n = 0;

	for (const struct json *e = json_first(v); e != NULL && n < max; e = json_next(e))
		if (json_type(e) == JSON_STRING)
			list[n++] = arena_dup(a, json_str(e));
	*out = list;
	return n;
}

static void
take_place(const struct json *v, struct arena *a, struct message_payload *out)
{
	out->has_place = json_type(v) == JSON_OBJECT;
	out->place.latitude = json_double(json_get(v, "latitude"), 0);
	out->place.longitude = json_double(json_get(v, "longitude"), 0);
	out->place.name = take(v, "name", a);
	out->place.address = take(v, "address", a);
}

static void
take_contact(const struct json *v, struct arena *a, struct message_payload *out)
{
	out->has_contact = json_type(v) == JSON_OBJECT;
	out->contact.vcard = take(v, "vcard", a);
	out->contact.name = take(v, "name", a);
	out->contact.phone = take(v, "phone", a);
	out->contact.organization = take(v, "organization", a);
	out->contact.email = take(v, "email", a);
	out->contact.url = take(v, "url", a);
}

static void
take_file(const struct json *v, struct arena *a, struct message_file *out)
{
	out->mime_type = take(v, "mime_type", a);
	out->name = take(v, "name", a);
	if (uuid_parse(json_str(json_get(v, "media_id")), &out->media_id) != GH_OK)
		out->media_id = (struct uuid){{0}};
}

static void
take_menu(const struct json *v, struct arena *a, struct message_menu *out)
{
	struct slice type = json_str(json_get(v, "type"));

	for (int i = MESSAGE_MENU_BUTTON; i <= MESSAGE_MENU_CAROUSEL; i++)
		if (slice_eq(type, slice_of(menu_words[i])))
			out->type = (enum message_menu_type)i;
	if (out->type == MESSAGE_MENU_NONE)
		return;
	out->text = take(v, "text", a);
	out->choice_count =
		take_list(json_get(v, "choices"), MESSAGE_CHOICES_MAX, a, &out->choices);
	out->footer = take(v, "footer", a);
	out->button = take(v, "button", a);
	out->image = take(v, "image", a);
	out->selectable_count = json_i64(json_get(v, "selectable_count"), 0);
}

enum gh_code
message_payload_read(struct slice text, struct arena *a, struct message_payload *out)
{
	const struct json *v, *preview;

	*out = (struct message_payload){0};
	if (text.p == NULL)
		return GH_OK;
	if (json_parse(text, a, &v, NULL, NULL) != GH_OK || json_type(v) != JSON_OBJECT)
		return GH_EINVAL;
	take_place(json_get(v, "place"), a, out);
	take_contact(json_get(v, "contact"), a, out);
	take_file(json_get(v, "file"), a, &out->file);
	out->is_voice = json_bool(json_get(v, "voice"), false);
	if (json_count(json_get(v, "mentions")) > 0)
		out->mention_count =
			take_list(json_get(v, "mentions"), MESSAGE_MENTIONS_MAX, a, &out->mentions);
	preview = json_get(v, "link_preview");
	out->has_link_preview = json_type(preview) == JSON_BOOL;
	out->link_preview = json_bool(preview, false);
	out->delay_ms = json_i64(json_get(v, "delay_ms"), 0);
	take_menu(json_get(v, "menu"), a, &out->menu);
	out->track_source = take(v, "track_source", a);
	return GH_OK;
}
