/* test_waha_session.c - steering WAHA's sessions: requests as waha.md sections 4 and
 * 18.6 want them, answers without secrets, what WAHA cannot do.
 */
#include "provider/waha_session.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"

static const struct provider_server server = {
	.base_url = {"http://waha.example.net", 23},
	.api_key = {"k", 1},
};

static const struct provider_session_spec spec = {
	.webhook_url = {"https://new.example.net/webhook/waha/key1", 41},
	.webhook_secret = {"s3", 2},
	.company_id = 7,
	.instance_id = 42,
};

static void
test_requests(void **state GH_UNUSED)
{
	static const struct {
		struct provider_call call;
		const char *method, *path, *body; /* body NULL: none */
	} cases[] = {
		{{.op = PROVIDER_OP_SESSION_START}, "POST", "/api/sessions/acme_01/start", NULL},
		{{.op = PROVIDER_OP_SESSION_STOP}, "POST", "/api/sessions/acme_01/stop", NULL},
		{{.op = PROVIDER_OP_SESSION_RESTART},
		 "POST",
		 "/api/sessions/acme_01/restart",
		 NULL},
		{{.op = PROVIDER_OP_SESSION_LOGOUT}, "POST", "/api/sessions/acme_01/logout", NULL},
		{{.op = PROVIDER_OP_SESSION_LIST}, "GET", "/api/sessions?all=true", NULL},
		{{.op = PROVIDER_OP_PROFILE_GET}, "GET", "/api/acme_01/profile", NULL},
		{{.op = PROVIDER_OP_PAIR_CODE, .phone = {"5511900000001", 13}},
		 "POST",
		 "/api/acme_01/auth/request-code",
		 "{\"phoneNumber\":\"5511900000001\"}"},
		{{.op = PROVIDER_OP_ABOUT_SET, .about = {"At work", 7}},
		 "PUT",
		 "/api/acme_01/profile/status",
		 "{\"status\":\"At work\"}"},
		{{.op = PROVIDER_OP_PRESENCE, .presence = PROVIDER_PRESENCE_UNAVAILABLE},
		 "POST",
		 "/api/acme_01/presence",
		 "{\"presence\":\"offline\"}"},
		{{.op = PROVIDER_OP_PRESENCE,
		  .presence = PROVIDER_PRESENCE_COMPOSING,
		  .chat = {"5511900000002", 13}},
		 "POST",
		 "/api/acme_01/presence",
		 "{\"presence\":\"typing\",\"chatId\":\"5511900000002@c.us\"}"},
		/* The account's own presence names no chat, whatever was given. */
		{{.op = PROVIDER_OP_PRESENCE, .chat = {"5511900000002", 13}},
		 "POST",
		 "/api/acme_01/presence",
		 "{\"presence\":\"online\"}"},
		{{.op = PROVIDER_OP_SESSION_UPDATE, .spec = &spec, .config = {"{}", 2}},
		 "PUT",
		 "/api/sessions/acme_01",
		 ""},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_call call = cases[i].call;
		struct provider_request r;

		call.session = S("acme_01");
		assert_int_equal(provider_build(&provider_waha, &server, &call, a, &r, NULL),
				 GH_OK);
		assert_string_equal(r.method, cases[i].method);
		assert_true(slice_eq(r.url, slice_of(arena_printf(a, "http://waha.example.net%s",
								  cases[i].path))));
		if (cases[i].body == NULL)
			assert_null(r.body.p);
		else if (cases[i].body[0] != '\0')
			assert_true(slice_eq(r.body, slice_of(cases[i].body)));
		assert_int_equal(r.header_count, cases[i].body == NULL ? 2 : 3);
	}
	arena_free(a);
}

/* What the provider has no call for is said with the place that says so; a bad call is not. */
static void
test_refusals(void **state GH_UNUSED)
{
	static const struct {
		struct provider_call call;
		enum gh_code rc;
	} cases[] = {
		{{.op = PROVIDER_OP_PRIVACY_GET}, GH_EPERM},
		{{.op = PROVIDER_OP_PRIVACY_SET}, GH_EPERM},
		{{.op = PROVIDER_OP_PRESENCE, .presence = PROVIDER_PRESENCE_PAUSED}, GH_EPERM},
		{{.op = PROVIDER_OP_PRESENCE,
		  .presence = PROVIDER_PRESENCE_PAUSED,
		  .chat = {"nobody", 6}},
		 GH_EINVAL},
		{{.op = PROVIDER_OP_PAIR_CODE}, GH_EINVAL},
		{{.op = PROVIDER_OP_SESSION_UPDATE, .spec = &spec, .config = {"[]", 2}}, GH_EINVAL},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_call call = cases[i].call;
		struct provider_request r;
		struct gh_err err = {0};

		call.session = S("acme_01");
		assert_int_equal(provider_build(&provider_waha, &server, &call, a, &r, &err),
				 cases[i].rc);
		assert_int_equal(strstr(err.text, "waha.md section 18.6") != NULL,
				 cases[i].rc == GH_EPERM);
	}
	arena_free(a);
}

