/* instance_ops.c - what the holder of an instance token does with the instance itself
 * (contracts/growhub-api.md section 5), and its QR code for the company.
 *
 * Everything here is a direct call to the provider within a deadline; only the name is
 * ours alone.
 */
#include "gateway.h"
#include "instances.h"
#include "session.h"
#include "uazapi_instance.h"

#include "base/arena.h"
#include "base/clock.h"
#include "crypto/encode.h"
#include "model/event.h"
#include "model/instance_lock.h"
#include "model/instance_state.h"

/* A code lives 20 s at WAHA, the first one 60 s (waha.md section 4.3): ask again after that. */
#define QR_LIFE_US (20 * CLOCK_SEC)
#define NAME_CHARS 100
#define ABOUT_MAX  139 /* characters, of WhatsApp */

/* ---- disconnect, restart, name, delete ---- */

static void
disconnected(struct session *s)
{
	const struct session_state st = {.state = PROVIDER_SESSION_DISCONNECTED};

	session_reply_state(s, "Disconnected", &st);
}

static void
disconnect_found(struct session *s)
{
	session_disconnect(s, disconnected);
}

static void
disconnect_post(struct gw_req *req)
{
	session_own(session_new(req), disconnect_found);
}

static void
restarted(struct session *s, const struct provider_result *r)
{
	const struct session_state st = {.state = r->session, .jid = r->own_jid};

	if (!session_refused(s, r))
		session_reply_state(s, "Restarting", &st);
}

static void
restart_found(struct session *s)
{
	session_do(s, PROVIDER_OP_SESSION_RESTART, restarted);
}

static void
restart_post(struct gw_req *req)
{
	session_own(session_new(req), restart_found);
}

static const struct json_rule name_rules[] = {
	{"name", JSON_RULE_STRING, JSON_RULE_REQUIRED | JSON_RULE_LINE, .min = 1, .max = NAME_CHARS,
	 .offset = offsetof(struct instance_change, name)},
};

static void
name_put(struct gw_req *req)
{
	struct instance_change change = {.settings = S("{}")};

	if (gw_check(req, name_rules, GH_COUNT(name_rules), &change, NULL))
		instances_change(req, req->who.instance_id, &change);
}

static void
instance_delete(struct gw_req *req)
{
	instances_end(req, req->who.company_id, req->who.instance_id);
}

/* ---- status ---- */

struct status {
	enum provider_session state;
	struct slice jid, name, qrcode, picture_url;
};

static const struct gw_schema status_instance_schema = {
	.fields = GW_FIELDS(
		GW_FIELD("id", INT),
		GW_FIELD("status", STRING,
			 .words = GW_WORDS("stopped", "connecting", "scan_qr_code", "connected",
					   "failed", "unknown")),
		GW_FIELD("name", STRING),
		GW_FIELD("qrcode", STRING, .text = "Data URL of a PNG; empty: none"),
		GW_FIELD("paircode", STRING, .text = "Empty: POST /instance/connect tells it once"),
		GW_FIELD("profileName", STRING, .flags = GW_F_NULL),
		GW_FIELD("profilePicUrl", STRING, .flags = GW_F_NULL),
		GW_FIELD("isBusiness", BOOL, .flags = GW_F_NULL,
			 .text = "null: the provider does not tell"),
		GW_FIELD("platform", STRING, .text = "Type of the provider"),
		GW_FIELD("systemName", STRING),
		GW_FIELD("owner", STRING, .flags = GW_F_NULL,
			 .text = "Number of the phone, also while it is not connected"),
		GW_FIELD("lastDisconnect", TIME, .flags = GW_F_NULL),
		GW_FIELD("lastDisconnectReason", STRING, .flags = GW_F_NULL),
		GW_FIELD("created", TIME), GW_FIELD("updated", TIME)),
};

static const struct gw_schema status_status_schema = {
	.fields = GW_FIELDS(GW_FIELD("connected", BOOL), GW_FIELD("loggedIn", BOOL),
			    GW_FIELD("jid", STRING, .flags = GW_F_NULL)),
};

static const struct gw_schema status_schema = {
	.name = "InstanceStatus",
	.fields = GW_FIELDS(GW_FIELD("instance", OBJECT, .of = &status_instance_schema),
			    GW_FIELD("status", OBJECT, .of = &status_status_schema)),
};

