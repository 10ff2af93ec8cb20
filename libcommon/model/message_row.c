#include "model/message_row.h"

#include "base/arena.h"

#define MESSAGE_COLUMNS                                                                            \
	"m.id, m.company_id, m.instance_id, m.direction, m.status, m.kind, m.priority,\n"          \
	"       m.attempts, m.to_requested, m.phone_from, m.content, m.media_url, "                \
	"m.external_id,\n"                                                                         \
	"       m.reference, m.error_code, m.error_message, m.scheduled_at, m.sent_at,\n"          \
	"       m.delivered_at, m.read_at, m.origin\n"

/*
 * A list is a range of one index: of the company's messages, a chat's, or those of a reference. Its
 * last key and the id are one row value, so that both ends are bounds within the index however
 * deep a page lies; the id alone prunes the partitions. What a list is of is a range too, and its
 * order begins with it, so that no other index has the order: for "company_id = $1 ORDER BY id"
 * the planner takes the primary key backwards where statistics call the company large, and walks
 * through whatever all others have sent since. A row value alone says too little of how few rows
 * a chat has: another index and a sort then look cheap.
 */
#define MESSAGE_IDS "      AND m.id >= $2 AND m.id < $3\n"
#define MESSAGE_COMPANY                                                                            \
	"WHERE (m.company_id, m.id) >= ($1, $2) AND (m.company_id, m.id) < ($1, $3)\n" MESSAGE_IDS
#define MESSAGE_KEY(key, n)                                                                        \
	"WHERE m.company_id = $1 AND " key " >= " n " AND " key " <= " n "\n"                      \
	"      AND (" key ", m.id) >= (" n ", $2) AND (" key ", m.id) < (" n ", $3)\n" MESSAGE_IDS
#define MESSAGE_CHAT(n)        MESSAGE_KEY("m.chat_key", n)
#define MESSAGE_REFERENCE(n)   MESSAGE_KEY("m.reference", n)
#define MESSAGE_COMPANY_DOWN   "ORDER BY m.company_id DESC, m.id DESC"
#define MESSAGE_COMPANY_UP     "ORDER BY m.company_id, m.id"
#define MESSAGE_CHAT_DOWN      "ORDER BY m.chat_key DESC, m.id DESC"
#define MESSAGE_CHAT_UP        "ORDER BY m.chat_key, m.id"
#define MESSAGE_REFERENCE_DOWN "ORDER BY m.reference DESC, m.id DESC"
#define MESSAGE_REFERENCE_UP   "ORDER BY m.reference, m.id"

/* Absent filters are NULL. */
#define MESSAGE_FILTERS                                                                            \
	"    ($4::int4 IS NULL OR m.instance_id = $4)\n"                                           \
	"  AND ($5::int2 IS NULL OR m.status = $5)\n"                                              \
	"  AND ($6::int2 IS NULL OR m.direction = $6)\n"                                           \
	"  AND ($7::text IS NULL OR m.chat_key = $7)\n"
#define MESSAGE_FILTER_TYPES DB_INT4, DB_UUID, DB_UUID, DB_INT4, DB_INT2, DB_INT2, DB_TEXT

static const char message_get_sql[] = "SELECT " MESSAGE_COLUMNS "FROM messages m\n"
				      "WHERE m.id = $2 AND m.company_id = $1";

/*
 * $8 LIMIT, $9 OFFSET of what matches among the nearest $10 of the range: a filter that matches
 * little does not read a company's whole history. Reading stops with the page. Each way has its
 * own statement: half of a plan that is not needed is made ready all the same.
 */
#define MESSAGE_PAGE(range, order)                                                                 \
	"SELECT " MESSAGE_COLUMNS "FROM (SELECT * FROM messages m\n    " range "      " order      \
	" LIMIT $10) m\nWHERE\n" MESSAGE_FILTERS order " LIMIT $8 OFFSET $9"
#define MESSAGE_PAGE_BACK(range, order)                                                            \
	"SELECT * FROM (" MESSAGE_PAGE(range, order) ") page\nORDER BY id DESC"

