/* outcome.h - what a provider's answer means for a message: the one place that decides
 * between sent, retry, doubt, parking, holding and failure. Pure but for the jitter.
 */
#ifndef GH_SENDERD_OUTCOME_H
#define GH_SENDERD_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "breaker.h"
#include "model/send_queue.h"
#include "provider/provider.h"

struct outcome_policy {
	int64_t max_attempts;     /* provider calls for one message */
	int64_t in_doubt_wait_us; /* wait for proof before a resend */
	int64_t provider_park_us; /* until the breaker's next probe; 0: it is closed */
	bool ref_is_id;           /* struct provider */
	int64_t new_chats_us;     /* until the end of the pause that a refusal made; 0: none */
};

#define OUTCOME_PARK_US         (15 * CLOCK_SEC)
#define OUTCOME_LOOKUPS_MAX     3                  /* that fail, before the policy decides alone */
#define OUTCOME_RETRY_AFTER_MAX (3600 * CLOCK_SEC) /* a provider may ask for no more */

/* What to do with a claimed row. A row in doubt (is_in_doubt) is never just called: it is looked
 * up where the provider can be asked by the send_ref; where it cannot, or OUTCOME_LOOKUPS_MAX
 * look-ups failed, the instance's policy decides: at most one resend is made blindly, and no more
 * than max_attempts calls in all. Where a repeated send_ref is a second message, nothing is sent
 * again blindly unless the instance itself says "resend". */
enum outcome_step { OUTCOME_CALL, OUTCOME_LOOK_UP, OUTCOME_HOLD };
enum outcome_step outcome_first_step(const struct outcome_policy *policy,
				     const struct send_claim *c, bool can_look_up);

/* The functions below fill outcome, delay_us, external_id, code, text, event_type and is_uncounted
 * of *out; the rest is untouched. Slices borrow from c, r and a. */

/* A call ended.
 *
 * OK       SENT; where the answer tells no external id it is the send_ref, if that is one at all
 * RETRY    RETRY after the provider's wish, else 5, 30, 120 s +-20 %; FAILED
 *          "attempts_exhausted" when this was the last try
 * REJECTED FAILED with the provider's reason; a refusal that made a pause of new chats is tried
 *          again after it, FAILED when this was the last try
 * UNKNOWN  DOUBT for in_doubt_wait_us (DOUBT_AGAIN of a resend)
 * PARK_*   PARK, burning no try: "waiting_instance" for OUTCOME_PARK_US, "waiting_provider"
 *          until the breaker's next probe
 *
 * A resend proves nothing of the call before it: where a first call would go back to the queue,
 * it stays in DOUBT as long, or is held after the last try. */
void outcome_decide(const struct outcome_policy *policy, const struct send_claim *c,
		    const struct provider_result *r, struct arena *a, struct send_result *out);

/* A look-up ended.
 *
 * found         SENT "lookup" (FAILED where it says so)
 * not found     CALL as the policy says, and *out is untouched; else HOLD
 * PARK_*        DOUBT as above: nobody could be asked. The same for any failure while the
 *               breaker is open: a server that is down must not use up the look-ups
 * anything else UNSEEN for in_doubt_wait_us
 *
 * Under "hold" not even "not found" is reason enough for a second call: engines without a store
 * know nothing of messages they sent. Returns true when the call is to be made now. */
bool outcome_looked_up(const struct outcome_policy *policy, const struct send_claim *c,
		       const struct provider_result *r, struct send_result *out);

/* In doubt, and no resend: wait for a receipt or a person. */
void outcome_hold(struct send_result *out);
/* We could not get ready to call; code says what for: PARK, DOUBT for a resend. Burns no try. */
void outcome_postpone(const struct send_claim *c, const char *code, const char *text,
		      struct send_result *out);
/* A receipt already says what became of it; the finish statement knows what. */
void outcome_settled(struct send_result *out);

#define OUTCOME_PAUSE_MAX       (7 * 86400 * CLOCK_SEC) /* whatever is told */
#define OUTCOME_POLICY_NEEDED   3 /* refusals by policy, within NEW_CHATS_REFUSALS_S */
#define OUTCOME_POLICY_PAUSE_US (3600 * CLOCK_SEC) /* or untold_us where that is less */

struct outcome_pause {
	int64_t until_us; /* wall time */
	int32_t needed;   /* answers like this one that make it */
};
/* Until when an instance is to open no conversation after this answer to a send; false: it says
 * nothing of that. untold_us: how long where WhatsApp does not tell; now_us: wall time. */
bool outcome_pauses(const struct provider_result *r, int64_t untold_us, int64_t now_us,
		    struct outcome_pause *out);

/* The answer speaks of the instance: stop claiming for it for a while. */
bool outcome_parks(const struct provider_result *r);
/* What it tells of the provider. */
enum breaker_news outcome_news(const struct provider_result *r, bool is_look_up);

/* Status the message has after an outcome that makes an event. */
enum msg_status outcome_status(enum send_outcome outcome);
/* Word of the log event: "send.sent", "send.retry", ... */
const char *outcome_event(enum send_outcome outcome);

#endif
