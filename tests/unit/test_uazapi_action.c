/* test_uazapi_action.c - direct actions on UAZAPI: messages, contacts, numbers
 * (contracts/uazapi.md sections 6 and 16).
 */
#include "provider/uazapi_action.c"

#include "uazapi_act.h"

static const struct provider_message_ref seen[2] = {
	{.bare = {"3EB0AA", 6}, .chat = {"5511900000002@c.us", 18}, .is_from_me = true},
	{.full = {"5511900000001:3A01", 18}, .bare = {"3A01", 4}},
};
#define OWN .message = seen, .message_count = 1

static const struct request_case requests[] = {
	{{ACTION_REACT, P, OWN, T("+")},
	 "POST /message/react {\"number\":\"5511900000002\",\"id\":\"3EB0AA\",\"text\":\"+\"}"},
	{{ACTION_REACT, C, OWN, T("")},
	 "POST /message/react {\"number\":\"" GROUP "\",\"id\":\"3EB0AA\",\"text\":\"\"}"},
	{{ACTION_MARK_READ, .message = seen, .message_count = 2},
	 "POST /message/markread {\"id\":[\"3EB0AA\",\"3A01\"]}"},
	{{ACTION_CHAT_PRESENCE, P, T("recording")},
	 "POST /message/presence {\"number\":\"5511900000002\",\"presence\":\"recording\",\"delay\""
	 ":300000}"},
	{{ACTION_CHAT_PRESENCE, P, T("paused")},
	 "POST /message/presence {\"number\":\"5511900000002\",\"presence\":\"paused\"}"},
	{{ACTION_DELETE, OWN}, "POST /message/delete {\"id\":\"3EB0AA\"}"},
	/* (5) The server would put the contact's name there. */
	{{ACTION_EDIT, OWN, T("{{name}}")},
	 "POST /message/edit {\"id\":\"3EB0AA\",\"text\":\"{\xE2\x81\xA0{name}}\"}"},
	{{ACTION_EDIT, OWN, T("n")}, "POST /message/edit {\"id\":\"3EB0AA\",\"text\":\"n\"}"},
	{{ACTION_MESSAGE_FILE, OWN},
	 "POST /message/download {\"id\":\"3EB0AA\",\"return_base64\":false,\"return_link\":true,"
	 "\"generate_mp3\":false}"},
	{{ACTION_MESSAGE_MP3, OWN},
	 "POST /message/download {\"id\":\"3EB0AA\",\"return_base64\":false,\"return_link\":true,"
	 "\"generate_mp3\":true}"},
	{{ACTION_FILE, T("https://acme.uazapi.com/files/9f/3A01.ogg")}, "GET /files/9f/3A01.ogg "},
	/* Whatever host it names: ours is asked. */
	{{ACTION_FILE, T("http://169.254.169.254/files/x")}, "GET /files/x "},
	{{ACTION_CONTACTS, .limit = 51, .offset = 100},
	 "POST /contacts/list {\"limit\":51,\"offset\":100}"},
	{{.action = ACTION_CONTACTS_ALL}, "GET /contacts "},
	{{ACTION_CONTACT, P},
	 "POST /chat/details {\"number\":\"5511900000002\",\"preview\":false}"},
	{{ACTION_CONTACT_PICTURE, .chat = {"77@lid", 6}},
	 "POST /chat/details {\"number\":\"77@lid\",\"preview\":false}"},
	{{ACTION_CONTACT_ADD, P, N("Rui")},
	 "POST /contact/add {\"phone\":\"5511900000002\",\"name\":\"Rui\"}"},
	{{ACTION_CONTACT_REMOVE, P}, "POST /contact/remove {\"phone\":\"5511900000002\"}"},
	{{ACTION_CONTACT_BLOCK, P},
	 "POST /chat/block {\"number\":\"5511900000002\",\"block\":true}"},
	{{ACTION_CONTACT_UNBLOCK, P},
	 "POST /chat/block {\"number\":\"5511900000002\",\"block\":false}"},
	{{ACTION_NUMBER_CHECK, T("5511900000002")},
	 "POST /chat/check {\"numbers\":[\"5511900000002\"]}"},
};

static void
test_requests(void **state GH_UNUSED)
{
	requests_check(requests, GH_COUNT(requests));
}

#define RUI                                                                                        \
	"{\"jid\":\"5511900000002@c.us\",\"phone\":\"5511900000002\",\"name\":\"Rui Lima\","       \
	"\"wa_name\":null,\"contactName\":\"Rui Lima\",\"contact_FirstName\":\"Rui\","             \
	"\"isBlocked\":null,\"isBusiness\":false}"
#define OGG                                                                                        \
	"{\"url\":\"https://acme.uazapi.com/files/9f/3A0000000000000000AA.ogg\","                  \
	"\"mimetype\":\"audio/ogg\",\"filename\":null}"

