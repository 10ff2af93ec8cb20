#include "model/send_queue.h"

#include "base/arena.h"
#include "model/event_sql.h"
#include "model/instance_lock.h"

_Static_assert(SEND_CLAIM_ROWS == 128, "the statement below names it");

static const char send_claim_sql[] =
	"WITH want AS MATERIALIZED (\n"
	"  SELECT w.instance_id, w.n, i.settings->>'in_doubt_policy' AS policy, i.is_draining,\n"
	"      coalesce((extract(epoch FROM i.new_chats_paused_until - now()) * 1000000)::int8,\n"
	"          0) AS new_chats_us\n"
	"  FROM unnest($1::int4[], $2::int4[], $5::int4[]) AS w(instance_id, n, provider_id)\n"
	/* One that moves settles what is in doubt, and begins nothing (model/instance_move.h). */
	"  CROSS JOIN LATERAL (SELECT x.company_id, x.settings, x.new_chats_paused_until,\n"
	"        x.provider_id, x.moving_until IS NOT DISTINCT FROM 'infinity' AS is_draining FROM "
	"instances x\n"
	"      WHERE x.id = w.instance_id AND x.status = 'connected'\n"
	"        AND (x.moving_until IS NULL OR x.moving_until <= now()\n"
	"             OR x.moving_until = 'infinity') OFFSET 0) i\n"
	"  JOIN companies c ON c.id = i.company_id AND c.status = 'active'\n"
	"  WHERE i.provider_id = w.provider_id\n"
	"), served AS (\n"
	"  INSERT INTO target_service (kind, target_id, served_at)\n"
	"  SELECT 1, w.instance_id, now() FROM want w ORDER BY w.instance_id\n"
	"  ON CONFLICT (kind, target_id) DO UPDATE SET served_at = excluded.served_at\n"
	"), place AS MATERIALIZED (\n"
	"  SELECT nextval('send_queue_seq') << 12 AS base\n"
	"), head AS MATERIALIZED (\n"
	"  SELECT h.message_id, h.instance_id, h.class, h.lane_seq, h.state = 4 AS is_in_doubt\n"
	"  FROM want w CROSS JOIN LATERAL (\n"
	"    SELECT q.message_id, q.instance_id, q.class, q.lane_seq, q.state FROM send_queue q\n"
	"    WHERE q.instance_id = w.instance_id AND q.state IN (2, 4)\n"
	"        AND q.available_at <= now() AND (q.state = 4 OR NOT w.is_draining)\n"
	"    ORDER BY q.class, q.lane_seq LIMIT w.n) h\n"
	/* Rows are placed when they are needed, or outrank the heads: one that is claimed as soon
	 * as it has its place is written once, not twice. */
	"), room AS MATERIALIZED (\n"
	"  SELECT w.instance_id,\n"
	"         CASE WHEN w.is_draining THEN 0\n"
	"              WHEN count(h.class) < w.n THEN 32767 ELSE max(h.class) END AS below\n"
	"  FROM want w LEFT JOIN head h ON h.instance_id = w.instance_id\n"
	"  GROUP BY w.instance_id, w.n, w.is_draining\n"
	"), arrived AS MATERIALIZED (\n"
	"  SELECT a.message_id, a.instance_id, a.class,\n"
	"         p.base + row_number() OVER (PARTITION BY a.instance_id ORDER BY a.class,\n"
	"             a.seq) AS pos,\n"
	"         row_number() OVER (PARTITION BY a.instance_id, a.lane ORDER BY a.seq) = 1\n"
	"           AND NOT EXISTS (SELECT 1 FROM send_queue b\n"
	"                           WHERE b.instance_id = a.instance_id AND b.lane = a.lane\n"
	"                             AND b.state IN (1, 2, 3, 4) OFFSET 0) AS is_first\n"
	"  FROM place p CROSS JOIN room w CROSS JOIN LATERAL (\n"
	"    SELECT q.message_id, q.instance_id, q.class, q.lane, q.seq FROM send_queue q\n"
	"    WHERE q.instance_id = w.instance_id AND q.state = 0 AND q.class < w.below\n"
	"        AND q.available_at <= now()\n"
	"    ORDER BY q.class, q.seq LIMIT 128) a\n"
	"), pick AS MATERIALIZED (\n"
	"  SELECT o.message_id, o.is_in_doubt FROM (\n"
	"    SELECT c.message_id, c.instance_id, c.is_in_doubt,\n"
	"           row_number() OVER (PARTITION BY c.instance_id ORDER BY c.class, c.pos) AS ord\n"
	"    FROM (SELECT message_id, instance_id, class, lane_seq AS pos, is_in_doubt FROM head\n"
	"          UNION ALL\n"
	"          SELECT message_id, instance_id, class, pos, false FROM arrived\n"
	"              WHERE is_first) c) o\n"
	"  JOIN want w ON w.instance_id = o.instance_id\n"
	"  WHERE o.ord <= w.n\n"
	"), touched AS (\n"
	"  SELECT coalesce(a.message_id, p.message_id) AS message_id, a.pos, a.is_first,\n"
	"      p.is_in_doubt,\n"
	"         p.message_id IS NOT NULL AS picked\n"
	"  FROM arrived a FULL JOIN pick p ON p.message_id = a.message_id\n"
	"), claimed AS (\n"
	"  UPDATE send_queue q\n"
	"  SET state = CASE WHEN t.picked THEN 3 WHEN t.is_first THEN 2 ELSE 1 END,\n"
	"      lane_seq = coalesce(t.pos, q.lane_seq),\n"
	"      attempt = q.attempt + t.picked::int,\n"
	"      tries = q.tries + t.picked::int,\n"
	"      lease_until = CASE WHEN t.picked\n"
	"          THEN clock_timestamp() + $3::int8 * interval '1 us' END\n"
	"  FROM touched t\n"
	"  WHERE q.message_id = t.message_id\n"
	"  RETURNING q.message_id, q.company_id, q.instance_id, q.class, q.attempt, q.tries,\n"
	"      q.send_ref, q.lookups, q.is_resent, t.picked, t.is_in_doubt\n"
	/* Everything the call needs comes back from here: a join of two lists compares each with
	 * each. */
	"), called AS (\n"
	"  UPDATE messages m SET status = CASE WHEN m.status < 4 THEN 2 ELSE m.status END,\n"
	"      attempts = c.tries\n"
	"  FROM claimed c JOIN want w ON w.instance_id = c.instance_id\n"
	"  WHERE m.id = c.message_id AND c.picked\n"
	"  RETURNING c.message_id, c.company_id, c.instance_id, c.class, m.kind, c.attempt,\n"
	"      c.tries, c.send_ref, m.chat_key,\n"
	"      coalesce(m.to_resolved, m.to_requested) AS recipient, m.content,\n"
	"      m.payload::text, m.media_url, m.reply_to, m.reference, m.traceparent,\n"
	"      m.status >= 4 AS is_settled, c.is_in_doubt, c.is_resent, c.lookups,\n"
	"      CASE w.policy WHEN 'hold' THEN true WHEN 'resend' THEN false\n"
	"                    ELSE c.send_ref IS NULL END AS is_hold,\n"
	"      coalesce(w.policy = 'resend', false) AS wants_resend, w.new_chats_us\n"
	"), noted AS (\n"
	"  INSERT INTO message_transitions (message_id, from_status, to_status, attempt, daemon,\n"
	"      reason)\n"
	"  SELECT c.message_id, CASE WHEN c.is_in_doubt THEN 3 ELSE 1 END, 2, c.attempt, $4,\n"
	"         CASE WHEN c.is_in_doubt THEN 'in_doubt_wait_over' ELSE 'claimed' END\n"
	"  FROM claimed c WHERE c.picked\n"
	"), keyed AS (\n"
	"  INSERT INTO message_keys (instance_id, external_id, message_id)\n"
	"  SELECT c.instance_id, c.send_ref, c.message_id FROM claimed c\n"
	"  WHERE c.picked AND c.send_ref IS NOT NULL AND c.attempt = 1\n"
	"  ON CONFLICT DO NOTHING\n"
	")\n"
	"SELECT * FROM called ORDER BY instance_id, class";

