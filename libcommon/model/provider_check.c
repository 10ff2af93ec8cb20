#include "model/provider_check.h"

#include "base/arena.h"

static const char provider_probe_list_sql[] =
	"SELECT id, type, base_url, api_key_sealed, health_status = 'healthy' FROM providers\n"
	"WHERE id > $1 AND is_active AND deleted_at IS NULL ORDER BY id LIMIT $2";

static const char provider_check_sql[] =
	"WITH p AS (\n"
	"  UPDATE providers\n"
	"  SET health_status = CASE WHEN $2 THEN 'healthy' ELSE 'unhealthy' END,\n"
	"      latency_ms = $3, health_detail = $4, last_check = now(),\n"
	"      engine = coalesce($5, engine)\n"
	"  WHERE id = $1 AND is_active AND deleted_at IS NULL\n"
	"  RETURNING id\n"
	")\n"
	"INSERT INTO provider_checks (provider_id, ok, latency_ms, detail)\n"
	"SELECT p.id, $2, $3, $4 FROM p\n"
	"ON CONFLICT (provider_id, checked_at) DO NOTHING";

enum { PROVIDER_PROBE_LIST, PROVIDER_CHECK };

static const struct db_stmt provider_check_stmts[] = {
	[PROVIDER_PROBE_LIST] = {"provider_probe_list", provider_probe_list_sql,
				 DB_TYPES(DB_INT4, DB_INT8)},
	[PROVIDER_CHECK] = {"provider_check", provider_check_sql,
			    DB_TYPES(DB_INT4, DB_BOOL, DB_INT4, DB_TEXT, DB_TEXT)},
};
const struct db_stmt_table provider_check_stmt_table = DB_STMT_TABLE(provider_check_stmts);

void
provider_probe_list_add(struct db_unit *u, int32_t after_id, unsigned limit)
{
	struct db_params *p = db_unit_add(u, &provider_check_stmts[PROVIDER_PROBE_LIST]);

	db_p_i32(p, after_id);
	db_p_i64(p, limit);
}

unsigned
provider_probe_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
		    struct provider_probe **rows)
{
	const struct db_result *r = db_unit_result(u, stmt);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		struct provider_probe *row = &(*rows)[i];

		row->id = db_get_i32(r, i, 0);
		row->type = arena_dup(a, db_get_slice(r, i, 1));
		row->base_url = arena_dup(a, db_get_slice(r, i, 2));
		row->api_key_sealed = arena_dup(a, db_get_slice(r, i, 3));
		row->was_healthy = db_get_bool(r, i, 4);
	}
	return count;
}

void
provider_check_add(struct db_unit *u, const struct provider_check *c)
{
	struct db_params *p = db_unit_add(u, &provider_check_stmts[PROVIDER_CHECK]);

	db_p_i32(p, c->provider_id);
	db_p_bool(p, c->is_healthy);
	db_p_i32(p, c->latency_ms);
	db_p_text(p, c->detail);
	db_p_text(p, c->engine);
}
