/* keyed.c - creations and provider calls under an Idempotency-Key: done once, answered again. */
#include "keyed.h"

#include "idem_key.h"
#include "private.h"

#include "base/arena.h"
#include "base/list.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "model/idempotent_reply.h"
#include "model/wake.h"

#define WAITING_MAX            256 /* requests before the one connection */
#define WAITING_OF_COMPANY_MAX 32  /* of these: one tenant does not hold up the others */
#define STALE_MIN_S            60

static const struct slice seal_aad = {"idempotent_reply", sizeof("idempotent_reply") - 1};

enum keyed_state {
	KEYED_CHECKED, /* the key is looked up */
	KEYED_OPEN,    /* in the transaction */
	KEYED_NOTED,   /* committed that it is under way, or its first reply */
	KEYED_SETTLED  /* nothing is kept any more: replies leave as they are */
};

/* A request with a key; lives in its arena. */
struct keyed {
	struct list link;
	struct gw_req *req;
	struct idempotent_key key;
	uint8_t fingerprint[HASH_SHA256_SIZE];
	enum keyed_state state;
	uint64_t epoch; /* KEYED_OPEN: of the connection that holds the transaction */

	/* The reply while it is being kept. */
	unsigned status;
	struct slice type, body;
	gw_handler_fn *next; /* of gw_keep */
};

/* One transaction at a time: creations are rare and take a few round trips. */
struct keyed_queue {
	struct gateway *gw;
	struct list waiting;
	unsigned waiting_count;
	struct keyed *open;
};

static void queue_next(struct keyed_queue *q);

/* ---- the end of a transaction ---- */

static void
rolled_back(void *arg GH_UNUSED, enum gh_code code GH_UNUSED, const struct db_unit *u GH_UNUSED)
{
	/* A connection that was lost has rolled back by itself. */
}

/* The connection is free for the next one. */
static void
leave(struct keyed *k)
{
	struct keyed_queue *q = k->req->gw->keyed;

	k->state = KEYED_SETTLED;
	q->open = NULL;
	queue_next(q);
}

static void
roll_back(struct keyed *k)
{
	struct db_unit *u = db_unit_new();

	db_unit_add(u, &db_stmt_rollback);
	if (db_submit(k->req->gw->create, u, rolled_back, NULL) != GH_OK)
		rolled_back(NULL, GH_EBUSY, NULL);
	leave(k);
}

/* ---- keeping the reply ---- */

/* SLICE_NONE: too long to be kept. */
static struct slice
seal_body(struct keyed *k, struct slice body)
{
	struct buf b;

	buf_init(&b, k->req->a, body.n + SEAL_OVERHEAD);
	if (seal_bytes(&k->req->gw->seal_key, seal_aad, body, &b) != GH_OK)
		return SLICE_NONE;
	return buf_slice(&b);
}

static void
send_kept(struct keyed *k)
{
	reply_now(k->req, k->status, k->type, k->body);
}

static void
committed(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct keyed *k = arg;
	struct gw_req *req = k->req;

	if (code != GH_OK) {
		struct db_error err = *db_unit_error(u);

		roll_back(k);
		gw_db_failed(req, code, &err);
		return;
	}
	leave(k);
	/* What the handler woke for was not to be seen yet. */
	wake_send(req->gw->wake);
	if (k->next == NULL) {
		send_kept(k);
		return;
	}
	k->state = KEYED_NOTED;
	k->next(req);
}

static void
commit_reply(struct keyed *k)
{
	struct gw_req *req = k->req;
	struct db_unit *u = db_unit_new();
	struct slice sealed = seal_body(k, k->body);
	enum gh_code rc;

	db_unit_bind(u, k->epoch);
	db_unit_set_deadline(u, clock_mono_us() + GW_DB_WAIT_US);
	if (sealed.p != NULL)
		idempotent_insert_add(u, &k->key, (int)k->status, k->type, sealed);
	db_unit_add(u, &db_stmt_commit);
	rc = db_submit(req->gw->create, u, committed, k);
	if (rc != GH_OK) {
		roll_back(k);
		gw_db_failed(req, rc, NULL);
	}
}

static void
settled(void *arg, enum gh_code code GH_UNUSED, const struct db_unit *u GH_UNUSED)
{
	/* What was done was done: a note that could not be settled only becomes stale. */
	send_kept(arg);
}

/* Whether the provider may have done what was asked: then nobody asks it again. */
static bool
is_outcome(const struct keyed *k)
{
	const struct gw_error_info *f = k->req->failure;

	return k->status < 300 || f == gw_error_info(GW_E_PROVIDER_ERROR) ||
	       f == gw_error_info(GW_E_PROVIDER_REJECTED) ||
	       f == gw_error_info(GW_E_PROVIDER_TIMEOUT);
}

