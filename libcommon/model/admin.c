#include "model/admin.h"

#include "base/arena.h"

static const char admin_find_sql[] =
	"SELECT id, name, email, password_hash, is_superadmin, status = 'active'\n"
	"FROM admins WHERE lower(email) = lower($1)";

/* A changed password ends the sessions that the old one opened. */
static const char admin_upsert_sql[] =
	"WITH a AS (\n"
	"  INSERT INTO admins (email, name, password_hash) VALUES ($1, coalesce($2, $1), $3)\n"
	"  ON CONFLICT (lower(email)) DO UPDATE SET name = coalesce($2, admins.name),\n"
	"      password_hash = excluded.password_hash, status = 'active', is_superadmin = true,\n"
	"      updated_at = now()\n"
	"  RETURNING id, xmax = 0 AS is_new\n"
	"), s AS (\n"
	"  UPDATE admin_sessions SET revoked_at = now()\n"
	"  WHERE admin_id = (SELECT id FROM a) AND revoked_at IS NULL\n"
	")\n"
	"SELECT id, is_new FROM a";

enum { ADMIN_FIND, ADMIN_UPSERT };

static const struct db_stmt admin_stmts[] = {
	[ADMIN_FIND] = {"admin_find", admin_find_sql, DB_TYPES(DB_TEXT)},
	[ADMIN_UPSERT] = {"admin_upsert", admin_upsert_sql, DB_TYPES(DB_TEXT, DB_TEXT, DB_TEXT)},
};
const struct db_stmt_table admin_stmt_table = DB_STMT_TABLE(admin_stmts);

bool
admin_email_is_valid(struct slice email)
{
	struct slice domain, label;
	struct slice local = slice_cut(email, '@', &domain);
	unsigned label_count = 0;

	if (email.n > ADMIN_EMAIL_MAX || local.n == 0 || domain.p == NULL ||
	    slice_index(domain, '@') >= 0)
		return false;
	for (size_t i = 0; i < email.n; i++) {
		if (email.p[i] <= ' ' || email.p[i] > '~')
			return false;
	}
	while (domain.p != NULL) {
		label = slice_cut(domain, '.', &domain);
		if (label.n == 0)
			return false;
		label_count++;
	}
	return label_count >= 2;
}

void
admin_find_add(struct db_unit *u, struct slice email)
{
	db_p_text(db_unit_add(u, &admin_stmts[ADMIN_FIND]), email);
}

bool
admin_find_row(const struct db_unit *u, unsigned stmt, struct arena *a, struct admin_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	if (db_row_count(r) == 0)
		return false;
	row->id = db_get_i32(r, 0, 0);
	row->name = arena_dup(a, db_get_slice(r, 0, 1));
	row->email = arena_dup(a, db_get_slice(r, 0, 2));
	row->password_hash = arena_dup(a, db_get_slice(r, 0, 3));
	row->is_superadmin = db_get_bool(r, 0, 4);
	row->is_active = db_get_bool(r, 0, 5);
	return true;
}

void
admin_upsert_add(struct db_unit *u, struct slice email, struct slice name,
		 struct slice password_hash)
{
	struct db_params *p = db_unit_add(u, &admin_stmts[ADMIN_UPSERT]);

	db_p_text(p, email);
	db_p_text(p, name);
	db_p_text(p, password_hash);
}

int32_t
admin_upsert_id(const struct db_unit *u, unsigned stmt, bool *is_new)
{
	const struct db_result *r = db_unit_result(u, stmt);

	*is_new = db_get_bool(r, 0, 1);
	return db_get_i32(r, 0, 0);
}
