/* Session names: folding, bounds, suffixes. */
#include "gateway/slug.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void
test_fold(void **state)
{
	static const struct {
		int32_t company;
		const char *name, *suffix, *slug;
	} cases[] = {
		{7, "Shop_1", NULL, "7-Shop_1"},
		{7, "Loja S\xc3\xa3o Paulo", NULL, "7-Loja-Sao-Paulo"},
		{7, "\xc3\x80\xc3\x97\xc3\xbf", NULL, "7-A-y"},
		{7, "\xc4\x80\xc5\x81\xc5\xbf", NULL, "7-ALs"},
		{7, "a\xcc\x83o\xcd\xafn\xcd\xb0n", NULL, "7-aon-n"}, /* marks of their own */
		{7, "a\xc3", NULL, "7-a"},
		{7, "  a  b  ", NULL, "7-a-b"},
		{7, "--a--b--", NULL, "7-a-b"},
		{7, "\xe6\x97\xa5\xe6\x9c\xac", NULL, "7-instance"},
		{7, "", "ab12cd", "7-instance-ab12cd"},
		{7, "a", "ab12cd", "7-a-ab12cd"},
		{1234567890, X50, NULL, "1234567890-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
		{1234567890, X50, "ab12cd",
		 "1234567890-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-ab12cd"},
	};
	char slug[SLUG_SIZE];

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		assert_string_equal(slug_write(cases[i].company, slice_of(cases[i].name),
					       cases[i].suffix, slug),
				    cases[i].slug);
		assert_true(strlen(slug) <= SLUG_MAX);
	}
}

/* No length of name ends in '-' or passes the maximum. */
static void
test_every_length(void **state)
{
	char name[120], slug[SLUG_SIZE];

	(void)state;
	for (size_t n = 0; n < sizeof(name); n++) {
		name[n] = n % 2 == 0 ? 'a' : ' ';
		slug_write(42, slice_make(name, n + 1), NULL, slug);
		assert_true(strlen(slug) <= SLUG_MAX);
		assert_int_equal(slug[strlen(slug) - 1], 'a');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
