#include "model/idempotent_reply.h"

#define OF_KEY "company_id = $1 AND route = $2 AND key = $3"

static const char idempotent_lock_sql[] =
	"SELECT pg_try_advisory_xact_lock(hashtextextended($2 || ' ' || $3, $1))";

static const char idempotent_find_sql[] =
	"SELECT fingerprint, status, content_type, reply FROM idempotent_replies WHERE " OF_KEY;

static const char idempotent_insert_sql[] =
	"INSERT INTO idempotent_replies (company_id, route, key, fingerprint, status,\n"
	"    content_type, reply)\n"
	"VALUES ($1, $2, $3, $4, $5, $6, $7)";

static const char idempotent_note_sql[] =
	"INSERT INTO idempotent_replies AS r (company_id, route, key, fingerprint)\n"
	"VALUES ($1, $2, $3, $4)\n"
	"ON CONFLICT (company_id, route, key) DO UPDATE SET created_at = now()\n"
	"  WHERE r.status IS NULL AND r.fingerprint = excluded.fingerprint\n"
	"    AND r.created_at < now() - $5::int4 * interval '1 s'\n"
	"RETURNING 1";

static const char idempotent_settle_sql[] =
	"UPDATE idempotent_replies SET status = $4, content_type = $5, reply = $6 WHERE " OF_KEY;

static const char idempotent_forget_sql[] =
	"DELETE FROM idempotent_replies WHERE " OF_KEY " AND status IS NULL";

enum {
	IDEMPOTENT_LOCK,
	IDEMPOTENT_FIND,
	IDEMPOTENT_INSERT,
	IDEMPOTENT_NOTE,
	IDEMPOTENT_SETTLE,
	IDEMPOTENT_FORGET
};

#define KEY_TYPES DB_INT4, DB_TEXT, DB_TEXT

static const struct db_stmt idempotent_reply_stmts[] = {
	/* The seed of the hash is a bigint. */
	[IDEMPOTENT_LOCK] = {"idempotent_lock", idempotent_lock_sql,
			     DB_TYPES(DB_INT8, DB_TEXT, DB_TEXT)},
	[IDEMPOTENT_FIND] = {"idempotent_find", idempotent_find_sql, DB_TYPES(KEY_TYPES)},
	[IDEMPOTENT_INSERT] = {"idempotent_insert", idempotent_insert_sql,
			       DB_TYPES(KEY_TYPES, DB_BYTEA, DB_INT2, DB_TEXT, DB_BYTEA)},
	[IDEMPOTENT_NOTE] = {"idempotent_note", idempotent_note_sql,
			     DB_TYPES(KEY_TYPES, DB_BYTEA, DB_INT4)},
	[IDEMPOTENT_SETTLE] = {"idempotent_settle", idempotent_settle_sql,
			       DB_TYPES(KEY_TYPES, DB_INT2, DB_TEXT, DB_BYTEA)},
	[IDEMPOTENT_FORGET] = {"idempotent_forget", idempotent_forget_sql, DB_TYPES(KEY_TYPES)},
};
const struct db_stmt_table idempotent_reply_stmt_table = DB_STMT_TABLE(idempotent_reply_stmts);

static struct db_params *
key_add(struct db_unit *u, unsigned stmt, const struct idempotent_key *k)
{
	struct db_params *p = db_unit_add(u, &idempotent_reply_stmts[stmt]);

	db_p_i32(p, k->company_id);
	db_p_text(p, k->route);
	db_p_text(p, k->key);
	return p;
}

static void
reply_add(struct db_params *p, int status, struct slice type, struct slice sealed)
{
	db_p_i16(p, (int16_t)status);
	db_p_text(p, type);
	db_p_bytea(p, sealed);
}

void
idempotent_lock_add(struct db_unit *u, const struct idempotent_key *k)
{
	struct db_params *p = db_unit_add(u, &idempotent_reply_stmts[IDEMPOTENT_LOCK]);

	db_p_i64(p, k->company_id);
	db_p_text(p, k->route);
	db_p_text(p, k->key);
}

bool
idempotent_lock_taken(const struct db_unit *u, unsigned stmt)
{
	return db_get_bool(db_unit_result(u, stmt), 0, 0);
}

void
idempotent_find_add(struct db_unit *u, const struct idempotent_key *k)
{
	key_add(u, IDEMPOTENT_FIND, k);
}

void
idempotent_find_read(const struct db_unit *u, unsigned stmt, struct idempotent_reply *r)
{
	const struct db_result *res = db_unit_result(u, stmt);

	*r = (struct idempotent_reply){.is_found = db_row_count(res) > 0};
	if (!r->is_found)
		return;
	r->fingerprint = db_get_slice(res, 0, 0);
	r->is_running = db_is_null(res, 0, 1);
	if (r->is_running)
		return;
	r->status = db_get_i32(res, 0, 1);
	r->type = db_get_slice(res, 0, 2);
	r->sealed = db_get_slice(res, 0, 3);
}

void
idempotent_insert_add(struct db_unit *u, const struct idempotent_key *k, int status,
		      struct slice type, struct slice sealed)
{
	struct db_params *p = key_add(u, IDEMPOTENT_INSERT, k);

	db_p_bytea(p, k->fingerprint);
	reply_add(p, status, type, sealed);
}

void
idempotent_note_add(struct db_unit *u, const struct idempotent_key *k, int32_t stale_s)
{
	struct db_params *p = key_add(u, IDEMPOTENT_NOTE, k);

	db_p_bytea(p, k->fingerprint);
	db_p_i32(p, stale_s);
}

bool
idempotent_noted(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt)) > 0;
}

void
idempotent_settle_add(struct db_unit *u, const struct idempotent_key *k, int status,
		      struct slice type, struct slice sealed)
{
	reply_add(key_add(u, IDEMPOTENT_SETTLE, k), status, type, sealed);
}

void
idempotent_forget_add(struct db_unit *u, const struct idempotent_key *k)
{
	key_add(u, IDEMPOTENT_FORGET, k);
}
