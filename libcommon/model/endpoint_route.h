/* endpoint_route.h - tables instance_webhooks and webhook_secrets as a delivery
 * needs them: where to post, with which headers and secrets; and the two things
 * an answer may do to an endpoint.
 */
#ifndef GH_MODEL_ENDPOINT_ROUTE_H
#define GH_MODEL_ENDPOINT_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"
#include "model/event.h"

struct arena;

#define ENDPOINT_SECRETS_MAX 3

/* Sealed values are as in the database. */
struct endpoint_route_row {
	int32_t id;
	int32_t company_id;
	struct slice url;
	enum event_format format;
	unsigned options; /* model/endpoint.h */
	int32_t max_concurrency;
	struct slice headers_sealed; /* JSON object text, aad "endpoint_headers"; may be absent */
	struct slice secret_sealed[ENDPOINT_SECRETS_MAX]; /* "whsec_..." text, aad
							   * "endpoint_secret"; current first */
	unsigned secret_count;
};

/* Read the routes of 1..128 endpoints that may be posted to (active, not disabled, not
 * deleted). Primary keys only, no locks. */
void endpoint_route_add(struct db_unit *u, const int32_t *ids, unsigned count);
unsigned endpoint_route_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
			     struct endpoint_route_row **rows);

/* Stop deliveries to the endpoints: their rows stay pending, replayable by its owner. Locks
 * these rows of instance_webhooks in id order; disabled ones stay as they are. The company's other
 * endpoints are told by an event endpoint.disabled, with its hints. */
void endpoint_disable_add(struct db_unit *u, const int32_t *ids, unsigned count);

/* The one timer of an endpoint that is left alone for a while: an outbox row due after
 * delay_us carries its pending rows. */
void endpoint_timer_add(struct db_unit *u, int32_t company_id, int32_t endpoint_id,
			int64_t delay_us);

extern const struct db_stmt_table endpoint_route_stmt_table;

#endif
