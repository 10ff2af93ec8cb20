/* test_gateway_dispatch.c - the order of the checks, tokens in headers, failure
 * budgets and traces, with a database that is a table in memory. */
#include "gateway/auth.c"
#include "gateway/budget.c"
#include "gateway/cors.c"
#include "gateway/dispatch.c"
#include "gateway/errors.c"
#include "gateway/idem_key.c"
#include "gateway/keyed.c"
#include "gateway/reply.c"
#include "gateway/trace.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COMPANY_TOKEN  "11111111-1111-4111-8111-111111111111"
#define ADMIN_TOKEN    "22222222-2222-4222-8222-222222222222"
#define SLEEPING_TOKEN "33333333-3333-4333-8333-333333333333"
#define DELETED_TOKEN  "44444444-4444-4444-8444-444444444444"
#define DOWN_TOKEN     "55555555-5555-4555-8555-555555555555"
#define LATE_TOKEN     "66666666-6666-4666-8666-666666666666"
#define UNKNOWN_TOKEN  "99999999-9999-4999-8999-999999999999"

/* ---- what stands in for the server, the look-up and the rest ---- */

static struct {
	unsigned status;
	char body[2048];
	char headers[1024]; /* "Name: value\n"... */
	unsigned handled_count;
	unsigned held_count, resumed_count;
	lookup_fn *late; /* of LATE_TOKEN: the answer is to come */
	void *late_arg;
} got;

void
http_hold(struct http_req *req)
{
	(void)req;
	got.held_count++;
}

void
http_resume(struct http_req *req)
{
	(void)req;
	got.resumed_count++;
}

void
http_reply(struct http_req *req, unsigned status, const struct http_header *headers, unsigned count,
	   struct slice body)
{
	struct buf b = {.p = got.headers, .size = sizeof(got.headers), .max = sizeof(got.headers)};

	(void)req;
	got.status = status;
	for (unsigned i = 0; i < count; i++)
		buf_add_printf(&b, "%.*s: %.*s\n", S_FMT(headers[i].name), S_FMT(headers[i].value));
	buf_add_char(&b, '\0');
	assert_int_equal(slice_to_cstr(body, got.body, sizeof(got.body)), GH_OK);
}

struct slice
http_req_header(const struct http_req *req, struct slice name)
{
	return http1_field_get(req->head, name);
}

void
http_metrics_count(struct gateway *gw, unsigned route, unsigned status, int64_t us)
{
	(void)gw;
	(void)route;
	(void)status;
	(void)us;
}

struct lookup *
lookup_new(struct loop *loop, struct db *db, const struct lookup_def *def)
{
	(void)loop;
	(void)db;
	(void)def;
	return NULL;
}

void
lookup_free(struct lookup *l)
{
	(void)l;
}

void
lookup_forget_all(struct lookup *l)
{
	(void)l;
}

void
lookup_found(struct lookup *l, struct slice key, void *value)
{
	(void)l;
	(void)key;
	gh_free(value);
}

static struct gw_token
token_row(enum gw_kind kind, bool is_active, bool is_deleted)
{
	return (struct gw_token){.who = {.kind = kind, .company_id = 7},
				 .is_company_active = is_active,
				 .is_instance_deleted = is_deleted};
}

enum gh_code
lookup_get(struct lookup *l, struct slice key, const void **value, lookup_fn *fn, void *arg)
{
	static struct gw_token found;
	static const struct {
		const char *token;
		enum gw_kind kind;
		bool is_active, is_deleted;
	} rows[] = {
		{COMPANY_TOKEN, GW_COMPANY, true, false},
		{ADMIN_TOKEN, GW_ADMIN, true, false},
		{SLEEPING_TOKEN, GW_COMPANY, false, false},
		{DELETED_TOKEN, GW_INSTANCE, true, true},
	};
	uint8_t hash[HASH_SHA256_SIZE];

	(void)l;
	hash_sha256(S(LATE_TOKEN), hash);
	if (hash_equal(hash, key.p, sizeof(hash))) {
		got.late = fn;
		got.late_arg = arg;
		return GH_EAGAIN;
	}
	hash_sha256(S(DOWN_TOKEN), hash);
	if (hash_equal(hash, key.p, sizeof(hash)))
		return GH_ETEMP;
	for (size_t i = 0; i < GH_COUNT(rows); i++) {
		hash_sha256(slice_of(rows[i].token), hash);
		if (!hash_equal(hash, key.p, sizeof(hash)))
			continue;
		found = token_row(rows[i].kind, rows[i].is_active, rows[i].is_deleted);
		*value = &found;
		return GH_OK;
	}
	return GH_ENOTFOUND;
}

