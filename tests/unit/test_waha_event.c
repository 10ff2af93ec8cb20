/* test_waha_event.c - WAHA's webhooks: the contract's own examples, of every engine where they
 * differ (contracts/waha.md sections 10, 11, 13), and hostile input.
 */
#include "provider/waha_event.c"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fact_line.h"
#include "waha_vectors.h"

/* ---- webhooks: each fact as one line of text ---- */

static const struct hook_case {
	const char *file, *line;
} hook_cases[] = {
	{"hook_message_image",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us phone=5511900000002 type=image "
	 "text=Is it open today? quoted=3EB0C0FFEE0000000001 file mime=image/jpeg "
	 "place=-23.55,-46.63 place-name=Store 3 place-address=Rua A, 1 "
	 "at=1791000000000000"},
	{"hook_message_text", "message id=3A0000000000000000AA chat=5511900000002@c.us "
			      "phone=5511900000002 type=text text=Is it open today? "
			      "at=1791000000000000"},
	{"hook_message_location", "message id=3A0000000000000000AA chat=5511900000002@c.us "
				  "phone=5511900000002 type=location "
				  "place=-23.55,-46.63 place-name=Store 3 place-address=Rua A, 1 "
				  "at=1791000000000000"},
	{"hook_message_contact",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us "
	 "phone=5511900000002 type=contact text= vcard=28 at=1791000000000000"},
	{"hook_message_empty", "message id=3A0000000000000000AA chat=5511900000002@c.us "
			       "phone=5511900000002 type=unsupported at=1791000000000000"},
	{"hook_echo_gows",
	 "message id=3EB0C0FFEE0000000001 chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 own-api type=text text=Your order 881 left the store status=sent "
	 "at=1791000001000000"},
	{"hook_echo_webjs", "message id=3EB0C0FFEE0000000001 chat=5511900000002@c.us "
			    "phone=5511900000002 own-app type=text text=hi at=1791000001000000"},
	{"hook_group_lid_noweb",
	 "message id=3A00000000000000BB chat=120363000000000001@g.us part=210000000000005@lid "
	 "lid=210000000000005@lid phone=5511900000005 name=Rita group type=sticker text= file "
	 "mime=image/webp size=20480 at=1791000002000000"},
	{"hook_voice_gows",
	 "message id=3A00000000000000BC chat=210000000000002@lid lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=audio file mime=audio/ogg; codecs=opus size=12345 "
	 "secs=7 at=1791000003000000"},
	{"hook_ack_device", "status id=3EB0C0FFEE0000000001 chat=5511900000002@c.us "
			    "phone=5511900000002 own-app status=delivered word=DEVICE "
			    "at=1791000000456000"},
	{"hook_ack_read_lid", "status id=3EB0C0FFEE0000000001 chat=210000000000002@lid "
			      "lid=210000000000002@lid own-app status=read word=READ "
			      "at=1791000000456000"},
	{"hook_ack_error", "status id=3EB0C0FFEE0000000001 chat=5511900000002@c.us "
			   "phone=5511900000002 own-app status=failed word=ERROR "
			   "at=1791000000456000"},
	{"hook_ack_unknown", "other id=3EB0C0FFEE0000000001 chat=5511900000002@c.us "
			     "phone=5511900000002 own-app word=UNKNOWN at=1791000000456000"},
	{"hook_ack_incoming", "other id=3A0000000000000000AA chat=5511900000002@c.us "
			      "phone=5511900000002 word=READ at=1791000000456000"},
	{"hook_ack_group",
	 "status id=3EB0C0FFEE0000000002 chat=120363000000000001@g.us part=5511900000005@c.us "
	 "phone=5511900000005 own-app group status=delivered word=DEVICE at=1791000000456000"},
	{"hook_reaction", "reaction id=3A0000000000000000CC target=3EB0C0FFEE0000000001 "
			  "chat=5511900000002@c.us phone=5511900000002 text=❤️ "
			  "at=1791000050000000"},
	{"hook_revoked", "revoked id=3A0000000000000000DD target=3A0000000000000000AA "
			 "chat=5511900000002@c.us phone=5511900000002 at=1791000000456000"},
	{"hook_edited", "edited id=3A0000000000000000EE target=3A0000000000000000AA "
			"chat=5511900000002@c.us phone=5511900000002 text=Is it open on Sunday? "
			"at=1791000060000000"},
	{"hook_session_qr", "session state=qr word=SCAN_QR_CODE at=1791000000000000"},
	{"hook_session_working", "session state=connected word=WORKING at=1791000000000000"},
	{"hook_session_starting", "session state=connecting word=STARTING at=1790999990000000"},
	{"hook_session_failed", "session state=failed word=FAILED at=1791000000456000"},
	{"hook_session_stopped", "session state=disconnected word=STOPPED at=1791000000456000"},
	{"hook_session_new_word", "session state=unknown word=HIBERNATING at=1791000000456000"},
	{"hook_poll_vote", "poll id=3A0000000000000000FF target=3EB0C0FFEE0000000009 "
			   "chat=5511900000002@c.us phone=5511900000002 text=[\"Afternoon\"] "
			   "word=vote at=1791000070000000"},
	{"hook_call", "call id=CALL0000000000000001 chat=5511900000002@c.us word=received "
		      "at=1791000080000000"},
	{"hook_presence", "presence chat=5511900000002@c.us part=5511900000002@c.us word=recording "
			  "seen=1791000085000000 at=1791000000456000"},
	{"hook_group_join", "group chat=120363000000000001@g.us group text=Acme team word=join "
			    "description=d invite=https://chat.whatsapp.com/XXXX "
			    "member=210000000000002@lid,5511900000002,admin self "
			    "at=1791000090000000"},
	{"hook_group_participants",
	 "group chat=120363000000000001@g.us group word=promote "
	 "member=210000000000002@lid,5511900000002,admin at=1791000091000000"},
	{"hook_group_leave",
	 "group chat=120363000000000001@g.us group word=leave self at=1791000092000000"},
	{"hook_group_update", "group chat=120363000000000001@g.us group text=Acme team 2 "
			      "word=update at=1791000093000000"},
	{"hook_poll_vote_failed", "poll id=3A0000000000000000FF target=3EB0C0FFEE0000000009 "
				  "chat=5511900000002@c.us phone=5511900000002 word=failed "
				  "at=1791000070000000"},
	{"hook_call_video", "call id=CALL0000000000000002 chat=5511900000002@c.us word=rejected "
			    "video at=1791000081000000"},
	{"hook_waiting", "other at=1791000000456000"},
	{"hook_archive", "other at=1791000000456000"},
	{"hook_label_chat", "other at=1791000000456000"},
	{"hook_event_response", "other at=1791000000456000"},
	{"hook_label", "other at=1791000000456000"},
	{"hook_unknown", "other at=1791000000456000"},
	{"hook_echo_noweb",
	 "message id=3EB0C0FFEE0000000001 chat=5511900000002@c.us phone=5511900000002 own-api "
	 "type=text text=Your order 881 left the store status=sent at=1791000001000000"},
	{"hook_echo_group_noweb",
	 "message id=3EB0C0FFEE0000000002 chat=120363000000000001@g.us part=5511900000001@c.us "
	 "phone=5511900000001 own-api group type=text text=To all status=sent at=1791000001000000"},
	{"hook_ack_webjs", "status id=3EB0C0FFEE0000000001 chat=5511900000002@c.us "
			   "phone=5511900000002 own-api status=read word=READ at=1791000000000000"},
	{"hook_ack_error_webjs",
	 "status id=3EB0C0FFEE0000000001 chat=5511900000002@c.us phone=5511900000002 own-api "
	 "status=failed word=ERROR at=1791000000000000"},
	{"hook_ack_played",
	 "status id=3EB0C0FFEE0000000001 chat=5511900000002@c.us phone=5511900000002 own-app "
	 "status=played word=PLAYED at=1791000000456000"},
	{"hook_ack_group_gows",
	 "status id=3EB0C0FFEE0000000002 chat=120363000000000001@g.us part=210000000000005@lid "
	 "lid=210000000000005@lid own-app group status=read word=READ at=1791000000456000"},
	{"hook_revoked_webjs", "revoked id=3A0000000000000000AA target=3A0000000000000000AA "
			       "chat=5511900000002@c.us phone=5511900000002 at=1791000000456000"},
	{"hook_reaction_removed",
	 "reaction id=3A0000000000000000CC target=3EB0C0FFEE0000000001 chat=5511900000002@c.us "
	 "phone=5511900000002 text= at=1791000050250000"},
	{"hook_call_accepted",
	 "call id=CALL0000000000000001 chat=5511900000002@c.us word=accepted at=1791000082000000"},
	{"hook_poll_vote_ms",
	 "poll id=3A0000000000000000FF target=3EB0C0FFEE0000000009 chat=5511900000002@c.us "
	 "phone=5511900000002 text=[\"Morning\",\"Afternoon\"] word=vote at=1791000070123000"},
};

