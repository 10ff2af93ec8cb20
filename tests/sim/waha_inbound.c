/* waha_inbound.c - what people do to an account, told by webhook (11): POST /_sim/inbound.
 *
 * {"session","from","text"}                a text, as message and message.any
 * {"session","raw"}                        a payload or {"event","payload"}, as given
 * {"session","from","kind", ...}           any other kind, in the contract's own form:
 *   reaction       target (full id), text (emoji)
 *   revoked        target
 *   edited         target, text
 *   poll_vote      target, options[]
 *   call           status received, accepted or rejected; video
 *   presence       presence; chat
 *   group_join, group_leave, group_update, group_participants
 *                  chat (the group), text (subject), type (join, leave, promote, demote)
 */
#include "waha.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/clock.h"
#include "http/json.h"
#include "http/server.h"

#define REPLY_MAX (SIM_BODY_MAX * 2)

/* What was asked for, and who does it where. */
struct deed {
	struct waha_session *s;
	const struct json *body;
	struct arena *a;
	struct waha_facts f;
};

static struct slice
deed_str(const struct deed *d, const char *name)
{
	return json_str(json_get(d->body, name));
}

/* The bare part of "target", which is a full id (3.2). */
static struct slice
deed_target(const struct deed *d)
{
	struct slice rest = deed_str(d, "target");

	(void)slice_cut(rest, '_', &rest);
	(void)slice_cut(rest, '_', &rest);
	return slice_cut(rest, '_', &rest);
}

/* ---- payloads ---- */

static void
write_frame(const struct deed *d, struct json_w *w)
{
	struct buf id;

	buf_init(&id, d->a, 512);
	waha_write_full_id(d->s, &d->f, &id);
	json_w_str(w, "id", buf_slice(&id));
	json_w_str(w, "from", d->f.chat);
	json_w_bool(w, "fromMe", false);
	json_w_str(w, "source", S("app"));
	json_w_null(w, "to");
	json_w_str(w, "participant", d->f.participant);
	json_w_i64(w, "timestamp", d->f.at_ms / 1000);
}

static void
write_reaction(const struct deed *d, struct json_w *w)
{
	write_frame(d, w);
	json_w_open(w, "reaction", '{');
	json_w_str(w, "text", d->f.text);
	json_w_str(w, "messageId", deed_str(d, "target"));
	json_w_close(w, '}');
}

static void
write_revoked(const struct deed *d, struct json_w *w)
{
	struct buf id;

	buf_init(&id, d->a, 512);
	waha_write_full_id(d->s, &d->f, &id);
	json_w_open(w, "after", '{');
	json_w_str(w, "id", buf_slice(&id));
	json_w_close(w, '}');
	json_w_null(w, "before");
	json_w_str(w, "revokedMessageId", deed_target(d));
}

static void
write_edited(const struct deed *d, struct json_w *w)
{
	write_frame(d, w);
	json_w_str(w, "body", d->f.text);
	json_w_bool(w, "hasMedia", false);
	json_w_str(w, "editedMessageId", deed_target(d));
}

static void
write_poll_vote(const struct deed *d, struct json_w *w)
{
	json_w_open(w, "vote", '{');
	write_frame(d, w);
	json_w_open(w, "selectedOptions", '[');
	for (const struct json *o = json_first(json_get(d->body, "options")); o != NULL;
	     o = json_next(o))
		json_w_str(w, NULL, json_str(o));
	json_w_close(w, ']');
	json_w_close(w, '}');
	json_w_open(w, "poll", '{');
	json_w_str(w, "id", deed_str(d, "target"));
	json_w_str(w, "from", S("me"));
	json_w_str(w, "to", d->f.chat);
	json_w_bool(w, "fromMe", true);
	json_w_close(w, '}');
}

static void
write_call(const struct deed *d, struct json_w *w)
{
	json_w_str(w, "id", d->f.id);
	json_w_str(w, "from", d->f.chat);
	json_w_i64(w, "timestamp", d->f.at_ms / 1000);
	json_w_bool(w, "isVideo", json_bool(json_get(d->body, "video"), false));
	json_w_bool(w, "isGroup", false);
}

static void
write_presence(const struct deed *d, struct json_w *w)
{
	json_w_str(w, "id", d->f.chat);
	json_w_open(w, "presences", '[');
	json_w_open(w, NULL, '{');
	json_w_str(w, "participant", d->f.participant.p != NULL ? d->f.participant : d->f.chat);
	json_w_str(w, "lastKnownPresence", deed_str(d, "presence"));
	json_w_i64(w, "lastSeen", d->f.at_ms / 1000);
	json_w_close(w, '}');
	json_w_close(w, ']');
}

/* (11) of a group that was left only the id is told. */
static void
write_group(const struct deed *d, struct json_w *w)
{
	bool is_leave = slice_eq(deed_str(d, "kind"), S("group_leave"));
	bool is_change = slice_eq(deed_str(d, "kind"), S("group_participants"));

	if (is_change)
		json_w_str(w, "type", deed_str(d, "type"));
	json_w_i64(w, "timestamp", d->f.at_ms / 1000);
	json_w_open(w, "group", '{');
	json_w_str(w, "id", d->f.chat);
	if (!is_leave && !is_change)
		json_w_str(w, "subject", d->f.text);
	json_w_close(w, '}');
	if (!is_change)
		return;
	json_w_open(w, "participants", '[');
	json_w_open(w, NULL, '{');
	json_w_str(w, "id", d->f.participant);
	json_w_str(w, "pn", d->f.participant);
	json_w_str(w, "role", S("participant"));
	json_w_close(w, '}');
	json_w_close(w, ']');
}

