/* idem_key.h - the request header Idempotency-Key and the request's fingerprint
 * (contracts/http-conventions.md section 2). Pure.
 */
#ifndef GH_GATEWAY_IDEM_KEY_H
#define GH_GATEWAY_IDEM_KEY_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct arena;
struct http1_head;

#define IDEM_KEY_MAX 255 /* characters, unquoted */

/* Read the header: a quoted string of visible ASCII and blanks, or a bare token of letters,
 * digits and "._:-". *key: the unquoted text (in the head or in a), SLICE_NONE without the header.
 * GH_EINVAL: malformed, empty, too long, or sent twice. */
enum gh_code idem_key_read(const struct http1_head *head, struct arena *a,
			   struct slice *key) GH_MUST_USE;

/* SHA-256 of method, path and raw body: tells a repeat from a reuse. */
void idem_fingerprint(const struct http1_head *head, struct slice body, struct arena *a,
		      uint8_t out[32]);

#endif
