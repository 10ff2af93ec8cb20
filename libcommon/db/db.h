/* db.h - one logical connection to PostgreSQL on the loop: asynchronous connect,
 * pipeline, prepared statements, reconnect for ever.
 *
 * Work is a unit: one or more statements and then ONE Sync, which makes it an
 * implicit transaction: all of it is committed or none. Units are executed in
 * the order in which they were submitted and several are under way at a time,
 * so a submit never waits for the previous reply.
 *
 * Guarantees: done is called exactly once per accepted unit, from the loop,
 * never before db_submit returns. A unit that was written to a connection which
 * then broke ends as GH_EUNKNOWN (it may have been committed: repeat it only
 * where natural keys make that safe); a unit that was never written waits for the next
 * connection. Nothing here blocks: names are resolved through loop/dns.h.
 *
 * Explicit transactions: on a connection created with `exclusive`, units may
 * hold db_stmt_begin, db_stmt_commit and db_stmt_rollback, and a transaction may stay
 * open between units:
 *
 *	unit 1: db_stmt_begin, claim            -> done: publish the rows
 *	unit 2: settle, db_stmt_commit          (db_unit_bind(u, db_epoch of unit 1))
 *
 * Binding keeps unit 2 from running alone on a new connection after the one that
 * held the transaction was lost: it then ends as GH_ETEMP, unsent, and the
 * server has rolled back. After a failed unit of an open transaction submit
 * db_stmt_rollback. On other connections these statements panic.
 *
 * Threading: loop thread only.
 */
#ifndef GH_DB_H
#define GH_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "db/params.h"
#include "db/result.h"

struct arena;
struct db;
struct db_unit;
struct dns;
struct loop;

/* ---- statements ---- */

/* A prepared statement; static const, one table per model file:
 *
 *	enum { OUTBOX_INSERT, OUTBOX_CLAIM };
 *	static const struct db_stmt outbox_stmts[] = {
 *		[OUTBOX_INSERT] = {"outbox_insert", "INSERT ... unnest($1::uuid[], ...)",
 *		                   DB_TYPES(DB_UUID_ARRAY, DB_INT8_ARRAY)},
 *		[OUTBOX_CLAIM] = {"outbox_claim", "DELETE ...", DB_TYPES(DB_INT4)},
 *	};
 *	const struct db_stmt_table outbox_stmt_table = DB_STMT_TABLE(outbox_stmts);
 *
 * name: unique in the process, at most 63 bytes.
 *
 * Plans are generic and made once per connection, maybe over empty tables. A LATERAL or EXISTS
 * that must ask an index row by row ends in OFFSET 0: without that fence the planner may hash all
 * of a table that looked small. tests/integration/test_plans.py judges every statement. */
struct db_stmt {
	const char *name;
	const char *sql;
	const enum db_type *types; /* param_count of them */
	unsigned param_count;
};
#define DB_TYPES(...)                                                                              \
	(const enum db_type[]){__VA_ARGS__},                                                       \
		sizeof((enum db_type[]){__VA_ARGS__}) / sizeof(enum db_type)
#define DB_NO_PARAMS NULL, 0

struct db_stmt_table {
	const struct db_stmt *stmts;
	unsigned count;
};
#define DB_STMT_TABLE(array)                                                                       \
	{                                                                                          \
		(array), sizeof(array) / sizeof((array)[0])                                        \
	}

/* Only for exclusive connections. A commit that the server turned into a rollback (the
 * transaction had failed) ends its unit as GH_ETEMP with DB_ERR_ABORTED. */
extern const struct db_stmt db_stmt_begin, db_stmt_commit, db_stmt_rollback;

/* ---- connection ---- */

/* Up: connected, statements prepared (one that the schema refuses is logged as
 * db.prepare_failed and tried again when used; units with it fail as DB_ERR_BUG). Down: lost, err
 * says why. The first call is up; then they alternate. Submitting from inside is legal. */
typedef void db_state_fn(void *arg, bool is_up, const struct gh_err *err);

struct db_conf {
	const char *url; /* postgresql://... or key=value, several hosts allowed; copied */
	const char *application_name; /* copied */
	const struct db_stmt_table *const
		*tables;              /* NULL-terminated, borrowed for life; NULL: none */
	int64_t statement_timeout_us; /* 0: 10 s; with unprepared the role must set it */
	int64_t connect_timeout_us;   /* one attempt, all hosts; 0: 5 s */
	int64_t unit_deadline_us;     /* how long a unit may wait unsent; 0: 10 s */
	unsigned in_flight_max;       /* units written and not answered; 0: 64 */
	unsigned queue_max;           /* units waiting to be written; 0: 1024 */
	bool unprepared;              /* db.prepared = off (PgBouncer): parse each time */
	bool exclusive;               /* explicit transactions allowed, see above */
	bool sets_clock;              /* feed uuid7_set_clock from the pings (one db per process) */
	bool is_held;                 /* do not connect before db_release */
	db_state_fn *state;           /* may be NULL */
	void *arg;
};

/* Create and start connecting; reconnects for ever with 0.1..5 s of jittered backoff.
 * GH_EINVAL (err filled, *out NULL) when the url cannot be parsed. dns is borrowed. */
enum gh_code db_new(struct db **out, struct loop *l, struct dns *dns, const struct db_conf *conf,
		    struct gh_err *err) GH_MUST_USE;

/* Begin to connect when the conf said is_held; else nothing happens. Units submitted before wait.
 */
