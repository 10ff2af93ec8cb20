/* test_addr.c - addresses and CIDR ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/addr.c"

static struct addr
addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(slice_of(text), &a), GH_OK);
	return a;
}

static void
test_parse(void **state GH_UNUSED)
{
	static const struct {
		const char *text, *canonical; /* NULL: refused */
	} cases[] = {
		{"192.0.2.1", "192.0.2.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"::1", "::1"},
		{"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
		{"::ffff:10.1.2.3", "10.1.2.3"},
		{"::ffff:a01:203", "10.1.2.3"},
		{"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
		{"", NULL},
		{"0177.0.0.1", NULL},
		{"0x7f.0.0.1", NULL},
		{"2130706433", NULL},
		{"127.1", NULL},
		{"256.0.0.1", NULL},
		{"1.2.3.4.5", NULL},
		{"1.2.3.4 ", NULL},
		{"[::1]", NULL},
		{"fe80::1%eth0", NULL},
		{":::1", NULL},
		{"1::2::3", NULL},
		{"localhost", NULL},
		{"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		char text[ADDR_TEXT_SIZE];
		struct addr a;
		enum gh_code rc = addr_parse(slice_of(cases[i].text), &a);

		if ((rc == GH_OK) != (cases[i].canonical != NULL))
			fail_msg("%s: %s", cases[i].text, gh_code_name(rc));
		if (rc == GH_OK)
			assert_string_equal(addr_text(&a, text), cases[i].canonical);
	}
	/* A NUL inside must not end the check early. */
	struct addr a;
	assert_int_equal(addr_parse(S("1.2.3.4\0x"), &a), GH_EINVAL);
}

static void
test_cidr_parse(void **state GH_UNUSED)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"127.0.0.1", "127.0.0.1/32"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"100.64.0.0/10", "100.64.0.0/10"},
		{"::/0", "::/0"},
		{"FD00::/8", "fd00::/8"},
		{"::1", "::1/128"},
		{"::ffff:10.0.0.0/104", "10.0.0.0/8"},
		{"::ffff:0:0/96", "0.0.0.0/0"},
		{"10.0.0.1/8", NULL},
		{"100.96.0.0/10", NULL},
		{"fd00::1/64", NULL},
		{"10.0.0.0/33", NULL},
		{"::/129", NULL},
		{"10.0.0.0/", NULL},
		{"10.0.0.0/-1", NULL},
		{"10.0.0.0/8/8", NULL},
		{"/8", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		char text[ADDR_CIDR_TEXT_SIZE];
		struct addr_cidr c;
		enum gh_code rc = addr_cidr_parse(slice_of(cases[i].text), &c);

		if ((rc == GH_OK) != (cases[i].canonical != NULL))
			fail_msg("%s: %s", cases[i].text, gh_code_name(rc));
		if (rc == GH_OK)
			assert_string_equal(addr_cidr_text(&c, text), cases[i].canonical);
	}
}

static void
test_match(void **state GH_UNUSED)
{
	static const struct {
		const char *range, *addr;
		bool is_in;
	} cases[] = {
		{"10.0.0.0/8", "10.255.255.255", true},
		{"10.0.0.0/8", "11.0.0.0", false},
		{"10.0.0.0/8", "9.255.255.255", false},
		{"10.0.0.0/8", "::ffff:10.0.0.1", true},
		{"172.16.0.0/12", "172.31.255.255", true},
		{"172.16.0.0/12", "172.32.0.0", false},
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "127.0.0.2", false},
		{"0.0.0.0/0", "8.8.8.8", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "2001:db8::1", true},
		{"::/0", "8.8.8.8", false},
		{"fc00::/7", "fdff::1", true},
		{"fc00::/7", "fe00::1", false},
		{"::1", "::1", true},
		{"::1", "::", false},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct addr a = addr_of(cases[i].addr);
		struct addr_cidr c;

		assert_int_equal(addr_cidr_parse(slice_of(cases[i].range), &c), GH_OK);
		if (addr_cidr_match(&c, &a) != cases[i].is_in)
			fail_msg("%s in %s", cases[i].addr, cases[i].range);
	}
}

static void
test_sockaddr(void **state GH_UNUSED)
{
	static const char *const texts[] = {"192.0.2.7", "2001:db8::7"};
	struct sockaddr_storage ss;
	struct addr_cidr list[2];
	uint16_t port;

	assert_int_equal(addr_cidr_parse(S("192.0.2.0/24"), &list[0]), GH_OK);
	assert_int_equal(addr_cidr_parse(S("2001:db8::/32"), &list[1]), GH_OK);
	for (size_t i = 0; i < GH_COUNT(texts); i++) {
		struct addr a = addr_of(texts[i]), back;
		struct sockaddr *sa = (struct sockaddr *)&ss;

		assert_int_equal(addr_to_sockaddr(&a, 443, &ss),
				 i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		assert_int_equal(addr_from_sockaddr(sa, &back, &port), GH_OK);
		assert_memory_equal(&a, &back, sizeof(a));
		assert_int_equal(port, 443);
		assert_true(addr_cidr_match_any(list, 2, &back));
		assert_false(addr_cidr_match_any(list + 1 - i, 1, &back));
		assert_false(addr_cidr_match_any(list, 0, &back));
	}
	ss.ss_family = AF_UNIX;
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &(struct addr){{0}}, NULL),
			 GH_EINVAL);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_cidr_parse),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_sockaddr),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
