/* uazapi_account.c - what an instance is set to: names, delays, limits (4), privacy, presence,
 * profile (16.5); and the person with the phone, played by POST /_sim/session.
 */
#include "uazapi.h"

#include "base/clock.h"
#include "http/server.h"

#define TEXT_MAX         4096
#define PROFILE_NAME_MAX 25 /* (16.5) */

/* ---- settings ---- */

static void
instance_answer(struct uz_call *c, struct uz_instance *i)
{
	i->updated_us = clock_wall_us();
	state_save(c->u->sim);
	buf_init(&c->b, c->req->a, TEXT_MAX * 4);
	json_w_init(&c->w, &c->b);
	uz_instance_write(i, NULL, c->req->a, &c->w);
	sim_reply_buf(c->req, 200, &c->b);
}

static void
call_rename(struct uz_call *c)
{
	struct slice name = json_str(json_get(c->body, "name"));

	if (name.n == 0 || slice_to_cstr(name, c->inst->name, sizeof(c->inst->name)) != GH_OK)
		uz_refuse(c, 400, "Missing required fields: name");
	else
		instance_answer(c, c->inst);
}

static void
call_admin_fields(struct uz_call *c)
{
	struct uz_instance *i = uz_instance_find(c->u, json_str(json_get(c->body, "id")));

	if (i == NULL) {
		uz_refuse(c, 404, "Inst\xC3\xA2ncia n\xC3\xA3o encontrada");
		return;
	}
	for (size_t n = 0; n < GH_COUNT(i->admin); n++) {
		struct slice text =
			json_str(json_get(c->body, n == 0 ? "adminField01" : "adminField02"));

		if (text.p != NULL)
			uz_set(i->admin[n], UZ_TEXT_SIZE, text);
	}
	instance_answer(c, i);
}

static void
call_delays(struct uz_call *c)
{
	c->inst->delay_min = json_i64(json_get(c->body, "msg_delay_min"), 0);
	c->inst->delay_max = json_i64(json_get(c->body, "msg_delay_max"), 0);
	if (c->inst->delay_max < c->inst->delay_min)
		c->inst->delay_max = c->inst->delay_min;
	instance_answer(c, c->inst);
}

/* (4.3) */
void
uz_limit_details_write(const struct uz_instance *i, struct json_w *w)
{
	bool is_locked = i->locked_until_us > clock_wall_us();
	char text[CLOCK_RFC3339_SIZE];

	json_w_open(w, "new_chat_message_capping", '{');
	json_w_bool(w, "available", true);
	json_w_str(w, "status", i->quota == 0 ? S("CAPPED") : S(""));
	json_w_i64(w, "total_quota", i->quota >= 0 ? 50 : 0);
	json_w_i64(w, "used_quota", i->quota >= 0 ? 50 - i->quota : 0);
	json_w_str(w, "server_sent_at", slice_of(clock_rfc3339(clock_wall_us(), text)));
	json_w_close(w, '}');
	json_w_open(w, "reachout_timelock", '{');
	json_w_bool(w, "available", true);
	json_w_bool(w, "active", is_locked);
	if (is_locked) {
		json_w_str(w, "until", slice_of(clock_rfc3339(i->locked_until_us, text)));
		json_w_str(w, "enforcement_type", S("DEFAULT"));
	}
	json_w_close(w, '}');
}

static void
limits_write(const struct uz_instance *i, struct json_w *w)
{
	bool is_locked = i->locked_until_us > clock_wall_us() || i->quota == 0;

	json_w_bool(w, "can_send_new_messages", !is_locked);
	json_w_bool(w, "reachable", i->status == UZ_CONNECTED);
	json_w_str(w, "provider", S("whatsapp"));
	if (is_locked)
		json_w_str(w, "error_key", S("WHATSAPP_REACHOUT_TIMELOCK"));
	json_w_str(w, "message", is_locked ? S("new conversations are restricted") : S("ok"));
	json_w_str(w, "message_ptbr", is_locked ? S("novas conversas restritas") : S("ok"));
	json_w_str(w, "diagnostics_endpoint", S("/instance/wa_messages_limits"));
	uz_limit_details_write(i, w);
}

static void
call_limits(struct uz_call *c)
{
	limits_write(c->inst, uz_answer(c, '{'));
	uz_answer_end(c, '}');
}

/* ---- privacy (16.5) ---- */

