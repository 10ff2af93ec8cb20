/* test_waha_answer.c - what WAHA's answers mean (contracts/waha.md sections 5.1 and 14).
 */
#include "provider/waha.c"

#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "answers.h"
#include "waha_vectors.h"

/* ---- answers ---- */

#define NOT_WORKING(word)                                                                          \
	"{\"error\":\"Session status is not as expected. Try again later or restart the "          \
	"session\",\"session\":\"x\",\"status\":\"" word "\",\"expected\":[\"WORKING\"]}"
#define THROWN(text)                                                                               \
	"{\"statusCode\":500,\"exception\":{\"message\":\"2 UNKNOWN: " text                        \
	"\",\"details\":\"" text "\"},\"request\":{\"body\":{\"text\":\"secret text\"}}}"

static const struct answer_case answer_cases[] = {
	{PROVIDER_OP_SEND, 0, "", PROVIDER_RETRY, "provider_unreachable"},
	{PROVIDER_OP_SEND, -1, "", PROVIDER_UNKNOWN, "no_answer"},
	{PROVIDER_OP_SESSION_GET, -1, "", PROVIDER_RETRY, "no_answer"},
	{PROVIDER_OP_SESSION_CREATE, -1, "", PROVIDER_UNKNOWN, "no_answer"},
	{PROVIDER_OP_SEND, 201, "{}", PROVIDER_OK, "ok"},
	{PROVIDER_OP_SEND, 201, "<html>", PROVIDER_UNKNOWN, "answer_unreadable"},
	{PROVIDER_OP_SEND, 200, "", PROVIDER_UNKNOWN, "answer_unreadable"},
	{PROVIDER_OP_SEND, 302, "", PROVIDER_PARK_PROVIDER, "provider_redirects"},
	{PROVIDER_OP_SEND, 400,
	 "{\"message\":[\"text must be a string\"],\"error\":\"Bad Request\"}", PROVIDER_REJECTED,
	 "provider_refused"},
	{PROVIDER_OP_SEND, 401, "{\"message\":\"Unauthorized\",\"statusCode\":401}",
	 PROVIDER_PARK_PROVIDER, "provider_unauthorized"},
	{PROVIDER_OP_SEND, 403, "", PROVIDER_PARK_PROVIDER, "provider_forbidden"},
	{PROVIDER_OP_SEND, 404, "{\"message\":\"Cannot POST /api/sendText\"}",
	 PROVIDER_PARK_PROVIDER, "provider_path"},
	{PROVIDER_OP_SESSION_GET, 404,
	 "{\"message\":\"Session not found\",\"error\":\"Not Found\"}", PROVIDER_PARK_INSTANCE,
	 "session_missing"},
	{PROVIDER_OP_SESSION_DELETE, 404, "{\"message\":\"Session not found\"}", PROVIDER_OK, "ok"},
	{PROVIDER_OP_MESSAGE_GET, 404, "{\"message\":\"Not Found\"}", PROVIDER_OK, "not_found"},
	{PROVIDER_OP_MESSAGE_GET, 200, "", PROVIDER_OK, "not_found"},
	{PROVIDER_OP_MESSAGE_GET, 200, "null", PROVIDER_OK, "not_found"},
	{PROVIDER_OP_SEND, 408, "", PROVIDER_UNKNOWN, "provider_timeout"},
	{PROVIDER_OP_SEND, 425, "", PROVIDER_UNKNOWN, "provider_timeout"},
	{PROVIDER_OP_SEND, 413, "", PROVIDER_REJECTED, "too_large"},
	{PROVIDER_OP_SEND, 418, "", PROVIDER_REJECTED, "provider_refused"},
	{PROVIDER_OP_SEND, 422,
	 "{\"error\":\"Session \\\"x\\\" does not exist\",\"session\":\"x\"}",
	 PROVIDER_PARK_INSTANCE, "session_missing"},
	{PROVIDER_OP_SEND, 422, NOT_WORKING("STARTING"), PROVIDER_PARK_INSTANCE,
	 "session_connecting"},
	{PROVIDER_OP_SEND, 422, NOT_WORKING("SCAN_QR_CODE"), PROVIDER_PARK_INSTANCE,
	 "session_unpaired"},
	{PROVIDER_OP_SEND, 422, NOT_WORKING("PASSKEY_REQUIRED"), PROVIDER_PARK_INSTANCE,
	 "session_unpaired"},
	{PROVIDER_OP_SEND, 422, NOT_WORKING("STOPPED"), PROVIDER_PARK_INSTANCE, "session_stopped"},
	{PROVIDER_OP_SEND, 422, NOT_WORKING("FAILED"), PROVIDER_PARK_INSTANCE, "session_failed"},
	{PROVIDER_OP_SEND, 422, NOT_WORKING("NEW_WORD"), PROVIDER_PARK_INSTANCE,
	 "session_not_working"},
	{PROVIDER_OP_QR, 422, NOT_WORKING("WORKING"), PROVIDER_REJECTED, "already_connected"},
	{PROVIDER_OP_SESSION_CREATE, 422,
	 "{\"message\":\"Session 'x' already exists\",\"error\":\"Unprocessable Entity\"}",
	 PROVIDER_REJECTED, "session_exists"},
	{PROVIDER_OP_SEND, 422, "{\"message\":\"Plus version only\"}", PROVIDER_REJECTED,
	 "provider_refused"},
	{PROVIDER_OP_SEND, 429, "", PROVIDER_RETRY, "provider_rate_limited"},
	{PROVIDER_OP_SEND, 500, THROWN("server returned error 463"), PROVIDER_REJECTED,
	 "first_contact_refused"},
	{PROVIDER_OP_SEND, 500, THROWN("server returned error 400"), PROVIDER_PARK_INSTANCE,
	 "session_restart_needed"},
	{PROVIDER_OP_SEND, 500, THROWN("no LID found for 551190@s.whatsapp.net from server"),
	 PROVIDER_REJECTED, "recipient_unknown"},
	{PROVIDER_OP_SEND, 500, THROWN("No LID for user"), PROVIDER_RETRY, "recipient_unresolved"},
	{PROVIDER_OP_SEND, 500, THROWN("rate-overlimit"), PROVIDER_RETRY, "whatsapp_rate_limited"},
	{PROVIDER_OP_SEND, 500, THROWN("14 UNAVAILABLE: connect ECONNREFUSED 127.0.0.1:50051"),
	 PROVIDER_RETRY, "engine_restarting"},
	{PROVIDER_OP_SEND, 500, THROWN("14 UNAVAILABLE: Connection dropped"), PROVIDER_UNKNOWN,
	 "provider_error"},
	{PROVIDER_OP_SEND, 500, "", PROVIDER_UNKNOWN, "provider_error"},
	{PROVIDER_OP_SEND, 500, THROWN("Message id must be in format true_chat_id"),
	 PROVIDER_REJECTED, "message_id_refused"},
	{PROVIDER_OP_SEND, 404, "{\"error\":{\"code\":404,\"key\":\"FILE_NOT_FOUND\"}}",
	 PROVIDER_REJECTED, "media_gone"},
	{PROVIDER_OP_SEND, 501, "{\"message\":\"not implemented\"}", PROVIDER_REJECTED,
	 "unsupported"},
	{PROVIDER_OP_SEND, 502, "<html>", PROVIDER_UNKNOWN, "provider_error"},
	{PROVIDER_OP_SEND, 503, "", PROVIDER_UNKNOWN, "provider_error"},
	{PROVIDER_OP_SERVER_VERSION, 503, "", PROVIDER_RETRY, "provider_error"},
	{PROVIDER_OP_SERVER_VERSION, 200, "{\"hello\":1}", PROVIDER_PARK_PROVIDER, "provider_path"},
	{PROVIDER_OP_SEND, 999, "", PROVIDER_UNKNOWN, "provider_error"},
	{PROVIDER_OP_SEND, 100, "", PROVIDER_UNKNOWN, "provider_error"},
};

