/* message_payload.h - messages.payload of a send: what its kind needs beyond content and media_url.
 *
 * Written by the gateway when it accepts, read by senderd when it builds the provider's
 * request. An object; whatever does not apply is left out, and a message that needs nothing
 * has no payload (NULL):
 *
 *	{"place":{"latitude":-23.55,"longitude":-46.63,"name":"...","address":"..."},
 *	 "contact":{"name":"...","phone":"5511...","organization":"...","email":"...","url":"..."}
 *	        (several phones are separated by commas)
 *	        or {"vcard":"BEGIN:VCARD..."},
 *	 "file":{"mime_type":"image/png","name":"a.png","media_id":"<uuid>"},
 *	 "voice":true,
 *	 "mentions":["5511...@c.us"] or ["all"],
 *	 "link_preview":false,
 *	 "delay_ms":1500,
 *	 "menu":{"type":"list","text":"...","choices":["..."],"footer":"...","button":"...",
 *	         "image":"https://...","selectable_count":1},
 *	 "track_source":"..."}
 *
 * file.media_id names stored bytes (model/media.h); without it the file is at media_url.
 * file.mime_type is always there when the kind is one of files. A menu is a message of kind
 * text whose content is the menu as numbered text: what is sent where the provider has no
 * menus. reply_to is a column of its own and holds what the client wrote: our id or the
 * provider's, bare or full.
 *
 * Pure; any thread.
 */
#ifndef GH_MODEL_MESSAGE_PAYLOAD_H
#define GH_MODEL_MESSAGE_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "base/uuid.h"

struct arena;

#define MESSAGE_CHOICES_MAX  64
#define MESSAGE_MENTIONS_MAX 256
#define MESSAGE_PHONES_MAX   10 /* of a contact */

struct message_place {
	double latitude, longitude;
	struct slice name, address; /* each may be absent */
};

/* vcard, or name and phone and what else is known. */
struct message_contact {
	struct slice vcard;
	struct slice name, phone;
	struct slice organization, email, url; /* each may be absent */
};

struct message_file {
	struct slice mime_type; /* absent: the message has no file */
	struct slice name;      /* may be absent */
	struct uuid media_id;   /* nil: the file is at media_url */
};

enum message_menu_type {
	MESSAGE_MENU_NONE,
	MESSAGE_MENU_BUTTON,
	MESSAGE_MENU_LIST,
	MESSAGE_MENU_POLL,
	MESSAGE_MENU_CAROUSEL
};

/* "button", ...: also UAZAPI's words. Not of NONE. */
struct slice message_menu_word(enum message_menu_type type);

/* choices are in UAZAPI's grammar (contracts/uazapi.md section 5). */
struct message_menu {
	enum message_menu_type type;
	struct slice text;
	const struct slice *choices;
	unsigned choice_count;
	struct slice footer, button, image; /* each may be absent */
	int64_t selectable_count;           /* POLL: 0: any number */
};

struct message_payload {
	bool has_place;
	struct message_place place;
	bool has_contact;
	struct message_contact contact;
	struct message_file file;
	bool is_voice; /* audio: a voice note */
	const struct slice *mentions;
	unsigned mention_count;
	bool has_link_preview;
	bool link_preview; /* with has_link_preview */
	int64_t delay_ms;  /* 0: none */
	struct message_menu menu;
	struct slice track_source;
};

/* The JSON text, in a; SLICE_NONE when there is nothing to say. Texts are valid UTF-8. */
struct slice message_payload_write(const struct message_payload *p, struct arena *a);

/* Read it back; SLICE_NONE is a message without. Everything lives in a. GH_EINVAL: no object.
 * Members of another type or unknown words count as absent. */
enum gh_code message_payload_read(struct slice text, struct arena *a,
				  struct message_payload *out) GH_MUST_USE;

#endif
