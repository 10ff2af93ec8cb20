/* files.c - stored files on their way into provider requests; see files.h.
 *
 *	ASKED    its size is asked for
 *	WAITING  for room, or a turn to read
 *	READING  a piece is asked for
 *	ENDED    done was called; it may hold its block
 */
#include "files.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "crypto/encode.h"
#include "db/db.h"
#include "loop/loop.h"
#include "model/media.h"
#include "senderd.h"

#define GROUP 3 /* bytes that become whole base64 text */

enum load_state { LOAD_ASKED, LOAD_WAITING, LOAD_READING, LOAD_ENDED };

struct files {
	struct senderd *sd;
	size_t used;      /* bytes of blocks */
	unsigned reading; /* loads READING */
	struct list waiting;
	struct loop_task *task;
	struct arena *scratch;
};

struct file_load {
	struct files *f;
	struct list link; /* WAITING */
	struct loop_timer *timer;
	enum load_state state;
	bool is_asking; /* the database works for it */
	struct file_want want;
	file_fn *done; /* NULL: given up while the database works */
	void *arg;
	size_t size; /* of the file */
	size_t read; /* bytes of it encoded or in rest */
	uint8_t rest[GROUP];
	size_t rest_count;
	char *block;
	size_t need; /* bytes of the block, when it is there */
	size_t at;   /* where text is added */
};

static void
load_set_state(struct file_load *l, enum load_state state)
{
	struct files *f = l->f;

	if (l->state == LOAD_WAITING)
		list_del(&l->link);
	if (l->state == LOAD_READING)
		f->reading--;
	loop_timer_cancel(l->timer);
	l->state = state;
	if (state == LOAD_WAITING)
		list_add_tail(&f->waiting, &l->link);
	if (state == LOAD_READING)
		f->reading++;
	loop_task_mark(f->task);
}

static void
load_free(struct file_load *l)
{
	load_set_state(l, LOAD_ENDED);
	if (l->block != NULL)
		l->f->used -= l->need;
	gh_free(l->block);
	loop_timer_free(l->timer);
	gh_free(l);
}

static void
load_done(struct file_load *l, enum gh_code code)
{
	static const unsigned labels[] = {[GH_OK] = FILES_LOADED,
					  [GH_EBUSY] = FILES_LATE,
					  [GH_ENOTFOUND] = FILES_MISSING,
					  [GH_ETEMP] = FILES_FAILED};

	load_set_state(l, LOAD_ENDED);
	metrics_add(l->f->sd->metrics, M_FILES, labels[code], 0, 1);
	l->done(l->arg, code, code == GH_OK ? slice_make(l->block, l->at) : SLICE_NONE);
}

/* ---- encoding ---- */

static void
block_add(struct file_load *l, struct slice s)
{
	memcpy(l->block + l->at, s.p, s.n);
	l->at += s.n;
}

static void
block_encode(struct file_load *l, struct slice bytes)
{
	/* Its NUL goes where the next text begins. */
	(void)encode_base64(bytes, l->block + l->at);
	l->at += ENCODE_BASE64_SIZE(bytes.n) - 1;
}

/* Chunks do not end where groups do. */
static void
block_add_chunk(struct file_load *l, struct slice chunk)
{
	size_t whole;

	l->read += chunk.n;
	while (l->rest_count > 0 && l->rest_count < GROUP && chunk.n > 0) {
		l->rest[l->rest_count++] = (uint8_t)chunk.p[0];
		chunk = slice_from(chunk, 1);
	}
	if (l->rest_count == GROUP) {
		block_encode(l, slice_make(l->rest, GROUP));
		l->rest_count = 0;
	}
	if (chunk.n == 0)
		return;
	whole = chunk.n / GROUP * GROUP;
	block_encode(l, slice_sub(chunk, 0, whole));
	l->rest_count = chunk.n - whole;
	memcpy(l->rest, chunk.p + whole, l->rest_count);
}

static void
block_finish(struct file_load *l)
{
	block_encode(l, slice_make(l->rest, l->rest_count));
	l->rest_count = 0;
	block_add(l, l->want.tail);
}

/* ---- reading ---- */

static void load_read(struct file_load *l);

