/* moves.c - instances on their way to another provider; see model/instance_move.h.
 *
 * One step per look, and each is conditional on the state it was taken in: whoever finds a move
 * after a crash takes the step again. The new session is found by its name when it was made and the
 * answer lost; the old one is deleted only after the switch, the new one only when the move is
 * called off.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "care.h"
#include "crypto/encode.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "daemon/daemon.h"
#include "daemon/session_setup.h"
#include "db/db.h"
#include "model/facts.h"
#include "model/instance_move.h"
#include "tasks.h"

#define KEY_BYTES    16 /* as gateway/instance_create.c */
#define SECRET_BYTES 32
#define SEALED_MAX   1024
#define LOOK_US      (2 * CLOCK_SEC)

struct moves {
	struct healthd *h;
	struct seal_key key;
	struct care_round round;
};

static int64_t
deadline_us(const struct care *c)
{
	return c->round->h->conf->common.sending_deadline_us;
}

/* Look again, and why. */
static void
move_wait(struct care *c, struct slice error)
{
	struct db_unit *u = db_unit_new();

	instance_move_wait_add(u, c->row->id, c->row->status, arena_dup(db_unit_arena(u), error),
			       LOOK_US);
	care_store(c, u);
}

/* What the provider did not do. */
static void
move_fail(struct care *c, const struct provider_result *r)
{
	const char *text = r->text[0] == '\0'
				   ? r->code
				   : arena_printf(care_arena(c), "%s: %s", r->code, r->text);

	log_warn("instance.move_waits", LOG_INT("company", c->row->company_id),
		 LOG_INT("instance", c->row->id), LOG_SLICE("state", c->row->status),
		 LOG_STR("code", r->code));
	move_wait(c, slice_of(text));
}

static void
move_step(struct care *c, struct slice to)
{
	struct db_unit *u = db_unit_new();

	instance_move_step_add(u, c->row->id, c->row->status, to);
	care_store(c, u);
}

static struct slice
facts_of(const struct care *c, const char *status, struct slice phone, struct arena *a)
{
	const struct facts_instance facts = {
		.status = slice_of(status),
		.state = S("moving"),
		.phone_number = phone.p != NULL ? phone : c->row->phone,
		.instance_name = c->row->name,
		.session = c->row->session,
	};

	return facts_instance(a, &facts);
}

/* ---- creating ---- */

static struct slice
sealed(const struct moves *m, struct slice aad, struct slice plain, struct arena *a)
{
	struct buf b;

	buf_init(&b, a, SEALED_MAX);
	if (seal_bytes(&m->key, aad, plain, &b) != GH_OK)
		gh_panic("moves: a secret cannot be sealed");
	return buf_slice(&b);
}

/* Committed before the session is told of it, so that its first webhook finds the key. */
static void
make_key(struct care *c)
{
	const struct moves *m = c->round->h->moves;
	struct db_unit *u = db_unit_new();
	struct arena *a = db_unit_arena(u);
	uint8_t key[KEY_BYTES], secret[SECRET_BYTES];
	uint8_t *hash = arena_alloc(a, HASH_SHA256_SIZE);
	char key_text[ENCODE_BASE64_SIZE(KEY_BYTES)], secret_text[ENCODE_HEX_SIZE(SECRET_BYTES)];
	struct instance_move_key made = {
		.instance_id = c->row->id,
		.public_url = slice_of(c->round->h->conf->public_url),
	};

	random_bytes(key, sizeof(key));
	random_bytes(secret, sizeof(secret));
	encode_base64url(slice_make(key, sizeof(key)), key_text);
	encode_hex(slice_make(secret, sizeof(secret)), secret_text);
	hash_sha256(slice_of(key_text), hash);
	made.key_hash = slice_make(hash, HASH_SHA256_SIZE);
	made.key_sealed = sealed(m, S("webhook_key"), slice_of(key_text), a);
	made.hmac_sealed = sealed(m, S("webhook_hmac"), slice_of(secret_text), a);
	instance_move_webhook_add(u, &made);
	instance_move_wait_add(u, c->row->id, c->row->status, SLICE_NONE, 0);
	care_store(c, u);
}