static void
settle_note(struct keyed *k)
{
	struct gw_req *req = k->req;
	struct db_unit *u = db_unit_new();
	struct slice sealed = SLICE_NONE;

	k->state = KEYED_SETTLED;
	db_unit_set_deadline(u, clock_mono_us() + GW_DB_WAIT_US);
	if (is_outcome(k))
		sealed = seal_body(k, k->body);
	if (sealed.p != NULL)
		idempotent_settle_add(u, &k->key, (int)k->status, k->type, sealed);
	else
		idempotent_forget_add(u, &k->key);
	if (db_submit(req->gw->write, u, settled, k) != GH_OK)
		send_kept(k);
}

bool
keyed_takes_reply(struct gw_req *req, unsigned status, struct slice type, struct slice body)
{
	struct keyed *k = req->keyed;

	if (k == NULL || (k->state != KEYED_OPEN && k->state != KEYED_NOTED))
		return false;
	k->status = status;
	k->type = type;
	k->body = body;
	k->next = NULL;
	if (k->state == KEYED_NOTED) {
		settle_note(k);
		return true;
	}
	if (status < 300) {
		commit_reply(k);
		return true;
	}
	roll_back(k);
	return false;
}

/* ---- a handler's view ---- */

void
gw_keep(struct gw_req *req, unsigned status, gw_handler_fn *next)
{
	struct keyed *k = req->keyed;

	if (k == NULL || k->state != KEYED_OPEN) {
		next(req);
		return;
	}
	json_w_close(&req->w, '}');
	k->status = status;
	k->type = S(GW_JSON_TYPE);
	k->body = buf_slice(req->out);
	k->next = next;
	commit_reply(k);
}

struct db *
keyed_db(struct gw_req *req, struct db *db, struct db_unit *u)
{
	const struct keyed *k = req->keyed;

	if (k == NULL || k->state != KEYED_OPEN)
		return db;
	db_unit_bind(u, k->epoch);
	return req->gw->create;
}

/* ---- a key that was used before ---- */

static void
replay(struct keyed *k, const struct idempotent_reply *found)
{
	struct gw_req *req = k->req;
	struct buf b;

	k->state = KEYED_SETTLED;
	if (!hash_equal(found->fingerprint.p, k->fingerprint, sizeof(k->fingerprint))) {
		gw_error(req, GW_E_IDEMPOTENCY_KEY_REUSED, NULL);
		return;
	}
	if (found->is_running) {
		gw_error_retry(req, GW_E_IDEMPOTENCY_IN_PROGRESS, NULL, 1);
		return;
	}
	buf_init(&b, req->a, found->sealed.n + 1);
	if (seal_open(&req->gw->seal_key, 1, seal_aad, found->sealed, &b) != GH_OK) {
		gw_error(req, GW_E_CONFLICT,
			 "The reply of this key was sealed under another secrets key");
		return;
	}
	gw_header(req, S("Idempotency-Replayed"), S("true"));
	reply_now(req, (unsigned)found->status, arena_dup(req->a, found->type), buf_slice(&b));
}

/* ---- creations: statements 0 begin, 1 lock, 2 find ---- */

static void
begun(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct keyed *k = arg;
	struct gw_req *req = k->req;
	struct idempotent_reply found;

	if (code != GH_OK) {
		struct db_error err = *db_unit_error(u);

		roll_back(k);
		gw_db_failed(req, code, &err);
		return;
	}
	if (!idempotent_lock_taken(u, 1)) {
		roll_back(k);
		gw_error_retry(req, GW_E_IDEMPOTENCY_IN_PROGRESS, NULL, 1);
		return;
	}
	idempotent_find_read(u, 2, &found);
	if (found.is_found) {
		roll_back(k);
		replay(k, &found);
		return;
	}
	k->epoch = db_epoch(req->gw->create);
	k->state = KEYED_OPEN;
	req->route->fn(req);
}

static void
queue_next(struct keyed_queue *q)
{
	while (q->open == NULL && q->waiting_count > 0) {
		struct keyed *k = LIST_ENTRY(list_pop(&q->waiting), struct keyed, link);
		struct db_unit *u = db_unit_new();
		enum gh_code rc;

		q->waiting_count--;
		q->open = k;
		db_unit_set_deadline(u, clock_mono_us() + GW_DB_WAIT_US);
		db_unit_add(u, &db_stmt_begin);
		/* Apart: the second statement's snapshot sees what the lock's last holder
		 * committed.
		 */
		idempotent_lock_add(u, &k->key);
		idempotent_find_add(u, &k->key);
		rc = db_submit(q->gw->create, u, begun, k);
		if (rc == GH_OK)
			return;
		q->open = NULL;
		k->state = KEYED_SETTLED;
		gw_db_failed(k->req, rc, NULL);
	}
}

