/* waha_send.c - sends, their echo and receipts, look-ups (5, 6, 11).
 *
 * What a route takes is said in waha_kind.c. Plain send routes have no validator (14): what
 * does not fit makes the engine throw, a 500.
 */
#include "waha.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/json.h"
#include "http/router.h"
#include "http/server.h"
#include "loop/loop.h"

#define REPLY_MAX (SIM_BODY_MAX * 2)
#define ID_MIN    16 /* (3.2) */
#define ID_MAX    32
#define CHAT_MAX  128

/* After the send: (13) GOWS never says 1; HARNESS.md wants 2 within 50 ms, 3 within 150. */
static const struct {
	int ack;
	int64_t after_ms; /* after the one before */
	bool on_gows;
} receipts[] = {
	{1, 5, false},
	{2, 15, true},
	{3, 40, true},
};

/* (3.1) Bare digits get "@c.us"; nobody may send to "@s.whatsapp.net". */
struct slice
waha_chat_of(struct slice id, struct arena *a)
{
	static const char *const hosts[] = {"c.us", "lid", "g.us", "newsletter", "broadcast"};
	struct slice host;
	struct slice user = slice_cut(id, '@', &host);

	if (user.n == 0 || id.n > CHAT_MAX)
		return SLICE_NONE;
	for (size_t i = 0; i < user.n; i++)
		if ((user.p[i] < '0' || user.p[i] > '9') && user.p[i] != '-' &&
		    !slice_eq(id, S("status@broadcast")))
			return SLICE_NONE;
	if (host.p == NULL)
		return slice_of(arena_printf(a, "%.*s@c.us", S_FMT(user)));
	for (size_t i = 0; i < GH_COUNT(hosts); i++)
		if (slice_eq(host, slice_of(hosts[i])))
			return id;
	return SLICE_NONE;
}

static bool
id_is_valid(struct slice id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'A' && id.p[i] <= 'F')))
			return false;
	return id.n >= ID_MIN && id.n <= ID_MAX;
}

/* ---- echo and receipts ---- */

struct receipt {
	struct waha *w;
	struct loop_timer *timer;
	size_t next; /* in receipts[] */
	int64_t at_ms;
	char session[SESSION_NAME_MAX + 1], id[ID_MAX + 1], chat[CHAT_MAX + 1];
};

static void
receipt_free(struct receipt *r)
{
	loop_timer_free(r->timer);
	gh_free(r);
}

/* Arm for the next receipt this engine gives; frees r after the last one. */
static void
receipt_arm(struct receipt *r)
{
	while (r->next < GH_COUNT(receipts) && r->w->engine == ENGINE_GOWS &&
	       !receipts[r->next].on_gows)
		r->next++;
	if (r->next == GH_COUNT(receipts))
		receipt_free(r);
	else
		loop_timer_set(r->timer, receipts[r->next].after_ms * CLOCK_MS);
}

static void
receipt_due(void *arg)
{
	struct receipt *r = arg;
	struct waha_session *s = waha_session_find(r->w, slice_of(r->session));
	struct ledger_message *m =
		ledger_find(r->w->sim->ledger, S("waha"), slice_of(r->session), slice_of(r->id));
	struct waha_facts f = {.id = slice_of(r->id),
			       .chat = slice_of(r->chat),
			       .text = m != NULL ? m->text : SLICE_NONE,
			       .is_from_me = true,
			       .ack = receipts[r->next].ack,
			       .at_ms = r->at_ms};
	struct json_w w;
	struct buf b;

	if (s == NULL || s->status != SESSION_WORKING) {
		receipt_free(r);
		return;
	}
	if (m != NULL)
		m->ack = f.ack;
	buf_init(&b, NULL, REPLY_MAX);
	json_w_init(&w, &b);
	waha_write_ack(s, &f, &w);
	(void)waha_post(s, slice_ends(f.chat, S("@g.us")) ? "message.ack.group" : "message.ack",
			buf_slice(&b));
	buf_free(&b);
	r->next++;
	receipt_arm(r);
}

