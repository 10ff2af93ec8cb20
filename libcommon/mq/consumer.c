/* consumer.c - many queues, one channel; see consumer.h.
 *
 * A queue moves todo -> busy (looked for on the probe channel, then subscribed on
 * the main one) -> active; waiting when it is absent. consumer_drain is the one
 * place that starts work. Each subscription has a tag of its own, so whatever
 * arrives for a cancelled one is recognised and requeued.
 */
#include "mq/consumer.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "mq/internal.h"

#define RETRY_MIN_US    CLOCK_SEC
#define RETRY_MAX_US    (30 * CLOCK_SEC)
#define RETRY_TICK_US   CLOCK_SEC
#define PROBE_REOPEN_US (20 * CLOCK_MS) /* its 404s are expected: no growing backoff */
#define TAG_SIZE        24

enum queue_state { QUEUE_TODO, QUEUE_BUSY, QUEUE_ACTIVE, QUEUE_WAITING };

struct queue {
	struct list node;
	struct mq_consumer *owner;
	struct slice name; /* owned */
	uint16_t prefetch;
	enum queue_state state;
	bool is_removed;   /* free it when its request is answered */
	bool is_told_gone; /* on_queue(false) was said */
	int64_t number;    /* of the subscription; its consumer tag is "gh-" and this */
	int64_t retry_at_us, backoff_us;
};

struct mq_consumer {
	struct mq_channel *main, *probe;
	struct mq_consumer_opts opts;
	struct map *by_name;   /* struct queue, removed ones not */
	struct map *by_number; /* subscriptions that may deliver */
	struct list list[QUEUE_WAITING + 1];
	unsigned active_count;
	unsigned unacked_count;
	int64_t last_number;
	uint16_t qos_now; /* prefetch last set on the main channel; 0: none */
	struct loop_timer *tick;
	struct queue *probing;
	struct queue *delivering; /* its callback is running */
	bool is_paused, is_freeing;
};

static void consumer_drain(struct mq_consumer *c);

static struct mq_counters *
counters(struct mq_consumer *c)
{
	return &mq_channel_conn(c->main)->counters;
}

/* ---- one queue ---- */

static void
queue_set_state(struct queue *q, enum queue_state s)
{
	struct mq_consumer *c = q->owner;

	if (q->state == QUEUE_ACTIVE)
		c->active_count--;
	q->state = s;
	if (s == QUEUE_ACTIVE)
		c->active_count++;
	list_del(&q->node);
	list_add_tail(&c->list[s], &q->node);
	if (s == QUEUE_WAITING) {
		q->retry_at_us = clock_mono_us() + q->backoff_us;
		q->backoff_us = q->backoff_us * 2 > RETRY_MAX_US ? RETRY_MAX_US : q->backoff_us * 2;
		if (!loop_timer_is_set(c->tick))
			loop_timer_set(c->tick, RETRY_TICK_US);
	}
}

static void
queue_free(struct queue *q)
{
	if (q->state == QUEUE_ACTIVE)
		q->owner->active_count--;
	list_del(&q->node);
	gh_free((char *)(uintptr_t)q->name.p);
	gh_free(q);
}

static struct slice
queue_tag(const struct queue *q, char dst[TAG_SIZE])
{
	(void)snprintf(dst, TAG_SIZE, "gh-%lld", (long long)q->number);
	return slice_of(dst);
}

/* End the subscription at the broker; what still comes for it is requeued. */
static void
queue_unsubscribe(struct queue *q)
{
	struct mq_consumer *c = q->owner;
	char tag[TAG_SIZE];

	(void)map_del_i64(c->by_number, q->number);
	if (mq_channel_is_open(c->main) &&
	    mq_cancel(c->main, queue_tag(q, tag), NULL, NULL) != GH_OK)
		/* A subscription left behind would requeue in circles for ever. */
		mq_conn_fail(mq_channel_conn(c->main), "too many requests to cancel a consumer");
}

