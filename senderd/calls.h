/* calls.h - the provider call of one claimed message, from the claim to the decided outcome.
 *
 * A call always ends, within sending.deadline, in exactly one result handed to
 * results.h. The request is written at most once (http/client.h): what may have
 * reached the provider and was not answered is UNKNOWN, never repeated blindly. A row
 * in doubt is looked up first, within the same deadline.
 */
#ifndef GH_SENDERD_CALLS_H
#define GH_SENDERD_CALLS_H

#include <stdint.h>

#include "base/list.h"
#include "db/batch.h"
#include "model/send_queue.h"

struct calls;
struct claim_mem;
struct http_call;
struct outgoing;
struct route;
struct senderd;
struct target;

/* One claimed message until its result is stored. */
struct call {
	struct db_batch_row row; /* results.c */
	struct list link;        /* all calls */
	struct calls *owner;
	struct claim_mem *mem;
	struct target *target;
	const struct route *route;
	struct send_claim *claim;
	struct outgoing *outgoing; /* NULL: no request was needed */
	struct http_call *http;    /* NULL: not under way */
	struct send_result result;
	struct slice chat;  /* canonical chat id */
	const char *reason; /* the provider's reason, for the log */
	int64_t started_us, duration_us;
	bool is_looked_up;  /* a look-up came first */
	bool is_spelled;    /* the number was looked after */
	struct slice phone; /* of Brazil, as asked for; absent: none */
	bool is_stripped;   /* results.c: stored without its texts */
};

struct calls *calls_new(struct senderd *sd);
/* Gives up what is under way; results that were not stored die too. After the batcher of
 * results.h. NULL is legal. */
void calls_free(struct calls *c);

/* Start the call of a claimed row. mem is referenced; target, route and claim must live as long as
 * it, target until targets_settled. May end before this returns. */
void calls_start(struct calls *c, struct claim_mem *mem, struct target *target,
		 const struct route *route, struct send_claim *claim);
/* The result is stored or given up. */
void call_free(struct call *call);

#endif