#define answer(...) provider_answer_to(&provider_waha, __VA_ARGS__)

static void
test_answers(void **state GH_UNUSED)
{
	assert_answers(&provider_waha, answer_cases, GH_COUNT(answer_cases));
}

static void
test_answer_ids(void **state GH_UNUSED)
{
	static const char *const files[] = {"answer_send_gows", "answer_send_noweb",
					    "answer_send_webjs"};
	static const struct {
		const char *body, *id;
	} shapes[] = {
		{"{\"id\":{\"id\":\"3EB0A\",\"fromMe\":true}}", "3EB0A"},
		{"{\"_data\":{\"id\":{\"id\":\"3EB0B\"}}}", "3EB0B"},
		{"{\"_data\":{\"key\":{\"id\":\"3EB0C\"}}}", "3EB0C"},
		{"{\"_data\":{\"Info\":{\"ID\":\"3EB0D\"}}}", "3EB0D"},
		{"{\"sent\":true}", NULL},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(files); i++) {
		struct provider_result r =
			answer(a, PROVIDER_OP_SEND, 201, vector_read(a, files[i]), 0);

		assert_int_equal(r.outcome, PROVIDER_OK);
		assert_true(slice_eq(r.external_id, S("3EB0C0FFEE0000000001")));
	}
	for (size_t i = 0; i < GH_COUNT(shapes); i++) {
		struct provider_result r =
			answer(a, PROVIDER_OP_SEND, 201, slice_of(shapes[i].body), 0);

		assert_int_equal(r.outcome, PROVIDER_OK);
		assert_true(slice_eq(r.external_id, slice_of(shapes[i].id)));
	}
	arena_free(a);
}

