/* session.c - calls about one session within a request; see session.h. */
#include "session.h"

#include "gateway.h"
#include "instances.h"
#include "provider_failed.h"
#include "uazapi_instance.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "model/event.h"
#include "model/instance_move.h"
#include "model/instance_state.h"
#include "model/wake.h"

/* What is left of a deadline is never less: the call was asked for. */
#define CALL_MIN_US CLOCK_SEC

/* ---- find ---- */

struct session *
session_new(struct gw_req *req)
{
	struct session *s = arena_alloc(req->a, sizeof(*s));

	s->req = req;
	s->deadline_us = clock_mono_us() + req->gw->conf->common.sending_deadline_us;
	req->user = s;
	return s;
}

static void
find_done(struct gw_req *req, const struct db_unit *u)
{
	struct session *s = req->user;

	if (instance_row_count(u, 0) == 0) {
		instances_gone(req);
		return;
	}
	instance_row_read(u, 0, 0, req->a, &s->row);
	s->has_row = true;
	if (s->wants_pairing)
		(void)instance_move_pairing_read(u, 1, req->a, &s->row);
	s->found(s);
}

void
session_find(struct session *s, int32_t id, session_found_fn *found)
{
	struct db_unit *u = db_unit_new();

	s->found = found;
	instance_get_add(u, s->req->who.company_id, id);
	if (s->wants_pairing)
		instance_move_pairing_add(u, s->req->who.company_id, id);
	gw_submit(s->req, s->req->gw->read, u, find_done, NULL);
}

void
session_own(struct session *s, session_found_fn *found)
{
	session_find(s, s->req->who.instance_id, found);
}

/* ---- call ---- */

static void
call_ended(void *arg, const struct provider_result *r, int64_t elapsed_us)
{
	struct session *s = arg;

	if (r->outcome != PROVIDER_OK)
		log_warn("provider.call_failed", LOG_INT("instance", s->row.id),
			 LOG_STR("code", r->code), LOG_STR("err", r->text),
			 LOG_INT("dur_ms", elapsed_us / CLOCK_MS));
	s->done(s, r);
}

void
session_call(struct session *s, struct provider_call *call, session_done_fn *done)
{
	const struct provider_address address = instances_address(&s->row);
	int64_t left_us = s->deadline_us - clock_mono_us();

	s->done = done;
	call->session = s->row.external_id;
	call->session_key = s->session_key;
	provider_client_call(s->req->gw->providers, &address, call,
			     left_us > CALL_MIN_US ? left_us : CALL_MIN_US, call_ended, s);
}

void
session_do(struct session *s, enum provider_op op, session_done_fn *done)
{
	struct provider_call call = {.op = op};

	session_call(s, &call, done);
}

/* ---- store ---- */

/* A state that this request brought about; nothing happens when a webhook was faster. */
static struct db_unit *
observed_unit(const struct session *s, struct slice status, struct slice reason, bool is_unpaired,
	      enum event_type type)
{
	struct db_unit *u = db_unit_new();
	const struct instance_observed o = {
		.instance_id = s->row.id,
		.updated_at_us = s->row.updated_at_us,
		.status = status,
		.reason = reason,
		.is_unpaired = is_unpaired,
		.event_type = type,
		.name = s->row.name,
		.session = s->row.external_id,
		.known_phone = s->row.phone_number,
	};

	instance_observed_add(u, &o);
	return u;
}

static void
lost_stored(struct gw_req *req, const struct db_unit *u GH_UNUSED)
{
	wake_send(req->gw->wake);
	gw_error_retry(req, GW_E_INSTANCE_NOT_CONNECTED,
		       "The provider lost the session; it is being made again", 5);
}

bool
session_refused(struct session *s, const struct provider_result *r)
{
	struct db_unit *u;

	if (r->outcome == PROVIDER_OK)
		return false;
	if (!s->has_row || !provider_client_is_lost(r)) {
		provider_failed(s->req, s->row.provider_type, s->row.engine, r);
		return true;
	}
	u = observed_unit(s, S("error"),
			  S("session_missing: the provider does not know the session"), false,
			  EVENT_INSTANCE_ERROR);
	gw_submit(s->req, s->req->gw->write, u, lost_stored, NULL);
	return true;
}

