/* pipeline.c - units on the wire: write what may be written, read the replies, ping. */
#include "db/internal.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/uuid.h"
#include "loop/loop.h"

/* Ids may not be dated further than this from the database's clock. */
#define CLOCK_LIMIT_US (60 * CLOCK_SEC)
/* A slower ping says too little about the offset of the clocks. */
#define CLOCK_RTT_MAX_US CLOCK_SEC
/* Weight of one unit in the moving average: one in this many. */
#define UNIT_US_WEIGHT 8

/* clock_timestamp, not now(): an exclusive connection may be inside a transaction. */
static const struct db_stmt ping_stmt = {"db_ping", "SELECT clock_timestamp()", DB_NO_PARAMS};

/* ---- writing ---- */

static int
write_params(struct db *db, const struct db_entry *e)
{
	const char *values[DB_PARAM_MAX];
	int lengths[DB_PARAM_MAX];
	int formats[DB_PARAM_MAX];
	Oid oids[DB_PARAM_MAX];
	int n = (int)e->stmt->param_count;

	for (int i = 0; i < n; i++) {
		db_params_get(e->params, (unsigned)i, &values[i], &lengths[i]);
		formats[i] = 1;
	}
	if (!db->conf.unprepared)
		return PQsendQueryPrepared(db->pg, e->stmt->name, n, values, lengths, formats, 1);
	for (int i = 0; i < n; i++)
		oids[i] = db_type_oid(e->stmt->types[i]);
	return PQsendQueryParams(db->pg, e->stmt->sql, n, oids, values, lengths, formats, 1);
}

static int
write_prepare(struct db *db, const struct db_stmt *stmt)
{
	Oid oids[DB_PARAM_MAX];

	for (unsigned i = 0; i < stmt->param_count; i++)
		oids[i] = db_type_oid(stmt->types[i]);
	return PQsendPrepare(db->pg, stmt->name, stmt->sql, (int)stmt->param_count, oids);
}

static int
write_entry(struct db *db, const struct db_entry *e)
{
	switch (e->mode) {
	case DB_MODE_EXEC:
		return write_params(db, e);
	case DB_MODE_PARSE:
		return write_prepare(db, e->stmt);
	case DB_MODE_RAW:
		break;
	}
	return PQsendQueryParams(db->pg, e->stmt->sql, 0, NULL, NULL, NULL, NULL, 1);
}

/* The unit is in flight from here, also when writing fails: part of it may have left. */
static void
write_unit(struct db *db, struct db_unit *u)
{
	int ok = 1;

	list_add_tail(&db->in_flight, &u->node);
	if (!u->is_internal)
		db->stats.in_flight++;
	u->sent_us = clock_mono_us();
	u->sent_wall_us = clock_wall_us();
	for (unsigned i = 0; i < u->count && ok == 1; i++)
		ok = write_entry(db, &u->entries[i]);
	if (ok == 1)
		ok = PQpipelineSync(db->pg);
	if (ok != 1)
		db_break(db);
}

static void
flush(struct db *db)
{
	int rest = PQflush(db->pg);
	unsigned events = rest == 1 ? LOOP_READ | LOOP_WRITE : LOOP_READ;

	if (rest < 0) {
		db_break(db);
		return;
	}
	loop_io_set(db->io, events);
}

static struct db_unit *
internal_unit(db_done_fn *done, void *arg)
{
	struct db_unit *u = db_unit_new();

	u->is_internal = true;
	u->done = done;
	u->arg = arg;
	return u;
}

struct prepare_ctx {
	struct db *db;
	unsigned index;
	bool is_setup;
};

static void
prepare_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	const struct prepare_ctx *c = arg;
	struct db *db = c->db;

	if (code == GH_EUNKNOWN)
		return;
	if (code != GH_OK) {
		const struct db_error *e = db_unit_error(u);

		/* An older schema, as a rule: the next unit that needs it tries again. */
		db->prepared[c->index] = 0;
		log_warn("db.prepare_failed", LOG_STR("stmt", u->entries[0].stmt->name),
			 LOG_STR("code", e->sqlstate), LOG_STR("err", e->text));
	}
	if (c->is_setup)
		db_setup_done(db);
}

