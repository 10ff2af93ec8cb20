/* slug.h - the name of an instance's session at its provider. Pure. */
#ifndef GH_GATEWAY_SLUG_H
#define GH_GATEWAY_SLUG_H

#include <stdint.h>

#include "base/slice.h"

#define SLUG_MAX  54 /* WAHA's limit for session names */
#define SLUG_SIZE (SLUG_MAX + 1)

/* "{company}-{name folded to A-Za-z0-9_-}": runs of other characters become one '-', none at the
 * ends; a name without any is "instance". suffix (NULL: none) is kept whole behind another '-'.
 * Returns dst. */
const char *slug_write(int32_t company_id, struct slice name, const char *suffix,
		       char dst[SLUG_SIZE]);

#endif
