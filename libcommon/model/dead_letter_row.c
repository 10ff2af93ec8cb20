#include "model/dead_letter_row.h"

#include "base/arena.h"

#define LETTER_COLUMNS                                                                             \
	"l.message_id, l.company_id, l.instance_id, l.reason, l.detail, l.attempts,\n"             \
	"    l.created_at, l.replayed_at, m.status, m.kind, m.priority, m.recipient, o.type,\n"    \
	"    o.is_gone\n"
/* Of a letter l: its message and its owners. */
#define LETTER_JOINS                                                                               \
	"LEFT JOIN LATERAL (SELECT x.status, x.kind, x.priority,\n"                                \
	"      coalesce(x.to_requested, x.chat_key) AS recipient\n"                                \
	"    FROM messages x WHERE x.id = l.message_id OFFSET 0) m ON true\n"                      \
	"LEFT JOIN LATERAL (SELECT p.type,\n"                                                      \
	"      i.status = 'deleted' OR c.status = 'deleted' AS is_gone\n"                          \
	"    FROM instances i JOIN companies c ON c.id = i.company_id\n"                           \
	"    JOIN providers p ON p.id = i.provider_id\n"                                           \
	"    WHERE i.id = l.instance_id OFFSET 0) o ON true\n"

#define LETTER_IDS    "d.message_id >= $2 AND d.message_id < $3"
#define LETTER_OF_ALL "FROM dead_letters d WHERE $1::int4 IS NULL AND " LETTER_IDS
#define LETTER_OF_ONE "FROM dead_letters d WHERE d.company_id = $1 AND " LETTER_IDS
#define LETTER_WINDOW "SELECT d.message_id, d.company_id, d.instance_id, d.reason, d.replayed_at "
#define LETTER_DOWN   "ORDER BY d.message_id DESC"
#define LETTER_UP     "ORDER BY d.message_id"
#define LETTER_MATCHES                                                                             \
	"($4::int4 IS NULL OR w.instance_id = $4)\n"                                               \
	"    AND ($5::text IS NULL OR w.reason = $5)\n"                                            \
	"    AND ($6::bool IS NULL OR (w.replayed_at IS NOT NULL) = $6)\n"
#define LETTER_FILTER_TYPES DB_INT4, DB_UUID, DB_UUID, DB_INT4, DB_TEXT, DB_BOOL

/* Of one company or of all, forward or backward: the parameters leave one branch of each union. One
 * row at least: the window's end is told with each. */
static const char letter_list_sql[] =
	"WITH w AS MATERIALIZED (\n"
	"  (" LETTER_WINDOW LETTER_OF_ALL " AND NOT $10\n    " LETTER_DOWN " LIMIT $7)\n"
	"  UNION ALL\n"
	"  (" LETTER_WINDOW LETTER_OF_ALL " AND $10\n    " LETTER_UP " LIMIT $7)\n"
	"  UNION ALL\n"
	"  (" LETTER_WINDOW LETTER_OF_ONE " AND NOT $10\n    " LETTER_DOWN " LIMIT $7)\n"
	"  UNION ALL\n"
	"  (" LETTER_WINDOW LETTER_OF_ONE " AND $10\n    " LETTER_UP " LIMIT $7)\n"
	"), hit AS MATERIALIZED (\n"
	"  (SELECT w.message_id FROM w WHERE NOT $10 AND " LETTER_MATCHES
	"   ORDER BY w.message_id DESC LIMIT $8 OFFSET $9)\n"
	"  UNION ALL\n"
	"  (SELECT w.message_id FROM w WHERE $10 AND " LETTER_MATCHES
	"   ORDER BY w.message_id LIMIT $8)\n"
	")\n"
	"SELECT " LETTER_COLUMNS ", (SELECT count(*) FROM w) = $7,\n"
	"    CASE WHEN $10 THEN (SELECT w.message_id FROM w ORDER BY w.message_id DESC LIMIT 1)\n"
	"         ELSE (SELECT w.message_id FROM w ORDER BY w.message_id LIMIT 1) END\n"
	"FROM (VALUES (1)) one\n"
	"LEFT JOIN hit h ON true\n"
	"LEFT JOIN LATERAL (SELECT * FROM dead_letters x\n"
	"    WHERE x.message_id = h.message_id OFFSET 0) l ON true\n" LETTER_JOINS
	"ORDER BY h.message_id DESC";

static const char letter_count_sql[] =
	"SELECT count(*) FILTER (WHERE " LETTER_MATCHES "), count(*) FROM (\n"
	"  (" LETTER_WINDOW LETTER_OF_ALL "\n    " LETTER_DOWN " LIMIT $7)\n"
	"  UNION ALL\n"
	"  (" LETTER_WINDOW LETTER_OF_ONE "\n    " LETTER_DOWN " LIMIT $7)) w";

