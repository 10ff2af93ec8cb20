#include "model/delivery_row.h"

#include "model/event_sql.h"

#define DELIVERY_COLUMNS                                                                           \
	"d.event_id, e.type, d.state, d.attempts, d.available_at, d.last_status, d.last_error,\n"  \
	"    d.completed_at, a.attempt, a.at, a.duration_ms, a.status, a.error,\n"                 \
	"    a.response_excerpt, a.is_manual\n"
#define DELIVERY_LAST_ATTEMPT                                                                      \
	"  LEFT JOIN LATERAL (SELECT * FROM webhook_attempts t\n"                                  \
	"    WHERE t.event_id = d.event_id AND t.endpoint_id = d.endpoint_id\n"                    \
	"    ORDER BY t.at DESC LIMIT 1) a ON true\n"
#define DELIVERY_OF(event, endpoint)                                                               \
	"(SELECT * FROM webhook_deliveries x\n"                                                    \
	"    WHERE x.event_id = " event " AND x.endpoint_id = " endpoint " OFFSET 0) d\n"
#define WINDOW(condition, order)                                                                   \
	"(SELECT e.company_id, e.id, e.type " EVENT_RANGE_SQL "      AND " condition "\n"          \
	"    " order " LIMIT 10000) e\n"
#define DOWN "ORDER BY e.company_id DESC, e.id DESC"
#define UP   "ORDER BY e.company_id, e.id"

/* Pages forward and backward, of which $7 leaves one. */
static const char delivery_list_sql[] =
	"SELECT * FROM (\n"
	"  (SELECT " DELIVERY_COLUMNS
	"  FROM " WINDOW("NOT $7", DOWN) "  CROSS JOIN LATERAL " DELIVERY_OF("e.id", "$4")
		DELIVERY_LAST_ATTEMPT
	"  " DOWN " LIMIT $5 OFFSET $6)\n"
	"  UNION ALL\n"
	"  (SELECT " DELIVERY_COLUMNS
	"  FROM " WINDOW("$7", UP) "  CROSS JOIN LATERAL " DELIVERY_OF("e.id", "$4")
		DELIVERY_LAST_ATTEMPT "  " UP " LIMIT $5)) page\n"
				      "ORDER BY event_id DESC";

static const char delivery_end_sql[] =
	"(SELECT e.id " EVENT_RANGE_SQL "      AND NOT $4 " DOWN " OFFSET 9999 LIMIT 1)\n"
	"UNION ALL\n"
	"(SELECT e.id " EVENT_RANGE_SQL "      AND $4 " UP " OFFSET 9999 LIMIT 1)";

static const char delivery_count_sql[] =
	"SELECT count(d.one), count(*)\n"
	"FROM (SELECT e.id " EVENT_RANGE_SQL "    " DOWN " LIMIT 10001) e\n"
	"LEFT JOIN LATERAL (SELECT 1 AS one FROM webhook_deliveries x\n"
	"    WHERE x.event_id = e.id AND x.endpoint_id = $4 OFFSET 0) d ON true";

static const char delivery_get_sql[] = "SELECT " DELIVERY_COLUMNS "FROM " DELIVERY_OF(
	"$2", "$1") "JOIN events e ON e.id = d.event_id\n" DELIVERY_LAST_ATTEMPT;

/* IS DISTINCT FROM: `state <> 1` would offer the indexes of states instead of the key. */
static const char delivery_retry_sql[] =
	"WITH due AS (\n"
	"  UPDATE webhook_deliveries d SET state = 0, available_at = now(),\n"
	"      manual_due = CASE WHEN d.manual_from IS NULL THEN d.available_at\n"
	"                        ELSE d.manual_due END,\n"
	"      manual_from = coalesce(d.manual_from, d.state)\n"
	"  WHERE d.event_id = $3 AND d.endpoint_id = $2 AND d.company_id = $1\n"
	"    AND d.state IS DISTINCT FROM 1\n"
	"  RETURNING d.company_id, d.endpoint_id\n"
	"), hint AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"  SELECT 3, 2, d.company_id, d.endpoint_id FROM due d\n"
	")\n"
	"SELECT 1 FROM due";

enum { DELIVERY_LIST, DELIVERY_END, DELIVERY_COUNT, DELIVERY_GET, DELIVERY_RETRY_NOW };

