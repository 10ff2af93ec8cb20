/* inbound_store.c - the gateway's half of inbound.h: raw bodies, deduplicated and hinted. */
#include "model/inbound.h"

static const char inbound_store_sql[] =
	"WITH r AS (\n"
	"  SELECT * FROM unnest($1::uuid[], $2::text[], $3::int4[], $4::int4[], $5::text[],\n"
	"      $6::bytea[])\n"
	"    AS t(id, provider_type, company_id, instance_id, event_key, body)\n"
	"), d AS (\n"
	"  INSERT INTO inbound_dedupe (instance_id, event_key)\n"
	"  SELECT r.instance_id, r.event_key FROM r WHERE r.event_key IS NOT NULL\n"
	"  ORDER BY r.instance_id, r.event_key\n"
	"  ON CONFLICT DO NOTHING\n"
	"  RETURNING instance_id, event_key\n"
	"), e AS (\n"
	"  INSERT INTO inbound_events (id, provider_type, company_id, instance_id, body)\n"
	"  SELECT DISTINCT ON (r.instance_id, coalesce(r.event_key, r.id::text))\n"
	"         r.id, r.provider_type, r.company_id, r.instance_id, r.body\n"
	"  FROM r\n"
	"  WHERE r.event_key IS NULL\n"
	"     OR (r.instance_id, r.event_key) IN (SELECT d.instance_id, d.event_key FROM d)\n"
	"  ORDER BY r.instance_id, coalesce(r.event_key, r.id::text), r.id\n"
	"  ON CONFLICT (id) DO NOTHING\n"
	"  RETURNING id, company_id, instance_id\n"
	"), q AS (\n"
	"  INSERT INTO inbound_queue (id, company_id, instance_id)\n"
	"  SELECT e.id, e.company_id, e.instance_id FROM e\n"
	"), hint AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"  SELECT DISTINCT 2, 2, e.company_id, e.instance_id FROM e\n"
	")\n"
	"SELECT e.id FROM e";

enum { INBOUND_STORE };

static const struct db_stmt inbound_store_stmts[] = {
	[INBOUND_STORE] = {"inbound_store", inbound_store_sql,
			   DB_TYPES(DB_UUID_ARRAY, DB_TEXT_ARRAY, DB_INT4_ARRAY, DB_INT4_ARRAY,
				    DB_TEXT_ARRAY, DB_BYTEA_ARRAY)},
};
const struct db_stmt_table inbound_store_stmt_table = DB_STMT_TABLE(inbound_store_stmts);

void
inbound_store_add(struct db_unit *u, const struct inbound_new *const *rows, unsigned count)
{
	struct db_params *p = db_unit_add(u, &inbound_store_stmts[INBOUND_STORE]);
	struct db_arr *id = db_p_array(p, DB_UUID, count);
	struct db_arr *provider_type = db_p_array(p, DB_TEXT, count);
	struct db_arr *company_id = db_p_array(p, DB_INT4, count);
	struct db_arr *instance_id = db_p_array(p, DB_INT4, count);
	struct db_arr *event_key = db_p_array(p, DB_TEXT, count);
	struct db_arr *body = db_p_array(p, DB_BYTEA, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid(id, rows[i]->id);
		db_arr_text(provider_type, rows[i]->provider_type);
		db_arr_i32(company_id, rows[i]->company_id);
		db_arr_i32(instance_id, rows[i]->instance_id);
		db_arr_text(event_key, rows[i]->event_key);
		db_arr_bytea(body, rows[i]->body);
	}
}
