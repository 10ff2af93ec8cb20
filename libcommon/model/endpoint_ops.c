#include "model/endpoint_ops.h"

#include "model/event.h"

#define ENDPOINT_OWN                                                                               \
	"e.id = $3 AND e.company_id = $1 AND e.instance_id = $2 AND e.deleted_at IS NULL"

/* A statement of its own: the next one's snapshot then sees the secrets of a rotation that this one
 * waited for. */
static const char endpoint_lock_sql[] =
	"SELECT 1 FROM instance_webhooks e WHERE " ENDPOINT_OWN " FOR UPDATE";

static const char endpoint_rotate_sql[] =
	"WITH e AS (\n"
	"  SELECT e.id FROM instance_webhooks e WHERE " ENDPOINT_OWN "\n"
	"), may AS MATERIALIZED (\n"
	"  SELECT e.id FROM e\n"
	"  WHERE $5::int4 = 0 OR $6::int8 > (SELECT count(*) FROM webhook_secrets s\n"
	"      WHERE s.endpoint_id = e.id AND s.expires_at > now())\n"
	"), ended AS (\n"
	"  UPDATE webhook_secrets s SET expires_at = now() + $5 * interval '1 s'\n"
	"  FROM may WHERE s.endpoint_id = may.id\n"
	"    AND (s.expires_at IS NULL OR $5 = 0 AND s.expires_at > now())\n"
	"), made AS (\n"
	"  INSERT INTO webhook_secrets (endpoint_id, secret_sealed) SELECT may.id, $4 FROM may\n"
	")\n"
	"SELECT 1 FROM may";

static const char endpoint_enable_sql[] =
	"WITH e AS (\n"
	"  UPDATE instance_webhooks e SET is_active = true, disabled_at = NULL,\n"
	"      failure_state = 'ok', updated_at = now()\n"
	"  WHERE " ENDPOINT_OWN " RETURNING e.id, e.company_id\n"
	")\n"
	"INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"SELECT 3, 2, e.company_id, e.id FROM e";

static const char endpoint_test_sql[] =
	"WITH e AS (\n"
	"  SELECT e.id, e.company_id, e.instance_id FROM instance_webhooks e\n"
	"  WHERE " ENDPOINT_OWN " AND e.is_active AND e.disabled_at IS NULL\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)\n"
	"  SELECT $4, e.company_id, e.instance_id, $5, now(), $6 FROM e RETURNING id\n"
	"), delivery AS (\n"
	"  INSERT INTO webhook_deliveries (event_id, endpoint_id, company_id)\n"
	"  SELECT ev.id, e.id, e.company_id FROM ev CROSS JOIN e\n"
	"), hint AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"  SELECT 3, 2, e.company_id, e.id FROM e\n"
	")\n"
	"SELECT 1 FROM ev";

enum { ENDPOINT_LOCK, ENDPOINT_ROTATE, ENDPOINT_ENABLE, ENDPOINT_TEST };

#define KEY_TYPES DB_INT4, DB_INT4, DB_INT4

static const struct db_stmt endpoint_ops_stmts[] = {
	[ENDPOINT_LOCK] = {"endpoint_lock", endpoint_lock_sql, DB_TYPES(KEY_TYPES)},
	[ENDPOINT_ROTATE] = {"endpoint_rotate", endpoint_rotate_sql,
			     DB_TYPES(KEY_TYPES, DB_BYTEA, DB_INT4, DB_INT8)},
	[ENDPOINT_ENABLE] = {"endpoint_enable", endpoint_enable_sql, DB_TYPES(KEY_TYPES)},
	[ENDPOINT_TEST] = {"endpoint_test", endpoint_test_sql,
			   DB_TYPES(KEY_TYPES, DB_UUID, DB_INT2, DB_TEXT)},
};
const struct db_stmt_table endpoint_ops_stmt_table = DB_STMT_TABLE(endpoint_ops_stmts);

static struct db_params *
endpoint_key_add(struct db_unit *u, unsigned stmt, const struct endpoint_key *k)
{
	struct db_params *p = db_unit_add(u, &endpoint_ops_stmts[stmt]);

	db_p_i32(p, k->company_id);
	db_p_i32(p, k->instance_id);
	db_p_i32(p, k->id);
	return p;
}

void
endpoint_rotate_add(struct db_unit *u, const struct endpoint_key *k, struct slice secret_sealed,
		    int32_t overlap_s)
{
	struct db_params *p;

	endpoint_key_add(u, ENDPOINT_LOCK, k);
	p = endpoint_key_add(u, ENDPOINT_ROTATE, k);
	db_p_bytea(p, secret_sealed);
	db_p_i32(p, overlap_s);
	db_p_i64(p, ENDPOINT_PREVIOUS_MAX);
}

bool
endpoint_rotate_done(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt)) > 0;
}

void
endpoint_enable_add(struct db_unit *u, const struct endpoint_key *k)
{
	endpoint_key_add(u, ENDPOINT_ENABLE, k);
}

void
endpoint_test_add(struct db_unit *u, const struct endpoint_key *k, struct uuid event_id,
		  struct slice facts)
{
	struct db_params *p = endpoint_key_add(u, ENDPOINT_TEST, k);

	db_p_uuid(p, event_id);
	db_p_i16(p, EVENT_WEBHOOK_TEST);
	db_p_text(p, facts);
}

bool
endpoint_test_done(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt)) > 0;
}
