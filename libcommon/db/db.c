#include "db/db.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "db/hosts.h"
#include "db/internal.h"
#include "loop/loop.h"

#define DEFAULT_STATEMENT_TIMEOUT_US (10 * CLOCK_SEC)
#define DEFAULT_CONNECT_TIMEOUT_US   (5 * CLOCK_SEC)
#define DEFAULT_UNIT_DEADLINE_US     (10 * CLOCK_SEC)
#define DEFAULT_IN_FLIGHT_MAX        64
#define DEFAULT_QUEUE_MAX            1024
/* How exactly the deadline of a waiting unit is kept. */
#define WAIT_SWEEP_US    (100 * CLOCK_MS)
#define CHANNEL_NAME_MAX 63

/* ---- statements ---- */

unsigned
db_stmt_index(const struct db *db, const struct db_stmt *stmt)
{
	unsigned base = 0;

	for (unsigned t = 0; t < db->table_count; t++) {
		const struct db_stmt_table *table = &db->tables[t];

		if (stmt >= table->stmts && stmt < table->stmts + table->count)
			return base + (unsigned)(stmt - table->stmts);
		base += table->count;
	}
	gh_panic("db: %s is in no table of this connection", stmt->name);
}

static void
copy_tables(struct db *db, const struct db_stmt_table *const *tables)
{
	for (const struct db_stmt_table *const *t = tables; t != NULL && *t != NULL; t++) {
		db->tables = gh_realloc(db->tables, (db->table_count + 1) * sizeof(*db->tables));
		db->tables[db->table_count++] = **t;
		db->stmt_count += (*t)->count;
	}
	db->prepared = gh_alloc(db->stmt_count);
}

/* ---- units ---- */

void
db_end(struct db *db, struct db_unit *u)
{
	if (!u->is_internal && u->error.cls == DB_ERR_NONE) {
		db->stats.units_count++;
		db->stats.statements_count += u->count;
	} else if (!u->is_internal) {
		db->stats.errors_count[u->error.cls]++;
	}
	db_unit_end(u);
}

bool
db_unit_is_stale(const struct db *db, const struct db_unit *u)
{
	return u->epoch != 0 && u->epoch != db_epoch(db);
}

/* End the units that will not be written: late ones, and those of a lost transaction. */
static void
sweep_waiting(struct db *db)
{
	int64_t now_us = clock_mono_us();
	struct list ended;
	struct list *n;

	list_init(&ended);
	LIST_FOREACH_SAFE(it, &db->waiting)
	{
		struct db_unit *u = LIST_ENTRY(it, struct db_unit, node);

		if (db_unit_is_stale(db, u))
			db_unit_set_failure(u, DB_ERR_NOT_SENT, "its connection was lost");
		else if (u->deadline_us < now_us)
			db_unit_set_failure(u, DB_ERR_NOT_SENT, "waited too long for the database");
		else
			continue;
		list_del(it);
		list_add_tail(&ended, it);
		db->stats.waiting--;
	}
	n = list_pop(&ended);
	while (n != NULL) {
		db_end(db, LIST_ENTRY(n, struct db_unit, node));
		n = list_pop(&ended);
	}
}

static void
work_fn(void *arg)
{
	struct db *db = arg;

	if (db->is_broken)
		db_lose(db, PQerrorMessage(db->pg));
	if (db->state != DB_CLOSED)
		sweep_waiting(db);
	if (db->state != DB_CLOSED)
		db_pump(db);
}

static void
wait_fn(void *arg)
{
	struct db *db = arg;

	loop_task_mark(db->work_task);
	if (!list_is_empty(&db->waiting))
		loop_timer_set(db->wait_timer, WAIT_SWEEP_US);
}

static void
ping_fn(void *arg)
{
	struct db *db = arg;

	loop_timer_set(db->ping_timer, DB_PING_US);
	if (db->state != DB_UP || db->is_broken)
		return;
	if (db_is_silent(db))
		db_lose(db, "no answer in time");
	else
		db_send_ping(db);
}

static bool
is_transaction_stmt(const struct db_stmt *s)
{
	return s == &db_stmt_begin || s == &db_stmt_commit || s == &db_stmt_rollback;
}

static void
check_unit(const struct db *db, struct db_unit *u)
{
	if (u->count == 0)
		gh_panic("db: a unit without statements");
	for (unsigned i = 0; i < u->count; i++) {
		struct db_entry *e = &u->entries[i];

		if (e->params->count != e->stmt->param_count)
			gh_panic("db: %s got %u of %u parameters", e->stmt->name, e->params->count,
				 e->stmt->param_count);
		if (!is_transaction_stmt(e->stmt)) {
			e->index = db_stmt_index(db, e->stmt);
			continue;
		}
		if (!db->conf.exclusive)
			gh_panic("db: %s on a shared connection", e->stmt->name);
		e->mode = DB_MODE_RAW;
	}
}

enum gh_code
db_submit(struct db *db, struct db_unit *u, db_done_fn *done, void *arg)
{
	if (db->state == DB_CLOSED || db->stats.waiting >= db->conf.queue_max) {
		db->stats.busy_count++;
		db_unit_free(u);
		return GH_EBUSY;
	}
	check_unit(db, u);
	u->done = done;
	u->arg = arg;
	if (u->deadline_us == 0)
		u->deadline_us = clock_mono_us() + db->conf.unit_deadline_us;
	list_add_tail(&db->waiting, &u->node);
	db->stats.waiting++;
	if (db_unit_is_stale(db, u))
		loop_task_mark(db->work_task);
	db_pump(db);
	if (!list_is_empty(&db->waiting) && !loop_timer_is_set(db->wait_timer))
		loop_timer_set(db->wait_timer, WAIT_SWEEP_US);
	return GH_OK;
}

