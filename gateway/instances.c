/* instances.c - the instances of a company: read, change, rotate tokens, and the
 * look-up that sending uses. Creation and deletion, which speak with the provider,
 * are instance_create.c and instance_delete.c.
 */
#include "instances.h"

#include "endpoints.h"
#include "gateway.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/cancel.h"
#include "model/endpoint.h"
#include "model/instance_lock.h"
#include "model/lookup.h"
#include "model/send_queue.h"
#include "model/token.h"
#include "model/wake.h"

#define REFS_MAX        65536
#define REF_TTL_US      (4 * CLOCK_SEC)
#define REF_NEGATIVE_US (1 * CLOCK_SEC)
#define REF_LOAD_US     (3 * CLOCK_SEC) /* database away: a client is told soon */

#define NAME_MAX_CHARS 100
#define PHONE_MAX      32

struct instances {
	struct lookup *refs; /* id -> struct instance_ref */
};

/* ---- the look-up ---- */

static void
refs_add(struct db_unit *u, const struct slice *keys, unsigned count, void *arg GH_UNUSED)
{
	db_unit_set_deadline(u, clock_mono_us() + REF_LOAD_US);
	instance_ref_add(u, keys, count);
}

static void
refs_read(struct lookup *l, const struct db_unit *u, void *arg GH_UNUSED)
{
	char key[8];

	for (unsigned i = 0; i < instance_ref_count(u, 0); i++) {
		struct instance_ref *ref = gh_alloc(sizeof(*ref));

		instance_ref_read(u, 0, i, ref);
		lookup_found(l, lookup_id_key(ref->id, key), ref);
	}
}

/* Who asks for an instance, and waits. */
struct finding {
	struct gw_req *req;
	instances_ref_fn *fn;
	void *arg;
};

static void
ref_done(void *arg, enum gh_code code, const void *value)
{
	const struct finding *f = arg;
	const struct instance_ref *ref = value;

	if (code == GH_OK && (ref->is_deleted || ref->company_id != f->req->who.company_id))
		code = GH_ENOTFOUND;
	f->fn(f->arg, code, code == GH_OK ? ref : NULL);
}

void
instances_ref(struct gw_req *req, int32_t id, instances_ref_fn *fn, void *arg)
{
	struct finding *f = arena_alloc(req->a, sizeof(*f));
	const void *ref = NULL;
	char key[8];
	enum gh_code rc;

	*f = (struct finding){.req = req, .fn = fn, .arg = arg};
	rc = lookup_get(req->gw->instances->refs, lookup_id_key(id, key), &ref, ref_done, f);
	if (rc != GH_EAGAIN)
		ref_done(f, rc, ref);
}

void
instances_gone(struct gw_req *req)
{
	if (req->who.kind == GW_INSTANCE)
		gw_error(req, GW_E_INSTANCE_DELETED, NULL);
	else
		gw_error(req, GW_E_NOT_FOUND, "No such instance");
}

/* A caller of instances_find. */
struct asking {
	struct gw_req *req;
	instances_found_fn *done;
};

static void
find_done(void *arg, enum gh_code code, const struct instance_ref *ref)
{
	const struct asking *q = arg;

	if (code == GH_ENOTFOUND)
		instances_gone(q->req);
	else if (code != GH_OK)
		gw_db_failed(q->req, code, NULL);
	else
		q->done(q->req, ref);
}

void
instances_find(struct gw_req *req, int32_t id, instances_found_fn *done)
{
	struct asking *q = arena_alloc(req->a, sizeof(*q));

	*q = (struct asking){req, done};
	instances_ref(req, id, find_done, q);
}

void
instances_forget(struct gateway *gw, int32_t id)
{
	char key[8];

	lookup_forget(gw->instances->refs, lookup_id_key(id, key));
}

/* ---- read ---- */

