/* stats.c - a company's numbers per hour or day, how long its sends took, and what waits.
 *
 * Made of what healthd rolled up, whatever the number of messages: a request reads some rows per
 * hour shown. `as_of` says how far the numbers go.
 */
#include "filters.h"
#include "gateway.h"
#include "stats_json.h"

#include "base/arena.h"

#define DAY_US        (24 * STATS_HOUR_US)
#define HOURS_MAX     (7 * 24) /* periods of one reply */
#define DAYS_MAX      92
#define HOURS_DEFAULT 24
#define DAYS_DEFAULT  30

struct range {
	bool is_daily;
	int64_t step_us;
	int64_t since_us, until_us; /* beginnings of periods: since <= start < until */
};

/* Of one period, or of all. */
struct sums {
	int64_t counts[STATS_COUNTS];
	int64_t latency[STATS_LATENCY_COUNT];
};

static const struct gw_schema latency_schema = {
	.name = "SendLatency",
	.text = "From acceptance, or the scheduled time where that came later, to the provider's "
		"answer; "
		"within the step of a fixed scale.",
	.fields = GW_FIELDS(GW_FIELD("count", INT), GW_FIELD("p50_ms", INT),
			    GW_FIELD("p90_ms", INT), GW_FIELD("p99_ms", INT)),
};
#define LATENCY_FIELD                                                                              \
	GW_FIELD("send_latency", OBJECT, .of = &latency_schema, .flags = GW_F_NULL,                \
		 .text = "null: nothing was sent")

static const struct gw_schema totals_schema = {
	.fields = GW_FIELDS(STATS_FIELDS),
};
static const struct gw_schema period_schema = {
	.name = "StatsPeriod",
	.text = "How often messages came to each status within it.",
	.fields = GW_FIELDS(GW_FIELD("start", TIME), STATS_FIELDS, LATENCY_FIELD),
};
static const struct gw_schema stats_schema = {
	.name = "Stats",
	.fields = GW_FIELDS(GW_FIELD("as_of", TIME, .text = "What happened until then is counted"),
			    GW_FIELD("interval", STRING, .words = GW_WORDS("hour", "day")),
			    GW_FIELD("since", TIME), GW_FIELD("until", TIME, .text = "Exclusive"),
			    GW_FIELD("totals", OBJECT, .of = &totals_schema), LATENCY_FIELD,
			    GW_FIELD("periods", OBJECT, .flags = GW_F_MANY, .of = &period_schema,
				     .text = "Oldest first, none left out"),
			    GW_FIELD("queues", OBJECT, .flags = GW_F_MANY,
				     .of = &stats_queue_schema, .text = "The company's own")),
};

/* ---- latency ---- */

/* Value below which permille of the sends lie; linear within a step. */
static int64_t
latency_ms(const int64_t latency[STATS_LATENCY_COUNT], int64_t total, int64_t permille)
{
	int64_t rank = (total * permille + 999) / 1000, below = 0;

	for (unsigned i = 0; i < GH_COUNT(stats_latency_ms); i++) {
		int64_t low = i == 0 ? 0 : stats_latency_ms[i - 1];
		int64_t width = stats_latency_ms[i] - low;

		if (below + latency[i] >= rank)
			return low + width * (rank - below) / latency[i];
		below += latency[i];
	}
	return stats_latency_ms[GH_COUNT(stats_latency_ms) - 1]; /* at least */
}

static void
write_latency(struct json_w *w, const int64_t latency[STATS_LATENCY_COUNT])
{
	int64_t total = 0;

	for (unsigned i = 0; i < STATS_LATENCY_COUNT; i++)
		total += latency[i];
	if (total == 0) {
		json_w_null(w, "send_latency");
		return;
	}
	json_w_open(w, "send_latency", '{');
	json_w_i64(w, "count", total);
	json_w_i64(w, "p50_ms", latency_ms(latency, total, 500));
	json_w_i64(w, "p90_ms", latency_ms(latency, total, 900));
	json_w_i64(w, "p99_ms", latency_ms(latency, total, 990));
	json_w_close(w, '}');
}

/* ---- periods ---- */

static void
sums_add(struct sums *s, const struct stats_cell *cell)
{
	if (cell->what >= 0 && cell->what < STATS_COUNTS)
		s->counts[cell->what] += cell->count;
	else if (cell->what >= STATS_LATENCY && cell->what < STATS_LATENCY + STATS_LATENCY_COUNT)
		s->latency[cell->what - STATS_LATENCY] += cell->count;
}

