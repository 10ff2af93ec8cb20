/* main.c - growhub-gateway: the REST API and the providers' webhooks. */
#include <stddef.h>

#include "daemon/daemon.h"
#include "private.h"

int
main(int argc, char **argv)
{
	struct http_metrics http_metrics;
	const struct daemon_metrics metrics[] = {
		{http_metrics.defs, http_metrics_def_count},
		{NULL, 0},
	};
	const struct daemon_def def = {
		.name = "gateway",
		.summary = "the REST API and the providers' webhooks",
		.params = params_gateway,
		.conf_size = sizeof(struct gateway_conf),
		.admin_listen_offset = offsetof(struct gateway_conf, admin_listen),
		.metrics = metrics,
		.start = gateway_start,
		.drain = gateway_drain,
		.stop = gateway_stop,
		.reload = gateway_reload,
	};

	http_metrics_init(&http_metrics);
	return daemon_run(&def, argc, argv);
}
