#include "model/partition.h"

static const char partition_ensure_sql[] = "SELECT growhub_ensure_partitions($1)";

static const struct db_stmt partition_stmts[] = {
	{"partition_ensure", partition_ensure_sql, DB_TYPES(DB_INT4)},
};
const struct db_stmt_table partition_stmt_table = DB_STMT_TABLE(partition_stmts);

void
partition_ensure_add(struct db_unit *u, int32_t months)
{
	db_p_i32(db_unit_add(u, &partition_stmts[0]), months);
}

int64_t
partition_made_count(const struct db_unit *u, unsigned stmt)
{
	return db_get_i64(db_unit_result(u, stmt), 0, 0);
}
