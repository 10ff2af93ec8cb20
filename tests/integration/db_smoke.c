/* db_smoke.c - libcommon/db against a real PostgreSQL ($GROWHUB_DATABASE_URL): types,
 * pipelining, errors inside units, loss and reconnect, transactions, notify, batches.
 *
 * Needs no right but TEMP tables. Run by test_db.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/batch.h"
#include "db/db.h"
#include "db/script.h"
#include "loop/dns.h"
#include "loop/loop.h"

#define WAIT_US (20 * CLOCK_SEC)

enum { S_CREATE, S_INSERT, S_SELECT, S_ECHO, S_PID, S_KILL, S_NOTIFY, S_SLEEP, S_WRONG };
static const struct db_stmt stmts[] = {
	[S_CREATE] = {"smoke_create",
		      "CREATE TEMP TABLE IF NOT EXISTS db_smoke (id uuid PRIMARY KEY, n int8)",
		      DB_NO_PARAMS},
	[S_INSERT] = {"smoke_insert",
		      "INSERT INTO db_smoke SELECT * FROM unnest($1::uuid[], $2::int8[])"
		      " RETURNING id",
		      DB_TYPES(DB_UUID_ARRAY, DB_INT8_ARRAY)},
	[S_SELECT] = {"smoke_select", "SELECT id, n FROM db_smoke ORDER BY n", DB_NO_PARAMS},
	[S_ECHO] = {"smoke_echo",
		    "SELECT $1::int8, $2::int4, $3::int2, $4::bool, $5::uuid, $6::text, $7::bytea,"
		    " $8::timestamptz, $9::jsonb, $10::text[], $11::jsonb[]",
		    DB_TYPES(DB_INT8, DB_INT4, DB_INT2, DB_BOOL, DB_UUID, DB_TEXT, DB_BYTEA,
			     DB_TIMESTAMPTZ, DB_JSONB, DB_TEXT_ARRAY, DB_JSONB_ARRAY)},
	[S_PID] = {"smoke_pid", "SELECT pg_backend_pid()", DB_NO_PARAMS},
	[S_KILL] = {"smoke_kill", "SELECT pg_terminate_backend($1)", DB_TYPES(DB_INT4)},
	[S_NOTIFY] = {"smoke_notify", "SELECT pg_notify('db_smoke', $1)::text", DB_TYPES(DB_TEXT)},
	[S_SLEEP] = {"smoke_sleep", "SELECT pg_sleep($1 / 1000.0)::text", DB_TYPES(DB_INT4)},
	[S_WRONG] = {"smoke_wrong", "SELECT nothing FROM db_smoke_absent", DB_NO_PARAMS},
};
static const struct db_stmt_table table = DB_STMT_TABLE(stmts);
static const struct db_stmt_table *const tables[] = {&table, NULL};

/* One connection and what happened on it. */
struct fixture {
	struct loop *loop;
	struct dns *dns;
	struct db *db;
	struct db *other;
	unsigned ups, downs;
	unsigned done;
	enum gh_code code;
	struct db_error error;
	int64_t num; /* first column of the first row of the last statement */
	unsigned rows;
	unsigned syncs, notifies;
	char payload[32];
	unsigned settled, failed;
	struct uuid failed_id;
};

static void
on_state(void *arg, bool is_up, const struct gh_err *err)
{
	struct fixture *f = arg;

	if (is_up)
		f->ups++;
	else
		f->downs++;
	assert_true(is_up == (err == NULL));
}

static struct db *
open_db(struct fixture *f, struct db_conf conf)
{
	struct db *db;
	struct gh_err err;

	conf.url = getenv("GROWHUB_DATABASE_URL");
	conf.application_name = "db-smoke";
	conf.tables = tables;
	assert_int_equal(db_new(&db, f->loop, f->dns, &conf, &err), GH_OK);
	return db;
}

#define RUN_UNTIL(f, cond)                                                                         \
	do {                                                                                       \
		int64_t end_us_ = clock_mono_us() + WAIT_US;                                       \
		while (!(cond)) {                                                                  \
			assert_true(clock_mono_us() < end_us_);                                    \
			loop_run_once((f)->loop, 50 * CLOCK_MS);                                   \
		}                                                                                  \
	} while (0)

static int
setup(void **state)
{
	struct fixture *f = gh_alloc(sizeof(*f));

	f->loop = loop_new();
	f->dns = dns_new(f->loop, NULL, NULL);
	f->db = open_db(f, (struct db_conf){.exclusive = true, .state = on_state, .arg = f});
	f->other = open_db(f, (struct db_conf){.unprepared = true});
	RUN_UNTIL(f, db_is_up(f->db) && db_is_up(f->other));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	db_free(f->db);
	db_free(f->other);
	loop_run_once(f->loop, 0);
	dns_free(f->dns);
	loop_run_once(f->loop, 0);
	loop_free(f->loop);
	gh_free(f);
	return 0;
}

