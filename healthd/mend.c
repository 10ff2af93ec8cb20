/* mend.c - sessions that need more than a look, so that no instance is ever made anew by hand.
 *
 * Mend: a failed session is restarted, one that lost its connection and can have it back without a
 * person is started, one that was never made (the provider failed, the
 * gateway died) or that the provider lost is made with the instance's own webhook key;
 * after waits that double until it connects.
 *
 * Tell: our public URL is another one than the provider was given; its webhook is moved,
 * and nothing else of the session's configuration.
 */
#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "care.h"
#include "crypto/seal.h"
#include "daemon/daemon.h"
#include "daemon/session_setup.h"
#include "db/db.h"
#include "model/instance.h"
#include "tasks.h"

struct mend {
	struct healthd *h;
	struct seal_key key;
	struct care_round sessions;
	struct care_round webhooks;
};

static int64_t
deadline_us(const struct care *c)
{
	return c->round->h->conf->common.sending_deadline_us;
}

static bool
is_code(const struct provider_result *r, struct slice code)
{
	return slice_eq(slice_of(r->code), code);
}

/* ---- mend: never made ---- */

static void
recreate_store(struct care *c, struct slice status, struct slice engine)
{
	struct db_unit *u = db_unit_new();
	const struct instance_created made = {
		.company_id = c->row->company_id,
		.id = c->row->id,
		.status = status,
		.engine = arena_dup(db_unit_arena(u), engine),
	};

	instance_created_add(u, &made);
	care_store(c, u);
}

/* code: a literal; text: may be empty. */
static void
recreate_fail(struct care *c, const char *code, const char *text)
{
	struct db_unit *u = db_unit_new();
	struct instance_created failed = {
		.company_id = c->row->company_id,
		.id = c->row->id,
		.status = S("error"),
		.name = c->row->name,
		.external_id = c->row->session,
		.phone_number = c->row->phone,
	};

	failed.reason = slice_of(
		text[0] == '\0' ? code : arena_printf(db_unit_arena(u), "%s: %s", code, text));
	instance_created_add(u, &failed);
	care_store(c, u);
}

/* An earlier try got through and only its answer was lost: what became of it is asked. */
static void
existing_asked(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;

	if (r->outcome == PROVIDER_OK && r->session != PROVIDER_SESSION_UNKNOWN)
		care_observe(c, r);
	else
		recreate_store(c, S("connecting"), r->engine);
}

static void
recreate_ended(void *arg, enum provider_op op GH_UNUSED, const struct provider_result *r,
	       int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;
	struct provider_call get = {.op = PROVIDER_OP_SESSION_GET};
	bool is_made = r->outcome == PROVIDER_OK;

	if (is_code(r, S("session_exists"))) {
		care_ask(c, &get, deadline_us(c), existing_asked);
		return;
	}
	log_info(is_made ? "instance.recreated" : "instance.recreate_failed",
		 LOG_INT("company", c->row->company_id), LOG_INT("instance", c->row->id),
		 LOG_STR("code", r->code));
	/* An adopted session may be paired, and nothing happens to it that its webhook would tell.
	 */
	if (is_made && r->session == PROVIDER_SESSION_CONNECTED)
		care_observe(c, r);
	else if (is_made)
		recreate_store(c, r->session == PROVIDER_SESSION_QR ? S("qr") : S("connecting"),
			       r->engine);
	else
		recreate_fail(c, r->code, r->text);
}

static void
recreate(struct care *c)
{
	struct healthd *h = c->round->h;
	const struct session_setup_want want = {
		.client = h->client,
		.db = h->db,
		.seal_key = &h->mend->key,
		.address = care_address(c),
		.company_id = c->row->company_id,
		.instance_id = c->row->id,
		.session = c->row->session,
		.spec = care_spec(c, &h->mend->key),
		.may_exist = true,
		.timeout_us = deadline_us(c),
	};

	if (want.spec == NULL)
		recreate_fail(c, "webhook_key", "the webhook key cannot be opened");
	else
		session_setup(&want, care_arena(c), recreate_ended, c);
}

/* ---- mend: disconnected ---- */

static void
start_answered(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;

	log_info("instance.reconnected", LOG_INT("company", c->row->company_id),
		 LOG_INT("instance", c->row->id), LOG_STR("code", r->code));
	if (r->outcome == PROVIDER_OK && r->session != PROVIDER_SESSION_UNKNOWN)
		care_observe(c, r);
	else
		care_done(c, true); /* its webhook tells, or the next claim asks */
}

/* The event that told of the log-out may be lost: a start would show a QR code to nobody. */
static void
down_asked(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct provider_call call = {.op = PROVIDER_OP_SESSION_START};
	struct care *c = arg;

	if (provider_client_is_lost(r))
		care_lost(c);
	else if (r->outcome != PROVIDER_OK || r->session == PROVIDER_SESSION_UNKNOWN)
		care_done(c, true);
	else if (r->session == PROVIDER_SESSION_DISCONNECTED && !r->is_unpaired)
		care_ask(c, &call, deadline_us(c), start_answered);
	else
		care_observe(c, r);
}

