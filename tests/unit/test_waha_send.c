/* test_waha_send.c - what WAHA is asked to send, against the contract's own examples
 * (contracts/waha.md section 5, kept in tests/vectors/waha).
 */
#include "provider/waha_send.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "waha_vectors.h"

#define CHAT  "5511900000002@c.us"
#define GROUP "120363000000000001@g.us"
#define REF   "3EB0C0FFEE0000000001"

static const struct uuid stored = {{1, 2, 3, 4}};

static enum gh_code
build(struct arena *a, const char *engine, const struct provider_send *m,
      struct provider_request *out)
{
	struct provider_server *server = arena_alloc(a, sizeof(*server));
	struct provider_call call = {.op = PROVIDER_OP_SEND, .session = S("acme_01"), .send = m};

	server->base_url = S("http://waha");
	server->engine = slice_of(engine);
	*out = (struct provider_request){0};
	return waha_build_send(server, &call, a, out, NULL);
}

/* The body as it leaves, the file's bytes in their place. */
static struct slice
whole_body(struct arena *a, const struct provider_request *r)
{
	if (!r->has_file)
		return r->body;
	return slice_of(
		arena_printf(a, "%.*sJVBERi0xLjQK%.*s", S_FMT(r->body), S_FMT(r->body_tail)));
}

static const struct slice list_choices[] = {
	{"[Main]", 6}, {"Sales|dep_sales|Prices", 22}, {"Support|dep_sup", 15}};
static const struct slice poll_choices[] = {{"Morning", 7}, {"Afternoon", 9}};

static const struct message_payload
	pdf = {.file = {.mime_type = {"application/pdf", 15}, .name = {"invoice-881.pdf", 15}}},
	pdf_stored = {.file = {.mime_type = {"application/pdf", 15},
			       .name = {"offer.pdf", 9},
			       .media_id = {{1, 2, 3, 4}}}},
	jpeg = {.file = {.mime_type = {"image/jpeg", 10}, .name = {"menu.jpg", 8}}},
	mp3 = {.file = {.mime_type = {"audio/mpeg", 10}}},
	place = {.has_place = true,
		 .place = {.latitude = -23.55, .longitude = -46.63, .name = {"Store 3", 7}}},
	contact = {.has_contact = true,
		   .contact = {.name = {"Rita Sales", 10},
			       .phone = {"5511900000003", 13},
			       .organization = {"Acme", 4}}},
	list = {.menu = {.type = MESSAGE_MENU_LIST,
			 .text = {"Pick one", 8},
			 .choices = list_choices,
			 .choice_count = 3,
			 .footer = {"Acme", 4},
			 .button = {"Open", 4}}},
	poll = {.menu = {.type = MESSAGE_MENU_POLL,
			 .text = {"Delivery time?", 14},
			 .choices = poll_choices,
			 .choice_count = 2,
			 .selectable_count = 1}},
	vcard = {.has_contact = true,
		 .contact = {.vcard = {"BEGIN:VCARD\nVERSION:3.0\nFN:Leo Desk\nTEL;type=CELL;waid="
				       "5511900000004:+55 11 90000-0004\nEND:VCARD",
				       96}}};

/* The requests of the contract. */
static const struct example {
	const char *file, *url;
	enum msg_kind kind;
	const struct message_payload *payload;
	const char *content, *media_url;
} examples[] = {
	{"request_send_image", "http://waha/api/sendImage", MSG_IMAGE, &jpeg, NULL,
	 "https://files.example.net/menu.jpg"},
	{"request_send_file", "http://waha/api/sendFile", MSG_DOCUMENT, &pdf, "Invoice 881",
	 "https://files.example.net/i/881"},
	{"request_send_stored", "http://waha/api/sendFile", MSG_DOCUMENT, &pdf_stored, NULL, NULL},
	{"request_send_voice", "http://waha/api/sendVoice", MSG_AUDIO, &mp3, NULL,
	 "https://files.example.net/a/7.mp3"},
	{"request_send_location", "http://waha/api/sendLocation", MSG_LOCATION, &place, NULL, NULL},
	{"request_send_contact", "http://waha/api/sendContactVcard", MSG_CONTACT, &contact, NULL,
	 NULL},
	{"request_send_vcard", "http://waha/api/sendContactVcard", MSG_CONTACT, &vcard, NULL, NULL},
	{"request_send_list", "http://waha/api/sendList", MSG_TEXT, &list, "Pick one 1. Sales",
	 NULL},
	{"request_send_poll", "http://waha/api/sendPoll", MSG_TEXT, &poll, "Delivery time? 1. M",
	 NULL},
};

