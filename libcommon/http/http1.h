/* http1.h - strict, incremental HTTP/1.1 request parsing. Pure: no I/O, no clock,
 * no allocation.
 *
 * The rules are contracts/http-conventions.md section 10: whatever two parsers
 * could read in two ways is refused, so that a front proxy and we can never
 * disagree about where a request ends. Every refusal is a reason of the closed
 * set below (status, word, sentence) and means: answer it, then close.
 *
 * Use: http1_scan over the bytes as they arrive until the header section is
 * complete; http1_parse_head over that section in one contiguous piece (results
 * point into it); then the body by length, or through http1_chunk_next.
 */
#ifndef GH_HTTP1_H
#define GH_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* CONNECT is not among them: we are no proxy, 501. */
enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_TRACE
};
#define HTTP_METHOD_COUNT 8

/* "GET"; never NULL. */
const char *http_method_name(enum http_method m);

/* Why a request was refused; also the label of growhub_http_rejected_total. */
enum http1_reason {
	HTTP1_OK,
	HTTP1_BAD_REQUEST_LINE,
	HTTP1_BAD_TARGET,
	HTTP1_BAD_VERSION,
	HTTP1_UNKNOWN_METHOD,
	HTTP1_TARGET_TOO_LONG,
	HTTP1_HEAD_TOO_LARGE,
	HTTP1_TOO_MANY_FIELDS,
	HTTP1_BARE_LF,
	HTTP1_BARE_CR,
	HTTP1_BAD_FIELD,
	HTTP1_SPACE_BEFORE_COLON,
	HTTP1_OBS_FOLD,
	HTTP1_HOST_COUNT,
	HTTP1_BAD_HOST,
	HTTP1_BAD_CONTENT_LENGTH,
	HTTP1_LENGTH_AND_CHUNKED,
	HTTP1_CHUNKED_IN_HTTP10,
	HTTP1_BAD_TRANSFER_ENCODING,
	HTTP1_UNKNOWN_CODING,
	HTTP1_BAD_EXPECTATION,
	HTTP1_BAD_CHUNK,
	HTTP1_CHUNK_EXTENSION_TOO_LONG,
	HTTP1_TRAILERS_TOO_LARGE,
	HTTP1_BODY_TOO_LARGE,
	/* Found by the server, not by this parser. */
	HTTP1_HEAD_TIMEOUT,
	HTTP1_BODY_TIMEOUT,
	HTTP1_TOO_MANY_CONNECTIONS,
	HTTP1_REASON_COUNT
};

struct http1_reason_info {
	unsigned status;  /* 400 413 414 417 431 408 501 503 505 */
	const char *word; /* stable snake_case */
	const char *text; /* one English sentence for the reply */
};

/* Never NULL; HTTP1_OK gives {200, "ok", ...}. */
const struct http1_reason_info *http1_reason_info(enum http1_reason r);

struct http1_limits {
	size_t target_bytes;    /* request target; longer is 414 */
	size_t head_bytes;      /* request line and header section; longer is 431 */
	unsigned field_count;   /* header fields, at most HTTP1_FIELDS_MAX */
	size_t extension_bytes; /* chunk extensions of one chunk line */
	size_t trailer_bytes;   /* trailer section of a chunked body */
};

#define HTTP1_FIELDS_MAX 64
/* 8192, 16384, 64, 256, 4096. */
extern const struct http1_limits http1_limits_default;

/* ---- the end of the header section ---- */

struct http1_scan {
	size_t n;      /* bytes seen, including those of the current line */
	size_t line_n; /* bytes of the current line */
	unsigned line_count;
	char last; /* last byte of the previous piece */
};

void http1_scan_init(struct http1_scan *s);

/* Look at the next piece of input.
 *
 * used    receives the bytes of piece that belong to this header section
 * Returns GH_OK when it is complete (s->n bytes in all, ending in CRLFCRLF),
 *         GH_EAGAIN when all of piece was seen and more is needed,
 *         GH_EINVAL with *reason set.
 * One empty line before the request line is accepted (RFC 9112 section 2.2).
 */
enum gh_code http1_scan(struct http1_scan *s, const struct http1_limits *lim, struct slice piece,
			size_t *used, enum http1_reason *reason) GH_MUST_USE;

/* ---- the header section ---- */

struct http1_field {
	struct slice name;  /* a token, as sent */
	struct slice value; /* trimmed; no control characters but tabs; may hold bytes over 127 */
};

struct http1_head {
	enum http_method method;
	unsigned minor;      /* HTTP/1.minor: 0 or 1 */
	struct slice target; /* as sent */
	struct slice path;   /* raw, starts with '/' ("*" for OPTIONS *) */
	struct slice query;  /* raw, without '?'; SLICE_NONE when there is no '?' */
	struct slice host;   /* of an absolute target, else of the Host field */
	bool is_keep_alive;  /* the client wants the connection to stay */
	bool is_chunked;
	bool has_length;         /* Content-Length was given */
	bool wants_continue;     /* Expect: 100-continue and a body announced */
	uint64_t content_length; /* 0 without has_length */
	unsigned field_count;
	struct http1_field fields[HTTP1_FIELDS_MAX];
};

/* Parse a complete header section as http1_scan delimited it; h borrows from head.
 * GH_EINVAL with *reason set; h->method and h->is_keep_alive are then not to be used. */
enum gh_code http1_parse_head(struct http1_head *h, const struct http1_limits *lim,
			      struct slice head, enum http1_reason *reason) GH_MUST_USE;

/* Value of the first field of that name (any case); SLICE_NONE when absent. */
struct slice http1_field_get(const struct http1_head *h, struct slice name);
/* How many fields have that name. */
unsigned http1_field_count(const struct http1_head *h, struct slice name);

/* ---- chunked bodies ---- */

struct http1_chunks {
	int state;
	uint64_t left;  /* bytes of the current chunk still to come */
	uint64_t total; /* data bytes announced so far */
	size_t line_n;  /* bytes of the current size line, extension or trailer section */
	unsigned digits;
	bool is_done; /* the last chunk and the trailers have been read */
};

void http1_chunks_init(struct http1_chunks *c);

/* Decode the next stretch of input.
 *
 * body_max  data bytes accepted in all; a chunk that would pass it is refused
 *           (HTTP1_BODY_TOO_LARGE) when its size is read, before its data
 * used      bytes of in consumed
 * data      decoded bytes, pointing into in; may be empty
 * Returns   GH_OK: data was delivered or is_done was set (call again with the rest
 *           while not is_done); GH_EAGAIN: all of in was used, more is needed, data
 *           is empty; GH_EINVAL with *reason set. Trailers are dropped.
 */
enum gh_code http1_chunk_next(struct http1_chunks *c, const struct http1_limits *lim,
			      uint64_t body_max, struct slice in, size_t *used, struct slice *data,
			      enum http1_reason *reason) GH_MUST_USE;

#endif
