/* http1.c - strict HTTP/1.1 request parsing: the header section and chunked bodies. */
#include "http/http1.h"

#include <string.h>

#include "base/hex.h"

#define CHUNK_DIGITS_MAX 15 /* below 2^60: no overflow when chunks are added up */

static const struct http1_reason_info reasons[HTTP1_REASON_COUNT] = {
	[HTTP1_OK] = {200, "ok", "fine"},
	[HTTP1_BAD_REQUEST_LINE] = {400, "bad_request_line", "malformed request line"},
	[HTTP1_BAD_TARGET] = {400, "bad_target", "malformed request target"},
	[HTTP1_BAD_VERSION] = {505, "bad_version", "only HTTP/1.1 and HTTP/1.0 are spoken here"},
	[HTTP1_UNKNOWN_METHOD] = {501, "unknown_method", "unknown method"},
	[HTTP1_TARGET_TOO_LONG] = {414, "target_too_long", "the request target is too long"},
	[HTTP1_HEAD_TOO_LARGE] = {431, "head_too_large", "the header section is too large"},
	[HTTP1_TOO_MANY_FIELDS] = {431, "too_many_fields", "too many header fields"},
	[HTTP1_BARE_LF] = {400, "bare_lf", "a line must end in CRLF"},
	[HTTP1_BARE_CR] = {400, "bare_cr", "a CR must be followed by LF"},
	[HTTP1_BAD_FIELD] = {400, "bad_field", "malformed header field"},
	[HTTP1_SPACE_BEFORE_COLON] = {400, "space_before_colon",
				      "white space between a field name and its colon"},
	[HTTP1_OBS_FOLD] = {400, "obs_fold", "a header line starts with white space"},
	[HTTP1_HOST_COUNT] = {400, "host_count", "exactly one Host field is needed"},
	[HTTP1_BAD_HOST] = {400, "bad_host", "malformed Host"},
	[HTTP1_BAD_CONTENT_LENGTH] = {400, "bad_content_length", "malformed Content-Length"},
	[HTTP1_LENGTH_AND_CHUNKED] = {400, "length_and_chunked",
				      "Content-Length and Transfer-Encoding exclude each other"},
	[HTTP1_CHUNKED_IN_HTTP10] = {400, "chunked_in_http10",
				     "Transfer-Encoding is not part of HTTP/1.0"},
	[HTTP1_BAD_TRANSFER_ENCODING] = {400, "bad_transfer_encoding",
					 "the last transfer coding must be chunked, once"},
	[HTTP1_UNKNOWN_CODING] = {501, "unknown_coding", "unknown transfer coding"},
	[HTTP1_BAD_EXPECTATION] = {417, "bad_expectation", "only 100-continue can be expected"},
	[HTTP1_BAD_CHUNK] = {400, "bad_chunk", "malformed chunk"},
	[HTTP1_CHUNK_EXTENSION_TOO_LONG] = {400, "chunk_extension_too_long",
					    "the chunk extension is too long"},
	[HTTP1_TRAILERS_TOO_LARGE] = {431, "trailers_too_large",
				      "the trailer section is too large"},
	[HTTP1_BODY_TOO_LARGE] = {413, "body_too_large", "the body is too large"},
	[HTTP1_HEAD_TIMEOUT] = {408, "head_timeout", "the header section took too long"},
	[HTTP1_BODY_TIMEOUT] = {408, "body_timeout", "the body came too slowly"},
	[HTTP1_TOO_MANY_CONNECTIONS] = {503, "too_many_connections", "too many connections"},
};

const struct http1_limits http1_limits_default = {
	.target_bytes = 8192,
	.head_bytes = 16384,
	.field_count = HTTP1_FIELDS_MAX,
	.extension_bytes = 256,
	.trailer_bytes = 4096,
};

static const struct slice methods[HTTP_METHOD_COUNT] = {
	[HTTP_GET] = {"GET", 3},         [HTTP_HEAD] = {"HEAD", 4},   [HTTP_POST] = {"POST", 4},
	[HTTP_PUT] = {"PUT", 3},         [HTTP_PATCH] = {"PATCH", 5}, [HTTP_DELETE] = {"DELETE", 6},
	[HTTP_OPTIONS] = {"OPTIONS", 7}, [HTTP_TRACE] = {"TRACE", 5},
};

