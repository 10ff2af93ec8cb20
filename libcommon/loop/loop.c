/* loop.c - the event loop over libevent.
 *
 * One pass = libevent's wait and callbacks, then the marked tasks phase by
 * phase, then the deferred frees. libevent runs without its cached time, so
 * that a timer set late in a long pass does not fire early.
 */
#include "loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"

#define LOOP_ROUNDS_MAX 8
#define LOOP_JOBS_MAX   64
#define LOOP_TICK_US    CLOCK_SEC

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LOOP_SLOW_US (50 * CLOCK_MS)
#else
#define LOOP_SLOW_US (5 * CLOCK_MS)
#endif

struct deferred {
	loop_fn *fn;
	void *obj;
};

struct job {
	struct list link;
	loop_fn *work, *done;
	void *arg;
};

/* What the loop and the worker thread share, and the thread itself. */
struct worker {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct list waiting;  /* under mutex */
	struct list finished; /* under mutex */
	unsigned waiting_count;
	bool is_stopping; /* under mutex */
	bool is_started;  /* loop thread only */
	int event_fd;     /* written by the worker when finished stops being empty */
	struct loop_io *io;
};

struct loop {
	struct event_base *base;
	struct event tick; /* bounds the wait: loop_last_pass_us stays fresh */
	struct list marked[LOOP_PHASE_COUNT];
	unsigned marked_count;
	struct deferred *deferred;
	size_t deferred_count, deferred_size;
	struct worker worker;
	bool is_stopping;
	int64_t pass_start_us; /* 0: nothing has run yet in this pass */
	int64_t last_pass_us;
	int64_t stall_us;
};

struct loop_io {
	struct loop *l;
	loop_io_fn *fn;
	void *arg;
	const char *name;
	struct event read, write; /* two: turning one on or off costs one epoll_ctl */
	unsigned events;
};

struct loop_timer {
	struct loop *l;
	loop_fn *fn;
	void *arg;
	const char *name;
	struct event ev;
};

struct loop_signal {
	struct loop *l;
	loop_fn *fn;
	void *arg;
	const char *name;
	struct event ev;
};

struct loop_task {
	struct list link;
	struct loop *l;
	enum loop_phase phase;
	bool is_marked;
	loop_fn *fn;
	void *arg;
	const char *name;
};

static struct timeval
timeval_of(int64_t us)
{
	struct timeval tv;

	if (us < 0)
		us = 0;
	tv.tv_sec = (time_t)(us / CLOCK_SEC);
	tv.tv_usec = (suseconds_t)(us % CLOCK_SEC);
	return tv;
}

/* ---- timing of callbacks ---- */

static int64_t
call_begin(struct loop *l)
{
	int64_t now = clock_mono_us();

	if (l->pass_start_us == 0)
		l->pass_start_us = now;
	return now;
}

/* The object may be gone: only its name, a literal, is still good. */
static void
call_end(int64_t start_us, const char *name)
{
	int64_t took_us = clock_mono_us() - start_us;

	if (took_us > LOOP_SLOW_US)
		log_warn("loop.slow", LOG_STR("callback", name),
			 LOG_INT("dur_ms", took_us / CLOCK_MS));
}

static void
call_fn(struct loop *l, loop_fn *fn, void *arg, const char *name)
{
	int64_t start_us = call_begin(l);

	fn(arg);
	call_end(start_us, name);
}

/* ---- descriptors ---- */

static void
io_ready(evutil_socket_t fd, short what, void *arg)
{
	struct loop_io *io = arg;
	const char *name = io->name;
	int64_t start_us = call_begin(io->l);

	(void)fd;
	io->fn(io->arg, (what & EV_READ) != 0 ? LOOP_READ : LOOP_WRITE);
	call_end(start_us, name);
}

struct loop_io *
loop_io_new_named(struct loop *l, int fd, loop_io_fn *fn, void *arg, const char *name)
{
	struct loop_io *io = gh_alloc(sizeof(*io));

	io->l = l;
	io->fn = fn;
	io->arg = arg;
	io->name = name;
	if (event_assign(&io->read, l->base, fd, EV_READ | EV_PERSIST, io_ready, io) != 0 ||
	    event_assign(&io->write, l->base, fd, EV_WRITE | EV_PERSIST, io_ready, io) != 0)
		gh_panic("loop: event_assign refused descriptor %d", fd);
	return io;
}

