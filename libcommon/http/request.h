/* request.h - what is asked of the HTTP client and what it reports: the types of
 * client.h and the rules that need no connection.
 */
#ifndef GH_HTTP_REQUEST_H
#define GH_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "http/header.h"
#include "http/url.h"

struct egress;

#define HTTP_RESPONSE_HEADERS_MAX 65536 /* bytes of all header lines of one answer */
#define HTTP_IP_SIZE              46

enum http_outcome {
	HTTP_DONE,     /* an answer: status, headers, body (all of it, or the first cap bytes) */
	HTTP_NOT_SENT, /* failed before a byte of the request was written: repeating is safe */
	HTTP_UNKNOWN   /* failed after writing began: may have been processed */
};

/* Why the outcome is not HTTP_DONE; http_fail_name gives the stable word. */
enum http_fail {
	HTTP_FAIL_NONE,
	HTTP_FAIL_BLOCKED,  /* "blocked_address": port or every address refused by the policy */
	HTTP_FAIL_DNS,      /* "dns" */
	HTTP_FAIL_CONNECT,  /* "connect": refused, unreachable, connect timeout */
	HTTP_FAIL_TLS,      /* "tls": handshake or certificate */
	HTTP_FAIL_TIMEOUT,  /* "timeout": the overall deadline */
	HTTP_FAIL_RESET,    /* "reset": the connection died after writing began */
	HTTP_FAIL_RESPONSE, /* "bad_response": not HTTP, cut short, headers too large */
	HTTP_FAIL_INTERNAL  /* "internal" */
};

/* Only body and egress are borrowed, until done or cancel; the rest is copied. */
struct http_request {
	struct slice method;               /* "GET", "POST", ... */
	const struct url *url;             /* parsed; copied */
	const struct http_header *headers; /* copied; neither may hold CR, LF or NUL */
	unsigned header_count;
	struct slice body;           /* borrowed until done or cancel; p == NULL: no body */
	int64_t timeout_us;          /* one deadline for DNS, connect, TLS, headers and body; > 0 */
	size_t response_max;         /* bytes of body; > 0 */
	const struct egress *egress; /* instead of the client's; borrowed; NULL: the client's */
};

/* Valid during http_done_fn only. */
struct http_result {
	enum http_outcome outcome;
	enum http_fail fail;
	const char *detail; /* for the log; never NULL */
	unsigned status;    /* 0: no final status line came. May be set in HTTP_UNKNOWN, when
			     * the answer broke off later */
	bool is_cut;        /* the body was longer than response_max: its beginning is here and
			     * the connection was closed */
	struct slice body;
	struct slice header_lines; /* use http_result_header */
	int64_t elapsed_us;
	char remote_ip[HTTP_IP_SIZE]; /* "" when not connected */
};

/* A method that is a token, headers whose names are tokens and not ours to set (framing,
 * host) and whose values hold no control bytes, positive bounds. */
bool http_request_is_valid(const struct http_request *r);

/* Repeatable by definition of the method (RFC 9110 section 9.2.2). */
bool http_method_is_idempotent(struct slice method);

/* Value of the first header of that name (any case), trimmed; SLICE_NONE when absent. */
struct slice http_result_header(const struct http_result *r, struct slice name);

const char *http_fail_name(enum http_fail fail);

#endif
