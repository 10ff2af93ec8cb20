/* event_body.h - what the body of a webhook post in the growhub format holds: one table for eventd,
 * which writes it, and for the documents of the gateway, which describe it
 * (contracts/growhub-api.md section 7).
 */
#ifndef GH_MODEL_EVENT_BODY_H
#define GH_MODEL_EVENT_BODY_H

#include <stdbool.h>

#include "model/event.h"

/* A member of a growhub body. */
enum event_field_kind {
	EVENT_FIELD_FACT, /* null when the facts do not tell */
	EVENT_FIELD_SEEN, /* left out when the facts do not tell */
	EVENT_FIELD_INSTANCE_ID,
	EVENT_FIELD_TIMESTAMP, /* milliseconds: of the fact, else of the event */
	EVENT_FIELD_DEVICE,    /* own number, whatever the facts call it */
	EVENT_FIELD_FILE,
	EVENT_FIELD_RAW,
	EVENT_FIELD_IS_KNOWN, /* true when the fact is there */
	EVENT_FIELD_TEXT      /* always `fact` itself */
};

/* What a member holds where it is not null. */
enum event_value {
	EVENT_VALUE_ANY,
	EVENT_VALUE_STRING,
	EVENT_VALUE_UUID,
	EVENT_VALUE_INT,
	EVENT_VALUE_BOOL,
	EVENT_VALUE_QUOTED, /* {message_id, content} */
	EVENT_VALUE_FILE, /* in the body: {mimetype, filename, fileLength, caption, seconds, url} */
	EVENT_VALUE_MEMBERS, /* an array of {id, phone, role} */
	EVENT_VALUE_COUNT
};

struct event_field {
	const char *name;
	enum event_field_kind kind;
	const char *fact; /* member of the facts */
	enum event_value value;
};

#define EVENT_PARTS_MAX 3

/* The members of a type, list after list (each ends in name NULL), up to EVENT_PARTS_MAX lists or
 * NULL. No first: the facts as they are. */
const struct event_field *const *event_body_parts(enum event_type type);
/* About the status of a message of our own. */
bool event_is_of_status(enum event_type type);

#endif
