/* test_uazapi_answer.c - what UAZAPI's answers mean (contracts/uazapi.md sections 5.1 and 12).
 */
#include "provider/uazapi.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "answers.h"
#include "uazapi_vectors.h"

#define ERROR(text)         "{\"error\":\"" text "\"}"
#define POLICY(number, key) "{\"error\":\"no\",\"provider_code\":" number ",\"error_key\":" key "}"

static const struct answer_case answer_cases[] = {
	{PROVIDER_OP_SEND, 0, "", PROVIDER_RETRY, "provider_unreachable"},
	{PROVIDER_OP_SEND, -1, "", PROVIDER_UNKNOWN, "no_answer"},
	{PROVIDER_OP_SESSION_CREATE, -1, "", PROVIDER_UNKNOWN, "no_answer"},
	{PROVIDER_OP_ACTION, -1, "", PROVIDER_UNKNOWN, "no_answer"},
	{PROVIDER_OP_SESSION_START, -1, "", PROVIDER_RETRY, "no_answer"},
	{PROVIDER_OP_MESSAGE_GET, -1, "", PROVIDER_RETRY, "no_answer"},
	{PROVIDER_OP_SEND, 200, "<html>", PROVIDER_UNKNOWN, "answer_unreadable"},
	{PROVIDER_OP_SEND, 200, "{\"messageid\":\"A\"}", PROVIDER_OK, "ok"},
	/* An error under a good status: without an id nothing proves that it was sent. */
	{PROVIDER_OP_SEND, 200, ERROR("No session"), PROVIDER_UNKNOWN, "answer_unreadable"},
	{PROVIDER_OP_SEND, 200, "{}", PROVIDER_UNKNOWN, "answer_unreadable"},
	{PROVIDER_OP_SEND, 200, "{\"messageid\":\"A\",\"status\":\"Failed\"}", PROVIDER_REJECTED,
	 "provider_refused"},
	{PROVIDER_OP_SEND, 302, "", PROVIDER_PARK_PROVIDER, "provider_redirects"},
	{PROVIDER_OP_SEND, 400, ERROR("Missing number or text"), PROVIDER_REJECTED,
	 "provider_refused"},
	{PROVIDER_OP_SEND, 400, ERROR("5511 is not on WhatsApp"), PROVIDER_REJECTED,
	 "recipient_unknown"},
	{PROVIDER_OP_SEND, 500, ERROR("5511 is not on WhatsApp"), PROVIDER_REJECTED,
	 "recipient_unknown"},
	/* Disconnected, not refused. */
	{PROVIDER_OP_SEND, 401, ERROR("No session"), PROVIDER_PARK_INSTANCE, "session_not_working"},
	{PROVIDER_OP_ACTION, 401, ERROR("No active session"), PROVIDER_PARK_INSTANCE,
	 "session_not_working"},
	{PROVIDER_OP_SEND, 500, ERROR("No session"), PROVIDER_PARK_INSTANCE, "session_not_working"},
	{PROVIDER_OP_SEND, 500, ERROR("WhatsApp client is not connected"), PROVIDER_PARK_INSTANCE,
	 "session_not_working"},
	{PROVIDER_OP_SEND, 500, ERROR("server not available"), PROVIDER_PARK_INSTANCE,
	 "session_not_working"},
	{PROVIDER_OP_SESSION_GET, 401, ERROR("No session"), PROVIDER_OK, "ok"},
	{PROVIDER_OP_SESSION_LOGOUT, 401, ERROR("No active session"), PROVIDER_OK, "ok"},
	{PROVIDER_OP_SESSION_STOP, 500, ERROR("WhatsApp client is not connected"), PROVIDER_OK,
	 "ok"},
	/* The session's key, the server's key. */
	{PROVIDER_OP_SEND, 401, ERROR("Invalid token"), PROVIDER_PARK_INSTANCE,
	 "session_key_refused"},
	{PROVIDER_OP_SEND, 401, "", PROVIDER_PARK_INSTANCE, "session_key_refused"},
	{PROVIDER_OP_SEND, 401, ERROR("client not found"), PROVIDER_PARK_INSTANCE,
	 "session_missing"},
	{PROVIDER_OP_SESSION_GET, 401, ERROR("instance info not found"), PROVIDER_PARK_INSTANCE,
	 "session_missing"},
	/* No proof that it is gone: another server may be asked. */
	{PROVIDER_OP_SESSION_DELETE, 401, ERROR("Invalid token"), PROVIDER_PARK_INSTANCE,
	 "session_key_refused"},
	{PROVIDER_OP_SESSION_DELETE, 401, ERROR("client not found"), PROVIDER_PARK_INSTANCE,
	 "session_missing"},
	{PROVIDER_OP_SESSION_CREATE, 401, ERROR("Unauthorized"), PROVIDER_PARK_PROVIDER,
	 "provider_unauthorized"},
	{PROVIDER_OP_SERVER_VERSION, 401, ERROR("Unauthorized"), PROVIDER_PARK_PROVIDER,
	 "provider_unauthorized"},
	{PROVIDER_OP_SESSION_FIND, 403, ERROR("Invalid AdminToken Header"), PROVIDER_PARK_PROVIDER,
	 "provider_unauthorized"},
	{PROVIDER_OP_SESSION_LIST, 403, ERROR("not on this demo server"), PROVIDER_PARK_PROVIDER,
	 "provider_forbidden"},
	{PROVIDER_OP_ACTION, 403, ERROR("not an admin of the group"), PROVIDER_REJECTED,
	 "provider_refused"},
	{PROVIDER_OP_SESSION_RESTART, 403, ERROR("refused"), PROVIDER_REJECTED, "provider_refused"},
	/* Absent. */
	{PROVIDER_OP_SESSION_DELETE, 404, "", PROVIDER_PARK_PROVIDER, "provider_path"},
	{PROVIDER_OP_SESSION_DELETE, 404, ERROR("Inst\xC3\xA2ncia n\xC3\xA3o encontrada"),
	 PROVIDER_PARK_INSTANCE, "session_missing"},
	{PROVIDER_OP_SESSION_GET, 404, ERROR("Inst\xC3\xA2ncia n\xC3\xA3o encontrada"),
	 PROVIDER_PARK_INSTANCE, "session_missing"},
	{PROVIDER_OP_MESSAGE_GET, 404, ERROR("Message not found"), PROVIDER_OK, "not_found"},
	{PROVIDER_OP_MESSAGE_GET, 404, "<html>", PROVIDER_PARK_PROVIDER, "provider_path"},
	{PROVIDER_OP_SEND, 404, ERROR("Message not found"), PROVIDER_REJECTED, "not_found"},
	{PROVIDER_OP_SEND, 404, "<html>", PROVIDER_PARK_PROVIDER, "provider_path"},
	{PROVIDER_OP_ACTION, 404, ERROR("Chat not found"), PROVIDER_REJECTED, "not_found"},
	{PROVIDER_OP_SESSION_CREATE, 404, "", PROVIDER_PARK_PROVIDER, "provider_path"},
	{PROVIDER_OP_SESSION_CREATE, 405, "", PROVIDER_PARK_PROVIDER, "provider_path"},
	{PROVIDER_OP_SEND, 405, "", PROVIDER_REJECTED, "unsupported"},
	{PROVIDER_OP_ACTION, 405, "", PROVIDER_REJECTED, "unsupported"},
	{PROVIDER_OP_SERVER_VERSION, 200, "{\"hello\":1}", PROVIDER_PARK_PROVIDER, "provider_path"},
	{PROVIDER_OP_SERVER_VERSION, 200, "[]", PROVIDER_OK, "ok"},
	/* Later, or never. */
	{PROVIDER_OP_SEND, 408, "", PROVIDER_UNKNOWN, "provider_timeout"},
	{PROVIDER_OP_SEND, 425, "", PROVIDER_UNKNOWN, "provider_timeout"},
	{PROVIDER_OP_SESSION_RESTART, 409, ERROR("async queue did not drain before reset"),
	 PROVIDER_RETRY, "provider_busy"},
	{PROVIDER_OP_SEND, 413, ERROR("File size exceeds limit"), PROVIDER_REJECTED, "too_large"},
	{PROVIDER_OP_SEND, 415, ERROR("Unsupported media format"), PROVIDER_REJECTED,
	 "media_refused"},
	{PROVIDER_OP_SEND, 418, "", PROVIDER_REJECTED, "provider_refused"},
	{PROVIDER_OP_SEND, 429, ERROR("Rate limit exceeded"), PROVIDER_RETRY,
	 "provider_rate_limited"},
	{PROVIDER_OP_SESSION_START, 429, "", PROVIDER_RETRY, "provider_full"},
	{PROVIDER_OP_PAIR_CODE, 429, "", PROVIDER_RETRY, "provider_full"},
	/* What may have happened. */
	{PROVIDER_OP_SEND, 500, ERROR("Failed to send message"), PROVIDER_UNKNOWN,
	 "provider_error"},
	{PROVIDER_OP_SEND, 500, ERROR("context deadline exceeded"), PROVIDER_UNKNOWN,
	 "provider_error"},
	{PROVIDER_OP_SEND, 500, ERROR("connection closed"), PROVIDER_UNKNOWN, "provider_error"},
	{PROVIDER_OP_SESSION_GET, 500, ERROR("Internal server error"), PROVIDER_RETRY,
	 "provider_error"},
	{PROVIDER_OP_SEND, 502, "<html>", PROVIDER_UNKNOWN, "provider_error"},
	{PROVIDER_OP_SEND, 501, "", PROVIDER_REJECTED, "unsupported"},
	{PROVIDER_OP_SEND, 100, "", PROVIDER_UNKNOWN, "provider_error"},
	/* WhatsApp's own refusals, by number or by key, whatever the status. */
	{PROVIDER_OP_SEND, 500, POLICY("463", "\"\""), PROVIDER_REJECTED, "first_contact_refused"},
	{PROVIDER_OP_SEND, 429, POLICY("0", "\"WHATSAPP_REACHOUT_TIMELOCK\""), PROVIDER_REJECTED,
	 "first_contact_refused"},
	{PROVIDER_OP_SEND, 500, POLICY("470", "null"), PROVIDER_REJECTED, "whatsapp_policy"},
	{PROVIDER_OP_SEND, 500, POLICY("473", "null"), PROVIDER_REJECTED, "whatsapp_policy"},
	{PROVIDER_OP_SEND, 500, POLICY("474", "null"), PROVIDER_UNKNOWN, "provider_error"},
	{PROVIDER_OP_SEND, 500, POLICY("469", "\"WHATSAPP_GENERATED\""), PROVIDER_UNKNOWN,
	 "provider_error"},
	{PROVIDER_OP_SEND, 500, POLICY("1", "\"NEW_CHAT_QUOTA\""), PROVIDER_REJECTED,
	 "whatsapp_policy"},
	{PROVIDER_OP_SEND, 403, POLICY("1", "\"LOW_QUALITY\""), PROVIDER_REJECTED,
	 "whatsapp_policy"},
	{PROVIDER_OP_SEND, 500, POLICY("1", "\"ACCOUNT_BLOCKED\""), PROVIDER_REJECTED,
	 "whatsapp_policy"},
	{PROVIDER_OP_SEND, 500, POLICY("1", "\"WHATSAPP_RATE_LIMIT\""), PROVIDER_RETRY,
	 "whatsapp_rate_limited"},
};

