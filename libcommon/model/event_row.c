#include "model/event_row.h"

#include "model/event_sql.h"

#define EVENT_COLUMNS "e.id, e.instance_id, e.message_id, e.type, e.occurred_at"

static const char event_get_sql[] = "SELECT " EVENT_COLUMNS ", e.facts FROM events e\n"
				    "WHERE e.id = $2 AND e.company_id = $1";

#define EVENT_WINDOW "SELECT e.id, e.instance_id, e.message_id, e.type " EVENT_RANGE_SQL
/* Of a window w. Absent filters are NULL. */
#define EVENT_MATCHES                                                                              \
	"($4::int4 IS NULL OR w.instance_id = $4)\n"                                               \
	"    AND ($5::int8 IS NULL OR $5 & (1::int8 << w.type) <> 0)\n"                            \
	"    AND ($6::int2 IS NULL AND $7::text IS NULL AND $8::text IS NULL\n"                    \
	"         OR EXISTS (SELECT 1 FROM messages m WHERE m.id = w.message_id\n"                 \
	"                      AND ($6 IS NULL OR m.direction = $6)\n"                             \
	"                      AND ($7 IS NULL OR m.chat_key = $7)\n"                              \
	"                      AND ($8 IS NULL OR m.reference = $8) OFFSET 0))\n"
#define EVENT_FILTER_TYPES DB_INT4, DB_UUID, DB_UUID, DB_INT4, DB_INT8, DB_INT2, DB_TEXT, DB_TEXT

/* One row more than the page has matches, at least one: the window's end is told with each. */
static const char event_list_sql[] =
	"WITH w AS MATERIALIZED (\n"
	"  (" EVENT_WINDOW "      AND NOT $12\n"
	"    ORDER BY e.company_id DESC, e.id DESC LIMIT $9)\n"
	"  UNION ALL\n"
	"  (" EVENT_WINDOW "      AND $12\n"
	"    ORDER BY e.company_id, e.id LIMIT $9)\n"
	"), hit AS MATERIALIZED (\n"
	"  (SELECT w.id FROM w WHERE NOT $12 AND " EVENT_MATCHES
	"   ORDER BY w.id DESC LIMIT $10 OFFSET $11)\n"
	"  UNION ALL\n"
	"  (SELECT w.id FROM w WHERE $12 AND " EVENT_MATCHES "   ORDER BY w.id LIMIT $10)\n"
	")\n"
	"SELECT e.*, (SELECT count(*) FROM w) = $9,\n"
	"    CASE WHEN $12 THEN (SELECT w.id FROM w ORDER BY w.id DESC LIMIT 1)\n"
	"         ELSE (SELECT w.id FROM w ORDER BY w.id LIMIT 1) END\n"
	"FROM (VALUES (1)) one\n"
	"LEFT JOIN hit h ON true\n"
	"LEFT JOIN LATERAL (SELECT " EVENT_COLUMNS ",\n"
	"      CASE WHEN octet_length(e.facts) <= 65536 THEN e.facts END\n"
	"    FROM events e WHERE e.id = h.id OFFSET 0) e ON true\n"
	"ORDER BY h.id DESC";

static const char event_count_sql[] =
	"SELECT count(*) FILTER (WHERE " EVENT_MATCHES "), count(*)\n"
	"FROM (" EVENT_WINDOW "    ORDER BY e.company_id DESC, e.id DESC LIMIT $9) w";
/* No filter: from the index alone. */
static const char event_count_all_sql[] =
	"SELECT count(*), count(*)\n"
	"FROM (SELECT 1 " EVENT_RANGE_SQL "    ORDER BY e.company_id DESC, e.id DESC LIMIT $4) w";

enum { EVENT_GET, EVENT_LIST, EVENT_COUNT, EVENT_COUNT_ALL };
enum { LIST_AT_IS_CUT = 6, LIST_AT_END };

