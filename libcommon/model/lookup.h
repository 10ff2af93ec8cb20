/* lookup.h - a bounded read-through cache over database look-ups: tokens,
 * instances, webhook keys, endpoints.
 *
 * A key is loaded once however many callers wait for it (single flight), and the
 * keys missed in one pass of the loop are loaded by one unit. Found and
 * not-found answers live for their TTL; after that the next caller waits for a
 * fresh one, so a revocation reaches every process within the TTL.
 *
 * Values are valid until the end of the current pass of the loop: copy what must
 * live longer. Threading: loop thread only.
 */
#ifndef GH_MODEL_LOOKUP_H
#define GH_MODEL_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

struct loop;
struct lookup;

#define LOOKUP_KEYS_MAX 128 /* keys of one load */

struct lookup_def {
	size_t entries_max;      /* beyond it the cache is emptied and starts again */
	int64_t ttl_us;          /* of found values */
	int64_t negative_ttl_us; /* of "not found" */
	/* Add the one statement that reads these keys (borrowed until the unit is done). */
	void (*add)(struct db_unit *u, const struct slice *keys, unsigned count, void *arg);
	/* Read the result: call lookup_found for each row. */
	void (*read)(struct lookup *l, const struct db_unit *u, void *arg);
	/* Free a value. */
	void (*free_value)(void *value);
	void *arg;
};

/* db is borrowed; its tables include the statement that add uses. def is copied. */
struct lookup *lookup_new(struct loop *loop, struct db *db, const struct lookup_def *def);
/* Waiters are dropped without a call. NULL is legal. */
void lookup_free(struct lookup *l);

/* GH_OK: value is there. GH_ENOTFOUND: no such key. GH_ETEMP: the database did not answer. */
typedef void lookup_fn(void *arg, enum gh_code code, const void *value);

/* Ask for a key. GH_OK (*value is set) or GH_ENOTFOUND: answered now, fn is not called.
 * GH_EAGAIN: fn is called later, once. */
enum gh_code lookup_get(struct lookup *l, struct slice key, const void **value, lookup_fn *fn,
			void *arg) GH_MUST_USE;

/* From def.read only: takes value. */
void lookup_found(struct lookup *l, struct slice key, void *value);
/* The same for a value that holds only life_us more, where that is less than the TTL; also for
 * what the caller has learnt elsewhere and the database will say from now on. (Dropped where a
 * load is about to start: that one answers.) */
void lookup_put(struct lookup *l, struct slice key, void *value, int64_t life_us);

/* The next lookup_get of the key (or of every key) asks the database again. */
void lookup_forget(struct lookup *l, struct slice key);
void lookup_forget_all(struct lookup *l);

/* Key from an integer id: 8 bytes in buf. */
struct slice lookup_id_key(int64_t id, char buf[8]);
int64_t lookup_key_id(struct slice key);

#endif
