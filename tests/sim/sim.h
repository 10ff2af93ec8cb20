/* sim.h - growhub-sim: what its files share.
 *
 * One process plays the outside world of GrowHub: WAHA under /waha, company
 * receivers under /hook/{name}, files to send under /files/{name}, and /_sim to steer
 * and ask (HARNESS.md). Loop thread only. It keeps books (ledger, hooks) that tests judge by; what
 * it refuses, a real provider would refuse too. Its parts live as long as the process (main.c holds
 * them), so they have no destructors.
 */
#ifndef GH_SIM_H
#define GH_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "http/router.h"

struct faults;
struct files;
struct hooks;
struct http_req;
struct http_server;
struct json;
struct json_w;
struct ledger;
struct loop;
struct poster;
struct waha;

struct sim {
	struct loop *loop;
	struct http_server *server;
	struct router *router;
	struct ledger *ledger;
	struct faults *faults;
	struct files *files;
	struct hooks *hooks;
	struct poster *poster;
	struct waha *waha;
	bool is_silent; /* no webhook is posted to GrowHub (/_sim/webhooks) */
};

#define SIM_KEY "sim" /* API key and admin token of every provider played here */
/* Largest answer of a listing; it ends early then, and the caller asks on with since=. */
#define SIM_LIST_MAX ((size_t)64 * 1024 * 1024)
#define SIM_BODY_MAX ((size_t)50 * 1024 * 1024) /* waha.md section 1 */

/* Flags of a route. */
#define SIM_OPEN 1u /* no API key */

extern const struct route sim_waha_routes[], sim_waha_send_routes[], sim_waha_action_routes[],
	sim_waha_account_routes[], sim_hook_routes[], sim_file_routes[], sim_control_routes[];
extern const unsigned sim_waha_route_count, sim_waha_send_route_count, sim_waha_action_route_count,
	sim_waha_account_route_count, sim_hook_route_count, sim_file_route_count,
	sim_control_route_count;

/* ---- reply.c: answers, with the faults of their exchange applied ---- */

/* Start an exchange: attaches its state to req->user and draws the faults of scope
 * (SLICE_NONE: none). False when the fault already decided it: the handler must not run. */
bool sim_exchange_begin(struct sim *sim, struct http_req *req, struct slice scope);
/* More latency for this answer (a slow company endpoint). */
void sim_exchange_delay(struct http_req *req, int64_t delay_us);
/* The peer went away. */
void sim_exchange_cancel(struct http_req *req);

/* Answer with JSON. text lives in req->a or for ever; empty: no body. */
void sim_reply(struct http_req *req, unsigned status, struct slice text);
void sim_reply_buf(struct http_req *req, unsigned status, const struct buf *b);
/* {"error":"..."} of the control endpoints. */
void sim_reply_error(struct http_req *req, unsigned status, const char *text);
/* The body as a JSON object; answers 400 itself and returns NULL when it is none. */
const struct json *sim_body_object(struct http_req *req);

/* ---- wire.c: what no honest server does ---- */

/* Put bytes on the connection as they are. */
void wire_write(struct http_req *req, struct slice bytes);
/* End the exchange by closing the connection: after what was written, or at once with
 * RST. The handle is gone then. */
void wire_close(struct http_req *req, bool reset);

/* ---- faults.c ---- */

enum fault_kind {
	FAULT_LATENCY,      /* value: ms before the answer; the effect is immediate */
	FAULT_STATUS,       /* value: HTTP status, without effect */
	FAULT_HANG,         /* never answered, without effect; value: ms until close, 0: never */
	FAULT_RESET_BEFORE, /* connection reset, without effect */
	FAULT_RESET_AFTER,  /* connection reset instead of the answer, with effect */
	FAULT_SLOW_BODY,    /* value: ms between the bytes of the answer's body (50) */
	FAULT_GARBAGE,      /* the answer is no JSON; value 1: not even HTTP. With effect */
	FAULT_DUPLICATE_WEBHOOKS, /* value: how often each is posted (2) */
	FAULT_REORDER_WEBHOOKS,   /* value: ms, upper bound of a random delay (200) */
	FAULT_DISCONNECTED        /* sessions are 0 STOPPED, 1 STARTING, 2 SCAN_QR_CODE, 3 FAILED */
};
#define FAULT_KIND_COUNT 10

struct faults *faults_new(void);
/* Scope "waha", "uazapi", "hook:<name>", "file:<name>". rate 0 removes; for_ms 0: until reset.
 * GH_EINVAL for an unknown kind, GH_ELIMIT when too many are set. */
enum gh_code faults_set(struct faults *f, struct slice scope, struct slice kind, int64_t value,
			double rate, int64_t for_ms) GH_MUST_USE;
void faults_clear(struct faults *f);
/* Does it strike now? Throws the dice; *value (NULL allowed) is dflt when none was given. */
bool faults_strike(struct faults *f, struct slice scope, enum fault_kind kind, int64_t dflt,
		   int64_t *value);
void faults_write(const struct faults *f, struct json_w *w);

/* ---- files.c: a host of files ---- */

