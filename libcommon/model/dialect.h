/* dialect.h - how UAZAPI writes ids, times and kinds (contracts/uazapi.md sections 3, 4.1,
 * 10.2): in the gateway's replies on its routes and in the bodies of webhooks of its format.
 *
 * Pure. Slices returned live in the arena given, or are literals.
 */
#ifndef GH_MODEL_DIALECT_H
#define GH_MODEL_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct arena;

/* "ImageMessage", by enum msg_kind; text is what an API sends. */
const char *dialect_message_type(int kind);
/* "text", "media" or "reaction". */
const char *dialect_type(int kind);
/* "image", "ptt", "vcard", ...; "" of what is no media. */
const char *dialect_media_type(int kind, bool is_voice);

/* "<digits>@s.whatsapp.net" of "<digits>@c.us", every other address as it is; absent: "". */
struct slice dialect_jid(struct slice key, struct arena *a);
/* Only the digits of a number as people write it; absent: "". */
struct slice dialect_owner(struct slice number, struct arena *a);
/* "<owner>:<bare id>" */
struct slice dialect_full_id(struct slice owner, struct slice bare, struct arena *a);
/* The bare id of either form: without digits and a colon before it. */
struct slice dialect_bare_id(struct slice id);
/* "2026-10-05 12:00:00.000Z"; 0: "". */
struct slice dialect_time(int64_t wall_us, struct arena *a);

/* An instance's id: "r" and 14 hex digits, of our integer. */
#define DIALECT_ID_SIZE 16
const char *dialect_instance_id(int32_t id, char dst[DIALECT_ID_SIZE]);
/* It, or the integer's digits. */
enum gh_code dialect_instance_id_parse(struct slice text, int32_t *id) GH_MUST_USE;

#endif
