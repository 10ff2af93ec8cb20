/* test_map.c - the hash, growth, deletion during a walk, key ownership. */
#include "base/map.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static int values[2000];

/* Reference vectors of the SipHash authors: key 00..0f, input 00 01 .. */
static void
siphash_matches_reference(void **state)
{
	static const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	static const struct {
		size_t n;
		uint64_t hash;
	} cases[] = {
		{0, UINT64_C(0x726fdb47dd0e0e31)},
		{1, UINT64_C(0x74f839c593dc67fd)},
		{8, UINT64_C(0x93f5f5799a932462)},
		{15, UINT64_C(0xa129ca6149be45e5)},
	};
	char in[16];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)i;
	for (size_t i = 0; i < GH_COUNT(cases); i++)
		assert_true(siphash(key, slice_make(in, cases[i].n)) == cases[i].hash);
	assert_true(siphash(key, SLICE_NONE) == cases[0].hash);
	assert_true(map_hash(S("a")) == map_hash(S("a")));
	assert_true(map_hash(S("a")) != map_hash(S("b")));
}

static void
puts_gets_deletes(void **state)
{
	struct map *m = map_new();

	(void)state;
	assert_null(map_get(m, S("a")));
	assert_null(map_del(m, S("a")));
	assert_null(map_put(m, S("a"), &values[1]));
	assert_ptr_equal(map_put(m, S("a"), &values[2]), &values[1]);
	assert_ptr_equal(map_get(m, S("a")), &values[2]);
	assert_int_equal(map_count(m), 1);
	assert_null(map_put(m, S(""), &values[3]));
	assert_ptr_equal(map_get(m, SLICE_NONE), &values[3]);
	assert_null(map_put(m, S("a\0b"), &values[4]));
	assert_ptr_equal(map_get(m, S("a\0b")), &values[4]);
	assert_ptr_equal(map_del(m, S("a")), &values[2]);
	assert_null(map_get(m, S("a")));
	assert_int_equal(map_count(m), 2);
	map_free(m);
	map_free(NULL);
}

static void
copies_keys_of_every_length(void **state)
{
	struct map *m = map_new();
	char key[64];

	(void)state;
	for (size_t n = 0; n < sizeof(key); n++) {
		memset(key, 'k', n);
		assert_null(map_put(m, slice_make(key, n), &values[n]));
	}
	memset(key, 'k', sizeof(key));
	for (size_t n = 0; n < sizeof(key); n++)
		assert_ptr_equal(map_get(m, slice_make(key, n)), &values[n]);
	for (size_t n = 0; n < sizeof(key); n++)
		assert_ptr_equal(map_del(m, slice_make(key, n)), &values[n]);
	assert_int_equal(map_count(m), 0);
	map_free(m);
}

static void
grows_and_shrinks(void **state)
{
	struct map *m = map_new();
	size_t large;

	(void)state;
	for (int i = 0; i < 2000; i++)
		assert_null(map_put_i64(m, i - 1000, &values[i]));
	assert_int_equal(map_count(m), 2000);
	for (int i = 0; i < 2000; i++)
		assert_ptr_equal(map_get_i64(m, i - 1000), &values[i]);
	assert_null(map_get_i64(m, 1000));
	large = m->size;
	for (int i = 0; i < 2000; i++)
		assert_ptr_equal(map_del_i64(m, i - 1000), &values[i]);
	/* One key in and out for long: gravestones must neither fill nor keep the map large. */
	for (int64_t i = 0; i < 10000; i++) {
		map_put_i64(m, i, &values[0]);
		map_del_i64(m, i);
	}
	assert_int_equal(map_count(m), 0);
	assert_true(m->size < large);
	map_free(m);
}

static void
walks_and_deletes_the_current(void **state)
{
	bool seen[1000] = {false};
	struct map *m = map_new();
	struct slice key;
	size_t it = 0, count = 0;
	void *value;
	char text[64];

	(void)state;
	assert_false(map_next(m, &it, &key, &value));
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(text, sizeof(text), "a key longer than the inline room %d", i);

		map_put(m, slice_make(text, (size_t)n), &values[i]);
	}
	for (it = 0; map_next(m, &it, &key, &value); count++) {
		size_t i = (size_t)((int *)value - values);

		assert_false(seen[i]);
		seen[i] = true;
		if (i % 2 == 0)
			assert_ptr_equal(map_del(m, key), value); /* with its own key */
	}
	assert_int_equal(count, 1000);
	assert_int_equal(map_count(m), 500);
	for (it = 0; map_next(m, &it, NULL, &value);)
		assert_int_equal(((int *)value - values) % 2, 1);
	for (it = 0, count = 0; map_next(m, &it, NULL, NULL); count++)
		;
	assert_int_equal(count, 500);
	map_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_matches_reference),
		cmocka_unit_test(puts_gets_deletes),
		cmocka_unit_test(copies_keys_of_every_length),
		cmocka_unit_test(grows_and_shrinks),
		cmocka_unit_test(walks_and_deletes_the_current),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
