/* conf_value.c - the text forms of configuration values, one row per type.
 *
 * Everything arrives as text, from the file or from a table's default, so a
 * default is checked by the same code as the operator's value.
 */
#include "config/conf_private.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/encode.h"

#define VALUE_OUT_OF_RANGE ""

struct value_unit {
	const char *name;
	int64_t factor;
};

/* Largest first: the printing direction takes the first that divides. */
static const struct value_unit value_times[] = {
	{"d", CONF_DAY},  {"h", CONF_HOUR}, {"m", CONF_MINUTE},
	{"s", CLOCK_SEC}, {"ms", CLOCK_MS}, {NULL, 0},
};
static const struct value_unit value_sizes[] = {
	{"GiB", CONF_GIB}, {"MiB", CONF_MIB}, {"KiB", CONF_KIB}, {"B", 1}, {NULL, 0},
};

/* Number and unit; *in_form is false when the text is not of that form at all. */
static bool
value_parse_unit(const struct value_unit *units, const struct conf_param *p, const char *text,
		 int64_t *out, bool *in_form)
{
	struct slice s = slice_of(text), number = s;
	uint64_t n;

	number.n = 0;
	while (number.n < s.n && isdigit((unsigned char)s.p[number.n]))
		number.n++;
	*in_form = false;
	for (; units->name != NULL; units++) {
		if (!slice_eq(slice_from(s, number.n), slice_of(units->name)))
			continue;
		if (number.n == 0)
			return false;
		*in_form = true;
		if (parse_u64(number, 0, (uint64_t)(INT64_MAX / units->factor), &n) != GH_OK)
			return false;
		*out = (int64_t)n * units->factor;
		return *out >= p->min && *out <= p->max;
	}
	return false;
}

static void
value_add_unit(struct buf *out, const struct value_unit *units, int64_t value)
{
	while (units[1].name != NULL && (value == 0 || value % units->factor != 0))
		units++;
	/* Zero divides by everything: it reads best in the small unit of its kind. */
	buf_add_i64(out, value / units->factor);
	buf_add_cstr(out, units->name);
}

static int64_t
value_max(const struct conf_param *p)
{
	return p->max > 0 ? p->max : CONF_TEXT_MAX;
}

/* "a, b or c", each in quotes. */
static const char *
value_words_text(const char *const *words, struct arena *a)
{
	struct buf b;

	buf_init(&b, a, CONF_ERROR_SIZE);
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i > 0)
			buf_add_cstr(&b, words[i + 1] != NULL ? ", " : " or ");
		buf_add_printf(&b, "\"%s\"", words[i]);
	}
	return buf_cstr(&b);
}

static bool
value_begins_as(const char *const *words, const char *text)
{
	for (; *words != NULL; words++) {
		if (strncmp(text, *words, strlen(*words)) == 0)
			return true;
	}
	return false;
}

static const char *
value_parse_text(const struct conf_param *p, struct arena *a, const struct conf_items *items,
		 void *dst)
{
	int64_t n = (int64_t)strlen(items->v[0]);
	char *copy;

	if (n < p->min || n > value_max(p))
		return VALUE_OUT_OF_RANGE;
	if (p->words != NULL && !value_begins_as(p->words, items->v[0]))
		return arena_printf(a, "must begin with %s", value_words_text(p->words, a));
	copy = arena_cstr(a, slice_of(items->v[0]));
	memcpy(dst, &copy, sizeof(copy));
	return NULL;
}

static const char *
value_parse_bool(const struct conf_param *p GH_UNUSED, struct arena *a GH_UNUSED,
		 const struct conf_items *items, void *dst)
{
	bool value = strcmp(items->v[0], "true") == 0;

	if (!value && strcmp(items->v[0], "false") != 0)
		return VALUE_OUT_OF_RANGE;
	memcpy(dst, &value, sizeof(value));
	return NULL;
}

static const char *
value_parse_int(const struct conf_param *p, struct arena *a GH_UNUSED,
		const struct conf_items *items, void *dst)
{
	int64_t value;

	if (parse_i64(slice_of(items->v[0]), p->min, p->max, &value) != GH_OK)
		return VALUE_OUT_OF_RANGE;
	memcpy(dst, &value, sizeof(value));
	return NULL;
}

