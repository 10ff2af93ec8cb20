#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "loop/loop.h"

#define ANSWER_MAX     (1 << 20)
#define REQUEST_MAX    (1 << 16)
#define READ_BYTES     16384
#define RECONNECT_US   (10 * CLOCK_MS)
#define ERROR_BODY_MAX 400

struct load {
	struct loop *loop;
	const struct load_opts *opts;
	struct load_result *out;
	struct loop_timer *timer; /* end of the warm-up, then of the run */
	bool is_counting;
	int64_t started_us; /* of the counting */
	struct conn *conns;
	struct list idle; /* open loop: connections without a request */
	/* Open loop. A descriptor, since the loop's own timers have a millisecond's grain. */
	int tick_fd;
	struct loop_io *tick;
	int64_t opened_us;      /* when the first request fell due */
	uint64_t started_count; /* requests begun, warm-up included */
};

enum conn_state {
	CONN_CLOSED, /* waits for its timer */
	CONN_CONNECTING,
	CONN_IDLE, /* in load.idle */
	CONN_WRITING,
	CONN_READING
};

struct conn {
	struct list link; /* in load.idle */
	struct load *load;
	enum conn_state state;
	int fd;
	struct loop_io *io;
	struct loop_timer *retry;
	int64_t sent_us; /* open loop: when the request was due */
	struct buf request;
	size_t written;
	struct buf answer;
	size_t answer_n; /* bytes of the whole answer; 0 while its head is incomplete */
	unsigned status;
	bool is_last; /* the server closes after this answer */
};

static void conn_open(void *arg);

static void
load_error(struct load *l, const char *what, struct slice detail)
{
	struct load_result *r = l->out;

	if (r->errors++ > 0)
		return;
	(void)snprintf(r->first_error, sizeof(r->first_error), "%s%s%.*s", what,
		       detail.n > 0 ? ": " : "", S_FMT(detail));
}

static void
conn_close(struct conn *c)
{
	list_del(&c->link);
	loop_io_free(c->io);
	c->io = NULL;
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	c->state = CONN_CLOSED;
}

static void
conn_fail(struct conn *c, const char *what, struct slice detail)
{
	load_error(c->load, what, detail);
	conn_close(c);
	/* A pause, so that a server that is gone does not make this loop spin. */
	loop_timer_set(c->retry, RECONNECT_US);
}

/* ---- requests ---- */

static void
conn_write(struct conn *c)
{
	ssize_t n;

	while (c->written < c->request.n) {
		n = send(c->fd, c->request.p + c->written, c->request.n - c->written, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			c->state = CONN_WRITING;
			loop_io_set(c->io, LOOP_WRITE);
			return;
		}
		if (n < 0) {
			conn_fail(c, "send", slice_of(gh_errno_text(errno)));
			return;
		}
		c->written += (size_t)n;
	}
	if (c->state != CONN_READING)
		loop_io_set(c->io, LOOP_READ);
	c->state = CONN_READING;
}

static void
conn_request(struct conn *c, int64_t start_us)
{
	buf_reset(&c->request);
	buf_reset(&c->answer);
	c->written = 0;
	c->answer_n = 0;
	c->load->opts->write(c->load->opts->arg, &c->request);
	if (c->request.over)
		gh_panic("bench: a request over %d bytes", REQUEST_MAX);
	c->sent_us = start_us;
	conn_write(c);
}

/* When the next request of the open loop is due. */
static int64_t
load_due_us(const struct load *l)
{
	return l->opened_us + (int64_t)l->started_count * CLOCK_SEC / (int64_t)l->opts->rate;
}

/* Begin what is due, as far as there are connections for it. */
static void
load_begin_due(struct load *l)
{
	int64_t due_us, now_us = clock_mono_us();
	struct list *first;

	for (due_us = load_due_us(l); due_us <= now_us; due_us = load_due_us(l)) {
		first = list_pop(&l->idle);
		if (first == NULL)
			return;
		l->started_count++;
		conn_request(LIST_ENTRY(first, struct conn, link), due_us);
	}
}

static void
load_tick(void *arg, unsigned ready)
{
	struct load *l = arg;
	uint64_t count;

	(void)ready;
	if (read(l->tick_fd, &count, sizeof(count)) > 0)
		load_begin_due(l);
}

