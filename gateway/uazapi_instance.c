/* uazapi_instance.c - an instance in UAZAPI's words, and what an instance's token may do with its
 * own instance on paths that only UAZAPI has; see uazapi_instance.h.
 */
#include "uazapi_instance.h"

#include "gateway.h"
#include "instances.h"
#include "session.h"

#include "base/arena.h"
#include "base/clock.h"
#include "model/dialect.h"

#define NAME_CHARS 100

/* ---- the instance ---- */

static const char *
word_of(struct slice status)
{
	if (slice_eq(status, S("connected")))
		return "connected";
	if (slice_eq(status, S("creating")) || slice_eq(status, S("connecting")) ||
	    slice_eq(status, S("qr")))
		return "connecting";
	return "disconnected";
}

const char *
uazapi_instance_word(const struct instance_row *row)
{
	return word_of(row->status);
}

const char *
uazapi_session_word(enum provider_session state)
{
	return word_of(slice_of(provider_session_name(state)));
}

#define INSTANCE_FIELDS                                                                            \
	GW_FIELD("id", STRING, .text = "r and 14 hex digits, of data.id"),                         \
		GW_FIELD("token", STRING, .text = "Only where it is made; else empty"),            \
		GW_FIELD("status", STRING,                                                         \
			 .words = GW_WORDS("disconnected", "connecting", "connected")),            \
		GW_FIELD("paircode", STRING), GW_FIELD("qrcode", STRING),                          \
		GW_FIELD("name", STRING), GW_FIELD("profileName", STRING),                         \
		GW_FIELD("profilePicUrl", STRING),                                                 \
		GW_FIELD("isBusiness", BOOL, .text = "Always false: providers do not tell"),       \
		GW_FIELD("plataform", STRING, .text = "Type of the provider"),                     \
		GW_FIELD("systemName", STRING), GW_FIELD("owner", STRING),                         \
		GW_FIELD("current_presence", STRING), GW_FIELD("lastDisconnect", STRING),          \
		GW_FIELD("lastDisconnectReason", STRING), GW_FIELD("adminField01", STRING),        \
		GW_FIELD("adminField02", STRING), GW_FIELD("openai_apikey", STRING),               \
		GW_FIELD("chatbot_enabled", BOOL), GW_FIELD("chatbot_ignoreGroups", BOOL),         \
		GW_FIELD("chatbot_stopConversation", STRING),                                      \
		GW_FIELD("chatbot_stopMinutes", INT), GW_FIELD("chatbot_stopWhenYouSendMsg", INT), \
		GW_FIELD("msg_delay_min", INT), GW_FIELD("msg_delay_max", INT),                    \
		GW_FIELD("currentTime", STRING), GW_FIELD("created", STRING),                      \
		GW_FIELD("updated", STRING)

const struct gw_field uazapi_instance_fields[] = {INSTANCE_FIELDS, {.name = NULL}};

const struct gw_schema uazapi_instance_schema = {
	.name = "UazapiInstance",
	.text = "An instance in UAZAPI's words; chatbot_*, openai_apikey and msg_delay_* never "
		"change.",
	.fields = uazapi_instance_fields,
};

static struct slice
or_empty(struct slice s)
{
	return s.p != NULL ? s : S("");
}

static void
settings_member(struct json_w *w, const char *name, const struct json *settings, const char *member)
{
	json_w_str(w, name, or_empty(json_str(json_get(settings, member))));
}

/* What belongs to a chatbot of its own, which we have none of. */
static void
write_chatbot(struct json_w *w)
{
	json_w_str(w, "openai_apikey", S(""));
	json_w_bool(w, "chatbot_enabled", false);
	json_w_bool(w, "chatbot_ignoreGroups", false);
	json_w_str(w, "chatbot_stopConversation", S(""));
	json_w_i64(w, "chatbot_stopMinutes", 0);
	json_w_i64(w, "chatbot_stopWhenYouSendMsg", 0);
	json_w_i64(w, "msg_delay_min", 0);
	json_w_i64(w, "msg_delay_max", 0);
}

