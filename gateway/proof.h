/* proof.h - whether a provider's webhook is genuine. Pure. */
#ifndef GH_GATEWAY_PROOF_H
#define GH_GATEWAY_PROOF_H

#include <stdbool.h>

#include "base/slice.h"

struct provider;

/* secret: the provider's proof is made with it (struct provider.proof); SLICE_NONE: none is known,
 * which where the provider signs means that it was told none, and nothing is asked of it. A session
 * always has its key: one that we do not know proves nothing. signature: of the provider's header;
 * SLICE_NONE: there was none. */
bool proof_holds(const struct provider *p, struct slice secret, struct slice signature,
		 struct slice body) GH_MUST_USE;

#endif
