/* telemetry.c - the metrics every daemon has: build, log, loop, database. */
#include "base/log.h"
#include "daemon/private.h"
#include "daemon/version.h"
#include "loop/loop.h"

enum {
	T_START,
	T_READY,
	T_LOG_LINES,
	T_LOG_DROPPED,
	T_LOG_STORED,
	T_LOG_UNSTORED,
	T_LOOP_PASS,
	T_DB_UP,
	T_DB_CONNECTIONS,
	T_DB_CONNECTS,
	T_DB_LOSSES,
	T_DB_FAILURES,
	T_DB_UNITS,
	T_DB_STATEMENTS,
	T_DB_ERRORS,
	T_DB_BUSY,
	T_DB_NOTIFIES,
	T_DB_IN_FLIGHT,
	T_DB_WAITING,
	T_DB_UNIT,
	T_DB_PING,
	T_DB_CLOCK,
	T_COUNT
};

/* In the order of enum log_level and enum db_err_class (from DB_ERR_DATA on). */
static const char *const log_levels[] = {"debug", "info", "warn", "error"};
static const char *const db_classes[] = {"data", "retry",    "timeout", "resource", "read_only",
					 "lost", "not_sent", "aborted", "bug"};

static const struct metric_def skeleton_defs[T_COUNT] = {
	[T_START] = {"start_timestamp_seconds", METRIC_GAUGE, "When the process started."},
	[T_READY] = {"ready", METRIC_GAUGE, "1 while /readyz answers 200."},
	[T_LOG_LINES] = {"log_lines_total",
			 METRIC_COUNTER,
			 "Log lines written.",
			 {{"level", log_levels, GH_COUNT(log_levels)}}},
	[T_LOG_DROPPED] = {"log_dropped_total", METRIC_COUNTER,
			   "Log lines lost because stderr did not take them."},
	[T_LOG_STORED] = {"log_rows_stored_total", METRIC_COUNTER,
			  "Log lines stored in the database."},
	[T_LOG_UNSTORED] = {"log_rows_dropped_total", METRIC_COUNTER,
			    "Log lines not stored: the buffer was full, or the database refused."},
	[T_LOOP_PASS] = {"loop_longest_pass_seconds", METRIC_HISTOGRAM,
			 "Longest pass of the event loop in each second: what held up the rest.",
			 .buckets = &METRIC_BUCKETS_REQUEST},
	[T_DB_UP] = {"db_up", METRIC_GAUGE, "1 while every database connection is up."},
	[T_DB_CONNECTIONS] = {"db_connections", METRIC_GAUGE, "Database connections that are up."},
	[T_DB_CONNECTS] = {"db_connects_total", METRIC_COUNTER,
			   "Database connections that came up."},
	[T_DB_LOSSES] = {"db_losses_total", METRIC_COUNTER, "Database connections lost."},
	[T_DB_FAILURES] = {"db_connect_failures_total", METRIC_COUNTER,
			   "Attempts to connect to the database that failed."},
	[T_DB_UNITS] = {"db_units_total", METRIC_COUNTER, "Units of work (transactions) done."},
	[T_DB_STATEMENTS] = {"db_statements_total", METRIC_COUNTER, "Statements of those."},
	[T_DB_ERRORS] = {"db_errors_total",
			 METRIC_COUNTER,
			 "Units of work that failed.",
			 {{"class", db_classes, GH_COUNT(db_classes)}}},
	[T_DB_BUSY] = {"db_busy_total", METRIC_COUNTER,
		       "Units refused because the queue was full."},
	[T_DB_NOTIFIES] = {"db_notifies_total", METRIC_COUNTER, "Notifications received."},
	[T_DB_IN_FLIGHT] = {"db_in_flight", METRIC_GAUGE, "Units sent and not answered."},
	[T_DB_WAITING] = {"db_waiting", METRIC_GAUGE, "Units waiting to be sent."},
	[T_DB_UNIT] =
		{"db_unit_seconds", METRIC_GAUGE,
		 "Moving average of a unit from sending to answer, on the slowest connection."},
	[T_DB_PING] = {"db_ping_seconds", METRIC_GAUGE,
		       "Last round trip, on the slowest connection."},
	[T_DB_CLOCK] = {"db_clock_offset_seconds", METRIC_GAUGE,
			"The database's clock minus ours, at the last ping."},
};

/* ---- database ---- */

/* Sums and maxima over the connections; stats.unit_us and .ping_us are the largest. */
struct db_sums {
	struct db_stats stats;
	unsigned up;
	unsigned count;
};

