/* waha_message.c - WAHA's objects that describe a message, of any engine: ids, times, acks,
 * content, people (contracts/waha.md sections 3, 5.1, 11-13).
 *
 * Tolerant by design: every key may be missing or of another type.
 */
#include "provider/waha_event.h"

#include <limits.h>

#include "base/arena.h"
#include "http/json.h"

/* ---- ids ---- */

#define ID_PARTS_MAX 4

struct waha_id
waha_id_split(struct slice text)
{
	struct waha_id id = {.full = text, .bare = text};
	struct slice part[ID_PARTS_MAX], rest = text;
	size_t n = 0;

	while (rest.p != NULL && n < ID_PARTS_MAX)
		part[n++] = slice_cut(rest, '_', &rest);
	if (rest.p != NULL || n < 3)
		return id;
	if (!slice_eq(part[0], S("true")) && !slice_eq(part[0], S("false")))
		return id;
	id.has_from_me = true;
	id.is_from_me = slice_eq(part[0], S("true"));
	id.chat = part[1];
	id.bare = part[2];
	if (n == 4)
		id.participant = part[3];
	return id;
}

/* The library forms keep the parts side by side: {fromMe, remote|remoteJid, id, participant}. */
static struct waha_id
id_from_key(const struct json *key, const char *chat_name)
{
	struct waha_id id = {
		.bare = json_str(json_get(key, "id")),
		.chat = json_str(json_get(key, chat_name)),
		.participant = json_str(json_get(key, "participant")),
	};

	id.has_from_me = json_type(json_get(key, "fromMe")) == JSON_BOOL;
	id.is_from_me = json_bool(json_get(key, "fromMe"), false);
	return id;
}

/* The order of section 5.1; a missing _serialized is tolerated (quirk 12). */
bool
waha_id_read(const struct json *message, struct waha_id *out)
{
	static const struct {
		const char *path, *chat_name;
	} keys[] = {
		{"id", "remote"},
		{"key", "remoteJid"},
		{"_data.id", "remote"},
		{"_data.key", "remoteJid"},
	};
	struct slice text = json_str(json_get(message, "id"));

	if (text.n == 0)
		text = json_str(json_path(message, "id._serialized"));
	if (text.n > 0) {
		*out = waha_id_split(text);
		return true;
	}
	for (size_t i = 0; i < GH_COUNT(keys); i++) {
		*out = id_from_key(json_path(message, keys[i].path), keys[i].chat_name);
		if (out->bare.n > 0)
			return true;
	}
	*out = (struct waha_id){.bare = json_str(json_path(message, "_data.Info.ID"))};
	return out->bare.n > 0;
}

/* ---- statuses: section 12 and 4.1 ---- */

static const struct {
	int ack;
	struct slice name;
	bool has_status;
	enum msg_status status;
} acks[] = {
	{-1, {"ERROR", 5}, true, MSG_FAILED}, {0, {"PENDING", 7}, false, MSG_SENT},
	{1, {"SERVER", 6}, true, MSG_SENT},   {2, {"DEVICE", 6}, true, MSG_DELIVERED},
	{3, {"READ", 4}, true, MSG_READ},     {4, {"PLAYED", 6}, true, MSG_PLAYED},
};

bool
waha_ack_read(const struct json *message, int *ack, enum msg_status *status)
{
	const struct json *number = json_get(message, "ack");
	struct slice name = json_str(json_get(message, "ackName"));
	bool has_number = json_type(number) == JSON_INT || json_type(number) == JSON_DOUBLE;

	*ack = INT_MIN;
	for (size_t i = 0; i < GH_COUNT(acks); i++) {
		if (has_number ? json_i64(number, INT_MIN) != acks[i].ack
			       : !slice_eq(name, acks[i].name))
			continue;
		*ack = acks[i].ack;
		*status = acks[i].status;
		return acks[i].has_status;
	}
	return false;
}

enum provider_session
waha_session_state(struct slice word)
{
	static const struct {
		struct slice word;
		enum provider_session state;
	} states[] = {
		{{"WORKING", 7}, PROVIDER_SESSION_CONNECTED},
		/* Also "connection lost, coming back": never a disconnection. */
		{{"STARTING", 8}, PROVIDER_SESSION_CONNECTING},
		{{"SCAN_QR_CODE", 12}, PROVIDER_SESSION_QR},
		{{"PASSKEY_REQUIRED", 16}, PROVIDER_SESSION_QR},
		{{"PASSKEY_CONFIRMATION_REQUIRED", 29}, PROVIDER_SESSION_QR},
		{{"STOPPED", 7}, PROVIDER_SESSION_DISCONNECTED},
		{{"FAILED", 6}, PROVIDER_SESSION_FAILED},
	};

	for (size_t i = 0; i < GH_COUNT(states); i++)
		if (slice_eq(word, states[i].word))
			return states[i].state;
	return PROVIDER_SESSION_UNKNOWN;
}

