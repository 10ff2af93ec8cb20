/* claim.c - one claim: rows leave the outbox in a transaction that is committed
 * only when the broker has confirmed them.
 *
 *   IDLE -> CLAIMING -> PUBLISHING -> SETTLING -> IDLE
 *                                             \-> LINGERING -> IDLE
 *
 * LINGERING: the deadline passed and the transaction is closed, but the broker
 * still owes answers for envelopes of this claim; until they come, or the channel
 * goes down, this claim publishes nothing more.
 *
 * A crash in CLAIMING or PUBLISHING rolls the delete back: the rows are hinted a
 * second time, which is harmless. SETTLING writes unconfirmed rows back in the
 * deleting transaction, so at no instant is a row gone without a confirm.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/uuid.h"
#include "loop/cadence.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "model/async_commit.h"
#include "mq/topology.h"
#include "outboxd.h"

#define CLAIM_RETRY_LOST_US (200 * CLOCK_MS) /* channel gone: the next connection is near */
#define CLAIM_RETRY_REFUSED_US                                                                     \
	(5 * CLOCK_SEC) /* nacked or unroutable: 1-30 s of DESIGN section 5 */
#define CLAIM_RETRY_LOCKED_US (100 * CLOCK_MS) /* all due rows are in another relay's hands */

enum claim_state { CLAIM_IDLE, CLAIM_CLAIMING, CLAIM_PUBLISHING, CLAIM_SETTLING, CLAIM_LINGERING };

/* Statements of the claiming unit, in order. */
enum { AT_BEGIN, AT_ASYNC, AT_CLAIM, AT_NEXT };

struct claim {
	struct outboxd *o;
	struct db *db;
	enum claim_state state;
	uint64_t epoch; /* connection that holds the transaction */
	struct arena *a;
	struct envelope *envelopes;
	unsigned envelope_count;
	struct list pending; /* envelopes in that state, in the order to publish them */
	unsigned open_count; /* envelopes PENDING or SENT */
	unsigned owed_count; /* publishes without an answer from the broker */
	int64_t next_us;
	int64_t started_us; /* monotonic */
	struct loop_timer *deadline;
};

static void
claim_end(struct claim *c, int64_t next_us)
{
	c->next_us = next_us;
	if (c->owed_count > 0) {
		c->state = CLAIM_LINGERING;
		return;
	}
	c->state = CLAIM_IDLE;
	c->envelope_count = 0;
	list_init(&c->pending);
	relay_claim_ended(c->o, next_us);
}

static void
claim_rolled_back(void *arg, enum gh_code code GH_UNUSED, const struct db_unit *u GH_UNUSED)
{
	struct claim *c = arg;

	claim_end(c, c->next_us);
}

/* The transaction is of no use any more; look again after next_us. */
static void
claim_roll_back(struct claim *c, int64_t next_us)
{
	struct db_unit *u = db_unit_new();

	c->state = CLAIM_SETTLING;
	c->next_us = next_us;
	db_unit_add(u, &db_stmt_rollback);
	db_unit_bind(u, c->epoch);
	if (db_submit(c->db, u, claim_rolled_back, c) != GH_OK)
		claim_end(c, CLAIM_RETRY_LOST_US);
}

static void
claim_committed(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct claim *c = arg;

	if (code != GH_OK) {
		log_warn("outbox.settle_failed", LOG_STR("err", db_unit_error(u)->text));
		claim_end(c, CLAIM_RETRY_LOST_US);
		return;
	}
	cadence_took(c->o->cadence, clock_mono_us() - c->started_us, CADENCE_SHARE);
	claim_end(c, c->next_us);
}

/* Rows of failed envelopes, apart by how soon they may be tried again. */
static unsigned
claim_failed_rows(const struct claim *c, bool was_refused, const struct outbox_row **rows)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->envelope_count; i++) {
		const struct envelope *e = &c->envelopes[i];

		if (e->state == ENVELOPE_CONFIRMED || (e->outcome == MQ_LOST) == was_refused)
			continue;
		for (unsigned k = 0; k < e->row_count; k++)
			rows[n++] = e->rows[k];
	}
	return n;
}

