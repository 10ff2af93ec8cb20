/* get.h - the request of list benchmarks: GET a target with a company's token.
 *
 * "{n}" in the target becomes one of `range` numbers in turn, from `first` on and `step` apart,
 * so that a filter does not meet the same rows each time.
 */
#ifndef GH_BENCH_GET_H
#define GH_BENCH_GET_H

#include <stdint.h>

#include "base/buf.h"

struct get_requests {
	struct slice host; /* of the Host field */
	struct slice token;
	struct slice target; /* path and query */
	uint64_t first, step, range;
	uint64_t count; /* requests written so far */
};

/* A load_opts.write; arg is a struct get_requests. */
void get_write(void *arg, struct buf *out);

#endif
