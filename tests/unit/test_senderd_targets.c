/* test_senderd_targets.c - the scheduler: weights and turns, fences around hints, slots of
 * the process and of providers, parking and probing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "senderd/breaker.c"
#include "senderd/targets.c"

#define NOW CLOCK_SEC

static unsigned released[64];

static void
release(void *arg, void *hint)
{
	(void)arg;
	released[(uintptr_t)hint]++;
}

static int32_t forgotten;

static void
forget(void *arg, int32_t provider_id)
{
	(void)arg;
	forgotten = provider_id;
}

static struct targets *
make(unsigned max_in_flight)
{
	forgotten = 0;
	memset(released, 0, sizeof(released));
	return targets_new(&(struct targets_opts){
		.max_in_flight = max_in_flight,
		.release = release,
		.forget = forget,
	});
}

/* One hint, numbered, for one instance. */
static void
hint_at(struct targets *s, uintptr_t number, int32_t company, int32_t instance, enum mq_class cls,
	int64_t now_us)
{
	const struct mq_envelope e = {
		.kind = MQ_KIND_SEND,
		.class = cls,
		.company_id = company,
		.target_count = 1,
		.target_id = {instance},
	};

	targets_hint(s, &e, (void *)number, now_us);
}

static void
hint(struct targets *s, uintptr_t number, int32_t company, int32_t instance)
{
	hint_at(s, number, company, instance, MQ_CLASS_NORMAL, NOW);
}

/* Pick and grant at provider 1 without limit. */
static struct target *
take(struct targets *s, unsigned *granted)
{
	struct target *t = targets_pick(s);

	assert_non_null(t);
	*granted = targets_grant(s, t, 1, 0, NOW);
	return t;
}

static void
claimed(struct targets *s, struct target *t, unsigned granted, unsigned rows, bool has_more)
{
	targets_claimed(s, t, granted, rows, MQ_CLASS_NORMAL, has_more, NOW);
}

static void
call_ended(struct targets *s, struct target *t, bool is_parked)
{
	int64_t wait_us;

	assert_int_equal(targets_call_ended(s, t, BREAKER_WORKS, is_parked, NOW, &wait_us),
			 BREAKER_SAME);
	assert_int_equal(wait_us, 0);
}

static void
finish(struct targets *s, struct target *t, bool is_parked)
{
	call_ended(s, t, is_parked);
	targets_settled(s, t);
}

static void
test_hint_is_released_when_nothing_is_left(void **state)
{
	struct targets *s = make(100);
	struct target *t;
	unsigned granted;

	(void)state;
	hint(s, 1, 7, 12);
	assert_int_equal(released[1], 0);
	t = take(s, &granted);
	assert_int_equal(target_instance(t), 12);
	assert_int_equal(granted, SEND_CLAIM_ROWS);
	assert_null(targets_pick(s));
	claimed(s, t, granted, 0, false);
	assert_int_equal(released[1], 1);
	assert_int_equal(targets_count(s), 0);
	targets_free(s);
}

static void
test_hint_is_held_while_there_is_more(void **state)
{
	struct targets *s = make(100);
	struct target *t;
	unsigned granted;

	(void)state;
	hint(s, 1, 7, 12);
	t = take(s, &granted);
	claimed(s, t, granted, 1, true);
	assert_int_equal(released[1], 0);
	assert_int_equal(targets_state_count(s, TARGET_WANTED), 1);
	assert_ptr_equal(take(s, &granted), t);
	claimed(s, t, granted, 0, false);
	assert_int_equal(released[1], 1);
	assert_int_equal(targets_state_count(s, TARGET_SERVING), 1);
	finish(s, t, false);
	/* Its lane may have a new head. */
	assert_ptr_equal(take(s, &granted), t);
	claimed(s, t, granted, 0, false);
	assert_int_equal(targets_count(s), 0);
	assert_int_equal(targets_call_count(s), 0);
	targets_free(s);
}

