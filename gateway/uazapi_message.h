/* uazapi_message.h - a message as UAZAPI's replies show it (contracts/uazapi.md section 5.1):
 * beside success, message and data where a send is answered, as an element where messages are
 * listed.
 */
#ifndef GH_GATEWAY_UAZAPI_MESSAGE_H
#define GH_GATEWAY_UAZAPI_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#include "doc.h"

struct arena;
struct json_w;

/* Absent slices are written as "". */
struct uazapi_message {
	struct slice owner; /* digits of our number */
	struct slice id;    /* bare: the provider's, or ours while it has told none */
	struct slice chat;  /* canonical key */
	struct slice sender;
	bool is_from_me;
	const char *type;   /* "ImageMessage" */
	const char *status; /* "Pending" */
	int64_t at_us;
	struct slice text;
	struct slice content; /* JSON text */
	struct slice quoted, reaction, edited;
	struct slice options; /* of a poll */
	struct slice track_source, track_id;
};

/* Into an open object; a: scratch that lives as long as the writer's buffer. */
void uazapi_message_members(struct json_w *w, const struct uazapi_message *m, struct arena *a);
/* What it writes, for GW_DOC. */
extern const struct gw_field uazapi_message_fields[];

/* "Queued", "Pending", "Delivered", ...: of enum msg_status. */
const char *uazapi_message_status(int status);

#endif
