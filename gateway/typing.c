/* typing.c - see typing.h. */
#include "typing.h"

#include "gateway.h"

#include "base/arena.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "daemon/provider_client.h"
#include "loop/loop.h"
#include "model/instance.h"
#include "provider/provider.h"

#define STOP_TIMEOUT_US (5 * CLOCK_SEC)

struct typing {
	struct gateway *gw;
	struct map *by_chat; /* "instance/chat" -> struct sign, of shown */
	struct list shown;
	struct list stopping; /* the call is under way */
};

/* Lives in its own arena. */
struct sign {
	struct list link;
	struct typing *owner;
	struct arena *a;
	struct slice key;
	struct loop_timer *timer;
	int32_t instance_id;
	struct provider_address address;
	struct slice session, chat;
};

static void
sign_free(struct sign *s)
{
	list_del(&s->link);
	loop_timer_free(s->timer);
	arena_free(s->a);
}

/* Out of the list of those shown. */
static void
sign_forget(struct sign *s)
{
	(void)map_del(s->owner->by_chat, s->key);
	list_del(&s->link);
}

static void
stop_answered(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct sign *s = arg;

	if (r->outcome != PROVIDER_OK)
		log_warn("provider.typing_unstopped", LOG_INT("instance", s->instance_id),
			 LOG_STR("code", r->code));
	sign_free(s);
}

static void
sign_stop(void *arg)
{
	struct sign *s = arg;
	const struct provider_call call = {
		.op = PROVIDER_OP_PRESENCE,
		.session = s->session,
		.chat = s->chat,
		.presence = PROVIDER_PRESENCE_PAUSED,
	};

	sign_forget(s);
	list_add_tail(&s->owner->stopping, &s->link);
	provider_client_call(s->owner->gw->providers, &s->address, &call, STOP_TIMEOUT_US,
			     stop_answered, s);
}

bool
typing_has_room(const struct gateway *gw)
{
	return map_count(gw->typing->by_chat) < TYPING_MAX;
}

void
typing_shown(struct gateway *gw, const struct instance_row *i, struct slice chat, int64_t delay_us)
{
	struct typing *t = gw->typing;
	struct arena *a = arena_new(0);
	struct slice key = slice_of(arena_printf(a, "%d/%.*s", i->id, S_FMT(chat)));
	struct sign *s = map_get(t->by_chat, key);

	if (s != NULL) {
		sign_forget(s);
		sign_free(s);
	}
	if (delay_us == 0 || !typing_has_room(gw)) {
		arena_free(a);
		return;
	}
	s = arena_alloc(a, sizeof(*s));
	*s = (struct sign){
		.owner = t,
		.a = a,
		.key = key,
		.instance_id = i->id,
		.address = {.type = arena_dup(a, i->provider_type),
			    .base_url = arena_dup(a, i->base_url),
			    .api_key_sealed = arena_dup(a, i->api_key_sealed),
			    .engine = arena_dup(a, i->engine),
			    .session_key_sealed = arena_dup(a, i->session_key_sealed)},
		.session = arena_dup(a, i->external_id),
		.chat = arena_dup(a, chat),
	};
	s->timer = loop_timer_new(gw->loop, sign_stop, s);
	loop_timer_set(s->timer, delay_us);
	list_add_tail(&t->shown, &s->link);
	(void)map_put(t->by_chat, key, s);
}

/* ---- life ---- */

void
typing_start(struct gateway *gw)
{
	struct typing *t = gh_alloc(sizeof(*t));

	t->gw = gw;
	t->by_chat = map_new();
	list_init(&t->shown);
	list_init(&t->stopping);
	gw->typing = t;
}

void
typing_drain(struct gateway *gw)
{
	struct typing *t = gw->typing;

	while (!list_is_empty(&t->shown))
		sign_stop(LIST_ENTRY(t->shown.next, struct sign, link));
}

bool
typing_is_idle(const struct gateway *gw)
{
	return gw->typing == NULL || list_is_empty(&gw->typing->stopping);
}

/* The calls under way end with the client, without their answer. */
void
typing_stop(struct gateway *gw)
{
	struct typing *t = gw->typing;

	if (t == NULL)
		return;
	while (!list_is_empty(&t->shown))
		sign_free(LIST_ENTRY(t->shown.next, struct sign, link));
	while (!list_is_empty(&t->stopping))
		sign_free(LIST_ENTRY(t->stopping.next, struct sign, link));
	map_free(t->by_chat);
	gh_free(t);
	gw->typing = NULL;
}
