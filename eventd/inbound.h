/* inbound.h - raw provider webhooks become messages, statuses, instance states and
 * events.
 *
 * A hint wakes an instance. A round takes the due bodies of up to 16 instances,
 * reads what they mean (plan.h), and applies it in one transaction under the
 * instances' locks. Rounds of different instances run side by side; one instance
 * is in one round at a time here, and the fence in model/inbound.h makes it
 * harmless when another eventd works on the same instance.
 */
#ifndef GH_EVENTD_INBOUND_H
#define GH_EVENTD_INBOUND_H

#include <stdbool.h>

#include "db/db.h"
#include "mq/envelope.h"

struct daemon;
struct deliveries;
struct hint;
struct inbound;
struct metrics_table;

/* table: values of plan_metrics. db: its tables include those of inbound_tables. deliveries posts
 * the events made here, and outlives this. */
struct inbound *inbound_new(struct daemon *d, struct db *db, struct deliveries *deliveries,
			    struct metrics_table *table);
void inbound_free(struct inbound *in); /* after db_free; NULL is legal */

/* Takes the hint. */
void inbound_hint(struct inbound *in, const struct mq_envelope *e, struct hint *h);

/* The database is back: go on with what waits. */
void inbound_kick(struct inbound *in);

/* Start no further round; idle is called once when none runs (possibly at once). */
void inbound_drain(struct inbound *in, void (*idle)(void *arg), void *arg);

/* Statement tables, NULL-terminated. */
extern const struct db_stmt_table *const inbound_tables[];

#endif
