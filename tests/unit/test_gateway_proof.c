/* Genuine webhooks: by signature at WAHA, by the session's key in the body at UAZAPI. */
#include "gateway/proof.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "crypto/encode.h"
#include "crypto/hash.h"

#define KEY       "7d3f0c52-0000-4000-8000-0000000000aa"
#define OTHER     "7d3f0c52-0000-4000-8000-0000000000ab"
#define NAMING(k) "{\"EventType\":\"connection\",\"token\":\"" k "\"}"

static void
test_a_session_key(void **state)
{
	const struct {
		struct slice secret;
		const char *body;
		bool holds;
	} cases[] = {
		{S(KEY), NAMING(KEY), true},
		{S(KEY), NAMING(OTHER), false},
		{S(KEY), NAMING(""), false},
		{S(KEY), "{\"EventType\":\"connection\"}", false},
		{S(KEY), "{\"message\":{\"token\":\"" KEY "\"}}", false}, /* at the root alone */
		{S(KEY), "", false},
		{S(KEY), "[]", false},
		{S(KEY), "{\"token\":\"" KEY, false},
		/* What we do not know proves nothing, and least of all by its absence. */
		{SLICE_NONE, NAMING(KEY), false},
		{SLICE_NONE, NAMING(""), false},
		{S(""), NAMING(""), false},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++)
		if (proof_holds(&provider_uazapi, cases[i].secret, SLICE_NONE,
				slice_of(cases[i].body)) != cases[i].holds)
			fail_msg("case %zu: %s", i, cases[i].body);
	/* A header proves nothing here. */
	assert_false(proof_holds(&provider_uazapi, S(KEY), S(KEY), S("{}")));
}

static void
test_a_signature(void **state)
{
	const struct slice body = S("{\"event\":\"message\"}");
	uint8_t mac[HASH_SHA512_SIZE];
	char hex[2 * sizeof(mac) + 1];

	(void)state;
	hash_hmac_sha512(S("s3cret"), body, mac);
	encode_hex(slice_make(mac, sizeof(mac)), hex);
	assert_true(proof_holds(&provider_waha, S("s3cret"), slice_of(hex), body));
	assert_false(proof_holds(&provider_waha, S("other"), slice_of(hex), body));
	assert_false(proof_holds(&provider_waha, S("s3cret"), slice_of(hex), S("{}")));
	assert_false(proof_holds(&provider_waha, S("s3cret"), SLICE_NONE, body));
	/* A server that was told no secret signs nothing. */
	assert_true(proof_holds(&provider_waha, SLICE_NONE, SLICE_NONE, body));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_session_key),
		cmocka_unit_test(test_a_signature),
	};

	return cmocka_run_group_tests_name("gateway proof", tests, NULL, NULL);
}