static void
add_stats(struct db_sums *sums, const struct db *db)
{
	const struct db_stats *s = db_get_stats(db);
	struct db_stats *to = &sums->stats;

	sums->count++;
	if (db_is_up(db))
		sums->up++;
	to->connects_count += s->connects_count;
	to->losses_count += s->losses_count;
	to->failures_count += s->failures_count;
	to->units_count += s->units_count;
	to->statements_count += s->statements_count;
	for (unsigned i = 0; i < GH_COUNT(to->errors_count); i++)
		to->errors_count[i] += s->errors_count[i];
	to->busy_count += s->busy_count;
	to->notifies_count += s->notifies_count;
	to->in_flight += s->in_flight;
	to->waiting += s->waiting;
	if (s->unit_us > to->unit_us)
		to->unit_us = s->unit_us;
	if (s->ping_us > to->ping_us)
		to->ping_us = s->ping_us;
}

static void
collect_db(const struct daemon *d)
{
	struct metrics_table *t = d->skeleton_table;
	struct db_sums sums = {.count = 0};
	const struct db_stats *s = &sums.stats;

	if (d->own_db == NULL)
		return;
	add_stats(&sums, d->own_db);
	for (unsigned i = 0; i < d->link_count; i++)
		add_stats(&sums, d->links[i].db);
	metrics_set(t, T_DB_UP, 0, 0, sums.up == sums.count);
	metrics_set(t, T_DB_CONNECTIONS, 0, 0, sums.up);
	metrics_set(t, T_DB_CONNECTS, 0, 0, (int64_t)s->connects_count);
	metrics_set(t, T_DB_LOSSES, 0, 0, (int64_t)s->losses_count);
	metrics_set(t, T_DB_FAILURES, 0, 0, (int64_t)s->failures_count);
	metrics_set(t, T_DB_UNITS, 0, 0, (int64_t)s->units_count);
	metrics_set(t, T_DB_STATEMENTS, 0, 0, (int64_t)s->statements_count);
	for (unsigned i = 0; i < GH_COUNT(db_classes); i++)
		metrics_set(t, T_DB_ERRORS, i, 0, (int64_t)s->errors_count[DB_ERR_DATA + i]);
	metrics_set(t, T_DB_BUSY, 0, 0, (int64_t)s->busy_count);
	metrics_set(t, T_DB_NOTIFIES, 0, 0, (int64_t)s->notifies_count);
	metrics_set(t, T_DB_IN_FLIGHT, 0, 0, s->in_flight);
	metrics_set(t, T_DB_WAITING, 0, 0, s->waiting);
	metrics_set_us(t, T_DB_UNIT, 0, 0, s->unit_us);
	metrics_set_us(t, T_DB_PING, 0, 0, s->ping_us);
	metrics_set_us(t, T_DB_CLOCK, 0, 0, db_get_stats(d->own_db)->clock_offset_us);
}

/* ---- the rest ---- */

static void
collect(void *arg)
{
	const struct daemon *d = arg;
	const struct log_store_stats logs = log_store_get_stats(d->log_store);
	struct metrics_table *t = d->skeleton_table;

	metrics_set_us(t, T_START, 0, 0, d->started_at_us);
	metrics_set(t, T_READY, 0, 0, checks_status(&d->checks) != CHECKS_UNREADY);
	for (unsigned i = 0; i < GH_COUNT(log_levels); i++)
		metrics_set(t, T_LOG_LINES, i, 0, (int64_t)log_line_count((enum log_level)i));
	metrics_set(t, T_LOG_DROPPED, 0, 0, (int64_t)log_dropped_count());
	metrics_set(t, T_LOG_STORED, 0, 0, (int64_t)logs.stored_count);
	metrics_set(t, T_LOG_UNSTORED, 0, 0, (int64_t)logs.dropped_count);
	collect_db(d);
}

void
telemetry_tick(struct daemon *d)
{
	metrics_observe_us(d->skeleton_table, T_LOOP_PASS, 0, 0, loop_take_stall_us(d->loop));
}

void
telemetry_register(struct daemon *d)
{
	const struct daemon_metrics *own = d->def->metrics;

	d->metrics = metrics_new();
	d->info_words[0] = d->def->name;
	d->info_words[1] = GH_VERSION;
	d->info_def[0] = (struct metric_def){
		"build_info",
		METRIC_GAUGE,
		"Which program and version this is; always 1.",
		.labels = {{"daemon", &d->info_words[0], 1}, {"version", &d->info_words[1], 1}},
	};
	metrics_set(metrics_register(d->metrics, d->info_def, 1), 0, 0, 0, 1);
	d->skeleton_table = metrics_register(d->metrics, skeleton_defs, T_COUNT);
	metrics_collector_add(d->metrics, collect, d);
	for (unsigned i = 0; own != NULL && own[i].defs != NULL; i++) {
		if (i == DAEMON_METRICS_MAX)
			gh_panic("%s: more than %u tables of metrics", d->def->name, i);
		d->tables[i] = metrics_register(d->metrics, own[i].defs, own[i].count);
	}
}
