/* post.h - one half of bench-floor: a provider's send over libcommon's HTTP client alone.
 *
 * The request is the one that growhub-senderd makes of a text (provider/waha.c), written once;
 * N of them are kept in flight over keep-alive connections. What this costs is the part of a
 * send that is the call.
 */
#ifndef GH_BENCH_POST_H
#define GH_BENCH_POST_H

#include <stdint.h>

#include "base/slice.h"

struct loop;

struct post_opts {
	struct slice base_url; /* of the WAHA server */
	struct slice api_key;
	struct slice session;
	unsigned in_flight;
	int64_t warmup_us;
	int64_t run_us;
};

#define POST_ERROR_MAX 256

struct post_result {
	uint64_t answered; /* with success, after the warm-up */
	uint64_t errors;   /* of the warm-up too */
	int64_t elapsed_us;
	int64_t cpu_us;                   /* of this process, after the warm-up */
	char first_error[POST_ERROR_MAX]; /* "" when there was none */
};

/* Post on the loop until the time is over; *out is cleared first. GH_EINVAL: the address, key
 * or session is none. */
enum gh_code post_run(struct loop *l, const struct post_opts *opts, struct post_result *out,
		      struct gh_err *err) GH_MUST_USE;

#endif
