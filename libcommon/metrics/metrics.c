/* metrics.c - counters, gauges and histograms, and their Prometheus text.
 *
 * All cells of a table are one array of doubles (exact for counts up to 2^53).
 * A series of a counter or gauge has one cell; a series of a histogram has one
 * per bucket, one for +Inf and one for the sum, not cumulated until written.
 */
#include "metrics/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

static const double request_bounds[] = {.001, .0025, .005, .01, .025, .05, .1,
					.25,  .5,    1,    2.5, 5,    10,  30};
static const double latency_bounds[] = {.01, .05, .1,   .5,   1,     5,    15,
					60,  300, 1800, 7200, 21600, 86400};
static const double size_bounds[] = {256, 1024, 4096, 16384, 65536, 262144, 1048576};

const struct metric_buckets METRIC_BUCKETS_REQUEST = {request_bounds, GH_COUNT(request_bounds)};
const struct metric_buckets METRIC_BUCKETS_LATENCY = {latency_bounds, GH_COUNT(latency_bounds)};
const struct metric_buckets METRIC_BUCKETS_SIZE = {size_bounds, GH_COUNT(size_bounds)};

static const char *const type_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
};

struct metrics_table {
	struct list link;
	const struct metric_def *defs;
	unsigned count;
	size_t *first; /* per metric: its first cell */
	double *cells;
};

struct collector {
	struct list link;
	metrics_collect_fn *fn;
	void *arg;
};

struct metrics {
	struct list tables;
	struct list collectors;
	struct map *names; /* name -> its table */
};

struct metrics *
metrics_new(void)
{
	struct metrics *m = gh_alloc(sizeof(*m));

	list_init(&m->tables);
	list_init(&m->collectors);
	m->names = map_new();
	return m;
}

static void
table_free(struct metrics_table *t)
{
	gh_free(t->first);
	gh_free(t->cells);
	gh_free(t);
}

void
metrics_free(struct metrics *m)
{
	struct list *n;

	if (m == NULL)
		return;
	for (n = list_pop(&m->tables); n != NULL; n = list_pop(&m->tables))
		table_free(LIST_ENTRY(n, struct metrics_table, link));
	for (n = list_pop(&m->collectors); n != NULL; n = list_pop(&m->collectors))
		gh_free(LIST_ENTRY(n, struct collector, link));
	map_free(m->names);
	gh_free(m);
}

/* Values of a label; 1 for one that is not used. */
static unsigned
label_size(const struct metric_label *l)
{
	return l->name == NULL ? 1 : l->count;
}

static size_t
series_count(const struct metric_def *d)
{
	return (size_t)label_size(&d->labels[0]) * label_size(&d->labels[1]);
}

static size_t
cells_per_series(const struct metric_def *d)
{
	return d->type == METRIC_HISTOGRAM ? (size_t)d->buckets->count + 2 : 1;
}

/* [a-z][a-z0-9_]*, narrower than Prometheus allows. */
static bool
is_name(const char *s)
{
	if (s == NULL || *s < 'a' || *s > 'z')
		return false;
	for (; *s != '\0'; s++) {
		if ((*s < 'a' || *s > 'z') && (*s < '0' || *s > '9') && *s != '_')
			return false;
	}
	return true;
}

static const char *
label_fault(const struct metric_def *d, unsigned i)
{
	const struct metric_label *l = &d->labels[i];

	if (l->name == NULL)
		return NULL;
	if (!is_name(l->name) || strcmp(l->name, "le") == 0)
		return "label name";
	if (l->values == NULL || l->count == 0)
		return "label without values";
	if (i > 0 && (d->labels[0].name == NULL || strcmp(d->labels[0].name, l->name) == 0))
		return "second label without a first, or the same";
	for (unsigned v = 0; v < l->count; v++) {
		if (l->values[v] == NULL || !utf8_valid(slice_of(l->values[v])))
			return "label value";
		for (unsigned w = 0; w < v; w++) {
			if (strcmp(l->values[v], l->values[w]) == 0)
				return "label value twice";
		}
	}
	return NULL;
}