static const char message_list_sql[] = MESSAGE_PAGE(MESSAGE_COMPANY, MESSAGE_COMPANY_DOWN);
static const char message_list_chat_sql[] = MESSAGE_PAGE(MESSAGE_CHAT("$11"), MESSAGE_CHAT_DOWN);
static const char message_list_reference_sql[] =
	MESSAGE_PAGE(MESSAGE_REFERENCE("$11"), MESSAGE_REFERENCE_DOWN);
static const char message_back_sql[] = MESSAGE_PAGE_BACK(MESSAGE_COMPANY, MESSAGE_COMPANY_UP);
static const char message_back_chat_sql[] = MESSAGE_PAGE_BACK(MESSAGE_CHAT("$11"), MESSAGE_CHAT_UP);
static const char message_back_reference_sql[] =
	MESSAGE_PAGE_BACK(MESSAGE_REFERENCE("$11"), MESSAGE_REFERENCE_UP);

/* A count examines the newest $8 rows and no more, whether they match or not, for the same
 * reason. */
#define MESSAGE_COUNT_FROM(range, order)                                                           \
	"SELECT count(*) FILTER (WHERE\n" MESSAGE_FILTERS "), count(*)\n"                          \
	"FROM (SELECT m.instance_id, m.status, m.direction, m.chat_key\n"                          \
	"      FROM messages m\n    " range "      " order " LIMIT $8) m"
/* No filter: from the index alone. */
#define MESSAGE_COUNT_ALL_FROM(range, order)                                                       \
	"SELECT count(*), count(*)\n"                                                              \
	"FROM (SELECT 1 FROM messages m\n    " range "      " order " LIMIT $4) m"

static const char message_count_sql[] = MESSAGE_COUNT_FROM(MESSAGE_COMPANY, MESSAGE_COMPANY_DOWN);
static const char message_count_chat_sql[] =
	MESSAGE_COUNT_FROM(MESSAGE_CHAT("$9"), MESSAGE_CHAT_DOWN);
static const char message_count_reference_sql[] =
	MESSAGE_COUNT_FROM(MESSAGE_REFERENCE("$9"), MESSAGE_REFERENCE_DOWN);
static const char message_count_all_sql[] =
	MESSAGE_COUNT_ALL_FROM(MESSAGE_COMPANY, MESSAGE_COMPANY_DOWN);
static const char message_count_all_chat_sql[] =
	MESSAGE_COUNT_ALL_FROM(MESSAGE_CHAT("$5"), MESSAGE_CHAT_DOWN);
static const char message_count_all_reference_sql[] =
	MESSAGE_COUNT_ALL_FROM(MESSAGE_REFERENCE("$5"), MESSAGE_REFERENCE_DOWN);

/* 4: MSG_SENT, with which everything that ends a send begins. */
static const char message_watch_sql[] =
	"SELECT x.* FROM unnest($1::uuid[], $2::bool[]) AS w(id, is_wanted)\n"
	"CROSS JOIN LATERAL (SELECT " MESSAGE_COLUMNS "FROM messages m\n"
	"  WHERE m.id = w.id AND (m.status >= 4 OR w.is_wanted) OFFSET 0) x";

static const char message_steps_sql[] =
	"SELECT at, from_status, to_status, attempt, daemon, reason\n"
	"FROM message_transitions WHERE message_id = $1\n"
	"ORDER BY at";

/* What a list is a range of, and its statements: MESSAGE_LIST + by, .. */
enum message_by { BY_COMPANY, BY_CHAT, BY_REFERENCE, BY_COUNT };
enum {
	MESSAGE_GET,
	MESSAGE_STEPS,
	MESSAGE_WATCH,
	MESSAGE_LIST,
	MESSAGE_BACK = MESSAGE_LIST + BY_COUNT,
	MESSAGE_MATCHES = MESSAGE_BACK + BY_COUNT,
	MESSAGE_ALL = MESSAGE_MATCHES + BY_COUNT
};

