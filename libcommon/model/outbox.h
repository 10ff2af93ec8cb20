/* outbox.h - hints that wait for the broker, and the one timer for everything.
 *
 * A row wakes a target (an instance, or an endpoint for deliveries) at
 * available_at. The relay claims due rows in an open transaction, publishes
 * them, and commits the delete when the broker has confirmed; rows that were not
 * confirmed are written back in that same transaction. A crash in between rolls
 * the delete back: the hint goes out twice, which is harmless.
 */
#ifndef GH_MODEL_OUTBOX_H
#define GH_MODEL_OUTBOX_H

#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"
#include "mq/envelope.h"

struct arena;

#define OUTBOX_CLAIM_MAX 2048

struct outbox_row {
	int64_t id;
	enum mq_kind kind;
	enum mq_class cls;
	int32_t company_id;
	int32_t target_id;
	struct slice traceparent;
};

/* Delete and return up to max due rows, skipping those another relay holds. Only
 * inside an explicit transaction: the caller commits when they are confirmed. */
void outbox_claim_add(struct db_unit *u, unsigned max);
unsigned outbox_claim_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
			   struct outbox_row **rows);

/* Write rows back, due after delay_us. Same transaction as their claim. */
void outbox_return_add(struct db_unit *u, const struct outbox_row *const *rows, unsigned count,
		       int64_t delay_us);

/* When the earliest row is due. */
void outbox_next_add(struct db_unit *u);
/* Microseconds from now (0 or less: due), or -1 when the outbox is empty. */
int64_t outbox_next_us(const struct db_unit *u, unsigned stmt);

/* Hint again every target whose due rows nobody served for 45 s: what brings work back
 * after a wiped broker, a deleted queue or a lost hint. */
void outbox_rehint_add(struct db_unit *u);
/* The same for every target with due rows: the broker may have come back without its data. */
void outbox_rehint_all_add(struct db_unit *u);

extern const struct db_stmt_table outbox_stmt_table;

#endif
