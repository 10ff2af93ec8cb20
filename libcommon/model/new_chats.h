/* new_chats.h - the pause of an instance's new conversations, and whom it has spoken with.
 *
 * WhatsApp answers 463 to a number that may open no conversation; every further try makes it
 * worse, existing chats keep working. The pause stands in the instance's row: each claim of
 * senderd reads it there (send_claim.new_chats_us), so that all processes stop at once. It
 * ends by its time, or is lifted (instance_new_chats_lift_add).
 */
#ifndef GH_MODEL_NEW_CHATS_H
#define GH_MODEL_NEW_CHATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

/* Reasons of send_queue rows that wait for the end of a pause. */
#define NEW_CHATS_WAITING "waiting_new_chats"
#define NEW_CHATS_REFUSED "first_contact_refused"

/* Refusals this far apart do not add up. */
#define NEW_CHATS_REFUSALS_S 900

struct new_chats_refusal {
	int32_t instance_id;
	int32_t needed;   /* refusals that make a pause, this one included */
	int64_t until_us; /* its end, wall time; a longer pause stands */
	/* For the event: */
	struct slice reason; /* the provider result's code */
	struct slice name, session;
	struct slice phone; /* may be absent */
};
/* Add the statement: WhatsApp refused a send by its policy. When the pause begins, an event
 * instance.error with the reason "new_chats_paused". Locks the instance's row, by its key.
 * Slices are borrowed until the unit is done. */
void new_chats_refused_add(struct db_unit *u, const struct new_chats_refusal *r);
/* Whether a pause began with it. stmt: of the unit. */
bool new_chats_has_begun(const struct db_unit *u, unsigned stmt);

/* A chat that may be new. */
struct new_chats_key {
	int32_t company_id;
	int32_t instance_id;
	struct slice chat;  /* canonical key */
	struct slice other; /* as it was asked for: another spelling, or the same */
};
/* Those keys whose chat the instance has exchanged a message with: one that came in, or one of ours
 * that was sent and not refused afterwards. A hidden id counts as its number where that is known.
 * Relies on messages_chat and the key of contact_aliases. */
void new_chats_known_add(struct db_unit *u, const struct new_chats_key *keys, unsigned count);
unsigned new_chats_known_count(const struct db_unit *u, unsigned stmt);
/* The slices live as long as the unit's result. */
void new_chats_known_read(const struct db_unit *u, unsigned stmt, unsigned i,
			  struct new_chats_key *key);

extern const struct db_stmt_table new_chats_stmt_table;

#endif
