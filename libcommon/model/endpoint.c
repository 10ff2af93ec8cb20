#include "model/endpoint.h"

#include "base/arena.h"
#include "model/id_page.h"

#define ENDPOINT_COLUMNS                                                                           \
	"SELECT e.id, e.instance_id, e.url, e.events, e.format, e.custom_headers_sealed,\n"        \
	"       e.is_active, e.failure_state, e.last_success_at, e.disabled_at, e.created_at,\n"   \
	"       e.updated_at, e.options\n"

/* Whether the instance, i, may have one more. */
#define ENDPOINT_HAS_ROOM                                                                          \
	"(SELECT count(*) FROM instance_webhooks n\n"                                              \
	"     WHERE n.company_id = i.company_id AND n.instance_id = i.id\n"                        \
	"       AND n.deleted_at IS NULL) < 100\n"
_Static_assert(ENDPOINT_PER_INSTANCE_MAX == 100, "the condition above names it");

/* Blocks no send and no event: they refer to the instance by its key, which stays. */
static const char endpoint_room_lock_sql[] =
	"SELECT 1 FROM instances i\n"
	"WHERE i.id = $2 AND i.company_id = $1 AND i.status <> 'deleted' FOR NO KEY UPDATE";

static const char endpoint_insert_sql[] =
	"WITH e AS (\n"
	"  INSERT INTO instance_webhooks (company_id, instance_id, url, events, event_mask, "
	"format,\n"
	"                                 options, custom_headers_sealed, is_active)\n"
	"  SELECT i.company_id, i.id, $4, $5, $6, $7, $8, $9, $10 FROM instances i\n"
	"  WHERE i.company_id = $1 AND i.status <> 'deleted'\n"
	"    AND i.id = coalesce($2, (SELECT t.instance_id FROM tokens t WHERE t.token_hash = "
	"$3))\n"
	"    AND " ENDPOINT_HAS_ROOM "  RETURNING *\n"
	"), s AS (\n"
	"  INSERT INTO webhook_secrets (endpoint_id, secret_sealed) SELECT e.id, $11 FROM e\n"
	")\n" ENDPOINT_COLUMNS "FROM e";

static const char endpoint_update_sql[] =
	"UPDATE instance_webhooks e\n"
	"SET url = $4, events = $5, event_mask = $6, format = $7, options = $8,\n"
	"    custom_headers_sealed = $9, is_active = $10, updated_at = now()\n"
	"WHERE e.id = $3 AND e.company_id = $1 AND e.instance_id = $2 AND e.deleted_at IS NULL\n"
	"RETURNING e.id, e.instance_id, e.url, e.events, e.format, e.custom_headers_sealed,\n"
	"          e.is_active, e.failure_state, e.last_success_at, e.disabled_at, e.created_at,\n"
	"          e.updated_at, e.options";

/* One of the format, made or replaced: the oldest. Its secret and headers stay. */
static const char endpoint_put_sql[] =
	"WITH old AS MATERIALIZED (\n"
	"  SELECT o.id FROM instance_webhooks o\n"
	"  WHERE o.company_id = $1 AND o.instance_id = $2 AND o.deleted_at IS NULL\n"
	"    AND o.format = $6\n"
	"  ORDER BY o.id LIMIT 1\n"
	"), changed AS (\n"
	"  UPDATE instance_webhooks w\n"
	"  SET url = $3, events = $4, event_mask = $5, options = $7, is_active = $9,\n"
	"      updated_at = now()\n"
	"  FROM old WHERE w.id = old.id\n"
	"  RETURNING w.*\n"
	"), made AS (\n"
	"  INSERT INTO instance_webhooks (company_id, instance_id, url, events, event_mask, "
	"format,\n"
	"                                 options, custom_headers_sealed, is_active)\n"
	"  SELECT i.company_id, i.id, $3, $4, $5, $6, $7, $8, $9 FROM instances i\n"
	"  WHERE i.company_id = $1 AND i.id = $2 AND i.status <> 'deleted'\n"
	"    AND NOT EXISTS (SELECT FROM old)\n"
	"    AND " ENDPOINT_HAS_ROOM "  RETURNING *\n"
	"), s AS (\n"
	"  INSERT INTO webhook_secrets (endpoint_id, secret_sealed) SELECT m.id, $10 FROM made m\n"
	")\n" ENDPOINT_COLUMNS "FROM (SELECT * FROM changed UNION ALL SELECT * FROM made) e";

