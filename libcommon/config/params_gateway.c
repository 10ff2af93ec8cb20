/* params_gateway.c - the table of the section "gateway". See params_gateway.h. */
#include "config/params_gateway.h"

#define AT(member) .offset = offsetof(struct gateway_conf, member)

const struct conf_param params_gateway[] = {
	{"gateway.listen", CONF_TYPE_LISTEN, NULL, .min = 1, .max = 16, .flags = CONF_REQUIRED,
	 AT(listen), .help = "addresses of the API; several gateways may share one"},
	{"gateway.admin_listen", CONF_TYPE_LISTEN, "127.0.0.1:9181", .max = 4, AT(admin_listen),
	 .help = "addresses of /livez, /readyz and /metrics; keep them private; empty: none"},
	{"gateway.public_url", CONF_TYPE_STRING, NULL, .min = 8, .max = 1024,
	 .words = params_http_schemes, .flags = CONF_REQUIRED, AT(public_url),
	 .help = "where providers reach this API: part of their webhook URLs"},
	{"gateway.max_connections", CONF_TYPE_INT, "4096", .min = 16, .max = 200000,
	 AT(max_connections), .help = "open client connections per address; beyond: 503"},
	{"gateway.body_max", CONF_TYPE_SIZE, "1MiB", .min = 16 * CONF_KIB, .max = 64 * CONF_MIB,
	 AT(body_max), .help = "largest request body of the JSON API"},
	{"gateway.tls_cert", CONF_TYPE_STRING, NULL, .min = 1, .max = 4096, AT(tls_cert),
	 .help = "PEM file with the certificate chain; unset: plain http"},
	{"gateway.tls_key", CONF_TYPE_STRING, NULL, .min = 1, .max = 4096, AT(tls_key),
	 .help = "PEM file with the private key"},
	{"gateway.batch_max", CONF_TYPE_INT, "128", .min = 1, .max = 1024, AT(batch_max),
	 .help = "most messages in one group commit"},
	{"gateway.session_ttl", CONF_TYPE_DURATION, "12h", .min = CONF_MINUTE, .max = 30 * CONF_DAY,
	 .flags = CONF_RELOADABLE, AT(session_ttl_us),
	 .help = "life of an administrator's session"},
	{"gateway.waiters_max", CONF_TYPE_INT, "1024", .min = 0, .max = 100000, AT(waiters_max),
	 .help = "requests that wait for the outcome of their message; beyond: answered at once"},
	{"gateway.media_max", CONF_TYPE_SIZE, "16MiB", .min = 16 * CONF_KIB, .max = 16 * CONF_MIB,
	 AT(media_max), .help = "largest file inside a request"},
	{"gateway.webhook_failures", CONF_TYPE_INT, "300", .min = 1, .max = 1000000,
	 AT(webhook_failures),
	 .help = "wrong webhook keys of an address, wrong signatures of an instance, per minute"},
	{"gateway.cors_origins", CONF_TYPE_ORIGINS, "", .max = 64, .flags = CONF_RELOADABLE,
	 AT(cors_origins), .help = "origins whose pages may call the API; empty: no CORS"},
	{.name = NULL},
};
