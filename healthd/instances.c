/* instances.c - sends wait for an instance that is not connected: its provider is asked, so
 * that a connection event that was lost strands nothing; one that is being paired, too, where
 * events tell no time. The answer counts only when nothing else changed the row meanwhile.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "care.h"

#define POLL_TIMEOUT (5 * CLOCK_SEC)

struct instances {
	struct care_round poll;
};

static void
poll_answered(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;

	if (provider_client_is_lost(r)) {
		care_lost(c);
		return;
	}
	/* A provider that does not answer is providers.c's to report. */
	if (r->outcome != PROVIDER_OK || r->session == PROVIDER_SESSION_UNKNOWN ||
	    slice_eq(c->row->status, slice_of(provider_session_name(r->session)))) {
		log_debug("instance.polled", LOG_INT("instance", c->row->id),
			  LOG_STR("code", r->code));
		care_done(c, true);
		return;
	}
	care_observe(c, r);
}

static void
poll_call(struct care *c)
{
	struct provider_call call = {.op = PROVIDER_OP_SESSION_GET};

	care_ask(c, &call, POLL_TIMEOUT, poll_answered);
}

static void
poll_find(struct care_round *r GH_UNUSED, struct db_unit *u, int32_t after_id)
{
	instance_waiting_list_add(u, after_id, CARE_SLICE);
}

void
instances_run(void *arg, struct task *t)
{
	struct instances *in = arg;

	care_run(&in->poll, t);
}

struct instances *
instances_new(struct healthd *h)
{
	struct instances *in = gh_alloc(sizeof(*in));

	in->poll = (struct care_round){.h = h, .find = poll_find, .call = poll_call};
	care_init(&in->poll);
	return in;
}

void
instances_free(struct instances *in)
{
	if (in == NULL)
		return;
	care_free(&in->poll);
	gh_free(in);
}
