/* retry_after.h - what an answer's Retry-After asks for (RFC 9110 section 10.2.3). Pure. */
#ifndef GH_HTTP_RETRY_AFTER_H
#define GH_HTTP_RETRY_AFTER_H

#include <stdint.h>

#include "base/slice.h"

/* Seconds, or a date in one of its three forms, as microseconds from now_us (wall clock); at
 * least 0, at most max_us; -1 when value is neither. value: without blanks around it. */
int64_t http_retry_after_us(struct slice value, int64_t now_us, int64_t max_us);

#endif
