/* instance_move.h - instances on their way to another provider: a row tells how far one is, so that
 * a crash anywhere loses nothing and a person can see it and call it off.
 *
 *   creating   the new session is made, with a webhook key of its own
 *   pairing    somebody pairs it; until then the old one sends and receives as ever
 *   draining   it is connected: nothing new is claimed, and what is under way or in doubt is
 *              settled by the old provider, or held from drain_until on
 *   cleaning   switched: the instance is at the new provider; the old session is deleted
 *   done       over
 *   aborting   called off before the switch: the new session is deleted
 *   aborted    over; the instance is where it was
 *
 * The switch is one commit under the instance's lock (model/instance_lock.h), which waits until no
 * send is under way: none can end at one provider and be sent again through the other. Claims name
 * the provider they are made for, and begin again INSTANCE_MOVE_PAUSE_S later, when every senderd
 * has read the new address.
 */
#ifndef GH_MODEL_INSTANCE_MOVE_H
#define GH_MODEL_INSTANCE_MOVE_H

#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

struct arena;

#define INSTANCE_MOVE_PAUSE_S 5 /* longer than senderd keeps an address (senderd/routes.c) */
#define INSTANCE_MOVE_SUFFIX  6 /* characters that tell the new session's name from the old */

/* ---- gateway, growhubctl ---- */

struct instance_move {
	int32_t id;
	int32_t company_id;
	int32_t instance_id;
	int32_t from_provider_id, to_provider_id;
	struct slice state;
	struct slice from_session, to_session;
	struct slice error; /* absent: the last try did not fail */
	int64_t started_us;
	int64_t switched_us; /* 0: not yet; here and below */
	int64_t finished_us;
};

enum instance_move_begun {
	INSTANCE_MOVE_BEGUN = 0, /* the row is there */
	INSTANCE_MOVE_NO_INSTANCE = 1,
	INSTANCE_MOVE_NO_PROVIDER = 2,
	INSTANCE_MOVE_SAME = 3, /* it is there, the server is the same, or both are of uazapi */
	INSTANCE_MOVE_OPEN = 4, /* it is moving already */
	INSTANCE_MOVE_OFF = 5,  /* the provider is switched off */
	INSTANCE_MOVE_FULL = 6  /* it has no free slot */
};

#define INSTANCE_MOVE_BEGIN_STMTS 2
/* Add the statements (lock the provider as creations do, then insert). suffix: INSTANCE_MOVE_SUFFIX
 * hex digits that no session had; borrowed until the unit is done. */
void instance_move_begin_add(struct db_unit *u, int32_t instance_id, int32_t provider_id,
			     struct slice suffix);
/* stmt: of the first statement. The row lives in a. */
enum instance_move_begun instance_move_begun_of(const struct db_unit *u, unsigned stmt,
						struct arena *a, struct instance_move *m);
/* Why not, and what to do then; NULL: it has begun. */
const char *instance_move_begun_text(enum instance_move_begun why);

/* The last move of an instance, deleted ones included: one row or none. Index
 * instance_moves_instance. */
void instance_move_get_add(struct db_unit *u, int32_t instance_id);

#define INSTANCE_MOVE_ABORT_STMTS 2
/* Call it off while it is not switched: the row of the second statement, or none. Sends that waited
 * are woken. Locks the instance. */
void instance_move_abort_add(struct db_unit *u, int32_t instance_id);

/* Rows of the two above; it lives in a. */
bool instance_move_read(const struct db_unit *u, unsigned stmt, struct arena *a,
			struct instance_move *m);

/* The session that somebody is to pair while it moves: 0 or 1 row of provider type, base URL, API
 * key, session, session key (as in struct instance_row, whose other members stay). */
struct instance_row;
void instance_move_pairing_add(struct db_unit *u, int32_t company_id, int32_t instance_id);
bool instance_move_pairing_read(const struct db_unit *u, unsigned stmt, struct arena *a,
				struct instance_row *row);

/* ---- healthd ---- */

/* Claim up to limit moves that are due, for a minute, in the form of instance_state_rows: the
 * instance, with the provider, session and keys that the move's state is about (the old one's when
 * cleaning, else the new one's) and the state as status. Those whose instance was deleted are
 * "aborting" from now on. Index instance_moves_due. */
void instance_move_claim_add(struct db_unit *u, unsigned limit);

/* Every statement below changes nothing unless the move is still in the state it speaks of. */

/* The webhook key of the new session, once. Borrowed until the unit is done. */
struct instance_move_key {
	int32_t instance_id;
	struct slice key_hash, key_sealed, hmac_sealed;
	struct slice public_url;
};
void instance_move_webhook_add(struct db_unit *u, const struct instance_move_key *k);

/* Keep the new session's key, sealed: one row while it is being made. */
void instance_move_key_add(struct db_unit *u, int32_t company_id, int32_t instance_id,
			   struct slice sealed);

/* From one state to the next ("creating" to "pairing" and back). */
void instance_move_step_add(struct db_unit *u, int32_t instance_id, struct slice from,
			    struct slice to);
/* Look again in delay_us; error: absent, or why it failed, and then in waits that double from
 * delay_us to a minute. An old or aborted session that cannot be deleted for a day is left. */
void instance_move_wait_add(struct db_unit *u, int32_t instance_id, struct slice state,
			    struct slice error, int64_t delay_us);
/* Somebody is to pair it: an event instance.qr, once. facts: JSON, borrowed. */
void instance_move_told_add(struct db_unit *u, int32_t instance_id, struct slice facts);

/* "pairing" to "draining" with at most drain_us for what is in doubt; and back. Lock first. */
void instance_move_drain_add(struct db_unit *u, int32_t instance_id, int64_t drain_us);
void instance_move_undrain_add(struct db_unit *u, int32_t instance_id);

/* The switch, unless a send is under way or in doubt (but for those that are to be sent again
 * whatever happened, from drain_until on). phone: own number as the new session tells it, may be
 * absent; facts: of the event instance.connected where the old session was not. Locks the instance.
 */
void instance_move_switch_add(struct db_unit *u, int32_t instance_id, struct slice phone,
			      struct slice facts);
/* stmt: of the first of its two statements. */
bool instance_move_switched(const struct db_unit *u, unsigned stmt);

/* The session that is to go is gone: "cleaning" to "done", "aborting" to "aborted"; its webhook key
 * ends with it. */
void instance_move_end_add(struct db_unit *u, int32_t instance_id, struct slice state);

/* Needs instance_lock_stmt_table too. */
extern const struct db_stmt_table instance_move_stmt_table;

#endif
