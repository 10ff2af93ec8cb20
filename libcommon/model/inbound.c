#include "model/inbound.h"

#include "base/arena.h"
#include "model/delivery.h"
#include "model/event_sql.h"
#include "model/instance_lock.h"
#include "model/instance_sql.h"

static const char inbound_take_sql[] =
	"SELECT q.id, q.company_id, q.instance_id, q.tries, e.provider_type, e.body,\n"
	"       i.instance_name, i.external_instance_id, i.phone_number, i.status,\n"
	"       o.session, o.session IS NOT NULL AND e.provider_type <> p.type\n"
	"FROM unnest($1::int4[]) AS w(instance_id)\n"
	"JOIN instances i ON i.id = w.instance_id\n"
	"JOIN providers p ON p.id = i.provider_id\n"
	"LEFT JOIN LATERAL (\n"
	"  SELECT CASE WHEN m.switched_at IS NULL THEN m.to_session ELSE m.from_session END\n"
	"      AS session\n"
	"  FROM instance_moves m WHERE m.instance_id = w.instance_id\n"
	"  ORDER BY m.id DESC LIMIT 1) o ON true\n"
	"CROSS JOIN LATERAL (\n"
	"  SELECT b.id, b.company_id, b.instance_id, b.tries FROM inbound_queue b\n"
	"  WHERE b.instance_id = w.instance_id AND b.available_at <= now()\n"
	"  ORDER BY b.id LIMIT $2) q\n"
	"JOIN inbound_events e ON e.id = q.id\n"
	"ORDER BY q.company_id, q.instance_id, q.id";

static const char inbound_resolve_sql[] =
	"SELECT r.instance_id, r.external_id, m.id, m.status, m.direction, m.origin, m.chat_key,\n"
	"    m.reference, q.state, q.attempt,\n"
	/* Bits of enum msg_status. */
	"    (CASE WHEN m.delivered_at IS NULL THEN 0 ELSE 32 END\n"
	"      + CASE WHEN m.read_at IS NULL THEN 0 ELSE 64 END\n"
	"      + CASE WHEN m.played_at IS NULL THEN 0 ELSE 128 END)::int4\n"
	"FROM unnest($1::int4[], $2::text[]) AS r(instance_id, external_id)\n"
	"JOIN message_keys k ON k.instance_id = r.instance_id AND k.external_id = r.external_id\n"
	"JOIN messages m ON m.id = k.message_id\n"
	"LEFT JOIN send_queue q ON q.message_id = m.id";

/* Of the receipts of one kind for one message the first is news, or none. Judged in one pass: a
 * join of f with the fresh ones would compare each row of the round with each. */
