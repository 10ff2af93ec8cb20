/* told.h - the events that a plan makes, and which of their deliveries came back leased to us.
 *
 * Everything lives in the plan's arena. Threading: loop thread only.
 */
#ifndef GH_EVENTD_TOLD_H
#define GH_EVENTD_TOLD_H

#include "base/uuid.h"
#include "model/delivery.h"

struct arena;
struct db_unit;
struct inbound_body;
struct told;

#define TOLD_STMTS_MAX 4 /* messages, statuses, changes, events */

struct told *told_new(struct arena *a, unsigned max);

/* One more event, about body's instance; gives its id. c says message, type, time and facts
 * (borrowed), the rest is filled in. To be called in one pass of the loop: ids ascend in it. */
struct uuid told_add(struct told *t, const struct inbound_body *body, struct delivery_claim c);
/* The events so far: endpoint_id is open, attempt 1. */
unsigned told_rows(const struct told *t, const struct delivery_claim **rows);

/* The statement added to u last makes some of them, and takes deliveries. */
void told_note(struct told *t, const struct db_unit *u);
/* u is committed: what its noted statements took, one for each event and endpoint. */
unsigned told_taken(const struct told *t, const struct db_unit *u, struct delivery_claim **rows);

#endif
