/* provider_park.c - providers parked by a breaker; see provider_park.h. */
#include "model/provider_park.h"

static const char provider_park_sql[] = "UPDATE providers\n"
					"SET parked_until = greatest(parked_until, "
					"clock_timestamp() + $2::int8 * interval '1 us')\n"
					"WHERE id = $1";

static const char provider_release_sql[] =
	"WITH p AS (\n"
	"  UPDATE providers SET parked_until = now() WHERE id = $1\n"
	")\n"
	"INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"SELECT 1, 2, i.company_id, i.id FROM instances i\n"
	"WHERE i.provider_id = $1 AND i.status <> 'deleted' AND i.status = 'connected'\n"
	"  AND (EXISTS (SELECT 1 FROM send_queue q WHERE q.instance_id = i.id AND q.state = 0\n"
	"                 AND q.available_at <= now() OFFSET 0)\n"
	"    OR EXISTS (SELECT 1 FROM send_queue q WHERE q.instance_id = i.id\n"
	"                 AND q.state IN (2, 4) AND q.available_at <= now() OFFSET 0))";

enum { PROVIDER_PARK, PROVIDER_RELEASE };

static const struct db_stmt provider_park_stmts[] = {
	[PROVIDER_PARK] = {"provider_park", provider_park_sql, DB_TYPES(DB_INT4, DB_INT8)},
	[PROVIDER_RELEASE] = {"provider_release", provider_release_sql, DB_TYPES(DB_INT4)},
};
const struct db_stmt_table provider_park_stmt_table = DB_STMT_TABLE(provider_park_stmts);

void
provider_park_add(struct db_unit *u, int32_t provider_id, int64_t for_us)
{
	struct db_params *p = db_unit_add(u, &provider_park_stmts[PROVIDER_PARK]);

	db_p_i32(p, provider_id);
	db_p_i64(p, for_us);
}

void
provider_release_add(struct db_unit *u, int32_t provider_id)
{
	db_p_i32(db_unit_add(u, &provider_park_stmts[PROVIDER_RELEASE]), provider_id);
}