static const char send_pending_sql[] =
	"SELECT w.id,\n"
	"       NOT i.is_draining AND EXISTS (SELECT 1 FROM send_queue q\n"
	"           WHERE q.instance_id = w.id\n"
	"           AND q.state = 0 AND q.available_at <= now() OFFSET 0)\n"
	"       OR EXISTS (SELECT 1 FROM send_queue q WHERE q.instance_id = w.id\n"
	"           AND q.state IN (2, 4) AND (q.state = 4 OR NOT i.is_draining)\n"
	"           AND q.available_at <= now() OFFSET 0)\n"
	"FROM unnest($1::int4[]) AS w(id)\n"
	"CROSS JOIN LATERAL (SELECT x.company_id,\n"
	"      x.moving_until IS NOT DISTINCT FROM 'infinity' AS is_draining FROM instances x\n"
	"    WHERE x.id = w.id AND x.status = 'connected'\n"
	"      AND (x.moving_until IS NULL OR x.moving_until <= now()\n"
	"           OR x.moving_until = 'infinity') OFFSET 0) i\n"
	"JOIN companies c ON c.id = i.company_id AND c.status = 'active'";

static const char send_finish_sql[] =
	"WITH r AS (\n"
	"  SELECT * FROM unnest($1::uuid[], $2::int2[], $3::int2[], $4::int8[], $5::text[],\n"
	"      $6::text[], $7::text[], $8::uuid[], $9::int2[], $10::text[], $11::timestamptz[],\n"
	"      $12::bool[])\n"
	"    AS t(id, attempt, outcome, delay_us, external_id, code, detail, event_id,\n"
	"        event_type, facts, at, is_uncounted)\n"
	"), q AS MATERIALIZED (\n"
	"  SELECT x.*, x.outcome NOT IN (2, 3, 4, 8, 9) AS leaves,\n"
	"         x.outcome IN (2, 3, 4, 7, 8, 9) AS stays\n"
	/* A receipt is better evidence than an answer: it came first and decides. */
	"  FROM (SELECT r.id, r.attempt, r.delay_us, r.external_id, r.detail, r.at,\n"
	"               s.company_id, s.instance_id, s.lane, s.class, s.state, s.send_ref,\n"
	"               s.tries - (r.is_uncounted OR r.outcome = 4)::int AS tries,\n"
	"               CASE WHEN p.overrules THEN p.proven ELSE r.outcome END AS outcome,\n"
	"               CASE WHEN p.overrules THEN 'receipt' ELSE r.code END AS code,\n"
	/* The company hears of every sent message, once: the event of a result that a receipt
	 * overrules becomes that one; a receipt that said it already leaves nothing to tell. */
	"               CASE WHEN p.overrules AND NOT p.is_news\n"
	"                      OR r.outcome = 0 AND m.sent_at IS NOT NULL\n"
	"                      OR r.event_type = 0 AND NOT p.overrules THEN NULL\n"
	"                    ELSE r.event_id END AS event_id,\n"
	"               CASE WHEN p.overrules THEN 3::int2 ELSE r.event_type END AS event_type,\n"
	"               CASE WHEN p.overrules AND p.is_news\n"
	"                    THEN (r.facts::jsonb - 'error_code' - 'error_message'\n"
	"                          || '{\"status\": \"sent\"}')::text\n"
	"                    ELSE r.facts END AS facts\n"
	"        FROM r JOIN send_queue s ON s.message_id = r.id AND s.attempt = r.attempt\n"
	"        JOIN messages m ON m.id = r.id\n"
	"        CROSS JOIN LATERAL (\n"
	"          SELECT e.proven, coalesce(e.proven <> r.outcome, false)\n"
	"                 AND r.outcome NOT IN (5, 6) AS overrules,\n"
	"                 e.proven = 0 AND m.sent_at IS NULL AND r.outcome <> 0 AS is_news\n"
	"          FROM (SELECT CASE WHEN m.status BETWEEN 4 AND 7 THEN 0::int2\n"
	"                            WHEN m.status = 8 THEN 1::int2 END AS proven) e) p\n"
	"        WHERE CASE WHEN r.outcome IN (0, 1) THEN s.state IN (3, 4, 5)\n"
	"                   WHEN r.outcome IN (5, 6) THEN s.state IN (0, 1, 2, 5)\n"
	"                   ELSE s.state IN (3, 4) END) x\n"
	"), gone AS (\n"
	"  DELETE FROM send_queue s USING q WHERE s.message_id = q.id AND NOT q.stays\n"
	"), stay AS (\n"
	"  UPDATE send_queue s\n"
	"  SET state = CASE WHEN q.outcome IN (3, 8, 9) THEN 4 WHEN q.outcome = 7 THEN 5\n"
	"                   ELSE 2 END,\n"
	"      lease_until = NULL, reason = q.code, tries = q.tries,\n"
	"      lookups = CASE q.outcome WHEN 9 THEN 0 WHEN 8 THEN s.lookups + 1\n"
	"                ELSE s.lookups END,\n"
	"      is_resent = s.is_resent OR q.outcome = 9,\n"
	/* Rows parked together come back together: one timer for all of a commit. */
	"      available_at = CASE q.outcome WHEN 4 THEN now() ELSE clock_timestamp() END\n"
	"                     + q.delay_us * interval '1 us'\n"
	"  FROM q WHERE s.message_id = q.id AND q.stays\n"
	"  RETURNING s.instance_id, s.company_id, s.class, s.available_at, s.state\n"
	"), next AS (\n"
	"  UPDATE send_queue s SET state = 2\n"
	"  FROM (SELECT DISTINCT n.message_id\n"
	"        FROM q CROSS JOIN LATERAL (\n"
	"          SELECT b.message_id, b.state FROM send_queue b\n"
	"          WHERE b.instance_id = q.instance_id AND b.lane = q.lane AND b.state IN (1, 2,\n"
	"              3, 4)\n"
	/* Not an anti-join: those of one commit would be compared each with each. */
	"            AND b.message_id NOT IN (SELECT x.id FROM q x WHERE x.leaves)\n"
	"          ORDER BY b.lane_seq LIMIT 1) n\n"
	"        WHERE q.leaves AND n.state = 1) x\n"
	"  WHERE s.message_id = x.message_id\n"
	"  RETURNING s.instance_id, s.company_id, s.class, s.available_at\n"
	"), msg AS (\n"
	"  UPDATE messages m\n"
	"  SET status = CASE WHEN m.status BETWEEN 4 AND 8 THEN m.status\n"
	"                    WHEN q.outcome = 0 THEN 4 WHEN q.outcome IN (1, 5) THEN 8\n"
	"                    WHEN q.outcome = 6 THEN 9\n"
	"                    WHEN q.outcome IN (3, 7, 8, 9) THEN 3 ELSE 1 END,\n"
	"      sent_at = CASE q.outcome WHEN 0 THEN coalesce(m.sent_at, q.at) ELSE m.sent_at END,\n"
	"      external_id = coalesce(m.external_id, q.external_id),\n"
	"      attempts = q.tries,\n"
	"      error_code = CASE WHEN q.outcome = 0 THEN NULL WHEN m.status = 8\n"
	"                        THEN m.error_code ELSE q.code END,\n"
	"      error_message = CASE q.outcome WHEN 0 THEN NULL ELSE q.detail END\n"
	"  FROM q WHERE m.id = q.id\n"
	"), noted AS (\n"
	"  INSERT INTO message_transitions (message_id, from_status, to_status, attempt, daemon,\n"
	"      reason)\n"
	"  SELECT q.id, CASE WHEN q.state = 3 THEN 2 WHEN q.state IN (4, 5) THEN 3 ELSE 1 END,\n"
	"         CASE WHEN q.outcome = 0 THEN 4 WHEN q.outcome IN (1, 5) THEN 8\n"
	"              WHEN q.outcome = 6 THEN 9 WHEN q.outcome IN (3, 7, 8, 9) THEN 3 ELSE 1\n"
	"              END,\n"
	"         q.attempt, $13, q.code\n"
	"  FROM q\n"
	"), keyed AS (\n"
	"  INSERT INTO message_keys (instance_id, external_id, message_id)\n"
	"  SELECT q.instance_id, q.external_id, q.id FROM q\n"
	/* The first claim wrote the send_ref's. */
	"  WHERE q.external_id IS DISTINCT FROM q.send_ref AND q.external_id IS NOT NULL\n"
	"  ORDER BY 1, 2\n"
	"  ON CONFLICT DO NOTHING\n"
	"), dead AS (\n"
	"  INSERT INTO dead_letters (message_id, company_id, instance_id, reason, detail,\n"
	"      attempts)\n"
	"  SELECT q.id, q.company_id, q.instance_id, coalesce(q.code, 'failed'), q.detail,\n"
	"      q.tries\n"
	"  FROM q WHERE q.outcome IN (1, 5) ORDER BY q.id\n"
	/* One that was replayed and failed again. */
	"  ON CONFLICT (message_id) DO UPDATE SET reason = excluded.reason,\n"
	"      detail = excluded.detail, attempts = excluded.attempts, created_at = now(),\n"
	"      replayed_at = NULL, copied_at = NULL\n"
	"), send_hint AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id, available_at)\n"
	"  SELECT 1, min(h.class), h.company_id, h.instance_id, h.available_at\n"
	"  FROM (SELECT instance_id, company_id, class, available_at FROM stay WHERE state <> 5\n"
	"        UNION ALL\n"
	"        SELECT instance_id, company_id, class, least(available_at, now()) FROM next) h\n"
	"  GROUP BY h.company_id, h.instance_id, h.available_at\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, message_id, type, occurred_at, facts)\n"
	"  SELECT q.event_id, q.company_id, q.instance_id, q.id, q.event_type, q.at, q.facts\n"
	"  FROM q WHERE q.event_id IS NOT NULL\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL "SELECT q.id FROM q";

