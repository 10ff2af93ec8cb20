/* test_metrics.c - exposition text, counting, collectors, refused declarations. */
#include "metrics/metrics.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "child.h"

static const char *const results[] = {"ok", "failed", "other"};
static const char *const odd_values[] = {"a\"b\\c\nd", ""};
static const double two_bounds[] = {0.5, 2.5};
static const struct metric_buckets two_buckets = {two_bounds, 2};

enum { SENT, IN_FLIGHT, SEEN, DURATION, BUSY };

static const struct metric_def daemon_defs[] = {
	[SENT] = {.name = "sent_total",
		  .type = METRIC_COUNTER,
		  .help = "Messages \"sent\"\nback\\slash.",
		  .labels = {{"result", results, 3}}},
	[IN_FLIGHT] = {.name = "in_flight", .type = METRIC_GAUGE, .help = "Open calls."},
	[SEEN] = {.name = "seen_total",
		  .type = METRIC_COUNTER,
		  .help = "Sparse.",
		  .labels = {{"odd", odd_values, 2}, {"result", results, 3}},
		  .is_sparse = true},
	[DURATION] = {.name = "call_duration_seconds",
		      .type = METRIC_HISTOGRAM,
		      .help = "Calls.",
		      .labels = {{"result", results, 2}},
		      .buckets = &two_buckets},
	[BUSY] = {.name = "busy_seconds_total", .type = METRIC_COUNTER, .help = "Busy."},
};

enum { DB_UP };

static const struct metric_def db_defs[] = {
	[DB_UP] = {.name = "db_up", .type = METRIC_GAUGE, .help = "Connected."},
};

struct fixture {
	struct metrics *m;
	struct metrics_table *t;
	struct buf out;
	unsigned collected;
};

static int
set_up(void **state)
{
	struct fixture *f = gh_alloc(sizeof(*f));

	f->m = metrics_new();
	f->t = metrics_register(f->m, daemon_defs, GH_COUNT(daemon_defs));
	buf_init(&f->out, NULL, 65536);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	metrics_free(f->m);
	buf_free(&f->out);
	gh_free(f);
	return 0;
}

static const char *
exposition(struct fixture *f)
{
	buf_reset(&f->out);
	metrics_write(f->m, &f->out);
	assert_false(f->out.over);
	return buf_cstr(&f->out);
}

static void
exports_zeros_before_the_first_event(void **state)
{
	assert_string_equal(
		exposition(*state),
		"# HELP growhub_sent_total Messages \"sent\"\\nback\\\\slash.\n"
		"# TYPE growhub_sent_total counter\n"
		"growhub_sent_total{result=\"ok\"} 0\n"
		"growhub_sent_total{result=\"failed\"} 0\n"
		"growhub_sent_total{result=\"other\"} 0\n"
		"# HELP growhub_in_flight Open calls.\n"
		"# TYPE growhub_in_flight gauge\n"
		"growhub_in_flight 0\n"
		"# HELP growhub_seen_total Sparse.\n"
		"# TYPE growhub_seen_total counter\n"
		"# HELP growhub_call_duration_seconds Calls.\n"
		"# TYPE growhub_call_duration_seconds histogram\n"
		"growhub_call_duration_seconds_bucket{result=\"ok\",le=\"0.5\"} 0\n"
		"growhub_call_duration_seconds_bucket{result=\"ok\",le=\"2.5\"} 0\n"
		"growhub_call_duration_seconds_bucket{result=\"ok\",le=\"+Inf\"} 0\n"
		"growhub_call_duration_seconds_sum{result=\"ok\"} 0\n"
		"growhub_call_duration_seconds_count{result=\"ok\"} 0\n"
		"growhub_call_duration_seconds_bucket{result=\"failed\",le=\"0.5\"} 0\n"
		"growhub_call_duration_seconds_bucket{result=\"failed\",le=\"2.5\"} 0\n"
		"growhub_call_duration_seconds_bucket{result=\"failed\",le=\"+Inf\"} 0\n"
		"growhub_call_duration_seconds_sum{result=\"failed\"} 0\n"
		"growhub_call_duration_seconds_count{result=\"failed\"} 0\n"
		"# HELP growhub_busy_seconds_total Busy.\n"
		"# TYPE growhub_busy_seconds_total counter\n"
		"growhub_busy_seconds_total 0\n");
}

