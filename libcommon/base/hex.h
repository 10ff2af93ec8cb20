/* hex.h - hexadecimal digits, read one or two at a time; either case.
 *
 * Below the whole-text forms of crypto/encode.h: for parsers that meet digits between
 * other bytes (percent-escapes, UUIDs, chunk sizes, JSON escapes).
 */
#ifndef GH_HEX_H
#define GH_HEX_H

#include "base/slice.h"

/* 0..15, or -1. */
static inline int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that two digits at index `at` stand for, 0..255; -1 when s has no two digits there. */
static inline int
hex_byte(struct slice s, size_t at)
{
	int high, low;

	if (at > s.n || s.n - at < 2)
		return -1;
	high = hex_digit(s.p[at]);
	low = hex_digit(s.p[at + 1]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

#endif
