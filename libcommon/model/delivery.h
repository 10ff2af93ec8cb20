/* delivery.h - one durable row per (event, endpoint): claim, record, reschedule.
 *
 *   PENDING    due at available_at. Carrier: an outbox row for the endpoint.
 *   LEASED     a post may be on its way; some are born so, for the process that makes them.
 * Carrier: lease_until; healthd makes a lapsed one PENDING again (the receiver sees the same
 * webhook-id). DELIVERED, EXHAUSTED   finished.
 *
 * attempts is the fence: a result names the attempt it belongs to.
 *
 * A post that the owner asked for by hand (model/delivery_row.h) is due at once whatever the state
 * was; when it fails, the row is as it was before, and no attempt is spent.
 */
#ifndef GH_MODEL_DELIVERY_H
#define GH_MODEL_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"
#include "model/event.h"

struct arena;

#define DELIVERY_CLAIM_ENDPOINTS 64
#define DELIVERY_CLAIM_ROWS      128

enum delivery_state {
	DELIVERY_PENDING = 0,
	DELIVERY_LEASED = 1,
	DELIVERY_DELIVERED = 2,
	DELIVERY_EXHAUSTED = 3
};

struct delivery_want {
	int32_t endpoint_id;
	int32_t rows; /* 1..DELIVERY_CLAIM_ROWS: posts that may start now, or soon */
};

/* Of the message that the event is about; what may be absent is. */
struct delivery_message {
	bool is_known;
	int kind; /* enum msg_kind */
	struct slice content, media_url, payload, reply_to;
};

/* Facts of a send do not repeat what was sent: a body of that format shows it. Only a claim reads
 * it, and only then. */
bool delivery_needs_message(enum event_type type, enum event_format format);

struct delivery_claim {
	struct uuid event_id;
	int32_t endpoint_id;
	int16_t attempt;
	int32_t company_id;
	int32_t instance_id; /* 0: none */
	struct uuid message_id;
	enum event_type type;
	int64_t occurred_at_us;
	struct slice facts;
	struct delivery_message message; /* known where it is needed, unless the row is gone */
};

/* Claim due rows and look for more, in a unit of their own; the tables of the connection hold
 * async_commit too: a claim lost in a crash of the server means posts made again under the same
 * webhook-id, as any crash does. Relies on webhook_deliveries_due. */
void delivery_claim_add(struct db_unit *u, const struct delivery_want *wants, unsigned count,
			int64_t lease_us);
unsigned delivery_claim_rows(const struct db_unit *u, struct arena *a,
			     struct delivery_claim **rows);
bool delivery_claim_has_more(const struct db_unit *u, int32_t endpoint_id);

/* Endpoints whose deliveries are claimed by the statement that makes them (model/event_sql.h):
 * LEASED to the caller from the start, attempt 1. */
struct delivery_take {
	const int32_t *endpoint_ids; /* each at most once; borrowed until the unit is done */
	unsigned count;              /* 0: none are taken */
	int64_t lease_us;
};
struct delivery_taken {
	struct uuid event_id;
	int32_t endpoint_id;
};
/* The last parameters of such a statement. */
void delivery_take_push(struct db_params *p, const struct delivery_take *take);
/* Its result. Endpoints that were switched off meanwhile are missing. */
unsigned delivery_taken_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
			     struct delivery_taken **rows);

enum delivery_outcome {
	DELIVERY_OK = 0,
	DELIVERY_RETRY = 1,   /* PENDING again after delay_us */
	DELIVERY_GIVE_UP = 2, /* schedule exhausted */
	DELIVERY_PARK = 3     /* PENDING again, costs no attempt: our fault or endpoint paused */
};

struct delivery_result {
	struct uuid event_id;
	int32_t endpoint_id;
	int16_t attempt;
	enum delivery_outcome outcome;
	int64_t delay_us;
	int16_t status;     /* HTTP status; 0: no answer */
	struct slice error; /* absent on OK */
	int32_t duration_ms;
	struct slice excerpt; /* valid UTF-8, bounded by the caller */
	int64_t at_us;        /* wall time of the attempt's end */
};
/* Record attempts in one statement; results of an older attempt change nothing. */
void delivery_finish_add(struct db_unit *u, const struct delivery_result *const *rows,
			 unsigned count);

/* Lapsed leases become PENDING again, with a hint (healthd). */
void delivery_lapse_add(struct db_unit *u, unsigned limit);
int64_t delivery_lapse_count(const struct db_unit *u, unsigned stmt);

extern const struct db_stmt_table delivery_stmt_table;

#endif
