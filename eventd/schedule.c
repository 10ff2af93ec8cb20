#include "schedule.h"

#include "base/clock.h"
#include "http/retry_after.h"

#define MINUTE_US         (60 * CLOCK_SEC)
#define HOUR_US           (3600 * CLOCK_SEC)
#define RETRY_AFTER_MAX   (24 * HOUR_US)
#define OVERLOAD_FLOOR_US (60 * CLOCK_SEC) /* 429, 502, 504: the receiver is overloaded */
#define OWN_FAULT_US      (30 * CLOCK_SEC)
/* Jitter in ten-thousandths: 0.8 .. 1.2 */
#define JITTER_ONE  10000
#define JITTER_LOW  8000
#define JITTER_HALF 2000

/* Delay after attempt i + 1; none after the last. */
static const int64_t schedule_delays_us[SCHEDULE_ATTEMPTS_MAX - 1] = {
	5 * CLOCK_SEC, 5 * MINUTE_US, 30 * MINUTE_US, 2 * HOUR_US,  5 * HOUR_US,
	10 * HOUR_US,  14 * HOUR_US,  20 * HOUR_US,   24 * HOUR_US,
};

static int64_t
schedule_scale(int64_t us, int64_t ten_thousandths)
{
	return us / JITTER_ONE * ten_thousandths;
}

/* least_us: what the receiver asked for; jitter never makes it earlier than that. */
static int64_t
schedule_delay(int64_t planned_us, int64_t least_us, unsigned draw)
{
	int64_t delay_us;

	if (least_us >= planned_us)
		return schedule_scale(least_us, JITTER_ONE + draw % (JITTER_HALF + 1));
	delay_us = schedule_scale(planned_us, JITTER_LOW + draw);
	return delay_us > least_us ? delay_us : least_us;
}

static bool
schedule_is_overload(unsigned status)
{
	return status == 429 || status == 502 || status == 504;
}

struct schedule_verdict
schedule_decide(const struct schedule_answer *a)
{
	struct schedule_verdict v = {.outcome = DELIVERY_RETRY};
	int64_t least_us;

	if (a->is_own_fault) {
		v.outcome = DELIVERY_PARK;
		v.delay_us = schedule_scale(OWN_FAULT_US, JITTER_LOW + a->draw);
		return v;
	}
	v.is_disabled = a->status == 410 || slice_eq_nocase(a->directive, S("disable"));
	if (a->status >= 200 && a->status <= 299) {
		v.outcome = DELIVERY_OK;
		return v;
	}
	least_us = http_retry_after_us(a->retry_after, a->now_us, RETRY_AFTER_MAX);
	if (schedule_is_overload(a->status)) {
		if (least_us < OVERLOAD_FLOOR_US)
			least_us = OVERLOAD_FLOOR_US;
		v.slow_us = least_us;
	}
	if (slice_eq_nocase(a->directive, S("abort-message")) || a->attempt < 1 ||
	    a->attempt >= SCHEDULE_ATTEMPTS_MAX) {
		/* A disabled endpoint keeps what it did not get: replayable. */
		v.outcome = DELIVERY_GIVE_UP;
		return v;
	}
	v.delay_us = schedule_delay(schedule_delays_us[a->attempt - 1], least_us, a->draw);
	return v;
}