/* False: the file is not what its row says. */
static bool
load_take(struct file_load *l, const struct db_unit *u)
{
	unsigned count = media_chunk_count(u, 0);

	for (unsigned i = 0; i < count; i++) {
		struct slice chunk = media_chunk(u, 0, i);

		if (chunk.n > l->size - l->read)
			return false;
		block_add_chunk(l, chunk);
	}
	return count > 0;
}

static void
load_read_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct file_load *l = arg;

	l->is_asking = false;
	if (l->done == NULL) {
		load_free(l);
	} else if (code != GH_OK) {
		load_done(l, GH_ETEMP);
	} else if (!load_take(l, u)) {
		load_done(l, GH_ENOTFOUND);
	} else if (l->read == l->size) {
		block_finish(l);
		load_done(l, GH_OK);
	} else if (clock_mono_us() >= l->want.until_us) {
		load_done(l, GH_EBUSY);
	} else {
		load_read(l);
	}
}

static void
load_read(struct file_load *l)
{
	struct db_unit *u = db_unit_new();

	media_chunks_add(u, l->want.media_id, (unsigned)(l->read / MEDIA_CHUNK_SIZE),
			 FILES_PIECE_CHUNKS);
	l->is_asking = db_submit(l->f->sd->read, u, load_read_done, l) == GH_OK;
	if (!l->is_asking)
		load_done(l, GH_ETEMP);
}

/* ---- waiting ---- */

static bool
files_have_room(const struct files *f, size_t need)
{
	size_t max = f->sd->conf->media_memory;

	return f->reading < FILES_READING_MAX &&
	       (f->used == 0 || (need <= max && f->used <= max - need));
}

/* First come, first served: a large file is not overtaken for ever. */
static void
files_run(void *arg)
{
	struct files *f = arg;

	while (!list_is_empty(&f->waiting)) {
		struct file_load *l = LIST_ENTRY(f->waiting.next, struct file_load, link);

		if (!files_have_room(f, l->need))
			return;
		load_set_state(l, LOAD_READING);
		l->block = gh_alloc(l->need);
		f->used += l->need;
		block_add(l, l->want.head);
		load_read(l);
	}
}

static void
load_timer(void *arg)
{
	load_done(arg, GH_EBUSY);
}

static void
load_asked(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct file_load *l = arg;
	struct files *f = l->f;
	struct media_row row;
	bool is_there;

	l->is_asking = false;
	if (l->done == NULL || code != GH_OK) {
		if (l->done == NULL)
			load_free(l);
		else
			load_done(l, GH_ETEMP);
		return;
	}
	is_there = media_get_row(u, 0, f->scratch, &row);
	arena_reset(f->scratch);
	if (!is_there || row.size_bytes <= 0 || row.size_bytes > (int64_t)MEDIA_SIZE_MAX) {
		load_done(l, GH_ENOTFOUND);
		return;
	}
	l->size = (size_t)row.size_bytes;
	l->need = l->want.head.n + ENCODE_BASE64_SIZE(l->size) + l->want.tail.n;
	load_set_state(l, LOAD_WAITING);
	loop_timer_set(l->timer, l->want.until_us - clock_mono_us());
}

struct file_load *
file_start(struct files *f, const struct file_want *want, file_fn *done, void *arg)
{
	struct file_load *l = gh_alloc(sizeof(*l));
	struct db_unit *u = db_unit_new();

	l->f = f;
	l->want = *want;
	l->done = done;
	l->arg = arg;
	l->timer = loop_timer_new(f->sd->loop, load_timer, l);
	media_get_add(u, want->company_id, want->media_id);
	l->is_asking = db_submit(f->sd->read, u, load_asked, l) == GH_OK;
	if (!l->is_asking)
		loop_timer_set(l->timer, 0);
	return l;
}

void
file_end(struct file_load *l)
{
	if (l == NULL)
		return;
	l->done = NULL;
	if (!l->is_asking)
		load_free(l);
}

/* ---- life ---- */

size_t
files_memory(const struct files *f)
{
	return f->used;
}

struct files *
files_new(struct senderd *sd)
{
	struct files *f = gh_alloc(sizeof(*f));

	f->sd = sd;
	list_init(&f->waiting);
	f->scratch = arena_new(0);
	f->task = loop_task_new(sd->loop, LOOP_PHASE_COMMIT, files_run, f);
	return f;
}

void
files_free(struct files *f)
{
	if (f == NULL)
		return;
	loop_task_free(f->task);
	arena_free(f->scratch);
	gh_free(f);
}
