/* metrics.h - counters, gauges and histograms, and their Prometheus text.
 *
 * Every metric is declared in a static table: one per daemon, and one per
 * library module that counts (log, loop, db, mq). Names and label values are
 * fixed before start, so the number of series is bounded and every series is
 * exported as 0 before its first event.
 *
 * Loop thread only. Everything lives until metrics_free.
 */
#ifndef GH_METRICS_H
#define GH_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct buf;
struct metrics;       /* the registry of a process */
struct metrics_table; /* the values of one registered table */

#define METRICS_PREFIX       "growhub_"
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_LABELS_MAX   2
#define METRICS_SERIES_MAX   8192 /* label combinations of one metric: routes times statuses */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* A label and every value it can take; name NULL: not used. */
struct metric_label {
	const char *name;
	const char *const *values; /* by convention the last one is "other" when input decides */
	unsigned count;            /* of values, >= 1 */
};

/* Upper bounds, increasing; +Inf is implied. */
struct metric_buckets {
	const double *bounds;
	unsigned count;
};

/* The three sets of contracts/http-conventions.md section 7. */
extern const struct metric_buckets METRIC_BUCKETS_REQUEST; /* seconds: requests, provider calls */
extern const struct metric_buckets METRIC_BUCKETS_LATENCY; /* seconds: queues, end to end */
extern const struct metric_buckets METRIC_BUCKETS_SIZE;    /* bytes */

/* One metric; tables are arrays of these, indexed by the module's enum. */
struct metric_def {
	/* Without METRICS_PREFIX; counters, and only they, end in _total; none in _bucket, _sum
	 * or _count, which are the series of a histogram. */
	const char *name;
	enum metric_type type;
	const char *help;
	struct metric_label labels[METRICS_LABELS_MAX];
	const struct metric_buckets *buckets; /* histograms, and only they */
	bool is_sparse; /* export only series that are not 0: a product mostly never seen */
};

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m); /* NULL is legal; tables go with it */

/* Add a table of count metrics; defs is borrowed. Panics when a declaration breaks a rule
 * above or a name is registered twice: both are seen at the first start of a build. */
struct metrics_table *metrics_register(struct metrics *m, const struct metric_def *defs,
				       unsigned count);

/*
 * Changing values. id is the index in the table, l0 and l1 are indexes of label
 * values (0 for a label that is not used). Panics when an index is out of range
 * or the type does not fit. t NULL is legal and does nothing, so that modules
 * work without a registry.
 */

/* Counter += n. */
void metrics_add(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, uint64_t n);
/* Counter of seconds += a duration in microseconds (>= 0). */
void metrics_add_us(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, int64_t us);
/* Gauge = v; also a counter whose total is kept elsewhere (from a collector). */
void metrics_set(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, int64_t v);
/* Gauge in seconds (instants, durations) = microseconds. */
void metrics_set_us(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, int64_t us);
/* Gauge in any unit, such as a ratio. */
void metrics_set_real(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, double v);
/* Gauge += delta. */
void metrics_adjust(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, int64_t delta);
/* One observation of a histogram, in its unit; NaN is ignored. */
void metrics_observe(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, double v);
/* The same for a histogram of seconds from microseconds. */
void metrics_observe_us(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, int64_t us);

/* Value of a counter or gauge, observations of a histogram; 0 when t is NULL. */
double metrics_value(const struct metrics_table *t, unsigned id, unsigned l0, unsigned l1);

/* Index of a value in the label's set, or of the last value ("other") when it is not in it. */
unsigned metrics_label_index(const struct metric_label *label, struct slice value);

/* Called by metrics_write before it writes, in the order added: sets gauges that are
 * computed on demand. Must not block, register, or add or remove collectors. */
typedef void metrics_collect_fn(void *arg);
void metrics_collector_add(struct metrics *m, metrics_collect_fn *fn, void *arg);
/* No call of fn with arg after this; legal when it was never added. */
void metrics_collector_del(struct metrics *m, metrics_collect_fn *fn, void *arg);

/* Append the text exposition (version 0.0.4) of everything. Check out->over. */
void metrics_write(struct metrics *m, struct buf *out);

/* Append one line per metric in order of declaration: full name, type, label names parted
 * by commas ("-" for none), help; parted by tabs. For --help and the manual's parity test. */
void metrics_describe(const struct metrics *m, struct buf *out);

#endif
