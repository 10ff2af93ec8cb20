/* companies.c - superadmin: tenants and their tokens. */
#include "gateway.h"

#include "base/arena.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "model/company.h"
#include "model/token.h"
#include "model/wake.h"

/* A creation, change or rotation on its way; lives in the request's arena. */
struct change {
	struct slice name;
	int status; /* STATUS_KEEP where it is not given */
	int64_t rate_per_minute, rate_per_hour;
	int64_t overlap_s;
	char token[GW_TOKEN_SIZE];
	uint8_t token_hash[HASH_SHA256_SIZE];
	struct company_change columns;
};

enum { STATUS_KEEP, STATUS_ACTIVE, STATUS_INACTIVE, STATUS_SUSPENDED };

static const struct json_word statuses[] = {
	{"active", STATUS_ACTIVE},
	{"inactive", STATUS_INACTIVE},
	{"suspended", STATUS_SUSPENDED},
	{NULL, 0},
};

#define RULE_FIELDS(name_flags)                                                                    \
	{.name = "name",                                                                           \
	 .type = JSON_RULE_STRING,                                                                 \
	 .flags = JSON_RULE_LINE | (name_flags),                                                   \
	 .min = 1,                                                                                 \
	 .max = COMPANY_NAME_MAX,                                                                  \
	 .offset = offsetof(struct change, name)},                                                 \
		{.name = "status",                                                                 \
		 .type = JSON_RULE_WORD,                                                           \
		 .words = statuses,                                                                \
		 .offset = offsetof(struct change, status)},                                       \
		{.name = "rate_per_minute",                                                        \
		 .type = JSON_RULE_INT,                                                            \
		 .min = 1,                                                                         \
		 .max = COMPANY_RATE_MAX,                                                          \
		 .offset = offsetof(struct change, rate_per_minute)},                              \
		{.name = "rate_per_hour",                                                          \
		 .type = JSON_RULE_INT,                                                            \
		 .min = 1,                                                                         \
		 .max = COMPANY_RATE_MAX,                                                          \
		 .offset = offsetof(struct change, rate_per_hour)},

static const struct json_rule create_rules[] = {RULE_FIELDS(JSON_RULE_REQUIRED)};
static const struct json_rule update_rules[] = {RULE_FIELDS(0)};

static const struct json_rule rotate_rules[] = {
	{.name = "overlap_seconds",
	 .type = JSON_RULE_INT,
	 .max = TOKEN_OVERLAP_MAX,
	 .offset = offsetof(struct change, overlap_s),
	 .text = "The old token stays good for so long"},
};

/* ---- replies ---- */

static const struct gw_schema limits_schema = {
	.fields = GW_FIELDS(GW_FIELD("rate_per_minute", INT), GW_FIELD("rate_per_hour", INT)),
};

static const struct gw_schema company_schema = {
	.name = "Company",
	.text = "A tenant: its instances, messages and events are its own.",
	.fields =
		GW_FIELDS(GW_FIELD("id", INT), GW_FIELD("name", STRING),
			  GW_FIELD("status", STRING,
				   .words = GW_WORDS("active", "inactive", "suspended", "deleted")),
			  GW_FIELD("created_at", TIME), GW_FIELD("updated_at", TIME),
			  GW_FIELD("limits", OBJECT, .of = &limits_schema)),
};

static const struct gw_schema company_token_schema = {
	.name = "CompanyWithToken",
	.base = &company_schema,
	.fields = GW_FIELDS(GW_FIELD("token", UUID, .text = "Shown this once")),
};

static void
write_members(struct json_w *w, const struct company_row *r)
{
	json_w_i64(w, "id", r->id);
	json_w_str(w, "name", r->name);
	json_w_str(w, "status", r->status);
	json_w_time(w, "created_at", r->created_at_us);
	json_w_time(w, "updated_at", r->updated_at_us);
	json_w_open(w, "limits", '{');
	json_w_i64(w, "rate_per_minute", r->rate_per_minute);
	json_w_i64(w, "rate_per_hour", r->rate_per_hour);
	json_w_close(w, '}');
}

