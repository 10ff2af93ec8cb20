/* uazapi_event.c - UAZAPI's webhook bodies to facts (contracts/uazapi.md sections 8 to 11).
 *
 * Tolerant by design: every key may be missing or of another type, unknown events are OTHER,
 * unknown contents are messages of kind UNSUPPORTED. Only a body that is no JSON object is refused.
 *
 * The name of the instance is not held against ours: its token, which no one else has, is
 * verified, and a person may rename it at the provider.
 */
#include "provider/uazapi_event.h"

#include "base/arena.h"
#include "http/json.h"
#include "provider/uazapi.h"

/* Of one body: 246 receipts in one were seen. */
#define FACTS_MAX 1024

/* ---- words ---- */

bool
uazapi_flag(const struct json *v)
{
	return json_bool(v, slice_eq_nocase(json_str(v), S("true")));
}

struct slice
uazapi_bare_id(struct slice id)
{
	struct slice bare;

	(void)slice_cut(id, ':', &bare);
	return bare.n > 0 ? bare : id;
}

/* ---- one reader per event ---- */

struct hook {
	const struct json *doc;
	const struct json *event; /* its "event" object */
	size_t size;
	struct arena *a;
};

/* It fills ev->fact[0], or replaces the array. */
typedef void event_fn(const struct hook *h, struct provider_event *ev);

static struct slice
first_id(const struct json *v, const char *const *paths, size_t count, struct arena *a)
{
	return translate_chat_key(translate_first_str(v, paths, count), a);
}

/* None of its states has a time but the last disconnection: put beside the others, by another
 * clock, it would order them wrongly, so all are dated by their arrival. */
static void
event_connection(const struct hook *h, struct provider_event *ev)
{
	const struct json *instance = json_get(h->doc, "instance");
	struct provider_fact *f = ev->fact;
	char *why = arena_alloc(h->a, PROVIDER_TEXT_MAX + 1);
	bool is_logged_out = slice_eq_nocase(json_str(json_get(h->doc, "type")), S("LoggedOut"));

	f->kind = PROVIDER_FACT_SESSION;
	f->word = json_str(json_get(instance, "status"));
	f->session = uazapi_instance_state(instance);
	if (f->word.n == 0 && is_logged_out) {
		f->word = S("disconnected");
		f->session = PROVIDER_SESSION_DISCONNECTED;
	}
	provider_text_set(why, json_str(json_get(instance, "lastDisconnectReason")));
	if (f->session == PROVIDER_SESSION_DISCONNECTED)
		f->text = slice_of(why);
	f->is_unpaired = f->session == PROVIDER_SESSION_DISCONNECTED &&
			 (is_logged_out || uazapi_instance_is_unpaired(instance));
	/* While disconnected it names the number of before. */
	if (f->session != PROVIDER_SESSION_CONNECTED)
		ev->own_number = SLICE_NONE;
	f->raw = translate_raw(instance, h->size, h->a);
}

static void
event_message(const struct hook *h, struct provider_event *ev)
{
	const struct json *message = json_get(h->doc, "message");

	if (json_type(message) != JSON_OBJECT)
		return;
	uazapi_read_hook_message(message, json_get(h->doc, "chat"), ev->fact, h->a);
	ev->fact->raw = translate_raw(message, h->size, h->a);
}

/* What a receipt says of each of its messages. */
static void
read_update(const struct hook *h, const struct json *from, struct provider_fact *f)
{
	static const char *const chats[] = {"chatid", "Chat"};
	static const char *const states[] = {"state", "event.state", "event.Type", "status"};
	static const char *const senders[] = {"sender_pn", "Sender"};
	int64_t at_us = translate_time(json_get(from, "Timestamp"));

	f->word = translate_first_str(h->doc, states, GH_COUNT(states));
	f->chat = first_id(from, chats, GH_COUNT(chats), h->a);
	f->is_group = uazapi_flag(json_get(from, "IsGroup")) || slice_ends(f->chat, S("@g.us"));
	if (f->is_group)
		f->participant = first_id(from, senders, GH_COUNT(senders), h->a);
	if (at_us != 0)
		f->at_us = at_us;
	if (slice_eq_nocase(json_str(json_get(h->doc, "type")), S("DeletedMessage")) ||
	    slice_eq_nocase(f->word, S("Deleted"))) {
		f->kind = PROVIDER_FACT_REVOKED;
		f->is_from_me = uazapi_flag(json_get(from, "IsFromMe"));
		f->from = f->is_group ? f->participant : f->chat;
	} else if (uazapi_status(f->word, &f->status)) {
		/* Of whose message it is nothing here tells (10.3): whoever keeps them knows. */
		f->kind = PROVIDER_FACT_STATUS;
		f->has_status = true;
		f->is_from_me = true;
	}
}