static const char send_late_sql[] =
	"WITH r AS (\n"
	"  SELECT * FROM unnest($1::uuid[], $2::int4[], $3::int2[], $4::int2[], $5::text[])\n"
	"    AS t(id, instance_id, attempt, status, external_id)\n"
	"), keyed AS (\n"
	"  INSERT INTO message_keys (instance_id, external_id, message_id)\n"
	"  SELECT r.instance_id, r.external_id, r.id FROM r WHERE r.external_id IS NOT NULL\n"
	"  ORDER BY 1, 2\n"
	"  ON CONFLICT DO NOTHING\n"
	")\n"
	"INSERT INTO message_transitions (message_id, to_status, attempt, daemon, reason)\n"
	"SELECT r.id, r.status, r.attempt, $6, 'late_result' FROM r";

/* What lapsed and overdue read, as far as the claim's columns go. */
#define UPKEEP_COLUMNS                                                                             \
	"q.message_id, q.company_id, q.instance_id, q.class, m.kind, q.attempt, q.tries,\n"        \
	"       q.send_ref, m.chat_key, coalesce(m.to_resolved, m.to_requested), m.content,\n"     \
	"       m.payload::text, m.media_url, m.reply_to, m.reference, m.traceparent,\n"           \
	"       m.status >= 4, q.state IN (4, 5), q.is_resent, q.lookups, q.state = 5, false,\n"   \
	"       0::int8\n"