void db_release(struct db *db);

/* Close. Units not yet written end as GH_ETEMP, written ones as GH_EUNKNOWN, from inside
 * this call; submitting from those callbacks gives GH_EBUSY. No state callback. Legal inside a
 * callback of this db. NULL is legal. */
void db_free(struct db *db);

bool db_is_up(const struct db *db);
/* No unit waits or runs: for drain. */
bool db_is_idle(const struct db *db);
/* Number of the current connection, counted from 1; 0 while down. */
uint64_t db_epoch(const struct db *db);

/* Call fn for every NOTIFY on the channel, and once with payload.p == NULL after each (re)connect:
 * notifications may have been missed, look at the table. payload is valid during the
 * call. Any time before or after the connection is up; for the life of db.
 * channel: lower-case letters, digits and underscore, at most 63; copied. */
typedef void db_notify_fn(void *arg, struct slice payload);
void db_listen(struct db *db, const char *channel, db_notify_fn *fn, void *arg);

/* ---- units ---- */

/* Why a unit failed. */
enum db_err_class {
	DB_ERR_NONE,
	DB_ERR_DATA,  /* 22xxx, 23xxx: this unit's values; GH_ECONFLICT for 23505, else GH_EINVAL */
	DB_ERR_RETRY, /* 40001, 40P01: rolled back, run it again now; GH_ETEMP */
	DB_ERR_TIMEOUT,   /* 57014, 55P03: cancelled by a timeout, rolled back; GH_ETEMP */
	DB_ERR_RESOURCE,  /* 53xxx, 58xxx: disk full and the like, rolled back; GH_ETEMP */
	DB_ERR_READ_ONLY, /* 25006: this server is no primary any more, reconnecting; GH_ETEMP */
	DB_ERR_LOST,      /* connection broke after the unit was written; GH_EUNKNOWN */
	DB_ERR_NOT_SENT,  /* never written: deadline, db_free, other epoch; GH_ETEMP */
	DB_ERR_ABORTED,   /* 25P02, or COMMIT of a failed transaction; GH_ETEMP */
	DB_ERR_BUG        /* anything else (42xxx, ...): wrong statement or schema; GH_EINTERNAL */
};

struct db_error {
	enum db_err_class cls;
	char sqlstate[6];    /* "" when the server did not say it */
	unsigned stmt;       /* index of the failed statement in the unit */
	char constraint[64]; /* name, or "" */
	char text[256];      /* primary message; holds no parameter values */
};

/* An empty unit with an arena of its own. */
struct db_unit *db_unit_new(void);
/* Only for a unit that was not submitted; NULL is legal. */
void db_unit_free(struct db_unit *u);
/* Memory that lives until done has returned. */
struct arena *db_unit_arena(struct db_unit *u);

/* Append a statement; fill exactly stmt->param_count values into the returned builder before
 * db_submit. stmt must be in a table of the db it goes to. */
struct db_params *db_unit_add(struct db_unit *u, const struct db_stmt *stmt);
/* Statements added so far. */
unsigned db_unit_count(const struct db_unit *u);

/* Latest monotonic time (microseconds) to be written; default now + conf.unit_deadline_us. */
void db_unit_set_deadline(struct db_unit *u, int64_t mono_us);
/* Run only on the connection with this epoch, else end as GH_ETEMP / DB_ERR_NOT_SENT. */
void db_unit_bind(struct db_unit *u, uint64_t epoch);

/* code GH_OK: every statement succeeded and is committed (unless an explicit transaction is open);
 * read the results. Else db_unit_error(u) says why and nothing was committed, except for
 * GH_EUNKNOWN. u dies when this returns. */
typedef void db_done_fn(void *arg, enum gh_code code, const struct db_unit *u);

/* Result of statement i; only inside done with GH_OK. */
const struct db_result *db_unit_result(const struct db_unit *u, unsigned i);
/* Never NULL. */
const struct db_error *db_unit_error(const struct db_unit *u);

/* Queue u and take it. GH_EBUSY when queue_max units wait: u was freed, done is not called.
 * While the database is away units wait up to their deadline. */
enum gh_code db_submit(struct db *db, struct db_unit *u, db_done_fn *done, void *arg) GH_MUST_USE;

/* ---- what the metrics page shows (growhub_db_*) ---- */
struct db_stats {
	uint64_t connects_count;               /* connections that came up */
	uint64_t losses_count;                 /* connections lost after they were up */
	uint64_t failures_count;               /* connection attempts that failed */
	uint64_t units_count;                  /* units ended with GH_OK */
	uint64_t statements_count;             /* statements of those */
	uint64_t errors_count[DB_ERR_BUG + 1]; /* failed units by class */
	uint64_t busy_count;                   /* submits refused */
	uint64_t notifies_count;
	unsigned in_flight;      /* units, now */
	unsigned waiting;        /* units, now */
	int64_t unit_us;         /* moving average, written to answered */
	int64_t ping_us;         /* last round trip of the 2 s ping */
	int64_t fresh_at_us;     /* monotonic time of the last byte from the server; 0: never */
	int64_t clock_offset_us; /* database minus local wall clock, last ping */
};
const struct db_stats *db_get_stats(const struct db *db);
/* Why the connection is down: its loss, or the last attempt's failure. "" while it is up, and
 * before the first attempt ended. Valid until the next pass. */
const char *db_last_error(const struct db *db);

#endif
