/* leadership.h - which process does a periodic task: a session-level advisory lock per task.
 *
 * The lock lives as long as the connection that took it, so leadership is lost exactly when
 * the connection is, and another process gets it as soon as the server has noticed. A lock
 * that is taken twice by one connection counts twice: ask only for those not held.
 */
#ifndef GH_MODEL_LEADERSHIP_H
#define GH_MODEL_LEADERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"

#define LEADERSHIP_LOCK_SPACE 2 /* first key of pg_try_advisory_lock(int, int) */

/* Try to take the locks of count tasks without waiting. keys: distinct, the same number for the
 * same task in every version. The connection must be a server session of its own
 * (no transaction pooling). */
void leadership_try_add(struct db_unit *u, const int32_t *keys, unsigned count);
/* Whether statement stmt took the lock of this key. */
bool leadership_is_taken(const struct db_unit *u, unsigned stmt, int32_t key);

extern const struct db_stmt_table leadership_stmt_table;

#endif
