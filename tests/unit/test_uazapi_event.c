/* test_uazapi_event.c - UAZAPI's webhooks but for "messages": the contract's own examples
 * (contracts/uazapi.md section 10), hostile input, the token and its disappearance.
 */
#include "provider/uazapi_event.c"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fact_line.h"
#include "uazapi_vectors.h"

#define TOKEN "7d3f0c52-0000-4000-8000-0000000000aa"

static const struct hook_case {
	const char *file;
	size_t count;
	const char *line; /* of the first */
} hook_cases[] = {
	{"hook_connecting", 1, "session state=qr word=connecting at=0"},
	{"hook_connecting_bare", 1, "session state=connecting word=connecting at=0"},
	{"hook_connected", 1, "session state=connected word=connected at=0"},
	{"hook_logged_out", 1,
	 "session text=401: logged out from another device state=disconnected word=disconnected "
	 "at=0"},
	{"hook_receipt_read", 2,
	 "status id=3EB0AAAABBBBCCCC0009 chat=5511900000002@c.us own-app status=read word=Read "
	 "at=1791000060000000"},
	{"hook_receipt_delivered", 1,
	 "status id=3EB0AAAABBBBCCCC0009 chat=5511900000002@c.us own-app status=delivered "
	 "word=delivered at=1791201660000000"},
	{"hook_receipt_played", 1,
	 "status id=3EB0AAAABBBBCCCC0009 chat=5511900000002@c.us own-app status=played word=PLAYED "
	 "at=1791000061000000"},
	{"hook_receipt_no_time", 1,
	 "status id=3EB0AAAABBBBCCCC0009 chat=5511900000002@c.us own-app status=read word=Read "
	 "at=0"},
	{"hook_receipt_group", 1,
	 "status id=3EB0AAAABBBBCCCC0009 chat=120363000000000001@g.us part=5511900000005@c.us "
	 "own-app group status=delivered word=Delivered at=1791000060000000"},
	{"hook_receipt_batch", 246,
	 "status id=3EB00000000000000000 chat=5511900000002@c.us own-app status=read word=Read "
	 "at=1791000060000000"},
	{"hook_receipt_empty", 1,
	 "other chat=5511900000002@c.us own-app status=read word=Read at=1791000060000000"},
	{"hook_receipt_flat", 1,
	 "status id=3EB0AAAABBBBCCCC0009 chat=5511900000002@c.us own-app status=delivered "
	 "word=delivered at=0"},
	{"hook_deleted", 1,
	 "revoked target=3A0000000000000000AA chat=5511900000002@c.us word=Deleted "
	 "at=1791000060000000"},
	{"hook_downloaded", 1,
	 "other chat=5511900000002@c.us word=FileDownloaded at=1791000060000000"},
	{"hook_group_promote", 1,
	 "group chat=120363000000000001@g.us group word=promote "
	 "member=5511900000005@c.us,5511900000005,admin at=1791201660000000"},
	{"hook_group_join_leave", 2,
	 "group chat=120363000000000001@g.us group word=join "
	 "member=5511900000005@c.us,5511900000005,participant at=1791201660000000"},
	{"hook_group_we_leave", 1,
	 "group chat=120363000000000001@g.us group word=leave "
	 "member=5511900000001@c.us,5511900000001,left self at=1791201660000000"},
	{"hook_group_demote_lid", 1,
	 "group chat=120363000000000001@g.us group word=demote "
	 "member=210000000000005@lid,,participant at=1791201660000000"},
	{"hook_group_subject", 1,
	 "group chat=120363000000000001@g.us group text=Acme crew word=update description=Daily "
	 "notes at=1791201660000000"},
	{"hook_group_announce", 1,
	 "group chat=120363000000000001@g.us group word=update at=1791201660000000"},
	{"hook_group_nothing", 1, "other chat=120363000000000001@g.us group at=1791201660000000"},
	{"hook_group_joined", 1,
	 "group chat=120363000000000001@g.us group text=Acme team word=join description=Daily "
	 "notes member=5511900000005@c.us,5511900000005,superadmin "
	 "member=210000000000006@lid,,admin member=5511900000001@c.us,5511900000001,participant "
	 "self at=0"},
	{"hook_presence_recording", 1,
	 "presence chat=5511900000002@c.us part=5511900000002@c.us word=recording at=0"},
	{"hook_presence_typing", 1,
	 "presence chat=5511900000002@c.us part=5511900000002@c.us word=typing at=0"},
	{"hook_presence_online", 1,
	 "presence chat=5511900000002@c.us part=5511900000002@c.us word=online at=0"},
	{"hook_presence_offline", 1,
	 "presence chat=5511900000002@c.us part=5511900000002@c.us word=offline at=0"},
	{"hook_presence_paused", 1,
	 "presence chat=5511900000002@c.us part=5511900000002@c.us word=paused at=0"},
	{"hook_presence_own", 1, "other at=0"},
	{"hook_presence_own_text", 1, "other at=0"},
	{"hook_history", 1, "other at=0"},
	{"hook_call", 1, "call chat=5511900000002@c.us word=received at=0"},
	{"hook_call_event", 1,
	 "call id=CALL0001 chat=5511900000002@c.us word=rejected at=1791201660000000"},
	{"hook_call_node", 1, "call id=CALL0002 chat=5511900000002@c.us word=received video at=0"},
	{"hook_chats", 1, "other at=0"},
	{"hook_messages_empty", 1, "other at=0"},
};