static void
set_update_id(struct provider_fact *f, struct slice id)
{
	struct slice bare = uazapi_bare_id(id);

	if (bare.n == 0)
		f->kind = PROVIDER_FACT_OTHER; /* of no message */
	else if (f->kind == PROVIDER_FACT_REVOKED)
		f->target_id = bare;
	else
		f->external_id = bare;
}

static void
event_update(const struct hook *h, struct provider_event *ev)
{
	static const char *const ids[] = {"event.messageid", "messageid", "event.id", "id"};
	const struct json *list = json_get(h->event, "MessageIDs");
	struct provider_fact base = ev->fact[0];
	size_t n = json_type(list) == JSON_ARRAY ? json_count(list) : 0, i = 0;

	read_update(h, json_type(h->event) == JSON_OBJECT ? h->event : h->doc, &base);
	base.raw = translate_raw(h->event != NULL ? h->event : h->doc, h->size, h->a);
	ev->fact[0] = base;
	if (base.kind == PROVIDER_FACT_OTHER)
		return;
	if (n <= 1) {
		struct slice id = json_str(n == 1 ? json_first(list) : NULL);

		set_update_id(ev->fact,
			      id.n > 0 ? id : translate_first_str(h->doc, ids, GH_COUNT(ids)));
		return;
	}
	if (n > FACTS_MAX)
		n = FACTS_MAX;
	base.raw = SLICE_NONE; /* the whole list in each would be its square */
	ev->fact = arena_alloc_array(h->a, n, sizeof(*ev->fact));
	ev->fact_count = n;
	for (const struct json *id = json_first(list); id != NULL && i < n; id = json_next(id)) {
		ev->fact[i] = base;
		set_update_id(&ev->fact[i++], json_str(id));
	}
}

/* ---- groups (10.4) ---- */

/* A change of members: the array that is there says which. */
static const struct {
	const char *list, *lids;
	struct slice word, role;
} member_changes[] = {
	{"Join", "JoinLid", {"join", 4}, {"participant", 11}},
	{"Leave", "LeaveLid", {"leave", 5}, {"left", 4}},
	{"Promote", "PromoteLid", {"promote", 7}, {"admin", 5}},
	{"Demote", "DemoteLid", {"demote", 6}, {"participant", 11}},
};

static const char *const setting_changes[] = {
	"Name", "Topic",  "Locked", "Announce",      "Ephemeral", "MembershipApprovalMode",
	"Link", "Unlink", "Delete", "NewInviteLink",
};

/* Its people by number; by hidden id where there are no numbers. */
static void
read_changed_members(const struct json *list, struct slice role, struct provider_fact *f,
		     struct arena *a)
{
	size_t n = json_count(list), i = 0;
	struct provider_member *members = arena_alloc_array(a, n, sizeof(*members));

	for (const struct json *m = json_first(list); m != NULL && i < n; m = json_next(m)) {
		if (json_str(m).n == 0)
			continue;
		members[i].id = translate_chat_key(json_str(m), a);
		members[i].phone = translate_phone(json_str(m), a);
		members[i++].role = role;
	}
	f->members = members;
	f->member_count = i;
}

static bool
members_have(const struct provider_fact *f, struct slice phone)
{
	for (size_t i = 0; i < f->member_count; i++)
		if (phone.n > 0 && slice_eq(f->members[i].phone, phone))
			return true;
	return false;
}

/* A text, or the object that the library keeps it in. */
static struct slice
group_text(const struct json *event, const char *name)
{
	const struct json *v = json_get(event, name);

	return json_type(v) == JSON_OBJECT ? json_str(json_get(v, name)) : json_str(v);
}

static void
read_group_settings(const struct json *event, struct provider_fact *f)
{
	f->word = S("update");
	f->text = group_text(event, "Name");
	f->description = group_text(event, "Topic");
	f->invite = group_text(event, "NewInviteLink");
}

