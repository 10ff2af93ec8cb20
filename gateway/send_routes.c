/* send_routes.c - the routes below /send: what UAZAPI-style clients send with an instance's token.
 *
 * The same durable path as /api/messages/send; then the request waits for the outcome
 * (contracts/growhub-api.md section 5): 200 sent, 202 still on its way, 502 failed for good.
 */
#include "endpoints.h"
#include "gateway.h"
#include "menu_text.h"
#include "send_parts.h"
#include "sending.h"
#include "waits.h"

#include "base/arena.h"
#include "model/message_row.h"

#define DELAY_MAX_MS 60000
#define TRACK_MAX    255
#define CHOICE_MAX   1024

/* ---- the reply ---- */

static const struct gw_schema outcome_schema = {
	.name = "SendOutcome",
	.fields = GW_FIELDS(
		GW_FIELD("id", UUID), GW_FIELD("message_id", UUID, .text = "The same as id"),
		GW_FIELD("status", STRING, .words = GW_WORDS("sent", "queued", "in_doubt")),
		GW_FIELD("external_id", STRING, .flags = GW_F_NULL,
			 .text = "The message's id at the provider"),
		GW_FIELD("messageid", STRING, .flags = GW_F_NULL,
			 .text = "The same as external_id")),
};

static void
reply_outcome(struct gw_req *req, unsigned http_status, const char *message, const char *status,
	      const struct message_row *row)
{
	struct json_w *w = gw_begin(req, message);

	json_w_open(w, GW_DATA, '{');
	json_w_uuid(w, "id", row->id);
	json_w_uuid(w, "message_id", row->id);
	json_w_str(w, "status", slice_of(status));
	json_w_str(w, "external_id", row->external_id);
	json_w_str(w, "messageid", row->external_id);
	json_w_close(w, '}');
	gw_send(req, http_status);
}

/* It will not be sent: which message, and why. */
static void
refuse_outcome(struct gw_req *req, enum gw_code code, const char *dflt,
	       const struct message_row *row)
{
	char id[UUID_TEXT_SIZE];

	gw_field_error(req, "message_id", uuid_text(row->id, id));
	if (row->error_code.p != NULL)
		gw_field_error(req, "error_code", arena_cstr(req->a, row->error_code));
	gw_error(req, code,
		 row->error_message.n > 0 ? arena_cstr(req->a, row->error_message) : dflt);
}

static void
outcome(struct gw_req *req, const struct message_row *row)
{
	switch (row->status) {
	case MSG_SENT:
	case MSG_DELIVERED:
	case MSG_READ:
	case MSG_PLAYED:
		reply_outcome(req, 200, "Message sent", "sent", row);
		return;
	case MSG_FAILED:
		refuse_outcome(req, GW_E_PROVIDER_REJECTED, NULL, row);
		return;
	case MSG_CANCELLED:
		refuse_outcome(req, GW_E_CONFLICT, "The message was cancelled", row);
		return;
	case MSG_IN_DOUBT:
		reply_outcome(req, 202, "The provider's answer is awaited", "in_doubt", row);
		return;
	default:
		reply_outcome(req, 202, "Message queued for sending", "queued", row);
	}
}

static void
accepted(struct gw_req *req, const struct message_row *row)
{
	int64_t wait_us;

	if (!waits_preferred(req, &wait_us))
		wait_us = WAITS_DEFAULT_US;
	waits_add(req, row, wait_us, outcome);
}

/* ---- what all bodies have ---- */

struct common {
	struct slice number, to;
	struct slice replyid;
	const struct json *mentions;
	int64_t delay_ms;
	struct slice track_source, track_id;
};

#define MENTIONS_SCHEMA                                                                            \
	"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]}"

