/* test_lookup.c - the read-through cache over a database that the test plays itself: db_submit
 * is replaced, units are answered by hand. Frozen clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "db_play.h"

#define db_submit db_play_submit
#include "model/lookup.c"
#undef db_submit

#define TTL_US      (4 * CLOCK_SEC)
#define NEGATIVE_US CLOCK_SEC
#define ENTRIES_MAX 200

/* What a caller was told. */
struct asked {
	unsigned calls; /* must become exactly 1 */
	enum gh_code code;
	char value[16];
	const char *again; /* a key to ask for from inside the callback */
};

static struct {
	struct loop *loop;
	struct lookup *l;
	unsigned load_count;
	unsigned keys_asked; /* of the last load */
	const char *absent;  /* a key the database does not have */
	struct slice keys[LOOKUP_KEYS_MAX];
	unsigned freed;
	struct asked nested;
} t;

static int64_t mono_us;

static void
tick(int64_t us)
{
	mono_us += us;
	clock_freeze(INT64_C(1768478400000000), mono_us);
}

static void
add(struct db_unit *u, const struct slice *keys, unsigned count, void *arg)
{
	(void)u;
	(void)arg;
	t.load_count++;
	t.keys_asked = count;
	for (unsigned i = 0; i < count; i++)
		t.keys[i] = keys[i];
}

/* The value of a key is its own text. */
static void
read_rows(struct lookup *l, const struct db_unit *u, void *arg)
{
	(void)u;
	(void)arg;
	for (unsigned i = 0; i < t.keys_asked; i++) {
		if (t.absent == NULL || !slice_eq(t.keys[i], slice_of(t.absent)))
			lookup_found(l, t.keys[i], gh_strndup(t.keys[i].p, t.keys[i].n));
	}
}

static void
free_value(void *value)
{
	t.freed++;
	gh_free(value);
}

static void
told(void *arg, enum gh_code code, const void *value)
{
	struct asked *a = arg;
	const void *unused;

	a->calls++;
	a->code = code;
	if (code == GH_OK)
		(void)snprintf(a->value, sizeof(a->value), "%s", (const char *)value);
	if (a->again != NULL)
		assert_int_equal(lookup_get(t.l, slice_of(a->again), &unused, told, &t.nested),
				 GH_EAGAIN);
}

static enum gh_code
ask(struct asked *a, const char *key)
{
	const void *value = NULL;
	enum gh_code rc;

	memset(a, 0, sizeof(*a));
	rc = lookup_get(t.l, slice_of(key), &value, told, a);
	if (rc == GH_OK)
		(void)snprintf(a->value, sizeof(a->value), "%s", (const char *)value);
	return rc;
}

static void
pass(void)
{
	loop_run_once(t.loop, 0);
}

/* Ask for a key and let the database answer. */
static void
load(const char *key)
{
	struct asked a;

	assert_int_equal(ask(&a, key), GH_EAGAIN);
	pass();
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(a.calls, 1);
}

static int
setup(void **state)
{
	const struct lookup_def def = {
		.entries_max = ENTRIES_MAX,
		.ttl_us = TTL_US,
		.negative_ttl_us = NEGATIVE_US,
		.add = add,
		.read = read_rows,
		.free_value = free_value,
	};

	(void)state;
	memset(&t, 0, sizeof(t));
	memset(&db_play, 0, sizeof(db_play));
	tick(CLOCK_SEC);
	t.loop = loop_new();
	t.l = lookup_new(t.loop, NULL, &def);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	lookup_free(t.l);
	while (db_play.count > 0)
		db_play_answer(DB_ERR_NOT_SENT, "");
	loop_free(t.loop);
	clock_thaw();
	return 0;
}

/* ---- cases ---- */

