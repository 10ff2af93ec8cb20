/* test_mq_codec.c - the AMQP state machines against a broker played by the test: bytes go
 * in through the connection's input path in pieces of every size, what it answers is decoded
 * and compared. No broker, no clock, no loop pass: the end of a pass is called by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mq/conn.c"
#include "mq/consumer.c"
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

static void
on_change(void *arg, enum mq_state s, bool blocked)
{
	struct fix *f = arg;

	f->told = s;
	f->told_blocked = blocked;
}

static void
fix_attach(struct fix *f)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	f->peer = fds[1];
	loop_timer_cancel(f->c->timer); /* the attempt that mq_conn_new planned */
	conn_open_stream(f->c, fds[0]);
	conn_begin(f->c);
}

static void
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

static void
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
static void
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

static void
feed(struct fix *f, struct slice s)
{
	while (s.n > 0 && f->c->fd >= 0) {
		size_t n = s.n < f->piece ? s.n : f->piece;

		conn_feed(f->c, s.p, n);
		s = slice_from(s, n);
	}
}

static void
say(struct fix *f, uint16_t channel, amqp_method_number_t id, void *m)
{
	struct buf b;

	buf_init(&b, NULL, MQ_FRAME_MAX);
	assert_int_equal(mq_frame_add_method(&b, channel, id, m), GH_OK);
	feed(f, buf_slice(&b));
	buf_free(&b);
}

/* The client's next frame must be this method; returns it decoded. */
static void *
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

static void
expect_nothing(struct fix *f)
{
	flush(f);
	assert_int_equal(f->got.n, 0);
}

static void
say_start(struct fix *f)
{
	amqp_connection_start_t m = {.version_minor = 9,
				     .mechanisms = amqp_cstring_bytes("AMQPLAIN PLAIN"),
				     .locales = amqp_cstring_bytes("en_US")};

	say(f, 0, AMQP_CONNECTION_START_METHOD, &m);
}

static void
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

static void
open_channel(struct fix *f, uint16_t number)
{
	amqp_channel_open_ok_t ok = {0};

	(void)expect(f, number, AMQP_CHANNEL_OPEN_METHOD);
	say(f, number, AMQP_CHANNEL_OPEN_OK_METHOD, &ok);
}

/* ---- connection ---- */

static void
test_handshake_every_piece(void **state)
{
	struct fix f;

	(void)state;
	for (size_t piece = 1; piece <= 70; piece++) {
		fix_init(&f, piece);
		shake_hands(&f);
		expect_nothing(&f);
		fix_free(&f);
	}
}

static void
test_start_ok(void **state)
{
	static const char *const able[] = {"publisher_confirms", "consumer_cancel_notify",
					   "basic.nack", "connection.blocked",
					   "authentication_failure_close"};
	struct fix f;
	amqp_connection_start_ok_t *m;
	amqp_table_t *capabilities = NULL;

	(void)state;
	fix_init(&f, 4096);
	flush(&f);
	buf_consume(&f.got, 8);
	say_start(&f);
	m = expect(&f, 0, AMQP_CONNECTION_START_OK_METHOD);
	assert_true(slice_eq(mq_slice(m->mechanism), S("PLAIN")));
	assert_true(slice_eq(mq_slice(m->response), S("\0us\0pw")));
	for (int i = 0; i < m->client_properties.num_entries; i++) {
		amqp_table_entry_t *e = &m->client_properties.entries[i];

		if (slice_eq(mq_slice(e->key), S("capabilities")))
			capabilities = &e->value.value.table;
	}
	assert_non_null(capabilities);
	assert_int_equal(capabilities->num_entries, GH_COUNT(able));
	for (size_t i = 0; i < GH_COUNT(able); i++)
		assert_true(slice_eq(mq_slice(capabilities->entries[i].key), slice_of(able[i])));
	fix_free(&f);
}

