/* event_row.h - events as the API shows them: one, and lists.
 *
 * Every statement names the company: another tenant's event is not found.
 */
#ifndef GH_MODEL_EVENT_ROW_H
#define GH_MODEL_EVENT_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"
#include "model/event.h"

/* created_at is uuid7_time_us(id). facts is valid until the unit is done. */
struct event_row {
	struct uuid id;
	int32_t instance_id;    /* 0: none */
	struct uuid message_id; /* nil: none */
	enum event_type type;
	int64_t occurred_at_us;
	struct slice facts; /* JSON object; absent in a list where it is over 64 KiB */
};

/* One event by its id (primary key, one partition): one row or none. */
void event_get_add(struct db_unit *u, int32_t company_id, struct uuid id);
/* False: there is none. */
bool event_get_read(const struct db_unit *u, unsigned stmt, struct event_row *row);

/* Most events that one page or one count looks at, whether they match or not: a filter that
 * matches little does not read a company's whole history. */
#define EVENT_WINDOW_MAX 10000

struct event_filter {
	int32_t company_id;
	struct uuid from;       /* ids >= from; nil: all */
	struct uuid before;     /* ids < before */
	bool is_back;           /* of a limit: the oldest ones, not the newest; without offset */
	int32_t instance_id;    /* 0: all */
	int64_t mask;           /* bit n: event type n; 0: all */
	int direction;          /* of the message the event is about; -1: all */
	struct slice chat_key;  /* of that message; absent: all */
	struct slice reference; /* of that message; absent: all */
};

/* Matching events among the first EVENT_WINDOW_MAX of the range (its last ones with is_back),
 * newest first. Relies on events_company; messages are looked up by their ids. Slices of f are
 * borrowed until the unit is done. */
void event_list_add(struct db_unit *u, const struct event_filter *f, unsigned limit,
		    unsigned offset);
unsigned event_list_count(const struct db_unit *u, unsigned stmt);
void event_list_read(const struct db_unit *u, unsigned stmt, unsigned i, struct event_row *row);
/* True: there are events beyond those looked at; *end is the last of these. */
bool event_list_is_cut(const struct db_unit *u, unsigned stmt, struct uuid *end);

/* How many match among the newest EVENT_WINDOW_MAX + 1 of the range; *examined: looked at. */
void event_count_add(struct db_unit *u, const struct event_filter *f);
int64_t event_count_of(const struct db_unit *u, unsigned stmt, int64_t *examined);

extern const struct db_stmt_table event_row_stmt_table;

#endif
