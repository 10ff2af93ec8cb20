/* test_json.c - strict scan, typed readers, writer. */
#include "http/json_read.c"
#include "http/json_scan.c"
#include "http/json_write.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"

static struct slice
nested(struct arena *a, unsigned depth)
{
	char *p = arena_alloc(a, 2 * depth);

	memset(p, '[', depth);
	memset(p + depth, ']', depth);
	return slice_make(p, 2 * depth);
}

static void
test_accepts(void **state)
{
	/* text, and what json_write makes of it (NULL: the same) */
	static const struct {
		const char *text, *out;
	} cases[] = {
		{"{}", NULL},
		{"[]", NULL},
		{" \t\r\n null ", "null"},
		{"true", NULL},
		{"\"\"", NULL},
		{"0", NULL},
		{"-0", NULL},
		{"-12.50e+3", NULL},
		{"12345678901234567890123456789", NULL},
		{"9007199254740993", NULL},
		{"[1, 2 ,[ ] , {\"a\" : [ { } ] } ]", "[1,2,[],{\"a\":[{}]}]"},
		{"{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}", NULL},
		{"\"\\u0041\\u00e9\\ud83d\\ude00\\/\"", "\"A\xc3\xa9\xf0\x9f\x98\x80/\""},
		{"\"\\b\\f\\n\\r\\t\\\"\\\\\\u001f\"", NULL},
		{"\"\xf4\x8f\xbf\xbf\x7f\"", NULL},
		{"{\"\":1,\" \":2}", NULL},
		{"1e307", NULL},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct arena *a = arena_new(0);
		const struct json *v;
		struct gh_err err;
		struct buf b;

		buf_init(&b, a, 4096);
		if (json_parse(slice_of(cases[i].text), a, &v, NULL, &err) != GH_OK)
			fail_msg("%s: %s", cases[i].text, err.text);
		json_write(&b, v);
		assert_string_equal(buf_cstr(&b),
				    cases[i].out != NULL ? cases[i].out : cases[i].text);
		arena_free(a);
	}
}

static void
test_refuses(void **state)
{
	static const struct {
		struct slice text;
		size_t offset;
	} cases[] = {
		{{"", 0}, 0},
		{{"  ", 2}, 2},
		{{"{", 1}, 1},
		{{"[1,]", 4}, 3},
		{{"[,1]", 4}, 1},
		{{"[1 2]", 5}, 3},
		{{"{\"a\"}", 5}, 4},
		{{"{\"a\":}", 6}, 5},
		{{"{\"a\":1,}", 8}, 7},
		{{"{a:1}", 5}, 1},
		{{"{\"a\":1]", 7}, 6},
		{{"[1}", 3}, 2},
		{{"1 2", 3}, 2},
		{{"{} x", 4}, 3},
		{{"tru", 3}, 0},
		{{"nul", 3}, 0},
		{{"NaN", 3}, 0},
		{{"01", 2}, 1},
		{{"-", 1}, 1},
		{{"+1", 2}, 0},
		{{".5", 2}, 0},
		{{"1.", 2}, 2},
		{{"1.e5", 4}, 2},
		{{"1e", 2}, 2},
		{{"1e308", 5}, 2},
		{{"1e-99999999999999999999999", 26}, 3},
		{{"0x10", 4}, 1},
		{{"\"a", 2}, 2},
		{{"\"a\nb\"", 5}, 2},
		{{"\"a\0b\"", 5}, 2},
		{{"\"\\x\"", 4}, 2},
		{{"\"\\u12g4\"", 8}, 3},
		{{"\"\\u0000\"", 8}, 1},
		{{"\"\\ud800\"", 8}, 1},
		{{"\"\\ud800\\u0041\"", 14}, 1},
		{{"\"\\udc00\\ud800\"", 14}, 1},
		{{"\"\xc0\x80\"", 4}, 1},
		{{"\"\xed\xa0\x80\"", 5}, 1},
		{{"\"\xff\"", 3}, 1},
		{{"\"\xe2\x82", 3}, 1},
		{{"\xef\xbb\xbf{}", 5}, 0},
		{{"{\"a\":1,\"a\":2}", 13}, 7},
		{{"{\"a\":1,\"\\u0061\":2}", 18}, 7},
		{{"{\"x\":[{\"id\":1,\"id\":1}]}", 23}, 14},
		{{"'a'", 3}, 0},
		{{"/*c*/1", 6}, 0},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct arena *a = arena_new(0);
		const struct json *v;
		struct gh_err err = {0};
		size_t offset = 9999;

		if (json_parse(cases[i].text, a, &v, &offset, &err) != GH_EINVAL)
			fail_msg("case %zu accepted: %s", i, cases[i].text.p);
		if (offset != cases[i].offset)
			fail_msg("case %zu (%s): offset %zu, %s", i, cases[i].text.p, offset,
				 err.text);
		arena_free(a);
	}
}

