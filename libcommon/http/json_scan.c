/* json_scan.c - proves a text to be strict JSON before cJSON sees it.
 *
 * One pass, no recursion: a stack of open brackets (JSON_DEPTH_MAX) and a small
 * hash table of member names per open object. It promises what the reader relies
 * on: valid UTF-8 without NUL, no lone surrogates, no duplicate names, numbers
 * that fit cJSON and PostgreSQL, exactly one value.
 */
#include "http/json_private.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hex.h"
#include "base/map.h"
#include "http/json.h"

#define KEYS_ON_STACK 64

struct key {
	uint64_t hash;        /* of the decoded name, mixed with the object's serial */
	uint32_t object;      /* serial of the object it belongs to; 0: free place */
	struct slice decoded; /* escapes resolved */
};

/* Open addressing; a closed object's names stay, its serial never comes again. */
struct key_set {
	struct key first[KEYS_ON_STACK];
	struct key *v;
	size_t size, count;
};

struct scan {
	struct slice text;
	size_t at;
	struct arena *a;
	struct json_numbers *numbers;
	struct gh_err *err;
	enum gh_code rc;
	unsigned depth;
	uint32_t serial;
	struct {
		bool is_object;
		uint32_t serial;
	} open[JSON_DEPTH_MAX];
	struct key_set keys;
};

/* 1: stands for itself inside a string. */
static const uint8_t plain_char[256] = {
	[0x20] = 1,
	[0x21] = 1,
	['#' ... '['] = 1,
	[']' ... 0x7f] = 1,
};

static bool
fail_at(struct scan *s, size_t at, enum gh_code code, const char *text)
{
	s->at = at;
	s->rc = gh_fail(s->err, code, "%s at byte %zu", text, at);
	return false;
}

static bool
fail_here(struct scan *s, const char *text)
{
	return fail_at(s, s->at, GH_EINVAL, s->at < s->text.n ? text : "unexpected end");
}

/* Next byte, or -1 at the end. */
static int
peek(const struct scan *s)
{
	return s->at < s->text.n ? (unsigned char)s->text.p[s->at] : -1;
}

static void
skip_space(struct scan *s)
{
	while (s->at < s->text.n) {
		char c = s->text.p[s->at];

		if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
			break;
		s->at++;
	}
}

/* ---- names ---- */

static struct key *
key_place(struct key *v, size_t size, const struct key *k)
{
	size_t i = (size_t)k->hash & (size - 1);

	while (v[i].object != 0) {
		if (v[i].hash == k->hash && v[i].object == k->object &&
		    slice_eq(v[i].decoded, k->decoded))
			break;
		i = (i + 1) & (size - 1);
	}
	return &v[i];
}

static void
keys_grow(struct scan *s)
{
	struct key_set *set = &s->keys;
	size_t size = set->size * 4;
	struct key *v = arena_alloc_array(s->a, size, sizeof(*v));

	for (size_t i = 0; i < set->size; i++)
		if (set->v[i].object != 0)
			*key_place(v, size, &set->v[i]) = set->v[i];
	set->v = v;
	set->size = size;
}

/* False when the object has that name already. */
static bool
key_add(struct scan *s, struct slice decoded)
{
	uint32_t object = s->open[s->depth - 1].serial;
	struct key k = {.object = object, .decoded = decoded};
	struct key *place;

	/* Nearly every object has a name "id" or "type": the serial keeps them apart. */
	k.hash = map_hash(decoded) + object * 0x9e3779b97f4a7c15u;
	k.hash ^= k.hash >> 32;
	if ((s->keys.count + 1) * 2 > s->keys.size)
		keys_grow(s);
	place = key_place(s->keys.v, s->keys.size, &k);
	if (place->object != 0)
		return false;
	*place = k;
	s->keys.count++;
	return true;
}

/* ---- strings ---- */