static void
setup_ended(void *arg, enum provider_op op GH_UNUSED, const struct provider_result *r,
	    int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;

	if (r->outcome != PROVIDER_OK && strcmp(r->code, "session_exists") != 0) {
		move_fail(c, r);
		return;
	}
	log_info("instance.move_made", LOG_INT("company", c->row->company_id),
		 LOG_INT("instance", c->row->id), LOG_STR("code", r->code));
	move_step(c, S("pairing"));
}

static void
create(struct care *c)
{
	struct healthd *h = c->round->h;
	struct session_setup_want want = {
		.client = h->client,
		.db = h->db,
		.seal_key = &h->moves->key,
		.address = care_address(c),
		.company_id = c->row->company_id,
		.instance_id = c->row->id,
		.session = c->row->session,
		.may_exist = true,
		.is_move = true,
		.timeout_us = deadline_us(c),
	};

	if (h->conf->public_url == NULL) {
		move_wait(c, S("healthd.public_url is not set: the session could tell us nothing"));
		return;
	}
	if (c->row->key_sealed.p == NULL) {
		make_key(c);
		return;
	}
	want.spec = care_spec(c, &h->moves->key);
	if (want.spec == NULL)
		move_wait(c, S("webhook_key: the webhook key cannot be opened"));
	else
		session_setup(&want, care_arena(c), setup_ended, c);
}

/* ---- pairing ---- */

/* The account would be another one: its chats are not this instance's. */
static bool
is_same_number(const struct care *c, struct slice number)
{
	struct provider_chat own, paired;

	return c->row->phone.n == 0 || number.n == 0 ||
	       provider_chat_parse(c->row->phone, care_arena(c), &own) != GH_OK ||
	       provider_chat_parse(number, care_arena(c), &paired) != GH_OK ||
	       slice_eq(own.lane_key, paired.lane_key);
}

static void
drain(struct care *c, const struct provider_result *r)
{
	const struct conf_common *conf = &c->round->h->conf->common;
	struct db_unit *u;

	if (!is_same_number(c, r->own_number)) {
		move_wait(c, S("number_differs: another number was paired; abort, or log it out "
			       "and pair the instance's"));
		return;
	}
	/* A call under way, its doubt, and the look-up after it. */
	log_info("instance.move_draining", LOG_INT("company", c->row->company_id),
		 LOG_INT("instance", c->row->id), LOG_STR("code", r->code));
	u = db_unit_new();
	instance_move_drain_add(u, c->row->id,
				conf->sending_deadline_us + conf->sending_lease_margin_us +
					conf->sending_in_doubt_wait_us);
	care_store(c, u);
}

static void
revived(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;

	if (r->outcome == PROVIDER_OK)
		move_wait(c, SLICE_NONE);
	else
		move_fail(c, r);
}

/* Codes that nobody scanned in time end the session's try: it is to show new ones. */
static void
revive(struct care *c, enum provider_op op)
{
	struct provider_call call = {.op = op};

	care_ask(c, &call, deadline_us(c), revived);
}

static void
tell_pairing(struct care *c)
{
	struct db_unit *u = db_unit_new();

	instance_move_told_add(u, c->row->id, facts_of(c, "qr", SLICE_NONE, db_unit_arena(u)));
	instance_move_wait_add(u, c->row->id, c->row->status, SLICE_NONE, LOOK_US);
	care_store(c, u);
}

static void
pairing_told(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;

	if (provider_client_is_lost(r)) {
		move_step(c, S("creating"));
		return;
	}
	if (r->outcome != PROVIDER_OK) {
		move_fail(c, r);
		return;
	}
	switch (r->session) {
	case PROVIDER_SESSION_CONNECTED:
		drain(c, r);
		break;
	case PROVIDER_SESSION_QR:
		tell_pairing(c);
		break;
	case PROVIDER_SESSION_DISCONNECTED:
		revive(c, PROVIDER_OP_SESSION_START);
		break;
	case PROVIDER_SESSION_FAILED:
		revive(c, PROVIDER_OP_SESSION_RESTART);
		break;
	case PROVIDER_SESSION_CONNECTING:
	case PROVIDER_SESSION_UNKNOWN:
		move_wait(c, SLICE_NONE);
		break;
	}
}

