/* conn.c - the stream of an AMQP connection: connect, read, write, keep alive,
 * reconnect. See conn.h.
 *
 * Teardown happens in conn_down only, called from the top of a loop callback and
 * never from below the reading loop, so no frame is ever handled on an object
 * that has just been torn down.
 */
#include "mq/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "loop/dns.h"
#include "mq/internal.h"

#define CONN_HEARTBEAT_S    15u
#define CONN_HANDSHAKE_US   (10 * CLOCK_SEC)
#define CONN_BACKOFF_MIN_US (200 * CLOCK_MS)
#define CONN_BACKOFF_MAX_US (10 * CLOCK_SEC)
#define CONN_READ_BYTES     65536u /* per pass and connection: fairness */
#define CONN_POOL_BYTES     4096u

static const char *const state_names[] = {
	[MQ_WAITING] = "waiting", [MQ_CONNECTING] = "connecting", [MQ_HANDSHAKE] = "handshake",
	[MQ_OPEN] = "open",       [MQ_CLOSING] = "closing",       [MQ_STOPPED] = "stopped",
};

const char *
mq_state_name(enum mq_state s)
{
	return (unsigned)s < GH_COUNT(state_names) ? state_names[s] : "unknown";
}

static void
conn_set_state(struct mq_conn *c, enum mq_state s)
{
	if (c->state == s)
		return;
	log_debug("amqp.state", LOG_STR("name", c->name), LOG_STR("from", mq_state_name(c->state)),
		  LOG_STR("to", mq_state_name(s)));
	c->state = s;
	loop_task_mark(c->task);
}

static void
conn_set_error(struct mq_conn *c, const char *text)
{
	(void)snprintf(c->error, sizeof(c->error), "%s", text);
}

/* ---- going down ---- */

static int64_t
conn_backoff_us(const struct mq_conn *c)
{
	unsigned round = (c->attempt_count - 1) / c->url.host_count;
	int64_t delay = c->backoff_min_us;

	/* A refused login will not get better in milliseconds. */
	if (c->is_refused)
		return random_jitter(c->backoff_max_us, 25);
	while (round-- > 0 && delay < c->backoff_max_us)
		delay *= 2;
	if (delay > c->backoff_max_us)
		delay = c->backoff_max_us;
	return random_jitter(delay, 25);
}

static void
conn_drop_stream(struct mq_conn *c)
{
	if (c->query != NULL)
		dns_cancel(c->query);
	c->query = NULL;
	loop_io_free(c->io);
	c->io = NULL;
	if (c->fd >= 0)
		(void)close(c->fd);
	c->fd = -1;
	buf_reset(&c->in);
	buf_reset(&c->out);
	c->out_sent = 0;
	loop_timer_cancel(c->timer);
	loop_timer_cancel(c->beat);
}

static void
conn_log_down(struct mq_conn *c, enum mq_state before)
{
	const char *host = c->url.host[(c->attempt_count) % c->url.host_count].name;

	if (before == MQ_OPEN) {
		c->counters.lost_count++;
		log_warn("amqp.lost", LOG_STR("name", c->name), LOG_STR("err", c->error));
		return;
	}
	c->counters.connect_failure_count++;
	if (!log_reason_is_news(&c->reason, c->error, clock_mono_us()))
		return;
	if (c->is_refused)
		log_error("amqp.login_refused", LOG_STR("name", c->name), LOG_STR("host", host),
			  LOG_STR("err", c->error));
	else
		log_warn("amqp.connect_failed", LOG_STR("name", c->name), LOG_STR("host", host),
			 LOG_INT("attempt", c->attempt_count + 1), LOG_STR("err", c->error));
}

/* The connection or the attempt is over; c->error says why. */
static void
conn_down(struct mq_conn *c)
{
	enum mq_state before = c->state;

	c->must_fail = false;
	conn_drop_stream(c);
	if (before == MQ_CLOSING) {
		conn_set_state(c, MQ_STOPPED);
	} else {
		conn_log_down(c, before);
		c->attempt_count++;
		conn_set_state(c, MQ_WAITING);
		loop_timer_set(c->timer, conn_backoff_us(c));
	}
	c->is_blocked = false;
	c->wants_room = false;
	c->step = MQ_STEP_START;
	loop_task_mark(c->task);
	for (unsigned i = 1; i <= MQ_CHANNEL_MAX; i++) {
		c->is_zombie[i] = false;
		if (c->channel[i] != NULL)
			mq_channel_conn_down(c->channel[i]);
	}
}

