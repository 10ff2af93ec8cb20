/* session.c - configuration and database of one command. */
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/conf.h"
#include "ctl.h"
#include "loop/dns.h"
#include "loop/loop.h"

#define TURN_US    CLOCK_SEC
#define DB_WAIT_US (5 * CLOCK_SEC) /* for the connection */

struct ctl_session {
	struct conf_table table; /* borrowed by conf for life */
	struct conf *conf;
	struct conf_common common;
	struct loop *loop;
	struct dns *dns;
	struct db *db;
};

struct run {
	db_done_fn *done;
	void *arg;
	bool is_over;
	int code;
};

int
ctl_open(struct ctl_session **out, const char *conf_file)
{
	struct ctl_session *s = gh_alloc(sizeof(*s));
	const struct conf_spec spec = {
		.tables = &s->table,
		.table_count = 1,
		.struct_size = sizeof(s->common),
		.ignore = params_sections,
	};
	struct conf_errors errs;

	*out = NULL;
	s->table = (struct conf_table){.params = params_common};
	if (conf_load(&s->conf, &spec, conf_file, &s->common, &errs) != GH_OK) {
		for (unsigned i = 0; i < errs.count; i++)
			fprintf(stderr, "growhubctl: %s\n", errs.text[i]);
		ctl_close(s);
		return CTL_CONFIG;
	}
	*out = s;
	return CTL_OK;
}

void
ctl_close(struct ctl_session *s)
{
	if (s == NULL)
		return;
	db_free(s->db);
	if (s->loop != NULL) {
		dns_free(s->dns);
		loop_run_once(s->loop, 0);
		loop_free(s->loop);
	}
	conf_free(s->conf);
	gh_free(s);
}

const struct conf_common *
ctl_conf(const struct ctl_session *s)
{
	return &s->common;
}

static int
open_db(struct ctl_session *s, const struct db_stmt_table *const *tables)
{
	struct gh_err err;
	struct db_conf conf = {
		.url = s->common.db_url,
		.application_name = "growhubctl",
		.tables = tables,
		.statement_timeout_us = s->common.db_statement_timeout_us,
		.unit_deadline_us = DB_WAIT_US,
		.unprepared = true, /* one unit: nothing to gain, and the tables may be missing */
	};

	if (s->db != NULL)
		return CTL_OK;
	s->loop = loop_new();
	s->dns = dns_new(s->loop, NULL, NULL);
	if (db_new(&s->db, s->loop, s->dns, &conf, &err) != GH_OK)
		return ctl_fail(CTL_CONFIG, "db.url: %s", err.text);
	return CTL_OK;
}

static void
run_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct run *r = arg;
	const struct db_error *e = db_unit_error(u);

	r->is_over = true;
	if (code == GH_OK)
		r->code = CTL_OK;
	else if (e->cls == DB_ERR_NOT_SENT || e->cls == DB_ERR_LOST)
		r->code = ctl_fail(CTL_UNAVAILABLE, "the database does not answer: %s", e->text);
	else
		r->code = ctl_fail(CTL_FAILED, "the database refused: %s", e->text);
	if (code == GH_OK)
		r->done(r->arg, code, u);
}

int
ctl_db_run(struct ctl_session *s, const struct db_stmt_table *const *tables, struct db_unit *u,
	   db_done_fn *done, void *arg)
{
	struct run r = {.done = done, .arg = arg, .code = CTL_FAILED};
	int rc = open_db(s, tables);

	if (rc != CTL_OK) {
		db_unit_free(u);
		return rc;
	}
	if (db_submit(s->db, u, run_done, &r) != GH_OK)
		return ctl_fail(CTL_FAILED, "the database queue is full");
	while (!r.is_over)
		loop_run_once(s->loop, TURN_US);
	return r.code;
}
