/* growhub-outboxd - relay outbox rows to the broker with publisher confirms. */
#include "base/mem.h"
#include "daemon/daemon_mq.h"
#include "metrics/metrics.h"
#include "model/async_commit.h"
#include "model/dead_letter.h"
#include "model/queue_row.h"
#include "model/wake.h"
#include "outboxd.h"

enum { TABLE_OUTBOXD, TABLE_MQ };

struct process {
	struct outboxd o;
	struct daemon_mq *mq;
};

static const char *const published_results[] = {"confirmed", "returned"};

static const struct metric_def outboxd_metrics[] = {
	[OUTBOXD_PUBLISHED] =
		{.name = "outbox_published_total",
		 .type = METRIC_COUNTER,
		 .help = "Outbox rows whose hint the broker confirmed, or that went back.",
		 .labels = {{"result", published_results, GH_COUNT(published_results)}}},
	[OUTBOXD_ENVELOPES] = {.name = "outbox_envelopes_total",
			       .type = METRIC_COUNTER,
			       .help = "Envelopes handed to the broker."},
	[OUTBOXD_CLAIMS] = {.name = "outbox_claims_total",
			    .type = METRIC_COUNTER,
			    .help = "Claims of outbox rows, empty ones included."},
	[OUTBOXD_CLAIM_ROWS] = {.name = "outbox_claim_rows",
				.type = METRIC_HISTOGRAM,
				.help = "Outbox rows in one claim.",
				.buckets = &METRIC_BUCKETS_SIZE},
	[OUTBOXD_DECLARED] = {.name = "outbox_companies_declared_total",
			      .type = METRIC_COUNTER,
			      .help = "Times a company's queues were declared."},
};

static const struct daemon_metrics metrics_tables[] = {
	[TABLE_OUTBOXD] = {outboxd_metrics, GH_COUNT(outboxd_metrics)},
	[TABLE_MQ] = {daemon_mq_metrics, DAEMON_MQ_METRIC_COUNT},
	{NULL, 0},
};

static void
outboxd_db_changed(void *arg, bool is_up, const struct gh_err *err GH_UNUSED)
{
	if (is_up)
		relay_kick(arg);
}

static void
outboxd_settled(void *arg GH_UNUSED, void *token, uint64_t tag GH_UNUSED, enum mq_outcome outcome,
		unsigned reply_code GH_UNUSED)
{
	claim_settled(token, outcome);
}

static void
outboxd_publisher_ready(void *arg)
{
	struct outboxd *o = arg;

	for (unsigned i = 0; i < RELAY_CLAIMS; i++)
		claim_drain(o->claims[i]);
	relay_pump(o);
}

static enum gh_code
outboxd_connect_db(struct outboxd *o, struct gh_err *err)
{
	static const struct db_stmt_table *const tables[] = {&queue_row_stmt_table,
							     &wake_stmt_table, &outbox_stmt_table,
							     &dead_letter_stmt_table, NULL};
	static const struct db_stmt_table *const claim_tables[] = {&async_commit_stmt_table,
								   &outbox_stmt_table, NULL};

	o->db = daemon_db(o->daemon, "listen", tables, false, outboxd_db_changed, o, err);
	if (o->db == NULL)
		return GH_EINVAL;
	for (unsigned i = 0; i < RELAY_CLAIMS; i++) {
		o->claim_db[i] = daemon_db(o->daemon, i == 0 ? "claim-1" : "claim-2", claim_tables,
					   true, outboxd_db_changed, o, err);
		if (o->claim_db[i] == NULL)
			return GH_EINVAL;
	}
	return GH_OK;
}

static void
outboxd_free(struct process *p)
{
	struct outboxd *o = &p->o;

	for (unsigned i = 0; i < RELAY_CLAIMS; i++)
		db_free(o->claim_db[i]);
	wake_free(o->queues_wake);
	db_free(o->db);
	companies_free(o->companies);
	dead_letters_free(o->dead_letters);
	mq_publisher_free(o->publisher);
	daemon_mq_free(p->mq);
	relay_stop(o);
	gh_free(p);
}

static enum gh_code
outboxd_start(struct daemon *d, struct gh_err *err)
{
	struct process *p = gh_alloc(sizeof(*p));
	struct outboxd *o = &p->o;
	enum gh_code rc;

	o->daemon = d;
	o->loop = daemon_loop(d);
	o->conf = daemon_conf(d);
	o->metrics = daemon_table(d, TABLE_OUTBOXD);
	rc = outboxd_connect_db(o, err);
	if (rc != GH_OK)
		goto fail;
	p->mq = daemon_mq_new(d, daemon_table(d, TABLE_MQ), NULL, NULL, err);
	if (p->mq == NULL) {
		rc = GH_EINVAL;
		goto fail;
	}
	o->mq = daemon_mq_conn(p->mq);
	o->queues_wake = wake_new(o->loop, o->db, WAKE_QUEUES);
	o->companies = companies_new(o);
	o->publisher = mq_publisher_new(o->mq, &(struct mq_publisher_opts){
						       .window = (unsigned)o->conf->publish_window,
						       .on_settle = outboxd_settled,
						       .on_ready = outboxd_publisher_ready,
						       .arg = o,
					       });
	o->dead_letters = dead_letters_new(o);
	relay_start(o);
	daemon_set_context(d, p);
	return GH_OK;
fail:
	outboxd_free(p);
	return rc;
}

static void
outboxd_drain(struct daemon *d)
{
	struct process *p = daemon_context(d);

	relay_drain(&p->o);
}

static void
outboxd_stop(struct daemon *d)
{
	outboxd_free(daemon_context(d));
}

int
main(int argc, char **argv)
{
	static const struct daemon_def def = {
		.name = "outboxd",
		.summary = "relay outbox rows to the message broker",
		.params = params_outboxd,
		.conf_size = sizeof(struct outboxd_conf),
		.needs_mq = true,
		.admin_listen_offset = offsetof(struct outboxd_conf, admin_listen),
		.metrics = metrics_tables,
		.start = outboxd_start,
		.drain = outboxd_drain,
		.stop = outboxd_stop,
	};

	return daemon_run(&def, argc, argv);
}
