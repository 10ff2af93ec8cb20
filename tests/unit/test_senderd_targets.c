/* test_senderd_targets.c - the scheduler: weights and turns, fences around hints, slots of
 * the process and of providers, parking and probing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/hints.h"

static struct hint *fake_hint_hold(struct hint *h);
static void fake_hint_done(struct hint *h);
static void fake_hint_offer(struct hint *h);
static int64_t fake_hint_arrived_us(const struct hint *h);
#define hint_hold       fake_hint_hold
#define hint_done       fake_hint_done
#define hint_offer      fake_hint_offer
#define hint_arrived_us fake_hint_arrived_us
#include "senderd/breaker.c"
#include "senderd/targets.c"
#undef hint_hold
#undef hint_done
#undef hint_offer
#undef hint_arrived_us

#define NOW CLOCK_SEC

/* A test's hint is a number. */
static unsigned refs[64], released[64], offered[64];
static int64_t arrived_us[64];

static struct hint *
fake_hint_hold(struct hint *h)
{
	refs[(uintptr_t)h]++;
	return h;
}

static void
fake_hint_done(struct hint *h)
{
	if (h != NULL && --refs[(uintptr_t)h] == 0)
		released[(uintptr_t)h]++;
}

static void
fake_hint_offer(struct hint *h)
{
	offered[(uintptr_t)h]++;
	refs[(uintptr_t)h]--;
}

static int64_t
fake_hint_arrived_us(const struct hint *h)
{
	return arrived_us[(uintptr_t)h];
}

static struct hint *
hint_make(uintptr_t number, int64_t now_us)
{
	arrived_us[number] = now_us;
	return fake_hint_hold((struct hint *)number);
}

static int32_t forgotten;

static void
forget(void *arg, int32_t provider_id)
{
	(void)arg;
	forgotten = provider_id;
}

/* Of the running test. */
static struct targets *s;
static unsigned granted; /* by the last take */

static void
make(unsigned max_in_flight)
{
	targets_free(s);
	forgotten = 0;
	memset(refs, 0, sizeof(refs));
	memset(offered, 0, sizeof(offered));
	memset(released, 0, sizeof(released));
	s = targets_new(&(struct targets_opts){
		.max_in_flight = max_in_flight,
		.forget = forget,
	});
}

static int
setup(void **state)
{
	(void)state;
	make(200);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	targets_free(s);
	s = NULL;
	return 0;
}

/* One hint, numbered, for one instance. */
static void
hint_at(uintptr_t number, int32_t company, int32_t instance, enum mq_class cls, int64_t now_us)
{
	const struct mq_envelope e = {
		.kind = MQ_KIND_SEND,
		.class = cls,
		.company_id = company,
		.target_count = 1,
		.target_id = {instance},
	};

	targets_hint(s, &e, hint_make(number, now_us));
}

static void
hint(uintptr_t number, int32_t company, int32_t instance)
{
	hint_at(number, company, instance, MQ_CLASS_NORMAL, NOW);
}

/* Pick and grant at provider 1 without limit. */
static struct target *
take(void)
{
	struct target *t = targets_pick(s);

	assert_non_null(t);
	granted = targets_grant(s, t, 1, 0, NOW);
	return t;
}

/* Hint 1, for instance 12 of company 7, and its target taken. */
static struct target *
take_first(void)
{
	hint(1, 7, 12);
	return take();
}

static void
take_again(struct target *t)
{
	assert_ptr_equal(take(), t);
}

static void
picked_next(int64_t instance)
{
	assert_int_equal(target_instance(targets_pick(s)), instance);
}

/* A claim brought that many rows, for what the last take granted. */
static void
claimed(struct target *t, unsigned rows, bool has_more)
{
	targets_claimed(s, t, granted, rows, MQ_CLASS_NORMAL, has_more, NOW);
}

static void
call_ended(struct target *t, bool is_parked)
{
	int64_t wait_us;

	assert_int_equal(targets_call_ended(s, t, BREAKER_WORKS, is_parked, NOW, &wait_us),
			 BREAKER_SAME);
	assert_int_equal(wait_us, 0);
}

static void
finish(struct target *t, bool is_parked)
{
	call_ended(t, is_parked);
	targets_settled(s, t);
}

