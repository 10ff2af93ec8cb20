/* recover.c - endpoints that asked for what they missed get it, a slice of events after the other,
 * the tasks taking turns (model/recovery.h).
 */
#include "base/log.h"
#include "db/db.h"
#include "healthd.h"
#include "model/recovery.h"
#include "model/wake.h"
#include "step.h"
#include "tasks.h"

static void
recover_done(void *arg, struct task *t, const struct db_unit *u)
{
	const struct healthd *h = arg;
	struct recovery_slice slice;

	recovery_slice_read(u, 0, &slice);
	if (slice.queued > 0)
		wake_send(h->wake);
	if (slice.is_finished)
		log_info("recover.finished", LOG_INT("company", slice.company_id),
			 LOG_INT("endpoint", slice.endpoint_id));
	if (slice.was_any && !task_should_end(t))
		recover_run(arg, t);
	else
		task_done(t, true);
}

void
recover_run(void *arg, struct task *t)
{
	struct db_unit *u = db_unit_new();

	recovery_slice_add(u, RECOVERY_SLICE_MAX);
	step_submit(arg, t, u, recover_done, arg);
}
