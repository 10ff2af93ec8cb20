#include "model/webhook_key.h"

static const char webhook_key_find_sql[] =
	"SELECT k.key_hash, k.provider_type, k.hmac_secret_sealed, k.company_id, k.instance_id,\n"
	"       CASE WHEN k.provider_id = i.provider_id THEN i.session_key_sealed\n"
	"            WHEN m.switched_at IS NULL THEN m.to_key_sealed ELSE m.from_key_sealed END\n"
	"FROM webhook_keys k JOIN instances i ON i.id = k.instance_id\n"
	/* Of a session that it moves to, or has moved from. */
	"LEFT JOIN instance_moves m ON m.instance_id = i.id AND m.finished_at IS NULL\n"
	"WHERE k.key_hash = ANY ($1::bytea[]) AND k.revoked_at IS NULL\n"
	"  AND k.company_id IS NOT NULL";

static const struct db_stmt webhook_key_stmts[] = {
	{"webhook_key_find", webhook_key_find_sql, DB_TYPES(DB_BYTEA_ARRAY)},
};
const struct db_stmt_table webhook_key_stmt_table = DB_STMT_TABLE(webhook_key_stmts);

void
webhook_key_find_add(struct db_unit *u, const struct slice *hashes, unsigned count)
{
	struct db_arr *a = db_p_array(db_unit_add(u, &webhook_key_stmts[0]), DB_BYTEA, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_bytea(a, hashes[i]);
}

unsigned
webhook_key_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
webhook_key_read(const struct db_unit *u, unsigned stmt, unsigned i, struct webhook_key_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->key_hash = db_get_slice(r, i, 0);
	row->provider_type = db_get_slice(r, i, 1);
	row->hmac_sealed = db_get_slice(r, i, 2);
	row->company_id = db_get_i32(r, i, 3);
	row->instance_id = db_get_i32(r, i, 4);
	row->session_key_sealed = db_get_slice(r, i, 5);
}
