/* client.h - outgoing HTTP/1.1 requests: libcurl's multi interface on the loop.
 *
 * One http_client is one connection pool with one policy; tenant traffic and
 * provider traffic never share a pool, because a reused connection skips the
 * check of the address (it is checked again before every request all the same).
 *
 * What it guarantees
 * - A request other than GET, HEAD, OPTIONS, PUT or DELETE is written to the
 *   network at most once. libcurl repeats any request by itself when a reused
 *   connection dies before the first byte of the answer (up to 5 times, no
 *   option against it, see curl pull request 18417); the pre-request hook
 *   refuses the second writing and the result is HTTP_UNKNOWN.
 * - HTTP_NOT_SENT only when not one byte of the request was handed to a socket.
 * - Names are resolved by loop/dns.h and pinned; no redirect, proxy, cookie,
 *   content coding or authentication is followed; TLS is always verified.
 *
 * Threading: loop thread only.
 */
#ifndef GH_HTTP_CLIENT_H
#define GH_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "http/url.h"

struct dns;
struct egress;
struct http_client;
struct http_call;
struct loop;

#define HTTP_RESPONSE_HEADERS_MAX 65536 /* bytes of all header lines of one answer */
#define HTTP_IP_SIZE              46

enum http_policy {
	HTTP_POLICY_TENANT,  /* https and egress-filtered, unless allow-listed */
	HTTP_POLICY_PROVIDER /* http and private addresses allowed */
};

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

struct http_client_config {
	enum http_policy policy;
	const struct egress *egress; /* tenant: required; borrowed for the client's life */
	unsigned in_flight_max;      /* requests; also the connections kept. 0: 1024 */
	int64_t connect_timeout_us;  /* TCP and TLS together. 0: 10 s */
	int64_t idle_max_us;         /* connections idle for longer are not reused. 0: 30 s */
	const char *user_agent;      /* NULL: none; copied */
	const char *ca_file;         /* PEM bundle; NULL: the system's; copied */
};

struct http_header {
	struct slice name, value;
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

typedef void http_done_fn(void *arg, const struct http_result *r);

/* l and dns are borrowed for the client's life. */
struct http_client *http_client_new(struct loop *l, struct dns *dns,
				    const struct http_client_config *config);
/* Requests in flight are given up without their done. Not legal inside http_done_fn.
 * NULL is legal. */
void http_client_free(struct http_client *c);

/* Start a request.
 *
 * done  called once, from the loop, never before this returns; may start requests
 * out   the handle for http_cancel (NULL: not wanted); valid until done is called
 * Returns GH_EBUSY when in_flight_max requests are under way or the client drains,
 * GH_EINVAL for a method, header or bound that breaks the rules above; done is then not
 * called. Everything else, a blocked address included, is reported by done. */
enum gh_code http_client_send(struct http_client *c, const struct http_request *r,
			      http_done_fn *done, void *arg, struct http_call **out) GH_MUST_USE;

/* Give up a request: done is not called; the request may have been processed. */
void http_cancel(struct http_call *call);

/* Refuse new requests; idle is called once, from the loop, when none is in flight. */
void http_client_drain(struct http_client *c, void (*idle)(void *arg), void *arg);

unsigned http_client_in_flight(const struct http_client *c);

/* Value of the first header of that name (any case), trimmed; SLICE_NONE when absent. */
struct slice http_result_header(const struct http_result *r, struct slice name);

const char *http_fail_name(enum http_fail fail);

#endif
