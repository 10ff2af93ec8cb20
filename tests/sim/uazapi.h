/* uazapi.h - the UAZAPI server played here, and what the uazapi_*.c files share.
 *
 * Numbers in parentheses in these files are sections of contracts/uazapi.md. It is
 * written from the contract and shares no code with the translator it judges.
 */
#ifndef GH_SIM_UAZAPI_H
#define GH_SIM_UAZAPI_H

#include "base/list.h"
#include "base/uuid.h"
#include "http/json.h"
#include "http/query.h"
#include "sim.h"

struct arena;
struct loop_timer;
struct map;
struct route_match;
struct uz_store;

#define UZ_PERSON    "Rui Sales" /* of whom no contact was added */
#define UZ_BASE_URL  "https://sim.uazapi.example"
#define UZ_ID_SIZE   16 /* "r" and 14 hex, NUL */
#define UZ_NAME_SIZE 128
#define UZ_TEXT_SIZE 256
#define UZ_JID_SIZE  160
#define UZ_HOOKS_MAX 8

enum uz_status { /* (4.1) */
		 UZ_DISCONNECTED,
		 UZ_CONNECTING,
		 UZ_CONNECTED,
		 UZ_HIBERNATED
};

enum uz_event { /* (7) */
		UZ_EV_CONNECTION,
		UZ_EV_HISTORY,
		UZ_EV_MESSAGES,
		UZ_EV_MESSAGES_UPDATE,
		UZ_EV_NEWSLETTER_MESSAGES,
		UZ_EV_CALL,
		UZ_EV_CONTACTS,
		UZ_EV_PRESENCE,
		UZ_EV_GROUPS,
		UZ_EV_LABELS,
		UZ_EV_CHATS,
		UZ_EV_CHAT_LABELS,
		UZ_EV_BLOCKS,
		UZ_EV_SENDER
};
#define UZ_EVENT_COUNT 14

/* What builds and moments of the real one differ in: POST /_sim/uazapi sets, a reset clears. */
struct uz_options {
	bool is_old_build;       /* (2.0.0 of 2025-10) /instance/init; no call of 2026; no LIDs */
	bool has_jid_object;     /* (4.2) as the published file shows jid */
	bool has_iso_times;      /* (4.1) ISO times of instances */
	bool has_iso_receipts;   /* (10.3) event.Timestamp as text */
	bool has_text_bools;     /* (10.3) event.IsFromMe as "True" */
	bool sender_is_pn;       /* (10.2) sender in phone form */
	bool no_session_is_500;  /* (12) the other way to say it */
	bool demo;               /* (7) no global webhook */
	int64_t connected_max;   /* (12) 429 of connect; 0: none */
	int64_t media_max_bytes; /* (12) 413; 0: none */
	int64_t qr_ms, qr_timeout_ms, code_timeout_ms; /* (4.2) */
};

struct uz_hook {
	char id[UZ_ID_SIZE];
	struct arena *a; /* url and target; replaced as a whole */
	struct slice url;
	bool is_enabled, add_event, add_type;
	unsigned events;  /* bits of enum uz_event */
	unsigned exclude; /* bits, uazapi_webhook.c */
	struct post_target *target;
};

/* A receipt that waits for its moment. */
struct uz_wait {
	struct slice *ids; /* in a */
	size_t count, size;
	struct arena *a;
	struct loop_timer *timer;
};

struct uz_chat {
	struct uz_instance *inst;
	char id[UZ_JID_SIZE]; /* wa_chatid */
	char contact_name[UZ_NAME_SIZE];
	int64_t unread, last_ms, mute;
	bool is_contact, is_blocked, is_archived, is_pinned;
	struct uz_wait wait[2]; /* for Delivered, for Read */
};

