#include "render_uazapi.h"

#include "base/arena.h"
#include "base/clock.h"
#include "http/json.h"
#include "model/dialect.h"
#include "model/dialect_content.h"
#include "model/endpoint.h"
#include "model/message.h"
#include "model/message_payload.h"

/* One body on its way. */
struct body {
	struct json_w *w;
	struct arena *a;
	const struct delivery_claim *c;
	const struct json *facts;
	size_t text_max;
	struct slice owner;
	/* Of our own send: what was sent, where its row is there (else the facts are all). */
	const struct delivery_message *sent;
	struct message_payload payload; /* of sent */
};

/* ---- facts ---- */

static struct slice
fact(const struct body *b, const char *name)
{
	struct slice s = json_str(json_get(b->facts, name));

	return s.p != NULL ? s : S("");
}

static bool
fact_is(const struct json *facts, const char *name)
{
	return json_bool(json_get(facts, name), false);
}

static struct slice
cut(const struct body *b, struct slice s)
{
	if (s.n <= b->text_max)
		return s;
	s.n = b->text_max;
	while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
		s.n--;
	return s;
}

static void
write_text(const struct body *b, const char *name, struct slice s)
{
	json_w_str(b->w, name, s.p != NULL ? cut(b, s) : S(""));
}

static void
write_jid(const struct body *b, const char *name, struct slice key)
{
	json_w_str(b->w, name, dialect_jid(key, b->a));
}

static int64_t
time_ms(const struct body *b)
{
	return json_i64(json_get(b->facts, "timestamp_ms"), b->c->occurred_at_us / CLOCK_MS);
}

/* Our number, of whatever event: facts name it by its part. */
static struct slice
owner_of(const struct json *facts, enum event_type type, struct arena *a)
{
	const struct json *own = json_get(facts, "own_number");

	if (json_is_null(own))
		own = json_get(facts, "phone_number");
	if (json_is_null(own) && type >= EVENT_MESSAGE_QUEUED && type <= EVENT_MESSAGE_EXPIRED)
		own = json_get(facts, "from");
	return dialect_owner(json_str(own), a);
}

static struct slice
own_jid(const struct body *b)
{
	if (b->owner.n == 0)
		return S("");
	return slice_of(arena_printf(b->a, "%.*s@s.whatsapp.net", S_FMT(b->owner)));
}

/* Digits of a person's phone as an address; "" where only the hidden id is known. */
static struct slice
phone_jid(const struct body *b, struct slice key)
{
	struct slice phone = fact(b, "phone");

	if (slice_ends(key, S("@c.us")) || slice_ends(key, S("@s.whatsapp.net")))
		return dialect_jid(key, b->a);
	if (phone.n == 0)
		return S("");
	return slice_of(arena_printf(b->a, "%.*s@s.whatsapp.net", S_FMT(phone)));
}

/* ---- kinds ---- */

struct kind {
	const char *message_type, *type, *media_type;
};

static int
kind_number(struct slice word)
{
	for (int k = 0; k < MSG_KIND_COUNT; k++)
		if (slice_eq(word, slice_of(msg_kind_name(k))))
			return k;
	return MSG_UNSUPPORTED;
}

/* Of an echo. Its location is a text, by the one that was captured. */
static struct kind
kind_of_sent(const struct body *b)
{
	int kind = b->sent->kind;

	return (struct kind){
		.message_type = dialect_sent_type(kind, &b->payload),
		.type = b->payload.menu.type == MESSAGE_MENU_POLL ? "poll"
			: kind == MSG_LOCATION                    ? "text"
								  : dialect_type(kind),
		.media_type = dialect_media_type(kind, b->payload.is_voice),
	};
}

static struct kind
kind_of(const struct body *b)
{
	enum event_type type = b->c->type;
	const struct json *facts = b->facts;
	struct slice mime = json_str(json_get(json_get(facts, "file"), "mimetype"));
	int kind = kind_number(json_str(json_get(facts, "type")));
	struct kind k = {.message_type = dialect_message_type(kind),
			 .type = dialect_type(kind),
			 /* A voice note is the only sound that is Opus. */
			 .media_type =
				 dialect_media_type(kind, slice_ends(mime, S("opus")) ||
								  slice_eq(mime, S("audio/ogg")))};

	if (b->sent != NULL)
		return kind_of_sent(b);
	switch (type) {
	case EVENT_MESSAGE_SENT:
		return (struct kind){"", "text", ""};
	case EVENT_MESSAGE_REACTION:
		return (struct kind){"ReactionMessage", "reaction", ""};
	case EVENT_POLL_VOTED:
		return (struct kind){"PollUpdateMessage", "poll", ""};
	default:
		break;
	}
	if (!json_is_null(json_get(facts, "choice_id")))
		return (struct kind){"ListResponseMessage", "media", "list_response"};
	if (kind == MSG_TEXT && json_is_null(json_get(facts, "quoted")))
		k.message_type = "Conversation";
	return k;
}