static void
test_one_load_for_all_who_wait(void **state)
{
	struct asked a, b, c;

	(void)state;
	assert_int_equal(ask(&a, "k"), GH_EAGAIN);
	assert_int_equal(ask(&b, "k"), GH_EAGAIN);
	assert_int_equal(t.load_count, 0); /* nothing before the end of the pass */
	pass();
	assert_int_equal(ask(&c, "k"), GH_EAGAIN); /* joins the load under way */
	pass();
	assert_int_equal(t.load_count, 1);
	assert_int_equal(t.keys_asked, 1);
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(a.calls + b.calls + c.calls, 3);
	assert_int_equal(c.code, GH_OK);
	assert_string_equal(c.value, "k");
}

static void
test_keys_of_a_pass_are_one_load(void **state)
{
	static struct asked a[LOOKUP_KEYS_MAX + 2];
	char key[16];

	(void)state;
	for (unsigned i = 0; i < GH_COUNT(a); i++) {
		(void)snprintf(key, sizeof(key), "k%u", i);
		assert_int_equal(ask(&a[i], key), GH_EAGAIN);
	}
	pass();
	assert_int_equal(t.load_count, 2); /* the second holds what passes the limit */
	assert_int_equal(t.keys_asked, 2);
	t.absent = "k129";
	db_play_answer(DB_ERR_LOST, "");
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(a[0].code, GH_ETEMP);
	assert_int_equal(a[127].code, GH_ETEMP);
	assert_int_equal(a[128].code, GH_OK);
	assert_string_equal(a[128].value, "k128");
	assert_int_equal(a[129].code, GH_ENOTFOUND);
}

static void
test_found_lives_for_its_ttl(void **state)
{
	struct asked a;

	(void)state;
	load("k");
	tick(TTL_US - 1);
	assert_int_equal(ask(&a, "k"), GH_OK);
	assert_string_equal(a.value, "k");
	tick(1);
	assert_int_equal(ask(&a, "k"), GH_EAGAIN);
	t.absent = "k"; /* revoked meanwhile */
	pass();
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(a.code, GH_ENOTFOUND);
	assert_int_equal(t.load_count, 2);
}

static void
test_not_found_lives_shorter(void **state)
{
	struct asked a;

	(void)state;
	t.absent = "k";
	load("k");
	tick(NEGATIVE_US - 1);
	assert_int_equal(ask(&a, "k"), GH_ENOTFOUND);
	assert_int_equal(a.calls, 0);
	tick(1);
	t.absent = NULL;
	assert_int_equal(ask(&a, "k"), GH_EAGAIN);
	pass();
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(a.code, GH_OK);
}

/* A database that fails is no answer: nothing is cached, not even an old value. */
static void
test_failures_are_not_cached(void **state)
{
	struct asked a;

	(void)state;
	load("k");
	tick(TTL_US);
	assert_int_equal(ask(&a, "k"), GH_EAGAIN);
	pass();
	db_play_answer(DB_ERR_LOST, "");
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.code, GH_ETEMP);
	db_play.is_full = true; /* the queue of the connection is full */
	assert_int_equal(ask(&a, "k"), GH_EAGAIN);
	pass();
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.code, GH_ETEMP);
	db_play.is_full = false;
	load("k");
}

static void
test_forget(void **state)
{
	struct asked a, b;

	(void)state;
	load("j");
	load("k");
	lookup_forget(t.l, S("k"));
	lookup_forget(t.l, S("never asked for"));
	assert_int_equal(ask(&a, "j"), GH_OK);
	assert_int_equal(ask(&a, "k"), GH_EAGAIN);
	lookup_forget_all(t.l);
	assert_int_equal(ask(&b, "j"), GH_EAGAIN);
	pass();
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(a.calls + b.calls, 2);
}

/* The row read may be older than the change that made the caller forget it. */
static void
test_forget_while_loading(void **state)
{
	struct asked a, b;

	(void)state;
	assert_int_equal(ask(&a, "k"), GH_EAGAIN);
	pass();
	lookup_forget(t.l, S("k"));
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(a.calls, 1);
	assert_int_equal(ask(&b, "k"), GH_EAGAIN);
}

