#include "deliveries.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "breaker.h"
#include "config/params_eventd.h"
#include "daemon/daemon.h"
#include "endpoints.h"
#include "loop/cadence.h"
#include "loop/loop.h"
#include "model/async_commit.h"
#include "model/delivery.h"
#include "model/wake.h"
#include "posts.h"
#include "targets.h"

#define CLAIMS_MAX        2
#define LINE_UNSTORED_MAX 256 /* answered posts of an endpoint whose results are not stored */
/* Rows claimed ahead of their turn: what the endpoint answers until the next claim, at the
 * latest, as it does now. So a fast one is not held up by claims, and a slow one holds no leases.
 */
#define LINE_AHEAD_US  (CADENCE_STRETCH * CADENCE_GAP_US)
#define LINE_AHEAD_MAX 128
/* Claims of so many rows that are known to be there need not wait for others to join them. */
#define CLAIM_FULL 64
/* Weight of one answer in the moving average: one in this many. */
#define LINE_POST_US_WEIGHT 8
#define TURNS_MAX           (CLAIMS_MAX * DELIVERY_CLAIM_ENDPOINTS)
#define FAULT_PAUSE_US      (60 * CLOCK_SEC) /* an endpoint that cannot be posted to */

/* What an endpoint's turn waits for. */
enum line_state {
	LINE_IDLE,  /* no turn */
	LINE_ROUTE, /* for its route */
	LINE_READY, /* for a claim; in deliveries.ready */
	LINE_CLAIM, /* for the claim's commit */
	LINE_FULL,  /* for one of its posts to end */
	LINE_TIMER  /* for its timer to be committed */
};

/* An endpoint that has a turn, posts under way, or a breaker that remembers something. */
struct line {
	struct list node; /* READY: deliveries.ready */
	struct deliveries *x;
	int32_t id;
	enum line_state state;
	struct target *target;     /* running one; NULL while IDLE */
	const struct endpoint *to; /* held while READY or CLAIM */
	unsigned max_concurrency;  /* of the route last seen */
	unsigned post_count;       /* posts whose result is not stored */
	unsigned answered_count;   /* of these: the receiver has answered */
	unsigned waiting_count;    /* of these: not posted yet */
	struct list waiting;       /* these, in order */
	int64_t post_us;           /* moving average of an answered post; 0: none yet */
	unsigned claimed_count;    /* CLAIM: rows that came */
	bool has_more;             /* the last claim left due rows */
	struct breaker breaker;
	bool has_timer; /* the breaker is open and an outbox row will wake the endpoint */
};

/* A claim under way. */
struct claim {
	struct deliveries *x;
	int64_t started_us; /* monotonic */
	unsigned count;
	unsigned wanted_count; /* rows asked for in all */
	struct line *lines[DELIVERY_CLAIM_ENDPOINTS];
};

struct deliveries {
	const struct eventd_conf *conf;
	struct db *db;
	struct wake *wake;
	struct targets *targets;
	struct endpoints *endpoints;
	struct posts *posts;
	struct map *lines; /* by endpoint id */
	struct list ready;
	unsigned turn_count;   /* lines in ROUTE or READY */
	unsigned claim_count;  /* claims under way */
	unsigned wanted_count; /* rows they asked for */
	unsigned ready_count;  /* lines in READY */
	struct loop_task *task;
	struct cadence *cadence; /* of claims */
	bool is_paused;
	bool is_draining;
	void (*drained)(void *arg);
	void *drained_arg;
};

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

/* ---- lines ---- */

static struct line *
line_get(struct deliveries *x, int32_t id)
{
	struct line *line = map_get_i64(x->lines, id);

	if (line != NULL)
		return line;
	line = gh_alloc(sizeof(*line));
	line->x = x;
	line->id = id;
	list_init(&line->node);
	list_init(&line->waiting);
	map_put_i64(x->lines, id, line);
	return line;
}

static void
line_free(struct line *line)
{
	map_del_i64(line->x->lines, line->id);
	endpoint_release(line->to);
	gh_free(line);
}

