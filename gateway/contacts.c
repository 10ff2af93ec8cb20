/* contacts.c - the people of an instance: its contacts, whether numbers exist, and what is known
 * of a chat.
 */
#include "direct.h"
#include "gateway.h"
#include "provider_failed.h"

#include "base/arena.h"
#include "model/dialect.h"

#define LIMIT_DEFAULT  200
#define LIMIT_MAX      1000
#define OFFSET_MAX     1000000
#define NUMBERS_MAX    50
#define CHECK_WIDTH    8
#define NAME_MAX_CHARS 100
#define NUMBER_FLAGS   (JSON_RULE_REQUIRED | JSON_RULE_LINE | JSON_RULE_NUMBER_OK)

/* ---- the list ---- */

static const struct gw_schema contact_schema = {
	.name = "Contact",
	.fields = GW_FIELDS(GW_FIELD("jid", STRING), GW_FIELD("phone", STRING, .flags = GW_F_NULL),
			    GW_FIELD("name", STRING, .flags = GW_F_NULL),
			    GW_FIELD("wa_name", STRING, .flags = GW_F_NULL),
			    GW_FIELD("contactName", STRING, .flags = GW_F_NULL),
			    GW_FIELD("contact_FirstName", STRING, .flags = GW_F_NULL),
			    GW_FIELD("isBlocked", BOOL, .flags = GW_F_NULL),
			    GW_FIELD("isBusiness", BOOL)),
};

/* The provider knows no total: a page that is not full is the last. */
static void
list_done(struct direct *d)
{
	struct json_w *w = gw_begin(d->req, "Contacts");

	json_w_raw(w, GW_DATA, d->step[0].result.data);
	gw_send(d->req, 200);
}

/* The page asked for, of all there are. */
static void
list_all_done(struct direct *d)
{
	const struct provider_act *page = d->user;
	struct json_w *w = gw_begin(d->req, "Contacts");
	const struct json *all = NULL;
	unsigned at = 0;
	struct buf b;

	buf_init(&b, d->req->a, GW_REPLY_MAX);
	json_w_open(w, GW_DATA, '[');
	if (json_parse(d->step[0].result.data, d->req->a, &all, NULL, NULL) == GH_OK)
		for (const struct json *v = json_first(all);
		     v != NULL && at < page->offset + page->limit; v = json_next(v)) {
			if (at++ < page->offset)
				continue;
			buf_reset(&b);
			json_write(&b, v);
			json_w_raw(w, NULL, buf_slice(&b));
		}
	json_w_close(w, ']');
	gw_send(d->req, 200);
}

/* A build of the provider without pages may list them all. */
static void
page_done(struct direct *d)
{
	static const struct provider_act all = {.action = ACTION_CONTACTS_ALL};
	const struct provider_result *r = &d->step[0].result;

	if (r->outcome == PROVIDER_OK)
		list_done(d);
	else if (slice_eq(slice_of(r->code), S("unsupported")) &&
		 d->provider->action_gap(all.action, d->instance.engine) == NULL)
		direct_act(d, &all, list_all_done);
	else
		provider_failed(d->req, d->instance.provider_type, d->instance.engine, r);
}

static unsigned
number_param(struct gw_req *req, const char *name, uint64_t min, uint64_t max, uint64_t dflt)
{
	struct slice text = gw_query(req, name);
	uint64_t v = dflt;

	if (text.p != NULL && parse_u64(text, min, max, &v) != GH_OK)
		gw_field_error(req, name, "is no number in its range");
	return (unsigned)v;
}

static void
contacts_list(struct gw_req *req)
{
	struct direct_step *step = arena_alloc(req->a, sizeof(*step));

	step->act.action = ACTION_CONTACTS;
	step->act.limit = number_param(req, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT);
	step->act.offset = number_param(req, "offset", 0, OFFSET_MAX, 0);
	if (!gw_refuse_fields(req))
		direct_call(direct_new(req, &step->act), step, 1, 1, 0, page_done);
}

/* ---- one contact ---- */

struct contact_body {
	struct slice phone, name;
};
#define AT(member) .offset = offsetof(struct contact_body, member)

