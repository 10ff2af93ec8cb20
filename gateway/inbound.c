/* inbound.c - POST /webhook/{provider}/{key}: providers' webhooks, stored as they came.
 *
 * The path key says whose it is, the provider's proof (a signature over the raw bytes, or the
 * session's own key inside them) that it is genuine; what the body means is eventd's business,
 * and no secret that it names is stored with it. 200 goes out behind the
 * commit, duplicates included; before the database answered there is no 200, so
 * that the provider repeats. Failures have budgets of their own, wider than that of tokens:
 * wrong keys by address, wrong signatures by instance. A spent one changes only what further
 * failures are told: key and signature are judged first, so that neither the provider of a
 * deleted instance nor who guesses at one shuts out genuine webhooks.
 */
#include "private.h"
#include "proof.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "db/batch.h"
#include "loop/cadence.h"
#include "model/inbound.h"
#include "model/lookup.h"
#include "model/wake.h"
#include "model/webhook_key.h"
#include "provider/provider.h"

#define BODY_MAX       (4 * 1024 * 1024)
#define EVENT_KEY_MAX  200 /* bytes */
#define BATCH_ROWS     64  /* bodies may be megabytes */
#define QUEUE_ROWS     1024
#define BATCH_GAP_ROWS 32 /* enough to start at once */
#define SECRET_MAX     4096

#define KEYS_MAX        65536
#define KEY_TTL_US      (4 * CLOCK_SEC) /* a revocation holds within 5 s */
#define KEY_NEGATIVE_US (1 * CLOCK_SEC)
#define KEY_REREAD_US   (1 * CLOCK_SEC)
#define KEY_LOAD_US     (3 * CLOCK_SEC) /* database away: the provider repeats after a 503 */

struct inbound {
	struct gateway *gw;
	struct lookup *keys; /* SHA-256 of a path key -> struct hook */
	struct db_batch *batch;
	struct budget *wrong_keys;       /* by address */
	struct budget *wrong_signatures; /* by instance */
	struct budget *rereads;          /* of keys behind wrong signatures, by instance */
};

/* Whose webhooks come under a key. */
struct hook {
	const struct provider *provider; /* NULL: of a type this binary does not know */
	int32_t company_id;
	int32_t instance_id;
	bool has_secret;
	bool is_broken;    /* the secret cannot be opened: logged when it was read */
	struct buf secret; /* of the provider's proof: webhook_secret or session_key */
};

/* One request on its way through the batch. */
struct arrival {
	struct db_batch_row batch;
	struct gw_req *req;
	struct inbound_new row;
};

/* ---- the keys ---- */

static void
hook_free(void *value)
{
	struct hook *h = value;

	gh_wipe(h->secret.p, h->secret.n);
	buf_free(&h->secret);
	gh_free(h);
}

static struct hook *
hook_new(const struct gateway *gw, const struct webhook_key_row *row)
{
	struct hook *h = gh_alloc(sizeof(*h));
	struct slice sealed = row->hmac_sealed, aad = S("webhook_hmac");
	enum gh_code rc;

	h->provider = provider_find(row->provider_type);
	if (h->provider != NULL && h->provider->proof == PROVIDER_PROOF_SESSION_KEY) {
		sealed = row->session_key_sealed;
		aad = S("session_key");
	}
	h->company_id = row->company_id;
	h->instance_id = row->instance_id;
	buf_init(&h->secret, NULL, SECRET_MAX);
	h->has_secret = sealed.p != NULL;
	if (!h->has_secret)
		return h;
	rc = seal_open(&gw->seal_key, 1, aad, sealed, &h->secret);
	if (rc != GH_OK) {
		log_error("webhook.secret_unreadable", LOG_INT("instance", h->instance_id),
			  LOG_STR("err", gh_code_name(rc)));
		h->is_broken = true;
	}
	return h;
}

static void
keys_add(struct db_unit *u, const struct slice *keys, unsigned count, void *arg GH_UNUSED)
{
	db_unit_set_deadline(u, clock_mono_us() + KEY_LOAD_US);
	webhook_key_find_add(u, keys, count);
}

static void
keys_read(struct lookup *l, const struct db_unit *u, void *arg)
{
	const struct inbound *in = arg;
	struct webhook_key_row row;

	for (unsigned i = 0; i < webhook_key_count(u, 0); i++) {
		webhook_key_read(u, 0, i, &row);
		lookup_found(l, row.key_hash, hook_new(in->gw, &row));
	}
}

/* ---- the group commit ---- */

static void
arrival_build(void *arg GH_UNUSED, struct db_unit *u, struct db_batch_row *const *rows, unsigned n)
{
	const struct inbound_new *bodies[DB_BATCH_MAX];

	for (unsigned i = 0; i < n; i++)
		bodies[i] = &LIST_ENTRY(rows[i], struct arrival, batch)->row;
	inbound_store_add(u, bodies, n);
}

