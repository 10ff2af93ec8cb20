/* test_gateway_paging.c - limits, offsets and cursors; what a refusal looks like. */
#include "gateway/cors.c"
#include "gateway/errors.c"
#include "gateway/idem_key.c"
#include "gateway/keyed.c"
#include "gateway/paging.c"
#include "gateway/reply.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* The reply of the request under test, in place of the server's. */
static struct {
	unsigned status;
	char body[4096];
	char link[512];
} got;

void
http_reply(struct http_req *req, unsigned status, const struct http_header *headers, unsigned count,
	   struct slice body)
{
	(void)req;
	got.status = status;
	got.link[0] = '\0';
	for (unsigned i = 0; i < count; i++)
		if (slice_eq(headers[i].name, S("Link")))
			assert_int_equal(
				slice_to_cstr(headers[i].value, got.link, sizeof(got.link)), GH_OK);
	assert_int_equal(slice_to_cstr(body, got.body, sizeof(got.body)), GH_OK);
}

struct slice
http_req_header(const struct http_req *req, struct slice name)
{
	(void)req;
	(void)name;
	return SLICE_NONE;
}

/* A request with a query string. */
struct world {
	struct gateway gw;
	struct gateway_conf conf;
	struct http_req http;
	struct query query;
	struct gw_req req;
};

#define LIST_AT(path)                                                                              \
	{                                                                                          \
		.method = HTTP_GET, .pattern = (path), .kind = GW_COMPANY                          \
	}
static const struct gw_route route_a = LIST_AT("/api/a");
static const struct gw_route route_b = LIST_AT("/api/b");

static struct world *
world_new(const char *query, int32_t company_id)
{
	struct arena *a = arena_new(0);
	struct world *w = arena_alloc(a, sizeof(*w));

	w->conf.public_url = "https://x";
	w->gw.conf = &w->conf;
	w->gw.cursor_key = S("a key");
	w->http.a = a;
	w->req = (struct gw_req){.gw = &w->gw, .http = &w->http, .a = a, .route = &route_a};
	w->req.who.kind = GW_COMPANY;
	w->req.who.company_id = company_id;
	w->req.query = &w->query;
	assert_int_equal(query_parse(slice_of(query), a, &w->query, NULL), GH_OK);
	got.status = 0;
	return w;
}

static void
world_free(struct world *w)
{
	arena_free(w->http.a);
}