void
mq_conn_fail(struct mq_conn *c, const char *fmt, ...)
{
	va_list ap;

	if (c->must_fail)
		return; /* the first reason is the one that explains the others */
	va_start(ap, fmt);
	(void)vsnprintf(c->error, sizeof(c->error), fmt, ap);
	va_end(ap);
	c->must_fail = true;
	loop_task_mark(c->task);
}

/* ---- writing ---- */

static size_t
conn_pending(const struct mq_conn *c)
{
	return c->out.n - c->out_sent;
}

/* Write what the kernel takes. GH_ETEMP: the stream is broken, c->error is set. */
static enum gh_code
conn_write(struct mq_conn *c)
{
	while (conn_pending(c) > 0) {
		ssize_t n = send(c->fd, c->out.p + c->out_sent, conn_pending(c), MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0) {
			conn_set_error(c, gh_errno_text(errno));
			return GH_ETEMP;
		}
		c->out_sent += (size_t)n;
		c->counters.out_bytes += (uint64_t)n;
		c->write_at_us = clock_mono_us();
	}
	/* Moving the rest down costs a copy: only when it frees at least as much as it moves. */
	if (c->out_sent >= conn_pending(c)) {
		buf_consume(&c->out, c->out_sent);
		c->out_sent = 0;
	}
	loop_io_set(c->io, conn_pending(c) > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ);
	return GH_OK;
}

static void
conn_tell_writable(struct mq_conn *c)
{
	for (unsigned i = 1; i <= MQ_CHANNEL_MAX; i++) {
		if (c->channel[i] != NULL)
			mq_channel_writable(c->channel[i]);
	}
}

/* The end of a pass: fail or write, then tell what changed. */
static void
conn_task(void *arg)
{
	struct mq_conn *c = arg;
	bool has_stream = c->state >= MQ_HANDSHAKE && c->state <= MQ_CLOSING;

	if (has_stream && !c->must_fail && conn_write(c) != GH_OK)
		c->must_fail = true;
	if (c->must_fail)
		conn_down(c);
	if (c->wants_room && !c->is_blocked && conn_pending(c) < MQ_OUT_SOFT / 2) {
		c->wants_room = false;
		conn_tell_writable(c);
	}
	if (c->told_state != c->state || c->told_blocked != c->is_blocked) {
		c->told_state = c->state;
		c->told_blocked = c->is_blocked;
		if (c->on_change != NULL)
			c->on_change(c->arg, c->state, c->is_blocked);
	}
}

enum gh_code
mq_conn_send(struct mq_conn *c, uint16_t channel, amqp_method_number_t id, void *decoded)
{
	enum gh_code rc = mq_frame_add_method(&c->out, channel, id, decoded);

	if (rc == GH_EBUSY) {
		mq_conn_fail(c, "outgoing buffer is full: the broker does not read");
		return GH_OK; /* fails with the connection */
	}
	loop_task_mark(c->task);
	return rc;
}

void
mq_conn_send_sure(struct mq_conn *c, uint16_t channel, amqp_method_number_t id, void *decoded)
{
	if (mq_conn_send(c, channel, id, decoded) != GH_OK)
		gh_panic("amqp method %#x does not fit a frame", (unsigned)id);
}

void
mq_conn_send_raw(struct mq_conn *c, struct slice frame)
{
	if (c->out.max - c->out.n < frame.n) {
		mq_conn_fail(c, "outgoing buffer is full: the broker does not read");
		return;
	}
	buf_add(&c->out, frame);
	loop_task_mark(c->task);
}

enum gh_code
mq_conn_publish(struct mq_conn *c, uint16_t channel, amqp_basic_publish_t *method,
		amqp_basic_properties_t *props, struct slice body)
{
	enum gh_code rc;

	if (c->is_blocked || c->must_fail || conn_pending(c) > MQ_OUT_SOFT) {
		c->wants_room = true;
		return GH_EBUSY;
	}
	rc = mq_frame_add_publish(&c->out, channel, c->frame_max, method, props, body);
	if (rc == GH_EBUSY)
		c->wants_room = true;
	loop_task_mark(c->task);
	return rc;
}

/* ---- reading ---- */

