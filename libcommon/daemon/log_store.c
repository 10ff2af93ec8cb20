/* log_store.c - log lines into the table logs, where the administrator finds those of all
 * processes.
 *
 * Guarantees: logging never waits for the database, and what waits is bounded. A line that finds
 * the buffer full is dropped and counted: what began the trouble is kept, and the journal has the
 * rest. Any thread may log; everything else happens on the loop.
 *
 * Rows have their ids before they are sent, so that one whose fate is unknown is sent again. An
 * asynchronous commit is enough: a crash of the server loses less than a crash of this process.
 */
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/private.h"
#include "model/async_commit.h"
#include "model/log_row.h"

#define LOG_WAITING_MAX 1024 /* lines; each takes 4 KiB at most */

struct waiting_line {
	struct list node;
	struct log_row row; /* its slices lead into text, into the program or the configuration */
	char text[];
};

struct log_store {
	struct daemon *d;
	pthread_mutex_t mutex; /* over what follows */
	struct list waiting;
	unsigned waiting_count; /* those under way included */
	struct log_store_stats stats;

	/* Of the loop alone. */
	struct list sent; /* under way */
	bool is_flushing;
	struct log_reason reason;
};

/* ---- the line as a row ---- */

static void
read_key(struct log_row *row, const struct log_kv *kv)
{
	bool is_id = kv->kind == LOG_KV_INT && kv->num > 0 && kv->num <= INT32_MAX;
	struct slice text = kv->kind == LOG_KV_SLICE ? kv->slice : slice_of(kv->text);

	if (is_id && strcmp(kv->key, "company") == 0)
		row->company_id = (int32_t)kv->num;
	else if (is_id && strcmp(kv->key, "instance") == 0)
		row->instance_id = (int32_t)kv->num;
	else if (kv->kind != LOG_KV_INT && strcmp(kv->key, "msg") == 0 &&
		 uuid_parse(text, &row->message_id) != GH_OK)
		memset(&row->message_id, 0, sizeof(row->message_id)); /* another kind of id */
}

static struct waiting_line *
line_new(const struct daemon *d, const struct log_line *line)
{
	struct waiting_line *w = gh_alloc(sizeof(*w) + line->text.n);

	memcpy(w->text, line->text.p, line->text.n);
	w->row = (struct log_row){
		.id = uuid7_new(),
		.level = line->level,
		.daemon = slice_of(d->def->name),
		.process = slice_of(d->common->instance_name),
		.event = slice_of(line->event),
		.line = slice_make(w->text, line->text.n),
	};
	for (unsigned i = 0; i < line->count; i++)
		read_key(&w->row, &line->kv[i]);
	return w;
}

/* The log's sink: any thread. */
static void
keep_line(void *arg, const struct log_line *line)
{
	struct log_store *s = arg;

	pthread_mutex_lock(&s->mutex);
	if (s->waiting_count < LOG_WAITING_MAX) {
		list_add_tail(&s->waiting, &line_new(s->d, line)->node);
		s->waiting_count++;
	} else {
		s->stats.dropped_count++;
	}
	pthread_mutex_unlock(&s->mutex);
}

/* ---- storing ---- */

/* The lines under way have come to their end. Returns how many they were. */
static unsigned
sent_free(struct log_store *s)
{
	unsigned count = 0;

	for (struct list *n = list_pop(&s->sent); n != NULL; n = list_pop(&s->sent)) {
		gh_free(LIST_ENTRY(n, struct waiting_line, node));
		count++;
	}
	return count;
}

static void
sent_settle(struct log_store *s, bool is_stored)
{
	unsigned count = sent_free(s);

	pthread_mutex_lock(&s->mutex);
	s->waiting_count -= count;
	if (is_stored)
		s->stats.stored_count += count;
	else
		s->stats.dropped_count += count;
	pthread_mutex_unlock(&s->mutex);
}

/* Back to the head of those that wait. */
static void
sent_return(struct log_store *s)
{
	pthread_mutex_lock(&s->mutex);
	list_splice_tail(&s->sent, &s->waiting);
	list_splice_tail(&s->waiting, &s->sent);
	pthread_mutex_unlock(&s->mutex);
}

static void
stored(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct log_store *s = arg;
	const char *why = db_unit_error(u)->text;

	s->is_flushing = false;
	if (code == GH_OK) {
		sent_settle(s, true);
		log_store_flush(s);
		return;
	}
	if (code == GH_ETEMP || code == GH_EUNKNOWN)
		sent_return(s);
	else
		sent_settle(s, false); /* would be refused again, for ever */
	if (s->d->state != DAEMON_ENDED && log_reason_is_news(&s->reason, why, clock_mono_us()))
		log_warn("log.store_failed", LOG_STR("code", gh_code_name(code)),
			 LOG_STR("err", why));
}

/* Move what fits one statement to s->sent. */
static unsigned
take_lines(struct log_store *s, const struct log_row *rows[LOG_STORE_MAX])
{
	unsigned count = 0;

	pthread_mutex_lock(&s->mutex);
	while (count < LOG_STORE_MAX) {
		struct list *n = list_pop(&s->waiting);

		if (n == NULL)
			break;
		list_add_tail(&s->sent, n);
		rows[count++] = &LIST_ENTRY(n, struct waiting_line, node)->row;
	}
	pthread_mutex_unlock(&s->mutex);
	return count;
}

void
log_store_flush(struct log_store *s)
{
	struct daemon *d = s->d;
	const struct log_row *rows[LOG_STORE_MAX];
	struct db_unit *u;
	unsigned count;

	if (s->is_flushing || !d->is_schema_right || d->own_db == NULL || !db_is_up(d->own_db))
		return;
	count = take_lines(s, rows);
	if (count == 0)
		return;
	u = db_unit_new();
	async_commit_add(u);
	log_store_add(u, rows, count);
	if (db_submit(d->own_db, u, stored, s) == GH_OK)
		s->is_flushing = true;
	else
		sent_return(s);
}

/* ---- life ---- */

void
log_store_set_level(struct log_store *s)
{
	int level = s->d->common->log_store_level;

	log_set_sink(level < PARAMS_STORE_NONE ? keep_line : NULL, s, (enum log_level)level);
}

struct log_store_stats
log_store_get_stats(struct log_store *s)
{
	struct log_store_stats stats;

	pthread_mutex_lock(&s->mutex);
	stats = s->stats;
	pthread_mutex_unlock(&s->mutex);
	return stats;
}

struct log_store *
log_store_new(struct daemon *d)
{
	struct log_store *s = gh_alloc(sizeof(*s));

	s->d = d;
	pthread_mutex_init(&s->mutex, NULL);
	list_init(&s->waiting);
	list_init(&s->sent);
	log_store_set_level(s);
	return s;
}

void
log_store_free(struct log_store *s)
{
	if (s == NULL)
		return;
	log_set_sink(NULL, NULL, LOG_LEVEL_ERROR);
	list_splice_tail(&s->sent, &s->waiting);
	sent_free(s);
	pthread_mutex_destroy(&s->mutex);
	gh_free(s);
}
