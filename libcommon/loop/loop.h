/* loop.h - the one event loop of a daemon: descriptors, timers, signals,
 * deferred calls, a worker thread for what must block, and the loop's own
 * health. libevent stands behind it; only loop/ and http/ may see it.
 *
 * Everything here is for the loop thread only, except loop_work's work
 * function, which runs on the worker thread. The *_new functions that take a
 * callback are macros that also pass the callback's name: a call that holds the
 * loop for more than 5 ms (50 ms in sanitizer builds) is the warning loop.slow
 * with that name.
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

/* Ignores SIGPIPE for the process: a closed peer is a result, not a signal. */
struct loop *loop_new(void);
/* After everything on it was freed; NULL is legal. Runs what loop_defer_free still
 * holds; waits for the job on the worker, drops those behind it; calls no done. */
void loop_free(struct loop *l);

/* Run until loop_stop. */
void loop_run(struct loop *l);
/* One pass: waits for at most timeout_us for something to happen (0: not at all). For tests. */
void loop_run_once(struct loop *l, int64_t timeout_us);
/* Leave loop_run after the current pass; before loop_run: make it return at once. */
void loop_stop(struct loop *l);

/* For http/ only: libevent's base. */
struct event_base *loop_base(struct loop *l);

/* ---- descriptors ---- */
#define LOOP_READ  1u
#define LOOP_WRITE 2u
typedef void loop_io_fn(void *arg, unsigned ready);

/* Watch fd (borrowed; the caller closes it after loop_io_free): nothing until
 * loop_io_set says what for; events 0 pauses. Level-triggered; an error or hangup
 * counts as ready for what is watched. Read and write readiness of one pass may
 * come as two calls. */
#define loop_io_new(l, fd, fn, arg) loop_io_new_named((l), (fd), (fn), (arg), #fn)
struct loop_io *loop_io_new_named(struct loop *l, int fd, loop_io_fn *fn, void *arg,
				  const char *name);
void loop_io_set(struct loop_io *io, unsigned events);
void loop_io_free(struct loop_io *io); /* NULL is legal; legal inside its own callback */

/* ---- timers (one shot) ---- */
typedef void loop_fn(void *arg);

#define loop_timer_new(l, fn, arg) loop_timer_new_named((l), (fn), (arg), #fn)
struct loop_timer *loop_timer_new_named(struct loop *l, loop_fn *fn, void *arg, const char *name);
/* (Re)arm to fire once in delay_us (negative counts as 0); never inside this call. */
void loop_timer_set(struct loop_timer *t, int64_t delay_us);
void loop_timer_cancel(struct loop_timer *t);
bool loop_timer_is_set(const struct loop_timer *t);
void loop_timer_free(struct loop_timer *t); /* NULL is legal; legal inside its own callback */

/* ---- signals ---- */
#define loop_signal_new(l, signum, fn, arg) loop_signal_new_named((l), (signum), (fn), (arg), #fn)
struct loop_signal *loop_signal_new_named(struct loop *l, int signum, loop_fn *fn, void *arg,
					  const char *name);
void loop_signal_free(struct loop_signal *s); /* NULL is legal; legal inside its own callback */

/* ---- end of pass ---- */
/* An object's single "drain": mark it any number of times in a pass, it runs
 * once at the pass's end, in the order of phases (STYLE.md section 5: read
 * everything, commit batch, answer, publish, collect). */
enum loop_phase { LOOP_PHASE_COMMIT, LOOP_PHASE_ANSWER, LOOP_PHASE_PUBLISH, LOOP_PHASE_COLLECT };
#define LOOP_PHASE_COUNT 4

struct loop_task;
#define loop_task_new(l, phase, fn, arg) loop_task_new_named((l), (phase), (fn), (arg), #fn)
struct loop_task *loop_task_new_named(struct loop *l, enum loop_phase phase, loop_fn *fn, void *arg,
				      const char *name);
/* Marking while tasks run starts another round of phases in the same pass; what is
 * still marked after 8 rounds runs at the end of the next pass, which does not wait. */
void loop_task_mark(struct loop_task *t);
void loop_task_free(struct loop_task *t); /* NULL is legal; also while marked */

/* Call fn(obj) after the current pass's phases: frees an object whose callback is running. */
void loop_defer_free(struct loop *l, void *obj, loop_fn *fn);

/* ---- blocking work ---- */
/* Run work(arg) on the loop's one worker thread, then done(arg) on the loop.
 * GH_EBUSY when 64 jobs wait already. For password hashing and the like. */
enum gh_code loop_work(struct loop *l, loop_fn *work, loop_fn *done, void *arg) GH_MUST_USE;

/* ---- health ---- */
/* Monotonic time of the end of the last pass: the liveness check (an idle loop makes
 * a pass every second). */
int64_t loop_last_pass_us(const struct loop *l);
/* Longest single pass (from the first callback after waking up to waiting again)
 * since the last call. */
int64_t loop_take_stall_us(struct loop *l);

#endif
