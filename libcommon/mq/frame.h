/* frame.h - AMQP frames: cut them out of received bytes, build them for sending.
 *
 * Private to mq/, like every include of amqp.h. The frame layer (header, size, end
 * mark) is ours rather than amqp_handle_input's: that keeps a memory pool for each
 * channel number the peer names and copies every body once more. Here a frame is
 * checked (type, size, end mark) before the library sees its payload, and decoding
 * needs no connection object of the library. What is inside frames stays its work.
 */
#ifndef GH_MQ_FRAME_H
#define GH_MQ_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <amqp.h>
#include <amqp_framing.h>

#include "base/buf.h"
#include "base/slice.h"

#define MQ_FRAME_MAX      131072u /* what we offer in tune; RabbitMQ's default */
#define MQ_FRAME_MIN      4096u   /* the protocol's smallest frame_max */
#define MQ_FRAME_OVERHEAD 8u      /* 7 bytes header, 1 byte end mark */

struct mq_frame {
	uint8_t type; /* AMQP_FRAME_METHOD, _HEADER, _BODY, _HEARTBEAT */
	uint16_t channel;
	struct slice payload; /* borrows the input */
};

/* Look at the frame at the start of in.
 *
 * Returns  GH_OK: *f is set and *used bytes belong to it;
 *          GH_EAGAIN: more bytes are needed;
 *          GH_EINVAL: not AMQP (size over max, unknown type, end mark missing). */
enum gh_code mq_frame_next(struct slice in, uint32_t frame_max, struct mq_frame *f,
			   size_t *used) GH_MUST_USE;

/* Decode the payload of a method frame; what *m points to lives in pool and the payload.
 * GH_EINVAL for an unknown or broken method. */
enum gh_code mq_method_decode(const struct mq_frame *f, amqp_pool_t *pool,
			      amqp_method_t *m) GH_MUST_USE;

/* Decode the payload of a content header of class basic. */
enum gh_code mq_header_decode(const struct mq_frame *f, amqp_pool_t *pool, uint64_t *body_size,
			      amqp_basic_properties_t **props) GH_MUST_USE;

/* Append one method frame. GH_EBUSY when out has no room, GH_ELIMIT when the method
 * does not fit MQ_FRAME_MIN (nothing is appended then). */
enum gh_code mq_frame_add_method(struct buf *out, uint16_t channel, amqp_method_number_t id,
				 void *decoded) GH_MUST_USE;

/* Append basic.publish with its header and body frames: all or nothing. Codes as above. */
enum gh_code mq_frame_add_publish(struct buf *out, uint16_t channel, uint32_t frame_max,
				  amqp_basic_publish_t *method, amqp_basic_properties_t *props,
				  struct slice body) GH_MUST_USE;

/* Append a heartbeat; GH_EBUSY when out has no room. */
enum gh_code mq_frame_add_heartbeat(struct buf *out) GH_MUST_USE;

static inline amqp_bytes_t
mq_bytes(struct slice s)
{
	/* The library's type is not const; encoding only reads. */
	return (amqp_bytes_t){.len = s.n, .bytes = (void *)(uintptr_t)s.p};
}

static inline struct slice
mq_slice(amqp_bytes_t b)
{
	return (struct slice){b.bytes, b.len};
}

#endif
