#include "model/delivery.h"

#include "base/arena.h"
#include "model/async_commit.h"

static const char delivery_claim_sql[] =
	"WITH want AS MATERIALIZED (\n"
	"  SELECT w.id, w.n, e.format FROM unnest($1::int4[], $2::int4[]) AS w(id, n)\n"
	"  CROSS JOIN LATERAL (SELECT e.format FROM instance_webhooks e\n"
	"      WHERE e.id = w.id AND e.is_active\n"
	"      AND e.disabled_at IS NULL AND e.deleted_at IS NULL OFFSET 0) e\n"
	"), served AS (\n"
	"  INSERT INTO target_service (kind, target_id, served_at)\n"
	"  SELECT 3, w.id, now() FROM want w ORDER BY w.id\n"
	"  ON CONFLICT (kind, target_id) DO UPDATE SET served_at = excluded.served_at\n"
	"), pick AS MATERIALIZED (\n"
	"  SELECT p.event_id, p.endpoint_id, w.format\n"
	"  FROM want w CROSS JOIN LATERAL (\n"
	"    SELECT d.event_id, d.endpoint_id FROM webhook_deliveries d\n"
	"    WHERE d.endpoint_id = w.id AND d.state = 0 AND d.available_at <= now()\n"
	"    ORDER BY d.available_at, d.event_id LIMIT w.n\n"
	"    FOR UPDATE SKIP LOCKED) p\n"
	"), claimed AS (\n"
	"  UPDATE webhook_deliveries d\n"
	"  SET state = 1, attempts = d.attempts + 1,\n"
	"      lease_until = clock_timestamp() + $3::int8 * interval '1 us'\n"
	"  FROM pick p WHERE d.event_id = p.event_id AND d.endpoint_id = p.endpoint_id\n"
	"  RETURNING d.event_id, d.endpoint_id, d.attempts, p.format\n"
	")\n"
	"SELECT c.event_id, c.endpoint_id, c.attempts, e.company_id, e.instance_id,\n"
	"    e.message_id, e.type, e.occurred_at, e.facts,\n"
	"    m.kind, m.content, m.media_url, m.payload, m.reply_to\n"
	"FROM claimed c JOIN events e ON e.id = c.event_id\n"
	/* delivery_needs_message: of any other row the condition is judged and nothing read. */
	"LEFT JOIN LATERAL (SELECT * FROM messages x WHERE x.id = e.message_id\n"
	"    AND e.type = 3 AND c.format = 'uazapi' OFFSET 0) m ON true\n"
	"ORDER BY c.endpoint_id, c.event_id";

static const char delivery_pending_for_sql[] =
	"SELECT w.id FROM unnest($1::int4[]) AS w(id)\n"
	"CROSS JOIN LATERAL (SELECT FROM instance_webhooks e WHERE e.id = w.id AND e.is_active\n"
	"    AND e.disabled_at IS NULL AND e.deleted_at IS NULL OFFSET 0) e\n"
	"WHERE EXISTS (SELECT 1 FROM webhook_deliveries d\n"
	"              WHERE d.endpoint_id = w.id AND d.state = 0 AND d.available_at <= now()\n"
	"              OFFSET 0)";

