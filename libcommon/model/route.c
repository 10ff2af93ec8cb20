/* route.c - routes of instances; see route.h. */
#include "model/route.h"

static const char route_list_sql[] =
	"SELECT i.id, i.company_id, p.id, i.external_instance_id, i.instance_name,\n"
	"       i.phone_number, p.type, p.base_url, p.api_key_sealed, p.max_concurrency,\n"
	"       p.engine, (i.settings->>'max_attempts')::int4, i.session_key_sealed\n"
	"FROM instances i JOIN providers p ON p.id = i.provider_id\n"
	"WHERE i.id = ANY ($1::int4[]) AND i.status <> 'deleted'";

static const struct db_stmt route_stmts[] = {
	{"route_list", route_list_sql, DB_TYPES(DB_INT4_ARRAY)},
};
const struct db_stmt_table route_stmt_table = DB_STMT_TABLE(route_stmts);

enum {
	COL_INSTANCE,
	COL_COMPANY,
	COL_PROVIDER,
	COL_SESSION,
	COL_NAME,
	COL_PHONE,
	COL_TYPE,
	COL_BASE_URL,
	COL_API_KEY,
	COL_CONCURRENCY,
	COL_ENGINE,
	COL_MAX_ATTEMPTS,
	COL_SESSION_KEY
};

void
route_list_add(struct db_unit *u, const int32_t *instance_ids, unsigned count)
{
	struct db_params *p = db_unit_add(u, &route_stmts[0]);
	struct db_arr *ids = db_p_array(p, DB_INT4, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_i32(ids, instance_ids[i]);
}

unsigned
route_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
route_read(const struct db_unit *u, unsigned stmt, unsigned row, struct route_row *out)
{
	const struct db_result *r = db_unit_result(u, stmt);

	out->instance_id = db_get_i32(r, row, COL_INSTANCE);
	out->company_id = db_get_i32(r, row, COL_COMPANY);
	out->provider_id = db_get_i32(r, row, COL_PROVIDER);
	out->session = db_get_slice(r, row, COL_SESSION);
	out->instance_name = db_get_slice(r, row, COL_NAME);
	out->phone = db_get_slice(r, row, COL_PHONE);
	out->provider_type = db_get_slice(r, row, COL_TYPE);
	out->base_url = db_get_slice(r, row, COL_BASE_URL);
	out->api_key_sealed = db_get_slice(r, row, COL_API_KEY);
	out->max_concurrency = db_get_i32(r, row, COL_CONCURRENCY);
	out->engine = db_get_slice(r, row, COL_ENGINE);
	out->max_attempts = db_get_i32(r, row, COL_MAX_ATTEMPTS);
	out->session_key_sealed = db_get_slice(r, row, COL_SESSION_KEY);
}
