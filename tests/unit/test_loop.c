/* test_loop.c - order of a pass, timers, descriptors, worker, health. */
#include "loop/loop.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TRACE_MAX 128

struct fixture {
	struct loop *l;
	char trace[TRACE_MAX]; /* one letter per callback */
	size_t n;
	struct loop_task *tasks[4];
	struct loop_io *io, *other_io;
	struct loop_timer *timer;
	int fds[2];
};

static struct fixture fix;

static void
note(char c)
{
	if (fix.n < TRACE_MAX - 1)
		fix.trace[fix.n++] = c;
	fix.trace[fix.n] = '\0';
}

static void
note_arg(void *arg)
{
	note(*(const char *)arg);
}

static int
setup(void **state)
{
	(void)state;
	memset(&fix, 0, sizeof(fix));
	fix.l = loop_new();
	assert_int_equal(pipe(fix.fds), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	loop_free(fix.l);
	close(fix.fds[0]);
	close(fix.fds[1]);
	return 0;
}

static void
phases_run_in_order_once(void **state)
{
	static const char names[] = "capl";
	struct loop_task *t[LOOP_PHASE_COUNT];

	(void)state;
	for (int i = LOOP_PHASE_COUNT - 1; i >= 0; i--) {
		t[i] = loop_task_new(fix.l, (enum loop_phase)i, note_arg,
				     (void *)(uintptr_t)&names[i]);
		loop_task_mark(t[i]);
		loop_task_mark(t[i]);
	}
	loop_run_once(fix.l, 0);
	assert_string_equal(fix.trace, "capl");
	loop_run_once(fix.l, 0);
	assert_string_equal(fix.trace, "capl");
	loop_task_mark(t[1]);
	for (int i = 0; i < LOOP_PHASE_COUNT; i++)
		loop_task_free(t[i]);
	loop_run_once(fix.l, 0);
	assert_string_equal(fix.trace, "capl");
}

static void
mark_again(void *arg)
{
	note('x');
	loop_task_mark(arg == NULL ? fix.tasks[0] : arg);
}

static void
rounds_of_a_pass_are_bounded(void **state)
{
	(void)state;
	fix.tasks[0] = loop_task_new(fix.l, LOOP_PHASE_COMMIT, mark_again, NULL);
	loop_task_mark(fix.tasks[0]);
	loop_run_once(fix.l, 0);
	assert_int_equal(fix.n, LOOP_ROUNDS_MAX);
	loop_run_once(fix.l, 10 * CLOCK_SEC); /* must not wait */
	assert_int_equal(fix.n, 2 * LOOP_ROUNDS_MAX);
	loop_task_free(fix.tasks[0]);
}

static void
free_both(void *arg)
{
	(void)arg;
	note('f');
	loop_task_free(fix.tasks[0]);
	loop_task_free(fix.tasks[1]);
}

static void
task_may_free_itself_and_others(void **state)
{
	(void)state;
	fix.tasks[0] = loop_task_new(fix.l, LOOP_PHASE_ANSWER, free_both, NULL);
	fix.tasks[1] = loop_task_new(fix.l, LOOP_PHASE_ANSWER, mark_again, NULL);
	loop_task_mark(fix.tasks[0]);
	loop_task_mark(fix.tasks[1]);
	loop_run_once(fix.l, 0);
	assert_string_equal(fix.trace, "f");
}

static void
defer_another(void *arg)
{
	note(*(const char *)arg);
	loop_defer_free(fix.l, (void *)(uintptr_t) "2", note_arg);
}

static void
defer_in_task(void *arg)
{
	note('t');
	loop_defer_free(fix.l, arg, defer_another);
}

static void
deferred_frees_follow_the_phases(void **state)
{
	struct loop_task *a, *b;

	(void)state;
	a = loop_task_new(fix.l, LOOP_PHASE_COMMIT, defer_in_task, (void *)(uintptr_t) "1");
	b = loop_task_new(fix.l, LOOP_PHASE_COLLECT, note_arg, (void *)(uintptr_t) "l");
	loop_task_mark(a);
	loop_task_mark(b);
	loop_run_once(fix.l, 0);
	assert_string_equal(fix.trace, "tl12");
	loop_task_free(a);
	loop_task_free(b);
	loop_defer_free(fix.l, (void *)(uintptr_t) "e", note_arg); /* run by loop_free: no leak */
}

static void
free_timer(void *arg)
{
	(void)arg;
	note('t');
	loop_timer_free(fix.timer);
	fix.timer = NULL;
}

static void
timers_fire_once_and_not_early(void **state)
{
	struct loop_timer *t = loop_timer_new(fix.l, note_arg, (void *)(uintptr_t) "a");
	int64_t start = clock_mono_us();

	(void)state;
	loop_timer_set(t, 20 * CLOCK_MS);
	assert_true(loop_timer_is_set(t));
	while (fix.n == 0)
		loop_run_once(fix.l, CLOCK_SEC);
	assert_true(clock_mono_us() - start >= 20 * CLOCK_MS);
	assert_false(loop_timer_is_set(t));
	loop_timer_set(t, 0);
	loop_timer_cancel(t);
	loop_run_once(fix.l, 2 * CLOCK_MS);
	assert_string_equal(fix.trace, "a");
	loop_timer_set(t, -5);
	loop_run_once(fix.l, CLOCK_SEC);
	assert_string_equal(fix.trace, "aa");
	loop_timer_free(t);
	fix.timer = loop_timer_new(fix.l, free_timer, NULL);
	loop_timer_set(fix.timer, 0);
	loop_run_once(fix.l, CLOCK_SEC);
	assert_string_equal(fix.trace, "aat");
	loop_timer_free(fix.timer);
}

static void
io_note(void *arg, unsigned ready)
{
	(void)arg;
	note((ready & LOOP_READ) != 0 ? 'r' : 'w');
}

static void
io_free_all(void *arg, unsigned ready)
{
	(void)arg;
	(void)ready;
	note('f');
	loop_io_free(fix.io);
	loop_io_free(fix.other_io);
}

static void
descriptors_report_what_is_watched(void **state)
{
	(void)state;
	fix.io = loop_io_new(fix.l, fix.fds[0], io_note, NULL);
	assert_int_equal(write(fix.fds[1], "x", 1), 1);
	loop_run_once(fix.l, 0);
	assert_string_equal(fix.trace, "");
	loop_io_set(fix.io, LOOP_READ);
	loop_run_once(fix.l, 0);
	loop_run_once(fix.l, 0);
	assert_string_equal(fix.trace, "rr"); /* level-triggered */
	loop_io_set(fix.io, 0);
	loop_run_once(fix.l, 0);
	assert_string_equal(fix.trace, "rr");
	loop_io_free(fix.io);
	fix.io = loop_io_new(fix.l, fix.fds[1], io_note, NULL);
	loop_io_set(fix.io, LOOP_WRITE);
	loop_run_once(fix.l, 0);
	assert_string_equal(fix.trace, "rrw");
	loop_io_free(fix.io);
	loop_io_free(NULL);
}

static void
descriptor_may_be_freed_in_its_callback(void **state)
{
	(void)state;
	fix.io = loop_io_new(fix.l, fix.fds[0], io_free_all, NULL);
	fix.other_io = loop_io_new(fix.l, fix.fds[1], io_free_all, NULL);
	assert_int_equal(write(fix.fds[1], "x", 1), 1);
	loop_io_set(fix.io, LOOP_READ);
	loop_io_set(fix.other_io, LOOP_WRITE);
	loop_run_once(fix.l, 0);
	assert_string_equal(fix.trace, "f");
}

static void
stop_loop(void *arg)
{
	(void)arg;
	note('s');
	loop_stop(fix.l);
}

static void
signal_ends_the_loop(void **state)
{
	struct loop_signal *s = loop_signal_new(fix.l, SIGUSR1, stop_loop, NULL);

	(void)state;
	raise(SIGUSR1);
	loop_run(fix.l);
	assert_string_equal(fix.trace, "s");
	loop_signal_free(s);
	loop_stop(fix.l);
	loop_run(fix.l); /* stopped beforehand: returns at once */
}

struct parcel {
	pthread_t worker;
	bool is_done;
};

static void
parcel_work(void *arg)
{
	((struct parcel *)arg)->worker = pthread_self();
}

static void
parcel_done(void *arg)
{
	struct parcel *p = arg;

	assert_false(pthread_equal(p->worker, pthread_self()));
	p->is_done = true;
	note('d');
}

static void
work_is_done_on_the_other_thread(void **state)
{
	struct parcel p[3] = {0};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(loop_work(fix.l, parcel_work, parcel_done, &p[i]), GH_OK);
	while (fix.n < 3)
		loop_run_once(fix.l, CLOCK_SEC);
	assert_true(p[0].is_done && p[1].is_done && p[2].is_done);
}

static void
wait_for_byte(void *arg)
{
	char c;

	(void)arg;
	(void)!read(fix.fds[0], &c, 1);
}

static void
work_queue_is_bounded(void **state)
{
	unsigned accepted = 0;

	(void)state;
	while (loop_work(fix.l, wait_for_byte, note_arg, (void *)(uintptr_t) "w") == GH_OK)
		accepted++;
	/* One may be at work already, the others wait. */
	assert_in_range(accepted, LOOP_JOBS_MAX, LOOP_JOBS_MAX + 1);
	close(fix.fds[1]);
	while (fix.n < accepted)
		loop_run_once(fix.l, CLOCK_SEC);
	assert_int_equal(loop_work(fix.l, wait_for_byte, note_arg, (void *)(uintptr_t) "w"), GH_OK);
	fix.fds[1] = dup(fix.fds[0]);
	/* loop_free joins the worker and drops what is left. */
}

static void
be_slow(void *arg)
{
	(void)arg;
	usleep(20000);
}

static void
stall_is_measured(void **state)
{
	struct loop_timer *t = loop_timer_new(fix.l, be_slow, NULL);
	int64_t before = loop_last_pass_us(fix.l);

	(void)state;
	(void)loop_take_stall_us(fix.l);
	loop_run_once(fix.l, 10 * CLOCK_MS); /* waiting is no stall */
	assert_true(loop_take_stall_us(fix.l) < 5 * CLOCK_MS);
	loop_timer_set(t, 0);
	loop_run_once(fix.l, CLOCK_SEC);
	assert_true(loop_take_stall_us(fix.l) >= 20 * CLOCK_MS);
	assert_int_equal(loop_take_stall_us(fix.l), 0);
	assert_true(loop_last_pass_us(fix.l) > before);
	loop_timer_free(t);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest cases[] = {
		CASE(phases_run_in_order_once),
		CASE(rounds_of_a_pass_are_bounded),
		CASE(task_may_free_itself_and_others),
		CASE(deferred_frees_follow_the_phases),
		CASE(timers_fire_once_and_not_early),
		CASE(descriptors_report_what_is_watched),
		CASE(descriptor_may_be_freed_in_its_callback),
		CASE(signal_ends_the_loop),
		CASE(work_is_done_on_the_other_thread),
		CASE(work_queue_is_bounded),
		CASE(stall_is_measured),
	};

	return cmocka_run_group_tests_name("loop", cases, NULL, NULL);
}
