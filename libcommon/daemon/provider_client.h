/* provider_client.h - calls about sessions and servers to providers: open the keys, build, send
 * with a deadline, interpret. Sends of messages are senderd's, which must know more about each.
 *
 * Private addresses are allowed: providers are named by administrators.
 * Threading: loop thread only.
 */
#ifndef GH_DAEMON_PROVIDER_CLIENT_H
#define GH_DAEMON_PROVIDER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/slice.h"
#include "provider/provider.h"

struct daemon;
struct http_result;
struct provider_client;

struct provider_client *provider_client_new(struct daemon *d, unsigned in_flight_max);
/* Calls under way are given up without their done. Not legal inside one. NULL is legal. */
void provider_client_free(struct provider_client *c);

/* The server as its row holds it, and what the session's row adds. */
struct provider_address {
	struct slice type; /* "waha" */
	struct slice base_url;
	struct slice api_key_sealed;     /* aad "provider_key"; absent: no key */
	struct slice engine;             /* absent: not known, or the call does not depend on it */
	struct slice session_key_sealed; /* aad "session_key"; absent: none, or not known */
};

/* result and its slices: valid during the call. elapsed_us: 0 when nothing was sent. */
typedef void provider_client_fn(void *arg, const struct provider_result *result,
				int64_t elapsed_us);

/* What a translator is told of an answer, for who makes calls of its own; the body borrows from r.
 * A provider may ask for no more patience than that. */
#define PROVIDER_CLIENT_RETRY_AFTER_MAX (3600 * CLOCK_SEC)
struct provider_answer provider_client_answer(const struct http_result *r);

/* The provider does not know the session, or not by the key that we have: healthd finds it or makes
 * it again. */
bool provider_client_is_lost(const struct provider_result *result);

/* Call a provider. Nothing given is kept after this returns. call->session_key, where it is set,
 * comes before the sealed one; a call about a session whose key is neither known nor readable ends
 * as that of a session that is lost: PROVIDER_PARK_INSTANCE, "session_missing". done is called
 * exactly once, maybe before this returns: what cannot even be tried (unknown type, unreadable key,
 * bad address, in_flight_max reached) is reported as a result like any other. */
void provider_client_call(struct provider_client *c, const struct provider_address *address,
			  const struct provider_call *call, int64_t timeout_us,
			  provider_client_fn *done, void *arg);

#endif
