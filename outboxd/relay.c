/* relay.c - when the two claims run: at NOTIFY, at the earliest due row, at the poll. */
#include "base/clock.h"
#include "base/log.h"
#include "loop/cadence.h"
#include "loop/loop.h"
#include "model/wake.h"
#include "outboxd.h"

static struct claim *
relay_idle_claim(const struct outboxd *o)
{
	for (unsigned i = 0; i < RELAY_CLAIMS; i++) {
		if (claim_is_idle(o->claims[i]) && db_is_up(o->claim_db[i]))
			return o->claims[i];
	}
	return NULL;
}

/* One wake starts one claim; a claim that came back full wakes the other. */
static void
relay_step(void *arg)
{
	struct outboxd *o = arg;
	struct claim *c;

	if (o->is_draining || !db_is_up(o->db) || !mq_publisher_is_ready(o->publisher))
		return;
	if (!o->is_woken || (!o->is_behind && !cadence_allows(o->cadence)))
		return;
	c = relay_idle_claim(o);
	if (c == NULL)
		return;
	o->is_woken = false;
	o->is_behind = false;
	cadence_started(o->cadence);
	claim_start(c);
}

void
relay_pump(struct outboxd *o)
{
	loop_task_mark(o->task);
}

void
relay_kick(struct outboxd *o)
{
	o->is_woken = true;
	relay_pump(o);
}

void
relay_hurry(struct outboxd *o)
{
	o->is_behind = true;
	relay_kick(o);
}

static bool
relay_is_idle(const struct outboxd *o)
{
	for (unsigned i = 0; i < RELAY_CLAIMS; i++) {
		if (!claim_is_idle(o->claims[i]))
			return false;
	}
	return true;
}

void
relay_claim_ended(struct outboxd *o, int64_t next_us)
{
	if (o->is_draining) {
		if (relay_is_idle(o))
			daemon_drained(o->daemon);
		return;
	}
	if (next_us == 0) {
		relay_kick(o);
		return;
	}
	if (next_us < 0 || next_us > o->conf->poll_interval_us)
		next_us = o->conf->poll_interval_us;
	loop_timer_set(o->timer, next_us);
	relay_pump(o); /* a wake may have come while every claim was busy */
}

static void
relay_timer(void *arg)
{
	struct outboxd *o = arg;

	loop_timer_set(o->timer, o->conf->poll_interval_us);
	relay_kick(o);
}

static void
relay_notified(void *arg, struct slice payload GH_UNUSED)
{
	relay_kick(arg);
}

void
relay_start(struct outboxd *o)
{
	o->task = loop_task_new(o->loop, LOOP_PHASE_COMMIT, relay_step, o);
	o->cadence = cadence_new(o->loop, CADENCE_GAP_US, o->task);
	o->timer = loop_timer_new(o->loop, relay_timer, o);
	loop_timer_set(o->timer, o->conf->poll_interval_us);
	for (unsigned i = 0; i < RELAY_CLAIMS; i++)
		o->claims[i] = claim_new(o, o->claim_db[i]);
	db_listen(o->db, WAKE_OUTBOX, relay_notified, o);
}

static void
relay_rehinted(void *arg, enum gh_code code, const struct db_unit *u)
{
	if (code != GH_OK)
		log_warn("outbox.rehint_failed", LOG_STR("err", db_unit_error(u)->text));
	relay_kick(arg);
}

void
relay_broker_back(struct outboxd *o)
{
	struct db_unit *u = db_unit_new();

	outbox_rehint_all_add(u);
	if (db_submit(o->db, u, relay_rehinted, o) != GH_OK)
		log_warn("outbox.rehint_failed", LOG_STR("err", "the database is busy"));
}

void
relay_drain(struct outboxd *o)
{
	o->is_draining = true;
	if (relay_is_idle(o))
		daemon_drained(o->daemon);
}

void
relay_stop(struct outboxd *o)
{
	for (unsigned i = 0; i < RELAY_CLAIMS; i++)
		claim_free(o->claims[i]);
	loop_timer_free(o->timer);
	cadence_free(o->cadence);
	loop_task_free(o->task);
}
