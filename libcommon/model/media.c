#include "model/media.h"

#include "base/arena.h"

static const char media_touch_sql[] = "UPDATE media SET kept_until = greatest(kept_until, $3)\n"
				      "WHERE company_id = $1 AND sha256 = $2\n"
				      "RETURNING id";

/* The chunks are cut by the server: 262144 is MEDIA_CHUNK_SIZE. A repeat after a lost connection
 * finds its own row and all of its chunks. */
static const char media_insert_sql[] =
	"WITH m AS (\n"
	"  INSERT INTO media AS o (id, company_id, mime_type, size_bytes, sha256, kept_until)\n"
	"  VALUES ($1, $2, $3, length($5), $4, $6)\n"
	"  ON CONFLICT (company_id, sha256)\n"
	"  DO UPDATE SET kept_until = greatest(o.kept_until, excluded.kept_until)\n"
	"  RETURNING id\n"
	"), c AS (\n"
	"  INSERT INTO media_chunks (media_id, ordinal, data)\n"
	"  SELECT m.id, n, substr($5, n * 262144 + 1, 262144)\n"
	"  FROM m, generate_series(0, (length($5) - 1) / 262144) n\n"
	"  WHERE m.id = $1\n"
	"  ON CONFLICT DO NOTHING\n"
	")\n"
	"SELECT id FROM m";

static const char media_get_sql[] = "SELECT id, mime_type, size_bytes FROM media\n"
				    "WHERE id = $2 AND company_id = $1";

static const char media_chunks_sql[] = "SELECT data FROM media_chunks\n"
				       "WHERE media_id = $1 AND ordinal >= $2 AND ordinal < $3\n"
				       "ORDER BY ordinal";

enum { MEDIA_TOUCH, MEDIA_INSERT, MEDIA_GET, MEDIA_CHUNKS };

static const struct db_stmt media_stmts[] = {
	[MEDIA_TOUCH] = {"media_touch", media_touch_sql,
			 DB_TYPES(DB_INT4, DB_BYTEA, DB_TIMESTAMPTZ)},
	[MEDIA_INSERT] = {"media_insert", media_insert_sql,
			  DB_TYPES(DB_UUID, DB_INT4, DB_TEXT, DB_BYTEA, DB_BYTEA, DB_TIMESTAMPTZ)},
	[MEDIA_GET] = {"media_get", media_get_sql, DB_TYPES(DB_INT4, DB_UUID)},
	[MEDIA_CHUNKS] = {"media_chunks", media_chunks_sql, DB_TYPES(DB_UUID, DB_INT4, DB_INT4)},
};
const struct db_stmt_table media_stmt_table = DB_STMT_TABLE(media_stmts);

void
media_touch_add(struct db_unit *u, const struct media_new *m)
{
	struct db_params *p = db_unit_add(u, &media_stmts[MEDIA_TOUCH]);

	db_p_i32(p, m->company_id);
	db_p_bytea(p, slice_make(m->sha256, sizeof(m->sha256)));
	db_p_time_us(p, m->kept_until_us);
}

void
media_insert_add(struct db_unit *u, const struct media_new *m)
{
	struct db_params *p = db_unit_add(u, &media_stmts[MEDIA_INSERT]);

	if (m->data.n == 0 || m->data.n > MEDIA_SIZE_MAX)
		gh_panic("media_insert_add: %zu bytes", m->data.n);
	db_p_uuid(p, m->id);
	db_p_i32(p, m->company_id);
	db_p_text(p, m->mime_type);
	db_p_bytea(p, slice_make(m->sha256, sizeof(m->sha256)));
	db_p_bytea(p, m->data);
	db_p_time_us(p, m->kept_until_us);
}

bool
media_id_of(const struct db_unit *u, unsigned stmt, struct uuid *id)
{
	const struct db_result *r = db_unit_result(u, stmt);

	if (db_row_count(r) == 0)
		return false;
	*id = db_get_uuid(r, 0, 0);
	return true;
}

void
media_get_add(struct db_unit *u, int32_t company_id, struct uuid id)
{
	struct db_params *p = db_unit_add(u, &media_stmts[MEDIA_GET]);

	db_p_i32(p, company_id);
	db_p_uuid(p, id);
}

bool
media_get_row(const struct db_unit *u, unsigned stmt, struct arena *a, struct media_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);

	if (db_row_count(r) == 0)
		return false;
	row->id = db_get_uuid(r, 0, 0);
	row->mime_type = arena_dup(a, db_get_slice(r, 0, 1));
	row->size_bytes = db_get_i64(r, 0, 2);
	return true;
}

void
media_chunks_add(struct db_unit *u, struct uuid id, unsigned first, unsigned count)
{
	struct db_params *p = db_unit_add(u, &media_stmts[MEDIA_CHUNKS]);

	db_p_uuid(p, id);
	db_p_i32(p, (int32_t)first);
	db_p_i32(p, (int32_t)(first + count));
}

unsigned
media_chunk_count(const struct db_unit *u, unsigned stmt)
{
	return db_row_count(db_unit_result(u, stmt));
}

struct slice
media_chunk(const struct db_unit *u, unsigned stmt, unsigned i)
{
	return db_get_slice(db_unit_result(u, stmt), i, 0);
}
