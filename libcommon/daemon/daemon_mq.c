/* daemon_mq.c - the broker connection of a daemon; see daemon_mq.h.
 *
 * The connection keeps its own totals; the collector copies them into the
 * exported counters when somebody looks.
 */
#include "daemon/daemon_mq.h"

#include <stdio.h>

#include "base/mem.h"
#include "daemon/daemon.h"

struct daemon_mq {
	struct daemon *daemon;
	struct mq_conn *conn;
	struct metrics_table *table;
	mq_conn_fn *on_change;
	void *arg;
	const char *fault;
	unsigned check;
};

enum {
	M_CONNECTED,
	M_BLOCKED,
	M_RECONNECTS,
	M_CONFIRMS,
	M_PUBLISHED,
	M_RETURNED,
	M_DELIVERED,
	M_REDELIVERED,
	M_ACKED,
	M_NACKED,
	M_STALE_ACKS,
	M_CANCELS,
	M_CHANNEL_ERRORS,
	M_ALARMS,
	M_RECEIVED_BYTES,
	M_SENT_BYTES,
	M_COUNT
};
_Static_assert(M_COUNT == DAEMON_MQ_METRIC_COUNT, "one definition per metric");

enum { RECONNECT_LOST, RECONNECT_FAILED };
static const char *const reconnect_reasons[] = {"lost", "connect_failed"};
enum { CONFIRM_ACK, CONFIRM_NACK, CONFIRM_LOST };
static const char *const confirm_results[] = {"ack", "nack", "lost"};
enum { NACK_REQUEUED, NACK_REJECTED };
static const char *const nack_results[] = {"requeued", "rejected"};

#define LABEL(name, values) .labels = {{(name), (values), GH_COUNT(values)}}

const struct metric_def daemon_mq_metrics[DAEMON_MQ_METRIC_COUNT] = {
	[M_CONNECTED] = {"amqp_connected", METRIC_GAUGE, "1 while connected to the broker."},
	[M_BLOCKED] = {"amqp_blocked", METRIC_GAUGE,
		       "1 while the broker's alarm refuses publishing."},
	[M_RECONNECTS] = {"amqp_reconnects_total", METRIC_COUNTER,
			  "Connections lost and attempts that failed.",
			  LABEL("reason", reconnect_reasons)},
	[M_CONFIRMS] = {"amqp_confirms_total", METRIC_COUNTER,
			"Publishings by the broker's answer; lost: the channel went first.",
			LABEL("result", confirm_results)},
	[M_PUBLISHED] = {"amqp_published_total", METRIC_COUNTER, "Messages published."},
	[M_RETURNED] = {"amqp_returned_total", METRIC_COUNTER, "Publishings without a queue."},
	[M_DELIVERED] = {"amqp_delivered_total", METRIC_COUNTER, "Messages taken from queues."},
	[M_REDELIVERED] = {"amqp_redelivered_total", METRIC_COUNTER,
			   "Messages that were delivered before."},
	[M_ACKED] = {"amqp_acked_total", METRIC_COUNTER, "Deliveries acknowledged."},
	[M_NACKED] = {"amqp_nacked_total", METRIC_COUNTER, "Deliveries given back or refused.",
		      LABEL("result", nack_results)},
	[M_STALE_ACKS] = {"amqp_stale_acks_total", METRIC_COUNTER,
			  "Acknowledgements dropped because their channel was gone."},
	[M_CANCELS] = {"amqp_consumer_cancels_total", METRIC_COUNTER,
		       "Consumers cancelled by the broker."},
	[M_CHANNEL_ERRORS] = {"amqp_channel_errors_total", METRIC_COUNTER,
			      "Channels closed by the broker."},
	[M_ALARMS] = {"amqp_alarms_total", METRIC_COUNTER, "Times the broker said blocked."},
	[M_RECEIVED_BYTES] = {"amqp_received_bytes_total", METRIC_COUNTER,
			      "Bytes read from the broker."},
	[M_SENT_BYTES] = {"amqp_sent_bytes_total", METRIC_COUNTER, "Bytes written to the broker."},
};

