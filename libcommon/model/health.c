#include "model/health.h"

static const char health_providers_sql[] =
	"SELECT id, name, type, health_status, base_url, latency_ms, last_check, is_active\n"
	"FROM providers WHERE deleted_at IS NULL ORDER BY id LIMIT $1";

static const char health_queues_sql[] =
	"SELECT q.queue_name, q.company_id, c.name, q.messages,\n"
	"    (SELECT count(*) FROM daemon_heartbeats h\n"
	"     WHERE h.daemon = CASE q.kind WHEN 1 THEN 'senderd' ELSE 'eventd' END\n"
	"       AND h.last_seen > now() - interval '30 s'), q.last_activity\n"
	"FROM (SELECT * FROM queue_metadata ORDER BY messages DESC LIMIT $1) q\n"
	"LEFT JOIN LATERAL (SELECT x.name FROM companies x WHERE x.id = q.company_id OFFSET 0) c\n"
	"  ON true\n"
	"ORDER BY q.messages DESC, q.queue_name";

static const char health_daemons_sql[] = "SELECT daemon, host, pid, version, state, last_seen,\n"
					 "    last_seen > now() - interval '30 s'\n"
					 "FROM daemon_heartbeats ORDER BY daemon, name LIMIT $1";

static const char health_outbox_sql[] =
	"SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox_messages\n"
	"      WHERE available_at > '-infinity' LIMIT 10001) n),\n"
	"    coalesce((SELECT extract(epoch FROM now() - o.available_at)::int8\n"
	"              FROM outbox_messages o WHERE o.available_at <= now()\n"
	"              ORDER BY o.available_at LIMIT 1), 0)";

static const struct db_stmt health_stmts[] = {
	[HEALTH_AT_PROVIDERS] = {"health_providers", health_providers_sql, DB_TYPES(DB_INT8)},
	[HEALTH_AT_QUEUES] = {"health_queues", health_queues_sql, DB_TYPES(DB_INT8)},
	[HEALTH_AT_DAEMONS] = {"health_daemons", health_daemons_sql, DB_TYPES(DB_INT8)},
	[HEALTH_AT_OUTBOX] = {"health_outbox", health_outbox_sql, DB_NO_PARAMS},
};
const struct db_stmt_table health_stmt_table = DB_STMT_TABLE(health_stmts);

void
health_read_add(struct db_unit *u)
{
	for (unsigned i = HEALTH_AT_PROVIDERS; i <= HEALTH_AT_DAEMONS; i++)
		db_p_i64(db_unit_add(u, &health_stmts[i]), HEALTH_ROWS_MAX);
	db_unit_add(u, &health_stmts[HEALTH_AT_OUTBOX]);
}

unsigned
health_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
health_provider_read(const struct db_unit *u, unsigned i, struct health_provider *p)
{
	const struct db_result *r = db_unit_result(u, HEALTH_AT_PROVIDERS);

	p->id = db_get_i32(r, i, 0);
	p->name = db_get_slice(r, i, 1);
	p->type = db_get_slice(r, i, 2);
	p->status = db_get_slice(r, i, 3);
	p->base_url = db_get_slice(r, i, 4);
	p->latency_ms = db_get_i32(r, i, 5);
	p->checked_at_us = db_get_time_us(r, i, 6);
	p->is_active = db_get_bool(r, i, 7);
}

void
health_queue_read(const struct db_unit *u, unsigned i, struct health_queue *q)
{
	const struct db_result *r = db_unit_result(u, HEALTH_AT_QUEUES);

	q->name = db_get_slice(r, i, 0);
	q->company_id = db_get_i32(r, i, 1);
	q->company_name = db_get_slice(r, i, 2);
	q->messages = db_get_i64(r, i, 3);
	q->consumers = db_get_i64(r, i, 4);
	q->last_activity_us = db_get_time_us(r, i, 5);
}

void
health_daemon_read(const struct db_unit *u, unsigned i, struct health_daemon *d)
{
	const struct db_result *r = db_unit_result(u, HEALTH_AT_DAEMONS);

	d->daemon = db_get_slice(r, i, 0);
	d->host = db_get_slice(r, i, 1);
	d->pid = db_get_i32(r, i, 2);
	d->version = db_get_slice(r, i, 3);
	d->state = db_get_slice(r, i, 4);
	d->last_seen_us = db_get_time_us(r, i, 5);
	d->is_alive = db_get_bool(r, i, 6);
}

void
health_outbox_read(const struct db_unit *u, struct health_outbox *o)
{
	const struct db_result *r = db_unit_result(u, HEALTH_AT_OUTBOX);

	o->pending = db_get_i64(r, 0, 0);
	o->oldest_age_s = db_get_i64(r, 0, 1);
}
