/* dispatch.c - the checks every request passes, in the order of contracts/growhub-api.md
 * section 1: 404 path, 405 method, 413 declared length, 401 token, 403 kind and state,
 * 415 media type, 400 syntax; then the handler.
 *
 * What can be judged from the header section is judged before the body is read: a stranger
 * makes the gateway hold no body, and Expect: 100-continue is answered behind the token.
 */
#include "keyed.h"
#include "private.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"

#define SLOW_LOG_US CLOCK_SEC
/* A body that took longer is taken only if its token is still good. */
#define ADMITTED_US (4 * CLOCK_SEC)

static const struct query no_query;

/* ---- before the body ---- */

static struct gw_req *
req_new(struct gateway *gw, struct http_req *http)
{
	struct gw_req *req = arena_alloc(http->a, sizeof(*req));

	req->gw = gw;
	req->http = http;
	req->a = http->a;
	req->query = &no_query;
	req->route_index = router_count(gw->router);
	req->header_count = cors_fields(gw, http, req->headers);
	http->user = req;
	return req;
}

/* Find the route. False: answered. */
static bool
find_route(struct gw_req *req)
{
	const struct http1_head *head = req->http->head;
	enum route_result result =
		router_match(req->gw->router, head->method, head->path, req->a, &req->match);
	struct slice allow;

	if (result == ROUTE_FOUND) {
		req->route = req->match.route->ctx;
		req->route_index = req->match.index;
		return true;
	}
	if (result == ROUTE_NOT_FOUND || result == ROUTE_BAD_PATH) {
		gw_error(req, GW_E_NOT_FOUND, "No such path");
		return false;
	}
	allow = slice_of(route_allow_text(req->match.allow, arena_alloc(req->a, ROUTE_ALLOW_SIZE)));
	gw_header(req, S("Allow"), allow);
	if (result != ROUTE_OPTIONS) {
		gw_error(req, GW_E_METHOD_NOT_ALLOWED, NULL);
		return false;
	}
	cors_preflight(req, allow);
	http_reply(req->http, 204, req->headers, req->header_count, SLICE_NONE);
	return false;
}

void
gw_admit(struct gw_req *req)
{
	req->is_admitted = true;
	if (!req->is_held)
		return;
	req->is_held = false;
	http_resume(req->http);
}

/* Ask for the token, or for what stands for it. True: the answer comes later. */
static bool
is_asked(struct gw_req *req)
{
	if (req->route->kind == GW_ANYONE && req->route->admit == NULL)
		gw_admit(req);
	else if (req->route->kind == GW_ANYONE)
		req->route->admit(req);
	else
		auth_check(req, gw_admit);
	return !req->is_admitted && !req->is_answered;
}

void
dispatch_head(void *arg, struct http_req *http)
{
	const struct http1_head *head = http->head;
	struct gw_req *req = req_new(arg, http);

	if (!find_route(req))
		return;
	if (req->route->body_max > 0)
		http->body_max = req->route->body_max;
	if (head->has_length && head->content_length > http->body_max) {
		gw_error(req, GW_E_CONTENT_TOO_LARGE,
			 arena_printf(req->a, "The body may have %zu bytes at most",
				      http->body_max));
		return;
	}
	if (!auth_check_head(req))
		return;
	trace_start(head, req->traceparent);
	if (is_asked(req)) {
		req->is_held = true;
		http_hold(http);
	}
}

/* ---- behind it ---- */

/* False: answered 415. */
static bool
check_media_type(struct gw_req *req)
{
	struct slice coding = http_req_header(req->http, S("Content-Encoding"));
	struct slice params, type;

	if (coding.p != NULL && !slice_eq_nocase(coding, S("identity"))) {
		gw_error(req, GW_E_UNSUPPORTED_MEDIA_TYPE, "Compressed bodies are not accepted");
		return false;
	}
	if ((req->route->flags & GW_RAW) != 0)
		return true;
	type = slice_cut(http_req_header(req->http, S("Content-Type")), ';', &params);
	if (slice_eq_nocase(slice_trim(type), S("application/json")))
		return true;
	gw_error(req, GW_E_UNSUPPORTED_MEDIA_TYPE, NULL);
	return false;
}

/* False: answered 400 or 422. */
static bool
parse_body(struct gw_req *req)
{
	struct slice body = req->http->body;
	struct gh_err err = {0};
	const char *text;

	if (json_parse(body, req->a, &req->body, NULL, &err) != GH_OK) {
		text = arena_printf(req->a, "Invalid JSON: %s", err.text);
		gw_field_error(req, "body", text);
		gw_error(req, GW_E_INVALID_JSON, text);
		return false;
	}
	if (json_type(req->body) != JSON_OBJECT) {
		gw_field_error(req, "body", "must be an object");
		gw_error(req, GW_E_VALIDATION_FAILED, "The body must be a JSON object");
		return false;
	}
	return true;
}

/* False: answered. */
static bool
check_body(struct gw_req *req)
{
	unsigned flags = req->route->flags;
	size_t n = req->http->body.n;

	if ((flags & (GW_JSON | GW_JSON_OPTIONAL | GW_RAW)) == 0)
		return true;
	if (n == 0 && (flags & GW_JSON_OPTIONAL) != 0)
		return true;
	if (n > 0 && !check_media_type(req))
		return false;
	return (flags & GW_RAW) != 0 || parse_body(req);
}

/* False: answered 400. */
static bool
check_query(struct gw_req *req)
{
	struct slice raw = req->http->head->query;
	struct gh_err err = {0};
	struct query *query;

	if (raw.n == 0)
		return true;
	query = arena_alloc(req->a, sizeof(*query));
	req->query = query;
	if (query_parse(raw, req->a, query, &err) == GH_OK)
		return true;
	gw_error(req, GW_E_INVALID_QUERY, err.text);
	return false;
}

static void
authenticated(struct gw_req *req)
{
	if (check_body(req) && check_query(req))
		keyed_run(req);
}

void
dispatch_request(void *arg, struct http_req *http)
{
	struct gw_req *req = http->user;

	(void)arg;
	if (clock_mono_us() - http->start_us > ADMITTED_US)
		auth_check(req, authenticated);
	else
		authenticated(req);
}

/* ---- afterwards ---- */

void
dispatch_replied(void *arg, const struct http_req *http, unsigned status, size_t bytes)
{
	struct gateway *gw = arg;
	const struct gw_req *req = http->user;
	enum log_level level;
	int64_t us;

	/* Refused before there was a header section to look at. */
	if (req == NULL) {
		http_metrics_count(gw, router_count(gw->router), status, 0);
		return;
	}
	us = clock_mono_us() - http->start_us;
	level = status >= 500 || us > SLOW_LOG_US ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG;
	http_metrics_count(gw, req->route_index, status, us);
	LOG_AT(level, "http.replied", LOG_STR("request", http->id_text),
	       LOG_STR("method", http_method_name(http->head->method)),
	       LOG_STR("route", req->route != NULL ? req->route->pattern : ""),
	       LOG_INT("status", status), LOG_INT("bytes", bytes), LOG_INT("dur_ms", us / CLOCK_MS),
	       LOG_INT("company", req->who.company_id));
}
