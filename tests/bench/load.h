/* load.h - closed-loop HTTP load: N keep-alive connections to one address, each
 * sends its next request when the answer to the last one is complete.
 *
 * Meant to cost little beside the server it measures: raw sockets on the loop, one
 * write and usually one read per request. It understands what GrowHub's own server
 * answers (a status line, Content-Length, keep-alive) and counts anything else,
 * a lost connection included, as an error; a connection comes back after a pause.
 */
#ifndef GH_BENCH_LOAD_H
#define GH_BENCH_LOAD_H

#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "hist.h"

struct loop;

#define LOAD_CONNECTIONS_MAX 4096

struct load_opts {
	struct addr addr;
	uint16_t port;
	unsigned connections; /* 1..LOAD_CONNECTIONS_MAX */
	int64_t warmup_us;    /* runs like the rest, its requests are not counted */
	int64_t run_us;
	unsigned status;                           /* of a success */
	void (*write)(void *arg, struct buf *out); /* append one whole request */
	void *arg;
};

#define LOAD_ERROR_MAX 1024

struct load_result {
	uint64_t requests; /* answered with the right status after the warm-up */
	uint64_t errors;   /* of the warm-up too */
	int64_t elapsed_us;
	struct hist latency; /* of requests, from the write to the answer's last byte */
	char first_error[LOAD_ERROR_MAX]; /* "" when there was none */
};

/* Run the load on the loop and return when its time is over; *out is cleared first. The
 * requests in flight at the end are dropped and counted nowhere. */
void load_run(struct loop *l, const struct load_opts *opts, struct load_result *out);

#endif
