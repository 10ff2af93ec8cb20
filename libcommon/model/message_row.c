#include "model/message_row.h"

#include "base/arena.h"

#define MESSAGE_COLUMNS                                                                            \
	"m.id, m.company_id, m.instance_id, m.direction, m.status, m.kind, m.priority,\n"          \
	"       m.attempts, m.to_requested, m.phone_from, m.content, m.media_url, "                \
	"m.external_id,\n"                                                                         \
	"       m.reference, m.error_code, m.error_message, m.scheduled_at, m.sent_at,\n"          \
	"       m.delivered_at, m.read_at, m.origin\n"

/* Absent filters are NULL; the bounds of id prune partitions when the statement runs. */
#define MESSAGE_MATCHES                                                                            \
	"WHERE m.company_id = $1 AND m.id >= $2 AND m.id < $3\n"                                   \
	"  AND ($4::int4 IS NULL OR m.instance_id = $4)\n"                                         \
	"  AND ($5::int2 IS NULL OR m.status = $5)\n"                                              \
	"  AND ($6::int2 IS NULL OR m.direction = $6)\n"                                           \
	"  AND ($7::text IS NULL OR m.chat_key = $7)\n"
#define MESSAGE_FILTER_TYPES DB_INT4, DB_UUID, DB_UUID, DB_INT4, DB_INT2, DB_INT2, DB_TEXT

static const char message_get_sql[] = "SELECT " MESSAGE_COLUMNS "FROM messages m\n"
				      "WHERE m.id = $2 AND m.company_id = $1";

static const char message_list_sql[] = "SELECT " MESSAGE_COLUMNS "FROM messages m\n" MESSAGE_MATCHES
				       "ORDER BY m.id DESC LIMIT $8 OFFSET $9";

/* A statement of its own, so that the planner may take the index of references. */
static const char message_list_reference_sql[] =
	"SELECT " MESSAGE_COLUMNS "FROM messages m\n" MESSAGE_MATCHES "  AND m.reference = $10\n"
	"ORDER BY m.id DESC LIMIT $8 OFFSET $9";

static const char message_count_sql[] =
	"SELECT count(*) FROM (SELECT 1 FROM messages m\n" MESSAGE_MATCHES "LIMIT $8) x";

static const char message_count_reference_sql[] =
	"SELECT count(*) FROM (SELECT 1 FROM messages m\n" MESSAGE_MATCHES
	"  AND m.reference = $9\n"
	"LIMIT $8) x";

static const char message_steps_sql[] =
	"SELECT at, from_status, to_status, attempt, daemon, reason\n"
	"FROM message_transitions WHERE message_id = $1\n"
	"ORDER BY at";

enum {
	MESSAGE_GET,
	MESSAGE_LIST,
	MESSAGE_LIST_REFERENCE,
	MESSAGE_COUNT,
	MESSAGE_COUNT_REFERENCE,
	MESSAGE_STEPS
};

static const struct db_stmt message_row_stmts[] = {
	[MESSAGE_GET] = {"message_get", message_get_sql, DB_TYPES(DB_INT4, DB_UUID)},
	[MESSAGE_LIST] = {"message_list", message_list_sql,
			  DB_TYPES(MESSAGE_FILTER_TYPES, DB_INT8, DB_INT8)},
	[MESSAGE_LIST_REFERENCE] = {"message_list_reference", message_list_reference_sql,
				    DB_TYPES(MESSAGE_FILTER_TYPES, DB_INT8, DB_INT8, DB_TEXT)},
	[MESSAGE_COUNT] = {"message_count", message_count_sql,
			   DB_TYPES(MESSAGE_FILTER_TYPES, DB_INT8)},
	[MESSAGE_COUNT_REFERENCE] = {"message_count_reference", message_count_reference_sql,
				     DB_TYPES(MESSAGE_FILTER_TYPES, DB_INT8, DB_TEXT)},
	[MESSAGE_STEPS] = {"message_steps", message_steps_sql, DB_TYPES(DB_UUID)},
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
message_filter_add(struct db_unit *u, unsigned stmt, const struct message_filter *f)
{
	struct db_params *p = db_unit_add(u, &message_row_stmts[stmt]);

	db_p_i32(p, f->company_id);
	db_p_uuid(p, f->from);
	db_p_uuid(p, f->before);
	if (f->instance_id == 0)
		db_p_null(p);
	else
		db_p_i32(p, f->instance_id);
	i16_or_null(p, f->status);
	i16_or_null(p, f->direction);
	db_p_text(p, f->chat_key);
	return p;
}

void
message_list_add(struct db_unit *u, const struct message_filter *f, unsigned limit, unsigned offset)
{
	bool by_reference = f->reference.p != NULL;
	struct db_params *p =
		message_filter_add(u, by_reference ? MESSAGE_LIST_REFERENCE : MESSAGE_LIST, f);

	db_p_i64(p, limit);
	db_p_i64(p, offset);
	if (by_reference)
		db_p_text(p, f->reference);
}

void
message_count_add(struct db_unit *u, const struct message_filter *f, int64_t max)
{
	bool by_reference = f->reference.p != NULL;
	struct db_params *p =
		message_filter_add(u, by_reference ? MESSAGE_COUNT_REFERENCE : MESSAGE_COUNT, f);

	db_p_i64(p, max);
	if (by_reference)
		db_p_text(p, f->reference);
}

int64_t
message_count_of(const struct db_unit *u, unsigned stmt)
{
	return db_get_i64(db_unit_result(u, stmt), 0, 0);
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