static void
queue_gone(struct queue *q)
{
	struct mq_consumer *c = q->owner;

	queue_set_state(q, QUEUE_WAITING);
	if (q->is_told_gone)
		return;
	q->is_told_gone = true;
	if (c->opts.on_queue != NULL)
		c->opts.on_queue(c->opts.arg, q->name, false);
}

/* A request of q failed: later, or with the next channel. */
static void
queue_put_back(struct queue *q, enum gh_code code)
{
	if (code == GH_ETEMP)
		queue_set_state(q, QUEUE_TODO);
	else
		queue_gone(q);
}

static void
queue_on_consume(void *arg, const struct mq_reply *r)
{
	struct queue *q = arg;
	struct mq_consumer *c = q->owner;

	if (r->code != GH_OK)
		(void)map_del_i64(c->by_number, q->number);
	if (q->is_removed) {
		if (r->code == GH_OK)
			queue_unsubscribe(q);
		queue_free(q);
		return;
	}
	if (r->code != GH_OK) {
		queue_put_back(q, r->code);
		return;
	}
	if (c->is_paused) {
		queue_unsubscribe(q);
		queue_set_state(q, QUEUE_TODO);
		return;
	}
	q->backoff_us = RETRY_MIN_US;
	q->is_told_gone = false;
	queue_set_state(q, QUEUE_ACTIVE);
	if (c->opts.on_queue != NULL)
		c->opts.on_queue(c->opts.arg, q->name, true);
}

static void
queue_subscribe(struct queue *q)
{
	struct mq_consumer *c = q->owner;
	char tag[TAG_SIZE];
	enum gh_code rc = GH_OK;

	if (c->qos_now != q->prefetch)
		rc = mq_qos(c->main, q->prefetch, NULL, NULL);
	if (rc == GH_OK) {
		c->qos_now = q->prefetch;
		q->number = ++c->last_number;
		rc = mq_consume(c->main, q->name, queue_tag(q, tag), queue_on_consume, q);
	}
	if (rc != GH_OK) {
		queue_set_state(q, QUEUE_WAITING);
		return;
	}
	(void)map_put_i64(c->by_number, q->number, q);
}

static void
queue_on_probe(void *arg, const struct mq_reply *r)
{
	struct queue *q = arg;
	struct mq_consumer *c = q->owner;

	c->probing = NULL;
	if (q->is_removed)
		queue_free(q);
	else if (r->code != GH_OK)
		queue_put_back(q, r->code);
	else if (c->is_paused || !mq_channel_is_open(c->main))
		queue_set_state(q, QUEUE_TODO);
	else
		queue_subscribe(q);
	consumer_drain(c);
}

/* Start the next probe when one can run. */
static void
consumer_drain(struct mq_consumer *c)
{
	struct queue *q;

	if (c->is_freeing || c->is_paused || c->probing != NULL ||
	    list_is_empty(&c->list[QUEUE_TODO]))
		return;
	if (!mq_channel_is_open(c->main) || !mq_channel_is_open(c->probe))
		return;
	q = LIST_ENTRY(c->list[QUEUE_TODO].next, struct queue, node);
	/* The channel is open and its queue of requests empty: this cannot be refused. */
	if (mq_queue_inspect(c->probe, q->name, queue_on_probe, q) != GH_OK) {
		queue_set_state(q, QUEUE_WAITING);
		return;
	}
	c->probing = q;
	queue_set_state(q, QUEUE_BUSY);
}

static void
consumer_on_tick(void *arg)
{
	struct mq_consumer *c = arg;
	int64_t now = clock_mono_us();

	LIST_FOREACH_SAFE(n, &c->list[QUEUE_WAITING])
	{
		struct queue *q = LIST_ENTRY(n, struct queue, node);

		if (q->retry_at_us <= now)
			queue_set_state(q, QUEUE_TODO);
	}
	if (!list_is_empty(&c->list[QUEUE_WAITING]))
		loop_timer_set(c->tick, RETRY_TICK_US);
	consumer_drain(c);
}