/* IS NOT DISTINCT FROM: `state = 1` would offer the whole index of leases instead of the key. */
static const char delivery_finish_sql[] =
	"WITH r AS (\n"
	"  SELECT * FROM unnest($1::uuid[], $2::int4[], $3::int2[], $4::int2[], $5::int8[],\n"
	"      $6::int2[], $7::text[],\n"
	"                       $8::int4[], $9::text[], $10::timestamptz[])\n"
	"    AS t(event_id, endpoint_id, attempt, outcome, delay_us, status, error, duration_ms,\n"
	"        excerpt, at)\n"
	"), done AS (\n"
	"  UPDATE webhook_deliveries d\n"
	/* One asked for by hand that fails leaves the row as it was before. */
	"  SET state = CASE WHEN r.outcome = 0 THEN 2\n"
	"                   WHEN r.outcome IN (1, 2) AND d.manual_from IS NOT NULL\n"
	"                   THEN d.manual_from\n"
	"                   WHEN r.outcome = 2 THEN 3 ELSE 0 END,\n"
	"      attempts = d.attempts\n"
	"          - (r.outcome = 3 OR r.outcome IN (1, 2) AND d.manual_from IS NOT NULL)::int,\n"
	"      lease_until = NULL, last_status = r.status, last_error = r.error,\n"
	"      available_at = CASE WHEN r.outcome IN (1, 2) AND d.manual_from IS NOT NULL\n"
	"                          THEN d.manual_due\n"
	"                          WHEN r.outcome IN (1, 3)\n"
	"                          THEN clock_timestamp() + r.delay_us * interval '1 us'\n"
	"                          ELSE d.available_at END,\n"
	"      completed_at = CASE WHEN r.outcome = 0 THEN r.at\n"
	"                          WHEN d.manual_from IS NOT NULL THEN d.completed_at\n"
	"                          WHEN r.outcome = 2 THEN r.at END,\n"
	"      manual_from = CASE r.outcome WHEN 3 THEN d.manual_from END,\n"
	/* Outlives manual_from by one attempt: that is how `done` tells this one was by hand. */
	"      manual_due = CASE WHEN d.manual_from IS NOT NULL THEN d.manual_due END\n"
	"  FROM r\n"
	"  WHERE d.event_id = r.event_id AND d.endpoint_id = r.endpoint_id\n"
	"      AND d.state IS NOT DISTINCT FROM 1 AND d.attempts = r.attempt\n"
	"  RETURNING d.event_id, d.endpoint_id, d.company_id, d.available_at, r.outcome,\n"
	"      r.attempt, r.status, r.error,\n"
	"            r.duration_ms, r.excerpt, r.at, d.state, d.manual_due IS NOT NULL AS "
	"is_manual\n"
	"), logged AS (\n"
	"  INSERT INTO webhook_attempts (event_id, endpoint_id, attempt, at, duration_ms,\n"
	"      status, error, response_excerpt, is_manual)\n"
	"  SELECT d.event_id, d.endpoint_id, d.attempt, d.at, d.duration_ms, d.status, d.error,\n"
	"      d.excerpt, d.is_manual FROM done d\n"
	"  WHERE d.outcome <> 3\n"
	"), timer AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id, available_at)\n"
	"  SELECT DISTINCT 3, 2, d.company_id, d.endpoint_id, d.available_at FROM done d\n"
	"      WHERE d.state = 0\n"
	"), good AS (\n"
	"  UPDATE instance_webhooks w SET last_success_at = now(), failure_state = 'ok'\n"
	"  WHERE w.id IN (SELECT d.endpoint_id FROM done d WHERE d.outcome = 0)\n"
	"    AND (w.failure_state <> 'ok' OR w.last_success_at IS NULL\n"
	"         OR w.last_success_at < now() - interval '1 min')\n"
	"), bad AS (\n"
	"  UPDATE instance_webhooks w SET failure_state = 'failing'\n"
	"  WHERE w.id IN (SELECT d.endpoint_id FROM done d WHERE d.outcome IN (1, 2)\n"
	"      AND d.attempt >= 4 AND NOT d.is_manual)\n"
	"    AND w.failure_state = 'ok'\n"
	")\n"
	"SELECT d.event_id, d.endpoint_id FROM done d";

