/* uazapi_instance.c - instances: made, connected, dropped, asked about (4). One that connects is
 * paired within CONNECT_MS, as if a person had scanned at once; one whose pairing was dropped, or
 * that asked for a code, waits for POST /_sim/session.
 */
#include "uazapi.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/random.h"
#include "crypto/encode.h"
#include "http/server.h"
#include "loop/loop.h"

#define CONNECT_MS 100
#define TEXT_MAX   4096

static const char logged_out[] = "401: logged out from another device"; /* (10.1) */

const char *
uz_status_name(enum uz_status s)
{
	static const char *const names[] = {
		[UZ_DISCONNECTED] = "disconnected",
		[UZ_CONNECTING] = "connecting",
		[UZ_CONNECTED] = "connected",
		[UZ_HIBERNATED] = "hibernated",
	};

	return names[s];
}

/* ---- forms ---- */

void
uz_write_time(const struct uz_instance *i, const char *name, int64_t wall_us, struct json_w *w)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_rfc3339(wall_us, text);
	if (!i->u->opt.has_iso_times)
		text[10] = ' ';
	json_w_str(w, name, wall_us == 0 ? S("") : slice_of(text));
}

/* A picture of one pixel; what stands behind its end makes each another one. */
struct slice
uz_qr(const struct uz_instance *i, struct arena *a)
{
	size_t size = sizeof(SIM_PNG) + UZ_ID_SIZE + 16, n;
	char *bytes = arena_alloc(a, size), *text = arena_alloc(a, ENCODE_BASE64_SIZE(size));

	if (i->qr_count == 0)
		return S("");
	if (encode_base64_parse(S(SIM_PNG), ENCODE_PAD_REQUIRED, bytes, size, &n) != GH_OK)
		gh_panic("sim: SIM_PNG is no base64");
	n += (size_t)snprintf(bytes + n, size - n, "%s/%u", i->id, i->qr_count);
	encode_base64(slice_make(bytes, n), text);
	return slice_of(arena_printf(a, "data:image/png;base64,%s", text));
}

void
uz_instance_write_brief(const struct uz_instance *i, struct arena *a, struct json_w *w)
{
	json_w_str(w, "id", slice_of(i->id));
	json_w_str(w, "token", slice_of(i->token));
	json_w_str(w, "status", slice_of(uz_status_name(i->status)));
	json_w_str(w, "paircode", slice_of(i->pair_code));
	json_w_str(w, "qrcode", uz_qr(i, a));
	json_w_str(w, "name", slice_of(i->name));
	json_w_str(w, "profileName", slice_of(i->profile_name));
	json_w_str(w, "profilePicUrl",
		   i->has_picture
			   ? slice_of(arena_printf(a, "https://pps.whatsapp.net/%s.jpg", i->owner))
			   : S(""));
	json_w_bool(w, "isBusiness", true);
	json_w_str(w, "plataform", i->owner[0] != '\0' ? S("android") : S(""));
	json_w_str(w, "systemName", slice_of(i->system));
	json_w_str(w, "owner", slice_of(i->owner));
	json_w_str(w, "current_presence", slice_of(i->presence));
	json_w_str(w, "lastDisconnect", slice_of(i->last_disconnect));
	json_w_str(w, "lastDisconnectReason", slice_of(i->last_reason));
	json_w_str(w, "adminField01", slice_of(i->admin[0]));
	json_w_str(w, "adminField02", slice_of(i->admin[1]));
}

