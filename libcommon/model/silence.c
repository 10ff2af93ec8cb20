/* silence.c - connected numbers of which nothing is heard any more; see silence.h. */
#include "model/silence.h"

#include "base/arena.h"
#include "model/event_sql.h"

/* target_service of kind 2 says when eventd last read a webhook of the instance. */
static const char silence_begin_sql[] =
	"WITH f AS (\n"
	"  SELECT * FROM unnest($1::int4[], $2::timestamptz[], $3::uuid[], $4::text[])\n"
	"    AS t(instance_id, since, event_id, facts)\n"
	"), i AS (\n"
	"  UPDATE instances x SET silent_since = f.since FROM f\n"
	"  WHERE x.id = f.instance_id AND x.id = ANY ($1)\n"
	"    AND x.status = 'connected' AND x.silent_since IS NULL\n"
	"    AND NOT EXISTS (SELECT FROM target_service s WHERE s.kind = 2\n"
	"      AND s.target_id = f.instance_id AND s.served_at > f.since OFFSET 0)\n"
	"    AND NOT EXISTS (SELECT FROM inbound_queue q\n"
	"      WHERE q.instance_id = f.instance_id OFFSET 0)\n"
	"  RETURNING x.id, x.company_id, f.event_id, f.facts\n"
	"), untold AS (\n"
	"  UPDATE webhook_keys k SET told_base = '', tell_at = now()\n"
	"  WHERE k.key_hash = ANY (ARRAY(SELECT w.key_hash FROM i CROSS JOIN LATERAL (\n"
	"    SELECT * FROM webhook_keys n WHERE n.instance_id = i.id OFFSET 0) w\n"
	"    WHERE w.scope = 'instance' AND w.revoked_at IS NULL))\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)\n"
	"  SELECT i.event_id, i.company_id, i.id, 19, now(), i.facts FROM i\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL "SELECT i.id FROM i";

static const char silence_ended_sql[] =
	"SELECT i.id, coalesce(s.served_at > i.silent_since, false), i.status, i.instance_name,\n"
	"    i.external_instance_id, i.phone_number\n"
	"FROM instances i\n"
	"LEFT JOIN target_service s ON s.kind = 2 AND s.target_id = i.id\n"
	"WHERE i.silent_since <= now()\n"
	"  AND (i.status <> 'connected' OR s.served_at > i.silent_since)\n"
	"ORDER BY i.silent_since LIMIT $1";

/* IS TRUE: the row is found by its key, never through the index of all silences. */
static const char silence_end_sql[] =
	"WITH i AS (\n"
	"  UPDATE instances x SET silent_since = NULL\n"
	"  WHERE x.id = $1 AND (x.silent_since IS NOT NULL) IS TRUE\n"
	"  RETURNING x.id, x.company_id, x.status\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)\n"
	"  SELECT $2, i.company_id, i.id, 19, now(), $3 FROM i WHERE i.status <> 'deleted'\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL "SELECT i.id FROM i";

enum { SILENCE_BEGIN, SILENCE_ENDED, SILENCE_END };

static const struct db_stmt silence_stmts[] = {
	[SILENCE_BEGIN] = {"silence_begin", silence_begin_sql,
			   DB_TYPES(DB_INT4_ARRAY, DB_TIMESTAMPTZ_ARRAY, DB_UUID_ARRAY,
				    DB_TEXT_ARRAY)},
	[SILENCE_ENDED] = {"silence_ended", silence_ended_sql, DB_TYPES(DB_INT8)},
	[SILENCE_END] = {"silence_end", silence_end_sql, DB_TYPES(DB_INT4, DB_UUID, DB_TEXT)},
};
const struct db_stmt_table silence_stmt_table = DB_STMT_TABLE(silence_stmts);

void
silence_begin_add(struct db_unit *u, const struct silence *rows, unsigned count)
{
	struct db_params *p = db_unit_add(u, &silence_stmts[SILENCE_BEGIN]);
	struct db_arr *id = db_p_array(p, DB_INT4, count);
	struct db_arr *since = db_p_array(p, DB_TIMESTAMPTZ, count);
	struct db_arr *event_id = db_p_array(p, DB_UUID, count);
	struct db_arr *facts = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_i32(id, rows[i].instance_id);
		db_arr_time_us(since, rows[i].since_us);
		db_arr_uuid(event_id, rows[i].event_id);
		db_arr_text(facts, rows[i].facts);
	}
}

unsigned
silence_begin_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
silence_ended_add(struct db_unit *u)
{
	db_p_i64(db_unit_add(u, &silence_stmts[SILENCE_ENDED]), SILENCE_ENDED_MAX);
}

unsigned
silence_ended_rows(const struct db_unit *u, struct arena *a, struct silence **rows)
{
	const struct db_result *r = db_unit_result(u, 0);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		struct silence *row = &(*rows)[i];

		row->instance_id = db_get_i32(r, i, 0);
		row->is_heard = db_get_bool(r, i, 1);
		row->status = arena_dup(a, db_get_slice(r, i, 2));
		row->name = arena_dup(a, db_get_slice(r, i, 3));
		row->session = arena_dup(a, db_get_slice(r, i, 4));
		row->phone = arena_dup(a, db_get_slice(r, i, 5));
	}
	return count;
}

void
silence_end_add(struct db_unit *u, const struct silence *row)
{
	struct db_params *p = db_unit_add(u, &silence_stmts[SILENCE_END]);

	db_p_i32(p, row->instance_id);
	db_p_uuid(p, row->event_id);
	db_p_text(p, row->facts);
}
