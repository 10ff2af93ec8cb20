/* leases.c - what nobody will finish any more: sends whose call's lease ran out become in_doubt (or
 * sent, where a receipt proves it), sends past their end fail as expired, waiting sends of a
 * deleted instance or company are cancelled, doubts that would keep an instance from moving are
 * held, deliveries whose lease ran out are due again.
 *
 * Each change is conditional on the attempt it was read with, so a result that a slow senderd
 * stores meanwhile wins. One row the server refuses does not keep its neighbours (db/batch.h).
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "db/batch.h"
#include "db/db.h"
#include "healthd.h"
#include "metrics/metrics.h"
#include "model/delivery.h"
#include "model/facts.h"
#include "model/route.h"
#include "model/send_queue.h"
#include "model/wake.h"
#include "provider/provider.h"
#include "step.h"
#include "tasks.h"

#define SLICE_ROWS DB_BATCH_MAX

enum leases_step { STEP_LAPSED, STEP_UNDRAINED, STEP_OVERDUE, STEP_OWNERLESS, STEP_DELIVERIES };

struct lease_row {
	struct db_batch_row row;
	struct send_result result;
	unsigned recovered; /* RECOVERED_* */
	int32_t company_id;
};

struct leases {
	struct healthd *h;
	struct db_batch *batch;
	struct task *task;
	enum leases_step step;
	struct arena *mem;         /* of the slice */
	struct send_claim *claims; /* count of them, as read */
	struct lease_row *rows;
	unsigned count;
	unsigned open;    /* rows without an outcome */
	unsigned applied; /* rows that changed */
	bool has_failed;
	bool has_hints;  /* outbox rows were written */
	bool is_closing; /* the database connection is gone: start nothing */
};

static void leases_next(struct leases *l);

/* ---- end of a slice ---- */

static void
leases_end(struct leases *l, bool is_ok)
{
	if (l->has_hints)
		wake_send(l->h->wake);
	task_done(l->task, is_ok && !l->has_failed);
}

static void
slice_ended(struct leases *l)
{
	/* A full slice of which nothing could be changed would be read again for ever. */
	if (l->count < SLICE_ROWS || l->applied == 0)
		l->step++;
	leases_next(l);
}

static void
row_ended(struct leases *l)
{
	if (--l->open == 0 && !l->is_closing)
		slice_ended(l);
}

/* ---- storing ---- */

static struct lease_row *
lease_row_of(struct db_batch_row *row)
{
	return LIST_ENTRY(row, struct lease_row, row);
}

static void
leases_build(void *arg, struct db_unit *u, struct db_batch_row *const *rows, unsigned n)
{
	const struct leases *l = arg;
	const struct send_result **list =
		arena_alloc_array(db_unit_arena(u), n, sizeof(struct send_result *));

	for (unsigned i = 0; i < n; i++)
		list[i] = &lease_row_of(rows[i])->result;
	send_finish_add(u, list, n, slice_of(daemon_worker(l->h->daemon)));
}

static void
lease_row_log(const struct lease_row *row)
{
	static const char *const events[] = {
		[RECOVERED_IN_DOUBT] = "send.in_doubt", [RECOVERED_SENT] = "send.sent",
		[RECOVERED_EXPIRED] = "send.expired",   [RECOVERED_CANCELLED] = "send.cancelled",
		[RECOVERED_HELD] = "send.held",
	};
	char id[UUID_TEXT_SIZE];

	log_warn(events[row->recovered], LOG_INT("company", row->company_id),
		 LOG_INT("instance", row->result.instance_id),
		 LOG_STR("msg", uuid_text(row->result.id, id)),
		 LOG_INT("attempt", row->result.attempt));
}

static void
leases_settle(void *arg, struct db_batch_row *const *rows, unsigned n, const struct db_unit *u)
{
	struct leases *l = arg;

	for (unsigned i = 0; i < n; i++) {
		const struct lease_row *row = lease_row_of(rows[i]);

		if (send_finish_applied(u, row->result.id)) {
			l->applied++;
			l->has_hints = true;
			metrics_add(l->h->metrics, M_RECOVERED, row->recovered, 0, 1);
			lease_row_log(row);
		}
		row_ended(l);
	}
}

