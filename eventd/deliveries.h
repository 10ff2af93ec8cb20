/* deliveries.h - due webhook deliveries: claimed, posted, recorded.
 *
 * A hint wakes endpoints. Each gets its turn (targets.h), its route is looked up,
 * as many due rows are claimed as it may have posts under way, they are posted,
 * and their results are committed in batches together with the timers of their
 * retries. A target is done when a claim left nothing due; the hint behind it is
 * acknowledged then. Claimed rows are carried by their lease: a crash in the
 * middle of a post repeats it later with the same webhook-id.
 *
 *   schedule.c   what an answer means: done, again after a delay, given up
 *   render.c     facts of an event -> body bytes
 *   endpoints.c  endpoint id -> where and how to post (cached)
 *   breaker.c    when an endpoint is left alone for a while
 *   posts.c      one post, from the claimed row to the committed result
 *   line.c       one endpoint's turn and limits
 *   claims.c     due rows of many endpoints, claimed together
 *   offers.c     rows of new events, which need no claim
 *   deliveries.c turns, and what posts report
 *
 * Threading: loop thread only.
 */
#ifndef GH_EVENTD_DELIVERIES_H
#define GH_EVENTD_DELIVERIES_H

#include "metrics/metrics.h"

struct daemon;
struct db;
struct db_stmt_table;
struct deliveries;
struct eventd_conf;
struct hint;
struct mq_envelope;

/* For daemon_def.metrics. */
#define DELIVERIES_METRIC_COUNT 5
extern const struct metric_def deliveries_metrics[DELIVERIES_METRIC_COUNT];

/* Statement tables the given db must have; ends in NULL. */
#define DELIVERIES_TABLE_COUNT 4
extern const struct db_stmt_table *const deliveries_tables[DELIVERIES_TABLE_COUNT + 1];

/* Starts paused: nothing is claimed before deliveries_resume. Everything is borrowed until
 * deliveries_free. table: values of deliveries_metrics. */
struct deliveries *deliveries_new(struct daemon *d, const struct eventd_conf *conf, struct db *db,
				  struct metrics_table *table);
/* Free the db first, in the same pass; not from a callback of its own. Posts under way are given
 * up: their leases lapse and they are posted again. Hints held are not acknowledged. NULL is
 * legal. */
void deliveries_free(struct deliveries *x);

/* A hint of kind delivery: wake the endpoints it names. e is borrowed for the call, h is taken. */
void deliveries_hint(struct deliveries *x, const struct mq_envelope *e, struct hint *h);

/* The database is away: claim nothing; posts go on. Both idempotent. */
void deliveries_pause(struct deliveries *x);
void deliveries_resume(struct deliveries *x);

/* Claim nothing more; done is called once, from the loop, when every post has ended and its
 * result is committed or given up. */
void deliveries_drain(struct deliveries *x, void (*done)(void *arg), void *arg);

/* egress_allow was reloaded: posts that start from now on follow it. */
void deliveries_reload(struct deliveries *x);

#endif
