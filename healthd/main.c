/* main.c - growhub-healthd: what must be looked after from time to time, by exactly one process.
 *
 * Guarantees: any number may run on any hosts; each task is led by one of them, and another one
 * takes over within seconds of its end. It never calls a provider to send a message.
 * The broker is not needed: hints go through the outbox as everybody's do.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "daemon/provider_client.h"
#include "healthd.h"
#include "leader.h"
#include "metrics/metrics.h"
#include "model/delivery.h"
#include "model/gauge.h"
#include "model/instance.h"
#include "model/instance_lock.h"
#include "model/instance_move.h"
#include "model/instance_state.h"
#include "model/leadership.h"
#include "model/outbox.h"
#include "model/partition.h"
#include "model/provider_check.h"
#include "model/purge.h"
#include "model/recovery.h"
#include "model/route.h"
#include "model/send_queue.h"
#include "model/silence.h"
#include "model/stalled.h"
#include "model/stats.h"
#include "model/wake.h"
#include "tasks.h"

#define PROVIDER_CALLS_MAX  128
#define PARTITIONS_INTERVAL CONF_HOUR
#define PURGE_INTERVAL      (5 * CONF_MINUTE)
#define GAUGES_INTERVAL     (15 * CLOCK_SEC)
#define STALLED_INTERVAL    (15 * CLOCK_SEC)
#define MOVES_INTERVAL      CLOCK_SEC
#define RECOVER_INTERVAL    (2 * CLOCK_SEC)

/* ---- metrics ---- */

/* In the order of enum healthd_task. */
static const char *const task_names[HEALTHD_TASK_COUNT] = {
	[HEALTHD_LEASES] = "leases",         [HEALTHD_REHINT] = "rehint",
	[HEALTHD_PARTITIONS] = "partitions", [HEALTHD_PROVIDERS] = "providers",
	[HEALTHD_INSTANCES] = "instances",   [HEALTHD_MEND] = "mend",
	[HEALTHD_PURGE] = "purge",           [HEALTHD_GAUGES] = "gauges",
	[HEALTHD_LEDGER] = "ledger",         [HEALTHD_STALLED] = "stalled",
	[HEALTHD_RECOVER] = "recover",       [HEALTHD_WEBHOOKS] = "webhooks",
	[HEALTHD_STATS] = "stats",           [HEALTHD_MOVES] = "moves",
};
static const char *const run_results[] = {"ok", "failed"};
static const char *const recoveries[] = {"in_doubt",  "sent",     "expired",
					 "cancelled", "delivery", "held"};
static const char *const check_results[] = {"healthy", "unhealthy"};
/* In the order of enum purge_kind. */
static const char *const purge_tables[PURGE_KIND_COUNT] = {"idempotency_keys",
							   "idempotent_replies",
							   "inbound_dedupe",
							   "admin_sessions",
							   "provider_checks",
							   "media",
							   "logs",
							   "contact_aliases",
							   "stats_hours",
							   "orphans"};

#define LABEL(name, values)                                                                        \
	{                                                                                          \
		(name), (values), GH_COUNT(values)                                                 \
	}

