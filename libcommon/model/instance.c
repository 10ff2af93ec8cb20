#include "model/instance.h"

#include "base/arena.h"
#include "base/uuid.h"
#include "http/json.h"
#include "model/event_sql.h"
#include "model/facts.h"
#include "model/id_page.h"
#include "model/instance_lock.h"
#include "model/instance_sql.h"
#include "model/lookup.h"
#include "model/new_chats.h"
#include "model/queued_event.h"

/* What instance_row_read reads, from instances i, providers p, companies c. */
#define INSTANCE_COLUMNS                                                                           \
	"i.id, i.company_id, i.provider_id, i.instance_name, i.phone_number, i.status,\n"          \
	"       i.status_reason, i.webhook_url, i.external_instance_id, i.settings, "              \
	"i.created_at,\n"                                                                          \
	"       i.updated_at, c.name, p.type, p.base_url, p.api_key_sealed,\n"                     \
	"       i.last_disconnect_at, i.last_disconnect_reason, i.mend_tries, p.engine,\n"         \
	"       i.session_key_sealed,\n"                                                           \
	"       CASE WHEN i.new_chats_paused_until > now() THEN i.new_chats_paused_until END\n"
#define INSTANCE_JOINS                                                                             \
	" JOIN providers p ON p.id = i.provider_id JOIN companies c ON c.id = i.company_id\n"

static const char instance_ref_sql[] =
	"SELECT i.id, i.company_id, i.status = 'deleted', p.type, p.engine,\n"
	"    " QUEUED_EVENT_WANTED_SQL ", i.phone_number\n"
	"FROM instances i JOIN providers p ON p.id = i.provider_id\n"
	"WHERE i.id = ANY ($1::int4[])";

static const char instance_get_sql[] =
	"SELECT " INSTANCE_COLUMNS "FROM instances i" INSTANCE_JOINS
	"WHERE i.id = $2 AND i.company_id = $1 AND i.status <> 'deleted'";

static const char instance_external_sql[] =
	"SELECT " INSTANCE_COLUMNS "FROM instances i" INSTANCE_JOINS
	"WHERE i.provider_id = $1 AND i.external_instance_id = $2 AND i.status <> 'deleted'";

static const char instance_list_sql[] =
	ID_PAGE_SQL("SELECT " INSTANCE_COLUMNS "FROM instances i" INSTANCE_JOINS,
		    "i.company_id = $1 AND i.status <> 'deleted'", "i.id", "$2", "$3", "$4", "$5");

static const char instance_count_sql[] =
	"SELECT count(*) FROM (SELECT 1 FROM instances\n"
	"                      WHERE company_id = $1 AND status <> 'deleted' LIMIT $2) x";

/*
 * The lock is a statement of its own, before the one that counts: the count then
 * sees what a gateway that held the lock before us has committed.
 */
static const char instance_slots_lock_sql[] =
	"SELECT p.is_active FROM providers p\n"
	"WHERE p.id = $1 OR ($1 = 0 AND p.is_active AND p.health_status = 'healthy')\n"
	"ORDER BY p.id FOR NO KEY UPDATE";

static const char instance_insert_sql[] =
	"WITH chosen AS (\n"
	"  SELECT p.id FROM providers p CROSS JOIN LATERAL (\n"
	"    SELECT count(*) AS used FROM instances x\n"
	"    WHERE x.provider_id = p.id AND x.status <> 'deleted') n\n"
	"  CROSS JOIN LATERAL (" INSTANCE_COMING_SQL ") m\n"
	"  WHERE p.is_active AND n.used + m.coming < p.max_instances\n"
	"    AND (p.id = $2 OR ($2 = 0 AND p.health_status = 'healthy'))\n"
	"  ORDER BY n.used + m.coming, p.id LIMIT 1\n"
	"), i AS (\n"
	"  INSERT INTO instances (company_id, provider_id, instance_name, phone_number, "
	"webhook_url,\n"
	"                         settings, external_instance_id)\n"
	"  SELECT $1, chosen.id, $3, $4, $5, $6,\n"
	"         CASE WHEN EXISTS (SELECT 1 FROM instances x\n"
	"                           WHERE x.company_id = $1 AND x.provider_id = chosen.id\n"
	"                             AND x.external_instance_id = $7) THEN $8 ELSE $7 END\n"
	"  FROM chosen\n"
	"  RETURNING *\n"
	"), t AS (\n"
	"  INSERT INTO tokens (token_hash, kind, company_id, instance_id)\n"
	"  SELECT $9, 'instance', i.company_id, i.id FROM i\n"
	"), k AS (\n"
	"  INSERT INTO webhook_keys (key_hash, key_sealed, hmac_secret_sealed, provider_type, "
	"scope,\n"
	"                            provider_id, company_id, instance_id, told_base)\n"
	"  SELECT $10, $11, $12, p.type, 'instance', i.provider_id, i.company_id, i.id, $13\n"
	"  FROM i JOIN providers p ON p.id = i.provider_id\n"
	")\n"
	"SELECT " INSTANCE_COLUMNS "FROM i" INSTANCE_JOINS;

