/* tasks.h - periodic tasks of one process: run those this process leads, each at its interval.
 *
 * A task never overlaps itself. Its interval counts from the end of a run to the beginning of the
 * next; after a failure it waits 1, 2, 4 ... s, at most its interval. It runs at once when
 * leadership is gained.
 */
#ifndef GH_HEALTHD_TASKS_H
#define GH_HEALTHD_TASKS_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct task;
struct tasks;

/* Start a run; it ends, now or later, with one call of task_done. */
typedef void task_run_fn(void *arg, struct task *t);

struct task_def {
	unsigned key; /* names the task to ended; distinct */
	const char *name;
	int64_t interval_us;
	task_run_fn *run;
	void (*lost)(void *arg); /* leadership was lost; NULL: nothing to do */
	void *arg;
};

/* A run ended. */
typedef void tasks_ended_fn(void *arg, unsigned key, bool is_ok, int64_t duration_us);

struct tasks *tasks_new(struct loop *l, tasks_ended_fn *ended, void *arg);
/* Runs under way must not end any more. NULL is legal. */
void tasks_free(struct tasks *ts);

/* def is copied; its name is borrowed. The task does not run before tasks_lead. */
void tasks_add(struct tasks *ts, const struct task_def *def);

/* This process does the task from now on, or no longer; a run under way goes on to its end. Telling
 * it again what it knows changes nothing. */
void tasks_lead(struct tasks *ts, unsigned key, bool is_leader);
bool tasks_is_leader(const struct tasks *ts, unsigned key);

/* Start no more runs; idle is called once, maybe from inside, when none is under way. */
void tasks_drain(struct tasks *ts, void (*idle)(void *arg), void *arg);

/* ---- for the task ---- */
/* The run is over. */
void task_done(struct task *t, bool is_ok);
/* A run in several steps ends after the current one: leadership is lost, or the daemon drains. */
bool task_should_end(const struct task *t);

const char *task_name(const struct task *t);

/* Wait before the next run after so many failures in a row. */
int64_t task_delay_us(int64_t interval_us, unsigned failures);

#endif
