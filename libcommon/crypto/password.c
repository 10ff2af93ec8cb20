/* password.c - passwords with scrypt. See password.h. */
#include "crypto/password.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/mem.h"
#include "base/random.h"
#include "crypto/encode.h"
#include "crypto/hash.h"

#define PASSWORD_SALT_SIZE  16
#define PASSWORD_HASH_SIZE  32
#define PASSWORD_LN         15
#define PASSWORD_R          8
#define PASSWORD_P          1
#define PASSWORD_MEMORY_MAX ((uint64_t)128 * 1024 * 1024)

struct password_text {
	uint64_t ln, r, p;
	uint8_t salt[PASSWORD_SALT_SIZE];
	uint8_t hash[PASSWORD_HASH_SIZE];
};

static uint64_t
password_memory(const struct password_text *t)
{
	return ((uint64_t)128 * t->r) << t->ln;
}

static enum gh_code
password_derive(struct slice password, const struct password_text *t,
		uint8_t out[PASSWORD_HASH_SIZE])
{
	/* Beside the big block scrypt holds 128*r*p bytes and some; OpenSSL's default of
	 * 32 MiB is just too small for N=2^15, r=8. */
	uint64_t maxmem = password_memory(t) + 128 * t->r * (t->p + 2) + 65536;

	if (EVP_PBE_scrypt(password.p, password.n, t->salt, sizeof(t->salt), (uint64_t)1 << t->ln,
			   t->r, t->p, maxmem, out, PASSWORD_HASH_SIZE) == 1)
		return GH_OK;
	ERR_clear_error();
	return GH_ETEMP;
}

enum gh_code
password_hash(struct slice password, char dst[PASSWORD_TEXT_SIZE])
{
	struct password_text t = {.ln = PASSWORD_LN, .r = PASSWORD_R, .p = PASSWORD_P};
	char salt[ENCODE_BASE64_SIZE(PASSWORD_SALT_SIZE)];
	char hash[ENCODE_BASE64_SIZE(PASSWORD_HASH_SIZE)];
	enum gh_code rc;

	if (password.n == 0 || password.n > PASSWORD_LEN_MAX)
		return GH_EINVAL;
	random_bytes(t.salt, sizeof(t.salt));
	rc = password_derive(password, &t, t.hash);
	if (rc != GH_OK)
		return rc;
	encode_base64(slice_make(t.salt, sizeof(t.salt)), salt);
	encode_base64(slice_make(t.hash, sizeof(t.hash)), hash);
	/* 16 bytes end in "==", 32 bytes in "=": the text form has no padding. */
	snprintf(dst, PASSWORD_TEXT_SIZE, "$scrypt$ln=%u,r=%u,p=%u$%.22s$%.43s", PASSWORD_LN,
		 PASSWORD_R, PASSWORD_P, salt, hash);
	gh_wipe(&t, sizeof(t));
	return GH_OK;
}

/* "name=number" in front of *rest, up to the next sep. */
static enum gh_code
password_parse_cost(struct slice *rest, struct slice name, char sep, uint64_t min, uint64_t max,
		    uint64_t *out)
{
	struct slice item = slice_cut(*rest, sep, rest);

	if (!slice_starts(item, name) ||
	    parse_u64(slice_from(item, name.n), min, max, out) != GH_OK)
		return GH_EINVAL;
	return GH_OK;
}

static enum gh_code
password_parse(struct slice text, struct password_text *t)
{
	struct slice rest = text, salt;
	size_t salt_n, hash_n;

	if (!slice_starts(text, S("$scrypt$")))
		return GH_EINVAL;
	rest = slice_from(text, S("$scrypt$").n);
	/* The bounds keep a forged row from costing minutes or gigabytes. */
	if (password_parse_cost(&rest, S("ln="), ',', 10, 17, &t->ln) != GH_OK ||
	    password_parse_cost(&rest, S("r="), ',', 1, 16, &t->r) != GH_OK ||
	    password_parse_cost(&rest, S("p="), '$', 1, 4, &t->p) != GH_OK ||
	    password_memory(t) > PASSWORD_MEMORY_MAX)
		return GH_EINVAL;
	salt = slice_cut(rest, '$', &rest);
	if (encode_base64_parse(salt, ENCODE_PAD_REFUSED, t->salt, sizeof(t->salt), &salt_n) !=
		    GH_OK ||
	    encode_base64_parse(rest, ENCODE_PAD_REFUSED, t->hash, sizeof(t->hash), &hash_n) !=
		    GH_OK ||
	    salt_n != sizeof(t->salt) || hash_n != sizeof(t->hash))
		return GH_EINVAL;
	return GH_OK;
}

enum gh_code
password_verify(struct slice password, struct slice text)
{
	struct password_text t;
	uint8_t hash[PASSWORD_HASH_SIZE];
	enum gh_code rc;

	if (password_parse(text, &t) != GH_OK)
		return GH_EINVAL;
	if (password.n == 0 || password.n > PASSWORD_LEN_MAX)
		return GH_EAUTH;
	rc = password_derive(password, &t, hash);
	if (rc == GH_OK && !hash_equal(hash, t.hash, sizeof(hash)))
		rc = GH_EAUTH;
	gh_wipe(hash, sizeof(hash));
	return rc;
}
