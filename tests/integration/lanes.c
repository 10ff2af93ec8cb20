/* lanes.c - claims and finishes of one lane, interleaved on purpose, against a real
 * PostgreSQL ($GROWHUB_DATABASE_URL: a migrated database of its own).
 *
 * Two connections hold transactions open in every order that matters; a third one
 * proves that the second waits for the first. With lock and read in one statement
 * the first two tests lose a wake-up: the promoted row would never be seen. Run by
 * test_lanes.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "db/db.h"
#include "loop/dns.h"
#include "loop/loop.h"
#include "model/instance_lock.h"
#include "model/send_queue.h"

#define WAIT_US  (20 * CLOCK_SEC)
#define LEASE_US (60 * CLOCK_SEC)
#define INSTANCE 1

enum {
	S_RESET,
	S_COMPANY,
	S_MESSAGE,
	S_STATE,
	S_HINTS,
	S_WAITING,
	S_RECEIPT,
	S_DELIVERED,
	S_EVENTS
};
static const struct db_stmt stmts[] = {
	[S_RESET] = {"lanes_reset",
		     "WITH q AS (DELETE FROM send_queue), m AS (DELETE FROM messages),"
		     " e AS (DELETE FROM events) DELETE FROM outbox_messages",
		     DB_NO_PARAMS},
	[S_COMPANY] = {"lanes_company",
		       "WITH c AS (INSERT INTO companies (name) VALUES ('lanes') RETURNING id),"
		       " p AS (INSERT INTO providers (type, name, base_url)"
		       "       VALUES ('waha', 'lanes', 'http://127.0.0.1:9') RETURNING id)"
		       " INSERT INTO instances (company_id, provider_id, instance_name, status,"
		       "                        external_instance_id)"
		       " SELECT c.id, p.id, 'lanes', 'connected', '1-lanes' FROM c, p"
		       " RETURNING id",
		       DB_NO_PARAMS},
	[S_MESSAGE] = {"lanes_message",
		       "WITH m AS (INSERT INTO messages (id, company_id, instance_id, direction,"
		       "             status, chat_key, to_requested, content)"
		       "           VALUES ($1, 1, 1, 0, 1, 'chat@c.us', 'chat@c.us', 'x'))"
		       " INSERT INTO send_queue (message_id, company_id, instance_id, lane, class,"
		       "                         available_at, expires_at, send_ref)"
		       " VALUES ($1, 1, 1, $2, $3, now(), now() + interval '1 day', $1::text)",
		       DB_TYPES(DB_UUID, DB_INT8, DB_INT4)},
	[S_STATE] = {"lanes_state",
		     "SELECT coalesce((SELECT state FROM send_queue WHERE message_id = $1), -1)",
		     DB_TYPES(DB_UUID)},
	[S_HINTS] = {"lanes_hints", "SELECT count(*) FROM outbox_messages WHERE kind = 1",
		     DB_NO_PARAMS},
	[S_WAITING] = {"lanes_waiting",
		       "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
		       " AND database = (SELECT oid FROM pg_database WHERE datname ="
		       "                 current_database())",
		       DB_NO_PARAMS},
	[S_RECEIPT] = {"lanes_receipt",
		       "UPDATE messages SET status = 4, sent_at = now() WHERE id = $1",
		       DB_TYPES(DB_UUID)},
	[S_DELIVERED] = {"lanes_delivered",
			 "UPDATE messages SET status = 5, delivered_at = now() WHERE id = $1",
			 DB_TYPES(DB_UUID)},
	[S_EVENTS] = {"lanes_events", "SELECT count(*) FROM events WHERE type = 3", DB_NO_PARAMS},
};
static const struct db_stmt_table own_table = DB_STMT_TABLE(stmts);
static const struct db_stmt_table *const tables[] = {&own_table, &send_queue_stmt_table,
						     &instance_lock_stmt_table, NULL};

/* A connection whose transaction may stay open, and the outcome of its last unit. */
struct side {
	struct db *db;
	bool is_done;
	enum gh_code code;
	struct arena *a;
	struct send_claim *claims;
	unsigned claim_count;
	bool has_more; /* said the claim */
	bool was_applied;
	struct uuid finished;
};

static struct {
	struct loop *loop;
	struct dns *dns;
	struct side a, b;
	struct db *look; /* plain: each unit is a transaction */
	int64_t answer;
	bool is_answered;
	bool is_seeded;
} t;

