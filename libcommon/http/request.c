/* request.c - rules of a request and reading of a result; no I/O. */
#include "http/request.h"

static bool
is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return false;
	}
	return s.n > 0;
}

static bool
is_in(struct slice s, const struct slice *set, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_eq_nocase(s, set[i]))
			return true;
	return false;
}

static bool
header_is_valid(const struct http_header *h)
{
	/* Framing and routing are ours. */
	static const struct slice ours[] = {{"host", 4},
					    {"content-length", 14},
					    {"transfer-encoding", 17},
					    {"connection", 10},
					    {"expect", 6}};

	if (!is_token(h->name) || is_in(h->name, ours, GH_COUNT(ours)))
		return false;
	for (size_t i = 0; i < h->value.n; i++) {
		unsigned char c = (unsigned char)h->value.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

bool
http_request_is_valid(const struct http_request *r)
{
	if (!is_token(r->method) || r->timeout_us <= 0 || r->response_max == 0)
		return false;
	for (unsigned i = 0; i < r->header_count; i++)
		if (!header_is_valid(&r->headers[i]))
			return false;
	return true;
}

bool
http_method_is_idempotent(struct slice method)
{
	static const struct slice methods[] = {
		{"GET", 3}, {"HEAD", 4}, {"OPTIONS", 7}, {"PUT", 3}, {"DELETE", 6}};

	return is_in(method, methods, GH_COUNT(methods));
}

struct slice
http_result_header(const struct http_result *r, struct slice name)
{
	struct slice rest = r->header_lines;

	while (rest.p != NULL) {
		struct slice value;
		struct slice line = slice_cut(rest, '\n', &rest);

		if (slice_ends(line, S("\r")))
			line.n--;
		if (slice_eq_nocase(slice_cut(line, ':', &value), name) && value.p != NULL)
			return slice_trim(value);
	}
	return SLICE_NONE;
}

const char *
http_fail_name(enum http_fail fail)
{
	static const char *const names[] = {
		[HTTP_FAIL_NONE] = "none",         [HTTP_FAIL_BLOCKED] = "blocked_address",
		[HTTP_FAIL_DNS] = "dns",           [HTTP_FAIL_CONNECT] = "connect",
		[HTTP_FAIL_TLS] = "tls",           [HTTP_FAIL_TIMEOUT] = "timeout",
		[HTTP_FAIL_RESET] = "reset",       [HTTP_FAIL_RESPONSE] = "bad_response",
		[HTTP_FAIL_INTERNAL] = "internal",
	};

	return (size_t)fail < GH_COUNT(names) ? names[fail] : "unknown";
}