#define answer(...) provider_answer_to(&provider_uazapi, __VA_ARGS__)

static void
test_answers(void **state GH_UNUSED)
{
	assert_answers(&provider_uazapi, answer_cases, GH_COUNT(answer_cases));
}

/* Who asks for the state, or takes the session down, learns that it is down. */
static void
test_no_session_is_a_state(void **state GH_UNUSED)
{
	static const enum provider_op asked[] = {PROVIDER_OP_SESSION_GET, PROVIDER_OP_SESSION_STOP,
						 PROVIDER_OP_SESSION_LOGOUT,
						 PROVIDER_OP_SESSION_DELETE};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(asked); i++) {
		struct provider_result r = answer(a, asked[i], 401, S(ERROR("No session")), 0);

		if (asked[i] == PROVIDER_OP_SESSION_DELETE)
			assert_int_equal(r.outcome, PROVIDER_PARK_INSTANCE);
		else
			assert_int_equal(r.session, PROVIDER_SESSION_DISCONNECTED);
	}
	assert_int_equal(
		answer(a, PROVIDER_OP_MESSAGE_GET, 404, S(ERROR("Message not found")), 0).session,
		PROVIDER_SESSION_UNKNOWN);
	arena_free(a);
}

/* 405 speaks of the server's build; a wrong address does not. */
static void
test_lacking(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);

	assert_true(answer(a, PROVIDER_OP_ACTION, 405, SLICE_NONE, 0).is_lacking);
	assert_true(answer(a, PROVIDER_OP_PRIVACY_GET, 405, S(ERROR("x")), 0).is_lacking);
	assert_false(answer(a, PROVIDER_OP_SESSION_LIST, 405, SLICE_NONE, 0).is_lacking);
	assert_false(answer(a, PROVIDER_OP_ACTION, 404, S(ERROR("Chat not found")), 0).is_lacking);
	assert_false(answer(a, PROVIDER_OP_ACTION, 200, S("{}"), 0).is_lacking);
	arena_free(a);
}

