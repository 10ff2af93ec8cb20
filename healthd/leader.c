/* leader.c - leadership of tasks; see leader.h. */
#include "leader.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/db.h"
#include "healthd.h"
#include "loop/loop.h"
#include "metrics/metrics.h"
#include "model/leadership.h"
#include "tasks.h"

struct leader {
	struct healthd *h;
	struct loop_timer *timer;
	bool is_up;
	bool is_asking;
};

static void
leader_set(struct leader *l, unsigned key, bool is_leader)
{
	tasks_lead(l->h->tasks, key, is_leader);
	metrics_set(l->h->metrics, M_IS_LEADER, key, 0, is_leader);
}

static void
leader_answered(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct leader *l = arg;

	l->is_asking = false;
	if (code != GH_OK)
		log_warn("leader.failed", LOG_STR("code", gh_code_name(code)),
			 LOG_STR("err", db_unit_error(u)->text));
	for (unsigned key = 0; code == GH_OK && key < HEALTHD_TASK_COUNT; key++)
		if (leadership_is_taken(u, 0, (int32_t)key))
			leader_set(l, key, true);
	if (l->is_up)
		loop_timer_set(l->timer, LEADER_RETRY_US);
}

/* Ask for what others lead, or nobody. */
static void
leader_ask(void *arg)
{
	struct leader *l = arg;
	int32_t keys[HEALTHD_TASK_COUNT];
	unsigned count = 0;
	struct db_unit *u;
	enum gh_code rc;

	for (unsigned key = 0; key < HEALTHD_TASK_COUNT; key++)
		if (!tasks_is_leader(l->h->tasks, key))
			keys[count++] = (int32_t)key;
	if (l->is_asking || count == 0)
		return;
	u = db_unit_new();
	leadership_try_add(u, keys, count);
	/* On a later connection the answer would be of other locks than these flags. */
	db_unit_bind(u, db_epoch(l->h->lock_db));
	rc = db_submit(l->h->lock_db, u, leader_answered, l);
	l->is_asking = rc == GH_OK;
	if (rc != GH_OK)
		loop_timer_set(l->timer, LEADER_RETRY_US);
}

void
leader_db_changed(struct leader *l, bool is_up)
{
	l->is_up = is_up;
	if (is_up) {
		loop_timer_set(l->timer, 0);
		return;
	}
	loop_timer_cancel(l->timer);
	for (unsigned key = 0; key < HEALTHD_TASK_COUNT; key++)
		leader_set(l, key, false);
}

struct leader *
leader_new(struct healthd *h)
{
	struct leader *l = gh_alloc(sizeof(*l));

	l->h = h;
	l->timer = loop_timer_new(h->loop, leader_ask, l);
	return l;
}

void
leader_free(struct leader *l)
{
	if (l == NULL)
		return;
	loop_timer_free(l->timer);
	gh_free(l);
}
