/* send.h - the request of bench-accept: POST /api/messages/send with a text of about
 * 120 bytes to one of 1000 numbers in turn.
 */
#ifndef GH_BENCH_SEND_H
#define GH_BENCH_SEND_H

#include <stdint.h>

#include "base/buf.h"

struct send_requests {
	struct slice host; /* of the Host field */
	struct slice path;
	struct slice token; /* of the company */
	uint64_t instance_id;
	uint64_t count; /* requests written so far */
};

/* A load_opts.write; arg is a struct send_requests. */
void send_write(void *arg, struct buf *out);

#endif