/* A hint that comes while a claim is under way may speak of a row the claim did not see. */
static void
test_hint_during_claim_causes_another(void **state)
{
	struct targets *s = make(100);
	struct target *t;
	unsigned granted;

	(void)state;
	hint(s, 1, 7, 12);
	t = take(s, &granted);
	hint(s, 2, 7, 12);
	hint(s, 3, 7, 12);
	assert_int_equal(released[2], 0);
	assert_int_equal(released[3], 1); /* hint 2 stands for it */
	claimed(s, t, granted, 0, false);
	assert_int_equal(released[2], 0);
	assert_ptr_equal(take(s, &granted), t);
	claimed(s, t, granted, 0, false);
	assert_int_equal(released[1], 1);
	assert_int_equal(released[2], 1);
	targets_free(s);
}

static void
test_result_during_claim_causes_another(void **state)
{
	struct targets *s = make(100);
	struct target *t;
	unsigned granted;

	(void)state;
	hint(s, 1, 7, 12);
	t = take(s, &granted);
	claimed(s, t, granted, 1, true);
	assert_ptr_equal(take(s, &granted), t);
	finish(s, t, false);
	claimed(s, t, granted, 0, false);
	assert_int_equal(targets_state_count(s, TARGET_WANTED), 1);
	targets_free(s);
}

static void
test_hint_of_many_targets_waits_for_all(void **state)
{
	const struct mq_envelope e = {.kind = MQ_KIND_SEND,
				      .class = MQ_CLASS_NORMAL,
				      .company_id = 7,
				      .target_count = 4,
				      .target_id = {12, 13, 12, INT64_MAX}};
	struct targets *s = make(100);
	struct target *a, *b;
	unsigned na, nb;

	(void)state;
	targets_hint(s, &e, (void *)(uintptr_t)1, NOW);
	a = take(s, &na);
	b = take(s, &nb);
	assert_null(targets_pick(s));
	claimed(s, a, na, 0, false);
	assert_int_equal(released[1], 0);
	claimed(s, b, nb, 0, false);
	assert_int_equal(released[1], 1);
	targets_free(s);
}

/* 26 picks among three classes that never run dry: 16 high, 8 normal, 2 low. */
static void
test_classes_are_weighted(void **state)
{
	struct targets *s = make(10000);
	unsigned picks[CLASS_COUNT] = {0};

	(void)state;
	for (int i = 0; i < 90; i++)
		hint_at(s, 1, 7, 100 + i, (enum mq_class)(MQ_CLASS_HIGH + i % 3), NOW);
	for (int i = 0; i < 26; i++) {
		struct target *t = targets_pick(s);

		assert_non_null(t);
		picks[t->cls - MQ_CLASS_HIGH]++;
	}
	assert_int_equal(picks[0], 16);
	assert_int_equal(picks[1], 8);
	assert_int_equal(picks[2], 2);
	targets_free(s);
}

/* One company's backlog does not delay the other's only instance. */
static void
test_companies_take_turns(void **state)
{
	struct targets *s = make(10000);

	(void)state;
	for (int i = 0; i < 50; i++)
		hint(s, 1, 7, 100 + i);
	hint(s, 2, 8, 500);
	assert_int_equal(target_instance(targets_pick(s)), 100);
	assert_int_equal(target_instance(targets_pick(s)), 500);
	assert_int_equal(target_instance(targets_pick(s)), 101);
	targets_free(s);
}

static void
test_higher_class_moves_a_wanted_target(void **state)
{
	struct targets *s = make(100);

	(void)state;
	hint_at(s, 1, 7, 12, MQ_CLASS_LOW, NOW);
	hint_at(s, 2, 7, 13, MQ_CLASS_NORMAL, NOW);
	hint_at(s, 3, 7, 12, MQ_CLASS_HIGH, NOW);
	assert_int_equal(target_instance(targets_pick(s)), 12);
	assert_int_equal(target_instance(targets_pick(s)), 13);
	targets_free(s);
}

