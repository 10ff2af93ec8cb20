/* server_conn.c - one connection: bytes in, requests to the handler, replies out.
 *
 * The bufferevent reads (and does TLS); plain replies are written straight to
 * the socket once per pass, and only what the kernel does not take goes through
 * the bufferevent's output: in the usual case no write event is ever armed.
 *
 * A connection is freed only from the loop's side (its events, the flush task,
 * the sweep), never from inside http_reply or a handler's call.
 */
#include "http/server_private.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"

#define LINGER_US        CLOCK_SEC
#define LINGER_BYTES_MAX ((size_t)64 * 1024)

static struct evbuffer *
input_of(const struct http_conn *c)
{
	return bufferevent_get_input(c->bev);
}

static size_t
output_left(const struct http_conn *c)
{
	return c->out.n + evbuffer_get_length(bufferevent_get_output(c->bev));
}

static void
set_state(struct http_conn *c, enum conn_state state)
{
	c->state = state;
	c->since_us = clock_mono_us();
}

void
http_conn_mark(struct http_conn *c)
{
	if (list_is_empty(&c->dirty_link))
		list_add_tail(&c->s->dirty, &c->dirty_link);
	loop_task_mark(c->s->flush);
}

bool
http_conn_is_idle(const struct http_conn *c)
{
	return c->state == CONN_IDLE && output_left(c) == 0;
}

/* ---- refusals ---- */

/* Answer for the server itself and stop reading. Consumes c->r. */
static void
refuse(struct http_conn *c, enum http1_reason reason)
{
	const struct http1_reason_info *why = http1_reason_info(reason);
	struct http_server *s = c->s;
	struct http_exchange *r = c->r;
	struct http_header headers[HTTP_REFUSE_HEADERS_MAX];
	unsigned count = 1;
	struct buf body;

	s->refused[reason]++;
	buf_init(&body, r->pub.a, HTTP_KEEP_BYTES);
	if (s->o.on_refuse != NULL) {
		count = s->o.on_refuse(s->o.arg, r->is_parsed ? &r->pub : NULL, r->pub.id_text, why,
				       &body, headers);
	} else {
		buf_add_printf(&body, "%s\n", why->text);
		headers[0] =
			(struct http_header){S("Content-Type"), S("text/plain; charset=utf-8")};
	}
	set_state(c, CONN_CLOSING);
	c->is_refused = true;
	c->r = NULL;
	http_conn_answer(c, r, why->status, headers, count, buf_slice(&body));
	http_exchange_free(r);
}

/* ---- reading a request ---- */

static void
begin_request(struct http_conn *c)
{
	bool is_first = c->request_count++ == 0;

	c->r = http_exchange_new(c);
	http1_scan_init(&c->scan);
	c->state = CONN_HEAD;
	/* The first header section is timed from accept: a silent client is a slow one. */
	if (!is_first)
		c->since_us = clock_mono_us();
}

static void
start_handler(struct http_conn *c)
{
	struct http_exchange *r = c->r;
	struct http_server *s = c->s;

	set_state(c, CONN_RUNNING);
	r->pub.body = buf_slice(&r->body);
	http_exchange_lend(r);
	s->o.on_request(s->o.arg, &r->pub);
}

/* The header section was judged: the body may come. */
static void
expect_body(struct http_conn *c)
{
	struct http_exchange *r = c->r;

	if (r->head.content_length > r->pub.body_max) {
		refuse(c, HTTP1_BODY_TOO_LARGE);
		return;
	}
	if (!r->head.is_chunked && r->head.content_length == 0) {
		start_handler(c);
		return;
	}
	http1_chunks_init(&c->chunks);
	if (r->head.wants_continue && evbuffer_get_length(input_of(c)) == 0) {
		buf_add(&c->out, S("HTTP/1.1 100 Continue\r\n\r\n"));
		http_conn_mark(c);
	}
	set_state(c, CONN_BODY);
}

