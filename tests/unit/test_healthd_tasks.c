/* test_healthd_tasks.c - the scheduler of healthd: leadership, intervals, back-off, drain; and the
 * fan of calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "healthd/fan.c"
#include "healthd/tasks.c"

#define SHORT_US (2 * CLOCK_MS)

struct probe {
	struct loop *loop;
	struct tasks *tasks;
	struct task *running; /* started and not ended by the test */
	unsigned starts, ends, failures, losses, idles;
	bool ends_at_once;
	bool is_ok;
};

static void
probe_run(void *arg, struct task *t)
{
	struct probe *p = arg;

	assert_null(p->running); /* a task never overlaps itself */
	p->starts++;
	if (p->ends_at_once)
		task_done(t, p->is_ok);
	else
		p->running = t;
}

static void
probe_end(struct probe *p, bool is_ok)
{
	struct task *t = p->running;

	assert_non_null(t);
	p->running = NULL;
	task_done(t, is_ok);
}

static void
probe_ended(void *arg, unsigned key, bool is_ok, int64_t duration_us)
{
	struct probe *p = arg;

	assert_int_equal(key, 7);
	assert_true(duration_us >= 0);
	p->ends++;
	p->failures += !is_ok;
}

static void
probe_lost(void *arg)
{
	((struct probe *)arg)->losses++;
}

static void
probe_idle(void *arg)
{
	((struct probe *)arg)->idles++;
}

static int
setup(void **state)
{
	struct probe *p = gh_alloc(sizeof(*p));

	p->loop = loop_new();
	p->is_ok = true;
	p->tasks = tasks_new(p->loop, probe_ended, p);
	tasks_add(p->tasks, &(struct task_def){7, "probe", SHORT_US, probe_run, probe_lost, p});
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct probe *p = *state;

	tasks_free(p->tasks);
	loop_free(p->loop);
	gh_free(p);
	return 0;
}

/* Let what is due within `passes` intervals happen. */
static void
turn(struct probe *p, unsigned passes)
{
	int64_t until_us = clock_mono_us() + passes * SHORT_US;

	do
		loop_run_once(p->loop, SHORT_US);
	while (clock_mono_us() < until_us);
}

static void
test_delay(void **state)
{
	static const struct {
		int64_t interval_us;
		unsigned failures;
		int64_t want_us;
	} cases[] = {
		{3600 * CLOCK_SEC, 0, 3600 * CLOCK_SEC},
		{3600 * CLOCK_SEC, 1, CLOCK_SEC},
		{3600 * CLOCK_SEC, 2, 2 * CLOCK_SEC},
		{3600 * CLOCK_SEC, 5, 16 * CLOCK_SEC},
		{3600 * CLOCK_SEC, 12, 2048 * CLOCK_SEC},
		{3600 * CLOCK_SEC, 13, 3600 * CLOCK_SEC},
		{3600 * CLOCK_SEC, UINT32_MAX, 3600 * CLOCK_SEC},
		{15 * CLOCK_SEC, 4, 8 * CLOCK_SEC},
		{15 * CLOCK_SEC, 5, 15 * CLOCK_SEC},
		{500 * CLOCK_MS, 1, 500 * CLOCK_MS}, /* never longer than without a failure */
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++)
		assert_int_equal(task_delay_us(cases[i].interval_us, cases[i].failures),
				 cases[i].want_us);
}

static void
test_runs_only_as_leader(void **state)
{
	struct probe *p = *state;

	p->ends_at_once = true;
	turn(p, 3);
	assert_int_equal(p->starts, 0);
	assert_false(tasks_is_leader(p->tasks, 7));
	tasks_lead(p->tasks, 7, true);
	assert_int_equal(p->starts, 0); /* from the loop, not from inside */
	turn(p, 1);
	assert_true(p->starts >= 1);
	turn(p, 10);
	assert_true(p->starts >= 3);
	assert_int_equal(p->starts, p->ends);
}