static void
test_hooks(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(hook_cases); i++) {
		struct provider_event ev;
		struct buf b;

		assert_int_equal(
			uazapi_parse_event(vector_read(a, hook_cases[i].file), a, &ev, NULL),
			GH_OK);
		buf_init(&b, a, 4096);
		fact_line_add(&b, ev.fact);
		if (!slice_eq(buf_slice(&b), slice_of(hook_cases[i].line)))
			fail_msg("%s\n got  %s\n want %s", hook_cases[i].file, buf_cstr(&b),
				 hook_cases[i].line);
		assert_int_equal(ev.fact_count, hook_cases[i].count);
		assert_null(ev.session.p); /* verified by its token: no name is held against it */
		assert_int_equal(ev.fact->ack, INT_MIN);
	}
	arena_free(a);
}

static void
test_frame(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_event ev;

	assert_int_equal(uazapi_parse_event(vector_read(a, "hook_connected"), a, &ev, NULL), GH_OK);
	assert_true(slice_eq(ev.name, S("connection")));
	assert_true(slice_eq(ev.own_number, S("5511900000001")));
	assert_null(ev.event_id.p);
	/* The number of before is not the number of now. */
	assert_int_equal(uazapi_parse_event(vector_read(a, "hook_logged_out"), a, &ev, NULL),
			 GH_OK);
	assert_null(ev.own_number.p);
	assert_true(ev.fact->is_unpaired);
	assert_int_equal(uazapi_parse_event(S("{\"EventType\":\"connection\",\"owner\":\"\","
					      "\"instance\":{\"status\":\"disconnected\","
					      "\"lastDisconnectReason\":\"stream error\"}}"),
					    a, &ev, NULL),
			 GH_OK);
	assert_int_equal(ev.fact->session, PROVIDER_SESSION_DISCONNECTED);
	assert_false(ev.fact->is_unpaired);
	assert_int_equal(uazapi_parse_event(vector_read(a, "hook_connecting"), a, &ev, NULL),
			 GH_OK);
	assert_true(slice_eq(ev.event_id, S("5b1d0c9e-0000-4000-8000-000000000001")));
	arena_free(a);
}

/* Each of a batch is a fact of its own, with the time and chat of all. */
static void
test_receipt_batch(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_event ev;

	assert_int_equal(uazapi_parse_event(vector_read(a, "hook_receipt_batch"), a, &ev, NULL),
			 GH_OK);
	assert_int_equal(ev.fact_count, 246);
	for (size_t i = 0; i < ev.fact_count; i++) {
		const char *id = arena_printf(a, "3EB0%016zX", i);

		assert_int_equal(ev.fact[i].kind, PROVIDER_FACT_STATUS);
		assert_true(slice_eq(ev.fact[i].external_id, slice_of(id)));
		assert_int_equal(ev.fact[i].status, MSG_READ);
		assert_true(ev.fact[i].is_from_me && ev.fact[i].has_status);
		assert_int_equal(ev.fact[i].at_us, 1791000060000000);
	}
	arena_free(a);
}

static void
test_batch_bound(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_event ev;
	struct buf b;

	buf_init(&b, a, 1 << 20);
	buf_add_cstr(&b, "{\"EventType\":\"messages_update\",\"state\":\"Read\",\"event\":"
			 "{\"MessageIDs\":[\"A\"");
	for (int i = 0; i < 2 * FACTS_MAX; i++)
		buf_add_cstr(&b, ",\"B\",7,\"\"");
	buf_add_cstr(&b, "]}}");
	assert_false(b.over);
	assert_int_equal(uazapi_parse_event(buf_slice(&b), a, &ev, NULL), GH_OK);
	assert_int_equal(ev.fact_count, FACTS_MAX);
	arena_free(a);
}

