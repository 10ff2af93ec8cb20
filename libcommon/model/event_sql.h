/* event_sql.h - the tail every event-writing statement shares: one delivery per
 * endpoint that subscribed, and the hint that wakes it, in the event's own
 * transaction.
 *
 * Expects a data-modifying CTE `ev` that returns (id, company_id, instance_id,
 * type), left open: the text begins by closing it.
 */
#ifndef GH_MODEL_EVENT_SQL_H
#define GH_MODEL_EVENT_SQL_H

#define EVENT_FAN_OUT_SQL                                                                          \
	"), delivery AS (\n"                                                                       \
	"  INSERT INTO webhook_deliveries (event_id, endpoint_id, company_id)\n"                   \
	"  SELECT e.id, w.id, e.company_id\n"                                                      \
	"  FROM ev e CROSS JOIN LATERAL (\n"                                                       \
	"    SELECT s.id FROM instance_webhooks s\n"                                               \
	"    WHERE s.company_id = e.company_id\n"                                                  \
	"      AND (s.instance_id = e.instance_id OR s.instance_id IS NULL)\n"                     \
	"      AND s.is_active AND s.disabled_at IS NULL AND s.deleted_at IS NULL\n"               \
	"      AND s.event_mask & (1::int8 << e.type) <> 0 OFFSET 0) w\n"                          \
	"  RETURNING endpoint_id, company_id\n"                                                    \
	"), delivery_hint AS (\n"                                                                  \
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"                     \
	"  SELECT DISTINCT 3, 2, d.company_id, d.endpoint_id FROM delivery d\n"                    \
	")\n"

#endif