#define UPKEEP_MESSAGE                                                                             \
	"CROSS JOIN LATERAL (SELECT * FROM messages x WHERE x.id = q.message_id OFFSET 0) m"

static const char send_lapsed_sql[] =
	"SELECT " UPKEEP_COLUMNS
	"FROM (SELECT * FROM send_queue WHERE state = 3 AND lease_until < now()\n"
	"    ORDER BY lease_until LIMIT $1) q\n" UPKEEP_MESSAGE;

static const char send_overdue_sql[] =
	"SELECT " UPKEEP_COLUMNS
	"FROM (SELECT * FROM send_queue WHERE expires_at < now() AND state IN (0, 1, 2, 5)\n"
	"      ORDER BY expires_at LIMIT $1) q\n" UPKEEP_MESSAGE;

/* By owner and then by its partial indexes: the queue of the living is not read. */
static const char send_ownerless_sql[] =
	"SELECT " UPKEEP_COLUMNS "FROM (SELECT s.* FROM (\n"
	"        SELECT i.id FROM instances i WHERE i.deleted_at > now() - interval '7 days'\n"
	"        UNION ALL\n"
	"        SELECT i.id FROM companies c CROSS JOIN LATERAL (\n"
	"          SELECT x.id FROM instances x WHERE x.company_id = c.id\n"
	"            AND coalesce(x.deleted_at <= now() - interval '7 days', true) OFFSET 0) i\n"
	"        WHERE c.deleted_at > now() - interval '7 days') gone\n"
	"      CROSS JOIN LATERAL (\n"
	"        (SELECT * FROM send_queue WHERE instance_id = gone.id AND state = 0 LIMIT $1)\n"
	"        UNION ALL\n"
	"        (SELECT * FROM send_queue WHERE instance_id = gone.id AND state IN (1, 2)\n"
	"         LIMIT $1)) s\n"
	"      LIMIT $1) q\n" UPKEEP_MESSAGE;

