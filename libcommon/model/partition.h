/* partition.h - month partitions, made before they are needed. */
#ifndef GH_MODEL_PARTITION_H
#define GH_MODEL_PARTITION_H

#include <stdint.h>

#include "db/db.h"

/* Make the missing partitions from last month to `months` ahead (schema:
 * growhub_ensure_partitions). Several at a time wait for each other; inserts do not wait. */
void partition_ensure_add(struct db_unit *u, int32_t months);
/* How many were made. */
int64_t partition_made_count(const struct db_unit *u, unsigned stmt);

extern const struct db_stmt_table partition_stmt_table;

#endif
