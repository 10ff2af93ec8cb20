/* waha.c - WAHA: the table of operations, look-ups, answers, signatures
 * (contracts/waha.md). Sends are built in waha_send.c, sessions steered by
 * waha_session.c, webhook bodies read in waha_event.c. Pure; engine differences (section
 * 13) end here.
 */
#include "provider/waha.h"

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/encode.h"
#include "crypto/hash.h"
#include "http/json.h"
#include "http/url.h"
#include "provider/waha_event.h"

#define SESSION_NAME_MAX 54

/* ---- requests ---- */

static bool
session_name_is_valid(struct slice s)
{
	if (s.n == 0 || s.n > SESSION_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return false;
	}
	return true;
}

static enum gh_code
build_message_get(const struct provider_server *server, const struct provider_call *call,
		  struct arena *a, struct provider_request *out, struct gh_err *err)
{
	/* A send_ref is the id that we made for the message. */
	struct slice id = call->external_id.n > 0 ? call->external_id : call->send_ref;
	struct provider_chat chat;
	struct buf url;

	if (provider_chat_parse(call->chat, a, &chat) != GH_OK || id.n == 0)
		return gh_fail(err, GH_EINVAL, "waha: look-up needs a chat and a message id");
	out->method = "GET";
	out->is_idempotent = true;
	translate_url_start(&url, a, server, "/api/");
	url_add_encoded(&url, call->session);
	buf_add_cstr(&url, "/chats/");
	url_add_encoded(&url, chat.key);
	/* "@" goes as %40 (section 18). The server splits the id itself and refuses the bare form
	 * (section 3.2). */
	buf_add_cstr(&url, "/messages/true_");
	url_add_encoded(&url, chat.key);
	buf_add_char(&url, '_');
	url_add_encoded(&url, id);
	buf_add_cstr(&url, "?downloadMedia=false");
	return translate_url_end(&url, out, err);
}

static enum gh_code
build_version(const struct provider_server *server, const struct provider_call *call GH_UNUSED,
	      struct arena *a, struct provider_request *out, struct gh_err *err)
{
	struct buf url;

	out->method = "GET";
	out->is_idempotent = true;
	translate_url_start(&url, a, server, "/api/server/version");
	return translate_url_end(&url, out, err);
}

/* ---- answers of success ---- */

static void
read_send(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	struct waha_id id;

	if (json_type(doc) != JSON_OBJECT) {
		/* A proxy's page, or a body cut short: nothing proves that WAHA sent it. */
		translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
		return;
	}
	if (waha_id_read(doc, &id))
		out->external_id = id.bare;
}

static void
read_version(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	out->version = json_str(json_get(doc, "version"));
	out->engine = json_str(json_get(doc, "engine"));
	/* Some other server answers here: the address is wrong. */
	if (out->version.n == 0)
		translate_set(out, PROVIDER_PARK_PROVIDER, "provider_path");
}

static void
read_message(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	struct waha_id id;
	int ack;

	out->is_found = waha_id_read(doc, &id);
	if (!out->is_found) {
		out->code = "not_found";
		return;
	}
	out->external_id = id.bare;
	out->has_status = waha_ack_read(doc, &ack, &out->status);
}

/* ---- the operations ---- */

static const struct translate_op ops[PROVIDER_OP_COUNT] = {
	[PROVIDER_OP_SEND] = {waha_build_send, read_send},
	[PROVIDER_OP_SESSION_CREATE] = {waha_build_session_create, waha_read_session},
	[PROVIDER_OP_SESSION_DELETE] = {waha_build_session_path, waha_read_session_delete},
	[PROVIDER_OP_SESSION_GET] = {waha_build_session_path, waha_read_session},
	[PROVIDER_OP_QR] = {waha_build_qr, waha_read_qr},
	[PROVIDER_OP_SERVER_VERSION] = {build_version, read_version, .is_of_server = true},
	[PROVIDER_OP_MESSAGE_GET] = {build_message_get, read_message},
	[PROVIDER_OP_SESSION_UPDATE] = {waha_build_session_update, waha_read_session},
	[PROVIDER_OP_SESSION_START] = {waha_build_session_path, waha_read_session},
	[PROVIDER_OP_SESSION_STOP] = {waha_build_session_path, waha_read_session},
	[PROVIDER_OP_SESSION_RESTART] = {waha_build_session_path, waha_read_session},
	[PROVIDER_OP_SESSION_LOGOUT] = {waha_build_session_path, waha_read_session},
	[PROVIDER_OP_SESSION_LIST] = {waha_build_session_list, waha_read_session_list,
				      .is_of_server = true},
	[PROVIDER_OP_PAIR_CODE] = {waha_build_pair_code, waha_read_pair_code},
	[PROVIDER_OP_PRESENCE] = {waha_build_presence, translate_read_nothing},
	[PROVIDER_OP_PROFILE_GET] = {waha_build_profile, waha_read_profile},
	[PROVIDER_OP_ABOUT_SET] = {waha_build_about, translate_read_nothing},
	[PROVIDER_OP_PRIVACY_GET] = {.read = translate_read_nothing,
				     .lacks = "privacy (waha.md section 18.6)"},
	[PROVIDER_OP_PRIVACY_SET] = {.read = translate_read_nothing,
				     .lacks = "privacy (waha.md section 18.6)"},
	/* What its answer means depends on the action: waha_read_action. */
	[PROVIDER_OP_ACTION] = {waha_build_action, translate_read_nothing},
	[PROVIDER_OP_SESSION_FIND] = {.read = translate_read_nothing,
				      .lacks = "its sessions have no keys (waha.md section 2)"},
};

