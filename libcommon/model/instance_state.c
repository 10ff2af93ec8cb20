#include "model/instance_state.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "model/event_sql.h"
#include "model/facts.h"
#include "model/instance_lock.h"
#include "model/instance_sql.h"

/* What instance_state_rows reads, from instances i, providers p; two keys follow. */
#define STATE_COLUMNS                                                                              \
	"i.id, i.company_id, i.instance_name, i.external_instance_id, i.phone_number, i.status,\n" \
	"       i.updated_at, p.type, p.base_url, p.api_key_sealed, i.session_key_sealed"

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
	"                 AND q.state IN (2, 4) AND q.available_at <= now() OFFSET 0)\n"
	/* Whose webhooks tell states without their time, so that the last to come may be old. */
	"    OR (i.session_key_sealed IS NOT NULL AND i.status IN ('connecting', 'qr')\n"
	"        AND i.updated_at > now() - interval '10 min'))\n"
	"ORDER BY i.id LIMIT $2";

#define OBSERVED_LEARNED INSTANCE_LEARNED_SQL("$3", "$4", "$9", "$10")

static const char instance_observed_sql[] =
	"WITH now_is AS (\n"
	"  UPDATE instances i\n"
	"  SET status = $3, status_reason = $4, phone_number = coalesce($5, i.phone_number),\n"
	"      updated_at = now(),\n" OBSERVED_LEARNED "\n"
	"  WHERE i.id = $1 AND i.status <> 'deleted'\n"
	"    AND ($11 IS NULL OR i.external_instance_id = $11)\n"
	"    AND CASE $3 WHEN 'error' THEN i.status NOT IN ('creating', 'error')\n"
	"             ELSE i.updated_at = $2 END\n"
	"  RETURNING i.id, i.company_id\n"
	"), wake AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"  SELECT 1, 2, n.company_id, n.id FROM now_is n WHERE $3 = 'connected'\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)\n"
	"  SELECT $6, n.company_id, n.id, $7, $9, $8 FROM now_is n WHERE $6 IS NOT NULL\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL
	"SELECT n.id FROM now_is n";

/* The newest key of an instance where it is: it may have one where it moves to, too. */
#define STATE_KEY                                                                                  \
	"CROSS JOIN LATERAL (SELECT * FROM webhook_keys w\n"                                       \
	"  WHERE w.instance_id = i.id AND w.provider_id = i.provider_id\n"                         \
	"    AND w.revoked_at IS NULL\n"                                                           \
	"  ORDER BY w.created_at DESC LIMIT 1) k"

static const char instance_mend_claim_sql[] =
	"WITH due AS (\n"
	"  SELECT i.id FROM instances i\n"
	"  JOIN providers p ON p.id = i.provider_id AND p.is_active\n"
	"    AND p.health_status = 'healthy'\n"
	"  CROSS JOIN LATERAL (SELECT FROM companies x WHERE x.id = i.company_id\n"
	"    AND x.status = 'active' OFFSET 0) c\n"
	"  WHERE (i.status IN ('creating', 'error', 'failed')\n"
	"      OR i.status = 'disconnected' AND i.may_reconnect) AND i.mend_at <= now()\n"
	"    AND CASE i.status WHEN 'failed' THEN true\n"
	"             WHEN 'disconnected' THEN i.session_key_sealed IS NOT NULL\n"
	"             WHEN 'error' THEN $1\n"
	"             ELSE $1 AND i.updated_at < now() - interval '2 min' END\n"
	"    AND i.moving_until IS DISTINCT FROM 'infinity'\n"
	"  ORDER BY i.mend_at LIMIT $2 FOR NO KEY UPDATE OF i SKIP LOCKED\n"
	"), i AS (\n"
	"  UPDATE instances i\n"
	"  SET status = CASE WHEN i.status IN ('failed', 'disconnected') THEN i.status\n"
	"                    ELSE 'creating' END,\n"
	"      mend_tries = i.mend_tries + 1,\n"
	"      mend_at = now() + least(interval '1 h',\n"
	"          interval '15 s' * 2 ^ least(i.mend_tries, 8)),\n"
	"      updated_at = CASE WHEN i.status IN ('failed', 'disconnected') THEN i.updated_at\n"
	"                        ELSE now() END\n"
	"  FROM due WHERE i.id = due.id RETURNING i.*\n"
	")\n"
	"SELECT " STATE_COLUMNS ", k.key_sealed, k.hmac_secret_sealed\n"
	"FROM i JOIN providers p ON p.id = i.provider_id\n" STATE_KEY;

