/* queue_row.h - the broker queues that exist (table queue_metadata): written by the
 * relay when it has declared them, read by the consumers. Wildcards cannot be
 * consumed, so this table is how a consumer learns of a new company.
 */
#ifndef GH_MODEL_QUEUE_ROW_H
#define GH_MODEL_QUEUE_ROW_H

#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"
#include "mq/envelope.h"

struct arena;

#define QUEUE_ROWS_PER_COMPANY 5   /* three outbound classes, inbound, events */
#define QUEUE_COMPANIES_MAX    256 /* of one record statement */

struct queue_row {
	struct slice name;
	int32_t company_id;
	enum mq_kind kind;
	enum mq_class cls;
};

/* Record that the queues of these companies (1..QUEUE_COMPANIES_MAX, distinct) are declared:
 * QUEUE_ROWS_PER_COMPANY rows each, named as mq/topology.h does. Repeating is harmless and
 * renews declared_at. Rows are locked in the order of their names. Send WAKE_QUEUES
 * (model/wake.h) after the commit. */
void queue_row_record_add(struct db_unit *u, const int32_t *company_ids, unsigned count);

/* Read all queues whose kind is in the set. kinds: 1 to 3 of them. Scans the table: for
 * re-reading in seconds, not per message. */
void queue_row_list_add(struct db_unit *u, const enum mq_kind *kinds, unsigned count);
/* Rows of statement stmt of the finished unit; *rows lives in a. Returns the count. */
unsigned queue_row_list(const struct db_unit *u, unsigned stmt, struct arena *a,
			struct queue_row **rows);

extern const struct db_stmt_table queue_row_stmt_table;

#endif