static const char inbound_status_sql[] =
	"WITH f AS MATERIALIZED (\n"
	"  SELECT t.*, m.status AS old_status, m.company_id, m.instance_id,\n"
	"      row_number() OVER (PARTITION BY t.message_id, t.status ORDER BY t.ord) = 1\n"
	"      AND CASE t.status WHEN 4 THEN m.sent_at IS NULL AND m.status < 4\n"
	"                        WHEN 5 THEN m.delivered_at IS NULL\n"
	"                        WHEN 6 THEN m.read_at IS NULL\n"
	"                        WHEN 7 THEN m.played_at IS NULL\n"
	"                        WHEN 8 THEN m.status BETWEEN 2 AND 4 END AS is_news\n"
	"  FROM unnest($1::uuid[], $2::uuid[], $3::int2[], $4::timestamptz[], $5::uuid[],\n"
	"      $6::int2[], $7::text[])\n"
	"    WITH ORDINALITY AS t(body_id, message_id, status, at, event_id, event_type, facts,\n"
	"        ord)\n"
	"  JOIN inbound_queue b ON b.id = t.body_id\n"
	"  JOIN messages m ON m.id = t.message_id\n"
	"), fresh AS MATERIALIZED (\n"
	"  SELECT f.* FROM f WHERE f.is_news\n"
	"), msg AS (\n"
	"  UPDATE messages m\n"
	"  SET status = CASE WHEN m.status >= 8 THEN m.status ELSE greatest(m.status, x.top) END,\n"
	"      sent_at = coalesce(m.sent_at, x.sent_at),\n"
	"      delivered_at = coalesce(m.delivered_at, x.delivered_at),\n"
	"      read_at = coalesce(m.read_at, x.read_at),\n"
	"      played_at = coalesce(m.played_at, x.played_at),\n"
	"      error_code = CASE WHEN x.top = 8 THEN 'provider_reported' ELSE m.error_code END,\n"
	"      acked_at = coalesce(m.acked_at, x.acked_at),\n"
	"      is_stalled = m.is_stalled AND x.acked_at IS NULL\n"
	"  FROM (SELECT f.message_id, max(f.status) FILTER (WHERE f.is_news) AS top,\n"
	"               min(f.at) FILTER (WHERE f.is_news AND f.status = 4) AS sent_at,\n"
	"               min(f.at) FILTER (WHERE f.is_news AND f.status = 5) AS delivered_at,\n"
	"               min(f.at) FILTER (WHERE f.is_news AND f.status = 6) AS read_at,\n"
	"               min(f.at) FILTER (WHERE f.is_news AND f.status = 7) AS played_at,\n"
	"               min(f.at) FILTER (WHERE f.status BETWEEN 4 AND 7) AS acked_at\n"
	"        FROM f GROUP BY f.message_id) x\n"
	"  WHERE m.id = x.message_id AND (x.top IS NOT NULL OR m.acked_at IS NULL)\n"
	"), noted AS (\n"
	"  INSERT INTO message_transitions (message_id, from_status, to_status, daemon, reason)\n"
	"  SELECT n.message_id, n.old_status, n.status, $8, 'provider webhook'\n"
	"  FROM fresh n ORDER BY n.message_id, n.status\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, message_id, type, occurred_at, facts)\n"
	"  SELECT n.event_id, n.company_id, n.instance_id, n.message_id, n.event_type, n.at,\n"
	"      n.facts\n"
	"  FROM fresh n WHERE n.event_id IS NOT NULL\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_TAKING_SQL("$9", "$10");

static const char inbound_message_sql[] =
	"WITH f AS MATERIALIZED (\n"
	"  SELECT t.*, b.company_id, b.instance_id\n"
	"  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int2[], $5::int2[], $6::int2[],\n"
	"      $7::int2[], $8::text[],\n"
	"              $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],\n"
	"                  $14::timestamptz[],\n"
	"              $15::uuid[], $16::text[])\n"
	"    AS t(body_id, id, external_id, direction, status, kind, origin, chat_key,\n"
	"        phone_from, recipient,\n"
	"         content, payload, reply_to, at, event_id, facts)\n"
	"  JOIN inbound_queue b ON b.id = t.body_id\n"
	"), k AS (\n"
	"  INSERT INTO message_keys (instance_id, external_id, message_id)\n"
	"  SELECT f.instance_id, f.external_id, f.id FROM f\n"
	"  ORDER BY f.instance_id, f.external_id\n"
	"  ON CONFLICT DO NOTHING\n"
	"  RETURNING message_id\n"
	"), m AS (\n"
	"  INSERT INTO messages (id, company_id, instance_id, direction, status, kind, origin,\n"
	"      chat_key, phone_from,\n"
	"                        to_requested, content, payload, reply_to, external_id, sent_at)\n"
	"  SELECT f.id, f.company_id, f.instance_id, f.direction, f.status, f.kind, f.origin,\n"
	"      f.chat_key, f.phone_from,\n"
	"         f.recipient, f.content, f.payload::jsonb, f.reply_to, f.external_id, f.at\n"
	"  FROM f JOIN k ON k.message_id = f.id\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, message_id, type, occurred_at, facts)\n"
	"  SELECT f.event_id, f.company_id, f.instance_id, f.id, 1, f.at, f.facts\n"
	"  FROM f JOIN k ON k.message_id = f.id\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_TAKING_SQL("$17", "$18");

