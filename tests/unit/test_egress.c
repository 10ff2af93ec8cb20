/* test_egress.c - which addresses and ports a tenant may reach. */
#include "http/egress.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

/* Straight from inet_pton, not through base/addr.h: a mapped address stays AF_INET6. */
static bool
permits(const struct egress *e, const char *text, bool is_https)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&ss;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		ss.ss_family = AF_INET;
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
		ss.ss_family = AF_INET6;
	}
	return egress_permits(e, (struct sockaddr *)&ss, is_https);
}

static const char *const blocked[] = {
	"0.0.0.0",
	"0.255.255.255",
	"10.0.0.1",
	"10.255.255.255",
	"100.64.0.1",
	"100.127.255.255",
	"127.0.0.1",
	"127.255.255.255",
	"169.254.0.1",
	"169.254.169.254",
	"172.16.0.0",
	"172.31.255.255",
	"192.0.0.8",
	"192.0.2.1",
	"192.88.99.1",
	"192.168.0.1",
	"192.168.255.255",
	"198.18.0.1",
	"198.19.255.255",
	"198.51.100.9",
	"203.0.113.9",
	"224.0.0.1",
	"239.255.255.255",
	"240.0.0.1",
	"255.255.255.255",
	"::",
	"::1",
	"::127.0.0.1",
	"::ffff:127.0.0.1",
	"::ffff:10.0.0.1",
	"::ffff:a9fe:a9fe",
	"::ffff:0:7f00:1",
	"64:ff9b::a00:1",
	"64:ff9b::808:808",
	"64:ff9b:1::1",
	"100::1",
	"2001::1",
	"2001:0:4136:e378:8000:63bf:3fff:fdd2",
	"2001:10::1",
	"2001:20::1",
	"2001:db8::1",
	"2002:7f00:1::",
	"2002:808:808::1",
	"3fff::1",
	"3fff:fff::1",
	"5f00::1",
	"fc00::1",
	"fd00:ec2::254",
	"fe80::1",
	"febf::1",
	"fec0::1",
	"ff02::1",
	"4000::1",
};

static const char *const public[] = {
	"1.1.1.1",         "8.8.8.8",         "9.255.255.255",   "11.0.0.0",
	"100.63.255.255",  "100.128.0.0",     "126.255.255.255", "128.0.0.0",
	"169.253.255.255", "169.255.0.0",     "172.15.255.255",  "172.32.0.0",
	"192.0.1.0",       "192.167.255.255", "192.169.0.0",     "198.17.255.255",
	"198.20.0.0",      "223.255.255.255", "::ffff:8.8.8.8",  "2000::1",
	"2001:200::1",     "2001:db7::1",     "2001:db9::1",     "2003::1",
	"2606:4700::1111", "3ffe::1",         "3fff:1000::1",
};

static void
only_public_addresses_pass(void **state)
{
	struct egress *e = egress_new();

	(void)state;
	for (size_t i = 0; i < GH_COUNT(blocked); i++)
		if (permits(e, blocked[i], true))
			fail_msg("permitted: %s", blocked[i]);
	for (size_t i = 0; i < GH_COUNT(public); i++) {
		if (!permits(e, public[i], true))
			fail_msg("refused: %s", public[i]);
		if (permits(e, public[i], false))
			fail_msg("permitted in plain http: %s", public[i]);
	}
	egress_free(e);
}

static void
allow_list_opens_its_ranges_only(void **state)
{
	struct egress *e = egress_new();

	(void)state;
	assert_int_equal(egress_add_allow(e, S("10.1.0.0/16")), GH_OK);
	assert_int_equal(egress_add_allow(e, S("fd00::/8")), GH_OK);
	assert_int_equal(egress_add_allow(e, S("8.8.8.8")), GH_OK);
	assert_true(permits(e, "10.1.2.3", true));
	assert_true(permits(e, "10.1.2.3", false));
	assert_true(permits(e, "::ffff:10.1.2.3", false));
	assert_false(permits(e, "10.2.0.0", true));
	assert_true(permits(e, "fd12::1", false));
	assert_false(permits(e, "fc00::1", true));
	assert_true(permits(e, "8.8.8.8", false));
	assert_false(permits(e, "8.8.8.9", false));
	egress_free(e);
}

static void
deny_list_wins(void **state)
{
	struct egress *e = egress_new();

	(void)state;
	assert_int_equal(egress_add_allow(e, S("10.0.0.0/8")), GH_OK);
	assert_int_equal(egress_add_deny(e, S("10.9.0.0/16")), GH_OK);
	assert_int_equal(egress_add_deny(e, S("9.9.9.9")), GH_OK);
	assert_true(permits(e, "10.8.0.1", true));
	assert_false(permits(e, "10.9.0.1", true));
	assert_false(permits(e, "9.9.9.9", true));
	assert_false(permits(e, "::ffff:9.9.9.9", true));
	egress_free(e);
}

static void
bad_entries_and_families_are_refused(void **state)
{
	static const char *const bad[] = {"",  "10.0.0.0/33", "10.0.0.0/",
					  "x", "10.0.0/8",    "::/129"};
	struct egress *e = egress_new();
	struct sockaddr sa = {.sa_family = AF_UNIX};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(bad); i++) {
		assert_int_equal(egress_add_allow(e, slice_of(bad[i])), GH_EINVAL);
		assert_int_equal(egress_add_deny(e, slice_of(bad[i])), GH_EINVAL);
	}
	assert_false(egress_permits(e, &sa, true));
	egress_free(e);
	egress_free(NULL);
}

static void
ports(void **state)
{
	(void)state;
	assert_true(egress_permits_port(443, true));
	assert_true(egress_permits_port(80, false));
	assert_true(egress_permits_port(1024, true));
	assert_true(egress_permits_port(8443, true));
	assert_true(egress_permits_port(65535, false));
	assert_false(egress_permits_port(80, true));
	assert_false(egress_permits_port(22, true));
	assert_false(egress_permits_port(25, false));
	assert_false(egress_permits_port(1023, true));
	assert_false(egress_permits_port(5432, true));
	assert_false(egress_permits_port(6379, false));
}

int
main(void)
{
	const struct CMUnitTest cases[] = {
		cmocka_unit_test(only_public_addresses_pass),
		cmocka_unit_test(allow_list_opens_its_ranges_only),
		cmocka_unit_test(deny_list_wins),
		cmocka_unit_test(bad_entries_and_families_are_refused),
		cmocka_unit_test(ports),
	};

	return cmocka_run_group_tests_name("egress", cases, NULL, NULL);
}