static const char letter_get_sql[] =
	"SELECT " LETTER_COLUMNS "FROM dead_letters l\n" LETTER_JOINS "WHERE l.message_id = $1";

static const char letter_delete_sql[] = "DELETE FROM dead_letters WHERE message_id = $1";

/* Two replays of one letter meet on its row: the second finds it replayed. */
static const char letter_replay_sql[] =
	"WITH r AS MATERIALIZED (\n"
	"  SELECT * FROM unnest($1::uuid[], $2::int8[], $3::int2[], $4::text[], "
	"$5::timestamptz[])\n"
	"    WITH ORDINALITY AS t(id, lane, class, send_ref, expires_at, ord)\n"
	"), l AS MATERIALIZED (\n"
	"  SELECT d.message_id FROM dead_letters d\n"
	"  WHERE d.message_id = ANY ($1) AND d.replayed_at IS NULL\n"
	"  ORDER BY d.message_id FOR UPDATE\n"
	"), m AS (\n"
	"  UPDATE messages m SET status = 1, error_code = NULL, error_message = NULL,\n"
	"      external_id = NULL, sent_at = NULL, attempts = 0, expires_at = r.expires_at\n"
	"  FROM r JOIN l ON l.message_id = r.id\n"
	"  WHERE m.id = r.id AND m.status = 8\n"
	"  RETURNING m.id, m.company_id, m.instance_id, r.lane, r.class, r.send_ref, "
	"r.expires_at,\n"
	"      r.ord,\n"
	"      (SELECT max(t.attempt) FROM message_transitions t WHERE t.message_id = m.id) AS "
	"seen\n"
	"), q AS (\n"
	"  INSERT INTO send_queue (message_id, company_id, instance_id, lane, class, attempt,\n"
	"      available_at, expires_at, send_ref)\n"
	"  SELECT m.id, m.company_id, m.instance_id, m.lane, m.class, coalesce(m.seen, 0), now(),\n"
	"      m.expires_at, m.send_ref\n"
	"  FROM m ORDER BY m.ord\n"
	"), noted AS (\n"
	"  INSERT INTO message_transitions (message_id, from_status, to_status, daemon, reason)\n"
	"  SELECT m.id, 8, 1, $6, 'replayed' FROM m\n"
	"), marked AS (\n"
	"  UPDATE dead_letters d SET replayed_at = now() FROM m WHERE d.message_id = m.id\n"
	"), hint AS (\n"
	"  INSERT INTO outbox_messages (kind, class, company_id, target_id)\n"
	"  SELECT 1, min(m.class), m.company_id, m.instance_id FROM m\n"
	"  GROUP BY m.company_id, m.instance_id\n"
	")\n"
	"SELECT m.id FROM m";

enum { LETTER_LIST, LETTER_COUNT, LETTER_GET, LETTER_DELETE, LETTER_REPLAY };
enum { LIST_AT_IS_CUT = 14, LIST_AT_END };

static const struct db_stmt dead_letter_row_stmts[] = {
	[LETTER_LIST] = {"dead_letter_list", letter_list_sql,
			 DB_TYPES(LETTER_FILTER_TYPES, DB_INT8, DB_INT8, DB_INT8, DB_BOOL)},
	[LETTER_COUNT] = {"dead_letter_count", letter_count_sql,
			  DB_TYPES(LETTER_FILTER_TYPES, DB_INT8)},
	[LETTER_GET] = {"dead_letter_get", letter_get_sql, DB_TYPES(DB_UUID)},
	[LETTER_DELETE] = {"dead_letter_delete", letter_delete_sql, DB_TYPES(DB_UUID)},
	[LETTER_REPLAY] = {"dead_letter_replay", letter_replay_sql,
			   DB_TYPES(DB_UUID_ARRAY, DB_INT8_ARRAY, DB_INT2_ARRAY, DB_TEXT_ARRAY,
				    DB_TIMESTAMPTZ_ARRAY, DB_TEXT)},
};
const struct db_stmt_table dead_letter_row_stmt_table = DB_STMT_TABLE(dead_letter_row_stmts);

static void
id_or_null(struct db_params *p, int32_t id)
{
	if (id == 0)
		db_p_null(p);
	else
		db_p_i32(p, id);
}