/* The old value outlives the pass in which it is replaced, and no longer. */
static void
test_values_are_freed_after_the_pass(void **state)
{
	(void)state;
	load("k");
	lookup_forget(t.l, S("k"));
	load("k");
	assert_int_equal(t.freed, 0);
	pass();
	assert_int_equal(t.freed, 1);
}

static void
test_a_waiter_may_ask_again(void **state)
{
	struct asked a;

	(void)state;
	assert_int_equal(ask(&a, "k"), GH_EAGAIN);
	a.again = "other";
	pass();
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(t.nested.calls, 0);
	pass();
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(a.calls, 1);
	assert_int_equal(t.nested.calls, 1);
	assert_string_equal(t.nested.value, "other");
}

static void
put(const char *key, const char *value, int64_t life_us)
{
	lookup_put(t.l, slice_of(key), gh_strndup(value, strlen(value)), life_us);
}

static void
test_what_is_learnt_elsewhere(void **state)
{
	struct asked a, b;

	(void)state;
	put("k", "short", CLOCK_SEC);
	assert_int_equal(ask(&a, "k"), GH_OK);
	assert_string_equal(a.value, "short");
	tick(CLOCK_SEC);
	put("j", "long", 10 * TTL_US);
	assert_int_equal(ask(&a, "k"), GH_EAGAIN);
	put("k", "too early", CLOCK_SEC); /* its waiter has a load of its own */
	pass();
	assert_int_equal(t.load_count, 1);
	put("k", "in time", CLOCK_SEC);
	t.absent = "k";
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(a.calls, 1);
	assert_int_equal(a.code, GH_OK);
	assert_string_equal(a.value, "in time");
	tick(TTL_US - 1);
	assert_int_equal(ask(&b, "j"), GH_OK);
	tick(1); /* no longer than the TTL */
	assert_int_equal(ask(&b, "j"), GH_EAGAIN);
}

static void
test_full_cache_starts_again(void **state)
{
	struct asked waiting, a;
	char key[16];

	(void)state;
	for (unsigned i = 0; i + 1 < ENTRIES_MAX; i++) {
		(void)snprintf(key, sizeof(key), "k%u", i);
		load(key);
	}
	assert_int_equal(ask(&waiting, "w"), GH_EAGAIN);
	pass();
	assert_int_equal(ask(&a, "one too many"), GH_EAGAIN);
	pass();
	assert_int_equal(t.freed, ENTRIES_MAX - 1);
	t.keys_asked = 0; /* the database has no row for it */
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(waiting.calls, 1); /* an entry that somebody waits for stays */
	assert_int_equal(ask(&waiting, "k0"), GH_EAGAIN);
}

static void
test_free_with_loads_under_way(void **state)
{
	struct asked a, b;

	(void)state;
	assert_int_equal(ask(&a, "k"), GH_EAGAIN);
	pass();
	assert_int_equal(ask(&b, "not yet submitted"), GH_EAGAIN);
	lookup_free(t.l);
	t.l = NULL;
	db_play_answer(DB_ERR_NONE, "");
	pass();
	assert_int_equal(a.calls + b.calls, 0);
	assert_int_equal(t.load_count, 1);
}

static void
test_id_keys(void **state)
{
	static const int64_t ids[] = {0, 1, -1, INT64_MAX, INT64_MIN};
	char buf[8];

	(void)state;
	for (size_t i = 0; i < GH_COUNT(ids); i++)
		assert_true(lookup_key_id(lookup_id_key(ids[i], buf)) == ids[i]);
}

int
main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_one_load_for_all_who_wait), CASE(test_keys_of_a_pass_are_one_load),
		CASE(test_found_lives_for_its_ttl),   CASE(test_not_found_lives_shorter),
		CASE(test_failures_are_not_cached),   CASE(test_forget),
		CASE(test_forget_while_loading),      CASE(test_values_are_freed_after_the_pass),
		CASE(test_a_waiter_may_ask_again),    CASE(test_full_cache_starts_again),
		CASE(test_free_with_loads_under_way), CASE(test_id_keys),
		CASE(test_what_is_learnt_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
