/* token.h - who a token speaks for: API tokens of companies and instances, and
 * superadmins' sessions, found by the SHA-256 of their text.
 */
#ifndef GH_MODEL_TOKEN_H
#define GH_MODEL_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

#define TOKEN_HASH_SIZE   32
#define TOKEN_TOUCH_MAX   256
#define TOKEN_OVERLAP_MAX 604800 /* seconds that an old token may outlive its rotation */

/* Values are private to this table's statement. */
enum token_kind { TOKEN_ADMIN = 1, TOKEN_COMPANY = 2, TOKEN_INSTANCE = 3 };

struct token_row {
	struct slice hash; /* TOKEN_HASH_SIZE bytes */
	enum token_kind kind;
	int32_t admin_id;    /* TOKEN_ADMIN, else 0 */
	int32_t company_id;  /* else 0 */
	int32_t instance_id; /* TOKEN_INSTANCE, else 0 */
	bool is_company_active;
	bool is_instance_deleted;
	int32_t rate_per_minute, rate_per_hour; /* of the company */
	bool is_touch_due;                      /* last_used_at is a minute old */
};

/* Find the live ones among count hashes (1..LOOKUP_KEYS_MAX): not revoked, not expired, the
 * admin active; and those that died with their instance, so that it can be said. Two primary keys.
 * hashes are copied. */
void token_find_add(struct db_unit *u, const struct slice *hashes, unsigned count);
/* Slices are valid until the unit is done. i counts from 0 to token_find_count. */
unsigned token_find_count(const struct db_unit *u, unsigned stmt);
void token_find_row(const struct db_unit *u, unsigned stmt, unsigned i, struct token_row *row);

/* Note that API tokens were used now (minute resolution); at most TOKEN_TOUCH_MAX. Rows are
 * locked in the order of their hashes. */
void token_touch_add(struct db_unit *u, const struct slice *hashes, unsigned count);

extern const struct db_stmt_table token_stmt_table;

#endif
