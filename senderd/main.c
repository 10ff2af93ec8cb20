/* main.c - growhub-senderd: takes outbound messages, calls providers, records results.
 *
 * Guarantees: a provider is called only after the claim that names the attempt was
 * committed, at most once per claim; a result is stored, or its row's lease runs out
 * and the message is resolved as in_doubt. It never retries a call by itself.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "calls.h"
#include "claims.h"
#include "daemon/daemon.h"
#include "daemon/daemon_mq.h"
#include "daemon/hints.h"
#include "files.h"
#include "media_urls.h"
#include "model/async_commit.h"
#include "model/instance_lock.h"
#include "model/media.h"
#include "model/message_ref.h"
#include "model/new_chats.h"
#include "model/number.h"
#include "model/provider_park.h"
#include "model/queue_row.h"
#include "model/route.h"
#include "model/send_queue.h"
#include "model/wake.h"
#include "new_chats.h"
#include "numbers.h"
#include "results.h"
#include "routes.h"
#include "senderd.h"
#include "servers.h"
#include "targets.h"

/* ---- metrics ---- */

static const char *const provider_types[] = {"waha", "uazapi", "meta", "evolution", "other"};
/* In the order of enum provider_outcome. */
static const char *const attempt_results[] = {"ok",      "retry",         "rejected",
					      "unknown", "park_instance", "park_provider"};
static const char *const stages[] = {"called", "sent"};
static const char *const claim_results[] = {"ok", "failed"};
static const char *const store_results[] = {"stored", "late", "lost"};
static const char *const look_up_results[] = {"found", "absent", "failed"};
/* In the order of enum breaker_change, without BREAKER_SAME. */
static const char *const breaker_changes[] = {"opened", "again", "closed"};
static const char *const new_chats_results[] = {"refused", "paused", "held"};
static const char *const file_results[] = {"loaded", "missing", "failed", "late"};
/* In the order of enum target_state. */
static const char *const target_states[TARGET_STATE_COUNT] = {
	"idle", "wanted", "claiming", "deferred", "blocked", "parked", "serving"};

#define LABEL(name, values)                                                                        \
	{                                                                                          \
		(name), (values), GH_COUNT(values)                                                 \
	}

static const struct metric_def senderd_metrics[M_COUNT] = {
	[M_ATTEMPTS] = {"send_attempts_total", METRIC_COUNTER, "Provider calls by their outcome.",
			.labels = {LABEL("provider", provider_types),
				   LABEL("result", attempt_results)}},
	[M_DURATION] = {"send_duration_seconds", METRIC_HISTOGRAM, "Duration of provider calls.",
			.labels = {LABEL("provider", provider_types)},
			.buckets = &METRIC_BUCKETS_REQUEST},
	[M_END_TO_END] = {"message_end_to_end_seconds", METRIC_HISTOGRAM,
			  "Time since a message was accepted, scheduled waits included.",
			  .labels = {LABEL("stage", stages)}, .buckets = &METRIC_BUCKETS_LATENCY},
	[M_CLAIMS] = {"send_claims_total", METRIC_COUNTER,
		      "Claim transactions, each for up to 64 instances.",
		      .labels = {LABEL("result", claim_results)}},
	[M_CLAIMED] = {"send_claimed_total", METRIC_COUNTER, "Messages claimed."},
	[M_IN_FLIGHT] = {"send_in_flight", METRIC_GAUGE, "Provider calls under way."},
	[M_UNSTORED] = {"send_unstored", METRIC_GAUGE,
			"Messages claimed whose result is not stored yet."},
	[M_TARGETS] = {"send_targets", METRIC_GAUGE, "Instances this process attends to.",
		       .labels = {LABEL("state", target_states)}},
	[M_RESULTS] = {"send_results_total", METRIC_COUNTER,
		       "Results; late: of an attempt that was overtaken; lost: never stored.",
		       .labels = {LABEL("result", store_results)}},
	[M_LOOKUPS] = {"send_lookups_total", METRIC_COUNTER,
		       "Messages in doubt looked up at their provider.",
		       .labels = {LABEL("result", look_up_results)}},
	[M_BREAKER_OPEN] = {"provider_breaker_open", METRIC_GAUGE,
			    "Provider servers this process leaves alone but for probes.",
			    .labels = {LABEL("provider", provider_types)}},
	[M_BREAKER_CHANGES] = {"provider_breaker_changes_total", METRIC_COUNTER,
			       "Breakers opened, kept open by a failed probe, closed.",
			       .labels = {LABEL("provider", provider_types),
					  LABEL("change", breaker_changes)}},
	[M_FILES] = {"send_files_total", METRIC_COUNTER,
		     "Stored files read for sends; late: no room for them in time.",
		     .labels = {LABEL("result", file_results)}},
	[M_FILES_MEMORY] = {"send_files_memory_bytes", METRIC_GAUGE,
			    "Memory of requests that hold a stored file."},
	[M_NEW_CHATS] = {"send_new_chats_total", METRIC_COUNTER,
			 "Sends that WhatsApp's policy refused, pauses of an instance's new chats "
			 "that began, messages held for the end of one.",
			 .labels = {LABEL("result", new_chats_results)}},
};

