#include "model/wake.h"

#include "base/clock.h"
#include "base/mem.h"
#include "loop/cadence.h"
#include "loop/loop.h"

struct wake {
	struct db *db;
	struct slice channel; /* a literal */
	bool is_wanted;
	struct loop_task *task;
	struct cadence *cadence;
};

/* synchronous_commit off for this transaction only: NOTIFY assigns a transaction
 * id, and its commit record need not reach the disk for anybody. */
static const char wake_notify_sql[] =
	"SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, '')";

static const struct db_stmt wake_stmts[] = {
	{"wake_notify", wake_notify_sql, DB_TYPES(DB_TEXT)},
};
const struct db_stmt_table wake_stmt_table = DB_STMT_TABLE(wake_stmts);

static void
wake_done(void *arg GH_UNUSED, enum gh_code code GH_UNUSED, const struct db_unit *u GH_UNUSED)
{
	/* Lost with its connection: the listener's poll finds the rows. */
}

static void
wake_step(void *arg)
{
	struct wake *w = arg;
	struct db_unit *u;

	if (!w->is_wanted || !cadence_allows(w->cadence))
		return;
	w->is_wanted = false;
	cadence_started(w->cadence);
	u = db_unit_new();
	db_p_text(db_unit_add(u, &wake_stmts[0]), w->channel);
	if (db_submit(w->db, u, wake_done, NULL) != GH_OK)
		wake_send(w);
}

struct wake *
wake_new(struct loop *l, struct db *db, const char *channel)
{
	struct wake *w = gh_alloc(sizeof(*w));

	w->db = db;
	w->channel = slice_of(channel);
	w->task = loop_task_new(l, LOOP_PHASE_PUBLISH, wake_step, w);
	w->cadence = cadence_new(l, CADENCE_GAP_US, w->task);
	return w;
}

void
wake_free(struct wake *w)
{
	if (w == NULL)
		return;
	cadence_free(w->cadence);
	loop_task_free(w->task);
	gh_free(w);
}

void
wake_send(struct wake *w)
{
	w->is_wanted = true;
	loop_task_mark(w->task);
}
