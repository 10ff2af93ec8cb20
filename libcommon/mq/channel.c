/* channel.c - a channel's state, its queue of requests, and content coming in.
 * See channel.h; the requests themselves are built in request.c.
 */
#include "mq/channel.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "mq/channel_int.h"

#define CHANNEL_REOPEN_MIN_US (50 * CLOCK_MS)
#define CHANNEL_REOPEN_MAX_US (5 * CLOCK_SEC)
/* A broker that has not answered a declare for this long will not. */
#define CHANNEL_REQUEST_US     (30 * CLOCK_SEC)
#define CHANNEL_FIELD_MAX      255 /* a short string of the protocol */
#define CHANNEL_MESSAGE_ID_MAX 64

static const struct mq_channel_events no_events;

/* Fill the connection's error and refuse the frame. */
static enum gh_code
channel_bad(struct mq_channel *ch, const char *why)
{
	(void)snprintf(ch->conn->error, sizeof(ch->conn->error), "channel %u: %s", ch->number, why);
	return GH_EINVAL;
}

/* ---- requests ---- */

static void
request_finish(struct mq_request *r, const struct mq_reply *reply)
{
	if (r->done != NULL)
		r->done(r->arg, reply);
	gh_free(r->frame);
	gh_free(r);
}

/* Send the next request when none is in flight. */
static void
channel_pump(struct mq_channel *ch)
{
	if (ch->state != CHANNEL_OPEN || ch->in_flight != NULL || list_is_empty(&ch->waiting))
		return;
	ch->in_flight = LIST_ENTRY(list_pop(&ch->waiting), struct mq_request, node);
	ch->waiting_count--;
	mq_conn_send_raw(ch->conn, slice_make(ch->in_flight->frame, ch->in_flight->frame_size));
	loop_timer_set(ch->timer, CHANNEL_REQUEST_US);
}

enum gh_code
mq_channel_request(struct mq_channel *ch, amqp_method_number_t id, amqp_method_number_t reply_id,
		   void *method, mq_reply_fn *done, void *arg)
{
	struct mq_request *r;
	enum gh_code rc;

	if (ch->state != CHANNEL_OPEN)
		return GH_EAGAIN;
	if (ch->waiting_count == MQ_REQUEST_MAX)
		return GH_EBUSY;
	buf_reset(&ch->scratch);
	rc = mq_frame_add_method(&ch->scratch, ch->number, id, method);
	if (rc != GH_OK)
		return rc;
	r = gh_alloc(sizeof(*r));
	*r = (struct mq_request){.id = id,
				 .reply_id = reply_id,
				 .done = done,
				 .arg = arg,
				 .frame = gh_strndup(ch->scratch.p, ch->scratch.n),
				 .frame_size = ch->scratch.n};
	list_add_tail(&ch->waiting, &r->node);
	ch->waiting_count++;
	channel_pump(ch);
	return GH_OK;
}

/* What a reply code of channel.close means for the request that caused it. */
static enum gh_code
reply_to_code(unsigned reply_code)
{
	switch (reply_code) {
	case 403:
		return GH_EPERM;
	case 404:
		return GH_ENOTFOUND;
	case 405:
		return GH_EBUSY;
	case 406:
		return GH_ECONFLICT;
	default:
		return GH_ETEMP;
	}
}

/* End every request. culprit: the method the broker blamed, 0 for none. */
static void
channel_fail_requests(struct mq_channel *ch, amqp_method_number_t culprit, unsigned reply_code,
		      struct slice text)
{
	struct mq_reply lost = {.code = GH_ETEMP, .text = S("channel lost")};
	struct mq_request *first = ch->in_flight;
	struct list all, *n;

	list_init(&all);
	list_splice_tail(&all, &ch->waiting);
	ch->waiting_count = 0;
	ch->in_flight = NULL;
	if (first != NULL && first->id == culprit) {
		struct mq_reply refused = {
			.code = reply_to_code(reply_code), .reply_code = reply_code, .text = text};
		request_finish(first, &refused);
	} else if (first != NULL) {
		request_finish(first, &lost);
	}
	for (n = list_pop(&all); n != NULL; n = list_pop(&all))
		request_finish(LIST_ENTRY(n, struct mq_request, node), &lost);
}

/* ---- state ---- */

