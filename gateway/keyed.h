/* keyed.h - Idempotency-Key of the POSTs that create (contracts/http-conventions.md section 2):
 * done once, and the first reply to whoever asks again, what it showed once included.
 *
 * A route with GW_KEYED runs, when the request has a key, inside one transaction of a connection
 * of its own: its statements, then the sealed reply, one commit, and only then the reply
 * leaves. So no crash parts the creation from its key. A refusal rolls back and keeps nothing. A
 * handler that goes on to a provider first calls gw_keep (gateway.h).
 *
 * A route with GW_KEYED_CALL only calls a provider, where no transaction can reach: a note that it
 * is under way is committed before, its outcome behind.
 *
 * Sends have their own, faster way: sending.h. Threading: loop thread only.
 */
#ifndef GH_GATEWAY_KEYED_H
#define GH_GATEWAY_KEYED_H

#include <stdbool.h>

#include "base/slice.h"

struct db;
struct db_unit;
struct gateway;
struct gw_req;

/* Once the request passed every check: call its handler, now or when its key allows it; or answer
 * with the first reply, 400, 409, 422, 503. */
void keyed_run(struct gw_req *req);

/* The connection a unit of the request goes to instead of db; binds u to the transaction. */
struct db *keyed_db(struct gw_req *req, struct db *db, struct db_unit *u);

/* The request's reply is ready. True: it leaves, by reply_now, once it is kept. */
bool keyed_takes_reply(struct gw_req *req, unsigned status, struct slice type, struct slice body);

#endif
