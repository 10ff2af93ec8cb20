/* dead_letter.h - messages that ended in failure; the table is the truth, the
 * broker's dlq.final holds a best-effort copy of its newest rows.
 */
#ifndef GH_MODEL_DEAD_LETTER_H
#define GH_MODEL_DEAD_LETTER_H

#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

struct arena;

struct dead_letter {
	struct uuid message_id;
	int32_t company_id;
	int32_t instance_id;
	struct slice reason; /* stable code */
	struct slice detail; /* provider's words; may be absent */
	int16_t attempts;
	int64_t created_at_us;
};

/* Oldest rows without a copy at the broker, at most limit. Takes no lock: two relays may copy the
 * same row, which is harmless. */
void dead_letter_uncopied_add(struct db_unit *u, unsigned limit);
unsigned dead_letter_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
			  struct dead_letter **rows);

/* The broker confirmed copies of these. */
void dead_letter_copied_add(struct db_unit *u, const struct uuid *ids, unsigned count);

extern const struct db_stmt_table dead_letter_stmt_table;

#endif
