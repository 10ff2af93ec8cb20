/* hash.c - one-shot SHA-256 and HMAC. See hash.h.
 *
 * OpenSSL can only fail here when memory is gone or the library is broken, so
 * failure is a panic and the functions return nothing.
 */
#include "crypto/hash.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

void
hash_sha256(struct slice data, uint8_t out[HASH_SHA256_SIZE])
{
	if (EVP_Digest(data.p, data.n, out, NULL, EVP_sha256(), NULL) != 1)
		gh_panic("hash: SHA-256 is not available");
}

static void
hash_hmac(const char *digest, struct slice key, const struct slice *parts, size_t count,
	  uint8_t *out, size_t size)
{
	/* OpenSSL takes a NULL key for "the key set before"; the parameter is not written to. */
	const char *key_bytes = key.n > 0 ? key.p : "";
	char name[16];
	OSSL_PARAM params[2];
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	size_t n = 0;
	int ok;

	if (ctx == NULL || slice_to_cstr(slice_of(digest), name, sizeof(name)) != GH_OK)
		gh_panic("hash: HMAC is not available");
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
	params[1] = OSSL_PARAM_construct_end();
	ok = EVP_MAC_init(ctx, (const unsigned char *)key_bytes, key.n, params);
	for (size_t i = 0; i < count && ok == 1; i++)
		ok = EVP_MAC_update(ctx, (const unsigned char *)parts[i].p, parts[i].n);
	if (ok == 1)
		ok = EVP_MAC_final(ctx, out, &n, size);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	if (ok != 1 || n != size)
		gh_panic("hash: HMAC with %s failed", digest);
}

void
hash_hmac_sha256_parts(struct slice key, const struct slice *parts, size_t count,
		       uint8_t out[HASH_SHA256_SIZE])
{
	hash_hmac("SHA256", key, parts, count, out, HASH_SHA256_SIZE);
}

void
hash_hmac_sha256(struct slice key, struct slice data, uint8_t out[HASH_SHA256_SIZE])
{
	hash_hmac("SHA256", key, &data, 1, out, HASH_SHA256_SIZE);
}

void
hash_hmac_sha512(struct slice key, struct slice data, uint8_t out[HASH_SHA512_SIZE])
{
	hash_hmac("SHA512", key, &data, 1, out, HASH_SHA512_SIZE);
}

bool
hash_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

bool
hash_equal_slice(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || hash_equal(a.p, b.p, a.n));
}
