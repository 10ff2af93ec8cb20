/* new_chats.c - see new_chats.h. */
#include "new_chats.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/lookup.h"
#include "model/new_chats.h"
#include "model/send_queue.h"
#include "model/wake.h"
#include "outcome.h"
#include "provider/provider.h"
#include "routes.h"
#include "senderd.h"

#define CHATS_MAX 50000
/* Who was spoken with stays so; who was not may write in a moment. */
#define CHATS_TTL_US (600 * CLOCK_SEC)
#define CHATS_NEW_US CLOCK_SEC

struct new_chats {
	struct senderd *sd;
	struct lookup *known;
};

/* ---- who was spoken with ---- */

/* Key: company and instance in 4 bytes each, then both spellings with a blank between. */
#define KEY_HEAD (2 * sizeof(int32_t))

static struct slice
key_make(struct arena *a, const struct new_chats_key *key)
{
	char *text = arena_alloc(a, KEY_HEAD + key->chat.n + 1 + key->other.n);

	memcpy(text, &key->company_id, sizeof(int32_t));
	memcpy(text + sizeof(int32_t), &key->instance_id, sizeof(int32_t));
	memcpy(text + KEY_HEAD, key->chat.p, key->chat.n);
	text[KEY_HEAD + key->chat.n] = ' ';
	memcpy(text + KEY_HEAD + key->chat.n + 1, key->other.p, key->other.n);
	return slice_make(text, KEY_HEAD + key->chat.n + 1 + key->other.n);
}

static void
known_add(struct db_unit *u, const struct slice *keys, unsigned count, void *arg GH_UNUSED)
{
	struct new_chats_key asked[LOOKUP_KEYS_MAX];

	for (unsigned i = 0; i < count; i++) {
		memcpy(&asked[i].company_id, keys[i].p, sizeof(int32_t));
		memcpy(&asked[i].instance_id, keys[i].p + sizeof(int32_t), sizeof(int32_t));
		asked[i].chat = slice_cut(slice_from(keys[i], KEY_HEAD), ' ', &asked[i].other);
	}
	new_chats_known_add(u, asked, count);
}

static void
known_read(struct lookup *l, const struct db_unit *u, void *arg GH_UNUSED)
{
	struct arena *a = arena_new(0);

	for (unsigned i = 0; i < new_chats_known_count(u, 0); i++) {
		struct new_chats_key key;

		new_chats_known_read(u, 0, i, &key);
		lookup_found(l, key_make(a, &key), gh_alloc(1)); /* that it is there is all */
	}
	arena_free(a);
}

struct asking {
	new_chats_fn *fn;
	void *arg;
};

static void
known_found(void *arg, enum gh_code code, const void *value GH_UNUSED)
{
	const struct asking *q = arg;

	q->fn(q->arg, code);
}

void
new_chats_find(struct new_chats *n, struct arena *a, const struct send_claim *claim,
	       struct slice chat, new_chats_fn *fn, void *arg)
{
	const struct new_chats_key key = {.company_id = claim->company_id,
					  .instance_id = claim->instance_id,
					  .chat = chat,
					  .other = claim->chat_key};
	struct asking *q = arena_alloc(a, sizeof(*q));
	const void *value = NULL;
	enum gh_code rc;

	*q = (struct asking){.fn = fn, .arg = arg};
	if (!slice_ends(chat, S("@c.us")) && !slice_ends(chat, S("@lid"))) {
		fn(arg, GH_OK);
		return;
	}
	rc = lookup_get(n->known, key_make(a, &key), &value, known_found, q);
	if (rc != GH_EAGAIN)
		fn(arg, rc);
}

/* ---- the pause ---- */

struct pausing {
	struct new_chats *owner;
	int32_t instance_id;
	int64_t until_us;
	const char *code;
};

/* Not stored: the message waits all the same, and the next new chat is refused and tells again. */
static void
pause_failed(const struct pausing *p, enum gh_code code, const char *why)
{
	log_warn("send.new_chats_unstored", LOG_INT("instance", p->instance_id),
		 LOG_STR("code", gh_code_name(code)), LOG_STR("err", why));
}

static void
pause_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct pausing *p = arg;
	struct senderd *sd = p->owner->sd;

	if (code != GH_OK) {
		pause_failed(p, code, db_unit_error(u)->text);
	} else if (new_chats_has_begun(u, 0)) {
		metrics_add(sd->metrics, M_NEW_CHATS, NEW_CHATS_M_PAUSED, 0, 1);
		log_warn("send.new_chats_paused", LOG_INT("instance", p->instance_id),
			 LOG_STR("code", p->code),
			 LOG_INT("for_s", (p->until_us - clock_wall_us()) / CLOCK_SEC));
		wake_send(sd->wake); /* the event's deliveries */
	}
	gh_free(p);
}

static void
pause_store(struct new_chats *n, const struct route *route, const struct provider_result *r,
	    const struct outcome_pause *pause)
{
	struct pausing *p = gh_alloc(sizeof(*p));
	struct db_unit *u = db_unit_new();
	enum gh_code rc;

	*p = (struct pausing){.owner = n,
			      .instance_id = route->instance_id,
			      .until_us = pause->until_us,
			      .code = r->code};
	new_chats_refused_add(u, &(struct new_chats_refusal){
					 .instance_id = route->instance_id,
					 .needed = pause->needed,
					 .until_us = pause->until_us,
					 .reason = slice_of(r->code),
					 .name = route->instance_name,
					 .session = route->session,
					 .phone = route->phone,
				 });
	rc = db_submit(n->sd->write, u, pause_done, p);
	if (rc != GH_OK) {
		pause_failed(p, rc, "the database is busy");
		gh_free(p);
	}
}

int64_t
new_chats_answered(struct new_chats *n, const struct route *route, const struct provider_result *r)
{
	int64_t now_us = clock_wall_us();
	struct outcome_pause pause;

	if (!outcome_pauses(r, n->sd->conf->common.sending_new_chats_pause_us, now_us, &pause))
		return 0;
	metrics_add(n->sd->metrics, M_NEW_CHATS, NEW_CHATS_M_REFUSED, 0, 1);
	pause_store(n, route, r, &pause);
	return pause.needed == 1 ? pause.until_us - now_us : 0;
}

/* ---- life ---- */

struct new_chats *
new_chats_new(struct senderd *sd)
{
	struct new_chats *n = gh_alloc(sizeof(*n));
	const struct lookup_def def = {
		.entries_max = CHATS_MAX,
		.ttl_us = CHATS_TTL_US,
		.negative_ttl_us = CHATS_NEW_US,
		.add = known_add,
		.read = known_read,
		.free_value = gh_free,
	};

	n->sd = sd;
	n->known = lookup_new(sd->loop, sd->read, &def);
	return n;
}

void
new_chats_free(struct new_chats *n)
{
	if (n == NULL)
		return;
	lookup_free(n->known);
	gh_free(n);
}
