#include "openapi_schema.h"

#include "base/arena.h"
#include "base/buf.h"
#include "http/json.h"

#include "doc.h"

#define REF_MAX         128
#define COMPONENTS_PATH "#/components/schemas/"
#define STRINGS_DFLT    100  /* JSON_RULE_STRINGS without a maximum */
#define URL_BYTES_DFLT  2048 /* JSON_RULE_URL without a maximum */

/* ---- pieces ---- */

/* "type": one word, or the word and null. */
static void
write_type(struct json_w *w, const char *type, bool has_null)
{
	if (!has_null) {
		json_w_str(w, "type", slice_of(type));
		return;
	}
	json_w_open(w, "type", '[');
	json_w_str(w, NULL, slice_of(type));
	json_w_str(w, NULL, S("null"));
	json_w_close(w, ']');
}

static void
write_text(struct json_w *w, const char *text)
{
	if (text != NULL)
		json_w_str(w, "description", slice_of(text));
}

static void
write_bounds(struct json_w *w, const char *least, const char *most, int64_t min, int64_t max)
{
	json_w_i64(w, least, min);
	json_w_i64(w, most, max);
}

static void
write_ref(struct json_w *w, const struct gw_schema *s)
{
	char text[REF_MAX];
	struct buf b = BUF_FIXED(text);

	buf_add(&b, S(COMPONENTS_PATH));
	buf_add_cstr(&b, s->name);
	if (b.over)
		gh_panic("openapi: the name %s is too long", s->name);
	json_w_str(w, "$ref", buf_slice(&b));
}

/* ---- rules ---- */

static void
write_words(struct json_w *w, const struct json_word *words)
{
	json_w_open(w, "enum", '[');
	for (; words->text != NULL; words++)
		json_w_str(w, NULL, slice_of(words->text));
	json_w_close(w, ']');
}

static void
rule_string(struct json_w *w, const struct json_rule *r)
{
	bool has_null = (r->flags & JSON_RULE_NULLABLE) != 0;

	if ((r->flags & JSON_RULE_NUMBER_OK) != 0) {
		json_w_open(w, "type", '[');
		json_w_str(w, NULL, S("string"));
		json_w_str(w, NULL, S("integer"));
		if (has_null)
			json_w_str(w, NULL, S("null"));
		json_w_close(w, ']');
	} else {
		write_type(w, "string", has_null);
	}
	if (r->min > 0)
		json_w_i64(w, "minLength", r->min);
	if (r->max > 0)
		json_w_i64(w, "maxLength", r->max);
}

static void
rule_number(struct json_w *w, const struct json_rule *r, const char *type)
{
	write_type(w, type, (r->flags & JSON_RULE_NULLABLE) != 0);
	if (r->min != 0 || r->max != 0)
		write_bounds(w, "minimum", "maximum", r->min, r->max);
}

static void
rule_text(struct json_w *w, const struct json_rule *r, const char *format)
{
	write_type(w, "string", (r->flags & JSON_RULE_NULLABLE) != 0);
	json_w_str(w, "format", slice_of(format));
	if (r->type == JSON_RULE_URL)
		json_w_i64(w, "maxLength", r->max != 0 ? r->max : URL_BYTES_DFLT);
}

static void
rule_strings(struct json_w *w, const struct json_rule *r)
{
	write_type(w, "array", (r->flags & JSON_RULE_NULLABLE) != 0);
	json_w_open(w, "items", '{');
	json_w_str(w, "type", S("string"));
	if (r->words != NULL)
		write_words(w, r->words);
	json_w_close(w, '}');
	write_bounds(w, "minItems", "maxItems", r->min, r->max != 0 ? r->max : STRINGS_DFLT);
}

static void rules_members(struct json_w *w, const struct json_rules *rules);

static void
rule_array(struct json_w *w, const struct json_rule *r)
{
	write_type(w, "array", (r->flags & JSON_RULE_NULLABLE) != 0);
	if (r->of != NULL)
		openapi_rules(w, "items", r->of);
	if (r->min != 0)
		json_w_i64(w, "minItems", r->min);
	if (r->max != 0)
		json_w_i64(w, "maxItems", r->max);
}

static void
rule_word(struct json_w *w, const struct json_rule *r)
{
	write_type(w, "string", false);
	write_words(w, r->words);
}

/* What a rule accepts, into an open schema. */
static void
rule_members(struct json_w *w, const struct json_rule *r)
{
	switch (r->type) {
	case JSON_RULE_STRING:
		rule_string(w, r);
		break;
	case JSON_RULE_INT:
		rule_number(w, r, "integer");
		break;
	case JSON_RULE_DOUBLE:
		rule_number(w, r, "number");
		break;
	case JSON_RULE_BOOL:
		write_type(w, "boolean", (r->flags & JSON_RULE_NULLABLE) != 0);
		break;
	case JSON_RULE_UUID:
		rule_text(w, r, "uuid");
		break;
	case JSON_RULE_TIME:
		rule_text(w, r, "date-time");
		break;
	case JSON_RULE_URL:
		rule_text(w, r, "uri");
		break;
	case JSON_RULE_STRINGS:
		rule_strings(w, r);
		break;
	case JSON_RULE_ARRAY:
		rule_array(w, r);
		break;
	case JSON_RULE_WORD:
		rule_word(w, r);
		break;
	case JSON_RULE_OBJECT:
		write_type(w, "object", (r->flags & JSON_RULE_NULLABLE) != 0);
		if (r->of != NULL)
			rules_members(w, r->of);
		break;
	case JSON_RULE_RAW:
		break; /* anything */
	}
}

