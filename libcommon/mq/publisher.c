/* publisher.c - the confirm window; see publisher.h.
 *
 * Unsettled messages stand in a ring indexed by delivery tag: tags low..next-1
 * are in flight or already settled out of order. A confirm of many tags walks
 * from low, so each slot is visited once however the broker groups its acks.
 */
#include "mq/publisher.h"

#include "base/log.h"
#include "base/mem.h"
#include "mq/internal.h"

#define MESSAGE_ID_MAX 64

struct slot {
	bool is_used;
	bool is_returned;
	uint8_t id_size;
	uint16_t reply_code;
	void *token;
	uint64_t tag; /* the publisher's own number */
	char id[MESSAGE_ID_MAX];
};

struct mq_publisher {
	struct mq_channel *ch;
	struct mq_publisher_opts opts;
	struct slot *ring; /* opts.window slots */
	uint64_t low;      /* smallest delivery tag not settled */
	uint64_t next;     /* delivery tag of the next publish; both start at 1 per channel */
	uint64_t last_tag;
	unsigned in_flight;
	bool is_confirming; /* confirm.select was answered on the present channel */
	bool wants_ready;   /* a publish was refused: on_ready is owed */
};

static struct slot *
slot_at(struct mq_publisher *p, uint64_t delivery_tag)
{
	return &p->ring[delivery_tag % p->opts.window];
}

static void
count_outcome(struct mq_publisher *p, enum mq_outcome outcome)
{
	struct mq_counters *n = &mq_channel_conn(p->ch)->counters;

	switch (outcome) {
	case MQ_CONFIRMED:
		n->confirmed_count++;
		break;
	case MQ_RETURNED:
		n->returned_count++;
		break;
	case MQ_NACKED:
		n->nacked_count++;
		break;
	case MQ_LOST:
		n->unconfirmed_count++;
		break;
	}
}

/* Settle one used slot; it is free before the callback, which may publish. */
static void
slot_settle(struct mq_publisher *p, struct slot *s, enum mq_outcome outcome)
{
	struct slot was = *s;

	s->is_used = false;
	p->in_flight--;
	/* What is known to be unroutable is not "perhaps queued", whatever comes after. */
	if (was.is_returned && outcome != MQ_NACKED)
		outcome = MQ_RETURNED;
	count_outcome(p, outcome);
	p->opts.on_settle(p->opts.arg, was.token, was.tag, outcome,
			  outcome == MQ_RETURNED ? was.reply_code : 0);
}

static bool
has_room(const struct mq_publisher *p)
{
	return p->next - p->low < p->opts.window;
}

static void
tell_ready(struct mq_publisher *p)
{
	if (!p->wants_ready || !mq_publisher_is_ready(p))
		return;
	p->wants_ready = false;
	if (p->opts.on_ready != NULL)
		p->opts.on_ready(p->opts.arg);
}

static void
publisher_on_confirm(void *arg, uint64_t tag, bool multiple, bool is_ack)
{
	struct mq_publisher *p = arg;
	enum mq_outcome outcome = is_ack ? MQ_CONFIRMED : MQ_NACKED;
	uint64_t last = tag == 0 && multiple ? p->next - 1 : tag;

	if (last >= p->next || (tag == 0 && !multiple)) {
		mq_conn_fail(mq_channel_conn(p->ch), "confirm of a message never published");
		return;
	}
	if (!multiple && tag >= p->low && slot_at(p, tag)->is_used)
		slot_settle(p, slot_at(p, tag), outcome);
	while (p->low < p->next && (!slot_at(p, p->low)->is_used || (multiple && p->low <= last))) {
		struct slot *s = slot_at(p, p->low);

		p->low++;
		if (s->is_used)
			slot_settle(p, s, outcome);
	}
	tell_ready(p);
}

/* The ack follows: only mark. Returns come in the order of publishing, so the first
 * unreturned slot from low is nearly always the one. */
static void
publisher_on_return(void *arg, const struct mq_content *m)
{
	struct mq_publisher *p = arg;

	for (uint64_t t = p->low; t < p->next; t++) {
		struct slot *s = slot_at(p, t);

		if (s->is_used && !s->is_returned &&
		    slice_eq(slice_make(s->id, s->id_size), m->message_id)) {
			s->is_returned = true;
			s->reply_code = (uint16_t)m->reply_code;
			return;
		}
	}
	log_warn("amqp.return_unknown", LOG_SLICE("message_id", m->message_id));
}

