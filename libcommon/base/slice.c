/* slice.c - borrowed text: comparing, cutting, number and UTF-8 syntax.
 *
 * Reads exactly n bytes of a slice, never its terminator; locale-independent.
 */
#include "base/slice.h"

struct slice
slice_of(const char *cstr)
{
	return cstr == NULL ? SLICE_NONE : slice_make(cstr, strlen(cstr));
}

struct slice
slice_make(const void *p, size_t n)
{
	return (struct slice){.p = p, .n = n};
}

bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static char
fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
slice_eq_nocase(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (fold(a.p[i]) != fold(b.p[i]))
			return false;
	}
	return true;
}

bool
slice_starts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_eq(slice_sub(s, 0, prefix.n), prefix);
}

bool
slice_ends(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n && slice_eq(slice_from(s, s.n - suffix.n), suffix);
}

int
slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (order != 0)
		return order;
	return (a.n > b.n) - (a.n < b.n);
}

long
slice_index(struct slice s, char c)
{
	const char *at = s.n == 0 ? NULL : memchr(s.p, c, s.n);

	return at == NULL ? -1 : (long)(at - s.p);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice
slice_trim(struct slice s)
{
	while (s.n != 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	while (s.n != 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	return s;
}

struct slice
slice_from(struct slice s, size_t from)
{
	return slice_sub(s, from, s.n);
}

struct slice
slice_sub(struct slice s, size_t from, size_t n)
{
	if (s.p == NULL)
		return SLICE_NONE;
	if (from > s.n)
		from = s.n;
	return slice_make(s.p + from, n < s.n - from ? n : s.n - from);
}

struct slice
slice_cut(struct slice s, char sep, struct slice *rest)
{
	long at = slice_index(s, sep);

	if (at < 0) {
		*rest = SLICE_NONE;
		return s;
	}
	*rest = slice_from(s, (size_t)at + 1);
	return slice_sub(s, 0, (size_t)at);
}

enum gh_code
slice_to_cstr(struct slice s, char *dst, size_t size)
{
	if (s.n >= size || slice_index(s, '\0') >= 0)
		return GH_ELIMIT;
	if (s.n != 0)
		memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return GH_OK;
}

enum gh_code
parse_u64(struct slice s, uint64_t min, uint64_t max, uint64_t *out)
{
	bool is_over = s.n > 20; /* digits of UINT64_MAX */
	uint64_t v = 0;

	if (s.n == 0)
		return GH_EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)((unsigned char)s.p[i] - '0');

		if (digit > 9)
			return GH_EINVAL;
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)digit, &v))
			is_over = true;
	}
	if (is_over || v < min || v > max)
		return GH_ELIMIT;
	*out = v;
	return GH_OK;
}

enum gh_code
parse_i64(struct slice s, int64_t min, int64_t max, int64_t *out)
{
	bool is_negative = s.n != 0 && s.p[0] == '-';
	uint64_t limit = (uint64_t)INT64_MAX + (is_negative ? 1 : 0);
	uint64_t magnitude;
	enum gh_code rc;
	int64_t v;

	rc = parse_u64(slice_from(s, is_negative ? 1 : 0), 0, limit, &magnitude);
	if (rc != GH_OK)
		return rc;
	if (!is_negative)
		v = (int64_t)magnitude;
	else if (magnitude == limit)
		v = INT64_MIN;
	else
		v = -(int64_t)magnitude;
	if (v < min || v > max)
		return GH_ELIMIT;
	*out = v;
	return GH_OK;
}

/* One row per lead byte range of RFC 3629 section 4: only the second byte has a special range,
 * which is what rules out overlong forms, surrogates and values above U+10FFFF. */
static const struct utf8_form {
	uint8_t lead_min, lead_max, second_min, second_max;
	uint8_t len;
} utf8_forms[] = {
	{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
	{0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
	{0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

static bool
utf8_form_fits(const struct utf8_form *f, struct slice s)
{
	const uint8_t *b = (const uint8_t *)s.p;

	if (b[0] < f->lead_min || b[0] > f->lead_max || s.n < f->len)
		return false;
	if (b[1] < f->second_min || b[1] > f->second_max)
		return false;
	for (size_t i = 2; i < f->len; i++) {
		if ((b[i] & 0xC0) != 0x80)
			return false;
	}
	return true;
}

size_t
utf8_len(struct slice s)
{
	if (s.n == 0)
		return 0;
	if ((uint8_t)s.p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < GH_COUNT(utf8_forms); i++) {
		if (utf8_form_fits(&utf8_forms[i], s))
			return utf8_forms[i].len;
	}
	return 0;
}

bool
utf8_valid(struct slice s)
{
	while (s.n != 0) {
		size_t len = utf8_len(s);

		if (len == 0)
			return false;
		s = slice_from(s, len);
	}
	return true;
}

size_t
utf8_count(struct slice s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		count += ((uint8_t)s.p[i] & 0xC0) != 0x80;
	return count;
}
