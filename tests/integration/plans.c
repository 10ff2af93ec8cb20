/* plans.c - explain every prepared statement of the model as the daemons plan it.
 *
 * Connects through libcommon/db ($GROWHUB_DATABASE_URL: a migrated database of its own), so
 * that session settings and preparation are those of a daemon, and prints a JSON array of
 * {table, name, plan}. Nothing is executed. Any failure ends it with status 1 and the reason
 * on stderr. test_plans.py judges what it prints, and that no table is missing here.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "db/db.h"
#include "loop/dns.h"
#include "loop/loop.h"
#include "model/accept.h"
#include "model/admin.h"
#include "model/admin_session.h"
#include "model/async_commit.h"
#include "model/backlog.h"
#include "model/cancel.h"
#include "model/company.h"
#include "model/contact_alias.h"
#include "model/dead_letter.h"
#include "model/dead_letter_row.h"
#include "model/delivery.h"
#include "model/endpoint.h"
#include "model/delivery_row.h"
#include "model/endpoint_ops.h"
#include "model/endpoint_route.h"
#include "model/event_row.h"
#include "model/gauge.h"
#include "model/health.h"
#include "model/heartbeat.h"
#include "model/idempotency.h"
#include "model/idempotent_reply.h"
#include "model/inbound.h"
#include "model/instance.h"
#include "model/instance_move.h"
#include "model/instance_lock.h"
#include "model/instance_state.h"
#include "model/leadership.h"
#include "model/log_row.h"
#include "model/media.h"
#include "model/message_found.h"
#include "model/message_ref.h"
#include "model/message_row.h"
#include "model/new_chats.h"
#include "model/number.h"
#include "model/outbox.h"
#include "model/partition.h"
#include "model/provider_check.h"
#include "model/provider_park.h"
#include "model/provider_row.h"
#include "model/purge.h"
#include "model/queue_row.h"
#include "model/queued_event.h"
#include "model/recovery.h"
#include "model/route.h"
#include "model/schema.h"
#include "model/send_queue.h"
#include "model/silence.h"
#include "model/stalled.h"
#include "model/stats.h"
#include "model/token.h"
#include "model/trace.h"
#include "model/wake.h"
#include "model/webhook_key.h"

#define WAIT_US   (60 * CLOCK_SEC)
#define SQL_MAX   8192
#define STMTS_MAX 512
#define TABLE(sym)                                                                                 \
	{                                                                                          \
#sym, &(sym)                                                                       \
	}

static const struct {
	const char *name;
	const struct db_stmt_table *table;
} model[] = {
	TABLE(accept_stmt_table),         TABLE(admin_session_stmt_table),
	TABLE(admin_stmt_table),          TABLE(cancel_stmt_table),
	TABLE(company_stmt_table),        TABLE(dead_letter_stmt_table),
	TABLE(delivery_stmt_table),       TABLE(endpoint_route_stmt_table),
	TABLE(endpoint_stmt_table),       TABLE(gauge_stmt_table),
	TABLE(heartbeat_stmt_table),      TABLE(idem_stmt_table),
	TABLE(inbound_stmt_table),        TABLE(inbound_store_stmt_table),
	TABLE(instance_lock_stmt_table),  TABLE(instance_state_stmt_table),
	TABLE(instance_stmt_table),       TABLE(leadership_stmt_table),
	TABLE(message_ref_stmt_table),    TABLE(message_row_stmt_table),
	TABLE(number_stmt_table),         TABLE(outbox_stmt_table),
	TABLE(async_commit_stmt_table),   TABLE(partition_stmt_table),
	TABLE(provider_check_stmt_table), TABLE(provider_park_stmt_table),
	TABLE(provider_stmt_table),       TABLE(purge_stmt_table),
	TABLE(queue_row_stmt_table),      TABLE(route_stmt_table),
	TABLE(schema_stmt_table),         TABLE(send_queue_stmt_table),
	TABLE(stalled_stmt_table),        TABLE(token_stmt_table),
	TABLE(trace_stmt_table),          TABLE(wake_stmt_table),
	TABLE(webhook_key_stmt_table),    TABLE(event_row_stmt_table),
	TABLE(media_stmt_table),          TABLE(endpoint_ops_stmt_table),
	TABLE(delivery_row_stmt_table),   TABLE(recovery_stmt_table),
	TABLE(contact_alias_stmt_table),  TABLE(dead_letter_row_stmt_table),
	TABLE(health_stmt_table),         TABLE(queued_event_stmt_table),
	TABLE(silence_stmt_table),        TABLE(idempotent_reply_stmt_table),
	TABLE(log_row_stmt_table),        TABLE(stats_stmt_table),
	TABLE(backlog_stmt_table),        TABLE(message_found_stmt_table),
	TABLE(new_chats_stmt_table),      TABLE(instance_move_stmt_table),
};

/* Values that could be true: a month that has a partition lets pruning at start-up show. NULLs
 * would prune everything. */
