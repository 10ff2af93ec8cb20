/* waha.c - WAHA: sessions, look-ups, answers, signatures (contracts/waha.md). Sends are built
 * in waha_send.c, webhook bodies read in waha_event.c. Pure; engine differences (section
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
/* A session with its webhook; every text of it is bounded by its column. */
#define REQUEST_BODY_MAX (64 * 1024)

/* Why we subscribe: exactly what becomes facts of our API (growhub-api.md section 7).
 * message.any without message, or every incoming one comes twice. Servers that do not
 * know a name yet ignore it with a log line (section 10). */
static const char *const webhook_events[] = {
	"session.status",   "message.any",     "message.ack",           "message.ack.group",
	"message.reaction", "message.revoked", "message.edited",        "group.v2.join",
	"group.v2.leave",   "group.v2.update", "group.v2.participants", "poll.vote",
	"call.received",    "call.accepted",   "call.rejected",         "presence.update",
};

/* Our gateway may be away for a deployment or a failover: 10 attempts from 2 s, doubling,
 * bridge an hour; WAHA keeps them in memory only (section 9). */
#define WEBHOOK_RETRY_DELAY_S  2
#define WEBHOOK_RETRY_ATTEMPTS 10

/* ---- requests ---- */

void
waha_url_start(struct buf *b, struct arena *a, const struct provider_server *server,
	       const char *path)
{
	struct slice base = server->base_url;

	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	buf_init(b, a, URL_MAX);
	buf_add(b, base);
	buf_add_cstr(b, path);
}

static void
request_add_header(struct provider_request *r, struct slice name, struct slice value)
{
	if (r->header_count == PROVIDER_HEADER_MAX)
		gh_panic("waha: more than %d headers", PROVIDER_HEADER_MAX);
	r->header[r->header_count++] = (struct provider_header){name, value};
}

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

static void
session_config_write(struct json_w *w, const struct provider_session_spec *spec)
{
	char number[24];
	struct buf text;

	json_w_open(w, "config", '{');
	json_w_open(w, "metadata", '{');
	buf_init(&text, w->b->a, sizeof(number));
	buf_add_i64(&text, spec->company_id);
	json_w_str(w, "company", buf_slice(&text));
	buf_reset(&text);
	buf_add_i64(&text, spec->instance_id);
	json_w_str(w, "instance", buf_slice(&text));
	json_w_close(w, '}');
	/* The store is what makes look-ups work on NOWEB; offline keeps the phone ringing. */
	json_w_open(w, "noweb", '{');
	json_w_bool(w, "markOnline", false);
	json_w_open(w, "store", '{');
	json_w_bool(w, "enabled", true);
	json_w_bool(w, "fullSync", false);
	json_w_close(w, '}');
	json_w_close(w, '}');
	json_w_open(w, "webhooks", '[');
	json_w_open(w, NULL, '{');
	json_w_str(w, "url", spec->webhook_url);
	json_w_open(w, "events", '[');
	for (size_t i = 0; i < GH_COUNT(webhook_events); i++)
		json_w_str(w, NULL, slice_of(webhook_events[i]));
	json_w_close(w, ']');
	json_w_open(w, "hmac", '{');
	json_w_str(w, "key", spec->webhook_secret);
	json_w_close(w, '}');
	json_w_open(w, "retries", '{');
	json_w_str(w, "policy", S("exponential"));
	json_w_i64(w, "delaySeconds", WEBHOOK_RETRY_DELAY_S);
	json_w_i64(w, "attempts", WEBHOOK_RETRY_ATTEMPTS);
	json_w_close(w, '}');
	json_w_close(w, '}');
	json_w_close(w, ']');
	json_w_close(w, '}');
}

static enum gh_code
build_create(const struct provider_server *server, const struct provider_call *call,
	     struct arena *a, struct provider_request *out, struct gh_err *err)
{
	struct buf body, url;
	struct json_w w;

	buf_init(&body, a, REQUEST_BODY_MAX);
	json_w_init(&w, &body);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, "name", call->session);
	/* Always said: without it one server version left the session STOPPED (section 4.2). */
	json_w_bool(&w, "start", true);
	session_config_write(&w, call->spec);
	json_w_close(&w, '}');
	waha_url_start(&url, a, server, "/api/sessions");
	out->method = "POST";
	out->url = buf_slice(&url);
	out->body = buf_slice(&body);
	return url.over || body.over ? gh_fail(err, GH_EINVAL, "waha: request is too long") : GH_OK;
}