static void
on_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct fixture *f = arg;
	const struct db_result *r;

	f->done++;
	f->code = code;
	f->error = *db_unit_error(u);
	if (code != GH_OK)
		return;
	r = db_unit_result(u, db_unit_count(u) - 1);
	f->rows = db_row_count(r);
	f->num = f->rows > 0 && db_get_slice(r, 0, 0).n <= 8 && (db_get_slice(r, 0, 0).n & 3) == 0
			 ? db_get_i64(r, 0, 0)
			 : 0;
}

static void
run(struct fixture *f, struct db *db, struct db_unit *u)
{
	unsigned before = f->done;

	assert_int_equal(db_submit(db, u, on_done, f), GH_OK);
	assert_int_equal(f->done, before); /* never before submit returns */
	RUN_UNTIL(f, f->done > before);
}

static struct db_unit *
unit_of(const struct db_stmt *s)
{
	struct db_unit *u = db_unit_new();

	(void)db_unit_add(u, s);
	return u;
}

static void
add_insert(struct db_unit *u, struct uuid id, int64_t n)
{
	struct db_params *p = db_unit_add(u, &stmts[S_INSERT]);

	db_arr_uuid(db_p_array(p, DB_UUID, 1), id);
	db_arr_i64(db_p_array(p, DB_INT8, 1), n);
}

static void
add_i32(struct db_unit *u, unsigned stmt, int32_t v)
{
	db_p_i32(db_unit_add(u, &stmts[stmt]), v);
}

/* ---- types ---- */

static const struct uuid some_id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
#define SOME_TIME_US INT64_C(1768478400123456)

static void
on_echo(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct fixture *f = arg;
	const struct db_result *r;
	struct db_array_it it;
	struct slice e;

	f->done++;
	assert_int_equal(code, GH_OK);
	r = db_unit_result(u, 0);
	assert_int_equal(db_get_i64(r, 0, 0), INT64_MIN);
	assert_int_equal(db_get_i32(r, 0, 1), -7);
	assert_int_equal(db_get_i64(r, 0, 2), -3);
	assert_true(db_get_bool(r, 0, 3));
	assert_true(uuid_eq(db_get_uuid(r, 0, 4), some_id));
	assert_true(slice_eq(db_get_slice(r, 0, 5), S("ol\xc3\xa1")));
	assert_true(slice_eq(db_get_slice(r, 0, 6), slice_make("a\0b", 3)));
	assert_int_equal(db_get_time_us(r, 0, 7), SOME_TIME_US);
	assert_true(slice_eq(db_get_slice(r, 0, 8), S("{\"a\": 1}")));
	it = db_get_array(r, 0, 9);
	assert_int_equal(it.left, 3);
	assert_true(db_array_next(&it, &e) && slice_eq(e, S("x")));
	assert_true(db_array_next(&it, &e) && e.p == NULL);
	assert_true(db_array_next(&it, &e) && e.p != NULL && e.n == 0);
	assert_false(db_array_next(&it, &e));
	assert_int_equal(db_get_array(r, 0, 10).left, 2);
}

static void
on_nulls(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct fixture *f = arg;
	const struct db_result *r;

	f->done++;
	assert_int_equal(code, GH_OK);
	r = db_unit_result(u, 0);
	for (unsigned i = 0; i < 9; i++)
		assert_true(db_is_null(r, 0, i));
	assert_int_equal(db_get_time_us(r, 0, 7), 0);
	assert_int_equal(db_get_array(r, 0, 9).left, 0);
	assert_int_equal(db_affected_count(r), 1);
}

