#include "model/gauge.h"

static const char gauge_work_sql[] =
	"SELECT (SELECT count(*) FROM outbox_messages),\n"
	"       (SELECT min(available_at) FROM outbox_messages WHERE available_at <= now()),\n"
	"       (SELECT count(*) FROM growhub_stranded)";

static const char gauge_ledger_sql[] =
	"SELECT coalesce(sum(abs(accepted - sent - failed - cancelled - pending)), 0)::int8\n"
	"FROM growhub_ledger";

enum { GAUGE_WORK, GAUGE_LEDGER };

static const struct db_stmt gauge_stmts[] = {
	[GAUGE_WORK] = {"gauge_work", gauge_work_sql, DB_NO_PARAMS},
	[GAUGE_LEDGER] = {"gauge_ledger", gauge_ledger_sql, DB_NO_PARAMS},
};
const struct db_stmt_table gauge_stmt_table = DB_STMT_TABLE(gauge_stmts);

void
gauge_work_add(struct db_unit *u)
{
	db_unit_add(u, &gauge_stmts[GAUGE_WORK]);
}

void
gauge_work_read(const struct db_unit *u, unsigned stmt, struct gauge_work *out)
{
	const struct db_result *r = db_unit_result(u, stmt);

	out->outbox_pending = db_get_i64(r, 0, 0);
	out->outbox_oldest_us = db_get_time_us(r, 0, 1);
	out->stranded = db_get_i64(r, 0, 2);
}

void
gauge_ledger_add(struct db_unit *u)
{
	db_unit_add(u, &gauge_stmts[GAUGE_LEDGER]);
}

int64_t
gauge_ledger_difference(const struct db_unit *u, unsigned stmt)
{
	return db_get_i64(db_unit_result(u, stmt), 0, 0);
}