static void
test_hint_is_released_when_nothing_is_left(void **state)
{
	struct target *t;

	(void)state;
	hint(1, 7, 12);
	assert_int_equal(released[1], 0);
	t = take();
	assert_int_equal(target_instance(t), 12);
	assert_int_equal(granted, SEND_CLAIM_ROWS);
	assert_null(targets_pick(s));
	claimed(t, 0, false);
	assert_int_equal(released[1], 1);
	assert_int_equal(targets_count(s), 0);
}

static void
test_hint_is_held_while_there_is_more(void **state)
{
	struct target *t;

	(void)state;
	t = take_first();
	claimed(t, 1, true);
	assert_int_equal(released[1], 0);
	assert_int_equal(targets_state_count(s, TARGET_WANTED), 1);
	take_again(t);
	claimed(t, 0, false);
	assert_int_equal(released[1], 1);
	assert_int_equal(targets_state_count(s, TARGET_SERVING), 1);
	finish(t, false);
	/* Its lane may have a new head. */
	take_again(t);
	claimed(t, 0, false);
	assert_int_equal(targets_count(s), 0);
	assert_int_equal(targets_call_count(s), 0);
}

/* A hint that comes while a claim is under way may speak of a row the claim did not see. */
static void
test_hint_during_claim_causes_another(void **state)
{
	struct target *t;

	(void)state;
	t = take_first();
	hint(2, 7, 12);
	hint(3, 7, 12);
	assert_int_equal(released[2], 0);
	assert_int_equal(released[3], 1); /* hint 2 stands for it */
	claimed(t, 0, false);
	assert_int_equal(released[2], 0);
	take_again(t);
	claimed(t, 0, false);
	assert_int_equal(released[1], 1);
	assert_int_equal(released[2], 1);
}

static void
test_result_during_claim_causes_another(void **state)
{
	struct target *t;

	(void)state;
	t = take_first();
	claimed(t, 1, true);
	take_again(t);
	finish(t, false);
	claimed(t, 0, false);
	assert_int_equal(targets_state_count(s, TARGET_WANTED), 1);
}

static void
test_hint_of_many_targets_waits_for_all(void **state)
{
	const struct mq_envelope e = {.kind = MQ_KIND_SEND,
				      .class = MQ_CLASS_NORMAL,
				      .company_id = 7,
				      .target_count = 4,
				      .target_id = {12, 13, 12, INT64_MAX}};
	struct target *a, *b;
	unsigned na, nb;

	(void)state;
	targets_hint(s, &e, hint_make(1, NOW));
	a = take();
	na = granted;
	b = take();
	nb = granted;
	assert_null(targets_pick(s));
	targets_claimed(s, a, na, 0, MQ_CLASS_NORMAL, false, NOW);
	assert_int_equal(released[1], 0);
	targets_claimed(s, b, nb, 0, MQ_CLASS_NORMAL, false, NOW);
	assert_int_equal(released[1], 1);
}

/* 26 picks among three classes that never run dry: 16 high, 8 normal, 2 low. */
static void
test_classes_are_weighted(void **state)
{
	unsigned picks[CLASS_COUNT] = {0};

	(void)state;
	make(10000);
	for (int i = 0; i < 90; i++)
		hint_at(1, 7, 100 + i, (enum mq_class)(MQ_CLASS_HIGH + i % 3), NOW);
	for (int i = 0; i < 26; i++) {
		struct target *t = targets_pick(s);

		assert_non_null(t);
		picks[t->cls - MQ_CLASS_HIGH]++;
	}
	assert_int_equal(picks[0], 16);
	assert_int_equal(picks[1], 8);
	assert_int_equal(picks[2], 2);
}

/* One company's backlog does not delay the other's only instance. */
static void
test_companies_take_turns(void **state)
{

	(void)state;
	make(10000);
	for (int i = 0; i < 50; i++)
		hint(1, 7, 100 + i);
	hint(2, 8, 500);
	picked_next(100);
	picked_next(500);
	picked_next(101);
}