static void
arrival_settle(void *arg, struct db_batch_row *const *rows, unsigned n,
	       const struct db_unit *u GH_UNUSED)
{
	const struct inbound *in = arg;

	/* Committed: stored now, or an event key that was stored before. Both are a 200. */
	wake_send(in->gw->wake);
	for (unsigned i = 0; i < n; i++) {
		struct gw_req *req = LIST_ENTRY(rows[i], struct arrival, batch)->req;
		struct json_w *w = gw_begin(req, "Webhook received");

		json_w_open(w, GW_DATA, '{');
		json_w_bool(w, "received", true);
		json_w_close(w, '}');
		gw_send(req, 200);
	}
}

static void
arrival_fail(void *arg GH_UNUSED, struct db_batch_row *row, enum gh_code code,
	     const struct db_error *err)
{
	gw_db_failed(LIST_ENTRY(row, struct arrival, batch)->req, code, err);
}

/* ---- the request ---- */

/* The provider's id of this post; absent (every body is stored) when it is no short, plain
 * text. */
static struct slice
event_key(const struct gw_req *req, const struct provider *p)
{
	struct slice key;

	if (p->event_id_header == NULL)
		return SLICE_NONE;
	key = http_req_header(req->http, slice_of(p->event_id_header));
	if (key.n == 0 || key.n > EVENT_KEY_MAX)
		return SLICE_NONE;
	for (size_t i = 0; i < key.n; i++)
		if (key.p[i] < 0x20 || key.p[i] > 0x7e)
			return SLICE_NONE;
	return key;
}

static bool
is_genuine(const struct gw_req *req, const struct hook *h)
{
	const char *header = h->provider->signature_header;
	struct slice secret = h->has_secret ? buf_slice(&h->secret) : SLICE_NONE;
	struct slice signature = SLICE_NONE;

	if (header != NULL)
		signature = http_req_header(req->http, slice_of(header));
	return proof_holds(h->provider, secret, signature, req->http->body);
}

/* What is stored of the body: without the secrets that it names, and without a NUL, over which
 * nobody could read it. */
static struct slice
body_kept(const struct gw_req *req, const struct hook *h)
{
	struct slice body = req->http->body;
	char *copy;

	if (body.n == 0)
		return S("");
	copy = arena_alloc(req->a, body.n);
	memcpy(copy, body.p, body.n);
	(void)json_replace_nul(copy, body.n);
	if (h->provider->redact != NULL)
		h->provider->redact(buf_slice(&h->secret), copy, body.n);
	return slice_make(copy, body.n);
}

static void
store(struct gw_req *req, const struct hook *h)
{
	struct arrival *a = arena_alloc(req->a, sizeof(*a));
	enum gh_code rc;

	a->req = req;
	a->row = (struct inbound_new){
		.id = uuid7_new(),
		.provider_type = slice_of(h->provider->name),
		.company_id = h->company_id,
		.instance_id = h->instance_id,
		.event_key = event_key(req, h->provider),
		.body = body_kept(req, h),
	};
	rc = db_batch_add(req->gw->inbound->batch, &a->batch);
	if (rc != GH_OK)
		gw_db_failed(req, rc, NULL);
}

/* False: answered. */
static bool
is_usable(struct gw_req *req, enum gh_code code, const struct hook *h)
{
	struct slice provider = route_param(&req->match, S("provider"));

	if (code == GH_OK && h->provider != NULL && !h->is_broken &&
	    slice_eq(provider, slice_of(h->provider->name)))
		return true;
	if (code != GH_OK && code != GH_ENOTFOUND)
		gw_db_failed(req, code, NULL);
	else if (code == GH_OK && h->is_broken)
		gw_error(req, GW_E_INTERNAL, NULL);
	else
		budget_refuse(req->gw->inbound->wrong_keys, req->http->peer, req, GW_E_NOT_FOUND,
			      NULL);
	return false;
}

static struct slice
hook_key(const struct gw_req *req, uint8_t hash[HASH_SHA256_SIZE])
{
	hash_sha256(route_param(&req->match, S("key")), hash);
	return slice_make(hash, HASH_SHA256_SIZE);
}

static void
find_hook(struct gw_req *req, lookup_fn *found)
{
	uint8_t hash[HASH_SHA256_SIZE];
	const void *hook = NULL;
	enum gh_code rc;

	rc = lookup_get(req->gw->inbound->keys, hook_key(req, hash), &hook, found, req);
	if (rc != GH_EAGAIN)
		found(req, rc, hook);
}

static void
hook_admits(void *arg, enum gh_code code, const void *value)
{
	if (is_usable(arg, code, value))
		gw_admit(arg);
}

/* The key of the path stands for a token. */
static void
inbound_admit(struct gw_req *req)
{
	find_hook(req, hook_admits);
}

static const char *
instance_text(const struct gw_req *req, const struct hook *h)
{
	return arena_printf(req->a, "instance %" PRId32, h->instance_id);
}

