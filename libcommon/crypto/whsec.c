/* whsec.c - Standard Webhooks secrets and signatures. See whsec.h. */
#include "crypto/whsec.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "crypto/encode.h"
#include "crypto/hash.h"

#define WHSEC_PREFIX      "whsec_"
#define WHSEC_VERSION     "v1,"
#define WHSEC_BASE64_SIZE ENCODE_BASE64_SIZE(HASH_SHA256_SIZE)

enum gh_code
whsec_parse(struct slice text, struct whsec *out)
{
	struct whsec s;

	if (slice_starts(text, S(WHSEC_PREFIX)))
		text = slice_from(text, S(WHSEC_PREFIX).n);
	if (encode_base64_parse(text, ENCODE_PAD_OPTIONAL, s.key, sizeof(s.key), &s.n) != GH_OK ||
	    s.n < WHSEC_KEY_MIN)
		return GH_EINVAL;
	*out = s;
	return GH_OK;
}

void
whsec_generate(struct whsec *out)
{
	out->n = WHSEC_KEY_NEW;
	random_bytes(out->key, out->n);
}

const char *
whsec_text(const struct whsec *s, char dst[WHSEC_TEXT_SIZE])
{
	memcpy(dst, WHSEC_PREFIX, sizeof(WHSEC_PREFIX) - 1);
	encode_base64(slice_make(s->key, s->n), dst + sizeof(WHSEC_PREFIX) - 1);
	return dst;
}

/* Base64 of the MAC over "id.timestamp.body". */
static void
whsec_mac(const struct whsec *s, struct slice id, struct slice timestamp, struct slice body,
	  char dst[WHSEC_BASE64_SIZE])
{
	const struct slice parts[] = {id, S("."), timestamp, S("."), body};
	uint8_t mac[HASH_SHA256_SIZE];

	hash_hmac_sha256_parts(slice_make(s->key, s->n), parts, GH_COUNT(parts), mac);
	encode_base64(slice_make(mac, sizeof(mac)), dst);
}

enum gh_code
whsec_sign(const struct whsec *secrets, size_t count, struct slice id, int64_t timestamp_s,
	   struct slice body, char dst[WHSEC_SIGNATURES_SIZE])
{
	char digits[24];
	struct slice timestamp;
	char *p = dst;

	*p = '\0';
	if (count == 0 || count > WHSEC_SECRETS_MAX || id.n == 0 || slice_index(id, '.') >= 0)
		return GH_EINVAL;
	timestamp = slice_make(digits,
			       (size_t)snprintf(digits, sizeof(digits), "%" PRId64, timestamp_s));
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*p++ = ' ';
		memcpy(p, WHSEC_VERSION, sizeof(WHSEC_VERSION) - 1);
		p += sizeof(WHSEC_VERSION) - 1;
		whsec_mac(&secrets[i], id, timestamp, body, p);
		p += WHSEC_BASE64_SIZE - 1;
	}
	return GH_OK;
}

/* Is one of the v1 entries this MAC? Entries of other versions are skipped. */
static bool
whsec_list_has(struct slice signatures, struct slice mac)
{
	while (signatures.p != NULL) {
		struct slice entry = slice_cut(signatures, ' ', &signatures);

		if (slice_starts(entry, S(WHSEC_VERSION)) &&
		    hash_equal_slice(slice_from(entry, S(WHSEC_VERSION).n), mac))
			return true;
	}
	return false;
}

enum gh_code
whsec_verify(const struct whsec *secrets, size_t count, struct slice id, struct slice timestamp,
	     struct slice signatures, struct slice body, int64_t now_s)
{
	char mac[WHSEC_BASE64_SIZE];
	int64_t ts;

	if (id.n == 0 || signatures.n == 0 ||
	    parse_i64(timestamp, 0, INT64_MAX - WHSEC_TOLERANCE_S, &ts) != GH_OK)
		return GH_EINVAL;
	if (now_s - ts > WHSEC_TOLERANCE_S || ts > now_s + WHSEC_TOLERANCE_S)
		return GH_EAUTH;
	for (size_t i = 0; i < count; i++) {
		whsec_mac(&secrets[i], id, timestamp, body, mac);
		if (whsec_list_has(signatures, slice_of(mac)))
			return GH_OK;
	}
	return GH_EAUTH;
}
