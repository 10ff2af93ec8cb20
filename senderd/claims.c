/* claims.c - take due rows of wanted instances; see claims.h.
 *
 * claims_run is the drain: everything that changes only wakes it. An instance whose
 * route is not known yet waits for it outside the lists; the claim needs the
 * provider's limit and the call its address.
 */
#include "claims.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "calls.h"
#include "daemon/daemon.h"
#include "daemon/hints.h"
#include "loop/cadence.h"
#include "loop/loop.h"
#include "model/send_queue.h"
#include "routes.h"
#include "senderd.h"
#include "targets.h"

#define CLAIMS_IN_FLIGHT 2
#define CLAIMS_RETRY_US  (100 * CLOCK_MS)
/* Targets known to this process; beyond it the broker keeps the hints. */
#define CLAIMS_TARGETS_MAX 65536

struct claims {
	struct senderd *sd;
	struct loop_task *task;
	struct cadence *cadence;
	struct loop_timer *retry;  /* after a failed claim */
	struct loop_timer *expire; /* of parked targets, and of the next probes */
	unsigned in_flight;
	bool is_held;
	bool is_full;    /* hints are paused for too many targets */
	bool is_backlog; /* an instance has another claim's worth: a full batch waits for no gap */
};

struct claim_slot {
	struct target *target;
	const struct route *route;
	unsigned granted;
	unsigned claimed;
	enum mq_class last_class;
};

struct claim_unit {
	struct claims *claims;
	struct claim_mem *mem;
	int64_t started_us;
	unsigned count;
	struct claim_slot slot[SEND_CLAIM_INSTANCES];
};

/* A target that waits for its route. */
struct claim_wait {
	struct claims *claims;
	struct target *target;
};

void
claim_mem_unref(struct claim_mem *m)
{
	if (--m->refs > 0)
		return;
	arena_free(m->arena);
	gh_free(m);
}

/* ---- filling a unit ---- */

static void
claims_routed(void *arg, enum gh_code code)
{
	struct claim_wait *w = arg;
	struct claims *c = w->claims;

	if (code == GH_ETEMP)
		targets_claim_failed(c->sd->targets, w->target, 0, true, clock_mono_us());
	else
		targets_want(c->sd->targets, w->target); /* found or not, the cache knows now */
	gh_free(w);
	claims_wake(c);
}

/* Put one picked target into the unit, or elsewhere when it cannot be claimed now. */
static void
claims_add(struct claims *c, struct claim_unit *unit, struct target *t)
{
	struct targets *targets = c->sd->targets;
	struct claim_slot *slot = &unit->slot[unit->count];
	struct claim_wait *w = gh_alloc(sizeof(*w));
	const struct route *route;
	enum gh_code rc;

	w->claims = c;
	w->target = t;
	rc = routes_get(c->sd->routes, target_instance(t), &route, claims_routed, w);
	if (rc == GH_EAGAIN) {
		targets_defer(targets, t);
		return;
	}
	gh_free(w);
	if (rc != GH_OK) {
		log_warn("send.no_instance", LOG_INT("instance", target_instance(t)));
		targets_drop(targets, t);
		return;
	}
	slot->granted = targets_grant(targets, t, route->provider_id, route->max_concurrency,
				      clock_mono_us());
	if (slot->granted == 0)
		return;
	slot->target = t;
	slot->route = route_dup(unit->mem->arena, route);
	unit->count++;
}

static struct claim_unit *
claims_fill(struct claims *c)
{
	struct claim_unit *unit = gh_alloc(sizeof(*unit));
	struct target *t;

	unit->claims = c;
	unit->started_us = clock_mono_us();
	unit->mem = gh_alloc(sizeof(*unit->mem));
	unit->mem->refs = 1;
	unit->mem->arena = arena_new(0);
	while (unit->count < SEND_CLAIM_INSTANCES) {
		t = targets_pick(c->sd->targets);
		if (t == NULL)
			break;
		claims_add(c, unit, t);
	}
	return unit;
}

static void
claim_unit_free(struct claim_unit *unit)
{
	claim_mem_unref(unit->mem);
	gh_free(unit);
}

/* ---- the unit's end ---- */

static void
claim_unit_failed(struct claim_unit *unit, bool is_parked)
{
	struct claims *c = unit->claims;
	int64_t now_us = clock_mono_us();

	metrics_add(c->sd->metrics, M_CLAIMS, CLAIMS_FAILED, 0, 1);
	for (unsigned i = 0; i < unit->count; i++)
		targets_claim_failed(c->sd->targets, unit->slot[i].target, unit->slot[i].granted,
				     is_parked, now_us);
	loop_timer_set(c->retry, CLAIMS_RETRY_US);
}

static struct claim_slot *
claim_unit_slot(struct claim_unit *unit, int32_t instance_id)
{
	for (unsigned i = 0; i < unit->count; i++)
		if (unit->slot[i].route->instance_id == instance_id)
			return &unit->slot[i];
	gh_panic("claim of an instance that was not asked for: %d", (int)instance_id);
}

