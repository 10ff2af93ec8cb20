/* clock.h - times are int64_t microseconds: wall time since the Unix epoch, or
 * monotonic since an arbitrary start. Tests may freeze both.
 */
#ifndef GH_CLOCK_H
#define GH_CLOCK_H

#include <stdint.h>

#include "base/slice.h"

#define CLOCK_MS  ((int64_t)1000)
#define CLOCK_SEC ((int64_t)1000000)

int64_t clock_wall_us(void);
int64_t clock_mono_us(void);

/* For tests: both clocks return these until clock_thaw. */
void clock_freeze(int64_t wall_us, int64_t mono_us);
void clock_thaw(void);

#define CLOCK_RFC3339_SIZE 25 /* "2026-01-15T12:00:00.123Z" and NUL */
/* RFC 3339 UTC with milliseconds (cut, not rounded); years 0000 to 9999, the nearest
 * of them for times outside. Returns dst. */
const char *clock_rfc3339(int64_t wall_us, char dst[CLOCK_RFC3339_SIZE]);

/* RFC 3339 / ISO 8601 date and time, parted by 'T' or a blank, with 'Z' or a numeric
 * offset (+hh:mm, +hhmm, +hh), fraction of 0-9 digits cut to microseconds; second 60
 * is the next minute's first. GH_EINVAL otherwise. */
enum gh_code clock_parse_rfc3339(struct slice s, int64_t *wall_us) GH_MUST_USE;

#endif
