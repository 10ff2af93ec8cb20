/* provider_row.h - the servers that hold the sessions: create, list, change, end.
 *
 * A provider that ends keeps its row (deleted_at, switched off): deleted instances
 * still name it.
 */
#ifndef GH_MODEL_PROVIDER_ROW_H
#define GH_MODEL_PROVIDER_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

struct arena;
struct id_page;

#define PROVIDER_NAME_MAX        200 /* characters */
#define PROVIDER_INSTANCES_MAX   100000
#define PROVIDER_CONCURRENCY_MAX 10000
#define PROVIDER_NAME_CONSTRAINT "providers_name"

struct provider_row {
	int32_t id;
	struct slice type, name, base_url;
	bool has_api_key;
	int32_t max_instances;
	int32_t max_concurrency; /* 0: no limit of its own */
	bool is_active;
	int64_t current_instances;
	struct slice health_status;
	struct slice engine;                                 /* absent: not known, or it has none */
	int64_t last_check_us, created_at_us, updated_at_us; /* 0: never */
};

/* What a creation or a change gives; has_* false and SLICE_NONE leave a column as it is. */
struct provider_change {
	struct slice type, name, base_url;
	bool sets_api_key;
	struct slice api_key_sealed; /* sets_api_key and SLICE_NONE: none any more */
	bool has_max_instances, has_max_concurrency, has_is_active;
	int32_t max_instances, max_concurrency;
	bool is_active;
};

/* All but the key is given. A taken name fails with PROVIDER_NAME_CONSTRAINT. Slices are borrowed
 * until the unit is done, here and below. */
void provider_insert_add(struct db_unit *u, const struct provider_change *c);
/* One row or none. */
void provider_get_add(struct db_unit *u, int32_t id);
void provider_list_add(struct db_unit *u, const struct id_page *page);
void provider_count_add(struct db_unit *u);
int64_t provider_count(const struct db_unit *u, unsigned stmt);
/* The row, or none. PROVIDER_NAME_CONSTRAINT as above. type is not changed. */
void provider_update_add(struct db_unit *u, int32_t id, const struct provider_change *c);
/* Two statements: lock the row, then end it unless an instance lives there. Rows of the second: the
 * provider as it is then; provider_is_ended tells which. */
void provider_delete_add(struct db_unit *u, int32_t id);
bool provider_is_ended(const struct db_unit *u, unsigned stmt);

/* Rows of any of these. */
unsigned provider_row_count(const struct db_unit *u, unsigned stmt);
void provider_row_read(const struct db_unit *u, unsigned stmt, unsigned i,
		       struct provider_row *row);

/* ---- the instances of a provider, over all companies ---- */

struct provider_instance {
	int32_t id, company_id;
	struct slice company_name, instance_name, phone_number, status, external_id;
	int64_t created_at_us, updated_at_us;
};

void provider_instances_add(struct db_unit *u, int32_t provider_id, const struct id_page *page);
unsigned provider_instance_count(const struct db_unit *u, unsigned stmt);
void provider_instance_read(const struct db_unit *u, unsigned stmt, unsigned i,
			    struct provider_instance *row);

/* ---- where its server is, to call it ---- */

struct provider_server_row {
	int32_t id;
	struct slice type, name, base_url;
	struct slice api_key_sealed; /* aad "provider_key"; absent: none */
};

/* Active providers in id order; one of them or none, active or not. */
void provider_server_list_add(struct db_unit *u, unsigned limit);
void provider_server_get_add(struct db_unit *u, int32_t id);
unsigned provider_server_count(const struct db_unit *u, unsigned stmt);
/* Slices live in a. */
void provider_server_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
			  struct provider_server_row *row);

extern const struct db_stmt_table provider_stmt_table;

#endif
