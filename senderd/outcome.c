/* outcome.c - what a provider's answer means for a message; see outcome.h. */
#include "outcome.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/random.h"
#include "model/new_chats.h"

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

/* Of a message that the provider has; SLICE_NONE: an echo may tell yet. */
static struct slice
id_of(const struct outcome_policy *policy, const struct send_claim *c,
      const struct provider_result *r)
{
	if (r->external_id.n > 0)
		return r->external_id;
	return policy->ref_is_id ? c->send_ref : SLICE_NONE;
}

static bool
is_last_try(const struct outcome_policy *policy, const struct send_claim *c)
{
	return c->tries >= policy->max_attempts;
}

void
outcome_hold(struct send_result *out)
{
	out->outcome = SEND_HOLD;
	out->delay_us = 0;
	out->external_id = SLICE_NONE;
	out->code = S("held");
	out->text = S("not known whether it was sent; not sent again");
	out->event_type = EVENT_MESSAGE_IN_DOUBT;
	out->is_uncounted = true;
}

void
outcome_settled(struct send_result *out)
{
	out->outcome = SEND_DONE_SENT;
	out->code = S("receipt");
	/* The receipt told of what came later, delivered or read; who was told sent is not told
	 * again.
	 */
	out->event_type = EVENT_MESSAGE_SENT;
	out->is_uncounted = true;
}

void
outcome_postpone(const struct send_claim *c, const char *code, const char *text,
		 struct send_result *out)
{
	out->outcome = c->is_in_doubt ? SEND_DOUBT : SEND_PARK;
	out->delay_us = OUTCOME_PARK_US;
	out->external_id = SLICE_NONE;
	out->code = slice_of(code);
	out->text = slice_of(text);
	out->event_type = EVENT_NONE;
	out->is_uncounted = true;
}

static void
decide_retry(const struct outcome_policy *policy, const struct send_claim *c,
	     const struct provider_result *r, struct arena *a, struct send_result *out)
{
	if (!is_last_try(policy, c)) {
		out->outcome = c->is_in_doubt ? SEND_DOUBT : SEND_RETRY;
		out->delay_us = retry_delay_us(c->tries, r->retry_after_us);
		return;
	}
	if (c->is_in_doubt) {
		outcome_hold(out);
		out->is_uncounted = false;
		return;
	}
	out->outcome = SEND_DONE_FAILED;
	out->code = S("attempts_exhausted");
	out->text = slice_of(arena_printf(a, "%s: %.*s", r->code, S_FMT(reason_text(r))));
	out->event_type = EVENT_MESSAGE_FAILED;
}

/* What may be done later is worth another try then, but each is one more too many for WhatsApp:
 * they count. */
static void
decide_refused(const struct outcome_policy *policy, const struct send_claim *c,
	       struct send_result *out)
{
	if (policy->new_chats_us > 0 && !is_last_try(policy, c)) {
		out->outcome = c->is_in_doubt ? SEND_DOUBT : SEND_RETRY;
		out->delay_us = policy->new_chats_us;
		return;
	}
	out->outcome = SEND_DONE_FAILED;
	out->event_type = EVENT_MESSAGE_FAILED;
}

/* Nobody can be called now: not the message's fault. */
static void
decide_park(const struct outcome_policy *policy, const struct send_claim *c,
	    const struct provider_result *r, struct send_result *out)
{
	bool is_provider = r->outcome != PROVIDER_PARK_INSTANCE;

	out->outcome = c->is_in_doubt ? SEND_DOUBT : SEND_PARK;
	out->is_uncounted = true;
	out->code = is_provider ? S("waiting_provider") : S("waiting_instance");
	out->delay_us = is_provider && policy->provider_park_us > 0 ? policy->provider_park_us
								    : OUTCOME_PARK_US;
}

static void
result_clear(const struct provider_result *r, struct send_result *out)
{
	out->delay_us = 0;
	out->external_id = SLICE_NONE;
	out->code = slice_of(r->code);
	out->text = reason_text(r);
	out->event_type = EVENT_NONE;
	out->is_uncounted = false;
}

void
outcome_decide(const struct outcome_policy *policy, const struct send_claim *c,
	       const struct provider_result *r, struct arena *a, struct send_result *out)
{
	result_clear(r, out);
	switch (r->outcome) {
	case PROVIDER_OK:
		out->outcome = SEND_DONE_SENT;
		out->external_id = id_of(policy, c, r);
		out->code = c->is_in_doubt ? S("resend") : SLICE_NONE;
		out->text = SLICE_NONE;
		out->event_type = EVENT_MESSAGE_SENT;
		break;
	case PROVIDER_RETRY:
		decide_retry(policy, c, r, a, out);
		break;
	case PROVIDER_REJECTED:
		decide_refused(policy, c, out);
		break;
	case PROVIDER_UNKNOWN:
		out->outcome = c->is_in_doubt ? SEND_DOUBT_AGAIN : SEND_DOUBT;
		out->delay_us = policy->in_doubt_wait_us;
		out->event_type = EVENT_MESSAGE_IN_DOUBT;
		break;
	case PROVIDER_PARK_INSTANCE:
	case PROVIDER_PARK_PROVIDER:
		decide_park(policy, c, r, out);
		break;
	}
}