static void
echo(struct fixture *f, struct db *db)
{
	struct db_unit *u = db_unit_new();
	struct db_params *p = db_unit_add(u, &stmts[S_ECHO]);
	struct db_arr *a;

	db_p_i64(p, INT64_MIN);
	db_p_i32(p, -7);
	db_p_i16(p, -3);
	db_p_bool(p, true);
	db_p_uuid(p, some_id);
	db_p_text(p, S("ol\xc3\xa1"));
	db_p_bytea(p, slice_make("a\0b", 3));
	db_p_time_us(p, SOME_TIME_US);
	db_p_json(p, S("{\"a\":1}"));
	a = db_p_array(p, DB_TEXT, 0);
	db_arr_text(a, S("x"));
	db_arr_null(a);
	db_arr_text(a, S(""));
	a = db_p_array(p, DB_JSONB, 2);
	db_arr_json(a, S("[]"));
	db_arr_json(a, S("null"));
	assert_int_equal(db_submit(db, u, on_echo, f), GH_OK);

	u = db_unit_new();
	p = db_unit_add(u, &stmts[S_ECHO]);
	db_p_id(p, 0);
	for (unsigned i = 0; i < 3; i++)
		db_p_null(p);
	db_p_uuid_opt(p, (struct uuid){{0}});
	db_p_text(p, SLICE_NONE);
	db_p_bytea(p, SLICE_NONE);
	db_p_time_us(p, 0);
	db_p_json(p, SLICE_NONE);
	(void)db_p_array(p, DB_TEXT, 0);
	(void)db_p_array(p, DB_JSONB, 5);
	assert_int_equal(db_submit(db, u, on_nulls, f), GH_OK);
	f->done = 0;
	RUN_UNTIL(f, f->done == 2);
}

static void
test_types(void **state)
{
	struct fixture *f = *state;

	echo(f, f->db);
	echo(f, f->other); /* unprepared */
}

/* ---- units ---- */

static void
test_pipeline(void **state)
{
	struct fixture *f = *state;

	for (int32_t i = 0; i < 200; i++) {
		struct db_unit *u = db_unit_new();

		add_i32(u, S_SLEEP, 1);
		(void)db_unit_add(u, &stmts[S_PID]);
		assert_int_equal(db_submit(f->db, u, on_done, f), GH_OK);
	}
	assert_int_equal(db_get_stats(f->db)->in_flight, 64);
	assert_int_equal(db_get_stats(f->db)->waiting, 136);
	assert_int_equal(f->done, 0);
	RUN_UNTIL(f, f->done == 200);
	assert_int_equal(f->code, GH_OK);
	assert_true(db_is_idle(f->db));
	assert_int_equal(db_get_stats(f->db)->statements_count, 400);
}

static void
test_error_in_the_middle(void **state)
{
	struct fixture *f = *state;
	struct db_unit *u;

	run(f, f->db, unit_of(&stmts[S_CREATE]));
	assert_int_equal(f->code, GH_OK);
	u = db_unit_new();
	add_insert(u, some_id, 1);
	add_insert(u, uuid7_new(), 2);
	add_insert(u, some_id, 3);
	add_insert(u, uuid7_new(), 4);
	run(f, f->db, u);
	assert_int_equal(f->code, GH_ECONFLICT);
	assert_int_equal(f->error.cls, DB_ERR_DATA);
	assert_string_equal(f->error.sqlstate, "23505");
	assert_string_equal(f->error.constraint, "db_smoke_pkey");
	assert_int_equal(f->error.stmt, 2);
	/* Nothing of the unit stayed, and its neighbours run. */
	run(f, f->db, unit_of(&stmts[S_SELECT]));
	assert_int_equal(f->code, GH_OK);
	assert_int_equal(f->rows, 0);
	run(f, f->db, unit_of(&stmts[S_WRONG]));
	assert_int_equal(f->code, GH_EINTERNAL);
	assert_int_equal(f->error.cls, DB_ERR_BUG);
}

static void
test_statement_timeout(void **state)
{
	struct fixture *f = *state;
	struct db *db = open_db(f, (struct db_conf){.statement_timeout_us = 100 * CLOCK_MS});
	struct db_unit *u = db_unit_new();

	add_i32(u, S_SLEEP, 5000);
	run(f, db, u); /* submitted while connecting: waits */
	assert_int_equal(f->code, GH_ETEMP);
	assert_int_equal(f->error.cls, DB_ERR_TIMEOUT);
	db_free(db);
}

/* ---- loss ---- */

static void
kill_backend(struct fixture *f)
{
	struct db_unit *u;

	run(f, f->db, unit_of(&stmts[S_PID]));
	u = db_unit_new();
	add_i32(u, S_KILL, (int32_t)f->num);
	assert_int_equal(db_submit(f->other, u, NULL, NULL), GH_OK);
}

static void
test_reconnect(void **state)
{
	struct fixture *f = *state;
	struct db_unit *u = db_unit_new();
	uint64_t epoch = db_epoch(f->db);

	assert_int_equal(epoch, 1);
	kill_backend(f);
	add_i32(u, S_SLEEP, 10000);
	run(f, f->db, u);
	assert_int_equal(f->code, GH_EUNKNOWN);
	assert_int_equal(f->error.cls, DB_ERR_LOST);
	assert_int_equal(f->downs, 1);

	/* Waits for the next connection; what belongs to the old one does not. */
	u = unit_of(&stmts[S_PID]);
	db_unit_bind(u, epoch);
	run(f, f->db, u);
	assert_int_equal(f->code, GH_ETEMP);
	assert_int_equal(f->error.cls, DB_ERR_NOT_SENT);
	run(f, f->db, unit_of(&stmts[S_PID]));
	assert_int_equal(f->code, GH_OK);
	assert_int_equal(f->ups, 2);
	assert_int_equal(db_epoch(f->db), 2);
	assert_int_equal(db_get_stats(f->db)->losses_count, 1);
}