const struct gw_schema instance_schema = {
	.name = "Instance",
	.text = "A WhatsApp number and its session at a provider.",
	.fields =
		GW_FIELDS(GW_FIELD("id", INT), GW_FIELD("company_id", INT),
			  GW_FIELD("provider_id", INT), GW_FIELD("instance_name", STRING),
			  GW_FIELD("phone_number", STRING, .flags = GW_F_NULL),
			  GW_FIELD("status", STRING,
				   .words = GW_WORDS("creating", "connecting", "qr", "connected",
						     "disconnected", "failed", "error", "deleted")),
			  GW_FIELD("status_reason", STRING, .flags = GW_F_NULL),
			  GW_FIELD("webhook_url", URL, .flags = GW_F_NULL),
			  GW_FIELD("external_instance_id", STRING, .flags = GW_F_NULL,
				   .text = "The session's name at the provider"),
			  GW_FIELD("settings", OBJECT),
			  GW_FIELD("new_chats_paused_until", TIME, .flags = GW_F_NULL,
				   .text = "WhatsApp refuses new conversations: none are opened "
					   "before"),
			  GW_FIELD("created_at", TIME), GW_FIELD("updated_at", TIME),
			  GW_FIELD("company_name", STRING)),
};

static const struct gw_schema instance_token_schema = {
	.name = "InstanceWithToken",
	.base = &instance_schema,
	.fields = GW_FIELDS(GW_FIELD("token", UUID, .text = "Shown this once")),
};

const struct gw_schema instance_created_schema = {
	.name = "InstanceCreated",
	.base = &instance_token_schema,
	.fields = GW_FIELDS(
		GW_FIELD("webhooks", OBJECT, .flags = GW_F_MANY, .of = &endpoint_secret_schema)),
};

void
instances_json_members(struct json_w *w, const struct instance_row *row)
{
	json_w_i64(w, "id", row->id);
	json_w_i64(w, "company_id", row->company_id);
	json_w_i64(w, "provider_id", row->provider_id);
	json_w_str(w, "instance_name", row->name);
	json_w_str(w, "phone_number", row->phone_number);
	json_w_str(w, "status", row->status);
	json_w_str(w, "status_reason", row->status_reason);
	json_w_str(w, "webhook_url", row->webhook_url);
	json_w_str(w, "external_instance_id", row->external_id);
	json_w_raw(w, "settings", row->settings);
	json_w_time(w, "new_chats_paused_until", row->new_chats_paused_us);
	json_w_time(w, "created_at", row->created_at_us);
	json_w_time(w, "updated_at", row->updated_at_us);
	json_w_str(w, "company_name", row->company_name);
}

/* Answer 200 with the row of that statement, or that it is gone. */
static void
reply_row(struct gw_req *req, const struct db_unit *u, unsigned stmt, const char *message)
{
	struct instance_row row;
	struct json_w *w;

	if (instance_row_count(u, stmt) == 0) {
		instances_gone(req);
		return;
	}
	instance_row_read(u, stmt, 0, req->a, &row);
	w = gw_begin(req, message);
	json_w_open(w, GW_DATA, '{');
	instances_json_members(w, &row);
	json_w_close(w, '}');
	gw_send(req, 200);
}

static void
get_done(struct gw_req *req, const struct db_unit *u)
{
	reply_row(req, u, 0, "Instance");
}

static void
instances_get(struct gw_req *req)
{
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id))
		return;
	u = db_unit_new();
	instance_get_add(u, req->who.company_id, id);
	gw_submit(req, req->gw->read, u, get_done, NULL);
}

static int32_t
list_write(struct gw_req *req, const struct db_unit *u, unsigned i, struct json_w *w)
{
	struct instance_row row;

	instance_row_read(u, 0, i, req->a, &row);
	json_w_open(w, NULL, '{');
	instances_json_members(w, &row);
	json_w_close(w, '}');
	return row.id;
}

static void
list_done(struct gw_req *req, const struct db_unit *u)
{
	gw_send_id_list(req, req->user, "Instances", u, instance_row_count(u, 0),
			instance_count_of(u, 1), list_write);
}

static void
instances_list(struct gw_req *req)
{
	struct gw_page *page = arena_alloc(req->a, sizeof(*page));
	struct id_page ids;
	struct db_unit *u;

	req->user = page;
	if (!gw_page_read(req, GW_ID_KEY_SIZE, page))
		return;
	u = db_unit_new();
	ids = gw_page_ids(page);
	instance_list_add(u, req->who.company_id, &ids);
	instance_count_add(u, req->who.company_id, GW_TOTAL_MAX + 1);
	gw_submit(req, req->gw->read, u, list_done, NULL);
}

/* ---- change ---- */

enum { IN_DOUBT_RESEND, IN_DOUBT_HOLD };

