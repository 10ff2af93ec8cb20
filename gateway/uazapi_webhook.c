/* uazapi_webhook.c - GET and POST /webhook: the instance's webhooks of the format uazapi, as UAZAPI
 * sets and lists them (contracts/uazapi.md section 7). Both answer the bare array of all of them.
 *
 * Without action and id there is one webhook, made or replaced; with them there may be several.
 */
#include "endpoints.h"
#include "gateway.h"
#include "instances.h"

#include "base/arena.h"
#include "base/mem.h"
#include "model/dialect.h"
#include "model/id_page.h"

#define HOOKS_MAX 200

/* ---- options ---- */

static const struct {
	const char *word;
	unsigned option;
} exclusions[] = {
	{"wasSentByApi", ENDPOINT_EXCLUDE_BY_API}, {"wasNotSentByApi", ENDPOINT_EXCLUDE_NOT_BY_API},
	{"fromMeYes", ENDPOINT_EXCLUDE_FROM_ME},   {"fromMeNo", ENDPOINT_EXCLUDE_NOT_FROM_ME},
	{"isGroupYes", ENDPOINT_EXCLUDE_GROUP},    {"isGroupNo", ENDPOINT_EXCLUDE_NOT_GROUP},
};

static unsigned
exclusion_of(struct slice word)
{
	for (size_t i = 0; i < GH_COUNT(exclusions); i++)
		if (slice_eq_nocase(word, slice_of(exclusions[i].word)))
			return exclusions[i].option;
	return 0;
}

static const char *
exclusion_refusal(struct slice word)
{
	return exclusion_of(word) != 0 ? NULL
				       : "is none of wasSentByApi, wasNotSentByApi, fromMeYes, "
					 "fromMeNo, isGroupYes, isGroupNo";
}

static const char *
event_refusal(struct slice word)
{
	int64_t mask = 0;

	return event_mask_add(word, &mask) == GH_OK
		       ? NULL
		       : "is none of messages, messages_update, connection, groups, presence, "
			 "call, and what UAZAPI has besides";
}

/* ---- the body ---- */

enum { ACTION_SIMPLE, ACTION_ADD_ONE, ACTION_UPDATE_ONE, ACTION_DELETE_ONE };

static const struct json_word action_words[] = {
	{"add", ACTION_ADD_ONE},
	{"update", ACTION_UPDATE_ONE},
	{"delete", ACTION_DELETE_ONE},
	{NULL, 0},
};

struct hook_body {
	struct slice url, id;
	bool is_enabled, adds_event, adds_type;
	struct json_strings events, excluded;
	int action;
	/* Of the rules, what was given. */
	struct json_given given;
	int32_t endpoint_id; /* of id */
};
#define AT(member) .offset = offsetof(struct hook_body, member)

/* The order is that of the bits of json_given. */
enum {
	HOOK_URL,
	HOOK_ENABLED,
	HOOK_EVENTS,
	HOOK_EXCLUDED,
	HOOK_ADDS_EVENT,
	HOOK_ADDS_TYPE,
	HOOK_OLD
};

static const struct json_rule hook_rules[] = {
	[HOOK_URL] = {"url", JSON_RULE_URL, AT(url),
		      .text = "Public address, https; required but to update and delete"},
	[HOOK_ENABLED] = {"enabled", JSON_RULE_BOOL, AT(is_enabled), .text = "Default true"},
	[HOOK_EVENTS] = {"events", JSON_RULE_STRINGS, .max = ENDPOINT_EVENTS_MAX,
			 .pattern = event_refusal, AT(events),
			 .text = "messages, messages_update, connection, groups, presence, call; "
				 "by default these. UAZAPI's others are taken and never fire"},
	[HOOK_EXCLUDED] = {"excludeMessages", JSON_RULE_STRINGS, .max = GH_COUNT(exclusions),
			   .pattern = exclusion_refusal, AT(excluded)},
	[HOOK_ADDS_EVENT] = {"addUrlEvents", JSON_RULE_BOOL, AT(adds_event),
			     .text = "Append /{event} to the URL's path"},
	[HOOK_ADDS_TYPE] = {"addUrlTypesMessages", JSON_RULE_BOOL, AT(adds_type),
			    .text = "Append /{messageType}"},
	[HOOK_OLD] = {"AddUrlTypesMessages", JSON_RULE_BOOL, AT(adds_type),
		      .text = "The same, as it was spelled"},
	{"action", JSON_RULE_WORD, .words = action_words, AT(action),
	 .text = "Absent: the instance has one webhook, made or replaced"},
	{"id", JSON_RULE_STRING, JSON_RULE_NUMBER_OK, .min = 1, .max = 64, AT(id),
	 .text = "Of the webhook to update or delete"},
};
#undef AT

