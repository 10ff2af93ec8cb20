/* stalled.h - messages that were sent and of which nothing was heard since.
 *
 * Found through the "sent" events, whose ids are the times of sending: a slice of time
 * is one range of a primary key. An index on messages would cost every send one more
 * entry in each of its indexes, to find what hardly ever happens.
 */
#ifndef GH_MODEL_STALLED_H
#define GH_MODEL_STALLED_H

#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

struct arena;

#define STALLED_LIST_MAX 128

/* A sent message without any receipt. Slices live in the arena given. */
struct stalled_row {
	struct uuid id;
	struct uuid sent_event_id;
	int32_t instance_id;
	int16_t attempts;
	struct slice external_id;
	struct slice reference;
	struct slice chat_key;
	struct slice phone; /* own number; may be absent */
	struct slice instance_name;
	struct slice session;
	struct slice provider_type;
	/* for stalled_add */
	struct uuid event_id;
	struct slice facts;
};

/* Messages without a receipt and not flagged yet whose "sent" event lies after that event and
 * before that time, in the order of the events, at most STALLED_LIST_MAX. No locks. */
void stalled_list_add(struct db_unit *u, struct uuid after_event_id, int64_t until_us);
unsigned stalled_list_rows(const struct db_unit *u, struct arena *a, struct stalled_row **rows);
/* Smallest id an event of that time can have. */
struct uuid stalled_floor(int64_t at_us);

#define STALLED_STMTS 1
/* Flag them, with event and transition, where still no receipt has come: STALLED_STMTS statements,
 * the first of the unit. */
void stalled_add(struct db_unit *u, const struct stalled_row *const *rows, unsigned count,
		 int64_t at_us, struct slice worker);
/* How many were flagged. */
unsigned stalled_count(const struct db_unit *u);

extern const struct db_stmt_table stalled_stmt_table;

#endif
