/* uuid.h - UUID values: version 7 for rows, version 4 for tokens, their text form.
 *
 * Version 7 as contracts/http-conventions.md section 9: 48 bits of milliseconds,
 * 12 bits of sub-millisecond fraction, 8 counter bits, 54 random bits; strictly
 * increasing within a process, also when the clock steps back.
 */
#ifndef GH_UUID_H
#define GH_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct uuid {
	uint8_t b[16]; /* big-endian, as on the wire */
};

#define UUID_TEXT_SIZE 37 /* 36 characters and NUL */

/* Thread-safe. */
struct uuid uuid7_new(void);
/* Keep generated times within limit_us (>= 0) of the database's clock: offset_us is
 * database minus local wall time, measured just now; call again with every
 * measurement. Between calls the monotonic clock carries the database's time, so
 * steps of the local clock change nothing. Only here may the order break: when the
 * last id turns out to lie beyond the limit, the next ones start from the limit
 * (they still differ in 54 random bits). Until the first call the local clock is
 * trusted. */
void uuid7_set_clock(int64_t offset_us, int64_t limit_us);
/* First possible version 7 id of a time: a lower bound for range scans. */
struct uuid uuid7_floor(int64_t wall_us);
/* Milliseconds encoded in a version 7 id, as wall microseconds. */
int64_t uuid7_time_us(struct uuid id);

struct uuid uuid4_new(void);

bool uuid_is_nil(struct uuid id);
bool uuid_eq(struct uuid a, struct uuid b);
int uuid_cmp(struct uuid a, struct uuid b);

/* 8-4-4-4-12 lower case. Returns dst. */
const char *uuid_text(struct uuid id, char dst[UUID_TEXT_SIZE]);
/* Accepts the 36-character form in either case. GH_EINVAL otherwise. */
enum gh_code uuid_parse(struct slice s, struct uuid *out) GH_MUST_USE;

#endif