void
uazapi_instance_members(struct json_w *w, const struct uazapi_instance *i, struct arena *a)
{
	const struct instance_row *row = i->row;
	const struct json *settings = NULL;
	char id[DIALECT_ID_SIZE];

	if (json_parse(row->settings, a, &settings, NULL, NULL) != GH_OK)
		settings = NULL;
	json_w_str(w, "id", slice_of(dialect_instance_id(row->id, id)));
	json_w_str(w, "token", or_empty(i->token));
	json_w_str(w, "status", slice_of(i->status));
	json_w_str(w, "paircode", or_empty(i->paircode));
	json_w_str(w, "qrcode", or_empty(i->qrcode));
	json_w_str(w, "name", row->name);
	json_w_str(w, "profileName", or_empty(i->profile_name));
	json_w_str(w, "profilePicUrl", or_empty(i->picture_url));
	json_w_bool(w, "isBusiness", false);
	json_w_str(w, "plataform", row->provider_type);
	settings_member(w, "systemName", settings, UAZAPI_SYSTEM_NAME);
	json_w_str(w, "owner", dialect_owner(row->phone_number, a));
	json_w_str(w, "current_presence", S(""));
	json_w_str(w, "lastDisconnect", dialect_time(row->last_disconnect_us, a));
	json_w_str(w, "lastDisconnectReason", or_empty(row->last_disconnect_reason));
	settings_member(w, "adminField01", settings, UAZAPI_FIELD_01);
	settings_member(w, "adminField02", settings, UAZAPI_FIELD_02);
	write_chatbot(w);
	json_w_str(w, "currentTime", dialect_time(clock_wall_us(), a));
	json_w_str(w, "created", dialect_time(row->created_at_us, a));
	json_w_str(w, "updated", dialect_time(row->updated_at_us, a));
}

/* ---- the session ---- */

static const struct gw_schema status_schema = {
	.fields =
		GW_FIELDS(GW_FIELD("connected", BOOL), GW_FIELD("loggedIn", BOOL),
			  GW_FIELD("jid", STRING, .flags = GW_F_NULL), GW_FIELD("resetting", BOOL)),
};

void
uazapi_status_member(struct json_w *w, bool is_connected, struct slice jid, struct arena *a)
{
	json_w_open(w, "status", '{');
	json_w_bool(w, "connected", is_connected);
	json_w_bool(w, "loggedIn", is_connected);
	json_w_str(w, "jid", is_connected && jid.n > 0 ? dialect_jid(jid, a) : SLICE_NONE);
	json_w_bool(w, "resetting", false);
	json_w_close(w, '}');
}

const struct gw_field uazapi_status_fields[] = {
	GW_FIELD("instance", OBJECT, .of = &uazapi_instance_schema),
	GW_FIELD("status", OBJECT, .of = &status_schema),
	{.name = NULL},
};

const struct gw_field uazapi_session_fields[] = {
	GW_FIELD("connected", BOOL),
	GW_FIELD("loggedIn", BOOL),
	GW_FIELD("jid", STRING, .flags = GW_F_NULL),
	GW_FIELD("response", STRING),
	GW_FIELD("info", STRING),
	GW_FIELD("instance", OBJECT, .of = &uazapi_instance_schema),
	GW_FIELD("status", OBJECT, .of = &status_schema),
	{.name = NULL},
};

void
uazapi_session_members(struct session *s, struct json_w *w, const char *response,
		       const struct session_state *st)
{
	const struct uazapi_instance i = {.row = &s->row,
					  .status = uazapi_session_word(st->state),
					  .qrcode = st->qrcode,
					  .paircode = st->paircode};
	bool is_connected = st->state == PROVIDER_SESSION_CONNECTED;

	json_w_bool(w, "connected", is_connected);
	json_w_bool(w, "loggedIn", is_connected);
	json_w_str(w, "jid",
		   is_connected && st->jid.n > 0 ? dialect_jid(st->jid, s->req->a) : SLICE_NONE);
	uazapi_response_members(w, response);
	json_w_open(w, "instance", '{');
	uazapi_instance_members(w, &i, s->req->a);
	json_w_close(w, '}');
	uazapi_status_member(w, is_connected, st->jid, s->req->a);
}