static const struct json_rule contact_rules[] = {
	{"phone", JSON_RULE_STRING, NUMBER_FLAGS, .min = 1, .max = 64, AT(phone)},
	{"name", JSON_RULE_STRING, JSON_RULE_LINE, .min = 1, .max = NAME_MAX_CHARS, AT(name),
	 .text = "Of a new contact; without it the number"},
};
#undef AT

static const struct gw_schema contact_done_schema = {
	.name = "ContactChanged",
	.fields = GW_FIELDS(GW_FIELD("jid", STRING), GW_FIELD("name", STRING, .flags = GW_F_NULL)),
};

/* What UAZAPI has at the root of a contact that was added or removed. */
static const struct gw_schema named_schema = {
	.fields = GW_FIELDS(GW_FIELD("jid", STRING), GW_FIELD("name", STRING, .flags = GW_F_NULL),
			    GW_FIELD("phone", STRING)),
};
static const struct gw_field added_fields[] = {
	GW_FIELD("contact", OBJECT, .of = &named_schema),
	{.name = NULL},
};
static const struct gw_field removed_fields[] = {
	GW_FIELD("removed_contact", OBJECT, .of = &named_schema),
	{.name = NULL},
};

static void
write_named(struct direct *d, struct json_w *w, const char *name)
{
	const struct provider_act *act = &d->step[0].act;
	struct slice host, user = slice_cut(act->chat, '@', &host);

	json_w_open(w, name, '{');
	json_w_str(w, "jid", dialect_jid(act->chat, d->req->a));
	json_w_str(w, "name", act->name);
	json_w_str(w, "phone", slice_eq(host, S("c.us")) ? user : S(""));
	json_w_close(w, '}');
}

/* Begun, with data. */
static struct json_w *
write_done(struct direct *d)
{
	const struct provider_act *act = &d->step[0].act;
	struct json_w *w = gw_begin(d->req, "Contact updated");

	json_w_open(w, GW_DATA, '{');
	json_w_str(w, "jid", act->chat);
	json_w_str(w, "name", act->name);
	json_w_close(w, '}');
	return w;
}

static void
contact_done(struct direct *d)
{
	enum provider_action action = d->step[0].act.action;
	struct json_w *w = write_done(d);

	if (action == ACTION_CONTACT_ADD)
		write_named(d, w, "contact");
	else if (action == ACTION_CONTACT_REMOVE)
		write_named(d, w, "removed_contact");
	gw_send(d->req, 200);
}

static void
contact_change(struct gw_req *req, enum provider_action action)
{
	struct contact_body body = {0};
	struct provider_act act = {.action = action};

	(void)json_check(req->body, contact_rules, GH_COUNT(contact_rules), "", &body, NULL,
			 gw_errors(req));
	act.chat = direct_person(req, "phone", body.phone);
	if (gw_refuse_fields(req))
		return;
	if (action == ACTION_CONTACT_ADD)
		act.name = body.name.p != NULL ? body.name : body.phone;
	direct_act(direct_new(req, NULL), &act, contact_done);
}

static void
contact_add(struct gw_req *req)
{
	contact_change(req, ACTION_CONTACT_ADD);
}

static void
contact_remove(struct gw_req *req)
{
	contact_change(req, ACTION_CONTACT_REMOVE);
}

static void
contact_block(struct gw_req *req)
{
	contact_change(req, ACTION_CONTACT_BLOCK);
}

static void
contact_unblock(struct gw_req *req)
{
	contact_change(req, ACTION_CONTACT_UNBLOCK);
}

/* ---- /chat/block ---- */

struct block_body {
	struct slice number;
	bool is_blocked;
};

static const struct json_rule block_rules[] = {
	{"number", JSON_RULE_STRING, NUMBER_FLAGS, .min = 1, .max = 64,
	 .offset = offsetof(struct block_body, number)},
	{"block", JSON_RULE_BOOL, JSON_RULE_REQUIRED,
	 .offset = offsetof(struct block_body, is_blocked), .text = "false: unblock"},
};

static const struct gw_field response_fields[] = {GW_FIELD("response", STRING), {.name = NULL}};

