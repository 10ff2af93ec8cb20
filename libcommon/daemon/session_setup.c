/* session_setup.c - a session made step by step; see session_setup.h. */
#include "daemon/session_setup.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/seal.h"
#include "db/db.h"
#include "model/instance.h"
#include "model/instance_move.h"

#define CALL_MIN_US CLOCK_SEC
#define SEALED_MAX  4096

struct setup {
	struct session_setup_want want;
	const struct provider *provider; /* NULL: of a type that this build does not know */
	struct arena *a;
	struct provider_call call; /* under way */
	char *key;                 /* plain; NULL: none yet */
	size_t key_n;
	enum provider_session state; /* as last told */
	unsigned step;               /* of provider->setup: the next */
	int64_t deadline_us, started_us;
	session_setup_fn *done;
	void *arg;
};

static void
setup_end(struct setup *s, const struct provider_result *r)
{
	if (s->key != NULL)
		gh_wipe(s->key, s->key_n);
	s->done(s->arg, s->call.op, r, clock_mono_us() - s->started_us);
}

/* Our own reason, after an answer that was good in itself. */
static void
setup_fail(struct setup *s, enum provider_outcome outcome, const char *code, const char *text)
{
	struct provider_result r = {.outcome = outcome, .code = code};

	provider_text_set(r.text, slice_of(text));
	setup_end(s, &r);
}

static void
setup_call(struct setup *s, enum provider_op op, provider_client_fn *done)
{
	int64_t left_us = s->deadline_us - clock_mono_us();

	s->call = (struct provider_call){
		.op = op,
		.session = s->want.session,
		.session_key = slice_make(s->key, s->key_n),
		.spec = s->want.spec,
		.config = S("{}"),
	};
	provider_client_call(s->want.client, &s->want.address, &s->call,
			     left_us > CALL_MIN_US ? left_us : CALL_MIN_US, done, s);
}

/* ---- what follows the creation ---- */

static void setup_next(struct setup *s);

static void
step_answered(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct setup *s = arg;

	if (r->outcome != PROVIDER_OK) {
		setup_end(s, r);
		return;
	}
	if (r->session != PROVIDER_SESSION_UNKNOWN)
		s->state = r->session;
	setup_next(s);
}

static void
setup_next(struct setup *s)
{
	const struct provider_result made = {
		.outcome = PROVIDER_OK, .code = "ok", .session = s->state};
	enum provider_op op;

	if (s->step == s->provider->setup_count) {
		setup_end(s, &made);
		return;
	}
	op = s->provider->setup[s->step++];
	/* One that was adopted may be paired already: it is left running. */
	if (op == PROVIDER_OP_SESSION_START && s->state == PROVIDER_SESSION_CONNECTED)
		setup_next(s);
	else
		setup_call(s, op, step_answered);
}

/* ---- the key ---- */

static void
orphan_deleted(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct setup *s = arg;

	/* Lost: by the server that told the key a moment ago. */
	if (r->outcome == PROVIDER_OK || provider_client_is_lost(r))
		setup_fail(s, PROVIDER_REJECTED, "instance_deleted", "deleted while it was made");
	else
		setup_end(s, r);
}

static void
key_stored(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct setup *s = arg;

	if (code != GH_OK) {
		log_warn("session.key_unstored", LOG_INT("instance", s->want.instance_id),
			 LOG_STR("err", db_unit_error(u)->text));
		setup_fail(s, PROVIDER_RETRY, "session_key_unstored",
			   "the database did not take the session's key");
	} else if (db_row_count(db_unit_result(u, 0)) == 0) {
		/* Deleted meanwhile, and by somebody who had no key to delete this session. */
		setup_call(s, PROVIDER_OP_SESSION_DELETE, orphan_deleted);
	} else {
		setup_next(s);
	}
}

static void
key_store(struct setup *s, struct slice key)
{
	struct db_unit *u = db_unit_new();
	struct buf sealed;

	s->key_n = key.n;
	s->key = arena_alloc(s->a, key.n + 1);
	memcpy(s->key, key.p, key.n);
	buf_init(&sealed, db_unit_arena(u), SEALED_MAX);
	if (seal_bytes(s->want.seal_key, S("session_key"), key, &sealed) != GH_OK) {
		db_unit_free(u);
		setup_fail(s, PROVIDER_UNKNOWN, "answer_unreadable", "the session's key is odd");
		return;
	}
	if (s->want.is_move)
		instance_move_key_add(u, s->want.company_id, s->want.instance_id,
				      buf_slice(&sealed));
	else
		instance_key_add(u, s->want.company_id, s->want.instance_id, s->want.session,
				 buf_slice(&sealed));
	if (db_submit(s->want.db, u, key_stored, s) != GH_OK)
		setup_fail(s, PROVIDER_RETRY, "session_key_unstored",
			   "the database did not take the session's key");
}

/* ---- the session ---- */

static void
created(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct setup *s = arg;

	if (r->outcome != PROVIDER_OK || s->provider == NULL || !s->provider->has_session_keys) {
		setup_end(s, r);
	} else if (r->session_key.n == 0) {
		setup_fail(s, PROVIDER_UNKNOWN, "answer_unreadable",
			   "the answer does not tell the session's key");
	} else {
		s->state = r->session;
		key_store(s, r->session_key);
	}
}

const struct provider_listed *
session_setup_find(const struct provider_result *result, struct slice session)
{
	const struct provider_listed *own = NULL;

	for (size_t i = 0; i < result->listed_count; i++) {
		const struct provider_listed *l = &result->listed[i];

		if (l->session_key.n > 0 && slice_eq(l->session, session) &&
		    (own == NULL || own->state != PROVIDER_SESSION_CONNECTED))
			own = l;
	}
	return own;
}

static void
found(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct setup *s = arg;
	const struct provider_listed *own;

	if (r->outcome != PROVIDER_OK) {
		setup_end(s, r);
		return;
	}
	own = session_setup_find(r, s->want.session);
	if (own == NULL) {
		setup_call(s, PROVIDER_OP_SESSION_CREATE, created);
		return;
	}
	log_info("session.adopted", LOG_INT("company", s->want.company_id),
		 LOG_INT("instance", s->want.instance_id));
	s->state = own->state;
	key_store(s, own->session_key);
}

void
session_setup(const struct session_setup_want *want, struct arena *a, session_setup_fn *done,
	      void *arg)
{
	struct setup *s = arena_alloc(a, sizeof(*s));

	*s = (struct setup){
		.want = *want,
		.provider = provider_find(want->address.type),
		.a = a,
		.started_us = clock_mono_us(),
		.done = done,
		.arg = arg,
	};
	s->deadline_us = s->started_us + want->timeout_us;
	if (want->may_exist && s->provider != NULL && s->provider->has_session_keys)
		setup_call(s, PROVIDER_OP_SESSION_FIND, found);
	else
		setup_call(s, PROVIDER_OP_SESSION_CREATE, created);
}
