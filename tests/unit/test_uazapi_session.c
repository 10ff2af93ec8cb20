/* test_uazapi_session.c - steering UAZAPI's instances: requests as uazapi.md sections 4, 7 and 16.5
 * want them, each with the right key; states, codes and lists as they answer, without secrets.
 */
#include "provider/uazapi_session.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "uazapi_vectors.h"

static const struct provider_server server = {
	.base_url = {"https://acme.uazapi.com", 23},
	.api_key = {"admin-key", 9},
};

static const struct provider_session_spec spec = {
	.webhook_url = {"https://hub.example.net/webhook/42/s3cr3t", 41},
	.webhook_secret = {"s3", 2},
	.company_id = 7,
	.instance_id = 42,
};

#define SET(k, w) [PROVIDER_PRIVACY_##k] = PROVIDER_PRIVACY_##w
static const enum provider_privacy_word half[PROVIDER_PRIVACY_COUNT] = {SET(GROUPS, BLACKLIST),
									SET(CALLS, CONTACTS)},
					odd[PROVIDER_PRIVACY_COUNT] = {SET(READRECEIPTS, CONTACTS)};

static const struct request_case {
	struct provider_call call;
	const char *method, *path, *body; /* body NULL: none */
	bool is_admin;
} request_cases[] = {
	{{.op = PROVIDER_OP_SESSION_CREATE, .spec = &spec},
	 "POST",
	 "/instance/create",
	 "{\"name\":\"acme-01\",\"systemName\":\"growhub\",\"adminField01\":\"7\","
	 "\"adminField02\":\"42\"}",
	 true},
	{{.op = PROVIDER_OP_SESSION_FIND}, "GET", "/instance/all", NULL, true},
	{{.op = PROVIDER_OP_SESSION_LIST}, "GET", "/instance/all", NULL, true},
	{{.op = PROVIDER_OP_SERVER_VERSION}, "GET", "/instance/all", NULL, true},
	{{.op = PROVIDER_OP_SESSION_GET}, "GET", "/instance/status", NULL, false},
	{{.op = PROVIDER_OP_PROFILE_GET}, "GET", "/instance/status", NULL, false},
	{{.op = PROVIDER_OP_QR, .want_image = true}, "GET", "/instance/status", NULL, false},
	{{.op = PROVIDER_OP_SESSION_START}, "POST", "/instance/connect", "{}", false},
	{{.op = PROVIDER_OP_PAIR_CODE, .phone = {"5511900000001", 13}},
	 "POST",
	 "/instance/connect",
	 "{\"phone\":\"5511900000001\"}",
	 false},
	{{.op = PROVIDER_OP_SESSION_STOP}, "POST", "/instance/disconnect", "{}", false},
	{{.op = PROVIDER_OP_SESSION_LOGOUT}, "POST", "/instance/disconnect", "{}", false},
	{{.op = PROVIDER_OP_SESSION_RESTART}, "POST", "/instance/reset", "{}", false},
	{{.op = PROVIDER_OP_SESSION_DELETE}, "DELETE", "/instance", NULL, false},
	{{.op = PROVIDER_OP_PRESENCE, .presence = PROVIDER_PRESENCE_UNAVAILABLE},
	 "POST",
	 "/instance/presence",
	 "{\"presence\":\"unavailable\"}",
	 false},
	{{.op = PROVIDER_OP_PRESENCE,
	  .presence = PROVIDER_PRESENCE_RECORDING,
	  .chat = {"5511900000002@c.us", 18}},
	 "POST",
	 "/message/presence",
	 "{\"number\":\"5511900000002\",\"presence\":\"recording\"}",
	 false},
	{{.op = PROVIDER_OP_PRIVACY_GET}, "GET", "/instance/privacy", NULL, false},
	{{.op = PROVIDER_OP_PRIVACY_SET, .privacy = half},
	 "POST",
	 "/instance/privacy",
	 "{\"groupadd\":\"contact_blacklist\",\"calladd\":\"known\"}",
	 false},
};

static void
assert_key(const struct provider_request *r, bool is_admin)
{
	assert_true(slice_eq(r->header[0].name, is_admin ? S("admintoken") : S("token")));
	assert_true(slice_eq(r->header[0].value, is_admin ? S("admin-key") : S("token-1")));
}

