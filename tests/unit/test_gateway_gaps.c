/* Calls that a server lacks: by server and call, for a time, and not without bound. */
#include "gateway/gaps.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
test_by_server_and_call(void **state)
{
	struct gaps *g = gaps_new();

	(void)state;
	gaps_note(g, 7, ACTION_CONTACTS, 1000);
	assert_true(gaps_has(g, 7, ACTION_CONTACTS, 1000));
	assert_false(gaps_has(g, 8, ACTION_CONTACTS, 1000));
	assert_false(gaps_has(g, 7, ACTION_CONTACTS_ALL, 1000));
	gaps_free(g);
}

static void
test_for_a_time(void **state)
{
	struct gaps *g = gaps_new();

	(void)state;
	gaps_note(g, 7, ACTION_REACT, 1000);
	assert_true(gaps_has(g, 7, ACTION_REACT, 1000 + GAPS_TTL_US - 1));
	assert_false(gaps_has(g, 7, ACTION_REACT, 1000 + GAPS_TTL_US));
	gaps_note(g, 7, ACTION_REACT, 1000 + GAPS_TTL_US);
	assert_true(gaps_has(g, 7, ACTION_REACT, 1000 + GAPS_TTL_US));
	gaps_free(g);
}

static void
test_within_bounds(void **state)
{
	struct gaps *g = gaps_new();

	(void)state;
	for (int32_t id = 1; id <= GAPS_MAX + 1; id++)
		gaps_note(g, id, ACTION_REACT, 0);
	assert_int_equal(map_count(g->by_call), 1);
	assert_true(gaps_has(g, GAPS_MAX + 1, ACTION_REACT, 0));
	gaps_note(g, GAPS_MAX + 1, ACTION_REACT, 1); /* known: takes no room */
	assert_int_equal(map_count(g->by_call), 1);
	gaps_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_server_and_call),
		cmocka_unit_test(test_for_a_time),
		cmocka_unit_test(test_within_bounds),
	};

	return cmocka_run_group_tests_name("gateway gaps", tests, NULL, NULL);
}
