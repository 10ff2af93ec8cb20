/* uazapi_chat.c - ids of people and chats (3), contacts (16.1), chats (16.2). */
#include "uazapi.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "http/server.h"
#include "loop/loop.h"

#define PAGE_MAX 1000

/* ---- ids (3) ---- */

bool
uz_is_group(struct slice jid)
{
	return slice_ends(jid, S("@g.us"));
}

struct slice
uz_lid_of(struct slice jid, struct arena *a)
{
	struct slice host;
	struct slice user = slice_cut(jid, '@', &host);

	return slice_eq(host, S("s.whatsapp.net"))
		       ? slice_of(arena_printf(a, "2%.*s@lid", S_FMT(user)))
		       : SLICE_NONE;
}

static bool
is_digits(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* A hidden id of ours says whose it is. */
struct slice
uz_jid_of(struct slice number, struct arena *a)
{
	static const char *const hosts[] = {"s.whatsapp.net", "g.us", "newsletter"};
	struct slice host;
	struct slice user = slice_cut(slice_trim(number), '@', &host);

	if (slice_starts(user, S("+")))
		user = slice_from(user, 1);
	if (number.n >= UZ_JID_SIZE / 2 ||
	    (!is_digits(user) && !(slice_eq(host, S("g.us")) && user.n > 0)))
		return SLICE_NONE;
	if (host.p == NULL)
		return user.n >= 7 && user.n <= 20
			       ? slice_of(arena_printf(a, "%.*s@s.whatsapp.net", S_FMT(user)))
			       : SLICE_NONE;
	if (slice_eq(host, S("lid")))
		return slice_starts(user, S("2")) && user.n > 8
			       ? slice_of(arena_printf(a, "%.*s@s.whatsapp.net",
						       S_FMT(slice_from(user, 1))))
			       : SLICE_NONE;
	for (size_t i = 0; i < GH_COUNT(hosts); i++)
		if (slice_eq(host, slice_of(hosts[i])))
			return slice_of(arena_printf(a, "%.*s@%s", S_FMT(user), hosts[i]));
	return SLICE_NONE;
}

/* ---- the book of chats ---- */

struct uz_chat *
uz_chat_find(const struct uz_instance *i, struct slice id)
{
	return map_get(i->chats, id);
}

struct uz_chat *
uz_chat_of(struct uz_instance *i, struct slice id)
{
	struct uz_chat *c = uz_chat_find(i, id);

	if (c == NULL) {
		c = gh_alloc(sizeof(*c));
		c->inst = i;
		uz_set(c->id, sizeof(c->id), id);
		map_put(i->chats, slice_of(c->id), c);
	}
	return c;
}

struct slice
uz_name_of(const struct uz_instance *i, struct slice jid)
{
	const struct uz_chat *c = uz_chat_find(i, jid);

	return c != NULL && c->contact_name[0] != '\0' ? slice_of(c->contact_name) : S(UZ_PERSON);
}

void
uz_chat_free(struct uz_chat *c)
{
	uz_receipts_drop(c);
	gh_free(c);
}

static struct slice
user_of(struct slice id)
{
	struct slice host;

	return slice_cut(id, '@', &host);
}

void
uz_chat_write_brief(const struct uz_instance *i, struct slice id, struct json_w *w)
{
	const struct uz_chat *c = uz_chat_find(i, id);
	struct arena *a = arena_new(0);
	struct slice user = user_of(id), lid = uz_lid_of(id, a);
	struct slice name = slice_of(c != NULL ? c->contact_name : "");

	json_w_str(w, "id", slice_of(arena_printf(a, "r%.14s", i->id + 1)));
	json_w_str(w, "wa_chatid", id);
	if (!i->u->opt.is_old_build)
		json_w_str(w, "wa_chatlid", lid.n > 0 ? lid : S(""));
	json_w_str(w, "wa_fastid", slice_of(arena_printf(a, "%s:%.*s", i->owner, S_FMT(user))));
	json_w_str(w, "phone",
		   uz_is_group(id) ? S("") : slice_of(arena_printf(a, "+%.*s", S_FMT(user))));
	json_w_str(w, "name", name);
	json_w_str(w, "wa_name", S("Rui"));
	json_w_str(w, "wa_contactName", name);
	json_w_bool(w, "wa_isGroup", uz_is_group(id));
	json_w_i64(w, "wa_unreadCount", c != NULL ? c->unread : 0);
	json_w_i64(w, "wa_lastMsgTimestamp", c != NULL ? c->last_ms : 0);
	json_w_str(w, "imagePreview", S(""));
	json_w_str(w, "owner", slice_of(i->owner));
	json_w_open(w, "lead_tags", '[');
	json_w_close(w, ']');
	json_w_open(w, "wa_label", '[');
	json_w_close(w, ']');
	arena_free(a);
}

/* ---- calls ---- */

/* The id of number or phone; answers 400 itself. */
static struct slice
jid_of_call(struct uz_call *c, const char *field)
{
	struct slice jid = uz_jid_of(json_str(json_get(c->body, field)), c->req->a);

	if (jid.p == NULL)
		uz_refuse(c, 400, "Could not parse phone");
	return jid;
}

/* (6) As captured: jid is who WhatsApp knows, which may lack a digit of the query. */
static bool
check_write(struct uz_call *c, struct slice number)
{
	struct slice jid = uz_jid_of(number, c->req->a), real;
	enum people_answer answer = people_check(user_of(jid), c->req->a, &real);
	struct json_w *w = &c->w;

	if (answer == PEOPLE_FAILS)
		return false;
	json_w_open(w, NULL, '{');
	json_w_str(w, "query", number);
	if (jid.p == NULL || answer == PEOPLE_NOBODY) {
		json_w_str(w, "jid", S(""));
		json_w_bool(w, "isInWhatsapp", false);
		json_w_str(w, "verifiedName", S(""));
		json_w_str(w, "error",
			   slice_of(arena_printf(c->req->a, "%.*s is not on WhatsApp",
						 S_FMT(number))));
	} else {
		if (!uz_is_group(jid))
			jid = slice_of(arena_printf(c->req->a, "%.*s@s.whatsapp.net", S_FMT(real)));
		json_w_str(w, "jid", jid);
		if (!c->u->opt.is_old_build && !uz_is_group(jid))
			json_w_str(w, "lid", uz_lid_of(jid, c->req->a));
		json_w_bool(w, "isInWhatsapp", true);
		json_w_str(w, "verifiedName", S(""));
	}
	json_w_close(w, '}');
	return true;
}

static void
call_check(struct uz_call *c)
{
	uz_answer(c, '[');
	for (const struct json *v = json_first(json_get(c->body, "numbers")); v != NULL;
	     v = json_next(v))
		if (json_type(v) != JSON_STRING || !check_write(c, json_str(v))) {
			if (json_type(v) != JSON_STRING)
				uz_refuse(c, 400, "invalid payload");
			else
				uz_refuse(c, 500, "Internal server error");
			return;
		}
	uz_answer_end(c, ']');
}

static void
chat_write(struct uz_call *c, const struct uz_chat *k, struct json_w *w)
{
	uz_chat_write_brief(c->inst, slice_of(k->id), w);
	json_w_bool(w, "wa_archived", k->is_archived);
	json_w_bool(w, "wa_isBlocked", k->is_blocked);
	json_w_bool(w, "wa_isPinned", k->is_pinned);
	json_w_i64(w, "wa_muteEndTime", k->mute);
}

/* Pictures: none of numbers of area 5500, who hide it. */
static void
call_details(struct uz_call *c)
{
	bool is_preview = json_bool(json_get(c->body, "preview"), false);
	struct slice jid = jid_of_call(c, "number");
	const struct uz_chat *k;
	struct uz_chat nobody = {.inst = c->inst};
	struct json_w *w;

	if (jid.p == NULL)
		return;
	uz_set(nobody.id, sizeof(nobody.id), jid);
	k = uz_chat_find(c->inst, jid);
	w = uz_answer(c, '{');
	chat_write(c, k != NULL ? k : &nobody, w);
	if (slice_starts(jid, S("5500")))
		json_w_str(w, "image", S(""));
	else if (!is_preview)
		json_w_str(w, "image",
			   slice_of(arena_printf(c->req->a, "https://pps.whatsapp.net/%.*s.jpg",
						 S_FMT(user_of(jid)))));
	uz_answer_end(c, '}');
}

/* ---- contacts (16.1) ---- */

static void
contact_write(const struct uz_chat *k, const char *name_key, struct json_w *w)
{
	struct slice rest;

	json_w_open(w, NULL, '{');
	json_w_str(w, "jid", slice_of(k->id));
	json_w_str(w, name_key, slice_of(k->contact_name));
	json_w_str(w, "contact_FirstName", slice_cut(slice_of(k->contact_name), ' ', &rest));
	json_w_close(w, '}');
}

struct uz_page
uz_page_of(const struct uz_call *c, int64_t size)
{
	int64_t number = json_i64(json_get(c->body, "page"), 1);
	int64_t limit = json_i64(json_get(c->body, "pageSize"), size);
	struct uz_page p;

	p.limit = json_i64(json_get(c->body, "limit"), limit);
	if (p.limit < 1 || p.limit > PAGE_MAX)
		p.limit = PAGE_MAX;
	p.offset = json_i64(json_get(c->body, "offset"), (number > 0 ? number - 1 : 0) * p.limit);
	return p;
}

void
uz_page_write(const struct uz_page *p, int64_t total, struct json_w *w)
{
	int64_t current = p->offset / p->limit + 1;

	json_w_open(w, "pagination", '{');
	json_w_i64(w, "totalRecords", total);
	json_w_i64(w, "pageSize", p->limit);
	json_w_i64(w, "currentPage", current);
	json_w_i64(w, "totalPages", (total + p->limit - 1) / p->limit);
	json_w_bool(w, "hasNextPage", p->offset + p->limit < total);
	json_w_bool(w, "hasPreviousPage", current > 1);
	json_w_close(w, '}');
}

static void
contacts_write(struct uz_call *c, const struct uz_page *p, const char *name_key, int64_t *total)
{
	void *value;
	size_t it = 0;

	*total = 0;
	while (map_next(c->inst->chats, &it, NULL, &value)) {
		const struct uz_chat *k = value;
		int64_t n = k->is_contact ? (*total)++ : -1;

		if (n >= p->offset && n < p->offset + p->limit)
			contact_write(k, name_key, &c->w);
	}
}

static void
call_contacts(struct uz_call *c)
{
	const struct uz_page all = {INT64_MAX, 0};
	int64_t total;

	uz_answer(c, '[');
	contacts_write(c, &all, "contactName", &total);
	uz_answer_end(c, ']');
}

static void
call_contacts_page(struct uz_call *c)
{
	const struct uz_page p = uz_page_of(c, 100);
	int64_t total;

	json_w_open(uz_answer(c, '{'), "contacts", '[');
	contacts_write(c, &p, "contact_name", &total);
	json_w_close(&c->w, ']');
	uz_page_write(&p, total, &c->w);
	uz_answer_end(c, '}');
}

/* "+55 (11) 9..." too; hidden ids and groups are no contacts. */
static struct slice
phone_of_call(struct uz_call *c)
{
	struct slice text = json_str(json_get(c->body, "phone")), jid;
	struct buf b;

	buf_init(&b, c->req->a, UZ_JID_SIZE);
	for (size_t i = 0; i < text.n; i++)
		if (strchr("+() -", text.p[i]) == NULL)
			buf_add_char(&b, text.p[i]);
	jid = uz_jid_of(buf_slice(&b), c->req->a);
	if (b.over || slice_ends(text, S("@lid")) || !slice_ends(jid, S("@s.whatsapp.net"))) {
		uz_refuse(c, 400, "Could not parse phone");
		return SLICE_NONE;
	}
	return jid;
}

static void
contact_answer(struct uz_call *c, const char *message, const char *member, struct slice jid,
	       struct slice name)
{
	struct json_w *w = uz_answer(c, '{');

	json_w_bool(w, "success", true);
	json_w_str(w, "message", slice_of(message));
	json_w_open(w, member, '{');
	json_w_str(w, "jid", jid);
	if (name.n > 0)
		json_w_str(w, "name", name);
	json_w_str(w, "phone", user_of(jid));
	json_w_close(w, '}');
	uz_answer_end(c, '}');
}

static void
call_contact_add(struct uz_call *c)
{
	struct slice jid = phone_of_call(c), name = json_str(json_get(c->body, "name"));
	struct uz_chat *k;

	if (jid.p == NULL)
		return;
	k = uz_chat_of(c->inst, jid);
	k->is_contact = true;
	uz_set(k->contact_name, sizeof(k->contact_name), name);
	contact_answer(c, "Contact added", "contact", jid, name);
}

static void
call_contact_remove(struct uz_call *c)
{
	struct slice jid = phone_of_call(c);
	struct uz_chat *k = jid.p != NULL ? uz_chat_find(c->inst, jid) : NULL;

	if (jid.p == NULL)
		return;
	if (k == NULL || !k->is_contact) {
		uz_refuse(c, 404, "Contact not found");
		return;
	}
	k->is_contact = false;
	k->contact_name[0] = '\0';
	contact_answer(c, "Contact removed", "removed_contact", jid, SLICE_NONE);
}

static void
blocked_write(struct uz_call *c)
{
	void *value;
	size_t it = 0;

	json_w_open(&c->w, "blockList", '[');
	while (map_next(c->inst->chats, &it, NULL, &value))
		if (((const struct uz_chat *)value)->is_blocked)
			json_w_str(&c->w, NULL, slice_of(((const struct uz_chat *)value)->id));
	json_w_close(&c->w, ']');
}

static void
call_block(struct uz_call *c)
{
	bool is_on = json_bool(json_get(c->body, "block"), true);
	struct slice jid = jid_of_call(c, "number");

	if (jid.p == NULL)
		return;
	if (slice_starts(jid, S("5500"))) {
		uz_refuse(c, 404, "Contact not found");
		return;
	}
	uz_chat_of(c->inst, jid)->is_blocked = is_on;
	json_w_str(uz_answer(c, '{'), "response",
		   is_on ? S("Blocked successfully") : S("Unblocked successfully"));
	blocked_write(c);
	uz_answer_end(c, '}');
}

static void
call_blocklist(struct uz_call *c)
{
	uz_answer(c, '{');
	blocked_write(c);
	uz_answer_end(c, '}');
}

/* ---- chats (16.2) ---- */

/* (16.2) Text filters match as "contains". */
static bool
is_asked_for(const struct uz_chat *k, const struct json *body)
{
	const struct json *is_group = json_get(body, "wa_isGroup");
	struct slice word = json_str(json_get(body, "wa_chatid"));
	struct slice id = slice_of(k->id);

	if (slice_starts(word, S("~")))
		word = slice_from(word, 1);
	if (json_type(is_group) == JSON_BOOL && json_bool(is_group, false) != uz_is_group(id))
		return false;
	for (size_t i = 0; i + word.n <= id.n; i++)
		if (slice_eq(slice_sub(id, i, word.n), word))
			return true;
	return false;
}

static void
call_find(struct uz_call *c)
{
	const struct uz_page p = uz_page_of(c, 20);
	struct json_w *w = uz_answer(c, '{');
	int64_t total = 0;
	void *value;
	size_t it = 0;

	json_w_open(w, "chats", '[');
	while (map_next(c->inst->chats, &it, NULL, &value)) {
		int64_t n = is_asked_for(value, c->body) ? total++ : -1;

		if (n < p.offset || n >= p.offset + p.limit)
			continue;
		json_w_open(w, NULL, '{');
		chat_write(c, value, w);
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
	json_w_open(w, "totalChatsStats", '{');
	json_w_close(w, '}');
	uz_page_write(&p, total, w);
	uz_answer_end(c, '}');
}

static void
call_archive(struct uz_call *c)
{
	struct slice jid = jid_of_call(c, "number");

	if (jid.p == NULL)
		return;
	uz_chat_of(c->inst, jid)->is_archived = json_bool(json_get(c->body, "archive"), true);
	uz_answer_text(c, "response", "Chat updated successfully");
}

static void
call_read(struct uz_call *c)
{
	struct slice jid = jid_of_call(c, "number");

	if (jid.p == NULL)
		return;
	uz_chat_of(c->inst, jid)->unread = json_bool(json_get(c->body, "read"), true) ? 0 : 1;
	uz_answer_text(c, "response", "Chat updated successfully");
}

static void
call_mute(struct uz_call *c)
{
	int64_t hours = json_i64(json_get(c->body, "muteEndTime"), -2);
	struct slice jid = jid_of_call(c, "number");

	if (jid.p == NULL)
		return;
	if (hours != 0 && hours != 8 && hours != 168 && hours != -1) {
		uz_refuse(c, 400, "invalid payload");
		return;
	}
	uz_chat_of(c->inst, jid)->mute = hours;
	uz_answer_text(c, "response", "Chat muted");
}

static void
call_pin(struct uz_call *c)
{
	struct slice jid = jid_of_call(c, "number");

	if (jid.p == NULL)
		return;
	uz_chat_of(c->inst, jid)->is_pinned = json_bool(json_get(c->body, "pin"), true);
	uz_answer_text(c, "response", "Chat pinned");
}

static void
call_chat_delete(struct uz_call *c)
{
	struct slice jid = jid_of_call(c, "number");
	struct uz_chat *k = jid.p != NULL ? uz_chat_find(c->inst, jid) : NULL;

	if (jid.p == NULL)
		return;
	if (k == NULL) {
		uz_refuse(c, 404, "Chat not found");
		return;
	}
	json_w_str(uz_answer(c, '{'), "response", S("Chat deleted"));
	json_w_open(&c->w, "actions", '[');
	for (const struct json *v = json_first(c->body); v != NULL; v = json_next(v))
		if (json_bool(v, false))
			json_w_str(&c->w, NULL, json_name(v));
	json_w_close(&c->w, ']');
	json_w_open(&c->w, "errors", '[');
	json_w_close(&c->w, ']');
	uz_answer_end(c, '}');
	if (json_bool(json_get(c->body, "deleteChatDB"), false)) {
		map_del(c->inst->chats, jid);
		uz_chat_free(k);
	}
}

#define LIVE .needs_session = true
#define BODY .takes_body = true, LIVE

const struct route sim_uazapi_chat_routes[] = {
	UZ_ROUTE(POST, "/chat/check", "chat.check", "Missing numbers in payload", call_check, BODY,
		 .field = {{"numbers", FIELD_ARRAY, true}}),
	UZ_ROUTE(POST, "/chat/details", "chat.details", NULL, call_details, BODY,
		 .field = {UZ_TEXT("number"), UZ_OPT("preview", FIELD_BOOL)}),
	UZ_ROUTE(GET, "/contacts", "contacts", NULL, call_contacts, LIVE),
	UZ_ROUTE(POST, "/contacts/list", "contacts.list", NULL, call_contacts_page, BODY,
		 .is_new = true,
		 .field = {UZ_OPT("page", FIELD_NUMBER), UZ_OPT("pageSize", FIELD_NUMBER),
			   UZ_OPT("limit", FIELD_NUMBER), UZ_OPT("offset", FIELD_NUMBER)}),
	UZ_ROUTE(POST, "/contact/add", "contact.add", NULL, call_contact_add, BODY,
		 .field = {UZ_TEXT("phone"), UZ_TEXT("name")}),
	UZ_ROUTE(POST, "/contact/remove", "contact.remove", NULL, call_contact_remove, BODY,
		 .field = {UZ_TEXT("phone")}),
	UZ_ROUTE(POST, "/chat/block", "chat.block", NULL, call_block, BODY,
		 .field = {UZ_TEXT("number"), {"block", FIELD_BOOL, true}}),
	UZ_ROUTE(GET, "/chat/blocklist", "chat.blocklist", NULL, call_blocklist, LIVE),
	UZ_ROUTE(POST, "/chat/find", "chat.find", NULL, call_find, BODY),
	UZ_ROUTE(POST, "/chat/archive", "chat.archive", NULL, call_archive, BODY,
		 .field = {UZ_TEXT("number"), {"archive", FIELD_BOOL, true}}),
	UZ_ROUTE(POST, "/chat/read", "chat.read", NULL, call_read, BODY,
		 .field = {UZ_TEXT("number"), {"read", FIELD_BOOL, true}}),
	UZ_ROUTE(POST, "/chat/mute", "chat.mute", NULL, call_mute, BODY,
		 .field = {UZ_TEXT("number"), {"muteEndTime", FIELD_NUMBER, true}}),
	UZ_ROUTE(POST, "/chat/pin", "chat.pin", NULL, call_pin, BODY,
		 .field = {UZ_TEXT("number"), {"pin", FIELD_BOOL, true}}),
	UZ_ROUTE(POST, "/chat/delete", "chat.delete", NULL, call_chat_delete, BODY,
		 .field = {UZ_TEXT("number"), UZ_OPT("deleteChatDB", FIELD_BOOL),
			   UZ_OPT("deleteMessagesDB", FIELD_BOOL),
			   UZ_OPT("deleteChatWhatsApp", FIELD_BOOL),
			   UZ_OPT("clearChatWhatsApp", FIELD_BOOL)}),
};
const unsigned sim_uazapi_chat_route_count = GH_COUNT(sim_uazapi_chat_routes);
