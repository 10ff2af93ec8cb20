/* line.c - one endpoint's turn: breaker, route, room, and what waits for it. */
#include "line.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "endpoints.h"
#include "loop/cadence.h"
#include "loop/loop.h"
#include "model/endpoint_route.h"
#include "model/wake.h"
#include "posts.h"
#include "targets.h"

#define LINE_UNSTORED_MAX 256 /* answered posts of an endpoint whose results are not stored */
/* Rows claimed ahead of their turn: what the endpoint answers until the next claim, at the
 * latest, as it does now. So a fast one is not held up by claims, and a slow one holds no leases.
 */
#define LINE_AHEAD_US  (CADENCE_STRETCH * CADENCE_GAP_US)
#define LINE_AHEAD_MAX 128
/* Rows of new events need no claim later, so more of them may wait here, though not for long:
 * while they wait, older ones in the database do. Beside such ones they get the room that claims
 * get; where those have waited for long, none: the newest would be told first. */
#define LINE_OFFER_US  (100 * CLOCK_MS)
#define LINE_OFFER_MAX 256
#define LINE_LAG_US    (CLOCK_SEC / 2)
#define FAULT_PAUSE_US (60 * CLOCK_SEC) /* an endpoint that cannot be posted to */

struct line *
line_get(struct deliveries *x, int32_t id, int32_t company_id)
{
	struct line *line = map_get_i64(x->lines, id);
	struct crew *crew = map_get_i64(x->crews, company_id);

	if (line != NULL)
		return line;
	if (crew == NULL) {
		crew = gh_alloc(sizeof(*crew));
		list_init(&crew->lines);
		map_put_i64(x->crews, company_id, crew);
	}
	line = gh_alloc(sizeof(*line));
	line->x = x;
	line->id = id;
	line->company_id = company_id;
	list_init(&line->node);
	list_init(&line->mate);
	list_add_tail(&crew->lines, &line->mate);
	list_init(&line->waiting);
	map_put_i64(x->lines, id, line);
	return line;
}

void
line_free(struct line *line)
{
	struct map *crews = line->x->crews;
	struct crew *crew = map_get_i64(crews, line->company_id);

	list_del(&line->mate);
	if (list_is_empty(&crew->lines)) {
		map_del_i64(crews, line->company_id);
		gh_free(crew);
	}
	map_del_i64(line->x->lines, line->id);
	endpoint_release(line->to);
	gh_free(line);
}

static bool
line_is_at_rest(const struct line *line)
{
	return line->state == LINE_IDLE && line->post_count == 0 && line->offered_count == 0 &&
	       breaker_is_clean(&line->breaker);
}

void
line_rest(struct line *line)
{
	line->rested_us = clock_mono_us();
	if (line_is_at_rest(line) && !loop_timer_is_set(line->x->sweeper))
		loop_timer_set(line->x->sweeper, LINE_REST_US);
}

void
lines_sweep(void *arg)
{
	struct deliveries *x = arg;
	int64_t before_us = clock_mono_us() - LINE_REST_US;
	struct slice key;
	void *value;

	for (size_t it = 0; map_next(x->lines, &it, &key, &value);) {
		struct line *line = value;

		if (!line_is_at_rest(line))
			continue;
		if (line->rested_us <= before_us)
			line_free(line);
		else
			loop_timer_set(x->sweeper, LINE_REST_US);
	}
}

void
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

void
line_end_turn(struct line *line, enum turn_end end)
{
	struct target *k = line->target;

	line->target = NULL;
	line_set_state(line, LINE_IDLE);
	line_rest(line);
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

/* The same, and what the endpoint answers within ahead_us, as it does now. */
static unsigned
line_room_ahead(const struct line *line, int64_t ahead_us, unsigned ahead_max)
{
	unsigned room = line_room(line), ahead = 0;
	unsigned held = line->waiting_count + line->offered_count;

	if (room > 0 && line->post_us > 0 && breaker_is_clean(&line->breaker))
		ahead = (unsigned)(ahead_us * line->max_concurrency / line->post_us);
	room += ahead < ahead_max ? ahead : ahead_max;
	return room > held ? room - held : 0;
}

unsigned
line_want(const struct line *line)
{
	return line_room_ahead(line, LINE_AHEAD_US, LINE_AHEAD_MAX);
}

unsigned
line_may_offer(const struct line *line)
{
	if (line->state == LINE_FULL || !breaker_is_clean(&line->breaker))
		return 0;
	if (!line->has_more)
		return line_room_ahead(line, LINE_OFFER_US, LINE_OFFER_MAX);
	return line->lag_us <= LINE_LAG_US ? line_want(line) : 0;
}

void
line_give_back(struct line *line, int64_t wait_us)
{
	for (; line->waiting_count > 0; line->waiting_count--)
		posts_give_back_first(&line->waiting, wait_us);
}

void
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

void
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

void
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
