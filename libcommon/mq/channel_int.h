/* channel_int.h - the inside of a channel, shared by channel.c and request.c. */
#ifndef GH_MQ_CHANNEL_INT_H
#define GH_MQ_CHANNEL_INT_H

#include "base/list.h"
#include "mq/internal.h"

struct arena;

enum channel_state {
	CHANNEL_DOWN,    /* no connection */
	CHANNEL_OPENING, /* channel.open sent */
	CHANNEL_OPEN,
	CHANNEL_BACKOFF /* closed by the broker; the timer reopens it */
};

enum channel_content { CONTENT_NONE, CONTENT_DELIVER, CONTENT_RETURN };

struct mq_request {
	struct list node;
	amqp_method_number_t id, reply_id;
	mq_reply_fn *done;
	void *arg;
	char *frame; /* encoded, owned */
	size_t frame_size;
};

struct mq_channel {
	struct mq_conn *conn;
	const struct mq_channel_events *events;
	void *arg;
	uint16_t number;
	enum channel_state state;
	uint64_t generation;
	int64_t reopen_min_us, reopen_max_us, backoff_us;
	struct loop_timer *timer; /* reopen, or the deadline of what is in flight */
	struct list waiting;      /* of struct mq_request */
	unsigned waiting_count;
	struct mq_request *in_flight;
	struct buf scratch; /* one encoded request */

	/* The content being received. */
	enum channel_content content;
	bool has_header;
	uint64_t body_left;
	struct mq_content incoming;
	struct arena *arena; /* its fields */
	struct buf body;
};

/* Queue a request; see channel.h for the results. method is encoded at once. */
enum gh_code mq_channel_request(struct mq_channel *ch, amqp_method_number_t id,
				amqp_method_number_t reply_id, void *method, mq_reply_fn *done,
				void *arg) GH_MUST_USE;

#endif