/* ---- content of a message: section 11 ---- */

/* The WhatsApp message inside _data, out of its wrappers: one member names the kind.
 * NOWEB and GOWS spell the members alike. */
static const struct json *
inner_message(const struct json *payload)
{
	static const char *const wrappers[] = {
		"ephemeralMessage",           "viewOnceMessage",
		"viewOnceMessageV2",          "viewOnceMessageV2Extension",
		"documentWithCaptionMessage", "deviceSentMessage",
	};
	const struct json *m = json_path(payload, "_data.message");
	size_t i = 0;

	if (m == NULL)
		m = json_path(payload, "_data.Message");
	/* Every step goes one level down a document of bounded depth, so this ends. */
	while (i < GH_COUNT(wrappers)) {
		const struct json *inner = json_get(json_get(m, wrappers[i]), "message");

		if (inner == NULL) {
			i++;
			continue;
		}
		m = inner;
		i = 0;
	}
	return m;
}

static const struct {
	const char *member;
	enum msg_kind kind;
} inner_kinds[] = {
	{"imageMessage", MSG_IMAGE},
	{"videoMessage", MSG_VIDEO},
	{"ptvMessage", MSG_VIDEO},
	{"audioMessage", MSG_AUDIO},
	{"documentMessage", MSG_DOCUMENT},
	{"stickerMessage", MSG_STICKER},
	{"lottieStickerMessage", MSG_STICKER},
	{"locationMessage", MSG_LOCATION},
	{"liveLocationMessage", MSG_LOCATION},
	{"contactMessage", MSG_CONTACT},
	{"contactsArrayMessage", MSG_CONTACT},
	{"listResponseMessage", MSG_TEXT},
	{"buttonsResponseMessage", MSG_TEXT},
	{"templateButtonReplyMessage", MSG_TEXT},
	{"interactiveResponseMessage", MSG_TEXT},
	{"extendedTextMessage", MSG_TEXT},
	{"conversation", MSG_TEXT},
};

/* WEBJS says it in one word. */
static const struct {
	struct slice word;
	enum msg_kind kind;
} library_types[] = {
	{{"image", 5}, MSG_IMAGE},
	{{"video", 5}, MSG_VIDEO},
	{{"ptt", 3}, MSG_AUDIO},
	{{"audio", 5}, MSG_AUDIO},
	{{"document", 8}, MSG_DOCUMENT},
	{{"sticker", 7}, MSG_STICKER},
	{{"location", 8}, MSG_LOCATION},
	{{"vcard", 5}, MSG_CONTACT},
	{{"multi_vcard", 11}, MSG_CONTACT},
};

static bool
kind_from_data(const struct json *payload, const struct json *inner, enum msg_kind *kind,
	       const struct json **node)
{
	struct slice type = json_str(json_path(payload, "_data.type"));

	for (size_t i = 0; i < GH_COUNT(inner_kinds); i++) {
		const struct json *v = json_get(inner, inner_kinds[i].member);

		if (json_is_null(v))
			continue;
		*kind = inner_kinds[i].kind;
		*node = v;
		return true;
	}
	for (size_t i = 0; i < GH_COUNT(library_types); i++) {
		if (!slice_eq(type, library_types[i].word))
			continue;
		*kind = library_types[i].kind;
		*node = json_get(payload, "_data");
		return true;
	}
	return false;
}

static enum msg_kind
kind_from_mime(const struct provider_file *file, struct slice caption)
{
	if (file->name.n > 0)
		return MSG_DOCUMENT; /* only documents carry a file name */
	if (slice_starts(file->mime_type, S("image/webp")) && caption.n == 0)
		return MSG_STICKER;
	if (slice_starts(file->mime_type, S("image/")))
		return MSG_IMAGE;
	if (slice_starts(file->mime_type, S("video/")))
		return MSG_VIDEO;
	if (slice_starts(file->mime_type, S("audio/")))
		return MSG_AUDIO;
	return MSG_DOCUMENT;
}

/* Its words, or an object around them (the engine's exception, the answer to a file that is gone):
 * the first words inside, never the whole, which names files and holds a stack. */
static struct slice
media_error(const struct json *error)
{
	static const char *const words[] = {"message", "details", "error.message", "error.details",
					    "error",   "key",     "error.key",     "name"};
	struct slice told = json_str(error);

	if (json_is_null(error) || (json_type(error) == JSON_BOOL && !json_bool(error, false)))
		return SLICE_NONE;
	if (told.p == NULL)
		told = translate_first_str(error, words, GH_COUNT(words));
	return told.p != NULL ? told : S("unknown");
}

