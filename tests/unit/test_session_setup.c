/* test_session_setup.c - sessions made step by step against a provider and a database that the
 * test plays: the key is committed before anything follows, one session whatever was lost.
 */
#include "db_play.h"

#include "daemon/provider_client.h"
#include "db/db.h"

static void play_call(struct provider_client *c, const struct provider_address *address,
		      const struct provider_call *call, int64_t timeout_us,
		      provider_client_fn *done, void *arg);
static const struct provider *play_find(struct slice name);
static const struct db_result *play_result(const struct db_unit *u, unsigned i);
static unsigned play_rows(const struct db_result *r);

#define db_submit            db_play_submit
#define db_unit_result       play_result
#define db_row_count         play_rows
#define provider_client_call play_call
#define provider_find        play_find
#include "daemon/session_setup.c"
#undef db_submit
#undef db_unit_result
#undef db_row_count
#undef provider_client_call
#undef provider_find

static const enum provider_op steps[] = {PROVIDER_OP_SESSION_UPDATE, PROVIDER_OP_SESSION_START};
static const struct provider keyed = {
	.name = "keyed", .has_session_keys = true, .setup = steps, .setup_count = GH_COUNT(steps)};
static const struct provider plain = {.name = "plain"};

static struct {
	struct arena *a;
	struct seal_key seal_key;
	unsigned rows; /* that the key's statement changes */

	bool is_called; /* a call waits for its answer */
	enum provider_op op;
	char key[32];
	provider_client_fn *answer;
	void *answer_arg;

	unsigned ends;
	enum provider_op last_op;
	enum provider_outcome outcome;
	char code[64];
	enum provider_session state;
} play;

static void
play_call(struct provider_client *c GH_UNUSED, const struct provider_address *address GH_UNUSED,
	  const struct provider_call *call, int64_t timeout_us, provider_client_fn *done, void *arg)
{
	assert_false(play.is_called);
	assert_true(timeout_us >= CALL_MIN_US);
	play.is_called = true;
	play.op = call->op;
	(void)snprintf(play.key, sizeof(play.key), "%.*s", S_FMT(call->session_key));
	play.answer = done;
	play.answer_arg = arg;
}

static const struct provider *
play_find(struct slice name)
{
	return slice_eq(name, S("keyed")) ? &keyed : slice_eq(name, S("plain")) ? &plain : NULL;
}

static const struct db_result *
play_result(const struct db_unit *u GH_UNUSED, unsigned i GH_UNUSED)
{
	return NULL;
}

static unsigned
play_rows(const struct db_result *r GH_UNUSED)
{
	return play.rows;
}

static void
ended(void *arg GH_UNUSED, enum provider_op op, const struct provider_result *r, int64_t elapsed_us)
{
	play.ends++;
	play.last_op = op;
	play.outcome = r->outcome;
	play.state = r->session;
	(void)snprintf(play.code, sizeof(play.code), "%s", r->code);
	assert_true(elapsed_us >= 0);
}

static void
begin(const char *type, bool may_exist)
{
	const struct session_setup_want want = {
		.seal_key = &play.seal_key,
		.address = {.type = slice_of(type)},
		.company_id = 3,
		.instance_id = 7,
		.session = S("3-shop"),
		.may_exist = may_exist,
		.timeout_us = 10 * CLOCK_SEC,
	};

	session_setup(&want, play.a, ended, NULL);
}

/* The call under way is op, with that key, and ends so. */
static void
answer(enum provider_op op, const char *key, struct provider_result r)
{
	assert_true(play.is_called);
	assert_int_equal(play.op, op);
	assert_string_equal(play.key, key);
	assert_int_equal(play.ends, 0);
	play.is_called = false;
	if (r.code == NULL)
		r.code = "ok";
	play.answer(play.answer_arg, &r, 1);
}

static void
assert_ended(enum provider_outcome outcome, const char *code, enum provider_op op)
{
	assert_int_equal(play.ends, 1);
	assert_int_equal(play.outcome, outcome);
	assert_string_equal(play.code, code);
	assert_int_equal(play.last_op, op);
	assert_false(play.is_called);
	assert_int_equal(db_play.count, 0);
}

static int
setup_test(void **state)
{
	static const uint8_t key[SEAL_KEY_SIZE] = {1};

	(void)state;
	memset(&db_play, 0, sizeof(db_play));
	memset(&play, 0, sizeof(play));
	play.a = arena_new(0);
	play.rows = 1;
	seal_key_init(&play.seal_key, key);
	return 0;
}

static int
end_test(void **state)
{
	(void)state;
	arena_free(play.a);
	return 0;
}

static const struct provider_result made = {.session_key = {"k1", 2},
					    .session = PROVIDER_SESSION_DISCONNECTED};

static void
test_the_key_is_committed_first(void **state)
{
	(void)state;
	begin("keyed", false);
	answer(PROVIDER_OP_SESSION_CREATE, "", made);
	assert_false(play.is_called); /* the database has it first */
	assert_int_equal(db_play.count, 1);
	db_play_answer(DB_ERR_NONE, "");
	answer(PROVIDER_OP_SESSION_UPDATE, "k1", (struct provider_result){0});
	answer(PROVIDER_OP_SESSION_START, "k1",
	       (struct provider_result){.session = PROVIDER_SESSION_QR});
	assert_ended(PROVIDER_OK, "ok", PROVIDER_OP_SESSION_START);
	assert_int_equal(play.state, PROVIDER_SESSION_QR);
}