/* ---- messages: the content ---- */

static void
write_file(const struct body *b, const struct json *file)
{
	write_text(b, "URL", json_str(json_get(file, "url")));
	write_text(b, "mimetype", json_str(json_get(file, "mimetype")));
	write_text(b, "fileName", json_str(json_get(file, "filename")));
	write_text(b, "caption", json_str(json_get(file, "caption")));
	if (json_get(file, "size_bytes") != NULL)
		json_w_i64(b->w, "fileLength", json_i64(json_get(file, "size_bytes"), 0));
	if (json_get(file, "seconds") != NULL)
		json_w_i64(b->w, "seconds", json_i64(json_get(file, "seconds"), 0));
}

static void
write_key(const struct body *b, struct slice id)
{
	json_w_open(b->w, "key", '{');
	json_w_str(b->w, "ID", id);
	json_w_close(b->w, '}');
}

static void
write_place(const struct body *b, const struct json *place)
{
	json_w_double(b->w, "degreesLatitude", json_double(json_get(place, "latitude"), 0));
	json_w_double(b->w, "degreesLongitude", json_double(json_get(place, "longitude"), 0));
	write_text(b, "name", json_str(json_get(place, "name")));
	write_text(b, "address", json_str(json_get(place, "address")));
}

static void
write_quote(const struct body *b)
{
	const struct json *quoted = json_get(b->facts, "quoted");

	json_w_open(b->w, "contextInfo", '{');
	if (!json_is_null(quoted))
		json_w_str(b->w, "stanzaID", json_str(json_get(quoted, "message_id")));
	json_w_close(b->w, '}');
}

/* A string for what is only text, an object for everything else. */
static void
write_content(const struct body *b, const struct kind *k)
{
	const struct json *place = json_get(b->facts, "location");
	const struct json *cards = json_get(b->facts, "vcards");

	if (b->sent != NULL) {
		json_w_raw(b->w, "content",
			   dialect_content(b->sent->kind, cut(b, b->sent->content),
					   b->sent->media_url, &b->payload, b->a));
		return;
	}
	if (slice_eq(slice_of(k->message_type), S("Conversation")) || k->message_type[0] == '\0') {
		write_text(b, "content", fact(b, "content"));
		return;
	}
	json_w_open(b->w, "content", '{');
	if (b->c->type == EVENT_MESSAGE_REACTION)
		write_key(b, fact(b, "message_id"));
	if (json_type(json_get(b->facts, "file")) == JSON_OBJECT)
		write_file(b, json_get(b->facts, "file"));
	else if (!json_is_null(place))
		write_place(b, place);
	else if (!json_is_null(cards))
		write_text(b, "vcard", json_str(json_first(cards)));
	else
		write_text(b, "text", fact(b, "content"));
	write_quote(b);
	json_w_close(b->w, '}');
}

/* ---- messages ---- */

/* The chosen options of a poll, joined; the words of a row that was picked. */
static struct slice
vote_of(const struct body *b)
{
	const struct json *options = json_get(b->facts, "selected_options");
	struct buf joined;

	if (!json_is_null(json_get(b->facts, "choice_id")))
		return fact(b, "content");
	buf_init(&joined, b->a, b->c->facts.n + 1);
	for (const struct json *o = json_first(options); o != NULL; o = json_next(o)) {
		if (joined.n > 0)
			buf_add_cstr(&joined, ", ");
		buf_add(&joined, json_str(o));
	}
	return buf_slice(&joined);
}

/* Of what is about another message the provider's own id comes first. */
static struct slice
id_of(const struct body *b)
{
	static const char *const own[EVENT_TYPE_COUNT] = {
		[EVENT_MESSAGE_REACTION] = "reaction_id",
		[EVENT_MESSAGE_EDITED] = "edit_id",
		[EVENT_POLL_VOTED] = "vote_id",
	};
	const char *name = own[b->c->type];

	if (name != NULL && fact(b, name).n > 0)
		return fact(b, name);
	return fact(b, "message_id");
}