#define COMMON_AT(type, member) .offset = offsetof(type, c.member)
#define COMMON_RULES(type)                                                                         \
	{"number",                                                                                 \
	 JSON_RULE_STRING,                                                                         \
	 JSON_RULE_NUMBER_OK | JSON_RULE_LINE,                                                     \
	 .min = 1,                                                                                 \
	 .max = SEND_PHONE_MAX,                                                                    \
	 COMMON_AT(type, number),                                                                  \
	 .text = "Required, under either name"},                                                   \
		{"to",     JSON_RULE_STRING,      JSON_RULE_NUMBER_OK | JSON_RULE_LINE,            \
		 .min = 1, .max = SEND_PHONE_MAX, COMMON_AT(type, to)},                            \
		{"replyid", JSON_RULE_STRING, JSON_RULE_LINE, .max = SEND_REPLY_TO_MAX,            \
		 COMMON_AT(type, replyid)},                                                        \
		{"mentions", JSON_RULE_RAW, COMMON_AT(type, mentions), .schema = MENTIONS_SCHEMA}, \
		{"delay",                                                                          \
		 JSON_RULE_INT,                                                                    \
		 .min = 0,                                                                         \
		 .max = DELAY_MAX_MS,                                                              \
		 COMMON_AT(type, delay_ms),                                                        \
		 .text = "Milliseconds of typing before it is sent"},                              \
		{"track_source", JSON_RULE_STRING, JSON_RULE_LINE, .max = TRACK_MAX,               \
		 COMMON_AT(type, track_source)},                                                   \
	{                                                                                          \
		"track_id", JSON_RULE_STRING, JSON_RULE_LINE | JSON_RULE_NUMBER_OK,                \
			.max = SEND_REFERENCE_MAX, COMMON_AT(type, track_id),                      \
			.text = "The message's reference"                                          \
	}

static struct slice
none_if_empty(struct slice s)
{
	return s.n > 0 ? s : SLICE_NONE;
}

/* One request on its way. */
struct reading {
	struct send_reading r;
	struct sending *s;
};

/* NULL: answered. The body is then checked with rules into target. */
static struct reading *
read_start(struct gw_req *req, enum idem_route route, const struct json_rules *rules, void *target)
{
	struct reading *x = arena_alloc(req->a, sizeof(*x));

	x->s = sending_new(req, route, accepted);
	if (x->s == NULL)
		return NULL;
	x->s->row.priority = SEND_PRIORITY_DEFAULT;
	x->r = (struct send_reading){.a = req->a,
				     .e = gw_errors(req),
				     .policy = endpoints_policy(req),
				     .row = &x->s->row};
	(void)json_check(req->body, rules->v, rules->count, "", target, NULL, x->r.e);
	return x;
}

static void
read_common(struct reading *x, const struct common *c)
{
	struct accept_row *row = x->r.row;

	if (c->number.p == NULL && c->to.p == NULL)
		send_complain(&x->r, "number", "is required");
	send_read_chat(&x->r, c->number.p != NULL ? "number" : "to",
		       c->number.p != NULL ? c->number : c->to);
	send_read_times(&x->r, 0, 0);
	send_read_mentions(&x->r, "mentions", c->mentions);
	row->reply_to = none_if_empty(c->replyid);
	row->reference = none_if_empty(c->track_id);
	x->r.payload.delay_ms = c->delay_ms;
	x->r.payload.track_source = none_if_empty(c->track_source);
}

static void
read_end(struct reading *x, const struct common *c)
{
	read_common(x, c);
	if (gw_refuse_fields(x->s->req))
		return;
	send_read_end(&x->r);
	sending_commit(x->s);
}

/* ---- text ---- */

struct text_body {
	struct common c;
	struct slice text, message;
	const struct json *link_preview;
};

#define AT(member) .offset = offsetof(struct text_body, member)
static const struct json_rule text_table[] = {
	COMMON_RULES(struct text_body),
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
	struct reading *x = read_start(req, IDEM_SEND_TEXT, &text_rules, &body);

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
	read_end(x, &body.c);
}

