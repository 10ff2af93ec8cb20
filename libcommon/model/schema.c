#include "model/schema.h"

/* Of the session: it ends with the tool's connection, also by a crash. */
const char schema_lock_sql[] = "SELECT pg_advisory_lock(hashtext('growhub_migrate'))::text";

const char schema_exists_sql[] = "SELECT to_regclass('schema_migrations')::text";

const char schema_create_sql[] = "CREATE TABLE schema_migrations (\n"
				 "    version     int PRIMARY KEY,\n"
				 "    name        text NOT NULL,\n"
				 "    checksum    text NOT NULL,\n"
				 "    applied_at  timestamptz NOT NULL DEFAULT now()\n"
				 ")";

const char schema_applied_sql[] =
	"SELECT version::text, name, checksum FROM schema_migrations ORDER BY version";

const char schema_record_sql[] =
	"INSERT INTO schema_migrations (version, name, checksum) VALUES ($1::int, $2, $3)";

static const char schema_version_sql[] =
	"SELECT coalesce(max(version), 0)::int8 FROM schema_migrations";

enum { SCHEMA_READ };

static const struct db_stmt schema_stmts[] = {
	[SCHEMA_READ] = {"schema_version", schema_version_sql, DB_NO_PARAMS},
};
const struct db_stmt_table schema_stmt_table = DB_STMT_TABLE(schema_stmts);

void
schema_version_add(struct db_unit *u)
{
	db_unit_add(u, &schema_stmts[SCHEMA_READ]);
}

int64_t
schema_version_of(const struct db_unit *u, unsigned stmt)
{
	return db_get_i64(db_unit_result(u, stmt), 0, 0);
}
