/* test_eventd_render.c - webhook bodies from facts: exact bytes, size limit, broken facts. */
#include "eventd/render.c"
#include "eventd/render_uazapi.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define AT_US INT64_C(1768478400123456) /* 2026-01-15T12:00:00.123456Z */

#define RECEIVED                                                                                   \
	"{\"id\":\"0198c0de-0000-7000-8000-000000000001\",\"message_id\":\"3EB0\","                \
	"\"from\":\"5511900000001@c.us\",\"to\":\"5511900000002@c.us\",\"lid\":null,"              \
	"\"push_name\":\"Ol\xc3\xa1\",\"from_me\":false,\"is_group\":false,\"type\":\"image\","    \
	"\"content\":\"hi\",\"quoted\":{\"message_id\":\"Q1\",\"content\":\"before\"},"            \
	"\"file\":{\"mimetype\":\"image/png\",\"size_bytes\":7},\"timestamp_ms\":1768478399000,"   \
	"\"instance_name\":\"loja\",\"session\":\"s1\",\"own_number\":\"5511900000002\","          \
	"\"provider\":\"waha\",\"raw\":{\"n\":12345678901234567890,\"f\":1.50}}"

#define STATUS                                                                                     \
	"{\"id\":\"0198c0de-0000-7000-8000-000000000002\",\"message_id\":null,"                    \
	"\"reference\":\"r\\\"1\",\"from\":\"5511900000002\",\"to\":\"5511900000001\","            \
	"\"status\":\"sent\",\"instance_name\":\"loja\",\"session\":\"s1\",\"attempt\":1}"

#define STATE                                                                                      \
	"{\"status\":\"disconnected\",\"state\":\"FAILED\",\"reason\":null,"                       \
	"\"phone_number\":\"5511900000002\",\"instance_name\":\"loja\",\"session\":\"s1\"}"

#define ABOUT                                                                                      \
	"{\"id\":null,\"message_id\":\"3A\",\"from\":\"5@c.us\",\"to\":null,\"chat\":\"5@c.us\","  \
	"\"phone\":\"5\",\"lid\":\"2@lid\",\"push_name\":\"Rui\",\"from_me\":false,"               \
	"\"is_group\":false,\"participant\":null,\"participant_lid\":null,"
#define ACCOUNT_END                                                                                \
	"\"timestamp_ms\":1768478399000,\"instance_name\":\"loja\",\"session\":\"s1\","            \
	"\"own_number\":\"9\",\"provider\":\"waha\",\"raw\":{\"a\":1}}"
#define ABOUT_GROWHUB                                                                              \
	"\"id\":null,\"message_id\":\"3A\",\"instance_id\":3,\"instance_name\":\"loja\","          \
	"\"session\":\"s1\",\"device\":\"9\",\"from\":\"5@c.us\",\"chat\":\"5@c.us\",\"lid\":\"2@" \
	"lid\","                                                                                   \
	"\"pushName\":\"Rui\",\"fromMe\":false,\"isgroup\":false,\"participant\":null,"            \
	"\"participant_lid\":null,"
#define ACCOUNT_GROWHUB                                                                            \
	"\"instance_id\":3,\"instance_name\":\"loja\",\"session\":\"s1\",\"device\":\"9\","
#define END_GROWHUB "\"timestamp\":1768478399000,\"content_msg\":{\"a\":1}}"
#define HEAD(type)                                                                                 \
	"{\"type\":\"" type "\",\"timestamp\":\"2026-01-15T12:00:00.123Z\","                       \
	"\"data\":{\"company_id\":7,\"instance_id\":3,"

