/* test_uuid.c - layout, order under every behaviour of the clock, the clamp, text. */
#include "base/uuid.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define T0     (INT64_C(1700000000) * CLOCK_SEC)
#define MINUTE (60 * CLOCK_SEC)

static int
reset_generator(void **unused)
{
	(void)unused;
	state.tick = 0;
	state.counter = 0;
	state.limit_us = CLOCK_TRUSTED_US;
	return 0;
}

static int
thaw(void **unused)
{
	(void)unused;
	clock_thaw();
	return 0;
}

/* RFC 9562 appendix A.6: the 62 bits of rand_b are our counter (8) and random part (54). */
static void
matches_rfc_vector(void **unused)
{
	uint64_t rand_b = UINT64_C(0x18C4DC0C0C07398F);
	struct uuid id = uuid7_make(UINT64_C(0x017F22E279B0) << 12 | 0xCC3,
				    (unsigned)(rand_b >> RANDOM_BITS), rand_b);
	char text[UUID_TEXT_SIZE];

	(void)unused;
	assert_string_equal(uuid_text(id, text), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
	assert_int_equal(uuid7_time_us(id), INT64_C(1645557742000) * 1000);
}

static void
encodes_the_fraction(void **unused)
{
	struct uuid id;

	(void)unused;
	clock_freeze(T0 + 456, 0); /* floor(0.456 * 4096) = 1867 = 0x74b */
	id = uuid7_new();
	assert_int_equal(id.b[6], 0x77);
	assert_int_equal(id.b[7], 0x4b);
	assert_int_equal(id.b[8] & 0xC0, 0x80);
	assert_int_equal(uuid7_time_us(id), T0);
}

static void
increases_on_a_frozen_clock(void **unused)
{
	struct uuid last, id;

	(void)unused;
	clock_freeze(T0, 0);
	last = uuid7_new();
	for (unsigned i = 0; i < 20000; i++, last = id) {
		id = uuid7_new();
		assert_true(uuid_cmp(id, last) > 0);
		assert_int_equal(id.b[6] >> 4, 7);
		assert_int_equal(id.b[8] >> 6, 2);
	}
	/* 20001 ids spend 79 ticks of 244 ns: still in the same millisecond. */
	assert_int_equal(uuid7_time_us(last), T0);
}

static void
increases_across_the_millisecond(void **unused)
{
	struct uuid last, id;

	(void)unused;
	clock_freeze(T0 + 999, 0);
	last = uuid7_new();
	for (unsigned i = 0; i < 2000; i++, last = id) {
		id = uuid7_new();
		assert_true(uuid_cmp(id, last) > 0);
	}
	assert_int_equal(uuid7_time_us(last), T0 + 1000);
}

static void
increases_when_the_clock_steps_back(void **unused)
{
	struct uuid last, id;

	(void)unused;
	clock_freeze(T0, 0);
	last = uuid7_new();
	for (int i = 1; i < 1000; i++, last = id) {
		clock_freeze(T0 - i * CLOCK_SEC, i);
		id = uuid7_new();
		assert_true(uuid_cmp(id, last) > 0);
	}
	assert_int_equal(uuid7_time_us(last), T0);
	clock_freeze(T0 + MINUTE, 0);
	assert_int_equal(uuid7_time_us(uuid7_new()), T0 + MINUTE);
}

static void
increases_on_the_real_clock(void **unused)
{
	struct uuid last = uuid7_new(), id;

	(void)unused;
	for (unsigned i = 0; i < 20000; i++, last = id) {
		id = uuid7_new();
		assert_true(uuid_cmp(id, last) > 0);
	}
}

static void
clamps_to_the_database(void **unused)
{
	static const struct {
		int64_t offset_us, expected_us;
	} cases[] = {
		{0, T0},
		{30 * CLOCK_SEC, T0}, /* within the limit: the local clock */
		{-30 * CLOCK_SEC, T0},
		{10 * MINUTE, T0 + 9 * MINUTE},  /* local clock late */
		{-10 * MINUTE, T0 - 9 * MINUTE}, /* local clock early */
		{MINUTE, T0},
		{MINUTE + CLOCK_MS, T0 + CLOCK_MS},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		reset_generator(unused);
		clock_freeze(T0, 5);
		uuid7_set_clock(cases[i].offset_us, MINUTE);
		assert_int_equal(uuid7_time_us(uuid7_new()), cases[i].expected_us);
	}
}

static void
keeps_limit_and_order_after_steps(void **unused)
{
	struct uuid before, after;

	(void)unused;
	clock_freeze(T0, 0);
	uuid7_set_clock(0, MINUTE);
	before = uuid7_new();
	/* Forward by a day: the ids stop at the limit, and the database's time moves on. */
	clock_freeze(T0 + 1440 * MINUTE, CLOCK_SEC);
	after = uuid7_new();
	assert_int_equal(uuid7_time_us(after), T0 + CLOCK_SEC + MINUTE);
	assert_true(uuid_cmp(after, before) > 0);
	/* Back by a day: the order holds. */
	before = after;
	clock_freeze(T0 - 1440 * MINUTE, 2 * CLOCK_SEC);
	after = uuid7_new();
	assert_true(uuid_cmp(after, before) > 0);
	assert_int_equal(uuid7_time_us(after), T0 + CLOCK_SEC + MINUTE);
}

static void
measurement_ends_ids_of_the_future(void **unused)
{
	struct uuid wrong, right, next;

	(void)unused;
	clock_freeze(T0 + 1440 * MINUTE, 0); /* a day ahead, nobody knows yet */
	wrong = uuid7_new();
	uuid7_set_clock(-1440 * MINUTE, MINUTE);
	right = uuid7_new();
	next = uuid7_new();
	assert_true(uuid_cmp(right, wrong) < 0);
	assert_int_equal(uuid7_time_us(right), T0 + MINUTE);
	assert_true(uuid_cmp(next, right) > 0);
	/* A measurement that confirms the clock changes nothing. */
	clock_freeze(T0 + MINUTE, MINUTE);
	uuid7_set_clock(0, MINUTE);
	assert_true(uuid_cmp(uuid7_new(), next) > 0);
}

static void
survives_extreme_clocks(void **unused)
{
	struct uuid last;

	clock_freeze(-5, 0);
	assert_int_equal(uuid7_time_us(uuid7_new()), 0);
	uuid7_set_clock(INT64_MAX, INT64_MAX);
	uuid7_new();
	uuid7_set_clock(INT64_MIN, 0);
	uuid7_new();
	reset_generator(unused);
	clock_freeze(INT64_MAX, 0);
	last = uuid7_new();
	for (unsigned i = 0; i < 1000; i++) /* no tick is left: only the form holds */
		last = uuid7_new();
	assert_int_equal(last.b[0], 0xFF);
	assert_int_equal(last.b[6] >> 4, 7);
}

static void
floor_bounds_new_ids(void **unused)
{
	char text[UUID_TEXT_SIZE];

	(void)unused;
	clock_freeze(T0 + 777, 0);
	assert_true(uuid_cmp(uuid7_floor(T0 + 777), uuid7_new()) <= 0);
	assert_true(uuid_cmp(uuid7_floor(T0 + 1000), uuid7_new()) > 0);
	assert_string_equal(uuid_text(uuid7_floor(T0), text),
			    "018bcfe5-6800-7000-8000-000000000000");
}

static void
version_4_form(void **unused)
{
	struct uuid a = uuid4_new(), b = uuid4_new();

	(void)unused;
	assert_int_equal(a.b[6] >> 4, 4);
	assert_int_equal(a.b[8] >> 6, 2);
	assert_false(uuid_eq(a, b));
	assert_true(uuid_eq(a, a));
	assert_false(uuid_is_nil(a));
	assert_true(uuid_is_nil((struct uuid){{0}}));
}

static void
text_form(void **unused)
{
	static const char *const bad[] = {
		"",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
		"017f22e279b07cc398c4dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
		"017f22e2079b0-7cc3-98c4-dc0c0c07398f",
		"{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
		"017f22e2-79b0-7cc3-98c4-dc0c0c0739 f",
		"-17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
	};
	struct uuid id, kept = {{9}};
	char text[UUID_TEXT_SIZE];

	(void)unused;
	assert_int_equal(uuid_parse(S("017F22E2-79b0-7CC3-98C4-DC0C0C07398F"), &id), GH_OK);
	assert_string_equal(uuid_text(id, text), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
	id = kept;
	for (size_t i = 0; i < GH_COUNT(bad); i++) {
		if (uuid_parse(slice_of(bad[i]), &id) != GH_EINVAL || !uuid_eq(id, kept))
			fail_msg("\"%s\" was accepted", bad[i]);
	}
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, reset_generator, thaw)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(matches_rfc_vector),
		CASE(encodes_the_fraction),
		CASE(increases_on_a_frozen_clock),
		CASE(increases_across_the_millisecond),
		CASE(increases_when_the_clock_steps_back),
		CASE(increases_on_the_real_clock),
		CASE(clamps_to_the_database),
		CASE(keeps_limit_and_order_after_steps),
		CASE(measurement_ends_ids_of_the_future),
		CASE(survives_extreme_clocks),
		CASE(floor_bounds_new_ids),
		CASE(version_4_form),
		CASE(text_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
