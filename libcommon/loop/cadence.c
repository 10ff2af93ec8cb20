#include "loop/cadence.h"

#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"

/* Weight of one batch in the moving average: one in this many. */
#define TOOK_WEIGHT 8

struct cadence {
	int64_t gap_us;     /* the shortest */
	int64_t gap_now_us; /* as the batches ask for */
	int64_t busy_us;    /* moving average of what they ask for */
	int64_t due_us;     /* when the next start would be due if all were one gap apart */
	int64_t free_us;    /* when the next may start */
	struct loop_task *task;
	struct loop_timer *timer;
};

static void
cadence_timer_fn(void *arg)
{
	struct cadence *c = arg;

	loop_task_mark(c->task);
}

struct cadence *
cadence_new(struct loop *l, int64_t gap_us, struct loop_task *task)
{
	struct cadence *c = gh_alloc(sizeof(*c));

	c->gap_us = gap_us;
	c->gap_now_us = gap_us;
	c->task = task;
	c->timer = loop_timer_new(l, cadence_timer_fn, c);
	return c;
}

void
cadence_free(struct cadence *c)
{
	if (c == NULL)
		return;
	loop_timer_free(c->timer);
	gh_free(c);
}

bool
cadence_allows(struct cadence *c)
{
	int64_t early_us = c->free_us - clock_mono_us();

	if (early_us <= 0)
		return true;
	if (!loop_timer_is_set(c->timer))
		loop_timer_set(c->timer, early_us);
	return false;
}

void
cadence_started(struct cadence *c)
{
	int64_t now_us = clock_mono_us();
	int64_t latest_us = now_us + CADENCE_BURST * c->gap_now_us;

	c->due_us = (c->due_us > now_us ? c->due_us : now_us) + c->gap_now_us;
	if (c->due_us > latest_us) /* full batches leave no debt beyond one gap */
		c->due_us = latest_us;
	c->free_us = c->due_us - (CADENCE_BURST - 1) * c->gap_now_us;
}

void
cadence_took(struct cadence *c, int64_t took_us, unsigned share)
{
	int64_t longest_us = CADENCE_STRETCH * c->gap_us;
	int64_t wanted_us = took_us * (int64_t)share;

	/* An outage is no load: one batch counts for no more than the longest gap. */
	if (wanted_us > longest_us)
		wanted_us = longest_us;
	c->busy_us += (wanted_us - c->busy_us) / TOOK_WEIGHT;
	c->gap_now_us = c->busy_us > c->gap_us ? c->busy_us : c->gap_us;
}
