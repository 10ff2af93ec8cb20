/* params_eventd.c - the table of the section "eventd". See params_eventd.h. */
#include "config/params_eventd.h"

#define AT(member) .offset = offsetof(struct eventd_conf, member)

const struct conf_param params_eventd[] = {
	{"eventd.admin_listen", CONF_TYPE_LISTEN, "127.0.0.1:9184", .max = 4, AT(admin_listen),
	 .help = "addresses of /livez, /readyz and /metrics; keep them private; empty: none"},
	{"eventd.prefetch", CONF_TYPE_INT, "64", .min = 1, .max = 2000, AT(prefetch),
	 .help = "hints not yet acknowledged, per queue"},
	{"eventd.max_in_flight", CONF_TYPE_INT, "1000", .min = 1, .max = 20000, AT(max_in_flight),
	 .help = "posts to company endpoints at one time"},
	{"eventd.delivery_timeout", CONF_TYPE_DURATION, "15s", .min = CLOCK_SEC,
	 .max = 2 * CONF_MINUTE, AT(delivery_timeout_us),
	 .help = "longest post to an endpoint, from connect to last byte"},
	{"eventd.connect_timeout", CONF_TYPE_DURATION, "5s", .min = 100 * CLOCK_MS,
	 .max = CONF_MINUTE, AT(connect_timeout_us), .help = "longest connect to an endpoint"},
	{.name = NULL},
};
