#include "schedule.h"

#include <stdio.h>

#include "base/clock.h"

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

#define DATE_TOKENS 8

/* The three forms of RFC 9110 section 5.6.7 differ only in order and separators. */
static unsigned
date_split(struct slice s, struct slice token[DATE_TOKENS])
{
	unsigned count = 0;
	size_t start = 0;

	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && strchr(" ,-:", s.p[i]) == NULL)
			continue;
		if (i > start) {
			if (count == DATE_TOKENS)
				return 0;
			token[count++] = slice_sub(s, start, i - start);
		}
		start = i + 1;
	}
	return count;
}

static unsigned
date_month(struct slice name)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (unsigned i = 0; i < 12; i++) {
		if (slice_eq_nocase(name, slice_make(names + 3 * i, 3)))
			return i + 1;
	}
	return 0;
}

static bool
date_number(struct slice s, uint64_t max, unsigned *out)
{
	uint64_t v;

	if (parse_u64(s, 0, max, &v) != GH_OK)
		return false;
	*out = (unsigned)v;
	return true;
}

static bool
date_parse(struct slice s, int64_t now_us, int64_t *at_us)
{
	struct slice t[DATE_TOKENS];
	unsigned count = date_split(s, t);
	bool is_asctime = count == 7;
	unsigned day, month, year, hour, minute, second;
	struct slice year_text;
	char text[CLOCK_RFC3339_SIZE];

	if (!is_asctime && (count != 8 || !slice_eq(t[7], S("GMT"))))
		return false;
	month = date_month(t[is_asctime ? 1 : 2]);
	year_text = t[is_asctime ? 6 : 3];
	if (month == 0 || !date_number(t[is_asctime ? 2 : 1], 31, &day) ||
	    !date_number(year_text, 9999, &year) ||
	    !date_number(t[is_asctime ? 3 : 4], 23, &hour) ||
	    !date_number(t[is_asctime ? 4 : 5], 59, &minute) ||
	    !date_number(t[is_asctime ? 5 : 6], 60, &second))
		return false;
	if (year_text.n == 2)
		year += 2000;
	snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02uZ", year, month, day, hour,
		 minute, second);
	if (clock_parse_rfc3339(slice_of(text), at_us) != GH_OK)
		return false;
	/* Two digits that look over 50 years ahead mean the last century: in the past. */
	if (year_text.n == 2 && *at_us - now_us > 50 * 365 * 24 * HOUR_US)
		*at_us = now_us;
	return true;
}

/* Retry-After (RFC 9110 section 10.2.3): seconds, or a date in one of its three forms,
 * as microseconds from now_us, at least 0, at most RETRY_AFTER_MAX; -1 for neither. */
static int64_t
schedule_retry_after_us(struct slice value, int64_t now_us)
{
	uint64_t seconds;
	int64_t at_us;
	enum gh_code rc = parse_u64(value, 0, RETRY_AFTER_MAX / CLOCK_SEC, &seconds);

	if (rc == GH_OK)
		return (int64_t)seconds * CLOCK_SEC;
	if (rc == GH_ELIMIT)
		return RETRY_AFTER_MAX;
	if (!date_parse(value, now_us, &at_us))
		return -1;
	if (at_us <= now_us)
		return 0;
	return at_us - now_us < RETRY_AFTER_MAX ? at_us - now_us : RETRY_AFTER_MAX;
}

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
	least_us = schedule_retry_after_us(a->retry_after, a->now_us);
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
