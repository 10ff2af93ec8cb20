/* endpoint.h - webhooks of a company: where its events are posted.
 *
 * Secrets and custom headers come here sealed. Every statement names company and
 * instance: another tenant's endpoint is not found.
 */
#ifndef GH_MODEL_ENDPOINT_H
#define GH_MODEL_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"
#include "model/event.h"

struct arena;
struct id_page;

#define ENDPOINT_EVENTS_MAX 64

/* That an instance may have, switched off or not: every event is looked up and posted for each. */
#define ENDPOINT_PER_INSTANCE_MAX 100

/* Options of the format uazapi, as they are stored: messages that are not wanted, and what the URL
 * is given. */
#define ENDPOINT_EXCLUDE_BY_API      1u
#define ENDPOINT_EXCLUDE_NOT_BY_API  2u
#define ENDPOINT_EXCLUDE_FROM_ME     4u
#define ENDPOINT_EXCLUDE_NOT_FROM_ME 8u
#define ENDPOINT_EXCLUDE_GROUP       16u
#define ENDPOINT_EXCLUDE_NOT_GROUP   32u
#define ENDPOINT_ADD_EVENT           64u
#define ENDPOINT_ADD_TYPE            128u

/* What a client sets. Slices are borrowed until the unit is done. */
struct endpoint_set {
	struct slice url;
	const struct slice *events; /* subscription words as written */
	unsigned event_count;
	int64_t event_mask;
	enum event_format format;
	unsigned options;            /* ENDPOINT_*, of the format uazapi */
	struct slice headers_sealed; /* JSON object, sealed; absent: none */
	bool is_active;
};

struct endpoint_row {
	int32_t id;
	int32_t instance_id;
	struct slice url;
	struct slice events[ENDPOINT_EVENTS_MAX];
	unsigned event_count;
	enum event_format format;
	unsigned options;
	struct slice headers_sealed;
	bool is_active;
	struct slice failure_state;
	int64_t last_success_at_us;
	int64_t disabled_at_us;
	int64_t created_at_us;
	int64_t updated_at_us;
};

/* Whose the endpoint is: an instance by its id, or, for one that an earlier statement of the same
 * unit inserts, by the hash of its first token. */
struct endpoint_owner {
	int32_t company_id;
	int32_t instance_id;     /* 0: by token_hash */
	struct slice token_hash; /* with instance_id 0 */
};

/* Lock the instance against another that changes how many it has: before insert of one that is
 * there already, and before put, in the same unit, as a statement that locked and counted at once
 * would count as it was before it waited. A row (endpoint_row_count), or none when the company has
 * no such instance. Primary key of instances. */
void endpoint_room_lock_add(struct db_unit *u, int32_t company_id, int32_t instance_id);
/* Insert with its secret; one row, or none when the company has no such instance or it has
 * ENDPOINT_PER_INSTANCE_MAX. Index instance_webhooks_owner. */
void endpoint_insert_add(struct db_unit *u, const struct endpoint_owner *owner,
			 const struct endpoint_set *set, struct slice secret_sealed);
/* Replace what a client sets; one row or none. */
void endpoint_update_add(struct db_unit *u, int32_t company_id, int32_t instance_id, int32_t id,
			 const struct endpoint_set *set);
/* The instance's oldest endpoint of set->format becomes it, but for headers and secret; without one
 * it is inserted. Behind endpoint_room_lock_add in the same unit: two at once make one. One row, or
 * none when the company has no such instance or it has ENDPOINT_PER_INSTANCE_MAX of other formats.
 * Index instance_webhooks_owner. */
void endpoint_put_add(struct db_unit *u, int32_t company_id, int32_t instance_id,
		      const struct endpoint_set *set, struct slice secret_sealed);
/* One row (the deleted one) or none. Deliveries that wait end with their next claim. */
void endpoint_delete_add(struct db_unit *u, int32_t company_id, int32_t instance_id, int32_t id);
/* One row or none. */
void endpoint_get_add(struct db_unit *u, int32_t company_id, int32_t instance_id, int32_t id);
/* A page of an instance's endpoints. Index instance_webhooks_owner. */
void endpoint_list_add(struct db_unit *u, int32_t company_id, int32_t instance_id,
		       const struct id_page *page);
/* How many the instance has, and whether the company has that instance at all. */
void endpoint_count_add(struct db_unit *u, int32_t company_id, int32_t instance_id);
/* -1: no such instance. */
int64_t endpoint_count_of(const struct db_unit *u, unsigned stmt);

/* Rows of all of the above; slices live in a. */
unsigned endpoint_row_count(const struct db_unit *u, unsigned stmt);
void endpoint_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
		       struct endpoint_row *row);

extern const struct db_stmt_table endpoint_stmt_table;

#endif
