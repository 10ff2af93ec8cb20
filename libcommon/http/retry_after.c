#include "http/retry_after.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define DATE_TOKENS     8
#define CENTURY_HALF_US (INT64_C(50) * 365 * 24 * 3600 * CLOCK_SEC)

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
	if (year_text.n == 2 && *at_us - now_us > CENTURY_HALF_US)
		*at_us = now_us;
	return true;
}

int64_t
http_retry_after_us(struct slice value, int64_t now_us, int64_t max_us)
{
	uint64_t seconds;
	int64_t us;
	enum gh_code rc = parse_u64(value, 0, (uint64_t)(max_us / CLOCK_SEC), &seconds);

	if (rc == GH_OK)
		return (int64_t)seconds * CLOCK_SEC;
	if (rc == GH_ELIMIT)
		return max_us;
	if (!date_parse(value, now_us, &us))
		return -1;
	us -= now_us;
	if (us <= 0)
		return 0;
	return us < max_us ? us : max_us;
}
