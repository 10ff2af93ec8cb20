/* test_db_hosts.c - connection strings: lists, expansion to addresses, rotation, defaults.
 * dns_resolve is played by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "loop/dns.h"

static enum gh_code fake_resolve(struct dns *d, struct slice host, int64_t timeout_us, dns_fn *done,
				 void *arg, struct dns_query **out);
static void fake_cancel(struct dns_query *q);
#define dns_resolve fake_resolve
#define dns_cancel  fake_cancel
#include "db/hosts.c"
#undef dns_resolve
#undef dns_cancel

static struct {
	struct {
		dns_fn *done;
		void *arg;
		char name[64];
	} query[8];
	unsigned count, cancelled;
	unsigned usable, done_count;
} t;

static enum gh_code
fake_resolve(struct dns *d, struct slice host, int64_t timeout_us, dns_fn *done, void *arg,
	     struct dns_query **out)
{
	(void)d;
	(void)timeout_us;
	if (slice_eq(host, S("refused")))
		return GH_EINVAL;
	t.query[t.count].done = done;
	t.query[t.count].arg = arg;
	assert_int_equal(slice_to_cstr(host, t.query[t.count].name, 64), GH_OK);
	*out = (struct dns_query *)(void *)&t.query[t.count];
	t.count++;
	return GH_OK;
}

static void
fake_cancel(struct dns_query *q)
{
	(void)q;
	t.cancelled++;
}

/* "two" has two addresses, "none" has none, numbers are themselves. */
static void
answer_all(void)
{
	for (unsigned i = 0; i < t.count; i++) {
		struct sockaddr_storage sa[2];
		struct addr a;
		unsigned n = 0;

		if (strcmp(t.query[i].name, "two") == 0) {
			assert_int_equal(addr_parse(S("192.0.2.1"), &a), GH_OK);
			(void)addr_to_sockaddr(&a, 0, &sa[n++]);
			assert_int_equal(addr_parse(S("2001:db8::1"), &a), GH_OK);
			(void)addr_to_sockaddr(&a, 0, &sa[n++]);
		} else if (addr_parse(slice_of(t.query[i].name), &a) == GH_OK) {
			(void)addr_to_sockaddr(&a, 0, &sa[n++]);
		}
		t.query[i].done(t.query[i].arg, n > 0 ? GH_OK : GH_ENOTFOUND, sa, n);
	}
}

static void
on_done(void *arg, unsigned usable)
{
	(void)arg;
	t.done_count++;
	t.usable = usable;
}

static const char *
param(const char *const *keywords, const char *const *values, const char *keyword)
{
	for (unsigned i = 0; keywords[i] != NULL; i++) {
		if (strcmp(keywords[i], keyword) == 0)
			return values[i];
	}
	return NULL;
}

static void
test_lists(void **state)
{
	static const struct {
		const char *url;
		unsigned rotations, usable;
		const char *host, *hostaddr, *port, *attrs;
	} cases[] = {
		{"postgresql://u:p@192.0.2.9:5/x", 0, 1, "192.0.2.9", "192.0.2.9", "5", NULL},
		{"postgresql://two/x", 0, 2, "two,two", "192.0.2.1,2001:db8::1", ",", NULL},
		{"postgresql://a,192.0.2.9:7/x", 0, 1, "192.0.2.9", "192.0.2.9", "7", "read-write"},
		{"postgresql://192.0.2.8:1,192.0.2.9:2/x", 1, 2, "192.0.2.9,192.0.2.8",
		 "192.0.2.9,192.0.2.8", "2,1", "read-write"},
		{"postgresql://192.0.2.8,192.0.2.9/x?target_session_attrs=any", 2, 2,
		 "192.0.2.8,192.0.2.9", "192.0.2.8,192.0.2.9", ",", "any"},
		{"host=/run/pg dbname=x", 0, 1, "/run/pg", "", "", NULL},
		{"dbname=x", 0, 1, "", "", "", NULL},
		{"host=name hostaddr=192.0.2.7 port=6", 0, 1, "name", "192.0.2.7", "6", NULL},
		{"postgresql://none/x", 0, 0, "", "", "", NULL},
		{"postgresql://refused/x", 0, 0, "", "", "", NULL},
	};
	const struct db_hosts_defaults def = {.application_name = "app"};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct db_hosts *h;
		const char *const *k, *const *v;

		memset(&t, 0, sizeof(t));
		assert_int_equal(db_hosts_new(&h, cases[i].url, NULL, NULL), GH_OK);
		for (unsigned r = 0; r < cases[i].rotations; r++)
			db_hosts_rotate(h);
		db_hosts_resolve(h, 1, on_done, NULL);
		answer_all();
		assert_int_equal(t.done_count, 1);
		assert_int_equal(t.usable, cases[i].usable);
		db_hosts_params(h, &def, &k, &v);
		assert_string_equal(param(k, v, "host"), cases[i].host);
		assert_string_equal(param(k, v, "hostaddr"), cases[i].hostaddr);
		assert_string_equal(param(k, v, "port"), cases[i].port);
		if (cases[i].attrs == NULL)
			assert_null(param(k, v, "target_session_attrs"));
		else
			assert_string_equal(param(k, v, "target_session_attrs"), cases[i].attrs);
		db_hosts_free(h);
	}
}

static void
test_defaults(void **state)
{
	const struct db_hosts_defaults def = {
		.application_name = "app", .statement_timeout_us = 2500000, .sends_options = true};
	struct db_hosts *h;
	const char *const *k, *const *v;

	(void)state;
	assert_int_equal(db_hosts_new(&h,
				      "postgresql://u:secret@192.0.2.1/x?application_name=theirs"
				      "&options=-c%20jit%3Don&keepalives_idle=3",
				      NULL, NULL),
			 GH_OK);
	db_hosts_params(h, &def, &k, &v);
	assert_string_equal(param(k, v, "application_name"), "app");
	assert_string_equal(param(k, v, "keepalives_idle"), "3");
	assert_string_equal(param(k, v, "password"), "secret");
	assert_string_equal(param(k, v, "client_encoding"), "UTF8");
	assert_non_null(strstr(param(k, v, "options"), "statement_timeout=2500 "));
	/* The last one counts: what the operator wrote. */
	assert_true(strstr(param(k, v, "options"), "jit=on") >
		    strstr(param(k, v, "options"), "jit=off"));
	db_hosts_free(h);
}

static void
test_refused(void **state)
{
	static const char *const cases[] = {
		"nonsense",
		"postgresql://[::1/x",
		"host=a,b,c port=1,2",
		"host=a,b hostaddr=192.0.2.1",
		"host=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct db_hosts *h;
		struct gh_err err = {.text = ""};

		assert_int_equal(db_hosts_new(&h, cases[i], NULL, &err), GH_EINVAL);
		assert_null(h);
		assert_true(err.text[0] != '\0');
	}
}

static void
test_cancel(void **state)
{
	struct db_hosts *h;

	(void)state;
	memset(&t, 0, sizeof(t));
	assert_int_equal(db_hosts_new(&h, "postgresql://a,b/x", NULL, NULL), GH_OK);
	db_hosts_resolve(h, 1, on_done, NULL);
	db_hosts_free(h);
	assert_int_equal(t.cancelled, 2);
	assert_int_equal(t.done_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