static const char *const who_words[] = {"all", "contacts", "contact_blacklist", "none", NULL};
static const struct privacy_key {
	const char *name;
	const char *const *words;
} privacy_keys[] = {
	{"groupadd", who_words},
	{"last", who_words},
	{"status", who_words},
	{"profile", who_words},
	{"readreceipts", (const char *const[]){"all", "none", NULL}},
	{"online", (const char *const[]){"all", "match_last_seen", NULL}},
	{"calladd", (const char *const[]){"all", "known", NULL}},
};

static void
call_privacy(struct uz_call *c)
{
	struct json_w *w = uz_answer(c, '{');

	for (size_t k = 0; k < GH_COUNT(privacy_keys); k++)
		json_w_str(w, privacy_keys[k].name,
			   slice_of(privacy_keys[k].words[c->inst->privacy[k]]));
	uz_answer_end(c, '}');
}

/* False: an unknown key or value, or one that is no text. */
static bool
privacy_take(const struct json *v, unsigned char privacy[])
{
	for (size_t k = 0; k < GH_COUNT(privacy_keys); k++) {
		if (!slice_eq(json_name(v), slice_of(privacy_keys[k].name)))
			continue;
		for (unsigned char n = 0; privacy_keys[k].words[n] != NULL; n++)
			if (slice_eq(json_str(v), slice_of(privacy_keys[k].words[n]))) {
				privacy[k] = n;
				return true;
			}
	}
	return false;
}

static void
call_privacy_set(struct uz_call *c)
{
	unsigned char fresh[sizeof(c->inst->privacy)];

	memcpy(fresh, c->inst->privacy, sizeof(fresh));
	for (const struct json *v = json_first(c->body); v != NULL; v = json_next(v))
		if (!privacy_take(v, fresh)) {
			uz_refuse(c, 400, "invalid payload");
			return;
		}
	if (json_count(c->body) == 0) {
		uz_refuse(c, 400, "invalid payload");
		return;
	}
	memcpy(c->inst->privacy, fresh, sizeof(fresh));
	call_privacy(c);
}

static void
call_presence(struct uz_call *c)
{
	struct slice word = json_str(json_get(c->body, "presence"));

	if (!slice_eq(word, S("available")) && !slice_eq(word, S("unavailable"))) {
		uz_refuse(c, 400, "invalid payload");
		return;
	}
	uz_set(c->inst->presence, sizeof(c->inst->presence), word);
	uz_answer_text(c, "response", "Presence updated successfully");
}

/* ---- profile (16.5) ---- */

static void
call_profile_name(struct uz_call *c)
{
	struct slice name = json_str(json_get(c->body, "name"));
	struct json_w *w;

	if (name.n == 0 || utf8_count(name) > PROFILE_NAME_MAX) {
		uz_refuse(c, 400, "invalid payload");
		return;
	}
	uz_set(c->inst->profile_name, sizeof(c->inst->profile_name), name);
	w = uz_answer(c, '{');
	json_w_bool(w, "success", true);
	json_w_str(w, "message", S("Profile name updated"));
	json_w_open(w, "profile", '{');
	json_w_str(w, "name", name);
	json_w_i64(w, "updated_at", clock_wall_us() / CLOCK_SEC);
	json_w_close(w, '}');
	uz_answer_end(c, '}');
}

static void
call_profile_image(struct uz_call *c)
{
	struct slice image = json_str(json_get(c->body, "image"));
	bool is_removed = slice_eq(image, S("remove")) ||
			  (c->u->opt.is_old_build && slice_eq(image, S("delete")));
	struct json_w *w;

	if (image.n == 0) {
		uz_refuse(c, 400, "invalid payload");
		return;
	}
	c->inst->has_picture = !is_removed;
	w = uz_answer(c, '{');
	json_w_bool(w, "success", true);
	json_w_str(w, "message", S("Profile image updated"));
	json_w_open(w, "profile", '{');
	json_w_bool(w, "image_updated", !is_removed);
	json_w_bool(w, "image_removed", is_removed);
	json_w_i64(w, "updated_at", clock_wall_us() / CLOCK_SEC);
	json_w_close(w, '}');
	uz_answer_end(c, '}');
}

/* ---- the person with the phone: /_sim/session ---- */

static void
session_show(const struct uz_instance *i, struct http_req *req)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, req->a, TEXT_MAX * 4);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	uz_instance_write_brief(i, req->a, &w);
	json_w_bool(&w, "is_paired", i->is_paired);
	json_w_i64(&w, "updates", i->update_count);
	json_w_str(&w, "presence", slice_of(i->presence));
	json_w_close(&w, '}');
	sim_reply_buf(req, 200, &b);
}

void
uazapi_session_ask(struct uazapi *u, struct http_req *req, struct slice session)
{
	const struct uz_instance *i = uz_instance_find(u, session);

	if (i == NULL)
		sim_reply_error(req, 404, "session: unknown");
	else
		session_show(i, req);
}