/* What an instance that moves must not take with it; resent anyhow where its policy says so. */
static const char send_undrained_sql[] =
	"SELECT " UPKEEP_COLUMNS "FROM (SELECT s.* FROM instance_moves v\n"
	"      CROSS JOIN LATERAL (SELECT i.settings FROM instances i WHERE i.id = v.instance_id\n"
	"          AND coalesce(i.settings->>'in_doubt_policy', '') <> 'resend' OFFSET 0) i\n"
	"      CROSS JOIN LATERAL (SELECT * FROM send_queue x WHERE x.instance_id = v.instance_id\n"
	"          AND x.state IN (2, 4) AND x.state = 4 LIMIT $1) s\n"
	"      WHERE v.switched_at IS NULL AND v.drain_until < now()\n"
	"        AND v.state = 'draining' LIMIT $1) q\n" UPKEEP_MESSAGE;

static const char send_rename_sql[] =
	"WITH q AS (\n"
	"  UPDATE send_queue q SET send_ref = $3\n"
	"  WHERE q.message_id = $1 AND q.attempt = $2 AND q.state = 3\n"
	"  RETURNING q.message_id, q.instance_id\n"
	"), keyed AS (\n"
	"  INSERT INTO message_keys (instance_id, external_id, message_id)\n"
	"  SELECT q.instance_id, $3, q.message_id FROM q WHERE $3 IS NOT NULL\n"
	"  ON CONFLICT DO NOTHING\n"
	")\n"
	"SELECT q.message_id FROM q";