#define TOKEN  1u /* RFC 9110 tchar */
#define VALUE  2u /* may stand in a field value */
#define TARGET 4u /* may stand in a request target: visible ASCII except '#' */
#define HOST   8u /* RFC 3986 reg-name, IP literal, port */
#define ALNUM  (TOKEN | VALUE | TARGET | HOST)
#define MARK   (VALUE | TARGET)

static const uint8_t class_of[256] = {
	['\t'] = VALUE,        [' '] = VALUE,         ['0' ... '9'] = ALNUM, ['A' ... 'Z'] = ALNUM,
	['a' ... 'z'] = ALNUM, ['!'] = ALNUM,         ['$'] = ALNUM,         ['%'] = ALNUM,
	['&'] = ALNUM,         ['\''] = ALNUM,        ['*'] = ALNUM,         ['+'] = ALNUM,
	['-'] = ALNUM,         ['.'] = ALNUM,         ['_'] = ALNUM,         ['~'] = ALNUM,
	['^'] = TOKEN | MARK,  ['`'] = TOKEN | MARK,  ['|'] = TOKEN | MARK,  ['#'] = TOKEN | VALUE,
	['('] = MARK | HOST,   [')'] = MARK | HOST,   [','] = MARK | HOST,   [';'] = MARK | HOST,
	['='] = MARK | HOST,   [':'] = MARK | HOST,   ['['] = MARK | HOST,   [']'] = MARK | HOST,
	['"'] = MARK,          ['/'] = MARK,          ['<'] = MARK,          ['>'] = MARK,
	['?'] = MARK,          ['@'] = MARK,          ['\\'] = MARK,         ['{'] = MARK,
	['}'] = MARK,          [128 ... 255] = VALUE,
};

const char *
http_method_name(enum http_method m)
{
	return methods[m].p;
}

const struct http1_reason_info *
http1_reason_info(enum http1_reason r)
{
	return &reasons[r];
}

static enum gh_code
refuse(enum http1_reason *out, enum http1_reason r)
{
	*out = r;
	return GH_EINVAL;
}

/* Bytes from the start of s that are all of the class. */
static size_t
span(struct slice s, unsigned class)
{
	size_t n = 0;

	while (n < s.n && (class_of[(unsigned char)s.p[n]] & class) != 0)
		n++;
	return n;
}

static bool
is_all(struct slice s, unsigned class)
{
	return span(s, class) == s.n;
}

/* ---- the end of the header section ---- */

void
http1_scan_init(struct http1_scan *s)
{
	memset(s, 0, sizeof(*s));
}

/* The first line may be as long as target_bytes allows, the section as head_bytes. */
static enum gh_code
check_sizes(const struct http1_scan *s, const struct http1_limits *lim, enum http1_reason *reason)
{
	/* Longest method and version with their blanks and CRLF. */
	size_t line_max = lim->target_bytes + sizeof("OPTIONS  HTTP/1.1\r\n") - 1;

	if (s->line_count == 0 && s->line_n > line_max)
		return refuse(reason, HTTP1_TARGET_TOO_LONG);
	if (s->n > lim->head_bytes)
		return refuse(reason, HTTP1_HEAD_TOO_LARGE);
	return GH_OK;
}

enum gh_code
http1_scan(struct http1_scan *s, const struct http1_limits *lim, struct slice piece, size_t *used,
	   enum http1_reason *reason)
{
	size_t at = 0;

