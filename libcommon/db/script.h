/* script.h - a blocking connection for command-line tools: migrations.
 *
 * Everything here blocks until the server has answered: never in a daemon. It exists because a
 * migration is a file of many statements, which only the simple query protocol takes, while
 * db.h prepares every statement.
 */
#ifndef GH_DB_SCRIPT_H
#define GH_DB_SCRIPT_H

#include "base/err.h"

struct script;

/* Connect. GH_ETEMP (err filled, *out NULL) when no server answers or refuses. */
enum gh_code script_open(struct script **out, const char *url, const char *application_name,
			 struct gh_err *err) GH_MUST_USE;
/* NULL is legal. An open transaction is rolled back by the server. */
void script_close(struct script *s);

/* Run text of any number of statements. GH_EINVAL when one failed (err says which line),
 * GH_ETEMP when the connection was lost. Outside script_begin the text is one transaction. */
enum gh_code script_run(struct script *s, const char *text, struct gh_err *err) GH_MUST_USE;

/* One row of a result: columns as text, NULL for SQL NULL; valid during the call. */
typedef void script_row_fn(void *arg, const char *const *columns, unsigned count);
/* Run one statement with count (at most SCRIPT_PARAMS_MAX) text parameters; row (may be
 * NULL) gets each row. Errors as script_run. */
#define SCRIPT_PARAMS_MAX  8
#define SCRIPT_COLUMNS_MAX 16
enum gh_code script_query(struct script *s, const char *sql, const char *const *params,
			  unsigned count, script_row_fn *row, void *arg,
			  struct gh_err *err) GH_MUST_USE;

enum gh_code script_begin(struct script *s, struct gh_err *err) GH_MUST_USE;
enum gh_code script_commit(struct script *s, struct gh_err *err) GH_MUST_USE;
/* After a failure; its own failure has nothing to add. */
void script_rollback(struct script *s);

#endif