static void
test_limits(void **state)
{
	struct arena *a = arena_new(0);
	const struct json *v;
	char digits[JSON_NUMBER_MAX + 2];
	struct gh_err err;
	size_t offset;
	struct buf b;

	(void)state;
	assert_int_equal(json_parse(nested(a, JSON_DEPTH_MAX), a, &v, NULL, NULL), GH_OK);
	assert_int_equal(json_parse(nested(a, JSON_DEPTH_MAX + 1), a, &v, &offset, &err),
			 GH_ELIMIT);
	assert_int_equal(offset, JSON_DEPTH_MAX);

	memset(digits, '7', sizeof(digits));
	assert_int_equal(json_parse(slice_make(digits, JSON_NUMBER_MAX), a, &v, NULL, NULL), GH_OK);
	assert_int_equal(json_parse(slice_make(digits, JSON_NUMBER_MAX + 1), a, &v, NULL, NULL),
			 GH_EINVAL);

	/* The name table grows, finds a repeat among many, and keeps objects apart. */
	buf_init(&b, a, 1 << 20);
	buf_add_char(&b, '{');
	for (unsigned i = 0; i < 5000; i++)
		buf_add_printf(&b, "\"key%u\":%u,", i, i);
	assert_int_equal(json_parse(slice_of(arena_printf(a, "%s\"key\":1}", buf_cstr(&b))), a, &v,
				    NULL, NULL),
			 GH_OK);
	assert_int_equal(json_count(v), 5001);
	assert_int_equal(json_i64(json_get(v, "key4999"), -1), 4999);
	assert_int_equal(json_parse(slice_of(arena_printf(a, "%s\"key17\":1}", buf_cstr(&b))), a,
				    &v, NULL, NULL),
			 GH_EINVAL);
	arena_free(a);
}

static void
test_readers(void **state)
{
	static const char text[] =
		"{\"s\":\"t\\u00e9xt\",\"i\":-9223372036854775808,\"big\":9223372036854775808,"
		"\"d\":2.5,\"whole\":3.0,\"huge\":1e300,\"t\":true,\"f\":false,\"n\":null,"
		"\"a\":[1,\"x\",{}],\"o\":{\"p\":{\"q\":7}},\"sa\":1}";
	struct arena *a = arena_new(0);
	const struct json *v, *e;

	(void)state;
	assert_int_equal(json_parse(slice_of(text), a, &v, NULL, NULL), GH_OK);
	assert_int_equal(json_type(v), JSON_OBJECT);
	assert_true(slice_eq(json_str(json_get(v, "s")), S("t\xc3\xa9xt")));
	assert_null(json_get(v, "S"));
	assert_null(json_get(v, "S.p"));
	assert_int_equal(json_type(json_get(v, "i")), JSON_INT);
	assert_true(json_i64(json_get(v, "i"), 0) == INT64_MIN);
	assert_int_equal(json_type(json_get(v, "big")), JSON_DOUBLE);
	assert_int_equal(json_i64(json_get(v, "big"), 5), 5);
	assert_int_equal(json_i64(json_get(v, "whole"), 5), 3);
	assert_int_equal(json_i64(json_get(v, "d"), 5), 5);
	assert_int_equal(json_i64(json_get(v, "huge"), 5), 5);
	assert_int_equal(json_i64(json_get(v, "s"), 5), 5);
	assert_true(json_double(json_get(v, "d"), 0) == 2.5);
	assert_true(json_bool(json_get(v, "t"), false));
	assert_false(json_bool(json_get(v, "f"), true));
	assert_true(json_bool(json_get(v, "n"), true));
	assert_true(json_is_null(json_get(v, "n")));
	assert_true(json_is_null(json_get(v, "absent")));
	assert_false(json_is_null(json_get(v, "f")));
	assert_int_equal(json_i64(json_path(v, "o.p.q"), 0), 7);
	assert_null(json_path(v, "o.p.q.r"));
	assert_null(json_path(v, "o..q"));
	e = json_get(v, "a");
	assert_int_equal(json_count(e), 3);
	e = json_first(e);
	assert_null(json_name(e).p);
	e = json_next(json_next(e));
	assert_int_equal(json_type(e), JSON_OBJECT);
	assert_null(json_next(e));
	assert_true(slice_eq(json_name(json_first(v)), S("s")));
	assert_int_equal(json_type(NULL), JSON_NULL);
	assert_null(json_get(NULL, "a"));
	assert_null(json_first(NULL));
	assert_null(json_str(NULL).p);
	arena_free(a);
}

