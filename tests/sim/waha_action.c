/* waha_action.c - what is done about messages, people and groups (5, 6, 8, 18). One table says
 * which fields of which route are required and on which engines the contract has it; what was
 * taken is kept in a log (/_sim/actions) and changes groups, contacts and messages that the
 * reading routes then show.
 */
#include "waha_action.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "http/json.h"
#include "http/query.h"
#include "http/router.h"
#include "http/server.h"

#define REPLY_MAX  (4 * 1024 * 1024)
#define FIELDS_MAX 3

/* ---- books ---- */

struct waha_actions *
waha_books(struct waha *w)
{
	struct waha_actions *b = w->actions;

	if (b != NULL)
		return b;
	b = gh_alloc(sizeof(*b));
	b->groups = map_new();
	b->names = map_new();
	b->blocked = map_new();
	b->a = arena_new(0);
	w->actions = b;
	return b;
}

struct slice
waha_key(struct arena *a, const struct waha_session *s, struct slice id)
{
	return slice_of(arena_printf(a, "%s/%.*s", s->name, S_FMT(id)));
}

void
waha_log_call(const struct waha_session *s, struct http_req *req, const char *name,
	      const struct json *body)
{
	calls_log(s->w->sim->calls, S("waha"), slice_of(s->name), req, name, body);
}

/* ---- acceptance ---- */

struct action_rule {
	const char *name;    /* in the log */
	const char *section; /* of the contract, named when a body is refused */
	action_fn *fn;
	bool is_webjs_only; /* (18) 501 on the others */
	bool lacks_gows;
	struct {
		const char *name;
		enum json_type type;
	} field[FIELDS_MAX]; /* required */
};

void
waha_reply_text(struct action_call *c, unsigned status, const char *text)
{
	sim_reply(c->req, status, slice_of(text));
}

static const char *
fields_refusal(const struct action_rule *rule, const struct json *body, struct arena *a)
{
	for (size_t i = 0; i < FIELDS_MAX && rule->field[i].name != NULL; i++)
		if (json_type(json_get(body, rule->field[i].name)) != rule->field[i].type)
			return arena_printf(a, "%s is missing or of a wrong type (%s)",
					    rule->field[i].name, rule->section);
	return NULL;
}

static void
waha_act(void *app, struct http_req *req, const struct route_match *m)
{
	struct sim *sim = app;
	const struct action_rule *rule = m->route->ctx;
	struct action_call c = {.req = req, .m = m};
	enum waha_engine engine = sim->waha->engine;
	struct slice session = route_param(m, S("session"));
	const char *why;

	if (rule->field[0].name != NULL) {
		c.body = sim_body_object(req);
		if (c.body == NULL)
			return;
	}
	if (query_parse(req->head->query, req->a, &c.query, NULL) != GH_OK) {
		waha_refuse(req, 400, "bad query");
		return;
	}
	if (session.p == NULL)
		session = c.body != NULL ? json_str(json_get(c.body, "session"))
					 : query_get(&c.query, S("session"));
	c.s = waha_session_working(sim->waha, req, session);
	if (c.s == NULL)
		return;
	if ((rule->is_webjs_only && engine != ENGINE_WEBJS) ||
	    (rule->lacks_gows && engine == ENGINE_GOWS)) {
		waha_refuse(req, 501,
			    arena_printf(req->a,
					 "The method is not implemented by '%s' engine. (%s)",
					 waha_engine_name(engine), rule->section));
		return;
	}
	why = fields_refusal(rule, c.body, req->a);
	if (why != NULL) {
		waha_throw(req, why);
		return;
	}
	waha_log_call(c.s, req, rule->name, c.body);
	rule->fn(&c);
}

/* (3.2) Bare third part of a full id; the others make the engine throw. */
static bool
full_id_is_good(struct action_call *c, struct slice id)
{
	struct slice part[4], rest = id;
	size_t n = 0;

	while (rest.p != NULL && n < GH_COUNT(part))
		part[n++] = slice_cut(rest, '_', &rest);
	if (n >= 3 && rest.p == NULL && slice_index(part[1], '@') > 0 &&
	    (slice_eq(part[0], S("true")) || slice_eq(part[0], S("false"))))
		return true;
	waha_throw(c->req, "Message id must be in format true_chatId_messageId");
	return false;
}

