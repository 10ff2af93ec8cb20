/* outcome.c - what a provider's answer means for a message; see outcome.h. */
#include "outcome.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/random.h"

#define RETRY_JITTER_PERCENT 20

static const int64_t retry_delays_us[] = {5 * CLOCK_SEC, 30 * CLOCK_SEC, 120 * CLOCK_SEC};

static int64_t
retry_delay_us(int16_t tries, int64_t retry_after_us)
{
	size_t last = GH_COUNT(retry_delays_us) - 1;
	size_t i = tries < 1 ? 0 : (size_t)tries - 1;

	if (retry_after_us > OUTCOME_RETRY_AFTER_MAX)
		return OUTCOME_RETRY_AFTER_MAX;
	if (retry_after_us > 0)
		return retry_after_us;
	return random_jitter(retry_delays_us[i < last ? i : last], RETRY_JITTER_PERCENT);
}

/* The provider's words, or the reason code where it had none. */
static struct slice
reason_text(const struct provider_result *r)
{
	return slice_of(r->text[0] != '\0' ? r->text : r->code);
}

static void
decide_retry(const struct outcome_policy *policy, const struct send_claim *c,
	     const struct provider_result *r, struct arena *a, struct send_result *out)
{
	if (c->tries < policy->max_attempts) {
		out->outcome = SEND_RETRY;
		out->delay_us = retry_delay_us(c->tries, r->retry_after_us);
		return;
	}
	out->outcome = SEND_DONE_FAILED;
	out->code = S("attempts_exhausted");
	out->text = slice_of(arena_printf(a, "%s: %.*s", r->code, S_FMT(reason_text(r))));
	out->event_type = EVENT_MESSAGE_FAILED;
}

void
outcome_decide(const struct outcome_policy *policy, const struct send_claim *c,
	       const struct provider_result *r, struct arena *a, struct send_result *out)
{
	out->delay_us = 0;
	out->external_id = SLICE_NONE;
	out->code = slice_of(r->code);
	out->text = reason_text(r);
	out->event_type = EVENT_NONE;
	switch (r->outcome) {
	case PROVIDER_OK:
		out->outcome = SEND_DONE_SENT;
		out->external_id = r->external_id.n > 0 ? r->external_id : c->send_ref;
		out->code = out->text = SLICE_NONE;
		out->event_type = EVENT_MESSAGE_SENT;
		break;
	case PROVIDER_RETRY:
		decide_retry(policy, c, r, a, out);
		break;
	case PROVIDER_REJECTED:
		out->outcome = SEND_DONE_FAILED;
		out->event_type = EVENT_MESSAGE_FAILED;
		break;
	case PROVIDER_UNKNOWN:
		out->outcome = SEND_DOUBT;
		out->delay_us = policy->in_doubt_wait_us;
		out->event_type = EVENT_MESSAGE_IN_DOUBT;
		break;
	case PROVIDER_PARK_INSTANCE:
	case PROVIDER_PARK_PROVIDER:
		out->outcome = SEND_PARK;
		out->delay_us = OUTCOME_PARK_US;
		out->code = r->outcome == PROVIDER_PARK_INSTANCE ? S("waiting_instance")
								 : S("waiting_provider");
		break;
	}
}

bool
outcome_parks(const struct provider_result *r)
{
	return r->outcome == PROVIDER_PARK_INSTANCE || r->outcome == PROVIDER_PARK_PROVIDER;
}

enum msg_status
outcome_status(enum send_outcome outcome)
{
	switch (outcome) {
	case SEND_DONE_SENT:
		return MSG_SENT;
	case SEND_DOUBT:
		return MSG_IN_DOUBT;
	case SEND_RETRY:
	case SEND_PARK:
		return MSG_QUEUED;
	case SEND_DONE_CANCELLED:
		return MSG_CANCELLED;
	case SEND_DONE_FAILED:
	case SEND_DONE_EXPIRED:
		break;
	}
	return MSG_FAILED;
}

const char *
outcome_event(enum send_outcome outcome)
{
	switch (outcome) {
	case SEND_DONE_SENT:
		return "send.sent";
	case SEND_RETRY:
		return "send.retry";
	case SEND_DOUBT:
		return "send.in_doubt";
	case SEND_PARK:
		return "send.parked";
	case SEND_DONE_FAILED:
	case SEND_DONE_EXPIRED:
	case SEND_DONE_CANCELLED:
		break;
	}
	return "send.failed";
}