static bool
is_from_me(enum event_type type, const struct json *facts)
{
	return type == EVENT_MESSAGE_SENT || fact_is(facts, "from_me");
}

static bool
is_by_api(enum event_type type, const struct json *facts)
{
	return type == EVENT_MESSAGE_SENT ||
	       slice_eq(json_str(json_get(facts, "origin")), S("api"));
}

static struct slice
chat_of(const struct json *facts)
{
	struct slice chat = json_str(json_get(facts, "chat"));

	return chat.n > 0 ? chat : json_str(json_get(facts, "to"));
}

static void
write_sender(const struct body *b, bool from_me)
{
	struct slice key = fact(b, fact(b, "participant").n > 0 ? "participant" : "from");
	struct slice jid = from_me ? own_jid(b) : dialect_jid(key, b->a);

	json_w_str(b->w, "sender", jid);
	json_w_str(b->w, "sender_pn", from_me ? jid : phone_jid(b, key));
	json_w_str(b->w, "sender_lid", from_me ? S("") : fact(b, "lid"));
	write_text(b, "senderName", from_me ? SLICE_NONE : fact(b, "push_name"));
}

/* What it is about. */
static void
write_about(const struct body *b)
{
	enum event_type type = b->c->type;
	struct slice target = fact(b, "message_id");
	struct slice quoted = json_str(json_get(json_get(b->facts, "quoted"), "message_id"));

	if (b->sent != NULL)
		quoted = dialect_bare_id(b->sent->reply_to);
	json_w_str(b->w, "quoted",
		   type == EVENT_POLL_VOTED ? target
		   : quoted.n > 0           ? quoted
					    : S(""));
	json_w_str(b->w, "edited", type == EVENT_MESSAGE_EDITED ? target : S(""));
	json_w_str(b->w, "reaction", type == EVENT_MESSAGE_REACTION ? target : S(""));
	write_text(b, "vote", vote_of(b));
	json_w_str(b->w, "convertOptions", dialect_options(&b->payload, b->a));
	json_w_str(b->w, "buttonOrListid", fact(b, "choice_id"));
}

static void
write_message(const struct body *b)
{
	const struct kind k = kind_of(b);
	bool from_me = is_from_me(b->c->type, b->facts);
	struct slice chat = chat_of(b->facts), id = id_of(b);
	bool is_group = slice_ends(chat, S("@g.us"));

	json_w_open(b->w, "message", '{');
	json_w_str(b->w, "id", dialect_full_id(b->owner, id, b->a));
	json_w_str(b->w, "messageid", id);
	write_jid(b, "chatid", chat);
	json_w_str(b->w, "chatlid", is_group ? S("") : fact(b, "lid"));
	write_sender(b, from_me);
	json_w_bool(b->w, "fromMe", from_me);
	json_w_bool(b->w, "isGroup", is_group);
	json_w_str(b->w, "groupName", S("Unknown")); /* its own word for it */
	json_w_str(b->w, "type", slice_of(k.type));
	json_w_str(b->w, "messageType", slice_of(k.message_type));
	json_w_str(b->w, "mediaType", slice_of(k.media_type));
	write_content(b, &k);
	write_text(b, "text",
		   b->sent != NULL ? dialect_text(b->sent->content, &b->payload)
				   : fact(b, "content"));
	json_w_i64(b->w, "messageTimestamp", time_ms(b));
	json_w_str(b->w, "source", S(""));
	json_w_str(b->w, "status", b->c->type == EVENT_MESSAGE_SENT ? S("Pending") : S(""));
	write_about(b);
	json_w_bool(b->w, "pinned", false);
	write_text(b, "track_source", b->payload.track_source);
	json_w_str(b->w, "track_id", fact(b, "reference"));
	json_w_bool(b->w, "wasSentByApi", is_by_api(b->c->type, b->facts));
	json_w_str(b->w, "owner", b->owner);
	json_w_close(b->w, '}');
}

