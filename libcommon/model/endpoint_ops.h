/* endpoint_ops.h - what an endpoint's owner asks for besides changing it: a test, a
 * new secret, to be posted to again.
 *
 * Every statement names company and instance: another tenant's endpoint is not
 * found. Whether there is one, and what it is then, tells an endpoint_list_add in
 * the same unit.
 */
#ifndef GH_MODEL_ENDPOINT_OPS_H
#define GH_MODEL_ENDPOINT_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"

#define ENDPOINT_OVERLAP_MAX  604800 /* seconds */
#define ENDPOINT_OVERLAP_DFLT 86400
#define ENDPOINT_PREVIOUS_MAX 2 /* secrets in their overlap */

/* Whose endpoint it is. */
struct endpoint_key {
	int32_t company_id;
	int32_t instance_id;
	int32_t id;
};

#define ENDPOINT_ROTATE_STMTS 2
/* Give it a new secret; the current one signs too for overlap_s seconds more (0: all old ones end
 * now). Two statements: lock the endpoint, rotate. Slices are borrowed until the unit is done. */
void endpoint_rotate_add(struct db_unit *u, const struct endpoint_key *k,
			 struct slice secret_sealed, int32_t overlap_s);
/* stmt: of the second one. False: ENDPOINT_PREVIOUS_MAX are in their overlap already, or there is
 * no such endpoint; nothing changed. */
bool endpoint_rotate_done(const struct db_unit *u, unsigned stmt);

/* Active again whatever it was, and a hint for what it holds (wake_send after the commit). */
void endpoint_enable_add(struct db_unit *u, const struct endpoint_key *k);

/* An event webhook.test for this endpoint alone, with its delivery and hint; nothing when it is
 * switched off or disabled. facts: JSON object. */
void endpoint_test_add(struct db_unit *u, const struct endpoint_key *k, struct uuid event_id,
		       struct slice facts);
bool endpoint_test_done(const struct db_unit *u, unsigned stmt);

extern const struct db_stmt_table endpoint_ops_stmt_table;

#endif
