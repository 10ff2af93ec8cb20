#include "db/script.h"

#include <string.h>

#include <libpq-fe.h>

#include "base/mem.h"
#include "db/internal.h"

#define SCRIPT_COLUMNS_MAX 64
#define SCRIPT_PARAMS_MAX  16
#define CONNECT_TIMEOUT_S  "10"

struct db_script {
	PGconn *pg;
};

/* The server's message without the newline libpq ends it with. */
static enum gh_code
script_fail(struct gh_err *err, enum gh_code code, const char *message)
{
	size_t n = strlen(message);

	while (n > 0 && message[n - 1] == '\n')
		n--;
	return gh_fail(err, code, "%.*s", (int)n, message);
}

enum gh_code
db_script_open(struct db_script **out, const char *url, const char *application_name,
	       struct gh_err *err)
{
	/* The last one of a keyword counts; what the url says stands behind our default. */
	const char *const keywords[] = {"connect_timeout", "dbname", "application_name",
					"client_encoding", NULL};
	const char *const values[] = {CONNECT_TIMEOUT_S, url, application_name, "UTF8", NULL};
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	struct db_script *s;

	*out = NULL;
	if (options == NULL) /* libpq's reason could quote the password */
		return gh_fail(err, GH_EINVAL, "not a PostgreSQL connection string");
	PQconninfoFree(options);
	s = gh_alloc(sizeof(*s));
	s->pg = PQconnectdbParams(keywords, values, 1);
	if (PQstatus(s->pg) != CONNECTION_OK) {
		enum gh_code rc = script_fail(err, GH_ETEMP, PQerrorMessage(s->pg));

		db_script_close(s);
		return rc;
	}
	*out = s;
	return GH_OK;
}

void
db_script_close(struct db_script *s)
{
	if (s == NULL)
		return;
	PQfinish(s->pg);
	gh_free(s);
}

/* Takes pg, a result that is an error. */
static enum gh_code
script_take_error(PGresult *pg, struct gh_err *err)
{
	const char *state = PQresultErrorField(pg, PG_DIAG_SQLSTATE);
	struct db_error e = {.cls = state != NULL ? db_error_class(state) : DB_ERR_LOST};
	enum gh_code rc;

	for (unsigned i = 0; state != NULL && i < sizeof(e.sqlstate) - 1 && state[i] != '\0'; i++)
		e.sqlstate[i] = state[i];
	rc = script_fail(err, db_error_code(&e), PQresultErrorMessage(pg));
	PQclear(pg);
	return rc;
}

static bool
is_success(const PGresult *pg)
{
	ExecStatusType status = PQresultStatus(pg);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	       status == PGRES_EMPTY_QUERY;
}

enum gh_code
db_script_run(struct db_script *s, const char *sql, struct gh_err *err)
{
	PGresult *pg = PQexec(s->pg, sql);

	if (!is_success(pg))
		return script_take_error(pg, err);
	PQclear(pg);
	return GH_OK;
}

enum gh_code
db_script_query(struct db_script *s, const char *sql, const char *const *params,
		unsigned param_count, db_script_row_fn *fn, void *arg, struct gh_err *err)
{
	struct slice columns[SCRIPT_COLUMNS_MAX];
	PGresult *pg;
	int count;

	if (param_count > SCRIPT_PARAMS_MAX)
		gh_panic("db: more than %d parameters", SCRIPT_PARAMS_MAX);
	pg = PQexecParams(s->pg, sql, (int)param_count, NULL, params, NULL, NULL, 0);
	if (!is_success(pg))
		return script_take_error(pg, err);
	count = PQnfields(pg);
	if (count > SCRIPT_COLUMNS_MAX)
		gh_panic("db: more than %d columns", SCRIPT_COLUMNS_MAX);
	for (int row = 0; fn != NULL && row < PQntuples(pg); row++) {
		for (int col = 0; col < count; col++)
			columns[col] = PQgetisnull(pg, row, col)
					       ? SLICE_NONE
					       : slice_make(PQgetvalue(pg, row, col),
							    (size_t)PQgetlength(pg, row, col));
		fn(arg, columns, (unsigned)count);
	}
	PQclear(pg);
	return GH_OK;
}
