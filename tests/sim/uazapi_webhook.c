/* uazapi_webhook.c - who is told (7), how (8), and the root of every body (10). Nothing is signed;
 * the instance's token is in the body (9).
 */
#include "uazapi.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/random.h"
#include "crypto/encode.h"
#include "http/server.h"

#define ERRORS_SHOW 20 /* (7) */
#define ERRORS_KEEP 8192
#define ATTEMPTS    3 /* (8) */
#define DELAY_MS    1000

static const char *const event_names[UZ_EVENT_COUNT] = {
	[UZ_EV_CONNECTION] = "connection",
	[UZ_EV_HISTORY] = "history",
	[UZ_EV_MESSAGES] = "messages",
	[UZ_EV_MESSAGES_UPDATE] = "messages_update",
	[UZ_EV_NEWSLETTER_MESSAGES] = "newsletter_messages",
	[UZ_EV_CALL] = "call",
	[UZ_EV_CONTACTS] = "contacts",
	[UZ_EV_PRESENCE] = "presence",
	[UZ_EV_GROUPS] = "groups",
	[UZ_EV_LABELS] = "labels",
	[UZ_EV_CHATS] = "chats",
	[UZ_EV_CHAT_LABELS] = "chat_labels",
	[UZ_EV_BLOCKS] = "blocks",
	[UZ_EV_SENDER] = "sender",
};

enum {
	EXCLUDE_BY_API,
	EXCLUDE_NOT_BY_API,
	EXCLUDE_ME,
	EXCLUDE_OTHERS,
	EXCLUDE_GROUP,
	EXCLUDE_NO_GROUP,
	EXCLUDE_COUNT
};
static const char *const exclude_names[EXCLUDE_COUNT] = {
	"wasSentByApi", "wasNotSentByApi", "fromMeYes", "fromMeNo", "isGroupYes", "isGroupNo"};

/* ---- one webhook ---- */

static void
hook_clear(struct uz_hook *h)
{
	post_target_release(h->target);
	arena_free(h->a);
	*h = (struct uz_hook){0};
}

void
uz_hooks_clear(struct uz_instance *i)
{
	for (size_t n = 0; n < i->hook_count; n++)
		hook_clear(&i->hook[n]);
	i->hook_count = 0;
}

static void
words_write(const char *name, const char *const *words, size_t count, unsigned bits,
	    struct json_w *w)
{
	json_w_open(w, name, '[');
	for (size_t i = 0; i < count; i++)
		if ((bits >> i & 1) != 0)
			json_w_str(w, NULL, slice_of(words[i]));
	json_w_close(w, ']');
}

void
uz_hook_write(const struct uz_hook *h, struct json_w *w)
{
	json_w_open(w, NULL, '{');
	json_w_str(w, "id", slice_of(h->id));
	json_w_bool(w, "enabled", h->is_enabled);
	json_w_str(w, "url", h->url);
	words_write("events", event_names, UZ_EVENT_COUNT, h->events, w);
	words_write("excludeMessages", exclude_names, EXCLUDE_COUNT, h->exclude, w);
	json_w_bool(w, "addUrlEvents", h->add_event);
	json_w_bool(w, "addUrlTypesMessages", h->add_type);
	json_w_close(w, '}');
}

/* An array of known words as bits; false: anything else. (13) IsGroupNo: case is not looked at. */
static bool
words_read(const struct json *v, const char *const *words, size_t count, unsigned *bits)
{
	if (json_is_null(v))
		return true;
	if (json_type(v) != JSON_ARRAY)
		return false;
	*bits = 0;
	for (const struct json *e = json_first(v); e != NULL; e = json_next(e)) {
		size_t i = 0;

		while (i < count && !slice_eq_nocase(json_str(e), slice_of(words[i])))
			i++;
		if (i == count)
			return false;
		*bits |= 1u << i;
	}
	return true;
}

static void on_failed(void *arg, const struct post_failure *f);

