/* hints.c - consume the queues of queue_metadata; see hints.h.
 *
 * The list is read in one unit at a time; asking again while it runs reads it once more
 * afterwards, so that the last notification is never behind the last reading.
 */
#include "daemon/hints.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "daemon/daemon_mq.h"
#include "loop/loop.h"
#include "model/queue_row.h"
#include "model/wake.h"
#include "mq/consumer.h"

#define HINTS_REREAD_US (30 * CLOCK_SEC)
#define HINTS_CHECK_US  (2 * CLOCK_SEC)

struct hint {
	struct list link; /* hints.held */
	struct hints *owner;
	unsigned refs;
	bool is_offered;
	struct mq_delivery delivery;
	int64_t arrived_us;
};

struct hint_queue {
	struct slice name; /* owned */
	uint64_t seen;     /* reading that last listed it */
	bool is_absent;    /* the broker does not have it */
};

struct hints {
	struct daemon *daemon;
	struct hints_opts opts;
	struct mq_consumer *consumer;
	struct map *queues; /* name -> struct hint_queue */
	struct list held;
	unsigned held_count;
	unsigned pause; /* set of HINTS_PAUSE_* */
	struct loop_timer *reread, *check;
	uint64_t reading; /* number of the reading under way or last made */
	bool is_reading, is_reread_wanted;
	bool is_retry_wanted; /* the list was announced: look for absent queues now */
	bool is_listed;       /* the list was read once */
	unsigned idle_looks;  /* in a row that found nothing consumed */
};

enum { H_RECEIVED, H_INVALID, H_HELD, H_QUEUES, H_COUNT };
_Static_assert(H_COUNT == HINTS_METRIC_COUNT, "one definition per metric");

enum { QUEUES_KNOWN, QUEUES_CONSUMED };
static const char *const queue_states[] = {"known", "consumed"};
static const char *const kind_names[] = {"send", "inbound", "delivery"};

const struct metric_def hints_metrics[HINTS_METRIC_COUNT] = {
	[H_RECEIVED] = {"hints_total", METRIC_COUNTER, "Hints taken from the broker.",
			.labels = {{"kind", kind_names, GH_COUNT(kind_names)}}},
	[H_INVALID] = {"hints_invalid_total", METRIC_COUNTER,
		       "Messages from the broker that are no hint for this daemon; dropped."},
	[H_HELD] = {"hints_held", METRIC_GAUGE, "Hints not yet acknowledged."},
	[H_QUEUES] = {"hint_queues", METRIC_GAUGE, "Queues of this daemon.",
		      .labels = {{"state", queue_states, GH_COUNT(queue_states)}}},
};

static void hints_read(struct hints *h);

static void
hints_collect(void *arg)
{
	struct hints *h = arg;
	struct metrics_table *t = h->opts.table;

	metrics_set(t, H_HELD, 0, 0, h->held_count);
	metrics_set(t, H_QUEUES, QUEUES_KNOWN, 0, mq_consumer_queue_count(h->consumer));
	metrics_set(t, H_QUEUES, QUEUES_CONSUMED, 0, mq_consumer_active_count(h->consumer));
}

/* Consuming while there is something to consume. Paused counts as well: the reason has a
 * check of its own. Seen twice in a row, since subscribing takes a moment. */
static void
hints_look(struct hints *h)
{
	const char *fault = NULL;
	bool is_idle = h->pause == 0 && mq_consumer_queue_count(h->consumer) > 0 &&
		       mq_consumer_active_count(h->consumer) == 0;

	h->idle_looks = is_idle ? h->idle_looks + 1 : 0;
	if (!h->is_listed)
		fault = "list of queues not read yet";
	else if (h->idle_looks > 1)
		fault = "no queue is consumed";
	daemon_mq_set_fault(h->opts.mq, fault);
}

