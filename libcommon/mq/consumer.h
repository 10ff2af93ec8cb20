/* consumer.h - consume many queues over one channel.
 *
 * Queues are added and removed at any time; each is consumed as soon as the
 * broker has it, again after a reconnect, and again after the broker cancelled
 * the consumer (queue deleted, failover). A queue that does not exist is looked
 * for on a second channel, so that its 404 does not close the one that works.
 */
#ifndef GH_MQ_CONSUMER_H
#define GH_MQ_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>

#include "mq/channel.h"

struct mq_consumer;

/* Names one unacknowledged delivery; a plain value, free to copy and keep. It becomes
 * void when its channel goes down: the broker delivers the message again then. */
struct mq_delivery {
	uint64_t generation;
	uint64_t tag;
};

/* One message. m and queue live until the return. Ack or nack d now or later, once.
 * mq_consumer_* may be called inside, except mq_consumer_free. */
typedef void mq_deliver_fn(void *arg, struct slice queue, struct mq_delivery d,
			   const struct mq_content *m);

/* Consuming of a queue began (is_consuming) or ended: it is gone or absent, tried
 * again every 1 to 30 s. Not called for pause, remove or a lost connection. */
typedef void mq_queue_fn(void *arg, struct slice queue, bool is_consuming);

struct mq_consumer_opts {
	mq_deliver_fn *on_deliver;  /* required */
	mq_queue_fn *on_queue;      /* may be NULL */
	void (*on_down)(void *arg); /* every delivery handle is void now; may be NULL */
	void *arg;
};

/* NULL when the connection is out of channels (two are needed). */
struct mq_consumer *mq_consumer_new(struct mq_conn *c, const struct mq_consumer_opts *opts);
/* NULL is legal. Unacked deliveries return to their queues. Not from under a callback. */
void mq_consumer_free(struct mq_consumer *c);

/* Start consuming queue (copied). prefetch 1..65535: unacknowledged messages at most,
 * for this queue. Adding it again changes nothing, the prefetch included.
 * Returns  GH_OK, GH_EINVAL (name empty or over 255 bytes, prefetch 0) */
enum gh_code mq_consumer_add(struct mq_consumer *c, struct slice queue,
			     uint16_t prefetch) GH_MUST_USE;
/* Stop consuming. Deliveries already handed over stay valid; later ones are requeued.
 * Unknown queues are ignored. */
void mq_consumer_remove(struct mq_consumer *c, struct slice queue);

/* Cancel every consumer (the database is away): deliveries handed over stay valid,
 * what arrives meanwhile is requeued. Resume consumes all queues again. Both idempotent. */
void mq_consumer_pause(struct mq_consumer *c);
void mq_consumer_resume(struct mq_consumer *c);

/* Stale handles are counted and dropped. */
void mq_ack(struct mq_consumer *c, struct mq_delivery d);
/* requeue false: dropped by the broker (or dead-lettered, where the queue says so). */
void mq_nack(struct mq_consumer *c, struct mq_delivery d, bool requeue);
bool mq_delivery_is_valid(const struct mq_consumer *c, struct mq_delivery d);

/* Queues added, and those consumed right now. */
unsigned mq_consumer_queue_count(const struct mq_consumer *c);
unsigned mq_consumer_active_count(const struct mq_consumer *c);
/* Deliveries handed over, not yet acked or nacked, on the present channel. */
unsigned mq_consumer_unacked_count(const struct mq_consumer *c);

#endif
