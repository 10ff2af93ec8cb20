#include "db/result.h"

#include <string.h>

#include "base/err.h"
#include "base/slice.h"
#include "db/internal.h"
#include "db/wire.h"

#define ARRAY_HEADER_BYTES 12 /* dimensions, null flag, element type */
#define ARRAY_DIM_BYTES    8  /* size and lower bound of the one dimension */

unsigned
db_row_count(const struct db_result *r)
{
	return (unsigned)PQntuples(r->pg);
}

int64_t
db_affected_count(const struct db_result *r)
{
	const char *tag = PQcmdTuples(r->pg);
	int64_t n = 0;

	if (parse_i64(slice_of(tag), 0, INT64_MAX, &n) != GH_OK)
		return 0; /* a command without a count, like BEGIN */
	return n;
}

/* The bytes of a value; p NULL for SQL NULL. */
static struct slice
result_bytes(const struct db_result *r, unsigned row, unsigned col)
{
	if (row >= (unsigned)PQntuples(r->pg) || col >= (unsigned)PQnfields(r->pg))
		gh_panic("db: row %u column %u of a result of %d x %d", row, col, PQntuples(r->pg),
			 PQnfields(r->pg));
	if (PQgetisnull(r->pg, (int)row, (int)col))
		return SLICE_NONE;
	return slice_make(PQgetvalue(r->pg, (int)row, (int)col),
			  (size_t)PQgetlength(r->pg, (int)row, (int)col));
}

/* The same, of a value that must have size bytes. */
static struct slice
result_fixed(const struct db_result *r, unsigned row, unsigned col, size_t size)
{
	struct slice v = result_bytes(r, row, col);

	if (v.p != NULL && v.n != size)
		gh_panic("db: column %s has %zu bytes, not %zu", PQfname(r->pg, (int)col), v.n,
			 size);
	return v;
}

bool
db_is_null(const struct db_result *r, unsigned row, unsigned col)
{
	return result_bytes(r, row, col).p == NULL;
}

int64_t
db_wire_i64(struct slice element)
{
	switch (element.n) {
	case 2:
		return (int16_t)wire_get16(element.p);
	case 4:
		return (int32_t)wire_get32(element.p);
	case 8:
		return (int64_t)wire_get64(element.p);
	default:
		gh_panic("db: an integer of %zu bytes", element.n);
	}
}

int64_t
db_get_i64(const struct db_result *r, unsigned row, unsigned col)
{
	struct slice v = result_bytes(r, row, col);

	return v.p == NULL ? 0 : db_wire_i64(v);
}

int32_t
db_get_i32(const struct db_result *r, unsigned row, unsigned col)
{
	struct slice v = result_bytes(r, row, col);

	if (v.n > sizeof(int32_t))
		gh_panic("db: column %s does not fit 32 bits", PQfname(r->pg, (int)col));
	return v.p == NULL ? 0 : (int32_t)db_wire_i64(v);
}

bool
db_get_bool(const struct db_result *r, unsigned row, unsigned col)
{
	struct slice v = result_fixed(r, row, col, 1);

	return v.p != NULL && v.p[0] != 0;
}

struct uuid
db_get_uuid(const struct db_result *r, unsigned row, unsigned col)
{
	struct uuid id = {{0}};
	struct slice v = result_fixed(r, row, col, sizeof(id.b));

	if (v.p != NULL)
		memcpy(id.b, v.p, sizeof(id.b));
	return id;
}

struct slice
db_get_slice(const struct db_result *r, unsigned row, unsigned col)
{
	struct slice v = result_bytes(r, row, col);

	if (v.p != NULL && PQftype(r->pg, (int)col) == db_type_oid(DB_JSONB))
		return slice_from(v, 1); /* the version byte */
	return v;
}

int64_t
db_get_time_us(const struct db_result *r, unsigned row, unsigned col)
{
	struct slice v = result_fixed(r, row, col, sizeof(int64_t));
	int64_t t;

	if (v.p == NULL)
		return 0;
	t = (int64_t)wire_get64(v.p);
	/* 'infinity' and its negative stay the extreme values. */
	if (t > INT64_MAX - DB_TIME_EPOCH_US || t == INT64_MIN)
		return t;
	return t + DB_TIME_EPOCH_US;
}

/* ---- arrays ---- */

struct db_array_it
db_get_array(const struct db_result *r, unsigned row, unsigned col)
{
	struct slice v = result_bytes(r, row, col);
	struct db_array_it it = {.rest = SLICE_NONE, .left = 0};

	if (v.p == NULL)
		return it;
	if (v.n < ARRAY_HEADER_BYTES)
		gh_panic("db: column %s is no array", PQfname(r->pg, (int)col));
	if (wire_get32(v.p) == 0)
		return it;
	if (wire_get32(v.p) != 1 || v.n < ARRAY_HEADER_BYTES + ARRAY_DIM_BYTES)
		gh_panic("db: column %s is no array of one dimension", PQfname(r->pg, (int)col));
	it.left = wire_get32(v.p + ARRAY_HEADER_BYTES);
	it.rest = slice_from(v, ARRAY_HEADER_BYTES + ARRAY_DIM_BYTES);
	return it;
}

bool
db_array_next(struct db_array_it *it, struct slice *element)
{
	uint32_t n;

	if (it->left == 0)
		return false;
	if (it->rest.n < sizeof(n))
		gh_panic("db: array cut short");
	n = wire_get32(it->rest.p);
	it->rest = slice_from(it->rest, sizeof(n));
	it->left--;
	if (n == UINT32_MAX) {
		*element = SLICE_NONE;
		return true;
	}
	if (n > it->rest.n)
		gh_panic("db: array cut short");
	*element = slice_sub(it->rest, 0, n);
	it->rest = slice_from(it->rest, n);
	return true;
}
