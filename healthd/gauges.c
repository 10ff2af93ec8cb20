/* gauges.c - numbers of the whole installation, on the metrics page of the one process that leads
 * the task; the others show 0, so that the maximum over processes is the number.
 */
#include "base/log.h"
#include "db/db.h"
#include "healthd.h"
#include "metrics/metrics.h"
#include "model/gauge.h"
#include "step.h"
#include "tasks.h"

static void
gauges_set(struct healthd *h, const struct gauge_work *g)
{
	metrics_set(h->metrics, M_OUTBOX_PENDING, 0, 0, g->outbox_pending);
	metrics_set_us(h->metrics, M_OUTBOX_OLDEST, 0, 0, g->outbox_oldest_us);
	metrics_set(h->metrics, M_STRANDED, 0, 0, g->stranded);
}

static void
gauges_done(void *arg, struct task *t, const struct db_unit *u)
{
	struct gauge_work g;

	gauge_work_read(u, 0, &g);
	gauges_set(arg, &g);
	if (g.stranded > 0)
		log_error("gauges.stranded", LOG_INT("rows", g.stranded));
	task_done(t, true);
}

void
gauges_run(void *arg, struct task *t)
{
	struct db_unit *u = db_unit_new();

	gauge_work_add(u);
	gauge_queues_add(u);
	gauge_outbox_add(u);
	step_submit(arg, t, u, gauges_done, arg);
}

void
gauges_lost(void *arg)
{
	gauges_set(arg, &(struct gauge_work){0});
}

static void
gauges_ledger_done(void *arg, struct task *t, const struct db_unit *u)
{
	const struct healthd *h = arg;
	int64_t difference = gauge_ledger_difference(u, 0);

	metrics_set(h->metrics, M_LEDGER_DIFFERENCE, 0, 0, difference);
	if (difference != 0)
		log_error("gauges.ledger", LOG_INT("difference", difference));
	task_done(t, true);
}

void
gauges_ledger_run(void *arg, struct task *t)
{
	struct db_unit *u = db_unit_new();

	gauge_ledger_add(u);
	step_submit(arg, t, u, gauges_ledger_done, arg);
}

void
gauges_ledger_lost(void *arg)
{
	const struct healthd *h = arg;

	metrics_set(h->metrics, M_LEDGER_DIFFERENCE, 0, 0, 0);
}
