#include "db/script.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/slice.h"

struct script {
	PGconn *pg;
};

/* Libpq's text without the newline at its end. */
static enum gh_code
fail_connection(const struct script *s, struct gh_err *err)
{
	const char *text = PQerrorMessage(s->pg);

	return gh_fail(err, GH_ETEMP, "%.*s", (int)strcspn(text, "\n"), text);
}

static void
on_notice(void *arg, const PGresult *r)
{
	(void)arg;
	log_debug("script.notice", LOG_STR("err", PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY)));
}

enum gh_code
script_open(struct script **out, const char *url, const char *application_name, struct gh_err *err)
{
	/* dbname takes a whole connection string; what it says itself goes before the rest. */
	const char *const keywords[] = {"dbname", "fallback_application_name", "connect_timeout",
					NULL};
	const char *const values[] = {url, application_name, "10", NULL};
	struct script *s = gh_alloc(sizeof(*s));

	*out = NULL;
	s->pg = PQconnectdbParams(keywords, values, 1);
	if (PQstatus(s->pg) != CONNECTION_OK) {
		enum gh_code rc = fail_connection(s, err);

		script_close(s);
		return rc;
	}
	(void)PQsetNoticeReceiver(s->pg, on_notice, NULL);
	*out = s;
	return GH_OK;
}

void
script_close(struct script *s)
{
	if (s == NULL)
		return;
	PQfinish(s->pg);
	gh_free(s);
}

/* Line of a text that holds the character number `position` (from 1). */
static unsigned
line_of(const char *text, uint64_t position)
{
	unsigned line = 1;

	for (uint64_t i = 1; i < position && *text != '\0'; i++, text++)
		line += *text == '\n';
	return line;
}

/* GH_OK for a result that is one; r may be NULL (connection lost). */
static enum gh_code
check_result(const struct script *s, const PGresult *r, const char *text, struct gh_err *err)
{
	ExecStatusType status = PQresultStatus(r);
	const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *where = PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION);
	uint64_t position;

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return GH_OK;
	if (PQstatus(s->pg) != CONNECTION_OK || message == NULL)
		return fail_connection(s, err);
	if (parse_u64(slice_of(where), 1, INT32_MAX, &position) == GH_OK)
		return gh_fail(err, GH_EINVAL, "line %u: %s", line_of(text, position), message);
	return gh_fail(err, GH_EINVAL, "%s", message);
}

enum gh_code
script_run(struct script *s, const char *text, struct gh_err *err)
{
	PGresult *r = PQexec(s->pg, text);
	enum gh_code rc = check_result(s, r, text, err);

	PQclear(r);
	return rc;
}

enum gh_code
script_query(struct script *s, const char *sql, const char *const *params, unsigned count,
	     script_row_fn *row, void *arg, struct gh_err *err)
{
	const char *columns[SCRIPT_COLUMNS_MAX];
	PGresult *r;
	enum gh_code rc;

	if (count > SCRIPT_PARAMS_MAX)
		gh_panic("script: %u parameters", count);
	r = PQexecParams(s->pg, sql, (int)count, NULL, params, NULL, NULL, 0);
	rc = check_result(s, r, sql, err);
	if (PQnfields(r) > SCRIPT_COLUMNS_MAX)
		gh_panic("script: %d columns", PQnfields(r));
	for (int i = 0; rc == GH_OK && row != NULL && i < PQntuples(r); i++) {
		for (int c = 0; c < PQnfields(r); c++)
			columns[c] = PQgetisnull(r, i, c) ? NULL : PQgetvalue(r, i, c);
		row(arg, columns, (unsigned)PQnfields(r));
	}
	PQclear(r);
	return rc;
}

enum gh_code
script_begin(struct script *s, struct gh_err *err)
{
	return script_run(s, "BEGIN", err);
}

enum gh_code
script_commit(struct script *s, struct gh_err *err)
{
	enum gh_code rc = script_run(s, "COMMIT", err);

	/* A failed transaction answers COMMIT with a successful ROLLBACK. */
	if (rc == GH_OK && PQtransactionStatus(s->pg) != PQTRANS_IDLE)
		return gh_fail(err, GH_EINTERNAL, "the transaction did not end");
	return rc;
}

void
script_rollback(struct script *s)
{
	PQclear(PQexec(s->pg, "ROLLBACK"));
}