/* An urgent message does not lend its class to the backlog behind it. */
static void
test_backlog_falls_to_its_own_class(void **state)
{
	struct targets *s = make(100);
	struct target *t;
	unsigned granted;

	(void)state;
	hint_at(s, 1, 7, 12, MQ_CLASS_HIGH, NOW);
	t = take(s, &granted);
	targets_claimed(s, t, granted, granted, MQ_CLASS_LOW, true, NOW);
	hint_at(s, 2, 7, 13, MQ_CLASS_NORMAL, NOW);
	assert_int_equal(target_instance(targets_pick(s)), 13);
	assert_int_equal(target_instance(targets_pick(s)), 12);
	targets_free(s);
}

static void
test_slots_are_shared_and_bounded(void **state)
{
	struct targets *s = make(10);
	struct target *a, *b;
	unsigned na, nb;

	(void)state;
	hint(s, 1, 7, 12);
	hint(s, 2, 8, 13);
	a = take(s, &na);
	b = take(s, &nb);
	assert_int_equal(na, 5);
	assert_int_equal(nb, 5);
	hint(s, 3, 9, 14);
	assert_null(targets_pick(s)); /* all slots are reserved */
	claimed(s, a, na, 0, false);
	claimed(s, b, nb, 5, true);
	assert_int_equal(targets_call_count(s), 5);
	a = take(s, &na);
	assert_int_equal(target_instance(a), 14);
	assert_int_equal(na, 2); /* half of what is free: 13 is wanted too */
	targets_free(s);
}

/* Results that are not stored hold claims back, else a slow database would fill memory. */
static void
test_unstored_results_bound_claims(void **state)
{
	struct targets *s = make(2);
	struct target *t;
	unsigned granted;

	(void)state;
	hint(s, 1, 7, 12);
	for (int i = 0; i < 2; i++) {
		t = take(s, &granted);
		assert_int_equal(granted, 2);
		claimed(s, t, granted, 2, true);
		call_ended(s, t, false);
		call_ended(s, t, false);
	}
	assert_int_equal(targets_open_count(s), 4);
	assert_null(targets_pick(s));
	targets_settled(s, t);
	assert_non_null(targets_pick(s));
	targets_free(s);
}

static void
test_provider_limit_blocks_and_wakes(void **state)
{
	struct targets *s = make(100);
	struct target *a, *b;
	unsigned na;

	(void)state;
	hint(s, 1, 7, 12);
	hint(s, 2, 8, 13);
	a = targets_pick(s);
	na = targets_grant(s, a, 5, 3, NOW);
	assert_int_equal(na, 3);
	b = targets_pick(s);
	assert_int_equal(targets_grant(s, b, 5, 3, NOW), 0);
	assert_int_equal(targets_state_count(s, TARGET_BLOCKED), 1);
	assert_null(targets_pick(s));
	/* Slots that the claim did not use wake the blocked one, no call needs to end. */
	claimed(s, a, na, 1, false);
	assert_ptr_equal(targets_pick(s), b);
	assert_int_equal(targets_grant(s, b, 5, 3, NOW), 2);
	targets_free(s);
}