/* (4.1) */
void
uz_instance_write(const struct uz_instance *i, const char *name, struct arena *a, struct json_w *w)
{
	json_w_open(w, name, '{');
	uz_instance_write_brief(i, a, w);
	json_w_str(w, "openai_apikey", S(""));
	json_w_bool(w, "chatbot_enabled", false);
	json_w_bool(w, "chatbot_ignoreGroups", false);
	json_w_str(w, "chatbot_stopConversation", S(""));
	json_w_i64(w, "chatbot_stopMinutes", 0);
	json_w_i64(w, "chatbot_stopWhenYouSendMsg", 0);
	json_w_i64(w, "msg_delay_min", i->delay_min);
	json_w_i64(w, "msg_delay_max", i->delay_max);
	json_w_str(w, "proxy_managed_country", S("br"));
	uz_write_time(i, "currentTime", clock_wall_us(), w);
	uz_write_time(i, "created", i->created_us, w);
	uz_write_time(i, "updated", i->updated_us, w);
	json_w_close(w, '}');
}

/* (4.2) */
static void
jid_write(const struct uz_instance *i, struct json_w *w)
{
	char text[64];

	if (i->status != UZ_CONNECTED) {
		json_w_null(w, "jid");
	} else if (i->u->opt.has_jid_object) {
		json_w_open(w, "jid", '{');
		json_w_str(w, "user", slice_of(i->owner));
		json_w_i64(w, "agent", 0);
		json_w_i64(w, "device", 12);
		json_w_str(w, "server", S("s.whatsapp.net"));
		json_w_close(w, '}');
	} else {
		(void)snprintf(text, sizeof(text), "%s:12@s.whatsapp.net", i->owner);
		json_w_str(w, "jid", slice_of(text));
	}
}

static void
link_write(const struct uz_instance *i, struct json_w *w)
{
	json_w_bool(w, "connected", i->status == UZ_CONNECTED);
	json_w_bool(w, "loggedIn", i->status == UZ_CONNECTED);
	jid_write(i, w);
}

/* ---- state ---- */

/* (10.1) What an event of this state tells. */
static void
status_post(const struct uz_instance *i)
{
	struct arena *a = arena_new(0);
	struct json_w w;
	struct uuid id = uuid7_new();
	struct buf b;

	buf_init(&b, a, SIM_BODY_MAX);
	json_w_init(&w, &b);
	uz_body_open(i, UZ_EV_CONNECTION, &w);
	json_w_uuid(&w, "event_id", id);
	if (i->status == UZ_DISCONNECTED && !i->is_paired && i->owner[0] != '\0')
		json_w_str(&w, "type", S("LoggedOut"));
	json_w_open(&w, "instance", '{');
	json_w_str(&w, "name", slice_of(i->name));
	json_w_str(&w, "status", slice_of(uz_status_name(i->status)));
	if (i->qr_count > 0)
		json_w_str(&w, "qrcode", uz_qr(i, a));
	if (i->pair_code[0] != '\0')
		json_w_str(&w, "paircode", slice_of(i->pair_code));
	if (i->status == UZ_DISCONNECTED) {
		json_w_str(&w, "lastDisconnect", slice_of(i->last_disconnect));
		json_w_str(&w, "lastDisconnectReason", slice_of(i->last_reason));
	}
	json_w_close(&w, '}');
	(void)uz_body_post(i, UZ_EV_CONNECTION, NULL, &w);
	arena_free(a);
}

void
uz_instance_set(struct uz_instance *i, enum uz_status status)
{
	char at[CLOCK_RFC3339_SIZE];

	i->status = status;
	i->updated_us = clock_wall_us();
	i->is_resetting = false;
	loop_timer_cancel(i->timer);
	if (status != UZ_CONNECTING) {
		i->qr_count = 0;
		i->pair_code[0] = '\0';
		i->phone[0] = '\0';
		i->connect_end_us = 0;
	}
	if (status == UZ_DISCONNECTED) {
		clock_rfc3339(i->updated_us, at);
		if (!i->u->opt.has_iso_times)
			at[10] = ' ';
		(void)snprintf(i->last_disconnect, sizeof(i->last_disconnect), "%s", at);
	}
	if (status == UZ_CONNECTED) {
		i->last_reason[0] = '\0';
		i->last_disconnect[0] = '\0';
	}
	status_post(i);
	if (status == UZ_CONNECTED)
		uz_queue_kick(i);
}