/* Where nobody told an id the send_ref stands for it. */
static const char inbound_echo_sql[] =
	"WITH f AS MATERIALIZED (\n"
	"  SELECT t.message_id, t.external_id, t.send_ref, t.ord, b.instance_id\n"
	"  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])\n"
	"    WITH ORDINALITY AS t(body_id, message_id, external_id, send_ref, ord)\n"
	"  JOIN inbound_queue b ON b.id = t.body_id\n"
	"), keyed AS (\n"
	"  INSERT INTO message_keys (instance_id, external_id, message_id)\n"
	"  SELECT f.instance_id, f.external_id, f.message_id FROM f\n"
	"  ORDER BY f.instance_id, f.external_id\n"
	"  ON CONFLICT DO NOTHING\n"
	")\n"
	"UPDATE messages m SET external_id = x.external_id\n"
	"FROM (SELECT DISTINCT ON (f.message_id) f.* FROM f ORDER BY f.message_id, f.ord) x\n"
	"WHERE m.id = x.message_id\n"
	"  AND (m.external_id IS NULL OR m.external_id = x.send_ref)";

#define SESSION_LEARNED INSTANCE_LEARNED_SQL("$2", "$3", "$4", "$10")

/*
 * "error": the session is to be made; the end of the one before it is no news. The update asks for
 * deletion again, of the newest version of the row: deleting makes the provider tell of the end,
 * and an instance brought back so would hold its slot for ever (chaos/test_chaos_slots.py).
 */
static const char inbound_session_sql[] =
	"WITH old AS MATERIALIZED (\n"
	"  SELECT i.id, i.company_id, i.status FROM instances i\n"
	"  JOIN inbound_queue b ON b.instance_id = i.id AND b.id = $1\n"
	"  WHERE i.status <> 'deleted' AND i.status_at <= $4\n"
	"    AND NOT (i.status = 'error' AND $2 IN ('disconnected', 'failed'))\n"
	"), now_is AS (\n"
	"  UPDATE instances i\n"
	"  SET status = $2, status_reason = $3, status_at = $4, updated_at = now(),\n"
	"      phone_number = coalesce($5, i.phone_number), own_lid = coalesce($6, "
	"i.own_lid),\n" SESSION_LEARNED "\n"
	"  FROM old WHERE i.id = old.id AND i.status <> 'deleted'\n"
	"), wake AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"  SELECT 1, 2, o.company_id, o.id FROM old o\n"
	"  WHERE $2 = 'connected' AND (EXISTS (SELECT 1 FROM send_queue q\n"
	"      WHERE q.instance_id = o.id AND q.state = 0 OFFSET 0)\n"
	"    OR EXISTS (SELECT 1 FROM send_queue q\n"
	"      WHERE q.instance_id = o.id AND q.state IN (1, 2, 3, 4) OFFSET 0))\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)\n"
	"  SELECT e.id, o.company_id, o.id, e.type, $4, $9\n"
	"  FROM old o, unnest($7::uuid[], $8::int2[]) AS e(id, type)\n"
	"  WHERE o.status <> $2\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL
	"SELECT o.id, o.status FROM old o";

/* Types: 12 edited, 13 deleted. */
#define CHANGE_KEY                                                                                 \
	"n.message_id, n.type, CASE n.type WHEN 12 THEN n.at END,\n"                               \
	"      CASE n.type WHEN 12 THEN n.content END"
static const char inbound_change_sql[] =
	"WITH n AS MATERIALIZED (\n"
	"  SELECT t.*\n"
	"  FROM unnest($1::uuid[], $2::uuid[], $3::int2[], $4::timestamptz[], $5::text[],\n"
	"      $6::uuid[], $7::text[])\n"
	"    WITH ORDINALITY AS t(body_id, message_id, type, at, content, event_id, facts, ord)\n"
	"  JOIN inbound_queue b ON b.id = t.body_id\n"
	"), fresh AS MATERIALIZED (\n"
	"  SELECT DISTINCT ON (" CHANGE_KEY ") n.*, m.company_id, m.instance_id\n"
	"  FROM n JOIN messages m ON m.id = n.message_id\n"
	"  WHERE CASE n.type WHEN 12 THEN m.edited_at IS NULL OR m.edited_at < n.at\n"
	"                      OR m.edited_at = n.at AND m.content IS DISTINCT FROM n.content\n"
	"                    WHEN 13 THEN m.deleted_at IS NULL END\n"
	"  ORDER BY " CHANGE_KEY ", n.ord\n"
	"), msg AS (\n"
	"  UPDATE messages m\n"
	"  SET content = coalesce(x.content, m.content),\n"
	"      edited_at = coalesce(x.edited_at, m.edited_at),\n"
	"      deleted_at = coalesce(m.deleted_at, x.deleted_at)\n"
	"  FROM (SELECT f.message_id,\n"
	"               (array_agg(f.content ORDER BY f.at DESC, f.ord DESC)\n"
	"                 FILTER (WHERE f.type = 12))[1] AS content,\n"
	"               max(f.at) FILTER (WHERE f.type = 12) AS edited_at,\n"
	"               min(f.at) FILTER (WHERE f.type = 13) AS deleted_at\n"
	"        FROM fresh f GROUP BY f.message_id) x\n"
	"  WHERE m.id = x.message_id\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, message_id, type, occurred_at, facts)\n"
	"  SELECT f.event_id, f.company_id, f.instance_id, f.message_id, f.type, f.at, f.facts\n"
	"  FROM fresh f\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_TAKING_SQL("$8", "$9");

