#include "hist.h"

#define STEPS (UINT64_C(1) << HIST_STEP_BITS)

static unsigned
slot_of(uint64_t us)
{
	unsigned shift;

	if (us < STEPS)
		return (unsigned)us;
	shift = 63 - (unsigned)__builtin_clzll(us) - HIST_STEP_BITS;
	return ((shift + 1) << HIST_STEP_BITS) + (unsigned)((us >> shift) - STEPS);
}

/* The largest value that falls into the slot. */
static uint64_t
slot_top(unsigned slot)
{
	unsigned shift;

	if (slot < STEPS)
		return slot;
	shift = (slot >> HIST_STEP_BITS) - 1;
	return ((STEPS + (slot & (STEPS - 1)) + 1) << shift) - 1;
}

void
hist_add(struct hist *h, int64_t us)
{
	const int64_t top = (INT64_C(1) << HIST_TOP_BITS) - 1;

	if (us < 0)
		us = 0;
	else if (us > top)
		us = top;
	if (us > h->max_us)
		h->max_us = us;
	h->slots[slot_of((uint64_t)us)]++;
	h->count++;
}

int64_t
hist_quantile_us(const struct hist *h, unsigned per_mille)
{
	uint64_t rank = (h->count * per_mille + 999) / 1000, seen = 0;
	unsigned slot = 0;
	int64_t top;

	if (h->count == 0)
		return 0;
	for (seen = h->slots[0]; seen < rank; seen += h->slots[slot])
		slot++;
	top = (int64_t)slot_top(slot);
	return top < h->max_us ? top : h->max_us;
}
