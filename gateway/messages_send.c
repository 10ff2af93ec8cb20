/* messages_send.c - POST /api/messages/send: the hot path.
 *
 * Requests that arrive together are committed together (db/batch.h), and 201 goes
 * out only behind that commit. With a warm cache nothing is read: the reply is
 * written from what was stored. Everything lives in the request's arena.
 */
#include "gateway.h"
#include "idem_key.h"
#include "instances.h"
#include "message_json.h"
#include "messages.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "daemon/daemon.h"
#include "db/batch.h"
#include "model/accept.h"
#include "model/idempotency.h"
#include "model/message_row.h"
#include "model/wake.h"
#include "provider/provider.h"

#define TEXT_MAX          65536 /* characters */
#define REFERENCE_MAX     255
#define PHONE_MAX         64
#define REPLY_TO_MAX      255
#define PRIORITY_DEFAULT  5
#define DAY_US            (INT64_C(86400) * CLOCK_SEC)
#define SCHEDULE_MAX_US   (60 * DAY_US) /* partitions exist for that long ahead */
#define EXPIRE_DEFAULT_US DAY_US
#define EXPIRE_MAX_US     (90 * DAY_US)
#define LEDGER_SLOTS      1024

struct messages {
	struct gateway *gw;
	struct db_batch *batch;
	int16_t slot;
};

/* The body as checked by the table. */
struct send_body {
	int64_t instance_id;
	struct slice phone_to;
	int kind; /* enum msg_kind */
	struct slice content;
	struct slice reply_to;
	struct slice reference;
	const struct json *priority;
	int64_t scheduled_at_us;
	int64_t expires_at_us;
};

/* One request on its way through the batch. */
struct send {
	struct db_batch_row batch;
	struct gw_req *req;
	struct accept_row row;
	char send_ref[PROVIDER_SEND_REF_SIZE];
};

/* ---- reading the request ---- */

static const struct json_word kind_words[] = {
	{"text", MSG_TEXT},         {"image", MSG_IMAGE},
	{"video", MSG_VIDEO},       {"audio", MSG_AUDIO},
	{"document", MSG_DOCUMENT}, {"location", MSG_LOCATION},
	{"contact", MSG_CONTACT},   {NULL, 0},
};

#define AT(member) .offset = offsetof(struct send_body, member)

static const struct json_rule send_rules[] = {
	{"instance_id", JSON_RULE_INT, JSON_RULE_REQUIRED, .min = 1, .max = INT32_MAX,
	 AT(instance_id)},
	{"phone_to", JSON_RULE_STRING, JSON_RULE_REQUIRED | JSON_RULE_NUMBER_OK | JSON_RULE_LINE,
	 .min = 1, .max = PHONE_MAX, AT(phone_to)},
	{"message_type", JSON_RULE_WORD, .words = kind_words, AT(kind)},
	{"content", JSON_RULE_STRING, .min = 1, .max = TEXT_MAX, AT(content)},
	{"reply_to", JSON_RULE_STRING, JSON_RULE_LINE, .min = 1, .max = REPLY_TO_MAX, AT(reply_to)},
	{"reference", JSON_RULE_STRING, JSON_RULE_LINE | JSON_RULE_NUMBER_OK, .min = 1,
	 .max = REFERENCE_MAX, AT(reference)},
	{"priority", JSON_RULE_RAW, AT(priority),
	 .schema = "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},"
		   "{\"type\":\"string\",\"enum\":[\"high\",\"normal\",\"low\"]}],\"default\":5}"},
	{"scheduled_at", JSON_RULE_TIME, AT(scheduled_at_us), .text = "At most 60 days ahead"},
	{"expires_at", JSON_RULE_TIME, AT(expires_at_us), .text = "Default: a day after it is due"},
};

const struct json_rules message_send_rules = {send_rules, GH_COUNT(send_rules)};