/* ---- disconnect ---- */

static void
disconnect_stored(struct gw_req *req, const struct db_unit *u GH_UNUSED)
{
	struct session *s = req->user;

	wake_send(req->gw->wake);
	s->found(s);
}

static void
stopped(struct session *s, const struct provider_result *r)
{
	struct db_unit *u;

	if (session_refused(s, r))
		return;
	if (!s->has_row) {
		s->found(s);
		return;
	}
	u = observed_unit(s, S("disconnected"), S("STOPPED"), true, EVENT_INSTANCE_DISCONNECTED);
	gw_submit(s->req, s->req->gw->write, u, disconnect_stored, NULL);
}

static void
logged_out(struct session *s, const struct provider_result *r)
{
	if (!session_refused(s, r))
		session_do(s, PROVIDER_OP_SESSION_STOP, stopped);
}

static void
left_down(struct gw_req *req, const struct db_unit *u GH_UNUSED)
{
	session_do(req->user, PROVIDER_OP_SESSION_LOGOUT, logged_out);
}

void
session_disconnect(struct session *s, session_found_fn *found)
{
	struct db_unit *u;

	s->found = found;
	if (!s->has_row) {
		session_do(s, PROVIDER_OP_SESSION_LOGOUT, logged_out);
		return;
	}
	u = db_unit_new();
	instance_leave_down_add(u, s->row.id);
	gw_submit(s->req, s->req->gw->write, u, left_down, NULL);
}

/* ---- answers ---- */

const char *
session_word(enum provider_session state)
{
	static const char *const words[] = {
		[PROVIDER_SESSION_UNKNOWN] = "unknown",
		[PROVIDER_SESSION_CONNECTED] = "connected",
		[PROVIDER_SESSION_CONNECTING] = "connecting",
		[PROVIDER_SESSION_QR] = "scan_qr_code",
		[PROVIDER_SESSION_DISCONNECTED] = "stopped",
		[PROVIDER_SESSION_FAILED] = "failed",
	};

	return words[state];
}

const struct gw_schema session_state_schema = {
	.name = "SessionState",
	.fields = GW_FIELDS(GW_FIELD("connected", BOOL), GW_FIELD("loggedIn", BOOL),
			    GW_FIELD("jid", STRING, .flags = GW_F_NULL),
			    GW_FIELD("qrcode", STRING, .text = "Data URL of a PNG; empty: none"),
			    GW_FIELD("paircode", STRING, .text = "Empty: none"),
			    GW_FIELD("status", STRING,
				     .words = GW_WORDS("stopped", "connecting", "scan_qr_code",
						       "connected", "failed", "unknown"))),
};

void
session_reply_state(struct session *s, const char *message, const struct session_state *st)
{
	struct json_w *w = gw_begin(s->req, message);
	bool is_connected = st->state == PROVIDER_SESSION_CONNECTED;

	json_w_open(w, GW_DATA, '{');
	json_w_bool(w, "connected", is_connected);
	json_w_bool(w, "loggedIn", is_connected);
	json_w_str(w, "jid", is_connected ? st->jid : SLICE_NONE);
	json_w_str(w, "qrcode", st->qrcode.p != NULL ? st->qrcode : S(""));
	json_w_str(w, "paircode", st->paircode.p != NULL ? st->paircode : S(""));
	json_w_str(w, "status", slice_of(session_word(st->state)));
	json_w_close(w, '}');
	uazapi_session_members(s, w, message, st);
	gw_send(s->req, 200);
}

struct slice
session_data_url(struct session *s, const struct provider_result *qr)
{
	return slice_of(arena_printf(s->req->a, "data:%.*s;base64,%.*s", S_FMT(qr->qr_type),
				     S_FMT(qr->qr)));
}