static void
read_group_members(const struct json *group, struct provider_fact *f, struct arena *a)
{
	static const char *const ids[] = {"PhoneNumber", "JID", "LID"};
	const struct json *list = json_get(group, "Participants");
	size_t n = json_type(list) == JSON_ARRAY ? json_count(list) : 0, i = 0;
	struct provider_member *members = arena_alloc_array(a, n, sizeof(*members));

	for (const struct json *m = json_first(list); m != NULL && i < n; m = json_next(m)) {
		struct slice id = translate_first_str(m, ids, GH_COUNT(ids));

		members[i].id = translate_chat_key(id, a);
		members[i].phone = translate_phone(id, a);
		members[i++].role = uazapi_flag(json_get(m, "IsSuperAdmin")) ? S("superadmin")
				    : uazapi_flag(json_get(m, "IsAdmin"))    ? S("admin")
									     : S("participant");
	}
	f->members = members;
	f->member_count = i;
}

/* One fact per change: a body may tell several. */
static size_t
read_group_changes(const struct hook *h, const struct provider_event *ev, struct provider_fact *out)
{
	const struct provider_fact *base = ev->fact;
	size_t n = 0;

	for (size_t i = 0; i < GH_COUNT(member_changes); i++) {
		const struct json *list = json_get(h->event, member_changes[i].list);

		if (json_count(list) == 0)
			list = json_get(h->event, member_changes[i].lids);
		if (json_type(list) != JSON_ARRAY || json_count(list) == 0)
			continue;
		out[n] = *base;
		out[n].word = member_changes[i].word;
		read_changed_members(list, member_changes[i].role, &out[n], h->a);
		/* That we joined has a body of its own. */
		out[n].is_self =
			slice_eq(out[n].word, S("leave")) && members_have(&out[n], ev->own_number);
		n++;
	}
	for (size_t i = 0; i < GH_COUNT(setting_changes); i++) {
		if (json_is_null(json_get(h->event, setting_changes[i])))
			continue;
		out[n] = *base;
		read_group_settings(h->event, &out[n++]);
		break;
	}
	return n;
}

static void
event_group(const struct hook *h, struct provider_event *ev)
{
	struct provider_fact *f = ev->fact, *changes;
	int64_t at_us = translate_time(json_get(h->event, "Timestamp"));
	size_t n;

	if (json_type(h->event) != JSON_OBJECT)
		return;
	f->kind = PROVIDER_FACT_GROUP;
	f->is_group = true;
	f->chat = translate_chat_key(json_str(json_get(h->event, "JID")), h->a);
	f->raw = translate_raw(h->event, h->size, h->a);
	if (at_us != 0)
		f->at_us = at_us;
	if (slice_eq_nocase(json_str(json_get(h->doc, "type")), S("JoinedGroup"))) {
		read_group_settings(h->event, f);
		read_group_members(h->event, f, h->a);
		f->word = S("join");
		f->is_self = true;
		return;
	}
	changes = arena_alloc_array(h->a, GH_COUNT(member_changes) + 1, sizeof(*changes));
	n = read_group_changes(h, ev, changes);
	if (n == 0) {
		f->kind = PROVIDER_FACT_OTHER; /* a change that the library does not know */
		return;
	}
	ev->fact = changes;
	ev->fact_count = n;
}

/* ---- presence, call ---- */

/* In the words that WAHA has for the same. */
static struct slice
presence_word(const struct json *event)
{
	static const struct {
		struct slice word, ours;
	} words[] = {
		{{"composing", 9}, {"typing", 6}},
		{{"available", 9}, {"online", 6}},
		{{"unavailable", 11}, {"offline", 7}},
	};
	struct slice state = json_str(json_get(event, "State"));

	if (slice_eq_nocase(state, S("composing")) &&
	    slice_eq_nocase(json_str(json_get(event, "Media")), S("audio")))
		return S("recording");
	for (size_t i = 0; i < GH_COUNT(words); i++)
		if (slice_eq_nocase(state, words[i].word))
			return words[i].ours;
	return state;
}

static void
event_presence(const struct hook *h, struct provider_event *ev)
{
	static const char *const chats[] = {"chatid", "Chat", "From"};
	static const char *const people[] = {"sender_pn", "Sender", "From"};
	struct provider_fact *f = ev->fact;

	/* Our own typing sign comes back. */
	if (json_type(h->event) != JSON_OBJECT || uazapi_flag(json_get(h->event, "IsFromMe")))
		return;
	f->kind = PROVIDER_FACT_PRESENCE;
	f->word = presence_word(h->event);
	f->chat = first_id(h->event, chats, GH_COUNT(chats), h->a);
	f->participant = first_id(h->event, people, GH_COUNT(people), h->a);
	f->from = f->participant;
	f->is_group = slice_ends(f->chat, S("@g.us"));
	f->last_seen_us = translate_time(json_get(h->event, "LastSeen"));
	f->raw = translate_raw(h->event, h->size, h->a);
}

