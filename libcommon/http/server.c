/* server.c - the listener, the sweep over deadlines, draining, counters. */
#include "http/server_private.h"

#include <errno.h>
#include <stdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/listener.h>
#include <event2/util.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"

#define SWEEP_MIN_US (10 * CLOCK_MS)
#define SWEEP_MAX_US (500 * CLOCK_MS)

struct slice
http_req_header(const struct http_req *req, struct slice name)
{
	return http1_field_get(req->head, name);
}

/* ---- loop tasks ---- */

/* All replies of the pass, one write per connection; then the requests behind them. */
static void
flush_all(void *arg)
{
	struct http_server *s = arg;
	struct list *l;

	for (l = list_pop(&s->dirty); l != NULL; l = list_pop(&s->dirty))
		http_conn_flush(LIST_ENTRY(l, struct http_conn, dirty_link));
	if (s->drained != NULL && s->conn_count == 0) {
		http_drained_fn *done = s->drained;

		s->drained = NULL;
		done(s->drained_arg);
	}
}

/* One timer for all connections: none is armed or disarmed per request. */
static void
sweep(void *arg)
{
	struct http_server *s = arg;
	int64_t now_us = clock_mono_us();

	LIST_FOREACH_SAFE(it, &s->conns)
	http_conn_check_deadline(LIST_ENTRY(it, struct http_conn, link), now_us);
	if (s->is_paused && s->listener != NULL) {
		s->is_paused = false;
		evconnlistener_enable(s->listener);
	}
	if (s->conn_count > 0)
		loop_timer_set(s->sweep, s->sweep_us);
}

/* ---- accepting ---- */

static void
peer_text(const struct sockaddr *sa, char dst[HTTP_PEER_SIZE])
{
	char text[HTTP_PEER_SIZE] = "";
	const char *p = text;

	if (sa->sa_family == AF_INET)
		evutil_inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr,
				 text, sizeof(text));
	else if (sa->sa_family == AF_INET6)
		evutil_inet_ntop(AF_INET6,
				 &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, text,
				 sizeof(text));
	/* A v4 client of a dual-stack listener is the same client as on a v4 one. */
	if (slice_starts(slice_of(p), S("::ffff:")) && slice_index(slice_of(p), '.') >= 0)
		p += sizeof("::ffff:") - 1;
	snprintf(dst, HTTP_PEER_SIZE, "%s", p);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int sa_len,
	  void *arg)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
				   "Content-Length: 0\r\nConnection: close\r\n\r\n";
	struct http_server *s = arg;
	char peer[HTTP_PEER_SIZE];
	int on = 1;

	(void)listener;
	(void)sa_len;
	if (s->conn_count >= s->o.connections_max) {
		s->refused[HTTP1_TOO_MANY_CONNECTIONS]++;
		/* Best effort: the socket is new, its buffer empty. */
		if (s->o.tls == NULL)
			(void)send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	/* A reply is one write: nothing to wait for (fails harmlessly on other sockets). */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	peer_text(sa, peer);
	http_conn_new(s, fd, peer);
	if (!loop_timer_is_set(s->sweep))
		loop_timer_set(s->sweep, s->sweep_us);
}

/* Descriptors are short: without a pause the listener would spin. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct http_server *s = arg;

	log_error("http.accept_failed", LOG_STR("err", gh_errno_text(errno)),
		  LOG_INT("connections", s->conn_count));
	evconnlistener_disable(listener);
	s->is_paused = true;
	loop_timer_set(s->sweep, s->sweep_us);
}

/* ---- life ---- */

static void
set_us(int64_t *v, int64_t dflt)
{
	if (*v == 0)
		*v = dflt;
}

static void
set_defaults(struct http_server_opts *o)
{
	if (o->host == NULL)
		o->host = "127.0.0.1";
	if (o->backlog == 0)
		o->backlog = 1024;
	if (o->connections_max == 0)
		o->connections_max = 1024;
	if (o->body_max == 0)
		o->body_max = (size_t)1024 * 1024;
	if (o->limits.head_bytes == 0)
		o->limits = http1_limits_default;
	if (o->body_rate == 0)
		o->body_rate = 1024;
	set_us(&o->head_us, 10 * CLOCK_SEC);
	set_us(&o->idle_us, 60 * CLOCK_SEC);
	set_us(&o->body_grace_us, 5 * CLOCK_SEC);
	set_us(&o->write_us, 30 * CLOCK_SEC);
}

/* A quarter of the shortest deadline: they fire at most that much late. */
static int64_t
sweep_interval(const struct http_server_opts *o)
{
	const int64_t waits[] = {o->head_us, o->idle_us, o->body_grace_us, o->write_us};
	int64_t us = SWEEP_MAX_US;

	for (size_t i = 0; i < GH_COUNT(waits); i++)
		if (waits[i] / 4 < us)
			us = waits[i] / 4;
	return us < SWEEP_MIN_US ? SWEEP_MIN_US : us;
}

