/* arena.h - allocate many, free once. Not thread-safe. */
#ifndef GH_ARENA_H
#define GH_ARENA_H

#include <stddef.h>

#include "base/slice.h"

struct arena;

/* chunk_bytes: size of the blocks taken from the heap (0: 4 KiB). */
struct arena *arena_new(size_t chunk_bytes);
void arena_free(struct arena *a); /* NULL is legal */

/* Forget everything allocated; keeps the first chunk for reuse. */
void arena_reset(struct arena *a);

/* Zeroed, 16-byte aligned; never NULL. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_alloc_array(struct arena *a, size_t count, size_t size);

/* Copy of s in the arena with a NUL behind it; SLICE_NONE stays SLICE_NONE. */
struct slice arena_dup(struct arena *a, struct slice s);
/* The same as C string; s.p == NULL gives NULL. */
char *arena_cstr(struct arena *a, struct slice s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