/* Several changes in one body: each is a fact. */
static void
test_group_changes(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_event ev;

	assert_int_equal(uazapi_parse_event(vector_read(a, "hook_group_join_leave"), a, &ev, NULL),
			 GH_OK);
	assert_int_equal(ev.fact_count, 2);
	assert_true(slice_eq(ev.fact[1].word, S("leave")));
	assert_false(ev.fact[1].is_self);
	assert_true(slice_eq(ev.fact[1].members[0].phone, S("5511900000006")));
	assert_true(slice_eq(ev.fact[1].members[0].role, S("left")));
	arena_free(a);
}

/* Every key missing or of a wrong type is still an event; only no object is an error. */
static void
test_tolerance(void **state GH_UNUSED)
{
	static const struct {
		const char *body;
		enum gh_code rc;
		enum provider_fact_kind kind;
	} cases[] = {
		{"", GH_EINVAL, PROVIDER_FACT_OTHER},
		{"[]", GH_EINVAL, PROVIDER_FACT_OTHER},
		{"{\"EventType\":\"messages\"", GH_EINVAL, PROVIDER_FACT_OTHER},
		{"{\"a\":1,\"a\":2}", GH_EINVAL, PROVIDER_FACT_OTHER},
		{"{}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"EventType\":7,\"owner\":[]}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"EventType\":\"Messages\",\"message\":{}}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"EventType\":\"messages\",\"message\":[1]}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"EventType\":\"messages\",\"message\":{},\"chat\":7}", GH_OK,
		 PROVIDER_FACT_MESSAGE},
		{"{\"EventType\":\"messages_update\"}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"EventType\":\"messages_update\",\"state\":\"Read\",\"event\":\"x\"}", GH_OK,
		 PROVIDER_FACT_OTHER},
		{"{\"EventType\":\"messages_update\",\"state\":\"Read\",\"event\":\"x\","
		 "\"messageid\":\"A\"}",
		 GH_OK, PROVIDER_FACT_STATUS},
		{"{\"EventType\":\"messages_update\",\"state\":\"Read\",\"event\":"
		 "{\"MessageIDs\":{\"a\":1},\"Timestamp\":{}}}",
		 GH_OK, PROVIDER_FACT_OTHER},
		{"{\"EventType\":\"messages_update\",\"state\":\"Read\",\"event\":"
		 "{\"MessageIDs\":[1,null,\"\"]}}",
		 GH_OK, PROVIDER_FACT_OTHER},
		{"{\"EventType\":\"messages_update\",\"state\":\"Gone\",\"event\":"
		 "{\"MessageIDs\":[\"A\"]}}",
		 GH_OK, PROVIDER_FACT_OTHER},
		{"{\"EventType\":\"groups\",\"event\":\"x\"}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"EventType\":\"groups\",\"event\":{\"Join\":[],\"Promote\":7,\"Leave\":{}}}",
		 GH_OK, PROVIDER_FACT_OTHER},
		{"{\"EventType\":\"groups\",\"event\":{\"Join\":[7,{}]}}", GH_OK,
		 PROVIDER_FACT_GROUP},
		{"{\"EventType\":\"groups\",\"type\":\"JoinedGroup\",\"event\":"
		 "{\"Participants\":[7,{}]}}",
		 GH_OK, PROVIDER_FACT_GROUP},
		{"{\"EventType\":\"presence\"}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"EventType\":\"presence\",\"event\":{}}", GH_OK, PROVIDER_FACT_PRESENCE},
		{"{\"EventType\":\"connection\"}", GH_OK, PROVIDER_FACT_SESSION},
		{"{\"EventType\":\"connection\",\"type\":\"LoggedOut\"}", GH_OK,
		 PROVIDER_FACT_SESSION},
		{"{\"EventType\":\"call\"}", GH_OK, PROVIDER_FACT_CALL},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_event ev;
		struct gh_err err;

		assert_int_equal(uazapi_parse_event(slice_of(cases[i].body), a, &ev, &err),
				 cases[i].rc);
		if (cases[i].rc != GH_OK)
			continue;
		assert_true(ev.fact_count >= 1);
		if (ev.fact->kind != cases[i].kind)
			fail_msg("%s: %s", cases[i].body, provider_fact_name(ev.fact->kind));
	}
	arena_free(a);
}

