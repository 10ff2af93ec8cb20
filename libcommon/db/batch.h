/* batch.h - group commit: many rows from many callers become one unit.
 *
 * The rows that arrive during one pass of the loop are the first batch; while
 * batches are in flight, new rows queue; when one completes, everything queued
 * (to max_rows) becomes the next. At most `in_flight` batches at a time; no artificial
 * delay unless gap_us asks for one (loop/cadence.h).
 *
 * A row has exactly one outcome: settled (its batch was committed) or failed.
 * - A data error splits the batch in halves, down to the one bad row; its neighbours are committed.
 * - Deadlock and serialization failures are repeated at once, other temporary errors after a pause.
 * - A lost connection repeats the batch: build must use natural keys so that a repetition of
 *   something committed is recognised (ON CONFLICT) and still answers every row.
 * - Repetition stops at a row's deadline: the row then fails as GH_ETEMP (certainly not
 *   stored) or GH_EUNKNOWN (an earlier attempt may have been committed).
 *
 * Threading: loop thread only.
 */
#ifndef GH_DB_BATCH_H
#define GH_DB_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct db;
struct db_batch;
struct db_error;
struct db_unit;
struct loop;

#define DB_BATCH_MAX 128 /* rows of one batch; the knee of the curve is at about 50 */

/* Embed in the caller's row (LIST_ENTRY works on it too); zeroed before the first add. The row
 * belongs to the batcher from db_batch_add until settle or fail gets it. All private. */
struct db_batch_row {
	struct list node;
	int64_t deadline_us; /* monotonic */
	bool is_unknown;     /* was in a batch whose outcome is not known */
};

struct db_batch_def {
	const char *name;    /* for logs and metrics */
	unsigned max_rows;   /* 1..DB_BATCH_MAX; 0: DB_BATCH_MAX */
	unsigned in_flight;  /* 1 or 2; 0: 2 */
	unsigned queue_max;  /* rows waiting, beyond those in batches; 0: 4096 */
	int64_t deadline_us; /* time a row may take in all; 0: 5 s */
	int64_t gap_us;    /* after a burst, batches of fewer than gap_rows start this far apart */
	unsigned gap_rows; /* 0: max_rows */

	/* Add the statements for these rows to u. May be called again for the same rows, in another
	 * grouping. Slices given to db_p_* must live until settle or fail. */
	void (*build)(void *arg, struct db_unit *u, struct db_batch_row *const *rows, unsigned n);

	/* The batch was committed. Match the results of u to rows by id, never by position; every
	 * row is the caller's again and gets its answer here. */
	void (*settle)(void *arg, struct db_batch_row *const *rows, unsigned n,
		       const struct db_unit *u);

	/* This row will not be stored (GH_EUNKNOWN: may have been); it is the caller's again.
	 * err: the database's reason, valid during the call; never NULL. */
	void (*fail)(void *arg, struct db_batch_row *row, enum gh_code code,
		     const struct db_error *err);
	void *arg;
};

/* def is copied, db is borrowed. */
struct db_batch *db_batch_new(struct loop *l, struct db *db, const struct db_batch_def *def);

/* Free the db first (its units end), then this in the same pass, not from a callback of its own;
 * rows left are failed from inside. NULL is legal. */
void db_batch_free(struct db_batch *b);

/* Queue a row; its outcome comes from the loop, never before this returns. GH_EBUSY when the queue
 * is full or so long that, at the measured speed, the row would pass its deadline: answer 503 now.
 * The row then stays the caller's and no callback comes. */
enum gh_code db_batch_add(struct db_batch *b, struct db_batch_row *row) GH_MUST_USE;

/* No row waits or is in flight. */
bool db_batch_is_idle(const struct db_batch *b);

struct db_batch_stats {
	uint64_t rows_count;    /* settled */
	uint64_t batches_count; /* committed */
	uint64_t failed_count;  /* rows failed */
	uint64_t busy_count;    /* rows refused by db_batch_add */
	uint64_t splits_count;  /* batches split on a data error */
	uint64_t retries_count; /* batches repeated */
	unsigned queued;        /* rows waiting, now */
	unsigned in_flight;     /* batches, now */
	int64_t batch_us;       /* moving average of one batch, submit to commit */
};
const struct db_batch_stats *db_batch_get_stats(const struct db_batch *b);

#endif