static void
claim_return_rows(struct claim *c, struct db_unit *u, bool was_refused, int64_t delay_us)
{
	const struct outbox_row **rows =
		arena_alloc_array(c->a, OUTBOX_CLAIM_MAX, sizeof(const struct outbox_row *));
	unsigned n = claim_failed_rows(c, was_refused, rows);

	if (n == 0)
		return;
	outbox_return_add(u, rows, n, random_jitter(delay_us, 20));
	metrics_add(c->o->metrics, OUTBOXD_PUBLISHED, 1, 0, n);
	if (c->next_us < 0 || c->next_us > delay_us)
		c->next_us = delay_us;
}

static void
claim_count_confirmed(struct claim *c)
{
	uint64_t rows = 0;

	for (unsigned i = 0; i < c->envelope_count; i++) {
		if (c->envelopes[i].state == ENVELOPE_CONFIRMED)
			rows += c->envelopes[i].row_count;
	}
	metrics_add(c->o->metrics, OUTBOXD_PUBLISHED, 0, 0, rows);
}

static void
claim_settle(struct claim *c)
{
	struct db_unit *u = db_unit_new();

	c->state = CLAIM_SETTLING;
	loop_timer_cancel(c->deadline);
	claim_count_confirmed(c);
	claim_return_rows(c, u, false, CLAIM_RETRY_LOST_US);
	claim_return_rows(c, u, true, CLAIM_RETRY_REFUSED_US);
	db_unit_add(u, &db_stmt_commit);
	db_unit_bind(u, c->epoch);
	if (db_submit(c->db, u, claim_committed, c) != GH_OK)
		claim_end(c, CLAIM_RETRY_LOST_US);
}

static enum gh_code
claim_publish(struct claim *c, struct envelope *e)
{
	char key[MQ_NAME_SIZE];
	char id[UUID_TEXT_SIZE];
	struct buf body;
	struct mq_message m = {
		.exchange = slice_of(mq_exchange_name(e->body.kind)),
		.routing_key = slice_of(
			mq_routing_key(e->body.kind, e->body.class, e->body.company_id, key)),
		.message_id = slice_of(uuid_text(uuid7_new(), id)),
		.content_type = S("application/json"),
		.type = slice_of(mq_kind_name(e->body.kind)),
		.traceparent = e->traceparent,
		.is_mandatory = true,
	};

	buf_init(&body, c->a, MQ_ENVELOPE_MAX);
	mq_envelope_write(&e->body, &body);
	m.body = buf_slice(&body);
	return mq_publish(c->o->publisher, &m, e, NULL);
}

static void
envelope_fail(struct envelope *e, enum mq_outcome outcome)
{
	if (e->state == ENVELOPE_PENDING)
		list_del(&e->node);
	e->state = ENVELOPE_FAILED;
	e->outcome = outcome;
	e->claim->open_count--;
}

/* False: the broker takes nothing now, of no company; on_ready of the publisher follows. */
static bool
envelope_try(struct claim *c, struct envelope *e)
{
	enum gh_code rc;

	if (!companies_are_declared(c->o->companies, (int32_t)e->body.company_id))
		return true;
	rc = claim_publish(c, e);
	if (rc == GH_EBUSY || rc == GH_EAGAIN)
		return false;
	if (rc == GH_OK) {
		list_del(&e->node);
		e->state = ENVELOPE_SENT;
		c->owed_count++;
		metrics_add(c->o->metrics, OUTBOXD_ENVELOPES, 0, 0, 1);
	} else {
		envelope_fail(e, MQ_NACKED);
	}
	return true;
}

void
claim_drain(struct claim *c)
{
	if (c->state != CLAIM_PUBLISHING)
		return;
	if (!list_is_empty(&c->pending) && mq_publisher_ask(c->o->publisher)) {
		LIST_FOREACH_SAFE(it, &c->pending)
		{
			if (!envelope_try(c, LIST_ENTRY(it, struct envelope, node)) ||
			    !mq_publisher_ask(c->o->publisher))
				break;
		}
	}
	if (c->open_count == 0)
		claim_settle(c);
}

