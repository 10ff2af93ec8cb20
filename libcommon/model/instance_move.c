#include "model/instance_move.h"

#include "base/arena.h"
#include "base/uuid.h"
#include "model/event_sql.h"
#include "model/instance.h"
#include "model/instance_lock.h"
#include "model/instance_sql.h"

#define COLUMNS                                                                                    \
	"m.id, m.company_id, m.instance_id, m.from_provider_id, m.to_provider_id, m.state,\n"      \
	"       m.from_session, m.to_session, m.error, m.started_at, m.switched_at, m.finished_at"

/* As creations and deletions lock it, before the statement that counts. */
static const char move_lock_sql[] = "SELECT 1 FROM providers WHERE id = $1 FOR NO KEY UPDATE";

static const char move_begin_sql[] =
	"WITH i AS MATERIALIZED (\n"
	"  SELECT i.*, p.type, p.base_url FROM instances i JOIN providers p ON p.id = "
	"i.provider_id\n"
	"  WHERE i.id = $1 AND i.status <> 'deleted'\n"
	"), t AS MATERIALIZED (\n"
	"  SELECT p.id, p.type, p.base_url, p.is_active, p.max_instances, n.used + m.coming AS "
	"used\n"
	"  FROM providers p CROSS JOIN LATERAL (\n"
	"    SELECT count(*) AS used FROM instances x\n"
	"    WHERE x.provider_id = p.id AND x.status <> 'deleted') n\n"
	"  CROSS JOIN LATERAL (" INSTANCE_COMING_SQL ") m\n"
	"  WHERE p.id = $2 AND p.deleted_at IS NULL\n"
	"), why AS MATERIALIZED (\n"
	"  SELECT CASE\n"
	"    WHEN NOT EXISTS (SELECT FROM i) THEN 1\n"
	"    WHEN NOT EXISTS (SELECT FROM t) THEN 2\n"
	"    WHEN EXISTS (SELECT FROM i, t WHERE i.provider_id = t.id OR i.type = t.type\n"
	/* Whose webhooks do not name their session: what each tells of itself could not be told
	 * apart.
	 */
	"                   AND (i.type = 'uazapi'\n"
	"                        OR rtrim(i.base_url, '/') = rtrim(t.base_url, '/'))) THEN 3\n"
	"    WHEN EXISTS (SELECT FROM instance_moves m\n"
	"                 WHERE m.instance_id = $1 AND m.finished_at IS NULL) THEN 4\n"
	"    WHEN NOT (SELECT t.is_active FROM t) THEN 5\n"
	"    WHEN (SELECT t.used >= t.max_instances FROM t) THEN 6 ELSE 0 END AS code\n"
	"), m AS (\n"
	"  INSERT INTO instance_moves (company_id, instance_id, from_provider_id, to_provider_id,\n"
	"      from_session, to_session)\n"
	"  SELECT i.company_id, i.id, i.provider_id, t.id, i.external_instance_id,\n"
	"         left(regexp_replace(i.external_instance_id, '-m[0-9a-f]{6}$', ''), 46)\n"
	"           || '-m' || $3\n"
	"  FROM i, t, why WHERE why.code = 0\n"
	"  ON CONFLICT DO NOTHING\n"
	"  RETURNING *\n"
	")\n"
	"SELECT " COLUMNS ", CASE WHEN why.code = 0 AND m.id IS NULL THEN 4 ELSE why.code END\n"
	"FROM why LEFT JOIN m ON true";

static const char move_get_sql[] =
	"SELECT " COLUMNS
	" FROM instance_moves m WHERE m.instance_id = $1 ORDER BY m.id DESC LIMIT 1";

/* Sends that waited are woken. */
#define RELEASE_SQL                                                                                \
	"), i AS (\n"                                                                              \
	"  UPDATE instances i SET moving_until = NULL, status_reason = NULL FROM m\n"              \
	"  WHERE i.id = m.instance_id AND i.moving_until IS NOT NULL\n"                            \
	"  RETURNING i.id, i.company_id\n"                                                         \
	"), wake AS (\n"                                                                           \
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"                     \
	"  SELECT 1, 2, i.company_id, i.id FROM i\n"                                               \
	")\n"

