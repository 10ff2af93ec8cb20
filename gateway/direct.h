/* direct.h - the direct provider calls of instance routes (contracts/growhub-api.md section 5):
 * find the instance and the messages that are spoken of, make one call or several within
 * one deadline, answer what failed.
 *
 *	check the body -> direct_new -> [direct_find] -> direct_call -> reply in done
 *
 * Everything lives in the request's arena. Loop thread only.
 */
#ifndef GH_GATEWAY_DIRECT_H
#define GH_GATEWAY_DIRECT_H

#include "base/uuid.h"
#include "model/instance.h"
#include "provider/provider.h"

struct gw_req;

/* A message id as a client wrote it, and what it stands for. */
struct direct_message {
	struct slice text;
	bool is_found;
	struct uuid id; /* ours; nil: not a message of ours, only the provider knows it */
	struct provider_message_ref ref;
};

/* One call, and after it what came of it; slices of result live as long as the request. */
struct direct_step {
	struct provider_act act;
	struct provider_result result;
};

struct direct {
	struct gw_req *req;
	struct instance_row instance;
	const struct provider *provider;
	struct direct_message *message; /* of direct_find */
	unsigned message_count;
	void *user; /* the handler's */

	/* Private to direct.c. */
	void (*done)(struct direct *d);
	struct direct_step *step;
	const struct direct_step *failed;
	unsigned step_count, next, in_flight, width, needed;
	bool is_pumping;
	int64_t deadline_us;
};

/* May reply; else goes on. */
typedef void direct_fn(struct direct *d);

struct direct *direct_new(struct gw_req *req, void *user);

/* Look up messages of the instance by our id, the provider's bare or its full one; those not found
 * have is_found false. ids: in the request's arena. */
void direct_find(struct direct *d, const struct slice *ids, unsigned count, direct_fn *done);
/* The same for one that must be there and at the provider: else the request was answered (404,
 * 409). */
void direct_find_one(struct direct *d, struct slice id, direct_fn *done);

/* Make count calls (at least 1), at most width at a time and in their order; steps[i].act is set.
 * The first `needed` of them must succeed: the first that fails is the reply, and nothing
 * more is started. Of the others done looks at result.outcome. 501 when the provider has no such
 * call, 409 when the instance is not connected, without a call. */
void direct_call(struct direct *d, struct direct_step *steps, unsigned count, unsigned width,
		 unsigned needed, direct_fn *done);
/* One call that must succeed; its result is d->step[0].result. */
void direct_act(struct direct *d, const struct provider_act *act, direct_fn *done);

/* For bodies: the canonical id of a person or chat (any kind, or a group only); a field error and
 * SLICE_NONE when it is none. */
struct slice direct_chat(struct gw_req *req, const char *path, struct slice text);
struct slice direct_person(struct gw_req *req, const char *path, struct slice text);
struct slice direct_group(struct gw_req *req, const char *path, struct slice text);

/* What every route of these may answer, for GW_DOC. */
#define DIRECT_ERRORS (GW_ERR_PROVIDER | GW_ERR(INSTANCE_NOT_CONNECTED))

#endif
