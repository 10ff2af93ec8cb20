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
	int64_t check_interval_us;    /* state of providers and waiting instances */
	int64_t recovery_interval_us; /* lapsed leases, stranded work */
	int64_t partitions_ahead;     /* months */
	int64_t queue_idle_us;        /* a queue unused for this long is removed */
};

extern const struct conf_param params_healthd[];

#endif
