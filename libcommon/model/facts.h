/* facts.h - the neutral JSON of an event (events.facts), written once by whoever saw the
 * fact and rendered into webhook bodies later. Snake_case, fixed order, what does not
 * apply is left out.
 *
 * Texts may come from providers: each is cut at FACTS_TEXT_MAX bytes, a QR code left out beyond
 * FACTS_QR_MAX. They must be valid UTF-8.
 */
#ifndef GH_MODEL_FACTS_H
#define GH_MODEL_FACTS_H

#include "base/slice.h"
#include "base/uuid.h"
#include "model/message.h"

struct arena;

#define FACTS_TEXT_MAX 1024
#define FACTS_QR_MAX   16384
#define FACTS_ACK_NONE (-1000) /* no provider's ack number is that low */

/* {"id","message_id","reference","from","to","status","ack","error_code","error_message",
 *  "instance_name","session","attempt"} */
struct facts_message {
	struct uuid id;
	struct slice external_id; /* "message_id": null while the provider told none */
	struct slice reference;
	struct slice from; /* own number */
	struct slice to;   /* chat */
	enum msg_status status;
	int ack; /* FACTS_ACK_NONE: none */
	struct slice error_code;
	struct slice error_message;
	struct slice instance_name;
	struct slice session;
	int attempt; /* 0: none */
};
/* The text lives in a. */
struct slice facts_message(struct arena *a, const struct facts_message *m);

/* {"status","state","reason","phone_number","instance_name","session","paused_until","qr"} */
struct facts_instance {
	struct slice status; /* word of instances.status */
	struct slice state;  /* the provider's own word */
	struct slice reason;
	struct slice phone_number;
	struct slice instance_name;
	struct slice session;
	struct slice paused_until; /* RFC 3339: no new chats before */
	struct slice qr;           /* text to draw as QR code, or a data URL of the picture */
};
struct slice facts_instance(struct arena *a, const struct facts_instance *i);

#endif
