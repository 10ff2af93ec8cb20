/* message_ref.h - messages as a provider call about them needs to know them, found by our id or
 * by the provider's.
 */
#ifndef GH_MODEL_MESSAGE_REF_H
#define GH_MODEL_MESSAGE_REF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

struct arena;

/* What was asked for: id, or where it is nil external_id (the provider's bare id). */
struct message_ref_key {
	struct uuid id;
	struct slice external_id;
};

struct message_ref {
	unsigned key; /* index of the key that found it */
	struct uuid id;
	bool is_outgoing;
	struct slice chat_key;
	struct slice external_id; /* bare; absent: the provider has not told any */
	struct slice phone_from;  /* who wrote it; may be absent */
	struct slice payload;     /* the provider's own object; may be absent */
};

/* Find the messages of one instance; slices of keys are borrowed until the unit is done. Primary
 * keys of message_keys and messages. */
void message_ref_add(struct db_unit *u, int32_t company_id, int32_t instance_id,
		     const struct message_ref_key *keys, unsigned count);
/* Those found by statement stmt, in no order; slices live in a. */
unsigned message_ref_count(const struct db_unit *u, unsigned stmt);
void message_ref_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
		      struct message_ref *ref);

/* The provider has changed a message as we asked: content is its new text; absent: it was deleted
 * for everyone. By primary key. */
void message_changed_add(struct db_unit *u, struct uuid id, struct slice content);

extern const struct db_stmt_table message_ref_stmt_table;

#endif
