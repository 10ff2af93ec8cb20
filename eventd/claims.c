/* claims.c - due rows of ready lines, claimed together. */
#include "line.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/params_eventd.h"
#include "loop/cadence.h"
#include "loop/loop.h"
#include "model/delivery.h"
#include "posts.h"

/* Claims of so many rows that are known to be there need not wait for others to join them. */
#define CLAIM_FULL 64

/* A claim under way. */
struct claim {
	struct deliveries *x;
	int64_t started_us; /* monotonic */
	unsigned count;
	unsigned wanted_count; /* rows asked for in all */
	struct line *lines[DELIVERY_CLAIM_ENDPOINTS];
};

unsigned
deliveries_room(const struct deliveries *x)
{
	unsigned used = posts_count(x->posts) + x->wanted_count + x->offered_count;
	unsigned max = (unsigned)x->conf->max_in_flight;

	return used < max ? max - used : 0;
}

bool
deliveries_may_claim(const struct deliveries *x)
{
	return !x->is_paused && !x->is_draining && x->claim_count < CLAIMS_MAX &&
	       deliveries_room(x) > 0;
}

/* Retries are late by themselves. */
static void
line_note_lag(struct line *line, const struct delivery_claim *row)
{
	int64_t lag_us = clock_wall_us() - uuid7_time_us(row->event_id);

	if (row->attempt == 1 && lag_us > line->lag_us)
		line->lag_us = lag_us;
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
		line_note_lag(line, &rows[i]);
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
		line->lag_us = 0;
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
claims_behind(const struct deliveries *x)
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
claims_is_due(struct deliveries *x)
{
	if (x->ready_count == 0)
		return false;
	return x->ready_count >= DELIVERY_CLAIM_ENDPOINTS || claims_behind(x) >= CLAIM_FULL ||
	       cadence_allows(x->cadence);
}

void
claims_step(struct deliveries *x)
{
	while (deliveries_may_claim(x) && claims_is_due(x))
		claim_start(x);
}
