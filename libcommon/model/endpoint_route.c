/* endpoint_route.c - where deliveries go; see endpoint_route.h. */
#include "model/endpoint_route.h"

#include "base/arena.h"
#include "model/event_sql.h"

static const char endpoint_route_read_sql[] =
	"SELECT w.id, w.company_id, w.url, w.format, w.max_concurrency,\n"
	"    w.custom_headers_sealed, w.options,\n"
	"    ARRAY(SELECT s.secret_sealed FROM webhook_secrets s\n"
	"          WHERE s.endpoint_id = w.id\n"
	"            AND (s.expires_at IS NULL OR s.expires_at > now())\n"
	"          ORDER BY s.expires_at IS NULL DESC, s.expires_at DESC, s.id DESC LIMIT 3)\n"
	"FROM unnest($1::int4[]) AS t(id)\n"
	"CROSS JOIN LATERAL (SELECT * FROM instance_webhooks e WHERE e.id = t.id AND e.is_active\n"
	"    AND e.disabled_at IS NULL AND e.deleted_at IS NULL OFFSET 0) w";

static const char endpoint_disable_sql[] =
	"WITH gone AS (\n"
	"  SELECT id FROM instance_webhooks WHERE id = ANY ($1::int4[]) AND disabled_at IS NULL\n"
	"  ORDER BY id FOR UPDATE\n"
	")\n"
	"UPDATE instance_webhooks w\n"
	"SET disabled_at = now(), failure_state = 'disabled', updated_at = now()\n"
	"FROM gone g WHERE w.id = g.id";

/* Of the endpoints that the statement before disabled: so it is not told itself. */
static const char endpoint_disabled_sql[] =
	"WITH ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)\n"
	"  SELECT DISTINCT ON (w.id) t.event_id, w.company_id, w.instance_id, 27, now(), t.facts\n"
	"  FROM unnest($1::int4[], $2::uuid[], $3::text[]) AS t(id, event_id, facts)\n"
	"  CROSS JOIN LATERAL (SELECT * FROM instance_webhooks e\n"
	"    WHERE e.id = t.id AND e.disabled_at = now() OFFSET 0) w\n"
	"  ORDER BY w.id, t.event_id\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL "SELECT e.id FROM ev e";

static const char endpoint_timer_sql[] =
	"INSERT INTO outbox_messages (kind, class, company_id, target_id, available_at)\n"
	"VALUES (3, 2, $1, $2, clock_timestamp() + $3::int8 * interval '1 us')";

enum { ENDPOINT_ROUTE_READ, ENDPOINT_DISABLE, ENDPOINT_DISABLED, ENDPOINT_TIMER };

static const struct db_stmt endpoint_route_stmts[] = {
	[ENDPOINT_ROUTE_READ] = {"endpoint_route_read", endpoint_route_read_sql,
				 DB_TYPES(DB_INT4_ARRAY)},
	[ENDPOINT_DISABLE] = {"endpoint_disable", endpoint_disable_sql, DB_TYPES(DB_INT4_ARRAY)},
	[ENDPOINT_DISABLED] = {"endpoint_disabled", endpoint_disabled_sql,
			       DB_TYPES(DB_INT4_ARRAY, DB_UUID_ARRAY, DB_TEXT_ARRAY)},
	[ENDPOINT_TIMER] = {"endpoint_timer", endpoint_timer_sql,
			    DB_TYPES(DB_INT4, DB_INT4, DB_INT8)},
};
const struct db_stmt_table endpoint_route_stmt_table = DB_STMT_TABLE(endpoint_route_stmts);

static void
endpoint_add_ids(struct db_unit *u, unsigned stmt, const int32_t *ids, unsigned count)
{
	struct db_params *p = db_unit_add(u, &endpoint_route_stmts[stmt]);
	struct db_arr *id = db_p_array(p, DB_INT4, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_i32(id, ids[i]);
}

void
endpoint_route_add(struct db_unit *u, const int32_t *ids, unsigned count)
{
	endpoint_add_ids(u, ENDPOINT_ROUTE_READ, ids, count);
}

unsigned
endpoint_route_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
		    struct endpoint_route_row **rows)
{
	const struct db_result *r = db_unit_result(u, stmt);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		struct endpoint_route_row *row = &(*rows)[i];
		struct db_array_it secrets = db_get_array(r, i, 7);
		struct slice secret;

		row->id = db_get_i32(r, i, 0);
		row->company_id = db_get_i32(r, i, 1);
		row->url = arena_dup(a, db_get_slice(r, i, 2));
		row->format = event_format_of(db_get_slice(r, i, 3));
		row->max_concurrency = db_get_i32(r, i, 4);
		row->headers_sealed = arena_dup(a, db_get_slice(r, i, 5));
		row->options = (unsigned)db_get_i32(r, i, 6);
		while (row->secret_count < ENDPOINT_SECRETS_MAX && db_array_next(&secrets, &secret))
			row->secret_sealed[row->secret_count++] = arena_dup(a, secret);
	}
	return count;
}

static struct slice
endpoint_disabled_facts(struct arena *a, int32_t id)
{
	return slice_of(arena_printf(a, "{\"endpoint_id\":%d,\"reason\":\"receiver_asked\"}", id));
}

void
endpoint_disable_add(struct db_unit *u, const int32_t *ids, unsigned count)
{
	struct arena *a = db_unit_arena(u);
	struct db_params *p;
	struct db_arr *id, *event_id, *facts;

	endpoint_add_ids(u, ENDPOINT_DISABLE, ids, count);
	p = db_unit_add(u, &endpoint_route_stmts[ENDPOINT_DISABLED]);
	id = db_p_array(p, DB_INT4, count);
	event_id = db_p_array(p, DB_UUID, count);
	facts = db_p_array(p, DB_TEXT, count);
	for (unsigned i = 0; i < count; i++) {
		db_arr_i32(id, ids[i]);
		db_arr_uuid(event_id, uuid7_new());
		db_arr_text(facts, endpoint_disabled_facts(a, ids[i]));
	}
}

void
endpoint_timer_add(struct db_unit *u, int32_t company_id, int32_t endpoint_id, int64_t delay_us)
{
	struct db_params *p = db_unit_add(u, &endpoint_route_stmts[ENDPOINT_TIMER]);

	db_p_i32(p, company_id);
	db_p_i32(p, endpoint_id);
	db_p_i64(p, delay_us);
}