static enum gh_code
conn_frame(struct mq_conn *c, const struct mq_frame *f)
{
	amqp_method_t m;
	enum gh_code rc;

	if (f->type == AMQP_FRAME_HEARTBEAT)
		return GH_OK;
	if (f->channel == 0) {
		if (f->type != AMQP_FRAME_METHOD || mq_method_decode(f, &c->pool, &m) != GH_OK) {
			conn_set_error(c, "bad frame on channel 0");
			return GH_EINVAL;
		}
		rc = mq_handshake_method(c, &m);
		recycle_amqp_pool(&c->pool);
		return rc;
	}
	if (c->step != MQ_STEP_DONE || f->channel > MQ_CHANNEL_MAX ||
	    (c->channel[f->channel] == NULL && !c->is_zombie[f->channel])) {
		conn_set_error(c, "frame on a channel that is not open");
		return GH_EINVAL;
	}
	if (c->is_zombie[f->channel]) {
		if (f->type == AMQP_FRAME_METHOD && mq_method_decode(f, &c->pool, &m) == GH_OK &&
		    m.id == AMQP_CHANNEL_CLOSE_OK_METHOD)
			c->is_zombie[f->channel] = false;
		recycle_amqp_pool(&c->pool);
		return GH_OK;
	}
	rc = mq_channel_frame(c->channel[f->channel], f);
	recycle_amqp_pool(&c->pool);
	return rc;
}

/* Handle every complete frame of c->in. Not GH_OK: drop the connection. */
static enum gh_code
conn_frames(struct mq_conn *c)
{
	size_t done = 0;
	enum gh_code rc = GH_OK;

	while (rc == GH_OK && !c->must_fail) {
		struct mq_frame f;
		size_t used;

		rc = mq_frame_next(slice_from(buf_slice(&c->in), done), c->frame_max, &f, &used);
		if (rc == GH_EAGAIN) {
			rc = GH_OK;
			break;
		}
		if (rc != GH_OK) {
			conn_set_error(c, "not an AMQP frame");
			break;
		}
		done += used;
		rc = conn_frame(c, &f);
	}
	buf_consume(&c->in, done);
	return rc;
}

/* Everything that comes from the broker passes here (also in tests and fuzzing). */
static void
conn_feed(struct mq_conn *c, const void *p, size_t n)
{
	c->read_at_us = clock_mono_us();
	c->counters.in_bytes += n;
	buf_add(&c->in, slice_make(p, n));
	if (conn_frames(c) != GH_OK) {
		/* The goodbye (close-ok) may still be in the buffer: best effort. */
		if (c->fd >= 0)
			(void)send(c->fd, c->out.p + c->out_sent, conn_pending(c),
				   MSG_NOSIGNAL | MSG_DONTWAIT);
		conn_down(c);
	}
}

static void
conn_read(struct mq_conn *c)
{
	char bytes[CONN_READ_BYTES];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		conn_set_error(c, n == 0 ? "closed by the broker" : gh_errno_text(errno));
		conn_down(c);
		return;
	}
	conn_feed(c, bytes, (size_t)n);
}

/* ---- connecting ---- */

static void
conn_begin(struct mq_conn *c)
{
	conn_set_state(c, MQ_HANDSHAKE);
	loop_io_set(c->io, LOOP_READ);
	c->read_at_us = c->write_at_us = clock_mono_us();
	mq_handshake_begin(c);
	loop_task_mark(c->task);
}

static void
conn_connected(struct mq_conn *c)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	if (error != 0) {
		conn_set_error(c, gh_errno_text(error));
		conn_down(c);
		return;
	}
	conn_begin(c);
}

static void
conn_io(void *arg, unsigned ready)
{
	struct mq_conn *c = arg;

	if (c->state == MQ_CONNECTING) {
		conn_connected(c);
		return;
	}
	if ((ready & LOOP_WRITE) != 0)
		loop_task_mark(c->task);
	if ((ready & LOOP_READ) != 0)
		conn_read(c);
}

/* Watch fd (taken) until it is connected. */
static void
conn_open_stream(struct mq_conn *c, int fd)
{
	conn_set_state(c, MQ_CONNECTING);
	c->fd = fd;
	c->io = loop_io_new(c->loop, fd, conn_io, c);
	loop_io_set(c->io, LOOP_WRITE);
}

