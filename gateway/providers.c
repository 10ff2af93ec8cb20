/* providers.c - superadmin: the servers that hold the sessions. An API key goes in
 * and never comes out. */
#include "gateway.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "crypto/seal.h"
#include "model/provider_row.h"

#define API_KEY_MAX        4096
#define MAX_INSTANCES_DFLT 100

/* A creation or change on its way; lives in the request's arena. */
struct change {
	int type;
	struct slice name, base_url, api_key;
	int64_t max_instances, max_concurrency;
	bool is_active;
	struct provider_change columns;
};

enum { TYPE_NONE, TYPE_WAHA, TYPE_UAZAPI };

static const struct json_word types[] = {
	{"waha", TYPE_WAHA},
	{"uazapi", TYPE_UAZAPI},
	{NULL, 0},
};

/* The rules of a creation; a change knows the same but the type, and demands none. The order is
 * that of the bits in json_given. */
enum {
	RULE_NAME,
	RULE_BASE_URL,
	RULE_API_KEY,
	RULE_MAX_INSTANCES,
	RULE_MAX_CONCURRENCY,
	RULE_IS_ACTIVE,
	RULE_TYPE
};
#define AT(member) .offset = offsetof(struct change, member)
#define RULE_FIELDS(needed)                                                                        \
	[RULE_NAME] = {.name = "name",                                                             \
		       .type = JSON_RULE_STRING,                                                   \
		       .flags = JSON_RULE_LINE | (needed),                                         \
		       .min = 1,                                                                   \
		       .max = PROVIDER_NAME_MAX,                                                   \
		       AT(name)},                                                                  \
	[RULE_BASE_URL] = {.name = "base_url",                                                     \
			   .type = JSON_RULE_URL,                                                  \
			   .flags = (needed),                                                      \
			   AT(base_url)},                                                          \
	[RULE_API_KEY] = {.name = "api_key",                                                       \
			  .type = JSON_RULE_STRING,                                                \
			  .flags = JSON_RULE_LINE | JSON_RULE_NULLABLE,                            \
			  .max = API_KEY_MAX,                                                      \
			  AT(api_key)},                                                            \
	[RULE_MAX_INSTANCES] = {.name = "max_instances",                                           \
				.type = JSON_RULE_INT,                                             \
				.min = 1,                                                          \
				.max = PROVIDER_INSTANCES_MAX,                                     \
				AT(max_instances)},                                                \
	[RULE_MAX_CONCURRENCY] = {.name = "max_concurrency",                                       \
				  .type = JSON_RULE_INT,                                           \
				  .max = PROVIDER_CONCURRENCY_MAX,                                 \
				  AT(max_concurrency)},                                            \
	[RULE_IS_ACTIVE] = {.name = "is_active", .type = JSON_RULE_BOOL, AT(is_active)}

static const struct json_rule create_rules[] = {
	RULE_FIELDS(JSON_RULE_REQUIRED),
	[RULE_TYPE] = {.name = "type",
		       .type = JSON_RULE_WORD,
		       .flags = JSON_RULE_REQUIRED,
		       .words = types,
		       AT(type)},
};
static const struct json_rule update_rules[] = {RULE_FIELDS(0)};

/* ---- replies ---- */

static const struct gw_schema provider_schema = {
	.name = "Provider",
	.text = "A server that holds sessions. Its API key is never shown.",
	.fields = GW_FIELDS(
		GW_FIELD("id", INT), GW_FIELD("type", STRING, .words = GW_WORDS("waha", "uazapi")),
		GW_FIELD("name", STRING), GW_FIELD("base_url", URL), GW_FIELD("has_api_key", BOOL),
		GW_FIELD("max_instances", INT),
		GW_FIELD("max_concurrency", INT, .text = "Calls at a time; 0: no limit of its own"),
		GW_FIELD("is_active", BOOL), GW_FIELD("current_instances", INT),
		GW_FIELD("health_status", STRING,
			 .words = GW_WORDS("healthy", "unhealthy", "unknown")),
		GW_FIELD("engine", STRING, .flags = GW_F_NULL,
			 .text = "What it runs, as it says itself; decides what it can send"),
		GW_FIELD("last_check", TIME, .flags = GW_F_NULL), GW_FIELD("created_at", TIME),
		GW_FIELD("updated_at", TIME)),
};

