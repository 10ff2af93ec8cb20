#include "message_json.h"

#include "doc.h"

#include "base/uuid.h"
#include "http/json.h"
#include "model/message_row.h"

const struct gw_schema message_schema = {
	.name = "Message",
	.fields = GW_FIELDS(
		GW_FIELD("id", UUID), GW_FIELD("instance_id", INT), GW_FIELD("company_id", INT),
		GW_FIELD("direction", STRING, .words = GW_WORDS("outbound", "inbound")),
		GW_FIELD("phone_to", STRING, .flags = GW_F_NULL),
		GW_FIELD("phone_from", STRING, .flags = GW_F_NULL),
		GW_FIELD("message_type", STRING), GW_FIELD("content", STRING, .flags = GW_F_NULL),
		GW_FIELD("media_url", STRING, .flags = GW_F_NULL), GW_FIELD("status", STRING),
		GW_FIELD("priority", INT),
		GW_FIELD("external_id", STRING, .flags = GW_F_NULL,
			 .text = "The message's id at the provider"),
		GW_FIELD("reference", STRING, .flags = GW_F_NULL, .text = "The client's own id"),
		GW_FIELD("error_code", STRING, .flags = GW_F_NULL),
		GW_FIELD("error_message", STRING, .flags = GW_F_NULL), GW_FIELD("attempts", INT),
		GW_FIELD("created_at", TIME), GW_FIELD("scheduled_at", TIME, .flags = GW_F_NULL),
		GW_FIELD("sent_at", TIME, .flags = GW_F_NULL),
		GW_FIELD("delivered_at", TIME, .flags = GW_F_NULL),
		GW_FIELD("read_at", TIME, .flags = GW_F_NULL)),
};

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
