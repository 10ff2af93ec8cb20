/* params_outboxd.h - configuration of growhub-outboxd: its struct and the table of its section. */
#ifndef GH_PARAMS_OUTBOXD_H
#define GH_PARAMS_OUTBOXD_H

#include <stddef.h>
#include <stdint.h>

#include "config/conf.h"
#include "config/params_common.h"

/* Times in microseconds, sizes in bytes. */
struct outboxd_conf {
	struct conf_common common;
	struct conf_listens admin_listen;
	int64_t claim_max;      /* outbox rows of one claim */
	int64_t publish_window; /* publishings not yet confirmed */
	int64_t confirm_deadline_us;
	int64_t poll_interval_us; /* safety net below the timer and NOTIFY */
};

extern const struct conf_param params_outboxd[];

#endif