static void
leases_fail(void *arg, struct db_batch_row *row, enum gh_code code, const struct db_error *err)
{
	struct leases *l = arg;
	char id[UUID_TEXT_SIZE];

	l->has_failed = true;
	log_error("lease.unstored", LOG_STR("msg", uuid_text(lease_row_of(row)->result.id, id)),
		  LOG_STR("code", gh_code_name(code)), LOG_STR("err", err->text));
	row_ended(l);
}

/* ---- deciding ---- */

/* What the message is called at its provider, as far as that follows from what we sent. */
static struct slice
id_of(const struct send_claim *c, const struct route_row *route)
{
	const struct provider *p = route != NULL ? provider_find(route->provider_type) : NULL;

	return p != NULL && p->ref_is_id ? c->send_ref : SLICE_NONE;
}

static void
decide_lapsed(const struct leases *l, const struct send_claim *c, const struct route_row *route,
	      struct lease_row *row)
{
	struct send_result *r = &row->result;

	if (c->is_settled) {
		row->recovered = RECOVERED_SENT;
		r->outcome = SEND_DONE_SENT;
		r->external_id = id_of(c, route);
		r->event_type = EVENT_MESSAGE_SENT;
		return;
	}
	row->recovered = RECOVERED_IN_DOUBT;
	r->outcome = SEND_DOUBT;
	r->delay_us = l->h->conf->common.sending_in_doubt_wait_us;
	r->code = S("lease_ran_out");
	r->text = S("the sender ended before the call's result was stored");
	r->event_type = EVENT_MESSAGE_IN_DOUBT;
}

/* Its provider did not settle it in time, and another one would send it twice. */
static void
decide_undrained(struct lease_row *row)
{
	struct send_result *r = &row->result;

	row->recovered = RECOVERED_HELD;
	r->outcome = SEND_HOLD;
	r->code = S("held");
	r->text = S("not known whether it was sent before the instance moved; not sent again");
	r->event_type = EVENT_MESSAGE_IN_DOUBT;
	r->is_uncounted = true;
}

static void
decide_overdue(const struct send_claim *c, struct lease_row *row)
{
	struct send_result *r = &row->result;

	row->recovered = RECOVERED_EXPIRED;
	r->outcome = SEND_DONE_EXPIRED;
	r->code = c->is_in_doubt ? S("in_doubt_expired") : S("expired");
	r->text = c->is_in_doubt ? S("not known whether it was sent, until expires_at")
				 : S("not sent before expires_at");
	r->event_type = c->is_in_doubt ? EVENT_MESSAGE_FAILED : EVENT_MESSAGE_EXPIRED;
}

static void
decide_ownerless(struct lease_row *row)
{
	struct send_result *r = &row->result;

	row->recovered = RECOVERED_CANCELLED;
	r->outcome = SEND_DONE_CANCELLED;
	r->code = S("owner_deleted");
	r->text = S("its instance or company was deleted before it was sent");
	r->event_type = EVENT_MESSAGE_CANCELLED;
}

static enum msg_status
status_of(unsigned recovered)
{
	static const enum msg_status statuses[] = {
		[RECOVERED_IN_DOUBT] = MSG_IN_DOUBT, [RECOVERED_SENT] = MSG_SENT,
		[RECOVERED_EXPIRED] = MSG_FAILED,    [RECOVERED_CANCELLED] = MSG_CANCELLED,
		[RECOVERED_HELD] = MSG_IN_DOUBT,
	};

	return statuses[recovered];
}

/* route: NULL when the instance is deleted. */
static void
lease_row_facts(struct leases *l, const struct send_claim *c, const struct route_row *route,
		struct lease_row *row)
{
	struct send_result *r = &row->result;
	struct facts_message facts = {
		.id = r->id,
		.external_id = r->external_id,
		.reference = c->reference,
		.to = c->chat_key,
		.status = status_of(row->recovered),
		.ack = FACTS_ACK_NONE,
		.error_code = r->code,
		.error_message = r->text,
		.attempt = r->attempt,
	};

	if (route != NULL) {
		facts.from = route->phone;
		facts.instance_name = route->instance_name;
		facts.session = route->session;
	}
	r->event_id = uuid7_new();
	r->facts = facts_message(l->mem, &facts);
}

static void
lease_row_decide(struct leases *l, unsigned i, const struct route_row *route)
{
	const struct send_claim *c = &l->claims[i];
	struct lease_row *row = &l->rows[i];

	row->company_id = c->company_id;
	row->result.id = c->id;
	row->result.instance_id = c->instance_id;
	row->result.attempt = c->attempt;
	row->result.at_us = clock_wall_us();
	if (l->step == STEP_LAPSED)
		decide_lapsed(l, c, route, row);
	else if (l->step == STEP_UNDRAINED)
		decide_undrained(row);
	else if (l->step == STEP_OVERDUE)
		decide_overdue(c, row);
	else
		decide_ownerless(row);
	lease_row_facts(l, c, route, row);
}

