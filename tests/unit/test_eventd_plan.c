/* What webhook bodies mean for the tables: decisions of eventd/plan.c, without a database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "eventd/inbound_facts.c"
#include "eventd/people.c"
#include "eventd/plan.c"
#include "eventd/told.c"

#define OWN_ID   "3EB0C0FFEE0000000001"
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

static struct arena *arena;
static struct inbound_body body;
static unsigned code_asks;
static const char *code_answer; /* NULL: none yet */

/* In place of eventd/codes.c. */
void
codes_want(struct codes *c GH_UNUSED, int32_t instance_id GH_UNUSED, struct uuid body_id GH_UNUSED)
{
	code_asks++;
}

bool
codes_take(struct codes *c GH_UNUSED, struct uuid body_id GH_UNUSED, struct arena *a GH_UNUSED,
	   struct slice *code)
{
	*code = slice_of(code_answer);
	return code_answer != NULL;
}

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new(0);
	body = (struct inbound_body){
		.id = uuid7_new(),
		.company_id = 3,
		.instance_id = 7,
		.provider_type = S("waha"),
		.instance_name = S("shop"),
		.session = S("3-shop"),
		.phone = S("5511900000001"),
		.status = S("connecting"),
	};
	code_asks = 0;
	code_answer = NULL;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct slice
event_body(const char *event, const char *payload)
{
	return slice_of(
		arena_printf(arena,
			     "{\"id\":\"evt_1\",\"timestamp\":1791000000123,\"event\":\"%s\","
			     "\"session\":\"3-shop\",\"payload\":%s}",
			     event, payload));
}

static struct slice
ack_body(bool is_from_me, int ack)
{
	return event_body("message.ack",
			  arena_printf(arena,
				       "{\"id\":\"%s_5511900000002@c.us_" OWN_ID "\","
				       "\"from\":\"5511900000002@c.us\",\"fromMe\":%s,\"ack\":%d}",
				       is_from_me ? "true" : "false", is_from_me ? "true" : "false",
				       ack));
}

static struct slice
text_body(bool is_from_me, const char *text)
{
	return event_body("message.any",
			  arena_printf(arena,
				       "{\"id\":\"%s_5511900000002@c.us_" OWN_ID "\","
				       "\"timestamp\":1791000000,\"from\":\"5511900000002@c.us\","
				       "\"fromMe\":%s,\"source\":\"app\",\"body\":\"%s\"}",
				       is_from_me ? "true" : "false", is_from_me ? "true" : "false",
				       text));
}

static struct slice
session_body(const char *word)
{
	return event_body("session.status",
			  arena_printf(arena, "{\"name\":\"3-shop\",\"status\":\"%s\"}", word));
}

static struct inbound_match
own_message(bool is_in_doubt)
{
	return (struct inbound_match){
		.key = {7, S(OWN_ID)},
		.message_id = uuid7_new(),
		.status = is_in_doubt ? MSG_IN_DOUBT : MSG_SENT,
		.direction = MSG_OUT,
		.chat_key = S("5511900000002@c.us"),
		.reference = S("order-1"),
		.is_in_doubt = is_in_doubt,
		.attempt = 2,
	};
}

static struct plan *
plan_of(struct slice text, const struct inbound_match *matches, unsigned count)
{
	struct plan *p;

	body.body = text;
	p = plan_new(arena, &body, 1, S("eventd-1"), NULL, NULL);
	plan_resolve(p, matches, count);
	return p;
}

static unsigned
effects(const struct plan *p)
{
	return p->echo_count + p->status_count + p->message_count + p->session_count +
	       p->orphan_count + p->resolved_count + p->change_count + p->event_count;
}

static void
test_a_receipt_of_our_message(void **state)
{
	struct inbound_match m = own_message(false);
	struct plan *p = plan_of(ack_body(true, 3), &m, 1);

	(void)state;
	assert_int_equal(p->key_count, 1);
	assert_int_equal(p->status_count, 1);
	assert_int_equal(effects(p), 1);
	assert_int_equal(p->statuses[0].status, MSG_READ);
	assert_int_equal(p->statuses[0].event_type, EVENT_MESSAGE_READ);
	assert_true(uuid_eq(p->statuses[0].message_id, m.message_id));
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_DONE);
}

