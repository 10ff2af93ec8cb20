/* results.h - store what calls came to: one group commit for messages, queue, events and
 * the hints of the next lane heads.
 *
 * A result waits for the database as long as its lease protects the row. Given up
 * after that, the row becomes in_doubt by healthd, which is safe: it is resolved by a
 * receipt, or resent with the same send_ref.
 */
#ifndef GH_SENDERD_RESULTS_H
#define GH_SENDERD_RESULTS_H

#include <stdbool.h>

struct call;
struct results;
struct senderd;

struct results *results_new(struct senderd *sd);
/* Ends the batcher; results left are given up. After the database connection was freed. NULL is
 * legal. */
void results_free(struct results *r);

/* Store call->result; takes the call and frees it in the end. */
void results_add(struct results *r, struct call *call);

#endif
