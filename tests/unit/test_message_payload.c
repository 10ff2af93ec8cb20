/* test_message_payload.c - the exact JSON of a send's payload, and that reading gives it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "http/json.h"
#include "model/message_payload.c"

#define L(text)                                                                                    \
	{                                                                                          \
		"" text, sizeof(text) - 1                                                          \
	}

static const struct slice mentions[] = {L("5511900000002@c.us"), L("all")};
static const struct slice choices[] = {L("[Main]"), L("Sales|s|Prices")};

static const struct {
	const char *name;
	struct message_payload in;
	const char *text; /* NULL: no payload */
} cases[] = {
	{"nothing", {0}, NULL},
	{"place",
	 {.has_place = true,
	  .place = {.latitude = -23.55, .longitude = 0, .name = L("Loja \"3\"")}},
	 "{\"place\":{\"latitude\":-23.55,\"longitude\":0,\"name\":\"Loja \\\"3\\\"\"}}"},
	{"contact",
	 {.has_contact = true,
	  .contact = {.name = L("Rita"), .phone = L("5511"), .url = L("https://x.example")}},
	 "{\"contact\":{\"name\":\"Rita\",\"phone\":\"5511\",\"url\":\"https://x.example\"}}"},
	{"vcard",
	 {.has_contact = true, .contact = {.vcard = L("BEGIN:VCARD\nEND:VCARD")}},
	 "{\"contact\":{\"vcard\":\"BEGIN:VCARD\\nEND:VCARD\"}}"},
	{"stored voice note",
	 {.file = {.mime_type = L("audio/ogg"),
		   .name = L("a.ogg"),
		   .media_id = {{0x01, 0x9a, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1}}},
	  .is_voice = true},
	 "{\"file\":{\"mime_type\":\"audio/ogg\",\"name\":\"a.ogg\","
	 "\"media_id\":\"019a0000-0000-7000-8000-000000000001\"},\"voice\":true}"},
	{"text with everything",
	 {.mentions = mentions,
	  .mention_count = 2,
	  .has_link_preview = true,
	  .delay_ms = 1500,
	  .track_source = L("crm")},
	 "{\"mentions\":[\"5511900000002@c.us\",\"all\"],\"link_preview\":false,"
	 "\"delay_ms\":1500,\"track_source\":\"crm\"}"},
	{"menu",
	 {.menu = {.type = MESSAGE_MENU_LIST,
		   .text = L("Departments"),
		   .choices = choices,
		   .choice_count = 2,
		   .footer = L("Acme"),
		   .button = L("Open"),
		   .selectable_count = 1}},
	 "{\"menu\":{\"type\":\"list\",\"text\":\"Departments\","
	 "\"choices\":[\"[Main]\",\"Sales|s|Prices\"],\"footer\":\"Acme\",\"button\":\"Open\","
	 "\"selectable_count\":1}}"},
};

static void
test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct arena *a = arena_new(0);
		struct slice text = message_payload_write(&cases[i].in, a), again;
		struct message_payload back;

		if (!slice_eq(text, slice_of(cases[i].text)))
			fail_msg("%s: %.*s", cases[i].name, S_FMT(text));
		assert_int_equal(message_payload_read(text, a, &back), GH_OK);
		again = message_payload_write(&back, a);
		if (!slice_eq(text, again))
			fail_msg("%s came back as: %.*s", cases[i].name, S_FMT(again));
		arena_free(a);
	}
}

/* What the database gives back has another member order and spacing (jsonb). */
static void
test_read_jsonb(void **state)
{
	struct arena *a = arena_new(0);
	struct message_payload p;

	(void)state;
	assert_int_equal(message_payload_read(S("{\"file\": {\"name\": \"a\", \"mime_type\": "
						"\"image/png\"}, \"delay_ms\": 5, \"new\": [1]}"),
					      a, &p),
			 GH_OK);
	assert_true(slice_eq(p.file.mime_type, S("image/png")));
	assert_true(uuid_is_nil(p.file.media_id));
	assert_int_equal(p.delay_ms, 5);
	assert_false(p.has_place || p.has_contact || p.has_link_preview || p.is_voice);
	arena_free(a);
}

static void
test_read_bad(void **state)
{
	static const char *const texts[] = {"", "[]", "null", "{\"a\":1", "{} {}"};
	struct arena *a = arena_new(0);
	struct message_payload p;

	(void)state;
	for (size_t i = 0; i < GH_COUNT(texts); i++)
		assert_int_equal(message_payload_read(slice_of(texts[i]), a, &p), GH_EINVAL);
	/* Another type than expected: as if it were absent, never a crash. */
	assert_int_equal(message_payload_read(S("{\"place\":1,\"contact\":[],\"file\":\"x\","
						"\"mentions\":{\"a\":1},\"menu\":{\"type\":7},"
						"\"link_preview\":\"yes\",\"delay_ms\":\"1\"}"),
					      a, &p),
			 GH_OK);
	assert_false(p.has_place || p.has_contact || p.has_link_preview);
	assert_int_equal(p.mention_count + p.delay_ms + p.menu.type, 0);
	assert_null(p.file.mime_type.p);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_read_jsonb),
		cmocka_unit_test(test_read_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
