#include "model/trace.h"

#include "base/arena.h"

static const char trace_message_sql[] =
	"SELECT company_id, instance_id, direction, status, kind, priority, attempts, is_stalled,\n"
	"    coalesce(to_requested, phone_from, chat_key), reference, external_id, error_code,\n"
	"    error_message, traceparent, scheduled_at, expires_at\n"
	"FROM messages WHERE id = $1";

static const char trace_queue_sql[] =
	"SELECT state, attempt, tries, reason, send_ref, available_at, lease_until, expires_at\n"
	"FROM send_queue WHERE message_id = $1";

static const char trace_keys_sql[] =
	"SELECT k.external_id FROM message_keys k\n"
	"JOIN messages m ON m.id = $1 AND m.instance_id = k.instance_id\n"
	"WHERE k.message_id = $1 ORDER BY k.external_id";

/* An event may be dated a minute before its message: their makers' clocks differ. */
#define TRACE_EVENTS                                                                               \
	"JOIN messages m ON m.id = $1 AND m.company_id = e.company_id\n"                           \
	"WHERE e.message_id = $1\n"                                                                \
	"  AND e.id >= growhub_uuid7_floor(growhub_uuid7_time($1) - interval '1 min')\n"

static const char trace_deliveries_sql[] =
	"SELECT d.event_id, d.endpoint_id, d.state, d.attempts, d.last_status, d.last_error,\n"
	"    d.available_at, d.completed_at\n"
	"FROM webhook_deliveries d JOIN events e ON e.id = d.event_id\n" TRACE_EVENTS
	"ORDER BY d.event_id, d.endpoint_id";

static const char trace_entries_sql[] =
	"SELECT $2::int2, growhub_uuid7_time(m.id), NULL::int2, m.status, 0::int2, 0::int2,\n"
	"    0, 0::int2, 0, NULL::uuid, NULL::text, NULL::text\n"
	"FROM messages m WHERE m.id = $1\n"
	"UNION ALL\n"
	"SELECT $3::int2, t.at, t.from_status, t.to_status, 0, t.attempt, 0, 0, 0, NULL, "
	"t.daemon,\n"
	"    t.reason\n"
	"FROM message_transitions t WHERE t.message_id = $1\n"
	"UNION ALL\n"
	"SELECT $4::int2, e.occurred_at, NULL, 0, e.type, 0, 0, 0, 0, e.id, NULL, NULL\n"
	"FROM events e\n" TRACE_EVENTS "UNION ALL\n"
	"SELECT $5::int2, p.at, NULL, 0, 0, p.attempt, p.endpoint_id, coalesce(p.status, 0),\n"
	"    p.duration_ms, p.event_id, NULL, p.error\n"
	"FROM webhook_attempts p JOIN events e ON e.id = p.event_id\n" TRACE_EVENTS "UNION ALL\n"
	"SELECT $6::int2, l.created_at, NULL, 0, 0, l.attempts, 0, 0, 0, NULL, NULL, l.reason\n"
	"FROM dead_letters l WHERE l.message_id = $1\n"
	"ORDER BY 2, 1";

enum { TRACE_MESSAGE, TRACE_QUEUE, TRACE_KEYS, TRACE_DELIVERIES, TRACE_ENTRIES };

static const struct db_stmt trace_stmts[] = {
	[TRACE_MESSAGE] = {"trace_message", trace_message_sql, DB_TYPES(DB_UUID)},
	[TRACE_QUEUE] = {"trace_queue", trace_queue_sql, DB_TYPES(DB_UUID)},
	[TRACE_KEYS] = {"trace_keys", trace_keys_sql, DB_TYPES(DB_UUID)},
	[TRACE_DELIVERIES] = {"trace_deliveries", trace_deliveries_sql, DB_TYPES(DB_UUID)},
	[TRACE_ENTRIES] = {"trace_entries", trace_entries_sql,
			   DB_TYPES(DB_UUID, DB_INT2, DB_INT2, DB_INT2, DB_INT2, DB_INT2)},
};
const struct db_stmt_table trace_stmt_table = DB_STMT_TABLE(trace_stmts);

void
trace_read_add(struct db_unit *u, struct uuid id)
{
	struct db_params *p;

	/* In the order of the enum: trace_of finds the results by it. */
	for (unsigned i = TRACE_MESSAGE; i <= TRACE_DELIVERIES; i++)
		db_p_uuid(db_unit_add(u, &trace_stmts[i]), id);
	p = db_unit_add(u, &trace_stmts[TRACE_ENTRIES]);
	db_p_uuid(p, id);
	db_p_i16(p, TRACE_ACCEPTED);
	db_p_i16(p, TRACE_TRANSITION);
	db_p_i16(p, TRACE_EVENT);
	db_p_i16(p, TRACE_POST);
	db_p_i16(p, TRACE_DEAD_LETTER);
}