static void
test_examples(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(examples); i++) {
		const struct example *e = &examples[i];
		const struct provider_send m = {.kind = e->kind,
						.chat = S(CHAT),
						.content = slice_of(e->content),
						.media_url = slice_of(e->media_url),
						.payload = e->payload};
		struct provider_request r;
		const struct json *ours;

		assert_int_equal(build(a, "GOWS", &m, &r), GH_OK);
		assert_true(slice_eq(r.url, slice_of(e->url)));
		assert_int_equal(r.has_file, !uuid_is_nil(e->payload->file.media_id));
		assert_int_equal(json_parse(whole_body(a, &r), a, &ours, NULL, NULL), GH_OK);
		if (!same(ours, text_json(a, vector_read(a, e->file))))
			fail_msg("%s: %.*s", e->file, S_FMT(r.body));
	}
	arena_free(a);
}

static const struct slice many_choices[13] = {{"1", 1}, {"2", 1}, {"3", 1}, {"4", 1}, {"5", 1},
					      {"6", 1}, {"7", 1}, {"8", 1}, {"9", 1}, {"a", 1},
					      {"b", 1}, {"c", 1}, {"d", 1}};
#define POLL_OF(n)                                                                                 \
	{                                                                                          \
		.menu = {                                                                          \
			.type = MESSAGE_MENU_POLL,                                                 \
			.text = {"q", 1},                                                          \
			.choices = many_choices,                                                   \
			.choice_count = (n)                                                        \
		}                                                                                  \
	}
static const struct message_payload poll_of_1 = POLL_OF(1), poll_of_12 = POLL_OF(12),
				    poll_of_13 = POLL_OF(13);

