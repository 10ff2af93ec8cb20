/* test_waha.c - the WAHA translator against the contract's own examples
 * (contracts/waha.md, kept in tests/vectors/waha) and against hostile input.
 */
#include "provider/waha.c"

#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"

#define VECTORS    "tests/vectors/waha/"
#define VECTOR_MAX 65536

static struct slice
vector_read(struct arena *a, const char *name)
{
	char *path = arena_printf(a, VECTORS "%s.json", name);
	char *text = arena_alloc(a, VECTOR_MAX);
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		fail_msg("%s: run from the top of the source tree", path);
	n = fread(text, 1, VECTOR_MAX, f);
	(void)fclose(f);
	return slice_make(text, n);
}

/* ---- webhooks: each fact as one line of text ---- */

static void
line_add(struct buf *b, const char *key, struct slice value)
{
	if (value.p == NULL)
		return;
	buf_add_printf(b, " %s=%.*s", key, S_FMT(value));
}

/* What one kind of fact only has. */
static void
line_add_rest(struct buf *b, const struct provider_fact *f)
{
	if (f->place.is_present)
		buf_add_printf(b, " place=%g,%g", f->place.latitude, f->place.longitude);
	line_add(b, "place-name", f->place.name);
	line_add(b, "place-address", f->place.address);
	for (size_t i = 0; i < f->vcard_count; i++)
		buf_add_printf(b, " vcard=%zu", f->vcards[i].n);
	line_add(b, "description", f->description);
	line_add(b, "invite", f->invite);
	for (size_t i = 0; i < f->member_count; i++)
		buf_add_printf(b, " member=%.*s,%.*s,%.*s", S_FMT(f->members[i].id),
			       S_FMT(f->members[i].phone), S_FMT(f->members[i].role));
	if (f->is_video)
		buf_add_cstr(b, " video");
	if (f->last_seen_us != 0)
		buf_add_printf(b, " seen=%" PRId64, f->last_seen_us);
}

static void
line_add_fact(struct buf *b, const struct provider_fact *f)
{
	buf_add_cstr(b, provider_fact_name(f->kind));
	line_add(b, "id", f->external_id);
	line_add(b, "target", f->target_id);
	line_add(b, "chat", f->chat);
	line_add(b, "part", f->participant);
	line_add(b, "lid", f->lid);
	line_add(b, "phone", f->phone);
	line_add(b, "name", f->push_name);
	if (f->is_from_me)
		buf_add_cstr(b, f->is_from_api ? " own-api" : " own-app");
	if (f->is_group)
		buf_add_cstr(b, " group");
	if (f->kind == PROVIDER_FACT_MESSAGE)
		buf_add_printf(b, " type=%s", msg_kind_name((int)f->message_kind));
	line_add(b, "text", f->text);
	line_add(b, "quoted", f->quoted_id);
	if (f->file.is_present)
		buf_add_cstr(b, " file");
	line_add(b, "mime", f->file.mime_type);
	if (f->file.size_bytes >= 0)
		buf_add_printf(b, " size=%" PRId64, f->file.size_bytes);
	if (f->file.duration_s >= 0)
		buf_add_printf(b, " secs=%" PRId64, f->file.duration_s);
	if (f->has_status)
		buf_add_printf(b, " status=%s", msg_status_name((int)f->status));
	if (f->kind == PROVIDER_FACT_SESSION)
		buf_add_printf(b, " state=%s", provider_session_name(f->session));
	line_add(b, "word", f->word);
	line_add_rest(b, f);
	buf_add_printf(b, " at=%" PRId64, f->at_us);
}

