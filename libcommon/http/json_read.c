/* json_read.c - scanned text to values through cJSON, and the typed readers.
 *
 * A struct json is a cJSON item seen through our names. All items live in the
 * caller's arena and are never freed one by one. A number item carries its
 * original text in valuestring, which cJSON leaves unused for numbers.
 */
#include "http/json.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "http/json_private.h"

/*
 * cJSON's allocation hooks are process-wide and take no context, so the arena of
 * the parse under way is handed to them here; per thread, so that the worker
 * thread may parse too.
 */
static _Thread_local struct arena *parse_arena;

static void *
hook_alloc(size_t n)
{
	return arena_alloc(parse_arena, n);
}

static void
hook_free(void *p)
{
	(void)p; /* dies with the arena */
}

static void
install_hooks(void)
{
	cJSON_Hooks hooks = {.malloc_fn = hook_alloc, .free_fn = hook_free};

	cJSON_InitHooks(&hooks);
}

static const cJSON *
item_of(const struct json *v)
{
	return (const cJSON *)(const void *)v;
}

static const struct json *
json_of(const cJSON *item)
{
	return (const struct json *)(const void *)item;
}

/* Hand the numbers' texts to their items; both are in document order. The depth
 * is bounded by the scan. */
static void
attach_numbers(cJSON *item, struct arena *a, const struct json_numbers *numbers, size_t *next)
{
	if (cJSON_IsNumber(item))
		item->valuestring = arena_cstr(a, numbers->v[(*next)++]);
	for (cJSON *child = item->child; child != NULL; child = child->next)
		attach_numbers(child, a, numbers, next);
}

enum gh_code
json_parse(struct slice text, struct arena *a, const struct json **out, size_t *offset,
	   struct gh_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct json_numbers numbers = {0};
	size_t next = 0;
	enum gh_code rc;
	cJSON *item;

	rc = json_scan(text, a, &numbers, offset, err);
	if (rc != GH_OK)
		return rc;
	pthread_once(&once, install_hooks);
	parse_arena = a;
	item = cJSON_ParseWithLength(text.p, text.n);
	parse_arena = NULL;
	if (item == NULL)
		gh_panic("json: cJSON refuses what the scan accepted (%zu bytes)", text.n);
	attach_numbers(item, a, &numbers, &next);
	*out = json_of(item);
	return GH_OK;
}

/* ---- types ---- */

static bool
number_as_i64(const cJSON *item, int64_t *out)
{
	return parse_i64(slice_of(item->valuestring), INT64_MIN, INT64_MAX, out) == GH_OK;
}

enum json_type
json_type(const struct json *v)
{
	const cJSON *item = item_of(v);
	int64_t ignored;

	if (item == NULL)
		return JSON_NULL;
	switch (item->type & 0xff) {
	case cJSON_True:
	case cJSON_False:
		return JSON_BOOL;
	case cJSON_Number:
		return number_as_i64(item, &ignored) ? JSON_INT : JSON_DOUBLE;
	case cJSON_String:
		return JSON_STRING;
	case cJSON_Array:
		return JSON_ARRAY;
	case cJSON_Object:
		return JSON_OBJECT;
	default:
		return JSON_NULL;
	}
}

bool
json_is_null(const struct json *v)
{
	return v == NULL || cJSON_IsNull(item_of(v));
}

/* ---- members ---- */

static const struct json *
get_member(const struct json *v, struct slice name)
{
	if (v == NULL || !cJSON_IsObject(item_of(v)))
		return NULL;
	for (const cJSON *c = item_of(v)->child; c != NULL; c = c->next)
		if (strncmp(c->string, name.p, name.n) == 0 && c->string[name.n] == '\0')
			return json_of(c);
	return NULL;
}

const struct json *
json_get(const struct json *v, const char *name)
{
	return get_member(v, slice_of(name));
}

const struct json *
json_path(const struct json *v, const char *path)
{
	struct slice rest = slice_of(path);

	while (rest.p != NULL && v != NULL)
		v = get_member(v, slice_cut(rest, '.', &rest));
	return v;
}

size_t
json_count(const struct json *v)
{
	size_t n = 0;

	for (const struct json *c = json_first(v); c != NULL; c = json_next(c))
		n++;
	return n;
}

const struct json *
json_first(const struct json *v)
{
	return v == NULL ? NULL : json_of(item_of(v)->child);
}

const struct json *
json_next(const struct json *v)
{
	return v == NULL ? NULL : json_of(item_of(v)->next);
}

struct slice
json_name(const struct json *v)
{
	return v == NULL ? SLICE_NONE : slice_of(item_of(v)->string);
}

/* ---- scalars ---- */

struct slice
json_str(const struct json *v)
{
	if (v == NULL || !cJSON_IsString(item_of(v)))
		return SLICE_NONE;
	return slice_of(item_of(v)->valuestring);
}

int64_t
json_i64(const struct json *v, int64_t dflt)
{
	const cJSON *item = item_of(v);
	int64_t value;

	if (item == NULL || !cJSON_IsNumber(item))
		return dflt;
	if (number_as_i64(item, &value))
		return value;
	/* 2^63 is the first double that does not fit. */
	if (item->valuedouble < -0x1p63 || item->valuedouble >= 0x1p63 ||
	    trunc(item->valuedouble) != item->valuedouble)
		return dflt;
	return (int64_t)item->valuedouble;
}

double
json_double(const struct json *v, double dflt)
{
	return v != NULL && cJSON_IsNumber(item_of(v)) ? item_of(v)->valuedouble : dflt;
}

bool
json_bool(const struct json *v, bool dflt)
{
	return v != NULL && cJSON_IsBool(item_of(v)) ? cJSON_IsTrue(item_of(v)) != 0 : dflt;
}

/* ---- back to text ---- */

static void
write_item(struct json_w *w, const cJSON *item)
{
	const char *name = item->string;

	switch (item->type & 0xff) {
	case cJSON_True:
	case cJSON_False:
		json_w_bool(w, name, cJSON_IsTrue(item) != 0);
		return;
	case cJSON_Number:
		json_w_raw(w, name, slice_of(item->valuestring));
		return;
	case cJSON_String:
		json_w_str(w, name, slice_of(item->valuestring));
		return;
	case cJSON_Array:
	case cJSON_Object:
		break;
	default:
		json_w_null(w, name);
		return;
	}
	json_w_open(w, name, cJSON_IsArray(item) ? '[' : '{');
	for (const cJSON *c = item->child; c != NULL; c = c->next)
		write_item(w, c);
	json_w_close(w, cJSON_IsArray(item) ? ']' : '}');
}

void
json_write(struct buf *b, const struct json *v)
{
	struct json_w w;
	cJSON top;

	json_w_init(&w, b);
	if (v == NULL) {
		json_w_null(&w, NULL);
		return;
	}
	/* A member written on its own is a value without its name. */
	top = *item_of(v);
	top.string = NULL;
	write_item(&w, &top);
}
