#include "codes.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "daemon/provider_client.h"
#include "db/db.h"
#include "model/route.h"

#define CODES_MAX      64
#define CODE_MAX_BYTES 1024
#define CODE_LIFE_US   (60 * CLOCK_SEC) /* an answer nobody took makes room */
/* In any state but SCAN_QR_CODE the server waits 10 s before it refuses (waha.md 4.3). */
#define CODE_TIMEOUT_US (5 * CLOCK_SEC)

enum code_state { CODE_FREE, CODE_ASKED, CODE_KNOWN };

struct code {
	struct codes *owner;
	enum code_state state;
	int32_t instance_id;
	struct uuid body_id;
	int64_t known_at_us;
	size_t n;
	char text[CODE_MAX_BYTES]; /* a credential: wiped when it is given away */
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

void
codes_free(struct codes *c)
{
	if (c == NULL)
		return;
	provider_client_free(c->client);
	gh_wipe(c->slot, sizeof(c->slot));
	gh_free(c);
}

static void
code_release(struct code *k)
{
	gh_wipe(k->text, sizeof(k->text));
	k->state = CODE_FREE;
}

static void
code_answered(void *arg, const struct provider_result *r, int64_t elapsed_us GH_UNUSED)
{
	struct code *k = arg;

	if (r->outcome != PROVIDER_OK || r->qr.n == 0 || r->qr.n > CODE_MAX_BYTES) {
		log_info("qr.unknown", LOG_INT("instance", k->instance_id),
			 LOG_STR("code", r->code));
		code_release(k);
		return;
	}
	memcpy(k->text, r->qr.p, r->qr.n);
	k->n = r->qr.n;
	k->known_at_us = clock_mono_us();
	k->state = CODE_KNOWN;
}

static void
code_routed(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct code *k = arg;
	struct provider_address address;
	struct provider_call call = {.op = PROVIDER_OP_QR};
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
	struct db_unit *u;

	if (k != NULL)
		return;
	k = code_room(c);
	if (k == NULL)
		return;
	k->state = CODE_ASKED;
	k->instance_id = instance_id;
	k->body_id = body_id;
	u = db_unit_new();
	route_list_add(u, &instance_id, 1);
	if (db_submit(c->db, u, code_routed, k) != GH_OK)
		code_release(k);
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
