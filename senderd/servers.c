/* servers.c - tell the installation of a provider's breaker; see servers.h. */
#include "servers.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/provider_park.h"
#include "model/wake.h"
#include "routes.h"
#include "senderd.h"

/* A probe's own way to the database and back, beside its deadline. */
#define PARK_MARGIN_US (15 * CLOCK_SEC)

struct servers {
	struct senderd *sd;
};

/* A failure is only logged: it makes healthd hint the rows again (model/provider_park.h). */
static void
servers_stored(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct servers *v = arg;

	if (code == GH_OK)
		wake_send(v->sd->wake);
	else
		log_warn("provider.park_failed", LOG_STR("code", gh_code_name(code)),
			 LOG_STR("err", db_unit_error(u)->text));
}

static void
servers_store(struct servers *v, int32_t provider_id, enum breaker_change change, int64_t wait_us)
{
	const struct conf_common *conf = &v->sd->conf->common;
	struct db_unit *u = db_unit_new();
	enum gh_code rc;

	if (change == BREAKER_CLOSED)
		provider_release_add(u, provider_id);
	else
		provider_park_add(u, provider_id,
				  wait_us + conf->sending_deadline_us + PARK_MARGIN_US);
	rc = db_submit(v->sd->write, u, servers_stored, v);
	if (rc != GH_OK)
		log_warn("provider.park_failed", LOG_STR("code", gh_code_name(rc)));
}

void
servers_report(struct servers *v, const struct route *route, enum breaker_change change,
	       int64_t wait_us, const char *reason)
{
	struct metrics_table *metrics = v->sd->metrics;
	unsigned label = route->provider_label;

	if (change == BREAKER_SAME)
		return;
	metrics_add(metrics, M_BREAKER_CHANGES, label, (unsigned)change - BREAKER_OPENED, 1);
	if (change == BREAKER_OPENED) {
		metrics_adjust(metrics, M_BREAKER_OPEN, label, 0, 1);
		log_warn("provider.breaker_opened", LOG_INT("provider", route->provider_id),
			 LOG_STR("code", reason), LOG_INT("delay_ms", wait_us / CLOCK_MS));
	} else if (change == BREAKER_CLOSED) {
		metrics_adjust(metrics, M_BREAKER_OPEN, label, 0, -1);
		log_info("provider.breaker_closed", LOG_INT("provider", route->provider_id));
	}
	servers_store(v, route->provider_id, change, wait_us);
}

struct servers *
servers_new(struct senderd *sd)
{
	struct servers *v = gh_alloc(sizeof(*v));

	v->sd = sd;
	return v;
}

void
servers_free(struct servers *v)
{
	gh_free(v);
}