	while (at < piece.n) {
		struct slice rest = slice_from(piece, at);
		const char *lf = memchr(rest.p, '\n', rest.n);
		size_t n = lf != NULL ? (size_t)(lf - rest.p) + 1 : rest.n;
		char before = n > 1 ? rest.p[n - 2] : s->last;

		s->n += n;
		s->line_n += n;
		at += n;
		*used = at;
		if (check_sizes(s, lim, reason) != GH_OK)
			return GH_EINVAL;
		if (lf == NULL)
			break;
		if (before != '\r')
			return refuse(reason, HTTP1_BARE_LF);
		if (s->line_n == 2 && s->line_count > 0)
			return GH_OK;
		/* An empty line before the request line is no line, but there may be only one. */
		if (s->line_n == 2 && s->n > 2)
			return refuse(reason, HTTP1_BAD_REQUEST_LINE);
		if (s->line_n > 2)
			s->line_count++;
		s->line_n = 0;
		s->last = '\n';
	}
	*used = at;
	if (piece.n > 0)
		s->last = piece.p[piece.n - 1];
	return GH_EAGAIN;
}

/* ---- the request line ---- */

static enum gh_code
parse_method(struct http1_head *h, struct slice text, enum http1_reason *reason)
{
	if (text.n == 0 || !is_all(text, TOKEN))
		return refuse(reason, HTTP1_BAD_REQUEST_LINE);
	for (unsigned i = 0; i < HTTP_METHOD_COUNT; i++) {
		if (slice_eq(methods[i], text)) {
			h->method = (enum http_method)i;
			return GH_OK;
		}
	}
	return refuse(reason, HTTP1_UNKNOWN_METHOD);
}

static enum gh_code
parse_version(struct http1_head *h, struct slice text, enum http1_reason *reason)
{
	if (text.n != 8 || !slice_starts(text, S("HTTP/")) || text.p[6] != '.' || text.p[5] < '0' ||
	    text.p[5] > '9' || text.p[7] < '0' || text.p[7] > '9')
		return refuse(reason, HTTP1_BAD_REQUEST_LINE);
	if (text.p[5] != '1')
		return refuse(reason, HTTP1_BAD_VERSION);
	/* A higher minor version is answered as 1.1 (RFC 9110 section 2.5). */
	h->minor = text.p[7] == '0' ? 0 : 1;
	return GH_OK;
}

static enum gh_code
parse_host(struct slice text, enum http1_reason *reason)
{
	return is_all(text, HOST) ? GH_OK : refuse(reason, HTTP1_BAD_HOST);
}

/* "http://host/path": what a proxy would be sent; servers must accept it too. */
static enum gh_code
split_absolute(struct http1_head *h, struct slice *path, enum http1_reason *reason)
{
	struct slice rest, authority;
	size_t n = 0;

	if (path->n >= 7 && slice_eq_nocase(slice_sub(*path, 0, 7), S("http://")))
		rest = slice_from(*path, 7);
	else if (path->n >= 8 && slice_eq_nocase(slice_sub(*path, 0, 8), S("https://")))
		rest = slice_from(*path, 8);
	else
		return refuse(reason, HTTP1_BAD_TARGET);
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	authority = slice_sub(rest, 0, n);
	if (authority.n == 0)
		return refuse(reason, HTTP1_BAD_TARGET);
	h->host = authority;
	*path = slice_from(rest, n);
	return parse_host(authority, reason);
}

static enum gh_code
parse_target(struct http1_head *h, const struct http1_limits *lim, enum http1_reason *reason)
{
	struct slice path = h->target;

	if (path.n > lim->target_bytes)
		return refuse(reason, HTTP1_TARGET_TOO_LONG);
	if (path.n == 0 || !is_all(path, TARGET))
		return refuse(reason, HTTP1_BAD_TARGET);
	if (slice_eq(path, S("*"))) {
		h->path = path;
		h->query = SLICE_NONE;
		return h->method == HTTP_OPTIONS ? GH_OK : refuse(reason, HTTP1_BAD_TARGET);
	}
	if (path.p[0] != '/' && split_absolute(h, &path, reason) != GH_OK)
		return GH_EINVAL;
	h->path = slice_cut(path, '?', &h->query);
	if (h->path.n == 0)
		h->path = S("/"); /* "http://host" and "http://host?q" */
	return GH_OK;
}

/* method SP target SP version, one blank each. */
static enum gh_code
parse_request_line(struct http1_head *h, const struct http1_limits *lim, struct slice line,
		   enum http1_reason *reason)
{
	struct slice rest, method, version;

