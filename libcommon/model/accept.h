/* accept.h - take sends of the API: message, queue row, idempotency key, hint and
 * the ledger's count in one statement per batch of concurrent requests.
 */
#ifndef GH_MODEL_ACCEPT_H
#define GH_MODEL_ACCEPT_H

#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"
#include "model/idempotency.h"
#include "model/message.h"

struct accept_row {
	struct uuid id; /* UUIDv7 made by the caller: also the key that makes a repeat safe */
	int32_t company_id;
	int32_t instance_id;
	enum msg_kind kind;
	int16_t priority;      /* 1..10 */
	struct slice chat_key; /* canonical chat */
	struct slice lane_key; /* chat folded for order (twins of one person) */
	struct slice to;       /* as the client wrote it */
	struct slice content;  /* absent: NULL */
	struct slice payload;  /* valid JSON text or absent */
	struct slice media_url;
	struct slice reply_to;
	struct slice reference;
	struct slice traceparent;
	struct slice send_ref;   /* absent where the provider carries none */
	int64_t scheduled_at_us; /* 0: now */
	int64_t expires_at_us;
	struct uuid queued_event_id; /* of message.queued (model/queued_event.h); nil: not told */
	enum idem_route idem_route;
	struct slice idem_key;                      /* absent: none */
	uint8_t fingerprint[IDEM_FINGERPRINT_SIZE]; /* only with idem_key */
};

enum accept_outcome {
	ACCEPT_DONE,    /* committed, by this statement or by an earlier try of it */
	ACCEPT_KEY_USED /* the idempotency key belongs to an earlier request: look it up */
};

/* Add the statement for 1..128 rows. slot: which of the company's ledger counters to
 * use, one per connection, so that gateways do not wait for each other. */
void accept_add(struct db_unit *u, const struct accept_row *const *rows, unsigned count,
		int16_t slot);

/* The key of a batch that was one request. */
struct accept_key {
	enum idem_route route;
	struct slice key;           /* absent: none */
	const uint8_t *fingerprint; /* IDEM_FINGERPRINT_SIZE bytes, with key */
	const struct uuid *ids;     /* of its items in their order; nil: refused */
	unsigned count;
};
#define ACCEPT_MANY_MAX 1000
/* Add the statement for 1..ACCEPT_MANY_MAX rows of one company without keys of their own: all are
 * committed, or none because the key was used (accept_outcome_of the first says it for all). */
void accept_many_add(struct db_unit *u, const struct accept_row *const *rows, unsigned count,
		     int16_t slot, const struct accept_key *key);

/* Outcome of a row, found by its id (never by position). stmt: index in the unit. */
enum accept_outcome accept_outcome_of(const struct db_unit *u, unsigned stmt, struct uuid id);

extern const struct db_stmt_table accept_stmt_table;

#endif
