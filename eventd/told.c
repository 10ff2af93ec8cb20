#include "told.h"

#include <stdlib.h>

#include "base/arena.h"
#include "model/inbound.h"

struct told {
	struct arena *a;
	struct delivery_claim *rows; /* by event_id */
	unsigned count, max;
	unsigned stmts[TOLD_STMTS_MAX];
	unsigned stmt_count;
};

struct told *
told_new(struct arena *a, unsigned max)
{
	struct told *t = arena_alloc(a, sizeof(*t));

	t->a = a;
	t->rows = arena_alloc_array(a, max, sizeof(*t->rows));
	t->max = max;
	return t;
}

struct uuid
told_add(struct told *t, const struct inbound_body *body, struct delivery_claim c)
{
	if (t->count == t->max)
		gh_panic("told: more than %u events", t->max);
	c.event_id = uuid7_new();
	c.attempt = 1;
	c.company_id = body->company_id;
	c.instance_id = body->instance_id;
	t->rows[t->count++] = c;
	return c.event_id;
}

unsigned
told_rows(const struct told *t, const struct delivery_claim **rows)
{
	*rows = t->rows;
	return t->count;
}

void
told_note(struct told *t, const struct db_unit *u)
{
	if (t->stmt_count == TOLD_STMTS_MAX)
		gh_panic("told: more than %d statements", TOLD_STMTS_MAX);
	t->stmts[t->stmt_count++] = db_unit_count(u) - 1;
}

static int
told_compare(const void *a, const void *b)
{
	const struct delivery_claim *x = a, *y = b;

	return uuid_cmp(x->event_id, y->event_id);
}

static const struct delivery_claim *
told_find(const struct told *t, struct uuid event_id)
{
	const struct delivery_claim wanted = {.event_id = event_id};
	const struct delivery_claim *c =
		bsearch(&wanted, t->rows, t->count, sizeof(*t->rows), told_compare);

	if (c == NULL)
		gh_panic("told: an event was made that nobody told");
	return c;
}

unsigned
told_taken(const struct told *t, const struct db_unit *u, struct delivery_claim **rows)
{
	struct delivery_taken *taken[TOLD_STMTS_MAX];
	unsigned counts[TOLD_STMTS_MAX], all = 0, n = 0;

	for (unsigned i = 0; i < t->stmt_count; i++) {
		counts[i] = delivery_taken_rows(u, t->stmts[i], t->a, &taken[i]);
		all += counts[i];
	}
	*rows = arena_alloc_array(t->a, all, sizeof(**rows));
	for (unsigned i = 0; i < t->stmt_count; i++) {
		for (unsigned k = 0; k < counts[i]; k++) {
			struct delivery_claim *c = &(*rows)[n++];

			*c = *told_find(t, taken[i][k].event_id);
			c->endpoint_id = taken[i][k].endpoint_id;
		}
	}
	return n;
}