static const char *
value_parse_size(const struct conf_param *p, struct arena *a GH_UNUSED,
		 const struct conf_items *items, void *dst)
{
	int64_t value;
	size_t size;
	bool in_form;

	if (!value_parse_unit(value_sizes, p, items->v[0], &value, &in_form))
		return in_form ? VALUE_OUT_OF_RANGE
			       : "must be a size such as \"16MiB\" (B KiB MiB GiB)";
	size = (size_t)value;
	memcpy(dst, &size, sizeof(size));
	return NULL;
}

static const char *
value_parse_duration(const struct conf_param *p, struct arena *a GH_UNUSED,
		     const struct conf_items *items, void *dst)
{
	int64_t value;
	bool in_form;

	if (!value_parse_unit(value_times, p, items->v[0], &value, &in_form))
		return in_form ? VALUE_OUT_OF_RANGE : "must be a time such as \"30s\" (ms s m h d)";
	memcpy(dst, &value, sizeof(value));
	return NULL;
}

static const char *
value_parse_enum(const struct conf_param *p, struct arena *a GH_UNUSED,
		 const struct conf_items *items, void *dst)
{
	for (int i = 0; p->words[i] != NULL; i++) {
		if (strcmp(p->words[i], items->v[0]) == 0) {
			memcpy(dst, &i, sizeof(i));
			return NULL;
		}
	}
	return VALUE_OUT_OF_RANGE;
}

static const char *
value_parse_key(const struct conf_param *p GH_UNUSED, struct arena *a GH_UNUSED,
		const struct conf_items *items, void *dst)
{
	struct conf_key key = {.is_set = true};
	size_t n;

	if (encode_base64_parse(slice_of(items->v[0]), ENCODE_PAD_OPTIONAL, key.b, sizeof(key.b),
				&n) != GH_OK ||
	    n != sizeof(key.b))
		return VALUE_OUT_OF_RANGE;
	memcpy(dst, &key, sizeof(key));
	return NULL;
}

/* How many bytes at the start of s are of a set. */
static size_t
value_span(struct slice s, const char *set)
{
	size_t n = 0;

	while (n < s.n && strchr(set, s.p[n]) != NULL)
		n++;
	return n;
}

static bool
value_count_fits(const struct conf_param *p, const struct conf_items *items)
{
	return (int64_t)items->count >= p->min && (int64_t)items->count <= value_max(p);
}

static const char *
value_parse_strings(const struct conf_param *p, struct arena *a, const struct conf_items *items,
		    void *dst)
{
	const char **v = arena_alloc_array(a, items->count, sizeof(*v));
	struct conf_strings list = {v, items->count};

	if (!value_count_fits(p, items))
		return VALUE_OUT_OF_RANGE;
	for (size_t i = 0; i < items->count; i++) {
		if (items->v[i][0] == '\0' || strlen(items->v[i]) > CONF_TEXT_MAX)
			return "elements must not be empty";
		v[i] = arena_cstr(a, slice_of(items->v[i]));
	}
	memcpy(dst, &list, sizeof(list));
	return NULL;
}

/* As browsers write an origin: "scheme://host", ":port" unless it is the scheme's own. What differs
 * from that form would never equal the Origin of a request. */
