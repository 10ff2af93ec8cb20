/* numbers.c - see numbers.h. */
#include "numbers.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "db/batch.h"
#include "loop/cadence.h"
#include "model/async_commit.h"
#include "model/lookup.h"
#include "model/number.h"
#include "senderd.h"

#define NUMBERS_MAX    50000
#define NUMBERS_TTL_US (600 * CLOCK_SEC)
/* Not on WhatsApp: another sender may hear otherwise. */
#define NUMBERS_ABSENT_US (60 * CLOCK_SEC)
/* Nothing known: the provider is being asked. */
#define NUMBERS_ASK_US  (100 * CLOCK_MS)
#define NUMBERS_KEEP_US (5 * CLOCK_SEC)
#define PHONE_MIN       12
#define PHONE_MAX       13

struct numbers {
	struct lookup *lookup;
	struct db_batch *notes;
};

/* What one send learnt, to be written: an answer, the chat its message goes to, or both; or that
 * the answer is wrong. */
struct note {
	struct db_batch_row row;
	struct number_row answer; /* no phone: none */
	struct uuid message;      /* goes to answer.chat, where there is one */
	bool is_wrong;            /* forget answer.phone */
	char text[];
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
static struct number_answer *
answer_dup(bool exists, struct slice chat)
{
	struct number_answer *answer = gh_alloc(sizeof(*answer) + chat.n + 1);

	answer->exists = exists;
	if (chat.n > 0) {
		char *text = (char *)(answer + 1);

		memcpy(text, chat.p, chat.n);
		answer->chat = slice_make(text, chat.n);
	}
	return answer;
}

/* life_us: what is left of the answer. */
static void
remember(struct lookup *l, int32_t provider_id, struct slice phone,
	 const struct number_answer *answer, int64_t life_us)
{
	char key[KEY_MAX];

	if (phone.n < PHONE_MIN || phone.n > PHONE_MAX)
		return; /* nobody asks for it */
	if (!answer->exists && life_us > NUMBERS_ABSENT_US)
		life_us = NUMBERS_ABSENT_US;
	lookup_put(l, key_make(provider_id, phone, key), answer_dup(answer->exists, answer->chat),
		   life_us);
}

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
		struct number_row row;

		number_read(u, 0, i, &row);
		remember(l, row.provider_id, row.phone,
			 &(struct number_answer){.exists = row.exists, .chat = row.chat},
			 row.left_us);
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

static struct note *
note_of(struct db_batch_row *row)
{
	return LIST_ENTRY(row, struct note, row);
}

/* Lost in a crash of the database, the next send asks again: no commit waits for the disk. */
static void
notes_build(void *arg GH_UNUSED, struct db_unit *u, struct db_batch_row *const *rows, unsigned n)
{
	struct arena *a = db_unit_arena(u);
	struct number_row *answers = arena_alloc_array(a, n, sizeof(*answers));
	struct number_resolved *resolved = arena_alloc_array(a, n, sizeof(*resolved));
	struct number_key *wrong = arena_alloc_array(a, n, sizeof(*wrong));
	unsigned answer_count = 0, resolved_count = 0, wrong_count = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct note *note = note_of(rows[i]);

		if (note->is_wrong)
			wrong[wrong_count++] =
				(struct number_key){note->answer.provider_id, note->answer.phone};
		else if (note->answer.phone.n > 0)
			answers[answer_count++] = note->answer;
		if (note->answer.exists && note->answer.chat.n > 0)
			resolved[resolved_count++] =
				(struct number_resolved){note->message, note->answer.chat};
	}
	async_commit_add(u);
	if (answer_count > 0)
		number_keep_add(u, answers, answer_count);
	if (resolved_count > 0)
		number_resolve_add(u, resolved, resolved_count);
	if (wrong_count > 0) /* last: kept and proved wrong in one pass is wrong */
		number_forget_add(u, wrong, wrong_count);
}

static void
notes_settle(void *arg GH_UNUSED, struct db_batch_row *const *rows, unsigned n,
	     const struct db_unit *u GH_UNUSED)
{
	for (unsigned i = 0; i < n; i++)
		gh_free(note_of(rows[i]));
}

/* Nobody waits for it: who needs it asks again. */
static void
notes_fail(void *arg GH_UNUSED, struct db_batch_row *row, enum gh_code code GH_UNUSED,
	   const struct db_error *err GH_UNUSED)
{
	gh_free(note_of(row));
}

/* phone: absent where the answer is known already. */
static struct note *
note_new(int32_t provider_id, struct slice phone, const struct number_answer *answer,
	 struct uuid message)
{
	struct note *note = gh_alloc(sizeof(*note) + phone.n + answer->chat.n);

	if (phone.n > 0)
		memcpy(note->text, phone.p, phone.n);
	if (answer->chat.n > 0)
		memcpy(note->text + phone.n, answer->chat.p, answer->chat.n);
	note->answer.provider_id = provider_id;
	note->answer.phone = slice_make(note->text, phone.n);
	note->answer.exists = answer->exists;
	note->answer.chat =
		answer->chat.n > 0 ? slice_make(note->text + phone.n, answer->chat.n) : SLICE_NONE;
	note->message = message;
	return note;
}

/* Takes note. */
static void
note_add(struct numbers *n, struct note *note)
{
	if (db_batch_add(n->notes, &note->row) != GH_OK)
		gh_free(note);
}

void
numbers_keep(struct numbers *n, int32_t provider_id, struct slice phone,
	     const struct number_answer *answer, struct uuid message)
{
	struct slice host;

	note_add(n, note_new(provider_id, phone, answer, message));
	remember(n->lookup, provider_id, phone, answer, NUMBERS_TTL_US);
	if (answer->exists)
		remember(n->lookup, provider_id, slice_cut(answer->chat, '@', &host), answer,
			 NUMBERS_TTL_US);
}

void
numbers_resolved(struct numbers *n, struct uuid message, struct slice chat)
{
	const struct number_answer there = {.exists = true, .chat = chat};

	note_add(n, note_new(0, SLICE_NONE, &there, message));
}

static void
forget(struct numbers *n, int32_t provider_id, struct slice phone)
{
	static const struct number_answer none;
	char key[KEY_MAX];
	struct note *note;

	if (phone.n < PHONE_MIN || phone.n > PHONE_MAX)
		return; /* never kept */
	lookup_forget(n->lookup, key_make(provider_id, phone, key));
	note = note_new(provider_id, phone, &none, (struct uuid){{0}});
	note->is_wrong = true;
	note_add(n, note);
}

void
numbers_forget(struct numbers *n, int32_t provider_id, struct slice phone, struct slice chat)
{
	struct slice host;
	struct slice spelled = slice_cut(chat, '@', &host);

	forget(n, provider_id, phone);
	if (!slice_eq(spelled, phone))
		forget(n, provider_id, spelled);
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
	const struct db_batch_def notes = {
		.name = "numbers",
		.deadline_us = NUMBERS_KEEP_US,
		.gap_us = CADENCE_GAP_US,
		.build = notes_build,
		.settle = notes_settle,
		.fail = notes_fail,
	};

	n->lookup = lookup_new(sd->loop, sd->read, &def);
	n->notes = db_batch_new(sd->loop, sd->write, &notes);
	return n;
}

void
numbers_free(struct numbers *n)
{
	if (n == NULL)
		return;
	db_batch_free(n->notes);
	lookup_free(n->lookup);
	gh_free(n);
}