static void
write_rule(struct json_w *w, const struct json_rule *r)
{
	json_w_open(w, r->name, '{');
	write_text(w, r->text);
	if (r->schema != NULL) {
		json_w_open(w, "allOf", '[');
		json_w_raw(w, NULL, slice_of(r->schema));
		json_w_close(w, ']');
	} else {
		rule_members(w, r);
	}
	json_w_close(w, '}');
}

/* properties and required, into an open schema of an object. */
static void
rules_members(struct json_w *w, const struct json_rules *rules)
{
	json_w_open(w, "properties", '{');
	for (unsigned i = 0; i < rules->count; i++)
		write_rule(w, &rules->v[i]);
	json_w_close(w, '}');
	json_w_open(w, "required", '[');
	for (unsigned i = 0; i < rules->count; i++)
		if ((rules->v[i].flags & JSON_RULE_REQUIRED) != 0)
			json_w_str(w, NULL, slice_of(rules->v[i].name));
	json_w_close(w, ']');
}

void
openapi_rules(struct json_w *w, const char *name, const struct json_rules *rules)
{
	json_w_open(w, name, '{');
	json_w_str(w, "type", S("object"));
	rules_members(w, rules);
	json_w_close(w, '}');
}

/* ---- fields ---- */

static void schema_members(struct json_w *w, const struct gw_schema *s, bool has_null);

static void
field_object(struct json_w *w, const struct gw_schema *of, bool has_null)
{
	if (of == NULL) {
		write_type(w, "object", has_null);
	} else if (of->name == NULL) {
		schema_members(w, of, has_null);
	} else if (!has_null) {
		write_ref(w, of);
	} else {
		json_w_open(w, "anyOf", '[');
		json_w_open(w, NULL, '{');
		write_ref(w, of);
		json_w_close(w, '}');
		json_w_open(w, NULL, '{');
		json_w_str(w, "type", S("null"));
		json_w_close(w, '}');
		json_w_close(w, ']');
	}
}

static void
field_words(struct json_w *w, const char *const *words, bool has_null)
{
	json_w_open(w, "enum", '[');
	for (; *words != NULL; words++)
		json_w_str(w, NULL, slice_of(*words));
	if (has_null)
		json_w_null(w, NULL);
	json_w_close(w, ']');
}

/* One value of the field, into an open schema. */
static void
field_value(struct json_w *w, const struct gw_field *f, bool has_null)
{
	static const struct {
		const char *type, *format;
	} names[] = {
		[GW_T_STRING] = {"string", NULL},      [GW_T_INT] = {"integer", NULL},
		[GW_T_BOOL] = {"boolean", NULL},       [GW_T_NUMBER] = {"number", NULL},
		[GW_T_TIME] = {"string", "date-time"}, [GW_T_UUID] = {"string", "uuid"},
		[GW_T_URL] = {"string", "uri"},
	};

	if (f->type == GW_T_ANY)
		return;
	if (f->type == GW_T_OBJECT) {
		field_object(w, f->of, has_null);
		return;
	}
	write_type(w, names[f->type].type, has_null);
	if (names[f->type].format != NULL)
		json_w_str(w, "format", slice_of(names[f->type].format));
	if (f->min != 0 || f->max != 0)
		write_bounds(w, "minimum", "maximum", f->min, f->max);
	if (f->words != NULL)
		field_words(w, f->words, has_null);
}

void
openapi_field(struct json_w *w, const char *name, const struct gw_field *f)
{
	bool has_null = (f->flags & GW_F_NULL) != 0;

	json_w_open(w, name, '{');
	write_text(w, f->text);
	if ((f->flags & GW_F_MANY) != 0) {
		write_type(w, "array", has_null);
		json_w_open(w, "items", '{');
		field_value(w, f, false);
		json_w_close(w, '}');
	} else {
		field_value(w, f, has_null);
	}
	json_w_close(w, '}');
}

void
openapi_parameter(struct json_w *w, const char *member, struct slice name, const char *in,
		  bool is_required, const struct gw_field *f)
{
	struct gw_field plain = *f;

	plain.text = NULL; /* said by the parameter, not by its schema */
	json_w_open(w, member, '{');
	json_w_str(w, "name", name);
	json_w_str(w, "in", slice_of(in));
	json_w_bool(w, "required", is_required);
	if (f->text != NULL)
		json_w_str(w, "description", slice_of(f->text));
	openapi_field(w, "schema", &plain);
	json_w_close(w, '}');
}

/* ---- rows ---- */

/* The members of its own: not those of base. */
static void
schema_members(struct json_w *w, const struct gw_schema *s, bool has_null)
{
	write_type(w, "object", has_null);
	json_w_open(w, "properties", '{');
	for (const struct gw_field *f = s->fields; f->name != NULL; f++)
		openapi_field(w, f->name, f);
	json_w_close(w, '}');
	json_w_open(w, "required", '[');
	for (const struct gw_field *f = s->fields; f->name != NULL; f++)
		if ((f->flags & GW_F_OPTIONAL) == 0)
			json_w_str(w, NULL, slice_of(f->name));
	json_w_close(w, ']');
	if (s->is_open)
		json_w_bool(w, "additionalProperties", true);
}

void
openapi_component(struct json_w *w, const struct gw_schema *s)
{
	json_w_open(w, s->name, '{');
	write_text(w, s->text);
	if (s->base == NULL) {
		schema_members(w, s, false);
	} else {
		json_w_open(w, "allOf", '[');
		json_w_open(w, NULL, '{');
		write_ref(w, s->base);
		json_w_close(w, '}');
		json_w_open(w, NULL, '{');
		schema_members(w, s, false);
		json_w_close(w, '}');
		json_w_close(w, ']');
	}
	json_w_close(w, '}');
}