static void
test_never_overlaps(void **state)
{
	struct probe *p = *state;

	tasks_lead(p->tasks, 7, true);
	turn(p, 5);
	assert_int_equal(p->starts, 1);
	/* Lost and gained again while the run is under way: still the one run. */
	tasks_lead(p->tasks, 7, false);
	assert_int_equal(p->losses, 1);
	assert_true(task_should_end(p->running));
	tasks_lead(p->tasks, 7, true);
	assert_false(task_should_end(p->running));
	turn(p, 5);
	assert_int_equal(p->starts, 1);
	probe_end(p, true);
	turn(p, 5);
	assert_int_equal(p->starts, 2);
}

static void
test_lost_leader_runs_no_more(void **state)
{
	struct probe *p = *state;

	tasks_lead(p->tasks, 7, true);
	turn(p, 2);
	tasks_lead(p->tasks, 7, false);
	tasks_lead(p->tasks, 7, false);
	assert_int_equal(p->losses, 1);
	probe_end(p, true);
	turn(p, 5);
	assert_int_equal(p->starts, 1);
}

static void
test_failure_is_counted_and_forgotten(void **state)
{
	struct probe *p = *state;

	p->ends_at_once = true;
	p->is_ok = false;
	tasks_lead(p->tasks, 7, true);
	turn(p, 10);
	/* The interval is shorter than the first back-off: it stays the interval. */
	assert_true(p->failures >= 2);
	assert_true(tasks_find(p->tasks, 7)->failures >= 2);
	p->is_ok = true;
	turn(p, 5);
	assert_int_equal(tasks_find(p->tasks, 7)->failures, 0);
}

static void
test_drain_waits_for_the_run(void **state)
{
	struct probe *p = *state;

	tasks_lead(p->tasks, 7, true);
	turn(p, 2);
	tasks_drain(p->tasks, probe_idle, p);
	assert_int_equal(p->idles, 0);
	assert_true(task_should_end(p->running));
	probe_end(p, true);
	assert_int_equal(p->idles, 1);
	turn(p, 5);
	assert_int_equal(p->starts, 1);
	assert_int_equal(p->idles, 1);
}

static void
test_drain_when_idle(void **state)
{
	struct probe *p = *state;

	tasks_drain(p->tasks, probe_idle, p);
	assert_int_equal(p->idles, 1);
	tasks_lead(p->tasks, 7, true);
	turn(p, 3);
	assert_int_equal(p->starts, 0);
}

/* ---- fan ---- */

struct fan_probe {
	struct fan fan;
	unsigned starts, ends;
	unsigned sync; /* every sync-th thing ends inside its start; 0: none */
};

static void
fan_probe_start(void *arg, unsigned i)
{
	struct fan_probe *p = arg;

	assert_int_equal(i, p->starts);
	p->starts++;
	assert_true(p->fan.running <= p->fan.limit);
	if (p->sync > 0 && i % p->sync == 0)
		fan_done(&p->fan);
}

static void
fan_probe_end(void *arg)
{
	((struct fan_probe *)arg)->ends++;
}

static void
test_fan(void **state)
{
	static const struct {
		unsigned count, limit, sync;
	} cases[] = {{0, 4, 0}, {1, 4, 0}, {10, 4, 0}, {10, 4, 1}, {10, 1, 2}, {10, 16, 3}};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct fan_probe p = {.sync = cases[i].sync};

		p.fan = (struct fan){.count = cases[i].count,
				     .limit = cases[i].limit,
				     .start = fan_probe_start,
				     .end = fan_probe_end,
				     .arg = &p};
		fan_run(&p.fan);
		while (p.fan.running > 0) {
			assert_int_equal(p.ends, 0);
			fan_done(&p.fan);
		}
		assert_int_equal(p.starts, cases[i].count);
		assert_int_equal(p.ends, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delay),
		cmocka_unit_test_setup_teardown(test_runs_only_as_leader, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_overlaps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_leader_runs_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failure_is_counted_and_forgotten, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_drain_waits_for_the_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain_when_idle, setup, teardown),
		cmocka_unit_test(test_fan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