/* ---- the routes under test ---- */

static void
handler(struct gw_req *req)
{
	got.handled_count++;
	json_w_null(gw_begin(req, "handled"), GW_DATA);
	gw_send(req, 200);
}

static const struct gw_route gw_routes[] = {
	{HTTP_GET, "/open", GW_ANYONE, 0, 0, handler, GW_DOC("x", "x", "x")},
	{HTTP_POST, "/company", GW_COMPANY, GW_JSON, 64, handler, GW_DOC("x", "x", "x")},
	{HTTP_POST, "/optional", GW_COMPANY, GW_JSON_OPTIONAL, 64, handler, GW_DOC("x", "x", "x")},
	{HTTP_POST, "/raw", GW_ANYONE, GW_RAW, 64, handler, GW_DOC("x", "x", "x")},
	{HTTP_POST, "/instance", GW_INSTANCE, GW_JSON, 64, handler, GW_DOC("x", "x", "x")},
	{HTTP_GET, "/admin", GW_ADMIN, 0, 0, handler, GW_DOC("x", "x", "x")},
};

struct world {
	struct gateway gw;
	struct gateway_conf conf;
	struct auth auth;
	struct route routes[GH_COUNT(gw_routes)];
	struct http1_head head;
	struct http_req http;
};

static int
setup(void **state)
{
	struct world *w = gh_alloc(sizeof(*w));

	for (size_t i = 0; i < GH_COUNT(gw_routes); i++)
		w->routes[i] = (struct route){.method = gw_routes[i].method,
					      .pattern = gw_routes[i].pattern,
					      .ctx = &gw_routes[i]};
	w->conf.public_url = "https://x";
	w->gw.conf = &w->conf;
	w->gw.auth = &w->auth;
	w->auth.failures = budget_new(1000, CLOCK_SEC);
	w->gw.router = router_new(w->routes, GH_COUNT(gw_routes));
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	router_free(w->gw.router);
	budget_free(w->auth.failures);
	gh_free(w);
	return 0;
}

/* Send one request: "METHOD target", header lines each ending in CRLF, body. */
static void
request(struct world *w, const char *line, const char *fields, const char *body)
{
	struct arena *a = arena_new(0);
	const char *text = arena_printf(
		a, "%s HTTP/1.1\r\nHost: x\r\n%s%s\r\n", line, fields,
		body[0] != '\0' ? arena_printf(a, "Content-Length: %zu\r\n", strlen(body)) : "");
	enum http1_reason reason;

	memset(&got, 0, sizeof(got));
	assert_int_equal(http1_parse_head(&w->head, &http1_limits_default, slice_of(text), &reason),
			 GH_OK);
	w->http = (struct http_req){.head = &w->head, .a = a, .body_max = 1024};
	memcpy(w->http.peer, "192.0.2.1", sizeof("192.0.2.1"));
	w->http.start_us = clock_mono_us();
	dispatch_head(&w->gw, &w->http);
	if (got.held_count == 0 && got.status == 0) {
		w->http.body = slice_of(body);
		dispatch_request(&w->gw, &w->http);
	}
	arena_free(a);
}

#define BEARER(token) "Authorization: Bearer " token "\r\n"
#define JSON_FIELD    "Content-Type: application/json\r\n"
#define LONG_BODY     "{\"a\":\"0123456789012345678901234567890123456789012345678901234567890123456\"}"