enum {
	SEND_CLAIM,
	SEND_PENDING,
	SEND_FINISH,
	SEND_LATE,
	SEND_LAPSED,
	SEND_OVERDUE,
	SEND_OWNERLESS,
	SEND_UNDRAINED,
	SEND_RENAME
};

static const struct db_stmt send_queue_stmts[] = {
	[SEND_CLAIM] = {"send_claim", send_claim_sql,
			DB_TYPES(DB_INT4_ARRAY, DB_INT4_ARRAY, DB_INT8, DB_TEXT, DB_INT4_ARRAY)},
	[SEND_PENDING] = {"send_pending", send_pending_sql, DB_TYPES(DB_INT4_ARRAY)},
	[SEND_FINISH] = {"send_finish", send_finish_sql,
			 DB_TYPES(DB_UUID_ARRAY, DB_INT2_ARRAY, DB_INT2_ARRAY, DB_INT8_ARRAY,
				  DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY, DB_UUID_ARRAY,
				  DB_INT2_ARRAY, DB_TEXT_ARRAY, DB_TIMESTAMPTZ_ARRAY, DB_BOOL_ARRAY,
				  DB_TEXT)},
	[SEND_LATE] = {"send_late", send_late_sql,
		       DB_TYPES(DB_UUID_ARRAY, DB_INT4_ARRAY, DB_INT2_ARRAY, DB_INT2_ARRAY,
				DB_TEXT_ARRAY, DB_TEXT)},
	[SEND_LAPSED] = {"send_lapsed", send_lapsed_sql, DB_TYPES(DB_INT4)},
	[SEND_OVERDUE] = {"send_overdue", send_overdue_sql, DB_TYPES(DB_INT4)},
	[SEND_OWNERLESS] = {"send_ownerless", send_ownerless_sql, DB_TYPES(DB_INT4)},
	[SEND_UNDRAINED] = {"send_undrained", send_undrained_sql, DB_TYPES(DB_INT4)},
	[SEND_RENAME] = {"send_rename", send_rename_sql, DB_TYPES(DB_UUID, DB_INT2, DB_TEXT)},
};
const struct db_stmt_table send_queue_stmt_table = DB_STMT_TABLE(send_queue_stmts);

/* Columns that claim, lapsed and overdue share. */
enum {
	COL_ID,
	COL_COMPANY,
	COL_INSTANCE,
	COL_CLASS,
	COL_KIND,
	COL_ATTEMPT,
	COL_TRIES,
	COL_SEND_REF,
	COL_CHAT_KEY,
	COL_TO,
	COL_CONTENT,
	COL_PAYLOAD,
	COL_MEDIA_URL,
	COL_REPLY_TO,
	COL_REFERENCE,
	COL_TRACEPARENT,
	COL_IS_SETTLED,
	COL_IS_IN_DOUBT,
	COL_IS_RESENT,
	COL_LOOKUPS,
	COL_IS_HOLD,
	COL_WANTS_RESEND,
	COL_NEW_CHATS
};

/* Statements of a claim unit, in order. */
enum { CLAIM_AT_LOCK, CLAIM_AT_CLAIM, CLAIM_AT_PENDING };
/* Of a finish unit. */
enum { FINISH_AT_LOCK, FINISH_AT_FINISH };

void
send_claim_add(struct db_unit *u, const struct send_want *wants, unsigned count, int64_t lease_us,
	       struct slice worker)
{
	int32_t instance_ids[SEND_CLAIM_INSTANCES];

