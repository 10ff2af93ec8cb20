/* fan.c - a list of calls, a few at a time; see fan.h. */
#include "fan.h"

static void
fan_step(struct fan *f)
{
	/* A start that ends at once comes back here through fan_done: the loop below goes on. */
	if (f->is_stepping)
		return;
	f->is_stepping = true;
	while (f->next < f->count && f->running < f->limit) {
		f->running++;
		f->start(f->arg, f->next++);
	}
	f->is_stepping = false;
	if (f->running == 0)
		f->end(f->arg);
}

void
fan_run(struct fan *f)
{
	f->next = 0;
	f->running = 0;
	f->is_stepping = false;
	fan_step(f);
}

void
fan_done(struct fan *f)
{
	f->running--;
	fan_step(f);
}
