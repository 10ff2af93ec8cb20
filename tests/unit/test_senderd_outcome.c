/* test_senderd_outcome.c - every provider outcome becomes the right result; delays, last
 * tries, reasons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "senderd/outcome.c"

static const struct outcome_policy policy = {
	.max_attempts = 4, .in_doubt_wait_us = 60 * CLOCK_SEC, .ref_is_id = true};

#define SEC(n) ((n)*CLOCK_SEC)

static const struct outcome_case {
	const char *name;
	enum provider_outcome in;
	const char *code, *text, *external_id;
	int64_t retry_after_us;
	int16_t tries;
	enum send_outcome outcome;
	int64_t delay_min_us, delay_max_us;
	const char *want_id, *want_code, *want_text; /* NULL: absent */
	enum event_type event;
	bool parks;
} cases[] = {
	{"sent", PROVIDER_OK, "ok", "", "WA1", 0, 1, SEND_DONE_SENT, 0, 0, "WA1", NULL, NULL,
	 EVENT_MESSAGE_SENT, false},
	{"sent without an id", PROVIDER_OK, "ok", "", NULL, 0, 1, SEND_DONE_SENT, 0, 0, "REF", NULL,
	 NULL, EVENT_MESSAGE_SENT, false},
	{"first retry", PROVIDER_RETRY, "refused", "connection refused", NULL, 0, 1, SEND_RETRY,
	 SEC(4), SEC(6), NULL, "refused", "connection refused", EVENT_NONE, false},
	{"second retry", PROVIDER_RETRY, "refused", "", NULL, 0, 2, SEND_RETRY, SEC(24), SEC(36),
	 NULL, "refused", "refused", EVENT_NONE, false},
	{"third retry", PROVIDER_RETRY, "refused", "", NULL, 0, 3, SEND_RETRY, SEC(96), SEC(144),
	 NULL, "refused", "refused", EVENT_NONE, false},
	{"last try", PROVIDER_RETRY, "refused", "no route", NULL, 0, 4, SEND_DONE_FAILED, 0, 0,
	 NULL, "attempts_exhausted", "refused: no route", EVENT_MESSAGE_FAILED, false},
	{"the provider's wish", PROVIDER_RETRY, "rate_limited", "", NULL, SEC(7), 1, SEND_RETRY,
	 SEC(7), SEC(7), NULL, "rate_limited", "rate_limited", EVENT_NONE, false},
	{"an absurd wish", PROVIDER_RETRY, "rate_limited", "", NULL, SEC(999999), 1, SEND_RETRY,
	 OUTCOME_RETRY_AFTER_MAX, OUTCOME_RETRY_AFTER_MAX, NULL, "rate_limited", "rate_limited",
	 EVENT_NONE, false},
	{"rejected", PROVIDER_REJECTED, "invalid_number", "not on WhatsApp", NULL, 0, 1,
	 SEND_DONE_FAILED, 0, 0, NULL, "invalid_number", "not on WhatsApp", EVENT_MESSAGE_FAILED,
	 false},
	{"in doubt", PROVIDER_UNKNOWN, "no_answer", "timeout", NULL, 0, 4, SEND_DOUBT, SEC(60),
	 SEC(60), NULL, "no_answer", "timeout", EVENT_MESSAGE_IN_DOUBT, false},
	{"session down", PROVIDER_PARK_INSTANCE, "not_working", "STOPPED", NULL, 0, 4, SEND_PARK,
	 SEC(15), SEC(15), NULL, "waiting_instance", "STOPPED", EVENT_NONE, true},
	{"wrong key", PROVIDER_PARK_PROVIDER, "unauthorized", "", NULL, 0, 4, SEND_PARK, SEC(15),
	 SEC(15), NULL, "waiting_provider", "unauthorized", EVENT_NONE, false},
};

static void
check_text(const struct outcome_case *c, const char *what, struct slice got, const char *want)
{
	if ((got.p == NULL) != (want == NULL) || (want != NULL && !slice_eq(got, slice_of(want))))
		fail_msg("%s: %s is \"%.*s\"", c->name, what, (int)got.n, got.p ? got.p : "");
}

