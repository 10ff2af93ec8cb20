/* uazapi_message.c - the objects of UAZAPI's "messages" event (contracts/uazapi.md section 10.2).
 *
 * Who: `sender` flips between number and hidden id, and is us in our own messages; so a person is
 * `sender_pn`, the partner of what we sent `chatid`, and the "chat" beside the message is asked
 * where these know only a hidden id.
 *
 * Tolerant by design: every key may be missing or of another type.
 */
#include "provider/uazapi_event.h"

#include "base/arena.h"
#include "base/buf.h"
#include "http/json.h"
#include "provider/uazapi.h"

/* ---- content ---- */

/* By messageType: `type` says "media" of a place, and "text" of the same place sent by us. */
static const struct {
	struct slice type;
	enum msg_kind kind;
	bool is_file;
} kinds[] = {
	{{"Conversation", 12}, MSG_TEXT, false},
	{{"ExtendedTextMessage", 19}, MSG_TEXT, false},
	{{"ImageMessage", 12}, MSG_IMAGE, true},
	{{"VideoMessage", 12}, MSG_VIDEO, true},
	{{"PtvMessage", 10}, MSG_VIDEO, true},
	{{"AudioMessage", 12}, MSG_AUDIO, true},
	{{"DocumentMessage", 15}, MSG_DOCUMENT, true},
	{{"StickerMessage", 14}, MSG_STICKER, true},
	{{"LottieStickerMessage", 20}, MSG_STICKER, true},
	{{"LocationMessage", 15}, MSG_LOCATION, false},
	{{"LiveLocationMessage", 19}, MSG_LOCATION, false},
	{{"ContactMessage", 14}, MSG_CONTACT, false},
	{{"ContactsArrayMessage", 20}, MSG_CONTACT, false},
	{{"ListResponseMessage", 19}, MSG_TEXT, false},
	{{"ButtonsResponseMessage", 22}, MSG_TEXT, false},
	{{"TemplateButtonReplyMessage", 26}, MSG_TEXT, false},
	{{"InteractiveResponseMessage", 26}, MSG_TEXT, false},
	{{"PollCreationMessage", 19}, MSG_TEXT, false},
	{{"PollCreationMessageV2", 21}, MSG_TEXT, false},
	{{"PollCreationMessageV3", 21}, MSG_TEXT, false},
	{{"PollCreationMessageV5", 21}, MSG_TEXT, false},
};

static void
read_file(const struct json *content, struct provider_file *file)
{
	/* content.URL is of an encrypted file: one that can be used comes with a call
	 * (/message/download). */
	file->is_present = true;
	file->mime_type = json_str(json_get(content, "mimetype"));
	file->name = json_str(json_get(content, "fileName"));
	file->size_bytes = translate_count(json_get(content, "fileLength"));
	file->duration_s = translate_count(json_get(content, "seconds"));
}

static void
read_place(const struct json *content, struct provider_place *place, struct arena *a)
{
	place->is_present = translate_coordinate(json_get(content, "degreesLatitude"), 90, a,
						 &place->latitude) &&
			    translate_coordinate(json_get(content, "degreesLongitude"), 180, a,
						 &place->longitude);
	place->name = json_str(json_get(content, "name"));
	place->address = json_str(json_get(content, "address"));
}

/* One in content, or several in content.contacts. */
static void
read_vcards(const struct json *content, struct provider_fact *f, struct arena *a)
{
	const struct json *list = json_get(content, "contacts");
	size_t n = json_type(list) == JSON_ARRAY ? json_count(list) : 0;
	struct slice *cards = arena_alloc_array(a, n + 1, sizeof(*cards));
	struct slice card = json_str(json_get(content, "vcard"));

	if (card.n > 0)
		cards[f->vcard_count++] = card;
	for (const struct json *c = json_first(list); c != NULL && n > 0; c = json_next(c), n--) {
		card = json_str(json_get(c, "vcard"));
		if (card.n > 0)
			cards[f->vcard_count++] = card;
	}
	f->vcards = cards;
}

static void
read_quoted(const struct json *message, struct provider_fact *f)
{
	static const char *const ids[] = {
		"quoted",
		"quoted.messageid",
		"quoted.id",
		"content.contextInfo.stanzaID",
		"content.contextInfo.stanzaId",
	};
	static const char *const texts[] = {
		"quoted.text",
		"content.contextInfo.quotedMessage.conversation",
		"content.contextInfo.quotedMessage.extendedTextMessage.text",
	};
	struct slice id = translate_first_str(message, ids, GH_COUNT(ids));

	if (id.n == 0)
		return;
	f->quoted_id = uazapi_bare_id(id);
	f->quoted_text = translate_first_str(message, texts, GH_COUNT(texts));
}

