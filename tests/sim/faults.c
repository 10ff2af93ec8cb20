/* faults.c - which misbehaviour is switched on, for whom, how often, until when. */
#include "sim.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "http/json.h"

#define FAULTS_MAX       64
#define FAULT_SCOPE_SIZE 128
#define DICE             1000000

struct fault {
	char scope[FAULT_SCOPE_SIZE];
	enum fault_kind kind;
	int64_t value; /* < 0: none given */
	double rate;
	int64_t until_us; /* monotonic; 0: no end */
};

struct faults {
	struct fault v[FAULTS_MAX];
	size_t count;
};

static const char *const kind_names[FAULT_KIND_COUNT] = {
	[FAULT_LATENCY] = "latency",
	[FAULT_STATUS] = "status",
	[FAULT_HANG] = "hang",
	[FAULT_RESET_BEFORE] = "reset_before",
	[FAULT_RESET_AFTER] = "reset_after",
	[FAULT_SLOW_BODY] = "slow_body",
	[FAULT_GARBAGE] = "garbage",
	[FAULT_DUPLICATE_WEBHOOKS] = "duplicate_webhooks",
	[FAULT_REORDER_WEBHOOKS] = "reorder_webhooks",
	[FAULT_DISCONNECTED] = "disconnected",
};

struct faults *
faults_new(void)
{
	return gh_alloc(sizeof(struct faults));
}

void
faults_clear(struct faults *f)
{
	f->count = 0;
}

/* Index of a fault that is set and not over, or -1. Forgets those that are over. */
static long
find(struct faults *f, struct slice scope, enum fault_kind kind)
{
	int64_t now_us = f->count > 0 ? clock_mono_us() : 0;

	for (size_t i = 0; i < f->count;) {
		struct fault *v = &f->v[i];

		if (v->until_us != 0 && v->until_us <= now_us) {
			*v = f->v[--f->count];
			continue;
		}
		if (v->kind == kind && slice_eq(slice_of(v->scope), scope))
			return (long)i;
		i++;
	}
	return -1;
}

enum gh_code
faults_set(struct faults *f, struct slice scope, struct slice kind, int64_t value, double rate,
	   int64_t for_ms)
{
	struct fault v = {.value = value, .rate = rate};
	long at;
	size_t k = 0;

	while (k < FAULT_KIND_COUNT && !slice_eq(kind, slice_of(kind_names[k])))
		k++;
	if (k == FAULT_KIND_COUNT || slice_to_cstr(scope, v.scope, sizeof(v.scope)) != GH_OK)
		return GH_EINVAL;
	v.kind = (enum fault_kind)k;
	v.until_us = for_ms > 0 ? clock_mono_us() + for_ms * CLOCK_MS : 0;
	at = find(f, scope, v.kind);
	if (at >= 0)
		f->v[at] = f->v[--f->count];
	if (!(rate > 0))
		return GH_OK;
	if (f->count == FAULTS_MAX)
		return GH_ELIMIT;
	f->v[f->count++] = v;
	return GH_OK;
}

bool
faults_strike(struct faults *f, struct slice scope, enum fault_kind kind, int64_t dflt,
	      int64_t *value)
{
	long at = find(f, scope, kind);

	if (at < 0 || (double)random_below(DICE) >= f->v[at].rate * DICE)
		return false;
	if (value != NULL)
		*value = f->v[at].value >= 0 ? f->v[at].value : dflt;
	return true;
}

void
faults_write(const struct faults *f, struct json_w *w)
{
	for (size_t i = 0; i < f->count; i++) {
		json_w_open(w, NULL, '{');
		json_w_str(w, "scope", slice_of(f->v[i].scope));
		json_w_str(w, "kind", slice_of(kind_names[f->v[i].kind]));
		json_w_i64(w, "value", f->v[i].value);
		json_w_double(w, "rate", f->v[i].rate);
		json_w_close(w, '}');
	}
}