	method = slice_cut(line, ' ', &rest);
	h->target = slice_cut(rest, ' ', &version);
	if (version.p == NULL)
		return refuse(reason, HTTP1_BAD_REQUEST_LINE);
	if (memchr(line.p, '\r', line.n) != NULL)
		return refuse(reason, HTTP1_BARE_CR);
	if (parse_version(h, version, reason) != GH_OK || parse_method(h, method, reason) != GH_OK)
		return GH_EINVAL;
	return parse_target(h, lim, reason);
}

/* ---- fields ---- */

static enum gh_code
parse_field(struct http1_head *h, const struct http1_limits *lim, struct slice line,
	    enum http1_reason *reason)
{
	size_t n = span(line, TOKEN);
	struct slice value;

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return refuse(reason, HTTP1_OBS_FOLD);
	if (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		return refuse(reason, HTTP1_SPACE_BEFORE_COLON);
	if (n == 0 || n == line.n || line.p[n] != ':')
		return refuse(reason, HTTP1_BAD_FIELD);
	value = slice_from(line, n + 1);
	if (!is_all(value, VALUE)) {
		bool has_cr = memchr(value.p, '\r', value.n) != NULL;

		return refuse(reason, has_cr ? HTTP1_BARE_CR : HTTP1_BAD_FIELD);
	}
	if (h->field_count == lim->field_count || h->field_count == HTTP1_FIELDS_MAX)
		return refuse(reason, HTTP1_TOO_MANY_FIELDS);
	h->fields[h->field_count].name = slice_sub(line, 0, n);
	h->fields[h->field_count].value = slice_trim(value);
	h->field_count++;
	return GH_OK;
}

/* Next non-empty element of a comma list, trimmed; false at the end. */
static bool
next_element(struct slice *list, struct slice *element)
{
	while (list->p != NULL) {
		*element = slice_trim(slice_cut(*list, ',', list));
		if (element->n > 0)
			return true;
	}
	return false;
}

static enum gh_code
take_length(struct http1_head *h, struct slice value, enum http1_reason *reason)
{
	/* Repeated equal lengths are legal to accept, and one more thing to disagree on. */
	if (h->has_length || value.n == 0 ||
	    parse_u64(value, 0, INT64_MAX, &h->content_length) != GH_OK)
		return refuse(reason, HTTP1_BAD_CONTENT_LENGTH);
	h->has_length = true;
	return GH_OK;
}

/* "chunked" and nothing else; the rest only decides between 400 and 501. */
static enum gh_code
take_encoding(struct http1_head *h, struct slice value, enum http1_reason *reason)
{
	struct slice list = value, coding, last = SLICE_NONE;
	unsigned count = 0, chunked_count = 0;

	if (!h->is_chunked && slice_eq_nocase(value, S("chunked"))) {
		h->is_chunked = true;
		return GH_OK;
	}
	while (next_element(&list, &coding)) {
		last = coding;
		count++;
		if (slice_eq_nocase(coding, S("chunked")))
			chunked_count++;
	}
	if (!h->is_chunked && count > chunked_count &&
	    (chunked_count == 0 || (chunked_count == 1 && slice_eq_nocase(last, S("chunked")))))
		return refuse(reason, HTTP1_UNKNOWN_CODING);
	return refuse(reason, HTTP1_BAD_TRANSFER_ENCODING);
}

static void
take_connection(struct http1_head *h, struct slice value, bool *wants_close)
{
	struct slice list = value, option;

	while (next_element(&list, &option)) {
		if (slice_eq_nocase(option, S("close")))
			*wants_close = true;
		else if (slice_eq_nocase(option, S("keep-alive")))
			h->is_keep_alive = true;
	}
}

/* The fields that decide where the request ends and what becomes of the connection. */
static enum gh_code
take_fields(struct http1_head *h, enum http1_reason *reason)
{
	unsigned host_count = 0;
	bool wants_close = false;
	enum gh_code rc = GH_OK;

	h->is_keep_alive = h->minor == 1;
	for (unsigned i = 0; i < h->field_count && rc == GH_OK; i++) {
		struct slice name = h->fields[i].name, value = h->fields[i].value;

		if (slice_eq_nocase(name, S("Host"))) {
			if (host_count++ == 0 && h->host.p == NULL)
				h->host = value;
			rc = parse_host(value, reason);
		} else if (slice_eq_nocase(name, S("Content-Length"))) {
			rc = take_length(h, value, reason);
		} else if (slice_eq_nocase(name, S("Transfer-Encoding"))) {
			rc = take_encoding(h, value, reason);
		} else if (slice_eq_nocase(name, S("Connection"))) {
			take_connection(h, value, &wants_close);
		} else if (slice_eq_nocase(name, S("Expect")) && h->minor == 1) {
			if (!slice_eq_nocase(value, S("100-continue")))
				rc = refuse(reason, HTTP1_BAD_EXPECTATION);
			h->wants_continue = true;
		}
	}
	if (rc != GH_OK)
		return rc;
	if (wants_close)
		h->is_keep_alive = false;
	if (h->is_chunked && h->has_length)
		return refuse(reason, HTTP1_LENGTH_AND_CHUNKED);
	if (h->is_chunked && h->minor == 0)
		return refuse(reason, HTTP1_CHUNKED_IN_HTTP10);
	if (host_count > 1 || (host_count == 0 && h->minor == 1))
		return refuse(reason, HTTP1_HOST_COUNT);
	if (!h->is_chunked && h->content_length == 0)
		h->wants_continue = false;
	return GH_OK;
}

/* The next line without its CRLF. The scan saw to it that every LF has its CR. */
static struct slice
next_line(struct slice *head)
{
	struct slice line = slice_cut(*head, '\n', head);

	return slice_sub(line, 0, line.n - 1);
}

enum gh_code
http1_parse_head(struct http1_head *h, const struct http1_limits *lim, struct slice head,
		 enum http1_reason *reason)
{
	struct slice line;

