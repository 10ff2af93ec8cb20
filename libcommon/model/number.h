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
	int64_t left_us;   /* of the answer; not for number_keep_add */
};

/* A message that goes to chat, in place of what was asked for. */
struct number_resolved {
	struct uuid message;
	struct slice chat;
};

/* Answers that still hold. Primary key; slices are borrowed until the unit is done. */
void number_list_add(struct db_unit *u, const struct number_key *keys, unsigned count);
unsigned number_count(const struct db_unit *u, unsigned stmt);
/* Slices are valid while the unit's done runs. */
void number_read(const struct db_unit *u, unsigned stmt, unsigned i, struct number_row *row);

/* Keep answers, each under the number asked and, where it exists, under the spelling it has; of
 * several for one number the last. Slices are borrowed until the unit is done. */
void number_keep_add(struct db_unit *u, const struct number_row *rows, unsigned count);

/* End answers before their time. Primary key, in whose order rows are locked; slices are borrowed
 * until the unit is done. */
void number_forget_add(struct db_unit *u, const struct number_key *keys, unsigned count);

/* Primary key; rows are locked in its order. */
void number_resolve_add(struct db_unit *u, const struct number_resolved *rows, unsigned count);

extern const struct db_stmt_table number_stmt_table;

#endif
