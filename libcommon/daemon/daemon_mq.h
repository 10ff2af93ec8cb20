/* daemon_mq.h - a daemon's connection to the broker: made from the configuration, with
 * its readiness check "broker" and its growhub_amqp_* metrics. One per process.
 *
 * Threading: loop thread only.
 */
#ifndef GH_DAEMON_MQ_H
#define GH_DAEMON_MQ_H

#include "base/err.h"
#include "metrics/metrics.h"
#include "mq/conn.h"

struct daemon;
struct daemon_mq;

/* For daemon_def.metrics. */
#define DAEMON_MQ_METRIC_COUNT 16
extern const struct metric_def daemon_mq_metrics[DAEMON_MQ_METRIC_COUNT];

/* Start connecting to mq.url; the connection is named daemon_worker(d).
 *
 * table      values of daemon_mq_metrics (daemon_table)
 * on_change  as struct mq_conn_opts says; may be NULL
 * Returns    NULL when the URL cannot be parsed (err filled: return GH_EINVAL from start) */
struct daemon_mq *daemon_mq_new(struct daemon *d, struct metrics_table *table,
				mq_conn_fn *on_change, void *arg, struct gh_err *err);
/* Drops the connection at once; free its channels, publishers and consumers first. Only from
 * daemon_def.stop. NULL is legal. */
void daemon_mq_free(struct daemon_mq *m);

struct mq_conn *daemon_mq_conn(const struct daemon_mq *m);

/* The check "broker" is ok while connected, not blocked by an alarm, and without fault. fault:
 * why this daemon cannot use the open connection ("no queue consumed"), a literal; NULL: it can. */
void daemon_mq_set_fault(struct daemon_mq *m, const char *fault);

#endif
