/* test_eventd_render_uazapi.c - bodies of the format uazapi, by what contracts/uazapi.md section 10
 * says of each kind; what options exclude, and what they append. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "eventd/render.c"
#include "eventd/render_uazapi.c"

#define FRAME                                                                                      \
	"\"id\":null,\"message_id\":\"3A\",\"from\":\"5511900000002@c.us\",\"to\":null,"           \
	"\"chat\":\"5511900000002@c.us\",\"phone\":\"5511900000002\",\"lid\":\"21@lid\","          \
	"\"push_name\":\"Rui\",\"from_me\":false,\"is_group\":false,\"origin\":\"contact\","       \
	"\"instance_name\":\"acme\",\"own_number\":\"5511900000001\","                             \
	"\"timestamp_ms\":1791000000000"
#define ACCOUNT "\"instance_name\":\"acme\",\"own_number\":\"5511900000001\""

/* Members by their path, each as JSON. */
struct wanted {
	const char *path, *value;
};

static const struct {
	const char *name;
	enum event_type type;
	const char *facts;
	struct wanted wanted[10];
} cases[] = {
	{"text",
	 EVENT_MESSAGE_RECEIVED,
	 "{" FRAME ",\"type\":\"text\",\"content\":\"hi\"}",
	 {{"EventType", "\"messages\""},
	  {"BaseUrl", "\"\""},
	  {"token", "\"\""},
	  {"message.id", "\"5511900000001:3A\""},
	  {"message.content", "\"hi\""},
	  {"message.messageType", "\"Conversation\""},
	  {"message.chatlid", "\"21@lid\""},
	  {"chat.wa_fastid", "\"5511900000001:5511900000002\""},
	  {"chat.name", "\"Rui\""}}},
	{"quoting text",
	 EVENT_MESSAGE_RECEIVED,
	 "{" FRAME ",\"type\":\"text\",\"content\":\"hi\",\"quoted\":{\"message_id\":\"Q\"}}",
	 {{"message.messageType", "\"ExtendedTextMessage\""},
	  {"message.quoted", "\"Q\""},
	  {"message.content.contextInfo.stanzaID", "\"Q\""},
	  {"message.content.text", "\"hi\""}}},
	{"voice note",
	 EVENT_MESSAGE_RECEIVED,
	 "{" FRAME ",\"type\":\"audio\",\"content\":null,\"file\":{\"mimetype\":"
	 "\"audio/ogg; codecs=opus\",\"size_bytes\":7,\"seconds\":3}}",
	 {{"message.messageType", "\"AudioMessage\""},
	  {"message.mediaType", "\"ptt\""},
	  {"message.type", "\"media\""},
	  {"message.content.seconds", "3"},
	  {"message.content.fileLength", "7"},
	  {"message.text", "\"\""}}},
	{"location",
	 EVENT_MESSAGE_RECEIVED,
	 "{" FRAME ",\"type\":\"location\",\"location\":{\"latitude\":-23.5,\"longitude\":-46.5,"
	 "\"name\":\"Store\"}}",
	 {{"message.messageType", "\"LocationMessage\""},
	  {"message.content.degreesLatitude", "-23.5"},
	  {"message.content.name", "\"Store\""}}},
	{"contact",
	 EVENT_MESSAGE_RECEIVED,
	 "{" FRAME ",\"type\":\"contact\",\"vcards\":[\"BEGIN:VCARD\"]}",
	 {{"message.mediaType", "\"vcard\""}, {"message.content.vcard", "\"BEGIN:VCARD\""}}},
	{"row of a list",
	 EVENT_MESSAGE_RECEIVED,
	 "{" FRAME ",\"type\":\"text\",\"content\":\"Sales\",\"choice_id\":\"dep_sales\"}",
	 {{"message.messageType", "\"ListResponseMessage\""},
	  {"message.buttonOrListid", "\"dep_sales\""},
	  {"message.vote", "\"Sales\""}}},
	{"reaction",
	 EVENT_MESSAGE_REACTION,
	 "{" FRAME ",\"reaction_id\":\"R\",\"type\":\"reaction\",\"content\":\"x\"}",
	 {{"message.messageid", "\"R\""},
	  {"message.reaction", "\"3A\""},
	  {"message.content.key.ID", "\"3A\""},
	  {"message.type", "\"reaction\""}}},
	{"edit",
	 EVENT_MESSAGE_EDITED,
	 "{" FRAME ",\"edit_id\":\"E\",\"type\":\"text\",\"content\":\"new\"}",
	 {{"message.messageid", "\"E\""},
	  {"message.edited", "\"3A\""},
	  {"message.text", "\"new\""}}},
	{"poll",
	 EVENT_POLL_VOTED,
	 "{" FRAME ",\"vote_id\":\"V\",\"selected_options\":[\"Morning\",\"Noon\"]}",
	 {{"message.messageType", "\"PollUpdateMessage\""},
	  {"message.vote", "\"Morning, Noon\""},
	  {"message.quoted", "\"3A\""}}},
	{"deleted",
	 EVENT_MESSAGE_DELETED,
	 "{" FRAME ",\"revoke_id\":\"D\"}",
	 {{"EventType", "\"messages_update\""},
	  {"type", "\"DeletedMessage\""},
	  {"state", "\"Deleted\""},
	  {"event.MessageIDs", "[\"3A\"]"},
	  {"event.Timestamp", "1791000000"}}},
	{"read",
	 EVENT_MESSAGE_READ,
	 "{\"message_id\":\"3A\",\"from\":\"5511900000001\",\"to\":\"12@g.us\",\"status\":"
	 "\"read\"}",
	 {{"state", "\"Read\""},
	  {"owner", "\"5511900000001\""},
	  {"event.IsGroup", "true"},
	  {"event.chatid", "\"12@g.us\""}}},
	{"echo",
	 EVENT_MESSAGE_SENT,
	 "{\"message_id\":\"3A\",\"from\":\"5511900000001\",\"to\":\"5511900000002@c.us\","
	 "\"reference\":\"t-1\"}",
	 {{"message.wasSentByApi", "true"},
	  {"message.fromMe", "true"},
	  {"message.track_id", "\"t-1\""},
	  {"message.content", "\"\""},
	  {"message.sender", "\"5511900000001@s.whatsapp.net\""}}},
	{"disconnected",
	 EVENT_INSTANCE_DISCONNECTED,
	 "{\"instance_name\":\"acme\",\"phone_number\":\"5511900000001\",\"reason\":\"401: out\"}",
	 {{"EventType", "\"connection\""},
	  {"instance.status", "\"disconnected\""},
	  {"instance.lastDisconnectReason", "\"401: out\""},
	  {"instance.lastDisconnect", "\"2026-10-05 12:00:00.000Z\""}}},
	{"picture of a code",
	 EVENT_INSTANCE_QR,
	 "{\"instance_name\":\"acme\",\"qr\":\"data:image/png;base64,iVBO\"}",
	 {{"instance.qrcode", "\"data:image/png;base64,iVBO\""}}},
	{"code",
	 EVENT_INSTANCE_QR,
	 "{\"instance_name\":\"acme\",\"qr\":\"2@abc\"}",
	 {{"instance.status", "\"connecting\""}, {"instance.qrcode", "\"\""}, {"owner", "\"\""}}},
	{"promoted",
	 EVENT_GROUP_UPDATED,
	 "{" ACCOUNT ",\"group_id\":\"12@g.us\",\"action\":\"promote\",\"participants\":"
	 "[{\"id\":\"21@lid\",\"phone\":\"5511900000005\"},{\"id\":\"5511900000006@c.us\"}]}",
	 {{"EventType", "\"groups\""},
	  {"type", "\"Group\""},
	  {"event.Join", "null"},
	  {"event.Promote",
	   "[\"5511900000005@s.whatsapp.net\",\"5511900000006@s.whatsapp.net\"]"}}},
	{"joined",
	 EVENT_GROUP_JOINED,
	 "{" ACCOUNT ",\"group_id\":\"12@g.us\",\"subject\":\"Team\",\"participants\":[]}",
	 {{"type", "\"JoinedGroup\""}, {"event.Name", "\"Team\""}, {"event.JID", "\"12@g.us\""}}},
	{"recording",
	 EVENT_PRESENCE_UPDATED,
	 "{" ACCOUNT ",\"chat\":\"5511900000002@c.us\",\"presence\":\"recording\"}",
	 {{"EventType", "\"presence\""},
	  {"event.State", "\"composing\""},
	  {"event.Media", "\"audio\""},
	  {"event.sender_pn", "\"5511900000002@s.whatsapp.net\""}}},
	{"call",
	 EVENT_CALL_RECEIVED,
	 "{" ACCOUNT ",\"call_id\":\"C\",\"from\":\"5511900000002@c.us\",\"is_video\":true}",
	 {{"EventType", "\"call\""},
	  {"event.CallID", "\"C\""},
	  {"event.IsVideo", "true"},
	  {"message.from", "\"5511900000002@s.whatsapp.net\""},
	  {"call.id", "\"C\""}}},
	{"test", EVENT_WEBHOOK_TEST, "{}", {{"EventType", "\"webhook.test\""}}},
};

