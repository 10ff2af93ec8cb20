#include "model/dead_letter.h"

#include "base/arena.h"

static const char dead_letter_uncopied_sql[] =
	"SELECT d.message_id, d.company_id, d.instance_id, d.reason, d.detail, d.attempts,\n"
	"    d.created_at\n"
	"FROM dead_letters d WHERE d.copied_at IS NULL ORDER BY d.created_at LIMIT $1";

static const char dead_letter_copied_sql[] =
	"UPDATE dead_letters d SET copied_at = now()\n"
	"FROM (SELECT l.message_id FROM dead_letters l\n"
	"      WHERE l.message_id = ANY ($1::uuid[]) ORDER BY l.message_id FOR UPDATE) x\n"
	"WHERE d.message_id = x.message_id";

enum { DEAD_LETTER_UNCOPIED, DEAD_LETTER_COPIED };

static const struct db_stmt dead_letter_stmts[] = {
	[DEAD_LETTER_UNCOPIED] = {"dead_letter_uncopied", dead_letter_uncopied_sql,
				  DB_TYPES(DB_INT4)},
	[DEAD_LETTER_COPIED] = {"dead_letter_copied", dead_letter_copied_sql,
				DB_TYPES(DB_UUID_ARRAY)},
};
const struct db_stmt_table dead_letter_stmt_table = DB_STMT_TABLE(dead_letter_stmts);

void
dead_letter_uncopied_add(struct db_unit *u, unsigned limit)
{
	db_p_i32(db_unit_add(u, &dead_letter_stmts[DEAD_LETTER_UNCOPIED]), (int32_t)limit);
}

unsigned
dead_letter_rows(const struct db_unit *u, unsigned stmt, struct arena *a, struct dead_letter **rows)
{
	const struct db_result *r = db_unit_result(u, stmt);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		struct dead_letter *d = &(*rows)[i];

		d->message_id = db_get_uuid(r, i, 0);
		d->company_id = db_get_i32(r, i, 1);
		d->instance_id = db_get_i32(r, i, 2);
		d->reason = arena_dup(a, db_get_slice(r, i, 3));
		d->detail = arena_dup(a, db_get_slice(r, i, 4));
		d->attempts = (int16_t)db_get_i32(r, i, 5);
		d->created_at_us = db_get_time_us(r, i, 6);
	}
	return count;
}

void
dead_letter_copied_add(struct db_unit *u, const struct uuid *ids, unsigned count)
{
	struct db_params *p = db_unit_add(u, &dead_letter_stmts[DEAD_LETTER_COPIED]);
	struct db_arr *list = db_p_array(p, DB_UUID, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_uuid(list, ids[i]);
}
