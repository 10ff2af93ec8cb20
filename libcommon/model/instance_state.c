#include "model/instance_state.h"

#include "base/arena.h"
#include "model/event_sql.h"
#include "model/instance_lock.h"

/* What instance_state_rows reads, from instances i, providers p; two keys follow. */
#define STATE_COLUMNS                                                                              \
	"i.id, i.company_id, i.instance_name, i.external_instance_id, i.phone_number, i.status,\n" \
	"       i.updated_at, p.type, p.base_url, p.api_key_sealed"

static const char instance_waiting_list_sql[] =
	"SELECT " STATE_COLUMNS ", NULL::bytea, NULL::bytea\n"
	"FROM instances i\n"
	"JOIN providers p ON p.id = i.provider_id\n"
	"CROSS JOIN LATERAL (SELECT FROM companies x WHERE x.id = i.company_id\n"
	"    AND x.status = 'active' OFFSET 0) c\n"
	"WHERE i.id > $1 AND i.status IN ('connecting', 'qr', 'disconnected', 'failed')\n"
	"  AND (EXISTS (SELECT 1 FROM send_queue q WHERE q.instance_id = i.id AND q.state = 0\n"
	"                 AND q.available_at <= now() OFFSET 0)\n"
	"    OR EXISTS (SELECT 1 FROM send_queue q WHERE q.instance_id = i.id\n"
	"                 AND q.state IN (2, 4) AND q.available_at <= now() OFFSET 0))\n"
	"ORDER BY i.id LIMIT $2";

static const char instance_observed_sql[] =
	"WITH now_is AS (\n"
	"  UPDATE instances i\n"
	"  SET status = $3, status_reason = $4, phone_number = coalesce($5, i.phone_number),\n"
	"      updated_at = now()\n"
	"  WHERE i.id = $1 AND i.updated_at = $2 AND i.status <> 'deleted'\n"
	"  RETURNING i.id, i.company_id\n"
	"), wake AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"  SELECT 1, 2, n.company_id, n.id FROM now_is n WHERE $3 = 'connected'\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)\n"
	"  SELECT $6, n.company_id, n.id, $7, $9, $8 FROM now_is n WHERE $6 IS NOT NULL\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL
	"SELECT n.id FROM now_is n";

static const char instance_broken_claim_sql[] =
	"WITH due AS (\n"
	"  SELECT i.id FROM instances i\n"
	"  JOIN providers p ON p.id = i.provider_id AND p.is_active\n"
	"    AND p.health_status = 'healthy'\n"
	"  JOIN companies c ON c.id = i.company_id AND c.status = 'active'\n"
	"  WHERE (i.status = 'error' AND now() - i.updated_at >= least(interval '1 h',\n"
	"           greatest(interval '15 s', i.updated_at - i.created_at)))\n"
	"    OR (i.status = 'creating' AND i.updated_at < now() - interval '2 min')\n"
	"  ORDER BY i.updated_at LIMIT $1 FOR NO KEY UPDATE OF i SKIP LOCKED\n"
	"), i AS (\n"
	"  UPDATE instances i SET status = 'creating', updated_at = now() FROM due\n"
	"  WHERE i.id = due.id RETURNING i.*\n"
	")\n"
	"SELECT " STATE_COLUMNS ", k.key_sealed, k.hmac_secret_sealed\n"
	"FROM i JOIN providers p ON p.id = i.provider_id\n"
	"CROSS JOIN LATERAL (SELECT * FROM webhook_keys w\n"
	"  WHERE w.instance_id = i.id AND w.revoked_at IS NULL\n"
	"  ORDER BY w.created_at DESC LIMIT 1) k";

enum { INSTANCE_WAITING_LIST, INSTANCE_OBSERVED, INSTANCE_BROKEN_CLAIM };

static const struct db_stmt instance_state_stmts[] = {
	[INSTANCE_WAITING_LIST] = {"instance_waiting_list", instance_waiting_list_sql,
				   DB_TYPES(DB_INT4, DB_INT8)},
	[INSTANCE_OBSERVED] = {"instance_observed", instance_observed_sql,
			       DB_TYPES(DB_INT4, DB_TIMESTAMPTZ, DB_TEXT, DB_TEXT, DB_TEXT, DB_UUID,
					DB_INT2, DB_TEXT, DB_TIMESTAMPTZ)},
	[INSTANCE_BROKEN_CLAIM] = {"instance_broken_claim", instance_broken_claim_sql,
				   DB_TYPES(DB_INT8)},
};
const struct db_stmt_table instance_state_stmt_table = DB_STMT_TABLE(instance_state_stmts);

unsigned
instance_state_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
		    struct instance_state **rows)
{
	const struct db_result *r = db_unit_result(u, stmt);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		struct instance_state *row = &(*rows)[i];

		row->id = db_get_i32(r, i, 0);
		row->company_id = db_get_i32(r, i, 1);
		row->name = arena_dup(a, db_get_slice(r, i, 2));
		row->session = arena_dup(a, db_get_slice(r, i, 3));
		row->phone = arena_dup(a, db_get_slice(r, i, 4));
		row->status = arena_dup(a, db_get_slice(r, i, 5));
		row->updated_at_us = db_get_time_us(r, i, 6);
		row->provider_type = arena_dup(a, db_get_slice(r, i, 7));
		row->base_url = arena_dup(a, db_get_slice(r, i, 8));
		row->api_key_sealed = arena_dup(a, db_get_slice(r, i, 9));
		row->key_sealed = arena_dup(a, db_get_slice(r, i, 10));
		row->hmac_sealed = arena_dup(a, db_get_slice(r, i, 11));
	}
	return count;
}

void
instance_waiting_list_add(struct db_unit *u, int32_t after_id, unsigned limit)
{
	struct db_params *p = db_unit_add(u, &instance_state_stmts[INSTANCE_WAITING_LIST]);

	db_p_i32(p, after_id);
	db_p_i64(p, limit);
}

void
instance_observed_add(struct db_unit *u, const struct instance_observed *o)
{
	struct db_params *p;

	instance_lock_add(u, &o->instance_id, 1);
	p = db_unit_add(u, &instance_state_stmts[INSTANCE_OBSERVED]);
	db_p_i32(p, o->instance_id);
	db_p_time_us(p, o->updated_at_us);
	db_p_text(p, o->status);
	db_p_text(p, o->reason);
	db_p_text(p, o->phone);
	db_p_uuid_opt(p, o->event_id);
	db_p_i16(p, (int16_t)o->event_type);
	db_p_text(p, o->facts);
	db_p_time_us(p, o->at_us);
}

void
instance_broken_claim_add(struct db_unit *u, unsigned limit)
{
	db_p_i64(db_unit_add(u, &instance_state_stmts[INSTANCE_BROKEN_CLAIM]), limit);
}