static void
test_requests(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(request_cases); i++) {
		const struct request_case *c = &request_cases[i];
		struct provider_call call = c->call;
		struct provider_request r;

		call.session = S("acme-01");
		call.session_key = S("token-1");
		assert_int_equal(provider_build(&provider_uazapi, &server, &call, a, &r, NULL),
				 GH_OK);
		assert_string_equal(r.method, c->method);
		assert_true(slice_eq(
			r.url, slice_of(arena_printf(a, "https://acme.uazapi.com%s", c->path))));
		assert_true(slice_eq(r.body, slice_of(c->body)));
		assert_key(&r, c->is_admin);
		assert_int_equal(r.header_count, c->body == NULL ? 2 : 3);
		assert_int_equal(r.is_idempotent, call.op != PROVIDER_OP_SESSION_CREATE);
	}
	arena_free(a);
}

/* The same call as older builds know it. */
static void
test_create_of_old(void **state GH_UNUSED)
{
	const struct provider_call call = {
		.op = PROVIDER_OP_SESSION_CREATE, .session = S("acme-01"), .spec = &spec};
	struct arena *a = arena_new(0);
	struct provider_request r;

	assert_int_equal(provider_build(&provider_uazapi, &server, &call, a, &r, NULL), GH_OK);
	assert_non_null(r.or_else);
	assert_true(slice_eq(r.or_else->url, S("https://acme.uazapi.com/instance/init")));
	assert_true(slice_eq(r.or_else->body, r.body));
	assert_key(r.or_else, true);
	assert_int_equal(r.or_else->header_count, r.header_count);
	assert_null(r.or_else->or_else);
	arena_free(a);
}

static void
test_webhook(void **state GH_UNUSED)
{
	const struct provider_call call = {.op = PROVIDER_OP_SESSION_UPDATE,
					   .session = S("acme-01"),
					   .session_key = S("token-1"),
					   .spec = &spec};
	struct arena *a = arena_new(0);
	const struct json *ours, *theirs, *events;
	struct provider_request r;

	assert_int_equal(provider_build(&provider_uazapi, &server, &call, a, &r, NULL), GH_OK);
	assert_true(slice_eq(r.url, S("https://acme.uazapi.com/webhook")));
	ours = text_json(a, r.body);
	theirs = text_json(a, vector_read(a, "request_webhook"));
	for (const struct json *v = json_first(theirs); v != NULL; v = json_next(v))
		if (!slice_eq(json_name(v), S("events")))
			assert_true(same(member(ours, json_name(v)), v));
	events = json_get(ours, "events");
	for (const struct json *v = json_first(json_get(theirs, "events")); v != NULL;
	     v = json_next(v)) {
		const struct json *e = json_first(events);

		while (e != NULL && !same(e, v))
			e = json_next(e);
		assert_non_null(e);
	}
	/* Neither adds nor names one: the only webhook is made or replaced. */
	assert_null(json_get(ours, "action"));
	arena_free(a);
}

/* What there is no call for is said with the place that says so; a bad call is not. */
static void
test_refusals(void **state GH_UNUSED)
{
	static const struct {
		struct provider_call call;
		enum gh_code rc;
	} cases[] = {
		{{.op = PROVIDER_OP_ABOUT_SET, .about = {"x", 1}}, GH_EPERM},
		{{.op = PROVIDER_OP_QR}, GH_EPERM},
		{{.op = PROVIDER_OP_PRESENCE, .presence = PROVIDER_PRESENCE_PAUSED}, GH_EPERM},
		{{.op = PROVIDER_OP_PRESENCE,
		  .presence = PROVIDER_PRESENCE_PAUSED,
		  .chat = {"nobody", 6}},
		 GH_EINVAL},
		{{.op = PROVIDER_OP_PAIR_CODE}, GH_EINVAL},
		{{.op = PROVIDER_OP_PRIVACY_SET, .privacy = odd}, GH_EINVAL},
	};
	struct arena *a = arena_new(0);
	struct provider_call call = {.op = PROVIDER_OP_SESSION_GET, .session = S("acme-01")};
	struct provider_request r;

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct gh_err err = {0};

		call = cases[i].call;
		call.session = S("acme-01");
		call.session_key = S("token-1");
		assert_int_equal(provider_build(&provider_uazapi, &server, &call, a, &r, &err),
				 cases[i].rc);
		if (cases[i].rc == GH_EPERM)
			assert_non_null(strstr(err.text, "uazapi.md section"));
	}
	/* Without its key, without its name. */
	call = (struct provider_call){.op = PROVIDER_OP_SESSION_GET, .session = S("acme-01")};
	assert_int_equal(provider_build(&provider_uazapi, &server, &call, a, &r, NULL), GH_EINVAL);
	call = (struct provider_call){.op = PROVIDER_OP_SESSION_GET, .session_key = S("token-1")};
	assert_int_equal(provider_build(&provider_uazapi, &server, &call, a, &r, NULL), GH_EINVAL);
	arena_free(a);
}

