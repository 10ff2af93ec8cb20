/* test_err.c - result names, failure texts, and how a process ends itself. */
#include "base/err.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "child.h"

static void
every_code_has_its_own_name(void **state)
{
	(void)state;
	for (int i = GH_OK; i <= GH_EINTERNAL; i++) {
		assert_non_null(gh_code_name((enum gh_code)i));
		for (int j = GH_OK; j < i; j++)
			assert_string_not_equal(gh_code_name((enum gh_code)i),
						gh_code_name((enum gh_code)j));
	}
	assert_string_equal(gh_code_name(GH_ENOTFOUND), "not_found");
	assert_string_equal(gh_code_name((enum gh_code)99), "undefined");
}

static void
fail_fills_and_cuts(void **state)
{
	struct gh_err err = {0};
	char longer[400];

	(void)state;
	assert_int_equal(gh_fail(&err, GH_EINVAL, "line %d: %s", 7, "bad"), GH_EINVAL);
	assert_int_equal(err.code, GH_EINVAL);
	assert_string_equal(err.text, "line 7: bad");
	assert_int_equal(gh_fail(NULL, GH_ETEMP, "unused"), GH_ETEMP);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	gh_fail(&err, GH_ELIMIT, "%s", longer);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_string_equal(gh_errno_text(ENOENT), "No such file or directory");
	assert_non_null(gh_errno_text(99999));
}

static void
panic_with_text(void *text)
{
	gh_panic("%s", (const char *)text);
}

static void
panic_aborts_and_cuts(void **state)
{
	char longer[3000], text[2000];
	int status;

	(void)state;
	assert_true(child_panics(panic_with_text, (void *)"broken 1", "broken 1\n"));
	memset(longer, 'y', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	status = child_run(panic_with_text, longer, text, sizeof(text));
	assert_true(WIFSIGNALED(status));
	assert_in_range(strlen(text), 1000, 1024);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

static void
alloc_too_large(void *arg)
{
	(void)arg;
	gh_free(gh_alloc_array(SIZE_MAX / 2, 4));
}

static void
memory_is_zeroed_and_copied(void **state)
{
	static const char zero[64];
	char *p = gh_alloc(sizeof(zero));

	(void)state;
	assert_memory_equal(p, zero, sizeof(zero));
	p = gh_realloc(p, 128);
	memset(p, 's', 128);
	gh_wipe(p, sizeof(zero));
	assert_memory_equal(p, zero, sizeof(zero));
	gh_free(p);
	gh_free(NULL);
	p = gh_strndup("abcdef", 3);
	assert_string_equal(p, "abc");
	gh_free(p);
	p = gh_strdup("");
	assert_string_equal(p, "");
	gh_free(p);
	p = gh_alloc(0);
	assert_non_null(p);
	gh_free(p);
	p = gh_alloc_array(0, 8);
	assert_non_null(p);
	gh_free(p);
	assert_true(child_panics(alloc_too_large, NULL, "elements"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_its_own_name),
		cmocka_unit_test(fail_fills_and_cuts),
		cmocka_unit_test(panic_aborts_and_cuts),
		cmocka_unit_test(memory_is_zeroed_and_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
