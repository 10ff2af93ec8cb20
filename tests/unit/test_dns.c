/* test_dns.c - resolution against a name server on a loopback socket of the
 * same loop, a hosts file, and nothing at all.
 *
 * The server answers by name: "both.test" has A (TTL 5) and AAAA, "four.test" A only,
 * "slow6.test" never answers AAAA, "mute.test" nothing; every other name does not exist.
 */
#include "loop/dns.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct loop *l;
	struct dns *dns;
	int fd;
	struct loop_io *io;
	unsigned question_count;
	char conf[64], hosts[64];
	/* of the answers */
	unsigned answer_count;
	enum gh_code code;
	unsigned count;
	char text[DNS_ADDRS_MAX][ADDR_TEXT_SIZE];
};

/* Name of a question in dotted lower case (evdns sends random case); returns where it ends. */
static size_t
read_name(const uint8_t *q, char *dst)
{
	size_t at = 12, n = 0;

	while (q[at] != 0) {
		for (unsigned i = 0; i < q[at]; i++)
			dst[n++] = (char)(q[at + 1 + i] | 0x20);
		dst[n++] = '.';
		at += q[at] + 1u;
	}
	dst[n - 1] = '\0';
	return at + 1;
}

static size_t
add_record(uint8_t *p, uint8_t type, const char *address)
{
	uint8_t head[12] = {0xc0, 12, 0, type, 0, 1, 0, 0, 0, 5, 0, type == 1 ? 4 : 16};

	memcpy(p, head, sizeof(head));
	inet_pton(type == 1 ? AF_INET : AF_INET6, address, p + 12);
	return 12u + head[11];
}

static void
server_readable(void *arg, unsigned ready)
{
	struct fixture *f = arg;
	struct sockaddr_in from;
	socklen_t from_size = sizeof(from);
	uint8_t q[600] = {0};
	char name[256];
	ssize_t got = recvfrom(f->fd, q, 512, 0, (struct sockaddr *)&from, &from_size);
	size_t end, n;
	bool is_v6, is_known;

	(void)ready;
	assert_true(got > 16);
	f->question_count++;
	end = read_name(q, name);
	is_v6 = q[end + 1] == 28;
	n = end + 4;
	if (strcmp(name, "mute.test") == 0 || (is_v6 && strcmp(name, "slow6.test") == 0))
		return;
	is_known = strcmp(name, "both.test") == 0 || strcmp(name, "four.test") == 0 ||
		   strcmp(name, "slow6.test") == 0;
	q[2] = 0x85;
	q[3] = is_known ? 0x80 : 0x83;
	q[11] = 0; /* drop a possible OPT record */
	if (is_known && !is_v6) {
		q[7] = 1;
		n += add_record(q + n, 1, "192.0.2.7");
	} else if (is_known && strcmp(name, "both.test") == 0) {
		q[7] = 1;
		n += add_record(q + n, 28, "2001:db8::7");
	}
	(void)sendto(f->fd, q, n, 0, (struct sockaddr *)&from, from_size);
}

static void
file_write(char path[64], const char *text)
{
	int fd;

	memcpy(path, "/tmp/gh-test-dns-XXXXXX", 24);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int
setup(void **state)
{
	struct fixture *f = gh_alloc(sizeof(*f));
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t n = sizeof(sin);
	char conf[64];

	f->l = loop_new();
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&sin, &n), 0);
	f->io = loop_io_new(f->l, f->fd, server_readable, f);
	loop_io_set(f->io, LOOP_READ);
	snprintf(conf, sizeof(conf), "nameserver 127.0.0.1:%u\n", (unsigned)ntohs(sin.sin_port));
	file_write(f->conf, conf);
	file_write(f->hosts,
		   "# comment\n192.0.2.9\tNode1 alias # x\n2001:db8::9 node1\nbad line\n");
	f->dns = dns_new(f->l, f->conf, f->hosts);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	dns_free(f->dns);
	for (int i = 0; i < 3; i++)
		loop_run_once(f->l, 0);
	loop_io_free(f->io);
	close(f->fd);
	loop_free(f->l);
	unlink(f->conf);
	unlink(f->hosts);
	gh_free(f);
	return 0;
}

static void
on_answer(void *arg, enum gh_code code, const struct sockaddr_storage *addrs, unsigned count)
{
	struct fixture *f = arg;

	f->answer_count++;
	f->code = code;
	f->count = count;
	for (unsigned i = 0; i < count; i++) {
		struct addr a;

		assert_int_equal(addr_from_sockaddr((const struct sockaddr *)&addrs[i], &a, NULL),
				 GH_OK);
		addr_text(&a, f->text[i]);
	}
}

static struct dns_query *
ask(struct fixture *f, const char *host, int64_t timeout_us)
{
	struct dns_query *q;

	assert_int_equal(dns_resolve(f->dns, slice_of(host), timeout_us, on_answer, f, &q), GH_OK);
	return q;
}

static void
resolve(struct fixture *f, const char *host, int64_t timeout_us)
{
	unsigned before = f->answer_count;
	int64_t end = clock_mono_us() + 3 * CLOCK_SEC;

	(void)ask(f, host, timeout_us);
	assert_int_equal(f->answer_count, before); /* never before it returns */
	while (f->answer_count == before && clock_mono_us() < end)
		loop_run_once(f->l, 50 * CLOCK_MS);
	assert_int_equal(f->answer_count, before + 1);
}

static bool
has(const struct fixture *f, const char *text)
{
	for (unsigned i = 0; i < f->count; i++)
		if (strcmp(f->text[i], text) == 0)
			return true;
	return false;
}

