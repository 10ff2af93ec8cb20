/* instance_create.c - POST /api/instances: a row, a token, a webhook key, then the
 * session at the provider (daemon/session_setup.h).
 *
 * The row is committed before the provider is called, so that the provider's first
 * webhook finds its key; what the provider says only moves the row's status. A
 * crash in between leaves "creating", which healthd picks up.
 */
#include "endpoints.h"
#include "gateway.h"
#include "instances.h"
#include "slug.h"

#include "base/arena.h"
#include "base/random.h"
#include "crypto/encode.h"
#include "crypto/hash.h"
#include "daemon/session_setup.h"
#include "model/wake.h"

#define NAME_MAX_CHARS 100
#define PHONE_MAX      32
#define WEBHOOKS_MAX   20
#define KEY_BYTES      16 /* 128 bits nobody can guess */
#define SECRET_BYTES   32
#define SUFFIX_BYTES   3
#define SEALED_MAX     1024

struct create_body {
	struct slice name;
	int64_t provider_id; /* 0: ours to choose */
	struct slice phone_number;
	struct slice webhook_url;
	const struct json *webhooks;
};

/* One creation on its way; lives in the request's arena. */
struct creation {
	struct instance_new row;
	char external[SLUG_SIZE], external_alt[SLUG_SIZE];
	char token[GW_TOKEN_SIZE];
	uint8_t token_hash[HASH_SHA256_SIZE];
	char key[ENCODE_BASE64_SIZE(KEY_BYTES)];
	uint8_t key_hash[HASH_SHA256_SIZE];
	char secret[ENCODE_HEX_SIZE(SECRET_BYTES)];

	struct endpoint_input endpoints[WEBHOOKS_MAX + 1];
	struct endpoint_row *made; /* endpoint_count of them */
	unsigned endpoint_count;

	instances_beside_fn *beside; /* NULL: nothing stands beside data */
	struct instance_row instance;
	struct provider_session_spec spec;
};

/* ---- reading the request ---- */

#define AT(member) .offset = offsetof(struct create_body, member)

static const struct json_rule create_rules[] = {
	{"instance_name", JSON_RULE_STRING, JSON_RULE_REQUIRED | JSON_RULE_LINE, .min = 1,
	 .max = NAME_MAX_CHARS, AT(name)},
	{"provider_id", JSON_RULE_INT, .min = 1, .max = INT32_MAX, AT(provider_id),
	 .text = "Absent: a healthy one with room is chosen"},
	{"phone_number", JSON_RULE_STRING, JSON_RULE_LINE | JSON_RULE_NUMBER_OK, .min = 1,
	 .max = PHONE_MAX, AT(phone_number)},
	{"webhook_url", JSON_RULE_URL, AT(webhook_url), .text = "One webhook for all events"},
	{"webhooks", JSON_RULE_ARRAY, .max = WEBHOOKS_MAX, AT(webhooks), .of = &endpoint_rules},
};

const struct json_rules instance_create_rules = {create_rules, GH_COUNT(create_rules)};

/* The next endpoint, with the defaults of the prototype: all events. */
static struct endpoint_input *
endpoint_next(struct creation *c)
{
	static const struct slice all = {"*", 1};
	struct endpoint_input *in = &c->endpoints[c->endpoint_count++];

	in->events = &all;
	in->event_count = 1;
	in->is_active = true;
	return in;
}

static void
read_endpoints(struct gw_req *req, struct creation *c, const struct create_body *body)
{
	const struct endpoint_policy *policy = endpoints_policy(req);
	unsigned i = 0;

	if (body->webhook_url.p != NULL) {
		/* As if it were an endpoint of its own; its errors name the field that was sent. */
		struct json_errors *e = arena_alloc(req->a, sizeof(*e));
		struct endpoint_input *in = endpoint_next(c);

		json_errors_init(e, req->a);
		in->url = body->webhook_url;
		if (!endpoint_input_read(NULL, "", policy, req->a, e, in))
			gw_field_error(req, "webhook_url", e->v[0].text.p);
	}
	for (const struct json *v = json_first(body->webhooks); v != NULL && i < WEBHOOKS_MAX;
	     v = json_next(v), i++)
		(void)endpoint_input_read(v, arena_printf(req->a, "webhooks[%u]", i), policy,
					  req->a, gw_errors(req), endpoint_next(c));
}

