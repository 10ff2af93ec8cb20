#include "model/event_body.h"

static const struct event_field received_fields[] = {
	{"id", EVENT_FIELD_FACT, "id", EVENT_VALUE_UUID},
	{"message_id", EVENT_FIELD_FACT, "message_id", EVENT_VALUE_STRING},
	{"instance_id", EVENT_FIELD_INSTANCE_ID, NULL, EVENT_VALUE_INT},
	{"instance_name", EVENT_FIELD_FACT, "instance_name", EVENT_VALUE_STRING},
	{"session", EVENT_FIELD_FACT, "session", EVENT_VALUE_STRING},
	{"device", EVENT_FIELD_DEVICE, NULL, EVENT_VALUE_STRING},
	{"from", EVENT_FIELD_FACT, "from", EVENT_VALUE_STRING},
	{"lid", EVENT_FIELD_FACT, "lid", EVENT_VALUE_STRING},
	{"pushName", EVENT_FIELD_FACT, "push_name", EVENT_VALUE_STRING},
	{"fromMe", EVENT_FIELD_FACT, "from_me", EVENT_VALUE_BOOL},
	{"isgroup", EVENT_FIELD_FACT, "is_group", EVENT_VALUE_BOOL},
	{"participant", EVENT_FIELD_FACT, "participant", EVENT_VALUE_STRING},
	{"participant_lid", EVENT_FIELD_FACT, "participant_lid", EVENT_VALUE_STRING},
	{"type", EVENT_FIELD_FACT, "type", EVENT_VALUE_STRING},
	{"isMedia", EVENT_FIELD_IS_KNOWN, "file", EVENT_VALUE_BOOL},
	{"content", EVENT_FIELD_FACT, "content", EVENT_VALUE_STRING},
	{"quoted", EVENT_FIELD_FACT, "quoted", EVENT_VALUE_QUOTED},
	{"file", EVENT_FIELD_FILE, "file", EVENT_VALUE_FILE},
	{"timestamp", EVENT_FIELD_TIMESTAMP, NULL, EVENT_VALUE_INT},
	{"content_msg", EVENT_FIELD_RAW, "raw", EVENT_VALUE_ANY},
	/* Legacy keys: clients of the prototype read them; none may tell a URL or a key. */
	{"usalid", EVENT_FIELD_IS_KNOWN, "lid", EVENT_VALUE_BOOL},
	{"api", EVENT_FIELD_FACT, "provider", EVENT_VALUE_STRING},
	{"tipo_api", EVENT_FIELD_FACT, "provider", EVENT_VALUE_STRING},
	{"container", EVENT_FIELD_FACT, "session", EVENT_VALUE_STRING},
	{"webhook", EVENT_FIELD_TEXT, "growhub", EVENT_VALUE_STRING},
	{"ambiente", EVENT_FIELD_TEXT, "production", EVENT_VALUE_STRING},
	{NULL, EVENT_FIELD_TEXT, NULL, EVENT_VALUE_STRING},
};

/* Head of what is about a message that is there: reaction, edit, deletion, poll vote. */
static const struct event_field about_fields[] = {
	{"id", EVENT_FIELD_FACT, "id", EVENT_VALUE_UUID},
	{"message_id", EVENT_FIELD_FACT, "message_id", EVENT_VALUE_STRING},
	{"instance_id", EVENT_FIELD_INSTANCE_ID, NULL, EVENT_VALUE_INT},
	{"instance_name", EVENT_FIELD_FACT, "instance_name", EVENT_VALUE_STRING},
	{"session", EVENT_FIELD_FACT, "session", EVENT_VALUE_STRING},
	{"device", EVENT_FIELD_DEVICE, NULL, EVENT_VALUE_STRING},
	{"from", EVENT_FIELD_FACT, "from", EVENT_VALUE_STRING},
	{"chat", EVENT_FIELD_FACT, "chat", EVENT_VALUE_STRING},
	{"lid", EVENT_FIELD_FACT, "lid", EVENT_VALUE_STRING},
	{"pushName", EVENT_FIELD_FACT, "push_name", EVENT_VALUE_STRING},
	{"fromMe", EVENT_FIELD_FACT, "from_me", EVENT_VALUE_BOOL},
	{"isgroup", EVENT_FIELD_FACT, "is_group", EVENT_VALUE_BOOL},
	{"participant", EVENT_FIELD_FACT, "participant", EVENT_VALUE_STRING},
	{"participant_lid", EVENT_FIELD_FACT, "participant_lid", EVENT_VALUE_STRING},
	{NULL, EVENT_FIELD_TEXT, NULL, EVENT_VALUE_STRING},
};

