/* waha_event.c - WAHA webhook bodies to facts (contracts/waha.md sections 3, 10-13).
 *
 * Tolerant by design: every key may be missing or of another type, unknown events
 * are OTHER, unknown contents are messages of kind UNSUPPORTED. Only a body that is
 * no JSON object is refused. Nothing is dropped: `raw` keeps the provider's object.
 */
#include "provider/waha_event.h"

#include "base/arena.h"
#include "http/json.h"

/* ---- one reader per event ---- */

/* What a reader gets: the payload and its event. It fills ev->fact[0], or replaces the array. */
typedef void event_fn(const struct json *payload, struct provider_event *ev, struct arena *a);

static void
event_message(const struct json *payload, struct provider_event *ev, struct arena *a)
{
	struct provider_fact *f = ev->fact;

	f->kind = PROVIDER_FACT_MESSAGE;
	waha_read_frame(payload, f, a);
	waha_read_content(payload, f, a);
	/* The ack of an incoming message says nothing about ours. */
	f->has_status = waha_ack_read(payload, &f->ack, &f->status) && f->is_from_me;
}

static void
event_ack(const struct json *payload, struct provider_event *ev, struct arena *a)
{
	struct provider_fact *f = ev->fact;

	waha_read_frame(payload, f, a);
	f->word = json_str(json_get(payload, "ackName"));
	f->has_status = waha_ack_read(payload, &f->ack, &f->status);
	/* fromMe false: an incoming message was read on another device of ours. */
	if (f->is_from_me && f->has_status)
		f->kind = PROVIDER_FACT_STATUS;
	else
		f->has_status = false;
}

static void
event_session(const struct json *payload, struct provider_event *ev, struct arena *a GH_UNUSED)
{
	const struct json *past = json_get(payload, "statuses");
	struct provider_fact *f = ev->fact;

	f->kind = PROVIDER_FACT_SESSION;
	f->word = json_str(json_get(payload, "status"));
	f->session = waha_session_state(f->word);
	/* The newest entry of this status says when it began; events come in any order. */
	for (const struct json *s = json_first(past); s != NULL; s = json_next(s)) {
		int64_t at_us = translate_time(json_get(s, "timestamp"));

		if (slice_eq(json_str(json_get(s, "status")), f->word) && at_us != 0)
			f->at_us = at_us;
	}
}

static void
event_reaction(const struct json *payload, struct provider_event *ev, struct arena *a)
{
	struct provider_fact *f = ev->fact;

	f->kind = PROVIDER_FACT_REACTION;
	waha_read_frame(payload, f, a);
	f->message_kind = MSG_REACTION;
	f->text = json_str(json_path(payload, "reaction.text"));
	f->target_id = waha_id_split(json_str(json_path(payload, "reaction.messageId"))).bare;
}

static void
event_revoked(const struct json *payload, struct provider_event *ev, struct arena *a)
{
	const struct json *after = json_get(payload, "after");
	struct provider_fact *f = ev->fact;

	f->kind = PROVIDER_FACT_REVOKED;
	waha_read_frame(after, f, a);
	f->target_id = waha_id_split(json_str(json_get(payload, "revokedMessageId"))).bare;
	if (f->target_id.n == 0)
		f->target_id = waha_id_split(json_str(json_path(payload, "before.id"))).bare;
}

static void
event_edited(const struct json *payload, struct provider_event *ev, struct arena *a)
{
	struct provider_fact *f = ev->fact;

	f->kind = PROVIDER_FACT_EDITED;
	waha_read_frame(payload, f, a);
	waha_read_content(payload, f, a);
	f->target_id = waha_id_split(json_str(json_get(payload, "editedMessageId"))).bare;
}

/* Their hidden id and their phone number, whichever the engine calls id. */
static void
read_member(const struct json *v, struct provider_member *m, struct arena *a)
{
	struct slice id = json_str(json_get(v, "id"));
	struct slice pn = json_str(json_get(v, "pn"));

	m->id = translate_chat_key(id.n > 0 ? id : pn, a);
	m->phone = translate_phone(pn.n > 0 ? pn : id, a);
	m->role = json_str(json_get(v, "role"));
}

/* Of a change those it speaks of, else all that the group has. */
static void
read_members(const struct json *payload, struct provider_fact *f, struct arena *a)
{
	const struct json *list = json_get(payload, "participants");
	struct provider_member *members;
	size_t n, i = 0;

	if (json_type(list) != JSON_ARRAY)
		list = json_path(payload, "group.participants");
	n = json_count(list);
	if (n == 0)
		return;
	members = arena_alloc_array(a, n, sizeof(*members));
	for (const struct json *m = json_first(list); m != NULL && i < n; m = json_next(m))
		read_member(m, &members[i++], a);
	f->members = members;
	f->member_count = i;
}

static void
event_group(const struct json *payload, struct provider_event *ev, struct arena *a)
{
	static const struct {
		struct slice event, word;
		bool is_self;
	} words[] = {
		{{"group.v2.join", 13}, {"join", 4}, true},
		{{"group.v2.leave", 14}, {"leave", 5}, true},
		{{"group.v2.update", 15}, {"update", 6}, false},
	};
	struct provider_fact *f = ev->fact;
	int64_t at_us = translate_time(json_get(payload, "timestamp"));

	f->kind = PROVIDER_FACT_GROUP;
	f->is_group = true;
	f->chat = translate_chat_key(json_str(json_path(payload, "group.id")), a);
	f->text = json_str(json_path(payload, "group.subject"));
	f->description = json_str(json_path(payload, "group.description"));
	f->invite = json_str(json_path(payload, "group.invite"));
	read_members(payload, f, a);
	f->word =
		json_str(json_get(payload, "type")); /* of members: join, leave, promote, demote */
	for (size_t i = 0; i < GH_COUNT(words); i++) {
		if (!slice_eq(ev->name, words[i].event))
			continue;
		f->word = words[i].word;
		f->is_self = words[i].is_self;
	}
	if (at_us != 0)
		f->at_us = at_us;
}

