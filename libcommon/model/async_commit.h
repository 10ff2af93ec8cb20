/* async_commit.h - let one transaction commit without waiting for the disk.
 *
 * For what is done again, harmlessly, should the server crash within the moment that
 * the commit is not yet written: rows handed to the broker, claims that only say who
 * works at a row. Never for a result, or for anything that was acknowledged.
 */
#ifndef GH_MODEL_ASYNC_COMMIT_H
#define GH_MODEL_ASYNC_COMMIT_H

#include "db/db.h"

/* Add the statement to a unit, anywhere in its transaction. */
void async_commit_add(struct db_unit *u);

extern const struct db_stmt_table async_commit_stmt_table;

#endif
