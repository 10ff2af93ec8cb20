/* uazapi_state.c - what of an instance outlives the server (state.c): who it is, its webhooks and
 * its pairing. One that was paired connects again by itself.
 */
#include "uazapi.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/map.h"

/* Texts kept as they are. */
static const struct kept {
	const char *name;
	size_t at, size;
} kept[] = {
	{"id", offsetof(struct uz_instance, id), UZ_ID_SIZE},
	{"session", offsetof(struct uz_instance, session), UZ_NAME_SIZE},
	{"system", offsetof(struct uz_instance, system), UZ_NAME_SIZE},
	{"profile", offsetof(struct uz_instance, profile_name), UZ_NAME_SIZE},
	{"admin01", offsetof(struct uz_instance, admin[0]), UZ_TEXT_SIZE},
	{"admin02", offsetof(struct uz_instance, admin[1]), UZ_TEXT_SIZE},
	{"presence", offsetof(struct uz_instance, presence), 16},
	{"owner", offsetof(struct uz_instance, owner), PEOPLE_NUMBER_SIZE},
};

void
uazapi_state_write(const struct uazapi *u, struct json_w *w)
{
	LIST_FOREACH(l, &u->instances)
	{
		const struct uz_instance *i = LIST_ENTRY(l, struct uz_instance, link);

		json_w_open(w, NULL, '{');
		json_w_str(w, "name", slice_of(i->name));
		json_w_str(w, "token", slice_of(i->token));
		for (size_t k = 0; k < GH_COUNT(kept); k++)
			json_w_str(w, kept[k].name, slice_of((const char *)i + kept[k].at));
		json_w_bool(w, "is_paired", i->is_paired);
		json_w_bool(w, "needs_person", i->needs_person);
		json_w_i64(w, "created_us", i->created_us);
		json_w_open(w, "webhooks", '[');
		for (size_t n = 0; n < i->hook_count; n++)
			uz_hook_write(&i->hook[n], w);
		json_w_close(w, ']');
		json_w_close(w, '}');
	}
}

enum gh_code
uazapi_state_read(struct uazapi *u, const struct json *v, struct gh_err *err)
{
	char token[UUID_TEXT_SIZE];
	struct uz_instance *i;

	if (slice_to_cstr(json_str(json_get(v, "token")), token, sizeof(token)) != GH_OK)
		return gh_fail(err, GH_EINVAL, "an instance without a token");
	i = uz_instance_new(u, json_str(json_get(v, "name")), token);
	for (size_t k = 0; k < GH_COUNT(kept); k++)
		uz_set((char *)i + kept[k].at, kept[k].size, json_str(json_get(v, kept[k].name)));
	i->is_paired = json_bool(json_get(v, "is_paired"), false);
	i->needs_person = json_bool(json_get(v, "needs_person"), false);
	i->created_us = json_i64(json_get(v, "created_us"), i->created_us);
	for (const struct json *h = json_first(json_get(v, "webhooks"));
	     h != NULL && i->hook_count < UZ_HOOKS_MAX; h = json_next(h)) {
		struct uz_hook *hook = &i->hook[i->hook_count++];

		if (!uz_hook_read(u, i, hook, h))
			return gh_fail(err, GH_EINVAL, "a webhook of instance %s", i->id);
		uz_set(hook->id, sizeof(hook->id), json_str(json_get(h, "id")));
	}
	if (i->is_paired)
		uz_instance_connect(i, SLICE_NONE);
	return GH_OK;
}
