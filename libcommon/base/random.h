/* random.h - bytes from the kernel's CSPRNG. */
#ifndef GH_RANDOM_H
#define GH_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fill n bytes; panics when the kernel refuses. Small requests come from a buffer per
 * thread; not safe after fork (daemons never fork). */
void random_bytes(void *p, size_t n);
/* Uniform in 0..bound-1 without bias; bound > 0. */
uint64_t random_below(uint64_t bound);
/* value_us times a uniform factor in 1-percent/100 .. 1+percent/100; percent above 100 counts
 * as 100, value_us <= 0 is returned unchanged. */
int64_t random_jitter(int64_t value_us, unsigned percent);

#endif
