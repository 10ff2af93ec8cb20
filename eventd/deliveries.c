#include "deliveries.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/params_eventd.h"
#include "daemon/daemon.h"
#include "endpoints.h"
#include "line.h"
#include "loop/cadence.h"
#include "loop/loop.h"
#include "model/async_commit.h"
#include "model/delivery.h"
#include "model/wake.h"
#include "posts.h"
#include "targets.h"

/* Weight of one answer in the moving average: one in this many. */
#define LINE_POST_US_WEIGHT 8
#define TURNS_MAX           (CLAIMS_MAX * DELIVERY_CLAIM_ENDPOINTS)

static const char *const attempt_results[POSTS_RESULT_COUNT] = {
	[HTTP_FAIL_NONE] = "status",       [HTTP_FAIL_BLOCKED] = "blocked_address",
	[HTTP_FAIL_DNS] = "dns",           [HTTP_FAIL_CONNECT] = "connect",
	[HTTP_FAIL_TLS] = "tls",           [HTTP_FAIL_TIMEOUT] = "timeout",
	[HTTP_FAIL_RESET] = "reset",       [HTTP_FAIL_RESPONSE] = "bad_response",
	[HTTP_FAIL_INTERNAL] = "internal", [POSTS_DELIVERED] = "delivered",
	[POSTS_PARKED] = "parked",         [POSTS_UNRENDERED] = "unrendered",
	[POSTS_GIVEN_BACK] = "given_back", [POSTS_EXCLUDED] = "excluded",
};

const struct metric_def deliveries_metrics[DELIVERIES_METRIC_COUNT] = {
	[POSTS_ATTEMPTS] = {.name = "webhook_attempts_total",
			    .type = METRIC_COUNTER,
			    .help = "Posts to company endpoints by result.",
			    .labels = {{"result", attempt_results, POSTS_RESULT_COUNT}}},
	[POSTS_DURATION] = {.name = "webhook_duration_seconds",
			    .type = METRIC_HISTOGRAM,
			    .help = "Time of one post, from the name lookup to the last byte.",
			    .buckets = &METRIC_BUCKETS_REQUEST},
	[POSTS_BLOCKED] = {.name = "webhook_ssrf_blocked_total",
			   .type = METRIC_COUNTER,
			   .help = "Posts refused because of the address they would go to."},
	[POSTS_IN_FLIGHT] = {.name = "webhook_in_flight",
			     .type = METRIC_GAUGE,
			     .help = "Posts whose result is not committed yet."},
	[POSTS_RESULTS_LOST] = {.name = "webhook_results_lost_total",
				.type = METRIC_COUNTER,
				.help = "Results that could not be stored; posted again."},
};

const struct db_stmt_table *const deliveries_tables[DELIVERIES_TABLE_COUNT + 1] = {
	&async_commit_stmt_table, &delivery_stmt_table, &endpoint_route_stmt_table,
	&wake_stmt_table, NULL};

/* The one place that decides what happens next. */
static void
deliveries_step(void *arg)
{
	struct deliveries *x = arg;

	while (deliveries_may_claim(x) && x->turn_count < TURNS_MAX) {
		struct target *k = targets_next(x->targets);

		if (k == NULL)
			break;
		line_take_turn(line_get(x, target_id(k), target_company(k)), k);
	}
	claims_step(x);
	if (x->drained != NULL && x->claim_count == 0 && x->offer_count == 0 &&
	    posts_count(x->posts) == 0) {
		void (*drained)(void *arg) = x->drained;

		x->drained = NULL;
		drained(x->drained_arg);
	}
}

/* ---- what posts report ---- */

/* A post made room: the line that waited for it takes another turn. */
static void
line_has_room(struct line *line)
{
	loop_task_mark(line->x->task);
	line_serve_waiting(line);
	if (line->state == LINE_FULL)
		line_end_turn(line, TURN_MORE);
}