static const char *
buckets_fault(const struct metric_def *d)
{
	if ((d->type == METRIC_HISTOGRAM) != (d->buckets != NULL))
		return "buckets belong to histograms";
	if (d->buckets == NULL)
		return NULL;
	for (unsigned i = 0; i < d->buckets->count; i++) {
		if (!isfinite(d->buckets->bounds[i]) ||
		    (i > 0 && d->buckets->bounds[i] <= d->buckets->bounds[i - 1]))
			return "bucket bounds";
	}
	return NULL;
}

/* A gauge x_count would collide with the series of a histogram x. */
static bool
has_series_suffix(struct slice name)
{
	return slice_ends(name, S("_bucket")) || slice_ends(name, S("_sum")) ||
	       slice_ends(name, S("_count"));
}

/* The rule a declaration breaks, or NULL. */
static const char *
def_fault(const struct metric_def *d)
{
	const char *fault = NULL;

	if (!is_name(d->name) || slice_starts(slice_of(d->name), S(METRICS_PREFIX)))
		return "name";
	if ((d->type == METRIC_COUNTER) != slice_ends(slice_of(d->name), S("_total")))
		return "_total belongs to counters";
	if (has_series_suffix(slice_of(d->name)))
		return "suffix of a histogram's series";
	if (d->help == NULL || d->help[0] == '\0' || !utf8_valid(slice_of(d->help)))
		return "help";
	for (unsigned i = 0; fault == NULL && i < METRICS_LABELS_MAX; i++)
		fault = label_fault(d, i);
	if (fault == NULL)
		fault = buckets_fault(d);
	if (fault == NULL && series_count(d) > METRICS_SERIES_MAX)
		fault = "too many series";
	return fault;
}

struct metrics_table *
metrics_register(struct metrics *m, const struct metric_def *defs, unsigned count)
{
	struct metrics_table *t = gh_alloc(sizeof(*t));
	size_t cells = 0;

	t->defs = defs;
	t->count = count;
	t->first = gh_alloc_array(count, sizeof(*t->first));
	for (unsigned i = 0; i < count; i++) {
		const struct metric_def *d = &defs[i];
		const char *fault = def_fault(d);

		if (fault != NULL)
			gh_panic("metric %u \"%s\": %s", i, d->name != NULL ? d->name : "", fault);
		if (map_put(m->names, slice_of(d->name), t) != NULL)
			gh_panic("metric \"%s\" is registered twice", d->name);
		t->first[i] = cells;
		cells += series_count(d) * cells_per_series(d);
	}
	t->cells = gh_alloc_array(cells, sizeof(*t->cells));
	list_add_tail(&m->tables, &t->link);
	return t;
}

static double *
series_cells(const struct metrics_table *t, unsigned id, unsigned l0, unsigned l1)
{
	const struct metric_def *d = &t->defs[id];
	size_t series = (size_t)l0 * label_size(&d->labels[1]) + l1;

	return t->cells + t->first[id] + series * cells_per_series(d);
}

/* Cells of one series; panics when the indexes are outside the table. */
static double *
find_cells(const struct metrics_table *t, unsigned id, unsigned l0, unsigned l1)
{
	if (id >= t->count)
		gh_panic("metric %u of %u", id, t->count);
	if (l0 >= label_size(&t->defs[id].labels[0]) || l1 >= label_size(&t->defs[id].labels[1]))
		gh_panic("metric \"%s\": label values %u and %u", t->defs[id].name, l0, l1);
	return series_cells(t, id, l0, l1);
}

/* The same, for a metric that must have one of the types whose bits are set. */
static double *
find_typed_cells(const struct metrics_table *t, unsigned id, unsigned l0, unsigned l1,
		 unsigned types)
{
	double *cells = find_cells(t, id, l0, l1);

	if ((types & 1u << t->defs[id].type) == 0)
		gh_panic("metric \"%s\": not for a %s", t->defs[id].name,
			 type_names[t->defs[id].type]);
	return cells;
}

void
metrics_add(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, uint64_t n)
{
	if (t != NULL)
		*find_typed_cells(t, id, l0, l1, 1u << METRIC_COUNTER) += (double)n;
}

