/* servers.h - tell the installation of a provider's breaker: log, metrics, and the row that
 * carries the provider's sends meanwhile (model/provider_park.h).
 */
#ifndef GH_SENDERD_SERVERS_H
#define GH_SENDERD_SERVERS_H

#include <stdint.h>

#include "breaker.h"

struct route;
struct senderd;
struct servers;

struct servers *servers_new(struct senderd *sd);
/* After the database connection was freed. NULL is legal. */
void servers_free(struct servers *v);

/* A call changed the breaker of the route's provider (BREAKER_SAME: nothing to tell). wait_us: time
 * until its next probe; reason: why, a literal. */
void servers_report(struct servers *v, const struct route *route, enum breaker_change change,
		    int64_t wait_us, const char *reason);
/* An open breaker was closed without a call. */
void servers_forget(struct servers *v, int32_t provider_id);

#endif