static const char inbound_event_sql[] =
	"WITH f AS (\n"
	"  SELECT t.*, b.company_id, b.instance_id\n"
	"  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int2[], $5::timestamptz[],\n"
	"      $6::text[])\n"
	"    AS t(body_id, id, message_id, type, at, facts)\n"
	"  JOIN inbound_queue b ON b.id = t.body_id\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, message_id, type, occurred_at, facts)\n"
	"  SELECT f.id, f.company_id, f.instance_id, f.message_id, f.type, f.at, f.facts FROM f\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_TAKING_SQL("$7", "$8");

static const char inbound_orphan_sql[] =
	"INSERT INTO orphans (instance_id, external_id, inbound_id, status, occurred_at)\n"
	"SELECT b.instance_id, t.external_id, t.body_id, t.status, t.at\n"
	"FROM unnest($1::uuid[], $2::text[], $3::int2[], $4::timestamptz[]) AS t(body_id,\n"
	"    external_id, status, at)\n"
	"JOIN inbound_queue b ON b.id = t.body_id";

static const char inbound_settle_sql[] =
	"WITH r AS (\n"
	"  SELECT * FROM unnest($1::uuid[], $2::int2[], $3::text[], $4::int8[]) AS t(id,\n"
	"      verdict, error, delay_us)\n"
	"), gone AS (\n"
	"  DELETE FROM inbound_queue q USING r WHERE q.id = r.id AND r.verdict <> 1\n"
	"  RETURNING q.instance_id\n"
	"), bad AS (\n"
	"  UPDATE inbound_events e SET state = r.verdict, error = r.error\n"
	"  FROM r WHERE e.id = r.id AND r.verdict IN (2, 3)\n"
	"), later AS (\n"
	"  UPDATE inbound_queue q\n"
	"  SET tries = q.tries + 1,\n"
	"      available_at = clock_timestamp() + r.delay_us * interval '1 us'\n"
	"  FROM r WHERE q.id = r.id AND r.verdict = 1\n"
	"  RETURNING q.company_id, q.instance_id, q.available_at\n"
	"), timer AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id, available_at)\n"
	"  SELECT 2, 2, l.company_id, l.instance_id, max(l.available_at) FROM later l\n"
	"  GROUP BY l.company_id, l.instance_id\n"
	"), served AS (\n"
	"  INSERT INTO target_service (kind, target_id, served_at)\n"
	"  SELECT DISTINCT 2, x.instance_id, now()\n"
	"  FROM (SELECT instance_id FROM gone UNION ALL SELECT instance_id FROM later) x\n"
	"  ORDER BY 2\n"
	"  ON CONFLICT (kind, target_id) DO UPDATE SET served_at = excluded.served_at\n"
	")\n"
	"SELECT count(*) FROM gone";

static const char inbound_pending_sql[] =
	"SELECT w.id FROM unnest($1::int4[]) AS w(id)\n"
	"WHERE EXISTS (SELECT 1 FROM inbound_queue q WHERE q.instance_id = w.id\n"
	"    AND q.available_at <= now())";