/* ---- what was done ---- */

const struct gw_field uazapi_response_fields[] = {
	GW_FIELD("response", STRING),
	GW_FIELD("info", STRING),
	{.name = NULL},
};

void
uazapi_response_members(struct json_w *w, const char *response)
{
	json_w_str(w, "response", slice_of(response));
	json_w_str(w, "info", S(""));
}

/* ---- POST /instance/updateInstanceName ---- */

static const struct json_rule name_rules[] = {
	{"name", JSON_RULE_STRING, JSON_RULE_REQUIRED | JSON_RULE_LINE, .min = 1, .max = NAME_CHARS,
	 .offset = offsetof(struct instance_change, name)},
};

static void
renamed(struct gw_req *req, const struct db_unit *u)
{
	struct instance_row *row = arena_alloc(req->a, sizeof(*row));
	struct uazapi_instance i = {.row = row};
	struct json_w *w;

	if (instance_row_count(u, 0) == 0) {
		instances_gone(req);
		return;
	}
	instance_row_read(u, 0, 0, req->a, row);
	i.status = uazapi_instance_word(row);
	w = gw_begin(req, "Instance updated");
	json_w_open(w, GW_DATA, '{');
	instances_json_members(w, row);
	json_w_close(w, '}');
	uazapi_instance_members(w, &i, req->a);
	gw_send(req, 200);
}

void
uazapi_instance_change(struct gw_req *req, int32_t id, const struct instance_change *change)
{
	struct db_unit *u = db_unit_new();

	instance_update_add(u, req->who.company_id, id, change);
	gw_submit(req, req->gw->write, u, renamed, instances_name_is_taken);
}

static void
name_post(struct gw_req *req)
{
	struct instance_change change = {.settings = S("{}")};

	if (gw_check(req, name_rules, GH_COUNT(name_rules), &change, NULL))
		uazapi_instance_change(req, req->who.instance_id, &change);
}

/* ---- POST /instance/presence ---- */

struct presence {
	int word;
};

static const struct json_word presence_words[] = {
	{"available", PROVIDER_PRESENCE_AVAILABLE},
	{"unavailable", PROVIDER_PRESENCE_UNAVAILABLE},
	{NULL, 0},
};

static const struct json_rule presence_rules[] = {
	{"presence", JSON_RULE_WORD, JSON_RULE_REQUIRED, .words = presence_words,
	 .offset = offsetof(struct presence, word)},
};

static const struct gw_schema presence_schema = {
	.fields = GW_FIELDS(
		GW_FIELD("presence", STRING, .words = GW_WORDS("available", "unavailable"))),
};

static void
presence_told(struct session *s, const struct provider_result *r)
{
	const struct presence *p = s->user;
	struct json_w *w;

	if (session_refused(s, r))
		return;
	w = gw_begin(s->req, "Presence set");
	json_w_open(w, GW_DATA, '{');
	json_w_str(w, "presence",
		   p->word == PROVIDER_PRESENCE_AVAILABLE ? S("available") : S("unavailable"));
	json_w_close(w, '}');
	uazapi_response_members(w, "Presence updated successfully");
	gw_send(s->req, 200);
}

static void
presence_found(struct session *s)
{
	const struct presence *p = s->user;
	struct provider_call call = {.op = PROVIDER_OP_PRESENCE,
				     .presence = (enum provider_presence)p->word};

	session_call(s, &call, presence_told);
}

static void
presence_post(struct gw_req *req)
{
	struct presence *p = arena_alloc(req->a, sizeof(*p));
	struct session *s;

	if (!gw_check(req, presence_rules, GH_COUNT(presence_rules), p, NULL))
		return;
	s = session_new(req);
	s->user = p;
	session_own(s, presence_found);
}

/* ---- GET /instance/wa_messages_limits ---- */