static void
hints_check(void *arg)
{
	struct hints *h = arg;

	hints_look(h);
	loop_timer_set(h->check, HINTS_CHECK_US);
}

/* ---- deliveries ---- */

static bool
hints_wants(const struct hints *h, enum mq_kind kind)
{
	for (unsigned i = 0; i < h->opts.kind_count; i++)
		if (h->opts.kinds[i] == kind)
			return true;
	return false;
}

static void
hints_delivered(void *arg, struct slice queue, struct mq_delivery d, const struct mq_content *m)
{
	struct hints *h = arg;
	struct mq_envelope e;
	struct hint *hint;

	if (m->is_oversized || mq_envelope_parse(m->body, &e) != GH_OK || !hints_wants(h, e.kind)) {
		metrics_add(h->opts.table, H_INVALID, 0, 0, 1);
		log_warn("hints.invalid", LOG_SLICE("queue", queue), LOG_INT("bytes", m->body.n),
			 LOG_SLICE("msg", m->message_id));
		mq_ack(h->consumer, d);
		return;
	}
	metrics_add(h->opts.table, H_RECEIVED, (unsigned)e.kind - MQ_KIND_SEND, 0, 1);
	hint = gh_alloc(sizeof(*hint));
	hint->owner = h;
	hint->refs = 1;
	hint->delivery = d;
	hint->arrived_us = clock_mono_us();
	list_add_tail(&h->held, &hint->link);
	h->held_count++;
	h->opts.on_hint(h->opts.arg, &e, hint);
}

static void
hint_free(struct hint *hint)
{
	list_del(&hint->link);
	hint->owner->held_count--;
	gh_free(hint);
}

struct hint *
hint_hold(struct hint *hint)
{
	hint->refs++;
	return hint;
}

void
hint_done(struct hint *hint)
{
	if (hint == NULL || --hint->refs > 0)
		return;
	if (hint->is_offered)
		mq_nack(hint->owner->consumer, hint->delivery, true);
	else
		mq_ack(hint->owner->consumer, hint->delivery);
	hint_free(hint);
}

void
hint_offer(struct hint *hint)
{
	hint->is_offered = true;
	hint_done(hint);
}

int64_t
hint_arrived_us(const struct hint *hint)
{
	return hint->arrived_us;
}

/* ---- queues ---- */

static void
hints_queue_changed(void *arg, struct slice name, bool is_consuming)
{
	struct hints *h = arg;
	struct hint_queue *q = map_get(h->queues, name);

	if (q == NULL)
		return;
	q->is_absent = !is_consuming;
	if (!is_consuming) {
		log_warn("hints.queue_absent", LOG_SLICE("queue", name));
		return;
	}
	log_debug("hints.consuming", LOG_SLICE("queue", name));
	hints_look(h);
}

static void
hints_queue_free(struct hint_queue *q)
{
	gh_free((char *)(uintptr_t)q->name.p);
	gh_free(q);
}

static void
hints_queue_add(struct hints *h, struct slice name)
{
	struct hint_queue *q = map_get(h->queues, name);
	enum gh_code rc;

	if (q == NULL) {
		q = gh_alloc(sizeof(*q));
		q->name = slice_make(gh_strndup(name.p, name.n), name.n);
		(void)map_put(h->queues, name, q);
	} else if (q->is_absent && h->is_retry_wanted) {
		/* The relay may just have declared it again: skip the consumer's own pause. */
		q->is_absent = false;
		mq_consumer_remove(h->consumer, name);
	}
	q->seen = h->reading;
	rc = mq_consumer_add(h->consumer, name, h->opts.prefetch);
	if (rc != GH_OK)
		log_error("hints.bad_queue", LOG_SLICE("queue", name),
			  LOG_STR("err", gh_code_name(rc)));
}

