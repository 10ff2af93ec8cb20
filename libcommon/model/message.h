/* message.h - words and numbers of a message that every daemon shares.
 *
 * The numbers are stored in PostgreSQL: never renumber, only append.
 */
#ifndef GH_MODEL_MESSAGE_H
#define GH_MODEL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "mq/envelope.h"

enum msg_direction { MSG_OUT = 0, MSG_IN = 1 };

/* DESIGN.md section 4. Between SENT and PLAYED only forward. */
enum msg_status {
	MSG_SCHEDULED = 0,
	MSG_QUEUED = 1,
	MSG_PROCESSING = 2,
	MSG_IN_DOUBT = 3,
	MSG_SENT = 4,
	MSG_DELIVERED = 5,
	MSG_READ = 6,
	MSG_PLAYED = 7,
	MSG_FAILED = 8,
	MSG_CANCELLED = 9,
	MSG_RECEIVED = 10
};
#define MSG_STATUS_COUNT 11

enum msg_kind {
	MSG_TEXT = 0,
	MSG_IMAGE = 1,
	MSG_VIDEO = 2,
	MSG_AUDIO = 3,
	MSG_DOCUMENT = 4,
	MSG_LOCATION = 5,
	MSG_CONTACT = 6,
	MSG_STICKER = 7,
	MSG_REACTION = 8,
	MSG_UNSUPPORTED = 9
};
#define MSG_KIND_COUNT 10

/* Who made it: our API, the phone itself (another device of the number), the other side. */
enum msg_origin { MSG_FROM_API = 0, MSG_FROM_PHONE = 1, MSG_FROM_CONTACT = 2 };

/* Words of the API; never NULL ("unknown" outside the range). */
const char *msg_status_name(int status);
const char *msg_kind_name(int kind);
const char *msg_direction_name(int direction);
/* GH_EINVAL for an unknown word. */
enum gh_code msg_status_parse(struct slice s, enum msg_status *out) GH_MUST_USE;

/* Queue class of a priority: >= 8 high, 4-7 normal, < 4 low (growhub-api.md section 4). */
enum mq_class msg_class_of_priority(int priority);

/* Lane of a chat: sends of one class to one chat of an instance keep their order.
 * A stable 64-bit hash; two chats that collide merely wait for each other. */
int64_t msg_lane(struct slice chat_key, enum mq_class cls);

#endif
