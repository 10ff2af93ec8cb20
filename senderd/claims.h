/* claims.h - take due rows of wanted instances: up to 64 instances in one unit, at most two
 * units at a time.
 */
#ifndef GH_SENDERD_CLAIMS_H
#define GH_SENDERD_CLAIMS_H

#include <stdbool.h>

struct arena;
struct claims;
struct senderd;

/* Memory that the rows of one claim unit and their calls share; dies with the last reference. */
struct claim_mem {
	struct arena *arena;
	unsigned refs;
};
void claim_mem_unref(struct claim_mem *m);

struct claims *claims_new(struct senderd *sd);
/* After the database connection was freed. NULL is legal. */
void claims_free(struct claims *c);

/* Something changed (a hint, a free slot, the database is back): claim at the end of this pass. */
void claims_wake(struct claims *c);
/* No claims before claims_resume: the database is away, or the daemon drains. Starts held. */
void claims_hold(struct claims *c);
void claims_resume(struct claims *c);

bool claims_is_idle(const struct claims *c);

#endif