static const char delivery_lapse_sql[] =
	"WITH back AS (\n"
	"  UPDATE webhook_deliveries d SET state = 0, available_at = now(), lease_until = NULL\n"
	"  FROM (SELECT event_id, endpoint_id FROM webhook_deliveries\n"
	"        WHERE state = 1 AND lease_until < now() ORDER BY lease_until\n"
	"            LIMIT $1 FOR UPDATE SKIP LOCKED) x\n"
	"  WHERE d.event_id = x.event_id AND d.endpoint_id = x.endpoint_id\n"
	"  RETURNING d.company_id, d.endpoint_id\n"
	"), hint AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"  SELECT DISTINCT 3, 2, b.company_id, b.endpoint_id FROM back b\n"
	")\n"
	"SELECT count(*) FROM back";

enum { DELIVERY_CLAIM, DELIVERY_PENDING_FOR, DELIVERY_FINISH, DELIVERY_LAPSE };

static const struct db_stmt delivery_stmts[] = {
	[DELIVERY_CLAIM] = {"delivery_claim", delivery_claim_sql,
			    DB_TYPES(DB_INT4_ARRAY, DB_INT4_ARRAY, DB_INT8)},
	[DELIVERY_PENDING_FOR] = {"delivery_pending_for", delivery_pending_for_sql,
				  DB_TYPES(DB_INT4_ARRAY)},
	[DELIVERY_FINISH] = {"delivery_finish", delivery_finish_sql,
			     DB_TYPES(DB_UUID_ARRAY, DB_INT4_ARRAY, DB_INT2_ARRAY, DB_INT2_ARRAY,
				      DB_INT8_ARRAY, DB_INT2_ARRAY, DB_TEXT_ARRAY, DB_INT4_ARRAY,
				      DB_TEXT_ARRAY, DB_TIMESTAMPTZ_ARRAY)},
	[DELIVERY_LAPSE] = {"delivery_lapse", delivery_lapse_sql, DB_TYPES(DB_INT4)},
};
const struct db_stmt_table delivery_stmt_table = DB_STMT_TABLE(delivery_stmts);

/* Statements of a claim unit, in order. */
enum { CLAIM_AT_ASYNC, CLAIM_AT_CLAIM, CLAIM_AT_PENDING };

void
delivery_claim_add(struct db_unit *u, const struct delivery_want *wants, unsigned count,
		   int64_t lease_us)
{
	struct db_params *p;
	struct db_arr *ids, *rows;

	if (count == 0 || count > DELIVERY_CLAIM_ENDPOINTS || db_unit_count(u) != CLAIM_AT_ASYNC)
		gh_panic("delivery_claim_add: %u endpoints", count);
	async_commit_add(u);
	p = db_unit_add(u, &delivery_stmts[DELIVERY_CLAIM]);
	ids = db_p_array(p, DB_INT4, count);
	rows = db_p_array(p, DB_INT4, count);
	for (unsigned i = 0; i < count; i++) {
		db_arr_i32(ids, wants[i].endpoint_id);
		db_arr_i32(rows, wants[i].rows);
	}
	db_p_i64(p, lease_us);

	p = db_unit_add(u, &delivery_stmts[DELIVERY_PENDING_FOR]);
	ids = db_p_array(p, DB_INT4, count);
	for (unsigned i = 0; i < count; i++)
		db_arr_i32(ids, wants[i].endpoint_id);
}

_Static_assert(EVENT_MESSAGE_SENT == 3, "the claim names it");

bool
delivery_needs_message(enum event_type type, enum event_format format)
{
	return type == EVENT_MESSAGE_SENT && format == EVENT_FORMAT_UAZAPI;
}

static void
claim_message_read(const struct db_result *r, unsigned i, struct arena *a,
		   struct delivery_message *m)
{
	m->is_known = !db_is_null(r, i, 9);
	if (!m->is_known)
		return;
	m->kind = db_get_i32(r, i, 9);
	m->content = arena_dup(a, db_get_slice(r, i, 10));
	m->media_url = arena_dup(a, db_get_slice(r, i, 11));
	m->payload = arena_dup(a, db_get_slice(r, i, 12));
	m->reply_to = arena_dup(a, db_get_slice(r, i, 13));
}