static struct db_params *
letter_filter_add(struct db_unit *u, unsigned stmt, const struct dead_letter_filter *f)
{
	struct db_params *p = db_unit_add(u, &dead_letter_row_stmts[stmt]);

	id_or_null(p, f->company_id);
	db_p_uuid(p, f->from);
	db_p_uuid(p, f->before);
	id_or_null(p, f->instance_id);
	db_p_text(p, f->reason);
	if (f->replayed < 0)
		db_p_null(p);
	else
		db_p_bool(p, f->replayed > 0);
	return p;
}

void
dead_letter_list_add(struct db_unit *u, const struct dead_letter_filter *f, unsigned limit,
		     unsigned offset)
{
	struct db_params *p = letter_filter_add(u, LETTER_LIST, f);

	db_p_i64(p, DEAD_LETTER_WINDOW_MAX);
	db_p_i64(p, limit);
	db_p_i64(p, offset);
	db_p_bool(p, f->is_back);
}

unsigned
dead_letter_list_count(const struct db_unit *u, unsigned stmt)
{
	const struct db_result *r = db_unit_result(u, stmt);

	return db_is_null(r, 0, 0) ? 0 : db_row_count(r);
}

bool
dead_letter_list_is_cut(const struct db_unit *u, unsigned stmt, struct uuid *end)
{
	const struct db_result *r = db_unit_result(u, stmt);

	*end = db_get_uuid(r, 0, LIST_AT_END);
	return db_get_bool(r, 0, LIST_AT_IS_CUT);
}

void
dead_letter_get_add(struct db_unit *u, struct uuid message_id)
{
	db_p_uuid(db_unit_add(u, &dead_letter_row_stmts[LETTER_GET]), message_id);
}

unsigned
dead_letter_get_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

void
dead_letter_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
		     struct dead_letter_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	row->message_id = db_get_uuid(r, i, 0);
	row->company_id = db_get_i32(r, i, 1);
	row->instance_id = db_get_i32(r, i, 2);
	row->reason = arena_dup(a, db_get_slice(r, i, 3));
	row->detail = arena_dup(a, db_get_slice(r, i, 4));
	row->attempts = db_get_i32(r, i, 5);
	row->created_at_us = db_get_time_us(r, i, 6);
	row->replayed_at_us = db_get_time_us(r, i, 7);
	row->has_message = !db_is_null(r, i, 8);
	row->status = db_get_i32(r, i, 8);
	row->kind = db_get_i32(r, i, 9);
	row->priority = db_get_i32(r, i, 10);
	row->to = arena_dup(a, db_get_slice(r, i, 11));
	row->provider_type = arena_dup(a, db_get_slice(r, i, 12));
	row->is_ownerless = db_is_null(r, i, 13) || db_get_bool(r, i, 13);
}

void
dead_letter_count_add(struct db_unit *u, const struct dead_letter_filter *f)
{
	db_p_i64(letter_filter_add(u, LETTER_COUNT, f), DEAD_LETTER_WINDOW_MAX + 1);
}

int64_t
dead_letter_count_of(const struct db_unit *u, unsigned stmt, int64_t *examined)
{
	const struct db_result *r = db_unit_result(u, stmt);

	*examined = db_get_i64(r, 0, 1);
	return db_get_i64(r, 0, 0);
}

void
dead_letter_delete_add(struct db_unit *u, struct uuid message_id)
{
	db_p_uuid(db_unit_add(u, &dead_letter_row_stmts[LETTER_DELETE]), message_id);
}

bool
dead_letter_deleted(const struct db_unit *u, unsigned stmt)
{
	return db_affected_count(db_unit_result(u, stmt)) > 0;
}

void
dead_letter_replay_add(struct db_unit *u, const struct dead_letter_replay *rows, unsigned count,
		       struct slice worker)
{
	struct db_params *p = db_unit_add(u, &dead_letter_row_stmts[LETTER_REPLAY]);
	struct db_arr *id = db_p_array(p, DB_UUID, count);
	struct db_arr *lane = db_p_array(p, DB_INT8, count);
	struct db_arr *cls = db_p_array(p, DB_INT2, count);
	struct db_arr *send_ref = db_p_array(p, DB_TEXT, count);
	struct db_arr *expires_at = db_p_array(p, DB_TIMESTAMPTZ, count);

	for (unsigned i = 0; i < count; i++) {
		enum mq_class of = msg_class_of_priority(rows[i].priority);

		db_arr_uuid(id, rows[i].message_id);
		db_arr_i64(lane, msg_lane(rows[i].lane_key, of));
		db_arr_i16(cls, (int16_t)of);
		db_arr_text(send_ref, rows[i].send_ref);
		db_arr_time_us(expires_at, rows[i].expires_at_us);
	}
	db_p_text(p, worker);
}

unsigned
dead_letter_replayed(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}
