/* daemon.h - the skeleton every daemon's main.c fills in (DESIGN.md section 8).
 *
 * daemon_run: options (-c FILE, -t, -h/--help, -V/--version, --metrics) -> configuration and bounds
 * (-t ends here) -> log -> descriptor limit -> loop and signals -> admin port
 * (/livez answers before the database does) -> def.start -> ready when every
 * check is ok (sd_notify) -> loop -> SIGTERM: unready, def.drain, at most 30 s,
 * def.stop, exit 0; a second SIGTERM exits at once; SIGHUP reloads. An absent
 * database or broker is no exit: the check stays false and the daemon retries.
 *
 * Exit codes: 0 asked to stop, 78 bad configuration, 70 bug.
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
struct metrics;       /* registry, metrics/metrics.h */
struct metrics_table; /* a daemon's own table */

#define DAEMON_TABLES_MAX 16

struct daemon_def {
	const char *name;    /* "senderd": section, log key, program growhub-senderd */
	const char *summary; /* one line for --help */
	const struct conf_param *params; /* the daemon's own section, ends in name NULL */
	size_t conf_size;    /* of the daemon's conf struct, which begins with struct conf_common */
	bool needs_mq;       /* mq.url is required */
	/* Offset of the struct conf_listens member that holds SECTION.admin_listen. */
	size_t admin_listen_offset;
	const struct metrics_table *metrics; /* NULL: none of its own */
	/* Build everything and start connecting; must not block. GH_EINVAL (err): configuration that only
	 * shows now (an address in use): exit 78. */
	enum gh_code (*start)(struct daemon *d, struct gh_err *err);
	/* Stop taking work; call daemon_drained(d) once idle (now or later). */
	void (*drain)(struct daemon *d);
	/* Free everything; the loop does not run any more. */
	void (*stop)(struct daemon *d);
	/* Reloadable keys were changed in the live conf; may be NULL. */
	void (*reload)(struct daemon *d);
};

int daemon_run(const struct daemon_def *def, int argc, char **argv);

/* ---- for the daemon's own files ---- */
struct loop *daemon_loop(struct daemon *d);
struct dns *daemon_dns(struct daemon *d);
const void *daemon_conf(const struct daemon *d);                 /* the daemon's conf struct */
const struct conf_common *daemon_common(const struct daemon *d); /* its beginning */
struct metrics *daemon_metrics(struct daemon *d);
/* Name of this process ("senderd-host-123"): application_name, worker in timelines. */
const char *daemon_worker(const struct daemon *d);
/* What start and the callbacks share: the one context pointer of the process. */
void daemon_set_context(struct daemon *d, void *context);
void *daemon_context(const struct daemon *d);
void daemon_drained(struct daemon *d);
bool daemon_is_draining(const struct daemon *d);

/* A connection to the configured database with these tables (NULL-terminated array, borrowed),
 * its readiness check ("db", from the first one on), its metrics, and the schema check: until the
 * migrations are those this binary knows, the daemon stays unready and says so. state (may be NULL)
 * is called on up and down. exclusive: see db.h. */
struct db *daemon_db(struct daemon *d, const char *role, const struct db_stmt_table *const *tables,
                     bool exclusive, db_state_fn *state, void *arg);

/* Readiness: every check must be ok. detail is a borrowed literal or text that lives as long as the
 * check; is_degrading false: being not ok makes the daemon "degraded", still ready. Returns an index. */
unsigned daemon_check_add(struct daemon *d, const char *name, bool is_required);
void daemon_check_set(struct daemon *d, unsigned check, bool is_ok, const char *detail);

#endif