#define assert_has(f, line) assert_non_null(strstr(exposition(f), "\n" line "\n"))

static void
counts_and_sets(void **state)
{
	struct fixture *f = *state;

	metrics_add(f->t, SENT, 1, 0, 3);
	metrics_add(f->t, SENT, 1, 0, 1);
	assert_has(f, "growhub_sent_total{result=\"failed\"} 4");
	assert_has(f, "growhub_sent_total{result=\"ok\"} 0");
	metrics_add(f->t, SENT, 0, 0, UINT64_C(9007199254740991)); /* 2^53 - 1 is exact */
	assert_has(f, "growhub_sent_total{result=\"ok\"} 9007199254740991");
	metrics_set(f->t, SENT, 2, 0, 12); /* mirrored counter */
	assert_has(f, "growhub_sent_total{result=\"other\"} 12");
	metrics_add_us(f->t, BUSY, 0, 0, 1500000);
	metrics_add_us(f->t, BUSY, 0, 0, -5);
	assert_has(f, "growhub_busy_seconds_total 1.5");
	metrics_adjust(f->t, IN_FLIGHT, 0, 0, 5);
	metrics_adjust(f->t, IN_FLIGHT, 0, 0, -7);
	assert_has(f, "growhub_in_flight -2");
	metrics_set_us(f->t, IN_FLIGHT, 0, 0, INT64_C(1768478400123456));
	assert_has(f, "growhub_in_flight 1768478400.123456");
	metrics_set_real(f->t, IN_FLIGHT, 0, 0, (double)NAN);
	assert_has(f, "growhub_in_flight NaN");
	metrics_set_real(f->t, IN_FLIGHT, 0, 0, -HUGE_VAL);
	assert_has(f, "growhub_in_flight -Inf");
	assert_true(metrics_value(f->t, SENT, 1, 0) == 4);
}

static void
sparse_series_and_escapes(void **state)
{
	struct fixture *f = *state;

	metrics_add(f->t, SEEN, 0, 2, 1);
	metrics_add(f->t, SEEN, 1, 0, 2);
	assert_has(f, "growhub_seen_total{odd=\"a\\\"b\\\\c\\nd\",result=\"other\"} 1\n"
		      "growhub_seen_total{odd=\"\",result=\"ok\"} 2\n"
		      "# HELP growhub_call_duration_seconds Calls.");
}

static void
fills_buckets(void **state)
{
	struct fixture *f = *state;

	metrics_observe(f->t, DURATION, 1, 0, 0.5); /* a bound is inside its bucket */
	metrics_observe(f->t, DURATION, 1, 0, 0.25);
	metrics_observe(f->t, DURATION, 1, 0, (double)NAN);
	metrics_observe_us(f->t, DURATION, 1, 0, 2000000);
	metrics_observe_us(f->t, DURATION, 1, 0, 3000000);
	assert_has(f, "growhub_call_duration_seconds_bucket{result=\"failed\",le=\"0.5\"} 2\n"
		      "growhub_call_duration_seconds_bucket{result=\"failed\",le=\"2.5\"} 3\n"
		      "growhub_call_duration_seconds_bucket{result=\"failed\",le=\"+Inf\"} 4\n"
		      "growhub_call_duration_seconds_sum{result=\"failed\"} 5.75\n"
		      "growhub_call_duration_seconds_count{result=\"failed\"} 4");
	assert_has(f, "growhub_call_duration_seconds_count{result=\"ok\"} 0");
	assert_true(metrics_value(f->t, DURATION, 1, 0) == 4);
}