	/* Not the whole of it: the field table is filled as far as field_count says. */
	memset(h, 0, offsetof(struct http1_head, fields));
	if (head.n < 4 || !slice_ends(head, S("\r\n\r\n")))
		return refuse(reason, HTTP1_BAD_REQUEST_LINE);
	line = next_line(&head);
	if (line.n == 0)
		line = next_line(&head);
	if (parse_request_line(h, lim, line, reason) != GH_OK)
		return GH_EINVAL;
	for (;;) {
		line = next_line(&head);
		if (line.n == 0)
			return take_fields(h, reason);
		if (parse_field(h, lim, line, reason) != GH_OK)
			return GH_EINVAL;
	}
}

struct slice
http1_field_get(const struct http1_head *h, struct slice name)
{
	for (unsigned i = 0; i < h->field_count; i++)
		if (slice_eq_nocase(h->fields[i].name, name))
			return h->fields[i].value;
	return SLICE_NONE;
}

unsigned
http1_field_count(const struct http1_head *h, struct slice name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->field_count; i++)
		if (slice_eq_nocase(h->fields[i].name, name))
			n++;
	return n;
}

/* ---- chunked bodies ---- */

enum chunk_state {
	CHUNK_SIZE,      /* hex digits */
	CHUNK_EXTENSION, /* from ';' to the CR */
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER_START, /* first byte of a trailer line, or the CR of the end */
	CHUNK_TRAILER,
	CHUNK_TRAILER_LF,
	CHUNK_END_LF
};

void
http1_chunks_init(struct http1_chunks *c)
{
	memset(c, 0, sizeof(*c));
}

static enum http1_reason
step_size(struct http1_chunks *c, char ch)
{
	int digit = hex_digit(ch);

	if (digit >= 0) {
		if (++c->digits > CHUNK_DIGITS_MAX)
			return HTTP1_BAD_CHUNK;
		c->left = c->left * 16 + (uint64_t)digit;
		return HTTP1_OK;
	}
	if (c->digits == 0 || (ch != ';' && ch != '\r'))
		return HTTP1_BAD_CHUNK;
	c->line_n = 0;
	c->state = ch == ';' ? CHUNK_EXTENSION : CHUNK_SIZE_LF;
	return HTTP1_OK;
}