/* (3.1) */
bool
waha_chat_is_good(struct action_call *c, struct slice id)
{
	if (slice_index(id, '@') > 0 && !slice_ends(id, S("@s.whatsapp.net")))
		return true;
	waha_throw(c->req, "not a chat id (3.1)");
	return false;
}

/* ---- messages (5) ---- */

static void
act_react(struct action_call *c)
{
	if (full_id_is_good(c, json_str(json_get(c->body, "messageId"))))
		waha_reply_text(c, 200, "{\"id\":\"true_x_3EB0\"}");
}

static void
act_seen(struct action_call *c)
{
	const struct json *ids = json_get(c->body, "messageIds");

	for (const struct json *v = json_first(ids); v != NULL; v = json_next(v))
		if (!full_id_is_good(c, json_str(v)))
			return;
	if (waha_chat_is_good(c, json_str(json_get(c->body, "chatId"))))
		waha_reply_text(c, 201, "");
}

static void
act_presence(struct action_call *c)
{
	static const char *const words[] = {"typing", "recording", "paused"};
	struct slice word = json_str(json_get(c->body, "presence"));
	struct slice chat = json_str(json_get(c->body, "chatId"));

	/* For /_sim/session. */
	if (slice_to_cstr(word, c->s->presence, sizeof(c->s->presence)) != GH_OK)
		c->s->presence[0] = '\0';
	for (size_t i = 0; i < GH_COUNT(words); i++)
		if (slice_eq(word, slice_of(words[i]))) {
			if (waha_chat_is_good(c, chat))
				waha_reply_text(c, 201, "");
			return;
		}
	if (slice_eq(word, S("online")) || slice_eq(word, S("offline")))
		waha_reply_text(c, 201, "");
	else
		waha_throw(c->req, "presence is no such word (18.6)");
}

static void
act_forward(struct action_call *c)
{
	if (!full_id_is_good(c, json_str(json_get(c->body, "messageId"))) ||
	    !waha_chat_is_good(c, json_str(json_get(c->body, "chatId"))))
		return;
	/* (5.1) */
	waha_reply_text(c, 201,
			c->s->w->engine == ENGINE_WEBJS
				? "{\"sent\":true}"
				: "{\"key\":{\"fromMe\":true,\"id\":\"3EB0F0F0F0F0F0F0F0F0\"}}");
}

static void
act_message(struct action_call *c)
{
	if (full_id_is_good(c, route_param(c->m, S("messageId"))))
		waha_reply_text(c, 200,
				c->body != NULL ? "{\"key\":{\"id\":\"3EB0EDEDEDEDEDEDEDED\"}}"
						: "");
}

/* (8) Messages from others: those whose id begins 3AF11E came with a file. */
void
waha_message_of_others(struct waha_session *s, struct http_req *req, struct slice id,
		       struct slice bare)
{
	const char *media = "null";

	if (slice_starts(bare, S("3AF11E")))
		media = arena_printf(req->a,
				     "{\"url\":\"http://localhost:3000/api/files/%s/%.*s.jpeg\","
				     "\"mimetype\":\"image/jpeg\",\"filename\":null}",
				     s->name, S_FMT(bare));
	sim_reply(req, 200,
		  slice_of(arena_printf(req->a, "{\"id\":\"%.*s\",\"fromMe\":false,\"media\":%s}",
					S_FMT(id), media)));
}

static void
act_file(struct action_call *c)
{
	struct slice name = route_param(c->m, S("file"));

	if (slice_starts(name, S("3AF11EDEAD")))
		waha_reply_text(c, 404, "{\"error\":{\"code\":404,\"key\":\"FILE_NOT_FOUND\"}}");
	else
		sim_reply(c->req, 200, S("\xFF\xD8\xFF\xE0 bytes of a picture"));
}

/* ---- people (18.1) ---- */

static void
contact_write(struct action_call *c, struct slice id, struct json_w *w)
{
	struct waha_actions *b = waha_books(c->s->w);
	struct slice key = waha_key(c->req->a, c->s, id);
	const char *name = map_get(b->names, key);

	json_w_open(w, NULL, '{');
	json_w_str(w, "id", id);
	json_w_str(w, "name", name != NULL ? slice_of(name) : SLICE_NONE);
	json_w_str(w, "pushname", S("Rui P"));
	if (c->s->w->engine == ENGINE_WEBJS)
		json_w_bool(w, "isBlocked", map_get(b->blocked, key) != NULL);
	json_w_close(w, '}');
}

