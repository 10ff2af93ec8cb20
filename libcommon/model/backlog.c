#include "model/backlog.h"

static const char backlog_queues_sql[] =
	"SELECT company_id, queue_name, kind, messages, last_activity FROM queue_metadata\n"
	"WHERE company_id = ANY ($1::int4[]) ORDER BY company_id, queue_name";

static const char backlog_outbox_sql[] =
	"SELECT company_id, pending, oldest_at FROM outbox_backlog\n"
	"WHERE company_id = ANY ($1::int4[]) ORDER BY company_id";

enum { BACKLOG_QUEUES, BACKLOG_OUTBOX };

static const struct db_stmt backlog_stmts[] = {
	[BACKLOG_QUEUES] = {"backlog_queues", backlog_queues_sql, DB_TYPES(DB_INT4_ARRAY)},
	[BACKLOG_OUTBOX] = {"backlog_outbox", backlog_outbox_sql, DB_TYPES(DB_INT4_ARRAY)},
};
const struct db_stmt_table backlog_stmt_table = DB_STMT_TABLE(backlog_stmts);

static void
backlog_add(struct db_unit *u, unsigned stmt, const int32_t *company_ids, unsigned count)
{
	struct db_arr *ids = db_p_array(db_unit_add(u, &backlog_stmts[stmt]), DB_INT4, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_i32(ids, company_ids[i]);
}

void
backlog_queues_add(struct db_unit *u, const int32_t *company_ids, unsigned count)
{
	backlog_add(u, BACKLOG_QUEUES, company_ids, count);
}

unsigned
backlog_queues_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
backlog_queues_read(const struct db_unit *u, unsigned stmt, unsigned i, struct backlog_queue *out)
{
	const struct db_result *r = db_unit_result(u, stmt);

	out->company_id = db_get_i32(r, i, 0);
	out->name = db_get_slice(r, i, 1);
	out->kind = (enum mq_kind)db_get_i32(r, i, 2);
	out->messages = db_get_i64(r, i, 3);
	out->last_activity_us = db_get_time_us(r, i, 4);
}

void
backlog_outbox_add(struct db_unit *u, const int32_t *company_ids, unsigned count)
{
	backlog_add(u, BACKLOG_OUTBOX, company_ids, count);
}

unsigned
backlog_outbox_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
backlog_outbox_read(const struct db_unit *u, unsigned stmt, unsigned i, struct backlog_outbox *out)
{
	const struct db_result *r = db_unit_result(u, stmt);

	out->company_id = db_get_i32(r, i, 0);
	out->pending = db_get_i64(r, i, 1);
	out->oldest_at_us = db_get_time_us(r, i, 2);
}
