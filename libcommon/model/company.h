/* company.h - tenants: create, list, change, end.
 *
 * A deleted company keeps its row (status deleted): its messages still speak of
 * it. Its tokens are revoked in the same statement.
 */
#ifndef GH_MODEL_COMPANY_H
#define GH_MODEL_COMPANY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

struct id_page;

#define COMPANY_NAME_MAX     200 /* characters */
#define COMPANY_RATE_MAX     100000000
#define COMPANY_RATE_MINUTE  60 /* defaults */
#define COMPANY_RATE_HOUR    1000
#define COMPANY_COUNT_CAPPED 10001

struct company_row {
	int32_t id;
	struct slice name;
	struct slice status; /* active, inactive, suspended, deleted */
	int32_t rate_per_minute, rate_per_hour;
	int64_t created_at_us, updated_at_us;
};

/* One of the words above. */
bool company_status_is_known(struct slice status);

/* What a change gives; SLICE_NONE and 0 leave a column as it is. */
struct company_change {
	struct slice name;
	struct slice status;
	int32_t rate_per_minute, rate_per_hour;
};

/* Insert with its first token. All of c is given; slices are borrowed until the unit is done. */
void company_insert_add(struct db_unit *u, const struct company_change *c, struct slice token_hash);
/* One row or none. */
void company_get_add(struct db_unit *u, int32_t id);
/* A page of the rows with the status, SLICE_NONE: all but deleted ones. Primary key. */
void company_list_add(struct db_unit *u, struct slice status, const struct id_page *page);
/* How many the list has, cut at COMPANY_COUNT_CAPPED. */
void company_count_add(struct db_unit *u, struct slice status);
int64_t company_count(const struct db_unit *u, unsigned stmt);
/* Change one that is not deleted: the row, or none. One that becomes active again gets hints for
 * its waiting sends: they were parked until now (wake_send after the commit). */
void company_update_add(struct db_unit *u, int32_t id, const struct company_change *c);
/* Mark deleted and revoke every token of it and of its instances: the row, or none. */
void company_delete_add(struct db_unit *u, int32_t id);

/* Give one that is not deleted a new token: its row, or none. The current token ends in overlap_s
 * seconds (0: now); one that was in its overlap already ends now, so that two at most are alive.
 * Two statements, the row is that of the second. token_hash is borrowed until the unit is done. */
void company_rotate_add(struct db_unit *u, int32_t id, struct slice token_hash, int32_t overlap_s);

/* Rows of insert, get, list, update, delete, rotate; slices are valid until the unit is done. */
unsigned company_row_count(const struct db_unit *u, unsigned stmt);
void company_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct company_row *row);

extern const struct db_stmt_table company_stmt_table;

#endif
