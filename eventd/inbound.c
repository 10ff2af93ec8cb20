#include "inbound.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "codes.h"
#include "daemon/daemon.h"
#include "loop/cadence.h"
#include "loop/loop.h"
#include "model/inbound.h"
#include "model/instance_lock.h"
#include "model/route.h"
#include "model/send_queue.h"
#include "model/wake.h"
#include "people.h"
#include "offers.h"
#include "plan.h"
#include "targets.h"
#include "told.h"

#define ROUND_INSTANCES 16
#define ROUNDS_MAX      4
/* A round is three units one after the other, not one batch. */
#define ROUND_SHARE (CADENCE_SHARE / 3)

enum { RESOLVE_MESSAGES, RESOLVE_PEOPLE }; /* statements of the unit that looks things up */

struct inbound {
	struct daemon *daemon;
	struct db *db;
	struct deliveries *deliveries;
	struct metrics_table *table;
	struct targets *targets;
	struct codes *codes;
	struct wake *outbox_wake;
	struct loop_task *task;
	struct cadence *cadence;
	bool is_careful; /* the database refused a value: one body a round until it is found */
	unsigned round_count;
	bool is_draining;
	void (*idle)(void *arg);
	void *idle_arg;
};

struct round {
	struct inbound *in;
	struct arena *a;
	int64_t started_us; /* monotonic */
	struct target *targets[ROUND_INSTANCES];
	int32_t ids[ROUND_INSTANCES];
	unsigned count;
	struct inbound_body *bodies;
	unsigned body_count;
	struct plan *plan;
	struct offer *offer; /* of the applying unit; NULL: none */
	unsigned pending_at; /* index of the last statement of the applying unit */
};

const struct db_stmt_table *const inbound_tables[] = {
	&contact_alias_stmt_table,
	&inbound_stmt_table,
	&instance_lock_stmt_table,
	&route_stmt_table,
	&send_queue_stmt_table,
	&wake_stmt_table,
	NULL,
};

static void round_applied(void *arg, enum gh_code code, const struct db_unit *u);
static void round_post(struct round *r, enum gh_code code, const struct db_unit *u);

static void
round_free(struct round *r)
{
	struct inbound *in = r->in;

	arena_free(r->a);
	gh_free(r);
	in->round_count--;
	loop_task_mark(in->task);
	if (in->is_draining && in->round_count == 0)
		in->idle(in->idle_arg);
}

/* The database did not do it: the same instances again after a pause. */
static void
round_failed(struct round *r, const char *step, const struct db_error *e)
{
	log_warn("inbound.round_failed", LOG_STR("step", step),
		 LOG_STR("err", e == NULL ? "too much waits for the database" : e->text));
	for (unsigned i = 0; i < r->count; i++)
		targets_failed(r->targets[i]);
	round_free(r);
}

static void
round_submit(struct round *r, struct db_unit *u, db_done_fn *done, const char *step)
{
	if (db_submit(r->in->db, u, done, r) == GH_OK)
		return;
	round_post(r, GH_EBUSY, NULL);
	round_failed(r, step, NULL);
}

/*
 * The database refused a value. With several bodies, look at one at a time from
 * now on; with one, that body is the culprit: keep it, marked, so that the others
 * go on. True when the round continues.
 */
static bool
round_isolate(struct round *r, const struct db_error *e)
{
	struct inbound_settled bad = {.verdict = INBOUND_BAD, .error = slice_of(e->text)};
	struct db_unit *u;

	if (e->cls != DB_ERR_DATA && e->cls != DB_ERR_BUG)
		return false;
	if (r->body_count > 1 || r->plan == NULL) {
		r->in->is_careful = true;
		return false;
	}
	log_error("inbound.unstorable", LOG_INT("instance", r->ids[0]), LOG_STR("err", e->text));
	bad.body_id = r->bodies[0].id;
	bad.error = arena_dup(r->a, bad.error);
	r->plan = NULL;
	u = db_unit_new();
	inbound_begin_add(u, r->ids, r->count);
	inbound_settle_add(u, &bad, 1);
	inbound_pending_add(u, r->ids, r->count);
	r->pending_at = db_unit_count(u) - 1;
	r->in->is_careful = false;
	round_submit(r, u, round_applied, "isolate");
	return true;
}

/* The deliveries that the unit took, if it was committed. */
static void
round_post(struct round *r, enum gh_code code, const struct db_unit *u)
{
	struct offer *offer = r->offer;
	struct delivery_claim *taken = NULL;
	unsigned count = 0;

	if (offer == NULL)
		return;
	if (code == GH_OK)
		count = told_taken(plan_told(r->plan), u, &taken);
	r->offer = NULL;
	offer_end(offer, taken, count);
}

static void
round_applied(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct round *r = arg;

	round_post(r, code, u);
	if (code != GH_OK) {
		if (!round_isolate(r, db_unit_error(u)))
			round_failed(r, "apply", db_unit_error(u));
		return;
	}
	wake_send(r->in->outbox_wake);
	cadence_took(r->in->cadence, clock_mono_us() - r->started_us, ROUND_SHARE);
	for (unsigned i = 0; i < r->count; i++)
		targets_done(r->targets[i], inbound_pending_has(u, r->pending_at, r->ids[i]));
	round_free(r);
}

