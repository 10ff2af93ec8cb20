/* media_type.h - MIME types of files of messages: by their first bytes, by their name, and which
 * of them a kind of message takes. Pure.
 */
#ifndef GH_MODEL_MEDIA_TYPE_H
#define GH_MODEL_MEDIA_TYPE_H

#include <stdbool.h>

#include "base/slice.h"
#include "model/message.h"

/* All of them are literals. */

/* The type its first bytes betray; NULL when they say nothing. */
const char *media_type_sniff(struct slice bytes);
/* Of a sniffed type: a container whose content has a type of its own (zip, text, ...). */
bool media_type_is_vague(const char *type);
/* By the extension; NULL: none, or not known. */
const char *media_type_of_name(struct slice file_name);
/* Whether messages of the kind carry that type. Documents carry any. */
bool media_type_fits(struct slice type, enum msg_kind kind);
/* What to call a file of which only the kind is known. */
const char *media_type_default(enum msg_kind kind);

#endif