static const struct json_word in_doubt_words[] = {
	{"resend", IN_DOUBT_RESEND},
	{"hold", IN_DOUBT_HOLD},
	{NULL, 0},
};

struct settings {
	int64_t per_minute, min_interval_ms, jitter_ms, new_chats_per_day, max_attempts;
	bool ordered;
	int in_doubt_policy;
};

#define AT(member) .offset = offsetof(struct settings, member)

/* The order is that of the bits of json_given, which settings_write tests. */
enum {
	SET_PER_MINUTE,
	SET_MIN_INTERVAL,
	SET_JITTER,
	SET_NEW_CHATS,
	SET_ORDERED,
	SET_IN_DOUBT,
	SET_MAX_ATTEMPTS
};

static const struct json_rule settings_rules[] = {
	[SET_PER_MINUTE] = {"per_minute", JSON_RULE_INT, .max = 6000, AT(per_minute),
			    .text = "Sends per minute; 0: unpaced"},
	[SET_MIN_INTERVAL] = {"min_interval_ms", JSON_RULE_INT, .max = 3600000,
			      AT(min_interval_ms)},
	[SET_JITTER] = {"jitter_ms", JSON_RULE_INT, .max = 600000, AT(jitter_ms)},
	[SET_NEW_CHATS] = {"new_chats_per_day", JSON_RULE_INT, .max = 1000000,
			   AT(new_chats_per_day)},
	[SET_ORDERED] = {"ordered", JSON_RULE_BOOL, AT(ordered)},
	[SET_IN_DOUBT] = {"in_doubt_policy", JSON_RULE_WORD, .words = in_doubt_words,
			  AT(in_doubt_policy)},
	[SET_MAX_ATTEMPTS] = {"max_attempts", JSON_RULE_INT, .min = 1, .max = 20, AT(max_attempts)},
};

static void
settings_write_int(struct json_w *w, uint64_t present, unsigned rule, int64_t v)
{
	if ((present >> rule & 1) != 0)
		json_w_i64(w, settings_rules[rule].name, v);
}

/* What was given, as the JSON object that is merged into the stored one. */
static struct slice
settings_text(struct arena *a, const struct settings *s, uint64_t present)
{
	struct buf b;
	struct json_w w;

	buf_init(&b, a, 1024);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	settings_write_int(&w, present, SET_PER_MINUTE, s->per_minute);
	settings_write_int(&w, present, SET_MIN_INTERVAL, s->min_interval_ms);
	settings_write_int(&w, present, SET_JITTER, s->jitter_ms);
	settings_write_int(&w, present, SET_NEW_CHATS, s->new_chats_per_day);
	if ((present >> SET_ORDERED & 1) != 0)
		json_w_bool(&w, "ordered", s->ordered);
	if ((present >> SET_IN_DOUBT & 1) != 0)
		json_w_str(&w, "in_doubt_policy",
			   slice_of(in_doubt_words[s->in_doubt_policy].text));
	settings_write_int(&w, present, SET_MAX_ATTEMPTS, s->max_attempts);
	json_w_close(&w, '}');
	return buf_slice(&b);
}
#undef AT

struct change_body {
	struct slice name;
	struct slice phone_number;
	const struct json *settings;
};

#define AT(member) .offset = offsetof(struct change_body, member)

static const struct json_rule change_rules[] = {
	{"instance_name", JSON_RULE_STRING, JSON_RULE_LINE, .min = 1, .max = NAME_MAX_CHARS,
	 AT(name)},
	{"phone_number", JSON_RULE_STRING, JSON_RULE_LINE | JSON_RULE_NUMBER_OK, .min = 1,
	 .max = PHONE_MAX, AT(phone_number)},
	{"settings", JSON_RULE_OBJECT, AT(settings), .of = JSON_RULES(settings_rules),
	 .text = "Members that are absent stay as they are"},
};
#undef AT

struct provider_address
instances_address(const struct instance_row *i)
{
	return (struct provider_address){.type = i->provider_type,
					 .base_url = i->base_url,
					 .api_key_sealed = i->api_key_sealed,
					 .engine = i->engine,
					 .session_key_sealed = i->session_key_sealed};
}