static void
test_parked_target_waits_then_probes(void **state)
{
	struct targets *s = make(100);
	struct target *t;
	unsigned granted;

	(void)state;
	hint(s, 1, 7, 12);
	t = take(s, &granted);
	claimed(s, t, granted, 2, true);
	assert_ptr_equal(targets_pick(s), t);
	targets_want(s, t);
	call_ended(s, t, true);
	assert_int_equal(released[1], 1);
	assert_int_equal(targets_state_count(s, TARGET_PARKED), 1);
	call_ended(s, t, true);
	targets_settled(s, t);
	targets_settled(s, t);
	assert_null(targets_pick(s));

	/* Too early a hint is carried by the parked rows' own timer. */
	hint_at(s, 2, 7, 12, MQ_CLASS_NORMAL, NOW + TARGETS_PROBE_US - 1);
	assert_int_equal(released[2], 1);
	assert_null(targets_pick(s));

	assert_true(targets_expire(s, NOW + 1) == NOW + TARGETS_PARK_US);
	assert_true(targets_expire(s, NOW + TARGETS_PARK_US) == 0);
	t = take(s, &granted);
	assert_int_equal(granted, 1);
	/* One probe at a time, however much is due. */
	claimed(s, t, granted, 1, true);
	assert_null(targets_pick(s));
	finish(s, t, false);
	t = take(s, &granted);
	assert_int_equal(granted, SEND_CLAIM_ROWS);
	targets_free(s);
}

/* The session came back: its hint need not wait for the end of the parking. */
static void
test_hint_after_a_while_probes_a_parked_target(void **state)
{
	struct targets *s = make(100);
	struct target *t;
	unsigned granted;

	(void)state;
	hint(s, 1, 7, 12);
	t = take(s, &granted);
	claimed(s, t, granted, 1, false);
	finish(s, t, true);
	hint_at(s, 2, 7, 12, MQ_CLASS_NORMAL, NOW + TARGETS_PROBE_US);
	t = take(s, &granted);
	assert_int_equal(granted, 1);
	claimed(s, t, granted, 0, false);
	assert_int_equal(released[2], 1);
	assert_int_equal(targets_count(s), 0);
	assert_true(targets_expire(s, NOW + 2 * TARGETS_PARK_US) == 0);
	targets_free(s);
}

static void
test_failed_claim_keeps_the_hint(void **state)
{
	struct targets *s = make(100);
	struct target *t;
	unsigned granted;

	(void)state;
	hint(s, 1, 7, 12);
	t = take(s, &granted);
	targets_claim_failed(s, t, granted, false, NOW);
	assert_int_equal(released[1], 0);
	assert_ptr_equal(take(s, &granted), t);
	assert_int_equal(granted, SEND_CLAIM_ROWS);
	claimed(s, t, granted, 0, false);
	assert_int_equal(released[1], 1);
	targets_free(s);
}

static void
test_deferred_target_takes_hints(void **state)
{
	struct targets *s = make(100);
	struct target *t;

	(void)state;
	hint(s, 1, 7, 12);
	t = targets_pick(s);
	targets_defer(s, t);
	assert_null(targets_pick(s));
	hint(s, 2, 7, 12);
	assert_int_equal(released[2], 1); /* hint 1 stands for it */
	targets_want(s, t);
	assert_ptr_equal(targets_pick(s), t);
	targets_drop(s, t);
	assert_int_equal(released[1], 1);
	assert_int_equal(targets_count(s), 0);
	targets_free(s);
}

/* A route that cannot be read parks a target that never had a provider. */
static void
test_claim_failed_before_any_grant(void **state)
{
	struct targets *s = make(100);
	struct target *t;

	(void)state;
	hint(s, 1, 7, 12);
	t = targets_pick(s);
	targets_defer(s, t);
	targets_claim_failed(s, t, 0, true, NOW);
	assert_int_equal(targets_state_count(s, TARGET_PARKED), 1);
	assert_true(targets_expire(s, NOW + TARGETS_PARK_US) == 0);
	assert_ptr_equal(targets_pick(s), t);
	targets_free(s);
}

static void
test_hint_is_not_held_for_ever(void **state)
{
	struct targets *s = make(100);
	struct target *t;
	unsigned granted;

	(void)state;
	hint(s, 1, 7, 12);
	t = take(s, &granted);
	targets_claimed(s, t, granted, 1, MQ_CLASS_NORMAL, true, NOW + TARGETS_HOLD_US);
	assert_int_equal(released[1], 0);
	t = take(s, &granted);
	targets_claimed(s, t, granted, 1, MQ_CLASS_NORMAL, true, NOW + TARGETS_HOLD_US + 1);
	assert_int_equal(released[1], 1);
	assert_int_equal(targets_state_count(s, TARGET_WANTED), 1);
	targets_free(s);
}

