/* waha_group.c - groups and their members (18.3, 18.4), in the forms of GOWS and NOWEB. */
#include "waha_action.h"

#include "base/arena.h"
#include "base/map.h"
#include "http/json.h"
#include "http/router.h"
#include "http/server.h"

#define REPLY_MAX   (4 * 1024 * 1024)
#define GROUP_FIRST 120363000000000100ull

struct group {
	struct arena *a;
	struct slice id, session, name, topic;
	struct map *members; /* id -> role, a literal */
	bool has_picture;
};

static struct group *
group_find(struct action_call *c)
{
	struct slice id = route_param(c->m, S("id"));
	struct group *g = map_get(waha_books(c->s->w)->groups, waha_key(c->req->a, c->s, id));

	if (g == NULL)
		waha_throw(c->req, "group not found");
	return g;
}

static void
member_write(struct action_call *c, struct slice id, const char *role, struct json_w *w)
{
	bool is_admin = strcmp(role, "participant") != 0;

	json_w_open(w, NULL, '{');
	if (c->s->w->engine == ENGINE_GOWS) {
		json_w_str(w, "JID", id);
		json_w_bool(w, "IsAdmin", is_admin);
		json_w_bool(w, "IsSuperAdmin", strcmp(role, "superadmin") == 0);
		json_w_i64(w, "Error", 0);
	} else {
		json_w_str(w, "id", id);
		json_w_str(w, "admin", is_admin ? slice_of(role) : SLICE_NONE);
	}
	json_w_close(w, '}');
}

static void
group_reply(struct action_call *c, const struct group *g, unsigned status)
{
	bool is_gows = c->s->w->engine == ENGINE_GOWS;
	struct slice id;
	struct json_w w;
	struct buf b;
	void *role;
	size_t it = 0;

	buf_init(&b, c->req->a, REPLY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, is_gows ? "JID" : "id", g->id);
	json_w_str(&w, is_gows ? "Name" : "subject", g->name);
	json_w_str(&w, is_gows ? "Topic" : "desc", g->topic);
	json_w_open(&w, is_gows ? "Participants" : "participants", '[');
	while (map_next(g->members, &it, &id, &role))
		member_write(c, id, role, &w);
	json_w_close(&w, ']');
	json_w_close(&w, '}');
	sim_reply_buf(c->req, status, &b);
}

void
waha_act_group_create(struct action_call *c)
{
	struct waha_actions *b = waha_books(c->s->w);
	const struct json *people = json_get(c->body, "participants");
	struct arena *a = arena_new(0);
	struct group *g = arena_alloc(a, sizeof(*g));

	g->a = a;
	g->id = slice_of(
		arena_printf(a, "%llu@g.us", GROUP_FIRST + (unsigned long long)b->group_count++));
	g->name = arena_dup(a, json_str(json_get(c->body, "name")));
	g->members = map_new();
	map_put(g->members, slice_of(arena_printf(a, "%s@c.us", c->s->number)),
		(void *)(uintptr_t) "superadmin");
	for (const struct json *v = json_first(people); v != NULL; v = json_next(v)) {
		if (!waha_chat_is_good(c, json_str(json_get(v, "id"))))
			return;
		map_put(g->members, json_str(json_get(v, "id")), (void *)(uintptr_t) "participant");
	}
	map_put(b->groups, waha_key(a, c->s, g->id), g);
	group_reply(c, g, 201);
}

void
waha_act_group(struct action_call *c)
{
	const struct group *g = group_find(c);

	if (g != NULL)
		group_reply(c, g, 200);
}

void
waha_act_members(struct action_call *c)
{
	const struct group *g = group_find(c);
	struct slice id;
	struct json_w w;
	struct buf b;
	void *role;
	size_t it = 0;

	if (g == NULL)
		return;
	buf_init(&b, c->req->a, REPLY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '[');
	while (map_next(g->members, &it, &id, &role)) {
		json_w_open(&w, NULL, '{');
		json_w_str(&w, "id", id);
		json_w_str(&w, "role", slice_of(role));
		json_w_close(&w, '}');
	}
	json_w_close(&w, ']');
	sim_reply_buf(c->req, 200, &b);
}

