/* providers.c - is each active provider there, does it take our key: the health that decides where
 * new instances go; and which engine it runs, on which depends what can be asked of it.
 *
 * Providers are probed in slices by id; a run ends when every finding is stored.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/provider_client.h"
#include "db/db.h"
#include "fan.h"
#include "healthd.h"
#include "metrics/metrics.h"
#include "model/provider_check.h"
#include "provider/provider.h"
#include "step.h"
#include "tasks.h"

#define PROBE_SLICE   256
#define PROBES_MAX    32 /* at a time */
#define PROBE_TIMEOUT (5 * CLOCK_SEC)

struct probe {
	struct providers *owner;
	const struct provider_probe *row;
	bool is_healthy;
};

struct providers {
	struct healthd *h;
	struct task *task;
	struct arena *mem; /* of the slice */
	struct provider_probe *rows;
	struct probe *probes;
	struct fan fan;
	bool has_failed; /* a finding was not stored */
};

static void providers_slice(struct providers *p, int32_t after_id);

static void
probe_stored(void *arg, enum gh_code code, const struct db_unit *u)
{
	const struct probe *pr = arg;

	if (code != GH_OK) {
		pr->owner->has_failed = true;
		log_warn("provider.check_unstored", LOG_INT("provider", pr->row->id),
			 LOG_STR("code", gh_code_name(code)),
			 LOG_STR("err", db_unit_error(u)->text));
	}
	fan_done(&pr->owner->fan);
}

static void
probe_log(const struct probe *pr, const struct provider_result *r, int64_t elapsed_us)
{
	if (pr->is_healthy == pr->row->was_healthy)
		return;
	if (pr->is_healthy)
		log_info("provider.healthy", LOG_INT("provider", pr->row->id),
			 LOG_INT("dur_ms", elapsed_us / CLOCK_MS));
	else
		log_error("provider.unhealthy", LOG_INT("provider", pr->row->id),
			  LOG_STR("code", r->code), LOG_STR("err", r->text));
}

/* What a person reads: the version, or what is wrong. */
static struct slice
probe_detail(struct arena *a, const struct provider_result *r)
{
	if (r->outcome != PROVIDER_OK)
		return slice_of(r->text[0] == '\0' ? r->code
						   : arena_printf(a, "%s: %s", r->code, r->text));
	if (r->version.n == 0)
		return SLICE_NONE;
	return slice_of(arena_printf(a, "%.*s %.*s", S_FMT(r->version), S_FMT(r->engine)));
}

static void
probe_answered(void *arg, const struct provider_result *r, int64_t elapsed_us)
{
	struct probe *pr = arg;
	struct providers *p = pr->owner;
	struct db_unit *u = db_unit_new();
	struct provider_check check = {.provider_id = pr->row->id};
	enum gh_code rc;

	pr->is_healthy = r->outcome == PROVIDER_OK;
	check.is_healthy = pr->is_healthy;
	check.latency_ms = (int32_t)(elapsed_us / CLOCK_MS);
	check.detail = probe_detail(db_unit_arena(u), r);
	if (pr->is_healthy && r->engine.n > 0)
		check.engine = arena_dup(db_unit_arena(u), r->engine);
	metrics_add(p->h->metrics, M_PROVIDER_CHECKS,
		    pr->is_healthy ? CHECK_HEALTHY : CHECK_UNHEALTHY, 0, 1);
	probe_log(pr, r, elapsed_us);
	provider_check_add(u, &check);
	rc = db_submit(p->h->db, u, probe_stored, pr);
	if (rc != GH_OK) {
		p->has_failed = true;
		fan_done(&p->fan);
	}
}

static void
probe_start(void *arg, unsigned i)
{
	struct providers *p = arg;
	struct probe *pr = &p->probes[i];
	const struct provider_call call = {.op = PROVIDER_OP_SERVER_VERSION};

	pr->owner = p;
	pr->row = &p->rows[i];
	provider_client_call(p->h->client,
			     &(struct provider_address){
				     .type = pr->row->type,
				     .base_url = pr->row->base_url,
				     .api_key_sealed = pr->row->api_key_sealed,
			     },
			     &call, PROBE_TIMEOUT, probe_answered, pr);
}

static void
probes_ended(void *arg)
{
	struct providers *p = arg;

	if (p->fan.count == PROBE_SLICE && !task_should_end(p->task))
		providers_slice(p, p->rows[PROBE_SLICE - 1].id);
	else
		task_done(p->task, !p->has_failed);
}

static void
providers_listed(void *arg, struct task *t GH_UNUSED, const struct db_unit *u)
{
	struct providers *p = arg;

	arena_reset(p->mem);
	p->fan = (struct fan){
		.count = provider_probe_rows(u, 0, p->mem, &p->rows),
		.limit = PROBES_MAX,
		.start = probe_start,
		.end = probes_ended,
		.arg = p,
	};
	p->probes = arena_alloc_array(p->mem, p->fan.count, sizeof(*p->probes));
	fan_run(&p->fan);
}

static void
providers_slice(struct providers *p, int32_t after_id)
{
	struct db_unit *u = db_unit_new();

	provider_probe_list_add(u, after_id, PROBE_SLICE);
	step_submit(p->h, p->task, u, providers_listed, p);
}

void
providers_run(void *arg, struct task *t)
{
	struct providers *p = arg;

	p->task = t;
	p->has_failed = false;
	providers_slice(p, 0);
}

struct providers *
providers_new(struct healthd *h)
{
	struct providers *p = gh_alloc(sizeof(*p));

	p->h = h;
	p->mem = arena_new(0);
	return p;
}

void
providers_free(struct providers *p)
{
	if (p == NULL)
		return;
	arena_free(p->mem);
	gh_free(p);
}
