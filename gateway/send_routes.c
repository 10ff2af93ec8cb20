/* send_routes.c - text, contact, location and menu, as UAZAPI-style clients send them with an
 * instance's token. Media are send_media.c.
 */
#include "endpoint_check.h"
#include "gateway.h"
#include "menu_text.h"
#include "send_common.h"
#include "waits.h"

#include "model/idempotency.h"
#include "model/message_row.h"

#define CHOICE_MAX 1024

/* ---- text ---- */

struct text_body {
	struct send_common c;
	struct slice text, message;
	const struct json *link_preview;
};

#define AT(member) .offset = offsetof(struct text_body, member)
static const struct json_rule text_table[] = {
	SEND_COMMON_RULES(struct text_body),
	{"text", JSON_RULE_STRING, .min = 1, .max = SEND_TEXT_MAX, AT(text),
	 .text = "Required, under either name"},
	{"message", JSON_RULE_STRING, .min = 1, .max = SEND_TEXT_MAX, AT(message)},
	{"linkPreview", JSON_RULE_RAW, AT(link_preview), .schema = "{\"type\":\"boolean\"}"},
};
#undef AT
static const struct json_rules text_rules = {text_table, GH_COUNT(text_table)};

static void
send_text(struct gw_req *req)
{
	struct text_body body = {.text = SLICE_NONE};
	struct send_job *x = send_start(req, IDEM_SEND_TEXT, &text_rules, &body, &body.c);

	if (x == NULL)
		return;
	x->r.row->kind = MSG_TEXT;
	send_read_content(&x->r, "text", body.text.p != NULL ? body.text : body.message);
	if (json_type(body.link_preview) == JSON_BOOL) {
		x->r.payload.has_link_preview = true;
		x->r.payload.link_preview = json_bool(body.link_preview, false);
	} else if (!json_is_null(body.link_preview)) {
		send_complain(&x->r, "linkPreview", "must be true or false");
	}
	send_read_common(x);
	send_finish(x);
}

/* ---- contact ---- */

struct contact_body {
	struct send_common c;
	const struct json *contact;
	struct slice vcard;
	struct message_contact flat;
};

#define AT(member) .offset = offsetof(struct contact_body, member)
static const struct json_rule contact_table[] = {
	SEND_COMMON_RULES(struct contact_body),
	{"contact", JSON_RULE_OBJECT, AT(contact), .of = &send_contact_rules,
	 .text = "Or its members at the top, or vcard"},
	{"vcard", JSON_RULE_STRING, .min = 1, AT(vcard)},
	SEND_CONTACT_RULES(struct contact_body, flat.),
};
#undef AT
static const struct json_rules contact_rules = {contact_table, GH_COUNT(contact_table)};

static void
send_contact(struct gw_req *req)
{
	struct contact_body body = {.contact = NULL};
	struct send_job *x = send_start(req, IDEM_SEND_CONTACT, &contact_rules, &body, &body.c);
	struct slice inner;

	if (x == NULL)
		return;
	inner = json_str(json_get(body.contact, "vcard"));
	x->r.row->kind = MSG_CONTACT;
	if (inner.p != NULL)
		send_read_vcard(&x->r, "contact.vcard", inner);
	else if (body.contact != NULL)
		send_read_contact(&x->r, "contact", body.contact);
	else if (body.vcard.p != NULL)
		send_read_vcard(&x->r, "vcard", body.vcard);
	else
		send_take_contact(&x->r, "", &body.flat);
	send_read_common(x);
	send_finish(x);
}

/* ---- location ---- */

struct location_body {
	struct send_common c;
	struct message_place place;
};

static const struct json_rule location_table[] = {SEND_COMMON_RULES(struct location_body),
						  SEND_PLACE_RULES(struct location_body, place.)};
static const struct json_rules location_rules = {location_table, GH_COUNT(location_table)};

static void
send_location(struct gw_req *req)
{
	struct location_body body = {.c = {.number = SLICE_NONE}};
	struct send_job *x = send_start(req, IDEM_SEND_LOCATION, &location_rules, &body, &body.c);

	if (x == NULL)
		return;
	x->r.row->kind = MSG_LOCATION;
	x->r.payload.has_place = true;
	x->r.payload.place = body.place;
	send_read_common(x);
	send_finish(x);
}

/* ---- menu ---- */

static const struct json_word menu_words[] = {
	{"button", MESSAGE_MENU_BUTTON},
	{"list", MESSAGE_MENU_LIST},
	{"poll", MESSAGE_MENU_POLL},
	{"carousel", MESSAGE_MENU_CAROUSEL},
	{NULL, 0},
};

struct menu_body {
	struct send_common c;
	int type;
	struct slice text, footer, list_button, image;
	struct json_strings choices;
	int64_t selectable_count;
};