static void
io_switch(struct event *ev, bool on)
{
	int rc = on ? event_add(ev, NULL) : event_del(ev);

	if (rc != 0)
		gh_panic("loop: cannot watch descriptor %d: %s", (int)event_get_fd(ev),
			 gh_errno_text(errno));
}

void
loop_io_set(struct loop_io *io, unsigned events)
{
	unsigned added = events & ~io->events;
	unsigned removed = io->events & ~events;

	/* Additions first: the descriptor need not leave the kernel's set in between. */
	if ((added & LOOP_READ) != 0)
		io_switch(&io->read, true);
	if ((added & LOOP_WRITE) != 0)
		io_switch(&io->write, true);
	if ((removed & LOOP_READ) != 0)
		io_switch(&io->read, false);
	if ((removed & LOOP_WRITE) != 0)
		io_switch(&io->write, false);
	io->events = events;
}

void
loop_io_free(struct loop_io *io)
{
	if (io == NULL)
		return;
	loop_io_set(io, 0);
	gh_free(io);
}

/* ---- timers ---- */

static void
timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	call_fn(t->l, t->fn, t->arg, t->name);
}

struct loop_timer *
loop_timer_new_named(struct loop *l, loop_fn *fn, void *arg, const char *name)
{
	struct loop_timer *t = gh_alloc(sizeof(*t));

	t->l = l;
	t->fn = fn;
	t->arg = arg;
	t->name = name;
	if (evtimer_assign(&t->ev, l->base, timer_fired, t) != 0)
		gh_panic("loop: evtimer_assign failed");
	return t;
}

void
loop_timer_set(struct loop_timer *t, int64_t delay_us)
{
	struct timeval tv = timeval_of(delay_us);

	/* event_add leaves an expired timer that waits for its turn active: it would fire early. */
	(void)evtimer_del(&t->ev);
	if (evtimer_add(&t->ev, &tv) != 0)
		gh_panic("loop: evtimer_add failed");
}

void
loop_timer_cancel(struct loop_timer *t)
{
	(void)evtimer_del(&t->ev);
}

bool
loop_timer_is_set(const struct loop_timer *t)
{
	return evtimer_pending(&t->ev, NULL) != 0;
}

void
loop_timer_free(struct loop_timer *t)
{
	if (t == NULL)
		return;
	loop_timer_cancel(t);
	gh_free(t);
}

/* ---- signals ---- */

static void
signal_arrived(evutil_socket_t signum, short what, void *arg)
{
	struct loop_signal *s = arg;

	(void)signum;
	(void)what;
	call_fn(s->l, s->fn, s->arg, s->name);
}

struct loop_signal *
loop_signal_new_named(struct loop *l, int signum, loop_fn *fn, void *arg, const char *name)
{
	struct loop_signal *s = gh_alloc(sizeof(*s));

	s->l = l;
	s->fn = fn;
	s->arg = arg;
	s->name = name;
	if (evsignal_assign(&s->ev, l->base, signum, signal_arrived, s) != 0 ||
	    evsignal_add(&s->ev, NULL) != 0)
		gh_panic("loop: cannot catch signal %d", signum);
	return s;
}

void
loop_signal_free(struct loop_signal *s)
{
	if (s == NULL)
		return;
	(void)evsignal_del(&s->ev);
	gh_free(s);
}

/* ---- end of pass ---- */

struct loop_task *
loop_task_new_named(struct loop *l, enum loop_phase phase, loop_fn *fn, void *arg, const char *name)
{
	struct loop_task *t = gh_alloc(sizeof(*t));

	list_init(&t->link);
	t->l = l;
	t->phase = phase;
	t->fn = fn;
	t->arg = arg;
	t->name = name;
	return t;
}

void
loop_task_mark(struct loop_task *t)
{
	if (t->is_marked)
		return;
	t->is_marked = true;
	t->l->marked_count++;
	list_add_tail(&t->l->marked[t->phase], &t->link);
}

static void
task_unmark(struct loop_task *t)
{
	if (!t->is_marked)
		return;
	t->is_marked = false;
	t->l->marked_count--;
	list_del(&t->link);
}

