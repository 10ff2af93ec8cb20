/* purge.h - remove what has served its time, a slice at a time. */
#ifndef GH_MODEL_PURGE_H
#define GH_MODEL_PURGE_H

#include <stdint.h>

#include "db/db.h"

#define PURGE_SLICE_MAX 10000

enum purge_kind {
	PURGE_IDEMPOTENCY_KEYS,   /* 72 h after they were made */
	PURGE_IDEMPOTENT_REPLIES, /* the same */
	PURGE_INBOUND_DEDUPE,     /* 7 days after the body came */
	PURGE_ADMIN_SESSIONS,     /* a day after they expired */
	PURGE_PROVIDER_CHECKS,    /* after 7 days */
	PURGE_MEDIA,              /* with their chunks, once no message needs them */
	PURGE_LOGS,               /* kept_us after they were written */
	PURGE_CONTACT_ALIASES,    /* kept_us after the person was last heard of */
	PURGE_STATS_HOURS,        /* after 100 days */
	PURGE_ORPHANS             /* 7 days after they were given up */
};
#define PURGE_KIND_COUNT 10

/* Name of the table, for logs. */
const char *purge_name(enum purge_kind kind);

/* Delete at most limit (1..PURGE_SLICE_MAX) rows, skipping those somebody holds. The large tables
 * are read through the indexes on their times, logs through their ids. kept_us: of the kinds that
 * say so. */
void purge_slice_add(struct db_unit *u, enum purge_kind kind, unsigned limit, int64_t kept_us);
/* Rows deleted. */
int64_t purge_slice_count(const struct db_unit *u, unsigned stmt);

extern const struct db_stmt_table purge_stmt_table;

#endif