static void
publisher_on_confirming(void *arg, const struct mq_reply *r)
{
	struct mq_publisher *p = arg;

	if (r->code != GH_OK)
		return; /* the channel went down and will come back */
	p->is_confirming = true;
	p->wants_ready = true;
	tell_ready(p);
}

static void
publisher_on_open(void *arg)
{
	struct mq_publisher *p = arg;

	/* The queue of a fresh channel is empty: only a closing race can refuse this. */
	if (mq_confirm_select(p->ch, publisher_on_confirming, p) != GH_OK)
		mq_conn_fail(mq_channel_conn(p->ch), "confirm.select refused");
}

static void
publisher_on_close(void *arg, unsigned code GH_UNUSED, struct slice text GH_UNUSED)
{
	struct mq_publisher *p = arg;

	p->is_confirming = false;
	while (p->low < p->next) {
		struct slot *s = slot_at(p, p->low);

		p->low++;
		if (s->is_used)
			slot_settle(p, s, MQ_LOST);
	}
	p->low = p->next = 1;
	if (p->opts.on_down != NULL)
		p->opts.on_down(p->opts.arg);
}

static void
publisher_on_writable(void *arg)
{
	tell_ready(arg);
}

struct mq_publisher *
mq_publisher_new(struct mq_conn *c, const struct mq_publisher_opts *opts)
{
	static const struct mq_channel_events events = {
		.on_open = publisher_on_open,
		.on_close = publisher_on_close,
		.on_writable = publisher_on_writable,
		.on_confirm = publisher_on_confirm,
		.on_return = publisher_on_return,
	};
	struct mq_publisher *p;

	if (opts->on_settle == NULL || opts->window > MQ_WINDOW_MAX)
		gh_panic("mq_publisher_new: no on_settle or window %u", opts->window);
	p = gh_alloc(sizeof(*p));
	p->opts = *opts;
	if (p->opts.window == 0)
		p->opts.window = MQ_WINDOW_DEFAULT;
	p->low = p->next = 1;
	p->ring = gh_alloc_array(p->opts.window, sizeof(*p->ring));
	p->ch = mq_channel_new(c, &(struct mq_channel_opts){.events = &events, .arg = p});
	if (p->ch == NULL) {
		gh_free(p->ring);
		gh_free(p);
		return NULL;
	}
	return p;
}

void
mq_publisher_free(struct mq_publisher *p)
{
	if (p == NULL)
		return;
	mq_channel_free(p->ch);
	gh_free(p->ring);
	gh_free(p);
}

enum gh_code
mq_publish(struct mq_publisher *p, const struct mq_message *m, void *token, uint64_t *tag)
{
	struct slot *s;
	enum gh_code rc;

	if (m->message_id.n == 0)
		return GH_EINVAL;
	if (m->message_id.n > MESSAGE_ID_MAX)
		return GH_ELIMIT;
	if (!p->is_confirming)
		rc = GH_EAGAIN;
	else if (!has_room(p))
		rc = GH_EBUSY;
	else
		rc = mq_channel_publish(p->ch, m);
	if (rc == GH_EAGAIN || rc == GH_EBUSY)
		p->wants_ready = true;
	if (rc != GH_OK)
		return rc;
	s = slot_at(p, p->next++);
	*s = (struct slot){.is_used = true,
			   .token = token,
			   .tag = ++p->last_tag,
			   .id_size = (uint8_t)m->message_id.n};
	memcpy(s->id, m->message_id.p, m->message_id.n);
	p->in_flight++;
	mq_channel_conn(p->ch)->counters.published_count++;
	if (tag != NULL)
		*tag = s->tag;
	return GH_OK;
}

bool
mq_publisher_is_ready(const struct mq_publisher *p)
{
	const struct mq_conn *c = mq_channel_conn(p->ch);

	return p->is_confirming && has_room(p) && c->state == MQ_OPEN && !c->is_blocked &&
	       !c->must_fail && mq_conn_pending_bytes(c) <= MQ_OUT_SOFT;
}

bool
mq_publisher_ask(struct mq_publisher *p)
{
	if (mq_publisher_is_ready(p))
		return true;
	p->wants_ready = true;
	mq_channel_conn(p->ch)->wants_room = true;
	return false;
}

unsigned
mq_publisher_in_flight(const struct mq_publisher *p)
{
	return p->in_flight;
}
