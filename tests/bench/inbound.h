/* inbound.h - the request of bench-inbound: a WAHA webhook "message" as GOWS posts it
 * (contracts/waha.md sections 9 to 11), signed, each with an id of its own.
 */
#ifndef GH_BENCH_INBOUND_H
#define GH_BENCH_INBOUND_H

#include <stdint.h>

#include "base/buf.h"

struct inbound_requests {
	struct slice host; /* of the Host field */
	struct slice path; /* /webhook/waha/KEY */
	struct slice session;
	struct slice hmac_key;
	uint64_t count; /* requests written so far */
};

/* A load_opts.write; arg is a struct inbound_requests. */
void inbound_write(void *arg, struct buf *out);

#endif
