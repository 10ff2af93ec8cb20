/* uazapi_action.c - what is done about messages, and looking them up (6). */
#include "uazapi.h"

#include "base/arena.h"
#include "http/server.h"

#define FIND_LIMIT 100

/* ---- find ---- */

static bool
is_match(const struct uz_instance *i, const struct uz_message *m, struct slice chat,
	 struct slice source)
{
	return strcmp(m->instance, i->id) == 0 && (chat.n == 0 || slice_eq(chat, m->chat)) &&
	       (source.n == 0 || slice_eq(source, m->track_source));
}

static void
act_find(struct uz_call *c)
{
	struct slice id = json_str(json_get(c->body, "id"));
	struct slice track = json_str(json_get(c->body, "track_id"));
	struct slice chat = uz_jid_of(json_str(json_get(c->body, "chatid")), c->req->a);
	struct slice source = json_str(json_get(c->body, "track_source"));
	int64_t limit = json_i64(json_get(c->body, "limit"), FIND_LIMIT);
	int64_t offset = json_i64(json_get(c->body, "offset"), 0), matched = 0, told = 0;
	struct uz_message *m;
	uint64_t at = 0;
	struct json_w *w = uz_answer(c, '{');

	m = id.n > 0      ? uz_store_find(c->u->store, c->inst, id)
	    : track.n > 0 ? uz_store_track(c->u->store, c->inst, track)
			  : uz_store_nth(c->u->store, at);
	json_w_open(w, "messages", '[');
	while (m != NULL && matched <= offset + limit) {
		if (is_match(c->inst, m, chat, source) && matched++ >= offset && told < limit) {
			json_w_open(w, NULL, '{');
			uz_message_write(c->inst, m, UZ_FORM_FOUND, w);
			json_w_close(w, '}');
			told++;
		}
		m = id.n > 0 ? NULL : track.n > 0 ? m->older : uz_store_nth(c->u->store, ++at);
	}
	json_w_close(w, ']');
	json_w_i64(w, "returnedMessages", told);
	json_w_i64(w, "limit", limit);
	json_w_i64(w, "offset", offset);
	json_w_i64(w, "nextOffset", offset + told);
	json_w_bool(w, "hasMore", matched > offset + limit);
	uz_answer_end(c, '}');
}

const struct route sim_uazapi_action_routes[] = {
	UZ_ROUTE(POST, "/message/find", "message.find", NULL, act_find, .takes_body = true,
		 .field = {UZ_OPT("id", FIELD_STRING), UZ_OPT("chatid", FIELD_STRING),
			   UZ_OPT("track_source", FIELD_STRING), UZ_OPT("track_id", FIELD_STRING),
			   UZ_OPT("limit", FIELD_NUMBER), UZ_OPT("offset", FIELD_NUMBER)}),
};
const unsigned sim_uazapi_action_route_count = GH_COUNT(sim_uazapi_action_routes);