void
metrics_add_us(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, int64_t us)
{
	if (t != NULL && us > 0)
		*find_typed_cells(t, id, l0, l1, 1u << METRIC_COUNTER) += (double)us / 1e6;
}

void
metrics_set(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, int64_t v)
{
	metrics_set_real(t, id, l0, l1, (double)v);
}

void
metrics_set_us(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, int64_t us)
{
	metrics_set_real(t, id, l0, l1, (double)us / 1e6);
}

void
metrics_set_real(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, double v)
{
	if (t != NULL)
		*find_typed_cells(t, id, l0, l1, 1u << METRIC_COUNTER | 1u << METRIC_GAUGE) = v;
}

void
metrics_adjust(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, int64_t delta)
{
	if (t != NULL)
		*find_typed_cells(t, id, l0, l1, 1u << METRIC_GAUGE) += (double)delta;
}

void
metrics_observe(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, double v)
{
	const struct metric_buckets *b;
	double *cells;
	unsigned i = 0;

	if (t == NULL || isnan(v))
		return;
	cells = find_typed_cells(t, id, l0, l1, 1u << METRIC_HISTOGRAM);
	b = t->defs[id].buckets;
	while (i < b->count && v > b->bounds[i])
		i++;
	cells[i] += 1;
	cells[b->count + 1] += v;
}

void
metrics_observe_us(struct metrics_table *t, unsigned id, unsigned l0, unsigned l1, int64_t us)
{
	metrics_observe(t, id, l0, l1, (double)us / 1e6);
}

static double
observation_count(const struct metric_def *d, const double *cells)
{
	double sum = 0;

	for (unsigned i = 0; i <= d->buckets->count; i++)
		sum += cells[i];
	return sum;
}

static double
series_value(const struct metric_def *d, const double *cells)
{
	return d->type == METRIC_HISTOGRAM ? observation_count(d, cells) : *cells;
}

double
metrics_value(const struct metrics_table *t, unsigned id, unsigned l0, unsigned l1)
{
	return t == NULL ? 0 : series_value(&t->defs[id], find_cells(t, id, l0, l1));
}

unsigned
metrics_label_index(const struct metric_label *label, struct slice value)
{
	unsigned last = label->count - 1;

	for (unsigned i = 0; i < last; i++) {
		if (slice_eq(slice_of(label->values[i]), value))
			return i;
	}
	return last;
}

void
metrics_collector_add(struct metrics *m, metrics_collect_fn *fn, void *arg)
{
	struct collector *c = gh_alloc(sizeof(*c));

	c->fn = fn;
	c->arg = arg;
	list_add_tail(&m->collectors, &c->link);
}

void
metrics_collector_del(struct metrics *m, metrics_collect_fn *fn, void *arg)
{
	LIST_FOREACH_SAFE(it, &m->collectors)
	{
		struct collector *c = LIST_ENTRY(it, struct collector, link);

		if (c->fn == fn && c->arg == arg) {
			list_del(&c->link);
			gh_free(c);
		}
	}
}

/* Text of HELP (backslash, newline) or of a label value (the double quote as well). */
static void
write_escaped(struct buf *out, const char *s, bool is_label)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n') {
			buf_add(out, S("\\n"));
			continue;
		}
		if (*s == '\\' || (*s == '"' && is_label))
			buf_add_char(out, '\\');
		buf_add_char(out, *s);
	}
}

/* The shortest digits that read back as the same number. */
static void
write_finite(struct buf *out, double v)
{
	char text[32];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_add_cstr(out, text);
}

static void
write_number(struct buf *out, double v)
{
	if (isnan(v))
		buf_add(out, S("NaN"));
	else if (isinf(v))
		buf_add_cstr(out, v > 0 ? "+Inf" : "-Inf");
	else
		write_finite(out, v);
}

/* One series of a metric while it is written. */
struct series {
	const struct metric_def *def;
	unsigned values[METRICS_LABELS_MAX];
	const double *cells;
};