struct uz_instance {
	struct list link;
	struct uazapi *u;
	char id[UZ_ID_SIZE];
	char token[UUID_TEXT_SIZE];
	char session[UZ_NAME_SIZE]; /* in the books: the name at birth, or the id if that is taken
				     */
	char name[UZ_NAME_SIZE], system[UZ_NAME_SIZE], profile_name[UZ_NAME_SIZE];
	char admin[2][UZ_TEXT_SIZE];
	char presence[16];
	enum uz_status status;
	char owner[PEOPLE_NUMBER_SIZE]; /* digits; stays while disconnected (4.1) */
	char phone[PEOPLE_NUMBER_SIZE]; /* that a pairing code was asked for */
	char pair_code[12];
	char last_disconnect[32], last_reason[UZ_NAME_SIZE];
	bool is_paired, needs_person, is_broken, is_out, is_resetting, has_picture;
	unsigned qr_count; /* 0: no QR is shown */
	unsigned connect_count, update_count;
	int64_t delay_min, delay_max, created_us, updated_us;
	int64_t refuse_reset;     /* status of /instance/reset; 0: done */
	int64_t refuse_code;      /* (12) provider_code that refuses every send; 0: none */
	int64_t locked_until_us;  /* (12) new conversations are refused; 0: no */
	int64_t quota;            /* new conversations left; -1: no cap */
	struct loop_timer *timer; /* connect, rotation of the QR */
	int64_t connect_end_us;   /* monotonic, of the QR or code; 0: none */
	struct uz_hook hook[UZ_HOOKS_MAX];
	size_t hook_count;
	struct map *chats;  /* wa_chatid -> struct uz_chat */
	struct map *groups; /* uazapi_group.c; NULL: none yet */
	unsigned char privacy[8];
	struct list queue; /* sends with async, uazapi_send.c */
	size_t queue_count;
	struct loop_timer *queue_timer;
};

struct uazapi {
	struct sim *sim;
	struct list instances; /* oldest first */
	struct map *by_token;
	struct uz_options opt;
	struct uz_store *store;
	struct uz_hook global; /* (7) hook.url empty: none */
	struct list errors;    /* (7) uazapi_webhook.c */
	size_t error_count;
	int64_t start_us;
	uint64_t group_count;
	struct loop_timer *outage; /* end of the fault "disconnected" */
};

/* ---- uazapi.c: calls ---- */

enum uz_auth { UZ_TOKEN, UZ_ADMIN };

struct uz_call {
	struct uazapi *u;
	struct uz_instance *inst; /* UZ_TOKEN only */
	struct http_req *req;
	const struct route_match *m;
	const struct json *body; /* NULL: the route takes none */
	struct query query;
	struct buf b; /* of the answer */
	struct json_w w;
};
typedef void uz_fn(struct uz_call *c);

#define UZ_FIELDS_MAX 18
struct uz_rule {
	const char *name;    /* in the log; NULL: sends, which have books of their own */
	const char *missing; /* (12) what is said when a required field is absent */
	uz_fn *fn;
	struct field field[UZ_FIELDS_MAX];
	enum uz_auth auth;
	bool takes_body, needs_session;
	bool is_new; /* of 2026: 405 on an old build */
	bool is_old; /* of 2025: 405 on a new one */
	int kind;    /* uazapi_send.c */
};
route_fn uz_route; /* ctx: const struct uz_rule */

#define UZ_ROUTE(m, p, n, why, ...)                                                                \
	{                                                                                          \
		.method = HTTP_##m, .pattern = "/uazapi" p, .fn = uz_route, .flags = SIM_OPEN,     \
		.ctx = &(const struct uz_rule)                                                     \
		{                                                                                  \
			.name = (n), .missing = (why), .fn = __VA_ARGS__                           \
		}                                                                                  \
	}
#define UZ_TEXT(n)                                                                                 \
	{                                                                                          \
		(n), FIELD_STRING, true                                                            \
	}
#define UZ_OPT(n, t)                                                                               \
	{                                                                                          \
		(n), (t), false                                                                    \
	}

/* Begin the answer; what is written into the returned writer goes out with uz_answer_end. */
struct json_w *uz_answer(struct uz_call *c, char bracket);
void uz_answer_end(struct uz_call *c, char bracket);
/* {name:text} and 200. */
void uz_answer_text(struct uz_call *c, const char *name, const char *text);
/* Copy text into an array of size bytes, cut to fit. */
void uz_set(char *dst, size_t size, struct slice text);
/* {"error":text}. */
void uz_refuse(struct uz_call *c, unsigned status, const char *text);
/* (12) False: refused, the instance is not connected. */
bool uz_has_session(struct uz_call *c);

