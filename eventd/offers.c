#include "offers.h"

#include "base/arena.h"
#include "base/map.h"
#include "config/params_eventd.h"
#include "endpoints.h"
#include "line.h"
#include "loop/loop.h"
#include "model/delivery.h"
#include "posts.h"

#define OFFER_ENDPOINTS_MAX 64
/* Offers take no turn: half of the room is left to those that do. */
#define OFFER_SHARE 2

struct place {
	struct line *line;
	const struct endpoint *to; /* held */
	unsigned rows;             /* of room held */
};

struct offer {
	struct deliveries *x;
	struct place places[OFFER_ENDPOINTS_MAX];
	int32_t ids[OFFER_ENDPOINTS_MAX];
	struct delivery_take take;
};

/* Its route was asked for: the next offer has it. */
static void
offer_route_came(void *arg GH_UNUSED, enum gh_code code GH_UNUSED, const void *value GH_UNUSED)
{
}

/* There is room for all of them. */
static bool
offer_fits(const struct line *line, unsigned rows)
{
	const struct deliveries *x = line->x;
	unsigned used = posts_count(x->posts) + x->wanted_count + x->offered_count;

	return rows <= line_may_offer(line) &&
	       used + rows <= (unsigned)x->conf->max_in_flight / OFFER_SHARE;
}

/* Who tells the events knows their facts: what else a body needs only a claim reads. */
static bool
lacks_message(const struct endpoint *to, const struct delivery_claim *events, unsigned rows)
{
	for (unsigned i = 0; i < rows; i++)
		if (delivery_needs_message(events[i].type, to->format))
			return true;
	return false;
}

static void
offer_add(struct offer *o, struct line *line, const struct delivery_claim *events, unsigned rows)
{
	struct place *place = &o->places[o->take.count];
	const struct endpoint *to = NULL;

	if (!offer_fits(line, rows) ||
	    endpoints_get(o->x->endpoints, line->id, &to, offer_route_came, NULL) != GH_OK ||
	    to->fault != NULL || lacks_message(to, events, rows))
		return;
	place->line = line;
	place->to = endpoint_hold(to);
	place->rows = rows;
	o->ids[o->take.count++] = line->id;
	line->offered_count += rows;
	o->x->offered_count += rows;
}

static void
offer_add_company(struct offer *o, const struct delivery_claim *events, unsigned rows)
{
	const struct crew *crew = map_get_i64(o->x->crews, events->company_id);

	if (crew == NULL)
		return;
	LIST_FOREACH(n, &crew->lines)
	{
		if (o->take.count < OFFER_ENDPOINTS_MAX)
			offer_add(o, LIST_ENTRY(n, struct line, mate), events, rows);
	}
}

struct offer *
offer_new(struct deliveries *x, struct arena *a, const struct delivery_claim *events,
	  unsigned count)
{
	struct offer *o = arena_alloc(a, sizeof(*o));

	o->x = x;
	o->take.endpoint_ids = o->ids;
	o->take.lease_us = x->conf->delivery_timeout_us + POSTS_LEASE_MARGIN_US;
	x->offer_count++;
	if (x->is_paused || x->is_draining)
		return o;
	for (unsigned i = 0, rows; i < count; i += rows) {
		for (rows = 1; i + rows < count; rows++)
			if (events[i + rows].company_id != events[i].company_id)
				break;
		offer_add_company(o, &events[i], rows);
	}
	return o;
}

const struct delivery_take *
offer_take(const struct offer *o)
{
	return &o->take;
}

static void
offer_post(struct offer *o, const struct delivery_claim *row)
{
	for (unsigned i = 0; i < o->take.count; i++) {
		const struct place *place = &o->places[i];

		if (place->line->id != row->endpoint_id)
			continue;
		place->line->post_count++;
		place->line->waiting_count++;
		posts_prepare(o->x->posts, row, place->to, place->line, &place->line->waiting);
		return;
	}
	gh_panic("offers: a row of endpoint %d was not asked for", (int)row->endpoint_id);
}

void
offer_end(struct offer *o, const struct delivery_claim *taken, unsigned count)
{
	struct deliveries *x = o->x;

	for (unsigned i = 0; i < count; i++)
		offer_post(o, &taken[i]);
	x->offer_count--;
	for (unsigned i = 0; i < o->take.count; i++) {
		struct place *place = &o->places[i];

		x->offered_count -= place->rows;
		place->line->offered_count -= place->rows;
		place->line->max_concurrency = place->to->max_concurrency;
		endpoint_release(place->to);
		if (x->is_draining)
			line_give_back(place->line, 0);
		line_serve_waiting(place->line);
		line_rest(place->line);
	}
	loop_task_mark(x->task);
}