static enum gh_code
conn_connect(struct mq_conn *c, const struct sockaddr_storage *addr, uint16_t port)
{
	struct sockaddr_storage to = *addr;
	socklen_t size = sizeof(struct sockaddr_in);
	int one = 1;
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		conn_set_error(c, gh_errno_text(errno));
		return GH_ETEMP;
	}
	if (to.ss_family == AF_INET6) {
		((struct sockaddr_in6 *)&to)->sin6_port = htons(port);
		size = sizeof(struct sockaddr_in6);
	} else {
		((struct sockaddr_in *)&to)->sin_port = htons(port);
	}
	/* A confirm or an ack must not wait for the delayed ack of the one before. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&to, size) != 0 && errno != EINPROGRESS) {
		conn_set_error(c, gh_errno_text(errno));
		(void)close(fd);
		return GH_ETEMP;
	}
	conn_open_stream(c, fd);
	return GH_OK;
}

static void
conn_resolved(void *arg, enum gh_code code, const struct sockaddr_storage *addrs, unsigned count)
{
	struct mq_conn *c = arg;
	const struct mq_host *host = &c->url.host[c->attempt_count % c->url.host_count];
	unsigned round = c->attempt_count / c->url.host_count;

	c->query = NULL;
	if (code != GH_OK) {
		(void)snprintf(c->error, sizeof(c->error), "cannot resolve %s: %s", host->name,
			       gh_code_name(code));
		conn_down(c);
		return;
	}
	/* Each round over the hosts tries the next address of a name. */
	if (conn_connect(c, &addrs[round % count], host->port) != GH_OK)
		conn_down(c);
}

static void
conn_attempt(struct mq_conn *c)
{
	const struct mq_host *host = &c->url.host[c->attempt_count % c->url.host_count];
	enum gh_code rc;

	conn_set_state(c, MQ_CONNECTING);
	c->is_refused = false;
	loop_timer_set(c->timer, c->handshake_us);
	rc = dns_resolve(c->dns, slice_of(host->name), c->handshake_us, conn_resolved, c,
			 &c->query);
	if (rc != GH_OK) {
		c->query = NULL;
		(void)snprintf(c->error, sizeof(c->error), "cannot resolve %s: %s", host->name,
			       gh_code_name(rc));
		conn_down(c);
	}
}

/* Backoff over, or a deadline passed: what it means depends on the state. */
static void
conn_timer(void *arg)
{
	struct mq_conn *c = arg;

	switch (c->state) {
	case MQ_WAITING:
		conn_attempt(c);
		break;
	case MQ_CONNECTING:
	case MQ_HANDSHAKE:
		conn_set_error(c, c->state == MQ_CONNECTING ? "connect timed out"
							    : "handshake timed out");
		conn_down(c);
		break;
	case MQ_CLOSING:
		conn_set_error(c, "close-ok did not come in time");
		conn_down(c);
		break;
	case MQ_OPEN:
	case MQ_STOPPED:
		break;
	}
}

/* ---- open ---- */

/* Runs at half the negotiated interval. */
static void
conn_beat(void *arg)
{
	struct mq_conn *c = arg;
	int64_t interval = c->heartbeat_s * CLOCK_SEC;
	int64_t now = clock_mono_us();

	if (now - c->read_at_us > 2 * interval) {
		conn_set_error(c, "heartbeat timed out");
		conn_down(c);
		return;
	}
	/* With bytes still waiting for the kernel a heartbeat would only wait behind them. */
	if (conn_pending(c) == 0 && now - c->write_at_us >= interval / 2) {
		if (mq_frame_add_heartbeat(&c->out) != GH_OK)
			gh_panic("amqp heartbeat does not fit an empty buffer");
		loop_task_mark(c->task);
	}
	loop_timer_set(c->beat, interval / 2);
}

void
mq_conn_opened(struct mq_conn *c)
{
	loop_timer_cancel(c->timer);
	c->attempt_count = 0;
	c->error[0] = '\0';
	c->reason = (struct log_reason){.told_at_us = 0};
	c->counters.connect_count++;
	conn_set_state(c, MQ_OPEN);
	log_info("amqp.open", LOG_STR("name", c->name), LOG_INT("heartbeat_s", c->heartbeat_s));
	if (c->heartbeat_s > 0)
		loop_timer_set(c->beat, c->heartbeat_s * CLOCK_SEC / 2);
	for (unsigned i = 1; i <= MQ_CHANNEL_MAX; i++) {
		if (c->channel[i] != NULL)
			mq_channel_conn_up(c->channel[i]);
	}
}

void
mq_conn_set_blocked(struct mq_conn *c, bool is_blocked)
{
	if (c->is_blocked == is_blocked)
		return;
	c->is_blocked = is_blocked;
	if (is_blocked)
		c->counters.blocked_count++;
	else
		c->wants_room = true; /* tell publishers at the end of the pass */
	loop_task_mark(c->task);
}

uint16_t
mq_conn_attach(struct mq_conn *c, struct mq_channel *ch)
{
	for (uint16_t i = 1; i <= MQ_CHANNEL_MAX; i++) {
		if (c->channel[i] == NULL && !c->is_zombie[i]) {
			c->channel[i] = ch;
			return i;
		}
	}
	return 0;
}

