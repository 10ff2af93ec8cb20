#include "model/event_body.h"

static const struct event_field received_fields[] = {
	{"id", EVENT_FIELD_FACT, "id"},
	{"message_id", EVENT_FIELD_FACT, "message_id"},
	{"instance_id", EVENT_FIELD_INSTANCE_ID, NULL},
	{"instance_name", EVENT_FIELD_FACT, "instance_name"},
	{"session", EVENT_FIELD_FACT, "session"},
	{"device", EVENT_FIELD_DEVICE, NULL},
	{"from", EVENT_FIELD_FACT, "from"},
	{"lid", EVENT_FIELD_FACT, "lid"},
	{"pushName", EVENT_FIELD_FACT, "push_name"},
	{"fromMe", EVENT_FIELD_FACT, "from_me"},
	{"isgroup", EVENT_FIELD_FACT, "is_group"},
	{"participant", EVENT_FIELD_FACT, "participant"},
	{"participant_lid", EVENT_FIELD_FACT, "participant_lid"},
	{"type", EVENT_FIELD_FACT, "type"},
	{"isMedia", EVENT_FIELD_IS_KNOWN, "file"},
	{"content", EVENT_FIELD_FACT, "content"},
	{"quoted", EVENT_FIELD_FACT, "quoted"},
	{"file", EVENT_FIELD_FILE, "file"},
	{"timestamp", EVENT_FIELD_TIMESTAMP, NULL},
	{"content_msg", EVENT_FIELD_RAW, "raw"},
	/* Legacy keys: clients of the prototype read them; none may tell a URL or a key. */
	{"usalid", EVENT_FIELD_IS_KNOWN, "lid"},
	{"api", EVENT_FIELD_FACT, "provider"},
	{"tipo_api", EVENT_FIELD_FACT, "provider"},
	{"container", EVENT_FIELD_FACT, "session"},
	{"webhook", EVENT_FIELD_TEXT, "growhub"},
	{"ambiente", EVENT_FIELD_TEXT, "production"},
	{NULL, EVENT_FIELD_TEXT, NULL},
};

/* Head of what is about a message that is there: reaction, edit, deletion, poll vote. */
static const struct event_field about_fields[] = {
	{"id", EVENT_FIELD_FACT, "id"},
	{"message_id", EVENT_FIELD_FACT, "message_id"},
	{"instance_id", EVENT_FIELD_INSTANCE_ID, NULL},
	{"instance_name", EVENT_FIELD_FACT, "instance_name"},
	{"session", EVENT_FIELD_FACT, "session"},
	{"device", EVENT_FIELD_DEVICE, NULL},
	{"from", EVENT_FIELD_FACT, "from"},
	{"chat", EVENT_FIELD_FACT, "chat"},
	{"lid", EVENT_FIELD_FACT, "lid"},
	{"pushName", EVENT_FIELD_FACT, "push_name"},
	{"fromMe", EVENT_FIELD_FACT, "from_me"},
	{"isgroup", EVENT_FIELD_FACT, "is_group"},
	{"participant", EVENT_FIELD_FACT, "participant"},
	{"participant_lid", EVENT_FIELD_FACT, "participant_lid"},
	{NULL, EVENT_FIELD_TEXT, NULL},
};

/* Head of what is about the account: groups, presence, calls. */
static const struct event_field account_fields[] = {
	{"instance_id", EVENT_FIELD_INSTANCE_ID, NULL},
	{"instance_name", EVENT_FIELD_FACT, "instance_name"},
	{"session", EVENT_FIELD_FACT, "session"},
	{"device", EVENT_FIELD_DEVICE, NULL},
	{NULL, EVENT_FIELD_TEXT, NULL},
};

static const struct event_field end_fields[] = {
	{"timestamp", EVENT_FIELD_TIMESTAMP, NULL},
	{"content_msg", EVENT_FIELD_RAW, "raw"},
	{NULL, EVENT_FIELD_TEXT, NULL},
};

static const struct event_field reaction_fields[] = {
	{"reaction_id", EVENT_FIELD_FACT, "reaction_id"},
	{"type", EVENT_FIELD_FACT, "type"},
	{"content", EVENT_FIELD_FACT, "content"},
	{"removed", EVENT_FIELD_FACT, "is_removed"},
	{NULL, EVENT_FIELD_TEXT, NULL},
};

static const struct event_field edited_fields[] = {
	{"type", EVENT_FIELD_FACT, "type"},       {"isMedia", EVENT_FIELD_IS_KNOWN, "file"},
	{"content", EVENT_FIELD_FACT, "content"}, {"quoted", EVENT_FIELD_FACT, "quoted"},
	{"file", EVENT_FIELD_FILE, "file"},       {NULL, EVENT_FIELD_TEXT, NULL},
};

static const struct event_field poll_fields[] = {
	{"vote_id", EVENT_FIELD_FACT, "vote_id"},
	{"status", EVENT_FIELD_FACT, "status"},
	{"selectedOptions", EVENT_FIELD_FACT, "selected_options"},
	{NULL, EVENT_FIELD_TEXT, NULL},
};