/* The connection is free for its next request. */
static void
conn_next(struct conn *c)
{
	if (c->load->opts->rate == 0) {
		conn_request(c, clock_mono_us());
		return;
	}
	c->state = CONN_IDLE;
	loop_io_set(c->io, LOOP_READ);
	list_add_tail(&c->load->idle, &c->link);
	load_begin_due(c->load);
}

/* The server ends connections that nobody used for a while. */
static void
conn_idle_ended(struct conn *c)
{
	conn_close(c);
	conn_open(c);
}

/* ---- answers ---- */

/* Read the head once it is complete. GH_EAGAIN: not yet. GH_EINVAL: not an answer of ours. */
static enum gh_code
answer_head(struct conn *c)
{
	struct slice line, rest, value, text = buf_slice(&c->answer);
	const char *end = memmem(text.p, text.n, "\r\n\r\n", 4);
	uint64_t number, body_n = 0;

	if (end == NULL)
		return text.n < ANSWER_MAX ? GH_EAGAIN : GH_EINVAL;
	rest = slice_make(text.p, (size_t)(end - text.p) + 2);
	line = slice_cut(rest, '\n', &rest);
	if (!slice_starts(line, S("HTTP/1.1 ")) ||
	    parse_u64(slice_sub(line, 9, 3), 100, 599, &number) != GH_OK)
		return GH_EINVAL;
	c->status = (unsigned)number;
	c->is_last = false;
	while (rest.n > 0) {
		line = slice_cut(slice_cut(rest, '\n', &rest), ':', &value);
		value = slice_trim(slice_sub(value, 0, value.n > 0 ? value.n - 1 : 0));
		if (slice_eq_nocase(line, S("Content-Length")) &&
		    parse_u64(value, 0, ANSWER_MAX / 2, &body_n) != GH_OK)
			return GH_EINVAL;
		if (slice_eq_nocase(line, S("Connection")) && slice_eq_nocase(value, S("close")))
			c->is_last = true;
	}
	c->answer_n = (size_t)(end - text.p) + 4 + body_n;
	return GH_OK;
}

static void
answer_count(struct conn *c)
{
	struct load *l = c->load;
	int64_t now_us = clock_mono_us();
	struct slice body;

	if (c->status != l->opts->status) {
		body = slice_make(c->answer.p, c->answer_n);
		load_error(l, "answer", slice_sub(body, 0, ERROR_BODY_MAX));
	} else if (l->is_counting && (l->opts->rate == 0 || c->sent_us >= l->started_us)) {
		l->out->requests++;
		hist_add(&l->out->latency, now_us - c->sent_us);
	}
}

/* Bytes came: finish the answer and go on, when it is complete. */
static void
answer_take(struct conn *c)
{
	if (c->answer_n == 0) {
		enum gh_code rc = answer_head(c);

		if (rc == GH_EINVAL)
			conn_fail(c, "not an answer",
				  slice_sub(buf_slice(&c->answer), 0, ERROR_BODY_MAX));
		if (rc != GH_OK)
			return;
	}
	if (c->answer.n < c->answer_n)
		return;
	if (c->answer.n > c->answer_n) {
		conn_fail(c, "more than one answer to a request", SLICE_NONE);
		return;
	}
	answer_count(c);
	if (c->is_last) {
		conn_close(c);
		conn_open(c);
	} else {
		conn_next(c);
	}
}

static void
conn_read(struct conn *c)
{
	char *room = buf_reserve(&c->answer, READ_BYTES);
	ssize_t n;

	if (room == NULL) {
		conn_fail(c, "answer too long", SLICE_NONE);
		return;
	}
	n = recv(c->fd, room, READ_BYTES, 0);
	if (n > 0) {
		buf_commit(&c->answer, (size_t)n);
		answer_take(c);
	} else if (n == 0) {
		conn_fail(c, "connection closed before the answer", SLICE_NONE);
	} else if (errno != EAGAIN && errno != EINTR) {
		conn_fail(c, "recv", slice_of(gh_errno_text(errno)));
	}
}

/* ---- connections ---- */

