/* uazapi_vectors.h - the contract's own examples (contracts/uazapi.md), kept in
 * tests/vectors/uazapi.
 */
#ifndef GH_TEST_UAZAPI_VECTORS_H
#define GH_TEST_UAZAPI_VECTORS_H

#include "vectors.h"

static inline struct slice
vector_read(struct arena *a, const char *name)
{
	return vector_text(a, "uazapi", name);
}

#endif