static const struct {
	const char *name;
	enum event_type type;
	int32_t instance_id;
	const char *facts;
	const char *growhub;
	const char *standard; /* its head */
	const char *rest;     /* what follows; NULL: the facts as they stand */
} cases[] = {
	{"received", EVENT_MESSAGE_RECEIVED, 3, RECEIVED,
	 "{\"event\":\"on-message\",\"id\":\"0198c0de-0000-7000-8000-000000000001\","
	 "\"message_id\":\"3EB0\",\"instance_id\":3,\"instance_name\":\"loja\",\"session\":\"s1\","
	 "\"device\":\"5511900000002\",\"from\":\"5511900000001@c.us\",\"lid\":null,"
	 "\"pushName\":\"Ol\xc3\xa1\",\"fromMe\":false,\"isgroup\":false,\"participant\":null,"
	 "\"participant_lid\":null,\"type\":\"image\",\"isMedia\":true,\"content\":\"hi\","
	 "\"quoted\":{\"message_id\":\"Q1\",\"content\":\"before\"},"
	 "\"file\":{\"mimetype\":\"image/png\",\"filename\":null,\"fileLength\":7,"
	 "\"caption\":null,\"seconds\":null,\"url\":null},\"timestamp\":1768478399000,"
	 "\"content_msg\":{\"n\":12345678901234567890,\"f\":1.50},\"usalid\":false,"
	 "\"api\":\"waha\",\"tipo_api\":\"waha\",\"container\":\"s1\",\"webhook\":\"growhub\","
	 "\"ambiente\":\"production\"}",
	 "{\"type\":\"message.received\",\"timestamp\":\"2026-01-15T12:00:00.123Z\","
	 "\"data\":{\"company_id\":7,\"instance_id\":3,",
	 NULL},
	{"sent", EVENT_MESSAGE_SENT, 3, STATUS,
	 "{\"event\":\"on-message-sent\",\"id\":\"0198c0de-0000-7000-8000-000000000002\","
	 "\"message_id\":null,\"reference\":\"r\\\"1\",\"from\":\"5511900000002\","
	 "\"to\":\"5511900000001\",\"status\":\"sent\",\"ack\":null,"
	 "\"timestamp\":1768478400123,\"instance_id\":3,\"session\":\"s1\","
	 "\"device\":\"5511900000002\"}",
	 "{\"type\":\"message.sent\",\"timestamp\":\"2026-01-15T12:00:00.123Z\","
	 "\"data\":{\"company_id\":7,\"instance_id\":3,",
	 NULL},
	{"no growhub name", EVENT_MESSAGE_QUEUED, 3, "{\"status\":\"queued\"}",
	 "{\"event\":\"message.queued\",\"id\":null,\"message_id\":null,\"reference\":null,"
	 "\"from\":null,\"to\":null,\"status\":\"queued\",\"ack\":null,"
	 "\"timestamp\":1768478400123,\"instance_id\":3,\"session\":null,\"device\":null}",
	 "{\"type\":\"message.queued\",\"timestamp\":\"2026-01-15T12:00:00.123Z\","
	 "\"data\":{\"company_id\":7,\"instance_id\":3,",
	 NULL},
	{"state", EVENT_INSTANCE_DISCONNECTED, 3, STATE,
	 "{\"event\":\"on-disconnected\",\"status\":\"disconnected\",\"state\":\"FAILED\","
	 "\"phone_number\":\"5511900000002\",\"instance_name\":\"loja\","
	 "\"timestamp\":1768478400123,\"instance_id\":3,\"session\":\"s1\","
	 "\"device\":\"5511900000002\",\"reason\":null}",
	 "{\"type\":\"instance.disconnected\",\"timestamp\":\"2026-01-15T12:00:00.123Z\","
	 "\"data\":{\"company_id\":7,\"instance_id\":3,",
	 NULL},
	{"code", EVENT_INSTANCE_QR, 3,
	 "{\"status\":\"qr\",\"state\":\"SCAN_QR_CODE\",\"instance_name\":\"loja\","
	 "\"session\":\"s1\",\"qr\":\"2@x\"}",
	 "{\"event\":\"on-qrcode\",\"status\":\"qr\",\"state\":\"SCAN_QR_CODE\","
	 "\"phone_number\":null,\"instance_name\":\"loja\",\"timestamp\":1768478400123,"
	 "\"instance_id\":3,\"session\":\"s1\",\"device\":null,\"reason\":null,\"qrcode\":\"2@x\"}",
	 HEAD("instance.qr"), NULL},
	{"reaction", EVENT_MESSAGE_REACTION, 3,
	 ABOUT "\"reaction_id\":\"CC\",\"type\":\"reaction\",\"content\":\"+1\","
	       "\"is_removed\":false," ACCOUNT_END,
	 "{\"event\":\"on-reaction\"," ABOUT_GROWHUB "\"reaction_id\":\"CC\",\"type\":\"reaction\","
	 "\"content\":\"+1\",\"removed\":false," END_GROWHUB,
	 HEAD("message.reaction"), NULL},
	{"edited", EVENT_MESSAGE_EDITED, 3,
	 ABOUT "\"edit_id\":\"EE\",\"type\":\"text\",\"content\":\"new\"," ACCOUNT_END,
	 "{\"event\":\"on-edited\"," ABOUT_GROWHUB "\"type\":\"text\",\"isMedia\":false,"
	 "\"content\":\"new\",\"quoted\":null," END_GROWHUB,
	 HEAD("message.edited"), NULL},
	{"revoked", EVENT_MESSAGE_DELETED, 3, ABOUT "\"revoke_id\":\"DD\"," ACCOUNT_END,
	 "{\"event\":\"on-revoked\"," ABOUT_GROWHUB END_GROWHUB, HEAD("message.deleted"), NULL},
	{"vote", EVENT_POLL_VOTED, 3,
	 ABOUT "\"vote_id\":\"FF\",\"status\":\"vote\",\"selected_options\":[\"a\"]," ACCOUNT_END,
	 "{\"event\":\"on-poll-vote\"," ABOUT_GROWHUB "\"vote_id\":\"FF\",\"status\":\"vote\","
	 "\"selectedOptions\":[\"a\"]," END_GROWHUB,
	 HEAD("poll.voted"), NULL},
	{"group", EVENT_GROUP_UPDATED, 3,
	 "{\"group_id\":\"1@g.us\",\"action\":\"promote\",\"subject\":null,\"description\":null,"
	 "\"invite\":null,\"participants\":[{\"id\":\"2@lid\",\"phone\":\"5\",\"role\":\"admin\"}]"
	 "," ACCOUNT_END,
	 "{\"event\":\"on-group-update\"," ACCOUNT_GROWHUB "\"group\":\"1@g.us\","
	 "\"action\":\"promote\",\"subject\":null,\"description\":null,\"invite\":null,"
	 "\"participants\":[{\"id\":\"2@lid\",\"phone\":\"5\",\"role\":\"admin\"}]," END_GROWHUB,
	 HEAD("group.updated"), NULL},
	{"presence", EVENT_PRESENCE_UPDATED, 3,
	 "{\"chat\":\"5@c.us\",\"participant\":\"5@c.us\",\"presence\":\"typing\","
	 "\"is_group\":false,\"last_seen_ms\":12," ACCOUNT_END,
	 "{\"event\":\"on-presence-update\"," ACCOUNT_GROWHUB "\"chat\":\"5@c.us\","
	 "\"participant\":\"5@c.us\",\"isgroup\":false,\"presence\":\"typing\",\"lastSeen\":"
	 "12," END_GROWHUB,
	 HEAD("presence.updated"), NULL},
	{"call", EVENT_CALL_RECEIVED, 3,
	 "{\"call_id\":\"C\",\"from\":\"5@c.us\",\"status\":\"received\",\"is_video\":true,"
	 "\"is_group\":false," ACCOUNT_END,
	 "{\"event\":\"on-call\"," ACCOUNT_GROWHUB "\"call_id\":\"C\",\"from\":\"5@c.us\","
	 "\"status\":\"received\",\"isVideo\":true,\"isgroup\":false," END_GROWHUB,
	 HEAD("call.received"), NULL},
	{"any other, no instance", EVENT_WEBHOOK_TEST, 0, "{\"text\":\"test\",\"company_id\":99}",
	 "{\"event\":\"webhook.test\",\"text\":\"test\",\"instance_id\":null,"
	 "\"timestamp\":1768478400123}",
	 "{\"type\":\"webhook.test\",\"timestamp\":\"2026-01-15T12:00:00.123Z\","
	 "\"data\":{\"company_id\":7,\"instance_id\":null,",
	 "\"text\":\"test\"}"},
};

