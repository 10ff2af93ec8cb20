/* test_trace_words.c - phones are hidden in a trace, names of states are known. */
#include "model/trace_words.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct mask_case {
	const char *in;
	const char *out;
} mask_cases[] = {
	{"5511900000002@c.us", "5511*****0002@c.us"},
	{"5511900000002", "5511*****0002"},
	{"+5511900000002", NULL}, /* in whatever form log_phone gives it */
	{"true_5511900000002@c.us_3EB0AA", "true_5511*****0002@c.us_3EB0AA"},
	{"5511900000002@c.us_5511900000003@c.us", "5511*****0002@c.us_5511*****0003@c.us"},
	{"3EB0123456789012", "3EB0123456789012"},
	{"order-12@shop", "order-12@shop"},
	{"a@b", "a@b"},
	{"", ""},
};

static void
test_mask(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT(mask_cases); i++) {
		const struct mask_case *t = &mask_cases[i];
		char phone[LOG_PHONE_SIZE];
		const char *want = t->out != NULL ? t->out : log_phone(slice_of(t->in), phone);
		struct buf b;

		buf_init(&b, NULL, 256);
		trace_add_masked(&b, slice_of(t->in));
		assert_string_equal(buf_cstr(&b), want);
		assert_null(strstr(b.p, "11900000002"));
		buf_free(&b);
	}
}

static void
test_words(void **state)
{
	(void)state;
	assert_string_equal(trace_send_state(SEND_IN_DOUBT), "in_doubt");
	assert_string_equal(trace_send_state(SEND_HELD + 1), "unknown");
	assert_string_equal(trace_send_state(-1), "unknown");
	assert_string_equal(trace_delivery_state(DELIVERY_EXHAUSTED), "exhausted");
	assert_string_equal(trace_event_name(EVENT_MESSAGE_SENT), "message.sent");
	assert_string_equal(trace_event_name(EVENT_NONE), "unknown");
	assert_string_equal(trace_event_name(EVENT_TYPE_COUNT), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
