/* clock.c - wall and monotonic microseconds, RFC 3339 text.
 *
 * The calendar is computed here (days of the proleptic Gregorian calendar, UTC)
 * instead of with the C library: no locale, no time zone, no lock.
 */
#include "base/clock.h"

#include <stdbool.h>
#include <time.h>

#define US_PER_DAY (86400 * CLOCK_SEC)
/* Text has four digits for the year. */
#define YEAR_0000_US ((int64_t)-719528 * US_PER_DAY)
#define YEAR_9999_US ((int64_t)2932897 * US_PER_DAY - 1)

static struct {
	bool is_frozen;
	int64_t wall_us, mono_us;
} test_clock;

static int64_t
read_clock_us(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		gh_panic("clock_gettime(%d) failed", (int)id);
	return (int64_t)ts.tv_sec * CLOCK_SEC + ts.tv_nsec / 1000;
}

int64_t
clock_wall_us(void)
{
	return test_clock.is_frozen ? test_clock.wall_us : read_clock_us(CLOCK_REALTIME);
}

int64_t
clock_mono_us(void)
{
	return test_clock.is_frozen ? test_clock.mono_us : read_clock_us(CLOCK_MONOTONIC);
}

void
clock_freeze(int64_t wall_us, int64_t mono_us)
{
	test_clock.is_frozen = true;
	test_clock.wall_us = wall_us;
	test_clock.mono_us = mono_us;
}

void
clock_thaw(void)
{
	test_clock.is_frozen = false;
}

/*
 * Days since 1970-01-01 and back, with years that begin in March so that the
 * leap day is the last of its year. An era is 400 years, 146097 days; 719468 is
 * the distance of 0000-03-01 from the epoch.
 */
static int64_t
days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

static void
date_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t march_month = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * march_month + 2) / 5 + 1;
	*month = march_month < 10 ? march_month + 3 : march_month - 9;
	*year = era * 400 + year_of_era + (*month <= 2 ? 1 : 0);
}

static void
put_digits(char *dst, unsigned width, int64_t v)
{
	while (width-- > 0) {
		dst[width] = (char)('0' + v % 10);
		v /= 10;
	}
}

const char *
clock_rfc3339(int64_t wall_us, char dst[CLOCK_RFC3339_SIZE])
{
	static const char pattern[CLOCK_RFC3339_SIZE] = "0000-00-00T00:00:00.000Z";
	int64_t days, us, year, month, day;

	if (wall_us < YEAR_0000_US)
		wall_us = YEAR_0000_US;
	if (wall_us > YEAR_9999_US)
		wall_us = YEAR_9999_US;
	days = (wall_us >= 0 ? wall_us : wall_us - (US_PER_DAY - 1)) / US_PER_DAY;
	us = wall_us - days * US_PER_DAY;
	date_from_days(days, &year, &month, &day);
	memcpy(dst, pattern, sizeof(pattern));
	put_digits(dst, 4, year);
	put_digits(dst + 5, 2, month);
	put_digits(dst + 8, 2, day);
	put_digits(dst + 11, 2, us / (3600 * CLOCK_SEC));
	put_digits(dst + 14, 2, us / (60 * CLOCK_SEC) % 60);
	put_digits(dst + 17, 2, us / CLOCK_SEC % 60);
	put_digits(dst + 20, 3, us / CLOCK_MS % 1000);
	return dst;
}

/* Take exactly `width` digits from the front of *s; false when they are not there. */
static bool
take_digits(struct slice *s, size_t width, int64_t min, int64_t max, int64_t *out)
{
	uint64_t v;

	if (s->n < width ||
	    parse_u64(slice_sub(*s, 0, width), (uint64_t)min, (uint64_t)max, &v) != GH_OK)
		return false;
	*s = slice_from(*s, width);
	*out = (int64_t)v;
	return true;
}

/* Take one character if it is one of `set`. */
static bool
take_char(struct slice *s, const char *set)
{
	if (s->n == 0 || s->p[0] == '\0' || strchr(set, s->p[0]) == NULL)
		return false;
	*s = slice_from(*s, 1);
	return true;
}

static bool
take_date(struct slice *s, int64_t *days)
{
	int64_t year, month, day, y, m, d;

	if (!take_digits(s, 4, 0, 9999, &year) || !take_char(s, "-") ||
	    !take_digits(s, 2, 1, 12, &month) || !take_char(s, "-") ||
	    !take_digits(s, 2, 1, 31, &day))
		return false;
	*days = days_from_date(year, month, day);
	/* A day the month does not have comes back as another date. */
	date_from_days(*days, &y, &m, &d);
	return m == month && d == day;
}

/* Second 60 (a leap second) is the first instant of the next minute. */
static bool
take_time(struct slice *s, int64_t *us)
{
	int64_t hour, minute, second, digit, scale = CLOCK_SEC / 10;
	unsigned count = 0;

	if (!take_digits(s, 2, 0, 23, &hour) || !take_char(s, ":") ||
	    !take_digits(s, 2, 0, 59, &minute) || !take_char(s, ":") ||
	    !take_digits(s, 2, 0, 60, &second))
		return false;
	*us = ((hour * 60 + minute) * 60 + second) * CLOCK_SEC;
	if (!take_char(s, "."))
		return true;
	for (; take_digits(s, 1, 0, 9, &digit); count++) {
		*us += digit * scale;
		scale /= 10; /* 0 from the seventh digit on: finer than a microsecond is cut */
	}
	return count >= 1 && count <= 9;
}

static bool
take_offset(struct slice *s, int64_t *us)
{
	int64_t hour, minute = 0;
	bool is_west;

	*us = 0;
	if (take_char(s, "Zz"))
		return true;
	is_west = s->n != 0 && s->p[0] == '-';
	if (!take_char(s, "+-") || !take_digits(s, 2, 0, 23, &hour))
		return false;
	if (s->n != 0) {
		take_char(s, ":");
		if (!take_digits(s, 2, 0, 59, &minute))
			return false;
	}
	*us = (hour * 60 + minute) * 60 * CLOCK_SEC * (is_west ? -1 : 1);
	return true;
}

enum gh_code
clock_parse_rfc3339(struct slice s, int64_t *wall_us)
{
	int64_t days, time_us, offset_us;

	if (!take_date(&s, &days) || !take_char(&s, "Tt ") || !take_time(&s, &time_us) ||
	    !take_offset(&s, &offset_us) || s.n != 0)
		return GH_EINVAL;
	*wall_us = days * US_PER_DAY + time_us - offset_us;
	return GH_OK;
}
