#include "model/company.h"

#include "model/id_page.h"

#define COLUMNS "id, name, status, rate_per_minute, rate_per_hour, created_at, updated_at"

static const char company_insert_sql[] =
	"WITH c AS (\n"
	"  INSERT INTO companies (name, status, rate_per_minute, rate_per_hour)\n"
	"  VALUES ($1, $2, $3, $4) RETURNING " COLUMNS "\n"
	"), t AS (\n"
	"  INSERT INTO tokens (token_hash, kind, company_id) SELECT $5, 'company', c.id FROM c\n"
	")\n"
	"SELECT " COLUMNS " FROM c";

static const char company_get_sql[] = "SELECT " COLUMNS " FROM companies WHERE id = $1";

static const char company_list_sql[] =
	ID_PAGE_SQL("SELECT " COLUMNS " FROM companies\n",
		    "CASE WHEN $1::text IS NULL THEN status <> 'deleted' ELSE status = $1 END",
		    "id", "$2", "$3", "$4", "$5");

static const char company_count_sql[] =
	"SELECT count(*) FROM (SELECT 1 FROM companies\n"
	"  WHERE CASE WHEN $1::text IS NULL THEN status <> 'deleted' ELSE status = $1 END\n"
	"  LIMIT 10001) n";

static const char company_update_sql[] =
	"WITH c AS (\n"
	"  UPDATE companies SET name = coalesce($2, name), status = coalesce($3, status),\n"
	"      rate_per_minute = coalesce(nullif($4::int4, 0), rate_per_minute),\n"
	"      rate_per_hour = coalesce(nullif($5::int4, 0), rate_per_hour), updated_at = now()\n"
	"  WHERE id = $1 AND status <> 'deleted' RETURNING " COLUMNS "\n"
	"), hint AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"  SELECT 1, 2, i.company_id, i.id FROM instances i\n"
	"  WHERE i.company_id = $1 AND $3 = 'active' AND i.status = 'connected'\n"
	"    AND (EXISTS (SELECT 1 FROM send_queue q\n"
	"                 WHERE q.instance_id = i.id AND q.state = 0 OFFSET 0)\n"
	"      OR EXISTS (SELECT 1 FROM send_queue q\n"
	"                 WHERE q.instance_id = i.id AND q.state IN (2, 4) OFFSET 0))\n"
	")\n"
	"SELECT " COLUMNS " FROM c";

static const char company_delete_sql[] =
	"WITH t AS (\n"
	"  UPDATE tokens SET revoked_at = now() WHERE company_id = $1 AND revoked_at IS NULL\n"
	")\n"
	"UPDATE companies SET status = 'deleted', deleted_at = coalesce(deleted_at, now()),\n"
	"    updated_at = now()\n"
	"WHERE id = $1 RETURNING " COLUMNS;

/* A statement of its own before the rotation: the next statement's snapshot then sees the token
 * of a rotation that this one waited for. */
static const char company_lock_sql[] = "SELECT 1 FROM companies WHERE id = $1 FOR UPDATE";

static const char company_rotate_sql[] =
	"WITH c AS (\n"
	"  SELECT " COLUMNS " FROM companies WHERE id = $1 AND status <> 'deleted'\n"
	"), ended AS (\n"
	"  UPDATE tokens t\n"
	"  SET expires_at = CASE WHEN expires_at IS NULL THEN now() + $3::int4 * interval '1 s'\n"
	"                        ELSE now() END\n"
	"  FROM c\n"
	"  WHERE t.company_id = c.id AND t.instance_id IS NULL AND t.revoked_at IS NULL\n"
	"    AND (t.expires_at IS NULL OR t.expires_at > now())\n"
	"), t AS (\n"
	"  INSERT INTO tokens (token_hash, kind, company_id) SELECT $2, 'company', c.id FROM c\n"
	")\n"
	"SELECT " COLUMNS " FROM c";

enum {
	COMPANY_INSERT,
	COMPANY_GET,
	COMPANY_LIST,
	COMPANY_COUNT,
	COMPANY_UPDATE,
	COMPANY_DELETE,
	COMPANY_LOCK,
	COMPANY_ROTATE
};

