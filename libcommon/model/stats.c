#include "model/stats.h"

const int64_t stats_latency_ms[STATS_LATENCY_COUNT - 1] = {
	1,    2,    3,     5,     7,     10,    15,     20,     30,     50,
	70,   100,  150,   200,   300,   500,   700,    1000,   1500,   2000,
	3000, 5000, 10000, 20000, 30000, 60000, 120000, 300000, 900000, 3600000,
};

const char *
stats_name(enum stats_what what)
{
	static const char *const names[STATS_COUNTS] = {
		[STATS_ACCEPTED] = "accepted",   [STATS_RECEIVED] = "received",
		[STATS_SENT] = "sent",           [STATS_DELIVERED] = "delivered",
		[STATS_READ] = "read",           [STATS_PLAYED] = "played",
		[STATS_FAILED] = "failed",       [STATS_IN_DOUBT] = "in_doubt",
		[STATS_CANCELLED] = "cancelled",
	};

	return names[what];
}

static const char stats_progress_sql[] = "SELECT done_until, now() FROM stats_progress";

/* Everything is written only with the progress: the statement of another leader waits for this row,
 * and then finds it elsewhere. */
#define STATS_EVENTS "e.id >= growhub_uuid7_floor($1) AND e.id < growhub_uuid7_floor($2)"
static const char stats_fold_sql[] =
	"WITH done AS (\n"
	"  UPDATE stats_progress SET done_until = $2 WHERE done_until = $1 RETURNING 1\n"
	"), counted AS MATERIALIZED (\n"
	"  SELECT m.company_id, CASE m.direction WHEN 0 THEN 1 ELSE 2 END AS what, count(*) AS n\n"
	"  FROM messages m\n"
	"  WHERE m.id >= growhub_uuid7_floor($1) AND m.id < growhub_uuid7_floor($2)\n"
	"    AND (m.direction = 1 OR m.origin = 0)\n"
	"  GROUP BY 1, 2\n"
	"  UNION ALL\n"
	"  SELECT e.company_id, CASE e.type WHEN 10 THEN 9 WHEN 11 THEN 7 ELSE e.type END,\n"
	"      count(*)\n"
	"  FROM events e\n"
	"  WHERE " STATS_EVENTS " AND e.type IN (3, 4, 5, 6, 7, 8, 10, 11)\n"
	"  GROUP BY 1, 2\n"
	"  UNION ALL\n"
	"  SELECT e.company_id, 64 + width_bucket((extract(epoch FROM\n"
	"      CASE WHEN m.scheduled_at > e.occurred_at - d.took THEN e.occurred_at - "
	"m.scheduled_at\n"
	"           ELSE d.took END) * 1000)::int8, $3::int8[]), count(*)\n"
	"  FROM events e CROSS JOIN LATERAL (\n"
	"    SELECT e.occurred_at - growhub_uuid7_time(e.message_id) AS took OFFSET 0) d\n"
	/* What was sent at once did not wait for a time of its own: its message is not read. */
	"  LEFT JOIN LATERAL (\n"
	"    SELECT x.scheduled_at FROM messages x\n"
	"    WHERE x.id = e.message_id AND d.took > interval '1 s' OFFSET 0) m ON true\n"
	"  WHERE " STATS_EVENTS " AND e.type = 3\n"
	"  GROUP BY 1, 2\n"
	"  UNION ALL\n"
	"  SELECT w.company_id, CASE WHEN a.error IS NULL THEN 10 ELSE 11 END, count(*)\n"
	"  FROM webhook_attempts a CROSS JOIN LATERAL (\n"
	"    SELECT x.company_id FROM instance_webhooks x WHERE x.id = a.endpoint_id OFFSET 0) w\n"
	"  WHERE a.at >= $1 AND a.at < $2\n"
	"  GROUP BY 1, 2\n"
	"), hours AS (\n"
	"  INSERT INTO stats_hours AS h (company_id, hour, what, n)\n"
	"  SELECT c.company_id, date_trunc('hour', $1, 'UTC'), c.what, c.n FROM counted c, done\n"
	"  ORDER BY c.company_id, c.what\n"
	"  ON CONFLICT (company_id, hour, what) DO UPDATE SET n = h.n + excluded.n\n"
	")\n"
	"INSERT INTO stats_totals AS t (company_id, what, n)\n"
	"SELECT c.company_id, c.what, c.n FROM counted c, done WHERE c.what < 64\n"
	"ORDER BY c.company_id, c.what\n"
	"ON CONFLICT (company_id, what) DO UPDATE SET n = t.n + excluded.n";