static void
block_done(struct direct *d)
{
	bool is_blocked = d->step[0].act.action == ACTION_CONTACT_BLOCK;
	struct json_w *w = write_done(d);

	json_w_str(w, "response",
		   is_blocked ? S("Blocked successfully") : S("Unblocked successfully"));
	gw_send(d->req, 200);
}

static void
chat_block(struct gw_req *req)
{
	struct block_body body = {.is_blocked = false};
	struct provider_act act = {0};

	(void)json_check(req->body, block_rules, GH_COUNT(block_rules), "", &body, NULL,
			 gw_errors(req));
	act.action = body.is_blocked ? ACTION_CONTACT_BLOCK : ACTION_CONTACT_UNBLOCK;
	act.chat = direct_person(req, "number", body.number);
	if (!gw_refuse_fields(req))
		direct_act(direct_new(req, NULL), &act, block_done);
}

/* ---- do numbers exist ---- */

struct check_body {
	struct json_strings numbers;
};

static const struct json_rule check_rules[] = {
	{"numbers", JSON_RULE_STRINGS, JSON_RULE_REQUIRED, .min = 1, .max = NUMBERS_MAX,
	 .offset = offsetof(struct check_body, numbers)},
};

static const struct gw_schema check_schema = {
	.name = "NumberCheck",
	.fields = GW_FIELDS(GW_FIELD("query", STRING), GW_FIELD("jid", STRING),
			    GW_FIELD("isInWhatsapp", BOOL, .flags = GW_F_NULL,
				     .text = "null: it could not be found out"),
			    GW_FIELD("verifiedName", STRING),
			    GW_FIELD("error", STRING, .flags = GW_F_OPTIONAL)),
};