static void
test_garbage(void **state)
{
	static const struct {
		const char *what;
		struct slice bytes;
	} cases[] = {
		{"version header", {"AMQP\0\0\x09\x01", 8}},
		{"http", {"HTTP/1.1 400", 12}},
		{"method of 3 bytes",
		 {"\x01\0\0\0\0\0\x03"
		  "abc\xce",
		  11}},
		{"method of 0 bytes", {"\x01\0\0\0\0\0\0\xce", 8}},
		{"header of 13 bytes", {"\x02\0\0\0\0\0\x0d", 7}},
		{"unknown method", {"\x01\0\0\0\0\0\x04\0\x0a\xff\xff\xce", 12}},
		{"no end mark", {"\x08\0\0\0\0\0\0\0", 8}},
		{"heartbeat with payload", {"\x08\0\0\0\0\0\x01", 7}},
		{"size over frame_max", {"\x03\0\0\0\x02\0\0", 7}},
		{"size near 2^32", {"\x03\0\0\xff\xff\xff\xff", 7}},
		{"open-ok before start", {"\x01\0\0\0\0\0\x05\0\x0a\0\x29\0\xce", 13}},
		{"frame on channel 1", {"\x01\0\x01\0\0\0\x04\0\x14\0\x0b\xce", 12}},
	};
	struct fix f;

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		fix_init(&f, 1);
		feed(&f, cases[i].bytes);
		if (f.c->state != MQ_WAITING || f.c->fd >= 0)
			fail_msg("still up after: %s", cases[i].what);
		assert_true(mq_conn_last_error(f.c).n > 0);
		assert_true(loop_timer_is_set(f.c->timer));
		fix_free(&f);
	}
}

static void
test_login_refused(void **state)
{
	amqp_connection_close_t m = {.reply_code = 403,
				     .reply_text = amqp_cstring_bytes("ACCESS_REFUSED")};
	struct fix f;

	(void)state;
	fix_init(&f, 5);
	flush(&f);
	say_start(&f);
	say(&f, 0, AMQP_CONNECTION_CLOSE_METHOD, &m);
	flush(&f);
	assert_int_equal(f.told, MQ_WAITING);
	assert_true(f.c->is_refused);
	assert_true(slice_eq(mq_conn_last_error(f.c), S("broker closed: 403 ACCESS_REFUSED")));
	assert_int_equal(mq_conn_counters(f.c)->connect_failure_count, 1);
	fix_free(&f);
}

static void
test_heartbeat(void **state)
{
	struct mq_frame fr;
	struct fix f;
	size_t used;

	(void)state;
	fix_init(&f, 64);
	shake_hands(&f);
	clock_freeze(HOUR_US, HOUR_US + 8 * CLOCK_SEC); /* over half of 15 s without writing */
	conn_beat(f.c);
	flush(&f);
	assert_int_equal(mq_frame_next(buf_slice(&f.got), MQ_FRAME_MAX, &fr, &used), GH_OK);
	assert_int_equal(fr.type, AMQP_FRAME_HEARTBEAT);
	buf_consume(&f.got, used);
	conn_beat(f.c); /* just wrote: nothing to say */
	expect_nothing(&f);
	/* The broker's own heartbeat keeps the connection. */
	feed(&f, slice_make("\x08\0\0\0\0\0\0\xce", 8));
	clock_freeze(HOUR_US, HOUR_US + 38 * CLOCK_SEC);
	conn_beat(f.c);
	assert_int_equal(f.c->state, MQ_OPEN);
	clock_freeze(HOUR_US, HOUR_US + 39 * CLOCK_SEC);
	conn_beat(f.c);
	assert_int_equal(f.c->state, MQ_WAITING);
	assert_true(slice_eq(mq_conn_last_error(f.c), S("heartbeat timed out")));
	assert_int_equal(mq_conn_counters(f.c)->lost_count, 1);
	fix_free(&f);
}

