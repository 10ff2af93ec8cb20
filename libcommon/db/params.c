#include "db/params.h"

#include <endian.h>
#include <limits.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/internal.h"
#include "db/wire.h"

/* Dimensions, null flag, element type, size, lower bound: 5 words before the elements. */
#define ARR_HEADER_BYTES 20
#define ARR_EMPTY_BYTES  12 /* the first three words alone */
/* What a value of unknown length is guessed at when an array is sized. */
#define ARR_TEXT_GUESS_BYTES 48

struct db_arr {
	struct arena *a;
	enum db_type element;
	char *p;
	size_t n, size;
	unsigned count;
	bool has_null;
};

/* ---- types ---- */

static const struct {
	Oid oid;
	unsigned size; /* 0: variable */
} types[] = {
	[DB_BOOL] = {16, 1},
	[DB_INT2] = {21, 2},
	[DB_INT4] = {23, 4},
	[DB_INT8] = {20, 8},
	[DB_TEXT] = {25, 0},
	[DB_BYTEA] = {17, 0},
	[DB_UUID] = {2950, 16},
	[DB_TIMESTAMPTZ] = {1184, 8},
	[DB_JSONB] = {3802, 0},
	[DB_BOOL_ARRAY] = {1000, 0},
	[DB_INT2_ARRAY] = {1005, 0},
	[DB_INT4_ARRAY] = {1007, 0},
	[DB_INT8_ARRAY] = {1016, 0},
	[DB_TEXT_ARRAY] = {1009, 0},
	[DB_BYTEA_ARRAY] = {1001, 0},
	[DB_UUID_ARRAY] = {2951, 0},
	[DB_TIMESTAMPTZ_ARRAY] = {1185, 0},
	[DB_JSONB_ARRAY] = {3807, 0},
};

Oid
db_type_oid(enum db_type t)
{
	return types[t].oid;
}

/* ---- single values ---- */

struct db_params *
db_params_new(struct arena *a, const struct db_stmt *stmt)
{
	struct db_params *p = arena_alloc(a, sizeof(*p));

	if (stmt->param_count > DB_PARAM_MAX)
		gh_panic("db: %s: more than %d parameters", stmt->name, DB_PARAM_MAX);
	p->a = a;
	p->stmt = stmt;
	p->values = arena_alloc_array(a, stmt->param_count, sizeof(*p->values));
	return p;
}

static struct db_value *
params_next(struct db_params *p)
{
	if (p->count == p->stmt->param_count)
		gh_panic("db: %s takes %u parameters", p->stmt->name, p->stmt->param_count);
	return &p->values[p->count++];
}

static void
params_check(const struct db_params *p, enum db_type t)
{
	if (p->count < p->stmt->param_count && p->stmt->types[p->count] != t)
		gh_panic("db: %s: $%u is not of type %d", p->stmt->name, p->count + 1, (int)t);
}

static void
params_borrow(struct db_params *p, enum db_type t, struct slice v)
{
	struct db_value *out;

	if (v.n > INT_MAX)
		gh_panic("db: %s: value over 2 GiB", p->stmt->name);
	params_check(p, t);
	out = params_next(p);
	out->p = v.p;
	out->n = (int)v.n;
}

static void
params_copy(struct db_params *p, enum db_type t, const void *bytes, size_t n)
{
	char *copy = arena_alloc(p->a, n);

	memcpy(copy, bytes, n);
	params_borrow(p, t, slice_make(copy, n));
}

void
db_p_null(struct db_params *p)
{
	*params_next(p) = (struct db_value){0};
}

void
db_p_bool(struct db_params *p, bool v)
{
	const char byte = v ? 1 : 0;

	params_copy(p, DB_BOOL, &byte, 1);
}

void
db_p_i16(struct db_params *p, int16_t v)
{
	const uint16_t be = htobe16((uint16_t)v);

	params_copy(p, DB_INT2, &be, sizeof(be));
}

void
db_p_i32(struct db_params *p, int32_t v)
{
	const uint32_t be = htobe32((uint32_t)v);

	params_copy(p, DB_INT4, &be, sizeof(be));
}

void
db_p_i64(struct db_params *p, int64_t v)
{
	const uint64_t be = htobe64((uint64_t)v);

	params_copy(p, DB_INT8, &be, sizeof(be));
}

void
db_p_id(struct db_params *p, int64_t id)
{
	if (id == 0)
		params_borrow(p, DB_INT8, SLICE_NONE);
	else
		db_p_i64(p, id);
}

void
db_p_uuid(struct db_params *p, struct uuid id)
{
	params_copy(p, DB_UUID, id.b, sizeof(id.b));
}

void
db_p_uuid_opt(struct db_params *p, struct uuid id)
{
	if (uuid_is_nil(id))
		params_borrow(p, DB_UUID, SLICE_NONE);
	else
		db_p_uuid(p, id);
}

void
db_p_text(struct db_params *p, struct slice v)
{
	params_borrow(p, DB_TEXT, v);
}

void
db_p_bytea(struct db_params *p, struct slice v)
{
	params_borrow(p, DB_BYTEA, v);
}

void
db_p_json(struct db_params *p, struct slice v)
{
	char *copy;

	if (v.p == NULL) {
		params_borrow(p, DB_JSONB, SLICE_NONE);
		return;
	}
	copy = arena_alloc(p->a, v.n + 1);
	copy[0] = DB_JSONB_VERSION;
	memcpy(copy + 1, v.p, v.n);
	params_borrow(p, DB_JSONB, slice_make(copy, v.n + 1));
}

