/* admin.h - superadmins: who may log in to the administration part of the API.
 *
 * E-mail addresses are compared without case (index admins_email). Passwords come
 * here hashed (crypto/password.h); nothing here verifies one.
 */
#ifndef GH_MODEL_ADMIN_H
#define GH_MODEL_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

struct arena;

#define ADMIN_EMAIL_MAX    254 /* bytes */
#define ADMIN_NAME_MAX     200 /* bytes */
#define ADMIN_PASSWORD_MIN 8   /* characters */

struct admin_row {
	int32_t id;
	struct slice name;
	struct slice email;
	struct slice password_hash;
	bool is_superadmin;
	bool is_active;
};

/* Local part, one "@", a domain with a dot between non-empty labels; printable ASCII
 * without blanks. */
bool admin_email_is_valid(struct slice email);

/* Find by e-mail: one row or none, of any status. email is borrowed until the unit is done. */
void admin_find_add(struct db_unit *u, struct slice email);
/* False: no such admin. The slices of row live in a. */
bool admin_find_row(const struct db_unit *u, unsigned stmt, struct arena *a, struct admin_row *row);

/* Create a superadmin, or give an existing one this password (and name, unless absent) and
 * make it active; its sessions are revoked. Slices are borrowed until the unit is done.
 * name absent: a new admin is called by the e-mail. */
void admin_upsert_add(struct db_unit *u, struct slice email, struct slice name,
		      struct slice password_hash);
/* Id of the row; *is_new: it was created. */
int32_t admin_upsert_id(const struct db_unit *u, unsigned stmt, bool *is_new);

extern const struct db_stmt_table admin_stmt_table;

#endif
