/* json_check.c - table-driven validation: one small reader per type. */
#include "http/json_check.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "http/url.h"

#define STRINGS_MAX 100

/* One value under check. */
struct check {
	const struct json *v;
	const struct json_rule *rule;
	void *place; /* target + offset */
	struct arena *a;
};

/* ---- the collection of errors ---- */

void
json_errors_init(struct json_errors *e, struct arena *a)
{
	e->a = a;
	e->count = e->kept = 0;
}

void
json_errors_add(struct json_errors *e, struct slice path, const char *text)
{
	for (unsigned i = 0; i < e->kept; i++)
		if (slice_eq(e->v[i].path, path))
			return;
	e->count++;
	if (e->kept == JSON_ERRORS_MAX)
		return;
	e->v[e->kept].path = arena_dup(e->a, path);
	e->v[e->kept].text = arena_dup(e->a, slice_of(text));
	e->kept++;
}

void
json_errors_write(const struct json_errors *e, struct json_w *w, const char *name)
{
	json_w_open(w, name, '{');
	for (unsigned i = 0; i < e->kept; i++)
		json_w_str(w, e->v[i].path.p, e->v[i].text); /* arena_dup puts a NUL behind */
	json_w_close(w, '}');
}

/* ---- single values ---- */

/* NULL when fine, else the text. */
static const char *
check_url_text(struct slice s)
{
	struct url u;

	switch (url_parse(s, &u, NULL)) {
	case GH_OK:
		return NULL;
	case GH_ELIMIT:
		return "longer than 2048 bytes";
	default:
		return "must be an http or https URL without credentials or fragment";
	}
}

static const char *
text_of(struct arena *a, const char *fmt, int64_t n)
{
	struct buf b;
	struct slice before, after, s = slice_of(fmt);

	buf_init(&b, a, 128);
	before = slice_cut(s, '#', &after);
	buf_add(&b, before);
	buf_add_i64(&b, n);
	buf_add(&b, after);
	return buf_cstr(&b);
}

/* Text for a count outside min..max, with the count's unit in the two texts; max 0: unbounded. */
static const char *
check_count(const struct check *c, int64_t n, int64_t max, const char *few, const char *many)
{
	if (n < c->rule->min)
		return text_of(c->a, few, c->rule->min);
	if (max != 0 && n > max)
		return text_of(c->a, many, max);
	return NULL;
}

/* ---- one function per rule type: NULL when fine, else what is wrong ---- */

static const char *
check_line(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return "must not contain control characters";
	return NULL;
}

static const char *
read_string(const struct check *c)
{
	const struct json_rule *rule = c->rule;
	struct slice s = json_str(c->v);
	const char *wrong;

	if ((rule->flags & JSON_RULE_NUMBER_OK) != 0 && json_type(c->v) == JSON_INT) {
		struct buf b;

		buf_init(&b, c->a, 64);
		json_write(&b, c->v);
		s = buf_slice(&b);
	}
	if (s.p == NULL)
		return "must be a string";
	if (rule->min == 1 && s.n == 0)
		return "must not be empty";
	wrong = check_count(c, (int64_t)utf8_count(s), rule->max, "shorter than # characters",
			    "longer than # characters");
	if (wrong == NULL && (rule->flags & JSON_RULE_LINE) != 0)
		wrong = check_line(s);
	if (wrong == NULL && rule->pattern != NULL)
		wrong = rule->pattern(s);
	if (wrong == NULL)
		*(struct slice *)c->place = s;
	return wrong;
}

static const char *
read_int(const struct check *c)
{
	const struct json_rule *rule = c->rule;
	bool is_bounded = rule->min != 0 || rule->max != 0;
	int64_t n = json_i64(c->v, 0);

	/* 3.0 is an integer to JavaScript; json_i64 tells it from 3.5 by the default it gives. */
	if (json_type(c->v) != JSON_INT &&
	    (json_type(c->v) != JSON_DOUBLE || json_i64(c->v, 1) != n))
		return "must be an integer";
	if (is_bounded && n < rule->min)
		return text_of(c->a, "less than #", rule->min);
	if (is_bounded && n > rule->max)
		return text_of(c->a, "greater than #", rule->max);
	*(int64_t *)c->place = n;
	return NULL;
}

static const char *
read_bool(const struct check *c)
{
	if (json_type(c->v) != JSON_BOOL)
		return "must be true or false";
	*(bool *)c->place = json_bool(c->v, false);
	return NULL;
}

static const char *
read_double(const struct check *c)
{
	const struct json_rule *rule = c->rule;
	bool is_bounded = rule->min != 0 || rule->max != 0;
	double d = json_double(c->v, NAN);

	if (!isfinite(d))
		return "must be a number";
	if (is_bounded && d < (double)rule->min)
		return text_of(c->a, "less than #", rule->min);
	if (is_bounded && d > (double)rule->max)
		return text_of(c->a, "greater than #", rule->max);
	*(double *)c->place = d;
	return NULL;
}

static const char *
read_uuid(const struct check *c)
{
	return uuid_parse(json_str(c->v), c->place) == GH_OK ? NULL : "must be a UUID";
}

static const char *
read_time(const struct check *c)
{
	return clock_parse_rfc3339(json_str(c->v), c->place) == GH_OK
		       ? NULL
		       : "must be an RFC 3339 time, as 2026-01-15T12:00:00Z";
}

