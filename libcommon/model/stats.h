/* stats.h - how many messages reached which status, per company and hour, and how long sends took.
 *
 * Nothing counts on the way of a message. healthd reads what is new, once, in slices of time that
 * are ranges of ids, and adds it to the hours; what the API shows is as old as the last slice. An
 * hour's numbers are what happened within it: a message accepted at 10:59 and sent at 11:00 is
 * accepted in one hour and sent in the next. They stay when the messages are gone.
 */
#ifndef GH_MODEL_STATS_H
#define GH_MODEL_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

/* Stored numbers: never renumber, only append. Statuses count each time a message came to them. */
enum stats_what {
	STATS_ACCEPTED = 1,
	STATS_RECEIVED = 2,
	STATS_SENT = 3,
	STATS_DELIVERED = 4,
	STATS_READ = 5,
	STATS_PLAYED = 6,
	STATS_FAILED = 7, /* expired ones too */
	STATS_IN_DOUBT = 8,
	STATS_CANCELLED = 9,
	STATS_POSTED = 10,     /* posts to endpoints that were taken */
	STATS_POST_FAILED = 11 /* and that were not; each attempt counts */
};
#define STATS_COUNTS 12 /* numbers from 1 on */
/* How long sends took, from acceptance or, where it came later, their time, to the provider's
 * answer: STATS_LATENCY + i counts those below stats_latency_ms[i] and not below the one before. */
#define STATS_LATENCY       64
#define STATS_LATENCY_COUNT 31 /* the last one has no upper bound */
extern const int64_t stats_latency_ms[STATS_LATENCY_COUNT - 1];

/* Word of the API of a status ("accepted"); NULL: no status. */
const char *stats_name(enum stats_what what);

/* ---- rolling up (healthd) ---- */

#define STATS_HOUR_US (INT64_C(3600) * 1000000)

struct stats_progress {
	int64_t done_us; /* everything before is counted */
	int64_t now_us;  /* the database's clock */
};
void stats_progress_add(struct db_unit *u);
void stats_progress_read(const struct db_unit *u, unsigned stmt, struct stats_progress *out);

/* Count what has ids, or posts with times, from <= t < to, both within one hour, and move the
 * progress from one to the other: in one transaction, and only where it still stood at from, so
 * that two processes cannot count twice. Reads the range of events and messages once by id, and
 * webhook_attempts by webhook_attempts_at. */
void stats_fold_add(struct db_unit *u, int64_t from_us, int64_t to_us);

/* ---- reading ---- */

struct stats_cell {
	int64_t start_us; /* of the period */
	int what;         /* enum stats_what, or STATS_LATENCY + i */
	int64_t count;
};
/* One company's hours, or days of UTC, from <= start < to, in order of start and what; absent: 0.
 * Primary key range of the company. */
void stats_periods_add(struct db_unit *u, int32_t company_id, bool is_daily, int64_t from_us,
		       int64_t to_us);
unsigned stats_periods_count(const struct db_unit *u, unsigned stmt);
void stats_periods_read(const struct db_unit *u, unsigned stmt, unsigned i, struct stats_cell *out);

/* Since the first roll-up, of each of these companies: rows by company and what (without latency).
 */
struct stats_total {
	int32_t company_id;
	int what;
	int64_t count;
};
void stats_totals_add(struct db_unit *u, const int32_t *company_ids, unsigned count);
unsigned stats_totals_count(const struct db_unit *u, unsigned stmt);
void stats_totals_read(const struct db_unit *u, unsigned stmt, unsigned i, struct stats_total *out);

extern const struct db_stmt_table stats_stmt_table;

#endif
