/* inbound_facts.h - the facts of events that provider webhooks make, one writer per kind of
 * fact. Receipts and states have theirs in model/facts.h: others see those too. (Helper of
 * plan.c.)
 *
 * Common to all: "timestamp_ms", "instance_name", "session", "own_number", "provider", "raw"
 * (the provider's own object). Facts about a message begin with "id" (ours, null where we do
 * not have it), "message_id" (the provider's) and say who and where.
 */
#ifndef GH_EVENTD_INBOUND_FACTS_H
#define GH_EVENTD_INBOUND_FACTS_H

#include "base/uuid.h"
#include "model/inbound.h"
#include "provider/provider.h"

struct arena;

/* JSON text in the arena. id: the message the fact speaks of, nil where there is none;
 * own_number: digits, may be absent. Kinds: MESSAGE, REACTION, EDITED, REVOKED, POLL, GROUP,
 * PRESENCE, CALL. */
struct slice inbound_facts(struct arena *a, struct uuid id, const struct inbound_body *body,
			   const struct provider_fact *f, struct slice own_number);

/* The fact's chat or person, by number rather than by hidden id where both are known. */
struct slice inbound_known_as(struct arena *a, const struct provider_fact *f, struct slice key);

#endif