/* `text` holds what a person would read; older builds leave it to content. */
static struct slice
message_text(const struct json *message)
{
	static const char *const paths[] = {"text", "content", "content.text", "content.caption"};
	struct slice text = translate_first_str(message, paths, GH_COUNT(paths));

	return text.p != NULL ? text : json_str(json_get(message, "text"));
}

static void
read_content(const struct json *message, struct provider_fact *f, struct arena *a)
{
	static const char *const choices[] = {"buttonOrListid"};
	const struct json *content = json_get(message, "content");
	struct slice type = json_str(json_get(message, "messageType"));
	bool is_known = false;

	f->text = message_text(message);
	read_quoted(message, f);
	f->choice_id = translate_first_str(message, choices, GH_COUNT(choices));
	if (f->choice_id.n > 0 && f->text.n == 0)
		f->text = json_str(json_get(message, "vote"));
	for (size_t i = 0; i < GH_COUNT(kinds); i++) {
		if (!slice_eq(type, kinds[i].type))
			continue;
		is_known = true;
		f->message_kind = kinds[i].kind;
		if (kinds[i].is_file)
			read_file(content, &f->file);
	}
	if (f->message_kind == MSG_LOCATION)
		read_place(content, &f->place, a);
	if (f->message_kind == MSG_CONTACT)
		read_vcards(content, f, a);
	if (!is_known && slice_eq(json_str(json_get(message, "type")), S("text")) && f->text.n > 0)
		f->message_kind = MSG_TEXT;
}

/* ---- who and where ---- */

/* Of any form: "+55 11 90000-0002", digits, an id. */
static struct slice
phone_of(struct slice text, struct arena *a)
{
	struct slice phone = translate_phone(text, a);
	struct buf digits;

	if (phone.n > 0 || slice_index(text, '@') >= 0)
		return phone;
	buf_init(&digits, a, text.n + 1);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= '0' && text.p[i] <= '9')
			buf_add(&digits, slice_sub(text, i, 1));
	return translate_phone(buf_slice(&digits), a);
}

static struct slice
first_phone(const struct slice *ids, size_t count, struct arena *a)
{
	for (size_t i = 0; i < count; i++) {
		struct slice phone = phone_of(ids[i], a);

		if (phone.n > 0)
			return phone;
	}
	return SLICE_NONE;
}

static struct slice
first_lid(const struct slice *ids, size_t count, struct arena *a)
{
	for (size_t i = 0; i < count; i++)
		if (slice_ends(ids[i], S("@lid")))
			return translate_chat_key(ids[i], a);
	return SLICE_NONE;
}

/* By number, else by hidden id, else as it was written. */
static struct slice
person_key(const struct provider_fact *f, struct slice text, struct arena *a)
{
	if (f->phone.n > 0)
		return translate_chat_key(f->phone, a);
	return f->lid.n > 0 ? f->lid : translate_chat_key(text, a);
}

/* A conversation with one person: who it is. */
static void
read_partner(const struct json *message, const struct json *chat, struct provider_fact *f,
	     struct arena *a)
{
	struct slice chatid = json_str(json_get(message, "chatid"));
	struct slice sender = json_str(json_get(message, "sender"));
	struct slice of_chat[] = {chatid, json_str(json_get(message, "chatlid")),
				  json_str(json_get(chat, "wa_chatid")),
				  json_str(json_get(chat, "wa_chatlid")),
				  json_str(json_get(chat, "phone"))};
	struct slice of_sender[] = {json_str(json_get(message, "sender_pn")),
				    json_str(json_get(message, "sender_lid")), sender};

	/* In what we sent, the sender is us. */
	if (!f->is_from_me) {
		f->phone = first_phone(of_sender, GH_COUNT(of_sender), a);
		f->lid = first_lid(of_sender, GH_COUNT(of_sender), a);
	}
	if (f->phone.n == 0)
		f->phone = first_phone(of_chat, GH_COUNT(of_chat), a);
	if (f->lid.n == 0)
		f->lid = first_lid(of_chat, GH_COUNT(of_chat), a);
	f->chat = person_key(f, chatid.n > 0 ? chatid : sender, a);
}

