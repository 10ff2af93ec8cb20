/* cadence.h - spaces the batches of one kind, so that a busy process makes few large ones
 * and an idle one waits for nothing.
 *
 * A statement, a commit and a hint cost about the same for one row as for ten. Batches that
 * start whenever one may start stay small for as long as the machine keeps up, and spend it on
 * overhead. So: a burst may start at once; after it, one per gap. Whoever has a full batch
 * at hand need not ask.
 *
 * A batch that takes longer than usual says that others want the machine too: then the gap
 * grows with it, and the batches, until they take their share of the time again. So overload
 * makes a row cheaper, and a machine with time to spare waits no longer than the gap.
 *
 * Threading: loop thread only.
 */
#ifndef GH_CADENCE_H
#define GH_CADENCE_H

#include <stdbool.h>
#include <stdint.h>

struct cadence;
struct loop;
struct loop_task;

/* Starts that an idle stretch saves up: the steps of one message's life, each a batch of its
 * own, are never held back. */
#define CADENCE_BURST 4
/* The gap of every step behind the API's answer. A message passes six of them: under load it
 * takes some 35 ms longer for it, under overload three times that, and its share of the
 * machine falls by half. */
#define CADENCE_GAP_US INT64_C(12000)
/* Of the time, the batches of one step take a sixth: six steps, and a machine of few cores. */
#define CADENCE_SHARE   6
#define CADENCE_STRETCH 3 /* as many gaps are the longest */

/* task (borrowed; free it after this) is marked when a start that was refused may happen.
 * gap_us 0: never refuse. */
struct cadence *cadence_new(struct loop *l, int64_t gap_us, struct loop_task *task);
void cadence_free(struct cadence *c); /* NULL is legal */

/* May a batch start now? When not, the task is marked once it may. */
bool cadence_allows(struct cadence *c);
/* A batch started, allowed or full. */
void cadence_started(struct cadence *c);
/* A batch took so long, from its start to its commit. share: of the time, at most one part in so
 * many is to go to batches. */
void cadence_took(struct cadence *c, int64_t took_us, unsigned share);

#endif
