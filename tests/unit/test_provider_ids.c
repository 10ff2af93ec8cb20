/* test_provider_ids.c - what a provider calls an id is one only within PROVIDER_ID_MAX, in answers
 * and webhooks of every provider.
 */
#include "answers.h"

#include "base/slice.h"
#include "provider/provider.h"

/* A JSON text around an id, of one provider. */
struct id_case {
	const struct provider *p;
	const char *before, *after;
	enum provider_fact_kind kind; /* while the id fits */
	const char *is_kept;          /* why a fact stays with a longer one; NULL: it does not */
};

static struct slice
id_of(struct arena *a, size_t bytes)
{
	char *id = arena_alloc(a, bytes + 1);

	memset(id, 'A', bytes);
	return slice_make(id, bytes);
}

static struct slice
body_with(struct arena *a, const struct id_case *c, struct slice id)
{
	return slice_of(arena_printf(a, "%s%.*s%s", c->before, S_FMT(id), c->after));
}

#define WAHA_HOOK(event)           "{\"event\":\"" event "\",\"session\":\"s\",\"payload\":{"
#define WAHA_FROM                  "\"from\":\"5511900000002@c.us\",\"body\":\"x\""
#define UAZAPI_HOOK(event, member) "{\"EventType\":\"" event "\",\"" member "\":{"
#define UAZAPI_FROM                                                                                \
	"\"chatid\":\"5511900000002@s.whatsapp.net\",\"messageType\":\"Conversation\","            \
	"\"text\":\"x\""

static void
test_sent_ids(void **state GH_UNUSED)
{
	static const struct id_case cases[] = {
		{.p = &provider_waha, .before = "{\"id\":\"", .after = "\"}"},
		{.p = &provider_waha,
		 .before = "{\"key\":{\"id\":\"",
		 .after = "\",\"remoteJid\":\"5511900000002@s.whatsapp.net\"}}"},
		{.p = &provider_uazapi, .before = "{\"messageid\":\"", .after = "\"}"},
		{.p = &provider_uazapi, .before = "{\"id\":\"5511900000001:", .after = "\"}"},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		static const size_t lengths[] = {PROVIDER_ID_MAX + 1, 200000};
		struct slice id = id_of(a, PROVIDER_ID_MAX);
		struct provider_result r = provider_answer_to(cases[i].p, a, PROVIDER_OP_SEND, 200,
							      body_with(a, &cases[i], id), 0);

		assert_int_equal(r.outcome, PROVIDER_OK);
		assert_true(slice_eq(r.external_id, id));
		for (size_t k = 0; k < GH_COUNT(lengths); k++) {
			id = id_of(a, lengths[k]);
			r = provider_answer_to(cases[i].p, a, PROVIDER_OP_SEND, 200,
					       body_with(a, &cases[i], id), 0);
			assert_int_equal(r.outcome, PROVIDER_UNKNOWN);
			assert_string_equal(r.code, "answer_unreadable");
			assert_int_equal(r.external_id.n, 0);
		}
	}
	arena_free(a);
}

static void
test_action_ids(void **state GH_UNUSED)
{
	static const struct id_case cases[] = {
		{.p = &provider_waha, .before = "{\"id\":\"", .after = "\"}"},
		{.p = &provider_uazapi, .before = "{\"messageid\":\"", .after = "\"}"},
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		for (size_t n = PROVIDER_ID_MAX; n <= PROVIDER_ID_MAX + 1; n++) {
			const struct provider_answer ans = {
				.transport = PROVIDER_ANSWERED,
				.status = 200,
				.body = body_with(a, &cases[i], id_of(a, n)),
			};
			struct provider_result r;

			provider_read_action(cases[i].p, ACTION_EDIT, &ans, a, &r);
			assert_int_equal(r.outcome, PROVIDER_OK);
			assert_int_equal(r.external_id.n, n <= PROVIDER_ID_MAX ? n : 0);
		}
	}
	arena_free(a);
}

