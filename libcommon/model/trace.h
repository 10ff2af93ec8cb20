/* trace.h - everything the database knows about one message, for the operator.
 *
 * Read in one unit, so it is one moment's picture. Not a hot path: the events are found
 * through the company's events from the message's time on.
 */
#ifndef GH_MODEL_TRACE_H
#define GH_MODEL_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

struct arena;
struct buf;

/* Times are wall microseconds, 0 where there is none; slices are absent for NULL. */
struct trace_message {
	struct uuid id;
	int32_t company_id;
	int32_t instance_id;
	int direction; /* enum msg_direction */
	int status;    /* enum msg_status */
	int kind;      /* enum msg_kind */
	int priority;
	int attempts;
	bool is_stalled;
	struct slice chat; /* whom it goes to or comes from */
	struct slice reference;
	struct slice external_id;
	struct slice error_code;
	struct slice error_message;
	struct slice traceparent;
	int64_t scheduled_at_us;
	int64_t expires_at_us;
};

/* Unfinished send. */
struct trace_queue {
	int state; /* enum send_state */
	int attempt;
	int tries;
	struct slice reason;
	struct slice send_ref;
	int64_t available_at_us;
	int64_t lease_until_us;
	int64_t expires_at_us;
};

/* One webhook delivery of one of its events. */
struct trace_delivery {
	struct uuid event_id;
	int32_t endpoint_id;
	int state; /* enum delivery_state */
	int attempts;
	int last_status; /* 0: no answer yet */
	struct slice last_error;
	int64_t available_at_us;
	int64_t completed_at_us;
};

enum trace_what {
	TRACE_ACCEPTED,
	TRACE_TRANSITION, /* from, to, attempt, who, reason */
	TRACE_EVENT,      /* id, type */
	TRACE_POST,       /* id (event), endpoint_id, attempt, http_status, duration_ms, reason */
	TRACE_DEAD_LETTER /* attempt, reason */
};

struct trace_entry {
	int64_t at_us;
	enum trace_what what;
	int from; /* enum msg_status; -1: none */
	int to;
	int type; /* enum event_type */
	int attempt;
	int32_t endpoint_id;
	int http_status; /* 0: no answer */
	int32_t duration_ms;
	struct uuid id;
	struct slice who;
	struct slice reason;
};

struct trace {
	struct trace_message message;
	bool is_queued;
	struct trace_queue queue;
	struct slice *keys; /* external ids and send_refs that mean this message */
	unsigned key_count;
	struct trace_delivery *deliveries;
	unsigned delivery_count;
	struct trace_entry *entries; /* in order of time */
	unsigned entry_count;
};

/* The unit must hold nothing else. Tables: trace_stmt_table. */
void trace_read_add(struct db_unit *u, struct uuid id);
/* False: no such message. Everything in *t lives in a. */
bool trace_of(const struct db_unit *u, struct arena *a, struct trace *t);

/* Words for the numbers; never NULL ("unknown" outside the range). */
const char *trace_send_state(int state);
const char *trace_delivery_state(int state);
const char *trace_event_name(int type);
/* Append s with the phone numbers masked: "true_5511*****0002@c.us_3EB0AA". */
void trace_add_masked(struct buf *b, struct slice s);

extern const struct db_stmt_table trace_stmt_table;

#endif
