/* test_db_batch.c - the batcher over a database that the test plays itself: db_submit is
 * replaced, units are answered by hand. No server, frozen clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* cmocka's macro would swallow the member of db_batch_def */

#include "base/arena.h"
#include "db_play.h"

#define db_submit db_play_submit
#include "db/batch.c"
#undef db_submit

#define ROWS 400

/* The rows of a unit; lives in its arena. */
struct sent {
	unsigned n;
	unsigned id[DB_BATCH_MAX];
};

struct row {
	struct db_batch_row b;
	unsigned id;
	unsigned outcomes; /* must become exactly 1 */
	enum gh_code code;
};

static struct {
	struct loop *loop;
	struct db_batch *batch;
	struct row rows[ROWS];
	unsigned order[ROWS]; /* ids in the order of their settling */
	unsigned settled;
} t;

static int64_t mono_us;

static void
tick(int64_t us)
{
	mono_us += us;
	clock_freeze(INT64_C(1768478400000000), mono_us);
}

/* What unit i of those not answered holds. */
static const struct sent *
sent(unsigned i)
{
	assert_true(i < db_play.count);
	return db_play.notes[i];
}

static void
build(void *arg, struct db_unit *u, struct db_batch_row *const *rows, unsigned n)
{
	struct sent *made = arena_alloc(db_unit_arena(u), sizeof(*made));

	(void)arg;
	made->n = n;
	db_play.note = made;
	for (unsigned i = 0; i < n; i++)
		made->id[i] = LIST_ENTRY(rows[i], struct row, b)->id;
}

static void
settle(void *arg, struct db_batch_row *const *rows, unsigned n, const struct db_unit *u)
{
	(void)arg;
	(void)u;
	for (unsigned i = 0; i < n; i++) {
		struct row *r = LIST_ENTRY(rows[i], struct row, b);

		r->outcomes++;
		r->code = GH_OK;
		t.order[t.settled++] = r->id;
	}
}

static void
fail_row(void *arg, struct db_batch_row *row, enum gh_code code, const struct db_error *err)
{
	struct row *r = LIST_ENTRY(row, struct row, b);

	(void)arg;
	assert_non_null(err);
	r->outcomes++;
	r->code = code;
}

static void
pass(void)
{
	loop_run_once(t.loop, 0);
}

static void
add(unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++)
		assert_int_equal(db_batch_add(t.batch, &t.rows[i].b), GH_OK);
}

static void
new_batch(int64_t gap_us)
{
	t.batch = db_batch_new(t.loop, NULL,
			       &(struct db_batch_def){
				       .name = "test",
				       .queue_max = 300,
				       .deadline_us = CLOCK_SEC,
				       .gap_us = gap_us,
				       .gap_rows = 10,
				       .build = build,
				       .settle = settle,
				       .fail = fail_row,
			       });
}

static int
setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	memset(&db_play, 0, sizeof(db_play));
	tick(CLOCK_SEC);
	for (unsigned i = 0; i < ROWS; i++)
		t.rows[i].id = i;
	t.loop = loop_new();
	new_batch(0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	db_batch_free(t.batch);
	loop_free(t.loop);
	clock_thaw();
	return 0;
}

/* ---- cases ---- */

static void
test_one_pass_is_one_batch(void **state)
{
	(void)state;
	add(0, 3);
	assert_int_equal(db_play.count, 0); /* nothing before the end of the pass */
	pass();
	assert_int_equal(db_play.count, 1);
	assert_int_equal(sent(0)->n, 3);
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(t.settled, 3);
	assert_int_equal(t.order[2], 2);
	assert_true(db_batch_is_idle(t.batch));
}

static void
test_two_in_flight_then_everything_queued(void **state)
{
	(void)state;
	add(0, 1);
	pass();
	add(1, 1);
	pass();
	assert_int_equal(db_play.count, 2);
	add(2, 50);
	pass();
	add(52, 150);
	pass();
	assert_int_equal(db_play.count, 2);
	assert_int_equal(db_batch_get_stats(t.batch)->queued, 200);
	db_play_answer(DB_ERR_NONE, "");
	pass();
	assert_int_equal(db_play.count, 2);
	assert_int_equal(sent(1)->n, DB_BATCH_MAX); /* the cap */
	db_play_answer(DB_ERR_NONE, "");
	pass();
	assert_int_equal(sent(1)->n, 200 - DB_BATCH_MAX);
	db_play_answer(DB_ERR_NONE, "");
	db_play_answer(DB_ERR_NONE, "");
	for (unsigned i = 0; i < 202; i++)
		assert_int_equal(t.order[i], i);
	assert_int_equal(db_batch_get_stats(t.batch)->batches_count, 4);
}

