/* server_private.h - shared by the server_*.c files only. */
#ifndef GH_HTTP_SERVER_PRIVATE_H
#define GH_HTTP_SERVER_PRIVATE_H

#include "base/buf.h"
#include "base/list.h"
#include "http/server.h"

struct bufferevent;
struct event_base;
struct evconnlistener;
struct loop_task;
struct loop_timer;

/* Unsent replies above this stop the reading of further pipelined requests. */
#define HTTP_OUT_HIGH_BYTES ((size_t)256 * 1024)
/* Input kept unread while a request runs: pipelined requests. */
#define HTTP_IN_HIGH_BYTES ((size_t)64 * 1024)
/* Buffers larger than this are given back instead of kept for the next request. */
#define HTTP_KEEP_BYTES      ((size_t)64 * 1024)
#define HTTP_REPLY_MAX_BYTES ((size_t)256 * 1024 * 1024)
#define HTTP_DATE_SIZE       30

struct http_conn;

/* A request and what it needs; pooled. pub comes first: handlers hold &pub. */
struct http_exchange {
	struct http_req pub;
	struct http1_head head;
	struct buf body;
	struct list link;       /* server's running or free list */
	struct http_server *s;  /* NULL: the server is gone */
	struct http_conn *conn; /* NULL: the connection is gone */
	bool is_parsed;         /* head is valid */
	bool is_running;        /* with the handler, on the server's list */
	bool is_held;           /* running, and its body was not looked at */
	bool is_in_head;        /* inside on_head */
	bool is_replied;
};

enum conn_state {
	CONN_IDLE,    /* between requests */
	CONN_HEAD,    /* reading a header section */
	CONN_SKIP,    /* reading the rest of a body whose request was answered */
	CONN_BODY,    /* reading a body */
	CONN_HELD,    /* the handler thinks about the header section */
	CONN_RUNNING, /* the handler works */
	CONN_CLOSING, /* last reply on its way, nothing is read any more */
	CONN_LINGER   /* our side is shut; waiting for the peer to notice */
};

struct http_conn {
	struct list link;       /* server's connections */
	struct list dirty_link; /* server's connections with something to flush */
	struct http_server *s;
	struct bufferevent *bev;
	int fd;
	bool is_tls;
	bool is_refused; /* unread input may be pending: linger before closing */
	bool is_at_end;  /* the peer sent its last byte */
	bool is_paused;  /* nothing is read: the input is full */
	enum conn_state state;
	struct http_exchange *r; /* NULL in IDLE, SKIP, CLOSING, LINGER */
	struct http1_scan scan;
	struct http1_chunks chunks;
	struct buf out; /* replies of this pass */
	uint64_t request_count;
	int64_t since_us;             /* when the state's deadline clock started */
	int64_t write_since_us;       /* last progress of pending output */
	size_t write_left;            /* pending output when that was noted; 0: none */
	size_t skip_left, skip_bytes; /* CONN_SKIP: still to come, seen */
	size_t linger_bytes;
	char peer[HTTP_PEER_SIZE];
};

struct http_server {
	struct http_server_opts o;
	struct loop *l;
	struct evconnlistener *listener; /* NULL while draining */
	struct loop_timer *sweep;
	struct loop_task *flush;
	int64_t sweep_us;
	struct list conns, dirty, running, free_requests;
	unsigned conn_count, running_count, free_count;
	uint64_t refused[HTTP1_REASON_COUNT];
	uint16_t port;
	bool is_draining;
	bool is_paused; /* accept failed: descriptors are short */
	http_drained_fn *drained;
	void *drained_arg;
	int64_t date_s;
	char date[HTTP_DATE_SIZE];
};

/* ---- server_conn.c ---- */
/* Takes fd. */
void http_conn_new(struct http_server *s, int fd, const char *peer);
/* Close now; a running request is cancelled and stays with its handler. */
void http_conn_free(struct http_conn *c);
/* Do what the bytes read so far allow. */
void http_conn_advance(struct http_conn *c);
/* Hand c->out to the kernel, then close or advance. May free c. */
void http_conn_flush(struct http_conn *c);
/* Put c on the server's dirty list. */
void http_conn_mark(struct http_conn *c);
/* Apply the deadline of what c waits for. May free c. */
void http_conn_check_deadline(struct http_conn *c, int64_t now_us);
/* The handler has r now. */
void http_exchange_lend(struct http_exchange *r);
/* Between requests with nothing left to send. */
bool http_conn_is_idle(const struct http_conn *c);

/* ---- server_reply.c ---- */
struct http_exchange *http_exchange_new(struct http_conn *c);
void http_exchange_free(struct http_exchange *r);
void http_exchange_destroy(struct http_exchange *r);
/* Append a complete reply to c->out. r NULL only for is_parsed == false refusals. */
void http_conn_answer(struct http_conn *c, struct http_exchange *r, unsigned status,
		      const struct http_header *headers, unsigned count, struct slice body);

/* ---- server_tls.c ---- */
/* Takes fd; NULL on failure (fd is closed). */
struct bufferevent *http_tls_accept(struct http_tls *t, struct event_base *base, int fd);

#endif