static void
send_prepare(struct db *db, const struct db_stmt *stmt, unsigned index, bool is_setup)
{
	struct db_unit *u = internal_unit(prepare_done, NULL);
	struct prepare_ctx *c = arena_alloc(u->arena, sizeof(*c));

	*c = (struct prepare_ctx){.db = db, .index = index, .is_setup = is_setup};
	u->arg = c;
	db_unit_add_mode(u, stmt, DB_MODE_PARSE);
	db->prepared[index] = 1;
	write_unit(db, u);
}

void
db_pump(struct db *db)
{
	if (db->state != DB_UP || db->is_broken)
		return;
	while (db->stats.in_flight < db->conf.in_flight_max && !list_is_empty(&db->waiting) &&
	       !db->is_broken) {
		struct db_unit *u = LIST_ENTRY(db->waiting.next, struct db_unit, node);

		if (db_unit_is_stale(db, u) || u->deadline_us < clock_mono_us()) {
			loop_task_mark(db->work_task);
			break;
		}
		list_del(&u->node);
		db->stats.waiting--;
		for (unsigned i = 0; i < u->count && !db->conf.unprepared; i++) {
			const struct db_entry *e = &u->entries[i];

			if (e->mode == DB_MODE_EXEC && db->prepared[e->index] == 0)
				send_prepare(db, e->stmt, e->index, false);
		}
		write_unit(db, u);
	}
	flush(db);
}

/* ---- reading ---- */

/* The server answers COMMIT of a failed transaction with success and the word ROLLBACK. */
static void
check_commit(struct db_unit *u)
{
	for (unsigned i = 0; i < u->count; i++) {
		PGresult *pg = u->entries[i].result.pg;

		if (u->entries[i].stmt == &db_stmt_commit && pg != NULL &&
		    strcmp(PQcmdStatus(pg), "ROLLBACK") == 0)
			db_unit_set_failure(u, DB_ERR_ABORTED, "the transaction had failed");
	}
}

static void
finish_unit(struct db *db, struct db_unit *u)
{
	list_del(&u->node);
	if (!u->is_internal) {
		int64_t took_us = clock_mono_us() - u->sent_us;

		db->stats.in_flight--;
		db->stats.unit_us += (took_us - db->stats.unit_us) / UNIT_US_WEIGHT;
	}
	if (u->error.cls == DB_ERR_NONE)
		check_commit(u);
	if (u->error.cls == DB_ERR_READ_ONLY)
		db_break(db);
	db_end(db, u);
}

/* Takes pg; NULL ends the results of one statement. */
static void
take_result(struct db *db, struct db_unit *u, PGresult *pg)
{
	struct db_result *slot;

	if (pg == NULL) {
		u->cursor++;
		return;
	}
	switch (PQresultStatus(pg)) {
	case PGRES_PIPELINE_SYNC:
		PQclear(pg);
		finish_unit(db, u);
		return;
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		if (u->cursor < u->count) {
			slot = &u->entries[u->cursor].result;
			PQclear(slot->pg);
			slot->pg = pg;
			return;
		}
		break;
	case PGRES_PIPELINE_ABORTED:
		break; /* the error came before */
	default:
		db_unit_set_error(u, pg);
		break;
	}
	PQclear(pg);
}

static void
deliver_notifies(struct db *db)
{
	PGnotify *n = PQnotifies(db->pg);

	while (n != NULL) {
		db->stats.notifies_count++;
		LIST_FOREACH_SAFE(it, &db->channels)
		{
			struct db_channel *c = LIST_ENTRY(it, struct db_channel, node);

			if (strcmp(c->name, n->relname) == 0)
				c->fn(c->arg, slice_of(n->extra));
			if (db->state == DB_CLOSED)
				break;
		}
		PQfreemem(n);
		if (db->state == DB_CLOSED)
			return;
		n = PQnotifies(db->pg);
	}
}

/* Everything that has arrived. Always to the end: an aborted pipeline has answers ready
 * that no byte on the socket will announce. */
