/* message_row.h - messages as the API shows them: one, a list, their timeline.
 *
 * Every statement names the company: another tenant's message is not found.
 */
#ifndef GH_MODEL_MESSAGE_ROW_H
#define GH_MODEL_MESSAGE_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"
#include "model/message.h"

struct arena;

/* created_at is uuid7_time_us(id). Slices may be absent, times 0. */
struct message_row {
	struct uuid id;
	int32_t company_id;
	int32_t instance_id;
	int direction; /* enum msg_direction */
	int origin;    /* enum msg_origin */
	int status;    /* enum msg_status */
	int kind;      /* enum msg_kind */
	int priority;
	int attempts;
	struct slice phone_to; /* as the client wrote it */
	struct slice phone_from;
	struct slice content;
	struct slice media_url;
	struct slice external_id;
	struct slice reference;
	struct slice error_code;
	struct slice error_message;
	int64_t scheduled_at_us;
	int64_t sent_at_us;
	int64_t delivered_at_us;
	int64_t read_at_us;
};

/* One message by its id (primary key, one partition): one row or none. */
void message_get_add(struct db_unit *u, int32_t company_id, struct uuid id);

/* Most messages that one page or one count looks at, whether they match or not: a filter that
 * matches little does not read a company's whole history. */
#define MESSAGE_WINDOW_MAX 10000

struct message_filter {
	int32_t company_id;
	struct uuid from;       /* ids >= from; nil: all */
	struct uuid before;     /* ids < before */
	bool is_back;           /* of a limit: the oldest ones, not the newest; without offset */
	int32_t instance_id;    /* 0: all */
	int status;             /* -1: all */
	int direction;          /* -1: all */
	struct slice chat_key;  /* absent: all */
	struct slice reference; /* absent: all */
};

/* Matching messages among the nearest MESSAGE_WINDOW_MAX of the range, newest id first, whichever
 * way the limit cuts. The range is that of f's reference (index messages_reference), else of its
 * chat (messages_chat), else of the company (messages_company); instance, status and direction,
 * and a chat beside a reference, are looked for in it. Slices of f are borrowed until the unit is
 * done. */
void message_list_add(struct db_unit *u, const struct message_filter *f, unsigned limit,
		      unsigned offset);
/* True: a short page of f may be short because MESSAGE_WINDOW_MAX were looked at. */
bool message_list_is_search(const struct message_filter *f);
/* The last of these, as one row; none: the range has no more. A list that others add to meanwhile
 * may have moved: what the page shows may lie beyond. */
void message_list_end_add(struct db_unit *u, const struct message_filter *f);
/* How many match among the newest MESSAGE_WINDOW_MAX + 1 of the range. */
void message_count_add(struct db_unit *u, const struct message_filter *f);
/* *examined: the messages that were looked at; over MESSAGE_WINDOW_MAX: there may be more that
 * match. */
int64_t message_count_of(const struct db_unit *u, unsigned stmt, int64_t *examined);

/* Of count messages (whose they are was checked when they were made): those that were sent, have
 * failed or were cancelled, and those that are wanted as they stand. In no order; primary key. */
struct message_watch {
	struct uuid id;
	bool is_wanted; /* however it stands */
};
void message_watch_add(struct db_unit *u, const struct message_watch *watch, unsigned count);

/* Rows of all of these; slices live in a. */
unsigned message_row_count(const struct db_unit *u, unsigned stmt);
struct uuid message_row_id(const struct db_unit *u, unsigned stmt, unsigned i);
void message_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
		      struct message_row *row);

/* ---- timeline ---- */

struct message_step {
	int64_t at_us;
	int from_status; /* -1: none */
	int to_status;
	int attempt;
	struct slice daemon;
	struct slice reason; /* may be absent */
};

/* The state changes of a message after its acceptance, oldest first. The caller has checked
 * whose message it is, by a statement of the same unit. */
void message_steps_add(struct db_unit *u, struct uuid id);
unsigned message_steps_count(const struct db_unit *u, unsigned stmt);
/* Slices are valid while the unit's done runs. */
void message_step_read(const struct db_unit *u, unsigned stmt, unsigned i,
		       struct message_step *step);

extern const struct db_stmt_table message_row_stmt_table;

#endif