static const char endpoint_delete_sql[] =
	"WITH e AS (\n"
	"  UPDATE instance_webhooks SET deleted_at = now(), is_active = false, updated_at = now()\n"
	"  WHERE id = $3 AND company_id = $1 AND instance_id = $2 AND deleted_at IS NULL\n"
	"  RETURNING *\n"
	")\n" ENDPOINT_COLUMNS "FROM e";

static const char endpoint_get_sql[] =
	ENDPOINT_COLUMNS "FROM instance_webhooks e\n"
			 "WHERE e.id = $3 AND e.company_id = $1 AND e.instance_id = $2\n"
			 "  AND e.deleted_at IS NULL";

static const char endpoint_list_sql[] =
	ID_PAGE_SQL(ENDPOINT_COLUMNS "FROM instance_webhooks e\n",
		    "e.company_id = $1 AND e.instance_id = $2 AND e.deleted_at IS NULL", "e.id",
		    "$3", "$4", "$5", "$6");

static const char endpoint_count_sql[] =
	"SELECT (SELECT count(*) FROM instance_webhooks e\n"
	"        WHERE e.company_id = i.company_id AND e.instance_id = i.id\n"
	"          AND e.deleted_at IS NULL)\n"
	"FROM instances i WHERE i.id = $2 AND i.company_id = $1 AND i.status <> 'deleted'";

enum {
	ENDPOINT_ROOM_LOCK,
	ENDPOINT_INSERT,
	ENDPOINT_UPDATE,
	ENDPOINT_PUT,
	ENDPOINT_DELETE,
	ENDPOINT_GET,
	ENDPOINT_LIST,
	ENDPOINT_COUNT
};

static const struct db_stmt endpoint_stmts[] = {
	[ENDPOINT_ROOM_LOCK] = {"endpoint_room_lock", endpoint_room_lock_sql,
				DB_TYPES(DB_INT4, DB_INT4)},
	[ENDPOINT_INSERT] = {"endpoint_insert", endpoint_insert_sql,
			     DB_TYPES(DB_INT4, DB_INT4, DB_BYTEA, DB_TEXT, DB_TEXT_ARRAY, DB_INT8,
				      DB_TEXT, DB_INT4, DB_BYTEA, DB_BOOL, DB_BYTEA)},
	[ENDPOINT_UPDATE] = {"endpoint_update", endpoint_update_sql,
			     DB_TYPES(DB_INT4, DB_INT4, DB_INT4, DB_TEXT, DB_TEXT_ARRAY, DB_INT8,
				      DB_TEXT, DB_INT4, DB_BYTEA, DB_BOOL)},
	[ENDPOINT_PUT] = {"endpoint_put", endpoint_put_sql,
			  DB_TYPES(DB_INT4, DB_INT4, DB_TEXT, DB_TEXT_ARRAY, DB_INT8, DB_TEXT,
				   DB_INT4, DB_BYTEA, DB_BOOL, DB_BYTEA)},
	[ENDPOINT_DELETE] = {"endpoint_delete", endpoint_delete_sql,
			     DB_TYPES(DB_INT4, DB_INT4, DB_INT4)},
	[ENDPOINT_GET] = {"endpoint_get", endpoint_get_sql, DB_TYPES(DB_INT4, DB_INT4, DB_INT4)},
	[ENDPOINT_LIST] = {"endpoint_list", endpoint_list_sql,
			   DB_TYPES(DB_INT4, DB_INT4, ID_PAGE_TYPES)},
	[ENDPOINT_COUNT] = {"endpoint_count", endpoint_count_sql, DB_TYPES(DB_INT4, DB_INT4)},
};
const struct db_stmt_table endpoint_stmt_table = DB_STMT_TABLE(endpoint_stmts);

/* $4..$10 of insert and update, $3..$9 of put. */
static void
endpoint_set_add(struct db_params *p, const struct endpoint_set *set)
{
	struct db_arr *events;

	db_p_text(p, set->url);
	events = db_p_array(p, DB_TEXT, set->event_count);
	for (unsigned i = 0; i < set->event_count; i++)
		db_arr_text(events, set->events[i]);
	db_p_i64(p, set->event_mask);
	db_p_text(p, slice_of(event_format_name(set->format)));
	db_p_i32(p, (int32_t)set->options);
	db_p_bytea(p, set->headers_sealed);
	db_p_bool(p, set->is_active);
}

/* Statement whose parameters are company and instance. */
static void
endpoint_instance_add(struct db_unit *u, unsigned stmt, int32_t company_id, int32_t instance_id)
{
	struct db_params *p = db_unit_add(u, &endpoint_stmts[stmt]);

	db_p_i32(p, company_id);
	db_p_i32(p, instance_id);
}

