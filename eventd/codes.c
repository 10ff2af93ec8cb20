#include "codes.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "daemon/provider_client.h"
#include "db/db.h"
#include "model/facts.h"
#include "model/route.h"

#define CODES_MAX      64
#define CODE_MAX_BYTES FACTS_QR_MAX /* a text, or a picture where the provider has nothing else */
#define CODE_LIFE_US   (60 * CLOCK_SEC) /* an answer nobody took makes room */
/* In any state but SCAN_QR_CODE the server waits 10 s before it refuses (waha.md 4.3). */
#define CODE_TIMEOUT_US (5 * CLOCK_SEC)

enum code_state { CODE_FREE, CODE_ASKED, CODE_KNOWN };

struct code {
	struct codes *owner;
	enum code_state state;
	bool wants_image; /* its provider has no text to draw */
	int32_t instance_id;
	struct uuid body_id;
	int64_t known_at_us;
	size_t n;
	char *text; /* a credential: wiped when it is given away */
};

struct codes {
	struct db *db;
	struct provider_client *client;
	struct code slot[CODES_MAX];
};

struct codes *
codes_new(struct daemon *d, struct db *db)
{
	struct codes *c = gh_alloc(sizeof(*c));

	c->db = db;
	c->client = provider_client_new(d, CODES_MAX);
	for (size_t i = 0; i < CODES_MAX; i++)
		c->slot[i].owner = c;
	return c;
}

static void
code_release(struct code *k)
{
	if (k->text != NULL)
		gh_wipe(k->text, k->n);
	gh_free(k->text);
	k->text = NULL;
	k->wants_image = false;
	k->state = CODE_FREE;
}

void
codes_free(struct codes *c)
{
	if (c == NULL)
		return;
	provider_client_free(c->client);
	for (size_t i = 0; i < CODES_MAX; i++)
		code_release(&c->slot[i]);
	gh_free(c);
}

/* A text as it is, a picture as a data URL; the whole may be too long. */
static bool
code_keep(struct code *k, const struct provider_result *r)
{
	struct slice parts[] = {S("data:"), r->qr_type, S(";base64,"), r->qr};
	bool is_text = r->qr_type.n == 0 || slice_eq(r->qr_type, S("text/plain"));
	size_t first = is_text ? GH_COUNT(parts) - 1 : 0, n = 0;

	for (size_t i = first; i < GH_COUNT(parts); i++)
		n += parts[i].n;
	if (r->qr.n == 0 || n > CODE_MAX_BYTES)
		return false;
	k->text = gh_alloc(n);
	k->n = 0;
	for (size_t i = first; i < GH_COUNT(parts); i++) {
		memcpy(k->text + k->n, parts[i].p, parts[i].n);
		k->n += parts[i].n;
	}
	return true;
}

static void code_ask(struct code *k);

static void
code_answered(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct code *k = arg;

	if (!k->wants_image && strcmp(r->code, "not_supported") == 0) {
		k->wants_image = true;
		code_ask(k);
		return;
	}
	if (r->outcome != PROVIDER_OK || !code_keep(k, r)) {
		log_info("qr.unknown", LOG_INT("instance", k->instance_id),
			 LOG_STR("code", r->code));
		code_release(k);
		return;
	}
	k->known_at_us = clock_mono_us();
	k->state = CODE_KNOWN;
}

static void
code_routed(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct code *k = arg;
	struct provider_address address;
	struct provider_call call = {.op = PROVIDER_OP_QR, .want_image = k->wants_image};
	struct route_row row;

	if (code != GH_OK || route_count(u, 0) == 0) {
		code_release(k);
		return;
	}
	route_read(u, 0, 0, &row);
	address = (struct provider_address){
		.type = row.provider_type,
		.base_url = row.base_url,
		.api_key_sealed = row.api_key_sealed,
		.session_key_sealed = row.session_key_sealed,
	};
	call.session = row.session;
	provider_client_call(k->owner->client, &address, &call, CODE_TIMEOUT_US, code_answered, k);
}

static void
code_ask(struct code *k)
{
	struct db_unit *u = db_unit_new();

	route_list_add(u, &k->instance_id, 1);
	if (db_submit(k->owner->db, u, code_routed, k) != GH_OK)
		code_release(k);
}

static struct code *
code_find(struct codes *c, struct uuid body_id)
{
	for (size_t i = 0; i < CODES_MAX; i++)
		if (c->slot[i].state != CODE_FREE && uuid_eq(c->slot[i].body_id, body_id))
			return &c->slot[i];
	return NULL;
}

static struct code *
code_room(struct codes *c)
{
	int64_t now_us = clock_mono_us();

	for (size_t i = 0; i < CODES_MAX; i++) {
		struct code *k = &c->slot[i];

		if (k->state == CODE_KNOWN && now_us - k->known_at_us > CODE_LIFE_US)
			code_release(k);
		if (k->state == CODE_FREE)
			return k;
	}
	return NULL;
}

void
codes_want(struct codes *c, int32_t instance_id, struct uuid body_id)
{
	struct code *k = code_find(c, body_id);

	if (k != NULL)
		return;
	k = code_room(c);
	if (k == NULL)
		return;
	k->state = CODE_ASKED;
	k->instance_id = instance_id;
	k->body_id = body_id;
	code_ask(k);
}

bool
codes_take(struct codes *c, struct uuid body_id, struct arena *a, struct slice *code)
{
	struct code *k = code_find(c, body_id);

	if (k == NULL || k->state != CODE_KNOWN)
		return false;
	*code = arena_dup(a, slice_make(k->text, k->n));
	code_release(k);
	return true;
}