static const struct db_stmt event_row_stmts[] = {
	[EVENT_GET] = {"event_get", event_get_sql, DB_TYPES(DB_INT4, DB_UUID)},
	[EVENT_LIST] = {"event_list", event_list_sql,
			DB_TYPES(EVENT_FILTER_TYPES, DB_INT8, DB_INT8, DB_INT8, DB_BOOL)},
	[EVENT_COUNT] = {"event_count", event_count_sql, DB_TYPES(EVENT_FILTER_TYPES, DB_INT8)},
	[EVENT_COUNT_ALL] = {"event_count_all", event_count_all_sql,
			     DB_TYPES(DB_INT4, DB_UUID, DB_UUID, DB_INT8)},
};
const struct db_stmt_table event_row_stmt_table = DB_STMT_TABLE(event_row_stmts);

void
event_get_add(struct db_unit *u, int32_t company_id, struct uuid id)
{
	struct db_params *p = db_unit_add(u, &event_row_stmts[EVENT_GET]);

	db_p_i32(p, company_id);
	db_p_uuid(p, id);
}

static void
event_row_read(const struct db_result *r, unsigned i, struct event_row *row)
{
	row->id = db_get_uuid(r, i, 0);
	row->instance_id = db_get_i32(r, i, 1);
	row->message_id = db_get_uuid(r, i, 2);
	row->type = (enum event_type)db_get_i32(r, i, 3);
	row->occurred_at_us = db_get_time_us(r, i, 4);
	row->facts = db_get_slice(r, i, 5);
}

bool
event_get_read(const struct db_unit *u, unsigned stmt, struct event_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	if (db_row_count(r) == 0)
		return false;
	event_row_read(r, 0, row);
	return true;
}

static bool
is_filtered(const struct event_filter *f)
{
	return f->instance_id != 0 || f->mask != 0 || f->direction >= 0 || f->chat_key.p != NULL ||
	       f->reference.p != NULL;
}

static struct db_params *
event_range_add(struct db_unit *u, unsigned stmt, const struct event_filter *f)
{
	struct db_params *p = db_unit_add(u, &event_row_stmts[stmt]);

	db_p_i32(p, f->company_id);
	db_p_uuid(p, f->from);
	db_p_uuid(p, f->before);
	return p;
}

static struct db_params *
event_filter_add(struct db_unit *u, unsigned stmt, const struct event_filter *f)
{
	struct db_params *p = event_range_add(u, stmt, f);

	if (f->instance_id == 0)
		db_p_null(p);
	else
		db_p_i32(p, f->instance_id);
	db_p_id(p, f->mask);
	if (f->direction < 0)
		db_p_null(p);
	else
		db_p_i16(p, (int16_t)f->direction);
	db_p_text(p, f->chat_key);
	db_p_text(p, f->reference);
	return p;
}

void
event_list_add(struct db_unit *u, const struct event_filter *f, unsigned limit, unsigned offset)
{
	struct db_params *p = event_filter_add(u, EVENT_LIST, f);

	db_p_i64(p, is_filtered(f) ? EVENT_WINDOW_MAX : (int64_t)limit + offset);
	db_p_i64(p, limit);
	db_p_i64(p, offset);
	db_p_bool(p, f->is_back);
}

unsigned
event_list_count(const struct db_unit *u, unsigned stmt)
{
	const struct db_result *r = db_unit_result(u, stmt);

	return db_is_null(r, 0, 0) ? 0 : db_row_count(r);
}

void
event_list_read(const struct db_unit *u, unsigned stmt, unsigned i, struct event_row *row)
{
	event_row_read(db_unit_result(u, stmt), i, row);
}

bool
event_list_is_cut(const struct db_unit *u, unsigned stmt, struct uuid *end)
{
	const struct db_result *r = db_unit_result(u, stmt);

	*end = db_get_uuid(r, 0, LIST_AT_END);
	return db_get_bool(r, 0, LIST_AT_IS_CUT);
}

void
event_count_add(struct db_unit *u, const struct event_filter *f)
{
	struct db_params *p = is_filtered(f) ? event_filter_add(u, EVENT_COUNT, f)
					     : event_range_add(u, EVENT_COUNT_ALL, f);

	db_p_i64(p, EVENT_WINDOW_MAX + 1);
}

int64_t
event_count_of(const struct db_unit *u, unsigned stmt, int64_t *examined)
{
	const struct db_result *r = db_unit_result(u, stmt);

	*examined = db_get_i64(r, 0, 1);
	return db_get_i64(r, 0, 0);
}
