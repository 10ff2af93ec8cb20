/* uazapi.c - UAZAPI: the table of operations, the two keys, what answers mean
 * (contracts/uazapi.md). Sends are built in uazapi_send.c, sessions steered by uazapi_session.c,
 * actions made by uazapi_action.c, webhook bodies read in uazapi_event.c. Pure.
 */
#include "provider/uazapi.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/json.h"

#define SESSION_NAME_MAX 100

/* ---- the operations ---- */

static const struct translate_op ops[PROVIDER_OP_COUNT] = {
	[PROVIDER_OP_SEND] = {uazapi_build_send, uazapi_read_send},
	[PROVIDER_OP_SESSION_CREATE] = {uazapi_build_session_create, uazapi_read_session_create},
	[PROVIDER_OP_SESSION_DELETE] = {uazapi_build_session_delete, uazapi_read_session_down},
	[PROVIDER_OP_SESSION_GET] = {uazapi_build_session_get, uazapi_read_session},
	[PROVIDER_OP_QR] = {uazapi_build_session_get, uazapi_read_qr},
	/* There is no version to ask for: the list proves the address and the key. */
	[PROVIDER_OP_SERVER_VERSION] = {uazapi_build_session_list, uazapi_read_server,
					.is_of_server = true},
	[PROVIDER_OP_MESSAGE_GET] = {uazapi_build_message_get, uazapi_read_message},
	[PROVIDER_OP_SESSION_UPDATE] = {uazapi_build_session_update, translate_read_nothing},
	[PROVIDER_OP_SESSION_START] = {uazapi_build_session_connect, uazapi_read_session},
	[PROVIDER_OP_SESSION_STOP] = {uazapi_build_session_disconnect, uazapi_read_session_down},
	[PROVIDER_OP_SESSION_RESTART] = {uazapi_build_session_reset, uazapi_read_session_reset},
	[PROVIDER_OP_SESSION_LOGOUT] = {uazapi_build_session_disconnect, uazapi_read_session_down},
	[PROVIDER_OP_SESSION_LIST] = {uazapi_build_session_list, uazapi_read_session_list,
				      .is_of_server = true},
	[PROVIDER_OP_PAIR_CODE] = {uazapi_build_session_connect, uazapi_read_pair_code},
	[PROVIDER_OP_PRESENCE] = {uazapi_build_presence, translate_read_nothing},
	[PROVIDER_OP_PROFILE_GET] = {uazapi_build_session_get, uazapi_read_profile},
	[PROVIDER_OP_ABOUT_SET] = {.read = translate_read_nothing,
				   .lacks = "the about line (uazapi.md section 16.5)"},
	[PROVIDER_OP_PRIVACY_GET] = {uazapi_build_privacy_get, uazapi_read_privacy},
	[PROVIDER_OP_PRIVACY_SET] = {uazapi_build_privacy_set, uazapi_read_privacy},
	/* What its answer means depends on the action: uazapi_read_action. */
	[PROVIDER_OP_ACTION] = {uazapi_build_action, translate_read_nothing},
	[PROVIDER_OP_SESSION_FIND] = {uazapi_build_session_list, uazapi_read_session_find},
};

/* Until the session tells us what happens and can be paired (section 4). */
static const enum provider_op setup[] = {PROVIDER_OP_SESSION_UPDATE, PROVIDER_OP_SESSION_START};

#define OP(o)  TRANSLATE_OP(o)
#define OP_ANY TRANSLATE_OP_ANY
/* With the server's key, the others with the session's (section 2). */
#define OP_ADMIN                                                                                   \
	(OP(PROVIDER_OP_SESSION_CREATE) | OP(PROVIDER_OP_SESSION_LIST) |                           \
	 OP(PROVIDER_OP_SESSION_FIND) | OP(PROVIDER_OP_SERVER_VERSION))