static const struct hook_case {
	const char *file, *line;
} hook_cases[] = {
	{"hook_message_image",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us phone=5511900000002 type=image "
	 "text=Is it open today? quoted=3EB0C0FFEE0000000001 file mime=image/jpeg "
	 "place=-23.55,-46.63 place-name=Store 3 place-address=Rua A, 1 "
	 "at=1791000000000000"},
	{"hook_message_text", "message id=3A0000000000000000AA chat=5511900000002@c.us "
			      "phone=5511900000002 type=text text=Is it open today? "
			      "at=1791000000000000"},
	{"hook_message_location", "message id=3A0000000000000000AA chat=5511900000002@c.us "
				  "phone=5511900000002 type=location "
				  "place=-23.55,-46.63 place-name=Store 3 place-address=Rua A, 1 "
				  "at=1791000000000000"},
	{"hook_message_contact",
	 "message id=3A0000000000000000AA chat=5511900000002@c.us "
	 "phone=5511900000002 type=contact text= vcard=28 at=1791000000000000"},
	{"hook_message_empty", "message id=3A0000000000000000AA chat=5511900000002@c.us "
			       "phone=5511900000002 type=unsupported at=1791000000000000"},
	{"hook_echo_gows",
	 "message id=3EB0C0FFEE0000000001 chat=5511900000002@c.us lid=210000000000002@lid "
	 "phone=5511900000002 own-api type=text text=Your order 881 left the store status=sent "
	 "at=1791000001000000"},
	{"hook_echo_webjs", "message id=3EB0C0FFEE0000000001 chat=5511900000002@c.us "
			    "phone=5511900000002 own-app type=text text=hi at=1791000001000000"},
	{"hook_group_lid_noweb",
	 "message id=3A00000000000000BB chat=120363000000000001@g.us part=210000000000005@lid "
	 "lid=210000000000005@lid phone=5511900000005 name=Rita group type=sticker text= file "
	 "mime=image/webp size=20480 at=1791000002000000"},
	{"hook_voice_gows",
	 "message id=3A00000000000000BC chat=210000000000002@lid lid=210000000000002@lid "
	 "phone=5511900000002 name=Rui type=audio file mime=audio/ogg; codecs=opus size=12345 "
	 "secs=7 at=1791000003000000"},
	{"hook_ack_device", "status id=3EB0C0FFEE0000000001 chat=5511900000002@c.us "
			    "phone=5511900000002 own-app status=delivered word=DEVICE "
			    "at=1791000000456000"},
	{"hook_ack_read_lid", "status id=3EB0C0FFEE0000000001 chat=210000000000002@lid "
			      "lid=210000000000002@lid own-app status=read word=READ "
			      "at=1791000000456000"},
	{"hook_ack_error", "status id=3EB0C0FFEE0000000001 chat=5511900000002@c.us "
			   "phone=5511900000002 own-app status=failed word=ERROR "
			   "at=1791000000456000"},
	{"hook_ack_unknown", "other id=3EB0C0FFEE0000000001 chat=5511900000002@c.us "
			     "phone=5511900000002 own-app word=UNKNOWN at=1791000000456000"},
	{"hook_ack_incoming", "other id=3A0000000000000000AA chat=5511900000002@c.us "
			      "phone=5511900000002 word=READ at=1791000000456000"},
	{"hook_ack_group",
	 "status id=3EB0C0FFEE0000000002 chat=120363000000000001@g.us part=5511900000005@c.us "
	 "phone=5511900000005 own-app group status=delivered word=DEVICE at=1791000000456000"},
	{"hook_reaction", "reaction id=3A0000000000000000CC target=3EB0C0FFEE0000000001 "
			  "chat=5511900000002@c.us phone=5511900000002 text=❤️ "
			  "at=1791000050000000"},
	{"hook_revoked", "revoked id=3A0000000000000000DD target=3A0000000000000000AA "
			 "chat=5511900000002@c.us phone=5511900000002 at=1791000000456000"},
	{"hook_edited", "edited id=3A0000000000000000EE target=3A0000000000000000AA "
			"chat=5511900000002@c.us phone=5511900000002 text=Is it open on Sunday? "
			"at=1791000060000000"},
	{"hook_session_qr", "session state=qr word=SCAN_QR_CODE at=1791000000000000"},
	{"hook_session_working", "session state=connected word=WORKING at=1791000000000000"},
	{"hook_session_starting", "session state=connecting word=STARTING at=1790999990000000"},
	{"hook_session_failed", "session state=failed word=FAILED at=1791000000456000"},
	{"hook_session_stopped", "session state=disconnected word=STOPPED at=1791000000456000"},
	{"hook_session_new_word", "session state=unknown word=HIBERNATING at=1791000000456000"},
	{"hook_poll_vote", "poll id=3A0000000000000000FF target=3EB0C0FFEE0000000009 "
			   "chat=5511900000002@c.us phone=5511900000002 text=[\"Afternoon\"] "
			   "word=vote at=1791000070000000"},
	{"hook_call", "call id=CALL0000000000000001 chat=5511900000002@c.us word=received "
		      "at=1791000080000000"},
	{"hook_presence", "presence chat=5511900000002@c.us part=5511900000002@c.us word=recording "
			  "seen=1791000085000000 at=1791000000456000"},
	{"hook_group_join", "group chat=120363000000000001@g.us group text=Acme team word=join "
			    "description=d invite=https://chat.whatsapp.com/XXXX "
			    "member=210000000000002@lid,5511900000002,admin at=1791000090000000"},
	{"hook_group_participants",
	 "group chat=120363000000000001@g.us group word=promote "
	 "member=210000000000002@lid,5511900000002,admin at=1791000091000000"},
	{"hook_group_leave",
	 "group chat=120363000000000001@g.us group word=leave at=1791000092000000"},
	{"hook_group_update", "group chat=120363000000000001@g.us group text=Acme team 2 "
			      "word=update at=1791000093000000"},
	{"hook_poll_vote_failed", "poll id=3A0000000000000000FF target=3EB0C0FFEE0000000009 "
				  "chat=5511900000002@c.us phone=5511900000002 word=failed "
				  "at=1791000070000000"},
	{"hook_call_video", "call id=CALL0000000000000002 chat=5511900000002@c.us word=rejected "
			    "video at=1791000081000000"},
	{"hook_waiting", "other at=1791000000456000"},
	{"hook_archive", "other at=1791000000456000"},
	{"hook_label_chat", "other at=1791000000456000"},
	{"hook_event_response", "other at=1791000000456000"},
	{"hook_label", "other at=1791000000456000"},
	{"hook_unknown", "other at=1791000000456000"},
};

static void
test_hooks(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(hook_cases); i++) {
		struct provider_event ev;
		struct buf b;

		assert_int_equal(waha_parse_event(vector_read(a, hook_cases[i].file), a, &ev, NULL),
				 GH_OK);
		assert_int_equal(ev.fact_count, 1);
		buf_init(&b, a, 4096);
		line_add_fact(&b, ev.fact);
		if (!slice_eq(buf_slice(&b), slice_of(hook_cases[i].line)))
			fail_msg("%s\n got  %s\n want %s", hook_cases[i].file, buf_cstr(&b),
				 hook_cases[i].line);
		assert_true(slice_eq(ev.session, S("acme_01")));
		assert_true(slice_eq(ev.event_id, S("evt_01k5growhub0000000000000b2")));
		assert_true(ev.engine.n > 0);
		assert_true(ev.fact->raw.n > 1 && ev.fact->raw.p[0] == '{');
	}
	arena_free(a);
}

