/* admin_session.h - superadmins' sessions: made by a login, ended by time, by a
 * change of the password, or with their admin.
 */
#ifndef GH_MODEL_ADMIN_SESSION_H
#define GH_MODEL_ADMIN_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

/* The admin as the API shows it. */
struct admin_view {
	int32_t id;
	struct slice name, email, status;
	bool is_superadmin;
	int64_t last_login_us; /* 0: never */
	int64_t created_at_us, updated_at_us;
	struct slice password_hash;
};

/* A session for ttl_us from now, and last_login: the admin, or no row when it is not active any
 * more. token_hash is borrowed until the unit is done. */
void admin_session_login_add(struct db_unit *u, int32_t admin_id, struct slice token_hash,
			     int64_t ttl_us);
/* The admin: one row or none. */
void admin_session_get_add(struct db_unit *u, int32_t admin_id);
/* New password in place of the one that was verified (old_hash): the admin, or no row when it
 * changed meanwhile. Ends every session and begins one for ttl_us. Slices are borrowed. */
void admin_session_password_add(struct db_unit *u, int32_t admin_id, struct slice old_hash,
				struct slice new_hash, struct slice token_hash, int64_t ttl_us);

/* Row of any of these; false: none. Slices are valid until the unit is done. */
bool admin_session_row(const struct db_unit *u, unsigned stmt, struct admin_view *v);

extern const struct db_stmt_table admin_session_stmt_table;

#endif