/* Four digits at p; -1 when they are not. */
static int32_t
hex4(struct slice text, size_t at)
{
	int32_t v = 0;

	if (text.n - at < 4)
		return -1;
	for (size_t i = at; i < at + 4; i++) {
		int d = hex_digit(text.p[i]);

		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

/* At the 'u' of an escape: its code point, with a surrogate pair joined; -1 on error. */
static int32_t
read_unicode(struct scan *s)
{
	size_t start = s->at - 1;
	int32_t high, low;

	s->at++;
	high = hex4(s->text, s->at);
	if (high < 0)
		return fail_here(s, "bad \\u escape"), -1;
	if (high == 0)
		return fail_at(s, start, GH_EINVAL, "\\u0000 is not allowed"), -1;
	s->at += 4;
	if (high < 0xd800 || high > 0xdfff)
		return high;
	if (high > 0xdbff || s->text.n - s->at < 6 || s->text.p[s->at] != '\\' ||
	    s->text.p[s->at + 1] != 'u')
		return fail_at(s, start, GH_EINVAL, "lone surrogate"), -1;
	low = hex4(s->text, s->at + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return fail_at(s, start, GH_EINVAL, "lone surrogate"), -1;
	s->at += 6;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* At a backslash: its code point; -1 on error. */
static int32_t
read_escape(struct scan *s)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	int c;

	s->at++;
	c = peek(s);
	if (c == 'u')
		return read_unicode(s);
	found = c > 0 ? strchr(from, c) : NULL;
	if (found == NULL)
		return fail_here(s, "bad escape"), -1;
	s->at++;
	return to[found - from];
}

static bool
skip_multibyte(struct scan *s)
{
	int lead = peek(s);
	size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

	if (s->text.n - s->at < n || !utf8_valid(slice_sub(s->text, s->at, n)))
		return fail_at(s, s->at, GH_EINVAL, "invalid UTF-8");
	s->at += n;
	return true;
}

/* At the opening quote; *body is what stands between the quotes. */
static bool
scan_string(struct scan *s, struct slice *body, bool *has_escape)
{
	size_t start = ++s->at;

	*has_escape = false;
	for (;;) {
		int c;

		while (s->at < s->text.n && plain_char[(unsigned char)s->text.p[s->at]])
			s->at++;
		c = peek(s);
		if (c == '"')
			break;
		if (c >= 0x80) {
			if (!skip_multibyte(s))
				return false;
		} else if (c == '\\') {
			*has_escape = true;
			if (read_escape(s) < 0)
				return false;
		} else {
			return fail_here(s, "control character in a string");
		}
	}
	*body = slice_sub(s->text, start, s->at - start);
	s->at++;
	return true;
}

static char *
put_utf8(char *p, int32_t cp)
{
	if (cp < 0x80) {
		*p++ = (char)cp;
		return p;
	}
	if (cp < 0x800) {
		*p++ = (char)(0xc0 | cp >> 6);
	} else {
		if (cp < 0x10000) {
			*p++ = (char)(0xe0 | cp >> 12);
		} else {
			*p++ = (char)(0xf0 | cp >> 18);
			*p++ = (char)(0x80 | (cp >> 12 & 0x3f));
		}
		*p++ = (char)(0x80 | (cp >> 6 & 0x3f));
	}
	*p++ = (char)(0x80 | (cp & 0x3f));
	return p;
}

/* Resolve the escapes of a body that scan_string accepted. */
static struct slice
decode_string(struct scan *s, struct slice body)
{
	struct scan in = {.text = body};
	char *start = arena_alloc(s->a, body.n + 1), *p = start;

	while (in.at < body.n) {
		if (body.p[in.at] == '\\')
			p = put_utf8(p, read_escape(&in));
		else
			*p++ = body.p[in.at++];
	}
	return slice_make(start, (size_t)(p - start));
}

static bool
scan_name(struct scan *s)
{
	size_t start = s->at;
	struct slice name = SLICE_NONE;
	bool has_escape = false;

	if (peek(s) != '"')
		return fail_here(s, "expected a member name");
	if (!scan_string(s, &name, &has_escape))
		return false;
	if (has_escape)
		name = decode_string(s, name);
	if (!key_add(s, name))
		return fail_at(s, start, GH_EINVAL, "duplicate member name");
	skip_space(s);
	if (peek(s) != ':')
		return fail_here(s, "expected ':'");
	s->at++;
	skip_space(s);
	return true;
}

/* ---- numbers and words ---- */

static size_t
skip_digits(struct scan *s)
{
	size_t start = s->at;

	while (s->at < s->text.n && s->text.p[s->at] >= '0' && s->text.p[s->at] <= '9')
		s->at++;
	return s->at - start;
}

static void
numbers_add(struct scan *s, struct slice number)
{
	struct json_numbers *n = s->numbers;

	if (n->count == n->size) {
		size_t size = n->size == 0 ? 16 : n->size * 2;
		struct slice *v = arena_alloc_array(s->a, size, sizeof(*v));

		if (n->count > 0)
			memcpy(v, n->v, n->count * sizeof(*v));
		n->v = v;
		n->size = size;
	}
	n->v[n->count++] = number;
}

/* At 'e' or 'E'. */
static bool
scan_exponent(struct scan *s)
{
	struct slice digits;
	uint64_t value;
	size_t n;

	s->at++;
	if (peek(s) == '+' || peek(s) == '-')
		s->at++;
	n = skip_digits(s);
	if (n == 0)
		return fail_here(s, "expected a digit");
	digits = slice_sub(s->text, s->at - n, n);
	if (parse_u64(digits, 0, JSON_EXPONENT_MAX, &value) != GH_OK)
		return fail_at(s, s->at - n, GH_EINVAL, "number out of range");
	return true;
}

static bool
scan_number(struct scan *s)
{
	size_t start = s->at;

	if (peek(s) == '-')
		s->at++;
	if (peek(s) == '0')
		s->at++;
	else if (skip_digits(s) == 0)
		return fail_here(s, "expected a value");
	if (peek(s) == '.') {
		s->at++;
		if (skip_digits(s) == 0)
			return fail_here(s, "expected a digit");
	}
	if ((peek(s) == 'e' || peek(s) == 'E') && !scan_exponent(s))
		return false;
	if (s->at - start > JSON_NUMBER_MAX)
		return fail_at(s, start, GH_EINVAL, "number too long");
	numbers_add(s, slice_sub(s->text, start, s->at - start));
	return true;
}

static bool
scan_word(struct scan *s, struct slice word)
{
	if (!slice_starts(slice_from(s->text, s->at), word))
		return fail_here(s, "expected a value");
	s->at += word.n;
	return true;
}

static bool
scan_scalar(struct scan *s)
{
	struct slice body;
	bool has_escape;

	switch (peek(s)) {
	case '"':
		return scan_string(s, &body, &has_escape);
	case 't':
		return scan_word(s, S("true"));
	case 'f':
		return scan_word(s, S("false"));
	case 'n':
		return scan_word(s, S("null"));
	default:
		return scan_number(s);
	}
}

/* ---- structure ---- */

/* At '{' or '['. *has_value: a value follows; else it was empty and is closed again. */
static bool
scan_open(struct scan *s, bool *has_value)
{
	bool is_object = peek(s) == '{';

	if (s->depth == JSON_DEPTH_MAX)
		return fail_at(s, s->at, GH_ELIMIT, "nesting too deep");
	s->open[s->depth].is_object = is_object;
	s->open[s->depth].serial = ++s->serial;
	s->depth++;
	s->at++;
	skip_space(s);
	*has_value = peek(s) != (is_object ? '}' : ']');
	if (!*has_value) {
		s->at++;
		s->depth--;
		return true;
	}
	return !is_object || scan_name(s);
}

/* Behind a value inside a bracket: a comma and the next value's start, or closing
 * brackets. Ends with *has_value true, or at depth 0. */
static bool
scan_behind(struct scan *s, bool *has_value)
{
	*has_value = false;
	while (s->depth > 0) {
		bool is_object = s->open[s->depth - 1].is_object;
		int c;

		skip_space(s);
		c = peek(s);
		if (c == ',') {
			s->at++;
			skip_space(s);
			*has_value = true;
			return !is_object || scan_name(s);
		}
		if (c != (is_object ? '}' : ']'))
			return fail_here(s,
					 is_object ? "expected ',' or '}'" : "expected ',' or ']'");
		s->at++;
		s->depth--;
	}
	return true;
}

static bool
scan_document(struct scan *s)
{
	bool has_value = true;

	skip_space(s);
	while (has_value) {
		int c = peek(s);
		bool is_opened = false;

		if (c == '{' || c == '[') {
			if (!scan_open(s, &is_opened))
				return false;
		} else if (!scan_scalar(s)) {
			return false;
		}
		if (!is_opened && !scan_behind(s, &has_value))
			return false;
	}
	skip_space(s);
	if (s->at < s->text.n)
		return fail_here(s, "text behind the value");
	return true;
}

enum gh_code
json_scan(struct slice text, struct arena *a, struct json_numbers *numbers, size_t *offset,
	  struct gh_err *err)
{
	struct scan s = {.text = text, .a = a, .numbers = numbers, .err = err};

	s.keys.v = s.keys.first;
	s.keys.size = KEYS_ON_STACK;
	if (scan_document(&s))
		return GH_OK;
	if (offset != NULL)
		*offset = s.at;
	return s.rc;
}

bool
json_replace_nul(char *text, size_t n)
{
	const size_t size = 6; /* of \uXXXX */
	bool is_replaced = false;

	for (size_t i = 0; i + size <= n; i++) {
		if (text[i] != '\\')
			continue;
		if (memcmp(text + i, "\\u0000", size) == 0) {
			memcpy(text + i, "\\ufffd", size);
			is_replaced = true;
		}
		i++; /* an escaped backslash begins no escape */
	}
	return is_replaced;
}
