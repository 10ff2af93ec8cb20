/* internal.h - what the files of mq/ share about a connection and its channels.
 *
 * Direction of calls: conn.c reads frames and hands them to handshake.c (channel 0)
 * or channel.c; both queue frames through mq_conn_send*. Nothing below the reading
 * loop tears a connection down: it returns an error code, or calls mq_conn_fail,
 * which takes effect at the end of the pass.
 */
#ifndef GH_MQ_INTERNAL_H
#define GH_MQ_INTERNAL_H

#include "base/log.h"
#include "base/clock.h"
#include "loop/loop.h"
#include "mq/channel.h"
#include "mq/conn.h"
#include "mq/frame.h"
#include "mq/url.h"

struct dns_query;

#define MQ_OUT_SOFT (4u << 20)  /* publishes are refused above */
#define MQ_OUT_HARD (16u << 20) /* nothing fits above: the peer has stopped reading */
#define MQ_CLOSE_US (2 * CLOCK_SEC)

/* What the handshake waits for. */
enum mq_step { MQ_STEP_START, MQ_STEP_TUNE, MQ_STEP_OPEN_OK, MQ_STEP_DONE };

struct mq_conn {
	struct loop *loop;
	struct dns *dns;
	struct mq_url url;
	char *name;
	unsigned heartbeat_wish_s;
	int64_t handshake_us;
	int64_t backoff_min_us, backoff_max_us;
	mq_conn_fn *on_change;
	void *arg;

	enum mq_state state;
	enum mq_state told_state; /* what on_change heard last */
	bool is_blocked, told_blocked;
	bool must_fail;  /* mq_conn_fail was called in this pass */
	bool is_refused; /* the broker refused the login: a person must act */
	bool wants_room; /* a publish was refused for room */
	enum mq_step step;
	unsigned attempt_count; /* failures since the last open; chooses host and delay */
	char error[256];
	struct log_reason reason; /* of failed attempts, as last logged */

	int fd; /* -1: none */
	struct loop_io *io;
	struct loop_timer *timer; /* backoff, or the deadline of connect, handshake, close */
	struct loop_timer *beat;
	struct loop_task *task; /* end of pass: fail, write, tell */
	struct dns_query *query;
	struct buf in;
	struct buf out;
	size_t out_sent; /* bytes at the front of out that the kernel has */
	int64_t read_at_us, write_at_us;
	amqp_pool_t pool; /* decoded frame; recycled after each */

	uint32_t frame_max; /* negotiated; MQ_FRAME_MAX before */
	unsigned channel_max;
	unsigned heartbeat_s; /* 0: none */

	/* Number 0 is the connection itself. A zombie number was freed by us and
	 * waits for close-ok: what still arrives on it is dropped. */
	struct mq_channel *channel[MQ_CHANNEL_MAX + 1];
	bool is_zombie[MQ_CHANNEL_MAX + 1];
	struct mq_counters counters;
};

/* ---- conn.c, for channels and handshake ---- */

/* Give ch a number, 0 when none is free. */
uint16_t mq_conn_attach(struct mq_conn *c, struct mq_channel *ch);
/* is_zombie: channel.close was sent, the number stays taken until close-ok. */
void mq_conn_detach(struct mq_conn *c, uint16_t number, bool is_zombie);

/* Queue a method frame that must go out (acks, requests, replies). A full buffer fails
 * the connection; GH_ELIMIT is the caller's doing (names too long). */
enum gh_code mq_conn_send(struct mq_conn *c, uint16_t channel, amqp_method_number_t id,
			  void *decoded) GH_MUST_USE;
/* The same for frames whose fields are ours and always fit. */
void mq_conn_send_sure(struct mq_conn *c, uint16_t channel, amqp_method_number_t id, void *decoded);
/* Queue a frame that was encoded before; a full buffer fails the connection. */
void mq_conn_send_raw(struct mq_conn *c, struct slice frame);
/* Queue a publish. GH_EBUSY: blocked or over MQ_OUT_SOFT, mq_channel_writable follows. */
enum gh_code mq_conn_publish(struct mq_conn *c, uint16_t channel, amqp_basic_publish_t *method,
			     amqp_basic_properties_t *props, struct slice body) GH_MUST_USE;

/* Drop and reconnect at the end of this pass. Legal anywhere. */
void mq_conn_fail(struct mq_conn *c, const char *fmt, ...) GH_PRINTF(2, 3);
/* Handshake complete: start heartbeats, bring channels up. */
void mq_conn_opened(struct mq_conn *c);
void mq_conn_set_blocked(struct mq_conn *c, bool is_blocked);

/* ---- handshake.c ---- */

/* Start a handshake on a fresh stream. */
void mq_handshake_begin(struct mq_conn *c);
/* A method on channel 0. Not GH_OK: drop the connection, c->error says why. */
enum gh_code mq_handshake_method(struct mq_conn *c, const amqp_method_t *m) GH_MUST_USE;

/* ---- channel.c ---- */

void mq_channel_conn_up(struct mq_channel *ch);
void mq_channel_conn_down(struct mq_channel *ch);
/* There is room again, or the broker unblocked. */
void mq_channel_writable(struct mq_channel *ch);
/* A frame for this channel. Not GH_OK: drop the connection. */
enum gh_code mq_channel_frame(struct mq_channel *ch, const struct mq_frame *f) GH_MUST_USE;

#endif
