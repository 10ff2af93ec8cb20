#include "model/message_ref.h"

#include "base/arena.h"
#include "model/message.h"

static const char message_ref_sql[] =
	"WITH asked AS MATERIALIZED (\n"
	"  SELECT t.ord, coalesce(t.id, (SELECT k.message_id FROM message_keys k\n"
	"      WHERE k.instance_id = $2 AND k.external_id = t.external_id)) AS id\n"
	"  FROM unnest($3::uuid[], $4::text[]) WITH ORDINALITY AS t(id, external_id, ord)\n"
	")\n"
	"SELECT a.ord, m.id, m.direction, m.chat_key, m.external_id, m.phone_from,\n"
	"       m.payload::text\n"
	"FROM asked a CROSS JOIN LATERAL (SELECT * FROM messages x WHERE x.id = a.id OFFSET 0) m\n"
	"WHERE m.company_id = $1 AND m.instance_id = $2";

static const char message_changed_sql[] =
	"UPDATE messages SET content = coalesce($2, content),\n"
	"    edited_at = CASE WHEN $2 IS NULL THEN edited_at ELSE now() END,\n"
	"    deleted_at = CASE WHEN $2 IS NULL THEN coalesce(deleted_at, now()) END\n"
	"WHERE id = $1";

enum { MESSAGE_REF, MESSAGE_CHANGED };

static const struct db_stmt message_ref_stmts[] = {
	[MESSAGE_REF] = {"message_ref", message_ref_sql,
			 DB_TYPES(DB_INT4, DB_INT4, DB_UUID_ARRAY, DB_TEXT_ARRAY)},
	[MESSAGE_CHANGED] = {"message_changed", message_changed_sql, DB_TYPES(DB_UUID, DB_TEXT)},
};
const struct db_stmt_table message_ref_stmt_table = DB_STMT_TABLE(message_ref_stmts);

enum { COL_ORD, COL_ID, COL_DIRECTION, COL_CHAT_KEY, COL_EXTERNAL_ID, COL_PHONE_FROM, COL_PAYLOAD };

void
message_ref_add(struct db_unit *u, int32_t company_id, int32_t instance_id,
		const struct message_ref_key *keys, unsigned count)
{
	struct db_params *p = db_unit_add(u, &message_ref_stmts[MESSAGE_REF]);
	struct db_arr *id, *external_id;

	db_p_i32(p, company_id);
	db_p_i32(p, instance_id);
	id = db_p_array(p, DB_UUID, count);
	external_id = db_p_array(p, DB_TEXT, count);
	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid_opt(id, keys[i].id);
		db_arr_text(external_id, keys[i].external_id);
	}
}

unsigned
message_ref_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
message_ref_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
		 struct message_ref *ref)
{
	const struct db_result *r = db_unit_result(u, stmt);

	ref->key = (unsigned)db_get_i64(r, i, COL_ORD) - 1;
	ref->id = db_get_uuid(r, i, COL_ID);
	ref->is_outgoing = db_get_i32(r, i, COL_DIRECTION) == MSG_OUT;
	ref->chat_key = arena_dup(a, db_get_slice(r, i, COL_CHAT_KEY));
	ref->external_id = arena_dup(a, db_get_slice(r, i, COL_EXTERNAL_ID));
	ref->phone_from = arena_dup(a, db_get_slice(r, i, COL_PHONE_FROM));
	ref->payload = arena_dup(a, db_get_slice(r, i, COL_PAYLOAD));
}

void
message_changed_add(struct db_unit *u, struct uuid id, struct slice content)
{
	struct db_params *p = db_unit_add(u, &message_ref_stmts[MESSAGE_CHANGED]);

	db_p_uuid(p, id);
	db_p_text(p, content);
}