/* ---- contact ---- */

struct contact_body {
	struct common c;
	const struct json *contact;
	struct slice vcard;
	struct message_contact flat;
};

#define AT(member) .offset = offsetof(struct contact_body, member)
static const struct json_rule contact_table[] = {
	COMMON_RULES(struct contact_body),
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
	struct reading *x = read_start(req, IDEM_SEND_CONTACT, &contact_rules, &body);
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
	read_end(x, &body.c);
}

/* ---- location ---- */

struct location_body {
	struct common c;
	struct message_place place;
};

static const struct json_rule location_table[] = {COMMON_RULES(struct location_body),
						  SEND_PLACE_RULES(struct location_body, place.)};
static const struct json_rules location_rules = {location_table, GH_COUNT(location_table)};

static void
send_location(struct gw_req *req)
{
	struct location_body body = {.c = {.number = SLICE_NONE}};
	struct reading *x = read_start(req, IDEM_SEND_LOCATION, &location_rules, &body);

	if (x == NULL)
		return;
	x->r.row->kind = MSG_LOCATION;
	x->r.payload.has_place = true;
	x->r.payload.place = body.place;
	read_end(x, &body.c);
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
	struct common c;
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
	COMMON_RULES(struct menu_body),
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
	struct reading *x = read_start(req, IDEM_SEND_MENU, &menu_rules, &body);
	struct message_menu *menu;

	if (x == NULL)
		return;
	menu = &x->r.payload.menu;
	*menu = (struct message_menu){
		.type = (enum message_menu_type)body.type,
		.text = body.text,
		.choices = body.choices.v,
		.choice_count = body.choices.count,
		.footer = none_if_empty(body.footer),
		.button = none_if_empty(body.list_button),
		.image = none_if_empty(body.image),
		.selectable_count = body.selectable_count,
	};
	x->r.row->kind = MSG_TEXT;
	x->r.row->content = menu_text(menu, req->a);
	if (menu->image.p != NULL && endpoint_url_refusal(menu->image, x->r.policy) != NULL)
		send_complain(&x->r, "imageButton", "must be a public https URL");
	read_end(x, &body.c);
}

/* ---- the module ---- */

static enum gh_code
send_start(struct gateway *gw, struct gh_err *err GH_UNUSED)
{
	sending_start(gw);
	waits_start(gw);
	return GH_OK;
}

static void
send_release(struct gateway *gw)
{
	sending_release(gw);
	waits_release(gw);
}

#define SEND_DOC(operation, line, rules)                                                           \
	GW_DOC(operation, "Sending", line, .flags = GW_DOC_IDEMPOTENCY | GW_DOC_WAIT,              \
	       .body = &(rules), .status = {200, 202}, .reply = &outcome_schema,                   \
	       .text = "Waits 10 s for the outcome, or as long as Prefer says.",                   \
	       .errors = GW_ERR(NOT_SUPPORTED) | GW_ERR(PROVIDER_REJECTED) | GW_ERR(CONFLICT))

static const struct gw_route send_routes[] = {
	{HTTP_POST, "/send/text", GW_INSTANCE, GW_JSON, 0, send_text,
	 SEND_DOC("sendText", "Send a text", text_rules)},
	{HTTP_POST, "/send/contact", GW_INSTANCE, GW_JSON, 0, send_contact,
	 SEND_DOC("sendContact", "Send a contact", contact_rules)},
	{HTTP_POST, "/send/location", GW_INSTANCE, GW_JSON, 0, send_location,
	 SEND_DOC("sendLocation", "Send a location", location_rules)},
	{HTTP_POST, "/send/menu", GW_INSTANCE, GW_JSON, 0, send_menu,
	 SEND_DOC("sendMenu", "Send a menu or a poll", menu_rules)},
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
	.start = send_start,
	.drain = waits_drain,
	.stop = waits_stop,
	.release = send_release,
};