enum {
	INBOUND_TAKE,
	INBOUND_RESOLVE,
	INBOUND_STATUS,
	INBOUND_MESSAGE,
	INBOUND_ECHO,
	INBOUND_SESSION,
	INBOUND_CHANGE,
	INBOUND_EVENT,
	INBOUND_ORPHAN,
	INBOUND_SETTLE,
	INBOUND_PENDING
};

#define TAKE_TYPES DB_INT4_ARRAY, DB_INT8

static const struct db_stmt inbound_stmts[] = {
	[INBOUND_TAKE] = {"inbound_take", inbound_take_sql, DB_TYPES(DB_INT4_ARRAY, DB_INT4)},
	[INBOUND_RESOLVE] = {"inbound_resolve", inbound_resolve_sql,
			     DB_TYPES(DB_INT4_ARRAY, DB_TEXT_ARRAY)},
	[INBOUND_STATUS] = {"inbound_status", inbound_status_sql,
			    DB_TYPES(DB_UUID_ARRAY, DB_UUID_ARRAY, DB_INT2_ARRAY,
				     DB_TIMESTAMPTZ_ARRAY, DB_UUID_ARRAY, DB_INT2_ARRAY,
				     DB_TEXT_ARRAY, DB_TEXT, TAKE_TYPES)},
	[INBOUND_MESSAGE] = {"inbound_message", inbound_message_sql,
			     DB_TYPES(DB_UUID_ARRAY, DB_UUID_ARRAY, DB_TEXT_ARRAY, DB_INT2_ARRAY,
				      DB_INT2_ARRAY, DB_INT2_ARRAY, DB_INT2_ARRAY, DB_TEXT_ARRAY,
				      DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY,
				      DB_TEXT_ARRAY, DB_TIMESTAMPTZ_ARRAY, DB_UUID_ARRAY,
				      DB_TEXT_ARRAY, TAKE_TYPES)},
	[INBOUND_ECHO] = {"inbound_echo", inbound_echo_sql,
			  DB_TYPES(DB_UUID_ARRAY, DB_UUID_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY)},
	[INBOUND_SESSION] = {"inbound_session", inbound_session_sql,
			     DB_TYPES(DB_UUID, DB_TEXT, DB_TEXT, DB_TIMESTAMPTZ, DB_TEXT, DB_TEXT,
				      DB_UUID_ARRAY, DB_INT2_ARRAY, DB_TEXT, DB_BOOL)},
	[INBOUND_CHANGE] = {"inbound_change", inbound_change_sql,
			    DB_TYPES(DB_UUID_ARRAY, DB_UUID_ARRAY, DB_INT2_ARRAY,
				     DB_TIMESTAMPTZ_ARRAY, DB_TEXT_ARRAY, DB_UUID_ARRAY,
				     DB_TEXT_ARRAY, TAKE_TYPES)},
	[INBOUND_EVENT] = {"inbound_event", inbound_event_sql,
			   DB_TYPES(DB_UUID_ARRAY, DB_UUID_ARRAY, DB_UUID_ARRAY, DB_INT2_ARRAY,
				    DB_TIMESTAMPTZ_ARRAY, DB_TEXT_ARRAY, TAKE_TYPES)},
	[INBOUND_ORPHAN] = {"inbound_orphan", inbound_orphan_sql,
			    DB_TYPES(DB_UUID_ARRAY, DB_TEXT_ARRAY, DB_INT2_ARRAY,
				     DB_TIMESTAMPTZ_ARRAY)},
	[INBOUND_SETTLE] = {"inbound_settle", inbound_settle_sql,
			    DB_TYPES(DB_UUID_ARRAY, DB_INT2_ARRAY, DB_TEXT_ARRAY, DB_INT8_ARRAY)},
	[INBOUND_PENDING] = {"inbound_pending", inbound_pending_sql, DB_TYPES(DB_INT4_ARRAY)},
};
const struct db_stmt_table inbound_stmt_table = DB_STMT_TABLE(inbound_stmts);