/* ---- the token ---- */

static void
test_verify(void **state GH_UNUSED)
{
	static const struct {
		const char *key, *body;
		enum gh_code rc;
	} cases[] = {
		{TOKEN, "{\"token\":\"" TOKEN "\"}", GH_OK},
		{TOKEN, "{\"token\":\"\\u0037d3f0c52-0000-4000-8000-0000000000aa\"}", GH_OK},
		{TOKEN, "{\"token\":\"" TOKEN "x\"}", GH_EAUTH},
		{TOKEN, "{\"token\":\"7d3f0c52-0000-4000-8000-0000000000ab\"}", GH_EAUTH},
		{TOKEN, "{\"token\":\"\"}", GH_EAUTH},
		{TOKEN, "{\"token\":null}", GH_EAUTH},
		{TOKEN, "{\"instance\":{\"token\":\"" TOKEN "\"}}", GH_EAUTH},
		{TOKEN, "{}", GH_EAUTH},
		{TOKEN, "[\"" TOKEN "\"]", GH_EAUTH},
		{TOKEN, TOKEN, GH_EAUTH},
		{TOKEN, "", GH_EAUTH},
		/* A parser that takes the first and one that takes the last would differ. */
		{TOKEN, "{\"token\":\"" TOKEN "\",\"token\":\"x\"}", GH_EAUTH},
		/* What a contact may have written. */
		{TOKEN, "{\"token\":\"" TOKEN "\",\"text\":\"a\\u0000b\"}", GH_OK},
		{TOKEN, "{\"token\":\"" TOKEN "\\u0000\"}", GH_EAUTH},
		{TOKEN, "{\"token\":\"x\",\"text\":\"\\u0000\"}", GH_EAUTH},
		{"", "{\"token\":\"\"}", GH_EAUTH},
		{"", "{}", GH_EAUTH},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++)
		assert_int_equal(
			uazapi_verify(slice_of(cases[i].key), SLICE_NONE, slice_of(cases[i].body)),
			cases[i].rc);
	assert_int_equal(uazapi_verify(SLICE_NONE, SLICE_NONE, S("{\"token\":\"\"}")), GH_EAUTH);
}

static void
test_redact(void **state GH_UNUSED)
{
	static const struct {
		const char *body, *want;
	} cases[] = {
		{"{\"token\":\"abcdefgh\"}", "{\"token\":\"********\"}"},
		{"{\"token\" : \n\"abcdefgh\",\"a\":\"token\"}",
		 "{\"token\" : \n\"********\",\"a\":\"token\"}"},
		{"{\"a\":\"x abcdefgh y abcdefgh\",\"instance\":{\"token\":\"abcdefgh\"}}",
		 "{\"a\":\"x ******** y ********\",\"instance\":{\"token\":\"********\"}}"},
		{"{\"token\":\"abcdefgh\",\"instance\":{\"token\":\"ijklmnop\"},"
		 "\"u\":\"http://x/?t=ijklmnop&u=abcdefgh\"}",
		 "{\"token\":\"********\",\"instance\":{\"token\":\"********\"},"
		 "\"u\":\"http://x/?t=********&u=********\"}"},
		/* Escapes hide neither name nor value, and are overwritten whole. */
		{"{\"tok\\u0065n\":\"abcdefgh\",\"a\":\"-\\u0061bcdefg\\u0068-\"}",
		 "{\"tok\\u0065n\":\"********\",\"a\":\"-******************-\"}"},
		{"{\"token\":\"ab\\\"\\/\\u0064efgh\",\"a\":\"ab\\\"/defgh\"}",
		 "{\"token\":\"****************\",\"a\":\"**********\"}"},
		/* Digits of an escape are no text: "\u003" and "7abcdef" are not "7abcdef". */
		{"{\"token\":\"7abcdefg\",\"a\":\"\\u00e7abcdefg\"}",
		 "{\"token\":\"********\",\"a\":\"\\u00e7abcdefg\"}"},
		/* Not a member's text: nothing to hide. */
		{"{\"token\":null,\"token2\":\"abcdefgh\"}",
		 "{\"token\":null,\"token2\":\"abcdefgh\"}"},
		{"{\"a\":[\"token\",\"abcdefgh\"]}", "{\"a\":[\"token\",\"abcdefgh\"]}"},
		{"{\"\":\"abcdefgh\"}", "{\"\":\"abcdefgh\"}"},
		/* Too short to be looked for elsewhere. */
		{"{\"token\":\"a\",\"b\":\"banana\"}", "{\"token\":\"*\",\"b\":\"banana\"}"},
		{"{\"token\":\"\",\"b\":\"banana\"}", "{\"token\":\"\",\"b\":\"banana\"}"},
		{"{\"admintoken\":\"a\",\"openai_apikey\":\"sk-1\"}",
		 "{\"admintoken\":\"*\",\"openai_apikey\":\"****\"}"},
		/* What begins like it more than once. */
		{"{\"token\":\"aabaabaaa\",\"b\":\"aabaabaabaaa aaabaabaaab\"}",
		 "{\"token\":\"*********\",\"b\":\"aab********* a*********b\"}"},
		/* No JSON: memory is safe, and what it can be is overwritten. */
		{"{\"token\":\"abcdefgh", "{\"token\":\"********"},
		{"{\"token\":\"abcdefgh\\", "{\"token\":\"*********"},
		{"{\"token\":\"abcdefgh\\u12", "{\"token\":\"************"},
		{"{\"token\":\"", "{\"token\":\""},
		{"\"", "\""},
		{"", ""},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		size_t n = strlen(cases[i].body);
		char *exact = gh_alloc(n + 1); /* one byte beyond is beyond the heap's block */

		memcpy(exact, cases[i].body, n + 1);
		uazapi_redact(SLICE_NONE, exact, n);
		assert_string_equal(exact, cases[i].want);
		gh_free(exact);
	}
}