void
instances_call(struct gw_req *req, const struct instance_row *i, struct provider_call *call,
	       provider_client_fn *done)
{
	const struct provider_address address = instances_address(i);

	call->session = i->external_id;
	provider_client_call(req->gw->providers, &address, call,
			     req->gw->conf->common.sending_deadline_us, done, req);
}

void
instances_call_log(const struct instance_row *i, const struct provider_call *call,
		   const struct provider_result *r, int64_t elapsed_us)
{
	if (r->outcome != PROVIDER_OK)
		log_warn("provider.call_failed", LOG_INT("instance", i->id),
			 LOG_INT("op", call->op), LOG_STR("code", r->code), LOG_STR("err", r->text),
			 LOG_INT("dur_ms", elapsed_us / 1000));
}

bool
instances_name_is_taken(struct gw_req *req, const struct db_error *err)
{
	if (!slice_eq(slice_of(err->constraint), S(INSTANCE_NAME_CONSTRAINT)))
		return false;
	gw_field_error(req, "instance_name", "is in use already");
	gw_error(req, GW_E_DUPLICATE_NAME, "The company has an instance of this name");
	return true;
}

static void
update_done(struct gw_req *req, const struct db_unit *u)
{
	reply_row(req, u, 0, "Instance updated");
}

void
instances_change(struct gw_req *req, int32_t id, const struct instance_change *change)
{
	struct db_unit *u = db_unit_new();

	instance_update_add(u, req->who.company_id, id, change);
	gw_submit(req, req->gw->write, u, update_done, instances_name_is_taken);
}

static void
instances_update(struct gw_req *req)
{
	struct change_body body = {0};
	struct settings settings = {0};
	struct json_given given = {0};
	struct instance_change change;
	int32_t id;

	if (!gw_id_param(req, "id", &id))
		return;
	(void)json_check(req->body, change_rules, GH_COUNT(change_rules), "", &body, NULL,
			 gw_errors(req));
	if (body.settings != NULL)
		(void)json_check(body.settings, settings_rules, GH_COUNT(settings_rules),
				 "settings", &settings, &given, gw_errors(req));
	if (gw_refuse_fields(req))
		return;
	change.name = body.name;
	change.phone_number = body.phone_number;
	change.settings = settings_text(req->a, &settings, given.present);
	instances_change(req, id, &change);
}

/* ---- new chats ---- */

static void
lift_done(struct gw_req *req, const struct db_unit *u)
{
	wake_send(req->gw->wake); /* what waited for it */
	reply_row(req, u, 1, "New chats resumed");
}

static void
instances_resume_new_chats(struct gw_req *req)
{
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id))
		return;
	u = db_unit_new();
	instance_new_chats_lift_add(u, req->who.company_id, id);
	gw_submit(req, req->gw->write, u, lift_done, NULL);
}

/* ---- tokens ---- */

struct rotation {
	int64_t overlap_s;
	char token[GW_TOKEN_SIZE];
	uint8_t hash[TOKEN_HASH_SIZE];
};

static const struct json_rule rotation_rules[] = {
	{"overlap_seconds", JSON_RULE_INT, .max = TOKEN_OVERLAP_MAX,
	 .offset = offsetof(struct rotation, overlap_s),
	 .text = "The old token stays good for so long"},
};

static void
rotate_done(struct gw_req *req, const struct db_unit *u)
{
	const struct rotation *r = req->user;
	struct instance_row row;
	struct json_w *w;

	if (instance_row_count(u, 0) == 0) {
		gw_error(req, GW_E_NOT_FOUND, NULL);
		return;
	}
	gw_auth_forget(req->gw);
	instance_row_read(u, 0, 0, req->a, &row);
	w = gw_begin(req, "Token rotated");
	json_w_open(w, GW_DATA, '{');
	instances_json_members(w, &row);
	json_w_str(w, "token", slice_of(r->token));
	json_w_close(w, '}');
	gw_send(req, 201);
}

static void
instances_rotate(struct gw_req *req)
{
	struct rotation *r = arena_alloc(req->a, sizeof(*r));
	struct db_unit *u;
	int32_t id;

	req->user = r;
	if (!gw_id_param(req, "id", &id) ||
	    !gw_check(req, rotation_rules, GH_COUNT(rotation_rules), r, NULL))
		return;
	gw_token_new(r->token, r->hash);
	u = db_unit_new();
	instance_token_add(u, req->who.company_id, id, slice_make(r->hash, sizeof(r->hash)),
			   (int32_t)r->overlap_s);
	gw_submit(req, req->gw->write, u, rotate_done, NULL);
}