static void
status_reply(struct session *s)
{
	const struct status *st = s->user;
	const struct instance_row *i = &s->row;
	bool is_connected = st->state == PROVIDER_SESSION_CONNECTED;
	const struct uazapi_instance in_its_words = {.row = i,
						     .status = uazapi_session_word(st->state),
						     .qrcode = st->qrcode,
						     .profile_name = st->name,
						     .picture_url = st->picture_url};
	struct json_w *w = gw_begin(s->req, "Instance status");

	json_w_open(w, GW_DATA, '{');
	json_w_open(w, "instance", '{');
	json_w_i64(w, "id", i->id);
	json_w_str(w, "status", slice_of(session_word(st->state)));
	json_w_str(w, "name", i->name);
	json_w_str(w, "qrcode", st->qrcode.p != NULL ? st->qrcode : S(""));
	json_w_str(w, "paircode", S(""));
	json_w_str(w, "profileName", st->name);
	json_w_str(w, "profilePicUrl", st->picture_url);
	json_w_null(w, "isBusiness");
	json_w_str(w, "platform", i->provider_type);
	json_w_str(w, "systemName", S("growhub"));
	json_w_str(w, "owner", i->phone_number);
	json_w_time(w, "lastDisconnect", i->last_disconnect_us);
	json_w_str(w, "lastDisconnectReason", i->last_disconnect_reason);
	json_w_time(w, "created", i->created_at_us);
	json_w_time(w, "updated", i->updated_at_us);
	json_w_close(w, '}');
	json_w_open(w, "status", '{');
	json_w_bool(w, "connected", is_connected);
	json_w_bool(w, "loggedIn", is_connected);
	json_w_str(w, "jid", is_connected ? st->jid : SLICE_NONE);
	json_w_close(w, '}');
	json_w_close(w, '}');
	json_w_open(w, "instance", '{');
	uazapi_instance_members(w, &in_its_words, s->req->a);
	json_w_close(w, '}');
	uazapi_status_member(w, is_connected, st->jid, s->req->a);
	gw_send(s->req, 200);
}

/* Code, name and picture are extras: the state is told without them too. */
static void
status_extra(struct session *s, const struct provider_result *r)
{
	struct status *st = s->user;
	struct arena *a = s->req->a;

	if (r->outcome == PROVIDER_OK && r->qr.p != NULL)
		st->qrcode = session_data_url(s, r);
	if (r->outcome == PROVIDER_OK && r->own_name.p != NULL)
		st->name = arena_dup(a, r->own_name);
	if (r->outcome == PROVIDER_OK)
		st->picture_url = arena_dup(a, r->picture_url);
	status_reply(s);
}

static void
status_told(struct session *s, const struct provider_result *r)
{
	struct provider_call qr = {.op = PROVIDER_OP_QR, .want_image = true};
	struct status *st = s->user;

	if (session_refused(s, r))
		return;
	st->state = r->session;
	st->jid = arena_dup(s->req->a, r->own_jid);
	st->name = arena_dup(s->req->a, r->own_name);
	if (r->own_number.p != NULL)
		s->row.phone_number = arena_dup(s->req->a, r->own_number);
	if (r->session == PROVIDER_SESSION_QR)
		session_call(s, &qr, status_extra);
	else if (r->session == PROVIDER_SESSION_CONNECTED)
		session_do(s, PROVIDER_OP_PROFILE_GET, status_extra);
	else
		status_reply(s);
}

static void
status_found(struct session *s)
{
	session_do(s, PROVIDER_OP_SESSION_GET, status_told);
}

static void
status_get(struct gw_req *req)
{
	struct session *s = session_new(req);

	s->user = arena_alloc(req->a, sizeof(struct status));
	session_own(s, status_found);
}

/* ---- QR code ---- */

enum qr_format { QR_JSON, QR_PNG, QR_RAW };

struct qr {
	enum qr_format format;
};

static const struct gw_schema qr_schema = {
	.name = "QrCode",
	.fields = GW_FIELDS(
		GW_FIELD("qrcode", STRING, .flags = GW_F_OPTIONAL, .text = "Data URL of a PNG"),
		GW_FIELD("value", STRING, .flags = GW_F_OPTIONAL,
			 .text = "format=raw: the text to draw"),
		GW_FIELD("status", STRING, .words = GW_WORDS("scan_qr_code")),
		GW_FIELD("expires_at", TIME, .text = "Ask again then: the code changes")),
};

