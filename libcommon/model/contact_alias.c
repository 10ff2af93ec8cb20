#include "model/contact_alias.h"

#include "base/arena.h"
#include "model/event_sql.h"

#define TEXT_OF(n)    #n
#define DAYS_TEXT(n)  TEXT_OF(n)
#define SEEN_LONG_AGO "c.seen_at < now() - interval '" DAYS_TEXT(CONTACT_ALIAS_SEEN_DAYS) " d'"

static const char contact_alias_find_sql[] =
	"SELECT c.instance_id, c.lid, c.phone, " SEEN_LONG_AGO "\n"
	"FROM unnest($1::int4[], $2::text[]) AS r(instance_id, lid)\n"
	"JOIN contact_aliases c ON c.instance_id = r.instance_id AND c.lid = r.lid";

static const char contact_alias_learn_sql[] =
	"WITH f AS MATERIALIZED (\n"
	"  SELECT DISTINCT ON (b.instance_id, t.lid) b.company_id, b.instance_id, t.*\n"
	"  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::uuid[],\n"
	"      $6::text[]) AS t(body_id, lid, phone, at, event_id, facts)\n"
	"  JOIN inbound_queue b ON b.id = t.body_id\n"
	"  ORDER BY b.instance_id, t.lid, t.phone IS NULL, t.at DESC\n"
	"), old AS MATERIALIZED (\n"
	"  SELECT c.instance_id, c.lid FROM f\n"
	"  JOIN contact_aliases c ON c.instance_id = f.instance_id AND c.lid = f.lid\n"
	"  WHERE c.phone IS DISTINCT FROM f.phone AND f.phone IS NOT NULL\n"
	"), kept AS (\n"
	"  INSERT INTO contact_aliases AS c (instance_id, lid, phone)\n"
	"  SELECT f.instance_id, f.lid, f.phone FROM f ORDER BY 1, 2\n"
	"  ON CONFLICT (instance_id, lid) DO UPDATE\n"
	"  SET phone = coalesce(excluded.phone, c.phone), seen_at = now()\n"
	"  WHERE excluded.phone IS NOT NULL AND c.phone IS DISTINCT FROM excluded.phone\n"
	"    OR " SEEN_LONG_AGO "\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)\n"
	"  SELECT f.event_id, f.company_id, f.instance_id, 26, f.at, f.facts\n"
	"  FROM f JOIN old o ON o.instance_id = f.instance_id AND o.lid = f.lid\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL "SELECT e.id FROM ev e";

enum { CONTACT_ALIAS_FIND, CONTACT_ALIAS_LEARN };

static const struct db_stmt contact_alias_stmts[] = {
	[CONTACT_ALIAS_FIND] = {"contact_alias_find", contact_alias_find_sql,
				DB_TYPES(DB_INT4_ARRAY, DB_TEXT_ARRAY)},
	[CONTACT_ALIAS_LEARN] = {"contact_alias_learn", contact_alias_learn_sql,
				 DB_TYPES(DB_UUID_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY,
					  DB_TIMESTAMPTZ_ARRAY, DB_UUID_ARRAY, DB_TEXT_ARRAY)},
};
const struct db_stmt_table contact_alias_stmt_table = DB_STMT_TABLE(contact_alias_stmts);

void
contact_alias_find_add(struct db_unit *u, const struct contact_alias *keys, unsigned count)
{
	struct db_params *p = db_unit_add(u, &contact_alias_stmts[CONTACT_ALIAS_FIND]);
	struct db_arr *instance_id = db_p_array(p, DB_INT4, count);
	struct db_arr *lid = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_i32(instance_id, keys[i].instance_id);
		db_arr_text(lid, keys[i].lid);
	}
}

unsigned
contact_alias_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
		   struct contact_alias **rows)
{
	const struct db_result *r = db_unit_result(u, stmt);
	unsigned count = db_row_count(r);

	*rows = arena_alloc_array(a, count, sizeof(**rows));
	for (unsigned i = 0; i < count; i++) {
		(*rows)[i].instance_id = db_get_i32(r, i, 0);
		(*rows)[i].lid = arena_dup(a, db_get_slice(r, i, 1));
		(*rows)[i].phone = arena_dup(a, db_get_slice(r, i, 2));
		(*rows)[i].was_long_ago = db_get_bool(r, i, 3);
	}
	return count;
}

void
contact_alias_learn_add(struct db_unit *u, const struct contact_alias_new *rows, unsigned count)
{
	struct db_params *p = db_unit_add(u, &contact_alias_stmts[CONTACT_ALIAS_LEARN]);
	struct db_arr *body_id = db_p_array(p, DB_UUID, count);
	struct db_arr *lid = db_p_array(p, DB_TEXT, count);
	struct db_arr *phone = db_p_array(p, DB_TEXT, count);
	struct db_arr *at = db_p_array(p, DB_TIMESTAMPTZ, count);
	struct db_arr *event_id = db_p_array(p, DB_UUID, count);
	struct db_arr *facts = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid(body_id, rows[i].body_id);
		db_arr_text(lid, rows[i].lid);
		db_arr_text(phone, rows[i].phone);
		db_arr_time_us(at, rows[i].at_us);
		db_arr_uuid(event_id, rows[i].event_id);
		db_arr_text(facts, rows[i].facts);
	}
}