static void
test_setup(void **state GH_UNUSED)
{
	assert_true(provider_find(S("uazapi")) == &provider_uazapi);
	assert_true(provider_uazapi.has_session_keys);
	assert_int_equal(provider_uazapi.setup_count, 2);
	assert_int_equal(provider_uazapi.setup[0], PROVIDER_OP_SESSION_UPDATE);
	assert_int_equal(provider_uazapi.setup[1], PROVIDER_OP_SESSION_START);
}

/* ---- answers ---- */

static struct provider_result
answer(struct arena *a, enum provider_op op, struct slice body)
{
	const struct provider_answer ans = {
		.transport = PROVIDER_ANSWERED, .status = 200, .body = body};
	struct provider_result r;

	provider_interpret(&provider_uazapi, op, &ans, a, &r);
	return r;
}

#define TOLD(word, code, status)                                                                   \
	"{\"instance\":{\"status\":\"" word "\"," code "},\"status\":" status "}"
#define QR      "\"qrcode\":\"data:image/png;base64,iVBORw0KGgo=\""
#define PAIR    "\"paircode\":\"ABCD-1234\""
#define NO_CODE "\"qrcode\":\"\",\"paircode\":\"\""
#define UP      "{\"connected\":true,\"loggedIn\":true}"
#define DOWN    "{\"connected\":false,\"loggedIn\":false}"
#define HALF    "{\"connected\":true,\"loggedIn\":false}"
#define RESETS  "{\"connected\":true,\"loggedIn\":true,\"resetting\":true}"

static void
test_states(void **state GH_UNUSED)
{
	static const struct {
		const char *body;
		enum provider_session session;
	} cases[] = {
		{TOLD("connected", NO_CODE, UP), PROVIDER_SESSION_CONNECTED},
		{TOLD("connecting", NO_CODE, UP), PROVIDER_SESSION_CONNECTED},
		{TOLD("connected", NO_CODE, HALF), PROVIDER_SESSION_CONNECTING},
		{TOLD("connected", NO_CODE, RESETS), PROVIDER_SESSION_CONNECTING},
		{TOLD("connected", NO_CODE, "null"), PROVIDER_SESSION_CONNECTED},
		{TOLD("connecting", NO_CODE, DOWN), PROVIDER_SESSION_CONNECTING},
		{TOLD("connecting", QR, DOWN), PROVIDER_SESSION_QR},
		{TOLD("connecting", PAIR, DOWN), PROVIDER_SESSION_QR},
		/* A code that was left over. */
		{TOLD("disconnected", QR, DOWN), PROVIDER_SESSION_DISCONNECTED},
		{TOLD("hibernated", NO_CODE, DOWN), PROVIDER_SESSION_UNKNOWN},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_result r =
			answer(a, PROVIDER_OP_SESSION_GET, slice_of(cases[i].body));

		assert_int_equal(r.outcome, PROVIDER_OK);
		if (r.session != cases[i].session)
			fail_msg("%s is %s", cases[i].body, provider_session_name(r.session));
	}
	assert_string_equal(answer(a, PROVIDER_OP_SESSION_GET, S("[]")).code, "answer_unreadable");
	arena_free(a);
}

#define REASON(why) "\"owner\":\"5511900000001\",\"lastDisconnectReason\":\"" why "\"," NO_CODE

/* (4.1) Whether a connect would bring it back, or show a QR code to nobody. */
static void
test_unpaired(void **state GH_UNUSED)
{
	static const struct {
		const char *body;
		bool is_unpaired;
	} cases[] = {
		{TOLD("disconnected", REASON("401: logged out from another device"), DOWN), true},
		{TOLD("disconnected", REASON("401"), DOWN), true},
		{TOLD("disconnected", REASON("Device was Logged Out"), DOWN), true},
		{TOLD("disconnected", REASON("stream error 1401"), DOWN), false},
		{TOLD("disconnected", REASON(""), DOWN), false},
		{TOLD("disconnected", "\"owner\":\"\"," NO_CODE, DOWN), true},
		{TOLD("disconnected", NO_CODE, DOWN), false},
		/* Of the last time. */
		{TOLD("connecting", REASON("401: logged out"), DOWN), false},
		{TOLD("connected", REASON("401: logged out"), UP), false},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++)
		if (answer(a, PROVIDER_OP_SESSION_GET, slice_of(cases[i].body)).is_unpaired !=
		    cases[i].is_unpaired)
			fail_msg("%s", cases[i].body);
	arena_free(a);
}

