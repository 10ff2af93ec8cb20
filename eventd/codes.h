/* codes.h - QR codes of instances that a person must pair, asked from their providers.
 *
 * A webhook says that there is a code, not which: the plan asks here when it first sees such a
 * body and finds the answer when the body is due again. What is lost with the process is asked
 * again by whoever takes the body next.
 *
 * Threading: loop thread only.
 */
#ifndef GH_EVENTD_CODES_H
#define GH_EVENTD_CODES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"

struct arena;
struct codes;
struct daemon;
struct db;

/* db: its tables include route_stmt_table. */
struct codes *codes_new(struct daemon *d, struct db *db);
void codes_free(struct codes *c); /* after db_free; NULL is legal */

/* Ask for the instance's code on behalf of a body, unless that is being done. With too many
 * under way it is not: the event goes without a code. */
void codes_want(struct codes *c, int32_t instance_id, struct uuid body_id);

/* The code asked for the body, copied to a; it is forgotten here. False while there is none. */
bool codes_take(struct codes *c, struct uuid body_id, struct arena *a, struct slice *code);

#endif
