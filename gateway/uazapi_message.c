#include "uazapi_message.h"

#include "doc.h"

#include "base/buf.h"
#include "base/clock.h"
#include "http/json.h"
#include "model/dialect.h"
#include "model/message.h"
#include "model/message_payload.h"

#define CONTENT_MAX (1024u * 1024)

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

const char *
uazapi_message_sent_type(int kind, const struct message_payload *payload)
{
	static const char *const menus[] = {
		[MESSAGE_MENU_BUTTON] = "ButtonsMessage",
		[MESSAGE_MENU_LIST] = "ListMessage",
		[MESSAGE_MENU_POLL] = "PollCreationMessageV3",
		[MESSAGE_MENU_CAROUSEL] = "InteractiveMessage",
	};

	return payload->menu.type != MESSAGE_MENU_NONE ? menus[payload->menu.type]
						       : dialect_message_type(kind);
}

/* ---- the content ---- */

static struct slice
or_empty(struct slice s)
{
	return s.p != NULL ? s : S("");
}

static void
write_menu(struct json_w *w, const struct message_menu *menu)
{
	json_w_str(w, "name", or_empty(menu->text));
	json_w_open(w, "options", '[');
	for (unsigned i = 0; i < menu->choice_count; i++)
		json_w_str(w, NULL, menu->choices[i]);
	json_w_close(w, ']');
	json_w_i64(w, "selectableOptionsCount", menu->selectable_count);
}

static void
write_file(struct json_w *w, int kind, struct slice caption, struct slice url,
	   const struct message_payload *payload)
{
	json_w_str(w, "URL", or_empty(url));
	json_w_str(w, "mimetype", or_empty(payload->file.mime_type));
	json_w_str(w, "caption", or_empty(caption));
	if (kind == MSG_DOCUMENT)
		json_w_str(w, "fileName", or_empty(payload->file.name));
	if (kind == MSG_AUDIO)
		json_w_bool(w, "PTT", payload->is_voice);
}

static void
write_content(struct json_w *w, int kind, struct slice content, struct slice url,
	      const struct message_payload *p)
{
	if (p->menu.type != MESSAGE_MENU_NONE) {
		write_menu(w, &p->menu);
	} else if (kind == MSG_LOCATION) {
		json_w_double(w, "degreesLatitude", p->place.latitude);
		json_w_double(w, "degreesLongitude", p->place.longitude);
		json_w_str(w, "name", or_empty(p->place.name));
		json_w_str(w, "address", or_empty(p->place.address));
	} else if (kind == MSG_CONTACT) {
		json_w_str(w, "displayName", or_empty(p->contact.name));
		json_w_str(w, "vcard", or_empty(p->contact.vcard));
	} else if (kind == MSG_TEXT || kind == MSG_REACTION || kind == MSG_UNSUPPORTED) {
		json_w_str(w, "text", or_empty(content));
	} else {
		write_file(w, kind, content, url, p);
	}
	json_w_open(w, "contextInfo", '{');
	json_w_close(w, '}');
}

struct slice
uazapi_message_content(int kind, struct slice content, struct slice media_url,
		       const struct message_payload *payload, struct arena *a)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, a, CONTENT_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	write_content(&w, kind, content, media_url, payload);
	json_w_close(&w, '}');
	return b.over ? S("{}") : buf_slice(&b);
}

/* ---- the message ---- */

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
	json_w_str(w, "convertOptions", S(""));
	json_w_bool(w, "readChatAttempted", false);
	json_w_str(w, "track_source", or_empty(m->track_source));
	json_w_str(w, "track_id", or_empty(m->track_id));
}