static struct delivery_claim
claim_of(enum event_type type, int32_t instance_id, struct slice facts)
{
	return (struct delivery_claim){.company_id = 7,
				       .instance_id = instance_id,
				       .type = type,
				       .occurred_at_us = AT_US,
				       .facts = facts};
}

static void
renders_exact_bytes(void **state)
{
	struct arena *a = arena_new(0);
	struct buf out;

	(void)state;
	buf_init(&out, NULL, RENDER_BODY_MAX);
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct slice facts = slice_of(cases[i].facts);
		struct delivery_claim c = claim_of(cases[i].type, cases[i].instance_id, facts);
		char want[4096];

		assert_int_equal(render_body(&c, EVENT_FORMAT_GROWHUB, a, &out), GH_OK);
		assert_string_equal(buf_cstr(&out), cases[i].growhub);
		assert_int_equal(render_body(&c, EVENT_FORMAT_STANDARD, a, &out), GH_OK);
		snprintf(want, sizeof(want), "%s%s}", cases[i].standard,
			 cases[i].rest != NULL ? cases[i].rest : cases[i].facts + 1);
		assert_string_equal(buf_cstr(&out), want);
	}
	buf_free(&out);
	arena_free(a);
}

/* {"id":"x","content":"<n times c>","raw":{"x":"<m times r>"}} */
static struct slice
facts_of_size(struct arena *a, const char *content, size_t n, size_t raw_n)
{
	struct buf b;

	buf_init(&b, a, 1u << 20);
	buf_add(&b, S("{\"id\":\"x\",\"content\":\""));
	for (size_t i = 0; i < n; i++)
		buf_add_cstr(&b, content);
	buf_add(&b, S("\",\"raw\":{\"x\":\""));
	for (size_t i = 0; i < raw_n; i++)
		buf_add_char(&b, 'r');
	buf_add(&b, S("\"}}"));
	assert_false(b.over);
	return buf_slice(&b);
}