#define RUN_UNTIL(cond)                                                                            \
	do {                                                                                       \
		int64_t end_us_ = clock_mono_us() + WAIT_US;                                       \
		while (!(cond)) {                                                                  \
			assert_true(clock_mono_us() < end_us_);                                    \
			loop_run_once(t.loop, 20 * CLOCK_MS);                                      \
		}                                                                                  \
	} while (0)

static struct db *
open_db(bool is_exclusive)
{
	struct db_conf conf = {.url = getenv("GROWHUB_DATABASE_URL"),
			       .application_name = "lanes",
			       .tables = tables,
			       .exclusive = is_exclusive};
	struct db *db;
	struct gh_err err;

	assert_int_equal(db_new(&db, t.loop, t.dns, &conf, &err), GH_OK);
	RUN_UNTIL(db_is_up(db));
	return db;
}

/* ---- looking and seeding ---- */

static void
on_looked(void *arg, enum gh_code code, const struct db_unit *u)
{
	(void)arg;
	assert_int_equal(code, GH_OK);
	t.answer =
		db_row_count(db_unit_result(u, 0)) > 0 ? db_get_i64(db_unit_result(u, 0), 0, 0) : 0;
	t.is_answered = true;
}

static int64_t
ask(struct db_unit *u)
{
	t.is_answered = false;
	assert_int_equal(db_submit(t.look, u, on_looked, NULL), GH_OK);
	RUN_UNTIL(t.is_answered);
	return t.answer;
}

static int64_t
ask_plain(unsigned stmt)
{
	struct db_unit *u = db_unit_new();

	db_unit_add(u, &stmts[stmt]);
	return ask(u);
}

static int64_t
state_of(struct uuid id)
{
	struct db_unit *u = db_unit_new();

	db_p_uuid(db_unit_add(u, &stmts[S_STATE]), id);
	return ask(u);
}

static struct uuid
seed_class(int64_t lane, enum mq_class cls)
{
	struct uuid id = uuid7_new();
	struct db_unit *u = db_unit_new();
	struct db_params *p = db_unit_add(u, &stmts[S_MESSAGE]);

	db_p_uuid(p, id);
	db_p_i64(p, lane);
	db_p_i32(p, (int32_t)cls);
	ask(u);
	return id;
}

static struct uuid
seed(int64_t lane)
{
	return seed_class(lane, MQ_CLASS_NORMAL);
}

/* ---- the two sides ---- */

static void
on_side(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct side *s = arg;

	(void)u;
	s->code = code;
	s->is_done = true;
}

static void
on_claimed(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct side *s = arg;

	on_side(arg, code, u);
	if (code != GH_OK)
		return;
	s->claim_count = send_claim_rows(u, s->a, &s->claims);
	s->has_more = send_claim_has_more(u, INSTANCE);
}

static void
on_finished(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct side *s = arg;

	on_side(arg, code, u);
	s->was_applied = code == GH_OK && send_finish_applied(u, s->finished);
}

static void
control(struct side *s, const struct db_stmt *stmt)
{
	struct db_unit *u = db_unit_new();

	db_unit_add(u, stmt);
	s->is_done = false;
	assert_int_equal(db_submit(s->db, u, on_side, s), GH_OK);
	RUN_UNTIL(s->is_done);
	assert_int_equal(s->code, GH_OK);
}

static void
start_claim_of(struct side *s, int32_t rows)
{
	struct send_want want = {INSTANCE, rows, 1};
	struct db_unit *u = db_unit_new();

	control(s, &db_stmt_begin);
	send_claim_add(u, &want, 1, LEASE_US, S("lanes"));
	s->is_done = false;
	s->claim_count = 0;
	assert_int_equal(db_submit(s->db, u, on_claimed, s), GH_OK);
}

static void
start_claim(struct side *s)
{
	start_claim_of(s, 10);
}

static void
start_result(struct side *s, struct uuid id, int16_t attempt, enum send_outcome outcome)
{
	bool is_sent = outcome == SEND_DONE_SENT;
	struct send_result result = {.id = id,
				     .instance_id = INSTANCE,
				     .attempt = attempt,
				     .outcome = outcome,
				     .delay_us = is_sent ? 0 : CLOCK_SEC,
				     .event_id = uuid7_new(),
				     .event_type = is_sent ? EVENT_MESSAGE_SENT : EVENT_NONE,
				     .facts = S("{}"),
				     .at_us = clock_wall_us()};
	const struct send_result *list = &result;
	struct db_unit *u = db_unit_new();

	control(s, &db_stmt_begin);
	s->finished = id;
	send_finish_add(u, &list, 1, S("lanes"));
	s->is_done = false;
	assert_int_equal(db_submit(s->db, u, on_finished, s), GH_OK);
}

