/* load.h - HTTP load over N keep-alive connections to one address.
 *
 * Closed loop: each connection sends its next request when the answer to the last one
 * is complete; this finds saturation. Open loop: requests are due at a fixed rate
 * whatever the server does, and latency counts from the moment a request was due, so
 * that a stall shows in every request that it held up; this measures what a client sees.
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
#define LOAD_RATE_MAX        200000

struct load_opts {
	struct addr addr;
	uint16_t port;
	unsigned connections; /* 1..LOAD_CONNECTIONS_MAX */
	unsigned rate;        /* open loop: requests per second, to LOAD_RATE_MAX; 0: closed */
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
	uint64_t due;      /* open loop: requests that fell due after the warm-up */
	int64_t elapsed_us;
	/* Of requests, to the answer's last byte: from the write, or from when it was due. */
	struct hist latency;
	char first_error[LOAD_ERROR_MAX]; /* "" when there was none */
};

/* Run the load on the loop and return when its time is over; *out is cleared first. The
 * requests in flight at the end are dropped and counted nowhere. */
void load_run(struct loop *l, const struct load_opts *opts, struct load_result *out);

#endif
