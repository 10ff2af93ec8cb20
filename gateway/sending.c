#include "sending.h"

#include "gateway.h"
#include "idem_key.h"
#include "instances.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "daemon/daemon.h"
#include "model/dialect.h"
#include "model/message_row.h"
#include "model/queued_event.h"
#include "model/wake.h"

#define LEDGER_SLOTS 1024
/* The clients wait, so commits of few rows stand closer together than those behind the answer: the
 * sixth of the time is the same, but they wait for it 2 to 6 ms. One that sends now and then waits
 * for nothing. tests/bench/accept-latency */
#define ACCEPT_GAP_US   (2 * CLOCK_MS)
#define ACCEPT_GAP_ROWS 16 /* enough to start at once */

struct sendings {
	struct gateway *gw;
	struct db_batch *batch;
	int16_t slot;
};

/* ---- the request ---- */

/* Keys of one instance's token say nothing about another instance of the company. */
static struct slice
scoped_key(const struct gw_req *req, struct slice key)
{
	if (key.p == NULL || req->who.kind != GW_INSTANCE)
		return key;
	return slice_of(arena_printf(req->a, "%d/%.*s", req->who.instance_id, S_FMT(key)));
}

struct sending *
sending_new(struct gw_req *req, enum idem_route route, sending_done_fn *done)
{
	struct sending *s = arena_alloc(req->a, sizeof(*s));
	struct slice key;

	if (idem_key_read(req->http->head, req->a, &key) != GH_OK) {
		gw_error(req, GW_E_INVALID_IDEMPOTENCY_KEY, NULL);
		return NULL;
	}
	s->req = req;
	s->done = done;
	req->user = s;
	s->row.company_id = req->who.company_id;
	s->row.instance_id = req->who.instance_id;
	s->row.traceparent = slice_of(req->traceparent);
	s->row.idem_route = route;
	s->row.idem_key = scoped_key(req, key);
	if (key.p != NULL)
		idem_fingerprint(req->http->head, req->http->body, req->a, s->row.fingerprint);
	return s;
}

void
sending_row(const struct accept_row *r, struct message_row *out)
{
	*out = (struct message_row){
		.id = r->id,
		.company_id = r->company_id,
		.instance_id = r->instance_id,
		.direction = MSG_OUT,
		.status = r->scheduled_at_us == 0 ? MSG_QUEUED : MSG_SCHEDULED,
		.kind = (int)r->kind,
		.priority = r->priority,
		.phone_to = r->to,
		.content = r->content,
		.media_url = r->media_url,
		.reference = r->reference,
		.scheduled_at_us = r->scheduled_at_us,
	};
}

/* ---- a key that was used before ---- */

static void
replay_done(struct gw_req *req, const struct db_unit *u)
{
	const struct sending *s = req->user;
	struct message_row *row = arena_alloc(req->a, sizeof(*row));

	if (message_row_count(u, 0) == 0) {
		gw_error(req, GW_E_NOT_FOUND, "The message of this key is no longer kept");
		return;
	}
	message_row_read(u, 0, 0, req->a, row);
	gw_header(req, S("Idempotency-Replayed"), S("true"));
	s->done(req, row);
}

static void
key_found(struct gw_req *req, const struct db_unit *u)
{
	const struct sending *s = req->user;
	struct idem_row found;
	struct db_unit *next;

	if (!idem_find_row(u, 0, &found)) {
		/* Expired between the two statements: the client's next try is a first one. */
		gw_error_retry(req, GW_E_IDEMPOTENCY_IN_PROGRESS, NULL, 1);
		return;
	}
	if (!hash_equal(found.fingerprint, s->row.fingerprint, sizeof(found.fingerprint))) {
		gw_error(req, GW_E_IDEMPOTENCY_KEY_REUSED, NULL);
		return;
	}
	next = db_unit_new();
	message_get_add(next, s->row.company_id, found.object_id);
	gw_submit(req, req->gw->read, next, replay_done, NULL);
}

static void
replay(const struct sending *s)
{
	struct db_unit *u = db_unit_new();

	idem_find_add(u, s->row.company_id, s->row.idem_route, s->row.idem_key);
	gw_submit(s->req, s->req->gw->read, u, key_found, NULL);
}

/* ---- the group commit ---- */