static int16_t
read_priority(struct gw_req *req, const struct json *v)
{
	static const struct json_word words[] = {{"high", 9}, {"normal", 5}, {"low", 2}};
	int64_t number = json_i64(v, 0);

	if (json_is_null(v))
		return PRIORITY_DEFAULT;
	if (number >= 1 && number <= 10)
		return (int16_t)number;
	for (size_t i = 0; i < GH_COUNT(words); i++)
		if (slice_eq(json_str(v), slice_of(words[i].text)))
			return (int16_t)words[i].value;
	gw_field_error(req, "priority", "must be an integer from 1 to 10, or high, normal, low");
	return PRIORITY_DEFAULT;
}

/* A due time that has passed means now. */
static void
read_times(struct gw_req *req, const struct send_body *body, struct accept_row *row)
{
	int64_t now_us = clock_wall_us();
	int64_t due_us = now_us;

	if (body->scheduled_at_us > now_us + SCHEDULE_MAX_US) {
		gw_field_error(req, "scheduled_at", "must be at most 60 days ahead");
	} else if (body->scheduled_at_us > now_us) {
		due_us = row->scheduled_at_us = body->scheduled_at_us;
	}
	row->expires_at_us = due_us + EXPIRE_DEFAULT_US;
	if (body->expires_at_us == 0)
		return;
	row->expires_at_us = body->expires_at_us;
	if (body->expires_at_us <= due_us)
		gw_field_error(req, "expires_at", "must be later than now and than scheduled_at");
	else if (body->expires_at_us > now_us + EXPIRE_MAX_US)
		gw_field_error(req, "expires_at", "must be at most 90 days ahead");
}

static void
read_chat(struct gw_req *req, struct slice phone_to, struct accept_row *row)
{
	struct provider_chat chat;

	if (phone_to.p == NULL)
		return; /* the table has complained */
	if (provider_chat_parse(phone_to, req->a, &chat) != GH_OK ||
	    chat.kind == PROVIDER_CHAT_NEWSLETTER || chat.kind == PROVIDER_CHAT_BROADCAST) {
		gw_field_error(req, "phone_to",
			       "must be a number of 7 to 15 digits with country code, or end in "
			       "@c.us, @g.us or @lid");
		return;
	}
	row->chat_key = chat.key;
	row->lane_key = chat.lane_key;
	row->to = phone_to;
}

/* False: answered with every bad field. */
static bool
read_body(struct gw_req *req, struct accept_row *row)
{
	struct send_body body = {.kind = MSG_TEXT};

	(void)json_check(req->body, send_rules, GH_COUNT(send_rules), "", &body, NULL,
			 gw_errors(req));
	if (body.kind != MSG_TEXT)
		gw_field_error(req, "message_type", "not yet supported: only text can be sent");
	else if (body.content.p == NULL)
		gw_field_error(req, "content", "is required");
	row->priority = read_priority(req, body.priority);
	read_times(req, &body, row);
	read_chat(req, body.phone_to, row);
	if (gw_refuse_fields(req))
		return false;
	row->company_id = req->who.company_id;
	row->instance_id = (int32_t)body.instance_id;
	row->kind = (enum msg_kind)body.kind;
	row->content = body.content;
	row->reply_to = body.reply_to;
	row->reference = body.reference;
	row->traceparent = slice_of(req->traceparent);
	return true;
}

static bool
read_idempotency(struct gw_req *req, struct accept_row *row)
{
	if (idem_key_read(req->http->head, req->a, &row->idem_key) != GH_OK) {
		gw_error(req, GW_E_INVALID_IDEMPOTENCY_KEY, NULL);
		return false;
	}
	if (row->idem_key.p != NULL)
		idem_fingerprint(req->http->head, req->http->body, req->a, row->fingerprint);
	return true;
}

/* ---- the reply ---- */

static void
reply_row(struct gw_req *req, const struct message_row *row)
{
	struct json_w *w = gw_begin(req, "Message queued for sending");

	json_w_open(w, GW_DATA, '{');
	message_json_members(w, row);
	json_w_close(w, '}');
	gw_send(req, 201);
}

