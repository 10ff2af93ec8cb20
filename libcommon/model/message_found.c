#include "model/message_found.h"

#include "base/arena.h"

/* 0: MSG_OUT, whose payload is ours (model/message_payload.h). */
static const char message_found_sql[] =
	"SELECT m.id, m.chat_key, m.reply_to,\n"
	"    CASE m.direction WHEN 0 THEN m.payload END\n"
	"FROM unnest($1::uuid[]) AS t(id)\n"
	"CROSS JOIN LATERAL (SELECT * FROM messages x WHERE x.id = t.id OFFSET 0) m";

/* Each half has the condition of an index; 3: being sent. */
static const char message_waiting_sql[] =
	"SELECT count(*), count(*) FILTER (WHERE state = 3) FROM (\n"
	"  (SELECT state FROM send_queue WHERE instance_id = $1 AND state = 0 LIMIT $2)\n"
	"  UNION ALL\n"
	"  (SELECT state FROM send_queue WHERE instance_id = $1 AND state IN (1, 2, 3, 4) LIMIT "
	"$2)\n"
	") x";

enum { MESSAGE_FOUND, MESSAGE_WAITING };

static const struct db_stmt message_found_stmts[] = {
	[MESSAGE_FOUND] = {"message_found", message_found_sql, DB_TYPES(DB_UUID_ARRAY)},
	[MESSAGE_WAITING] = {"message_waiting", message_waiting_sql, DB_TYPES(DB_INT4, DB_INT8)},
};
const struct db_stmt_table message_found_stmt_table = DB_STMT_TABLE(message_found_stmts);

void
message_found_add(struct db_unit *u, const struct uuid *ids, unsigned count)
{
	struct db_params *p = db_unit_add(u, &message_found_stmts[MESSAGE_FOUND]);
	struct db_arr *id = db_p_array(p, DB_UUID, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_uuid(id, ids[i]);
}

unsigned
message_found_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
message_found_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
		   struct message_found *found)
{
	const struct db_result *r = db_unit_result(u, stmt);

	found->id = db_get_uuid(r, i, 0);
	found->chat_key = arena_dup(a, db_get_slice(r, i, 1));
	found->reply_to = arena_dup(a, db_get_slice(r, i, 2));
	found->payload = arena_dup(a, db_get_slice(r, i, 3));
}

void
message_waiting_add(struct db_unit *u, int32_t instance_id)
{
	struct db_params *p = db_unit_add(u, &message_found_stmts[MESSAGE_WAITING]);

	db_p_i32(p, instance_id);
	db_p_i64(p, MESSAGE_WAITING_MAX);
}

struct message_waiting
message_waiting_read(const struct db_unit *u, unsigned stmt)
{
	const struct db_result *r = db_unit_result(u, stmt);
	struct message_waiting q = {db_get_i64(r, 0, 0), db_get_i64(r, 0, 1)};

	if (q.pending > MESSAGE_WAITING_MAX)
		q.pending = MESSAGE_WAITING_MAX;
	return q;
}
