/* test_clock.c - frozen clocks, RFC 3339 text in both directions. */
#include "base/clock.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
freezes_and_thaws(void **state)
{
	int64_t mono_us;

	(void)state;
	clock_freeze(5, 7);
	assert_int_equal(clock_wall_us(), 5);
	assert_int_equal(clock_mono_us(), 7);
	clock_thaw();
	mono_us = clock_mono_us();
	assert_true(mono_us > 7);
	assert_true(clock_mono_us() >= mono_us);
	assert_true(clock_wall_us() > 1700000000 * CLOCK_SEC);
}

static void
formats(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{1645557742000 * 1000, "2022-02-22T19:22:22.000Z"},
		{1709209799999999, "2024-02-29T12:29:59.999Z"},
		{951782400 * CLOCK_SEC, "2000-02-29T00:00:00.000Z"},
		{4107542400 * CLOCK_SEC, "2100-03-01T00:00:00.000Z"},
		{INT64_MAX, "9999-12-31T23:59:59.999Z"},
		{INT64_MIN, "0000-01-01T00:00:00.000Z"},
	};
	char text[CLOCK_RFC3339_SIZE];

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++)
		assert_string_equal(clock_rfc3339(cases[i].us, text), cases[i].text);
}

static void
agrees_with_the_c_library(void **state)
{
	char ours[CLOCK_RFC3339_SIZE], theirs[64];

	(void)state;
	/* 200 years in steps of a prime number of seconds near three days. */
	for (int64_t s = -3155673600; s < 3155673600; s += 259201) {
		time_t t = (time_t)s;
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
		assert_string_equal(clock_rfc3339(s * CLOCK_SEC, ours), theirs);
	}
}

static void
parses(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1969-12-31T23:59:59.999999Z", -1},
		{"2022-02-22T19:22:22Z", 1645557742 * CLOCK_SEC},
		{"2022-02-22t19:22:22.5z", 1645557742 * CLOCK_SEC + 500000},
		{"2022-02-22 16:22:22-03:00", 1645557742 * CLOCK_SEC},
		{"2022-02-22T22:22:22+0300", 1645557742 * CLOCK_SEC},
		{"2022-02-22T22:22:22+03", 1645557742 * CLOCK_SEC},
		{"2022-02-23T00:52:22+05:30", 1645557742 * CLOCK_SEC},
		{"2022-02-22T19:22:22.123456789Z", 1645557742 * CLOCK_SEC + 123456},
		{"2016-12-31T23:59:60Z", 1483228800 * CLOCK_SEC},
		{"0000-01-01T00:00:00Z", YEAR_0000_US},
		{"9999-12-31T23:59:59.999999Z", YEAR_9999_US},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		int64_t us = 0;

		if (clock_parse_rfc3339(slice_of(cases[i].text), &us) != GH_OK || us != cases[i].us)
			fail_msg("\"%s\" gives %lld", cases[i].text, (long long)us);
	}
}

static void
refuses(void **state)
{
	static const char *const cases[] = {
		"",
		"2022",
		"2022-02-22",
		"2022-02-22T19:22:22",
		"2022-02-22T19:22Z",
		"2022-02-22T19:22:22.Z",
		"2022-02-22T19:22:22.1234567890Z",
		"2022-02-22T19:22:22Zx",
		"2022-02-22T19:22:22+",
		"2022-02-22T19:22:22+3",
		"2022-02-22T19:22:22+03:",
		"2022-02-22T19:22:22+24:00",
		"2022-02-22T19:22:22+03:60",
		"2022-02-22T24:00:00Z",
		"2022-02-22T19:60:22Z",
		"2022-02-22T19:22:61Z",
		"2022-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2022-04-31T00:00:00Z",
		"2022-00-01T00:00:00Z",
		"2022-13-01T00:00:00Z",
		"2022-01-00T00:00:00Z",
		"2022-1-01T00:00:00Z",
		"+022-01-01T00:00:00Z",
		"2022-02-22_19:22:22Z",
		" 2022-02-22T19:22:22Z",
	};
	int64_t us = 5;

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		if (clock_parse_rfc3339(slice_of(cases[i]), &us) != GH_EINVAL || us != 5)
			fail_msg("\"%s\" was accepted", cases[i]);
	}
	assert_int_equal(clock_parse_rfc3339(S("2022-02-22\00019:22:22Z"), &us), GH_EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(freezes_and_thaws),
		cmocka_unit_test(formats),
		cmocka_unit_test(agrees_with_the_c_library),
		cmocka_unit_test(parses),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
