/* arena.c - allocate many, free once.
 *
 * A list of blocks, the newest first. A request larger than a block gets one of
 * its own, linked behind the newest so that the room left there is not lost.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"

#define ARENA_ALIGN       ((size_t)16)
#define ARENA_CHUNK_BYTES ((size_t)4096)

struct chunk {
	struct chunk *next;
	size_t size; /* bytes behind the head */
	size_t used;
	_Alignas(16) char bytes[];
};

struct arena {
	struct chunk *newest; /* takes small requests; ends with the first chunk of the arena */
	size_t chunk_bytes;
};

static struct chunk *
chunk_new(size_t size)
{
	struct chunk *c;

	if (size > SIZE_MAX - sizeof(*c))
		gh_panic("arena: chunk of %zu bytes", size);
	c = gh_realloc(NULL, sizeof(*c) + size);
	c->next = NULL;
	c->size = size;
	c->used = 0;
	return c;
}

struct arena *
arena_new(size_t chunk_bytes)
{
	struct arena *a = gh_alloc(sizeof(*a));

	a->chunk_bytes = chunk_bytes != 0 ? chunk_bytes : ARENA_CHUNK_BYTES;
	a->newest = chunk_new(a->chunk_bytes);
	return a;
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	arena_reset(a);
	gh_free(a->newest);
	gh_free(a);
}

void
arena_reset(struct arena *a)
{
	struct chunk *c = a->newest;

	while (c->next != NULL) {
		struct chunk *next = c->next;

		gh_free(c);
		c = next;
	}
	c->used = 0;
	a->newest = c;
}

/* Chunk with at least n free bytes. */
static struct chunk *
arena_room(struct arena *a, size_t n)
{
	struct chunk *c = a->newest;

	if (n <= c->size - c->used)
		return c;
	if (n > a->chunk_bytes) {
		struct chunk *large = chunk_new(n);

		/* The oldest chunk must stay last: reset keeps it, and it has the normal size. */
		if (c->next == NULL) {
			large->next = c;
			a->newest = large;
		} else {
			large->next = c->next;
			c->next = large;
		}
		return large;
	}
	c = chunk_new(a->chunk_bytes);
	c->next = a->newest;
	a->newest = c;
	return c;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t rounded = (n + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	struct chunk *c;
	void *p;

	if (rounded < n)
		gh_panic("arena: request of %zu bytes", n);
	if (rounded == 0)
		rounded = ARENA_ALIGN; /* distinct objects have distinct addresses */
	c = arena_room(a, rounded);
	p = c->bytes + c->used;
	c->used += rounded;
	memset(p, 0, rounded);
	return p;
}

void *
arena_alloc_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		gh_panic("arena: %zu elements of %zu bytes", count, size);
	return arena_alloc(a, n);
}

struct slice
arena_dup(struct arena *a, struct slice s)
{
	return s.p == NULL ? SLICE_NONE : slice_make(arena_cstr(a, s), s.n);
}

char *
arena_cstr(struct arena *a, struct slice s)
{
	char *copy;

	if (s.p == NULL)
		return NULL;
	if (s.n == SIZE_MAX)
		gh_panic("arena: no room for the terminator");
	copy = arena_alloc(a, s.n + 1);
	memcpy(copy, s.p, s.n);
	return copy;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		gh_panic("arena: bad format \"%s\"", fmt);
	text = arena_alloc(a, (size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return text;
}
