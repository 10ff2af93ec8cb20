/* waha_session.c - sessions and server endpoints (4, 7). A new session is WORKING
 * within CONNECT_MS, as if a person had scanned at once; one that was logged out waits
 * for POST /_sim/session.
 */
#include "waha.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/uuid.h"
#include "http/json.h"
#include "http/query.h"
#include "http/router.h"
#include "http/server.h"
#include "loop/loop.h"

#define CONNECT_MS 100
#define REPLY_MAX  (2 * 1024 * 1024)

/* ---- state ---- */

struct waha_session *
waha_session_find(struct waha *w, struct slice name)
{
	return name.n > 0 ? map_get(w->sessions, name) : NULL;
}

struct waha_session *
waha_session_working(struct waha *w, struct http_req *req, struct slice name)
{
	struct waha_session *s = waha_session_find(w, name);

	/* The original waits up to 15 s first; tests need no such patience. */
	if (s == NULL)
		waha_refuse_unknown(req, name.p != NULL ? name : S("undefined"));
	else if (s->status != SESSION_WORKING)
		waha_refuse_status(req, s, "WORKING");
	else
		return s;
	return NULL;
}

static void
status_post(struct waha_session *s)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, NULL, 4096);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, "name", slice_of(s->name));
	json_w_str(&w, "status", slice_of(waha_status_name(s->status)));
	json_w_open(&w, "statuses", '[');
	for (size_t i = 0; i < s->past_count; i++) {
		json_w_open(&w, NULL, '{');
		json_w_str(&w, "status", slice_of(waha_status_name(s->past[i].status)));
		json_w_i64(&w, "timestamp", s->past[i].at_ms);
		json_w_close(&w, '}');
	}
	json_w_close(&w, ']');
	json_w_null(&w, "data");
	json_w_close(&w, '}');
	(void)waha_post(s, "session.status", buf_slice(&b));
	buf_free(&b);
}

void
waha_session_set(struct waha_session *s, enum session_status status)
{
	if (s->past_count == SESSION_PAST) {
		memmove(&s->past[0], &s->past[1], sizeof(s->past[0]) * (SESSION_PAST - 1));
		s->past_count--;
	}
	s->status = status;
	s->past[s->past_count].status = status;
	s->past[s->past_count++].at_ms = clock_wall_us() / CLOCK_MS;
	loop_timer_cancel(s->timer);
	status_post(s);
}

static void
connected(void *arg)
{
	struct waha_session *s = arg;

	waha_session_set(s, s->is_broken     ? SESSION_FAILED
			    : s->is_unpaired ? SESSION_SCAN_QR_CODE
					     : SESSION_WORKING);
}

void
waha_session_start(struct waha_session *s)
{
	waha_session_set(s, SESSION_STARTING);
	loop_timer_set(s->timer, CONNECT_MS * CLOCK_MS);
}

static bool
name_is_valid(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return false;
	}
	return s.n <= SESSION_NAME_MAX;
}

static void
session_free(struct waha_session *s)
{
	waha_config_free(s);
	loop_timer_free(s->timer);
	gh_free(s);
}

enum gh_code
waha_session_new(struct waha *w, struct slice name, const struct json *config,
		 struct waha_session **out, struct gh_err *err)
{
	struct waha_session *s;
	enum gh_code rc;

	if (name.n == 0 || !name_is_valid(name))
		return gh_fail(err, GH_EINVAL, "name must match ^[a-zA-Z0-9_-]*$, at most %d",
			       SESSION_NAME_MAX);
	s = gh_alloc(sizeof(*s));
	s->w = w;
	memcpy(s->name, name.p, name.n);
	people_number(slice_of(s->name), s->number);
	s->timer = loop_timer_new(w->sim->loop, connected, s);
	rc = waha_config_set(s, config, err);
	if (rc != GH_OK) {
		session_free(s);
		return rc;
	}
	map_put(w->sessions, name, s);
	*out = s;
	return GH_OK;
}

void
waha_drop_sessions(struct waha *w)
{
	struct slice name;
	void *value;
	size_t it = 0;

	while (map_next(w->sessions, &it, &name, &value)) {
		map_del(w->sessions, name);
		session_free(value);
	}
	state_save(w->sim);
}

/* ---- answers ---- */

