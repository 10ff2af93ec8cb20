/* tasks.c - periodic tasks of one process; see tasks.h. */
#include "tasks.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/loop.h"

struct task {
	struct list link; /* in tasks.all */
	struct tasks *owner;
	struct task_def def;
	struct loop_timer *timer; /* set: the next run is due then */
	int64_t started_us;
	unsigned failures; /* in a row */
	bool is_leader;
	bool is_running;
};

struct tasks {
	struct loop *loop;
	struct list all;
	tasks_ended_fn *ended;
	void *arg;
	unsigned running;
	bool is_draining;
	void (*idle)(void *arg); /* NULL: not draining, or called */
	void *idle_arg;
};

int64_t
task_delay_us(int64_t interval_us, unsigned failures)
{
	int64_t delay_us = CLOCK_SEC;

	if (failures == 0)
		return interval_us;
	for (unsigned i = 1; i < failures && delay_us < interval_us; i++)
		delay_us *= 2;
	return delay_us < interval_us ? delay_us : interval_us;
}

static struct task *
tasks_find(const struct tasks *ts, unsigned key)
{
	LIST_FOREACH(it, &ts->all)
	{
		struct task *t = LIST_ENTRY(it, struct task, link);

		if (t->def.key == key)
			return t;
	}
	gh_panic("tasks: no task with key %u", key);
}

/* The one place that decides when a task runs next. */
static void
task_schedule(struct task *t, int64_t delay_us)
{
	if (t->is_leader && !t->is_running && !t->owner->is_draining)
		loop_timer_set(t->timer, delay_us);
	else
		loop_timer_cancel(t->timer);
}

static void
task_start(void *arg)
{
	struct task *t = arg;

	t->is_running = true;
	t->owner->running++;
	t->started_us = clock_mono_us();
	t->def.run(t->def.arg, t);
}

static void
tasks_check_idle(struct tasks *ts)
{
	void (*idle)(void *arg) = ts->idle;

	if (idle == NULL || ts->running > 0)
		return;
	ts->idle = NULL;
	idle(ts->idle_arg);
}

void
task_done(struct task *t, bool is_ok)
{
	struct tasks *ts = t->owner;

	if (!t->is_running)
		gh_panic("task_done: %s does not run", t->def.name);
	t->is_running = false;
	ts->running--;
	t->failures = is_ok ? 0 : t->failures + 1;
	task_schedule(t, task_delay_us(t->def.interval_us, t->failures));
	ts->ended(ts->arg, t->def.key, is_ok, clock_mono_us() - t->started_us);
	tasks_check_idle(ts);
}

bool
task_should_end(const struct task *t)
{
	return !t->is_leader || t->owner->is_draining;
}

const char *
task_name(const struct task *t)
{
	return t->def.name;
}

void
tasks_add(struct tasks *ts, const struct task_def *def)
{
	struct task *t = gh_alloc(sizeof(*t));

	t->owner = ts;
	t->def = *def;
	t->timer = loop_timer_new(ts->loop, task_start, t);
	list_add_tail(&ts->all, &t->link);
}

void
tasks_lead(struct tasks *ts, unsigned key, bool is_leader)
{
	struct task *t = tasks_find(ts, key);

	if (t->is_leader == is_leader)
		return;
	t->is_leader = is_leader;
	t->failures = 0;
	log_info(is_leader ? "task.led" : "task.lost", LOG_STR("task", t->def.name));
	if (!is_leader && t->def.lost != NULL)
		t->def.lost(t->def.arg);
	task_schedule(t, 0);
}

bool
tasks_is_leader(const struct tasks *ts, unsigned key)
{
	return tasks_find(ts, key)->is_leader;
}

void
tasks_drain(struct tasks *ts, void (*idle)(void *arg), void *arg)
{
	ts->is_draining = true;
	ts->idle = idle;
	ts->idle_arg = arg;
	LIST_FOREACH(it, &ts->all)
	task_schedule(LIST_ENTRY(it, struct task, link), 0);
	tasks_check_idle(ts);
}

struct tasks *
tasks_new(struct loop *l, tasks_ended_fn *ended, void *arg)
{
	struct tasks *ts = gh_alloc(sizeof(*ts));

	ts->loop = l;
	ts->ended = ended;
	ts->arg = arg;
	list_init(&ts->all);
	return ts;
}

void
tasks_free(struct tasks *ts)
{
	if (ts == NULL)
		return;
	while (!list_is_empty(&ts->all)) {
		struct task *t = LIST_ENTRY(ts->all.next, struct task, link);

		list_del(&t->link);
		loop_timer_free(t->timer);
		gh_free(t);
	}
	gh_free(ts);
}