static void
reason_set(struct uz_instance *i, const char *reason)
{
	(void)snprintf(i->last_reason, sizeof(i->last_reason), "%s", reason);
}

/* A phone scanned, or typed the code. */
void
uz_instance_paired(struct uz_instance *i)
{
	if (i->phone[0] != '\0')
		memcpy(i->owner, i->phone, sizeof(i->owner));
	else if (i->owner[0] == '\0')
		people_number(slice_of(i->session), i->owner);
	i->is_paired = true;
	i->needs_person = false;
	(void)snprintf(i->profile_name, sizeof(i->profile_name), "Sim");
	uz_instance_set(i, UZ_CONNECTED);
	state_save(i->u->sim);
}

/* Connecting ends well, goes on showing QR codes (only the first is told), or ends. */
static void
connect_step(void *arg)
{
	struct uz_instance *i = arg;
	int64_t left_us = i->connect_end_us - clock_mono_us();

	if (i->is_broken) {
		reason_set(i, "connection failure");
		uz_instance_set(i, UZ_DISCONNECTED);
	} else if (!i->needs_person && i->pair_code[0] == '\0') {
		uz_instance_paired(i);
	} else if (left_us <= 0) {
		reason_set(i, i->pair_code[0] != '\0' ? "pairing code timeout" : "QR code timeout");
		uz_instance_set(i, UZ_DISCONNECTED);
	} else {
		if (i->qr_count > 0 && i->connect_count > 0)
			i->qr_count++;
		i->connect_count++;
		loop_timer_set(i->timer, left_us < i->u->opt.qr_ms * CLOCK_MS
						 ? left_us
						 : i->u->opt.qr_ms * CLOCK_MS);
	}
}

/* (4.2) */
void
uz_instance_connect(struct uz_instance *i, struct slice phone)
{
	int64_t timeout_ms = phone.n > 0 ? i->u->opt.code_timeout_ms : i->u->opt.qr_timeout_ms;

	i->connect_count = 0;
	if (phone.n > 0) {
		uz_set(i->phone, sizeof(i->phone), phone);
		(void)snprintf(i->pair_code, sizeof(i->pair_code), "WXYZ-%04u",
			       (unsigned)random_below(10000));
	} else if (!i->is_paired) {
		i->qr_count = 1;
	}
	i->connect_end_us = clock_mono_us() + timeout_ms * CLOCK_MS;
	uz_instance_set(i, UZ_CONNECTING);
	loop_timer_set(i->timer, CONNECT_MS * CLOCK_MS);
}

/* (12) The pairing is gone. */
void
uz_instance_log_out(struct uz_instance *i)
{
	i->is_paired = false;
	i->needs_person = true;
	reason_set(i, logged_out);
	uz_instance_set(i, UZ_DISCONNECTED);
	state_save(i->u->sim);
}

/* ---- made and ended ---- */

struct uz_instance *
uz_instance_find(struct uazapi *u, struct slice word)
{
	struct uz_instance *by_name = NULL;

	LIST_FOREACH(l, &u->instances)
	{
		struct uz_instance *i = LIST_ENTRY(l, struct uz_instance, link);

		if (slice_eq(word, slice_of(i->session)) || slice_eq(word, slice_of(i->id)) ||
		    slice_eq(word, slice_of(i->token)))
			return i;
		if (slice_eq(word, slice_of(i->name)))
			by_name = i;
	}
	return by_name;
}

