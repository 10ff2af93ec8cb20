/* silence.c - the watch over the way in; see silence.h and model/silence.h.
 *
 * A number may be connected for its provider and send, while its webhooks do not arrive: nothing
 * else would tell its company. Costs no look of its own: the messages without a receipt, which are
 * found anyhow, point to the numbers to judge.
 */
#include "silence.h"

#include "base/arena.h"
#include "base/log.h"
#include "db/db.h"
#include "metrics/metrics.h"
#include "model/facts.h"
#include "model/silence.h"
#include "model/stalled.h"
#include "model/wake.h"
#include "step.h"
#include "tasks.h"

_Static_assert(SILENCE_MAX >= STALLED_LIST_MAX, "every message may be of another instance");

/* ---- begin ---- */

static struct silence *
silence_of(struct silence *rows, unsigned *count, const struct stalled_row *m)
{
	for (unsigned i = 0; i < *count; i++)
		if (rows[i].instance_id == m->instance_id)
			return &rows[i];
	rows[*count] = (struct silence){
		.instance_id = m->instance_id,
		.name = m->instance_name,
		.session = m->session,
		.phone = m->phone,
	};
	return &rows[(*count)++];
}

static struct slice
facts_of(struct arena *a, const struct silence *s, struct slice state, struct slice reason)
{
	const struct facts_instance facts = {
		.status = s->status,
		.state = state,
		.reason = reason,
		.phone_number = s->phone,
		.instance_name = s->name,
		.session = s->session,
	};

	return facts_instance(a, &facts);
}

void
silence_begin(struct db_unit *u, struct arena *a, const struct stalled_row *const *rows,
	      unsigned count, int64_t margin_us)
{
	struct silence *found = arena_alloc_array(a, count, sizeof(*found));
	unsigned found_count = 0;

	for (unsigned i = 0; i < count; i++) {
		struct silence *s = silence_of(found, &found_count, rows[i]);
		int64_t since_us = uuid7_time_us(rows[i]->sent_event_id) - margin_us;

		/* The newest is enough: what was heard since an older one may be older too. */
		if (since_us > s->since_us)
			s->since_us = since_us;
	}
	for (unsigned i = 0; i < found_count; i++) {
		found[i].status = S("connected");
		found[i].event_id = uuid7_new();
		found[i].facts =
			facts_of(a, &found[i], S("stalled"),
				 S("a send has no receipt, and no webhook came since it was made"));
	}
	silence_begin_add(u, found, found_count);
}

void
silence_begun(struct healthd *h, const struct db_unit *u, unsigned stmt)
{
	unsigned count = silence_begin_count(u, stmt);

	if (count == 0)
		return;
	metrics_add(h->metrics, M_INBOUND_STALLED, 0, 0, count);
	log_error("instance.inbound_stalled", LOG_INT("instances", count));
	wake_send(h->wake);
}

/* ---- end ---- */

static void
ended_stored(void *arg, struct task *t, const struct db_unit *u GH_UNUSED)
{
	struct healthd *h = arg;

	wake_send(h->wake);
	task_done(t, true);
}

static void
ended_listed(void *arg, struct task *t, const struct db_unit *u)
{
	struct healthd *h = arg;
	struct db_unit *next = db_unit_new();
	struct arena *a = db_unit_arena(next);
	struct silence *rows;
	unsigned count = silence_ended_rows(u, a, &rows);

	if (count == 0) {
		db_unit_free(next);
		task_done(t, true);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		struct silence *s = &rows[i];

		s->event_id = uuid7_new();
		s->facts = facts_of(a, s, s->is_heard ? S("heard_again") : S("not_connected"),
				    SLICE_NONE);
		log_info("instance.inbound_resumed", LOG_INT("instance", s->instance_id),
			 LOG_SLICE("status", s->status));
		silence_end_add(next, s);
	}
	step_submit(h, t, next, ended_stored, h);
}

void
silence_end_run(struct healthd *h, struct task *t)
{
	struct db_unit *u = db_unit_new();

	silence_ended_add(u);
	step_submit(h, t, u, ended_listed, h);
}
