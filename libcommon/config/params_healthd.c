/* params_healthd.c - the table of the section "healthd". See params_healthd.h. */
#include "config/params_healthd.h"

#define AT(member) .offset = offsetof(struct healthd_conf, member)

const struct conf_param params_healthd[] = {
	{"healthd.admin_listen", CONF_TYPE_LISTEN, "127.0.0.1:9185", .max = 4, AT(admin_listen),
	 .help = "addresses of /livez, /readyz and /metrics; keep them private; empty: none"},
	{"healthd.check_interval", CONF_TYPE_DURATION, "15s", .min = CLOCK_SEC, .max = CONF_HOUR,
	 AT(check_interval_us),
	 .help = "look this often at providers, and at instances with waiting sends"},
	{"healthd.public_url", CONF_TYPE_STRING, NULL, .min = 8, .max = 1024,
	 .words = params_http_schemes, AT(public_url),
	 .help = "as gateway.public_url; unset: no session is created or told of a change"},
	{"healthd.recovery_interval", CONF_TYPE_DURATION, "1s", .min = 500 * CLOCK_MS,
	 .max = 5 * CONF_MINUTE, AT(recovery_interval_us),
	 .help = "look this often for work whose lease ran out and sends past their end"},
	{"healthd.rehint_interval", CONF_TYPE_DURATION, "15s", .min = CLOCK_SEC,
	 .max = 5 * CONF_MINUTE, AT(rehint_interval_us),
	 .help = "look this often for due work whose hint was lost"},
	{"healthd.ledger_interval", CONF_TYPE_DURATION, "5m", .min = CLOCK_SEC, .max = CONF_DAY,
	 AT(ledger_interval_us), .help = "balance the ledger this often; it reads every message"},
	{"healthd.partitions_ahead", CONF_TYPE_INT, "2", .min = 1, .max = 24, AT(partitions_ahead),
	 .help = "month partitions made in advance"},
	{"healthd.stats_interval", CONF_TYPE_DURATION, "30s", .min = CLOCK_SEC, .max = CONF_HOUR,
	 AT(stats_interval_us), .help = "bring the statistics up to date this often"},
	{"healthd.stats_delay", CONF_TYPE_DURATION, "30s", .min = CLOCK_SEC, .max = CONF_HOUR,
	 AT(stats_delay_us),
	 .help = "statistics leave out the last so long: what is not committed by then is not "
		 "counted"},
	{"healthd.log_retention", CONF_TYPE_DURATION, "7d", .min = CONF_HOUR, .max = 365 * CONF_DAY,
	 AT(log_retention_us), .help = "how long log lines stay in the database"},
	{"healthd.contact_retention", CONF_TYPE_DURATION, "365d", .min = 30 * CONF_DAY,
	 .max = 3650 * CONF_DAY, AT(contact_retention_us),
	 .help = "forget a hidden id and its number so long after the person was last heard of"},
	{.name = NULL},
};