static void
known_without_asking(void **state)
{
	struct fixture *f = *state;

	resolve(f, "192.0.2.1", CLOCK_SEC);
	assert_true(f->count == 1 && has(f, "192.0.2.1"));
	resolve(f, "2001:DB8::1", CLOCK_SEC);
	assert_true(f->count == 1 && has(f, "2001:db8::1"));
	resolve(f, "NODE1", CLOCK_SEC);
	assert_true(f->count == 2 && has(f, "192.0.2.9") && has(f, "2001:db8::9"));
	resolve(f, "alias", CLOCK_SEC);
	assert_true(f->count == 1 && has(f, "192.0.2.9"));
	assert_int_equal(f->question_count, 0);
}

static void
both_families_and_cache(void **state)
{
	struct fixture *f = *state;

	resolve(f, "Both.Test", CLOCK_SEC);
	assert_int_equal(f->code, GH_OK);
	assert_true(f->count == 2 && has(f, "192.0.2.7") && has(f, "2001:db8::7"));
	assert_int_equal(f->question_count, 2);
	resolve(f, "both.test", CLOCK_SEC);
	assert_int_equal(f->count, 2);
	assert_int_equal(f->question_count, 2);
}

static void
answers_expire_with_their_ttl(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_storage addrs[DNS_ADDRS_MAX];
	int64_t now = clock_mono_us();
	enum gh_code code;
	unsigned count;

	resolve(f, "four.test", CLOCK_SEC);
	assert_int_equal(f->count, 1);
	resolve(f, "absent.test", CLOCK_SEC);
	assert_int_equal(f->code, GH_ENOTFOUND);
	assert_int_equal(f->count, 0);
	assert_true(dns_peek(f->dns, S("four.test"), &code, addrs, &count));
	assert_true(dns_peek(f->dns, S("absent.test"), &code, addrs, &count));
	assert_int_equal(code, GH_ENOTFOUND);
	clock_freeze(0, now + 3 * CLOCK_SEC);
	assert_true(dns_peek(f->dns, S("four.test"), &code, addrs, &count));
	assert_false(dns_peek(f->dns, S("absent.test"), &code, addrs, &count));
	clock_freeze(0, now + 7 * CLOCK_SEC);
	assert_false(dns_peek(f->dns, S("four.test"), &code, addrs, &count));
	clock_thaw();
}

static void
one_family_does_not_wait_for_the_other(void **state)
{
	struct fixture *f = *state;
	int64_t start = clock_mono_us();

	resolve(f, "slow6.test", 2 * CLOCK_SEC);
	assert_int_equal(f->code, GH_OK);
	assert_int_equal(f->count, 1);
	assert_true(clock_mono_us() - start < CLOCK_SEC);
}

static void
deadline_and_cancel(void **state)
{
	struct fixture *f = *state;
	struct dns_query *q;

	resolve(f, "mute.test", 50 * CLOCK_MS);
	assert_int_equal(f->code, GH_ETEMP);
	assert_int_equal(f->count, 0);
	q = ask(f, "both.test", CLOCK_SEC);
	dns_cancel(q);
	q = ask(f, "192.0.2.1", CLOCK_SEC);
	dns_cancel(q);
	for (int i = 0; i < 10; i++)
		loop_run_once(f->l, CLOCK_MS);
	assert_int_equal(f->answer_count, 1);
	resolve(f, "both.test", CLOCK_SEC); /* the cancelled question filled the cache */
	assert_int_equal(f->count, 2);
}

static void
same_name_is_asked_once(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5; i++)
		(void)ask(f, "both.test", CLOCK_SEC);
	for (int i = 0; i < 100 && f->answer_count < 5; i++)
		loop_run_once(f->l, 10 * CLOCK_MS);
	assert_int_equal(f->answer_count, 5);
	assert_int_equal(f->question_count, 2);
}

static void
bad_names_and_full_queue_are_refused(void **state)
{
	static const char *const bad[] = {"", "a b", "a\nb", "\xc3\xa9.test"};
	struct fixture *f = *state;
	char overlong[DNS_NAME_MAX + 2], name[32];
	struct dns_query *q;
	enum gh_code rc = GH_OK;
	unsigned n = 0;

	memset(overlong, 'a', sizeof(overlong));
	assert_int_equal(dns_resolve(f->dns, slice_make(overlong, DNS_NAME_MAX + 1), CLOCK_SEC,
				     on_answer, f, &q),
			 GH_EINVAL);
	for (size_t i = 0; i < GH_COUNT(bad); i++)
		assert_int_equal(dns_resolve(f->dns, slice_of(bad[i]), CLOCK_SEC, on_answer, f, &q),
				 GH_EINVAL);
	while (rc == GH_OK && n <= DNS_IN_FLIGHT_MAX) {
		snprintf(name, sizeof(name), "n%u.test", n++);
		rc = dns_resolve(f->dns, slice_of(name), CLOCK_SEC, on_answer, f, &q);
	}
	assert_int_equal(rc, GH_EBUSY);
	assert_int_equal(n, DNS_IN_FLIGHT_MAX + 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest cases[] = {
		CASE(known_without_asking),
		CASE(both_families_and_cache),
		CASE(answers_expire_with_their_ttl),
		CASE(one_family_does_not_wait_for_the_other),
		CASE(deadline_and_cancel),
		CASE(same_name_is_asked_once),
		CASE(bad_names_and_full_queue_are_refused),
	};

	log_init("test", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	return cmocka_run_group_tests_name("dns", cases, NULL, NULL);
}