static const struct deed_kind {
	struct slice word;
	const char *event; /* NULL: "call." and the status */
	void (*write)(const struct deed *d, struct json_w *w);
	const char *needs[2]; /* texts that must be given */
} kinds[] = {
	{{"reaction", 8}, "message.reaction", write_reaction, {"target", "text"}},
	{{"revoked", 7}, "message.revoked", write_revoked, {"target", NULL}},
	{{"edited", 6}, "message.edited", write_edited, {"target", "text"}},
	{{"poll_vote", 9}, "poll.vote", write_poll_vote, {"target", NULL}},
	{{"call", 4}, NULL, write_call, {"status", NULL}},
	{{"presence", 8}, "presence.update", write_presence, {"presence", NULL}},
	{{"group_join", 10}, "group.v2.join", write_group, {"chat", "text"}},
	{{"group_leave", 11}, "group.v2.leave", write_group, {"chat", NULL}},
	{{"group_update", 12}, "group.v2.update", write_group, {"chat", "text"}},
	{{"group_participants", 18}, "group.v2.participants", write_group, {"chat", "type"}},
};

static const struct deed_kind *
deed_kind(const struct deed *d)
{
	for (size_t i = 0; i < GH_COUNT(kinds); i++) {
		if (!slice_eq(deed_str(d, "kind"), kinds[i].word))
			continue;
		for (size_t k = 0; k < GH_COUNT(kinds[i].needs); k++)
			if (kinds[i].needs[k] != NULL && deed_str(d, kinds[i].needs[k]).p == NULL)
				return NULL;
		return &kinds[i];
	}
	return NULL;
}

/* ---- posting ---- */

static unsigned
post_kind(const struct deed *d, const struct deed_kind *kind)
{
	const char *event = kind->event;
	struct json_w w;
	struct buf b;

	if (event == NULL)
		event = arena_printf(d->a, "call.%.*s", S_FMT(deed_str(d, "status")));
	buf_init(&b, d->a, REPLY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	kind->write(d, &w);
	json_w_open(&w, "_data", '{');
	json_w_close(&w, '}');
	json_w_close(&w, '}');
	return waha_post(d->s, event, buf_slice(&b));
}

static unsigned
post_message(const struct deed *d, struct slice payload)
{
	return waha_post(d->s, "message", payload) + waha_post(d->s, "message.any", payload);
}

static unsigned
post_raw(const struct deed *d, const struct json *raw)
{
	struct slice event = json_str(json_get(raw, "event"));
	struct buf b;

	buf_init(&b, d->a, REPLY_MAX);
	json_write(&b, event.n > 0 ? json_get(raw, "payload") : raw);
	if (event.n > 0)
		return waha_post(d->s, arena_cstr(d->a, event), buf_slice(&b));
	return post_message(d, buf_slice(&b));
}

static unsigned
post_text(const struct deed *d)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, d->a, REPLY_MAX);
	json_w_init(&w, &b);
	waha_write_message(d->s, &d->f, &w);
	return post_message(d, buf_slice(&b));
}

static void
deed_read(struct deed *d)
{
	struct slice chat = deed_str(d, "chat"); /* a group it is done in */

	d->f.id = deed_str(d, "id");
	if (d->f.id.n == 0)
		d->f.id = people_message_id(d->a);
	d->f.chat = waha_chat_of(deed_str(d, "from"), d->a);
	if (chat.n > 0) {
		d->f.participant = d->f.chat;
		d->f.chat = chat;
	}
	d->f.text = deed_str(d, "text");
	d->f.ack = 2; /* (11) always, on incoming GOWS messages */
	d->f.at_ms = clock_wall_us() / CLOCK_MS;
}

void
waha_inbound(struct waha *w, struct http_req *req, const struct json *body)
{
	struct deed d = {.s = waha_session_find(w, json_str(json_get(body, "session"))),
			 .body = body,
			 .a = req->a};
	const struct json *raw = json_get(body, "raw");
	const struct deed_kind *kind;
	int64_t at_us = clock_wall_us();
	unsigned posted;

	if (d.s == NULL) {
		sim_reply_error(req, 404, "session: unknown");
		return;
	}
	deed_read(&d);
	kind = deed_kind(&d);
	if (json_type(raw) == JSON_OBJECT) {
		posted = post_raw(&d, raw);
	} else if (d.f.chat.p != NULL && kind != NULL) {
		posted = post_kind(&d, kind);
	} else if (d.f.chat.p != NULL && d.f.text.p != NULL && deed_str(&d, "kind").p == NULL) {
		posted = post_text(&d);
	} else {
		sim_reply_error(req, 422, "give raw (an object), from and text, or from and kind");
		return;
	}
	sim_reply(req, 200,
		  slice_of(arena_printf(req->a,
					"{\"id\":\"%.*s\",\"posted\":%u,\"at_us\":%" PRId64 "}",
					S_FMT(d.f.id), posted, at_us)));
}
