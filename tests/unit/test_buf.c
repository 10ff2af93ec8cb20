/* test_buf.c - growing, the hard maximum, and memory in an arena. */
#include "base/buf.c"

#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

#include "child.h"

static void
appends_every_kind(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, NULL, 1000);
	buf_add(&b, S("a"));
	buf_add(&b, SLICE_NONE);
	buf_add_cstr(&b, "bc");
	buf_add_cstr(&b, NULL);
	buf_add_char(&b, ' ');
	buf_add_u64(&b, 0);
	buf_add_char(&b, ' ');
	buf_add_u64(&b, UINT64_MAX);
	buf_add_char(&b, ' ');
	buf_add_i64(&b, INT64_MIN);
	buf_add_printf(&b, " %s-%03d", "x", 7);
	assert_string_equal(buf_cstr(&b), "abc 0 18446744073709551615 -9223372036854775808 x-007");
	assert_false(b.over);
	buf_free(&b);
	buf_free(&b);
}

static void
starts_empty(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, NULL, 1);
	assert_int_equal(buf_slice(&b).n, 0);
	assert_string_equal(buf_cstr(&b), "");
	assert_non_null(buf_reserve(&b, 0));
	buf_consume(&b, 0);
	buf_free(&b);
}

static void
stops_at_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, NULL, 4);
	buf_add(&b, S("abcd"));
	assert_false(b.over);
	assert_string_equal(buf_cstr(&b), "abcd"); /* the NUL has room beyond the maximum */
	buf_add_char(&b, 'e');
	assert_true(b.over);
	buf_consume(&b, 4);
	buf_add_char(&b, 'f'); /* nothing more until a reset, though it would fit */
	assert_int_equal(b.n, 0);
	buf_reset(&b);
	buf_add_printf(&b, "%d", 1234);
	assert_string_equal(buf_cstr(&b), "1234");
	buf_reset(&b);
	buf_add_printf(&b, "%d", 12345);
	assert_true(b.over);
	assert_int_equal(b.n, 0);
	buf_reset(&b);
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_true(b.over);
	buf_free(&b);
}

static void
grows_and_consumes(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, NULL, 100000);
	for (unsigned i = 0; i < 10000; i++)
		buf_add_printf(&b, "%08u", i);
	assert_false(b.over);
	assert_int_equal(b.n, 80000);
	assert_true(b.size <= 100001);
	buf_consume(&b, 8 * 9999);
	assert_string_equal(buf_cstr(&b), "00009999");
	buf_consume(&b, 8);
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

static void
reserves_and_commits(void **state)
{
	struct buf b;
	char *p;

	(void)state;
	buf_init(&b, NULL, 10);
	p = buf_reserve(&b, 10);
	memcpy(p, "0123456789", 10);
	buf_commit(&b, 3);
	assert_string_equal(buf_cstr(&b), "012");
	assert_null(buf_reserve(&b, 8));
	buf_free(&b);
}

static void
lives_in_arena(void **state)
{
	struct arena *a = arena_new(0);
	struct buf b;

	(void)state;
	buf_init(&b, a, 5000);
	for (unsigned i = 0; i < 5000; i++)
		buf_add_char(&b, (char)('a' + i % 26));
	assert_false(b.over);
	assert_int_equal(b.p[4999], 'a' + 4999 % 26);
	assert_int_equal(b.p[0], 'a');
	buf_free(&b);
	arena_free(a);
}

static void
commit_too_much(void *arg)
{
	struct buf *b = arg;

	buf_reserve(b, 4);
	buf_commit(b, 1000);
}

static void
consume_too_much(void *arg)
{
	buf_consume(arg, 1);
}

static void
refuses_broken_calls(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, NULL, 2000);
	assert_true(child_panics(commit_too_much, &b, "committed"));
	assert_true(child_panics(consume_too_much, &b, "consumed"));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_every_kind),   cmocka_unit_test(starts_empty),
		cmocka_unit_test(stops_at_maximum),     cmocka_unit_test(grows_and_consumes),
		cmocka_unit_test(reserves_and_commits), cmocka_unit_test(lives_in_arena),
		cmocka_unit_test(refuses_broken_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