static void
test_order(void **state)
{
	static const struct {
		const char *name, *line, *fields, *body;
		unsigned status;
		const char *word; /* in the body */
	} cases[] = {
		{"open", "GET /open", "", "", 200, "handled"},
		{"open for HEAD", "HEAD /open", "", "", 200, "handled"},
		{"path before token", "POST /none", "", LONG_BODY, 404, "not_found"},
		{"method before length", "PUT /company", "", LONG_BODY, 405, "method_not_allowed"},
		{"length before token", "POST /company", "", LONG_BODY, 413, "content_too_large"},
		{"token before media type", "POST /company", "", "x", 401, "unauthenticated"},
		{"placeholder", "POST /company", BEARER("{{token}}"), "x", 401,
		 "token_placeholder"},
		{"unknown token", "POST /company", BEARER(UNKNOWN_TOKEN), "x", 401,
		 "unauthenticated"},
		{"kind before media type", "POST /company", BEARER(ADMIN_TOKEN), "x", 403,
		 "wrong_token_kind"},
		{"state before media type", "POST /company", BEARER(SLEEPING_TOKEN), "x", 403,
		 "company_inactive"},
		{"instance deleted", "POST /instance", BEARER(DELETED_TOKEN), "x", 403,
		 "instance_deleted"},
		{"database away", "POST /company", BEARER(DOWN_TOKEN), "x", 503, "not_ready"},
		{"media type before syntax", "POST /company", BEARER(COMPANY_TOKEN), "x", 415,
		 "unsupported_media_type"},
		{"coding", "POST /company",
		 BEARER(COMPANY_TOKEN) JSON_FIELD "Content-Encoding: gzip\r\n", "{}", 415,
		 "unsupported_media_type"},
		{"syntax", "POST /company", BEARER(COMPANY_TOKEN) JSON_FIELD, "{\"a\":}", 400,
		 "byte 5"},
		{"no body", "POST /company", BEARER(COMPANY_TOKEN) JSON_FIELD, "", 400,
		 "invalid_json"},
		{"no object", "POST /company", BEARER(COMPANY_TOKEN) JSON_FIELD, "[]", 422,
		 "validation_failed"},
		{"query", "POST /company?a=%zz", BEARER(COMPANY_TOKEN) JSON_FIELD, "{}", 400,
		 "invalid_query"},
		{"good", "POST /company?a=1", BEARER(COMPANY_TOKEN) JSON_FIELD, "{}", 200,
		 "handled"},
		{"optional body absent", "POST /optional", BEARER(COMPANY_TOKEN), "", 200,
		 "handled"},
		{"optional body given", "POST /optional", BEARER(COMPANY_TOKEN), "{}", 415,
		 "unsupported_media_type"},
		{"raw of any type", "POST /raw", "Content-Type: x/y\r\n", "\x01", 200, "handled"},
		{"raw but packed", "POST /raw", "Content-Encoding: gzip\r\n", "x", 415,
		 "unsupported_media_type"},
		{"parameters of the type", "POST /company",
		 BEARER(COMPANY_TOKEN) "Content-Type: Application/JSON ; charset=utf-8\r\n", "{}",
		 200, "handled"},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		print_message("%s\n", cases[i].name);
		request(*state, cases[i].line, cases[i].fields, cases[i].body);
		assert_int_equal(got.status, cases[i].status);
		assert_non_null(strstr(got.body, cases[i].word));
		assert_int_equal(got.handled_count, cases[i].status == 200);
	}
}

static void
test_fields_of_refusals(void **state)
{
	request(*state, "PUT /company", "", "");
	assert_non_null(strstr(got.headers, "Allow: POST, OPTIONS\n"));
	request(*state, "OPTIONS /open", "", "");
	assert_int_equal(got.status, 204);
	assert_non_null(strstr(got.headers, "Allow: GET, HEAD, OPTIONS\n"));
	request(*state, "GET /admin", "", "");
	assert_non_null(strstr(got.headers, "WWW-Authenticate: Bearer\n"));
	request(*state, "GET /admin", BEARER(COMPANY_TOKEN), "");
	assert_non_null(strstr(got.body, "needs a superadmin session token"));
}

