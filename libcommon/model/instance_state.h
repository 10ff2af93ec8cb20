/* instance_state.h - states that no webhook told: of instances whose sends wait, whose
 * session failed or was never made, that were steered by a request, or that post to an
 * address that is ours no longer.
 */
#ifndef GH_MODEL_INSTANCE_STATE_H
#define GH_MODEL_INSTANCE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
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
	struct slice api_key_sealed;     /* aad "provider_key"; may be absent */
	struct slice session_key_sealed; /* aad "session_key"; may be absent */
	struct slice key_sealed;         /* path key of its webhooks, aad "webhook_key" */
	struct slice hmac_sealed;        /* aad "webhook_hmac"; may be absent */
};

/* Rows of statement stmt, of any list or claim below or in model/instance_move.h; they live in a.
 * The webhook keys are there only after claims. */
unsigned instance_state_rows(const struct db_unit *u, unsigned stmt, struct arena *a,
			     struct instance_state **rows);

/* Instances with id > after_id, in id order, at most limit, whose session exists but is not
 * connected, and that have due sends or, where sessions have keys, are being paired. Relies on
 * send_queue_arrived and send_queue_head. */
void instance_waiting_list_add(struct db_unit *u, int32_t after_id, unsigned limit);

struct instance_observed {
	int32_t instance_id;
	int64_t updated_at_us;      /* of the row when the provider was asked */
	struct slice status;        /* word of instances.status */
	struct slice reason;        /* provider's own word; may be absent */
	struct slice phone;         /* absent: keep */
	bool is_unpaired;           /* disconnected until a person pairs it again */
	enum event_type event_type; /* EVENT_NONE: none is reported */
	struct slice session;       /* it was asked of: of another one than the row's now, nothing
				     * happens; absent: of the row's */
	/* For the event: */
	struct slice name;
	struct slice known_phone; /* where phone is absent; may be absent too */
};
/* Add the statements (lock, update): a state the provider told when asked. Nothing happens when the
 * row was changed since it was read, for then a webhook knew better. The provider time of the
 * last state stays as it is: our clock must not make a later webhook look old. Wakes waiting sends
 * when connected. Slices are borrowed until the unit is done.
 * "error" (the provider lost the session) needs no such fence: no webhook knows better. */
void instance_observed_add(struct db_unit *u, const struct instance_observed *o);

/* Claim up to limit instances that need mending, and return them:
 *  - the session failed ("failed"): to be restarted;
 *  - where sessions have keys, it lost its connection ("disconnected", may_reconnect): to be
 * started;
 *  - with_broken: creation failed, or was broken off, or the provider lost the session: the row is
 *    "creating" now, the caller makes the session and reports by instance_created_add.
 * Each is due again after waits that double from 15 s to 1 h, until it connects. Only where the
 * provider is healthy and the company active. Index instances_mend. */
void instance_mend_claim_add(struct db_unit *u, bool with_broken, unsigned limit);

/* Claim up to limit instances whose provider was given another public URL than base; each is due
 * again in a minute. Only where the provider is healthy. Index webhook_keys_told. */
void instance_untold_claim_add(struct db_unit *u, struct slice base, unsigned limit);
/* The provider has been told. */
void instance_told_add(struct db_unit *u, int32_t instance_id, struct slice base);

/* A person takes it down: healthd leaves it so until it was connected again. To be committed before
 * the provider is told, whose own event is no sign of whose wish it was. Primary key. */
void instance_leave_down_add(struct db_unit *u, int32_t instance_id);

/* instance_observed_add also needs instance_lock_stmt_table. */
extern const struct db_stmt_table instance_state_stmt_table;

#endif