static void
round_apply(struct round *r)
{
	struct db_unit *u = db_unit_new();
	const struct delivery_claim *told;
	unsigned told_count = told_rows(plan_told(r->plan), &told);

	r->offer = offer_new(r->in->deliveries, r->a, told, told_count);
	inbound_begin_add(u, r->ids, r->count);
	plan_add(r->plan, u, offer_take(r->offer));
	inbound_pending_add(u, r->ids, r->count);
	r->pending_at = db_unit_count(u) - 1;
	round_submit(r, u, round_applied, "apply");
}

static void
round_resolved(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct round *r = arg;
	struct inbound_match *matches;
	struct contact_alias *aliases;
	unsigned count;

	if (code != GH_OK) {
		round_failed(r, "resolve", db_unit_error(u));
		return;
	}
	if (db_unit_count(u) > RESOLVE_PEOPLE) {
		count = contact_alias_rows(u, RESOLVE_PEOPLE, r->a, &aliases);
		people_set_known(plan_people(r->plan), aliases, count);
	}
	count = inbound_resolve_rows(u, RESOLVE_MESSAGES, r->a, &matches);
	plan_resolve(r->plan, matches, count);
	round_apply(r);
}

static void
round_resolve(struct round *r)
{
	const struct inbound_key *keys;
	const struct contact_alias *people;
	unsigned count = plan_keys(r->plan, &keys);
	unsigned people_count = people_keys(plan_people(r->plan), &people);
	struct db_unit *u;

	if (count + people_count == 0) {
		plan_resolve(r->plan, NULL, 0);
		round_apply(r);
		return;
	}
	u = db_unit_new();
	inbound_resolve_add(u, keys, count);
	if (people_count > 0)
		contact_alias_find_add(u, people, people_count);
	round_submit(r, u, round_resolved, "resolve");
}

static void
round_taken(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct round *r = arg;

	if (code != GH_OK) {
		round_failed(r, "take", db_unit_error(u));
		return;
	}
	r->body_count = inbound_take_rows(u, 0, r->a, &r->bodies);
	if (r->body_count == 0) {
		for (unsigned i = 0; i < r->count; i++)
			targets_done(r->targets[i], false);
		round_free(r);
		return;
	}
	r->plan = plan_new(r->a, r->bodies, r->body_count, slice_of(daemon_worker(r->in->daemon)),
			   r->in->codes, r->in->table);
	round_resolve(r);
}

static void
round_fill(struct round *r, unsigned instances_max)
{
	while (r->count < instances_max) {
		struct target *k = targets_next(r->in->targets);

		if (k == NULL)
			return;
		r->targets[r->count] = k;
		r->ids[r->count++] = target_id(k);
	}
}

static void
round_start(struct inbound *in)
{
	struct round *r = gh_alloc(sizeof(*r));
	struct db_unit *u;

	r->in = in;
	r->a = arena_new(65536);
	r->started_us = clock_mono_us();
	in->round_count++;
	round_fill(r, in->is_careful ? 1 : ROUND_INSTANCES);
	u = db_unit_new();
	inbound_take_add(u, r->ids, r->count, in->is_careful ? 1 : INBOUND_TAKE_MAX);
	round_submit(r, u, round_taken, "take");
}

static bool
inbound_may_start(const struct inbound *in)
{
	unsigned waiting = targets_waiting_count(in->targets);

	if (in->is_draining || in->round_count == ROUNDS_MAX || !db_is_up(in->db) || waiting == 0)
		return false;
	return waiting >= ROUND_INSTANCES || cadence_allows(in->cadence);
}

/* The one place that decides what happens next. */
static void
inbound_step(void *arg)
{
	struct inbound *in = arg;

	while (inbound_may_start(in)) {
		cadence_started(in->cadence);
		round_start(in);
	}
}

void
inbound_kick(struct inbound *in)
{
	loop_task_mark(in->task);
}

static void
inbound_wanted(void *arg)
{
	inbound_kick(arg);
}

struct inbound *
inbound_new(struct daemon *d, struct db *db, struct deliveries *deliveries,
	    struct metrics_table *table)
{
	struct inbound *in = gh_alloc(sizeof(*in));

	in->daemon = d;
	in->db = db;
	in->deliveries = deliveries;
	in->table = table;
	in->task = loop_task_new(daemon_loop(d), LOOP_PHASE_COMMIT, inbound_step, in);
	in->cadence = cadence_new(daemon_loop(d), CADENCE_GAP_US, in->task);
	in->targets = targets_new(daemon_loop(d), inbound_wanted, in);
	in->codes = codes_new(d, db);
	in->outbox_wake = wake_new(daemon_loop(d), db, WAKE_OUTBOX);
	return in;
}

void
inbound_free(struct inbound *in)
{
	if (in == NULL)
		return;
	targets_free(in->targets);
	codes_free(in->codes);
	wake_free(in->outbox_wake);
	cadence_free(in->cadence);
	loop_task_free(in->task);
	gh_free(in);
}

void
inbound_hint(struct inbound *in, const struct mq_envelope *e, struct hint *h)
{
	targets_hint(in->targets, e, h);
}

void
inbound_drain(struct inbound *in, void (*idle)(void *arg), void *arg)
{
	in->is_draining = true;
	in->idle = idle;
	in->idle_arg = arg;
	if (in->round_count == 0)
		idle(arg);
}
