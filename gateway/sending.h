/* sending.h - the one durable path of every send: idempotency key, instance, group commit.
 *
 * Requests that arrive together are committed together (db/batch.h); with a warm cache nothing
 * is read before. Everything lives in the request's arena.
 */
#ifndef GH_GATEWAY_SENDING_H
#define GH_GATEWAY_SENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/batch.h"
#include "model/accept.h"
#include "provider/provider.h"

struct gateway;
struct gw_req;
struct instance_ref;
struct message_row;

/* The message is committed, by this request or by an earlier one with its Idempotency-Key; row as
 * it was then, or stands now. Valid as long as the request. */
typedef void sending_done_fn(struct gw_req *req, const struct message_row *row);

struct sending {
	struct accept_row row; /* the caller fills what sending_new and sending_commit do not */
	void *user;            /* the caller's */
	/* From sending_commit on: digits of the instance's number, "" where it is not known. */
	struct slice owner;
	/* Private. */
	struct db_batch_row batch;
	struct gw_req *req;
	sending_done_fn *done;
	char send_ref[PROVIDER_SEND_REF_SIZE];
};

/* Begin: reads the Idempotency-Key, which is kept apart for each route and, with an instance's
 * token, for each instance. Fills company, trace and key. NULL: answered (400). */
struct sending *sending_new(struct gw_req *req, enum idem_route route, sending_done_fn *done);

/* Find row.instance_id, make the id, commit; then done. Else the request is answered: 404, 501,
 * 409 and 422 of a key, 503. */
void sending_commit(struct sending *s);

/* Prepare row for that instance: id, send_ref (send_ref: its storage), event. NULL, or why its
 * provider cannot send it, for 501. */
const char *sending_prepare(struct accept_row *row, char send_ref[PROVIDER_SEND_REF_SIZE],
			    const struct instance_ref *instance, struct arena *a);
/* The message as it was accepted. */
void sending_row(const struct accept_row *r, struct message_row *out);
/* Which of a company's ledger counters this gateway uses. */
int16_t sending_slot(const struct gateway *gw);

/* Life of gw->sendings; release after the connections are gone. */
void sending_start(struct gateway *gw);
void sending_release(struct gateway *gw);

#endif
