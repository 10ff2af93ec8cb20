/* session.h - what instance routes and superadmin routes do with a session at its provider, one
 * call after another within a request.
 */
#ifndef GH_GATEWAY_SESSION_H
#define GH_GATEWAY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "model/instance.h"
#include "provider/provider.h"

struct gw_req;
struct gw_schema;
struct json_rules;
struct session;

/* result and its slices: valid during the call. */
typedef void session_done_fn(struct session *s, const struct provider_result *result);
typedef void session_found_fn(struct session *s);

/* A request's work on one session; lives in the request's arena. */
struct session {
	struct gw_req *req;
	bool has_row;       /* false: a session of the provider that is no instance of ours */
	bool wants_pairing; /* the session that is to be paired: the new one of a move, if any */
	struct instance_row row;  /* without has_row only what a call needs */
	struct slice session_key; /* without has_row; SLICE_NONE: sessions have none there */
	int64_t deadline_us;      /* of all calls together, monotonic */
	session_found_fn *found;
	session_done_fn *done;
	void *user; /* the handler's */
};

/* Begin a request's work; req->user is it from now on. */
struct session *session_new(struct gw_req *req);
/* Find the instance of the request's token, or by id of the request's company; else answered. */
void session_own(struct session *s, session_found_fn *found);
void session_find(struct session *s, int32_t id, session_found_fn *found);

/* Call the provider within what is left of the deadline; done is called once, maybe before this
 * returns. */
void session_call(struct session *s, struct provider_call *call, session_done_fn *done);
/* The same call without arguments. */
void session_do(struct session *s, enum provider_op op, session_done_fn *done);

/* result is no success: then the request was answered. A session that the provider lost is marked
 * for healthd to make again. */
bool session_refused(struct session *s, const struct provider_result *result) GH_MUST_USE;

/* Log out and stop, so that nobody has to scan what nobody asked for; then store it and call
 * found. */
void session_disconnect(struct session *s, session_found_fn *found);

/* ---- answers ---- */

/* "stopped", "connecting", "scan_qr_code", "connected", "failed", "unknown". */
const char *session_word(enum provider_session state);
/* {connected,loggedIn,jid,qrcode,paircode,status} */
struct session_state {
	enum provider_session state;
	struct slice jid;
	struct slice qrcode;   /* data URL */
	struct slice paircode; /* "WXYZ-1234" */
};
extern const struct gw_schema session_state_schema;
void session_reply_state(struct session *s, const char *message, const struct session_state *st);
/* "data:image/png;base64,..." of an answer to QR with want_image. */
struct slice session_data_url(struct session *s, const struct provider_result *qr);

/* instance_connect.c: POST /instance/connect */
void instance_connect(struct gw_req *req);
extern const struct json_rules instance_connect_rules;

#endif
