#include "model/lookup.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "loop/loop.h"

enum entry_state { ENTRY_WANTED, ENTRY_LOADING, ENTRY_FOUND, ENTRY_ABSENT };

struct entry {
	struct list node; /* in lookup.wanted while WANTED */
	struct list waits;
	enum entry_state state;
	int64_t fresh_until_us;
	bool is_forgotten; /* while its load was under way: the answer may be older */
	void *value;
	size_t key_n;
	char key[];
};

struct lookup_wait {
	struct list node;
	lookup_fn *fn;
	void *arg;
};

struct lookup {
	struct loop *loop;
	struct db *db;
	struct lookup_def def;
	struct map *entries;
	struct list wanted;
	struct loop_task *task;
	struct list loads; /* running ones, so that free can orphan them */
};

/* One unit under way: the entries it will answer, by key (an entry may be gone by then). */
struct load {
	struct list node;
	struct lookup *l; /* NULL after lookup_free */
	unsigned count;
	struct slice keys[LOOKUP_KEYS_MAX];
};

static void
entry_drop_value(struct lookup *l, struct entry *e)
{
	if (e->value != NULL)
		loop_defer_free(l->loop, e->value, l->def.free_value);
	e->value = NULL;
}

static void
entry_free(struct lookup *l, struct entry *e)
{
	struct list *n;

	entry_drop_value(l, e);
	list_del(&e->node);
	for (n = list_pop(&e->waits); n != NULL; n = list_pop(&e->waits))
		gh_free(LIST_ENTRY(n, struct lookup_wait, node));
	gh_free(e);
}

static void
entry_want(struct lookup *l, struct entry *e)
{
	e->state = ENTRY_WANTED;
	list_del(&e->node);
	list_add_tail(&l->wanted, &e->node);
	loop_task_mark(l->task);
}

static void lookup_clear(struct lookup *l);

static struct entry *
entry_new(struct lookup *l, struct slice key)
{
	struct entry *e = gh_alloc(sizeof(*e) + key.n);

	if (map_count(l->entries) >= l->def.entries_max)
		lookup_clear(l);
	list_init(&e->node);
	list_init(&e->waits);
	e->key_n = key.n;
	memcpy(e->key, key.p, key.n);
	map_put(l->entries, key, e);
	return e;
}

static void
entry_answer(struct entry *e, enum gh_code code)
{
	struct list waits;
	struct list *n;

	/* A waiter may ask again from its callback: that one belongs to the next load. */
	list_init(&waits);
	list_splice_tail(&waits, &e->waits);
	for (n = list_pop(&waits); n != NULL; n = list_pop(&waits)) {
		struct lookup_wait *w = LIST_ENTRY(n, struct lookup_wait, node);
		lookup_fn *fn = w->fn;
		void *arg = w->arg;

		gh_free(w);
		fn(arg, code, e->value);
	}
}

static void
load_free(struct load *ld)
{
	for (unsigned i = 0; i < ld->count; i++)
		gh_free((void *)(uintptr_t)ld->keys[i].p);
	list_del(&ld->node);
	gh_free(ld);
}

static void
load_done(void *arg, enum gh_code code, const struct db_unit *u)
{
	struct load *ld = arg;
	struct lookup *l = ld->l;
	int64_t now_us = clock_mono_us();

	if (l != NULL && code == GH_OK)
		l->def.read(l, u, l->def.arg);
	for (unsigned i = 0; ld->l != NULL && i < ld->count; i++) {
		struct entry *e = map_get(l->entries, ld->keys[i]);

		if (e == NULL)
			continue;
		if (e->state == ENTRY_LOADING && code == GH_OK) {
			e->state = ENTRY_ABSENT;
			e->fresh_until_us = e->is_forgotten ? 0 : now_us + l->def.negative_ttl_us;
		} else if (e->state == ENTRY_LOADING) {
			e->state = ENTRY_ABSENT;
			e->fresh_until_us = now_us; /* stale at once: the next caller loads again */
			entry_answer(e, GH_ETEMP);
			continue;
		}
		entry_answer(e, e->state == ENTRY_FOUND ? GH_OK : GH_ENOTFOUND);
	}
	load_free(ld);
}

static struct load *
load_take_wanted(struct lookup *l)
{
	struct load *ld = gh_alloc(sizeof(*ld));

	list_init(&ld->node);
	ld->l = l;
	while (ld->count < LOOKUP_KEYS_MAX && !list_is_empty(&l->wanted)) {
		struct entry *e = LIST_ENTRY(list_pop(&l->wanted), struct entry, node);

		e->state = ENTRY_LOADING;
		e->is_forgotten = false;
		ld->keys[ld->count++] = slice_make(gh_strndup(e->key, e->key_n), e->key_n);
	}
	list_add_tail(&l->loads, &ld->node);
	return ld;
}

