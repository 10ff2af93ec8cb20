#include "model/message_row.h"

#include "base/arena.h"

#define MESSAGE_COLUMNS                                                                            \
	"m.id, m.company_id, m.instance_id, m.direction, m.status, m.kind, m.priority,\n"          \
	"       m.attempts, m.to_requested, m.phone_from, m.content, m.media_url, "                \
	"m.external_id,\n"                                                                         \
	"       m.reference, m.error_code, m.error_message, m.scheduled_at, m.sent_at,\n"          \
	"       m.delivered_at, m.read_at, m.origin\n"

#define MESSAGE_ID_RANGE "m.id >= $2 AND m.id < $3\n" /* prunes partitions */
/*
 * The company as a range that orders with the id, so that only messages_company serves: given
 * "company_id = $1 ORDER BY id" the planner takes the primary key backwards for a company that
 * statistics call large, and walks through whatever all others have sent since. Such a range
 * does not end a scan at the id's lower bound: where there is one, the window bounds either walk.
 */
#define MESSAGE_RANGE           "WHERE m.company_id >= $1 AND m.company_id <= $1 AND " MESSAGE_ID_RANGE
#define MESSAGE_ORDER           "ORDER BY m.company_id DESC, m.id DESC "
#define MESSAGE_ORDER_UP        "ORDER BY m.company_id, m.id "
#define MESSAGE_WINDOW          "WHERE m.company_id = $1 AND " MESSAGE_ID_RANGE
#define MESSAGE_WINDOW_ORDER    "ORDER BY m.id DESC "
#define MESSAGE_WINDOW_ORDER_UP "ORDER BY m.id "
/* The same of one chat, whose key is parameter n: messages_chat. */
#define MESSAGE_CHAT(n)       MESSAGE_WINDOW "  AND m.chat_key >= " n " AND m.chat_key <= " n "\n"
#define MESSAGE_CHAT_ORDER    "ORDER BY m.chat_key DESC, m.id DESC "
#define MESSAGE_CHAT_ORDER_UP "ORDER BY m.chat_key, m.id "
/* Absent filters are NULL. */
#define MESSAGE_FILTERS                                                                            \
	"    ($4::int4 IS NULL OR m.instance_id = $4)\n"                                           \
	"  AND ($5::int2 IS NULL OR m.status = $5)\n"                                              \
	"  AND ($6::int2 IS NULL OR m.direction = $6)\n"                                           \
	"  AND ($7::text IS NULL OR m.chat_key = $7)\n"
#define MESSAGE_FILTER_TYPES DB_INT4, DB_UUID, DB_UUID, DB_INT4, DB_INT2, DB_INT2, DB_TEXT

static const char message_get_sql[] = "SELECT " MESSAGE_COLUMNS "FROM messages m\n"
				      "WHERE m.id = $2 AND m.company_id = $1";

/* Pages forward and backward, of which $10 leaves one. */
#define MESSAGE_LIST_FROM(range, down, up)                                                         \
	"SELECT * FROM (\n"                                                                        \
	"  (SELECT " MESSAGE_COLUMNS "FROM messages m\n" range                                     \
	"  AND NOT $10 AND\n" MESSAGE_FILTERS down "LIMIT $8 OFFSET $9)\n"                         \
	"  UNION ALL\n"                                                                            \
	"  (SELECT " MESSAGE_COLUMNS "FROM messages m\n" range                                     \
	"  AND $10 AND\n" MESSAGE_FILTERS up "LIMIT $8)) page\n"                                   \
	"ORDER BY id DESC"

static const char message_list_sql[] =
	MESSAGE_LIST_FROM(MESSAGE_RANGE, MESSAGE_ORDER, MESSAGE_ORDER_UP);
static const char message_list_window_sql[] =
	MESSAGE_LIST_FROM(MESSAGE_WINDOW, MESSAGE_WINDOW_ORDER, MESSAGE_WINDOW_ORDER_UP);
static const char message_list_chat_sql[] =
	MESSAGE_LIST_FROM(MESSAGE_CHAT("$11"), MESSAGE_CHAT_ORDER, MESSAGE_CHAT_ORDER_UP);
