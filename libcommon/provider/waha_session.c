/* waha_session.c - WAHA's sessions: made, steered, asked about (waha.md sections 4,
 * 18.6).
 */
#include "provider/waha.h"

#include "base/arena.h"
#include "base/buf.h"
#include "http/json.h"
#include "http/url.h"
#include "provider/waha_event.h"

#define PHONE_DIGITS_MAX 15
#define LIST_MAX         (16 * 1024 * 1024) /* thousands of sessions */

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

/* ---- configuration ---- */

/* Our entry of config.webhooks. */
static void
webhook_write(struct json_w *w, const struct provider_session_spec *spec)
{
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
}

static void
metadata_write(struct json_w *w, const struct provider_session_spec *spec)
{
	char number[24];
	struct buf text;

	json_w_open(w, "metadata", '{');
	buf_init(&text, w->b->a, sizeof(number));
	buf_add_i64(&text, spec->company_id);
	json_w_str(w, "company", buf_slice(&text));
	buf_reset(&text);
	buf_add_i64(&text, spec->instance_id);
	json_w_str(w, "instance", buf_slice(&text));
	json_w_close(w, '}');
}

enum gh_code
waha_build_session_create(const struct provider_server *server, const struct provider_call *call,
			  struct arena *a, struct provider_request *out, struct gh_err *err)
{
	struct buf body, url;
	struct json_w w;
	enum gh_code rc;

	translate_body_start(&body, a, &w);
	json_w_str(&w, "name", call->session);
	/* Always said: without it one server version left the session STOPPED (section 4.2). */
	json_w_bool(&w, "start", true);
	json_w_open(&w, "config", '{');
	metadata_write(&w, call->spec);
	/* The store is what makes look-ups work on NOWEB; offline keeps the phone ringing. */
	json_w_open(&w, "noweb", '{');
	json_w_bool(&w, "markOnline", false);
	json_w_open(&w, "store", '{');
	json_w_bool(&w, "enabled", true);
	json_w_bool(&w, "fullSync", false);
	json_w_close(&w, '}');
	json_w_close(&w, '}');
	json_w_open(&w, "webhooks", '[');
	webhook_write(&w, call->spec);
	json_w_close(&w, ']');
	json_w_close(&w, '}');
	rc = translate_body_end(&body, &w, out, err);
	if (rc != GH_OK)
		return rc;
	out->method = "POST";
	translate_url_start(&url, a, server, "/api/sessions");
	return translate_url_end(&url, out, err);
}

static struct slice
last_segment(struct slice url)
{
	size_t i = url.n;

	while (i > 0 && url.p[i - 1] != '/')
		i--;
	return slice_from(url, i);
}

/* The entries of others stay; ours is the one with our path key, whatever the address before it. */
static void
webhooks_merge(struct json_w *w, const struct json *old, const struct provider_session_spec *spec)
{
	struct slice key = last_segment(spec->webhook_url);
	struct buf text;

	json_w_open(w, "webhooks", '[');
	for (const struct json *v = json_first(old); v != NULL; v = json_next(v)) {
		if (slice_eq(last_segment(json_str(json_get(v, "url"))), key))
			continue;
		buf_init(&text, w->b->a, TRANSLATE_BODY_MAX);
		json_write(&text, v);
		json_w_raw(w, NULL, buf_slice(&text));
	}
	webhook_write(w, spec);
	json_w_close(w, ']');
}

/* PUT replaces the whole configuration (section 15.4): everything read goes back. */
enum gh_code
waha_build_session_update(const struct provider_server *server, const struct provider_call *call,
			  struct arena *a, struct provider_request *out, struct gh_err *err)
{
	struct buf body, text;
	struct json_w w;
	const struct json *old;
	enum gh_code rc;

	if (json_parse(call->config, a, &old, NULL, NULL) != GH_OK || json_type(old) != JSON_OBJECT)
		return gh_fail(err, GH_EINVAL, "waha: an update needs the configuration read");
	translate_body_start(&body, a, &w);
	json_w_open(&w, "config", '{');
	for (const struct json *v = json_first(old); v != NULL; v = json_next(v)) {
		char name[128];

		if (slice_eq(json_name(v), S("webhooks")) ||
		    slice_to_cstr(json_name(v), name, sizeof(name)) != GH_OK)
			continue;
		buf_init(&text, a, TRANSLATE_BODY_MAX);
		json_write(&text, v);
		json_w_raw(&w, name, buf_slice(&text));
	}
	webhooks_merge(&w, json_get(old, "webhooks"), call->spec);
	json_w_close(&w, '}');
	rc = translate_body_end(&body, &w, out, err);
	return rc != GH_OK ? rc : waha_build_session_path(server, call, a, out, err);
}