static void
inbound_push_ids(struct db_params *p, const int32_t *instance_ids, unsigned count)
{
	struct db_arr *ids = db_p_array(p, DB_INT4, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_i32(ids, instance_ids[i]);
}

void
inbound_take_add(struct db_unit *u, const int32_t *instance_ids, unsigned count,
		 unsigned per_instance)
{
	struct db_params *p = db_unit_add(u, &inbound_stmts[INBOUND_TAKE]);

	inbound_push_ids(p, instance_ids, count);
	db_p_i32(p, (int32_t)per_instance);
}

unsigned
inbound_take_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
		  struct inbound_body **rows)
{
	const struct db_result *r = db_unit_result(u, stmt);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		struct inbound_body *b = &(*rows)[i];

		b->id = db_get_uuid(r, i, 0);
		b->company_id = db_get_i32(r, i, 1);
		b->instance_id = db_get_i32(r, i, 2);
		b->tries = (int16_t)db_get_i32(r, i, 3);
		b->provider_type = arena_dup(a, db_get_slice(r, i, 4));
		b->body = arena_dup(a, db_get_slice(r, i, 5));
		b->instance_name = arena_dup(a, db_get_slice(r, i, 6));
		b->session = arena_dup(a, db_get_slice(r, i, 7));
		b->phone = arena_dup(a, db_get_slice(r, i, 8));
		b->status = arena_dup(a, db_get_slice(r, i, 9));
		b->other_session = arena_dup(a, db_get_slice(r, i, 10));
		b->is_elsewhere = db_get_bool(r, i, 11);
	}
	return count;
}

void
inbound_resolve_add(struct db_unit *u, const struct inbound_key *keys, unsigned count)
{
	struct db_params *p = db_unit_add(u, &inbound_stmts[INBOUND_RESOLVE]);
	struct db_arr *instance_id = db_p_array(p, DB_INT4, count);
	struct db_arr *external_id = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_i32(instance_id, keys[i].instance_id);
		db_arr_text(external_id, keys[i].external_id);
	}
}

unsigned
inbound_resolve_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
		     struct inbound_match **rows)
{
	const struct db_result *r = db_unit_result(u, stmt);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		struct inbound_match *m = &(*rows)[i];

		m->key.instance_id = db_get_i32(r, i, 0);
		m->key.external_id = arena_dup(a, db_get_slice(r, i, 1));
		m->message_id = db_get_uuid(r, i, 2);
		m->status = (enum msg_status)db_get_i32(r, i, 3);
		m->direction = (enum msg_direction)db_get_i32(r, i, 4);
		m->origin = (enum msg_origin)db_get_i32(r, i, 5);
		m->chat_key = arena_dup(a, db_get_slice(r, i, 6));
		m->reference = arena_dup(a, db_get_slice(r, i, 7));
		m->is_in_doubt =
			db_get_i32(r, i, 8) == SEND_IN_DOUBT || db_get_i32(r, i, 8) == SEND_HELD;
		m->attempt = (int16_t)db_get_i32(r, i, 9);
		m->receipts = (unsigned)db_get_i32(r, i, 10);
	}
	return count;
}

void
inbound_begin_add(struct db_unit *u, const int32_t *instance_ids, unsigned count)
{
	instance_lock_add(u, instance_ids, count);
}

void
inbound_status_add(struct db_unit *u, const struct inbound_status *rows, unsigned count,
		   struct slice worker, const struct delivery_take *take)
{
	struct db_params *p = db_unit_add(u, &inbound_stmts[INBOUND_STATUS]);
	struct db_arr *body_id = db_p_array(p, DB_UUID, count);
	struct db_arr *message_id = db_p_array(p, DB_UUID, count);
	struct db_arr *status = db_p_array(p, DB_INT2, count);
	struct db_arr *at = db_p_array(p, DB_TIMESTAMPTZ, count);
	struct db_arr *event_id = db_p_array(p, DB_UUID, count);
	struct db_arr *event_type = db_p_array(p, DB_INT2, count);
	struct db_arr *facts = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid(body_id, rows[i].body_id);
		db_arr_uuid(message_id, rows[i].message_id);
		db_arr_i16(status, (int16_t)rows[i].status);
		db_arr_time_us(at, rows[i].at_us);
		db_arr_uuid_opt(event_id, rows[i].event_id);
		db_arr_i16(event_type, (int16_t)rows[i].event_type);
		db_arr_text(facts, rows[i].facts);
	}
	db_p_text(p, worker);
	delivery_take_push(p, take);
}

