/* test_retry_after.c - seconds, three forms of a date, and what is neither. */
#include "http/retry_after.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_US     (INT64_C(784111777) * CLOCK_SEC) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define MAX_US     SECONDS(86400)
#define SECONDS(n) ((n)*CLOCK_SEC)

static void
reads_retry_after(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} cases[] = {
		{"0", 0},
		{"120", SECONDS(120)},
		{"86401", SECONDS(86400)},
		{"99999999999999999999999", SECONDS(86400)},
		{"Sun, 06 Nov 1994 08:50:37 GMT", SECONDS(60)},
		{"Sunday, 06-Nov-94 08:50:37 GMT", SECONDS(0)}, /* as 2094: the last century */
		{"Sun Nov  6 08:50:37 1994", SECONDS(60)},
		{"Sun, 06 Nov 1994 08:49:37 GMT", 0},
		{"Sun, 06 Nov 1994 08:49:36 GMT", 0},
		{"Mon, 06 Nov 2034 08:49:37 GMT", SECONDS(86400)},
		{"", -1},
		{"-5", -1},
		{"1.5", -1},
		{"soon", -1},
		{"Sun, 06 Nov 1994 08:50:37 CET", -1},
		{"Sun, 31 Feb 1994 08:50:37 GMT", -1},
		{"Sun, 06 Nox 1994 08:50:37 GMT", -1},
		{"Sun, 06 Nov 1994 25:50:37 GMT", -1},
		{"Sun, 06 Nov 1994 08:50:37 GMT and more words", -1},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		int64_t us = http_retry_after_us(slice_of(cases[i].text), NOW_US, MAX_US);

		if (us != cases[i].us)
			fail_msg("'%s': %lld", cases[i].text, (long long)us);
	}
	assert_int_equal(http_retry_after_us(SLICE_NONE, NOW_US, MAX_US), -1);
	/* 2020: a date of two digits near now. */
	assert_int_equal(http_retry_after_us(S("Wednesday, 01-Jan-20 00:01:00 GMT"),
					     INT64_C(1577836800) * CLOCK_SEC, MAX_US),
			 SECONDS(60));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
