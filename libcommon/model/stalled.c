/* stalled.c - messages of which nothing was heard since they were sent; see stalled.h. */
#include "model/stalled.h"

#include "base/arena.h"
#include "base/clock.h"
#include "model/event_sql.h"

static const char stalled_list_sql[] =
	"SELECT m.id, e.id, m.instance_id, m.attempts, m.external_id, m.reference, m.chat_key,\n"
	"       i.phone_number, i.instance_name, i.external_instance_id, p.type\n"
	"FROM events e\n"
	"JOIN messages m ON m.id = e.message_id AND m.status = 4 AND m.acked_at IS NULL\n"
	"               AND NOT m.is_stalled\n"
	"JOIN instances i ON i.id = m.instance_id\n"
	"JOIN providers p ON p.id = i.provider_id\n"
	"WHERE e.id > $1 AND e.id < growhub_uuid7_floor($2) AND e.type = 3\n"
	"ORDER BY e.id LIMIT $3";

static const char stalled_sql[] =
	"WITH f AS (\n"
	"  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS t(id, event_id, facts)\n"
	"), m AS (\n"
	"  UPDATE messages m SET is_stalled = true FROM f\n"
	"  WHERE m.id = f.id AND m.status = 4 AND m.acked_at IS NULL AND NOT m.is_stalled\n"
	"  RETURNING m.id, m.company_id, m.instance_id, m.attempts, f.event_id, f.facts\n"
	"), noted AS (\n"
	"  INSERT INTO message_transitions (message_id, from_status, to_status, attempt, daemon,\n"
	"      reason)\n"
	"  SELECT m.id, 4, 4, m.attempts, $5, 'stalled' FROM m\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, message_id, type, occurred_at, facts)\n"
	"  SELECT m.event_id, m.company_id, m.instance_id, m.id, 9, $4, m.facts FROM m\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL "SELECT m.id FROM m";

enum { STALLED_LIST, STALLED };

static const struct db_stmt stalled_stmts[] = {
	[STALLED_LIST] = {"stalled_list", stalled_list_sql,
			  DB_TYPES(DB_UUID, DB_TIMESTAMPTZ, DB_INT8)},
	[STALLED] = {"stalled", stalled_sql,
		     DB_TYPES(DB_UUID_ARRAY, DB_UUID_ARRAY, DB_TEXT_ARRAY, DB_TIMESTAMPTZ,
			      DB_TEXT)},
};
const struct db_stmt_table stalled_stmt_table = DB_STMT_TABLE(stalled_stmts);

void
stalled_list_add(struct db_unit *u, struct uuid after_event_id, int64_t until_us)
{
	struct db_params *p = db_unit_add(u, &stalled_stmts[STALLED_LIST]);

	db_p_uuid(p, after_event_id);
	db_p_time_us(p, until_us);
	db_p_i64(p, STALLED_LIST_MAX);
}

unsigned
stalled_list_rows(const struct db_unit *u, struct arena *a, struct stalled_row **rows)
{
	const struct db_result *r = db_unit_result(u, 0);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		struct stalled_row *row = &(*rows)[i];

		row->id = db_get_uuid(r, i, 0);
		row->sent_event_id = db_get_uuid(r, i, 1);
		row->instance_id = db_get_i32(r, i, 2);
		row->attempts = (int16_t)db_get_i32(r, i, 3);
		row->external_id = arena_dup(a, db_get_slice(r, i, 4));
		row->reference = arena_dup(a, db_get_slice(r, i, 5));
		row->chat_key = arena_dup(a, db_get_slice(r, i, 6));
		row->phone = arena_dup(a, db_get_slice(r, i, 7));
		row->instance_name = arena_dup(a, db_get_slice(r, i, 8));
		row->session = arena_dup(a, db_get_slice(r, i, 9));
		row->provider_type = arena_dup(a, db_get_slice(r, i, 10));
	}
	return count;
}

struct uuid
stalled_floor(int64_t at_us)
{
	struct uuid id = {{0}};
	int64_t ms = at_us / CLOCK_MS;

	for (int i = 0; i < 6; i++)
		id.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	return id;
}

void
stalled_add(struct db_unit *u, const struct stalled_row *const *rows, unsigned count, int64_t at_us,
	    struct slice worker)
{
	struct db_params *p = db_unit_add(u, &stalled_stmts[STALLED]);
	struct db_arr *id = db_p_array(p, DB_UUID, count);
	struct db_arr *event_id = db_p_array(p, DB_UUID, count);
	struct db_arr *facts = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid(id, rows[i]->id);
		db_arr_uuid(event_id, rows[i]->event_id);
		db_arr_text(facts, rows[i]->facts);
	}
	db_p_time_us(p, at_us);
	db_p_text(p, worker);
}

unsigned
stalled_count(const struct db_unit *u)
{
	return db_row_count(db_unit_result(u, 0));
}