static void
echo_and_receipts(struct waha_session *s, const struct waha_facts *f)
{
	struct receipt *r;
	struct json_w w;
	struct buf b;

	if (s->w->sim->is_silent)
		return;
	buf_init(&b, NULL, REPLY_MAX);
	json_w_init(&w, &b);
	waha_write_message(s, f, &w);
	(void)waha_post(s, "message.any", buf_slice(&b));
	buf_free(&b);
	r = gh_alloc(sizeof(*r));
	r->w = s->w;
	r->at_ms = f->at_ms;
	memcpy(r->session, s->name, sizeof(r->session));
	memcpy(r->id, f->id.p, f->id.n);
	memcpy(r->chat, f->chat.p, f->chat.n);
	r->timer = loop_timer_new(s->w->sim->loop, receipt_due, r);
	receipt_arm(r);
}

/* ---- the send ---- */

/* (5.1) Every engine answers with its own object. */
static void
answer_write(const struct waha_session *s, const struct waha_facts *f, struct json_w *w)
{
	char text[512];
	struct buf id = {.p = text, .size = sizeof(text), .max = sizeof(text)};

	waha_write_full_id(s, f, &id);
	json_w_open(w, NULL, '{');
	switch (s->w->engine) {
	case ENGINE_GOWS:
		json_w_str(w, "id", buf_slice(&id));
		json_w_open(w, "_data", '{');
		json_w_open(w, "Info", '{');
		json_w_str(w, "ID", f->id);
		json_w_close(w, '}');
		json_w_close(w, '}');
		break;
	case ENGINE_NOWEB:
		json_w_open(w, "key", '{');
		json_w_str(w, "remoteJid", f->chat);
		json_w_bool(w, "fromMe", true);
		json_w_str(w, "id", f->id);
		json_w_close(w, '}');
		json_w_str(w, "status", S("PENDING"));
		break;
	case ENGINE_WEBJS:
		json_w_open(w, "id", '{');
		json_w_bool(w, "fromMe", true);
		json_w_str(w, "remote", f->chat);
		json_w_str(w, "id", f->id);
		json_w_str(w, "_serialized", buf_slice(&id));
		json_w_close(w, '}');
		json_w_i64(w, "ack", 0);
		json_w_str(w, "body", f->text);
		break;
	}
	json_w_close(w, '}');
}

static void
send_accept(struct waha_session *s, struct http_req *req, struct waha_facts *f,
	    const struct waha_sent *sent)
{
	struct ledger_message *m;
	struct json_w w;
	struct buf b;

	m = ledger_accept(s->w->sim->ledger, &(struct ledger_send){
						     .provider = S("waha"),
						     .session = slice_of(s->name),
						     .id = f->id,
						     .identity = sent->preset,
						     .chat = f->chat,
						     .text = f->text,
						     .kind = sent->kind,
						     .detail = sent->detail,
					     });
	m->ack = f->ack;
	f->at_ms = m->at_us / CLOCK_MS;
	buf_init(&b, req->a, REPLY_MAX);
	json_w_init(&w, &b);
	answer_write(s, f, &w);
	echo_and_receipts(s, f);
	sim_reply_buf(req, 201, &b);
}

static void
waha_send(void *app, struct http_req *req, const struct route_match *m)
{
	struct sim *sim = app;
	const enum waha_send_kind *kind = m->route->ctx;
	const struct json *body = sim_body_object(req);
	struct waha_session *s;
	struct slice session, real;
	struct waha_facts f = {.is_from_me = true};
	struct waha_sent sent;
	const char *wrong;

	if (body == NULL)
		return;
	session = json_str(json_get(body, "session"));
	if (waha_session_find(sim->waha, session) != NULL)
		ledger_request(sim->ledger, S("waha"), session);
	s = waha_session_working(sim->waha, req, session);
	if (s == NULL)
		return;
	if (*kind == WAHA_SEND_LIST && sim->waha->engine == ENGINE_WEBJS) {
		/* (5) (13) (14) */
		waha_refuse(req, 501, "The method is not implemented by 'WEBJS' engine.");
		return;
	}
	f.chat = waha_chat_of(json_str(json_get(body, "chatId")), req->a);
	wrong = waha_kind_check(sim->waha, *kind, body, f.chat, req->a, &sent);
	if (wrong == NULL && f.chat.p == NULL)
		wrong = "chatId is missing or not a chat id";
	if (wrong == NULL && people_check(f.chat, req->a, &real) == PEOPLE_UNREACHABLE)
		wrong = "no LID found for that number";
	if (wrong == NULL && sent.preset.p != NULL && !id_is_valid(sent.preset))
		wrong = "id is not a message id";
	if (wrong != NULL) {
		(sent.is_validated ? waha_refuse_field : waha_throw)(req, wrong);
		return;
	}
	if (s->locked_until_us > clock_wall_us() &&
	    !ledger_has_chat(sim->ledger, S("waha"), session, f.chat)) {
		waha_throw(req, "server returned error 463"); /* (14) a first contact */
		return;
	}
	f.id = sent.preset.p != NULL ? sent.preset : people_message_id(req->a);
	f.text = sent.text;
	f.ack = sim->waha->engine == ENGINE_GOWS ? 1 : 0;
	send_accept(s, req, &f, &sent);
}

