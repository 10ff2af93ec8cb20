#include "model/admin_session.h"

#define COLUMNS                                                                                    \
	"a.id, a.name, a.email, a.status, a.is_superadmin, a.last_login, a.created_at,\n"          \
	"    a.updated_at, a.password_hash"

static const char admin_session_login_sql[] =
	"WITH a AS (\n"
	"  UPDATE admins SET last_login = now() WHERE id = $1 AND status = 'active' RETURNING *\n"
	"), s AS (\n"
	"  INSERT INTO admin_sessions (token_hash, admin_id, expires_at)\n"
	"  SELECT $2, a.id, now() + $3::int8 * interval '1 us' FROM a\n"
	")\n"
	"SELECT " COLUMNS " FROM a";

static const char admin_session_get_sql[] = "SELECT " COLUMNS " FROM admins a WHERE a.id = $1";

static const char admin_session_password_sql[] =
	"WITH a AS (\n"
	"  UPDATE admins SET password_hash = $3, updated_at = now()\n"
	"  WHERE id = $1 AND password_hash = $2 AND status = 'active' RETURNING *\n"
	"), ended AS (\n"
	"  UPDATE admin_sessions s SET revoked_at = now() FROM a\n"
	"  WHERE s.admin_id = a.id AND s.revoked_at IS NULL\n"
	"), s AS (\n"
	"  INSERT INTO admin_sessions (token_hash, admin_id, expires_at)\n"
	"  SELECT $4, a.id, now() + $5::int8 * interval '1 us' FROM a\n"
	")\n"
	"SELECT " COLUMNS " FROM a";

enum { ADMIN_SESSION_LOGIN, ADMIN_SESSION_GET, ADMIN_SESSION_PASSWORD };

static const struct db_stmt admin_session_stmts[] = {
	[ADMIN_SESSION_LOGIN] = {"admin_session_login", admin_session_login_sql,
				 DB_TYPES(DB_INT4, DB_BYTEA, DB_INT8)},
	[ADMIN_SESSION_GET] = {"admin_session_get", admin_session_get_sql, DB_TYPES(DB_INT4)},
	[ADMIN_SESSION_PASSWORD] = {"admin_session_password", admin_session_password_sql,
				    DB_TYPES(DB_INT4, DB_TEXT, DB_TEXT, DB_BYTEA, DB_INT8)},
};
const struct db_stmt_table admin_session_stmt_table = DB_STMT_TABLE(admin_session_stmts);

void
admin_session_login_add(struct db_unit *u, int32_t admin_id, struct slice token_hash,
			int64_t ttl_us)
{
	struct db_params *p = db_unit_add(u, &admin_session_stmts[ADMIN_SESSION_LOGIN]);

	db_p_i32(p, admin_id);
	db_p_bytea(p, token_hash);
	db_p_i64(p, ttl_us);
}

void
admin_session_get_add(struct db_unit *u, int32_t admin_id)
{
	db_p_i32(db_unit_add(u, &admin_session_stmts[ADMIN_SESSION_GET]), admin_id);
}

void
admin_session_password_add(struct db_unit *u, int32_t admin_id, struct slice old_hash,
			   struct slice new_hash, struct slice token_hash, int64_t ttl_us)
{
	struct db_params *p = db_unit_add(u, &admin_session_stmts[ADMIN_SESSION_PASSWORD]);

	db_p_i32(p, admin_id);
	db_p_text(p, old_hash);
	db_p_text(p, new_hash);
	db_p_bytea(p, token_hash);
	db_p_i64(p, ttl_us);
}

bool
admin_session_row(const struct db_unit *u, unsigned stmt, struct admin_view *v)
{
	const struct db_result *r = db_unit_result(u, stmt);

	if (db_row_count(r) == 0)
		return false;
	v->id = db_get_i32(r, 0, 0);
	v->name = db_get_slice(r, 0, 1);
	v->email = db_get_slice(r, 0, 2);
	v->status = db_get_slice(r, 0, 3);
	v->is_superadmin = db_get_bool(r, 0, 4);
	v->last_login_us = db_get_time_us(r, 0, 5);
	v->created_at_us = db_get_time_us(r, 0, 6);
	v->updated_at_us = db_get_time_us(r, 0, 7);
	v->password_hash = db_get_slice(r, 0, 8);
	return true;
}
