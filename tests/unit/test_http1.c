/* test_http1.c - the rules of contracts/http-conventions.md section 10, one case
 * or more per line of its table; each request is fed whole and byte by byte. */
#include "http/http1.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"

static enum http1_reason
judge(struct slice text, size_t step_bytes, struct http1_head *h)
{
	struct http1_scan s;
	enum http1_reason reason = HTTP1_OK;
	enum gh_code rc = GH_EAGAIN;
	size_t at = 0;

	http1_scan_init(&s);
	while (at < text.n && rc == GH_EAGAIN) {
		struct slice piece = slice_sub(text, at, step_bytes);
		size_t used = 0;

		rc = http1_scan(&s, &http1_limits_default, piece, &used, &reason);
		at += used;
		if (rc == GH_EAGAIN)
			assert_int_equal(used, piece.n);
	}
	if (rc == GH_EINVAL)
		return reason;
	if (rc == GH_EAGAIN)
		fail_msg("incomplete: %.*s", S_FMT(text));
	assert_int_equal(at, s.n);
	return http1_parse_head(h, &http1_limits_default, slice_sub(text, 0, s.n), &reason) == GH_OK
		       ? HTTP1_OK
		       : reason;
}

#define H    "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n" H

static const struct {
	struct slice text;
	enum http1_reason reason;
} heads[] = {
#define CASE(t, r)                                                                                 \
	{                                                                                          \
		{t, sizeof(t) - 1}, r                                                              \
	}
	CASE(GET H "\r\n", HTTP1_OK),
	CASE("\r\n" GET H "\r\n", HTTP1_OK),
	CASE("\r\n\r\n" GET H "\r\n", HTTP1_BAD_REQUEST_LINE),
	CASE("GET / HTTP/1.0\r\n\r\n", HTTP1_OK),
	CASE("GET / HTTP/1.9\r\n" H "\r\n", HTTP1_OK),
	/* request line */
	CASE("GET  / HTTP/1.1\r\n" H "\r\n", HTTP1_BAD_REQUEST_LINE),
	CASE("GET / HTTP/1.1 \r\n" H "\r\n", HTTP1_BAD_REQUEST_LINE),
	CASE("GET /\r\n" H "\r\n", HTTP1_BAD_REQUEST_LINE),
	CASE(" GET / HTTP/1.1\r\n" H "\r\n", HTTP1_BAD_REQUEST_LINE),
	CASE("GET /a b HTTP/1.1\r\n" H "\r\n", HTTP1_BAD_REQUEST_LINE),
	CASE("GET\t/ HTTP/1.1\r\n" H "\r\n", HTTP1_BAD_REQUEST_LINE),
	CASE("G(T / HTTP/1.1\r\n" H "\r\n", HTTP1_BAD_REQUEST_LINE),
	CASE("GET / http/1.1\r\n" H "\r\n", HTTP1_BAD_REQUEST_LINE),
	CASE("GET / HTTP/11\r\n" H "\r\n", HTTP1_BAD_REQUEST_LINE),
	CASE("GET / HTTP/2.0\r\n" H "\r\n", HTTP1_BAD_VERSION),
	CASE("get / HTTP/1.1\r\n" H "\r\n", HTTP1_UNKNOWN_METHOD),
	CASE("PROPFIND / HTTP/1.1\r\n" H "\r\n", HTTP1_UNKNOWN_METHOD),
	CASE("CONNECT a:1 HTTP/1.1\r\n" H "\r\n", HTTP1_UNKNOWN_METHOD),
	CASE("TRACE / HTTP/1.1\r\n" H "\r\n", HTTP1_OK),
	CASE("GET a HTTP/1.1\r\n" H "\r\n", HTTP1_BAD_TARGET),
	CASE("GET /\x80 HTTP/1.1\r\n" H "\r\n", HTTP1_BAD_TARGET),
	CASE("GET /\0 HTTP/1.1\r\n" H "\r\n", HTTP1_BAD_TARGET),
	CASE("GET /#x HTTP/1.1\r\n" H "\r\n", HTTP1_BAD_TARGET),
	CASE("GET * HTTP/1.1\r\n" H "\r\n", HTTP1_BAD_TARGET),
	CASE("OPTIONS * HTTP/1.1\r\n" H "\r\n", HTTP1_OK),
	CASE("GET http://b/x?y HTTP/1.1\r\n" H "\r\n", HTTP1_OK),
	CASE("GET http:///x HTTP/1.1\r\n" H "\r\n", HTTP1_BAD_TARGET),
	CASE("GET http://u@b/x HTTP/1.1\r\n" H "\r\n", HTTP1_BAD_HOST),
	/* line ends */
	CASE("GET / HTTP/1.1\n" H "\r\n", HTTP1_BARE_LF),
	CASE(GET "Host: a\n\r\n", HTTP1_BARE_LF),
	CASE(GET H "\n", HTTP1_BARE_LF),
	CASE(GET "Host: a\rX: b\r\n\r\n", HTTP1_BARE_CR),
	CASE(GET H "X: a\r\r\n\r\n", HTTP1_BARE_CR),
	CASE("GET /\r HTTP/1.1\r\n" H "\r\n", HTTP1_BARE_CR),
	/* fields */
	CASE(GET H "X : a\r\n\r\n", HTTP1_SPACE_BEFORE_COLON),
	CASE(GET H "Content-Length\t: 5\r\n\r\n", HTTP1_SPACE_BEFORE_COLON),
	CASE(GET H "X: a\r\n b\r\n\r\n", HTTP1_OBS_FOLD),
	CASE(GET " " H "\r\n", HTTP1_OBS_FOLD),
	CASE(GET "\t\r\n" H "\r\n", HTTP1_OBS_FOLD),
	CASE(GET H "X\r\n\r\n", HTTP1_BAD_FIELD),
	CASE(GET H ": a\r\n\r\n", HTTP1_BAD_FIELD),
	CASE(GET H "X(: a\r\n\r\n", HTTP1_BAD_FIELD),
	CASE(GET H "X: a\0b\r\n\r\n", HTTP1_BAD_FIELD),
	CASE(GET H "X: a\x01\r\n\r\n", HTTP1_BAD_FIELD),
	CASE(GET H "X: \xc3\xa9\t\"a\"\r\n\r\n", HTTP1_OK),
	/* Host */
	CASE(GET "\r\n", HTTP1_HOST_COUNT),
	CASE(GET H H "\r\n", HTTP1_HOST_COUNT),
	CASE("GET / HTTP/1.0\r\n" H H "\r\n", HTTP1_HOST_COUNT),
	CASE(GET "Host: a b\r\n\r\n", HTTP1_BAD_HOST),
	CASE(GET "Host: a/b\r\n\r\n", HTTP1_BAD_HOST),
	CASE(GET "Host: [::1]:80\r\n\r\n", HTTP1_OK),
	/* Content-Length */
	CASE(POST "Content-Length: 5\r\n\r\n", HTTP1_OK),
	CASE(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", HTTP1_BAD_CONTENT_LENGTH),
	CASE(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", HTTP1_BAD_CONTENT_LENGTH),
	CASE(POST "Content-Length: 5, 5\r\n\r\n", HTTP1_BAD_CONTENT_LENGTH),
	CASE(POST "Content-Length: 5 5\r\n\r\n", HTTP1_BAD_CONTENT_LENGTH),
	CASE(POST "Content-Length: +5\r\n\r\n", HTTP1_BAD_CONTENT_LENGTH),
	CASE(POST "Content-Length: -5\r\n\r\n", HTTP1_BAD_CONTENT_LENGTH),
	CASE(POST "Content-Length: 0x5\r\n\r\n", HTTP1_BAD_CONTENT_LENGTH),
	CASE(POST "Content-Length: \r\n\r\n", HTTP1_BAD_CONTENT_LENGTH),
	CASE(POST "Content-Length: 9223372036854775808\r\n\r\n", HTTP1_BAD_CONTENT_LENGTH),
	CASE(POST "Content-Length: 99999999999999999999999\r\n\r\n", HTTP1_BAD_CONTENT_LENGTH),
	/* Transfer-Encoding */
	CASE(POST "Transfer-Encoding: Chunked\r\n\r\n", HTTP1_OK),
	CASE(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
	     HTTP1_LENGTH_AND_CHUNKED),
	CASE(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
	     HTTP1_LENGTH_AND_CHUNKED),
	CASE("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP1_CHUNKED_IN_HTTP10),
	CASE(POST "Transfer-Encoding: chunked, gzip\r\n\r\n", HTTP1_BAD_TRANSFER_ENCODING),
	CASE(POST "Transfer-Encoding: chunked, chunked\r\n\r\n", HTTP1_BAD_TRANSFER_ENCODING),
	CASE(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	     HTTP1_BAD_TRANSFER_ENCODING),
	CASE(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
	     HTTP1_BAD_TRANSFER_ENCODING),
	CASE(POST "Transfer-Encoding: chunked,\r\n\r\n", HTTP1_BAD_TRANSFER_ENCODING),
	CASE(POST "Transfer-Encoding:\r\n\r\n", HTTP1_BAD_TRANSFER_ENCODING),
	CASE(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", HTTP1_UNKNOWN_CODING),
	CASE(POST "Transfer-Encoding: identity\r\n\r\n", HTTP1_UNKNOWN_CODING),
	CASE(POST "Transfer-Encoding: xchunked\r\n\r\n", HTTP1_UNKNOWN_CODING),
	CASE(POST "Transfer-Encoding: \"chunked\"\r\n\r\n", HTTP1_UNKNOWN_CODING),
	CASE(POST "Transfer-Encoding: chunked;q=1\r\n\r\n", HTTP1_UNKNOWN_CODING),
	/* Expect */
	CASE(POST "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n", HTTP1_OK),
	CASE(POST "Expect: 200-ok\r\n\r\n", HTTP1_BAD_EXPECTATION),
};

static void
test_heads(void **state)
{
	struct http1_head h;

	(void)state;
	for (size_t i = 0; i < GH_COUNT(heads); i++) {
		for (size_t piece = 1; piece <= heads[i].text.n; piece += heads[i].text.n - 1) {
			enum http1_reason got = judge(heads[i].text, piece, &h);

			if (got != heads[i].reason)
				fail_msg("case %zu by %zu: %s instead of %s:\n%s", i, piece,
					 http1_reason_info(got)->word,
					 http1_reason_info(heads[i].reason)->word, heads[i].text.p);
		}
	}
}

static void
test_results(void **state)
{
	struct http1_head h;

	(void)state;
	assert_int_equal(judge(S("POST http://b:8/x/y?z=1?2 HTTP/1.1\r\nhOsT: a\r\nX:  v \t\r\n"
				 "X: w\r\nExpect: 100-continue\r\nContent-Length: 07\r\n\r\n"),
			       999, &h),
			 HTTP1_OK);
	assert_int_equal(h.method, HTTP_POST);
	assert_int_equal(h.minor, 1);
	assert_true(slice_eq(h.host, S("b:8")));
	assert_true(slice_eq(h.path, S("/x/y")));
	assert_true(slice_eq(h.query, S("z=1?2")));
	assert_true(slice_eq(http1_field_get(&h, S("x")), S("v")));
	assert_int_equal(http1_field_count(&h, S("X")), 2);
	assert_null(http1_field_get(&h, S("Y")).p);
	assert_true(h.has_length && h.wants_continue && h.is_keep_alive && !h.is_chunked);
	assert_int_equal(h.content_length, 7);

	assert_int_equal(
		judge(S("GET http://b HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n"), 999,
		      &h),
		HTTP1_OK);
	assert_true(slice_eq(h.path, S("/")));
	assert_null(h.query.p);
	assert_false(h.is_keep_alive);
	assert_int_equal(judge(S("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 999, &h),
			 HTTP1_OK);
	assert_true(h.is_keep_alive);
	assert_int_equal(judge(S("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), 999, &h),
			 HTTP1_OK);
	assert_false(h.is_keep_alive || h.wants_continue);
}

/* A request with a target of target_n bytes, count fields, and one padded to fill up. */
static struct slice
sized_request(struct arena *a, size_t target_n, unsigned count, size_t total)
{
	struct buf b;

	buf_init(&b, a, 1 << 20);
	buf_add(&b, S("GET /"));
	while (b.n < 4 + target_n)
		buf_add_char(&b, 'x');
	buf_add(&b, S(" HTTP/1.1\r\n" H));
	for (unsigned i = 1; i < count; i++)
		buf_add(&b, S("X: y\r\n"));
	if (b.n + 7 < total) {
		buf_add(&b, S("P: "));
		while (b.n + 4 < total)
			buf_add_char(&b, 'p');
		buf_add(&b, S("\r\n"));
	}
	buf_add(&b, S("\r\n"));
	return buf_slice(&b);
}

static void
test_limits(void **state)
{
	struct arena *a = arena_new(0);
	struct http1_head h;

	(void)state;
	assert_int_equal(judge(sized_request(a, 8192, 1, 0), 1000, &h), HTTP1_OK);
	assert_int_equal(judge(sized_request(a, 8193, 1, 0), 1000, &h), HTTP1_TARGET_TOO_LONG);
	assert_int_equal(judge(sized_request(a, 20000, 1, 0), 1000, &h), HTTP1_TARGET_TOO_LONG);
	assert_int_equal(judge(sized_request(a, 1, 64, 0), 1000, &h), HTTP1_OK);
	assert_int_equal(judge(sized_request(a, 1, 65, 0), 1000, &h), HTTP1_TOO_MANY_FIELDS);
	assert_int_equal(judge(sized_request(a, 1, 1, 16384), 1000, &h), HTTP1_OK);
	assert_int_equal(judge(sized_request(a, 1, 1, 16385), 1000, &h), HTTP1_HEAD_TOO_LARGE);
	arena_free(a);
}

static enum http1_reason
decode(struct slice in, size_t step_bytes, struct buf *out, size_t *used_all)
{
	struct http1_chunks c;
	enum http1_reason reason = HTTP1_OK;
	size_t at = 0;

	http1_chunks_init(&c);
	while (at < in.n && !c.is_done) {
		struct slice data;
		size_t used = 0;

		if (http1_chunk_next(&c, &http1_limits_default, 64, slice_sub(in, at, step_bytes),
				     &used, &data, &reason) == GH_EINVAL)
			return reason;
		buf_add(out, data);
		at += used;
	}
	*used_all = at;
	assert_true(c.is_done);
	return HTTP1_OK;
}

static void
test_chunks(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: reason */
		enum http1_reason reason;
	} cases[] = {
		{"0\r\n\r\n", "", 0},
		{"3\r\nabc\r\n0\r\n\r\n", "abc", 0},
		{"3\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\n", "abc0123456789", 0},
		{"3;x=\"y\";z\r\nabc\r\n0;q\r\nT: v\r\nU:\r\n\r\n", "abc", 0},
		{"40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n0\r\n\r"
		 "\n",
		 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 0},
		{"41\r\n", NULL, HTTP1_BODY_TOO_LARGE},
		{"3\r\nabc\r\n3E\r\n", NULL, HTTP1_BODY_TOO_LARGE},
		{"fffffffffffffff\r\n", NULL, HTTP1_BODY_TOO_LARGE},
		{"ffffffffffffffff\r\n", NULL, HTTP1_BAD_CHUNK},
		{"10000000000000003\r\n", NULL, HTTP1_BAD_CHUNK},
		{"0x3\r\n", NULL, HTTP1_BAD_CHUNK},
		{"+3\r\n", NULL, HTTP1_BAD_CHUNK},
		{"-3\r\n", NULL, HTTP1_BAD_CHUNK},
		{" 3\r\n", NULL, HTTP1_BAD_CHUNK},
		{"3 \r\n", NULL, HTTP1_BAD_CHUNK},
		{"3 ;x\r\n", NULL, HTTP1_BAD_CHUNK},
		{"\r\n", NULL, HTTP1_BAD_CHUNK},
		{";x\r\n", NULL, HTTP1_BAD_CHUNK},
		{"g\r\n", NULL, HTTP1_BAD_CHUNK},
		{"3\nabc\r\n", NULL, HTTP1_BAD_CHUNK},
		{"3\rabc\r\n", NULL, HTTP1_BAD_CHUNK},
		{"3;x\ny\r\n", NULL, HTTP1_BAD_CHUNK},
		{"3\r\nabcd\r\n", NULL, HTTP1_BAD_CHUNK},
		{"3\r\nabc\n", NULL, HTTP1_BAD_CHUNK},
		{"3\r\nabc\rx", NULL, HTTP1_BAD_CHUNK},
		{"0\r\n T: v\r\n\r\n", NULL, HTTP1_BAD_CHUNK},
		{"0\r\nT: v\n\r\n", NULL, HTTP1_BAD_CHUNK},
		{"0\r\n\rx", NULL, HTTP1_BAD_CHUNK},
	};
	struct buf out;

	(void)state;
	buf_init(&out, NULL, 4096);
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct slice in = slice_of(cases[i].in);

		for (size_t piece = 1; piece <= in.n; piece += in.n - 1) {
			size_t used = 0;
			enum http1_reason got;

			buf_reset(&out);
			got = decode(in, piece, &out, &used);
			if (got != cases[i].reason)
				fail_msg("case %zu: %s", i, http1_reason_info(got)->word);
			if (cases[i].out == NULL)
				continue;
			assert_string_equal(buf_cstr(&out), cases[i].out);
			assert_int_equal(used, in.n);
		}
	}
	buf_free(&out);
}

static void
test_chunk_bounds(void **state)
{
	struct buf in, out;
	size_t used;

	(void)state;
	buf_init(&in, NULL, 1 << 20);
	buf_init(&out, NULL, 64);
	buf_add(&in, S("1;"));
	for (unsigned i = 0; i < 257; i++)
		buf_add_char(&in, 'x');
	assert_int_equal(decode(buf_slice(&in), 100, &out, &used), HTTP1_CHUNK_EXTENSION_TOO_LONG);
	buf_reset(&in);
	buf_add(&in, S("0\r\n"));
	for (unsigned i = 0; i < 1000; i++)
		buf_add(&in, S("Name: v\r\n"));
	assert_int_equal(decode(buf_slice(&in), 100, &out, &used), HTTP1_TRAILERS_TOO_LARGE);
	/* What follows the body is not touched. */
	buf_reset(&in);
	buf_reset(&out);
	buf_add(&in, S("1\r\na\r\n0\r\n\r\nGET"));
	assert_int_equal(decode(buf_slice(&in), 100, &out, &used), HTTP1_OK);
	assert_int_equal(used, in.n - 3);
	buf_free(&in);
	buf_free(&out);
}

static void
test_reasons(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HTTP1_REASON_COUNT; i++) {
		const struct http1_reason_info *info = http1_reason_info((enum http1_reason)i);

		assert_non_null(info->word);
		assert_true(info->status >= 200 && info->text[0] != '\0');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),        cmocka_unit_test(test_results),
		cmocka_unit_test(test_limits),       cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_chunk_bounds), cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
