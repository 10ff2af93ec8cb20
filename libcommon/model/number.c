#include "model/number.h"

static const char number_list_sql[] =
	"SELECT v.provider_id, v.phone, v.exists_there, v.chat_id,\n"
	"    (extract(epoch FROM v.expires_at - now()) * 1000000)::int8\n"
	"FROM unnest($1::int4[], $2::text[]) AS t(provider_id, phone)\n"
	"CROSS JOIN LATERAL (SELECT * FROM validated_phone_numbers x\n"
	"    WHERE x.provider_id = t.provider_id AND x.phone = t.phone OFFSET 0) v\n"
	"WHERE v.expires_at > now()";

/* In the order of the key: two senders that keep the same numbers do not deadlock. */
static const char number_keep_sql[] =
	"INSERT INTO validated_phone_numbers (provider_id, phone, exists_there, chat_id, "
	"expires_at)\n"
	"SELECT DISTINCT ON (r.provider_id, p.phone) r.provider_id, p.phone, r.exists_there,\n"
	"    r.chat_id,\n"
	"    now() + CASE WHEN r.exists_there THEN $5::int4 ELSE $6::int4 END * interval '1 s'\n"
	"FROM unnest($1::int4[], $2::text[], $3::bool[], $4::text[]) WITH ORDINALITY\n"
	"    AS r(provider_id, phone, exists_there, chat_id, ord)\n"
	"CROSS JOIN LATERAL unnest(ARRAY[r.phone, split_part(r.chat_id, '@', 1)]) AS p(phone)\n"
	"WHERE p.phone <> ''\n"
	"ORDER BY r.provider_id, p.phone, r.ord DESC\n"
	"ON CONFLICT (provider_id, phone) DO UPDATE SET exists_there = excluded.exists_there,\n"
	"    chat_id = excluded.chat_id, checked_at = now(), expires_at = excluded.expires_at";

static const char number_resolve_sql[] =
	"UPDATE messages m SET to_resolved = r.chat\n"
	"FROM (SELECT * FROM unnest($1::uuid[], $2::text[]) AS t(id, chat) ORDER BY id) r\n"
	"WHERE m.id = r.id";

static const char number_forget_sql[] =
	"UPDATE validated_phone_numbers v SET expires_at = now()\n"
	"FROM (SELECT * FROM unnest($1::int4[], $2::text[]) AS t(provider_id, phone)\n"
	"    ORDER BY provider_id, phone) r\n"
	"WHERE v.provider_id = r.provider_id AND v.phone = r.phone AND v.expires_at > now()";

enum { NUMBER_LIST, NUMBER_KEEP, NUMBER_RESOLVE, NUMBER_FORGET };

static const struct db_stmt number_stmts[] = {
	[NUMBER_LIST] = {"number_list", number_list_sql, DB_TYPES(DB_INT4_ARRAY, DB_TEXT_ARRAY)},
	[NUMBER_KEEP] = {"number_keep", number_keep_sql,
			 DB_TYPES(DB_INT4_ARRAY, DB_TEXT_ARRAY, DB_BOOL_ARRAY, DB_TEXT_ARRAY,
				  DB_INT4, DB_INT4)},
	[NUMBER_RESOLVE] = {"number_resolve", number_resolve_sql,
			    DB_TYPES(DB_UUID_ARRAY, DB_TEXT_ARRAY)},
	[NUMBER_FORGET] = {"number_forget", number_forget_sql,
			   DB_TYPES(DB_INT4_ARRAY, DB_TEXT_ARRAY)},
};
const struct db_stmt_table number_stmt_table = DB_STMT_TABLE(number_stmts);

static void
keys_add(struct db_unit *u, const struct db_stmt *stmt, const struct number_key *keys,
	 unsigned count)
{
	struct db_params *p = db_unit_add(u, stmt);
	struct db_arr *provider_id = db_p_array(p, DB_INT4, count);
	struct db_arr *phone = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_i32(provider_id, keys[i].provider_id);
		db_arr_text(phone, keys[i].phone);
	}
}

void
number_list_add(struct db_unit *u, const struct number_key *keys, unsigned count)
{
	keys_add(u, &number_stmts[NUMBER_LIST], keys, count);
}

void
number_forget_add(struct db_unit *u, const struct number_key *keys, unsigned count)
{
	keys_add(u, &number_stmts[NUMBER_FORGET], keys, count);
}

unsigned
number_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
number_read(const struct db_unit *u, unsigned stmt, unsigned i, struct number_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->provider_id = db_get_i32(r, i, 0);
	row->phone = db_get_slice(r, i, 1);
	row->exists = db_get_bool(r, i, 2);
	row->chat = db_get_slice(r, i, 3);
	row->left_us = db_get_i64(r, i, 4);
}

void
number_keep_add(struct db_unit *u, const struct number_row *rows, unsigned count)
{
	struct db_params *p = db_unit_add(u, &number_stmts[NUMBER_KEEP]);
	struct db_arr *provider_id = db_p_array(p, DB_INT4, count);
	struct db_arr *phone = db_p_array(p, DB_TEXT, count);
	struct db_arr *exists = db_p_array(p, DB_BOOL, count);
	struct db_arr *chat = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_i32(provider_id, rows[i].provider_id);
		db_arr_text(phone, rows[i].phone);
		db_arr_bool(exists, rows[i].exists);
		db_arr_text(chat, rows[i].chat);
	}
	db_p_i32(p, NUMBER_FOUND_S);
	db_p_i32(p, NUMBER_ABSENT_S);
}

void
number_resolve_add(struct db_unit *u, const struct number_resolved *rows, unsigned count)
{
	struct db_params *p = db_unit_add(u, &number_stmts[NUMBER_RESOLVE]);
	struct db_arr *message = db_p_array(p, DB_UUID, count);
	struct db_arr *chat = db_p_array(p, DB_TEXT, count);

	for (unsigned i = 0; i < count; i++) {
		db_arr_uuid(message, rows[i].message);
		db_arr_text(chat, rows[i].chat);
	}
}
