/* test_waha_action.c - direct actions on WAHA: each request as the contract has it
 * (contracts/waha.md sections 5, 6, 8, 18), and the answers of every engine.
 */
#include "provider/waha_action.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define BASE  "http://waha:3000/base"
#define GROUP "120363000000000001@g.us"

static const struct provider_message_ref own = {
	.bare = {"3EB0AA", 6}, .chat = {"5511900000002@c.us", 18}, .is_from_me = true};
static const struct provider_message_ref grouped[2] = {
	{.bare = {"3A01", 4},
	 .chat = {GROUP, sizeof(GROUP) - 1},
	 .participant = {"5511900000005@c.us", 18}},
	{.full = {"false_" GROUP "_3A02_77@lid", sizeof(GROUP) + 17}, .participant = {"77@lid", 6}},
};
static const struct slice people[2] = {{"5511900000002@c.us", 18}, {"77@lid", 6}};

#define C     .chat = {GROUP, sizeof(GROUP) - 1}
#define P     .chat = {"5511900000002@c.us", 18}
#define T(s)  .text = {(s), sizeof(s) - 1}
#define N(s)  .name = {(s), sizeof(s) - 1}
#define OWN   .message = &own, .message_count = 1
#define WHO   .people = people, .people_count = 2
#define CHAT  "/api/s_1/chats/5511900000002%40c.us/messages/true_5511900000002%40c.us_3EB0AA"
#define G     "/api/s_1/groups/120363000000000001%40g.us"
#define WHOMS "{\"participants\":[{\"id\":\"5511900000002@c.us\"},{\"id\":\"77@lid\"}]}"

static const struct {
	struct provider_act act;
	const char *line; /* "METHOD url-after-base", body after a blank */
} requests[] = {
	{{ACTION_REACT, OWN, T("+")},
	 "PUT /api/reaction {\"session\":\"s_1\",\"messageId\":\"true_5511900000002@c.us_3EB0AA\","
	 "\"reaction\":\"+\"}"},
	{{ACTION_REACT, OWN, T("")},
	 "PUT /api/reaction {\"session\":\"s_1\",\"messageId\":\"true_5511900000002@c.us_3EB0AA\","
	 "\"reaction\":\"\"}"},
	{{ACTION_MARK_READ, C, .message = grouped, .message_count = 2},
	 "POST /api/sendSeen {\"session\":\"s_1\",\"chatId\":\"" GROUP
	 "\",\"messageIds\":[\"false_" GROUP "_3A01_5511900000005@c.us\",\"false_" GROUP
	 "_3A02_77@lid\"],\"participant\":"
	 "\"5511900000005@c.us\"}"},
	{{ACTION_CHAT_PRESENCE, P, T("composing")},
	 "POST /api/s_1/presence {\"chatId\":\"5511900000002@c.us\",\"presence\":\"typing\"}"},
	{{ACTION_CHAT_PRESENCE, P, T("paused")},
	 "POST /api/s_1/presence {\"chatId\":\"5511900000002@c.us\",\"presence\":\"paused\"}"},
	{{ACTION_FORWARD, P, OWN},
	 "POST /api/forwardMessage {\"session\":\"s_1\",\"chatId\":\"5511900000002@c.us\","
	 "\"messageId\":\"true_5511900000002@c.us_3EB0AA\"}"},
	{{ACTION_DELETE, OWN}, "DELETE " CHAT " "},
	{{ACTION_EDIT, OWN, T("n")}, "PUT " CHAT " {\"text\":\"n\"}"},
	{{ACTION_MESSAGE_FILE, OWN}, "GET " CHAT "?downloadMedia=true "},
	{{ACTION_FILE, T("http://localhost:3000/api/files/s_1/false_1%40c.us_A.jpeg")},
	 "GET /api/files/s_1/false_1%40c.us_A.jpeg "},
	{{ACTION_CONTACTS, .limit = 51, .offset = 100},
	 "GET /api/contacts/all?session=s_1&limit=51&offset=100&sortBy=id&sortOrder=asc "},
	{{ACTION_CONTACT, P}, "GET /api/contacts?contactId=5511900000002%40c.us&session=s_1 "},
	{{ACTION_CONTACT_ADD, P, N("Rui")},
	 "PUT /api/s_1/contacts/5511900000002%40c.us {\"firstName\":\"Rui\",\"lastName\":\"\"}"},
	{{ACTION_CONTACT_BLOCK, P},
	 "POST /api/contacts/block {\"session\":\"s_1\",\"contactId\":\"5511900000002@c.us\"}"},
	{{ACTION_CONTACT_UNBLOCK, P},
	 "POST /api/contacts/unblock {\"session\":\"s_1\",\"contactId\":\"5511900000002@c.us\"}"},
	{{ACTION_NUMBER_CHECK, T("5511900000002")},
	 "GET /api/contacts/check-exists?phone=5511900000002&session=s_1 "},
	{{ACTION_GROUP_CREATE, N("Team"), WHO},
	 "POST /api/s_1/groups {\"name\":\"Team\",\"participants\":[{\"id\":"
	 "\"5511900000002@c.us\"},{\"id\":\"77@lid\"}]}"},
	{{ACTION_GROUP, C}, "GET " G " "},
	{{ACTION_GROUP_MEMBERS, C}, "GET " G "/participants/v2 "},
	{{ACTION_GROUP_INVITE, T("https://chat.whatsapp.com/Ab1")},
	 "GET /api/s_1/groups/join-info?code=https%3A%2F%2Fchat.whatsapp.com%2FAb1 "},
	{{ACTION_GROUP_JOIN, T("Ab1")}, "POST /api/s_1/groups/join {\"code\":\"Ab1\"}"},
	{{ACTION_GROUP_SUBJECT, C, N("x")}, "PUT " G "/subject {\"subject\":\"x\"}"},
	{{ACTION_GROUP_TOPIC, C, T("x")}, "PUT " G "/description {\"description\":\"x\"}"},
	{{ACTION_GROUP_PICTURE, C, .file_type = {"image/jpeg", 10}, .file_data = {"/9j/", 4}},
	 "PUT " G "/picture {\"file\":{\"mimetype\":\"image/jpeg\",\"data\":\"/9j/\"}}"},
	{{ACTION_GROUP_PICTURE_REMOVE, C}, "DELETE " G "/picture "},
	{{ACTION_GROUP_ADD, C, WHO}, "POST " G "/participants/add " WHOMS},
	{{ACTION_GROUP_REMOVE, C, WHO}, "POST " G "/participants/remove " WHOMS},
	{{ACTION_GROUP_PROMOTE, C, WHO}, "POST " G "/admin/promote " WHOMS},
	{{ACTION_GROUP_DEMOTE, C, WHO}, "POST " G "/admin/demote " WHOMS},
	{{ACTION_GROUP_LEAVE, C}, "POST " G "/leave "},
	{{ACTION_GROUP_LINK, C}, "GET " G "/invite-code "},
};

