/* care.h - a task's walk over instances: list or claim a slice, ask each one's provider, store what
 * it came to; a few calls at a time. For instances.c, mend.c and
 * moves.c.
 */
#ifndef GH_HEALTHD_CARE_H
#define GH_HEALTHD_CARE_H

#include <stdbool.h>

#include "daemon/provider_client.h"
#include "fan.h"
#include "healthd.h"
#include "model/instance_state.h"

#define CARE_SLICE 256 /* instances */

struct arena;
struct care_round;
struct db_unit;
struct seal_key;

/* One instance of a slice. */
struct care {
	struct care_round *round;
	const struct instance_state *row;
};

struct care_round {
	struct healthd *h;
	/* Add the statement that finds the next slice; after_id: of the last instance before. */
	void (*find)(struct care_round *r, struct db_unit *u, int32_t after_id);
	/* Look after one instance; ends with care_store or care_done, maybe before this returns. */
	void (*call)(struct care *c);
	/* private */
	struct task *task;
	struct arena *mem; /* of the slice */
	struct instance_state *rows;
	struct care *cares;
	struct fan fan;
	bool has_failed;
};

/* h, find and call are set; mem is made here. */
void care_init(struct care_round *r);
void care_free(struct care_round *r);
/* A task_run_fn's body: slices until one is not full. */
void care_run(struct care_round *r, struct task *t);

/* For call: memory that lives as long as the slice. */
struct arena *care_arena(const struct care *c);
/* Of its provider. */
struct provider_address care_address(const struct care *c);
/* Ask the provider; call->session is set here. done gets c. */
void care_ask(struct care *c, struct provider_call *call, int64_t timeout_us,
	      provider_client_fn *done);
/* What its session is told about us; lives in the slice's arena. NULL when a key cannot be opened,
 * which was logged. public_url is set. */
const struct provider_session_spec *care_spec(const struct care *c,
					      const struct seal_key *seal_key);
/* The end: u (taken) is what is to be stored. */
void care_store(struct care *c, struct db_unit *u);
void care_done(struct care *c, bool is_ok);

/* The end: the provider says another state than our row has, as told when asked. */
void care_observe(struct care *c, const struct provider_result *r);
/* The end: the provider does not know the session; mend.c makes it again. */
void care_lost(struct care *c);

#endif
