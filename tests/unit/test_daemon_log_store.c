/* test_daemon_log_store.c - what waits for the database: rows made of lines, a bound, a return. */
#include "daemon/log_store.c"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#define MESSAGE "0190a1b2-0000-7000-8000-00000000000a"

static const struct daemon_def def = {.name = "testd"};
static struct conf_common common = {.instance_name = "one", .log_store_level = LOG_LEVEL_WARN};
static struct daemon d = {.def = &def, .common = &common};
static int stderr_fd;
static int64_t now_us = CLOCK_SEC; /* monotonic; the log remembers repeats from case to case */

static int
set_up(void **state)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	stderr_fd = dup(STDERR_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
	clock_freeze(CLOCK_SEC, now_us += 2 * CLOCK_SEC);
	common.log_store_level = LOG_LEVEL_WARN;
	d.log_store = log_store_new(&d);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	log_store_free(d.log_store);
	clock_thaw();
	dup2(stderr_fd, STDERR_FILENO);
	close(stderr_fd);
	return 0;
}

static const struct log_row *
row_at(unsigned i)
{
	struct list *n = d.log_store->waiting.next;

	while (i-- > 0)
		n = n->next;
	return &LIST_ENTRY(n, struct waiting_line, node)->row;
}

/* So many lines that no repeat is suppressed. */
static void
log_lines(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (i % 20 == 0)
			clock_freeze(CLOCK_SEC, now_us += 2 * CLOCK_SEC);
		log_warn("a.b", LOG_INT("i", i));
	}
}

static void
makes_rows(void **state)
{
	const struct log_row *row;
	char text[UUID_TEXT_SIZE];

	(void)state;
	log_info("a.below", LOG_INT("company", 1));
	log_warn("a.all", LOG_INT("company", 7), LOG_INT("instance", 9), LOG_STR("msg", MESSAGE));
	log_error("a.other", LOG_INT("company", 0), LOG_INT("instance", INT64_C(1) << 40),
		  LOG_SLICE("msg", S("wamid.7")), LOG_STR("instance", "x"));
	assert_int_equal(d.log_store->waiting_count, 2);
	row = row_at(0);
	assert_int_equal(row->level, LOG_LEVEL_WARN);
	assert_true(slice_eq(row->daemon, S("testd")) && slice_eq(row->process, S("one")));
	assert_true(slice_eq(row->event, S("a.all")));
	assert_int_equal(row->company_id, 7);
	assert_int_equal(row->instance_id, 9);
	assert_string_equal(uuid_text(row->message_id, text), MESSAGE);
	assert_true(slice_starts(row->line, S("ts=1970-01-01T00:00:01.000Z level=warn ")));
	assert_int_not_equal(row->line.p[row->line.n - 1], '\n');
	row = row_at(1);
	assert_int_equal(row->company_id, 0);
	assert_int_equal(row->instance_id, 0);
	assert_true(uuid_is_nil(row->message_id));
	assert_true(uuid_cmp(row_at(0)->id, row->id) < 0);
}

static void
keeps_what_began_the_trouble(void **state)
{
	(void)state;
	log_lines(LOG_WAITING_MAX + 40);
	assert_int_equal(d.log_store->waiting_count, LOG_WAITING_MAX);
	assert_int_equal(log_store_get_stats(d.log_store).dropped_count, 40);
	assert_non_null(strstr(row_at(0)->line.p, "i=0"));
	/* No database was ever there: nothing is sent, nothing more is lost. */
	log_store_flush(d.log_store);
	assert_int_equal(d.log_store->waiting_count, LOG_WAITING_MAX);
	assert_int_equal(log_store_get_stats(d.log_store).stored_count, 0);
}

static void
returns_what_was_not_stored(void **state)
{
	const struct log_row *rows[LOG_STORE_MAX];
	struct uuid first;

	(void)state;
	log_lines(LOG_STORE_MAX + 3);
	first = row_at(0)->id;
	assert_int_equal(take_lines(d.log_store, rows), LOG_STORE_MAX);
	assert_true(uuid_eq(rows[0]->id, first));
	assert_int_equal(d.log_store->waiting_count, LOG_STORE_MAX + 3); /* still bounded */
	sent_return(d.log_store);
	assert_true(uuid_eq(row_at(0)->id, first));
	assert_int_equal(take_lines(d.log_store, rows), LOG_STORE_MAX);
	sent_settle(d.log_store, true);
	assert_int_equal(take_lines(d.log_store, rows), 3);
	sent_settle(d.log_store, false);
	assert_int_equal(d.log_store->waiting_count, 0);
	assert_int_equal(log_store_get_stats(d.log_store).stored_count, LOG_STORE_MAX);
	assert_int_equal(log_store_get_stats(d.log_store).dropped_count, 3);
}

static void
follows_its_level(void **state)
{
	(void)state;
	common.log_store_level = LOG_LEVEL_DEBUG;
	log_store_set_level(d.log_store);
	log_debug("a.b", LOG_INT("i", 1));
	assert_int_equal(d.log_store->waiting_count, 1);
	common.log_store_level = PARAMS_STORE_NONE;
	log_store_set_level(d.log_store);
	log_error("a.b", LOG_INT("i", 2));
	assert_int_equal(d.log_store->waiting_count, 1);
	assert_false(log_is_enabled(LOG_LEVEL_DEBUG));
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(makes_rows),
		CASE(keeps_what_began_the_trouble),
		CASE(returns_what_was_not_stored),
		CASE(follows_its_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
