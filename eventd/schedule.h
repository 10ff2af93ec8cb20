/* schedule.h - what the answer to a post means (contracts/webhooks-out.md
 * sections 5 and 6): done, again after a delay, or given up. Pure.
 */
#ifndef GH_EVENTD_SCHEDULE_H
#define GH_EVENTD_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "model/delivery.h"

#define SCHEDULE_ATTEMPTS_MAX 10
/* Draws are uniform in 0..SCHEDULE_DRAWS-1. */
#define SCHEDULE_DRAWS 4001u

struct schedule_answer {
	int16_t attempt;          /* 1 for the first post */
	bool is_own_fault;        /* it never left because of us: costs no attempt */
	unsigned status;          /* HTTP status; 0: no answer */
	struct slice retry_after; /* header values; SLICE_NONE when absent */
	struct slice directive;   /* webhook-delivery */
	int64_t now_us;           /* wall time: what an HTTP-date is counted from */
	unsigned draw;            /* random_below(SCHEDULE_DRAWS): the jitter */
};

struct schedule_verdict {
	enum delivery_outcome outcome;
	int64_t delay_us; /* until the next post: DELIVERY_RETRY and DELIVERY_PARK */
	int64_t slow_us;  /* leave the whole endpoint alone for so long; 0: no */
	bool is_disabled; /* the receiver wants no more posts at all */
};

struct schedule_verdict schedule_decide(const struct schedule_answer *a);

#endif
