/* test_waha.c - the WAHA translator: ids and chats, requests but sends and actions, signature and
 * reference, against the contract's own examples and hostile input. Its webhooks are in
 * test_waha_event.c, its answers in test_waha_answer.c.
 */
#include "provider/waha.c"

#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "waha_vectors.h"

/* ---- ids and chats ---- */

static void
test_ids(void **state GH_UNUSED)
{
	static const struct {
		const char *text, *bare, *chat, *participant;
	} cases[] = {
		{"true_5511900000002@c.us_3EB0C0FFEE0000000001", "3EB0C0FFEE0000000001",
		 "5511900000002@c.us", NULL},
		{"false_5511-1400000000@g.us_3A00_5511900000005@c.us", "3A00",
		 "5511-1400000000@g.us", "5511900000005@c.us"},
		{"3A0000000000000000AA", "3A0000000000000000AA", NULL, NULL},
		{"yes_a_b", "yes_a_b", NULL, NULL},
		{"true_a_b_c_d", "true_a_b_c_d", NULL, NULL},
		{"", "", NULL, NULL},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct waha_id id = waha_id_split(slice_of(cases[i].text));

		assert_true(slice_eq(id.bare, slice_of(cases[i].bare)));
		assert_true(slice_eq(id.chat, slice_of(cases[i].chat)));
		assert_true(slice_eq(id.participant, slice_of(cases[i].participant)));
	}
}

static void
test_chats(void **state GH_UNUSED)
{
	static const struct {
		const char *id, *key, *lane; /* key NULL: refused; lane NULL: the key */
	} cases[] = {
		{"5511900000002", "5511900000002@c.us", "551100000002@c.us"},
		{"+5511900000002", "5511900000002@c.us", "551100000002@c.us"},
		{"551100000002@c.us", "551100000002@c.us", NULL},
		{"5511900000002:7@s.whatsapp.net", "5511900000002@c.us", "551100000002@c.us"},
		{"4915112345678@c.us", "4915112345678@c.us", NULL},
		{"120363000000000001@g.us", "120363000000000001@g.us", NULL},
		{"5511900000001-1400000000@g.us", "5511900000001-1400000000@g.us", NULL},
		{"210000000000002@lid", "210000000000002@lid", NULL},
		{"120363111@newsletter", "120363111@newsletter", NULL},
		{"status@broadcast", "status@broadcast", NULL},
		{"", NULL, NULL},
		{"me", NULL, NULL},
		{"123456", NULL, NULL},
		{"1234567890123456", NULL, NULL},
		{"55119-0000@c.us", NULL, NULL},
		{"@g.us", NULL, NULL},
		{"1-@g.us", NULL, NULL},
		{"status@g.us", NULL, NULL},
		{"5511900000002@evil.example", NULL, NULL},
		{"55 11 90000 0002", NULL, NULL},
		{"5511900000002@c.us@c.us", NULL, NULL},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_chat chat;
		enum gh_code rc = provider_chat_parse(slice_of(cases[i].id), a, &chat);
		const char *lane = cases[i].lane != NULL ? cases[i].lane : cases[i].key;

		if ((rc == GH_OK) != (cases[i].key != NULL))
			fail_msg("%s", cases[i].id);
		if (rc != GH_OK)
			continue;
		assert_true(slice_eq(chat.key, slice_of(cases[i].key)));
		assert_true(slice_eq(chat.lane_key, slice_of(lane)));
	}
	arena_free(a);
}

/* ---- requests ---- */

static const struct provider_server server = {
	.base_url = {"http://waha.example.net/base/", 29},
	.api_key = {"k", 1},
	.engine = {"GOWS", 4},
};

static void
test_build_text(void **state GH_UNUSED)
{
	static const struct {
		const char *engine, *ref, *reply, *body;
	} cases[] = {
		{"GOWS", "3EB0C0", NULL,
		 "{\"session\":\"acme_01\",\"chatId\":\"5511900000002@c.us\","
		 "\"text\":\"a \\\"b\\\"\",\"id\":\"3EB0C0\"}"},
		{"WEBJS", "3EB0C0", "false_x@c.us_AA",
		 "{\"session\":\"acme_01\",\"chatId\":\"5511900000002@c.us\","
		 "\"text\":\"a \\\"b\\\"\",\"reply_to\":\"false_x@c.us_AA\"}"},
		{NULL, NULL, NULL,
		 "{\"session\":\"acme_01\",\"chatId\":\"5511900000002@c.us\","
		 "\"text\":\"a \\\"b\\\"\"}"},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_server s = server;
		struct provider_message_ref quoted = {.full = slice_of(cases[i].reply)};
		struct provider_send m = {
			.kind = MSG_TEXT,
			.chat = S("5511900000002"),
			.content = S("a \"b\""),
			.send_ref = slice_of(cases[i].ref),
			.reply_to = cases[i].reply != NULL ? &quoted : NULL,
		};
		struct provider_call call = {
			.op = PROVIDER_OP_SEND, .session = S("acme_01"), .send = &m};
		struct provider_request r;

		s.engine = slice_of(cases[i].engine);
		assert_int_equal(provider_build(&provider_waha, &s, &call, a, &r, NULL), GH_OK);
		assert_string_equal(r.method, "POST");
		assert_true(slice_eq(r.url, S("http://waha.example.net/base/api/sendText")));
		assert_true(slice_eq(r.body, slice_of(cases[i].body)));
		assert_false(r.is_idempotent);
		assert_true(slice_eq(r.header[0].name, S("X-Api-Key")));
		assert_true(slice_eq(r.header[0].value, S("k")));
		assert_int_equal(r.header_count, 3);
	}
	arena_free(a);
}

