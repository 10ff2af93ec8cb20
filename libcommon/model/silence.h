/* silence.h - connected numbers of which nothing is heard any more (instances.silent_since).
 *
 * A number may have nothing to say. What shows that its webhooks do not arrive is a send of its
 * own: where the provider reports receipts, a send without any, and without any other webhook since
 * it was made. The alarm ends with the next webhook.
 */
#ifndef GH_MODEL_SILENCE_H
#define GH_MODEL_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

struct arena;

#define SILENCE_MAX       128 /* instances of one statement */
#define SILENCE_ENDED_MAX 16  /* each is a statement of one unit */

/* A change of one instance; slices live in the arena given or are the caller's. */
struct silence {
	int32_t instance_id;
	/* Read by silence_ended_rows: */
	bool is_heard; /* else it is not connected any more */
	struct slice status;
	struct slice name;
	struct slice session;
	struct slice phone; /* own number; may be absent */
	/* Given to the statements that change: */
	int64_t since_us; /* nothing was heard since; of silence_begin_add */
	struct uuid event_id;
	struct slice facts;
};

/* Note the silence of 1..SILENCE_MAX distinct instances, with an event each, where the instance is
 * connected, nothing was heard of it since and no webhook waits to be read; its webhook is looked
 * at, and moved back if it is gone (instance_untold_claim_add). Primary keys only; locks the rows
 * of instances. */
void silence_begin_add(struct db_unit *u, const struct silence *rows, unsigned count);
/* How many began. stmt: index in the unit. */
unsigned silence_begin_count(const struct db_unit *u, unsigned stmt);

/* Silences that are over, at most SILENCE_ENDED_MAX. Index instances_silent, no locks. */
void silence_ended_add(struct db_unit *u);
unsigned silence_ended_rows(const struct db_unit *u, struct arena *a, struct silence **rows);
/* End one, with an event. Primary key. */
void silence_end_add(struct db_unit *u, const struct silence *row);

extern const struct db_stmt_table silence_stmt_table;

#endif
