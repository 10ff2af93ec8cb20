/* fuzz_amqp.c - whatever bytes a broker sends: no crash, no leak, every publish settled
 * once. The first byte of the input says how far the conversation had come (before the
 * handshake; connected with a publisher and a consumer at work) and the size of the pieces.
 */
#include "mq/conn.c"
#include "mq/consumer.c"
#include "mq/publisher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PUBLISH_COUNT 3u

struct fuzz {
	struct mq_conn *c;
	struct mq_publisher *p;
	struct mq_consumer *con;
	unsigned accepted, settled;
};

static void
on_settle(void *arg, void *token GH_UNUSED, uint64_t tag GH_UNUSED,
	  enum mq_outcome outcome GH_UNUSED, unsigned code GH_UNUSED)
{
	((struct fuzz *)arg)->settled++;
}

static void
on_deliver(void *arg, struct slice queue GH_UNUSED, struct mq_delivery d,
	   const struct mq_content *m)
{
	struct fuzz *f = arg;

	if (m->body.n > MQ_CONTENT_MAX)
		gh_panic("a body over its bound");
	/* Keep some, drop the consumer now and then from under its own delivery. */
	if (d.tag % 3 == 0)
		mq_ack(f->con, d);
	if (d.tag % 7 == 0)
		mq_consumer_remove(f->con, S("q"));
}

static void
say(struct fuzz *f, uint16_t channel, amqp_method_number_t id, void *m)
{
	struct buf b;

	buf_init(&b, NULL, MQ_FRAME_MAX);
	if (mq_frame_add_method(&b, channel, id, m) != GH_OK)
		gh_panic("the fuzzer's own frame does not fit");
	if (f->c->fd >= 0)
		conn_feed(f->c, b.p, b.n);
	buf_free(&b);
}

/* Handshake, publisher on channel 1, consumer on 2 (main) and 3 (probe) up to consuming. */
static void
converse(struct fuzz *f)
{
	amqp_connection_start_t start = {.version_minor = 9,
					 .mechanisms = amqp_cstring_bytes("PLAIN")};
	amqp_connection_tune_t tune = {.frame_max = 131072};
	amqp_connection_open_ok_t open_ok = {0};
	amqp_channel_open_ok_t channel_ok = {0};
	amqp_confirm_select_ok_t confirm_ok = {0};
	amqp_queue_declare_ok_t declare_ok = {0};
	amqp_basic_qos_ok_t qos_ok = {0};
	amqp_basic_consume_ok_t consume_ok = {0};
	struct mq_message m = {.exchange = S("x"), .message_id = S("id"), .body = S("b")};

	say(f, 0, AMQP_CONNECTION_START_METHOD, &start);
	say(f, 0, AMQP_CONNECTION_TUNE_METHOD, &tune);
	say(f, 0, AMQP_CONNECTION_OPEN_OK_METHOD, &open_ok);
	for (uint16_t ch = 1; ch <= 3; ch++)
		say(f, ch, AMQP_CHANNEL_OPEN_OK_METHOD, &channel_ok);
	say(f, 1, AMQP_CONFIRM_SELECT_OK_METHOD, &confirm_ok);
	say(f, 3, AMQP_QUEUE_DECLARE_OK_METHOD, &declare_ok);
	say(f, 2, AMQP_BASIC_QOS_OK_METHOD, &qos_ok);
	say(f, 2, AMQP_BASIC_CONSUME_OK_METHOD, &consume_ok);
	for (unsigned i = 0; i < PUBLISH_COUNT; i++)
		if (mq_publish(f->p, &m, NULL, NULL) == GH_OK)
			f->accepted++;
	if (f->accepted != PUBLISH_COUNT || mq_consumer_active_count(f->con) != 1)
		gh_panic("the conversation did not get to where fuzzing starts");
}

static void
fuzz_open(struct fuzz *f, struct loop *l)
{
	struct mq_conn_opts o = {.url = S("amqp://h"),
				 .name = "fuzz",
				 .backoff_min_us = 3600 * CLOCK_SEC,
				 .backoff_max_us = 3600 * CLOCK_SEC};
	int fds[2];

	if (mq_conn_new(&f->c, l, NULL, &o, NULL) != GH_OK ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
		gh_panic("cannot set up");
	(void)close(fds[1]); /* nobody reads: what we write goes nowhere */
	loop_timer_cancel(f->c->timer);
	conn_open_stream(f->c, fds[0]);
	conn_begin(f->c);
	f->p = mq_publisher_new(f->c,
				&(struct mq_publisher_opts){.on_settle = on_settle, .arg = f});
	f->con = mq_consumer_new(f->c,
				 &(struct mq_consumer_opts){.on_deliver = on_deliver, .arg = f});
	if (mq_consumer_add(f->con, S("q"), 5) != GH_OK)
		gh_panic("cannot add");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *l;
	struct fuzz f = {0};
	size_t piece;

	if (l == NULL) {
		log_init("fuzz", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
		l = loop_new();
	}
	if (size == 0)
		return 0;
	fuzz_open(&f, l);
	if ((data[0] & 1) != 0)
		converse(&f);
	piece = (size_t)(data[0] >> 1) + 1;
	for (size_t at = 1; at < size && f.c->fd >= 0; at += piece)
		conn_feed(f.c, data + at, size - at < piece ? size - at : piece);
	if (f.c->fd >= 0) {
		conn_set_error(f.c, "end of input");
		conn_down(f.c);
	}
	if (f.accepted != f.settled)
		gh_panic("%u accepted, %u settled", f.accepted, f.settled);
	mq_consumer_free(f.con);
	mq_publisher_free(f.p);
	mq_conn_free(f.c);
	return 0;
}