static void
line_count_answer(struct line *line, const struct posts_answer *a)
{
	int64_t now_us = clock_mono_us();

	if (a->is_success)
		line->post_us += line->post_us == 0
					 ? a->took_us
					 : (a->took_us - line->post_us) / LINE_POST_US_WEIGHT;
	if (a->is_own_fault || !breaker_count(&line->breaker, now_us, a->is_success, a->slow_us))
		return;
	line->has_timer = false;
	log_info("webhook.left_alone", LOG_INT("endpoint", line->id),
		 LOG_INT("for_ms", breaker_wait_us(&line->breaker, now_us) / CLOCK_MS));
}

static void
deliveries_answered(void *arg GH_UNUSED, void *token, const struct posts_answer *a)
{
	struct line *line = token;

	line->answered_count++;
	line_count_answer(line, a);
	line_has_room(line);
}

static void
deliveries_disabled(void *arg, void *token)
{
	struct deliveries *x = arg;
	struct line *line = token;

	line_give_back(line, 0);
	endpoints_forget(x->endpoints, line->id);
}

static void
deliveries_ended(void *arg GH_UNUSED, void *token, bool was_answered)
{
	struct line *line = token;

	line->post_count--;
	if (was_answered)
		line->answered_count--;
	line_has_room(line);
	line_rest(line);
}

/* ---- the interface ---- */

static void
deliveries_wanted(void *arg)
{
	struct deliveries *x = arg;

	loop_task_mark(x->task);
}

void
deliveries_hint(struct deliveries *x, const struct mq_envelope *e, struct hint *h)
{
	targets_hint(x->targets, e, h);
}

void
deliveries_pause(struct deliveries *x)
{
	x->is_paused = true;
}

void
deliveries_resume(struct deliveries *x)
{
	x->is_paused = false;
	loop_task_mark(x->task);
}

void
deliveries_drain(struct deliveries *x, void (*done)(void *arg), void *arg)
{
	struct slice key;
	void *line;

	x->is_draining = true;
	x->drained = done;
	x->drained_arg = arg;
	for (size_t it = 0; map_next(x->lines, &it, &key, &line);)
		line_give_back(line, 0);
	loop_task_mark(x->task);
}

void
deliveries_reload(struct deliveries *x)
{
	posts_reload(x->posts);
}

struct deliveries *
deliveries_new(struct daemon *d, const struct eventd_conf *conf, struct db *db,
	       struct metrics_table *table)
{
	struct deliveries *x = gh_alloc(sizeof(*x));

	x->conf = conf;
	x->db = db;
	x->is_paused = true;
	x->lines = map_new();
	x->crews = map_new();
	list_init(&x->ready);
	x->task = loop_task_new(daemon_loop(d), LOOP_PHASE_COMMIT, deliveries_step, x);
	x->cadence = cadence_new(daemon_loop(d), CADENCE_GAP_US, x->task);
	x->sweeper = loop_timer_new(daemon_loop(d), lines_sweep, x);
	x->targets = targets_new(daemon_loop(d), deliveries_wanted, x);
	x->endpoints = endpoints_new(daemon_loop(d), db, &conf->common.secrets_key);
	x->wake = wake_new(daemon_loop(d), db, WAKE_OUTBOX);
	x->posts = posts_new(&(struct posts_opts){
		.daemon = d,
		.conf = conf,
		.db = db,
		.table = table,
		.wake = x->wake,
		.events = {deliveries_answered, deliveries_disabled, deliveries_ended, x},
	});
	return x;
}

void
deliveries_free(struct deliveries *x)
{
	struct slice key;
	void *line;

	if (x == NULL)
		return;
	posts_free(x->posts);
	endpoints_free(x->endpoints);
	targets_free(x->targets);
	for (size_t it = 0; map_next(x->lines, &it, &key, &line);)
		line_free(line);
	map_free(x->lines);
	map_free(x->crews);
	loop_timer_free(x->sweeper);
	wake_free(x->wake); /* its timer and memory; the database is gone already */
	cadence_free(x->cadence);
	loop_task_free(x->task);
	gh_free(x);
}