static void
claim_unit_done(struct claim_unit *unit, const struct db_unit *u)
{
	struct senderd *sd = unit->claims->sd;
	int64_t now_us = clock_mono_us();
	struct send_claim *rows;
	unsigned count = send_claim_rows(u, unit->mem->arena, &rows);

	for (unsigned i = 0; i < count; i++) {
		struct claim_slot *slot = claim_unit_slot(unit, rows[i].instance_id);

		slot->claimed++;
		slot->last_class = rows[i].cls;
	}
	metrics_add(sd->metrics, M_CLAIMS, CLAIMS_OK, 0, 1);
	metrics_add(sd->metrics, M_CLAIMED, 0, 0, count);
	log_debug("send.claimed", LOG_INT("instances", unit->count), LOG_INT("rows", count),
		  LOG_INT("dur_us", now_us - unit->started_us));
	for (unsigned i = 0; i < unit->count; i++) {
		struct claim_slot *slot = &unit->slot[i];

		bool has_more = send_claim_has_more(u, slot->route->instance_id);

		if (has_more && slot->claimed == SEND_CLAIM_ROWS)
			unit->claims->is_backlog = true;
		/* The target may die in this call unless it has rows. */
		targets_claimed(sd->targets, slot->target, slot->granted, slot->claimed,
				slot->last_class, has_more, now_us);
	}
	for (unsigned i = 0; i < count; i++) {
		struct claim_slot *slot = claim_unit_slot(unit, rows[i].instance_id);

		calls_start(sd->calls, unit->mem, slot->target, slot->route, &rows[i]);
	}
}

static void
claims_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct claim_unit *unit = arg;
	struct claims *c = unit->claims;

	c->in_flight--;
	if (code == GH_OK) {
		cadence_took(c->cadence, clock_mono_us() - unit->started_us, CADENCE_SHARE);
		claim_unit_done(unit, u);
	} else {
		/*
		 * EUNKNOWN may have claimed: those rows are leased to nobody and become
		 * in_doubt, which resends them with their send_ref. Anything but a temporary
		 * failure would only repeat itself.
		 */
		bool is_parked = code != GH_ETEMP && code != GH_EUNKNOWN;

		log_warn("send.claim_failed", LOG_STR("code", gh_code_name(code)),
			 LOG_STR("err", db_unit_error(u)->text), LOG_INT("instances", unit->count));
		claim_unit_failed(unit, is_parked);
	}
	claim_unit_free(unit);
	claims_wake(c);
	senderd_check_drained(c->sd);
}

static enum gh_code
claims_submit(struct claims *c, struct claim_unit *unit)
{
	const struct conf_common *conf = &c->sd->conf->common;
	struct db_unit *u = db_unit_new();
	struct send_want wants[SEND_CLAIM_INSTANCES];

	for (unsigned i = 0; i < unit->count; i++) {
		wants[i].instance_id = unit->slot[i].route->instance_id;
		wants[i].rows = (int32_t)unit->slot[i].granted;
		wants[i].provider_id = unit->slot[i].route->provider_id;
	}
	send_claim_add(u, wants, unit->count,
		       conf->sending_deadline_us + conf->sending_lease_margin_us,
		       slice_of(daemon_worker(c->sd->daemon)));
	return db_submit(c->sd->write, u, claims_done, unit);
}

/* ---- the drain ---- */

static void
claims_limit_targets(struct claims *c)
{
	unsigned count = targets_count(c->sd->targets);

	if (!c->is_full && count > CLAIMS_TARGETS_MAX) {
		c->is_full = true;
		hints_pause(c->sd->hints, HINTS_PAUSE_FULL);
	} else if (c->is_full && count < CLAIMS_TARGETS_MAX / 2) {
		c->is_full = false;
		hints_resume(c->sd->hints, HINTS_PAUSE_FULL);
	}
}

static bool
claims_may_start(struct claims *c)
{
	unsigned wanted;

	if (c->is_held || loop_timer_is_set(c->retry) || c->in_flight == CLAIMS_IN_FLIGHT)
		return false;
	wanted = targets_state_count(c->sd->targets, TARGET_WANTED);
	return wanted >= SEND_CLAIM_INSTANCES ||
	       (wanted > 0 && (c->is_backlog || cadence_allows(c->cadence)));
}

static void
claims_run(void *arg)
{
	struct claims *c = arg;
	int64_t now_us = clock_mono_us();
	int64_t next_us = targets_expire(c->sd->targets, now_us);

	if (next_us != 0)
		loop_timer_set(c->expire, next_us - now_us);
	claims_limit_targets(c);
	while (claims_may_start(c)) {
		struct claim_unit *unit = claims_fill(c);
		enum gh_code rc;

		if (unit->count == 0) {
			claim_unit_free(unit);
			break;
		}
		c->is_backlog = false;
		cadence_started(c->cadence);
		rc = claims_submit(c, unit);
		if (rc != GH_OK) {
			claim_unit_failed(unit, false);
			claim_unit_free(unit);
			break;
		}
		c->in_flight++;
	}
}

static void
claims_timer(void *arg)
{
	claims_wake(arg);
}

void
claims_wake(struct claims *c)
{
	loop_task_mark(c->task);
}

void
claims_hold(struct claims *c)
{
	c->is_held = true;
}

void
claims_resume(struct claims *c)
{
	c->is_held = false;
	claims_wake(c);
}

bool
claims_is_idle(const struct claims *c)
{
	return c->in_flight == 0;
}

/* ---- life ---- */

struct claims *
claims_new(struct senderd *sd)
{
	struct claims *c = gh_alloc(sizeof(*c));

	c->sd = sd;
	c->is_held = true;
	c->task = loop_task_new(sd->loop, LOOP_PHASE_COMMIT, claims_run, c);
	c->cadence = cadence_new(sd->loop, CADENCE_GAP_US, c->task);
	c->retry = loop_timer_new(sd->loop, claims_timer, c);
	c->expire = loop_timer_new(sd->loop, claims_timer, c);
	return c;
}

void
claims_free(struct claims *c)
{
	if (c == NULL)
		return;
	loop_timer_free(c->expire);
	loop_timer_free(c->retry);
	cadence_free(c->cadence);
	loop_task_free(c->task);
	gh_free(c);
}