static void
write_chat(const struct body *b)
{
	struct slice host, chat = chat_of(b->facts), user = slice_cut(chat, '@', &host);
	bool is_group = slice_eq(host, S("g.us"));
	struct slice name =
		is_from_me(b->c->type, b->facts) || is_group ? S("") : fact(b, "push_name");

	json_w_open(b->w, "chat", '{');
	json_w_str(b->w, "id", S(""));
	write_jid(b, "wa_chatid", chat);
	json_w_str(b->w, "wa_chatlid", is_group ? S("") : fact(b, "lid"));
	json_w_str(b->w, "wa_fastid", dialect_full_id(b->owner, user, b->a));
	json_w_str(b->w, "phone", slice_eq(host, S("c.us")) ? user : S(""));
	write_text(b, "name", name);
	write_text(b, "wa_name", name);
	json_w_str(b->w, "wa_contactName", S(""));
	json_w_bool(b->w, "wa_isGroup", is_group);
	json_w_i64(b->w, "wa_unreadCount", 0);
	json_w_i64(b->w, "wa_lastMsgTimestamp", time_ms(b));
	json_w_str(b->w, "imagePreview", S(""));
	json_w_str(b->w, "owner", b->owner);
	json_w_open(b->w, "lead_tags", '[');
	json_w_close(b->w, ']');
	json_w_open(b->w, "wa_label", '[');
	json_w_close(b->w, ']');
	json_w_close(b->w, '}');
}

static void
write_messages(const struct body *b)
{
	json_w_str(b->w, "chatSource", S("updated"));
	write_chat(b);
	write_message(b);
}

/* ---- messages_update ---- */

static const char *
state_of(enum event_type type)
{
	switch (type) {
	case EVENT_MESSAGE_DELIVERED:
		return "Delivered";
	case EVENT_MESSAGE_READ:
		return "Read";
	case EVENT_MESSAGE_PLAYED:
		return "Played";
	default:
		return "Deleted";
	}
}

static void
write_update(const struct body *b)
{
	const char *state = state_of(b->c->type);
	bool is_deleted = b->c->type == EVENT_MESSAGE_DELETED;
	struct slice chat = chat_of(b->facts), jid = dialect_jid(chat, b->a);
	bool is_group = slice_ends(chat, S("@g.us"));

	json_w_str(b->w, "type", is_deleted ? S("DeletedMessage") : S("ReadReceipt"));
	json_w_str(b->w, "state", slice_of(state));
	json_w_open(b->w, "event", '{');
	json_w_open(b->w, "MessageIDs", '[');
	json_w_str(b->w, NULL, fact(b, "message_id"));
	json_w_close(b->w, ']');
	json_w_str(b->w, "Type", slice_of(state));
	json_w_str(b->w, "Chat", jid);
	json_w_str(b->w, "chatid", jid);
	json_w_str(b->w, "chatlid", is_group ? S("") : fact(b, "lid"));
	json_w_str(b->w, "Sender", jid);
	json_w_str(b->w, "sender_pn", is_group ? S("") : phone_jid(b, chat));
	json_w_str(b->w, "sender_lid", fact(b, "lid"));
	json_w_bool(b->w, "IsFromMe", is_deleted && fact_is(b->facts, "from_me"));
	json_w_bool(b->w, "IsGroup", is_group);
	json_w_i64(b->w, "Timestamp", time_ms(b) / 1000);
	json_w_close(b->w, '}');
}

/* ---- connection ---- */

static void
write_connection(const struct body *b)
{
	char id[UUID_TEXT_SIZE];
	bool is_down = b->c->type == EVENT_INSTANCE_DISCONNECTED;

	json_w_str(b->w, "event_id", slice_of(uuid_text(b->c->event_id, id)));
	json_w_open(b->w, "instance", '{');
	json_w_str(b->w, "name", fact(b, "instance_name"));
	json_w_str(b->w, "status",
		   is_down                                  ? S("disconnected")
		   : b->c->type == EVENT_INSTANCE_CONNECTED ? S("connected")
							    : S("connecting"));
	if (is_down) {
		json_w_str(b->w, "lastDisconnect", dialect_time(b->c->occurred_at_us, b->a));
		write_text(b, "lastDisconnectReason", fact(b, "reason"));
	} else if (b->c->type == EVENT_INSTANCE_QR) {
		/* A client wants a picture; where facts hold the text to draw it asks for one. */
		json_w_str(b->w, "qrcode",
			   slice_starts(fact(b, "qr"), S("data:image/")) ? fact(b, "qr") : S(""));
	}
	json_w_close(b->w, '}');
}

/* ---- groups, presence, call ---- */

static bool
word_has(struct slice word, const char *part)
{
	struct slice p = slice_of(part);

	for (size_t i = 0; i + p.n <= word.n; i++)
		if (slice_eq_nocase(slice_sub(word, i, p.n), p))
			return true;
	return false;
}

