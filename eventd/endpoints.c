#include "endpoints.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/conf.h"
#include "crypto/seal.h"
#include "http/json.h"

#define ENDPOINT_TTL_US  (4 * CLOCK_SEC)
#define ENDPOINTS_MAX    8192
#define HEADERS_TEXT_MAX (256u * 1024)
#define HEADERS_AAD      S("endpoint_headers")
#define SECRETS_AAD      S("endpoint_secret")

struct endpoints {
	struct lookup *lookup;
	struct seal_key key;
};

const struct endpoint *
endpoint_hold(const struct endpoint *e)
{
	((struct endpoint *)(uintptr_t)e)->refs++;
	return e;
}

void
endpoint_release(const struct endpoint *shared)
{
	struct endpoint *e = (struct endpoint *)(uintptr_t)shared;

	if (e == NULL || --e->refs > 0)
		return;
	for (unsigned i = 0; i < e->header_count; i++)
		gh_wipe((void *)(uintptr_t)e->headers[i].value.p, e->headers[i].value.n);
	arena_free(e->arena);
	gh_wipe(e->secrets, sizeof(e->secrets));
	gh_free(e);
}

static void
endpoint_free_value(void *value)
{
	endpoint_release(value);
}

static enum gh_code
endpoint_open(const struct seal_key *key, struct slice aad, struct slice sealed, struct buf *plain)
{
	buf_reset(plain);
	return seal_open(key, 1, aad, sealed, plain);
}

static const char *
endpoint_read_secrets(struct endpoint *e, const struct seal_key *key,
		      const struct endpoint_route_row *row, struct buf *plain)
{
	for (unsigned i = 0; i < row->secret_count; i++) {
		if (endpoint_open(key, SECRETS_AAD, row->secret_sealed[i], plain) != GH_OK)
			return "secret_not_opened";
		if (whsec_parse(buf_slice(plain), &e->secrets[e->secret_count]) != GH_OK)
			return "secret_malformed";
		e->secret_count++;
	}
	return e->secret_count > 0 ? NULL : "no_secret";
}

static const char *
endpoint_read_headers(struct endpoint *e, const struct seal_key *key, struct slice sealed,
		      struct buf *plain, struct arena *scratch)
{
	const struct json *object;

	if (sealed.n == 0)
		return NULL;
	if (endpoint_open(key, HEADERS_AAD, sealed, plain) != GH_OK)
		return "headers_not_opened";
	if (json_parse(buf_slice(plain), scratch, &object, NULL, NULL) != GH_OK)
		return "headers_malformed";
	for (const struct json *m = json_first(object); m != NULL; m = json_next(m)) {
		struct http_header *h;

		if (json_type(m) != JSON_STRING || e->header_count == ENDPOINT_HEADERS_MAX)
			return "headers_malformed";
		h = &e->headers[e->header_count++];
		h->name = arena_dup(e->arena, json_name(m));
		h->value = arena_dup(e->arena, json_str(m));
	}
	return NULL;
}

static const char *
endpoint_read(struct endpoint *e, const struct seal_key *key, const struct endpoint_route_row *row)
{
	struct arena *scratch = arena_new(0);
	struct buf plain;
	const char *fault = NULL;

	buf_init(&plain, NULL, HEADERS_TEXT_MAX);
	if (url_parse(arena_dup(e->arena, row->url), &e->url, NULL) != GH_OK)
		fault = "bad_url";
	if (fault == NULL)
		fault = endpoint_read_secrets(e, key, row, &plain);
	if (fault == NULL)
		fault = endpoint_read_headers(e, key, row->headers_sealed, &plain, scratch);
	gh_wipe(plain.p, plain.size);
	buf_free(&plain);
	arena_free(scratch);
	return fault;
}

static struct endpoint *
endpoint_new(const struct endpoint_route_row *row, const struct seal_key *key)
{
	struct endpoint *e = gh_alloc(sizeof(*e));

	e->refs = 1;
	e->id = row->id;
	e->company_id = row->company_id;
	e->format = row->format;
	e->options = row->options;
	e->max_concurrency = row->max_concurrency > 0 ? (unsigned)row->max_concurrency : 1;
	e->arena = arena_new(0);
	e->fault = endpoint_read(e, key, row);
	if (e->fault != NULL)
		log_error("webhook.endpoint_fault", LOG_INT("company", e->company_id),
			  LOG_INT("endpoint", e->id), LOG_STR("err", e->fault));
	return e;
}

static void
endpoints_add(struct db_unit *u, const struct slice *keys, unsigned count, void *arg GH_UNUSED)
{
	int32_t ids[LOOKUP_KEYS_MAX];

	for (unsigned i = 0; i < count; i++)
		ids[i] = (int32_t)lookup_key_id(keys[i]);
	endpoint_route_add(u, ids, count);
}

static void
endpoints_read(struct lookup *l, const struct db_unit *u, void *arg)
{
	struct endpoints *e = arg;
	struct arena *a = arena_new(0);
	struct endpoint_route_row *rows;
	unsigned count = endpoint_route_rows(u, 0, a, &rows);

	for (unsigned i = 0; i < count; i++) {
		char key[8];

		lookup_found(l, lookup_id_key(rows[i].id, key), endpoint_new(&rows[i], &e->key));
	}
	arena_free(a);
}

struct endpoints *
endpoints_new(struct loop *l, struct db *db, const struct conf_key *key)
{
	struct endpoints *e = gh_alloc(sizeof(*e));

	seal_key_init(&e->key, key->b);
	e->lookup =
		lookup_new(l, db,
			   &(struct lookup_def){
				   .entries_max = ENDPOINTS_MAX,
				   .ttl_us = ENDPOINT_TTL_US,
				   .negative_ttl_us = 0, /* one switched on again is seen at once */
				   .add = endpoints_add,
				   .read = endpoints_read,
				   .free_value = endpoint_free_value,
				   .arg = e,
			   });
	return e;
}

void
endpoints_free(struct endpoints *e)
{
	if (e == NULL)
		return;
	lookup_free(e->lookup);
	gh_wipe(&e->key, sizeof(e->key));
	gh_free(e);
}

enum gh_code
endpoints_get(struct endpoints *e, int32_t id, const struct endpoint **out, lookup_fn *fn,
	      void *arg)
{
	const void *value = NULL;
	char key[8];
	enum gh_code rc = lookup_get(e->lookup, lookup_id_key(id, key), &value, fn, arg);

	*out = value;
	return rc;
}

void
endpoints_forget(struct endpoints *e, int32_t id)
{
	char key[8];

	lookup_forget(e->lookup, lookup_id_key(id, key));
}
