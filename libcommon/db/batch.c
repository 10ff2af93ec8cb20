#include "db/batch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/db.h"
#include "loop/cadence.h"
#include "loop/loop.h"

#define DEFAULT_QUEUE_MAX   4096
#define DEFAULT_DEADLINE_US (5 * CLOCK_SEC)
#define IN_FLIGHT_MAX       2
/* Disk full, a timeout, a full pipeline: nothing that changes within a pass. */
#define PAUSE_US (100 * CLOCK_MS)
/* How exactly the deadline of a queued row is kept. */
#define SWEEP_MIN_US (10 * CLOCK_MS)
/* Weight of one batch in the moving average: one in this many. */
#define BATCH_US_WEIGHT 8

/* Rows that travel together: in flight, or waiting to be submitted again as they are. */
struct pack {
	struct list node; /* db_batch.again or db_batch.flying */
	struct db_batch *owner;
	uint64_t number;   /* of its first row, in order of arrival: lower goes first */
	int64_t submit_us; /* monotonic */
	unsigned n;
	struct db_batch_row *rows[DB_BATCH_MAX];
};

struct db_batch {
	struct db *db;
	struct db_batch_def def;
	struct list queue;  /* rows */
	struct list again;  /* packs to submit again, oldest first */
	struct list flying; /* packs submitted */
	struct list spare;  /* packs to reuse: the hot path allocates none */
	uint64_t next_number;
	bool is_pausing;
	struct loop_task *drain_task;
	struct cadence *cadence;
	struct loop_timer *pause_timer;
	struct loop_timer *sweep_timer;
	struct db_batch_stats stats;
};

static void pack_done(void *arg, enum gh_code code, const struct db_unit *u);

/* ---- packs ---- */

static struct pack *
pack_new(struct db_batch *b)
{
	struct list *n = list_pop(&b->spare);
	struct pack *k = n != NULL ? LIST_ENTRY(n, struct pack, node) : gh_alloc(sizeof(*k));

	list_init(&k->node);
	k->owner = b;
	k->n = 0;
	return k;
}

static void
pack_recycle(struct db_batch *b, struct pack *k)
{
	list_add_head(&b->spare, &k->node);
}

/* Among the packs to submit again, by age: rows keep the order in which they came. */
static void
pack_put_again(struct db_batch *b, struct pack *k)
{
	struct list *at = b->again.next;

	while (at != &b->again && LIST_ENTRY(at, struct pack, node)->number < k->number)
		at = at->next;
	list_add_tail(at, &k->node);
}

static struct pack *
pack_from_queue(struct db_batch *b)
{
	struct pack *k = pack_new(b);

	k->number = b->next_number;
	while (k->n < b->def.max_rows && !list_is_empty(&b->queue)) {
		k->rows[k->n++] = LIST_ENTRY(list_pop(&b->queue), struct db_batch_row, node);
		b->stats.queued--;
	}
	b->next_number += k->n;
	return k;
}

/* ---- outcomes ---- */

static void
row_fail(struct db_batch *b, struct db_batch_row *row, enum gh_code code,
	 const struct db_error *err)
{
	b->stats.failed_count++;
	b->def.fail(b->def.arg, row, code, err);
}

/* A row that an earlier attempt may have committed must not be called "not stored". */
static enum gh_code
row_late_code(const struct db_batch_row *row)
{
	return row->is_unknown ? GH_EUNKNOWN : GH_ETEMP;
}

/* Fail the rows whose time is over; the others stay in order. */
static void
pack_drop_late(struct db_batch *b, struct pack *k, const struct db_error *err)
{
	int64_t now_us = clock_mono_us();
	unsigned kept = 0;

	for (unsigned i = 0; i < k->n; i++) {
		struct db_batch_row *row = k->rows[i];

		if (row->deadline_us > now_us)
			k->rows[kept++] = row;
		else
			row_fail(b, row, row_late_code(row), err);
	}
	k->n = kept;
}

static void
pack_retry(struct db_batch *b, struct pack *k, const struct db_error *err)
{
	pack_drop_late(b, k, err);
	if (k->n == 0) {
		pack_recycle(b, k);
		return;
	}
	b->stats.retries_count++;
	pack_put_again(b, k);
}

/* One row of the pack is bad: halve until it stands alone. */
static void
pack_split(struct db_batch *b, struct pack *k, enum gh_code code, const struct db_error *err)
{
	struct pack *rest;
	unsigned half = k->n / 2;

	if (k->n == 1) {
		row_fail(b, k->rows[0], code, err);
		pack_recycle(b, k);
		return;
	}
	rest = pack_new(b);
	rest->number = k->number + half;
	for (unsigned i = half; i < k->n; i++)
		rest->rows[rest->n++] = k->rows[i];
	k->n = half;
	b->stats.splits_count++;
	pack_put_again(b, k);
	pack_put_again(b, rest);
}

