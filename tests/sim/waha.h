/* waha.h - the WAHA server played here: sessions, and what the waha_*.c files share.
 *
 * Numbers in parentheses in these files are sections of contracts/waha.md. It is
 * written from the contract and shares no code with the translator it judges.
 */
#ifndef GH_SIM_WAHA_H
#define GH_SIM_WAHA_H

#include "sim.h"

struct arena;
struct loop_timer;
struct map;
struct waha_actions;

#define SESSION_NAME_MAX  54 /* (3.3) */
#define SESSION_HOOKS_MAX 4
#define SESSION_PAST      3 /* (11) statuses in session.status */

enum session_status { /* (4.1) */
		      SESSION_STOPPED,
		      SESSION_STARTING,
		      SESSION_SCAN_QR_CODE,
		      SESSION_FAILED,
		      SESSION_WORKING
};

enum waha_engine { ENGINE_GOWS, ENGINE_NOWEB, ENGINE_WEBJS };

struct waha_hook {
	struct post_target *target;
	struct slice *events; /* NULL: "*" */
	size_t event_count;
};

struct waha_session {
	struct waha *w;
	char name[SESSION_NAME_MAX + 1];
	enum session_status status;
	struct {
		enum session_status status;
		int64_t at_ms;
	} past[SESSION_PAST];
	size_t past_count;
	struct loop_timer *timer;      /* STARTING -> WORKING */
	struct arena *a;               /* the configuration; replaced as a whole */
	struct slice config, metadata; /* JSON text; SLICE_NONE: none */
	struct waha_hook hook[SESSION_HOOKS_MAX];
	size_t hook_count;
	char number[PEOPLE_NUMBER_SIZE]; /* of the paired phone */
	bool is_unpaired;                /* logged out: a person must scan */
	bool is_broken;                  /* every start ends in FAILED */
	int64_t locked_until_us;         /* WhatsApp lets it open no conversation before */
	unsigned restart_count, update_count;
	char presence[16], about[256]; /* as last set */
};

struct waha {
	struct sim *sim;
	struct map *sessions;
	enum waha_engine engine;
	int64_t start_ms;
	struct loop_timer *outage;    /* end of the fault "disconnected" */
	struct waha_actions *actions; /* books of waha_action.c; made at the first use */
};

/* ---- waha_reply.c: answers in WAHA's words (14) ---- */
const char *waha_engine_name(enum waha_engine e);
const char *waha_status_name(enum session_status s);
/* {"message","error","statusCode"} */
void waha_refuse(struct http_req *req, unsigned status, const char *message);
/* 400 of a validator: {"message":["..."],...} */
void waha_refuse_field(struct http_req *req, const char *message);
/* 500: the engine threw. */
void waha_throw(struct http_req *req, const char *message);
/* 422 of a send to a session nobody knows. */
void waha_refuse_unknown(struct http_req *req, struct slice session);
/* 422: status is not the expected one. */
void waha_refuse_status(struct http_req *req, const struct waha_session *s, const char *expected);

/* ---- waha_session.c ---- */
struct waha_session *waha_session_find(struct waha *w, struct slice name);
/* The session of a call that needs it WORKING; answers req itself and returns NULL else. */
struct waha_session *waha_session_working(struct waha *w, struct http_req *req, struct slice name);
/* Change state, tell it by session.status. */
void waha_session_set(struct waha_session *s, enum session_status status);
/* Make a session from its parts; config NULL: none. GH_EINVAL: bad configuration. */
enum gh_code waha_session_new(struct waha *w, struct slice name, const struct json *config,
			      struct waha_session **out, struct gh_err *err) GH_MUST_USE;
/* Begin to connect: STARTING now, WORKING soon. */
void waha_session_start(struct waha_session *s);

/* ---- waha_config.c ---- */
/* Replace the configuration (4.2). On GH_EINVAL the old one stays. */
enum gh_code waha_config_set(struct waha_session *s, const struct json *config,
			     struct gh_err *err) GH_MUST_USE;
void waha_config_free(struct waha_session *s);

/* ---- waha_post.c: webhooks (10) ---- */
/* Post an event to whoever subscribed; returns to how many. payload is JSON text. */
unsigned waha_post(struct waha_session *s, const char *event, struct slice payload);
/* The message or ack payload of one message (11). */
struct waha_facts {
	struct slice id, chat, text; /* bare id */
	struct slice participant;    /* of a group, else SLICE_NONE */
	bool is_from_me;
	int ack;
	int64_t at_ms;
};
void waha_write_message(const struct waha_session *s, const struct waha_facts *f, struct json_w *w);
void waha_write_ack(const struct waha_session *s, const struct waha_facts *f, struct json_w *w);
/* "true_<chat>_<id>[_<participant>]" (3.2). */
void waha_write_full_id(const struct waha_session *s, const struct waha_facts *f, struct buf *b);

/* ---- waha_send.c ---- */
/* (3.1) Bare digits get "@c.us"; SLICE_NONE for what is no chat. */
struct slice waha_chat_of(struct slice id, struct arena *a);

/* ---- waha_action.c ---- */
/* Keep an accepted call for /_sim/actions under this name; body NULL: none. */
void waha_log_call(const struct waha_session *s, struct http_req *req, const char *name,
		   const struct json *body);
/* Answer a look-up of a message that somebody else wrote (8). */
void waha_message_of_others(struct waha_session *s, struct http_req *req, struct slice id,
			    struct slice bare);

/* ---- waha_kind.c: what the send routes take (5) ---- */
enum waha_send_kind {
	WAHA_SEND_TEXT,
	WAHA_SEND_IMAGE,
	WAHA_SEND_FILE,
	WAHA_SEND_VOICE,
	WAHA_SEND_VIDEO,
	WAHA_SEND_LOCATION,
	WAHA_SEND_CONTACT,
	WAHA_SEND_POLL,
	WAHA_SEND_LIST
};
struct waha_sent {
	struct slice kind, text; /* for the ledger */
	struct slice detail;     /* JSON object of what else came; SLICE_NONE: nothing */
	struct slice preset;     /* the sender's own id; SLICE_NONE: none, or not read here */
	bool is_validated;       /* (14) refused with 400 */
};
/* NULL when this engine takes the body; else why not. Everything lives in a or in body. */
const char *waha_kind_check(const struct waha *w, enum waha_send_kind kind, const struct json *body,
			    struct slice chat, struct arena *a, struct waha_sent *out);

#endif
