#include "model/instance_lock.h"

static const char instance_lock_sql[] =
	"SELECT pg_advisory_xact_lock(1, s.id)\n"
	"FROM (SELECT DISTINCT w.id FROM unnest($1::int4[]) AS w(id) ORDER BY w.id) s";

static const struct db_stmt instance_lock_stmts[] = {
	{"instance_lock", instance_lock_sql, DB_TYPES(DB_INT4_ARRAY)},
};
const struct db_stmt_table instance_lock_stmt_table = DB_STMT_TABLE(instance_lock_stmts);

_Static_assert(INSTANCE_LOCK_SPACE == 1, "the statement above names it");

void
instance_lock_add(struct db_unit *u, const int32_t *instance_ids, unsigned count)
{
	struct db_params *p = db_unit_add(u, &instance_lock_stmts[0]);
	struct db_arr *ids = db_p_array(p, DB_INT4, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_i32(ids, instance_ids[i]);
}
