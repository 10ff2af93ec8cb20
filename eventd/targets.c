#include "targets.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "daemon/hints.h"
#include "loop/loop.h"

#define TARGETS_PAUSE_US (250 * CLOCK_MS)

enum target_state { TARGET_WANTED, TARGET_RUNNING, TARGET_PAUSED };

struct target {
	struct list node; /* WANTED: company.wanted; PAUSED: targets.paused */
	struct targets *all;
	int32_t id;
	int32_t company_id;
	enum target_state state;
	struct hint *waiting; /* arrived since the running work began; NULL: none */
	struct hint *running; /* what the running work answers; NULL: none */
};

struct company {
	struct list node; /* targets.turns while it has wanted targets */
	struct list wanted;
};

struct targets {
	void (*on_wanted)(void *arg);
	void *arg;
	struct map *by_id; /* not IDLE ones */
	struct map *companies;
	struct list turns; /* companies with wanted targets, next first */
	struct list paused;
	struct loop_timer *pause;
	unsigned waiting_count;
};

static struct company *
targets_company(struct targets *t, int32_t company_id)
{
	struct company *c = map_get_i64(t->companies, company_id);

	if (c != NULL)
		return c;
	c = gh_alloc(sizeof(*c));
	list_init(&c->node);
	list_init(&c->wanted);
	map_put_i64(t->companies, company_id, c);
	return c;
}

static void
target_queue(struct target *k)
{
	struct company *c = targets_company(k->all, k->company_id);

	k->state = TARGET_WANTED;
	k->all->waiting_count++;
	list_add_tail(&c->wanted, &k->node);
	if (list_is_empty(&c->node))
		list_add_tail(&k->all->turns, &c->node);
}

static struct target *
target_new(struct targets *t, int32_t id, int32_t company_id)
{
	struct target *k = gh_alloc(sizeof(*k));

	list_init(&k->node);
	k->all = t;
	k->id = id;
	k->company_id = company_id;
	map_put_i64(t->by_id, id, k);
	target_queue(k);
	return k;
}

static void
target_free(struct target *k)
{
	map_del_i64(k->all->by_id, k->id);
	hint_done(k->waiting);
	hint_done(k->running);
	gh_free(k);
}

static void
target_hint(struct targets *t, int32_t id, int32_t company_id, struct hint *h)
{
	struct target *k = map_get_i64(t->by_id, id);

	if (k == NULL)
		k = target_new(t, id, company_id);
	if (k->waiting != NULL)
		return; /* the one that waits already will start work after this arrival */
	k->waiting = hint_hold(h);
}

void
targets_hint(struct targets *t, const struct mq_envelope *e, struct hint *h)
{
	for (unsigned i = 0; i < e->target_count; i++)
		target_hint(t, (int32_t)e->target_id[i], (int32_t)e->company_id, h);
	hint_done(h);
	t->on_wanted(t->arg);
}

struct target *
targets_next(struct targets *t)
{
	struct company *c;
	struct target *k;

	if (list_is_empty(&t->turns))
		return NULL;
	c = LIST_ENTRY(list_pop(&t->turns), struct company, node);
	k = LIST_ENTRY(list_pop(&c->wanted), struct target, node);
	if (!list_is_empty(&c->wanted))
		list_add_tail(&t->turns, &c->node);
	k->state = TARGET_RUNNING;
	if (k->running == NULL) {
		k->running = k->waiting;
		k->waiting = NULL;
	}
	t->waiting_count--;
	return k;
}

void
targets_done(struct target *k, bool has_more)
{
	struct targets *t = k->all;

	if (has_more) {
		target_queue(k); /* keeps its hints */
	} else if (k->waiting != NULL) {
		hint_done(k->running);
		k->running = NULL;
		target_queue(k);
	} else {
		target_free(k);
		return;
	}
	t->on_wanted(t->arg);
}

void
targets_failed(struct target *k)
{
	struct targets *t = k->all;

	k->state = TARGET_PAUSED;
	list_add_tail(&t->paused, &k->node);
	if (!loop_timer_is_set(t->pause))
		loop_timer_set(t->pause, TARGETS_PAUSE_US);
}

static void
targets_pause_over(void *arg)
{
	struct targets *t = arg;

	while (!list_is_empty(&t->paused))
		target_queue(LIST_ENTRY(list_pop(&t->paused), struct target, node));
	t->on_wanted(t->arg);
}

struct targets *
targets_new(struct loop *l, void (*on_wanted)(void *arg), void *arg)
{
	struct targets *t = gh_alloc(sizeof(*t));

	t->on_wanted = on_wanted;
	t->arg = arg;
	t->by_id = map_new();
	t->companies = map_new();
	list_init(&t->turns);
	list_init(&t->paused);
	t->pause = loop_timer_new(l, targets_pause_over, t);
	return t;
}

void
targets_free(struct targets *t)
{
	struct slice key;
	void *value;

	if (t == NULL)
		return;
	/* Hints that they hold are not acknowledged: their handles die with hints_free. */
	for (size_t it = 0; map_next(t->by_id, &it, &key, &value);)
		gh_free(value);
	for (size_t it = 0; map_next(t->companies, &it, &key, &value);)
		gh_free(value);
	map_free(t->by_id);
	map_free(t->companies);
	loop_timer_free(t->pause);
	gh_free(t);
}

int32_t
target_id(const struct target *k)
{
	return k->id;
}

int32_t
target_company(const struct target *k)
{
	return k->company_id;
}

unsigned
targets_waiting_count(const struct targets *t)
{
	return t->waiting_count;
}
