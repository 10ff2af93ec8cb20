/* new_chats.h - stop on danger: an instance that WhatsApp lets open no conversation opens none
 * until that is over, or lifted; messages to chats it has spoken with go on (model/new_chats.h).
 *
 * Costs nothing while nothing is paused: the claim tells of a pause, and only then somebody asks.
 */
#ifndef GH_SENDERD_NEW_CHATS_H
#define GH_SENDERD_NEW_CHATS_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct arena;
struct new_chats;
struct provider_result;
struct route;
struct send_claim;
struct senderd;

/* GH_OK: the instance has spoken with the chat, or it is none that anybody opens (a group, a
 * newsletter); GH_ENOTFOUND: it would be a new one; GH_ETEMP: the database did not answer. */
typedef void new_chats_fn(void *arg, enum gh_code code);
/* chat: where the message would go. fn is called once, maybe before this returns; a, claim and
 * chat live until then. */
void new_chats_find(struct new_chats *n, struct arena *a, const struct send_claim *claim,
		    struct slice chat, new_chats_fn *fn, void *arg);

/* A send was answered: pause the instance's new chats where the answer says so. Returns how
 * long the message itself is to wait for that; 0: it says nothing of it. */
int64_t new_chats_answered(struct new_chats *n, const struct route *route,
			   const struct provider_result *r);

struct new_chats *new_chats_new(struct senderd *sd);
/* After the database connections. NULL is legal. */
void new_chats_free(struct new_chats *n);

#endif