static void
channel_open(struct mq_channel *ch)
{
	amqp_channel_open_t m = {.out_of_band = amqp_empty_bytes};

	ch->state = CHANNEL_OPENING;
	mq_conn_send_sure(ch->conn, ch->number, AMQP_CHANNEL_OPEN_METHOD, &m);
	loop_timer_set(ch->timer, CHANNEL_REQUEST_US);
}

void
mq_channel_conn_up(struct mq_channel *ch)
{
	if (ch->state != CHANNEL_DOWN)
		return;
	if (ch->number > ch->conn->channel_max) {
		log_error("amqp.no_channel", LOG_STR("name", ch->conn->name),
			  LOG_INT("channel", ch->number), LOG_INT("max", ch->conn->channel_max));
		return;
	}
	ch->backoff_us = ch->reopen_min_us;
	channel_open(ch);
}

/* The method that the broker says was at fault; 0 for none. */
static amqp_method_number_t
blamed_method(const amqp_channel_close_t *m)
{
	return ((amqp_method_number_t)m->class_id << 16) | m->method_id;
}

/* Leave the present incarnation: requests fail, the owner hears of it if it was open. */
static void
channel_leave(struct mq_channel *ch, enum channel_state next, const amqp_channel_close_t *m)
{
	bool was_open = ch->state == CHANNEL_OPEN;
	unsigned code = m != NULL ? m->reply_code : 0;
	struct slice text = m != NULL ? mq_slice(m->reply_text) : S("connection lost");

	ch->state = next;
	ch->content = CONTENT_NONE;
	loop_timer_cancel(ch->timer);
	channel_fail_requests(ch, m != NULL ? blamed_method(m) : 0, code, text);
	if (was_open && ch->events->on_close != NULL)
		ch->events->on_close(ch->arg, code, text);
}

void
mq_channel_conn_down(struct mq_channel *ch)
{
	if (ch->state != CHANNEL_DOWN)
		channel_leave(ch, CHANNEL_DOWN, NULL);
}