static bool
holds(const struct buf *b, const char *text)
{
	return memmem(b->p, b->n, text, strlen(text)) != NULL;
}

static void
keeps_below_the_limit(void **state)
{
	static const enum event_format formats[] = {EVENT_FORMAT_GROWHUB, EVENT_FORMAT_STANDARD};
	struct arena *a = arena_new(0);
	struct buf out;

	(void)state;
	for (size_t i = 0; i < GH_COUNT(formats); i++) {
		struct delivery_claim c =
			claim_of(EVENT_MESSAGE_RECEIVED, 3, facts_of_size(a, "c", 100000, 100000));

		buf_init(&out, NULL, RENDER_BODY_MAX);
		assert_int_equal(render_body(&c, formats[i], a, &out), GH_OK);
		assert_true(holds(&out, "rrrr"));
		assert_false(holds(&out, "truncated"));

		c.facts = facts_of_size(a, "c", 100000, 300000);
		assert_int_equal(render_body(&c, formats[i], a, &out), GH_OK);
		assert_false(holds(&out, "rrrr"));
		assert_true(holds(&out, "\"truncated\":true"));
		assert_true(out.n > 100000);

		/* Cut between characters: 4096 is no multiple of 3. */
		c.facts = facts_of_size(a, "\xe2\x82\xac", 100000, 300000);
		assert_int_equal(render_body(&c, formats[i], a, &out), GH_OK);
		assert_true(holds(&out, "\"truncated\":true"));
		assert_in_range(out.n, 4095, 5000);
		assert_true(utf8_valid(buf_slice(&out)));
		buf_free(&out);
	}
	arena_free(a);
}

static void
refuses_what_cannot_be_rendered(void **state)
{
	static const char *const facts[] = {"", "[]", "null", "{\"a\":1", "{\"a\":1,\"a\":2}"};
	struct arena *a = arena_new(0);
	struct delivery_claim c;
	struct buf many, out;

	(void)state;
	buf_init(&out, NULL, RENDER_BODY_MAX);
	for (size_t i = 0; i < GH_COUNT(facts); i++) {
		c = claim_of(EVENT_WEBHOOK_TEST, 3, slice_of(facts[i]));
		assert_int_equal(render_body(&c, EVENT_FORMAT_GROWHUB, a, &out), GH_EINVAL);
	}
	c = claim_of((enum event_type)EVENT_TYPE_COUNT, 3, S("{}"));
	assert_int_equal(render_body(&c, EVENT_FORMAT_STANDARD, a, &out), GH_EINVAL);

	/* Too much even without long texts. */
	buf_init(&many, a, 1u << 20);
	buf_add_char(&many, '{');
	for (unsigned i = 0; i < 20000; i++)
		buf_add_printf(&many, "\"member%u\":%u,", i, i);
	buf_add(&many, S("\"last\":1}"));
	c = claim_of(EVENT_WEBHOOK_TEST, 3, buf_slice(&many));
	assert_int_equal(render_body(&c, EVENT_FORMAT_STANDARD, a, &out), GH_ELIMIT);
	buf_free(&out);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders_exact_bytes),
		cmocka_unit_test(keeps_below_the_limit),
		cmocka_unit_test(refuses_what_cannot_be_rendered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
