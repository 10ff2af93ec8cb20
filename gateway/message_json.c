#include "message_json.h"

#include "base/uuid.h"
#include "http/json.h"
#include "model/message_row.h"

void
message_json_members(struct json_w *w, const struct message_row *row)
{
	json_w_uuid(w, "id", row->id);
	json_w_i64(w, "instance_id", row->instance_id);
	json_w_i64(w, "company_id", row->company_id);
	json_w_str(w, "direction", slice_of(msg_direction_name(row->direction)));
	json_w_str(w, "phone_to", row->phone_to);
	json_w_str(w, "phone_from", row->phone_from);
	json_w_str(w, "message_type", slice_of(msg_kind_name(row->kind)));
	json_w_str(w, "content", row->content);
	json_w_str(w, "media_url", row->media_url);
	json_w_str(w, "status", slice_of(msg_status_name(row->status)));
	json_w_i64(w, "priority", row->priority);
	json_w_str(w, "external_id", row->external_id);
	json_w_str(w, "reference", row->reference);
	json_w_str(w, "error_code", row->error_code);
	json_w_str(w, "error_message", row->error_message);
	json_w_i64(w, "attempts", row->attempts);
	json_w_time(w, "created_at", uuid7_time_us(row->id));
	json_w_time(w, "scheduled_at", row->scheduled_at_us);
	json_w_time(w, "sent_at", row->sent_at_us);
	json_w_time(w, "delivered_at", row->delivered_at_us);
	json_w_time(w, "read_at", row->read_at_us);
}
