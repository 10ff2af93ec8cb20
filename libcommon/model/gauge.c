#include "model/gauge.h"

static const char gauge_work_sql[] =
	"SELECT (SELECT count(*) FROM outbox_messages),\n"
	"       (SELECT min(available_at) FROM outbox_messages WHERE available_at <= now()),\n"
	"       (SELECT count(*) FROM growhub_stranded)";

static const char gauge_ledger_sql[] =
	"SELECT coalesce(sum(abs(accepted - sent - failed - cancelled - pending)), 0)::int8\n"
	"FROM growhub_ledger";

/* Rows that changed only; locked in the order in which the relay records queues. */
static const char gauge_queues_sql[] =
	"WITH n AS (\n"
	"  SELECT company_id, 1 AS kind, class::int4, count(*) AS n FROM send_queue GROUP BY 1, 3\n"
	"  UNION ALL\n"
	"  SELECT company_id, 2, 2, count(*) FROM inbound_queue GROUP BY 1\n"
	"  UNION ALL\n"
	"  SELECT company_id, 3, 2, count(*) FROM webhook_deliveries WHERE state = 0 GROUP BY 1\n"
	"), s AS (\n"
	"  SELECT i.company_id, t.kind::int4, max(t.served_at) AS at FROM target_service t\n"
	"  JOIN instances i ON i.id = t.target_id WHERE t.kind IN (1, 2) GROUP BY 1, 2\n"
	"  UNION ALL\n"
	"  SELECT w.company_id, 3, max(t.served_at) FROM target_service t\n"
	"  JOIN instance_webhooks w ON w.id = t.target_id WHERE t.kind = 3 GROUP BY 1\n"
	"), f AS (\n"
	"  SELECT q.queue_name, coalesce(n.n, 0) AS messages, date_trunc('minute', s.at) AS at\n"
	"  FROM queue_metadata q\n"
	"  LEFT JOIN n ON n.company_id = q.company_id AND n.kind = q.kind AND n.class = q.class\n"
	"  LEFT JOIN s ON s.company_id = q.company_id AND s.kind = q.kind\n"
	"  WHERE (q.messages, q.last_activity)\n"
	"      IS DISTINCT FROM (coalesce(n.n, 0), date_trunc('minute', s.at))\n"
	"  ORDER BY q.queue_name FOR UPDATE OF q\n"
	")\n"
	"UPDATE queue_metadata q SET messages = f.messages, last_activity = f.at\n"
	"FROM f WHERE q.queue_name = f.queue_name";

static const char gauge_outbox_sql[] =
	"WITH n AS MATERIALIZED (\n"
	"  SELECT company_id, count(*) AS pending,\n"
	"      min(available_at) FILTER (WHERE available_at <= now()) AS oldest_at\n"
	"  FROM outbox_messages GROUP BY 1\n"
	"), gone AS (\n"
	"  DELETE FROM outbox_backlog b\n"
	"  WHERE NOT EXISTS (SELECT 1 FROM n WHERE n.company_id = b.company_id)\n"
	")\n"
	"INSERT INTO outbox_backlog AS b (company_id, pending, oldest_at)\n"
	"SELECT n.company_id, n.pending, n.oldest_at FROM n ORDER BY n.company_id\n"
	"ON CONFLICT (company_id) DO UPDATE SET pending = excluded.pending,\n"
	"    oldest_at = excluded.oldest_at\n"
	"WHERE (b.pending, b.oldest_at) IS DISTINCT FROM (excluded.pending, excluded.oldest_at)";

enum { GAUGE_WORK, GAUGE_LEDGER, GAUGE_QUEUES, GAUGE_OUTBOX };

static const struct db_stmt gauge_stmts[] = {
	[GAUGE_WORK] = {"gauge_work", gauge_work_sql, DB_NO_PARAMS},
	[GAUGE_LEDGER] = {"gauge_ledger", gauge_ledger_sql, DB_NO_PARAMS},
	[GAUGE_QUEUES] = {"gauge_queues", gauge_queues_sql, DB_NO_PARAMS},
	[GAUGE_OUTBOX] = {"gauge_outbox", gauge_outbox_sql, DB_NO_PARAMS},
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

void
gauge_queues_add(struct db_unit *u)
{
	db_unit_add(u, &gauge_stmts[GAUGE_QUEUES]);
}

void
gauge_outbox_add(struct db_unit *u)
{
	db_unit_add(u, &gauge_stmts[GAUGE_OUTBOX]);
}
