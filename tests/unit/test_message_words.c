/* test_message_words.c - words, classes and lanes of messages. What is stored in databases is
 * pinned here: a test that fails means that a number or a hash changed its meaning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/message.c"

static void
test_stored_numbers(void **state)
{
	static const struct {
		int number;
		const char *word;
	} statuses[] = {{0, "scheduled"}, {1, "queued"},    {2, "processing"}, {3, "in_doubt"},
			{4, "sent"},      {5, "delivered"}, {6, "read"},       {7, "played"},
			{8, "failed"},    {9, "cancelled"}, {10, "received"}},
	  kinds[] = {{0, "text"},     {1, "image"},      {2, "video"},   {3, "audio"},
		     {4, "document"}, {5, "location"},   {6, "contact"}, {7, "sticker"},
		     {8, "reaction"}, {9, "unsupported"}};

	(void)state;
	assert_int_equal(GH_COUNT(statuses), MSG_STATUS_COUNT);
	assert_int_equal(GH_COUNT(kinds), MSG_KIND_COUNT);
	for (size_t i = 0; i < GH_COUNT(statuses); i++)
		assert_string_equal(msg_status_name(statuses[i].number), statuses[i].word);
	for (size_t i = 0; i < GH_COUNT(kinds); i++)
		assert_string_equal(msg_kind_name(kinds[i].number), kinds[i].word);
	assert_string_equal(msg_direction_name(0), "outbound");
	assert_string_equal(msg_direction_name(1), "inbound");
}

static void
test_numbers_out_of_range(void **state)
{
	static const int bad[] = {-1, MSG_STATUS_COUNT, INT32_MAX, INT32_MIN};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(bad); i++) {
		assert_string_equal(msg_status_name(bad[i]), "unknown");
		assert_string_equal(msg_kind_name(bad[i]), "unknown");
		assert_string_equal(msg_direction_name(bad[i]), "unknown");
	}
	assert_string_equal(msg_kind_name(MSG_KIND_COUNT), "unknown");
	assert_string_equal(msg_direction_name(2), "unknown");
}

static void
test_words_come_back(void **state)
{
	(void)state;
	for (int i = 0; i < MSG_STATUS_COUNT; i++) {
		enum msg_status got = MSG_RECEIVED;

		assert_int_equal(msg_status_parse(slice_of(msg_status_name(i)), &got), GH_OK);
		assert_int_equal(got, i);
	}
}

static void
test_unknown_words(void **state)
{
	static const char *const bad[] = {"", "unknown", "Sent", "sent ", "sen", "text1", "TEXT"};
	enum msg_status status = MSG_READ;

	(void)state;
	for (size_t i = 0; i < GH_COUNT(bad); i++) {
		if (msg_status_parse(slice_of(bad[i]), &status) != GH_EINVAL)
			fail_msg("accepted: '%s'", bad[i]);
	}
	assert_int_equal(msg_status_parse(SLICE_NONE, &status), GH_EINVAL);
	assert_int_equal(status, MSG_READ); /* untouched */
}

static void
test_class_of_priority(void **state)
{
	(void)state;
	for (int p = 1; p <= 10; p++)
		assert_int_equal(msg_class_of_priority(p), p >= 8   ? MQ_CLASS_HIGH
							   : p >= 4 ? MQ_CLASS_NORMAL
								    : MQ_CLASS_LOW);
}

/* Rows of send_queue hold these: another value would part a chat's queue in two. */
static void
test_lanes_are_stable(void **state)
{
	static const struct {
		const char *chat;
		enum mq_class cls;
		uint64_t lane;
	} cases[] = {
		{"", MQ_CLASS_NORMAL, UINT64_C(0xaf63bf4c29620409)},
		{"5511999990001@c.us", MQ_CLASS_HIGH, UINT64_C(0x5f87354aad20a2c9)},
		{"5511999990001@c.us", MQ_CLASS_NORMAL, UINT64_C(0x5f87364aad20af7c)},
		{"5511999990001@c.us", MQ_CLASS_LOW, UINT64_C(0x5f87374aad20ada3)},
		{"120363041234567890@g.us", MQ_CLASS_NORMAL, UINT64_C(0x54aa44a4af865e54)},
		{"caf\xc3\xa9", MQ_CLASS_NORMAL, UINT64_C(0x8722d4ee54e1d7df)}, /* bytes over 127 */
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		int64_t got = msg_lane(slice_of(cases[i].chat), cases[i].cls);

		if (got != (int64_t)cases[i].lane)
			fail_msg("%s, class %d: %#llx", cases[i].chat, cases[i].cls,
				 (unsigned long long)got);
	}
}

static void
test_lanes_differ(void **state)
{
	int64_t seen[3000];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char chat[32];

		(void)snprintf(chat, sizeof(chat), "551190000%04d@c.us", i);
		for (int cls = MQ_CLASS_HIGH; cls <= MQ_CLASS_LOW; cls++)
			seen[n++] = msg_lane(slice_of(chat), (enum mq_class)cls);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			assert_true(seen[i] != seen[j]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stored_numbers),
		cmocka_unit_test(test_numbers_out_of_range),
		cmocka_unit_test(test_words_come_back),
		cmocka_unit_test(test_unknown_words),
		cmocka_unit_test(test_class_of_priority),
		cmocka_unit_test(test_lanes_are_stable),
		cmocka_unit_test(test_lanes_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