static struct delivery_claim
claim_of(enum event_type type, const char *facts)
{
	return (struct delivery_claim){.type = type,
				       .company_id = 7,
				       .instance_id = 3,
				       .occurred_at_us = INT64_C(1791201600000000),
				       .facts = slice_of(facts)};
}

static const struct json *
body_of_claim(const struct delivery_claim *c, struct arena *a)
{
	const struct json *body = NULL;
	struct buf b;

	buf_init(&b, a, RENDER_BODY_MAX);
	assert_int_equal(render_body(c, EVENT_FORMAT_UAZAPI, a, &b), GH_OK);
	assert_int_equal(json_parse(buf_slice(&b), a, &body, NULL, NULL), GH_OK);
	return body;
}

static void
check_body(const struct delivery_claim *c, const char *name, const struct wanted *wanted)
{
	struct arena *a = arena_new(0);
	const struct json *body = body_of_claim(c, a);
	struct buf v;

	for (const struct wanted *w = wanted; w->path != NULL; w++) {
		const struct json *found = json_path(body, w->path);

		buf_init(&v, a, RENDER_BODY_MAX);
		if (found != NULL)
			json_write(&v, found);
		if (!slice_eq(buf_slice(&v), slice_of(w->value)))
			fail_msg("%s: %s is %.*s, not %s", name, w->path, S_FMT(buf_slice(&v)),
				 w->value);
	}
	arena_free(a);
}

