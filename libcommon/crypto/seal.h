/* seal.h - secrets at rest: AES-256-GCM, bound to the kind of secret.
 *
 * Sealed form: version (1) | key id (1) | nonce (12) | ciphertext | tag (16).
 * The associated data (aad) is a word for the column ("provider_key"): a sealed value
 * copied to another column does not open. It names no row, since rows get their ids
 * from the insert that already brings the sealed value. Any thread.
 */
#ifndef GH_SEAL_H
#define GH_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct buf;

#define SEAL_KEY_SIZE  32
#define SEAL_OVERHEAD  30      /* sealed bytes beyond the plain ones */
#define SEAL_PLAIN_MAX 1048576 /* secrets are small; nonces stay few */

struct seal_key {
	uint8_t id; /* first byte of the key's SHA-256: needs no administration */
	uint8_t b[SEAL_KEY_SIZE];
};

void seal_key_init(struct seal_key *k, const uint8_t key[SEAL_KEY_SIZE]);

/* Append the sealed form of plain to out. GH_ELIMIT over SEAL_PLAIN_MAX or when out is full. */
enum gh_code seal_bytes(const struct seal_key *key, struct slice aad, struct slice plain,
			struct buf *out) GH_MUST_USE;

/* Append the plain bytes to out; key chosen among count by the stored id (all with that id
 * are tried, so that rotation survives a collision of ids). GH_EINVAL malformed,
 * GH_ENOTFOUND no key with that id, GH_EAUTH wrong key, place or altered bytes (nothing is
 * appended), GH_ELIMIT out is full. */
enum gh_code seal_open(const struct seal_key *keys, size_t count, struct slice aad,
		       struct slice sealed, struct buf *out) GH_MUST_USE;

#endif
