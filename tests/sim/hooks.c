/* hooks.c - company receivers under /hook/{name}: they verify, judge and remember.
 *
 * A receiver with a secret refuses (401) what is unsigned or signed wrongly, as the
 * contract tells customers to (webhooks-out.md section 3); without one it takes all
 * and only counts. Every post is kept, also a refused one.
 */
#include "sim.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "crypto/whsec.h"
#include "http/json.h"
#include "http/router.h"
#include "http/server.h"

#define RECEIVED_KEEP  ((size_t)262144)
#define NAME_MAX_BYTES 100

struct hook {
	uint64_t posts, distinct, bad_signatures, unsigned_posts;
	struct idset ids;
	struct whsec secret[WHSEC_SECRETS_MAX];
	size_t secret_count;
	unsigned status;
	int64_t delay_us;
};

/* One post; texts stand behind the struct in the same block. */
struct received {
	const struct hook *hook;
	uint64_t n; /* of its hook, from 1 */
	int64_t at_us;
	struct slice headers, body;
};

struct hooks {
	struct map *by_name;
	struct received **ring;
	uint64_t count;
};

struct hooks *
hooks_new(void)
{
	struct hooks *h = gh_alloc(sizeof(*h));

	h->by_name = map_new();
	h->ring = gh_alloc_array(RECEIVED_KEEP, sizeof(struct received *));
	return h;
}

static void
clear(struct hooks *h)
{
	struct slice name;
	void *value;
	size_t it = 0;

	while (map_next(h->by_name, &it, &name, &value)) {
		struct hook *k = value;

		idset_free(&k->ids);
		gh_wipe(k->secret, sizeof(k->secret));
		gh_free(k);
	}
	map_free(h->by_name);
	for (size_t i = 0; i < RECEIVED_KEEP; i++)
		gh_free(h->ring[i]);
}

void
hooks_reset(struct hooks *h)
{
	clear(h);
	memset(h->ring, 0, RECEIVED_KEEP * sizeof(struct received *));
	h->by_name = map_new();
	h->count = 0;
}

static struct hook *
hook_of(struct hooks *h, struct slice name)
{
	struct hook *k = map_get(h->by_name, name);

	if (k == NULL) {
		k = gh_alloc(sizeof(*k));
		k->status = 200;
		map_put(h->by_name, name, k);
	}
	return k;
}

/* ---- configuration ---- */

static enum gh_code
secrets_read(const struct json *v, struct hook *k, struct gh_err *err)
{
	const struct json *one = json_type(v) == JSON_ARRAY ? json_first(v) : v;
	size_t n = 0;

	for (; one != NULL; one = v == one ? NULL : json_next(one)) {
		if (n == WHSEC_SECRETS_MAX)
			return gh_fail(err, GH_EINVAL, "secret: at most %d", WHSEC_SECRETS_MAX);
		if (whsec_parse(json_str(one), &k->secret[n]) != GH_OK)
			return gh_fail(err, GH_EINVAL,
				       "secret: not whsec_ and base64 of 24-64 bytes");
		n++;
	}
	k->secret_count = n;
	return GH_OK;
}

enum gh_code
hooks_configure(struct hooks *h, struct slice name, const struct json *body, struct gh_err *err)
{
	int64_t status = json_i64(json_get(body, "status"), 200);
	int64_t delay_ms = json_i64(json_get(body, "delay_ms"), 0);
	struct hook *k;
	enum gh_code rc = GH_OK;

	if (name.n > NAME_MAX_BYTES)
		return gh_fail(err, GH_EINVAL, "name: longer than %d", NAME_MAX_BYTES);
	if (status < 200 || status > 599)
		return gh_fail(err, GH_EINVAL, "status: must be 200-599");
	if (delay_ms < 0 || delay_ms > 3600 * 1000)
		return gh_fail(err, GH_EINVAL, "delay_ms: must be 0-3600000");
	k = hook_of(h, name);
	if (!json_is_null(json_get(body, "secret")))
		rc = secrets_read(json_get(body, "secret"), k, err);
	if (rc != GH_OK)
		return rc;
	k->status = (unsigned)status;
	k->delay_us = delay_ms * CLOCK_MS;
	return GH_OK;
}

/* ---- a post ---- */

/* All fields once, names in lower case; values that are no text are left out. */
static void
headers_write(const struct http1_head *head, struct arena *a, struct buf *b)
{
	struct json_w w;

	json_w_init(&w, b);
	json_w_open(&w, NULL, '{');
	for (unsigned i = 0; i < head->field_count; i++) {
		const struct http1_field *f = &head->fields[i];
		char *name = arena_cstr(a, f->name);
		bool is_first = true;

		for (char *c = name; *c != '\0'; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c + 'a' - 'A');
		for (unsigned j = 0; j < i; j++)
			if (slice_eq_nocase(head->fields[j].name, f->name))
				is_first = false;
		if (is_first && utf8_valid(f->value))
			json_w_str(&w, name, f->value);
	}
	json_w_close(&w, '}');
}