unsigned
delivery_claim_rows(const struct db_unit *u, struct arena *a, struct delivery_claim **rows)
{
	const struct db_result *r = db_unit_result(u, CLAIM_AT_CLAIM);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		struct delivery_claim *c = &(*rows)[i];

		c->event_id = db_get_uuid(r, i, 0);
		c->endpoint_id = db_get_i32(r, i, 1);
		c->attempt = (int16_t)db_get_i32(r, i, 2);
		c->company_id = db_get_i32(r, i, 3);
		c->instance_id = db_get_i32(r, i, 4);
		c->message_id = db_get_uuid(r, i, 5);
		c->type = (enum event_type)db_get_i32(r, i, 6);
		c->occurred_at_us = db_get_time_us(r, i, 7);
		c->facts = arena_dup(a, db_get_slice(r, i, 8));
		claim_message_read(r, i, a, &c->message);
	}
	return count;
}

bool
delivery_claim_has_more(const struct db_unit *u, int32_t endpoint_id)
{
	const struct db_result *r = db_unit_result(u, CLAIM_AT_PENDING);

	for (unsigned i = 0; i < db_row_count(r); i++) {
		if (db_get_i32(r, i, 0) == endpoint_id)
			return true;
	}
	return false;
}

void
delivery_take_push(struct db_params *p, const struct delivery_take *take)
{
	struct db_arr *ids = db_p_array(p, DB_INT4, take->count);

	for (unsigned i = 0; i < take->count; i++)
		db_arr_i32(ids, take->endpoint_ids[i]);
	db_p_i64(p, take->lease_us);
}

unsigned
delivery_taken_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
		    struct delivery_taken **rows)
{
	const struct db_result *r = db_unit_result(u, stmt);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		(*rows)[i].event_id = db_get_uuid(r, i, 0);
		(*rows)[i].endpoint_id = db_get_i32(r, i, 1);
	}
	return count;
}

void
delivery_finish_add(struct db_unit *u, const struct delivery_result *const *results, unsigned count)
{
	struct db_params *p = db_unit_add(u, &delivery_stmts[DELIVERY_FINISH]);
	struct db_arr *event_id = db_p_array(p, DB_UUID, count);
	struct db_arr *endpoint_id = db_p_array(p, DB_INT4, count);
	struct db_arr *attempt = db_p_array(p, DB_INT2, count);
	struct db_arr *outcome = db_p_array(p, DB_INT2, count);
	struct db_arr *delay_us = db_p_array(p, DB_INT8, count);
	struct db_arr *status = db_p_array(p, DB_INT2, count);
	struct db_arr *error = db_p_array(p, DB_TEXT, count);
	struct db_arr *duration_ms = db_p_array(p, DB_INT4, count);
	struct db_arr *excerpt = db_p_array(p, DB_TEXT, count);
	struct db_arr *at = db_p_array(p, DB_TIMESTAMPTZ, count);

	for (unsigned i = 0; i < count; i++) {
		const struct delivery_result *r = results[i];

		db_arr_uuid(event_id, r->event_id);
		db_arr_i32(endpoint_id, r->endpoint_id);
		db_arr_i16(attempt, r->attempt);
		db_arr_i16(outcome, (int16_t)r->outcome);
		db_arr_i64(delay_us, r->delay_us);
		db_arr_i16(status, r->status);
		db_arr_text(error, r->error);
		db_arr_i32(duration_ms, r->duration_ms);
		db_arr_text(excerpt, r->excerpt);
		db_arr_time_us(at, r->at_us);
	}
}

void
delivery_lapse_add(struct db_unit *u, unsigned limit)
{
	db_p_i32(db_unit_add(u, &delivery_stmts[DELIVERY_LAPSE]), (int32_t)limit);
}

int64_t
delivery_lapse_count(const struct db_unit *u, unsigned stmt)
{
	return db_get_i64(db_unit_result(u, stmt), 0, 0);
}
