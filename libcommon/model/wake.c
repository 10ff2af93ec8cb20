#include "model/wake.h"

#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"

#define WAKE_GAP_US (5 * CLOCK_MS) /* 200 a second */

struct wake {
	struct db *db;
	struct slice channel; /* a literal */
	struct loop_timer *timer;
	int64_t sent_at_us; /* monotonic time of the last NOTIFY */
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
wake_notify(void *arg)
{
	struct wake *w = arg;
	struct db_unit *u;
	enum gh_code rc;

	w->sent_at_us = clock_mono_us();
	u = db_unit_new();
	db_p_text(db_unit_add(u, &wake_stmts[0]), w->channel);
	rc = db_submit(w->db, u, wake_done, NULL);
	if (rc != GH_OK)
		loop_timer_set(w->timer, WAKE_GAP_US);
}

struct wake *
wake_new(struct loop *l, struct db *db, const char *channel)
{
	struct wake *w = gh_alloc(sizeof(*w));

	w->db = db;
	w->channel = slice_of(channel);
	w->timer = loop_timer_new(l, wake_notify, w);
	return w;
}

void
wake_free(struct wake *w)
{
	if (w == NULL)
		return;
	loop_timer_free(w->timer);
	gh_free(w);
}

void
wake_send(struct wake *w)
{
	int64_t wait_us;

	if (loop_timer_is_set(w->timer))
		return; /* the trailing edge covers this one too */
	wait_us = w->sent_at_us + WAKE_GAP_US - clock_mono_us();
	if (wait_us > 0)
		loop_timer_set(w->timer, wait_us);
	else
		wake_notify(w);
}
