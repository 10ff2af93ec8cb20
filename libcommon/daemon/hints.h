/* hints.h - the consumer side of hints: every queue of some kinds, found in
 * queue_metadata, consumed, decoded, acknowledged.
 *
 * The list of queues is read at each (re)connect of the database, at WAKE_QUEUES and
 * every 30 s; queues come and go without a restart. A body that is no envelope is
 * logged (hints.invalid), counted and acknowledged: no repetition could mend it, and
 * the row it spoke of is hinted again by healthd.
 *
 * Threading: loop thread only.
 */
#ifndef GH_HINTS_H
#define GH_HINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics/metrics.h"
#include "mq/envelope.h"

struct daemon;
struct daemon_mq;
struct db;
struct hint;
struct hints;

/* For daemon_def.metrics. */
#define HINTS_METRIC_COUNT 4
extern const struct metric_def hints_metrics[HINTS_METRIC_COUNT];

#define HINTS_KINDS_MAX 3

/* A hint came: e lives until the return, h until hint_done (now or later, once for the arrival and
 * once for each hint_hold). Only the kinds asked for arrive here. */
typedef void hints_fn(void *arg, const struct mq_envelope *e, struct hint *h);

struct hints_opts {
	struct db *db; /* listens and reads the list: a connection of daemon_db with role "listen",
			* or "read" where there is one only; its tables hold queue_row_stmt_table */
	struct daemon_mq *mq;
	struct metrics_table *table; /* values of hints_metrics */
	enum mq_kind kinds[HINTS_KINDS_MAX];
	unsigned kind_count;
	uint16_t prefetch; /* hints not done, per queue; the broker keeps the rest */
	hints_fn *on_hint;
	void *arg;
};

/* Starts paused for HINTS_PAUSE_DB: nothing arrives before hints_resume. opts is copied, what it
 * points to borrowed. */
struct hints *hints_new(struct daemon *d, const struct hints_opts *opts);
/* Hints that are not done return to their queues, their handles die. After the database's
 * connection and before the broker's. Not from on_hint. NULL is legal. */
void hints_free(struct hints *h);

/* Why nothing is consumed; any reason is enough. */
#define HINTS_PAUSE_DB    1u /* the database that claims work is away */
#define HINTS_PAUSE_DRAIN 2u
#define HINTS_PAUSE_FULL  4u /* no room for more targets */

/* Cancel the consumers; hints handed over stay valid. Both idempotent. */
void hints_pause(struct hints *h, unsigned why);
void hints_resume(struct hints *h, unsigned why);

/* One more needs the hint, and calls hint_done when it does not any more. Gives h. */
struct hint *hint_hold(struct hint *h);
/* One does not need it any more; NULL is legal. The last acknowledges and h dies. After the
 * channel that brought it was lost that only frees it: the broker delivers the message again. Legal
 * inside on_hint. */
void hint_done(struct hint *h);
/* The same, but its work goes on: the last returns it to its queue instead, for another consumer,
 * if there is one. */
void hint_offer(struct hint *h);
/* Monotonic time of arrival. */
int64_t hint_arrived_us(const struct hint *h);

#endif