static enum gh_code
channel_on_close(struct mq_channel *ch, const amqp_channel_close_t *m)
{
	amqp_channel_close_ok_t ok = {0};
	/* Whoever made the request hears of its refusal; other errors nobody else reports. */
	bool is_answer = ch->in_flight != NULL && ch->in_flight->id == blamed_method(m);

	mq_conn_send_sure(ch->conn, ch->number, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
	ch->conn->counters.channel_close_count++;
	LOG_AT(is_answer ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "amqp.channel_closed",
	       LOG_STR("name", ch->conn->name), LOG_INT("channel", ch->number),
	       LOG_INT("code", m->reply_code), LOG_SLICE("err", mq_slice(m->reply_text)));
	channel_leave(ch, CHANNEL_BACKOFF, m);
	/* A callback cannot have reopened it: only this timer and the connection do. */
	loop_timer_set(ch->timer, random_jitter(ch->backoff_us, 25));
	ch->backoff_us *= 2;
	if (ch->backoff_us > ch->reopen_max_us)
		ch->backoff_us = ch->reopen_max_us;
	return GH_OK;
}

static void
channel_timer(void *arg)
{
	struct mq_channel *ch = arg;

	if (ch->state == CHANNEL_BACKOFF) {
		channel_open(ch);
		return;
	}
	if (ch->conn->is_blocked) {
		/* Under an alarm the broker does not read from those who publish. */
		loop_timer_set(ch->timer, CHANNEL_REQUEST_US);
		return;
	}
	mq_conn_fail(ch->conn, "channel %u: no answer from the broker", ch->number);
}

/* ---- content ---- */

static void
content_begin(struct mq_channel *ch, enum channel_content kind, const struct mq_content *m)
{
	arena_reset(ch->arena);
	buf_reset(&ch->body);
	ch->content = kind;
	ch->body_left = 0;
	ch->has_header = false;
	ch->incoming = *m;
	/* The method's fields die with its frame. */
	ch->incoming.exchange = arena_dup(ch->arena, m->exchange);
	ch->incoming.routing_key = arena_dup(ch->arena, m->routing_key);
	ch->incoming.consumer_tag = arena_dup(ch->arena, m->consumer_tag);
}

static void
content_finish(struct mq_channel *ch)
{
	enum channel_content kind = ch->content;

	ch->content = CONTENT_NONE;
	ch->incoming.body = buf_slice(&ch->body);
	if (kind == CONTENT_DELIVER && ch->events->on_deliver != NULL)
		ch->events->on_deliver(ch->arg, &ch->incoming);
	if (kind == CONTENT_RETURN && ch->events->on_return != NULL)
		ch->events->on_return(ch->arg, &ch->incoming);
}

/* Value of the text header `key`; SLICE_NONE when absent or of another type. */
static struct slice
header_text(const amqp_table_t *t, struct slice key)
{
	for (int i = 0; i < t->num_entries; i++) {
		const amqp_table_entry_t *e = &t->entries[i];

		if (slice_eq(mq_slice(e->key), key) && e->value.kind == AMQP_FIELD_KIND_UTF8)
			return mq_slice(e->value.value.bytes);
	}
	return SLICE_NONE;
}

static struct slice
property(struct mq_channel *ch, const amqp_basic_properties_t *p, amqp_flags_t flag,
	 amqp_bytes_t value)
{
	return (p->_flags & flag) != 0 ? arena_dup(ch->arena, mq_slice(value)) : SLICE_NONE;
}

static enum gh_code
content_header(struct mq_channel *ch, const struct mq_frame *f)
{
	amqp_basic_properties_t *p;
	struct mq_content *in = &ch->incoming;

	if (ch->content == CONTENT_NONE || ch->has_header)
		return channel_bad(ch, "content header out of place");
	if (mq_header_decode(f, &ch->conn->pool, &ch->body_left, &p) != GH_OK)
		return channel_bad(ch, "bad content header");
	ch->has_header = true;
	in->message_id = property(ch, p, AMQP_BASIC_MESSAGE_ID_FLAG, p->message_id);
	in->content_type = property(ch, p, AMQP_BASIC_CONTENT_TYPE_FLAG, p->content_type);
	in->type = property(ch, p, AMQP_BASIC_TYPE_FLAG, p->type);
	if ((p->_flags & AMQP_BASIC_HEADERS_FLAG) != 0)
		in->traceparent = arena_dup(ch->arena, header_text(&p->headers, S("traceparent")));
	in->is_oversized = ch->body_left > MQ_CONTENT_MAX;
	if (ch->body_left == 0)
		content_finish(ch);
	return GH_OK;
}

static enum gh_code
content_body(struct mq_channel *ch, const struct mq_frame *f)
{
	if (ch->content == CONTENT_NONE || !ch->has_header || f->payload.n > ch->body_left)
		return channel_bad(ch, "content body out of place");
	ch->body_left -= f->payload.n;
	if (!ch->incoming.is_oversized)
		buf_add(&ch->body, f->payload);
	if (ch->body_left == 0)
		content_finish(ch);
	return GH_OK;
}

/* ---- frames ---- */

static enum gh_code
channel_on_reply(struct mq_channel *ch, const amqp_method_t *m)
{
	struct mq_request *r = ch->in_flight;
	struct mq_reply reply = {.code = GH_OK};

	if (r == NULL || r->reply_id != m->id)
		return channel_bad(ch, "unexpected method");
	if (m->id == AMQP_QUEUE_DECLARE_OK_METHOD) {
		const amqp_queue_declare_ok_t *ok = m->decoded;

		reply.message_count = ok->message_count;
		reply.consumer_count = ok->consumer_count;
	} else if (m->id == AMQP_QUEUE_DELETE_OK_METHOD) {
		reply.message_count = ((const amqp_queue_delete_ok_t *)m->decoded)->message_count;
	}
	ch->in_flight = NULL;
	ch->backoff_us = ch->reopen_min_us;
	loop_timer_cancel(ch->timer);
	request_finish(r, &reply);
	channel_pump(ch);
	return GH_OK;
}

static void
channel_on_confirm(struct mq_channel *ch, uint64_t tag, bool multiple, bool is_ack)
{
	if (ch->events->on_confirm != NULL)
		ch->events->on_confirm(ch->arg, tag, multiple, is_ack);
}

static enum gh_code
channel_on_cancel(struct mq_channel *ch, const amqp_basic_cancel_t *m)
{
	amqp_basic_cancel_ok_t ok = {.consumer_tag = m->consumer_tag};

	if (!m->nowait)
		mq_conn_send_sure(ch->conn, ch->number, AMQP_BASIC_CANCEL_OK_METHOD, &ok);
	ch->conn->counters.cancel_count++;
	if (ch->events->on_cancel != NULL)
		ch->events->on_cancel(ch->arg, mq_slice(m->consumer_tag));
	return GH_OK;
}

static enum gh_code
channel_on_deliver(struct mq_channel *ch, const amqp_basic_deliver_t *m)
{
	struct mq_content in = {.exchange = mq_slice(m->exchange),
				.routing_key = mq_slice(m->routing_key),
				.consumer_tag = mq_slice(m->consumer_tag),
				.delivery_tag = m->delivery_tag,
				.redelivered = m->redelivered != 0};

	content_begin(ch, CONTENT_DELIVER, &in);
	return GH_OK;
}

static enum gh_code
channel_on_return(struct mq_channel *ch, const amqp_basic_return_t *m)
{
	struct mq_content in = {.exchange = mq_slice(m->exchange),
				.routing_key = mq_slice(m->routing_key),
				.reply_code = m->reply_code};

	content_begin(ch, CONTENT_RETURN, &in);
	return GH_OK;
}

static enum gh_code
channel_on_open_ok(struct mq_channel *ch)
{
	if (ch->state != CHANNEL_OPENING)
		return channel_bad(ch, "open-ok out of place");
	ch->state = CHANNEL_OPEN;
	ch->generation++;
	loop_timer_cancel(ch->timer);
	if (ch->events->on_open != NULL)
		ch->events->on_open(ch->arg);
	return GH_OK;
}

static enum gh_code
channel_method(struct mq_channel *ch, const amqp_method_t *m)
{
	if (m->id == AMQP_CHANNEL_OPEN_OK_METHOD)
		return channel_on_open_ok(ch);
	if (m->id == AMQP_CHANNEL_CLOSE_METHOD && ch->state != CHANNEL_BACKOFF)
		return channel_on_close(ch, m->decoded);
	if (ch->state != CHANNEL_OPEN)
		return channel_bad(ch, "method on a channel that is not open");
	switch (m->id) {
	case AMQP_BASIC_ACK_METHOD: {
		const amqp_basic_ack_t *ack = m->decoded;

		channel_on_confirm(ch, ack->delivery_tag, ack->multiple != 0, true);
		return GH_OK;
	}
	case AMQP_BASIC_NACK_METHOD: {
		const amqp_basic_nack_t *nack = m->decoded;

		channel_on_confirm(ch, nack->delivery_tag, nack->multiple != 0, false);
		return GH_OK;
	}
	case AMQP_BASIC_DELIVER_METHOD:
		return channel_on_deliver(ch, m->decoded);
	case AMQP_BASIC_RETURN_METHOD:
		return channel_on_return(ch, m->decoded);
	case AMQP_BASIC_CANCEL_METHOD:
		return channel_on_cancel(ch, m->decoded);
	default:
		return channel_on_reply(ch, m);
	}
}

enum gh_code
mq_channel_frame(struct mq_channel *ch, const struct mq_frame *f)
{
	amqp_method_t m;

	switch (f->type) {
	case AMQP_FRAME_HEADER:
		return content_header(ch, f);
	case AMQP_FRAME_BODY:
		return content_body(ch, f);
	default:
		if (ch->content != CONTENT_NONE)
			return channel_bad(ch, "method inside content");
		if (mq_method_decode(f, &ch->conn->pool, &m) != GH_OK)
			return channel_bad(ch, "bad method");
		return channel_method(ch, &m);
	}
}

void
mq_channel_writable(struct mq_channel *ch)
{
	if (ch->state == CHANNEL_OPEN && ch->events->on_writable != NULL)
		ch->events->on_writable(ch->arg);
}

/* ---- publishing and settling ---- */

static bool
message_fits(const struct mq_message *m)
{
	return m->exchange.n <= CHANNEL_FIELD_MAX && m->routing_key.n <= CHANNEL_FIELD_MAX &&
	       m->message_id.n <= CHANNEL_MESSAGE_ID_MAX &&
	       m->content_type.n <= CHANNEL_FIELD_MAX && m->type.n <= CHANNEL_FIELD_MAX &&
	       m->traceparent.n <= CHANNEL_FIELD_MAX && m->body.n <= MQ_CONTENT_MAX;
}

enum gh_code
mq_channel_publish(struct mq_channel *ch, const struct mq_message *m)
{
	amqp_basic_publish_t method = {.exchange = mq_bytes(m->exchange),
				       .routing_key = mq_bytes(m->routing_key),
				       .mandatory = m->is_mandatory};
	amqp_table_entry_t trace = {
		.key = amqp_cstring_bytes("traceparent"),
		.value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = mq_bytes(m->traceparent)}};
	amqp_basic_properties_t props = {
		._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG,
		.delivery_mode = AMQP_DELIVERY_PERSISTENT,
		.message_id = mq_bytes(m->message_id),
		.content_type = mq_bytes(m->content_type),
		.type = mq_bytes(m->type),
		.headers = {.num_entries = 1, .entries = &trace},
	};

	if (!message_fits(m))
		return GH_ELIMIT;
	if (ch->state != CHANNEL_OPEN || ch->conn->state != MQ_OPEN)
		return GH_EAGAIN;
	if (m->content_type.p != NULL)
		props._flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
	if (m->type.p != NULL)
		props._flags |= AMQP_BASIC_TYPE_FLAG;
	if (m->traceparent.p != NULL)
		props._flags |= AMQP_BASIC_HEADERS_FLAG;
	return mq_conn_publish(ch->conn, ch->number, &method, &props, m->body);
}

