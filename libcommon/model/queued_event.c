/* queued_event.c - the event message.queued of sends just accepted; see queued_event.h. */
#include "model/queued_event.h"

#include "model/event_sql.h"

/*
 * The message is read, not given: one whose idempotency key was used before is not there. A unit
 * that is repeated after its commit finds the event and makes no second delivery.
 */
static const char queued_event_sql[] =
	"WITH f AS (\n"
	"  SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS t(id, event_id)\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, message_id, type, occurred_at, facts)\n"
	"  SELECT f.event_id, m.company_id, m.instance_id, m.id, 2, now(),\n"
	"      (jsonb_strip_nulls(jsonb_build_object('id', m.id, 'reference', m.reference,\n"
	"          'from', i.phone_number, 'to', m.chat_key,\n"
	"          'status', CASE m.status WHEN 0 THEN 'scheduled' ELSE 'queued' END,\n"
	"          'instance_name', i.instance_name, 'session', i.external_instance_id))\n"
	"      || '{\"message_id\": null}')::text\n"
	"  FROM f JOIN messages m ON m.id = f.id JOIN instances i ON i.id = m.instance_id\n"
	"  ON CONFLICT (id) DO NOTHING\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL "SELECT e.id FROM ev e";

static const struct db_stmt queued_event_stmts[] = {
	{"queued_event", queued_event_sql, DB_TYPES(DB_UUID_ARRAY, DB_UUID_ARRAY)},
};
const struct db_stmt_table queued_event_stmt_table = DB_STMT_TABLE(queued_event_stmts);

void
queued_event_add(struct db_unit *u, const struct accept_row *const *rows, unsigned count)
{
	struct db_arr *id, *event_id;
	struct db_params *p;
	unsigned wanted = 0;

	for (unsigned i = 0; i < count; i++)
		wanted += !uuid_is_nil(rows[i]->queued_event_id);
	if (wanted == 0)
		return;
	p = db_unit_add(u, &queued_event_stmts[0]);
	id = db_p_array(p, DB_UUID, wanted);
	event_id = db_p_array(p, DB_UUID, wanted);
	for (unsigned i = 0; i < count; i++) {
		if (uuid_is_nil(rows[i]->queued_event_id))
			continue;
		db_arr_uuid(id, rows[i]->id);
		db_arr_uuid(event_id, rows[i]->queued_event_id);
	}
}