enum { TABLE_SENDERD, TABLE_MQ, TABLE_HINTS };
static const struct daemon_metrics senderd_tables[] = {
	[TABLE_SENDERD] = {senderd_metrics, M_COUNT},
	[TABLE_MQ] = {daemon_mq_metrics, DAEMON_MQ_METRIC_COUNT},
	[TABLE_HINTS] = {hints_metrics, HINTS_METRIC_COUNT},
	{NULL, 0},
};

unsigned
senderd_provider_label(struct slice type)
{
	return metrics_label_index(&senderd_metrics[M_ATTEMPTS].labels[0], type);
}

static void
senderd_collect(void *arg)
{
	struct senderd *sd = arg;

	metrics_set(sd->metrics, M_IN_FLIGHT, 0, 0, targets_call_count(sd->targets));
	metrics_set(sd->metrics, M_UNSTORED, 0, 0, targets_unstored_count(sd->targets));
	metrics_set(sd->metrics, M_FILES_MEMORY, 0, 0, (int64_t)files_memory(sd->files));
	for (unsigned i = 0; i < TARGET_STATE_COUNT; i++)
		metrics_set(sd->metrics, M_TARGETS, i, 0,
			    targets_state_count(sd->targets, (enum target_state)i));
}

/* ---- wiring ---- */

static const struct db_stmt_table *const write_tables[] = {
	&instance_lock_stmt_table, &provider_park_stmt_table,
	&send_queue_stmt_table,    &wake_stmt_table,
	&number_stmt_table,        &new_chats_stmt_table,
	&async_commit_stmt_table,  NULL};
static const struct db_stmt_table *const read_tables[] = {
	&route_stmt_table,  &message_ref_stmt_table, &media_stmt_table,
	&number_stmt_table, &new_chats_stmt_table,   NULL};
static const struct db_stmt_table *const listen_tables[] = {&queue_row_stmt_table, NULL};

static void
senderd_hint(void *arg, const struct mq_envelope *e, struct hint *h)
{
	struct senderd *sd = arg;

	targets_hint(sd->targets, e, h);
	claims_wake(sd->claims);
}

static void
senderd_forget(void *arg, int32_t provider_id)
{
	const struct senderd *sd = arg;

	servers_forget(sd->servers, provider_id);
}

/* While the database is away nothing can be claimed: the broker keeps the hints. */
static void
senderd_db_state(void *arg, bool is_up, const struct gh_err *err GH_UNUSED)
{
	struct senderd *sd = arg;

	if (is_up) {
		hints_resume(sd->hints, HINTS_PAUSE_DB);
		if (!daemon_is_draining(sd->daemon))
			claims_resume(sd->claims);
	} else {
		hints_pause(sd->hints, HINTS_PAUSE_DB);
		claims_hold(sd->claims);
	}
}

static void
senderd_stop(struct daemon *d)
{
	struct senderd *sd = daemon_context(d);

	metrics_collector_del(daemon_metrics(d), senderd_collect, sd);
	/* The databases first: their units end into objects that still exist. What was read for a
	 * call may end it, and its result is written. */
	db_free(sd->read);
	db_free(sd->write);
	db_free(sd->listen);
	results_free(sd->results);
	calls_free(sd->calls);
	files_free(sd->files);
	media_urls_free(sd->media_urls);
	new_chats_free(sd->new_chats);
	numbers_free(sd->numbers);
	claims_free(sd->claims);
	routes_free(sd->routes);
	servers_free(sd->servers);
	wake_free(sd->wake);
	targets_free(sd->targets);
	hints_free(sd->hints);
	daemon_mq_free(sd->mq);
	gh_free(sd);
}

