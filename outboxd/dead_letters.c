/* dead_letters.c - copy new dead letters to dlq.final, for the tools that read it.
 *
 * Best effort beside the relay: every second the uncopied rows are read, published
 * on a channel of their own, and marked when the broker has confirmed them. What
 * goes wrong is tried again a second later; a copy may come twice.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/json.h"
#include "loop/loop.h"
#include "model/dead_letter.h"
#include "mq/topology.h"
#include "outboxd.h"

#define DEAD_LETTERS_BATCH    64
#define DEAD_LETTERS_EVERY_US CLOCK_SEC
#define DEAD_LETTER_BODY_MAX  8192

struct dead_letters {
	struct outboxd *o;
	struct mq_publisher *publisher;
	struct loop_timer *timer;
	struct arena *a;
	struct dead_letter *rows;
	unsigned owed_count;
	struct uuid confirmed[DEAD_LETTERS_BATCH];
	unsigned confirmed_count;
};

static void
dead_letters_rest(struct dead_letters *x)
{
	loop_timer_set(x->timer, DEAD_LETTERS_EVERY_US);
}

static void
dead_letters_marked(void *arg, enum gh_code code, const struct db_unit *u)
{
	if (code != GH_OK)
		log_warn("outbox.dead_letter_failed", LOG_STR("err", db_unit_error(u)->text));
	dead_letters_rest(arg);
}

static void
dead_letters_mark(struct dead_letters *x)
{
	struct db_unit *u;

	if (x->confirmed_count == 0) {
		dead_letters_rest(x);
		return;
	}
	u = db_unit_new();
	dead_letter_copied_add(u, x->confirmed, x->confirmed_count);
	if (db_submit(x->o->db, u, dead_letters_marked, x) != GH_OK)
		dead_letters_rest(x);
}

static void
dead_letter_settled(void *arg, void *token, uint64_t tag GH_UNUSED, enum mq_outcome outcome,
		    unsigned reply_code GH_UNUSED)
{
	struct dead_letters *x = arg;
	const struct dead_letter *d = token;

	if (outcome == MQ_CONFIRMED)
		x->confirmed[x->confirmed_count++] = d->message_id;
	if (--x->owed_count == 0)
		dead_letters_mark(x);
}

static struct slice
dead_letter_body(struct arena *a, const struct dead_letter *d)
{
	struct buf b;
	struct json_w w;

	buf_init(&b, a, DEAD_LETTER_BODY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_uuid(&w, "message_id", d->message_id);
	json_w_i64(&w, "company_id", d->company_id);
	json_w_i64(&w, "instance_id", d->instance_id);
	json_w_str(&w, "reason", d->reason);
	json_w_str(&w, "detail", d->detail);
	json_w_i64(&w, "attempts", d->attempts);
	json_w_time(&w, "created_at", d->created_at_us);
	json_w_close(&w, '}');
	return b.over ? S("{}") : buf_slice(&b);
}

static bool
dead_letter_publish(struct dead_letters *x, const struct dead_letter *d)
{
	char id[UUID_TEXT_SIZE];
	struct mq_message m = {
		.exchange = S(MQ_EXCHANGE_DLQ),
		.routing_key = S(MQ_KEY_DLQ),
		.message_id = slice_of(uuid_text(d->message_id, id)),
		.content_type = S("application/json"),
		.type = S("dead_letter"),
		.body = dead_letter_body(x->a, d),
		.is_mandatory = true,
	};

	return mq_publish(x->publisher, &m, (void *)(uintptr_t)d, NULL) == GH_OK;
}

static void
dead_letters_read(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct dead_letters *x = arg;
	unsigned count;

	if (code != GH_OK) {
		dead_letters_rest(x);
		return;
	}
	count = dead_letter_rows(u, 0, x->a, &x->rows);
	x->confirmed_count = 0;
	for (unsigned i = 0; i < count; i++) {
		if (dead_letter_publish(x, &x->rows[i]))
			x->owed_count++;
	}
	if (x->owed_count == 0)
		dead_letters_rest(x);
}

static void
dead_letters_timer(void *arg)
{
	struct dead_letters *x = arg;
	struct db_unit *u;

	if (x->o->is_draining || !db_is_up(x->o->db) || !mq_publisher_is_ready(x->publisher)) {
		dead_letters_rest(x);
		return;
	}
	arena_reset(x->a);
	u = db_unit_new();
	dead_letter_uncopied_add(u, DEAD_LETTERS_BATCH);
	if (db_submit(x->o->db, u, dead_letters_read, x) != GH_OK)
		dead_letters_rest(x);
}

struct dead_letters *
dead_letters_new(struct outboxd *o)
{
	struct dead_letters *x = gh_alloc(sizeof(*x));

	x->o = o;
	x->a = arena_new(0);
	x->timer = loop_timer_new(o->loop, dead_letters_timer, x);
	x->publisher = mq_publisher_new(o->mq, &(struct mq_publisher_opts){
						       .window = DEAD_LETTERS_BATCH,
						       .on_settle = dead_letter_settled,
						       .arg = x,
					       });
	loop_timer_set(x->timer, DEAD_LETTERS_EVERY_US);
	return x;
}

void
dead_letters_free(struct dead_letters *x)
{
	if (x == NULL)
		return;
	mq_publisher_free(x->publisher);
	loop_timer_free(x->timer);
	arena_free(x->a);
	gh_free(x);
}
