/* test_url.c - what the strict URL parser accepts and refuses. */
#include "http/url.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void
accepted_urls_are_read_as_written(void **state)
{
	static const struct {
		const char *text, *host, *target, *written;
		bool is_https;
		uint16_t port;
		enum url_host kind;
	} cases[] = {
		{"https://a.example", "a.example", "/", "https://a.example/", true, 443,
		 URL_HOST_NAME},
		{"HTTPS://A.Example:8443/x/%2F?q=1&r=%20", "a.example", "/x/%2F?q=1&r=%20",
		 "https://a.example:8443/x/%2F?q=1&r=%20", true, 8443, URL_HOST_NAME},
		{"http://a-1.example:80/", "a-1.example", "/", "http://a-1.example/", false, 80,
		 URL_HOST_NAME},
		{"http://localhost:65535/../a", "localhost", "/../a", "http://localhost:65535/../a",
		 false, 65535, URL_HOST_NAME},
		{"http://192.0.2.1/", "192.0.2.1", "/", "http://192.0.2.1/", false, 80,
		 URL_HOST_IPV4},
		{"https://[2001:DB8:0::1]:444/", "2001:db8::1", "/", "https://[2001:db8::1]:444/",
		 true, 444, URL_HOST_IPV6},
		{"https://1a.example/@x:y", "1a.example", "/@x:y", "https://1a.example/@x:y", true,
		 443, URL_HOST_NAME},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct gh_err err;
		struct url u;
		struct buf b;

		assert_int_equal(url_parse(slice_of(cases[i].text), &u, &err), GH_OK);
		assert_string_equal(u.host, cases[i].host);
		assert_true(slice_eq(u.target, slice_of(cases[i].target)));
		assert_int_equal(u.is_https, cases[i].is_https);
		assert_int_equal(u.port, cases[i].port);
		assert_int_equal(u.host_kind, cases[i].kind);
		buf_init(&b, NULL, 4096);
		url_write(&u, &b);
		assert_string_equal(buf_cstr(&b), cases[i].written);
		buf_free(&b);
	}
}

static const char *const doubtful_urls[] = {
	"",
	"http",
	"http:/a",
	"ftp://a/",
	"//a/",
	"/x",
	"http:a",
	" http://a/",
	/* authority */
	"http://",
	"http:///x",
	"http://:80/",
	"http://u@a/",
	"http://u:p@a/",
	"http://a@b@c/",
	"http://a:/",
	"http://a:0/",
	"http://a:080/",
	"http://a:65536/",
	"http://a:+1/",
	"http://a:8x/",
	"http://a:80:80/",
	"http://a b/",
	"http://a_b/",
	"http://a..b/",
	"http://.a/",
	"http://a./",
	"http://-a/",
	"http://a-/",
	"http://a%2eb/",
	"http://a\\b/",
	"http://\xc3\xa9.example/",
	/* addresses that other parsers would read as 127.0.0.1 or its like */
	"http://0177.0.0.1/",
	"http://0x7f.0.0.1/",
	"http://0x7f000001/",
	"http://2130706433/",
	"http://127.1/",
	"http://127.0.1/",
	"http://127.0.0.1./",
	"http://127.0.0.01/",
	"http://127.0.0.0x1/",
	"http://256.0.0.1/",
	"http://1/",
	"http://1.2.3.4.5/",
	"http://a.1/",
	/* IPv6 */
	"http://[::1/",
	"http://[]/",
	"http://[::1]x/",
	"http://[::1%25eth0]/",
	"http://[::ffff:127.0.0.1]/",
	"http://[::ffff:7f00:1]/",
	"http://[v1.x]/",
	"http://::1/",
	"http://[127.0.0.1]/",
	/* path and query */
	"http://a#f",
	"http://a/#f",
	"http://a?q=1",
	"http://a/ b",
	"http://a/\tb",
	"http://a/%",
	"http://a/%4",
	"http://a/%zz",
	"http://a/\\",
	"http://a/\"",
	"http://a/<",
	"http://a/\x7f",
	"http://a/\xc3\xa9",
	"http://a/?a[]=1",
	"http://a/\r\nX: y",
};

static void
doubtful_urls_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT(doubtful_urls); i++) {
		struct gh_err err = {0};
		struct url u;

		if (url_parse(slice_of(doubtful_urls[i]), &u, &err) != GH_EINVAL)
			fail_msg("accepted: %s", doubtful_urls[i]);
		assert_string_not_equal(err.text, "");
		assert_int_equal(url_parse(slice_of(doubtful_urls[i]), &u, NULL), GH_EINVAL);
	}
	{
		struct url u;

		assert_int_equal(url_parse(S("http://a\0b/"), &u, NULL), GH_EINVAL);
		assert_int_equal(url_parse(S("http://a/\0"), &u, NULL), GH_EINVAL);
	}
}

static void
lengths_are_bounded(void **state)
{
	char text[URL_MAX + 2] = "http://a/";
	struct url u;

	(void)state;
	memset(text + 9, 'x', sizeof(text) - 9);
	assert_int_equal(url_parse(slice_make(text, URL_MAX), &u, NULL), GH_OK);
	assert_int_equal(url_parse(slice_make(text, URL_MAX + 1), &u, NULL), GH_ELIMIT);
	/* label of 63, then of 64 bytes */
	memset(text + 7, 'a', 64);
	assert_int_equal(url_parse(slice_make(text, 7 + 63), &u, NULL), GH_OK);
	assert_int_equal(url_parse(slice_make(text, 7 + 64), &u, NULL), GH_EINVAL);
	/* host of 253, then of 254 bytes */
	for (size_t i = 0; i < 254; i++)
		text[7 + i] = i % 2 == 0 ? 'a' : '.';
	assert_int_equal(url_parse(slice_make(text, 7 + 253), &u, NULL), GH_OK);
	assert_int_equal(strlen(u.host), 253);
	text[7 + 253] = 'a';
	assert_int_equal(url_parse(slice_make(text, 7 + 254), &u, NULL), GH_EINVAL);
}

static void
encoding_leaves_only_unreserved(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, NULL, 64);
	url_add_encoded(&b, S("aZ09-._~ /?&=%+\xc3\xa9"));
	assert_string_equal(buf_cstr(&b), "aZ09-._~%20%2F%3F%26%3D%25%2B%C3%A9");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(accepted_urls_are_read_as_written),
		cmocka_unit_test(doubtful_urls_are_refused),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(encoding_leaves_only_unreserved),
	};

	return cmocka_run_group_tests_name("url", cases, NULL, NULL);
}
