#include "model/purge.h"

/* The rows are found and locked by the inner query: a slice stays a slice. */
#define PURGE_SQL(table, condition)                                                                \
	"DELETE FROM " table "\nWHERE ctid = ANY (ARRAY(\n"                                        \
	"  SELECT ctid FROM " table " WHERE " condition "\n"                                       \
	"  LIMIT $1 FOR UPDATE SKIP LOCKED))"

static const char purge_idempotency_keys_sql[] =
	PURGE_SQL("idempotency_keys", "created_at < now() - interval '72 h'");
static const char purge_idempotent_replies_sql[] =
	PURGE_SQL("idempotent_replies", "created_at < now() - interval '72 h'");
static const char purge_inbound_dedupe_sql[] =
	PURGE_SQL("inbound_dedupe", "received_at < now() - interval '7 d'");
static const char purge_admin_sessions_sql[] =
	PURGE_SQL("admin_sessions", "expires_at < now() - interval '1 d'");
static const char purge_provider_checks_sql[] =
	PURGE_SQL("provider_checks", "checked_at < now() - interval '7 d'");
static const char purge_media_sql[] = PURGE_SQL("media", "kept_until < now()");
static const char purge_orphans_sql[] = PURGE_SQL("orphans", "created_at < now() - interval '7 d'");
static const char purge_stats_hours_sql[] =
	PURGE_SQL("stats_hours", "hour < now() - interval '100 d'");
/* By id: the places of two partitions' rows may be equal. */
#define PURGE_LOGS_OLD "id < growhub_uuid7_floor(now() - $2::int8 * interval '1 us')"
static const char purge_logs_sql[] =
	"DELETE FROM logs WHERE " PURGE_LOGS_OLD " AND id = ANY (ARRAY(\n"
	"  SELECT id FROM logs WHERE " PURGE_LOGS_OLD " ORDER BY id LIMIT $1))";
static const char purge_contact_aliases_sql[] =
	PURGE_SQL("contact_aliases", "seen_at < now() - $2::int8 * interval '1 us'");

static const struct db_stmt purge_stmts[PURGE_KIND_COUNT] = {
	[PURGE_IDEMPOTENCY_KEYS] = {"purge_idempotency_keys", purge_idempotency_keys_sql,
				    DB_TYPES(DB_INT8)},
	[PURGE_IDEMPOTENT_REPLIES] = {"purge_idempotent_replies", purge_idempotent_replies_sql,
				      DB_TYPES(DB_INT8)},
	[PURGE_INBOUND_DEDUPE] = {"purge_inbound_dedupe", purge_inbound_dedupe_sql,
				  DB_TYPES(DB_INT8)},
	[PURGE_ADMIN_SESSIONS] = {"purge_admin_sessions", purge_admin_sessions_sql,
				  DB_TYPES(DB_INT8)},
	[PURGE_PROVIDER_CHECKS] = {"purge_provider_checks", purge_provider_checks_sql,
				   DB_TYPES(DB_INT8)},
	[PURGE_MEDIA] = {"purge_media", purge_media_sql, DB_TYPES(DB_INT8)},
	[PURGE_LOGS] = {"purge_logs", purge_logs_sql, DB_TYPES(DB_INT8, DB_INT8)},
	[PURGE_CONTACT_ALIASES] = {"purge_contact_aliases", purge_contact_aliases_sql,
				   DB_TYPES(DB_INT8, DB_INT8)},
	[PURGE_STATS_HOURS] = {"purge_stats_hours", purge_stats_hours_sql, DB_TYPES(DB_INT8)},
	[PURGE_ORPHANS] = {"purge_orphans", purge_orphans_sql, DB_TYPES(DB_INT8)},
};
const struct db_stmt_table purge_stmt_table = DB_STMT_TABLE(purge_stmts);

const char *
purge_name(enum purge_kind kind)
{
	static const char *const names[PURGE_KIND_COUNT] = {
		[PURGE_IDEMPOTENCY_KEYS] = "idempotency_keys",
		[PURGE_IDEMPOTENT_REPLIES] = "idempotent_replies",
		[PURGE_INBOUND_DEDUPE] = "inbound_dedupe",
		[PURGE_ADMIN_SESSIONS] = "admin_sessions",
		[PURGE_PROVIDER_CHECKS] = "provider_checks",
		[PURGE_MEDIA] = "media",
		[PURGE_LOGS] = "logs",
		[PURGE_CONTACT_ALIASES] = "contact_aliases",
		[PURGE_STATS_HOURS] = "stats_hours",
		[PURGE_ORPHANS] = "orphans",
	};

	return names[kind];
}

void
purge_slice_add(struct db_unit *u, enum purge_kind kind, unsigned limit, int64_t kept_us)
{
	struct db_params *p;

	if (limit == 0 || limit > PURGE_SLICE_MAX)
		gh_panic("purge_slice_add: %u rows", limit);
	p = db_unit_add(u, &purge_stmts[kind]);
	db_p_i64(p, limit);
	if (kind == PURGE_LOGS || kind == PURGE_CONTACT_ALIASES)
		db_p_i64(p, kept_us);
}

int64_t
purge_slice_count(const struct db_unit *u, unsigned stmt)
{
	return db_affected_count(db_unit_result(u, stmt));
}
