/* auth.c - from the token of a request to who asks (contracts/growhub-api.md section 2).
 *
 * Tokens are found by their SHA-256 through a cache of 4 s, so a revocation or
 * suspension reaches every gateway within 5 s and a busy client costs no look-up.
 * A token that is not the text of a UUID is refused before any look-up; random
 * ones cost at most their share of one batched read.
 */
#include "private.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "loop/loop.h"
#include "model/lookup.h"
#include "model/token.h"

#define TOKENS_MAX          65536
#define TOKEN_TTL_US        (4 * CLOCK_SEC)
#define NEGATIVE_TTL_US     CLOCK_SEC
#define FAILURES_PER_MINUTE 20
#define TOUCH_EVERY_US      (5 * CLOCK_SEC)

struct auth {
	struct lookup *tokens; /* hash -> struct gw_token */
	struct budget *failures;
	struct loop_timer *touch_timer;
	unsigned touch_count; /* tokens whose last_used_at is to be written */
	uint8_t touch[TOKEN_TOUCH_MAX][TOKEN_HASH_SIZE];
};

/* What the cache keeps of a token. */
struct gw_token {
	struct gw_identity who;
	bool is_company_active;
	bool is_instance_deleted;
};

/* ---- the text of a token ---- */

static bool
is_placeholder(struct slice token)
{
	return slice_starts(token, S("{{")) && slice_ends(token, S("}}"));
}

/* The token a request carries for this route; SLICE_NONE when there is none. */
static struct slice
token_of(const struct http1_head *head, const struct gw_route *route)
{
	struct slice scheme, rest, value = http1_field_get(head, S("Authorization"));

	if (value.p != NULL) {
		if (http1_field_count(head, S("Authorization")) != 1)
			return SLICE_NONE;
		scheme = slice_cut(value, ' ', &rest);
		return slice_eq_nocase(scheme, S("Bearer")) ? slice_trim(rest) : SLICE_NONE;
	}
	if (route->kind == GW_INSTANCE)
		return http1_field_get(head, S("token"));
	if (route->kind == GW_ADMIN || (route->flags & GW_ADMINTOKEN) != 0)
		return http1_field_get(head, S("admintoken"));
	return SLICE_NONE;
}

static void
hash_of(struct uuid token, uint8_t hash[HASH_SHA256_SIZE])
{
	char text[UUID_TEXT_SIZE];

	/* The canonical form: clients may write the digits in either case. */
	uuid_text(token, text);
	hash_sha256(slice_of(text), hash);
}

void
gw_token_new(char text[GW_TOKEN_SIZE], uint8_t hash[HASH_SHA256_SIZE])
{
	struct uuid token = uuid4_new();

	uuid_text(token, text);
	hash_of(token, hash);
}

/* ---- refusals ---- */

/* One more failure of this address: 401, or 429 when it had too many. */
static void
refuse(struct gw_req *req, enum gw_code code)
{
	budget_refuse(req->gw->auth->failures, req->http->peer, req, code, NULL);
}

bool
auth_check_head(struct gw_req *req)
{
	struct slice token = token_of(req->http->head, req->route);
	struct uuid id;

	if (req->route->kind == GW_ANYONE || uuid_parse(token, &id) == GH_OK)
		return true;
	refuse(req, is_placeholder(token) ? GW_E_TOKEN_PLACEHOLDER : GW_E_UNAUTHENTICATED);
	return false;
}

/* ---- the look-up ---- */

struct waiting {
	struct gw_req *req;
	gw_handler_fn *done;
};

static void
judge(struct gw_req *req, const struct gw_token *t, gw_handler_fn *done)
{
	static const char *const needed[] = {
		[GW_ADMIN] = "This route needs a superadmin session token",
		[GW_COMPANY] = "This route needs a company token",
		[GW_INSTANCE] = "This route needs an instance token",
	};

	if (t->who.kind != req->route->kind) {
		gw_error(req, GW_E_WRONG_TOKEN_KIND, needed[req->route->kind]);
	} else if (t->is_instance_deleted) {
		gw_error(req, GW_E_INSTANCE_DELETED, NULL);
	} else if (!t->is_company_active) {
		gw_error(req, GW_E_COMPANY_INACTIVE, NULL);
	} else {
		req->who = t->who;
		done(req);
	}
}

static void
looked_up(void *arg, enum gh_code code, const void *value)
{
	struct waiting *w = arg;

	if (code == GH_OK)
		judge(w->req, value, w->done);
	else if (code == GH_ENOTFOUND)
		refuse(w->req, GW_E_UNAUTHENTICATED);
	else
		gw_db_failed(w->req, code, NULL);
}