static void
session_write(const struct waha_session *s, struct json_w *w)
{
	char id[32];

	json_w_open(w, NULL, '{');
	json_w_str(w, "name", slice_of(s->name));
	json_w_str(w, "status", slice_of(waha_status_name(s->status)));
	json_w_raw(w, "config", s->config);
	if (s->status == SESSION_WORKING) {
		(void)snprintf(id, sizeof(id), "%s@c.us", s->number);
		json_w_open(w, "me", '{');
		json_w_str(w, "id", slice_of(id));
		json_w_str(w, "pushName", S("Sim"));
		json_w_close(w, '}');
	} else {
		json_w_null(w, "me");
	}
	json_w_null(w, "presence");
	json_w_str(w, "assignedWorker", S("waha"));
	if (s->w->engine != ENGINE_WEBJS) {
		json_w_open(w, "engine", '{');
		json_w_str(w, "engine", slice_of(waha_engine_name(s->w->engine)));
		json_w_close(w, '}');
	}
	json_w_close(w, '}');
}

static void
session_reply(const struct waha_session *s, struct http_req *req, unsigned status)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, req->a, REPLY_MAX);
	json_w_init(&w, &b);
	session_write(s, &w);
	sim_reply_buf(req, status, &b);
}

/* The session named in the path, for the call of this name in the log; answers 404 itself. */
static struct waha_session *
session_of(void *app, struct http_req *req, const struct route_match *m, const char *call)
{
	struct sim *sim = app;
	struct waha_session *s = waha_session_find(sim->waha, route_param(m, S("session")));

	if (s == NULL)
		waha_refuse(req, 404, "Session not found");
	else
		waha_log_call(s, req, call, NULL);
	return s;
}

/* ---- session endpoints ---- */

static void
sessions_list(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	struct slice name;
	struct query q;
	struct json_w w;
	struct buf b;
	void *value;
	size_t it = 0;
	bool is_all = query_parse(req->head->query, req->a, &q, NULL) == GH_OK &&
		      slice_eq_nocase(query_get(&q, S("all")), S("true"));

	buf_init(&b, req->a, SIM_LIST_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '[');
	while (map_next(sim->waha->sessions, &it, &name, &value)) {
		const struct waha_session *s = value;

		if (is_all || s->status != SESSION_STOPPED)
			session_write(s, &w);
	}
	json_w_close(&w, ']');
	sim_reply_buf(req, 200, &b);
}

static void
session_create(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	const struct json *body = sim_body_object(req), *name_v, *start;
	struct slice name;
	struct waha_session *s;
	struct gh_err err = {0};

	if (body == NULL)
		return;
	name_v = json_get(body, "name");
	start = json_get(body, "start");
	name = json_str(name_v);
	if (json_is_null(name_v))
		name = slice_of(arena_printf(req->a, "session_%.26s", req->id_text));
	if (name.p == NULL || !name_is_valid(name)) {
		waha_refuse_field(req, "name must match ^[a-zA-Z0-9_-]*$ and have at most 54 "
				       "characters");
		return;
	}
	if (start != NULL && json_type(start) != JSON_BOOL) {
		waha_refuse_field(req, "start must be a boolean value");
		return;
	}
	if (waha_session_find(sim->waha, name) != NULL) {
		waha_refuse(req, 422,
			    arena_printf(req->a,
					 "Session '%.*s' already exists. Use PUT to update it.",
					 S_FMT(name)));
		return;
	}
	if (waha_session_new(sim->waha, name, json_get(body, "config"), &s, &err) != GH_OK) {
		waha_refuse_field(req, arena_printf(req->a, "%s", err.text));
		return;
	}
	waha_log_call(s, req, "session.create", body);
	if (json_bool(start, true))
		waha_session_start(s);
	state_save(sim);
	session_reply(s, req, 201);
}

static void
session_get(void *app, struct http_req *req, const struct route_match *m)
{
	struct waha_session *s = session_of(app, req, m, "session.get");

	if (s != NULL)
		session_reply(s, req, 200);
}

