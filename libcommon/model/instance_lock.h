/* instance_lock.h - the transaction lock under which an instance's sends and
 * inbound bodies change.
 *
 * The lock is a statement of its own, before the one that reads: a statement
 * that locked and read at once would see a snapshot from before its wait and
 * miss what the previous holder committed (lost wake-ups). Ids are locked in
 * ascending order, so units that share instances cannot deadlock.
 */
#ifndef GH_MODEL_INSTANCE_LOCK_H
#define GH_MODEL_INSTANCE_LOCK_H

#include <stdint.h>

#include "db/db.h"

#define INSTANCE_LOCK_SPACE 1 /* first key of pg_advisory_xact_lock(int, int) */

/* Add the lock statement for count instances (duplicates and any order are fine). */
void instance_lock_add(struct db_unit *u, const int32_t *instance_ids, unsigned count);

extern const struct db_stmt_table instance_lock_stmt_table;

#endif