static void
test_higher_class_moves_a_wanted_target(void **state)
{

	(void)state;
	hint_at(1, 7, 12, MQ_CLASS_LOW, NOW);
	hint_at(2, 7, 13, MQ_CLASS_NORMAL, NOW);
	hint_at(3, 7, 12, MQ_CLASS_HIGH, NOW);
	picked_next(12);
	picked_next(13);
}

/* An urgent message does not lend its class to the backlog behind it. */
static void
test_backlog_falls_to_its_own_class(void **state)
{
	struct target *t;

	(void)state;
	hint_at(1, 7, 12, MQ_CLASS_HIGH, NOW);
	t = take();
	targets_claimed(s, t, granted, granted, MQ_CLASS_LOW, true, NOW);
	hint_at(2, 7, 13, MQ_CLASS_NORMAL, NOW);
	picked_next(13);
	picked_next(12);
}

static void
test_slots_are_shared_and_bounded(void **state)
{
	struct target *a, *b;
	unsigned na, nb;

	(void)state;
	make(10);
	hint(1, 7, 12);
	hint(2, 8, 13);
	a = take();
	na = granted;
	b = take();
	nb = granted;
	assert_int_equal(na, 5);
	assert_int_equal(nb, 5);
	hint(3, 9, 14);
	assert_null(targets_pick(s)); /* all slots are reserved */
	targets_claimed(s, a, na, 0, MQ_CLASS_NORMAL, false, NOW);
	targets_claimed(s, b, nb, 5, MQ_CLASS_NORMAL, true, NOW);
	assert_int_equal(targets_call_count(s), 5);
	a = take();
	na = granted;
	assert_int_equal(target_instance(a), 14);
	assert_int_equal(na, 2); /* half of what is free: 13 is wanted too */
}

/* Results that are not stored hold claims back, else a slow database would fill memory. */
static void
test_unstored_results_bound_claims(void **state)
{
	struct target *t;

	(void)state;
	make(2);
	hint(1, 7, 12);
	for (int i = 0; i < 2; i++) {
		t = take();
		assert_int_equal(granted, 2);
		claimed(t, 2, true);
		call_ended(t, false);
		call_ended(t, false);
	}
	assert_int_equal(targets_unstored_count(s), 4);
	assert_null(targets_pick(s));
	targets_settled(s, t);
	assert_non_null(targets_pick(s));
}

static void
test_provider_limit_blocks_and_wakes(void **state)
{
	struct target *a, *b;
	unsigned na;

	(void)state;
	hint(1, 7, 12);
	hint(2, 8, 13);
	a = targets_pick(s);
	na = targets_grant(s, a, 5, 3, NOW);
	assert_int_equal(na, 3);
	b = targets_pick(s);
	assert_int_equal(targets_grant(s, b, 5, 3, NOW), 0);
	assert_int_equal(targets_state_count(s, TARGET_BLOCKED), 1);
	assert_null(targets_pick(s));
	/* Slots that the claim did not use wake the blocked one, no call needs to end. */
	targets_claimed(s, a, na, 1, MQ_CLASS_NORMAL, false, NOW);
	assert_ptr_equal(targets_pick(s), b);
	assert_int_equal(targets_grant(s, b, 5, 3, NOW), 2);
}

static void
test_parked_target_waits_then_probes(void **state)
{
	struct target *t;

	(void)state;
	t = take_first();
	claimed(t, 2, true);
	assert_ptr_equal(targets_pick(s), t);
	targets_want(s, t);
	call_ended(t, true);
	assert_int_equal(released[1], 1);
	assert_int_equal(targets_state_count(s, TARGET_PARKED), 1);
	call_ended(t, true);
	targets_settled(s, t);
	targets_settled(s, t);
	assert_null(targets_pick(s));

	/* Too early a hint is carried by the parked rows' own timer. */
	hint_at(2, 7, 12, MQ_CLASS_NORMAL, NOW + TARGETS_PROBE_US - 1);
	assert_int_equal(released[2], 1);
	assert_null(targets_pick(s));

	assert_true(targets_expire(s, NOW + 1) == NOW + TARGETS_PARK_US);
	assert_true(targets_expire(s, NOW + TARGETS_PARK_US) == 0);
	t = take();
	assert_int_equal(granted, 1);
	/* One probe at a time, however much is due. */
	claimed(t, 1, true);
	assert_null(targets_pick(s));
	finish(t, false);
	t = take();
	assert_int_equal(granted, SEND_CLAIM_ROWS);
}

