/* wake.h - tell other daemons at once that rows are there: NOTIFY, kept out of the
 * hot commits.
 *
 * A NOTIFY inside a hot transaction would serialise all commits on PostgreSQL's
 * notification lock, so it is a transaction of its own without a flush wait,
 * sent right behind the commit on the same connection, and spaced under load
 * (loop/cadence.h); the last one of a burst is always sent. A lost
 * notification costs only the relay's one-second poll.
 */
#ifndef GH_MODEL_WAKE_H
#define GH_MODEL_WAKE_H

#include "db/db.h"

struct loop;
struct wake;

#define WAKE_OUTBOX "growhub_outbox" /* outbox rows are due: the relay listens */
#define WAKE_QUEUES "growhub_queues" /* queue_metadata grew: the consumers listen */

/* db is borrowed and must outlive the wake; its tables include wake_stmt_table.
 * channel: one of the above. */
struct wake *wake_new(struct loop *l, struct db *db, const char *channel);
void wake_free(struct wake *w); /* NULL is legal */

/* Something was committed for the listeners. */
void wake_send(struct wake *w);

extern const struct db_stmt_table wake_stmt_table;

#endif