static void
test_limits(void **state)
{
	static const struct {
		const char *name, *query;
		unsigned status; /* 0: accepted */
		unsigned limit, offset;
	} cases[] = {
		{"defaults", "", 0, 50, 0},
		{"least", "limit=1", 0, 1, 0},
		{"most", "limit=200&offset=10000", 0, 200, 10000},
		{"limit 0", "limit=0", 422, 0, 0},
		{"limit over", "limit=201", 422, 0, 0},
		{"limit empty", "limit=", 422, 0, 0},
		{"offset over", "offset=10001", 422, 0, 0},
		{"offset negative", "offset=-1", 422, 0, 0},
		{"both positions", "offset=1&cursor=AA", 422, 0, 0},
		{"garbage cursor", "cursor=AA", 400, 0, 0},
		{"empty cursor", "cursor=", 400, 0, 0},
		{"no base64url", "cursor=%2F%2B", 400, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct world *w = world_new(cases[i].query, 1);
		struct gw_page page;
		bool is_good = gw_page_read(&w->req, GW_ID_KEY_SIZE, &page);

		print_message("%s\n", cases[i].name);
		assert_int_equal(is_good, cases[i].status == 0);
		assert_int_equal(got.status, cases[i].status);
		if (is_good) {
			assert_int_equal(page.limit, cases[i].limit);
			assert_int_equal(page.offset, cases[i].offset);
			assert_int_equal(gw_page_ids(&page).key, INT32_MAX);
		}
		world_free(w);
	}
}

/* The cursor that a list of company 7 with this query hands out behind id 300. */
static void
cursor_of(const char *query, char *out, size_t size)
{
	struct world *w = world_new(query, 7);
	const uint8_t key[GW_ID_KEY_SIZE] = {0, 0, 1, 44};

	assert_int_equal(
		slice_to_cstr(slice_of(cursor_write(&w->req, CURSOR_NEXT, key, sizeof(key))), out,
			      size),
		GH_OK);
	world_free(w);
}

static void
test_cursor_scope(void **state)
{
	static const struct {
		const char *name, *made_with, *used_with;
		const struct gw_route *route;
		int32_t company_id;
		size_t key_n;
		bool is_good;
	} cases[] = {
		{"same list", "", "", &route_a, 7, GW_ID_KEY_SIZE, true},
		{"other limit", "limit=3", "limit=4", &route_a, 7, GW_ID_KEY_SIZE, true},
		{"filters in another order", "x=1&y=2", "y=2&x=1", &route_a, 7, GW_ID_KEY_SIZE,
		 true},
		{"other tenant", "", "", &route_a, 8, GW_ID_KEY_SIZE, false},
		{"other list", "", "", &route_b, 7, GW_ID_KEY_SIZE, false},
		{"other key", "", "", &route_a, 7, 16, false},
		{"filter added", "", "x=1", &route_a, 7, GW_ID_KEY_SIZE, false},
		{"filter changed", "x=1", "x=2", &route_a, 7, GW_ID_KEY_SIZE, false},
		{"values swapped", "x=1&y=2", "x=2&y=1", &route_a, 7, GW_ID_KEY_SIZE, false},
		{"shifted text", "ab=c", "a=bc", &route_a, 7, GW_ID_KEY_SIZE, false},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		char cursor[128], query[256];
		struct gw_page page;
		struct world *w;

		print_message("%s\n", cases[i].name);
		cursor_of(cases[i].made_with, cursor, sizeof(cursor));
		snprintf(query, sizeof(query), "%s&cursor=%s", cases[i].used_with, cursor);
		w = world_new(query, cases[i].company_id);
		w->req.route = cases[i].route;
		assert_int_equal(gw_page_read(&w->req, cases[i].key_n, &page), cases[i].is_good);
		if (cases[i].is_good)
			assert_int_equal(gw_page_ids(&page).key, 300);
		else
			assert_int_equal(got.status, 400);
		world_free(w);
	}
}

/* No single altered character passes. */
static void
test_cursor_forged(void **state)
{
	char cursor[128];

	(void)state;
	cursor_of("", cursor, sizeof(cursor));
	for (size_t i = 0; cursor[i] != '\0'; i++) {
		char forged[128], query[160];
		struct gw_page page;
		struct world *w;

		memcpy(forged, cursor, sizeof(forged));
		forged[i] = forged[i] == 'A' ? 'B' : 'A';
		snprintf(query, sizeof(query), "cursor=%s", forged);
		w = world_new(query, 7);
		assert_false(gw_page_read(&w->req, GW_ID_KEY_SIZE, &page));
		assert_int_equal(got.status, 400);
		world_free(w);
	}
}

static void
send_list(const char *query, int64_t total, bool has_more)
{
	struct world *w = world_new(query, 7);
	struct gw_page page;
	struct json_w *out;

	assert_true(gw_page_read(&w->req, GW_ID_KEY_SIZE, &page));
	out = gw_begin(&w->req, "List");
	json_w_open(out, GW_DATA, '[');
	json_w_close(out, ']');
	gw_send_id_page(&w->req, &page, total, &(struct gw_shown){.has_more = has_more}, 301, 300);
	world_free(w);
}

static void
test_list_reply(void **state)
{
	char cursor[128], expected[512];

	(void)state;
	send_list("", 3, false);
	assert_string_equal(got.body,
			    "{\"success\":true,\"message\":\"List\",\"data\":[],\"total\":3,"
			    "\"next_cursor\":null,\"prev_cursor\":null,\"has_more\":false}");
	assert_string_equal(got.link, "");
	send_list("", 10001, false);
	assert_non_null(strstr(got.body, "\"total\":10000,\"total_capped\":true,"));
	send_list("", -1, false);
	assert_null(strstr(got.body, "total"));
	cursor_of("q=a%26b", cursor, sizeof(cursor));
	send_list("q=a%26b&limit=2", 3, true);
	snprintf(expected, sizeof(expected), "<?limit=2&q=a%%26b&cursor=%s>; rel=\"next\"", cursor);
	assert_string_equal(got.link, expected);
	assert_non_null(strstr(got.body, cursor));
}

/* limit=2 of found rows: what is shown, and which cursors lead on. */
static void
test_shown(void **state)
{
	static const struct {
		const char *name;
		struct gw_page page;
		unsigned found;
		struct gw_shown shown;
	} cases[] = {
		{"only page", {.limit = 2}, 2, {0, 2, false, false}},
		{"first page", {.limit = 2}, 3, {0, 2, true, false}},
		{"by offset", {.limit = 2, .offset = 4}, 1, {0, 1, false, true}},
		{"middle", {.limit = 2, .has_cursor = true}, 3, {0, 2, true, true}},
		{"end", {.limit = 2, .has_cursor = true}, 1, {0, 1, false, true}},
		{"behind the end", {.limit = 2, .has_cursor = true}, 0, {0, 0, false, false}},
		{"back to the middle",
		 {.limit = 2, .has_cursor = true, .is_back = true},
		 3,
		 {1, 2, true, true}},
		{"back to the top",
		 {.limit = 2, .has_cursor = true, .is_back = true},
		 2,
		 {0, 2, true, false}},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct gw_shown s = gw_page_shown(&cases[i].page, cases[i].found);

		print_message("%s\n", cases[i].name);
		assert_int_equal(s.first, cases[i].shown.first);
		assert_int_equal(s.count, cases[i].shown.count);
		assert_int_equal(s.has_more, cases[i].shown.has_more);
		assert_int_equal(s.has_less, cases[i].shown.has_less);
	}
}

/* What a cursor of either way leaves of the ids. */
static void
test_bounds(void **state)
{
	static const uint8_t key[16] = {[14] = 1, [15] = 0xff};
	static const uint8_t behind[16] = {[14] = 2};
	struct gw_page page = {.key_n = sizeof(key)};
	struct uuid from, before;

	(void)state;
	gw_page_uuids(&page, &from, &before);
	assert_true(uuid_is_nil(from));
	assert_int_equal(before.b[0], 0xff);
	page.has_cursor = true;
	memcpy(page.key, key, sizeof(key));
	gw_page_uuids(&page, &from, &before);
	assert_true(uuid_is_nil(from));
	assert_memory_equal(before.b, key, sizeof(key));
	page.is_back = true;
	gw_page_uuids(&page, &from, &before);
	assert_memory_equal(from.b, behind, sizeof(behind));
	assert_int_equal(before.b[15], 0xff);
}

/* Both cursors of a page in the middle, and what they are read as. */
static void
test_both_ways(void **state)
{
	static const char *const names[] = {"next_cursor", "prev_cursor"};
	const struct gw_shown shown = {0, 1, true, true};
	const uint8_t key[GW_ID_KEY_SIZE] = {0, 0, 0, 9};
	struct world *w = world_new("limit=1", 7);
	struct gw_page page;
	char body[sizeof(got.body)];
	struct json_w *out;

	(void)state;
	assert_true(gw_page_read(&w->req, GW_ID_KEY_SIZE, &page));
	out = gw_begin(&w->req, "List");
	json_w_open(out, GW_DATA, '[');
	json_w_close(out, ']');
	gw_send_page(&w->req, &page, 3, false, &shown, key, key);
	world_free(w);
	assert_non_null(strstr(got.link, "rel=\"next\", <?limit=1&cursor="));
	assert_non_null(strstr(got.link, "rel=\"prev\""));
	memcpy(body, got.body, sizeof(body));
	for (size_t i = 0; i < GH_COUNT(names); i++) {
		char query[256];
		const char *at = strstr(body, names[i]);

		assert_non_null(at);
		at += strlen(names[i]) + 3;
		snprintf(query, sizeof(query), "cursor=%.*s", (int)strcspn(at, "\""), at);
		w = world_new(query, 7);
		assert_true(gw_page_read(&w->req, GW_ID_KEY_SIZE, &page));
		assert_int_equal(page.is_back, i == 1);
		assert_int_equal(gw_page_ids(&page).key, 9);
		world_free(w);
	}
}

static void
test_accept(void **state)
{
	static const struct {
		const char *accept;
		bool is_problem;
	} cases[] = {
		{"", false},
		{"*/*", false},
		{"application/json", false},
		{"application/problem+json", true},
		{"application/problem+json, application/json", true},
		{"application/json, application/problem+json", false},
		{"application/json;q=0.5, application/problem+json", true},
		{"application/json, application/problem+json;q=0.9", false},
		{"application/problem+json;q=0", false},
		{"application/json;q=0.10, application/problem+json;q=0.2", true},
		{"Application/Problem+JSON ; charset=utf-8 ; q=1", true},
		{"application/problem+json;q=x", false},
	};

	(void)state;
	assert_false(prefers_problem(SLICE_NONE));
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		print_message("%s\n", cases[i].accept);
		assert_int_equal(prefers_problem(slice_of(cases[i].accept)), cases[i].is_problem);
	}
}