/* False: answered. */
static bool
read_body(struct gw_req *req, struct creation *c)
{
	struct create_body body = {0};

	(void)json_check(req->body, create_rules, GH_COUNT(create_rules), "", &body, NULL,
			 gw_errors(req));
	read_endpoints(req, c, &body);
	if (gw_refuse_fields(req))
		return false;
	c->row.company_id = req->who.company_id;
	c->row.provider_id = (int32_t)body.provider_id;
	c->row.name = body.name;
	c->row.phone_number = body.phone_number;
	c->row.webhook_url = body.webhook_url;
	c->row.settings = S("{}");
	return true;
}

/* ---- names and secrets ---- */

static struct slice
seal(struct gw_req *req, struct slice aad, const char *text)
{
	struct buf b;

	buf_init(&b, req->a, SEALED_MAX);
	if (seal_bytes(&req->gw->seal_key, aad, slice_of(text), &b) != GH_OK)
		gh_panic("instances: a secret cannot be sealed");
	return buf_slice(&b);
}

static void
make_secrets(struct gw_req *req, struct creation *c)
{
	uint8_t key[KEY_BYTES], secret[SECRET_BYTES], suffix[SUFFIX_BYTES];
	char suffix_text[ENCODE_HEX_SIZE(SUFFIX_BYTES)];

	random_bytes(key, sizeof(key));
	random_bytes(secret, sizeof(secret));
	random_bytes(suffix, sizeof(suffix));
	gw_token_new(c->token, c->token_hash);
	encode_base64url(slice_make(key, sizeof(key)), c->key);
	hash_sha256(slice_of(c->key), c->key_hash);
	encode_hex(slice_make(secret, sizeof(secret)), c->secret);
	encode_hex(slice_make(suffix, sizeof(suffix)), suffix_text);
	c->row.token_hash = slice_make(c->token_hash, sizeof(c->token_hash));
	c->row.key_hash = slice_make(c->key_hash, sizeof(c->key_hash));
	c->row.key_sealed = seal(req, S("webhook_key"), c->key);
	c->row.hmac_sealed = seal(req, S("webhook_hmac"), c->secret);
	c->row.public_url = slice_of(req->gw->conf->public_url);
	c->row.external_id =
		slice_of(slug_write(c->row.company_id, c->row.name, NULL, c->external));
	c->row.external_alt =
		slice_of(slug_write(c->row.company_id, c->row.name, suffix_text, c->external_alt));
}

/* ---- the reply ---- */

