#include "uazapi_message.h"

#include "doc.h"

#include "base/clock.h"
#include "http/json.h"
#include "model/dialect.h"
#include "model/message.h"

/* ---- the words ---- */

const char *
uazapi_message_status(int status)
{
	static const char *const words[MSG_STATUS_COUNT] = {
		[MSG_SCHEDULED] = "Queued",    [MSG_QUEUED] = "Queued",
		[MSG_PROCESSING] = "Queued",   [MSG_IN_DOUBT] = "Queued",
		[MSG_SENT] = "Pending", /* its word for what WhatsApp has taken */
		[MSG_DELIVERED] = "Delivered", [MSG_READ] = "Read",
		[MSG_PLAYED] = "Read",         [MSG_FAILED] = "Failed",
		[MSG_CANCELLED] = "Canceled",  [MSG_RECEIVED] = "",
	};

	return words[status];
}

/* ---- the message ---- */

static struct slice
or_empty(struct slice s)
{
	return s.p != NULL ? s : S("");
}

const struct gw_field uazapi_message_fields[] = {
	GW_FIELD("id", STRING, .text = "As UAZAPI writes it: owner:messageid"),
	GW_FIELD("messageid", STRING, .text = "The provider's; ours while it has told none"),
	GW_FIELD("chatid", STRING),
	GW_FIELD("owner", STRING, .text = "Digits of the instance's number; empty: not known"),
	GW_FIELD("fromMe", BOOL),
	GW_FIELD("isGroup", BOOL),
	GW_FIELD("messageType", STRING),
	GW_FIELD("messageTimestamp", INT, .text = "Milliseconds"),
	GW_FIELD("status", STRING,
		 .words = GW_WORDS("Queued", "Pending", "Delivered", "Read", "Failed", "Canceled",
				   "")),
	GW_FIELD("text", STRING),
	GW_FIELD("content", OBJECT, .text = "By the kind"),
	GW_FIELD("sender", STRING),
	GW_FIELD("senderName", STRING),
	GW_FIELD("source", STRING),
	GW_FIELD("quoted", STRING),
	GW_FIELD("reaction", STRING),
	GW_FIELD("edited", STRING),
	GW_FIELD("convertOptions", STRING),
	GW_FIELD("readChatAttempted", BOOL, .text = "Always false: readchat has no effect"),
	GW_FIELD("track_source", STRING),
	GW_FIELD("track_id", STRING),
	{.name = NULL},
};

void
uazapi_message_members(struct json_w *w, const struct uazapi_message *m, struct arena *a)
{
	json_w_str(w, "id", dialect_full_id(m->owner, m->id, a));
	json_w_str(w, "messageid", or_empty(m->id));
	json_w_str(w, "chatid", dialect_jid(m->chat, a));
	json_w_str(w, "owner", or_empty(m->owner));
	json_w_bool(w, "fromMe", m->is_from_me);
	json_w_bool(w, "isGroup", slice_ends(m->chat, S("@g.us")));
	json_w_str(w, "messageType", slice_of(m->type));
	json_w_i64(w, "messageTimestamp", m->at_us / CLOCK_MS);
	json_w_str(w, "status", slice_of(m->status));
	json_w_str(w, "text", or_empty(m->text));
	json_w_raw(w, "content", m->content);
	json_w_str(w, "sender", dialect_jid(m->sender, a));
	json_w_str(w, "senderName", S(""));
	json_w_str(w, "source", m->is_from_me ? S("web") : S(""));
	json_w_str(w, "quoted", or_empty(m->quoted));
	json_w_str(w, "reaction", or_empty(m->reaction));
	json_w_str(w, "edited", or_empty(m->edited));
	json_w_str(w, "convertOptions", or_empty(m->options));
	json_w_bool(w, "readChatAttempted", false);
	json_w_str(w, "track_source", or_empty(m->track_source));
	json_w_str(w, "track_id", or_empty(m->track_id));
}