static void
act_contacts(struct action_call *c)
{
	struct slice prefix = slice_of(arena_printf(c->req->a, "%s/", c->s->name)), key;
	uint64_t limit, offset = 0, seen = 0;
	struct json_w w;
	struct buf b;
	size_t it = 0;

	if (parse_u64(query_get(&c->query, S("limit")), 1, 100000, &limit) != GH_OK)
		limit = 100000;
	if (parse_u64(query_get(&c->query, S("offset")), 0, 1000000, &offset) != GH_OK)
		offset = 0;
	buf_init(&b, c->req->a, REPLY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '[');
	while (map_next(waha_books(c->s->w)->names, &it, &key, NULL)) {
		if (!slice_starts(key, prefix) || seen++ < offset || seen > offset + limit)
			continue;
		contact_write(c, slice_from(key, prefix.n), &w);
	}
	json_w_close(&w, ']');
	sim_reply_buf(c->req, 200, &b);
}

static void
act_contact(struct action_call *c)
{
	struct json_w w;
	struct buf b;

	if (!waha_chat_is_good(c, query_get(&c->query, S("contactId"))))
		return;
	buf_init(&b, c->req->a, REPLY_MAX);
	json_w_init(&w, &b);
	contact_write(c, query_get(&c->query, S("contactId")), &w);
	sim_reply_buf(c->req, 200, &b);
}

static void
act_contact_add(struct action_call *c)
{
	struct waha_actions *b = waha_books(c->s->w);
	struct slice id = route_param(c->m, S("chatId"));

	if (!waha_chat_is_good(c, id))
		return;
	map_put(b->names, waha_key(b->a, c->s, id),
		arena_cstr(b->a, json_str(json_get(c->body, "firstName"))));
	waha_reply_text(c, 200, "{\"success\":true}");
}

static void
act_block(struct action_call *c)
{
	struct waha_actions *b = waha_books(c->s->w);
	struct slice id = json_str(json_get(c->body, "contactId"));
	bool is_off = slice_ends(c->req->head->path, S("/unblock"));

	if (!waha_chat_is_good(c, id))
		return;
	if (is_off)
		map_del(b->blocked, waha_key(b->a, c->s, id));
	else
		map_put(b->blocked, waha_key(b->a, c->s, id), b);
	waha_reply_text(c, 201, "");
}

static void
act_about(struct action_call *c)
{
	waha_reply_text(c, 200, "{\"about\":\"At work\"}");
}

static void
act_picture(struct action_call *c)
{
	waha_reply_text(c, 200, "{\"profilePictureURL\":\"https://pps.example.net/x.jpg\"}");
}

/* (6) people_check says who is there. */
static void
act_check(struct action_call *c)
{
	struct slice phone = query_get(&c->query, S("phone"));
	struct slice host;
	struct slice user = slice_cut(phone, '@', &host), real;
	enum people_answer answer;

	if (user.n < 7 || parse_u64(user, 0, UINT64_MAX, &(uint64_t){0}) != GH_OK) {
		waha_throw(c->req, "phone is missing or no number");
		return;
	}
	answer = people_check(user, c->req->a, &real);
	if (answer == PEOPLE_FAILS)
		waha_throw(c->req, "simulated failure of the check");
	else if (answer == PEOPLE_NOBODY)
		waha_reply_text(c, 200, "{\"numberExists\":false}");
	else
		waha_reply_text(c, 200,
				arena_printf(c->req->a,
					     "{\"numberExists\":true,\"chatId\":\"%.*s@c.us\"}",
					     S_FMT(real)));
}

/* ---- routes ---- */

#define RULE(n, at, ...)                                                                           \
	&(const struct action_rule)                                                                \
	{                                                                                          \
		.name = (n), .section = (at), .fn = __VA_ARGS__                                    \
	}
#define ROUTE(m, p, r)                                                                             \
	{                                                                                          \
		.method = HTTP_##m, .pattern = "/waha/api/" p, .fn = waha_act, .ctx = (r)          \
	}
#define TEXT(n)                                                                                    \
	{                                                                                          \
		(n), JSON_STRING                                                                   \
	}