static struct post_target *
target_new(struct uazapi *u, struct slice token, struct slice url)
{
	struct post_target *t = NULL;

	if (post_target_new(&t,
			    &(struct post_options){.url = url,
						   .scope = S("uazapi"),
						   .label = token,
						   .policy = POST_CONSTANT,
						   .delay_ms = DELAY_MS,
						   .attempts = ATTEMPTS - 1,
						   .is_plain = true,
						   .failed = on_failed,
						   .arg = u},
			    NULL) != GH_OK)
		return NULL;
	return t;
}

bool
uz_hook_read(struct uazapi *u, const struct uz_instance *i, struct uz_hook *h, const struct json *v)
{
	struct uz_hook fresh = *h;
	struct slice url = json_str(json_get(v, "url"));

	fresh.is_enabled = json_bool(json_get(v, "enabled"), true);
	fresh.add_event = json_bool(json_get(v, "addUrlEvents"), h->add_event);
	fresh.add_type = json_bool(json_get(v, "addUrlTypesMessages"), h->add_type);
	if (!words_read(json_get(v, "events"), event_names, UZ_EVENT_COUNT, &fresh.events) ||
	    !words_read(json_get(v, "excludeMessages"), exclude_names, EXCLUDE_COUNT,
			&fresh.exclude))
		return false;
	if (url.n > 0) {
		fresh.target = target_new(u, i != NULL ? slice_of(i->token) : S(""), url);
		if (fresh.target == NULL)
			return false;
		fresh.a = arena_new(0);
		fresh.url = arena_dup(fresh.a, url);
		hook_clear(h);
	}
	if (fresh.id[0] == '\0') {
		uint8_t bytes[7];

		random_bytes(bytes, sizeof(bytes));
		fresh.id[0] = 'r';
		encode_hex(slice_make(bytes, sizeof(bytes)), fresh.id + 1);
	}
	*h = fresh;
	return fresh.url.n > 0;
}

/* ---- GET and POST /webhook ---- */

void
uz_webhook_get(struct uz_call *c)
{
	struct json_w *w = uz_answer(c, '[');

	for (size_t i = 0; i < c->inst->hook_count; i++)
		uz_hook_write(&c->inst->hook[i], w);
	uz_answer_end(c, ']');
}

static struct uz_hook *
hook_by_id(struct uz_instance *i, struct slice id)
{
	for (size_t n = 0; n < i->hook_count; n++)
		if (slice_eq(id, slice_of(i->hook[n].id)))
			return &i->hook[n];
	return NULL;
}

static void
hook_remove(struct uz_instance *i, struct uz_hook *h)
{
	hook_clear(h);
	*h = i->hook[--i->hook_count];
	i->hook[i->hook_count] = (struct uz_hook){0};
}

/* Simple mode: one webhook, created or replaced. */
static struct uz_hook *
hook_for(struct uz_instance *i, struct slice action, struct slice id)
{
	if (slice_eq(action, S("update")))
		return hook_by_id(i, id);
	if (i->hook_count == 0 || (action.n > 0 && i->hook_count < UZ_HOOKS_MAX))
		return &i->hook[i->hook_count];
	return action.n > 0 ? NULL : &i->hook[0];
}

void
uz_webhook_set(struct uz_call *c)
{
	struct slice action = json_str(json_get(c->body, "action"));
	struct slice id = json_str(json_get(c->body, "id"));
	struct uz_instance *i = c->inst;
	struct uz_hook *h;

	if (slice_eq(action, S("delete"))) {
		h = hook_by_id(i, id);
		if (h != NULL)
			hook_remove(i, h);
	} else {
		h = action.n == 0 || slice_eq(action, S("add")) || slice_eq(action, S("update"))
			    ? hook_for(i, action, id)
			    : NULL;
		if (h != NULL && !uz_hook_read(c->u, i, h, c->body)) {
			uz_refuse(c, 400, "invalid payload");
			return;
		}
		if (h == &i->hook[i->hook_count])
			i->hook_count++;
	}
	if (h == NULL) {
		uz_refuse(c, 400, "invalid payload");
		return;
	}
	i->update_count++;
	state_save(c->u->sim);
	uz_webhook_get(c);
}

