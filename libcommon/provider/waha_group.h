/* waha_group.h - groups and their members as each engine of WAHA writes them
 * (contracts/waha.md section 18.4), in one form. Private to the WAHA translator.
 */
#ifndef GH_WAHA_GROUP_H
#define GH_WAHA_GROUP_H

#include "base/slice.h"

struct arena;
struct json;
struct json_w;

/* A group object of provider/action.h. */
void waha_group_write(const struct json *group, struct json_w *w, struct arena *a);

/* Members, or what became of each: an array; an object keyed by member (WEBJS); anything else
 * is an empty array. */
void waha_members_write(const struct json *members, struct json_w *w, struct arena *a);

/* The canonical form of an id; as it is when not understood. */
struct slice waha_canonical(struct slice id, struct arena *a);

#endif