/* A range of row values: the other index would find the hours of all companies. */
static const char stats_periods_sql[] =
	"SELECT date_trunc($2, hour, 'UTC'), what, sum(n)::int8 FROM stats_hours\n"
	"WHERE (company_id, hour) >= ($1, $3) AND (company_id, hour) < ($1, $4)\n"
	"GROUP BY 1, 2 ORDER BY 1, 2";

static const char stats_totals_sql[] =
	"SELECT company_id, what, n FROM stats_totals WHERE company_id = ANY ($1::int4[])\n"
	"ORDER BY company_id, what";

enum { STATS_PROGRESS, STATS_FOLD, STATS_PERIODS, STATS_TOTALS };

static const struct db_stmt stats_stmts[] = {
	[STATS_PROGRESS] = {"stats_progress", stats_progress_sql, DB_NO_PARAMS},
	[STATS_FOLD] = {"stats_fold", stats_fold_sql,
			DB_TYPES(DB_TIMESTAMPTZ, DB_TIMESTAMPTZ, DB_INT8_ARRAY)},
	[STATS_PERIODS] = {"stats_periods", stats_periods_sql,
			   DB_TYPES(DB_INT4, DB_TEXT, DB_TIMESTAMPTZ, DB_TIMESTAMPTZ)},
	[STATS_TOTALS] = {"stats_totals", stats_totals_sql, DB_TYPES(DB_INT4_ARRAY)},
};
const struct db_stmt_table stats_stmt_table = DB_STMT_TABLE(stats_stmts);

/* ---- rolling up ---- */

void
stats_progress_add(struct db_unit *u)
{
	db_unit_add(u, &stats_stmts[STATS_PROGRESS]);
}

void
stats_progress_read(const struct db_unit *u, unsigned stmt, struct stats_progress *out)
{
	const struct db_result *r = db_unit_result(u, stmt);

	out->done_us = db_get_time_us(r, 0, 0);
	out->now_us = db_get_time_us(r, 0, 1);
}

void
stats_fold_add(struct db_unit *u, int64_t from_us, int64_t to_us)
{
	struct db_params *p = db_unit_add(u, &stats_stmts[STATS_FOLD]);
	struct db_arr *bounds;

	if (from_us >= to_us || from_us / STATS_HOUR_US != (to_us - 1) / STATS_HOUR_US)
		gh_panic("stats_fold_add: more than one hour");
	db_p_time_us(p, from_us);
	db_p_time_us(p, to_us);
	bounds = db_p_array(p, DB_INT8, GH_COUNT(stats_latency_ms));
	for (unsigned i = 0; i < GH_COUNT(stats_latency_ms); i++)
		db_arr_i64(bounds, stats_latency_ms[i]);
}

/* ---- reading ---- */

void
stats_periods_add(struct db_unit *u, int32_t company_id, bool is_daily, int64_t from_us,
		  int64_t to_us)
{
	struct db_params *p = db_unit_add(u, &stats_stmts[STATS_PERIODS]);

	db_p_i32(p, company_id);
	db_p_text(p, is_daily ? S("day") : S("hour"));
	db_p_time_us(p, from_us);
	db_p_time_us(p, to_us);
}

unsigned
stats_periods_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
stats_periods_read(const struct db_unit *u, unsigned stmt, unsigned i, struct stats_cell *out)
{
	const struct db_result *r = db_unit_result(u, stmt);

	out->start_us = db_get_time_us(r, i, 0);
	out->what = db_get_i32(r, i, 1);
	out->count = db_get_i64(r, i, 2);
}

void
stats_totals_add(struct db_unit *u, const int32_t *company_ids, unsigned count)
{
	struct db_arr *ids = db_p_array(db_unit_add(u, &stats_stmts[STATS_TOTALS]), DB_INT4, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_i32(ids, company_ids[i]);
}

unsigned
stats_totals_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
stats_totals_read(const struct db_unit *u, unsigned stmt, unsigned i, struct stats_total *out)
{
	const struct db_result *r = db_unit_result(u, stmt);

	out->company_id = db_get_i32(r, i, 0);
	out->what = db_get_i32(r, i, 1);
	out->count = db_get_i64(r, i, 2);
}