static enum gh_code
make_address(const struct http_server_opts *o, struct sockaddr_storage *ss, int *n,
	     struct gh_err *err)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (evutil_inet_pton(AF_INET, o->host, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(o->port);
		*n = sizeof(*in4);
		return GH_OK;
	}
	memset(ss, 0, sizeof(*ss));
	if (evutil_inet_pton(AF_INET6, o->host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(o->port);
		*n = sizeof(*in6);
		return GH_OK;
	}
	return gh_fail(err, GH_EINVAL, "listen address '%s' is not numeric", o->host);
}

static uint16_t
bound_port(struct evconnlistener *listener)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} sa;
	socklen_t n = sizeof(sa);
	int fd = evconnlistener_get_fd(listener);

	memset(&sa, 0, sizeof(sa));
	if (getsockname(fd, &sa.any, &n) != 0)
		return 0;
	return ntohs(sa.any.sa_family == AF_INET6 ? sa.in6.sin6_port : sa.in4.sin_port);
}

static enum gh_code
listen_on(struct http_server *s, struct gh_err *err)
{
	unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
	struct sockaddr_storage ss;
	enum gh_code rc;
	int n = 0;

	rc = make_address(&s->o, &ss, &n, err);
	if (rc != GH_OK)
		return rc;
	if (s->o.reuse_port)
		flags |= LEV_OPT_REUSEABLE_PORT;
	s->listener = evconnlistener_new_bind(loop_base(s->l), on_accept, s, flags, s->o.backlog,
					      (struct sockaddr *)&ss, n);
	if (s->listener == NULL) {
		rc = errno == EADDRINUSE                 ? GH_ECONFLICT
		     : errno == EACCES || errno == EPERM ? GH_EPERM
		     : errno == EADDRNOTAVAIL            ? GH_EINVAL
							 : GH_EINTERNAL;
		return gh_fail(err, rc, "listen on %s port %u: %s", s->o.host, s->o.port,
			       gh_errno_text(errno));
	}
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	s->port = bound_port(s->listener);
	return GH_OK;
}

enum gh_code
http_server_new(struct http_server **out, struct loop *l, const struct http_server_opts *opts,
		struct gh_err *err)
{
	struct http_server *s = gh_alloc(sizeof(*s));
	enum gh_code rc;

	s->o = *opts;
	set_defaults(&s->o);
	s->l = l;
	list_init(&s->conns);
	list_init(&s->dirty);
	list_init(&s->running);
	list_init(&s->free_requests);
	s->sweep_us = sweep_interval(&s->o);
	s->sweep = loop_timer_new(l, sweep, s);
	s->flush = loop_task_new(l, LOOP_PHASE_ANSWER, flush_all, s);
	rc = listen_on(s, err);
	if (rc != GH_OK) {
		http_server_free(s);
		return rc;
	}
	/* The caller's string need not live as long as the server. */
	s->o.host = NULL;
	*out = s;
	return GH_OK;
}

void
http_server_free(struct http_server *s)
{
	struct list *l;

	if (s == NULL)
		return;
	if (s->listener != NULL)
		evconnlistener_free(s->listener);
	LIST_FOREACH_SAFE(it, &s->conns)
	http_conn_free(LIST_ENTRY(it, struct http_conn, link));
	for (l = list_pop(&s->running); l != NULL; l = list_pop(&s->running))
		LIST_ENTRY(l, struct http_exchange, link)->s = NULL;
	while (!list_is_empty(&s->free_requests))
		http_exchange_destroy(
			LIST_ENTRY(s->free_requests.next, struct http_exchange, link));
	loop_timer_free(s->sweep);
	loop_task_free(s->flush);
	gh_free(s);
}

uint16_t
http_server_port(const struct http_server *s)
{
	return s->port;
}

void
http_server_drain(struct http_server *s, http_drained_fn *done, void *arg)
{
	s->is_draining = true;
	s->drained = done;
	s->drained_arg = arg;
	if (s->listener != NULL)
		evconnlistener_free(s->listener);
	s->listener = NULL;
	LIST_FOREACH_SAFE(it, &s->conns)
	{
		struct http_conn *c = LIST_ENTRY(it, struct http_conn, link);

		if (http_conn_is_idle(c))
			http_conn_free(c);
	}
	loop_task_mark(s->flush);
}

unsigned
http_server_in_flight(const struct http_server *s)
{
	return s->running_count;
}

uint64_t
http_server_refused(const struct http_server *s, enum http1_reason r)
{
	return s->refused[r];
}