static void
test_hook_frame(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_event ev;

	assert_int_equal(waha_parse_event(vector_read(a, "hook_message_text"), a, &ev, NULL),
			 GH_OK);
	assert_true(slice_eq(ev.engine, S("GOWS"))); /* only in environment on GOWS */
	assert_true(slice_eq(ev.own_number, S("5511900000001")));
	assert_true(slice_eq(ev.own_lid, S("210000000000001@lid")));
	assert_true(slice_eq(ev.fact->full_id, S("false_5511900000002@c.us_3A0000000000000000AA")));
	assert_int_equal(ev.fact->ack, 2);
	assert_false(ev.fact->has_status); /* of an incoming message: not ours */
	assert_int_equal(waha_parse_event(vector_read(a, "hook_session_stopped"), a, &ev, NULL),
			 GH_OK);
	assert_null(ev.own_number.p);
	assert_int_equal(waha_parse_event(vector_read(a, "hook_voice_gows"), a, &ev, NULL), GH_OK);
	assert_true(slice_eq(ev.fact->file.error, S("gone")));
	arena_free(a);
}

/* Every key missing or of a wrong type is still an event; only no object is an error. */
static void
test_hook_tolerance(void **state GH_UNUSED)
{
	static const struct {
		const char *body;
		enum gh_code rc;
		enum provider_fact_kind kind;
	} cases[] = {
		{"", GH_EINVAL, PROVIDER_FACT_OTHER},
		{"[]", GH_EINVAL, PROVIDER_FACT_OTHER},
		{"{\"event\":\"message\"", GH_EINVAL, PROVIDER_FACT_OTHER},
		{"{\"a\":1,\"a\":2}", GH_EINVAL, PROVIDER_FACT_OTHER},
		{"{}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"event\":7,\"session\":[],\"me\":\"x\"}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"event\":\"message\"}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"event\":\"message\",\"payload\":[1]}", GH_OK, PROVIDER_FACT_OTHER},
		{"{\"event\":\"message\",\"payload\":{}}", GH_OK, PROVIDER_FACT_MESSAGE},
		{"{\"event\":\"message\",\"payload\":{\"id\":7,\"from\":{},\"fromMe\":\"yes\","
		 "\"media\":1,\"vCards\":{},\"timestamp\":-1,\"_data\":[]}}",
		 GH_OK, PROVIDER_FACT_MESSAGE},
		{"{\"event\":\"presence.update\",\"payload\":{\"presences\":[]}}", GH_OK,
		 PROVIDER_FACT_PRESENCE},
		{"{\"event\":\"presence.update\",\"payload\":{\"presences\":[1,{}]}}", GH_OK,
		 PROVIDER_FACT_PRESENCE},
		{"{\"event\":\"message.revoked\",\"payload\":{\"after\":null}}", GH_OK,
		 PROVIDER_FACT_REVOKED},
		{"{\"event\":\"session.status\",\"payload\":{\"statuses\":[{},1]}}", GH_OK,
		 PROVIDER_FACT_SESSION},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_event ev;
		struct gh_err err;

		assert_int_equal(waha_parse_event(slice_of(cases[i].body), a, &ev, &err),
				 cases[i].rc);
		if (cases[i].rc != GH_OK)
			continue;
		assert_true(ev.fact_count >= 1);
		assert_int_equal(ev.fact->kind, cases[i].kind);
	}
	arena_free(a);
}

static void
test_times(void **state GH_UNUSED)
{
	static const struct {
		const char *json;
		int64_t us;
	} cases[] = {
		{"1791000000", 1791000000000000},
		{"\"1791000000\"", 1791000000000000},
		{"1791000050.5", 1791000050500000},
		{"1791000000123", 1791000000123000},
		{"0", 0},
		{"-5", 0},
		{"1e300", 0},
		{"null", 0},
		{"\"soon\"", 0},
		{"{}", 0},
		{"\"2026-10-05T12:00:00Z\"", 1791201600000000},
		{"\"0026-10-05T12:00:00.000Z\"", 0},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_event ev;
		char *body = arena_printf(
			a, "{\"event\":\"message\",\"payload\":{\"timestamp\":%s}}", cases[i].json);

		assert_int_equal(waha_parse_event(slice_of(body), a, &ev, NULL), GH_OK);
		assert_int_equal(ev.fact->at_us, cases[i].us);
	}
	arena_free(a);
}

/* ---- ids and chats ---- */

static void
test_ids(void **state GH_UNUSED)
{
	static const struct {
		const char *text, *bare, *chat, *participant;
	} cases[] = {
		{"true_5511900000002@c.us_3EB0C0FFEE0000000001", "3EB0C0FFEE0000000001",
		 "5511900000002@c.us", NULL},
		{"false_5511-1400000000@g.us_3A00_5511900000005@c.us", "3A00",
		 "5511-1400000000@g.us", "5511900000005@c.us"},
		{"3A0000000000000000AA", "3A0000000000000000AA", NULL, NULL},
		{"yes_a_b", "yes_a_b", NULL, NULL},
		{"true_a_b_c_d", "true_a_b_c_d", NULL, NULL},
		{"", "", NULL, NULL},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct waha_id id = waha_id_split(slice_of(cases[i].text));

		assert_true(slice_eq(id.bare, slice_of(cases[i].bare)));
		assert_true(slice_eq(id.chat, slice_of(cases[i].chat)));
		assert_true(slice_eq(id.participant, slice_of(cases[i].participant)));
	}
}