static void
pack_fail(struct db_batch *b, struct pack *k, enum gh_code code, const struct db_error *err)
{
	for (unsigned i = 0; i < k->n; i++)
		row_fail(b, k->rows[i], code, err);
	pack_recycle(b, k);
}

static void
pause_submits(struct db_batch *b)
{
	b->is_pausing = true;
	loop_timer_set(b->pause_timer, PAUSE_US);
}

static void
pack_settle(struct db_batch *b, struct pack *k, const struct db_unit *u)
{
	int64_t took_us = clock_mono_us() - k->submit_us;

	b->stats.batches_count++;
	b->stats.rows_count += k->n;
	b->stats.batch_us += (took_us - b->stats.batch_us) / BATCH_US_WEIGHT;
	cadence_took(b->cadence, took_us, CADENCE_SHARE);
	b->def.settle(b->def.arg, k->rows, k->n, u);
	pack_recycle(b, k);
}

static void
pack_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct pack *k = arg;
	struct db_batch *b = k->owner;
	const struct db_error *err = db_unit_error(u);

	list_del(&k->node);
	b->stats.in_flight--;
	loop_task_mark(b->drain_task);
	switch (err->cls) {
	case DB_ERR_NONE:
		pack_settle(b, k, u);
		break;
	case DB_ERR_DATA:
		pack_split(b, k, code, err);
		break;
	case DB_ERR_LOST:
		for (unsigned i = 0; i < k->n; i++)
			k->rows[i]->is_unknown = true;
		pack_retry(b, k, err);
		break;
	case DB_ERR_TIMEOUT:
	case DB_ERR_RESOURCE:
		pause_submits(b);
		pack_retry(b, k, err);
		break;
	case DB_ERR_RETRY:
	case DB_ERR_READ_ONLY:
	case DB_ERR_NOT_SENT:
	case DB_ERR_ABORTED:
		pack_retry(b, k, err);
		break;
	case DB_ERR_BUG:
		log_error("batch.failed", LOG_STR("batch", b->def.name),
			  LOG_STR("code", err->sqlstate), LOG_STR("err", err->text));
		pack_fail(b, k, code, err);
		break;
	}
}

/* ---- submitting ---- */

static int64_t
pack_deadline_us(const struct pack *k)
{
	int64_t first_us = k->rows[0]->deadline_us;

	for (unsigned i = 1; i < k->n; i++) {
		if (k->rows[i]->deadline_us < first_us)
			first_us = k->rows[i]->deadline_us;
	}
	return first_us;
}

static void
pack_submit(struct db_batch *b, struct pack *k)
{
	struct db_unit *u = db_unit_new();

	db_unit_set_deadline(u, pack_deadline_us(k));
	b->def.build(b->def.arg, u, k->rows, k->n);
	k->submit_us = clock_mono_us();
	if (db_submit(b->db, u, pack_done, k) != GH_OK) {
		pack_put_again(b, k);
		pause_submits(b);
		return;
	}
	list_add_tail(&b->flying, &k->node);
	b->stats.in_flight++;
}

/* The next pack to submit; NULL: none, or not yet. */
static struct pack *
pack_next(struct db_batch *b)
{
	struct list *again = list_pop(&b->again);

	if (again != NULL)
		return LIST_ENTRY(again, struct pack, node);
	if (list_is_empty(&b->queue))
		return NULL;
	if (b->stats.queued < b->def.gap_rows && !cadence_allows(b->cadence))
		return NULL;
	cadence_started(b->cadence);
	return pack_from_queue(b);
}

static void
drain_fn(void *arg)
{
	struct db_batch *b = arg;
	const struct db_error late = {.cls = DB_ERR_NOT_SENT, .text = "waited too long"};

	while (b->stats.in_flight < b->def.in_flight && !b->is_pausing) {
		struct pack *k = pack_next(b);

		if (k == NULL)
			break;
		pack_drop_late(b, k, &late);
		if (k->n == 0)
			pack_recycle(b, k);
		else
			pack_submit(b, k);
	}
}

static void
pause_fn(void *arg)
{
	struct db_batch *b = arg;

	b->is_pausing = false;
	loop_task_mark(b->drain_task);
}

/* ---- deadlines of what is not in flight ---- */

static void
sweep_arm(struct db_batch *b)
{
	int64_t wait_us;

	if (list_is_empty(&b->queue) || loop_timer_is_set(b->sweep_timer))
		return;
	/* Every row has the same budget: the first of the queue is the first to be late. */
	wait_us =
		LIST_ENTRY(b->queue.next, struct db_batch_row, node)->deadline_us - clock_mono_us();
	loop_timer_set(b->sweep_timer, wait_us > SWEEP_MIN_US ? wait_us : SWEEP_MIN_US);
}

