/* channel.h - an AMQP channel that reopens itself, and requests on it.
 *
 * A channel follows its connection: it opens when the connection does, goes
 * down with it, and after a channel.close by the broker (an error such as 404 or
 * 406) it reopens after a short backoff. Requests are answered in order, one in
 * flight at a time, so that an error closes exactly one request: the others fail
 * with GH_ETEMP.
 *
 * Every request here is idempotent; a request whose answer was lost may be made
 * again.
 */
#ifndef GH_MQ_CHANNEL_H
#define GH_MQ_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct mq_conn;
struct mq_channel;

#define MQ_CHANNEL_MAX 16         /* channels per connection */
#define MQ_REQUEST_MAX 16384      /* requests waiting per channel */
#define MQ_CONTENT_MAX (1u << 20) /* largest body taken from the broker, bytes */

/* A message that came from the broker; everything lives until the callback returns. */
struct mq_content {
	struct slice exchange;
	struct slice routing_key;
	struct slice consumer_tag; /* deliveries only */
	uint64_t delivery_tag;     /* deliveries only */
	bool redelivered;
	unsigned reply_code;     /* returns only */
	bool is_oversized;       /* longer than MQ_CONTENT_MAX: body is empty */
	struct slice message_id; /* properties; SLICE_NONE when absent */
	struct slice content_type;
	struct slice type;
	struct slice traceparent; /* header of that name, text only */
	struct slice body;
};

/* All optional. on_open: usable now. on_close: code is the broker's reply code, 0
 * when the connection went down; requests in flight have failed before it.
 * on_writable: after mq_channel_publish refused for room, or the broker unblocked. */
struct mq_channel_events {
	void (*on_open)(void *arg);
	void (*on_close)(void *arg, unsigned code, struct slice text);
	void (*on_writable)(void *arg);
	void (*on_confirm)(void *arg, uint64_t tag, bool multiple, bool is_ack);
	void (*on_return)(void *arg, const struct mq_content *m);
	void (*on_deliver)(void *arg, const struct mq_content *m);
	void (*on_cancel)(void *arg, struct slice consumer_tag);
};

struct mq_channel_opts {
	const struct mq_channel_events *events; /* borrowed for the channel's life; may be NULL */
	void *arg;
	int64_t reopen_min_us; /* backoff after a channel error; 0: 50 ms */
	int64_t reopen_max_us; /* 0: 5 s */
};

/* NULL when the connection has MQ_CHANNEL_MAX channels already. on_open never
 * runs before this returns. */
struct mq_channel *mq_channel_new(struct mq_conn *c, const struct mq_channel_opts *opts);

/* Waiting requests fail with GH_ETEMP from inside this call; no other callback runs.
 * NULL is legal. Not from under a callback. */
void mq_channel_free(struct mq_channel *ch);

bool mq_channel_is_open(const struct mq_channel *ch);
struct mq_conn *mq_channel_conn(const struct mq_channel *ch);
/* Grows with each opening; tells an old delivery tag from a new one. Starts at 0 = never opened. */
uint64_t mq_channel_generation(const struct mq_channel *ch);

/* ---- requests ---- */
struct mq_reply {
	enum gh_code code;      /* GH_OK; GH_ENOTFOUND (404); GH_ECONFLICT (406: other arguments, or
				   in use / not empty); GH_EPERM (403); GH_EBUSY (405: exclusive);
				   GH_ETEMP (channel or connection lost) */
	unsigned reply_code;    /* the broker's, when it refused; else 0 */
	struct slice text;      /* the broker's words; valid in the callback */
	uint32_t message_count; /* queue.declare: ready messages; queue.delete: messages lost */
	uint32_t consumer_count; /* queue.declare */
};

/* Called exactly once per accepted request, never before the request function returned. */
typedef void mq_reply_fn(void *arg, const struct mq_reply *r);

/* All requests: names are copied (at most 255 bytes); done may be NULL.
 * Returns GH_OK; GH_EAGAIN when the channel is not open; GH_EBUSY when
 * MQ_REQUEST_MAX wait; GH_ELIMIT for a name too long. On error done is not called. */

/* Durable exchange of type "topic", "direct", "fanout". */
enum gh_code mq_exchange_declare(struct mq_channel *ch, struct slice name, struct slice type,
				 mq_reply_fn *done, void *arg) GH_MUST_USE;

struct mq_queue_args {
	bool is_quorum;     /* x-queue-type quorum; else classic */
	int64_t length_max; /* x-max-length; 0: none */
	bool drop_head;     /* x-overflow drop-head; else reject-publish, only with length_max */
};
/* Durable queue. args NULL: classic without limits. */
enum gh_code mq_queue_declare(struct mq_channel *ch, struct slice name,
			      const struct mq_queue_args *args, mq_reply_fn *done,
			      void *arg) GH_MUST_USE;
/* Passive: GH_ENOTFOUND when absent, else its counts. */
enum gh_code mq_queue_inspect(struct mq_channel *ch, struct slice name, mq_reply_fn *done,
			      void *arg) GH_MUST_USE;
enum gh_code mq_queue_bind(struct mq_channel *ch, struct slice queue, struct slice exchange,
			   struct slice routing_key, mq_reply_fn *done, void *arg) GH_MUST_USE;
/* GH_ECONFLICT when a condition does not hold. Deleting what is absent is GH_OK. */
enum gh_code mq_queue_delete(struct mq_channel *ch, struct slice name, bool if_unused,
			     bool if_empty, mq_reply_fn *done, void *arg) GH_MUST_USE;
/* Per consumer: applies to the consumers started after it. */
enum gh_code mq_qos(struct mq_channel *ch, uint16_t prefetch, mq_reply_fn *done,
		    void *arg) GH_MUST_USE;
enum gh_code mq_confirm_select(struct mq_channel *ch, mq_reply_fn *done, void *arg) GH_MUST_USE;
enum gh_code mq_consume(struct mq_channel *ch, struct slice queue, struct slice consumer_tag,
			mq_reply_fn *done, void *arg) GH_MUST_USE;
enum gh_code mq_cancel(struct mq_channel *ch, struct slice consumer_tag, mq_reply_fn *done,
		       void *arg) GH_MUST_USE;

/* ---- without answer ---- */
struct mq_message {
	struct slice exchange;
	struct slice routing_key;
	struct slice message_id;   /* 1..64 bytes, unique among those in flight */
	struct slice content_type; /* SLICE_NONE: left out; also the next two */
	struct slice type;
	struct slice traceparent;
	struct slice body;
	bool is_mandatory; /* unroutable comes back instead of vanishing */
};

/* Persistent publish; everything is copied. GH_EAGAIN not open; GH_EBUSY blocked or
 * the outgoing buffer is full (on_writable follows); GH_ELIMIT a field or the body
 * (MQ_CONTENT_MAX) is too long. */
enum gh_code mq_channel_publish(struct mq_channel *ch, const struct mq_message *m) GH_MUST_USE;
/* Dropped when the channel is not open: the broker redelivers. */
void mq_channel_ack(struct mq_channel *ch, uint64_t delivery_tag);
void mq_channel_nack(struct mq_channel *ch, uint64_t delivery_tag, bool requeue);

#endif