/* More secrets than are learned, and a text that nearly is each of them all the way: the key is
 * overwritten all the same, and in a time that follows from the length alone. */
static void
test_redact_hostile(void **state GH_UNUSED)
{
	enum { NAMED = 9, NEARLY = 120, LONG = 1024 * 1024 };
	struct arena *a = arena_new(0);
	clock_t start;
	struct buf b;

	buf_init(&b, a, 2 * LONG);
	buf_add_char(&b, '{');
	for (int i = 0; i < NAMED; i++) {
		buf_add_cstr(&b, arena_printf(a, "\"x%d\":{\"token\":\"", i));
		for (int k = 0; k < NEARLY; k++)
			buf_add_char(&b, 'a');
		buf_add_cstr(&b, arena_printf(a, "%d\"},", i));
	}
	buf_add_cstr(&b, "\"token\":\"" TOKEN "\",\"u\":\"?t=" TOKEN "\",\"z\":\"");
	for (int i = 0; i < LONG; i++)
		buf_add_char(&b, 'a');
	buf_add_cstr(&b, "\"}");
	start = clock();
	uazapi_redact(S(TOKEN), b.p, b.n);
	assert_true(clock() - start < CLOCKS_PER_SEC);
	assert_null(memmem(b.p, b.n, TOKEN, strlen(TOKEN)));
	arena_free(a);
}

/* Of every example: the token is gone, the JSON is whole, and it says what it said. */
static void
test_redact_vectors(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(hook_cases); i++) {
		struct slice body = vector_read(a, hook_cases[i].file);
		struct slice kept = arena_dup(a, body);
		struct provider_event ev;
		struct buf b;

		assert_int_equal(uazapi_verify(S(TOKEN), SLICE_NONE, body), GH_OK);
		uazapi_redact(S(TOKEN), (char *)(uintptr_t)kept.p, kept.n);
		assert_null(memmem(kept.p, kept.n, TOKEN, strlen(TOKEN)));
		assert_int_equal(uazapi_verify(S(TOKEN), SLICE_NONE, kept), GH_EAUTH);
		assert_int_equal(uazapi_parse_event(kept, a, &ev, NULL), GH_OK);
		buf_init(&b, a, 4096);
		fact_line_add(&b, ev.fact);
		assert_string_equal(buf_cstr(&b), hook_cases[i].line);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hooks),          cmocka_unit_test(test_frame),
		cmocka_unit_test(test_receipt_batch),  cmocka_unit_test(test_batch_bound),
		cmocka_unit_test(test_group_changes),  cmocka_unit_test(test_tolerance),
		cmocka_unit_test(test_verify),         cmocka_unit_test(test_redact),
		cmocka_unit_test(test_redact_vectors), cmocka_unit_test(test_redact_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
