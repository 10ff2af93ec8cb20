/* gateway.h - what the files of the gateway share: context, request, routes, replies.
 *
 * A resource of the API is one file that exports one struct gw_module: its routes,
 * the statement tables it needs, its start and stop. dispatch.c makes the checks
 * of contracts/growhub-api.md section 1 in their order and calls the handler only
 * when all of them passed; the handler ends every request with exactly one reply,
 * now or later. Handlers are given valid tokens, JSON and path parameters and never
 * see another tenant's identity than that of the token.
 *
 * Threading: loop thread only.
 */
#ifndef GH_GATEWAY_H
#define GH_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "config/params_gateway.h"
#include "crypto/seal.h"
#include "db/db.h"
#include "http/json.h"
#include "http/json_check.h"
#include "http/query.h"
#include "http/router.h"
#include "http/server.h"
#include "model/id_page.h"

#include "doc.h"

struct admin_login;
struct auth;
struct batches;
struct daemon;
struct documentation;
struct endpoints;
struct gateway;
struct gw_req;
struct inbound;
struct instances;
struct keyed;
struct keyed_queue;
struct loop;
struct sendings;
struct media;
struct metrics_table;
struct waits;
struct wake;

#define GW_SERVERS_MAX      16
#define GW_ROUTES_MAX       192
#define GW_HEADERS_MAX      16
#define GW_REPLY_MAX        (32 * 1024 * 1024) /* bytes of a reply's body: a file in base64, twice */
#define GW_TRACEPARENT_SIZE 56

/* ---- the context of the process ---- */

struct gateway {
	struct daemon *daemon;
	struct loop *loop;
	const struct gateway_conf *conf;
	struct seal_key seal_key; /* for crypto/seal.h */
	struct slice cursor_key;  /* signs the cursors of lists; the same in every gateway */
	struct db *write;         /* everything that writes; the hot path uses only this */
	struct db *read;          /* lists, single rows, the loads of lookups */
	struct db *create;        /* of keyed.c: transactions that hold a creation and its key */
	struct wake *wake;        /* outbox rows were committed: wake_send(gw->wake) */
	struct provider_client *providers; /* calls about sessions */
	struct gaps *gaps;                 /* of the providers' servers */
	struct http_server *servers[GW_SERVERS_MAX];
	unsigned server_count;
	unsigned servers_draining; /* servers whose last connection is not gone yet */
	struct router *router;
	struct metrics_table *metrics;

	/* What modules keep: each file defines its own struct, sets the pointer in start and
	 * frees it in stop (accepting NULL). */
	struct auth *auth;
	struct admin_login *admin_login;
	struct instances *instances;
	struct endpoints *endpoints;
	struct sendings *sendings;
	struct waits *waits;
	struct typing *typing;
	struct batches *batches;
	struct media *media;
	struct inbound *inbound;
	struct documentation *documentation;
	struct keyed_queue *keyed;
};

/* ---- routes and modules ---- */

enum gw_kind {            /* of a token, and what a route asks for */
	       GW_ANYONE, /* route: no token is looked at */
	       GW_ADMIN,  /* a superadmin's session */
	       GW_COMPANY,
	       GW_INSTANCE
};

/* Flags of a route. Without a body flag the body is ignored. */
#define GW_JSON          1u /* the body must be a JSON object */
#define GW_JSON_OPTIONAL 2u /* a JSON object, or no body: req->body is then NULL */
#define GW_RAW           4u /* any media type, handed over in req->http->body */
/* Takes Idempotency-Key. With one the handler's units are one transaction with the key; between
 * them there may be nothing but the database (keyed.c). */
#define GW_KEYED 8u
/* The same for a handler that only calls a provider. */
#define GW_KEYED_CALL 16u
/* Of a company's route: UAZAPI's clients send its token in the header admintoken. */
#define GW_ADMINTOKEN 32u

typedef void gw_handler_fn(struct gw_req *req);

struct gw_route {
	enum http_method method;
	const char *pattern; /* as in http/router.h: "/api/messages/{id}" */
	enum gw_kind kind;
	unsigned flags;
	size_t body_max; /* bytes; 0: gateway.body_max */
	gw_handler_fn *fn;
	struct gw_doc doc; /* GW_DOC(...) */
	/* GW_ANYONE with a credential of its own: judged before the body is read, in place of the
	 * token. Ends in gw_admit or an error, now or later. NULL: anybody's body is read. */
	gw_handler_fn *admit;
};

