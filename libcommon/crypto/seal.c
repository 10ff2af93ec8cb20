/* seal.c - secrets at rest with AES-256-GCM. See seal.h. */
#include "crypto/seal.h"

#include <stdbool.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/random.h"
#include "crypto/hash.h"

#define SEAL_VERSION    1
#define SEAL_HEAD_SIZE  2
#define SEAL_NONCE_SIZE 12
#define SEAL_TAG_SIZE   16

void
seal_key_init(struct seal_key *k, const uint8_t key[SEAL_KEY_SIZE])
{
	uint8_t digest[HASH_SHA256_SIZE];

	memcpy(k->b, key, SEAL_KEY_SIZE);
	hash_sha256(slice_make(key, SEAL_KEY_SIZE), digest);
	k->id = digest[0];
}

/* Start a run of either direction: key, nonce, head and aad. A context, or panic. */
static EVP_CIPHER_CTX *
seal_begin(const struct seal_key *key, const uint8_t *head, const uint8_t *nonce, struct slice aad,
	   int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	/* Version and key id are authenticated too, so that neither can be swapped. */
	if (ctx == NULL || aad.n > SEAL_PLAIN_MAX ||
	    EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->b, nonce, encrypt) != 1 ||
	    EVP_CipherUpdate(ctx, NULL, &n, head, SEAL_HEAD_SIZE) != 1 ||
	    (aad.n > 0 && EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)aad.p, (int)aad.n) != 1))
		gh_panic("seal: AES-256-GCM is not available");
	return ctx;
}

enum gh_code
seal_bytes(const struct seal_key *key, struct slice aad, struct slice plain, struct buf *out)
{
	EVP_CIPHER_CTX *ctx;
	uint8_t *p;
	int n = 0, last = 0;
	bool ok;

	if (plain.n > SEAL_PLAIN_MAX)
		return GH_ELIMIT;
	p = (uint8_t *)buf_reserve(out, plain.n + SEAL_OVERHEAD);
	if (p == NULL)
		return GH_ELIMIT;
	p[0] = SEAL_VERSION;
	p[1] = key->id;
	random_bytes(p + SEAL_HEAD_SIZE, SEAL_NONCE_SIZE);
	ctx = seal_begin(key, p, p + SEAL_HEAD_SIZE, aad, 1);
	p += SEAL_HEAD_SIZE + SEAL_NONCE_SIZE;
	ok = plain.n == 0 ||
	     EVP_CipherUpdate(ctx, p, &n, (const uint8_t *)plain.p, (int)plain.n) == 1;
	ok = ok && EVP_CipherFinal_ex(ctx, p + n, &last) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_SIZE, p + plain.n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!ok || (size_t)n + (size_t)last != plain.n)
		gh_panic("seal: encryption failed");
	buf_commit(out, plain.n + SEAL_OVERHEAD);
	return GH_OK;
}

/* Decrypt into p, which has room for the plain bytes. False when the tag does not match. */
static bool
seal_try(const struct seal_key *key, struct slice aad, struct slice sealed, uint8_t *p)
{
	const uint8_t *in = (const uint8_t *)sealed.p;
	size_t plain_n = sealed.n - SEAL_OVERHEAD;
	uint8_t tag[SEAL_TAG_SIZE];
	EVP_CIPHER_CTX *ctx = seal_begin(key, in, in + SEAL_HEAD_SIZE, aad, 0);
	int n = 0, last = 0;
	bool ok;

	in += SEAL_HEAD_SIZE + SEAL_NONCE_SIZE;
	memcpy(tag, in + plain_n, sizeof(tag));
	ok = plain_n == 0 || EVP_CipherUpdate(ctx, p, &n, in, (int)plain_n) == 1;
	ok = ok && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, SEAL_TAG_SIZE, tag) == 1 &&
	     EVP_CipherFinal_ex(ctx, p + n, &last) == 1;
	EVP_CIPHER_CTX_free(ctx);
	/* GCM hands out bytes before it knows the tag: unauthenticated ones must not stay. */
	if (!ok)
		gh_wipe(p, plain_n);
	return ok;
}

enum gh_code
seal_open(const struct seal_key *keys, size_t count, struct slice aad, struct slice sealed,
	  struct buf *out)
{
	enum gh_code rc = GH_ENOTFOUND;
	uint8_t *p;

	if (sealed.n < SEAL_OVERHEAD || sealed.n > SEAL_PLAIN_MAX + SEAL_OVERHEAD ||
	    sealed.p[0] != SEAL_VERSION)
		return GH_EINVAL;
	/* One byte of room even for an empty secret: OpenSSL wants a place to write to. */
	p = (uint8_t *)buf_reserve(out, sealed.n - SEAL_OVERHEAD + 1);
	if (p == NULL)
		return GH_ELIMIT;
	for (size_t i = 0; i < count; i++) {
		if (keys[i].id != (uint8_t)sealed.p[1])
			continue;
		if (seal_try(&keys[i], aad, sealed, p)) {
			buf_commit(out, sealed.n - SEAL_OVERHEAD);
			return GH_OK;
		}
		rc = GH_EAUTH;
	}
	return rc;
}
