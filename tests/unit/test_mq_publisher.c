/* test_mq_publisher.c - the confirm window: order, returns, losses, bounds. */
#include "mq_peer.h"

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
test_ask(void **state)
{
	struct mq_publisher *p;
	struct fix f;

	(void)state;
	fix_init(&f, 1);
	p = open_publisher(&f, 2);
	assert_true(mq_publisher_ask(p));
	assert_int_equal(publish(p, "a"), GH_OK);
	assert_int_equal(publish(p, "b"), GH_OK);
	say_ack(&f, 1, false);
	assert_int_equal(f.ready_count, 1); /* nobody asked */
	assert_int_equal(publish(p, "c"), GH_OK);
	assert_false(mq_publisher_ask(p));
	say_ack(&f, 2, false);
	assert_int_equal(f.ready_count, 2);
	say_ack(&f, 3, false);
	assert_int_equal(f.ready_count, 2); /* told once */
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_confirms),
		cmocka_unit_test(test_return_before_ack),
		cmocka_unit_test(test_lost_settles_once),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_ask),
		cmocka_unit_test(test_publish_bounds),
	};

	return cmocka_run_group_tests_name("mq_publisher", tests, NULL, NULL);
}