static enum gh_code
senderd_connect(struct senderd *sd, struct gh_err *err)
{
	struct daemon *d = sd->daemon;

	sd->write = daemon_db(d, "write", write_tables, false, senderd_db_state, sd, err);
	sd->read = daemon_db(d, "read", read_tables, false, NULL, NULL, err);
	sd->listen = daemon_db(d, "listen", listen_tables, false, NULL, NULL, err);
	sd->mq = daemon_mq_new(d, daemon_table(d, TABLE_MQ), NULL, NULL, err);
	if (sd->write == NULL || sd->read == NULL || sd->listen == NULL || sd->mq == NULL)
		return GH_EINVAL;
	return GH_OK;
}

static enum gh_code
senderd_start(struct daemon *d, struct gh_err *err)
{
	struct senderd *sd = gh_alloc(sizeof(*sd));
	enum gh_code rc;

	sd->daemon = d;
	sd->loop = daemon_loop(d);
	sd->conf = daemon_conf(d);
	sd->metrics = daemon_table(d, TABLE_SENDERD);
	daemon_set_context(d, sd);
	rc = senderd_connect(sd, err);
	if (rc != GH_OK) {
		senderd_stop(d);
		return rc;
	}
	sd->targets = targets_new(&(struct targets_opts){
		.max_in_flight = (unsigned)sd->conf->max_in_flight,
		.forget = senderd_forget,
		.arg = sd,
	});
	sd->wake = wake_new(sd->loop, sd->write, WAKE_OUTBOX);
	sd->routes = routes_new(sd);
	sd->servers = servers_new(sd);
	sd->claims = claims_new(sd);
	sd->media_urls = media_urls_new(sd);
	sd->files = files_new(sd);
	sd->numbers = numbers_new(sd);
	sd->new_chats = new_chats_new(sd);
	sd->calls = calls_new(sd);
	sd->results = results_new(sd);
	sd->hints = hints_new(d, &(struct hints_opts){
					 .db = sd->listen,
					 .mq = sd->mq,
					 .table = daemon_table(d, TABLE_HINTS),
					 .kinds = {MQ_KIND_SEND},
					 .kind_count = 1,
					 .prefetch = (uint16_t)sd->conf->prefetch,
					 .on_hint = senderd_hint,
					 .arg = sd,
				 });
	metrics_collector_add(daemon_metrics(d), senderd_collect, sd);
	return GH_OK;
}

/* ---- drain ---- */

void
senderd_check_drained(struct senderd *sd)
{
	if (daemon_is_draining(sd->daemon) && claims_is_idle(sd->claims) &&
	    targets_unstored_count(sd->targets) == 0)
		daemon_drained(sd->daemon);
}

/* Hints not acknowledged go back to their queues when the connection closes. */
static void
senderd_drain(struct daemon *d)
{
	struct senderd *sd = daemon_context(d);

	hints_pause(sd->hints, HINTS_PAUSE_DRAIN);
	claims_hold(sd->claims);
	log_info("send.draining", LOG_INT("calls", targets_call_count(sd->targets)),
		 LOG_INT("unstored", targets_unstored_count(sd->targets)));
	senderd_check_drained(sd);
}

static void
senderd_reload(struct daemon *d)
{
	struct senderd *sd = daemon_context(d);

	media_urls_reload(sd->media_urls);
}

int
main(int argc, char **argv)
{
	static const struct daemon_def def = {
		.name = "senderd",
		.summary = "take outbound messages, call providers, record results",
		.params = params_senderd,
		.conf_size = sizeof(struct senderd_conf),
		.needs_mq = true,
		.admin_listen_offset = offsetof(struct senderd_conf, admin_listen),
		.metrics = senderd_tables,
		.start = senderd_start,
		.reload = senderd_reload,
		.drain = senderd_drain,
		.stop = senderd_stop,
	};

	return daemon_run(&def, argc, argv);
}