static void
test_deadline_while_away(void **state)
{
	struct fixture *f = *state;
	struct db_conf conf = {.application_name = "db-smoke", .tables = tables};
	struct db *db;
	struct db_unit *u = unit_of(&stmts[S_PID]);

	conf.url = "postgresql://localhost:1/none"; /* nobody listens */
	assert_int_equal(db_new(&db, f->loop, f->dns, &conf, NULL), GH_OK);
	db_unit_set_deadline(u, clock_mono_us() + 200 * CLOCK_MS);
	run(f, db, u);
	assert_int_equal(f->code, GH_ETEMP);
	assert_int_equal(f->error.cls, DB_ERR_NOT_SENT);
	assert_true(db_get_stats(db)->failures_count > 0);
	db_free(db);
}

static void
test_bad_url(void **state)
{
	struct fixture *f = *state;
	struct db_conf conf = {.application_name = "db-smoke", .url = "postgresql://[::1/x"};
	struct db *db;
	struct gh_err err;

	assert_int_equal(db_new(&db, f->loop, f->dns, &conf, &err), GH_EINVAL);
	assert_null(db);
}

/* ---- transactions ---- */

static void
test_transaction_over_units(void **state)
{
	struct fixture *f = *state;
	struct db_unit *u;

	run(f, f->db, unit_of(&stmts[S_CREATE]));
	u = unit_of(&db_stmt_begin);
	add_insert(u, some_id, 1);
	run(f, f->db, u);
	assert_int_equal(f->code, GH_OK);
	run(f, f->db, unit_of(&db_stmt_rollback));
	run(f, f->db, unit_of(&stmts[S_SELECT]));
	assert_int_equal(f->rows, 0);

	u = unit_of(&db_stmt_begin);
	add_insert(u, some_id, 1);
	run(f, f->db, u);
	u = db_unit_new();
	add_insert(u, some_id, 2);
	run(f, f->db, u);
	assert_int_equal(f->code, GH_ECONFLICT);
	run(f, f->db, unit_of(&stmts[S_SELECT]));
	assert_int_equal(f->error.cls, DB_ERR_ABORTED);
	run(f, f->db, unit_of(&db_stmt_commit));
	assert_int_equal(f->code, GH_ETEMP);
	assert_int_equal(f->error.cls, DB_ERR_ABORTED);
	run(f, f->db, unit_of(&stmts[S_SELECT]));
	assert_int_equal(f->code, GH_OK);
	assert_int_equal(f->rows, 0);
}

/* ---- notify ---- */

static void
on_notify(void *arg, struct slice payload)
{
	struct fixture *f = arg;

	if (payload.p == NULL) {
		f->syncs++;
		return;
	}
	f->notifies++;
	assert_int_equal(slice_to_cstr(payload, f->payload, sizeof(f->payload)), GH_OK);
}

static void
test_notify(void **state)
{
	struct fixture *f = *state;
	struct db_unit *u;

	db_listen(f->db, "db_smoke", on_notify, f);
	RUN_UNTIL(f, f->syncs == 1);
	u = db_unit_new();
	db_p_text(db_unit_add(u, &stmts[S_NOTIFY]), S("hello"));
	assert_int_equal(db_submit(f->other, u, NULL, NULL), GH_OK);
	RUN_UNTIL(f, f->notifies == 1);
	assert_string_equal(f->payload, "hello");

	/* Listens again by itself, and says that something may have been missed. */
	kill_backend(f);
	RUN_UNTIL(f, f->syncs == 2);
	u = db_unit_new();
	db_p_text(db_unit_add(u, &stmts[S_NOTIFY]), S("again"));
	assert_int_equal(db_submit(f->other, u, NULL, NULL), GH_OK);
	RUN_UNTIL(f, f->notifies == 2);
}

/* ---- batches ---- */

struct row {
	struct db_batch_row b;
	struct uuid id;
	int64_t n;
};