static enum gh_code
build_for(struct slice engine, const struct provider_act *act, struct arena *a,
	  struct provider_request *out, struct gh_err *err)
{
	const struct provider_server server = {
		.base_url = {BASE "/", sizeof(BASE)}, .api_key = {"k", 1}, .engine = engine};
	const struct provider_call call = {
		.op = PROVIDER_OP_ACTION, .session = {"s_1", 3}, .act = act};

	return provider_build(&provider_waha, &server, &call, a, out, err);
}

static enum gh_code
build(const struct provider_act *act, struct arena *a, struct provider_request *out,
      struct gh_err *err)
{
	return build_for(SLICE_NONE, act, a, out, err);
}

static void
test_requests(void **state GH_UNUSED)
{
	for (size_t i = 0; i < GH_COUNT(requests); i++) {
		struct arena *a = arena_new(0);
		struct provider_request r;
		struct gh_err err = {0};

		assert_int_equal(build(&requests[i].act, a, &r, &err), GH_OK);
		assert_true(slice_starts(r.url, S(BASE)));
		assert_string_equal(arena_printf(a, "%s %.*s %.*s", r.method,
						 S_FMT(slice_from(r.url, sizeof(BASE) - 1)),
						 S_FMT(r.body)),
				    requests[i].line);
		arena_free(a);
	}
}

/* What the contract lacks is refused with the place that says so, everything else is built. */
static void
test_gaps(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	unsigned gaps = 0;

	for (int i = 0; i < PROVIDER_ACTION_COUNT; i++) {
		const char *gap = waha_action_gap((enum provider_action)i, SLICE_NONE);
		const struct provider_act act = {.action = (enum provider_action)i, OWN, C};
		struct provider_request r;
		struct gh_err err = {0};

		assert_true((gap == NULL) == (rows[i].method != NULL));
		if (gap == NULL)
			continue;
		gaps++;
		assert_true(slice_starts(slice_of(gap), S("section ")));
		assert_int_equal(build(&act, a, &r, &err), GH_EPERM);
		assert_non_null(strstr(err.text, gap));
	}
	assert_int_equal(gaps, 11);
	arena_free(a);
}

