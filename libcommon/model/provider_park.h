/* provider_park.h - a provider server that nobody can use now: who carries its sends meanwhile.
 *
 * While a senderd's breaker for a provider is open, it acknowledges hints for that
 * provider's instances without claiming: ten thousand instances must not make ten
 * thousand claims a second that all end at the same dead address. Their due rows then
 * have no outbox row, no lease and no fresh target_service. providers.parked_until
 * carries them all at once:
 *
 *   opened, each failed probe   parked_until = now + next probe + the longest call +
 *                               margin: never in the past while that senderd lives.
 *   closed                      parked_until = now, and one hint for every instance
 *                               with due rows, in one commit. Rows not due yet have the
 *                               timer of the commit that parked them.
 *   the senderd dies            parked_until passes; healthd's rehint, which leaves
 *                               parked providers out, then finds the rows unserved and
 *                               hints them; whoever takes the hint probes for himself.
 *   the write is lost           as if it had died: rows are hinted again after 45 s.
 *   another senderd is open     when the first one closes: it acknowledges its share of
 *                               the hints; its own close, or healthd, hints them again.
 */
#ifndef GH_MODEL_PROVIDER_PARK_H
#define GH_MODEL_PROVIDER_PARK_H

#include <stdint.h>

#include "db/db.h"

/* Nobody else needs to look after the provider's due sends for that long. */
void provider_park_add(struct db_unit *u, int32_t provider_id, int64_t for_us);
/* It works again. Relies on instances_external; reads one index entry per instance. */
void provider_release_add(struct db_unit *u, int32_t provider_id);

extern const struct db_stmt_table provider_park_stmt_table;

#endif