/* The header section is understood: ask on_head, then decide about the body. */
static void
judge_head(struct http_conn *c)
{
	struct http_exchange *r = c->r;
	struct http_server *s = c->s;

	r->is_parsed = true;
	r->pub.start_us = clock_mono_us();
	if (s->o.on_head != NULL) {
		r->is_in_head = true;
		s->o.on_head(s->o.arg, &r->pub);
		r->is_in_head = false;
		if (r->is_replied) {
			http_exchange_free(r);
			return;
		}
	}
	if (r->is_held)
		set_state(c, CONN_HELD);
	else
		expect_body(c);
}

/* The only copy of the header section: out of the input into the request's arena. */
static void
take_head(struct http_conn *c)
{
	struct http_exchange *r = c->r;
	size_t n = c->scan.n;
	char *p = arena_alloc(r->pub.a, n);
	enum http1_reason reason;

	evbuffer_remove(input_of(c), p, n);
	if (http1_parse_head(&r->head, &c->s->o.limits, slice_make(p, n), &reason) != GH_OK)
		refuse(c, reason);
	else
		judge_head(c);
}

/* Returns false when more input is needed. */
static bool
read_head(struct http_conn *c)
{
	struct evbuffer *in = input_of(c);

	while (c->scan.n < evbuffer_get_length(in)) {
		struct evbuffer_iovec pieces[2] = {0}, piece;
		struct evbuffer_ptr at;
		enum http1_reason reason;
		enum gh_code rc;
		size_t used;

		evbuffer_ptr_set(in, &at, c->scan.n, EVBUFFER_PTR_SET);
		evbuffer_peek(in, -1, &at, pieces, 2);
		/* At the seam of two chains the first piece is empty. */
		piece = pieces[pieces[0].iov_len == 0];
		rc = http1_scan(&c->scan, &c->s->o.limits,
				slice_make(piece.iov_base, piece.iov_len), &used, &reason);
		if (rc == GH_OK) {
			take_head(c);
			return true;
		}
		if (rc != GH_EAGAIN) {
			refuse(c, reason);
			return true;
		}
	}
	return false;
}

static bool
read_sized_body(struct http_conn *c)
{
	struct http_exchange *r = c->r;
	size_t have = evbuffer_get_length(input_of(c));
	size_t left = (size_t)r->head.content_length - r->body.n;
	size_t n = have < left ? have : left;

	if (n > 0) {
		evbuffer_remove(input_of(c), buf_reserve(&r->body, n), n);
		buf_commit(&r->body, n);
	}
	if (n < left)
		return false;
	start_handler(c);
	return true;
}

static bool
read_chunked_body(struct http_conn *c)
{
	struct http_exchange *r = c->r;
	struct evbuffer *in = input_of(c);
	struct evbuffer_iovec piece;

	while (evbuffer_peek(in, -1, NULL, &piece, 1) > 0) {
		enum http1_reason reason;
		struct slice data;
		size_t used;

		if (http1_chunk_next(&c->chunks, &c->s->o.limits, r->pub.body_max,
				     slice_make(piece.iov_base, piece.iov_len), &used, &data,
				     &reason) == GH_EINVAL) {
			refuse(c, reason);
			return true;
		}
		buf_add(&r->body, data);
		evbuffer_drain(in, used);
		if (c->chunks.is_done) {
			start_handler(c);
			return true;
		}
	}
	return false;
}

/* The rest of a body that nobody wants, so that the connection can stay. */
static bool
skip_body(struct http_conn *c)
{
	size_t have = evbuffer_get_length(input_of(c));
	size_t n = have < c->skip_left ? have : c->skip_left;

	evbuffer_drain(input_of(c), n);
	c->skip_bytes += n;
	c->skip_left -= n;
	if (c->skip_left > 0)
		return false;
	set_state(c, CONN_IDLE);
	/* A server that drains meanwhile closes it there. */
	http_conn_mark(c);
	return true;
}

static bool
discard_input(struct http_conn *c)
{
	size_t n = evbuffer_get_length(input_of(c));

	evbuffer_drain(input_of(c), n);
	c->linger_bytes += n;
	return false;
}

