/* buf.h - owned, growing bytes with a maximum fixed at init.
 *
 * Appending past the maximum sets `over` and appends nothing more: build the
 * whole text, check `over` once at the end. p is not NUL-terminated except
 * after buf_cstr.
 */
#ifndef GH_BUF_H
#define GH_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;

struct buf {
	char *p;
	size_t n;        /* bytes used */
	size_t size;     /* bytes allocated */
	size_t max;      /* hard maximum of n */
	struct arena *a; /* NULL: heap, freed by buf_free */
	bool over;       /* something did not fit */
};

/* Initialises a buf over a char array that never grows: one byte is kept for buf_cstr's NUL. */
#define BUF_FIXED(array)                                                                           \
	{                                                                                          \
		.p = (array), .size = sizeof(array), .max = sizeof(array) - 1                      \
	}

/* Appended bytes must not come from the buffer itself: growing moves them. */

/* a NULL: heap-owned (call buf_free); else memory lives in the arena. max > 0. */
void buf_init(struct buf *b, struct arena *a, size_t max_bytes);
void buf_free(struct buf *b);  /* legal on an arena buf and twice */
void buf_reset(struct buf *b); /* n = 0, over = false, keeps memory */

void buf_add(struct buf *b, struct slice s);
void buf_add_cstr(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t v);
void buf_add_i64(struct buf *b, int64_t v);
void buf_add_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for n more bytes to be written at the returned place, then buf_commit(n);
 * NULL when it would pass max (over is set). */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
/* Drop the first n bytes (moves the rest down). */
void buf_consume(struct buf *b, size_t n);

struct slice buf_slice(const struct buf *b);
/* NUL-terminated view; the NUL is not counted in n. */
const char *buf_cstr(struct buf *b);

#endif