static void
check_done(struct direct *d)
{
	const struct check_body *body = d->user;
	struct json_w *w = gw_begin(d->req, "Numbers checked");

	json_w_open(w, GW_DATA, '[');
	for (unsigned i = 0; i < d->step_count; i++) {
		const struct provider_result *r = &d->step[i].result;
		bool is_known = r->outcome == PROVIDER_OK;

		json_w_open(w, NULL, '{');
		json_w_str(w, "query", body->numbers.v[i]);
		json_w_str(w, "jid", is_known && r->chat.n > 0 ? r->chat : S(""));
		if (is_known)
			json_w_bool(w, "isInWhatsapp", r->is_found);
		else
			json_w_null(w, "isInWhatsapp");
		if (is_known && r->data.n > 0)
			json_w_raw(w, "verifiedName", r->data);
		else
			json_w_str(w, "verifiedName", S(""));
		if (!is_known || !r->is_found)
			json_w_str(w, "error",
				   is_known ? S("is not on WhatsApp") : slice_of(r->text));
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
	gw_send(d->req, 200);
}

static void
chat_check(struct gw_req *req)
{
	struct check_body *body = arena_alloc(req->a, sizeof(*body));
	struct direct_step *steps;

	if (!gw_check(req, check_rules, GH_COUNT(check_rules), body, NULL))
		return;
	steps = arena_alloc_array(req->a, body->numbers.count, sizeof(*steps));
	for (unsigned i = 0; i < body->numbers.count; i++) {
		struct provider_chat chat;

		steps[i].act.action = ACTION_NUMBER_CHECK;
		if (provider_chat_parse(body->numbers.v[i], req->a, &chat) == GH_OK &&
		    chat.kind == PROVIDER_CHAT_PERSON)
			steps[i].act.text = chat.user;
		else
			gw_field_error(req, arena_printf(req->a, "numbers[%u]", i),
				       "must be a phone number");
	}
	if (!gw_refuse_fields(req))
		direct_call(direct_new(req, body), steps, body->numbers.count, CHECK_WIDTH, 1,
			    check_done);
}

/* ---- a chat in detail ---- */

struct details_body {
	struct slice number;
	bool preview;
};
#define AT(member) .offset = offsetof(struct details_body, member)

static const struct json_rule details_rules[] = {
	{"number", JSON_RULE_STRING, NUMBER_FLAGS, .min = 1, .max = 64, AT(number)},
	{"preview", JSON_RULE_BOOL, AT(preview), .text = "imagePreview instead of image"},
};
#undef AT

static const struct gw_schema details_schema = {
	.name = "ChatDetails",
	.fields = GW_FIELDS(GW_FIELD("wa_chatid", STRING), GW_FIELD("wa_isGroup", BOOL),
			    GW_FIELD("phone", STRING, .flags = GW_F_NULL),
			    GW_FIELD("name", STRING, .flags = GW_F_NULL),
			    GW_FIELD("wa_name", STRING, .flags = GW_F_NULL | GW_F_OPTIONAL),
			    GW_FIELD("wa_contactName", STRING, .flags = GW_F_NULL | GW_F_OPTIONAL),
			    GW_FIELD("wa_isBlocked", BOOL, .flags = GW_F_NULL | GW_F_OPTIONAL),
			    GW_FIELD("about", STRING, .flags = GW_F_NULL | GW_F_OPTIONAL),
			    GW_FIELD("image", STRING, .flags = GW_F_NULL | GW_F_OPTIONAL),
			    GW_FIELD("imagePreview", STRING, .flags = GW_F_NULL | GW_F_OPTIONAL)),
};

/* In the order of the steps. */
enum { DETAIL_CONTACT, DETAIL_PICTURE, DETAIL_ABOUT, DETAIL_COUNT };

/* null where the call failed or told nothing. */
static struct slice
detail(const struct direct *d, unsigned step)
{
	const struct provider_result *r = &d->step[step].result;

	return r->outcome == PROVIDER_OK ? r->data : SLICE_NONE;
}

static void
details_person(struct direct *d, const struct json *contact, struct json_w *w)
{
	struct slice user, host;

	user = slice_cut(d->step[0].act.chat, '@', &host);
	json_w_bool(w, "wa_isGroup", false);
	json_w_str(w, "phone", slice_eq(host, S("c.us")) ? user : SLICE_NONE);
	json_w_str(w, "name", json_str(json_get(contact, "name")));
	json_w_str(w, "wa_name", json_str(json_get(contact, "wa_name")));
	json_w_str(w, "wa_contactName", json_str(json_get(contact, "contactName")));
	if (json_is_null(json_get(contact, "isBlocked")))
		json_w_null(w, "wa_isBlocked");
	else
		json_w_bool(w, "wa_isBlocked", json_bool(json_get(contact, "isBlocked"), false));
	json_w_raw(w, "about", detail(d, DETAIL_ABOUT));
}

static void
details_done(struct direct *d)
{
	const struct details_body *body = d->user;
	const struct json *about = NULL;
	struct json_w *w;

	if (d->step[0].result.data.n > 0 &&
	    json_parse(d->step[0].result.data, d->req->a, &about, NULL, NULL) != GH_OK) {
		gw_error(d->req, GW_E_INTERNAL, NULL);
		return;
	}
	w = gw_begin(d->req, "Chat");
	json_w_open(w, GW_DATA, '{');
	json_w_str(w, "wa_chatid", d->step[0].act.chat);
	if (d->step[0].act.action == ACTION_GROUP) {
		json_w_bool(w, "wa_isGroup", true);
		json_w_null(w, "phone");
		json_w_str(w, "name", json_str(json_get(about, "Name")));
	} else {
		details_person(d, about, w);
	}
	json_w_raw(w, body->preview ? "imagePreview" : "image", detail(d, DETAIL_PICTURE));
	json_w_close(w, '}');
	gw_send(d->req, 200);
}

static void
chat_details(struct gw_req *req)
{
	struct details_body *body = arena_alloc(req->a, sizeof(*body));
	struct direct_step *steps = arena_alloc_array(req->a, DETAIL_COUNT, sizeof(*steps));
	struct slice chat;
	bool is_group;

	(void)json_check(req->body, details_rules, GH_COUNT(details_rules), "", body, NULL,
			 gw_errors(req));
	chat = direct_chat(req, "number", body->number);
	if (gw_refuse_fields(req))
		return;
	is_group = slice_ends(chat, S("@g.us"));
	for (unsigned i = 0; i < DETAIL_COUNT; i++)
		steps[i].act.chat = chat;
	steps[DETAIL_CONTACT].act.action = is_group ? ACTION_GROUP : ACTION_CONTACT;
	steps[DETAIL_PICTURE].act.action =
		is_group ? ACTION_GROUP_PICTURE_GET : ACTION_CONTACT_PICTURE;
	steps[DETAIL_ABOUT].act.action = ACTION_CONTACT_ABOUT;
	/* Not every engine tells the about text, and pictures may be hidden. */
	direct_call(direct_new(req, body), steps, is_group ? DETAIL_ABOUT : DETAIL_COUNT,
		    DETAIL_COUNT, 1, details_done);
}

/* ---- the module ---- */

#define DOC(id, tag, line, rules, schema, ...)                                                     \
	GW_DOC(id, tag, line, .body = JSON_RULES(rules), .reply = &(schema),                       \
	       .errors = DIRECT_ERRORS | GW_ERR(NOT_FOUND), __VA_ARGS__)

static const struct gw_route contacts_routes[] = {
	{HTTP_GET, "/contacts", GW_INSTANCE, 0, 0, contacts_list,
	 GW_DOC("listContacts", "Contacts", "The instance's contacts", .flags = GW_DOC_ARRAY,
		.text = "A page of fewer than limit (200 by default) is the last.",
		.query = GW_FIELDS(GW_FIELD("limit", INT, .min = 1, .max = LIMIT_MAX),
				   GW_FIELD("offset", INT, .min = 0, .max = OFFSET_MAX)),
		.reply = &contact_schema, .errors = DIRECT_ERRORS)},
	{HTTP_POST, "/contact/add", GW_INSTANCE, GW_JSON, 0, contact_add,
	 DOC("addContact", "Contacts", "Add or rename a contact", contact_rules,
	     contact_done_schema, .flags = GW_DOC_ROOT, .beside = added_fields,
	     .example = "{\"phone\":\"5511900000002\",\"name\":\"Rui\"}")},
	{HTTP_POST, "/contact/remove", GW_INSTANCE, GW_JSON, 0, contact_remove,
	 DOC("removeContact", "Contacts", "Remove a contact", contact_rules, contact_done_schema,
	     .flags = GW_DOC_ROOT, .beside = removed_fields,
	     .example = "{\"phone\":\"5511900000002\"}")},
	{HTTP_POST, "/contact/block", GW_INSTANCE, GW_JSON, 0, contact_block,
	 DOC("blockContact", "Contacts", "Block a person", contact_rules, contact_done_schema,
	     .flags = GW_DOC_ROOT, .example = "{\"phone\":\"5511900000002\"}")},
	{HTTP_POST, "/contact/unblock", GW_INSTANCE, GW_JSON, 0, contact_unblock,
	 DOC("unblockContact", "Contacts", "Unblock a person", contact_rules, contact_done_schema,
	     .flags = GW_DOC_ROOT, .example = "{\"phone\":\"5511900000002\"}")},
	{HTTP_POST, "/chat/block", GW_INSTANCE, GW_JSON, 0, chat_block,
	 DOC("uazapiBlock", "UAZAPI", "Block or unblock a person, as UAZAPI has it", block_rules,
	     contact_done_schema, .flags = GW_DOC_ROOT, .beside = response_fields,
	     .example = "{\"number\":\"5511900000002\",\"block\":true}")},
	{HTTP_POST, "/chat/details", GW_INSTANCE, GW_JSON, 0, chat_details,
	 DOC("getChatDetails", "Chats", "What is known of a person or group", details_rules,
	     details_schema, .flags = GW_DOC_ROOT, .example = "{\"number\":\"5511900000002\"}")},
	{HTTP_POST, "/chat/check", GW_INSTANCE, GW_JSON, 0, chat_check,
	 DOC("checkNumbers", "Chats", "Which numbers are on WhatsApp", check_rules, check_schema,
	     .flags = GW_DOC_ARRAY, .example = "{\"numbers\":[\"5511900000002\"]}")},
};

static const struct db_stmt_table *const contacts_tables[] = {
	&instance_stmt_table,
	NULL,
};

const struct gw_module contacts_module = {
	.routes = contacts_routes,
	.route_count = GH_COUNT(contacts_routes),
	.read_tables = contacts_tables,
};