static void
test_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		const struct delivery_claim c = claim_of(cases[i].type, cases[i].facts);

		check_body(&c, cases[i].name, cases[i].wanted);
	}
}

#define SENT "{\"message_id\":\"3A\",\"from\":\"5511900000001\",\"to\":\"5511900000002@c.us\"}"

/* What was sent comes from the message's row. */
static const struct {
	const char *name;
	struct delivery_message message;
	const char *payload;
	struct wanted wanted[8];
} echoes[] = {
	{"text",
	 {.kind = MSG_TEXT, .content = {"hello", 5}, .reply_to = {"5511900000001:Q", 15}},
	 "{\"track_source\":\"crm\"}",
	 {{"message.messageType", "\"ExtendedTextMessage\""},
	  {"message.type", "\"text\""},
	  {"message.text", "\"hello\""},
	  {"message.content.text", "\"hello\""},
	  {"message.quoted", "\"Q\""},
	  {"message.track_source", "\"crm\""}}},
	{"voice note",
	 {.kind = MSG_AUDIO, .media_url = {"https://a.example/v", 19}},
	 "{\"file\":{\"mime_type\":\"audio/ogg\"},\"voice\":true}",
	 {{"message.messageType", "\"AudioMessage\""},
	  {"message.mediaType", "\"ptt\""},
	  {"message.content.URL", "\"https://a.example/v\""},
	  {"message.content.PTT", "true"},
	  {"message.text", "\"\""}}},
	{"location",
	 {.kind = MSG_LOCATION},
	 "{\"place\":{\"latitude\":-23.5,\"longitude\":-46.5}}",
	 {{"message.messageType", "\"LocationMessage\""},
	  {"message.type", "\"text\""},
	  {"message.mediaType", "\"location\""},
	  {"message.content.degreesLatitude", "-23.5"}}},
	{"poll",
	 {.kind = MSG_TEXT, .content = {"When?\n1. Noon", 13}},
	 "{\"menu\":{\"type\":\"poll\",\"text\":\"When?\",\"choices\":[\"Noon\",\"Night\"]}}",
	 {{"message.messageType", "\"PollCreationMessageV3\""},
	  {"message.type", "\"poll\""},
	  {"message.text", "\"When?\""},
	  {"message.convertOptions", "\"Noon|Night\""},
	  {"message.content.options", "[\"Noon\",\"Night\"]"}}},
	{"without a payload",
	 {.kind = MSG_IMAGE, .content = {"caption", 7}},
	 NULL,
	 {{"message.messageType", "\"ImageMessage\""}, {"message.content.caption", "\"caption\""}}},
};

static void
test_echoes(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT(echoes); i++) {
		struct delivery_claim c = claim_of(EVENT_MESSAGE_SENT, SENT);
		struct arena *a = arena_new(0);
		struct slice suffix;

		c.message = echoes[i].message;
		c.message.is_known = true;
		if (echoes[i].payload != NULL)
			c.message.payload = slice_of(echoes[i].payload);
		check_body(&c, echoes[i].name, echoes[i].wanted);
		suffix = render_uazapi_suffix(&c, NULL, ENDPOINT_ADD_TYPE, a);
		assert_true(suffix.n > 1);
		assert_true(
			slice_eq(slice_from(suffix, 1),
				 json_str(json_path(body_of_claim(&c, a), "message.messageType"))));
		arena_free(a);
	}
}

