/* params_common.c - the table of the keys every daemon reads. See params_common.h. */
#include "config/params_common.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

/* In the order of enum params_queue_type, enum log_level (PARAMS_STORE_NONE behind it), enum
 * log_format. */
static const char *const queue_types[] = {"classic", "quorum", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_store_levels[] = {"debug", "info", "warn", "error", "none", NULL};
static const char *const log_formats[] = {"logfmt", "json", NULL};

static const char *const db_schemes[] = {"postgresql://", "postgres://", NULL};
static const char *const mq_schemes[] = {"amqp://", NULL};
const char *const params_http_schemes[] = {"http://", "https://", NULL};

#define AT(member) .offset = offsetof(struct conf_common, member)

const struct conf_param params_common[] = {
	{"instance_name", CONF_TYPE_STRING, NULL, .min = 1, .max = 128, AT(instance_name),
	 .help = "name of this process in rows, leases and metrics; default host-pid"},
	{"egress_allow", CONF_TYPE_CIDRS, "", .max = 64, .flags = CONF_RELOADABLE, AT(egress_allow),
	 .help = "networks that webhooks and media may reach although they are not public, also by "
		 "plain http"},

	{"db.url", CONF_TYPE_SECRET, NULL, .min = 1, .words = db_schemes, .flags = CONF_REQUIRED,
	 AT(db_url), .help = "PostgreSQL, libpq URI; several hosts allowed"},
	{"db.direct_url", CONF_TYPE_SECRET, NULL, .min = 1, .words = db_schemes, AT(db_direct_url),
	 .help = "PostgreSQL around the pooler, for listening and leadership; default db.url"},
	{"db.prepared", CONF_TYPE_BOOL, "true", AT(db_prepared),
	 .help = "prepared statements; false behind PgBouncer in transaction mode"},
	{"db.statement_timeout", CONF_TYPE_DURATION, "10s", .min = 100 * CLOCK_MS,
	 .max = 5 * CONF_MINUTE, AT(db_statement_timeout_us),
	 .help = "longest run of one statement"},

	{"mq.url", CONF_TYPE_SECRET, NULL, .min = 1, .words = mq_schemes, AT(mq_url),
	 .help = "RabbitMQ, amqp://user:password@host:port,host:port/vhost; required by outboxd, "
		 "senderd, eventd"},
	{"mq.heartbeat", CONF_TYPE_DURATION, "15s", .min = CLOCK_SEC, .max = 5 * CONF_MINUTE,
	 AT(mq_heartbeat_us), .help = "AMQP heartbeat; a silent broker is given up after two"},
	{"mq.queue_type", CONF_TYPE_ENUM, "classic", .words = queue_types, AT(mq_queue_type),
	 .help = "type of newly declared queues"},

	{"log.level", CONF_TYPE_ENUM, "info", .words = log_levels, .flags = CONF_RELOADABLE,
	 AT(log_level), .help = "least severe lines written"},
	{"log.format", CONF_TYPE_ENUM, "logfmt", .words = log_formats, AT(log_format),
	 .help = "form of the log lines on stderr"},
	{"log.store_level", CONF_TYPE_ENUM, "warn", .words = log_store_levels,
	 .flags = CONF_RELOADABLE, AT(log_store_level),
	 .help = "least severe lines kept in the database too; none: none"},

	{"secrets.key", CONF_TYPE_KEY, NULL, .flags = CONF_REQUIRED, AT(secrets_key),
	 .help = "key that seals secrets in the database"},

	{"sending.deadline", CONF_TYPE_DURATION, "30s", .min = CLOCK_SEC, .max = 5 * CONF_MINUTE,
	 .flags = CONF_RELOADABLE, AT(sending_deadline_us),
	 .help = "longest provider call for one message"},
	{"sending.lease_margin", CONF_TYPE_DURATION, "15s", .min = CLOCK_SEC,
	 .max = 5 * CONF_MINUTE, .flags = CONF_RELOADABLE, AT(sending_lease_margin_us),
	 .help = "time a claim outlives its call's deadline"},
	{"sending.in_doubt_wait", CONF_TYPE_DURATION, "60s", .min = CLOCK_SEC, .max = CONF_DAY,
	 .flags = CONF_RELOADABLE, AT(sending_in_doubt_wait_us),
	 .help = "wait for proof of a send without an answer before the policy decides"},
	{"sending.max_attempts", CONF_TYPE_INT, "4", .min = 1, .max = 20, .flags = CONF_RELOADABLE,
	 AT(sending_max_attempts), .help = "provider calls for one message, the first included"},
	{"sending.new_chats_pause", CONF_TYPE_DURATION, "6h", .min = CLOCK_SEC, .max = CONF_DAY,
	 .flags = CONF_RELOADABLE, AT(sending_new_chats_pause_us),
	 .help = "an instance that may open no conversation opens none for this long, where "
		 "WhatsApp does not tell"},
	{"sending.stalled_after", CONF_TYPE_DURATION, "10m", .min = CLOCK_SEC, .max = CONF_DAY,
	 .flags = CONF_RELOADABLE, AT(sending_stalled_after_us),
	 .help = "a sent message without any receipt for this long is stalled"},
	{.name = NULL},
};

const char *const params_require_mq[] = {"mq.url", NULL};

const char *const params_sections[] = {"gateway", "outboxd", "senderd", "eventd",
				       "healthd", "ctl",     NULL};

void
params_common_finish(struct conf_common *c)
{
	char host[256];

	if (c->instance_name != NULL)
		return;
	/* A cut host name need not end in NUL. */
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	host[sizeof(host) - 1] = '\0';
	snprintf(c->instance_name_made, sizeof(c->instance_name_made), "%s-%ld",
		 host[0] != '\0' ? host : "localhost", (long)getpid());
	c->instance_name = c->instance_name_made;
}
