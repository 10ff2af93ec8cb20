/* params_common.h - the sections every daemon reads: db, mq, log, secrets, sending,
 * and the installation-wide keys at top level.
 */
#ifndef GH_PARAMS_COMMON_H
#define GH_PARAMS_COMMON_H

#include <stdbool.h>
#include <stdint.h>

#include "config/conf.h"

enum params_queue_type { PARAMS_QUEUE_CLASSIC, PARAMS_QUEUE_QUORUM };
#define PARAMS_STORE_NONE 4 /* of log.store_level: behind the worst level */

/* Embed as a member of the daemon's conf struct; times in microseconds. */
struct conf_common {
	const char *instance_name; /* never NULL after params_common_finish */
	struct conf_cidrs egress_allow;

	const char *db_url;        /* libpq URI */
	const char *db_direct_url; /* NULL: as db_url */
	bool db_prepared;
	int64_t db_statement_timeout_us;

	const char *mq_url; /* NULL unless required by the daemon (params_require_mq) */
	int64_t mq_heartbeat_us;
	int mq_queue_type; /* enum params_queue_type */

	int log_level;       /* enum log_level */
	int log_format;      /* enum log_format */
	int log_store_level; /* enum log_level, or PARAMS_STORE_NONE */

	struct conf_key secrets_key; /* is_set after a successful load */

	int64_t sending_deadline_us;
	int64_t sending_lease_margin_us;
	int64_t sending_in_doubt_wait_us;
	int64_t sending_max_attempts;
	int64_t sending_new_chats_pause_us;
	int64_t sending_stalled_after_us;

	char instance_name_made[300]; /* storage of the default; use instance_name */
};

extern const struct conf_param params_common[];

/* For conf_spec.require: daemons that talk to the broker. */
extern const char *const params_require_mq[];
/* For conf_param.words: how an http address begins. */
extern const char *const params_http_schemes[];
/* For conf_spec.ignore: the sections of all programs. */
extern const char *const params_sections[];

/* After conf_load: fill what is computed (instance_name: "host-pid"). c must not move afterwards.
 */
void params_common_finish(struct conf_common *c);

#endif