static void
test_chats(void **state GH_UNUSED)
{
	static const struct {
		const char *id, *key, *lane; /* key NULL: refused; lane NULL: the key */
	} cases[] = {
		{"5511900000002", "5511900000002@c.us", "551100000002@c.us"},
		{"+5511900000002", "5511900000002@c.us", "551100000002@c.us"},
		{"551100000002@c.us", "551100000002@c.us", NULL},
		{"5511900000002:7@s.whatsapp.net", "5511900000002@c.us", "551100000002@c.us"},
		{"4915112345678@c.us", "4915112345678@c.us", NULL},
		{"120363000000000001@g.us", "120363000000000001@g.us", NULL},
		{"5511900000001-1400000000@g.us", "5511900000001-1400000000@g.us", NULL},
		{"210000000000002@lid", "210000000000002@lid", NULL},
		{"120363111@newsletter", "120363111@newsletter", NULL},
		{"status@broadcast", "status@broadcast", NULL},
		{"", NULL, NULL},
		{"me", NULL, NULL},
		{"123456", NULL, NULL},
		{"1234567890123456", NULL, NULL},
		{"55119-0000@c.us", NULL, NULL},
		{"@g.us", NULL, NULL},
		{"1-@g.us", NULL, NULL},
		{"status@g.us", NULL, NULL},
		{"5511900000002@evil.example", NULL, NULL},
		{"55 11 90000 0002", NULL, NULL},
		{"5511900000002@c.us@c.us", NULL, NULL},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_chat chat;
		enum gh_code rc = provider_chat_parse(slice_of(cases[i].id), a, &chat);
		const char *lane = cases[i].lane != NULL ? cases[i].lane : cases[i].key;

		if ((rc == GH_OK) != (cases[i].key != NULL))
			fail_msg("%s", cases[i].id);
		if (rc != GH_OK)
			continue;
		assert_true(slice_eq(chat.key, slice_of(cases[i].key)));
		assert_true(slice_eq(chat.lane_key, slice_of(lane)));
	}
	arena_free(a);
}

/* ---- requests ---- */

static const struct provider_server server = {
	.base_url = {"http://waha.example.net/base/", 29},
	.api_key = {"k", 1},
	.engine = {"GOWS", 4},
};

static void
test_build_text(void **state GH_UNUSED)
{
	static const struct {
		const char *engine, *ref, *reply, *body;
	} cases[] = {
		{"GOWS", "3EB0C0", NULL,
		 "{\"session\":\"acme_01\",\"chatId\":\"5511900000002@c.us\","
		 "\"text\":\"a \\\"b\\\"\",\"id\":\"3EB0C0\"}"},
		{"WEBJS", "3EB0C0", "false_x@c.us_AA",
		 "{\"session\":\"acme_01\",\"chatId\":\"5511900000002@c.us\","
		 "\"text\":\"a \\\"b\\\"\",\"reply_to\":\"false_x@c.us_AA\"}"},
		{NULL, NULL, NULL,
		 "{\"session\":\"acme_01\",\"chatId\":\"5511900000002@c.us\","
		 "\"text\":\"a \\\"b\\\"\"}"},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_server s = server;
		struct provider_message_ref quoted = {.full = slice_of(cases[i].reply)};
		struct provider_send m = {
			.kind = MSG_TEXT,
			.chat = S("5511900000002"),
			.content = S("a \"b\""),
			.send_ref = slice_of(cases[i].ref),
			.reply_to = cases[i].reply != NULL ? &quoted : NULL,
		};
		struct provider_call call = {
			.op = PROVIDER_OP_SEND, .session = S("acme_01"), .send = &m};
		struct provider_request r;

		s.engine = slice_of(cases[i].engine);
		assert_int_equal(provider_build(&provider_waha, &s, &call, a, &r, NULL), GH_OK);
		assert_string_equal(r.method, "POST");
		assert_true(slice_eq(r.url, S("http://waha.example.net/base/api/sendText")));
		assert_true(slice_eq(r.body, slice_of(cases[i].body)));
		assert_false(r.is_idempotent);
		assert_true(slice_eq(r.header[0].name, S("X-Api-Key")));
		assert_true(slice_eq(r.header[0].value, S("k")));
		assert_int_equal(r.header_count, 3);
	}
	arena_free(a);
}

/* Our body has no member that the contract's example does not know. */
static void
assert_subset(const struct json *ours, const struct json *example)
{
	for (const struct json *v = json_first(ours); v != NULL; v = json_next(v)) {
		char name[64];
		const struct json *known;

		assert_int_equal(slice_to_cstr(json_name(v), name, sizeof(name)), GH_OK);
		known = json_get(example, name);
		if (known == NULL)
			fail_msg("member %s is not in the contract", name);
		if (json_type(v) == JSON_OBJECT && strcmp(name, "metadata") != 0)
			assert_subset(v, known);
		else if (json_type(v) == JSON_ARRAY && json_type(json_first(v)) == JSON_OBJECT)
			assert_subset(json_first(v), json_first(known));
		else
			assert_int_equal(json_type(v), json_type(known));
	}
}

