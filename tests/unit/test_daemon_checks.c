/* test_daemon_checks.c - status of a set of checks and the body of /readyz. */
#include "daemon/checks.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"

struct set {
	bool is_required;
	bool is_ok;
};

static const struct status_case {
	const char *name;
	struct set v[3];
	unsigned count;
	enum checks_status status;
	int worst; /* index, -1: none */
} status_cases[] = {
	{"none", {{false, false}}, 0, CHECKS_OK, -1},
	{"all ok", {{true, true}, {false, true}}, 2, CHECKS_OK, -1},
	{"optional fails", {{true, true}, {false, false}}, 2, CHECKS_DEGRADED, 1},
	{"required fails", {{true, false}, {false, true}}, 2, CHECKS_UNREADY, 0},
	{"required outranks optional", {{false, false}, {true, false}}, 2, CHECKS_UNREADY, 1},
	{"first of two", {{true, true}, {true, false}, {true, false}}, 3, CHECKS_UNREADY, 1},
};

static void
test_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT(status_cases); i++) {
		const struct status_case *t = &status_cases[i];
		struct checks c = {.count = 0};
		const struct check *worst;

		for (unsigned k = 0; k < t->count; k++)
			checks_set(&c, checks_add(&c, "x", t->v[k].is_required, 0), t->v[k].is_ok,
				   NULL, 0);
		worst = checks_worst(&c);
		if (checks_status(&c) != t->status ||
		    worst != (t->worst < 0 ? NULL : &c.v[t->worst]))
			fail_msg("%s: status %s", t->name, checks_status_name(checks_status(&c)));
	}
}

static void
test_starts_as_not_ok(void **state)
{
	struct checks c = {.count = 0};

	(void)state;
	checks_add(&c, "db", true, 0);
	assert_int_equal(checks_status(&c), CHECKS_UNREADY);
	assert_string_equal(checks_worst(&c)->detail, "starting");
}

static void
expect_body(const struct checks *c, int64_t now_us, const char *body)
{
	struct buf b;

	buf_init(&b, NULL, 4096);
	checks_write(c, "1.2.3", now_us, &b);
	assert_string_equal(buf_cstr(&b), body);
	buf_free(&b);
}

static void
test_body(void **state)
{
	struct checks c = {.count = 0};
	unsigned db = checks_add(&c, "db", true, 1000 * CLOCK_MS);
	unsigned mq = checks_add(&c, "mq", false, 1000 * CLOCK_MS);

	(void)state;
	checks_set(&c, db, true, NULL, 1200 * CLOCK_MS);
	checks_set(&c, mq, false, "a \"b\"", 1300 * CLOCK_MS);
	expect_body(&c, 1312 * CLOCK_MS,
		    "{\"status\":\"degraded\",\"checks\":{"
		    "\"db\":{\"ok\":true,\"age_ms\":112,\"detail\":\"\"},"
		    "\"mq\":{\"ok\":false,\"age_ms\":12,\"detail\":\"a \\\"b\\\"\"}},"
		    "\"version\":\"1.2.3\"}\n");
}

/* A detail is cut at a fixed size, possibly inside a character; the body stays UTF-8. */
static void
test_detail_cut(void **state)
{
	struct checks c = {.count = 0};
	unsigned check = checks_add(&c, "db", true, 0);
	char text[CHECKS_DETAIL_SIZE + 8];
	struct buf b;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(&text[CHECKS_DETAIL_SIZE - 2], "\xc3\xa7", 3); /* its second byte is cut off */
	checks_set(&c, check, false, text, 0);
	assert_int_equal(strlen(c.v[check].detail), CHECKS_DETAIL_SIZE - 1);
	buf_init(&b, NULL, 4096);
	checks_write(&c, "1", 0, &b);
	assert_true(utf8_valid(buf_slice(&b)));
	assert_null(strstr(buf_cstr(&b), "\xc3"));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_starts_as_not_ok),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_detail_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