static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		const struct outcome_case *c = &cases[i];
		const struct send_claim claim = {.tries = c->tries, .send_ref = S("REF")};
		struct provider_result r = {
			.outcome = c->in,
			.code = c->code,
			.external_id = slice_of(c->external_id),
			.retry_after_us = c->retry_after_us,
		};
		struct arena *a = arena_new(0);
		struct send_result out = {.attempt = 9};

		provider_text_set(r.text, slice_of(c->text));
		outcome_decide(&policy, &claim, &r, a, &out);
		if (out.outcome != c->outcome || out.event_type != c->event)
			fail_msg("%s: outcome %d, event %d", c->name, (int)out.outcome,
				 (int)out.event_type);
		if (out.delay_us < c->delay_min_us || out.delay_us > c->delay_max_us)
			fail_msg("%s: delay %lld us", c->name, (long long)out.delay_us);
		check_text(c, "external id", out.external_id, c->want_id);
		check_text(c, "code", out.code, c->want_code);
		check_text(c, "text", out.text, c->want_text);
		if (outcome_parks(&r) != c->parks)
			fail_msg("%s: parks", c->name);
		assert_int_equal(out.attempt, 9);
		arena_free(a);
	}
}

/* A refusal that made a pause is tried after it, as often as anything; in doubt it stays so. */
static void
test_first_contact_waits(void **state)
{
	struct outcome_policy paused = policy;
	const struct provider_result r = {.outcome = PROVIDER_REJECTED,
					  .code = "first_contact_refused"};
	struct send_claim claim = {.tries = 3};
	struct arena *a = arena_new(0);
	struct send_result out = {0};

	(void)state;
	paused.new_chats_us = SEC(7);
	outcome_decide(&paused, &claim, &r, a, &out);
	assert_int_equal(out.outcome, SEND_RETRY);
	assert_int_equal(out.delay_us, SEC(7));
	assert_int_equal(out.event_type, EVENT_NONE);
	assert_true(slice_eq(out.code, S("first_contact_refused")));
	claim.is_in_doubt = true;
	outcome_decide(&paused, &claim, &r, a, &out);
	assert_int_equal(out.outcome, SEND_DOUBT);
	claim = (struct send_claim){.tries = 4};
	outcome_decide(&paused, &claim, &r, a, &out);
	assert_int_equal(out.outcome, SEND_DONE_FAILED);
	assert_int_equal(out.event_type, EVENT_MESSAGE_FAILED);
	arena_free(a);
}

static void
test_pauses(void **state)
{
	static const struct {
		const char *code;
		int64_t told_us, want_us; /* 0: no pause */
		int32_t needed;
	} pauses[] = {
		{"first_contact_refused", SEC(1000 + 60), SEC(60), 1},
		{"first_contact_refused", 0, SEC(7200), 1},
		{"first_contact_refused", SEC(1000), SEC(7200), 1}, /* over: not told */
		{"first_contact_refused", INT64_MAX, OUTCOME_PAUSE_MAX, 1},
		{"whatsapp_policy", 0, OUTCOME_POLICY_PAUSE_US, OUTCOME_POLICY_NEEDED},
		{"whatsapp_rate_limited", 0, OUTCOME_POLICY_PAUSE_US, OUTCOME_POLICY_NEEDED},
		{"recipient_unknown", 0, 0, 0},
		{"ok", 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(pauses); i++) {
		const struct provider_result r = {.code = pauses[i].code,
						  .until_us = pauses[i].told_us};
		struct outcome_pause got = {0};
		bool is_pause = outcome_pauses(&r, SEC(7200), SEC(1000), &got);

		assert_int_equal(is_pause, pauses[i].want_us > 0);
		if (is_pause && (got.until_us != SEC(1000) + pauses[i].want_us ||
				 got.needed != pauses[i].needed))
			fail_msg("%zu: until %lld us", i, (long long)got.until_us);
	}
	/* No longer than the default, where that is short. */
	struct outcome_pause got;

	assert_true(outcome_pauses(&(struct provider_result){.code = "whatsapp_policy"}, SEC(60), 0,
				   &got));
	assert_int_equal(got.until_us, SEC(60));
}

/* Many messages that fail together must not come back together. */
static void
test_retries_are_spread(void **state)
{
	int64_t low = INT64_MAX, high = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		int64_t d = retry_delay_us(1, 0);

		low = d < low ? d : low;
		high = d > high ? d : high;
	}
	assert_true(low >= SEC(4) && high <= SEC(6) && high - low > CLOCK_SEC);
	/* Beyond the schedule its last delay repeats; nonsense counts as the first try. */
	assert_true(retry_delay_us(17, 0) >= SEC(96));
	assert_true(retry_delay_us(0, 0) <= SEC(6));
}

