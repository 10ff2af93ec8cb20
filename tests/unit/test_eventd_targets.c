/* test_eventd_targets.c - whose turn it is, and when a hint may be acknowledged. hint_hold and
 * hint_done are replaced: a test's hint counts its acknowledgements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/hints.h"

static struct hint *fake_hint_hold(struct hint *h);
static void fake_hint_done(struct hint *h);
#define hint_hold fake_hint_hold
#define hint_done fake_hint_done
#include "eventd/targets.c"
#undef hint_hold
#undef hint_done

struct hint {
	unsigned refs;
	unsigned acked;
};

static struct loop *loop;
static struct targets *targets;
static unsigned wanted_calls;

static struct hint *
fake_hint_hold(struct hint *h)
{
	h->refs++;
	return h;
}

static void
fake_hint_done(struct hint *h)
{
	if (h != NULL && --h->refs == 0)
		h->acked++;
}

static void
on_wanted(void *arg)
{
	assert_ptr_equal(arg, &wanted_calls);
	wanted_calls++;
}

/* A hint for 1 or 2 targets (b 0: one). */
static void
hint(struct hint *h, int32_t company_id, int32_t a, int32_t b)
{
	struct mq_envelope e = {.kind = MQ_KIND_INBOUND,
				.class = MQ_CLASS_NORMAL,
				.company_id = company_id,
				.target_count = b == 0 ? 1 : 2,
				.target_id = {a, b}};

	h->refs = 1;
	h->acked = 0;
	targets_hint(targets, &e, h);
}

/* NULL: nothing is to be done for it. */
static struct target *
find(int32_t id)
{
	return map_get_i64(targets->by_id, id);
}

/* The next turn must be this target's. */
static struct target *
next(int32_t id)
{
	struct target *k = targets_next(targets);

	assert_non_null(k);
	assert_int_equal(target_id(k), id);
	assert_int_equal(k->state, TARGET_RUNNING);
	return k;
}

static int
setup(void **state)
{
	(void)state;
	wanted_calls = 0;
	loop = loop_new();
	targets = targets_new(loop, on_wanted, &wanted_calls);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	targets_free(targets);
	loop_free(loop);
	return 0;
}

/* ---- cases ---- */

static void
test_idle(void **state)
{
	(void)state;
	assert_null(targets_next(targets));
	assert_null(find(5));
	assert_int_equal(targets_waiting_count(targets), 0);
}

static void
test_a_hint_lives_until_its_last_target(void **state)
{
	struct target *a, *b;
	struct hint h;

	(void)state;
	hint(&h, 1, 11, 12);
	assert_int_equal(wanted_calls, 1);
	assert_int_equal(targets_waiting_count(targets), 2);
	a = next(11);
	b = next(12);
	assert_null(targets_next(targets));
	assert_int_equal(target_company(a), 1);
	targets_done(a, false);
	assert_int_equal(h.acked, 0);
	targets_done(b, false);
	assert_int_equal(h.acked, 1);
	assert_null(find(11));
}

/* The work that waits will begin after this arrival: it covers the second hint too. */
static void
test_a_hint_for_one_that_waits_is_done_at_once(void **state)
{
	struct hint first, second;

	(void)state;
	hint(&first, 1, 11, 0);
	hint(&second, 1, 11, 0);
	assert_int_equal(first.acked, 0);
	assert_int_equal(second.acked, 1);
	assert_int_equal(targets_waiting_count(targets), 1);
	targets_done(next(11), false);
	assert_int_equal(first.acked, 1);
}

/* Running work may have read before the hint's row was there: it needs a round of its own. */
static void
test_a_hint_during_the_work_needs_another_round(void **state)
{
	struct hint first, second, third;
	struct target *k;

	(void)state;
	hint(&first, 1, 11, 0);
	k = next(11);
	hint(&second, 1, 11, 0);
	hint(&third, 1, 11, 0);
	assert_int_equal(second.acked, 0);
	assert_int_equal(third.acked, 1);
	assert_null(targets_next(targets)); /* never twice at a time */
	targets_done(k, false);
	assert_int_equal(first.acked, 1);
	assert_int_equal(second.acked, 0);
	targets_done(next(11), false);
	assert_int_equal(second.acked, 1);
	assert_null(targets_next(targets));
}

static void
test_more_rows_keep_the_hint(void **state)
{
	struct hint first, second;
	struct target *k;

	(void)state;
	hint(&first, 1, 11, 0);
	k = next(11);
	hint(&second, 1, 11, 0);
	wanted_calls = 0;
	targets_done(k, true);
	assert_int_equal(wanted_calls, 1);
	assert_int_equal(first.acked, 0);
	targets_done(next(11), false);
	assert_int_equal(first.acked, 1);
	assert_int_equal(second.acked, 0); /* arrived before, but behind the first's round */
	targets_done(next(11), false);
	assert_int_equal(second.acked, 1);
}

static void
test_turns_go_round_the_companies(void **state)
{
	struct hint h[4];

	(void)state;
	hint(&h[0], 1, 11, 12);
	hint(&h[1], 1, 13, 0);
	hint(&h[2], 2, 21, 0);
	hint(&h[3], 3, 31, 32);
	targets_done(next(11), false);
	targets_done(next(21), false);
	targets_done(next(31), true); /* goes behind its company's others */
	targets_done(next(12), false);
	targets_done(next(32), false);
	targets_done(next(13), false);
	targets_done(next(31), false);
	assert_null(targets_next(targets));
	for (size_t i = 0; i < GH_COUNT(h); i++)
		assert_int_equal(h[i].acked, 1);
}

static void
test_failed_work_waits_and_keeps_its_hint(void **state)
{
	struct hint first, second;
	struct target *k;

	(void)state;
	hint(&first, 1, 11, 0);
	k = next(11);
	targets_failed(k);
	assert_int_equal(k->state, TARGET_PAUSED);
	assert_null(targets_next(targets));
	hint(&second, 1, 11, 0);
	assert_null(targets_next(targets)); /* a hint does not cut the pause short */
	wanted_calls = 0;
	for (unsigned i = 0; i < 100 && wanted_calls == 0; i++)
		loop_run_once(loop, 20 * CLOCK_MS);
	assert_int_equal(wanted_calls, 1);
	k = next(11);
	assert_int_equal(first.acked, 0);
	targets_done(k, false);
	assert_int_equal(first.acked, 1);
	targets_done(next(11), false);
	assert_int_equal(second.acked, 1);
}

static void
test_free_acknowledges_nothing(void **state)
{
	struct hint waiting, running, paused, shared;

	(void)state;
	hint(&running, 1, 11, 0);
	(void)next(11);
	hint(&paused, 1, 12, 0);
	targets_failed(next(12));
	hint(&shared, 2, 11, 21);
	hint(&waiting, 3, 31, 0);
	targets_free(targets);
	targets = NULL;
	assert_int_equal(waiting.acked + running.acked + paused.acked + shared.acked, 0);
}

int
main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_idle),
		CASE(test_a_hint_lives_until_its_last_target),
		CASE(test_a_hint_for_one_that_waits_is_done_at_once),
		CASE(test_a_hint_during_the_work_needs_another_round),
		CASE(test_more_rows_keep_the_hint),
		CASE(test_turns_go_round_the_companies),
		CASE(test_failed_work_waits_and_keeps_its_hint),
		CASE(test_free_acknowledges_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