static const struct gw_schema provider_instance_schema = {
	.name = "ProviderInstance",
	.text = "An instance of any company, as the superadmin sees it.",
	.fields = GW_FIELDS(GW_FIELD("id", INT), GW_FIELD("company_id", INT),
			    GW_FIELD("company_name", STRING), GW_FIELD("instance_name", STRING),
			    GW_FIELD("phone_number", STRING, .flags = GW_F_NULL),
			    GW_FIELD("status", STRING),
			    GW_FIELD("external_instance_id", STRING, .flags = GW_F_NULL),
			    GW_FIELD("created_at", TIME), GW_FIELD("updated_at", TIME)),
};

static void
write_row(struct json_w *w, const char *name, const struct provider_row *r)
{
	json_w_open(w, name, '{');
	json_w_i64(w, "id", r->id);
	json_w_str(w, "type", r->type);
	json_w_str(w, "name", r->name);
	json_w_str(w, "base_url", r->base_url);
	json_w_bool(w, "has_api_key", r->has_api_key);
	json_w_i64(w, "max_instances", r->max_instances);
	json_w_i64(w, "max_concurrency", r->max_concurrency);
	json_w_bool(w, "is_active", r->is_active);
	json_w_i64(w, "current_instances", r->current_instances);
	json_w_str(w, "health_status", r->health_status);
	json_w_str(w, "engine", r->engine);
	json_w_time(w, "last_check", r->last_check_us);
	json_w_time(w, "created_at", r->created_at_us);
	json_w_time(w, "updated_at", r->updated_at_us);
	json_w_close(w, '}');
}

/* Answer with the one row of statement stmt, or 404. */
static void
send_row(struct gw_req *req, const struct db_unit *u, unsigned stmt, unsigned status,
	 const char *message)
{
	struct provider_row row;

	if (provider_row_count(u, stmt) == 0) {
		gw_error(req, GW_E_NOT_FOUND, "No such provider");
		return;
	}
	provider_row_read(u, stmt, 0, &row);
	write_row(gw_begin(req, message), GW_DATA, &row);
	gw_send(req, status);
}

/* ---- reading ---- */

static int32_t
list_write(struct gw_req *req GH_UNUSED, const struct db_unit *u, unsigned i, struct json_w *w)
{
	struct provider_row row;

	provider_row_read(u, 0, i, &row);
	write_row(w, NULL, &row);
	return row.id;
}

static void
list_read(struct gw_req *req, const struct db_unit *u)
{
	gw_send_id_list(req, req->user, "Providers", u, provider_row_count(u, 0),
			provider_count(u, 1), list_write);
}

static void
providers_list(struct gw_req *req)
{
	struct gw_page *page = arena_alloc(req->a, sizeof(*page));
	struct id_page ids;
	struct db_unit *u;

	if (!gw_page_read(req, GW_ID_KEY_SIZE, page))
		return;
	req->user = page;
	u = db_unit_new();
	ids = gw_page_ids(page);
	provider_list_add(u, &ids);
	provider_count_add(u);
	gw_submit(req, req->gw->read, u, list_read, NULL);
}

static void
get_read(struct gw_req *req, const struct db_unit *u)
{
	send_row(req, u, 0, 200, "Provider");
}

static void
providers_get(struct gw_req *req)
{
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id))
		return;
	u = db_unit_new();
	provider_get_add(u, id);
	gw_submit(req, req->gw->read, u, get_read, NULL);
}