static const char instance_update_sql[] =
	"WITH i AS (\n"
	"  UPDATE instances\n"
	"  SET instance_name = coalesce($3, instance_name),\n"
	"      phone_number = coalesce($4, phone_number),\n"
	"      settings = settings || coalesce($5, '{}'), updated_at = now()\n"
	"  WHERE id = $2 AND company_id = $1 AND status <> 'deleted'\n"
	"  RETURNING *\n"
	")\n"
	"SELECT " INSTANCE_COLUMNS "FROM i" INSTANCE_JOINS;

static const char instance_new_chats_sql[] =
	"WITH i AS (\n"
	"  UPDATE instances\n"
	"  SET new_chats_paused_until = NULL, new_chats_refusals = 0\n"
	"  WHERE id = $2 AND company_id = $1 AND status <> 'deleted'\n"
	"  RETURNING *\n"
	"), freed AS (\n"
	"  UPDATE send_queue q SET available_at = now() FROM i\n"
	"  WHERE q.instance_id = i.id AND q.state IN (2, 4) AND q.available_at > now()\n"
	"    AND q.reason IN ('" NEW_CHATS_WAITING "', '" NEW_CHATS_REFUSED "')\n"
	"), wake AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"  SELECT 1, 2, i.company_id, i.id FROM i\n"
	")\n"
	"SELECT " INSTANCE_COLUMNS "FROM i" INSTANCE_JOINS;

/*
 * The update locks the row and reads its newest version, whatever this statement's snapshot. A
 * failure's reason stays while creation is tried again (instance_mend_claim), so a failure is news
 * only where there is none. Only who failed or claimed the creation reports it, so `old` is not
 * stale: nobody else writes a reason to a row that is "creating".
 */
static const char instance_created_sql[] =
	"WITH old AS MATERIALIZED (\n"
	"  SELECT status, status_reason FROM instances WHERE id = $2 AND company_id = $1\n"
	"), i AS (\n"
	"  UPDATE instances\n"
	"  SET status = CASE status WHEN 'creating' THEN $3 ELSE status END,\n"
	"      status_reason = CASE status WHEN 'creating' THEN $4 ELSE status_reason END,\n"
	"      updated_at = now()\n"
	"  WHERE id = $2 AND company_id = $1\n"
	"  RETURNING *\n"
	"), told AS (\n"
	"  UPDATE providers p SET engine = $5 FROM i\n"
	"  WHERE p.id = i.provider_id AND p.engine IS DISTINCT FROM $5 AND $5 IS NOT NULL\n"
	"), ev AS (\n"
	"  INSERT INTO events (id, company_id, instance_id, type, occurred_at, facts)\n"
	"  SELECT $6, i.company_id, i.id, 18, now(), $7 FROM i\n"
	"  WHERE i.status = 'error' AND $6 IS NOT NULL\n"
	"    AND EXISTS (SELECT FROM old WHERE status = 'creating' AND status_reason IS NULL)\n"
	"  RETURNING id, company_id, instance_id, type\n" EVENT_FAN_OUT_SQL
	"SELECT " INSTANCE_COLUMNS "FROM i" INSTANCE_JOINS;

/* Not a change that anybody is fenced off by: the row's updated_at stays. */
static const char instance_key_sql[] = "UPDATE instances SET session_key_sealed = $3\n"
				       "WHERE id = $2 AND company_id = $1 AND status <> 'deleted'\n"
				       "  AND external_instance_id = $4 RETURNING id";