static void
test_handshake_deadline_and_close(void **state)
{
	amqp_connection_close_ok_t ok = {0};
	struct fix f;

	(void)state;
	fix_init(&f, 64);
	conn_timer(f.c);
	assert_int_equal(f.c->state, MQ_WAITING);
	assert_true(slice_eq(mq_conn_last_error(f.c), S("handshake timed out")));
	fix_attach(&f);
	shake_hands(&f);
	mq_conn_close(f.c);
	(void)expect(&f, 0, AMQP_CONNECTION_CLOSE_METHOD);
	say(&f, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
	flush(&f);
	assert_int_equal(f.told, MQ_STOPPED);
	assert_false(loop_timer_is_set(f.c->timer));
	fix_free(&f);
}

/* ---- requests ---- */

static void
on_reply(void *arg, const struct mq_reply *r)
{
	struct fix *f = arg;

	f->replies[f->reply_count++] = r->code;
}

static void
test_channel_close_406(void **state)
{
	amqp_channel_close_t close_m = {.reply_code = 406,
					.class_id = 50,
					.method_id = 10,
					.reply_text = amqp_cstring_bytes("PRECONDITION_FAILED")};
	amqp_queue_declare_ok_t ok = {.queue = amqp_cstring_bytes("q"), .message_count = 3};
	struct mq_channel *ch;
	struct fix f;

	(void)state;
	fix_init(&f, 3);
	shake_hands(&f);
	ch = mq_channel_new(f.c, &(struct mq_channel_opts){0});
	assert_int_equal(mq_queue_inspect(ch, S("q"), on_reply, &f), GH_EAGAIN);
	open_channel(&f, 1);
	assert_int_equal(mq_queue_inspect(ch, S("a"), on_reply, &f), GH_OK);
	assert_int_equal(mq_queue_declare(ch, S("b"), NULL, on_reply, &f), GH_OK);
	assert_int_equal(mq_queue_inspect(ch, S("c"), on_reply, &f), GH_OK);
	(void)expect(&f, 1, AMQP_QUEUE_DECLARE_METHOD);
	expect_nothing(&f); /* one in flight at a time */
	say(&f, 1, AMQP_QUEUE_DECLARE_OK_METHOD, &ok);
	(void)expect(&f, 1, AMQP_QUEUE_DECLARE_METHOD);
	say(&f, 1, AMQP_CHANNEL_CLOSE_METHOD, &close_m);
	(void)expect(&f, 1, AMQP_CHANNEL_CLOSE_OK_METHOD);
	assert_int_equal(f.reply_count, 3);
	assert_int_equal(f.replies[0], GH_OK);
	assert_int_equal(f.replies[1], GH_ECONFLICT);
	assert_int_equal(f.replies[2], GH_ETEMP);
	assert_false(mq_channel_is_open(ch));
	assert_int_equal(f.c->state, MQ_OPEN);
	mq_channel_free(ch);
	fix_free(&f);
}

static void
test_freed_channel_number(void **state)
{
	amqp_channel_open_ok_t open_ok = {0};
	amqp_channel_close_ok_t close_ok = {0};
	struct mq_channel *a, *b;
	struct fix f;

	(void)state;
	fix_init(&f, 64);
	shake_hands(&f);
	a = mq_channel_new(f.c, &(struct mq_channel_opts){0});
	(void)expect(&f, 1, AMQP_CHANNEL_OPEN_METHOD);
	mq_channel_free(a);
	b = mq_channel_new(f.c, &(struct mq_channel_opts){0}); /* must not reuse number 1 yet */
	(void)expect(&f, 1, AMQP_CHANNEL_CLOSE_METHOD);
	(void)expect(&f, 2, AMQP_CHANNEL_OPEN_METHOD);
	say(&f, 1, AMQP_CHANNEL_OPEN_OK_METHOD, &open_ok);
	say(&f, 1, AMQP_CHANNEL_CLOSE_OK_METHOD, &close_ok);
	assert_int_equal(f.c->state, MQ_OPEN);
	assert_false(f.c->is_zombie[1]);
	mq_channel_free(b);
	fix_free(&f);
}

/* ---- publisher ---- */

static void
on_settle(void *arg, void *token, uint64_t tag, enum mq_outcome outcome, unsigned code)
{
	struct fix *f = arg;

	(void)tag;
	assert_true(f->settled_count < SETTLED_MAX);
	f->settled[f->settled_count].token = token;
	f->settled[f->settled_count].outcome = outcome;
	f->settled[f->settled_count++].code = code;
}

static void
on_ready(void *arg)
{
	((struct fix *)arg)->ready_count++;
}

static void
on_down(void *arg)
{
	((struct fix *)arg)->down_count++;
}

static struct mq_publisher *
open_publisher(struct fix *f, unsigned window)
{
	struct mq_publisher_opts o = {.window = window,
				      .on_settle = on_settle,
				      .on_ready = on_ready,
				      .on_down = on_down,
				      .arg = f};
	amqp_confirm_select_ok_t ok = {0};
	struct mq_publisher *p;

	shake_hands(f);
	p = mq_publisher_new(f->c, &o);
	assert_non_null(p);
	open_channel(f, 1);
	(void)expect(f, 1, AMQP_CONFIRM_SELECT_METHOD);
	say(f, 1, AMQP_CONFIRM_SELECT_OK_METHOD, &ok);
	assert_true(mq_publisher_is_ready(p));
	assert_int_equal(f->ready_count, 1);
	return p;
}

static enum gh_code
publish(struct mq_publisher *p, const char *id)
{
	struct mq_message m = {.exchange = S("x"),
			       .routing_key = S("k"),
			       .message_id = slice_of(id),
			       .body = S("hello"),
			       .type = S("send"),
			       .is_mandatory = true};

	/* The token is the id itself: what comes back says which message it was. */
	return mq_publish(p, &m, (void *)(uintptr_t)id, NULL);
}

static void
say_ack(struct fix *f, uint64_t tag, bool multiple)
{
	amqp_basic_ack_t m = {.delivery_tag = tag, .multiple = multiple};

	say(f, 1, AMQP_BASIC_ACK_METHOD, &m);
}

static void
assert_settled(struct fix *f, unsigned at, const char *id, enum mq_outcome outcome)
{
	assert_true(at < f->settled_count);
	assert_string_equal(f->settled[at].token, id);
	assert_int_equal(f->settled[at].outcome, outcome);
}

static void
test_confirms(void **state)
{
	amqp_basic_nack_t nack = {.delivery_tag = 5};
	struct mq_publisher *p;
	struct fix f;

	(void)state;
	fix_init(&f, 1);
	p = open_publisher(&f, 4);
	assert_int_equal(publish(p, "a"), GH_OK);
	assert_int_equal(publish(p, "b"), GH_OK);
	assert_int_equal(publish(p, "c"), GH_OK);
	assert_int_equal(publish(p, "d"), GH_OK);
	assert_int_equal(publish(p, "e"), GH_EBUSY);
	say_ack(&f, 3, false); /* out of order: the window does not move */
	assert_settled(&f, 0, "c", MQ_CONFIRMED);
	assert_int_equal(publish(p, "e"), GH_EBUSY);
	assert_int_equal(f.ready_count, 1);
	say_ack(&f, 3, true);
	assert_int_equal(f.settled_count, 3);
	assert_settled(&f, 1, "a", MQ_CONFIRMED);
	assert_settled(&f, 2, "b", MQ_CONFIRMED);
	assert_int_equal(f.ready_count, 2);
	assert_int_equal(publish(p, "e"), GH_OK);
	say(&f, 1, AMQP_BASIC_NACK_METHOD, &nack);
	assert_settled(&f, 3, "e", MQ_NACKED);
	assert_int_equal(publish(p, "f"), GH_OK);
	say_ack(&f, 0, true); /* tag 0: everything so far */
	assert_int_equal(f.settled_count, 6);
	assert_int_equal(mq_publisher_in_flight(p), 0);
	say_ack(&f, 6, false); /* twice is ignored */
	assert_int_equal(f.settled_count, 6);
	say_ack(&f, 7, false); /* never published: not our broker */
	flush(&f);
	assert_int_equal(f.told, MQ_WAITING);
	mq_publisher_free(p);
	fix_free(&f);
}

static void
say_return(struct fix *f, const char *id)
{
	amqp_basic_return_t m = {.reply_code = 312,
				 .reply_text = amqp_cstring_bytes("NO_ROUTE"),
				 .exchange = amqp_cstring_bytes("x"),
				 .routing_key = amqp_cstring_bytes("k")};
	amqp_basic_publish_t unused = {0};
	amqp_basic_properties_t props = {._flags = AMQP_BASIC_MESSAGE_ID_FLAG,
					 .message_id = amqp_cstring_bytes(id)};
	struct mq_frame fr;
	struct buf b;
	size_t used;

	say(f, 1, AMQP_BASIC_RETURN_METHOD, &m);
	/* The header and body of a publish are those of a return. */
	buf_init(&b, NULL, MQ_FRAME_MAX);
	assert_int_equal(mq_frame_add_publish(&b, 1, 4096, &unused, &props, S("hello")), GH_OK);
	assert_int_equal(mq_frame_next(buf_slice(&b), MQ_FRAME_MAX, &fr, &used), GH_OK);
	feed(f, slice_from(buf_slice(&b), used));
	buf_free(&b);
}

static void
test_return_before_ack(void **state)
{
	struct mq_publisher *p;
	struct fix f;

	(void)state;
	fix_init(&f, 1);
	p = open_publisher(&f, 8);
	assert_int_equal(publish(p, "a"), GH_OK);
	assert_int_equal(publish(p, "b"), GH_OK);
	assert_int_equal(publish(p, "c"), GH_OK);
	say_return(&f, "b");
	assert_int_equal(f.settled_count, 0);
	say_return(&f, "nobody's");
	say_ack(&f, 2, true);
	assert_int_equal(f.settled_count, 2);
	assert_settled(&f, 0, "a", MQ_CONFIRMED);
	assert_settled(&f, 1, "b", MQ_RETURNED);
	assert_int_equal(f.settled[1].code, 312);
	say_ack(&f, 3, false);
	assert_settled(&f, 2, "c", MQ_CONFIRMED);
	assert_int_equal(mq_conn_counters(f.c)->returned_count, 1);
	mq_publisher_free(p);
	fix_free(&f);
}

static void
test_lost_settles_once(void **state)
{
	struct mq_publisher *p;
	struct fix f;

	(void)state;
	fix_init(&f, 64);
	p = open_publisher(&f, 8);
	assert_int_equal(publish(p, "a"), GH_OK);
	assert_int_equal(publish(p, "b"), GH_OK);
	say_return(&f, "b");
	(void)close(f.peer);
	flush(&f); /* writing fails */
	assert_int_equal(f.c->state, MQ_WAITING);
	assert_int_equal(f.settled_count, 2);
	assert_settled(&f, 0, "a", MQ_LOST);
	assert_settled(&f, 1, "b", MQ_RETURNED);
	assert_int_equal(f.down_count, 1);
	assert_int_equal(publish(p, "c"), GH_EAGAIN);
	mq_publisher_free(p);
	f.peer = -1;
	fix_free(&f);
}

static void
test_blocked(void **state)
{
	amqp_connection_blocked_t blocked = {.reason = amqp_cstring_bytes("low on memory")};
	amqp_connection_unblocked_t unblocked = {0};
	struct mq_publisher *p;
	struct fix f;

	(void)state;
	fix_init(&f, 2);
	p = open_publisher(&f, 8);
	say(&f, 0, AMQP_CONNECTION_BLOCKED_METHOD, &blocked);
	assert_true(mq_conn_is_blocked(f.c));
	assert_int_equal(publish(p, "a"), GH_EBUSY);
	flush(&f);
	assert_true(f.told_blocked);
	assert_int_equal(f.ready_count, 1);
	say(&f, 0, AMQP_CONNECTION_UNBLOCKED_METHOD, &unblocked);
	flush(&f);
	assert_false(f.told_blocked);
	assert_int_equal(f.ready_count, 2);
	assert_int_equal(publish(p, "a"), GH_OK);
	mq_publisher_free(p);
	fix_free(&f);
}

static void
test_publish_bounds(void **state)
{
	struct mq_message m = {.exchange = S("x"), .message_id = S("i")};
	struct mq_publisher *p;
	struct fix f;
	char *big = gh_alloc(MQ_CONTENT_MAX + 1);
	unsigned sent = 0;

	(void)state;
	fix_init(&f, 64);
	p = open_publisher(&f, 64);
	m.body = slice_make(big, MQ_CONTENT_MAX + 1);
	assert_int_equal(mq_publish(p, &m, NULL, NULL), GH_ELIMIT);
	m.body.n = MQ_CONTENT_MAX;
	m.routing_key = slice_make(big, 256);
	assert_int_equal(mq_publish(p, &m, NULL, NULL), GH_ELIMIT);
	m.routing_key = S("k");
	m.message_id = SLICE_NONE;
	assert_int_equal(mq_publish(p, &m, NULL, NULL), GH_EINVAL);
	m.message_id = S("i");
	/* Without the end of a pass nothing is written: the buffer bound must hold. */
	while (mq_publish(p, &m, NULL, NULL) == GH_OK)
		sent++;
	assert_in_range(sent, 4, 6);
	assert_in_range(mq_conn_pending_bytes(f.c), MQ_OUT_SOFT, MQ_OUT_HARD);
	flush(&f);
	assert_int_equal(f.ready_count, 2);
	assert_int_equal(mq_conn_pending_bytes(f.c), 0);
	gh_free(big);
	mq_publisher_free(p);
	fix_free(&f);
}

/* ---- consumer ---- */

static void
on_deliver(void *arg, struct slice queue, struct mq_delivery d, const struct mq_content *m)
{
	struct fix *f = arg;

	assert_true(slice_eq(queue, S("q")));
	f->delivery = d;
	f->delivered_count++;
	assert_int_equal(slice_to_cstr(m->body, f->body, sizeof(f->body)), GH_OK);
	assert_int_equal(slice_to_cstr(m->type, f->type, sizeof(f->type)), GH_OK);
	assert_int_equal(slice_to_cstr(m->traceparent, f->trace, sizeof(f->trace)), GH_OK);
}

static void
on_queue(void *arg, struct slice queue, bool is_consuming)
{
	struct fix *f = arg;

	(void)queue;
	if (!is_consuming)
		f->gone_count++;
}

static struct mq_consumer *
open_consumer(struct fix *f)
{
	struct mq_consumer_opts o = {
		.on_deliver = on_deliver, .on_queue = on_queue, .on_down = on_down, .arg = f};
	struct mq_consumer *c;

	shake_hands(f);
	c = mq_consumer_new(f->c, &o);
	assert_non_null(c);
	open_channel(f, 1);
	open_channel(f, 2);
	return c;
}

/* Answer probe, qos and consume of queue "q"; the consumer tag must be as given. */
static void
serve_subscribe(struct fix *f, bool has_qos, const char *tag)
{
	amqp_queue_declare_ok_t found = {.queue = amqp_cstring_bytes("q")};
	amqp_basic_qos_ok_t qos_ok = {0};
	amqp_basic_consume_ok_t consume_ok = {.consumer_tag = amqp_cstring_bytes(tag)};
	amqp_basic_consume_t *m;

	(void)expect(f, 2, AMQP_QUEUE_DECLARE_METHOD);
	say(f, 2, AMQP_QUEUE_DECLARE_OK_METHOD, &found);
	if (has_qos) {
		amqp_basic_qos_t *qos = expect(f, 1, AMQP_BASIC_QOS_METHOD);

		assert_int_equal(qos->prefetch_count, 5);
		assert_false(qos->global);
		say(f, 1, AMQP_BASIC_QOS_OK_METHOD, &qos_ok);
	}
	m = expect(f, 1, AMQP_BASIC_CONSUME_METHOD);
	assert_true(slice_eq(mq_slice(m->queue), S("q")));
	assert_true(slice_eq(mq_slice(m->consumer_tag), slice_of(tag)));
	say(f, 1, AMQP_BASIC_CONSUME_OK_METHOD, &consume_ok);
}

static void
say_delivery(struct fix *f, const char *tag, uint64_t number)
{
	amqp_basic_deliver_t m = {.consumer_tag = amqp_cstring_bytes(tag),
				  .delivery_tag = number,
				  .exchange = amqp_cstring_bytes("x"),
				  .routing_key = amqp_cstring_bytes("k")};
	amqp_basic_publish_t unused = {0};
	amqp_table_entry_t trace = {.key = amqp_cstring_bytes("traceparent"),
				    .value = {.kind = AMQP_FIELD_KIND_UTF8,
					      .value.bytes = amqp_cstring_bytes("00-ab")}};
	amqp_basic_properties_t props = {._flags = AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_TYPE_FLAG,
					 .headers = {.num_entries = 1, .entries = &trace},
					 .type = amqp_cstring_bytes("send")};
	struct mq_frame fr;
	struct buf b;
	size_t used;

	say(f, 1, AMQP_BASIC_DELIVER_METHOD, &m);
	buf_init(&b, NULL, MQ_FRAME_MAX);
	/* frame_max 13 cuts the body into two frames of 5 bytes. */
	assert_int_equal(mq_frame_add_publish(&b, 1, 13, &unused, &props, S("helloworld")), GH_OK);
	assert_int_equal(mq_frame_next(buf_slice(&b), MQ_FRAME_MAX, &fr, &used), GH_OK);
	feed(f, slice_from(buf_slice(&b), used));
	buf_free(&b);
}

static void
test_deliver_and_stale_ack(void **state)
{
	struct mq_consumer *c;
	struct fix f;

	(void)state;
	fix_init(&f, 1);
	c = open_consumer(&f);
	assert_int_equal(mq_consumer_add(c, S("q"), 5), GH_OK);
	serve_subscribe(&f, true, "gh-1");
	say_delivery(&f, "gh-1", 1);
	assert_string_equal(f.body, "helloworld");
	assert_string_equal(f.type, "send");
	assert_string_equal(f.trace, "00-ab");
	mq_ack(c, f.delivery);
	assert_int_equal(((amqp_basic_ack_t *)expect(&f, 1, AMQP_BASIC_ACK_METHOD))->delivery_tag,
			 1);
	say_delivery(&f, "gh-1", 2);
	assert_int_equal(mq_consumer_unacked_count(c), 1);
	(void)close(f.peer);
	conn_read(f.c);
	assert_int_equal(f.down_count, 1);
	assert_false(mq_delivery_is_valid(c, f.delivery));
	mq_ack(c, f.delivery);
	assert_int_equal(mq_conn_counters(f.c)->stale_ack_count, 1);
	/* After a reconnect the queue is consumed again, and the old handle stays void. */
	fix_attach(&f);
	shake_hands(&f);
	(void)expect(&f, 1, AMQP_CHANNEL_OPEN_METHOD);
	(void)expect(&f, 2, AMQP_CHANNEL_OPEN_METHOD);
	amqp_channel_open_ok_t ok = {0};
	say(&f, 1, AMQP_CHANNEL_OPEN_OK_METHOD, &ok);
	say(&f, 2, AMQP_CHANNEL_OPEN_OK_METHOD, &ok);
	serve_subscribe(&f, true, "gh-2");
	mq_nack(c, f.delivery, true);
	expect_nothing(&f);
	assert_int_equal(mq_consumer_active_count(c), 1);
	mq_consumer_free(c);
	fix_free(&f);
}

static void
test_absent_cancelled_paused(void **state)
{
	amqp_channel_close_t absent = {.reply_code = 404, .class_id = 50, .method_id = 10};
	amqp_basic_cancel_t cancel = {.consumer_tag = amqp_cstring_bytes("gh-1"), .nowait = 1};
	amqp_basic_cancel_ok_t cancel_ok = {.consumer_tag = amqp_cstring_bytes("gh-2")};
	struct mq_consumer *c;
	struct fix f;

	(void)state;
	fix_init(&f, 7);
	c = open_consumer(&f);
	assert_int_equal(mq_consumer_add(c, S("q"), 5), GH_OK);
	(void)expect(&f, 2, AMQP_QUEUE_DECLARE_METHOD);
	say(&f, 2, AMQP_CHANNEL_CLOSE_METHOD, &absent);
	(void)expect(&f, 2, AMQP_CHANNEL_CLOSE_OK_METHOD);
	assert_int_equal(f.gone_count, 1);
	clock_freeze(HOUR_US, HOUR_US + 2 * CLOCK_SEC);
	for (int i = 0; i < 200 && f.got.n == 0; i++) { /* the probe channel reopens in 20 ms */
		loop_run_once(f.loop, 10 * CLOCK_MS);
		flush(&f);
	}
	open_channel(&f, 2);
	assert_true(loop_timer_is_set(c->tick));
	consumer_on_tick(c); /* over a second later on the frozen clock: looked for again */
	serve_subscribe(&f, true, "gh-1");
	/* The broker cancels: the queue was deleted. */
	say(&f, 1, AMQP_BASIC_CANCEL_METHOD, &cancel);
	assert_int_equal(f.gone_count, 2);
	say_delivery(&f, "gh-1", 1); /* too late */
	(void)expect(&f, 1, AMQP_BASIC_NACK_METHOD);
	assert_int_equal(f.delivered_count, 0);
	/* Removed and added: consumed at once, and cancelled by pause. */
	mq_consumer_remove(c, S("q"));
	assert_int_equal(mq_consumer_add(c, S("q"), 5), GH_OK);
	serve_subscribe(&f, false, "gh-2");
	mq_consumer_pause(c);
	(void)expect(&f, 1, AMQP_BASIC_CANCEL_METHOD);
	say_delivery(&f, "gh-2", 2); /* was under way */
	(void)expect(&f, 1, AMQP_BASIC_NACK_METHOD);
	say(&f, 1, AMQP_BASIC_CANCEL_OK_METHOD, &cancel_ok);
	assert_int_equal(f.delivered_count, 0);
	expect_nothing(&f);
	mq_consumer_resume(c);
	serve_subscribe(&f, false, "gh-3");
	assert_int_equal(mq_consumer_active_count(c), 1);
	mq_consumer_free(c);
	fix_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake_every_piece),
		cmocka_unit_test(test_start_ok),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_login_refused),
		cmocka_unit_test(test_heartbeat),
		cmocka_unit_test(test_handshake_deadline_and_close),
		cmocka_unit_test(test_channel_close_406),
		cmocka_unit_test(test_freed_channel_number),
		cmocka_unit_test(test_confirms),
		cmocka_unit_test(test_return_before_ack),
		cmocka_unit_test(test_lost_settles_once),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_publish_bounds),
		cmocka_unit_test(test_deliver_and_stale_ack),
		cmocka_unit_test(test_absent_cancelled_paused),
	};

	return cmocka_run_group_tests_name("mq_codec", tests, NULL, NULL);
}