static const struct id_case hooks[] = {
	{&provider_waha, WAHA_HOOK("message") "\"id\":\"", "\"," WAHA_FROM "}}",
	 PROVIDER_FACT_MESSAGE, NULL},
	{&provider_waha, WAHA_HOOK("message") "\"id\":\"false_5511900000002@c.us_",
	 "\"," WAHA_FROM "}}", PROVIDER_FACT_MESSAGE, NULL},
	{&provider_waha, WAHA_HOOK("message") "\"id\":\"B\",\"replyTo\":{\"id\":\"",
	 "\"}," WAHA_FROM "}}", PROVIDER_FACT_MESSAGE, "the quote is none"},
	{&provider_waha, WAHA_HOOK("message.ack") "\"ack\":3,\"fromMe\":true,\"id\":\"",
	 "\"," WAHA_FROM "}}", PROVIDER_FACT_STATUS, NULL},
	{&provider_waha,
	 WAHA_HOOK("message.reaction") "\"id\":\"B\",\"reaction\":{\"text\":\"x\",\"messageId\":\"",
	 "\"}," WAHA_FROM "}}", PROVIDER_FACT_REACTION, NULL},
	{&provider_waha, WAHA_HOOK("message.revoked") "\"revokedMessageId\":\"", "\"}}",
	 PROVIDER_FACT_REVOKED, NULL},
	{&provider_waha, WAHA_HOOK("call.received") "\"id\":\"", "\"," WAHA_FROM "}}",
	 PROVIDER_FACT_CALL, NULL},
	{&provider_waha, WAHA_HOOK("message") "\"id\":\"B\",\"from\":\"", "\"}}",
	 PROVIDER_FACT_MESSAGE, "its chat is none"},
	{&provider_uazapi, UAZAPI_HOOK("messages", "message") "\"messageid\":\"",
	 "\"," UAZAPI_FROM "}}", PROVIDER_FACT_MESSAGE, NULL},
	{&provider_uazapi, UAZAPI_HOOK("messages", "message") "\"messageid\":\"B\",\"quoted\":\"",
	 "\"," UAZAPI_FROM "}}", PROVIDER_FACT_MESSAGE, "the quote is none"},
	{&provider_uazapi,
	 UAZAPI_HOOK("messages_update", "event") "\"Type\":\"Read\",\"MessageIDs\":[\"", "\"]}}",
	 PROVIDER_FACT_STATUS, NULL},
	{&provider_uazapi,
	 UAZAPI_HOOK("messages_update", "event") "\"Type\":\"Read\",\"MessageIDs\":[\"",
	 "\",\"B\"]}}", PROVIDER_FACT_STATUS, NULL},
	{&provider_uazapi, UAZAPI_HOOK("call", "event") "\"CallID\":\"", "\"}}", PROVIDER_FACT_CALL,
	 NULL},
};

static void
assert_ids_bound(const struct provider_fact *f)
{
	assert_true(f->external_id.n <= PROVIDER_ID_MAX);
	assert_true(f->target_id.n <= PROVIDER_ID_MAX);
	assert_true(f->quoted_id.n <= PROVIDER_ID_MAX);
	assert_true(f->chat.n <= PROVIDER_ID_MAX);
	assert_true(f->from.n <= PROVIDER_ID_MAX);
	assert_true(f->full_id.n <= PROVIDER_FULL_ID_MAX);
}

static void
test_hook_ids(void **state GH_UNUSED)
{
	static const size_t lengths[] = {PROVIDER_ID_MAX, PROVIDER_ID_MAX + 1, 20000};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < GH_COUNT(hooks); i++) {
		const struct id_case *c = &hooks[i];

		for (size_t k = 0; k < GH_COUNT(lengths); k++) {
			bool fits = lengths[k] <= PROVIDER_ID_MAX;
			struct slice body = body_with(a, c, id_of(a, lengths[k]));
			struct provider_event ev;

			assert_int_equal(provider_parse_event(c->p, body, a, &ev, NULL), GH_OK);
			if ((fits || c->is_kept != NULL ? c->kind : PROVIDER_FACT_OTHER) !=
			    ev.fact->kind)
				fail_msg("%s...%s with %zu bytes is %s", c->before, c->after,
					 lengths[k], provider_fact_name(ev.fact->kind));
			assert_ids_bound(ev.fact);
		}
	}
	arena_free(a);
}

/* Of a batch only the one that is no id is lost. */
static void
test_batch_keeps_others(void **state GH_UNUSED)
{
	struct arena *a = arena_new(0);
	const struct id_case c = {
		.p = &provider_uazapi,
		.before = UAZAPI_HOOK("messages_update",
				      "event") "\"Type\":\"Read\",\"MessageIDs\":[\"",
		.after = "\",\"B\"]}}",
	};
	struct provider_event ev;

	assert_int_equal(provider_parse_event(c.p, body_with(a, &c, id_of(a, 20000)), a, &ev, NULL),
			 GH_OK);
	assert_int_equal(ev.fact_count, 2);
	assert_int_equal(ev.fact[0].kind, PROVIDER_FACT_OTHER);
	assert_int_equal(ev.fact[1].kind, PROVIDER_FACT_STATUS);
	assert_true(slice_eq(ev.fact[1].external_id, S("B")));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sent_ids),
		cmocka_unit_test(test_action_ids),
		cmocka_unit_test(test_hook_ids),
		cmocka_unit_test(test_batch_keeps_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