void
mq_channel_ack(struct mq_channel *ch, uint64_t delivery_tag)
{
	amqp_basic_ack_t m = {.delivery_tag = delivery_tag};

	if (ch->state == CHANNEL_OPEN)
		mq_conn_send_sure(ch->conn, ch->number, AMQP_BASIC_ACK_METHOD, &m);
}

void
mq_channel_nack(struct mq_channel *ch, uint64_t delivery_tag, bool requeue)
{
	amqp_basic_nack_t m = {.delivery_tag = delivery_tag, .requeue = requeue};

	if (ch->state == CHANNEL_OPEN)
		mq_conn_send_sure(ch->conn, ch->number, AMQP_BASIC_NACK_METHOD, &m);
}

/* ---- life ---- */

struct mq_channel *
mq_channel_new(struct mq_conn *c, const struct mq_channel_opts *opts)
{
	struct mq_channel *ch = gh_alloc(sizeof(*ch));

	*ch = (struct mq_channel){
		.conn = c,
		.events = opts->events != NULL ? opts->events : &no_events,
		.arg = opts->arg,
		.state = CHANNEL_DOWN,
		.reopen_min_us =
			opts->reopen_min_us > 0 ? opts->reopen_min_us : CHANNEL_REOPEN_MIN_US,
		.reopen_max_us =
			opts->reopen_max_us > 0 ? opts->reopen_max_us : CHANNEL_REOPEN_MAX_US,
	};
	ch->number = mq_conn_attach(c, ch);
	if (ch->number == 0) {
		gh_free(ch);
		return NULL;
	}
	list_init(&ch->waiting);
	ch->arena = arena_new(0);
	buf_init(&ch->scratch, NULL, MQ_FRAME_MIN);
	buf_init(&ch->body, NULL, MQ_CONTENT_MAX);
	ch->timer = loop_timer_new(c->loop, channel_timer, ch);
	if (c->state == MQ_OPEN)
		mq_channel_conn_up(ch);
	return ch;
}

void
mq_channel_free(struct mq_channel *ch)
{
	amqp_channel_close_t m = {.reply_code = AMQP_REPLY_SUCCESS,
				  .reply_text = amqp_cstring_bytes("bye")};
	bool is_there;

	if (ch == NULL)
		return;
	is_there = ch->state == CHANNEL_OPENING || ch->state == CHANNEL_OPEN;
	if (is_there)
		mq_conn_send_sure(ch->conn, ch->number, AMQP_CHANNEL_CLOSE_METHOD, &m);
	mq_conn_detach(ch->conn, ch->number, is_there);
	ch->state = CHANNEL_DOWN;
	channel_fail_requests(ch, 0, 0, SLICE_NONE);
	loop_timer_free(ch->timer);
	buf_free(&ch->scratch);
	buf_free(&ch->body);
	arena_free(ch->arena);
	gh_free(ch);
}

bool
mq_channel_is_open(const struct mq_channel *ch)
{
	return ch->state == CHANNEL_OPEN;
}

struct mq_conn *
mq_channel_conn(const struct mq_channel *ch)
{
	return ch->conn;
}

uint64_t
mq_channel_generation(const struct mq_channel *ch)
{
	return ch->generation;
}