	if (count == 0 || count > SEND_CLAIM_INSTANCES || db_unit_count(u) != CLAIM_AT_LOCK)
		gh_panic("send_claim_add: %u instances", count);
	for (unsigned i = 0; i < count; i++)
		instance_ids[i] = wants[i].instance_id;
	instance_lock_add(u, instance_ids, count);

	struct db_params *p = db_unit_add(u, &send_queue_stmts[SEND_CLAIM]);
	struct db_arr *ids = db_p_array(p, DB_INT4, count);
	struct db_arr *rows = db_p_array(p, DB_INT4, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_i32(ids, wants[i].instance_id);
		db_arr_i32(rows, wants[i].rows);
	}
	db_p_i64(p, lease_us);
	db_p_text(p, worker);
	ids = db_p_array(p, DB_INT4, count);
	for (unsigned i = 0; i < count; i++)
		db_arr_i32(ids, wants[i].provider_id);

	p = db_unit_add(u, &send_queue_stmts[SEND_PENDING]);
	ids = db_p_array(p, DB_INT4, count);
	for (unsigned i = 0; i < count; i++)
		db_arr_i32(ids, wants[i].instance_id);
}

static void
send_claim_read(const struct db_result *r, unsigned row, struct arena *a, struct send_claim *c)
{
	c->id = db_get_uuid(r, row, COL_ID);
	c->company_id = db_get_i32(r, row, COL_COMPANY);
	c->instance_id = db_get_i32(r, row, COL_INSTANCE);
	c->cls = (enum mq_class)db_get_i32(r, row, COL_CLASS);
	c->kind = (enum msg_kind)db_get_i32(r, row, COL_KIND);
	c->attempt = (int16_t)db_get_i32(r, row, COL_ATTEMPT);
	c->tries = (int16_t)db_get_i32(r, row, COL_TRIES);
	c->is_settled = db_get_bool(r, row, COL_IS_SETTLED);
	c->is_in_doubt = db_get_bool(r, row, COL_IS_IN_DOUBT);
	c->is_resent = db_get_bool(r, row, COL_IS_RESENT);
	c->lookups = (int16_t)db_get_i32(r, row, COL_LOOKUPS);
	c->is_hold = db_get_bool(r, row, COL_IS_HOLD);
	c->wants_resend = db_get_bool(r, row, COL_WANTS_RESEND);
	c->new_chats_us = db_get_i64(r, row, COL_NEW_CHATS);
	c->send_ref = arena_dup(a, db_get_slice(r, row, COL_SEND_REF));
	c->chat_key = arena_dup(a, db_get_slice(r, row, COL_CHAT_KEY));
	c->to = arena_dup(a, db_get_slice(r, row, COL_TO));
	c->content = arena_dup(a, db_get_slice(r, row, COL_CONTENT));
	c->payload = arena_dup(a, db_get_slice(r, row, COL_PAYLOAD));
	c->media_url = arena_dup(a, db_get_slice(r, row, COL_MEDIA_URL));
	c->reply_to = arena_dup(a, db_get_slice(r, row, COL_REPLY_TO));
	c->reference = arena_dup(a, db_get_slice(r, row, COL_REFERENCE));
	c->traceparent = arena_dup(a, db_get_slice(r, row, COL_TRACEPARENT));
}

static unsigned
send_rows_read(const struct db_result *r, struct arena *a, struct send_claim **rows)
{
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++)
		send_claim_read(r, i, a, &(*rows)[i]);
	return count;
}

unsigned
send_claim_rows(const struct db_unit *u, struct arena *a, struct send_claim **rows)
{
	return send_rows_read(db_unit_result(u, CLAIM_AT_CLAIM), a, rows);
}

bool
send_claim_has_more(const struct db_unit *u, int32_t instance_id)
{
	const struct db_result *r = db_unit_result(u, CLAIM_AT_PENDING);

	for (unsigned i = 0; i < db_row_count(r); i++) {
		if (db_get_i32(r, i, 0) == instance_id)
			return db_get_bool(r, i, 1);
	}
	return false; /* parked: not connected, or the company is not active */
}

static void
send_finish_lock(struct db_unit *u, const struct send_result *const *results, unsigned count)
{
	int32_t *ids = arena_alloc_array(db_unit_arena(u), count, sizeof(*ids));

	for (unsigned i = 0; i < count; i++)
		ids[i] = results[i]->instance_id;
	instance_lock_add(u, ids, count);
}

void
send_finish_add(struct db_unit *u, const struct send_result *const *results, unsigned count,
		struct slice worker)
{
	send_finish_lock(u, results, count);

