/* unit.c - units of statements, and what an error of the server means for one. */
#include "db/db.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "db/internal.h"

/* Holds the parameters of a batch of some 50 rows without a second block. */
#define UNIT_ARENA_BYTES (32 * 1024)

const struct db_stmt db_stmt_begin = {"db_begin", "BEGIN", DB_NO_PARAMS};
const struct db_stmt db_stmt_commit = {"db_commit", "COMMIT", DB_NO_PARAMS};
const struct db_stmt db_stmt_rollback = {"db_rollback", "ROLLBACK", DB_NO_PARAMS};

/* ---- errors ---- */

/* First prefix that matches decides: exact states stand before their class. */
static const struct {
	const char *prefix;
	enum db_err_class cls;
} error_classes[] = {
	{"22", DB_ERR_DATA},     {"23", DB_ERR_DATA},         {"40001", DB_ERR_RETRY},
	{"40P01", DB_ERR_RETRY}, {"57014", DB_ERR_TIMEOUT},   {"55P03", DB_ERR_TIMEOUT},
	{"25P03", DB_ERR_LOST},  {"25006", DB_ERR_READ_ONLY}, {"25P02", DB_ERR_ABORTED},
	{"57P", DB_ERR_LOST},    {"08", DB_ERR_LOST},         {"53", DB_ERR_RESOURCE},
	{"58", DB_ERR_RESOURCE},
};

enum db_err_class
db_error_class(const char *sqlstate)
{
	for (size_t i = 0; i < GH_COUNT(error_classes); i++) {
		const char *prefix = error_classes[i].prefix;

		if (strncmp(sqlstate, prefix, strlen(prefix)) == 0)
			return error_classes[i].cls;
	}
	return DB_ERR_BUG;
}

enum gh_code
db_error_code(const struct db_error *e)
{
	switch (e->cls) {
	case DB_ERR_NONE:
		return GH_OK;
	case DB_ERR_DATA:
		return strcmp(e->sqlstate, "23505") == 0 ? GH_ECONFLICT : GH_EINVAL;
	case DB_ERR_LOST:
		return GH_EUNKNOWN;
	case DB_ERR_RETRY:
	case DB_ERR_TIMEOUT:
	case DB_ERR_RESOURCE:
	case DB_ERR_READ_ONLY:
	case DB_ERR_NOT_SENT:
	case DB_ERR_ABORTED:
		return GH_ETEMP;
	case DB_ERR_BUG:
		break;
	}
	return GH_EINTERNAL;
}

static void
error_copy(char *dst, size_t size, const char *src)
{
	(void)snprintf(dst, size, "%s", src != NULL ? src : "");
}

void
db_unit_set_error(struct db_unit *u, const PGresult *pg)
{
	struct db_error *e = &u->error;

	if (e->cls != DB_ERR_NONE)
		return;
	error_copy(e->sqlstate, sizeof(e->sqlstate), PQresultErrorField(pg, PG_DIAG_SQLSTATE));
	error_copy(e->constraint, sizeof(e->constraint),
		   PQresultErrorField(pg, PG_DIAG_CONSTRAINT_NAME));
	error_copy(e->text, sizeof(e->text), PQresultErrorField(pg, PG_DIAG_MESSAGE_PRIMARY));
	e->stmt = u->cursor < u->count ? u->cursor : u->count - 1;
	/* libpq's own errors (broken connection) carry no state. */
	e->cls = e->sqlstate[0] != '\0' ? db_error_class(e->sqlstate) : DB_ERR_LOST;
}

void
db_unit_set_failure(struct db_unit *u, enum db_err_class cls, const char *text)
{
	if (u->error.cls != DB_ERR_NONE)
		return;
	u->error.cls = cls;
	u->error.stmt = u->cursor < u->count ? u->cursor : 0;
	error_copy(u->error.text, sizeof(u->error.text), text);
}

/* ---- units ---- */

struct db_unit *
db_unit_new(void)
{
	struct arena *a = arena_new(UNIT_ARENA_BYTES);
	struct db_unit *u = arena_alloc(a, sizeof(*u));

	u->arena = a;
	u->entries = arena_alloc_array(a, DB_UNIT_STMTS_MAX, sizeof(*u->entries));
	list_init(&u->node);
	return u;
}

void
db_unit_free(struct db_unit *u)
{
	if (u == NULL)
		return;
	for (unsigned i = 0; i < u->count; i++)
		PQclear(u->entries[i].result.pg);
	arena_free(u->arena); /* u itself lives in it */
}

struct arena *
db_unit_arena(struct db_unit *u)
{
	return u->arena;
}

void
db_unit_add_mode(struct db_unit *u, const struct db_stmt *stmt, enum db_mode mode)
{
	if (u->count == DB_UNIT_STMTS_MAX)
		gh_panic("db: more than %d statements in a unit", DB_UNIT_STMTS_MAX);
	u->entries[u->count++] = (struct db_entry){.stmt = stmt, .mode = mode};
}

struct db_params *
db_unit_add(struct db_unit *u, const struct db_stmt *stmt)
{
	struct db_params *p = db_params_new(u->arena, stmt);

	db_unit_add_mode(u, stmt, DB_MODE_EXEC);
	u->entries[u->count - 1].params = p;
	return p;
}

unsigned
db_unit_count(const struct db_unit *u)
{
	return u->count;
}

void
db_unit_set_deadline(struct db_unit *u, int64_t mono_us)
{
	u->deadline_us = mono_us;
}

void
db_unit_bind(struct db_unit *u, uint64_t epoch)
{
	/* Epoch 0 means "was down": nothing that could still match. */
	u->epoch = epoch != 0 ? epoch : UINT64_MAX;
}

const struct db_result *
db_unit_result(const struct db_unit *u, unsigned i)
{
	if (i >= u->count || u->error.cls != DB_ERR_NONE)
		gh_panic("db: result %u of a unit of %u statements", i, u->count);
	return &u->entries[i].result;
}

const struct db_error *
db_unit_error(const struct db_unit *u)
{
	return &u->error;
}

void
db_unit_end(struct db_unit *u)
{
	if (u->done != NULL)
		u->done(u->arg, db_error_code(&u->error), u);
	db_unit_free(u);
}
