#include "model/provider_row.h"

#include "base/arena.h"
#include "model/id_page.h"
#include "model/instance_sql.h"

#define COLUMNS                                                                                    \
	"p.id, p.type, p.name, p.base_url, p.api_key_sealed IS NOT NULL, p.max_instances,\n"       \
	"    p.max_concurrency, p.is_active,\n"                                                    \
	"    (SELECT count(*) FROM instances i\n"                                                  \
	"     WHERE i.provider_id = p.id AND i.status <> 'deleted'),\n"                            \
	"    p.health_status, p.last_check, p.created_at, p.updated_at, p.engine"

static const char provider_insert_sql[] =
	"WITH p AS (\n"
	"  INSERT INTO providers (type, name, base_url, api_key_sealed, max_instances,\n"
	"      max_concurrency, is_active)\n"
	"  VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *\n"
	")\n"
	"SELECT " COLUMNS " FROM p";

static const char provider_get_sql[] =
	"SELECT " COLUMNS " FROM providers p WHERE p.id = $1 AND p.deleted_at IS NULL";

static const char provider_list_sql[] =
	ID_PAGE_SQL("SELECT " COLUMNS " FROM providers p\n", "p.deleted_at IS NULL", "p.id", "$1",
		    "$2", "$3", "$4");

static const char provider_count_sql[] =
	"SELECT count(*) FROM (SELECT 1 FROM providers WHERE deleted_at IS NULL LIMIT 10001) n";

static const char provider_update_sql[] =
	"WITH p AS (\n"
	"  UPDATE providers SET name = coalesce($2, name), base_url = coalesce($3, base_url),\n"
	/* Another server may run another engine. */
	"      engine = CASE WHEN coalesce($3, base_url) = base_url THEN engine END,\n"
	"      api_key_sealed = CASE WHEN $4::bool THEN $5 ELSE api_key_sealed END,\n"
	"      max_instances = coalesce($6, max_instances),\n"
	"      max_concurrency = coalesce($7, max_concurrency),\n"
	"      is_active = coalesce($8, is_active), updated_at = now()\n"
	"  WHERE id = $1 AND deleted_at IS NULL RETURNING *\n"
	")\n"
	"SELECT " COLUMNS " FROM p";

/* A creation of an instance takes the same lock: after it nobody can move in unseen. */
static const char provider_lock_sql[] = "SELECT 1 FROM providers WHERE id = $1 FOR UPDATE";

static const char provider_delete_sql[] =
	"WITH old AS (\n"
	"  SELECT p.*, EXISTS (SELECT 1 FROM instances i WHERE i.provider_id = p.id\n"
	"                      AND i.status <> 'deleted')\n"
	"      OR (SELECT coming > 0 FROM (" INSTANCE_COMING_SQL ") m) AS is_used\n"
	"  FROM providers p WHERE p.id = $1 AND p.deleted_at IS NULL\n"
	"), done AS (\n"
	"  UPDATE providers SET deleted_at = now(), is_active = false, updated_at = now()\n"
	"  FROM old WHERE providers.id = old.id AND NOT old.is_used\n"
	")\n"
	"SELECT " COLUMNS ", NOT p.is_used FROM old p";

static const char provider_instances_sql[] = ID_PAGE_SQL(
	"SELECT i.id, i.company_id, c.name, i.instance_name, i.phone_number, i.status,\n"
	"    i.external_instance_id, i.created_at, i.updated_at\n"
	"FROM instances i JOIN companies c ON c.id = i.company_id\n",
	"i.provider_id = $1 AND i.status <> 'deleted'", "i.id", "$2", "$3", "$4", "$5");

#define SERVER_COLUMNS "p.id, p.type, p.name, p.base_url, p.api_key_sealed"

static const char provider_server_list_sql[] =
	"SELECT " SERVER_COLUMNS " FROM providers p WHERE p.is_active AND p.deleted_at IS NULL\n"
	"ORDER BY p.id LIMIT $1";

static const char provider_server_get_sql[] =
	"SELECT " SERVER_COLUMNS " FROM providers p WHERE p.id = $1 AND p.deleted_at IS NULL";

#define IS_ENDED_COLUMN 14

enum {
	PROVIDER_INSERT,
	PROVIDER_GET,
	PROVIDER_LIST,
	PROVIDER_COUNT,
	PROVIDER_UPDATE,
	PROVIDER_LOCK,
	PROVIDER_DELETE,
	PROVIDER_INSTANCES,
	PROVIDER_SERVER_LIST,
	PROVIDER_SERVER_GET
};

static const struct db_stmt provider_stmts[] = {
	[PROVIDER_INSERT] = {"provider_insert", provider_insert_sql,
			     DB_TYPES(DB_TEXT, DB_TEXT, DB_TEXT, DB_BYTEA, DB_INT4, DB_INT4,
				      DB_BOOL)},
	[PROVIDER_GET] = {"provider_get", provider_get_sql, DB_TYPES(DB_INT4)},
	[PROVIDER_LIST] = {"provider_list", provider_list_sql, DB_TYPES(ID_PAGE_TYPES)},
	[PROVIDER_COUNT] = {"provider_count", provider_count_sql, DB_NO_PARAMS},
	[PROVIDER_UPDATE] = {"provider_update", provider_update_sql,
			     DB_TYPES(DB_INT4, DB_TEXT, DB_TEXT, DB_BOOL, DB_BYTEA, DB_INT4,
				      DB_INT4, DB_BOOL)},
	[PROVIDER_LOCK] = {"provider_lock", provider_lock_sql, DB_TYPES(DB_INT4)},
	[PROVIDER_DELETE] = {"provider_delete", provider_delete_sql, DB_TYPES(DB_INT4)},
	[PROVIDER_INSTANCES] = {"provider_instances", provider_instances_sql,
				DB_TYPES(DB_INT4, ID_PAGE_TYPES)},
	[PROVIDER_SERVER_LIST] = {"provider_server_list", provider_server_list_sql,
				  DB_TYPES(DB_INT8)},
	[PROVIDER_SERVER_GET] = {"provider_server_get", provider_server_get_sql, DB_TYPES(DB_INT4)},
};
const struct db_stmt_table provider_stmt_table = DB_STMT_TABLE(provider_stmts);