void
auth_check(struct gw_req *req, gw_handler_fn *done)
{
	uint8_t hash[HASH_SHA256_SIZE];
	const void *value = NULL;
	struct waiting *w;
	struct uuid token;
	enum gh_code rc;

	if (req->route->kind == GW_ANYONE) {
		done(req);
		return;
	}
	if (uuid_parse(token_of(req->http->head, req->route), &token) != GH_OK)
		gh_panic("gateway: %s without auth_check_head", req->route->pattern);
	hash_of(token, hash);
	w = arena_alloc(req->a, sizeof(*w));
	w->req = req;
	w->done = done;
	rc = lookup_get(req->gw->auth->tokens, slice_make(hash, sizeof(hash)), &value, looked_up,
			w);
	if (rc != GH_EAGAIN)
		looked_up(w, rc, value);
}

void
gw_auth_forget(struct gateway *gw)
{
	lookup_forget_all(gw->auth->tokens);
}

/* ---- the cache ---- */

/* A load means that somebody uses the token: that is when its time is noted. One that finds
 * no room is noted by the next load. */
static void
touch_later(struct auth *a, struct slice hash)
{
	if (a->touch_count == TOKEN_TOUCH_MAX)
		return;
	memcpy(a->touch[a->touch_count++], hash.p, TOKEN_HASH_SIZE);
	if (!loop_timer_is_set(a->touch_timer))
		loop_timer_set(a->touch_timer, TOUCH_EVERY_US);
}

static void
touched(void *arg, enum gh_code code, const struct db_unit *u)
{
	/* Lost touches come again with the next load of their tokens. */
	(void)arg;
	(void)code;
	(void)u;
}

static void
touch_write(void *arg)
{
	struct gateway *gw = arg;
	struct auth *a = gw->auth;
	struct slice hashes[TOKEN_TOUCH_MAX];
	struct db_unit *u = db_unit_new();

	for (unsigned i = 0; i < a->touch_count; i++)
		hashes[i] = slice_make(a->touch[i], TOKEN_HASH_SIZE);
	token_touch_add(u, hashes, a->touch_count);
	a->touch_count = 0;
	if (db_submit(gw->write, u, touched, NULL) != GH_OK)
		touched(NULL, GH_EBUSY, NULL);
}

static void
tokens_add(struct db_unit *u, const struct slice *keys, unsigned count, void *arg)
{
	(void)arg;
	db_unit_set_deadline(u, clock_mono_us() + GW_DB_WAIT_US);
	token_find_add(u, keys, count);
}

static enum gw_kind
kind_of(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_ADMIN:
		return GW_ADMIN;
	case TOKEN_COMPANY:
		return GW_COMPANY;
	default:
		return GW_INSTANCE;
	}
}

static void
tokens_read(struct lookup *l, const struct db_unit *u, void *arg)
{
	struct gateway *gw = arg;

	for (unsigned i = 0; i < token_find_count(u, 0); i++) {
		struct gw_token *t = gh_alloc(sizeof(*t));
		struct token_row row;

		token_find_row(u, 0, i, &row);
		t->who.kind = kind_of(row.kind);
		t->who.admin_id = row.admin_id;
		t->who.company_id = row.company_id;
		t->who.instance_id = row.instance_id;
		t->who.rate_per_minute = row.rate_per_minute;
		t->who.rate_per_hour = row.rate_per_hour;
		memcpy(t->who.token_hash, row.hash.p, sizeof(t->who.token_hash));
		t->is_company_active = row.is_company_active;
		t->is_instance_deleted = row.is_instance_deleted;
		if (row.is_touch_due)
			touch_later(gw->auth, row.hash);
		lookup_found(l, row.hash, t);
	}
}

static enum gh_code
start(struct gateway *gw, struct gh_err *err)
{
	const struct lookup_def def = {
		.entries_max = TOKENS_MAX,
		.ttl_us = TOKEN_TTL_US,
		.negative_ttl_us = NEGATIVE_TTL_US,
		.add = tokens_add,
		.read = tokens_read,
		.free_value = gh_free,
		.arg = gw,
	};
	struct auth *a = gh_alloc(sizeof(*a));

	(void)err;
	gw->auth = a;
	a->tokens = lookup_new(gw->loop, gw->read, &def);
	a->failures = budget_new(FAILURES_PER_MINUTE, 60 * CLOCK_SEC);
	a->touch_timer = loop_timer_new(gw->loop, touch_write, gw);
	return GH_OK;
}

/* Behind the connections: units that end now still look at the cache and the budget. */
static void
release(struct gateway *gw)
{
	struct auth *a = gw->auth;

	if (a == NULL)
		return;
	loop_timer_free(a->touch_timer);
	lookup_free(a->tokens);
	budget_free(a->failures);
	gh_free(a);
	gw->auth = NULL;
}

static const struct db_stmt_table *const tables[] = {&token_stmt_table, NULL};

const struct gw_module auth_module = {
	.write_tables = tables,
	.read_tables = tables,
	.start = start,
	.release = release,
};
