#include "model/accept.h"

/* key_cte writes the keys that are not there yet; key_is_ours: of those rows (r) goes on which has
 * no key or wrote its own. Of these, m are new and a are their rows: IS TRUE keeps that a look-up
 * in a hash, where a join would compare each row of the batch with each. */
#define ACCEPT_SQL(key_cte, key_is_ours)                                                           \
	"WITH r AS MATERIALIZED (\n"                                                               \
	"  SELECT * FROM unnest($1::uuid[], $2::int4[], $3::int4[], $4::int2[], $5::int2[],\n"     \
	"      $6::int2[], $7::int8[],\n"                                                          \
	"                       $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],\n"  \
	"                           $13::text[],\n"                                                \
	"                       $14::text[], $15::text[], $16::text[], $17::timestamptz[],\n"      \
	"                           $18::timestamptz[],\n"                                         \
	"                       $19::int2[], $20::text[], $21::bytea[]) WITH ORDINALITY\n"         \
	"    AS t(id, company_id, instance_id, kind, priority, class, lane,\n"                     \
	"         chat_key, recipient, content, payload, media_url, reply_to,\n"                   \
	"         reference, traceparent, send_ref, scheduled_at, expires_at,\n"                   \
	"         idem_route, idem_key, fingerprint, ord)\n"                                       \
	"), k AS (\n" key_cte "), m AS (\n"                                                        \
	"  INSERT INTO messages (id, company_id, instance_id, direction, status, kind, "           \
	"priority,\n"                                                                              \
	"      chat_key,\n"                                                                        \
	"                        to_requested, content, payload, media_url, reply_to, "            \
	"reference,\n"                                                                             \
	"                            traceparent,\n"                                               \
	"                        scheduled_at, expires_at)\n"                                      \
	"  SELECT r.id, r.company_id, r.instance_id, 0, CASE WHEN r.scheduled_at IS NULL\n"        \
	"      THEN 1 ELSE 0 END,\n"                                                               \
	"         r.kind, r.priority, r.chat_key, r.recipient, r.content, r.payload::jsonb,\n"     \
	"             r.media_url,\n"                                                              \
	"         r.reply_to, r.reference, r.traceparent, r.scheduled_at, r.expires_at\n"          \
	"  FROM r\n"                                                                               \
	"  WHERE " key_is_ours "\n"                                                                \
	"  ON CONFLICT (id) DO NOTHING\n"                                                          \
	"  RETURNING id\n"                                                                         \
	"), a AS MATERIALIZED (\n"                                                                 \
	"  SELECT r.* FROM r WHERE (r.id IN (SELECT m.id FROM m)) IS TRUE\n"                       \
	"), q AS (\n"                                                                              \
	"  INSERT INTO send_queue (message_id, company_id, instance_id, lane, class,\n"            \
	"      available_at, expires_at, send_ref)\n"                                              \
	"  SELECT a.id, a.company_id, a.instance_id, a.lane, a.class, coalesce(a.scheduled_at,\n"  \
	"      now()),\n"                                                                          \
	"         a.expires_at, a.send_ref\n"                                                      \
	"  FROM a ORDER BY a.ord\n"                                                                \
	"), hint AS (\n"                                                                           \
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id, available_at,\n"       \
	"      traceparent)\n"                                                                     \
	"  SELECT 1, min(a.class), a.company_id, a.instance_id, coalesce(a.scheduled_at, "         \
	"now()),\n"                                                                                \
	"      min(a.traceparent)\n"                                                               \
	"  FROM a GROUP BY a.company_id, a.instance_id, coalesce(a.scheduled_at, now())\n"         \
	"), counted AS (\n"                                                                        \
	"  INSERT INTO ledger_accepted AS l (company_id, slot, accepted)\n"                        \
	"  SELECT a.company_id, $22::int2, count(*) FROM a\n"                                      \
	"  GROUP BY a.company_id ORDER BY a.company_id\n"                                          \
	"  ON CONFLICT (company_id, slot) DO UPDATE SET accepted = l.accepted + "                  \
	"excluded.accepted\n"                                                                      \
	")\n"                                                                                      \
	"SELECT r.id, r.id IN (SELECT m.id FROM m)\n"                                              \
	"    OR EXISTS (SELECT 1 FROM messages x WHERE x.id = r.id OFFSET 0)\n"                    \
	"FROM r"