static void
read_message(const struct db_result *r, struct arena *a, struct trace_message *m)
{
	m->company_id = db_get_i32(r, 0, 0);
	m->instance_id = db_get_i32(r, 0, 1);
	m->direction = db_get_i32(r, 0, 2);
	m->status = db_get_i32(r, 0, 3);
	m->kind = db_get_i32(r, 0, 4);
	m->priority = db_get_i32(r, 0, 5);
	m->attempts = db_get_i32(r, 0, 6);
	m->is_stalled = db_get_bool(r, 0, 7);
	m->chat = arena_dup(a, db_get_slice(r, 0, 8));
	m->reference = arena_dup(a, db_get_slice(r, 0, 9));
	m->external_id = arena_dup(a, db_get_slice(r, 0, 10));
	m->error_code = arena_dup(a, db_get_slice(r, 0, 11));
	m->error_message = arena_dup(a, db_get_slice(r, 0, 12));
	m->traceparent = arena_dup(a, db_get_slice(r, 0, 13));
	m->scheduled_at_us = db_get_time_us(r, 0, 14);
	m->expires_at_us = db_get_time_us(r, 0, 15);
}

static void
read_queue(const struct db_result *r, struct arena *a, struct trace_queue *q)
{
	q->state = db_get_i32(r, 0, 0);
	q->attempt = db_get_i32(r, 0, 1);
	q->tries = db_get_i32(r, 0, 2);
	q->reason = arena_dup(a, db_get_slice(r, 0, 3));
	q->send_ref = arena_dup(a, db_get_slice(r, 0, 4));
	q->available_at_us = db_get_time_us(r, 0, 5);
	q->lease_until_us = db_get_time_us(r, 0, 6);
	q->expires_at_us = db_get_time_us(r, 0, 7);
}

static void
read_delivery(const struct db_result *r, unsigned row, struct arena *a, struct trace_delivery *d)
{
	d->event_id = db_get_uuid(r, row, 0);
	d->endpoint_id = db_get_i32(r, row, 1);
	d->state = db_get_i32(r, row, 2);
	d->attempts = db_get_i32(r, row, 3);
	d->last_status = db_get_i32(r, row, 4);
	d->last_error = arena_dup(a, db_get_slice(r, row, 5));
	d->available_at_us = db_get_time_us(r, row, 6);
	d->completed_at_us = db_get_time_us(r, row, 7);
}

static void
read_entry(const struct db_result *r, unsigned row, struct arena *a, struct trace_entry *e)
{
	e->what = (enum trace_what)db_get_i32(r, row, 0);
	e->at_us = db_get_time_us(r, row, 1);
	e->from = db_is_null(r, row, 2) ? -1 : db_get_i32(r, row, 2);
	e->to = db_get_i32(r, row, 3);
	e->type = db_get_i32(r, row, 4);
	e->attempt = db_get_i32(r, row, 5);
	e->endpoint_id = db_get_i32(r, row, 6);
	e->http_status = db_get_i32(r, row, 7);
	e->duration_ms = db_get_i32(r, row, 8);
	e->id = db_get_uuid(r, row, 9);
	e->who = arena_dup(a, db_get_slice(r, row, 10));
	e->reason = arena_dup(a, db_get_slice(r, row, 11));
}

bool
trace_of(const struct db_unit *u, struct arena *a, struct trace *t)
{
	const struct db_result *keys = db_unit_result(u, TRACE_KEYS);
	const struct db_result *deliveries = db_unit_result(u, TRACE_DELIVERIES);
	const struct db_result *entries = db_unit_result(u, TRACE_ENTRIES);

	*t = (struct trace){.is_queued = db_row_count(db_unit_result(u, TRACE_QUEUE)) > 0};
	if (db_row_count(db_unit_result(u, TRACE_MESSAGE)) == 0)
		return false;
	read_message(db_unit_result(u, TRACE_MESSAGE), a, &t->message);
	if (t->is_queued)
		read_queue(db_unit_result(u, TRACE_QUEUE), a, &t->queue);
	t->key_count = db_row_count(keys);
	t->keys = arena_alloc_array(a, t->key_count, sizeof(*t->keys));
	for (unsigned i = 0; i < t->key_count; i++)
		t->keys[i] = arena_dup(a, db_get_slice(keys, i, 0));
	t->delivery_count = db_row_count(deliveries);
	t->deliveries = arena_alloc_array(a, t->delivery_count, sizeof(*t->deliveries));
	for (unsigned i = 0; i < t->delivery_count; i++)
		read_delivery(deliveries, i, a, &t->deliveries[i]);
	t->entry_count = db_row_count(entries);
	t->entries = arena_alloc_array(a, t->entry_count, sizeof(*t->entries));
	for (unsigned i = 0; i < t->entry_count; i++)
		read_entry(entries, i, a, &t->entries[i]);
	return true;
}