static void
test_hooks(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(hook_cases); i++) {
		struct provider_event ev;
		struct buf b;

		assert_int_equal(waha_parse_event(vector_read(a, hook_cases[i].file), a, &ev, NULL),
				 GH_OK);
		assert_int_equal(ev.fact_count, 1);
		buf_init(&b, a, 4096);
		fact_line_add(&b, ev.fact);
		if (!slice_eq(buf_slice(&b), slice_of(hook_cases[i].line)))
			fail_msg("%s\n got  %s\n want %s", hook_cases[i].file, buf_cstr(&b),
				 hook_cases[i].line);
		assert_true(slice_eq(ev.session, S("acme_01")));
		assert_true(slice_eq(ev.event_id, S("evt_01k5growhub0000000000000b2")));
		assert_true(ev.engine.n > 0);
		assert_true(ev.fact->raw.n > 1 && ev.fact->raw.p[0] == '{');
	}
	arena_free(a);
}

static void
test_hook_frame(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_event ev;

	assert_int_equal(waha_parse_event(vector_read(a, "hook_message_text"), a, &ev, NULL),
			 GH_OK);
	assert_true(slice_eq(ev.engine, S("GOWS"))); /* only in environment on GOWS */
	assert_true(slice_eq(ev.own_number, S("5511900000001")));
	assert_true(slice_eq(ev.own_lid, S("210000000000001@lid")));
	assert_true(slice_eq(ev.fact->full_id, S("false_5511900000002@c.us_3A0000000000000000AA")));
	assert_int_equal(ev.fact->ack, 2);
	assert_false(ev.fact->has_status); /* of an incoming message: not ours */
	assert_int_equal(waha_parse_event(vector_read(a, "hook_session_stopped"), a, &ev, NULL),
			 GH_OK);
	assert_null(ev.own_number.p);
	assert_int_equal(waha_parse_event(vector_read(a, "hook_voice_gows"), a, &ev, NULL), GH_OK);
	assert_true(slice_eq(ev.fact->file.error, S("gone")));
	arena_free(a);
}

