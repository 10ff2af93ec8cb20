/* publisher.h - persistent publishing with confirms in a bounded window.
 *
 * Every accepted message settles exactly once. A basic.return comes before the
 * positive ack of the same message; it is found by its message_id, so an
 * unroutable message settles as returned and never as confirmed.
 */
#ifndef GH_MQ_PUBLISHER_H
#define GH_MQ_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "mq/channel.h"

struct mq_publisher;

#define MQ_WINDOW_DEFAULT 256
#define MQ_WINDOW_MAX     4096

enum mq_outcome {
	MQ_CONFIRMED, /* the broker has it, in at least one queue (mandatory) */
	MQ_RETURNED,  /* no queue took it; reply_code 312 NO_ROUTE */
	MQ_NACKED,    /* the broker refused it: queue full (reject-publish) or internal error */
	MQ_LOST       /* channel or connection went down first: it may or may not be queued */
};

/* token: as given to mq_publish. Runs from the loop, and for MQ_LOST when the channel
 * goes down; mq_publish may be called inside (after MQ_LOST it answers GH_EAGAIN). */
typedef void mq_settle_fn(void *arg, void *token, uint64_t tag, enum mq_outcome outcome,
			  unsigned reply_code);

struct mq_publisher_opts {
	unsigned window;             /* unconfirmed at most, 1..MQ_WINDOW_MAX; 0: 256 */
	mq_settle_fn *on_settle;     /* required */
	void (*on_ready)(void *arg); /* may be NULL; see mq_publish */
	void (*on_down)(void *arg); /* channel gone, everything in flight is settled; may be NULL */
	void *arg;
};

/* Opens a channel of its own in confirm mode, again after each reconnect. NULL
 * when the connection is out of channels. */
struct mq_publisher *mq_publisher_new(struct mq_conn *c, const struct mq_publisher_opts *opts);

/* In-flight messages are forgotten without callback. NULL is legal. Not from under a callback. */
void mq_publisher_free(struct mq_publisher *p);

/* Publish m (copied); *tag (NULL allowed) numbers the message for the publisher's life.
 *
 * Returns  GH_OK: on_settle follows exactly once.
 *          GH_EBUSY: window or buffer full, or the broker has blocked us;
 *          GH_EAGAIN: not connected. After either, on_ready runs once as soon as
 *          publishing is possible again (also after the first connect, unasked).
 *          GH_ELIMIT, GH_EINVAL: the message can never be published. */
enum gh_code mq_publish(struct mq_publisher *p, const struct mq_message *m, void *token,
			uint64_t *tag) GH_MUST_USE;

/* Connected, in confirm mode, not blocked, room in the window. */
bool mq_publisher_is_ready(const struct mq_publisher *p);
/* The same, for who has something to publish: when false, on_ready follows as after a
 * refused mq_publish. Spares making a message only to have it refused. */
bool mq_publisher_ask(struct mq_publisher *p);
/* Accepted and not yet settled. */
unsigned mq_publisher_in_flight(const struct mq_publisher *p);

#endif
