#include "model/log_row.h"

static const char log_store_sql[] = "INSERT INTO logs (id, level, daemon, process, event, "
				    "company_id, instance_id, message_id,\n"
				    "    line)\n"
				    "SELECT * FROM unnest($1::uuid[], $2::int2[], $3::text[], "
				    "$4::text[], $5::text[], $6::int4[],\n"
				    "    $7::int4[], $8::uuid[], $9::text[])\n"
				    "ON CONFLICT (id) DO NOTHING";

/* Each scope has an index whose last column is the id. The range is one of row values, so that both
 * ends are bounds within that index, and no other one has the order; the id alone prunes the
 * partitions. */
#define LOG_IDS "l.id >= $2 AND l.id < $3"
#define LOG_RANGE_OF(column)                                                                       \
	"FROM logs l WHERE (l." column ", l.id) >= ($1, $2) AND (l." column ", l.id) < ($1, $3)\n" \
	"      AND l." column " IS NOT NULL AND " LOG_IDS
#define LOG_RANGE_ALL "FROM logs l WHERE " LOG_IDS

#define LOG_WINDOW                                                                                 \
	"SELECT l.id, l.level, l.daemon, l.event, l.company_id, l.instance_id, l.message_id "
/* Of a window w. Absent filters are NULL. */
#define LOG_MATCHES                                                                                \
	"w.level >= $4 AND ($5::int4 IS NULL OR w.company_id = $5)\n"                              \
	"    AND ($6::int4 IS NULL OR w.instance_id = $6)\n"                                       \
	"    AND ($7::uuid IS NULL OR w.message_id = $7)\n"                                        \
	"    AND ($8::text IS NULL OR w.daemon = $8) AND ($9::text IS NULL OR w.event = $9)\n"

/* One row at least: the window's end is told with each. */
#define LOG_LIST(range, down, up)                                                                  \
	"WITH w AS MATERIALIZED (\n"                                                               \
	"  (" LOG_WINDOW range " AND NOT $13\n"                                                    \
	"    ORDER BY " down " LIMIT $10)\n"                                                       \
	"  UNION ALL\n"                                                                            \
	"  (" LOG_WINDOW range " AND $13\n"                                                        \
	"    ORDER BY " up " LIMIT $10)\n"                                                         \
	"), hit AS MATERIALIZED (\n"                                                               \
	"  (SELECT w.id FROM w WHERE NOT $13 AND " LOG_MATCHES                                     \
	"   ORDER BY w.id DESC LIMIT $11 OFFSET $12)\n"                                            \
	"  UNION ALL\n"                                                                            \
	"  (SELECT w.id FROM w WHERE $13 AND " LOG_MATCHES "   ORDER BY w.id LIMIT $11)\n"         \
	")\n"                                                                                      \
	"SELECT r.*, (SELECT count(*) FROM w) = $10,\n"                                            \
	"    CASE WHEN $13 THEN (SELECT w.id FROM w ORDER BY w.id DESC LIMIT 1)\n"                 \
	"         ELSE (SELECT w.id FROM w ORDER BY w.id LIMIT 1) END\n"                           \
	"FROM (VALUES (1)) one\n"                                                                  \
	"LEFT JOIN hit h ON true\n"                                                                \
	"LEFT JOIN LATERAL (SELECT x.id, x.level, x.daemon, x.process, x.event, x.company_id,\n"   \
	"      x.instance_id, x.message_id, x.line\n"                                              \
	"    FROM logs x WHERE x.id = h.id OFFSET 0) r ON true\n"                                  \
	"ORDER BY h.id DESC"
#define LOG_COUNT(range, down)                                                                     \
	"SELECT count(*) FILTER (WHERE " LOG_MATCHES "), count(*)\n"                               \
	"FROM (" LOG_WINDOW range "\n    ORDER BY " down " LIMIT $10) w"

#define LOG_LIST_OF(column)                                                                        \
	LOG_LIST(LOG_RANGE_OF(column), "l." column " DESC, l.id DESC", "l." column ", l.id")
