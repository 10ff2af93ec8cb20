/* numbers.h - Brazil's ninth digit: half of the older accounts exist without it, so the provider
 * is asked which spelling a number has before the first send to it (contracts/growhub-api.md,
 * last paragraph). What it said is shared by all senders through the database, and kept here for
 * minutes, no longer than it holds.
 */
#ifndef GH_SENDERD_NUMBERS_H
#define GH_SENDERD_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"

struct arena;
struct numbers;
struct senderd;

/* A person of Brazil, 12 or 13 digits: SLICE_NONE for every other chat, at no cost. */
struct slice numbers_phone(struct slice chat);

struct number_answer {
	bool exists;
	struct slice chat; /* where exists; valid until the end of the pass */
};

/* out is set when code is GH_OK; GH_ENOTFOUND: nobody has asked lately; GH_ETEMP: the database did
 * not answer. */
typedef void numbers_fn(void *arg, enum gh_code code, const struct number_answer *out);

/* What is known of phone at this provider: one look-up for all that ask in a pass. fn is called
 * once, maybe before this returns; a lives until then. */
void numbers_find(struct numbers *n, struct arena *a, int32_t provider_id, struct slice phone,
		  numbers_fn *fn, void *arg);
/* The provider answered for a message: known here at once, to the other senders with the next
 * batch. What cannot be kept is asked again. */
void numbers_keep(struct numbers *n, int32_t provider_id, struct slice phone,
		  const struct number_answer *answer, struct uuid message);
/* The provider refused a send to chat, the spelling that phone was said to have, because nobody is
 * there: the next send to either asks anew. Other senders that have the answer in memory use it to
 * its end there. */
void numbers_forget(struct numbers *n, int32_t provider_id, struct slice phone, struct slice chat);
/* A message goes to another spelling than it asked for: note it. */
void numbers_resolved(struct numbers *n, struct uuid message, struct slice chat);

struct numbers *numbers_new(struct senderd *sd);
/* After the database connections. NULL is legal. */
void numbers_free(struct numbers *n);

#endif
