/* test_mq_envelope.c - the hint's text: exact bytes, round trip, everything else refused;
 * names of queues and keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mq/envelope.c"
#include "mq/topology.h"

static void
test_write_exact(void **state)
{
	struct mq_envelope e = {.kind = MQ_KIND_SEND,
				.class = MQ_CLASS_NORMAL,
				.company_id = 7,
				.target_count = 2,
				.target_id = {12, 13}};
	struct buf b;

	(void)state;
	buf_init(&b, NULL, MQ_ENVELOPE_MAX);
	mq_envelope_write(&e, &b);
	assert_string_equal(buf_cstr(&b), "{\"v\":1,\"kind\":\"send\",\"company\":7,"
					  "\"class\":\"normal\",\"targets\":[12,13]}");
	buf_free(&b);
}

static void
test_round_trip_largest(void **state)
{
	struct mq_envelope e = {.kind = MQ_KIND_DELIVERY,
				.class = MQ_CLASS_LOW,
				.company_id = INT64_MAX,
				.target_count = MQ_TARGET_MAX};
	struct mq_envelope got;
	struct buf b;

	(void)state;
	for (unsigned i = 0; i < MQ_TARGET_MAX; i++)
		e.target_id[i] = INT64_MAX - i;
	buf_init(&b, NULL, MQ_ENVELOPE_MAX);
	mq_envelope_write(&e, &b);
	assert_false(b.over);
	assert_int_equal(mq_envelope_parse(buf_slice(&b), &got), GH_OK);
	assert_int_equal(got.kind, e.kind);
	assert_int_equal(got.class, e.class);
	assert_true(got.company_id == INT64_MAX);
	assert_int_equal(got.target_count, MQ_TARGET_MAX);
	assert_memory_equal(got.target_id, e.target_id, sizeof(e.target_id));
	/* No proper prefix of a valid text is valid. */
	for (size_t n = 0; n < b.n; n++)
		assert_int_not_equal(mq_envelope_parse(slice_make(b.p, n), &got), GH_OK);
	buf_free(&b);
}

#define HEAD "{\"v\":1,\"kind\":\"send\",\"company\":7,\"class\":\"high\",\"targets\":"

static void
test_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"{\"v\":2,\"kind\":\"send\",\"company\":7,\"class\":\"high\",\"targets\":[1]}",
		"{\"v\":1,\"kind\":\"sends\",\"company\":7,\"class\":\"high\",\"targets\":[1]}",
		"{\"v\":1,\"kind\":\"\",\"company\":7,\"class\":\"high\",\"targets\":[1]}",
		"{\"v\":1,\"kind\":\"send\",\"company\":0,\"class\":\"high\",\"targets\":[1]}",
		"{\"v\":1,\"kind\":\"send\",\"company\":-7,\"class\":\"high\",\"targets\":[1]}",
		"{\"v\":1,\"kind\":\"send\",\"company\":07,\"class\":\"high\",\"targets\":[1]}",
		"{\"v\":1,\"kind\":\"send\",\"company\":7,\"class\":\"urgent\",\"targets\":[1]}",
		"{\"v\": 1,\"kind\":\"send\",\"company\":7,\"class\":\"high\",\"targets\":[1]}",
		HEAD "[]}",
		HEAD "[1,]}",
		HEAD "[1]",
		HEAD "[1]}x",
		HEAD "[1]} ",
		HEAD "[1.5]}",
		HEAD "[9223372036854775808]}",
		HEAD "[99999999999999999999999]}",
	};
	struct mq_envelope e;

	(void)state;
	for (size_t i = 0; i < GH_COUNT(bad); i++) {
		if (mq_envelope_parse(slice_of(bad[i]), &e) != GH_EINVAL)
			fail_msg("accepted: %s", bad[i]);
	}
	assert_int_equal(mq_envelope_parse(slice_of(HEAD "[1]}"), &e), GH_OK);
}

static void
test_too_many(void **state)
{
	struct mq_envelope e;
	struct buf b;

	(void)state;
	buf_init(&b, NULL, 2 * MQ_ENVELOPE_MAX);
	buf_add(&b, S(HEAD "[1"));
	for (int i = 0; i < MQ_TARGET_MAX; i++)
		buf_add(&b, S(",2"));
	buf_add(&b, S("]}"));
	assert_int_equal(mq_envelope_parse(buf_slice(&b), &e), GH_ELIMIT);
	while (b.n <= MQ_ENVELOPE_MAX)
		buf_add_char(&b, ' ');
	assert_int_equal(mq_envelope_parse(buf_slice(&b), &e), GH_ELIMIT);
	buf_free(&b);
}

static void
test_names(void **state)
{
	char n[MQ_NAME_SIZE];

	(void)state;
	assert_string_equal(mq_queue_name(MQ_KIND_SEND, MQ_CLASS_HIGH, 7, n),
			    "outbound.company.7.priority.high");
	assert_string_equal(mq_queue_name(MQ_KIND_INBOUND, MQ_CLASS_NORMAL, 7, n),
			    "inbound.company.7");
	assert_string_equal(mq_queue_name(MQ_KIND_DELIVERY, MQ_CLASS_NORMAL, INT64_MAX, n),
			    "events.company.9223372036854775807");
	assert_string_equal(mq_routing_key(MQ_KIND_SEND, MQ_CLASS_LOW, INT64_MAX, n),
			    "company.9223372036854775807.priority.low");
	assert_string_equal(mq_routing_key(MQ_KIND_INBOUND, MQ_CLASS_NORMAL, 7, n), "company.7");
	assert_string_equal(mq_routing_key(MQ_KIND_DELIVERY, MQ_CLASS_NORMAL, 7, n),
			    "event.delivery.7");
	assert_string_equal(mq_exchange_name(MQ_KIND_DELIVERY), "events.exchange");
	assert_null(mq_kind_name((enum mq_kind)0));
	assert_null(mq_kind_name((enum mq_kind)4));
	assert_null(mq_class_name((enum mq_class)9));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_exact), cmocka_unit_test(test_round_trip_largest),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("mq_envelope", tests, NULL, NULL);
}