static void
write_instance(struct json_w *w, const struct provider_instance *r)
{
	json_w_open(w, NULL, '{');
	json_w_i64(w, "id", r->id);
	json_w_i64(w, "company_id", r->company_id);
	json_w_str(w, "company_name", r->company_name);
	json_w_str(w, "instance_name", r->instance_name);
	json_w_str(w, "phone_number", r->phone_number);
	json_w_str(w, "status", r->status);
	json_w_str(w, "external_instance_id", r->external_id);
	json_w_time(w, "created_at", r->created_at_us);
	json_w_time(w, "updated_at", r->updated_at_us);
	json_w_close(w, '}');
}

/* Statement 0 is the provider, 1 its instances. */
static int32_t
instance_write(struct gw_req *req GH_UNUSED, const struct db_unit *u, unsigned i, struct json_w *w)
{
	struct provider_instance row;

	provider_instance_read(u, 1, i, &row);
	write_instance(w, &row);
	return row.id;
}

static void
instances_read(struct gw_req *req, const struct db_unit *u)
{
	struct provider_row provider;

	if (provider_row_count(u, 0) == 0) {
		gw_error(req, GW_E_NOT_FOUND, "No such provider");
		return;
	}
	provider_row_read(u, 0, 0, &provider);
	gw_send_id_list(req, req->user, "Instances of the provider", u,
			provider_instance_count(u, 1), provider.current_instances, instance_write);
}

static void
providers_instances(struct gw_req *req)
{
	struct gw_page *page = arena_alloc(req->a, sizeof(*page));
	struct id_page ids;
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id) || !gw_page_read(req, GW_ID_KEY_SIZE, page))
		return;
	req->user = page;
	u = db_unit_new();
	provider_get_add(u, id);
	ids = gw_page_ids(page);
	provider_instances_add(u, id, &ids);
	gw_submit(req, req->gw->read, u, instances_read, NULL);
}

/* ---- writing ---- */

/* Paths are appended to it: no slash at the end, and no query. */
static struct slice
trim_url(struct gw_req *req, struct slice url)
{
	if (slice_index(url, '?') >= 0)
		gw_field_error(req, "base_url", "must not have a query");
	while (url.n > 0 && url.p[url.n - 1] == '/')
		url.n--;
	return url;
}

/* The rules were kept: make the columns. False: answered. */
static bool
fill_columns(struct gw_req *req, struct change *c, const struct json_given *given)
{
	struct provider_change *to = &c->columns;
	struct buf sealed;

	for (const struct json_word *t = types; t->text != NULL; t++)
		if (t->value == c->type)
			to->type = slice_of(t->text);
	to->name = c->name;
	to->base_url = trim_url(req, c->base_url);
	to->has_max_instances = (given->present & 1u << RULE_MAX_INSTANCES) != 0;
	to->max_instances = (int32_t)c->max_instances;
	to->has_max_concurrency = (given->present & 1u << RULE_MAX_CONCURRENCY) != 0;
	to->max_concurrency = (int32_t)c->max_concurrency;
	to->has_is_active = (given->present & 1u << RULE_IS_ACTIVE) != 0;
	to->is_active = c->is_active;
	to->sets_api_key = ((given->present | given->null) & 1u << RULE_API_KEY) != 0;
	if (gw_refuse_fields(req))
		return false;
	if (c->api_key.n == 0)
		return true;
	buf_init(&sealed, req->a, c->api_key.n + SEAL_OVERHEAD);
	if (seal_bytes(&req->gw->seal_key, S("provider_key"), c->api_key, &sealed) != GH_OK)
		gh_panic("gateway: an API key of %zu bytes cannot be sealed", c->api_key.n);
	to->api_key_sealed = buf_slice(&sealed);
	return true;
}

static bool
write_failed(struct gw_req *req, const struct db_error *err)
{
	if (strcmp(err->constraint, PROVIDER_NAME_CONSTRAINT) != 0)
		return false;
	gw_field_error(req, "name", "is in use already");
	gw_error(req, GW_E_DUPLICATE_NAME, NULL);
	return true;
}

