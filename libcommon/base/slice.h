/* slice.h - borrowed text or bytes: a pointer and a length, never owned, not
 * NUL-terminated. A slice with n == 0 may have any p; p == NULL means "absent"
 * where a field is optional.
 */
#ifndef GH_SLICE_H
#define GH_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct slice {
	const char *p;
	size_t n;
};

/* Slice of a string literal. */
#define S(lit) ((struct slice){"" lit, sizeof(lit) - 1})
/* Arguments for a "%.*s" conversion. */
#define S_FMT(s) (int)(s).n, (s).p

#define SLICE_NONE ((struct slice){NULL, 0})

/* Slice of a NUL-terminated string; NULL gives SLICE_NONE. */
struct slice slice_of(const char *cstr);
struct slice slice_make(const void *p, size_t n);

bool slice_eq(struct slice a, struct slice b);
bool slice_eq_nocase(struct slice a, struct slice b); /* ASCII case folding */
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
int slice_cmp(struct slice a, struct slice b); /* bytewise, as memcmp */

/* Index of the first c, or -1. */
long slice_index(struct slice s, char c);

/* s without leading and trailing spaces and tabs. */
struct slice slice_trim(struct slice s);

/* Bytes from..end; from beyond the end gives an empty slice. */
struct slice slice_from(struct slice s, size_t from);
struct slice slice_sub(struct slice s, size_t from, size_t n);

/* Split off what stands before the first sep; *rest becomes what follows it
 * (SLICE_NONE when sep does not occur). Returns the part before. */
struct slice slice_cut(struct slice s, char sep, struct slice *rest);

/* Copy into dst (size bytes, NUL-terminated). GH_ELIMIT when it does not fit or holds a NUL. */
enum gh_code slice_to_cstr(struct slice s, char *dst, size_t size) GH_MUST_USE;

/* Decimal integer, digits only (no sign, blank or plus; leading zeros allowed up
 * to 20 digits), min..max inclusive. GH_EINVAL for syntax, GH_ELIMIT out of range
 * or over 20 digits; *out is written only with GH_OK. */
enum gh_code parse_u64(struct slice s, uint64_t min, uint64_t max, uint64_t *out) GH_MUST_USE;
/* The same with an optional leading minus. */
enum gh_code parse_i64(struct slice s, int64_t min, int64_t max, int64_t *out) GH_MUST_USE;

/* Bytes of the well-formed UTF-8 sequence s begins with; 0 when it does not or s is empty. */
size_t utf8_len(struct slice s);
/* Well-formed UTF-8 (no surrogates, no overlong forms, <= U+10FFFF). */
bool utf8_valid(struct slice s);
/* Number of code points of valid UTF-8. */
size_t utf8_count(struct slice s);

#endif
