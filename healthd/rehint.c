/* rehint.c - work that is due and that nobody serves gets a new hint: what brings sends, inbound
 * bodies and deliveries back after a wiped broker, a deleted queue or a lost hint.
 */
#include "base/log.h"
#include "db/db.h"
#include "healthd.h"
#include "model/outbox.h"
#include "model/wake.h"
#include "step.h"
#include "tasks.h"

static void
rehint_done(void *arg, struct task *t, const struct db_unit *u)
{
	const struct healthd *h = arg;
	int64_t count = db_affected_count(db_unit_result(u, 0));

	if (count > 0) {
		log_warn("rehint.done", LOG_INT("targets", count));
		wake_send(h->wake);
	}
	task_done(t, true);
}

void
rehint_run(void *arg, struct task *t)
{
	struct db_unit *u = db_unit_new();

	outbox_rehint_add(u);
	step_submit(arg, t, u, rehint_done, arg);
}
