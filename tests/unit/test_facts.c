/* test_facts.c - the exact text of event facts; absent is left out; long texts are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "http/json.h"
#include "model/facts.c"

static const struct uuid id = {{0x01, 0x9a, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1}};

static const struct {
	const char *name;
	struct facts_message in;
	const char *text;
} message_cases[] = {
	{"sent",
	 {.id = id,
	  .external_id = {"3EB0A", 5},
	  .reference = {"order \"1\"", 9},
	  .from = {"5511900000001", 13},
	  .to = {"5511900000002@c.us", 18},
	  .status = MSG_SENT,
	  .ack = FACTS_ACK_NONE,
	  .instance_name = {"loja", 4},
	  .session = {"s1", 2},
	  .attempt = 1},
	 "{\"id\":\"019a0000-0000-7000-8000-000000000001\",\"message_id\":\"3EB0A\","
	 "\"reference\":\"order "
	 "\\\"1\\\"\",\"from\":\"5511900000001\",\"to\":\"5511900000002@c.us\","
	 "\"status\":\"sent\",\"instance_name\":\"loja\",\"session\":\"s1\",\"attempt\":1}"},
	{"failed without provider id",
	 {.id = id,
	  .status = MSG_FAILED,
	  .ack = FACTS_ACK_NONE,
	  .error_code = {"invalid_number", 14},
	  .error_message = {"no such number", 14}},
	 "{\"id\":\"019a0000-0000-7000-8000-000000000001\",\"message_id\":null,"
	 "\"status\":\"failed\",\"error_code\":\"invalid_number\","
	 "\"error_message\":\"no such number\"}"},
	{"ack zero and below are numbers",
	 {.id = id, .status = MSG_DELIVERED, .ack = -1},
	 "{\"id\":\"019a0000-0000-7000-8000-000000000001\",\"message_id\":null,"
	 "\"status\":\"delivered\",\"ack\":-1}"},
};

static void
test_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT(message_cases); i++) {
		struct arena *a = arena_new(0);
		struct slice got = facts_message(a, &message_cases[i].in);

		if (!slice_eq(got, slice_of(message_cases[i].text)))
			fail_msg("%s: %.*s", message_cases[i].name, S_FMT(got));
		arena_free(a);
	}
}

static void
test_instance(void **state)
{
	struct arena *a = arena_new(0);
	const struct facts_instance in = {.status = S("qr"),
					  .state = S("SCAN_QR_CODE"),
					  .instance_name = S("loja"),
					  .session = S("s1"),
					  .paused_until = S("2026-10-05T18:00:00.000Z")};

	(void)state;
	assert_true(slice_eq(facts_instance(a, &in),
			     S("{\"status\":\"qr\",\"state\":\"SCAN_QR_CODE\","
			       "\"instance_name\":\"loja\",\"session\":\"s1\","
			       "\"paused_until\":\"2026-10-05T18:00:00.000Z\"}")));
	arena_free(a);
}

/* The worst texts in every field neither overflow nor break JSON. */
static void
test_long_texts_are_cut(void **state)
{
	struct arena *a = arena_new(0);
	char *worst = gh_alloc(4 * FACTS_TEXT_MAX);
	struct slice s = slice_make(worst, 4 * FACTS_TEXT_MAX);
	const struct json *doc;
	struct slice got;

	(void)state;
	for (size_t i = 0; i < s.n; i++)
		worst[i] = '\x01';
	got = facts_message(a, &(struct facts_message){.id = id,
						       .external_id = s,
						       .reference = s,
						       .from = s,
						       .to = s,
						       .status = MSG_FAILED,
						       .ack = 3,
						       .error_code = s,
						       .error_message = s,
						       .instance_name = s,
						       .session = s,
						       .attempt = 32767});
	assert_int_equal(json_parse(got, a, &doc, NULL, NULL), GH_OK);
	assert_int_equal(json_str(json_get(doc, "session")).n, FACTS_TEXT_MAX);

	/* Three-byte characters do not divide the limit: the last whole one ends the text. */
	for (size_t i = 0; i < s.n; i++)
		worst[i] = "\xe2\x82\xac"[i % 3];
	s.n = 3 * FACTS_TEXT_MAX;
	got = facts_instance(a, &(struct facts_instance){.reason = s});
	assert_int_equal(json_parse(got, a, &doc, NULL, NULL), GH_OK);
	assert_int_equal(json_str(json_get(doc, "reason")).n, FACTS_TEXT_MAX - FACTS_TEXT_MAX % 3);
	gh_free(worst);
	arena_free(a);
}

/* A part of a code is another code: all of it, beside the worst texts, or none. */
static void
test_a_code_is_whole_or_absent(void **state)
{
	struct arena *a = arena_new(0);
	char *worst = gh_alloc(FACTS_QR_MAX + 1);
	struct facts_instance in = {.qr = slice_make(worst, FACTS_QR_MAX)};
	const struct json *doc;

	(void)state;
	memset(worst, '\x01', FACTS_QR_MAX + 1);
	in.status = in.state = in.reason = in.phone_number = in.instance_name = in.session = in.qr;
	assert_int_equal(json_parse(facts_instance(a, &in), a, &doc, NULL, NULL), GH_OK);
	assert_int_equal(json_str(json_get(doc, "qr")).n, FACTS_QR_MAX);
	in.qr.n++;
	assert_int_equal(json_parse(facts_instance(a, &in), a, &doc, NULL, NULL), GH_OK);
	assert_null(json_get(doc, "qr"));
	gh_free(worst);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_instance),
		cmocka_unit_test(test_long_texts_are_cut),
		cmocka_unit_test(test_a_code_is_whole_or_absent),
	};

	return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