static void
test_examples(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_result r;

	r = answer(a, PROVIDER_OP_SEND, 200, vector_read(a, "answer_send"), 0);
	assert_int_equal(r.outcome, PROVIDER_OK);
	assert_true(slice_eq(r.external_id, S("3EB0AAAABBBBCCCC0009")));
	r = answer(a, PROVIDER_OP_SEND, 200, S("{\"id\":\"5511900000001:3EB0A\"}"), 0);
	assert_true(slice_eq(r.external_id, S("3EB0A")));
	r = answer(a, PROVIDER_OP_SEND, 500, vector_read(a, "answer_refused_463"), 0);
	assert_int_equal(r.outcome, PROVIDER_REJECTED);
	assert_string_equal(r.code, "first_contact_refused");
	assert_int_equal(r.until_us, INT64_C(1791223200) * 1000000); /* 2026-10-05T18:00:00Z */
	arena_free(a);
}

/* Until when no conversation may be opened: the later of what is told, and nothing else. */
static void
test_first_contact_until(void **state GH_UNUSED)
{
#define DETAILS(code, lock, cap)                                                                   \
	"{\"provider_code\":" code ",\"details\":{\"reachout_timelock\":" lock                     \
	",\"new_chat_message_capping\":" cap "}}"
#define ACTIVE "{\"active\":true,\"until\":\"1970-01-01T00:00:10Z\"}"
#define CAPPED "{\"status\":\"CAPPED\",\"cycle_end\":\"1970-01-01T00:00:20Z\"}"
	static const struct {
		const char *body, *code;
		int64_t until_s;
	} cases[] = {
		{DETAILS("463", ACTIVE, "{}"), "first_contact_refused", 10},
		{DETAILS("463", ACTIVE, CAPPED), "first_contact_refused", 20},
		{DETAILS("471", "{}", CAPPED), "first_contact_refused", 20},
		{DETAILS("463", "{\"active\":true,\"until\":\"soon\"}", "{}"),
		 "first_contact_refused", 0},
		{DETAILS("463", "{\"active\":true}", "{\"status\":\"CAPPED\"}"),
		 "first_contact_refused", 0},
		{DETAILS("471", "{\"until\":\"1970-01-01T00:00:10Z\"}",
			 "{\"cycle_end\":\"1970-01-01T00:00:20Z\"}"),
		 "whatsapp_policy", 0},
		{DETAILS("471", "[]", "7"), "whatsapp_policy", 0},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_result r =
			answer(a, PROVIDER_OP_SEND, 500, slice_of(cases[i].body), 0);

		if (r.outcome != PROVIDER_REJECTED || strcmp(r.code, cases[i].code) != 0 ||
		    r.until_us != cases[i].until_s * 1000000)
			fail_msg("%s: %s until %lld us", cases[i].body, r.code,
				 (long long)r.until_us);
	}
	arena_free(a);
}