static void
test_words(void **state)
{
	(void)state;
	assert_int_equal(outcome_status(SEND_DONE_SENT), MSG_SENT);
	assert_int_equal(outcome_status(SEND_DOUBT), MSG_IN_DOUBT);
	assert_int_equal(outcome_status(SEND_DONE_FAILED), MSG_FAILED);
	assert_int_equal(outcome_status(SEND_RETRY), MSG_QUEUED);
	assert_string_equal(outcome_event(SEND_DONE_SENT), "send.sent");
	assert_string_equal(outcome_event(SEND_DONE_FAILED), "send.failed");
	assert_string_equal(outcome_event(SEND_PARK), "send.parked");
}

/* ---- in doubt ---- */

/* What the first step with a row is. */
static void
test_first_step(void **state)
{
	static const struct {
		struct send_claim claim;
		bool can_look_up;
		enum outcome_step want;
	} t[] = {
		{{.tries = 1}, true, OUTCOME_CALL},
		{{.tries = 1, .is_hold = true}, true, OUTCOME_CALL}, /* never in doubt */
		{{.tries = 2, .is_in_doubt = true, .send_ref = S("R")}, true, OUTCOME_LOOK_UP},
		{{.tries = 2, .is_in_doubt = true, .send_ref = S("R")}, false, OUTCOME_CALL},
		{{.tries = 2, .is_in_doubt = true}, true, OUTCOME_CALL},
		{{.tries = 2, .is_in_doubt = true, .is_hold = true}, true, OUTCOME_HOLD},
		{{.tries = 2, .is_in_doubt = true, .is_hold = true, .send_ref = S("R")},
		 true,
		 OUTCOME_LOOK_UP},
		{{.tries = 2, .is_in_doubt = true, .send_ref = S("R"), .lookups = 2},
		 true,
		 OUTCOME_LOOK_UP},
		{{.tries = 2, .is_in_doubt = true, .send_ref = S("R"), .lookups = 3},
		 true,
		 OUTCOME_CALL},
		{{.tries = 5, .is_in_doubt = true, .send_ref = S("R"), .lookups = 3},
		 true,
		 OUTCOME_HOLD}, /* four calls were made */
		{{.tries = 3, .is_in_doubt = true, .send_ref = S("R"), .is_resent = true},
		 true,
		 OUTCOME_LOOK_UP},
		{{.tries = 3, .is_in_doubt = true, .is_resent = true}, true, OUTCOME_HOLD},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(t); i++)
		if (outcome_first_step(&policy, &t[i].claim, t[i].can_look_up) != t[i].want)
			fail_msg("case %zu", i);
}

/* Where a repeated reference is a second message, nobody sends one unasked. */
static void
test_no_blind_resend(void **state)
{
	struct outcome_policy careful = policy;
	struct send_claim c = {.tries = 2, .is_in_doubt = true, .send_ref = S("R")};

	(void)state;
	careful.ref_is_id = false;
	assert_int_equal(outcome_first_step(&careful, &c, true), OUTCOME_LOOK_UP);
	c.lookups = OUTCOME_LOOKUPS_MAX;
	assert_int_equal(outcome_first_step(&careful, &c, true), OUTCOME_HOLD);
	c.wants_resend = true;
	assert_int_equal(outcome_first_step(&careful, &c, true), OUTCOME_CALL);
}