static enum gh_code
waha_build(const struct provider_server *server, const struct provider_call *call, struct arena *a,
	   struct provider_request *out, struct gh_err *err)
{
	const struct translate_op *op = &ops[call->op];
	enum gh_code rc;

	*out = (struct provider_request){0};
	if (op->build == NULL)
		return gh_fail(err, GH_EPERM, "waha has no call for this: %s", op->lacks);
	if (!op->is_of_server && !session_name_is_valid(call->session))
		return gh_fail(err, GH_EINVAL, "waha: session name must be 1-%d of A-Z a-z 0-9 _ -",
			       SESSION_NAME_MAX);
	rc = op->build(server, call, a, out, err);
	if (rc != GH_OK)
		return rc;
	translate_header_add(out, S("X-Api-Key"), server->api_key);
	/* Without it a QR image comes as binary PNG (section 4.3). */
	translate_header_add(out, S("Accept"), S("application/json"));
	if (out->body.n > 0)
		translate_header_add(out, S("Content-Type"), S("application/json"));
	return GH_OK;
}

/* ---- answers: section 14 as one table ---- */

#define OP(o)   TRANSLATE_OP(o)
#define OP_ANY  TRANSLATE_OP_ANY
#define OP_ONCE (OP(PROVIDER_OP_SEND) | OP(PROVIDER_OP_SESSION_CREATE) | OP(PROVIDER_OP_ACTION))

static const struct translate_rule answer_rules[] = {
	{300, 399, OP_ANY, NULL, PROVIDER_PARK_PROVIDER, "provider_redirects", 0},
	{400, 400, OP_ANY, NULL, PROVIDER_REJECTED, "provider_refused", 0},
	{401, 401, OP_ANY, NULL, PROVIDER_PARK_PROVIDER, "provider_unauthorized", 0},
	{403, 403, OP_ANY, NULL, PROVIDER_PARK_PROVIDER, "provider_forbidden", 0},
	{404, 404, OP(PROVIDER_OP_SESSION_DELETE), NULL, PROVIDER_OK, "ok", 0},
	{404, 404, OP_ANY, "file_not_found", PROVIDER_REJECTED, "media_gone", 0},
	{404, 404, OP_ANY, "session", PROVIDER_PARK_INSTANCE, "session_missing", 0},
	{404, 404, OP(PROVIDER_OP_MESSAGE_GET), NULL, PROVIDER_OK, "not_found", 0},
	/* A known server answers 404 on these only when base_url is wrong. */
	{404, 404, OP_ANY, NULL, PROVIDER_PARK_PROVIDER, "provider_path", 0},
	{408, 408, OP_ANY, NULL, PROVIDER_UNKNOWN, "provider_timeout", 0},
	{413, 413, OP_ANY, NULL, PROVIDER_REJECTED, "too_large", 0},
	{422, 422, OP(PROVIDER_OP_SESSION_CREATE), "exist", PROVIDER_REJECTED, "session_exists", 0},
	{422, 422, OP_ANY, "does not exist", PROVIDER_PARK_INSTANCE, "session_missing", 0},
	{422, 422, OP_ANY, NULL, PROVIDER_REJECTED, "provider_refused", 0},
	{425, 425, OP_ANY, NULL, PROVIDER_UNKNOWN, "provider_timeout", 0},
	{429, 429, OP_ANY, NULL, PROVIDER_RETRY, "provider_rate_limited", 30},
	{400, 499, OP_ANY, NULL, PROVIDER_REJECTED, "provider_refused", 0},
	/* WhatsApp's own refusals come back on the same call (section 5.1): proved not sent. */
	{500, 500, OP_ANY, "server returned error 463", PROVIDER_REJECTED, "first_contact_refused",
	 0},
	/* Every send of the session fails until it is restarted (2084). */
	{500, 500, OP_ANY, "server returned error 400", PROVIDER_PARK_INSTANCE,
	 "session_restart_needed", 0},
	{500, 500, OP_ANY, "no lid found for", PROVIDER_REJECTED, "recipient_unknown", 0},
	{500, 500, OP_ANY, "no lid for user", PROVIDER_RETRY, "recipient_unresolved", 0},
	{500, 500, OP_ANY, "lid is missing in chat table", PROVIDER_RETRY, "recipient_unresolved",
	 0},
	{500, 500, OP_ANY, "rate-overlimit", PROVIDER_RETRY, "whatsapp_rate_limited", 120},
	{500, 500, OP_ANY, "connection refused", PROVIDER_RETRY, "engine_restarting", 5},
	{500, 500, OP_ANY, "econnrefused", PROVIDER_RETRY, "engine_restarting", 5},
	/* A reply_to that is no full message id (section 3.2). */
	{500, 500, OP_ANY, "in format", PROVIDER_REJECTED, "message_id_refused", 0},
	/* NOWEB on an unknown group (section 18.3), any engine on an unknown message. */
	{500, 500, OP(PROVIDER_OP_ACTION), "not found", PROVIDER_REJECTED, "not_found", 0},
	{501, 501, OP_ANY, NULL, PROVIDER_REJECTED, "unsupported", 0},
	{500, 599, OP_ANY, NULL, PROVIDER_UNKNOWN, "provider_error", 0},
};