/* Stop consuming what the list does not name any more. */
static void
hints_queues_sweep(struct hints *h)
{
	size_t it = 0;
	void *value;

	while (map_next(h->queues, &it, NULL, &value)) {
		struct hint_queue *q = value;

		if (q->seen == h->reading)
			continue;
		mq_consumer_remove(h->consumer, q->name);
		(void)map_del(h->queues, q->name);
		hints_queue_free(q);
	}
}

static void
hints_read_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct hints *h = arg;
	struct arena *a;
	struct queue_row *rows;
	unsigned count;

	h->is_reading = false;
	loop_timer_set(h->reread, HINTS_REREAD_US);
	if (code == GH_OK) {
		a = arena_new(0);
		count = queue_row_list(u, 0, a, &rows);
		for (unsigned i = 0; i < count; i++)
			hints_queue_add(h, rows[i].name);
		arena_free(a);
		hints_queues_sweep(h);
		h->is_retry_wanted = false;
		if (!h->is_listed) {
			h->is_listed = true;
			hints_look(h);
		}
	} else {
		log_warn("hints.list_failed", LOG_STR("err", db_unit_error(u)->text));
	}
	if (h->is_reread_wanted)
		hints_read(h);
}

static void
hints_read(struct hints *h)
{
	struct db_unit *u;
	enum gh_code rc;

	h->is_reread_wanted = h->is_reading;
	if (h->is_reading)
		return;
	u = db_unit_new();
	queue_row_list_add(u, h->opts.kinds, h->opts.kind_count);
	rc = db_submit(h->opts.db, u, hints_read_done, h);
	if (rc != GH_OK) {
		loop_timer_set(h->reread, HINTS_REREAD_US);
		return;
	}
	h->is_reading = true;
	h->reading++;
}

static void
hints_reread(void *arg)
{
	hints_read(arg);
}

/* A new queue, or (no payload) a new connection: notifications may have been missed. */
static void
hints_notified(void *arg, struct slice payload GH_UNUSED)
{
	struct hints *h = arg;

	h->is_retry_wanted = true;
	hints_read(h);
}

/* ---- pause ---- */

void
hints_pause(struct hints *h, unsigned why)
{
	h->pause |= why;
	mq_consumer_pause(h->consumer);
}

void
hints_resume(struct hints *h, unsigned why)
{
	h->pause &= ~why;
	if (h->pause == 0)
		mq_consumer_resume(h->consumer);
}

/* ---- life ---- */

struct hints *
hints_new(struct daemon *d, const struct hints_opts *opts)
{
	struct hints *h = gh_alloc(sizeof(*h));
	const struct mq_consumer_opts consumer_opts = {
		.on_deliver = hints_delivered,
		.on_queue = hints_queue_changed,
		.arg = h,
	};

	h->daemon = d;
	h->opts = *opts;
	h->queues = map_new();
	list_init(&h->held);
	h->consumer = mq_consumer_new(daemon_mq_conn(opts->mq), &consumer_opts);
	if (h->consumer == NULL)
		gh_panic("hints_new: the broker connection has no channel left");
	hints_pause(h, HINTS_PAUSE_DB);
	h->reread = loop_timer_new(daemon_loop(d), hints_reread, h);
	h->check = loop_timer_new(daemon_loop(d), hints_check, h);
	hints_check(h);
	db_listen(opts->db, WAKE_QUEUES, hints_notified, h);
	metrics_collector_add(daemon_metrics(d), hints_collect, h);
	return h;
}

void
hints_free(struct hints *h)
{
	size_t it = 0;
	void *value;

	if (h == NULL)
		return;
	metrics_collector_del(daemon_metrics(h->daemon), hints_collect, h);
	loop_timer_free(h->check);
	loop_timer_free(h->reread);
	mq_consumer_free(h->consumer);
	while (!list_is_empty(&h->held))
		hint_free(LIST_ENTRY(h->held.next, struct hint, link));
	while (map_next(h->queues, &it, NULL, &value))
		hints_queue_free(value);
	map_free(h->queues);
	gh_free(h);
}