/* After the burst a small batch waits for its gap; one of gap_rows does not. */
static void
test_gap_gathers_small_batches(void **state)
{
	const int64_t gap_us = 5 * CLOCK_MS;
	unsigned id = 0;

	(void)state;
	db_batch_free(t.batch);
	new_batch(gap_us);
	for (unsigned i = 0; i < CADENCE_BURST; i++) {
		add(id++, 1);
		pass();
		assert_int_equal(db_play.count, 1);
		db_play_answer(DB_ERR_NONE, "");
	}
	add(id, 9);
	pass();
	assert_int_equal(db_play.count, 0);
	add(id + 9, 1);
	pass();
	assert_int_equal(db_play.count, 1);
	assert_int_equal(sent(0)->n, 10);
	db_play_answer(DB_ERR_NONE, "");
	add(id + 10, 1);
	pass();
	assert_int_equal(db_play.count, 0);
	tick(2 * gap_us); /* one for the full batch, one for this */
	add(id + 11, 1);
	pass();
	assert_int_equal(db_play.count, 1);
	assert_int_equal(sent(0)->n, 2);
	db_play_answer(DB_ERR_NONE, "");
}

static void
test_split_finds_the_bad_row(void **state)
{
	(void)state;
	add(0, 100);
	pass();
	for (unsigned guard = 0; guard < 100 && db_play.count > 0; guard++) {
		bool is_bad = false;

		for (unsigned i = 0; i < sent(0)->n; i++)
			is_bad = is_bad || sent(0)->id[i] == 37;
		db_play_answer(is_bad ? DB_ERR_DATA : DB_ERR_NONE, is_bad ? "22021" : "");
		pass();
	}
	assert_int_equal(t.settled, 99);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(t.rows[i].outcomes, 1);
		assert_int_equal(t.rows[i].code, i == 37 ? GH_EINVAL : GH_OK);
	}
	assert_true(db_batch_is_idle(t.batch));
	assert_in_range(db_batch_get_stats(t.batch)->splits_count, 6, 7); /* log2(100) */
}

static void
test_halves_keep_their_order(void **state)
{
	(void)state;
	add(0, 1);
	pass();
	db_play_answer(DB_ERR_NONE, "");
	add(1, 4);
	pass();
	db_play_answer(DB_ERR_DATA, "23514");
	pass();
	assert_int_equal(db_play.count, 2);
	assert_int_equal(sent(0)->n, 2);
	assert_int_equal(sent(0)->id[0], 1);
	assert_int_equal(sent(1)->id[0], 3);
	db_play_answer(DB_ERR_NONE, "");
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(t.settled, 5);
}

static void
test_loss_repeats_in_order(void **state)
{
	(void)state;
	add(0, 2);
	pass();
	add(2, 2);
	pass();
	add(4, 2);
	pass();
	db_play_answer(DB_ERR_LOST, "");
	db_play_answer(DB_ERR_LOST, "");
	pass();
	assert_int_equal(db_play.count, 2);
	assert_int_equal(sent(0)->id[0], 0);
	assert_int_equal(sent(1)->id[0], 2);
	db_play_answer(DB_ERR_NONE, "");
	pass();
	db_play_answer(DB_ERR_NONE, "");
	db_play_answer(DB_ERR_NONE, "");
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(t.order[i], i);
	assert_int_equal(db_batch_get_stats(t.batch)->retries_count, 2);
}