static void
event_presence(const struct json *payload, struct provider_event *ev, struct arena *a)
{
	const struct json *list = json_get(payload, "presences");
	struct provider_fact base = ev->fact[0];
	size_t n = json_count(list), i = 0;

	base.kind = PROVIDER_FACT_PRESENCE;
	base.chat = translate_chat_key(json_str(json_get(payload, "id")), a);
	base.is_group = slice_ends(base.chat, S("@g.us"));
	ev->fact[0] = base;
	if (n == 0)
		return;
	ev->fact = arena_alloc_array(a, n, sizeof(*ev->fact));
	ev->fact_count = n;
	for (const struct json *p = json_first(list); p != NULL && i < n; p = json_next(p), i++) {
		struct provider_fact *f = &ev->fact[i];

		*f = base;
		f->raw = translate_raw(p, base.raw.n, a); /* not the whole list in each */
		f->participant = translate_chat_key(json_str(json_get(p, "participant")), a);
		f->from = f->participant;
		f->word = json_str(json_get(p, "lastKnownPresence"));
		f->last_seen_us = translate_time(json_get(p, "lastSeen"));
	}
}

static void
event_call(const struct json *payload, struct provider_event *ev, struct arena *a)
{
	struct provider_fact *f = ev->fact;
	int64_t at_us = translate_time(json_get(payload, "timestamp"));

	f->kind = PROVIDER_FACT_CALL;
	f->external_id = json_str(json_get(payload, "id"));
	f->from = translate_chat_key(json_str(json_get(payload, "from")), a);
	f->chat = f->from;
	f->is_group = json_bool(json_get(payload, "isGroup"), false);
	f->is_video = json_bool(json_get(payload, "isVideo"), false);
	f->word = slice_from(ev->name, sizeof("call.") - 1);
	if (at_us != 0)
		f->at_us = at_us;
}

static void
event_poll(const struct json *payload, struct provider_event *ev, struct arena *a)
{
	const struct json *options = json_path(payload, "vote.selectedOptions");
	struct provider_fact *f = ev->fact;

	f->kind = PROVIDER_FACT_POLL;
	waha_read_frame(json_get(payload, "vote"), f, a);
	f->target_id = waha_id_split(json_str(json_path(payload, "poll.id"))).bare;
	f->word = slice_eq(ev->name, S("poll.vote.failed")) ? S("failed") : S("vote");
	if (json_type(options) == JSON_ARRAY)
		f->text = translate_raw(options, f->raw.n, a);
}

static const struct {
	struct slice name;
	event_fn *read;
} event_table[] = {
	{{"message", 7}, event_message},
	{{"message.any", 11}, event_message},
	{{"message.ack", 11}, event_ack},
	{{"message.ack.group", 17}, event_ack},
	{{"message.reaction", 16}, event_reaction},
	{{"message.revoked", 15}, event_revoked},
	{{"message.edited", 14}, event_edited},
	{{"session.status", 14}, event_session},
	{{"group.v2.join", 13}, event_group},
	{{"group.v2.leave", 14}, event_group},
	{{"group.v2.update", 15}, event_group},
	{{"group.v2.participants", 21}, event_group},
	{{"presence.update", 15}, event_presence},
	{{"poll.vote", 9}, event_poll},
	{{"poll.vote.failed", 16}, event_poll},
	{{"call.received", 13}, event_call},
	{{"call.accepted", 13}, event_call},
	{{"call.rejected", 13}, event_call},
};

enum gh_code
waha_parse_event(struct slice body, struct arena *a, struct provider_event *out, struct gh_err *err)
{
	const struct json *doc, *payload;
	enum gh_code rc = json_parse(body, a, &doc, NULL, err);

	if (rc != GH_OK)
		return gh_fail(err, GH_EINVAL, "waha: webhook body is not JSON");
	if (json_type(doc) != JSON_OBJECT)
		return gh_fail(err, GH_EINVAL, "waha: webhook body is not an object");
	payload = json_get(doc, "payload");
	*out = (struct provider_event){
		.event_id = json_str(json_get(doc, "id")),
		.name = json_str(json_get(doc, "event")),
		.session = json_str(json_get(doc, "session")),
		.engine = json_str(json_get(doc, "engine")),
		.own_number = translate_phone(json_str(json_path(doc, "me.id")), a),
		.own_lid = json_str(json_path(doc, "me.lid")),
		.at_us = translate_time(json_get(doc, "timestamp")),
		.fact = arena_alloc(a, sizeof(struct provider_fact)),
		.fact_count = 1,
	};
	if (out->engine.n == 0)
		out->engine = json_str(json_path(doc, "environment.engine"));
	translate_fact_init(out->fact);
	out->fact->at_us = out->at_us;
	out->fact->raw = translate_raw(payload, body.n, a);
	for (size_t i = 0; i < GH_COUNT(event_table); i++) {
		if (!slice_eq(out->name, event_table[i].name))
			continue;
		if (json_type(payload) == JSON_OBJECT)
			event_table[i].read(payload, out, a);
		break;
	}
	translate_event_bound(out);
	return GH_OK;
}
