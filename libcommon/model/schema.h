/* schema.h - which migrations the database has, and which this binary needs.
 *
 * growhubctl migrate records each file of schema/ as a row of schema_migrations.
 * Migrations only go forward and stay usable by the release before, so a database
 * that is newer than the binary is fine and an older one is not.
 */
#ifndef GH_MODEL_SCHEMA_H
#define GH_MODEL_SCHEMA_H

#include <stdint.h>

#include "db/db.h"

/* Number of the newest file in schema/ (checked by tests/unit/test_schema.c). */
#define SCHEMA_VERSION 3

/* Read the newest version. Where nothing was ever migrated the unit fails with SQLSTATE
 * SCHEMA_NO_TABLE: that is version 0. Use a connection with db_conf.unprepared for that. */
#define SCHEMA_NO_TABLE "42P01"
void schema_version_add(struct db_unit *u);
int64_t schema_version_of(const struct db_unit *u, unsigned stmt);

/* For growhubctl migrate, which runs them on a blocking connection (db/script.h). */
extern const char schema_lock_sql[];    /* wait until no other migration runs */
extern const char schema_exists_sql[];  /* one column: the table of versions, or NULL */
extern const char schema_create_sql[];  /* make that table */
extern const char schema_applied_sql[]; /* version, name, checksum, in order of version */
extern const char schema_record_sql[];  /* $1 version, $2 name, $3 checksum */

extern const struct db_stmt_table schema_stmt_table;

#endif