static void
send_build(void *arg, struct db_unit *u, struct db_batch_row *const *rows, unsigned n)
{
	const struct sendings *m = arg;
	const struct accept_row *accept[DB_BATCH_MAX];

	for (unsigned i = 0; i < n; i++)
		accept[i] = &LIST_ENTRY(rows[i], struct sending, batch)->row;
	accept_add(u, accept, n, m->slot);
	queued_event_add(u, accept, n);
}

static void
send_settle(void *arg, struct db_batch_row *const *rows, unsigned n, const struct db_unit *u)
{
	const struct sendings *m = arg;

	wake_send(m->gw->wake);
	for (unsigned i = 0; i < n; i++) {
		const struct sending *s = LIST_ENTRY(rows[i], struct sending, batch);
		struct message_row row;

		if (accept_outcome_of(u, 0, s->row.id) != ACCEPT_DONE) {
			replay(s);
			continue;
		}
		sending_row(&s->row, &row);
		s->done(s->req, &row);
	}
}

static void
send_fail(void *arg GH_UNUSED, struct db_batch_row *row, enum gh_code code,
	  const struct db_error *err)
{
	gw_db_failed(LIST_ENTRY(row, struct sending, batch)->req, code, err);
}

const char *
sending_prepare(struct accept_row *row, char send_ref[PROVIDER_SEND_REF_SIZE],
		const struct instance_ref *instance, struct arena *a)
{
	struct slice type = slice_of(instance->provider_type);
	const struct provider *p = provider_find(type);
	const char *gap;

	if (p == NULL)
		return "The instance's provider is not yet supported";
	gap = provider_send_gap(p, row->kind);
	if (gap != NULL)
		return arena_printf(a, "The provider (%.*s) cannot send a %s (its contract, %s)",
				    S_FMT(provider_words(type, slice_of(instance->engine), a)),
				    msg_kind_name((int)row->kind), gap);
	row->id = uuid7_new();
	if (instance->tells_queued)
		row->queued_event_id = uuid7_new();
	if (provider_send_ref(p, row->kind, row->id, send_ref))
		row->send_ref = slice_of(send_ref);
	return NULL;
}

static void
send_found(struct gw_req *req, const struct instance_ref *ref)
{
	struct sending *s = req->user;
	struct slice number = slice_of(ref->phone_number);
	const char *why = sending_prepare(&s->row, s->send_ref, ref, req->a);
	enum gh_code rc;

	if (why != NULL) {
		gw_error(req, GW_E_NOT_SUPPORTED, why);
		return;
	}
	s->owner = dialect_owner(number, req->a);
	rc = db_batch_add(req->gw->sendings->batch, &s->batch);
	if (rc != GH_OK)
		gw_db_failed(req, rc, NULL);
}

void
sending_commit(struct sending *s)
{
	instances_find(s->req, s->row.instance_id, send_found);
}

/* ---- life ---- */

/* Gateways must not wait for each other on one counter row of a company. */
static int16_t
ledger_slot(const char *worker)
{
	uint8_t hash[HASH_SHA256_SIZE];

	hash_sha256(slice_of(worker), hash);
	return (int16_t)(((unsigned)hash[0] << 8 | hash[1]) % LEDGER_SLOTS);
}

int16_t
sending_slot(const struct gateway *gw)
{
	return gw->sendings->slot;
}

void
sending_start(struct gateway *gw)
{
	struct sendings *m = gh_alloc(sizeof(*m));
	int64_t max = gw->conf->batch_max;
	struct db_batch_def def = {
		.name = "accept",
		.max_rows = max > DB_BATCH_MAX ? DB_BATCH_MAX : (unsigned)max,
		.gap_us = ACCEPT_GAP_US,
		.gap_rows = ACCEPT_GAP_ROWS,
		.build = send_build,
		.settle = send_settle,
		.fail = send_fail,
		.arg = m,
	};

	m->gw = gw;
	m->slot = ledger_slot(daemon_worker(gw->daemon));
	m->batch = db_batch_new(gw->loop, gw->write, &def);
	gw->sendings = m;
}

void
sending_release(struct gateway *gw)
{
	if (gw->sendings == NULL)
		return;
	db_batch_free(gw->sendings->batch);
	gh_free(gw->sendings);
	gw->sendings = NULL;
}
