/* test_cadence.c - batches spaced under load and not at all without. Frozen clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop/cadence.h"
#include "loop/loop.h"

#define GAP_US (5 * CLOCK_MS)

static struct {
	struct loop *loop;
	struct loop_task *task;
	struct cadence *cadence;
	unsigned woken;
} t;

static int64_t mono_us;

static void
tick(int64_t us)
{
	mono_us += us;
	clock_freeze(INT64_C(1768478400000000), mono_us);
}

static void
woken(void *arg)
{
	(void)arg;
	t.woken++;
}

static int
setup(void **state)
{
	(void)state;
	tick(CLOCK_SEC);
	t.woken = 0;
	t.loop = loop_new();
	t.task = loop_task_new(t.loop, LOOP_PHASE_COMMIT, woken, NULL);
	t.cadence = cadence_new(t.loop, GAP_US, t.task);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	cadence_free(t.cadence);
	loop_task_free(t.task);
	loop_free(t.loop);
	clock_thaw();
	return 0;
}

/* Starts that are allowed one after the other, now. */
static unsigned
starts(void)
{
	unsigned n = 0;

	for (; n < 100 && cadence_allows(t.cadence); n++)
		cadence_started(t.cadence);
	return n;
}

static void
test_burst_then_gaps(void **state)
{
	(void)state;
	assert_int_equal(starts(), CADENCE_BURST);
	tick(GAP_US - 1);
	assert_int_equal(starts(), 0);
	tick(1);
	assert_int_equal(starts(), 1);
	tick(2 * GAP_US);
	assert_int_equal(starts(), 2);
}

static void
test_idle_saves_one_burst(void **state)
{
	(void)state;
	assert_int_equal(starts(), CADENCE_BURST);
	tick(1000 * GAP_US);
	assert_int_equal(starts(), CADENCE_BURST);
}

static void
test_refusal_wakes(void **state)
{
	(void)state;
	assert_int_equal(starts(), CADENCE_BURST);
	clock_thaw(); /* the loop's timers are real; any wait is long enough */
	for (unsigned i = 0; i < 100 && t.woken == 0; i++)
		loop_run_once(t.loop, 20 * CLOCK_MS);
	assert_int_equal(t.woken, 1);
}

/* Starts that did not ask cost the next ones no more than a burst does. */
static void
test_full_batches_leave_no_debt(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++)
		cadence_started(t.cadence);
	assert_int_equal(starts(), 0);
	tick(GAP_US);
	assert_int_equal(starts(), 1);
}

static void
test_no_gap_never_refuses(void **state)
{
	struct cadence *c = cadence_new(t.loop, 0, t.task);

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		assert_true(cadence_allows(c));
		cadence_started(c);
	}
	cadence_free(c);
}

/* From one start to the next, once the burst is spent: under the old gap and under this one. */
static int64_t
gap_now(void)
{
	int64_t from_us = 0;

	(void)starts();
	for (unsigned i = 0; i < 3; i++) {
		from_us = mono_us;
		while (starts() == 0)
			tick(CLOCK_MS / 4);
	}
	return mono_us - from_us;
}

static void
batches_take(int64_t us, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		cadence_took(t.cadence, us, 4);
}

/* The share of the time: a quarter, so the gap is four times what a batch takes. */
static void
test_slow_batches_are_rarer(void **state)
{
	(void)state;
	assert_int_equal(gap_now(), GAP_US);
	batches_take(2500, 100);
	assert_in_range(gap_now(), 2 * GAP_US - CLOCK_MS / 2, 2 * GAP_US);
	batches_take(CLOCK_MS, 100);
	assert_int_equal(gap_now(), GAP_US);
}

/* One outage is not remembered as load, and no load makes anybody wait for longer than this. */
static void
test_the_longest_gap(void **state)
{
	(void)state;
	batches_take(10 * CLOCK_SEC, 100);
	assert_in_range(gap_now(), CADENCE_STRETCH * GAP_US - CLOCK_MS / 2,
			CADENCE_STRETCH * GAP_US);
	batches_take(CLOCK_MS, 100);
	batches_take(10 * CLOCK_SEC, 1);
	assert_in_range(gap_now(), GAP_US, 3 * GAP_US / 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(burst_then_gaps),      TEST(idle_saves_one_burst),
		TEST(refusal_wakes),        TEST(full_batches_leave_no_debt),
		TEST(no_gap_never_refuses), TEST(slow_batches_are_rarer),
		TEST(the_longest_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
