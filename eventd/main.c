/* growhub-eventd - provider webhooks become messages and events; events are posted to
 * the companies' endpoints.
 */
#include "base/mem.h"
#include "daemon/daemon.h"
#include "daemon/daemon_mq.h"
#include "daemon/hints.h"
#include "deliveries.h"
#include "inbound.h"
#include "config/params_eventd.h"
#include "model/queue_row.h"
#include "plan.h"

enum { TABLE_PLAN, TABLE_DELIVERIES, TABLE_HINTS, TABLE_MQ };

static const struct daemon_metrics eventd_metrics[] = {
	[TABLE_PLAN] = {plan_metrics, PLAN_METRIC_COUNT},
	[TABLE_DELIVERIES] = {deliveries_metrics, DELIVERIES_METRIC_COUNT},
	[TABLE_HINTS] = {hints_metrics, HINTS_METRIC_COUNT},
	[TABLE_MQ] = {daemon_mq_metrics, DAEMON_MQ_METRIC_COUNT},
	{NULL, 0},
};

struct eventd {
	struct daemon *daemon;
	/* One each: a body that waits for its instance's lock must not hold up deliveries. */
	struct db *inbound_db;
	struct db *delivery_db;
	struct db *listen_db; /* queue list and its notifications */
	struct daemon_mq *mq;
	struct hints *hints;
	struct inbound *inbound;
	struct deliveries *deliveries;
	unsigned up_count;    /* of the two connections for work */
	unsigned busy_halves; /* of the two, while draining */
};

static void
eventd_on_hint(void *arg, const struct mq_envelope *e, struct hint *h)
{
	struct eventd *x = arg;

	if (e->kind == MQ_KIND_INBOUND)
		inbound_hint(x->inbound, e, h);
	else
		deliveries_hint(x->deliveries, e, h);
}

/* Hints are taken while both halves can work: they come through one consumer. */
static void
eventd_count_up(struct eventd *x, bool is_up)
{
	if (!is_up)
		x->up_count--;
	else if (++x->up_count == 2)
		hints_resume(x->hints, HINTS_PAUSE_DB);
	if (!is_up && x->up_count == 1)
		hints_pause(x->hints, HINTS_PAUSE_DB);
}

static void
eventd_inbound_db(void *arg, bool is_up, const struct gh_err *err GH_UNUSED)
{
	struct eventd *x = arg;

	eventd_count_up(x, is_up);
	if (is_up)
		inbound_kick(x->inbound);
}

static void
eventd_delivery_db(void *arg, bool is_up, const struct gh_err *err GH_UNUSED)
{
	struct eventd *x = arg;

	eventd_count_up(x, is_up);
	if (is_up)
		deliveries_resume(x->deliveries);
	else
		deliveries_pause(x->deliveries);
}

static enum gh_code
eventd_connect(struct eventd *x, struct gh_err *err)
{
	static const struct db_stmt_table *const listen_tables[] = {&queue_row_stmt_table, NULL};

	x->inbound_db =
		daemon_db(x->daemon, "inbound", inbound_tables, false, eventd_inbound_db, x, err);
	if (x->inbound_db == NULL)
		return GH_EINVAL;
	x->delivery_db = daemon_db(x->daemon, "delivery", deliveries_tables, false,
				   eventd_delivery_db, x, err);
	if (x->delivery_db == NULL)
		return GH_EINVAL;
	x->listen_db = daemon_db(x->daemon, "listen", listen_tables, false, NULL, NULL, err);
	if (x->listen_db == NULL)
		return GH_EINVAL;
	x->mq = daemon_mq_new(x->daemon, daemon_table(x->daemon, TABLE_MQ), NULL, NULL, err);
	return x->mq == NULL ? GH_EINVAL : GH_OK;
}

static void
eventd_free(struct eventd *x)
{
	db_free(x->inbound_db);
	db_free(x->delivery_db);
	db_free(x->listen_db);
	deliveries_free(x->deliveries);
	inbound_free(x->inbound);
	hints_free(x->hints);
	daemon_mq_free(x->mq);
	gh_free(x);
}

static enum gh_code
eventd_start(struct daemon *d, struct gh_err *err)
{
	struct eventd *x = gh_alloc(sizeof(*x));
	const struct eventd_conf *conf = daemon_conf(d);
	enum gh_code rc;

	x->daemon = d;
	rc = eventd_connect(x, err);
	if (rc != GH_OK) {
		eventd_free(x);
		return rc;
	}
	x->deliveries = deliveries_new(d, conf, x->delivery_db, daemon_table(d, TABLE_DELIVERIES));
	x->inbound = inbound_new(d, x->inbound_db, x->deliveries, daemon_table(d, TABLE_PLAN));
	x->hints = hints_new(d, &(struct hints_opts){
					.db = x->listen_db,
					.mq = x->mq,
					.table = daemon_table(d, TABLE_HINTS),
					.kinds = {MQ_KIND_INBOUND, MQ_KIND_DELIVERY},
					.kind_count = 2,
					.prefetch = (uint16_t)conf->prefetch,
					.on_hint = eventd_on_hint,
					.arg = x,
				});
	daemon_set_context(d, x);
	return GH_OK;
}

static void
eventd_half_idle(void *arg)
{
	struct eventd *x = arg;

	if (--x->busy_halves == 0)
		daemon_drained(x->daemon);
}

static void
eventd_drain(struct daemon *d)
{
	struct eventd *x = daemon_context(d);

	x->busy_halves = 2;
	hints_pause(x->hints, HINTS_PAUSE_DRAIN);
	inbound_drain(x->inbound, eventd_half_idle, x);
	deliveries_drain(x->deliveries, eventd_half_idle, x);
}

static void
eventd_stop(struct daemon *d)
{
	eventd_free(daemon_context(d));
}

static void
eventd_reload(struct daemon *d)
{
	struct eventd *x = daemon_context(d);

	deliveries_reload(x->deliveries);
}

int
main(int argc, char **argv)
{
	static const struct daemon_def def = {
		.name = "eventd",
		.summary = "turn provider webhooks into events and deliver them to companies",
		.params = params_eventd,
		.conf_size = sizeof(struct eventd_conf),
		.needs_mq = true,
		.admin_listen_offset = offsetof(struct eventd_conf, admin_listen),
		.metrics = eventd_metrics,
		.start = eventd_start,
		.drain = eventd_drain,
		.stop = eventd_stop,
		.reload = eventd_reload,
	};

	return daemon_run(&def, argc, argv);
}