static void
daemon_mq_collect(void *arg)
{
	struct daemon_mq *m = arg;
	struct metrics_table *t = m->table;
	const struct mq_counters *c = mq_conn_counters(m->conn);
	const struct {
		unsigned id, label;
		uint64_t value;
	} values[] = {
		{M_CONNECTED, 0, mq_conn_state(m->conn) == MQ_OPEN},
		{M_BLOCKED, 0, mq_conn_is_blocked(m->conn)},
		{M_RECONNECTS, RECONNECT_LOST, c->lost_count},
		{M_RECONNECTS, RECONNECT_FAILED, c->connect_failure_count},
		{M_CONFIRMS, CONFIRM_ACK, c->confirmed_count},
		{M_CONFIRMS, CONFIRM_NACK, c->nacked_count},
		{M_CONFIRMS, CONFIRM_LOST, c->unconfirmed_count},
		{M_PUBLISHED, 0, c->published_count},
		{M_RETURNED, 0, c->returned_count},
		{M_DELIVERED, 0, c->delivered_count},
		{M_REDELIVERED, 0, c->redelivered_count},
		{M_ACKED, 0, c->acked_count},
		{M_NACKED, NACK_REQUEUED, c->requeued_count},
		{M_NACKED, NACK_REJECTED, c->rejected_count},
		{M_STALE_ACKS, 0, c->stale_ack_count},
		{M_CANCELS, 0, c->cancel_count},
		{M_CHANNEL_ERRORS, 0, c->channel_close_count},
		{M_ALARMS, 0, c->blocked_count},
		{M_RECEIVED_BYTES, 0, c->in_bytes},
		{M_SENT_BYTES, 0, c->out_bytes},
	};

	for (size_t i = 0; i < GH_COUNT(values); i++)
		metrics_set(t, values[i].id, values[i].label, 0, (int64_t)values[i].value);
}

/* ---- state ---- */

static void
daemon_mq_check(struct daemon_mq *m)
{
	enum mq_state state = mq_conn_state(m->conn);
	struct slice why = mq_conn_last_error(m->conn);
	char detail[160];

	if (state != MQ_OPEN) {
		(void)snprintf(detail, sizeof(detail), "%s%s%.*s", mq_state_name(state),
			       why.n > 0 ? ": " : "", (int)(why.n < 120 ? why.n : 120),
			       why.n > 0 ? why.p : "");
		daemon_check_set(m->daemon, m->check, false, detail);
	} else if (mq_conn_is_blocked(m->conn)) {
		daemon_check_set(m->daemon, m->check, false, "blocked by an alarm of the broker");
	} else {
		daemon_check_set(m->daemon, m->check, m->fault == NULL, m->fault);
	}
}

static void
daemon_mq_changed(void *arg, enum mq_state state, bool is_blocked)
{
	struct daemon_mq *m = arg;

	daemon_mq_check(m);
	if (m->on_change != NULL)
		m->on_change(m->arg, state, is_blocked);
}

void
daemon_mq_set_fault(struct daemon_mq *m, const char *fault)
{
	m->fault = fault;
	daemon_mq_check(m);
}

/* ---- life ---- */

struct daemon_mq *
daemon_mq_new(struct daemon *d, struct metrics_table *table, mq_conn_fn *on_change, void *arg,
	      struct gh_err *err)
{
	const struct conf_common *conf = daemon_common(d);
	struct daemon_mq *m = gh_alloc(sizeof(*m));
	const struct mq_conn_opts opts = {
		.url = slice_of(conf->mq_url),
		.name = daemon_worker(d),
		.heartbeat_s = (unsigned)(conf->mq_heartbeat_us / CLOCK_SEC),
		.on_change = daemon_mq_changed,
		.arg = m,
	};
	struct gh_err why = {.code = GH_OK};
	enum gh_code rc = mq_conn_new(&m->conn, daemon_loop(d), daemon_dns(d), &opts, &why);

	if (rc != GH_OK) {
		(void)gh_fail(err, rc, "mq.url: %s", why.text);
		gh_free(m);
		return NULL;
	}
	m->daemon = d;
	m->table = table;
	m->on_change = on_change;
	m->arg = arg;
	m->check = daemon_check_add(d, "broker", true);
	metrics_collector_add(daemon_metrics(d), daemon_mq_collect, m);
	return m;
}

void
daemon_mq_free(struct daemon_mq *m)
{
	if (m == NULL)
		return;
	metrics_collector_del(daemon_metrics(m->daemon), daemon_mq_collect, m);
	mq_conn_free(m->conn);
	gh_free(m);
}

struct mq_conn *
daemon_mq_conn(const struct daemon_mq *m)
{
	return m->conn;
}
