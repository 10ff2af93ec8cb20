/* targets.c - the fair scheduler of senderd; see targets.h.
 *
 * target_set_state is the only place that moves a target between lists;
 * target_rest decides what becomes of one when a claim or a result is over.
 */
#include "targets.h"

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "daemon/hints.h"
#include "model/send_queue.h"

#define CLASS_COUNT 3
static const unsigned class_weights[CLASS_COUNT] = {8, 4, 1};

/* A company with wanted targets of one class; exists while it has any. */
struct ring {
	struct list link;    /* class_list.rings; the head is served next */
	struct list targets; /* struct target.link */
	int32_t company_id;
};

struct class_list {
	struct list rings;
	struct map *by_company; /* company id -> struct ring */
	unsigned credit;        /* picks left before the lower classes get theirs */
};

struct provider_slots {
	int32_t id;
	unsigned max;  /* 0: no limit */
	unsigned used; /* reserved, and calls running */
	struct list blocked;
	unsigned blocked_count;
	struct breaker breaker;
	struct list open_link; /* of targets.open_breakers */
};

struct target {
	struct list link; /* of ring.targets, provider_slots.blocked or targets.parked */
	struct provider_slots *provider; /* NULL before the first grant */
	struct ring *ring;               /* while WANTED */
	struct hint *fresh;              /* came after the last claim began */
	struct hint *covered; /* a claim that began after it came has not emptied the queue */
	int64_t parked_us;
	unsigned call_count;     /* calls running */
	unsigned unstored_count; /* rows claimed, result not stored */
	int32_t instance_id;
	int32_t company_id;
	enum mq_class cls;
	enum target_state state;
	bool has_more;   /* due rows are left */
	bool is_again;   /* a result was stored while a claim was under way */
	bool is_probing; /* one call at a time: the last answers parked it */
};

struct targets {
	struct targets_opts opts;
	struct map *by_instance;
	struct map *providers;
	struct class_list classes[CLASS_COUNT];
	struct list parked;        /* in the order of parked_us */
	struct list open_breakers; /* provider_slots.open_link */
	unsigned state_count[TARGET_STATE_COUNT];
	unsigned reserved_count; /* slots granted to claims under way */
	unsigned call_count;
	unsigned unstored_count;
};

static const char *
target_state_name(enum target_state state)
{
	static const char *const names[TARGET_STATE_COUNT] = {
		[TARGET_IDLE] = "idle",         [TARGET_WANTED] = "wanted",
		[TARGET_CLAIMING] = "claiming", [TARGET_DEFERRED] = "deferred",
		[TARGET_BLOCKED] = "blocked",   [TARGET_PARKED] = "parked",
		[TARGET_SERVING] = "serving",
	};

	return names[state];
}

/* ---- held hints ---- */

static void
hint_let_go(struct hint **h)
{
	hint_done(*h);
	*h = NULL;
}

/* ---- lists ---- */

static void
ring_add(struct targets *s, struct target *t)
{
	struct class_list *c = &s->classes[t->cls - MQ_CLASS_HIGH];
	struct ring *r = map_get_i64(c->by_company, t->company_id);

	if (r == NULL) {
		r = gh_alloc(sizeof(*r));
		r->company_id = t->company_id;
		list_init(&r->targets);
		list_add_tail(&c->rings, &r->link);
		(void)map_put_i64(c->by_company, r->company_id, r);
	}
	list_add_tail(&r->targets, &t->link);
	t->ring = r;
}

static void
ring_del(struct targets *s, struct target *t)
{
	struct ring *r = t->ring;

	t->ring = NULL;
	if (!list_is_empty(&r->targets))
		return;
	list_del(&r->link);
	(void)map_del_i64(s->classes[t->cls - MQ_CLASS_HIGH].by_company, r->company_id);
	gh_free(r);
}

static void
target_set_state(struct targets *s, struct target *t, enum target_state state)
{
	log_debug("send.target", LOG_INT("company", t->company_id),
		  LOG_INT("instance", t->instance_id), LOG_STR("from", target_state_name(t->state)),
		  LOG_STR("to", target_state_name(state)));
	list_del(&t->link);
	if (t->state == TARGET_WANTED)
		ring_del(s, t);
	else if (t->state == TARGET_BLOCKED)
		t->provider->blocked_count--;
	s->state_count[t->state]--;
	s->state_count[state]++;
	t->state = state;
	if (state == TARGET_WANTED) {
		ring_add(s, t);
	} else if (state == TARGET_PARKED) {
		list_add_tail(&s->parked, &t->link);
	} else if (state == TARGET_BLOCKED) {
		list_add_tail(&t->provider->blocked, &t->link);
		t->provider->blocked_count++;
	}
}

static void
target_free(struct targets *s, struct target *t)
{
	list_del(&t->link);
	s->state_count[t->state]--;
	(void)map_del_i64(s->by_instance, t->instance_id);
	gh_free(t);
}