static void
conn_connected(struct conn *c)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error != 0)
		conn_fail(c, "connect", slice_of(gh_errno_text(error)));
	else
		conn_next(c);
}

static void
conn_ready(void *arg, unsigned ready)
{
	struct conn *c = arg;

	(void)ready; /* only what the state waits for is watched */
	switch (c->state) {
	case CONN_CONNECTING:
		conn_connected(c);
		break;
	case CONN_IDLE:
		conn_idle_ended(c);
		break;
	case CONN_WRITING:
		conn_write(c);
		break;
	case CONN_READING:
		conn_read(c);
		break;
	case CONN_CLOSED:
		gh_panic("bench: a closed connection became ready");
	}
}

static void
conn_open(void *arg)
{
	struct conn *c = arg;
	const struct load_opts *o = c->load->opts;
	struct sockaddr_storage to;
	socklen_t to_n = addr_to_sockaddr(&o->addr, o->port, &to);
	int on = 1;

	c->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		conn_fail(c, "socket", slice_of(gh_errno_text(errno)));
		return;
	}
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, (const struct sockaddr *)&to, to_n) != 0 && errno != EINPROGRESS) {
		conn_fail(c, "connect", slice_of(gh_errno_text(errno)));
		return;
	}
	c->state = CONN_CONNECTING;
	c->io = loop_io_new(c->load->loop, c->fd, conn_ready, c);
	loop_io_set(c->io, LOOP_WRITE);
}

/* ---- the run ---- */

static void
load_phase_over(void *arg)
{
	struct load *l = arg;

	if (l->is_counting) {
		l->out->elapsed_us = clock_mono_us() - l->started_us;
		l->out->due = (uint64_t)(l->out->elapsed_us * (int64_t)l->opts->rate / CLOCK_SEC);
		loop_stop(l->loop);
		return;
	}
	l->is_counting = true;
	l->started_us = clock_mono_us();
	loop_timer_set(l->timer, l->opts->run_us);
}

static void
load_open_ticks(struct load *l)
{
	const long interval_ns = 1000000000L / (long)l->opts->rate;
	const struct itimerspec every = {.it_interval = {.tv_sec = interval_ns / 1000000000L,
							 .tv_nsec = interval_ns % 1000000000L},
					 .it_value = {.tv_nsec = 1}};

	l->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->tick_fd < 0 || timerfd_settime(l->tick_fd, 0, &every, NULL) != 0)
		gh_panic("bench: timerfd: %s", gh_errno_text(errno));
	l->opened_us = clock_mono_us();
	l->tick = loop_io_new(l->loop, l->tick_fd, load_tick, l);
	loop_io_set(l->tick, LOOP_READ);
}

static void
load_start(struct load *l)
{
	list_init(&l->idle);
	if (l->opts->rate > 0)
		load_open_ticks(l);
	l->conns = gh_alloc_array(l->opts->connections, sizeof(*l->conns));
	for (unsigned i = 0; i < l->opts->connections; i++) {
		struct conn *c = &l->conns[i];

		list_init(&c->link);
		c->load = l;
		c->fd = -1;
		c->retry = loop_timer_new(l->loop, conn_open, c);
		buf_init(&c->request, NULL, REQUEST_MAX);
		buf_init(&c->answer, NULL, ANSWER_MAX);
		conn_open(c);
	}
	l->timer = loop_timer_new(l->loop, load_phase_over, l);
	loop_timer_set(l->timer, l->opts->warmup_us);
}

static void
load_stop(struct load *l)
{
	for (unsigned i = 0; i < l->opts->connections; i++) {
		struct conn *c = &l->conns[i];

		conn_close(c);
		loop_timer_free(c->retry);
		buf_free(&c->request);
		buf_free(&c->answer);
	}
	loop_timer_free(l->timer);
	loop_io_free(l->tick);
	if (l->tick_fd >= 0)
		(void)close(l->tick_fd);
	gh_free(l->conns);
}

void
load_run(struct loop *loop, const struct load_opts *opts, struct load_result *out)
{
	struct load l = {.loop = loop, .opts = opts, .out = out, .tick_fd = -1};

	memset(out, 0, sizeof(*out));
	load_start(&l);
	loop_run(loop);
	load_stop(&l);
}