static void
leases_routed(void *arg, struct task *t GH_UNUSED, const struct db_unit *u)
{
	struct leases *l = arg;
	unsigned count = route_count(u, 0);
	struct route_row *routes = arena_alloc_array(l->mem, count, sizeof(*routes));

	for (unsigned k = 0; k < count; k++)
		route_read(u, 0, k, &routes[k]);
	l->rows = arena_alloc_array(l->mem, l->count, sizeof(*l->rows));
	l->open = l->count;
	l->applied = 0;
	for (unsigned i = 0; i < l->count; i++) {
		const struct route_row *route = NULL;

		for (unsigned k = 0; k < count && route == NULL; k++)
			if (routes[k].instance_id == l->claims[i].instance_id)
				route = &routes[k];
		lease_row_decide(l, i, route);
	}
	for (unsigned i = 0; i < l->count; i++)
		if (db_batch_add(l->batch, &l->rows[i].row) != GH_OK) {
			/* The queue holds a slice: only a long queue by time is refused. */
			l->has_failed = true;
			l->open--;
		}
	if (l->open == 0)
		leases_end(l, false);
}

/* ---- reading ---- */

static void
leases_read(void *arg, struct task *t, const struct db_unit *u)
{
	struct leases *l = arg;
	struct db_unit *next;
	int32_t ids[SLICE_ROWS];

	arena_reset(l->mem);
	l->count = send_upkeep_rows(u, l->mem, &l->claims);
	if (l->count == 0) {
		l->step++;
		leases_next(l);
		return;
	}
	for (unsigned i = 0; i < l->count; i++)
		ids[i] = l->claims[i].instance_id;
	next = db_unit_new();
	route_list_add(next, ids, l->count);
	step_submit(l->h, t, next, leases_routed, l);
}

static void
deliveries_done(void *arg, struct task *t GH_UNUSED, const struct db_unit *u)
{
	struct leases *l = arg;
	int64_t count = delivery_lapse_count(u, 0);

	if (count > 0) {
		l->has_hints = true;
		metrics_add(l->h->metrics, M_RECOVERED, RECOVERED_DELIVERY, 0, (uint64_t)count);
		log_warn("delivery.lapsed", LOG_INT("rows", count));
	}
	if (count < SLICE_ROWS || task_should_end(l->task))
		leases_end(l, true);
	else
		leases_next(l);
}

static void
leases_next(struct leases *l)
{
	struct db_unit *u;

	if (task_should_end(l->task)) {
		leases_end(l, true);
		return;
	}
	u = db_unit_new();
	switch (l->step) {
	case STEP_LAPSED:
		send_lapsed_add(u, SLICE_ROWS);
		break;
	case STEP_UNDRAINED:
		send_undrained_add(u, SLICE_ROWS);
		break;
	case STEP_OVERDUE:
		send_overdue_add(u, SLICE_ROWS);
		break;
	case STEP_OWNERLESS:
		send_ownerless_add(u, SLICE_ROWS);
		break;
	case STEP_DELIVERIES:
		delivery_lapse_add(u, SLICE_ROWS);
		break;
	}
	step_submit(l->h, l->task, u, l->step == STEP_DELIVERIES ? deliveries_done : leases_read,
		    l);
}

void
leases_run(void *arg, struct task *t)
{
	struct leases *l = arg;

	l->task = t;
	l->step = STEP_LAPSED;
	l->has_failed = false;
	l->has_hints = false;
	leases_next(l);
}

/* ---- life ---- */

struct leases *
leases_new(struct healthd *h)
{
	struct leases *l = gh_alloc(sizeof(*l));
	const struct db_batch_def def = {
		.name = "leases",
		.build = leases_build,
		.settle = leases_settle,
		.fail = leases_fail,
		.arg = l,
	};

	l->h = h;
	l->mem = arena_new(0);
	l->batch = db_batch_new(h->loop, h->db, &def);
	return l;
}

void
leases_free(struct leases *l)
{
	if (l == NULL)
		return;
	l->is_closing = true;
	db_batch_free(l->batch);
	arena_free(l->mem);
	gh_free(l);
}