static const struct metric_def healthd_metrics[M_COUNT] = {
	[M_LAST_SUCCESS] = {"last_success_timestamp_seconds", METRIC_GAUGE,
			    "When this process last finished a run of the task without a failure.",
			    .labels = {LABEL("task", task_names)}, .is_sparse = true},
	[M_RUNS] = {"task_runs_total", METRIC_COUNTER, "Runs of the task by this process.",
		    .labels = {LABEL("task", task_names), LABEL("result", run_results)}},
	[M_RUN_SECONDS] = {"task_seconds_total", METRIC_COUNTER, "Time spent in runs of the task.",
			   .labels = {LABEL("task", task_names)}},
	[M_IS_LEADER] = {"task_leader", METRIC_GAUGE, "1 where this process does the task.",
			 .labels = {LABEL("task", task_names)}},
	[M_RECOVERED] = {"recovered_total", METRIC_COUNTER,
			 "Work that nobody would have finished, by what became of it.",
			 .labels = {LABEL("result", recoveries)}},
	[M_PROVIDER_CHECKS] = {"provider_checks_total", METRIC_COUNTER, "Probes of providers.",
			       .labels = {LABEL("result", check_results)}},
	[M_PURGED] = {"purged_rows_total", METRIC_COUNTER, "Rows removed because of their age.",
		      .labels = {LABEL("table", purge_tables)}},
	[M_OUTBOX_PENDING] = {"outbox_pending", METRIC_GAUGE,
			      "Outbox rows, later ones included; 0 where another process leads."},
	[M_OUTBOX_OLDEST] = {"outbox_oldest_timestamp_seconds", METRIC_GAUGE,
			     "Since when the oldest due outbox row waits; 0: none."},
	[M_STRANDED] = {"stranded_rows", METRIC_GAUGE,
			"Unfinished rows that nothing will wake; must be 0."},
	[M_LEDGER_DIFFERENCE] = {"ledger_difference", METRIC_GAUGE,
				 "Messages accepted and not accounted for; must be 0."},
	[M_STALLED] = {"messages_stalled_total", METRIC_COUNTER,
		       "Messages sent of which no receipt came in time."},
	[M_INBOUND_STALLED] = {"inbound_stalled_total", METRIC_COUNTER,
			       "Connected instances of which nothing was heard any more."},
};

static const struct daemon_metrics healthd_tables[] = {
	{healthd_metrics, M_COUNT},
	{NULL, 0},
};

static void
healthd_task_ended(void *arg, unsigned key, bool is_ok, int64_t duration_us)
{
	const struct healthd *h = arg;

	metrics_add(h->metrics, M_RUNS, key, is_ok ? RUN_OK : RUN_FAILED, 1);
	metrics_add_us(h->metrics, M_RUN_SECONDS, key, 0, duration_us);
	if (is_ok)
		metrics_set_us(h->metrics, M_LAST_SUCCESS, key, 0, clock_wall_us());
}

/* ---- wiring ---- */

static const struct db_stmt_table *const work_tables[] = {
	&delivery_stmt_table,      &gauge_stmt_table,         &instance_stmt_table,
	&instance_lock_stmt_table, &instance_move_stmt_table, &instance_state_stmt_table,
	&outbox_stmt_table,        &partition_stmt_table,     &provider_check_stmt_table,
	&purge_stmt_table,         &recovery_stmt_table,      &route_stmt_table,
	&send_queue_stmt_table,    &silence_stmt_table,       &stalled_stmt_table,
	&stats_stmt_table,         &wake_stmt_table,          NULL,
};
static const struct db_stmt_table *const lock_tables[] = {&leadership_stmt_table, NULL};

static void
healthd_locks_changed(void *arg, bool is_up, const struct gh_err *err GH_UNUSED)
{
	struct healthd *h = arg;

	leader_db_changed(h->leader, is_up);
}