static void
test_build_create(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_session_spec spec = {
		.webhook_url = S("https://hub.example.net/webhook/waha/k1"),
		.webhook_secret = S("s3"),
		.company_id = 7,
		.instance_id = 42,
	};
	struct provider_call call = {
		.op = PROVIDER_OP_SESSION_CREATE, .session = S("7-shop"), .spec = &spec};
	const struct json *ours, *example, *hook;
	struct provider_request r;

	assert_int_equal(provider_build(&provider_waha, &server, &call, a, &r, NULL), GH_OK);
	assert_true(slice_eq(r.url, S("http://waha.example.net/base/api/sessions")));
	assert_int_equal(json_parse(r.body, a, &ours, NULL, NULL), GH_OK);
	assert_int_equal(json_parse(vector_read(a, "request_create"), a, &example, NULL, NULL),
			 GH_OK);
	assert_subset(ours, example);
	assert_true(json_bool(json_get(ours, "start"), false));
	assert_true(slice_eq(json_str(json_path(ours, "config.metadata.instance")), S("42")));
	hook = json_first(json_path(ours, "config.webhooks"));
	assert_true(slice_eq(json_str(json_get(hook, "url")), spec.webhook_url));
	assert_true(slice_eq(json_str(json_path(hook, "hmac.key")), S("s3")));
	assert_true(slice_eq(json_str(json_first(json_get(hook, "events"))), S("session.status")));
	arena_free(a);
}

static void
test_build_plain(void **state GH_UNUSED)
{
	static const struct {
		enum provider_op op;
		bool want_image;
		const char *method, *url;
	} cases[] = {
		{PROVIDER_OP_SESSION_GET, false, "GET", "/api/sessions/acme_01"},
		{PROVIDER_OP_SESSION_DELETE, false, "DELETE", "/api/sessions/acme_01"},
		{PROVIDER_OP_QR, false, "GET", "/api/acme_01/auth/qr?format=raw"},
		{PROVIDER_OP_QR, true, "GET", "/api/acme_01/auth/qr?format=image"},
		{PROVIDER_OP_SERVER_VERSION, false, "GET", "/api/server/version"},
		{PROVIDER_OP_MESSAGE_GET, false, "GET",
		 "/api/acme_01/chats/5511900000002%40c.us/messages/"
		 "true_5511900000002%40c.us_3EB0?downloadMedia=false"},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_call call = {
			.op = cases[i].op,
			.session = S("acme_01"),
			.chat = S("5511900000002@c.us"),
			.external_id = S("3EB0"),
			.want_image = cases[i].want_image,
		};
		struct provider_request r;
		char *url = arena_printf(a, "http://waha.example.net/base%s", cases[i].url);

		assert_int_equal(provider_build(&provider_waha, &server, &call, a, &r, NULL),
				 GH_OK);
		assert_string_equal(r.method, cases[i].method);
		assert_true(slice_eq(r.url, slice_of(url)));
		assert_null(r.body.p);
		assert_true(r.is_idempotent);
	}
	arena_free(a);
}

static void
test_build_refused(void **state GH_UNUSED)
{
	static const struct {
		const char *session, *chat;
		enum msg_kind kind;
		enum gh_code rc;
	} cases[] = {
		{"acme_01", "5511900000002", MSG_STICKER, GH_EPERM},
		{"acme_01", "5511900000002", MSG_REACTION, GH_EPERM},
		{"acme_01", "nobody", MSG_TEXT, GH_EINVAL},
		{"", "5511900000002", MSG_TEXT, GH_EINVAL},
		{"a/b", "5511900000002", MSG_TEXT, GH_EINVAL},
		{"1234567890123456789012345678901234567890123456789012345", "5511900000002",
		 MSG_TEXT, GH_EINVAL},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct provider_send m = {
			.kind = cases[i].kind, .chat = slice_of(cases[i].chat), .content = S("x")};
		struct provider_call call = {
			.op = PROVIDER_OP_SEND, .session = slice_of(cases[i].session), .send = &m};
		struct provider_request r;
		struct gh_err err = {0};

		assert_int_equal(provider_build(&provider_waha, &server, &call, a, &r, &err),
				 cases[i].rc);
		assert_true(err.text[0] != '\0');
	}
	arena_free(a);
}

/* ---- answers ---- */

#define NOT_WORKING(word)                                                                          \
	"{\"error\":\"Session status is not as expected. Try again later or restart the "          \
	"session\",\"session\":\"x\",\"status\":\"" word "\",\"expected\":[\"WORKING\"]}"
#define THROWN(text)                                                                               \
	"{\"statusCode\":500,\"exception\":{\"message\":\"2 UNKNOWN: " text                        \
	"\",\"details\":\"" text "\"},\"request\":{\"body\":{\"text\":\"secret text\"}}}"