/* ---- the breaker of a provider ---- */

/* One call of the target ends with that news and its result is stored. */
static enum breaker_change
end_with(struct targets *s, struct target *t, enum breaker_news news, int64_t now_us)
{
	int64_t wait_us;
	enum breaker_change change = targets_call_ended(s, t, news, false, now_us, &wait_us);

	assert_int_equal(wait_us > 0, change == BREAKER_OPENED || change == BREAKER_AGAIN);
	targets_settled(s, t);
	return change;
}

/* Pick whoever is next and grant at provider 1; NULL when no call may be made. */
static struct target *
try_call(struct targets *s, int64_t now_us)
{
	struct target *t;

	(void)targets_expire(s, now_us);
	while ((t = targets_pick(s)) != NULL) {
		unsigned granted = targets_grant(s, t, 1, 0, now_us);

		if (granted == 0)
			continue;
		targets_claimed(s, t, granted, 1, MQ_CLASS_NORMAL, false, now_us);
		return t;
	}
	return NULL;
}

static void
test_a_server_that_is_down_is_probed_by_one_call_at_a_time(void **state)
{
	struct targets *s = make(100);
	int64_t now_us = NOW, gone_us = 0;
	unsigned probes = 0;
	struct target *t;

	(void)state;
	for (int32_t i = 1; i <= 40; i++)
		hint(s, (uintptr_t)i, 7, i);
	t = try_call(s, now_us);
	assert_int_equal(end_with(s, t, BREAKER_DOWN, now_us), BREAKER_OPENED);
	for (; gone_us < 600 * CLOCK_SEC; gone_us += 100 * CLOCK_MS) {
		t = try_call(s, now_us + gone_us);
		if (t == NULL)
			continue;
		probes++;
		assert_null(try_call(s, now_us + gone_us)); /* one at a time */
		assert_int_equal(end_with(s, t, BREAKER_DOWN, now_us + gone_us), BREAKER_AGAIN);
	}
	/* 1 + 2 + 4 + 8 + 16 s, then each 30 s, all give or take a fifth. */
	assert_in_range(probes, 18, 30);
	/* No hint is held while it is open, and few targets are remembered. */
	for (unsigned i = 1; i <= 40; i++)
		assert_int_equal(released[i], 1);
	assert_in_range(targets_count(s), 1, TARGETS_CANDIDATES + 1);
	targets_free(s);
}

static void
test_a_success_closes_and_wakes_the_candidates(void **state)
{
	struct targets *s = make(100);
	struct target *t, *u;
	int64_t later_us = NOW + 2 * CLOCK_SEC;

	(void)state;
	hint(s, 1, 7, 12);
	hint(s, 2, 7, 13);
	hint(s, 3, 7, 14);
	t = try_call(s, NOW);
	assert_int_equal(end_with(s, t, BREAKER_DOWN, NOW), BREAKER_OPENED);
	assert_null(try_call(s, NOW));
	assert_true(targets_expire(s, NOW) > NOW);
	t = try_call(s, later_us);
	assert_non_null(t);
	assert_null(try_call(s, later_us));
	assert_int_equal(end_with(s, t, BREAKER_WORKS, later_us), BREAKER_CLOSED);
	t = try_call(s, later_us);
	u = try_call(s, later_us);
	assert_true(t != NULL && u != NULL && t != u);
	targets_free(s);
}

