/* routes.c - how to call an instance; see routes.h. */
#include "routes.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/seal.h"
#include "model/lookup.h"
#include "model/route.h"
#include "senderd.h"

#define ROUTES_TTL_US          (4 * CLOCK_SEC)
#define ROUTES_NEGATIVE_TTL_US CLOCK_SEC
#define ROUTES_MAX             20000
#define KEY_MAX                4096

struct routes {
	struct lookup *lookup;
	struct seal_key key;
	const struct senderd *sd;
};

struct routes_wait {
	routes_fn *fn;
	void *arg;
};

static void
routes_add(struct db_unit *u, const struct slice *keys, unsigned count, void *arg GH_UNUSED)
{
	int32_t ids[LOOKUP_KEYS_MAX];

	for (unsigned i = 0; i < count; i++)
		ids[i] = (int32_t)lookup_key_id(keys[i]);
	route_list_add(u, ids, count);
}

/* Value of the cache: one block of memory with the route in front. */
struct route_value {
	struct route route;
	struct arena *mem;
};

static void
routes_wipe(struct slice key)
{
	if (key.p != NULL)
		gh_wipe((char *)(uintptr_t)key.p, key.n);
}

static void
routes_free_value(void *value)
{
	struct route_value *v = value;
	struct arena *mem = v->mem;

	routes_wipe(v->route.api_key);
	routes_wipe(v->route.session_key);
	arena_free(mem);
}

static struct slice
routes_open_key(const struct routes *r, const struct route_row *row, struct slice aad,
		struct slice sealed, struct arena *a)
{
	struct buf plain;
	enum gh_code rc;

	if (sealed.p == NULL)
		return SLICE_NONE;
	buf_init(&plain, a, KEY_MAX);
	rc = seal_open(&r->key, 1, aad, sealed, &plain);
	if (rc == GH_OK)
		return buf_slice(&plain);
	/* The call goes out without a key, is refused, and parks the instance: visible. */
	log_error("send.key_unreadable", LOG_INT("provider", row->provider_id),
		  LOG_INT("instance", row->instance_id), LOG_SLICE("key", aad),
		  LOG_STR("err", gh_code_name(rc)));
	return SLICE_NONE;
}

static void
routes_read(struct lookup *l, const struct db_unit *u, void *arg)
{
	const struct routes *r = arg;
	const struct conf_common *conf = &r->sd->conf->common;
	unsigned count = route_count(u, 0);

	for (unsigned i = 0; i < count; i++) {
		struct arena *mem = arena_new(1024);
		struct route_value *v = arena_alloc(mem, sizeof(*v));
		struct route_row row;
		char key[8];

		route_read(u, 0, i, &row);
		v->mem = mem;
		v->route = (struct route){
			.instance_id = row.instance_id,
			.provider_id = row.provider_id,
			.max_concurrency = row.max_concurrency,
			.provider_label = senderd_provider_label(row.provider_type),
			.provider = provider_find(row.provider_type),
			.session = arena_dup(mem, row.session),
			.instance_name = arena_dup(mem, row.instance_name),
			.phone = arena_dup(mem, row.phone),
			.base_url = arena_dup(mem, row.base_url),
			.api_key = routes_open_key(r, &row, S("provider_key"), row.api_key_sealed,
						   mem),
			.session_key = routes_open_key(r, &row, S("session_key"),
						       row.session_key_sealed, mem),
			.engine = arena_dup(mem, row.engine),
			.max_attempts = row.max_attempts > 0 ? row.max_attempts
							     : conf->sending_max_attempts,
		};
		lookup_found(l, lookup_id_key(row.instance_id, key), v);
	}
}

static void
routes_answered(void *arg, enum gh_code code, const void *value GH_UNUSED)
{
	struct routes_wait *w = arg;

	w->fn(w->arg, code);
	gh_free(w);
}

enum gh_code
routes_get(struct routes *r, int32_t instance_id, const struct route **route, routes_fn *fn,
	   void *arg)
{
	struct routes_wait *w = gh_alloc(sizeof(*w));
	const void *value = NULL;
	char key[8];
	enum gh_code rc;

	w->fn = fn;
	w->arg = arg;
	rc = lookup_get(r->lookup, lookup_id_key(instance_id, key), &value, routes_answered, w);
	if (rc != GH_EAGAIN)
		gh_free(w);
	if (rc == GH_OK)
		*route = &((const struct route_value *)value)->route;
	return rc;
}

const struct route *
route_dup(struct arena *a, const struct route *route)
{
	struct route *copy = arena_alloc(a, sizeof(*copy));

	*copy = *route;
	copy->session = arena_dup(a, route->session);
	copy->instance_name = arena_dup(a, route->instance_name);
	copy->phone = arena_dup(a, route->phone);
	copy->base_url = arena_dup(a, route->base_url);
	copy->api_key = arena_dup(a, route->api_key);
	copy->session_key = arena_dup(a, route->session_key);
	copy->engine = arena_dup(a, route->engine);
	return copy;
}

struct provider_server
route_server(const struct route *route)
{
	return (struct provider_server){
		.base_url = route->base_url, .api_key = route->api_key, .engine = route->engine};
}

struct routes *
routes_new(struct senderd *sd)
{
	struct routes *r = gh_alloc(sizeof(*r));
	const struct lookup_def def = {
		.entries_max = ROUTES_MAX,
		.ttl_us = ROUTES_TTL_US,
		.negative_ttl_us = ROUTES_NEGATIVE_TTL_US,
		.add = routes_add,
		.read = routes_read,
		.free_value = routes_free_value,
		.arg = r,
	};

	seal_key_init(&r->key, sd->conf->common.secrets_key.b);
	r->sd = sd;
	r->lookup = lookup_new(sd->loop, sd->read, &def);
	return r;
}

void
routes_free(struct routes *r)
{
	if (r == NULL)
		return;
	lookup_free(r->lookup);
	gh_wipe(&r->key, sizeof(r->key));
	gh_free(r);
}