/* Our body has no member that the contract's example does not know. */
static void
assert_subset(const struct json *ours, const struct json *example)
{
	for (const struct json *v = json_first(ours); v != NULL; v = json_next(v)) {
		char name[64];
		const struct json *known;

		assert_int_equal(slice_to_cstr(json_name(v), name, sizeof(name)), GH_OK);
		known = json_get(example, name);
		if (known == NULL)
			fail_msg("member %s is not in the contract", name);
		if (json_type(v) == JSON_OBJECT && strcmp(name, "metadata") != 0)
			assert_subset(v, known);
		else if (json_type(v) == JSON_ARRAY && json_type(json_first(v)) == JSON_OBJECT)
			assert_subset(json_first(v), json_first(known));
		else
			assert_int_equal(json_type(v), json_type(known));
	}
}

static void
test_build_create(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_session_spec spec = {
		.webhook_url = S("https://hub.example.net/webhook/waha/k1"),
		.webhook_secret = S("s3"),
		.company_id = 7,
		.instance_id = 42,
	};
	struct provider_call call = {
		.op = PROVIDER_OP_SESSION_CREATE, .session = S("7-shop"), .spec = &spec};
	const struct json *ours, *example, *hook;
	struct provider_request r;

	assert_int_equal(provider_build(&provider_waha, &server, &call, a, &r, NULL), GH_OK);
	assert_true(slice_eq(r.url, S("http://waha.example.net/base/api/sessions")));
	assert_int_equal(json_parse(r.body, a, &ours, NULL, NULL), GH_OK);
	assert_int_equal(json_parse(vector_read(a, "request_create"), a, &example, NULL, NULL),
			 GH_OK);
	assert_subset(ours, example);
	assert_true(json_bool(json_get(ours, "start"), false));
	assert_true(slice_eq(json_str(json_path(ours, "config.metadata.instance")), S("42")));
	hook = json_first(json_path(ours, "config.webhooks"));
	assert_true(slice_eq(json_str(json_get(hook, "url")), spec.webhook_url));
	assert_true(slice_eq(json_str(json_path(hook, "hmac.key")), S("s3")));
	assert_true(slice_eq(json_str(json_first(json_get(hook, "events"))), S("session.status")));
	arena_free(a);
}

static void
test_build_plain(void **state GH_UNUSED)
{
	static const struct {
		enum provider_op op;
		bool want_image;
		const char *method, *url;
	} cases[] = {
		{PROVIDER_OP_SESSION_GET, false, "GET", "/api/sessions/acme_01"},
		{PROVIDER_OP_SESSION_DELETE, false, "DELETE", "/api/sessions/acme_01"},
		{PROVIDER_OP_QR, false, "GET", "/api/acme_01/auth/qr?format=raw"},
		{PROVIDER_OP_QR, true, "GET", "/api/acme_01/auth/qr?format=image"},
		{PROVIDER_OP_SERVER_VERSION, false, "GET", "/api/server/version"},
		{PROVIDER_OP_MESSAGE_GET, false, "GET",
		 "/api/acme_01/chats/5511900000002%40c.us/messages/"
		 "true_5511900000002%40c.us_3EB0?downloadMedia=false"},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_call call = {
			.op = cases[i].op,
			.session = S("acme_01"),
			.chat = S("5511900000002@c.us"),
			.external_id = S("3EB0"),
			.want_image = cases[i].want_image,
		};
		struct provider_request r;
		char *url = arena_printf(a, "http://waha.example.net/base%s", cases[i].url);

		assert_int_equal(provider_build(&provider_waha, &server, &call, a, &r, NULL),
				 GH_OK);
		assert_string_equal(r.method, cases[i].method);
		assert_true(slice_eq(r.url, slice_of(url)));
		assert_null(r.body.p);
		assert_true(r.is_idempotent);
	}
	arena_free(a);
}

