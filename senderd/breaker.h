/* breaker.h - when a provider server is left alone.
 *
 *   CLOSED  calls go out.
 *   OPEN    one call at a time, the probe, 1, 2, 4 ... 30 s after the last one failed.
 *           Opened by one answer that speaks of the server (cannot be reached, refuses
 *           our key) or by BREAKER_DOUBTS calls in a row without a clear answer;
 *           closed by the first call that gets one.
 *
 * Pure: the clock is an argument (monotonic microseconds).
 *
 * XXX the state is of this process: each senderd finds out for itself, with one call or
 * BREAKER_DOUBTS of them, and probes for itself.
 */
#ifndef GH_SENDERD_BREAKER_H
#define GH_SENDERD_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define BREAKER_DOUBTS       5
#define BREAKER_PAUSE_US     CLOCK_SEC
#define BREAKER_PAUSE_MAX_US (30 * CLOCK_SEC)
/* Open, due for a probe, and nobody to make it: another sender has found the server well and taken
 * what waited. After this long it is forgotten. */
#define BREAKER_IDLE_US (30 * CLOCK_SEC)

struct breaker {
	unsigned doubts;  /* calls in a row without a clear answer */
	int64_t pause_us; /* before jitter; 0: CLOSED */
	int64_t probe_us; /* OPEN: no call before */
};

/* What a call tells of the server. */
enum breaker_news {
	BREAKER_WORKS, /* it answered, whatever it said of the message */
	BREAKER_NONE,  /* the call was not made */
	BREAKER_DOUBT, /* no clear answer: a timeout, a broken connection, a 5xx */
	BREAKER_DOWN   /* nothing was executed, and nothing will be for the next one */
};

enum breaker_change {
	BREAKER_SAME,
	BREAKER_OPENED,
	BREAKER_AGAIN, /* a probe failed */
	BREAKER_CLOSED
};

bool breaker_is_open(const struct breaker *b);
/* OPEN: a probe may start now, if none is under way. */
bool breaker_may_probe(const struct breaker *b, int64_t now_us);
/* Time until the next probe; 0 when CLOSED or due. */
int64_t breaker_wait_us(const struct breaker *b, int64_t now_us);
/* A call ended. */
enum breaker_change breaker_count(struct breaker *b, int64_t now_us, enum breaker_news news);

#endif
