/* test_schema.c - the version this binary needs is the newest file in schema/. */
#include "model/schema.c"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
test_version_is_newest_file(void **state)
{
	DIR *dir = opendir("schema");
	const struct dirent *e;
	uint64_t newest = 0;
	unsigned count = 0;

	(void)state;
	if (dir == NULL)
		fail_msg("schema: run from the top of the source tree");
	for (e = readdir(dir); e != NULL; e = readdir(dir)) {
		struct slice name = slice_of(e->d_name);
		uint64_t version;

		if (!slice_ends(name, S(".sql")))
			continue;
		assert_int_equal(parse_u64(slice_sub(name, 0, 4), 1, 999, &version), GH_OK);
		count++;
		if (version > newest)
			newest = version;
	}
	closedir(dir);
	assert_int_equal(newest, SCHEMA_VERSION);
	assert_int_equal(count, SCHEMA_VERSION); /* no gap, no number twice */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_is_newest_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
