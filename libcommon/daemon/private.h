/* private.h - what the files of daemon/ share; nobody else includes it.
 *
 * daemon.c     order of a process's life: start, signals, drain, end
 * options.c    command line, and the texts that end there
 * admin.c      the admin port
 * daemon_db.c  the daemon's connections, schema check
 * heartbeat.c  the process's row in the database
 * log_store.c  log lines into the database
 * telemetry.c  metrics of the skeleton itself
 * checks.c     readiness        notify.c  supervisor
 */
#ifndef GH_DAEMON_PRIVATE_H
#define GH_DAEMON_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/checks.h"
#include "daemon/daemon.h"
#include "daemon/notify.h"
#include "metrics/metrics.h"

struct http_server;
struct log_store;
struct loop_signal;
struct loop_timer;

#define DAEMON_WORKER_SIZE  160
#define DAEMON_DB_NAME_SIZE (DAEMON_WORKER_SIZE + 33)
#define DAEMON_METRICS_MAX  16 /* tables of one daemon */
#define DAEMON_ADMIN_MAX    4  /* addresses of the admin port; the params_* tables say so too */

enum daemon_state {
	DAEMON_STARTING,
	DAEMON_RUNNING,
	DAEMON_DRAINING,
	DAEMON_ENDED /* out of the loop: def.stop is running */
};

/* A connection made by daemon_db. */
struct daemon_link {
	struct daemon *d;
	struct db *db;
	char name[DAEMON_DB_NAME_SIZE]; /* of the connection: worker/role */
	db_state_fn *state;
	void *arg;
};

struct daemon {
	const struct daemon_def *def;
	enum daemon_state state;
	int64_t started_at_us; /* wall */
	char worker[DAEMON_WORKER_SIZE];
	char host[65];

	struct conf_table conf_tables[2]; /* borrowed by conf for life */
	struct conf *conf;
	void *live; /* def.conf_size bytes */
	const struct conf_common *common;

	struct loop *loop;
	struct dns *dns;
	struct loop_timer *tick_timer;
	struct loop_timer *drain_timer;
	struct loop_timer *watchdog_timer;
	struct loop_signal *signals[3];
	struct http_server *admin[DAEMON_ADMIN_MAX];
	struct notify notify;
	void *context;

	struct metrics *metrics;
	struct metrics_table *skeleton_table; /* telemetry.c */
	struct metrics_table *tables[DAEMON_METRICS_MAX];
	struct metric_def info_def[1]; /* its label values are this process's name and version */
	const char *info_words[2];

	struct checks checks;
	unsigned run_check; /* up and not draining */
	unsigned db_check;
	unsigned schema_check;
	bool was_ready;                       /* at the last look; the supervisor knows */
	bool ever_ready;                      /* READY=1 was sent */
	char waiting_for[CHECKS_DETAIL_SIZE]; /* what the log last said we wait for */

	/* The skeleton's own connection: schema check, heartbeat, the database's clock. */
	struct db *own_db;
	char own_db_name[DAEMON_DB_NAME_SIZE];
	struct loop_timer *schema_timer;
	struct loop_timer *heartbeat_timer;
	bool is_schema_right; /* the links were released */
	bool is_schema_asked; /* a look is under way */
	bool is_beating;      /* a heartbeat is under way */
	struct log_store *log_store;
	struct daemon_link links[DAEMON_DBS_MAX];
	unsigned link_count;
};

/* daemon.c */
/* Look at the checks: log and tell the supervisor what changed. */
void daemon_evaluate(struct daemon *d);

/* options.c */
struct daemon_options {
	const char *conf_file;
	bool tests_only;
};
/* True: go on with *o. False: done, *exit_code says how. */
bool daemon_options_read(const struct daemon_def *def, int argc, char **argv,
			 struct daemon_options *o, int *exit_code);
/* What a daemon reads from its file: the common sections and its own. tables: storage for
 * the result, which borrows it. */
struct conf_spec daemon_conf_spec(const struct daemon_def *def, struct conf_table tables[2]);

/* admin.c */
/* Listen on every configured address. */
enum gh_code admin_open(struct daemon *d, struct gh_err *err) GH_MUST_USE;
void admin_close(struct daemon *d);

/* daemon_db.c */
/* Set the check "db" from what the connections say. */
void links_look(struct daemon *d);
/* Stop the skeleton's use of every connection; those of the daemon live on. */
void links_close(struct daemon *d);

/* heartbeat.c */
/* Begin to write the row every few seconds over own_db. */
void heartbeat_start(struct daemon *d);
/* Write it now, because the state changed. */
void heartbeat_write(struct daemon *d);

/* log_store.c: lines of log.store_level or worse wait in a bounded buffer and go over own_db, some
 * at a time. Whatever does not fit, while the database is away say, is dropped and counted: logging
 * never waits, and the journal has the line. */
struct log_store *log_store_new(struct daemon *d);
/* After the loop: what still waits is dropped. NULL is legal. */
void log_store_free(struct log_store *s);
/* log.store_level was read (again). */
void log_store_set_level(struct log_store *s);
/* Store what waits: each second, and before the process ends. */
void log_store_flush(struct log_store *s);
struct log_store_stats {
	uint64_t stored_count;
	uint64_t dropped_count;
};
struct log_store_stats log_store_get_stats(struct log_store *s);

/* telemetry.c */
/* Register the skeleton's tables, then the daemon's. */
void telemetry_register(struct daemon *d);
/* Once a second: the longest pass since the last call. */
void telemetry_tick(struct daemon *d);

#endif