struct uz_instance *
uz_instance_new(struct uazapi *u, struct slice name, const char *token)
{
	struct uz_instance *i = gh_alloc(sizeof(*i));
	uint8_t bytes[7];

	i->u = u;
	random_bytes(bytes, sizeof(bytes));
	i->id[0] = 'r';
	encode_hex(slice_make(bytes, sizeof(bytes)), i->id + 1);
	if (token != NULL)
		(void)snprintf(i->token, sizeof(i->token), "%s", token);
	else
		uuid_text(uuid4_new(), i->token);
	uz_set(i->name, sizeof(i->name), name);
	(void)snprintf(i->session, sizeof(i->session), "%s",
		       uz_instance_find(u, name) == NULL ? i->name : i->id);
	(void)snprintf(i->presence, sizeof(i->presence), "available");
	i->delay_min = 1;
	i->delay_max = 3;
	i->quota = -1;
	i->created_us = i->updated_us = clock_wall_us();
	i->timer = loop_timer_new(u->sim->loop, connect_step, i);
	i->chats = map_new();
	list_init(&i->queue);
	list_add_tail(&u->instances, &i->link);
	map_put(u->by_token, slice_of(i->token), i);
	return i;
}

void
uz_instance_free(struct uz_instance *i)
{
	struct slice key;
	void *chat;
	size_t it = 0;

	map_del(i->u->by_token, slice_of(i->token));
	list_del(&i->link);
	while (map_next(i->chats, &it, &key, &chat))
		uz_chat_free(chat);
	map_free(i->chats);
	uz_groups_free(i);
	uz_queue_drop(i);
	uz_hooks_clear(i);
	loop_timer_free(i->timer);
	loop_timer_free(i->queue_timer);
	gh_free(i);
}

static void
call_create(struct uz_call *c)
{
	struct slice name = json_str(json_get(c->body, "name"));
	struct uz_instance *i;
	struct json_w *w;

	if (name.n == 0 || name.n >= UZ_NAME_SIZE) {
		uz_refuse(c, 400, "Missing required fields: name");
		return;
	}
	i = uz_instance_new(c->u, name, NULL);
	uz_set(i->system, sizeof(i->system), json_str(json_get(c->body, "systemName")));
	uz_set(i->admin[0], UZ_TEXT_SIZE, json_str(json_get(c->body, "adminField01")));
	uz_set(i->admin[1], UZ_TEXT_SIZE, json_str(json_get(c->body, "adminField02")));
	state_save(c->u->sim);
	w = uz_answer(c, '{');
	json_w_str(w, "response", S("Instance created successfully"));
	uz_instance_write(i, "instance", c->req->a, w);
	json_w_bool(w, "connected", false);
	json_w_bool(w, "loggedIn", false);
	json_w_str(w, "name", slice_of(i->name));
	json_w_str(w, "token", slice_of(i->token));
	json_w_str(w, "info", S("connect the instance by QR code or pairing code"));
	uz_answer_end(c, '}');
}

static void
call_all(struct uz_call *c)
{
	struct json_w *w = uz_answer(c, '[');

	LIST_FOREACH(l, &c->u->instances)
	uz_instance_write(LIST_ENTRY(l, struct uz_instance, link), NULL, c->req->a, w);
	uz_answer_end(c, ']');
}

static void
call_delete(struct uz_call *c)
{
	struct sim *sim = c->u->sim;

	uz_instance_free(c->inst);
	state_save(sim);
	uz_answer(c, '{');
	json_w_str(&c->w, "response", S("Instance Deleted"));
	json_w_str(&c->w, "info", S("the instance and its session were removed"));
	uz_answer_end(c, '}');
}

/* ---- connection ---- */

static int64_t
connected_count(const struct uazapi *u)
{
	int64_t n = 0;

	LIST_FOREACH(l, &u->instances)
	n += LIST_ENTRY(l, struct uz_instance, link)->status == UZ_CONNECTED;
	return n;
}

