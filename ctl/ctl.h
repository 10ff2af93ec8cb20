/* ctl.h - what the files of growhubctl share: commands, exit codes, the session.
 *
 * One file per command group. A command writes results to stdout and complaints to
 * stderr, and returns its exit code. It needs the configuration and the database, never
 * another daemon.
 */
#ifndef GH_CTL_H
#define GH_CTL_H

#include <stdbool.h>

#include "base/err.h"
#include "config/params_common.h"
#include "db/db.h"

enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1, /* the answer is no: not found, refused, a check failed */
	CTL_USAGE = 2,
	CTL_UNAVAILABLE = 69, /* the database does not answer */
	CTL_CONFIG = GH_EXIT_CONFIG
};

struct ctl_command {
	const char *words; /* "config check" */
	const char *usage; /* arguments behind the words */
	const char *help;  /* one line */
	/* What --help of the command shows below: options, examples; ends in a newline. */
	const char *more;
	/* argv[0] is the last of the words; argc counts it. */
	int (*run)(const struct ctl_command *cmd, const char *conf_file, int argc, char **argv);
};

extern const struct ctl_command ctl_migrate, ctl_config_check, ctl_params, ctl_admin_add,
	ctl_message_trace, ctl_instance_move;

/* Complain on stderr with the usage line; returns CTL_USAGE. */
int ctl_usage(const struct ctl_command *cmd, const char *fmt, ...) GH_PRINTF(2, 3);
/* Complain on stderr; returns code. */
int ctl_fail(int code, const char *fmt, ...) GH_PRINTF(2, 3);

/* ---- session.c: configuration and database ---- */
struct ctl_session;

/* Read the common sections. CTL_OK, or CTL_CONFIG after telling why. Ends with ctl_close. */
int ctl_open(struct ctl_session **out, const char *conf_file);
void ctl_close(struct ctl_session *s); /* NULL is legal */
const struct conf_common *ctl_conf(const struct ctl_session *s);

/* Submit u (taken) on a connection with these tables, which the first call opens and later
 * calls keep, and turn the loop until it ended.
 *
 * done    as in db.h, called at most once before this returns: read the results there
 * Returns CTL_OK when the unit succeeded; else CTL_UNAVAILABLE or CTL_FAILED after telling why.
 */
int ctl_db_run(struct ctl_session *s, const struct db_stmt_table *const *tables, struct db_unit *u,
	       db_done_fn *done, void *arg);

#endif
