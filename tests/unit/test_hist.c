/* test_hist.c - the benchmarks' histogram: exact below 128 us, never low and at most 0.8 %
 * high above, ends of the range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/bench/hist.c"

#include "base/mem.h"

static int
setup(void **state)
{
	*state = gh_alloc(sizeof(struct hist));
	return 0;
}

static int
teardown(void **state)
{
	gh_free(*state);
	return 0;
}

static void
test_empty(void **state)
{
	assert_int_equal(hist_quantile_us(*state, 500), 0);
	assert_int_equal(hist_quantile_us(*state, 1000), 0);
}

static void
test_small_values_are_exact(void **state)
{
	struct hist *h = *state;

	for (int64_t us = 1; us <= 100; us++)
		hist_add(h, us);
	assert_int_equal(h->count, 100);
	assert_int_equal(hist_quantile_us(h, 1), 1);
	assert_int_equal(hist_quantile_us(h, 500), 50);
	assert_int_equal(hist_quantile_us(h, 501), 51);
	assert_int_equal(hist_quantile_us(h, 990), 99);
	assert_int_equal(hist_quantile_us(h, 1000), 100);
}

/* Each slot begins right behind the one before it: no value is lost, none counted twice. */
static void
test_slots_are_seamless(void **state)
{
	(void)state;
	for (unsigned slot = 0; slot + 1 < HIST_SLOTS; slot++) {
		assert_int_equal(slot_of(slot_top(slot)), slot);
		assert_int_equal(slot_of(slot_top(slot) + 1), slot + 1);
	}
	assert_true(slot_top(HIST_SLOTS - 1) == (UINT64_C(1) << HIST_TOP_BITS) - 1);
}

static void
test_error_is_bounded(void **state)
{
	(void)state;
	for (uint64_t us = 1; us < UINT64_C(1) << HIST_TOP_BITS; us += us / 3 + 1) {
		uint64_t top = slot_top(slot_of(us));

		assert_true(top >= us);
		assert_true((top - us) * 128 <= us);
	}
}

static void
test_ends_of_the_range(void **state)
{
	struct hist *h = *state;

	hist_add(h, -5);
	assert_int_equal(hist_quantile_us(h, 1000), 0);
	hist_add(h, INT64_MAX);
	assert_true(hist_quantile_us(h, 1000) == (INT64_C(1) << HIST_TOP_BITS) - 1);
	assert_int_equal(hist_quantile_us(h, 500), 0);
}

/* A quantile is never beyond the largest value seen, though its slot may reach further. */
static void
test_max_cuts_the_quantile(void **state)
{
	struct hist *h = *state;

	hist_add(h, 100000);
	assert_int_equal(hist_quantile_us(h, 500), 100000);
	assert_int_equal(h->max_us, 100000);
}

int
main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_empty),
		CASE(test_small_values_are_exact),
		CASE(test_slots_are_seamless),
		CASE(test_error_is_bounded),
		CASE(test_ends_of_the_range),
		CASE(test_max_cuts_the_quantile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
