/* test_eventd_schedule.c - what an answer to a webhook post means, and when the next one is due. */
#include "eventd/schedule.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_US     (INT64_C(784111777) * CLOCK_SEC) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define DRAW_LOW   0
#define DRAW_MID   2000 /* 1.0 of a planned delay, 1.2 of an asked one */
#define DRAW_HIGH  4000
#define SECONDS(n) ((n)*CLOCK_SEC)

static struct schedule_verdict
decide(int16_t attempt, unsigned status, const char *retry_after, const char *directive,
       unsigned draw)
{
	return schedule_decide(&(struct schedule_answer){
		.attempt = attempt,
		.status = status,
		.retry_after = slice_of(retry_after),
		.directive = slice_of(directive),
		.now_us = NOW_US,
		.draw = draw,
	});
}

static void
judges_answers(void **state)
{
	static const struct {
		const char *name;
		int16_t attempt;
		unsigned status;
		const char *retry_after, *directive;
		enum delivery_outcome outcome;
		int64_t delay_us, slow_us;
		bool is_disabled;
	} cases[] = {
		{"200", 1, 200, NULL, NULL, DELIVERY_OK, 0, 0, false},
		{"299 at the last", 10, 299, NULL, NULL, DELIVERY_OK, 0, 0, false},
		{"199 is none", 1, 199, NULL, NULL, DELIVERY_RETRY, SECONDS(5), 0, false},
		{"redirect", 1, 302, NULL, NULL, DELIVERY_RETRY, SECONDS(5), 0, false},
		{"400 is retried", 2, 400, NULL, NULL, DELIVERY_RETRY, SECONDS(300), 0, false},
		{"no answer", 3, 0, NULL, NULL, DELIVERY_RETRY, SECONDS(1800), 0, false},
		{"fourth", 4, 500, NULL, NULL, DELIVERY_RETRY, SECONDS(7200), 0, false},
		{"ninth", 9, 500, NULL, NULL, DELIVERY_RETRY, SECONDS(86400), 0, false},
		{"tenth", 10, 500, NULL, NULL, DELIVERY_GIVE_UP, 0, 0, false},
		{"410", 1, 410, NULL, NULL, DELIVERY_RETRY, SECONDS(5), 0, true},
		{"429", 1, 429, NULL, NULL, DELIVERY_RETRY, SECONDS(72), SECONDS(60), false},
		{"502", 1, 502, NULL, NULL, DELIVERY_RETRY, SECONDS(72), SECONDS(60), false},
		{"504 late", 2, 504, NULL, NULL, DELIVERY_RETRY, SECONDS(300), SECONDS(60), false},
		{"503 is no overload", 1, 503, NULL, NULL, DELIVERY_RETRY, SECONDS(5), 0, false},
		{"429 asks less", 1, 429, "10", NULL, DELIVERY_RETRY, SECONDS(72), SECONDS(60),
		 false},
		{"429 asks more", 1, 429, "100", NULL, DELIVERY_RETRY, SECONDS(120), SECONDS(100),
		 false},
		{"asks with 503", 1, 503, "100", NULL, DELIVERY_RETRY, SECONDS(120), 0, false},
		{"asks less than due", 2, 503, "100", NULL, DELIVERY_RETRY, SECONDS(300), 0, false},
		{"capped at a day", 1, 503, "999999999", NULL, DELIVERY_RETRY, SECONDS(103680), 0,
		 false},
		{"abort", 1, 500, NULL, "abort-message", DELIVERY_GIVE_UP, 0, 0, false},
		{"abort, case", 1, 429, NULL, "Abort-Message", DELIVERY_GIVE_UP, 0, SECONDS(60),
		 false},
		{"abort of a success", 1, 200, NULL, "abort-message", DELIVERY_OK, 0, 0, false},
		{"disable", 1, 500, NULL, "disable", DELIVERY_RETRY, SECONDS(5), 0, true},
		{"disable with 200", 1, 200, NULL, "disable", DELIVERY_OK, 0, 0, true},
		{"unknown word", 1, 500, NULL, "later", DELIVERY_RETRY, SECONDS(5), 0, false},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct schedule_verdict v =
			decide(cases[i].attempt, cases[i].status, cases[i].retry_after,
			       cases[i].directive, DRAW_MID);

		if (v.outcome != cases[i].outcome || v.delay_us != cases[i].delay_us ||
		    v.slow_us != cases[i].slow_us || v.is_disabled != cases[i].is_disabled)
			fail_msg("%s: outcome %d delay %lld slow %lld", cases[i].name,
				 (int)v.outcome, (long long)v.delay_us, (long long)v.slow_us);
	}
}

static void
jitters_both_ways_but_never_below_the_ask(void **state)
{
	(void)state;
	assert_int_equal(decide(1, 500, NULL, NULL, DRAW_LOW).delay_us, SECONDS(4));
	assert_int_equal(decide(1, 500, NULL, NULL, DRAW_HIGH).delay_us, SECONDS(6));
	/* 290 s asked, 300 s planned: 240 s would be too early. */
	assert_int_equal(decide(2, 500, "290", NULL, DRAW_LOW).delay_us, SECONDS(290));
	assert_int_equal(decide(2, 500, "290", NULL, DRAW_HIGH).delay_us, SECONDS(360));
	for (unsigned draw = 0; draw < SCHEDULE_DRAWS; draw++) {
		int64_t delay_us = decide(1, 500, "100", NULL, draw).delay_us;

		assert_in_range(delay_us, SECONDS(100), SECONDS(120));
		assert_in_range(decide(1, 504, NULL, NULL, draw).delay_us, SECONDS(60),
				SECONDS(72));
	}
}

static void
own_faults_cost_no_attempt(void **state)
{
	struct schedule_verdict v = schedule_decide(
		&(struct schedule_answer){.attempt = 10, .is_own_fault = true, .draw = DRAW_MID});

	(void)state;
	assert_int_equal(v.outcome, DELIVERY_PARK);
	assert_int_equal(v.delay_us, SECONDS(30));
	assert_false(v.is_disabled);
	assert_int_equal(v.slow_us, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_answers),
		cmocka_unit_test(jitters_both_ways_but_never_below_the_ask),
		cmocka_unit_test(own_faults_cost_no_attempt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