static const char *
choice_refusal(struct slice s)
{
	return s.n == 0 || s.n > CHOICE_MAX ? "must be 1 to 1024 bytes" : NULL;
}

#define AT(member) .offset = offsetof(struct menu_body, member)
static const struct json_rule menu_table[] = {
	SEND_COMMON_RULES(struct menu_body),
	{"type", JSON_RULE_WORD, JSON_RULE_REQUIRED, .words = menu_words, AT(type)},
	{"text", JSON_RULE_STRING, JSON_RULE_REQUIRED, .min = 1, .max = SEND_TEXT_MAX / 2,
	 AT(text)},
	{"choices", JSON_RULE_STRINGS, JSON_RULE_REQUIRED, .min = 1, .max = MESSAGE_CHOICES_MAX,
	 .pattern = choice_refusal, AT(choices),
	 .text = "As UAZAPI writes them: \"text|id\", \"[Section]\", \"text|https://...\""},
	{"footerText", JSON_RULE_STRING, .max = SEND_CAPTION_MAX, AT(footer)},
	{"listButton", JSON_RULE_STRING, .max = SEND_NAME_MAX, AT(list_button)},
	{"imageButton", JSON_RULE_STRING, .max = 2048, AT(image)},
	{"selectableCount", JSON_RULE_INT, .min = 0, .max = MESSAGE_CHOICES_MAX,
	 AT(selectable_count), .text = "Of a poll; 0: any number"},
};
#undef AT
static const struct json_rules menu_rules = {menu_table, GH_COUNT(menu_table)};

static void
send_menu(struct gw_req *req)
{
	struct menu_body body = {.type = MESSAGE_MENU_NONE};
	struct send_job *x = send_start(req, IDEM_SEND_MENU, &menu_rules, &body, &body.c);
	struct message_menu *menu;

	if (x == NULL)
		return;
	menu = &x->r.payload.menu;
	*menu = (struct message_menu){
		.type = (enum message_menu_type)body.type,
		.text = body.text,
		.choices = body.choices.v,
		.choice_count = body.choices.count,
		.footer = send_none_if_empty(body.footer),
		.button = send_none_if_empty(body.list_button),
		.image = send_none_if_empty(body.image),
		.selectable_count = body.selectable_count,
	};
	x->r.row->kind = MSG_TEXT;
	x->r.row->content = menu_text(menu, req->a);
	if (menu->image.p != NULL && endpoint_url_refusal(menu->image, x->r.policy) != NULL)
		send_complain(&x->r, "imageButton", "must be a public https URL");
	send_read_common(x);
	send_finish(x);
}

/* ---- the module ---- */

static enum gh_code
module_start(struct gateway *gw, struct gh_err *err GH_UNUSED)
{
	sending_start(gw);
	waits_start(gw);
	return GH_OK;
}

static void
module_release(struct gateway *gw)
{
	sending_release(gw);
	waits_release(gw);
}

static const struct gw_route send_routes[] = {
	{HTTP_POST, "/send/text", GW_INSTANCE, GW_JSON, 0, send_text,
	 SEND_DOC("sendText", "Send a text", text_rules,
		  "{\"number\":\"5511999990001\",\"text\":\"Hello\"}")},
	{HTTP_POST, "/send/contact", GW_INSTANCE, GW_JSON, 0, send_contact,
	 SEND_DOC("sendContact", "Send a contact", contact_rules,
		  "{\"number\":\"5511999990001\",\"contact\":"
		  "{\"name\":\"Ana\",\"phone\":\"5511999990002\"}}")},
	{HTTP_POST, "/send/location", GW_INSTANCE, GW_JSON, 0, send_location,
	 SEND_DOC("sendLocation", "Send a location", location_rules,
		  "{\"number\":\"5511999990001\",\"latitude\":-23.55,\"longitude\":-46.63}")},
	{HTTP_POST, "/send/menu", GW_INSTANCE, GW_JSON, 0, send_menu,
	 SEND_DOC("sendMenu", "Send a menu or a poll", menu_rules,
		  "{\"number\":\"5511999990001\",\"type\":\"poll\",\"text\":\"Lunch?\","
		  "\"choices\":[\"Yes\",\"No\"]}")},
};

static const struct db_stmt_table *const send_write_tables[] = {
	&accept_stmt_table,
	NULL,
};

static const struct db_stmt_table *const send_read_tables[] = {
	&message_row_stmt_table,
	&idem_stmt_table,
	NULL,
};

const struct gw_module send_module = {
	.routes = send_routes,
	.route_count = GH_COUNT(send_routes),
	.write_tables = send_write_tables,
	.read_tables = send_read_tables,
	.start = module_start,
	.drain = waits_drain,
	.stop = waits_stop,
	.release = module_release,
};
