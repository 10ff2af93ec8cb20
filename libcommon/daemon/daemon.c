/* daemon.c - the order of a process's life: start, signals, drain, end. See daemon.h. */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/private.h"
#include "daemon/version.h"
#include "loop/dns.h"
#include "loop/loop.h"

#define TICK_US      CLOCK_SEC
#define DRAIN_MAX_US (30 * CLOCK_SEC)

/* ---- what daemons ask for ---- */

struct loop *
daemon_loop(struct daemon *d)
{
	return d->loop;
}

struct dns *
daemon_dns(struct daemon *d)
{
	return d->dns;
}

const void *
daemon_conf(const struct daemon *d)
{
	return d->live;
}

const struct conf_common *
daemon_common(const struct daemon *d)
{
	return d->common;
}

struct metrics *
daemon_metrics(struct daemon *d)
{
	return d->metrics;
}

struct metrics_table *
daemon_table(struct daemon *d, unsigned index)
{
	return d->tables[index];
}

const char *
daemon_worker(const struct daemon *d)
{
	return d->worker;
}

void
daemon_set_context(struct daemon *d, void *context)
{
	d->context = context;
}

void *
daemon_context(const struct daemon *d)
{
	return d->context;
}

bool
daemon_is_draining(const struct daemon *d)
{
	return d->state >= DAEMON_DRAINING;
}

/* ---- readiness ---- */

unsigned
daemon_check_add(struct daemon *d, const char *name, bool is_required)
{
	unsigned check = checks_add(&d->checks, name, is_required, clock_mono_us());

	daemon_evaluate(d);
	return check;
}

void
daemon_check_set(struct daemon *d, unsigned check, bool is_ok, const char *detail)
{
	checks_set(&d->checks, check, is_ok, detail, clock_mono_us());
	daemon_evaluate(d);
}

void
daemon_evaluate(struct daemon *d)
{
	bool is_ready = checks_status(&d->checks) != CHECKS_UNREADY;

	if (is_ready == d->was_ready || d->state == DAEMON_ENDED)
		return;
	d->was_ready = is_ready;
	if (is_ready) {
		log_info("daemon.ready", LOG_STR("version", GH_VERSION));
		notify_send(&d->notify, "READY=1\nSTATUS=ready");
		d->ever_ready = true;
		d->waiting_for[0] = '\0';
	} else if (d->state != DAEMON_DRAINING) {
		const struct check *worst = checks_worst(&d->checks);

		log_warn("daemon.unready", LOG_STR("check", worst->name),
			 LOG_STR("err", worst->detail));
	}
	heartbeat_write(d);
}

/* The supervisor's patience ends while the database is away; ours does not. */
static void
tell_waiting(struct daemon *d)
{
	const struct check *worst = checks_worst(&d->checks);
	char text[CHECKS_DETAIL_SIZE + 128];

	if (d->was_ready || d->state != DAEMON_RUNNING)
		return;
	if (strcmp(worst->detail, d->waiting_for) != 0) {
		snprintf(d->waiting_for, sizeof(d->waiting_for), "%s", worst->detail);
		log_warn("daemon.waiting", LOG_STR("check", worst->name),
			 LOG_STR("err", worst->detail));
	}
	snprintf(text, sizeof(text), "%sSTATUS=waiting for %s: %s",
		 d->ever_ready ? "" : "EXTEND_TIMEOUT_USEC=30000000\n", worst->name, worst->detail);
	notify_send(&d->notify, text);
}

static void
tick_fn(void *arg)
{
	struct daemon *d = arg;

	log_tick();
	log_store_flush(d->log_store);
	telemetry_tick(d);
	links_look(d);
	daemon_check_set(d, d->run_check, d->state == DAEMON_RUNNING,
			 d->state == DAEMON_DRAINING ? "draining" : NULL);
	tell_waiting(d);
	loop_timer_set(d->tick_timer, TICK_US);
}