/* Both sides of the index: "<>" could not use it. */
static const char instance_untold_claim_sql[] =
	"WITH other AS (\n"
	"  SELECT w.key_hash, w.instance_id, w.provider_id FROM webhook_keys w\n"
	"  WHERE w.scope = 'instance' AND w.revoked_at IS NULL AND w.told_base < $1 AND w.tell_at "
	"<= now()\n"
	"  UNION ALL\n"
	"  SELECT w.key_hash, w.instance_id, w.provider_id FROM webhook_keys w\n"
	"  WHERE w.scope = 'instance' AND w.revoked_at IS NULL AND w.told_base > $1 AND w.tell_at "
	"<= now()\n"
	"), due AS (\n"
	"  SELECT o.key_hash FROM other o CROSS JOIN LATERAL (\n"
	"    SELECT i.provider_id FROM instances i WHERE i.id = o.instance_id\n"
	"      AND i.provider_id = o.provider_id AND i.status NOT IN ('creating', 'error', "
	"'deleted') OFFSET 0) i\n"
	"  JOIN providers p ON p.id = i.provider_id AND p.is_active\n"
	"    AND p.health_status = 'healthy'\n"
	"  LIMIT $2\n"
	"), k AS (\n"
	"  UPDATE webhook_keys w SET tell_at = now() + interval '1 min' FROM due\n"
	"  WHERE w.key_hash = due.key_hash AND w.tell_at <= now()\n"
	"  RETURNING w.*\n"
	")\n"
	"SELECT " STATE_COLUMNS ", k.key_sealed, k.hmac_secret_sealed\n"
	"FROM k JOIN instances i ON i.id = k.instance_id\n"
	"JOIN providers p ON p.id = i.provider_id";

static const char instance_told_sql[] =
	"UPDATE webhook_keys w SET told_base = $2 FROM instances i\n"
	"WHERE w.instance_id = $1 AND w.revoked_at IS NULL AND i.id = w.instance_id\n"
	"  AND i.provider_id = w.provider_id";

/* Not a change that anybody is fenced off by: the row's updated_at stays. */
static const char instance_leave_down_sql[] =
	"UPDATE instances SET may_reconnect = false WHERE id = $1 AND may_reconnect";

enum {
	INSTANCE_WAITING_LIST,
	INSTANCE_OBSERVED,
	INSTANCE_MEND_CLAIM,
	INSTANCE_UNTOLD_CLAIM,
	INSTANCE_TOLD,
	INSTANCE_LEAVE_DOWN
};

static const struct db_stmt instance_state_stmts[] = {
	[INSTANCE_WAITING_LIST] = {"instance_waiting_list", instance_waiting_list_sql,
				   DB_TYPES(DB_INT4, DB_INT8)},
	[INSTANCE_OBSERVED] = {"instance_observed", instance_observed_sql,
			       DB_TYPES(DB_INT4, DB_TIMESTAMPTZ, DB_TEXT, DB_TEXT, DB_TEXT, DB_UUID,
					DB_INT2, DB_TEXT, DB_TIMESTAMPTZ, DB_BOOL, DB_TEXT)},
	[INSTANCE_MEND_CLAIM] = {"instance_mend_claim", instance_mend_claim_sql,
				 DB_TYPES(DB_BOOL, DB_INT8)},
	[INSTANCE_UNTOLD_CLAIM] = {"instance_untold_claim", instance_untold_claim_sql,
				   DB_TYPES(DB_TEXT, DB_INT8)},
	[INSTANCE_TOLD] = {"instance_told", instance_told_sql, DB_TYPES(DB_INT4, DB_TEXT)},
	[INSTANCE_LEAVE_DOWN] = {"instance_leave_down", instance_leave_down_sql, DB_TYPES(DB_INT4)},
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
		row->session_key_sealed = arena_dup(a, db_get_slice(r, i, 10));
		row->key_sealed = arena_dup(a, db_get_slice(r, i, 11));
		row->hmac_sealed = arena_dup(a, db_get_slice(r, i, 12));
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
	const struct facts_instance facts = {
		.status = o->status,
		.state = o->reason,
		.phone_number = o->phone.p != NULL ? o->phone : o->known_phone,
		.instance_name = o->name,
		.session = o->session,
	};
	bool is_told = o->event_type != EVENT_NONE;
	struct db_params *p;

	instance_lock_add(u, &o->instance_id, 1);
	p = db_unit_add(u, &instance_state_stmts[INSTANCE_OBSERVED]);
	db_p_i32(p, o->instance_id);
	db_p_time_us(p, o->updated_at_us);
	db_p_text(p, o->status);
	db_p_text(p, o->reason);
	db_p_text(p, o->phone);
	db_p_uuid_opt(p, is_told ? uuid7_new() : (struct uuid){0});
	db_p_i16(p, (int16_t)o->event_type);
	db_p_text(p, is_told ? facts_instance(db_unit_arena(u), &facts) : SLICE_NONE);
	db_p_time_us(p, clock_wall_us());
	db_p_bool(p, o->is_unpaired);
	db_p_text(p, o->session);
}

void
instance_mend_claim_add(struct db_unit *u, bool with_broken, unsigned limit)
{
	struct db_params *p = db_unit_add(u, &instance_state_stmts[INSTANCE_MEND_CLAIM]);

	db_p_bool(p, with_broken);
	db_p_i64(p, limit);
}

void
instance_untold_claim_add(struct db_unit *u, struct slice base, unsigned limit)
{
	struct db_params *p = db_unit_add(u, &instance_state_stmts[INSTANCE_UNTOLD_CLAIM]);

	db_p_text(p, base);
	db_p_i64(p, limit);
}

void
instance_told_add(struct db_unit *u, int32_t instance_id, struct slice base)
{
	struct db_params *p = db_unit_add(u, &instance_state_stmts[INSTANCE_TOLD]);

	db_p_i32(p, instance_id);
	db_p_text(p, base);
}

void
instance_leave_down_add(struct db_unit *u, int32_t instance_id)
{
	struct db_params *p = db_unit_add(u, &instance_state_stmts[INSTANCE_LEAVE_DOWN]);

	db_p_i32(p, instance_id);
}
