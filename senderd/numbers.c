/* numbers.c - see numbers.h. */
#include "numbers.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "model/lookup.h"
#include "model/number.h"
#include "senderd.h"

#define NUMBERS_MAX     50000
#define NUMBERS_TTL_US  (60 * CLOCK_SEC)
#define NUMBERS_ASK_US  (100 * CLOCK_MS) /* nothing known: the provider is being asked */
#define NUMBERS_KEEP_US (5 * CLOCK_SEC)
#define PHONE_MIN       12
#define PHONE_MAX       13

struct numbers {
	struct senderd *sd;
	struct lookup *lookup;
};

/* Key: 4 bytes of provider id, then the digits. */
#define KEY_HEAD sizeof(int32_t)
#define KEY_MAX  (KEY_HEAD + PHONE_MAX)

static struct slice
key_make(int32_t provider_id, struct slice phone, char dst[KEY_MAX])
{
	memcpy(dst, &provider_id, KEY_HEAD);
	memcpy(dst + KEY_HEAD, phone.p, phone.n);
	return slice_make(dst, KEY_HEAD + phone.n);
}

struct slice
numbers_phone(struct slice chat)
{
	struct slice host;
	struct slice user;

	if (!slice_starts(chat, S("55")))
		return SLICE_NONE;
	user = slice_cut(chat, '@', &host);
	if (!slice_eq(host, S("c.us")) || user.n < PHONE_MIN || user.n > PHONE_MAX)
		return SLICE_NONE;
	return user;
}

/* ---- the cache ---- */

/* One block: the answer, then its text. */
static void
numbers_add(struct db_unit *u, const struct slice *keys, unsigned count, void *arg GH_UNUSED)
{
	struct number_key asked[LOOKUP_KEYS_MAX];

	for (unsigned i = 0; i < count; i++) {
		memcpy(&asked[i].provider_id, keys[i].p, KEY_HEAD);
		asked[i].phone = slice_from(keys[i], KEY_HEAD);
	}
	number_list_add(u, asked, count);
}

static void
numbers_read(struct lookup *l, const struct db_unit *u, void *arg GH_UNUSED)
{
	for (unsigned i = 0; i < number_count(u, 0); i++) {
		struct number_answer *answer;
		struct number_row row;
		char key[KEY_MAX];

		number_read(u, 0, i, &row);
		if (row.phone.n > PHONE_MAX)
			continue;
		answer = gh_alloc(sizeof(*answer) + row.chat.n + 1);
		answer->exists = row.exists;
		if (row.chat.n > 0) {
			char *text = (char *)(answer + 1);

			memcpy(text, row.chat.p, row.chat.n);
			answer->chat = slice_make(text, row.chat.n);
		}
		lookup_found(l, key_make(row.provider_id, row.phone, key), answer);
	}
}

struct numbers_wait {
	numbers_fn *fn;
	void *arg;
};

static void
numbers_found(void *arg, enum gh_code code, const void *value)
{
	const struct numbers_wait *w = arg;

	w->fn(w->arg, code, value);
}

void
numbers_find(struct numbers *n, struct arena *a, int32_t provider_id, struct slice phone,
	     numbers_fn *fn, void *arg)
{
	struct numbers_wait *w = arena_alloc(a, sizeof(*w));
	const void *value = NULL;
	char key[KEY_MAX];
	enum gh_code rc;

	w->fn = fn;
	w->arg = arg;
	rc = lookup_get(n->lookup, key_make(provider_id, phone, key), &value, numbers_found, w);
	if (rc != GH_EAGAIN)
		numbers_found(w, rc, value);
}

/* ---- what the provider said ---- */

static void
kept(void *arg, enum gh_code code GH_UNUSED, const struct db_unit *u GH_UNUSED)
{
	arena_free(arg);
}

/* Nobody waits for this: the next one asks again where it is lost. */
static void
submit(struct numbers *n, struct db_unit *u, struct arena *a)
{
	db_unit_set_deadline(u, clock_mono_us() + NUMBERS_KEEP_US);
	if (db_submit(n->sd->write, u, kept, a) != GH_OK)
		arena_free(a);
}

void
numbers_keep(struct numbers *n, int32_t provider_id, struct slice phone,
	     const struct number_answer *answer, struct uuid message)
{
	struct arena *a = arena_new(1024);
	struct db_unit *u = db_unit_new();
	const struct number_row row = {
		.provider_id = provider_id,
		.phone = arena_dup(a, phone),
		.exists = answer->exists,
		.chat = arena_dup(a, answer->chat),
	};
	char key[KEY_MAX];

	number_keep_add(u, &row, message);
	submit(n, u, a);
	lookup_forget(n->lookup, key_make(provider_id, phone, key));
}

void
numbers_resolved(struct numbers *n, struct uuid message, struct slice chat)
{
	struct arena *a = arena_new(1024);
	struct db_unit *u = db_unit_new();

	number_resolve_add(u, message, arena_dup(a, chat));
	submit(n, u, a);
}

/* ---- life ---- */

struct numbers *
numbers_new(struct senderd *sd)
{
	struct numbers *n = gh_alloc(sizeof(*n));
	const struct lookup_def def = {
		.entries_max = NUMBERS_MAX,
		.ttl_us = NUMBERS_TTL_US,
		.negative_ttl_us = NUMBERS_ASK_US,
		.add = numbers_add,
		.read = numbers_read,
		.free_value = gh_free,
	};

	n->sd = sd;
	n->lookup = lookup_new(sd->loop, sd->read, &def);
	return n;
}

void
numbers_free(struct numbers *n)
{
	if (n == NULL)
		return;
	lookup_free(n->lookup);
	gh_free(n);
}