/* A running session is stopped and started (4.2). */
static void
session_update(void *app, struct http_req *req, const struct route_match *m)
{
	struct waha_session *s = session_of(app, req, m, "session.update");
	const struct json *body = s != NULL ? sim_body_object(req) : NULL;
	struct gh_err err = {0};

	if (body == NULL)
		return;
	if (waha_config_set(s, json_get(body, "config"), &err) != GH_OK) {
		waha_refuse_field(req, arena_printf(req->a, "%s", err.text));
		return;
	}
	if (s->status != SESSION_STOPPED)
		waha_session_start(s);
	s->update_count++;
	state_save(s->w->sim);
	session_reply(s, req, 200);
}

static void
session_delete(void *app, struct http_req *req, const struct route_match *m)
{
	struct sim *sim = app;
	struct waha_session *s = waha_session_find(sim->waha, route_param(m, S("session")));

	if (s != NULL) {
		waha_log_call(s, req, "session.delete", NULL);
		waha_session_set(s, SESSION_STOPPED);
		map_del(sim->waha->sessions, slice_of(s->name));
		session_free(s);
		state_save(sim);
	}
	sim_reply(req, 200, SLICE_NONE);
}

static void
session_me(void *app, struct http_req *req, const struct route_match *m)
{
	struct waha_session *s = session_of(app, req, m, "session.me");

	if (s == NULL)
		return;
	if (s->status != SESSION_WORKING)
		sim_reply(req, 200, S("null"));
	else
		sim_reply(req, 200,
			  slice_of(arena_printf(req->a, "{\"id\":\"%s@c.us\",\"pushName\":\"Sim\"}",
						s->number)));
}

static void
session_start(void *app, struct http_req *req, const struct route_match *m)
{
	struct waha_session *s = session_of(app, req, m, "session.start");

	if (s == NULL)
		return;
	if (s->status != SESSION_WORKING && s->status != SESSION_STARTING)
		waha_session_start(s);
	session_reply(s, req, 201);
}

static void
session_restart(void *app, struct http_req *req, const struct route_match *m)
{
	struct waha_session *s = session_of(app, req, m, "session.restart");

	if (s == NULL)
		return;
	s->restart_count++;
	waha_session_start(s);
	session_reply(s, req, 201);
}

static void
session_stop(void *app, struct http_req *req, const struct route_match *m)
{
	struct waha_session *s = session_of(app, req, m, "session.stop");

	if (s == NULL)
		return;
	if (s->status != SESSION_STOPPED)
		waha_session_set(s, SESSION_STOPPED);
	session_reply(s, req, 201);
}

/* Unpairs; a running session comes back waiting for a scan. */
static void
session_logout(void *app, struct http_req *req, const struct route_match *m)
{
	struct waha_session *s = session_of(app, req, m, "session.logout");

	if (s == NULL)
		return;
	s->is_unpaired = true;
	if (s->status != SESSION_STOPPED)
		waha_session_set(s, SESSION_SCAN_QR_CODE);
	session_reply(s, req, 201);
}

/* (4.3) Base64 PNG or raw text; a picture of one pixel is as good as any. */
static void
session_qr(void *app, struct http_req *req, const struct route_match *m)
{
	struct sim *sim = app;
	struct waha_session *s = waha_session_find(sim->waha, route_param(m, S("session")));
	struct query q;
	bool is_raw;

	if (s == NULL) {
		waha_refuse_unknown(req, route_param(m, S("session")));
		return;
	}
	if (s->status != SESSION_SCAN_QR_CODE) {
		waha_refuse_status(req, s, "SCAN_QR_CODE");
		return;
	}
	waha_log_call(s, req, "session.qr", NULL);
	is_raw = query_parse(req->head->query, req->a, &q, NULL) == GH_OK &&
		 slice_eq(query_get(&q, S("format")), S("raw"));
	sim_reply(req, 200,
		  is_raw ? S("{\"value\":\"2@sim/one+two=three,four,five\"}")
			 : S("{\"mimetype\":\"image/png\",\"data\":\"" SIM_PNG "\"}"));
}

/* ---- server endpoints (7) ---- */

static void
server_ping(void *app GH_UNUSED, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	sim_reply(req, 200, S("{\"message\":\"pong\"}"));
}

static void
server_health(void *app GH_UNUSED, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	sim_reply(req, 200, S("{\"status\":\"ok\",\"info\":{},\"error\":{},\"details\":{}}"));
}