static const struct db_stmt delivery_row_stmts[] = {
	[DELIVERY_LIST] = {"delivery_list", delivery_list_sql,
			   DB_TYPES(DB_INT4, DB_UUID, DB_UUID, DB_INT4, DB_INT8, DB_INT8, DB_BOOL)},
	[DELIVERY_END] = {"delivery_end", delivery_end_sql,
			  DB_TYPES(DB_INT4, DB_UUID, DB_UUID, DB_BOOL)},
	[DELIVERY_COUNT] = {"delivery_count", delivery_count_sql,
			    DB_TYPES(DB_INT4, DB_UUID, DB_UUID, DB_INT4)},
	[DELIVERY_GET] = {"delivery_get", delivery_get_sql, DB_TYPES(DB_INT4, DB_UUID)},
	[DELIVERY_RETRY_NOW] = {"delivery_retry", delivery_retry_sql,
				DB_TYPES(DB_INT4, DB_INT4, DB_UUID)},
};
const struct db_stmt_table delivery_row_stmt_table = DB_STMT_TABLE(delivery_row_stmts);

static struct db_params *
delivery_range_add(struct db_unit *u, unsigned stmt, const struct delivery_filter *f)
{
	struct db_params *p = db_unit_add(u, &delivery_row_stmts[stmt]);

	db_p_i32(p, f->company_id);
	db_p_uuid(p, f->from);
	db_p_uuid(p, f->before);
	return p;
}

void
delivery_list_add(struct db_unit *u, const struct delivery_filter *f, unsigned limit,
		  unsigned offset)
{
	struct db_params *p = delivery_range_add(u, DELIVERY_LIST, f);

	db_p_i32(p, f->endpoint_id);
	db_p_i64(p, limit);
	db_p_i64(p, offset);
	db_p_bool(p, f->is_back);
	db_p_bool(delivery_range_add(u, DELIVERY_END, f), f->is_back);
}

bool
delivery_list_is_cut(const struct db_unit *u, unsigned stmt, struct uuid *end)
{
	const struct db_result *r = db_unit_result(u, stmt + 1);
	bool is_cut = db_row_count(r) > 0;

	*end = is_cut ? db_get_uuid(r, 0, 0) : (struct uuid){0};
	return is_cut;
}

void
delivery_count_add(struct db_unit *u, const struct delivery_filter *f)
{
	db_p_i32(delivery_range_add(u, DELIVERY_COUNT, f), f->endpoint_id);
}

int64_t
delivery_count_of(const struct db_unit *u, unsigned stmt, int64_t *examined)
{
	const struct db_result *r = db_unit_result(u, stmt);

	*examined = db_get_i64(r, 0, 1);
	return db_get_i64(r, 0, 0);
}

void
delivery_get_add(struct db_unit *u, int32_t endpoint_id, struct uuid event_id)
{
	struct db_params *p = db_unit_add(u, &delivery_row_stmts[DELIVERY_GET]);

	db_p_i32(p, endpoint_id);
	db_p_uuid(p, event_id);
}

unsigned
delivery_row_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
delivery_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct delivery_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->event_id = db_get_uuid(r, i, 0);
	row->type = (enum event_type)db_get_i32(r, i, 1);
	row->state = (enum delivery_state)db_get_i32(r, i, 2);
	row->attempts = db_get_i32(r, i, 3);
	row->available_at_us = db_get_time_us(r, i, 4);
	row->last_status = db_get_i32(r, i, 5);
	row->last_error = db_get_slice(r, i, 6);
	row->completed_at_us = db_get_time_us(r, i, 7);
	row->has_attempt = !db_is_null(r, i, 8);
	row->attempt = db_get_i32(r, i, 8);
	row->at_us = db_get_time_us(r, i, 9);
	row->duration_ms = db_get_i32(r, i, 10);
	row->status = db_get_i32(r, i, 11);
	row->error = db_get_slice(r, i, 12);
	row->excerpt = db_get_slice(r, i, 13);
	row->is_manual = db_get_bool(r, i, 14);
}

void
delivery_retry_add(struct db_unit *u, int32_t company_id, int32_t endpoint_id, struct uuid event_id)
{
	struct db_params *p = db_unit_add(u, &delivery_row_stmts[DELIVERY_RETRY_NOW]);

	db_p_i32(p, company_id);
	db_p_i32(p, endpoint_id);
	db_p_uuid(p, event_id);
}

bool
delivery_retry_done(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt)) > 0;
}