/* Head of what is about the account: groups, presence, calls. */
static const struct event_field account_fields[] = {
	{"instance_id", EVENT_FIELD_INSTANCE_ID, NULL, EVENT_VALUE_INT},
	{"instance_name", EVENT_FIELD_FACT, "instance_name", EVENT_VALUE_STRING},
	{"session", EVENT_FIELD_FACT, "session", EVENT_VALUE_STRING},
	{"device", EVENT_FIELD_DEVICE, NULL, EVENT_VALUE_STRING},
	{NULL, EVENT_FIELD_TEXT, NULL, EVENT_VALUE_STRING},
};

static const struct event_field end_fields[] = {
	{"timestamp", EVENT_FIELD_TIMESTAMP, NULL, EVENT_VALUE_INT},
	{"content_msg", EVENT_FIELD_RAW, "raw", EVENT_VALUE_ANY},
	{NULL, EVENT_FIELD_TEXT, NULL, EVENT_VALUE_STRING},
};

static const struct event_field reaction_fields[] = {
	{"reaction_id", EVENT_FIELD_FACT, "reaction_id", EVENT_VALUE_STRING},
	{"type", EVENT_FIELD_FACT, "type", EVENT_VALUE_STRING},
	{"content", EVENT_FIELD_FACT, "content", EVENT_VALUE_STRING},
	{"removed", EVENT_FIELD_FACT, "is_removed", EVENT_VALUE_BOOL},
	{NULL, EVENT_FIELD_TEXT, NULL, EVENT_VALUE_STRING},
};

static const struct event_field edited_fields[] = {
	{"type", EVENT_FIELD_FACT, "type", EVENT_VALUE_STRING},
	{"isMedia", EVENT_FIELD_IS_KNOWN, "file", EVENT_VALUE_BOOL},
	{"content", EVENT_FIELD_FACT, "content", EVENT_VALUE_STRING},
	{"quoted", EVENT_FIELD_FACT, "quoted", EVENT_VALUE_QUOTED},
	{"file", EVENT_FIELD_FILE, "file", EVENT_VALUE_FILE},
	{NULL, EVENT_FIELD_TEXT, NULL, EVENT_VALUE_STRING},
};

static const struct event_field poll_fields[] = {
	{"vote_id", EVENT_FIELD_FACT, "vote_id", EVENT_VALUE_STRING},
	{"status", EVENT_FIELD_FACT, "status", EVENT_VALUE_STRING},
	{"selectedOptions", EVENT_FIELD_FACT, "selected_options", EVENT_VALUE_ANY},
	{NULL, EVENT_FIELD_TEXT, NULL, EVENT_VALUE_STRING},
};

static const struct event_field group_fields[] = {
	{"group", EVENT_FIELD_FACT, "group_id", EVENT_VALUE_STRING},
	{"action", EVENT_FIELD_FACT, "action", EVENT_VALUE_STRING},
	{"subject", EVENT_FIELD_FACT, "subject", EVENT_VALUE_STRING},
	{"description", EVENT_FIELD_FACT, "description", EVENT_VALUE_STRING},
	{"invite", EVENT_FIELD_FACT, "invite", EVENT_VALUE_STRING},
	{"participants", EVENT_FIELD_FACT, "participants", EVENT_VALUE_MEMBERS},
	{NULL, EVENT_FIELD_TEXT, NULL, EVENT_VALUE_STRING},
};