static const char move_abort_sql[] =
	"WITH m AS (\n"
	"  UPDATE instance_moves m\n"
	"  SET state = 'aborting', error = NULL, tries = 0, next_at = now(), state_at = now(),\n"
	"      drain_until = NULL\n"
	"  WHERE m.instance_id = $1 AND m.finished_at IS NULL AND m.switched_at IS NULL\n"
	"  RETURNING *\n" RELEASE_SQL "SELECT " COLUMNS " FROM m";

static const char move_pairing_sql[] =
	"SELECT p.type, p.base_url, p.api_key_sealed, m.to_session, m.to_key_sealed\n"
	"FROM instance_moves m JOIN providers p ON p.id = m.to_provider_id\n"
	"WHERE m.instance_id = $2 AND m.company_id = $1 AND m.finished_at IS NULL\n"
	"  AND m.state = 'pairing'";

static const char move_claim_sql[] =
	"WITH due AS MATERIALIZED (\n"
	"  SELECT m.id, i.status = 'deleted' AS is_deleted FROM instance_moves m\n"
	"  CROSS JOIN LATERAL (SELECT x.status FROM instances x WHERE x.id = m.instance_id\n"
	"      OFFSET 0) i\n"
	"  WHERE m.state NOT IN ('done', 'aborted') AND m.next_at <= now()\n"
	"  ORDER BY m.next_at LIMIT $1 FOR UPDATE OF m SKIP LOCKED\n"
	"), m AS (\n"
	"  UPDATE instance_moves m\n"
	"  SET next_at = now() + interval '1 min',\n"
	"      state = CASE WHEN due.is_deleted AND m.switched_at IS NULL THEN 'aborting'\n"
	"                   ELSE m.state END\n"
	"  FROM due WHERE m.id = due.id RETURNING m.*\n"
	")\n"
	"SELECT i.id, i.company_id, i.instance_name,\n"
	"       CASE m.state WHEN 'cleaning' THEN m.from_session ELSE m.to_session END,\n"
	"       i.phone_number, m.state, i.updated_at, p.type, p.base_url, p.api_key_sealed,\n"
	"       CASE m.state WHEN 'cleaning' THEN m.from_key_sealed ELSE m.to_key_sealed END,\n"
	"       k.key_sealed, k.hmac_secret_sealed\n"
	"FROM m JOIN instances i ON i.id = m.instance_id\n"
	"JOIN providers p ON p.id = CASE m.state WHEN 'cleaning' THEN m.from_provider_id\n"
	"                                        ELSE m.to_provider_id END\n"
	"LEFT JOIN LATERAL (SELECT w.key_sealed, w.hmac_secret_sealed FROM webhook_keys w\n"
	"    WHERE w.instance_id = m.instance_id AND w.provider_id = p.id\n"
	"      AND w.revoked_at IS NULL ORDER BY w.created_at DESC LIMIT 1) k ON true";

static const char move_webhook_sql[] =
	"INSERT INTO webhook_keys (key_hash, key_sealed, hmac_secret_sealed, provider_type, "
	"scope,\n"
	"    provider_id, company_id, instance_id, told_base)\n"
	"SELECT $2, $3, $4, p.type, 'instance', p.id, m.company_id, m.instance_id, $5\n"
	"FROM instance_moves m JOIN providers p ON p.id = m.to_provider_id\n"
	"WHERE m.instance_id = $1 AND m.finished_at IS NULL AND m.state = 'creating'\n"
	"  AND NOT EXISTS (SELECT FROM webhook_keys w WHERE w.instance_id = m.instance_id\n"
	"                    AND w.provider_id = p.id AND w.revoked_at IS NULL)";

static const char move_key_sql[] = "UPDATE instance_moves SET to_key_sealed = $3\n"
				   "WHERE instance_id = $2 AND company_id = $1 AND finished_at IS "
				   "NULL AND state = 'creating'\n"
				   "RETURNING id";

