/* event_sql.h - what statements about events share.
 *
 * The tail of every event-writing statement: one delivery per endpoint that
 * subscribed, and the hint that wakes it, in the event's own transaction. An
 * endpoint that was disabled gets its deliveries for two weeks more, without a
 * hint: they are held until its owner enables it. The tail expects a data-modifying
 * CTE `ev` that returns (id, company_id, instance_id, type), left open: the text
 * begins by closing it.
 *
 * The TAKING form is for a process that will post to some of the endpoints itself: their
 * deliveries are born leased to it, as attempt 1, without a hint. It ends the statement, with a row
 * of (event_id, endpoint_id) for each. endpoints, lease: parameters, int4[] and int8 microseconds.
 *
 * And the range of a company's events: company and id as one row value, so that both
 * ends of the scan are bounds within events_company, and no other index has the
 * order; the id alone prunes the partitions. $1 company, $2 <= id < $3.
 */
#ifndef GH_MODEL_EVENT_SQL_H
#define GH_MODEL_EVENT_SQL_H

#define EVENT_RANGE_SQL                                                                            \
	"FROM events e\n"                                                                          \
	"    WHERE (e.company_id, e.id) >= ($1, $2) AND (e.company_id, e.id) < ($1, $3)\n"         \
	"      AND e.id >= $2 AND e.id < $3\n"

#define EVENT_FAN_OUT_SQL EVENT_FAN_OUT_AS("false", "NULL")
#define EVENT_FAN_OUT_TAKING_SQL(endpoints, lease)                                                 \
	EVENT_FAN_OUT_AS("s.id = ANY (" endpoints "::int4[])", lease)                              \
	"SELECT w.event_id, w.endpoint_id FROM wanted w WHERE w.is_taken"

#define EVENT_FAN_OUT_AS(is_taken, lease)                                                          \
	"), wanted AS MATERIALIZED (\n"                                                            \
	"  SELECT e.id AS event_id, w.id AS endpoint_id, e.company_id, w.is_held,\n"               \
	"      w.is_taken AND NOT w.is_held AS is_taken\n"                                         \
	"  FROM ev e CROSS JOIN LATERAL (\n"                                                       \
	"    SELECT s.id, s.disabled_at IS NOT NULL AS is_held, " is_taken " AS is_taken\n"        \
	"    FROM instance_webhooks s\n"                                                           \
	"    WHERE s.company_id = e.company_id\n"                                                  \
	"      AND (s.instance_id = e.instance_id OR s.instance_id IS NULL)\n"                     \
	"      AND s.is_active AND s.deleted_at IS NULL\n"                                         \
	"      AND (s.disabled_at IS NULL OR s.disabled_at > now() - interval '14 d')\n"           \
	"      AND s.event_mask & (1::int8 << e.type) <> 0 OFFSET 0) w\n"                          \
	"), delivery AS (\n"                                                                       \
	"  INSERT INTO webhook_deliveries (event_id, endpoint_id, company_id, state, attempts,\n"  \
	"      lease_until)\n"                                                                     \
	"  SELECT w.event_id, w.endpoint_id, w.company_id, w.is_taken::int, w.is_taken::int,\n"    \
	"      CASE WHEN w.is_taken\n"                                                             \
	"           THEN clock_timestamp() + " lease "::int8 * interval '1 us' END\n"              \
	"  FROM wanted w\n"                                                                        \
	"), delivery_hint AS (\n"                                                                  \
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"                     \
	"  SELECT DISTINCT 3, 2, w.company_id, w.endpoint_id FROM wanted w\n"                      \
	"  WHERE NOT w.is_held AND NOT w.is_taken\n"                                               \
	")\n"

#endif
