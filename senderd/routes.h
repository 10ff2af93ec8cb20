/* routes.h - how to call an instance: provider, address, keys, session; cached for 4 s.
 * After that a changed key or address is read again before the next claim.
 */
#ifndef GH_SENDERD_ROUTES_H
#define GH_SENDERD_ROUTES_H

#include <stdint.h>

#include "base/slice.h"
#include "provider/provider.h"

struct arena;
struct routes;
struct senderd;

struct route {
	int32_t instance_id;
	int32_t provider_id;
	int32_t max_concurrency;
	unsigned provider_label;         /* of the metrics */
	const struct provider *provider; /* NULL: a type this build does not know */
	struct slice session;
	struct slice instance_name;
	struct slice phone; /* own number; may be absent */
	struct slice base_url;
	struct slice api_key;     /* plain; may be absent */
	struct slice session_key; /* plain; absent: it has none, or none is known */
	struct slice engine;      /* absent: not known */
	int64_t max_attempts;     /* provider calls for one message: the instance's, or
				     sending.max_attempts */
};

/* Its server, for building requests; borrows from route. */
struct provider_server route_server(const struct route *route);

struct routes *routes_new(struct senderd *sd);
/* After the database connection; callers that wait are dropped without a call. NULL is legal. */
void routes_free(struct routes *r);

/* GH_OK with the route (valid until the end of the pass); GH_ENOTFOUND no such instance;
 * GH_ETEMP the database did not answer. */
typedef void routes_fn(void *arg, enum gh_code code);

/* GH_OK and GH_ENOTFOUND are the answer, fn is not called. GH_EAGAIN: fn is called later, once, and
 * the caller asks again. */
enum gh_code routes_get(struct routes *r, int32_t instance_id, const struct route **route,
			routes_fn *fn, void *arg) GH_MUST_USE;

/* A copy that lives in a. */
const struct route *route_dup(struct arena *a, const struct route *route);

#endif
