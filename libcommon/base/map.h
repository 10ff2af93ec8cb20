/* map.h - hash map from bytes to a pointer. Keys are copied; values are borrowed.
 * Seeded SipHash, so that tenants cannot choose collisions.
 */
#ifndef GH_MAP_H
#define GH_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct map;

struct map *map_new(void);
void map_free(struct map *m); /* values are not freed; NULL is legal */

void *map_get(const struct map *m, struct slice key); /* NULL when absent */
/* Insert or replace; returns the value replaced, or NULL. */
void *map_put(struct map *m, struct slice key, void *value);
void *map_del(struct map *m, struct slice key); /* returns the value removed, or NULL */
size_t map_count(const struct map *m);

/* Integer keys: the 8 bytes of the number; do not mix with byte keys of that length. */
void *map_get_i64(const struct map *m, int64_t key);
void *map_put_i64(struct map *m, int64_t key, void *value);
void *map_del_i64(struct map *m, int64_t key);

/* Walk in no order: start with *it = 0; false at the end. Deleting the current
 * entry during the walk is legal, inserting is not. *key (NULL allowed, as value)
 * is borrowed until that entry is deleted or anything is inserted. */
bool map_next(const struct map *m, size_t *it, struct slice *key, void **value);

/* Seeded (per process) 64-bit hash of bytes; not stable between runs. */
uint64_t map_hash(struct slice key);

#endif
