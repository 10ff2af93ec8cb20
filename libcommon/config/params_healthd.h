/* params_healthd.h - configuration of growhub-healthd: its struct and the table of its section. */
#ifndef GH_PARAMS_HEALTHD_H
#define GH_PARAMS_HEALTHD_H

#include <stddef.h>
#include <stdint.h>

#include "config/conf.h"
#include "config/params_common.h"

/* Times in microseconds, sizes in bytes. */
struct healthd_conf {
	struct conf_common common;
	struct conf_listens admin_listen;
	int64_t check_interval_us; /* state of providers and waiting instances */
	const char *public_url;    /* without a trailing slash; NULL: creations are not repeated */
	int64_t recovery_interval_us; /* lapsed leases, overdue sends */
	int64_t rehint_interval_us;   /* work whose hint was lost */
	int64_t ledger_interval_us;   /* balance of the ledger: reads every message */
	int64_t partitions_ahead;     /* months */
	int64_t stats_interval_us;    /* between roll-ups */
	int64_t stats_delay_us;       /* an id is at most so much older than its commit */
	int64_t log_retention_us;     /* of the table logs */
	int64_t contact_retention_us; /* contact_aliases, since last seen */
};

extern const struct conf_param params_healthd[];

#endif