static void
bucket_sets_of_the_contract(void **state)
{
	static const struct metric_def defs[] = {
		{.name = "a_seconds",
		 .type = METRIC_HISTOGRAM,
		 .help = "A.",
		 .buckets = &METRIC_BUCKETS_REQUEST},
		{.name = "b_seconds",
		 .type = METRIC_HISTOGRAM,
		 .help = "B.",
		 .buckets = &METRIC_BUCKETS_LATENCY},
		{.name = "c_bytes",
		 .type = METRIC_HISTOGRAM,
		 .help = "C.",
		 .buckets = &METRIC_BUCKETS_SIZE},
	};
	struct fixture *f = *state;

	metrics_register(f->m, defs, GH_COUNT(defs));
	assert_has(f, "growhub_a_seconds_bucket{le=\"0.001\"} 0");
	assert_has(f, "growhub_a_seconds_bucket{le=\"30\"} 0");
	assert_has(f, "growhub_b_seconds_bucket{le=\"86400\"} 0");
	assert_has(f, "growhub_c_bytes_bucket{le=\"1048576\"} 0");
	assert_int_equal(METRIC_BUCKETS_REQUEST.count, 14);
	assert_int_equal(METRIC_BUCKETS_LATENCY.count, 13);
	assert_int_equal(METRIC_BUCKETS_SIZE.count, 7);
}

static void
collect_in_flight(void *arg)
{
	struct fixture *f = arg;

	f->collected++;
	metrics_set(f->t, IN_FLIGHT, 0, 0, 41 + f->collected);
}

static void
collectors_run_at_scrape(void **state)
{
	struct fixture *f = *state;

	metrics_collector_add(f->m, collect_in_flight, f);
	assert_int_equal(f->collected, 0);
	assert_has(f, "growhub_in_flight 42");
	assert_has(f, "growhub_in_flight 43");
	metrics_collector_del(f->m, collect_in_flight, NULL); /* another arg: not it */
	assert_has(f, "growhub_in_flight 44");
	metrics_collector_del(f->m, collect_in_flight, f);
	assert_has(f, "growhub_in_flight 44");
	metrics_collector_add(f->m, collect_in_flight, f); /* freed with the registry */
}

static void
several_tables_and_description(void **state)
{
	struct fixture *f = *state;
	struct metrics_table *db = metrics_register(f->m, db_defs, GH_COUNT(db_defs));

	metrics_set(db, DB_UP, 0, 0, 1);
	assert_has(f, "growhub_db_up 1");
	assert_has(f, "growhub_in_flight 0");
	buf_reset(&f->out);
	metrics_describe(f->m, &f->out);
	assert_string_equal(buf_cstr(&f->out),
			    "growhub_sent_total\tcounter\tresult\t"
			    "Messages \"sent\"\\nback\\\\slash.\n"
			    "growhub_in_flight\tgauge\t-\tOpen calls.\n"
			    "growhub_seen_total\tcounter\todd,result\tSparse.\n"
			    "growhub_call_duration_seconds\thistogram\tresult\tCalls.\n"
			    "growhub_busy_seconds_total\tcounter\t-\tBusy.\n"
			    "growhub_db_up\tgauge\t-\tConnected.\n");
}

static void
finds_label_values(void **state)
{
	const struct metric_label *l = &daemon_defs[SENT].labels[0];

	(void)state;
	assert_int_equal(metrics_label_index(l, S("ok")), 0);
	assert_int_equal(metrics_label_index(l, S("failed")), 1);
	assert_int_equal(metrics_label_index(l, S("other")), 2);
	assert_int_equal(metrics_label_index(l, S("fail")), 2);
	assert_int_equal(metrics_label_index(l, SLICE_NONE), 2);
}

static void
works_without_registry(void **state)
{
	(void)state;
	metrics_add(NULL, SENT, 9, 9, 1);
	metrics_add_us(NULL, BUSY, 0, 0, 1);
	metrics_set(NULL, IN_FLIGHT, 0, 0, 1);
	metrics_adjust(NULL, IN_FLIGHT, 0, 0, 1);
	metrics_observe_us(NULL, DURATION, 0, 0, 1);
	assert_true(metrics_value(NULL, SENT, 0, 0) == 0);
	metrics_free(NULL);
}

static void
add_unknown_id(void *arg)
{
	metrics_add(arg, GH_COUNT(daemon_defs), 0, 0, 1);
}

static void
add_unknown_label(void *arg)
{
	metrics_add(arg, SENT, 3, 0, 1);
}