/* Which requests name the message by its reference (section 5, section 13). */
static void
test_carries_ref(void **state GH_UNUSED)
{
	static const struct {
		const char *engine, *chat;
		const struct message_payload *payload;
		enum msg_kind kind;
		bool is_carried;
		const char *path;
	} cases[] = {
		{"GOWS", CHAT, NULL, MSG_TEXT, true, "http://waha/api/sendText"},
		{"NOWEB", CHAT, NULL, MSG_TEXT, true, "http://waha/api/sendText"},
		{"gows", CHAT, NULL, MSG_TEXT, true, "http://waha/api/sendText"},
		/* One that is not known is told, and not relied on. */
		{NULL, CHAT, NULL, MSG_TEXT, false, "http://waha/api/sendText"},
		{"NEW", CHAT, &place, MSG_LOCATION, false, "http://waha/api/sendLocation"},
		{"WEBJS", CHAT, NULL, MSG_TEXT, false, "http://waha/api/sendText"},
		{"WPP", CHAT, &place, MSG_LOCATION, false, "http://waha/api/sendLocation"},
		{"GOWS", CHAT, &place, MSG_LOCATION, true, "http://waha/api/sendLocation"},
		{"GOWS", CHAT, &contact, MSG_CONTACT, true, "http://waha/api/sendContactVcard"},
		{"GOWS", CHAT, &poll, MSG_TEXT, true, "http://waha/api/sendPoll"},
		{"GOWS", GROUP, &poll, MSG_TEXT, true, "http://waha/api/sendPoll"},
		{"GOWS", CHAT, &list, MSG_TEXT, false, "http://waha/api/sendList"},
		/* No lists in groups and on other engines: the numbered text. */
		{"GOWS", GROUP, &list, MSG_TEXT, true, "http://waha/api/sendText"},
		{"WEBJS", CHAT, &list, MSG_TEXT, false, "http://waha/api/sendText"},
		{NULL, CHAT, &list, MSG_TEXT, false, "http://waha/api/sendText"},
		/* What WhatsApp would not show as a poll. */
		{"GOWS", CHAT, &poll_of_1, MSG_TEXT, true, "http://waha/api/sendText"},
		{"GOWS", CHAT, &poll_of_12, MSG_TEXT, true, "http://waha/api/sendPoll"},
		{"GOWS", CHAT, &poll_of_13, MSG_TEXT, true, "http://waha/api/sendText"},
		{"GOWS", CHAT, &jpeg, MSG_IMAGE, false, "http://waha/api/sendImage"},
		{"GOWS", CHAT, &pdf, MSG_DOCUMENT, false, "http://waha/api/sendFile"},
		{"GOWS", CHAT, &mp3, MSG_AUDIO, false, "http://waha/api/sendVoice"},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		bool is_known = cases[i].engine != NULL && strcmp(cases[i].engine, "NEW") != 0;
		const struct provider_send m = {.kind = cases[i].kind,
						.chat = slice_of(cases[i].chat),
						.content = S("x"),
						.send_ref = S(REF),
						.media_url = S("https://x.example/f"),
						.payload = cases[i].payload};
		struct provider_request r;
		const struct json *body;

		assert_int_equal(build(a, cases[i].engine, &m, &r), GH_OK);
		assert_string_equal(arena_cstr(a, r.url), cases[i].path);
		assert_int_equal(r.carries_ref, cases[i].is_carried);
		assert_int_equal(json_parse(r.body, a, &body, NULL, NULL), GH_OK);
		assert_true(slice_eq(json_str(json_get(body, "id")),
				     cases[i].is_carried || !is_known ? S(REF) : SLICE_NONE));
	}
	arena_free(a);
}

/* Where a form was refused, its content goes out. */
static void
test_plain(void **state GH_UNUSED)
{
	static const struct {
		const struct message_payload *payload;
		bool is_form;
	} cases[] = {{&list, true}, {&poll, true}, {NULL, false}};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_send m = {.kind = MSG_TEXT,
					  .chat = S(CHAT),
					  .content = S("x"),
					  .payload = cases[i].payload};
		struct provider_request r;

		assert_int_equal(build(a, "GOWS", &m, &r), GH_OK);
		assert_int_equal(r.is_form, cases[i].is_form);
		m.is_plain = true;
		assert_int_equal(build(a, "GOWS", &m, &r), GH_OK);
		assert_string_equal(arena_cstr(a, r.url), "http://waha/api/sendText");
		assert_false(r.is_form);
	}
	arena_free(a);
}