static void
read_results(struct db *db)
{
	unsigned empty_count = 0;

	while (!list_is_empty(&db->in_flight) && PQisBusy(db->pg) == 0) {
		struct db_unit *u = LIST_ENTRY(db->in_flight.next, struct db_unit, node);
		PGresult *pg = PQgetResult(db->pg);

		/* One NULL ends a statement; more of them: libpq waits for nothing any more. */
		empty_count = pg == NULL ? empty_count + 1 : 0;
		if (empty_count > 2) {
			db_break(db);
			return;
		}
		take_result(db, u, pg);
		if (db->state == DB_CLOSED)
			return;
		if (PQstatus(db->pg) == CONNECTION_BAD)
			return;
	}
}

void
db_io_fn(void *arg, unsigned ready)
{
	struct db *db = arg;
	bool is_alive;

	(void)ready; /* libpq wants its input read before a blocked flush is tried again */
	is_alive = PQconsumeInput(db->pg) == 1;
	db->read_us = clock_mono_us();
	db->stats.fresh_at_us = db->read_us;
	read_results(db);
	if (db->state == DB_CLOSED)
		return;
	deliver_notifies(db);
	if (db->state == DB_CLOSED)
		return;
	if (!is_alive || PQstatus(db->pg) == CONNECTION_BAD) {
		db_lose(db, PQerrorMessage(db->pg));
		return;
	}
	if (db->is_broken)
		return;
	if (db->state == DB_UP)
		db_pump(db);
	else
		flush(db);
}

void
db_break(struct db *db)
{
	db->is_broken = true;
	loop_task_mark(db->work_task);
}

/* ---- ping, listen, setup ---- */

static void
ping_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct db *db = arg;
	int64_t rtt_us = clock_mono_us() - u->sent_us;

	db->is_pinging = false;
	if (code == GH_OK) {
		int64_t there_us = db_get_time_us(db_unit_result(u, 0), 0, 0);

		db->stats.ping_us = rtt_us;
		if (rtt_us <= CLOCK_RTT_MAX_US) {
			db->stats.clock_offset_us = there_us - (u->sent_wall_us + rtt_us / 2);
			if (db->conf.sets_clock)
				uuid7_set_clock(db->stats.clock_offset_us, CLOCK_LIMIT_US);
		}
	}
	if (code != GH_EUNKNOWN && db->state == DB_SETUP)
		db_setup_done(db);
}

void
db_send_ping(struct db *db)
{
	struct db_unit *u;

	if (db->is_pinging)
		return;
	u = internal_unit(ping_done, db);
	db_unit_add_mode(u, &ping_stmt, DB_MODE_RAW);
	db->is_pinging = true;
	write_unit(db, u);
	flush(db);
}

bool
db_is_silent(const struct db *db)
{
	const struct db_unit *u = LIST_ENTRY(db->in_flight.next, struct db_unit, node);
	int64_t since_us;

	if (list_is_empty(&db->in_flight))
		return false;
	since_us = u->sent_us > db->read_us ? u->sent_us : db->read_us;
	return clock_mono_us() - since_us >
	       db->conf.statement_timeout_us * (int64_t)u->count + DB_SILENCE_US;
}

static void
listen_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	const struct db_channel *c = arg;

	if (code == GH_EUNKNOWN)
		return;
	if (code != GH_OK)
		log_warn("db.listen_failed", LOG_STR("channel", c->name),
			 LOG_STR("err", db_unit_error(u)->text));
	else
		c->fn(c->arg, SLICE_NONE);
}

void
db_send_listen(struct db *db, struct db_channel *channel)
{
	struct db_unit *u = internal_unit(listen_done, channel);

	db_unit_add_mode(u, &channel->listen, DB_MODE_RAW);
	write_unit(db, u);
	flush(db);
}

void
db_setup(struct db *db)
{
	unsigned index = 0;

	/* The ping is the last to be answered, whatever is prepared before it. */
	db->setup_left = 1;
	for (unsigned t = 0; !db->conf.unprepared && t < db->table_count; t++) {
		for (unsigned i = 0; i < db->tables[t].count; i++) {
			db->setup_left++;
			send_prepare(db, &db->tables[t].stmts[i], index++, true);
		}
	}
	LIST_FOREACH(it, &db->channels)
	{
		db_send_listen(db, LIST_ENTRY(it, struct db_channel, node));
	}
	db_send_ping(db);
}