struct gw_module {
	const struct gw_route *routes;
	unsigned route_count;
	/* NULL-terminated; a table may be named by several modules. NULL: none. */
	const struct db_stmt_table *const *write_tables;
	const struct db_stmt_table *const *read_tables;
	/* Both connections exist (not necessarily up). May be NULL. */
	enum gh_code (*start)(struct gateway *gw, struct gh_err *err);
	/* The process stops taking work: answer whoever merely waits. May be NULL. */
	void (*drain)(struct gateway *gw);
	/* The servers are freed already; the connections still live: their units end behind
	 * this. Called also when start failed or never ran. May be NULL. */
	void (*stop)(struct gateway *gw);
	/* After db_free of both connections: free what callbacks of units looked at
	 * (db_batch_free). May be NULL. */
	void (*release)(struct gateway *gw);
};

extern const struct gw_module health_module, auth_module, admin_login_module, companies_module,
	providers_module;
extern const struct gw_module instances_module, instance_ops_module, admin_instances_module,
	instance_moves_module, endpoints_module, messages_module, inbound_module;
extern const struct gw_module events_module, endpoint_ops_module, deliveries_module;
extern const struct gw_module documentation_module, keyed_module;
extern const struct gw_module dead_letters_module, admin_health_module, admin_logs_module;
extern const struct gw_module admin_metrics_module, stats_module;
extern const struct gw_module send_module, send_media_module;
extern const struct gw_module uazapi_instance_module, uazapi_instances_module,
	uazapi_webhook_module, uazapi_find_module, uazapi_absent_module;
extern const struct gw_module message_actions_module, contacts_module, groups_module;

/* ---- the request ---- */

/* Who asks, from the token. */
struct gw_identity {
	enum gw_kind kind;
	int32_t admin_id;                       /* GW_ADMIN */
	int32_t company_id;                     /* GW_COMPANY, GW_INSTANCE */
	int32_t instance_id;                    /* GW_INSTANCE */
	int32_t rate_per_minute, rate_per_hour; /* of the company */
	uint8_t token_hash[32];
};

/* Lives in the arena of the HTTP request: everything dies with the reply. */
struct gw_req {
	struct gateway *gw;
	struct http_req *http;
	struct arena *a; /* http->a */
	const struct gw_route *route;
	unsigned route_index; /* in the router */
	struct route_match match;
	struct gw_identity who;
	const struct json *body;               /* an object; NULL see the flags */
	const struct query *query;             /* never NULL in a handler */
	char traceparent[GW_TRACEPARENT_SIZE]; /* of this request, for rows and calls it causes */
	void *user;                            /* the handler's */

	bool is_admitted;    /* private to dispatch.c, like the next: the token is good */
	bool is_held;        /* the body waits for the look-up of the token */
	bool is_answered;    /* private to reply.c */
	struct keyed *keyed; /* private to keyed.c; NULL without an Idempotency-Key */

	/* Private to reply.c. */
	const struct gw_error_info *failure; /* the reply is this error */
	struct json_errors *errors;
	struct buf *out;
	struct json_w w;
	struct http_header headers[GW_HEADERS_MAX];
	unsigned header_count;
};

/* From gw_route.admit: the credential is good, read the body. */
void gw_admit(struct gw_req *req);

/* Path parameter that is an integer id. False: it is none (text, 0, over 31 bits); the request
 * was then answered 404. */
bool gw_id_param(struct gw_req *req, const char *name, int32_t *id) GH_MUST_USE;
/* The same for a UUID. */
bool gw_uuid_param(struct gw_req *req, const char *name, struct uuid *id) GH_MUST_USE;
/* "?name=": SLICE_NONE when absent. */
struct slice gw_query(const struct gw_req *req, const char *name);

/* ---- replies: {"success":true,"message":...,"data":...} ---- */

/* Open the envelope and write the message. The handler then writes the member "data" (json_w_* with
 * the name GW_DATA) and whatever belongs beside it, and calls gw_send.
 *
 *	struct json_w *w = gw_begin(req, "Company created");
 *	json_w_open(w, GW_DATA, '{');
 *	...
 *	json_w_close(w, '}');
 *	gw_send(req, 201);
 */
#define GW_DATA "data"
struct json_w *gw_begin(struct gw_req *req, const char *message);
/* Close the envelope and answer; req is dead afterwards. A body over GW_REPLY_MAX becomes 500. */
void gw_send(struct gw_req *req, unsigned status);