static void
test_every_type_with_a_name_has_a_body(void **state)
{
	(void)state;
	for (int t = EVENT_NONE + 1; t < EVENT_TYPE_COUNT; t++) {
		const struct delivery_claim c = claim_of((enum event_type)t, "{}");
		bool has_name = event_name((enum event_type)t, EVENT_FORMAT_UAZAPI) != NULL;
		struct arena *a = arena_new(0);
		struct buf b;

		buf_init(&b, a, RENDER_BODY_MAX);
		assert_int_equal(render_body(&c, EVENT_FORMAT_UAZAPI, a, &b),
				 has_name ? GH_OK : GH_EINVAL);
		assert_true((writers[t] != NULL) == has_name);
		arena_free(a);
	}
}

static void
test_a_long_text_is_cut(void **state)
{
	size_t n = RENDER_BODY_MAX;
	struct arena *a = arena_new(0);
	char *text = arena_alloc(a, n + 1);
	struct delivery_claim c;
	struct buf b;

	(void)state;
	memset(text, 'x', n);
	text[n] = '\0';
	c = claim_of(EVENT_MESSAGE_RECEIVED,
		     arena_printf(a, "{\"type\":\"text\",\"content\":\"%s\"}", text));
	buf_init(&b, a, RENDER_BODY_MAX);
	assert_int_equal(render_body(&c, EVENT_FORMAT_UAZAPI, a, &b), GH_OK);
	assert_true(b.n < (size_t)3 * TEXT_CUT_BYTES);
	arena_free(a);
}

#define IN    "{\"chat\":\"5@c.us\",\"from_me\":false,\"origin\":\"contact\",\"type\":\"text\"}"
#define PHONE "{\"chat\":\"5@c.us\",\"from_me\":true,\"origin\":\"phone\",\"type\":\"text\"}"
#define GROUP "{\"chat\":\"5@g.us\",\"from_me\":false,\"origin\":\"contact\",\"type\":\"image\"}"

static void
test_options(void **state)
{
	static const struct {
		enum event_type type;
		const char *facts;
		unsigned options;
		bool is_unwanted;
		const char *suffix;
	} options[] = {
		{EVENT_MESSAGE_RECEIVED, IN, 0, false, ""},
		{EVENT_MESSAGE_RECEIVED, IN, ENDPOINT_EXCLUDE_NOT_BY_API, true, ""},
		{EVENT_MESSAGE_RECEIVED, IN, ENDPOINT_EXCLUDE_BY_API, false, ""},
		{EVENT_MESSAGE_RECEIVED, IN, ENDPOINT_EXCLUDE_NOT_FROM_ME, true, ""},
		{EVENT_MESSAGE_RECEIVED, IN, ENDPOINT_EXCLUDE_NOT_GROUP, true, ""},
		{EVENT_MESSAGE_RECEIVED, PHONE, ENDPOINT_EXCLUDE_FROM_ME, true, ""},
		{EVENT_MESSAGE_RECEIVED, PHONE, ENDPOINT_EXCLUDE_BY_API, false, ""},
		{EVENT_MESSAGE_RECEIVED, GROUP, ENDPOINT_EXCLUDE_GROUP, true, ""},
		{EVENT_MESSAGE_RECEIVED, GROUP, ENDPOINT_EXCLUDE_NOT_GROUP, false, ""},
		{EVENT_MESSAGE_SENT, "{\"to\":\"5@c.us\"}", ENDPOINT_EXCLUDE_BY_API, true, ""},
		{EVENT_MESSAGE_READ, "{\"to\":\"5@c.us\"}", ENDPOINT_EXCLUDE_BY_API, false, ""},
		{EVENT_MESSAGE_RECEIVED, GROUP, ENDPOINT_ADD_EVENT, false, "/messages"},
		{EVENT_MESSAGE_RECEIVED, GROUP, ENDPOINT_ADD_TYPE, false, "/ImageMessage"},
		{EVENT_MESSAGE_RECEIVED, IN, ENDPOINT_ADD_EVENT | ENDPOINT_ADD_TYPE, false,
		 "/messages/Conversation"},
		{EVENT_MESSAGE_READ, "{}", ENDPOINT_ADD_EVENT | ENDPOINT_ADD_TYPE, false,
		 "/messages_update"},
		{EVENT_MESSAGE_QUEUED, "{}", ENDPOINT_ADD_EVENT, false, ""},
		{EVENT_MESSAGE_RECEIVED, "no JSON", ENDPOINT_ADD_EVENT, false, ""},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(options); i++) {
		const struct delivery_claim c = claim_of(options[i].type, options[i].facts);
		struct arena *a = arena_new(0);
		struct slice suffix;
		bool is_unwanted;

		render_options(&c, options[i].options, a, &is_unwanted, &suffix);
		assert_int_equal(is_unwanted, options[i].is_unwanted);
		assert_true(slice_eq(suffix, slice_of(options[i].suffix)));
		arena_free(a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_echoes),
		cmocka_unit_test(test_every_type_with_a_name_has_a_body),
		cmocka_unit_test(test_a_long_text_is_cut),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
