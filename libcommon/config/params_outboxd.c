/* params_outboxd.c - the table of the section "outboxd". See params_outboxd.h. */
#include "config/params_outboxd.h"

#define AT(member) .offset = offsetof(struct outboxd_conf, member)

const struct conf_param params_outboxd[] = {
	{"outboxd.admin_listen", CONF_TYPE_LISTEN, "127.0.0.1:9182", .max = 4, AT(admin_listen),
	 .help = "addresses of /livez, /readyz and /metrics; keep them private; empty: none"},
	{"outboxd.claim_max", CONF_TYPE_INT, "512", .min = 1, .max = 2048, AT(claim_max),
	 .help = "most outbox rows in one claim"},
	{"outboxd.publish_window", CONF_TYPE_INT, "256", .min = 1, .max = 4096, AT(publish_window),
	 .help = "publishings that may wait for the broker's confirmation"},
	{"outboxd.confirm_deadline", CONF_TYPE_DURATION, "5s", .min = 100 * CLOCK_MS,
	 .max = CONF_MINUTE, AT(confirm_deadline_us),
	 .help = "wait for confirmations before the rest of a claim is written back"},
	{"outboxd.poll_interval", CONF_TYPE_DURATION, "1s", .min = 50 * CLOCK_MS,
	 .max = CONF_MINUTE, AT(poll_interval_us),
	 .help = "look at the outbox this often even when nothing wakes it"},
	{.name = NULL},
};