static void
lookup_drain(void *arg)
{
	struct lookup *l = arg;

	while (!list_is_empty(&l->wanted)) {
		struct load *ld = load_take_wanted(l);
		struct db_unit *u = db_unit_new();
		enum gh_code rc;

		l->def.add(u, ld->keys, ld->count, l->def.arg);
		rc = db_submit(l->db, u, load_done, ld);
		if (rc != GH_OK)
			load_done(ld, rc, NULL);
	}
}

struct lookup *
lookup_new(struct loop *loop, struct db *db, const struct lookup_def *def)
{
	struct lookup *l = gh_alloc(sizeof(*l));

	l->loop = loop;
	l->db = db;
	l->def = *def;
	l->entries = map_new();
	list_init(&l->wanted);
	list_init(&l->loads);
	l->task = loop_task_new(loop, LOOP_PHASE_COMMIT, lookup_drain, l);
	return l;
}

static void
lookup_clear(struct lookup *l)
{
	struct slice key;
	void *value;

	for (size_t it = 0; map_next(l->entries, &it, &key, &value);) {
		struct entry *e = value;

		/* Somebody waits for these: their load must find them again. */
		if (e->state == ENTRY_WANTED || e->state == ENTRY_LOADING)
			continue;
		map_del(l->entries, key);
		entry_free(l, e);
	}
}

void
lookup_free(struct lookup *l)
{
	struct slice key;
	void *value;

	if (l == NULL)
		return;
	LIST_FOREACH(n, &l->loads)
	LIST_ENTRY(n, struct load, node)->l = NULL;
	while (list_pop(&l->loads) != NULL)
		;
	for (size_t it = 0; map_next(l->entries, &it, &key, &value);)
		entry_free(l, value);
	map_free(l->entries);
	loop_task_free(l->task);
	gh_free(l);
}

enum gh_code
lookup_get(struct lookup *l, struct slice key, const void **value, lookup_fn *fn, void *arg)
{
	struct entry *e = map_get(l->entries, key);
	struct lookup_wait *w;

	if (e != NULL && (e->state == ENTRY_FOUND || e->state == ENTRY_ABSENT)) {
		if (clock_mono_us() < e->fresh_until_us) {
			*value = e->value;
			return e->state == ENTRY_FOUND ? GH_OK : GH_ENOTFOUND;
		}
		entry_want(l, e);
	}
	if (e == NULL) {
		e = entry_new(l, key);
		entry_want(l, e);
	}
	w = gh_alloc(sizeof(*w));
	w->fn = fn;
	w->arg = arg;
	list_add_tail(&e->waits, &w->node);
	return GH_EAGAIN;
}

void
lookup_put(struct lookup *l, struct slice key, void *value, int64_t life_us)
{
	struct entry *e = map_get(l->entries, key);
	bool is_stale;

	if (e == NULL)
		e = entry_new(l, key);
	if (!list_is_empty(&e->node)) {
		loop_defer_free(l->loop, value, l->def.free_value);
		return;
	}
	is_stale = e->state == ENTRY_LOADING && e->is_forgotten;
	if (life_us > l->def.ttl_us)
		life_us = l->def.ttl_us;
	entry_drop_value(l, e);
	e->value = value;
	e->state = ENTRY_FOUND;
	e->fresh_until_us = is_stale ? 0 : clock_mono_us() + life_us;
}

void
lookup_found(struct lookup *l, struct slice key, void *value)
{
	lookup_put(l, key, value, l->def.ttl_us);
}

static void
entry_forget(struct entry *e)
{
	if (e->state == ENTRY_FOUND || e->state == ENTRY_ABSENT)
		e->fresh_until_us = 0;
	else
		e->is_forgotten = true;
}

void
lookup_forget(struct lookup *l, struct slice key)
{
	struct entry *e = map_get(l->entries, key);

	if (e != NULL)
		entry_forget(e);
}

void
lookup_forget_all(struct lookup *l)
{
	struct slice key;
	void *value;

	for (size_t it = 0; map_next(l->entries, &it, &key, &value);)
		entry_forget(value);
}

struct slice
lookup_id_key(int64_t id, char buf[8])
{
	memcpy(buf, &id, sizeof(id));
	return slice_make(buf, sizeof(id));
}

int64_t
lookup_key_id(struct slice key)
{
	int64_t id;

	if (key.n != sizeof(id))
		gh_panic("lookup_key_id: a key of %zu bytes", key.n);
	memcpy(&id, key.p, sizeof(id));
	return id;
}