/* The people, under the name of what happened to them; null under the others. */
static void
write_members(const struct body *b, const char *name, bool is_it)
{
	const struct json *members = json_get(b->facts, "participants");

	if (!is_it || json_count(members) == 0) {
		json_w_null(b->w, name);
		return;
	}
	json_w_open(b->w, name, '[');
	for (const struct json *m = json_first(members); m != NULL; m = json_next(m)) {
		struct slice phone = json_str(json_get(m, "phone"));

		if (phone.n > 0)
			json_w_str(
				b->w, NULL,
				slice_of(arena_printf(b->a, "%.*s@s.whatsapp.net", S_FMT(phone))));
		else
			write_jid(b, NULL, json_str(json_get(m, "id")));
	}
	json_w_close(b->w, ']');
}

static void
write_text_or_null(const struct body *b, const char *name, const char *source)
{
	if (fact(b, source).n > 0)
		write_text(b, name, fact(b, source));
	else
		json_w_null(b->w, name);
}

static void
write_group(const struct body *b)
{
	struct slice action = fact(b, "action");
	bool is_joined = b->c->type == EVENT_GROUP_JOINED;
	bool is_out = b->c->type == EVENT_GROUP_LEFT || word_has(action, "leave") ||
		      word_has(action, "remove");
	char time[CLOCK_RFC3339_SIZE];

	json_w_str(b->w, "type", is_joined ? S("JoinedGroup") : S("Group"));
	json_w_open(b->w, "event", '{');
	json_w_str(b->w, "JID", fact(b, "group_id"));
	json_w_str(b->w, "Notify", S(""));
	json_w_str(b->w, "Timestamp", slice_of(clock_rfc3339(b->c->occurred_at_us, time)));
	write_text_or_null(b, "Name", "subject");
	write_text_or_null(b, "Topic", "description");
	write_text_or_null(b, "NewInviteLink", "invite");
	write_members(b, "Join", is_joined || word_has(action, "join") || word_has(action, "add"));
	write_members(b, "Leave", is_out);
	write_members(b, "Promote", word_has(action, "promote"));
	write_members(b, "Demote", word_has(action, "demote"));
	json_w_close(b->w, '}');
}

static void
write_presence(const struct body *b)
{
	static const struct {
		const char *word, *state, *media;
	} words[] = {
		{"typing", "composing", ""},         {"composing", "composing", ""},
		{"recording", "composing", "audio"}, {"online", "available", ""},
		{"available", "available", ""},      {"offline", "unavailable", ""},
		{"unavailable", "unavailable", ""},
	};
	struct slice key = fact(b, fact(b, "participant").n > 0 ? "participant" : "chat");
	struct slice chat = fact(b, "chat"), state = fact(b, "presence"), media = S("");

	for (size_t i = 0; i < GH_COUNT(words); i++) {
		if (!slice_eq_nocase(fact(b, "presence"), slice_of(words[i].word)))
			continue;
		state = slice_of(words[i].state);
		media = slice_of(words[i].media);
	}
	json_w_str(b->w, "type", S("presence"));
	json_w_open(b->w, "event", '{');
	write_jid(b, "Chat", chat);
	write_jid(b, "chatid", chat);
	json_w_str(b->w, "chatlid", slice_ends(chat, S("@lid")) ? chat : S(""));
	write_jid(b, "Sender", key);
	json_w_str(b->w, "sender_pn", phone_jid(b, key));
	json_w_str(b->w, "sender_lid", slice_ends(key, S("@lid")) ? key : S(""));
	json_w_bool(b->w, "IsFromMe", false);
	json_w_bool(b->w, "IsGroup", slice_ends(chat, S("@g.us")));
	json_w_str(b->w, "State", state);
	json_w_str(b->w, "Media", media);
	json_w_close(b->w, '}');
}

/* Its exact form is not known (contracts/uazapi.md section 10.4): what clients probe. */
static void
write_call(const struct body *b)
{
	struct slice from = dialect_jid(fact(b, "from"), b->a);

	json_w_open(b->w, "event", '{');
	json_w_str(b->w, "From", from);
	json_w_str(b->w, "CallID", fact(b, "call_id"));
	json_w_str(b->w, "Status", fact(b, "status"));
	json_w_bool(b->w, "IsVideo", fact_is(b->facts, "is_video"));
	json_w_bool(b->w, "IsGroup", fact_is(b->facts, "is_group"));
	json_w_close(b->w, '}');
	json_w_open(b->w, "call", '{');
	json_w_str(b->w, "id", fact(b, "call_id"));
	json_w_str(b->w, "chatid", from);
	json_w_close(b->w, '}');
	json_w_open(b->w, "message", '{');
	json_w_str(b->w, "from", from);
	json_w_close(b->w, '}');
	json_w_open(b->w, "chat", '{');
	json_w_str(b->w, "wa_chatid", from);
	json_w_close(b->w, '}');
}

