/* conn.c - a connection's life: resolve, connect, set up, lose, try again. */
#include "db/internal.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "db/hosts.h"
#include "loop/loop.h"

#define CONN_BACKOFF_MIN_US (100 * CLOCK_MS)
#define CONN_BACKOFF_MAX_US (5 * CLOCK_SEC)
#define CONN_JITTER_PERCENT 30

static void conn_watch(struct db *db);

/* libpq's message as one line without its trailing newline. */
static void
conn_error(const struct db *db, struct gh_err *err, const char *why)
{
	(void)gh_fail(err, GH_ETEMP, "%s", why);
	for (size_t n = strlen(err->text); n > 0 && err->text[n - 1] == '\n'; n--)
		err->text[n - 1] = '\0';
	for (char *p = err->text; *p != '\0'; p++) {
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	}
	if (err->text[0] == '\0')
		(void)gh_fail(err, GH_ETEMP, "connection %s",
			      db->state == DB_UP ? "lost" : "failed");
}

void
db_disconnect(struct db *db)
{
	db_hosts_cancel(db->hosts);
	loop_io_free(db->io);
	db->io = NULL;
	PQfinish(db->pg);
	db->pg = NULL;
	db->is_broken = false;
	db->is_pinging = false;
	memset(db->prepared, 0, db->stmt_count);
}

static void
conn_plan_retry(struct db *db)
{
	int64_t delay_us = CONN_BACKOFF_MIN_US;

	for (unsigned i = 0; i < db->attempts && delay_us < CONN_BACKOFF_MAX_US; i++)
		delay_us *= 2;
	if (delay_us > CONN_BACKOFF_MAX_US)
		delay_us = CONN_BACKOFF_MAX_US;
	db->attempts++;
	loop_timer_set(db->connect_timer, random_jitter(delay_us, CONN_JITTER_PERCENT));
}

static void
conn_end_in_flight(struct db *db)
{
	struct list lost;
	struct list *n;

	list_init(&lost);
	list_splice_tail(&lost, &db->in_flight);
	db->stats.in_flight = 0;
	n = list_pop(&lost);
	while (n != NULL) {
		struct db_unit *u = LIST_ENTRY(n, struct db_unit, node);

		db_unit_set_failure(u, DB_ERR_LOST, "connection lost");
		db_end(db, u);
		n = list_pop(&lost);
	}
}

void
db_lose(struct db *db, const char *why)
{
	bool was_up = db->state == DB_UP;
	struct gh_err err;

	conn_error(db, &err, why);
	db_disconnect(db);
	db->state = DB_DOWN;
	if (was_up) {
		db->attempts = 0;
		db->stats.losses_count++;
		(void)log_reason_is_news(&db->reason, err.text, clock_mono_us());
		log_warn("db.lost", LOG_STR("conn", db->name), LOG_STR("err", err.text));
	} else {
		db->stats.failures_count++;
		if (log_reason_is_news(&db->reason, err.text, clock_mono_us()))
			log_warn("db.connect_failed", LOG_STR("conn", db->name),
				 LOG_INT("attempt", db->attempts + 1), LOG_STR("err", err.text));
	}
	conn_plan_retry(db);
	loop_task_mark(db->work_task); /* units bound to the lost connection end there */
	if (was_up && db->conf.state != NULL)
		db->conf.state(db->conf.arg, false, &err);
	if (db->state != DB_CLOSED)
		conn_end_in_flight(db);
}

static void
conn_ready(struct db *db)
{
	if (PQsetnonblocking(db->pg, 1) != 0 || PQenterPipelineMode(db->pg) != 1) {
		db_lose(db, PQerrorMessage(db->pg));
		return;
	}
	db->io = loop_io_new(db->loop, PQsocket(db->pg), db_io_fn, db);
	db->state = DB_SETUP;
	db->epoch++;
	db->read_us = clock_mono_us();
	db->stats.fresh_at_us = db->read_us;
	loop_timer_set(db->connect_timer, db->conf.connect_timeout_us);
	db_setup(db);
}

static void
conn_poll_fn(void *arg, unsigned ready)
{
	struct db *db = arg;

	(void)ready;
	/* libpq may close this socket and open another, even with the same number. */
	loop_io_free(db->io);
	db->io = NULL;
	db->poll = PQconnectPoll(db->pg);
	conn_watch(db);
}

static void
conn_watch(struct db *db)
{
	if (db->poll == PGRES_POLLING_OK) {
		conn_ready(db);
	} else if (db->poll == PGRES_POLLING_FAILED || PQsocket(db->pg) < 0) {
		db_lose(db, PQerrorMessage(db->pg));
	} else {
		db->io = loop_io_new(db->loop, PQsocket(db->pg), conn_poll_fn, db);
		loop_io_set(db->io, db->poll == PGRES_POLLING_READING ? LOOP_READ : LOOP_WRITE);
	}
}

static void
conn_notice(void *arg, const PGresult *pg)
{
	const struct db *db = arg;

	log_debug("db.notice", LOG_STR("conn", db->name),
		  LOG_STR("err", PQresultErrorField(pg, PG_DIAG_MESSAGE_PRIMARY)));
}

static void
conn_resolved(void *arg, unsigned usable)
{
	struct db *db = arg;
	const struct db_hosts_defaults def = {
		.application_name = db->name,
		.statement_timeout_us = db->conf.statement_timeout_us,
		.sends_options = !db->conf.unprepared,
	};
	const char *const *keywords;
	const char *const *values;

	if (usable == 0) {
		db_lose(db, "no database host has an address");
		return;
	}
	db_hosts_params(db->hosts, &def, &keywords, &values);
	db->pg = PQconnectStartParams(keywords, values, 0);
	if (db->pg == NULL)
		gh_panic("db: no memory for a connection");
	db->state = DB_CONNECTING;
	if (PQstatus(db->pg) == CONNECTION_BAD) {
		db_lose(db, PQerrorMessage(db->pg));
		return;
	}
	(void)PQsetNoticeReceiver(db->pg, conn_notice, db);
	db->poll = PGRES_POLLING_WRITING; /* what libpq asks for before the first poll */
	conn_watch(db);
}

void
db_connect(struct db *db)
{
	db->state = DB_RESOLVING;
	loop_timer_set(db->connect_timer, db->conf.connect_timeout_us);
	db_hosts_resolve(db->hosts, db->conf.connect_timeout_us, conn_resolved, db);
}

void
db_connect_timer_fn(void *arg)
{
	struct db *db = arg;

	if (db->state == DB_DOWN) {
		db_connect(db);
	} else if (db->state != DB_UP) {
		db_hosts_rotate(db->hosts);
		db_lose(db, "timed out");
	}
}

void
db_setup_done(struct db *db)
{
	db->setup_left--;
	if (db->setup_left > 0 || db->state != DB_SETUP)
		return;
	db->state = DB_UP;
	db->attempts = 0;
	db->reason = (struct log_reason){.told_at_us = 0};
	db->stats.connects_count++;
	loop_timer_cancel(db->connect_timer);
	log_info("db.up", LOG_STR("conn", db->name), LOG_STR("host", PQhost(db->pg)),
		 LOG_INT("dur_ms", db->stats.ping_us / CLOCK_MS));
	if (db->conf.state != NULL)
		db->conf.state(db->conf.arg, true, NULL);
	if (db->state == DB_UP)
		loop_task_mark(db->work_task); /* write what waited */
}
