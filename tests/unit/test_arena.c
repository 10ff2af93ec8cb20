/* test_arena.c - alignment, zeroing, large requests, reset. */
#include "base/arena.c"

#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

#include "child.h"

static void
aligned_zeroed_distinct(void **state)
{
	struct arena *a = arena_new(100); /* not a multiple of the alignment */
	char *last = NULL;

	(void)state;
	for (size_t n = 0; n < 300; n++) {
		char *p = arena_alloc(a, n);

		assert_ptr_not_equal(p, last);
		assert_int_equal((uintptr_t)p % ARENA_ALIGN, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xAA, n);
		last = p;
	}
	arena_free(a);
	arena_free(NULL);
}

static void
reset_zeroes_again(void **state)
{
	struct arena *a = arena_new(64);
	char *first = arena_alloc(a, 32);
	char *again;

	(void)state;
	memset(first, 'x', 32);
	arena_alloc(a, 1000);
	arena_alloc(a, 64);
	arena_reset(a);
	again = arena_alloc(a, 32);
	assert_ptr_equal(again, first);
	assert_int_equal(again[0], 0);
	arena_free(a);
}

static void
large_request_keeps_room(void **state)
{
	struct arena *a = arena_new(64);
	char *p, *q;

	(void)state;
	arena_alloc(a, 64);
	p = arena_alloc(a, 16); /* a second chunk with room for more */
	arena_alloc(a, 4096);
	q = arena_alloc(a, 16);
	assert_ptr_equal(q, p + 16);
	arena_free(a);
}

static void
large_request_first(void **state)
{
	struct arena *a = arena_new(64);
	char *p = arena_alloc(a, 4096);

	(void)state;
	memset(p, 1, 4096);
	arena_reset(a);
	assert_int_equal(a->newest->size, 64); /* the normal chunk is the one kept */
	arena_free(a);
}

static void
copies_text(void **state)
{
	struct arena *a = arena_new(0);
	struct slice s = arena_dup(a, slice_make("ab\0c", 4));

	(void)state;
	assert_int_equal(s.n, 4);
	assert_memory_equal(s.p, "ab\0c", 5);
	assert_null(arena_dup(a, SLICE_NONE).p);
	assert_non_null(arena_dup(a, S("")).p);
	assert_string_equal(arena_cstr(a, S("xyz")), "xyz");
	assert_null(arena_cstr(a, SLICE_NONE));
	assert_string_equal(arena_printf(a, "%d/%s", 5, "six"), "5/six");
	assert_int_equal(strlen(arena_printf(a, "%9000d", 1)), 9000);
	arena_free(a);
}

static void
overflow_array(void *arg)
{
	arena_alloc_array(arg, SIZE_MAX / 2, 3);
}

static void
overflow_rounding(void *arg)
{
	arena_alloc(arg, SIZE_MAX - 3);
}

static void
refuses_overflow(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	assert_true(child_panics(overflow_array, a, "elements"));
	assert_true(child_panics(overflow_rounding, a, "request"));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aligned_zeroed_distinct),
		cmocka_unit_test(reset_zeroes_again),
		cmocka_unit_test(large_request_keeps_room),
		cmocka_unit_test(large_request_first),
		cmocka_unit_test(copies_text),
		cmocka_unit_test(refuses_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
