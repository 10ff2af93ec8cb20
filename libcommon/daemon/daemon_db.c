/* daemon_db.c - the connections of a daemon, and what the skeleton wants of the database.
 *
 * The skeleton has a connection of its own, so that the schema can be judged before anything
 * is prepared, and heartbeats neither wait behind work nor fall into its transactions.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/private.h"
#include "loop/loop.h"
#include "model/async_commit.h"
#include "model/heartbeat.h"
#include "model/log_row.h"
#include "model/schema.h"

#define SCHEMA_RETRY_US (2 * CLOCK_SEC)
/* The connections ping every 2 s. */
#define FRESH_MAX_US (5 * CLOCK_SEC)

static const struct db_stmt_table *const own_tables[] = {
	&schema_stmt_table,
	&heartbeat_stmt_table,
	&log_row_stmt_table,
	&async_commit_stmt_table,
	NULL,
};

/* ---- schema ---- */

static void
schema_is_right(struct daemon *d)
{
	if (!d->is_schema_right) {
		d->is_schema_right = true;
		for (unsigned i = 0; i < d->link_count; i++)
			db_release(d->links[i].db);
		heartbeat_start(d);
		links_look(d); /* before the check turns: they are not up yet */
	}
	daemon_check_set(d, d->schema_check, true, NULL);
}

static void
schema_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct daemon *d = arg;
	const struct db_error *e = db_unit_error(u);
	int64_t version = 0;
	char text[CHECKS_DETAIL_SIZE];

	d->is_schema_asked = false;
	if (d->state == DAEMON_ENDED)
		return;
	if (code == GH_OK)
		version = schema_version_of(u, 0);
	if (version >= SCHEMA_VERSION) {
		schema_is_right(d);
		return;
	}
	if (code == GH_OK || strcmp(e->sqlstate, SCHEMA_NO_TABLE) == 0)
		snprintf(text, sizeof(text),
			 "schema version %lld, this binary needs %d: run growhubctl migrate",
			 (long long)version, SCHEMA_VERSION);
	else
		snprintf(text, sizeof(text), "schema not read: %.128s", e->text);
	daemon_check_set(d, d->schema_check, false, text);
	loop_timer_set(d->schema_timer, SCHEMA_RETRY_US);
}

/* Again on every new connection: it may lead to a restored or another server. */
static void
schema_look(void *arg)
{
	struct daemon *d = arg;
	struct db_unit *u;

	if (!db_is_up(d->own_db) || d->is_schema_asked)
		return;
	u = db_unit_new();
	schema_version_add(u);
	if (db_submit(d->own_db, u, schema_done, d) == GH_OK)
		d->is_schema_asked = true;
	else
		loop_timer_set(d->schema_timer, SCHEMA_RETRY_US);
}

/* ---- the check "db" ---- */

static const char *
link_trouble(const struct db *db, const char *name, int64_t now_us, char *text, size_t size)
{
	const char *why = db_last_error(db);

	if (!db_is_up(db))
		snprintf(text, size, "%s: not connected%s%s", name, why[0] != '\0' ? ": " : "",
			 why);
	else if (now_us - db_get_stats(db)->fresh_at_us > FRESH_MAX_US)
		snprintf(text, size, "%s: no answer", name);
	else
		return NULL;
	return text;
}

void
links_look(struct daemon *d)
{
	char text[CHECKS_DETAIL_SIZE];
	int64_t now_us = clock_mono_us();
	const char *trouble;

	if (d->own_db == NULL || d->state == DAEMON_ENDED)
		return;
	trouble = link_trouble(d->own_db, d->own_db_name, now_us, text, sizeof(text));
	/* While held they are down by intent, and the check "schema" says why. */
	for (unsigned i = 0; i < d->link_count && d->is_schema_right && trouble == NULL; i++)
		trouble =
			link_trouble(d->links[i].db, d->links[i].name, now_us, text, sizeof(text));
	daemon_check_set(d, d->db_check, trouble == NULL, trouble);
}

static void
own_state(void *arg, bool is_up, const struct gh_err *err)
{
	struct daemon *d = arg;

	(void)err;
	if (is_up)
		schema_look(d);
	links_look(d);
}

static void
link_state(void *arg, bool is_up, const struct gh_err *err)
{
	struct daemon_link *link = arg;

	if (link->state != NULL)
		link->state(link->arg, is_up, err);
	links_look(link->d);
}

/* ---- connections ---- */

/* db_new, with the key in the reason. */
static enum gh_code
link_open(struct db **out, struct daemon *d, const struct db_conf *conf, struct gh_err *err)
{
	bool is_direct = conf->url == d->common->db_direct_url;
	struct gh_err why = {.code = GH_OK};
	enum gh_code rc = db_new(out, d->loop, d->dns, conf, &why);

	if (rc != GH_OK)
		return gh_fail(err, rc, "%s: %s", is_direct ? "db.direct_url" : "db.url", why.text);
	return GH_OK;
}

static enum gh_code
own_open(struct daemon *d, struct gh_err *err)
{
	struct db_conf conf = {
		.url = d->common->db_url,
		.application_name = d->own_db_name,
		.tables = own_tables,
		.statement_timeout_us = d->common->db_statement_timeout_us,
		.unprepared = true, /* the tables may not exist yet */
		.sets_clock = true,
		.state = own_state,
		.arg = d,
	};
	enum gh_code rc;

	snprintf(d->own_db_name, sizeof(d->own_db_name), "%s/skeleton", d->worker);
	rc = link_open(&d->own_db, d, &conf, err);
	if (rc != GH_OK)
		return rc;
	d->db_check = daemon_check_add(d, "db", true);
	d->schema_check = daemon_check_add(d, "schema", true);
	d->schema_timer = loop_timer_new(d->loop, schema_look, d);
	return GH_OK;
}

struct db *
daemon_db(struct daemon *d, const char *role, const struct db_stmt_table *const *tables,
	  bool exclusive, db_state_fn *state, void *arg, struct gh_err *err)
{
	struct daemon_link *link = &d->links[d->link_count];
	bool is_direct = strcmp(role, "listen") == 0 && d->common->db_direct_url != NULL;
	struct db_conf conf = {
		.url = is_direct ? d->common->db_direct_url : d->common->db_url,
		.application_name = link->name,
		.tables = tables,
		.statement_timeout_us = d->common->db_statement_timeout_us,
		.unprepared = !d->common->db_prepared && !is_direct,
		.exclusive = exclusive,
		.is_held = !d->is_schema_right,
		.state = link_state,
		.arg = link,
	};

	if (d->link_count == DAEMON_DBS_MAX)
		gh_panic("daemon_db: no room for %s", role);
	if (d->own_db == NULL && own_open(d, err) != GH_OK)
		return NULL;
	*link = (struct daemon_link){.d = d, .state = state, .arg = arg};
	snprintf(link->name, sizeof(link->name), "%s/%.32s", d->worker, role);
	if (link_open(&link->db, d, &conf, err) != GH_OK)
		return NULL;
	d->link_count++;
	return link->db;
}

void
links_close(struct daemon *d)
{
	db_free(d->own_db);
	d->own_db = NULL;
	loop_timer_free(d->schema_timer);
	loop_timer_free(d->heartbeat_timer);
	d->link_count = 0;
}