static const char move_step_sql[] = "UPDATE instance_moves\n"
				    "SET state = $3, error = NULL, tries = 0, next_at = now(), "
				    "state_at = now(), is_told = false\n"
				    "WHERE instance_id = $1 AND finished_at IS NULL AND state = $2";

/* The webhook key of the session that is gone, or left. */
#define REVOKE_SQL                                                                                 \
	"UPDATE webhook_keys k SET revoked_at = now() FROM m\n"                                    \
	"WHERE k.instance_id = m.instance_id AND k.revoked_at IS NULL\n"                           \
	"  AND k.provider_id = CASE WHEN m.switched_at IS NULL THEN m.to_provider_id\n"            \
	"                           ELSE m.from_provider_id END\n"                                 \
	"  AND m.finished_at IS NOT NULL"

#define ENDED_SQL "CASE m.state WHEN 'cleaning' THEN 'done' ELSE 'aborted' END"

static const char move_wait_sql[] =
	"WITH m AS (\n"
	"  UPDATE instance_moves m\n"
	"  SET error = $3, tries = CASE WHEN $3 IS NULL THEN 0 ELSE m.tries + 1 END,\n"
	"      next_at = now() + least(interval '1 min', $4::int8 * interval '1 us'\n"
	"          * CASE WHEN $3 IS NULL THEN 1 ELSE 2 ^ least(m.tries, 8) END),\n"
	"      state = CASE WHEN x.is_left THEN " ENDED_SQL " ELSE m.state END,\n"
	"      finished_at = CASE WHEN x.is_left THEN now() END\n"
	"  FROM (SELECT v.id, v.state IN ('cleaning', 'aborting')\n"
	"            AND v.state_at < now() - interval '1 day' AS is_left\n"
	"        FROM instance_moves v WHERE v.instance_id = $1 AND v.finished_at IS NULL) x\n"
	"  WHERE m.id = x.id AND m.state = $2\n"
	"  RETURNING m.*\n"
	")\n" REVOKE_SQL;

static const char move_told_sql[] =
	"WITH m AS (\n"
	"  UPDATE instance_moves m SET is_told = true\n"
	"  WHERE m.instance_id = $1 AND m.finished_at IS NULL AND m.state = 'pairing'\n"
	"    AND NOT m.is_told\n"
	"  RETURNING m.*\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)\n"
	"  SELECT $2, m.company_id, m.instance_id, 17, now(), $3 FROM m\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL "SELECT 1 FROM m";

static const char move_drain_sql[] =
	"WITH m AS (\n"
	"  UPDATE instance_moves m\n"
	"  SET state = 'draining', error = NULL, tries = 0, next_at = now(), state_at = now(),\n"
	"      drain_until = now() + $2::int8 * interval '1 us'\n"
	"  WHERE m.instance_id = $1 AND m.finished_at IS NULL AND m.state = 'pairing'\n"
	"  RETURNING m.instance_id\n"
	")\n"
	"UPDATE instances i SET moving_until = 'infinity', status_reason = 'moving' FROM m\n"
	"WHERE i.id = m.instance_id";

static const char move_undrain_sql[] =
	"WITH m AS (\n"
	"  UPDATE instance_moves m\n"
	"  SET state = 'pairing', error = 'the new session is not connected any more', tries = 0,\n"
	"      next_at = now(), state_at = now(), drain_until = NULL, is_told = false\n"
	"  WHERE m.instance_id = $1 AND m.finished_at IS NULL AND m.state = 'draining'\n"
	"  RETURNING m.*\n" RELEASE_SQL "SELECT 1 FROM m";

_Static_assert(INSTANCE_MOVE_PAUSE_S == 5, "the statement below names it");

