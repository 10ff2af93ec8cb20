/* sim.h - growhub-sim: what its files share.
 *
 * One process plays the outside world of GrowHub: WAHA under /waha, UAZAPI under /uazapi, company
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

struct arena;
struct calls;
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
struct uazapi;
struct waha;

struct sim {
	struct loop *loop;
	struct http_server *server;
	struct router *router;
	struct ledger *ledger;
	struct calls *calls;
	struct faults *faults;
	struct files *files;
	struct hooks *hooks;
	struct poster *poster;
	struct waha *waha;
	struct uazapi *uazapi;
	const char *state_file; /* NULL: none */
	bool is_silent;         /* no webhook is posted to GrowHub (/_sim/webhooks) */
};

/* A picture of one pixel. */
#define SIM_PNG                                                                                    \
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"     \
	"RU5ErkJggg=="

#define SIM_KEY "sim" /* API key and admin token of every provider played here */
/* Largest answer of a listing; it ends early then, and the caller asks on with since=. */
#define SIM_LIST_MAX ((size_t)64 * 1024 * 1024)
#define SIM_BODY_MAX ((size_t)50 * 1024 * 1024) /* waha.md section 1 */

/* Flags of a route. */
#define SIM_OPEN 1u /* no API key */

extern const struct route sim_waha_routes[], sim_waha_send_routes[], sim_waha_action_routes[],
	sim_waha_account_routes[], sim_uazapi_routes[], sim_uazapi_send_routes[],
	sim_uazapi_action_routes[], sim_uazapi_account_routes[], sim_uazapi_chat_routes[],
	sim_uazapi_group_routes[], sim_hook_routes[], sim_file_routes[], sim_control_routes[];
extern const unsigned sim_waha_route_count, sim_waha_send_route_count, sim_waha_action_route_count,
	sim_waha_account_route_count, sim_uazapi_route_count, sim_uazapi_send_route_count,
	sim_uazapi_action_route_count, sim_uazapi_account_route_count, sim_uazapi_chat_route_count,
	sim_uazapi_group_route_count, sim_hook_route_count, sim_file_route_count,
	sim_control_route_count;

/* ---- reply.c: answers, with the faults of their exchange applied ---- */

/* Start an exchange: attaches its state to req->user and draws the faults of scope
 * (SLICE_NONE: none). False when the fault already decided it: the handler must not run. */
bool sim_exchange_begin(struct sim *sim, struct http_req *req, struct slice scope);
/* More latency for this answer (a slow company endpoint). */
void sim_exchange_delay(struct http_req *req, int64_t delay_us);
/* One more field of the answer; both live in req->a or for ever. */
void sim_exchange_header(struct http_req *req, struct slice name, struct slice value);
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
void ledger_request(struct ledger *l, struct slice provider, struct slice session);
/* The provider took it. Copied. */
struct ledger_send {
	struct slice provider, session, id, chat, text, kind, detail;
	struct slice identity; /* what the sender calls it: one message has one; SLICE_NONE */
};
/* Valid until LEDGER_KEEP more. */
struct ledger_message *ledger_accept(struct ledger *l, const struct ledger_send *send);
/* NULL when not (or no longer) known. */
struct ledger_message *ledger_find(struct ledger *l, struct slice provider, struct slice session,
				   struct slice id);
/* Whether one of the messages kept went to that chat. */
bool ledger_has_chat(const struct ledger *l, struct slice provider, struct slice session,
		     struct slice chat);
void ledger_write_stats(const struct ledger *l, struct slice provider, struct json_w *w);
/* Array elements with n > since; SLICE_NONE filters nothing. */
void ledger_write_messages(const struct ledger *l, struct slice provider, struct slice session,
			   uint64_t since, struct json_w *w);

/* ---- calls.c: what providers were asked besides sends ---- */

struct calls *calls_new(void);
/* Keep a call under this name; body NULL: none. Copied. The oldest go when there are many. */
void calls_log(struct calls *c, struct slice provider, struct slice session, struct http_req *req,
	       const char *name, const struct json *body);
/* Array elements with n > since, oldest first; SLICE_NONE filters nothing. */
void calls_write(const struct calls *c, struct slice provider, struct slice session, uint64_t since,
		 struct json_w *w);

/* ---- people.c: WhatsApp itself ---- */

#define PEOPLE_NUMBER_SIZE 24
/* The number of the phone that pairs with this session or instance: a Brazilian mobile that
 * depends on the name alone, so the same after a restart and at another provider. */
void people_number(struct slice name, char dst[PEOPLE_NUMBER_SIZE]);
/* A bare message id as a linked device makes it. */
struct slice people_message_id(struct arena *a);
/* Who has a number, told by its area code so that tests need not prepare anything: 5500 nobody,
 * 5599 somebody without the ninth digit, 5598 only with it, 5597 the check fails, 5596 the check
 * finds somebody whom sends do not reach. *real: the digits WhatsApp knows. */
enum people_answer { PEOPLE_FOUND, PEOPLE_NOBODY, PEOPLE_FAILS, PEOPLE_UNREACHABLE };
enum people_answer people_check(struct slice user, struct arena *a, struct slice *real);

/* ---- body.c: fields of a call ---- */

