/* db_play.h - a database that the test plays itself: units are kept as they were submitted
 * and answered by hand, oldest first. Used instead of db_submit by the file under test:
 *
 *	#include "db_play.h"
 *	#define db_submit db_play_submit
 *	#include "model/lookup.c"
 *	#undef db_submit
 */
#ifndef GH_TEST_DB_PLAY_H
#define GH_TEST_DB_PLAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "db/internal.h"

#define DB_PLAY_UNITS 8

/* Cleared by a test's setup. */
static struct {
	struct db_unit *units[DB_PLAY_UNITS]; /* submitted and not answered */
	void *notes[DB_PLAY_UNITS];           /* `note` as it was at their submit */
	unsigned count;
	void *note;   /* the test's own; most need none */
	bool is_full; /* the connection's queue: refuse */
} db_play;

static enum gh_code
db_play_submit(struct db *db GH_UNUSED, struct db_unit *u, db_done_fn *done, void *arg)
{
	if (db_play.is_full) {
		db_unit_free(u);
		return GH_EBUSY;
	}
	u->done = done;
	u->arg = arg;
	assert_true(db_play.count < DB_PLAY_UNITS);
	db_play.notes[db_play.count] = db_play.note;
	db_play.units[db_play.count++] = u;
	return GH_OK;
}

/* The oldest unit ends like this. */
static void
db_play_answer(enum db_err_class cls, const char *sqlstate)
{
	struct db_unit *u = db_play.units[0];

	assert_true(db_play.count > 0);
	db_play.count--;
	memmove(db_play.units, db_play.units + 1, db_play.count * sizeof(*db_play.units));
	memmove(db_play.notes, db_play.notes + 1, db_play.count * sizeof(*db_play.notes));
	u->error.cls = cls;
	(void)snprintf(u->error.sqlstate, sizeof(u->error.sqlstate), "%s", sqlstate);
	db_unit_end(u);
}

#endif