/* GET (or DELETE) without a body. */
static enum gh_code
build_plain(const struct provider_server *server, const struct provider_call *call, struct arena *a,
	    struct provider_request *out, struct gh_err *err)
{
	struct buf url;

	out->method = call->op == PROVIDER_OP_SESSION_DELETE ? "DELETE" : "GET";
	out->is_idempotent = true;
	if (call->op == PROVIDER_OP_SERVER_VERSION) {
		waha_url_start(&url, a, server, "/api/server/version");
	} else if (call->op == PROVIDER_OP_QR) {
		waha_url_start(&url, a, server, "/api/");
		url_add_encoded(&url, call->session);
		buf_add_cstr(&url, "/auth/qr?format=");
		buf_add_cstr(&url, call->want_image ? "image" : "raw");
	} else {
		waha_url_start(&url, a, server, "/api/sessions/");
		url_add_encoded(&url, call->session);
	}
	out->url = buf_slice(&url);
	return url.over ? gh_fail(err, GH_EINVAL, "waha: URL is too long") : GH_OK;
}

static enum gh_code
build_message_get(const struct provider_server *server, const struct provider_call *call,
		  struct arena *a, struct provider_request *out, struct gh_err *err)
{
	struct provider_chat chat;
	struct buf url;

	if (provider_chat_parse(call->chat, a, &chat) != GH_OK || call->external_id.n == 0)
		return gh_fail(err, GH_EINVAL, "waha: look-up needs a chat and a message id");
	out->method = "GET";
	out->is_idempotent = true;
	waha_url_start(&url, a, server, "/api/");
	url_add_encoded(&url, call->session);
	buf_add_cstr(&url, "/chats/");
	url_add_encoded(&url, chat.key);
	/* "@" goes as %40 (section 18). The server splits the id itself and refuses the bare form
	 * (section 3.2). */
	buf_add_cstr(&url, "/messages/true_");
	url_add_encoded(&url, chat.key);
	buf_add_char(&url, '_');
	url_add_encoded(&url, call->external_id);
	buf_add_cstr(&url, "?downloadMedia=false");
	out->url = buf_slice(&url);
	return url.over ? gh_fail(err, GH_EINVAL, "waha: URL is too long") : GH_OK;
}

static enum gh_code
waha_build(const struct provider_server *server, const struct provider_call *call, struct arena *a,
	   struct provider_request *out, struct gh_err *err)
{
	static enum gh_code (*const builders[PROVIDER_OP_COUNT])(
		const struct provider_server *, const struct provider_call *, struct arena *,
		struct provider_request *, struct gh_err *) = {
		[PROVIDER_OP_SEND] = waha_build_send,
		[PROVIDER_OP_SESSION_CREATE] = build_create,
		[PROVIDER_OP_SESSION_DELETE] = build_plain,
		[PROVIDER_OP_SESSION_GET] = build_plain,
		[PROVIDER_OP_QR] = build_plain,
		[PROVIDER_OP_SERVER_VERSION] = build_plain,
		[PROVIDER_OP_MESSAGE_GET] = build_message_get,
		[PROVIDER_OP_ACTION] = waha_build_action,
	};

	enum gh_code rc;

	*out = (struct provider_request){0};
	if ((size_t)call->op >= GH_COUNT(builders))
		return gh_fail(err, GH_EPERM, "waha: operation is unsupported");
	if (call->op != PROVIDER_OP_SERVER_VERSION && !session_name_is_valid(call->session))
		return gh_fail(err, GH_EINVAL, "waha: session name must be 1-%d of A-Z a-z 0-9 _ -",
			       SESSION_NAME_MAX);
	request_add_header(out, S("X-Api-Key"), server->api_key);
	/* Without it a QR image comes as binary PNG (section 4.3). */
	request_add_header(out, S("Accept"), S("application/json"));
	rc = builders[call->op](server, call, a, out, err);
	if (rc == GH_OK && out->body.p != NULL)
		request_add_header(out, S("Content-Type"), S("application/json"));
	return rc;
}