#define LOG_COUNT_OF(column) LOG_COUNT(LOG_RANGE_OF(column), "l." column " DESC, l.id DESC")

static const char log_list_all_sql[] = LOG_LIST(LOG_RANGE_ALL, "l.id DESC", "l.id");
static const char log_list_company_sql[] = LOG_LIST_OF("company_id");
static const char log_list_instance_sql[] = LOG_LIST_OF("instance_id");
static const char log_list_message_sql[] = LOG_LIST_OF("message_id");
static const char log_count_all_sql[] = LOG_COUNT(LOG_RANGE_ALL, "l.id DESC");
static const char log_count_company_sql[] = LOG_COUNT_OF("company_id");
static const char log_count_instance_sql[] = LOG_COUNT_OF("instance_id");
static const char log_count_message_sql[] = LOG_COUNT_OF("message_id");

enum log_scope { SCOPE_ALL, SCOPE_COMPANY, SCOPE_INSTANCE, SCOPE_MESSAGE };
enum { LOG_STORE, LOG_LIST_AT, LOG_COUNT_AT = LOG_LIST_AT + SCOPE_MESSAGE + 1 };
enum { LIST_AT_IS_CUT = 9, LIST_AT_END };

#define LOG_FILTER_TYPES                                                                           \
	DB_UUID, DB_UUID, DB_INT2, DB_INT4, DB_INT4, DB_UUID, DB_TEXT, DB_TEXT, DB_INT8
#define LIST_TYPES(scope)  DB_TYPES(scope, LOG_FILTER_TYPES, DB_INT8, DB_INT8, DB_BOOL)
#define COUNT_TYPES(scope) DB_TYPES(scope, LOG_FILTER_TYPES)

static const struct db_stmt log_row_stmts[] = {
	[LOG_STORE] = {"log_store", log_store_sql,
		       DB_TYPES(DB_UUID_ARRAY, DB_INT2_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY,
				DB_TEXT_ARRAY, DB_INT4_ARRAY, DB_INT4_ARRAY, DB_UUID_ARRAY,
				DB_TEXT_ARRAY)},
	[LOG_LIST_AT + SCOPE_ALL] = {"log_list_all", log_list_all_sql, LIST_TYPES(DB_INT4)},
	[LOG_LIST_AT +
		SCOPE_COMPANY] = {"log_list_company", log_list_company_sql, LIST_TYPES(DB_INT4)},
	[LOG_LIST_AT +
		SCOPE_INSTANCE] = {"log_list_instance", log_list_instance_sql, LIST_TYPES(DB_INT4)},
	[LOG_LIST_AT +
		SCOPE_MESSAGE] = {"log_list_message", log_list_message_sql, LIST_TYPES(DB_UUID)},
	[LOG_COUNT_AT + SCOPE_ALL] = {"log_count_all", log_count_all_sql, COUNT_TYPES(DB_INT4)},
	[LOG_COUNT_AT +
		SCOPE_COMPANY] = {"log_count_company", log_count_company_sql, COUNT_TYPES(DB_INT4)},
	[LOG_COUNT_AT + SCOPE_INSTANCE] = {"log_count_instance", log_count_instance_sql,
					   COUNT_TYPES(DB_INT4)},
	[LOG_COUNT_AT +
		SCOPE_MESSAGE] = {"log_count_message", log_count_message_sql, COUNT_TYPES(DB_UUID)},
};
const struct db_stmt_table log_row_stmt_table = DB_STMT_TABLE(log_row_stmts);