static void
start_finish(struct side *s, struct uuid id, int16_t attempt)
{
	start_result(s, id, attempt, SEND_DONE_SENT);
}

static void
finish_step(struct side *s)
{
	RUN_UNTIL(s->is_done);
	assert_int_equal(s->code, GH_OK);
}

static void
commit(struct side *s)
{
	finish_step(s);
	control(s, &db_stmt_commit);
}

static struct uuid
seed_processing(int64_t lane)
{
	struct uuid id = seed(lane);

	start_claim(&t.a);
	commit(&t.a);
	assert_int_equal(t.a.claim_count, 1);
	assert_int_equal(state_of(id), SEND_PROCESSING);
	return id;
}

static int
set_up(void **state)
{
	(void)state;
	t.loop = loop_new();
	t.dns = dns_new(t.loop, NULL, NULL);
	t.look = open_db(false);
	t.a.db = open_db(true);
	t.b.db = open_db(true);
	t.a.a = arena_new(0);
	t.b.a = arena_new(0);
	if (!t.is_seeded)
		assert_int_equal(ask_plain(S_COMPANY), INSTANCE);
	t.is_seeded = true;
	(void)ask_plain(S_RESET);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	db_free(t.a.db);
	db_free(t.b.db);
	db_free(t.look);
	arena_free(t.a.a);
	arena_free(t.b.a);
	loop_run_once(t.loop, 0);
	dns_free(t.dns);
	loop_run_once(t.loop, 0);
	loop_free(t.loop);
	return 0;
}

/* ---- the interleavings ---- */

/* The claim places a row behind one whose finish is already waiting: the finish must see it. */
static void
test_finish_waits_for_a_claim_and_promotes_what_it_placed(void **state)
{
	struct uuid first = seed_processing(5);
	struct uuid second = seed(5);

	(void)state;
	start_claim(&t.a);
	finish_step(&t.a);
	assert_int_equal(t.a.claim_count, 0);
	start_finish(&t.b, first, 1);
	RUN_UNTIL(ask_plain(S_WAITING) == 1);
	assert_false(t.b.is_done);
	commit(&t.a);
	commit(&t.b);
	assert_true(t.b.was_applied);
	assert_int_equal(state_of(first), -1);
	assert_int_equal(state_of(second), SEND_HEAD);
	assert_int_equal(ask_plain(S_HINTS), 1);
}

/* The claim began while the lane was still taken: it must see that it is free. */
static void
test_claim_waits_for_a_finish_and_takes_the_freed_lane(void **state)
{
	struct uuid first = seed_processing(5);
	struct uuid second = seed(5);

	(void)state;
	start_finish(&t.a, first, 1);
	finish_step(&t.a);
	start_claim(&t.b);
	RUN_UNTIL(ask_plain(S_WAITING) == 1);
	commit(&t.a);
	commit(&t.b);
	assert_int_equal(t.b.claim_count, 1);
	assert_true(uuid_eq(t.b.claims[0].id, second));
}

static void
test_two_claims_never_share_a_lane(void **state)
{
	struct uuid first = seed(5);
	struct uuid second = seed(5);
	struct uuid other = seed(6);

	(void)state;
	start_claim(&t.a);
	finish_step(&t.a);
	assert_int_equal(t.a.claim_count, 2);
	assert_true(uuid_eq(t.a.claims[0].id, first));
	assert_true(uuid_eq(t.a.claims[1].id, other));
	start_claim(&t.b);
	RUN_UNTIL(ask_plain(S_WAITING) == 1);
	commit(&t.a);
	commit(&t.b);
	assert_int_equal(t.b.claim_count, 0);
	assert_int_equal(state_of(second), SEND_BEHIND);
}

static void
test_a_result_of_an_older_attempt_changes_nothing(void **state)
{
	struct uuid id = seed_processing(5);

	(void)state;
	start_finish(&t.b, id, 0);
	commit(&t.b);
	assert_false(t.b.was_applied);
	assert_int_equal(state_of(id), SEND_PROCESSING);
	start_finish(&t.b, id, 1);
	commit(&t.b);
	assert_true(t.b.was_applied);
	assert_int_equal(state_of(id), -1);
}

