#include "waits.h"

#include "gateway.h"

#include "base/arena.h"
#include "base/list.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "loop/loop.h"
#include "model/message_row.h"

#define FIRST_LOOK_US (10 * CLOCK_MS) /* an unloaded send takes that long at least */
#define SLOW_LOOK_US  (200 * CLOCK_MS)
#define AGE_SHARE     8 /* a look each eighth of the youngest one's age: that much is lost */

struct waits {
	struct gateway *gw;
	struct loop_timer *timer;
	struct list waiting; /* struct wait, oldest first */
	unsigned count;
	int64_t look_at_us; /* the timer's time; 0: not set */
	bool is_asking;
	bool is_over; /* draining */
};

/* One request; lives in its arena. */
struct wait {
	struct list node;
	struct gw_req *req;
	struct message_row row; /* as known */
	int64_t since_us;
	int64_t deadline_us;
	waits_done_fn *done;
	bool is_asked; /* the look under way is about it */
	bool is_last;  /* and takes the message as it stands */
};

bool
waits_preferred(const struct gw_req *req, int64_t *wait_us)
{
	struct slice rest = http_req_header(req->http, S("Prefer"));

	while (rest.p != NULL) {
		struct slice value, params;
		struct slice item = slice_cut(slice_cut(rest, ',', &rest), ';', &params);
		struct slice name = slice_trim(slice_cut(item, '=', &value));
		uint64_t seconds;

		if (!slice_eq_nocase(name, S("wait")) || value.p == NULL)
			continue;
		if (parse_u64(slice_trim(value), 0, INT32_MAX, &seconds) != GH_OK)
			continue;
		*wait_us = (int64_t)seconds * CLOCK_SEC;
		if (*wait_us > WAITS_MAX_US)
			*wait_us = WAITS_MAX_US;
		return true;
	}
	return false;
}

static bool
has_ended(const struct message_row *row)
{
	return row->status >= MSG_SENT;
}

/* w is dead afterwards. */
static void
finish(struct waits *s, struct wait *w, const struct message_row *row)
{
	list_del(&w->node);
	s->count--;
	w->done(w->req, row);
}

/* ---- looking ---- */

static void
look_at(struct waits *s, int64_t at_us)
{
	if (s->is_asking || (s->look_at_us != 0 && s->look_at_us <= at_us))
		return;
	s->look_at_us = at_us;
	loop_timer_set(s->timer, at_us - clock_mono_us());
}

/* After a look that took look_us. */
static void
plan(struct waits *s, int64_t look_us)
{
	int64_t now_us = clock_mono_us(), gap_us, at_us;
	const struct wait *youngest;

	if (list_is_empty(&s->waiting))
		return;
	youngest = LIST_ENTRY(s->waiting.prev, struct wait, node);
	gap_us = (now_us - youngest->since_us) / AGE_SHARE;
	if (gap_us > SLOW_LOOK_US)
		gap_us = SLOW_LOOK_US;
	if (gap_us < FIRST_LOOK_US)
		gap_us = FIRST_LOOK_US;
	if (gap_us < look_us * 4) /* a busy database is not asked all the time */
		gap_us = look_us * 4;
	at_us = now_us + gap_us;
	LIST_FOREACH_SAFE(it, &s->waiting)
	{
		const struct wait *w = LIST_ENTRY(it, struct wait, node);

		if (w->deadline_us < at_us)
			at_us = w->deadline_us > now_us ? w->deadline_us : now_us;
	}
	look_at(s, at_us);
}

/* What the look said about each that it was about; u NULL: it failed. */
static void
settle(struct waits *s, const struct db_unit *u)
{
	unsigned count = u != NULL ? message_row_count(u, 0) : 0;

	LIST_FOREACH_SAFE(it, &s->waiting)
	{
		struct wait *w = LIST_ENTRY(it, struct wait, node);
		unsigned i = 0;

		if (!w->is_asked)
			continue;
		w->is_asked = false;
		while (i < count && !uuid_eq(message_row_id(u, 0, i), w->row.id))
			i++;
		if (i < count)
			message_row_read(u, 0, i, w->req->a, &w->row);
		if (i < count || w->is_last)
			finish(s, w, &w->row);
	}
}

static void
look_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct waits *s = arg;
	int64_t look_us = clock_mono_us() - s->look_at_us;

	s->is_asking = false;
	s->look_at_us = 0;
	settle(s, code == GH_OK ? u : NULL);
	plan(s, look_us);
}

static void
look(void *arg)
{
	struct waits *s = arg;
	int64_t now_us = clock_mono_us();
	struct message_watch *watch;
	struct db_unit *u;
	unsigned n = 0;

	s->look_at_us = now_us; /* from now on: when the look began */
	u = db_unit_new();
	watch = arena_alloc_array(db_unit_arena(u), s->count + 1, sizeof(*watch));
	LIST_FOREACH_SAFE(it, &s->waiting)
	{
		struct wait *w = LIST_ENTRY(it, struct wait, node);

		w->is_asked = true;
		w->is_last = w->deadline_us <= now_us || w->req->http->is_cancelled;
		watch[n++] = (struct message_watch){w->row.id, w->is_last};
	}
	if (n == 0) {
		db_unit_free(u);
		s->look_at_us = 0;
		return;
	}
	message_watch_add(u, watch, n);
	db_unit_set_deadline(u, now_us + CLOCK_SEC);
	s->is_asking = true;
	if (db_submit(s->gw->read, u, look_done, s) != GH_OK)
		look_done(s, GH_EBUSY, NULL);
}

/* ---- waiting ---- */

void
waits_add(struct gw_req *req, const struct message_row *row, int64_t wait_us, waits_done_fn *done)
{
	struct waits *s = req->gw->waits;
	int64_t now_us = clock_mono_us();
	struct wait *w;

	if (wait_us <= 0 || has_ended(row) || s->is_over ||
	    s->count >= (unsigned)req->gw->conf->waiters_max ||
	    row->scheduled_at_us > clock_wall_us() + wait_us) {
		done(req, row);
		return;
	}
	w = arena_alloc(req->a, sizeof(*w));
	w->req = req;
	w->row = *row;
	w->since_us = now_us;
	w->deadline_us = now_us + wait_us;
	w->done = done;
	list_add_tail(&s->waiting, &w->node);
	s->count++;
	look_at(s, now_us + FIRST_LOOK_US);
}

/* ---- life ---- */

void
waits_start(struct gateway *gw)
{
	struct waits *s = gh_alloc(sizeof(*s));

	s->gw = gw;
	list_init(&s->waiting);
	s->timer = loop_timer_new(gw->loop, look, s);
	gw->waits = s;
}

void
waits_drain(struct gateway *gw)
{
	struct waits *s = gw->waits;

	s->is_over = true;
	LIST_FOREACH_SAFE(it, &s->waiting)
	{
		struct wait *w = LIST_ENTRY(it, struct wait, node);

		finish(s, w, &w->row);
	}
}

void
waits_stop(struct gateway *gw)
{
	if (gw->waits == NULL)
		return;
	waits_drain(gw);
	loop_timer_free(gw->waits->timer);
	gw->waits->timer = NULL;
}

void
waits_release(struct gateway *gw)
{
	gh_free(gw->waits);
	gw->waits = NULL;
}
