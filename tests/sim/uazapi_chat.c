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
	arena_free(a);
}
