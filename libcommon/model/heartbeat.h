/* heartbeat.h - one row per running process: who is there, since when, in what state.
 *
 * A process writes its row every few seconds; a row whose last_seen is old is a process
 * that died or lost the database. Rows are never read to decide who may work.
 */
#ifndef GH_MODEL_HEARTBEAT_H
#define GH_MODEL_HEARTBEAT_H

#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

struct heartbeat {
	struct slice daemon; /* "senderd" */
	struct slice name;   /* instance_name of the process */
	struct slice host;
	int32_t pid;
	struct slice version;
	struct slice state;    /* "ok", "degraded", "unready", "draining" */
	int64_t started_at_us; /* wall time */
};

/* Insert or refresh the row (daemon, name). Slices are borrowed until the unit is done. */
void heartbeat_write_add(struct db_unit *u, const struct heartbeat *h);

extern const struct db_stmt_table heartbeat_stmt_table;

#endif
