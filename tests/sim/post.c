/* post.c - webhooks of the providers (waha.md section 9, uazapi.md section 8): concurrent,
 * unordered, retried from memory, signed where the provider signs. It keeps its connections, so
 * thousands a second fit in a core.
 */
#include "sim.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/uuid.h"
#include "crypto/encode.h"
#include "crypto/hash.h"
#include "http/client.h"
#include "http/json.h"
#include "loop/dns.h"
#include "loop/loop.h"

#define IN_FLIGHT_MAX 128
#define TIMEOUT_US    (60 * CLOCK_SEC)
#define RESPONSE_MAX  65536
#define CUSTOM_MAX    8
#define OWN_HEADERS   5
#define REORDER_MS    200
#define DUPLICATES    2
#define EXPONENT_MAX  16

struct post_target {
	unsigned refs;
	struct arena *a;
	struct slice url_text, key, scope, label;
	struct url url;
	enum post_policy policy;
	int64_t delay_ms, attempts;
	bool is_plain;
	post_failed_fn *failed;
	void *arg;
	struct http_header custom[CUSTOM_MAX];
	size_t custom_count;
};

struct post {
	struct list link; /* in poster.waiting while no slot is free */
	struct poster *poster;
	struct post_target *target;
	struct loop_timer *timer; /* retry or reordering */
	int64_t attempt;          /* calls made */
	char id[UUID_TEXT_SIZE];  /* X-Webhook-Request-Id, the same on every retry */
	char at[24];              /* X-Webhook-Timestamp */
	char mac[ENCODE_HEX_SIZE(HASH_SHA512_SIZE)];
	size_t n;
	char body[];
};

struct poster {
	struct sim *sim;
	struct dns *dns;
	struct http_client *client;
	struct list waiting;
	size_t waiting_count;
	uint64_t delivered, retried, dropped;
};

/* ---- targets ---- */

enum gh_code
post_target_new(struct post_target **out, const struct post_options *o, struct gh_err *err)
{
	struct arena *a = arena_new(0);
	struct post_target *t = arena_alloc(a, sizeof(*t));
	enum gh_code rc;

	t->refs = 1;
	t->a = a;
	t->url_text = arena_dup(a, o->url);
	t->key = arena_dup(a, o->hmac_key);
	t->scope = arena_dup(a, o->scope);
	t->label = arena_dup(a, o->label);
	t->policy = o->policy;
	t->delay_ms = o->delay_ms;
	t->attempts = o->attempts;
	t->is_plain = o->is_plain;
	t->failed = o->failed;
	t->arg = o->arg;
	for (size_t i = 0; i < o->header_count && i < CUSTOM_MAX; i++)
		t->custom[t->custom_count++] = (struct http_header){
			arena_dup(a, o->headers[i].name), arena_dup(a, o->headers[i].value)};
	rc = url_parse(t->url_text, &t->url, err);
	if (rc != GH_OK) {
		arena_free(a);
		return rc;
	}
	*out = t;
	return GH_OK;
}

void
post_target_release(struct post_target *t)
{
	if (t != NULL && --t->refs == 0)
		arena_free(t->a);
}

/* ---- one post ---- */

static void
post_free(struct post *p)
{
	list_del(&p->link);
	loop_timer_free(p->timer);
	post_target_release(p->target);
	gh_free(p);
}

static void post_start(void *arg);

static void
post_later(struct post *p, int64_t delay_us)
{
	if (p->timer == NULL)
		p->timer = loop_timer_new(p->poster->sim->loop, post_start, p);
	loop_timer_set(p->timer, delay_us);
}

/* constant: d; linear: n*d; exponential: 2^n*d and up to 20 % more. n from 1. */
static int64_t
retry_delay_us(const struct post *p)
{
	const struct post_target *t = p->target;
	int64_t d = t->delay_ms * CLOCK_MS, n = p->attempt;

	if (t->policy == POST_LINEAR)
		return n * d;
	if (t->policy == POST_EXPONENTIAL && d > 0) {
		d *= INT64_C(1) << (n < EXPONENT_MAX ? n : EXPONENT_MAX);
		return d + (int64_t)random_below((uint64_t)d / 5 + 1);
	}
	return d;
}

static void
start_waiting(struct poster *po)
{
	struct list *first = list_pop(&po->waiting);

	if (first == NULL)
		return;
	po->waiting_count--;
	post_start(LIST_ENTRY(first, struct post, link));
}

static void
tell_failure(const struct post *p, unsigned status)
{
	const struct post_target *t = p->target;

	if (t->failed != NULL)
		t->failed(t->arg, &(struct post_failure){.url = t->url_text,
							 .label = t->label,
							 .body = slice_make(p->body, p->n),
							 .status = status,
							 .attempts = p->attempt});
}

