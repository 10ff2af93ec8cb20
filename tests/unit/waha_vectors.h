/* waha_vectors.h - the contract's own examples (contracts/waha.md), kept in tests/vectors/waha.
 */
#ifndef GH_TEST_WAHA_VECTORS_H
#define GH_TEST_WAHA_VECTORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/slice.h"

#define VECTORS    "tests/vectors/waha/"
#define VECTOR_MAX 65536

/* The text of an example; lives in a. */
static inline struct slice
vector_read(struct arena *a, const char *name)
{
	char *path = arena_printf(a, VECTORS "%s.json", name);
	char *text = arena_alloc(a, VECTOR_MAX);
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		fail_msg("%s: run from the top of the source tree", path);
	n = fread(text, 1, VECTOR_MAX, f);
	(void)fclose(f);
	return slice_make(text, n);
}

#endif
