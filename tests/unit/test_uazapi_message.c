/* test_uazapi_message.c - UAZAPI's "messages" event: every messageType of contracts/uazapi.md
 * section 10.2, who is who by direction, and what older builds leave out.
 */
#include "provider/uazapi_message.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "fact_line.h"
#include "uazapi_vectors.h"

static const struct hook_case {
	const char *file, *line;
} hook_cases[] = {
	{"hook_echo_api",
	 "message id=3EB0AAAABBBBCCCC0009 chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 own-api ref=0192f0aa-7000-7000-8000-000000000001 type=text text=Your "
	 "order 881 left the store status=sent at=1791000000000000"},
	{"hook_echo_phone",
	 "message id=3A00000000000000BB chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 own-app type=text text=On my way at=1791000000000000"},
	{"hook_echo_phone_lid",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 own-app type=text text=On my way at=1791000000000000"},
	{"hook_message_audio", "message id=3A0000000000000000AA chat=5511900000002@c.us "
			       "lid=210000000000002@lid phone=5511900000002 name=Rui type=audio "
			       "text= file mime=audio/mpeg secs=61 at=1791000000000000"},
	{"hook_message_button_choice",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=text text=Other day choice=later "
	 "quoted=3EB0AAAABBBBCCCC0009 at=1791000000000000"},
	{"hook_message_contact",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=contact text=Rita: +55 11 90000-0003 vcard=41 "
	 "at=1791000000000000"},
	{"hook_message_contacts",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=contact text= vcard=21 vcard=26 at=1791000000000000"},
	{"hook_message_document",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=document text=Invoice 881 file "
	 "file-name=invoice-881.pdf mime=application/pdf size=4096 at=1791000000000000"},
	{"hook_message_edited",
	 "edited id=3A0000000000000000AB target=3A0000000000000000AA chat=5511900000002@c.us "
	 "lid=210000000000002@lid phone=5511900000002 name=Rui text=Is it open on Monday? "
	 "at=1791000000000000"},
	{"hook_message_extended",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=text text=See https://example.net at=1791000000000000"},
	{"hook_message_gif", "message id=3A0000000000000000AA chat=5511900000002@c.us "
			     "lid=210000000000002@lid phone=5511900000002 name=Rui type=video "
			     "text= file mime=video/mp4 size=1000 secs=2 at=1791000000000000"},
	{"hook_message_group",
	 "message id=3A0000000000000000AA chat=120363000000000001@g.us part=5511900000005@c.us "
	 "lid=210000000000005@lid phone=5511900000005 name=Rita group type=text text=Is it open "
	 "today? at=1791000000000000"},
	{"hook_message_group_lid", "message id=3A0000000000000000AA chat=120363000000000001@g.us "
				   "part=210000000000005@lid lid=210000000000005@lid name=Rui "
				   "group type=text text=Is it open today? at=1791000000000000"},
	{"hook_message_image", "message id=3A0000000000000000AA chat=5511900000002@c.us "
			       "lid=210000000000002@lid phone=5511900000002 name=Rui type=image "
			       "text=The door file mime=image/jpeg size=20480 at=1791000000000000"},
	{"hook_message_lid_chat_phone",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=text text=Is it open today? at=1791000000000000"},
	{"hook_message_lid_only",
	 "message id=3A0000000000000000AA chat=210000000000002@lid lid=210000000000002@lid "
	 "name=Rui type=text text=Is it open today? at=1791000000000000"},
	{"hook_message_list_choice",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=text text=Sales choice=dep_sales "
	 "quoted=3EB0AAAABBBBCCCC0009 at=1791000000000000"},
	{"hook_message_location",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=location text= place=-23.55,-46.63 place-name=Store 3 "
	 "place-address=Rua A, 1 at=1791000000000000"},
	{"hook_message_old_build",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us phone=5511900000002 name=Rui "
	 "type=text text=Is it open today? at=1791000000000000"},
	{"hook_message_poll",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=text text=Delivery time? at=1791000000000000"},
	{"hook_message_poll_vote",
	 "poll id=3A0000000000000000AA target=3EB0AAAABBBBCCCC0009 chat=5511900000002@c.us "
	 "lid=210000000000002@lid phone=5511900000002 name=Rui "
	 "text=[\"Morning\",\"Late\",\"very\"] quoted=3EB0AAAABBBBCCCC0009 word=vote "
	 "at=1791000000000000"},
	{"hook_message_quoted_context",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=text text=Yes quoted=3EB0AAAABBBBCCCC0009 "
	 "at=1791000000000000"},
	{"hook_message_quoted_object",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=text text=Yes quoted=3EB0AAAABBBBCCCC0009 "
	 "at=1791000000000000"},
	{"hook_message_reaction",
	 "reaction id=3A0000000000000000AA target=3EB0AAAABBBBCCCC0009 chat=5511900000002@c.us "
	 "lid=210000000000002@lid phone=5511900000002 name=Rui text=👍 at=1791000000000000"},
	{"hook_message_reaction_removed",
	 "reaction id=3A0000000000000000AA target=3EB0AAAABBBBCCCC0009 chat=5511900000002@c.us "
	 "lid=210000000000002@lid phone=5511900000002 name=Rui text= at=1791000000000000"},
	{"hook_message_sticker", "message id=3A0000000000000000AA chat=5511900000002@c.us "
				 "lid=210000000000002@lid phone=5511900000002 name=Rui "
				 "type=sticker text= file mime=image/webp at=1791000000000000"},
	{"hook_message_text",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=text text=Is it open today? at=1791000000000000"},
	{"hook_message_unknown",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=unsupported text= at=1791000000000000"},
	{"hook_message_video", "message id=3A0000000000000000AA chat=5511900000002@c.us "
			       "lid=210000000000002@lid phone=5511900000002 name=Rui type=video "
			       "text= file mime=video/mp4 size=90210 secs=12 at=1791000000000000"},
	{"hook_message_voice",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=audio text= file mime=audio/ogg; codecs=opus "
	 "size=12345 secs=7 at=1791000000000000"},
};

static void
test_hooks(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(hook_cases); i++) {
		struct provider_event ev;
		struct buf b;

		assert_int_equal(
			uazapi_parse_event(vector_read(a, hook_cases[i].file), a, &ev, NULL),
			GH_OK);
		assert_int_equal(ev.fact_count, 1);
		buf_init(&b, a, 4096);
		fact_line_add(&b, ev.fact);
		if (!slice_eq(buf_slice(&b), slice_of(hook_cases[i].line)))
			fail_msg("%s\n got  %s\n want %s", hook_cases[i].file, buf_cstr(&b),
				 hook_cases[i].line);
		/* The object itself, without the token beside it. */
		assert_true(slice_starts(ev.fact->raw, S("{\"id\":")));
		assert_null(memmem(ev.fact->raw.p, ev.fact->raw.n, "token", 5));
	}
	arena_free(a);
}

static void
read_with(struct arena *a, const char *members, struct provider_fact *f)
{
	const struct json *message = NULL;
	const char *text = arena_printf(a,
					"{\"messageid\":\"3A01\",\"chatid\":"
					"\"5511900000002@s.whatsapp.net\",%s}",
					members);

	assert_int_equal(json_parse(slice_of(text), a, &message, NULL, NULL), GH_OK);
	translate_fact_init(f);
	uazapi_read_hook_message(message, NULL, f, a);
}

/* Only what our own API call carried is a reference; of an absurd length it is none. */
static void
test_send_ref(void **state GH_UNUSED)
{
	static const struct {
		const char *members, *ref;
	} cases[] = {
		{"\"fromMe\":true,\"wasSentByApi\":true,\"track_id\":\"r1\"", "r1"},
		{"\"fromMe\":\"True\",\"wasSentByApi\":\"True\",\"track_id\":\"r1\"", "r1"},
		{"\"fromMe\":true,\"wasSentByApi\":true,\"track_id\":\"\"", NULL},
		{"\"fromMe\":true,\"wasSentByApi\":true,\"track_id\":7", NULL},
		{"\"fromMe\":true,\"wasSentByApi\":true,\"track_id\":"
		 "\"0123456789012345678901234567890123456789012345678901234567890123\"",
		 NULL},
		{"\"fromMe\":true,\"wasSentByApi\":false,\"track_id\":\"r1\"", NULL},
		{"\"fromMe\":false,\"wasSentByApi\":true,\"track_id\":\"r1\"", NULL},
		{"\"track_id\":\"r1\"", NULL},
	};
	struct arena *a = arena_new(0);
	struct provider_fact f;

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		read_with(a, cases[i].members, &f);
		assert_true(slice_eq(f.send_ref, slice_of(cases[i].ref)));
	}
	arena_free(a);
}

/* The status of an own message; one of a contact has none. */
static void
test_status(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_fact f;

	read_with(a, "\"fromMe\":true,\"status\":\"Delivered\"", &f);
	assert_true(f.has_status && f.status == MSG_DELIVERED);
	read_with(a, "\"fromMe\":true,\"status\":\"failed\"", &f);
	assert_true(f.has_status && f.status == MSG_FAILED);
	read_with(a, "\"fromMe\":true,\"status\":\"Queued\"", &f);
	assert_false(f.has_status);
	read_with(a, "\"fromMe\":false,\"status\":\"Read\"", &f);
	assert_false(f.has_status);
	arena_free(a);
}

static void
test_poll_choices(void **state GH_UNUSED)
{
	static const struct {
		const char *vote, *want;
	} cases[] = {
		{"", "[]"},
		{"Morning", "[\"Morning\"]"},
		{"Morning, Afternoon", "[\"Morning\",\"Afternoon\"]"},
		{"a,b, \"c\"", "[\"a,b\",\"\\\"c\\\"\"]"},
		{", ", "[\"\"]"},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++)
		assert_true(slice_eq(poll_choices(slice_of(cases[i].vote), a),
				     slice_of(cases[i].want)));
	arena_free(a);
}

/* Any key may be of any type. */
static void
test_tolerance(void **state GH_UNUSED)
{
	static const struct {
		const char *members;
		enum provider_fact_kind kind;
		enum msg_kind message_kind;
	} cases[] = {
		{"\"content\":7,\"text\":[],\"messageType\":\"ImageMessage\"",
		 PROVIDER_FACT_MESSAGE, MSG_IMAGE},
		{"\"content\":[],\"quoted\":[1],\"messageType\":\"DocumentMessage\"",
		 PROVIDER_FACT_MESSAGE, MSG_DOCUMENT},
		{"\"content\":{\"degreesLatitude\":\"x\",\"degreesLongitude\":900},"
		 "\"messageType\":\"LocationMessage\"",
		 PROVIDER_FACT_MESSAGE, MSG_LOCATION},
		{"\"content\":{\"contacts\":[7,[],{\"vcard\":7}]},"
		 "\"messageType\":\"ContactsArrayMessage\"",
		 PROVIDER_FACT_MESSAGE, MSG_CONTACT},
		{"\"messageType\":7,\"type\":\"text\",\"text\":\"x\"", PROVIDER_FACT_MESSAGE,
		 MSG_TEXT},
		{"\"messageType\":7,\"type\":\"text\"", PROVIDER_FACT_MESSAGE, MSG_UNSUPPORTED},
		{"\"messageType\":\"ReactionMessage\",\"reaction\":{},\"content\":{\"key\":7}",
		 PROVIDER_FACT_REACTION, MSG_REACTION},
		{"\"messageType\":\"PollUpdateMessage\",\"vote\":{},\"quoted\":null",
		 PROVIDER_FACT_POLL, MSG_UNSUPPORTED},
		{"\"owner\":{},\"sender\":[],\"sender_pn\":7,\"messageTimestamp\":\"soon\"",
		 PROVIDER_FACT_MESSAGE, MSG_UNSUPPORTED},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_fact f;

		read_with(a, cases[i].members, &f);
		assert_int_equal(f.kind, cases[i].kind);
		assert_int_equal(f.message_kind, cases[i].message_kind);
		assert_false(f.place.is_present);
		assert_true(slice_eq(f.chat, S("5511900000002@c.us")));
		assert_true(f.at_us == 0);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hooks),     cmocka_unit_test(test_send_ref),
		cmocka_unit_test(test_status),    cmocka_unit_test(test_poll_choices),
		cmocka_unit_test(test_tolerance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
