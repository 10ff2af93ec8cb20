/* test_mq_url.c - amqp:// addresses: parts, defaults, several hosts, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mq/url.c"

static void
test_parts(void **state)
{
	static const struct {
		const char *text, *user, *password, *vhost, *host;
		uint16_t port;
	} cases[] = {
		{"amqp://h", "guest", "guest", "/", "h", 5672},
		{"amqp://h/", "guest", "guest", "/", "h", 5672},
		{"amqp://u:p@h:1/v", "u", "p", "v", "h", 1},
		{"amqp://u@h:65535/%2f", "u", "guest", "/", "h", 65535},
		{"amqp://u:p%40%3a@h/a%2Fb", "u", "p@:", "a/b", "h", 5672},
		{"amqp://u:p@q@h/", "u", "p@q", "/", "h", 5672},
		{"amqp://[::1]:99/", "guest", "guest", "/", "::1", 99},
		{"amqp://[::1]", "guest", "guest", "/", "::1", 5672},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct mq_url u;

		if (mq_url_parse(slice_of(cases[i].text), &u, NULL) != GH_OK)
			fail_msg("refused: %s", cases[i].text);
		assert_string_equal(u.user, cases[i].user);
		assert_string_equal(u.password, cases[i].password);
		assert_string_equal(u.vhost, cases[i].vhost);
		assert_int_equal(u.host_count, 1);
		assert_string_equal(u.host[0].name, cases[i].host);
		assert_int_equal(u.host[0].port, cases[i].port);
		mq_url_free(&u);
		mq_url_free(&u);
	}
}

static void
test_hosts(void **state)
{
	struct mq_url u;

	(void)state;
	assert_int_equal(mq_url_parse(S("amqp://u:p@a,b:2,[::2]:3/v"), &u, NULL), GH_OK);
	assert_int_equal(u.host_count, 3);
	assert_string_equal(u.host[0].name, "a");
	assert_int_equal(u.host[1].port, 2);
	assert_string_equal(u.host[2].name, "::2");
	mq_url_free(&u);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"http://h",
		"amqps://h",
		"amqp://",
		"amqp://:5",
		"amqp://h:0",
		"amqp://h:65536",
		"amqp://h:",
		"amqp://a,,b",
		"amqp://a,",
		"amqp://h/%",
		"amqp://h/%2",
		"amqp://h/%zz",
		"amqp://h/%00",
		"amqp://[::1",
		"amqp://[::1]x",
		"amqp://h/v?x=1",
		"amqp://h#f",
		"amqp://h x/",
		"amqp://secret:%x@h",
		"amqp://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(bad); i++) {
		struct mq_url u;
		struct gh_err err = {0};

		if (mq_url_parse(slice_of(bad[i]), &u, &err) != GH_EINVAL)
			fail_msg("accepted: %s", bad[i]);
		assert_true(err.text[0] != '\0');
		assert_null(strstr(err.text, "secret"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("mq_url", tests, NULL, NULL);
}