static const struct answer_case {
	enum provider_op op;
	int status; /* 0: not sent, -1: no answer */
	const char *body;
	enum provider_outcome outcome;
	const char *code;
} answer_cases[] = {
	{PROVIDER_OP_SEND, 0, "", PROVIDER_RETRY, "provider_unreachable"},
	{PROVIDER_OP_SEND, -1, "", PROVIDER_UNKNOWN, "no_answer"},
	{PROVIDER_OP_SESSION_GET, -1, "", PROVIDER_RETRY, "no_answer"},
	{PROVIDER_OP_SESSION_CREATE, -1, "", PROVIDER_UNKNOWN, "no_answer"},
	{PROVIDER_OP_SEND, 201, "{}", PROVIDER_OK, "ok"},
	{PROVIDER_OP_SEND, 201, "<html>", PROVIDER_UNKNOWN, "answer_unreadable"},
	{PROVIDER_OP_SEND, 200, "", PROVIDER_UNKNOWN, "answer_unreadable"},
	{PROVIDER_OP_SEND, 302, "", PROVIDER_PARK_PROVIDER, "provider_redirects"},
	{PROVIDER_OP_SEND, 400,
	 "{\"message\":[\"text must be a string\"],\"error\":\"Bad Request\"}", PROVIDER_REJECTED,
	 "provider_refused"},
	{PROVIDER_OP_SEND, 401, "{\"message\":\"Unauthorized\",\"statusCode\":401}",
	 PROVIDER_PARK_PROVIDER, "provider_unauthorized"},
	{PROVIDER_OP_SEND, 403, "", PROVIDER_PARK_PROVIDER, "provider_forbidden"},
	{PROVIDER_OP_SEND, 404, "{\"message\":\"Cannot POST /api/sendText\"}",
	 PROVIDER_PARK_PROVIDER, "provider_path"},
	{PROVIDER_OP_SESSION_GET, 404,
	 "{\"message\":\"Session not found\",\"error\":\"Not Found\"}", PROVIDER_PARK_INSTANCE,
	 "session_missing"},
	{PROVIDER_OP_SESSION_DELETE, 404, "{\"message\":\"Session not found\"}", PROVIDER_OK, "ok"},
	{PROVIDER_OP_MESSAGE_GET, 404, "{\"message\":\"Not Found\"}", PROVIDER_OK, "not_found"},
	{PROVIDER_OP_MESSAGE_GET, 200, "", PROVIDER_OK, "not_found"},
	{PROVIDER_OP_MESSAGE_GET, 200, "null", PROVIDER_OK, "not_found"},
	{PROVIDER_OP_SEND, 408, "", PROVIDER_UNKNOWN, "provider_timeout"},
	{PROVIDER_OP_SEND, 425, "", PROVIDER_UNKNOWN, "provider_timeout"},
	{PROVIDER_OP_SEND, 413, "", PROVIDER_REJECTED, "too_large"},
	{PROVIDER_OP_SEND, 418, "", PROVIDER_REJECTED, "provider_refused"},
	{PROVIDER_OP_SEND, 422,
	 "{\"error\":\"Session \\\"x\\\" does not exist\",\"session\":\"x\"}",
	 PROVIDER_PARK_INSTANCE, "session_missing"},
	{PROVIDER_OP_SEND, 422, NOT_WORKING("STARTING"), PROVIDER_PARK_INSTANCE,
	 "session_connecting"},
	{PROVIDER_OP_SEND, 422, NOT_WORKING("SCAN_QR_CODE"), PROVIDER_PARK_INSTANCE,
	 "session_unpaired"},
	{PROVIDER_OP_SEND, 422, NOT_WORKING("PASSKEY_REQUIRED"), PROVIDER_PARK_INSTANCE,
	 "session_unpaired"},
	{PROVIDER_OP_SEND, 422, NOT_WORKING("STOPPED"), PROVIDER_PARK_INSTANCE, "session_stopped"},
	{PROVIDER_OP_SEND, 422, NOT_WORKING("FAILED"), PROVIDER_PARK_INSTANCE, "session_failed"},
	{PROVIDER_OP_SEND, 422, NOT_WORKING("NEW_WORD"), PROVIDER_PARK_INSTANCE,
	 "session_not_working"},
	{PROVIDER_OP_QR, 422, NOT_WORKING("WORKING"), PROVIDER_REJECTED, "already_connected"},
	{PROVIDER_OP_SESSION_CREATE, 422,
	 "{\"message\":\"Session 'x' already exists\",\"error\":\"Unprocessable Entity\"}",
	 PROVIDER_REJECTED, "session_exists"},
	{PROVIDER_OP_SEND, 422, "{\"message\":\"Plus version only\"}", PROVIDER_REJECTED,
	 "provider_refused"},
	{PROVIDER_OP_SEND, 429, "", PROVIDER_RETRY, "provider_rate_limited"},
	{PROVIDER_OP_SEND, 500, THROWN("server returned error 463"), PROVIDER_REJECTED,
	 "first_contact_refused"},
	{PROVIDER_OP_SEND, 500, THROWN("server returned error 400"), PROVIDER_PARK_INSTANCE,
	 "session_restart_needed"},
	{PROVIDER_OP_SEND, 500, THROWN("no LID found for 551190@s.whatsapp.net from server"),
	 PROVIDER_REJECTED, "recipient_unknown"},
	{PROVIDER_OP_SEND, 500, THROWN("No LID for user"), PROVIDER_RETRY, "recipient_unresolved"},
	{PROVIDER_OP_SEND, 500, THROWN("rate-overlimit"), PROVIDER_RETRY, "whatsapp_rate_limited"},
	{PROVIDER_OP_SEND, 500, THROWN("14 UNAVAILABLE: connect ECONNREFUSED 127.0.0.1:50051"),
	 PROVIDER_RETRY, "engine_restarting"},
	{PROVIDER_OP_SEND, 500, THROWN("14 UNAVAILABLE: Connection dropped"), PROVIDER_UNKNOWN,
	 "provider_error"},
	{PROVIDER_OP_SEND, 500, "", PROVIDER_UNKNOWN, "provider_error"},
	{PROVIDER_OP_SEND, 500, THROWN("Message id must be in format true_chat_id"),
	 PROVIDER_REJECTED, "message_id_refused"},
	{PROVIDER_OP_SEND, 404, "{\"error\":{\"code\":404,\"key\":\"FILE_NOT_FOUND\"}}",
	 PROVIDER_REJECTED, "media_gone"},
	{PROVIDER_OP_SEND, 501, "{\"message\":\"not implemented\"}", PROVIDER_REJECTED,
	 "unsupported"},
	{PROVIDER_OP_SEND, 502, "<html>", PROVIDER_UNKNOWN, "provider_error"},
	{PROVIDER_OP_SEND, 503, "", PROVIDER_UNKNOWN, "provider_error"},
	{PROVIDER_OP_SERVER_VERSION, 503, "", PROVIDER_RETRY, "provider_error"},
	{PROVIDER_OP_SERVER_VERSION, 200, "{\"hello\":1}", PROVIDER_PARK_PROVIDER, "provider_path"},
	{PROVIDER_OP_SEND, 999, "", PROVIDER_UNKNOWN, "provider_error"},
	{PROVIDER_OP_SEND, 100, "", PROVIDER_UNKNOWN, "provider_error"},
};