static const char *const values[] = {
	[DB_BOOL] = "true",
	[DB_INT2] = "1::int2",
	[DB_INT4] = "1::int4",
	[DB_INT8] = "1::int8",
	[DB_TEXT] = "'x'::text",
	[DB_BYTEA] = "'x'::bytea",
	[DB_UUID] = "growhub_uuid7_floor(now())",
	[DB_TIMESTAMPTZ] = "now()",
	[DB_JSONB] = "'{}'::jsonb",
};

/* EXPLAIN EXECUTE of one statement of the model. */
struct question {
	const char *table;
	const struct db_stmt *asked;
};

static struct {
	struct loop *loop;
	struct dns *dns;
	struct arena *arena;
	struct question questions[STMTS_MAX];
	struct db_stmt stmts[STMTS_MAX];
	unsigned count, printed;
} t;

static void
fail(const char *what, const char *name, const char *why)
{
	fprintf(stderr, "plans: %s %s: %s\n", what, name, why);
	exit(1);
}

static void
add_value(struct buf *b, enum db_type type)
{
	if (type >= DB_BOOL_ARRAY)
		buf_add_printf(b, "ARRAY[%s]", values[type - (DB_BOOL_ARRAY - DB_BOOL)]);
	else
		buf_add_cstr(b, values[type]);
}

static const char *
explain_sql(const struct db_stmt *stmt)
{
	struct buf b;

	buf_init(&b, t.arena, SQL_MAX);
	buf_add_printf(&b, "EXPLAIN (FORMAT JSON, VERBOSE, COSTS OFF) EXECUTE %s", stmt->name);
	for (unsigned i = 0; i < stmt->param_count; i++) {
		buf_add_cstr(&b, i == 0 ? "(" : ", ");
		add_value(&b, stmt->types[i]);
	}
	if (stmt->param_count > 0)
		buf_add_char(&b, ')');
	if (b.over)
		fail("too long:", stmt->name, "raise SQL_MAX");
	return arena_cstr(t.arena, buf_slice(&b));
}

static void
make_questions(void)
{
	for (size_t i = 0; i < GH_COUNT(model); i++) {
		for (unsigned j = 0; j < model[i].table->count; j++) {
			const struct db_stmt *stmt = &model[i].table->stmts[j];

			if (t.count == STMTS_MAX)
				fail("too many statements at", stmt->name, "raise STMTS_MAX");
			t.questions[t.count] = (struct question){model[i].name, stmt};
			t.stmts[t.count++] = (struct db_stmt){
				.name = arena_printf(t.arena, "plans_%s", stmt->name),
				.sql = explain_sql(stmt)};
		}
	}
}

static void
on_answer(void *arg, enum gh_code code, const struct db_unit *u)
{
	const struct question *q = arg;
	struct slice plan;

	if (code != GH_OK)
		fail("cannot explain", q->asked->name, db_unit_error(u)->text);
	plan = db_get_slice(db_unit_result(u, 0), 0, 0);
	printf("%s{\"table\": \"%s\", \"name\": \"%s\", \"plan\": %.*s}\n",
	       t.printed == 0 ? "[" : ",", q->table, q->asked->name, (int)plan.n, plan.p);
	t.printed++;
}

static struct db *
open_db(const struct db_stmt_table *own)
{
	static const struct db_stmt_table *tables[GH_COUNT(model) + 2];
	struct db_conf conf = {.url = getenv("GROWHUB_DATABASE_URL"),
			       .application_name = "plans",
			       .tables = tables};
	int64_t end_us = clock_mono_us() + WAIT_US;
	struct gh_err err;
	struct db *db;

	for (size_t i = 0; i < GH_COUNT(model); i++)
		tables[i] = model[i].table;
	tables[GH_COUNT(model)] = own;
	if (db_new(&db, t.loop, t.dns, &conf, &err) != GH_OK)
		fail("database", "url", err.text);
	while (!db_is_up(db) && clock_mono_us() < end_us)
		loop_run_once(t.loop, 20 * CLOCK_MS);
	if (!db_is_up(db))
		fail("cannot", "connect", db_last_error(db));
	return db;
}

static void
ask_all(struct db *db)
{
	int64_t end_us = clock_mono_us() + WAIT_US;

	for (unsigned i = 0; i < t.count; i++) {
		struct db_unit *u = db_unit_new();

		db_unit_add(u, &t.stmts[i]);
		if (db_submit(db, u, on_answer, &t.questions[i]) != GH_OK)
			fail("cannot submit", t.questions[i].asked->name, "queue full");
	}
	while (t.printed < t.count && clock_mono_us() < end_us)
		loop_run_once(t.loop, 20 * CLOCK_MS);
	if (t.printed < t.count)
		fail("waited in vain for", t.questions[t.printed].asked->name, "no answer");
	puts("]");
}

int
main(void)
{
	struct db_stmt_table own = {t.stmts, 0};
	struct db *db;

	t.arena = arena_new(0);
	t.loop = loop_new();
	t.dns = dns_new(t.loop, NULL, NULL);
	make_questions();
	own.count = t.count;
	db = open_db(&own);
	ask_all(db);
	db_free(db);
	loop_run_once(t.loop, 0);
	dns_free(t.dns);
	loop_run_once(t.loop, 0);
	loop_free(t.loop);
	arena_free(t.arena);
	return 0;
}