/* What a target does next when no claim of it is under way. */
static void
target_rest(struct targets *s, struct target *t)
{
	bool is_wanted = t->fresh != NULL || t->has_more || t->is_again;

	t->is_again = false;
	if (is_wanted && !(t->is_probing && t->unstored_count > 0)) {
		target_set_state(s, t, TARGET_WANTED);
		return;
	}
	if (!is_wanted)
		hint_let_go(&t->covered);
	target_set_state(s, t, t->unstored_count > 0 ? TARGET_SERVING : TARGET_IDLE);
	if (t->state == TARGET_IDLE)
		target_free(s, t);
}

/* Rows or timers in the database carry what it was wanted for. */
static void
target_forget_work(struct target *t)
{
	hint_let_go(&t->fresh);
	hint_let_go(&t->covered);
	t->has_more = false;
	t->is_again = false;
}

static void
target_park(struct targets *s, struct target *t, int64_t now_us)
{
	t->parked_us = now_us;
	t->is_probing = true;
	target_forget_work(t);
	target_set_state(s, t, TARGET_PARKED);
}

/* Calls that may start at the provider now, at most `wanted`. */
static unsigned
provider_room(const struct provider_slots *p, unsigned wanted, int64_t now_us)
{
	if (breaker_is_open(&p->breaker))
		return p->used == 0 && breaker_may_probe(&p->breaker, now_us) ? 1 : 0;
	if (p->max == 0 || p->used + wanted <= p->max)
		return wanted;
	return p->max > p->used ? p->max - p->used : 0;
}

/* Slots became free: as many blocked targets as fit may try again. */
static void
provider_wake(struct targets *s, struct provider_slots *p, int64_t now_us)
{
	unsigned room = provider_room(p, p->blocked_count, now_us);

	for (; room > 0 && !list_is_empty(&p->blocked); room--)
		target_set_state(s, LIST_ENTRY(p->blocked.next, struct target, link),
				 TARGET_WANTED);
}

/* ---- hints ---- */

static void
target_hint(struct targets *s, int32_t instance_id, const struct mq_envelope *e, struct hint *h)
{
	struct target *t = map_get_i64(s->by_instance, instance_id);

	if (t == NULL) {
		t = gh_alloc(sizeof(*t));
		list_init(&t->link);
		t->instance_id = instance_id;
		t->company_id = (int32_t)e->company_id;
		t->cls = e->class;
		s->state_count[TARGET_IDLE]++;
		(void)map_put_i64(s->by_instance, instance_id, t);
	}
	if (t->state == TARGET_PARKED && hint_arrived_us(h) - t->parked_us < TARGETS_PROBE_US)
		return; /* its parked rows have a timer in the database */
	if (t->state == TARGET_BLOCKED && breaker_is_open(&t->provider->breaker))
		return; /* and these the provider's parked_until */
	if (t->fresh == NULL)
		t->fresh = hint_hold(h);
	if (e->class < t->cls || t->state == TARGET_IDLE || t->state == TARGET_SERVING) {
		/* Off the list of the old class before the class changes. */
		if (t->state == TARGET_WANTED)
			target_set_state(s, t, TARGET_IDLE);
		t->cls = e->class;
	}
	if (t->state == TARGET_IDLE || t->state == TARGET_SERVING || t->state == TARGET_PARKED)
		target_rest(s, t);
}

void
targets_hint(struct targets *s, const struct mq_envelope *e, struct hint *h)
{
	for (unsigned i = 0; i < e->target_count; i++)
		if (e->target_id[i] <= INT32_MAX)
			target_hint(s, (int32_t)e->target_id[i], e, h);
	hint_done(h);
}

/* ---- picking ---- */

/* Calls that may start now. Results not yet stored count against twice the limit, so that a
 * slow database slows the sending down instead of filling memory. */
static unsigned
free_slots(const struct targets *s)
{
	unsigned max = s->opts.max_in_flight;
	unsigned calls = s->call_count + s->reserved_count;
	unsigned unstored = s->unstored_count + s->reserved_count;
	unsigned by_calls = calls < max ? max - calls : 0;
	unsigned by_results = unstored < 2 * max ? 2 * max - unstored : 0;

	return by_calls < by_results ? by_calls : by_results;
}

static struct class_list *
class_next(struct targets *s)
{
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < CLASS_COUNT; i++) {
			struct class_list *c = &s->classes[i];

			if (c->credit > 0 && !list_is_empty(&c->rings)) {
				c->credit--;
				return c;
			}
		}
		for (unsigned i = 0; i < CLASS_COUNT; i++)
			s->classes[i].credit = class_weights[i];
	}
	return NULL;
}