/* What only some engines have (sections 5, 13, 18.1). */
static void
test_engine_gaps(void **state GH_UNUSED)
{
	static const char *const engines[] = {"WEBJS", "WPP", "NOWEB", "GOWS", "ANOTHER"};
	static const struct {
		enum provider_action action;
		const char *can; /* a letter for each of them */
	} cases[] = {
		{ACTION_FORWARD, "yyy-y"},         {ACTION_CONTACT_ADD, "y-yyy"},
		{ACTION_CONTACT_BLOCK, "yy--y"},   {ACTION_CONTACT_UNBLOCK, "yy--y"},
		{ACTION_CONTACT_ABOUT, "yy--y"},   {ACTION_CONTACT_REMOVE, "-----"},
		{ACTION_COMMUNITY_LIST, "-----"},  {ACTION_REACT, "yyyyy"},
		{ACTION_CONTACT_PICTURE, "yyyyy"},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++)
		for (size_t e = 0; e < GH_COUNT(engines); e++) {
			struct slice engine = slice_of(engines[e]);
			const char *gap = waha_action_gap(cases[i].action, engine);
			const struct provider_act act = {.action = cases[i].action, OWN, C};
			struct provider_request r;
			struct gh_err err = {0};

			assert_int_equal(gap == NULL, cases[i].can[e] == 'y');
			assert_int_equal(build_for(engine, &act, a, &r, &err),
					 gap == NULL ? GH_OK : GH_EPERM);
			if (gap != NULL)
				assert_non_null(strstr(err.text, gap));
		}
	arena_free(a);
}

/* The call carries our key: it goes to the provider's own files or nowhere. */
static void
test_files_of_others(void **state GH_UNUSED)
{
	static const char *const urls[] = {
		"https://bucket.example.net/s_1/a.jpeg?X-Amz-Signature=1",
		"http://localhost:3000/api/files/",
		"http://localhost:3000/api/files/../sessions",
		"http://localhost:3000/api/files/s_1/%2e%2E/x",
		"http://localhost:3000/api/files/s_1/a?x=1",
		"",
	};

	for (size_t i = 0; i < GH_COUNT(urls); i++) {
		struct arena *a = arena_new(0);
		const struct provider_act act = {.action = ACTION_FILE, .text = slice_of(urls[i])};
		struct provider_request r;
		struct gh_err err = {0};

		assert_int_equal(build(&act, a, &r, &err), GH_EINVAL);
		arena_free(a);
	}
}

#define EMPTY "\"PhoneNumber\":null,\"IsAdmin\":false,\"IsSuperAdmin\":false,\"Error\":"
#define TEAM                                                                                       \
	"{\"JID\":\"" GROUP "\",\"Name\":\"Team\",\"Topic\":\"d\",\"OwnerJID\":\"1199@c.us\","     \
	"\"IsAnnounce\":true,\"IsLocked\":false,\"IsParent\":false,\"LinkedParentJID\":null,"