/* Only our own webhook moves; everything else of the configuration goes back as it was. */
static void
test_update(void **state GH_UNUSED)
{
	const struct provider_call call = {
		.op = PROVIDER_OP_SESSION_UPDATE,
		.session = S("acme_01"),
		.spec = &spec,
		.config = S(
			"{\"debug\":true,\"webhooks\":[{\"url\":\"https://other.example.net/key2\","
			"\"events\":[\"*\"]},{\"url\":\"http://old.example.net/webhook/waha/key1\","
			"\"hmac\":null}],\"metadata\":{\"a\":\"b\"},\"proxy\":{\"server\":\"p:1\"}"
			"}"),
	};
	struct arena *a = arena_new(0);
	struct provider_request r;
	const struct json *body, *hook;

	assert_int_equal(provider_build(&provider_waha, &server, &call, a, &r, NULL), GH_OK);
	assert_int_equal(json_parse(r.body, a, &body, NULL, NULL), GH_OK);
	assert_true(json_bool(json_path(body, "config.debug"), false));
	assert_true(slice_eq(json_str(json_path(body, "config.metadata.a")), S("b")));
	assert_true(slice_eq(json_str(json_path(body, "config.proxy.server")), S("p:1")));
	assert_int_equal(json_count(json_path(body, "config.webhooks")), 2);
	hook = json_first(json_path(body, "config.webhooks"));
	assert_true(slice_eq(json_str(json_get(hook, "url")), S("https://other.example.net/key2")));
	hook = json_next(hook);
	assert_true(slice_eq(json_str(json_get(hook, "url")), spec.webhook_url));
	assert_true(slice_eq(json_str(json_path(hook, "hmac.key")), S("s3")));
	arena_free(a);
}

static struct provider_result
answer(struct arena *a, enum provider_op op, struct slice body)
{
	const struct provider_answer ans = {
		.transport = PROVIDER_ANSWERED, .status = 200, .body = body};
	struct provider_result r;

	provider_interpret(&provider_waha, op, &ans, a, &r);
	return r;
}

#define SESSION                                                                                    \
	"{\"name\":\"a\",\"status\":\"WORKING\",\"config\":{\"webhooks\":[{\"url\":\"http://h/"    \
	"k\","                                                                                     \
	"\"hmac\":{\"key\":\"secret\"}}]},\"me\":{\"id\":\"5511900000001@c.us\",\"pushName\":"     \
	"\"Acme\",\"jid\":\"5511900000001:7@s.whatsapp.net\"}}"

static void
test_answers(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_result r;

	r = answer(a, PROVIDER_OP_SESSION_GET, S(SESSION));
	assert_true(slice_eq(r.own_name, S("Acme")));
	assert_true(slice_eq(r.own_jid, S("5511900000001:7@s.whatsapp.net")));
	assert_int_equal(r.webhook_count, 1);
	assert_true(slice_eq(r.webhooks[0], S("http://h/k")));
	r = answer(
		a, PROVIDER_OP_SESSION_LIST,
		S("[" SESSION ",{\"status\":\"FAILED\"},{\"name\":\"b\",\"status\":\"NEW\"},7]"));
	assert_int_equal(r.listed_count, 2);
	assert_true(slice_eq(r.listed[0].session, S("a")));
	assert_int_equal(r.listed[0].state, PROVIDER_SESSION_CONNECTED);
	assert_null(strstr(arena_printf(a, "%.*s", S_FMT(r.listed[0].raw)), "secret"));
	assert_true(slice_eq(r.listed[1].raw, S("{\"name\":\"b\",\"status\":\"NEW\"}")));
	assert_int_equal(r.listed[1].state, PROVIDER_SESSION_UNKNOWN);
	assert_string_equal(answer(a, PROVIDER_OP_SESSION_LIST, S("{}")).code, "answer_unreadable");
	r = answer(a, PROVIDER_OP_PAIR_CODE, S("{\"code\":\"WXYZ-1234\"}"));
	assert_true(slice_eq(r.pair_code, S("WXYZ-1234")));
	assert_string_equal(answer(a, PROVIDER_OP_PAIR_CODE, S("{}")).code, "answer_unreadable");
	r = answer(a, PROVIDER_OP_PROFILE_GET,
		   S("{\"id\":\"1@c.us\",\"name\":\"Acme\",\"picture\":null}"));
	assert_true(slice_eq(r.own_name, S("Acme")) && r.picture_url.p == NULL);
	assert_int_equal(answer(a, PROVIDER_OP_PRESENCE, SLICE_NONE).outcome, PROVIDER_OK);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
