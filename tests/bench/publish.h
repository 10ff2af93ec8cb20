/* publish.h - the baseline of bench-relay: persistent hints published and confirmed as
 * fast as libcommon/mq alone can, with the window of the relay.
 *
 * The messages are those of growhub-outboxd: mandatory, one target each, to the queues of
 * companies in turn. The queues exist already (the relay declared them).
 */
#ifndef GH_BENCH_PUBLISH_H
#define GH_BENCH_PUBLISH_H

#include <stdint.h>

#include "base/slice.h"

struct loop;

struct publish_opts {
	struct slice url; /* amqp://... */
	unsigned window;
	int64_t first_company;
	unsigned company_count; /* first_company and those that follow it */
	int64_t warmup_us;
	int64_t run_us;
};

struct publish_result {
	uint64_t published; /* of the warm-up too */
	uint64_t confirmed; /* after the warm-up */
	uint64_t failed;    /* returned, refused or lost; of the warm-up too */
	int64_t elapsed_us;
};

/* Publish on the loop until the time is over; *out is cleared first. GH_EINVAL: the URL is
 * none. A broker that is away or refuses shows as confirmed 0 or failed. */
enum gh_code publish_run(struct loop *l, const struct publish_opts *opts,
			 struct publish_result *out, struct gh_err *err) GH_MUST_USE;

#endif
