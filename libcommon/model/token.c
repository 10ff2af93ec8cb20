#include "model/token.h"

static const char token_find_sql[] =
	"SELECT t.token_hash, CASE t.kind WHEN 'company' THEN 2 ELSE 3 END, 0,\n"
	"    t.company_id, coalesce(t.instance_id, 0), c.status = 'active',\n"
	"    coalesce(i.status = 'deleted', false), c.rate_per_minute, c.rate_per_hour,\n"
	"    t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute'\n"
	"FROM tokens t\n"
	"JOIN companies c ON c.id = t.company_id\n"
	"LEFT JOIN instances i ON i.id = t.instance_id\n"
	"WHERE t.token_hash = ANY ($1)\n"
	"  AND (t.revoked_at IS NULL OR i.status = 'deleted')\n"
	"  AND (t.expires_at IS NULL OR t.expires_at > now())\n"
	"UNION ALL\n"
	"SELECT s.token_hash, 1, s.admin_id, 0, 0, true, false, 0, 0, false\n"
	"FROM admin_sessions s\n"
	"JOIN admins a ON a.id = s.admin_id AND a.status = 'active'\n"
	"WHERE s.token_hash = ANY ($1) AND s.revoked_at IS NULL AND s.expires_at > now()";

static const char token_touch_sql[] =
	"WITH due AS (SELECT token_hash FROM tokens WHERE token_hash = ANY ($1)\n"
	"             ORDER BY token_hash FOR UPDATE)\n"
	"UPDATE tokens t SET last_used_at = now() FROM due\n"
	"WHERE t.token_hash = due.token_hash";

enum { TOKEN_FIND, TOKEN_TOUCH };

static const struct db_stmt token_stmts[] = {
	[TOKEN_FIND] = {"token_find", token_find_sql, DB_TYPES(DB_BYTEA_ARRAY)},
	[TOKEN_TOUCH] = {"token_touch", token_touch_sql, DB_TYPES(DB_BYTEA_ARRAY)},
};
const struct db_stmt_table token_stmt_table = DB_STMT_TABLE(token_stmts);

static void
add_hashes(struct db_params *p, const struct slice *hashes, unsigned count)
{
	struct db_arr *a = db_p_array(p, DB_BYTEA, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_bytea(a, hashes[i]);
}

void
token_find_add(struct db_unit *u, const struct slice *hashes, unsigned count)
{
	add_hashes(db_unit_add(u, &token_stmts[TOKEN_FIND]), hashes, count);
}

unsigned
token_find_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
token_find_row(const struct db_unit *u, unsigned stmt, unsigned i, struct token_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->hash = db_get_slice(r, i, 0);
	row->kind = (enum token_kind)db_get_i32(r, i, 1);
	row->admin_id = db_get_i32(r, i, 2);
	row->company_id = db_get_i32(r, i, 3);
	row->instance_id = db_get_i32(r, i, 4);
	row->is_company_active = db_get_bool(r, i, 5);
	row->is_instance_deleted = db_get_bool(r, i, 6);
	row->rate_per_minute = db_get_i32(r, i, 7);
	row->rate_per_hour = db_get_i32(r, i, 8);
	row->is_touch_due = db_get_bool(r, i, 9);
}

void
token_touch_add(struct db_unit *u, const struct slice *hashes, unsigned count)
{
	add_hashes(db_unit_add(u, &token_stmts[TOKEN_TOUCH]), hashes, count);
}
