#include "model/event.h"

struct event_names {
	const char *growhub;
	const char *standard;
	const char *uazapi;
};

/* growhub-api.md section 7; NULL: that format has no name for it. */
static const struct event_names event_table[EVENT_TYPE_COUNT] = {
	[EVENT_NONE] = {NULL, NULL, NULL},
	[EVENT_MESSAGE_RECEIVED] = {"on-message", "message.received", "messages"},
	[EVENT_MESSAGE_QUEUED] = {NULL, "message.queued", NULL},
	[EVENT_MESSAGE_SENT] = {"on-message-sent", "message.sent", "messages"},
	[EVENT_MESSAGE_DELIVERED] = {"on-message-delivered", "message.delivered",
				     "messages_update"},
	[EVENT_MESSAGE_READ] = {"on-message-read", "message.read", "messages_update"},
	[EVENT_MESSAGE_PLAYED] = {"on-message-played", "message.played", "messages_update"},
	[EVENT_MESSAGE_FAILED] = {"on-message-failed", "message.failed", NULL},
	[EVENT_MESSAGE_IN_DOUBT] = {"on-message-in-doubt", "message.in_doubt", NULL},
	[EVENT_MESSAGE_STALLED] = {"on-message-stalled", "message.stalled", NULL},
	[EVENT_MESSAGE_CANCELLED] = {NULL, "message.cancelled", NULL},
	/* The other format tells it apart; here it is a failure with the code "expired". */
	[EVENT_MESSAGE_EXPIRED] = {"on-message-failed", "message.expired", NULL},
	[EVENT_MESSAGE_EDITED] = {"on-edited", "message.edited", "messages"},
	[EVENT_MESSAGE_DELETED] = {"on-revoked", "message.deleted", "messages_update"},
	[EVENT_MESSAGE_REACTION] = {"on-reaction", "message.reaction", "messages"},
	[EVENT_INSTANCE_CONNECTED] = {"on-connected", "instance.connected", "connection"},
	[EVENT_INSTANCE_DISCONNECTED] = {"on-disconnected", "instance.disconnected", "connection"},
	[EVENT_INSTANCE_QR] = {"on-qrcode", "instance.qr", "connection"},
	[EVENT_INSTANCE_ERROR] = {"on-instance-error", "instance.error", NULL},
	[EVENT_INSTANCE_INBOUND_STALLED] = {NULL, "instance.inbound_stalled", NULL},
	[EVENT_GROUP_JOINED] = {"on-group-join", "group.joined", "groups"},
	[EVENT_GROUP_LEFT] = {"on-group-leave", "group.left", "groups"},
	[EVENT_GROUP_UPDATED] = {"on-group-update", "group.updated", "groups"},
	[EVENT_PRESENCE_UPDATED] = {"on-presence-update", "presence.updated", "presence"},
	[EVENT_POLL_VOTED] = {"on-poll-vote", "poll.voted", "messages"},
	[EVENT_CALL_RECEIVED] = {"on-call", "call.received", "call"},
	[EVENT_CONTACT_MERGED] = {NULL, "contact.merged", NULL},
	[EVENT_ENDPOINT_DISABLED] = {NULL, "endpoint.disabled", NULL},
	[EVENT_WEBHOOK_TEST] = {"webhook.test", "webhook.test", "webhook.test"},
};

#define BIT(type) (INT64_C(1) << (type))
#define ACK_BITS                                                                                   \
	(BIT(EVENT_MESSAGE_SENT) | BIT(EVENT_MESSAGE_DELIVERED) | BIT(EVENT_MESSAGE_READ) |        \
	 BIT(EVENT_MESSAGE_PLAYED))
#define STATE_BITS                                                                                 \
	(BIT(EVENT_INSTANCE_CONNECTED) | BIT(EVENT_INSTANCE_DISCONNECTED) | BIT(EVENT_INSTANCE_QR))

/* Provider names that clients of the prototype subscribed to. `pattern` may end
 * in '*'; mask 0: accepted and never fires. */