/* ---- requests that a path says ---- */

enum gh_code
waha_build_session_path(const struct provider_server *server, const struct provider_call *call,
			struct arena *a, struct provider_request *out, struct gh_err *err)
{
	static const struct {
		const char *method, *path;
	} routes[PROVIDER_OP_COUNT] = {
		[PROVIDER_OP_SESSION_GET] = {"GET", ""},
		[PROVIDER_OP_SESSION_DELETE] = {"DELETE", ""},
		[PROVIDER_OP_SESSION_UPDATE] = {"PUT", ""},
		[PROVIDER_OP_SESSION_START] = {"POST", "/start"},
		[PROVIDER_OP_SESSION_STOP] = {"POST", "/stop"},
		[PROVIDER_OP_SESSION_RESTART] = {"POST", "/restart"},
		[PROVIDER_OP_SESSION_LOGOUT] = {"POST", "/logout"},
	};
	struct buf url;

	out->method = routes[call->op].method;
	out->is_idempotent = true;
	translate_url_start(&url, a, server, "/api/sessions/");
	url_add_encoded(&url, call->session);
	buf_add_cstr(&url, routes[call->op].path);
	return translate_url_end(&url, out, err);
}

enum gh_code
waha_build_session_list(const struct provider_server *server,
			const struct provider_call *call GH_UNUSED, struct arena *a,
			struct provider_request *out, struct gh_err *err)
{
	struct buf url;

	out->method = "GET";
	out->is_idempotent = true;
	out->answer_max = LIST_MAX;
	translate_url_start(&url, a, server, "/api/sessions?all=true");
	return translate_url_end(&url, out, err);
}

/* "/api/{session}" + path. */
static enum gh_code
build_under_session(const struct provider_server *server, const struct provider_call *call,
		    const char *method, const char *path, struct arena *a,
		    struct provider_request *out, struct gh_err *err)
{
	struct buf url;

	out->method = method;
	translate_url_start(&url, a, server, "/api/");
	url_add_encoded(&url, call->session);
	buf_add_cstr(&url, path);
	return translate_url_end(&url, out, err);
}

enum gh_code
waha_build_qr(const struct provider_server *server, const struct provider_call *call,
	      struct arena *a, struct provider_request *out, struct gh_err *err)
{
	out->is_idempotent = true;
	return build_under_session(
		server, call, "GET",
		call->want_image ? "/auth/qr?format=image" : "/auth/qr?format=raw", a, out, err);
}

enum gh_code
waha_build_profile(const struct provider_server *server, const struct provider_call *call,
		   struct arena *a, struct provider_request *out, struct gh_err *err)
{
	out->is_idempotent = true;
	return build_under_session(server, call, "GET", "/profile", a, out, err);
}

enum gh_code
waha_build_pair_code(const struct provider_server *server, const struct provider_call *call,
		     struct arena *a, struct provider_request *out, struct gh_err *err)
{
	struct buf body;
	struct json_w w;
	enum gh_code rc;

	if (call->phone.n == 0 || call->phone.n > PHONE_DIGITS_MAX)
		return gh_fail(err, GH_EINVAL, "waha: a pairing code needs a phone number");
	translate_body_start(&body, a, &w);
	json_w_str(&w, "phoneNumber", call->phone);
	rc = translate_body_end(&body, &w, out, err);
	if (rc != GH_OK)
		return rc;
	return build_under_session(server, call, "POST", "/auth/request-code", a, out, err);
}

enum gh_code
waha_build_about(const struct provider_server *server, const struct provider_call *call,
		 struct arena *a, struct provider_request *out, struct gh_err *err)
{
	struct buf body;
	struct json_w w;
	enum gh_code rc;

	translate_body_start(&body, a, &w);
	json_w_str(&w, "status", call->about);
	rc = translate_body_end(&body, &w, out, err);
	if (rc != GH_OK)
		return rc;
	out->is_idempotent = true;
	return build_under_session(server, call, "PUT", "/profile/status", a, out, err);
}

