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

#include "base/err.h"
#include "http/request.h"

struct dns;
struct egress;
struct http_client;
struct http_call;
struct loop;

enum http_policy {
	HTTP_POLICY_TENANT,  /* https and egress-filtered, unless allow-listed */
	HTTP_POLICY_PROVIDER /* http and private addresses allowed */
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
 * Returns GH_EBUSY when in_flight_max requests are under way, GH_EINVAL for a request
 * that http_request_is_valid refuses; done is then not called. Everything else, a blocked address
 * included, is reported by done. */
enum gh_code http_client_send(struct http_client *c, const struct http_request *r,
			      http_done_fn *done, void *arg, struct http_call **out) GH_MUST_USE;

/* Give up a request: done is not called; the request may have been processed. */
void http_cancel(struct http_call *call);

/* Requests whose done is owed. */
unsigned http_client_in_flight(const struct http_client *c);

#endif