/* ---- uazapi_instance.c ---- */
/* By name in the books, name, id or token. */
struct uz_instance *uz_instance_find(struct uazapi *u, struct slice word);
/* token NULL: a new one. */
struct uz_instance *uz_instance_new(struct uazapi *u, struct slice name, const char *token);
void uz_instance_free(struct uz_instance *i);
/* Change state and say so by webhook. */
void uz_instance_set(struct uz_instance *i, enum uz_status status);
/* Connect as far as it goes without a person; phone empty: by QR. */
void uz_instance_connect(struct uz_instance *i, struct slice phone);
/* A phone scanned, or typed the code: connected from now on. */
void uz_instance_paired(struct uz_instance *i);
/* The pairing is gone (12); a person is needed. */
void uz_instance_log_out(struct uz_instance *i);
const char *uz_status_name(enum uz_status s);
/* (4.1) The object; its first members, as /_sim/session shows them. */
void uz_instance_write(const struct uz_instance *i, const char *name, struct arena *a,
		       struct json_w *w);
void uz_instance_write_brief(const struct uz_instance *i, struct arena *a, struct json_w *w);
/* (4.1) times of an instance; 0: empty. */
void uz_write_time(const struct uz_instance *i, const char *name, int64_t wall_us,
		   struct json_w *w);
/* data: URI of the QR shown; empty when none. */
struct slice uz_qr(const struct uz_instance *i, struct arena *a);

/* ---- uazapi_account.c ---- */
/* (4.3) capping and time lock, two members. */
void uz_limit_details_write(const struct uz_instance *i, struct json_w *w);

/* ---- uazapi_webhook.c ---- */
uz_fn uz_webhook_get, uz_webhook_set, uz_webhook_errors, uz_global_get, uz_global_set,
	uz_global_errors;
void uz_hooks_clear(struct uz_instance *i);
void uz_hook_write(const struct uz_hook *h, struct json_w *w);
/* One webhook of the form of /webhook; false: not one. */
bool uz_hook_read(struct uazapi *u, const struct uz_instance *i, struct uz_hook *h,
		  const struct json *v);
/* What excludeMessages judges. */
struct uz_traits {
	bool is_message, from_me, by_api, is_group;
	const char *type; /* for addUrlTypesMessages; NULL: none */
};
/* Begin a body: the root keys every event has (10); the caller adds its own and posts. */
const char *uz_event_name(enum uz_event e);
void uz_body_open(const struct uz_instance *i, enum uz_event event, struct json_w *w);
/* Close and post to whoever subscribed; returns to how many. */
unsigned uz_body_post(const struct uz_instance *i, enum uz_event event,
		      const struct uz_traits *traits, struct json_w *w);

/* ---- uazapi_message.c: what was said ---- */

enum uz_msg_status {
	UZ_MSG_NONE, /* "" */
	UZ_MSG_QUEUED,
	UZ_MSG_PENDING,
	UZ_MSG_SENT,
	UZ_MSG_DELIVERED,
	UZ_MSG_READ,
	UZ_MSG_FAILED,
	UZ_MSG_CANCELED,
	UZ_MSG_DELETED
};

struct uz_message {
	struct uz_message *older, *newer; /* of the same track_id */
	char instance[UZ_ID_SIZE];
	struct slice id, chat, person; /* bare id; wa_chatid; who wrote (jid), of others' */
	struct slice text, type, message_type, media_type, content; /* content: JSON */
	struct slice quoted, edited, reaction, vote, convert, button_id;
	struct slice track_id, track_source, sender_name;
	int64_t at_ms;
	bool from_me, by_api;
	enum uz_msg_status status;
};

struct uz_store *uz_store_new(void);
void uz_store_clear(struct uz_store *s);
/* Keep a copy of m (its older and newer are not read), valid until many more. */
struct uz_message *uz_store_add(struct uz_store *s, const struct uz_message *m);
/* id: bare or with the owner (3). NULL: unknown. */
struct uz_message *uz_store_find(struct uz_store *s, const struct uz_instance *i, struct slice id);
/* Newest of that track_id; on by ->older. */
struct uz_message *uz_store_track(struct uz_store *s, const struct uz_instance *i,
				  struct slice track_id);