static const struct {
	enum provider_action action;
	int status;
	const char *body, *code, *data; /* data NULL: none */
} answers[] = {
	{ACTION_REACT, 201, "", "ok", NULL},
	{ACTION_REACT, 500, "{\"exception\":{\"message\":\"message not found\"}}", "not_found",
	 NULL},
	{ACTION_FORWARD, 501,
	 "{\"message\":\"The method is not implemented by 'GOWS' engine\",\"statusCode\":501}",
	 "unsupported", NULL},
	{ACTION_GROUP_SUBJECT, 200, "true", "ok", NULL},
	{ACTION_GROUP_SUBJECT, 200, "false", "not_allowed", NULL},
	{ACTION_GROUP_PICTURE, 200, "{\"success\":false}", "not_allowed", NULL},
	{ACTION_GROUP_LEAVE, 422,
	 "{\"error\":\"Session status is not as expected\",\"status\":\"STARTING\",\"expected\":"
	 "[\"WORKING\"]}",
	 "session_connecting", NULL},
	{ACTION_MESSAGE_FILE, 200, "", "not_found", NULL},
	{ACTION_MESSAGE_FILE, 200, "{\"id\":\"x\",\"media\":null}", "not_found", NULL},
	{ACTION_MESSAGE_FILE, 200, "{\"media\":{\"url\":null,\"error\":\"x\"}}",
	 "media_unavailable", NULL},
	{ACTION_MESSAGE_FILE, 200, "{\"media\":{\"url\":\"http://h/a\",\"mimetype\":\"a/b\"}}",
	 "ok", "{\"url\":\"http://h/a\",\"mimetype\":\"a/b\",\"filename\":null}"},
	{ACTION_FILE, 200, "\x01{", "ok", "\x01{"},
	{ACTION_FILE, 404, "{\"error\":{\"code\":404,\"key\":\"FILE_NOT_FOUND\"}}", "media_gone",
	 NULL},
	{ACTION_CONTACTS, 200, "[{\"id\":\"119900@s.whatsapp.net\",\"name\":\"R\"}]", "ok",
	 "[{\"jid\":\"119900@s.whatsapp.net\",\"phone\":null,\"name\":\"R\",\"wa_name\":null,"
	 "\"contactName\":\"R\",\"contact_FirstName\":null,\"isBlocked\":null,\"isBusiness\":"
	 "false}]"},
	{ACTION_CONTACTS, 200, "<html>", "answer_unreadable", NULL},
	{ACTION_CONTACT, 200, "", "ok", NULL},
	{ACTION_CONTACT_ABOUT, 200, "{\"about\":null}", "ok", "null"},
	{ACTION_CONTACT_PICTURE, 200, "{\"profilePictureURL\":\"https://p/x\"}", "ok",
	 "\"https://p/x\""},
	{ACTION_NUMBER_CHECK, 200, "{\"numberExists\":false,\"chatId\":\"551190@c.us\"}", "ok",
	 NULL},
	{ACTION_NUMBER_CHECK, 200, "{}", "answer_unreadable", NULL},
	{ACTION_GROUP, 200,
	 "{\"JID\":\"" GROUP "\",\"Name\":\"Team\",\"Topic\":\"d\",\"OwnerJID\":\"1199@c.us\","
	 "\"IsAnnounce\":true,\"IsLocked\":false,\"GroupCreated\":\"2026-10-01T12:00:00Z\","
	 "\"Participants\":[{\"JID\":\"7@lid\",\"PhoneNumber\":\"5511900000002@s.whatsapp.net\","
	 "\"IsAdmin\":true}]}",
	 "ok",
	 TEAM "\"GroupCreated\":\"2026-10-01T12:00:00Z\",\"Participants\":[{\"JID\":\"7@lid\","
	      "\"PhoneNumber\":\"5511900000002@c.us\",\"IsAdmin\":true,\"IsSuperAdmin\":false,"
	      "\"Error\":0}]}"},
	{ACTION_GROUP, 200,
	 "{\"id\":\"" GROUP "\",\"subject\":\"Team\",\"desc\":\"d\",\"owner\":\"1199@c.us\","
	 "\"announce\":true,\"restrict\":false,\"creation\":1791000000,\"participants\":[{\"id\":"
	 "\"7@lid\",\"admin\":\"superadmin\"},{\"id\":\"8@lid\",\"admin\":null}]}",
	 "ok",
	 TEAM "\"GroupCreated\":\"2026-10-03T04:00:00.000Z\",\"Participants\":[{\"JID\":\"7@lid\","
	      "\"PhoneNumber\":null,\"IsAdmin\":true,\"IsSuperAdmin\":true,\"Error\":0},{\"JID\":"
	      "\"8@lid\"," EMPTY "0}]}"},
	{ACTION_GROUP, 200,
	 "{\"id\":{\"_serialized\":\"" GROUP "\"},\"groupMetadata\":{\"subject\":\"Team\",\"desc\":"
	 "\"d\",\"owner\":{\"_serialized\":\"1199@c.us\"},\"announce\":true,\"creation\":"
	 "1791000000,"
	 "\"participants\":[{\"id\":{\"_serialized\":\"7@lid\"},\"isAdmin\":false}]}}",
	 "ok",
	 TEAM
	 "\"GroupCreated\":\"2026-10-03T04:00:00.000Z\",\"Participants\":[{\"JID\":\"7@lid\"," EMPTY
	 "0}]}"},
	{ACTION_GROUP, 200, "", "not_found", NULL},
	{ACTION_GROUP_CREATE, 201, "CreateGroupError: no", "not_allowed", NULL},
	{ACTION_GROUP_MEMBERS, 200,
	 "[{\"id\":\"7@lid\",\"pn\":\"5511900000002@c.us\",\"role\":\"admin\"}]", "ok",
	 "[{\"JID\":\"7@lid\",\"PhoneNumber\":\"5511900000002@c.us\",\"IsAdmin\":true,"
	 "\"IsSuperAdmin\":false,\"Error\":0}]"},
	{ACTION_GROUP_ADD, 200, "[{\"JID\":\"7@lid\",\"Error\":403}]", "ok",
	 "[{\"JID\":\"7@lid\"," EMPTY "403}]"},
	{ACTION_GROUP_ADD, 200, "[{\"status\":\"409\",\"jid\":\"7@lid\"}]", "ok",
	 "[{\"JID\":\"7@lid\"," EMPTY "409}]"},
	{ACTION_GROUP_ADD, 200, "{\"7@lid\":{\"code\":200,\"message\":\"ok\"}}", "ok",
	 "[{\"JID\":\"7@lid\"," EMPTY "0}]"},
	{ACTION_GROUP_DEMOTE, 200, "{\"status\":200}", "ok", "[]"},
	{ACTION_GROUP_ADD, 200, "not an admin", "not_allowed", NULL},
	{ACTION_GROUP_LINK, 200, "AbCd", "ok", "\"https://chat.whatsapp.com/AbCd\""},
	{ACTION_GROUP_LINK, 200, "https://chat.whatsapp.com/AbCd", "ok",
	 "\"https://chat.whatsapp.com/AbCd\""},
	{ACTION_GROUP_LINK, 200, "", "answer_unreadable", NULL},
	{ACTION_GROUP_JOIN, 200, "{}", "ok", NULL},
};

