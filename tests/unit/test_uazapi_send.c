/* test_uazapi_send.c - what UAZAPI is asked to send and to look for, against the contract's own
 * examples (contracts/uazapi.md sections 5 and 6, kept in tests/vectors/uazapi), and what it says
 * of a message.
 */
#include "provider/uazapi_send.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "uazapi_vectors.h"

#define CHAT "5511900000002@c.us"
#define REF  "0192f0aa-7000-7000-8000-000000000001"

static const struct provider_server server = {.base_url = {"https://acme.uazapi.com/", 24},
					      .api_key = {"admin-key", 9}};

static const struct slice button_choices[] = {{"Yes|ok", 6},
					      {"Other day|later", 15},
					      {"Site|https://example.net", 24},
					      {"Call|call:+5511900000003", 24},
					      {"Coupon|copy:A1B2", 16}};
static const struct slice list_choices[] = {
	{"[Main]", 6}, {"Sales|dep_sales|Prices", 22}, {"Support|dep_sup", 15}};
static const struct slice poll_choices[] = {{"Morning", 7}, {"Afternoon", 9}};

static const struct message_payload no_preview = {.has_link_preview = true},
				    pdf = {.file = {.mime_type = {"application/pdf", 15},
						    .name = {"invoice-881.pdf", 15}}},
				    pdf_stored = {.file = {.mime_type = {"application/pdf", 15},
							   .name = {"offer.pdf", 9},
							   .media_id = {{1, 2, 3, 4}}}},
				    ogg = {.file = {.mime_type = {"audio/ogg", 9}},
					   .is_voice = true},
				    mp3 = {.file = {.mime_type = {"audio/mpeg", 10}}},
				    place = {.has_place = true,
					     .place = {.latitude = -23.55,
						       .longitude = -46.63,
						       .name = {"Store 3", 7},
						       .address = {"Rua A, 1", 8}}},
				    contact = {.has_contact = true,
					       .contact = {.name = {"Rita Sales", 10},
							   .phone = {"+55 11 90000-0003", 17},
							   .organization = {"Acme", 4},
							   .email = {"rita@example.net", 16},
							   .url = {"https://example.net", 19}}},
				    button = {.menu = {.type = MESSAGE_MENU_BUTTON,
						       .text = {"Confirm?", 8},
						       .choices = button_choices,
						       .choice_count = 5,
						       .footer = {"Acme", 4}}},
				    list = {.menu = {.type = MESSAGE_MENU_LIST,
						     .text = {"Departments", 11},
						     .choices = list_choices,
						     .choice_count = 3,
						     .footer = {"Acme", 4},
						     .button = {"Open", 4}}},
				    poll = {.menu = {.type = MESSAGE_MENU_POLL,
						     .text = {"Delivery time?", 14},
						     .choices = poll_choices,
						     .choice_count = 2,
						     .selectable_count = 1}};

static const struct provider_message_ref quoted = {
	.full = {"5511900000001:3EB0AAAABBBBCCCC0001", 34}};

static enum gh_code
build(struct arena *a, const struct provider_send *m, struct provider_request *out,
      struct gh_err *err)
{
	const struct provider_call call = {.op = PROVIDER_OP_SEND,
					   .session = S("acme-01"),
					   .session_key = S("token-1"),
					   .send = m};

	return provider_build(&provider_uazapi, &server, &call, a, out, err);
}

/* The body of a message that can be sent. */
static const struct json *
body_of(struct arena *a, const struct provider_send *m)
{
	struct provider_request r;

	assert_int_equal(build(a, m, &r, NULL), GH_OK);
	return text_json(a, r.body);
}

/* The requests of the contract. */
static const struct example {
	const char *file, *path;
	enum msg_kind kind;
	const struct message_payload *payload;
	const char *content, *media_url;
	const struct provider_message_ref *reply_to;
	const char *ref;
} examples[] = {
	{"request_send_text", "/send/text", MSG_TEXT, &no_preview, "Your order 881 left the store",
	 NULL, &quoted, REF},
	{"request_send_document", "/send/media", MSG_DOCUMENT, &pdf, "Invoice 881",
	 "https://files.example.net/i/881", NULL, "0192f0aa-7000-7000-8000-000000000002"},
	{"request_send_contact", "/send/contact", MSG_CONTACT, &contact, NULL, NULL, NULL, REF},
	{"request_send_location", "/send/location", MSG_LOCATION, &place, NULL, NULL, NULL, REF},
	{"request_send_button", "/send/menu", MSG_TEXT, &button, "Confirm?", NULL, NULL, REF},
	{"request_send_list", "/send/menu", MSG_TEXT, &list, "Departments", NULL, NULL, REF},
	{"request_send_poll", "/send/menu", MSG_TEXT, &poll, "Delivery time?", NULL, NULL, REF},
};

