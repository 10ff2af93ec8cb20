/* route.h - how to reach an instance at its provider: the joined rows of instances and
 * providers that a call needs.
 */
#ifndef GH_MODEL_ROUTE_H
#define GH_MODEL_ROUTE_H

#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

/* Slices borrow from the unit's result: copy what must outlive its done callback. */
struct route_row {
	int32_t instance_id;
	int32_t company_id;
	int32_t provider_id;
	struct slice session;            /* external_instance_id */
	struct slice session_key_sealed; /* aad "session_key"; may be absent */
	struct slice instance_name;
	struct slice phone;         /* own number; may be absent */
	struct slice provider_type; /* "waha" */
	struct slice base_url;
	struct slice api_key_sealed; /* aad "provider_key"; may be absent */
	int32_t max_concurrency;     /* 0: no limit */
	struct slice engine;         /* of the provider; absent: not known */
	int32_t max_attempts;        /* the instance's own; 0: it has none */
};

/* Read the routes of instances that are not deleted (primary keys only; no locks). */
void route_list_add(struct db_unit *u, const int32_t *instance_ids, unsigned count);
/* Rows of statement stmt, and one of them. */
unsigned route_count(const struct db_unit *u, unsigned stmt);
void route_read(const struct db_unit *u, unsigned stmt, unsigned row, struct route_row *out);

extern const struct db_stmt_table route_stmt_table;

#endif
