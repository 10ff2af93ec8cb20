/* vectors.h - examples kept in tests/vectors: read, and compared with what is built.
 */
#ifndef GH_TEST_VECTORS_H
#define GH_TEST_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/slice.h"
#include "http/json.h"

#define VECTOR_MAX 65536

/* The text of an example of a folder of tests/vectors; lives in a. */
static inline struct slice
vector_text(struct arena *a, const char *folder, const char *name)
{
	char *path = arena_printf(a, "tests/vectors/%s/%s.json", folder, name);
	char *text = arena_alloc(a, VECTOR_MAX);
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		fail_msg("%s: run from the top of the source tree", path);
	n = fread(text, 1, VECTOR_MAX, f);
	(void)fclose(f);
	return slice_make(text, n);
}

static inline const struct json *
text_json(struct arena *a, struct slice text)
{
	const struct json *v;

	assert_int_equal(json_parse(text, a, &v, NULL, NULL), GH_OK);
	return v;
}

static inline const struct json *
member(const struct json *v, struct slice name)
{
	for (const struct json *m = json_first(v); m != NULL; m = json_next(m))
		if (slice_eq(json_name(m), name))
			return m;
	return NULL;
}

/* Members in any order; null is as good as absent. */
static inline bool
same(const struct json *x, const struct json *y)
{
	const struct json *e;

	if (json_type(x) != json_type(y))
		return false;
	switch (json_type(x)) {
	case JSON_STRING:
		return slice_eq(json_str(x), json_str(y));
	case JSON_OBJECT:
		for (e = json_first(x); e != NULL; e = json_next(e))
			if (!same(e, member(y, json_name(e))))
				return false;
		for (e = json_first(y); e != NULL; e = json_next(e))
			if (member(x, json_name(e)) == NULL && !json_is_null(e))
				return false;
		return true;
	case JSON_ARRAY:
		if (json_count(x) != json_count(y))
			return false;
		for (e = json_first(x), y = json_first(y); e != NULL;
		     e = json_next(e), y = json_next(y))
			if (!same(e, y))
				return false;
		return true;
	case JSON_BOOL:
		return json_bool(x, false) == json_bool(y, true);
	default:
		return json_double(x, 1) == json_double(y, 2) || json_is_null(x);
	}
}

#endif
