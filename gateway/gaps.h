/* gaps.h - calls that a provider's server turned out to lack, so that they are not asked again for
 * some time: a build does not change from one request to the next.
 *
 * Bounded; an upgrade of the server is noticed within GAPS_TTL_US. Threading: loop thread only.
 */
#ifndef GH_GATEWAY_GAPS_H
#define GH_GATEWAY_GAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "provider/action.h"

#define GAPS_TTL_US (600 * CLOCK_SEC)
#define GAPS_MAX    4096 /* beyond it all are forgotten, and asked again */

struct gaps;

struct gaps *gaps_new(void);
void gaps_free(struct gaps *g); /* NULL is legal */

/* now_us: monotonic. */
void gaps_note(struct gaps *g, int32_t provider_id, enum provider_action action, int64_t now_us);
bool gaps_has(const struct gaps *g, int32_t provider_id, enum provider_action action,
	      int64_t now_us);

#endif