/* Answer with the one row of statement stmt, or 404. token NULL: none is shown. */
static void
send_row(struct gw_req *req, const struct db_unit *u, unsigned stmt, unsigned status,
	 const char *message, const char *token)
{
	struct company_row row;
	struct json_w *w;

	if (company_row_count(u, stmt) == 0) {
		gw_error(req, GW_E_NOT_FOUND, "No such company");
		return;
	}
	company_row_read(u, stmt, 0, &row);
	w = gw_begin(req, message);
	json_w_open(w, GW_DATA, '{');
	write_members(w, &row);
	if (token != NULL)
		json_w_str(w, "token", slice_of(token));
	json_w_close(w, '}');
	gw_send(req, status);
}

/* ---- reading ---- */

static int32_t
list_write(struct gw_req *req GH_UNUSED, const struct db_unit *u, unsigned i, struct json_w *w)
{
	struct company_row row;

	company_row_read(u, 0, i, &row);
	json_w_open(w, NULL, '{');
	write_members(w, &row);
	json_w_close(w, '}');
	return row.id;
}

static void
list_read(struct gw_req *req, const struct db_unit *u)
{
	gw_send_id_list(req, req->user, "Companies", u, company_row_count(u, 0),
			company_count(u, 1), list_write);
}

static void
companies_list(struct gw_req *req)
{
	struct gw_page *page = arena_alloc(req->a, sizeof(*page));
	struct slice status = gw_query(req, "status");
	struct id_page ids;
	struct db_unit *u;

	if (status.p != NULL && !company_status_is_known(status))
		gw_field_error(req, "status",
			       "must be one of active, inactive, suspended, deleted");
	if (!gw_page_read(req, GW_ID_KEY_SIZE, page))
		return;
	req->user = page;
	u = db_unit_new();
	ids = gw_page_ids(page);
	company_list_add(u, status, &ids);
	company_count_add(u, status);
	gw_submit(req, req->gw->read, u, list_read, NULL);
}

static void
get_read(struct gw_req *req, const struct db_unit *u)
{
	send_row(req, u, 0, 200, "Company", NULL);
}

static void
companies_get(struct gw_req *req)
{
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id))
		return;
	u = db_unit_new();
	company_get_add(u, id);
	gw_submit(req, req->gw->read, u, get_read, NULL);
}

/* ---- writing ---- */

static void
fill_columns(struct change *c)
{
	c->columns.name = c->name;
	for (const struct json_word *s = statuses; s->text != NULL; s++)
		if (s->value == c->status)
			c->columns.status = slice_of(s->text);
	c->columns.rate_per_minute = (int32_t)c->rate_per_minute;
	c->columns.rate_per_hour = (int32_t)c->rate_per_hour;
}

static void
created(struct gw_req *req, const struct db_unit *u)
{
	const struct change *c = req->user;

	send_row(req, u, 0, 201, "Company created", c->token);
}

static void
companies_create(struct gw_req *req)
{
	struct change *c = arena_alloc(req->a, sizeof(*c));
	struct db_unit *u;

	c->status = STATUS_ACTIVE;
	c->rate_per_minute = COMPANY_RATE_MINUTE;
	c->rate_per_hour = COMPANY_RATE_HOUR;
	if (!gw_check(req, create_rules, GH_COUNT(create_rules), c, NULL))
		return;
	fill_columns(c);
	gw_token_new(c->token, c->token_hash);
	req->user = c;
	u = db_unit_new();
	company_insert_add(u, &c->columns, slice_make(c->token_hash, sizeof(c->token_hash)));
	gw_submit(req, req->gw->write, u, created, NULL);
}

static void
updated(struct gw_req *req, const struct db_unit *u)
{
	/* Its sends may wait no longer, and its tokens may mean something else. */
	wake_send(req->gw->wake);
	gw_auth_forget(req->gw);
	send_row(req, u, 0, 200, "Company updated", NULL);
}

