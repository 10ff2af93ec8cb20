/* envelope.c - claimed rows into as few envelopes as their routing keys allow. */
#include <stdlib.h>

#include "base/arena.h"
#include "outboxd.h"

static int
compare_i32(int32_t a, int32_t b)
{
	return (a > b) - (a < b);
}

/* High class first; rows of one routing key and then of one target stand together. */
static int
row_compare(const void *a, const void *b)
{
	const struct outbox_row *x = *(const struct outbox_row *const *)a;
	const struct outbox_row *y = *(const struct outbox_row *const *)b;
	int order = compare_i32((int32_t)x->cls, (int32_t)y->cls);

	if (order == 0)
		order = compare_i32(x->company_id, y->company_id);
	if (order == 0)
		order = compare_i32((int32_t)x->kind, (int32_t)y->kind);
	return order != 0 ? order : compare_i32(x->target_id, y->target_id);
}

static bool
envelope_takes(const struct envelope *e, const struct outbox_row *r)
{
	const struct mq_envelope *b = &e->body;

	if (b->kind != r->kind || b->class != r->cls || b->company_id != r->company_id)
		return false;
	return b->target_count < MQ_TARGET_MAX || b->target_id[MQ_TARGET_MAX - 1] == r->target_id;
}

static void
envelope_add(struct envelope *e, const struct outbox_row *r)
{
	struct mq_envelope *b = &e->body;

	if (b->target_count == 0 || b->target_id[b->target_count - 1] != r->target_id)
		b->target_id[b->target_count++] = r->target_id;
	if (e->traceparent.p == NULL)
		e->traceparent = r->traceparent;
	e->row_count++;
}

unsigned
envelopes_make(struct arena *a, struct claim *claim, struct outbox_row *rows, unsigned count,
	       struct envelope **out)
{
	const struct outbox_row **sorted = arena_alloc_array(a, count, sizeof(*sorted));
	struct envelope *list = arena_alloc_array(a, count, sizeof(*list));
	unsigned made = 0;

	for (unsigned i = 0; i < count; i++)
		sorted[i] = &rows[i];
	qsort(sorted, count, sizeof(*sorted), row_compare);
	for (unsigned i = 0; i < count; i++) {
		const struct outbox_row *r = sorted[i];

		if (made == 0 || !envelope_takes(&list[made - 1], r)) {
			struct envelope *e = &list[made++];

			e->claim = claim;
			e->body.kind = r->kind;
			e->body.class = r->cls;
			e->body.company_id = r->company_id;
			e->rows = &sorted[i];
		}
		envelope_add(&list[made - 1], r);
	}
	*out = list;
	return made;
}