static void
test_a_receipt_resolves_a_doubt(void **state)
{
	struct inbound_match m = own_message(true);
	struct plan *p = plan_of(ack_body(true, 2), &m, 1);

	(void)state;
	assert_int_equal(p->resolved_count, 1);
	assert_int_equal(p->resolved[0].outcome, SEND_DONE_SENT);
	assert_int_equal(p->resolved[0].attempt, 2);
	assert_int_equal(p->status_count, 1);
}

static void
test_a_failure_receipt_ends_a_doubt(void **state)
{
	struct inbound_match m = own_message(true);
	struct plan *p = plan_of(ack_body(true, -1), &m, 1);

	(void)state;
	assert_int_equal(p->resolved_count, 1);
	assert_int_equal(p->resolved[0].outcome, SEND_DONE_FAILED);
	assert_int_equal(p->status_count, 1);
	assert_int_equal(p->statuses[0].status, MSG_FAILED);
}

static void
test_a_receipt_waits_for_its_message_and_becomes_an_orphan(void **state)
{
	struct plan *p = plan_of(ack_body(true, 2), NULL, 0);

	(void)state;
	assert_int_equal(effects(p), 0);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_LATER);
	assert_int_equal(p->readings[0].settled.delay_us, CLOCK_SEC);
	body.tries = PLAN_WAIT_TRIES - 1;
	p = plan_of(ack_body(true, 2), NULL, 0);
	assert_int_equal(p->readings[0].settled.delay_us, PLAN_WAIT_MAX_US);
	body.tries = PLAN_WAIT_TRIES;
	p = plan_of(ack_body(true, 2), NULL, 0);
	assert_int_equal(p->orphan_count, 1);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_DONE);
}

static void
test_reading_an_incoming_message_elsewhere_says_nothing(void **state)
{
	struct plan *p = plan_of(ack_body(false, 3), NULL, 0);

	(void)state;
	assert_int_equal(effects(p), 0);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_DONE);
}

static void
test_an_incoming_text_is_a_message(void **state)
{
	struct plan *p = plan_of(text_body(false, "Is it open?"), NULL, 0);

	(void)state;
	assert_int_equal(p->message_count, 1);
	assert_int_equal(p->messages[0].direction, MSG_IN);
	assert_int_equal(p->messages[0].status, MSG_RECEIVED);
	assert_true(slice_eq(p->messages[0].content, S("Is it open?")));
	assert_false(uuid_is_nil(p->messages[0].event_id));
}

static bool
has_text(struct slice s, const char *text)
{
	return memmem(s.p, s.n, text, strlen(text)) != NULL;
}

/* Its answer may not be stored yet; who sends by another way through the same API waits in vain. */
static void
test_an_echo_of_the_api_waits_for_its_send(void **state)
{
	const struct slice echo =
		event_body("message.any",
			   "{\"id\":\"true_5511900000002@c.us_" OWN_ID "\",\"fromMe\":true,"
			   "\"from\":\"5511900000002@c.us\",\"source\":\"api\",\"body\":\"x\"}");
	struct plan *p = plan_of(echo, NULL, 0);

	(void)state;
	assert_int_equal(effects(p), 0);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_LATER);
	body.tries = PLAN_WAIT_TRIES;
	p = plan_of(echo, NULL, 0);
	assert_int_equal(p->message_count, 1);
	assert_int_equal(p->messages[0].direction, MSG_OUT);
	assert_true(has_text(p->messages[0].facts, "\"from_me\":true"));
	assert_true(has_text(p->messages[0].facts, "\"origin\":\"api\""));
}

static void
test_a_text_typed_on_the_phone_is_ours_from_the_phone(void **state)
{
	struct plan *p = plan_of(text_body(true, "On my way"), NULL, 0);

	(void)state;
	assert_int_equal(p->message_count, 1);
	assert_int_equal(p->messages[0].direction, MSG_OUT);
	assert_int_equal(p->messages[0].origin, MSG_FROM_PHONE);
	assert_int_equal(p->messages[0].status, MSG_SENT);
	assert_true(has_text(p->messages[0].facts, "\"origin\":\"phone\""));
	p = plan_of(text_body(false, "Thanks"), NULL, 0);
	assert_int_equal(p->messages[0].origin, MSG_FROM_CONTACT);
	assert_true(has_text(p->messages[0].facts, "\"origin\":\"contact\""));
}

