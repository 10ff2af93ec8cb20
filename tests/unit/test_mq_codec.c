/* test_mq_codec.c - frames in every piece size, handshake, heartbeat, requests. */
#include "mq_peer.h"

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
	};

	return cmocka_run_group_tests_name("mq_codec", tests, NULL, NULL);
}