/* A group, or a list that many see: who wrote. */
static void
read_author(const struct json *message, struct provider_fact *f, struct arena *a)
{
	struct slice ids[] = {json_str(json_get(message, "sender_pn")),
			      json_str(json_get(message, "sender_lid")),
			      json_str(json_get(message, "sender"))};

	f->phone = first_phone(ids, GH_COUNT(ids), a);
	f->lid = first_lid(ids, GH_COUNT(ids), a);
	f->participant = person_key(f, ids[2], a);
}

static bool
is_of_many(struct slice chatid)
{
	return slice_ends(chatid, S("@g.us")) || slice_ends(chatid, S("@newsletter")) ||
	       slice_ends(chatid, S("@broadcast"));
}

static void
read_frame(const struct json *message, const struct json *chat, struct provider_fact *f,
	   struct arena *a)
{
	struct slice chatid = json_str(json_get(message, "chatid"));
	struct slice owner =
		translate_chat_key(phone_of(json_str(json_get(message, "owner")), a), a);

	f->full_id = json_str(json_get(message, "id"));
	f->external_id = uazapi_message_id(message);
	if (f->external_id.n == 0)
		f->external_id = SLICE_NONE;
	f->is_from_me = uazapi_flag(json_get(message, "fromMe"));
	f->is_from_api = f->is_from_me && uazapi_flag(json_get(message, "wasSentByApi"));
	f->is_group = slice_ends(chatid, S("@g.us")) || uazapi_flag(json_get(message, "isGroup"));
	if (f->is_group || is_of_many(chatid)) {
		f->chat = translate_chat_key(chatid, a);
		read_author(message, f, a);
	} else {
		read_partner(message, chat, f, a);
	}
	f->from = f->is_from_me ? owner : f->chat;
	f->to = f->is_from_me ? f->chat : owner;
	if (!f->is_from_me)
		f->push_name = json_str(json_get(message, "senderName"));
	f->at_us = translate_time(json_get(message, "messageTimestamp"));
}

/* ---- what it is ---- */

static size_t
index_of(struct slice s, struct slice part)
{
	size_t at = 0;

	while (at < s.n && !slice_starts(slice_from(s, at), part))
		at++;
	return at;
}

/* "Morning, Afternoon" as a list. An option that holds ", " itself cannot be told from two. */
static struct slice
poll_choices(struct slice vote, struct arena *a)
{
	const struct slice sep = S(", ");
	struct json_w w;
	struct buf b;

	buf_init(&b, a, vote.n * 6 + 64);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '[');
	while (vote.n > 0) {
		size_t n = index_of(vote, sep);

		json_w_str(&w, NULL, slice_sub(vote, 0, n));
		vote = slice_from(vote, n + sep.n);
	}
	json_w_close(&w, ']');
	return buf_slice(&b);
}

static void
read_reaction(const struct json *message, struct provider_fact *f)
{
	static const char *const targets[] = {"reaction", "content.key.ID", "content.key.id"};

	f->kind = PROVIDER_FACT_REACTION;
	f->message_kind = MSG_REACTION;
	f->text = json_str(json_get(message, "text"));
	f->target_id = uazapi_bare_id(translate_first_str(message, targets, GH_COUNT(targets)));
}

/* An own message's reference, where it is one: a foreign program's track_id may be anything. */
static void
read_own(const struct json *message, struct provider_fact *f)
{
	struct slice ref = json_str(json_get(message, "track_id"));

	f->has_status = uazapi_status(json_str(json_get(message, "status")), &f->status);
	if (f->is_from_api && ref.n > 0 && ref.n < PROVIDER_SEND_REF_SIZE)
		f->send_ref = ref;
}

void
uazapi_read_hook_message(const struct json *message, const struct json *chat,
			 struct provider_fact *f, struct arena *a)
{
	struct slice type = json_str(json_get(message, "messageType"));
	struct slice edited = json_str(json_get(message, "edited"));

	read_frame(message, chat, f, a);
	if (f->is_from_me)
		read_own(message, f);
	if (slice_eq(type, S("ReactionMessage"))) {
		read_reaction(message, f);
		return;
	}
	if (slice_eq(type, S("PollUpdateMessage"))) {
		f->kind = PROVIDER_FACT_POLL;
		f->word = S("vote");
		read_quoted(message, f);
		f->target_id = f->quoted_id;
		f->text = poll_choices(json_str(json_get(message, "vote")), a);
		return;
	}
	f->kind = edited.n > 0 ? PROVIDER_FACT_EDITED : PROVIDER_FACT_MESSAGE;
	if (edited.n > 0)
		f->target_id = uazapi_bare_id(edited);
	read_content(message, f, a);
}