/* ---- echoes of a provider that chooses ids: known by what the send carried ---- */

#define SEND_REF "0192f0aa-7000-7000-8000-000000000001"

static struct slice
ref_body(const char *track_id, const char *status)
{
	body.provider_type = S("uazapi");
	return slice_of(arena_printf(
		arena,
		"{\"EventType\":\"messages\",\"message\":{\"messageid\":\"" OWN_ID "\","
		"\"chatid\":\"5511900000002@s.whatsapp.net\",\"fromMe\":true,"
		"\"wasSentByApi\":true,\"track_id\":\"%s\",\"status\":\"%s\","
		"\"messageType\":\"Conversation\",\"content\":\"x\"}}",
		track_id, status));
}

/* A match for the reference, not for the provider's id. */
static struct inbound_match
referred_message(bool is_in_doubt)
{
	struct inbound_match m = own_message(is_in_doubt);

	m.key.external_id = S(SEND_REF);
	return m;
}

static void
test_an_echo_with_our_reference_proves_the_send(void **state)
{
	struct inbound_match m = referred_message(false);
	struct plan *p = plan_of(ref_body(SEND_REF, ""), &m, 1);

	(void)state;
	assert_int_equal(p->key_count, 2);
	assert_true(slice_eq(p->keys[0].external_id, S(OWN_ID)));
	assert_true(slice_eq(p->keys[1].external_id, S(SEND_REF)));
	assert_int_equal(effects(p), 2);
	assert_int_equal(p->echo_count, 1);
	assert_true(uuid_eq(p->echoes[0].message_id, m.message_id));
	assert_true(slice_eq(p->echoes[0].external_id, S(OWN_ID)));
	assert_true(slice_eq(p->echoes[0].send_ref, S(SEND_REF)));
	/* The call may still be under way: its result finds the message sent. */
	assert_int_equal(p->status_count, 1);
	assert_int_equal(p->statuses[0].status, MSG_SENT);
	assert_int_equal(p->statuses[0].event_type, EVENT_MESSAGE_SENT);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_DONE);
}

static void
test_an_echo_with_our_reference_ends_the_doubt(void **state)
{
	struct inbound_match m = referred_message(true);
	struct plan *p = plan_of(ref_body(SEND_REF, "Pending"), &m, 1);

	(void)state;
	assert_int_equal(p->resolved_count, 1);
	assert_int_equal(p->resolved[0].outcome, SEND_DONE_SENT);
	assert_int_equal(p->resolved[0].attempt, 2);
	assert_true(slice_eq(p->resolved[0].code, S("echo")));
	assert_true(slice_eq(p->resolved[0].external_id, S(OWN_ID)));
	assert_int_equal(p->echo_count, 1);
	p = plan_of(ref_body(SEND_REF, "Failed"), &m, 1);
	assert_int_equal(p->resolved[0].outcome, SEND_DONE_FAILED);
	assert_int_equal(p->statuses[0].status, MSG_FAILED);
}

/* Behind the answer there is nothing left to learn; another message's id decides. */
static void
test_an_echo_known_by_its_id_needs_no_reference(void **state)
{
	struct inbound_match m[] = {own_message(false), referred_message(false)};
	struct plan *p = plan_of(ref_body(SEND_REF, ""), m, 2);

	(void)state;
	assert_int_equal(effects(p), 0);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_DONE);
}

/* Our references are keys before the call: one that is not is another program's. */
static void
test_an_echo_with_a_foreign_reference_waits_for_nothing(void **state)
{
	struct inbound_match in = referred_message(false);
	struct plan *p = plan_of(ref_body("theirs", ""), NULL, 0);

	(void)state;
	assert_int_equal(p->message_count, 1);
	assert_int_equal(effects(p), 1);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_DONE);
	in.direction = MSG_IN; /* a reference that is the id of what a contact wrote */
	p = plan_of(ref_body(SEND_REF, ""), &in, 1);
	assert_int_equal(p->message_count, 1);
	assert_int_equal(effects(p), 1);
	p = plan_of(ref_body("", ""), NULL, 0);
	assert_int_equal(effects(p), 0);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_LATER);
}

