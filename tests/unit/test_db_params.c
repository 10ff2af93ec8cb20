/* test_db_params.c - the bytes of binary parameters and what result.c reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "db/params.c"
#include "db/result.c"

static const struct db_stmt any = {"any", "", DB_TYPES(DB_INT8)};

struct bytes {
	const char *p;
	size_t n;
};
#define B(lit)                                                                                     \
	{                                                                                          \
		lit, sizeof(lit) - 1                                                               \
	}

static struct db_params *
params_of(struct arena *a, enum db_type type)
{
	static enum db_type types_of_one[1];
	static struct db_stmt stmt;

	types_of_one[0] = type;
	stmt = any;
	stmt.types = types_of_one;
	return db_params_new(a, &stmt);
}

static void
check(const struct db_params *p, struct bytes want)
{
	const char *value;
	int length;

	assert_int_equal(p->count, 1);
	db_params_get(p, 0, &value, &length);
	if (want.p == NULL) {
		assert_null(value);
		return;
	}
	assert_non_null(value);
	assert_int_equal(length, want.n);
	assert_memory_equal(value, want.p, want.n);
}

/* ---- single values ---- */

static void
put_i64(struct db_params *p)
{
	db_p_i64(p, -2);
}

static void
put_id_zero(struct db_params *p)
{
	db_p_id(p, 0);
}

static void
put_i32(struct db_params *p)
{
	db_p_i32(p, 0x01020304);
}

static void
put_i16(struct db_params *p)
{
	db_p_i16(p, INT16_MIN);
}

static void
put_bool(struct db_params *p)
{
	db_p_bool(p, true);
}

static void
put_text(struct db_params *p)
{
	db_p_text(p, S("ab"));
}

static void
put_text_empty(struct db_params *p)
{
	db_p_text(p, S(""));
}

static void
put_text_none(struct db_params *p)
{
	db_p_text(p, SLICE_NONE);
}

static void
put_json(struct db_params *p)
{
	db_p_json(p, S("{}"));
}

static void
put_time(struct db_params *p)
{
	db_p_time_us(p, DB_TIME_EPOCH_US + 1);
}

static void
put_time_before_2000(struct db_params *p)
{
	db_p_time_us(p, DB_TIME_EPOCH_US - 1);
}

static void
put_time_none(struct db_params *p)
{
	db_p_time_us(p, 0);
}

static void
put_uuid_nil(struct db_params *p)
{
	db_p_uuid_opt(p, (struct uuid){{0}});
}

static void
test_single_values(void **state)
{
	static const struct {
		enum db_type type;
		void (*put)(struct db_params *p);
		struct bytes want;
	} cases[] = {
		{DB_INT8, put_i64, B("\xff\xff\xff\xff\xff\xff\xff\xfe")},
		{DB_INT8, put_id_zero, {NULL, 0}},
		{DB_INT4, put_i32, B("\x01\x02\x03\x04")},
		{DB_INT2, put_i16, B("\x80\x00")},
		{DB_BOOL, put_bool, B("\x01")},
		{DB_TEXT, put_text, B("ab")},
		{DB_TEXT, put_text_empty, B("")},
		{DB_TEXT, put_text_none, {NULL, 0}},
		{DB_JSONB, put_json, B("\x01{}")},
		{DB_TIMESTAMPTZ, put_time, B("\0\0\0\0\0\0\0\x01")},
		{DB_TIMESTAMPTZ, put_time_before_2000, B("\xff\xff\xff\xff\xff\xff\xff\xff")},
		{DB_TIMESTAMPTZ, put_time_none, {NULL, 0}},
		{DB_UUID, put_uuid_nil, {NULL, 0}},
		{DB_INT4, db_p_null, {NULL, 0}},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct arena *a = arena_new(0);
		struct db_params *p = params_of(a, cases[i].type);

		cases[i].put(p);
		check(p, cases[i].want);
		arena_free(a);
	}
}

/* ---- arrays ---- */

static void
fill_int8(struct db_arr *a)
{
	db_arr_i64(a, 1);
	db_arr_id(a, 0);
}

static void
fill_int4(struct db_arr *a)
{
	db_arr_i32(a, -1);
}

static void
fill_int2(struct db_arr *a)
{
	db_arr_i16(a, 258);
}

static void
fill_bool(struct db_arr *a)
{
	db_arr_bool(a, false);
	db_arr_bool(a, true);
}

static void
fill_text(struct db_arr *a)
{
	db_arr_text(a, S("x"));
	db_arr_text(a, S(""));
	db_arr_text(a, SLICE_NONE);
}

static void
fill_bytea(struct db_arr *a)
{
	db_arr_bytea(a, slice_make("\0", 1));
}

static void
fill_json(struct db_arr *a)
{
	db_arr_json(a, S("[]"));
}

static void
fill_time(struct db_arr *a)
{
	db_arr_time_us(a, DB_TIME_EPOCH_US);
	db_arr_time_us(a, 0);
}

static void
fill_uuid(struct db_arr *a)
{
	db_arr_uuid(a, (struct uuid){{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}});
}

static void
fill_nothing(struct db_arr *a)
{
	assert_int_equal(a->count, 0);
}

/* dimensions 1, has NULL h, element OID o (two bytes), n elements, lower bound 1 */
#define HEAD(h, o, n) "\0\0\0\1\0\0\0" h "\0\0" o "\0\0\0" n "\0\0\0\1"