/* What the server asked for wins over ours. */
static void
test_waits(void **state GH_UNUSED)
{
	static const char limited[] = POLICY("1", "\"RATE\"");
	struct arena *a = arena_new(0);

	assert_int_equal(answer(a, PROVIDER_OP_SEND, 429, S(""), 7000000).retry_after_us, 7000000);
	assert_int_equal(answer(a, PROVIDER_OP_SEND, 429, S(""), 0).retry_after_us, 30000000);
	assert_int_equal(answer(a, PROVIDER_OP_SEND, 500, slice_of(limited), 0).retry_after_us,
			 120000000);
	assert_int_equal(
		answer(a, PROVIDER_OP_SEND, 500, slice_of(limited), 7000000).retry_after_us,
		7000000);
	arena_free(a);
}

/* A probe takes the beginning of the list only. */
static void
test_cut_list(void **state GH_UNUSED)
{
	struct provider_answer ans = {
		.transport = PROVIDER_ANSWERED, .status = 200, .is_cut = true};
	struct arena *a = arena_new(0);
	struct provider_result r;

	ans.body = S(" [{\"name\":\"a,\",\"qr\":[1,2]},{\"name\":\"b\",\"st");
	provider_interpret(&provider_uazapi, PROVIDER_OP_SERVER_VERSION, &ans, a, &r);
	assert_int_equal(r.outcome, PROVIDER_OK);
	provider_interpret(&provider_uazapi, PROVIDER_OP_SESSION_LIST, &ans, a, &r);
	assert_int_equal(r.listed_count, 1);
	assert_true(slice_eq(r.listed[0].session, S("a,")));
	arena_free(a);
}

static void
test_words(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);

	assert_string_equal(answer(a, PROVIDER_OP_SEND, 400, S(ERROR("a\\nb")), 0).text, "a b");
	assert_string_equal(answer(a, PROVIDER_OP_SEND, 400, S("{\"message\":\"why\"}"), 0).text,
			    "why");
	assert_string_equal(answer(a, PROVIDER_OP_SEND, 400, S("<html>"), 0).text, "");
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_no_session_is_a_state),
		cmocka_unit_test(test_lacking),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_first_contact_until),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_cut_list),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
