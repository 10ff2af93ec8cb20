/* params.h - parameters of a prepared statement, in PostgreSQL's binary format.
 *
 * A builder belongs to one statement of a unit (db_unit_add returns it) and
 * lives in the unit's arena. Values are appended in the order $1, $2, ...; each
 * append checks the type that the statement declares for that place and panics
 * on a mismatch, since that is a bug in the model and never input. Slices are
 * BORROWED until the unit's done callback, except in arrays, which copy.
 *
 * Nothing here fails: memory comes from the arena.
 */
#ifndef GH_DB_PARAMS_H
#define GH_DB_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"

/* Element types; DB_ARRAY_OF(x) is the array type of one. */
enum db_type {
	DB_BOOL = 1,
	DB_INT2,
	DB_INT4,
	DB_INT8,
	DB_TEXT,
	DB_BYTEA,
	DB_UUID,
	DB_TIMESTAMPTZ,
	DB_JSONB,
	DB_BOOL_ARRAY,
	DB_INT2_ARRAY,
	DB_INT4_ARRAY,
	DB_INT8_ARRAY,
	DB_TEXT_ARRAY,
	DB_BYTEA_ARRAY,
	DB_UUID_ARRAY,
	DB_TIMESTAMPTZ_ARRAY,
	DB_JSONB_ARRAY
};
#define DB_ARRAY_OF(element) ((enum db_type)((element) + (DB_BOOL_ARRAY - DB_BOOL)))

/* Most parameters of one statement. */
#define DB_PARAM_MAX 64

struct db_params;
struct db_arr;

/* ---- single values ---- */
void db_p_null(struct db_params *p);
void db_p_bool(struct db_params *p, bool v);
void db_p_i16(struct db_params *p, int16_t v);
void db_p_i32(struct db_params *p, int32_t v);
void db_p_i64(struct db_params *p, int64_t v);
/* A row id (int8): 0 is written as NULL, since ids start at 1. */
void db_p_id(struct db_params *p, int64_t id);
void db_p_uuid(struct db_params *p, struct uuid id);
/* The nil UUID is written as NULL. */
void db_p_uuid_opt(struct db_params *p, struct uuid id);
/* v.p == NULL is written as NULL; the empty text is S(""). Also for DB_BYTEA and DB_JSONB:
 * JSON is given as text (valid, without NUL), which is copied. */
void db_p_text(struct db_params *p, struct slice v);
void db_p_bytea(struct db_params *p, struct slice v);
void db_p_json(struct db_params *p, struct slice v);
/* Wall clock, microseconds since 1970; 0 is written as NULL (no fact of ours is that old). */
void db_p_time_us(struct db_params *p, int64_t wall_us);

/* ---- arrays, one dimension ----
 *
 * Append an array parameter of the given element type and push its elements, in
 * any interleaving with the other arrays of the statement:
 *
 *	struct db_arr *id = db_p_array(p, DB_UUID, n);
 *	struct db_arr *body = db_p_array(p, DB_TEXT, n);
 *	for (...) {
 *		db_arr_uuid(id, row->id);
 *		db_arr_text(body, row->body);
 *	}
 *
 * expected  how many elements will come: sizes the memory, need not be exact
 * Values are copied. NULL rules are those of the single values.
 */
struct db_arr *db_p_array(struct db_params *p, enum db_type element, unsigned expected);
void db_arr_null(struct db_arr *a);
void db_arr_bool(struct db_arr *a, bool v);
void db_arr_i16(struct db_arr *a, int16_t v);
void db_arr_i32(struct db_arr *a, int32_t v);
void db_arr_i64(struct db_arr *a, int64_t v);
void db_arr_id(struct db_arr *a, int64_t id);
void db_arr_uuid(struct db_arr *a, struct uuid id);
void db_arr_uuid_opt(struct db_arr *a, struct uuid id);
void db_arr_text(struct db_arr *a, struct slice v);
void db_arr_bytea(struct db_arr *a, struct slice v);
void db_arr_json(struct db_arr *a, struct slice v);
void db_arr_time_us(struct db_arr *a, int64_t wall_us);

#endif
