/* step.c - one database unit of a task's run; see step.h. */
#include "step.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "db/db.h"
#include "healthd.h"
#include "tasks.h"

/* Lives in the unit's arena. */
struct step {
	struct task *task;
	step_fn *fn;
	void *arg;
};

static void
step_fail(struct task *t, enum gh_code code, const char *why)
{
	log_warn("task.failed", LOG_STR("task", task_name(t)), LOG_STR("code", gh_code_name(code)),
		 LOG_STR("err", why));
	task_done(t, false);
}

static void
step_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	const struct step *s = arg;

	if (code == GH_OK)
		s->fn(s->arg, s->task, u);
	else
		step_fail(s->task, code, db_unit_error(u)->text);
}

void
step_submit(struct healthd *h, struct task *t, struct db_unit *u, step_fn *fn, void *arg)
{
	struct step *s = arena_alloc(db_unit_arena(u), sizeof(*s));
	enum gh_code rc;

	s->task = t;
	s->fn = fn;
	s->arg = arg;
	rc = db_submit(h->db, u, step_done, s);
	if (rc != GH_OK)
		step_fail(t, rc, "the database connection takes no more work");
}
