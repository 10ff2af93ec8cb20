/* healthd.h - the periodic tasks of the installation and what they share.
 *
 *   main.c        wiring, metrics
 *   tasks.c       when each task runs: interval, back-off, never two runs at once
 *   leader.c      which tasks are this process's: one advisory lock per task
 *   step.c        one database unit of a run
 *   fan.c         a list of calls, a few at a time
 *   leases.c      sends and deliveries whose lease ran out, sends past their end
 *   rehint.c      work whose hint was lost
 *   partitions.c  month partitions made ahead
 *   providers.c   health of provider servers
 *   instances.c   instances whose sends wait and whose connection event may be lost
 *   mend.c        sessions that failed, were never made, or post to another public URL
 *   moves.c       instances on their way to another provider
 *   care.c        a walk over instances that asks the provider of each
 *   stalled.c     sent messages without a receipt
 *   silence.c     numbers of which nothing is heard any more, as those messages show
 *   recover.c     deliveries that endpoints missed and asked for again
 *   purge.c       rows that have served their time
 *   stats.c       what happened, per company and hour
 *   gauges.c      numbers of the whole installation for the metrics page
 *
 * Leadership saves work and is no fence: when a connection breaks, two processes may run one
 * task for a moment. Each task therefore writes conditionally or idempotently.
 */
#ifndef GH_HEALTHD_H
#define GH_HEALTHD_H

#include <stdint.h>

#include "config/params_healthd.h"

struct daemon;
struct db;
struct gauges;
struct instances;
struct leader;
struct leases;
struct loop;
struct mend;
struct metrics_table;
struct moves;
struct provider_client;
struct providers;
struct purge;
struct stalled;
struct stats;
struct task;
struct tasks;
struct wake;

/* Keys of the locks and values of the label "task": the same in every version. */
enum healthd_task {
	HEALTHD_LEASES = 0,
	HEALTHD_REHINT = 1,
	HEALTHD_PARTITIONS = 2,
	HEALTHD_PROVIDERS = 3,
	HEALTHD_INSTANCES = 4,
	HEALTHD_MEND = 5,
	HEALTHD_PURGE = 6,
	HEALTHD_GAUGES = 7,
	HEALTHD_LEDGER = 8,
	HEALTHD_STALLED = 9,
	HEALTHD_RECOVER = 10,
	HEALTHD_WEBHOOKS = 11,
	HEALTHD_STATS = 12,
	HEALTHD_MOVES = 13
};
#define HEALTHD_TASK_COUNT 14

enum healthd_metric {
	M_LAST_SUCCESS,
	M_RUNS,
	M_RUN_SECONDS,
	M_IS_LEADER,
	M_RECOVERED,
	M_PROVIDER_CHECKS,
	M_PURGED,
	M_OUTBOX_PENDING,
	M_OUTBOX_OLDEST,
	M_STRANDED,
	M_LEDGER_DIFFERENCE,
	M_STALLED,
	M_INBOUND_STALLED,
	M_COUNT
};

/* Values of the labels, in the order of their words in main.c. */
enum { RUN_OK, RUN_FAILED };
enum {
	RECOVERED_IN_DOUBT,
	RECOVERED_SENT,
	RECOVERED_EXPIRED,
	RECOVERED_CANCELLED,
	RECOVERED_DELIVERY,
	RECOVERED_HELD
};
enum { CHECK_HEALTHY, CHECK_UNHEALTHY };

struct healthd {
	struct daemon *daemon;
	struct loop *loop;
	const struct healthd_conf *conf;
	struct metrics_table *metrics;
	struct db *db;      /* the work */
	struct db *lock_db; /* holds the locks */
	struct wake *wake;  /* outbox rows were written */
	struct provider_client *client;
	struct tasks *tasks;
	struct leader *leader;

	struct leases *leases;
	struct providers *providers;
	struct instances *instances;
	struct mend *mend;
	struct moves *moves;
	struct purge *purge;
	struct stalled *stalled;
	struct stats *stats;
};

/* ---- one file per task; t ends with task_done ---- */

struct leases *leases_new(struct healthd *h);
void
leases_free(struct leases *l); /* after the database connection; NULL is legal, here and below */
void leases_run(void *arg, struct task *t); /* arg: struct leases */

void rehint_run(void *arg, struct task *t);     /* arg: struct healthd */
void recover_run(void *arg, struct task *t);    /* arg: struct healthd */
void partitions_run(void *arg, struct task *t); /* arg: struct healthd */

struct providers *providers_new(struct healthd *h);
void providers_free(struct providers *p);
void providers_run(void *arg, struct task *t); /* arg: struct providers */

struct instances *instances_new(struct healthd *h);
void instances_free(struct instances *in);
void instances_run(void *arg, struct task *t); /* arg: struct instances */

struct mend *mend_new(struct healthd *h);
void mend_free(struct mend *m);
void mend_run(void *arg, struct task *t);          /* arg: struct mend */
void mend_webhooks_run(void *arg, struct task *t); /* arg: struct mend */

struct moves *moves_new(struct healthd *h);
void moves_free(struct moves *m);
void moves_run(void *arg, struct task *t); /* arg: struct moves */

struct purge *purge_new(struct healthd *h);
void purge_free(struct purge *p);
void purge_run(void *arg, struct task *t); /* arg: struct purge */

struct stalled *stalled_new(struct healthd *h);
void stalled_free(struct stalled *s);
void stalled_run(void *arg, struct task *t); /* arg: struct stalled */
void stalled_lost(void *arg);

struct stats *stats_new(struct healthd *h);
void stats_free(struct stats *s);
void stats_run(void *arg, struct task *t); /* arg: struct stats */
void stats_lost(void *arg);

void gauges_run(void *arg, struct task *t);        /* arg: struct healthd */
void gauges_lost(void *arg);                       /* another process shows them now */
void gauges_ledger_run(void *arg, struct task *t); /* arg: struct healthd */
void gauges_ledger_lost(void *arg);

#endif
