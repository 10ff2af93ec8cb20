/* test_router.c - matching, methods, parameters, the table as data. */
#include "http/router.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct route table[] = {
	{.method = HTTP_GET, .pattern = "/"},
	{.method = HTTP_GET, .pattern = "/api/messages"},
	{.method = HTTP_POST, .pattern = "/api/messages"},
	{.method = HTTP_GET, .pattern = "/api/messages/{id}"},
	{.method = HTTP_GET, .pattern = "/api/messages/search"},
	{.method = HTTP_GET, .pattern = "/api/messages/{message}/events"},
	{.method = HTTP_DELETE, .pattern = "/api/{kind}/search/{id}"},
	{.method = HTTP_OPTIONS, .pattern = "/own"},
	{.method = HTTP_HEAD, .pattern = "/own"},
};

static void
test_match(void **state)
{
	static const struct {
		enum http_method method;
		const char *path;
		enum route_result result;
		unsigned index; /* of a ROUTE_FOUND */
	} cases[] = {
		{HTTP_GET, "/", ROUTE_FOUND, 0},
		{HTTP_GET, "/api/messages", ROUTE_FOUND, 1},
		{HTTP_HEAD, "/api/messages", ROUTE_FOUND, 1},
		{HTTP_POST, "/api/messages", ROUTE_FOUND, 2},
		{HTTP_GET, "/api/messages/7", ROUTE_FOUND, 3},
		{HTTP_GET, "/api/messages/search", ROUTE_FOUND, 4},
		{HTTP_GET, "/api/messages/search/events", ROUTE_FOUND, 5},
		{HTTP_DELETE, "/api/messages/search/9", ROUTE_FOUND, 6},
		{HTTP_OPTIONS, "/own", ROUTE_FOUND, 7},
		{HTTP_HEAD, "/own", ROUTE_FOUND, 8},
		{HTTP_PUT, "/api/messages", ROUTE_BAD_METHOD, 0},
		{HTTP_DELETE, "/api/messages/search", ROUTE_BAD_METHOD, 0},
		{HTTP_GET, "/own", ROUTE_BAD_METHOD, 0},
		{HTTP_OPTIONS, "/api/messages", ROUTE_OPTIONS, 0},
		{HTTP_OPTIONS, "*", ROUTE_NOT_FOUND, 0},
		{HTTP_GET, "", ROUTE_NOT_FOUND, 0},
		{HTTP_GET, "//", ROUTE_NOT_FOUND, 0},
		{HTTP_GET, "/api", ROUTE_NOT_FOUND, 0},
		{HTTP_GET, "/api/", ROUTE_NOT_FOUND, 0},
		{HTTP_GET, "/api/messages/", ROUTE_NOT_FOUND, 0},
		{HTTP_GET, "/api//messages", ROUTE_NOT_FOUND, 0},
		{HTTP_GET, "/api/messages/7/events/8", ROUTE_NOT_FOUND, 0},
		{HTTP_GET, "/API/messages", ROUTE_NOT_FOUND, 0},
		{HTTP_GET, "/api/message%73", ROUTE_NOT_FOUND, 0},
		{HTTP_GET, "/api/messages/%zz", ROUTE_BAD_PATH, 0},
		{HTTP_GET, "/api/messages/%00", ROUTE_BAD_PATH, 0},
		{HTTP_GET, "/api/messages/%ff", ROUTE_BAD_PATH, 0},
	};
	struct router *r = router_new(table, GH_COUNT(table));
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct route_match m;
		enum route_result got =
			router_match(r, cases[i].method, slice_of(cases[i].path), a, &m);

		if (got != cases[i].result || (got == ROUTE_FOUND && m.index != cases[i].index))
			fail_msg("%s %s: result %d index %u", http_method_name(cases[i].method),
				 cases[i].path, (int)got, m.index);
	}
	arena_free(a);
	router_free(r);
	router_free(NULL);
}

static void
test_params(void **state)
{
	struct router *r = router_new(table, GH_COUNT(table));
	struct arena *a = arena_new(0);
	struct route_match m;
	char path[400];

	(void)state;
	assert_int_equal(router_match(r, HTTP_DELETE, S("/api/a%2Fb+c/search/%C3%A9"), a, &m),
			 ROUTE_FOUND);
	assert_int_equal(m.param_count, 2);
	assert_true(slice_eq(route_param(&m, S("kind")), S("a/b+c")));
	assert_true(slice_eq(route_param(&m, S("id")), S("\xc3\xa9")));
	assert_null(route_param(&m, S("message")).p);
	/* The same node under two names: each route keeps its own. */
	assert_int_equal(router_match(r, HTTP_GET, S("/api/messages/7/events"), a, &m),
			 ROUTE_FOUND);
	assert_true(slice_eq(route_param(&m, S("message")), S("7")));
	memset(path, 'x', sizeof(path));
	memcpy(path, "/api/messages/", 14);
	assert_int_equal(
		router_match(r, HTTP_GET, slice_make(path, 14 + ROUTE_PARAM_BYTES_MAX), a, &m),
		ROUTE_FOUND);
	assert_int_equal(
		router_match(r, HTTP_GET, slice_make(path, 15 + ROUTE_PARAM_BYTES_MAX), a, &m),
		ROUTE_BAD_PATH);
	arena_free(a);
	router_free(r);
}

static void
test_allow(void **state)
{
	struct router *r = router_new(table, GH_COUNT(table));
	struct arena *a = arena_new(0);
	char text[ROUTE_ALLOW_SIZE];
	struct route_match m;

	(void)state;
	assert_int_equal(router_match(r, HTTP_PUT, S("/api/messages"), a, &m), ROUTE_BAD_METHOD);
	assert_string_equal(route_allow_text(m.allow, text), "GET, HEAD, POST, OPTIONS");
	assert_string_equal(route_allow_text(0xff, text),
			    "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE");
	assert_string_equal(route_allow_text(0, text), "");
	assert_int_equal(router_count(r), GH_COUNT(table));
	arena_free(a);
	router_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_allow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
