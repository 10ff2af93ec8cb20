/* test_mq_consumer.c - deliveries, stale handles, absent queues, cancel and pause. */
#include "mq/consumer.c"

#include "mq_peer.h"

static void
on_down(void *arg)
{
	((struct fix *)arg)->down_count++;
}

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
		cmocka_unit_test(test_deliver_and_stale_ack),
		cmocka_unit_test(test_absent_cancelled_paused),
	};

	return cmocka_run_group_tests_name("mq_consumer", tests, NULL, NULL);
}