struct target *
targets_pick(struct targets *s)
{
	struct class_list *c;
	struct target *t;
	struct ring *r;

	if (s->state_count[TARGET_WANTED] == 0 || free_slots(s) == 0)
		return NULL;
	c = class_next(s);
	if (c == NULL)
		gh_panic("targets_pick: %u wanted, none listed", s->state_count[TARGET_WANTED]);
	r = LIST_ENTRY(list_pop(&c->rings), struct ring, link);
	list_add_tail(&c->rings, &r->link);
	t = LIST_ENTRY(r->targets.next, struct target, link);
	target_set_state(s, t, TARGET_CLAIMING);
	return t;
}

static struct provider_slots *
provider_get(struct targets *s, int32_t id)
{
	struct provider_slots *p = map_get_i64(s->providers, id);

	if (p == NULL) {
		p = gh_alloc(sizeof(*p));
		p->id = id;
		list_init(&p->blocked);
		list_init(&p->open_link);
		(void)map_put_i64(s->providers, id, p);
	}
	return p;
}

/* The picked target can make no call now. */
static void
target_block(struct targets *s, struct target *t)
{
	const struct provider_slots *p = t->provider;

	if (breaker_is_open(&p->breaker)) {
		target_forget_work(t);
		if (p->blocked_count >= TARGETS_CANDIDATES) {
			target_rest(s, t);
			return;
		}
	}
	target_set_state(s, t, TARGET_BLOCKED);
}

unsigned
targets_grant(struct targets *s, struct target *t, int32_t provider_id, int32_t max_concurrency,
	      int64_t now_us)
{
	/* Calls give their slots back to the provider they were counted at. */
	struct provider_slots *p = t->call_count > 0 ? t->provider : provider_get(s, provider_id);
	unsigned share = free_slots(s) / (s->state_count[TARGET_WANTED] + 1);
	unsigned rows = share > 0 ? share : 1;

	if (p->id == provider_id)
		p->max = max_concurrency > 0 ? (unsigned)max_concurrency : 0;
	t->provider = p;
	if (rows > SEND_CLAIM_ROWS)
		rows = SEND_CLAIM_ROWS;
	if (t->is_probing)
		rows = 1;
	rows = provider_room(p, rows, now_us);
	if (rows == 0) {
		target_block(s, t);
		return 0;
	}
	p->used += rows;
	s->reserved_count += rows;
	/* This claim covers what came so far; an older hint keeps standing for both. */
	if (t->covered == NULL) {
		t->covered = t->fresh;
		t->fresh = NULL;
	}
	hint_let_go(&t->fresh);
	t->has_more = false;
	t->is_again = false;
	return rows;
}

void
targets_defer(struct targets *s, struct target *t)
{
	target_set_state(s, t, TARGET_DEFERRED);
}

void
targets_want(struct targets *s, struct target *t)
{
	target_set_state(s, t, TARGET_WANTED);
}

void
targets_drop(struct targets *s, struct target *t)
{
	target_forget_work(t);
	target_rest(s, t);
}

/* ---- the claim's end, the call's end, the result ---- */

static void
slots_return(struct targets *s, struct target *t, unsigned count, int64_t now_us)
{
	if (t->provider == NULL)
		return; /* nothing was ever granted */
	t->provider->used -= count;
	provider_wake(s, t->provider, now_us);
}

/* A claim has left rows, maybe; its hint was held for so long. */
static void
target_age(struct targets *s, struct target *t, int64_t held_us)
{
	if (t->has_more && free_slots(s) == 0 && held_us > TARGETS_OFFER_US) {
		hint_offer(t->covered);
		t->covered = NULL;
	} else if (held_us > TARGETS_HOLD_US) {
		hint_let_go(&t->covered);
	}
}

void
targets_claimed(struct targets *s, struct target *t, unsigned granted, unsigned claimed,
		enum mq_class last_class, bool has_more, int64_t now_us)
{
	s->reserved_count -= granted;
	s->call_count += claimed;
	s->unstored_count += claimed;
	t->call_count += claimed;
	t->unstored_count += claimed;
	t->has_more = has_more;
	/* What is left is of the last row's class or below: an urgent message does not lend its
	 * class to the backlog behind it. */
	if (claimed > 0 && t->fresh == NULL)
		t->cls = last_class;
	if (t->covered != NULL)
		target_age(s, t, now_us - hint_arrived_us(t->covered));
	slots_return(s, t, granted - claimed, now_us);
	target_rest(s, t);
}

void
targets_claim_failed(struct targets *s, struct target *t, unsigned granted, bool is_parked,
		     int64_t now_us)
{
	s->reserved_count -= granted;
	slots_return(s, t, granted, now_us);
	if (is_parked)
		target_park(s, t, now_us);
	else
		target_set_state(s, t, TARGET_WANTED);
}