/* growhub_NAME SUFFIX {labels,le="..."}; le NULL: none. */
static void
write_series_name(struct buf *out, const struct series *s, const char *suffix, const double *le)
{
	char sep = '{';

	buf_add_cstr(out, METRICS_PREFIX);
	buf_add_cstr(out, s->def->name);
	buf_add_cstr(out, suffix);
	for (unsigned i = 0; i < METRICS_LABELS_MAX; i++) {
		const struct metric_label *l = &s->def->labels[i];

		if (l->name == NULL)
			continue;
		buf_add_char(out, sep);
		buf_add_cstr(out, l->name);
		buf_add(out, S("=\""));
		write_escaped(out, l->values[s->values[i]], true);
		buf_add_char(out, '"');
		sep = ',';
	}
	if (le != NULL) {
		buf_add_char(out, sep);
		buf_add(out, S("le=\""));
		write_number(out, *le);
		buf_add_char(out, '"');
		sep = ',';
	}
	if (sep == ',')
		buf_add_char(out, '}');
}

static void
write_sample(struct buf *out, const struct series *s, const char *suffix, const double *le,
	     double value)
{
	write_series_name(out, s, suffix, le);
	buf_add_char(out, ' ');
	write_number(out, value);
	buf_add_char(out, '\n');
}

static void
write_histogram(struct buf *out, const struct series *s)
{
	const struct metric_buckets *b = s->def->buckets;
	const double inf = HUGE_VAL;
	double count = 0;

	for (unsigned i = 0; i <= b->count; i++) {
		count += s->cells[i];
		write_sample(out, s, "_bucket", i < b->count ? &b->bounds[i] : &inf, count);
	}
	write_sample(out, s, "_sum", NULL, s->cells[b->count + 1]);
	write_sample(out, s, "_count", NULL, count);
}

static void
write_metric(struct buf *out, const struct metrics_table *t, unsigned id)
{
	struct series s = {.def = &t->defs[id]};

	buf_add_printf(out, "# HELP %s%s ", METRICS_PREFIX, s.def->name);
	write_escaped(out, s.def->help, false);
	buf_add_printf(out, "\n# TYPE %s%s %s\n", METRICS_PREFIX, s.def->name,
		       type_names[s.def->type]);
	for (s.values[0] = 0; s.values[0] < label_size(&s.def->labels[0]); s.values[0]++) {
		for (s.values[1] = 0; s.values[1] < label_size(&s.def->labels[1]); s.values[1]++) {
			s.cells = series_cells(t, id, s.values[0], s.values[1]);
			if (s.def->is_sparse && series_value(s.def, s.cells) == 0)
				continue;
			if (s.def->type == METRIC_HISTOGRAM)
				write_histogram(out, &s);
			else
				write_sample(out, &s, "", NULL, *s.cells);
		}
	}
}

void
metrics_write(struct metrics *m, struct buf *out)
{
	LIST_FOREACH(c, &m->collectors)
	{
		const struct collector *collector = LIST_ENTRY(c, struct collector, link);

		collector->fn(collector->arg);
	}
	LIST_FOREACH(it, &m->tables)
	{
		const struct metrics_table *t = LIST_ENTRY(it, struct metrics_table, link);

		for (unsigned id = 0; id < t->count; id++)
			write_metric(out, t, id);
	}
}

static void
describe_metric(struct buf *out, const struct metric_def *d)
{
	buf_add_printf(out, "%s%s\t%s\t", METRICS_PREFIX, d->name, type_names[d->type]);
	if (d->labels[0].name == NULL)
		buf_add_char(out, '-');
	for (unsigned i = 0; i < METRICS_LABELS_MAX && d->labels[i].name != NULL; i++)
		buf_add_printf(out, "%s%s", i == 0 ? "" : ",", d->labels[i].name);
	buf_add_char(out, '\t');
	write_escaped(out, d->help, false);
	buf_add_char(out, '\n');
}

void
metrics_describe(const struct metrics *m, struct buf *out)
{
	LIST_FOREACH(it, &m->tables)
	{
		const struct metrics_table *t = LIST_ENTRY(it, struct metrics_table, link);

		for (unsigned id = 0; id < t->count; id++)
			describe_metric(out, &t->defs[id]);
	}
}