enum field_type { FIELD_STRING, FIELD_NUMBER, FIELD_BOOL, FIELD_OBJECT, FIELD_ARRAY };
struct field {
	const char *name; /* NULL ends a list */
	enum field_type type;
	bool is_required;
};
bool field_fits(const struct json *v, enum field_type type);
/* The first of at most max fields that is required and absent (or null), or of another type. */
const struct field *fields_first_wrong(const struct field *fields, size_t max,
				       const struct json *body);
/* Write size and SHA-256 of base64 into detail; *bytes is what it says. False: it is none. */
bool file_data_note(struct slice text, struct arena *a, struct json_w *detail, struct slice *bytes);

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
/* A post that was given up: how it ended, after so many calls. body as it was posted. */
struct post_failure {
	struct slice url, label, body;
	unsigned status; /* 0: no answer */
	int64_t attempts;
};
typedef void post_failed_fn(void *arg, const struct post_failure *f);
struct post_options {
	struct slice url, hmac_key;
	struct slice scope; /* whose webhook faults strike: "waha", "uazapi" */
	struct slice label; /* for failed */
	enum post_policy policy;
	int64_t delay_ms, attempts; /* between calls; more calls after the first */
	const struct post_header *headers;
	size_t header_count;
	bool is_plain;          /* no X-Webhook-* fields: UAZAPI has none */
	post_failed_fn *failed; /* called once per post given up; NULL: nobody asks */
	void *arg;              /* lives as long as the process */
};
/* GH_EINVAL when url is none; err says why. Everything is copied. */
enum gh_code post_target_new(struct post_target **out, const struct post_options *o,
			     struct gh_err *err) GH_MUST_USE;
void post_target_release(struct post_target *t); /* NULL is legal */

struct poster *poster_new(struct sim *sim);
/* Post a copy of body, with retries, out of order like the originals (waha.md section 9,
 * uazapi.md section 8). */
void poster_send(struct poster *p, struct post_target *t, struct slice body, int64_t event_ms);
void poster_write_stats(const struct poster *p, struct json_w *w);

/* ---- state.c: sessions on disk ---- */

/* Write all to sim->state_file (NULL: nowhere). */
void state_save(const struct sim *sim);
/* GH_EINVAL: unreadable. Without a file nothing is known. */
enum gh_code state_load(struct sim *sim, struct gh_err *err) GH_MUST_USE;

/* ---- waha_session.c, waha_send.c ---- */

struct waha *waha_new(struct sim *sim);
void waha_drop_sessions(struct waha *w);
/* GOWS, NOWEB, WEBJS. GH_EINVAL otherwise. */
enum gh_code waha_set_engine(struct waha *w, struct slice engine) GH_MUST_USE;
/* The fault "disconnected" began: every working session turns to the state of value for
 * for_ms (0: until the next call); value -1: back to WORKING. Said by webhook. */
void waha_disconnect(struct waha *w, int64_t value, int64_t for_ms);
/* GET /_sim/session?session=: status and what was set; answers req. */
void waha_session_ask(struct waha *w, struct http_req *req, struct slice session);
/* The phone, the engine or WhatsApp acts: {"session","status","is_paired","is_broken","locked_ms"}.
 * Answers req. */
void waha_session_steer(struct waha *w, struct http_req *req, const struct json *body);
/* Nest's body for a path nobody serves. */
void waha_reply_unknown_path(struct http_req *req);
void waha_reply_unauthorized(struct http_req *req);
/* The body WAHA would send with a status of its own trouble. */
struct slice waha_fault_body(struct http_req *req, unsigned status);

/* What outlives the server: elements of an array; one of them. */
void waha_state_write(const struct waha *w, struct json_w *out);
enum gh_code waha_state_read(struct waha *w, const struct json *v, struct gh_err *err) GH_MUST_USE;

/* ---- waha_inbound.c ---- */

/* A person does something: {"session","from","text"|"kind"|"raw",...}. Answers req. */
void waha_inbound(struct waha *w, struct http_req *req, const struct json *body);

/* ---- uazapi.c, uazapi_instance.c, uazapi_state.c, uazapi_inbound.c: as WAHA's above ---- */

struct uazapi *uazapi_new(struct sim *sim);
/* Options, limits and messages are forgotten; instances too when asked. */
void uazapi_reset(struct uazapi *u, bool with_sessions);
/* The fault "disconnected": 0 disconnected, 1 connecting, 3 hibernated. */
void uazapi_disconnect(struct uazapi *u, int64_t value, int64_t for_ms);
/* What builds differ in (uazapi.h, struct uz_options). Answers req. */
void uazapi_options_set(struct uazapi *u, struct http_req *req, const struct json *body);
void uazapi_session_ask(struct uazapi *u, struct http_req *req, struct slice session);
/* {"session","status","reason","is_paired","is_broken","locked_ms","quota","refuse_reset",
 * "refuse_code"} */
void uazapi_session_steer(struct uazapi *u, struct http_req *req, const struct json *body);
void uazapi_inbound(struct uazapi *u, struct http_req *req, const struct json *body);
void uazapi_reply_unknown_path(struct http_req *req);
struct slice uazapi_fault_body(unsigned status);
void uazapi_state_write(const struct uazapi *u, struct json_w *w);
/* Posts that were given up after their last attempt: elements of an array. */
void uazapi_given_up_write(const struct uazapi *u, struct json_w *w);
enum gh_code uazapi_state_read(struct uazapi *u, const struct json *v,
			       struct gh_err *err) GH_MUST_USE;

#endif