static void
build(void *arg, struct db_unit *u, struct db_batch_row *const *rows, unsigned n)
{
	struct db_params *p = db_unit_add(u, &stmts[S_INSERT]);
	struct db_arr *id = db_p_array(p, DB_UUID, n);
	struct db_arr *num = db_p_array(p, DB_INT8, n);

	(void)arg;
	for (unsigned i = 0; i < n; i++) {
		const struct row *r = LIST_ENTRY(rows[i], struct row, b);

		db_arr_uuid(id, r->id);
		db_arr_i64(num, r->n);
	}
}

static void
settle(void *arg, struct db_batch_row *const *rows, unsigned n, const struct db_unit *u)
{
	struct fixture *f = arg;

	(void)rows;
	assert_int_equal(db_row_count(db_unit_result(u, 0)), n);
	f->settled += n;
}

static void
fail_row(void *arg, struct db_batch_row *row, enum gh_code code, const struct db_error *err)
{
	struct fixture *f = arg;

	assert_int_equal(code, GH_ECONFLICT);
	assert_string_equal(err->sqlstate, "23505");
	f->failed++;
	f->failed_id = LIST_ENTRY(row, struct row, b)->id;
}

static void
test_batch(void **state)
{
	struct fixture *f = *state;
	const struct db_batch_def def = {
		.name = "smoke", .build = build, .settle = settle, .fail = fail_row, .arg = f};
	struct db_batch *b;
	struct row rows[500];
	struct db_unit *u = db_unit_new();

	memset(rows, 0, sizeof(rows));
	run(f, f->db, unit_of(&stmts[S_CREATE]));
	add_insert(u, some_id, -1);
	run(f, f->db, u);
	b = db_batch_new(f->loop, f->db, &def);
	for (unsigned i = 0; i < 500; i++) {
		rows[i].id = i == 77 ? some_id : uuid7_new();
		rows[i].n = i;
		assert_int_equal(db_batch_add(b, &rows[i].b), GH_OK);
	}
	RUN_UNTIL(f, f->settled + f->failed == 500);
	assert_int_equal(f->failed, 1);
	assert_true(uuid_eq(f->failed_id, some_id));
	assert_true(db_batch_is_idle(b));
	run(f, f->db, unit_of(&stmts[S_SELECT]));
	assert_int_equal(f->rows, 500); /* 499 and the one before */
	db_batch_free(b);
}

static void
test_ping(void **state)
{
	struct fixture *f = *state;
	const struct db_stats *s = db_get_stats(f->db);

	assert_true(s->ping_us > 0);
	assert_true(s->fresh_at_us > 0);
	/* The same machine: the clocks agree. */
	assert_in_range(s->clock_offset_us + CLOCK_SEC, 0, 2 * CLOCK_SEC);
}

/* ---- scripts of command-line tools ---- */

static void
on_row(void *arg, const char *const *columns, unsigned count)
{
	struct fixture *f = arg;

	f->rows++;
	assert_int_equal(count, 2);
	assert_string_equal(columns[0], "7");
	assert_null(columns[1]);
}

static void
test_script(void **state)
{
	struct fixture *f = *state;
	const char *const params[] = {"7", NULL};
	struct script *s;
	struct gh_err err;

	assert_int_equal(script_open(&s, "nonsense", "db-smoke", &err), GH_ETEMP);
	assert_int_equal(script_open(&s, "postgresql://127.0.0.1:1/x", "db-smoke", &err), GH_ETEMP);
	assert_int_equal(script_open(&s, getenv("GROWHUB_DATABASE_URL"), "db-smoke", &err), GH_OK);
	assert_int_equal(
		script_run(s, "CREATE TEMP TABLE a (n int); INSERT INTO a VALUES (1);", &err),
		GH_OK);
	/* All of a script or nothing. */
	assert_int_equal(script_run(s, "INSERT INTO a VALUES (2); SELECT nothing;", &err),
			 GH_EINVAL);
	assert_non_null(strstr(err.text, "nothing"));
	assert_int_equal(
		script_query(s, "SELECT $1::text, $2::text FROM a", params, 2, on_row, f, &err),
		GH_OK);
	assert_int_equal(f->rows, 1);
	script_close(s);
}

int
main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_types),
		CASE(test_pipeline),
		CASE(test_error_in_the_middle),
		CASE(test_statement_timeout),
		CASE(test_reconnect),
		CASE(test_deadline_while_away),
		CASE(test_bad_url),
		CASE(test_transaction_over_units),
		CASE(test_notify),
		CASE(test_batch),
		CASE(test_ping),
		CASE(test_script),
	};

	if (getenv("GROWHUB_DATABASE_URL") == NULL) {
		(void)fputs("db_smoke: GROWHUB_DATABASE_URL is not set\n", stderr);
		return 2;
	}
	log_init("db-smoke", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