/* ---- look-ups ---- */

static void
message_get(void *app, struct http_req *req, const struct route_match *m)
{
	struct sim *sim = app;
	struct waha_session *s = waha_session_working(sim->waha, req, route_param(m, S("session")));
	struct slice part[4], rest = route_param(m, S("messageId"));
	struct ledger_message *found;
	struct json_w w;
	struct buf b;
	size_t n = 0;

	if (s == NULL)
		return;
	while (rest.p != NULL && n < GH_COUNT(part))
		part[n++] = slice_cut(rest, '_', &rest);
	if (n < 3 || rest.p != NULL) {
		waha_throw(req, "Message id must be in format true_chatId_messageId");
		return;
	}
	if (slice_eq(part[0], S("false"))) {
		waha_message_of_others(s, req, route_param(m, S("messageId")), part[2]);
		return;
	}
	found = ledger_find(sim->ledger, S("waha"), slice_of(s->name), part[2]);
	if (found == NULL) {
		sim_reply(req, 200, SLICE_NONE); /* (18) nothing is an empty body */
		return;
	}
	buf_init(&b, req->a, REPLY_MAX);
	json_w_init(&w, &b);
	waha_write_message(s,
			   &(struct waha_facts){.id = found->id,
						.chat = found->chat,
						.text = found->text,
						.is_from_me = true,
						.ack = found->ack,
						.at_ms = found->at_us / CLOCK_MS},
			   &w);
	sim_reply_buf(req, 200, &b);
}

static void
message_id_new(void *app, struct http_req *req, const struct route_match *m)
{
	struct sim *sim = app;
	struct slice id = people_message_id(req->a);

	if (waha_session_working(sim->waha, req, route_param(m, S("session"))) != NULL)
		sim_reply(req, 200, slice_of(arena_printf(req->a, "{\"id\":\"%.*s\"}", S_FMT(id))));
}

#define SEND(p, kind)                                                                              \
	{                                                                                          \
		.method = HTTP_POST, .pattern = "/waha/api/" p, .fn = waha_send,                   \
		.ctx = &(const enum waha_send_kind)                                                \
		{                                                                                  \
			kind                                                                       \
		}                                                                                  \
	}

const struct route sim_waha_send_routes[] = {
	SEND("sendText", WAHA_SEND_TEXT),
	SEND("sendImage", WAHA_SEND_IMAGE),
	SEND("sendFile", WAHA_SEND_FILE),
	SEND("sendVoice", WAHA_SEND_VOICE),
	SEND("sendVideo", WAHA_SEND_VIDEO),
	SEND("sendLocation", WAHA_SEND_LOCATION),
	SEND("sendContactVcard", WAHA_SEND_CONTACT),
	SEND("sendPoll", WAHA_SEND_POLL),
	SEND("sendList", WAHA_SEND_LIST),
	{.method = HTTP_GET,
	 .pattern = "/waha/api/{session}/chats/{chatId}/messages/{messageId}",
	 .fn = message_get},
	{.method = HTTP_GET, .pattern = "/waha/api/{session}/new-message-id", .fn = message_id_new},
};
const unsigned sim_waha_send_route_count = GH_COUNT(sim_waha_send_routes);