/* The session came back: its hint need not wait for the end of the parking. */
static void
test_hint_after_a_while_probes_a_parked_target(void **state)
{
	struct target *t;

	(void)state;
	t = take_first();
	claimed(t, 1, false);
	finish(t, true);
	hint_at(2, 7, 12, MQ_CLASS_NORMAL, NOW + TARGETS_PROBE_US);
	t = take();
	assert_int_equal(granted, 1);
	claimed(t, 0, false);
	assert_int_equal(released[2], 1);
	assert_int_equal(targets_count(s), 0);
	assert_true(targets_expire(s, NOW + 2 * TARGETS_PARK_US) == 0);
}

static void
test_failed_claim_keeps_the_hint(void **state)
{
	struct target *t;

	(void)state;
	t = take_first();
	targets_claim_failed(s, t, granted, false, NOW);
	assert_int_equal(released[1], 0);
	take_again(t);
	assert_int_equal(granted, SEND_CLAIM_ROWS);
	claimed(t, 0, false);
	assert_int_equal(released[1], 1);
}

static void
test_deferred_target_takes_hints(void **state)
{
	struct target *t;

	(void)state;
	hint(1, 7, 12);
	t = targets_pick(s);
	targets_defer(s, t);
	assert_null(targets_pick(s));
	hint(2, 7, 12);
	assert_int_equal(released[2], 1); /* hint 1 stands for it */
	targets_want(s, t);
	assert_ptr_equal(targets_pick(s), t);
	targets_drop(s, t);
	assert_int_equal(released[1], 1);
	assert_int_equal(targets_count(s), 0);
}

/* A route that cannot be read parks a target that never had a provider. */
static void
test_claim_failed_before_any_grant(void **state)
{
	struct target *t;

	(void)state;
	hint(1, 7, 12);
	t = targets_pick(s);
	targets_defer(s, t);
	targets_claim_failed(s, t, 0, true, NOW);
	assert_int_equal(targets_state_count(s, TARGET_PARKED), 1);
	assert_true(targets_expire(s, NOW + TARGETS_PARK_US) == 0);
	assert_ptr_equal(targets_pick(s), t);
}

static void
test_hint_is_not_held_for_ever(void **state)
{
	struct target *t;

	(void)state;
	t = take_first();
	targets_claimed(s, t, granted, 1, MQ_CLASS_NORMAL, true, NOW + TARGETS_HOLD_US);
	assert_int_equal(released[1], 0);
	t = take();
	targets_claimed(s, t, granted, 1, MQ_CLASS_NORMAL, true, NOW + TARGETS_HOLD_US + 1);
	assert_int_equal(released[1], 1);
	assert_int_equal(targets_state_count(s, TARGET_WANTED), 1);
}

static void
test_a_full_process_offers_its_hints(void **state)
{
	struct target *t;

	(void)state;
	make(1);
	t = take_first();
	targets_claimed(s, t, granted, 1, MQ_CLASS_NORMAL, true, NOW + TARGETS_OFFER_US);
	assert_int_equal(offered[1], 0);
	finish(t, false);
	take_again(t);
	targets_claimed(s, t, granted, 1, MQ_CLASS_NORMAL, true, NOW + TARGETS_OFFER_US + 1);
	assert_int_equal(offered[1], 1);
	assert_int_equal(released[1], 0);
	/* It goes on itself, with the hint or without. */
	finish(t, false);
	take_again(t);
	targets_claimed(s, t, granted, 1, MQ_CLASS_NORMAL, true, NOW + TARGETS_HOLD_US + 1);
	assert_int_equal(offered[1], 1);
	assert_int_equal(targets_state_count(s, TARGET_WANTED), 1);
}

