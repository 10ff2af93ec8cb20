/* queue_row.c - table queue_metadata; see queue_row.h. */
#include "model/queue_row.h"

#include "base/arena.h"
#include "mq/topology.h"

static const char queue_row_record_sql[] =
	"INSERT INTO queue_metadata (queue_name, company_id, kind, class)\n"
	"SELECT t.name, t.company_id, t.kind, t.class\n"
	"FROM unnest($1::text[], $2::int4[], $3::int2[], $4::int2[])\n"
	"  AS t(name, company_id, kind, class)\n"
	"ORDER BY t.name\n"
	"ON CONFLICT (queue_name) DO UPDATE SET declared_at = now()";

static const char queue_row_list_sql[] =
	"SELECT queue_name, company_id, kind, class FROM queue_metadata\n"
	"WHERE kind = ANY ($1::int2[])";

enum { QUEUE_ROW_RECORD, QUEUE_ROW_LIST };

static const struct db_stmt queue_row_stmts[] = {
	[QUEUE_ROW_RECORD] = {"queue_row_record", queue_row_record_sql,
			      DB_TYPES(DB_TEXT_ARRAY, DB_INT4_ARRAY, DB_INT2_ARRAY, DB_INT2_ARRAY)},
	[QUEUE_ROW_LIST] = {"queue_row_list", queue_row_list_sql, DB_TYPES(DB_INT2_ARRAY)},
};
const struct db_stmt_table queue_row_stmt_table = DB_STMT_TABLE(queue_row_stmts);

static const struct {
	enum mq_kind kind;
	enum mq_class cls;
} company_queues[QUEUE_ROWS_PER_COMPANY] = {
	{MQ_KIND_SEND, MQ_CLASS_HIGH},       {MQ_KIND_SEND, MQ_CLASS_NORMAL},
	{MQ_KIND_SEND, MQ_CLASS_LOW},        {MQ_KIND_INBOUND, MQ_CLASS_NORMAL},
	{MQ_KIND_DELIVERY, MQ_CLASS_NORMAL},
};

void
queue_row_record_add(struct db_unit *u, const int32_t *company_ids, unsigned count)
{
	unsigned rows = count * QUEUE_ROWS_PER_COMPANY;
	struct db_params *p;
	struct db_arr *name, *company, *kind, *cls;
	char text[MQ_NAME_SIZE];

	if (count == 0 || count > QUEUE_COMPANIES_MAX)
		gh_panic("queue_row_record_add: %u companies", count);
	p = db_unit_add(u, &queue_row_stmts[QUEUE_ROW_RECORD]);
	name = db_p_array(p, DB_TEXT, rows);
	company = db_p_array(p, DB_INT4, rows);
	kind = db_p_array(p, DB_INT2, rows);
	cls = db_p_array(p, DB_INT2, rows);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned q = 0; q < QUEUE_ROWS_PER_COMPANY; q++) {
			db_arr_text(name, slice_of(mq_queue_name(company_queues[q].kind,
								 company_queues[q].cls,
								 company_ids[i], text)));
			db_arr_i32(company, company_ids[i]);
			db_arr_i16(kind, (int16_t)company_queues[q].kind);
			db_arr_i16(cls, (int16_t)company_queues[q].cls);
		}
	}
}

void
queue_row_list_add(struct db_unit *u, const enum mq_kind *kinds, unsigned count)
{
	struct db_params *p = db_unit_add(u, &queue_row_stmts[QUEUE_ROW_LIST]);
	struct db_arr *kind = db_p_array(p, DB_INT2, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_i16(kind, (int16_t)kinds[i]);
}

unsigned
queue_row_list(const struct db_unit *u, unsigned stmt, struct arena *a, struct queue_row **rows)
{
	const struct db_result *r = db_unit_result(u, stmt);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		struct queue_row *row = &(*rows)[i];

		row->name = arena_dup(a, db_get_slice(r, i, 0));
		row->company_id = db_get_i32(r, i, 1);
		row->kind = (enum mq_kind)db_get_i32(r, i, 2);
		row->cls = (enum mq_class)db_get_i32(r, i, 3);
	}
	return count;
}