static const struct answer_case answers[] = {
	{ACTION_REACT, "action_react", NULL, "ok", NULL, NULL, NULL},
	{ACTION_REACT, NULL, "{\"error\":\"Failed to react\"}", "not_allowed", NULL, NULL, NULL},
	{ACTION_MARK_READ, "action_markread", NULL, "ok",
	 "[{\"message_id\":\"3A0000000000000000AA\",\"error\":null,\"is_done\":true},"
	 "{\"message_id\":\"3A0000000000000000AB\",\"error\":\"message not found\",\"is_done\":"
	 "false}]",
	 NULL, NULL},
	{ACTION_MARK_READ, NULL,
	 "{\"results\":[{\"message_id\":\"5511900000001:3A01\",\"status\":\"failed\"}]}", "ok",
	 "[{\"message_id\":\"3A01\",\"error\":\"failed\",\"is_done\":false}]", NULL, NULL},
	{ACTION_MARK_READ, NULL, "", "ok", "[]", NULL, NULL},
	{ACTION_EDIT, NULL, "{\"id\":\"5511900000001:3EB0BB\",\"messageid\":\"3EB0BB\"}", "ok",
	 NULL, NULL, "3EB0BB"},
	{ACTION_EDIT, NULL, "{\"id\":\"5511900000001:3EB0BB\",\"messageid\":\"\"}", "ok", NULL,
	 NULL, "3EB0BB"},
	{ACTION_DELETE, NULL, "{\"id\":\"3EB0AA\",\"timestamp\":1791000000}", "ok", NULL, NULL,
	 NULL},
	{ACTION_MESSAGE_FILE, "action_download", NULL, "ok", OGG, NULL, NULL},
	{ACTION_MESSAGE_FILE, NULL, "{\"transcription\":\"\"}", "media_unavailable", NULL, NULL,
	 NULL},
	{ACTION_FILE, NULL, "\x01{", "ok", "\x01{", NULL, NULL},
	{ACTION_CONTACTS, "action_contacts_page", NULL, "ok", "[" RUI "]", NULL, NULL},
	{ACTION_CONTACTS_ALL, "action_contacts_all", NULL, "ok", "[" RUI "]", NULL, NULL},
	{ACTION_CONTACTS, NULL, "{\"contacts\":null}", "ok", "[]", NULL, NULL},
	{ACTION_CONTACTS, NULL, "{}", "answer_unreadable", NULL, NULL, NULL},
	{ACTION_CONTACTS_ALL, NULL, "<html>", "answer_unreadable", NULL, NULL, NULL},
	{ACTION_CONTACT, "action_details", NULL, "ok",
	 "{\"jid\":\"5511900000002@c.us\",\"phone\":\"5511900000002\",\"name\":\"Rui\","
	 "\"wa_name\":\"Rui L\",\"contactName\":null,\"contact_FirstName\":null,\"isBlocked\":true,"
	 "\"isBusiness\":false}",
	 NULL, NULL},
	{ACTION_CONTACT, NULL, "[]", "answer_unreadable", NULL, NULL, NULL},
	{ACTION_CONTACT_PICTURE, "action_details", NULL, "ok", "\"https://pps.whatsapp.net/x.jpg\"",
	 NULL, NULL},
	{ACTION_CONTACT_PICTURE, NULL, "{\"image\":\"\"}", "ok", "null", NULL, NULL},
	{ACTION_CONTACT_ADD, NULL, "{\"success\":false,\"message\":\"no\"}", "not_allowed", NULL,
	 NULL, NULL},
	{ACTION_CONTACT_BLOCK, NULL, "{\"response\":\"Blocked successfully\",\"blockList\":[]}",
	 "ok", NULL, NULL, NULL},
	{ACTION_NUMBER_CHECK, "action_check", NULL, "ok", "\"Acme\"", "551190000002@c.us", NULL},
	{ACTION_NUMBER_CHECK, "action_check_none", NULL, "ok", NULL, NULL, NULL},
	{ACTION_NUMBER_CHECK, NULL, "[]", "answer_unreadable", NULL, NULL, NULL},
};

static void
test_answers(void **state GH_UNUSED)
{
	answers_check(answers, GH_COUNT(answers));
}

static void
test_found_or_not(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_result r;

	act_read(ACTION_NUMBER_CHECK, vector_read(a, "action_check"), false, a, &r);
	assert_true(r.is_found);
	act_read(ACTION_NUMBER_CHECK, vector_read(a, "action_check_none"), false, a, &r);
	assert_false(r.is_found);
	arena_free(a);
}

/* An answer that is not whole may have been of anything; a file that is not whole is no file. */
static void
test_cut_answers(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_result r;

	act_read(ACTION_CONTACTS_ALL, S("[]"), true, a, &r);
	assert_string_equal(r.code, "answer_unreadable");
	assert_int_equal(r.outcome, PROVIDER_UNKNOWN);
	act_read(ACTION_FILE, S("x"), true, a, &r);
	assert_string_equal(r.code, "too_large");
	assert_int_equal(r.outcome, PROVIDER_REJECTED);
	arena_free(a);
}

