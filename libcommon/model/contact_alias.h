/* contact_alias.h - hidden ids (LIDs) of people and the phone numbers they turned out to be.
 *
 * WhatsApp names a person now by one, now by the other. A row is made when an instance first
 * sees a hidden id, with the number where the provider tells it, else as soon as it does. healthd
 * removes those of whom nothing was heard for long (model/purge.h); seen_at is written again only
 * when it is CONTACT_ALIAS_SEEN_DAYS old, so that a busy person does not cost a write per message.
 */
#ifndef GH_MODEL_CONTACT_ALIAS_H
#define GH_MODEL_CONTACT_ALIAS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

struct arena;

#define CONTACT_ALIAS_SEEN_DAYS 7

struct contact_alias {
	int32_t instance_id;
	struct slice lid;   /* "<digits>@lid" */
	struct slice phone; /* digits; absent: not known yet */
	bool was_long_ago;  /* seen_at is to be written again, by learning the same once more */
};

/* The rows of the keys given (instance_id, lid); a key may come twice. By primary key. */
void contact_alias_find_add(struct db_unit *u, const struct contact_alias *keys, unsigned count);
unsigned contact_alias_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
			    struct contact_alias **rows);

/* Learned from an inbound body: a new hidden id, a number for one, or one seen again after long.
 * An event contact.merged where the id was known before without a number, or with another. */
struct contact_alias_new {
	struct uuid body_id; /* fence, as in model/inbound.h */
	struct slice lid;
	struct slice phone; /* absent: not told */
	int64_t at_us;      /* of two numbers the newer counts */
	struct uuid event_id;
	struct slice facts;
};
void contact_alias_learn_add(struct db_unit *u, const struct contact_alias_new *rows,
			     unsigned count);

extern const struct db_stmt_table contact_alias_stmt_table;

#endif