/* Every key missing or of a wrong type is still an event; only no object is an error. */
static void
test_hook_tolerance(void **state GH_UNUSED)
{
	static const struct {
		const char *body;
		enum gh_code rc;
		enum provider_fact_kind kind;
	} cases[] = {
		{"", GH_EINVAL, PROVIDER_FACT_OTHER},
		{"[]", GH_EINVAL, PROVIDER_FACT_OTHER},
		{"{\"event\":\"message\"", GH_EINVAL, PROVIDER_FACT_OTHER},
		{"{\"a\":1,\"a\":2}", GH_EINVAL, PROVIDER_FACT_OTHER},
		{"{}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"event\":7,\"session\":[],\"me\":\"x\"}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"event\":\"message\"}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"event\":\"message\",\"payload\":[1]}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"event\":\"message\",\"payload\":{}}", GH_OK, PROVIDER_FACT_MESSAGE},
		{"{\"event\":\"message\",\"payload\":{\"id\":7,\"from\":{},\"fromMe\":\"yes\","
		 "\"media\":1,\"vCards\":{},\"timestamp\":-1,\"_data\":[]}}",
		 GH_OK, PROVIDER_FACT_MESSAGE},
		{"{\"event\":\"presence.update\",\"payload\":{\"presences\":[]}}", GH_OK,
		 PROVIDER_FACT_PRESENCE},
		{"{\"event\":\"presence.update\",\"payload\":{\"presences\":[1,{}]}}", GH_OK,
		 PROVIDER_FACT_PRESENCE},
		{"{\"event\":\"message.revoked\",\"payload\":{\"after\":null}}", GH_OK,
		 PROVIDER_FACT_REVOKED},
		{"{\"event\":\"session.status\",\"payload\":{\"statuses\":[{},1]}}", GH_OK,
		 PROVIDER_FACT_SESSION},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_event ev;
		struct gh_err err;

		assert_int_equal(waha_parse_event(slice_of(cases[i].body), a, &ev, &err),
				 cases[i].rc);
		if (cases[i].rc != GH_OK)
			continue;
		assert_true(ev.fact_count >= 1);
		assert_int_equal(ev.fact->kind, cases[i].kind);
	}
	arena_free(a);
}