void
mq_conn_detach(struct mq_conn *c, uint16_t number, bool is_zombie)
{
	c->channel[number] = NULL;
	c->is_zombie[number] = is_zombie;
}

/* ---- life ---- */

static enum gh_code
conn_check(const struct mq_conn_opts *o, struct gh_err *err)
{
	if (o->heartbeat_s > 600)
		return gh_fail(err, GH_EINVAL, "heartbeat above 600 s");
	if (o->handshake_us < 0 || o->backoff_min_us < 0 || o->backoff_max_us < 0)
		return gh_fail(err, GH_EINVAL, "negative duration");
	if (o->name == NULL || strlen(o->name) > 200)
		return gh_fail(err, GH_EINVAL, "name missing or longer than 200");
	return GH_OK;
}

enum gh_code
mq_conn_new(struct mq_conn **out, struct loop *l, struct dns *dns, const struct mq_conn_opts *opts,
	    struct gh_err *err)
{
	struct mq_conn *c;
	struct mq_url url;
	enum gh_code rc = conn_check(opts, err);

	if (rc != GH_OK)
		return rc;
	rc = mq_url_parse(opts->url, &url, err);
	if (rc != GH_OK)
		return rc;
	c = gh_alloc(sizeof(*c));
	*c = (struct mq_conn){
		.loop = l,
		.dns = dns,
		.url = url,
		.name = gh_strdup(opts->name),
		.fd = -1,
		.heartbeat_wish_s = opts->heartbeat_s > 0 ? opts->heartbeat_s : CONN_HEARTBEAT_S,
		.handshake_us = opts->handshake_us > 0 ? opts->handshake_us : CONN_HANDSHAKE_US,
		.backoff_min_us =
			opts->backoff_min_us > 0 ? opts->backoff_min_us : CONN_BACKOFF_MIN_US,
		.backoff_max_us =
			opts->backoff_max_us > 0 ? opts->backoff_max_us : CONN_BACKOFF_MAX_US,
		.on_change = opts->on_change,
		.arg = opts->arg,
		.frame_max = MQ_FRAME_MAX,
		.state = MQ_WAITING,
		.told_state = MQ_WAITING,
	};
	/* A started frame is shorter than frame_max; a read adds at most CONN_READ_BYTES. */
	buf_init(&c->in, NULL, MQ_FRAME_MAX + CONN_READ_BYTES);
	buf_init(&c->out, NULL, MQ_OUT_HARD);
	init_amqp_pool(&c->pool, CONN_POOL_BYTES);
	c->timer = loop_timer_new(l, conn_timer, c);
	c->beat = loop_timer_new(l, conn_beat, c);
	c->task = loop_task_new(l, LOOP_PHASE_PUBLISH, conn_task, c);
	loop_timer_set(c->timer, 0);
	*out = c;
	return GH_OK;
}

void
mq_conn_free(struct mq_conn *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 1; i <= MQ_CHANNEL_MAX; i++) {
		if (c->channel[i] != NULL)
			gh_panic("mq_conn_free: channel %u is still there", i);
	}
	conn_drop_stream(c);
	loop_timer_free(c->timer);
	loop_timer_free(c->beat);
	loop_task_free(c->task);
	buf_free(&c->in);
	buf_free(&c->out);
	empty_amqp_pool(&c->pool);
	mq_url_free(&c->url);
	gh_free(c->name);
	gh_free(c);
}

void
mq_conn_close(struct mq_conn *c)
{
	amqp_connection_close_t m = {.reply_code = AMQP_REPLY_SUCCESS,
				     .reply_text = amqp_cstring_bytes("bye")};

	if (c->state == MQ_CLOSING || c->state == MQ_STOPPED)
		return;
	if (c->state == MQ_OPEN) {
		conn_set_state(c, MQ_CLOSING);
		mq_conn_send_sure(c, 0, AMQP_CONNECTION_CLOSE_METHOD, &m);
		loop_timer_set(c->timer, MQ_CLOSE_US);
		return;
	}
	conn_drop_stream(c);
	conn_set_state(c, MQ_STOPPED);
}

enum mq_state
mq_conn_state(const struct mq_conn *c)
{
	return c->state;
}

bool
mq_conn_is_blocked(const struct mq_conn *c)
{
	return c->is_blocked;
}

struct slice
mq_conn_last_error(const struct mq_conn *c)
{
	return slice_of(c->error);
}

const struct mq_counters *
mq_conn_counters(const struct mq_conn *c)
{
	return &c->counters;
}

size_t
mq_conn_pending_bytes(const struct mq_conn *c)
{
	return conn_pending(c);
}