/* What we say of every message, and what the examples say that we leave out. */
static bool
is_common(struct slice name)
{
	return slice_eq(name, S("track_source")) || slice_eq(name, S("track_id")) ||
	       slice_eq(name, S("async"));
}

static void
assert_same_request(const struct json *ours, const struct json *theirs)
{
	for (const struct json *v = json_first(theirs); v != NULL; v = json_next(v))
		if (!slice_eq(json_name(v), S("delay")) && !same(member(ours, json_name(v)), v))
			fail_msg("%.*s is another", S_FMT(json_name(v)));
	for (const struct json *v = json_first(ours); v != NULL; v = json_next(v))
		if (member(theirs, json_name(v)) == NULL && !is_common(json_name(v)))
			fail_msg("%.*s is too much", S_FMT(json_name(v)));
}

static void
test_examples(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(examples); i++) {
		const struct example *e = &examples[i];
		const struct provider_send m = {.kind = e->kind,
						.chat = S(CHAT),
						.send_ref = slice_of(e->ref),
						.content = slice_of(e->content),
						.reply_to = e->reply_to,
						.media_url = slice_of(e->media_url),
						.payload = e->payload};
		struct provider_request r;
		const struct json *ours;

		assert_int_equal(build(a, &m, &r, NULL), GH_OK);
		assert_string_equal(r.method, "POST");
		assert_true(slice_eq(
			r.url, slice_of(arena_printf(a, "https://acme.uazapi.com%s", e->path))));
		assert_true(slice_eq(r.header[0].name, S("token")));
		assert_true(slice_eq(r.header[0].value, S("token-1")));
		assert_true(r.carries_ref && !r.is_idempotent);
		ours = text_json(a, r.body);
		assert_same_request(ours, text_json(a, vector_read(a, e->file)));
		assert_true(slice_eq(json_str(json_get(ours, "track_id")), slice_of(e->ref)));
		assert_true(slice_eq(json_str(json_get(ours, "track_source")), S("growhub")));
		assert_false(json_bool(json_get(ours, "async"), true));
	}
	arena_free(a);
}

static void
test_stored_file(void **state GH_UNUSED)
{
	const struct provider_send m = {
		.kind = MSG_DOCUMENT, .chat = S(CHAT), .payload = &pdf_stored};
	struct arena *a = arena_new(0);
	struct provider_request r;
	const struct json *whole;

	assert_int_equal(build(a, &m, &r, NULL), GH_OK);
	assert_true(r.has_file && !r.carries_ref);
	whole = text_json(a, slice_of(arena_printf(a, "%.*sJVBERi0xLjQK%.*s", S_FMT(r.body),
						   S_FMT(r.body_tail))));
	assert_true(slice_eq(json_str(json_get(whole, "file")), S("JVBERi0xLjQK")));
	assert_true(slice_eq(json_str(json_get(whole, "docName")), S("offer.pdf")));
	assert_null(json_get(whole, "track_id"));
	arena_free(a);
}

static void
test_media_types(void **state GH_UNUSED)
{
	static const struct {
		enum msg_kind kind;
		const struct message_payload *payload;
		const char *type;
	} cases[] = {
		{MSG_IMAGE, &mp3, "image"},     {MSG_VIDEO, &mp3, "video"},
		{MSG_AUDIO, &mp3, "audio"},     {MSG_AUDIO, &ogg, "ptt"},
		{MSG_STICKER, &mp3, "sticker"}, {MSG_DOCUMENT, &mp3, "document"},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		const struct provider_send m = {.kind = cases[i].kind,
						.chat = S(CHAT),
						.media_url = S("https://f.example.net/1"),
						.payload = cases[i].payload};

		assert_true(slice_eq(json_str(json_get(body_of(a, &m), "type")),
				     slice_of(cases[i].type)));
	}
	arena_free(a);
}

static void
test_numbers(void **state GH_UNUSED)
{
	static const char *const chats[][2] = {
		{"5511900000002@c.us", "5511900000002"},
		{"210000000000002@lid", "210000000000002@lid"},
		{"120363000000000001@g.us", "120363000000000001@g.us"},
		{"120363000000000009@newsletter", "120363000000000009@newsletter"},
	};
	struct provider_send m = {.kind = MSG_TEXT, .content = S("x")};
	struct arena *a = arena_new(0);
	struct provider_request r;

	for (size_t i = 0; i < GH_COUNT(chats); i++) {
		m.chat = slice_of(chats[i][0]);
		assert_true(slice_eq(json_str(json_get(body_of(a, &m), "number")),
				     slice_of(chats[i][1])));
	}
	m.chat = S("status@broadcast");
	assert_int_equal(build(a, &m, &r, NULL), GH_EPERM);
	m.chat = S("nobody");
	assert_int_equal(build(a, &m, &r, NULL), GH_EINVAL);
	arena_free(a);
}