static void
created(struct gw_req *req, const struct db_unit *u)
{
	send_row(req, u, 0, 201, "Provider created");
}

static void
providers_create(struct gw_req *req)
{
	struct change *c = arena_alloc(req->a, sizeof(*c));
	struct json_given given = {0};
	struct db_unit *u;

	c->max_instances = MAX_INSTANCES_DFLT;
	c->is_active = true;
	if (!gw_check(req, create_rules, GH_COUNT(create_rules), c, &given) ||
	    !fill_columns(req, c, &given))
		return;
	u = db_unit_new();
	provider_insert_add(u, &c->columns);
	gw_submit(req, req->gw->write, u, created, write_failed);
}

static void
updated(struct gw_req *req, const struct db_unit *u)
{
	send_row(req, u, 0, 200, "Provider updated");
}

static void
providers_update(struct gw_req *req)
{
	struct change *c = arena_alloc(req->a, sizeof(*c));
	struct json_given given = {0};
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id) ||
	    !gw_check(req, update_rules, GH_COUNT(update_rules), c, &given) ||
	    !fill_columns(req, c, &given))
		return;
	u = db_unit_new();
	provider_update_add(u, id, &c->columns);
	gw_submit(req, req->gw->write, u, updated, write_failed);
}

static void
deleted(struct gw_req *req, const struct db_unit *u)
{
	if (provider_row_count(u, 1) > 0 && !provider_is_ended(u, 1)) {
		gw_error(req, GW_E_CONFLICT, "The provider still has instances");
		return;
	}
	send_row(req, u, 1, 200, "Provider deleted");
}

static void
providers_delete(struct gw_req *req)
{
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id))
		return;
	u = db_unit_new();
	provider_delete_add(u, id);
	gw_submit(req, req->gw->write, u, deleted, NULL);
}

/* ---- module ---- */

static const struct gw_route routes[] = {
	{HTTP_GET, "/api/admin/providers", GW_ADMIN, 0, 0, providers_list,
	 GW_DOC("listProviders", "Providers", "List providers", .flags = GW_DOC_LIST,
		.reply = &provider_schema)},
	{HTTP_POST, "/api/admin/providers", GW_ADMIN, GW_JSON | GW_KEYED, 0, providers_create,
	 GW_DOC("createProvider", "Providers", "Add a provider", .body = JSON_RULES(create_rules),
		.example = "{\"type\":\"waha\",\"name\":\"waha-1\","
			   "\"base_url\":\"https://waha.example.com\",\"api_key\":\"key\"}",
		.status = {201}, .reply = &provider_schema, .errors = GW_ERR(DUPLICATE_NAME))},
	{HTTP_GET, "/api/admin/providers/{id}", GW_ADMIN, 0, 0, providers_get,
	 GW_DOC("getProvider", "Providers", "One provider", .reply = &provider_schema)},
	{HTTP_PUT, "/api/admin/providers/{id}", GW_ADMIN, GW_JSON, 0, providers_update,
	 GW_DOC("updateProvider", "Providers", "Change a provider",
		.body = JSON_RULES(update_rules), .example = "{\"max_instances\":200}",
		.reply = &provider_schema, .errors = GW_ERR(DUPLICATE_NAME))},
	{HTTP_DELETE, "/api/admin/providers/{id}", GW_ADMIN, 0, 0, providers_delete,
	 GW_DOC("deleteProvider", "Providers", "Remove a provider without instances",
		.reply = &provider_schema, .errors = GW_ERR(CONFLICT))},
	{HTTP_GET, "/api/admin/providers/{id}/instances", GW_ADMIN, 0, 0, providers_instances,
	 GW_DOC("listProviderInstances", "Providers", "List the instances at a provider",
		.flags = GW_DOC_LIST, .reply = &provider_instance_schema)},
};

static const struct db_stmt_table *const tables[] = {&provider_stmt_table, NULL};

const struct gw_module providers_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
	.write_tables = tables,
	.read_tables = tables,
};