static void
test_without_keys_it_is_one_call(void **state)
{
	(void)state;
	begin("plain", true);
	answer(PROVIDER_OP_SESSION_CREATE, "",
	       (struct provider_result){.outcome = PROVIDER_REJECTED, .code = "session_exists"});
	assert_ended(PROVIDER_REJECTED, "session_exists", PROVIDER_OP_SESSION_CREATE);
}

/* One that is connected is told where to post, and left running. */
static void
test_what_was_made_before_is_taken_over(void **state)
{
	const struct provider_listed listed[] = {
		{.session = S("3-other"), .session_key = S("k0")},
		{.session = S("3-shop"),
		 .session_key = S("k1"),
		 .state = PROVIDER_SESSION_CONNECTED},
		{.session = S("3-shop"), .session_key = S("k2")},
	};

	(void)state;
	begin("keyed", true);
	answer(PROVIDER_OP_SESSION_FIND, "",
	       (struct provider_result){.listed = listed, .listed_count = GH_COUNT(listed)});
	db_play_answer(DB_ERR_NONE, "");
	answer(PROVIDER_OP_SESSION_UPDATE, "k1", (struct provider_result){0});
	assert_ended(PROVIDER_OK, "ok", PROVIDER_OP_SESSION_UPDATE);
	assert_int_equal(play.state, PROVIDER_SESSION_CONNECTED);
}

static void
test_none_is_made_unseen(void **state)
{
	(void)state;
	begin("keyed", true);
	answer(PROVIDER_OP_SESSION_FIND, "",
	       (struct provider_result){.outcome = PROVIDER_RETRY, .code = "provider_error"});
	assert_ended(PROVIDER_RETRY, "provider_error", PROVIDER_OP_SESSION_FIND);
	play.ends = 0;
	begin("keyed", true);
	answer(PROVIDER_OP_SESSION_FIND, "", (struct provider_result){0});
	answer(PROVIDER_OP_SESSION_CREATE, "",
	       (struct provider_result){.outcome = PROVIDER_UNKNOWN, .code = "no_answer"});
	assert_ended(PROVIDER_UNKNOWN, "no_answer", PROVIDER_OP_SESSION_CREATE);
}

/* Its instance was deleted by who knew no key to end it with. */
static void
test_an_orphan_is_ended(void **state)
{
	static const struct {
		enum provider_outcome told;
		const char *code;
		enum provider_outcome outcome;
		const char *ends_as;
	} cases[] = {
		{PROVIDER_OK, "ok", PROVIDER_REJECTED, "instance_deleted"},
		{PROVIDER_PARK_INSTANCE, "session_missing", PROVIDER_REJECTED, "instance_deleted"},
		{PROVIDER_RETRY, "provider_error", PROVIDER_RETRY, "provider_error"},
	};

	(void)state;
	play.rows = 0;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		play.ends = 0;
		begin("keyed", false);
		answer(PROVIDER_OP_SESSION_CREATE, "", made);
		db_play_answer(DB_ERR_NONE, "");
		answer(PROVIDER_OP_SESSION_DELETE, "k1",
		       (struct provider_result){.outcome = cases[i].told, .code = cases[i].code});
		assert_ended(cases[i].outcome, cases[i].ends_as, PROVIDER_OP_SESSION_DELETE);
	}
}

/* Without its key committed a session is not started: it is found again later. */
static void
test_a_key_that_is_not_kept_ends_it(void **state)
{
	(void)state;
	begin("keyed", false);
	answer(PROVIDER_OP_SESSION_CREATE, "", made);
	db_play_answer(DB_ERR_LOST, "");
	assert_ended(PROVIDER_RETRY, "session_key_unstored", PROVIDER_OP_SESSION_CREATE);
	play.ends = 0;
	db_play.is_full = true;
	begin("keyed", false);
	answer(PROVIDER_OP_SESSION_CREATE, "", made);
	assert_ended(PROVIDER_RETRY, "session_key_unstored", PROVIDER_OP_SESSION_CREATE);
	play.ends = 0;
	begin("keyed", false);
	answer(PROVIDER_OP_SESSION_CREATE, "", (struct provider_result){0});
	assert_ended(PROVIDER_UNKNOWN, "answer_unreadable", PROVIDER_OP_SESSION_CREATE);
}

static void
test_a_step_that_fails_ends_it(void **state)
{
	(void)state;
	begin("keyed", false);
	answer(PROVIDER_OP_SESSION_CREATE, "", made);
	db_play_answer(DB_ERR_NONE, "");
	answer(PROVIDER_OP_SESSION_UPDATE, "k1",
	       (struct provider_result){.outcome = PROVIDER_REJECTED, .code = "refused"});
	assert_ended(PROVIDER_REJECTED, "refused", PROVIDER_OP_SESSION_UPDATE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_the_key_is_committed_first),
		CASE(test_without_keys_it_is_one_call),
		CASE(test_what_was_made_before_is_taken_over),
		CASE(test_none_is_made_unseen),
		CASE(test_an_orphan_is_ended),
		CASE(test_a_key_that_is_not_kept_ends_it),
		CASE(test_a_step_that_fails_ends_it),
	};

	return cmocka_run_group_tests_name("session setup", tests, NULL, NULL);
}
