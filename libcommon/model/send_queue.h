/* send_queue.h - unfinished sends: placing them in lanes, claiming, finishing.
 *
 * The life of a row, and who carries it (DESIGN.md section 3) through a crash:
 *
 *   ARRIVED     accepted, not yet in its lane. Carrier: the outbox row of the
 *               accepting commit (due at available_at), then the hint made of it.
 *   BEHIND      in its lane behind another. Carrier: that predecessor, whose
 *               finish promotes it in the same commit.
 *   HEAD        first of its lane, due at available_at (a retry waits here).
 *               Carrier: an outbox row written by the promoting commit.
 *   PROCESSING  claimed; the provider call may be on its way. Carrier:
 *               lease_until; when it runs out healthd makes it IN_DOUBT.
 *               Parked with its whole provider it has, beyond that row, the
 *               provider's parked_until (model/provider_park.h).
 *   IN_DOUBT    the outcome is not known, until available_at; it keeps its place at
 *               the head of its lane. Carrier: the outbox row due then, whose claim
 *               looks it up, resends or holds it. A receipt may end it before.
 *   HELD        in doubt, and a resend is not wanted: waits for a receipt or a
 *               person, in the end for expires_at; outside its lane, so it blocks
 *               no chat.
 *
 * Crash before the claim's commit: nothing happened. After it and before the
 * call, or during the call, or before the result's commit: the lease runs out,
 * IN_DOUBT, resolved by policy. After the result's commit: done, the next head's
 * outbox row is in the same commit.
 *
 * Every change of an instance's rows happens under model/instance_lock.h. The
 * accept takes no lock: ARRIVED rows belong to no lane yet.
 *
 * Order: `seq` is drawn at acceptance; placing sorts what has arrived by
 * (class, seq) and gives lane_seq, which only grows. A message placed later is
 * later in its lane, whatever clock its gateway had.
 */
#ifndef GH_MODEL_SEND_QUEUE_H
#define GH_MODEL_SEND_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"
#include "model/event.h"
#include "model/message.h"

struct arena;

#define SEND_CLAIM_INSTANCES 64  /* instances in one claim unit */
#define SEND_CLAIM_ROWS      128 /* rows for one instance in one claim unit */

enum send_state {
	SEND_ARRIVED = 0,
	SEND_BEHIND = 1,
	SEND_HEAD = 2,
	SEND_PROCESSING = 3,
	SEND_IN_DOUBT = 4,
	SEND_HELD = 5
};

/* ---- claim ---- */

struct send_want {
	int32_t instance_id;
	int32_t rows;        /* 1..SEND_CLAIM_ROWS: calls that may start now */
	int32_t provider_id; /* that they would go to: nothing when the instance moved */
};

/* A claimed message: everything the provider call and its event need. Slices
 * live in the arena given to send_claim_rows. */
struct send_claim {
	struct uuid id;
	int32_t company_id;
	int32_t instance_id;
	enum mq_class cls;
	enum msg_kind kind;
	int16_t attempt;      /* fence: results name it */
	int16_t tries;        /* attempts that count, this one included */
	bool is_settled;      /* a receipt already says what became of it: no call */
	bool is_in_doubt;     /* it was when it was claimed: look it up, resend or hold */
	bool is_resent;       /* a resend ended in doubt before: no second one blindly */
	bool is_hold;         /* the instance's policy for that: hold rather than resend */
	bool wants_resend;    /* its policy says so itself, it is not the default for a send_ref */
	int16_t lookups;      /* look-ups that failed */
	int64_t new_chats_us; /* the instance opens no conversation for so long; <= 0: it may */
	struct slice chat_key;
	struct slice to;
	struct slice content;
	struct slice payload; /* JSON text, may be absent */
	struct slice media_url;
	struct slice reply_to;
	struct slice reference;
	struct slice send_ref;
	struct slice traceparent;
};

/* Add the claim's statements to a unit (one unit, one transaction): lock; place
 * and claim; look for more. Rows that arrived are placed, SEND_CLAIM_ROWS at a time, only while
 * there are fewer due heads than wanted, or where they outrank them. Only instances that are
 * connected and whose company is active yield rows; one that is draining (model/instance_move.h)
 * yields only what is in doubt, and none for a moment after its switch.
 * wants: 1..SEND_CLAIM_INSTANCES, distinct instances. lease_us: how long the claim protects the
 * rows; worker: name of this process, for the timeline (borrowed until the unit is done). Relies on
 * send_queue_arrived, send_queue_head, send_queue_lane. */
void send_claim_add(struct db_unit *u, const struct send_want *wants, unsigned count,
		    int64_t lease_us, struct slice worker);