/* The code is the digits of the group's id. */
static struct group *
group_by_code(struct action_call *c, struct slice code)
{
	struct slice id;
	struct group *g;

	if (slice_starts(code, S("https://chat.whatsapp.com/")))
		code = slice_from(code, sizeof("https://chat.whatsapp.com/") - 1);
	id = slice_of(arena_printf(c->req->a, "%.*s@g.us", S_FMT(code)));
	g = map_get(waha_books(c->s->w)->groups, waha_key(c->req->a, c->s, id));
	if (g == NULL)
		waha_throw(c->req, "invite link not found");
	return g;
}

void
waha_act_group_invite(struct action_call *c)
{
	const struct group *g = group_by_code(c, query_get(&c->query, S("code")));

	if (g != NULL)
		group_reply(c, g, 200);
}

void
waha_act_group_join(struct action_call *c)
{
	const struct group *g = group_by_code(c, json_str(json_get(c->body, "code")));

	if (g != NULL)
		waha_reply_text(c, 200, arena_printf(c->req->a, "{\"id\":\"%.*s\"}", S_FMT(g->id)));
}

void
waha_act_group_link(struct action_call *c)
{
	const struct group *g = group_find(c);
	struct slice host;
	bool is_gows = c->s->w->engine == ENGINE_GOWS;

	if (g != NULL)
		waha_reply_text(c, 200,
				arena_printf(c->req->a, "%s%.*s",
					     is_gows ? "https://chat.whatsapp.com/" : "",
					     S_FMT(slice_cut(g->id, '@', &host))));
}

/* Subject and description: WEBJS says true, the others nothing; a name of "refused" is refused. */
void
waha_act_group_text(struct action_call *c)
{
	struct group *g = group_find(c);
	struct slice name = json_str(json_get(c->body, "subject"));

	if (g == NULL)
		return;
	if (slice_eq(name, S("refused"))) {
		waha_reply_text(c, 200, "false");
		return;
	}
	if (name.p != NULL)
		g->name = arena_dup(g->a, name);
	else
		g->topic = arena_dup(g->a, json_str(json_get(c->body, "description")));
	waha_reply_text(c, 200, c->s->w->engine == ENGINE_WEBJS ? "true" : "");
}

void
waha_act_group_picture(struct action_call *c)
{
	const struct json *file = json_get(c->body, "file");
	struct group *g = group_find(c);

	if (g == NULL)
		return;
	if (c->req->head->method == HTTP_GET) {
		waha_reply_text(c, 200,
				g->has_picture ? "{\"url\":\"https://pps.example.net/g.jpg\"}"
					       : "{\"url\":null}");
		return;
	}
	if (c->body != NULL && (json_str(json_get(file, "mimetype")).n == 0 ||
				(json_str(json_get(file, "url")).n == 0) ==
					(json_str(json_get(file, "data")).n == 0))) {
		waha_throw(c->req, "file needs mimetype and one of url and data (18.3)");
		return;
	}
	g->has_picture = c->body != NULL;
	waha_reply_text(c, 200, "{\"success\":true}");
}

/* (18.4) Numbers of area 00 are refused for their privacy. */
void
waha_act_group_members(struct action_call *c)
{
	struct slice path = c->req->head->path;
	const char *role = slice_ends(path, S("/promote"))  ? "admin"
			   : slice_ends(path, S("/remove")) ? NULL
							    : "participant";
	const struct json *people = json_get(c->body, "participants");
	struct group *g = group_find(c);
	struct json_w w;
	struct buf b;

	if (g == NULL)
		return;
	buf_init(&b, c->req->a, REPLY_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '[');
	for (const struct json *v = json_first(people); v != NULL; v = json_next(v)) {
		struct slice id = json_str(json_get(v, "id"));
		bool is_refused = slice_starts(id, S("5500"));

		if (!waha_chat_is_good(c, id))
			return;
		if (!is_refused && role != NULL)
			map_put(g->members, id, (void *)(uintptr_t)role);
		else if (!is_refused)
			map_del(g->members, id);
		json_w_open(&w, NULL, '{');
		json_w_str(&w, "JID", id);
		json_w_i64(&w, "Error", is_refused ? 403 : 0);
		json_w_close(&w, '}');
	}
	json_w_close(&w, ']');
	sim_reply_buf(c->req, 200, &b);
}

void
waha_act_group_leave(struct action_call *c)
{
	struct group *g = group_find(c);

	if (g == NULL)
		return;
	map_del(waha_books(c->s->w)->groups, waha_key(c->req->a, c->s, g->id));
	map_free(g->members);
	arena_free(g->a);
	waha_reply_text(c, 200, "");
}
