/* hist.h - log-linear histogram of latencies: constant memory, constant time to add.
 *
 * Values below 128 us are exact; above, each doubling is cut into 128 steps, so a
 * quantile is at most 0.8 % too high and never too low.
 */
#ifndef GH_BENCH_HIST_H
#define GH_BENCH_HIST_H

#include <stdint.h>

#define HIST_STEP_BITS 7
#define HIST_TOP_BITS  36 /* values from 2^36 us (19 h) on count as the largest */
#define HIST_SLOTS     ((HIST_TOP_BITS - HIST_STEP_BITS + 1) << HIST_STEP_BITS)

/* All zero is empty. */
struct hist {
	uint64_t count;
	int64_t max_us;
	uint64_t slots[HIST_SLOTS];
};

/* Negative values count as 0. */
void hist_add(struct hist *h, int64_t us);

/* The value that per_mille thousandths (1..1000) of all are at or below; 0 when empty,
 * and never more than max_us. */
int64_t hist_quantile_us(const struct hist *h, unsigned per_mille);

#endif