/* The server's own words, in whichever of its shapes (section 14). Never request.body,
 * which echoes our text. */
static struct slice
error_text(const struct json *doc)
{
	const struct json *message = json_get(doc, "message");
	const struct json *places[] = {
		json_path(doc, "exception.details"),
		json_path(doc, "exception.message"),
		message,
		json_first(json_type(message) == JSON_ARRAY ? message : NULL),
		json_get(doc, "error"),
		json_path(doc, "error.key"),
	};

	for (size_t i = 0; i < GH_COUNT(places); i++)
		if (json_str(places[i]).n > 0)
			return json_str(places[i]);
	return SLICE_NONE;
}

/* 422 with "status" and "expected": the session is not in the state the call needs. */
static void
interpret_state(enum provider_op op, const struct json *doc, struct provider_result *out)
{
	static const char *const codes[] = {
		[PROVIDER_SESSION_UNKNOWN] = "session_not_working",
		[PROVIDER_SESSION_CONNECTED] = "session_not_working",
		[PROVIDER_SESSION_CONNECTING] = "session_connecting",
		[PROVIDER_SESSION_QR] = "session_unpaired",
		[PROVIDER_SESSION_DISCONNECTED] = "session_stopped",
		[PROVIDER_SESSION_FAILED] = "session_failed",
	};

	out->session_word = json_str(json_get(doc, "status"));
	out->session = waha_session_state(out->session_word);
	if (op == PROVIDER_OP_QR && out->session == PROVIDER_SESSION_CONNECTED)
		translate_set(out, PROVIDER_REJECTED, "already_connected");
	else
		translate_set(out, PROVIDER_PARK_INSTANCE, codes[out->session]);
	if (out->session == PROVIDER_SESSION_CONNECTING && out->retry_after_us == 0)
		out->retry_after_us = 5 * INT64_C(1000000);
}

static void
interpret_failure(enum provider_op op, int status, const struct json *doc,
		  struct provider_result *out)
{
	struct slice text = error_text(doc);

	provider_text_set(out->text, text);
	if (status == 422 && json_get(doc, "expected") != NULL &&
	    json_type(json_get(doc, "status")) == JSON_STRING)
		interpret_state(op, doc, out);
	else
		translate_fail(answer_rules, GH_COUNT(answer_rules), op, status, text, out);
}

static void
waha_interpret(enum provider_op op, const struct provider_answer *answer, struct arena *a,
	       struct provider_result *out)
{
	translate_answer(ops, interpret_failure, OP_ONCE, op, answer, a, out);
}

/* ---- signature ---- */

static enum gh_code
waha_verify(struct slice key, struct slice signature, struct slice body)
{
	uint8_t given[HASH_SHA512_SIZE], mac[HASH_SHA512_SIZE];
	size_t n;

	if (key.n == 0 || encode_hex_parse(signature, given, sizeof(given), &n) != GH_OK ||
	    n != sizeof(given))
		return GH_EAUTH;
	hash_hmac_sha512(key, body, mac);
	return hash_equal(given, mac, sizeof(mac)) ? GH_OK : GH_EAUTH;
}

const struct provider provider_waha = {
	.name = "waha",
	.event_id_header = "X-Webhook-Request-Id",
	.signature_header = "X-Webhook-Hmac",
	.reports_receipts = true,
	.ref_is_id = true,
	.build = waha_build,
	.interpret = waha_interpret,
	.parse_event = waha_parse_event,
	.verify = waha_verify,
	.send_ref = waha_send_ref,
	.action_gap = waha_action_gap,
	.read_action = waha_read_action,
	.split_id = waha_split_id,
	.send_gap = waha_send_gap,
};