static void
test_why_a_session_ended_is_told(void **state)
{
	struct plan *p;

	(void)state;
	body.provider_type = S("uazapi");
	p = plan_of(S("{\"EventType\":\"connection\",\"instance\":{\"status\":\"disconnected\","
		      "\"lastDisconnectReason\":\"401: logged out\"}}"),
		    NULL, 0);
	assert_int_equal(p->session_count, 1);
	assert_true(slice_eq(p->sessions[0].reason, S("401: logged out")));
	assert_non_null(strstr(arena_cstr(arena, p->sessions[0].facts),
			       "\"state\":\"disconnected\",\"reason\":\"401: logged out\""));
	p = plan_of(S("{\"EventType\":\"connection\",\"instance\":{\"status\":\"connected\"}}"),
		    NULL, 0);
	assert_true(slice_eq(p->sessions[0].reason, S("connected")));
}

static void
test_our_own_echo_makes_no_message(void **state)
{
	struct inbound_match m = own_message(false);
	struct plan *p = plan_of(text_body(true, "Hello"), &m, 1);

	(void)state;
	assert_int_equal(effects(p), 0);
	m.is_in_doubt = true;
	p = plan_of(text_body(true, "Hello"), &m, 1);
	assert_int_equal(p->resolved_count, 1);
	assert_int_equal(p->message_count, 0);
}

static void
test_session_states(void **state)
{
	static const struct {
		const char *word, *status;
		enum event_type events[INBOUND_SESSION_EVENTS];
	} cases[] = {
		{"WORKING", "connected", {EVENT_INSTANCE_CONNECTED}},
		{"SCAN_QR_CODE", "qr", {EVENT_NONE}},
		{"STARTING", "connecting", {EVENT_NONE}},
		{"STOPPED", "disconnected", {EVENT_INSTANCE_DISCONNECTED}},
		{"FAILED", "failed", {EVENT_INSTANCE_DISCONNECTED, EVENT_INSTANCE_ERROR}},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct plan *p = plan_of(session_body(cases[i].word), NULL, 0);

		assert_int_equal(p->session_count, 1);
		assert_true(slice_eq(p->sessions[0].status, slice_of(cases[i].status)));
		for (size_t k = 0; k < INBOUND_SESSION_EVENTS; k++) {
			assert_int_equal(p->sessions[0].events[k].type, cases[i].events[k]);
			assert_int_equal(uuid_is_nil(p->sessions[0].events[k].id),
					 cases[i].events[k] == EVENT_NONE);
		}
	}
}

static void
test_a_qr_code_is_asked_for_and_told(void **state)
{
	struct plan *p = plan_of(session_body("SCAN_QR_CODE"), NULL, 0);

	(void)state;
	assert_int_equal(p->session_count, 1);
	assert_int_equal(p->event_count, 0);
	assert_int_equal(code_asks, 1);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_LATER);
	assert_int_equal(p->readings[0].settled.delay_us, CLOCK_SEC);

	body.tries = 1;
	body.status = S("qr");
	code_answer = "2@scan-me";
	p = plan_of(session_body("SCAN_QR_CODE"), NULL, 0);
	assert_int_equal(effects(p), 1);
	assert_int_equal(p->events[0].type, EVENT_INSTANCE_QR);
	assert_true(has_text(p->events[0].facts, "\"qr\":\"2@scan-me\""));
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_DONE);
}

static void
test_a_qr_event_goes_without_a_code_that_does_not_come(void **state)
{
	struct plan *p;

	(void)state;
	body.status = S("qr");
	body.tries = PLAN_CODE_TRIES;
	p = plan_of(session_body("SCAN_QR_CODE"), NULL, 0);
	assert_int_equal(p->event_count, 1);
	assert_false(has_text(p->events[0].facts, "\"qr\":"));
	/* Paired meanwhile: nobody needs it. */
	body.status = S("connected");
	p = plan_of(session_body("SCAN_QR_CODE"), NULL, 0);
	assert_int_equal(effects(p), 0);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_DONE);
}