/* The one place that changes the state. */
static void
line_set_state(struct line *line, enum line_state state)
{
	struct deliveries *x = line->x;
	bool was_turn = line->state == LINE_ROUTE || line->state == LINE_READY;
	bool is_turn = state == LINE_ROUTE || state == LINE_READY;

	list_del(&line->node);
	if (state == LINE_READY)
		list_add_tail(&x->ready, &line->node);
	if (state != LINE_READY && state != LINE_CLAIM) {
		endpoint_release(line->to);
		line->to = NULL;
	}
	x->turn_count += is_turn ? 1 : 0;
	x->turn_count -= was_turn ? 1 : 0;
	x->ready_count += state == LINE_READY ? 1 : 0;
	x->ready_count -= line->state == LINE_READY ? 1 : 0;
	line->state = state;
	loop_task_mark(x->task);
}

enum turn_end { TURN_DONE, TURN_MORE, TURN_FAILED };

/* The turn is over; line may be gone afterwards. */
static void
line_end_turn(struct line *line, enum turn_end end)
{
	struct target *k = line->target;

	line->target = NULL;
	line_set_state(line, LINE_IDLE);
	if (line->post_count == 0 && breaker_is_clean(&line->breaker))
		line_free(line);
	if (end == TURN_FAILED)
		targets_failed(k);
	else
		targets_done(k, end == TURN_MORE);
}

/* Posts that may start now. The receiver's limit is on posts it works at: one that it has
 * answered makes room while its result is still on its way to the disk. */
static unsigned
line_room(const struct line *line)
{
	unsigned limit = breaker_limit(&line->breaker, clock_mono_us(), line->max_concurrency);
	unsigned running = line->post_count - line->waiting_count - line->answered_count;

	if (line->answered_count >= LINE_UNSTORED_MAX)
		return 0;
	return limit > running ? limit - running : 0;
}

/* Rows to claim: for the posts that may start now, and for those that soon may. */
static unsigned
line_want(const struct line *line)
{
	unsigned room = line_room(line), ahead = 0;

	if (room > 0 && line->post_us > 0 && breaker_is_clean(&line->breaker))
		ahead = (unsigned)(LINE_AHEAD_US * line->max_concurrency / line->post_us);
	if (ahead > LINE_AHEAD_MAX)
		ahead = LINE_AHEAD_MAX;
	return room + ahead > line->waiting_count ? room + ahead - line->waiting_count : 0;
}

static void
line_give_back(struct line *line, int64_t wait_us)
{
	for (; line->waiting_count > 0; line->waiting_count--)
		posts_give_back_first(&line->waiting, wait_us);
}

/* Post what waits, as far as there is room; while the breaker is open, keep nothing. */
static void
line_serve_waiting(struct line *line)
{
	int64_t wait_us = breaker_wait_us(&line->breaker, clock_mono_us());

	if (wait_us > 0)
		line_give_back(line, wait_us);
	while (line->waiting_count > 0 && line_room(line) > 0) {
		line->waiting_count--;
		posts_send_first(&line->waiting);
	}
}

static void
line_wait_room(struct line *line)
{
	/* No room and no post to end: the breaker opened, which the next turn sees. */
	if (line->post_count > 0)
		line_set_state(line, LINE_FULL);
	else
		line_end_turn(line, TURN_MORE);
}

/* ---- an endpoint that is left alone ---- */

static void
line_timer_done(void *arg, enum gh_code code, const struct db_unit *u GH_UNUSED)
{
	struct line *line = arg;

	line->has_timer = code == GH_OK;
	if (code == GH_OK)
		wake_send(line->x->wake);
	line_end_turn(line, code == GH_OK ? TURN_DONE : TURN_FAILED);
}

/* Hand the due rows to a timer row, so that the hint need not be held for so long. */
static void
line_leave_alone(struct line *line, int64_t wait_us)
{
	struct db_unit *u = db_unit_new();
	enum gh_code rc;

	endpoint_timer_add(u, target_company(line->target), line->id, wait_us);
	rc = db_submit(line->x->db, u, line_timer_done, line);
	if (rc == GH_OK)
		line_set_state(line, LINE_TIMER);
	else
		line_end_turn(line, TURN_FAILED);
}

