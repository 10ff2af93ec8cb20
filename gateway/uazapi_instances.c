/* uazapi_instances.c - what UAZAPI lets the holder of the server's token do: a company's token in
 * the header admintoken makes, lists and marks that company's instances (contracts/uazapi.md
 * section 4).
 */
#include "gateway.h"
#include "instances.h"
#include "uazapi_instance.h"

#include "base/arena.h"
#include "model/dialect.h"
#include "model/id_page.h"

#define NAME_CHARS  100
#define FIELD_CHARS 255
#define ALL_MAX     10000

/* ---- settings that are kept for such a client ---- */

struct marks {
	struct slice name, system_name, field_01, field_02;
	struct slice id;
};
#define AT(member) .offset = offsetof(struct marks, member)
#define TEXT_RULE(field, member)                                                                   \
	{                                                                                          \
		field, JSON_RULE_STRING, JSON_RULE_LINE, .max = FIELD_CHARS, AT(member)            \
	}

static const struct json_rule create_rules[] = {
	{"name", JSON_RULE_STRING, JSON_RULE_REQUIRED | JSON_RULE_LINE, .min = 1, .max = NAME_CHARS,
	 AT(name)},
	TEXT_RULE("systemName", system_name),
	TEXT_RULE("adminField01", field_01),
	TEXT_RULE("adminField02", field_02),
};

static const struct json_rule marks_rules[] = {
	{"id", JSON_RULE_STRING, JSON_RULE_REQUIRED | JSON_RULE_NUMBER_OK, .min = 1, .max = 64,
	 AT(id), .text = "As UAZAPI's replies show it, or ours"},
	TEXT_RULE("adminField01", field_01),
	TEXT_RULE("adminField02", field_02),
};
#undef AT

static void
write_given(struct json_w *w, const char *name, struct slice text)
{
	if (text.p != NULL)
		json_w_str(w, name, text);
}

/* What was given, as the JSON object that is merged into the instance's settings. */
static struct slice
settings_text(struct arena *a, const struct marks *m)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, a, 16 * 1024); /* three texts, each character escaped */
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	write_given(&w, UAZAPI_SYSTEM_NAME, m->system_name);
	write_given(&w, UAZAPI_FIELD_01, m->field_01);
	write_given(&w, UAZAPI_FIELD_02, m->field_02);
	json_w_close(&w, '}');
	return buf_slice(&b);
}

/* ---- create ---- */

static const struct gw_field created_fields[] = {
	GW_FIELD("response", STRING),
	GW_FIELD("info", STRING),
	GW_FIELD("instance", OBJECT, .of = &uazapi_instance_schema),
	GW_FIELD("connected", BOOL),
	GW_FIELD("loggedIn", BOOL),
	GW_FIELD("name", STRING),
	GW_FIELD("token", UUID, .text = "Of the instance; shown this once"),
	{.name = NULL},
};

static void
created_beside(struct gw_req *req, struct json_w *w, const struct instance_row *row,
	       const char *token)
{
	const struct uazapi_instance i = {
		.row = row, .status = "disconnected", .token = slice_of(token)};

	uazapi_response_members(w, "Instance created successfully");
	json_w_open(w, "instance", '{');
	uazapi_instance_members(w, &i, req->a);
	json_w_close(w, '}');
	json_w_bool(w, "connected", false);
	json_w_bool(w, "loggedIn", false);
	json_w_str(w, "name", row->name);
	json_w_str(w, "token", slice_of(token));
}

static void
create_post(struct gw_req *req)
{
	struct marks m = {.name = SLICE_NONE};
	struct instances_wish wish = {.beside = created_beside};

	m.system_name = S("uazapiGO");
	if (!gw_check(req, create_rules, GH_COUNT(create_rules), &m, NULL))
		return;
	wish.name = m.name;
	wish.settings = settings_text(req->a, &m);
	instances_create_wish(req, &wish);
}

/* ---- all ---- */

