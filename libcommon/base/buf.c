/* buf.c - owned, growing bytes with a hard maximum.
 *
 * Memory doubles up to max plus one byte (for the NUL of buf_cstr and of
 * vsnprintf); once `over` is set nothing is appended until a reset, so that a
 * text is either whole or known to be cut.
 */
#include "base/buf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/mem.h"

#define BUF_FIRST_BYTES ((size_t)64)

void
buf_init(struct buf *b, struct arena *a, size_t max_bytes)
{
	if (max_bytes == 0 || max_bytes == SIZE_MAX)
		gh_panic("buf: maximum of %zu bytes", max_bytes);
	*b = (struct buf){.a = a, .max = max_bytes};
}

void
buf_free(struct buf *b)
{
	if (b->a == NULL)
		gh_free(b->p);
	b->p = NULL;
	b->n = b->size = 0;
	b->over = false;
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->over = false;
}

/* Allocate at least `size` bytes, at most max + 1; the caller has checked that this suffices. */
static void
buf_grow(struct buf *b, size_t size)
{
	size_t limit = b->max + 1;
	size_t grown = b->size > limit / 2 ? limit : b->size * 2;
	char *p;

	if (size <= b->size)
		return;
	if (grown < BUF_FIRST_BYTES)
		grown = BUF_FIRST_BYTES < limit ? BUF_FIRST_BYTES : limit;
	if (grown < size)
		grown = size;
	if (b->a == NULL) {
		b->p = gh_realloc(b->p, grown);
	} else {
		p = arena_alloc(b->a, grown);
		if (b->n != 0)
			memcpy(p, b->p, b->n);
		b->p = p;
	}
	b->size = grown;
}

char *
buf_reserve(struct buf *b, size_t n)
{
	if (b->over || n > b->max - b->n) {
		b->over = true;
		return NULL;
	}
	buf_grow(b, b->n + n + (n == 0 ? 1 : 0)); /* never NULL on success, also for n 0 */
	return b->p + b->n;
}

void
buf_commit(struct buf *b, size_t n)
{
	if (n > b->size - b->n || n > b->max - b->n)
		gh_panic("buf: %zu bytes committed, %zu reserved", n, b->size - b->n);
	b->n += n;
}

void
buf_add(struct buf *b, struct slice s)
{
	char *dst = buf_reserve(b, s.n);

	if (dst == NULL || s.n == 0)
		return;
	memcpy(dst, s.p, s.n);
	b->n += s.n;
}

void
buf_add_cstr(struct buf *b, const char *s)
{
	buf_add(b, slice_of(s));
}

void
buf_add_char(struct buf *b, char c)
{
	buf_add(b, slice_make(&c, 1));
}

void
buf_add_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	buf_add(b, slice_make(digits + at, sizeof(digits) - at));
}

void
buf_add_i64(struct buf *b, int64_t v)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRId64, v);

	buf_add(b, slice_make(text, (size_t)len));
}

void
buf_add_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *dst;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		gh_panic("buf: bad format \"%s\"", fmt);
	dst = buf_reserve(b, (size_t)len);
	if (dst == NULL)
		return;
	buf_grow(b, b->n + (size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)len;
}

void
buf_consume(struct buf *b, size_t n)
{
	if (n > b->n)
		gh_panic("buf: %zu bytes consumed of %zu", n, b->n);
	b->n -= n;
	if (n != 0 && b->n != 0)
		memmove(b->p, b->p + n, b->n);
}

struct slice
buf_slice(const struct buf *b)
{
	return slice_make(b->p, b->n);
}

const char *
buf_cstr(struct buf *b)
{
	buf_grow(b, b->n + 1);
	b->p[b->n] = '\0';
	return b->p;
}