	struct db_params *p = db_unit_add(u, &send_queue_stmts[SEND_FINISH]);
	struct db_arr *id = db_p_array(p, DB_UUID, count);
	struct db_arr *attempt = db_p_array(p, DB_INT2, count);
	struct db_arr *outcome = db_p_array(p, DB_INT2, count);
	struct db_arr *delay_us = db_p_array(p, DB_INT8, count);
	struct db_arr *external_id = db_p_array(p, DB_TEXT, count);
	struct db_arr *code = db_p_array(p, DB_TEXT, count);
	struct db_arr *text = db_p_array(p, DB_TEXT, count);
	struct db_arr *event_id = db_p_array(p, DB_UUID, count);
	struct db_arr *event_type = db_p_array(p, DB_INT2, count);
	struct db_arr *facts = db_p_array(p, DB_TEXT, count);
	struct db_arr *at = db_p_array(p, DB_TIMESTAMPTZ, count);
	struct db_arr *is_uncounted = db_p_array(p, DB_BOOL, count);

	for (unsigned i = 0; i < count; i++) {
		const struct send_result *r = results[i];

		db_arr_uuid(id, r->id);
		db_arr_i16(attempt, r->attempt);
		db_arr_i16(outcome, (int16_t)r->outcome);
		db_arr_i64(delay_us, r->delay_us);
		db_arr_text(external_id, r->external_id);
		db_arr_text(code, r->code);
		db_arr_text(text, r->text);
		db_arr_uuid_opt(event_id, r->event_id);
		db_arr_i16(event_type, (int16_t)r->event_type);
		db_arr_text(facts, r->facts);
		db_arr_time_us(at, r->at_us);
		db_arr_bool(is_uncounted, r->is_uncounted);
	}
	db_p_text(p, worker);
}

bool
send_finish_applied(const struct db_unit *u, struct uuid id)
{
	const struct db_result *r = db_unit_result(u, FINISH_AT_FINISH);

	for (unsigned i = 0; i < db_row_count(r); i++) {
		if (uuid_eq(db_get_uuid(r, i, 0), id))
			return true;
	}
	return false;
}

void
send_late_add(struct db_unit *u, const struct send_late *rows, unsigned count, struct slice worker)
{
	struct db_params *p = db_unit_add(u, &send_queue_stmts[SEND_LATE]);
	struct db_arr *id = db_p_array(p, DB_UUID, count);
	struct db_arr *instance_id = db_p_array(p, DB_INT4, count);
	struct db_arr *attempt = db_p_array(p, DB_INT2, count);
	struct db_arr *status = db_p_array(p, DB_INT2, count);
	struct db_arr *external_id = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid(id, rows[i].id);
		db_arr_i32(instance_id, rows[i].instance_id);
		db_arr_i16(attempt, rows[i].attempt);
		db_arr_i16(status, (int16_t)rows[i].status);
		db_arr_text(external_id, rows[i].external_id);
	}
	db_p_text(p, worker);
}

void
send_lapsed_add(struct db_unit *u, unsigned limit)
{
	db_p_i32(db_unit_add(u, &send_queue_stmts[SEND_LAPSED]), (int32_t)limit);
}

void
send_overdue_add(struct db_unit *u, unsigned limit)
{
	db_p_i32(db_unit_add(u, &send_queue_stmts[SEND_OVERDUE]), (int32_t)limit);
}

void
send_ownerless_add(struct db_unit *u, unsigned limit)
{
	db_p_i32(db_unit_add(u, &send_queue_stmts[SEND_OWNERLESS]), (int32_t)limit);
}

void
send_undrained_add(struct db_unit *u, unsigned limit)
{
	db_p_i32(db_unit_add(u, &send_queue_stmts[SEND_UNDRAINED]), (int32_t)limit);
}

void
send_rename_add(struct db_unit *u, const struct send_claim *c, struct slice send_ref)
{
	struct db_params *p;

	instance_lock_add(u, &c->instance_id, 1);
	p = db_unit_add(u, &send_queue_stmts[SEND_RENAME]);
	db_p_uuid(p, c->id);
	db_p_i16(p, c->attempt);
	db_p_text(p, send_ref);
}

bool
send_rename_applied(const struct db_unit *u)
{
	return db_row_count(db_unit_result(u, 1)) > 0;
}

unsigned
send_upkeep_rows(const struct db_unit *u, struct arena *a, struct send_claim **rows)
{
	return send_rows_read(db_unit_result(u, 0), a, rows);
}