static void
read_file(const struct json *payload, const struct json *node, struct provider_file *file)
{
	const struct json *media = json_get(payload, "media");
	const struct json *size = json_get(node, "fileLength");

	file->is_present =
		json_bool(json_get(payload, "hasMedia"), false) || json_type(media) == JSON_OBJECT;
	file->url = json_str(json_get(media, "url"));
	if (file->url.n == 0)
		file->url = json_str(json_get(payload, "mediaUrl"));
	file->mime_type = json_str(json_get(media, "mimetype"));
	if (file->mime_type.n == 0)
		file->mime_type = json_str(json_get(node, "mimetype"));
	file->name = json_str(json_get(media, "filename"));
	if (file->name.n == 0)
		file->name = json_str(json_get(node, "fileName"));
	file->error = media_error(json_get(media, "error"));
	file->size_bytes = translate_count(size != NULL ? size : json_get(node, "size"));
	file->duration_s = translate_count(json_get(node, "seconds"));
	if (file->duration_s < 0)
		file->duration_s = translate_count(json_get(node, "duration"));
}

static void
read_place(const struct json *payload, struct provider_place *place, struct arena *a)
{
	const struct json *location = json_get(payload, "location");

	if (json_type(location) != JSON_OBJECT)
		return;
	place->is_present =
		translate_coordinate(json_get(location, "latitude"), 90, a, &place->latitude) &&
		translate_coordinate(json_get(location, "longitude"), 180, a, &place->longitude);
	place->name = json_str(json_get(location, "name"));
	place->address = json_str(json_get(location, "address"));
}

static void
read_vcards(const struct json *payload, struct provider_fact *f, struct arena *a)
{
	const struct json *list = json_get(payload, "vCards");
	size_t n = json_count(list);
	struct slice *cards;

	if (json_type(list) != JSON_ARRAY || n == 0)
		return;
	cards = arena_alloc_array(a, n, sizeof(*cards));
	for (const struct json *v = json_first(list); v != NULL; v = json_next(v))
		if (json_str(v).n > 0 && f->vcard_count < n)
			cards[f->vcard_count++] = json_str(v);
	f->vcards = cards;
}

/* What was picked from a list or buttons: NOWEB's spelling, then that of GOWS. */
static const struct {
	const char *member;
	const char *id[2], *text[2];
} choices[] = {
	{"listResponseMessage",
	 {"singleSelectReply.selectedRowId", "singleSelectReply.selectedRowID"},
	 {"title", "description"}},
	{"buttonsResponseMessage",
	 {"selectedButtonId", "selectedButtonID"},
	 {"selectedDisplayText", "Response.SelectedDisplayText"}},
	{"templateButtonReplyMessage",
	 {"selectedId", "selectedID"},
	 {"selectedDisplayText", "selectedDisplayText"}},
	{"interactiveResponseMessage", {"id", "id"}, {"body.text", "body.text"}},
};

/* The newest buttons answer with JSON inside a text. */
static struct slice
native_flow_id(const struct json *node, struct arena *a)
{
	static const char *const paths[] = {
		"nativeFlowResponseMessage.paramsJson",
		"InteractiveResponseMessage.NativeFlowResponseMessage.paramsJSON",
	};
	struct slice text = translate_first_str(node, paths, GH_COUNT(paths));
	const struct json *params = NULL;

	if (text.n == 0 || json_parse(text, a, &params, NULL, NULL) != GH_OK)
		return SLICE_NONE;
	return json_str(json_get(params, "id"));
}

/* Its words and the menu it answers are told by body and replyTo too, where the engine has them. */
static void
read_choice(const struct json *payload, const struct json *inner, struct provider_fact *f,
	    struct arena *a)
{
	static const char *const webjs[] = {"_data.listResponse.singleSelectReply.selectedRowId",
					    "_data.selectedButtonId", "_data.selectedId"};
	static const char *const menus[] = {"contextInfo.stanzaId", "contextInfo.stanzaID"};

	for (size_t i = 0; i < GH_COUNT(choices); i++) {
		const struct json *node = json_get(inner, choices[i].member);

		if (json_is_null(node))
			continue;
		f->choice_id = translate_first_str(node, choices[i].id, GH_COUNT(choices[i].id));
		if (f->choice_id.n == 0)
			f->choice_id = native_flow_id(node, a);
		if (f->text.n == 0)
			f->text = translate_first_str(node, choices[i].text,
						      GH_COUNT(choices[i].text));
		if (f->quoted_id.n == 0)
			f->quoted_id = translate_first_str(node, menus, GH_COUNT(menus));
		return;
	}
	f->choice_id = translate_first_str(payload, webjs, GH_COUNT(webjs));
}

