/* uazapi_group.c - groups and communities (16.3, 16.4). Identities are LIDs with the phone beside
 * them; participants are given as plain strings. Numbers of area 5500 refuse to be added.
 */
#include "uazapi.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "http/server.h"

#define GROUP_FIRST      120363000000000500ull
#define NAME_MAX_CHARS   100
#define TOPIC_MAX        512
#define PEOPLE_MAX       50
#define ERROR_PRIVACY    403
#define CHAT_HOST        "https://chat.whatsapp.com/"
#define REQUESTS_EXAMPLE "5511900000077@s.whatsapp.net"

struct uz_group {
	char id[UZ_JID_SIZE], name[UZ_TEXT_SIZE], topic[TOPIC_MAX * 4 + 1];
	char parent[UZ_JID_SIZE]; /* the community it is linked to */
	int64_t created_us;
	unsigned invite; /* of the link; a reset makes another */
	bool is_announce, is_locked, is_parent, has_picture;
	struct map *members; /* jid -> role, a literal */
};

static char role_member[] = "member", role_admin[] = "admin", role_owner[] = "owner";

static void
group_free(struct uz_group *g)
{
	map_free(g->members);
	gh_free(g);
}

void
uz_groups_free(struct uz_instance *i)
{
	void *group;
	size_t it = 0;

	while (i->groups != NULL && map_next(i->groups, &it, NULL, &group))
		group_free(group);
	map_free(i->groups);
	i->groups = NULL;
}

/* ---- the object (16.3) ---- */

static void
member_write(struct slice jid, const char *role, int64_t error, struct arena *a, struct json_w *w)
{
	json_w_open(w, NULL, '{');
	json_w_str(w, "JID", uz_lid_of(jid, a));
	json_w_str(w, "LID", uz_lid_of(jid, a));
	json_w_str(w, "PhoneNumber", jid);
	json_w_bool(w, "IsAdmin", role != role_member);
	json_w_bool(w, "IsSuperAdmin", role == role_owner);
	json_w_str(w, "DisplayName", S(""));
	json_w_i64(w, "Error", error);
	json_w_null(w, "AddRequest");
	json_w_close(w, '}');
}

static void
link_text(const struct uz_group *g, char *dst, size_t size)
{
	struct slice host;

	(void)snprintf(dst, size, CHAT_HOST "%.*sA%u",
		       S_FMT(slice_cut(slice_of(g->id), '@', &host)), g->invite);
}

/* Members; with people refused at creation behind them. */
static void
group_write(struct uz_call *c, const struct uz_group *g, const struct json *refused,
	    struct json_w *w)
{
	struct slice own = slice_of(arena_printf(c->req->a, "%s@s.whatsapp.net", c->inst->owner));
	char at[CLOCK_RFC3339_SIZE];
	struct slice jid;
	void *role;
	size_t it = 0;

	json_w_str(w, "JID", slice_of(g->id));
	json_w_str(w, "OwnerJID", uz_lid_of(own, c->req->a));
	json_w_str(w, "OwnerPN", own);
	json_w_str(w, "Name", slice_of(g->name));
	json_w_str(w, "Topic", slice_of(g->topic));
	json_w_bool(w, "IsLocked", g->is_locked);
	json_w_bool(w, "IsAnnounce", g->is_announce);
	json_w_bool(w, "IsParent", g->is_parent);
	json_w_str(w, "LinkedParentJID", slice_of(g->parent));
	json_w_str(w, "GroupCreated", slice_of(clock_rfc3339(g->created_us, at)));
	json_w_str(w, "MemberAddMode", S("all_member_add"));
	json_w_str(w, "AddressingMode", S("lid"));
	json_w_i64(w, "ParticipantCount", (int64_t)map_count(g->members));
	json_w_bool(w, "OwnerCanSendMessage", true);
	json_w_bool(w, "OwnerIsAdmin", map_get(g->members, own) != role_member);
	json_w_open(w, "Participants", '[');
	while (map_next(g->members, &it, &jid, &role))
		member_write(jid, role, 0, c->req->a, w);
	for (const struct json *v = json_first(refused); v != NULL; v = json_next(v)) {
		jid = uz_jid_of(json_str(v), c->req->a);
		if (map_get(g->members, jid) == NULL)
			member_write(jid, role_member, ERROR_PRIVACY, c->req->a, w);
	}
	json_w_close(w, ']');
}