static void
remember(struct hooks *h, const struct hook *k, struct http_req *req)
{
	struct received **slot = &h->ring[h->count++ % RECEIVED_KEEP];
	struct received *r;
	struct buf headers;
	char *text;

	buf_init(&headers, req->a, 256 * 1024);
	headers_write(req->head, req->a, &headers);
	r = gh_alloc(sizeof(*r) + headers.n + req->body.n);
	text = (char *)(r + 1);
	memcpy(text, headers.p, headers.n);
	if (req->body.n > 0)
		memcpy(text + headers.n, req->body.p, req->body.n);
	r->hook = k;
	r->n = k->posts;
	r->at_us = clock_wall_us();
	r->headers = slice_make(text, headers.n);
	r->body = slice_make(text + headers.n, req->body.n);
	gh_free(*slot);
	*slot = r;
}

/* Count what the signature is worth; false when this receiver must refuse. */
static bool
judge(struct hook *k, struct http_req *req)
{
	struct slice id = http_req_header(req, S("webhook-id"));
	struct slice signatures = http_req_header(req, S("webhook-signature"));

	k->posts++;
	if (idset_add(&k->ids, map_hash(id.n > 0 ? id : req->body)))
		k->distinct++;
	if (signatures.n == 0) {
		k->unsigned_posts++;
		return k->secret_count == 0;
	}
	if (k->secret_count == 0)
		return true;
	if (whsec_verify(k->secret, k->secret_count, id,
			 http_req_header(req, S("webhook-timestamp")), signatures, req->body,
			 clock_wall_us() / CLOCK_SEC) == GH_OK)
		return true;
	k->bad_signatures++;
	return false;
}

static void
hook_post(void *app, struct http_req *req, const struct route_match *m)
{
	struct sim *sim = app;
	struct slice name = route_param(m, S("name"));
	struct hook *k;
	bool is_good;

	if (name.n > NAME_MAX_BYTES) {
		sim_reply_error(req, 404, "no such hook");
		return;
	}
	k = hook_of(sim->hooks, name);
	is_good = judge(k, req);
	remember(sim->hooks, k, req);
	sim_exchange_delay(req, k->delay_us);
	if (is_good)
		sim_reply(req, k->status, S("{\"received\":true}"));
	else
		sim_reply_error(req, 401, "signature is missing or wrong");
}

const struct route sim_hook_routes[] = {
	{.method = HTTP_POST, .pattern = "/hook/{name}", .fn = hook_post, .flags = SIM_OPEN},
};
const unsigned sim_hook_route_count = GH_COUNT(sim_hook_routes);

/* ---- answers ---- */

void
hooks_write_stats(const struct hooks *h, struct json_w *w)
{
	struct slice name;
	void *value;
	size_t it = 0;

	while (map_next(h->by_name, &it, &name, &value)) {
		const struct hook *k = value;
		char text[NAME_MAX_BYTES + 1];

		if (slice_to_cstr(name, text, sizeof(text)) != GH_OK)
			continue;
		json_w_open(w, text, '{');
		json_w_i64(w, "posts", (int64_t)k->posts);
		json_w_i64(w, "distinct", (int64_t)k->distinct);
		json_w_i64(w, "bad_signatures", (int64_t)k->bad_signatures);
		json_w_i64(w, "unsigned", (int64_t)k->unsigned_posts);
		json_w_close(w, '}');
	}
}

/* A body that is no JSON is shown as text, or as its length when it is not even that. */
static void
body_write(struct slice body, struct json_w *w)
{
	struct arena *a = arena_new(0);
	const struct json *doc;

	if (json_parse(body, a, &doc, NULL, NULL) == GH_OK)
		json_w_raw(w, "body", body);
	else if (utf8_valid(body) && slice_index(body, '\0') < 0)
		json_w_str(w, "body", slice_make(body.p != NULL ? body.p : "", body.n));
	else
		json_w_i64(w, "body", (int64_t)body.n);
	arena_free(a);
}

void
hooks_write_received(const struct hooks *h, struct slice name, uint64_t since, struct json_w *w)
{
	const struct hook *k = map_get(h->by_name, name);
	uint64_t first = h->count > RECEIVED_KEEP ? h->count - RECEIVED_KEEP : 0;

	for (uint64_t i = first; k != NULL && i < h->count; i++) {
		const struct received *r = h->ring[i % RECEIVED_KEEP];

		if (r->hook != k || r->n <= since)
			continue;
		if (w->b->n > SIM_LIST_MAX)
			return;
		json_w_open(w, NULL, '{');
		json_w_i64(w, "n", (int64_t)r->n);
		json_w_raw(w, "headers", r->headers);
		body_write(r->body, w);
		json_w_i64(w, "at_ms", r->at_us / CLOCK_MS);
		json_w_i64(w, "at_us", r->at_us);
		json_w_close(w, '}');
	}
}
