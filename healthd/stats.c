/* stats.c - counts what happened since the last run into hours per company (model/stats.h).
 *
 * Each slice of time is counted once, in a transaction that also moves the progress: a crash or a
 * second leader counts nothing twice. An id is older than its commit, so a slice is counted only
 * when it ended stats_delay ago; after an absence, ours or the database's, the first run waits as
 * long, because daemons then still store what they held back.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "db/db.h"
#include "healthd.h"
#include "model/stats.h"
#include "step.h"
#include "tasks.h"

/* Bounds what one statement reads: 60,000 messages and their events at a thousand a second. */
#define SLICE_US (60 * CLOCK_SEC)

struct stats {
	struct healthd *h;
	int64_t met_at_us;     /* monotonic; last answer of the database; 0: none in this term */
	int64_t hold_until_us; /* monotonic; nothing is counted before */
	int64_t from_us;       /* of the slice under way */
	int64_t to_us;
	int64_t end_us; /* of the run */
};

static void stats_next(struct stats *s, struct task *t);

static void
stats_folded(void *arg, struct task *t, const struct db_unit *u GH_UNUSED)
{
	struct stats *s = arg;

	s->from_us = s->to_us;
	stats_next(s, t);
}

static int64_t
slice_end(int64_t from_us, int64_t end_us)
{
	int64_t hour_us = (from_us / STATS_HOUR_US + 1) * STATS_HOUR_US;
	int64_t to_us = from_us + SLICE_US < hour_us ? from_us + SLICE_US : hour_us;

	return to_us < end_us ? to_us : end_us;
}

static void
stats_next(struct stats *s, struct task *t)
{
	struct db_unit *u;

	if (s->from_us >= s->end_us || task_should_end(t)) {
		task_done(t, true);
		return;
	}
	s->to_us = slice_end(s->from_us, s->end_us);
	u = db_unit_new();
	stats_fold_add(u, s->from_us, s->to_us);
	step_submit(s->h, t, u, stats_folded, s);
}

static void
stats_looked(void *arg, struct task *t, const struct db_unit *u)
{
	struct stats *s = arg;
	const struct healthd_conf *conf = s->h->conf;
	int64_t now_us = clock_mono_us();
	struct stats_progress at;

	stats_progress_read(u, 0, &at);
	if (s->met_at_us == 0 ||
	    now_us - s->met_at_us > conf->stats_interval_us + conf->stats_delay_us)
		s->hold_until_us = now_us + conf->stats_delay_us;
	s->met_at_us = now_us;
	s->from_us = at.done_us;
	/* Whole milliseconds, as in ids: no instant lies between two slices. */
	s->end_us = (at.now_us - conf->stats_delay_us) / CLOCK_MS * CLOCK_MS;
	if (now_us < s->hold_until_us)
		s->end_us = s->from_us;
	stats_next(s, t);
}

void
stats_run(void *arg, struct task *t)
{
	struct db_unit *u = db_unit_new();

	stats_progress_add(u);
	step_submit(((struct stats *)arg)->h, t, u, stats_looked, arg);
}

void
stats_lost(void *arg)
{
	struct stats *s = arg;

	s->met_at_us = 0; /* a later term begins anew */
}

struct stats *
stats_new(struct healthd *h)
{
	struct stats *s = gh_alloc(sizeof(*s));

	s->h = h;
	return s;
}

void
stats_free(struct stats *s)
{
	gh_free(s);
}