static void
write_periods(struct json_w *w, const struct range *r, const struct db_unit *u, unsigned stmt)
{
	unsigned next = 0, count = stats_periods_count(u, stmt);

	json_w_open(w, "periods", '[');
	for (int64_t start_us = r->since_us; start_us < r->until_us; start_us += r->step_us) {
		struct sums sums = {{0}, {0}};
		struct stats_cell cell;

		for (; next < count; next++) {
			stats_periods_read(u, stmt, next, &cell);
			if (cell.start_us != start_us)
				break;
			sums_add(&sums, &cell);
		}
		json_w_open(w, NULL, '{');
		json_w_time(w, "start", start_us);
		stats_json_counts(w, sums.counts);
		write_latency(w, sums.latency);
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
}

static void
write_totals(struct json_w *w, const struct db_unit *u, unsigned stmt)
{
	struct sums sums = {{0}, {0}};
	struct stats_cell cell;

	for (unsigned i = 0; i < stats_periods_count(u, stmt); i++) {
		stats_periods_read(u, stmt, i, &cell);
		sums_add(&sums, &cell);
	}
	json_w_open(w, "totals", '{');
	stats_json_counts(w, sums.counts);
	json_w_close(w, '}');
	write_latency(w, sums.latency);
}

static void
write_queues(struct json_w *w, const struct db_unit *u, unsigned stmt)
{
	struct backlog_queue q;

	json_w_open(w, "queues", '[');
	for (unsigned i = 0; i < backlog_queues_count(u, stmt); i++) {
		backlog_queues_read(u, stmt, i, &q);
		stats_json_queue(w, &q);
	}
	json_w_close(w, ']');
}

enum { AT_PROGRESS, AT_PERIODS, AT_QUEUES };

static void
stats_done(struct gw_req *req, const struct db_unit *u)
{
	const struct range *r = req->user;
	struct stats_progress progress;
	struct json_w *w = gw_begin(req, "Statistics");

	stats_progress_read(u, AT_PROGRESS, &progress);
	json_w_open(w, GW_DATA, '{');
	json_w_time(w, "as_of", progress.done_us);
	json_w_str(w, "interval", r->is_daily ? S("day") : S("hour"));
	json_w_time(w, "since", r->since_us);
	json_w_time(w, "until", r->until_us);
	write_totals(w, u, AT_PERIODS);
	write_periods(w, r, u, AT_PERIODS);
	write_queues(w, u, AT_QUEUES);
	json_w_close(w, '}');
	gw_send(req, 200);
}

/* ---- the range ---- */

/* Down to a beginning of a period of UTC. */
static int64_t
period_floor(int64_t us, int64_t step_us)
{
	return us - us % step_us;
}

static void
range_read(struct gw_req *req, struct range *r)
{
	struct slice interval = gw_query(req, "interval");
	int64_t periods_max, periods_default, until_us;

	r->is_daily = slice_eq(interval, S("day"));
	if (interval.p != NULL && !r->is_daily && !slice_eq(interval, S("hour")))
		gw_field_error(req, "interval", "must be hour or day");
	r->step_us = r->is_daily ? DAY_US : STATS_HOUR_US;
	periods_max = r->is_daily ? DAYS_MAX : HOURS_MAX;
	periods_default = r->is_daily ? DAYS_DEFAULT : HOURS_DEFAULT;
	/* The period that `until` lies in is shown as far as it is counted. */
	until_us = filters_time(req, "until", clock_wall_us());
	r->until_us = period_floor(until_us - 1, r->step_us) + r->step_us;
	r->since_us = filters_time(req, "since", r->until_us - periods_default * r->step_us);
	r->since_us = period_floor(r->since_us, r->step_us);
	if (r->since_us < r->step_us || r->since_us >= r->until_us)
		gw_field_error(req, "since", "must be before until");
	else if (r->until_us - r->since_us > periods_max * r->step_us)
		gw_field_error(req, "since",
			       r->is_daily ? "at most 92 days before until"
					   : "at most 7 days before until; longer by interval=day");
}

static void
stats_get(struct gw_req *req)
{
	struct range *r = arena_alloc(req->a, sizeof(*r));
	struct db_unit *u;

	range_read(req, r);
	if (gw_refuse_fields(req))
		return;
	req->user = r;
	u = db_unit_new();
	stats_progress_add(u);
	stats_periods_add(u, req->who.company_id, r->is_daily, r->since_us, r->until_us);
	backlog_queues_add(u, &req->who.company_id, 1);
	gw_submit(req, req->gw->read, u, stats_done, NULL);
}

static const struct gw_field stats_query[] = {
	GW_FIELD("interval", STRING, .words = GW_WORDS("hour", "day"), .text = "hour without it"),
	GW_FIELD("since", TIME,
		 .text = "From the beginning of its period on; without it 24 hours or 30 days"),
	GW_FIELD("until", TIME, .text = "To the end of its period; without it now"),
	{.name = NULL},
};

static const struct gw_route stats_routes[] = {
	{HTTP_GET, "/api/stats", GW_COMPANY, 0, 0, stats_get,
	 GW_DOC("getStats", "Statistics", "Messages per hour or day, latency of sends, own queues",
		.text = "Counted by the time at which a message came to a status, in periods of "
			"UTC; "
			"at most 7 days of hours or 92 of days. The numbers are made every 30 s: "
			"as_of says how far they go.",
		.query = stats_query, .reply = &stats_schema)},
};

static const struct db_stmt_table *const stats_tables[] = {&stats_stmt_table, &backlog_stmt_table,
							   NULL};

const struct gw_module stats_module = {
	.routes = stats_routes,
	.route_count = GH_COUNT(stats_routes),
	.read_tables = stats_tables,
};
