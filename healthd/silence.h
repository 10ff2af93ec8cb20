/* silence.h - the watch over the way in: what stalled.c finds out about whole numbers. */
#ifndef GH_HEALTHD_SILENCE_H
#define GH_HEALTHD_SILENCE_H

#include "healthd.h"

struct arena;
struct db_unit;
struct stalled_row;

/* Add to u, which flags these messages: the silence of their instances, where nothing was heard.
 * margin_us: the longest a call may take; the echo of a send may come before its answer. */
void silence_begin(struct db_unit *u, struct arena *a, const struct stalled_row *const *rows,
		   unsigned count, int64_t margin_us);
/* u is done; stmt: index of that statement. */
void silence_begun(struct healthd *h, const struct db_unit *u, unsigned stmt);

/* Silences that are over, then task_done. */
void silence_end_run(struct healthd *h, struct task *t);

#endif