static void
test_answer_details(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_result r;
	char *longest = arena_printf(a, "{\"error\":\"a\\n%0300d\"}", 7);

	r = answer(a, PROVIDER_OP_SESSION_GET, 200, vector_read(a, "answer_session"), 0);
	assert_int_equal(r.session, PROVIDER_SESSION_CONNECTED);
	assert_true(slice_eq(r.session_word, S("WORKING")));
	assert_true(slice_eq(r.own_number, S("5511900000001")));
	r = answer(a, PROVIDER_OP_SERVER_VERSION, 200, vector_read(a, "answer_version"), 0);
	assert_true(slice_eq(r.version, S("2026.7.1")));
	assert_true(slice_eq(r.engine, S("GOWS")));
	r = answer(a, PROVIDER_OP_SEND, 422, vector_read(a, "answer_not_working"), 0);
	assert_int_equal(r.session, PROVIDER_SESSION_CONNECTING);
	assert_true(r.retry_after_us > 0);
	r = answer(a, PROVIDER_OP_SEND, 500, vector_read(a, "answer_error_500"), 0);
	assert_string_equal(r.text, "server returned error 463");
	r = answer(a, PROVIDER_OP_QR, 200, S("{\"value\":\"2@abc\"}"), 0);
	assert_true(slice_eq(r.qr, S("2@abc")));
	r = answer(a, PROVIDER_OP_QR, 200, S("{\"mimetype\":\"image/png\",\"data\":\"aGk=\"}"), 0);
	assert_true(slice_eq(r.qr_type, S("image/png")));
	r = answer(a, PROVIDER_OP_QR, 200, S("\x89PNG"), 0);
	assert_int_equal(r.outcome, PROVIDER_RETRY);
	r = answer(a, PROVIDER_OP_MESSAGE_GET, 200,
		   S("{\"id\":\"true_5511900000002@c.us_3EB0\",\"ack\":3,\"ackName\":\"READ\"}"),
		   0);
	assert_true(r.is_found && r.has_status);
	assert_int_equal(r.status, MSG_READ);
	r = answer(a, PROVIDER_OP_SEND, 429, S(""), 7000000);
	assert_int_equal(r.retry_after_us, 7000000); /* what the server asked for wins */
	r = answer(a, PROVIDER_OP_SEND, 418, slice_of(longest), 0);
	assert_int_equal(strlen(r.text), PROVIDER_TEXT_MAX);
	assert_null(strchr(r.text, '\n'));
	arena_free(a);
}

/* The answer to a refused file echoes the file: only its beginning is taken. */
static void
test_answer_cut(void **state GH_UNUSED)
{
	static const struct {
		const char *body;
		int status;
		enum provider_outcome outcome;
		const char *code;
	} cases[] = {
		{"{\"id\":\"true_x@c.us_3EB0C0\",\"_data\":{\"body\":\"/9j/", 201, PROVIDER_OK,
		 "ok"},
		{"{\"_data\":{\"body\":\"/9j/", 201, PROVIDER_UNKNOWN, "answer_unreadable"},
		{"}}],,\"", 201, PROVIDER_UNKNOWN, "answer_unreadable"},
		{"{\"a\":\"\\", 500, PROVIDER_UNKNOWN, "provider_error"},
		{"", 500, PROVIDER_UNKNOWN, "provider_error"},
	};
	struct arena *a = arena_new(0);
	struct provider_answer ans = {.transport = PROVIDER_ANSWERED, .is_cut = true};
	struct provider_result r;

	ans.status = 500;
	ans.body = vector_read(a, "answer_error_463_cut");
	provider_interpret(&provider_waha, PROVIDER_OP_SEND, &ans, a, &r);
	assert_int_equal(r.outcome, PROVIDER_REJECTED);
	assert_string_equal(r.code, "first_contact_refused");
	assert_string_equal(r.text, "server returned error 463");
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		ans.status = cases[i].status;
		ans.body = slice_of(cases[i].body);
		provider_interpret(&provider_waha, PROVIDER_OP_SEND, &ans, a, &r);
		assert_int_equal(r.outcome, cases[i].outcome);
		assert_string_equal(r.code, cases[i].code);
	}
	arena_free(a);
}

static void
test_text_set(void **state GH_UNUSED)
{
	char text[PROVIDER_TEXT_MAX + 1], in[PROVIDER_TEXT_MAX + 8];

	memset(in, 'a', sizeof(in));
	memcpy(in + PROVIDER_TEXT_MAX - 1, "\xC3\xA9", 2); /* e acute across the limit */
	provider_text_set(text, slice_make(in, sizeof(in)));
	assert_int_equal(strlen(text), PROVIDER_TEXT_MAX - 1);
	provider_text_set(text, S("bad \xFF\x01 byte"));
	assert_string_equal(text, "bad ?  byte");
	provider_text_set(text, SLICE_NONE);
	assert_string_equal(text, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),        cmocka_unit_test(test_answer_ids),
		cmocka_unit_test(test_answer_details), cmocka_unit_test(test_answer_cut),
		cmocka_unit_test(test_text_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