static void
post_done(void *arg, const struct http_result *r)
{
	struct post *p = arg;
	struct poster *po = p->poster;
	uint64_t after_s;

	if (r->outcome == HTTP_DONE && r->status >= 200 && r->status < 300) {
		po->delivered++;
		post_free(p);
	} else if (p->attempt > p->target->attempts) {
		po->dropped++;
		tell_failure(p, r->outcome == HTTP_DONE ? r->status : 0);
		post_free(p);
	} else {
		int64_t delay_us = retry_delay_us(p);

		if (r->outcome == HTTP_DONE &&
		    parse_u64(http_result_header(r, S("Retry-After")), 0, 3600, &after_s) ==
			    GH_OK &&
		    (int64_t)after_s * CLOCK_SEC > delay_us)
			delay_us = (int64_t)after_s * CLOCK_SEC;
		po->retried++;
		post_later(p, delay_us);
	}
	start_waiting(po);
}

static void
post_start(void *arg)
{
	struct post *p = arg;
	struct http_header headers[OWN_HEADERS + CUSTOM_MAX] = {
		{S("Content-Type"), S("application/json")},
		{S("X-Webhook-Request-Id"), slice_of(p->id)},
		{S("X-Webhook-Timestamp"), slice_of(p->at)},
	};
	unsigned n = p->target->is_plain ? 1 : 3;
	struct http_request r = {
		.method = S("POST"),
		.url = &p->target->url,
		.headers = headers,
		.body = slice_make(p->body, p->n),
		.timeout_us = TIMEOUT_US,
		.response_max = RESPONSE_MAX,
	};
	enum gh_code rc;

	if (p->mac[0] != '\0') {
		headers[n++] = (struct http_header){S("X-Webhook-Hmac"), slice_of(p->mac)};
		headers[n++] = (struct http_header){S("X-Webhook-Hmac-Algorithm"), S("sha512")};
	}
	for (size_t i = 0; i < p->target->custom_count; i++)
		headers[n++] = p->target->custom[i];
	r.header_count = n;
	rc = http_client_send(p->poster->client, &r, post_done, p, NULL);
	if (rc == GH_EBUSY) {
		list_add_tail(&p->poster->waiting, &p->link);
		p->poster->waiting_count++;
	} else if (rc != GH_OK) {
		p->poster->dropped++; /* a custom header that no HTTP message may carry */
		post_free(p);
	} else {
		p->attempt++;
	}
}

static struct post *
post_new(struct poster *po, struct post_target *t, struct uuid id, struct slice body,
	 int64_t event_ms)
{
	struct post *p = gh_alloc(sizeof(*p) + body.n);
	struct buf at = {.p = p->at, .size = sizeof(p->at), .max = sizeof(p->at) - 1};
	uint8_t mac[HASH_SHA512_SIZE];

	list_init(&p->link);
	p->poster = po;
	p->target = t;
	t->refs++;
	uuid_text(id, p->id);
	buf_add_i64(&at, event_ms);
	p->n = body.n;
	memcpy(p->body, body.p, body.n);
	if (t->key.n > 0) {
		hash_hmac_sha512(t->key, body, mac);
		encode_hex(slice_make(mac, sizeof(mac)), p->mac);
	}
	return p;
}

/* ---- the poster ---- */

struct poster *
poster_new(struct sim *sim)
{
	static const struct http_client_config config = {
		.policy = HTTP_POLICY_PROVIDER,
		.in_flight_max = IN_FLIGHT_MAX,
		.user_agent = "growhub-sim",
	};
	struct poster *po = gh_alloc(sizeof(*po));

	po->sim = sim;
	list_init(&po->waiting);
	po->dns = dns_new(sim->loop, NULL, NULL);
	po->client = http_client_new(sim->loop, po->dns, &config);
	return po;
}

void
poster_send(struct poster *po, struct post_target *t, struct slice body, int64_t event_ms)
{
	struct uuid id = uuid7_new(); /* a copy repeats the same post: its answer was lost */
	int64_t copies = 1, spread_ms = 0;

	(void)faults_strike(po->sim->faults, t->scope, FAULT_DUPLICATE_WEBHOOKS, DUPLICATES,
			    &copies);
	for (int64_t i = 0; i < copies; i++) {
		struct post *p = post_new(po, t, id, body, event_ms);

		if (faults_strike(po->sim->faults, t->scope, FAULT_REORDER_WEBHOOKS, REORDER_MS,
				  &spread_ms) &&
		    spread_ms > 0)
			post_later(p, (int64_t)random_below((uint64_t)spread_ms * 1000));
		else
			post_start(p);
	}
}

void
poster_write_stats(const struct poster *po, struct json_w *w)
{
	json_w_i64(w, "delivered", (int64_t)po->delivered);
	json_w_i64(w, "retried", (int64_t)po->retried);
	json_w_i64(w, "dropped", (int64_t)po->dropped);
	json_w_i64(w, "waiting", (int64_t)po->waiting_count);
	json_w_i64(w, "in_flight", (int64_t)http_client_in_flight(po->client));
}