void
waha_read_content(const struct json *payload, struct provider_fact *f, struct arena *a)
{
	const struct json *node = NULL;
	const struct json *inner = inner_message(payload);
	bool is_known = kind_from_data(payload, inner, &f->message_kind, &node);

	f->text = json_str(json_get(payload, "body"));
	read_file(payload, node, &f->file);
	read_place(payload, &f->place, a);
	read_vcards(payload, f, a);
	f->quoted_text = json_str(json_path(payload, "replyTo.body"));
	f->quoted_id = waha_id_split(json_str(json_path(payload, "replyTo.id"))).bare;
	read_choice(payload, inner, f, a);
	if (is_known)
		return;
	if (f->file.is_present && f->file.mime_type.n > 0)
		f->message_kind = kind_from_mime(&f->file, f->text);
	else if (!json_is_null(json_get(payload, "location")))
		f->message_kind = MSG_LOCATION;
	else if (json_count(json_get(payload, "vCards")) > 0)
		f->message_kind = MSG_CONTACT;
	else if (f->text.n > 0 && !f->file.is_present)
		f->message_kind = MSG_TEXT;
	else
		f->message_kind = MSG_UNSUPPORTED;
}

/* ---- who and where: section 13 ---- */

/* The same person under the other kind of id, where the engine tells it. */
static struct slice
alternative_id(const struct json *payload, const struct provider_fact *f)
{
	static const char *const sender[] = {
		"_data.key.participantAlt",
		"_data.key.participantPn",
		"_data.key.participantLid",
		"_data.Info.SenderAlt",
	};
	static const char *const other[] = {
		"_data.key.remoteJidAlt",
		"_data.key.senderPn",
		"_data.key.senderLid",
	};
	struct slice alt;

	if (f->is_group)
		return translate_first_str(payload, sender, GH_COUNT(sender));
	alt = translate_first_str(payload, other, GH_COUNT(other));
	if (alt.n > 0)
		return alt;
	return json_str(json_path(payload, f->is_from_me ? "_data.Info.RecipientAlt"
							 : "_data.Info.SenderAlt"));
}

static void
read_person(const struct json *payload, struct provider_fact *f, struct arena *a)
{
	static const char *const names[] = {"_data.Info.PushName", "_data.pushName",
					    "_data.notifyName"};
	struct slice ids[] = {f->is_group ? f->participant : f->chat, alternative_id(payload, f)};
	struct provider_chat person;

	for (size_t i = 0; i < GH_COUNT(ids); i++) {
		if (ids[i].n == 0 || provider_chat_parse(ids[i], a, &person) != GH_OK)
			continue;
		if (person.kind == PROVIDER_CHAT_LID && f->lid.n == 0)
			f->lid = person.key;
		else if (person.kind == PROVIDER_CHAT_PERSON && f->phone.n == 0)
			f->phone = person.user;
	}
	if (!f->is_from_me)
		f->push_name = translate_first_str(payload, names, GH_COUNT(names));
}

/* Ids, direction and people of anything that has a message's frame. The chat part of
 * the id is the one place where all engines agree on what the conversation is. */
void
waha_read_frame(const struct json *payload, struct provider_fact *f, struct arena *a)
{
	struct slice from = json_str(json_get(payload, "from"));
	struct slice to = json_str(json_get(payload, "to"));
	struct slice participant = json_str(json_get(payload, "participant"));
	struct waha_id id = {0};
	int64_t at_us;

	if (waha_id_read(payload, &id)) {
		f->external_id = id.bare;
		f->full_id = id.full;
	}
	f->is_from_me = json_bool(json_get(payload, "fromMe"), id.has_from_me && id.is_from_me);
	f->is_from_api = f->is_from_me && slice_eq(json_str(json_get(payload, "source")), S("api"));
	f->chat = translate_chat_key(id.chat.n > 0               ? id.chat
				     : f->is_from_me && to.n > 0 ? to
								 : from,
				     a);
	f->from = translate_chat_key(from, a);
	f->to = translate_chat_key(to, a);
	f->is_group = slice_ends(f->chat, S("@g.us"));
	if (participant.n == 0)
		participant = id.participant;
	if (participant.n == 0 && f->is_group)
		participant = json_str(json_get(payload, "author"));
	f->participant = translate_chat_key(participant, a);
	at_us = translate_time(json_get(payload, "timestamp"));
	if (at_us != 0)
		f->at_us = at_us;
	read_person(payload, f, a);
}
