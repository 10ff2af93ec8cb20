/* daemon.h - the skeleton every daemon's main.c fills in (DESIGN.md section 8).
 *
 * daemon_run: options (-c FILE, -t, -h/--help, -V/--version, --metrics, --params) ->
 * configuration and bounds (-t ends here) -> log -> descriptor limit -> loop and signals
 * -> admin port (/livez answers before the database does) -> def.start -> ready when every
 * check is ok (sd_notify) -> loop -> SIGTERM: unready, def.drain, at most 30 s,
 * def.stop, exit 0; a second SIGTERM exits at once; SIGHUP reloads. An absent
 * database or broker is no exit: the check stays false and the daemon retries.
 *
 * Exit codes: 0 asked to stop, 64 wrong usage, 78 bad configuration, 70 bug.
 *
 * Threading: loop thread only.
 */
#ifndef GH_DAEMON_H
#define GH_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/conf.h"
#include "config/params_common.h"
#include "db/db.h"

struct daemon;
struct dns;
struct loop;
struct metric_def;    /* metrics/metrics.h */
struct metrics;       /* registry */
struct metrics_table; /* values of one table */

#define DAEMON_DBS_MAX 8 /* connections made by daemon_db */

/* A table of metrics that the daemon exports. */
struct daemon_metrics {
	const struct metric_def *defs;
	unsigned count;
};

struct daemon_def {
	const char *name;                /* "senderd": section, log key, program growhub-senderd */
	const char *summary;             /* one line for --help */
	const struct conf_param *params; /* the daemon's own section: params_senderd */
	size_t conf_size; /* of the daemon's conf struct, which begins with struct conf_common */
	bool needs_mq;    /* mq.url is required */
	/* Offset of the struct conf_listens member that holds SECTION.admin_listen. */
	size_t admin_listen_offset;
	/* Array of tables that ends in defs NULL; registered before start. NULL: none of its own.
	 */
	const struct daemon_metrics *metrics;
	/* Build everything and start connecting; must not block. On failure everything start made
	 * is released again (stop is not called). GH_EINVAL, GH_ECONFLICT, GH_EPERM (err):
	 * configuration that only shows now (an address in use): exit 78; else exit 70. */
	enum gh_code (*start)(struct daemon *d, struct gh_err *err);
	/* Stop taking work; call daemon_drained(d) once idle (now or later). NULL: nothing to wait
	 * for. */
	void (*drain)(struct daemon *d);
	/* Free everything, connections from daemon_db included; the loop does not run any more. */
	void (*stop)(struct daemon *d);
	/* Reloadable keys were changed in the live conf; may be NULL. */
	void (*reload)(struct daemon *d);
};

/* The whole life of the process; returns its exit code. */
int daemon_run(const struct daemon_def *def, int argc, char **argv);

/* ---- for the daemon's own files ---- */
struct loop *daemon_loop(struct daemon *d);
struct dns *daemon_dns(struct daemon *d);
const void *daemon_conf(const struct daemon *d);                 /* the daemon's conf struct */
const struct conf_common *daemon_common(const struct daemon *d); /* its beginning */
struct metrics *daemon_metrics(struct daemon *d);
/* Values of def.metrics[index]. */
struct metrics_table *daemon_table(struct daemon *d, unsigned index);
/* Name of this process ("senderd-host-123"): application_name, worker in timelines. */
const char *daemon_worker(const struct daemon *d);
/* What start and the callbacks share: the one context pointer of the process. */
void daemon_set_context(struct daemon *d, void *context);
void *daemon_context(const struct daemon *d);
/* Idle after drain: leave the loop. Legal at any time, inside drain too. */
void daemon_drained(struct daemon *d);
bool daemon_is_draining(const struct daemon *d);

/* A connection to the configured database with these tables (NULL-terminated array, borrowed for
 * life), its readiness check ("db"), its metrics, and the schema check ("schema"): until the
 * migrations are those this binary knows the connection is not opened (units wait up to their
 * deadline) and the daemon stays unready and says why. With the first one the skeleton opens a
 * connection of its own for that check, the heartbeat rows, and the database's clock (uuid.h).
 *
 * role   "write", "listen": part of the connection's name; "listen" takes db.direct_url
 * state  called on up and down as in db.h; may be NULL
 * Returns a connection that the daemon frees with db_free in def.stop, not before; NULL when the
 * url cannot be parsed (err filled: return GH_EINVAL from start). */
struct db *daemon_db(struct daemon *d, const char *role, const struct db_stmt_table *const *tables,
		     bool exclusive, db_state_fn *state, void *arg, struct gh_err *err);

/* Readiness. name: a literal ("mq"). is_required false: while not ok the daemon is "degraded",
 * still ready. A check starts as not ok. Returns its index. */
unsigned daemon_check_add(struct daemon *d, const char *name, bool is_required);
/* detail is copied (cut at 160 bytes); NULL: none. Call it again whenever the check was
 * looked at: its age is shown. */
void daemon_check_set(struct daemon *d, unsigned check, bool is_ok, const char *detail);

#endif