void
endpoint_room_lock_add(struct db_unit *u, int32_t company_id, int32_t instance_id)
{
	endpoint_instance_add(u, ENDPOINT_ROOM_LOCK, company_id, instance_id);
}

void
endpoint_insert_add(struct db_unit *u, const struct endpoint_owner *owner,
		    const struct endpoint_set *set, struct slice secret_sealed)
{
	struct db_params *p = db_unit_add(u, &endpoint_stmts[ENDPOINT_INSERT]);

	db_p_i32(p, owner->company_id);
	if (owner->instance_id == 0)
		db_p_null(p);
	else
		db_p_i32(p, owner->instance_id);
	db_p_bytea(p, owner->token_hash);
	endpoint_set_add(p, set);
	db_p_bytea(p, secret_sealed);
}

/* Statement whose first parameters are company, instance, endpoint. */
static struct db_params *
endpoint_own_add(struct db_unit *u, unsigned stmt, int32_t company_id, int32_t instance_id,
		 int32_t id)
{
	struct db_params *p = db_unit_add(u, &endpoint_stmts[stmt]);

	db_p_i32(p, company_id);
	db_p_i32(p, instance_id);
	db_p_i32(p, id);
	return p;
}

void
endpoint_update_add(struct db_unit *u, int32_t company_id, int32_t instance_id, int32_t id,
		    const struct endpoint_set *set)
{
	endpoint_set_add(endpoint_own_add(u, ENDPOINT_UPDATE, company_id, instance_id, id), set);
}

void
endpoint_put_add(struct db_unit *u, int32_t company_id, int32_t instance_id,
		 const struct endpoint_set *set, struct slice secret_sealed)
{
	struct db_params *p = db_unit_add(u, &endpoint_stmts[ENDPOINT_PUT]);

	db_p_i32(p, company_id);
	db_p_i32(p, instance_id);
	endpoint_set_add(p, set);
	db_p_bytea(p, secret_sealed);
}

void
endpoint_delete_add(struct db_unit *u, int32_t company_id, int32_t instance_id, int32_t id)
{
	endpoint_own_add(u, ENDPOINT_DELETE, company_id, instance_id, id);
}

void
endpoint_get_add(struct db_unit *u, int32_t company_id, int32_t instance_id, int32_t id)
{
	endpoint_own_add(u, ENDPOINT_GET, company_id, instance_id, id);
}

void
endpoint_list_add(struct db_unit *u, int32_t company_id, int32_t instance_id,
		  const struct id_page *page)
{
	struct db_params *p = db_unit_add(u, &endpoint_stmts[ENDPOINT_LIST]);

	db_p_i32(p, company_id);
	db_p_i32(p, instance_id);
	id_page_add(p, page);
}

void
endpoint_count_add(struct db_unit *u, int32_t company_id, int32_t instance_id)
{
	endpoint_instance_add(u, ENDPOINT_COUNT, company_id, instance_id);
}

int64_t
endpoint_count_of(const struct db_unit *u, unsigned stmt)
{
	const struct db_result *r = db_unit_result(u, stmt);

	return db_row_count(r) == 0 ? -1 : db_get_i64(r, 0, 0);
}

unsigned
endpoint_row_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

static void
endpoint_events_read(const struct db_result *r, unsigned i, struct arena *a,
		     struct endpoint_row *row)
{
	struct db_array_it it = db_get_array(r, i, 3);
	struct slice word;

	row->event_count = 0;
	while (row->event_count < ENDPOINT_EVENTS_MAX && db_array_next(&it, &word))
		row->events[row->event_count++] = arena_dup(a, word);
}

void
endpoint_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
		  struct endpoint_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->id = db_get_i32(r, i, 0);
	row->instance_id = db_get_i32(r, i, 1);
	row->url = arena_dup(a, db_get_slice(r, i, 2));
	endpoint_events_read(r, i, a, row);
	row->format = event_format_of(db_get_slice(r, i, 4));
	row->options = (unsigned)db_get_i32(r, i, 12);
	row->headers_sealed = arena_dup(a, db_get_slice(r, i, 5));
	row->is_active = db_get_bool(r, i, 6);
	row->failure_state = arena_dup(a, db_get_slice(r, i, 7));
	row->last_success_at_us = db_get_time_us(r, i, 8);
	row->disabled_at_us = db_get_time_us(r, i, 9);
	row->created_at_us = db_get_time_us(r, i, 10);
	row->updated_at_us = db_get_time_us(r, i, 11);
}
