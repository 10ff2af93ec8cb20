/* gaps.c - what servers lack; see gaps.h. */
#include "gaps.h"

#include "base/map.h"
#include "base/mem.h"

struct gap {
	int64_t until_us;
};

struct gaps {
	struct map *by_call; /* int64 of provider and action -> struct gap */
};

static int64_t
key_of(int32_t provider_id, enum provider_action action)
{
	return (int64_t)provider_id << 16 | (int64_t)action;
}

struct gaps *
gaps_new(void)
{
	struct gaps *g = gh_alloc(sizeof(*g));

	g->by_call = map_new();
	return g;
}

static void
forget_all(struct gaps *g)
{
	struct slice key;
	void *gap;

	for (size_t it = 0; map_next(g->by_call, &it, &key, &gap);) {
		map_del(g->by_call, key);
		gh_free(gap);
	}
}

void
gaps_free(struct gaps *g)
{
	if (g == NULL)
		return;
	forget_all(g);
	map_free(g->by_call);
	gh_free(g);
}

void
gaps_note(struct gaps *g, int32_t provider_id, enum provider_action action, int64_t now_us)
{
	int64_t key = key_of(provider_id, action);
	struct gap *gap = map_get_i64(g->by_call, key);

	if (gap == NULL) {
		if (map_count(g->by_call) >= GAPS_MAX)
			forget_all(g);
		gap = gh_alloc(sizeof(*gap));
		map_put_i64(g->by_call, key, gap);
	}
	gap->until_us = now_us + GAPS_TTL_US;
}

bool
gaps_has(const struct gaps *g, int32_t provider_id, enum provider_action action, int64_t now_us)
{
	const struct gap *gap = map_get_i64(g->by_call, key_of(provider_id, action));

	return gap != NULL && now_us < gap->until_us;
}
