/* script.h - a blocking connection for command-line tools: migrations and the like.
 *
 * Never for a daemon: every call waits for the server, name resolution included. Values
 * travel as text, so that whole files with many statements can be run.
 */
#ifndef GH_DB_SCRIPT_H
#define GH_DB_SCRIPT_H

#include "base/err.h"
#include "base/slice.h"

struct db_script;

/* Connect within 10 s. GH_ETEMP when no server answers, GH_EINVAL for a bad url; err filled. */
enum gh_code db_script_open(struct db_script **out, const char *url, const char *application_name,
			    struct gh_err *err) GH_MUST_USE;
void db_script_close(struct db_script *s); /* NULL is legal */

/* Run text of one or many statements; without BEGIN in it all of it is one transaction. On
 * failure err holds the server's message and the line it points at; the code is that of db.h's
 * classes (GH_EINTERNAL for wrong SQL). */
enum gh_code db_script_run(struct db_script *s, const char *sql, struct gh_err *err) GH_MUST_USE;

/* One row: columns as text, SLICE_NONE for NULL; valid during the call. */
typedef void db_script_row_fn(void *arg, const struct slice *columns, unsigned count);

/* Run one statement with text parameters ($1...; a NULL pointer is SQL NULL), at most 16 of
 * them, and give every row to fn (NULL: rows are ignored). */
enum gh_code db_script_query(struct db_script *s, const char *sql, const char *const *params,
			     unsigned param_count, db_script_row_fn *fn, void *arg,
			     struct gh_err *err) GH_MUST_USE;

#endif
