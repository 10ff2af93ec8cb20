/* whsec.h - Standard Webhooks: endpoint secrets and signatures
 * (contracts/webhooks-out.md sections 2 and 3). Any thread.
 */
#ifndef GH_WHSEC_H
#define GH_WHSEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define WHSEC_KEY_MIN     24
#define WHSEC_KEY_MAX     64
#define WHSEC_KEY_NEW     32 /* bytes of a generated secret */
#define WHSEC_SECRETS_MAX 3
#define WHSEC_TOLERANCE_S 300

struct whsec {
	uint8_t key[WHSEC_KEY_MAX];
	size_t n;
};

/* "whsec_" and base64, the prefix optional, 24..64 bytes. GH_EINVAL otherwise. */
enum gh_code whsec_parse(struct slice text, struct whsec *out) GH_MUST_USE;
void whsec_generate(struct whsec *out);

#define WHSEC_TEXT_SIZE 95 /* prefix, 88 characters, NUL */
/* With prefix and padding. Returns dst. */
const char *whsec_text(const struct whsec *s, char dst[WHSEC_TEXT_SIZE]);

#define WHSEC_SIGNATURES_SIZE 144 /* three times "v1," and 44 characters, blanks, NUL */
/* Value of webhook-signature: one entry per secret, in the order given.
 *
 * count        1..WHSEC_SECRETS_MAX, current secret first
 * id           webhook-id: not empty, no '.'
 * timestamp_s  webhook-timestamp of this attempt, seconds since the epoch
 * body         the raw bytes to be posted
 * Returns      GH_EINVAL when id or count breaks the rule; dst is then empty
 */
enum gh_code whsec_sign(const struct whsec *secrets, size_t count, struct slice id,
			int64_t timestamp_s, struct slice body,
			char dst[WHSEC_SIGNATURES_SIZE]) GH_MUST_USE;

/* The receiver's side: accepts when any v1 entry of signatures matches any secret.
 * id, timestamp, signatures are the header values (SLICE_NONE: missing). GH_EINVAL missing
 * header or a timestamp that is no integer; GH_EAUTH no match, or over WHSEC_TOLERANCE_S
 * away from now_s. */
enum gh_code whsec_verify(const struct whsec *secrets, size_t count, struct slice id,
			  struct slice timestamp, struct slice signatures, struct slice body,
			  int64_t now_s) GH_MUST_USE;

#endif
