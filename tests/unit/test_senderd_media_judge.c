/* test_senderd_media_judge.c - what answers of media hosts mean: every status, sizes, types, moves.
 */
#include "senderd/media_judge.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SIZE_MAX_ 1000

static const char *const verdicts[] = {
	[MEDIA_FINE] = "fine",
	[MEDIA_MOVED] = "moved",
	[MEDIA_REFUSED] = "refused",
	[MEDIA_UNREACHABLE] = "unreachable",
};

static struct media_finding
judged(const struct http_result *r)
{
	struct media_finding f = {.url = "http://a.example:8080/x"};
	struct url at;

	assert_int_equal(url_parse(S("http://a.example:8080/x"), &at, NULL), GH_OK);
	media_judge(&f, r, &at, SIZE_MAX_);
	return f;
}

static struct media_finding
answered(unsigned status, const char *header_lines)
{
	const struct http_result r = {
		.outcome = HTTP_DONE, .status = status, .header_lines = slice_of(header_lines)};

	return judged(&r);
}

static void
test_statuses(void **state GH_UNUSED)
{
	static const struct {
		unsigned status;
		const char *verdict, *code;
	} cases[] = {
		{100, "unreachable", "media_unreachable"},
		{200, "fine", "ok"},
		{204, "fine", "ok"},
		{206, "fine", "ok"},
		{299, "fine", "ok"},
		{300, "refused", "media_refused"},
		{304, "refused", "media_refused"},
		{400, "refused", "media_refused"},
		{401, "refused", "media_refused"},
		{403, "refused", "media_refused"},
		{404, "refused", "media_not_found"},
		{408, "unreachable", "media_unreachable"},
		{410, "refused", "media_not_found"},
		{416, "refused", "media_refused"},
		{425, "unreachable", "media_unreachable"},
		{429, "unreachable", "media_unreachable"},
		{499, "refused", "media_refused"},
		{500, "unreachable", "media_unreachable"},
		{599, "unreachable", "media_unreachable"},
		{999, "unreachable", "media_unreachable"},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct media_finding f = answered(cases[i].status, "");

		assert_string_equal(verdicts[f.verdict], cases[i].verdict);
		assert_string_equal(f.code, cases[i].code);
		assert_int_equal(f.verdict == MEDIA_FINE, f.text[0] == '\0');
	}
}

static void
test_no_answer(void **state GH_UNUSED)
{
	for (int fail = HTTP_FAIL_BLOCKED; fail <= HTTP_FAIL_INTERNAL; fail++) {
		const struct http_result r = {.outcome = HTTP_UNKNOWN,
					      .fail = (enum http_fail)fail};
		struct media_finding f = judged(&r);
		bool is_blocked = fail == HTTP_FAIL_BLOCKED;

		assert_int_equal(f.verdict, is_blocked ? MEDIA_REFUSED : MEDIA_UNREACHABLE);
		assert_string_equal(f.code, is_blocked ? "media_url_blocked" : "media_unreachable");
	}
}

static void
test_sizes(void **state GH_UNUSED)
{
	static const struct {
		unsigned status;
		const char *header_lines;
		bool is_fine;
	} cases[] = {
		{200, "Content-Length: 1000\r\n", true},
		{200, "Content-Length: 1001\r\n", false},
		{200, "Content-Length: 99999999999999999999999\r\n", true}, /* no number of ours */
		{206, "Content-Length: 1\r\nContent-Range: bytes 0-0/1000\r\n", true},
		{206, "Content-Length: 1\r\nContent-Range: bytes 0-0/1001\r\n", false},
		{206, "Content-Length: 2000\r\nContent-Range: bytes 0-0/*\r\n", true},
		{206, "Content-Length: 1\r\n", true},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct media_finding f = answered(cases[i].status, cases[i].header_lines);

		assert_int_equal(f.verdict == MEDIA_FINE, cases[i].is_fine);
		if (!cases[i].is_fine)
			assert_string_equal(f.code, "media_too_large");
	}
}

static void
test_types(void **state GH_UNUSED)
{
	static const struct {
		const char *type;
		enum msg_kind kind;
		bool may_be;
	} cases[] = {
		{"image/png", MSG_IMAGE, true},
		{"image/png", MSG_VIDEO, false},
		{"text/html", MSG_IMAGE, false},
		{"application/json", MSG_AUDIO, false},
		{"application/pdf", MSG_IMAGE, false},
		{"application/octet-stream", MSG_IMAGE, true},
		{"application/ogg", MSG_AUDIO, true},
		{"video/mp4", MSG_AUDIO, true},
		{"video/mpeg", MSG_AUDIO, false},
		{"", MSG_VIDEO, true},
		{"text/html", MSG_DOCUMENT, true},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++)
		assert_int_equal(media_type_may_be(slice_of(cases[i].type), cases[i].kind),
				 cases[i].may_be);
	assert_string_equal(answered(200, "Content-Type: Image/JPEG ; a=B\r\n").type, "image/jpeg");
	assert_string_equal(answered(200, "").type, "");
}

static void
test_moves(void **state GH_UNUSED)
{
	static const struct {
		const char *header_lines, *url; /* NULL: not followed */
	} cases[] = {
		{"Location: https://b.example/y?z=1\r\n", "https://b.example/y?z=1"},
		{"Location: /y?z=1#part\r\n", "http://a.example:8080/y?z=1"},
		/* Judged as a URL when it is asked for. */
		{"Location: //b.example/y\r\n", "//b.example/y"},
		{"Location: y\r\n", "y"},
		{"Location: #part\r\n", NULL},
		{"Location:\r\n", NULL},
		{"", NULL},
	};
	static const unsigned statuses[] = {301, 302, 303, 307, 308};
	char line[URL_MAX + 64];

	for (size_t s = 0; s < GH_COUNT(statuses); s++)
		for (size_t i = 0; i < GH_COUNT(cases); i++) {
			struct media_finding f = answered(statuses[s], cases[i].header_lines);

			assert_int_equal(f.verdict,
					 cases[i].url != NULL ? MEDIA_MOVED : MEDIA_REFUSED);
			if (cases[i].url != NULL)
				assert_string_equal(f.url, cases[i].url);
		}
	memset(line, 'x', sizeof(line));
	memcpy(line, "Location: /", 11);
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	assert_int_equal(answered(302, line).verdict, MEDIA_REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses), cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_sizes),    cmocka_unit_test(test_types),
		cmocka_unit_test(test_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