void
loop_task_free(struct loop_task *t)
{
	if (t == NULL)
		return;
	task_unmark(t);
	gh_free(t);
}

/* Tasks of one phase that are marked now; what they mark in it waits for the next round. */
static void
phase_run(struct loop *l, enum loop_phase phase)
{
	struct list now;

	list_init(&now);
	list_splice_tail(&now, &l->marked[phase]);
	while (!list_is_empty(&now)) {
		struct loop_task *t = LIST_ENTRY(now.next, struct loop_task, link);

		task_unmark(t);
		call_fn(l, t->fn, t->arg, t->name);
	}
}

static void
tasks_run(struct loop *l)
{
	for (unsigned round = 0; round < LOOP_ROUNDS_MAX && l->marked_count > 0; round++)
		for (unsigned phase = 0; phase < LOOP_PHASE_COUNT; phase++)
			phase_run(l, (enum loop_phase)phase);
}

void
loop_defer_free(struct loop *l, void *obj, loop_fn *fn)
{
	if (l->deferred_count == l->deferred_size) {
		l->deferred_size = l->deferred_size == 0 ? 16 : l->deferred_size * 2;
		l->deferred = gh_realloc(l->deferred, l->deferred_size * sizeof(*l->deferred));
	}
	l->deferred[l->deferred_count++] = (struct deferred){.fn = fn, .obj = obj};
}

/* Frees may defer more (a parent frees its children): go on until there is nothing. */
static void
deferred_run(struct loop *l)
{
	for (size_t i = 0; i < l->deferred_count; i++) {
		struct deferred d = l->deferred[i];

		d.fn(d.obj);
	}
	l->deferred_count = 0;
}

/* ---- the pass ---- */

static void
pass_run(struct loop *l, bool may_wait)
{
	bool has_more = l->marked_count > 0 || l->deferred_count > 0;
	/* NONBLOCK alone would go on for as long as any descriptor stays ready. */
	int flags = EVLOOP_ONCE | (may_wait && !has_more ? 0 : EVLOOP_NONBLOCK);
	int64_t now;

	l->pass_start_us = 0;
	if (event_base_loop(l->base, flags) < 0)
		gh_panic("loop: event_base_loop: %s", gh_errno_text(errno));
	tasks_run(l);
	deferred_run(l);
	now = clock_mono_us();
	l->last_pass_us = now;
	if (l->pass_start_us != 0 && now - l->pass_start_us > l->stall_us)
		l->stall_us = now - l->pass_start_us;
}

static void
wait_ended(evutil_socket_t fd, short what, void *arg)
{
	/* Nothing to do: firing ended libevent's wait, and so the pass. */
	(void)fd;
	(void)what;
	(void)arg;
}

void
loop_run(struct loop *l)
{
	while (!l->is_stopping)
		pass_run(l, true);
	l->is_stopping = false;
}

void
loop_run_once(struct loop *l, int64_t timeout_us)
{
	struct timeval tv = timeval_of(timeout_us);
	struct event limit;

	if (evtimer_assign(&limit, l->base, wait_ended, NULL) != 0 || evtimer_add(&limit, &tv) != 0)
		gh_panic("loop: cannot arm a timer");
	pass_run(l, timeout_us > 0);
	(void)evtimer_del(&limit);
}

void
loop_stop(struct loop *l)
{
	l->is_stopping = true;
}

struct event_base *
loop_base(struct loop *l)
{
	return l->base;
}

int64_t
loop_last_pass_us(const struct loop *l)
{
	return l->last_pass_us;
}

int64_t
loop_take_stall_us(struct loop *l)
{
	int64_t us = l->stall_us;

	l->stall_us = 0;
	return us;
}