static bool
is_full(const struct keyed_queue *q, int32_t company_id)
{
	unsigned count = 0;

	LIST_FOREACH(it, &q->waiting)
	if (LIST_ENTRY(it, const struct keyed, link)->key.company_id == company_id)
		count++;
	return q->waiting_count == WAITING_MAX || count == WAITING_OF_COMPANY_MAX;
}

static void
wait_for_turn(struct keyed *k)
{
	struct keyed_queue *q = k->req->gw->keyed;

	if (is_full(q, k->key.company_id)) {
		gw_error_retry(k->req, GW_E_OVERLOADED, NULL, 1);
		return;
	}
	list_add_tail(&q->waiting, &k->link);
	q->waiting_count++;
	queue_next(q);
}

/* ---- calls: statements 0 note, 1 find ---- */

static void
noted(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct keyed *k = arg;
	struct idempotent_reply found;

	if (code != GH_OK) {
		gw_db_failed(k->req, code, db_unit_error(u));
		return;
	}
	if (idempotent_noted(u, 0)) {
		k->state = KEYED_NOTED;
		k->req->route->fn(k->req);
		return;
	}
	idempotent_find_read(u, 1, &found);
	if (found.is_found)
		replay(k, &found);
	else /* the first one was refused meanwhile */
		gw_error_retry(k->req, GW_E_IDEMPOTENCY_IN_PROGRESS, NULL, 1);
}

/* Longer than any call may take. */
static int32_t
stale_s(const struct gateway *gw)
{
	int64_t s = 2 * gw->conf->common.sending_deadline_us / CLOCK_SEC;

	return (int32_t)(s < STALE_MIN_S ? STALE_MIN_S : s);
}

static void
note(struct keyed *k)
{
	struct db_unit *u = db_unit_new();
	enum gh_code rc;

	db_unit_set_deadline(u, clock_mono_us() + GW_DB_WAIT_US);
	idempotent_note_add(u, &k->key, stale_s(k->req->gw));
	idempotent_find_add(u, &k->key);
	rc = db_submit(k->req->gw->write, u, noted, k);
	if (rc != GH_OK)
		gw_db_failed(k->req, rc, NULL);
}

/* ---- a request ---- */

/* Keys of one token's owner say nothing about another's. */
static struct slice
scoped_key(const struct gw_req *req, struct slice key)
{
	int32_t id = req->who.kind == GW_ADMIN ? req->who.admin_id : req->who.instance_id;

	return slice_of(arena_printf(req->a, "%d/%.*s", id, S_FMT(key)));
}

void
keyed_run(struct gw_req *req)
{
	struct slice key = SLICE_NONE;
	struct keyed *k;

	if ((req->route->flags & (GW_KEYED | GW_KEYED_CALL)) != 0 &&
	    idem_key_read(req->http->head, req->a, &key) != GH_OK) {
		gw_error(req, GW_E_INVALID_IDEMPOTENCY_KEY, NULL);
		return;
	}
	if (key.p == NULL) {
		req->route->fn(req);
		return;
	}
	k = arena_alloc(req->a, sizeof(*k));
	k->req = req;
	list_init(&k->link);
	idem_fingerprint(req->http->head, req->http->body, req->a, k->fingerprint);
	k->key.company_id = req->who.company_id;
	k->key.route = slice_of(req->route->doc.id);
	k->key.key = scoped_key(req, key);
	k->key.fingerprint = slice_make(k->fingerprint, sizeof(k->fingerprint));
	req->keyed = k;
	if ((req->route->flags & GW_KEYED) != 0)
		wait_for_turn(k);
	else
		note(k);
}

/* ---- life ---- */

static enum gh_code
keyed_start(struct gateway *gw, struct gh_err *err GH_UNUSED)
{
	gw->keyed = gh_alloc(sizeof(*gw->keyed));
	gw->keyed->gw = gw;
	list_init(&gw->keyed->waiting);
	return GH_OK;
}

static void
keyed_release(struct gateway *gw)
{
	gh_free(gw->keyed);
	gw->keyed = NULL;
}

static const struct db_stmt_table *const keyed_tables[] = {&idempotent_reply_stmt_table, NULL};

const struct gw_module keyed_module = {
	.write_tables = keyed_tables,
	.start = keyed_start,
	.release = keyed_release,
};