static void
test_owner(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_result r;

	r = answer(a, PROVIDER_OP_SESSION_GET, vector_read(a, "answer_status"));
	assert_int_equal(r.session, PROVIDER_SESSION_CONNECTED);
	assert_true(slice_eq(r.own_number, S("5511900000001")));
	assert_true(slice_eq(r.own_jid, S("5511900000001:12@s.whatsapp.net")));
	/* The published form of a jid, and no owner beside it. */
	r = answer(
		a, PROVIDER_OP_SESSION_GET,
		S("{\"instance\":{\"status\":\"connected\",\"profileName\":\"Acme\"},\"status\":{"
		  "\"connected\":true,\"loggedIn\":true,\"jid\":{\"user\":\"5511900000001\","
		  "\"agent\":0,\"device\":12,\"server\":\"s.whatsapp.net\"}}}"));
	assert_true(slice_eq(r.own_jid, S("5511900000001:12@s.whatsapp.net")));
	assert_true(slice_eq(r.own_number, S("5511900000001")));
	assert_true(slice_eq(r.own_name, S("Acme")));
	/* While disconnected it is that of before. */
	r = answer(a, PROVIDER_OP_SESSION_GET,
		   S("{\"instance\":{\"status\":\"disconnected\",\"owner\":\"5511900000001\"}}"));
	assert_null(r.own_number.p);
	arena_free(a);
}

static void
test_codes(void **state GH_UNUSED)
{
	static const struct {
		enum provider_op op;
		const char *body, *code;
		enum provider_session session;
	} none[] = {
		{PROVIDER_OP_QR, TOLD("connected", NO_CODE, UP), "already_connected",
		 PROVIDER_SESSION_CONNECTED},
		{PROVIDER_OP_QR, TOLD("connecting", NO_CODE, DOWN), "session_connecting",
		 PROVIDER_SESSION_CONNECTING},
		{PROVIDER_OP_QR, TOLD("disconnected", QR, DOWN), "session_stopped",
		 PROVIDER_SESSION_DISCONNECTED},
		{PROVIDER_OP_QR, TOLD("connecting", PAIR, DOWN), "session_unpaired",
		 PROVIDER_SESSION_QR},
		/* A pairing by QR code is under way: it answers with that. */
		{PROVIDER_OP_PAIR_CODE, TOLD("connecting", QR, DOWN), "session_unpaired",
		 PROVIDER_SESSION_QR},
		{PROVIDER_OP_PAIR_CODE, TOLD("connected", NO_CODE, UP), "already_connected",
		 PROVIDER_SESSION_CONNECTED},
		{PROVIDER_OP_QR, TOLD("odd", NO_CODE, DOWN), "session_not_working",
		 PROVIDER_SESSION_UNKNOWN},
	};
	struct arena *a = arena_new(0);
	struct provider_result r;

	r = answer(a, PROVIDER_OP_QR, vector_read(a, "answer_connect"));
	assert_int_equal(r.outcome, PROVIDER_OK);
	assert_true(slice_eq(r.qr, S("iVBORw0KGgo=")));
	assert_true(slice_eq(r.qr_type, S("image/png")));
	r = answer(a, PROVIDER_OP_PAIR_CODE, S(TOLD("connecting", PAIR, DOWN)));
	assert_int_equal(r.outcome, PROVIDER_OK);
	assert_true(slice_eq(r.pair_code, S("ABCD-1234")));
	for (size_t i = 0; i < GH_COUNT(none); i++) {
		r = answer(a, none[i].op, slice_of(none[i].body));
		assert_string_equal(r.code, none[i].code);
		assert_int_equal(r.session, none[i].session);
		assert_null(r.qr.p);
	}
	arena_free(a);
}