/* ---- blocking work ---- */

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	const uint64_t one = 1;

	pthread_mutex_lock(&w->mutex);
	while (!w->is_stopping) {
		struct list *n = list_pop(&w->waiting);
		struct job *job;
		bool is_first;

		if (n == NULL) {
			pthread_cond_wait(&w->cond, &w->mutex);
			continue;
		}
		w->waiting_count--;
		pthread_mutex_unlock(&w->mutex);
		job = LIST_ENTRY(n, struct job, link);
		job->work(job->arg);
		pthread_mutex_lock(&w->mutex);
		is_first = list_is_empty(&w->finished);
		list_add_tail(&w->finished, &job->link);
		if (is_first && write(w->event_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
			gh_panic("loop: eventfd: %s", gh_errno_text(errno));
	}
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

static void
worker_finished(void *arg, unsigned ready)
{
	struct loop *l = arg;
	struct worker *w = &l->worker;
	struct list done;
	struct list *n;
	uint64_t count;

	(void)ready;
	list_init(&done);
	if (read(w->event_fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return; /* woken without a finished job */
	pthread_mutex_lock(&w->mutex);
	list_splice_tail(&done, &w->finished);
	pthread_mutex_unlock(&w->mutex);
	n = list_pop(&done);
	while (n != NULL) {
		struct job *job = LIST_ENTRY(n, struct job, link);

		job->done(job->arg);
		gh_free(job);
		n = list_pop(&done);
	}
}

/* Signals belong to the loop thread: the worker is born with all of them blocked. */
static void
worker_start(struct worker *w)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		gh_panic("loop: cannot start the worker thread: %s", gh_errno_text(rc));
	w->is_started = true;
}

static void
worker_init(struct loop *l)
{
	struct worker *w = &l->worker;

	if (pthread_mutex_init(&w->mutex, NULL) != 0 || pthread_cond_init(&w->cond, NULL) != 0)
		gh_panic("loop: cannot make a mutex");
	list_init(&w->waiting);
	list_init(&w->finished);
	w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->event_fd < 0)
		gh_panic("loop: eventfd: %s", gh_errno_text(errno));
	w->io = loop_io_new(l, w->event_fd, worker_finished, l);
	loop_io_set(w->io, LOOP_READ);
}

static void
jobs_drop(struct list *jobs)
{
	struct list *n = list_pop(jobs);

	while (n != NULL) {
		gh_free(LIST_ENTRY(n, struct job, link));
		n = list_pop(jobs);
	}
}

static void
worker_stop(struct worker *w)
{
	if (w->is_started) {
		pthread_mutex_lock(&w->mutex);
		w->is_stopping = true;
		pthread_cond_signal(&w->cond);
		pthread_mutex_unlock(&w->mutex);
		pthread_join(w->thread, NULL);
	}
	jobs_drop(&w->waiting);
	jobs_drop(&w->finished);
	loop_io_free(w->io);
	close(w->event_fd);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->mutex);
}

enum gh_code
loop_work(struct loop *l, loop_fn *work, loop_fn *done, void *arg)
{
	struct worker *w = &l->worker;
	struct job *job;
	bool is_full;

	if (!w->is_started)
		worker_start(w);
	job = gh_alloc(sizeof(*job));
	list_init(&job->link);
	job->work = work;
	job->done = done;
	job->arg = arg;
	pthread_mutex_lock(&w->mutex);
	is_full = w->waiting_count >= LOOP_JOBS_MAX;
	if (!is_full) {
		list_add_tail(&w->waiting, &job->link);
		w->waiting_count++;
		pthread_cond_signal(&w->cond);
	}
	pthread_mutex_unlock(&w->mutex);
	if (!is_full)
		return GH_OK;
	gh_free(job);
	return GH_EBUSY;
}

/* ---- life ---- */

static struct event_base *
base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		gh_panic("loop: event_config_new failed");
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	base = event_base_new_with_config(config);
	event_config_free(config);
	if (base == NULL)
		gh_panic("loop: event_base_new failed");
	return base;
}

struct loop *
loop_new(void)
{
	struct loop *l = gh_alloc(sizeof(*l));
	struct timeval tv = timeval_of(LOOP_TICK_US);

	signal(SIGPIPE, SIG_IGN);
	l->base = base_new();
	for (unsigned i = 0; i < LOOP_PHASE_COUNT; i++)
		list_init(&l->marked[i]);
	if (event_assign(&l->tick, l->base, -1, EV_PERSIST, wait_ended, NULL) != 0 ||
	    event_add(&l->tick, &tv) != 0)
		gh_panic("loop: cannot arm a timer");
	worker_init(l);
	l->last_pass_us = clock_mono_us();
	return l;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	deferred_run(l);
	worker_stop(&l->worker);
	(void)event_del(&l->tick);
	event_base_free(l->base);
	gh_free(l->deferred);
	gh_free(l);
}
