/* gauge.h - numbers about the whole installation, for the metrics page of one process. */
#ifndef GH_MODEL_GAUGE_H
#define GH_MODEL_GAUGE_H

#include <stdint.h>

#include "db/db.h"

struct gauge_work {
	int64_t outbox_pending;   /* outbox rows, those of later included */
	int64_t outbox_oldest_us; /* wall time since when the oldest due one waits; 0: none is due
				   */
	int64_t stranded;         /* unfinished rows without a carrier (growhub_stranded) */
};

/* Reads the outbox and the queues, not the messages. */
void gauge_work_add(struct db_unit *u);
void gauge_work_read(const struct db_unit *u, unsigned stmt, struct gauge_work *out);

/* Sum over companies of the absolute difference between accepted and sent + failed +
 * cancelled + pending: 0 when promise 1 holds. Reads every message: once in minutes. */
void gauge_ledger_add(struct db_unit *u);
int64_t gauge_ledger_difference(const struct db_unit *u, unsigned stmt);

/* Count what each broker queue is about (the rows are the work, not its messages) and note when a
 * worker last looked after one of its targets, into queue_metadata: what GET /api/admin/health
 * shows. Reads the queues and target_service. */
void gauge_queues_add(struct db_unit *u);

/* Count the outbox rows of each company into outbox_backlog. Reads the outbox. */
void gauge_outbox_add(struct db_unit *u);

extern const struct db_stmt_table gauge_stmt_table;

#endif
