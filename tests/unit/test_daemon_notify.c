/* test_daemon_notify.c - the supervisor's environment, and a datagram to a socket of our own. */
#include "daemon/notify.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct address_case {
	const char *name;
	const char *text;
	bool is_ok;
	char first; /* byte of sun_path */
	size_t len; /* of the address behind the family */
} address_cases[] = {
	{"path, with its NUL", "/run/n", true, '/', 7},
	{"abstract, without", "@n", true, '\0', 2},
	{"relative", "run/n", false, 0, 0},
	{"vsock", "vsock:2:3", false, 0, 0},
	{"only a mark", "@", false, 0, 0},
	{"empty", "", false, 0, 0},
};

static void
test_address(void **state)
{
	char lengthy[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	struct notify n;

	(void)state;
	for (size_t i = 0; i < GH_COUNT(address_cases); i++) {
		const struct address_case *t = &address_cases[i];

		memset(&n, 0, sizeof(n));
		if (fill_address(&n, slice_of(t->text)) != t->is_ok)
			fail_msg("%s: accepted wrongly", t->name);
		if (t->is_ok && (n.addr.sun_path[0] != t->first ||
				 n.addr_len != offsetof(struct sockaddr_un, sun_path) + t->len))
			fail_msg("%s: length %u", t->name, n.addr_len);
	}
	memset(lengthy, '/', sizeof(lengthy));
	assert_false(fill_address(&n, slice_make(lengthy, sizeof(lengthy) - 1)));
	assert_true(fill_address(&n, slice_make(lengthy, sizeof(lengthy) - 2)));
}

static void
test_watchdog(void **state)
{
	char pid[24];

	(void)state;
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "3000000", 1);
	assert_int_equal(read_watchdog(), 3000000);
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(read_watchdog(), 3000000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(read_watchdog(), 0);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(read_watchdog(), 0);
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(read_watchdog(), 0);
}

static void
test_send(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char name[64];
	char got[64] = "";
	struct notify n;
	int len = snprintf(name, sizeof(name), "@growhub-test-%ld", (long)getpid());

	(void)state;
	memcpy(at.sun_path, name, (size_t)len);
	at.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (const struct sockaddr *)&at,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
			 0);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_init(&n);
	notify_send(&n, "READY=1\nSTATUS=ready");
	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_string_equal(got, "READY=1\nSTATUS=ready");
	notify_close(&n);
	notify_send(&n, "READY=1");
	assert_int_equal(recv(fd, got, sizeof(got), 0), -1);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_watchdog),
		cmocka_unit_test(test_send),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