/* Whatever its form, a file that did not come is told and its message kept. */
static void
test_media_errors(void **state GH_UNUSED)
{
	static const struct {
		const char *json, *told;
	} cases[] = {
		{"null", NULL},
		{"false", NULL},
		{"\"\"", ""},
		{"\"404: media gone\"", "404: media gone"},
		{"{\"message\":\"gone\",\"stack\":\"at /srv\"}", "gone"},
		{"{\"code\":2,\"details\":\"timed out\"}", "timed out"},
		{"{\"error\":{\"code\":404,\"key\":\"FILE_NOT_FOUND\"}}", "FILE_NOT_FOUND"},
		{"{\"error\":\"Not Found\",\"statusCode\":404}", "Not Found"},
		{"{\"message\":[\"x\"],\"stack\":\"at /srv\"}", "unknown"},
		{"{}", "unknown"},
		{"[\"x\"]", "unknown"},
		{"true", "unknown"},
		{"404", "unknown"},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_event ev;
		char *body = arena_printf(a,
					  "{\"event\":\"message\",\"payload\":{\"body\":\"Look\","
					  "\"hasMedia\":true,\"media\":{\"url\":null,"
					  "\"mimetype\":\"image/jpeg\",\"error\":%s}}}",
					  cases[i].json);

		assert_int_equal(waha_parse_event(slice_of(body), a, &ev, NULL), GH_OK);
		assert_int_equal(ev.fact->kind, PROVIDER_FACT_MESSAGE);
		assert_int_equal(ev.fact->message_kind, MSG_IMAGE);
		assert_true(slice_eq(ev.fact->text, S("Look")));
		assert_true(ev.fact->file.is_present);
		if (cases[i].told == NULL)
			assert_null(ev.fact->file.error.p);
		else
			assert_true(slice_eq(ev.fact->file.error, slice_of(cases[i].told)));
	}
	arena_free(a);
}

