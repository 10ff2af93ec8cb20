/* What a company may say about a webhook of its own. */
#include "gateway/endpoint_check.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* One check of a JSON text; freed by checked_free. */
struct checked {
	struct arena *a;
	struct egress *egress;
	struct json_errors e;
	struct endpoint_input in;
	bool is_good;
};

static void
check_text(struct checked *c, const char *text, const char *allow)
{
	const struct json *v;
	struct endpoint_policy p;

	memset(c, 0, sizeof(*c));
	c->a = arena_new(0);
	c->egress = egress_new();
	if (allow != NULL)
		assert_int_equal(egress_add_allow(c->egress, slice_of(allow)), GH_OK);
	p = (struct endpoint_policy){c->egress, allow != NULL};
	json_errors_init(&c->e, c->a);
	c->in.is_active = true;
	assert_int_equal(json_parse(slice_of(text), c->a, &v, NULL, NULL), GH_OK);
	c->is_good = endpoint_input_read(v, "w", &p, c->a, &c->e, &c->in);
}

static void
checked_free(struct checked *c)
{
	egress_free(c->egress);
	arena_free(c->a);
}

static void
test_urls(void **state)
{
	static const struct {
		const char *url, *allow;
		bool is_good;
	} cases[] = {
		{"https://example.org/hook?x=1", NULL, true},
		{"https://example.org:8443/", NULL, true},
		{"http://example.org/", NULL, false},
		{"http://example.org/", "10.0.0.0/8", true}, /* judged by its address at delivery */
		{"https://8.8.8.8/", NULL, true},
		{"http://8.8.8.8/", NULL, false},
		{"http://8.8.8.8/", "10.0.0.0/8", false},
		{"https://10.1.2.3/", NULL, false},
		{"https://10.1.2.3/", "10.0.0.0/8", true},
		{"http://10.1.2.3:8080/", "10.0.0.0/8", true},
		{"https://127.0.0.1/", NULL, false},
		{"https://[::1]/", NULL, false},
		{"https://[::ffff:10.0.0.1]/", NULL, false},
		{"https://169.254.169.254/", NULL, false},
		{"https://example.org:22/", NULL, false},
		{"https://0x7f000001/", NULL, false},
		{"https://u:p@example.org/", NULL, false},
		{"ftp://example.org/", NULL, false},
		{"/relative", NULL, false},
	};
	struct checked c;
	char text[256];

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		snprintf(text, sizeof(text), "{\"url\":\"%s\",\"events\":[\"*\"]}", cases[i].url);
		check_text(&c, text, cases[i].allow);
		if (c.is_good != cases[i].is_good)
			fail_msg("%s", cases[i].url);
		if (!c.is_good)
			assert_true(slice_eq(c.e.v[0].path, S("w.url")));
		checked_free(&c);
	}
}

static void
test_events(void **state)
{
	static const struct {
		const char *events, *format;
		int64_t mask; /* -1: refused */
	} cases[] = {
		{"\"on-message\"", "growhub", 1 << EVENT_MESSAGE_RECEIVED},
		{"\"message\",\"message.any\"", "growhub", 1 << EVENT_MESSAGE_RECEIVED},
		{"\"message.queued\"", "standard", 1 << EVENT_MESSAGE_QUEUED},
		{"\"message.queued\"", "growhub", 0}, /* has no name there */
		{"\"label.upsert\"", "growhub", 0},
		{"\"nope\"", "growhub", -1},
		{"\"\"", "growhub", -1},
		{"", "growhub", -1},
	};
	struct checked c;
	char text[256];

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		snprintf(text, sizeof(text),
			 "{\"url\":\"https://example.org/\",\"events\":[%s],\"format\":\"%s\"}",
			 cases[i].events, cases[i].format);
		check_text(&c, text, NULL);
		assert_int_equal(c.is_good, cases[i].mask >= 0);
		if (c.is_good)
			assert_int_equal(c.in.mask, cases[i].mask);
		checked_free(&c);
	}
	check_text(&c, "{\"url\":\"https://example.org/\",\"events\":[\"*\",\"x\"]}", NULL);
	assert_true(slice_eq(c.e.v[0].path, S("w.events[1]")));
	assert_true(slice_ends(c.e.v[0].text, S("webhook.test")));
	checked_free(&c);
}

