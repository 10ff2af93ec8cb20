#include "people.h"

#include <stdlib.h>

#include "base/arena.h"
#include "http/json.h"

#define FACTS_MAX 8192

struct people {
	struct arena *a;
	struct contact_alias *keys;
	unsigned key_count;
	const struct contact_alias **known; /* sorted */
	unsigned known_count;
	struct contact_alias_new *learned;
	unsigned learned_count;
};

struct people *
people_new(struct arena *a, unsigned fact_max)
{
	struct people *p = arena_alloc(a, sizeof(*p));

	p->a = a;
	p->keys = arena_alloc_array(a, fact_max, sizeof(*p->keys));
	p->learned = arena_alloc_array(a, fact_max, sizeof(*p->learned));
	return p;
}

/* Receipts are the most and name nobody that a message did not name. */
static bool
fact_names_person(const struct provider_fact *f)
{
	return f->lid.n > 0 && f->kind != PROVIDER_FACT_STATUS && f->kind != PROVIDER_FACT_OTHER;
}

void
people_note(struct people *p, const struct inbound_body *body, const struct provider_fact *f)
{
	if (!fact_names_person(f))
		return;
	p->keys[p->key_count].instance_id = body->instance_id;
	p->keys[p->key_count++].lid = f->lid;
}

unsigned
people_keys(const struct people *p, const struct contact_alias **keys)
{
	*keys = p->keys;
	return p->key_count;
}

static int
alias_compare(const void *a, const void *b)
{
	const struct contact_alias *x = *(const struct contact_alias *const *)a;
	const struct contact_alias *y = *(const struct contact_alias *const *)b;

	if (x->instance_id != y->instance_id)
		return x->instance_id < y->instance_id ? -1 : 1;
	return slice_cmp(x->lid, y->lid);
}

void
people_set_known(struct people *p, const struct contact_alias *rows, unsigned count)
{
	p->known = arena_alloc_array(p->a, count, sizeof(*p->known));
	p->known_count = count;
	for (unsigned i = 0; i < count; i++)
		p->known[i] = &rows[i];
	qsort(p->known, count, sizeof(*p->known), alias_compare);
}

static struct slice
merged_facts(struct arena *a, const struct inbound_body *body, struct slice own_number,
	     const struct provider_fact *f)
{
	struct json_w w;
	struct buf b;

	buf_init(&b, a, body->body.n * 6 + FACTS_MAX);
	json_w_init(&w, &b);
	json_w_open(&w, NULL, '{');
	json_w_str(&w, "lid", f->lid);
	json_w_str(&w, "phone", f->phone);
	json_w_str(&w, "chat", slice_of(arena_printf(a, "%.*s@c.us", S_FMT(f->phone))));
	json_w_str(&w, "push_name", f->push_name);
	json_w_str(&w, "instance_name", body->instance_name);
	json_w_str(&w, "session", body->session);
	json_w_str(&w, "own_number", own_number);
	json_w_close(&w, '}');
	if (b.over)
		gh_panic("merged_facts: over %zu bytes", b.max);
	return buf_slice(&b);
}

void
people_fold(struct people *p, const struct inbound_body *body, struct slice own_number,
	    struct provider_fact *f)
{
	const struct contact_alias wanted = {.instance_id = body->instance_id, .lid = f->lid};
	const struct contact_alias *key = &wanted, *const * found;
	struct contact_alias_new *n;

	if (!fact_names_person(f))
		return;
	found = p->known_count == 0
			? NULL
			: bsearch(&key, p->known, p->known_count, sizeof(*p->known), alias_compare);
	if (f->phone.n == 0 && found != NULL)
		f->phone = (*found)->phone;
	if (found != NULL && slice_eq((*found)->phone, f->phone) && !(*found)->was_long_ago)
		return;
	n = &p->learned[p->learned_count++];
	n->body_id = body->id;
	n->lid = f->lid;
	n->phone = f->phone.n > 0 ? f->phone : SLICE_NONE;
	n->at_us = f->at_us;
	n->event_id = uuid7_new();
	n->facts = merged_facts(p->a, body, own_number, f);
}

void
people_add(const struct people *p, struct db_unit *u)
{
	if (p->learned_count > 0)
		contact_alias_learn_add(u, p->learned, p->learned_count);
}