void
db_p_time_us(struct db_params *p, int64_t wall_us)
{
	const uint64_t be = htobe64((uint64_t)(wall_us - DB_TIME_EPOCH_US));

	if (wall_us == 0)
		params_borrow(p, DB_TIMESTAMPTZ, SLICE_NONE);
	else
		params_copy(p, DB_TIMESTAMPTZ, &be, sizeof(be));
}

/* ---- arrays ---- */

struct db_arr *
db_p_array(struct db_params *p, enum db_type element, unsigned expected)
{
	struct db_arr *a = arena_alloc(p->a, sizeof(*a));
	size_t each = types[element].size > 0 ? types[element].size : ARR_TEXT_GUESS_BYTES;

	if (element >= DB_BOOL_ARRAY)
		gh_panic("db: %s: arrays have one dimension", p->stmt->name);
	params_check(p, DB_ARRAY_OF(element));
	a->a = p->a;
	a->element = element;
	a->size = ARR_HEADER_BYTES + expected * (sizeof(uint32_t) + each);
	a->p = arena_alloc(p->a, a->size);
	a->n = ARR_HEADER_BYTES;
	params_next(p)->arr = a;
	return a;
}

static char *
arr_reserve(struct db_arr *a, size_t n)
{
	char *place;

	if (a->n + n > INT_MAX)
		gh_panic("db: array over 2 GiB");
	if (a->n + n > a->size) {
		size_t size = (a->n + n) * 2;
		char *p = arena_alloc(a->a, size);

		memcpy(p, a->p, a->n);
		a->p = p;
		a->size = size;
	}
	place = a->p + a->n;
	a->n += n;
	return place;
}

/* Length word and bytes of one element, with an optional version byte before them. */
static void
arr_push(struct db_arr *a, enum db_type t, const char *version, const void *bytes, size_t n)
{
	size_t prefix = version != NULL ? 1 : 0;
	char *place;

	if (a->element != t)
		gh_panic("db: array of type %d got an element of type %d", (int)a->element, (int)t);
	place = arr_reserve(a, sizeof(uint32_t) + prefix + n);
	wire_put32(place, (uint32_t)(prefix + n));
	if (version != NULL)
		place[sizeof(uint32_t)] = *version;
	if (n > 0)
		memcpy(place + sizeof(uint32_t) + prefix, bytes, n);
	a->count++;
}

void
db_arr_null(struct db_arr *a)
{
	wire_put32(arr_reserve(a, sizeof(uint32_t)), UINT32_MAX); /* length -1 */
	a->has_null = true;
	a->count++;
}

void
db_arr_bool(struct db_arr *a, bool v)
{
	const char byte = v ? 1 : 0;

	arr_push(a, DB_BOOL, NULL, &byte, 1);
}

void
db_arr_i16(struct db_arr *a, int16_t v)
{
	const uint16_t be = htobe16((uint16_t)v);

	arr_push(a, DB_INT2, NULL, &be, sizeof(be));
}

void
db_arr_i32(struct db_arr *a, int32_t v)
{
	const uint32_t be = htobe32((uint32_t)v);

	arr_push(a, DB_INT4, NULL, &be, sizeof(be));
}

void
db_arr_i64(struct db_arr *a, int64_t v)
{
	const uint64_t be = htobe64((uint64_t)v);

	arr_push(a, DB_INT8, NULL, &be, sizeof(be));
}

void
db_arr_id(struct db_arr *a, int64_t id)
{
	if (id == 0)
		db_arr_null(a);
	else
		db_arr_i64(a, id);
}

void
db_arr_uuid(struct db_arr *a, struct uuid id)
{
	arr_push(a, DB_UUID, NULL, id.b, sizeof(id.b));
}

void
db_arr_uuid_opt(struct db_arr *a, struct uuid id)
{
	if (uuid_is_nil(id))
		db_arr_null(a);
	else
		db_arr_uuid(a, id);
}

void
db_arr_text(struct db_arr *a, struct slice v)
{
	if (v.p == NULL)
		db_arr_null(a);
	else
		arr_push(a, DB_TEXT, NULL, v.p, v.n);
}

void
db_arr_bytea(struct db_arr *a, struct slice v)
{
	if (v.p == NULL)
		db_arr_null(a);
	else
		arr_push(a, DB_BYTEA, NULL, v.p, v.n);
}

void
db_arr_json(struct db_arr *a, struct slice v)
{
	static const char version = DB_JSONB_VERSION;

	if (v.p == NULL)
		db_arr_null(a);
	else
		arr_push(a, DB_JSONB, &version, v.p, v.n);
}

void
db_arr_time_us(struct db_arr *a, int64_t wall_us)
{
	const uint64_t be = htobe64((uint64_t)(wall_us - DB_TIME_EPOCH_US));

	if (wall_us == 0)
		db_arr_null(a);
	else
		arr_push(a, DB_TIMESTAMPTZ, NULL, &be, sizeof(be));
}

/* ---- for the pipeline ---- */

void
db_params_get(const struct db_params *p, unsigned i, const char **value, int *length)
{
	const struct db_value *v = &p->values[i];
	struct db_arr *a = v->arr;

	if (a == NULL) {
		*value = v->p;
		*length = v->n;
		return;
	}
	wire_put32(a->p, a->count > 0 ? 1 : 0);
	wire_put32(a->p + 4, a->has_null ? 1 : 0);
	wire_put32(a->p + 8, types[a->element].oid);
	wire_put32(a->p + 12, a->count);
	wire_put32(a->p + 16, 1);
	*value = a->p;
	*length = a->count > 0 ? (int)a->n : ARR_EMPTY_BYTES;
}
