/* targets.h - what hints wake: instances (inbound) or endpoints (deliveries).
 *
 * A target is WANTED (waits for its turn), RUNNING (a claim or a round is under way) or
 * PAUSED (its work failed; it is wanted again soon); one with nothing to do is forgotten. Turns go
 * round robin over companies, so that one company's targets do not stand before another's. A hint
 * is held while any of its targets may still depend on it: it is acknowledged when work that
 * started after its arrival has committed and nothing more is due, so a crash gives it back to the
 * broker. A further hint for a target that already waits is acknowledged at once.
 *
 * Threading: loop thread only.
 */
#ifndef GH_EVENTD_TARGETS_H
#define GH_EVENTD_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "mq/envelope.h"

struct hint;
struct loop;
struct target;
struct targets;

/* on_wanted: something waits for its turn; called from targets_hint, targets_done and, after
 * targets_failed, from the loop. Call targets_next from it or later. */
struct targets *targets_new(struct loop *l, void (*on_wanted)(void *arg), void *arg);
/* Held hints are dropped without acknowledgement. NULL is legal. */
void targets_free(struct targets *t);

/* Wake every target of the envelope; takes the hint. */
void targets_hint(struct targets *t, const struct mq_envelope *e, struct hint *h);

/* Next waiting target, now RUNNING; NULL when none waits. */
struct target *targets_next(struct targets *t);
/* Its work committed. has_more: due rows remain, it waits for another turn. */
void targets_done(struct target *k, bool has_more);
/* Its work failed for now (database away): it waits again after a pause. */
void targets_failed(struct target *k);

int32_t target_id(const struct target *k);
int32_t target_company(const struct target *k);

/* WANTED ones. */
unsigned targets_waiting_count(const struct targets *t);

#endif
