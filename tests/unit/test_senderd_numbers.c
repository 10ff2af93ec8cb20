/* test_senderd_numbers.c - what a sender knows of numbers of Brazil, over a database that the test
 * plays itself. Frozen clock. */
#include "db_play.h"
#include "model/async_commit.h"
#include "model/number.h"

#undef fail /* cmocka's macro would swallow the member of db_batch_def */

#define db_submit db_play_submit
#include "db/batch.c"
#include "model/lookup.c"
#undef db_submit

/* ---- the table ---- */

#define ROWS_MAX 4

static struct {
	struct senderd *sd;
	struct numbers *n;
	struct arena *a;
	struct number_row rows[ROWS_MAX]; /* what a look-up finds, whatever it asks for */
	unsigned row_count;
	unsigned lookup_count; /* statements */
	unsigned asked_count;  /* keys of the last one */
	unsigned keep_count, resolve_count, async_count;
	struct number_row kept[ROWS_MAX];
	struct number_resolved resolved[ROWS_MAX];
	unsigned forget_count;
	struct number_key forgotten[ROWS_MAX];
	unsigned kept_rows, resolved_rows, forgotten_rows; /* of the last statements */
} t;

static void
play_list_add(struct db_unit *u GH_UNUSED, const struct number_key *keys GH_UNUSED, unsigned count)
{
	t.lookup_count++;
	t.asked_count = count;
}

static unsigned
play_count(const struct db_unit *u GH_UNUSED, unsigned stmt GH_UNUSED)
{
	return t.row_count;
}

static void
play_read(const struct db_unit *u GH_UNUSED, unsigned stmt GH_UNUSED, unsigned i,
	  struct number_row *row)
{
	*row = t.rows[i];
}

static void
play_keep_add(struct db_unit *u GH_UNUSED, const struct number_row *rows, unsigned count)
{
	assert_true(count <= ROWS_MAX);
	t.keep_count++;
	t.kept_rows = count;
	memcpy(t.kept, rows, count * sizeof(*rows));
}

static void
play_resolve_add(struct db_unit *u GH_UNUSED, const struct number_resolved *rows, unsigned count)
{
	assert_true(count <= ROWS_MAX);
	t.resolve_count++;
	t.resolved_rows = count;
	memcpy(t.resolved, rows, count * sizeof(*rows));
}

static void
play_forget_add(struct db_unit *u GH_UNUSED, const struct number_key *keys, unsigned count)
{
	assert_true(count <= ROWS_MAX);
	t.forget_count++;
	t.forgotten_rows = count;
	memcpy(t.forgotten, keys, count * sizeof(*keys));
}

static void
play_async_add(struct db_unit *u GH_UNUSED)
{
	t.async_count++;
}

#define number_list_add    play_list_add
#define number_count       play_count
#define number_read        play_read
#define number_keep_add    play_keep_add
#define number_resolve_add play_resolve_add
#define number_forget_add  play_forget_add
#define async_commit_add   play_async_add
#include "senderd/numbers.c"

#define PROVIDER 7

struct told {
	unsigned calls;
	enum gh_code code;
	bool exists;
	char chat[40];
};

static const struct uuid message_1 = {{1}}, message_2 = {{2}};
static int64_t mono_us;

static void
tick(int64_t us)
{
	mono_us += us;
	clock_freeze(INT64_C(1768478400000000), mono_us);
}

static void
on_answer(void *arg, enum gh_code code, const struct number_answer *answer)
{
	struct told *told = arg;

	told->calls++;
	told->code = code;
	if (code != GH_OK)
		return;
	told->exists = answer->exists;
	(void)snprintf(told->chat, sizeof(told->chat), "%.*s", S_FMT(answer->chat));
}

static struct told
ask(const char *phone)
{
	static struct told told[256];
	static unsigned at;
	struct told *out = &told[at++ % GH_COUNT(told)];

	*out = (struct told){0};
	numbers_find(t.n, t.a, PROVIDER, slice_of(phone), on_answer, out);
	if (out->calls == 0) {
		loop_run_once(t.sd->loop, 0);
		db_play_answer(DB_ERR_NONE, "");
	}
	assert_int_equal(out->calls, 1);
	return *out;
}

static void
row_is(const char *phone, bool exists, const char *chat, int64_t left_us)
{
	t.row_count = 1;
	t.rows[0] = (struct number_row){.provider_id = PROVIDER,
					.phone = slice_of(phone),
					.exists = exists,
					.chat = chat != NULL ? slice_of(chat) : SLICE_NONE,
					.left_us = left_us};
}

