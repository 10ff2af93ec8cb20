/* waha_event.h - what WAHA's answers and webhooks have in common, and the webhook
 * reader. Private to the WAHA translator: waha_message.c, waha_event.c. Contract:
 * contracts/waha.md.
 */
#ifndef GH_WAHA_EVENT_H
#define GH_WAHA_EVENT_H

#include "provider/translate.h"

struct json;

/* A message id in any of its shapes (waha.md 3.2, 5.1). SLICE_NONE where not told. */
struct waha_id {
	struct slice full;        /* "true_<chat>_<bare>[_<participant>]" as received */
	struct slice bare;        /* what to correlate on */
	struct slice chat;        /* as received */
	struct slice participant; /* as received */
	bool has_from_me, is_from_me;
};

/* Split the text form; a text that is not 3 or 4 parts is taken as a bare id. */
struct waha_id waha_id_split(struct slice text);

/* Find the id of a message object of any engine. False when there is none. */
bool waha_id_read(const struct json *message, struct waha_id *out);

/* Ack number, else ack name, to a status. False when it changes nothing. *ack
 * receives the number, INT_MIN when there is none. */
bool waha_ack_read(const struct json *message, int *ack, enum msg_status *status);

/* Session status word to our state; an unknown word is PROVIDER_SESSION_UNKNOWN. */
enum provider_session waha_session_state(struct slice word);

/* Ids, direction and people of anything that has a message's frame; time where it tells one. */
void waha_read_frame(const struct json *payload, struct provider_fact *f, struct arena *a);

/* Kind, text, file, place, cards and quoted message. */
void waha_read_content(const struct json *payload, struct provider_fact *f, struct arena *a);

/* struct provider.parse_event */
enum gh_code waha_parse_event(struct slice body, struct arena *a, struct provider_event *out,
			      struct gh_err *err);

#endif