/* Reaction, edit, deletion and vote: what each makes when its message is there. */
static const struct about_case {
	const char *event, *payload;
	enum event_type type;
	bool is_change;
	const char *fact;
} about_cases[] = {
	{"message.reaction",
	 "{\"id\":\"false_5511900000002@c.us_CC\",\"from\":\"5511900000002@c.us\","
	 "\"fromMe\":false,\"timestamp\":1791000050,\"reaction\":{\"text\":\"+1\","
	 "\"messageId\":\"true_5511900000002@c.us_" OWN_ID "\"}}",
	 EVENT_MESSAGE_REACTION, false, "\"content\":\"+1\",\"is_removed\":false"},
	{"message.edited",
	 "{\"id\":\"false_5511900000002@c.us_EE\",\"from\":\"5511900000002@c.us\","
	 "\"fromMe\":false,\"timestamp\":1791000060,\"body\":\"Sunday?\","
	 "\"editedMessageId\":\"" OWN_ID "\"}",
	 EVENT_MESSAGE_EDITED, true, "\"content\":\"Sunday?\""},
	{"message.revoked",
	 "{\"after\":{\"id\":\"false_5511900000002@c.us_DD\"},\"before\":null,"
	 "\"revokedMessageId\":\"" OWN_ID "\"}",
	 EVENT_MESSAGE_DELETED, true, "\"revoke_id\":\"DD\""},
	{"poll.vote",
	 "{\"vote\":{\"id\":\"false_5511900000002@c.us_FF\",\"from\":\"5511900000002@c.us\","
	 "\"fromMe\":false,\"selectedOptions\":[\"Noon\"],\"timestamp\":1791000070},"
	 "\"poll\":{\"id\":\"true_5511900000002@c.us_" OWN_ID "\"}}",
	 EVENT_POLL_VOTED, false, "\"status\":\"vote\",\"selected_options\":[\"Noon\"]"},
};

static void
test_facts_about_a_message_of_ours(void **state)
{
	struct inbound_match m = own_message(false);

	(void)state;
	for (size_t i = 0; i < GH_COUNT(about_cases); i++) {
		const struct about_case *c = &about_cases[i];
		struct plan *p = plan_of(event_body(c->event, c->payload), &m, 1);
		struct slice facts;

		assert_int_equal(p->key_count, 1);
		assert_true(slice_eq(p->keys[0].external_id, S(OWN_ID)));
		assert_int_equal(effects(p), 1);
		if (c->is_change) {
			assert_int_equal(p->changes[0].event_type, c->type);
			assert_true(uuid_eq(p->changes[0].message_id, m.message_id));
			facts = p->changes[0].facts;
		} else {
			assert_int_equal(p->events[0].type, c->type);
			assert_true(uuid_eq(p->events[0].message_id, m.message_id));
			facts = p->events[0].facts;
		}
		assert_true(has_text(facts, "\"message_id\":\"" OWN_ID "\""));
		assert_true(has_text(facts, c->fact));
	}
}

static void
test_facts_about_a_message_wait_for_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT(about_cases); i++) {
		const struct about_case *c = &about_cases[i];
		struct plan *p;

		body.tries = 0;
		p = plan_of(event_body(c->event, c->payload), NULL, 0);
		assert_int_equal(effects(p), 0);
		assert_int_equal(p->readings[0].settled.verdict, INBOUND_LATER);
		body.tries = PLAN_WAIT_TRIES;
		p = plan_of(event_body(c->event, c->payload), NULL, 0);
		assert_int_equal(p->orphan_count, 1);
		assert_false(p->orphans[0].has_status);
		assert_true(slice_eq(p->orphans[0].external_id, S(OWN_ID)));
		assert_int_equal(p->event_count, 1);
		assert_int_equal(p->events[0].type, c->type);
		assert_true(uuid_is_nil(p->events[0].message_id));
		assert_true(has_text(p->events[0].facts, "{\"id\":null,"));
		assert_int_equal(p->readings[0].settled.verdict, INBOUND_DONE);
	}
}

