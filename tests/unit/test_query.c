/* test_query.c - percent-decoding and query strings. */
#include "http/query.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"

static void
test_decode(void **state)
{
	static const struct {
		const char *raw, *out; /* out NULL: refused */
		bool plus;
	} cases[] = {
		{"abc", "abc", true},       {"", "", true},          {"a+b", "a b", true},
		{"a+b", "a+b", false},      {"%41%62", "Ab", false}, {"%c3%A9", "\xc3\xa9", false},
		{"%2B%25", "+%", true},     {"%", NULL, false},      {"%4", NULL, false},
		{"a%4", NULL, false},       {"%4g", NULL, false},    {"%g4", NULL, false},
		{"%00", NULL, false},       {"%ff", NULL, false},    {"%c3", NULL, false},
		{"%ed%a0%80", NULL, false}, {"%%41", NULL, false},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct slice out;
		enum gh_code rc = percent_decode(slice_of(cases[i].raw), cases[i].plus, a, &out);

		if (rc != (cases[i].out != NULL ? GH_OK : GH_EINVAL) ||
		    (rc == GH_OK && !slice_eq(out, slice_of(cases[i].out))))
			fail_msg("case %zu: %s", i, cases[i].raw);
	}
	arena_free(a);
}

static void
test_parse(void **state)
{
	struct arena *a = arena_new(0);
	struct query q;

	(void)state;
	assert_int_equal(query_parse(SLICE_NONE, a, &q, NULL), GH_OK);
	assert_int_equal(q.count, 0);
	assert_int_equal(query_parse(S("&a=1&&b=x+y%26&c&d=&e=f=g&%61b=2"), a, &q, NULL), GH_OK);
	assert_int_equal(q.count, 6);
	assert_true(slice_eq(query_get(&q, S("a")), S("1")));
	assert_true(slice_eq(query_get(&q, S("b")), S("x y&")));
	assert_true(slice_eq(query_get(&q, S("c")), S("")));
	assert_non_null(query_get(&q, S("c")).p);
	assert_non_null(query_get(&q, S("d")).p);
	assert_true(slice_eq(query_get(&q, S("e")), S("f=g")));
	assert_true(slice_eq(query_get(&q, S("ab")), S("2")));
	assert_null(query_get(&q, S("z")).p);
	arena_free(a);
}

static void
test_refuses(void **state)
{
	static const char *const cases[] = {"a=%", "%=1", "=1", "a=1&=2", "a=1&%61=2", "a&a"};
	struct arena *a = arena_new(0);
	struct gh_err err;
	struct query q;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++)
		if (query_parse(slice_of(cases[i]), a, &q, &err) != GH_EINVAL)
			fail_msg("accepted: %s", cases[i]);
	assert_string_equal(err.text, "query parameter 'a' is given twice");
	buf_init(&b, a, 4096);
	for (unsigned i = 0; i < QUERY_PARAMS_MAX; i++)
		buf_add_printf(&b, "p%u=1&", i);
	assert_int_equal(query_parse(buf_slice(&b), a, &q, NULL), GH_OK);
	buf_add(&b, S("last"));
	assert_int_equal(query_parse(buf_slice(&b), a, &q, NULL), GH_ELIMIT);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
