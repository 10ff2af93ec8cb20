/* frame.c - the frame layer; see frame.h. Reads and writes nothing but memory. */
#include "mq/frame.h"

/* Method and header frames of ours stay far below; the bound keeps the library's
 * recursive table decoder (6 bytes per level) from using up the stack. */
#define FRAME_METHOD_MAX 32768u
#define FRAME_END        0xCE
#define FRAME_HEAD       7u

static uint16_t
get_u16(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint16_t)((b[0] << 8) | b[1]);
}

static uint32_t
get_u32(const char *p)
{
	return ((uint32_t)get_u16(p) << 16) | get_u16(p + 2);
}

static uint64_t
get_u64(const char *p)
{
	return ((uint64_t)get_u32(p) << 32) | get_u32(p + 4);
}

static void
put_u16(char *p, uint16_t v)
{
	p[0] = (char)(v >> 8);
	p[1] = (char)(v & 0xff);
}

static void
put_u32(char *p, uint32_t v)
{
	put_u16(p, (uint16_t)(v >> 16));
	put_u16(p + 2, (uint16_t)(v & 0xffff));
}

/* Least and greatest payload of a frame type; false for a type we do not know. */
static bool
frame_bounds(uint8_t type, uint32_t *least, uint32_t *most)
{
	switch (type) {
	case AMQP_FRAME_METHOD:
		*least = 4; /* class and method */
		*most = FRAME_METHOD_MAX;
		return true;
	case AMQP_FRAME_HEADER:
		*least = 14; /* class, weight, body size, one word of flags */
		*most = FRAME_METHOD_MAX;
		return true;
	case AMQP_FRAME_BODY:
		*least = 0;
		*most = UINT32_MAX;
		return true;
	case AMQP_FRAME_HEARTBEAT:
		*least = 0;
		*most = 0;
		return true;
	default:
		return false;
	}
}

enum gh_code
mq_frame_next(struct slice in, uint32_t frame_max, struct mq_frame *f, size_t *used)
{
	uint32_t least, most, size;

	if (in.n == 0)
		return GH_EAGAIN;
	/* The type first: a peer that answers "AMQP" or "HTTP" is told apart at once. */
	if (!frame_bounds((uint8_t)in.p[0], &least, &most))
		return GH_EINVAL;
	if (in.n < FRAME_HEAD)
		return GH_EAGAIN;
	size = get_u32(in.p + 3);
	if (size < least || size > most || size > frame_max - MQ_FRAME_OVERHEAD)
		return GH_EINVAL;
	if (in.n < (size_t)size + MQ_FRAME_OVERHEAD)
		return GH_EAGAIN;
	if ((uint8_t)in.p[FRAME_HEAD + size] != FRAME_END)
		return GH_EINVAL;
	f->type = (uint8_t)in.p[0];
	f->channel = get_u16(in.p + 1);
	f->payload = slice_make(in.p + FRAME_HEAD, size);
	*used = (size_t)size + MQ_FRAME_OVERHEAD;
	return GH_OK;
}

enum gh_code
mq_method_decode(const struct mq_frame *f, amqp_pool_t *pool, amqp_method_t *m)
{
	m->id = get_u32(f->payload.p);
	if (amqp_decode_method(m->id, pool, mq_bytes(slice_from(f->payload, 4)), &m->decoded) < 0)
		return GH_EINVAL;
	return GH_OK;
}

enum gh_code
mq_header_decode(const struct mq_frame *f, amqp_pool_t *pool, uint64_t *body_size,
		 amqp_basic_properties_t **props)
{
	void *decoded;

	if (get_u16(f->payload.p) != AMQP_BASIC_CLASS)
		return GH_EINVAL;
	*body_size = get_u64(f->payload.p + 4);
	if (amqp_decode_properties(AMQP_BASIC_CLASS, pool, mq_bytes(slice_from(f->payload, 12)),
				   &decoded) < 0)
		return GH_EINVAL;
	*props = decoded;
	return GH_OK;
}

