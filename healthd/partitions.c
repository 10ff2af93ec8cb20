/* partitions.c - month partitions exist before the first row that belongs there. */
#include "base/log.h"
#include "db/db.h"
#include "healthd.h"
#include "model/partition.h"
#include "step.h"
#include "tasks.h"

static void
partitions_done(void *arg GH_UNUSED, struct task *t, const struct db_unit *u)
{
	int64_t count = partition_made_count(u, 0);

	if (count > 0)
		log_info("partitions.made", LOG_INT("count", count));
	task_done(t, true);
}

void
partitions_run(void *arg, struct task *t)
{
	struct healthd *h = arg;
	struct db_unit *u = db_unit_new();

	partition_ensure_add(u, (int32_t)h->conf->partitions_ahead);
	step_submit(h, t, u, partitions_done, NULL);
}
