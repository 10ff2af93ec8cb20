/* endpoints.c - the webhooks of an instance: where the company hears of its events.
 *
 * Secrets and header values are sealed before they leave this process; a secret is
 * shown in the reply that made it and never again.
 */
#include "endpoints.h"

#include "gateway.h"
#include "instances.h"

#include "base/arena.h"
#include "base/mem.h"
#include "http/egress.h"

#define SEALED_MAX  (256 * 1024)
#define HEADERS_MAX (128 * 1024)

#define SECRET_AAD  S("endpoint_secret")
#define HEADERS_AAD S("endpoint_headers")

struct endpoints {
	struct egress *egress;
	struct endpoint_policy policy;
};

/* ---- shared with instance_create.c ---- */

const struct endpoint_policy *
endpoints_policy(const struct gw_req *req)
{
	return &req->gw->endpoints->policy;
}

/* Absent stays absent. */
static struct slice
seal(struct gw_req *req, struct slice aad, struct slice plain)
{
	struct buf b;

	if (plain.p == NULL)
		return SLICE_NONE;
	buf_init(&b, req->a, SEALED_MAX);
	if (seal_bytes(&req->gw->seal_key, aad, plain, &b) != GH_OK)
		gh_panic("endpoints: %zu bytes cannot be sealed", plain.n);
	return buf_slice(&b);
}

static struct endpoint_set
set_of(struct gw_req *req, const struct endpoint_input *in)
{
	return (struct endpoint_set){
		.url = in->url,
		.events = in->events,
		.event_count = in->event_count,
		.event_mask = in->mask,
		.format = in->format,
		.options = in->options,
		.headers_sealed = seal(req, HEADERS_AAD, in->headers),
		.is_active = in->is_active,
	};
}

struct slice
endpoints_seal_secret(struct gw_req *req, const struct whsec *secret)
{
	char text[WHSEC_TEXT_SIZE];
	struct slice sealed = seal(req, SECRET_AAD, slice_of(whsec_text(secret, text)));

	gh_wipe(text, sizeof(text));
	return sealed;
}

void
endpoints_insert_add(struct gw_req *req, struct db_unit *u, const struct endpoint_owner *owner,
		     struct endpoint_input *in)
{
	const struct endpoint_set set = set_of(req, in);

	if (!in->has_secret)
		whsec_generate(&in->secret);
	endpoint_insert_add(u, owner, &set, endpoints_seal_secret(req, &in->secret));
}

/* The headers in plain; absent also when they cannot be opened. */
static struct slice
open_headers(struct gw_req *req, struct slice sealed)
{
	struct buf b;

	buf_init(&b, req->a, HEADERS_MAX);
	if (sealed.p == NULL || seal_open(&req->gw->seal_key, 1, HEADERS_AAD, sealed, &b) != GH_OK)
		return SLICE_NONE;
	return buf_slice(&b);
}

const struct gw_schema endpoint_schema = {
	.name = "Webhook",
	.text = "Where events of an instance are posted. Values of headers are masked.",
	.fields = GW_FIELDS(
		GW_FIELD("id", INT), GW_FIELD("instance_id", INT), GW_FIELD("url", URL),
		GW_FIELD("events", STRING, .flags = GW_F_MANY),
		GW_FIELD("format", STRING, .words = GW_WORDS("growhub", "standard", "uazapi")),
		GW_FIELD("is_active", BOOL), GW_FIELD("custom_headers", OBJECT),
		GW_FIELD("failure_state", STRING),
		GW_FIELD("last_success_at", TIME, .flags = GW_F_NULL),
		GW_FIELD("disabled_at", TIME, .flags = GW_F_NULL), GW_FIELD("created_at", TIME),
		GW_FIELD("updated_at", TIME)),
};

const struct gw_schema endpoint_secret_schema = {
	.name = "WebhookWithSecret",
	.base = &endpoint_schema,
	.fields = GW_FIELDS(
		GW_FIELD("secret", STRING, .text = "Signs the deliveries; shown this once")),
};

void
endpoints_json_members(struct gw_req *req, struct json_w *w, const struct endpoint_row *row,
		       const struct whsec *secret)
{
	char text[WHSEC_TEXT_SIZE];

	json_w_i64(w, "id", row->id);
	json_w_i64(w, "instance_id", row->instance_id);
	json_w_str(w, "url", row->url);
	json_w_open(w, "events", '[');
	for (unsigned i = 0; i < row->event_count; i++)
		json_w_str(w, NULL, row->events[i]);
	json_w_close(w, ']');
	json_w_str(w, "format", slice_of(event_format_name(row->format)));
	json_w_bool(w, "is_active", row->is_active);
	endpoint_headers_write(w, "custom_headers", open_headers(req, row->headers_sealed), req->a);
	if (secret != NULL)
		json_w_str(w, "secret", slice_of(whsec_text(secret, text)));
	json_w_str(w, "failure_state", row->failure_state);
	json_w_time(w, "last_success_at", row->last_success_at_us);
	json_w_time(w, "disabled_at", row->disabled_at_us);
	json_w_time(w, "created_at", row->created_at_us);
	json_w_time(w, "updated_at", row->updated_at_us);
}