/* Like gw_send, but the reply is only kept for whoever repeats the request with its
 * Idempotency-Key: once all that was written is committed, next goes on and replies. Without a key
 * it goes on at once. Before the first call to a provider of a GW_KEYED route. */
void gw_keep(struct gw_req *req, unsigned status, gw_handler_fn *next);

/* Answer with something that is no envelope: a picture. body is borrowed until then. */
void gw_send_as(struct gw_req *req, unsigned status, struct slice content_type, struct slice body);

/* A header field of the reply, whatever it will be; name and value are borrowed until then.
 * At most GW_HEADERS_MAX - 8 of them: the rest is the framework's. */
void gw_header(struct gw_req *req, struct slice name, struct slice value);

/* ---- errors ---- */

/* Every code of the API; status, word and title are in errors.c. */
enum gw_code {
	GW_E_INVALID_JSON,
	GW_E_INVALID_QUERY,
	GW_E_INVALID_CURSOR,
	GW_E_INVALID_IDEMPOTENCY_KEY,
	GW_E_UNAUTHENTICATED,
	GW_E_TOKEN_PLACEHOLDER,
	GW_E_INVALID_SIGNATURE,
	GW_E_FORBIDDEN,
	GW_E_WRONG_TOKEN_KIND,
	GW_E_COMPANY_INACTIVE,
	GW_E_INSTANCE_DELETED,
	GW_E_NOT_FOUND,
	GW_E_METHOD_NOT_ALLOWED,
	GW_E_CONFLICT,
	GW_E_DUPLICATE_NAME,
	GW_E_IDEMPOTENCY_IN_PROGRESS,
	GW_E_ALREADY_CONNECTED,
	GW_E_INSTANCE_NOT_CONNECTED,
	GW_E_CONTENT_TOO_LARGE,
	GW_E_UNSUPPORTED_MEDIA_TYPE,
	GW_E_VALIDATION_FAILED,
	GW_E_IDEMPOTENCY_KEY_REUSED,
	GW_E_QUOTA_EXCEEDED,
	GW_E_TOO_MANY_FAILURES,
	GW_E_INTERNAL,
	GW_E_NOT_SUPPORTED,
	GW_E_PROVIDER_ERROR,
	GW_E_PROVIDER_REJECTED,
	GW_E_PROVIDER_UNAVAILABLE,
	GW_E_PROVIDER_TIMEOUT,
	GW_E_NO_PROVIDER,
	GW_E_NOT_READY,
	GW_E_OVERLOADED,
	GW_E_COUNT
};
_Static_assert(GW_E_COUNT <= 64, "GW_ERR gives each code a bit");

struct gw_error_info {
	unsigned status;
	const char *word;  /* "not_found" */
	const char *title; /* "Not found" */
	bool is_retryable; /* the same request may succeed later */
};
const struct gw_error_info *gw_error_info(enum gw_code code);

/* Answer with an error: the envelope, or problem details where Accept prefers them. message:
 * one sentence about this occurrence (copied); NULL: the title. Field errors collected before go
 * out in `errors`, whatever the code. req is dead afterwards. What gw_begin started is dropped. */
void gw_error(struct gw_req *req, enum gw_code code, const char *message);
/* The same with Retry-After (seconds, at least 1). */
void gw_error_retry(struct gw_req *req, enum gw_code code, const char *message, int64_t retry_s);

/* The collector of bad fields: give it to json_check. Made at the first call, empty. */
struct json_errors *gw_errors(struct gw_req *req);
/* Add one. */
void gw_field_error(struct gw_req *req, const char *path, const char *text);
/* Anything collected: then the request was answered 422 and this returns true. */
bool gw_refuse_fields(struct gw_req *req) GH_MUST_USE;
/* req->body (NULL: an empty object) against count rules into target, then gw_refuse_fields: true
 * when target is good. given may be NULL. */
bool gw_check(struct gw_req *req, const struct json_rule *rules, unsigned count, void *target,
	      struct json_given *given) GH_MUST_USE;

/* ---- database ---- */

/* How long a unit of a request waits for a database that is away, before the client is told 503. */
#define GW_DB_WAIT_US (5 * CLOCK_SEC)

/* A unit of the request ended well; read its results and go on, or reply. */
typedef void gw_done_fn(struct gw_req *req, const struct db_unit *u);
/* It failed. True: answered here (a unique constraint that has a meaning, by err->constraint);
 * false: gw_db_failed answers. */
typedef bool gw_failed_fn(struct gw_req *req, const struct db_error *err);