/* One step; false when nothing more can be done now. */
static bool
advance_once(struct http_conn *c)
{
	switch (c->state) {
	case CONN_IDLE:
		if (evbuffer_get_length(input_of(c)) == 0 || output_left(c) > HTTP_OUT_HIGH_BYTES)
			return false;
		begin_request(c);
		return true;
	case CONN_HEAD:
		return read_head(c);
	case CONN_SKIP:
		return skip_body(c);
	case CONN_BODY:
		return c->r->head.is_chunked ? read_chunked_body(c) : read_sized_body(c);
	case CONN_HELD:
		if (c->r->is_held)
			return false;
		expect_body(c);
		return true;
	case CONN_RUNNING:
		return false;
	case CONN_CLOSING:
	case CONN_LINGER:
		return discard_input(c);
	}
	return false;
}

/* libevent calls back again and again, without ever ending its pass, for input that stays at the
 * high mark: what cannot be used now must not be asked for. */
static void
pause_reading(struct http_conn *c)
{
	bool is_full = evbuffer_get_length(input_of(c)) >= HTTP_IN_HIGH_BYTES;

	if (is_full == c->is_paused)
		return;
	c->is_paused = is_full;
	if (is_full)
		bufferevent_disable(c->bev, EV_READ);
	else
		bufferevent_enable(c->bev, EV_READ);
}

void
http_conn_advance(struct http_conn *c)
{
	while (advance_once(c))
		;
	pause_reading(c);
	/* Nothing more can come: what waits for input is over once the output is out. */
	if (c->is_at_end && c->state <= CONN_BODY && output_left(c) <= HTTP_OUT_HIGH_BYTES) {
		if (c->r != NULL)
			http_exchange_free(c->r);
		c->r = NULL;
		set_state(c, CONN_CLOSING);
		http_conn_mark(c);
	}
}

/* ---- writing ---- */

/* Returns false when the peer is gone. */
static bool
write_out(struct http_conn *c)
{
	struct evbuffer *pending = bufferevent_get_output(c->bev);
	size_t sent = 0;

	if (!c->is_tls && c->out.n > 0 && evbuffer_get_length(pending) == 0) {
		ssize_t n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		sent = n > 0 ? (size_t)n : 0;
	}
	if (sent < c->out.n)
		bufferevent_write(c->bev, c->out.p + sent, c->out.n - sent);
	buf_reset(&c->out);
	if (c->out.size > HTTP_KEEP_BYTES) {
		buf_free(&c->out);
		buf_init(&c->out, NULL, HTTP_REPLY_MAX_BYTES);
	}
	if (c->write_left == 0)
		c->write_since_us = clock_mono_us();
	c->write_left = evbuffer_get_length(pending);
	return true;
}

/* The last reply is out. */
static void
finish(struct http_conn *c)
{
	if (!c->is_refused || c->is_at_end) {
		http_conn_free(c);
		return;
	}
	/* Closing with unread input makes the kernel send RST, and the peer may lose the reply. */
	shutdown(c->fd, SHUT_WR);
	set_state(c, CONN_LINGER);
}

void
http_conn_flush(struct http_conn *c)
{
	list_del(&c->dirty_link);
	if (!write_out(c)) {
		http_conn_free(c);
		return;
	}
	if (c->state == CONN_CLOSING) {
		if (c->write_left == 0)
			finish(c);
		return;
	}
	http_conn_advance(c);
	if (c->s->is_draining && http_conn_is_idle(c))
		http_conn_free(c);
}

/* ---- events ---- */

static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct http_conn *c = arg;

	(void)bev;
	http_conn_advance(c);
	if (c->state == CONN_LINGER && c->linger_bytes > LINGER_BYTES_MAX)
		http_conn_free(c);
}

/* The bufferevent's output is empty. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct http_conn *c = arg;

	(void)bev;
	c->write_left = 0;
	http_conn_mark(c);
}

/* Is its request with the handler? */
static bool
is_lent(const struct http_conn *c)
{
	return c->r != NULL && c->r->is_running;
}

