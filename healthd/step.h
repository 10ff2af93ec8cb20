/* step.h - one database unit of a task's run. */
#ifndef GH_HEALTHD_STEP_H
#define GH_HEALTHD_STEP_H

struct db_unit;
struct healthd;
struct task;

/* The unit was committed: go on, or end with task_done. */
typedef void step_fn(void *arg, struct task *t, const struct db_unit *u);

/* Submit u for the run of t. When it fails, that is logged (task.failed), the run ends as failed,
 * and fn is not called; this may happen before this returns. */
void step_submit(struct healthd *h, struct task *t, struct db_unit *u, step_fn *fn, void *arg);

#endif
