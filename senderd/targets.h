/* targets.h - which instance is claimed next: the fair scheduler of senderd. Pure: no
 * I/O, no clock.
 *
 * A hint wakes an instance (a target). Wanted targets wait in one list per class and
 * company; classes are served 8:4:1, companies of a class in turn. A target has at most one
 * claim under way. A hint is released (acknowledged) when a claim that began
 * after it came has ended and the instance has nothing more that is due, or is
 * parked: then rows or timers in the database carry what is left.
 *
 * After an answer that speaks of the instance or its provider ("session not
 * working", "wrong key") the target is parked: no claim until TARGETS_PARK_US have
 * passed, or a hint comes (TARGETS_PROBE_US at the earliest), and then one call at a
 * time until one of them gets through. Otherwise a dead session would be called
 * once per waiting message.
 *
 * Each provider has a breaker (breaker.h). While it is open its targets are BLOCKED
 * without their hints, which are released at once: what their rows wait for is said in
 * model/provider_park.h. TARGETS_CANDIDATES of them stay to be the next probes, the
 * others are forgotten; the close hints them all.
 */
#ifndef GH_SENDERD_TARGETS_H
#define GH_SENDERD_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "breaker.h"
#include "mq/envelope.h"

struct hint;
struct target;
struct targets;

#define TARGETS_PARK_US  (15 * CLOCK_SEC)
#define TARGETS_PROBE_US CLOCK_SEC
/* A hint is given back to the broker's care no later than this: brokers close the channel of a
 * consumer that holds a message for half an hour. healthd watches the rows all the same. */
#define TARGETS_HOLD_US (600 * CLOCK_SEC)
/* And where no more calls may start here it is offered to other senders after this time: one that
 * joins would hear nothing of a backlog that gets no new messages. */
#define TARGETS_OFFER_US CLOCK_SEC
/* More than one: an instance may have nothing left to send when its turn to probe comes. */
#define TARGETS_CANDIDATES 16

enum target_state {
	TARGET_IDLE,     /* nothing to do: about to be freed */
	TARGET_WANTED,   /* in its class list */
	TARGET_CLAIMING, /* picked, until targets_claimed or targets_defer */
	TARGET_DEFERRED, /* its route is being looked up, until targets_want */
	TARGET_BLOCKED,  /* its provider takes no more calls now, or its breaker is open */
	TARGET_PARKED,   /* see above */
	TARGET_SERVING   /* calls run, or their results are being stored */
};
#define TARGET_STATE_COUNT 7

struct targets_opts {
	unsigned max_in_flight; /* calls at one time */
	/* An open breaker is closed because nobody needs it; from targets_expire. */
	void (*forget)(void *arg, int32_t provider_id);
	void *arg;
};

struct targets *targets_new(const struct targets_opts *opts);
/* Hints not released are dropped without a call; targets die. NULL is legal. */
void targets_free(struct targets *s);

/* Take a hint (released from inside when every target is carried by another one). */
void targets_hint(struct targets *s, const struct mq_envelope *e, struct hint *h);

/* The next target to claim for, now CLAIMING; NULL when none is wanted or no call may start. */
struct target *targets_pick(struct targets *s);
/* How many rows the picked target may claim now; the slots are reserved. 0: its provider is
 * full or its breaker open, and the target BLOCKED or forgotten. max_concurrency: of the
 * provider, 0 = no limit.
 * XXX counted per process: two senderds together may make twice as many calls. */
unsigned targets_grant(struct targets *s, struct target *t, int32_t provider_id,
		       int32_t max_concurrency, int64_t now_us);
/* The picked target must wait for something else, until targets_want. */
void targets_defer(struct targets *s, struct target *t);
/* Put a target back into its list: deferred, or its claim failed before it did anything. */
void targets_want(struct targets *s, struct target *t);
/* The picked or deferred target does not exist (any more): forget it, release its hints. */
void targets_drop(struct targets *s, struct target *t);

/* The claim of `granted` reserved slots ended: it gave `claimed` rows, whose calls run from now
 * on. last_class: class of the last row. */
void targets_claimed(struct targets *s, struct target *t, unsigned granted, unsigned claimed,
		     enum mq_class last_class, bool has_more, int64_t now_us);
/* The claim failed: the slots are free again, the target is tried again after TARGETS_PARK_US
 * when is_parked, else at once. */
void targets_claim_failed(struct targets *s, struct target *t, unsigned granted, bool is_parked,
			  int64_t now_us);
/* A call ended: its slot is free. news: what it tells of the provider; is_parked: its answer
 * parks the target. Returns what became of the provider's breaker; *wait_us: time until its next
 * probe, 0 when it is closed. */
enum breaker_change targets_call_ended(struct targets *s, struct target *t, enum breaker_news news,
				       bool is_parked, int64_t now_us, int64_t *wait_us);
/* The result of a call is stored, or given up: its lane may have a new head. */
void targets_settled(struct targets *s, struct target *t);

/* Parked targets whose time is over are wanted again, and one blocked target of each open breaker
 * whose probe is due. Returns the monotonic time of the next one, 0: none waits. */
int64_t targets_expire(struct targets *s, int64_t now_us);

int32_t target_instance(const struct target *t);
/* Targets known; in one state; calls running; rows claimed whose result is not stored yet. */
unsigned targets_count(const struct targets *s);
unsigned targets_state_count(const struct targets *s, enum target_state state);
unsigned targets_call_count(const struct targets *s);
unsigned targets_unstored_count(const struct targets *s);

#endif
