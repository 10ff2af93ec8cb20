/* purge.c - rows that have served their time, table after table, a slice at a time: one long delete
 * would hold locks and bloat the write-ahead log.
 */
#include "base/log.h"
#include "base/mem.h"
#include "db/db.h"
#include "healthd.h"
#include "metrics/metrics.h"
#include "model/purge.h"
#include "step.h"
#include "tasks.h"

#define PURGE_SLICE 1000
#define MEDIA_SLICE 8 /* each takes up to 64 chunks of 256 KiB with it */

struct purge {
	struct healthd *h;
	unsigned kind; /* enum purge_kind, or PURGE_KIND_COUNT: all done */
};

static void purge_next(struct purge *p, struct task *t);

static unsigned
slice_rows(const struct purge *p)
{
	return p->kind == PURGE_MEDIA ? MEDIA_SLICE : PURGE_SLICE;
}

/* 0: of a table whose rows are kept as long as it says. */
static int64_t
kept_us(const struct purge *p)
{
	const struct healthd_conf *c = p->h->conf;

	switch (p->kind) {
	case PURGE_LOGS:
		return c->log_retention_us;
	case PURGE_CONTACT_ALIASES:
		return c->contact_retention_us;
	default:
		return 0;
	}
}

static void
purge_done(void *arg, struct task *t, const struct db_unit *u)
{
	struct purge *p = arg;
	int64_t count = purge_slice_count(u, 0);

	if (count > 0) {
		metrics_add(p->h->metrics, M_PURGED, p->kind, 0, (uint64_t)count);
		log_debug("purge.slice", LOG_STR("table", purge_name((enum purge_kind)p->kind)),
			  LOG_INT("rows", count));
	}
	if (count < slice_rows(p))
		p->kind++;
	purge_next(p, t);
}

static void
purge_next(struct purge *p, struct task *t)
{
	struct db_unit *u;

	if (p->kind == PURGE_KIND_COUNT || task_should_end(t)) {
		task_done(t, true);
		return;
	}
	u = db_unit_new();
	purge_slice_add(u, (enum purge_kind)p->kind, slice_rows(p), kept_us(p));
	step_submit(p->h, t, u, purge_done, p);
}

void
purge_run(void *arg, struct task *t)
{
	struct purge *p = arg;

	p->kind = 0;
	purge_next(p, t);
}

struct purge *
purge_new(struct healthd *h)
{
	struct purge *p = gh_alloc(sizeof(*p));

	p->h = h;
	return p;
}

void
purge_free(struct purge *p)
{
	gh_free(p);
}
