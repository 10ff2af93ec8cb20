/* server.h - HTTP/1.1 server on the loop: the API, the admin ports and the
 * simulator.
 *
 * One request per connection is in work at a time; pipelined ones wait in the
 * input (bounded) and are answered in order. Replies are asynchronous and all
 * replies of one pass leave a connection with one write. Every wait has a
 * deadline (struct http_server_opts). Loop thread only.
 *
 * The life of a request: on_head (header section read) -> [http_hold .. http_resume] ->
 * body -> on_request -> http_reply. From on_request until http_reply, and from http_hold
 * until http_resume or http_reply, the handle belongs to the handler and stays valid
 * whatever happens to the connection; http_reply ends it.
 */
#ifndef GH_HTTP_SERVER_H
#define GH_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "http/header.h"
#include "http/http1.h"

struct arena;
struct buf;
struct loop;
struct http_server;
struct http_tls;

#define HTTP_PEER_SIZE 46

/* A request as handlers see it. Slices point into the arena a or the body
 * buffer: they die with http_reply. */
struct http_req {
	const struct http1_head *head; /* method, raw path and query, fields */
	struct slice body;             /* complete in on_request; empty in on_head */
	struct arena *a;               /* for whatever the handler needs until it replies */
	struct uuid id;                /* UUIDv7, sent as X-Request-Id */
	char id_text[UUID_TEXT_SIZE];
	char peer[HTTP_PEER_SIZE]; /* numeric address of the other side */
	int64_t start_us;          /* monotonic: when its header section was complete */
	size_t body_max;           /* on_head may change it (default: opts.body_max) */
	bool is_tls;
	bool is_cancelled; /* the peer closed; a reply may still reach a half-closed one */
	void *user;        /* the handler's; NULL at first */
};

/* Value of a header field (any case), SLICE_NONE when absent. */
struct slice http_req_header(const struct http_req *req, struct slice name);

/* Answer a request and end its handle.
 *
 * status   200..599. 204 and 304 are sent without a body; for HEAD the body only counts.
 * headers  count of them, borrowed for this call. Date, Content-Length, Connection and
 *          X-Request-Id are the server's own. Control characters in values become spaces.
 * body     borrowed for this call (copied); it may live in req->a
 *
 * Exactly once per request: before the body, inside on_head or while it is held (a refusal:
 * on_request is then not called; a short body of known length is skipped, else the
 * connection closes), or at any time from on_request on. Never calls back into the handler.
 */
void http_reply(struct http_req *req, unsigned status, const struct http_header *headers,
		unsigned count, struct slice body);

/* Inside on_head: look at no body byte, and send no 100-continue, before http_resume. What the
 * peer sends meanwhile stays in its socket beyond 64 KiB. The wait's deadline is the handler's. */
void http_hold(struct http_req *req);
/* Go on with the body of a held request: not from inside on_head. When its connection is gone the
 * request ends with this call; on_request never comes from inside it. */
void http_resume(struct http_req *req);

/* Once the header section is read, before 100-continue and before any body byte
 * is looked at. May set req->body_max, set req->user, http_hold or http_reply. */
typedef void http_head_fn(void *arg, struct http_req *req);
/* The request is complete: the handler owns it until http_reply. */
typedef void http_request_fn(void *arg, struct http_req *req);
/* The peer of a request given to on_request went away; is_cancelled is set. The handler
 * still replies (now or later). Not called inside on_request or http_reply. */
typedef void http_cancel_fn(void *arg, struct http_req *req);
/* A refusal by the server itself. req is NULL when no header section was understood; id_text is set
 * in any case. Append the body and fill headers (as in http_reply, Content-Type among them; values
 * live as long as req, or longer). Returns how many. */
#define HTTP_REFUSE_HEADERS_MAX 4
typedef unsigned http_refuse_fn(void *arg, const struct http_req *req, const char *id_text,
				const struct http1_reason_info *why, struct buf *body,
				struct http_header headers[HTTP_REFUSE_HEADERS_MAX]);
/* A reply was queued: for metrics and the access log. bytes: of the body. */
typedef void http_replied_fn(void *arg, const struct http_req *req, unsigned status, size_t bytes);
typedef void http_drained_fn(void *arg);

struct http_server_opts {
	const char *host;           /* numeric address, "0.0.0.0" or "::"; NULL: 127.0.0.1 */
	uint16_t port;              /* 0: chosen by the kernel, see http_server_port */
	bool reuse_port;            /* several processes on one port */
	int backlog;                /* 0: 1024 */
	unsigned connections_max;   /* 0: 1024; above: 503 and close */
	size_t body_max;            /* default body limit; 0: 1 MiB */
	struct http1_limits limits; /* all zero: http1_limits_default */
	int64_t head_us; /* first byte (or accept) to the end of the header section; 0: 10 s */
	int64_t idle_us; /* keep-alive without a request; 0: 60 s */
	int64_t body_grace_us; /* a body may take this plus its bytes at body_rate; 0: 5 s */
	uint64_t body_rate;    /* bytes per second; 0: 1024 */
	int64_t write_us;      /* without progress of a pending write; 0: 30 s */
	struct http_tls *tls;  /* borrowed for the server's life; NULL: plain */
	http_head_fn *on_head; /* NULL allowed */
	http_request_fn *on_request;
	http_cancel_fn *on_cancel;   /* NULL allowed */
	http_refuse_fn *on_refuse;   /* NULL: plain text */
	http_replied_fn *on_replied; /* NULL allowed */
	void *arg;
};

/* Listen at once. opts is copied. GH_EINVAL bad address, GH_ECONFLICT address in use,
 * GH_EPERM not permitted, GH_EINTERNAL else; err says which. */
enum gh_code http_server_new(struct http_server **out, struct loop *l,
			     const struct http_server_opts *opts, struct gh_err *err) GH_MUST_USE;

/* Close everything at once, from outside the server's callbacks. Requests still with
 * handlers stay valid: their http_reply only releases them. NULL is legal. */
void http_server_free(struct http_server *s);

/* The port listened on. */
uint16_t http_server_port(const struct http_server *s);

/* Stop listening, close idle connections, answer what runs with Connection: close.
 * done is called once, from the loop, when the last connection is gone. */
void http_server_drain(struct http_server *s, http_drained_fn *done, void *arg);

/* Gauges and counters. */
unsigned http_server_in_flight(const struct http_server *s); /* requests without a reply yet */
uint64_t http_server_refused(const struct http_server *s, enum http1_reason r);

/* ---- TLS ---- */
/* TLS 1.2 or newer. PEM files: certificate chain, private key. GH_EINVAL with err. */
enum gh_code http_tls_new(struct http_tls **out, const char *cert_file, const char *key_file,
			  struct gh_err *err) GH_MUST_USE;
/* Load the files again for connections to come; the old ones stay on failure. */
enum gh_code http_tls_reload(struct http_tls *t, struct gh_err *err) GH_MUST_USE;
void http_tls_free(struct http_tls *t); /* NULL is legal */

#endif