static void
write_test(const struct body *b)
{
	char id[UUID_TEXT_SIZE];

	json_w_str(b->w, "event_id", slice_of(uuid_text(b->c->event_id, id)));
}

/* ---- the body ---- */

typedef void write_fn(const struct body *b);

static write_fn *const writers[EVENT_TYPE_COUNT] = {
	[EVENT_MESSAGE_RECEIVED] = write_messages,
	[EVENT_MESSAGE_SENT] = write_messages,
	[EVENT_MESSAGE_EDITED] = write_messages,
	[EVENT_MESSAGE_REACTION] = write_messages,
	[EVENT_POLL_VOTED] = write_messages,
	[EVENT_MESSAGE_DELIVERED] = write_update,
	[EVENT_MESSAGE_READ] = write_update,
	[EVENT_MESSAGE_PLAYED] = write_update,
	[EVENT_MESSAGE_DELETED] = write_update,
	[EVENT_INSTANCE_CONNECTED] = write_connection,
	[EVENT_INSTANCE_DISCONNECTED] = write_connection,
	[EVENT_INSTANCE_QR] = write_connection,
	[EVENT_GROUP_JOINED] = write_group,
	[EVENT_GROUP_LEFT] = write_group,
	[EVENT_GROUP_UPDATED] = write_group,
	[EVENT_PRESENCE_UPDATED] = write_presence,
	[EVENT_CALL_RECEIVED] = write_call,
	[EVENT_WEBHOOK_TEST] = write_test,
};

static struct body
body_of(const struct delivery_claim *c, const struct json *facts, struct arena *a)
{
	struct body b = {.a = a,
			 .c = c,
			 .facts = facts,
			 .text_max = SIZE_MAX,
			 .owner = owner_of(facts, c->type, a)};

	if (!c->message.is_known)
		return b;
	b.sent = &c->message;
	if (message_payload_read(c->message.payload, a, &b.payload) != GH_OK)
		b.payload = (struct message_payload){.is_voice = false};
	return b;
}

void
render_uazapi(const struct delivery_claim *c, const struct json *facts, size_t text_max,
	      struct json_w *w, struct arena *a)
{
	struct body b = body_of(c, facts, a);

	b.w = w;
	b.text_max = text_max;
	json_w_open(w, NULL, '{');
	json_w_str(w, "BaseUrl", S(""));
	json_w_str(w, "EventType", slice_of(event_name(c->type, EVENT_FORMAT_UAZAPI)));
	json_w_str(w, "instanceName", fact(&b, "instance_name"));
	json_w_str(w, "owner", b.owner);
	json_w_str(w, "token", S(""));
	writers[c->type](&b);
	json_w_close(w, '}');
}

/* ---- what an endpoint wants ---- */

static bool
is_message(enum event_type type)
{
	return writers[type] == write_messages;
}

bool
render_uazapi_is_excluded(const struct delivery_claim *c, const struct json *facts,
			  unsigned options)
{
	bool is_group = slice_ends(chat_of(facts), S("@g.us"));
	unsigned is;

	if (!is_message(c->type))
		return false;
	is = is_by_api(c->type, facts) ? ENDPOINT_EXCLUDE_BY_API : ENDPOINT_EXCLUDE_NOT_BY_API;
	is |= is_from_me(c->type, facts) ? ENDPOINT_EXCLUDE_FROM_ME : ENDPOINT_EXCLUDE_NOT_FROM_ME;
	is |= is_group ? ENDPOINT_EXCLUDE_GROUP : ENDPOINT_EXCLUDE_NOT_GROUP;
	return (options & is) != 0;
}

struct slice
render_uazapi_suffix(const struct delivery_claim *c, const struct json *facts, unsigned options,
		     struct arena *a)
{
	const struct body b = body_of(c, facts, a);
	const char *event = "", *type = "";

	if ((options & ENDPOINT_ADD_EVENT) != 0)
		event = event_name(c->type, EVENT_FORMAT_UAZAPI);
	if ((options & ENDPOINT_ADD_TYPE) != 0 && is_message(c->type))
		type = kind_of(&b).message_type;
	return slice_of(arena_printf(a, "%s%s%s%s", event[0] != '\0' ? "/" : "", event,
				     type[0] != '\0' ? "/" : "", type));
}