#define OP_DOWN (OP(PROVIDER_OP_SESSION_STOP) | OP(PROVIDER_OP_SESSION_LOGOUT))
#define OP_ONCE (OP(PROVIDER_OP_SEND) | OP(PROVIDER_OP_SESSION_CREATE) | OP(PROVIDER_OP_ACTION))
/* Those that bring an instance to WhatsApp, of which a server has a number bought. */
#define OP_CONNECT                                                                                 \
	(OP(PROVIDER_OP_SESSION_CREATE) | OP(PROVIDER_OP_SESSION_START) |                          \
	 OP(PROVIDER_OP_SESSION_RESTART) | OP(PROVIDER_OP_PAIR_CODE))

static void
headers_add(const struct provider_server *server, const struct provider_call *call,
	    struct provider_request *r)
{
	if ((OP_ADMIN & OP(call->op)) != 0)
		translate_header_add(r, S("admintoken"), server->api_key);
	else
		translate_header_add(r, S("token"), call->session_key);
	translate_header_add(r, S("Accept"), S("application/json"));
	if (r->body.n > 0)
		translate_header_add(r, S("Content-Type"), S("application/json"));
}

static enum gh_code
uazapi_build(const struct provider_server *server, const struct provider_call *call,
	     struct arena *a, struct provider_request *out, struct gh_err *err)
{
	const struct translate_op *op = &ops[call->op];
	enum gh_code rc;

	*out = (struct provider_request){0};
	if (op->build == NULL)
		return gh_fail(err, GH_EPERM, "uazapi has no call for this: %s", op->lacks);
	if (!op->is_of_server && (call->session.n == 0 || call->session.n > SESSION_NAME_MAX))
		return gh_fail(err, GH_EINVAL, "uazapi: a session's name has 1-%d bytes",
			       SESSION_NAME_MAX);
	if ((OP_ADMIN & OP(call->op)) == 0 && call->session_key.n == 0)
		return gh_fail(err, GH_EINVAL, "uazapi: the session's key is not known");
	rc = op->build(server, call, a, out, err);
	if (rc != GH_OK)
		return rc;
	headers_add(server, call, out);
	if (out->or_else != NULL)
		headers_add(server, call, out->or_else);
	return GH_OK;
}

/* ---- answers: section 12 as one table ---- */

#define NOT_WORKING "session_not_working"
/* In the vendor's Portuguese: "Instancia nao encontrada", with its accents. */
#define INSTANCE_NOT_FOUND "inst\xC3\xA2ncia n\xC3\xA3o encontrada"

