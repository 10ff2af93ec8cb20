/* messages_batch.c - POST /api/messages/send-batch: up to 1000 messages in one request.
 *
 * Each is judged by itself and told what the single route would have said (207); those that are
 * accepted are committed together, in one statement, under one Idempotency-Key.
 */
#include "gateway.h"
#include "idem_key.h"
#include "instances.h"
#include "message_json.h"
#include "messages.h"
#include "sending.h"

#include "base/arena.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "model/accept.h"
#include "model/idempotency.h"
#include "model/message_row.h"
#include "model/queued_event.h"
#include "model/wake.h"

#define BATCH_QUEUE_MAX 32

struct batch;

/* One message of a request. */
struct item {
	struct batch *batch;
	struct accept_row row;
	char send_ref[PROVIDER_SEND_REF_SIZE];
	bool is_refused;
	enum gw_code code;                /* refused: why */
	const char *why;                  /* NULL: the code's title */
	const struct json_errors *errors; /* NULL: none */
	struct message_row stands;        /* accepted */
};

/* One request; lives in its arena. */
struct batch {
	struct db_batch_row row;
	struct gw_req *req;
	struct item *items;
	unsigned count;
	unsigned asking; /* instances that are looked up, and one for who asks */
	enum gh_code failure;
	const struct accept_row **accepted;
	unsigned accepted_count;
	struct uuid *ids; /* of items, nil: refused */
	struct accept_key key;
	uint8_t fingerprint[IDEM_FINGERPRINT_SIZE];
};

struct batches {
	struct gateway *gw;
	struct db_batch *commits; /* one request at a time is one "batch" of it */
};

static const struct json_rule batch_rules[] = {
	{"messages", JSON_RULE_ARRAY, JSON_RULE_REQUIRED, .min = 1, .max = ACCEPT_MANY_MAX,
	 .of = &message_send_rules},
};
const struct json_rules message_batch_rules = {batch_rules, GH_COUNT(batch_rules)};

const struct gw_schema message_batch_schema = {
	.name = "BatchItem",
	.text = "What the single route would have answered.",
	.fields = GW_FIELDS(GW_FIELD("index", INT), GW_FIELD("http_status", INT),
			    GW_FIELD("success", BOOL), GW_FIELD("message", STRING),
			    GW_FIELD("data", OBJECT, .flags = GW_F_OPTIONAL, .of = &message_schema),
			    GW_FIELD("errors", OBJECT, .flags = GW_F_OPTIONAL),
			    GW_FIELD("code", STRING, .flags = GW_F_OPTIONAL)),
};

/* ---- the reply ---- */

static void
write_item(struct json_w *w, const struct item *it, unsigned index)
{
	const struct gw_error_info *info = gw_error_info(it->code);
	static const struct json_errors none;

	json_w_open(w, NULL, '{');
	json_w_i64(w, "index", index);
	json_w_i64(w, "http_status", it->is_refused ? info->status : 201);
	json_w_bool(w, "success", !it->is_refused);
	if (it->is_refused) {
		json_w_str(w, "message", slice_of(it->why != NULL ? it->why : info->title));
		json_errors_write(it->errors != NULL ? it->errors : &none, w, "errors");
		json_w_str(w, "code", slice_of(info->word));
	} else {
		json_w_str(w, "message", S("Message queued for sending"));
		json_w_open(w, "data", '{');
		message_json_members(w, &it->stands);
		json_w_close(w, '}');
	}
	json_w_close(w, '}');
}

static void
reply(const struct batch *b)
{
	struct json_w *w = gw_begin(b->req, "Batch processed");

	json_w_open(w, GW_DATA, '[');
	for (unsigned i = 0; i < b->count; i++)
		write_item(w, &b->items[i], i);
	json_w_close(w, ']');
	gw_send(b->req, 207);
}

/* ---- a key that was used before ---- */

static struct item *
item_of(const struct batch *b, struct uuid id)
{
	for (unsigned i = 0; i < b->count; i++)
		if (uuid_eq(b->ids[i], id))
			return &b->items[i];
	gh_panic("batch: a message that is in no item");
}

