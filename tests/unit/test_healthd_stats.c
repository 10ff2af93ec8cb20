/* test_healthd_stats.c - where slices of time end. */
#include "healthd/stats.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HOUR_AT (INT64_C(491000) * STATS_HOUR_US) /* some full hour */

/* What runs do besides is tried in tests/integration/test_stats.py. */
void
step_submit(struct healthd *h GH_UNUSED, struct task *t GH_UNUSED, struct db_unit *u GH_UNUSED,
	    step_fn *fn GH_UNUSED, void *arg GH_UNUSED)
{
	fail();
}

void
task_done(struct task *t GH_UNUSED, bool is_ok GH_UNUSED)
{
	fail();
}

bool
task_should_end(const struct task *t GH_UNUSED)
{
	return false;
}

static void
ends_slices(void **state)
{
	static const struct {
		int64_t from_us, end_us, to_us;
	} cases[] = {
		{0, 10 * SLICE_US, SLICE_US},                          /* a whole one */
		{0, SLICE_US - 1, SLICE_US - 1},                       /* the last of a run */
		{STATS_HOUR_US - 1, 2 * STATS_HOUR_US, STATS_HOUR_US}, /* none lies in two hours */
		{STATS_HOUR_US - SLICE_US, 2 * STATS_HOUR_US, STATS_HOUR_US},
		{STATS_HOUR_US - SLICE_US + 1, 2 * STATS_HOUR_US, STATS_HOUR_US},
		{STATS_HOUR_US, 2 * STATS_HOUR_US, STATS_HOUR_US + SLICE_US}, /* from a full hour */
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++)
		assert_int_equal(slice_end(HOUR_AT + cases[i].from_us, HOUR_AT + cases[i].end_us),
				 HOUR_AT + cases[i].to_us);
}

/* However a run begins and ends, its slices follow each other without a gap up to its end, each
 * within an hour: what stats_fold_add insists on. */
static void
covers_a_run(void **state)
{
	int64_t end_us = HOUR_AT + 3 * STATS_HOUR_US / 2 + 7;
	unsigned count = 0;

	(void)state;
	for (int64_t at_us = HOUR_AT - 123456; at_us < end_us; count++) {
		int64_t to_us = slice_end(at_us, end_us);

		assert_true(to_us > at_us && to_us <= end_us && to_us - at_us <= SLICE_US);
		assert_int_equal(at_us / STATS_HOUR_US, (to_us - 1) / STATS_HOUR_US);
		at_us = to_us;
	}
	assert_int_equal(count, 1 + 90 + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_slices),
		cmocka_unit_test(covers_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
