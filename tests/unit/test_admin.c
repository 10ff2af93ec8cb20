/* test_admin.c - which texts are e-mail addresses of administrators. */
#include "model/admin.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct email_case {
	const char *email;
	bool is_valid;
} email_cases[] = {
	{"ana@example.com", true},
	{"a.b+c@sub.example.com", true},
	{"root@growhub.test", true},
	{"ana@example", false},
	{"ana", false},
	{"@example.com", false},
	{"ana@", false},
	{"ana@.com", false},
	{"ana@example.", false},
	{"ana@exa..mple.com", false},
	{"ana@b@example.com", false},
	{"ana maria@example.com", false},
	{"an\xc3\xa1@example.com", false},
	{"ana@example.com\n", false},
	{"", false},
};

static void
test_email(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT(email_cases); i++) {
		const struct email_case *t = &email_cases[i];

		if (admin_email_is_valid(slice_of(t->email)) != t->is_valid)
			fail_msg("\"%s\"", t->email);
	}
}

static void
test_email_length(void **state)
{
	static const char domain[] = "@example.com";
	char email[ADMIN_EMAIL_MAX + 1];

	(void)state;
	memset(email, 'a', sizeof(email));
	memcpy(email + ADMIN_EMAIL_MAX - strlen(domain), domain, strlen(domain));
	assert_true(admin_email_is_valid(slice_make(email, ADMIN_EMAIL_MAX)));
	memset(email, 'a', sizeof(email));
	memcpy(email + ADMIN_EMAIL_MAX + 1 - strlen(domain), domain, strlen(domain));
	assert_false(admin_email_is_valid(slice_make(email, ADMIN_EMAIL_MAX + 1)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_email),
		cmocka_unit_test(test_email_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