/* ---- draining ---- */

/* Nothing is sent meanwhile: look often. */
static void
switch_try(struct care *c, const struct provider_result *r)
{
	struct db_unit *u = db_unit_new();
	struct arena *a = db_unit_arena(u);
	struct slice phone = arena_dup(a, r->own_number);

	instance_move_switch_add(u, c->row->id, phone, facts_of(c, "connected", phone, a));
	instance_move_wait_add(u, c->row->id, c->row->status, SLICE_NONE, 0);
	care_store(c, u);
}

static void
draining_told(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;
	struct db_unit *u;

	if (r->outcome == PROVIDER_OK && r->session == PROVIDER_SESSION_CONNECTED) {
		switch_try(c, r);
		return;
	}
	/* The old one goes on: whatever it is with the new one, nothing shall wait for it. */
	log_info("instance.move_undrained", LOG_INT("company", c->row->company_id),
		 LOG_INT("instance", c->row->id), LOG_STR("code", r->code));
	u = db_unit_new();
	instance_move_undrain_add(u, c->row->id);
	care_store(c, u);
}

/* ---- cleaning, aborting ---- */

static void
dropped(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct care *c = arg;
	struct db_unit *u;

	if (r->outcome != PROVIDER_OK && !provider_client_is_lost(r)) {
		move_fail(c, r);
		return;
	}
	log_info("instance.move_ended", LOG_INT("company", c->row->company_id),
		 LOG_INT("instance", c->row->id), LOG_STR("code", r->code));
	u = db_unit_new();
	instance_move_end_add(u, c->row->id, c->row->status);
	care_store(c, u);
}

/* The key was lost, or never stored: the session is known by its name. */
static void
drop_found(void *arg, const struct provider_result *r, int64_t elapsed_us)
{
	struct care *c = arg;
	const struct provider_listed *own = session_setup_find(r, c->row->session);
	struct provider_call call = {.op = PROVIDER_OP_SESSION_DELETE};

	if (r->outcome != PROVIDER_OK || own == NULL) {
		dropped(arg, r, elapsed_us);
		return;
	}
	call.session_key = arena_dup(care_arena(c), own->session_key);
	care_ask(c, &call, deadline_us(c), dropped);
}

static void
drop(struct care *c)
{
	const struct provider *provider = provider_find(c->row->provider_type);
	struct provider_call call = {.op = PROVIDER_OP_SESSION_DELETE};

	if (provider != NULL && provider->has_session_keys &&
	    c->row->session_key_sealed.p == NULL) {
		call.op = PROVIDER_OP_SESSION_FIND;
		care_ask(c, &call, deadline_us(c), drop_found);
	} else {
		care_ask(c, &call, deadline_us(c), dropped);
	}
}

/* ---- the task ---- */

static void
move_call(struct care *c)
{
	struct provider_call get = {.op = PROVIDER_OP_SESSION_GET};
	struct slice state = c->row->status;

	if (slice_eq(state, S("creating")))
		create(c);
	else if (slice_eq(state, S("pairing")))
		care_ask(c, &get, deadline_us(c), pairing_told);
	else if (slice_eq(state, S("draining")))
		care_ask(c, &get, deadline_us(c), draining_told);
	else
		drop(c);
}

static void
move_find(struct care_round *r GH_UNUSED, struct db_unit *u, int32_t after_id GH_UNUSED)
{
	instance_move_claim_add(u, CARE_SLICE);
}

void
moves_run(void *arg, struct task *t)
{
	struct moves *m = arg;

	care_run(&m->round, t);
}

struct moves *
moves_new(struct healthd *h)
{
	struct moves *m = gh_alloc(sizeof(*m));

	m->h = h;
	seal_key_init(&m->key, daemon_common(h->daemon)->secrets_key.b);
	m->round = (struct care_round){.h = h, .find = move_find, .call = move_call};
	care_init(&m->round);
	return m;
}

void
moves_free(struct moves *m)
{
	if (m == NULL)
		return;
	care_free(&m->round);
	gh_wipe(&m->key, sizeof(m->key));
	gh_free(m);
}
