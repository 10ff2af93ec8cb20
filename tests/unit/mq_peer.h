/* mq_peer.h - a broker played by the test: bytes go in through the connection's input path
 * in pieces of a chosen size, what the client answers is decoded and compared. No broker, no
 * clock (frozen); the end of a loop pass is called by hand.
 *
 * Includes mq/conn.c, whose input path is not public: for the unit tests of mq/ only.
 */
#ifndef GH_TEST_MQ_PEER_H
#define GH_TEST_MQ_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mq/conn.c"
#include "mq/consumer.h"
#include "mq/publisher.h"

#define HOUR_US     (3600 * CLOCK_SEC)
#define SETTLED_MAX 64

struct fix {
	struct loop *loop;
	struct mq_conn *c;
	int peer;         /* the broker's end */
	size_t piece;     /* bytes per feed */
	struct buf got;   /* what the client wrote, not yet looked at */
	amqp_pool_t pool; /* of decoded client methods */
	enum mq_state told;
	bool told_blocked;

	struct {
		void *token;
		enum mq_outcome outcome;
		unsigned code;
	} settled[SETTLED_MAX];
	unsigned settled_count, ready_count, down_count, gone_count;
	struct mq_delivery delivery;
	char body[64], type[32], trace[64];
	unsigned delivered_count;
	enum gh_code replies[8];
	unsigned reply_count;
};

static inline void
on_change(void *arg, enum mq_state s, bool blocked)
{
	struct fix *f = arg;

	f->told = s;
	f->told_blocked = blocked;
}

static inline void
fix_attach(struct fix *f)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	f->peer = fds[1];
	loop_timer_cancel(f->c->timer); /* the attempt that mq_conn_new planned */
	conn_open_stream(f->c, fds[0]);
	conn_begin(f->c);
}

static inline void
fix_init(struct fix *f, size_t piece)
{
	struct mq_conn_opts o = {.url = S("amqp://us:pw@nowhere/vh"),
				 .name = "unit",
				 .arg = f,
				 .on_change = on_change,
				 .backoff_min_us = HOUR_US,
				 .backoff_max_us = HOUR_US};

	*f = (struct fix){.piece = piece, .loop = loop_new()};
	clock_freeze(HOUR_US, HOUR_US);
	buf_init(&f->got, NULL, MQ_OUT_HARD);
	init_amqp_pool(&f->pool, 4096);
	assert_int_equal(mq_conn_new(&f->c, f->loop, NULL, &o, NULL), GH_OK);
	fix_attach(f);
}

static inline void
fix_free(struct fix *f)
{
	mq_conn_free(f->c);
	(void)close(f->peer);
	buf_free(&f->got);
	empty_amqp_pool(&f->pool);
	loop_run_once(f->loop, 0);
	loop_free(f->loop);
	clock_thaw();
}

/* End of a pass, then take what the client wrote. */
static inline void
flush(struct fix *f)
{
	char *at;
	ssize_t n;

	conn_task(f->c);
	do {
		at = buf_reserve(&f->got, 65536);
		n = recv(f->peer, at, 65536, 0);
		if (n > 0)
			buf_commit(&f->got, (size_t)n);
		if (f->c->fd >= 0)
			conn_task(f->c);
	} while (n > 0);
}

static inline void
feed(struct fix *f, struct slice s)
{
	while (s.n > 0 && f->c->fd >= 0) {
		size_t n = s.n < f->piece ? s.n : f->piece;

		conn_feed(f->c, s.p, n);
		s = slice_from(s, n);
	}
}

static inline void
say(struct fix *f, uint16_t channel, amqp_method_number_t id, void *m)
{
	struct buf b;

	buf_init(&b, NULL, MQ_FRAME_MAX);
	assert_int_equal(mq_frame_add_method(&b, channel, id, m), GH_OK);
	feed(f, buf_slice(&b));
	buf_free(&b);
}

/* The client's next frame must be this method; returns it decoded. */
static inline void *
expect(struct fix *f, uint16_t channel, amqp_method_number_t id)
{
	struct mq_frame fr;
	amqp_method_t m;
	size_t used;

	flush(f);
	assert_int_equal(mq_frame_next(buf_slice(&f->got), MQ_FRAME_MAX, &fr, &used), GH_OK);
	assert_int_equal(fr.type, AMQP_FRAME_METHOD);
	assert_int_equal(fr.channel, channel);
	recycle_amqp_pool(&f->pool);
	/* The payload moves away below: decode a copy that the pool keeps. */
	char *copy = amqp_pool_alloc(&f->pool, fr.payload.n);
	memcpy(copy, fr.payload.p, fr.payload.n);
	fr.payload.p = copy;
	assert_int_equal(mq_method_decode(&fr, &f->pool, &m), GH_OK);
	assert_int_equal(m.id, id);
	buf_consume(&f->got, used);
	return m.decoded;
}

static inline void
expect_nothing(struct fix *f)
{
	flush(f);
	assert_int_equal(f->got.n, 0);
}

static inline void
say_start(struct fix *f)
{
	amqp_connection_start_t m = {.version_minor = 9,
				     .mechanisms = amqp_cstring_bytes("AMQPLAIN PLAIN"),
				     .locales = amqp_cstring_bytes("en_US")};

	say(f, 0, AMQP_CONNECTION_START_METHOD, &m);
}

static inline void
shake_hands(struct fix *f)
{
	amqp_connection_tune_t tune = {.channel_max = 2047, .frame_max = 131072, .heartbeat = 60};
	amqp_connection_open_ok_t ok = {0};
	amqp_connection_tune_ok_t *tuned;

	flush(f);
	assert_true(slice_starts(buf_slice(&f->got), S("AMQP\0\0\x09\x01")));
	buf_consume(&f->got, 8);
	say_start(f);
	(void)expect(f, 0, AMQP_CONNECTION_START_OK_METHOD);
	say(f, 0, AMQP_CONNECTION_TUNE_METHOD, &tune);
	tuned = expect(f, 0, AMQP_CONNECTION_TUNE_OK_METHOD);
	assert_int_equal(tuned->heartbeat, 15);
	assert_int_equal(tuned->frame_max, 131072);
	assert_int_equal(tuned->channel_max, MQ_CHANNEL_MAX);
	(void)expect(f, 0, AMQP_CONNECTION_OPEN_METHOD);
	say(f, 0, AMQP_CONNECTION_OPEN_OK_METHOD, &ok);
	flush(f);
	assert_int_equal(f->told, MQ_OPEN);
}

static inline void
open_channel(struct fix *f, uint16_t number)
{
	amqp_channel_open_ok_t ok = {0};

	(void)expect(f, number, AMQP_CHANNEL_OPEN_METHOD);
	say(f, number, AMQP_CHANNEL_OPEN_OK_METHOD, &ok);
}

#endif