/* ---- events of the channels ---- */

static void
consumer_on_open(void *arg)
{
	consumer_drain(arg);
}

static void
consumer_on_close(void *arg, unsigned code GH_UNUSED, struct slice text GH_UNUSED)
{
	struct mq_consumer *c = arg;

	c->unacked_count = 0;
	c->qos_now = 0;
	LIST_FOREACH_SAFE(n, &c->list[QUEUE_ACTIVE])
	{
		struct queue *q = LIST_ENTRY(n, struct queue, node);

		(void)map_del_i64(c->by_number, q->number);
		queue_set_state(q, QUEUE_TODO);
	}
	if (c->opts.on_down != NULL)
		c->opts.on_down(c->opts.arg);
}

/* The queue of a consumer tag; NULL for a tag that is not subscribed any more. */
static struct queue *
consumer_find(struct mq_consumer *c, struct slice tag)
{
	int64_t number;

	if (!slice_starts(tag, S("gh-")) ||
	    parse_i64(slice_from(tag, 3), 1, INT64_MAX, &number) != GH_OK)
		return NULL;
	return map_get_i64(c->by_number, number);
}

static void
consumer_on_cancel(void *arg, struct slice tag)
{
	struct mq_consumer *c = arg;
	struct queue *q = consumer_find(c, tag);

	if (q == NULL || q->state != QUEUE_ACTIVE)
		return;
	(void)map_del_i64(c->by_number, q->number);
	log_info("amqp.consumer_cancelled", LOG_SLICE("queue", q->name));
	queue_gone(q);
}

static void
consumer_on_deliver(void *arg, const struct mq_content *m)
{
	struct mq_consumer *c = arg;
	struct queue *q = consumer_find(c, m->consumer_tag);
	struct mq_delivery d = {mq_channel_generation(c->main), m->delivery_tag};

	if (q == NULL || q->is_removed || c->is_paused) {
		counters(c)->requeued_count++;
		mq_channel_nack(c->main, m->delivery_tag, true);
		return;
	}
	if (m->is_oversized) {
		log_warn("amqp.delivery_oversized", LOG_SLICE("queue", q->name));
		counters(c)->rejected_count++;
		mq_channel_nack(c->main, m->delivery_tag, false);
		return;
	}
	counters(c)->delivered_count++;
	if (m->redelivered)
		counters(c)->redelivered_count++;
	c->unacked_count++;
	c->delivering = q;
	c->opts.on_deliver(c->opts.arg, q->name, d, m);
	c->delivering = NULL;
	if (q->is_removed && q->state != QUEUE_BUSY)
		queue_free(q);
}

/* ---- life and the user's calls ---- */

struct mq_consumer *
mq_consumer_new(struct mq_conn *conn, const struct mq_consumer_opts *opts)
{
	static const struct mq_channel_events main_events = {
		.on_open = consumer_on_open,
		.on_close = consumer_on_close,
		.on_deliver = consumer_on_deliver,
		.on_cancel = consumer_on_cancel,
	};
	static const struct mq_channel_events probe_events = {.on_open = consumer_on_open};
	struct mq_consumer *c = gh_alloc(sizeof(*c));

	if (opts->on_deliver == NULL)
		gh_panic("mq_consumer_new: no on_deliver");
	c->opts = *opts;
	for (size_t i = 0; i < GH_COUNT(c->list); i++)
		list_init(&c->list[i]);
	c->by_name = map_new();
	c->by_number = map_new();
	c->tick = loop_timer_new(conn->loop, consumer_on_tick, c);
	c->main = mq_channel_new(conn, &(struct mq_channel_opts){.events = &main_events, .arg = c});
	c->probe =
		mq_channel_new(conn, &(struct mq_channel_opts){.events = &probe_events,
							       .arg = c,
							       .reopen_min_us = PROBE_REOPEN_US,
							       .reopen_max_us = PROBE_REOPEN_US});
	if (c->main == NULL || c->probe == NULL) {
		mq_consumer_free(c);
		return NULL;
	}
	return c;
}