static bool
is_given(const struct hook_body *body, unsigned rule)
{
	return (body->given.present >> rule & 1) != 0;
}

static unsigned
option_if(unsigned options, unsigned option, bool is_set)
{
	return is_set ? options | option : options & ~option;
}

/* The body over what *set holds. */
static void
take(const struct hook_body *body, struct endpoint_set *set)
{
	if (is_given(body, HOOK_URL))
		set->url = body->url;
	if (is_given(body, HOOK_ENABLED))
		set->is_active = body->is_enabled;
	if (body->events.count > 0) {
		set->events = body->events.v;
		set->event_count = body->events.count;
	}
	if (is_given(body, HOOK_EXCLUDED)) {
		set->options &= ENDPOINT_ADD_EVENT | ENDPOINT_ADD_TYPE;
		for (unsigned i = 0; i < body->excluded.count; i++)
			set->options |= exclusion_of(body->excluded.v[i]);
	}
	if (is_given(body, HOOK_ADDS_EVENT))
		set->options = option_if(set->options, ENDPOINT_ADD_EVENT, body->adds_event);
	if (is_given(body, HOOK_ADDS_TYPE) || is_given(body, HOOK_OLD))
		set->options = option_if(set->options, ENDPOINT_ADD_TYPE, body->adds_type);
	set->event_mask = 0;
	for (unsigned i = 0; i < set->event_count; i++)
		if (event_mask_add(set->events[i], &set->event_mask) != GH_OK)
			continue; /* a word of another version */
	set->event_mask &= event_mask_of(EVENT_FORMAT_UAZAPI);
	set->format = EVENT_FORMAT_UAZAPI;
}

/* ---- the array ---- */

static const struct gw_schema hook_schema = {
	.name = "UazapiWebhook",
	.fields = GW_FIELDS(GW_FIELD("id", STRING), GW_FIELD("enabled", BOOL), GW_FIELD("url", URL),
			    GW_FIELD("events", STRING, .flags = GW_F_MANY),
			    GW_FIELD("excludeMessages", STRING, .flags = GW_F_MANY),
			    GW_FIELD("addUrlEvents", BOOL), GW_FIELD("addUrlTypesMessages", BOOL)),
};

static void
write_hook(struct json_w *w, const struct endpoint_row *row)
{
	char id[DIALECT_ID_SIZE];

	json_w_open(w, NULL, '{');
	json_w_str(w, "id", slice_of(dialect_instance_id(row->id, id)));
	json_w_bool(w, "enabled", row->is_active);
	json_w_str(w, "url", row->url);
	json_w_open(w, "events", '[');
	for (unsigned i = 0; i < row->event_count; i++)
		json_w_str(w, NULL, row->events[i]);
	json_w_close(w, ']');
	json_w_open(w, "excludeMessages", '[');
	for (size_t i = 0; i < GH_COUNT(exclusions); i++)
		if ((row->options & exclusions[i].option) != 0)
			json_w_str(w, NULL, slice_of(exclusions[i].word));
	json_w_close(w, ']');
	json_w_bool(w, "addUrlEvents", (row->options & ENDPOINT_ADD_EVENT) != 0);
	json_w_bool(w, "addUrlTypesMessages", (row->options & ENDPOINT_ADD_TYPE) != 0);
	json_w_close(w, '}');
}

static void
list_add(struct gw_req *req, struct db_unit *u)
{
	const struct id_page page = {.key = INT32_MAX, .limit = HOOKS_MAX};

	endpoint_list_add(u, req->who.company_id, req->who.instance_id, &page);
}

