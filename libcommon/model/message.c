#include "model/message.h"

static const char *const msg_status_names[MSG_STATUS_COUNT] = {
	[MSG_SCHEDULED] = "scheduled", [MSG_QUEUED] = "queued",     [MSG_PROCESSING] = "processing",
	[MSG_IN_DOUBT] = "in_doubt",   [MSG_SENT] = "sent",         [MSG_DELIVERED] = "delivered",
	[MSG_READ] = "read",           [MSG_PLAYED] = "played",     [MSG_FAILED] = "failed",
	[MSG_CANCELLED] = "cancelled", [MSG_RECEIVED] = "received",
};

static const char *const msg_kind_names[MSG_KIND_COUNT] = {
	[MSG_TEXT] = "text",         [MSG_IMAGE] = "image",
	[MSG_VIDEO] = "video",       [MSG_AUDIO] = "audio",
	[MSG_DOCUMENT] = "document", [MSG_LOCATION] = "location",
	[MSG_CONTACT] = "contact",   [MSG_STICKER] = "sticker",
	[MSG_REACTION] = "reaction", [MSG_UNSUPPORTED] = "unsupported",
};

static const char *
msg_word(const char *const *words, int count, int value)
{
	return value >= 0 && value < count ? words[value] : "unknown";
}

const char *
msg_status_name(int status)
{
	return msg_word(msg_status_names, MSG_STATUS_COUNT, status);
}

const char *
msg_kind_name(int kind)
{
	return msg_word(msg_kind_names, MSG_KIND_COUNT, kind);
}

const char *
msg_direction_name(int direction)
{
	static const char *const names[] = {[MSG_OUT] = "outbound", [MSG_IN] = "inbound"};

	return msg_word(names, 2, direction);
}

enum gh_code
msg_status_parse(struct slice s, enum msg_status *out)
{
	for (int i = 0; i < MSG_STATUS_COUNT; i++) {
		if (slice_eq(s, slice_of(msg_status_names[i]))) {
			*out = (enum msg_status)i;
			return GH_OK;
		}
	}
	return GH_EINVAL;
}

enum mq_class
msg_class_of_priority(int priority)
{
	if (priority >= 8)
		return MQ_CLASS_HIGH;
	return priority >= 4 ? MQ_CLASS_NORMAL : MQ_CLASS_LOW;
}

int64_t
msg_lane(struct slice chat_key, enum mq_class cls)
{
	/* FNV-1a with a final mix: stable over processes and versions, unlike map_hash. */
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < chat_key.n; i++)
		h = (h ^ (uint8_t)chat_key.p[i]) * UINT64_C(1099511628211);
	h = (h ^ (uint64_t)cls) * UINT64_C(1099511628211);
	h ^= h >> 32;
	return (int64_t)h;
}
