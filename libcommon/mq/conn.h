/* conn.h - one AMQP 0-9-1 connection that stays up by itself.
 *
 * Resolves, connects, shakes hands, keeps heartbeats in both directions and
 * reconnects for ever with jittered backoff over the hosts of the URL. Nothing
 * here blocks: names go through loop/dns.h, bytes through a non-blocking socket
 * and a bounded buffer that is written at the end of each loop pass.
 * librabbitmq only encodes and decodes methods; it never sees the socket.
 *
 * Threading: loop thread only. Callbacks run from the loop, never from inside a
 * function of this library called by the user, unless a contract says so. No
 * object of mq/ may be freed from under a callback of mq/: use loop_defer_free.
 * Free publishers, consumers and channels before their connection.
 */
#ifndef GH_MQ_CONN_H
#define GH_MQ_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct dns;
struct loop;
struct mq_conn;

enum mq_state {
	MQ_WAITING,    /* between two attempts (backoff) */
	MQ_CONNECTING, /* resolving or TCP connecting */
	MQ_HANDSHAKE,  /* protocol header sent, connection not yet opened */
	MQ_OPEN,
	MQ_CLOSING, /* mq_conn_close was called; waiting for close-ok */
	MQ_STOPPED  /* closed on request; stays so */
};

/* "waiting", "connecting", ...; never NULL. */
const char *mq_state_name(enum mq_state s);

/* Totals since mq_conn_new, the source of the growhub_amqp_* metrics. */
struct mq_counters {
	uint64_t connect_count;         /* handshakes completed */
	uint64_t connect_failure_count; /* attempts that did not reach MQ_OPEN */
	uint64_t lost_count;            /* open connections lost */
	uint64_t blocked_count;         /* times the broker said blocked */
	uint64_t channel_close_count;   /* channels closed by the broker (errors) */
	uint64_t in_bytes;
	uint64_t out_bytes;
	uint64_t published_count;
	uint64_t confirmed_count;
	uint64_t returned_count;
	uint64_t nacked_count;
	uint64_t unconfirmed_count; /* published, channel lost before the confirm */
	uint64_t delivered_count;
	uint64_t redelivered_count;
	uint64_t acked_count;
	uint64_t requeued_count;  /* our nacks with requeue */
	uint64_t rejected_count;  /* our nacks without requeue, oversized deliveries included */
	uint64_t stale_ack_count; /* acks of deliveries whose channel was gone: dropped */
	uint64_t cancel_count;    /* consumers cancelled by the broker */
};

/* The state or the blocked flag is not what it was: runs at the end of a pass, so short
 * states in between may go unseen. Also called for MQ_STOPPED. */
typedef void mq_conn_fn(void *arg, enum mq_state state, bool blocked);

struct mq_conn_opts {
	/* amqp://user:password@host[:port][,host[:port]...]/vhost ; copied. See url.h. */
	struct slice url;
	const char *name;       /* shown by the broker (connection_name); copied */
	unsigned heartbeat_s;   /* 1..600; 0: 15. The smaller of ours and the broker's counts */
	int64_t handshake_us;   /* deadline from TCP connect to open; 0: 10 s */
	int64_t backoff_min_us; /* 0: 200 ms */
	int64_t backoff_max_us; /* 0: 10 s */
	mq_conn_fn *on_change;  /* may be NULL */
	void *arg;
};

/* Copies opts, starts connecting on the next loop pass. dns is borrowed until
 * mq_conn_free.
 *
 * Returns  GH_OK and *out, GH_EINVAL with err for a bad URL or option */
enum gh_code mq_conn_new(struct mq_conn **out, struct loop *l, struct dns *dns,
			 const struct mq_conn_opts *opts, struct gh_err *err) GH_MUST_USE;

/* Drops the socket at once; no callback. NULL is legal. */
void mq_conn_free(struct mq_conn *c);

/* Say goodbye: flush what is buffered, Connection.Close, then MQ_STOPPED through
 * on_change (within 2 s, broker or not). Channels go down when it is stopped, and
 * unsettled publishes settle as lost then: drain publishers first. Twice is legal. */
void mq_conn_close(struct mq_conn *c);

enum mq_state mq_conn_state(const struct mq_conn *c);
/* The broker said connection.blocked (memory or disk alarm): publishing is refused. */
bool mq_conn_is_blocked(const struct mq_conn *c);
/* Why the last attempt or connection ended; empty text when none did. Valid until the next pass. */
struct slice mq_conn_last_error(const struct mq_conn *c);
const struct mq_counters *mq_conn_counters(const struct mq_conn *c);
/* Bytes accepted for writing and not yet taken by the kernel. */
size_t mq_conn_pending_bytes(const struct mq_conn *c);

#endif
