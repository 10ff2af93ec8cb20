/* breaker.h - when an endpoint is left alone (contracts/webhooks-out.md section 7).
 *
 *   CLOSED     posts go out.
 *   OPEN       none until open_until_us: 10 failures in a row, 70 % failures of at
 *              least 10 attempts in 5 minutes, or the receiver asked for quiet.
 *   HALF_OPEN  one post at a time, until one succeeds (CLOSED) or fails (OPEN for
 *              twice as long, to 10 minutes).
 *
 * Rows of an endpoint left alone stay pending and spend no attempt. Pure: the
 * clock is an argument (monotonic microseconds).
 *
 * XXX the state is of this process: another eventd, or this one after a restart,
 * makes up to 10 posts of its own before it opens too.
 */
#ifndef GH_EVENTD_BREAKER_H
#define GH_EVENTD_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct breaker {
	unsigned streak;       /* failures in a row */
	int64_t open_until_us; /* 0: CLOSED */
	int64_t pause_us;      /* length of the last pause of failures; 0: none */
	int64_t window_us;     /* start of the window below */
	unsigned attempt_count, failure_count;
};

/* Posts that may be under way: 0, 1 or max. */
unsigned breaker_limit(const struct breaker *b, int64_t now_us, unsigned max);
/* Time until a post may go out again; 0 when one may now. */
int64_t breaker_wait_us(const struct breaker *b, int64_t now_us);

/* A post ended. slow_us: the receiver asked for quiet (0: no). True when this opened it. */
bool breaker_count(struct breaker *b, int64_t now_us, bool is_success, int64_t slow_us);

/* Nothing to remember. */
bool breaker_is_clean(const struct breaker *b);

#endif