/* Every engine's way to tell a choice is one and the same text message. */
static void
test_choices(void **state GH_UNUSED)
{
	static const char *const cases[] = {
		"\"body\":\"Sales\",\"replyTo\":{\"id\":\"3EB0M\"},\"_data\":{\"Message\":{"
		"\"listResponseMessage\":{\"title\":\"Sales\",\"singleSelectReply\":{"
		"\"selectedRowID\":\"row-1\"}}}}",
		"\"body\":null,\"_data\":{\"message\":{\"listResponseMessage\":{\"title\":"
		"\"Sales\","
		"\"singleSelectReply\":{\"selectedRowId\":\"row-1\"},"
		"\"contextInfo\":{\"stanzaId\":\"3EB0M\"}}}}",
		"\"_data\":{\"Message\":{\"buttonsResponseMessage\":{\"selectedButtonID\":\"row-"
		"1\","
		"\"Response\":{\"SelectedDisplayText\":\"Sales\"},"
		"\"contextInfo\":{\"stanzaID\":\"3EB0M\"}}}}",
		"\"_data\":{\"message\":{\"buttonsResponseMessage\":{\"selectedButtonId\":\"row-"
		"1\","
		"\"selectedDisplayText\":\"Sales\",\"contextInfo\":{\"stanzaId\":\"3EB0M\"}}}}",
		"\"_data\":{\"message\":{\"templateButtonReplyMessage\":{\"selectedId\":\"row-1\","
		"\"selectedDisplayText\":\"Sales\",\"contextInfo\":{\"stanzaId\":\"3EB0M\"}}}}",
		"\"_data\":{\"message\":{\"interactiveResponseMessage\":{\"body\":{\"text\":"
		"\"Sales\"},"
		"\"nativeFlowResponseMessage\":{\"name\":\"quick_reply\","
		"\"paramsJson\":\"{\\\"id\\\":\\\"row-1\\\"}\"},"
		"\"contextInfo\":{\"stanzaId\":\"3EB0M\"}}}}",
		"\"body\":\"Sales\",\"replyTo\":{\"id\":\"3EB0M\"},\"_data\":{"
		"\"type\":\"list_response\",\"listResponse\":{\"singleSelectReply\":{"
		"\"selectedRowId\":\"row-1\"}}}",
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_event ev;
		char *body = arena_printf(a, "{\"event\":\"message\",\"payload\":{%s}}", cases[i]);

		assert_int_equal(waha_parse_event(slice_of(body), a, &ev, NULL), GH_OK);
		assert_int_equal(ev.fact->message_kind, MSG_TEXT);
		assert_true(slice_eq(ev.fact->text, S("Sales")));
		assert_true(slice_eq(ev.fact->choice_id, S("row-1")));
		assert_true(slice_eq(ev.fact->quoted_id, S("3EB0M")));
	}
	arena_free(a);
}

/* Of another type, or of nothing: a text without a choice. */
static void
test_choices_that_are_not(void **state GH_UNUSED)
{
	static const char *const cases[] = {
		"{\"listResponseMessage\":{}}",
		"{\"listResponseMessage\":7}",
		"{\"listResponseMessage\":{\"singleSelectReply\":\"x\",\"contextInfo\":[]}}",
		"{\"interactiveResponseMessage\":{\"nativeFlowResponseMessage\":{"
		"\"paramsJson\":\"{\"}}}",
		"{\"interactiveResponseMessage\":{\"nativeFlowResponseMessage\":{"
		"\"paramsJson\":\"[1]\"}}}",
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_event ev;
		char *body = arena_printf(a,
					  "{\"event\":\"message\",\"payload\":{\"body\":\"x\",\"_"
					  "data\":{\"message\":%s}}}",
					  cases[i]);

		assert_int_equal(waha_parse_event(slice_of(body), a, &ev, NULL), GH_OK);
		assert_int_equal(ev.fact->message_kind, MSG_TEXT);
		assert_true(slice_eq(ev.fact->text, S("x")));
		assert_null(ev.fact->choice_id.p);
	}
	arena_free(a);
}

static void
test_times(void **state GH_UNUSED)
{
	static const struct {
		const char *json;
		int64_t us;
	} cases[] = {
		{"1791000000", 1791000000000000},
		{"\"1791000000\"", 1791000000000000},
		{"1791000050.5", 1791000050500000},
		{"1791000000123", 1791000000123000},
		{"0", 0},
		{"-5", 0},
		{"1e300", 0},
		{"null", 0},
		{"\"soon\"", 0},
		{"{}", 0},
		{"\"2026-10-05T12:00:00Z\"", 1791201600000000},
		{"\"0026-10-05T12:00:00.000Z\"", 0},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_event ev;
		char *body = arena_printf(
			a, "{\"event\":\"message\",\"payload\":{\"timestamp\":%s}}", cases[i].json);

		assert_int_equal(waha_parse_event(slice_of(body), a, &ev, NULL), GH_OK);
		assert_int_equal(ev.fact->at_us, cases[i].us);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hooks),          cmocka_unit_test(test_hook_frame),
		cmocka_unit_test(test_hook_tolerance), cmocka_unit_test(test_media_errors),
		cmocka_unit_test(test_choices),        cmocka_unit_test(test_choices_that_are_not),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
