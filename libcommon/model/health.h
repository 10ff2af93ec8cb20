/* health.h - how the installation is, from what others stored: providers as checked,
 * queues as counted, the outbox, the processes as they last reported.
 */
#ifndef GH_MODEL_HEALTH_H
#define GH_MODEL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

#define HEALTH_ROWS_MAX 500 /* of each list */

/* Slices are valid until the unit is done; times 0: never. */
struct health_provider {
	int32_t id;
	struct slice name, type, status, base_url;
	int32_t latency_ms;
	int64_t checked_at_us;
	bool is_active;
};
struct health_queue {
	struct slice name;
	int32_t company_id;
	struct slice company_name;
	int64_t messages;  /* rows it is about, as healthd last counted */
	int64_t consumers; /* processes alive that serve its kind */
	int64_t last_activity_us;
};
struct health_daemon {
	struct slice daemon, host, version, state;
	int32_t pid;
	int64_t last_seen_us;
	bool is_alive; /* reported within the last half minute */
};
struct health_outbox {
	int64_t pending;      /* counted to 10,001 */
	int64_t oldest_age_s; /* of the oldest due row */
};

/* Add the statements of all four, in this order; bounded reads. */
enum { HEALTH_AT_PROVIDERS, HEALTH_AT_QUEUES, HEALTH_AT_DAEMONS, HEALTH_AT_OUTBOX };
void health_read_add(struct db_unit *u);
/* Rows of a list. */
unsigned health_count(const struct db_unit *u, unsigned stmt);
void health_provider_read(const struct db_unit *u, unsigned i, struct health_provider *p);
void health_queue_read(const struct db_unit *u, unsigned i, struct health_queue *q);
void health_daemon_read(const struct db_unit *u, unsigned i, struct health_daemon *d);
void health_outbox_read(const struct db_unit *u, struct health_outbox *o);

extern const struct db_stmt_table health_stmt_table;

#endif
