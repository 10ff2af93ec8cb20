/* test_event_names.c - event types, their names in both formats, subscription words
 * (contracts/growhub-api.md section 7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/event.c"

#define ALL_BITS INT64_C(0x1ffffffe) /* types 1..28 */

/* The numbers are stored; the test names them by value. */
static void
test_stored_numbers(void **state)
{
	static const char *const standard[] = {NULL,
					       "message.received",
					       "message.queued",
					       "message.sent",
					       "message.delivered",
					       "message.read",
					       "message.played",
					       "message.failed",
					       "message.in_doubt",
					       "message.stalled",
					       "message.cancelled",
					       "message.expired",
					       "message.edited",
					       "message.deleted",
					       "message.reaction",
					       "instance.connected",
					       "instance.disconnected",
					       "instance.qr",
					       "instance.error",
					       "instance.inbound_stalled",
					       "group.joined",
					       "group.left",
					       "group.updated",
					       "presence.updated",
					       "poll.voted",
					       "call.received",
					       "contact.merged",
					       "endpoint.disabled",
					       "webhook.test"};

	(void)state;
	assert_int_equal(GH_COUNT(standard), EVENT_TYPE_COUNT);
	assert_null(event_name(EVENT_NONE, EVENT_FORMAT_STANDARD));
	for (int t = 1; t < EVENT_TYPE_COUNT; t++)
		assert_string_equal(event_name((enum event_type)t, EVENT_FORMAT_STANDARD),
				    standard[t]);
}

static void
test_growhub_names(void **state)
{
	static const char *const names[] = {
		[1] = "on-message",           [3] = "on-message-sent",
		[4] = "on-message-delivered", [5] = "on-message-read",
		[6] = "on-message-played",    [7] = "on-message-failed",
		[8] = "on-message-in-doubt",  [9] = "on-message-stalled",
		[11] = "on-message-failed",   [12] = "on-edited",
		[13] = "on-revoked",          [14] = "on-reaction",
		[15] = "on-connected",        [16] = "on-disconnected",
		[17] = "on-qrcode",           [18] = "on-instance-error",
		[20] = "on-group-join",       [21] = "on-group-leave",
		[22] = "on-group-update",     [23] = "on-presence-update",
		[24] = "on-poll-vote",        [25] = "on-call",
		[28] = "webhook.test"};

	(void)state;
	for (size_t t = 0; t < GH_COUNT(names); t++) {
		const char *got = event_name((enum event_type)t, EVENT_FORMAT_GROWHUB);

		if (names[t] == NULL)
			assert_null(got);
		else
			assert_string_equal(got, names[t]);
	}
}

static void
test_event_of_status(void **state)
{
	static const struct {
		enum msg_status status;
		enum event_type type;
	} cases[] = {
		{MSG_SCHEDULED, EVENT_NONE},
		{MSG_QUEUED, EVENT_MESSAGE_QUEUED},
		{MSG_PROCESSING, EVENT_NONE},
		{MSG_IN_DOUBT, EVENT_MESSAGE_IN_DOUBT},
		{MSG_SENT, EVENT_MESSAGE_SENT},
		{MSG_DELIVERED, EVENT_MESSAGE_DELIVERED},
		{MSG_READ, EVENT_MESSAGE_READ},
		{MSG_PLAYED, EVENT_MESSAGE_PLAYED},
		{MSG_FAILED, EVENT_MESSAGE_FAILED},
		{MSG_CANCELLED, EVENT_MESSAGE_CANCELLED},
		{MSG_RECEIVED, EVENT_MESSAGE_RECEIVED},
	};

	(void)state;
	assert_int_equal(GH_COUNT(cases), MSG_STATUS_COUNT);
	for (size_t i = 0; i < GH_COUNT(cases); i++)
		assert_int_equal(event_of_status(cases[i].status), cases[i].type);
}

static int64_t
mask_of(const char *word)
{
	int64_t mask = 0;

	if (event_mask_add(slice_of(word), &mask) != GH_OK)
		fail_msg("refused: '%s'", word);
	return mask;
}

/* Every name of either format subscribes to at least its own type. */
static void
test_own_names(void **state)
{
	(void)state;
	for (int t = 1; t < EVENT_TYPE_COUNT; t++) {
		const char *growhub = event_name((enum event_type)t, EVENT_FORMAT_GROWHUB);

		assert_int_equal(mask_of(event_name((enum event_type)t, EVENT_FORMAT_STANDARD)),
				 BIT(t));
		if (growhub != NULL)
			assert_true((mask_of(growhub) & BIT(t)) != 0);
	}
}