static void
server_version(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;

	sim_reply(req, 200,
		  slice_of(arena_printf(req->a,
					"{\"version\":\"2026.7.1\",\"engine\":\"%s\",\"tier\":"
					"\"CORE\",\"browser\":null,\"platform\":\"linux/x64\","
					"\"worker\":{\"id\":\"waha\"}}",
					waha_engine_name(sim->waha->engine))));
}

static void
server_status(void *app, struct http_req *req, const struct route_match *m GH_UNUSED)
{
	struct sim *sim = app;
	int64_t now_ms = clock_wall_us() / CLOCK_MS;

	sim_reply(req, 200,
		  slice_of(arena_printf(
			  req->a,
			  "{\"startTimestamp\":%lld,\"uptime\":%lld,\"worker\":{\"id\":\"waha\"}}",
			  (long long)sim->waha->start_ms,
			  (long long)(now_ms - sim->waha->start_ms))));
}

#define WAHA(m, p, f)                                                                              \
	{                                                                                          \
		.method = (m), .pattern = "/waha" p, .fn = (f)                                     \
	}

const struct route sim_waha_routes[] = {
	{.method = HTTP_GET, .pattern = "/waha/ping", .fn = server_ping, .flags = SIM_OPEN},
	WAHA(HTTP_GET, "/health", server_health),
	WAHA(HTTP_GET, "/api/server/version", server_version),
	WAHA(HTTP_GET, "/api/version", server_version),
	WAHA(HTTP_GET, "/api/server/status", server_status),
	WAHA(HTTP_GET, "/api/sessions", sessions_list),
	WAHA(HTTP_POST, "/api/sessions", session_create),
	WAHA(HTTP_GET, "/api/sessions/{session}", session_get),
	WAHA(HTTP_PUT, "/api/sessions/{session}", session_update),
	WAHA(HTTP_DELETE, "/api/sessions/{session}", session_delete),
	WAHA(HTTP_GET, "/api/sessions/{session}/me", session_me),
	WAHA(HTTP_POST, "/api/sessions/{session}/start", session_start),
	WAHA(HTTP_POST, "/api/sessions/{session}/stop", session_stop),
	WAHA(HTTP_POST, "/api/sessions/{session}/restart", session_restart),
	WAHA(HTTP_POST, "/api/sessions/{session}/logout", session_logout),
	WAHA(HTTP_GET, "/api/{session}/auth/qr", session_qr),
};
const unsigned sim_waha_route_count = GH_COUNT(sim_waha_routes);

/* ---- the server itself ---- */

enum gh_code
waha_set_engine(struct waha *w, struct slice engine)
{
	for (int i = ENGINE_GOWS; i <= ENGINE_WEBJS; i++)
		if (slice_eq(engine, slice_of(waha_engine_name((enum waha_engine)i)))) {
			w->engine = (enum waha_engine)i;
			return GH_OK;
		}
	return GH_EINVAL;
}

static void
all_sessions_move(struct waha *w, bool is_back, enum session_status status)
{
	struct slice name;
	void *value;
	size_t it = 0;

	while (map_next(w->sessions, &it, &name, &value)) {
		struct waha_session *s = value;
		bool was_working = s->status == SESSION_WORKING;

		if (was_working != is_back)
			waha_session_set(s, status);
	}
}

static void
outage_over(void *arg)
{
	all_sessions_move(arg, true, SESSION_WORKING);
}

void
waha_disconnect(struct waha *w, int64_t value, int64_t for_ms)
{
	bool was_out = loop_timer_is_set(w->outage);

	loop_timer_cancel(w->outage);
	if (value < 0) {
		if (was_out)
			outage_over(w);
		return;
	}
	all_sessions_move(w, false,
			  value <= SESSION_FAILED ? (enum session_status)value : SESSION_STOPPED);
	/* Without an end it lasts until it is called off: a timer far away marks it. */
	loop_timer_set(w->outage, (for_ms > 0 ? for_ms : INT64_C(86400000)) * CLOCK_MS);
}

struct waha *
waha_new(struct sim *sim)
{
	struct waha *w = gh_alloc(sizeof(*w));

	w->sim = sim;
	w->sessions = map_new();
	w->start_ms = clock_wall_us() / CLOCK_MS;
	w->outage = loop_timer_new(sim->loop, outage_over, w);
	return w;
}
