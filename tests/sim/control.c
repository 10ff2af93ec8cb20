/* control.c - the paths under /_sim: how tests steer the simulator and ask what it saw
 * (HARNESS.md). */
#include "sim.h"

#include "base/clock.h"
#include "http/json.h"
#include "http/query.h"
#include "http/router.h"
#include "http/server.h"

/* A listing ends at SIM_LIST_MAX; one more element always fits. */
#define ANSWER_MAX (SIM_LIST_MAX + SIM_BODY_MAX * 2)

static void
reply_ok(struct http_req *req)
{
	sim_reply(req, 200, S("{\"ok\":true}"));
}

static void
control_health(void *app GH_UNUSED, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	reply_ok(req);
}

static void
control_stats(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	struct json_w w;
	struct buf b;

	buf_init(&b, req->a, ANSWER_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_open(&w, "providers", '{');
	json_w_open(&w, "waha", '{');
	ledger_write_stats(sim->ledger, S("waha"), &w);
	json_w_close(&w, '}');
	json_w_open(&w, "uazapi", '{');
	ledger_write_stats(sim->ledger, S("uazapi"), &w);
	json_w_close(&w, '}');
	json_w_close(&w, '}');
	json_w_open(&w, "hooks", '{');
	hooks_write_stats(sim->hooks, &w);
	json_w_close(&w, '}');
	json_w_open(&w, "files", '{');
	files_write_stats(sim->files, &w);
	json_w_close(&w, '}');
	json_w_open(&w, "webhooks", '{');
	poster_write_stats(sim->poster, &w);
	json_w_close(&w, '}');
	json_w_close(&w, '}');
	sim_reply_buf(req, 200, &b);
}

/* ---- listings ---- */

/* since=N; answers 400 itself. */
static bool
query_read(struct http_req *req, struct query *q, uint64_t *since)
{
	struct slice text;

	*since = 0;
	if (query_parse(req->head->query, req->a, q, NULL) != GH_OK) {
		sim_reply_error(req, 400, "bad query string");
		return false;
	}
	text = query_get(q, S("since"));
	if (text.p != NULL && parse_u64(text, 0, INT64_MAX, since) != GH_OK) {
		sim_reply_error(req, 400, "since: must be a number");
		return false;
	}
	return true;
}

static void
control_messages(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	struct query q;
	struct json_w w;
	struct buf b;
	uint64_t since;

	if (!query_read(req, &q, &since))
		return;
	buf_init(&b, req->a, ANSWER_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '[');
	ledger_write_messages(sim->ledger, query_get(&q, S("provider")),
			      query_get(&q, S("session")), since, &w);
	json_w_close(&w, ']');
	sim_reply_buf(req, 200, &b);
}

static void
control_actions(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	struct query q;
	struct json_w w;
	struct buf b;
	uint64_t since;

	if (!query_read(req, &q, &since))
		return;
	buf_init(&b, req->a, ANSWER_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '[');
	calls_write(sim->calls, query_get(&q, S("provider")), query_get(&q, S("session")), since,
		    &w);
	json_w_close(&w, ']');
	sim_reply_buf(req, 200, &b);
}

static void
control_received(void *app, struct http_req *req, const struct route_match *m)
{
	struct sim *sim = app;
	struct query q;
	struct json_w w;
	struct buf b;
	uint64_t since;

	if (!query_read(req, &q, &since))
		return;
	buf_init(&b, req->a, ANSWER_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '[');
	hooks_write_received(sim->hooks, route_param(m, S("name")), since, &w);
	json_w_close(&w, ']');
	sim_reply_buf(req, 200, &b);
}

/* Only UAZAPI gives up so early that a test meets it. */
static void
control_given_up(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	const struct sim *sim = app;
	struct json_w w;
	struct buf b;

	buf_init(&b, req->a, ANSWER_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '[');
	uazapi_given_up_write(sim->uazapi, &w);
	json_w_close(&w, ']');
	sim_reply_buf(req, 200, &b);
}

/* ---- steering ---- */

static void
control_hook(void *app, struct http_req *req, const struct route_match *m)
{
	struct sim *sim = app;
	const struct json *body = sim_body_object(req);
	struct gh_err err = {0};

	if (body == NULL)
		return;
	if (hooks_configure(sim->hooks, route_param(m, S("name")), body, &err) != GH_OK)
		sim_reply_error(req, 422, err.text);
	else
		reply_ok(req);
}

static bool
scope_is_valid(struct slice scope)
{
	return slice_eq(scope, S("waha")) || slice_eq(scope, S("uazapi")) ||
	       (slice_starts(scope, S("hook:")) && scope.n > sizeof("hook:") - 1) ||
	       (slice_starts(scope, S("file:")) && scope.n > sizeof("file:") - 1);
}

static void
disconnect(struct sim *sim, struct slice scope, int64_t value, int64_t for_ms)
{
	if (slice_eq(scope, S("waha")))
		waha_disconnect(sim->waha, value, for_ms);
	else if (slice_eq(scope, S("uazapi")))
		uazapi_disconnect(sim->uazapi, value, for_ms);
}

static void
control_faults(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	const struct json *body = sim_body_object(req);
	struct slice scope, kind;
	int64_t value, for_ms;
	double rate;
	enum gh_code rc;

	if (body == NULL)
		return;
	scope = json_str(json_get(body, "scope"));
	kind = json_str(json_get(body, "kind"));
	value = json_i64(json_get(body, "value"), -1);
	rate = json_double(json_get(body, "rate"), 1);
	for_ms = json_i64(json_get(body, "for_ms"), 0);
	if (!scope_is_valid(scope)) {
		sim_reply_error(req, 422,
				"scope: must be waha, uazapi, hook:<name> or file:<name>");
		return;
	}
	if (!(rate >= 0 && rate <= 1) || for_ms < 0) {
		sim_reply_error(req, 422, "rate: must be 0-1; for_ms: not negative");
		return;
	}
	rc = faults_set(sim->faults, scope, kind, value, rate, for_ms);
	if (rc != GH_OK) {
		sim_reply_error(req, 422, rc == GH_ELIMIT ? "too many faults" : "kind: unknown");
		return;
	}
	/* A state rather than a chance per request: sessions change now and say so. */
	if (slice_eq(kind, S("disconnected")))
		disconnect(sim, scope, !(rate > 0) ? -1 : value < 0 ? 0 : value, for_ms);
	reply_ok(req);
}

static void
control_faults_list(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	struct json_w w;
	struct buf b;

	buf_init(&b, req->a, ANSWER_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '[');
	faults_write(sim->faults, &w);
	json_w_close(&w, ']');
	sim_reply_buf(req, 200, &b);
}

/* Without a name it is WAHA. */
static bool
is_uazapi(struct slice provider)
{
	return slice_eq(provider, S("uazapi"));
}

static void
control_inbound(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	const struct json *body = sim_body_object(req);

	if (body == NULL)
		return;
	if (is_uazapi(json_str(json_get(body, "provider"))))
		uazapi_inbound(sim->uazapi, req, body);
	else
		waha_inbound(sim->waha, req, body);
}

static void
control_session_ask(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	struct query q;
	uint64_t since;

	if (!query_read(req, &q, &since))
		return;
	if (is_uazapi(query_get(&q, S("provider"))))
		uazapi_session_ask(sim->uazapi, req, query_get(&q, S("session")));
	else
		waha_session_ask(sim->waha, req, query_get(&q, S("session")));
}

static void
control_session(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	const struct json *body = sim_body_object(req);

	if (body == NULL)
		return;
	if (is_uazapi(json_str(json_get(body, "provider"))))
		uazapi_session_steer(sim->uazapi, req, body);
	else
		waha_session_steer(sim->waha, req, body);
}

static void
control_engine(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	const struct json *body = sim_body_object(req);

	if (body == NULL)
		return;
	if (waha_set_engine(sim->waha, json_str(json_get(body, "engine"))) != GH_OK)
		sim_reply_error(req, 422, "engine: must be GOWS, NOWEB or WEBJS");
	else
		reply_ok(req);
}

static void
control_uazapi(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	const struct json *body = sim_body_object(req);

	if (body != NULL)
		uazapi_options_set(sim->uazapi, req, body);
}

/* {"enabled":false}: events of sessions are posted to nobody, sends get no receipts. */
static void
control_webhooks(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	const struct json *body = sim_body_object(req);

	if (body == NULL)
		return;
	if (json_type(json_get(body, "enabled")) != JSON_BOOL) {
		sim_reply_error(req, 422, "enabled: must be true or false");
		return;
	}
	sim->is_silent = !json_bool(json_get(body, "enabled"), true);
	reply_ok(req);
}

/* Books, hooks and faults are emptied; sessions stay, as a provider's memory does,
 * unless {"sessions":true} asks for a new server. */
static void
control_reset(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	const struct json *body = NULL;

	if (req->body.n > 0) {
		body = sim_body_object(req);
		if (body == NULL)
			return;
	}
	faults_clear(sim->faults);
	sim->is_silent = false;
	waha_disconnect(sim->waha, -1, 0);
	if (json_bool(json_get(body, "sessions"), false))
		waha_drop_sessions(sim->waha);
	uazapi_reset(sim->uazapi, json_bool(json_get(body, "sessions"), false));
	ledger_reset(sim->ledger);
	hooks_reset(sim->hooks);
	files_clear(sim->files);
	if (waha_set_engine(sim->waha, S("GOWS")) != GH_OK)
		gh_panic("sim: the default engine is unknown");
	reply_ok(req);
}

#define CONTROL(m, p, f)                                                                           \
	{                                                                                          \
		.method = (m), .pattern = "/_sim/" p, .fn = (f), .flags = SIM_OPEN                 \
	}

const struct route sim_control_routes[] = {
	CONTROL(HTTP_GET, "health", control_health),
	CONTROL(HTTP_GET, "stats", control_stats),
	CONTROL(HTTP_GET, "messages", control_messages),
	CONTROL(HTTP_GET, "actions", control_actions),
	CONTROL(HTTP_GET, "received/{name}", control_received),
	CONTROL(HTTP_GET, "given_up", control_given_up),
	CONTROL(HTTP_POST, "hooks/{name}", control_hook),
	CONTROL(HTTP_GET, "faults", control_faults_list),
	CONTROL(HTTP_POST, "faults", control_faults),
	CONTROL(HTTP_POST, "inbound", control_inbound),
	CONTROL(HTTP_GET, "session", control_session_ask),
	CONTROL(HTTP_POST, "session", control_session),
	CONTROL(HTTP_POST, "engine", control_engine),
	CONTROL(HTTP_POST, "uazapi", control_uazapi),
	CONTROL(HTTP_POST, "webhooks", control_webhooks),
	CONTROL(HTTP_POST, "reset", control_reset),
};
const unsigned sim_control_route_count = GH_COUNT(sim_control_routes);