static const struct translate_rule answer_rules[] = {
	{300, 399, OP_ANY, NULL, PROVIDER_PARK_PROVIDER, "provider_redirects", 0},
	/* Not about the key: the instance is not connected to WhatsApp. To take it down, to ask for
	 * its state, that is an answer. */
	{401, 401, OP_DOWN | OP(PROVIDER_OP_SESSION_GET), "no session", PROVIDER_OK, "ok", 0},
	{401, 401, OP_DOWN | OP(PROVIDER_OP_SESSION_GET), "no active session", PROVIDER_OK, "ok",
	 0},
	{401, 401, OP_ANY, "no session", PROVIDER_PARK_INSTANCE, NOT_WORKING, 0},
	{401, 401, OP_ANY, "no active session", PROVIDER_PARK_INSTANCE, NOT_WORKING, 0},
	{401, 401, OP_ADMIN, NULL, PROVIDER_PARK_PROVIDER, "provider_unauthorized", 0},
	{401, 401, OP_ANY, "client not found", PROVIDER_PARK_INSTANCE, "session_missing", 0},
	{401, 401, OP_ANY, "instance info not found", PROVIDER_PARK_INSTANCE, "session_missing", 0},
	{401, 401, OP_ANY, NULL, PROVIDER_PARK_INSTANCE, "session_key_refused", 0},
	{403, 403, OP_ANY, "admintoken", PROVIDER_PARK_PROVIDER, "provider_unauthorized", 0},
	{403, 403, OP_ADMIN, NULL, PROVIDER_PARK_PROVIDER, "provider_forbidden", 0},
	/* Limits of the profile or the group. */
	{403, 403, OP_ANY, NULL, PROVIDER_REJECTED, "provider_refused", 0},
	{404, 404, OP_ANY, INSTANCE_NOT_FOUND, PROVIDER_PARK_INSTANCE, "session_missing", 0},
	{404, 404, OP(PROVIDER_OP_MESSAGE_GET), "message not found", PROVIDER_OK, "not_found", 0},
	{404, 404, OP(PROVIDER_OP_SEND), "message not found", PROVIDER_REJECTED, "not_found", 0},
	{404, 404, OP(PROVIDER_OP_SEND), "chat not found", PROVIDER_REJECTED, "not_found", 0},
	/* A message, a contact, a group, an invite that expired: in whatever words (16). */
	{404, 404, OP(PROVIDER_OP_ACTION), NULL, PROVIDER_REJECTED, "not_found", 0},
	/* What this build lacks answers 405: the base URL is wrong. */
	{404, 404, OP_ANY, NULL, PROVIDER_PARK_PROVIDER, "provider_path", 0},
	{405, 405, OP_ADMIN, NULL, PROVIDER_PARK_PROVIDER, "provider_path", 0},
	{405, 405, OP_ANY, NULL, PROVIDER_REJECTED, "unsupported", 0},
	{408, 408, OP_ANY, NULL, PROVIDER_UNKNOWN, "provider_timeout", 0},
	{409, 409, OP_ANY, NULL, PROVIDER_RETRY, "provider_busy", 5},
	{413, 413, OP_ANY, NULL, PROVIDER_REJECTED, "too_large", 0},
	{415, 415, OP_ANY, NULL, PROVIDER_REJECTED, "media_refused", 0},
	{425, 425, OP_ANY, NULL, PROVIDER_UNKNOWN, "provider_timeout", 0},
	{429, 429, OP_CONNECT, NULL, PROVIDER_RETRY, "provider_full", 60},
	{429, 429, OP_ANY, NULL, PROVIDER_RETRY, "provider_rate_limited", 30},
	{400, 500, OP(PROVIDER_OP_SEND), "is not on whatsapp", PROVIDER_REJECTED,
	 "recipient_unknown", 0},
	{400, 499, OP_ANY, NULL, PROVIDER_REJECTED, "provider_refused", 0},
	{500, 500, OP_DOWN | OP(PROVIDER_OP_SESSION_GET), "no session", PROVIDER_OK, "ok", 0},
	{500, 500, OP_DOWN, "client is not connected", PROVIDER_OK, "ok", 0},
	{500, 500, OP_ANY, "no session", PROVIDER_PARK_INSTANCE, NOT_WORKING, 0},
	{500, 500, OP_ANY, "client is not connected", PROVIDER_PARK_INSTANCE, NOT_WORKING, 0},
	{500, 500, OP_ANY, "server not available", PROVIDER_PARK_INSTANCE, NOT_WORKING, 0},
	{501, 501, OP_ANY, NULL, PROVIDER_REJECTED, "unsupported", 0},
	/* "Failed to send message", "context deadline exceeded" and the like tell nothing: the
	 * message is looked for by its track_id. */
	{500, 599, OP_ANY, NULL, PROVIDER_UNKNOWN, "provider_error", 0},
};

#define FIRST_CONTACT "first_contact_refused"

/* What WhatsApp itself refused, by its number (0: any) or by how a word of error_key begins. A
 * repeat makes it worse, so that none of it is tried again at once; existing chats keep working. */
static const struct policy {
	int64_t from, to;
	const char *word;
	enum provider_outcome outcome;
	const char *code;
	unsigned retry_after_s;
} policies[] = {
	{463, 463, "REACHOUT", PROVIDER_REJECTED, FIRST_CONTACT, 0},
	{0, 0, "RATE", PROVIDER_RETRY, "whatsapp_rate_limited", 120},
	{470, 473, "QUOTA", PROVIDER_REJECTED, "whatsapp_policy", 0},
	{0, 0, "QUALITY", PROVIDER_REJECTED, "whatsapp_policy", 0},
	{0, 0, "BLOCKED", PROVIDER_REJECTED, "whatsapp_policy", 0},
};

