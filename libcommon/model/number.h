/* number.h - which phone numbers a provider has found to exist, and in which spelling
 * (validated_phone_numbers).
 */
#ifndef GH_MODEL_NUMBER_H
#define GH_MODEL_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

#define NUMBER_FOUND_S  (30 * 86400) /* a number keeps its owner for long */
#define NUMBER_ABSENT_S 3600         /* somebody may join WhatsApp today */

struct number_key {
	int32_t provider_id;
	struct slice phone; /* digits */
};

struct number_row {
	int32_t provider_id;
	struct slice phone;
	bool exists;
	struct slice chat; /* canonical; absent unless exists */
};

/* Answers that still hold. Primary key; slices are borrowed until the unit is done. */
void number_list_add(struct db_unit *u, const struct number_key *keys, unsigned count);
unsigned number_count(const struct db_unit *u, unsigned stmt);
/* Slices are valid while the unit's done runs. */
void number_read(const struct db_unit *u, unsigned stmt, unsigned i, struct number_row *row);

/* Keep an answer under the number asked and, where it exists, under the spelling it has; and let
 * the message go there. */
void number_keep_add(struct db_unit *u, const struct number_row *row, struct uuid message);

/* The message goes to chat, in place of what was asked for. Primary key. */
void number_resolve_add(struct db_unit *u, struct uuid message, struct slice chat);

extern const struct db_stmt_table number_stmt_table;

#endif