/* ---- a turn: breaker, route, room ---- */

static void
line_routed(struct line *line, enum gh_code code, const struct endpoint *to)
{
	if (code == GH_ENOTFOUND) {
		line_end_turn(line, TURN_DONE); /* its rows wait until it is switched on again */
		return;
	}
	if (code != GH_OK) {
		line_end_turn(line, TURN_FAILED);
		return;
	}
	if (to->fault != NULL) {
		line_leave_alone(line, FAULT_PAUSE_US);
		return;
	}
	line->to = endpoint_hold(to);
	line->max_concurrency = to->max_concurrency;
	if (line_want(line) > 0)
		line_set_state(line, LINE_READY);
	else
		line_wait_room(line);
}

static void
line_route_came(void *arg, enum gh_code code, const void *value)
{
	line_routed(arg, code, value);
}

static void
line_take_turn(struct line *line, struct target *k)
{
	const struct endpoint *to = NULL;
	int64_t wait_us = breaker_wait_us(&line->breaker, clock_mono_us());
	enum gh_code rc;

	line->target = k;
	if (wait_us > 0 && line->has_timer) {
		line_end_turn(line, TURN_DONE);
		return;
	}
	if (wait_us > 0) {
		line_leave_alone(line, wait_us);
		return;
	}
	line_set_state(line, LINE_ROUTE);
	rc = endpoints_get(line->x->endpoints, line->id, &to, line_route_came, line);
	if (rc != GH_EAGAIN)
		line_routed(line, rc, to);
}

/* ---- claims ---- */

static unsigned
deliveries_room(const struct deliveries *x)
{
	unsigned used = posts_count(x->posts) + x->wanted_count;
	unsigned max = (unsigned)x->conf->max_in_flight;

	return used < max ? max - used : 0;
}

static bool
deliveries_may_claim(const struct deliveries *x)
{
	return !x->is_paused && !x->is_draining && x->claim_count < CLAIMS_MAX &&
	       deliveries_room(x) > 0;
}

static void
claim_read(struct claim *c, const struct db_unit *u)
{
	struct arena *a = arena_new(0);
	struct delivery_claim *rows;
	unsigned count = delivery_claim_rows(u, a, &rows);

	for (unsigned i = 0; i < count; i++) {
		struct line *line = map_get_i64(c->x->lines, rows[i].endpoint_id);

		if (line == NULL || line->state != LINE_CLAIM)
			gh_panic("deliveries: a row of endpoint %d was not asked for",
				 (int)rows[i].endpoint_id);
		line->post_count++;
		line->waiting_count++;
		line->claimed_count++;
		posts_prepare(c->x->posts, &rows[i], line->to, line, &line->waiting);
	}
	arena_free(a);
	for (unsigned i = 0; i < c->count; i++)
		line_serve_waiting(c->lines[i]);
}

static void
claim_end_line(struct line *line, bool has_more)
{
	line->has_more = has_more;
	if (!has_more)
		line_end_turn(line, TURN_DONE);
	else if (line->claimed_count == 0)
		line_end_turn(line, TURN_FAILED); /* another eventd is claiming them just now */
	else if (line_want(line) > 0)
		line_end_turn(line, TURN_MORE);
	else
		line_wait_room(line);
}

static void
claim_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct claim *c = arg;
	struct deliveries *x = c->x;

	x->claim_count--;
	x->wanted_count -= c->wanted_count;
	if (code == GH_OK)
		cadence_took(x->cadence, clock_mono_us() - c->started_us, CADENCE_SHARE);
	if (code == GH_OK)
		claim_read(c, u);
	else if (code == GH_EINTERNAL || code == GH_EINVAL)
		log_error("webhook.claim_failed", LOG_STR("err", db_unit_error(u)->text));
	for (unsigned i = 0; i < c->count; i++) {
		if (code == GH_OK)
			claim_end_line(c->lines[i], delivery_claim_has_more(u, c->lines[i]->id));
		else
			line_end_turn(c->lines[i], TURN_FAILED);
	}
	loop_task_mark(x->task);
	gh_free(c);
}