struct files *files_new(void);
void files_clear(struct files *f);
/* name: requests. */
void files_write_stats(const struct files *f, struct json_w *w);

/* ---- ledger.c: what providers received ---- */

#define LEDGER_KEEP ((size_t)262144) /* messages, newest; statistics count all */

struct ledger_message {
	uint64_t n;
	int64_t at_us;
	int ack;
	struct slice provider, session, id, chat, text;
	struct slice kind;   /* "text", "image", ... */
	struct slice detail; /* JSON object: type, size, SHA-256 of a file, place, ... */
};

struct ledger *ledger_new(void);
void ledger_reset(struct ledger *l);
/* A send call reached this session, whatever becomes of it. */
void ledger_request(struct ledger *l, struct slice session);
/* The provider took it. Copied. */
struct ledger_send {
	struct slice provider, session, id, chat, text, kind, detail;
	bool is_preset; /* id was chosen by the sender */
};
/* Valid until LEDGER_KEEP more. */
struct ledger_message *ledger_accept(struct ledger *l, const struct ledger_send *send);
/* NULL when not (or no longer) known. */
struct ledger_message *ledger_find(const struct ledger *l, struct slice session, struct slice id);
void ledger_write_stats(const struct ledger *l, struct json_w *w);
/* Array elements with n > since; SLICE_NONE filters nothing. */
void ledger_write_messages(const struct ledger *l, struct slice provider, struct slice session,
			   uint64_t since, struct json_w *w);

/* ---- idset.c: a set of 64-bit hashes, 8 bytes each ---- */

struct idset {
	uint64_t *slot;
	size_t size, count;
};
/* False when it was there already. A zeroed struct is an empty set. */
bool idset_add(struct idset *s, uint64_t hash);
void idset_free(struct idset *s); /* empty again */

/* ---- hooks.c: company receivers ---- */

struct hooks *hooks_new(void);
void hooks_reset(struct hooks *h);
/* body: {"secret": text or array of texts, "status", "delay_ms"}. GH_EINVAL with err. */
enum gh_code hooks_configure(struct hooks *h, struct slice name, const struct json *body,
			     struct gh_err *err) GH_MUST_USE;
void hooks_write_stats(const struct hooks *h, struct json_w *w);
void hooks_write_received(const struct hooks *h, struct slice name, uint64_t since,
			  struct json_w *w);

/* ---- post.c: webhooks to GrowHub ---- */

enum post_policy { POST_CONSTANT, POST_LINEAR, POST_EXPONENTIAL };

/* Where one session's webhook goes. Counted references: posts under way keep it. */
struct post_target;
struct post_header {
	struct slice name, value;
};
/* GH_EINVAL when url is none; err says why. Everything is copied. */
enum gh_code post_target_new(struct post_target **out, struct slice url, struct slice hmac_key,
			     enum post_policy policy, int64_t delay_s, int64_t attempts,
			     const struct post_header *headers, size_t header_count,
			     struct gh_err *err) GH_MUST_USE;
void post_target_release(struct post_target *t); /* NULL is legal */

struct poster *poster_new(struct sim *sim);
/* Post a copy of body, signed, with retries (waha.md section 9), out of order like WAHA. */
void poster_send(struct poster *p, struct post_target *t, struct slice body, int64_t event_ms);
void poster_write_stats(const struct poster *p, struct json_w *w);

/* ---- waha_session.c, waha_send.c ---- */

/* state_file: sessions survive a restart there (NULL: they do not). GH_EINVAL: unreadable. */
enum gh_code waha_new(struct waha **out, struct sim *sim, const char *state_file,
		      struct gh_err *err) GH_MUST_USE;
void waha_drop_sessions(struct waha *w);
/* GOWS, NOWEB, WEBJS. GH_EINVAL otherwise. */
enum gh_code waha_set_engine(struct waha *w, struct slice engine) GH_MUST_USE;
/* What was done about messages, people and groups, oldest first (waha_action.c): elements with n >
 * since. */
void waha_write_actions(struct waha *w, struct slice session, uint64_t since, struct json_w *out);
/* The fault "disconnected" began: every working session turns to the state of value for
 * for_ms (0: until the next call); value -1: back to WORKING. Said by webhook. */
void waha_disconnect(struct waha *w, int64_t value, int64_t for_ms);
/* GET /_sim/session?session=: status and what was set; answers req. */
void waha_session_ask(struct waha *w, struct http_req *req);
/* The phone or the engine acts: {"session","status","is_paired","is_broken"}. Answers req. */
void waha_session_steer(struct waha *w, struct http_req *req, const struct json *body);
/* Nest's body for a path nobody serves. */
void waha_reply_unknown_path(struct http_req *req);
void waha_reply_unauthorized(struct http_req *req);
/* The body WAHA would send with a status of its own trouble. */
struct slice waha_fault_body(struct http_req *req, unsigned status);

/* ---- waha_inbound.c ---- */

/* A person does something: {"session","from","text"|"kind"|"raw",...}. Answers req. */
void waha_inbound(struct waha *w, struct http_req *req, const struct json *body);

#endif
