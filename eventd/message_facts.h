/* message_facts.h - the facts of a message.received event (helper of plan.c). */
#ifndef GH_EVENTD_MESSAGE_FACTS_H
#define GH_EVENTD_MESSAGE_FACTS_H

#include "base/uuid.h"
#include "model/inbound.h"
#include "provider/provider.h"

struct arena;

/* JSON text in the arena. id: our message; own_number: digits, may be absent. */
struct slice message_facts(struct arena *a, struct uuid id, const struct inbound_body *body,
			   const struct provider_fact *f, struct slice own_number);

#endif
