#include "model/outbox.h"

#include "base/arena.h"
#include "base/clock.h"

/* Under the 60 s after which growhub_stranded calls a row stranded. */
#define OUTBOX_REHINT_AGE_US (45 * CLOCK_SEC)

static const char outbox_claim_sql[] =
	"DELETE FROM outbox_messages o\n"
	"USING (SELECT id FROM outbox_messages WHERE available_at <= now()\n"
	"       ORDER BY available_at, class LIMIT $1 FOR UPDATE SKIP LOCKED) d\n"
	"WHERE o.id = d.id\n"
	"RETURNING o.id, o.kind, o.class, o.company_id, o.target_id, o.traceparent";

static const char outbox_return_sql[] =
	"INSERT INTO outbox_messages (kind, class, company_id, target_id, available_at,\n"
	"    traceparent)\n"
	"SELECT t.kind, t.class, t.company_id, t.target_id,\n"
	"    clock_timestamp() + $6::int8 * interval '1 us', t.traceparent\n"
	"FROM unnest($1::int2[], $2::int2[], $3::int4[], $4::int4[], $5::text[])\n"
	"  AS t(kind, class, company_id, target_id, traceparent)";

static const char outbox_next_sql[] =
	"SELECT (extract(epoch FROM min(available_at) - clock_timestamp()) * 1000000)::int8\n"
	"FROM outbox_messages";

static const char outbox_rehint_sql[] =
	"WITH due AS (\n"
	"  SELECT DISTINCT 1 AS kind, q.company_id, q.instance_id AS target_id\n"
	"  FROM send_queue q\n"
	"  JOIN instances i ON i.id = q.instance_id AND i.status = 'connected'\n"
	"  JOIN companies c ON c.id = q.company_id AND c.status = 'active'\n"
	"  JOIN providers p ON p.id = i.provider_id\n"
	"    AND (p.parked_until IS NULL OR p.parked_until < now())\n"
	"  WHERE q.state IN (0, 2, 4) AND q.available_at < now() - $1::int8 * interval '1 us'\n"
	"  UNION ALL\n"
	"  SELECT DISTINCT 2, q.company_id, q.instance_id FROM inbound_queue q\n"
	"  WHERE q.available_at < now() - $1::int8 * interval '1 us'\n"
	"  UNION ALL\n"
	"  SELECT DISTINCT 3, d.company_id, d.endpoint_id FROM webhook_deliveries d\n"
	"  JOIN instance_webhooks w ON w.id = d.endpoint_id\n"
	"  WHERE d.state = 0 AND d.available_at < now() - $1::int8 * interval '1 us'\n"
	"    AND w.is_active AND w.disabled_at IS NULL AND w.deleted_at IS NULL\n"
	")\n"
	"INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"SELECT d.kind, 2, d.company_id, d.target_id FROM due d\n"
	"WHERE NOT EXISTS (SELECT 1 FROM outbox_messages o\n"
	"                  WHERE o.kind = d.kind AND o.target_id = d.target_id\n"
	"                      AND o.available_at <= now())\n"
	"  AND NOT EXISTS (SELECT 1 FROM target_service s\n"
	"                  WHERE s.kind = d.kind AND s.target_id = d.target_id\n"
	"                      AND s.served_at > now() - $1::int8 * interval '1 us')";

enum { OUTBOX_CLAIM, OUTBOX_RETURN, OUTBOX_NEXT, OUTBOX_REHINT };

static const struct db_stmt outbox_stmts[] = {
	[OUTBOX_CLAIM] = {"outbox_claim", outbox_claim_sql, DB_TYPES(DB_INT4)},
	[OUTBOX_RETURN] = {"outbox_return", outbox_return_sql,
			   DB_TYPES(DB_INT2_ARRAY, DB_INT2_ARRAY, DB_INT4_ARRAY, DB_INT4_ARRAY,
				    DB_TEXT_ARRAY, DB_INT8)},
	[OUTBOX_NEXT] = {"outbox_next", outbox_next_sql, DB_NO_PARAMS},
	[OUTBOX_REHINT] = {"outbox_rehint", outbox_rehint_sql, DB_TYPES(DB_INT8)},
};
const struct db_stmt_table outbox_stmt_table = DB_STMT_TABLE(outbox_stmts);

void
outbox_claim_add(struct db_unit *u, unsigned max)
{
	if (max == 0 || max > OUTBOX_CLAIM_MAX)
		gh_panic("outbox_claim_add: %u rows", max);
	db_p_i32(db_unit_add(u, &outbox_stmts[OUTBOX_CLAIM]), (int32_t)max);
}

unsigned
outbox_claim_rows(const struct db_unit *u, unsigned stmt, struct arena *a, struct outbox_row **rows)
{
	const struct db_result *r = db_unit_result(u, stmt);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		struct outbox_row *row = &(*rows)[i];

		row->id = db_get_i64(r, i, 0);
		row->kind = (enum mq_kind)db_get_i32(r, i, 1);
		row->cls = (enum mq_class)db_get_i32(r, i, 2);
		row->company_id = db_get_i32(r, i, 3);
		row->target_id = db_get_i32(r, i, 4);
		row->traceparent = arena_dup(a, db_get_slice(r, i, 5));
	}
	return count;
}

void
outbox_return_add(struct db_unit *u, const struct outbox_row *const *rows, unsigned count,
		  int64_t delay_us)
{
	struct db_params *p = db_unit_add(u, &outbox_stmts[OUTBOX_RETURN]);
	struct db_arr *kind = db_p_array(p, DB_INT2, count);
	struct db_arr *cls = db_p_array(p, DB_INT2, count);
	struct db_arr *company_id = db_p_array(p, DB_INT4, count);
	struct db_arr *target_id = db_p_array(p, DB_INT4, count);
	struct db_arr *traceparent = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_i16(kind, (int16_t)rows[i]->kind);
		db_arr_i16(cls, (int16_t)rows[i]->cls);
		db_arr_i32(company_id, rows[i]->company_id);
		db_arr_i32(target_id, rows[i]->target_id);
		db_arr_text(traceparent, rows[i]->traceparent);
	}
	db_p_i64(p, delay_us);
}

void
outbox_next_add(struct db_unit *u)
{
	db_unit_add(u, &outbox_stmts[OUTBOX_NEXT]);
}

int64_t
outbox_next_us(const struct db_unit *u, unsigned stmt)
{
	const struct db_result *r = db_unit_result(u, stmt);
	int64_t due_us;

	if (db_is_null(r, 0, 0))
		return -1;
	due_us = db_get_i64(r, 0, 0);
	return due_us < 0 ? 0 : due_us;
}

void
outbox_rehint_add(struct db_unit *u)
{
	db_p_i64(db_unit_add(u, &outbox_stmts[OUTBOX_REHINT]), OUTBOX_REHINT_AGE_US);
}

void
outbox_rehint_all_add(struct db_unit *u)
{
	db_p_i64(db_unit_add(u, &outbox_stmts[OUTBOX_REHINT]), 0);
}