/* Take ready lines into the claim, as far as there is room for their posts. */
static void
claim_fill(struct claim *c, struct delivery_want *wants)
{
	struct deliveries *x = c->x;

	while (c->count < DELIVERY_CLAIM_ENDPOINTS && !list_is_empty(&x->ready)) {
		struct line *line = LIST_ENTRY(x->ready.next, struct line, node);
		unsigned want = line_want(line), room = deliveries_room(x);

		if (room == 0)
			return;
		if (want == 0) {
			line_wait_room(line);
			continue;
		}
		want = want < room ? want : room;
		want = want < DELIVERY_CLAIM_ROWS ? want : DELIVERY_CLAIM_ROWS;
		line->claimed_count = 0;
		line_set_state(line, LINE_CLAIM);
		wants[c->count] = (struct delivery_want){line->id, (int32_t)want};
		c->lines[c->count++] = line;
		c->wanted_count += want;
		x->wanted_count += want;
	}
}

static void
claim_start(struct deliveries *x)
{
	struct claim *c = gh_alloc(sizeof(*c));
	struct delivery_want wants[DELIVERY_CLAIM_ENDPOINTS];
	struct db_unit *u;
	enum gh_code rc;

	c->x = x;
	claim_fill(c, wants);
	if (c->count == 0) {
		gh_free(c);
		return;
	}
	u = db_unit_new();
	delivery_claim_add(u, wants, c->count,
			   x->conf->delivery_timeout_us + POSTS_LEASE_MARGIN_US);
	x->claim_count++;
	c->started_us = clock_mono_us();
	cadence_started(x->cadence);
	rc = db_submit(x->db, u, claim_done, c);
	if (rc != GH_OK)
		claim_done(c, rc, NULL);
}

/* Rows that ready lines want and that are there: the claims before left them. */
static unsigned
deliveries_behind(const struct deliveries *x)
{
	unsigned count = 0;

	LIST_FOREACH(n, &x->ready)
	{
		const struct line *line = LIST_ENTRY(n, struct line, node);

		count += line->has_more ? line_want(line) : 0;
	}
	return count;
}

static bool
deliveries_claim_is_due(struct deliveries *x)
{
	if (x->ready_count == 0)
		return false;
	return x->ready_count >= DELIVERY_CLAIM_ENDPOINTS || deliveries_behind(x) >= CLAIM_FULL ||
	       cadence_allows(x->cadence);
}

/* The one place that decides what happens next. */
static void
deliveries_step(void *arg)
{
	struct deliveries *x = arg;

	while (deliveries_may_claim(x) && x->turn_count < TURNS_MAX) {
		struct target *k = targets_next(x->targets);

		if (k == NULL)
			break;
		line_take_turn(line_get(x, target_id(k)), k);
	}
	while (deliveries_may_claim(x) && deliveries_claim_is_due(x))
		claim_start(x);
	if (x->drained != NULL && x->claim_count == 0 && posts_count(x->posts) == 0) {
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
		line_end_turn(line, TURN_MORE); /* line may be gone */
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
	if (line->state == LINE_IDLE && line->post_count == 0 && breaker_is_clean(&line->breaker)) {
		loop_task_mark(line->x->task);
		line_free(line);
		return;
	}
	line_has_room(line);
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
	list_init(&x->ready);
	x->task = loop_task_new(daemon_loop(d), LOOP_PHASE_COMMIT, deliveries_step, x);
	x->cadence = cadence_new(daemon_loop(d), CADENCE_GAP_US, x->task);
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
	wake_free(x->wake); /* its timer and memory; the database is gone already */
	cadence_free(x->cadence);
	loop_task_free(x->task);
	gh_free(x);
}
