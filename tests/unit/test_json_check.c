/* test_json_check.c - rules of every type, good and bad; all errors at once. */
#include "http/json_check.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct target {
	struct slice string, number, url;
	int64_t integer, time;
	bool flag;
	double real;
	struct uuid uuid;
	struct json_strings strings;
	const struct json *raw, *object, *array;
	int word;
};

static const struct json_word colours[] = {{"red", 1}, {"green", 2}, {NULL, 0}};

static const char *
starts_with_x(struct slice s)
{
	return slice_starts(s, S("x")) ? NULL : "must start with x";
}

#define AT(m) .offset = offsetof(struct target, m)
static const struct json_rule rules[] = {
	{"string", JSON_RULE_STRING, JSON_RULE_LINE | JSON_RULE_NULLABLE, 1, 3, AT(string)},
	{"number", JSON_RULE_STRING, JSON_RULE_NUMBER_OK, .pattern = NULL, AT(number)},
	{"pattern", JSON_RULE_STRING, .pattern = starts_with_x, AT(string)},
	{"integer", JSON_RULE_INT, 0, -1, 10, AT(integer)},
	{"flag", JSON_RULE_BOOL, AT(flag)},
	{"real", JSON_RULE_DOUBLE, 0, 0, 2, AT(real)},
	{"uuid", JSON_RULE_UUID, AT(uuid)},
	{"time", JSON_RULE_TIME, AT(time)},
	{"strings", JSON_RULE_STRINGS, 0, 1, 2, AT(strings)},
	{"colours", JSON_RULE_STRINGS, .words = colours, AT(strings)},
	{"raw", JSON_RULE_RAW, AT(raw)},
	{"object", JSON_RULE_OBJECT, AT(object)},
	{"array", JSON_RULE_ARRAY, 0, 0, 1, AT(array)},
	{"word", JSON_RULE_WORD, .words = colours, AT(word)},
	{"url", JSON_RULE_URL, 0, 0, 30, AT(url)},
};

static const struct json *
parse(struct arena *a, const char *text)
{
	const struct json *v;
	struct gh_err err;

	if (json_parse(slice_of(text), a, &v, NULL, &err) != GH_OK)
		fail_msg("%s: %s", text, err.text);
	return v;
}

static void
test_values(void **state)
{
	struct arena *a = arena_new(0);
	struct target t = {.integer = 99};
	struct json_given given;
	struct json_errors e;

	(void)state;
	json_errors_init(&e, a);
	assert_true(json_check(
		parse(a, "{\"string\":\"\xc3\xa9\xc3\xa9\xc3\xa9\",\"number\":5511900000002,"
			 "\"flag\":true,\"real\":1.5,"
			 "\"uuid\":\"017F22E2-79B0-7CC3-98C4-DC0C0C07398F\","
			 "\"time\":\"1970-01-01T00:00:01Z\",\"strings\":[\"a\",\"b\"],\"raw\":[1],"
			 "\"object\":{},\"array\":[1],\"word\":\"green\","
			 "\"url\":\"https://h.example:8/x?y\",\"unknown\":1}"),
		rules, GH_COUNT(rules), "", &t, &given, &e));
	assert_int_equal(e.count, 0);
	assert_true(slice_eq(t.string, S("\xc3\xa9\xc3\xa9\xc3\xa9")));
	assert_true(slice_eq(t.number, S("5511900000002")));
	assert_int_equal(t.integer, 99); /* absent: untouched */
	assert_true(t.flag && t.real == 1.5);
	assert_int_equal(t.uuid.b[1], 0x7f);
	assert_int_equal(t.time, CLOCK_SEC);
	assert_int_equal(t.strings.count, 2);
	assert_true(slice_eq(t.strings.v[1], S("b")));
	assert_int_equal(json_count(t.raw), 1);
	assert_int_equal(json_type(t.object), JSON_OBJECT);
	assert_int_equal(t.word, 2);
	assert_true((given.present & 1) != 0);
	assert_true((given.present & 8) == 0);
	assert_int_equal(given.null, 0);

	assert_true(json_check(parse(a, "{\"string\":null,\"flag\":null,\"integer\":3.0}"), rules,
			       GH_COUNT(rules), "", &t, &given, &e));
	assert_int_equal(given.null, 1);
	assert_int_equal(given.present, 8);
	assert_int_equal(t.integer, 3);
	arena_free(a);
}