static void
test_created(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_result r;

	r = answer(a, PROVIDER_OP_SESSION_CREATE,
		   S("{\"token\":\"t-1\",\"instance\":{\"status\":\"disconnected\"}}"));
	assert_true(slice_eq(r.session_key, S("t-1")));
	assert_int_equal(r.session, PROVIDER_SESSION_DISCONNECTED);
	r = answer(a, PROVIDER_OP_SESSION_CREATE, S("{\"instance\":{\"token\":\"t-2\"}}"));
	assert_true(slice_eq(r.session_key, S("t-2")));
	r = answer(a, PROVIDER_OP_SESSION_CREATE, S("{\"response\":\"ok\"}"));
	assert_int_equal(r.outcome, PROVIDER_UNKNOWN);
	assert_int_equal(answer(a, PROVIDER_OP_SESSION_RESTART, S("{}")).session,
			 PROVIDER_SESSION_CONNECTING);
	assert_int_equal(answer(a, PROVIDER_OP_SESSION_LOGOUT, S("{}")).session,
			 PROVIDER_SESSION_DISCONNECTED);
	arena_free(a);
}

static void
test_list(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_result r;
	const char *raw;

	r = answer(a, PROVIDER_OP_SESSION_LIST, vector_read(a, "answer_all"));
	assert_int_equal(r.listed_count, 1);
	assert_true(slice_eq(r.listed[0].session, S("acme-01")));
	assert_int_equal(r.listed[0].state, PROVIDER_SESSION_CONNECTED);
	assert_null(r.listed[0].session_key.p);
	raw = arena_cstr(a, r.listed[0].raw);
	assert_non_null(strstr(raw, "\"plataform\":\"android\""));
	assert_null(strstr(raw, "7d3f0c52"));
	assert_null(strstr(raw, "openai_apikey"));
	r = answer(a, PROVIDER_OP_SESSION_FIND, vector_read(a, "answer_all"));
	assert_true(slice_eq(r.listed[0].session_key, S("7d3f0c52-0000-4000-8000-0000000000aa")));
	r = answer(a, PROVIDER_OP_SESSION_FIND, S("[{\"token\":\"t\"},7,{\"name\":\"b\"}]"));
	assert_int_equal(r.listed_count, 1);
	assert_null(r.listed[0].session_key.p);
	assert_string_equal(answer(a, PROVIDER_OP_SESSION_LIST, S("{}")).code, "answer_unreadable");
	arena_free(a);
}

static void
test_profile_and_privacy(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_result r;

	r = answer(a, PROVIDER_OP_PROFILE_GET,
		   S("{\"instance\":{\"status\":\"connected\",\"profileName\":\"Acme Shop\","
		     "\"profilePicUrl\":\"https://pps.whatsapp.net/x.jpg\"}}"));
	assert_true(slice_eq(r.own_name, S("Acme Shop")));
	assert_true(slice_eq(r.picture_url, S("https://pps.whatsapp.net/x.jpg")));
	r = answer(a, PROVIDER_OP_PROFILE_GET, S("{\"instance\":{\"profilePicUrl\":\"\"}}"));
	assert_null(r.picture_url.p);
	r = answer(
		a, PROVIDER_OP_PRIVACY_GET,
		S("{\"groupadd\":\"contact_blacklist\",\"last\":\"none\",\"status\":\"contacts\","
		  "\"profile\":\"odd\",\"readreceipts\":\"all\",\"online\":\"all\","
		  "\"calladd\":\"known\"}"));
	assert_int_equal(r.privacy[PROVIDER_PRIVACY_GROUPS], PROVIDER_PRIVACY_BLACKLIST);
	assert_int_equal(r.privacy[PROVIDER_PRIVACY_LAST], PROVIDER_PRIVACY_NONE);
	assert_int_equal(r.privacy[PROVIDER_PRIVACY_ABOUT], PROVIDER_PRIVACY_CONTACTS);
	assert_int_equal(r.privacy[PROVIDER_PRIVACY_PICTURE], PROVIDER_PRIVACY_UNKNOWN);
	assert_int_equal(r.privacy[PROVIDER_PRIVACY_READRECEIPTS], PROVIDER_PRIVACY_ALL);
	assert_int_equal(r.privacy[PROVIDER_PRIVACY_CALLS], PROVIDER_PRIVACY_CONTACTS);
	assert_string_equal(answer(a, PROVIDER_OP_PRIVACY_SET, S("[]")).code, "answer_unreadable");
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_create_of_old),
		cmocka_unit_test(test_webhook),  cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_setup),    cmocka_unit_test(test_states),
		cmocka_unit_test(test_unpaired), cmocka_unit_test(test_owner),
		cmocka_unit_test(test_codes),    cmocka_unit_test(test_created),
		cmocka_unit_test(test_list),     cmocka_unit_test(test_profile_and_privacy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
