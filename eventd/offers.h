/* offers.h - deliveries that are posted without a claim of their own.
 *
 * Who makes events asks, before its commit, which endpoints would be posted to at once anyway;
 * their deliveries are then born leased to this process (model/delivery.h) and posted from memory
 * as soon as the commit is there. That saves the hint, the claim and one version of the row. An
 * endpoint is offered while it is served here, answers well, has room for all that may come, and
 * nothing of it has waited in the database for long: that goes first. The rest, and everything
 * that is due again, goes by hints and claims.
 *
 * Threading: loop thread only.
 */
#ifndef GH_EVENTD_OFFERS_H
#define GH_EVENTD_OFFERS_H

struct arena;
struct deliveries;
struct delivery_claim;
struct delivery_take;
struct offer;

/* For at most these events, those of one company together. The offer lives in a; it holds room
 * until offer_end, to be called exactly once. */
struct offer *offer_new(struct deliveries *x, struct arena *a, const struct delivery_claim *events,
			unsigned count);
/* What it offers, possibly nothing; lives in the arena. */
const struct delivery_take *offer_take(const struct offer *o);
/* What was taken is committed, and posted now. count 0: nothing was, or nobody knows: then the
 * leases lapse. */
void offer_end(struct offer *o, const struct delivery_claim *taken, unsigned count);

#endif