static void
test_write_part(void **state)
{
	struct arena *a = arena_new(0);
	const struct json *v;
	struct buf b;

	(void)state;
	assert_int_equal(json_parse(S("{\"a\":{\"b\":[1.10]},\"c\":2}"), a, &v, NULL, NULL), GH_OK);
	buf_init(&b, a, 64);
	json_write(&b, json_get(v, "a"));
	assert_string_equal(buf_cstr(&b), "{\"b\":[1.10]}");
	buf_reset(&b);
	json_write(&b, NULL);
	assert_string_equal(buf_cstr(&b), "null");
	arena_free(a);
}

static void
test_writer(void **state)
{
	static const struct uuid nil;
	struct uuid id = {{0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3, 0x98, 0xc4, 0xdc, 0x0c,
			   0x0c, 0x07, 0x39, 0x8f}};
	struct json_w w;
	struct buf b;

	(void)state;
	buf_init(&b, NULL, 4096);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, "s", S("a\"\\\n\x01\xc3\xa9"));
	json_w_str(&w, "none", SLICE_NONE);
	json_w_str(&w, "empty", S(""));
	json_w_i64(&w, "i", INT64_MIN);
	json_w_double(&w, "d", 0.1);
	json_w_double(&w, "third", 1.0 / 3.0);
	json_w_double(&w, "nan", NAN);
	json_w_bool(&w, "t", true);
	json_w_open(&w, "a", '[');
	json_w_open(&w, NULL, '[');
	json_w_close(&w, ']');
	json_w_null(&w, NULL);
	json_w_raw(&w, NULL, S("{\"x\":1}"));
	json_w_raw(&w, NULL, SLICE_NONE);
	json_w_close(&w, ']');
	json_w_uuid(&w, "id", id);
	json_w_uuid(&w, "nil", nil);
	json_w_time(&w, "at", 1645557742123000);
	json_w_time(&w, "never", 0);
	json_w_bool(&w, "q\"", false);
	json_w_close(&w, '}');
	assert_false(b.over);
	assert_string_equal(
		buf_cstr(&b),
		"{\"s\":\"a\\\"\\\\\\n\\u0001\xc3\xa9\",\"none\":null,\"empty\":\"\","
		"\"i\":-9223372036854775808,\"d\":0.1,\"third\":0.33333333333333331,\"nan\":null,"
		"\"t\":true,\"a\":[[],null,{\"x\":1},null],"
		"\"id\":\"017f22e2-79b0-7cc3-98c4-dc0c0c07398f\",\"nil\":null,"
		"\"at\":\"2022-02-22T19:22:22.123Z\",\"never\":null,\"q\\\"\":false}");
	buf_free(&b);

	buf_init(&b, NULL, 8);
	json_w_init(&w, &b);
	json_w_str(&w, NULL, S("0123456789"));
	assert_true(b.over);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),    cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_limits),     cmocka_unit_test(test_readers),
		cmocka_unit_test(test_write_part), cmocka_unit_test(test_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