/* ---- the module ---- */

static enum gh_code
instances_start(struct gateway *gw, struct gh_err *err GH_UNUSED)
{
	struct lookup_def refs = {
		.entries_max = REFS_MAX,
		.ttl_us = REF_TTL_US,
		.negative_ttl_us = REF_NEGATIVE_US,
		.add = refs_add,
		.read = refs_read,
		.free_value = gh_free,
	};

	gw->instances = gh_alloc(sizeof(*gw->instances));
	gw->instances->refs = lookup_new(gw->loop, gw->read, &refs);
	return GH_OK;
}

static void
instances_stop(struct gateway *gw)
{
	if (gw->instances == NULL)
		return;
	lookup_free(gw->instances->refs);
	gh_free(gw->instances);
	gw->instances = NULL;
}

static const struct gw_route instances_routes[] = {
	{HTTP_POST, "/api/instances", GW_COMPANY, GW_JSON | GW_KEYED, 0, instances_create,
	 GW_DOC("createInstance", "Instances", "Create an instance and its session at a provider",
		.body = &instance_create_rules, .example = "{\"instance_name\":\"Support\"}",
		.status = {201}, .reply = &instance_created_schema,
		.errors = GW_ERR(DUPLICATE_NAME) | GW_ERR(CONFLICT) | GW_ERR(NOT_FOUND) |
			  GW_ERR(NO_PROVIDER))},
	{HTTP_GET, "/api/instances", GW_COMPANY, 0, 0, instances_list,
	 GW_DOC("listInstances", "Instances", "List the company's instances", .flags = GW_DOC_LIST,
		.reply = &instance_schema)},
	{HTTP_GET, "/api/instances/{id}", GW_COMPANY, 0, 0, instances_get,
	 GW_DOC("getInstance", "Instances", "One instance", .reply = &instance_schema)},
	{HTTP_PUT, "/api/instances/{id}", GW_COMPANY, GW_JSON, 0, instances_update,
	 GW_DOC("updateInstance", "Instances", "Change name or settings",
		.body = JSON_RULES(change_rules), .example = "{\"settings\":{\"per_minute\":20}}",
		.reply = &instance_schema, .errors = GW_ERR(DUPLICATE_NAME))},
	{HTTP_DELETE, "/api/instances/{id}", GW_COMPANY, 0, 0, instances_delete,
	 GW_DOC("deleteInstance", "Instances", "Delete an instance and its session at the provider",
		.text = "Waiting messages are cancelled. The instance is deleted whatever its "
			"provider answers; where that did not confirm the end of the session, the "
			"message says so.",
		.reply = &instance_schema)},
	{HTTP_POST, "/api/instances/{id}/resume-new-chats", GW_COMPANY, 0, 0,
	 instances_resume_new_chats,
	 GW_DOC("resumeNewChats", "Instances", "Lift a pause of new conversations",
		.text = "What waits for its end leaves at once. Where WhatsApp still refuses, the "
			"pause begins anew.",
		.reply = &instance_schema)},
	{HTTP_POST, "/api/instances/{id}/token", GW_COMPANY, GW_JSON_OPTIONAL | GW_KEYED, 0,
	 instances_rotate,
	 GW_DOC("rotateInstanceToken", "Instances", "New token of an instance",
		.body = JSON_RULES(rotation_rules), .example = "{\"overlap_seconds\":60}",
		.status = {201}, .reply = &instance_token_schema)},
};

static const struct db_stmt_table *const instances_write_tables[] = {
	&instance_stmt_table,
	&endpoint_stmt_table,
	&token_stmt_table,
	&cancel_stmt_table,
	&send_queue_stmt_table,
	&instance_lock_stmt_table,
	NULL,
};

static const struct db_stmt_table *const instances_read_tables[] = {
	&instance_stmt_table,
	NULL,
};

const struct gw_module instances_module = {
	.routes = instances_routes,
	.route_count = GH_COUNT(instances_routes),
	.write_tables = instances_write_tables,
	.read_tables = instances_read_tables,
	.start = instances_start,
	.stop = instances_stop,
};
