/* params_gateway.h - configuration of growhub-gateway: its struct and the table of its section. */
#ifndef GH_PARAMS_GATEWAY_H
#define GH_PARAMS_GATEWAY_H

#include <stddef.h>
#include <stdint.h>

#include "config/conf.h"
#include "config/params_common.h"

/* Times in microseconds, sizes in bytes. */
struct gateway_conf {
	struct conf_common common;
	struct conf_listens admin_listen;
	struct conf_listens listen;
	const char *public_url; /* without a trailing slash */
	int64_t max_connections;
	size_t body_max;
	const char *tls_cert; /* both or none */
	const char *tls_key;
	int64_t batch_max; /* rows of one group commit */
	int64_t session_ttl_us;
	int64_t waiters_max;
	size_t media_max;
	int64_t webhook_failures;         /* per minute */
	struct conf_strings cors_origins; /* none: no CORS; "*" alone: every origin */
};

extern const struct conf_param params_gateway[];

#endif