/* The group called so; answers 400 or 404 itself. */
static struct uz_group *
group_of(struct uz_call *c, const char *field)
{
	struct slice id = json_str(json_get(c->body, field));
	struct uz_group *g = c->inst->groups != NULL ? map_get(c->inst->groups, id) : NULL;

	if (!uz_is_group(id))
		uz_refuse(c, 400, "invalid payload");
	else if (g == NULL)
		uz_refuse(c, 404, "group not found");
	return uz_is_group(id) ? g : NULL;
}

/* {"response","group","needs_refresh"} */
static void
changed_answer(struct uz_call *c, const struct uz_group *g, const char *name, const char *text)
{
	struct json_w *w = uz_answer(c, '{');

	json_w_str(w, name, slice_of(text));
	json_w_open(w, "group", '{');
	group_write(c, g, NULL, w);
	json_w_close(w, '}');
	json_w_bool(w, "needs_refresh", false);
	uz_answer_end(c, '}');
}

static struct uz_group *
group_new(struct uz_call *c, struct slice name)
{
	struct uz_group *g = gh_alloc(sizeof(*g));

	(void)snprintf(g->id, sizeof(g->id), "%llu@g.us",
		       GROUP_FIRST + (unsigned long long)c->u->group_count++);
	uz_set(g->name, sizeof(g->name), name);
	g->created_us = clock_wall_us();
	g->members = map_new();
	map_put(g->members, slice_of(arena_printf(c->req->a, "%s@s.whatsapp.net", c->inst->owner)),
		role_owner);
	if (c->inst->groups == NULL)
		c->inst->groups = map_new();
	map_put(c->inst->groups, slice_of(g->id), g);
	return g;
}

/* ---- calls ---- */

/* False: somebody is no person; answered. */
static bool
people_are_good(struct uz_call *c, const struct json *people)
{
	for (const struct json *v = json_first(people); v != NULL; v = json_next(v))
		if (!slice_ends(uz_jid_of(json_str(v), c->req->a), S("@s.whatsapp.net"))) {
			uz_refuse(c, 400, "Could not parse phone");
			return false;
		}
	return true;
}

static void
call_create(struct uz_call *c)
{
	const struct json *people = json_get(c->body, "participants");
	struct slice name = json_str(json_get(c->body, "name"));
	struct uz_group *g;
	struct json_w *w;

	if (name.n == 0 || utf8_count(name) > NAME_MAX_CHARS || json_count(people) == 0 ||
	    json_count(people) > PEOPLE_MAX) {
		uz_refuse(c, 400, "invalid payload");
		return;
	}
	if (!people_are_good(c, people))
		return;
	g = group_new(c, name);
	for (const struct json *v = json_first(people); v != NULL; v = json_next(v)) {
		struct slice jid = uz_jid_of(json_str(v), c->req->a);

		if (!slice_starts(jid, S("5500")))
			map_put(g->members, jid, role_member);
	}
	w = uz_answer(c, '{');
	group_write(c, g, people, w);
	uz_answer_end(c, '}');
}

static void
call_info(struct uz_call *c)
{
	const struct uz_group *g = group_of(c, "groupjid");
	char link[UZ_TEXT_SIZE];
	struct json_w *w;

	if (g == NULL)
		return;
	w = uz_answer(c, '{');
	group_write(c, g, NULL, w);
	link_text(g, link, sizeof(link));
	if (json_bool(json_get(c->body, "getInviteLink"), false))
		json_w_str(w, "invite_link", slice_of(link));
	if (json_bool(json_get(c->body, "getRequestsParticipants"), false))
		json_w_str(w, "request_participants", S(REQUESTS_EXAMPLE));
	uz_answer_end(c, '}');
}