/* ---- in doubt ---- */

static bool
may_resend(const struct outcome_policy *policy, const struct send_claim *c)
{
	return !c->is_hold && c->tries <= policy->max_attempts;
}

enum outcome_step
outcome_first_step(const struct outcome_policy *policy, const struct send_claim *c,
		   bool can_look_up)
{
	if (!c->is_in_doubt)
		return OUTCOME_CALL;
	if (can_look_up && c->send_ref.n > 0 && c->lookups < OUTCOME_LOOKUPS_MAX)
		return OUTCOME_LOOK_UP;
	if (c->is_resent || !may_resend(policy, c))
		return OUTCOME_HOLD;
	return policy->ref_is_id || c->wants_resend ? OUTCOME_CALL : OUTCOME_HOLD;
}

static void
decide_found(const struct outcome_policy *policy, const struct send_claim *c,
	     const struct provider_result *r, struct send_result *out)
{
	bool is_failed = r->has_status && r->status == MSG_FAILED;

	out->outcome = is_failed ? SEND_DONE_FAILED : SEND_DONE_SENT;
	out->external_id = id_of(policy, c, r);
	out->code = is_failed ? S("provider_reported") : S("lookup");
	out->text = SLICE_NONE;
	out->event_type = is_failed ? EVENT_MESSAGE_FAILED : EVENT_MESSAGE_SENT;
}

bool
outcome_looked_up(const struct outcome_policy *policy, const struct send_claim *c,
		  const struct provider_result *r, struct send_result *out)
{
	bool is_absent = r->outcome == PROVIDER_OK && !r->is_found;

	if (is_absent && may_resend(policy, c))
		return true;
	result_clear(r, out);
	out->is_uncounted = true;
	if (is_absent) {
		outcome_hold(out);
	} else if (r->outcome == PROVIDER_OK) {
		decide_found(policy, c, r, out);
	} else if (r->outcome == PROVIDER_PARK_INSTANCE || r->outcome == PROVIDER_PARK_PROVIDER ||
		   policy->provider_park_us > 0) {
		decide_park(policy, c, r, out);
	} else {
		out->outcome = SEND_UNSEEN;
		out->delay_us = policy->in_doubt_wait_us;
	}
	return false;
}

/* ---- what else it says ---- */

bool
outcome_pauses(const struct provider_result *r, int64_t untold_us, int64_t now_us,
	       struct outcome_pause *out)
{
	struct slice code = slice_of(r->code);
	int64_t pause_us = r->until_us - now_us;

	if (slice_eq(code, S(NEW_CHATS_REFUSED))) {
		out->needed = 1;
		if (pause_us <= 0)
			pause_us = untold_us;
	} else if (slice_eq(code, S("whatsapp_policy")) ||
		   slice_eq(code, S("whatsapp_rate_limited"))) {
		out->needed = OUTCOME_POLICY_NEEDED;
		pause_us =
			untold_us < OUTCOME_POLICY_PAUSE_US ? untold_us : OUTCOME_POLICY_PAUSE_US;
	} else {
		return false;
	}
	out->until_us = now_us + (pause_us < OUTCOME_PAUSE_MAX ? pause_us : OUTCOME_PAUSE_MAX);
	return true;
}

bool
outcome_parks(const struct provider_result *r)
{
	return r->outcome == PROVIDER_PARK_INSTANCE;
}

enum breaker_news
outcome_news(const struct provider_result *r, bool is_look_up)
{
	if (r->outcome == PROVIDER_PARK_PROVIDER)
		return BREAKER_DOWN;
	/* For a look-up, which may be repeated, an unknown outcome is a "later". */
	if (r->outcome == PROVIDER_UNKNOWN || (is_look_up && r->outcome == PROVIDER_RETRY))
		return BREAKER_DOUBT;
	return BREAKER_WORKS;
}

enum msg_status
outcome_status(enum send_outcome outcome)
{
	switch (outcome) {
	case SEND_DONE_SENT:
		return MSG_SENT;
	case SEND_DOUBT:
	case SEND_DOUBT_AGAIN:
	case SEND_HOLD:
	case SEND_UNSEEN:
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
	case SEND_DOUBT_AGAIN:
		return "send.in_doubt";
	case SEND_PARK:
		return "send.parked";
	case SEND_HOLD:
		return "send.held";
	case SEND_UNSEEN:
		return "send.unseen";
	case SEND_DONE_FAILED:
	case SEND_DONE_EXPIRED:
	case SEND_DONE_CANCELLED:
		break;
	}
	return "send.failed";
}
