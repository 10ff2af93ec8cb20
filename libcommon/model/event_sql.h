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
	"  FROM ev e JOIN instance_webhooks w ON w.company_id = e.company_id\n"                    \
	"  WHERE (w.instance_id = e.instance_id OR w.instance_id IS NULL)\n"                       \
	"    AND w.is_active AND w.disabled_at IS NULL AND w.deleted_at IS NULL\n"                 \
	"    AND w.event_mask & (1::int8 << e.type) <> 0\n"                                        \
	"  RETURNING endpoint_id, company_id\n"                                                    \
	"), delivery_hint AS (\n"                                                                  \
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"                     \
	"  SELECT DISTINCT 3, 2, d.company_id, d.endpoint_id FROM delivery d\n"                    \
	")\n"

#endif
