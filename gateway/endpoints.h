/* endpoints.h - what other files share with the webhooks of an instance. */
#ifndef GH_GATEWAY_ENDPOINTS_H
#define GH_GATEWAY_ENDPOINTS_H

#include "crypto/whsec.h"
#include "endpoint_check.h"
#include "model/endpoint.h"

struct gw_req;
struct gw_schema;
struct json_w;

/* A row as endpoints_json_members writes it; with the secret. */
extern const struct gw_schema endpoint_schema, endpoint_secret_schema;

/* The rules of this installation for endpoint_input_read. */
const struct endpoint_policy *endpoints_policy(const struct gw_req *req);

/* The secret as the database holds it; lives in the request's arena. */
struct slice endpoints_seal_secret(struct gw_req *req, const struct whsec *secret);

/* Add the statement that inserts an endpoint with its secret: the one given, or a new one that is
 * put into in->secret. Sealed bytes live in the request's arena. */
void endpoints_insert_add(struct gw_req *req, struct db_unit *u, const struct endpoint_owner *owner,
			  struct endpoint_input *in);

/* Answer for a unit that locked (endpoint_room_lock_add is its statement lock) and made none: 404
 * of the instance, or 409 of one that has all it may. */
void endpoints_refuse_made(struct gw_req *req, const struct db_unit *u, unsigned lock);

/* Write the members of the API's row into an open object; secret (NULL: never) is shown once. */
void endpoints_json_members(struct gw_req *req, struct json_w *w, const struct endpoint_row *row,
			    const struct whsec *secret);

#endif