enum gh_code
waha_build_presence(const struct provider_server *server, const struct provider_call *call,
		    struct arena *a, struct provider_request *out, struct gh_err *err)
{
	static const struct {
		struct slice word;
		bool is_of_chat;
	} words[] = {
		[PROVIDER_PRESENCE_AVAILABLE] = {{"online", 6}, false},
		[PROVIDER_PRESENCE_UNAVAILABLE] = {{"offline", 7}, false},
		[PROVIDER_PRESENCE_COMPOSING] = {{"typing", 6}, true},
		[PROVIDER_PRESENCE_RECORDING] = {{"recording", 9}, true},
		[PROVIDER_PRESENCE_PAUSED] = {{"paused", 6}, true},
	};
	struct provider_chat chat = {0};
	struct buf body;
	struct json_w w;
	enum gh_code rc;

	if (words[call->presence].is_of_chat && call->chat.p == NULL)
		return gh_fail(err, GH_EPERM,
			       "waha has no call for this: %.*s outside a chat (waha.md section "
			       "18.6)",
			       S_FMT(words[call->presence].word));
	if (words[call->presence].is_of_chat && provider_chat_parse(call->chat, a, &chat) != GH_OK)
		return gh_fail(err, GH_EINVAL, "waha: not a chat id");
	translate_body_start(&body, a, &w);
	json_w_str(&w, "presence", words[call->presence].word);
	if (chat.key.p != NULL)
		json_w_str(&w, "chatId", chat.key);
	rc = translate_body_end(&body, &w, out, err);
	if (rc != GH_OK)
		return rc;
	out->is_idempotent = true;
	return build_under_session(server, call, "POST", "/presence", a, out, err);
}

/* ---- answers ---- */

static void
read_webhooks(const struct json *hooks, struct arena *a, struct provider_result *out)
{
	struct slice *urls = arena_alloc_array(a, json_count(hooks) + 1, sizeof(*urls));

	out->webhooks = urls;
	for (const struct json *v = json_first(hooks); v != NULL; v = json_next(v))
		urls[out->webhook_count++] = json_str(json_get(v, "url"));
}

void
waha_read_session(const struct json *doc, struct arena *a, struct provider_result *out)
{
	if (json_type(doc) != JSON_OBJECT) {
		translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
		return;
	}
	out->session_word = json_str(json_get(doc, "status"));
	out->session = waha_session_state(out->session_word);
	out->own_number = translate_phone(json_str(json_path(doc, "me.id")), a);
	out->own_name = json_str(json_path(doc, "me.pushName"));
	out->own_jid = json_str(json_path(doc, "me.jid"));
	if (out->own_jid.n == 0)
		out->own_jid = json_str(json_path(doc, "me.id"));
	out->engine = json_str(json_path(doc, "engine.engine"));
	out->config = translate_text(json_get(doc, "config"), a);
	read_webhooks(json_path(doc, "config.webhooks"), a, out);
}

void
waha_read_session_delete(const struct json *doc GH_UNUSED, struct arena *a GH_UNUSED,
			 struct provider_result *out)
{
	out->session = PROVIDER_SESSION_DISCONNECTED;
}

static enum provider_session
state_of(const struct json *session)
{
	return waha_session_state(json_str(json_get(session, "status")));
}

void
waha_read_session_list(const struct json *doc, struct arena *a, struct provider_result *out)
{
	/* The webhook URLs, and the key of their signatures. */
	static const char *const secrets[] = {"config"};
	static const struct translate_listing how = {
		.state = state_of, .secrets = secrets, .secret_count = GH_COUNT(secrets)};

	translate_read_sessions(doc, &how, a, out);
}

void
waha_read_qr(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	out->qr = json_str(json_get(doc, "value"));
	out->qr_type = S("text/plain");
	if (out->qr.n == 0) {
		out->qr = json_str(json_get(doc, "data"));
		out->qr_type = json_str(json_get(doc, "mimetype"));
	}
	out->session = PROVIDER_SESSION_QR;
	if (out->qr.n == 0)
		translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
}

void
waha_read_pair_code(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	out->pair_code = json_str(json_get(doc, "code"));
	out->session = PROVIDER_SESSION_QR;
	if (out->pair_code.n == 0)
		translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
}

void
waha_read_profile(const struct json *doc, struct arena *a GH_UNUSED, struct provider_result *out)
{
	if (json_type(doc) != JSON_OBJECT) {
		translate_set(out, PROVIDER_UNKNOWN, "answer_unreadable");
		return;
	}
	out->own_name = json_str(json_get(doc, "name"));
	out->picture_url = json_str(json_get(doc, "picture"));
}
