#include "render.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/json.h"
#include "model/event_body.h"
#include "render_uazapi.h"

#define TEXT_CUT_BYTES 4096

/* What is left out, tried in this order until the body fits. */
enum render_level { RENDER_WHOLE, RENDER_NO_RAW, RENDER_CUT_TEXTS, RENDER_LEVELS };

struct render {
	struct json_w w;
	const struct delivery_claim *c;
	const struct json *facts;
	struct arena *a;
	enum render_level level;
};

static struct slice
text_cut(struct slice s)
{
	if (s.n <= TEXT_CUT_BYTES)
		return s;
	s.n = TEXT_CUT_BYTES;
	while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
		s.n--;
	return s;
}

static void
render_number(struct render *r, const char *name, const struct json *v)
{
	struct buf text;

	/* As it was written: a double would change digits. */
	buf_init(&text, r->a, RENDER_BODY_MAX);
	json_write(&text, v);
	json_w_raw(&r->w, name, text.over ? SLICE_NONE : buf_slice(&text));
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static void
render_value(struct render *r, const char *name, const struct json *v)
{
	enum json_type type = json_type(v);

	switch (type) {
	case JSON_STRING:
		json_w_str(&r->w, name,
			   r->level < RENDER_CUT_TEXTS ? json_str(v) : text_cut(json_str(v)));
		break;
	case JSON_BOOL:
		json_w_bool(&r->w, name, json_bool(v, false));
		break;
	case JSON_INT:
	case JSON_DOUBLE:
		render_number(r, name, v);
		break;
	case JSON_OBJECT:
	case JSON_ARRAY:
		json_w_open(&r->w, name, type == JSON_OBJECT ? '{' : '[');
		for (const struct json *m = json_first(v); m != NULL; m = json_next(m))
			render_value(r, arena_cstr(r->a, json_name(m)), m);
		json_w_close(&r->w, type == JSON_OBJECT ? '}' : ']');
		break;
	case JSON_NULL:
		json_w_null(&r->w, name);
		break;
	}
}

static void
render_instance_id(struct render *r)
{
	if (r->c->instance_id == 0)
		json_w_null(&r->w, "instance_id");
	else
		json_w_i64(&r->w, "instance_id", r->c->instance_id);
}

static void
render_device(struct render *r, const char *name)
{
	const struct json *own = json_get(r->facts, "own_number");

	if (own == NULL)
		own = json_get(r->facts, "phone_number");
	/* A status event is about our own message: its sender is the device. */
	if (own == NULL && event_is_of_status(r->c->type))
		own = json_get(r->facts, "from");
	render_value(r, name, own);
}

static void
render_file(struct render *r, const char *name, const struct json *file)
{
	if (json_type(file) != JSON_OBJECT)
		return;
	json_w_open(&r->w, name, '{');
	render_value(r, "mimetype", json_get(file, "mimetype"));
	render_value(r, "filename", json_get(file, "filename"));
	render_value(r, "fileLength", json_get(file, "size_bytes"));
	render_value(r, "caption", json_get(file, "caption"));
	render_value(r, "seconds", json_get(file, "seconds"));
	render_value(r, "url", json_get(file, "url"));
	json_w_close(&r->w, '}');
}

static void
render_field(struct render *r, const struct event_field *f)
{
	const struct json *fact = f->fact != NULL ? json_get(r->facts, f->fact) : NULL;

	switch (f->kind) {
	case EVENT_FIELD_FACT:
		render_value(r, f->name, fact);
		break;
	case EVENT_FIELD_SEEN:
		if (!json_is_null(fact))
			render_value(r, f->name, fact);
		break;
	case EVENT_FIELD_INSTANCE_ID:
		render_instance_id(r);
		break;
	case EVENT_FIELD_TIMESTAMP:
		json_w_i64(&r->w, f->name,
			   json_i64(json_get(r->facts, "timestamp_ms"),
				    r->c->occurred_at_us / CLOCK_MS));
		break;
	case EVENT_FIELD_DEVICE:
		render_device(r, f->name);
		break;
	case EVENT_FIELD_FILE:
		render_file(r, f->name, fact);
		break;
	case EVENT_FIELD_RAW:
		if (r->level == RENDER_WHOLE)
			render_value(r, f->name, fact);
		break;
	case EVENT_FIELD_IS_KNOWN:
		json_w_bool(&r->w, f->name, !json_is_null(fact));
		break;
	case EVENT_FIELD_TEXT:
		json_w_str(&r->w, f->name, slice_of(f->fact));
		break;
	}
}

/* Every fact under its own name; those the caller writes itself are left out. */
static void
render_facts(struct render *r)
{
	for (const struct json *m = json_first(r->facts); m != NULL; m = json_next(m)) {
		struct slice name = json_name(m);

		if (slice_eq(name, S("company_id")) || slice_eq(name, S("instance_id")) ||
		    slice_eq(name, S("truncated")))
			continue;
		if (r->level == RENDER_WHOLE || !slice_eq(name, S("raw")))
			render_value(r, arena_cstr(r->a, name), m);
	}
}

static void
render_truncated(struct render *r)
{
	if (r->level > RENDER_WHOLE)
		json_w_bool(&r->w, "truncated", true);
}

static void
render_growhub(struct render *r)
{
	const struct event_field *const *parts = event_body_parts(r->c->type);
	const char *name = event_name(r->c->type, EVENT_FORMAT_GROWHUB);

	if (name == NULL)
		name = event_name(r->c->type, EVENT_FORMAT_STANDARD);
	json_w_open(&r->w, NULL, '{');
	json_w_str(&r->w, "event", slice_of(name));
	for (size_t i = 0; i < EVENT_PARTS_MAX && parts[i] != NULL; i++)
		for (const struct event_field *f = parts[i]; f->name != NULL; f++)
			render_field(r, f);
	if (parts[0] == NULL) {
		render_facts(r);
		render_instance_id(r);
		if (json_get(r->facts, "timestamp") == NULL)
			json_w_i64(&r->w, "timestamp", r->c->occurred_at_us / CLOCK_MS);
	}
	render_truncated(r);
	json_w_close(&r->w, '}');
}

static void
render_standard(struct render *r)
{
	json_w_open(&r->w, NULL, '{');
	json_w_str(&r->w, "type", slice_of(event_name(r->c->type, EVENT_FORMAT_STANDARD)));
	json_w_time(&r->w, "timestamp", r->c->occurred_at_us);
	json_w_open(&r->w, "data", '{');
	json_w_i64(&r->w, "company_id", r->c->company_id);
	render_instance_id(r);
	render_facts(r);
	render_truncated(r);
	json_w_close(&r->w, '}');
	json_w_close(&r->w, '}');
}

enum gh_code
render_body(const struct delivery_claim *c, enum event_format format, struct arena *a,
	    struct buf *out)
{
	struct render r = {.c = c, .a = a};
	enum gh_code rc;

	if (c->type <= EVENT_NONE || c->type >= EVENT_TYPE_COUNT)
		return GH_EINVAL;
	/* It had another format when the event was made; its growhub body takes any. */
	if (format == EVENT_FORMAT_UAZAPI && event_name(c->type, format) == NULL)
		return GH_EINVAL;
	rc = json_parse(c->facts, a, &r.facts, NULL, NULL);
	if (rc != GH_OK || json_type(r.facts) != JSON_OBJECT)
		return GH_EINVAL;
	for (r.level = RENDER_WHOLE; r.level < RENDER_LEVELS; r.level++) {
		buf_reset(out);
		json_w_init(&r.w, out);
		if (format == EVENT_FORMAT_GROWHUB)
			render_growhub(&r);
		else if (format == EVENT_FORMAT_STANDARD)
			render_standard(&r);
		else
			render_uazapi(c, r.facts,
				      r.level < RENDER_CUT_TEXTS ? SIZE_MAX : TEXT_CUT_BYTES, &r.w,
				      a);
		if (!out->over && out->n <= RENDER_BODY_MAX)
			return GH_OK;
	}
	return GH_ELIMIT;
}

void
render_options(const struct delivery_claim *c, unsigned options, struct arena *a, bool *is_unwanted,
	       struct slice *suffix)
{
	const struct json *facts = NULL;

	*is_unwanted = false;
	*suffix = S("");
	if (event_name(c->type, EVENT_FORMAT_UAZAPI) == NULL ||
	    json_parse(c->facts, a, &facts, NULL, NULL) != GH_OK)
		return;
	*is_unwanted = render_uazapi_is_excluded(c, facts, options);
	*suffix = render_uazapi_suffix(c, facts, options, a);
}