/* The rows of statement stmt. */
static void
reply_list(struct gw_req *req, const struct db_unit *u, unsigned stmt)
{
	struct endpoint_row *row = arena_alloc(req->a, sizeof(*row));
	struct json_w w;
	struct buf b;

	buf_init(&b, req->a, GW_REPLY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '[');
	for (unsigned i = endpoint_row_count(u, stmt); i > 0; i--) {
		endpoint_row_read(u, stmt, i - 1, req->a, row);
		if (row->format == EVENT_FORMAT_UAZAPI)
			write_hook(&w, row);
	}
	json_w_close(&w, ']');
	if (b.over)
		gw_error(req, GW_E_INTERNAL, NULL);
	else
		gw_send_as(req, 200, S("application/json"), buf_slice(&b));
}

static void
listed(struct gw_req *req, const struct db_unit *u)
{
	reply_list(req, u, 0);
}

static void
webhook_get(struct gw_req *req)
{
	struct db_unit *u = db_unit_new();

	list_add(req, u);
	gw_submit(req, req->gw->read, u, listed, NULL);
}

/* ---- POST ---- */

/* What the reply reads of a unit: what was changed, and the list behind it. */
enum { CHANGED_STMT, LIST_STMT };
/* A unit that may make one has a lock before them. */
enum { MAKE_LOCK, MADE_STMT, MAKE_LIST };

static void
reply_changed(struct gw_req *req, const struct db_unit *u, unsigned list)
{
	instances_forget(req->gw, req->who.instance_id);
	reply_list(req, u, list);
}

static void
changed(struct gw_req *req, const struct db_unit *u)
{
	if (endpoint_row_count(u, CHANGED_STMT) == 0)
		gw_error(req, GW_E_NOT_FOUND, "No such webhook");
	else
		reply_changed(req, u, LIST_STMT);
}

static void
made(struct gw_req *req, const struct db_unit *u)
{
	if (endpoint_row_count(u, MADE_STMT) == 0)
		endpoints_refuse_made(req, u, MAKE_LOCK);
	else
		reply_changed(req, u, MAKE_LIST);
}

static const struct slice events_by_default[] = {
	{"messages", 8}, {"messages_update", 15}, {"connection", 10},
	{"groups", 6},   {"presence", 8},         {"call", 4},
};

/* One of the instance, whatever was there: made or replaced by one statement under a lock, so
 * that two at once do not make two. */
static void
put_one(struct gw_req *req, const struct hook_body *body)
{
	struct endpoint_set set = {.events = events_by_default,
				   .event_count = GH_COUNT(events_by_default),
				   .is_active = true};
	struct db_unit *u = db_unit_new();
	struct whsec secret;

	take(body, &set);
	whsec_generate(&secret);
	endpoint_room_lock_add(u, req->who.company_id, req->who.instance_id);
	endpoint_put_add(u, req->who.company_id, req->who.instance_id, &set,
			 endpoints_seal_secret(req, &secret));
	gh_wipe(&secret, sizeof(secret));
	list_add(req, u);
	gw_submit(req, req->gw->write, u, made, NULL);
}

static void
add(struct gw_req *req, const struct hook_body *body)
{
	struct endpoint_owner owner = {.company_id = req->who.company_id,
				       .instance_id = req->who.instance_id};
	struct endpoint_set set = {.events = events_by_default,
				   .event_count = GH_COUNT(events_by_default),
				   .is_active = true};
	struct endpoint_input in = {.format = EVENT_FORMAT_UAZAPI};
	struct db_unit *u = db_unit_new();

	take(body, &set);
	in.url = set.url;
	in.events = set.events;
	in.event_count = set.event_count;
	in.mask = set.event_mask;
	in.options = set.options;
	in.is_active = set.is_active;
	endpoint_room_lock_add(u, owner.company_id, owner.instance_id);
	endpoints_insert_add(req, u, &owner, &in);
	list_add(req, u);
	gw_submit(req, req->gw->write, u, made, NULL);
}

/* The endpoint that is named. False: there is none. */
static bool
find(const struct gw_req *req, const struct db_unit *u, const struct hook_body *body,
     struct endpoint_row *row)
{
	if (endpoint_row_count(u, 0) == 0)
		return false;
	endpoint_row_read(u, 0, 0, req->a, row);
	return row->format == EVENT_FORMAT_UAZAPI && row->id == body->endpoint_id;
}