/* From the loop itself: a loop that hangs stops the pings. */
static void
watchdog_fn(void *arg)
{
	struct daemon *d = arg;

	notify_send(&d->notify, "WATCHDOG=1");
	loop_timer_set(d->watchdog_timer, d->notify.watchdog_us / 2);
}

/* ---- signals ---- */

void
daemon_drained(struct daemon *d)
{
	if (d->state == DAEMON_DRAINING)
		loop_stop(d->loop);
}

static void
drain_timeout_fn(void *arg)
{
	struct daemon *d = arg;

	log_warn("daemon.drain_timeout", LOG_INT("dur_ms", DRAIN_MAX_US / CLOCK_MS));
	loop_stop(d->loop);
}

static void
stop_fn(void *arg)
{
	struct daemon *d = arg;

	if (d->state == DAEMON_DRAINING) {
		log_warn("daemon.stopped_at_once", LOG_STR("err", "second signal while draining"));
		_exit(0);
	}
	d->state = DAEMON_DRAINING;
	/* First unready: whoever routes to us looks there. */
	daemon_check_set(d, d->run_check, false, "draining");
	log_info("daemon.draining", LOG_INT("max_ms", DRAIN_MAX_US / CLOCK_MS));
	notify_send(&d->notify, "STOPPING=1\nSTATUS=draining");
	log_store_flush(d->log_store);
	loop_timer_set(d->drain_timer, DRAIN_MAX_US);
	if (d->def->drain != NULL)
		d->def->drain(d);
	else
		daemon_drained(d);
}

static void
log_conf_errors(const struct conf_errors *errs)
{
	for (unsigned i = 0; i < errs->count; i++)
		log_error("daemon.config_error", LOG_STR("err", errs->text[i]));
}

static void
reload_fn(void *arg)
{
	struct daemon *d = arg;
	struct conf_changes changes;
	struct conf_errors errs;

	notify_send(&d->notify, "RELOADING=1");
	if (conf_reload(d->conf, &changes, &errs) != GH_OK) {
		log_conf_errors(&errs);
	} else {
		for (size_t i = 0; i < changes.applied_count; i++)
			log_info("daemon.config_changed", LOG_STR("key", changes.applied[i]));
		for (size_t i = 0; i < changes.restart_count; i++)
			log_warn("daemon.config_needs_restart", LOG_STR("key", changes.restart[i]));
		log_set_level((enum log_level)d->common->log_level);
		log_store_set_level(d->log_store);
		if (d->def->reload != NULL)
			d->def->reload(d);
		log_info("daemon.reloaded", LOG_INT("changes", changes.applied_count),
			 LOG_INT("need_restart", changes.restart_count));
	}
	if (d->ever_ready)
		notify_send(&d->notify, "READY=1");
}

/* ---- life ---- */

/* Every connection of the daemon is a descriptor: take what we are allowed to. */
static void
raise_descriptor_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return;
	if (lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &lim) != 0)
			log_warn("daemon.limit_failed", LOG_STR("err", gh_errno_text(errno)));
	}
	log_debug("daemon.descriptors", LOG_INT("limit", lim.rlim_cur));
}

static enum gh_code
load_conf(struct daemon *d, const struct daemon_options *o)
{
	struct conf_spec spec = daemon_conf_spec(d->def, d->conf_tables);
	struct conf_errors errs;

	d->live = gh_alloc(d->def->conf_size);
	d->common = d->live;
	if (conf_load(&d->conf, &spec, o->conf_file, d->live, &errs) != GH_OK) {
		for (unsigned i = 0; i < errs.count; i++)
			fprintf(stderr, "growhub-%s: %s\n", d->def->name, errs.text[i]);
		if (errs.dropped_count > 0)
			fprintf(stderr, "growhub-%s: and %u more errors\n", d->def->name,
				errs.dropped_count);
		return GH_EINVAL;
	}
	params_common_finish(d->live);
	if (gethostname(d->host, sizeof(d->host) - 1) != 0)
		d->host[0] = '\0';
	snprintf(d->worker, sizeof(d->worker), "%s-%s", d->def->name, d->common->instance_name);
	return GH_OK;
}

