/* uazapi_event.h - between the two files that read UAZAPI's webhooks. Private to uazapi_event.c
 * and uazapi_message.c. Contract: contracts/uazapi.md sections 8 to 11.
 */
#ifndef GH_UAZAPI_EVENT_H
#define GH_UAZAPI_EVENT_H

#include "provider/translate.h"

struct json;

/* true, or text that says so. */
bool uazapi_flag(const struct json *v);

/* The messageid of "<owner>:<messageid>", or of itself. */
struct slice uazapi_bare_id(struct slice id);

/* One object of the "messages" event (10.2) with the "chat" object beside it, which may be absent:
 * MESSAGE, EDITED, REACTION or POLL. raw is the caller's. */
void uazapi_read_hook_message(const struct json *message, const struct json *chat,
			      struct provider_fact *f, struct arena *a);

#endif
