/* test_slice.c - comparing, cutting, numbers, UTF-8. */
#include "base/slice.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define assert_slice(s, text) assert_true(slice_eq((s), slice_of(text)))

static void
compares(void **state)
{
	(void)state;
	assert_true(slice_eq(S("ab"), S("ab")));
	assert_true(slice_eq(SLICE_NONE, S("")));
	assert_false(slice_eq(S("ab"), S("abc")));
	assert_false(slice_eq(S("ab"), S("aB")));
	assert_true(slice_eq_nocase(S("Content-TYPE"), S("content-type")));
	assert_false(slice_eq_nocase(S("["), S("{")));
	assert_false(slice_eq_nocase(S("a"), S("ab")));
	assert_true(slice_cmp(S("a"), S("b")) < 0);
	assert_true(slice_cmp(S("ab"), S("a")) > 0);
	assert_true(slice_cmp(S("\xff"), S("a")) > 0);
	assert_int_equal(slice_cmp(S("x"), S("x")), 0);
	assert_int_equal(slice_cmp(SLICE_NONE, SLICE_NONE), 0);
	assert_true(slice_starts(S("abc"), S("ab")));
	assert_true(slice_starts(S("abc"), S("")));
	assert_false(slice_starts(S("a"), S("ab")));
	assert_true(slice_ends(S("x_total"), S("_total")));
	assert_false(slice_ends(S("total"), S("_total")));
	assert_false(slice_ends(SLICE_NONE, S("a")));
}

static void
finds_and_cuts(void **state)
{
	struct slice rest;

	(void)state;
	assert_int_equal(slice_index(S("a=b=c"), '='), 1);
	assert_int_equal(slice_index(S("abc"), '='), -1);
	assert_int_equal(slice_index(SLICE_NONE, 'a'), -1);
	assert_slice(slice_trim(S(" \t a b\t ")), "a b");
	assert_slice(slice_trim(S(" \t ")), "");
	assert_slice(slice_from(S("abc"), 1), "bc");
	assert_slice(slice_from(S("abc"), 9), "");
	assert_slice(slice_sub(S("abcd"), 1, 2), "bc");
	assert_slice(slice_sub(S("abcd"), 3, SIZE_MAX), "d");
	assert_null(slice_from(SLICE_NONE, 3).p);
	assert_slice(slice_cut(S("k=v=w"), '=', &rest), "k");
	assert_slice(rest, "v=w");
	assert_slice(slice_cut(S("k="), '=', &rest), "k");
	assert_non_null(rest.p);
	assert_int_equal(rest.n, 0);
	assert_slice(slice_cut(S("k"), '=', &rest), "k");
	assert_null(rest.p);
	assert_null(slice_of(NULL).p);
}

static void
copies_to_cstr(void **state)
{
	char dst[4];

	(void)state;
	assert_int_equal(slice_to_cstr(S("abc"), dst, sizeof(dst)), GH_OK);
	assert_string_equal(dst, "abc");
	assert_int_equal(slice_to_cstr(S("abcd"), dst, sizeof(dst)), GH_ELIMIT);
	assert_int_equal(slice_to_cstr(S("a\0b"), dst, sizeof(dst)), GH_ELIMIT);
	assert_int_equal(slice_to_cstr(SLICE_NONE, dst, sizeof(dst)), GH_OK);
	assert_string_equal(dst, "");
	assert_int_equal(slice_to_cstr(S(""), dst, 0), GH_ELIMIT);
}