/* The LF of a size line: the chunk's size is known. */
static enum http1_reason
step_size_lf(struct http1_chunks *c, uint64_t body_max, char ch)
{
	if (ch != '\n')
		return HTTP1_BAD_CHUNK;
	c->line_n = 0;
	c->digits = 0;
	if (c->left > body_max || c->total > body_max - c->left)
		return HTTP1_BODY_TOO_LARGE;
	c->total += c->left;
	c->state = c->left == 0 ? CHUNK_TRAILER_START : CHUNK_DATA;
	return HTTP1_OK;
}

static enum http1_reason
step_extension(struct http1_chunks *c, const struct http1_limits *lim, char ch)
{
	if (ch == '\r') {
		c->state = CHUNK_SIZE_LF;
		return HTTP1_OK;
	}
	if ((class_of[(unsigned char)ch] & VALUE) == 0)
		return HTTP1_BAD_CHUNK;
	return ++c->line_n > lim->extension_bytes ? HTTP1_CHUNK_EXTENSION_TOO_LONG : HTTP1_OK;
}

/* Trailers are dropped unread, but their bytes must be those of a field. */
static enum http1_reason
step_trailer(struct http1_chunks *c, const struct http1_limits *lim, char ch)
{
	bool is_start = c->state == CHUNK_TRAILER_START;

	if (ch == '\r') {
		c->state = is_start ? CHUNK_END_LF : CHUNK_TRAILER_LF;
		return HTTP1_OK;
	}
	if ((class_of[(unsigned char)ch] & (is_start ? TOKEN : VALUE)) == 0)
		return HTTP1_BAD_CHUNK;
	c->state = CHUNK_TRAILER;
	return ++c->line_n > lim->trailer_bytes ? HTTP1_TRAILERS_TOO_LARGE : HTTP1_OK;
}

/* One framing byte: anything but chunk data. */
static enum http1_reason
step(struct http1_chunks *c, const struct http1_limits *lim, uint64_t body_max, char ch)
{
	switch ((enum chunk_state)c->state) {
	case CHUNK_SIZE:
		return step_size(c, ch);
	case CHUNK_EXTENSION:
		return step_extension(c, lim, ch);
	case CHUNK_SIZE_LF:
		return step_size_lf(c, body_max, ch);
	case CHUNK_DATA_CR:
		c->state = CHUNK_DATA_LF;
		return ch == '\r' ? HTTP1_OK : HTTP1_BAD_CHUNK;
	case CHUNK_DATA_LF:
		c->state = CHUNK_SIZE;
		return ch == '\n' ? HTTP1_OK : HTTP1_BAD_CHUNK;
	case CHUNK_TRAILER_START:
	case CHUNK_TRAILER:
		return step_trailer(c, lim, ch);
	case CHUNK_TRAILER_LF:
		c->state = CHUNK_TRAILER_START;
		return ch == '\n' ? HTTP1_OK : HTTP1_BAD_CHUNK;
	case CHUNK_END_LF:
		c->is_done = true;
		return ch == '\n' ? HTTP1_OK : HTTP1_BAD_CHUNK;
	case CHUNK_DATA:
		break;
	}
	gh_panic("http1: chunk state %d", c->state);
}

enum gh_code
http1_chunk_next(struct http1_chunks *c, const struct http1_limits *lim, uint64_t body_max,
		 struct slice in, size_t *used, struct slice *data, enum http1_reason *reason)
{
	size_t at = 0;

	*data = SLICE_NONE;
	while (at < in.n && c->state != CHUNK_DATA && !c->is_done) {
		enum http1_reason r = step(c, lim, body_max, in.p[at++]);

		if (r != HTTP1_OK)
			return refuse(reason, r);
	}
	if (c->state == CHUNK_DATA && at < in.n) {
		size_t n = in.n - at < c->left ? in.n - at : (size_t)c->left;

		*data = slice_sub(in, at, n);
		at += n;
		c->left -= n;
		if (c->left == 0)
			c->state = CHUNK_DATA_CR;
	}
	*used = at;
	return data->n > 0 || c->is_done ? GH_OK : GH_EAGAIN;
}