/* Members that are there only when asked for. */
static void
test_options(void **state GH_UNUSED)
{
	static const struct provider_message_ref quoted = {.bare = {"AA", 2},
							   .chat = {"x@c.us", 6}};
	static const struct slice all[] = {{"all", 3}}, two[] = {{CHAT, 18}, {"5511@c.us", 9}};
	static const struct message_payload
		text = {.mentions = all,
			.mention_count = 1,
			.has_link_preview = true,
			.link_preview = false},
		voice = {.is_voice = true,
			 .file = {.mime_type = {"audio/ogg; codecs=opus", 22}, .media_id = {{1}}}},
		mp4 = {.mentions = two,
		       .mention_count = 2,
		       .file = {.mime_type = {"video/mp4", 9}}},
		avi = {.file = {.mime_type = {"video/x-msvideo", 15}}},
		bare = {.has_place = true, .place = {.latitude = 1, .longitude = 2}},
		where = {.has_place = true,
			 .place = {.name = {"Store 3", 7}, .address = {"Rua A, 1", 8}}},
		several = {.menu = {.type = MESSAGE_MENU_POLL,
				    .text = {"q", 1},
				    .choices = poll_choices,
				    .choice_count = 2}};
	static const struct {
		enum msg_kind kind;
		const struct message_payload *payload;
		const char *has;
	} cases[] = {
		{MSG_TEXT, &text, "\"text\":\"x\",\"linkPreview\":false,\"mentions\":[\"all\"],"},
		{MSG_TEXT, NULL, "\"text\":\"x\",\"reply_to\":\"false_x@c.us_AA\"}"},
		{MSG_AUDIO, &voice, "\"data\":\"JVBERi0xLjQK\"},\"convert\":false,\"reply_to\""},
		{MSG_VIDEO, &mp4,
		 "\"mentions\":[\"" CHAT "\",\"5511@c.us\"],\"convert\":false,\"reply_to\""},
		{MSG_VIDEO, &avi, "\"convert\":true"},
		{MSG_LOCATION, &bare, "\"latitude\":1,\"longitude\":2,\"title\":\"\""},
		{MSG_LOCATION, &where, "\"title\":\"Store 3, Rua A, 1\""},
		{MSG_TEXT, &several, "\"multipleAnswers\":true"},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		const struct provider_send m = {.kind = cases[i].kind,
						.chat = S(CHAT),
						.content = S("x"),
						.reply_to = &quoted,
						.media_url = S("https://x.example/f"),
						.payload = cases[i].payload};
		struct provider_request r;

		assert_int_equal(build(a, "GOWS", &m, &r), GH_OK);
		if (strstr(arena_cstr(a, whole_body(a, &r)), cases[i].has) == NULL)
			fail_msg("%.*s\nlacks %s", S_FMT(whole_body(a, &r)), cases[i].has);
	}
	arena_free(a);
}

/* An address or a page is told by a vCard of ours; nothing in it can begin a line of its own. */
static void
test_vcard(void **state GH_UNUSED)
{
	static const struct message_payload hostile = {
		.has_contact = true,
		.contact = {.name = {"Rita\nTEL:1; a,b\\", 16},
			    .phone = {"+55 (11) 90000-0003", 19},
			    .organization = {"Acme", 4},
			    .email = {"rita@example.net", 16},
			    .url = {"https://example.net", 19}}};
	const struct provider_send m = {.kind = MSG_CONTACT, .chat = S(CHAT), .payload = &hostile};
	struct arena *a = arena_new(0);
	struct provider_request r;
	const struct json *body;

	assert_int_equal(build(a, "GOWS", &m, &r), GH_OK);
	assert_int_equal(json_parse(r.body, a, &body, NULL, NULL), GH_OK);
	assert_string_equal(
		arena_cstr(a, json_str(json_get(json_first(json_get(body, "contacts")), "vcard"))),
		"BEGIN:VCARD\nVERSION:3.0\nFN:Rita\\nTEL:1\\; a\\,b\\\\\nORG:Acme\n"
		"TEL;type=CELL;waid=5511900000003:+5511900000003\nEMAIL:rita@example.net\n"
		"URL:https://example.net\nEND:VCARD");
	arena_free(a);
}

/* The plain form has one phone: several are lines of a vCard. */
static void
test_phones(void **state GH_UNUSED)
{
	static const struct message_payload two = {
		.has_contact = true,
		.contact = {.name = {"Rita", 4}, .phone = {"5511900000003, +55 (11) 9-4", 27}}};
	const struct provider_send m = {.kind = MSG_CONTACT, .chat = S(CHAT), .payload = &two};
	struct arena *a = arena_new(0);
	struct provider_request r;
	const struct json *body;

	assert_int_equal(build(a, "GOWS", &m, &r), GH_OK);
	assert_int_equal(json_parse(r.body, a, &body, NULL, NULL), GH_OK);
	assert_string_equal(
		arena_cstr(a, json_str(json_get(json_first(json_get(body, "contacts")), "vcard"))),
		"BEGIN:VCARD\nVERSION:3.0\nFN:Rita\n"
		"TEL;type=CELL;waid=5511900000003:+5511900000003\n"
		"TEL;type=CELL;waid=551194:+551194\nEND:VCARD");
	arena_free(a);
}