static const struct db_stmt company_stmts[] = {
	[COMPANY_INSERT] = {"company_insert", company_insert_sql,
			    DB_TYPES(DB_TEXT, DB_TEXT, DB_INT4, DB_INT4, DB_BYTEA)},
	[COMPANY_GET] = {"company_get", company_get_sql, DB_TYPES(DB_INT4)},
	[COMPANY_LIST] = {"company_list", company_list_sql, DB_TYPES(DB_TEXT, ID_PAGE_TYPES)},
	[COMPANY_COUNT] = {"company_count", company_count_sql, DB_TYPES(DB_TEXT)},
	[COMPANY_UPDATE] = {"company_update", company_update_sql,
			    DB_TYPES(DB_INT4, DB_TEXT, DB_TEXT, DB_INT4, DB_INT4)},
	[COMPANY_DELETE] = {"company_delete", company_delete_sql, DB_TYPES(DB_INT4)},
	[COMPANY_LOCK] = {"company_lock", company_lock_sql, DB_TYPES(DB_INT4)},
	[COMPANY_ROTATE] = {"company_rotate", company_rotate_sql,
			    DB_TYPES(DB_INT4, DB_BYTEA, DB_INT4)},
};
const struct db_stmt_table company_stmt_table = DB_STMT_TABLE(company_stmts);

bool
company_status_is_known(struct slice status)
{
	return slice_eq(status, S("active")) || slice_eq(status, S("inactive")) ||
	       slice_eq(status, S("suspended")) || slice_eq(status, S("deleted"));
}

void
company_insert_add(struct db_unit *u, const struct company_change *c, struct slice token_hash)
{
	struct db_params *p = db_unit_add(u, &company_stmts[COMPANY_INSERT]);

	db_p_text(p, c->name);
	db_p_text(p, c->status);
	db_p_i32(p, c->rate_per_minute);
	db_p_i32(p, c->rate_per_hour);
	db_p_bytea(p, token_hash);
}

void
company_get_add(struct db_unit *u, int32_t id)
{
	db_p_i32(db_unit_add(u, &company_stmts[COMPANY_GET]), id);
}

void
company_list_add(struct db_unit *u, struct slice status, const struct id_page *page)
{
	struct db_params *p = db_unit_add(u, &company_stmts[COMPANY_LIST]);

	db_p_text(p, status);
	id_page_add(p, page);
}

void
company_count_add(struct db_unit *u, struct slice status)
{
	db_p_text(db_unit_add(u, &company_stmts[COMPANY_COUNT]), status);
}

int64_t
company_count(const struct db_unit *u, unsigned stmt)
{
	return db_get_i64(db_unit_result(u, stmt), 0, 0);
}

void
company_update_add(struct db_unit *u, int32_t id, const struct company_change *c)
{
	struct db_params *p = db_unit_add(u, &company_stmts[COMPANY_UPDATE]);

	db_p_i32(p, id);
	db_p_text(p, c->name);
	db_p_text(p, c->status);
	db_p_i32(p, c->rate_per_minute);
	db_p_i32(p, c->rate_per_hour);
}

void
company_delete_add(struct db_unit *u, int32_t id)
{
	db_p_i32(db_unit_add(u, &company_stmts[COMPANY_DELETE]), id);
}

void
company_rotate_add(struct db_unit *u, int32_t id, struct slice token_hash, int32_t overlap_s)
{
	struct db_params *p = db_unit_add(u, &company_stmts[COMPANY_LOCK]);

	db_p_i32(p, id);
	p = db_unit_add(u, &company_stmts[COMPANY_ROTATE]);
	db_p_i32(p, id);
	db_p_bytea(p, token_hash);
	db_p_i32(p, overlap_s);
}

unsigned
company_row_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
company_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct company_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->id = db_get_i32(r, i, 0);
	row->name = db_get_slice(r, i, 1);
	row->status = db_get_slice(r, i, 2);
	row->rate_per_minute = db_get_i32(r, i, 3);
	row->rate_per_hour = db_get_i32(r, i, 4);
	row->created_at_us = db_get_time_us(r, i, 5);
	row->updated_at_us = db_get_time_us(r, i, 6);
}
