#include "model/idempotency.h"

#include <string.h>

static const char idem_find_sql[] =
	"SELECT fingerprint, object_id, object_ids FROM idempotency_keys\n"
	"WHERE company_id = $1 AND route = $2 AND key = $3";

static const struct db_stmt idem_stmts[] = {
	{"idem_find", idem_find_sql, DB_TYPES(DB_INT4, DB_INT2, DB_TEXT)},
};
const struct db_stmt_table idem_stmt_table = DB_STMT_TABLE(idem_stmts);

void
idem_find_add(struct db_unit *u, int32_t company_id, enum idem_route route, struct slice key)
{
	struct db_params *p = db_unit_add(u, &idem_stmts[0]);

	db_p_i32(p, company_id);
	db_p_i16(p, (int16_t)route);
	db_p_text(p, key);
}

bool
idem_find_row(const struct db_unit *u, unsigned stmt, struct idem_row *row)
{
	const struct db_result *r = db_unit_result(u, stmt);
	struct slice fingerprint;

	if (db_row_count(r) == 0)
		return false;
	fingerprint = db_get_slice(r, 0, 0);
	if (fingerprint.n != sizeof(row->fingerprint))
		gh_panic("idem_find_row: a fingerprint of %zu bytes", fingerprint.n);
	memcpy(row->fingerprint, fingerprint.p, sizeof(row->fingerprint));
	row->object_id = db_get_uuid(r, 0, 1);
	return true;
}

unsigned
idem_find_ids(const struct db_unit *u, unsigned stmt, struct uuid *ids, unsigned max)
{
	struct db_array_it it = db_get_array(db_unit_result(u, stmt), 0, 2);
	struct slice bytes;
	unsigned n = 0;

	while (n < max && db_array_next(&it, &bytes)) {
		if (bytes.n != sizeof(ids->b))
			gh_panic("idem_find_ids: an id of %zu bytes", bytes.n);
		memcpy(ids[n++].b, bytes.p, bytes.n);
	}
	return n;
}