static void
judge(struct gw_req *req, const struct hook *h)
{
	if (is_genuine(req, h))
		store(req, h);
	else
		budget_refuse(req->gw->inbound->wrong_signatures, instance_text(req, h), req,
			      GW_E_INVALID_SIGNATURE, "Too many wrong signatures under this key");
}

static void
hook_reread(void *arg, enum gh_code code, const void *value)
{
	if (is_usable(arg, code, value))
		judge(arg, value);
}

/* The session may have been made anew since its key was read, and nothing says that its provider
 * repeats what is refused: the key is read again, once a second for whoever guesses. */
static bool
may_be_old(struct gw_req *req, const struct hook *h)
{
	struct budget *rereads = req->gw->inbound->rereads;
	const char *whose = instance_text(req, h);
	int64_t retry_s;

	if (h->provider->proof != PROVIDER_PROOF_SESSION_KEY ||
	    budget_is_spent(rereads, whose, &retry_s))
		return false;
	budget_charge(rereads, whose);
	return true;
}

static void
hook_found(void *arg, enum gh_code code, const void *value)
{
	struct gw_req *req = arg;
	const struct hook *h = value;
	uint8_t hash[HASH_SHA256_SIZE];

	if (!is_usable(req, code, h))
		return;
	if (is_genuine(req, h) || !may_be_old(req, h)) {
		judge(req, h);
		return;
	}
	lookup_forget(req->gw->inbound->keys, hook_key(req, hash));
	find_hook(req, hook_reread);
}

static void
inbound_post(struct gw_req *req)
{
	find_hook(req, hook_found);
}

/* ---- the module ---- */

static enum gh_code
inbound_start(struct gateway *gw, struct gh_err *err GH_UNUSED)
{
	unsigned failures_max = (unsigned)gw->conf->webhook_failures;
	struct inbound *in = gh_alloc(sizeof(*in));
	struct lookup_def keys = {
		.entries_max = KEYS_MAX,
		.ttl_us = KEY_TTL_US,
		.negative_ttl_us = KEY_NEGATIVE_US,
		.add = keys_add,
		.read = keys_read,
		.free_value = hook_free,
		.arg = in,
	};
	struct db_batch_def batch = {
		.name = "inbound",
		.max_rows = BATCH_ROWS,
		.queue_max = QUEUE_ROWS,
		.gap_us = CADENCE_GAP_US,
		.gap_rows = BATCH_GAP_ROWS,
		.build = arrival_build,
		.settle = arrival_settle,
		.fail = arrival_fail,
		.arg = in,
	};

	in->gw = gw;
	in->wrong_keys = budget_new(failures_max, 60 * CLOCK_SEC);
	in->wrong_signatures = budget_new(failures_max, 60 * CLOCK_SEC);
	in->rereads = budget_new(1, KEY_REREAD_US);
	in->keys = lookup_new(gw->loop, gw->read, &keys);
	in->batch = db_batch_new(gw->loop, gw->write, &batch);
	gw->inbound = in;
	return GH_OK;
}

static void
inbound_stop(struct gateway *gw)
{
	if (gw->inbound == NULL)
		return;
	lookup_free(gw->inbound->keys);
	gw->inbound->keys = NULL;
}

static void
inbound_release(struct gateway *gw)
{
	if (gw->inbound == NULL)
		return;
	db_batch_free(gw->inbound->batch);
	budget_free(gw->inbound->wrong_keys);
	budget_free(gw->inbound->wrong_signatures);
	budget_free(gw->inbound->rereads);
	gh_free(gw->inbound);
	gw->inbound = NULL;
}

static const struct gw_schema received_schema = {
	.fields = GW_FIELDS(GW_FIELD("received", BOOL)),
};

static const struct gw_route inbound_routes[] = {
	{HTTP_POST, "/webhook/{provider}/{key}", GW_ANYONE, GW_RAW, BODY_MAX, inbound_post,
	 GW_DOC("receiveProviderWebhook", "Gateway", "What providers post",
		.text = "The key in the path says whose it is, the signature (or the session's key "
			"in the body, by provider) that it is genuine. Answered after the commit, "
			"duplicates included.",
		.path = GW_FIELDS(GW_FIELD("provider", STRING, .text = "Type of the provider"),
				  GW_FIELD("key", STRING, .text = "Given to the provider")),
		.reply = &received_schema,
		.errors = GW_ERR(INVALID_SIGNATURE) | GW_ERR(TOO_MANY_FAILURES)),
	 .admit = inbound_admit},
};

static const struct db_stmt_table *const inbound_write_tables[] = {
	&inbound_store_stmt_table,
	NULL,
};

static const struct db_stmt_table *const inbound_read_tables[] = {
	&webhook_key_stmt_table,
	NULL,
};

const struct gw_module inbound_module = {
	.routes = inbound_routes,
	.route_count = GH_COUNT(inbound_routes),
	.write_tables = inbound_write_tables,
	.read_tables = inbound_read_tables,
	.start = inbound_start,
	.stop = inbound_stop,
	.release = inbound_release,
};
