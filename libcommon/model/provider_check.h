/* provider_check.h - the health of provider servers: who is to be probed, what a probe found. */
#ifndef GH_MODEL_PROVIDER_CHECK_H
#define GH_MODEL_PROVIDER_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

struct arena;

struct provider_probe {
	int32_t id;
	struct slice type; /* "waha" */
	struct slice base_url;
	struct slice api_key_sealed; /* aad "provider_key"; may be absent */
	bool was_healthy;
};

/* Active providers with id > after_id, in id order, at most limit. Primary key. */
void provider_probe_list_add(struct db_unit *u, int32_t after_id, unsigned limit);
/* Rows of statement stmt; they live in a. */
unsigned provider_probe_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
			     struct provider_probe **rows);

struct provider_check {
	int32_t provider_id;
	bool is_healthy;
	int32_t latency_ms;
	struct slice detail; /* version, or what failed; may be absent */
	struct slice engine; /* absent: what was known stays */
};
/* Store a finding in the provider's row and in provider_checks. A provider deleted or switched off
 * meanwhile: nothing happens. Slices are borrowed until the unit is done. */
void provider_check_add(struct db_unit *u, const struct provider_check *c);

extern const struct db_stmt_table provider_check_stmt_table;

#endif
