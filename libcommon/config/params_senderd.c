/* params_senderd.c - the table of the section "senderd". See params_senderd.h. */
#include "config/params_senderd.h"

#define AT(member) .offset = offsetof(struct senderd_conf, member)

const struct conf_param params_senderd[] = {
	{"senderd.admin_listen", CONF_TYPE_LISTEN, "127.0.0.1:9183", .max = 4, AT(admin_listen),
	 .help = "addresses of /livez, /readyz and /metrics; keep them private; empty: none"},
	{"senderd.prefetch", CONF_TYPE_INT, "64", .min = 1, .max = 2000, AT(prefetch),
	 .help = "hints not yet acknowledged, per queue"},
	{"senderd.max_in_flight", CONF_TYPE_INT, "2000", .min = 1, .max = 20000, AT(max_in_flight),
	 .help = "provider calls at one time"},
	{"senderd.connect_timeout", CONF_TYPE_DURATION, "5s", .min = 100 * CLOCK_MS,
	 .max = CONF_MINUTE, AT(connect_timeout_us), .help = "longest connect to a provider"},
	{"senderd.media_memory", CONF_TYPE_SIZE, "256MiB", .min = CONF_MIB,
	 .max = 64 * 1024 * CONF_MIB, AT(media_memory),
	 .help = "requests that hold a stored file, all together; a larger one goes alone"},
	{"senderd.media_check", CONF_TYPE_BOOL, "true", AT(media_check),
	 .help = "fetch one byte of a file given as a URL before the URL is handed on"},
	{"senderd.media_url_max", CONF_TYPE_SIZE, "100MiB", .min = CONF_MIB, .max = 4096 * CONF_MIB,
	 AT(media_url_max), .help = "largest file given as a URL, where its host tells the size"},
	{.name = NULL},
};