static void
write_reply(struct gw_req *req)
{
	const struct creation *c = req->user;
	struct json_w *w = gw_begin(req, "Instance created");

	json_w_open(w, GW_DATA, '{');
	instances_json_members(w, &c->instance);
	json_w_str(w, "token", slice_of(c->token));
	json_w_open(w, "webhooks", '[');
	for (unsigned i = 0; i < c->endpoint_count; i++) {
		json_w_open(w, NULL, '{');
		endpoints_json_members(req, w, &c->made[i], &c->endpoints[i].secret);
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
	json_w_close(w, '}');
	if (c->beside != NULL)
		c->beside(req, w, &c->instance, c->token);
}

static unsigned
reply_status(const struct gw_req *req)
{
	const struct creation *c = req->user;

	return c->beside != NULL ? 200 : 201;
}

static void
reply(struct gw_req *req)
{
	write_reply(req);
	gw_send(req, reply_status(req));
}

static void
status_done(struct gw_req *req, const struct db_unit *u)
{
	struct creation *c = req->user;

	wake_send(req->gw->wake); /* the event of a failure */
	if (instance_row_count(u, 0) > 0)
		instance_row_read(u, 0, 0, req->a, &c->instance);
	reply(req);
}

/* The instance exists and this is the only time its token can be told. */
static bool
status_failed(struct gw_req *req, const struct db_error *err GH_UNUSED)
{
	reply(req);
	return true;
}

/* ---- the provider ---- */

/* "connected" is left to the provider's webhook: eventd applies it together with the wake-up of
 * sends that wait. */
static struct slice
status_after(const struct provider_result *r)
{
	if (r->outcome != PROVIDER_OK)
		return S("error");
	return r->session == PROVIDER_SESSION_QR ? S("qr") : S("connecting");
}

static void
session_made(void *arg, enum provider_op op, const struct provider_result *r, int64_t elapsed_us)
{
	struct gw_req *req = arg;
	const struct creation *c = req->user;
	const struct provider_call call = {.op = op};
	struct instance_created made = {
		.company_id = c->instance.company_id,
		.id = c->instance.id,
		.status = status_after(r),
		.engine = arena_dup(req->a, r->engine),
		.name = c->instance.name,
		.external_id = c->instance.external_id,
		.phone_number = c->instance.phone_number,
	};
	struct db_unit *u = db_unit_new();

	instances_call_log(&c->instance, &call, r, elapsed_us);
	if (r->outcome != PROVIDER_OK)
		made.reason = slice_of(r->text[0] == '\0'
					       ? r->code
					       : arena_printf(req->a, "%s: %s", r->code, r->text));
	instance_created_add(u, &made);
	gw_submit(req, req->gw->write, u, status_done, status_failed);
}

static void
make_session(struct gw_req *req)
{
	struct creation *c = req->user;
	const char *url = arena_printf(req->a, "%s/webhook/%.*s/%s", req->gw->conf->public_url,
				       S_FMT(c->instance.provider_type), c->key);

	c->spec.webhook_url = slice_of(url);
	c->spec.webhook_secret = slice_of(c->secret);
	c->spec.company_id = c->instance.company_id;
	c->spec.instance_id = c->instance.id;
	session_setup(
		&(struct session_setup_want){
			.client = req->gw->providers,
			.db = req->gw->write,
			.seal_key = &req->gw->seal_key,
			.address = instances_address(&c->instance),
			.company_id = c->instance.company_id,
			.instance_id = c->instance.id,
			.session = c->instance.external_id,
			.spec = &c->spec,
			.timeout_us = req->gw->conf->common.sending_deadline_us,
		},
		req->a, session_made, req);
}

/* ---- the row ---- */

static void
refuse_insert(struct gw_req *req, enum instance_inserted why)
{
	const struct creation *c = req->user;

	if (c->row.provider_id == 0)
		gw_error_retry(req, GW_E_NO_PROVIDER, NULL, 30);
	else if (why == INSTANCE_NO_PROVIDER)
		gw_error(req, GW_E_NOT_FOUND, "No such provider");
	else if (why == INSTANCE_NOT_ACTIVE)
		gw_error(req, GW_E_CONFLICT, "The provider is switched off");
	else
		gw_error(req, GW_E_CONFLICT, "The provider has no free slot");
}

static void
insert_done(struct gw_req *req, const struct db_unit *u)
{
	struct creation *c = req->user;
	enum instance_inserted outcome = instance_inserted_of(u, 0);

	if (outcome != INSTANCE_INSERTED) {
		refuse_insert(req, outcome);
		return;
	}
	instance_row_read(u, 1, 0, req->a, &c->instance);
	c->made = arena_alloc_array(req->a, c->endpoint_count, sizeof(*c->made));
	for (unsigned i = 0; i < c->endpoint_count; i++)
		endpoint_row_read(u, INSTANCE_INSERT_STMTS + i, 0, req->a, &c->made[i]);
	instances_forget(req->gw, c->instance.id);
	write_reply(req);
	gw_keep(req, reply_status(req), make_session);
}

static void
make_row(struct gw_req *req)
{
	struct creation *c = req->user;
	struct endpoint_owner owner = {.company_id = req->who.company_id};
	struct db_unit *u;

	make_secrets(req, c);
	u = db_unit_new();
	instance_insert_add(u, &c->row);
	owner.token_hash = c->row.token_hash;
	for (unsigned i = 0; i < c->endpoint_count; i++)
		endpoints_insert_add(req, u, &owner, &c->endpoints[i]);
	gw_submit(req, req->gw->write, u, insert_done, instances_name_is_taken);
}

void
instances_create(struct gw_req *req)
{
	struct creation *c = arena_alloc(req->a, sizeof(*c));

	req->user = c;
	if (read_body(req, c))
		make_row(req);
}

void
instances_create_wish(struct gw_req *req, const struct instances_wish *wish)
{
	struct creation *c = arena_alloc(req->a, sizeof(*c));

	req->user = c;
	c->row.company_id = req->who.company_id;
	c->row.name = wish->name;
	c->row.settings = wish->settings;
	c->beside = wish->beside;
	make_row(req);
}
