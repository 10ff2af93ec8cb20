#include "model/recovery.h"

static const char recovery_insert_sql[] =
	"INSERT INTO webhook_recoveries (id, company_id, endpoint_id, since, until, looked_at)\n"
	"SELECT $4, e.company_id, e.id, $5, $6, growhub_uuid7_floor($5)\n"
	"FROM instance_webhooks e\n"
	"WHERE e.id = $3 AND e.company_id = $1 AND e.instance_id = $2 AND e.deleted_at IS NULL";

/* Events between what was looked at and the end; the ids prune the partitions. */
#define RECOVERY_REST                                                                              \
	"FROM events e\n"                                                                          \
	"    WHERE (e.company_id, e.id) > (r.company_id, r.looked_at)\n"                           \
	"      AND (e.company_id, e.id) < (r.company_id, growhub_uuid7_floor(r.until))\n"          \
	"      AND e.id > r.looked_at AND e.id < growhub_uuid7_floor(r.until)\n"

static const char recovery_list_sql[] =
	"SELECT r.id, r.since, r.until, r.matched, r.queued, r.finished_at,\n"
	"    CASE WHEN r.finished_at IS NULL THEN (SELECT count(*) FROM (\n"
	"      SELECT 1 " RECOVERY_REST "      LIMIT 10001) rest) ELSE 0 END\n"
	"FROM webhook_recoveries r WHERE r.endpoint_id = $1 ORDER BY r.id DESC LIMIT $2";

static const char recovery_slice_sql[] =
	"WITH r AS MATERIALIZED (\n"
	"  SELECT * FROM webhook_recoveries\n"
	"  WHERE finished_at IS NULL AND touched_at <= now()\n"
	"  ORDER BY touched_at LIMIT 1 FOR UPDATE SKIP LOCKED\n"
	"), w AS MATERIALIZED (\n"
	"  SELECT n.* FROM r CROSS JOIN LATERAL (\n"
	"    SELECT e.id, e.instance_id, e.type " RECOVERY_REST
	"    ORDER BY e.company_id, e.id LIMIT $1) n\n"
	"), h AS MATERIALIZED (\n"
	"  SELECT h.* FROM r CROSS JOIN LATERAL (\n"
	"    SELECT e.id, e.company_id, e.instance_id, e.event_mask FROM instance_webhooks e\n"
	"    WHERE e.id = r.endpoint_id AND e.deleted_at IS NULL OFFSET 0) h\n"
	"), m AS MATERIALIZED (\n"
	"  SELECT w.id AS event_id, h.id AS endpoint_id, h.company_id FROM w CROSS JOIN h\n"
	"  WHERE (h.instance_id IS NULL OR w.instance_id = h.instance_id)\n"
	"    AND h.event_mask & (1::int8 << w.type) <> 0\n"
	"), put AS (\n"
	"  INSERT INTO webhook_deliveries AS d (event_id, endpoint_id, company_id)\n"
	"  SELECT m.event_id, m.endpoint_id, m.company_id FROM m ORDER BY m.event_id\n"
	"  ON CONFLICT (event_id, endpoint_id) DO UPDATE\n"
	"  SET state = 0, available_at = now(), attempts = 0, completed_at = NULL\n"
	"  WHERE d.state = 3\n"
	"  RETURNING d.event_id\n"
	"), hint AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"  SELECT 3, 2, h.company_id, h.id FROM h WHERE EXISTS (SELECT FROM put)\n"
	")\n"
	"UPDATE webhook_recoveries x\n"
	"SET looked_at = coalesce((SELECT w.id FROM w ORDER BY w.id DESC LIMIT 1), x.looked_at),\n"
	"    matched = x.matched + (SELECT count(*) FROM m),\n"
	"    queued = x.queued + (SELECT count(*) FROM put), touched_at = clock_timestamp(),\n"
	"    finished_at = CASE WHEN (SELECT count(*) FROM w) < $1 THEN now() END\n"
	"WHERE x.id = (SELECT r.id FROM r)\n"
	"RETURNING x.company_id, x.endpoint_id, x.finished_at IS NOT NULL,\n"
	"    (SELECT count(*) FROM put)";

enum { RECOVERY_INSERT, RECOVERY_LIST, RECOVERY_SLICE };

static const struct db_stmt recovery_stmts[] = {
	[RECOVERY_INSERT] = {"recovery_insert", recovery_insert_sql,
			     DB_TYPES(DB_INT4, DB_INT4, DB_INT4, DB_UUID, DB_TIMESTAMPTZ,
				      DB_TIMESTAMPTZ)},
	[RECOVERY_LIST] = {"recovery_list", recovery_list_sql, DB_TYPES(DB_INT4, DB_INT8)},
	[RECOVERY_SLICE] = {"recovery_slice", recovery_slice_sql, DB_TYPES(DB_INT8)},
};
const struct db_stmt_table recovery_stmt_table = DB_STMT_TABLE(recovery_stmts);

void
recovery_insert_add(struct db_unit *u, const struct endpoint_key *k, struct uuid id,
		    int64_t since_us, int64_t until_us)
{
	struct db_params *p = db_unit_add(u, &recovery_stmts[RECOVERY_INSERT]);

	db_p_i32(p, k->company_id);
	db_p_i32(p, k->instance_id);
	db_p_i32(p, k->id);
	db_p_uuid(p, id);
	db_p_time_us(p, since_us);
	db_p_time_us(p, until_us);
}

void
recovery_list_add(struct db_unit *u, int32_t endpoint_id)
{
	struct db_params *p = db_unit_add(u, &recovery_stmts[RECOVERY_LIST]);

	db_p_i32(p, endpoint_id);
	db_p_i64(p, RECOVERY_SHOWN_MAX);
}

unsigned
recovery_row_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
recovery_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct recovery_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->id = db_get_uuid(r, i, 0);
	row->since_us = db_get_time_us(r, i, 1);
	row->until_us = db_get_time_us(r, i, 2);
	row->matched = db_get_i64(r, i, 3);
	row->queued = db_get_i64(r, i, 4);
	row->finished_at_us = db_get_time_us(r, i, 5);
	row->remaining = db_get_i64(r, i, 6);
}

void
recovery_slice_add(struct db_unit *u, unsigned events)
{
	if (events == 0 || events > RECOVERY_SLICE_MAX)
		gh_panic("recovery_slice_add: %u events", events);
	db_p_i64(db_unit_add(u, &recovery_stmts[RECOVERY_SLICE]), events);
}

void
recovery_slice_read(const struct db_unit *u, unsigned stmt, struct recovery_slice *out)
{
	const struct db_result *r = db_unit_result(u, stmt);

	*out = (struct recovery_slice){.was_any = db_row_count(r) > 0};
	if (!out->was_any)
		return;
	out->company_id = db_get_i32(r, 0, 0);
	out->endpoint_id = db_get_i32(r, 0, 1);
	out->is_finished = db_get_bool(r, 0, 2);
	out->queued = db_get_i64(r, 0, 3);
}