static void
healthd_add_tasks(struct healthd *h)
{
	const struct healthd_conf *c = h->conf;
	const struct task_def defs[] = {
		{HEALTHD_LEASES, NULL, c->recovery_interval_us, leases_run, NULL, h->leases},
		{HEALTHD_REHINT, NULL, c->rehint_interval_us, rehint_run, NULL, h},
		{HEALTHD_PARTITIONS, NULL, PARTITIONS_INTERVAL, partitions_run, NULL, h},
		{HEALTHD_PROVIDERS, NULL, c->check_interval_us, providers_run, NULL, h->providers},
		{HEALTHD_INSTANCES, NULL, c->check_interval_us, instances_run, NULL, h->instances},
		{HEALTHD_MEND, NULL, c->check_interval_us, mend_run, NULL, h->mend},
		{HEALTHD_WEBHOOKS, NULL, c->check_interval_us, mend_webhooks_run, NULL, h->mend},
		{HEALTHD_MOVES, NULL, MOVES_INTERVAL, moves_run, NULL, h->moves},
		{HEALTHD_PURGE, NULL, PURGE_INTERVAL, purge_run, NULL, h->purge},
		{HEALTHD_GAUGES, NULL, GAUGES_INTERVAL, gauges_run, gauges_lost, h},
		{HEALTHD_LEDGER, NULL, c->ledger_interval_us, gauges_ledger_run, gauges_ledger_lost,
		 h},
		{HEALTHD_STALLED, NULL, STALLED_INTERVAL, stalled_run, stalled_lost, h->stalled},
		{HEALTHD_RECOVER, NULL, RECOVER_INTERVAL, recover_run, NULL, h},
		{HEALTHD_STATS, NULL, c->stats_interval_us, stats_run, stats_lost, h->stats},
	};

	_Static_assert(GH_COUNT(defs) == HEALTHD_TASK_COUNT, "every key is a task");
	for (unsigned i = 0; i < GH_COUNT(defs); i++) {
		struct task_def def = defs[i];

		def.name = task_names[def.key];
		tasks_add(h->tasks, &def);
	}
}

static void
healthd_stop(struct daemon *d)
{
	struct healthd *h = daemon_context(d);

	provider_client_free(h->client);
	/* The databases before what their units end into. */
	db_free(h->lock_db);
	db_free(h->db);
	wake_free(h->wake);
	leases_free(h->leases);
	providers_free(h->providers);
	instances_free(h->instances);
	mend_free(h->mend);
	moves_free(h->moves);
	purge_free(h->purge);
	stalled_free(h->stalled);
	stats_free(h->stats);
	leader_free(h->leader);
	tasks_free(h->tasks);
	gh_free(h);
}

static enum gh_code
healthd_start(struct daemon *d, struct gh_err *err)
{
	struct healthd *h = gh_alloc(sizeof(*h));

	h->daemon = d;
	h->loop = daemon_loop(d);
	h->conf = daemon_conf(d);
	h->metrics = daemon_table(d, 0);
	daemon_set_context(d, h);
	h->tasks = tasks_new(h->loop, healthd_task_ended, h);
	h->leader = leader_new(h);
	h->db = daemon_db(d, "write", work_tables, false, NULL, NULL, err);
	/* "listen": session locks do not survive a transaction pooler either. */
	h->lock_db = daemon_db(d, "listen", lock_tables, false, healthd_locks_changed, h, err);
	if (h->db == NULL || h->lock_db == NULL) {
		healthd_stop(d);
		return GH_EINVAL;
	}
	h->wake = wake_new(h->loop, h->db, WAKE_OUTBOX);
	h->client = provider_client_new(d, PROVIDER_CALLS_MAX);
	h->leases = leases_new(h);
	h->providers = providers_new(h);
	h->instances = instances_new(h);
	h->mend = mend_new(h);
	h->moves = moves_new(h);
	h->purge = purge_new(h);
	h->stalled = stalled_new(h);
	h->stats = stats_new(h);
	healthd_add_tasks(h);
	return GH_OK;
}

static void
healthd_drained(void *arg)
{
	const struct healthd *h = arg;

	daemon_drained(h->daemon);
}

static void
healthd_drain(struct daemon *d)
{
	struct healthd *h = daemon_context(d);

	tasks_drain(h->tasks, healthd_drained, h);
}

int
main(int argc, char **argv)
{
	static const struct daemon_def def = {
		.name = "healthd",
		.summary = "look after leases, providers, partitions and what is stranded",
		.params = params_healthd,
		.conf_size = sizeof(struct healthd_conf),
		.admin_listen_offset = offsetof(struct healthd_conf, admin_listen),
		.metrics = healthd_tables,
		.start = healthd_start,
		.drain = healthd_drain,
		.stop = healthd_stop,
	};

	return daemon_run(&def, argc, argv);
}