static void
reply_accepted(const struct send *s)
{
	const struct accept_row *r = &s->row;
	struct message_row row = {
		.id = r->id,
		.company_id = r->company_id,
		.instance_id = r->instance_id,
		.direction = MSG_OUT,
		.status = r->scheduled_at_us == 0 ? MSG_QUEUED : MSG_SCHEDULED,
		.kind = (int)r->kind,
		.priority = r->priority,
		.phone_to = r->to,
		.content = r->content,
		.reference = r->reference,
		.scheduled_at_us = r->scheduled_at_us,
	};

	reply_row(s->req, &row);
}

/* ---- a key that was used before ---- */

static void
replay_done(struct gw_req *req, const struct db_unit *u)
{
	struct message_row row;

	if (message_row_count(u, 0) == 0) {
		gw_error(req, GW_E_NOT_FOUND, "The message of this key is no longer kept");
		return;
	}
	message_row_read(u, 0, 0, req->a, &row);
	gw_header(req, S("Idempotency-Replayed"), S("true"));
	reply_row(req, &row);
}

static void
key_found(struct gw_req *req, const struct db_unit *u)
{
	const struct send *s = req->user;
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
replay(const struct send *s)
{
	struct db_unit *u = db_unit_new();

	idem_find_add(u, s->row.company_id, IDEM_MESSAGE_SEND, s->row.idem_key);
	gw_submit(s->req, s->req->gw->read, u, key_found, NULL);
}

/* ---- the group commit ---- */

static void
send_build(void *arg, struct db_unit *u, struct db_batch_row *const *rows, unsigned n)
{
	const struct messages *m = arg;
	const struct accept_row *accept[DB_BATCH_MAX];

	for (unsigned i = 0; i < n; i++)
		accept[i] = &LIST_ENTRY(rows[i], struct send, batch)->row;
	accept_add(u, accept, n, m->slot);
}

static void
send_settle(void *arg, struct db_batch_row *const *rows, unsigned n, const struct db_unit *u)
{
	const struct messages *m = arg;

	wake_send(m->gw->wake);
	for (unsigned i = 0; i < n; i++) {
		const struct send *s = LIST_ENTRY(rows[i], struct send, batch);

		if (accept_outcome_of(u, 0, s->row.id) == ACCEPT_DONE)
			reply_accepted(s);
		else
			replay(s);
	}
}

static void
send_fail(void *arg GH_UNUSED, struct db_batch_row *row, enum gh_code code,
	  const struct db_error *err)
{
	gw_db_failed(LIST_ENTRY(row, struct send, batch)->req, code, err);
}

static void
send_found(struct gw_req *req, const struct instance_ref *ref)
{
	struct send *s = req->user;
	const struct provider *p = provider_find(slice_of(ref->provider_type));
	enum gh_code rc;

	if (p == NULL) {
		gw_error(req, GW_E_NOT_SUPPORTED, "The instance's provider is not yet supported");
		return;
	}
	s->row.id = uuid7_new();
	if (provider_send_ref(p, s->row.kind, s->row.id, s->send_ref))
		s->row.send_ref = slice_of(s->send_ref);
	rc = db_batch_add(req->gw->messages->batch, &s->batch);
	if (rc != GH_OK)
		gw_db_failed(req, rc, NULL);
}

void
messages_send(struct gw_req *req)
{
	struct send *s = arena_alloc(req->a, sizeof(*s));

	s->req = req;
	req->user = s;
	if (!read_idempotency(req, &s->row) || !read_body(req, &s->row))
		return;
	instances_find(req, s->row.instance_id, send_found);
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

void
messages_send_start(struct gateway *gw)
{
	struct messages *m = gh_alloc(sizeof(*m));
	int64_t max = gw->conf->batch_max;
	struct db_batch_def def = {
		.name = "accept",
		.max_rows = max > DB_BATCH_MAX ? DB_BATCH_MAX : (unsigned)max,
		.build = send_build,
		.settle = send_settle,
		.fail = send_fail,
		.arg = m,
	};

	m->gw = gw;
	m->slot = ledger_slot(daemon_worker(gw->daemon));
	m->batch = db_batch_new(gw->loop, gw->write, &def);
	gw->messages = m;
}

void
messages_send_release(struct gateway *gw)
{
	if (gw->messages == NULL)
		return;
	db_batch_free(gw->messages->batch);
	gh_free(gw->messages);
	gw->messages = NULL;
}