/* ---- replies ---- */

/* The row of a statement that has one. */
static void
reply_row(struct gw_req *req, const struct db_unit *u, unsigned stmt, unsigned status,
	  const char *message, const struct whsec *secret)
{
	struct endpoint_row *row = arena_alloc(req->a, sizeof(*row));
	struct json_w *w;

	endpoint_row_read(u, stmt, 0, req->a, row);
	instances_forget(req->gw, row->instance_id); /* sends are told as it now wants them */
	w = gw_begin(req, message);
	json_w_open(w, GW_DATA, '{');
	endpoints_json_members(req, w, row, secret);
	json_w_close(w, '}');
	gw_send(req, status);
}

/* The row of statement 0, or 404. */
static void
reply_found(struct gw_req *req, const struct db_unit *u, const char *message)
{
	if (endpoint_row_count(u, 0) == 0)
		gw_error(req, GW_E_NOT_FOUND, NULL);
	else
		reply_row(req, u, 0, 200, message, NULL);
}

void
endpoints_refuse_made(struct gw_req *req, const struct db_unit *u, unsigned lock)
{
	if (endpoint_row_count(u, lock) == 0)
		gw_error(req, GW_E_NOT_FOUND, "No such instance");
	else
		gw_error(req, GW_E_CONFLICT,
			 arena_printf(req->a,
				      "The instance has %d webhooks, as many as it may: delete one "
				      "of them first",
				      ENDPOINT_PER_INSTANCE_MAX));
}

/* ---- list ---- */

static int32_t
list_write(struct gw_req *req, const struct db_unit *u, unsigned i, struct json_w *w)
{
	struct endpoint_row *row = arena_alloc(req->a, sizeof(*row));

	endpoint_row_read(u, 0, i, req->a, row);
	json_w_open(w, NULL, '{');
	endpoints_json_members(req, w, row, NULL);
	json_w_close(w, '}');
	return row->id;
}

static void
list_done(struct gw_req *req, const struct db_unit *u)
{
	int64_t total = endpoint_count_of(u, 1);

	if (total < 0)
		gw_error(req, GW_E_NOT_FOUND, "No such instance");
	else
		gw_send_id_list(req, req->user, "Webhooks", u, endpoint_row_count(u, 0), total,
				list_write);
}

static void
endpoints_list(struct gw_req *req)
{
	struct gw_page *page = arena_alloc(req->a, sizeof(*page));
	struct id_page ids;
	struct db_unit *u;
	int32_t instance_id;

	req->user = page;
	if (!gw_id_param(req, "id", &instance_id) || !gw_page_read(req, GW_ID_KEY_SIZE, page))
		return;
	u = db_unit_new();
	ids = gw_page_ids(page);
	endpoint_list_add(u, req->who.company_id, instance_id, &ids);
	endpoint_count_add(u, req->who.company_id, instance_id);
	gw_submit(req, req->gw->read, u, list_done, NULL);
}

/* ---- create ---- */

enum { CREATE_LOCK, CREATE_INSERT };

static void
create_done(struct gw_req *req, const struct db_unit *u)
{
	const struct endpoint_input *in = req->user;

	if (endpoint_row_count(u, CREATE_INSERT) == 0)
		endpoints_refuse_made(req, u, CREATE_LOCK);
	else
		reply_row(req, u, CREATE_INSERT, 201, "Webhook created", &in->secret);
}

static void
endpoints_create(struct gw_req *req)
{
	struct endpoint_input *in = arena_alloc(req->a, sizeof(*in));
	struct endpoint_owner owner = {.company_id = req->who.company_id};
	struct db_unit *u;

	req->user = in;
	in->is_active = true;
	if (!gw_id_param(req, "id", &owner.instance_id))
		return;
	(void)endpoint_input_read(req->body, "", endpoints_policy(req), req->a, gw_errors(req), in);
	if (gw_refuse_fields(req))
		return;
	u = db_unit_new();
	endpoint_room_lock_add(u, owner.company_id, owner.instance_id);
	endpoints_insert_add(req, u, &owner, in);
	gw_submit(req, req->gw->write, u, create_done, NULL);
}

/* ---- change ---- */

static void
update_done(struct gw_req *req, const struct db_unit *u)
{
	reply_found(req, u, "Webhook updated");
}

/* The endpoint as it is, then the body over it: the mask depends on format and events, of
 * which a client may send one. */