/* A send_ref is the id that we made: it stands in where the answer of the send was lost. */
static void
test_build_look_up_by_ref(void **state GH_UNUSED)
{
	struct provider_call call = {
		.op = PROVIDER_OP_MESSAGE_GET,
		.session = S("acme_01"),
		.chat = S("5511900000002@c.us"),
	};
	struct arena *a = arena_new(0);
	struct provider_request r;

	assert_int_equal(provider_build(&provider_waha, &server, &call, a, &r, NULL), GH_EINVAL);
	call.send_ref = S("3EB1");
	assert_int_equal(provider_build(&provider_waha, &server, &call, a, &r, NULL), GH_OK);
	assert_true(slice_ends(r.url, S("_3EB1?downloadMedia=false")));
	call.external_id = S("3EB0");
	assert_int_equal(provider_build(&provider_waha, &server, &call, a, &r, NULL), GH_OK);
	assert_true(slice_ends(r.url, S("_3EB0?downloadMedia=false")));
	arena_free(a);
}

static void
test_build_refused(void **state GH_UNUSED)
{
	static const struct {
		const char *session, *chat;
		enum msg_kind kind;
		enum gh_code rc;
	} cases[] = {
		{"acme_01", "5511900000002", MSG_STICKER, GH_EPERM},
		{"acme_01", "5511900000002", MSG_REACTION, GH_EPERM},
		{"acme_01", "nobody", MSG_TEXT, GH_EINVAL},
		{"", "5511900000002", MSG_TEXT, GH_EINVAL},
		{"a/b", "5511900000002", MSG_TEXT, GH_EINVAL},
		{"1234567890123456789012345678901234567890123456789012345", "5511900000002",
		 MSG_TEXT, GH_EINVAL},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_send m = {
			.kind = cases[i].kind, .chat = slice_of(cases[i].chat), .content = S("x")};
		struct provider_call call = {
			.op = PROVIDER_OP_SEND, .session = slice_of(cases[i].session), .send = &m};
		struct provider_request r;
		struct gh_err err = {0};

		assert_int_equal(provider_build(&provider_waha, &server, &call, a, &r, &err),
				 cases[i].rc);
		assert_true(err.text[0] != '\0');
	}
	arena_free(a);
}

/* ---- signature and reference ---- */

static void
test_verify(void **state GH_UNUSED)
{
	static const char mac[] =
		"690ff99561b7e6e0a3edf811731f2b424072f1051d314ee8860ca4b9f54854526cd6"
		"0972a36a7e85af4852a2064c9a61095d99aabd86668ca17f7d25f078be3a";
	const struct slice body = S("{\"id\":\"evt_01k5growhub0000000000000a1\",\"timestamp\":"
				    "1791000000123,\"event\":\"message.ack\",\"session\":"
				    "\"acme_01\"}");
	const struct slice key = S("growhub-test-key"), sig = slice_of(mac);
	const struct {
		struct slice key, sig, body;
		enum gh_code rc;
	} cases[] = {
		{key, sig, body, GH_OK},
		{S("other"), sig, body, GH_EAUTH},
		{SLICE_NONE, sig, body, GH_EAUTH},
		{key, SLICE_NONE, body, GH_EAUTH},
		{key, slice_sub(sig, 0, 64), body, GH_EAUTH},
		{key, S("zz"), body, GH_EAUTH},
		{key, sig, slice_from(body, 1), GH_EAUTH},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++)
		assert_int_equal(
			provider_verify(&provider_waha, cases[i].key, cases[i].sig, cases[i].body),
			cases[i].rc);
}

static void
test_send_ref(void **state GH_UNUSED)
{
	struct uuid a, b;
	char first[PROVIDER_SEND_REF_SIZE], again[PROVIDER_SEND_REF_SIZE];

	assert_int_equal(uuid_parse(S("0198c0de-0000-7000-8000-000000000001"), &a), GH_OK);
	assert_int_equal(uuid_parse(S("0198c0de-0000-7000-8000-000000000002"), &b), GH_OK);
	assert_true(provider_send_ref(&provider_waha, MSG_TEXT, a, first));
	assert_true(provider_send_ref(&provider_waha, MSG_TEXT, a, again));
	assert_string_equal(first, again);
	assert_int_equal(strlen(first), 22);
	assert_memory_equal(first, "3EB0", 4);
	assert_int_equal(strspn(first, "0123456789ABCDEF"), 22);
	assert_true(provider_send_ref(&provider_waha, MSG_TEXT, b, again));
	assert_string_not_equal(first, again);
	assert_false(provider_send_ref(&provider_waha, MSG_IMAGE, a, again));
	assert_string_equal(again, "");
}

static void
test_find(void **state GH_UNUSED)
{
	assert_ptr_equal(provider_find(S("waha")), &provider_waha);
	assert_null(provider_find(S("WAHA2")));
	assert_null(provider_find(SLICE_NONE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),         cmocka_unit_test(test_chats),
		cmocka_unit_test(test_build_text),  cmocka_unit_test(test_build_create),
		cmocka_unit_test(test_build_plain), cmocka_unit_test(test_build_look_up_by_ref),
		cmocka_unit_test(test_verify),      cmocka_unit_test(test_send_ref),
		cmocka_unit_test(test_find),        cmocka_unit_test(test_build_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