static void
test_look_up(void **state)
{
	static const struct {
		struct provider_result r;
		bool is_hold;
		bool calls;
		enum send_outcome want;
		const char *code;
	} t[] = {
		{{.outcome = PROVIDER_OK, .is_found = true},
		 false,
		 false,
		 SEND_DONE_SENT,
		 "lookup"},
		{{.outcome = PROVIDER_OK, .is_found = true}, true, false, SEND_DONE_SENT, "lookup"},
		{{.outcome = PROVIDER_OK,
		  .is_found = true,
		  .has_status = true,
		  .status = MSG_FAILED},
		 false,
		 false,
		 SEND_DONE_FAILED,
		 "provider_reported"},
		{{.outcome = PROVIDER_OK}, false, true, SEND_DONE_SENT, NULL},
		{{.outcome = PROVIDER_OK}, true, false, SEND_HOLD, "held"},
		{{.outcome = PROVIDER_RETRY}, false, false, SEND_UNSEEN, "c"},
		{{.outcome = PROVIDER_REJECTED}, false, false, SEND_UNSEEN, "c"},
		{{.outcome = PROVIDER_PARK_INSTANCE}, true, false, SEND_DOUBT, "waiting_instance"},
		{{.outcome = PROVIDER_PARK_PROVIDER}, false, false, SEND_DOUBT, "waiting_provider"},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(t); i++) {
		const struct send_claim c = {.tries = 2,
					     .is_in_doubt = true,
					     .is_hold = t[i].is_hold,
					     .send_ref = S("R")};
		struct provider_result r = t[i].r;
		struct send_result out = {.attempt = 2};

		r.code = "c";
		if (outcome_looked_up(&policy, &c, &r, &out) != t[i].calls)
			fail_msg("case %zu: call", i);
		if (t[i].calls)
			continue;
		if (out.outcome != t[i].want || !slice_eq(out.code, slice_of(t[i].code)))
			fail_msg("case %zu: outcome %d", i, (int)out.outcome);
		assert_true(out.is_uncounted);
	}
}

/* Where the provider chooses the id, the reference is none: an echo may tell it yet. */
static void
test_a_reference_is_no_id(void **state)
{
	const struct outcome_policy other = {.max_attempts = 4};
	const struct send_claim c = {.tries = 1, .send_ref = S("REF")};
	const struct send_claim doubted = {.tries = 2, .is_in_doubt = true, .send_ref = S("REF")};
	struct provider_result r = {.outcome = PROVIDER_OK, .code = "ok", .is_found = true};
	struct send_result out = {.external_id = S("old")};

	(void)state;
	outcome_decide(&other, &c, &r, NULL, &out);
	assert_int_equal(out.outcome, SEND_DONE_SENT);
	assert_null(out.external_id.p);
	out.external_id = S("old");
	assert_false(outcome_looked_up(&other, &doubted, &r, &out));
	assert_int_equal(out.outcome, SEND_DONE_SENT);
	assert_null(out.external_id.p);
	assert_false(outcome_looked_up(&policy, &doubted, &r, &out));
	assert_true(slice_eq(out.external_id, S("REF")));
	r.external_id = S("WA1");
	outcome_decide(&other, &c, &r, NULL, &out);
	assert_true(slice_eq(out.external_id, S("WA1")));
}

/* A server that is down must not use up the look-ups; one that answers may be believed twice. */
static void
test_look_up_bounds(void **state)
{
	struct outcome_policy at_probe = policy;
	const struct provider_result failed = {.outcome = PROVIDER_RETRY, .code = "c"};
	const struct provider_result absent = {.outcome = PROVIDER_OK, .code = "not_found"};
	struct send_claim c = {.tries = 2, .is_in_doubt = true, .send_ref = S("R")};
	struct send_result out = {0};

	(void)state;
	at_probe.provider_park_us = SEC(3);
	assert_false(outcome_looked_up(&at_probe, &c, &failed, &out));
	assert_int_equal(out.outcome, SEND_DOUBT);
	assert_int_equal(out.delay_us, SEC(3));
	c.is_resent = true;
	assert_true(outcome_looked_up(&policy, &c, &absent, &out));
	c.tries = 5;
	assert_false(outcome_looked_up(&policy, &c, &absent, &out));
	assert_int_equal(out.outcome, SEND_HOLD);
}

