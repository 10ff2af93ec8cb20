/* test_eventd_breaker.c - when an endpoint is left alone and when it is tried again. */
#include "eventd/breaker.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SEC CLOCK_SEC
#define MAX 16

static void
fail_times(struct breaker *b, int64_t now_us, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_false(breaker_count(b, now_us, false, 0));
}

static void
opens_after_ten_in_a_row(void **state)
{
	struct breaker b = {0};

	(void)state;
	fail_times(&b, 0, 6);
	for (unsigned i = 0; i < 10; i++)
		assert_false(breaker_count(&b, 0, true, 0));
	fail_times(&b, 0, 9);
	assert_int_equal(breaker_limit(&b, 0, MAX), MAX);
	assert_true(breaker_count(&b, SEC, false, 0));
	assert_int_equal(breaker_limit(&b, SEC, MAX), 0);
	assert_int_equal(breaker_wait_us(&b, SEC), 30 * SEC);
	assert_false(breaker_is_clean(&b));
	/* Posts that were under way change nothing. */
	assert_false(breaker_count(&b, 2 * SEC, false, 0));
	assert_false(breaker_count(&b, 2 * SEC, true, 0));
	assert_int_equal(breaker_wait_us(&b, 2 * SEC), 29 * SEC);
}

static void
opens_at_seventy_per_cent(void **state)
{
	struct breaker b = {0};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_false(breaker_count(&b, 0, true, 0));
	fail_times(&b, 0, 6);
	assert_true(breaker_count(&b, 0, false, 0)); /* 7 of 10 */

	b = (struct breaker){0};
	for (unsigned i = 0; i < 3; i++)
		assert_false(breaker_count(&b, 0, true, 0));
	fail_times(&b, 0, 6);
	/* Five minutes later the old ones count no more. */
	assert_false(breaker_count(&b, 300 * SEC, false, 0));
}

static void
probes_one_and_doubles_the_pause(void **state)
{
	static const int64_t pauses_s[] = {60, 120, 240, 480, 600, 600};
	struct breaker b = {0};
	int64_t now_us = 0;

	(void)state;
	fail_times(&b, now_us, 9);
	assert_true(breaker_count(&b, now_us, false, 0));
	for (size_t i = 0; i < GH_COUNT(pauses_s); i++) {
		now_us += breaker_wait_us(&b, now_us);
		assert_int_equal(breaker_limit(&b, now_us, MAX), 1);
		assert_int_equal(breaker_wait_us(&b, now_us), 0);
		assert_true(breaker_count(&b, now_us, false, 0));
		assert_int_equal(breaker_wait_us(&b, now_us), pauses_s[i] * SEC);
	}
	now_us += breaker_wait_us(&b, now_us);
	assert_false(breaker_count(&b, now_us, true, 0));
	assert_int_equal(breaker_limit(&b, now_us, MAX), MAX);
	assert_true(breaker_is_clean(&b));
}

static void
gives_quiet_when_asked(void **state)
{
	struct breaker b = {0};

	(void)state;
	assert_true(breaker_count(&b, 0, false, 60 * SEC));
	assert_int_equal(breaker_limit(&b, 59 * SEC, MAX), 0);
	assert_int_equal(breaker_limit(&b, 60 * SEC, MAX), 1);
	/* Another post under way asks for more: longer; for less: no change. */
	assert_true(breaker_count(&b, SEC, false, 120 * SEC));
	assert_false(breaker_count(&b, SEC, false, 10 * SEC));
	assert_int_equal(breaker_wait_us(&b, SEC), 120 * SEC);
	/* A day is not slept through: one post asks again after ten minutes. */
	b = (struct breaker){0};
	assert_true(breaker_count(&b, 0, false, 86400 * SEC));
	assert_int_equal(breaker_wait_us(&b, 0), 600 * SEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_after_ten_in_a_row),
		cmocka_unit_test(opens_at_seventy_per_cent),
		cmocka_unit_test(probes_one_and_doubles_the_pause),
		cmocka_unit_test(gives_quiet_when_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