static const struct json_word *
find_word(const struct json_word *words, struct slice s)
{
	for (const struct json_word *w = words; w->text != NULL; w++)
		if (s.p != NULL && slice_eq(slice_of(w->text), s))
			return w;
	return NULL;
}

static const char *
text_of_words(struct arena *a, const struct json_word *words)
{
	struct buf b;

	buf_init(&b, a, 1024);
	buf_add(&b, S("must be one of "));
	for (const struct json_word *w = words; w->text != NULL; w++) {
		if (w != words)
			buf_add(&b, S(", "));
		buf_add_cstr(&b, w->text);
	}
	return b.over ? "is not a known word" : buf_cstr(&b);
}

static const char *
read_word(const struct check *c)
{
	const struct json_word *w = find_word(c->rule->words, json_str(c->v));

	if (w == NULL)
		return text_of_words(c->a, c->rule->words);
	*(int *)c->place = w->value;
	return NULL;
}

static const char *
read_strings(const struct check *c)
{
	const struct json_rule *rule = c->rule;
	struct json_strings list = {.count = 0};
	size_t n = json_count(c->v);
	const char *wrong;

	if (json_type(c->v) != JSON_ARRAY)
		return "must be a list of strings";
	wrong = check_count(c, (int64_t)n, rule->max != 0 ? rule->max : STRINGS_MAX,
			    "fewer than # entries", "more than # entries");
	if (wrong != NULL)
		return wrong;
	list.v = arena_alloc_array(c->a, n, sizeof(*list.v));
	for (const struct json *e = json_first(c->v); e != NULL; e = json_next(e)) {
		struct slice s = json_str(e);

		if (s.p == NULL)
			return "must be a list of strings";
		if (rule->words != NULL && find_word(rule->words, s) == NULL)
			return text_of_words(c->a, rule->words);
		wrong = rule->pattern != NULL ? rule->pattern(s) : NULL;
		if (wrong != NULL)
			return wrong;
		list.v[list.count++] = s;
	}
	*(struct json_strings *)c->place = list;
	return NULL;
}

static const char *
read_raw(const struct check *c)
{
	*(const struct json **)c->place = c->v;
	return NULL;
}

static const char *
read_object(const struct check *c)
{
	return json_type(c->v) == JSON_OBJECT ? read_raw(c) : "must be an object";
}

static const char *
read_array(const struct check *c)
{
	const char *wrong;

	if (json_type(c->v) != JSON_ARRAY)
		return "must be a list";
	wrong = check_count(c, (int64_t)json_count(c->v), c->rule->max, "fewer than # entries",
			    "more than # entries");
	return wrong != NULL ? wrong : read_raw(c);
}

static const char *
read_url(const struct check *c)
{
	struct slice s = json_str(c->v);
	const char *wrong = s.p == NULL ? "must be a string" : check_url_text(s);

	if (wrong == NULL)
		wrong = check_count(c, (int64_t)s.n, c->rule->max, "shorter than # bytes",
				    "longer than # bytes");
	if (wrong == NULL)
		*(struct slice *)c->place = s;
	return wrong;
}

typedef const char *read_fn(const struct check *c);

static read_fn *const readers[] = {
	[JSON_RULE_STRING] = read_string,   [JSON_RULE_INT] = read_int,
	[JSON_RULE_BOOL] = read_bool,       [JSON_RULE_DOUBLE] = read_double,
	[JSON_RULE_UUID] = read_uuid,       [JSON_RULE_TIME] = read_time,
	[JSON_RULE_STRINGS] = read_strings, [JSON_RULE_RAW] = read_raw,
	[JSON_RULE_OBJECT] = read_object,   [JSON_RULE_ARRAY] = read_array,
	[JSON_RULE_WORD] = read_word,       [JSON_RULE_URL] = read_url,
};

/* ---- the table ---- */

static void
add_error(struct json_errors *e, const char *prefix, const char *name, const char *text)
{
	const char *dot = prefix[0] != '\0' && name[0] != '\0' ? "." : "";

	json_errors_add(e, slice_of(arena_printf(e->a, "%s%s%s", prefix, dot, name)), text);
}

/* NULL when the member is fine, absent where it may be, or ignored. */
static const char *
check_member(struct check *c, struct json_given *given, uint64_t bit)
{
	if (!json_is_null(c->v)) {
		given->present |= bit;
		return readers[c->rule->type](c);
	}
	if ((c->rule->flags & JSON_RULE_REQUIRED) != 0)
		return "is required";
	if (c->v != NULL && (c->rule->flags & JSON_RULE_NULLABLE) != 0)
		given->null |= bit;
	return NULL;
}

bool
json_check(const struct json *v, const struct json_rule *rules, unsigned count, const char *prefix,
	   void *target, struct json_given *given, struct json_errors *e)
{
	struct json_given seen = {0};
	bool is_good = true;

	if (count > JSON_RULES_MAX)
		gh_panic("json: %u rules in one table", count);
	if (json_type(v) != JSON_OBJECT) {
		add_error(e, prefix, "", "must be an object");
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		struct check c = {
			.v = json_get(v, rules[i].name),
			.rule = &rules[i],
			.place = (char *)target + rules[i].offset,
			.a = e->a,
		};
		const char *wrong = check_member(&c, &seen, (uint64_t)1 << i);

		if (wrong == NULL)
			continue;
		add_error(e, prefix, rules[i].name, wrong);
		is_good = false;
	}
	if (given != NULL)
		*given = seen;
	return is_good;
}