void
mq_consumer_free(struct mq_consumer *c)
{
	if (c == NULL)
		return;
	c->is_freeing = true;
	mq_channel_free(c->probe);
	mq_channel_free(c->main);
	for (size_t i = 0; i < GH_COUNT(c->list); i++) {
		while (!list_is_empty(&c->list[i]))
			queue_free(LIST_ENTRY(c->list[i].next, struct queue, node));
	}
	loop_timer_free(c->tick);
	map_free(c->by_name);
	map_free(c->by_number);
	gh_free(c);
}

enum gh_code
mq_consumer_add(struct mq_consumer *c, struct slice queue, uint16_t prefetch)
{
	struct queue *q;

	if (queue.n == 0 || queue.n > 255 || prefetch == 0)
		return GH_EINVAL;
	if (map_get(c->by_name, queue) != NULL)
		return GH_OK;
	q = gh_alloc(sizeof(*q));
	*q = (struct queue){.owner = c,
			    .name = {gh_strndup(queue.p, queue.n), queue.n},
			    .prefetch = prefetch,
			    .backoff_us = RETRY_MIN_US};
	list_init(&q->node);
	(void)map_put(c->by_name, q->name, q);
	queue_set_state(q, QUEUE_TODO);
	consumer_drain(c);
	return GH_OK;
}

void
mq_consumer_remove(struct mq_consumer *c, struct slice queue)
{
	struct queue *q = map_del(c->by_name, queue);

	if (q == NULL)
		return;
	q->is_removed = true;
	if (q->state == QUEUE_BUSY)
		return; /* its answer frees it */
	if (q->state == QUEUE_ACTIVE)
		queue_unsubscribe(q);
	if (q != c->delivering)
		queue_free(q);
}

void
mq_consumer_pause(struct mq_consumer *c)
{
	if (c->is_paused)
		return;
	c->is_paused = true;
	LIST_FOREACH_SAFE(n, &c->list[QUEUE_ACTIVE])
	{
		struct queue *q = LIST_ENTRY(n, struct queue, node);

		queue_unsubscribe(q);
		queue_set_state(q, QUEUE_TODO);
	}
}

void
mq_consumer_resume(struct mq_consumer *c)
{
	if (!c->is_paused)
		return;
	c->is_paused = false;
	consumer_drain(c);
}

bool
mq_delivery_is_valid(const struct mq_consumer *c, struct mq_delivery d)
{
	return mq_channel_is_open(c->main) && d.generation == mq_channel_generation(c->main);
}

/* Account for the end of a delivery; false when it is void. */
static bool
consumer_settle(struct mq_consumer *c, struct mq_delivery d)
{
	if (!mq_delivery_is_valid(c, d)) {
		counters(c)->stale_ack_count++;
		return false;
	}
	if (c->unacked_count == 0)
		gh_panic("mq_ack: delivery %llu settled twice", (unsigned long long)d.tag);
	c->unacked_count--;
	return true;
}

void
mq_ack(struct mq_consumer *c, struct mq_delivery d)
{
	if (!consumer_settle(c, d))
		return;
	counters(c)->acked_count++;
	mq_channel_ack(c->main, d.tag);
}

void
mq_nack(struct mq_consumer *c, struct mq_delivery d, bool requeue)
{
	if (!consumer_settle(c, d))
		return;
	if (requeue)
		counters(c)->requeued_count++;
	else
		counters(c)->rejected_count++;
	mq_channel_nack(c->main, d.tag, requeue);
}

unsigned
mq_consumer_queue_count(const struct mq_consumer *c)
{
	return (unsigned)map_count(c->by_name);
}

unsigned
mq_consumer_active_count(const struct mq_consumer *c)
{
	return c->active_count;
}

unsigned
mq_consumer_unacked_count(const struct mq_consumer *c)
{
	return c->unacked_count;
}