void
log_store_add(struct db_unit *u, const struct log_row *const *rows, unsigned count)
{
	struct db_params *p;
	struct db_arr *id, *level, *daemon, *process, *event, *company, *instance, *message, *line;

	if (count == 0 || count > LOG_STORE_MAX)
		gh_panic("log_store_add: %u rows", count);
	p = db_unit_add(u, &log_row_stmts[LOG_STORE]);
	id = db_p_array(p, DB_UUID, count);
	level = db_p_array(p, DB_INT2, count);
	daemon = db_p_array(p, DB_TEXT, count);
	process = db_p_array(p, DB_TEXT, count);
	event = db_p_array(p, DB_TEXT, count);
	company = db_p_array(p, DB_INT4, count);
	instance = db_p_array(p, DB_INT4, count);
	message = db_p_array(p, DB_UUID, count);
	line = db_p_array(p, DB_TEXT, count);
	for (unsigned i = 0; i < count; i++) {
		const struct log_row *row = rows[i];

		db_arr_uuid(id, row->id);
		db_arr_i16(level, (int16_t)row->level);
		db_arr_text(daemon, row->daemon);
		db_arr_text(process, row->process);
		db_arr_text(event, row->event);
		if (row->company_id != 0)
			db_arr_i32(company, row->company_id);
		else
			db_arr_null(company);
		if (row->instance_id != 0)
			db_arr_i32(instance, row->instance_id);
		else
			db_arr_null(instance);
		db_arr_uuid_opt(message, row->message_id);
		db_arr_text(line, row->line);
	}
}

/* ---- lists ---- */

static void
id_or_null(struct db_params *p, int32_t id)
{
	if (id == 0)
		db_p_null(p);
	else
		db_p_i32(p, id);
}

static struct db_params *
log_filter_add(struct db_unit *u, unsigned base, const struct log_filter *f, unsigned window)
{
	enum log_scope scope = !uuid_is_nil(f->message_id) ? SCOPE_MESSAGE
			       : f->instance_id != 0       ? SCOPE_INSTANCE
			       : f->company_id != 0        ? SCOPE_COMPANY
							   : SCOPE_ALL;
	struct db_params *p = db_unit_add(u, &log_row_stmts[base + scope]);

	if (scope == SCOPE_MESSAGE)
		db_p_uuid(p, f->message_id);
	else
		id_or_null(p, scope == SCOPE_INSTANCE ? f->instance_id : f->company_id);
	db_p_uuid(p, f->from);
	db_p_uuid(p, f->before);
	db_p_i16(p, (int16_t)f->level);
	id_or_null(p, f->company_id);
	id_or_null(p, f->instance_id);
	db_p_uuid_opt(p, f->message_id);
	db_p_text(p, f->daemon);
	db_p_text(p, f->event);
	db_p_i64(p, window);
	return p;
}

void
log_list_add(struct db_unit *u, const struct log_filter *f, unsigned limit, unsigned offset)
{
	struct db_params *p = log_filter_add(u, LOG_LIST_AT, f, LOG_WINDOW_MAX);

	db_p_i64(p, limit);
	db_p_i64(p, offset);
	db_p_bool(p, f->is_back);
}

unsigned
log_list_count(const struct db_unit *u, unsigned stmt)
{
	const struct db_result *r = db_unit_result(u, stmt);

	return db_is_null(r, 0, 0) ? 0 : db_row_count(r);
}

void
log_list_read(const struct db_unit *u, unsigned stmt, unsigned i, struct log_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->id = db_get_uuid(r, i, 0);
	row->level = (enum log_level)db_get_i32(r, i, 1);
	row->daemon = db_get_slice(r, i, 2);
	row->process = db_get_slice(r, i, 3);
	row->event = db_get_slice(r, i, 4);
	row->company_id = db_get_i32(r, i, 5);
	row->instance_id = db_get_i32(r, i, 6);
	row->message_id = db_get_uuid(r, i, 7);
	row->line = db_get_slice(r, i, 8);
}

bool
log_list_is_cut(const struct db_unit *u, unsigned stmt, struct uuid *end)
{
	const struct db_result *r = db_unit_result(u, stmt);

	*end = db_get_uuid(r, 0, LIST_AT_END);
	return db_get_bool(r, 0, LIST_AT_IS_CUT);
}

void
log_count_add(struct db_unit *u, const struct log_filter *f)
{
	log_filter_add(u, LOG_COUNT_AT, f, LOG_WINDOW_MAX + 1);
}

int64_t
log_count_of(const struct db_unit *u, unsigned stmt, int64_t *examined)
{
	const struct db_result *r = db_unit_result(u, stmt);

	*examined = db_get_i64(r, 0, 1);
	return db_get_i64(r, 0, 0);
}