static const struct {
	const char *pattern;
	int64_t mask;
} event_aliases[] = {
	{"message", BIT(EVENT_MESSAGE_RECEIVED)},
	{"message.any", BIT(EVENT_MESSAGE_RECEIVED)},
	{"message.ack", ACK_BITS},
	{"session.status", STATE_BITS},
	{"state.change", STATE_BITS},
	{"presence.update", BIT(EVENT_PRESENCE_UPDATED)},
	{"group.v2.join", BIT(EVENT_GROUP_JOINED)},
	{"group.join", BIT(EVENT_GROUP_JOINED)},
	{"group.v2.leave", BIT(EVENT_GROUP_LEFT)},
	{"group.leave", BIT(EVENT_GROUP_LEFT)},
	{"group.v2.update", BIT(EVENT_GROUP_UPDATED)},
	{"group.v2.participants", BIT(EVENT_GROUP_UPDATED)},
	{"poll.vote", BIT(EVENT_POLL_VOTED)},
	{"call.*", BIT(EVENT_CALL_RECEIVED)},
	{"message.reaction", BIT(EVENT_MESSAGE_REACTION)},
	{"message.revoked", BIT(EVENT_MESSAGE_DELETED)},
	{"message.edited", BIT(EVENT_MESSAGE_EDITED)},
	{"chat.archive", 0},
	{"label.*", 0},
	{"engine.event", 0},
	{"event.response*", 0},
	/* UAZAPI's, of which nothing here tells. */
	{"history", 0},
	{"newsletter_messages", 0},
	{"contacts", 0},
	{"labels", 0},
	{"chats", 0},
	{"chat_labels", 0},
	{"blocks", 0},
	{"sender", 0},
	{"leads", 0},
};

const char *
event_name(enum event_type type, enum event_format format)
{
	const struct event_names *n = &event_table[type];

	switch (format) {
	case EVENT_FORMAT_GROWHUB:
		return n->growhub;
	case EVENT_FORMAT_STANDARD:
		return n->standard;
	case EVENT_FORMAT_UAZAPI:
		return n->uazapi;
	}
	return NULL;
}

int64_t
event_mask_of(enum event_format format)
{
	int64_t mask = 0;

	for (int t = EVENT_NONE + 1; t < EVENT_TYPE_COUNT; t++)
		if (event_name((enum event_type)t, format) != NULL)
			mask |= BIT(t);
	return mask;
}

static const char *const format_names[EVENT_FORMAT_COUNT] = {
	[EVENT_FORMAT_GROWHUB] = "growhub",
	[EVENT_FORMAT_STANDARD] = "standard",
	[EVENT_FORMAT_UAZAPI] = "uazapi",
};

const char *
event_format_name(enum event_format format)
{
	return format_names[format];
}

enum event_format
event_format_of(struct slice word)
{
	for (int f = 0; f < EVENT_FORMAT_COUNT; f++)
		if (slice_eq(word, slice_of(format_names[f])))
			return (enum event_format)f;
	return EVENT_FORMAT_GROWHUB;
}

const char *
event_own_name(enum event_type type, enum event_format format)
{
	const char *name = event_name(type, format);

	for (int t = EVENT_NONE + 1; name != NULL && t < (int)type; t++) {
		const char *earlier = event_name((enum event_type)t, format);

		if (earlier != NULL && strcmp(earlier, name) == 0)
			return NULL;
	}
	return name;
}

enum event_type
event_of_status(enum msg_status status)
{
	static const enum event_type types[MSG_STATUS_COUNT] = {
		[MSG_QUEUED] = EVENT_MESSAGE_QUEUED,     [MSG_IN_DOUBT] = EVENT_MESSAGE_IN_DOUBT,
		[MSG_SENT] = EVENT_MESSAGE_SENT,         [MSG_DELIVERED] = EVENT_MESSAGE_DELIVERED,
		[MSG_READ] = EVENT_MESSAGE_READ,         [MSG_PLAYED] = EVENT_MESSAGE_PLAYED,
		[MSG_FAILED] = EVENT_MESSAGE_FAILED,     [MSG_CANCELLED] = EVENT_MESSAGE_CANCELLED,
		[MSG_RECEIVED] = EVENT_MESSAGE_RECEIVED,
	};

	return types[status];
}

static bool
event_pattern_matches(struct slice pattern, struct slice word)
{
	if (slice_ends(pattern, S("*")))
		return slice_starts(word, slice_sub(pattern, 0, pattern.n - 1));
	return slice_eq(pattern, word);
}

enum gh_code
event_mask_add(struct slice word, int64_t *mask)
{
	bool is_known = false;

	if (slice_eq(word, S("*"))) {
		*mask |= BIT(EVENT_TYPE_COUNT) - 2; /* every type but EVENT_NONE */
		return GH_OK;
	}
	for (int t = EVENT_NONE + 1; t < EVENT_TYPE_COUNT; t++) {
		const struct event_names *n = &event_table[t];

		if ((n->growhub != NULL && slice_eq(word, slice_of(n->growhub))) ||
		    (n->uazapi != NULL && slice_eq(word, slice_of(n->uazapi))) ||
		    slice_eq(word, slice_of(n->standard))) {
			*mask |= BIT(t);
			is_known = true;
		}
	}
	for (size_t i = 0; i < GH_COUNT(event_aliases); i++) {
		if (event_pattern_matches(slice_of(event_aliases[i].pattern), word)) {
			*mask |= event_aliases[i].mask;
			is_known = true;
		}
	}
	return is_known ? GH_OK : GH_EINVAL;
}