/* Newest first: at = 0, 1, ...; NULL at the end. */
struct uz_message *uz_store_nth(const struct uz_store *s, uint64_t at);
enum uz_form { UZ_FORM_ANSWER, UZ_FORM_FOUND, UZ_FORM_EVENT, UZ_FORM_HISTORY };
/* (5.1), (6), (10.2), (10.4): members without the brackets. */
void uz_message_write(const struct uz_instance *i, const struct uz_message *m, enum uz_form form,
		      struct json_w *w);
/* (10.2) the event of it; returns to how many it went. */
unsigned uz_message_post(struct uz_instance *i, const struct uz_message *m);
const char *uz_msg_status_name(enum uz_msg_status s);

/* ---- uazapi_chat.c ---- */
/* NULL: there is none. */
struct uz_chat *uz_chat_find(const struct uz_instance *i, struct slice id);
struct uz_chat *uz_chat_of(struct uz_instance *i, struct slice id);
void uz_chat_free(struct uz_chat *c);
/* (10.2) chat of an event: an object. */
void uz_chat_write_brief(const struct uz_instance *i, struct slice id, struct json_w *w);
/* (3) wa_chatid of a number or id as clients give it; SLICE_NONE: it is none. */
struct slice uz_jid_of(struct slice number, struct arena *a);
bool uz_is_group(struct slice jid);
/* As the contact was added, else UZ_PERSON. */
struct slice uz_name_of(const struct uz_instance *i, struct slice jid);
/* "2<digits>@lid" of a person; SLICE_NONE of a group. */
struct slice uz_lid_of(struct slice jid, struct arena *a);

/* What of a list is asked for: page and pageSize (size unless given), or limit and offset, which
 * win (16). */
struct uz_page {
	int64_t limit, offset;
};
struct uz_page uz_page_of(const struct uz_call *c, int64_t size);
/* The member "pagination". */
void uz_page_write(const struct uz_page *p, int64_t total, struct json_w *w);

/* ---- uazapi_kind.c: what the send routes take (5) ---- */
enum uz_kind { UZ_SEND_TEXT, UZ_SEND_MEDIA, UZ_SEND_CONTACT, UZ_SEND_LOCATION, UZ_SEND_MENU };
struct uz_sent {
	const char *kind;                      /* for the ledger */
	struct slice text, detail;             /* detail: JSON object */
	const char *message_type, *media_type; /* (10.2) */
	struct slice content;                  /* JSON */
	struct slice convert;                  /* options of a poll */
};
/* NULL: taken. Else the error, *status its HTTP status. Lives in req->a. */
const char *uz_kind_check(const struct uz_call *c, enum uz_kind kind, struct uz_sent *out,
			  unsigned *status);
/* (5.1) text as the server sends it: placeholders replaced. */
struct slice uz_fill_in(struct slice text, struct slice name, struct arena *a);

/* ---- uazapi_send.c ---- */
uz_fn uz_send, uz_async_get, uz_async_cancel;
/* A message of ours leaves: books, echo, receipts. */
void uz_message_out(struct uz_instance *i, struct uz_message *m, const char *kind,
		    struct slice detail);
void uz_receipts_drop(struct uz_chat *c);
/* (10.3) One body; ids of others' messages too. */
unsigned uz_receipt_post(const struct uz_instance *i, const char *type, const char *state,
			 struct slice chat, const struct slice *ids, size_t count);
void uz_queue_drop(struct uz_instance *i);
void uz_queue_kick(struct uz_instance *i);

/* (10.4) Somebody types in a chat, or we do: composing, recording, paused, available,
 * unavailable. Returns to how many it was posted. */
unsigned uz_presence_post(const struct uz_instance *i, struct slice chat, bool is_from_me,
			  struct slice word);

/* ---- uazapi_group.c ---- */
void uz_groups_free(struct uz_instance *i);

#endif