static void
sweep_fn(void *arg)
{
	struct db_batch *b = arg;
	const struct db_error late = {.cls = DB_ERR_NOT_SENT, .text = "waited too long"};
	int64_t now_us = clock_mono_us();

	LIST_FOREACH_SAFE(it, &b->again)
	{
		struct pack *k = LIST_ENTRY(it, struct pack, node);

		pack_drop_late(b, k, &late);
		if (k->n == 0) {
			list_del(&k->node);
			pack_recycle(b, k);
		}
	}
	while (!list_is_empty(&b->queue)) {
		struct db_batch_row *row = LIST_ENTRY(b->queue.next, struct db_batch_row, node);

		if (row->deadline_us > now_us)
			break;
		list_del(&row->node);
		b->stats.queued--;
		row_fail(b, row, row_late_code(row), &late);
	}
	sweep_arm(b);
}

/* ---- public ---- */

struct db_batch *
db_batch_new(struct loop *l, struct db *db, const struct db_batch_def *def)
{
	struct db_batch *b = gh_alloc(sizeof(*b));

	b->db = db;
	b->def = *def;
	if (b->def.max_rows == 0)
		b->def.max_rows = DB_BATCH_MAX;
	if (b->def.in_flight == 0)
		b->def.in_flight = IN_FLIGHT_MAX;
	if (b->def.queue_max == 0)
		b->def.queue_max = DEFAULT_QUEUE_MAX;
	if (b->def.deadline_us == 0)
		b->def.deadline_us = DEFAULT_DEADLINE_US;
	if (b->def.gap_rows == 0)
		b->def.gap_rows = b->def.max_rows;
	if (b->def.max_rows > DB_BATCH_MAX || b->def.in_flight > IN_FLIGHT_MAX)
		gh_panic("db: batch %s: bounds", def->name);
	list_init(&b->queue);
	list_init(&b->again);
	list_init(&b->flying);
	list_init(&b->spare);
	b->drain_task = loop_task_new(l, LOOP_PHASE_COMMIT, drain_fn, b);
	b->cadence = cadence_new(l, b->def.gap_us, b->drain_task);
	b->pause_timer = loop_timer_new(l, pause_fn, b);
	b->sweep_timer = loop_timer_new(l, sweep_fn, b);
	return b;
}

static void
fail_all(struct db_batch *b)
{
	const struct db_error closed = {.cls = DB_ERR_NOT_SENT, .text = "stopped"};
	struct list *n;

	LIST_FOREACH_SAFE(it, &b->again)
	{
		struct pack *k = LIST_ENTRY(it, struct pack, node);

		list_del(it);
		for (unsigned i = 0; i < k->n; i++)
			row_fail(b, k->rows[i], row_late_code(k->rows[i]), &closed);
		pack_recycle(b, k);
	}
	n = list_pop(&b->queue);
	while (n != NULL) {
		row_fail(b, LIST_ENTRY(n, struct db_batch_row, node), GH_ETEMP, &closed);
		n = list_pop(&b->queue);
	}
	b->stats.queued = 0;
}

void
db_batch_free(struct db_batch *b)
{
	struct list *n;

	if (b == NULL)
		return;
	if (!list_is_empty(&b->flying))
		gh_panic("db: batch %s freed before its database", b->def.name);
	fail_all(b);
	n = list_pop(&b->spare);
	while (n != NULL) {
		gh_free(LIST_ENTRY(n, struct pack, node));
		n = list_pop(&b->spare);
	}
	cadence_free(b->cadence);
	loop_task_free(b->drain_task);
	loop_timer_free(b->pause_timer);
	loop_timer_free(b->sweep_timer);
	gh_free(b);
}

/* At the measured speed, when would a row added now be committed? Without a queue the
 * answer is "at once": some row must try, or a slow spell would be remembered for ever. */
static int64_t
expected_wait_us(const struct db_batch *b)
{
	int64_t batches = b->stats.queued / b->def.max_rows + b->stats.in_flight + 1;

	if (b->stats.queued == 0)
		return 0;
	return batches * b->stats.batch_us / b->def.in_flight;
}

enum gh_code
db_batch_add(struct db_batch *b, struct db_batch_row *row)
{
	if (b->stats.queued >= b->def.queue_max || expected_wait_us(b) > b->def.deadline_us) {
		b->stats.busy_count++;
		return GH_EBUSY;
	}
	row->deadline_us = clock_mono_us() + b->def.deadline_us;
	row->is_unknown = false;
	list_add_tail(&b->queue, &row->node);
	b->stats.queued++;
	loop_task_mark(b->drain_task);
	sweep_arm(b);
	return GH_OK;
}

bool
db_batch_is_idle(const struct db_batch *b)
{
	return b->stats.queued == 0 && b->stats.in_flight == 0 && list_is_empty(&b->again);
}

const struct db_batch_stats *
db_batch_get_stats(const struct db_batch *b)
{
	return &b->stats;
}
