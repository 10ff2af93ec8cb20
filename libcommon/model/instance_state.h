/* instance_state.h - instances that nobody tells us about: sends wait for one that is not
 * connected, or its creation at the provider failed. For healthd.
 */
#ifndef GH_MODEL_INSTANCE_STATE_H
#define GH_MODEL_INSTANCE_STATE_H

#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "db/db.h"
#include "model/event.h"

struct arena;

/* An instance and how to call its provider. */
struct instance_state {
	int32_t id;
	int32_t company_id;
	struct slice name;
	struct slice session; /* external_instance_id */
	struct slice phone;   /* own number; may be absent */
	struct slice status;
	int64_t updated_at_us; /* fence of instance_observed_add */
	struct slice provider_type;
	struct slice base_url;
	struct slice api_key_sealed; /* aad "provider_key"; may be absent */
	struct slice key_sealed;     /* path key of its webhooks, aad "webhook_key" */
	struct slice hmac_sealed;    /* aad "webhook_hmac"; may be absent */
};

/* Rows of statement stmt, of either list below; they live in a. The webhook keys are there only
 * after instance_broken_claim_add. */
unsigned instance_state_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
			     struct instance_state **rows);

/* Instances with id > after_id, in id order, at most limit, whose session exists but is not
 * connected and that have due sends. Relies on send_queue_arrived and send_queue_head. */
void instance_waiting_list_add(struct db_unit *u, int32_t after_id, unsigned limit);

struct instance_observed {
	int32_t instance_id;
	int64_t updated_at_us; /* of the row when the provider was asked */
	struct slice status;   /* word of instances.status */
	struct slice reason;   /* provider's own word; may be absent */
	struct slice phone;    /* absent: keep */
	struct uuid event_id;  /* nil: none */
	enum event_type event_type;
	struct slice facts;
	int64_t at_us; /* wall time of the answer */
};
/* Add the statements (lock, update): a state the provider told when asked. Nothing happens when the
 * row was changed since it was read, for then a webhook knew better. The provider time of the
 * last state stays as it is: our clock must not make a later webhook look old. Wakes waiting sends
 * when connected. Slices are borrowed until the unit is done. */
void instance_observed_add(struct db_unit *u, const struct instance_observed *o);

/* Turn up to limit instances whose creation failed, or was broken off, back to "creating", and
 * return them: the caller creates them at the provider and reports by instance_created_add.
 * Due is what has not been tried for as long as it had existed at its last try (15 s to
 * 1 h): the waits double. Only where the provider is healthy and the company active. */
void instance_broken_claim_add(struct db_unit *u, unsigned limit);

/* instance_observed_add also needs instance_lock_stmt_table. */
extern const struct db_stmt_table instance_state_stmt_table;

#endif