static bool
value_is_origin(struct slice s)
{
	static const char host_set[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
	static const char scheme_set[] = "abcdefghijklmnopqrstuvwxyz0123456789.-+";
	struct slice host, port, scheme = slice_cut(s, ':', &host);
	uint64_t n;

	if (scheme.n == 0 || value_span(scheme, scheme_set) != scheme.n ||
	    !slice_starts(host, S("//")))
		return false;
	host = slice_from(host, 2);
	if (slice_starts(host, S("["))) {
		char text[ADDR_TEXT_SIZE];
		struct addr a;

		host = slice_cut(slice_from(host, 1), ']', &port);
		if (port.p == NULL || addr_parse(host, &a) != GH_OK ||
		    !slice_eq(host, slice_of(addr_text(&a, text))))
			return false;
	} else {
		port = slice_from(host, value_span(host, host_set));
		if (port.n == host.n)
			return false;
	}
	if (port.n == 0)
		return true;
	if (port.n < 2 || port.p[0] != ':' || port.p[1] == '0' ||
	    parse_u64(slice_from(port, 1), 1, 65535, &n) != GH_OK)
		return false;
	return !(n == 443 && slice_eq(scheme, S("https"))) &&
	       !(n == 80 && slice_eq(scheme, S("http")));
}

static const char *
value_parse_origins(const struct conf_param *p, struct arena *a, const struct conf_items *items,
		    void *dst)
{
	for (size_t i = 0; i < items->count; i++) {
		struct slice s = slice_of(items->v[i]);

		if (slice_eq(s, S("*")) && items->count > 1)
			return "\"*\" means every origin and stands alone";
		if (!slice_eq(s, S("*")) && !value_is_origin(s))
			return arena_printf(
				a,
				"\"%.64s\" must be \"*\" or an origin as browsers write "
				"it, such as \"https://app.example.com\": lower case, no "
				"default port, nothing behind it",
				items->v[i]);
	}
	return value_parse_strings(p, a, items, dst);
}

static const char *
value_parse_listen(const struct conf_param *p, struct arena *a, const struct conf_items *items,
		   void *dst)
{
	struct conf_listen *v = arena_alloc_array(a, items->count, sizeof(*v));
	struct conf_listens list = {v, items->count};

	if (!value_count_fits(p, items))
		return VALUE_OUT_OF_RANGE;
	for (size_t i = 0; i < items->count; i++) {
		if (conf_split_listen(slice_of(items->v[i]), &v[i]) != GH_OK)
			return "must be \"ADDRESS:PORT\", \"[ADDRESS]:PORT\" or \":PORT\"";
	}
	memcpy(dst, &list, sizeof(list));
	return NULL;
}

static const char *
value_parse_cidrs(const struct conf_param *p, struct arena *a, const struct conf_items *items,
		  void *dst)
{
	struct addr_cidr *v = arena_alloc_array(a, items->count, sizeof(*v));
	struct conf_cidrs list = {v, items->count};

	if (!value_count_fits(p, items))
		return VALUE_OUT_OF_RANGE;
	for (size_t i = 0; i < items->count; i++) {
		if (addr_cidr_parse(slice_of(items->v[i]), &v[i]) != GH_OK)
			return "must be networks such as \"10.0.0.0/8\", no bits behind the prefix";
	}
	memcpy(dst, &list, sizeof(list));
	return NULL;
}

static void
value_range_text(const struct conf_param *p, struct buf *out)
{
	buf_add_printf(out, "%" PRId64 "..%" PRId64 " bytes", p->min, value_max(p));
}

static void
value_range_bool(const struct conf_param *p GH_UNUSED, struct buf *out)
{
	buf_add_cstr(out, "true|false");
}

static void
value_range_int(const struct conf_param *p, struct buf *out)
{
	buf_add_printf(out, "%" PRId64 "..%" PRId64, p->min, p->max);
}

static void
value_range_size(const struct conf_param *p, struct buf *out)
{
	value_add_unit(out, value_sizes, p->min);
	buf_add_cstr(out, "..");
	value_add_unit(out, value_sizes, p->max);
}

static void
value_range_duration(const struct conf_param *p, struct buf *out)
{
	value_add_unit(out, value_times, p->min);
	buf_add_cstr(out, "..");
	value_add_unit(out, value_times, p->max);
}

static void
value_range_enum(const struct conf_param *p, struct buf *out)
{
	for (size_t i = 0; p->words[i] != NULL; i++) {
		if (i > 0)
			buf_add_char(out, '|');
		buf_add_cstr(out, p->words[i]);
	}
}

static void
value_range_key(const struct conf_param *p GH_UNUSED, struct buf *out)
{
	buf_add_printf(out, "%d bytes in base64", CONF_KEY_SIZE);
}

static void
value_range_list(const struct conf_param *p, struct buf *out)
{
	buf_add_printf(out, "%" PRId64 "..%" PRId64 " elements", p->min, value_max(p));
}

const struct conf_type_ops *
conf_type_ops(const struct conf_param *p)
{
	static const char text[] = "text in quotes", list[] = "text in quotes or a list of it";
	static const struct conf_type_ops table[] = {
		[CONF_TYPE_STRING] = {"string", text, sizeof(char *), false, false, true,
				      value_parse_text, value_range_text},
		[CONF_TYPE_BOOL] = {"bool", "true or false", sizeof(bool), false, false, false,
				    value_parse_bool, value_range_bool},
		[CONF_TYPE_INT] = {"int", "a whole number", sizeof(int64_t), false, false, false,
				   value_parse_int, value_range_int},
		[CONF_TYPE_SIZE] = {"size", "a size in quotes such as \"16MiB\"", sizeof(size_t),
				    false, false, false, value_parse_size, value_range_size},
		[CONF_TYPE_DURATION] = {"duration", "a time in quotes such as \"30s\"",
					sizeof(int64_t), false, false, false, value_parse_duration,
					value_range_duration},
		[CONF_TYPE_ENUM] = {"enum", text, sizeof(int), false, false, false,
				    value_parse_enum, value_range_enum},
		[CONF_TYPE_SECRET] = {"secret", text, sizeof(char *), false, true, true,
				      value_parse_text, value_range_text},
		[CONF_TYPE_KEY] = {"key", text, sizeof(struct conf_key), false, true, false,
				   value_parse_key, value_range_key},
		[CONF_TYPE_STRINGS] = {"strings", list, sizeof(struct conf_strings), true, false,
				       true, value_parse_strings, value_range_list},
		[CONF_TYPE_LISTEN] = {"listen", list, sizeof(struct conf_listens), true, false,
				      true, value_parse_listen, value_range_list},
		[CONF_TYPE_CIDRS] = {"cidrs", list, sizeof(struct conf_cidrs), true, false, true,
				     value_parse_cidrs, value_range_list},
		[CONF_TYPE_ORIGINS] = {"origins", list, sizeof(struct conf_strings), true, false,
				       true, value_parse_origins, value_range_list},
	};

	return &table[p->type];
}

struct conf_items
conf_items_default(const struct conf_param *p, struct arena *a)
{
	struct slice rest = slice_of(p->dflt);
	struct conf_items items = {arena_alloc_array(a, rest.n + 1, sizeof(char *)), 0};

	if (!conf_type_ops(p)->is_list) {
		items.v[items.count++] = p->dflt;
		return items;
	}
	while (rest.n > 0)
		items.v[items.count++] = arena_cstr(a, slice_trim(slice_cut(rest, ',', &rest)));
	return items;
}

bool
conf_has_env(struct slice text)
{
	for (size_t i = 0; i + 1 < text.n; i++) {
		/* As conf_expand_env reads it: only "$${" is an escape. */
		if (slice_starts(slice_from(text, i), S("$${")))
			i += 2;
		else if (slice_starts(slice_from(text, i), S("${")))
			return true;
	}
	return false;
}

/* The variable named at the start of *rest, "NAME}..."; *rest moves behind it. */
static const char *
value_expand_one(struct slice *rest, struct arena *a, const char **why)
{
	struct slice name;
	const char *value;
	long end = slice_index(*rest, '}');

	name = slice_sub(*rest, 0, end > 0 ? (size_t)end : 0);
	for (size_t i = 0; i < name.n; i++) {
		if (!isalnum((unsigned char)name.p[i]) && name.p[i] != '_')
			name.n = 0;
	}
	if (name.n == 0) {
		*why = "\"${\" must be followed by NAME} (write \"$${\" for the characters)";
		return NULL;
	}
	value = getenv(arena_cstr(a, name));
	if (value == NULL)
		*why = arena_printf(a, "environment variable %.*s is not set", S_FMT(name));
	*rest = slice_from(*rest, name.n + 1);
	return value;
}

const char *
conf_expand_env(struct slice text, struct arena *a, const char **why)
{
	struct buf out;

	buf_init(&out, a, CONF_SECRET_MAX);
	while (text.n > 0) {
		if (slice_starts(text, S("$${"))) {
			buf_add(&out, S("${"));
			text = slice_from(text, 3);
		} else if (slice_starts(text, S("${"))) {
			const char *value;

			text = slice_from(text, 2);
			value = value_expand_one(&text, a, why);
			if (value == NULL)
				return NULL;
			buf_add_cstr(&out, value);
		} else {
			buf_add_char(&out, text.p[0]);
			text = slice_from(text, 1);
		}
	}
	if (out.over) {
		*why = "text too long";
		return NULL;
	}
	return buf_cstr(&out);
}
