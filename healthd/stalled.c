/* stalled.c - messages the provider took and of which nothing was heard for
 * sending.stalled_after: flagged, with one event each. Receipts end the flag (eventd).
 *
 * Each run reads on from where the last one ended, in slices of time, so that every
 * sent message is looked at once. A new leader begins a day back: flags are set once
 * whoever looks, and a restart must not leave a gap.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "db/db.h"
#include "healthd.h"
#include "metrics/metrics.h"
#include "model/facts.h"
#include "model/stalled.h"
#include "model/wake.h"
#include "provider/provider.h"
#include "silence.h"
#include "step.h"
#include "tasks.h"

#define LOOK_BACK_US (24 * 3600 * CLOCK_SEC)
/* Bounds the events one statement reads: 60,000 at a thousand messages a second. */
#define SLICE_US (60 * CLOCK_SEC)
/* An event's id is older than its commit: a result may have waited for the database. */
#define OVERLAP_US (60 * CLOCK_SEC)

struct stalled {
	struct healthd *h;
	struct arena *mem; /* of one page */
	int64_t done_us;   /* everything sent before was looked at; 0: nothing */
	int64_t until_us;  /* end of the slice under way */
	int64_t end_us;    /* end of the run */
	struct uuid after; /* within the slice */
	bool is_last_page;
};

static void stalled_next(struct stalled *s, struct task *t);

static void
slice_begin(struct stalled *s, int64_t from_us)
{
	s->until_us = from_us + SLICE_US < s->end_us ? from_us + SLICE_US : s->end_us;
	s->after = stalled_floor(from_us);
}

static void
page_ended(struct stalled *s, struct task *t)
{
	if (s->is_last_page) {
		s->done_us = s->until_us;
		slice_begin(s, s->done_us);
	}
	stalled_next(s, t);
}

static void
stalled_flagged(void *arg, struct task *t, const struct db_unit *u)
{
	struct stalled *s = arg;
	unsigned count = stalled_count(u);

	if (count > 0) {
		metrics_add(s->h->metrics, M_STALLED, 0, 0, count);
		log_warn("message.stalled", LOG_INT("rows", count));
		wake_send(s->h->wake);
	}
	silence_begun(s->h, u, STALLED_STMTS);
	page_ended(s, t);
}

static void
stalled_describe(struct stalled *s, struct stalled_row *row)
{
	const struct facts_message facts = {
		.id = row->id,
		.external_id = row->external_id,
		.reference = row->reference,
		.from = row->phone,
		.to = row->chat_key,
		.status = MSG_SENT,
		.ack = FACTS_ACK_NONE,
		.instance_name = row->instance_name,
		.session = row->session,
		.attempt = row->attempts,
	};

	row->event_id = uuid7_new();
	row->facts = facts_message(s->mem, &facts);
}

static void
stalled_listed(void *arg, struct task *t, const struct db_unit *u)
{
	struct stalled *s = arg;
	const struct stalled_row *found[STALLED_LIST_MAX];
	struct stalled_row *rows;
	unsigned count, found_count = 0;
	struct db_unit *next;

	arena_reset(s->mem);
	count = stalled_list_rows(u, s->mem, &rows);
	for (unsigned i = 0; i < count; i++) {
		const struct provider *provider = provider_find(rows[i].provider_type);

		if (provider == NULL || !provider->reports_receipts)
			continue;
		stalled_describe(s, &rows[i]);
		found[found_count++] = &rows[i];
	}
	s->is_last_page = count < STALLED_LIST_MAX;
	if (count > 0)
		s->after = rows[count - 1].sent_event_id;
	if (found_count == 0) {
		page_ended(s, t);
		return;
	}
	next = db_unit_new();
	stalled_add(next, found, found_count, clock_wall_us(),
		    slice_of(daemon_worker(s->h->daemon)));
	silence_begin(next, s->mem, found, found_count, s->h->conf->common.sending_deadline_us);
	step_submit(s->h, t, next, stalled_flagged, s);
}

static void
stalled_next(struct stalled *s, struct task *t)
{
	struct db_unit *u;

	if (task_should_end(t)) {
		task_done(t, true);
		return;
	}
	if (s->done_us >= s->end_us) {
		silence_end_run(s->h, t);
		return;
	}
	u = db_unit_new();
	stalled_list_add(u, s->after, s->until_us);
	step_submit(s->h, t, u, stalled_listed, s);
}

void
stalled_run(void *arg, struct task *t)
{
	struct stalled *s = arg;
	int64_t from_us;

	s->end_us = clock_wall_us() - s->h->conf->common.sending_stalled_after_us;
	from_us = s->done_us > 0 ? s->done_us - OVERLAP_US : s->end_us - LOOK_BACK_US;
	s->done_us = from_us;
	slice_begin(s, from_us);
	stalled_next(s, t);
}

void
stalled_lost(void *arg)
{
	struct stalled *s = arg;

	s->done_us = 0; /* a later term begins anew */
}

struct stalled *
stalled_new(struct healthd *h)
{
	struct stalled *s = gh_alloc(sizeof(*s));

	s->h = h;
	s->mem = arena_new(0);
	return s;
}

void
stalled_free(struct stalled *s)
{
	if (s == NULL)
		return;
	arena_free(s->mem);
	gh_free(s);
}