/* Submit u (taken) and call done once it is committed; a failure is answered. failed may be NULL.
 */
void gw_submit(struct gw_req *req, struct db *db, struct db_unit *u, gw_done_fn *done,
	       gw_failed_fn *failed);

/* Answer for a unit, row or lookup that failed: GH_EBUSY 503 overloaded; GH_ETEMP, GH_EUNKNOWN
 * 503 not_ready, both with Retry-After; everything else 500 and an error in the log. err may be
 * NULL. */
void gw_db_failed(struct gw_req *req, enum gh_code code, const struct db_error *err);

/* ---- lists (paging.c) ---- */

#define GW_CURSOR_KEY_MAX 32 /* bytes */
#define GW_LIMIT_MAX      200
#define GW_LIMIT_DEFAULT  50
#define GW_OFFSET_MAX     10000
#define GW_TOTAL_MAX      10000

/* ?limit= 1..200, ?offset= to 10000, ?cursor=. Lists are newest first by their id: a cursor holds
 * the last id shown, or the first one for the page before it (both exclusive), and is bound to the
 * route, the identity and the filters. */
struct gw_page {
	unsigned limit;
	unsigned offset;
	bool has_cursor;
	bool is_back; /* has_cursor: the rows wanted are the nearest with a greater id */
	uint8_t key[GW_CURSOR_KEY_MAX]; /* has_cursor: key_n bytes */
	size_t key_n;
};

#define GW_ID_KEY_SIZE 4 /* bytes of an integer id in a cursor */

/* key_n: bytes of this list's key (GW_ID_KEY_SIZE, or 16 for a UUID). False: answered (422, or 400
 * invalid_cursor). Ask the database for limit + 1 rows: the last one only says that there are
 * more. */
bool gw_page_read(struct gw_req *req, size_t key_n, struct gw_page *page) GH_MUST_USE;
/* The rows to ask the database for, of a list keyed by an integer id (model/id_page.h). */
struct id_page gw_page_ids(const struct gw_page *page);
/* The ids of the page, whatever the filters: from <= id < before. Without a cursor all of them. */
void gw_page_uuids(const struct gw_page *page, struct uuid *from, struct uuid *before);

/* Of limit + 1 rows asked for, in the order of the list, those that belong to the page. */
struct gw_shown {
	unsigned first; /* index of the first one */
	unsigned count;
	bool has_more; /* rows follow */
	bool has_less; /* rows come before */
};
struct gw_shown gw_page_shown(const struct gw_page *page, unsigned found);

/* A list that looks at so many rows and no more (is_cut: there are others) and found none beyond
 * the page goes on behind the last one looked at, also when it shows nothing. Keys are page->key_n
 * bytes. */
void gw_page_cut(const struct gw_page *page, bool is_cut, const void *end, struct gw_shown *shown,
		 void *first_key, void *last_key);

/* After "data": write total (-1: unknown, omitted; is_capped: there may be more), next_cursor
 * (last_key: of the last row shown, key_n bytes; used only with has_more), prev_cursor (first_key;
 * used only with has_less) and has_more, and answer 200. */
void gw_send_page(struct gw_req *req, const struct gw_page *page, int64_t total, bool is_capped,
		  const struct gw_shown *shown, const void *first_key, const void *last_key);
/* The same for lists keyed by an integer id; total is of a count cut at GW_TOTAL_MAX + 1. */
void gw_send_id_page(struct gw_req *req, const struct gw_page *page, int64_t total,
		     const struct gw_shown *shown, int32_t first_id, int32_t last_id);

/* Write row i of the page as an element of "data"; returns its id. */
typedef int32_t gw_id_row_fn(struct gw_req *req, const struct db_unit *u, unsigned i,
			     struct json_w *w);
/* The whole reply of such a list: found rows were read for page. */
void gw_send_id_list(struct gw_req *req, const struct gw_page *page, const char *message,
		     const struct db_unit *u, unsigned found, int64_t total, gw_id_row_fn *write);

/* ---- tokens (auth.c) ---- */

#define GW_TOKEN_SIZE UUID_TEXT_SIZE
/* A fresh token (UUIDv4 text) and the hash to store. */
void gw_token_new(char text[GW_TOKEN_SIZE], uint8_t hash[32]);
/* Tokens changed here (rotation, suspension): this process looks them up again at once; the
 * others follow within the TTL. */
void gw_auth_forget(struct gateway *gw);

#endif
