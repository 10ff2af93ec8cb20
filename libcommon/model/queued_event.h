/* queued_event.h - the event message.queued of sends just accepted.
 *
 * A statement of its own in the accept's unit, added only for sends that some endpoint wants to
 * hear of: where nobody does, an accept costs what it costs without.
 */
#ifndef GH_MODEL_QUEUED_EVENT_H
#define GH_MODEL_QUEUED_EVENT_H

#include "base/uuid.h"
#include "db/db.h"
#include "model/accept.h"

/* One endpoint of instances i wants the type: a boolean, by the index instance_webhooks_owner. */
#define QUEUED_EVENT_WANTED_SQL                                                                    \
	"EXISTS (SELECT FROM instance_webhooks s WHERE s.company_id = i.company_id\n"              \
	"    AND (s.instance_id = i.id OR s.instance_id IS NULL)\n"                                \
	"    AND s.is_active AND s.deleted_at IS NULL AND s.event_mask & (1::int8 << 2) <> 0\n"    \
	"    OFFSET 0)"

/* After the accept's statement in its unit: an event with its deliveries for each row that has a
 * queued_event_id, where its message was committed by this unit or an earlier try of it. No row
 * has one: nothing is added. */
void queued_event_add(struct db_unit *u, const struct accept_row *const *rows, unsigned count);

extern const struct db_stmt_table queued_event_stmt_table;

#endif