/* Every action has a call, or a gap with the place that says so, and never both. */
static void
test_gaps(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	unsigned gap_count = 0;

	for (int i = 0; i < PROVIDER_ACTION_COUNT; i++) {
		const struct provider_act act = {.action = (enum provider_action)i, OWN, P};
		const char *gap = uazapi_action_gap(act.action, S("any"));
		struct provider_request r;
		struct provider_result result;
		struct gh_err err = {0};

		assert_int_equal(gap == NULL, row_of(act.action)->method != NULL);
		if (gap == NULL)
			continue;
		gap_count++;
		assert_true(slice_starts(slice_of(gap), S("section ")));
		assert_int_equal(act_build(&act, a, &r, &err), GH_EPERM);
		assert_non_null(strstr(err.text, gap));
		act_read(act.action, S("{}"), false, a, &result);
		assert_string_equal(result.code, "ok");
	}
	assert_int_equal(gap_count, 4);
	arena_free(a);
}

/* A call carries the session's token: it goes to the provider's own files or nowhere. */
static void
test_files_of_others(void **state GH_UNUSED)
{
	static const char *const urls[] = {
		"https://bucket.example.net/a.ogg",
		BASE "/files/",
		BASE "/files/../instance/status",
		BASE "/files/%2E%2e/x",
		BASE "/files/?x=1",
		BASE "/files/a?x=1#y",
		"",
	};

	for (size_t i = 0; i < GH_COUNT(urls); i++) {
		struct arena *a = arena_new(0);
		const struct provider_act act = {.action = ACTION_FILE, .text = slice_of(urls[i])};
		struct provider_request r;
		struct gh_err err = {0};

		assert_int_equal(act_build(&act, a, &r, &err), GH_EINVAL);
		arena_free(a);
	}
}

/* (16.1) */
static void
test_contacts_have_numbers(void **state GH_UNUSED)
{
	static const enum provider_action actions[] = {ACTION_CONTACT_ADD, ACTION_CONTACT_REMOVE};

	for (size_t i = 0; i < GH_COUNT(actions); i++) {
		struct arena *a = arena_new(0);
		const struct provider_act act = {
			.action = actions[i], .chat = {"77@lid", 6}, N("Rui")};
		struct provider_request r;
		struct gh_err err = {0};

		assert_int_equal(act_build(&act, a, &r, &err), GH_EINVAL);
		arena_free(a);
	}
}

/* (1) The server's files are at its root, wherever its calls are. */
static void
test_files_of_a_prefixed_server(void **state GH_UNUSED)
{
	static const struct {
		const char *link, *url;
	} cases[] = {
		{"http://h:8/files/a?type=x", "http://h:8/files/a?type=x"},
		{"http://h:8/p/files/a", "http://h:8/p/files/a"},
		{"http://h:80/files/a", "http://h:8/p/files/a"},
		{"http://h:8@evil/files/a", "http://h:8/p/files/a"},
		{"https://cdn.example.net/x/files/a", "http://h:8/p/files/a"},
	};
	const struct provider_server server = {.base_url = {"http://h:8/p", 12}};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct arena *a = arena_new(0);
		const struct provider_act act = {.action = ACTION_FILE,
						 .text = slice_of(cases[i].link)};
		const struct provider_call call = {.op = PROVIDER_OP_ACTION, .act = &act};
		struct provider_request r = {0};
		struct gh_err err = {0};

		assert_int_equal(uazapi_build_action(&server, &call, a, &r, &err), GH_OK);
		assert_string_equal(arena_cstr(a, r.url), cases[i].url);
		arena_free(a);
	}
}

static void
test_ids(void **state GH_UNUSED)
{
	static const struct {
		const char *text;
		bool is_full;
		const char *bare;
	} cases[] = {
		{"5511900000001:3EB0AA", true, "3EB0AA"},
		{"3EB0AA", false, "3EB0AA"},
		{"5511900000001:", false, "5511900000001:"},
		{":3EB0AA", false, ":3EB0AA"},
		{"true_5511900000001@c.us_3EB0AA", false, "true_5511900000001@c.us_3EB0AA"},
		{"x:3EB0AA", false, "x:3EB0AA"},
		{"", false, NULL},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_message_ref ref = uazapi_split_id(slice_of(cases[i].text));

		text_check(ref.bare, cases[i].bare, a);
		text_check(ref.full, cases[i].is_full ? cases[i].text : NULL, a);
		assert_int_equal(ref.chat.n, 0);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_found_or_not),
		cmocka_unit_test(test_cut_answers),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_files_of_others),
		cmocka_unit_test(test_contacts_have_numbers),
		cmocka_unit_test(test_files_of_a_prefixed_server),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