/* ---- mend: failed ---- */

static void
restart_answered(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;

	log_info("instance.restarted", LOG_INT("company", c->row->company_id),
		 LOG_INT("instance", c->row->id), LOG_STR("code", r->code));
	if (r->outcome == PROVIDER_OK && r->session == PROVIDER_SESSION_CONNECTING)
		care_observe(c, r);
	else
		care_done(c, true); /* its webhook tells, or the next claim asks */
}

/* Only what is failed at its provider too is restarted: the event of its recovery may be lost. */
static void
failed_asked(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct provider_call call = {.op = PROVIDER_OP_SESSION_RESTART};
	struct care *c = arg;

	if (provider_client_is_lost(r))
		care_lost(c);
	else if (r->outcome == PROVIDER_OK && r->session == PROVIDER_SESSION_FAILED)
		care_ask(c, &call, deadline_us(c), restart_answered);
	else if (r->outcome == PROVIDER_OK && r->session != PROVIDER_SESSION_UNKNOWN)
		care_observe(c, r);
	else
		care_done(c, true);
}

static void
mend_call(struct care *c)
{
	struct provider_call call = {.op = PROVIDER_OP_SESSION_GET};

	if (slice_eq(c->row->status, S("failed")))
		care_ask(c, &call, deadline_us(c), failed_asked);
	else if (slice_eq(c->row->status, S("disconnected")))
		care_ask(c, &call, deadline_us(c), down_asked);
	else
		recreate(c);
}

static void
mend_find(struct care_round *r, struct db_unit *u, int32_t after_id GH_UNUSED)
{
	/* Without our public address a session would be made that tells us nothing. */
	instance_mend_claim_add(u, r->h->conf->public_url != NULL, CARE_SLICE);
}

void
mend_run(void *arg, struct task *t)
{
	struct mend *m = arg;

	care_run(&m->sessions, t);
}

/* ---- tell ---- */

static void
told(struct care *c)
{
	struct db_unit *u = db_unit_new();

	instance_told_add(u, c->row->id, slice_of(c->round->h->conf->public_url));
	care_store(c, u);
}

static void
tell_answered(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;

	log_info("instance.webhook_moved", LOG_INT("company", c->row->company_id),
		 LOG_INT("instance", c->row->id), LOG_STR("code", r->code));
	if (r->outcome == PROVIDER_OK)
		told(c);
	else
		care_done(c, true);
}

/* An update restarts the session for a moment, so one that is right already is left alone. */
static void
tell_asked(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;
	struct provider_call call = {.op = PROVIDER_OP_SESSION_UPDATE, .config = r->config};

	if (provider_client_is_lost(r)) {
		care_lost(c);
		return;
	}
	call.spec = r->outcome == PROVIDER_OK ? care_spec(c, &c->round->h->mend->key) : NULL;
	if (call.spec == NULL) {
		care_done(c, true);
		return;
	}
	for (size_t i = 0; i < r->webhook_count; i++)
		if (slice_eq(r->webhooks[i], call.spec->webhook_url)) {
			told(c);
			return;
		}
	if (call.config.p == NULL)
		call.config = S("{}");
	care_ask(c, &call, deadline_us(c), tell_answered);
}

static void
tell_call(struct care *c)
{
	struct provider_call call = {.op = PROVIDER_OP_SESSION_GET};

	care_ask(c, &call, deadline_us(c), tell_asked);
}

static void
tell_find(struct care_round *r, struct db_unit *u, int32_t after_id GH_UNUSED)
{
	instance_untold_claim_add(u, slice_of(r->h->conf->public_url), CARE_SLICE);
}

void
mend_webhooks_run(void *arg, struct task *t)
{
	struct mend *m = arg;

	if (m->h->conf->public_url == NULL)
		task_done(t, true);
	else
		care_run(&m->webhooks, t);
}

/* ---- life ---- */

struct mend *
mend_new(struct healthd *h)
{
	struct mend *m = gh_alloc(sizeof(*m));

	m->h = h;
	seal_key_init(&m->key, daemon_common(h->daemon)->secrets_key.b);
	m->sessions = (struct care_round){.h = h, .find = mend_find, .call = mend_call};
	m->webhooks = (struct care_round){.h = h, .find = tell_find, .call = tell_call};
	care_init(&m->sessions);
	care_init(&m->webhooks);
	return m;
}

void
mend_free(struct mend *m)
{
	if (m == NULL)
		return;
	care_free(&m->sessions);
	care_free(&m->webhooks);
	gh_wipe(&m->key, sizeof(m->key));
	gh_free(m);
}
