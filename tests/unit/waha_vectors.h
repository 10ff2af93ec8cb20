/* waha_vectors.h - the contract's own examples (contracts/waha.md), kept in tests/vectors/waha.
 */
#ifndef GH_TEST_WAHA_VECTORS_H
#define GH_TEST_WAHA_VECTORS_H

#include "vectors.h"

static inline struct slice
vector_read(struct arena *a, const char *name)
{
	return vector_text(a, "waha", name);
}

#endif