/* Receipts of one body for four messages: read before, not yet, and two that nobody knows. */
static void
test_a_batch_of_receipts(void **state)
{
	static const char batch[] =
		"{\"EventType\":\"messages_update\",\"type\":\"ReadReceipt\",\"state\":\"Read\","
		"\"event\":{\"MessageIDs\":[\"B1\",\"B2\",\"B3\",\"B4\"],"
		"\"chatid\":\"5511900000002@s.whatsapp.net\",\"Timestamp\":1791000060}}";
	struct inbound_match m[] = {own_message(false), own_message(false)};
	struct inbound_body of_waha = body;
	struct plan *p;

	(void)state;
	m[0].key.external_id = S("B1");
	m[0].receipts = 1u << MSG_DELIVERED | 1u << MSG_READ;
	m[1].key.external_id = S("B2");
	m[1].receipts = 1u << MSG_DELIVERED;
	m[1].message_id.b[0] ^= 1;
	body.provider_type = S("uazapi");
	body.tries = 1;
	p = plan_of(slice_of(batch), m, GH_COUNT(m));
	assert_int_equal(p->status_count, 1);
	assert_true(uuid_eq(p->statuses[0].message_id, m[1].message_id));
	assert_int_equal(p->orphan_count, 0);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_LATER);
	body.tries = PLAN_WAIT_TRIES;
	p = plan_of(slice_of(batch), m, GH_COUNT(m));
	assert_int_equal(p->orphan_count, 1);
	assert_true(slice_eq(p->orphans[0].external_id, S("B3")));
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_DONE);
	body = of_waha;
}

#define GROUP                                                                                      \
	"\"timestamp\":1791000090,\"group\":{\"id\":\"120363000000000001@g.us\","                  \
	"\"subject\":\"Team\"},\"participants\":[{\"id\":\"210000000000002@lid\","                 \
	"\"pn\":\"5511900000002@c.us\",\"role\":\"admin\"}]"

static void
test_facts_about_the_account(void **state)
{
	static const struct {
		const char *event, *payload;
		enum event_type type;
		unsigned count;
		const char *fact;
	} cases[] = {
		{"group.v2.join", "{" GROUP "}", EVENT_GROUP_JOINED, 1, "\"action\":\"join\""},
		{"group.v2.leave", "{" GROUP "}", EVENT_GROUP_LEFT, 1, "\"action\":\"leave\""},
		{"group.v2.update", "{" GROUP "}", EVENT_GROUP_UPDATED, 1, "\"subject\":\"Team\""},
		{"group.v2.participants", "{\"type\":\"join\"," GROUP "}", EVENT_GROUP_UPDATED, 1,
		 "{\"id\":\"210000000000002@lid\",\"phone\":\"5511900000002\","
		 "\"role\":\"admin\"}"},
		{"presence.update",
		 "{\"id\":\"1@g.us\",\"presences\":[{\"participant\":\"5511900000002@c.us\","
		 "\"lastKnownPresence\":\"typing\"},{\"participant\":\"5511900000003@c.us\"}]}",
		 EVENT_PRESENCE_UPDATED, 2, "\"presence\":\"typing\""},
		{"call.accepted",
		 "{\"id\":\"C1\",\"from\":\"5511900000002@c.us\",\"isVideo\":true}",
		 EVENT_CALL_RECEIVED, 1, "\"status\":\"accepted\",\"is_video\":true"},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct plan *p = plan_of(event_body(cases[i].event, cases[i].payload), NULL, 0);

		assert_int_equal(p->event_count, cases[i].count);
		assert_int_equal(effects(p), cases[i].count);
		assert_int_equal(p->events[0].type, cases[i].type);
		assert_true(has_text(p->events[0].facts, cases[i].fact));
		assert_true(p->events[0].at_us > 0);
		assert_int_equal(p->readings[0].settled.verdict, INBOUND_DONE);
	}
}

static void
test_unknown_events_are_counted_only(void **state)
{
	static const char *const names[] = {"label.upsert", "chat.archive", "message.waiting",
					    "event.response", "no.such.event"};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(names); i++) {
		struct plan *p = plan_of(event_body(names[i], "{\"id\":\"3\"}"), NULL, 0);

		assert_int_equal(effects(p), 0);
		assert_int_equal(p->readings[0].settled.verdict, INBOUND_DONE);
	}
}

