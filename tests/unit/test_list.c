/* test_list.c - the intrusive list. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
	int id;
	struct list link;
};

static struct list head;
static struct item items[5];

static int
set_up(void **state)
{
	(void)state;
	list_init(&head);
	for (int i = 0; i < 5; i++) {
		items[i].id = i;
		list_init(&items[i].link);
	}
	return 0;
}

/* The ids of a list as decimal digits behind a 1: 1023 is {0, 2, 3}. */
static int
ids(struct list *l)
{
	int n = 1;

	LIST_FOREACH(it, l)
	{
		n = n * 10 + LIST_ENTRY(it, struct item, link)->id;
		assert_ptr_equal(it->next->prev, it);
	}
	return n;
}

static void
adds_at_both_ends(void **state)
{
	(void)state;
	assert_true(list_is_empty(&head));
	list_add_tail(&head, &items[1].link);
	list_add_tail(&head, &items[2].link);
	list_add_head(&head, &items[0].link);
	assert_int_equal(ids(&head), 1012);
	assert_false(list_is_empty(&head));
}

static void
deletes_also_unlinked(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		list_add_tail(&head, &items[i].link);
	list_del(&items[1].link);
	list_del(&items[1].link);
	assert_int_equal(ids(&head), 102);
	assert_true(list_is_empty(&items[1].link));
	LIST_FOREACH_SAFE(it, &head)
	{
		list_del(it);
	}
	assert_true(list_is_empty(&head));
}

static void
pops_in_order(void **state)
{
	(void)state;
	list_add_tail(&head, &items[3].link);
	list_add_tail(&head, &items[4].link);
	assert_ptr_equal(list_pop(&head), &items[3].link);
	assert_ptr_equal(list_pop(&head), &items[4].link);
	assert_null(list_pop(&head));
}

static void
splices(void **state)
{
	struct list other;

	(void)state;
	list_init(&other);
	list_splice_tail(&head, &other);
	assert_true(list_is_empty(&head));
	list_add_tail(&other, &items[2].link);
	list_add_tail(&other, &items[3].link);
	list_add_tail(&head, &items[1].link);
	list_splice_tail(&head, &other);
	assert_int_equal(ids(&head), 1123);
	assert_true(list_is_empty(&other));
	list_splice_tail(&other, &head);
	assert_int_equal(ids(&other), 1123);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(adds_at_both_ends, set_up),
		cmocka_unit_test_setup(deletes_also_unlinked, set_up),
		cmocka_unit_test_setup(pops_in_order, set_up),
		cmocka_unit_test_setup(splices, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