static void
call_connect(struct uz_call *c)
{
	struct uz_instance *i = c->inst;
	struct slice phone = json_str(json_get(c->body, "phone"));
	struct json_w *w;
	uint64_t digits;

	if (phone.n > 0 && (phone.n > 15 || parse_u64(phone, 1, UINT64_MAX, &digits) != GH_OK)) {
		uz_refuse(c, 400, "Could not parse phone");
		return;
	}
	if (i->status != UZ_CONNECTED && c->u->opt.connected_max > 0 &&
	    connected_count(c->u) >= c->u->opt.connected_max) {
		uz_refuse(c, 429, "Maximum number of connected instances reached");
		return;
	}
	/* (4.2) A running connect goes on as it began: no code during a QR pairing. */
	if (i->status == UZ_DISCONNECTED || i->status == UZ_HIBERNATED)
		uz_instance_connect(i, phone);
	w = uz_answer(c, '{');
	link_write(i, w);
	json_w_str(w, "response", i->status == UZ_CONNECTED ? S("Connected") : S("Connecting"));
	json_w_open(w, "status", '{');
	link_write(i, w);
	json_w_close(w, '}');
	uz_instance_write(i, "instance", c->req->a, w);
	uz_answer_end(c, '}');
}

static void
call_status(struct uz_call *c)
{
	struct json_w *w = uz_answer(c, '{');

	uz_instance_write(c->inst, "instance", c->req->a, w);
	json_w_open(w, "status", '{');
	link_write(c->inst, w);
	json_w_bool(w, "resetting", c->inst->is_resetting);
	json_w_close(w, '}');
	uz_answer_end(c, '}');
}

static void
call_disconnect(struct uz_call *c)
{
	struct json_w *w;

	uz_instance_log_out(c->inst);
	w = uz_answer(c, '{');
	uz_instance_write(c->inst, "instance", c->req->a, w);
	json_w_str(w, "response", S("Disconnected"));
	json_w_str(w, "info", S("a new QR code is needed to connect again"));
	uz_answer_end(c, '}');
}

static void
call_reset(struct uz_call *c)
{
	struct uz_instance *i = c->inst;
	struct json_w *w;

	if (i->refuse_reset != 0) {
		uz_refuse(c, (unsigned)i->refuse_reset,
			  i->refuse_reset == 409 ? "async queue did not drain before reset"
						 : "reset not allowed");
		return;
	}
	if (!i->is_resetting && i->is_paired) {
		uz_instance_connect(i, SLICE_NONE);
		i->is_resetting = true;
	}
	w = uz_answer(c, '{');
	json_w_str(w, "response", S("Reset requested"));
	json_w_bool(w, "resetting", i->is_resetting);
	json_w_str(w, "instanceId", slice_of(i->id));
	json_w_bool(w, "queuedRecoveryAttempted", false);
	uz_answer_end(c, '}');
}

#define ADMIN .auth = UZ_ADMIN
#define BODY  .takes_body = true

const struct route sim_uazapi_routes[] = {
	UZ_ROUTE(POST, "/instance/create", "instance.create", NULL, call_create, ADMIN, BODY,
		 .is_new = true,
		 .field = {UZ_TEXT("name"), UZ_OPT("systemName", FIELD_STRING),
			   UZ_OPT("adminField01", FIELD_STRING),
			   UZ_OPT("adminField02", FIELD_STRING)}),
	UZ_ROUTE(POST, "/instance/init", "instance.create", NULL, call_create, ADMIN, BODY,
		 .is_old = true,
		 .field = {UZ_TEXT("name"), UZ_OPT("systemName", FIELD_STRING),
			   UZ_OPT("adminField01", FIELD_STRING),
			   UZ_OPT("adminField02", FIELD_STRING)}),
	UZ_ROUTE(GET, "/instance/all", "instance.all", NULL, call_all, ADMIN),
	UZ_ROUTE(POST, "/instance/connect", "instance.connect", NULL, call_connect, BODY,
		 .field = {UZ_OPT("phone", FIELD_STRING)}),
	UZ_ROUTE(GET, "/instance/status", "instance.status", NULL, call_status),
	UZ_ROUTE(POST, "/instance/disconnect", "instance.disconnect", NULL, call_disconnect),
	UZ_ROUTE(DELETE, "/instance", "instance.delete", NULL, call_delete),
	UZ_ROUTE(POST, "/instance/reset", "instance.reset", NULL, call_reset),
};
const unsigned sim_uazapi_route_count = GH_COUNT(sim_uazapi_routes);