static void
test_headers(void **state)
{
	static const struct {
		const char *json, *stored; /* NULL: refused */
	} cases[] = {
		{"{\"X-A\":\"b c\"}", "{\"X-A\":\"b c\"}"},
		{"[{\"name\":\"X-A\",\"value\":\"1\"},{\"name\":\"X-B\",\"value\":\"2\"}]",
		 "{\"X-A\":\"1\",\"X-B\":\"2\"}"},
		{"{}", ""},
		{"{\"Content-Type\":\"x\"}", NULL},
		{"{\"WEBHOOK-ID\":\"x\"}", NULL},
		{"{\"X A\":\"x\"}", NULL},
		{"{\"-X\":\"x\"}", NULL},
		{"{\"\":\"x\"}", NULL},
		{"{\"X\":\"\"}", NULL},
		{"{\"X\":\" a\"}", NULL},
		{"{\"X\":\"a\\nb\"}", NULL},
		{"{\"X\":\"\xc3\xa9\"}", NULL},
		{"{\"X\":\"***\"}", NULL},
		{"{\"X\":null}", NULL},
		{"{\"X-A\":\"1\",\"x-a\":\"2\"}", NULL},
		{"[\"X\"]", NULL},
		{"7", NULL},
	};
	struct checked c;
	char text[256];

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		snprintf(text, sizeof(text),
			 "{\"url\":\"https://example.org/"
			 "\",\"events\":[\"*\"],\"custom_headers\":%s}",
			 cases[i].json);
		check_text(&c, text, NULL);
		if (c.is_good != (cases[i].stored != NULL))
			fail_msg("%s", cases[i].json);
		if (c.is_good) {
			assert_true(c.in.has_headers);
			assert_true(slice_eq(c.in.headers, slice_of(cases[i].stored)));
		}
		checked_free(&c);
	}
}

static void
test_header_mask(void **state)
{
	struct arena *a = arena_new(0);
	struct json_w w;
	struct buf b;

	(void)state;
	buf_init(&b, a, 256);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	endpoint_headers_write(&w, "h", S("{\"X-A\":\"secret\"}"), a);
	endpoint_headers_write(&w, "none", SLICE_NONE, a);
	json_w_close(&w, '}');
	assert_true(slice_eq(buf_slice(&b), S("{\"h\":{\"X-A\":\"***\"},\"none\":{}}")));
	arena_free(a);
}

static void
test_secret(void **state)
{
	static const struct {
		const char *member;
		bool is_good;
	} cases[] = {
		{"\"secret\":\"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"", true},
		{"\"hmac\":{\"key\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}", true},
		{"\"secret\":\"whsec_AAEC\"", false},
		{"\"hmac\":{\"key\":\"plain words\"}", false},
	};
	struct checked c;
	char text[256];

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		snprintf(text, sizeof(text),
			 "{\"url\":\"https://example.org/\",\"events\":[\"*\"],%s}",
			 cases[i].member);
		check_text(&c, text, NULL);
		assert_int_equal(c.is_good, cases[i].is_good);
		assert_true(c.in.has_secret);
		if (c.is_good)
			assert_int_equal(c.in.secret.n, 32);
		checked_free(&c);
	}
}

/* A change: what is not given stays, and the mask follows the format. */
static void
test_over_existing(void **state)
{
	static const struct slice events[] = {{"*", 1}};
	struct arena *a = arena_new(0);
	struct egress *egress = egress_new();
	const struct endpoint_policy p = {egress, false};
	struct endpoint_input in = {.url = S("https://example.org/"),
				    .events = events,
				    .event_count = 1,
				    .format = EVENT_FORMAT_GROWHUB};
	struct json_errors e;
	const struct json *v;

	(void)state;
	json_errors_init(&e, a);
	assert_int_equal(json_parse(S("{\"format\":\"standard\"}"), a, &v, NULL, NULL), GH_OK);
	assert_true(endpoint_input_read(v, "", &p, a, &e, &in));
	assert_true((in.mask & 1 << EVENT_MESSAGE_QUEUED) != 0);
	assert_false(in.is_active);
	assert_false(in.has_headers);
	assert_true(endpoint_input_read(NULL, "", &p, a, &e, &in));
	egress_free(egress);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_urls),    cmocka_unit_test(test_events),
		cmocka_unit_test(test_headers), cmocka_unit_test(test_header_mask),
		cmocka_unit_test(test_secret),  cmocka_unit_test(test_over_existing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
