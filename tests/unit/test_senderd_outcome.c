/* test_senderd_outcome.c - every provider outcome becomes the right result; delays, last
 * tries, reasons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "senderd/outcome.c"

static const struct outcome_policy policy = {.max_attempts = 4, .in_doubt_wait_us = 60 * CLOCK_SEC};

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
	 SEC(15), NULL, "waiting_provider", "unauthorized", EVENT_NONE, true},
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_retries_are_spread),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("senderd outcome", tests, NULL, NULL);
}
