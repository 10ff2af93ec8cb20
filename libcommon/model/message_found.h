/* message_found.h - what a search of messages shows beyond their rows (model/message_row.h), and
 * how much of an instance waits to be sent.
 */
#ifndef GH_MODEL_MESSAGE_FOUND_H
#define GH_MODEL_MESSAGE_FOUND_H

#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

struct arena;

/* Slices may be absent. */
struct message_found {
	struct uuid id;
	struct slice chat_key;
	struct slice reply_to;
	struct slice payload; /* of a send: model/message_payload.h */
};

/* Of messages whose rows were read before, so of the company; primary key. Slices live in a. */
void message_found_add(struct db_unit *u, const struct uuid *ids, unsigned count);
unsigned message_found_count(const struct db_unit *u, unsigned stmt);
void message_found_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
			struct message_found *found);

#define MESSAGE_WAITING_MAX 10000
struct message_waiting {
	int64_t pending;    /* no more than MESSAGE_WAITING_MAX are counted */
	int64_t processing; /* of them */
};
/* Sends of an instance that have not ended. Indexes send_queue_arrived and send_queue_lane. */
void message_waiting_add(struct db_unit *u, int32_t instance_id);
struct message_waiting message_waiting_read(const struct db_unit *u, unsigned stmt);

extern const struct db_stmt_table message_found_stmt_table;

#endif
