/* instances.c - instances nobody tells us about.
 *
 * Poll: sends wait for an instance that is not connected. Its provider is asked, so that a
 * connection event that was lost strands nothing. The answer counts only when nothing else
 * changed the row meanwhile.
 *
 * Recreate: the session was never made, because the provider failed or the gateway died. It is
 * made again with the instance's own webhook key, after waits that double.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/seal.h"
#include "daemon/daemon.h"
#include "daemon/provider_client.h"
#include "db/db.h"
#include "fan.h"
#include "healthd.h"
#include "model/facts.h"
#include "model/instance.h"
#include "model/instance_state.h"
#include "model/wake.h"
#include "provider/provider.h"
#include "step.h"
#include "tasks.h"

#define SLICE_ROWS   256
#define CALLS_MAX    16 /* at a time, of each round */
#define POLL_TIMEOUT (5 * CLOCK_SEC)
#define SECRET_MAX   1024

struct round;

/* One instance of a slice. */
struct care {
	struct round *round;
	const struct instance_state *row;
};

/* A task's walk over instances, slice by slice. */
struct round {
	struct instances *owner;
	struct task *task;
	struct arena *mem; /* of the slice */
	struct instance_state *rows;
	struct care *cares;
	struct fan fan;
	void (*call)(struct care *c); /* ends with care_done */
	bool is_by_id;                /* slices follow each other by id; else each is the last */
	bool has_failed;
};

struct instances {
	struct healthd *h;
	struct seal_key key;
	struct round poll;
	struct round recreate;
};

/* ---- rounds ---- */

static void round_slice(struct round *r, int32_t after_id);

static void
care_done(struct care *c, bool is_ok)
{
	c->round->has_failed |= !is_ok;
	fan_done(&c->round->fan);
}

static void
care_stored(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct care *c = arg;

	if (code != GH_OK)
		log_warn("instance.unstored", LOG_INT("instance", c->row->id),
			 LOG_STR("code", gh_code_name(code)),
			 LOG_STR("err", db_unit_error(u)->text));
	else
		wake_send(c->round->owner->h->wake);
	care_done(c, code == GH_OK);
}

static void
care_submit(struct care *c, struct db_unit *u)
{
	enum gh_code rc = db_submit(c->round->owner->h->db, u, care_stored, c);

	if (rc != GH_OK)
		care_done(c, false);
}

static void
care_start(void *arg, unsigned i)
{
	struct round *r = arg;
	struct care *c = &r->cares[i];

	c->round = r;
	c->row = &r->rows[i];
	r->call(c);
}

static void
round_slice_ended(void *arg)
{
	struct round *r = arg;

	if (r->is_by_id && r->fan.count == SLICE_ROWS && !task_should_end(r->task))
		round_slice(r, r->rows[SLICE_ROWS - 1].id);
	else
		task_done(r->task, !r->has_failed);
}

static void
round_listed(void *arg, struct task *t GH_UNUSED, const struct db_unit *u)
{
	struct round *r = arg;

	arena_reset(r->mem);
	r->fan = (struct fan){
		.count = instance_state_rows(u, 0, r->mem, &r->rows),
		.limit = CALLS_MAX,
		.start = care_start,
		.end = round_slice_ended,
		.arg = r,
	};
	r->cares = arena_alloc_array(r->mem, r->fan.count, sizeof(*r->cares));
	fan_run(&r->fan);
}

static void
round_slice(struct round *r, int32_t after_id)
{
	struct db_unit *u = db_unit_new();

	if (r->is_by_id)
		instance_waiting_list_add(u, after_id, SLICE_ROWS);
	else
		instance_broken_claim_add(u, SLICE_ROWS);
	step_submit(r->owner->h, r->task, u, round_listed, r);
}

static void
round_run(struct round *r, struct task *t)
{
	r->task = t;
	r->has_failed = false;
	round_slice(r, 0);
}

static struct provider_address
care_address(const struct care *c)
{
	return (struct provider_address){
		.type = c->row->provider_type,
		.base_url = c->row->base_url,
		.api_key_sealed = c->row->api_key_sealed,
	};
}

/* ---- poll ---- */

static enum event_type
event_of_session(enum provider_session session)
{
	switch (session) {
	case PROVIDER_SESSION_CONNECTED:
		return EVENT_INSTANCE_CONNECTED;
	case PROVIDER_SESSION_QR:
		return EVENT_INSTANCE_QR;
	case PROVIDER_SESSION_DISCONNECTED:
	case PROVIDER_SESSION_FAILED:
		return EVENT_INSTANCE_DISCONNECTED;
	case PROVIDER_SESSION_CONNECTING:
	case PROVIDER_SESSION_UNKNOWN:
		break;
	}
	return EVENT_NONE;
}

static void
poll_store(struct care *c, const struct provider_result *r)
{
	struct db_unit *u = db_unit_new();
	struct arena *a = db_unit_arena(u);
	struct instance_observed *o = arena_alloc(a, sizeof(*o));
	struct slice phone = r->own_number.p != NULL ? r->own_number : c->row->phone;

	o->instance_id = c->row->id;
	o->updated_at_us = c->row->updated_at_us;
	o->status = slice_of(provider_session_name(r->session));
	o->reason = arena_dup(a, r->session_word);
	o->phone = arena_dup(a, r->own_number);
	o->event_type = event_of_session(r->session);
	if (o->event_type != EVENT_NONE)
		o->event_id = uuid7_new();
	o->facts = facts_instance(a, &(struct facts_instance){
					     .status = o->status,
					     .state = o->reason,
					     .phone_number = phone,
					     .instance_name = c->row->name,
					     .session = c->row->session,
				     });
	o->at_us = clock_wall_us();
	log_info("instance.observed", LOG_INT("company", c->row->company_id),
		 LOG_INT("instance", c->row->id), LOG_SLICE("was", c->row->status),
		 LOG_SLICE("status", o->status));
	instance_observed_add(u, o);
	care_submit(c, u);
}