static void
steer_status(struct uz_instance *i, const struct json *body)
{
	struct slice word = json_str(json_get(body, "status"));
	struct slice reason = json_str(json_get(body, "reason"));

	for (int s = UZ_DISCONNECTED; s <= UZ_HIBERNATED; s++) {
		if (!slice_eq(word, slice_of(uz_status_name((enum uz_status)s))))
			continue;
		uz_set(i->last_reason, sizeof(i->last_reason), reason);
		uz_instance_set(i, (enum uz_status)s);
	}
}

void
uazapi_session_steer(struct uazapi *u, struct http_req *req, const struct json *body)
{
	struct uz_instance *i = uz_instance_find(u, json_str(json_get(body, "session")));
	const struct json *is_paired = json_get(body, "is_paired");
	const struct json *locked_ms = json_get(body, "locked_ms");

	if (i == NULL) {
		sim_reply_error(req, 404, "session: unknown");
		return;
	}
	i->is_broken = json_bool(json_get(body, "is_broken"), i->is_broken);
	i->refuse_reset = json_i64(json_get(body, "refuse_reset"), i->refuse_reset);
	i->refuse_code = json_i64(json_get(body, "refuse_code"), i->refuse_code);
	i->quota = json_i64(json_get(body, "quota"), i->quota);
	if (json_type(locked_ms) == JSON_INT)
		i->locked_until_us = clock_wall_us() + json_i64(locked_ms, 0) * CLOCK_MS;
	if (json_bool(is_paired, false) && i->status == UZ_CONNECTING)
		uz_instance_paired(i);
	else if (json_bool(is_paired, false))
		i->needs_person = false;
	else if (json_type(is_paired) == JSON_BOOL)
		uz_instance_log_out(i);
	steer_status(i, body);
	session_show(i, req);
}

#define ADMIN .auth = UZ_ADMIN
#define BODY  .takes_body = true

const struct route sim_uazapi_account_routes[] = {
	UZ_ROUTE(POST, "/instance/updateAdminFields", "instance.admin", NULL, call_admin_fields,
		 ADMIN, BODY,
		 .field = {UZ_TEXT("id"), UZ_OPT("adminField01", FIELD_STRING),
			   UZ_OPT("adminField02", FIELD_STRING)}),
	UZ_ROUTE(POST, "/instance/updateInstanceName", "instance.rename", NULL, call_rename, BODY,
		 .field = {UZ_TEXT("name")}),
	UZ_ROUTE(POST, "/instance/updateDelaySettings", "instance.delays", NULL, call_delays, BODY,
		 .field = {{"msg_delay_min", FIELD_NUMBER, true},
			   {"msg_delay_max", FIELD_NUMBER, true}}),
	UZ_ROUTE(GET, "/instance/wa_messages_limits", "instance.limits", NULL, call_limits,
		 .is_new = true),
	UZ_ROUTE(GET, "/webhook", "webhook.get", NULL, uz_webhook_get),
	UZ_ROUTE(POST, "/webhook", "webhook.set", NULL, uz_webhook_set, BODY),
	UZ_ROUTE(GET, "/webhook/errors", "webhook.errors", NULL, uz_webhook_errors),
	UZ_ROUTE(GET, "/globalwebhook", "globalwebhook.get", NULL, uz_global_get, ADMIN),
	UZ_ROUTE(POST, "/globalwebhook", "globalwebhook.set", NULL, uz_global_set, ADMIN, BODY),
	UZ_ROUTE(GET, "/globalwebhook/errors", "globalwebhook.errors", NULL, uz_global_errors,
		 ADMIN),
	UZ_ROUTE(GET, "/instance/privacy", "privacy.get", NULL, call_privacy,
		 .needs_session = true),
	UZ_ROUTE(POST, "/instance/privacy", "privacy.set", NULL, call_privacy_set, BODY,
		 .needs_session = true),
	UZ_ROUTE(POST, "/instance/presence", "presence", NULL, call_presence, BODY,
		 .needs_session = true, .field = {UZ_TEXT("presence")}),
	UZ_ROUTE(POST, "/profile/name", "profile.name", NULL, call_profile_name, BODY,
		 .needs_session = true, .field = {UZ_TEXT("name")}),
	UZ_ROUTE(POST, "/profile/image", "profile.image", NULL, call_profile_image, BODY,
		 .needs_session = true, .field = {UZ_TEXT("image")}),
};
const unsigned sim_uazapi_account_route_count = GH_COUNT(sim_uazapi_account_routes);