/* A key for each row. */
static const char accept_insert_sql[] = ACCEPT_SQL(
	"  INSERT INTO idempotency_keys (company_id, route, key, fingerprint, object_id)\n"
	"  SELECT r.company_id, r.idem_route, r.idem_key, r.fingerprint, r.id FROM r\n"
	"  WHERE r.idem_key IS NOT NULL\n"
	"  ORDER BY r.company_id, r.idem_route, r.idem_key\n"
	"  ON CONFLICT DO NOTHING\n"
	"  RETURNING object_id\n",
	"r.idem_key IS NULL OR r.id IN (SELECT object_id FROM k)");

/* One key for all of them: $23.. company, route, key, fingerprint, ids. */
static const char accept_many_sql[] = ACCEPT_SQL(
	"  INSERT INTO idempotency_keys (company_id, route, key, fingerprint, object_id,\n"
	"      object_ids)\n"
	"  SELECT $23::int4, $24::int2, $25::text, $26::bytea, ($1::uuid[])[1], $27::uuid[]\n"
	"  WHERE $25::text IS NOT NULL\n"
	"  ON CONFLICT DO NOTHING\n"
	"  RETURNING object_id\n",
	"$25::text IS NULL OR EXISTS (SELECT 1 FROM k)");

enum { ACCEPT_INSERT, ACCEPT_MANY };

#define ACCEPT_TYPES                                                                               \
	DB_UUID_ARRAY, DB_INT4_ARRAY, DB_INT4_ARRAY, DB_INT2_ARRAY, DB_INT2_ARRAY, DB_INT2_ARRAY,  \
		DB_INT8_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY,         \
		DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY,         \
		DB_TIMESTAMPTZ_ARRAY, DB_TIMESTAMPTZ_ARRAY, DB_INT2_ARRAY, DB_TEXT_ARRAY,          \
		DB_BYTEA_ARRAY, DB_INT2

static const struct db_stmt accept_stmts[] = {
	[ACCEPT_INSERT] = {"accept_insert", accept_insert_sql, DB_TYPES(ACCEPT_TYPES)},
	[ACCEPT_MANY] = {"accept_many", accept_many_sql,
			 DB_TYPES(ACCEPT_TYPES, DB_INT4, DB_INT2, DB_TEXT, DB_BYTEA,
				  DB_UUID_ARRAY)},
};
const struct db_stmt_table accept_stmt_table = DB_STMT_TABLE(accept_stmts);

/* Array parameters in the order of the statement. */
struct accept_columns {
	struct db_arr *id, *company_id, *instance_id, *kind, *priority, *cls, *lane;
	struct db_arr *chat_key, *to, *content, *payload, *media_url, *reply_to;
	struct db_arr *reference, *traceparent, *send_ref, *scheduled_at, *expires_at;
	struct db_arr *idem_route, *idem_key, *fingerprint;
};

static void
accept_columns_start(struct accept_columns *c, struct db_params *p, unsigned count)
{
	c->id = db_p_array(p, DB_UUID, count);
	c->company_id = db_p_array(p, DB_INT4, count);
	c->instance_id = db_p_array(p, DB_INT4, count);
	c->kind = db_p_array(p, DB_INT2, count);
	c->priority = db_p_array(p, DB_INT2, count);
	c->cls = db_p_array(p, DB_INT2, count);
	c->lane = db_p_array(p, DB_INT8, count);
	c->chat_key = db_p_array(p, DB_TEXT, count);
	c->to = db_p_array(p, DB_TEXT, count);
	c->content = db_p_array(p, DB_TEXT, count);
	c->payload = db_p_array(p, DB_TEXT, count);
	c->media_url = db_p_array(p, DB_TEXT, count);
	c->reply_to = db_p_array(p, DB_TEXT, count);
	c->reference = db_p_array(p, DB_TEXT, count);
	c->traceparent = db_p_array(p, DB_TEXT, count);
	c->send_ref = db_p_array(p, DB_TEXT, count);
	c->scheduled_at = db_p_array(p, DB_TIMESTAMPTZ, count);
	c->expires_at = db_p_array(p, DB_TIMESTAMPTZ, count);
	c->idem_route = db_p_array(p, DB_INT2, count);
	c->idem_key = db_p_array(p, DB_TEXT, count);
	c->fingerprint = db_p_array(p, DB_BYTEA, count);
}