static void
poll_answered(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;

	/* A provider that does not answer is providers.c's to report. */
	if (r->outcome != PROVIDER_OK || r->session == PROVIDER_SESSION_UNKNOWN ||
	    slice_eq(c->row->status, slice_of(provider_session_name(r->session)))) {
		log_debug("instance.polled", LOG_INT("instance", c->row->id),
			  LOG_STR("code", r->code));
		care_done(c, true);
		return;
	}
	poll_store(c, r);
}

static void
poll_call(struct care *c)
{
	const struct provider_address address = care_address(c);
	const struct provider_call call = {.op = PROVIDER_OP_SESSION_GET,
					   .session = c->row->session};

	provider_client_call(c->round->owner->h->client, &address, &call, POLL_TIMEOUT,
			     poll_answered, c);
}

void
instances_run(void *arg, struct task *t)
{
	struct instances *in = arg;

	round_run(&in->poll, t);
}

/* ---- recreate ---- */

static void
recreate_store(struct care *c, struct slice status, struct slice reason)
{
	struct db_unit *u = db_unit_new();

	reason = arena_dup(db_unit_arena(u), reason);
	instance_created_add(u, c->row->company_id, c->row->id, status, reason);
	care_submit(c, u);
}

static void
recreate_answered(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;
	/* An earlier try got through and only its answer was lost: the webhooks are set up. */
	bool is_made =
		r->outcome == PROVIDER_OK || slice_eq(slice_of(r->code), S("session_exists"));
	const char *reason;

	log_info(is_made ? "instance.recreated" : "instance.recreate_failed",
		 LOG_INT("company", c->row->company_id), LOG_INT("instance", c->row->id),
		 LOG_STR("code", r->code));
	if (is_made) {
		recreate_store(c, r->session == PROVIDER_SESSION_QR ? S("qr") : S("connecting"),
			       SLICE_NONE);
		return;
	}
	reason = r->text[0] == '\0' ? r->code
				    : arena_printf(c->round->mem, "%s: %s", r->code, r->text);
	recreate_store(c, S("error"), slice_of(reason));
}

/* Plain text of a sealed column in a; SLICE_NONE when it is absent or cannot be opened. */
static struct slice
recreate_open(const struct instances *in, struct slice aad, struct slice sealed, struct arena *a)
{
	struct buf plain;

	buf_init(&plain, a, SECRET_MAX);
	if (sealed.p == NULL || seal_open(&in->key, 1, aad, sealed, &plain) != GH_OK)
		return SLICE_NONE;
	return buf_slice(&plain);
}

static void
recreate_call(struct care *c)
{
	const struct instances *in = c->round->owner;
	struct arena *a = c->round->mem;
	struct slice key = recreate_open(in, S("webhook_key"), c->row->key_sealed, a);
	struct provider_session_spec spec = {
		.webhook_secret = recreate_open(in, S("webhook_hmac"), c->row->hmac_sealed, a),
		.company_id = c->row->company_id,
		.instance_id = c->row->id,
	};
	const struct provider_address address = care_address(c);
	const struct provider_call call = {
		.op = PROVIDER_OP_SESSION_CREATE, .session = c->row->session, .spec = &spec};

	if (key.p == NULL || spec.webhook_secret.p == NULL) {
		log_error("instance.key_unreadable", LOG_INT("instance", c->row->id));
		recreate_store(c, S("error"), S("webhook_key: the webhook key cannot be opened"));
		return;
	}
	spec.webhook_url = slice_of(arena_printf(a, "%s/webhook/%.*s/%.*s", in->h->conf->public_url,
						 S_FMT(c->row->provider_type), S_FMT(key)));
	provider_client_call(in->h->client, &address, &call,
			     in->h->conf->common.sending_deadline_us, recreate_answered, c);
}

void
instances_recreate_run(void *arg, struct task *t)
{
	struct instances *in = arg;

	/* Without our public address a session would be made that tells us nothing. */
	if (in->h->conf->public_url == NULL)
		task_done(t, true);
	else
		round_run(&in->recreate, t);
}

/* ---- life ---- */

struct instances *
instances_new(struct healthd *h)
{
	struct instances *in = gh_alloc(sizeof(*in));

	in->h = h;
	seal_key_init(&in->key, daemon_common(h->daemon)->secrets_key.b);
	in->poll = (struct round){
		.owner = in, .mem = arena_new(0), .call = poll_call, .is_by_id = true};
	in->recreate = (struct round){.owner = in, .mem = arena_new(0), .call = recreate_call};
	return in;
}

void
instances_free(struct instances *in)
{
	if (in == NULL)
		return;
	arena_free(in->poll.mem);
	arena_free(in->recreate.mem);
	gh_wipe(&in->key, sizeof(in->key));
	gh_free(in);
}
