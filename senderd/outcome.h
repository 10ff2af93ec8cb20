/* outcome.h - what a provider's answer means for a message: the one place that decides
 * between sent, retry, doubt, parking and failure. Pure but for the jitter.
 */
#ifndef GH_SENDERD_OUTCOME_H
#define GH_SENDERD_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "model/send_queue.h"
#include "provider/provider.h"

struct outcome_policy {
	int64_t max_attempts;     /* provider calls for one message */
	int64_t in_doubt_wait_us; /* wait for proof before a resend */
};

#define OUTCOME_PARK_US         (15 * CLOCK_SEC)
#define OUTCOME_RETRY_AFTER_MAX (3600 * CLOCK_SEC) /* a provider may ask for no more */

/* Fill outcome, delay_us, external_id, code, text and event_type of *out; the rest is untouched.
 *
 * OK       SENT; the external id is the send_ref where the provider told none
 * RETRY    RETRY after the provider's wish, else 5, 30, 120 s +-20 %; FAILED
 *          "attempts_exhausted" when this was the last try
 * REJECTED FAILED with the provider's reason
 * UNKNOWN  DOUBT for in_doubt_wait_us: the claim resends where a send_ref makes that safe
 * PARK_*   PARK for OUTCOME_PARK_US, burning no try: "waiting_instance", "waiting_provider"
 *
 * Slices borrow from c, r and a. */
void outcome_decide(const struct outcome_policy *policy, const struct send_claim *c,
		    const struct provider_result *r, struct arena *a, struct send_result *out);

/* The answer speaks of the instance or provider: stop claiming for it for a while. */
bool outcome_parks(const struct provider_result *r);

/* Status the message has after an outcome that makes an event. */
enum msg_status outcome_status(enum send_outcome outcome);
/* Word of the log event: "send.sent", "send.retry", ... */
const char *outcome_event(enum send_outcome outcome);

#endif
