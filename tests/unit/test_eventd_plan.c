/* What webhook bodies mean for the tables: decisions of eventd/plan.c, without a database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "eventd/message_facts.c"
#include "eventd/plan.c"

#define OWN_ID   "3EB0C0FFEE0000000001"
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

static struct arena *arena;
static struct inbound_body body;

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
	};
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
	p = plan_new(arena, &body, 1, S("eventd-1"), NULL);
	plan_resolve(p, matches, count);
	return p;
}

static unsigned
effects(const struct plan *p)
{
	return p->status_count + p->message_count + p->session_count + p->orphan_count +
	       p->resolved_count;
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

static void
test_a_text_typed_on_the_phone_is_ours_from_the_phone(void **state)
{
	struct plan *p = plan_of(text_body(true, "On my way"), NULL, 0);

	(void)state;
	assert_int_equal(p->message_count, 1);
	assert_int_equal(p->messages[0].direction, MSG_OUT);
	assert_int_equal(p->messages[0].origin, MSG_FROM_PHONE);
	assert_int_equal(p->messages[0].status, MSG_SENT);
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
		enum event_type event;
	} cases[] = {
		{"WORKING", "connected", EVENT_INSTANCE_CONNECTED},
		{"SCAN_QR_CODE", "qr", EVENT_INSTANCE_QR},
		{"STARTING", "connecting", EVENT_NONE},
		{"STOPPED", "disconnected", EVENT_INSTANCE_DISCONNECTED},
		{"FAILED", "failed", EVENT_INSTANCE_DISCONNECTED},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		const char *payload = arena_printf(arena, "{\"name\":\"3-shop\",\"status\":\"%s\"}",
						   cases[i].word);
		struct plan *p = plan_of(event_body("session.status", payload), NULL, 0);

		assert_int_equal(p->session_count, 1);
		assert_true(slice_eq(p->sessions[0].status, slice_of(cases[i].status)));
		assert_int_equal(p->sessions[0].event_type, cases[i].event);
		assert_int_equal(uuid_is_nil(p->sessions[0].event_id),
				 cases[i].event == EVENT_NONE);
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
	p = plan_new(arena, two, 2, S("eventd-1"), NULL);
	plan_resolve(p, NULL, 0);
	assert_int_equal(p->readings[0].settled.verdict, INBOUND_BAD);
	assert_int_equal(p->readings[1].settled.verdict, INBOUND_DONE);
	assert_int_equal(p->message_count, 1);
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
	p = plan_new(arena, many, GH_COUNT(many), S("eventd-1"), NULL);
	plan_resolve(p, NULL, 0);
	assert_int_equal(p->reading_count, PLAN_SESSIONS_MAX);
	assert_int_equal(p->session_count, PLAN_SESSIONS_MAX);
	inbound_begin_add(u, &body.instance_id, 1);
	plan_add(p, u);
	inbound_pending_add(u, &body.instance_id, 1);
	db_unit_free(u);
	p = plan_new(arena, many, PLAN_SESSIONS_MAX, S("eventd-1"), NULL);
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
		CASE(test_a_text_typed_on_the_phone_is_ours_from_the_phone),
		CASE(test_our_own_echo_makes_no_message),
		CASE(test_session_states),
		CASE(test_what_cannot_be_read_is_kept),
		CASE(test_one_bad_body_stops_no_other),
		CASE(test_a_plan_takes_no_more_sessions_than_a_unit_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