/* Until its row is found; what was refused then is refused again, mostly with the same words. */
static void
refuse_again(struct item *it, bool was_refused)
{
	if (was_refused && it->is_refused)
		return;
	it->is_refused = true;
	it->code = was_refused ? GW_E_VALIDATION_FAILED : GW_E_NOT_FOUND;
	it->why = was_refused ? "Was refused when the key was used first"
			      : "The message of this key is no longer kept";
}

static void
replay_done(struct gw_req *req, const struct db_unit *u)
{
	struct batch *b = req->user;

	for (unsigned i = 0; i < b->count; i++)
		refuse_again(&b->items[i], uuid_is_nil(b->ids[i]));
	for (unsigned i = 0; i < message_row_count(u, 0); i++) {
		struct item *it = item_of(b, message_row_id(u, 0, i));

		it->is_refused = false;
		message_row_read(u, 0, i, req->a, &it->stands);
	}
	gw_header(req, S("Idempotency-Replayed"), S("true"));
	reply(b);
}

static void
key_found(struct gw_req *req, const struct db_unit *u)
{
	struct batch *b = req->user;
	struct message_watch *watch;
	struct idem_row found;
	struct db_unit *next;
	unsigned n = 0;

	if (!idem_find_row(u, 0, &found)) {
		gw_error_retry(req, GW_E_IDEMPOTENCY_IN_PROGRESS, NULL, 1);
		return;
	}
	if (!hash_equal(found.fingerprint, b->fingerprint, sizeof(found.fingerprint)) ||
	    idem_find_ids(u, 0, b->ids, b->count) != b->count) {
		gw_error(req, GW_E_IDEMPOTENCY_KEY_REUSED, NULL);
		return;
	}
	next = db_unit_new();
	watch = arena_alloc_array(db_unit_arena(next), b->count, sizeof(*watch));
	for (unsigned i = 0; i < b->count; i++)
		if (!uuid_is_nil(b->ids[i]))
			watch[n++] = (struct message_watch){b->ids[i], true};
	message_watch_add(next, watch, n);
	gw_submit(req, req->gw->read, next, replay_done, NULL);
}

static void
replay(struct batch *b)
{
	struct db_unit *u = db_unit_new();

	idem_find_add(u, b->req->who.company_id, IDEM_MESSAGE_BATCH, b->key.key);
	gw_submit(b->req, b->req->gw->read, u, key_found, NULL);
}

/* ---- the commit ---- */

static void
commit_build(void *arg, struct db_unit *u, struct db_batch_row *const *rows, unsigned n GH_UNUSED)
{
	const struct batches *all = arg;
	const struct batch *b = LIST_ENTRY(rows[0], struct batch, row);

	accept_many_add(u, b->accepted, b->accepted_count, sending_slot(all->gw), &b->key);
	queued_event_add(u, b->accepted, b->accepted_count);
}

static void
commit_settle(void *arg, struct db_batch_row *const *rows, unsigned n GH_UNUSED,
	      const struct db_unit *u)
{
	const struct batches *all = arg;
	struct batch *b = LIST_ENTRY(rows[0], struct batch, row);

	wake_send(all->gw->wake);
	if (accept_outcome_of(u, 0, b->accepted[0]->id) != ACCEPT_DONE) {
		replay(b);
		return;
	}
	for (unsigned i = 0; i < b->count; i++)
		if (!b->items[i].is_refused)
			sending_row(&b->items[i].row, &b->items[i].stands);
	reply(b);
}

static void
commit_fail(void *arg GH_UNUSED, struct db_batch_row *row, enum gh_code code,
	    const struct db_error *err)
{
	gw_db_failed(LIST_ENTRY(row, struct batch, row)->req, code, err);
}

/* Every item is judged. */
static void
commit(struct batch *b)
{
	enum gh_code rc;

	if (b->failure != GH_OK) {
		gw_db_failed(b->req, b->failure, NULL);
		return;
	}
	for (unsigned i = 0; i < b->count; i++) {
		const struct item *it = &b->items[i];

		if (it->is_refused)
			continue;
		b->ids[i] = it->row.id;
		b->accepted[b->accepted_count++] = &it->row;
	}
	if (b->accepted_count == 0) {
		reply(b);
		return;
	}
	rc = db_batch_add(b->req->gw->batches->commits, &b->row);
	if (rc != GH_OK)
		gw_db_failed(b->req, rc, NULL);
}