static void
test_deadlock_repeats_at_once_and_a_timeout_waits(void **state)
{
	(void)state;
	add(0, 1);
	pass();
	db_play_answer(DB_ERR_RETRY, "40P01");
	pass();
	assert_int_equal(db_play.count, 1);
	db_play_answer(DB_ERR_TIMEOUT, "57014");
	pass();
	assert_int_equal(db_play.count, 0);
	for (unsigned i = 0; i < 50 && db_play.count == 0; i++)
		loop_run_once(t.loop, 20 * CLOCK_MS);
	assert_int_equal(db_play.count, 1);
	db_play_answer(DB_ERR_NONE, "");
	assert_int_equal(t.rows[0].code, GH_OK);
}

static void
test_late_rows_say_what_is_known(void **state)
{
	(void)state;
	add(0, 1);
	pass();
	tick(CLOCK_SEC / 2);
	add(1, 1);
	pass();
	tick(CLOCK_SEC / 2 + 1); /* row 0 is late, row 1 is not */
	db_play_answer(DB_ERR_LOST, "");
	assert_int_equal(t.rows[0].code, GH_EUNKNOWN);
	db_play_answer(DB_ERR_NOT_SENT, "");
	assert_int_equal(t.rows[1].outcomes, 0);
	pass();
	assert_int_equal(db_play.count, 1);
	tick(CLOCK_SEC);
	db_play_answer(DB_ERR_NOT_SENT, "");
	assert_int_equal(t.rows[1].code, GH_ETEMP);
	assert_int_equal(t.rows[0].outcomes, 1);
	assert_int_equal(t.rows[1].outcomes, 1);
}

static void
test_a_bug_fails_all_and_is_not_repeated(void **state)
{
	(void)state;
	add(0, 2);
	pass();
	db_play_answer(DB_ERR_BUG, "42P01");
	pass();
	assert_int_equal(db_play.count, 0);
	assert_int_equal(t.rows[0].code, GH_EINTERNAL);
	assert_int_equal(t.rows[1].code, GH_EINTERNAL);
}

static void
test_busy(void **state)
{
	(void)state;
	add(0, 300);
	assert_int_equal(db_batch_add(t.batch, &t.rows[300].b), GH_EBUSY);
	pass();
	add(300, 1); /* a batch left, there is room */
	for (unsigned i = 0; i < 4 && db_play.count > 0; i++) {
		db_play_answer(DB_ERR_NONE, "");
		pass();
	}
	assert_int_equal(t.settled, 301);
	assert_int_equal(db_batch_get_stats(t.batch)->busy_count, 1);
}

/* Slow batches: the queue is refused before it is full, but never an empty one. */
static void
test_busy_by_speed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		t.rows[0].outcomes = 0;
		add(0, 1);
		pass();
		tick(900 * CLOCK_MS);
		db_play_answer(DB_ERR_NONE, "");
	}
	assert_true(db_batch_get_stats(t.batch)->batch_us > 700 * CLOCK_MS);
	add(0, 1);
	pass();
	add(1, 1);
	pass();
	add(2, 1);
	assert_int_equal(db_batch_add(t.batch, &t.rows[3].b), GH_EBUSY);
	db_play_answer(DB_ERR_NONE, "");
	db_play_answer(DB_ERR_NONE, "");
	pass();
	db_play_answer(DB_ERR_NONE, "");
	assert_true(db_batch_is_idle(t.batch));
}

static void
test_pipeline_full_and_free(void **state)
{
	(void)state;
	db_play.is_full = true;
	add(0, 2);
	pass();
	assert_int_equal(db_play.count, 0);
	assert_false(db_batch_is_idle(t.batch));
	add(2, 1);
	db_batch_free(t.batch);
	t.batch = NULL;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(t.rows[i].outcomes, 1);
		assert_int_equal(t.rows[i].code, GH_ETEMP);
	}
}

int
main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_one_pass_is_one_batch),
		CASE(test_two_in_flight_then_everything_queued),
		CASE(test_gap_gathers_small_batches),
		CASE(test_split_finds_the_bad_row),
		CASE(test_halves_keep_their_order),
		CASE(test_loss_repeats_in_order),
		CASE(test_deadlock_repeats_at_once_and_a_timeout_waits),
		CASE(test_late_rows_say_what_is_known),
		CASE(test_a_bug_fails_all_and_is_not_repeated),
		CASE(test_busy),
		CASE(test_busy_by_speed),
		CASE(test_pipeline_full_and_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