static const char message_list_reference_sql[] = MESSAGE_LIST_FROM(
	MESSAGE_WINDOW "  AND m.reference = $11\n", MESSAGE_WINDOW_ORDER, MESSAGE_WINDOW_ORDER_UP);

/*
 * A count examines the newest $8 rows and no more, whether they match or not: counting up to
 * $8 matches would read a company's whole history for a filter that matches little.
 */
#define MESSAGE_COUNT_FROM(range, order)                                                           \
	"SELECT count(*) FILTER (WHERE\n" MESSAGE_FILTERS "), count(*)\n"                          \
	"FROM (SELECT m.instance_id, m.status, m.direction, m.chat_key\n"                          \
	"      FROM messages m\n" range order "LIMIT $8) m"
/* No filter: from the index alone. */
#define MESSAGE_COUNT_ALL_FROM(range, order)                                                       \
	"SELECT count(*), count(*)\n"                                                              \
	"FROM (SELECT 1 FROM messages m\n" range order "LIMIT $4) m"

static const char message_count_sql[] = MESSAGE_COUNT_FROM(MESSAGE_RANGE, MESSAGE_ORDER);
static const char message_count_window_sql[] =
	MESSAGE_COUNT_FROM(MESSAGE_WINDOW, MESSAGE_WINDOW_ORDER);
static const char message_count_all_sql[] = MESSAGE_COUNT_ALL_FROM(MESSAGE_RANGE, MESSAGE_ORDER);
static const char message_count_all_window_sql[] =
	MESSAGE_COUNT_ALL_FROM(MESSAGE_WINDOW, MESSAGE_WINDOW_ORDER);
static const char message_count_all_chat_sql[] =
	MESSAGE_COUNT_ALL_FROM(MESSAGE_CHAT("$5"), MESSAGE_CHAT_ORDER);
static const char message_count_chat_sql[] =
	MESSAGE_COUNT_FROM(MESSAGE_CHAT("$9"), MESSAGE_CHAT_ORDER);
static const char message_count_reference_sql[] =
	MESSAGE_COUNT_FROM(MESSAGE_WINDOW "  AND m.reference = $9\n", "");

/* 4: MSG_SENT, with which everything that ends a send begins. */
static const char message_watch_sql[] =
	"SELECT x.* FROM unnest($1::uuid[], $2::bool[]) AS w(id, is_wanted)\n"
	"CROSS JOIN LATERAL (SELECT " MESSAGE_COLUMNS "FROM messages m\n"
	"  WHERE m.id = w.id AND (m.status >= 4 OR w.is_wanted) OFFSET 0) x";

static const char message_steps_sql[] =
	"SELECT at, from_status, to_status, attempt, daemon, reason\n"
	"FROM message_transitions WHERE message_id = $1\n"
	"ORDER BY at";

enum {
	MESSAGE_GET,
	MESSAGE_LIST,
	MESSAGE_LIST_WINDOW,
	MESSAGE_LIST_CHAT,
	MESSAGE_LIST_REFERENCE,
	MESSAGE_COUNT_FILTERED,
	MESSAGE_COUNT_WINDOW,
	MESSAGE_COUNT_ALL,
	MESSAGE_COUNT_ALL_WINDOW,
	MESSAGE_COUNT_ALL_CHAT,
	MESSAGE_COUNT_CHAT,
	MESSAGE_COUNT_REFERENCE,
	MESSAGE_STEPS,
	MESSAGE_WATCH
};