/* Whatever a resend meets, the first call may have been executed: never back to "queued". */
static void
test_a_resend_keeps_the_doubt(void **state)
{
	static const struct {
		enum provider_outcome in;
		int16_t tries;
		enum send_outcome want;
		bool is_uncounted;
	} t[] = {
		{PROVIDER_OK, 2, SEND_DONE_SENT, false},
		{PROVIDER_RETRY, 2, SEND_DOUBT, false},
		{PROVIDER_RETRY, 4, SEND_HOLD, false},
		{PROVIDER_UNKNOWN, 2, SEND_DOUBT_AGAIN, false},
		{PROVIDER_PARK_INSTANCE, 2, SEND_DOUBT, true},
		{PROVIDER_PARK_PROVIDER, 2, SEND_DOUBT, true},
		{PROVIDER_REJECTED, 2, SEND_DONE_FAILED, false},
	};
	struct outcome_policy at_probe = policy;

	(void)state;
	at_probe.provider_park_us = SEC(3);
	for (size_t i = 0; i < GH_COUNT(t); i++) {
		const struct send_claim c = {.tries = t[i].tries, .is_in_doubt = true};
		const struct provider_result r = {.outcome = t[i].in, .code = "c"};
		struct send_result out = {0};

		outcome_decide(&at_probe, &c, &r, NULL, &out);
		if (out.outcome != t[i].want || out.is_uncounted != t[i].is_uncounted)
			fail_msg("case %zu: outcome %d", i, (int)out.outcome);
		if (t[i].in == PROVIDER_PARK_PROVIDER)
			assert_int_equal(out.delay_us, SEC(3)); /* with the next probe */
	}
}

static void
test_news_for_the_breaker(void **state)
{
	static const struct {
		enum provider_outcome in;
		bool is_look_up;
		enum breaker_news want;
	} t[] = {
		{PROVIDER_OK, false, BREAKER_WORKS},
		{PROVIDER_REJECTED, false, BREAKER_WORKS},
		{PROVIDER_RETRY, false, BREAKER_WORKS},
		{PROVIDER_RETRY, true, BREAKER_DOUBT},
		{PROVIDER_UNKNOWN, false, BREAKER_DOUBT},
		{PROVIDER_PARK_INSTANCE, false, BREAKER_WORKS},
		{PROVIDER_PARK_PROVIDER, false, BREAKER_DOWN},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(t); i++) {
		const struct provider_result r = {.outcome = t[i].in};

		assert_int_equal(outcome_news(&r, t[i].is_look_up), t[i].want);
	}
}

/* A receipt came first: sent, which whoever was not told by then must hear. */
static void
test_settled(void **state GH_UNUSED)
{
	struct send_result out = {0};

	outcome_settled(&out);
	assert_int_equal(out.outcome, SEND_DONE_SENT);
	assert_int_equal(out.event_type, EVENT_MESSAGE_SENT);
	assert_true(out.is_uncounted);
	assert_true(slice_eq(out.code, S("receipt")));
}

/* Nobody's fault: no try is burnt; a row in doubt stays so. */
static void
test_postpone(void **state GH_UNUSED)
{
	const struct send_claim first = {.tries = 4}, again = {.tries = 2, .is_in_doubt = true};
	struct send_result out = {.external_id = S("old"), .event_type = EVENT_MESSAGE_SENT};

	outcome_postpone(&first, "waiting_media", "no room", &out);
	assert_int_equal(out.outcome, SEND_PARK);
	assert_true(out.is_uncounted);
	assert_int_equal(out.delay_us, OUTCOME_PARK_US);
	assert_int_equal(out.event_type, EVENT_NONE);
	assert_null(out.external_id.p);
	assert_true(slice_eq(out.code, S("waiting_media")));
	outcome_postpone(&again, "waiting_media", "no room", &out);
	assert_int_equal(out.outcome, SEND_DOUBT);
	assert_true(out.is_uncounted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postpone),
		cmocka_unit_test(test_settled),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_first_contact_waits),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_retries_are_spread),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_first_step),
		cmocka_unit_test(test_no_blind_resend),
		cmocka_unit_test(test_look_up),
		cmocka_unit_test(test_a_reference_is_no_id),
		cmocka_unit_test(test_look_up_bounds),
		cmocka_unit_test(test_a_resend_keeps_the_doubt),
		cmocka_unit_test(test_news_for_the_breaker),
	};

	return cmocka_run_group_tests_name("senderd outcome", tests, NULL, NULL);
}
