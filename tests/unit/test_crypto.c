/* test_crypto.c - hashes, encodings, sealing, passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "crypto/encode.c"
#include "crypto/hash.c"
#include "crypto/password.c"
#include "crypto/seal.c"

static void
check_hex(const uint8_t *bytes, size_t n, const char *expected)
{
	char text[ENCODE_HEX_SIZE(HASH_SHA512_SIZE)];

	assert_string_equal(encode_hex(slice_make(bytes, n), text), expected);
}

static void
test_sha256(void **state GH_UNUSED)
{
	uint8_t out[HASH_SHA256_SIZE];

	/* FIPS 180-2 appendix B.1, and the empty input. */
	hash_sha256(S("abc"), out);
	check_hex(out, sizeof(out),
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_sha256(SLICE_NONE, out);
	check_hex(out, sizeof(out),
		  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
test_hmac(void **state GH_UNUSED)
{
	const struct slice parts[] = {S("what do ya "), S(""), S("want for nothing?")};
	uint8_t mac[HASH_SHA512_SIZE];

	/* RFC 4231 test case 2. */
	hash_hmac_sha256(S("Jefe"), S("what do ya want for nothing?"), mac);
	check_hex(mac, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hash_hmac_sha256_parts(S("Jefe"), parts, GH_COUNT(parts), mac);
	check_hex(mac, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hash_hmac_sha512(S("Jefe"), S("what do ya want for nothing?"), mac);
	check_hex(mac, 64,
		  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
		  "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
	/* Empty key and message. */
	hash_hmac_sha256(SLICE_NONE, SLICE_NONE, mac);
	check_hex(mac, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	/* contracts/waha.md section 9. */
	hash_hmac_sha512(S("growhub-test-key"),
			 S("{\"id\":\"evt_01k5growhub0000000000000a1\",\"timestamp\":1791000000123,"
			   "\"event\":\"message.ack\",\"session\":\"acme_01\"}"),
			 mac);
	check_hex(mac, 64,
		  "690ff99561b7e6e0a3edf811731f2b424072f1051d314ee8860ca4b9f5485452"
		  "6cd60972a36a7e85af4852a2064c9a61095d99aabd86668ca17f7d25f078be3a");
}

static void
test_equal(void **state GH_UNUSED)
{
	assert_true(hash_equal("abc", "abc", 3));
	assert_false(hash_equal("abc", "abd", 3));
	assert_true(hash_equal("abc", "abd", 2));
	assert_true(hash_equal_slice(S("abc"), S("abc")));
	assert_false(hash_equal_slice(S("abc"), S("ab")));
	assert_true(hash_equal_slice(SLICE_NONE, S("")));
}

static void
test_hex(void **state GH_UNUSED)
{
	static const char *const bad[] = {"0", "0g", "zz", " 00", "0x00"};
	uint8_t out[4];
	size_t n;

	assert_int_equal(encode_hex_parse(S("00fFa5"), out, sizeof(out), &n), GH_OK);
	assert_int_equal(n, 3);
	assert_memory_equal(out, "\x00\xff\xa5", 3);
	for (size_t i = 0; i < GH_COUNT(bad); i++)
		assert_int_equal(encode_hex_parse(slice_of(bad[i]), out, sizeof(out), &n),
				 GH_EINVAL);
	assert_int_equal(encode_hex_parse(S("0000000000"), out, sizeof(out), &n), GH_ELIMIT);
}

static void
test_base64(void **state GH_UNUSED)
{
	/* RFC 4648 section 10, and the letters in which the alphabets differ. */
	static const struct {
		const char *data, *std, *url;
	} cases[] = {
		{"", "", ""},
		{"f", "Zg==", "Zg"},
		{"fo", "Zm8=", "Zm8"},
		{"foo", "Zm9v", "Zm9v"},
		{"foob", "Zm9vYg==", "Zm9vYg"},
		{"fooba", "Zm9vYmE=", "Zm9vYmE"},
		{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
		{"\xfb\xff\xfe", "+//+", "-__-"},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct slice data = slice_of(cases[i].data);
		char text[16], out[8];
		size_t n;

		assert_string_equal(encode_base64(data, text), cases[i].std);
		assert_int_equal(
			encode_base64_parse(slice_of(text), ENCODE_PAD_REQUIRED, out, data.n, &n),
			GH_OK);
		assert_int_equal(n, data.n);
		assert_memory_equal(out, data.p, n);
		assert_string_equal(encode_base64url(data, text), cases[i].url);
		assert_int_equal(
			encode_base64url_parse(slice_of(text), ENCODE_PAD_REFUSED, out, data.n, &n),
			GH_OK);
		assert_int_equal(n, data.n);
		assert_memory_equal(out, data.p, n);
	}
}

static void
test_base64_strict(void **state GH_UNUSED)
{
	static const struct {
		const char *text;
		enum encode_padding padding;
		enum gh_code rc;
	} cases[] = {
		{"Zg==", ENCODE_PAD_OPTIONAL, GH_OK},
		{"Zg", ENCODE_PAD_OPTIONAL, GH_OK},
		{"Zg", ENCODE_PAD_REQUIRED, GH_EINVAL},
		{"Zg==", ENCODE_PAD_REFUSED, GH_EINVAL},
		{"Zg=", ENCODE_PAD_OPTIONAL, GH_EINVAL},
		{"Zg===", ENCODE_PAD_OPTIONAL, GH_EINVAL},
		{"Zm9v=", ENCODE_PAD_OPTIONAL, GH_EINVAL},
		{"Zm9v====", ENCODE_PAD_OPTIONAL, GH_EINVAL},
		{"Zh==", ENCODE_PAD_OPTIONAL, GH_EINVAL}, /* set bits behind the last byte */
		{"Zm9=", ENCODE_PAD_OPTIONAL, GH_EINVAL},
		{"Z", ENCODE_PAD_OPTIONAL, GH_EINVAL},
		{"=", ENCODE_PAD_OPTIONAL, GH_EINVAL},
		{"Zm9v Zm9v", ENCODE_PAD_OPTIONAL, GH_EINVAL},
		{"Zm9v\n", ENCODE_PAD_OPTIONAL, GH_EINVAL},
		{"-__-", ENCODE_PAD_OPTIONAL, GH_EINVAL},
		{"Zg==Zg==", ENCODE_PAD_OPTIONAL, GH_EINVAL},
		{"Zm9vYmFyYg==", ENCODE_PAD_OPTIONAL, GH_ELIMIT},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		char out[6];
		size_t n;
		enum gh_code rc = encode_base64_parse(slice_of(cases[i].text), cases[i].padding,
						      out, sizeof(out), &n);

		if (rc != cases[i].rc)
			fail_msg("%s: %s", cases[i].text, gh_code_name(rc));
	}
}

static void
test_seal(void **state GH_UNUSED)
{
	static const uint8_t raw[2][SEAL_KEY_SIZE] = {{1}, {2}};
	static const struct slice aad = {"provider_key", 12}, other = {"webhook_key", 11};
	struct seal_key keys[2];
	struct buf sealed, again, plain;

	seal_key_init(&keys[0], raw[0]);
	seal_key_init(&keys[1], raw[1]);
	assert_int_not_equal(keys[0].id, keys[1].id);
	buf_init(&sealed, NULL, 100);
	buf_init(&again, NULL, 100);
	buf_init(&plain, NULL, 100);
	assert_int_equal(seal_bytes(&keys[1], aad, S("sesame"), &sealed), GH_OK);
	assert_int_equal(seal_bytes(&keys[1], aad, S("sesame"), &again), GH_OK);
	assert_int_equal(sealed.n, 6 + SEAL_OVERHEAD);
	assert_memory_not_equal(sealed.p, again.p, sealed.n);
	assert_int_equal(seal_open(keys, 2, aad, buf_slice(&sealed), &plain), GH_OK);
	assert_true(slice_eq(buf_slice(&plain), S("sesame")));

	buf_reset(&plain);
	assert_int_equal(seal_open(keys, 2, other, buf_slice(&sealed), &plain), GH_EAUTH);
	assert_int_equal(seal_open(keys, 1, aad, buf_slice(&sealed), &plain), GH_ENOTFOUND);
	/* Any single bit changed anywhere: never opens. */
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 0x10;
		assert_int_not_equal(seal_open(keys, 2, aad, buf_slice(&sealed), &plain), GH_OK);
		sealed.p[i] ^= 0x10;
	}
	for (size_t n = 0; n < sealed.n; n++)
		assert_int_not_equal(seal_open(keys, 2, aad, slice_make(sealed.p, n), &plain),
				     GH_OK);
	assert_int_equal(plain.n, 0);
	buf_free(&sealed);
	buf_free(&again);
	buf_free(&plain);
}

static void
test_seal_bounds(void **state GH_UNUSED)
{
	static const uint8_t raw[SEAL_KEY_SIZE] = {3};
	struct seal_key key, twin;
	struct buf sealed, plain;

	seal_key_init(&key, raw);
	/* Two keys with one id: the right one is found behind the wrong one. */
	twin = key;
	twin.b[0] ^= 1;
	const struct seal_key keys[] = {twin, key};

	buf_init(&sealed, NULL, SEAL_OVERHEAD);
	buf_init(&plain, NULL, 100);
	assert_int_equal(seal_bytes(&key, SLICE_NONE, S("x"), &sealed), GH_ELIMIT);
	buf_reset(&sealed);
	assert_int_equal(seal_bytes(&key, SLICE_NONE, SLICE_NONE, &sealed), GH_OK);
	assert_int_equal(seal_open(keys, 2, SLICE_NONE, buf_slice(&sealed), &plain), GH_OK);
	assert_int_equal(plain.n, 0);
	assert_int_equal(seal_open(keys, 1, SLICE_NONE, buf_slice(&sealed), &plain), GH_EAUTH);
	buf_free(&sealed);
	buf_free(&plain);
}

static void
test_password(void **state GH_UNUSED)
{
	char text[PASSWORD_TEXT_SIZE], again[PASSWORD_TEXT_SIZE];
	char big[PASSWORD_LEN_MAX + 1];

	memset(big, 'x', sizeof(big));
	assert_int_equal(password_hash(S("sesame"), text), GH_OK);
	assert_int_equal(password_hash(S("sesame"), again), GH_OK);
	assert_true(slice_starts(slice_of(text), S("$scrypt$ln=15,r=8,p=1$")));
	assert_int_equal(strlen(text), 22 + 22 + 1 + 43);
	assert_string_not_equal(text, again);
	assert_int_equal(password_verify(S("sesame"), slice_of(text)), GH_OK);
	assert_int_equal(password_verify(S("Sesame"), slice_of(text)), GH_EAUTH);
	assert_int_equal(password_verify(S(""), slice_of(text)), GH_EAUTH);
	assert_int_equal(password_hash(S(""), text), GH_EINVAL);
	assert_int_equal(password_hash(slice_make(big, sizeof(big)), text), GH_EINVAL);
}

static void
test_password_text(void **state GH_UNUSED)
{
#define SALT "$AAAAAAAAAAAAAAAAAAAAAA"
#define HASH "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	static const struct {
		const char *text;
		enum gh_code rc;
	} cases[] = {
		{"$scrypt$ln=10,r=1,p=1" SALT HASH, GH_EAUTH},
		{"$scrypt$ln=9,r=1,p=1" SALT HASH, GH_EINVAL},
		{"$scrypt$ln=18,r=8,p=1" SALT HASH, GH_EINVAL},
		{"$scrypt$ln=17,r=16,p=1" SALT HASH, GH_EINVAL}, /* 256 MiB */
		{"$scrypt$ln=10,r=0,p=1" SALT HASH, GH_EINVAL},
		{"$scrypt$ln=10,r=1,p=5" SALT HASH, GH_EINVAL},
		{"$scrypt$r=1,ln=10,p=1" SALT HASH, GH_EINVAL},
		{"$scrypt$ln=10,r=1,p=1" SALT, GH_EINVAL},
		{"$scrypt$ln=10,r=1,p=1$AAAA" HASH, GH_EINVAL},
		{"$scrypt$ln=10,r=1,p=1" SALT HASH "A", GH_EINVAL},
		{"$argon2$ln=10,r=1,p=1" SALT HASH, GH_EINVAL},
		{"", GH_EINVAL},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		enum gh_code rc = password_verify(S("x"), slice_of(cases[i].text));

		if (rc != cases[i].rc)
			fail_msg("%s: %s", cases[i].text, gh_code_name(rc));
	}
}

/* RFC 7914 section 12, third vector: of its 64 bytes the first 32 are those of a shorter
 * output. Shows that the library's scrypt is the published one. */
static void
test_password_vector(void **state GH_UNUSED)
{
	uint8_t out[PASSWORD_HASH_SIZE];

	assert_int_equal(EVP_PBE_scrypt("pleaseletmein", 13, (const uint8_t *)"SodiumChloride", 14,
					16384, 8, 1, 64u << 20, out, sizeof(out)),
			 1);
	check_hex(out, sizeof(out),
		  "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_strict),
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_seal_bounds),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_password_text),
		cmocka_unit_test(test_password_vector),
	};

	return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
