#include "model/leadership.h"

static const char leadership_try_sql[] = "SELECT t.key, pg_try_advisory_lock(2, t.key)\n"
					 "FROM unnest($1::int4[]) AS t(key)";

static const struct db_stmt leadership_stmts[] = {
	{"leadership_try", leadership_try_sql, DB_TYPES(DB_INT4_ARRAY)},
};
const struct db_stmt_table leadership_stmt_table = DB_STMT_TABLE(leadership_stmts);

_Static_assert(LEADERSHIP_LOCK_SPACE == 2, "the statement above names it");

void
leadership_try_add(struct db_unit *u, const int32_t *keys, unsigned count)
{
	struct db_params *p = db_unit_add(u, &leadership_stmts[0]);
	struct db_arr *key = db_p_array(p, DB_INT4, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_i32(key, keys[i]);
}

bool
leadership_is_taken(const struct db_unit *u, unsigned stmt, int32_t key)
{
	const struct db_result *r = db_unit_result(u, stmt);
	unsigned count = db_row_count(r);

	for (unsigned i = 0; i < count; i++)
		if (db_get_i32(r, i, 0) == key)
			return db_get_bool(r, i, 1);
	return false;
}