/* ---- answers: section 14 as one table ---- */

#define OP(o)  (1u << (o))
#define OP_ANY (OP(PROVIDER_OP_COUNT) - 1u)
/* A repeat of these does no harm, so "unknown" is as good as "not executed". */
#define OP_IDEMPOTENT                                                                              \
	(OP_ANY & ~(OP(PROVIDER_OP_SEND) | OP(PROVIDER_OP_SESSION_CREATE) | OP(PROVIDER_OP_ACTION)))

/* First row that fits decides: status within from..to, operation in ops, and `has`
 * (NULL: any) contained in the server's error text, case ignored. */
static const struct answer_rule {
	int from, to;
	unsigned ops;
	const char *has;
	enum provider_outcome outcome;
	const char *code;
	unsigned retry_after_s;
} answer_rules[] = {
	{300, 399, OP_ANY, NULL, PROVIDER_PARK_PROVIDER, "provider_redirects", 0},
	{400, 400, OP_ANY, NULL, PROVIDER_REJECTED, "provider_refused", 0},
	{401, 401, OP_ANY, NULL, PROVIDER_PARK_PROVIDER, "provider_unauthorized", 0},
	{403, 403, OP_ANY, NULL, PROVIDER_PARK_PROVIDER, "provider_forbidden", 0},
	{404, 404, OP(PROVIDER_OP_SESSION_DELETE), NULL, PROVIDER_OK, "ok", 0},
	{404, 404, OP_ANY, "session", PROVIDER_PARK_INSTANCE, "session_missing", 0},
	{404, 404, OP(PROVIDER_OP_MESSAGE_GET), NULL, PROVIDER_OK, "not_found", 0},
	/* Of media whose life is over (section 8). */
	{404, 404, OP(PROVIDER_OP_ACTION), "file", PROVIDER_REJECTED, "not_found", 0},
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
	/* NOWEB on an unknown group (section 18.3), any engine on an unknown message. */
	{500, 500, OP(PROVIDER_OP_ACTION), "not found", PROVIDER_REJECTED, "not_found", 0},
	{501, 501, OP_ANY, NULL, PROVIDER_REJECTED, "unsupported", 0},
	{500, 599, OP_ANY, NULL, PROVIDER_UNKNOWN, "provider_error", 0},
};

static bool
contains_nocase(struct slice s, struct slice part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (slice_eq_nocase(slice_sub(s, i, part.n), part))
			return true;
	return false;
}

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
		json_path(doc, "error.message"),
	};

	for (size_t i = 0; i < GH_COUNT(places); i++)
		if (json_str(places[i]).n > 0)
			return json_str(places[i]);
	return SLICE_NONE;
}

static const struct answer_rule *
answer_rule_find(int status, enum provider_op op, struct slice text)
{
	for (size_t i = 0; i < GH_COUNT(answer_rules); i++) {
		const struct answer_rule *r = &answer_rules[i];

		if (status < r->from || status > r->to || (r->ops & OP(op)) == 0)
			continue;
		if (r->has == NULL || contains_nocase(text, slice_of(r->has)))
			return r;
	}
	return NULL;
}

static void
result_set(struct provider_result *out, enum provider_outcome outcome, const char *code)
{
	out->outcome = outcome;
	out->code = code;
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
		result_set(out, PROVIDER_REJECTED, "already_connected");
	else
		result_set(out, PROVIDER_PARK_INSTANCE, codes[out->session]);
	if (out->session == PROVIDER_SESSION_CONNECTING && out->retry_after_us == 0)
		out->retry_after_us = 5 * INT64_C(1000000);
}

static void
interpret_failure(enum provider_op op, int status, const struct json *doc,
		  struct provider_result *out)
{
	struct slice text = error_text(doc);
	const struct answer_rule *rule;

	provider_text_set(out->text, text);
	if (status == 422 && json_get(doc, "expected") != NULL &&
	    json_type(json_get(doc, "status")) == JSON_STRING) {
		interpret_state(op, doc, out);
		return;
	}
	rule = answer_rule_find(status, op, text);
	if (rule == NULL) {
		result_set(out, PROVIDER_UNKNOWN, "provider_error");
		return;
	}
	result_set(out, rule->outcome, rule->code);
	if (rule->outcome == PROVIDER_RETRY && out->retry_after_us == 0)
		out->retry_after_us = (int64_t)rule->retry_after_s * 1000000;
}

