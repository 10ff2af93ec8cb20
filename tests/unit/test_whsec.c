/* test_whsec.c - every vector and acceptance case of contracts/webhooks-out.md section 12. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/whsec.c"

#define SECRET_A  "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SECRET_B  "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM="
#define SECRET_SW "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID        "evt_0198c0de00007000800000000000aaaa"
#define TIMESTAMP 1768478400
#define BODY                                                                                       \
	"{\"type\":\"message.sent\",\"timestamp\":\"2026-01-15T12:00:00.123Z\",\"data\":{"         \
	"\"message_id\":\"0198c0de-0000-7000-8000-000000000001\",\"status\":\"sent\"}}"
#define SIGN_A "v1,5jIURjmj3UQTN/MNuMf/G132kCdNTHO2drYw3HkfSV8="
#define SIGN_B "v1,y1aFz+JEfEWpXBNLRkP76s8GjzLuUKCuVwoCaUdGpG0="

static struct whsec
secret(const char *text)
{
	struct whsec s;

	assert_int_equal(whsec_parse(slice_of(text), &s), GH_OK);
	return s;
}

static void
test_vectors(void **state GH_UNUSED)
{
	static const char utf8_hex[] =
		"7b2274797065223a226d6573736167652e7265636569766564222c2274696d657374616d70223a2232"
		"3032362d30312d31355431323a30303a30302e3132335a222c2264617461223a7b2274657874223a22"
		"4f6cc3a120c3a7c3a36f20f09f918b227d7d";
	uint8_t utf8[100];
	size_t n;

	assert_int_equal(encode_hex_parse(slice_of(utf8_hex), utf8, sizeof(utf8), &n), GH_OK);
	assert_int_equal(n, 100);
	assert_int_equal(sizeof(BODY) - 1, 139);

	const struct {
		const char *name, *secrets[3];
		struct slice id;
		int64_t timestamp;
		struct slice body;
		const char *expected;
	} cases[] = {
		{"a",
		 {SECRET_SW},
		 S("msg_p5jXN8AQM9LWM0D4loKWxJek"),
		 1614265330,
		 S("{\"test\": 2432232314}"),
		 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
		{"b, A", {SECRET_A}, S(ID), TIMESTAMP, S(BODY), SIGN_A},
		{"b, B", {SECRET_B}, S(ID), TIMESTAMP, S(BODY), SIGN_B},
		{"b, rotation", {SECRET_A, SECRET_B}, S(ID), TIMESTAMP, S(BODY), SIGN_A " " SIGN_B},
		{"three",
		 {SECRET_B, SECRET_A, SECRET_B},
		 S(ID),
		 TIMESTAMP,
		 S(BODY),
		 SIGN_B " " SIGN_A " " SIGN_B},
		{"c",
		 {SECRET_A},
		 S(ID),
		 TIMESTAMP,
		 slice_make(utf8, n),
		 "v1,E3Ck7mML4LgV7eArdNBcrkYKTiC8c0AMwe4kjyk/ltg="},
		{"d",
		 {SECRET_A},
		 S(ID),
		 TIMESTAMP,
		 SLICE_NONE,
		 "v1,hVOleXuYnoGLsf+eTEtAWtNELor6Id6w50wM0v05GyY="},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		char text[WHSEC_SIGNATURES_SIZE];
		struct whsec s[3];
		size_t count = 0;

		while (count < 3 && cases[i].secrets[count] != NULL) {
			s[count] = secret(cases[i].secrets[count]);
			count++;
		}
		assert_int_equal(
			whsec_sign(s, count, cases[i].id, cases[i].timestamp, cases[i].body, text),
			GH_OK);
		if (strcmp(text, cases[i].expected) != 0)
			fail_msg("%s: %s", cases[i].name, text);
	}
}

static void
test_sign_refuses(void **state GH_UNUSED)
{
	struct whsec s[4] = {{{0}, 0}};
	char text[WHSEC_SIGNATURES_SIZE] = "x";

	assert_int_equal(whsec_sign(s, 0, S(ID), 1, S(""), text), GH_EINVAL);
	assert_string_equal(text, "");
	assert_int_equal(whsec_sign(s, 4, S(ID), 1, S(""), text), GH_EINVAL);
	assert_int_equal(whsec_sign(s, 1, S(""), 1, S(""), text), GH_EINVAL);
	assert_int_equal(whsec_sign(s, 1, S("a.b"), 1, S(""), text), GH_EINVAL);
}

static void
test_verify(void **state GH_UNUSED)
{
	static const struct {
		const char *name, *id, *timestamp, *signatures, *body;
		int64_t age_s;
		enum gh_code rc;
	} cases[] = {
		{"valid", ID, "1768478400", SIGN_A, BODY, 0, GH_OK},
		{"missing id", NULL, "1768478400", SIGN_A, BODY, 0, GH_EINVAL},
		{"missing timestamp", ID, NULL, SIGN_A, BODY, 0, GH_EINVAL},
		{"missing signature", ID, "1768478400", NULL, BODY, 0, GH_EINVAL},
		{"wrong signature", ID, "1768478400", SIGN_B, BODY, 0, GH_EAUTH},
		{"empty signature", ID, "1768478400", "v1,", BODY, 0, GH_EAUTH},
		{"too old", ID, "1768478400", SIGN_A, BODY, 301, GH_EAUTH},
		{"too new", ID, "1768478400", SIGN_A, BODY, -301, GH_EAUTH},
		{"just old enough", ID, "1768478400", SIGN_A, BODY, 300, GH_OK},
		{"just new enough", ID, "1768478400", SIGN_A, BODY, -300, GH_OK},
		{"among others", ID, "1768478400", "v1a,AAAA v2,BBBB v1,CCCC nocomma " SIGN_A, BODY,
		 0, GH_OK},
		{"other version only", ID, "1768478400",
		 "v1a,5jIURjmj3UQTN/MNuMf/G132kCdNTHO2drYw3HkfSV8=", BODY, 0, GH_EAUTH},
		{"a space more", ID, "1768478400", SIGN_A, BODY " ", 0, GH_EAUTH},
		{"no integer", ID, "1768478400.5", SIGN_A, BODY, 0, GH_EINVAL},
		{"other id", "evt_1", "1768478400", SIGN_A, BODY, 0, GH_EAUTH},
		{"other time", ID, "1768478401", SIGN_A, BODY, 0, GH_EAUTH},
	};
	const struct whsec keys[] = {secret(SECRET_SW), secret(SECRET_A)};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		enum gh_code rc =
			whsec_verify(keys, GH_COUNT(keys), slice_of(cases[i].id),
				     slice_of(cases[i].timestamp), slice_of(cases[i].signatures),
				     slice_of(cases[i].body), TIMESTAMP + cases[i].age_s);

		if (rc != cases[i].rc)
			fail_msg("%s: %s", cases[i].name, gh_code_name(rc));
	}
}

static void
test_secret(void **state GH_UNUSED)
{
	static const char *const bad[] = {
		"",
		"whsec_",
		"whsec_AAAA",
		"whsec_!fKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==", /* 22 bytes */
	};
	char text[WHSEC_TEXT_SIZE], longest[ENCODE_BASE64_SIZE(65)];
	uint8_t bytes[65] = {0};
	struct whsec a, b;

	a = secret("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
	b = secret(SECRET_A);
	assert_int_equal(a.n, 32);
	assert_memory_equal(a.key, b.key, 32);
	assert_string_equal(whsec_text(&b, text), SECRET_A);
	for (size_t i = 0; i < GH_COUNT(bad); i++)
		assert_int_equal(whsec_parse(slice_of(bad[i]), &a), GH_EINVAL);
	encode_base64(slice_make(bytes, 65), longest);
	assert_int_equal(whsec_parse(slice_of(longest), &a), GH_EINVAL);
	encode_base64(slice_make(bytes, 64), longest);
	assert_int_equal(whsec_parse(slice_of(longest), &a), GH_OK);
	assert_int_equal(strlen(whsec_text(&a, text)), WHSEC_TEXT_SIZE - 1);

	whsec_generate(&a);
	whsec_generate(&b);
	assert_int_equal(a.n, WHSEC_KEY_NEW);
	assert_memory_not_equal(a.key, b.key, WHSEC_KEY_NEW);
	assert_int_equal(whsec_parse(slice_of(whsec_text(&a, text)), &b), GH_OK);
	assert_memory_equal(a.key, b.key, WHSEC_KEY_NEW);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_sign_refuses),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_secret),
	};

	return cmocka_run_group_tests_name("whsec", tests, NULL, NULL);
}
