/* result.h - read the rows of one statement (binary format).
 *
 * Everything returned, slices included, is valid until the unit's done callback
 * returns: copy what must live on. Rows and columns count from 0. A row, column or
 * type that the statement does not have is a bug in the model and panics.
 */
#ifndef GH_DB_RESULT_H
#define GH_DB_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"

struct db_result;

unsigned db_row_count(const struct db_result *r);
/* Rows inserted, updated, deleted or selected, from the command tag. */
int64_t db_affected_count(const struct db_result *r);

bool db_is_null(const struct db_result *r, unsigned row, unsigned col);

/* int2, int4 or int8; NULL gives 0. */
int64_t db_get_i64(const struct db_result *r, unsigned row, unsigned col);
/* int2 or int4; NULL gives 0. */
int32_t db_get_i32(const struct db_result *r, unsigned row, unsigned col);
/* NULL gives false. */
bool db_get_bool(const struct db_result *r, unsigned row, unsigned col);
/* NULL gives the nil UUID. */
struct uuid db_get_uuid(const struct db_result *r, unsigned row, unsigned col);
/* text, varchar, bytea, json, jsonb (as JSON text), name; NULL gives SLICE_NONE, and an
 * empty value a slice with p != NULL. */
struct slice db_get_slice(const struct db_result *r, unsigned row, unsigned col);
/* timestamptz as wall microseconds since 1970; NULL gives 0. */
int64_t db_get_time_us(const struct db_result *r, unsigned row, unsigned col);

/* ---- arrays ---- */
struct db_array_it {
	struct slice rest; /* private */
	unsigned left;     /* elements not yet taken */
};
/* Walk a one-dimensional array; NULL and empty arrays have left == 0. */
struct db_array_it db_get_array(const struct db_result *r, unsigned row, unsigned col);
/* Next element as its binary bytes (text as is; numbers with db_wire_i64); a NULL
 * element gives SLICE_NONE. False at the end. */
bool db_array_next(struct db_array_it *it, struct slice *element);
/* Big-endian integer of 2, 4 or 8 bytes. */
int64_t db_wire_i64(struct slice element);

#endif