void
inbound_message_add(struct db_unit *u, const struct inbound_message *rows, unsigned count,
		    const struct delivery_take *take)
{
	struct db_params *p = db_unit_add(u, &inbound_stmts[INBOUND_MESSAGE]);
	struct db_arr *body_id = db_p_array(p, DB_UUID, count);
	struct db_arr *id = db_p_array(p, DB_UUID, count);
	struct db_arr *external_id = db_p_array(p, DB_TEXT, count);
	struct db_arr *direction = db_p_array(p, DB_INT2, count);
	struct db_arr *status = db_p_array(p, DB_INT2, count);
	struct db_arr *kind = db_p_array(p, DB_INT2, count);
	struct db_arr *origin = db_p_array(p, DB_INT2, count);
	struct db_arr *chat_key = db_p_array(p, DB_TEXT, count);
	struct db_arr *from = db_p_array(p, DB_TEXT, count);
	struct db_arr *to = db_p_array(p, DB_TEXT, count);
	struct db_arr *content = db_p_array(p, DB_TEXT, count);
	struct db_arr *payload = db_p_array(p, DB_TEXT, count);
	struct db_arr *reply_to = db_p_array(p, DB_TEXT, count);
	struct db_arr *at = db_p_array(p, DB_TIMESTAMPTZ, count);
	struct db_arr *event_id = db_p_array(p, DB_UUID, count);
	struct db_arr *facts = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		const struct inbound_message *m = &rows[i];

		db_arr_uuid(body_id, m->body_id);
		db_arr_uuid(id, m->id);
		db_arr_text(external_id, m->external_id);
		db_arr_i16(direction, (int16_t)m->direction);
		db_arr_i16(status, (int16_t)m->status);
		db_arr_i16(kind, (int16_t)m->kind);
		db_arr_i16(origin, (int16_t)m->origin);
		db_arr_text(chat_key, m->chat_key);
		db_arr_text(from, m->from);
		db_arr_text(to, m->to);
		db_arr_text(content, m->content);
		db_arr_text(payload, m->payload);
		db_arr_text(reply_to, m->reply_to);
		db_arr_time_us(at, m->at_us);
		db_arr_uuid(event_id, m->event_id);
		db_arr_text(facts, m->facts);
	}
	delivery_take_push(p, take);
}

void
inbound_echo_add(struct db_unit *u, const struct inbound_echo *rows, unsigned count)
{
	struct db_params *p = db_unit_add(u, &inbound_stmts[INBOUND_ECHO]);
	struct db_arr *body_id = db_p_array(p, DB_UUID, count);
	struct db_arr *message_id = db_p_array(p, DB_UUID, count);
	struct db_arr *external_id = db_p_array(p, DB_TEXT, count);
	struct db_arr *send_ref = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid(body_id, rows[i].body_id);
		db_arr_uuid(message_id, rows[i].message_id);
		db_arr_text(external_id, rows[i].external_id);
		db_arr_text(send_ref, rows[i].send_ref);
	}
}

void
inbound_session_add(struct db_unit *u, const struct inbound_session *s)
{
	struct db_params *p = db_unit_add(u, &inbound_stmts[INBOUND_SESSION]);
	struct db_arr *event_id, *event_type;

	db_p_uuid(p, s->body_id);
	db_p_text(p, s->status);
	db_p_text(p, s->reason);
	db_p_time_us(p, s->at_us);
	db_p_text(p, s->phone);
	db_p_text(p, s->own_lid);
	event_id = db_p_array(p, DB_UUID, INBOUND_SESSION_EVENTS);
	event_type = db_p_array(p, DB_INT2, INBOUND_SESSION_EVENTS);
	for (size_t i = 0; i < INBOUND_SESSION_EVENTS; i++) {
		if (s->events[i].type == EVENT_NONE)
			continue;
		db_arr_uuid(event_id, s->events[i].id);
		db_arr_i16(event_type, (int16_t)s->events[i].type);
	}
	db_p_text(p, s->facts);
	db_p_bool(p, s->is_unpaired);
}