static void
test_mentions(void **state GH_UNUSED)
{
	static const struct slice some[] = {{"5511900000002@c.us", 18},
					    {"210000000000002@lid", 19}};
	static const struct slice all[] = {{"all", 3}};
	static const struct message_payload two = {.mentions = some, .mention_count = 2},
					    everybody = {.mentions = all, .mention_count = 1};
	struct provider_send m = {.kind = MSG_TEXT,
				  .chat = S("120363000000000001@g.us"),
				  .content = S("hello"),
				  .payload = &two};
	struct arena *a = arena_new(0);

	assert_true(slice_eq(json_str(json_get(body_of(a, &m), "mentions")),
			     S("5511900000002,210000000000002@lid")));
	m.payload = &everybody;
	assert_true(slice_eq(json_str(json_get(body_of(a, &m), "mentions")), S("all")));
	m.payload = NULL;
	assert_null(json_get(body_of(a, &m), "mentions"));
	arena_free(a);
}

#define WJ "\xE2\x81\xA0"

/* The server would put what it knows of the contact in their place. */
static void
test_placeholders(void **state GH_UNUSED)
{
	static const struct slice rows[] = {{"{{a}}|{{b}}|{{c}}", 17}, {"{{d}}\n{{e}}\n{{f}}", 17}};
	static const struct slice options[] = {{"{{a}}|{{b}}", 11}, {"c", 1}};
	static const struct slice links[] = {{"{{a}}|https://x.example/{{b}}|{{c}}", 35}};
	static const struct {
		struct message_payload payload;
		const char *first;
	} menus[] = {
		{{.menu = {.type = MESSAGE_MENU_LIST,
			   .text = {"{{t}}", 5},
			   .choices = rows,
			   .choice_count = 2}},
		 "{" WJ "{a}}|{{b}}|{" WJ "{c}}"},
		{{.menu = {.type = MESSAGE_MENU_POLL,
			   .text = {"{{t}}", 5},
			   .choices = options,
			   .choice_count = 2}},
		 "{" WJ "{a}}|{" WJ "{b}}"},
		{{.menu = {.type = MESSAGE_MENU_BUTTON,
			   .text = {"{{t}}", 5},
			   .choices = links,
			   .choice_count = 1}},
		 "{" WJ "{a}}|https://x.example/{{b}}|{{c}}"},
	};
	struct provider_send m = {
		.kind = MSG_TEXT, .chat = S(CHAT), .content = S("{{name}} {{{ {")};
	struct arena *a = arena_new(0);

	assert_true(slice_eq(json_str(json_get(body_of(a, &m), "text")),
			     S("{" WJ "{name}} {" WJ "{" WJ "{ {")));
	for (size_t i = 0; i < GH_COUNT(menus); i++) {
		const struct json *body;

		m.payload = &menus[i].payload;
		body = body_of(a, &m);
		assert_true(slice_eq(json_str(json_get(body, "text")), S("{" WJ "{t}}")));
		assert_true(slice_eq(json_str(json_first(json_get(body, "choices"))),
				     slice_of(menus[i].first)));
	}
	m.payload = &menus[0].payload;
	assert_true(slice_eq(json_str(json_next(json_first(json_get(body_of(a, &m), "choices")))),
			     S("{" WJ "{d}}\n{{e}}\n{" WJ "{f}}")));
	arena_free(a);
}

