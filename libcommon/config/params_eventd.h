/* params_eventd.h - configuration of growhub-eventd: its struct and the table of its section. */
#ifndef GH_PARAMS_EVENTD_H
#define GH_PARAMS_EVENTD_H

#include <stddef.h>
#include <stdint.h>

#include "config/conf.h"
#include "config/params_common.h"

/* Times in microseconds, sizes in bytes. */
struct eventd_conf {
	struct conf_common common;
	struct conf_listens admin_listen;
	int64_t prefetch;            /* hints not yet acknowledged, per consumer */
	int64_t max_in_flight;       /* posts to company endpoints */
	int64_t delivery_timeout_us; /* one post, from connect to the last byte */
	int64_t connect_timeout_us;
};

extern const struct conf_param params_eventd[];

#endif