static void
cancel(struct http_conn *c)
{
	struct http_exchange *r = c->r;

	if (r->pub.is_cancelled)
		return;
	r->pub.is_cancelled = true;
	if (c->s->o.on_cancel != NULL)
		c->s->o.on_cancel(c->s->o.arg, &r->pub);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct http_conn *c = arg;

	(void)bev;
	if ((what & BEV_EVENT_CONNECTED) != 0)
		return;
	if ((what & BEV_EVENT_EOF) == 0 || c->state == CONN_LINGER || http_conn_is_idle(c)) {
		http_conn_free(c);
		return;
	}
	/* The end of input may be a half-close: what was asked is still answered. */
	c->is_at_end = true;
	if (is_lent(c))
		cancel(c);
	else
		http_conn_advance(c);
}

static bool
is_body_late(const struct http_server_opts *o, int64_t waited_us, size_t bytes)
{
	return waited_us - o->body_grace_us > (int64_t)(bytes * (uint64_t)CLOCK_SEC / o->body_rate);
}

void
http_conn_check_deadline(struct http_conn *c, int64_t now_us)
{
	const struct http_server_opts *o = &c->s->o;
	size_t left = evbuffer_get_length(bufferevent_get_output(c->bev));
	int64_t waited_us = now_us - c->since_us;

	if (left > 0 && left < c->write_left) {
		c->write_left = left;
		c->write_since_us = now_us;
	}
	if (left > 0 && now_us - c->write_since_us > o->write_us) {
		http_conn_free(c);
		return;
	}
	switch (c->state) {
	case CONN_IDLE:
		if (left == 0 && waited_us > (c->request_count == 0 ? o->head_us : o->idle_us))
			http_conn_free(c);
		break;
	case CONN_HEAD:
		if (waited_us > o->head_us)
			refuse(c, HTTP1_HEAD_TIMEOUT);
		break;
	case CONN_SKIP:
		if (is_body_late(o, waited_us, c->skip_bytes))
			http_conn_free(c);
		break;
	case CONN_BODY:
		if (is_body_late(o, waited_us, c->r->body.n))
			refuse(c, HTTP1_BODY_TIMEOUT);
		break;
	case CONN_LINGER:
		if (waited_us > LINGER_US)
			http_conn_free(c);
		break;
	case CONN_HELD: /* the handler's deadlines */
	case CONN_RUNNING:
	case CONN_CLOSING: /* the write's */
		break;
	}
}

/* ---- life ---- */

void
http_conn_new(struct http_server *s, int fd, const char *peer)
{
	struct http_conn *c = gh_alloc(sizeof(*c));
	struct event_base *base = loop_base(s->l);

	c->s = s;
	c->fd = fd;
	c->is_tls = s->o.tls != NULL;
	c->bev = c->is_tls ? http_tls_accept(s->o.tls, base, fd)
			   : bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL) {
		gh_free(c);
		return;
	}
	snprintf(c->peer, sizeof(c->peer), "%s", peer);
	buf_init(&c->out, NULL, HTTP_REPLY_MAX_BYTES);
	list_init(&c->dirty_link);
	list_add_tail(&s->conns, &c->link);
	s->conn_count++;
	set_state(c, CONN_IDLE);
	bufferevent_setcb(c->bev, on_readable, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_IN_HIGH_BYTES);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

void
http_conn_free(struct http_conn *c)
{
	struct http_server *s = c->s;

	if (c->r != NULL) {
		c->r->conn = NULL;
		if (is_lent(c))
			cancel(c);
		else
			http_exchange_free(c->r);
	}
	list_del(&c->link);
	list_del(&c->dirty_link);
	bufferevent_free(c->bev);
	buf_free(&c->out);
	gh_free(c);
	s->conn_count--;
	/* The flush task reports the end of a drain. */
	loop_task_mark(s->flush);
}
