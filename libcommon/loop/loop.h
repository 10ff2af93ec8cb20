/* loop.h - the one event loop of a daemon: descriptors, timers, signals,
 * deferred calls, a worker thread for what must block, and the loop's own
 * health. libevent stands behind it; only loop/ and http/ may see it.
 *
 * Everything here is for the loop thread only, except loop_work's work
 * function, which runs on the worker thread.
 */
#ifndef GH_LOOP_H
#define GH_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
struct loop_io;
struct loop_timer;
struct loop_signal;
struct event_base;

struct loop *loop_new(void);
void loop_free(struct loop *l); /* after everything on it was freed; NULL is legal */

/* Run until loop_stop. */
void loop_run(struct loop *l);
/* One pass: waits for at most timeout_us for something to happen (0: not at all). For tests. */
void loop_run_once(struct loop *l, int64_t timeout_us);
void loop_stop(struct loop *l);

/* For http/ only: libevent's base. */
struct event_base *loop_base(struct loop *l);

/* ---- descriptors ---- */
#define LOOP_READ 1u
#define LOOP_WRITE 2u
typedef void loop_io_fn(void *arg, unsigned ready);

/* Watch fd (borrowed; the caller closes it after loop_io_free). events 0 pauses. */
struct loop_io *loop_io_new(struct loop *l, int fd, loop_io_fn *fn, void *arg);
void loop_io_set(struct loop_io *io, unsigned events);
void loop_io_free(struct loop_io *io); /* NULL is legal; legal inside its own callback */

/* ---- timers (one shot) ---- */
typedef void loop_fn(void *arg);

struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *arg);
/* (Re)arm to fire once in delay_us (>= 0). */
void loop_timer_set(struct loop_timer *t, int64_t delay_us);
void loop_timer_cancel(struct loop_timer *t);
bool loop_timer_is_set(const struct loop_timer *t);
void loop_timer_free(struct loop_timer *t); /* NULL is legal; legal inside its own callback */

/* ---- signals ---- */
struct loop_signal *loop_signal_new(struct loop *l, int signum, loop_fn *fn, void *arg);
void loop_signal_free(struct loop_signal *s);

/* ---- end of pass ---- */
/* An object's single "drain": mark it any number of times in a pass, it runs
 * once at the pass's end, in the order of phases (STYLE.md section 5: read
 * everything, commit batch, answer, publish, collect). */
enum loop_phase { LOOP_PHASE_COMMIT, LOOP_PHASE_ANSWER, LOOP_PHASE_PUBLISH, LOOP_PHASE_COLLECT };
#define LOOP_PHASE_COUNT 4

struct loop_task;
struct loop_task *loop_task_new(struct loop *l, enum loop_phase phase, loop_fn *fn, void *arg);
void loop_task_mark(struct loop_task *t);
void loop_task_free(struct loop_task *t); /* NULL is legal; also while marked */

/* Call fn(obj) after the current pass: frees an object whose callback is running. */
void loop_defer_free(struct loop *l, void *obj, loop_fn *fn);

/* ---- blocking work ---- */
/* Run work(arg) on the loop's one worker thread, then done(arg) on the loop.
 * GH_EBUSY when 64 jobs wait already. For password hashing and the like. */
enum gh_code loop_work(struct loop *l, loop_fn *work, loop_fn *done, void *arg) GH_MUST_USE;

/* ---- health ---- */
/* Monotonic time of the last pass: the liveness check. */
int64_t loop_last_pass_us(const struct loop *l);
/* Longest single pass (time between waking up and waiting again) since the last call. */
int64_t loop_take_stall_us(struct loop *l);

#endif
