/* test_dialect.c - ids, times and kinds as UAZAPI writes them (contracts/uazapi.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/dialect.c"
#include "model/dialect_content.h"
#include "model/message_payload.h"

#define assert_slice(s, text) assert_true(slice_eq((s), slice_of(text)))

static void
test_ids(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	assert_slice(dialect_jid(S("5511900000002@c.us"), a), "5511900000002@s.whatsapp.net");
	assert_slice(dialect_jid(S("210000000000002@lid"), a), "210000000000002@lid");
	assert_slice(dialect_jid(S("120363000000000001@g.us"), a), "120363000000000001@g.us");
	assert_slice(dialect_jid(SLICE_NONE, a), "");
	assert_slice(dialect_owner(S("+55 11 90000-0001"), a), "5511900000001");
	assert_slice(dialect_owner(S("5511900000001@c.us"), a), "5511900000001");
	assert_slice(dialect_owner(SLICE_NONE, a), "");
	assert_slice(dialect_full_id(S("5511900000001"), S("3EB0A"), a), "5511900000001:3EB0A");
	arena_free(a);
}

static void
test_bare_ids(void **state)
{
	static const struct {
		const char *id, *bare;
	} cases[] = {
		{"5511900000001:3EB0AAAABBBBCCCC0009", "3EB0AAAABBBBCCCC0009"},
		{"3EB0AAAABBBBCCCC0009", "3EB0AAAABBBBCCCC0009"},
		{"0192f0aa-7000-7000-8000-000000000001", "0192f0aa-7000-7000-8000-000000000001"},
		{"5511900000001:0192f0aa-7000-7000-8000-000000000001",
		 "0192f0aa-7000-7000-8000-000000000001"},
		{"true_5511900000002@c.us_3EB0:1", "true_5511900000002@c.us_3EB0:1"},
		{"5511:", "5511:"},
		{":3EB0", ":3EB0"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++)
		assert_slice(dialect_bare_id(slice_of(cases[i].id)), cases[i].bare);
}

static void
test_times(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	assert_slice(dialect_time(INT64_C(1791201600000000), a), "2026-10-05 12:00:00.000Z");
	assert_slice(dialect_time(0, a), "");
	arena_free(a);
}

static void
test_instance_ids(void **state)
{
	static const char *const wrong[] = {"",
					    "0",
					    "-1",
					    "r0000000000000",
					    "2147483648",
					    "r00000000000000",
					    "r0000000000000g",
					    "r00000080000000",
					    "R0000000000002a"};
	char text[DIALECT_ID_SIZE];
	int32_t id = 0;

	(void)state;
	assert_string_equal(dialect_instance_id(42, text), "r0000000000002a");
	assert_int_equal(dialect_instance_id_parse(slice_of(text), &id), GH_OK);
	assert_int_equal(id, 42);
	assert_string_equal(dialect_instance_id(INT32_MAX, text), "r0000007fffffff");
	assert_int_equal(dialect_instance_id_parse(slice_of(text), &id), GH_OK);
	assert_int_equal(id, INT32_MAX);
	assert_int_equal(dialect_instance_id_parse(S("7"), &id), GH_OK);
	assert_int_equal(id, 7);
	for (size_t i = 0; i < GH_COUNT(wrong); i++)
		assert_int_equal(dialect_instance_id_parse(slice_of(wrong[i]), &id), GH_EINVAL);
}

static void
test_kinds(void **state)
{
	(void)state;
	assert_string_equal(dialect_message_type(MSG_TEXT), "ExtendedTextMessage");
	assert_string_equal(dialect_message_type(MSG_CONTACT), "ContactMessage");
	assert_string_equal(dialect_type(MSG_REACTION), "reaction");
	assert_string_equal(dialect_media_type(MSG_AUDIO, true), "ptt");
	assert_string_equal(dialect_media_type(MSG_AUDIO, false), "audio");
	assert_string_equal(dialect_media_type(MSG_TEXT, true), "");
	for (int kind = -1; kind <= MSG_KIND_COUNT; kind++)
		assert_true(dialect_message_type(kind)[0] != '\0' && dialect_type(kind)[0] != '\0');
}

/* A place that is not known is not the one at 0, 0. */
static void
test_places(void **state)
{
	struct message_payload there = {.has_place = true, .place = {.latitude = -23.5}};
	const struct message_payload none = {.has_place = false};
	struct arena *a = arena_new(0);

	(void)state;
	assert_slice(dialect_content(MSG_LOCATION, SLICE_NONE, SLICE_NONE, &there, a),
		     "{\"degreesLatitude\":-23.5,\"degreesLongitude\":0,\"name\":\"\","
		     "\"address\":\"\",\"contextInfo\":{}}");
	assert_slice(dialect_content(MSG_LOCATION, SLICE_NONE, SLICE_NONE, &none, a),
		     "{\"name\":\"\",\"address\":\"\",\"contextInfo\":{}}");
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),   cmocka_unit_test(test_bare_ids),
		cmocka_unit_test(test_times), cmocka_unit_test(test_instance_ids),
		cmocka_unit_test(test_kinds), cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