static void
all_done(struct gw_req *req, const struct db_unit *u)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, req->a, GW_REPLY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '[');
	for (unsigned i = 0; i < instance_row_count(u, 0); i++) {
		struct instance_row row;
		struct uazapi_instance one = {.row = &row};

		instance_row_read(u, 0, i, req->a, &row);
		one.status = uazapi_instance_word(&row);
		json_w_open(&w, NULL, '{');
		uazapi_instance_members(&w, &one, req->a);
		json_w_close(&w, '}');
	}
	json_w_close(&w, ']');
	if (b.over)
		gw_error(req, GW_E_INTERNAL, NULL);
	else
		gw_send_as(req, 200, S("application/json"), buf_slice(&b));
}

static void
all_get(struct gw_req *req)
{
	const struct id_page page = {.key = INT32_MAX, .limit = ALL_MAX};
	struct db_unit *u = db_unit_new();

	instance_list_add(u, req->who.company_id, &page);
	gw_submit(req, req->gw->read, u, all_done, NULL);
}

/* ---- admin fields ---- */

static void
marks_post(struct gw_req *req)
{
	struct instance_change change = {.name = SLICE_NONE};
	struct marks m = {.name = SLICE_NONE};
	int32_t id;

	if (!gw_check(req, marks_rules, GH_COUNT(marks_rules), &m, NULL))
		return;
	if (dialect_instance_id_parse(m.id, &id) != GH_OK) {
		gw_error(req, GW_E_NOT_FOUND, "No such instance");
		return;
	}
	change.settings = settings_text(req->a, &m);
	uazapi_instance_change(req, id, &change);
}

/* ---- the module ---- */

#define TAG  "UAZAPI"
#define TEXT "A company's token in the header admintoken is what UAZAPI calls the server's token."
#define CREATE_DOC(operation)                                                                      \
	GW_DOC(operation, TAG, "Create an instance, as UAZAPI has it", .text = TEXT,               \
	       .body = JSON_RULES(create_rules),                                                   \
	       .example = "{\"name\":\"acme-01\",\"systemName\":\"growhub\"}",                     \
	       .reply = &instance_created_schema, .beside = created_fields,                        \
	       .errors = GW_ERR(DUPLICATE_NAME) | GW_ERR(NO_PROVIDER))

static const struct gw_route routes[] = {
	{HTTP_POST, "/instance/create", GW_COMPANY, GW_JSON | GW_KEYED | GW_ADMINTOKEN, 0,
	 create_post, CREATE_DOC("uazapiCreate")},
	{HTTP_POST, "/instance/init", GW_COMPANY, GW_JSON | GW_KEYED | GW_ADMINTOKEN, 0,
	 create_post, CREATE_DOC("uazapiInit")},
	{HTTP_GET, "/instance/all", GW_COMPANY, GW_ADMINTOKEN, 0, all_get,
	 GW_DOC("uazapiAll", TAG, "The company's instances, as UAZAPI lists them",
		.text = TEXT " The newest 10000.", .flags = GW_DOC_BARE | GW_DOC_ARRAY,
		.reply = &uazapi_instance_schema)},
	{HTTP_POST, "/instance/updateAdminFields", GW_COMPANY, GW_JSON | GW_ADMINTOKEN, 0,
	 marks_post,
	 GW_DOC("uazapiAdminFields", TAG, "Keep two texts with an instance, as UAZAPI does",
		.text = TEXT " They are settings.admin_field_01 and 02 of the instance.",
		.body = JSON_RULES(marks_rules),
		.example = "{\"id\":\"r0000000000002a\",\"adminField01\":\"plan A\"}",
		.reply = &instance_schema, .beside = uazapi_instance_fields,
		.errors = GW_ERR(NOT_FOUND))},
};

static const struct db_stmt_table *const tables[] = {&instance_stmt_table, NULL};

const struct gw_module uazapi_instances_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
	.write_tables = tables,
	.read_tables = tables,
};
