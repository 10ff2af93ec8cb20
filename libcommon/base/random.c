/* random.c - bytes from the kernel's CSPRNG.
 *
 * Small requests (ids, jitter) are served from a block per thread: one system
 * call for many ids. Bytes handed out are wiped from the block.
 */
#include "base/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/mem.h"

#define RANDOM_BLOCK_BYTES ((size_t)512)

static void
fill_from_kernel(uint8_t *p, size_t n)
{
	while (n != 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			gh_panic("getrandom: %s", gh_errno_text(errno));
		p += got;
		n -= (size_t)got;
	}
}

void
random_bytes(void *p, size_t n)
{
	static _Thread_local uint8_t block[RANDOM_BLOCK_BYTES];
	static _Thread_local size_t left;

	if (n > sizeof(block) / 4) {
		fill_from_kernel(p, n);
		return;
	}
	if (n > left) {
		fill_from_kernel(block, sizeof(block));
		left = sizeof(block);
	}
	left -= n;
	memcpy(p, block + left, n);
	gh_wipe(block + left, n);
}

uint64_t
random_below(uint64_t bound)
{
	uint64_t limit, v;

	if (bound == 0)
		gh_panic("random_below: bound is 0");
	/* Draws below 2^64 mod bound are refused: what is left is a multiple of bound. */
	limit = (0 - bound) % bound;
	do {
		random_bytes(&v, sizeof(v));
	} while (v < limit);
	return v % bound;
}

int64_t
random_jitter(int64_t value_us, unsigned percent)
{
	uint64_t span;
	int64_t low, v;

	if (percent > 100)
		percent = 100;
	if (value_us <= 0 || percent == 0)
		return value_us;
	span = (uint64_t)(value_us / 100) * percent + (uint64_t)(value_us % 100) * percent / 100;
	low = value_us - (int64_t)span;
	if (__builtin_add_overflow(low, random_below(2 * span + 1), &v))
		return INT64_MAX;
	return v;
}