#define MSG    "{session}/chats/{chatId}/messages/{messageId}"
#define GRP    "{session}/groups/{id}"
#define PEOPLE .field = {{"participants", JSON_ARRAY}}

const struct route sim_waha_action_routes[] = {
	ROUTE(PUT, "reaction",
	      RULE("reaction", "5", act_react, .field = {TEXT("messageId"), TEXT("reaction")})),
	ROUTE(POST, "sendSeen",
	      RULE("sendSeen", "5", act_seen,
		   .field = {TEXT("chatId"), {"messageIds", JSON_ARRAY}})),
	ROUTE(POST, "{session}/presence",
	      RULE("presence", "5", act_presence, .field = {TEXT("presence")})),
	ROUTE(POST, "forwardMessage",
	      RULE("forward", "5", act_forward, .lacks_gows = true,
		   .field = {TEXT("chatId"), TEXT("messageId")})),
	ROUTE(PUT, MSG, RULE("edit", "5", act_message, .field = {TEXT("text")})),
	ROUTE(DELETE, MSG, RULE("delete", "5", act_message)),
	ROUTE(GET, "files/{session}/{file}", RULE("file", "8", act_file)),
	ROUTE(GET, "contacts/all", RULE("contacts", "18.1", act_contacts)),
	ROUTE(GET, "contacts", RULE("contactGet", "18.1", act_contact)),
	ROUTE(PUT, "{session}/contacts/{chatId}",
	      RULE("contact", "18.1", act_contact_add,
		   .field = {TEXT("firstName"), TEXT("lastName")})),
	ROUTE(POST, "contacts/block",
	      RULE("block", "18.1", act_block, .is_webjs_only = true,
		   .field = {TEXT("contactId")})),
	ROUTE(POST, "contacts/unblock",
	      RULE("unblock", "18.1", act_block, .is_webjs_only = true,
		   .field = {TEXT("contactId")})),
	ROUTE(GET, "contacts/about", RULE("about", "18.1", act_about, .is_webjs_only = true)),
	ROUTE(GET, "contacts/profile-picture", RULE("pictureGet", "18.1", act_picture)),
	ROUTE(GET, "contacts/check-exists", RULE("check", "6", act_check)),
	ROUTE(POST, "{session}/groups",
	      RULE("group", "18.3", waha_act_group_create,
		   .field = {TEXT("name"), {"participants", JSON_ARRAY}})),
	ROUTE(GET, GRP, RULE("groupGet", "18.3", waha_act_group)),
	ROUTE(GET, GRP "/participants/v2", RULE("members", "18.3", waha_act_members)),
	ROUTE(GET, "{session}/groups/join-info", RULE("joinInfo", "18.3", waha_act_group_invite)),
	ROUTE(POST, "{session}/groups/join",
	      RULE("join", "18.3", waha_act_group_join, .field = {TEXT("code")})),
	ROUTE(GET, GRP "/invite-code", RULE("inviteCode", "18.3", waha_act_group_link)),
	ROUTE(PUT, GRP "/subject",
	      RULE("subject", "18.3", waha_act_group_text, .field = {TEXT("subject")})),
	ROUTE(PUT, GRP "/description",
	      RULE("description", "18.3", waha_act_group_text, .field = {TEXT("description")})),
	ROUTE(GET, GRP "/picture", RULE("groupPicture", "18.3", waha_act_group_picture)),
	ROUTE(PUT, GRP "/picture",
	      RULE("picture", "18.3", waha_act_group_picture, .field = {{"file", JSON_OBJECT}})),
	ROUTE(DELETE, GRP "/picture", RULE("unpicture", "18.3", waha_act_group_picture)),
	ROUTE(POST, GRP "/participants/add", RULE("add", "18.3", waha_act_group_members, PEOPLE)),
	ROUTE(POST, GRP "/participants/remove",
	      RULE("remove", "18.3", waha_act_group_members, PEOPLE)),
	ROUTE(POST, GRP "/admin/promote", RULE("promote", "18.3", waha_act_group_members, PEOPLE)),
	ROUTE(POST, GRP "/admin/demote", RULE("demote", "18.3", waha_act_group_members, PEOPLE)),
	ROUTE(POST, GRP "/leave", RULE("leave", "18.3", waha_act_group_leave)),
};
const unsigned sim_waha_action_route_count = GH_COUNT(sim_waha_action_routes);