static void
update_found(struct gw_req *req, const struct db_unit *u)
{
	struct endpoint_row *row = arena_alloc(req->a, sizeof(*row));
	struct endpoint_input in = {0};
	struct endpoint_set set;
	struct db_unit *next;

	if (endpoint_row_count(u, 0) == 0) {
		gw_error(req, GW_E_NOT_FOUND, NULL);
		return;
	}
	endpoint_row_read(u, 0, 0, req->a, row);
	in.url = row->url;
	in.events = row->events;
	in.event_count = row->event_count;
	in.format = row->format;
	in.options = row->options;
	in.is_active = row->is_active;
	(void)endpoint_input_read(req->body, "", endpoints_policy(req), req->a, gw_errors(req),
				  &in);
	if (in.has_secret)
		gw_field_error(req, "secret", "cannot be changed here");
	if (gw_refuse_fields(req))
		return;
	set = set_of(req, &in);
	if (!in.has_headers)
		set.headers_sealed = row->headers_sealed;
	next = db_unit_new();
	endpoint_update_add(next, req->who.company_id, row->instance_id, row->id, &set);
	gw_submit(req, req->gw->write, next, update_done, NULL);
}

static void
endpoints_update(struct gw_req *req)
{
	struct db_unit *u;
	int32_t instance_id, id;

	if (!gw_id_param(req, "id", &instance_id) || !gw_id_param(req, "wid", &id))
		return;
	u = db_unit_new();
	endpoint_get_add(u, req->who.company_id, instance_id, id);
	gw_submit(req, req->gw->read, u, update_found, NULL);
}

/* ---- delete ---- */

static void
delete_done(struct gw_req *req, const struct db_unit *u)
{
	reply_found(req, u, "Webhook deleted");
}

static void
endpoints_delete(struct gw_req *req)
{
	struct db_unit *u;
	int32_t instance_id, id;

	if (!gw_id_param(req, "id", &instance_id) || !gw_id_param(req, "wid", &id))
		return;
	u = db_unit_new();
	endpoint_delete_add(u, req->who.company_id, instance_id, id);
	gw_submit(req, req->gw->write, u, delete_done, NULL);
}

/* ---- the module ---- */

static enum gh_code
endpoints_start(struct gateway *gw, struct gh_err *err GH_UNUSED)
{
	const struct conf_cidrs *allow = &gw->conf->common.egress_allow;
	struct endpoints *e = gh_alloc(sizeof(*e));

	gw->endpoints = e;
	e->egress = egress_new_allowing(allow);
	e->policy.egress = e->egress;
	e->policy.has_allow = allow->count > 0;
	return GH_OK;
}

static void
endpoints_stop(struct gateway *gw)
{
	if (gw->endpoints == NULL)
		return;
	egress_free(gw->endpoints->egress);
	gh_free(gw->endpoints);
	gw->endpoints = NULL;
}

static const struct gw_route endpoints_routes[] = {
	{HTTP_GET, "/api/instances/{id}/webhooks", GW_COMPANY, 0, 0, endpoints_list,
	 GW_DOC("listWebhooks", "Webhooks", "List the webhooks of an instance",
		.flags = GW_DOC_LIST, .reply = &endpoint_schema)},
	{HTTP_POST, "/api/instances/{id}/webhooks", GW_COMPANY, GW_JSON | GW_KEYED, 0,
	 endpoints_create,
	 GW_DOC("createWebhook", "Webhooks", "Add a webhook", .body = &endpoint_rules,
		.example = "{\"url\":\"https://app.example.com/hook\",\"events\":[\"*\"]}",
		.text = "At most 100 per instance; deleted ones do not count.", .status = {201},
		.reply = &endpoint_secret_schema, .errors = GW_ERR(CONFLICT))},
	{HTTP_PUT, "/api/instances/{id}/webhooks/{wid}", GW_COMPANY, GW_JSON, 0, endpoints_update,
	 GW_DOC("updateWebhook", "Webhooks", "Change a webhook", .body = &endpoint_rules,
		.example = "{\"is_active\":false}", .reply = &endpoint_schema)},
	{HTTP_DELETE, "/api/instances/{id}/webhooks/{wid}", GW_COMPANY, 0, 0, endpoints_delete,
	 GW_DOC("deleteWebhook", "Webhooks", "Remove a webhook", .reply = &endpoint_schema)},
};

static const struct db_stmt_table *const endpoints_tables[] = {
	&endpoint_stmt_table,
	NULL,
};

const struct gw_module endpoints_module = {
	.routes = endpoints_routes,
	.route_count = GH_COUNT(endpoints_routes),
	.write_tables = endpoints_tables,
	.read_tables = endpoints_tables,
	.start = endpoints_start,
	.stop = endpoints_stop,
};