/* One object, not an array (7). */
static void
global_answer(struct uz_call *c)
{
	if (c->u->global.url.n == 0) {
		sim_reply(c->req, 200, S("{}"));
		return;
	}
	buf_init(&c->b, c->req->a, SIM_LIST_MAX);
	json_w_init(&c->w, &c->b);
	uz_hook_write(&c->u->global, &c->w);
	sim_reply_buf(c->req, 200, &c->b);
}

void
uz_global_get(struct uz_call *c)
{
	if (c->u->opt.demo)
		uz_refuse(c, 403, "not available on the demo server");
	else
		global_answer(c);
}

void
uz_global_set(struct uz_call *c)
{
	if (c->u->opt.demo)
		uz_refuse(c, 403, "not available on the demo server");
	else if (!uz_hook_read(c->u, NULL, &c->u->global, c->body))
		uz_refuse(c, 400, "invalid payload");
	else
		global_answer(c);
}

/* ---- deliveries that failed ---- */

struct hook_error {
	struct list link;
	struct arena *a;
	struct slice token, url, event, payload;
	int64_t at_us, attempts;
	unsigned status;
};

static void
on_failed(void *arg, const struct post_failure *f)
{
	struct uazapi *u = arg;
	struct arena *a = arena_new(0);
	struct hook_error *e = arena_alloc(a, sizeof(*e));
	const struct json *body;

	e->a = a;
	e->token = arena_dup(a, f->label);
	e->url = arena_dup(a, f->url);
	e->payload = arena_dup(a, f->body);
	e->status = f->status;
	e->attempts = f->attempts;
	e->at_us = clock_wall_us();
	if (json_parse(e->payload, a, &body, NULL, NULL) == GH_OK)
		e->event = json_str(json_get(body, "EventType"));
	list_add_head(&u->errors, &e->link);
	if (u->error_count++ == ERRORS_KEEP) {
		struct hook_error *old = LIST_ENTRY(u->errors.prev, struct hook_error, link);

		list_del(&old->link);
		arena_free(old->a);
		u->error_count--;
	}
}

static void
errors_answer(struct uz_call *c, struct slice token)
{
	struct json_w *w = uz_answer(c, '[');
	char at[CLOCK_RFC3339_SIZE];
	unsigned n = 0;

	LIST_FOREACH(l, &c->u->errors)
	{
		const struct hook_error *e = LIST_ENTRY(l, struct hook_error, link);

		if (!slice_eq(e->token, token) || n++ == ERRORS_SHOW)
			continue;
		json_w_open(w, NULL, '{');
		json_w_str(w, "created", slice_of(clock_rfc3339(e->at_us, at)));
		json_w_str(w, "url", e->url);
		json_w_str(w, "type", token.n > 0 ? S("local") : S("global"));
		json_w_str(w, "event", e->event);
		json_w_str(w, "message_type", S(""));
		json_w_i64(w, "status_code", e->status);
		json_w_i64(w, "attempts", e->attempts);
		json_w_str(w, "error", e->status != 0 ? S("unexpected status") : S("no answer"));
		json_w_raw(w, "payload", e->payload);
		json_w_close(w, '}');
	}
	sim_exchange_header(
		c->req, S("X-Webhook-Error-Capture-Started-At"),
		slice_of(arena_printf(c->req->a, "%s", clock_rfc3339(c->u->start_us, at))));
	uz_answer_end(c, ']');
}

void
uz_webhook_errors(struct uz_call *c)
{
	errors_answer(c, slice_of(c->inst->token));
}

void
uz_global_errors(struct uz_call *c)
{
	errors_answer(c, S(""));
}