static void
accept_columns_push(struct accept_columns *c, const struct accept_row *r)
{
	enum mq_class cls = msg_class_of_priority(r->priority);

	db_arr_uuid(c->id, r->id);
	db_arr_i32(c->company_id, r->company_id);
	db_arr_i32(c->instance_id, r->instance_id);
	db_arr_i16(c->kind, (int16_t)r->kind);
	db_arr_i16(c->priority, r->priority);
	db_arr_i16(c->cls, (int16_t)cls);
	db_arr_i64(c->lane, msg_lane(r->lane_key, cls));
	db_arr_text(c->chat_key, r->chat_key);
	db_arr_text(c->to, r->to);
	db_arr_text(c->content, r->content);
	db_arr_text(c->payload, r->payload);
	db_arr_text(c->media_url, r->media_url);
	db_arr_text(c->reply_to, r->reply_to);
	db_arr_text(c->reference, r->reference);
	db_arr_text(c->traceparent, r->traceparent);
	db_arr_text(c->send_ref, r->send_ref);
	db_arr_time_us(c->scheduled_at, r->scheduled_at_us);
	db_arr_time_us(c->expires_at, r->expires_at_us);
	db_arr_i16(c->idem_route, (int16_t)r->idem_route);
	db_arr_text(c->idem_key, r->idem_key);
	db_arr_bytea(c->fingerprint, r->idem_key.p == NULL
					     ? SLICE_NONE
					     : slice_make(r->fingerprint, sizeof(r->fingerprint)));
}

static struct db_params *
accept_stmt_add(struct db_unit *u, unsigned stmt, const struct accept_row *const *rows,
		unsigned count, int16_t slot)
{
	struct db_params *p = db_unit_add(u, &accept_stmts[stmt]);
	struct accept_columns c;

	accept_columns_start(&c, p, count);
	for (unsigned i = 0; i < count; i++)
		accept_columns_push(&c, rows[i]);
	db_p_i16(p, slot);
	return p;
}

void
accept_add(struct db_unit *u, const struct accept_row *const *rows, unsigned count, int16_t slot)
{
	(void)accept_stmt_add(u, ACCEPT_INSERT, rows, count, slot);
}

void
accept_many_add(struct db_unit *u, const struct accept_row *const *rows, unsigned count,
		int16_t slot, const struct accept_key *key)
{
	struct db_params *p = accept_stmt_add(u, ACCEPT_MANY, rows, count, slot);
	struct db_arr *ids;

	db_p_i32(p, rows[0]->company_id);
	db_p_i16(p, (int16_t)key->route);
	db_p_text(p, key->key);
	db_p_bytea(p, key->key.p == NULL ? SLICE_NONE
					 : slice_make(key->fingerprint, IDEM_FINGERPRINT_SIZE));
	ids = db_p_array(p, DB_UUID, key->count);
	for (unsigned i = 0; i < key->count; i++)
		db_arr_uuid(ids, key->ids[i]);
}

enum accept_outcome
accept_outcome_of(const struct db_unit *u, unsigned stmt, struct uuid id)
{
	const struct db_result *r = db_unit_result(u, stmt);

	for (unsigned i = 0; i < db_row_count(r); i++) {
		if (uuid_eq(db_get_uuid(r, i, 0), id))
			return db_get_bool(r, i, 1) ? ACCEPT_DONE : ACCEPT_KEY_USED;
	}
	gh_panic("accept: the statement did not answer for one of its rows");
}
