#include "model/dialect_content.h"

#include "base/arena.h"
#include "base/buf.h"
#include "http/json.h"
#include "model/dialect.h"
#include "model/message.h"
#include "model/message_payload.h"

#define CONTENT_MAX (1024u * 1024)

const char *
dialect_sent_type(int kind, const struct message_payload *payload)
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
		/* Where is not kept of what others sent: no place is better than a wrong one. */
		if (p->has_place) {
			json_w_double(w, "degreesLatitude", p->place.latitude);
			json_w_double(w, "degreesLongitude", p->place.longitude);
		}
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
dialect_content(int kind, struct slice content, struct slice media_url,
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

struct slice
dialect_text(struct slice content, const struct message_payload *payload)
{
	return payload->menu.type == MESSAGE_MENU_POLL ? payload->menu.text : content;
}

struct slice
dialect_options(const struct message_payload *payload, struct arena *a)
{
	const struct message_menu *menu = &payload->menu;
	struct buf b;

	if (menu->type != MESSAGE_MENU_POLL)
		return S("");
	buf_init(&b, a, CONTENT_MAX);
	for (unsigned i = 0; i < menu->choice_count; i++) {
		if (i > 0)
			buf_add_char(&b, '|');
		buf_add(&b, menu->choices[i]);
	}
	return buf_slice(&b);
}
