/* hash.h - one-shot SHA-256 and HMAC, comparison in constant time. Any thread. */
#ifndef GH_HASH_H
#define GH_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define HASH_SHA256_SIZE 32
#define HASH_SHA512_SIZE 64

void hash_sha256(struct slice data, uint8_t out[HASH_SHA256_SIZE]);

/* key of any length, also empty. */
void hash_hmac_sha256(struct slice key, struct slice data, uint8_t out[HASH_SHA256_SIZE]);
void hash_hmac_sha512(struct slice key, struct slice data, uint8_t out[HASH_SHA512_SIZE]);
/* MAC over the concatenation of count parts, without copying them. */
void hash_hmac_sha256_parts(struct slice key, const struct slice *parts, size_t count,
			    uint8_t out[HASH_SHA256_SIZE]);

/* Equal n bytes, in time that depends on n only. */
bool hash_equal(const void *a, const void *b, size_t n);
/* The same for texts; a difference in length shows in the time. */
bool hash_equal_slice(struct slice a, struct slice b);

#endif
