/* Idempotency-Key: both forms, everything malformed, the fingerprint. */
#include "gateway/idem_key.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct http1_head
head_with(const char *value, unsigned times)
{
	struct http1_head h = {.method = HTTP_POST, .path = S("/api/messages/send")};

	for (unsigned i = 0; i < times; i++)
		h.fields[h.field_count++] =
			(struct http1_field){S("idempotency-key"), slice_of(value)};
	return h;
}

static void
test_forms(void **state)
{
	static const struct {
		const char *value;
		const char *key; /* NULL: malformed */
	} cases[] = {
		{"8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"},
		{"\"8e03978e\"", "8e03978e"},
		{"a.b_c:d-e", "a.b_c:d-e"},
		{"\"a b, c;d\"", "a b, c;d"},
		{"\"a\\\"b\\\\c\"", "a\"b\\c"},
		{"", NULL},
		{"\"\"", NULL},
		{"\"", NULL},
		{"\"open", NULL},
		{"open\"", NULL},
		{"a b", NULL},
		{"a;b", NULL},
		{"\"a\"b\"", NULL},
		{"\"a\\n\"", NULL},
		{"\"a\\\"", NULL},
		{"\"a\tb\"", NULL},
		{"\xc3\xa9", NULL},
		{"\"\xc3\xa9\"", NULL},
	};
	struct arena *a = arena_new(0);

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct http1_head h = head_with(cases[i].value, 1);
		struct slice key;
		enum gh_code rc = idem_key_read(&h, a, &key);

		if (cases[i].key == NULL) {
			assert_int_equal(rc, GH_EINVAL);
			continue;
		}
		assert_int_equal(rc, GH_OK);
		assert_true(slice_eq(key, slice_of(cases[i].key)));
	}
	arena_free(a);
}

static void
test_length_and_count(void **state)
{
	char text[IDEM_KEY_MAX + 2];
	struct arena *a = arena_new(0);
	struct http1_head h;
	struct slice key;

	(void)state;
	memset(text, 'k', sizeof(text));
	text[IDEM_KEY_MAX + 1] = '\0';
	h = head_with(text, 1);
	assert_int_equal(idem_key_read(&h, a, &key), GH_EINVAL);
	text[IDEM_KEY_MAX] = '\0';
	h = head_with(text, 1);
	assert_int_equal(idem_key_read(&h, a, &key), GH_OK);
	assert_int_equal(key.n, IDEM_KEY_MAX);
	h = head_with("k", 2);
	assert_int_equal(idem_key_read(&h, a, &key), GH_EINVAL);
	h = head_with("k", 0);
	assert_int_equal(idem_key_read(&h, a, &key), GH_OK);
	assert_null(key.p);
	arena_free(a);
}

static void
test_fingerprint(void **state)
{
	struct http1_head h = head_with("k", 0);
	struct arena *a = arena_new(0);
	uint8_t first[32], again[32], other[32];

	(void)state;
	idem_fingerprint(&h, S("{\"a\":1}"), a, first);
	idem_fingerprint(&h, S("{\"a\":1}"), a, again);
	assert_memory_equal(first, again, sizeof(first));
	idem_fingerprint(&h, S("{\"a\":1} "), a, other);
	assert_memory_not_equal(first, other, sizeof(first));
	h.path = S("/api/messages/send2");
	idem_fingerprint(&h, S("{\"a\":1}"), a, other);
	assert_memory_not_equal(first, other, sizeof(first));
	h.path = S("/api/messages/send");
	h.method = HTTP_PUT;
	idem_fingerprint(&h, S("{\"a\":1}"), a, other);
	assert_memory_not_equal(first, other, sizeof(first));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_length_and_count),
		cmocka_unit_test(test_fingerprint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
