/* servers.c - tell the installation of a provider's breaker; see servers.h. */
#include "servers.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "model/provider_park.h"
#include "model/wake.h"
#include "routes.h"
#include "senderd.h"

/* A probe's own way to the database and back, beside its deadline. */
#define PARK_MARGIN_US (15 * CLOCK_SEC)

struct servers {
	struct senderd *sd;
	struct map *open; /* provider id -> struct open_server */
};

struct open_server {
	unsigned label; /* of the metrics */
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

static void
servers_opened(struct servers *v, const struct route *route)
{
	struct open_server *o = gh_alloc(sizeof(*o));

	o->label = route->provider_label;
	(void)map_put_i64(v->open, route->provider_id, o);
	metrics_adjust(v->sd->metrics, M_BREAKER_OPEN, o->label, 0, 1);
}

static void
servers_closed(struct servers *v, int32_t provider_id, const char *reason)
{
	struct open_server *o = map_del_i64(v->open, provider_id);

	metrics_adjust(v->sd->metrics, M_BREAKER_OPEN, o->label, 0, -1);
	metrics_add(v->sd->metrics, M_BREAKER_CHANGES, o->label, BREAKER_CLOSED - BREAKER_OPENED,
		    1);
	log_info("provider.breaker_closed", LOG_INT("provider", provider_id),
		 LOG_STR("code", reason));
	gh_free(o);
}

void
servers_forget(struct servers *v, int32_t provider_id)
{
	servers_closed(v, provider_id, "idle");
}

void
servers_report(struct servers *v, const struct route *route, enum breaker_change change,
	       int64_t wait_us, const char *reason)
{
	if (change == BREAKER_SAME)
		return;
	if (change == BREAKER_CLOSED)
		servers_closed(v, route->provider_id, reason);
	else
		metrics_add(v->sd->metrics, M_BREAKER_CHANGES, route->provider_label,
			    (unsigned)change - BREAKER_OPENED, 1);
	if (change == BREAKER_OPENED) {
		servers_opened(v, route);
		log_warn("provider.breaker_opened", LOG_INT("provider", route->provider_id),
			 LOG_STR("code", reason), LOG_INT("delay_ms", wait_us / CLOCK_MS));
	}
	servers_store(v, route->provider_id, change, wait_us);
}

struct servers *
servers_new(struct senderd *sd)
{
	struct servers *v = gh_alloc(sizeof(*v));

	v->sd = sd;
	v->open = map_new();
	return v;
}

void
servers_free(struct servers *v)
{
	size_t it = 0;
	void *value;

	if (v == NULL)
		return;
	while (map_next(v->open, &it, NULL, &value))
		gh_free(value);
	map_free(v->open);
	gh_free(v);
}