static int
setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	memset(&db_play, 0, sizeof(db_play));
	tick(CLOCK_SEC);
	t.a = arena_new(0);
	t.sd = gh_alloc(sizeof(*t.sd));
	t.sd->loop = loop_new();
	t.n = numbers_new(t.sd);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	while (db_play.count > 0)
		db_play_answer(DB_ERR_NOT_SENT, "");
	numbers_free(t.n);
	loop_free(t.sd->loop);
	gh_free(t.sd);
	arena_free(t.a);
	clock_thaw();
	return 0;
}

/* ---- cases ---- */

static void
test_who_is_looked_after(void **state)
{
	static const struct {
		const char *chat, *phone;
	} cases[] = {
		{"5511988887777@c.us", "5511988887777"},
		{"551188887777@c.us", "551188887777"},
		{"55118888777@c.us", NULL},
		{"55119888877770@c.us", NULL},
		{"351911111111@c.us", NULL},
		{"5511988887777@lid", NULL},
		{"551198888777712@g.us", NULL},
		{"5511988887777", NULL},
	};

	(void)state;
	for (size_t i = 0; i < GH_COUNT(cases); i++) {
		struct slice phone = numbers_phone(slice_of(cases[i].chat));

		assert_true(cases[i].phone == NULL ? phone.p == NULL
						   : slice_eq(phone, slice_of(cases[i].phone)));
	}
}

static void
test_the_database_is_asked_once(void **state)
{
	struct told told;

	(void)state;
	row_is("5511988887777", true, "551188887777@c.us", 3600 * CLOCK_SEC);
	told = ask("5511988887777");
	assert_int_equal(told.code, GH_OK);
	assert_string_equal(told.chat, "551188887777@c.us");
	tick(NUMBERS_TTL_US - 1);
	assert_true(ask("5511988887777").exists);
	assert_int_equal(t.lookup_count, 1);
	tick(1);
	t.row_count = 0; /* purged meanwhile */
	assert_int_equal(ask("5511988887777").code, GH_ENOTFOUND);
	assert_int_equal(t.lookup_count, 2);
}

static void
test_all_of_a_pass_are_one_look_up(void **state)
{
	struct told a = {0}, b = {0}, c = {0};

	(void)state;
	numbers_find(t.n, t.a, PROVIDER, S("5511988887777"), on_answer, &a);
	numbers_find(t.n, t.a, PROVIDER, S("5511988887778"), on_answer, &b);
	numbers_find(t.n, t.a, PROVIDER + 1, S("5511988887777"), on_answer, &c);
	loop_run_once(t.sd->loop, 0);
	row_is("5511988887777", false, NULL, CLOCK_SEC);
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(t.lookup_count, 1);
	assert_int_equal(t.asked_count, 3);
	assert_int_equal(a.code, GH_OK);
	assert_false(a.exists);
	assert_int_equal(b.code, GH_ENOTFOUND);
	assert_int_equal(c.code, GH_ENOTFOUND); /* providers do not answer for each other */
}

/* No longer than the row says. */
static void
test_an_answer_ends_with_its_row(void **state)
{
	(void)state;
	row_is("5511988887777", true, "5511988887777@c.us", 2 * CLOCK_SEC);
	assert_int_equal(ask("5511988887777").code, GH_OK);
	tick(2 * CLOCK_SEC - 1);
	assert_int_equal(ask("5511988887777").code, GH_OK);
	tick(1);
	t.row_count = 0;
	assert_int_equal(ask("5511988887777").code, GH_ENOTFOUND);
}

static void
test_a_negative_answer_is_short(void **state)
{
	(void)state;
	row_is("5511988887777", false, NULL, 3600 * CLOCK_SEC);
	assert_int_equal(ask("5511988887777").code, GH_OK);
	tick(NUMBERS_ABSENT_US - 1);
	assert_false(ask("5511988887777").exists);
	assert_int_equal(t.lookup_count, 1);
	tick(1);
	row_is("5511988887777", true, "5511988887777@c.us", 3600 * CLOCK_SEC);
	assert_true(ask("5511988887777").exists);
}

/* Neither "no row" nor a database that fails says that a number does not exist. */
static void
test_nothing_known_is_no_answer(void **state)
{
	struct told told = {0};

	(void)state;
	assert_int_equal(ask("5511988887777").code, GH_ENOTFOUND);
	numbers_find(t.n, t.a, PROVIDER, S("5511988887778"), on_answer, &told);
	loop_run_once(t.sd->loop, 0);
	db_play_answer(DB_ERR_LOST, "");
	assert_int_equal(told.code, GH_ETEMP);
	tick(NUMBERS_ASK_US);
	row_is("5511988887778", true, "5511988887778@c.us", CLOCK_SEC);
	assert_true(ask("5511988887778").exists);
}