static const char move_switch_sql[] =
	"WITH old AS MATERIALIZED (\n"
	"  SELECT i.id, i.status, i.session_key_sealed,\n"
	"         coalesce(i.settings->>'in_doubt_policy' = 'resend', false) AS wants_resend\n"
	"  FROM instances i WHERE i.id = $1 AND i.status <> 'deleted' FOR UPDATE\n"
	"), m AS (\n"
	"  UPDATE instance_moves m\n"
	"  SET state = 'cleaning', error = NULL, tries = 0, state_at = now(), switched_at = "
	"now(),\n"
	"      next_at = now() + interval '10 s', from_key_sealed = old.session_key_sealed\n"
	"  FROM old\n"
	"  WHERE m.instance_id = $1 AND m.finished_at IS NULL AND m.state = 'draining'\n"
	"    AND NOT EXISTS (SELECT FROM send_queue q WHERE q.instance_id = $1\n"
	"                      AND q.state IN (1, 2, 3, 4) AND q.state = 3 OFFSET 0)\n"
	"    AND (m.drain_until < now() AND old.wants_resend\n"
	"         OR NOT EXISTS (SELECT FROM send_queue q WHERE q.instance_id = $1\n"
	"                          AND q.state IN (2, 4) AND q.state = 4 OFFSET 0))\n"
	"  RETURNING m.*, old.status\n"
	"), i AS (\n"
	"  UPDATE instances i\n"
	"  SET provider_id = m.to_provider_id, external_instance_id = m.to_session,\n"
	"      session_key_sealed = m.to_key_sealed, phone_number = coalesce($2, i.phone_number),\n"
	"      status = 'connected', status_reason = NULL, status_at = now(), updated_at = now(),\n"
	"      mend_tries = 0, may_reconnect = true, moving_until = now() + interval '5 s'\n"
	"  FROM m WHERE i.id = m.instance_id\n"
	"), wake AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id, available_at)\n"
	"  SELECT 1, 2, m.company_id, m.instance_id, now() + interval '5 s' FROM m\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)\n"
	"  SELECT $3, m.company_id, m.instance_id, 15, now(), $4 FROM m\n"
	"  WHERE m.status <> 'connected'\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL "SELECT m.id FROM m";

static const char move_end_sql[] =
	"WITH m AS (\n"
	"  UPDATE instance_moves m\n"
	"  SET state = " ENDED_SQL ", error = NULL, finished_at = now(), state_at = now(),\n"
	"      from_key_sealed = NULL, to_key_sealed = NULL\n"
	"  WHERE m.instance_id = $1 AND m.finished_at IS NULL AND m.state = $2\n"
	"  RETURNING m.*\n"
	")\n" REVOKE_SQL;

enum {
	MOVE_LOCK,
	MOVE_BEGIN,
	MOVE_GET,
	MOVE_ABORT,
	MOVE_PAIRING,
	MOVE_CLAIM,
	MOVE_WEBHOOK,
	MOVE_KEY,
	MOVE_STEP,
	MOVE_WAIT,
	MOVE_TOLD,
	MOVE_DRAIN,
	MOVE_UNDRAIN,
	MOVE_SWITCH,
	MOVE_END
};

static const struct db_stmt instance_move_stmts[] = {
	[MOVE_LOCK] = {"instance_move_lock", move_lock_sql, DB_TYPES(DB_INT4)},
	[MOVE_BEGIN] = {"instance_move_begin", move_begin_sql, DB_TYPES(DB_INT4, DB_INT4, DB_TEXT)},
	[MOVE_GET] = {"instance_move_get", move_get_sql, DB_TYPES(DB_INT4)},
	[MOVE_ABORT] = {"instance_move_abort", move_abort_sql, DB_TYPES(DB_INT4)},
	[MOVE_PAIRING] = {"instance_move_pairing", move_pairing_sql, DB_TYPES(DB_INT4, DB_INT4)},
	[MOVE_CLAIM] = {"instance_move_claim", move_claim_sql, DB_TYPES(DB_INT8)},
	[MOVE_WEBHOOK] = {"instance_move_webhook", move_webhook_sql,
			  DB_TYPES(DB_INT4, DB_BYTEA, DB_BYTEA, DB_BYTEA, DB_TEXT)},
	[MOVE_KEY] = {"instance_move_key", move_key_sql, DB_TYPES(DB_INT4, DB_INT4, DB_BYTEA)},
	[MOVE_STEP] = {"instance_move_step", move_step_sql, DB_TYPES(DB_INT4, DB_TEXT, DB_TEXT)},
	[MOVE_WAIT] = {"instance_move_wait", move_wait_sql,
		       DB_TYPES(DB_INT4, DB_TEXT, DB_TEXT, DB_INT8)},
	[MOVE_TOLD] = {"instance_move_told", move_told_sql, DB_TYPES(DB_INT4, DB_UUID, DB_TEXT)},
	[MOVE_DRAIN] = {"instance_move_drain", move_drain_sql, DB_TYPES(DB_INT4, DB_INT8)},
	[MOVE_UNDRAIN] = {"instance_move_undrain", move_undrain_sql, DB_TYPES(DB_INT4)},
	[MOVE_SWITCH] = {"instance_move_switch", move_switch_sql,
			 DB_TYPES(DB_INT4, DB_TEXT, DB_UUID, DB_TEXT)},
	[MOVE_END] = {"instance_move_end", move_end_sql, DB_TYPES(DB_INT4, DB_TEXT)},
};
const struct db_stmt_table instance_move_stmt_table = DB_STMT_TABLE(instance_move_stmts);

