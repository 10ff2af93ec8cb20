/* mem.c - the only callers of malloc and free.
 *
 * A daemon that cannot allocate cannot keep its promises: it panics, the
 * supervisor restarts it and PostgreSQL still holds every accepted message.
 */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void *
gh_alloc(size_t n)
{
	return gh_alloc_array(1, n);
}

void *
gh_alloc_array(size_t count, size_t size)
{
	size_t n;
	void *p;

	if (__builtin_mul_overflow(count, size, &n))
		gh_panic("allocation of %zu elements of %zu bytes", count, size);
	p = calloc(1, n != 0 ? n : 1);
	if (p == NULL)
		gh_panic("out of memory: %zu bytes", n);
	return p;
}

void *
gh_realloc(void *p, size_t n)
{
	void *q = realloc(p, n != 0 ? n : 1);

	if (q == NULL)
		gh_panic("out of memory: %zu bytes", n);
	return q;
}

char *
gh_strndup(const char *s, size_t n)
{
	char *copy;

	if (n == SIZE_MAX)
		gh_panic("gh_strndup: no room for the terminator");
	copy = gh_realloc(NULL, n + 1);
	if (n != 0)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *
gh_strdup(const char *s)
{
	return gh_strndup(s, strlen(s));
}

void
gh_free(void *p)
{
	free(p);
}

void
gh_wipe(void *p, size_t n)
{
	if (n != 0)
		explicit_bzero(p, n);
}