/* Where the server turns out to lack menus, and where WhatsApp shows no such poll. */
static void
test_plain(void **state GH_UNUSED)
{
	static const struct message_payload lonely = {.menu = {.type = MESSAGE_MENU_POLL,
							       .text = {"One?", 4},
							       .choices = poll_choices,
							       .choice_count = 1}},
					    any = {.menu = {.type = MESSAGE_MENU_POLL,
							    .text = {"Some?", 5},
							    .choices = poll_choices,
							    .choice_count = 2}};
	struct provider_send m = {
		.kind = MSG_TEXT, .chat = S(CHAT), .content = S("1. Morning"), .payload = &list};
	struct arena *a = arena_new(0);
	struct provider_request r;

	assert_int_equal(build(a, &m, &r, NULL), GH_OK);
	assert_true(r.is_form);
	m.is_plain = true;
	assert_int_equal(build(a, &m, &r, NULL), GH_OK);
	assert_false(r.is_form);
	assert_true(slice_ends(r.url, S("/send/text")));
	assert_true(slice_eq(json_str(json_get(text_json(a, r.body), "text")), m.content));
	m.is_plain = false;
	m.payload = &lonely;
	assert_int_equal(build(a, &m, &r, NULL), GH_OK);
	assert_true(slice_ends(r.url, S("/send/text")));
	m.payload = &any;
	assert_int_equal(json_i64(json_get(body_of(a, &m), "selectableCount"), 0), 2);
	arena_free(a);
}

#define CARD                                                                                       \
	"BEGIN:VCARD\r\nVERSION:3.0\r\nN:Desk;Leo;;;\r\nFN:Leo\\, the\r\n  Desk\r\n"               \
	"item1.TEL;type=CELL;waid=5511900000004:+55 11 90000-0004\r\nTEL:+55 (11) 9000-0005\r\n"   \
	"ORG:Acme;Sales\r\nEMAIL;TYPE=work:leo@example.net\r\nURL:https\\://example.net\r\n"       \
	"END:VCARD\r\nBEGIN:VCARD\r\nFN:Other\r\nEND:VCARD"

static void
test_vcard(void **state GH_UNUSED)
{
	static const struct {
		const char *name, *value;
	} fields[] = {
		{"fullName", "Leo, the Desk"},  {"phoneNumber", "5511900000004,551190000005"},
		{"organization", "Acme Sales"}, {"email", "leo@example.net"},
		{"url", "https://example.net"},
	};
	static const char *const useless[] = {"", "BEGIN:VCARD\nFN:Leo\nEND:VCARD",
					      "BEGIN:VCARD\nTEL:+55 11 90000-0004\nEND:VCARD",
					      "FN:Leo\nTEL:none\n"};
	struct message_payload p = {.has_contact = true, .contact = {.vcard = S(CARD)}};
	struct provider_send m = {.kind = MSG_CONTACT, .chat = S(CHAT), .payload = &p};
	struct arena *a = arena_new(0);
	const struct json *body = body_of(a, &m);
	struct provider_request r;

	for (size_t i = 0; i < GH_COUNT(fields); i++)
		assert_true(slice_eq(json_str(json_get(body, fields[i].name)),
				     slice_of(fields[i].value)));
	for (size_t i = 0; i < GH_COUNT(useless); i++) {
		p.contact.vcard = slice_of(useless[i]);
		assert_int_equal(build(a, &m, &r, NULL), GH_EINVAL);
	}
	arena_free(a);
}

static void
test_refused(void **state GH_UNUSED)
{
	static const struct {
		enum msg_kind kind;
		enum gh_code rc;
	} cases[] = {
		{MSG_TEXT, GH_EINVAL},       {MSG_IMAGE, GH_EINVAL},   {MSG_STICKER, GH_EINVAL},
		{MSG_LOCATION, GH_EINVAL},   {MSG_CONTACT, GH_EINVAL}, {MSG_REACTION, GH_EPERM},
		{MSG_UNSUPPORTED, GH_EPERM},
	};
	struct arena *a = arena_new(0);
	struct provider_request r;

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		const struct provider_send m = {.kind = cases[i].kind, .chat = S(CHAT)};

		assert_int_equal(build(a, &m, &r, NULL), cases[i].rc);
		assert_int_equal(provider_send_gap(&provider_uazapi, cases[i].kind) != NULL,
				 cases[i].rc == GH_EPERM);
	}
	arena_free(a);
}

static void
test_too_long(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	char *text = arena_alloc(a, BODY_MAX);
	struct provider_send m = {.kind = MSG_TEXT, .chat = S(CHAT)};
	struct provider_request r;

	memset(text, '{', BODY_MAX);
	m.content = slice_make(text, 65536);
	assert_int_equal(build(a, &m, &r, NULL), GH_OK);
	m.content = slice_make(text, BODY_MAX);
	assert_int_equal(build(a, &m, &r, NULL), GH_EINVAL);
	arena_free(a);
}

static void
test_references(void **state GH_UNUSED)
{
	struct uuid id;
	char ref[PROVIDER_SEND_REF_SIZE];

	assert_int_equal(uuid_parse(S(REF), &id), GH_OK);
	for (int kind = 0; kind < MSG_KIND_COUNT; kind++) {
		bool is_sent = kind != MSG_REACTION && kind != MSG_UNSUPPORTED;

		assert_int_equal(provider_send_ref(&provider_uazapi, (enum msg_kind)kind, id, ref),
				 is_sent);
		assert_string_equal(ref, is_sent ? REF : "");
	}
}

