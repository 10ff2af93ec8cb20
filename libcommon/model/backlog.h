/* backlog.h - what waits, per company, as healthd counted it: broker queues and the outbox. */
#ifndef GH_MODEL_BACKLOG_H
#define GH_MODEL_BACKLOG_H

#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"
#include "mq/envelope.h"

/* Slices are valid until the unit is done; times 0: never. */
struct backlog_queue {
	int32_t company_id;
	struct slice name;
	enum mq_kind kind;
	int64_t messages; /* rows it is about */
	int64_t last_activity_us;
};
/* The queues of these companies, by company and name. Relies on queue_metadata_company. */
void backlog_queues_add(struct db_unit *u, const int32_t *company_ids, unsigned count);
unsigned backlog_queues_count(const struct db_unit *u, unsigned stmt);
void backlog_queues_read(const struct db_unit *u, unsigned stmt, unsigned i,
			 struct backlog_queue *out);

struct backlog_outbox {
	int32_t company_id;
	int64_t pending;      /* later ones included */
	int64_t oldest_at_us; /* since when the oldest due one waits; 0: none is due */
};
/* By company; those without a row have none. Primary key. */
void backlog_outbox_add(struct db_unit *u, const int32_t *company_ids, unsigned count);
unsigned backlog_outbox_count(const struct db_unit *u, unsigned stmt);
void backlog_outbox_read(const struct db_unit *u, unsigned stmt, unsigned i,
			 struct backlog_outbox *out);

extern const struct db_stmt_table backlog_stmt_table;

#endif
