/* uazapi_inbound.c - what people do to an account, told by webhook (10): POST /_sim/inbound.
 *
 * {"provider":"uazapi","session","from","text"}   a text, as messages
 * {"session","raw"}                               a body, as given; owner, token and so on are
 * added
 */
#include "uazapi.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/clock.h"
#include "http/server.h"

#define BODY_MAX (SIM_BODY_MAX * 2)

/* What was asked for, and who does it where. */
struct deed {
	struct uz_instance *inst;
	const struct json *body;
	struct arena *a;
	struct slice id, chat, person, text;
};

static struct slice
deed_str(const struct deed *d, const char *name)
{
	return json_str(json_get(d->body, name));
}

static struct uz_message
message_of(const struct deed *d)
{
	struct uz_message m = {
		.id = d->id,
		.chat = d->chat,
		.person = d->person,
		.text = d->text,
		.type = S("text"),
		.message_type = S("Conversation"),
		.sender_name = S("Rui"),
		.from_me = json_bool(json_get(d->body, "from_me"), false),
		.at_ms = clock_wall_us() / CLOCK_MS,
	};

	memcpy(m.instance, d->inst->id, sizeof(m.instance));
	return m;
}

/* Known from now on: replies to it are no new conversation. */
static unsigned
message_in(const struct deed *d, struct uz_message *m)
{
	struct uz_chat *c = uz_chat_of(d->inst, m->chat);

	c->last_ms = m->at_ms;
	c->unread += !m->from_me;
	(void)uz_store_add(d->inst->u->store, m);
	return uz_message_post(d->inst, m);
}

static unsigned
post_text(const struct deed *d)
{
	struct uz_message m = message_of(d);
	struct json_w w;
	struct buf b;

	/* (10.2) content is a string here and an object for everything else. */
	buf_init(&b, d->a, BODY_MAX);
	json_w_init(&w, &b);
	json_w_str(&w, NULL, d->text);
	m.content = buf_slice(&b);
	return message_in(d, &m);
}

static bool
deed_read(struct deed *d)
{
	struct slice chat = deed_str(d, "chat"); /* a group it is done in */

	d->id = deed_str(d, "id");
	if (d->id.n == 0)
		d->id = people_message_id(d->a);
	d->person = uz_jid_of(deed_str(d, "from"), d->a);
	d->chat = chat.n > 0 ? uz_jid_of(chat, d->a) : d->person;
	d->text = deed_str(d, "text");
	return d->chat.p != NULL && d->person.p != NULL;
}

void
uazapi_inbound(struct uazapi *u, struct http_req *req, const struct json *body)
{
	struct deed d = {.inst = uz_instance_find(u, json_str(json_get(body, "session"))),
			 .body = body,
			 .a = req->a};
	int64_t at_us = clock_wall_us();
	unsigned posted;

	if (d.inst == NULL) {
		sim_reply_error(req, 404, "session: unknown");
		return;
	}
	if (!deed_read(&d) || d.text.p == NULL) {
		sim_reply_error(req, 422, "give raw (an object), from and text, or from and kind");
		return;
	}
	posted = post_text(&d);
	sim_reply(req, 200,
		  slice_of(arena_printf(req->a,
					"{\"id\":\"%.*s\",\"posted\":%u,\"at_us\":%" PRId64 "}",
					S_FMT(d.id), posted, at_us)));
}