#define MESSAGE_LIST_TYPES  MESSAGE_FILTER_TYPES, DB_INT8, DB_INT8, DB_INT8
#define MESSAGE_COUNT_TYPES MESSAGE_FILTER_TYPES, DB_INT8
#define MESSAGE_ALL_TYPES   DB_INT4, DB_UUID, DB_UUID, DB_INT8

#define MESSAGE_STMTS(at, name, ...)                                                               \
	[(at) + BY_COMPANY] = {"message_" #name, message_##name##_sql, DB_TYPES(__VA_ARGS__)},     \
		[(at) + BY_CHAT] = {"message_" #name "_chat", message_##name##_chat_sql,           \
				    DB_TYPES(__VA_ARGS__, DB_TEXT)},                               \
		[(at) + BY_REFERENCE] = {"message_" #name "_reference",                            \
					 message_##name##_reference_sql,                           \
					 DB_TYPES(__VA_ARGS__, DB_TEXT)}

static const struct db_stmt message_row_stmts[] = {
	[MESSAGE_GET] = {"message_get", message_get_sql, DB_TYPES(DB_INT4, DB_UUID)},
	[MESSAGE_STEPS] = {"message_steps", message_steps_sql, DB_TYPES(DB_UUID)},
	[MESSAGE_WATCH] = {"message_watch", message_watch_sql,
			   DB_TYPES(DB_UUID_ARRAY, DB_BOOL_ARRAY)},
	MESSAGE_STMTS(MESSAGE_LIST, list, MESSAGE_LIST_TYPES),
	MESSAGE_STMTS(MESSAGE_BACK, back, MESSAGE_LIST_TYPES),
	MESSAGE_STMTS(MESSAGE_MATCHES, count, MESSAGE_COUNT_TYPES),
	MESSAGE_STMTS(MESSAGE_ALL, count_all, MESSAGE_ALL_TYPES),
};
const struct db_stmt_table message_row_stmt_table = DB_STMT_TABLE(message_row_stmts);

void
message_get_add(struct db_unit *u, int32_t company_id, struct uuid id)
{
	struct db_params *p = db_unit_add(u, &message_row_stmts[MESSAGE_GET]);

	db_p_i32(p, company_id);
	db_p_uuid(p, id);
}

static void
i16_or_null(struct db_params *p, int v)
{
	if (v < 0)
		db_p_null(p);
	else
		db_p_i16(p, (int16_t)v);
}

static struct db_params *
message_range_add(struct db_unit *u, unsigned stmt, const struct message_filter *f)
{
	struct db_params *p = db_unit_add(u, &message_row_stmts[stmt]);

	db_p_i32(p, f->company_id);
	db_p_uuid(p, f->from);
	db_p_uuid(p, f->before);
	return p;
}

static struct db_params *
message_filter_add(struct db_unit *u, unsigned stmt, const struct message_filter *f)
{
	struct db_params *p = message_range_add(u, stmt, f);

	if (f->instance_id == 0)
		db_p_null(p);
	else
		db_p_i32(p, f->instance_id);
	i16_or_null(p, f->status);
	i16_or_null(p, f->direction);
	db_p_text(p, f->chat_key);
	return p;
}

static enum message_by
range_of(const struct message_filter *f)
{
	if (f->reference.p != NULL)
		return BY_REFERENCE;
	return f->chat_key.p != NULL ? BY_CHAT : BY_COMPANY;
}

bool
message_list_is_search(const struct message_filter *f)
{
	return f->instance_id != 0 || f->status >= 0 || f->direction >= 0 ||
	       (f->reference.p != NULL && f->chat_key.p != NULL);
}

/* The last parameter: what the range is of besides the company. */
static void
message_key_add(struct db_params *p, const struct message_filter *f)
{
	if (f->reference.p != NULL)
		db_p_text(p, f->reference);
	else if (f->chat_key.p != NULL)
		db_p_text(p, f->chat_key);
}

void
message_list_add(struct db_unit *u, const struct message_filter *f, unsigned limit, unsigned offset)
{
	unsigned stmt = (f->is_back ? MESSAGE_BACK : MESSAGE_LIST) + range_of(f);
	struct db_params *p = message_filter_add(u, stmt, f);

	db_p_i64(p, limit);
	db_p_i64(p, offset);
	db_p_i64(p, message_list_is_search(f) ? MESSAGE_WINDOW_MAX : (int64_t)limit + offset);
	message_key_add(p, f);
}

void
message_list_end_add(struct db_unit *u, const struct message_filter *f)
{
	struct message_filter range = *f;

	range.instance_id = 0;
	range.status = range.direction = -1;
	if (f->reference.p != NULL)
		range.chat_key = SLICE_NONE;
	message_list_add(u, &range, 1, MESSAGE_WINDOW_MAX - 1);
}

void
message_count_add(struct db_unit *u, const struct message_filter *f)
{
	struct db_params *p = message_list_is_search(f)
				      ? message_filter_add(u, MESSAGE_MATCHES + range_of(f), f)
				      : message_range_add(u, MESSAGE_ALL + range_of(f), f);

	db_p_i64(p, MESSAGE_WINDOW_MAX + 1);
	message_key_add(p, f);
}

int64_t
message_count_of(const struct db_unit *u, unsigned stmt, int64_t *examined)
{
	const struct db_result *r = db_unit_result(u, stmt);

	*examined = db_get_i64(r, 0, 1);
	return db_get_i64(r, 0, 0);
}

void
message_watch_add(struct db_unit *u, const struct message_watch *watch, unsigned count)
{
	struct db_params *p = db_unit_add(u, &message_row_stmts[MESSAGE_WATCH]);
	struct db_arr *id = db_p_array(p, DB_UUID, count);
	struct db_arr *is_wanted = db_p_array(p, DB_BOOL, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid(id, watch[i].id);
		db_arr_bool(is_wanted, watch[i].is_wanted);
	}
}

struct uuid
message_row_id(const struct db_unit *u, unsigned stmt, unsigned i)
{
	return db_get_uuid(db_unit_result(u, stmt), i, 0);
}

unsigned
message_row_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
message_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
		 struct message_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->id = db_get_uuid(r, i, 0);
	row->company_id = db_get_i32(r, i, 1);
	row->instance_id = db_get_i32(r, i, 2);
	row->direction = db_get_i32(r, i, 3);
	row->status = db_get_i32(r, i, 4);
	row->kind = db_get_i32(r, i, 5);
	row->priority = db_get_i32(r, i, 6);
	row->attempts = db_get_i32(r, i, 7);
	row->phone_to = arena_dup(a, db_get_slice(r, i, 8));
	row->phone_from = arena_dup(a, db_get_slice(r, i, 9));
	row->content = arena_dup(a, db_get_slice(r, i, 10));
	row->media_url = arena_dup(a, db_get_slice(r, i, 11));
	row->external_id = arena_dup(a, db_get_slice(r, i, 12));
	row->reference = arena_dup(a, db_get_slice(r, i, 13));
	row->error_code = arena_dup(a, db_get_slice(r, i, 14));
	row->error_message = arena_dup(a, db_get_slice(r, i, 15));
	row->scheduled_at_us = db_get_time_us(r, i, 16);
	row->sent_at_us = db_get_time_us(r, i, 17);
	row->delivered_at_us = db_get_time_us(r, i, 18);
	row->read_at_us = db_get_time_us(r, i, 19);
	row->origin = db_get_i32(r, i, 20);
}

void
message_steps_add(struct db_unit *u, struct uuid id)
{
	db_p_uuid(db_unit_add(u, &message_row_stmts[MESSAGE_STEPS]), id);
}

unsigned
message_steps_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
message_step_read(const struct db_unit *u, unsigned stmt, unsigned i, struct message_step *step)
{
	const struct db_result *r = db_unit_result(u, stmt);

	step->at_us = db_get_time_us(r, i, 0);
	step->from_status = db_is_null(r, i, 1) ? -1 : db_get_i32(r, i, 1);
	step->to_status = db_get_i32(r, i, 2);
	step->attempt = db_get_i32(r, i, 3);
	step->daemon = db_get_slice(r, i, 4);
	step->reason = db_get_slice(r, i, 5);
}