static void
test_token_headers(void **state)
{
	static const struct {
		const char *line, *fields;
		unsigned status;
	} cases[] = {
		{"GET /admin", BEARER(ADMIN_TOKEN), 200},
		{"GET /admin", "authorization: bearer  " ADMIN_TOKEN "\r\n", 200},
		{"GET /admin", "admintoken: " ADMIN_TOKEN "\r\n", 200},
		{"GET /admin", "token: " ADMIN_TOKEN "\r\n", 401},
		{"GET /admin", "Authorization: " ADMIN_TOKEN "\r\n", 401},
		{"GET /admin", "Authorization: Basic " ADMIN_TOKEN "\r\n", 401},
		{"GET /admin", "Authorization: Bearer\r\n", 401},
		{"GET /admin", "Authorization: Bearer " ADMIN_TOKEN " x\r\n", 401},
		/* A bad Authorization is not outvoted by another field. */
		{"GET /admin", "Authorization: Bearer x\r\nadmintoken: " ADMIN_TOKEN "\r\n", 401},
		{"GET /admin", BEARER(ADMIN_TOKEN) BEARER(ADMIN_TOKEN), 401},
		{"POST /company", "token: " COMPANY_TOKEN "\r\n", 401},
		{"POST /instance", "token: " DELETED_TOKEN "\r\n", 403},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		print_message("%s", cases[i].fields);
		request(*state, cases[i].line, cases[i].fields, "");
		assert_int_equal(got.status, cases[i].status);
	}
}

static void
test_budget(void **state)
{
	struct budget *b = budget_new(3, 10 * CLOCK_SEC);
	int64_t retry_s = 0;

	(void)state;
	clock_freeze(0, 1000 * CLOCK_SEC);
	for (int i = 0; i < 3; i++) {
		assert_false(budget_is_spent(b, "192.0.2.1", &retry_s));
		budget_charge(b, "192.0.2.1");
	}
	assert_true(budget_is_spent(b, "192.0.2.1", &retry_s));
	assert_int_equal(retry_s, 10);
	budget_refund(b, "192.0.2.1");
	assert_false(budget_is_spent(b, "192.0.2.1", &retry_s));
	budget_charge(b, "192.0.2.1");
	assert_true(budget_is_spent(b, "192.0.2.1", &retry_s));
	budget_refund(b, "192.0.2.7"); /* never charged */
	assert_false(budget_is_spent(b, "192.0.2.2", &retry_s));
	for (int i = 0; i < 3; i++)
		budget_charge(b, "2001:db8:1:2::1");
	assert_true(budget_is_spent(b, "2001:db8:1:2:ffff::9", &retry_s));
	assert_false(budget_is_spent(b, "2001:db8:1:3::1", &retry_s));
	clock_freeze(0, 1009 * CLOCK_SEC + 1);
	assert_true(budget_is_spent(b, "192.0.2.1", &retry_s));
	assert_int_equal(retry_s, 1);
	clock_freeze(0, 1010 * CLOCK_SEC);
	assert_false(budget_is_spent(b, "192.0.2.1", &retry_s));
	budget_charge(b, "192.0.2.1");
	assert_false(budget_is_spent(b, "192.0.2.1", &retry_s));
	clock_thaw();
	budget_free(b);
	budget_free(NULL);
}

/* The body of a request whose token must be looked up waits for the answer. */
static void
test_late_token(void **state)
{
	static const struct {
		enum gh_code code;
		enum gw_kind kind;
		unsigned status, resumed_count;
	} cases[] = {
		{GH_OK, GW_COMPANY, 0, 1},
		{GH_OK, GW_ADMIN, 403, 0},
		{GH_ENOTFOUND, GW_COMPANY, 401, 0},
		{GH_ETEMP, GW_COMPANY, 503, 0},
	};
	struct world *w = *state;

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct gw_token t = token_row(cases[i].kind, true, false);
		struct arena *a = arena_new(0);
		enum http1_reason reason;

		memset(&got, 0, sizeof(got));
		assert_int_equal(http1_parse_head(&w->head, &http1_limits_default,
						  S("POST /company HTTP/1.1\r\nHost: x\r\n" BEARER(
							  LATE_TOKEN) "Content-Length: 2\r\n\r\n"),
						  &reason),
				 GH_OK);
		w->http = (struct http_req){.head = &w->head, .a = a, .body_max = 1024};
		dispatch_head(&w->gw, &w->http);
		assert_int_equal(got.held_count, 1);
		assert_int_equal(got.status + got.resumed_count, 0);
		got.late(got.late_arg, cases[i].code, &t);
		assert_int_equal(got.resumed_count, cases[i].resumed_count);
		assert_int_equal(got.status, cases[i].status);
		assert_int_equal(got.handled_count, 0);
		arena_free(a);
	}
}

