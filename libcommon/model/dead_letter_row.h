/* dead_letter_row.h - dead letters as the administrator sees them, and their replay.
 *
 * All companies' unless the filter names one.
 */
#ifndef GH_MODEL_DEAD_LETTER_ROW_H
#define GH_MODEL_DEAD_LETTER_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"
#include "model/message.h"
#include "mq/envelope.h"

struct arena;

/* Slices live in the arena given to read; times 0: none. */
struct dead_letter_row {
	struct uuid message_id;
	int32_t company_id;
	int32_t instance_id;
	struct slice reason; /* stable code */
	struct slice detail; /* may be absent */
	int attempts;
	int64_t created_at_us;
	int64_t replayed_at_us;
	/* Of the message, where it is still kept: */
	bool has_message;
	int status; /* enum msg_status */
	int kind;   /* enum msg_kind */
	int priority;
	struct slice to;
	struct slice provider_type;
	bool is_ownerless; /* instance or company was deleted: it cannot be sent any more */
};

/* Rows that one page or one slice looks at, whether they match or not. */
#define DEAD_LETTER_WINDOW_MAX 10000
#define DEAD_LETTER_SLICE_MAX  500 /* of one replay */

struct dead_letter_filter {
	int32_t company_id;  /* 0: all */
	struct uuid from;    /* message ids >= from */
	struct uuid before;  /* message ids < before */
	bool is_back;        /* of a limit: the oldest ones; without offset */
	int32_t instance_id; /* 0: all */
	struct slice reason; /* absent: all */
	int replayed;        /* 0, 1; -1: all */
};

/* Matching ones among the first DEAD_LETTER_WINDOW_MAX of the range (its last ones with is_back),
 * newest message first. Primary key, or dead_letters_company. Slices of f are borrowed. */
void dead_letter_list_add(struct db_unit *u, const struct dead_letter_filter *f, unsigned limit,
			  unsigned offset);
unsigned dead_letter_list_count(const struct db_unit *u, unsigned stmt);
/* True: there are more beyond those looked at; *end is the last of these. */
bool dead_letter_list_is_cut(const struct db_unit *u, unsigned stmt, struct uuid *end);
/* One: a row or none. */
void dead_letter_get_add(struct db_unit *u, struct uuid message_id);
unsigned dead_letter_get_count(const struct db_unit *u, unsigned stmt);
/* Row i of either. */
void dead_letter_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
			  struct dead_letter_row *row);

/* How many match among the newest DEAD_LETTER_WINDOW_MAX + 1 of the range; *examined: looked at. */
void dead_letter_count_add(struct db_unit *u, const struct dead_letter_filter *f);
int64_t dead_letter_count_of(const struct db_unit *u, unsigned stmt, int64_t *examined);

/* Remove one; the message stays failed. */
void dead_letter_delete_add(struct db_unit *u, struct uuid message_id);
bool dead_letter_deleted(const struct db_unit *u, unsigned stmt);

/* A message to be sent again. */
struct dead_letter_replay {
	struct uuid message_id;
	struct slice lane_key; /* as for model/accept.h */
	int priority;
	struct slice send_ref; /* the same as before; absent where the provider carries none */
	int64_t expires_at_us;
};
/* Queue 1..DEAD_LETTER_SLICE_MAX failed messages again, as if they arrived now in the order given:
 * a fresh place in their lanes. Attempts go on counting, so that a late result of an old one
 * changes nothing; tries start anew. Those that are not failed or were replayed already are left
 * alone. Writes transition and hint (wake_send after the commit). Slices are borrowed. */
void dead_letter_replay_add(struct db_unit *u, const struct dead_letter_replay *rows,
			    unsigned count, struct slice worker);
/* How many were queued. */
unsigned dead_letter_replayed(const struct db_unit *u, unsigned stmt);

extern const struct db_stmt_table dead_letter_row_stmt_table;

#endif
