/* modules.c - the list of everything the gateway serves: a resource is added here. */
#include "private.h"

static const struct gw_module *const modules[] = {
	&auth_module,
	&keyed_module,
	&health_module,
	&admin_login_module,
	&companies_module,
	&providers_module,
	&instances_module,
	&instance_ops_module,
	&admin_instances_module,
	&instance_moves_module,
	&endpoints_module,
	&messages_module,
	&inbound_module,
	&events_module,
	&endpoint_ops_module,
	&deliveries_module,
	&documentation_module,
	&send_module,
	&dead_letters_module,
	&send_media_module,
	&uazapi_instance_module,
	&uazapi_instances_module,
	&uazapi_webhook_module,
	&uazapi_find_module,
	&uazapi_absent_module,
	&message_actions_module,
	&contacts_module,
	&groups_module,
	&admin_health_module,
	&admin_logs_module,
	&admin_metrics_module,
	&stats_module,
};

const struct gw_module *const *
modules_all(unsigned *count)
{
	*count = (unsigned)GH_COUNT(modules);
	return modules;
}

unsigned
modules_routes(struct route out[GW_ROUTES_MAX])
{
	unsigned n = 0;

	for (unsigned m = 0; m < GH_COUNT(modules); m++) {
		for (unsigned i = 0; i < modules[m]->route_count; i++) {
			const struct gw_route *r = &modules[m]->routes[i];

			if (n == GW_ROUTES_MAX)
				gh_panic("gateway: more than %d routes", GW_ROUTES_MAX);
			out[n++] = (struct route){.method = r->method,
						  .pattern = r->pattern,
						  .ctx = r,
						  .flags = r->flags,
						  .body_max = r->body_max};
		}
	}
	return n;
}