static struct provider_result
answer(struct arena *a, enum provider_op op, int status, struct slice body, int64_t retry_us)
{
	struct provider_answer ans = {.transport = status > 0    ? PROVIDER_ANSWERED
						   : status == 0 ? PROVIDER_NOT_SENT
								 : PROVIDER_NO_ANSWER,
				      .status = status,
				      .body = body,
				      .retry_after_us = retry_us};
	struct provider_result r;

	provider_interpret(&provider_waha, op, &ans, a, &r);
	return r;
}

static void
test_answers(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(answer_cases); i++) {
		const struct answer_case *c = &answer_cases[i];
		struct provider_result r = answer(a, c->op, c->status, slice_of(c->body), 0);

		if (r.outcome != c->outcome || strcmp(r.code, c->code) != 0)
			fail_msg("%d %s: got %s %s, want %s %s", c->status, c->body,
				 provider_outcome_name(r.outcome), r.code,
				 provider_outcome_name(c->outcome), c->code);
		assert_null(strstr(r.text, "secret"));
	}
	arena_free(a);
}

static void
test_answer_ids(void **state GH_UNUSED)
{
	static const char *const files[] = {"answer_send_gows", "answer_send_noweb",
					    "answer_send_webjs"};
	static const struct {
		const char *body, *id;
	} shapes[] = {
		{"{\"id\":{\"id\":\"3EB0A\",\"fromMe\":true}}", "3EB0A"},
		{"{\"_data\":{\"id\":{\"id\":\"3EB0B\"}}}", "3EB0B"},
		{"{\"_data\":{\"key\":{\"id\":\"3EB0C\"}}}", "3EB0C"},
		{"{\"_data\":{\"Info\":{\"ID\":\"3EB0D\"}}}", "3EB0D"},
		{"{\"sent\":true}", NULL},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(files); i++) {
		struct provider_result r =
			answer(a, PROVIDER_OP_SEND, 201, vector_read(a, files[i]), 0);

		assert_int_equal(r.outcome, PROVIDER_OK);
		assert_true(slice_eq(r.external_id, S("3EB0C0FFEE0000000001")));
	}
	for (size_t i = 0; i < GH_COUNT(shapes); i++) {
		struct provider_result r =
			answer(a, PROVIDER_OP_SEND, 201, slice_of(shapes[i].body), 0);

		assert_int_equal(r.outcome, PROVIDER_OK);
		assert_true(slice_eq(r.external_id, slice_of(shapes[i].id)));
	}
	arena_free(a);
}

static void
test_answer_details(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	struct provider_result r;
	char *longest = arena_printf(a, "{\"error\":\"a\\n%0300d\"}", 7);

	r = answer(a, PROVIDER_OP_SESSION_GET, 200, vector_read(a, "answer_session"), 0);
	assert_int_equal(r.session, PROVIDER_SESSION_CONNECTED);
	assert_true(slice_eq(r.session_word, S("WORKING")));
	assert_true(slice_eq(r.own_number, S("5511900000001")));
	r = answer(a, PROVIDER_OP_SERVER_VERSION, 200, vector_read(a, "answer_version"), 0);
	assert_true(slice_eq(r.version, S("2026.7.1")));
	assert_true(slice_eq(r.engine, S("GOWS")));
	r = answer(a, PROVIDER_OP_SEND, 422, vector_read(a, "answer_not_working"), 0);
	assert_int_equal(r.session, PROVIDER_SESSION_CONNECTING);
	assert_true(r.retry_after_us > 0);
	r = answer(a, PROVIDER_OP_SEND, 500, vector_read(a, "answer_error_500"), 0);
	assert_string_equal(r.text, "server returned error 463");
	r = answer(a, PROVIDER_OP_QR, 200, S("{\"value\":\"2@abc\"}"), 0);
	assert_true(slice_eq(r.qr, S("2@abc")));
	r = answer(a, PROVIDER_OP_QR, 200, S("{\"mimetype\":\"image/png\",\"data\":\"aGk=\"}"), 0);
	assert_true(slice_eq(r.qr_type, S("image/png")));
	r = answer(a, PROVIDER_OP_QR, 200, S("\x89PNG"), 0);
	assert_int_equal(r.outcome, PROVIDER_RETRY);
	r = answer(a, PROVIDER_OP_MESSAGE_GET, 200,
		   S("{\"id\":\"true_5511900000002@c.us_3EB0\",\"ack\":3,\"ackName\":\"READ\"}"),
		   0);
	assert_true(r.is_found && r.has_status);
	assert_int_equal(r.status, MSG_READ);
	r = answer(a, PROVIDER_OP_SEND, 429, S(""), 7000000);
	assert_int_equal(r.retry_after_us, 7000000); /* what the server asked for wins */
	r = answer(a, PROVIDER_OP_SEND, 418, slice_of(longest), 0);
	assert_int_equal(strlen(r.text), PROVIDER_TEXT_MAX);
	assert_null(strchr(r.text, '\n'));
	arena_free(a);
}