/* A body that took its time is only taken while its token is good. */
static void
test_slow_body(void **state)
{
	struct world *w = *state;
	struct arena *a = arena_new(0);
	enum http1_reason reason;

	for (int age_s = 1; age_s < 10; age_s += 8) {
		memset(&got, 0, sizeof(got));
		assert_int_equal(http1_parse_head(&w->head, &http1_limits_default,
						  S("POST /optional HTTP/1.1\r\nHost: x\r\n" BEARER(
							  COMPANY_TOKEN) "\r\n"),
						  &reason),
				 GH_OK);
		w->http = (struct http_req){.head = &w->head, .a = a, .body_max = 1024};
		w->http.start_us = clock_mono_us() - age_s * CLOCK_SEC;
		dispatch_head(&w->gw, &w->http);
		((struct gw_req *)w->http.user)->who.company_id = 0;
		dispatch_request(&w->gw, &w->http);
		assert_int_equal(got.status, 200);
		assert_int_equal(((struct gw_req *)w->http.user)->who.company_id,
				 age_s > 4 ? 7 : 0);
	}
	arena_free(a);
}

static void
test_throttle(void **state)
{
	struct world *w = *state;

	budget_free(w->auth.failures);
	w->auth.failures = budget_new(2, 60 * CLOCK_SEC);
	for (int i = 0; i < 2; i++) {
		request(w, "GET /admin", BEARER(UNKNOWN_TOKEN), "");
		assert_int_equal(got.status, 401);
	}
	request(w, "GET /admin", "", "");
	assert_int_equal(got.status, 429);
	assert_non_null(strstr(got.headers, "Retry-After: 60\n"));
	/* Who has a good token is not punished for a neighbour. */
	request(w, "GET /admin", BEARER(ADMIN_TOKEN), "");
	assert_int_equal(got.status, 200);
}

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN  "00f067aa0ba902b7"

static void
test_trace(void **state)
{
	static const struct {
		const char *fields;
		bool is_kept;
	} cases[] = {
		{"traceparent: 00-" TRACE "-" SPAN "-01\r\n", true},
		{"traceparent: 01-" TRACE "-" SPAN "-01-more\r\n", true},
		{"", false},
		{"traceparent: 00-" TRACE "-" SPAN "-01-more\r\n", false},
		{"traceparent: 01-" TRACE "-" SPAN "-01x\r\n", false},
		{"traceparent: ff-" TRACE "-" SPAN "-01\r\n", false},
		{"traceparent: 00-" TRACE "-0000000000000000-01\r\n", false},
		{"traceparent: 00-00000000000000000000000000000000-" SPAN "-01\r\n", false},
		{"traceparent: 00-4BF92f3577b34da6a3ce929d0e0e4736-" SPAN "-01\r\n", false},
		{"traceparent: 00-" TRACE "-" SPAN "\r\n", false},
		{"traceparent: 00-" TRACE "-" SPAN "-01\r\ntraceparent: 00-" TRACE "-" SPAN
		 "-01\r\n",
		 false},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct arena *a = arena_new(0);
		struct http1_head head;
		enum http1_reason reason;
		char out[GW_TRACEPARENT_SIZE];

		print_message("%s\n", cases[i].fields);
		assert_int_equal(
			http1_parse_head(&head, &http1_limits_default,
					 slice_of(arena_printf(a,
							       "GET / HTTP/1.1\r\nHost: x\r\n"
							       "%s\r\n",
							       cases[i].fields)),
					 &reason),
			GH_OK);
		trace_start(&head, out);
		assert_int_equal(strlen(out), 55);
		assert_true(trace_id_of(slice_of(out)).p != NULL);
		assert_int_equal(strstr(out, "00-" TRACE "-") == out, cases[i].is_kept);
		assert_null(strstr(out, SPAN));
		assert_string_equal(out + 52, "-00");
		arena_free(a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fields_of_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_token_headers, setup, teardown),
		cmocka_unit_test(test_budget),
		cmocka_unit_test_setup_teardown(test_throttle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_token, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_body, setup, teardown),
		cmocka_unit_test(test_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
