/* care.c - a task's walk over instances; see care.h. */
#include "care.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "crypto/seal.h"
#include "db/db.h"
#include "model/wake.h"
#include "step.h"
#include "tasks.h"

#define SECRET_MAX 1024
#define CALLS_MAX  16 /* at a time, of each round */

/* ---- rounds ---- */

static void care_slice(struct care_round *r, int32_t after_id);

void
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
		wake_send(c->round->h->wake);
	care_done(c, code == GH_OK);
}

void
care_store(struct care *c, struct db_unit *u)
{
	enum gh_code rc = db_submit(c->round->h->db, u, care_stored, c);

	if (rc != GH_OK)
		care_done(c, false);
}

static void
care_start(void *arg, unsigned i)
{
	struct care_round *r = arg;
	struct care *c = &r->cares[i];

	c->round = r;
	c->row = &r->rows[i];
	r->call(c);
}

static void
care_slice_ended(void *arg)
{
	struct care_round *r = arg;

	if (r->fan.count == CARE_SLICE && !task_should_end(r->task))
		care_slice(r, r->rows[CARE_SLICE - 1].id);
	else
		task_done(r->task, !r->has_failed);
}

static void
care_found(void *arg, struct task *t GH_UNUSED, const struct db_unit *u)
{
	struct care_round *r = arg;

	arena_reset(r->mem);
	r->fan = (struct fan){
		.count = instance_state_rows(u, 0, r->mem, &r->rows),
		.limit = CALLS_MAX,
		.start = care_start,
		.end = care_slice_ended,
		.arg = r,
	};
	r->cares = arena_alloc_array(r->mem, r->fan.count, sizeof(*r->cares));
	fan_run(&r->fan);
}

static void
care_slice(struct care_round *r, int32_t after_id)
{
	struct db_unit *u = db_unit_new();

	r->find(r, u, after_id);
	step_submit(r->h, r->task, u, care_found, r);
}

void
care_run(struct care_round *r, struct task *t)
{
	r->task = t;
	r->has_failed = false;
	care_slice(r, 0);
}

struct arena *
care_arena(const struct care *c)
{
	return c->round->mem;
}

struct provider_address
care_address(const struct care *c)
{
	return (struct provider_address){
		.type = c->row->provider_type,
		.base_url = c->row->base_url,
		.api_key_sealed = c->row->api_key_sealed,
		.session_key_sealed = c->row->session_key_sealed,
	};
}

void
care_ask(struct care *c, struct provider_call *call, int64_t timeout_us, provider_client_fn *done)
{
	const struct provider_address address = care_address(c);

	call->session = c->row->session;
	provider_client_call(c->round->h->client, &address, call, timeout_us, done, c);
}

/* Plain text of a sealed column in a; SLICE_NONE when it is absent or cannot be opened. */
static struct slice
open_sealed(const struct seal_key *key, struct slice aad, struct slice sealed, struct arena *a)
{
	struct buf plain;

	buf_init(&plain, a, SECRET_MAX);
	if (sealed.p == NULL || seal_open(key, 1, aad, sealed, &plain) != GH_OK)
		return SLICE_NONE;
	return buf_slice(&plain);
}

const struct provider_session_spec *
care_spec(const struct care *c, const struct seal_key *seal_key)
{
	struct arena *a = care_arena(c);
	struct slice key = open_sealed(seal_key, S("webhook_key"), c->row->key_sealed, a);
	struct provider_session_spec *spec = arena_alloc(a, sizeof(*spec));

	spec->webhook_secret = open_sealed(seal_key, S("webhook_hmac"), c->row->hmac_sealed, a);
	spec->company_id = c->row->company_id;
	spec->instance_id = c->row->id;
	if (key.p == NULL || spec->webhook_secret.p == NULL) {
		log_error("instance.key_unreadable", LOG_INT("instance", c->row->id));
		return NULL;
	}
	spec->webhook_url =
		slice_of(arena_printf(a, "%s/webhook/%.*s/%.*s", c->round->h->conf->public_url,
				      S_FMT(c->row->provider_type), S_FMT(key)));
	return spec;
}

void
care_init(struct care_round *r)
{
	r->mem = arena_new(0);
}

void
care_free(struct care_round *r)
{
	arena_free(r->mem);
}

/* ---- states ---- */

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
observe(struct care *c, struct instance_observed *o)
{
	struct db_unit *u = db_unit_new();
	struct arena *a = db_unit_arena(u);

	o->instance_id = c->row->id;
	o->updated_at_us = c->row->updated_at_us;
	o->reason = arena_dup(a, o->reason);
	o->phone = arena_dup(a, o->phone);
	o->known_phone = c->row->phone;
	o->name = c->row->name;
	o->session = c->row->session;
	log_info("instance.observed", LOG_INT("company", c->row->company_id),
		 LOG_INT("instance", c->row->id), LOG_SLICE("was", c->row->status),
		 LOG_SLICE("status", o->status));
	instance_observed_add(u, o);
	care_store(c, u);
}

void
care_observe(struct care *c, const struct provider_result *r)
{
	struct instance_observed o = {
		.status = slice_of(provider_session_name(r->session)),
		.reason = r->session_word,
		.phone = r->own_number,
		.is_unpaired = r->is_unpaired,
	};

	if (!slice_eq(o.status, c->row->status))
		o.event_type = event_of_session(r->session);
	observe(c, &o);
}

void
care_lost(struct care *c)
{
	struct instance_observed o = {
		.status = S("error"),
		.reason = S("session_missing: the provider does not know the session"),
		.event_type = EVENT_INSTANCE_ERROR,
	};

	observe(c, &o);
}