/* Oldest first; "ids": of a receipt. */
void
uazapi_given_up_write(const struct uazapi *u, struct json_w *w)
{
	for (const struct list *l = u->errors.prev; l != &u->errors; l = l->prev) {
		const struct hook_error *e = LIST_ENTRY(l, struct hook_error, link);
		const struct uz_instance *i = map_get(u->by_token, e->token);
		const struct json *body = NULL;

		if (json_parse(e->payload, e->a, &body, NULL, NULL) != GH_OK)
			body = NULL;
		json_w_open(w, NULL, '{');
		json_w_str(w, "session", i == NULL ? S("") : slice_of(i->session));
		json_w_str(w, "event", e->event);
		json_w_str(w, "state", json_str(json_get(body, "state")));
		json_w_i64(w, "status", e->status);
		json_w_open(w, "ids", '[');
		for (const struct json *id =
			     json_first(json_get(json_get(body, "event"), "MessageIDs"));
		     id != NULL; id = json_next(id))
			json_w_str(w, NULL, json_str(id));
		json_w_close(w, ']');
		json_w_close(w, '}');
	}
}

/* ---- bodies ---- */

const char *
uz_event_name(enum uz_event e)
{
	return event_names[e];
}

void
uz_body_open(const struct uz_instance *i, enum uz_event event, struct json_w *w)
{
	json_w_open(w, NULL, '{');
	json_w_str(w, "BaseUrl", S(UZ_BASE_URL));
	json_w_str(w, "EventType", slice_of(event_names[event]));
	json_w_str(w, "instanceName", slice_of(i->name));
	json_w_str(w, "owner", slice_of(i->owner));
	json_w_str(w, "token", slice_of(i->token));
}

/* (7) It does not suppress messages_update. */
static bool
is_excluded(const struct uz_hook *h, const struct uz_traits *t)
{
	unsigned bits;

	if (t == NULL || !t->is_message)
		return false;
	bits = 1u << (t->by_api ? EXCLUDE_BY_API : EXCLUDE_NOT_BY_API) |
	       1u << (t->from_me ? EXCLUDE_ME : EXCLUDE_OTHERS) |
	       1u << (t->is_group ? EXCLUDE_GROUP : EXCLUDE_NO_GROUP);
	return (h->exclude & bits) != 0;
}

static unsigned
hook_post(struct uazapi *u, struct slice token, const struct uz_hook *h, enum uz_event event,
	  const struct uz_traits *t, struct slice body)
{
	int64_t now_ms = clock_wall_us() / CLOCK_MS;
	struct post_target *target = h->target;
	struct arena *a;

	if (!h->is_enabled || (h->events >> event & 1) == 0 || is_excluded(h, t))
		return 0;
	if (!h->add_event && !h->add_type) {
		poster_send(u->sim->poster, target, body, now_ms);
		return 1;
	}
	a = arena_new(0);
	target = target_new(
		u, token,
		slice_of(arena_printf(a, "%.*s%s%s%s%s", S_FMT(h->url), h->add_event ? "/" : "",
				      h->add_event ? event_names[event] : "",
				      h->add_type && t != NULL && t->type != NULL ? "/" : "",
				      h->add_type && t != NULL && t->type != NULL ? t->type : "")));
	arena_free(a);
	if (target == NULL)
		return 0;
	poster_send(u->sim->poster, target, body, now_ms);
	post_target_release(target);
	return 1;
}

unsigned
uz_body_post(const struct uz_instance *i, enum uz_event event, const struct uz_traits *traits,
	     struct json_w *w)
{
	struct uazapi *u = i->u;
	struct slice body;
	unsigned count = 0;

	json_w_close(w, '}');
	if (u->sim->is_silent)
		return 0;
	if (w->b->over)
		gh_panic("sim: a webhook body is too long");
	body = buf_slice(w->b);
	for (size_t n = 0; n < i->hook_count; n++)
		count += hook_post(u, slice_of(i->token), &i->hook[n], event, traits, body);
	if (u->global.url.n > 0)
		count += hook_post(u, S(""), &u->global, event, traits, body);
	return count;
}
