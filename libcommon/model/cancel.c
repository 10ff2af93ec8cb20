#include "model/cancel.h"

#include "base/arena.h"

#define CANCEL_COLUMNS                                                                             \
	"SELECT q.message_id, q.instance_id, q.attempt, q.tries, m.chat_key, m.reference,\n"       \
	"       i.instance_name, i.external_instance_id, i.phone_number\n"
/* ARRIVED, BEHIND, HEAD, HELD: no call is on its way. */
#define CANCEL_WAITS "q.state IN (0, 1, 2, 5)"

static const char cancel_find_sql[] =
	CANCEL_COLUMNS "FROM send_queue q JOIN messages m ON m.id = q.message_id\n"
		       "JOIN instances i ON i.id = q.instance_id\n"
		       "WHERE q.message_id = $2 AND q.company_id = $1 AND " CANCEL_WAITS;

/* Two branches, one per partial index; HELD rows (in neither) end by their expiry. */
static const char cancel_pick_sql[] = CANCEL_COLUMNS
	"FROM ((SELECT * FROM send_queue WHERE instance_id = $2 AND state = 0 LIMIT $3)\n"
	"      UNION ALL\n"
	"      (SELECT * FROM send_queue WHERE instance_id = $2 AND state IN (1, 2) LIMIT $3)) q\n"
	"JOIN messages m ON m.id = q.message_id\n"
	"JOIN instances i ON i.id = q.instance_id\n"
	"WHERE q.company_id = $1\n"
	"LIMIT $3";

enum { CANCEL_FIND, CANCEL_PICK };

static const struct db_stmt cancel_stmts[] = {
	[CANCEL_FIND] = {"cancel_find", cancel_find_sql, DB_TYPES(DB_INT4, DB_UUID)},
	[CANCEL_PICK] = {"cancel_pick", cancel_pick_sql, DB_TYPES(DB_INT4, DB_INT4, DB_INT8)},
};
const struct db_stmt_table cancel_stmt_table = DB_STMT_TABLE(cancel_stmts);

void
cancel_find_add(struct db_unit *u, int32_t company_id, struct uuid message_id)
{
	struct db_params *p = db_unit_add(u, &cancel_stmts[CANCEL_FIND]);

	db_p_i32(p, company_id);
	db_p_uuid(p, message_id);
}

void
cancel_pick_add(struct db_unit *u, int32_t company_id, int32_t instance_id)
{
	struct db_params *p = db_unit_add(u, &cancel_stmts[CANCEL_PICK]);

	db_p_i32(p, company_id);
	db_p_i32(p, instance_id);
	db_p_i64(p, CANCEL_SLICE_MAX);
}

unsigned
cancel_rows(const struct db_unit *u, unsigned stmt, struct arena *a, struct cancel_row **rows)
{
	const struct db_result *r = db_unit_result(u, stmt);
	unsigned count = db_row_count(r);
	struct cancel_row *out = arena_alloc_array(a, count, sizeof(*out));

	for (unsigned i = 0; i < count; i++) {
		out[i].id = db_get_uuid(r, i, 0);
		out[i].instance_id = db_get_i32(r, i, 1);
		out[i].attempt = (int16_t)db_get_i32(r, i, 2);
		out[i].tries = (int16_t)db_get_i32(r, i, 3);
		out[i].chat_key = arena_dup(a, db_get_slice(r, i, 4));
		out[i].reference = arena_dup(a, db_get_slice(r, i, 5));
		out[i].instance_name = arena_dup(a, db_get_slice(r, i, 6));
		out[i].session = arena_dup(a, db_get_slice(r, i, 7));
		out[i].phone = arena_dup(a, db_get_slice(r, i, 8));
	}
	*rows = out;
	return count;
}
