/* instance.h - instances: one WhatsApp number of a company at one provider.
 *
 * Two readers: the small reference that hot paths keep in a lookup, and the whole
 * row of the API. Creation chooses the provider and counts its slots in the
 * transaction that inserts, under the provider's row lock, so that any number of
 * gateways together never overfill one.
 */
#ifndef GH_MODEL_INSTANCE_H
#define GH_MODEL_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "db/db.h"

struct arena;
struct id_page;

/* ---- the reference: what sending needs to know ---- */

#define INSTANCE_WORD_SIZE  16
#define INSTANCE_PHONE_SIZE 64

struct instance_ref {
	int32_t id;
	int32_t company_id;
	bool is_deleted;
	bool tells_queued;                      /* an endpoint wants message.queued */
	char provider_type[INSTANCE_WORD_SIZE]; /* "waha" */
	char engine[INSTANCE_WORD_SIZE];        /* of the provider; "": not known */
	char phone_number[INSTANCE_PHONE_SIZE]; /* as it is written; "": not known */
};

/* Read the references of 1..LOOKUP_KEYS_MAX ids (keys of lookup_id_key). Primary key. */
void instance_ref_add(struct db_unit *u, const struct slice *keys, unsigned count);
/* Rows found by statement stmt; row i into *ref. */
unsigned instance_ref_count(const struct db_unit *u, unsigned stmt);
void instance_ref_read(const struct db_unit *u, unsigned stmt, unsigned i,
		       struct instance_ref *ref);

/* ---- the row ---- */

struct instance_row {
	int32_t id;
	int32_t company_id;
	int32_t provider_id;
	struct slice name;
	struct slice phone_number; /* may be absent */
	struct slice status;
	struct slice status_reason; /* may be absent */
	struct slice webhook_url;   /* may be absent */
	struct slice external_id;
	struct slice settings; /* JSON object */
	int64_t created_at_us;
	int64_t updated_at_us;
	struct slice company_name;
	int64_t last_disconnect_us;          /* 0: never */
	struct slice last_disconnect_reason; /* may be absent */
	int32_t mend_tries;                  /* of healthd since it was last connected */
	int64_t new_chats_paused_us; /* until then no new chats (model/new_chats.h); 0: may */
	/* Its provider: what a call to it needs. */
	struct slice provider_type;
	struct slice base_url;
	struct slice api_key_sealed;     /* absent: none */
	struct slice engine;             /* absent: not known */
	struct slice session_key_sealed; /* aad "session_key"; absent: none, or not known */
};

/* Every statement below that returns instances returns them in this form. Row i of statement stmt;
 * slices live in a. */
unsigned instance_row_count(const struct db_unit *u, unsigned stmt);
void instance_row_read(const struct db_unit *u, unsigned stmt, unsigned i, struct arena *a,
		       struct instance_row *row);

/* One instance of a company, deleted ones excluded: one row or none. */
void instance_get_add(struct db_unit *u, int32_t company_id, int32_t id);
/* The instance that a session of a provider is: one row or none. Index instances_external. */
void instance_external_add(struct db_unit *u, int32_t provider_id, struct slice external_id);
/* A page of a company's instances. Index instances_company. */
void instance_list_add(struct db_unit *u, int32_t company_id, const struct id_page *page);
/* How many there are, counting no further than max. */
void instance_count_add(struct db_unit *u, int32_t company_id, int64_t max);
int64_t instance_count_of(const struct db_unit *u, unsigned stmt);

/* ---- creation ---- */

struct instance_new {
	int32_t company_id;
	int32_t provider_id; /* 0: the healthy active provider with a free slot and the fewest
			      * instances */
	struct slice name;
	struct slice phone_number;
	struct slice webhook_url;
	struct slice settings;     /* JSON object text */
	struct slice external_id;  /* wanted */
	struct slice external_alt; /* taken when this provider ever had the wanted one */
	struct slice token_hash;   /* 32 bytes */
	struct slice key_hash;     /* of the webhook path key */
	struct slice key_sealed;
	struct slice hmac_sealed;
	struct slice public_url; /* before /webhook/ in the URL that the provider is given */
};

#define INSTANCE_INSERT_STMTS 2
/* Add the statements (lock providers, then insert instance, token and webhook key). Locks the
 * candidate providers' rows in id order. No free slot: nothing is inserted. A taken name fails the
 * unit with constraint INSTANCE_NAME_CONSTRAINT. Slices are borrowed until the unit is done. */
#define INSTANCE_NAME_CONSTRAINT "instances_name"
void instance_insert_add(struct db_unit *u, const struct instance_new *n);

enum instance_inserted {
	INSTANCE_INSERTED,    /* the row is that of statement stmt + 1 */
	INSTANCE_NO_SLOT,     /* no candidate has a free slot */
	INSTANCE_NO_PROVIDER, /* the id given is no provider's */
	INSTANCE_NOT_ACTIVE   /* the provider given is switched off */
};
/* stmt: index of the first statement. */
enum instance_inserted instance_inserted_of(const struct db_unit *u, unsigned stmt);

/* ---- change ---- */

struct instance_change {
	struct slice name;         /* absent: keep */
	struct slice phone_number; /* absent: keep */
	struct slice settings;     /* JSON object merged into the old ones; absent: keep */
};
/* One row or none. A taken name fails with INSTANCE_NAME_CONSTRAINT. */
void instance_update_add(struct db_unit *u, int32_t company_id, int32_t id,
			 const struct instance_change *c);

/* Lift a pause of new chats: what waits for its end is due now, and woken. Two statements, the
 * first the instance's lock: the row is that of the second, none when there is no such instance.
 * Relies on send_queue_head. */
void instance_new_chats_lift_add(struct db_unit *u, int32_t company_id, int32_t id);

struct instance_created {
	int32_t company_id;
	int32_t id;
	struct slice status; /* "error" where it failed */
	struct slice reason; /* may be absent */
	struct slice engine; /* of the provider, where its answer tells */
	/* For the event of a failure: */
	struct slice name, external_id;
	struct slice phone_number; /* may be absent */
};
/* What creation at the provider came to: changes status only while it is still "creating", since
 * a webhook may have told more meanwhile. An event instance.error at the first failure, not at
 * those of later tries. One row, as it then stands. Slices are borrowed until the unit is done. */
void instance_created_add(struct db_unit *u, const struct instance_created *c);

/* Keep the key that the provider gave its session, sealed: one row, or none when the instance is
 * deleted, or has moved and its session is another one. Borrowed until the unit is done. */
void instance_key_add(struct db_unit *u, int32_t company_id, int32_t id, struct slice session,
		      struct slice sealed);

/* Mark deleted, revoke tokens and webhook keys: one row (as it was named) or none. Its unfinished
 * sends are the caller's to cancel (model/cancel.h). */
void instance_delete_add(struct db_unit *u, int32_t company_id, int32_t id);

/* Give an instance a new token; the current one ends in overlap_s seconds (0: now), one that was
 * in its overlap already ends now, so that two at most are alive. One row or none. */
void instance_token_add(struct db_unit *u, int32_t company_id, int32_t id, struct slice token_hash,
			int32_t overlap_s);

/* instance_new_chats_lift_add also needs instance_lock_stmt_table. */
extern const struct db_stmt_table instance_stmt_table;

#endif
