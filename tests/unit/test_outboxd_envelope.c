/* test_outboxd_envelope.c - outbox rows become envelopes: order, cuts, no row lost or doubled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "outboxd/envelope.c"

#define ROWS_MAX 2048

static struct outbox_row rows[ROWS_MAX];
static unsigned row_count;
static struct arena *arena;
static struct envelope *made;

static void
row(enum mq_class cls, int32_t company_id, enum mq_kind kind, int32_t target_id)
{
	struct outbox_row *r = &rows[row_count++];

	memset(r, 0, sizeof(*r));
	r->id = row_count;
	r->cls = cls;
	r->company_id = company_id;
	r->kind = kind;
	r->target_id = target_id;
}

static void
assert_envelope(unsigned i, enum mq_class cls, int64_t company_id, enum mq_kind kind,
		unsigned targets, unsigned row_n)
{
	const struct envelope *e = &made[i];

	assert_int_equal(e->state, ENVELOPE_PENDING);
	assert_int_equal(e->body.class, cls);
	assert_int_equal(e->body.company_id, company_id);
	assert_int_equal(e->body.kind, kind);
	assert_int_equal(e->body.target_count, targets);
	assert_int_equal(e->row_count, row_n);
}

static int
setup(void **state)
{
	(void)state;
	row_count = 0;
	made = NULL;
	arena = arena_new(0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void
test_nothing(void **state)
{
	(void)state;
	assert_int_equal(envelopes_make(arena, NULL, rows, 0, &made), 0);
}

static void
test_one_routing_key_is_one_envelope(void **state)
{
	char mark;
	struct claim *claim = (struct claim *)(void *)&mark;

	(void)state;
	row(MQ_CLASS_NORMAL, 7, MQ_KIND_SEND, 13);
	row(MQ_CLASS_NORMAL, 7, MQ_KIND_SEND, 12);
	row(MQ_CLASS_NORMAL, 7, MQ_KIND_SEND, 13); /* the same target again */
	assert_int_equal(envelopes_make(arena, claim, rows, row_count, &made), 1);
	assert_envelope(0, MQ_CLASS_NORMAL, 7, MQ_KIND_SEND, 2, 3);
	assert_int_equal(made[0].body.target_id[0], 12);
	assert_int_equal(made[0].body.target_id[1], 13);
	assert_ptr_equal(made[0].claim, claim);
	assert_ptr_equal(made[0].rows[0], &rows[1]);
}

/* Class, company and kind part envelopes; the high class goes first, whoever's it is. */
static void
test_keys_are_apart_and_high_is_first(void **state)
{
	(void)state;
	row(MQ_CLASS_LOW, 1, MQ_KIND_SEND, 5);
	row(MQ_CLASS_NORMAL, 1, MQ_KIND_DELIVERY, 5);
	row(MQ_CLASS_NORMAL, 2, MQ_KIND_SEND, 5);
	row(MQ_CLASS_NORMAL, 1, MQ_KIND_SEND, 5);
	row(MQ_CLASS_HIGH, 9, MQ_KIND_SEND, 5);
	row(MQ_CLASS_NORMAL, 1, MQ_KIND_INBOUND, 5);
	assert_int_equal(envelopes_make(arena, NULL, rows, row_count, &made), 6);
	assert_envelope(0, MQ_CLASS_HIGH, 9, MQ_KIND_SEND, 1, 1);
	assert_envelope(1, MQ_CLASS_NORMAL, 1, MQ_KIND_SEND, 1, 1);
	assert_envelope(2, MQ_CLASS_NORMAL, 1, MQ_KIND_INBOUND, 1, 1);
	assert_envelope(3, MQ_CLASS_NORMAL, 1, MQ_KIND_DELIVERY, 1, 1);
	assert_envelope(4, MQ_CLASS_NORMAL, 2, MQ_KIND_SEND, 1, 1);
	assert_envelope(5, MQ_CLASS_LOW, 1, MQ_KIND_SEND, 1, 1);
}

/* A full envelope still takes further rows of its last target, never another target. */
static void
test_cut_at_the_target_limit(void **state)
{
	(void)state;
	for (int32_t target = 1; target <= MQ_TARGET_MAX + 1; target++)
		row(MQ_CLASS_NORMAL, 1, MQ_KIND_SEND, target);
	row(MQ_CLASS_NORMAL, 1, MQ_KIND_SEND, MQ_TARGET_MAX);
	assert_int_equal(envelopes_make(arena, NULL, rows, row_count, &made), 2);
	assert_envelope(0, MQ_CLASS_NORMAL, 1, MQ_KIND_SEND, MQ_TARGET_MAX, MQ_TARGET_MAX + 1);
	assert_envelope(1, MQ_CLASS_NORMAL, 1, MQ_KIND_SEND, 1, 1);
	assert_int_equal(made[0].body.target_id[MQ_TARGET_MAX - 1], MQ_TARGET_MAX);
	assert_int_equal(made[1].body.target_id[0], MQ_TARGET_MAX + 1);
}

static void
test_first_traceparent(void **state)
{
	(void)state;
	row(MQ_CLASS_NORMAL, 1, MQ_KIND_SEND, 1);
	row(MQ_CLASS_NORMAL, 1, MQ_KIND_SEND, 2);
	row(MQ_CLASS_NORMAL, 1, MQ_KIND_SEND, 3);
	row(MQ_CLASS_NORMAL, 2, MQ_KIND_SEND, 4);
	rows[1].traceparent = S("second");
	rows[2].traceparent = S("third");
	assert_int_equal(envelopes_make(arena, NULL, rows, row_count, &made), 2);
	assert_true(slice_eq(made[0].traceparent, S("second")));
	assert_null(made[1].traceparent.p);
}

/* The largest claim in a scattered order: every row is in exactly one envelope of its key,
 * every envelope is one that the broker's reader accepts. */
static void
test_each_row_once(void **state)
{
	static unsigned seen[ROWS_MAX + 1];
	unsigned count;

	(void)state;
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < ROWS_MAX; i++) {
		unsigned r = i * 2654435761u;

		row((enum mq_class)(1 + (r >> 8) % 3), (int32_t)(1 + (r >> 12) % 5),
		    (enum mq_kind)(1 + (r >> 16) % 3), (int32_t)(1 + (r >> 20) % 300));
	}
	count = envelopes_make(arena, NULL, rows, row_count, &made);
	for (unsigned i = 0; i < count; i++) {
		const struct envelope *e = &made[i];
		struct mq_envelope back;
		struct buf text;

		for (unsigned k = 0; k < e->row_count; k++) {
			assert_int_equal(e->rows[k]->cls, e->body.class);
			assert_int_equal(e->rows[k]->company_id, e->body.company_id);
			assert_int_equal(e->rows[k]->kind, e->body.kind);
			seen[e->rows[k]->id]++;
		}
		buf_init(&text, arena, MQ_ENVELOPE_MAX);
		mq_envelope_write(&e->body, &text);
		assert_false(text.over);
		assert_int_equal(mq_envelope_parse(buf_slice(&text), &back), GH_OK);
	}
	for (unsigned id = 1; id <= ROWS_MAX; id++)
		assert_int_equal(seen[id], 1);
}

int
main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_nothing),
		CASE(test_one_routing_key_is_one_envelope),
		CASE(test_keys_are_apart_and_high_is_first),
		CASE(test_cut_at_the_target_limit),
		CASE(test_first_traceparent),
		CASE(test_each_row_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