/* ---- life ---- */

static void
fill_defaults(struct db_conf *c)
{
	if (c->statement_timeout_us == 0)
		c->statement_timeout_us = DEFAULT_STATEMENT_TIMEOUT_US;
	if (c->connect_timeout_us == 0)
		c->connect_timeout_us = DEFAULT_CONNECT_TIMEOUT_US;
	if (c->unit_deadline_us == 0)
		c->unit_deadline_us = DEFAULT_UNIT_DEADLINE_US;
	if (c->in_flight_max == 0)
		c->in_flight_max = DEFAULT_IN_FLIGHT_MAX;
	if (c->queue_max == 0)
		c->queue_max = DEFAULT_QUEUE_MAX;
	c->url = NULL; /* holds the password; db_hosts keeps what is needed */
}

enum gh_code
db_new(struct db **out, struct loop *l, struct dns *dns, const struct db_conf *conf,
       struct gh_err *err)
{
	struct db_hosts *hosts;
	struct db *db;
	enum gh_code rc;

	*out = NULL;
	rc = db_hosts_new(&hosts, conf->url, dns, err);
	if (rc != GH_OK)
		return rc;
	db = gh_alloc(sizeof(*db));
	db->loop = l;
	db->conf = *conf;
	fill_defaults(&db->conf);
	db->name = gh_strdup(conf->application_name);
	db->hosts = hosts;
	copy_tables(db, conf->tables);
	list_init(&db->waiting);
	list_init(&db->in_flight);
	list_init(&db->channels);
	db->connect_timer = loop_timer_new(l, db_connect_timer_fn, db);
	db->ping_timer = loop_timer_new(l, ping_fn, db);
	db->wait_timer = loop_timer_new(l, wait_fn, db);
	db->work_task = loop_task_new(l, LOOP_PHASE_COMMIT, work_fn, db);
	loop_timer_set(db->ping_timer, DB_PING_US);
	if (!conf->is_held)
		db_connect(db);
	*out = db;
	return GH_OK;
}

void
db_release(struct db *db)
{
	if (!db->conf.is_held || db->state == DB_CLOSED)
		return;
	db->conf.is_held = false;
	db_connect(db);
}

static void
end_all(struct db *db, struct list *from, enum db_err_class cls)
{
	struct list *n = list_pop(from);

	while (n != NULL) {
		struct db_unit *u = LIST_ENTRY(n, struct db_unit, node);

		db_unit_set_failure(u, cls, "the connection was closed");
		db_end(db, u);
		n = list_pop(from);
	}
}

/* After the pass: callbacks of this db may still be on the stack when db_free returns. */
static void
free_memory(void *arg)
{
	struct db *db = arg;
	struct list *n = list_pop(&db->channels);

	while (n != NULL) {
		struct db_channel *c = LIST_ENTRY(n, struct db_channel, node);

		gh_free(c->sql);
		gh_free(c->name);
		gh_free(c);
		n = list_pop(&db->channels);
	}
	db_hosts_free(db->hosts);
	gh_free(db->tables);
	gh_free(db->prepared);
	gh_free(db->name);
	gh_free(db);
}

void
db_free(struct db *db)
{
	if (db == NULL)
		return;
	db->state = DB_CLOSED;
	db_disconnect(db);
	loop_timer_free(db->connect_timer);
	loop_timer_free(db->ping_timer);
	loop_timer_free(db->wait_timer);
	loop_task_free(db->work_task);
	end_all(db, &db->in_flight, DB_ERR_LOST);
	end_all(db, &db->waiting, DB_ERR_NOT_SENT);
	loop_defer_free(db->loop, db, free_memory);
}

bool
db_is_up(const struct db *db)
{
	return db->state == DB_UP;
}

bool
db_is_idle(const struct db *db)
{
	return db->stats.waiting == 0 && db->stats.in_flight == 0;
}

uint64_t
db_epoch(const struct db *db)
{
	return db->state == DB_UP ? db->epoch : 0;
}

const struct db_stats *
db_get_stats(const struct db *db)
{
	return &db->stats;
}

const char *
db_last_error(const struct db *db)
{
	return db->reason.text;
}

/* ---- notifications ---- */

void
db_listen(struct db *db, const char *channel, db_notify_fn *fn, void *arg)
{
	struct db_channel *c = gh_alloc(sizeof(*c));
	size_t n = strlen(channel);
	size_t size = sizeof("LISTEN ") + n;

	/* The name becomes part of a command: nothing that would need quoting. */
	if (n == 0 || n > CHANNEL_NAME_MAX ||
	    strspn(channel, "abcdefghijklmnopqrstuvwxyz0123456789_") != n)
		gh_panic("db: channel name %s", channel);
	c->name = gh_strdup(channel);
	c->sql = gh_alloc(size);
	memcpy(c->sql, "LISTEN ", sizeof("LISTEN ") - 1);
	memcpy(c->sql + sizeof("LISTEN ") - 1, channel, n);
	c->listen = (struct db_stmt){c->name, c->sql, DB_NO_PARAMS};
	c->fn = fn;
	c->arg = arg;
	list_add_tail(&db->channels, &c->node);
	if (db->state == DB_SETUP || db->state == DB_UP)
		db_send_listen(db, c);
}
