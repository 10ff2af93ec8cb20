/* webhook_key.h - path keys of POST /webhook/{provider}/{key}: whose webhooks they are.
 *
 * Only the SHA-256 of a key is compared; the sealed key itself is kept to write the
 * URL again at the provider. Keys are made with their instance (model/instance.h).
 */
#ifndef GH_MODEL_WEBHOOK_KEY_H
#define GH_MODEL_WEBHOOK_KEY_H

#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

/* Slices are valid while the unit's done runs. */
struct webhook_key_row {
	struct slice key_hash;
	struct slice provider_type;
	struct slice hmac_sealed;        /* aad "webhook_hmac"; absent: its posts are not signed */
	struct slice session_key_sealed; /* aad "session_key"; absent: none, or not known */
	int32_t company_id;
	int32_t instance_id;
};

/* Read the keys with these hashes that belong to an instance and are not revoked. Primary keys. */
void webhook_key_find_add(struct db_unit *u, const struct slice *hashes, unsigned count);
unsigned webhook_key_count(const struct db_unit *u, unsigned stmt);
void webhook_key_read(const struct db_unit *u, unsigned stmt, unsigned i,
		      struct webhook_key_row *row);

extern const struct db_stmt_table webhook_key_stmt_table;

#endif