static void
qr_reply_png(struct session *s, const struct provider_result *r)
{
	void *png = arena_alloc(s->req->a, r->qr.n + 1);
	size_t n;

	if (encode_base64_parse(r->qr, ENCODE_PAD_OPTIONAL, png, r->qr.n + 1, &n) != GH_OK)
		gw_error(s->req, GW_E_PROVIDER_ERROR, "The provider's QR code is unreadable");
	else
		gw_send_as(s->req, 200, S("image/png"), slice_make(png, n));
}

static void
qr_told(struct session *s, const struct provider_result *r)
{
	const struct qr *q = s->user;
	struct json_w *w;

	/* The session exists and is in no state to be scanned. */
	if (r->outcome == PROVIDER_PARK_INSTANCE && r->session != PROVIDER_SESSION_UNKNOWN) {
		gw_error(s->req, GW_E_INSTANCE_NOT_CONNECTED,
			 arena_printf(s->req->a,
				      "There is no QR code now, the session is %s: POST "
				      "/instance/connect brings one",
				      session_word(r->session)));
		return;
	}
	if (session_refused(s, r))
		return;
	if (q->format == QR_PNG) {
		qr_reply_png(s, r);
		return;
	}
	w = gw_begin(s->req, "QR code");
	json_w_open(w, GW_DATA, '{');
	if (q->format == QR_JSON)
		json_w_str(w, "qrcode", session_data_url(s, r));
	else
		json_w_str(w, "value", r->qr);
	json_w_str(w, "status", slice_of(session_word(PROVIDER_SESSION_QR)));
	json_w_time(w, "expires_at", clock_wall_us() + QR_LIFE_US);
	json_w_close(w, '}');
	gw_send(s->req, 200);
}

static void
qr_found(struct session *s)
{
	const struct qr *q = s->user;
	struct provider_call call = {.op = PROVIDER_OP_QR, .want_image = q->format != QR_RAW};

	session_call(s, &call, qr_told);
}

static struct session *
qr_new(struct gw_req *req, enum qr_format format)
{
	struct session *s = session_new(req);
	struct qr *q = arena_alloc(req->a, sizeof(*q));

	q->format = format;
	s->user = q;
	s->wants_pairing = true;
	return s;
}

static void
qr_get(struct gw_req *req)
{
	session_own(qr_new(req, QR_JSON), qr_found);
}

static void
qr_image_get(struct gw_req *req)
{
	session_own(qr_new(req, QR_PNG), qr_found);
}

static void
company_qr_get(struct gw_req *req)
{
	static const struct {
		struct slice word;
		enum qr_format format;
	} formats[] = {{{"json", 4}, QR_JSON}, {{"png", 3}, QR_PNG}, {{"raw", 3}, QR_RAW}};
	struct slice word = gw_query(req, "format");
	int32_t id;

	if (!gw_id_param(req, "id", &id))
		return;
	if (word.p == NULL)
		word = S("json");
	for (size_t i = 0; i < GH_COUNT(formats); i++) {
		if (slice_eq(word, formats[i].word)) {
			session_find(qr_new(req, formats[i].format), id, qr_found);
			return;
		}
	}
	gw_field_error(req, "format", "must be one of json, png, raw");
	gw_error(req, GW_E_VALIDATION_FAILED, NULL);
}

/* ---- privacy ---- */

/* The provider's word for each is the translator's business. The first of two that mean the same is
 * ours. */
static const struct json_word privacy_words[] = {
	{"all", PROVIDER_PRIVACY_ALL},        {"contacts", PROVIDER_PRIVACY_CONTACTS},
	{"known", PROVIDER_PRIVACY_CONTACTS}, {"contact_blacklist", PROVIDER_PRIVACY_BLACKLIST},
	{"none", PROVIDER_PRIVACY_NONE},      {NULL, 0},
};

static const struct json_word online_words[] = {
	{"all", 0},
	{"match_last_seen", 1},
	{NULL, 0},
};

struct privacy {
	int word[PROVIDER_PRIVACY_COUNT]; /* absent: PROVIDER_PRIVACY_UNKNOWN */
	int online;
};