static void
test_bad_values(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"{\"string\":1}", "must be a string"},
		{"{\"string\":\"\"}", "must not be empty"},
		{"{\"string\":\"abcd\"}", "longer than 3 characters"},
		{"{\"string\":\"a\\n\"}", "must not contain control characters"},
		{"{\"number\":1.5}", "must be a string"},
		{"{\"pattern\":\"y\"}", "must start with x"},
		{"{\"integer\":-2}", "less than -1"},
		{"{\"integer\":11}", "greater than 10"},
		{"{\"integer\":1.5}", "must be an integer"},
		{"{\"integer\":1e300}", "must be an integer"},
		{"{\"integer\":\"1\"}", "must be an integer"},
		{"{\"flag\":1}", "must be true or false"},
		{"{\"real\":2.1}", "greater than 2"},
		{"{\"real\":-0.1}", "less than 0"},
		{"{\"real\":\"1\"}", "must be a number"},
		{"{\"uuid\":\"x\"}", "must be a UUID"},
		{"{\"uuid\":7}", "must be a UUID"},
		{"{\"time\":\"yesterday\"}", "must be an RFC 3339 time, as 2026-01-15T12:00:00Z"},
		{"{\"time\":0}", "must be an RFC 3339 time, as 2026-01-15T12:00:00Z"},
		{"{\"strings\":[]}", "fewer than 1 entries"},
		{"{\"strings\":[\"a\",\"b\",\"c\"]}", "more than 2 entries"},
		{"{\"strings\":[1]}", "must be a list of strings"},
		{"{\"strings\":\"a\"}", "must be a list of strings"},
		{"{\"colours\":[\"red\",\"blue\"]}", "must be one of red, green"},
		{"{\"object\":[]}", "must be an object"},
		{"{\"array\":{}}", "must be a list"},
		{"{\"array\":[1,2]}", "more than 1 entries"},
		{"{\"word\":\"blue\"}", "must be one of red, green"},
		{"{\"word\":1}", "must be one of red, green"},
		{"{\"url\":\"ftp://a\"}",
		 "must be an http or https URL without credentials or fragment"},
		{"{\"url\":\"http://u:p@a.b\"}",
		 "must be an http or https URL without credentials or fragment"},
		{"{\"url\":\"http://a.example/0123456789abcdef\"}", "longer than 30 bytes"},
		{"[]", "must be an object"},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct arena *a = arena_new(0);
		struct target t = {.integer = 99};
		struct json_errors e;

		json_errors_init(&e, a);
		assert_false(json_check(parse(a, cases[i].text), rules, GH_COUNT(rules), "", &t,
					NULL, &e));
		if (e.count != 1 || !slice_eq(e.v[0].text, slice_of(cases[i].error)))
			fail_msg("%s: %.*s", cases[i].text, S_FMT(e.v[0].text));
		assert_int_equal(t.integer, 99);
		arena_free(a);
	}
}

static void
test_errors(void **state)
{
	static const struct json_rule inner[] = {
		{"a", JSON_RULE_STRING, JSON_RULE_REQUIRED, AT(string)},
		{"b", JSON_RULE_INT, JSON_RULE_REQUIRED, AT(integer)},
		{"c", JSON_RULE_BOOL, JSON_RULE_REQUIRED, AT(flag)},
	};
	struct arena *a = arena_new(0);
	struct json_errors e;
	struct target t;
	struct json_w w;
	struct buf b;

	(void)state;
	json_errors_init(&e, a);
	buf_init(&b, a, 65536);
	json_w_init(&w, &b);
	json_errors_write(&e, &w, NULL);
	assert_string_equal(buf_cstr(&b), "{}");

	assert_false(json_check(parse(a, "{\"b\":\"x\",\"c\":null}"), inner, 3, "items[1]", &t,
				NULL, &e));
	assert_false(json_check(parse(a, "7"), inner, 3, "items[2]", &t, NULL, &e));
	json_errors_add(&e, S("items[1].a"), "second opinion");
	json_errors_add(&e, S("other"), "is wrong");
	assert_int_equal(e.count, 5);
	buf_reset(&b);
	json_w_init(&w, &b);
	json_errors_write(&e, &w, NULL);
	assert_string_equal(buf_cstr(&b),
			    "{\"items[1].a\":\"is required\",\"items[1].b\":\"must be an integer\","
			    "\"items[1].c\":\"is required\",\"items[2]\":\"must be an object\","
			    "\"other\":\"is wrong\"}");

	for (unsigned i = 0; i < 2 * JSON_ERRORS_MAX; i++)
		json_errors_add(&e, slice_of(arena_printf(a, "f%u", i)), "x");
	assert_int_equal(e.kept, JSON_ERRORS_MAX);
	assert_int_equal(e.count, 5 + 2 * JSON_ERRORS_MAX);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
