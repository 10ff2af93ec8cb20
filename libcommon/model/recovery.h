/* recovery.h - an endpoint gets again what it missed between two instants: events it
 * subscribes to whose delivery ended unsuccessful or was never made.
 *
 * A row of webhook_recoveries is the task; healthd works it off a slice of events at
 * a time and notes in the same statement how far it is, so that a restart goes on
 * from there. Of several tasks the one that waited longest is next.
 */
#ifndef GH_MODEL_RECOVERY_H
#define GH_MODEL_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"
#include "db/db.h"
#include "model/endpoint_ops.h"

#define RECOVERY_SLICE_MAX 2000 /* events */
#define RECOVERY_SHOWN_MAX 20

struct recovery_row {
	struct uuid id; /* its time is when it was asked for */
	int64_t since_us;
	int64_t until_us;
	int64_t matched;   /* events the endpoint subscribes to, so far */
	int64_t queued;    /* of these: missed, and now due */
	int64_t remaining; /* events of the company still to be looked at, counted to 10,001 */
	int64_t finished_at_us;
};

/* Ask for one; one per endpoint at a time: the second fails the unit with this constraint. */
#define RECOVERY_CONSTRAINT "webhook_recoveries_running"
void recovery_insert_add(struct db_unit *u, const struct endpoint_key *k, struct uuid id,
			 int64_t since_us, int64_t until_us);
/* The newest RECOVERY_SHOWN_MAX of an endpoint; the caller checks whose it is. */
void recovery_list_add(struct db_unit *u, int32_t endpoint_id);
unsigned recovery_row_count(const struct db_unit *u, unsigned stmt);
void recovery_row_read(const struct db_unit *u, unsigned stmt, unsigned i,
		       struct recovery_row *row);

/* Work at the next task: a slice of 1..RECOVERY_SLICE_MAX events. Deliveries are locked in the
 * order of their events. */
void recovery_slice_add(struct db_unit *u, unsigned events);
struct recovery_slice {
	bool was_any; /* false: no task waits */
	bool is_finished;
	int32_t company_id;
	int32_t endpoint_id;
	int64_t queued;
};
void recovery_slice_read(const struct db_unit *u, unsigned stmt, struct recovery_slice *out);

extern const struct db_stmt_table recovery_stmt_table;

#endif
