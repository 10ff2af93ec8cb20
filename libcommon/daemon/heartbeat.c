/* heartbeat.c - write the row of this process into daemon_heartbeats every few seconds. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/private.h"
#include "daemon/version.h"
#include "loop/loop.h"
#include "model/heartbeat.h"

#define HEARTBEAT_US (5 * CLOCK_SEC)

static void
heartbeat_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct daemon *d = arg;

	d->is_beating = false;
	if (code != GH_OK && d->state != DAEMON_ENDED)
		log_warn("daemon.heartbeat_failed", LOG_STR("code", gh_code_name(code)),
			 LOG_STR("err", db_unit_error(u)->text));
}

void
heartbeat_write(struct daemon *d)
{
	const struct heartbeat h = {
		.daemon = slice_of(d->def->name),
		.name = slice_of(d->common->instance_name),
		.host = slice_of(d->host),
		.pid = (int32_t)getpid(),
		.version = S(GH_VERSION),
		.state = d->state == DAEMON_DRAINING
				 ? S("draining")
				 : slice_of(checks_status_name(checks_status(&d->checks))),
		.started_at_us = d->started_at_us,
	};
	struct db_unit *u;

	/* One at a time: while the database is away nothing piles up. */
	if (!d->is_schema_right || d->is_beating || !db_is_up(d->own_db))
		return;
	u = db_unit_new();
	heartbeat_write_add(u, &h);
	d->is_beating = db_submit(d->own_db, u, heartbeat_done, d) == GH_OK;
}

static void
heartbeat_fn(void *arg)
{
	struct daemon *d = arg;

	heartbeat_write(d);
	loop_timer_set(d->heartbeat_timer, HEARTBEAT_US);
}

void
heartbeat_start(struct daemon *d)
{
	d->heartbeat_timer = loop_timer_new(d->loop, heartbeat_fn, d);
	loop_timer_set(d->heartbeat_timer, 0);
}