void
inbound_change_add(struct db_unit *u, const struct inbound_change *rows, unsigned count,
		   const struct delivery_take *take)
{
	struct db_params *p = db_unit_add(u, &inbound_stmts[INBOUND_CHANGE]);
	struct db_arr *body_id = db_p_array(p, DB_UUID, count);
	struct db_arr *message_id = db_p_array(p, DB_UUID, count);
	struct db_arr *type = db_p_array(p, DB_INT2, count);
	struct db_arr *at = db_p_array(p, DB_TIMESTAMPTZ, count);
	struct db_arr *content = db_p_array(p, DB_TEXT, count);
	struct db_arr *event_id = db_p_array(p, DB_UUID, count);
	struct db_arr *facts = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid(body_id, rows[i].body_id);
		db_arr_uuid(message_id, rows[i].message_id);
		db_arr_i16(type, (int16_t)rows[i].event_type);
		db_arr_time_us(at, rows[i].at_us);
		db_arr_text(content, rows[i].content);
		db_arr_uuid(event_id, rows[i].event_id);
		db_arr_text(facts, rows[i].facts);
	}
	delivery_take_push(p, take);
}

void
inbound_event_add(struct db_unit *u, const struct inbound_event *rows, unsigned count,
		  const struct delivery_take *take)
{
	struct db_params *p = db_unit_add(u, &inbound_stmts[INBOUND_EVENT]);
	struct db_arr *body_id = db_p_array(p, DB_UUID, count);
	struct db_arr *id = db_p_array(p, DB_UUID, count);
	struct db_arr *message_id = db_p_array(p, DB_UUID, count);
	struct db_arr *type = db_p_array(p, DB_INT2, count);
	struct db_arr *at = db_p_array(p, DB_TIMESTAMPTZ, count);
	struct db_arr *facts = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid(body_id, rows[i].body_id);
		db_arr_uuid(id, rows[i].id);
		db_arr_uuid_opt(message_id, rows[i].message_id);
		db_arr_i16(type, (int16_t)rows[i].type);
		db_arr_time_us(at, rows[i].at_us);
		db_arr_text(facts, rows[i].facts);
	}
	delivery_take_push(p, take);
}

void
inbound_orphan_add(struct db_unit *u, const struct inbound_orphan *rows, unsigned count)
{
	struct db_params *p = db_unit_add(u, &inbound_stmts[INBOUND_ORPHAN]);
	struct db_arr *body_id = db_p_array(p, DB_UUID, count);
	struct db_arr *external_id = db_p_array(p, DB_TEXT, count);
	struct db_arr *status = db_p_array(p, DB_INT2, count);
	struct db_arr *at = db_p_array(p, DB_TIMESTAMPTZ, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid(body_id, rows[i].body_id);
		db_arr_text(external_id, rows[i].external_id);
		if (rows[i].has_status)
			db_arr_i16(status, (int16_t)rows[i].status);
		else
			db_arr_null(status);
		db_arr_time_us(at, rows[i].at_us);
	}
}

void
inbound_settle_add(struct db_unit *u, const struct inbound_settled *rows, unsigned count)
{
	struct db_params *p = db_unit_add(u, &inbound_stmts[INBOUND_SETTLE]);
	struct db_arr *body_id = db_p_array(p, DB_UUID, count);
	struct db_arr *verdict = db_p_array(p, DB_INT2, count);
	struct db_arr *error = db_p_array(p, DB_TEXT, count);
	struct db_arr *delay_us = db_p_array(p, DB_INT8, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid(body_id, rows[i].body_id);
		db_arr_i16(verdict, (int16_t)rows[i].verdict);
		db_arr_text(error, rows[i].error);
		db_arr_i64(delay_us, rows[i].delay_us);
	}
}

void
inbound_pending_add(struct db_unit *u, const int32_t *instance_ids, unsigned count)
{
	inbound_push_ids(db_unit_add(u, &inbound_stmts[INBOUND_PENDING]), instance_ids, count);
}

bool
inbound_pending_has(const struct db_unit *u, unsigned stmt, int32_t instance_id)
{
	const struct db_result *r = db_unit_result(u, stmt);

	for (unsigned i = 0; i < db_row_count(r); i++) {
		if (db_get_i32(r, i, 0) == instance_id)
			return true;
	}
	return false;
}