static void
test_a_hint_is_kept_where_it_is_worked_off(void **state)
{
	struct target *t;

	(void)state;
	make(2);
	t = take_first();
	/* Room for another call: nobody else is needed. */
	targets_claimed(s, t, granted, 1, MQ_CLASS_NORMAL, true, NOW + TARGETS_OFFER_US + 1);
	take_again(t);
	/* No room, and nothing left. */
	targets_claimed(s, t, granted, 1, MQ_CLASS_NORMAL, false, NOW + TARGETS_OFFER_US + 1);
	assert_int_equal(offered[1], 0);
	assert_int_equal(released[1], 1);
}

/* ---- the breaker of a provider ---- */

/* One call of the target ends with that news and its result is stored. */
static enum breaker_change
end_with(struct target *t, enum breaker_news news, int64_t now_us)
{
	int64_t wait_us;
	enum breaker_change change = targets_call_ended(s, t, news, false, now_us, &wait_us);

	assert_int_equal(wait_us > 0, change == BREAKER_OPENED || change == BREAKER_AGAIN);
	targets_settled(s, t);
	return change;
}

/* Pick whoever is next and grant at provider 1; NULL when no call may be made. */
static struct target *
try_call(int64_t now_us)
{
	struct target *t;

	(void)targets_expire(s, now_us);
	while ((t = targets_pick(s)) != NULL) {
		granted = targets_grant(s, t, 1, 0, now_us);
		if (granted == 0)
			continue;
		targets_claimed(s, t, granted, 1, MQ_CLASS_NORMAL, false, now_us);
		return t;
	}
	return NULL;
}

/* The first call of provider 1 finds its server down. */
static void
open_breaker(void)
{
	struct target *t = try_call(NOW);

	assert_int_equal(end_with(t, BREAKER_DOWN, NOW), BREAKER_OPENED);
	assert_null(try_call(NOW));
}

static void
test_a_server_that_is_down_is_probed_by_one_call_at_a_time(void **state)
{
	int64_t now_us = NOW, gone_us = 0;
	unsigned probes = 0;
	struct target *t;

	(void)state;
	for (int32_t i = 1; i <= 40; i++)
		hint((uintptr_t)i, 7, i);
	t = try_call(now_us);
	assert_int_equal(end_with(t, BREAKER_DOWN, now_us), BREAKER_OPENED);
	for (; gone_us < 600 * CLOCK_SEC; gone_us += 100 * CLOCK_MS) {
		t = try_call(now_us + gone_us);
		if (t == NULL)
			continue;
		probes++;
		assert_null(try_call(now_us + gone_us)); /* one at a time */
		assert_int_equal(end_with(t, BREAKER_DOWN, now_us + gone_us), BREAKER_AGAIN);
	}
	/* 1 + 2 + 4 + 8 + 16 s, then each 30 s, all give or take a fifth. */
	assert_in_range(probes, 18, 30);
	/* No hint is held while it is open, and few targets are remembered. */
	for (unsigned i = 1; i <= 40; i++)
		assert_int_equal(released[i], 1);
	assert_in_range(targets_count(s), 1, TARGETS_CANDIDATES + 1);
}

static void
test_a_success_closes_and_wakes_the_candidates(void **state)
{
	struct target *t, *u;
	int64_t later_us = NOW + 2 * CLOCK_SEC;

	(void)state;
	hint(1, 7, 12);
	hint(2, 7, 13);
	hint(3, 7, 14);
	open_breaker();
	assert_true(targets_expire(s, NOW) > NOW);
	t = try_call(later_us);
	assert_non_null(t);
	assert_null(try_call(later_us));
	assert_int_equal(end_with(t, BREAKER_WORKS, later_us), BREAKER_CLOSED);
	t = try_call(later_us);
	u = try_call(later_us);
	assert_true(t != NULL && u != NULL && t != u);
}

/* A probe whose instance has nothing to send leaves its turn to the next. */
static void
test_an_empty_probe_passes_the_turn_on(void **state)
{
	struct target *t, *next;
	int64_t later_us = NOW + 2 * CLOCK_SEC;

	(void)state;
	hint(1, 7, 12);
	hint(2, 7, 13);
	open_breaker();
	(void)targets_expire(s, later_us);
	t = targets_pick(s);
	assert_int_equal(targets_grant(s, t, 1, 0, later_us), 1);
	targets_claimed(s, t, 1, 0, MQ_CLASS_NORMAL, false, later_us);
	next = try_call(later_us);
	assert_non_null(next);
	/* Under way: not idle, however long it takes. */
	(void)targets_expire(s, later_us + 2 * BREAKER_IDLE_US);
	assert_int_equal(forgotten, 0);
	assert_int_equal(end_with(next, BREAKER_WORKS, later_us), BREAKER_CLOSED);
}