#define PRIVACY(field, i)                                                                          \
	{                                                                                          \
		.name = (field), .type = JSON_RULE_WORD, .words = privacy_words,                   \
		.offset = offsetof(struct privacy, word[PROVIDER_PRIVACY_##i])                     \
	}

/* Ours first, in the order of enum provider_privacy; then what UAZAPI's clients write. */
static const struct json_rule privacy_rules[] = {
	[PROVIDER_PRIVACY_READRECEIPTS] = PRIVACY("readreceipts", READRECEIPTS),
	[PROVIDER_PRIVACY_GROUPS] = PRIVACY("groups", GROUPS),
	[PROVIDER_PRIVACY_CALLS] = PRIVACY("calladd", CALLS),
	[PROVIDER_PRIVACY_LAST] = PRIVACY("last", LAST),
	[PROVIDER_PRIVACY_ABOUT] = PRIVACY("status", ABOUT),
	[PROVIDER_PRIVACY_PICTURE] = PRIVACY("profile", PICTURE),
	PRIVACY("groupadd", GROUPS),
	{"online", JSON_RULE_WORD, .words = online_words,
	 .offset = offsetof(struct privacy, online)},
};
#define PRIVACY_ONLINE (GH_COUNT(privacy_rules) - 1)

#define PRIVACY_FIELD(field)                                                                       \
	GW_FIELD(field, STRING, .flags = GW_F_NULL,                                                \
		 .words = GW_WORDS("all", "contacts", "contact_blacklist", "none"))

static const struct gw_schema privacy_schema = {
	.name = "Privacy",
	.text = "null: the provider does not tell.",
	.fields = GW_FIELDS(PRIVACY_FIELD("readreceipts"), PRIVACY_FIELD("groups"),
			    PRIVACY_FIELD("calladd"), PRIVACY_FIELD("last"),
			    PRIVACY_FIELD("status"), PRIVACY_FIELD("profile")),
};

static struct slice
privacy_word(enum provider_privacy_word word)
{
	for (size_t i = 0; privacy_words[i].text != NULL; i++)
		if (privacy_words[i].value == (int)word)
			return slice_of(privacy_words[i].text);
	return SLICE_NONE;
}

static void
privacy_told(struct session *s, const struct provider_result *r)
{
	struct json_w *w;

	if (session_refused(s, r))
		return;
	w = gw_begin(s->req, "Privacy settings");
	json_w_open(w, GW_DATA, '{');
	for (size_t i = 0; i < PROVIDER_PRIVACY_COUNT; i++)
		json_w_str(w, privacy_rules[i].name, privacy_word(r->privacy[i]));
	json_w_close(w, '}');
	gw_send(s->req, 200);
}

static void
privacy_get_found(struct session *s)
{
	session_do(s, PROVIDER_OP_PRIVACY_GET, privacy_told);
}

static void
privacy_put_found(struct session *s)
{
	const struct privacy *p = s->user;
	enum provider_privacy_word words[PROVIDER_PRIVACY_COUNT];
	struct provider_call call = {.op = PROVIDER_OP_PRIVACY_SET, .privacy = words};

	for (size_t i = 0; i < PROVIDER_PRIVACY_COUNT; i++)
		words[i] = (enum provider_privacy_word)p->word[i];
	session_call(s, &call, privacy_told);
}

static void
privacy_get(struct gw_req *req)
{
	session_own(session_new(req), privacy_get_found);
}

static void
privacy_put(struct gw_req *req)
{
	struct privacy *p = arena_alloc(req->a, sizeof(*p));
	struct json_given given = {0};
	struct session *s;

	if (!gw_check(req, privacy_rules, GH_COUNT(privacy_rules), p, &given))
		return;
	if ((given.present >> PRIVACY_ONLINE & 1) != 0) {
		gw_error(req, GW_E_NOT_SUPPORTED, "Who sees that we are online cannot be set here");
		return;
	}
	if (given.present != 0) {
		s = session_new(req);
		s->user = p;
		session_own(s, privacy_put_found);
		return;
	}
	gw_field_error(req, "body", "must have one of the settings at least");
	gw_error(req, GW_E_VALIDATION_FAILED, NULL);
}

/* ---- presence ---- */

struct presence {
	int word;
	struct slice number, about;
};

static const struct json_word presence_words[] = {
	{"available", PROVIDER_PRESENCE_AVAILABLE}, {"unavailable", PROVIDER_PRESENCE_UNAVAILABLE},
	{"composing", PROVIDER_PRESENCE_COMPOSING}, {"recording", PROVIDER_PRESENCE_RECORDING},
	{"paused", PROVIDER_PRESENCE_PAUSED},       {NULL, 0},
};

static const struct json_rule presence_rules[] = {
	{"status", JSON_RULE_WORD, JSON_RULE_REQUIRED, .words = presence_words,
	 .offset = offsetof(struct presence, word)},
	{"message", JSON_RULE_STRING, JSON_RULE_LINE, .max = ABOUT_MAX,
	 .offset = offsetof(struct presence, about),
	 .text = "New text of the account's about line"},
	{"number", JSON_RULE_STRING, JSON_RULE_NUMBER_OK | JSON_RULE_LINE, .max = 100,
	 .offset = offsetof(struct presence, number),
	 .text = "Chat that composing, recording and paused are shown in"},
};

static const struct gw_schema presence_schema = {
	.name = "Presence",
	.fields = GW_FIELDS(GW_FIELD(
		"status", STRING,
		.words = GW_WORDS("available", "unavailable", "composing", "recording", "paused"))),
};

static void
presence_reply(struct session *s)
{
	const struct presence *p = s->user;
	struct json_w *w = gw_begin(s->req, "Presence set");

	json_w_open(w, GW_DATA, '{');
	json_w_str(w, "status", slice_of(presence_words[p->word].text));
	json_w_close(w, '}');
	gw_send(s->req, 200);
}

static void
about_set(struct session *s, const struct provider_result *r)
{
	if (!session_refused(s, r))
		presence_reply(s);
}

static void
presence_set(struct session *s, const struct provider_result *r)
{
	const struct presence *p = s->user;
	struct provider_call about = {.op = PROVIDER_OP_ABOUT_SET, .about = p->about};

	if (session_refused(s, r))
		return;
	if (p->about.p == NULL)
		presence_reply(s);
	else
		session_call(s, &about, about_set);
}

static void
presence_found(struct session *s)
{
	const struct presence *p = s->user;
	struct provider_call call = {.op = PROVIDER_OP_PRESENCE,
				     .presence = (enum provider_presence)p->word,
				     .chat = p->number};

	session_call(s, &call, presence_set);
}

static void
presence_put(struct gw_req *req)
{
	struct presence *p = arena_alloc(req->a, sizeof(*p));
	struct provider_chat chat;
	struct session *s;

	(void)json_check(req->body, presence_rules, GH_COUNT(presence_rules), "", p, NULL,
			 gw_errors(req));
	if (p->number.p != NULL && provider_chat_parse(p->number, req->a, &chat) != GH_OK)
		gw_field_error(req, "number", "must be a phone number or chat id");
	if (gw_refuse_fields(req))
		return;
	s = session_new(req);
	s->user = p;
	session_own(s, presence_found);
}

/* ---- the module ---- */

#define OPS_TAG      "Instance"
#define OPS_ERRORS   (GW_ERR_PROVIDER | GW_ERR(INSTANCE_NOT_CONNECTED))
#define OPS_QR_TEXT  "409 already_connected when there is nothing to scan."
#define OPS_QR_ERROR (OPS_ERRORS | GW_ERR(ALREADY_CONNECTED))

static const struct gw_route routes[] = {
	{HTTP_POST, "/instance/connect", GW_INSTANCE, GW_JSON_OPTIONAL, 0, instance_connect,
	 GW_DOC("connect", OPS_TAG, "Connect the number: the answer has a QR or pairing code",
		.text = "Starts the session where it rests. While the code is not there yet the "
			"answer says connecting: ask GET /instance/status.",
		.body = &instance_connect_rules, .example = "{\"phone\":\"5511900000001\"}",
		.reply = &session_state_schema, .beside = uazapi_session_fields,
		.errors = OPS_ERRORS)},
	{HTTP_POST, "/instance/disconnect", GW_INSTANCE, 0, 0, disconnect_post,
	 GW_DOC("disconnect", OPS_TAG, "Log the number out and stop its session",
		.text = "Connecting again needs a new pairing.", .reply = &session_state_schema,
		.beside = uazapi_session_fields, .errors = OPS_ERRORS)},
	{HTTP_POST, "/instance/restart", GW_INSTANCE, 0, 0, restart_post,
	 GW_DOC("restart", OPS_TAG, "Restart the session; the number stays paired",
		.reply = &session_state_schema, .beside = uazapi_session_fields,
		.errors = OPS_ERRORS)},
	{HTTP_POST, "/instance/reset", GW_INSTANCE, 0, 0, restart_post,
	 GW_DOC("uazapiReset", "UAZAPI", "The same as /instance/restart, as UAZAPI has it",
		.reply = &session_state_schema, .beside = uazapi_session_fields,
		.errors = OPS_ERRORS)},
	{HTTP_DELETE, "/instance", GW_INSTANCE, 0, 0, instance_delete,
	 GW_DOC("deleteOwnInstance", OPS_TAG, "Delete the instance and its session",
		.text = "Its token answers 403 instance_deleted from then on.",
		.reply = &instance_schema, .beside = uazapi_response_fields)},
	{HTTP_PUT, "/instance/name", GW_INSTANCE, GW_JSON, 0, name_put,
	 GW_DOC("renameInstance", OPS_TAG, "Rename the instance", .body = JSON_RULES(name_rules),
		.example = "{\"name\":\"Support\"}", .reply = &instance_schema,
		.errors = GW_ERR(DUPLICATE_NAME))},
	{HTTP_GET, "/instance/status", GW_INSTANCE, 0, 0, status_get,
	 GW_DOC("getInstanceStatus", OPS_TAG, "State of the session, asked at the provider",
		.reply = &status_schema, .beside = uazapi_status_fields, .errors = OPS_ERRORS)},
	{HTTP_GET, "/instance/qrcode", GW_INSTANCE, 0, 0, qr_get,
	 GW_DOC("getOwnQrCode", OPS_TAG, "The QR code to scan", .text = OPS_QR_TEXT,
		.reply = &qr_schema, .errors = OPS_QR_ERROR)},
	{HTTP_GET, "/instance/qrcode/image", GW_INSTANCE, 0, 0, qr_image_get,
	 GW_DOC("getOwnQrImage", OPS_TAG, "The QR code as a picture", .text = OPS_QR_TEXT,
		.media = "image/png", .errors = OPS_QR_ERROR)},
	{HTTP_GET, "/instance/privacy", GW_INSTANCE, 0, 0, privacy_get,
	 GW_DOC("getPrivacy", OPS_TAG, "Privacy settings of the account", .reply = &privacy_schema,
		.errors = OPS_ERRORS)},
	{HTTP_PUT, "/instance/privacy", GW_INSTANCE, GW_JSON, 0, privacy_put,
	 GW_DOC("setPrivacy", OPS_TAG, "Change privacy settings of the account",
		.body = JSON_RULES(privacy_rules), .example = "{\"last\":\"contacts\"}",
		.reply = &privacy_schema, .errors = OPS_ERRORS)},
	{HTTP_POST, "/instance/privacy", GW_INSTANCE, GW_JSON, 0, privacy_put,
	 GW_DOC("uazapiPrivacy", "UAZAPI", "Change privacy settings, as UAZAPI has it",
		.body = JSON_RULES(privacy_rules), .example = "{\"last\":\"contacts\"}",
		.reply = &privacy_schema, .errors = OPS_ERRORS)},
	{HTTP_PUT, "/instance/presence", GW_INSTANCE, GW_JSON, 0, presence_put,
	 GW_DOC("setPresence", OPS_TAG, "Show the account as available, or as writing in a chat",
		.body = JSON_RULES(presence_rules), .example = "{\"status\":\"available\"}",
		.reply = &presence_schema, .errors = OPS_ERRORS)},
	{HTTP_GET, "/api/instances/{id}/qrcode", GW_COMPANY, 0, 0, company_qr_get,
	 GW_DOC("getQrCode", "Instances", "The QR code to scan", .text = OPS_QR_TEXT,
		.query = GW_FIELDS(GW_FIELD("format", STRING,
					    .words = GW_WORDS("json", "png", "raw"),
					    .text = "png answers the picture itself")),
		.reply = &qr_schema, .media = "image/png", .errors = OPS_QR_ERROR)},
};

static const struct db_stmt_table *const write_tables[] = {
	&instance_state_stmt_table,
	&instance_lock_stmt_table,
	&instance_stmt_table,
	NULL,
};

static const struct db_stmt_table *const read_tables[] = {&instance_stmt_table, NULL};

const struct gw_module instance_ops_module = {
	.routes = routes,
	.route_count = GH_COUNT(routes),
	.write_tables = write_tables,
	.read_tables = read_tables,
};