/* A probe whose instance has nothing to send leaves its turn to the next. */
static void
test_an_empty_probe_passes_the_turn_on(void **state)
{
	struct targets *s = make(100);
	struct target *t, *next;
	int64_t later_us = NOW + 2 * CLOCK_SEC;

	(void)state;
	hint(s, 1, 7, 12);
	hint(s, 2, 7, 13);
	t = try_call(s, NOW);
	assert_int_equal(end_with(s, t, BREAKER_DOWN, NOW), BREAKER_OPENED);
	assert_null(try_call(s, NOW));
	(void)targets_expire(s, later_us);
	t = targets_pick(s);
	assert_int_equal(targets_grant(s, t, 1, 0, later_us), 1);
	targets_claimed(s, t, 1, 0, MQ_CLASS_NORMAL, false, later_us);
	next = try_call(s, later_us);
	assert_non_null(next);
	/* Under way: not idle, however long it takes. */
	(void)targets_expire(s, later_us + 2 * BREAKER_IDLE_US);
	assert_int_equal(forgotten, 0);
	assert_int_equal(end_with(s, next, BREAKER_WORKS, later_us), BREAKER_CLOSED);
	targets_free(s);
}

/* Another sender took all that waited: nobody is left to find out that the server is back. */
static void
test_a_breaker_nobody_needs_is_forgotten(void **state)
{
	struct targets *s = make(100);
	struct target *t;

	(void)state;
	hint(s, 1, 7, 12);
	t = try_call(s, NOW);
	assert_int_equal(end_with(s, t, BREAKER_DOWN, NOW), BREAKER_OPENED);
	assert_null(try_call(s, NOW));
	(void)targets_expire(s, NOW + 2 * CLOCK_SEC);
	t = targets_pick(s);
	assert_int_equal(targets_grant(s, t, 1, 0, NOW + 2 * CLOCK_SEC), 1);
	targets_claimed(s, t, 1, 0, MQ_CLASS_NORMAL, false, NOW + 2 * CLOCK_SEC);
	assert_true(targets_expire(s, NOW + 2 * CLOCK_SEC) > NOW + BREAKER_IDLE_US);
	assert_int_equal(forgotten, 0);
	assert_int_equal(targets_expire(s, NOW + 2 * CLOCK_SEC + BREAKER_IDLE_US), 0);
	assert_int_equal(forgotten, 1);
	targets_free(s);
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hint_is_released_when_nothing_is_left),
		cmocka_unit_test(test_hint_is_held_while_there_is_more),
		cmocka_unit_test(test_hint_during_claim_causes_another),
		cmocka_unit_test(test_result_during_claim_causes_another),
		cmocka_unit_test(test_hint_of_many_targets_waits_for_all),
		cmocka_unit_test(test_classes_are_weighted),
		cmocka_unit_test(test_companies_take_turns),
		cmocka_unit_test(test_higher_class_moves_a_wanted_target),
		cmocka_unit_test(test_backlog_falls_to_its_own_class),
		cmocka_unit_test(test_slots_are_shared_and_bounded),
		cmocka_unit_test(test_unstored_results_bound_claims),
		cmocka_unit_test(test_provider_limit_blocks_and_wakes),
		cmocka_unit_test(test_parked_target_waits_then_probes),
		cmocka_unit_test(test_hint_after_a_while_probes_a_parked_target),
		cmocka_unit_test(test_failed_claim_keeps_the_hint),
		cmocka_unit_test(test_deferred_target_takes_hints),
		cmocka_unit_test(test_claim_failed_before_any_grant),
		cmocka_unit_test(test_hint_is_not_held_for_ever),
		cmocka_unit_test(test_a_server_that_is_down_is_probed_by_one_call_at_a_time),
		cmocka_unit_test(test_a_success_closes_and_wakes_the_candidates),
		cmocka_unit_test(test_an_empty_probe_passes_the_turn_on),
		cmocka_unit_test(test_a_breaker_nobody_needs_is_forgotten),
		cmocka_unit_test(test_doubts_open_after_five_in_a_row),
	};

	return cmocka_run_group_tests_name("senderd targets", tests, NULL, NULL);
}