static void
test_look_up(void **state GH_UNUSED)
{
	struct provider_call call = {.op = PROVIDER_OP_MESSAGE_GET,
				     .session = S("acme-01"),
				     .session_key = S("token-1"),
				     .send_ref = S(REF)};
	struct arena *a = arena_new(0);
	struct provider_request r;

	assert_int_equal(provider_build(&provider_uazapi, &server, &call, a, &r, NULL), GH_OK);
	assert_true(slice_eq(r.url, S("https://acme.uazapi.com/message/find")));
	assert_true(slice_eq(r.body, S("{\"track_id\":\"" REF "\",\"limit\":10}")));
	assert_true(r.is_idempotent);
	call.external_id = S("3EB0A");
	assert_int_equal(provider_build(&provider_uazapi, &server, &call, a, &r, NULL), GH_OK);
	assert_true(slice_eq(r.body, S("{\"id\":\"3EB0A\",\"limit\":10}")));
	call.external_id = call.send_ref = SLICE_NONE;
	assert_int_equal(provider_build(&provider_uazapi, &server, &call, a, &r, NULL), GH_EINVAL);
	arena_free(a);
}

/* ---- answers ---- */

#define SENT(id, status) "{\"messageid\":\"" id "\",\"fromMe\":true,\"status\":\"" status "\"}"
#define TRACKED(id, ref) "{\"messageid\":\"" id "\",\"track_id\":\"" ref "\",\"status\":\"Read\"}"
#define FOUND(list)      "{\"returnedMessages\":1,\"messages\":[" list "]}"

static void
test_found(void **state GH_UNUSED)
{
	static const struct {
		const char *body, *id; /* id NULL: not found */
		bool has_status;
		enum msg_status status;
	} cases[] = {
		{FOUND(""), NULL, false, 0},
		{FOUND(SENT("A", "Pending")), "A", true, MSG_SENT},
		{FOUND(SENT("A", "READ")), "A", true, MSG_READ},
		{FOUND(SENT("A", "Queued")), "A", false, 0},
		{FOUND(SENT("A", "")), "A", false, 0},
		{FOUND(SENT("A", "Canceled")), "A", true, MSG_FAILED},
		/* Resends: the one that came furthest. */
		{FOUND(SENT("A", "Failed") "," SENT("B", "Sent")), "B", true, MSG_SENT},
		{FOUND(SENT("A", "Sent") "," SENT("B", "Failed")), "A", true, MSG_SENT},
		{FOUND(SENT("A", "Sent") "," SENT("B", "Read")), "B", true, MSG_READ},
		{FOUND(SENT("A", "Read") "," SENT("B", "Delivered")), "A", true, MSG_READ},
		{FOUND(SENT("A", "") "," SENT("B", "Sent")), "B", true, MSG_SENT},
		{FOUND(SENT("A", "Sent") "," SENT("B", "")), "A", true, MSG_SENT},
		{FOUND("{\"id\":\"5511900000001:A\"}"), "A", false, 0},
		{FOUND("{\"messageid\":\"A\",\"fromMe\":false},{}"), NULL, false, 0},
		/* Of a build that knows no such filter: what was sent last. */
		{FOUND(TRACKED("A", "x")), NULL, false, 0},
		{FOUND(TRACKED("A", "")), NULL, false, 0},
		{FOUND(TRACKED("A", "x") "," TRACKED("B", REF)), "B", true, MSG_READ},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_result r = {.code = "ok", .asked_ref = S(REF)};

		uazapi_read_message(text_json(a, slice_of(cases[i].body)), a, &r);
		assert_int_equal(r.outcome, PROVIDER_OK);
		assert_int_equal(r.is_found, cases[i].id != NULL);
		assert_string_equal(r.code, cases[i].id != NULL ? "ok" : "not_found");
		assert_true(slice_eq(r.external_id, slice_of(cases[i].id)));
		assert_int_equal(r.has_status, cases[i].has_status);
		if (r.has_status)
			assert_int_equal(r.status, cases[i].status);
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),    cmocka_unit_test(test_stored_file),
		cmocka_unit_test(test_media_types), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_mentions),    cmocka_unit_test(test_placeholders),
		cmocka_unit_test(test_plain),       cmocka_unit_test(test_vcard),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_references),  cmocka_unit_test(test_look_up),
		cmocka_unit_test(test_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
