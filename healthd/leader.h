/* leader.h - take and keep the leadership of tasks: one advisory lock each, on a connection that
 * does nothing else, so that a slow statement never delays the news that it broke.
 *
 * A process keeps what it leads until its connection ends; then another one gets it
 * within LEADER_RETRY_US of the server noticing.
 */
#ifndef GH_HEALTHD_LEADER_H
#define GH_HEALTHD_LEADER_H

#include <stdbool.h>

struct healthd;
struct leader;

#define LEADER_RETRY_US (2 * CLOCK_SEC)

struct leader *leader_new(struct healthd *h);
void leader_free(struct leader *l); /* NULL is legal */
/* The locks' connection came up or was lost. */
void leader_db_changed(struct leader *l, bool is_up);

#endif