static void
build(struct daemon *d)
{
	d->loop = loop_new();
	d->dns = dns_new(d->loop, NULL, NULL);
	d->log_store = log_store_new(d);
	telemetry_register(d);
	d->run_check = daemon_check_add(d, "running", true);
	d->tick_timer = loop_timer_new(d->loop, tick_fn, d);
	d->drain_timer = loop_timer_new(d->loop, drain_timeout_fn, d);
	d->watchdog_timer = loop_timer_new(d->loop, watchdog_fn, d);
	d->signals[0] = loop_signal_new(d->loop, SIGTERM, stop_fn, d);
	d->signals[1] = loop_signal_new(d->loop, SIGINT, stop_fn, d);
	d->signals[2] = loop_signal_new(d->loop, SIGHUP, reload_fn, d);
	notify_init(&d->notify);
	if (d->notify.watchdog_us > 0)
		loop_timer_set(d->watchdog_timer, 0);
	loop_timer_set(d->tick_timer, TICK_US);
}

static void
take_apart(struct daemon *d)
{
	loop_timer_free(d->tick_timer);
	loop_timer_free(d->drain_timer);
	loop_timer_free(d->watchdog_timer);
	for (size_t i = 0; i < GH_COUNT(d->signals); i++)
		loop_signal_free(d->signals[i]);
	notify_close(&d->notify);
	log_store_free(d->log_store);
	dns_free(d->dns);
	loop_run_once(d->loop, 0); /* what dns_free and the servers left for a last pass */
	loop_free(d->loop);
	metrics_free(d->metrics);
}

/* From the admin port's listening to the end of the loop. */
static int
serve(struct daemon *d)
{
	struct gh_err err = {.code = GH_OK};
	enum gh_code rc = admin_open(d, &err);

	if (rc == GH_OK)
		rc = d->def->start(d, &err);
	if (rc != GH_OK) {
		bool is_conf = rc == GH_EINVAL || rc == GH_ECONFLICT || rc == GH_EPERM;

		log_error("daemon.start_failed", LOG_STR("code", gh_code_name(rc)),
			  LOG_STR("err", err.text));
		d->state = DAEMON_ENDED;
		admin_close(d);
		links_close(d);
		return is_conf ? GH_EXIT_CONFIG : GH_EXIT_BUG;
	}
	d->state = DAEMON_RUNNING;
	daemon_check_set(d, d->run_check, true, NULL);
	loop_run(d->loop);
	d->state = DAEMON_ENDED;
	admin_close(d);
	links_close(d);
	if (d->def->stop != NULL)
		d->def->stop(d);
	log_info("daemon.stopped", LOG_STR("version", GH_VERSION));
	return 0;
}

int
daemon_run(const struct daemon_def *def, int argc, char **argv)
{
	struct daemon_options o;
	struct daemon *d;
	int exit_code;

	if (!daemon_options_read(def, argc, argv, &o, &exit_code))
		return exit_code;
	d = gh_alloc(sizeof(*d));
	d->def = def;
	d->started_at_us = clock_wall_us();
	if (load_conf(d, &o) != GH_OK) {
		exit_code = GH_EXIT_CONFIG;
	} else if (o.tests_only) {
		printf("growhub-%s: %s is right\n", def->name, o.conf_file);
	} else {
		log_init(def->name, (enum log_level)d->common->log_level,
			 (enum log_format)d->common->log_format);
		log_info("daemon.starting", LOG_STR("version", GH_VERSION),
			 LOG_STR("name", d->common->instance_name), LOG_INT("pid", getpid()));
		raise_descriptor_limit();
		build(d);
		exit_code = serve(d);
		take_apart(d);
	}
	conf_free(d->conf);
	gh_free(d->live);
	gh_free(d);
	return exit_code;
}