void
provider_insert_add(struct db_unit *u, const struct provider_change *c)
{
	struct db_params *p = db_unit_add(u, &provider_stmts[PROVIDER_INSERT]);

	db_p_text(p, c->type);
	db_p_text(p, c->name);
	db_p_text(p, c->base_url);
	db_p_bytea(p, c->api_key_sealed);
	db_p_i32(p, c->max_instances);
	db_p_i32(p, c->max_concurrency);
	db_p_bool(p, c->is_active);
}

void
provider_get_add(struct db_unit *u, int32_t id)
{
	db_p_i32(db_unit_add(u, &provider_stmts[PROVIDER_GET]), id);
}

void
provider_list_add(struct db_unit *u, const struct id_page *page)
{
	id_page_add(db_unit_add(u, &provider_stmts[PROVIDER_LIST]), page);
}

void
provider_count_add(struct db_unit *u)
{
	db_unit_add(u, &provider_stmts[PROVIDER_COUNT]);
}

int64_t
provider_count(const struct db_unit *u, unsigned stmt)
{
	return db_get_i64(db_unit_result(u, stmt), 0, 0);
}

static void
add_i32_opt(struct db_params *p, bool is_given, int32_t v)
{
	if (is_given)
		db_p_i32(p, v);
	else
		db_p_null(p);
}

void
provider_update_add(struct db_unit *u, int32_t id, const struct provider_change *c)
{
	struct db_params *p = db_unit_add(u, &provider_stmts[PROVIDER_UPDATE]);

	db_p_i32(p, id);
	db_p_text(p, c->name);
	db_p_text(p, c->base_url);
	db_p_bool(p, c->sets_api_key);
	db_p_bytea(p, c->api_key_sealed);
	add_i32_opt(p, c->has_max_instances, c->max_instances);
	add_i32_opt(p, c->has_max_concurrency, c->max_concurrency);
	if (c->has_is_active)
		db_p_bool(p, c->is_active);
	else
		db_p_null(p);
}

void
provider_delete_add(struct db_unit *u, int32_t id)
{
	db_p_i32(db_unit_add(u, &provider_stmts[PROVIDER_LOCK]), id);
	db_p_i32(db_unit_add(u, &provider_stmts[PROVIDER_DELETE]), id);
}

bool
provider_is_ended(const struct db_unit *u, unsigned stmt)
{
	return db_get_bool(db_unit_result(u, stmt), 0, IS_ENDED_COLUMN);
}

unsigned
provider_row_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
provider_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct provider_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->id = db_get_i32(r, i, 0);
	row->type = db_get_slice(r, i, 1);
	row->name = db_get_slice(r, i, 2);
	row->base_url = db_get_slice(r, i, 3);
	row->has_api_key = db_get_bool(r, i, 4);
	row->max_instances = db_get_i32(r, i, 5);
	row->max_concurrency = db_get_i32(r, i, 6);
	row->is_active = db_get_bool(r, i, 7);
	row->current_instances = db_get_i64(r, i, 8);
	row->health_status = db_get_slice(r, i, 9);
	row->last_check_us = db_get_time_us(r, i, 10);
	row->created_at_us = db_get_time_us(r, i, 11);
	row->updated_at_us = db_get_time_us(r, i, 12);
	row->engine = db_get_slice(r, i, 13);
}

void
provider_instances_add(struct db_unit *u, int32_t provider_id, const struct id_page *page)
{
	struct db_params *p = db_unit_add(u, &provider_stmts[PROVIDER_INSTANCES]);

	db_p_i32(p, provider_id);
	id_page_add(p, page);
}

unsigned
provider_instance_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
provider_instance_read(const struct db_unit *u, unsigned stmt, unsigned i,
		       struct provider_instance *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->id = db_get_i32(r, i, 0);
	row->company_id = db_get_i32(r, i, 1);
	row->company_name = db_get_slice(r, i, 2);
	row->instance_name = db_get_slice(r, i, 3);
	row->phone_number = db_get_slice(r, i, 4);
	row->status = db_get_slice(r, i, 5);
	row->external_id = db_get_slice(r, i, 6);
	row->created_at_us = db_get_time_us(r, i, 7);
	row->updated_at_us = db_get_time_us(r, i, 8);
}

/* ---- where its server is ---- */

void
provider_server_list_add(struct db_unit *u, unsigned limit)
{
	db_p_i64(db_unit_add(u, &provider_stmts[PROVIDER_SERVER_LIST]), limit);
}

void
provider_server_get_add(struct db_unit *u, int32_t id)
{
	db_p_i32(db_unit_add(u, &provider_stmts[PROVIDER_SERVER_GET]), id);
}

unsigned
provider_server_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
provider_server_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
		     struct provider_server_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->id = db_get_i32(r, i, 0);
	row->type = arena_dup(a, db_get_slice(r, i, 1));
	row->name = arena_dup(a, db_get_slice(r, i, 2));
	row->base_url = arena_dup(a, db_get_slice(r, i, 3));
	row->api_key_sealed = arena_dup(a, db_get_slice(r, i, 4));
}