/* Another sender took all that waited: nobody is left to find out that the server is back. */
static void
test_a_breaker_nobody_needs_is_forgotten(void **state)
{
	struct target *t;

	(void)state;
	hint(1, 7, 12);
	open_breaker();
	(void)targets_expire(s, NOW + 2 * CLOCK_SEC);
	t = targets_pick(s);
	assert_int_equal(targets_grant(s, t, 1, 0, NOW + 2 * CLOCK_SEC), 1);
	targets_claimed(s, t, 1, 0, MQ_CLASS_NORMAL, false, NOW + 2 * CLOCK_SEC);
	assert_true(targets_expire(s, NOW + 2 * CLOCK_SEC) > NOW + BREAKER_IDLE_US);
	assert_int_equal(forgotten, 0);
	assert_int_equal(targets_expire(s, NOW + 2 * CLOCK_SEC + BREAKER_IDLE_US), 0);
	assert_int_equal(forgotten, 1);
}

static void
test_doubts_open_after_five_in_a_row(void **state)
{
	struct breaker b = {0};

	(void)state;
	for (unsigned i = 1; i < BREAKER_DOUBTS; i++)
		assert_int_equal(breaker_count(&b, NOW, BREAKER_DOUBT), BREAKER_SAME);
	assert_int_equal(breaker_count(&b, NOW, BREAKER_WORKS), BREAKER_SAME);
	for (unsigned i = 1; i < BREAKER_DOUBTS; i++)
		assert_int_equal(breaker_count(&b, NOW, BREAKER_DOUBT), BREAKER_SAME);
	assert_int_equal(breaker_count(&b, NOW, BREAKER_NONE), BREAKER_SAME);
	assert_int_equal(breaker_count(&b, NOW, BREAKER_DOUBT), BREAKER_OPENED);
	assert_in_range(breaker_wait_us(&b, NOW), 8 * CLOCK_SEC / 10, 12 * CLOCK_SEC / 10);
	/* What was under way when it opened is no probe. */
	assert_int_equal(breaker_count(&b, NOW, BREAKER_DOUBT), BREAKER_SAME);
	assert_int_equal(breaker_count(&b, NOW, BREAKER_WORKS), BREAKER_CLOSED);
	assert_int_equal(breaker_wait_us(&b, NOW), 0);
}

int
main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_hint_is_released_when_nothing_is_left),
		CASE(test_hint_is_held_while_there_is_more),
		CASE(test_hint_during_claim_causes_another),
		CASE(test_result_during_claim_causes_another),
		CASE(test_hint_of_many_targets_waits_for_all),
		CASE(test_classes_are_weighted),
		CASE(test_companies_take_turns),
		CASE(test_higher_class_moves_a_wanted_target),
		CASE(test_backlog_falls_to_its_own_class),
		CASE(test_slots_are_shared_and_bounded),
		CASE(test_unstored_results_bound_claims),
		CASE(test_provider_limit_blocks_and_wakes),
		CASE(test_parked_target_waits_then_probes),
		CASE(test_hint_after_a_while_probes_a_parked_target),
		CASE(test_failed_claim_keeps_the_hint),
		CASE(test_deferred_target_takes_hints),
		CASE(test_claim_failed_before_any_grant),
		CASE(test_hint_is_not_held_for_ever),
		CASE(test_a_full_process_offers_its_hints),
		CASE(test_a_hint_is_kept_where_it_is_worked_off),
		CASE(test_a_server_that_is_down_is_probed_by_one_call_at_a_time),
		CASE(test_a_success_closes_and_wakes_the_candidates),
		CASE(test_an_empty_probe_passes_the_turn_on),
		CASE(test_a_breaker_nobody_needs_is_forgotten),
		CASE(test_doubts_open_after_five_in_a_row),
	};

	return cmocka_run_group_tests_name("senderd targets", tests, NULL, NULL);
}