static void
test_sections(void **state GH_UNUSED)
{
	static const struct slice choices[] = {{"First", 5}, {"[A]", 3}, {"[B]", 3}, {"Two|2", 5}};
	static const struct message_payload menu = {.menu = {.type = MESSAGE_MENU_LIST,
							     .text = {"t", 1},
							     .choices = choices,
							     .choice_count = 4}};
	const struct provider_send m = {
		.kind = MSG_TEXT, .chat = S(CHAT), .content = S("x"), .payload = &menu};
	struct arena *a = arena_new(0);
	struct provider_request r;

	assert_int_equal(build(a, "NOWEB", &m, &r), GH_OK);
	assert_non_null(strstr(
		arena_cstr(a, r.body),
		"\"button\":\"Menu\",\"sections\":[{\"title\":\"\",\"rows\":[{\"title\":\"First\","
		"\"rowId\":\"First\",\"description\":null}]},"
		"{\"title\":\"B\",\"rows\":[{\"title\":\"Two\",\"rowId\":\"2\","
		"\"description\":null}]}]}"));
	arena_free(a);
}

static void
test_refused(void **state GH_UNUSED)
{
	static const struct message_payload nameless = {.file = {.name = {"a.pdf", 5}}};
	static const struct {
		enum msg_kind kind;
		const struct message_payload *payload;
		const char *chat, *content, *media_url;
		enum gh_code rc;
	} cases[] = {
		{MSG_STICKER, &jpeg, CHAT, NULL, "https://x.example/f", GH_EPERM},
		{MSG_REACTION, NULL, CHAT, "x", NULL, GH_EPERM},
		{MSG_TEXT, NULL, CHAT, NULL, NULL, GH_EINVAL},
		{MSG_TEXT, NULL, "nobody", "x", NULL, GH_EINVAL},
		{MSG_IMAGE, NULL, CHAT, NULL, "https://x.example/f", GH_EINVAL},
		{MSG_DOCUMENT, &nameless, CHAT, NULL, "https://x.example/f", GH_EINVAL},
		{MSG_AUDIO, &mp3, CHAT, NULL, NULL, GH_EINVAL},
		{MSG_LOCATION, NULL, CHAT, NULL, NULL, GH_EINVAL},
		{MSG_CONTACT, &place, CHAT, NULL, NULL, GH_EINVAL},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		const struct provider_send m = {.kind = cases[i].kind,
						.chat = slice_of(cases[i].chat),
						.content = slice_of(cases[i].content),
						.media_url = slice_of(cases[i].media_url),
						.payload = cases[i].payload};
		struct provider_request r;

		assert_int_equal(build(a, "GOWS", &m, &r), cases[i].rc);
	}
	arena_free(a);
}