/* "WHATSAPP_REACHOUT_TIMELOCK" has three words. */
static bool
key_has(struct slice key, const char *word)
{
	while (key.p != NULL)
		if (slice_starts(slice_cut(key, '_', &key), slice_of(word)))
			return true;
	return false;
}

/* True when the account may open no conversation (4.3): by a lock, or because it has opened as many
 * as it may. *until_us: the later end of those told. */
static bool
new_chats_are_held(const struct json *details, int64_t *until_us)
{
	const struct json *lock = json_get(details, "reachout_timelock");
	const struct json *cap = json_get(details, "new_chat_message_capping");
	bool is_locked = json_bool(json_get(lock, "active"), false);
	bool is_capped = slice_eq(json_str(json_get(cap, "status")), S("CAPPED"));
	int64_t end_us;

	*until_us = 0;
	if (is_locked && clock_parse_rfc3339(json_str(json_get(lock, "until")), &end_us) == GH_OK)
		*until_us = end_us;
	if (is_capped &&
	    clock_parse_rfc3339(json_str(json_get(cap, "cycle_end")), &end_us) == GH_OK &&
	    end_us > *until_us)
		*until_us = end_us;
	return is_locked || is_capped;
}

static bool
refused_by_policy(const struct json *doc, struct provider_result *out)
{
	bool is_held = new_chats_are_held(json_get(doc, "details"), &out->until_us);
	int64_t number = json_i64(json_get(doc, "provider_code"), 0);
	struct slice key = json_str(json_get(doc, "error_key"));

	for (size_t i = 0; i < GH_COUNT(policies); i++) {
		const struct policy *p = &policies[i];
		bool is_number = number > 0 && number >= p->from && number <= p->to;

		if (!is_number && !key_has(key, p->word))
			continue;
		translate_set(out, p->outcome, p->code);
		/* Whatever its key: a quota of conversations is what this one was refused for. */
		if (is_held && p->outcome == PROVIDER_REJECTED)
			out->code = FIRST_CONTACT;
		if (p->outcome == PROVIDER_RETRY && out->retry_after_us == 0)
			out->retry_after_us = (int64_t)p->retry_after_s * 1000000;
		return true;
	}
	return false;
}

static void
interpret_failure(enum provider_op op, int status, const struct json *doc,
		  struct provider_result *out)
{
	struct slice text = json_str(json_get(doc, "error"));

	if (text.n == 0)
		text = json_str(json_get(doc, "message"));
	provider_text_set(out->text, text);
	if (refused_by_policy(doc, out))
		return;
	translate_fail(answer_rules, GH_COUNT(answer_rules), op, status, text, out);
	out->is_lacking = status == 405 && out->outcome == PROVIDER_REJECTED;
	if (out->outcome == PROVIDER_OK && op != PROVIDER_OP_MESSAGE_GET)
		out->session = PROVIDER_SESSION_DISCONNECTED;
}

static void
uazapi_interpret(enum provider_op op, const struct provider_answer *answer, struct arena *a,
		 struct provider_result *out)
{
	translate_answer(ops, interpret_failure, OP_ONCE, op, answer, a, out);
}

const struct provider provider_uazapi = {
	.name = "uazapi",
	.proof = PROVIDER_PROOF_SESSION_KEY,
	.reports_receipts = true,
	.has_session_keys = true,
	.pairs_from_rest = true,
	.setup = setup,
	.setup_count = GH_COUNT(setup),
	.build = uazapi_build,
	.interpret = uazapi_interpret,
	.parse_event = uazapi_parse_event,
	.verify = uazapi_verify,
	.redact = uazapi_redact,
	.send_ref = uazapi_send_ref,
	.action_gap = uazapi_action_gap,
	.read_action = uazapi_read_action,
	.split_id = uazapi_split_id,
	.send_gap = uazapi_send_gap,
};
