/* new_chats.c - the pause of an instance's new conversations; see new_chats.h. */
#include "model/new_chats.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "model/event_sql.h"
#include "model/facts.h"

/* The row is locked before it is read: of two refusals the second sees the first one's pause. */
static const char new_chats_refused_sql[] =
	"WITH old AS MATERIALIZED (\n"
	"  SELECT x.id, coalesce(x.new_chats_paused_until, '-infinity') AS until,\n"
	"         CASE WHEN x.new_chats_refused_at > now() - $6::int4 * interval '1 s'\n"
	"              THEN x.new_chats_refusals ELSE 0 END + 1 AS refusals\n"
	"  FROM instances x WHERE x.id = $1 AND x.status <> 'deleted' FOR NO KEY UPDATE\n"
	"), i AS (\n"
	"  UPDATE instances x\n"
	"  SET new_chats_refusals = o.refusals, new_chats_refused_at = now(),\n"
	"      new_chats_paused_until = CASE WHEN o.refusals >= $2 AND o.until < $3 THEN $3\n"
	"                                    ELSE x.new_chats_paused_until END\n"
	"  FROM old o WHERE x.id = o.id\n"
	"  RETURNING x.id, x.company_id,\n"
	"      o.until <= now() AND x.new_chats_paused_until > now() AS has_begun\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)\n"
	"  SELECT $4, i.company_id, i.id, 18, now(), $5 FROM i WHERE i.has_begun\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL
	"SELECT FROM i WHERE i.has_begun";

#define SPOKEN_WITH                                                                                \
	"m.instance_id = t.instance_id AND m.sent_at IS NOT NULL AND m.status <> 8 OFFSET 0)\n"

static const char new_chats_known_sql[] =
	"SELECT t.company_id, t.instance_id, t.chat, t.other\n"
	"FROM unnest($1::int4[], $2::int4[], $3::text[], $4::text[])\n"
	"    AS t(company_id, instance_id, chat, other)\n"
	"WHERE EXISTS (SELECT FROM messages m WHERE m.company_id = t.company_id\n"
	"          AND m.chat_key IN (t.chat, t.other) AND " SPOKEN_WITH
	"   OR EXISTS (SELECT FROM contact_aliases a CROSS JOIN LATERAL (\n"
	"          SELECT FROM messages m WHERE m.company_id = t.company_id\n"
	"            AND m.chat_key = a.phone || '@c.us' AND " SPOKEN_WITH " k\n"
	"        WHERE a.instance_id = t.instance_id AND a.lid = t.chat OFFSET 0)";

enum { NEW_CHATS_REFUSAL, NEW_CHATS_KNOWN };

static const struct db_stmt new_chats_stmts[] = {
	[NEW_CHATS_REFUSAL] = {"new_chats_refused", new_chats_refused_sql,
			       DB_TYPES(DB_INT4, DB_INT4, DB_TIMESTAMPTZ, DB_UUID, DB_TEXT,
					DB_INT4)},
	[NEW_CHATS_KNOWN] = {"new_chats_known", new_chats_known_sql,
			     DB_TYPES(DB_INT4_ARRAY, DB_INT4_ARRAY, DB_TEXT_ARRAY, DB_TEXT_ARRAY)},
};
const struct db_stmt_table new_chats_stmt_table = DB_STMT_TABLE(new_chats_stmts);

void
new_chats_refused_add(struct db_unit *u, const struct new_chats_refusal *r)
{
	struct db_params *p = db_unit_add(u, &new_chats_stmts[NEW_CHATS_REFUSAL]);
	char until[CLOCK_RFC3339_SIZE];
	const struct facts_instance facts = {
		.status = S("connected"), /* it was when the send was claimed */
		.state = r->reason,
		.reason = S("new_chats_paused"),
		.phone_number = r->phone,
		.instance_name = r->name,
		.session = r->session,
		.paused_until = slice_of(clock_rfc3339(r->until_us, until)),
	};

	db_p_i32(p, r->instance_id);
	db_p_i32(p, r->needed);
	db_p_time_us(p, r->until_us);
	db_p_uuid(p, uuid7_new());
	db_p_text(p, facts_instance(db_unit_arena(u), &facts));
	db_p_i32(p, NEW_CHATS_REFUSALS_S);
}

bool
new_chats_has_begun(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt)) > 0;
}

void
new_chats_known_add(struct db_unit *u, const struct new_chats_key *keys, unsigned count)
{
	struct db_params *p = db_unit_add(u, &new_chats_stmts[NEW_CHATS_KNOWN]);
	struct db_arr *company_id = db_p_array(p, DB_INT4, count);
	struct db_arr *instance_id = db_p_array(p, DB_INT4, count);
	struct db_arr *chat = db_p_array(p, DB_TEXT, count);
	struct db_arr *other = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_i32(company_id, keys[i].company_id);
		db_arr_i32(instance_id, keys[i].instance_id);
		db_arr_text(chat, keys[i].chat);
		db_arr_text(other, keys[i].other);
	}
}

unsigned
new_chats_known_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
new_chats_known_read(const struct db_unit *u, unsigned stmt, unsigned i, struct new_chats_key *key)
{
	const struct db_result *r = db_unit_result(u, stmt);

	key->company_id = db_get_i32(r, i, 0);
	key->instance_id = db_get_i32(r, i, 1);
	key->chat = db_get_slice(r, i, 2);
	key->other = db_get_slice(r, i, 3);
}