/* What was blocked for want of slots now waits for the probe, without its hints. */
static void
provider_opened(struct targets *s, struct provider_slots *p)
{
	list_add_tail(&s->open_breakers, &p->open_link);
	LIST_FOREACH(it, &p->blocked)
	{
		struct target *t = LIST_ENTRY(it, struct target, link);

		hint_let_go(&t->fresh);
		hint_let_go(&t->covered);
	}
}

enum breaker_change
targets_call_ended(struct targets *s, struct target *t, enum breaker_news news, bool is_parked,
		   int64_t now_us, int64_t *wait_us)
{
	struct provider_slots *p = t->provider;
	enum breaker_change change = breaker_count(&p->breaker, now_us, news);

	if (change == BREAKER_OPENED)
		provider_opened(s, p);
	else if (change == BREAKER_CLOSED)
		list_del(&p->open_link);
	*wait_us = breaker_wait_us(&p->breaker, now_us);
	s->call_count--;
	t->call_count--;
	slots_return(s, t, 1, now_us);
	if (!is_parked) {
		t->is_probing = false;
	} else if (t->state == TARGET_CLAIMING || t->state == TARGET_DEFERRED) {
		t->is_probing = true; /* whoever holds it ends that first */
	} else {
		target_park(s, t, now_us);
	}
	return change;
}

void
targets_settled(struct targets *s, struct target *t)
{
	s->unstored_count--;
	t->unstored_count--;
	t->is_again = true;
	if (t->state == TARGET_SERVING || (t->state == TARGET_PARKED && !t->is_probing))
		target_rest(s, t);
}

/* When an open breaker must be looked at again; 0: the end of a call or claim does it. */
static int64_t
probe_expire(struct targets *s, struct provider_slots *p, int64_t now_us)
{
	bool has_candidates = p->blocked_count > 0;
	int64_t idle_us = p->breaker.probe_us + BREAKER_IDLE_US;

	provider_wake(s, p, now_us);
	if (!breaker_may_probe(&p->breaker, now_us))
		return p->breaker.probe_us;
	if (has_candidates || p->used > 0)
		return 0;
	if (now_us < idle_us)
		return idle_us;
	list_del(&p->open_link);
	p->breaker = (struct breaker){0};
	s->opts.forget(s->opts.arg, p->id);
	return 0;
}

/* Monotonic time of the next one; 0: none. */
static int64_t
probes_expire(struct targets *s, int64_t now_us)
{
	int64_t next_us = 0;

	LIST_FOREACH_SAFE(it, &s->open_breakers)
	{
		int64_t at_us =
			probe_expire(s, LIST_ENTRY(it, struct provider_slots, open_link), now_us);

		if (at_us != 0 && (next_us == 0 || at_us < next_us))
			next_us = at_us;
	}
	return next_us;
}

int64_t
targets_expire(struct targets *s, int64_t now_us)
{
	int64_t next_us = probes_expire(s, now_us);

	while (!list_is_empty(&s->parked)) {
		struct target *t = LIST_ENTRY(s->parked.next, struct target, link);

		if (now_us - t->parked_us < TARGETS_PARK_US) {
			int64_t parked_us = t->parked_us + TARGETS_PARK_US;

			return next_us == 0 || parked_us < next_us ? parked_us : next_us;
		}
		t->is_again = true;
		target_rest(s, t);
	}
	return next_us;
}

/* ---- life and numbers ---- */

struct targets *
targets_new(const struct targets_opts *opts)
{
	struct targets *s = gh_alloc(sizeof(*s));

	s->opts = *opts;
	s->by_instance = map_new();
	s->providers = map_new();
	list_init(&s->parked);
	list_init(&s->open_breakers);
	for (unsigned i = 0; i < CLASS_COUNT; i++) {
		list_init(&s->classes[i].rings);
		s->classes[i].by_company = map_new();
	}
	return s;
}

void
targets_free(struct targets *s)
{
	size_t it = 0;
	void *value;

	if (s == NULL)
		return;
	while (map_next(s->by_instance, &it, NULL, &value)) {
		struct target *t = value;

		list_del(&t->link);
		if (t->ring != NULL)
			ring_del(s, t);
		gh_free(t);
	}
	map_free(s->by_instance);
	for (it = 0; map_next(s->providers, &it, NULL, &value);)
		gh_free(value);
	map_free(s->providers);
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		map_free(s->classes[i].by_company);
	gh_free(s);
}

int32_t
target_instance(const struct target *t)
{
	return t->instance_id;
}

unsigned
targets_count(const struct targets *s)
{
	return (unsigned)map_count(s->by_instance);
}

unsigned
targets_state_count(const struct targets *s, enum target_state state)
{
	return s->state_count[state];
}

unsigned
targets_call_count(const struct targets *s)
{
	return s->call_count;
}

unsigned
targets_unstored_count(const struct targets *s)
{
	return s->unstored_count;
}