/* The answer to a refused file echoes the file: only its beginning is taken. */
static void
test_answer_cut(void **state GH_UNUSED)
{
	static const struct {
		const char *body;
		int status;
		enum provider_outcome outcome;
		const char *code;
	} cases[] = {
		{"{\"id\":\"true_x@c.us_3EB0C0\",\"_data\":{\"body\":\"/9j/", 201, PROVIDER_OK,
		 "ok"},
		{"{\"_data\":{\"body\":\"/9j/", 201, PROVIDER_UNKNOWN, "answer_unreadable"},
		{"}}],,\"", 201, PROVIDER_UNKNOWN, "answer_unreadable"},
		{"{\"a\":\"\\", 500, PROVIDER_UNKNOWN, "provider_error"},
		{"", 500, PROVIDER_UNKNOWN, "provider_error"},
	};
	struct arena *a = arena_new(0);
	struct provider_answer ans = {.transport = PROVIDER_ANSWERED, .is_cut = true};
	struct provider_result r;

	ans.status = 500;
	ans.body = vector_read(a, "answer_error_463_cut");
	provider_interpret(&provider_waha, PROVIDER_OP_SEND, &ans, a, &r);
	assert_int_equal(r.outcome, PROVIDER_REJECTED);
	assert_string_equal(r.code, "first_contact_refused");
	assert_string_equal(r.text, "server returned error 463");
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		ans.status = cases[i].status;
		ans.body = slice_of(cases[i].body);
		provider_interpret(&provider_waha, PROVIDER_OP_SEND, &ans, a, &r);
		assert_int_equal(r.outcome, cases[i].outcome);
		assert_string_equal(r.code, cases[i].code);
	}
	arena_free(a);
}

static void
test_text_set(void **state GH_UNUSED)
{
	char text[PROVIDER_TEXT_MAX + 1], in[PROVIDER_TEXT_MAX + 8];

	memset(in, 'a', sizeof(in));
	memcpy(in + PROVIDER_TEXT_MAX - 1, "\xC3\xA9", 2); /* e acute across the limit */
	provider_text_set(text, slice_make(in, sizeof(in)));
	assert_int_equal(strlen(text), PROVIDER_TEXT_MAX - 1);
	provider_text_set(text, S("bad \xFF\x01 byte"));
	assert_string_equal(text, "bad ?  byte");
	provider_text_set(text, SLICE_NONE);
	assert_string_equal(text, "");
}

/* ---- signature and reference ---- */

static void
test_verify(void **state GH_UNUSED)
{
	static const char mac[] =
		"690ff99561b7e6e0a3edf811731f2b424072f1051d314ee8860ca4b9f54854526cd6"
		"0972a36a7e85af4852a2064c9a61095d99aabd86668ca17f7d25f078be3a";
	const struct slice body = S("{\"id\":\"evt_01k5growhub0000000000000a1\",\"timestamp\":"
				    "1791000000123,\"event\":\"message.ack\",\"session\":"
				    "\"acme_01\"}");
	const struct slice key = S("growhub-test-key"), sig = slice_of(mac);
	const struct {
		struct slice key, sig, body;
		enum gh_code rc;
	} cases[] = {
		{key, sig, body, GH_OK},
		{S("other"), sig, body, GH_EAUTH},
		{SLICE_NONE, sig, body, GH_EAUTH},
		{key, SLICE_NONE, body, GH_EAUTH},
		{key, slice_sub(sig, 0, 64), body, GH_EAUTH},
		{key, S("zz"), body, GH_EAUTH},
		{key, sig, slice_from(body, 1), GH_EAUTH},
	};

	for (size_t i = 0; i < GH_COUNT(cases); i++)
		assert_int_equal(
			provider_verify(&provider_waha, cases[i].key, cases[i].sig, cases[i].body),
			cases[i].rc);
}

static void
test_send_ref(void **state GH_UNUSED)
{
	struct uuid a, b;
	char first[PROVIDER_SEND_REF_SIZE], again[PROVIDER_SEND_REF_SIZE];

	assert_int_equal(uuid_parse(S("0198c0de-0000-7000-8000-000000000001"), &a), GH_OK);
	assert_int_equal(uuid_parse(S("0198c0de-0000-7000-8000-000000000002"), &b), GH_OK);
	assert_true(provider_send_ref(&provider_waha, MSG_TEXT, a, first));
	assert_true(provider_send_ref(&provider_waha, MSG_TEXT, a, again));
	assert_string_equal(first, again);
	assert_int_equal(strlen(first), 22);
	assert_memory_equal(first, "3EB0", 4);
	assert_int_equal(strspn(first, "0123456789ABCDEF"), 22);
	assert_true(provider_send_ref(&provider_waha, MSG_TEXT, b, again));
	assert_string_not_equal(first, again);
	assert_false(provider_send_ref(&provider_waha, MSG_IMAGE, a, again));
	assert_string_equal(again, "");
}

static void
test_find(void **state GH_UNUSED)
{
	assert_ptr_equal(provider_find(S("waha")), &provider_waha);
	assert_null(provider_find(S("WAHA2")));
	assert_null(provider_find(SLICE_NONE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_hook_frame),
		cmocka_unit_test(test_hook_tolerance),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_chats),
		cmocka_unit_test(test_build_text),
		cmocka_unit_test(test_build_create),
		cmocka_unit_test(test_build_plain),
		cmocka_unit_test(test_build_refused),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_answer_ids),
		cmocka_unit_test(test_answer_details),
		cmocka_unit_test(test_answer_cut),
		cmocka_unit_test(test_text_set),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_send_ref),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