static void
test_a_receipt_that_said_sent_leaves_nothing_to_tell(void **state)
{
	struct uuid told = seed_processing(5);
	struct uuid untold;
	struct db_unit *u = db_unit_new();

	(void)state;
	db_p_uuid(db_unit_add(u, &stmts[S_RECEIPT]), told);
	ask(u);
	start_finish(&t.a, told, 1);
	commit(&t.a);
	assert_true(t.a.was_applied);
	assert_int_equal(ask_plain(S_EVENTS), 0);
	untold = seed_processing(5);
	start_finish(&t.a, untold, 1);
	commit(&t.a);
	assert_int_equal(ask_plain(S_EVENTS), 1);
}

/* The answer says "not executed", a receipt that came before it says "delivered". */
static void
test_a_receipt_overrules_a_retry_and_sent_is_told(void **state)
{
	struct uuid id = seed_processing(5);
	struct uuid plain;
	struct db_unit *u = db_unit_new();

	(void)state;
	db_p_uuid(db_unit_add(u, &stmts[S_DELIVERED]), id);
	ask(u);
	start_result(&t.a, id, 1, SEND_RETRY);
	commit(&t.a);
	assert_int_equal(state_of(id), -1);
	assert_int_equal(ask_plain(S_EVENTS), 1);
	plain = seed_processing(5);
	start_result(&t.a, plain, 1, SEND_RETRY);
	commit(&t.a);
	assert_int_equal(state_of(plain), SEND_HEAD);
	assert_int_equal(ask_plain(S_EVENTS), 1);
}

static void
test_a_lane_leaves_in_the_order_of_acceptance(void **state)
{
	struct uuid ids[5];

	(void)state;
	for (size_t i = 0; i < GH_COUNT(ids); i++)
		ids[i] = seed(5);
	for (size_t i = 0; i < GH_COUNT(ids); i++) {
		start_claim(&t.a);
		commit(&t.a);
		assert_int_equal(t.a.claim_count, 1);
		assert_true(uuid_eq(t.a.claims[0].id, ids[i]));
		start_finish(&t.b, ids[i], 1);
		commit(&t.b);
	}
}

/* A row gets its place when it is needed: while heads wait it keeps outside the lanes. */
static void
test_arrived_rows_wait_while_there_are_heads(void **state)
{
	struct uuid heads[3], late, urgent;

	(void)state;
	for (size_t i = 0; i < GH_COUNT(heads); i++)
		heads[i] = seed((int64_t)i);
	start_claim_of(&t.a, 1);
	commit(&t.a);
	assert_true(uuid_eq(t.a.claims[0].id, heads[0]));
	assert_int_equal(state_of(heads[2]), SEND_HEAD);
	late = seed(10);
	start_claim_of(&t.a, 1);
	commit(&t.a);
	assert_true(uuid_eq(t.a.claims[0].id, heads[1]));
	assert_int_equal(state_of(late), SEND_ARRIVED);
	urgent = seed_class(11, MQ_CLASS_HIGH);
	start_claim_of(&t.a, 1);
	commit(&t.a);
	assert_true(uuid_eq(t.a.claims[0].id, urgent));
	assert_int_equal(state_of(late), SEND_ARRIVED);
	start_claim_of(&t.a, 2);
	commit(&t.a);
	assert_int_equal(t.a.claim_count, 2);
	assert_int_equal(state_of(heads[2]), SEND_PROCESSING);
	assert_int_equal(state_of(late), SEND_PROCESSING);
}

/* More of one chat than a claim places stands before the only other chat. */
static void
test_a_crowded_chat_hides_no_other(void **state)
{
	struct uuid first = seed(5), other;

	(void)state;
	for (unsigned i = 0; i < SEND_CLAIM_ROWS; i++)
		(void)seed(5);
	other = seed(6);
	start_claim(&t.a);
	commit(&t.a);
	assert_int_equal(t.a.claim_count, 1);
	assert_true(uuid_eq(t.a.claims[0].id, first));
	assert_true(t.a.has_more);
	start_claim(&t.a);
	commit(&t.a);
	assert_int_equal(t.a.claim_count, 1);
	assert_true(uuid_eq(t.a.claims[0].id, other));
	assert_false(t.a.has_more);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_finish_waits_for_a_claim_and_promotes_what_it_placed, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_claim_waits_for_a_finish_and_takes_the_freed_lane, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_claims_never_share_a_lane, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_result_of_an_older_attempt_changes_nothing,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_receipt_that_said_sent_leaves_nothing_to_tell, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_receipt_overrules_a_retry_and_sent_is_told,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_lane_leaves_in_the_order_of_acceptance,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_arrived_rows_wait_while_there_are_heads,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_crowded_chat_hides_no_other, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