/* The words of WAHA; without one that says more it rings. */
static struct slice
call_word(struct slice type)
{
	static const struct {
		struct slice type, word;
	} words[] = {
		{{"CallAccept", 10}, {"accepted", 8}},    {{"accepted", 8}, {"accepted", 8}},
		{{"CallReject", 10}, {"rejected", 8}},    {{"rejected", 8}, {"rejected", 8}},
		{{"CallTerminate", 13}, {"rejected", 8}}, {{"terminate", 9}, {"rejected", 8}},
	};

	for (size_t i = 0; i < GH_COUNT(words); i++)
		if (slice_eq_nocase(type, words[i].type))
			return words[i].word;
	return S("received");
}

/* Its shape is not known for certain: what was seen, in order of how much it tells (10.4). */
static void
event_call(const struct hook *h, struct provider_event *ev)
{
	static const char *const ids[] = {"event.CallID", "call.CallID", "call.id", "event.id",
					  "message.messageid"};
	static const char *const callers[] = {
		"event.sender_pn", "event.From",    "event.CallCreator", "call.from",
		"call.From",       "call.chatid",   "message.from",      "message.sender_pn",
		"message.chatid",  "chat.wa_chatid"};
	static const char *const types[] = {"type", "event.Type", "call.status"};
	static const char *const times[] = {"event.Timestamp", "call.timestamp",
					    "message.messageTimestamp"};
	struct provider_fact *f = ev->fact;

	f->kind = PROVIDER_FACT_CALL;
	f->external_id = translate_first_str(h->doc, ids, GH_COUNT(ids));
	f->from = first_id(h->doc, callers, GH_COUNT(callers), h->a);
	f->chat = f->from;
	f->word = call_word(translate_first_str(h->doc, types, GH_COUNT(types)));
	f->is_group = slice_ends(f->chat, S("@g.us")) ||
		      json_str(json_path(h->doc, "event.GroupJID")).n > 0;
	f->is_video = uazapi_flag(json_path(h->doc, "call.isVideo")) ||
		      slice_eq_nocase(json_str(json_path(h->doc, "event.Media")), S("video"));
	for (size_t i = 0; i < GH_COUNT(times) && f->at_us == 0; i++)
		f->at_us = translate_time(json_path(h->doc, times[i]));
	f->raw = translate_raw(h->event != NULL ? h->event : h->doc, h->size, h->a);
}

/* Not here: "history" (10.4) tells what was before us, which is nobody's news. */
static const struct {
	struct slice name;
	event_fn *read;
} event_table[] = {
	{{"connection", 10}, event_connection},  {{"messages", 8}, event_message},
	{{"messages_update", 15}, event_update}, {{"groups", 6}, event_group},
	{{"presence", 8}, event_presence},       {{"call", 4}, event_call},
};

enum gh_code
uazapi_parse_event(struct slice body, struct arena *a, struct provider_event *out,
		   struct gh_err *err)
{
	struct hook h = {.size = body.n, .a = a};

	if (json_parse(body, a, &h.doc, NULL, err) != GH_OK)
		return gh_fail(err, GH_EINVAL, "uazapi: webhook body is not JSON");
	if (json_type(h.doc) != JSON_OBJECT)
		return gh_fail(err, GH_EINVAL, "uazapi: webhook body is not an object");
	h.event = json_get(h.doc, "event");
	*out = (struct provider_event){
		.event_id = json_str(json_get(h.doc, "event_id")),
		.name = json_str(json_get(h.doc, "EventType")),
		.own_number = translate_phone(json_str(json_get(h.doc, "owner")), a),
		.fact = arena_alloc(a, sizeof(struct provider_fact)),
		.fact_count = 1,
	};
	translate_fact_init(out->fact);
	for (size_t i = 0; i < GH_COUNT(event_table); i++) {
		if (!slice_eq(out->name, event_table[i].name))
			continue;
		event_table[i].read(&h, out);
		break;
	}
	translate_event_bound(out);
	return GH_OK;
}
