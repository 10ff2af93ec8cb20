#include "slug.h"

#include <stdio.h>
#include <string.h>

static bool
is_kept(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* Append the folded name while it fits below max; returns the new length. */
static size_t
fold(struct slice name, char *dst, size_t n, size_t max)
{
	bool is_gap = false;
	size_t start = n;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!is_kept(c) || c == '-') {
			is_gap = n > start;
			continue;
		}
		if (n + (is_gap ? 2 : 1) > max)
			break;
		if (is_gap)
			dst[n++] = '-';
		is_gap = false;
		dst[n++] = c;
	}
	return n;
}

const char *
slug_write(int32_t company_id, struct slice name, const char *suffix, char dst[SLUG_SIZE])
{
	size_t suffix_n = suffix == NULL ? 0 : strlen(suffix) + 1;
	size_t head = (size_t)snprintf(dst, SLUG_SIZE, "%d-", company_id);
	size_t n = fold(name, dst, head, SLUG_MAX - suffix_n);

	if (n == head)
		n = fold(S("instance"), dst, head, SLUG_MAX - suffix_n);
	dst[n] = '\0';
	if (suffix != NULL)
		snprintf(dst + n, SLUG_SIZE - n, "-%s", suffix);
	return dst;
}
