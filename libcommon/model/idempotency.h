/* idempotency.h - Idempotency-Key: which object a key of a company made.
 *
 * Keys are written with the object, in its transaction (model/accept.h); this file
 * only reads them.
 */
#ifndef GH_MODEL_IDEMPOTENCY_H
#define GH_MODEL_IDEMPOTENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

/* Stored numbers: the route template a key belongs to. */
enum idem_route {
	IDEM_MESSAGE_SEND = 1,
	IDEM_MESSAGE_BATCH = 2,
	IDEM_SEND_TEXT = 3,
	IDEM_SEND_MEDIA = 4,
	IDEM_SEND_CONTACT = 5,
	IDEM_SEND_LOCATION = 6,
	IDEM_SEND_MENU = 7
};

#define IDEM_FINGERPRINT_SIZE 32

struct idem_row {
	uint8_t fingerprint[IDEM_FINGERPRINT_SIZE]; /* of the request that used the key first */
	struct uuid object_id;
};

/* Find a key (primary key). key is borrowed until the unit is done. */
void idem_find_add(struct db_unit *u, int32_t company_id, enum idem_route route, struct slice key);
/* False: no such key. */
bool idem_find_row(const struct db_unit *u, unsigned stmt, struct idem_row *row);

/* In the done of idem_find_add, for the key of a batch: object_ids, one per item, nil where it was
 * refused; at most max of them. Returns how many. */
unsigned idem_find_ids(const struct db_unit *u, unsigned stmt, struct uuid *ids, unsigned max);

extern const struct db_stmt_table idem_stmt_table;

#endif