/* Statement whose first parameter is the instance. */
static struct db_params *
move_add(struct db_unit *u, unsigned stmt, int32_t instance_id)
{
	struct db_params *p = db_unit_add(u, &instance_move_stmts[stmt]);

	db_p_i32(p, instance_id);
	return p;
}

/* ---- gateway, growhubctl ---- */

void
instance_move_begin_add(struct db_unit *u, int32_t instance_id, int32_t provider_id,
			struct slice suffix)
{
	struct db_params *p;

	db_p_i32(db_unit_add(u, &instance_move_stmts[MOVE_LOCK]), provider_id);
	p = move_add(u, MOVE_BEGIN, instance_id);
	db_p_i32(p, provider_id);
	db_p_text(p, suffix);
}

static void
move_read(const struct db_result *r, struct arena *a, struct instance_move *m)
{
	m->id = db_get_i32(r, 0, 0);
	m->company_id = db_get_i32(r, 0, 1);
	m->instance_id = db_get_i32(r, 0, 2);
	m->from_provider_id = db_get_i32(r, 0, 3);
	m->to_provider_id = db_get_i32(r, 0, 4);
	m->state = arena_dup(a, db_get_slice(r, 0, 5));
	m->from_session = arena_dup(a, db_get_slice(r, 0, 6));
	m->to_session = arena_dup(a, db_get_slice(r, 0, 7));
	m->error = arena_dup(a, db_get_slice(r, 0, 8));
	m->started_us = db_get_time_us(r, 0, 9);
	m->switched_us = db_get_time_us(r, 0, 10);
	m->finished_us = db_get_time_us(r, 0, 11);
}

enum instance_move_begun
instance_move_begun_of(const struct db_unit *u, unsigned stmt, struct arena *a,
		       struct instance_move *m)
{
	const struct db_result *r = db_unit_result(u, stmt + 1);
	enum instance_move_begun why = (enum instance_move_begun)db_get_i32(r, 0, 12);

	if (why == INSTANCE_MOVE_BEGUN)
		move_read(r, a, m);
	return why;
}

const char *
instance_move_begun_text(enum instance_move_begun why)
{
	switch (why) {
	case INSTANCE_MOVE_BEGUN:
		break;
	case INSTANCE_MOVE_NO_INSTANCE:
		return "No such instance, or it is deleted";
	case INSTANCE_MOVE_NO_PROVIDER:
		return "No such provider";
	case INSTANCE_MOVE_SAME:
		return "The instance is at that server, or both are of UAZAPI, whose sessions "
		       "cannot be "
		       "told apart; name another provider";
	case INSTANCE_MOVE_OPEN:
		return "The instance is moving already; wait for it, or abort that move";
	case INSTANCE_MOVE_OFF:
		return "The provider is switched off; switch it on first (is_active)";
	case INSTANCE_MOVE_FULL:
		return "The provider has no free slot; raise its max_instances, or name another";
	}
	return NULL;
}

void
instance_move_get_add(struct db_unit *u, int32_t instance_id)
{
	move_add(u, MOVE_GET, instance_id);
}

void
instance_move_abort_add(struct db_unit *u, int32_t instance_id)
{
	instance_lock_add(u, &instance_id, 1);
	move_add(u, MOVE_ABORT, instance_id);
}