static void
parses_unsigned(void **state)
{
	static const struct {
		const char *text;
		uint64_t min, max;
		enum gh_code rc;
		uint64_t value;
	} cases[] = {
		{"0", 0, 9, GH_OK, 0},
		{"42", 42, 42, GH_OK, 42},
		{"0042", 0, 100, GH_OK, 42},
		{"18446744073709551615", 0, UINT64_MAX, GH_OK, UINT64_MAX},
		{"18446744073709551616", 0, UINT64_MAX, GH_ELIMIT, 0},
		{"99999999999999999999", 0, UINT64_MAX, GH_ELIMIT, 0},
		{"000000000000000000001", 0, UINT64_MAX, GH_ELIMIT, 0},
		{"41", 42, 50, GH_ELIMIT, 0},
		{"51", 42, 50, GH_ELIMIT, 0},
		{"", 0, 9, GH_EINVAL, 0},
		{"-1", 0, 9, GH_EINVAL, 0},
		{"+1", 0, 9, GH_EINVAL, 0},
		{" 1", 0, 9, GH_EINVAL, 0},
		{"1 ", 0, 9, GH_EINVAL, 0},
		{"0x1", 0, 9, GH_EINVAL, 0},
		{"99999999999999999999x", 0, 9, GH_EINVAL, 0},
		{"\xb2", 0, 9, GH_EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		uint64_t v = 777;

		if (parse_u64(slice_of(cases[i].text), cases[i].min, cases[i].max, &v) !=
			    cases[i].rc ||
		    v != (cases[i].rc == GH_OK ? cases[i].value : 777))
			fail_msg("case \"%s\"", cases[i].text);
	}
}

static void
parses_signed(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max;
		enum gh_code rc;
		int64_t value;
	} cases[] = {
		{"-1", -1, 1, GH_OK, -1},
		{"-0", 0, 0, GH_OK, 0},
		{"9223372036854775807", INT64_MIN, INT64_MAX, GH_OK, INT64_MAX},
		{"9223372036854775808", INT64_MIN, INT64_MAX, GH_ELIMIT, 0},
		{"-9223372036854775808", INT64_MIN, INT64_MAX, GH_OK, INT64_MIN},
		{"-9223372036854775809", INT64_MIN, INT64_MAX, GH_ELIMIT, 0},
		{"-5", -4, 4, GH_ELIMIT, 0},
		{"-", -4, 4, GH_EINVAL, 0},
		{"--1", -4, 4, GH_EINVAL, 0},
		{"", -4, 4, GH_EINVAL, 0},
		{"1-", -4, 4, GH_EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		int64_t v = 777;

		if (parse_i64(slice_of(cases[i].text), cases[i].min, cases[i].max, &v) !=
			    cases[i].rc ||
		    v != (cases[i].rc == GH_OK ? cases[i].value : 777))
			fail_msg("case \"%s\"", cases[i].text);
	}
}

static void
checks_utf8(void **state)
{
	static const struct {
		const char *text;
		bool is_valid;
		size_t count;
	} cases[] = {
		{"", true, 0},
		{"abc", true, 3},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", true, 3},
		{"\xed\x9f\xbf\xee\x80\x80", true, 2},
		{"\xf4\x8f\xbf\xbf", true, 1},
		{"\x80", false, 0},             /* continuation alone */
		{"\xc0\x80", false, 0},         /* overlong NUL */
		{"\xc1\xbf", false, 0},         /* overlong */
		{"\xe0\x9f\xbf", false, 0},     /* overlong */
		{"\xf0\x8f\xbf\xbf", false, 0}, /* overlong */
		{"\xed\xa0\x80", false, 0},     /* surrogate */
		{"\xf4\x90\x80\x80", false, 0}, /* above U+10FFFF */
		{"\xf5\x80\x80\x80", false, 0},
		{"\xe2\x82", false, 0}, /* cut */
		{"a\xc3", false, 0},
		{"\xc3(", false, 0},
		{"\xe2\x82(", false, 0},
		{"\xff", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct slice s = slice_of(cases[i].text);

		if (utf8_valid(s) != cases[i].is_valid ||
		    (cases[i].is_valid && utf8_count(s) != cases[i].count))
			fail_msg("case %zu", i);
	}
	assert_int_equal(utf8_len(S("\xe2\x82\xac!")), 3);
	assert_int_equal(utf8_len(S("\0")), 1);
	assert_int_equal(utf8_len(SLICE_NONE), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares),       cmocka_unit_test(finds_and_cuts),
		cmocka_unit_test(copies_to_cstr), cmocka_unit_test(parses_unsigned),
		cmocka_unit_test(parses_signed),  cmocka_unit_test(checks_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