/* GET tells all; POST a page, of names or ids that contain "search". */
static void
call_list(struct uz_call *c)
{
	const struct uz_page all = {INT64_MAX, 0}, p = c->body != NULL ? uz_page_of(c, 50) : all;
	struct slice word = json_str(json_get(c->body, "search"));
	struct json_w *w = uz_answer(c, '{');
	void *group;
	size_t it = 0;
	int64_t total = 0;

	json_w_open(w, "groups", '[');
	while (c->inst->groups != NULL && map_next(c->inst->groups, &it, NULL, &group)) {
		const struct uz_group *g = group;
		int64_t n;

		if (word.n > 0 && strstr(g->name, arena_cstr(c->req->a, word)) == NULL &&
		    strstr(g->id, arena_cstr(c->req->a, word)) == NULL)
			continue;
		n = total++;
		if (n < p.offset || n >= p.offset + p.limit)
			continue;
		json_w_open(w, NULL, '{');
		group_write(c, g, NULL, w);
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
	if (c->body != NULL)
		uz_page_write(&p, total, w);
	uz_answer_end(c, '}');
}

/* A group of this server by its link or code; (16.3) the field changed its name. */
static struct uz_group *
group_invited(struct uz_call *c)
{
	struct slice code =
		json_str(json_get(c->body, c->u->opt.is_old_build ? "inviteCode" : "invitecode"));
	struct slice bare = code;
	char link[UZ_TEXT_SIZE];
	void *group;
	size_t it = 0;

	if (slice_starts(code, S(CHAT_HOST)))
		bare = slice_from(code, sizeof(CHAT_HOST) - 1);
	if (bare.n == 0) {
		uz_refuse(c, 400, "invalid payload");
		return NULL;
	}
	while (c->inst->groups != NULL && map_next(c->inst->groups, &it, NULL, &group)) {
		link_text(group, link, sizeof(link));
		if (slice_eq(bare, slice_from(slice_of(link), sizeof(CHAT_HOST) - 1)))
			return group;
	}
	uz_refuse(c, 404, "invite link expired");
	return NULL;
}

static void
call_invite_info(struct uz_call *c)
{
	const struct uz_group *g = group_invited(c);

	if (g == NULL)
		return;
	group_write(c, g, NULL, uz_answer(c, '{'));
	uz_answer_end(c, '}');
}

static void
call_join(struct uz_call *c)
{
	const struct uz_group *g = group_invited(c);

	if (g != NULL)
		changed_answer(c, g, "response", "Group join successful");
}

static void
call_reset_link(struct uz_call *c)
{
	struct uz_group *g = group_of(c, "groupjid");
	char link[UZ_TEXT_SIZE];

	if (g == NULL)
		return;
	g->invite++;
	link_text(g, link, sizeof(link));
	changed_answer(c, g, "InviteLink", link);
}

static void
call_text(struct uz_call *c)
{
	struct slice name = json_str(json_get(c->body, "name"));
	struct slice topic = json_str(json_get(c->body, "description"));
	struct uz_group *g = group_of(c, "groupjid");

	if (g == NULL)
		return;
	if (utf8_count(topic) > TOPIC_MAX) {
		uz_refuse(c, 413, "description too long");
		return;
	}
	if (name.p != NULL && (name.n == 0 || utf8_count(name) > NAME_MAX_CHARS)) {
		uz_refuse(c, 400, "invalid payload");
		return;
	}
	if (name.p != NULL)
		uz_set(g->name, sizeof(g->name), name);
	else
		uz_set(g->topic, sizeof(g->topic), topic);
	changed_answer(c, g, "response", "Group updated");
}

static void
call_image(struct uz_call *c)
{
	struct slice image = json_str(json_get(c->body, "image"));
	struct uz_group *g = group_of(c, "groupjid");

	if (g == NULL)
		return;
	if (slice_starts(image, S("data:")) && !slice_starts(image, S("data:image/jpeg"))) {
		uz_refuse(c, 415, "Unsupported media format");
		return;
	}
	g->has_picture = !slice_eq(image, S("remove")) && !slice_eq(image, S("delete"));
	changed_answer(c, g, "response", "Group image updated");
}

static void
call_rules(struct uz_call *c)
{
	struct uz_group *g = group_of(c, "groupjid");

	if (g == NULL)
		return;
	g->is_announce = json_bool(json_get(c->body, "announce"), g->is_announce);
	g->is_locked = json_bool(json_get(c->body, "locked"), g->is_locked);
	changed_answer(c, g, "response", "Group updated");
}

/* What an action makes of a member: 0, or the code of the refusal. */
static int64_t
member_change(struct uz_group *g, struct slice action, struct slice jid)
{
	bool is_in = map_get(g->members, jid) != NULL;

	if (slice_eq(action, S("add")) || slice_eq(action, S("approve"))) {
		if (slice_starts(jid, S("5500")))
			return ERROR_PRIVACY;
		if (is_in)
			return 409;
		map_put(g->members, jid, role_member);
	} else if (slice_eq(action, S("reject"))) {
		return 0;
	} else if (!is_in) {
		return 404;
	} else if (slice_eq(action, S("remove"))) {
		map_del(g->members, jid);
	} else {
		map_put(g->members, jid, slice_eq(action, S("promote")) ? role_admin : role_member);
	}
	return 0;
}

static void
call_members(struct uz_call *c)
{
	static const char *const actions[] = {"add",    "remove",  "promote",
					      "demote", "approve", "reject"};
	const struct json *people = json_get(c->body, "participants");
	struct slice action = json_str(json_get(c->body, "action"));
	struct uz_group *g = group_of(c, "groupjid");
	struct json_w *w;
	size_t a = 0;

	while (a < GH_COUNT(actions) && !slice_eq(action, slice_of(actions[a])))
		a++;
	if (g == NULL || !people_are_good(c, people))
		return;
	if (a == GH_COUNT(actions) || json_count(people) == 0) {
		uz_refuse(c, 400, "invalid payload");
		return;
	}
	w = uz_answer(c, '{');
	json_w_open(w, "groupUpdated", '[');
	for (const struct json *v = json_first(people); v != NULL; v = json_next(v)) {
		struct slice jid = uz_jid_of(json_str(v), c->req->a);

		json_w_open(w, NULL, '{');
		json_w_str(w, "JID", uz_lid_of(jid, c->req->a));
		json_w_i64(w, "Error", member_change(g, action, jid));
		json_w_close(w, '}');
	}
	json_w_close(w, ']');
	json_w_open(w, "group", '{');
	group_write(c, g, NULL, w);
	json_w_close(w, '}');
	json_w_bool(w, "needs_refresh", false);
	uz_answer_end(c, '}');
}

static void
call_leave(struct uz_call *c)
{
	struct uz_group *g = group_of(c, "groupjid");

	if (g == NULL)
		return;
	map_del(c->inst->groups, slice_of(g->id));
	group_free(g);
	uz_answer_text(c, "response", "Group leave successful");
}

/* ---- communities (16.4) ---- */

static void
call_community(struct uz_call *c)
{
	struct uz_group *g = group_new(c, json_str(json_get(c->body, "name")));
	struct json_w *w = uz_answer(c, '{');

	g->is_parent = true;
	json_w_open(w, "group", '{');
	group_write(c, g, NULL, w);
	json_w_close(w, '}');
	json_w_open(w, "failed", '[');
	json_w_close(w, ']');
	uz_answer_end(c, '}');
}

/* One pass writes who was linked or unlinked, another who could not be. */
static void
linked_write(struct uz_call *c, struct slice parent, bool wants_done)
{
	bool is_add = slice_eq(json_str(json_get(c->body, "action")), S("add"));

	json_w_open(&c->w, wants_done ? "success" : "failed", '[');
	for (const struct json *v = json_first(json_get(c->body, "groupjids")); v != NULL;
	     v = json_next(v)) {
		struct uz_group *g = map_get(c->inst->groups, json_str(v));

		if ((g != NULL && !g->is_parent) != wants_done)
			continue;
		if (wants_done)
			uz_set(g->parent, sizeof(g->parent), is_add ? parent : S(""));
		json_w_str(&c->w, NULL, json_str(v));
	}
	json_w_close(&c->w, ']');
}

static void
call_community_groups(struct uz_call *c)
{
	struct slice action = json_str(json_get(c->body, "action"));
	const struct uz_group *g = group_of(c, "community");

	if (g == NULL)
		return;
	if ((!slice_eq(action, S("add")) && !slice_eq(action, S("remove"))) ||
	    json_count(json_get(c->body, "groupjids")) == 0) {
		uz_refuse(c, 400, "invalid payload");
		return;
	}
	json_w_str(uz_answer(c, '{'), "message", S("community updated"));
	linked_write(c, slice_of(g->id), true);
	linked_write(c, slice_of(g->id), false);
	uz_answer_end(c, '}');
}

#define BODY   .takes_body = true, .needs_session = true
#define GROUP  UZ_TEXT("groupjid")
#define INVITE UZ_OPT("invitecode", FIELD_STRING), UZ_OPT("inviteCode", FIELD_STRING)
#define CHANGE(path, name, fn, ...)                                                                \
	UZ_ROUTE(POST, "/group/" path, "group." name, NULL, fn, BODY, .field = {__VA_ARGS__})

const struct route sim_uazapi_group_routes[] = {
	CHANGE("create", "create", call_create, UZ_TEXT("name"),
	       {"participants", FIELD_ARRAY, true}),
	CHANGE("info", "info", call_info, GROUP, UZ_OPT("getInviteLink", FIELD_BOOL),
	       UZ_OPT("getRequestsParticipants", FIELD_BOOL), UZ_OPT("force", FIELD_BOOL)),
	UZ_ROUTE(GET, "/group/list", "group.list", NULL, call_list, .needs_session = true),
	UZ_ROUTE(POST, "/group/list", "group.list", NULL, call_list, BODY, .is_new = true),
	CHANGE("inviteInfo", "inviteInfo", call_invite_info, INVITE),
	CHANGE("join", "join", call_join, INVITE),
	CHANGE("resetInviteCode", "resetInviteCode", call_reset_link, GROUP),
	CHANGE("updateName", "name", call_text, GROUP, UZ_TEXT("name")),
	CHANGE("updateDescription", "description", call_text, GROUP, UZ_TEXT("description")),
	CHANGE("updateImage", "image", call_image, GROUP, UZ_TEXT("image")),
	CHANGE("updateAnnounce", "announce", call_rules, GROUP, {"announce", FIELD_BOOL, true}),
	CHANGE("updateLocked", "locked", call_rules, GROUP, {"locked", FIELD_BOOL, true}),
	CHANGE("updateParticipants", "members", call_members, GROUP, UZ_TEXT("action"),
	       {"participants", FIELD_ARRAY, true}),
	CHANGE("leave", "leave", call_leave, GROUP),
	UZ_ROUTE(POST, "/community/create", "community.create", NULL, call_community, BODY,
		 .field = {UZ_TEXT("name")}),
	UZ_ROUTE(POST, "/community/editgroups", "community.groups", NULL, call_community_groups,
		 BODY,
		 .field = {UZ_TEXT("community"),
			   UZ_TEXT("action"),
			   {"groupjids", FIELD_ARRAY, true}}),
};
const unsigned sim_uazapi_group_route_count = GH_COUNT(sim_uazapi_group_routes);