static void
named_found(struct gw_req *req, const struct db_unit *u)
{
	const struct hook_body *body = req->user;
	struct endpoint_row *row = arena_alloc(req->a, sizeof(*row));
	struct endpoint_set set;
	struct db_unit *next;

	if (!find(req, u, body, row)) {
		gw_error(req, GW_E_NOT_FOUND, "No such webhook");
		return;
	}
	next = db_unit_new();
	set = (struct endpoint_set){.url = row->url,
				    .events = row->events,
				    .event_count = row->event_count,
				    .options = row->options,
				    .is_active = row->is_active,
				    .headers_sealed = row->headers_sealed};
	take(body, &set);
	if (body->action == ACTION_DELETE_ONE)
		endpoint_delete_add(next, req->who.company_id, row->instance_id, row->id);
	else
		endpoint_update_add(next, req->who.company_id, row->instance_id, row->id, &set);
	list_add(req, next);
	gw_submit(req, req->gw->write, next, changed, NULL);
}

/* False: answered. */
static bool
read_hook(struct gw_req *req, struct hook_body *body)
{
	const char *why = NULL;

	(void)json_check(req->body, hook_rules, GH_COUNT(hook_rules), "", body, &body->given,
			 gw_errors(req));
	if (body->url.p != NULL)
		why = endpoint_url_refusal(body->url, endpoints_policy(req));
	if (why != NULL)
		gw_field_error(req, "url", why);
	if (body->url.p == NULL &&
	    (body->action == ACTION_SIMPLE || body->action == ACTION_ADD_ONE))
		gw_field_error(req, "url", "is required");
	if (body->id.p == NULL && body->action > ACTION_ADD_ONE)
		gw_field_error(req, "id", "is required to update or delete");
	if (gw_refuse_fields(req))
		return false;
	/* One that is no id is nobody's. */
	if (body->id.p != NULL && dialect_instance_id_parse(body->id, &body->endpoint_id) != GH_OK)
		body->endpoint_id = 0;
	return true;
}

static void
webhook_post(struct gw_req *req)
{
	struct hook_body *body = arena_alloc(req->a, sizeof(*body));
	struct db_unit *u;

	req->user = body;
	if (!read_hook(req, body))
		return;
	if (body->action == ACTION_SIMPLE) {
		put_one(req, body);
		return;
	}
	if (body->action == ACTION_ADD_ONE) {
		add(req, body);
		return;
	}
	u = db_unit_new();
	endpoint_get_add(u, req->who.company_id, req->who.instance_id, body->endpoint_id);
	/* Of the connection that writes: what was posted a moment ago is seen. */
	gw_submit(req, req->gw->write, u, named_found, NULL);
}

/* ---- the module ---- */

static const struct gw_route routes[] = {
	{HTTP_GET, "/webhook", GW_INSTANCE, 0, 0, webhook_get,
	 GW_DOC("uazapiWebhooks", "UAZAPI", "The instance's webhooks of the format uazapi",
		.flags = GW_DOC_BARE | GW_DOC_ARRAY, .reply = &hook_schema)},
	{HTTP_POST, "/webhook", GW_INSTANCE, GW_JSON, 0, webhook_post,
	 GW_DOC("uazapiSetWebhook", "UAZAPI", "Set a webhook, as UAZAPI has it",
		.text = "What is posted has UAZAPI's form, with empty BaseUrl and token: neither "
			"secrets nor addresses of ours are in a body. It is signed like every "
			"other. An instance has at most 100 webhooks of all formats together; "
			"one more is refused (409).",
		.flags = GW_DOC_BARE | GW_DOC_ARRAY, .body = JSON_RULES(hook_rules),
		.example = "{\"url\":\"https://hub.example.net/webhook/42/s3cr3t\","
			   "\"enabled\":true,\"events\":[\"connection\",\"messages\","
			   "\"messages_update\",\"call\",\"groups\"],\"excludeMessages\":[],"
			   "\"addUrlEvents\":false,\"addUrlTypesMessages\":false}",
		.reply = &hook_schema, .errors = GW_ERR(NOT_FOUND) | GW_ERR(CONFLICT))},
};

static const struct db_stmt_table *const read_tables[] = {&endpoint_stmt_table, NULL};
static const struct db_stmt_table *const write_tables[] = {
	&endpoint_stmt_table,
	NULL,
};

const struct gw_module uazapi_webhook_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
	.write_tables = write_tables,
	.read_tables = read_tables,
};