/* What each kind leaves as, by engine: natively, as the numbered text, or not at all. */
static void
test_capabilities(void **state GH_UNUSED)
{
	enum { ENGINES = 5 };
	static const char *const engines[ENGINES] = {NULL, "WEBJS", "WPP", "NOWEB", "GOWS"};
	static const char as_text[] = "/api/sendText", as_poll[] = "/api/sendPoll",
			  as_list[] = "/api/sendList";
	static const struct {
		const char *chat;
		enum msg_kind kind;
		enum message_menu_type menu;
		const char *path[ENGINES]; /* NULL: refused */
	} cases[] = {
		{CHAT, MSG_TEXT, MESSAGE_MENU_NONE, {as_text, as_text, as_text, as_text, as_text}},
		{CHAT, MSG_TEXT, MESSAGE_MENU_LIST, {as_text, as_text, as_text, as_list, as_list}},
		{GROUP, MSG_TEXT, MESSAGE_MENU_LIST, {as_text, as_text, as_text, as_text, as_text}},
		{CHAT, MSG_TEXT, MESSAGE_MENU_POLL, {as_poll, as_poll, as_poll, as_poll, as_poll}},
		{GROUP, MSG_TEXT, MESSAGE_MENU_POLL, {as_poll, as_poll, as_poll, as_poll, as_poll}},
		{CHAT,
		 MSG_TEXT,
		 MESSAGE_MENU_BUTTON,
		 {as_text, as_text, as_text, as_text, as_text}},
		{CHAT,
		 MSG_TEXT,
		 MESSAGE_MENU_CAROUSEL,
		 {as_text, as_text, as_text, as_text, as_text}},
		{CHAT, MSG_STICKER, MESSAGE_MENU_NONE, {NULL}},
		{CHAT, MSG_REACTION, MESSAGE_MENU_NONE, {NULL}},
		{CHAT, MSG_UNSUPPORTED, MESSAGE_MENU_NONE, {NULL}},
	};
	static const struct slice choices[] = {{"Yes", 3}, {"No", 2}};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases) * ENGINES; i++) {
		const char *path = cases[i / ENGINES].path[i % ENGINES];
		const struct message_payload menu = {.menu = {.type = cases[i / ENGINES].menu,
							      .text = S("Well?"),
							      .choices = choices,
							      .choice_count = 2}};
		const struct provider_send m = {.kind = cases[i / ENGINES].kind,
						.chat = slice_of(cases[i / ENGINES].chat),
						.content = S("Well?\n1. Yes\n2. No"),
						.payload = &menu};
		struct provider_request r;

		assert_int_equal(build(a, engines[i % ENGINES], &m, &r),
				 path != NULL ? GH_OK : GH_EPERM);
		if (path != NULL)
			assert_true(slice_ends(r.url, slice_of(path)));
		if (path == as_text)
			assert_non_null(strstr(arena_cstr(a, r.body), "1. Yes"));
	}
	arena_free(a);
}

static void
test_too_long(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_send m = {.kind = MSG_TEXT, .chat = S(CHAT)};
	char *text = arena_alloc(a, BODY_MAX);
	struct provider_request r;

	memset(text, 'x', BODY_MAX);
	m.content = slice_make(text, 65536);
	assert_int_equal(build(a, "GOWS", &m, &r), GH_OK);
	m.content = slice_make(text, BODY_MAX);
	assert_int_equal(build(a, "GOWS", &m, &r), GH_EINVAL);
	arena_free(a);
}

static void
test_send_ref_kinds(void **state GH_UNUSED)
{
	static const enum msg_kind with[] = {MSG_TEXT, MSG_LOCATION, MSG_CONTACT};
	static const enum msg_kind without[] = {MSG_IMAGE,    MSG_VIDEO,   MSG_AUDIO,
						MSG_DOCUMENT, MSG_STICKER, MSG_UNSUPPORTED};
	char ref[PROVIDER_SEND_REF_SIZE];

	for (size_t i = 0; i < GH_COUNT(with); i++)
		assert_true(waha_send_ref(with[i], stored, ref));
	for (size_t i = 0; i < GH_COUNT(without); i++) {
		assert_false(waha_send_ref(without[i], stored, ref));
		assert_string_equal(ref, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),       cmocka_unit_test(test_carries_ref),
		cmocka_unit_test(test_options),        cmocka_unit_test(test_vcard),
		cmocka_unit_test(test_sections),       cmocka_unit_test(test_refused),
		cmocka_unit_test(test_capabilities),   cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_send_ref_kinds), cmocka_unit_test(test_plain),
		cmocka_unit_test(test_phones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