/* ---- successes, one reader per operation; doc is NULL for an empty or null body ---- */

typedef void success_fn(const struct json *doc, struct arena *a, struct provider_result *out);

static void
success_send(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	struct waha_id id;

	if (json_type(doc) != JSON_OBJECT) {
		/* A proxy's page, or a body cut short: nothing proves that WAHA sent it. */
		result_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
		return;
	}
	if (waha_id_read(doc, &id))
		out->external_id = id.bare;
}

static void
success_session(const struct json *doc, struct arena *a, struct provider_result *out)
{
	if (json_type(doc) != JSON_OBJECT) {
		result_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
		return;
	}
	out->session_word = json_str(json_get(doc, "status"));
	out->session = waha_session_state(out->session_word);
	out->own_number = waha_phone(json_str(json_path(doc, "me.id")), a);
	out->engine = json_str(json_path(doc, "engine.engine"));
}

static void
success_delete(const struct json *doc GH_UNUSED, struct arena *a GH_UNUSED,
	       struct provider_result *out)
{
	out->session = PROVIDER_SESSION_DISCONNECTED;
}

static void
success_qr(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	out->qr = json_str(json_get(doc, "value"));
	out->qr_type = S("text/plain");
	if (out->qr.n == 0) {
		out->qr = json_str(json_get(doc, "data"));
		out->qr_type = json_str(json_get(doc, "mimetype"));
	}
	out->session = PROVIDER_SESSION_QR;
	if (out->qr.n == 0)
		result_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
}

static void
success_version(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	out->version = json_str(json_get(doc, "version"));
	out->engine = json_str(json_get(doc, "engine"));
	/* Some other server answers here: the address is wrong. */
	if (out->version.n == 0)
		result_set(out, PROVIDER_PARK_PROVIDER, "provider_path");
}

static void
success_message(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
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

/* What an action's answer means depends on the action: waha_read_action. */
static void
success_action(const struct json *doc GH_UNUSED, struct arena *a GH_UNUSED,
	       struct provider_result *out GH_UNUSED)
{
}

static void
waha_interpret(enum provider_op op, const struct provider_answer *answer, struct arena *a,
	       struct provider_result *out)
{
	static success_fn *const readers[PROVIDER_OP_COUNT] = {
		[PROVIDER_OP_SEND] = success_send,
		[PROVIDER_OP_SESSION_CREATE] = success_session,
		[PROVIDER_OP_SESSION_DELETE] = success_delete,
		[PROVIDER_OP_SESSION_GET] = success_session,
		[PROVIDER_OP_QR] = success_qr,
		[PROVIDER_OP_SERVER_VERSION] = success_version,
		[PROVIDER_OP_MESSAGE_GET] = success_message,
		[PROVIDER_OP_ACTION] = success_action,
	};
	const struct json *doc = NULL;

	*out = (struct provider_result){.outcome = PROVIDER_OK, .code = "ok"};
	out->retry_after_us = answer->retry_after_us;
	if (answer->transport == PROVIDER_NOT_SENT) {
		result_set(out, PROVIDER_RETRY, "provider_unreachable");
	} else if (answer->transport == PROVIDER_NO_ANSWER) {
		result_set(out, PROVIDER_UNKNOWN, "no_answer");
	} else {
		/* An unreadable body is judged by its status alone: doc stays NULL. */
		if (json_parse(answer->body, a, &doc, NULL, NULL) != GH_OK)
			doc = NULL;
		if (answer->status >= 200 && answer->status < 300)
			readers[op](doc, a, out);
		else
			interpret_failure(op, answer->status, doc, out);
	}
	if (out->outcome == PROVIDER_UNKNOWN && (OP_IDEMPOTENT & OP(op)) != 0)
		out->outcome = PROVIDER_RETRY;
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
	.build = waha_build,
	.interpret = waha_interpret,
	.parse_event = waha_parse_event,
	.verify = waha_verify,
	.send_ref = waha_send_ref,
	.action_gap = waha_action_gap,
	.read_action = waha_read_action,
	.split_id = waha_split_id,
};