bool
instance_move_read(const struct db_unit *u, unsigned stmt, struct arena *a, struct instance_move *m)
{
	const struct db_result *r = db_unit_result(u, stmt);

	if (db_row_count(r) == 0)
		return false;
	move_read(r, a, m);
	return true;
}

void
instance_move_pairing_add(struct db_unit *u, int32_t company_id, int32_t instance_id)
{
	struct db_params *p = db_unit_add(u, &instance_move_stmts[MOVE_PAIRING]);

	db_p_i32(p, company_id);
	db_p_i32(p, instance_id);
}

bool
instance_move_pairing_read(const struct db_unit *u, unsigned stmt, struct arena *a,
			   struct instance_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	if (db_row_count(r) == 0)
		return false;
	row->provider_type = arena_dup(a, db_get_slice(r, 0, 0));
	row->base_url = arena_dup(a, db_get_slice(r, 0, 1));
	row->api_key_sealed = arena_dup(a, db_get_slice(r, 0, 2));
	row->external_id = arena_dup(a, db_get_slice(r, 0, 3));
	row->session_key_sealed = arena_dup(a, db_get_slice(r, 0, 4));
	return true;
}

/* ---- healthd ---- */

void
instance_move_claim_add(struct db_unit *u, unsigned limit)
{
	db_p_i64(db_unit_add(u, &instance_move_stmts[MOVE_CLAIM]), limit);
}

void
instance_move_webhook_add(struct db_unit *u, const struct instance_move_key *k)
{
	struct db_params *p = move_add(u, MOVE_WEBHOOK, k->instance_id);

	db_p_bytea(p, k->key_hash);
	db_p_bytea(p, k->key_sealed);
	db_p_bytea(p, k->hmac_sealed);
	db_p_text(p, k->public_url);
}

void
instance_move_key_add(struct db_unit *u, int32_t company_id, int32_t instance_id,
		      struct slice sealed)
{
	struct db_params *p = db_unit_add(u, &instance_move_stmts[MOVE_KEY]);

	db_p_i32(p, company_id);
	db_p_i32(p, instance_id);
	db_p_bytea(p, sealed);
}

void
instance_move_step_add(struct db_unit *u, int32_t instance_id, struct slice from, struct slice to)
{
	struct db_params *p = move_add(u, MOVE_STEP, instance_id);

	db_p_text(p, from);
	db_p_text(p, to);
}

void
instance_move_wait_add(struct db_unit *u, int32_t instance_id, struct slice state,
		       struct slice error, int64_t delay_us)
{
	struct db_params *p = move_add(u, MOVE_WAIT, instance_id);

	db_p_text(p, state);
	db_p_text(p, error);
	db_p_i64(p, delay_us);
}

void
instance_move_told_add(struct db_unit *u, int32_t instance_id, struct slice facts)
{
	struct db_params *p = move_add(u, MOVE_TOLD, instance_id);

	db_p_uuid(p, uuid7_new());
	db_p_text(p, facts);
}

void
instance_move_drain_add(struct db_unit *u, int32_t instance_id, int64_t drain_us)
{
	instance_lock_add(u, &instance_id, 1);
	db_p_i64(move_add(u, MOVE_DRAIN, instance_id), drain_us);
}

void
instance_move_undrain_add(struct db_unit *u, int32_t instance_id)
{
	instance_lock_add(u, &instance_id, 1);
	move_add(u, MOVE_UNDRAIN, instance_id);
}

void
instance_move_switch_add(struct db_unit *u, int32_t instance_id, struct slice phone,
			 struct slice facts)
{
	struct db_params *p;

	instance_lock_add(u, &instance_id, 1);
	p = move_add(u, MOVE_SWITCH, instance_id);
	db_p_text(p, phone);
	db_p_uuid(p, uuid7_new());
	db_p_text(p, facts);
}

bool
instance_move_switched(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt + 1)) > 0;
}

void
instance_move_end_add(struct db_unit *u, int32_t instance_id, struct slice state)
{
	db_p_text(move_add(u, MOVE_END, instance_id), state);
}