static const char instance_delete_sql[] =
	"WITH i AS (\n"
	"  UPDATE instances SET status = 'deleted', deleted_at = now(), updated_at = now()\n"
	"  WHERE id = $2 AND company_id = $1 AND status <> 'deleted'\n"
	"  RETURNING *\n"
	"), t AS (\n"
	"  UPDATE tokens t SET revoked_at = now() FROM i\n"
	"  WHERE t.company_id = i.company_id AND t.instance_id = i.id AND t.revoked_at IS NULL\n"
	"), k AS (\n"
	"  UPDATE webhook_keys k SET revoked_at = now() FROM i\n"
	"  WHERE k.instance_id = i.id AND k.revoked_at IS NULL\n"
	")\n"
	"SELECT " INSTANCE_COLUMNS "FROM i" INSTANCE_JOINS;

/* The current token ends after the overlap; one that was in its overlap already ends now. */
static const char instance_token_sql[] =
	"WITH i AS (\n"
	"  SELECT * FROM instances\n"
	"  WHERE id = $2 AND company_id = $1 AND status <> 'deleted' FOR UPDATE\n"
	"), old AS (\n"
	"  UPDATE tokens t\n"
	"  SET revoked_at = CASE WHEN $4::int4 = 0 OR t.expires_at IS NOT NULL THEN now() END,\n"
	"      expires_at = now() + $4::int4 * interval '1 s'\n"
	"  FROM i\n"
	"  WHERE t.company_id = i.company_id AND t.instance_id = i.id AND t.revoked_at IS NULL\n"
	"), made AS (\n"
	"  INSERT INTO tokens (token_hash, kind, company_id, instance_id)\n"
	"  SELECT $3, 'instance', i.company_id, i.id FROM i\n"
	")\n"
	"SELECT " INSTANCE_COLUMNS "FROM i" INSTANCE_JOINS;

enum {
	INSTANCE_REF,
	INSTANCE_GET,
	INSTANCE_EXTERNAL,
	INSTANCE_LIST,
	INSTANCE_COUNT,
	INSTANCE_SLOTS_LOCK,
	INSTANCE_INSERT,
	INSTANCE_UPDATE,
	INSTANCE_NEW_CHATS,
	INSTANCE_CREATED,
	INSTANCE_KEY,
	INSTANCE_DELETE,
	INSTANCE_TOKEN
};

static const struct db_stmt instance_stmts[] = {
	[INSTANCE_REF] = {"instance_ref", instance_ref_sql, DB_TYPES(DB_INT4_ARRAY)},
	[INSTANCE_GET] = {"instance_get", instance_get_sql, DB_TYPES(DB_INT4, DB_INT4)},
	[INSTANCE_EXTERNAL] = {"instance_external", instance_external_sql,
			       DB_TYPES(DB_INT4, DB_TEXT)},
	[INSTANCE_LIST] = {"instance_list", instance_list_sql, DB_TYPES(DB_INT4, ID_PAGE_TYPES)},
	[INSTANCE_COUNT] = {"instance_count", instance_count_sql, DB_TYPES(DB_INT4, DB_INT8)},
	[INSTANCE_SLOTS_LOCK] = {"instance_slots_lock", instance_slots_lock_sql, DB_TYPES(DB_INT4)},
	[INSTANCE_INSERT] = {"instance_insert", instance_insert_sql,
			     DB_TYPES(DB_INT4, DB_INT4, DB_TEXT, DB_TEXT, DB_TEXT, DB_JSONB,
				      DB_TEXT, DB_TEXT, DB_BYTEA, DB_BYTEA, DB_BYTEA, DB_BYTEA,
				      DB_TEXT)},
	[INSTANCE_UPDATE] = {"instance_update", instance_update_sql,
			     DB_TYPES(DB_INT4, DB_INT4, DB_TEXT, DB_TEXT, DB_JSONB)},
	[INSTANCE_NEW_CHATS] = {"instance_new_chats", instance_new_chats_sql,
				DB_TYPES(DB_INT4, DB_INT4)},
	[INSTANCE_CREATED] = {"instance_created", instance_created_sql,
			      DB_TYPES(DB_INT4, DB_INT4, DB_TEXT, DB_TEXT, DB_TEXT, DB_UUID,
				       DB_TEXT)},
	[INSTANCE_KEY] = {"instance_key", instance_key_sql,
			  DB_TYPES(DB_INT4, DB_INT4, DB_BYTEA, DB_TEXT)},
	[INSTANCE_DELETE] = {"instance_delete", instance_delete_sql, DB_TYPES(DB_INT4, DB_INT4)},
	[INSTANCE_TOKEN] = {"instance_token", instance_token_sql,
			    DB_TYPES(DB_INT4, DB_INT4, DB_BYTEA, DB_INT4)},
};
const struct db_stmt_table instance_stmt_table = DB_STMT_TABLE(instance_stmts);