/* ---- judging ---- */

static void
refuse(struct item *it, enum gw_code code, const char *why)
{
	it->is_refused = true;
	it->code = code;
	it->why = why;
}

static void
asked(struct batch *b)
{
	b->asking--;
	if (b->asking == 0)
		commit(b);
}

static void
ref_found(void *arg, enum gh_code code, const struct instance_ref *ref)
{
	struct item *it = arg;
	const char *why = NULL;

	if (code == GH_ENOTFOUND)
		refuse(it, GW_E_NOT_FOUND, "No such instance");
	else if (code != GH_OK)
		it->batch->failure = code;
	else
		why = sending_prepare(&it->row, it->send_ref, ref, it->batch->req->a);
	if (why != NULL)
		refuse(it, GW_E_NOT_SUPPORTED, why);
	asked(it->batch);
}

static void
read_item(struct item *it, const struct json *v, struct json_errors **scratch)
{
	struct gw_req *req = it->batch->req;

	if (*scratch == NULL)
		*scratch = arena_alloc(req->a, sizeof(**scratch));
	json_errors_init(*scratch, req->a);
	it->row.company_id = req->who.company_id;
	it->row.traceparent = slice_of(req->traceparent);
	if (message_send_read(req, v, *scratch, &it->row)) {
		it->batch->asking++;
		instances_ref(req, it->row.instance_id, ref_found, it);
		return;
	}
	refuse(it, GW_E_VALIDATION_FAILED, NULL);
	it->errors = *scratch;
	*scratch = NULL;
}

static void
judge(struct batch *b, const struct json *messages)
{
	struct json_errors *scratch = NULL;
	unsigned i = 0;

	b->asking = 1; /* answers that come at once must not end it early */
	for (const struct json *v = json_first(messages); v != NULL; v = json_next(v)) {
		struct item *it = &b->items[i++];

		it->batch = b;
		read_item(it, v, &scratch);
	}
	asked(b);
}

void
messages_send_batch(struct gw_req *req)
{
	struct batch *b = arena_alloc(req->a, sizeof(*b));
	const struct json *messages = NULL;

	if (idem_key_read(req->http->head, req->a, &b->key.key) != GH_OK) {
		gw_error(req, GW_E_INVALID_IDEMPOTENCY_KEY, NULL);
		return;
	}
	if (!gw_check(req, batch_rules, GH_COUNT(batch_rules), (void *)&messages, NULL))
		return;
	req->user = b;
	b->req = req;
	b->count = (unsigned)json_count(messages);
	b->items = arena_alloc_array(req->a, b->count, sizeof(*b->items));
	b->ids = arena_alloc_array(req->a, b->count, sizeof(*b->ids));
	b->accepted = arena_alloc_array(req->a, b->count, sizeof(*b->accepted));
	b->key.route = IDEM_MESSAGE_BATCH;
	b->key.ids = b->ids;
	b->key.count = b->count;
	b->key.fingerprint = b->fingerprint;
	if (b->key.key.p != NULL)
		idem_fingerprint(req->http->head, req->http->body, req->a, b->fingerprint);
	judge(b, messages);
}

/* ---- life ---- */

enum gh_code
messages_batch_start(struct gateway *gw, struct gh_err *err GH_UNUSED)
{
	struct batches *all = gh_alloc(sizeof(*all));
	struct db_batch_def def = {
		.name = "accept-many",
		.max_rows = 1,
		.in_flight = 1, /* others come in between */
		.queue_max = BATCH_QUEUE_MAX,
		.build = commit_build,
		.settle = commit_settle,
		.fail = commit_fail,
		.arg = all,
	};

	all->gw = gw;
	all->commits = db_batch_new(gw->loop, gw->write, &def);
	gw->batches = all;
	return GH_OK;
}

void
messages_batch_release(struct gateway *gw)
{
	if (gw->batches == NULL)
		return;
	db_batch_free(gw->batches->commits);
	gh_free(gw->batches);
	gw->batches = NULL;
}
