/* params_senderd.h - configuration of growhub-senderd: its struct and the table of its section. */
#ifndef GH_PARAMS_SENDERD_H
#define GH_PARAMS_SENDERD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/conf.h"
#include "config/params_common.h"

/* Times in microseconds, sizes in bytes. */
struct senderd_conf {
	struct conf_common common;
	struct conf_listens admin_listen;
	int64_t prefetch;      /* hints not yet acknowledged, per consumer */
	int64_t max_in_flight; /* provider calls */
	int64_t connect_timeout_us;
	size_t media_memory; /* of requests that hold a stored file */
	bool media_check;    /* look at a file's URL before it is handed on */
	size_t media_url_max;
};

extern const struct conf_param params_senderd[];

#endif