/* ---- the reference ---- */

void
instance_ref_add(struct db_unit *u, const struct slice *keys, unsigned count)
{
	struct db_params *p = db_unit_add(u, &instance_stmts[INSTANCE_REF]);
	struct db_arr *ids = db_p_array(p, DB_INT4, count);

	for (unsigned i = 0; i < count; i++)
		db_arr_i32(ids, (int32_t)lookup_key_id(keys[i]));
}

unsigned
instance_ref_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
instance_ref_read(const struct db_unit *u, unsigned stmt, unsigned i, struct instance_ref *ref)
{
	const struct db_result *r = db_unit_result(u, stmt);

	ref->id = db_get_i32(r, i, 0);
	ref->company_id = db_get_i32(r, i, 1);
	ref->is_deleted = db_get_bool(r, i, 2);
	/* The column's CHECK bounds it. */
	if (slice_to_cstr(db_get_slice(r, i, 3), ref->provider_type, sizeof(ref->provider_type)) !=
	    GH_OK)
		gh_panic("instance_ref_read: provider type is too long");
	/* The provider's own word: one that does not fit is none that we know. */
	if (slice_to_cstr(db_get_slice(r, i, 4), ref->engine, sizeof(ref->engine)) != GH_OK)
		ref->engine[0] = '\0';
	ref->tells_queued = db_get_bool(r, i, 5);
	if (slice_to_cstr(db_get_slice(r, i, 6), ref->phone_number, sizeof(ref->phone_number)) !=
	    GH_OK)
		ref->phone_number[0] = '\0';
}

/* ---- the row ---- */

/* Replies are compact; the text form of jsonb has blanks. */
static struct slice
compact(struct slice text, struct arena *a)
{
	const struct json *doc;
	struct buf b;

	if (json_parse(text, a, &doc, NULL, NULL) != GH_OK)
		gh_panic("instances: settings are no JSON");
	buf_init(&b, a, text.n + 1);
	json_write(&b, doc);
	return buf_slice(&b);
}

unsigned
instance_row_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
instance_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
		  struct instance_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->id = db_get_i32(r, i, 0);
	row->company_id = db_get_i32(r, i, 1);
	row->provider_id = db_get_i32(r, i, 2);
	row->name = arena_dup(a, db_get_slice(r, i, 3));
	row->phone_number = arena_dup(a, db_get_slice(r, i, 4));
	row->status = arena_dup(a, db_get_slice(r, i, 5));
	row->status_reason = arena_dup(a, db_get_slice(r, i, 6));
	row->webhook_url = arena_dup(a, db_get_slice(r, i, 7));
	row->external_id = arena_dup(a, db_get_slice(r, i, 8));
	row->settings = compact(db_get_slice(r, i, 9), a);
	row->created_at_us = db_get_time_us(r, i, 10);
	row->updated_at_us = db_get_time_us(r, i, 11);
	row->company_name = arena_dup(a, db_get_slice(r, i, 12));
	row->provider_type = arena_dup(a, db_get_slice(r, i, 13));
	row->base_url = arena_dup(a, db_get_slice(r, i, 14));
	row->api_key_sealed = arena_dup(a, db_get_slice(r, i, 15));
	row->last_disconnect_us = db_get_time_us(r, i, 16);
	row->last_disconnect_reason = arena_dup(a, db_get_slice(r, i, 17));
	row->mend_tries = db_get_i32(r, i, 18);
	row->engine = arena_dup(a, db_get_slice(r, i, 19));
	row->session_key_sealed = arena_dup(a, db_get_slice(r, i, 20));
	row->new_chats_paused_us = db_get_time_us(r, i, 21);
}

/* Statement whose first parameters are company and instance. */
static struct db_params *
instance_own_add(struct db_unit *u, unsigned stmt, int32_t company_id, int32_t id)
{
	struct db_params *p = db_unit_add(u, &instance_stmts[stmt]);

	db_p_i32(p, company_id);
	db_p_i32(p, id);
	return p;
}

void
instance_get_add(struct db_unit *u, int32_t company_id, int32_t id)
{
	instance_own_add(u, INSTANCE_GET, company_id, id);
}