static const struct gw_schema capping_schema = {
	.fields =
		GW_FIELDS(GW_FIELD("available", BOOL, .text = "Always false: quotas are not kept")),
};
static const struct gw_schema timelock_schema = {
	.fields = GW_FIELDS(GW_FIELD("available", BOOL), GW_FIELD("active", BOOL),
			    GW_FIELD("until", TIME, .flags = GW_F_OPTIONAL)),
};
static const struct gw_schema limits_schema = {
	.name = "UazapiLimits",
	.fields =
		GW_FIELDS(GW_FIELD("can_send_new_messages", BOOL,
				   .text = "false: new chats are paused (new_chats_paused_until)"),
			  GW_FIELD("reachable", BOOL), GW_FIELD("provider", STRING),
			  GW_FIELD("error_key", STRING), GW_FIELD("diagnostics_endpoint", STRING),
			  GW_FIELD("new_chat_message_capping", OBJECT, .of = &capping_schema),
			  GW_FIELD("reachout_timelock", OBJECT, .of = &timelock_schema)),
};

static void
limits_found(struct gw_req *req, const struct db_unit *u)
{
	struct instance_row row;
	struct json_w *w;
	bool is_locked;

	if (instance_row_count(u, 0) == 0) {
		gw_error(req, GW_E_INSTANCE_DELETED, NULL);
		return;
	}
	instance_row_read(u, 0, 0, req->a, &row);
	is_locked = row.new_chats_paused_us > clock_wall_us();
	w = gw_begin(req, is_locked ? "New chats are paused" : "New chats may be opened");
	json_w_open(w, GW_DATA, '{');
	json_w_bool(w, "can_send_new_messages", !is_locked);
	json_w_bool(w, "reachable", slice_eq(row.status, S("connected")));
	json_w_str(w, "provider", S("whatsapp"));
	json_w_str(w, "error_key", is_locked ? S("WHATSAPP_REACHOUT_TIMELOCK") : S(""));
	json_w_str(w, "diagnostics_endpoint", S("/instance/wa_messages_limits"));
	json_w_open(w, "new_chat_message_capping", '{');
	json_w_bool(w, "available", false);
	json_w_close(w, '}');
	json_w_open(w, "reachout_timelock", '{');
	json_w_bool(w, "available", true);
	json_w_bool(w, "active", is_locked);
	if (is_locked)
		json_w_time(w, "until", row.new_chats_paused_us);
	json_w_close(w, '}');
	json_w_close(w, '}');
	gw_send(req, 200);
}

/* By what senders have been told, whoever holds the number: no call, which UAZAPI wants rarely. */
static void
limits_get(struct gw_req *req)
{
	struct db_unit *u = db_unit_new();

	instance_get_add(u, req->who.company_id, req->who.instance_id);
	gw_submit(req, req->gw->read, u, limits_found, NULL);
}

/* ---- the module ---- */

static const struct gw_route routes[] = {
	{HTTP_POST, "/instance/updateInstanceName", GW_INSTANCE, GW_JSON, 0, name_post,
	 GW_DOC("uazapiRename", "UAZAPI", "Rename the instance, as UAZAPI has it",
		.body = JSON_RULES(name_rules), .example = "{\"name\":\"acme-01\"}",
		.reply = &instance_schema, .beside = uazapi_instance_fields,
		.errors = GW_ERR(DUPLICATE_NAME))},
	{HTTP_POST, "/instance/presence", GW_INSTANCE, GW_JSON, 0, presence_post,
	 GW_DOC("uazapiPresence", "UAZAPI",
		"Show the account as available or not, as UAZAPI has it",
		.body = JSON_RULES(presence_rules), .example = "{\"presence\":\"available\"}",
		.reply = &presence_schema, .beside = uazapi_response_fields,
		.errors = GW_ERR_PROVIDER | GW_ERR(INSTANCE_NOT_CONNECTED))},
	{HTTP_GET, "/instance/wa_messages_limits", GW_INSTANCE, 0, 0, limits_get,
	 GW_DOC("uazapiLimits", "UAZAPI", "May new chats be opened, as UAZAPI has it",
		.flags = GW_DOC_ROOT, .reply = &limits_schema)},
};

static const struct db_stmt_table *const tables[] = {&instance_stmt_table, NULL};

const struct gw_module uazapi_instance_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
	.write_tables = tables,
	.read_tables = tables,
};
