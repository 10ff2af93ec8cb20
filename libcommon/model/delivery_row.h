/* delivery_row.h - deliveries of an endpoint as its owner sees them: the log, and the
 * wish to have one posted again.
 */
#ifndef GH_MODEL_DELIVERY_ROW_H
#define GH_MODEL_DELIVERY_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"
#include "model/delivery.h"

/* Slices may be absent and are valid until the unit is done; times 0. */
struct delivery_row {
	struct uuid event_id;
	enum event_type type;
	enum delivery_state state;
	int attempts;
	int64_t available_at_us;
	int last_status; /* 0: no answer, or no attempt yet */
	struct slice last_error;
	int64_t completed_at_us;
	bool has_attempt; /* the last one: */
	int attempt;
	int64_t at_us;
	int32_t duration_ms;
	int status;
	struct slice error;
	struct slice excerpt;
	bool is_manual;
};

/* Events of the company that one page or one count looks at: most of them are the endpoint's where
 * the company has few endpoints. */
#define DELIVERY_WINDOW_MAX 10000

struct delivery_filter {
	int32_t company_id;
	int32_t endpoint_id; /* the caller checks whose it is, by a statement of the same unit */
	struct uuid from;    /* event ids >= from */
	struct uuid before;  /* event ids < before */
	bool is_back;        /* of a limit: the oldest ones; without offset */
};

#define DELIVERY_LIST_STMTS 2
/* Deliveries of the events of the range, newest event first: two statements, the rows and the end
 * of the window. Relies on events_company; deliveries are looked up by their key. */
void delivery_list_add(struct db_unit *u, const struct delivery_filter *f, unsigned limit,
		       unsigned offset);
/* stmt: of the first one. True: there are events beyond those looked at; *end is the last one. */
bool delivery_list_is_cut(const struct db_unit *u, unsigned stmt, struct uuid *end);

/* How many there are among the newest DELIVERY_WINDOW_MAX + 1 events of the range; *examined:
 * events looked at. */
void delivery_count_add(struct db_unit *u, const struct delivery_filter *f);
int64_t delivery_count_of(const struct db_unit *u, unsigned stmt, int64_t *examined);

/* One delivery: a row or none. Primary key. */
void delivery_get_add(struct db_unit *u, int32_t endpoint_id, struct uuid event_id);

/* Rows of list and get. */
unsigned delivery_row_count(const struct db_unit *u, unsigned stmt);
void delivery_row_read(const struct db_unit *u, unsigned stmt, unsigned i,
		       struct delivery_row *row);

/* Make one due now, in whatever state it is, unless a post is under way; it goes on from where it
 * was if that post fails. With a hint. */
void delivery_retry_add(struct db_unit *u, int32_t company_id, int32_t endpoint_id,
			struct uuid event_id);
bool delivery_retry_done(const struct db_unit *u, unsigned stmt);

extern const struct db_stmt_table delivery_row_stmt_table;

#endif
