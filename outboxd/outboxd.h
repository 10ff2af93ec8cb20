/* outboxd.h - the parts of the relay and how they meet.
 *
 *   relay.c      decides when to claim: NOTIFY, the timer for the earliest row, the poll
 *   claim.c      one claim from BEGIN to COMMIT; two of them, so that one publishes
 *                while the other claims
 *   envelope.c   outbox rows -> envelopes of up to 64 targets of one routing key
 *   companies.c  whose queues are declared at the broker
 *   dead_letters.c  best-effort copies of dead letters for dlq.final
 */
#ifndef GH_OUTBOXD_H
#define GH_OUTBOXD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "config/params_outboxd.h"
#include "daemon/daemon.h"
#include "model/outbox.h"
#include "mq/publisher.h"

#define RELAY_CLAIMS 2

struct arena;
struct claim;
struct companies;
struct dead_letters;
struct metrics_table;
struct wake;

struct outboxd {
	struct daemon *daemon;
	struct loop *loop;
	const struct outboxd_conf *conf;
	struct metrics_table *metrics;
	struct db *db;                     /* queue records, NOTIFY both ways */
	struct db *claim_db[RELAY_CLAIMS]; /* each may hold a transaction open */
	struct mq_conn *mq;
	struct mq_publisher *publisher;
	struct companies *companies;
	struct dead_letters *dead_letters;
	struct wake *queues_wake; /* tells consumers of new queues */
	struct claim *claims[RELAY_CLAIMS];
	struct loop_timer *timer; /* the earliest row, or the poll */
	struct loop_task *task;   /* starts claims */
	struct cadence *cadence;  /* of their starts */
	bool is_woken;            /* rows may have come since the last claim began */
	bool is_behind;           /* more than a claim's worth is due */
	bool is_draining;
};

enum outboxd_metric {
	OUTBOXD_PUBLISHED, /* outbox rows by result */
	OUTBOXD_ENVELOPES,
	OUTBOXD_CLAIMS,
	OUTBOXD_CLAIM_ROWS,
	OUTBOXD_DECLARED
};

/* ---- relay.c ---- */
/* Something may be due: start a claim when one is free and the broker takes messages. */
void relay_kick(struct outboxd *o);
/* The same, at once: a claim came back full. */
void relay_hurry(struct outboxd *o);
/* The same when a kick has come that found no claim free or the broker busy. */
void relay_pump(struct outboxd *o);
/* A claim ended. next_us: when the earliest row is due (-1: none, 0: now). */
void relay_claim_ended(struct outboxd *o, int64_t next_us);
void relay_start(struct outboxd *o);
void relay_stop(struct outboxd *o);
void relay_drain(struct outboxd *o);
/* The broker can be published to again, perhaps without what it held: hint every target that has
 * due rows. */
void relay_broker_back(struct outboxd *o);

/* ---- claim.c ---- */
struct claim *claim_new(struct outboxd *o, struct db *db);
void claim_free(struct claim *c); /* NULL is legal */
bool claim_is_idle(const struct claim *c);
void claim_start(struct claim *c); /* only when idle */
/* Publish what waits: the publisher has room, or a company's queues are declared. */
void claim_drain(struct claim *c);
/* Outcome of a publish whose token was an envelope. */
void claim_settled(void *token, enum mq_outcome outcome);

/* ---- envelope.c ---- */
enum envelope_state { ENVELOPE_PENDING, ENVELOPE_SENT, ENVELOPE_CONFIRMED, ENVELOPE_FAILED };

struct envelope {
	struct claim *claim;
	struct list node; /* of the claim's pending ones */
	enum envelope_state state;
	enum mq_outcome outcome; /* of a FAILED one */
	struct mq_envelope body;
	struct slice traceparent;       /* of its first row that has one */
	const struct outbox_row **rows; /* row_count of them; several may name one target */
	unsigned row_count;
};

/* Sort rows by class, company and kind, and cut them into envelopes in the arena.
 * Returns the count. */
unsigned envelopes_make(struct arena *a, struct claim *claim, struct outbox_row *rows,
			unsigned count, struct envelope **out);

/* ---- companies.c ---- */
struct companies *companies_new(struct outboxd *o);
void companies_free(struct companies *c); /* NULL is legal */
/* True when the company's queues exist; else declares them and kicks the claims when done. */
bool companies_are_declared(struct companies *c, int32_t company_id);
/* The broker returned a message as unroutable: declare again before the next publish. */
void companies_forget(struct companies *c, int32_t company_id);

/* ---- dead_letters.c ---- */
struct dead_letters *dead_letters_new(struct outboxd *o);
void dead_letters_free(struct dead_letters *x); /* NULL is legal */

#endif