/* A person by hidden id whose number is told is written under the number. */
static void
test_a_hidden_id_with_its_number_is_folded(void **state)
{
	struct plan *p = plan_of(
		event_body(
			"message.any",
			"{\"id\":\"false_210000000000002@lid_AB\",\"from\":\"210000000000002@lid\","
			"\"fromMe\":false,\"body\":\"hi\","
			"\"_data\":{\"Info\":{\"SenderAlt\":\"5511900000002@s.whatsapp.net\"}}}"),
		NULL, 0);

	(void)state;
	assert_int_equal(p->message_count, 1);
	assert_true(slice_eq(p->messages[0].chat_key, S("5511900000002@c.us")));
	assert_true(has_text(p->messages[0].facts, "\"from\":\"5511900000002@c.us\""));
	assert_true(has_text(p->messages[0].facts, "\"lid\":\"210000000000002@lid\""));
}

static struct slice
lid_body(const char *number)
{
	const char *data = "";

	if (number != NULL)
		data = arena_printf(arena, ",\"_data\":{\"Info\":{\"SenderAlt\":\"%s@c.us\"}}",
				    number);
	return event_body("message.any",
			  arena_printf(arena,
				       "{\"id\":\"false_21@lid_AB\",\"from\":\"21@lid\","
				       "\"fromMe\":false,\"body\":\"hi\"%s}",
				       data));
}

static void
test_hidden_ids_are_looked_up_and_learned(void **state)
{
	static const struct {
		const char *told, *known; /* known: NULL: no row, "": a row without number */
		const char *chat;
		unsigned learned;
		bool was_long_ago;
	} cases[] = {
		{NULL, NULL, "21@lid", 1, false},
		{NULL, "", "21@lid", 0, false},
		{NULL, "", "21@lid", 1, true},
		{"5511900000002", "5511900000002", "5511900000002@c.us", 1, true},
		{NULL, "5511900000002", "5511900000002@c.us", 0, false},
		{"5511900000002", NULL, "5511900000002@c.us", 1, false},
		{"5511900000002", "", "5511900000002@c.us", 1, false},
		{"5511900000002", "5511900000002", "5511900000002@c.us", 0, false},
		{"5511900000003", "5511900000002", "5511900000003@c.us", 1, false},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct contact_alias row = {7, S("21@lid"), slice_of(cases[i].known),
					    cases[i].was_long_ago};
		const struct contact_alias *keys;
		struct plan *p;

		body.body = lid_body(cases[i].told);
		p = plan_new(arena, &body, 1, S("eventd-1"), NULL, NULL);
		assert_int_equal(people_keys(plan_people(p), &keys), 1);
		assert_int_equal(keys[0].instance_id, 7);
		assert_true(slice_eq(keys[0].lid, S("21@lid")));
		if (cases[i].known != NULL)
			people_set_known(plan_people(p), &row, 1);
		plan_resolve(p, NULL, 0);
		assert_true(slice_eq(p->messages[0].chat_key, slice_of(cases[i].chat)));
		assert_int_equal(p->people->learned_count, cases[i].learned);
		if (cases[i].learned > 0)
			assert_true(slice_eq(p->people->learned[0].phone, slice_of(cases[i].told)));
	}
}

static void
test_what_cannot_be_read_is_kept(void **state)
{
	struct plan *p = plan_of(S("[1,2]"), NULL, 0);

	(void)state;
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_BAD);
	assert_true(p->readings[0].settled.error.n > 0);
	body.session = S("another");
	p = plan_of(ack_body(true, 2), NULL, 0);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_NOT_OURS);
	body.provider_type = S("pigeon");
	p = plan_of(ack_body(true, 2), NULL, 0);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_BAD);
	assert_int_equal(effects(p), 0);
}

static void
test_one_bad_body_stops_no_other(void **state)
{
	struct inbound_body two[2] = {body, body};
	struct plan *p;

	(void)state;
	two[0].body = S("{");
	two[1].body = text_body(false, "Hi");
	p = plan_new(arena, two, 2, S("eventd-1"), NULL, NULL);
	plan_resolve(p, NULL, 0);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_BAD);
	assert_int_equal(p->readings[1].settled.verdict, INBOUND_DONE);
	assert_int_equal(p->message_count, 1);
}