static void
test_arrays(void **state)
{
	static const struct {
		enum db_type element;
		void (*fill)(struct db_arr *a);
		struct bytes want;
	} cases[] = {
		{DB_INT8, fill_int8,
		 B(HEAD("\1", "\0\x14", "\2") "\0\0\0\x08\0\0\0\0\0\0\0\1\xff\xff\xff\xff")},
		{DB_INT4, fill_int4, B(HEAD("\0", "\0\x17", "\1") "\0\0\0\4\xff\xff\xff\xff")},
		{DB_INT2, fill_int2, B(HEAD("\0", "\0\x15", "\1") "\0\0\0\2\1\2")},
		{DB_BOOL, fill_bool, B(HEAD("\0", "\0\x10", "\2") "\0\0\0\1\0\0\0\0\1\1")},
		{DB_TEXT, fill_text,
		 B(HEAD("\1", "\0\x19", "\3") "\0\0\0\1x\0\0\0\0\xff\xff\xff\xff")},
		{DB_BYTEA, fill_bytea, B(HEAD("\0", "\0\x11", "\1") "\0\0\0\1\0")},
		{DB_JSONB, fill_json, B(HEAD("\0", "\x0e\xda", "\1") "\0\0\0\3\1[]")},
		{DB_TIMESTAMPTZ, fill_time,
		 B(HEAD("\1", "\x04\xa0", "\2") "\0\0\0\x08\0\0\0\0\0\0\0\0\xff\xff\xff\xff")},
		{DB_UUID, fill_uuid,
		 B(HEAD("\0", "\x0b\x86",
			"\1") "\0\0\0\x10\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e"
			      "\x0f\x10")},
		{DB_TEXT, fill_nothing, B("\0\0\0\0\0\0\0\0\0\0\0\x19")},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct arena *a = arena_new(0);
		struct db_params *p = params_of(a, DB_ARRAY_OF(cases[i].element));

		cases[i].fill(db_p_array(p, cases[i].element, 1));
		check(p, cases[i].want);
		arena_free(a);
	}
}

static void
test_array_grows(void **state)
{
	struct arena *a = arena_new(0);
	struct db_params *p = params_of(a, DB_TEXT_ARRAY);
	struct db_arr *arr = db_p_array(p, DB_TEXT, 0); /* nothing was expected */
	const char *value;
	char big[1000];
	int length;

	(void)state;
	memset(big, 'x', sizeof(big));
	for (unsigned i = 0; i < 1000; i++)
		db_arr_text(arr, slice_make(big, i));
	db_params_get(p, 0, &value, &length);
	assert_int_equal(length, ARR_HEADER_BYTES + 1000 * 4 + 999 * 1000 / 2);
	assert_int_equal(wire_get32(value + 12), 1000);
	assert_int_equal(value[length - 1], 'x');
	arena_free(a);
}

/* ---- results ---- */

static PGresult *
result_of(Oid type, const char *bytes, int n)
{
	PGresult *pg = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	char name[] = "col", copy[256];
	PGresAttDesc col = {.name = name, .typid = type, .format = 1, .typlen = -1};

	if (n > 0)
		memcpy(copy, bytes, (size_t)n);
	assert_int_equal(PQsetResultAttrs(pg, 1, &col), 1);
	assert_int_equal(PQsetvalue(pg, 0, 0, bytes != NULL ? copy : NULL, n), 1);
	return pg;
}

static void
test_results(void **state)
{
	struct db_result r;

	(void)state;
	r.pg = result_of(21, "\xff\xfe", 2);
	assert_int_equal(db_get_i64(&r, 0, 0), -2);
	assert_int_equal(db_get_i32(&r, 0, 0), -2);
	PQclear(r.pg);
	r.pg = result_of(20, "\x80\0\0\0\0\0\0\0", 8);
	assert_int_equal(db_get_i64(&r, 0, 0), INT64_MIN);
	PQclear(r.pg);
	r.pg = result_of(3802, "\x01{}", 3);
	assert_true(slice_eq(db_get_slice(&r, 0, 0), S("{}")));
	PQclear(r.pg);
	r.pg = result_of(1184, "\x7f\xff\xff\xff\xff\xff\xff\xff", 8); /* infinity */
	assert_int_equal(db_get_time_us(&r, 0, 0), INT64_MAX);
	PQclear(r.pg);
	r.pg = result_of(25, NULL, -1);
	assert_true(db_is_null(&r, 0, 0));
	assert_int_equal(db_get_i64(&r, 0, 0), 0);
	assert_null(db_get_slice(&r, 0, 0).p);
	assert_false(db_get_bool(&r, 0, 0));
	assert_true(uuid_is_nil(db_get_uuid(&r, 0, 0)));
	PQclear(r.pg);
}

/* What params.c writes, result.c reads. */
static void
test_array_round_trip(void **state)
{
	struct arena *a = arena_new(0);
	struct db_params *p = params_of(a, DB_INT8_ARRAY);
	struct db_arr *arr = db_p_array(p, DB_INT8, 3);
	struct db_result r;
	struct db_array_it it;
	struct slice e;
	const char *value;
	int length;

	(void)state;
	db_arr_i64(arr, 5);
	db_arr_null(arr);
	db_arr_i64(arr, -6);
	db_params_get(p, 0, &value, &length);
	r.pg = result_of(1016, value, length);
	it = db_get_array(&r, 0, 0);
	assert_int_equal(it.left, 3);
	assert_true(db_array_next(&it, &e));
	assert_int_equal(db_wire_i64(e), 5);
	assert_true(db_array_next(&it, &e));
	assert_null(e.p);
	assert_true(db_array_next(&it, &e));
	assert_int_equal(db_wire_i64(e), -6);
	assert_false(db_array_next(&it, &e));
	PQclear(r.pg);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_values),    cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_array_grows),      cmocka_unit_test(test_results),
		cmocka_unit_test(test_array_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