static void
add_unused_label(void *arg)
{
	metrics_add(arg, SENT, 0, 1, 1);
}

static void
observe_a_gauge(void *arg)
{
	metrics_observe(arg, IN_FLIGHT, 0, 0, 1);
}

static void
set_a_histogram(void *arg)
{
	metrics_set(arg, DURATION, 0, 0, 1);
}

static void
refuses_wrong_indexes(void **state)
{
	struct fixture *f = *state;

	assert_true(child_panics(add_unknown_id, f->t, "metric 5 of 5"));
	assert_true(child_panics(add_unknown_label, f->t, "label values 3 and 0"));
	assert_true(child_panics(add_unused_label, f->t, "label values 0 and 1"));
	assert_true(child_panics(observe_a_gauge, f->t, "not for a gauge"));
	assert_true(child_panics(set_a_histogram, f->t, "not for a histogram"));
}

static const char *const same_values[] = {"x", "x"};
static const double falling_bounds[] = {2, 1};
static const struct metric_buckets falling = {falling_bounds, 2};
static const char *many_values[METRICS_SERIES_MAX];

static const struct refused {
	struct metric_def def;
	const char *reason;
} refused[] = {
	{{.name = NULL, .help = "H."}, "name"},
	{{.name = "Upper_total", .help = "H."}, "name"},
	{{.name = "growhub_x_total", .help = "H."}, "name"},
	{{.name = "x", .help = "H."}, "_total"},
	{{.name = "x_total", .type = METRIC_GAUGE, .help = "H."}, "_total"},
	{{.name = "x_count", .type = METRIC_GAUGE, .help = "H."}, "suffix"},
	{{.name = "x_total", .help = ""}, "help"},
	{{.name = "x_total", .help = "\xff"}, "help"},
	{{.name = "x_total", .help = "H.", .labels = {{"le", results, 1}}}, "label name"},
	{{.name = "x_total", .help = "H.", .labels = {{"a", NULL, 0}}}, "without values"},
	{{.name = "x_total", .help = "H.", .labels = {{"a", same_values, 2}}}, "twice"},
	{{.name = "x_total", .help = "H.", .labels = {{"a", results, 1}, {"a", results, 1}}},
	 "second label"},
	{{.name = "x_total", .help = "H.", .labels = {{0}, {"a", results, 1}}}, "second label"},
	{{.name = "x_total", .help = "H.", .buckets = &two_buckets}, "buckets"},
	{{.name = "x", .type = METRIC_HISTOGRAM, .help = "H."}, "buckets"},
	{{.name = "x", .type = METRIC_HISTOGRAM, .help = "H.", .buckets = &falling}, "bounds"},
	{{.name = "x_total",
	  .help = "H.",
	  .labels = {{"a", many_values, METRICS_SERIES_MAX / 2}, {"b", results, 3}}},
	 "too many"},
	{{.name = "in_flight", .type = METRIC_GAUGE, .help = "H."}, "registered twice"},
};

struct registration {
	struct metrics *m;
	const struct metric_def *def;
};

static void
register_one(void *arg)
{
	const struct registration *r = arg;

	metrics_register(r->m, r->def, 1);
}

static void
refuses_broken_declarations(void **state)
{
	static char texts[METRICS_SERIES_MAX][8];
	struct fixture *f = *state;

	for (unsigned i = 0; i < METRICS_SERIES_MAX; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%u", i);
		many_values[i] = texts[i];
	}
	for (size_t i = 0; i < GH_COUNT(refused); i++) {
		struct registration r = {f->m, &refused[i].def};

		if (!child_panics(register_one, &r, refused[i].reason))
			fail_msg("case %zu: %s", i, refused[i].reason);
	}
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(exports_zeros_before_the_first_event),
		CASE(counts_and_sets),
		CASE(sparse_series_and_escapes),
		CASE(fills_buckets),
		CASE(bucket_sets_of_the_contract),
		CASE(collectors_run_at_scrape),
		CASE(several_tables_and_description),
		CASE(finds_label_values),
		CASE(works_without_registry),
		CASE(refuses_wrong_indexes),
		CASE(refuses_broken_declarations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
