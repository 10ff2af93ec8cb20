#include "model/async_commit.h"

static const struct db_stmt async_commit_stmts[] = {
	{"async_commit", "SELECT set_config('synchronous_commit', 'off', true)", DB_NO_PARAMS},
};
const struct db_stmt_table async_commit_stmt_table = DB_STMT_TABLE(async_commit_stmts);

void
async_commit_add(struct db_unit *u)
{
	db_unit_add(u, &async_commit_stmts[0]);
}
