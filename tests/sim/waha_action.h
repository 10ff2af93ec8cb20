/* waha_action.h - what waha_action.c and waha_group.c share: the books of what was done, and one
 * accepted call.
 */
#ifndef GH_SIM_WAHA_ACTION_H
#define GH_SIM_WAHA_ACTION_H

#include "http/query.h"
#include "waha.h"

struct map;
struct route_match;

struct waha_actions {
	uint64_t group_count;
	struct map *groups;  /* "<session>/<id>" */
	struct map *names;   /* "<session>/<chat>" -> name, of contacts added */
	struct map *blocked; /* "<session>/<chat>" -> itself */
	struct arena *a;     /* of names and blocked */
};

struct action_call {
	struct waha_session *s;
	struct http_req *req;
	const struct route_match *m;
	const struct json *body;
	struct query query;
};

typedef void action_fn(struct action_call *c);

/* The books; made at the first call. */
struct waha_actions *waha_books(struct waha *w);
/* "<session>/<id>" */
struct slice waha_key(struct arena *a, const struct waha_session *s, struct slice id);
void waha_reply_text(struct action_call *c, unsigned status, const char *text);
/* (3.1) False: refused. */
bool waha_chat_is_good(struct action_call *c, struct slice id);

/* waha_group.c */
action_fn waha_act_group_create, waha_act_group, waha_act_members, waha_act_group_invite,
	waha_act_group_join, waha_act_group_link, waha_act_group_text, waha_act_group_picture,
	waha_act_group_members, waha_act_group_leave;

#endif
