/* idempotent_reply.h - Idempotency-Key of creations and of calls to a provider: the first
 * reply under a key, kept for those who ask again.
 *
 * A creation stores its reply in its own transaction, under a lock that is tried and never
 * waited for; a call to a provider notes before it that it is under way and keeps its outcome
 * behind it. Sends have keys of their own: model/idempotency.h.
 */
#ifndef GH_MODEL_IDEMPOTENT_REPLY_H
#define GH_MODEL_IDEMPOTENT_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

/* Slices are borrowed until the unit is done. */
struct idempotent_key {
	int32_t company_id; /* 0: superadmins */
	struct slice route; /* operationId */
	struct slice key;
	struct slice fingerprint; /* SHA-256; only where it is written */
};

struct idempotent_reply {
	bool is_found;
	bool is_running;          /* noted, and no reply yet */
	struct slice fingerprint; /* of the request that used the key first */
	int status;
	struct slice type;   /* Content-Type */
	struct slice sealed; /* the body, sealed: it may hold a secret that is shown once */
};

/* Inside a transaction: one row that tells whether the lock of the key was to be had. */
void idempotent_lock_add(struct db_unit *u, const struct idempotent_key *k);
bool idempotent_lock_taken(const struct db_unit *u, unsigned stmt);

/* Read (primary key). Slices live as long as the unit. */
void idempotent_find_add(struct db_unit *u, const struct idempotent_key *k);
void idempotent_find_read(const struct db_unit *u, unsigned stmt, struct idempotent_reply *r);

/* Store a reply under a key that nobody has. */
void idempotent_insert_add(struct db_unit *u, const struct idempotent_key *k, int status,
			   struct slice type, struct slice sealed);

/* Note that the request is under way. A note of the same request whose reply did not come for
 * stale_s seconds belongs to a process that is gone: it is taken over. */
void idempotent_note_add(struct db_unit *u, const struct idempotent_key *k, int32_t stale_s);
/* Whether the note is ours. */
bool idempotent_noted(const struct db_unit *u, unsigned stmt);

/* Keep the reply of what was noted or stored; forget what was noted. */
void idempotent_settle_add(struct db_unit *u, const struct idempotent_key *k, int status,
			   struct slice type, struct slice sealed);
void idempotent_forget_add(struct db_unit *u, const struct idempotent_key *k);

extern const struct db_stmt_table idempotent_reply_stmt_table;

#endif
