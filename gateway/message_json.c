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

static const struct gw_schema step_schema = {
	.name = "MessageStep",
	.text = "One transition in the life of a message.",
	.fields = GW_FIELDS(GW_FIELD("at", TIME), GW_FIELD("from", STRING, .flags = GW_F_NULL),
			    GW_FIELD("status", STRING), GW_FIELD("attempt", INT),
			    GW_FIELD("daemon", STRING),
			    GW_FIELD("reason", STRING, .flags = GW_F_NULL)),
};

const struct gw_schema message_timeline_schema = {
	.name = "MessageWithTimeline",
	.base = &message_schema,
	.fields = GW_FIELDS(GW_FIELD("timeline", OBJECT, .flags = GW_F_MANY | GW_F_OPTIONAL,
				     .of = &step_schema)),
};

static void
write_step(struct json_w *w, int64_t at_us, const struct message_step *step)
{
	json_w_open(w, NULL, '{');
	json_w_time(w, "at", at_us);
	json_w_str(w, "from",
		   step->from_status < 0 ? SLICE_NONE
					 : slice_of(msg_status_name(step->from_status)));
	json_w_str(w, "status", slice_of(msg_status_name(step->to_status)));
	json_w_i64(w, "attempt", step->attempt);
	json_w_str(w, "daemon", step->daemon);
	json_w_str(w, "reason", step->reason);
	json_w_close(w, '}');
}

void
message_json_timeline(struct json_w *w, const struct db_unit *u, unsigned stmt,
		      const struct message_row *row)
{
	bool is_ours = row->direction == MSG_OUT && row->origin == MSG_FROM_API;
	struct message_step step = {
		.from_status = -1,
		.to_status = row->scheduled_at_us != 0 ? MSG_SCHEDULED : MSG_QUEUED,
		.daemon = S("gateway"),
		.reason = S("accepted"),
	};

	json_w_open(w, "timeline", '[');
	if (is_ours)
		write_step(w, uuid7_time_us(row->id), &step);
	for (unsigned i = 0; i < message_steps_count(u, stmt); i++) {
		message_step_read(u, stmt, i, &step);
		write_step(w, step.at_us, &step);
	}
	json_w_close(w, ']');
}