static void
test_answers(void **state GH_UNUSED)
{
	for (size_t i = 0; i < GH_COUNT(answers); i++) {
		struct arena *a = arena_new(0);
		const struct provider_answer answer = {.transport = PROVIDER_ANSWERED,
						       .status = answers[i].status,
						       .body = slice_of(answers[i].body)};
		struct provider_result r;

		provider_read_action(&provider_waha, answers[i].action, &answer, a, &r);
		assert_string_equal(r.code, answers[i].code);
		assert_true((r.outcome == PROVIDER_OK) == (strcmp(r.code, "ok") == 0));
		if (answers[i].data == NULL)
			assert_null(r.data.p);
		else
			assert_string_equal(arena_cstr(a, r.data), answers[i].data);
		arena_free(a);
	}
}

static void
read_one(enum provider_action action, const char *body, bool is_cut, struct arena *a,
	 struct provider_result *r)
{
	const struct provider_answer answer = {
		.status = 200, .body = slice_of(body), .is_cut = is_cut};

	provider_read_action(&provider_waha, action, &answer, a, r);
}

static void
test_answer_chats(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_result r;

	read_one(ACTION_NUMBER_CHECK,
		 "{\"numberExists\":true,\"chatId\":\"551190000002@s.whatsapp.net\"}", false, a,
		 &r);
	assert_true(r.is_found);
	assert_string_equal(arena_cstr(a, r.chat), "551190000002@c.us");
	read_one(ACTION_NUMBER_CHECK, "{\"numberExists\":false,\"chatId\":\"551190000002@c.us\"}",
		 false, a, &r);
	assert_false(r.is_found);
	assert_null(r.chat.p);
	read_one(ACTION_GROUP_JOIN, "{\"id\":\"" GROUP "\"}", false, a, &r);
	assert_string_equal(arena_cstr(a, r.chat), GROUP);
	read_one(ACTION_EDIT, "{\"key\":{\"id\":\"3EB0BB\",\"fromMe\":true}}", false, a, &r);
	assert_string_equal(arena_cstr(a, r.external_id), "3EB0BB");
	read_one(ACTION_FILE, "beginning", true, a, &r);
	assert_string_equal(r.code, "too_large");
	read_one(ACTION_CONTACTS, "[", true, a, &r);
	assert_string_equal(r.code, "answer_unreadable");
	arena_free(a);
}

static void
test_split_id(void **state GH_UNUSED)
{
	struct provider_message_ref m = waha_split_id(S("true_" GROUP "_3A_7@lid"));

	assert_true(m.is_from_me);
	assert_true(slice_eq(m.bare, S("3A")));
	assert_true(slice_eq(m.chat, S(GROUP)));
	assert_true(slice_eq(m.participant, S("7@lid")));
	m = waha_split_id(S("3A"));
	assert_true(slice_eq(m.bare, S("3A")));
	assert_null(m.full.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),        cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_files_of_others), cmocka_unit_test(test_answers),
		cmocka_unit_test(test_answer_chats),    cmocka_unit_test(test_split_id),
		cmocka_unit_test(test_engine_gaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