void
instance_external_add(struct db_unit *u, int32_t provider_id, struct slice external_id)
{
	struct db_params *p = db_unit_add(u, &instance_stmts[INSTANCE_EXTERNAL]);

	db_p_i32(p, provider_id);
	db_p_text(p, external_id);
}

void
instance_list_add(struct db_unit *u, int32_t company_id, const struct id_page *page)
{
	struct db_params *p = db_unit_add(u, &instance_stmts[INSTANCE_LIST]);

	db_p_i32(p, company_id);
	id_page_add(p, page);
}

void
instance_count_add(struct db_unit *u, int32_t company_id, int64_t max)
{
	struct db_params *p = db_unit_add(u, &instance_stmts[INSTANCE_COUNT]);

	db_p_i32(p, company_id);
	db_p_i64(p, max);
}

int64_t
instance_count_of(const struct db_unit *u, unsigned stmt)
{
	return db_get_i64(db_unit_result(u, stmt), 0, 0);
}

/* ---- creation ---- */

void
instance_insert_add(struct db_unit *u, const struct instance_new *n)
{
	struct db_params *p = db_unit_add(u, &instance_stmts[INSTANCE_SLOTS_LOCK]);

	db_p_i32(p, n->provider_id);
	p = instance_own_add(u, INSTANCE_INSERT, n->company_id, n->provider_id);
	db_p_text(p, n->name);
	db_p_text(p, n->phone_number);
	db_p_text(p, n->webhook_url);
	db_p_json(p, n->settings);
	db_p_text(p, n->external_id);
	db_p_text(p, n->external_alt);
	db_p_bytea(p, n->token_hash);
	db_p_bytea(p, n->key_hash);
	db_p_bytea(p, n->key_sealed);
	db_p_bytea(p, n->hmac_sealed);
	db_p_text(p, n->public_url);
}

enum instance_inserted
instance_inserted_of(const struct db_unit *u, unsigned stmt)
{
	const struct db_result *lock = db_unit_result(u, stmt);

	if (db_row_count(db_unit_result(u, stmt + 1)) > 0)
		return INSTANCE_INSERTED;
	if (db_row_count(lock) == 0)
		return INSTANCE_NO_PROVIDER;
	return db_get_bool(lock, 0, 0) ? INSTANCE_NO_SLOT : INSTANCE_NOT_ACTIVE;
}

/* ---- change ---- */

void
instance_update_add(struct db_unit *u, int32_t company_id, int32_t id,
		    const struct instance_change *c)
{
	struct db_params *p = instance_own_add(u, INSTANCE_UPDATE, company_id, id);

	db_p_text(p, c->name);
	db_p_text(p, c->phone_number);
	db_p_json(p, c->settings);
}

void
instance_new_chats_lift_add(struct db_unit *u, int32_t company_id, int32_t id)
{
	instance_lock_add(u, &id, 1);
	instance_own_add(u, INSTANCE_NEW_CHATS, company_id, id);
}

void
instance_created_add(struct db_unit *u, const struct instance_created *c)
{
	struct db_params *p = instance_own_add(u, INSTANCE_CREATED, c->company_id, c->id);
	bool is_failed = slice_eq(c->status, S("error"));
	const struct facts_instance facts = {
		.status = c->status,
		.phone_number = c->phone_number,
		.instance_name = c->name,
		.session = c->external_id,
		.reason = c->reason,
	};

	db_p_text(p, c->status);
	db_p_text(p, c->reason);
	db_p_text(p, c->engine);
	db_p_uuid_opt(p, is_failed ? uuid7_new() : (struct uuid){0});
	db_p_text(p, is_failed ? facts_instance(db_unit_arena(u), &facts) : SLICE_NONE);
}

void
instance_key_add(struct db_unit *u, int32_t company_id, int32_t id, struct slice session,
		 struct slice sealed)
{
	struct db_params *p = instance_own_add(u, INSTANCE_KEY, company_id, id);

	db_p_bytea(p, sealed);
	db_p_text(p, session);
}

void
instance_delete_add(struct db_unit *u, int32_t company_id, int32_t id)
{
	instance_own_add(u, INSTANCE_DELETE, company_id, id);
}

void
instance_token_add(struct db_unit *u, int32_t company_id, int32_t id, struct slice token_hash,
		   int32_t overlap_s)
{
	struct db_params *p = instance_own_add(u, INSTANCE_TOKEN, company_id, id);

	db_p_bytea(p, token_hash);
	db_p_i32(p, overlap_s);
}