/* Reserve a frame with room for `room` bytes of payload; NULL without setting out->over. */
static char *
frame_begin(struct buf *out, size_t room)
{
	if (out->max - out->n < room + MQ_FRAME_OVERHEAD)
		return NULL;
	return buf_reserve(out, room + MQ_FRAME_OVERHEAD);
}

static void
frame_end(struct buf *out, char *at, uint8_t type, uint16_t channel, size_t size)
{
	at[0] = (char)type;
	put_u16(at + 1, channel);
	put_u32(at + 3, (uint32_t)size);
	at[FRAME_HEAD + size] = (char)FRAME_END;
	buf_commit(out, size + MQ_FRAME_OVERHEAD);
}

enum gh_code
mq_frame_add_method(struct buf *out, uint16_t channel, amqp_method_number_t id, void *decoded)
{
	const size_t room = MQ_FRAME_MIN - MQ_FRAME_OVERHEAD;
	char *at = frame_begin(out, room);
	int n;

	if (at == NULL)
		return GH_EBUSY;
	put_u32(at + FRAME_HEAD, id);
	n = amqp_encode_method(id, decoded, mq_bytes(slice_make(at + FRAME_HEAD + 4, room - 4)));
	if (n < 0)
		return GH_ELIMIT;
	frame_end(out, at, AMQP_FRAME_METHOD, channel, (size_t)n + 4);
	return GH_OK;
}

/* The content header: class, weight 0, body size, properties. */
static enum gh_code
add_header(struct buf *out, uint16_t channel, amqp_basic_properties_t *props, size_t body_size)
{
	const size_t room = MQ_FRAME_MIN - MQ_FRAME_OVERHEAD;
	char *at = frame_begin(out, room);
	char *payload;
	int n;

	if (at == NULL)
		return GH_EBUSY;
	payload = at + FRAME_HEAD;
	put_u16(payload, AMQP_BASIC_CLASS);
	put_u16(payload + 2, 0);
	put_u32(payload + 4, (uint32_t)((uint64_t)body_size >> 32));
	put_u32(payload + 8, (uint32_t)(body_size & UINT32_MAX));
	n = amqp_encode_properties(AMQP_BASIC_CLASS, props,
				   mq_bytes(slice_make(payload + 12, room - 12)));
	if (n < 0)
		return GH_ELIMIT;
	frame_end(out, at, AMQP_FRAME_HEADER, channel, (size_t)n + 12);
	return GH_OK;
}

enum gh_code
mq_frame_add_publish(struct buf *out, uint16_t channel, uint32_t frame_max,
		     amqp_basic_publish_t *method, amqp_basic_properties_t *props,
		     struct slice body)
{
	const size_t piece_max = frame_max - MQ_FRAME_OVERHEAD;
	const size_t start = out->n;
	enum gh_code rc = mq_frame_add_method(out, channel, AMQP_BASIC_PUBLISH_METHOD, method);

	if (rc == GH_OK)
		rc = add_header(out, channel, props, body.n);
	while (rc == GH_OK && body.n > 0) {
		size_t n = body.n < piece_max ? body.n : piece_max;
		char *at = frame_begin(out, n);

		if (at == NULL) {
			rc = GH_EBUSY;
			break;
		}
		memcpy(at + FRAME_HEAD, body.p, n);
		frame_end(out, at, AMQP_FRAME_BODY, channel, n);
		body = slice_from(body, n);
	}
	if (rc != GH_OK)
		out->n = start; /* half a message would end the connection */
	return rc;
}

enum gh_code
mq_frame_add_heartbeat(struct buf *out)
{
	char *at = frame_begin(out, 0);

	if (at == NULL)
		return GH_EBUSY;
	frame_end(out, at, AMQP_FRAME_HEARTBEAT, 0, 0);
	return GH_OK;
}
