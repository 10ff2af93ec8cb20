/* budget.c - how often somebody may fail before it has to wait: an address, or whom any other text
 * names.
 *
 * Fixed windows; an IPv6 client is its /64, since it owns all of that.
 * Bounded: past BUDGET_ADDRESSES_MAX the table starts again, which forgives a few
 * failures and never costs memory.
 */
#include "private.h"

#include "base/addr.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

#define BUDGET_ADDRESSES_MAX 65536

struct spent {
	int64_t window_end_us; /* monotonic */
	unsigned count;
};

struct budget {
	unsigned max;
	int64_t window_us;
	struct map *by_address;
};

struct budget *
budget_new(unsigned max, int64_t window_us)
{
	struct budget *b = gh_alloc(sizeof(*b));

	b->max = max;
	b->window_us = window_us;
	b->by_address = map_new();
	return b;
}

static void
forget_all(struct budget *b)
{
	struct slice key;
	void *value;

	for (size_t it = 0; map_next(b->by_address, &it, &key, &value);) {
		map_del(b->by_address, key);
		gh_free(value);
	}
}

void
budget_free(struct budget *b)
{
	if (b == NULL)
		return;
	forget_all(b);
	map_free(b->by_address);
	gh_free(b);
}

/* What stands for the peer in the table; its text when it is no address. */
static struct slice
key_of(const char *peer, struct addr *storage)
{
	struct slice text = slice_of(peer);

	if (addr_parse(text, storage) != GH_OK)
		return text;
	return slice_make(storage->b, addr_is_v4(storage) ? sizeof(storage->b) : 8);
}

bool
budget_is_spent(const struct budget *b, const char *peer, int64_t *retry_s)
{
	struct addr storage;
	const struct spent *s = map_get(b->by_address, key_of(peer, &storage));
	int64_t left_us = s != NULL ? s->window_end_us - clock_mono_us() : 0;

	if (left_us <= 0 || s->count < b->max)
		return false;
	*retry_s = (left_us + CLOCK_SEC - 1) / CLOCK_SEC;
	return true;
}

void
budget_charge(struct budget *b, const char *peer)
{
	struct addr storage;
	struct slice key = key_of(peer, &storage);
	struct spent *s = map_get(b->by_address, key);
	int64_t now_us = clock_mono_us();

	if (s == NULL) {
		if (map_count(b->by_address) >= BUDGET_ADDRESSES_MAX)
			forget_all(b);
		s = gh_alloc(sizeof(*s));
		map_put(b->by_address, key, s);
	}
	if (s->window_end_us <= now_us) {
		s->window_end_us = now_us + b->window_us;
		s->count = 0;
	}
	s->count++;
}

void
budget_refuse(struct budget *b, const char *peer, struct gw_req *req, enum gw_code code,
	      const char *spent_message)
{
	int64_t retry_s;

	if (budget_is_spent(b, peer, &retry_s)) {
		gw_error_retry(req, GW_E_TOO_MANY_FAILURES, spent_message, retry_s);
		return;
	}
	budget_charge(b, peer);
	gw_error(req, code, NULL);
}

void
budget_refund(struct budget *b, const char *peer)
{
	struct addr storage;
	struct spent *s = map_get(b->by_address, key_of(peer, &storage));

	/* The window, or the whole table, may have started again meanwhile. */
	if (s != NULL && s->count > 0)
		s->count--;
}
