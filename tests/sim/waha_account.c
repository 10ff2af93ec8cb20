/* waha_account.c - what a session's owner does: pairing by code, profile (4.3, 18.6); and the
 * person with the phone, played by POST /_sim/session.
 */
#include "waha.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/json.h"
#include "http/server.h"

#define REPLY_MAX 8192

static struct waha_session *
session_named(void *app, const struct route_match *m, struct http_req *req)
{
	struct sim *sim = app;
	struct slice name = route_param(m, S("session"));
	struct waha_session *s = waha_session_find(sim->waha, name);

	if (s == NULL)
		waha_refuse_unknown(req, name);
	return s;
}

/* (4.3) Only while a code can be taken; the number is text. */
static void
request_code(void *app, struct http_req *req, const struct route_match *m)
{
	struct waha_session *s = session_named(app, m, req);
	const struct json *body = s != NULL ? sim_body_object(req) : NULL;
	struct slice phone = json_str(json_get(body, "phoneNumber"));

	if (body == NULL)
		return;
	if (s->status != SESSION_SCAN_QR_CODE) {
		waha_refuse_status(req, s, "SCAN_QR_CODE");
		return;
	}
	for (size_t i = 0; i < phone.n; i++)
		if (phone.p[i] < '0' || phone.p[i] > '9')
			phone = SLICE_NONE;
	if (phone.n == 0) {
		waha_refuse_field(req, "phoneNumber must be a string of digits");
		return;
	}
	waha_log_call(s, req, "session.code", body);
	sim_reply(req, 201, S("{\"code\":\"WXYZ-1234\"}"));
}

static void
profile_get(void *app, struct http_req *req, const struct route_match *m)
{
	struct sim *sim = app;
	struct waha_session *s = waha_session_working(sim->waha, req, route_param(m, S("session")));

	if (s == NULL)
		return;
	waha_log_call(s, req, "profile", NULL);
	sim_reply(req, 200,
		  slice_of(arena_printf(req->a,
					"{\"id\":\"%s@c.us\",\"name\":\"Sim\",\"picture\":"
					"\"https://pps.example.net/%s.jpg\"}",
					s->number, s->number)));
}

static void
about_set(void *app, struct http_req *req, const struct route_match *m)
{
	struct sim *sim = app;
	struct waha_session *s = waha_session_working(sim->waha, req, route_param(m, S("session")));
	const struct json *body = s != NULL ? sim_body_object(req) : NULL;

	if (body == NULL)
		return;
	if (slice_to_cstr(json_str(json_get(body, "status")), s->about, sizeof(s->about)) !=
		    GH_OK ||
	    json_type(json_get(body, "status")) != JSON_STRING) {
		waha_refuse_field(req, "status must be a string");
		return;
	}
	waha_log_call(s, req, "profile.status", body);
	sim_reply(req, 200, S("{\"success\":true}"));
}

/* ---- the person, and who watches ---- */

/* What the calls above left behind. */
static void
session_show(const struct waha_session *s, struct http_req *req)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, req->a, REPLY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, "status", slice_of(waha_status_name(s->status)));
	json_w_bool(&w, "is_paired", !s->is_unpaired);
	json_w_i64(&w, "restarts", s->restart_count);
	json_w_i64(&w, "updates", s->update_count);
	json_w_str(&w, "presence", slice_of(s->presence));
	json_w_str(&w, "about", slice_of(s->about));
	json_w_close(&w, '}');
	sim_reply_buf(req, 200, &b);
}

void
waha_session_ask(struct waha *w, struct http_req *req, struct slice session)
{
	const struct waha_session *s = waha_session_find(w, session);

	if (s == NULL)
		sim_reply_error(req, 404, "session: unknown");
	else
		session_show(s, req);
}

void
waha_session_steer(struct waha *w, struct http_req *req, const struct json *body)
{
	struct waha_session *s = waha_session_find(w, json_str(json_get(body, "session")));
	struct slice status = json_str(json_get(body, "status"));

	if (s == NULL) {
		sim_reply_error(req, 404, "session: unknown");
		return;
	}
	s->is_unpaired = !json_bool(json_get(body, "is_paired"), !s->is_unpaired);
	s->is_broken = json_bool(json_get(body, "is_broken"), s->is_broken);
	if (json_type(json_get(body, "locked_ms")) == JSON_INT)
		s->locked_until_us =
			clock_wall_us() + json_i64(json_get(body, "locked_ms"), 0) * CLOCK_MS;
	for (int i = SESSION_STOPPED; i <= SESSION_WORKING; i++)
		if (slice_eq(status, slice_of(waha_status_name((enum session_status)i))))
			waha_session_set(s, (enum session_status)i);
	session_show(s, req);
}

#define WAHA(m, p, f)                                                                              \
	{                                                                                          \
		.method = (m), .pattern = "/waha/api/{session}" p, .fn = (f)                       \
	}

const struct route sim_waha_account_routes[] = {
	WAHA(HTTP_POST, "/auth/request-code", request_code),
	WAHA(HTTP_GET, "/profile", profile_get),
	WAHA(HTTP_PUT, "/profile/status", about_set),
};
const unsigned sim_waha_account_route_count = GH_COUNT(sim_waha_account_routes);
