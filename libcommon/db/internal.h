/* internal.h - what the files of db/ share; nobody else includes it.
 *
 * db.c        create, free, submit, listen, statistics
 * conn.c      resolve, connect, reconnect, up and down
 * hosts.c     connection string, host names to addresses
 * pipeline.c  write units, read replies, ping
 * unit.c      units and the classes of errors
 * params.c    binary parameters        result.c  binary results
 * script.c    blocking connection of command-line tools
 */
#ifndef GH_DB_INTERNAL_H
#define GH_DB_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "db/db.h"

struct db_hosts;
struct loop_io;
struct loop_task;
struct loop_timer;

/* ---- parameters ---- */
struct db_value {
	const char *p; /* NULL: SQL NULL, unless arr is set */
	int n;
	struct db_arr *arr; /* array: its bytes are taken when the unit is written */
};

struct db_params {
	struct arena *a;
	const struct db_stmt *stmt;
	unsigned count;
	struct db_value *values; /* stmt->param_count */
};

struct db_params *db_params_new(struct arena *a, const struct db_stmt *stmt);
/* Bytes of parameter i as libpq wants them. */
void db_params_get(const struct db_params *p, unsigned i, const char **value, int *length);
/* OID of a type in the catalogue; fixed by PostgreSQL's bootstrap. */
Oid db_type_oid(enum db_type t);

/* ---- results ---- */
struct db_result {
	PGresult *pg;
};

/* ---- units ---- */
#define DB_UNIT_STMTS_MAX 32

enum db_mode {
	DB_MODE_EXEC,  /* bind and execute a registered statement */
	DB_MODE_PARSE, /* prepare it */
	DB_MODE_RAW    /* parse and execute text that is in no table: ping, LISTEN, BEGIN */
};

struct db_entry {
	const struct db_stmt *stmt;
	struct db_params *params; /* DB_MODE_EXEC */
	enum db_mode mode;
	unsigned index; /* among the registered statements; not for DB_MODE_RAW */
	struct db_result result;
};

struct db_unit {
	struct list node; /* db->waiting or db->in_flight */
	struct arena *arena;
	struct db_entry *entries; /* DB_UNIT_STMTS_MAX */
	unsigned count;
	unsigned cursor;     /* statement whose results arrive */
	int64_t deadline_us; /* 0: not set yet */
	uint64_t epoch;      /* 0: any connection */
	int64_t sent_us;     /* monotonic */
	int64_t sent_wall_us;
	bool is_internal; /* prepare, listen, ping: not counted */
	struct db_error error;
	db_done_fn *done;
	void *arg;
};

void db_unit_add_mode(struct db_unit *u, const struct db_stmt *stmt, enum db_mode mode);
/* Keep the first error of the unit. pg: the failed result. */
void db_unit_set_error(struct db_unit *u, const PGresult *pg);
void db_unit_set_failure(struct db_unit *u, enum db_err_class cls, const char *text);
/* Class and code of an SQLSTATE (5 characters, or ""). */
enum db_err_class db_error_class(const char *sqlstate);
enum gh_code db_error_code(const struct db_error *e);
/* Call done and free. u is on no list. */
void db_unit_end(struct db_unit *u);

/* ---- connection ---- */
enum db_state {
	DB_DOWN,      /* waiting for the reconnect timer */
	DB_RESOLVING, /* names asked */
	DB_CONNECTING,
	DB_SETUP, /* preparing statements */
	DB_UP,
	DB_CLOSED /* db_free was called */
};

struct db_channel {
	struct list node;
	struct db_stmt listen;
	char *name;
	char *sql; /* "LISTEN name" */
	db_notify_fn *fn;
	void *arg;
};

struct db {
	struct loop *loop;
	struct db_conf conf; /* defaults filled in; url is not kept */
	char *name;          /* application_name */
	enum db_state state;
	struct db_hosts *hosts;
	PGconn *pg;
	struct loop_io *io;
	PostgresPollingStatusType poll;
	struct loop_timer *connect_timer; /* reconnect delay or connect timeout */
	struct loop_timer *ping_timer;
	struct loop_timer *wait_timer; /* sweeps expired units while any waits */
	struct loop_task *work_task;   /* db_work at the end of the pass */
	bool is_broken;                /* db_break was called */
	bool is_pinging;
	unsigned attempts;        /* failed in a row, for the backoff */
	struct log_reason reason; /* why it is down */
	uint64_t epoch;           /* connections so far; db_epoch() shows it only while up */
	unsigned setup_left;
	struct db_stmt_table *tables;
	unsigned table_count;
	uint8_t *prepared; /* per registered statement, on this connection */
	unsigned stmt_count;
	struct list waiting;
	struct list in_flight;
	struct list channels;
	int64_t read_us; /* monotonic time of the last byte, or of connecting */
	struct db_stats stats;
};

#define DB_PING_US (2 * CLOCK_SEC)
/* Beyond what the statements may take: then the connection counts as dead. */
#define DB_SILENCE_US (5 * CLOCK_SEC)

/* Index of a statement among the registered ones; panics when it is in no table. */
unsigned db_stmt_index(const struct db *db, const struct db_stmt *stmt);

/* db.c */
/* Count the outcome, then db_unit_end. u is on no list. */
void db_end(struct db *db, struct db_unit *u);
/* Its transaction was on another connection. */
bool db_unit_is_stale(const struct db *db, const struct db_unit *u);

/* conn.c */
void db_connect(struct db *db);
/* Close the connection, end the units in flight, plan the next attempt. */
void db_lose(struct db *db, const char *why);
/* Release connection, watchers and hosts; ends nothing. */
void db_disconnect(struct db *db);
void db_connect_timer_fn(void *arg);
/* A setup unit ended; the last one brings the connection up. */
void db_setup_done(struct db *db);

/* pipeline.c */
/* Prepare, listen and ping on a new connection. */
void db_setup(struct db *db);
/* Write what may be written. Never calls a done callback. */
void db_pump(struct db *db);
void db_send_ping(struct db *db);
/* Too long without a byte while an answer is due: the peer is gone without a word. */
bool db_is_silent(const struct db *db);
void db_send_listen(struct db *db, struct db_channel *c);
void db_io_fn(void *arg, unsigned ready);
/* Remember that the connection is of no use; the work task closes it at the end of the
 * pass, since the caller may be inside db_submit, where no done may be called. */
void db_break(struct db *db);

#endif