static void
envelope_settle(struct envelope *e, enum mq_outcome outcome)
{
	switch (outcome) {
	case MQ_CONFIRMED:
		e->state = ENVELOPE_CONFIRMED;
		e->claim->open_count--;
		break;
	case MQ_RETURNED:
		log_warn("outbox.unroutable", LOG_INT("company", e->body.company_id),
			 LOG_STR("kind", mq_kind_name(e->body.kind)));
		companies_forget(e->claim->o->companies, (int32_t)e->body.company_id);
		e->state = ENVELOPE_PENDING;
		list_add_tail(&e->claim->pending, &e->node);
		break;
	case MQ_NACKED:
	case MQ_LOST:
		envelope_fail(e, outcome);
		break;
	}
}

void
claim_settled(void *token, enum mq_outcome outcome)
{
	struct envelope *e = token;
	struct claim *c = e->claim;

	c->owed_count--;
	if (e->state == ENVELOPE_SENT)
		envelope_settle(e, outcome); /* else the deadline gave it up already */
	if (c->state == CLAIM_LINGERING && c->owed_count == 0)
		claim_end(c, c->next_us);
	else if (c->open_count == 0)
		claim_drain(c); /* for what waits for room the publisher calls, once */
	relay_pump(c->o);
}

/*
 * The broker is slow or silent: close the transaction. What was confirmed is
 * deleted, everything else goes back, also what may yet be confirmed: a second
 * hint is harmless, a lock held for ever is not.
 */
static void
claim_deadline(void *arg)
{
	struct claim *c = arg;

	log_warn("outbox.confirm_late", LOG_INT("unconfirmed", c->owed_count));
	for (unsigned i = 0; i < c->envelope_count; i++) {
		struct envelope *e = &c->envelopes[i];

		if (e->state == ENVELOPE_PENDING || e->state == ENVELOPE_SENT)
			envelope_fail(e, MQ_LOST);
	}
	claim_drain(c);
}

static void
claim_claimed(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct claim *c = arg;
	struct outbox_row *rows;
	unsigned count;

	if (code != GH_OK) {
		log_warn("outbox.claim_failed", LOG_STR("err", db_unit_error(u)->text));
		claim_roll_back(c, CLAIM_RETRY_LOST_US);
		return;
	}
	c->epoch = db_epoch(c->db);
	count = outbox_claim_rows(u, AT_CLAIM, c->a, &rows);
	c->next_us = outbox_next_us(u, AT_NEXT);
	metrics_add(c->o->metrics, OUTBOXD_CLAIMS, 0, 0, 1);
	metrics_observe(c->o->metrics, OUTBOXD_CLAIM_ROWS, 0, 0, count);
	if (count == 0) {
		claim_roll_back(c, c->next_us == 0 ? CLAIM_RETRY_LOCKED_US : c->next_us);
		return;
	}
	c->envelope_count = envelopes_make(c->a, c, rows, count, &c->envelopes);
	c->open_count = c->envelope_count;
	for (unsigned i = 0; i < c->envelope_count; i++)
		list_add_tail(&c->pending, &c->envelopes[i].node);
	c->state = CLAIM_PUBLISHING;
	loop_timer_set(c->deadline, c->o->conf->confirm_deadline_us);
	claim_drain(c);
	/* Full: more is due, and the other claim can fetch it while this one publishes. */
	if (count == (unsigned)c->o->conf->claim_max)
		relay_hurry(c->o);
}

void
claim_start(struct claim *c)
{
	struct db_unit *u = db_unit_new();

	arena_reset(c->a);
	c->state = CLAIM_CLAIMING;
	c->started_us = clock_mono_us();
	db_unit_add(u, &db_stmt_begin);
	async_commit_add(u); /* lost in a crash: hinted again */
	outbox_claim_add(u, (unsigned)c->o->conf->claim_max);
	outbox_next_add(u);
	c->epoch = db_epoch(c->db);
	if (db_submit(c->db, u, claim_claimed, c) != GH_OK)
		claim_end(c, CLAIM_RETRY_LOST_US);
}

bool
claim_is_idle(const struct claim *c)
{
	return c->state == CLAIM_IDLE;
}

struct claim *
claim_new(struct outboxd *o, struct db *db)
{
	struct claim *c = gh_alloc(sizeof(*c));

	c->o = o;
	c->db = db;
	c->a = arena_new(65536);
	list_init(&c->pending);
	c->deadline = loop_timer_new(o->loop, claim_deadline, c);
	return c;
}

void
claim_free(struct claim *c)
{
	if (c == NULL)
		return;
	loop_timer_free(c->deadline);
	arena_free(c->a);
	gh_free(c);
}
