/* test_random.c - filling, bounds and spread. */
#include "base/random.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
fills_every_byte(void **state)
{
	static const size_t sizes[] = {1, 7, 8, 16, 100, 128, 129, 513, 5000};
	uint8_t seen[5001], got[5001];

	(void)state;
	for (size_t i = 0; i < GH_COUNT(sizes); i++) {
		memset(seen, 0, sizeof(seen));
		/* A byte stays 0 in 20 draws with a chance of 2^-160. */
		for (unsigned draw = 0; draw < 20; draw++) {
			memset(got, 0, sizeof(got));
			random_bytes(got, sizes[i]);
			for (size_t k = 0; k < sizeof(got); k++)
				seen[k] |= got[k];
		}
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_not_equal(seen[k], 0);
		assert_int_equal(seen[sizes[i]], 0);
	}
	random_bytes(got, 0);
}

static void
does_not_repeat(void **state)
{
	uint64_t last = 0, v;

	(void)state;
	for (unsigned i = 0; i < 1000; i++, last = v) {
		random_bytes(&v, sizeof(v));
		assert_true(v != last);
	}
}

static void
stays_below(void **state)
{
	unsigned seen[6] = {0};

	(void)state;
	for (unsigned i = 0; i < 6000; i++)
		seen[random_below(6)]++;
	for (unsigned i = 0; i < 6; i++)
		assert_in_range(seen[i], 700, 1300); /* ten standard deviations */
	assert_int_equal(random_below(1), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_true(random_below((UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

static void
jitters_within_percent(void **state)
{
	int64_t low = INT64_MAX, high = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		int64_t v = random_jitter(1000, 20);

		low = v < low ? v : low;
		high = v > high ? v : high;
	}
	assert_in_range(low, 800, 810);
	assert_in_range(high, 1190, 1200);
	assert_int_equal(random_jitter(1000, 0), 1000);
	assert_int_equal(random_jitter(0, 50), 0);
	assert_int_equal(random_jitter(-5, 50), -5);
	assert_in_range(random_jitter(1000, 500), 0, 2000);
	for (unsigned i = 0; i < 100; i++)
		assert_true(random_jitter(INT64_MAX, 100) >= 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_every_byte),
		cmocka_unit_test(does_not_repeat),
		cmocka_unit_test(stays_below),
		cmocka_unit_test(jitters_within_percent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