static const struct event_field presence_fields[] = {
	{"chat", EVENT_FIELD_FACT, "chat", EVENT_VALUE_STRING},
	{"participant", EVENT_FIELD_FACT, "participant", EVENT_VALUE_STRING},
	{"isgroup", EVENT_FIELD_FACT, "is_group", EVENT_VALUE_BOOL},
	{"presence", EVENT_FIELD_FACT, "presence", EVENT_VALUE_STRING},
	{"lastSeen", EVENT_FIELD_FACT, "last_seen_ms", EVENT_VALUE_INT},
	{NULL, EVENT_FIELD_TEXT, NULL, EVENT_VALUE_STRING},
};

static const struct event_field call_fields[] = {
	{"call_id", EVENT_FIELD_FACT, "call_id", EVENT_VALUE_STRING},
	{"from", EVENT_FIELD_FACT, "from", EVENT_VALUE_STRING},
	{"status", EVENT_FIELD_FACT, "status", EVENT_VALUE_STRING},
	{"isVideo", EVENT_FIELD_FACT, "is_video", EVENT_VALUE_BOOL},
	{"isgroup", EVENT_FIELD_FACT, "is_group", EVENT_VALUE_BOOL},
	{NULL, EVENT_FIELD_TEXT, NULL, EVENT_VALUE_STRING},
};

static const struct event_field status_fields[] = {
	{"id", EVENT_FIELD_FACT, "id", EVENT_VALUE_UUID},
	{"message_id", EVENT_FIELD_FACT, "message_id", EVENT_VALUE_STRING},
	{"reference", EVENT_FIELD_FACT, "reference", EVENT_VALUE_STRING},
	{"from", EVENT_FIELD_FACT, "from", EVENT_VALUE_STRING},
	{"to", EVENT_FIELD_FACT, "to", EVENT_VALUE_STRING},
	{"status", EVENT_FIELD_FACT, "status", EVENT_VALUE_STRING},
	{"ack", EVENT_FIELD_FACT, "ack", EVENT_VALUE_INT},
	{"error_code", EVENT_FIELD_SEEN, "error_code", EVENT_VALUE_STRING},
	{"error_message", EVENT_FIELD_SEEN, "error_message", EVENT_VALUE_STRING},
	{"timestamp", EVENT_FIELD_TIMESTAMP, NULL, EVENT_VALUE_INT},
	{"instance_id", EVENT_FIELD_INSTANCE_ID, NULL, EVENT_VALUE_INT},
	{"session", EVENT_FIELD_FACT, "session", EVENT_VALUE_STRING},
	{"device", EVENT_FIELD_DEVICE, NULL, EVENT_VALUE_STRING},
	{NULL, EVENT_FIELD_TEXT, NULL, EVENT_VALUE_STRING},
};

static const struct event_field instance_fields[] = {
	{"status", EVENT_FIELD_FACT, "status", EVENT_VALUE_STRING},
	{"state", EVENT_FIELD_FACT, "state", EVENT_VALUE_STRING},
	{"phone_number", EVENT_FIELD_FACT, "phone_number", EVENT_VALUE_STRING},
	{"instance_name", EVENT_FIELD_FACT, "instance_name", EVENT_VALUE_STRING},
	{"timestamp", EVENT_FIELD_TIMESTAMP, NULL, EVENT_VALUE_INT},
	{"instance_id", EVENT_FIELD_INSTANCE_ID, NULL, EVENT_VALUE_INT},
	{"session", EVENT_FIELD_FACT, "session", EVENT_VALUE_STRING},
	{"device", EVENT_FIELD_DEVICE, NULL, EVENT_VALUE_STRING},
	{"reason", EVENT_FIELD_FACT, "reason", EVENT_VALUE_STRING},
	{"new_chats_paused_until", EVENT_FIELD_SEEN, "paused_until", EVENT_VALUE_STRING},
	{"qrcode", EVENT_FIELD_SEEN, "qr", EVENT_VALUE_STRING},
	{NULL, EVENT_FIELD_TEXT, NULL, EVENT_VALUE_STRING},
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
