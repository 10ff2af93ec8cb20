/* inbound.h - raw provider webhooks: stored by the gateway, applied by eventd.
 *
 * A body waits in inbound_queue (narrow) beside its insert-only inbound_events
 * row. Carrier: the outbox row of the storing commit, then the hint.
 *
 * eventd applies bodies in one unit: inbound_begin, any of the apply statements,
 * inbound_settle. Every apply statement is fenced by "the body is still in
 * inbound_queue", and begin holds the instance's lock, so a body takes effect
 * exactly once however many eventds read it, and a crash anywhere leaves either
 * all of its effects or none.
 */
#ifndef GH_MODEL_INBOUND_H
#define GH_MODEL_INBOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"
#include "model/event.h"
#include "model/message.h"
#include "model/send_queue.h"

struct arena;
struct delivery_take;

/* ---- gateway: store ---- */

struct inbound_new {
	struct uuid id;             /* UUIDv7 made by the caller */
	struct slice provider_type; /* "waha" */
	int32_t company_id;
	int32_t instance_id;
	struct slice event_key; /* provider's event id; absent: every body is stored */
	struct slice body;      /* raw bytes */
};

/* Store 1..128 bodies, each event_key of an instance once (7 days). A repeat after a lost
 * connection is harmless. */
void inbound_store_add(struct db_unit *u, const struct inbound_new *const *rows, unsigned count);
extern const struct db_stmt_table inbound_store_stmt_table;

/* ---- eventd: read ---- */

#define INBOUND_TAKE_MAX 256

struct inbound_body {
	struct uuid id;
	int32_t company_id;
	int32_t instance_id;
	int16_t tries;
	struct slice provider_type;
	struct slice body;
	struct slice instance_name;
	struct slice session;       /* external_instance_id */
	struct slice phone;         /* own number; may be absent */
	struct slice status;        /* word of instances.status */
	struct slice other_session; /* that it moves to or came from last; absent: none */
	bool is_elsewhere; /* of a provider of another type than the instance's, which is that
			      session's */
};

/* Due bodies of the instances by company, instance and id, at most per_instance of each. Takes no
 * lock. */
void inbound_take_add(struct db_unit *u, const int32_t *instance_ids, unsigned count,
		      unsigned per_instance);
unsigned inbound_take_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
			   struct inbound_body **rows);

struct inbound_key {
	int32_t instance_id;
	struct slice external_id; /* bare id */
};

/* A provider message that is a row of ours. */
struct inbound_match {
	struct inbound_key key;
	struct uuid message_id;
	enum msg_status status;
	enum msg_direction direction;
	enum msg_origin origin;
	struct slice chat_key;
	struct slice reference;
	bool is_in_doubt; /* its send waits in doubt, or held so: a receipt resolves it */
	int16_t attempt;  /* of that send */
	/* Bits 1 << DELIVERED, READ, PLAYED: receipts that were applied, and are no news again. */
	unsigned receipts;
};

/* Which of the keys are messages of ours. */
void inbound_resolve_add(struct db_unit *u, const struct inbound_key *keys, unsigned count);
unsigned inbound_resolve_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
			      struct inbound_match **rows);

/* ---- eventd: apply ---- */

/* Statements with a take: its endpoints' deliveries of the new events are born leased to the
 * caller, who reads them with delivery_taken_rows. */

/* Lock the instances: first statement of an applying unit. */
void inbound_begin_add(struct db_unit *u, const int32_t *instance_ids, unsigned count);

/* A receipt: only forward, each kind once; what is not news makes no event. The first of any
 * kind but FAILED also ends "stalled". */
struct inbound_status {
	struct uuid body_id;
	struct uuid message_id;
	enum msg_status status; /* SENT, DELIVERED, READ, PLAYED, FAILED */
	int64_t at_us;
	struct uuid event_id;
	enum event_type event_type;
	struct slice facts;
};
void inbound_status_add(struct db_unit *u, const struct inbound_status *rows, unsigned count,
			struct slice worker, const struct delivery_take *take);

/* A message made elsewhere (from a contact, or typed on the phone). One row and one
 * event per (instance, external id), however many webhooks describe it. */