static void
test_error_table(void **state)
{
	(void)state;
	for (int i = 0; i < GW_E_COUNT; i++) {
		const struct gw_error_info *info = gw_error_info((enum gw_code)i);

		assert_true(info->status >= 400 && info->status < 600);
		assert_non_null(info->title);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(info->word, gw_error_info((enum gw_code)j)->word);
	}
}

static void
test_database_errors(void **state)
{
	static const struct {
		enum gh_code code;
		unsigned status;
		const char *word;
	} cases[] = {
		{GH_EBUSY, 503, "overloaded"},   {GH_ETEMP, 503, "not_ready"},
		{GH_EUNKNOWN, 503, "not_ready"}, {GH_EINVAL, 500, "internal"},
		{GH_EINTERNAL, 500, "internal"},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct world *w = world_new("", 1);
		const struct db_error err = {.text = "secret detail"};

		gw_db_failed(&w->req, cases[i].code, &err);
		assert_int_equal(got.status, cases[i].status);
		assert_non_null(strstr(got.body, cases[i].word));
		assert_null(strstr(got.body, "secret"));
		world_free(w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),        cmocka_unit_test(test_cursor_scope),
		cmocka_unit_test(test_cursor_forged), cmocka_unit_test(test_list_reply),
		cmocka_unit_test(test_shown),         cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_both_ways),     cmocka_unit_test(test_accept),
		cmocka_unit_test(test_error_table),   cmocka_unit_test(test_database_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