static const struct db_stmt message_row_stmts[] = {
	[MESSAGE_GET] = {"message_get", message_get_sql, DB_TYPES(DB_INT4, DB_UUID)},
	[MESSAGE_LIST] = {"message_list", message_list_sql,
			  DB_TYPES(MESSAGE_FILTER_TYPES, DB_INT8, DB_INT8, DB_BOOL)},
	[MESSAGE_LIST_WINDOW] = {"message_list_window", message_list_window_sql,
				 DB_TYPES(MESSAGE_FILTER_TYPES, DB_INT8, DB_INT8, DB_BOOL)},
	[MESSAGE_LIST_CHAT] = {"message_list_chat", message_list_chat_sql,
			       DB_TYPES(MESSAGE_FILTER_TYPES, DB_INT8, DB_INT8, DB_BOOL, DB_TEXT)},
	[MESSAGE_LIST_REFERENCE] = {"message_list_reference", message_list_reference_sql,
				    DB_TYPES(MESSAGE_FILTER_TYPES, DB_INT8, DB_INT8, DB_BOOL,
					     DB_TEXT)},
	[MESSAGE_COUNT_FILTERED] = {"message_count", message_count_sql,
				    DB_TYPES(MESSAGE_FILTER_TYPES, DB_INT8)},
	[MESSAGE_COUNT_WINDOW] = {"message_count_window", message_count_window_sql,
				  DB_TYPES(MESSAGE_FILTER_TYPES, DB_INT8)},
	[MESSAGE_COUNT_ALL_WINDOW] = {"message_count_all_window", message_count_all_window_sql,
				      DB_TYPES(DB_INT4, DB_UUID, DB_UUID, DB_INT8)},
	[MESSAGE_COUNT_ALL] = {"message_count_all", message_count_all_sql,
			       DB_TYPES(DB_INT4, DB_UUID, DB_UUID, DB_INT8)},
	[MESSAGE_COUNT_ALL_CHAT] = {"message_count_all_chat", message_count_all_chat_sql,
				    DB_TYPES(DB_INT4, DB_UUID, DB_UUID, DB_INT8, DB_TEXT)},
	[MESSAGE_COUNT_CHAT] = {"message_count_chat", message_count_chat_sql,
				DB_TYPES(MESSAGE_FILTER_TYPES, DB_INT8, DB_TEXT)},
	[MESSAGE_COUNT_REFERENCE] = {"message_count_reference", message_count_reference_sql,
				     DB_TYPES(MESSAGE_FILTER_TYPES, DB_INT8, DB_TEXT)},
	[MESSAGE_STEPS] = {"message_steps", message_steps_sql, DB_TYPES(DB_UUID)},
	[MESSAGE_WATCH] = {"message_watch", message_watch_sql,
			   DB_TYPES(DB_UUID_ARRAY, DB_BOOL_ARRAY)},
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

static bool
is_window(const struct message_filter *f)
{
	static const struct uuid none;

	return uuid_cmp(f->from, none) > 0;
}

static unsigned
message_list_stmt(const struct message_filter *f)
{
	if (f->reference.p != NULL)
		return MESSAGE_LIST_REFERENCE;
	if (f->chat_key.p != NULL)
		return MESSAGE_LIST_CHAT;
	return is_window(f) ? MESSAGE_LIST_WINDOW : MESSAGE_LIST;
}

/* What the statements of one reference or one chat take besides. */
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
	struct db_params *p = message_filter_add(u, message_list_stmt(f), f);

	db_p_i64(p, limit);
	db_p_i64(p, offset);
	db_p_bool(p, f->is_back);
	message_key_add(p, f);
}

void
message_count_add(struct db_unit *u, const struct message_filter *f, int64_t max)
{
	bool is_filtered = f->instance_id != 0 || f->status >= 0 || f->direction >= 0;
	struct db_params *p;

	if (f->reference.p != NULL)
		p = message_filter_add(u, MESSAGE_COUNT_REFERENCE, f);
	else if (f->chat_key.p != NULL && is_filtered)
		p = message_filter_add(u, MESSAGE_COUNT_CHAT, f);
	else if (f->chat_key.p != NULL)
		p = message_range_add(u, MESSAGE_COUNT_ALL_CHAT, f);
	else if (is_filtered)
		p = message_filter_add(
			u, is_window(f) ? MESSAGE_COUNT_WINDOW : MESSAGE_COUNT_FILTERED, f);
	else
		p = message_range_add(
			u, is_window(f) ? MESSAGE_COUNT_ALL_WINDOW : MESSAGE_COUNT_ALL, f);
	db_p_i64(p, max);
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