static void
companies_update(struct gw_req *req)
{
	struct change *c = arena_alloc(req->a, sizeof(*c));
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id) ||
	    !gw_check(req, update_rules, GH_COUNT(update_rules), c, NULL))
		return;
	fill_columns(c);
	u = db_unit_new();
	company_update_add(u, id, &c->columns);
	gw_submit(req, req->gw->write, u, updated, NULL);
}

static void
deleted(struct gw_req *req, const struct db_unit *u)
{
	struct company_row row;

	gw_auth_forget(req->gw);
	if (company_row_count(u, 0) > 0) {
		company_row_read(u, 0, 0, &row);
		log_info("company.deleted", LOG_INT("company", row.id),
			 LOG_INT("admin", req->who.admin_id));
	}
	send_row(req, u, 0, 202, "Company is being deleted", NULL);
}

static void
companies_delete(struct gw_req *req)
{
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id))
		return;
	u = db_unit_new();
	company_delete_add(u, id);
	gw_submit(req, req->gw->write, u, deleted, NULL);
}

/* ---- rotation ---- */

static void
rotated(struct gw_req *req, const struct db_unit *u)
{
	const struct change *c = req->user;

	gw_auth_forget(req->gw);
	send_row(req, u, 1, 201, "Token rotated", c->token);
}

static void
companies_rotate(struct gw_req *req)
{
	struct change *c = arena_alloc(req->a, sizeof(*c));
	struct db_unit *u;
	int32_t id;

	if (!gw_id_param(req, "id", &id) ||
	    !gw_check(req, rotate_rules, GH_COUNT(rotate_rules), c, NULL))
		return;
	gw_token_new(c->token, c->token_hash);
	req->user = c;
	u = db_unit_new();
	company_rotate_add(u, id, slice_make(c->token_hash, sizeof(c->token_hash)),
			   (int32_t)c->overlap_s);
	gw_submit(req, req->gw->write, u, rotated, NULL);
}

/* ---- module ---- */

static const struct gw_route routes[] = {
	{HTTP_GET, "/api/admin/companies", GW_ADMIN, 0, 0, companies_list,
	 GW_DOC("listCompanies", "Companies", "List companies", .flags = GW_DOC_LIST,
		.query = GW_FIELDS(
			GW_FIELD("status", STRING,
				 .words = GW_WORDS("active", "inactive", "suspended", "deleted"))),
		.reply = &company_schema)},
	{HTTP_POST, "/api/admin/companies", GW_ADMIN, GW_JSON | GW_KEYED, 0, companies_create,
	 GW_DOC("createCompany", "Companies", "Create a company", .body = JSON_RULES(create_rules),
		.example = "{\"name\":\"Acme\"}", .status = {201}, .reply = &company_token_schema)},
	{HTTP_GET, "/api/admin/companies/{id}", GW_ADMIN, 0, 0, companies_get,
	 GW_DOC("getCompany", "Companies", "One company", .reply = &company_schema)},
	{HTTP_PUT, "/api/admin/companies/{id}", GW_ADMIN, GW_JSON, 0, companies_update,
	 GW_DOC("updateCompany", "Companies", "Change name, status or rate limits",
		.body = JSON_RULES(update_rules), .example = "{\"rate_per_minute\":120}",
		.reply = &company_schema)},
	{HTTP_DELETE, "/api/admin/companies/{id}", GW_ADMIN, 0, 0, companies_delete,
	 GW_DOC("deleteCompany", "Companies", "Delete a company",
		.text = "Its tokens end at once, waiting messages are cancelled, calls in flight "
			"finish.",
		.status = {202}, .reply = &company_schema)},
	{HTTP_POST, "/api/admin/companies/{id}/token", GW_ADMIN, GW_JSON_OPTIONAL | GW_KEYED, 0,
	 companies_rotate,
	 GW_DOC("rotateCompanyToken", "Companies", "New token of a company",
		.body = JSON_RULES(rotate_rules), .example = "{\"overlap_seconds\":60}",
		.status = {201}, .reply = &company_token_schema)},
};

static const struct db_stmt_table *const tables[] = {&company_stmt_table, NULL};

const struct gw_module companies_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
	.write_tables = tables,
	.read_tables = tables,
};