struct inbound_message {
	struct uuid body_id;
	struct uuid id;
	struct slice external_id;
	enum msg_direction direction;
	enum msg_status status;
	enum msg_kind kind;
	enum msg_origin origin;
	struct slice chat_key;
	struct slice from;
	struct slice to;
	struct slice content;
	struct slice payload; /* JSON text or absent */
	struct slice reply_to;
	int64_t at_us;
	struct uuid event_id;
	struct slice facts;
};
void inbound_message_add(struct db_unit *u, const struct inbound_message *rows, unsigned count,
			 const struct delivery_take *take);

/* A message of ours that the provider knows by an id of its own choice, told apart by the send_ref
 * that its send carried: from now on the id means the message too. Its external_id becomes the
 * first that is told. */
struct inbound_echo {
	struct uuid body_id;
	struct uuid message_id;
	struct slice external_id;
	struct slice send_ref;
};
void inbound_echo_add(struct db_unit *u, const struct inbound_echo *rows, unsigned count);

/* A state of the instance, newest provider time wins; events only on change. Wakes its
 * waiting sends when it is connected. */
#define INBOUND_SESSION_EVENTS 2
struct inbound_session {
	struct uuid body_id;
	struct slice status; /* word of instances.status */
	struct slice reason; /* provider's own words; may be absent */
	bool is_unpaired;    /* disconnected until a person pairs it again */
	int64_t at_us;
	struct slice phone;   /* absent: keep */
	struct slice own_lid; /* absent: keep */
	struct {
		struct uuid id; /* nil: none */
		enum event_type type;
	} events[INBOUND_SESSION_EVENTS];
	struct slice facts; /* of each of them */
};
void inbound_session_add(struct db_unit *u, const struct inbound_session *s);

/* What became of a message after it was there: EVENT_MESSAGE_EDITED (messages.content,
 * edited_at; newest provider time wins) or EVENT_MESSAGE_DELETED (deleted_at; once). What is
 * not news makes no event. */
struct inbound_change {
	struct uuid body_id;
	struct uuid message_id;
	int64_t at_us;
	struct slice content; /* EDITED: the new text or caption; absent: keep */
	struct uuid event_id;
	enum event_type event_type;
	struct slice facts;
};
void inbound_change_add(struct db_unit *u, const struct inbound_change *rows, unsigned count,
			const struct delivery_take *take);

/* Any other event about an instance or a message (reaction, call, ...). */
struct inbound_event {
	struct uuid body_id;
	struct uuid id;
	struct uuid message_id; /* nil: none */
	enum event_type type;
	int64_t at_us;
	struct slice facts;
};
void inbound_event_add(struct db_unit *u, const struct inbound_event *rows, unsigned count,
		       const struct delivery_take *take);

/* Facts whose message never came within the wait. Of the receipts of one body, which may be
 * hundreds of ids that nobody here ever sent, the first stands for all: the body names them. */
struct inbound_orphan {
	struct uuid body_id;
	struct slice external_id; /* of the message they speak of */
	bool has_status;
	enum msg_status status;
	int64_t at_us;
};
void inbound_orphan_add(struct db_unit *u, const struct inbound_orphan *rows, unsigned count);

/* Stored in inbound_events.state. */
enum inbound_state { INBOUND_NEW = 0, INBOUND_UNREADABLE = 2, INBOUND_FOREIGN = 3 };

enum inbound_verdict {
	INBOUND_DONE = 0,
	INBOUND_LATER = 1,   /* stays, due again after delay_us (a message is awaited) */
	INBOUND_BAD = 2,     /* leaves the queue, kept and marked INBOUND_UNREADABLE */
	INBOUND_NOT_OURS = 3 /* leaves the queue, marked INBOUND_FOREIGN (names another session) */
};
struct inbound_settled {
	struct uuid body_id;
	enum inbound_verdict verdict;
	struct slice error; /* BAD, NOT_OURS */
	int64_t delay_us;   /* LATER */
};
/* Last statement of an applying unit. */
void inbound_settle_add(struct db_unit *u, const struct inbound_settled *rows, unsigned count);

/* Which of the instances still have due bodies. */
void inbound_pending_add(struct db_unit *u, const int32_t *instance_ids, unsigned count);
bool inbound_pending_has(const struct db_unit *u, unsigned stmt, int32_t instance_id);

extern const struct db_stmt_table inbound_stmt_table;

#endif
