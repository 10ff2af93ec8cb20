/* event.h - event types: their numbers in the database, their names in the two
 * webhook formats, and the subscription masks of endpoints.
 *
 * Source of the names: contracts/growhub-api.md section 7.
 */
#ifndef GH_MODEL_EVENT_H
#define GH_MODEL_EVENT_H

#include <stdint.h>

#include "base/slice.h"
#include "model/message.h"

/* Stored numbers, and bit positions of event_mask: never renumber. */
enum event_type {
	EVENT_NONE = 0,
	EVENT_MESSAGE_RECEIVED = 1,
	EVENT_MESSAGE_QUEUED = 2,
	EVENT_MESSAGE_SENT = 3,
	EVENT_MESSAGE_DELIVERED = 4,
	EVENT_MESSAGE_READ = 5,
	EVENT_MESSAGE_PLAYED = 6,
	EVENT_MESSAGE_FAILED = 7,
	EVENT_MESSAGE_IN_DOUBT = 8,
	EVENT_MESSAGE_STALLED = 9,
	EVENT_MESSAGE_CANCELLED = 10,
	EVENT_MESSAGE_EXPIRED = 11,
	EVENT_MESSAGE_EDITED = 12,
	EVENT_MESSAGE_DELETED = 13,
	EVENT_MESSAGE_REACTION = 14,
	EVENT_INSTANCE_CONNECTED = 15,
	EVENT_INSTANCE_DISCONNECTED = 16,
	EVENT_INSTANCE_QR = 17,
	EVENT_INSTANCE_ERROR = 18,
	EVENT_INSTANCE_INBOUND_STALLED = 19,
	EVENT_GROUP_JOINED = 20,
	EVENT_GROUP_LEFT = 21,
	EVENT_GROUP_UPDATED = 22,
	EVENT_PRESENCE_UPDATED = 23,
	EVENT_POLL_VOTED = 24,
	EVENT_CALL_RECEIVED = 25,
	EVENT_CONTACT_MERGED = 26,
	EVENT_ENDPOINT_DISABLED = 27,
	EVENT_WEBHOOK_TEST = 28
};
#define EVENT_TYPE_COUNT 29

enum event_format { EVENT_FORMAT_GROWHUB, EVENT_FORMAT_STANDARD, EVENT_FORMAT_UAZAPI };
#define EVENT_FORMAT_COUNT 3

/* "growhub", "standard", "uazapi". */
const char *event_format_name(enum event_format format);
/* A word that is none counts as growhub: the column's CHECK bounds it. */
enum event_format event_format_of(struct slice word);

/* Name of a type in a format; NULL where it has none. Uazapi's stand for several types each. */
const char *event_name(enum event_type type, enum event_format format);
/* The types that have one. */
int64_t event_mask_of(enum event_format format);

/* The same, for lists of names: NULL also where a type of a lower number has that name. */
const char *event_own_name(enum event_type type, enum event_format format);

/* The event that reports a message's new status; EVENT_NONE where there is none. */
enum event_type event_of_status(enum msg_status status);

/* Add to *mask the bits a subscription word stands for: "*", names of any
 * format, and the provider names of growhub-api.md section 7 (some of which are
 * accepted and never fire). GH_EINVAL for an unknown word. */
enum gh_code event_mask_add(struct slice word, int64_t *mask) GH_MUST_USE;

#endif
