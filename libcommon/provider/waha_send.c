/* waha_send.c - WAHA: one request per kind of message that can be sent (contracts/waha.md
 * section 5), and the reference that some of them carry. Pure.
 */
#include "provider/waha.h"

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/hash.h"
#include "http/json.h"

/* 65,536 characters, all escaped to six bytes, and room for the frame. */
#define BODY_MAX (512 * 1024)

/* Preset ids exist on NOWEB and GOWS only (section 5); an engine not known yet gets
 * one, because the others drop an unknown field silently. */
static bool
engine_takes_preset_id(struct slice engine)
{
	return engine.n == 0 || slice_eq(engine, S("NOWEB")) || slice_eq(engine, S("GOWS"));
}

static enum gh_code
send_body_text(struct buf *b, const struct provider_server *server,
	       const struct provider_call *call, struct slice chat)
{
	const struct provider_send *m = call->send;
	struct json_w w;

	json_w_init(&w, b);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, "session", call->session);
	json_w_str(&w, "chatId", chat);
	json_w_str(&w, "text", m->content);
	if (m->reply_to.p != NULL)
		json_w_str(&w, "reply_to", m->reply_to);
	if (m->send_ref.n > 0 && engine_takes_preset_id(server->engine))
		json_w_str(&w, "id", m->send_ref);
	json_w_close(&w, '}');
	return b->over ? GH_ELIMIT : GH_OK;
}

/* One row per kind that can be sent; a kind without a row is refused as unsupported. */
static const struct send_route {
	enum msg_kind kind;
	const char *path;
	enum gh_code (*body)(struct buf *b, const struct provider_server *server,
			     const struct provider_call *call, struct slice chat);
	bool carries_send_ref; /* "id" is read on this route (section 5) */
} send_routes[] = {
	{MSG_TEXT, "/api/sendText", send_body_text, true},
};

static const struct send_route *
send_route_find(enum msg_kind kind)
{
	for (size_t i = 0; i < GH_COUNT(send_routes); i++)
		if (send_routes[i].kind == kind)
			return &send_routes[i];
	return NULL;
}

enum gh_code
waha_build_send(const struct provider_server *server, const struct provider_call *call,
		struct arena *a, struct provider_request *out, struct gh_err *err)
{
	const struct send_route *route = send_route_find(call->send->kind);
	struct provider_chat chat;
	struct buf body, url;
	enum gh_code rc;

	if (route == NULL)
		return gh_fail(err, GH_EPERM, "waha: sending %s is unsupported",
			       msg_kind_name(call->send->kind));
	rc = provider_chat_parse(call->send->chat, a, &chat);
	if (rc != GH_OK)
		return gh_fail(err, rc, "waha: not a chat id");
	buf_init(&body, a, BODY_MAX);
	rc = route->body(&body, server, call, chat.key);
	if (rc != GH_OK)
		return gh_fail(err, GH_EINVAL, "waha: message is too long");
	waha_url_start(&url, a, server, route->path);
	out->method = "POST";
	out->url = buf_slice(&url);
	out->body = buf_slice(&body);
	return url.over ? gh_fail(err, GH_EINVAL, "waha: URL is too long") : GH_OK;
}

/* ---- reference ---- */

/* "3EB0" as engine-made ids begin, then 18 hex digits: 22 of the allowed 16 to 32. */
#define SEND_REF_PREFIX "3EB0"
#define SEND_REF_BYTES  9

bool
waha_send_ref(enum msg_kind kind, struct uuid message, char dst[PROVIDER_SEND_REF_SIZE])
{
	static const char hex[] = "0123456789ABCDEF";
	const struct send_route *route = send_route_find(kind);
	uint8_t hash[HASH_SHA256_SIZE];
	size_t n = sizeof(SEND_REF_PREFIX) - 1;

	dst[0] = '\0';
	if (route == NULL || !route->carries_send_ref)
		return false;
	hash_sha256(slice_make(message.b, sizeof(message.b)), hash);
	memcpy(dst, SEND_REF_PREFIX, n);
	for (size_t i = 0; i < SEND_REF_BYTES; i++) {
		dst[n++] = hex[hash[i] >> 4];
		dst[n++] = hex[hash[i] & 15];
	}
	dst[n] = '\0';
	return true;
}