/* Whoever posts them from memory must know of each what its row in events says. */
static void
test_events_are_told(void **state)
{
	struct inbound_match m = own_message(false);
	struct plan *p = plan_of(ack_body(true, 2), &m, 1);
	const struct delivery_claim *told;

	(void)state;
	assert_int_equal(told_rows(plan_told(p), &told), 1);
	assert_true(uuid_eq(told[0].event_id, p->statuses[0].event_id));
	assert_true(uuid_eq(told[0].message_id, m.message_id));
	assert_int_equal(told[0].company_id, body.company_id);
	assert_int_equal(told[0].instance_id, body.instance_id);
	assert_int_equal(told[0].attempt, 1);
	assert_int_equal(told[0].type, p->statuses[0].event_type);
	assert_int_equal(told[0].occurred_at_us, p->statuses[0].at_us);
	assert_true(slice_eq(told[0].facts, p->statuses[0].facts));
	p = plan_of(text_body(false, "Hi"), NULL, 0);
	assert_int_equal(told_rows(plan_told(p), &told), 1);
	assert_true(uuid_eq(told[0].event_id, p->messages[0].event_id));
	assert_true(uuid_eq(told[0].message_id, p->messages[0].id));
	assert_int_equal(told[0].type, EVENT_MESSAGE_RECEIVED);
}

/* Many sessions speak at once when a provider restarts; more than a unit holds statements. */
static void
test_a_plan_takes_no_more_sessions_than_a_unit_holds(void **state)
{
	struct inbound_body many[40];
	struct db_unit *u = db_unit_new();
	struct plan *p;

	(void)state;
	body.body = event_body("session.status", "{\"name\":\"3-shop\",\"status\":\"WORKING\"}");
	for (size_t i = 0; i < GH_COUNT(many); i++) {
		many[i] = body;
		many[i].id = uuid7_new();
	}
	p = plan_new(arena, many, GH_COUNT(many), S("eventd-1"), NULL, NULL);
	plan_resolve(p, NULL, 0);
	assert_int_equal(p->reading_count, PLAN_SESSIONS_MAX);
	assert_int_equal(p->session_count, PLAN_SESSIONS_MAX);
	inbound_begin_add(u, &body.instance_id, 1);
	plan_add(p, u, &(struct delivery_take){0});
	inbound_pending_add(u, &body.instance_id, 1);
	db_unit_free(u);
	p = plan_new(arena, many, PLAN_SESSIONS_MAX, S("eventd-1"), NULL, NULL);
	assert_int_equal(p->reading_count, PLAN_SESSIONS_MAX);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(test_a_receipt_of_our_message),
		CASE(test_a_receipt_resolves_a_doubt),
		CASE(test_a_failure_receipt_ends_a_doubt),
		CASE(test_a_receipt_waits_for_its_message_and_becomes_an_orphan),
		CASE(test_reading_an_incoming_message_elsewhere_says_nothing),
		CASE(test_an_incoming_text_is_a_message),
		CASE(test_an_echo_of_the_api_waits_for_its_send),
		CASE(test_a_text_typed_on_the_phone_is_ours_from_the_phone),
		CASE(test_an_echo_with_our_reference_proves_the_send),
		CASE(test_an_echo_with_our_reference_ends_the_doubt),
		CASE(test_an_echo_known_by_its_id_needs_no_reference),
		CASE(test_an_echo_with_a_foreign_reference_waits_for_nothing),
		CASE(test_why_a_session_ended_is_told),
		CASE(test_our_own_echo_makes_no_message),
		CASE(test_session_states),
		CASE(test_a_qr_code_is_asked_for_and_told),
		CASE(test_a_qr_event_goes_without_a_code_that_does_not_come),
		CASE(test_facts_about_a_message_of_ours),
		CASE(test_facts_about_a_message_wait_for_it),
		CASE(test_a_batch_of_receipts),
		CASE(test_facts_about_the_account),
		CASE(test_unknown_events_are_counted_only),
		CASE(test_a_hidden_id_with_its_number_is_folded),
		CASE(test_hidden_ids_are_looked_up_and_learned),
		CASE(test_what_cannot_be_read_is_kept),
		CASE(test_one_bad_body_stops_no_other),
		CASE(test_events_are_told),
		CASE(test_a_plan_takes_no_more_sessions_than_a_unit_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
