/* private.h - what only the framework of the gateway shares: dispatch, authentication,
 * replies, metrics. Resource files include gateway.h alone.
 */
#ifndef GH_GATEWAY_PRIVATE_H
#define GH_GATEWAY_PRIVATE_H

#include "gateway.h"

#include "metrics/metrics.h"

struct daemon;

/* ---- gateway.c: the steps of daemon_def ---- */
enum gh_code gateway_start(struct daemon *d, struct gh_err *err);
void gateway_drain(struct daemon *d);
void gateway_stop(struct daemon *d);
void gateway_reload(struct daemon *d);

/* ---- modules.c ---- */
/* All modules, in the order of their start; *count of them. */
const struct gw_module *const *modules_all(unsigned *count);
/* Every route of every module, in that order, as the router wants it; ctx is the gw_route.
 * Returns how many. */
unsigned modules_routes(struct route out[GW_ROUTES_MAX]);

/* ---- http_metrics.c ---- */
/* Label values come from the route table, so the tables are built once, by main. */
struct http_metrics {
	char route_text[GW_ROUTES_MAX][96];
	const char *routes[GW_ROUTES_MAX + 1];
	const char *reasons[HTTP1_REASON_COUNT];
	struct metric_def defs[4];
};

/* Fill m, which must not move afterwards. */
void http_metrics_init(struct http_metrics *m);
/* One reply: route is the router's index, or router_count for requests without a route. */
void http_metrics_count(struct gateway *gw, unsigned route, unsigned status, int64_t us);
/* A metrics_collect_fn: gauges and refusals, from the servers; arg is the gateway. */
void http_metrics_collect(void *arg);
extern const unsigned http_metrics_def_count;

/* ---- dispatch.c ---- */
/* The hooks of http_server_opts; arg is the gateway. */
void dispatch_head(void *arg, struct http_req *http);
void dispatch_request(void *arg, struct http_req *http);
void dispatch_replied(void *arg, const struct http_req *http, unsigned status, size_t bytes);

/* ---- reply.c ---- */
#define GW_JSON_TYPE "application/json"
/* Answer past everything that may hold a reply back. */
void reply_now(struct gw_req *req, unsigned status, struct slice content_type, struct slice body);
/* The hook on_refuse: what the server itself refuses is answered in the same form. */
unsigned reply_refuse(void *arg, const struct http_req *http, const char *id_text,
		      const struct http1_reason_info *why, struct buf *body,
		      struct http_header headers[HTTP_REFUSE_HEADERS_MAX]);

/* ---- cors.c: which pages may read replies, from gateway.cors_origins ---- */
#define CORS_FIELDS_MAX 3
_Static_assert(CORS_FIELDS_MAX < HTTP_REFUSE_HEADERS_MAX, "a refusal has its type beside them");
/* The header fields of any reply to this request, whatever it will be. Returns how many: 0 when
 * nothing is configured, and for providers' webhooks. */
unsigned cors_fields(const struct gateway *gw, const struct http_req *http,
		     struct http_header out[CORS_FIELDS_MAX]);
/* Add what a page's preflight asks for, if this OPTIONS is one and its origin is allowed. methods:
 * those of the path, borrowed until the reply. */
void cors_preflight(struct gw_req *req, struct slice methods);

/* ---- trace.c ---- */
/* The traceparent of a request: the caller's trace when its header is good, else a new one;
 * always a span of our own and flags 00. */
void trace_start(const struct http1_head *head, char out[GW_TRACEPARENT_SIZE]);

/* ---- auth.c ---- */
/* Find out who asks and call done once when the token is good for the route; otherwise answer
 * (401, 403, 429, 503). Either may happen before it returns. */
void auth_check(struct gw_req *req, gw_handler_fn *done);
/* Before the body: is there a token of the right form at all? False: answered. */
bool auth_check_head(struct gw_req *req) GH_MUST_USE;

/* ---- budget.c: failures of an address, or of whom any other text names ---- */
struct budget;

/* max failures per window_us and address (IPv6: per /64). */
struct budget *budget_new(unsigned max, int64_t window_us);
void budget_free(struct budget *b); /* NULL is legal */
/* *retry_s (set when spent): seconds until the window ends, at least 1. */
bool budget_is_spent(const struct budget *b, const char *peer, int64_t *retry_s);
void budget_charge(struct budget *b, const char *peer);
/* Answer one more failure: code, or 429 (message: as in gw_error) once the budget is spent. */
void budget_refuse(struct budget *b, const char *peer, struct gw_req *req, enum gw_code code,
		   const char *spent_message);
/* Take back a charge of what turned out to be no failure. */
void budget_refund(struct budget *b, const char *peer);

#endif