static void
test_what_the_provider_said_is_known_at_once(void **state)
{
	const struct number_answer answer = {.exists = true, .chat = S("551188887777@c.us")};

	(void)state;
	assert_int_equal(ask("5511988887777").code, GH_ENOTFOUND);
	numbers_keep(t.n, PROVIDER, S("5511988887777"), &answer, message_1);
	assert_string_equal(ask("5511988887777").chat, "551188887777@c.us");
	assert_string_equal(ask("551188887777").chat, "551188887777@c.us");
	assert_int_equal(t.lookup_count, 1);
	loop_run_once(t.sd->loop, 0);
	assert_int_equal(t.keep_count, 1);
	assert_true(slice_eq(t.kept[0].phone, S("5511988887777")));
	assert_true(uuid_eq(t.resolved[0].message, message_1));
	db_play_answer(DB_ERR_NONE, "");
}

/* Under both spellings, here and for all: the next send asks the database, then the provider. */
static void
test_an_answer_proved_wrong_is_forgotten(void **state)
{
	const struct number_answer answer = {.exists = true, .chat = S("551188887777@c.us")};

	(void)state;
	numbers_keep(t.n, PROVIDER, S("5511988887777"), &answer, message_1);
	numbers_keep(t.n, PROVIDER + 1, S("5511988887777"), &answer, message_1);
	numbers_forget(t.n, PROVIDER, S("5511988887777"), S("551188887777@c.us"));
	loop_run_once(t.sd->loop, 0);
	assert_int_equal(t.kept_rows, 2);
	assert_int_equal(t.forget_count, 1);
	assert_int_equal(t.forgotten_rows, 2);
	assert_int_equal(t.forgotten[0].provider_id, PROVIDER);
	assert_true(slice_eq(t.forgotten[0].phone, S("5511988887777")));
	assert_true(slice_eq(t.forgotten[1].phone, S("551188887777")));
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(ask("5511988887777").code, GH_ENOTFOUND);
	assert_int_equal(ask("551188887777").code, GH_ENOTFOUND);
	numbers_keep(t.n, PROVIDER, S("5511988887777"), &answer, message_2);
	numbers_forget(t.n, PROVIDER, S("5511988887777"), S("5511988887777@c.us"));
	loop_run_once(t.sd->loop, 0);
	assert_int_equal(t.forgotten_rows, 1); /* one spelling, one row */
	db_play_answer(DB_ERR_NONE, "");
}

/* All of a pass go in one transaction that waits for no disk. */
static void
test_notes_share_a_commit(void **state)
{
	const struct number_answer there = {.exists = true, .chat = S("551188887777@c.us")};
	const struct number_answer absent = {.exists = false};

	(void)state;
	numbers_keep(t.n, PROVIDER, S("5511988887777"), &there, message_1);
	numbers_keep(t.n, PROVIDER, S("5511988887778"), &absent, message_2);
	numbers_resolved(t.n, message_2, S("551188887779@c.us"));
	assert_int_equal(db_play.count, 0);
	loop_run_once(t.sd->loop, 0);
	assert_int_equal(db_play.count, 1);
	assert_int_equal(t.async_count, 1);
	assert_int_equal(t.kept_rows, 2);
	assert_false(t.kept[1].exists);
	assert_int_equal(t.resolved_rows, 2); /* one that does not exist goes nowhere */
	assert_true(uuid_eq(t.resolved[1].message, message_2));
	assert_true(slice_eq(t.resolved[1].chat, S("551188887779@c.us")));
	db_play_answer(DB_ERR_NONE, "");
	assert_false(ask("5511988887778").exists);
}

/* However many numbers: the memory is bounded, what was forgotten is asked again. */
static void
test_the_cache_is_bounded(void **state)
{
	const struct number_answer absent = {.exists = false};

	(void)state;
	for (unsigned i = 0; i < 2 * NUMBERS_MAX + 10; i++) {
		char phone[PHONE_MAX + 1];

		(void)snprintf(phone, sizeof(phone), "5511%09u", i);
		remember(t.n->lookup, PROVIDER, slice_of(phone), &absent, NUMBERS_TTL_US);
		if (i % 4096 == 0)
			loop_run_once(t.sd->loop, 0); /* values are freed after the pass */
		assert_true(map_count(t.n->lookup->entries) <= NUMBERS_MAX);
	}
	assert_int_equal(map_count(t.n->lookup->entries), 10);
	assert_int_equal(ask("5511000000000").code, GH_ENOTFOUND);
}

int
main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_looked_after),
		CASE(test_the_database_is_asked_once),
		CASE(test_all_of_a_pass_are_one_look_up),
		CASE(test_an_answer_ends_with_its_row),
		CASE(test_a_negative_answer_is_short),
		CASE(test_nothing_known_is_no_answer),
		CASE(test_what_the_provider_said_is_known_at_once),
		CASE(test_an_answer_proved_wrong_is_forgotten),
		CASE(test_notes_share_a_commit),
		CASE(test_the_cache_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
