/* dialect_content.h - what of a send UAZAPI's messages show as their kind, text and content
 * (contracts/uazapi.md sections 5.1 and 10.2): in the answer of the send and in its echo.
 *
 * Pure; slices returned live in the arena given, in the payload, or are literals. payload may be
 * empty, not NULL.
 */
#ifndef GH_MODEL_DIALECT_CONTENT_H
#define GH_MODEL_DIALECT_CONTENT_H

#include "base/slice.h"

struct arena;
struct message_payload;

/* "PollCreationMessageV3", or what the kind (enum msg_kind) says. */
const char *dialect_sent_type(int kind, const struct message_payload *payload);
/* Its content as JSON text, of a send of that kind. */
struct slice dialect_content(int kind, struct slice content, struct slice media_url,
			     const struct message_payload *payload, struct arena *a);
/* The text, the caption, or the question of a poll. */
struct slice dialect_text(struct slice content, const struct message_payload *payload);
/* Of a poll its options, joined; of others "". */
struct slice dialect_options(const struct message_payload *payload, struct arena *a);

#endif