static void
test_provider_names(void **state)
{
	static const struct {
		const char *word;
		int64_t mask;
	} cases[] = {
		{"on-message-sent", BIT(3)},
		{"on-message-failed", BIT(7) | BIT(11)},
		{"message.failed", BIT(7)},
		{"message", BIT(1)},
		{"message.any", BIT(1)},
		{"message.ack", BIT(3) | BIT(4) | BIT(5) | BIT(6)},
		{"session.status", BIT(15) | BIT(16) | BIT(17)},
		{"state.change", BIT(15) | BIT(16) | BIT(17)},
		{"presence.update", BIT(23)},
		{"group.v2.join", BIT(20)},
		{"group.join", BIT(20)},
		{"group.v2.leave", BIT(21)},
		{"group.leave", BIT(21)},
		{"group.v2.update", BIT(22)},
		{"group.v2.participants", BIT(22)},
		{"poll.vote", BIT(24)},
		{"call.*", BIT(25)},
		{"call.accepted", BIT(25)},
		{"call.", BIT(25)},
		{"message.revoked", BIT(13)},
		{"chat.archive", 0},
		{"label.upsert", 0},
		{"label.*", 0},
		{"engine.event", 0},
		{"event.response", 0},
		{"event.response.failed", 0},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		if (mask_of(cases[i].word) != cases[i].mask)
			fail_msg("%s: %#llx", cases[i].word,
				 (unsigned long long)mask_of(cases[i].word));
	}
}

static void
test_star_is_everything(void **state)
{
	(void)state;
	assert_true(mask_of("*") == ALL_BITS);
}

static void
test_words_add_up(void **state)
{
	int64_t mask = 0;

	(void)state;
	assert_int_equal(event_mask_add(S("message"), &mask), GH_OK);
	assert_int_equal(event_mask_add(S("on-qrcode"), &mask), GH_OK);
	assert_int_equal(event_mask_add(S("label.edit"), &mask), GH_OK);
	assert_true(mask == (BIT(1) | BIT(17)));
}

static void
test_words_of_uazapi(void **state)
{
	int64_t messages = 0, none = 0, all = 0;

	(void)state;
	assert_int_equal(event_mask_add(S("messages"), &messages), GH_OK);
	assert_true(messages == (BIT(1) | BIT(3) | BIT(12) | BIT(14) | BIT(24)));
	assert_int_equal(event_mask_add(S("messages_update"), &messages), GH_OK);
	assert_true(messages == (BIT(1) | BIT(3) | BIT(12) | BIT(14) | BIT(24) | BIT(4) | BIT(5) |
				 BIT(6) | BIT(13)));
	assert_int_equal(event_mask_add(S("history"), &none), GH_OK);
	assert_true(none == 0);
	assert_int_equal(event_mask_add(S("*"), &all), GH_OK);
	assert_true((event_mask_of(EVENT_FORMAT_STANDARD) & all) == all);
	assert_true((event_mask_of(EVENT_FORMAT_UAZAPI) & BIT(2)) == 0);
	for (int f = 0; f < EVENT_FORMAT_COUNT; f++)
		assert_int_equal(event_format_of(slice_of(event_format_name((enum event_format)f))),
				 f);
	assert_int_equal(event_format_of(S("other")), EVENT_FORMAT_GROWHUB);
}

static void
test_unknown_words(void **state)
{
	static const char *const bad[] = {
		"",    "messages.", "MESSAGE", "message ",      "on-",       "**",
		"*.*", "calls",     "label",   "event.respons", "message.*", "none"};
	int64_t mask = BIT(5);

	(void)state;
	for (size_t i = 0; i < GH_COUNT(bad); i++) {
		if (event_mask_add(slice_of(bad[i]), &mask) != GH_EINVAL)
			fail_msg("accepted: '%s'", bad[i]);
	}
	assert_int_equal(event_mask_add(SLICE_NONE, &mask), GH_EINVAL);
	assert_true(mask == BIT(5)); /* untouched */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stored_numbers),  cmocka_unit_test(test_growhub_names),
		cmocka_unit_test(test_event_of_status), cmocka_unit_test(test_own_names),
		cmocka_unit_test(test_provider_names),  cmocka_unit_test(test_star_is_everything),
		cmocka_unit_test(test_words_add_up),    cmocka_unit_test(test_words_of_uazapi),
		cmocka_unit_test(test_unknown_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