static const struct event_field group_fields[] = {
	{"group", EVENT_FIELD_FACT, "group_id"},
	{"action", EVENT_FIELD_FACT, "action"},
	{"subject", EVENT_FIELD_FACT, "subject"},
	{"description", EVENT_FIELD_FACT, "description"},
	{"invite", EVENT_FIELD_FACT, "invite"},
	{"participants", EVENT_FIELD_FACT, "participants"},
	{NULL, EVENT_FIELD_TEXT, NULL},
};

static const struct event_field presence_fields[] = {
	{"chat", EVENT_FIELD_FACT, "chat"},
	{"participant", EVENT_FIELD_FACT, "participant"},
	{"isgroup", EVENT_FIELD_FACT, "is_group"},
	{"presence", EVENT_FIELD_FACT, "presence"},
	{"lastSeen", EVENT_FIELD_FACT, "last_seen_ms"},
	{NULL, EVENT_FIELD_TEXT, NULL},
};

static const struct event_field call_fields[] = {
	{"call_id", EVENT_FIELD_FACT, "call_id"},  {"from", EVENT_FIELD_FACT, "from"},
	{"status", EVENT_FIELD_FACT, "status"},    {"isVideo", EVENT_FIELD_FACT, "is_video"},
	{"isgroup", EVENT_FIELD_FACT, "is_group"}, {NULL, EVENT_FIELD_TEXT, NULL},
};

static const struct event_field status_fields[] = {
	{"id", EVENT_FIELD_FACT, "id"},
	{"message_id", EVENT_FIELD_FACT, "message_id"},
	{"reference", EVENT_FIELD_FACT, "reference"},
	{"from", EVENT_FIELD_FACT, "from"},
	{"to", EVENT_FIELD_FACT, "to"},
	{"status", EVENT_FIELD_FACT, "status"},
	{"ack", EVENT_FIELD_FACT, "ack"},
	{"error_code", EVENT_FIELD_SEEN, "error_code"},
	{"error_message", EVENT_FIELD_SEEN, "error_message"},
	{"timestamp", EVENT_FIELD_TIMESTAMP, NULL},
	{"instance_id", EVENT_FIELD_INSTANCE_ID, NULL},
	{"session", EVENT_FIELD_FACT, "session"},
	{"device", EVENT_FIELD_DEVICE, NULL},
	{NULL, EVENT_FIELD_TEXT, NULL},
};

static const struct event_field instance_fields[] = {
	{"status", EVENT_FIELD_FACT, "status"},
	{"state", EVENT_FIELD_FACT, "state"},
	{"phone_number", EVENT_FIELD_FACT, "phone_number"},
	{"instance_name", EVENT_FIELD_FACT, "instance_name"},
	{"timestamp", EVENT_FIELD_TIMESTAMP, NULL},
	{"instance_id", EVENT_FIELD_INSTANCE_ID, NULL},
	{"session", EVENT_FIELD_FACT, "session"},
	{"device", EVENT_FIELD_DEVICE, NULL},
	{"reason", EVENT_FIELD_FACT, "reason"},
	{"qrcode", EVENT_FIELD_SEEN, "qr"},
	{NULL, EVENT_FIELD_TEXT, NULL},
};

/* One after the other. No first: the facts as they are. */
static const struct event_field *const parts_by_type[EVENT_TYPE_COUNT][EVENT_PARTS_MAX] = {
	[EVENT_MESSAGE_RECEIVED] = {received_fields},
	[EVENT_MESSAGE_QUEUED] = {status_fields},
	[EVENT_MESSAGE_SENT] = {status_fields},
	[EVENT_MESSAGE_DELIVERED] = {status_fields},
	[EVENT_MESSAGE_READ] = {status_fields},
	[EVENT_MESSAGE_PLAYED] = {status_fields},
	[EVENT_MESSAGE_FAILED] = {status_fields},
	[EVENT_MESSAGE_IN_DOUBT] = {status_fields},
	[EVENT_MESSAGE_STALLED] = {status_fields},
	[EVENT_MESSAGE_CANCELLED] = {status_fields},
	[EVENT_MESSAGE_EXPIRED] = {status_fields},
	[EVENT_MESSAGE_EDITED] = {about_fields, edited_fields, end_fields},
	[EVENT_MESSAGE_DELETED] = {about_fields, end_fields},
	[EVENT_MESSAGE_REACTION] = {about_fields, reaction_fields, end_fields},
	[EVENT_INSTANCE_CONNECTED] = {instance_fields},
	[EVENT_INSTANCE_DISCONNECTED] = {instance_fields},
	[EVENT_INSTANCE_QR] = {instance_fields},
	[EVENT_INSTANCE_ERROR] = {instance_fields},
	[EVENT_INSTANCE_INBOUND_STALLED] = {instance_fields},
	[EVENT_GROUP_JOINED] = {account_fields, group_fields, end_fields},
	[EVENT_GROUP_LEFT] = {account_fields, group_fields, end_fields},
	[EVENT_GROUP_UPDATED] = {account_fields, group_fields, end_fields},
	[EVENT_PRESENCE_UPDATED] = {account_fields, presence_fields, end_fields},
	[EVENT_POLL_VOTED] = {about_fields, poll_fields, end_fields},
	[EVENT_CALL_RECEIVED] = {account_fields, call_fields, end_fields},
};

const struct event_field *const *
event_body_parts(enum event_type type)
{
	return parts_by_type[type];
}

bool
event_is_of_status(enum event_type type)
{
	return parts_by_type[type][0] == status_fields;
}
