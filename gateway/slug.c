#include "slug.h"

#include <stdio.h>
#include <string.h>

static bool
is_kept(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* U+00C0 to U+017F without their marks: the letters of the languages that Latin script writes in
 * Europe and America. '-': no letter. */
static const char latin[] = "AAAAAAACEEEEIIIIDNOOOOO-OUUUUYTsaaaaaaaceeeeiiiidnooooo-ouuuuyty"
			    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlLl"
			    "LlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";
#define LATIN_FIRST 0xc0
#define MARKS_FIRST 0x300 /* combining ones, behind their letter */
#define MARKS_LAST  0x36f

/* The next character as one that may stay: '-' for what may not, '\0' for a mark. */
static char
next_folded(struct slice name, size_t *at)
{
	unsigned char c = (unsigned char)name.p[(*at)++];
	unsigned u;

	if (is_kept((char)c))
		return (char)c;
	if ((c & 0xe0) != 0xc0 || *at == name.n)
		return '-';
	u = (c & 0x1fU) << 6 | ((unsigned char)name.p[(*at)++] & 0x3fU);
	if (u >= LATIN_FIRST && u - LATIN_FIRST < sizeof(latin) - 1)
		return latin[u - LATIN_FIRST];
	return u >= MARKS_FIRST && u <= MARKS_LAST ? '\0' : '-';
}

/* Append the folded name while it fits below max; returns the new length. */
static size_t
fold(struct slice name, char *dst, size_t n, size_t max)
{
	bool is_gap = false;
	size_t start = n;

	for (size_t i = 0; i < name.n;) {
		char c = next_folded(name, &i);

		if (c == '-')
			is_gap = n > start;
		if (c == '-' || c == '\0')
			continue;
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