/* Claimed rows of the finished unit (which holds nothing but send_claim_add), in
 * lane order per instance. Returns the count; *rows lives in a. */
unsigned send_claim_rows(const struct db_unit *u, struct arena *a, struct send_claim **rows);
/* True when the instance still has due rows: claim again as soon as calls may start. */
bool send_claim_has_more(const struct db_unit *u, int32_t instance_id);

/* The instance's provider is another than when the claimed message was accepted: it will be known
 * there by send_ref (absent: by none), committed before the call as the claim commits its own. The
 * old one still means the message. The unit holds nothing else; borrowed until it is done. */
void send_rename_add(struct db_unit *u, const struct send_claim *c, struct slice send_ref);
/* False: the row speaks of another attempt. */
bool send_rename_applied(const struct db_unit *u);

/* ---- finish ---- */

enum send_outcome {
	SEND_DONE_SENT = 0,   /* leaves the queue */
	SEND_DONE_FAILED = 1, /* leaves the queue, becomes a dead letter */
	SEND_RETRY = 2,       /* HEAD again after delay_us; counts as a try */
	SEND_DOUBT = 3,       /* IN_DOUBT for delay_us */
	SEND_PARK = 4,        /* HEAD again after delay_us, burns no try: not the message's fault */
	SEND_DONE_EXPIRED = 5,   /* leaves the queue from ARRIVED, BEHIND, HEAD or HELD */
	SEND_DONE_CANCELLED = 6, /* the same, by a client's wish */
	SEND_HOLD = 7,           /* HELD: leaves its lane, stays in doubt */
	SEND_UNSEEN = 8,         /* a look-up failed: IN_DOUBT for delay_us more */
	SEND_DOUBT_AGAIN = 9     /* a resend ended in doubt too: DOUBT, look-ups count anew */
};

struct send_result {
	struct uuid id;
	int32_t instance_id;
	int16_t attempt;
	enum send_outcome outcome;
	bool is_uncounted; /* no provider call was made for it: burns no try (PARK never does) */
	int64_t delay_us;  /* RETRY, DOUBT, DOUBT_AGAIN, PARK, UNSEEN */
	struct slice external_id; /* SENT: the provider's id; may be absent */
	struct slice code;        /* error or reason; SENT: what proved it, absent for an answer */
	struct slice text;        /* human reason; absent on SENT */
	struct uuid event_id;     /* event to record, or of message.sent where a receipt overrules
				   * the result; nil: none */
	enum event_type event_type;
	struct slice facts; /* JSON of the event */
	int64_t at_us;      /* wall time of the outcome */
};

/* Add the finish's statements (lock, finish) to a unit. Conditional on (id,
 * attempt) and the row's state: results of calls need PROCESSING or IN_DOUBT (SENT
 * and FAILED also HELD), so a late result of an older attempt changes nothing. Where
 * a receipt has already said "sent" or "failed", the row ends so, whatever the
 * result says, and without its event. Writes message, transition,
 * event with its deliveries, dead letter, the next head and the outbox rows in
 * the one transaction. Slices are borrowed until the unit is done. */
void send_finish_add(struct db_unit *u, const struct send_result *const *results, unsigned count,
		     struct slice worker);

/* Whether the finished unit (which holds nothing but send_finish_add) applied the message's
 * result; false: the row speaks of another attempt or is gone. */
bool send_finish_applied(const struct db_unit *u, struct uuid id);

/* Note results that came too late to be applied: a transition "late_result", which changes
 * no status, and the provider's id, so that receipts of a duplicate find their message. */
struct send_late {
	struct uuid id;
	int32_t instance_id;
	int16_t attempt;
	enum msg_status status;   /* what the result says */
	struct slice external_id; /* may be absent */
};
void send_late_add(struct db_unit *u, const struct send_late *rows, unsigned count,
		   struct slice worker);

/* ---- upkeep (healthd) ---- */

/* Rows whose lease ran out; rows past expires_at that no call is running for; waiting rows whose
 * instance or company was deleted within the last week: at most `limit`, to be ended through
 * send_finish_add. */
void send_lapsed_add(struct db_unit *u, unsigned limit);
void send_overdue_add(struct db_unit *u, unsigned limit);
void send_ownerless_add(struct db_unit *u, unsigned limit);
/* Rows in doubt of instances whose move waits no longer for them. */
void send_undrained_add(struct db_unit *u, unsigned limit);
/* Rows of any of them; is_in_doubt: now. */
unsigned send_upkeep_rows(const struct db_unit *u, struct arena *a, struct send_claim **rows);

extern const struct db_stmt_table send_queue_stmt_table;

#endif
