/* cancel.h - the unfinished sends that can still be cancelled: of one message, one
 * instance, one company.
 *
 * Only finds them: they are ended through send_finish_add with SEND_DONE_CANCELLED,
 * which takes the instance's lock and looks again.
 */
#ifndef GH_MODEL_CANCEL_H
#define GH_MODEL_CANCEL_H

#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

struct arena;

#define CANCEL_SLICE_MAX 128 /* rows of one pick: one finish unit */

/* What send_finish_add and the event's facts need. */
struct cancel_row {
	struct uuid id;
	int32_t instance_id;
	int16_t attempt;
	int16_t tries;
	struct slice chat_key;
	struct slice reference; /* may be absent */
	struct slice instance_name;
	struct slice session; /* external_instance_id */
	struct slice phone;   /* own number; may be absent */
};

/* One message: one row while it waits (scheduled, queued, held), else none. Primary keys. */
void cancel_find_add(struct db_unit *u, int32_t company_id, struct uuid message_id);
/* Up to CANCEL_SLICE_MAX waiting sends of an instance. Relies on send_queue_arrived and
 * send_queue_lane. */
void cancel_pick_add(struct db_unit *u, int32_t company_id, int32_t instance_id);
/* Rows of either; *rows lives in a. */
unsigned cancel_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
		     struct cancel_row **rows);

extern const struct db_stmt_table cancel_stmt_table;

#endif
